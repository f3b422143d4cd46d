#include "kernels/common/device_code.cuh"
#include "kernels/nll_loss/nll_loss.h"

namespace heartbeat::kernels {

template <class T>
void nll_loss(Cuda cuda, Matrix<const T> log_p, const int* labels, double* loss) {
  const long n = log_p.rows;
  const cuda::Scratch<double> scratch(cuda, n);
  double* terms = scratch.data();
  for_each(cuda, n, [=] __device__(long i) { terms[i] = -double(log_p.row(i)[labels[i]]); });
  sum_terms(cuda, terms, n, [=] __device__(double sum) { *loss = sum / double(n); });
}
template <class T>
void nll_loss_backward(Cuda cuda, const int* labels, const T* dy, Matrix<T> dlog_p) {
  for_each(cuda, dlog_p.rows,
           [=] __device__(long i) { dlog_p.row(i)[labels[i]] -= T(double(*dy) / double(dlog_p.rows)); });
}

template void nll_loss(Cuda, Matrix<const float>, const int*, double*);
template void nll_loss(Cuda, Matrix<const double>, const int*, double*);
template void nll_loss_backward(Cuda, const int*, const float*, Matrix<float>);
template void nll_loss_backward(Cuda, const int*, const double*, Matrix<double>);

}  // namespace heartbeat::kernels
