#include "kernels/matmul/matmul.h"

#include "kernels/matmul/matmul_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaMatmul = CudaParity<T>;
TYPED_TEST_SUITE(CudaMatmul, BothTypes);

TYPED_TEST(CudaMatmul, MatchesTheSpec) {
  using T = TypeParam;
  for (long n : {0, 1, 31, 65})
    for (long k : {1, 32, 33})
      for (long m : {1, 5, 64}) {
        SCOPED_TRACE(::testing::Message() << n << " x " << k << " x " << m);
        const Cuda c = this->stream;
        const Doubles a = normals<T>(n * k, 1), b = normals<T>(k * m, 2), w = normals<T>(m * k, 3),
                      e = normals<T>(n * m, 4), old = normals<T>(n * m, 5), old_outer = normals<T>(k * m, 6);
        const OnDevice<T> da(c, a), db(c, b), dw(c, w), de(c, e), y(c, n * m), added(c, old), z(c, n * m),
            z_added(c, old), outer(c, old_outer);
        Doubles ab(n * m), aw(n * m), ae(k * m);
        kernels::matmul_spec({a.data(), n, k}, {b.data(), k, m}, {ab.data(), n, m});
        kernels::matmul_transposed_spec({a.data(), n, k}, {w.data(), m, k}, {aw.data(), n, m});
        kernels::outer_sum_spec({a.data(), n, k}, {e.data(), n, m}, {ae.data(), k, m});
        kernels::matmul<T>(c, da.matrix(n, k), db.matrix(k, m), y.matrix(n, m));
        kernels::matmul_accumulate<T>(c, da.matrix(n, k), db.matrix(k, m), added.matrix(n, m));
        kernels::matmul_transposed<T>(c, da.matrix(n, k), dw.matrix(m, k), z.matrix(n, m));
        kernels::matmul_transposed_accumulate<T>(c, da.matrix(n, k), dw.matrix(m, k), z_added.matrix(n, m));
        kernels::outer_sum_accumulate<T>(c, da.matrix(n, k), de.matrix(n, m), outer.matrix(k, m));
        expect_parity(y, ab, "matmul");
        expect_parity(added, plus(old, ab), "matmul_accumulate");
        expect_parity(z, aw, "matmul_transposed");
        expect_parity(z_added, plus(old, aw), "matmul_transposed_accumulate");
        expect_parity(outer, plus(old_outer, ae), "outer_sum_accumulate");
      }
}

// Tall matrices stored as bf16, all or some.
template <class T, class Y>
void expect_mixed_parity(Cuda c, long n, long k, long m) {
  SCOPED_TRACE(::testing::Message() << n << " x " << k << " x " << m << ", " << name_of(dtype_of<T>) << " and "
                                    << name_of(dtype_of<Y>));
  const Doubles a = normals<T>(n * k, 1), b = normals<float>(k * m, 2), w = normals<float>(m * k, 3),
                e = normals<Y>(n * m, 4), old = normals<Y>(n * m, 5), old_outer = normals<float>(k * m, 6);
  const OnDevice<T> da(c, a);
  const OnDevice<float> db(c, b), dw(c, w), outer(c, old_outer);
  const OnDevice<Y> de(c, e), y(c, n * m), added(c, old), z(c, n * m), z_added(c, old);
  Doubles ab(n * m), aw(n * m), ae(k * m);
  kernels::matmul_spec({a.data(), n, k}, {b.data(), k, m}, {ab.data(), n, m});
  kernels::matmul_transposed_spec({a.data(), n, k}, {w.data(), m, k}, {aw.data(), n, m});
  kernels::outer_sum_spec({a.data(), n, k}, {e.data(), n, m}, {ae.data(), k, m});
  kernels::matmul<T, Y>(c, da.matrix(n, k), db.matrix(k, m), y.matrix(n, m));
  kernels::matmul_accumulate<T, Y>(c, da.matrix(n, k), db.matrix(k, m), added.matrix(n, m));
  kernels::matmul_transposed<T, Y>(c, da.matrix(n, k), dw.matrix(m, k), z.matrix(n, m));
  kernels::matmul_transposed_accumulate<T, Y>(c, da.matrix(n, k), dw.matrix(m, k), z_added.matrix(n, m));
  kernels::outer_sum_accumulate<T, Y>(c, da.matrix(n, k), de.matrix(n, m), outer.matrix(k, m));
  expect_parity(y, ab, "matmul");
  expect_parity(added, plus(old, ab), "matmul_accumulate");
  expect_parity(z, aw, "matmul_transposed");
  expect_parity(z_added, plus(old, aw), "matmul_transposed_accumulate");
  expect_parity(outer, plus(old_outer, ae), "outer_sum_accumulate");
}

TEST(CudaNarrowMatmul, MatchesTheSpec) {
  const Stream stream;
  for (long n : {0, 2, 65})
    for (long k : {32, 33})
      for (long m : {5, 64}) {
        expect_mixed_parity<bf16, bf16>(stream, n, k, m);
        expect_mixed_parity<bf16, float>(stream, n, k, m);
        expect_mixed_parity<float, bf16>(stream, n, k, m);
      }
}

// Operands have 11 significant bits: each product is off by at most 2 u of itself, u = 2^-11, and so is their sum,
// measured against the sizes of its terms. That it is off by more than f32 is shows that the tensor cores were asked.
TEST(CudaTf32Matmul, IsF32WithOperandsOfElevenBits) {
  const Stream stream;
  const Cuda f32 = stream, tf32{f32.stream, true};
  const long n = 70, k = 37, m = 40;
  const Doubles a = normals<float>(n * k, 1), b = normals<float>(k * m, 2);
  const OnDevice<float> da(f32, a), db(f32, b), y(f32, n * m);
  Doubles want(n * m), sizes(n * m), size_a(a), size_b(b);
  for (Doubles* v : {&size_a, &size_b})
    for (double& x : *v) x = std::abs(x);
  kernels::matmul_spec({a.data(), n, k}, {b.data(), k, m}, {want.data(), n, m});
  kernels::matmul_spec({size_a.data(), n, k}, {size_b.data(), k, m}, {sizes.data(), n, m});
  kernels::matmul<float>(tf32, da.matrix(n, k), db.matrix(k, m), y.matrix(n, m));
  const std::vector<float> got = y.host();
  for (long e = 0; e < n * m; ++e) EXPECT_LT(std::abs(got[e] - want[e]), 1.01 * 0x1p-10 * sizes[e]) << e;
  EXPECT_GT(nmse(got.data(), want.data(), n * m), parity_bound(Dtype::f32));
}

}  // namespace
}  // namespace heartbeat::testing
