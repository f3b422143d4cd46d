#include "kernels/clip_norm/clip_norm.h"

#include <cmath>

namespace heartbeat::kernels {

template <class T>
NormClip clip_norm(Cpu, const ChunkTable& table, std::span<const T* const> gradients, double max_norm) {
  std::vector<double> squares(table.chunks.size());
#pragma omp parallel for schedule(static) if (table.is_large())
  for (size_t k = 0; k < table.chunks.size(); ++k) {
    const Chunk& chunk = table.chunks[k];
    if (!gradients[chunk.tensor]) continue;
    const T* g = gradients[chunk.tensor] + chunk.first;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (long i = 0; i < chunk.count; ++i) sum += double(g[i]) * double(g[i]);
    squares[k] = sum;
  }
  double sum = 0;
  for (double s : squares) sum += s;
  const double norm = std::sqrt(sum);
  const bool clips = max_norm > 0 && std::isfinite(norm) && norm > max_norm;
  return {norm, clips ? max_norm / norm : 1};
}

template NormClip clip_norm(Cpu, const ChunkTable&, std::span<const float* const>, double);
template NormClip clip_norm(Cpu, const ChunkTable&, std::span<const double* const>, double);

}  // namespace heartbeat::kernels
