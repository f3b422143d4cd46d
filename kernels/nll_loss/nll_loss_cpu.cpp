#include "kernels/common/parallel.h"
#include "kernels/nll_loss/nll_loss.h"

namespace heartbeat::kernels {
namespace {

constexpr long kRowsPerTask = 1 << 13;  // one addition a row: less is not worth waking another core

}  // namespace

template <class T>
void nll_loss(Cpu, Matrix<const T> log_p, const int* labels, double* loss) {
  double sum = 0;
  sum_chunks(log_p.rows, kRowsPerTask, 1, &sum, [&](long first, long last, double* partial) {
    for (long i = first; i < last; ++i) *partial -= double(log_p.row(i)[labels[i]]);
  });
  *loss = sum / double(log_p.rows);
}

template <class T>
void nll_loss_backward(Cpu, const int* labels, const T* dy, Matrix<T> dlog_p) {
  const T share = T(double(*dy) / double(dlog_p.rows));
  for_chunks(dlog_p.rows, kRowsPerTask, [&](long first, long last) {
    for (long i = first; i < last; ++i) dlog_p.row(i)[labels[i]] -= share;
  });
}

#define INSTANTIATE(T)                                               \
  template void nll_loss(Cpu, Matrix<const T>, const int*, double*); \
  template void nll_loss_backward(Cpu, const int*, const T*, Matrix<T>);
INSTANTIATE(float)
INSTANTIATE(double)
#undef INSTANTIATE

}  // namespace heartbeat::kernels
