// Parity of CUDA kernels with the specs: the same rounded inputs on both sides, one bound per dtype.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/support/on_device.h"
#include "tests/support/parity.h"

namespace heartbeat::testing {

using Doubles = std::vector<double>;

// Standard normals, rounded to T so that spec and kernel see the same numbers.
template <class T>
Doubles normals(long n, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::normal_distribution<double> normal;
  Doubles out(n);
  for (double& v : out) v = double(T(normal(engine)));
  return out;
}

template <class T>
void expect_parity(const OnDevice<T>& got, const Doubles& want, const char* what, int stores = 1) {
  ASSERT_EQ(got.size(), long(want.size())) << what;
  EXPECT_LT(nmse(got.host().data(), want.data(), long(want.size())), parity_bound(dtype_of<T>, stores)) << what;
}

inline Doubles plus(const Doubles& a, const Doubles& b) {
  Doubles sum(a);
  for (size_t k = 0; k < b.size(); ++k) sum[k] += b[k];
  return sum;
}

// Tests of kernels are written once for all types. Parameters beside T are Acc<T>.
template <class T>
class CudaParity : public ::testing::Test {
 protected:
  Stream stream;
};
using BothTypes = ::testing::Types<float, double>;
using StoredTypes = ::testing::Types<float, double, bf16>;

}  // namespace heartbeat::testing
