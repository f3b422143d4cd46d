// NVIDIA's own libraries as peers, in the same process and on the same buffers. Without a GPU there are none: lists are
// empty and calls do nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bench/support/bench.h"
#include "graph/graph.h"

namespace heartbeat::bench::nvidia {

#if HEARTBEAT_CUDA && !HEARTBEAT_SIMT

// Y = A X by cuSPARSE, with every algorithm for CSR and the one for COO. Descriptors, workspace and preprocessing are
// made here and are not in the time of run(); X and Y row-major [nodes, channels] in device memory.
class Spmm {
 public:
  Spmm(const Graph& graph, const float* x, float* y, long channels);
  ~Spmm();
  std::vector<Peer> algorithms() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

// `bins` equal bins by CUB, which does less than ours: no logarithm, no statistics, one call for each tensor of n.
class Histogram {
 public:
  Histogram(const std::vector<const float*>& tensors, long n, int bins);
  ~Histogram();
  std::vector<Peer> peers() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

std::string cublas_name();
// C [m, n] = op(A) B in f32, without TF32; A is [m, k], or [k, m] where it is transposed.
void sgemm(bool transposed, long m, long n, long k, const Array<float>& a, const Array<float>& b,
           const Array<float>& c);

#else

struct Spmm {
  Spmm(const Graph&, const float*, float*, long) {}
  std::vector<Peer> algorithms() const { return {}; }
};
struct Histogram {
  Histogram(const std::vector<const float*>&, long, int) {}
  std::vector<Peer> peers() const { return {}; }
};
inline std::string cublas_name() {
  return "";
}
inline void sgemm(bool, long, long, long, const Array<float>&, const Array<float>&, const Array<float>&) {}

#endif

}  // namespace heartbeat::bench::nvidia
