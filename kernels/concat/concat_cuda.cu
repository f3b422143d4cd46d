#include "kernels/common/device_code.cuh"
#include "kernels/concat/concat.h"

namespace heartbeat::kernels {

template <class T>
void concat(Cuda cuda, Matrix<const T> a, Matrix<const T> b, Matrix<T> y) {
  for_each(cuda, y.numel(), [=] __device__(long k) {
    const long i = k / y.cols, j = k % y.cols;
    y.data[k] = j < a.cols ? a.row(i)[j] : b.row(i)[j - a.cols];
  });
}
template <class T>
void columns_accumulate(Cuda cuda, Matrix<const T> y, long first, Matrix<T> x) {
  for_each(cuda, x.numel(), [=] __device__(long k) { x.data[k] += y.row(k / x.cols)[first + k % x.cols]; });
}

template void concat(Cuda, Matrix<const float>, Matrix<const float>, Matrix<float>);
template void concat(Cuda, Matrix<const double>, Matrix<const double>, Matrix<double>);
template void columns_accumulate(Cuda, Matrix<const float>, long, Matrix<float>);
template void columns_accumulate(Cuda, Matrix<const double>, long, Matrix<double>);

}  // namespace heartbeat::kernels
