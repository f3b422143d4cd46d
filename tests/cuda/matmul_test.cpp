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

}  // namespace
}  // namespace heartbeat::testing
