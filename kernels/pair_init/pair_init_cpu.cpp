#include <algorithm>
#include <vector>

#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#include "kernels/common/widen.h"
#include "kernels/pair_init/pair_init.h"

namespace heartbeat::kernels {
namespace {

using blas::gemm;
using blas::Op;

constexpr long kParallelPairs = 2000;   // below it one core is faster than waking the others
constexpr long kResiduesPerChunk = 32;  // whose share of the weight gradients is summed before it meets the others

const PairMap& map_of_residue(const PairBatch& batch, long r) {
  const auto begins_after = [](long r, const PairMap& map) { return r < map.first_residue; };
  return *(std::upper_bound(batch.maps, batch.maps + batch.map_count, r, begins_after) - 1);
}

// sum[c] += the column sums of rows [n, C].
template <class T>
void add_columns(const T* rows, long n, long C, T* sum) {
  for (long k = 0; k < n; ++k)
#pragma omp simd
    for (long c = 0; c < C; ++c) sum[c] += rows[k * C + c];
}

}  // namespace

// For a fixed i the pair is linear in h_j, with the matrix V_i = W_r + W_m diag(h_i): one product makes the packed row
// of residue i, and neither h_i * h_j nor a concatenation is ever built.
template <class T>
void pair_init(Cpu, PairBatch batch, Matrix<const T> h, PairInitWeights<const Acc<T>> w, Matrix<T> z) {
  using Sum = Acc<T>;
  const long C = z.cols, d = h.cols;
  const Widened<T> states(h.data, h.numel());
#pragma omp parallel if (batch.pairs > kParallelPairs)
  {
    std::vector<Sum> V(C * d), left(C);
#pragma omp for schedule(dynamic, 4)
    for (long r = 0; r < batch.residues; ++r) {
      const PairMap& map = map_of_residue(batch, r);
      const long i = r - map.first_residue, n = map.length - i;
      const Sum* h_i = states.data() + r * d;
      Rounded<T> pairs(z.row(map.row(i, i)), n * C, false);
      Sum* z_i = pairs.data();

      std::copy_n(w.b.data, C, left.data());
      gemm<Sum>(Op::none, Op::transpose, 1, C, d, 1, h_i, d, w.W_l.data, d, 1, left.data(), C);
      for (long k = 0; k < n; ++k) {
        const Sum* e = w.E.row(map.bucket(i, i + k));
#pragma omp simd
        for (long c = 0; c < C; ++c) z_i[k * C + c] = left[c] + e[c];
      }
      for (long c = 0; c < C; ++c)
#pragma omp simd
        for (long k = 0; k < d; ++k) V[c * d + k] = w.W_r.row(c)[k] + w.W_m.row(c)[k] * h_i[k];
      gemm<Sum>(Op::none, Op::transpose, n, C, d, 1, h_i, d, V.data(), d, 1, z_i, C);
      pairs.store();
    }
  }
}

// For each residue r, D_r = sum over j >= r of dz_rj h_j^T + sum over k <= r of dz_kr h_k^T  [C, d] is what both dh_r
// and dW_m need: column k of W_m meets column k of D_r in dh_r, and each pair enters sum_r D_r diag(h_r) from both of
// its ends, which is twice dW_m.
template <class T>
void pair_init_backward(Cpu, PairBatch batch, Matrix<const T> dz, Matrix<const T> h, PairInitWeights<const Acc<T>> w,
                        Matrix<T> dh, PairInitWeights<Acc<T>> dw) {
  using Sum = Acc<T>;
  const long C = dz.cols, d = h.cols, residues = batch.residues;
  const Widened<T> states(h.data, h.numel());
  std::vector<Sum> as_left(residues * C),
      as_right(residues * C);                 // sums of dz over the row and the column of a residue
  std::vector<Sum> sums((d + kBuckets) * C);  // dW_m [C, d], then dE [64, C]

  sum_chunks<Sum>(
      residues, kResiduesPerChunk, long(sums.size()), sums.data(), [&](long first, long last, Sum* partial) {
        std::vector<Sum> column, D(C * d);
        for (long r = first; r < last; ++r) {
          const PairMap& map = map_of_residue(batch, r);
          const long i = r - map.first_residue, n = map.length - i;
          const Widened<T> arriving(dz.row(map.row(i, i)), n * C);
          const Sum* row = arriving.data();
          column.resize((i + 1) * C);
          for (long k = 0; k <= i; ++k) widen(dz.row(map.row(k, i)), C, &column[k * C]);
          Sum *left = &as_left[r * C], *right = &as_right[r * C];
          add_columns(row, n, C, left);
          add_columns(column.data(), i + 1, C, right);

          if (dw.E.data)
            for (long k = 0; k < n; ++k) {
              Sum* e = partial + C * d + map.bucket(i, i + k) * C;
#pragma omp simd
              for (long c = 0; c < C; ++c) e[c] += row[k * C + c];
            }
          if (!dh.data && !dw.W_m.data) continue;
          gemm<Sum>(Op::transpose, Op::none, C, d, n, 1, row, C, states.data() + r * d, d, 0, D.data(), d);
          gemm<Sum>(Op::transpose, Op::none, C, d, i + 1, 1, column.data(), C, states.data() + map.first_residue * d, d,
                    1, D.data(), d);
          const Sum* h_r = states.data() + r * d;
          if (dw.W_m.data)
            for (long c = 0; c < C; ++c)
#pragma omp simd
              for (long k = 0; k < d; ++k) partial[c * d + k] += Sum(0.5) * D[c * d + k] * h_r[k];
          if (dh.data) {
            Rounded<T> sum(dh.row(r), d, true);
            Sum* to = sum.data();
            for (long c = 0; c < C; ++c)
#pragma omp simd
              for (long k = 0; k < d; ++k)
                to[k] += w.W_m.row(c)[k] * D[c * d + k] + left[c] * w.W_l.row(c)[k] + right[c] * w.W_r.row(c)[k];
            sum.store();
          }
        }
      });

  const auto add = [](const Sum* from, Matrix<Sum> to) {
    for (long k = 0; k < to.numel(); ++k) to.data[k] += from[k];
  };
  if (dw.W_m.data) add(sums.data(), dw.W_m);
  if (dw.E.data) add(sums.data() + C * d, dw.E);
  if (dw.W_l.data)
    gemm<Sum>(Op::transpose, Op::none, C, d, residues, 1, as_left.data(), C, states.data(), d, 1, dw.W_l.data, d);
  if (dw.W_r.data)
    gemm<Sum>(Op::transpose, Op::none, C, d, residues, 1, as_right.data(), C, states.data(), d, 1, dw.W_r.data, d);
  if (dw.b.data) add_columns(as_left.data(), residues, C, dw.b.data);
}

#define INSTANTIATE(T)                                                                                              \
  template void pair_init(Cpu, PairBatch, Matrix<const T>, PairInitWeights<const Acc<T>>, Matrix<T>);               \
  template void pair_init_backward(Cpu, PairBatch, Matrix<const T>, Matrix<const T>, PairInitWeights<const Acc<T>>, \
                                   Matrix<T>, PairInitWeights<Acc<T>>);
INSTANTIATE(bf16)
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
