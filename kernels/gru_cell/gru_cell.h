// Gated recurrent unit, PyTorch's GRUCell: a state h meets a message m; both of storage type T (bf16, f32, f64).
//
//   r = sigmoid(W_ir m + b_ir + W_hr h + b_hr)      M [n, k], H [n, d]; Y [n, d] = h', overwritten
//   z = sigmoid(W_iz m + b_iz + W_hz h + b_hz)      W_ih [3d, k], W_hh [3d, d], b_ih and b_hh [3d]:
//   u = W_hn h + b_hn                                 row blocks of d in the order r, z, n
//   n = tanh(W_in m + b_in + r u)                   gates [n, 4d] = r z n u of each row, overwritten;
//   h' = (1 - z) n + z h                              the adjoint reads them
//
// Adjoint, with dn = (1 - z) dh' (1 - n^2): the sums before r, z, n and u receive dr r (1 - r), dz z (1 - z), dn and
// r dn, where dr = u dn and dz = (h - n) dh'; the weights transposed carry them to M and H, and dH gets z dh' besides.
// Sums run in fixed chunks of rows: results repeat to the bit for any number of threads.
#pragma once

#include "kernels/common/base.h"

namespace heartbeat::kernels {

template <class T>
struct GruWeights {
  Matrix<T> W_ih, W_hh, b_ih, b_hh;
};

// What the adjoint adds into. A part without data is not computed.
template <class T>
struct GruGradients {
  Matrix<T> dm, dh;
  GruWeights<Acc<T>> dW;
};

template <class T>
void gru_cell(Cpu, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h, Matrix<Acc<T>> gates,
              Matrix<T> y);
template <class T>
void gru_cell_adjoint_accumulate(Cpu, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h,
                                 Matrix<const Acc<T>> gates, Matrix<const T> dy, const GruGradients<T>& to);

// On a GPU: queued on the stream; every pointer is to device memory.
template <class T>
void gru_cell(Cuda cuda, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h, Matrix<Acc<T>> gates,
              Matrix<T> y);
template <class T>
void gru_cell_adjoint_accumulate(Cuda cuda, const GruWeights<const Acc<T>>& W, Matrix<const T> m, Matrix<const T> h,
                                 Matrix<const Acc<T>> gates, Matrix<const T> dy, const GruGradients<T>& to);

}  // namespace heartbeat::kernels
