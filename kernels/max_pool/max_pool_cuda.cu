#include "kernels/common/device_code.cuh"
#include "kernels/max_pool/max_pool.h"

namespace heartbeat::kernels {

template <class T>
void max_pool(Cuda cuda, const MaxPoolShape& shape, const T* x, T* y, std::int32_t* from) {
  const long across = shape.out_width(), windows = shape.out_height() * across;
  for_each(cuda, shape.planes * windows, [=] __device__(long k) {
    const T* plane = x + k / windows * shape.height * shape.width;
    const long top = k % windows / across * shape.stride, left = k % across * shape.stride;
    long best = top * shape.width + left;
    for (long i = 0; i < shape.size; ++i)
      for (long j = 0; j < shape.size; ++j) {
        const long at = (top + i) * shape.width + left + j;
        if (plane[at] > plane[best] || plane[at] != plane[at]) best = at;
      }
    y[k] = plane[best];
    if (from) from[k] = std::int32_t(best);
  });
}

// A thread owns an element of dx and asks the windows that cover it: nobody adds into the same place.
template <class T>
void max_pool_dx_accumulate(Cuda cuda, const MaxPoolShape& shape, const T* dy, const std::int32_t* from, T* dx) {
  const long down = shape.out_height(), across = shape.out_width(), area = shape.height * shape.width;
  for_each(cuda, shape.planes * area, [=] __device__(long k) {
    const long at = k % area, u = at / shape.width, v = at % shape.width, first = k / area * down * across;
    const long p_first = u < shape.size ? 0 : (u - shape.size) / shape.stride + 1;
    const long q_first = v < shape.size ? 0 : (v - shape.size) / shape.stride + 1;
    T sum = 0;
    for (long p = p_first; p < down && p * shape.stride <= u; ++p)
      for (long q = q_first; q < across && q * shape.stride <= v; ++q)
        if (from[first + p * across + q] == at) sum += dy[first + p * across + q];
    dx[k] += sum;
  });
}

template void max_pool(Cuda, const MaxPoolShape&, const float*, float*, std::int32_t*);
template void max_pool(Cuda, const MaxPoolShape&, const double*, double*, std::int32_t*);
template void max_pool_dx_accumulate(Cuda, const MaxPoolShape&, const float*, const std::int32_t*, float*);
template void max_pool_dx_accumulate(Cuda, const MaxPoolShape&, const double*, const std::int32_t*, double*);

}  // namespace heartbeat::kernels
