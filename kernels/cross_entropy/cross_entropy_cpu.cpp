#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/cross_entropy/cross_entropy.h"
#include "kernels/log_softmax/shifted_sum.h"

namespace heartbeat::kernels {

template <class T>
void cross_entropy(Cpu, Matrix<const T> x, const int* labels, double* loss, Matrix<T> dx) {
  const T share = T(1) / T(x.rows);
  double terms = 0;
  sum_chunks(x.rows, rows_per_softmax_task(x.cols), 1, &terms, [&](long first, long last, double* partial) {
    for (long i = first; i < last; ++i) {
      const T* score = x.row(i);
      const auto [largest, sum] = shifted_sum(score, x.cols);
      *partial += double(std::log(sum) - (score[labels[i]] - largest));
      if (!dx.data) continue;
      T* to = dx.row(i);
      const T shift = largest, factor = share / sum;
#pragma omp simd
      for (long j = 0; j < x.cols; ++j) to[j] = math::exp(score[j] - shift) * factor;
      to[labels[i]] -= share;
    }
  });
  *loss = terms / double(x.rows);
}

template void cross_entropy(Cpu, Matrix<const float>, const int*, double*, Matrix<float>);
template void cross_entropy(Cpu, Matrix<const double>, const int*, double*, Matrix<double>);

}  // namespace heartbeat::kernels
