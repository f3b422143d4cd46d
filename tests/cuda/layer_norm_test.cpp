#include "kernels/layer_norm/layer_norm.h"

#include "kernels/layer_norm/layer_norm_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaLayerNorm = CudaParity<T>;
TYPED_TEST_SUITE(CudaLayerNorm, StoredTypes);

TYPED_TEST(CudaLayerNorm, MatchesTheSpec) {
  using T = TypeParam;
  using A = Acc<T>;
  constexpr double kEpsilon = 1e-5;
  const Cuda s = this->stream;
  for (bool with_silu : {false, true})
    for (long n : {0, 1, 9, 300})
      for (long c : {1, 3, 31, 32, 33, 65}) {
        if (n == 300 && c > 33) continue;
        SCOPED_TRACE(::testing::Message() << "silu " << with_silu << " " << n << " x " << c);
        const Doubles x = normals<T>(n * c, 1), gain = normals<A>(c, 2), bias = normals<A>(c, 3),
                      dy = normals<T>(n * c, 4), old = normals<T>(n * c, 5);
        const OnDevice<T> dx(s, x), ddy(s, dy), y(s, n * c), to_x(s, old);
        const OnDevice<A> dgain(s, gain), dbias(s, bias), statistics(s, 2 * n), to_gain(s, gain), to_bias(s, bias);
        const auto forward = [&](auto... a) {
          with_silu ? kernels::layer_norm_silu<T>(a...) : kernels::layer_norm<T>(a...);
        };
        const auto backward = [&](auto... a) {
          with_silu ? kernels::layer_norm_silu_backward<T>(a...) : kernels::layer_norm_backward<T>(a...);
        };
        forward(s, dx.matrix(n, c), dgain.data(), dbias.data(), kEpsilon, y.matrix(n, c), statistics.matrix(n, 2));
        backward(s, dx.matrix(n, c), dgain.data(), dbias.data(), statistics.matrix(n, 2), ddy.matrix(n, c), to_x.data(),
                 to_gain.data(), to_bias.data());
        backward(s, dx.matrix(n, c), dgain.data(), dbias.data(), statistics.matrix(n, 2), ddy.matrix(n, c), nullptr,
                 nullptr, nullptr);
        Doubles want(n * c), want_x(old), want_gain(gain), want_bias(bias);
        (with_silu ? kernels::layer_norm_silu_spec : kernels::layer_norm_spec)(
            {x.data(), n, c}, gain.data(), bias.data(), kEpsilon, {want.data(), n, c});
        kernels::layer_norm_backward_spec(with_silu, {x.data(), n, c}, gain.data(), bias.data(), kEpsilon,
                                          {dy.data(), n, c}, want_x.data(), want_gain.data(), want_bias.data());
        expect_parity(y, want, "y");
        if (c > 1) expect_parity(to_x, want_x, "dx");  // with one column dX is 0 but for rounding
        expect_parity(to_gain, want_gain, "dgain");
        expect_parity(to_bias, want_bias, "dbias");
      }
}

}  // namespace
}  // namespace heartbeat::testing
