#include "kernels/elementwise/elementwise.h"

#include "kernels/elementwise/elementwise_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaElementwise = CudaParity<T>;
TYPED_TEST_SUITE(CudaElementwise, BothTypes);
template <class T>
using CudaStoredElementwise = CudaParity<T>;
TYPED_TEST_SUITE(CudaStoredElementwise, StoredTypes);

constexpr long kSizes[][2] = {{0, 5}, {1, 1}, {1, 31}, {32, 1}, {33, 3}, {7, 64}, {600, 5}};

// Unaligned heads (lead 1) take the path of single elements.
TYPED_TEST(CudaStoredElementwise, MatchesTheSpec) {
  using T = TypeParam;
  using A = Acc<T>;
  for (const auto& [rows, cols] : kSizes)
    for (long lead : {0, 1}) {
      SCOPED_TRACE(::testing::Message() << rows << " x " << cols << " lead " << lead);
      const long n = rows * cols;
      const Doubles a = normals<T>(n, 1), b = normals<T>(n, 2), old = normals<T>(n, 3), bias = normals<A>(cols, 4);
      const OnDevice<T> da(this->stream, a, lead), db(this->stream, b, lead);
      const OnDevice<A> dbias(this->stream, bias);
      const Matrix<const T> x = da.matrix(rows, cols), y = db.matrix(rows, cols);

      const auto forward = [&](const char* what, auto kernel, auto spec) {
        const OnDevice<T> out(this->stream, n, lead);
        kernel(out.matrix(rows, cols));
        Doubles want(n);
        for (long k = 0; k < n; ++k) want[k] = spec(k);
        expect_parity(out, want, what);
      };
      const auto backward = [&](const char* what, auto kernel, auto spec) {
        const OnDevice<T> out(this->stream, old, lead);
        kernel(out.matrix(rows, cols));
        Doubles want(old);
        for (long k = 0; k < n; ++k) want[k] += spec(k);
        expect_parity(out, want, what);
      };
      using namespace heartbeat::kernels;
      const Cuda c = this->stream;
      forward(
          "add", [&](auto to) { add<T>(c, x, y, to); }, [&](long k) { return a[k] + b[k]; });
      forward(
          "mul", [&](auto to) { mul<T>(c, x, y, to); }, [&](long k) { return a[k] * b[k]; });
      backward(
          "mul_accumulate", [&](auto to) { mul_accumulate<T>(c, x, y, to); }, [&](long k) { return a[k] * b[k]; });
      forward(
          "scale", [&](auto to) { scale<T>(c, 0.375, x, to); }, [&](long k) { return 0.375 * a[k]; });
      backward(
          "scale_accumulate", [&](auto to) { scale_accumulate<T>(c, -2, x, to); }, [&](long k) { return -2 * a[k]; });
      if constexpr (!kIsNarrow<T>) {  // losses and moving averages are never stored narrowly
        const OnDevice<T> factor(c, Doubles{1.75});
        backward(
            "scale_by_accumulate", [&](auto to) { scale_by_accumulate<T>(c, factor.data(), x, to); },
            [&](long k) { return 1.75 * a[k]; });
        backward(
            "approach", [&](auto to) { approach<T>(c, 0.25, x, to); }, [&](long k) { return 0.25 * (a[k] - old[k]); });
      } else {
        const OnDevice<float> wide(c, a), back(c, n), sum(c, old);
        cast<T, float>(c, x, back.matrix(rows, cols));
        cast_accumulate<T, float>(c, x, sum.matrix(rows, cols));
        expect_parity(back, a, "cast to f32");
        expect_parity(sum, plus(old, a), "cast_accumulate to f32");
        forward(
            "cast", [&](auto to) { cast<float, T>(c, wide.matrix(rows, cols), to); }, [&](long k) { return a[k]; });
        backward(
            "cast_accumulate", [&](auto to) { cast_accumulate<float, T>(c, wide.matrix(rows, cols), to); },
            [&](long k) { return a[k]; });
      }
      forward(
          "add_bias", [&](auto to) { add_bias<T>(c, x, dbias.data(), to); },
          [&](long k) { return a[k] + bias[k % cols]; });
      forward(
          "relu", [&](auto to) { relu<T>(c, x, to); }, [&](long k) { return relu_spec(a[k]); });
      forward(
          "silu", [&](auto to) { silu<T>(c, x, to); }, [&](long k) { return silu_spec(a[k]); });
      forward(
          "sigmoid", [&](auto to) { sigmoid<T>(c, x, to); }, [&](long k) { return sigmoid_spec(a[k]); });
      forward(
          "tanh", [&](auto to) { kernels::tanh<T>(c, x, to); }, [&](long k) { return tanh_spec(a[k]); });
      backward(
          "silu_backward", [&](auto to) { silu_backward<T>(c, x, y, to); },
          [&](long k) { return b[k] * silu_slope_spec(a[k]); });
      backward(
          "relu_backward", [&](auto to) { relu_backward<T>(c, x, y, to); },  // x stands for the result
          [&](long k) { return a[k] > 0 ? b[k] : 0; });
      backward(
          "sigmoid_backward", [&](auto to) { sigmoid_backward<T>(c, x, y, to); },
          [&](long k) { return b[k] * a[k] * (1 - a[k]); });
      backward(
          "tanh_backward", [&](auto to) { tanh_backward<T>(c, x, y, to); },
          [&](long k) { return b[k] * (1 - a[k] * a[k]); });
      const RandomStream words = random_stream(5, 6, 7, 8);
      forward(
          "dropout", [&](auto to) { dropout<T>(c, words, 0.3, x, to); },
          [&](long k) { return dropout_spec(words, 0.3, k, a[k]); });
      backward(
          "dropout_accumulate", [&](auto to) { dropout_accumulate<T>(c, words, 0.3, x, to); },
          [&](long k) { return dropout_spec(words, 0.3, k, a[k]); });

      Doubles sums(cols);
      column_sum_spec({a.data(), rows, cols}, sums.data());
      const OnDevice<A> total(this->stream, bias);
      column_sum_accumulate<T>(c, x, total.data());
      expect_parity(total, plus(bias, sums), "column_sum_accumulate");
    }
}

// The mask of a dropout is the CPU's: the same words, so the same bits.
TYPED_TEST(CudaElementwise, DropsWhatTheCpuDrops) {
  using T = TypeParam;
  const long n = 1001;
  const Doubles a = normals<T>(n, 1);
  const OnDevice<T> x(this->stream, a), y(this->stream, n);
  const RandomStream words = random_stream(1, 2, 3, 4);
  kernels::dropout<T>(this->stream, words, 0.5, x.matrix(1, n), y.matrix(1, n));
  std::vector<T> from(a.begin(), a.end()), want(n);
  kernels::dropout<T>(Cpu{}, words, 0.5, {from.data(), 1, n}, {want.data(), 1, n});
  EXPECT_EQ(y.host(), want);
}

// What a recorded step reads from device memory gives the bits of what a launched one is told.
TYPED_TEST(CudaElementwise, NumbersOfAStepMayLieInDeviceMemory) {
  using T = TypeParam;
  const Cuda c = this->stream;
  const OnDevice<std::uint32_t> step(c, std::vector{7u});
  const OnDevice<std::uint64_t> members(c, std::vector<std::uint64_t>{5, std::uint64_t{1} << 40});
  const OnDevice<double> share(c, Doubles{0.3});
  for (long n : {0, 1, 4, 3001}) {
    const Doubles a = normals<T>(n, 1), b = normals<T>(n, 2);
    const OnDevice<T> x(c, a), told(c, b), read(c, b);
    kernels::approach<T>(c, 0.3, x.matrix(1, n), told.matrix(1, n));
    kernels::approach<T>(c, share.data(), x.matrix(1, n), read.matrix(1, n));
    EXPECT_EQ(read.host(), told.host());
    for (int m : {-1, 0, 1}) {  // -1: none is named
      const StreamOnDevice name{
          .seed = 3, .layer = 2, .step = step.data(), .member = m < 0 ? nullptr : members.data() + m};
      const RandomStream words = random_stream(3, 7, 2, m < 0 ? 0 : m == 0 ? 5 : std::uint64_t{1} << 40);
      kernels::dropout<T>(c, words, 0.4, x.matrix(1, n), told.matrix(1, n));
      kernels::dropout<T>(c, name, 0.4, x.matrix(1, n), read.matrix(1, n));
      EXPECT_EQ(read.host(), told.host());
      kernels::dropout_accumulate<T>(c, words, 0.4, x.matrix(1, n), told.matrix(1, n));
      kernels::dropout_accumulate<T>(c, name, 0.4, x.matrix(1, n), read.matrix(1, n));
      EXPECT_EQ(read.host(), told.host());
    }
  }
}

TYPED_TEST(CudaElementwise, NotANumberStaysWhereItIs) {
  using T = TypeParam;
  const Doubles a{NAN, 1, INFINITY, -INFINITY, 0};
  const OnDevice<T> x(this->stream, a), y(this->stream, 5);
  kernels::relu<T>(this->stream, x.matrix(1, 5), y.matrix(1, 5));
  const auto got = y.host();
  EXPECT_TRUE(std::isnan(got[0]));
  EXPECT_EQ(got[1], 1);
  EXPECT_EQ(got[2], T(INFINITY));
  EXPECT_EQ(got[3], 0);
}

// The sum is taken in f64 and rounded once: the ones are not lost beside the large term.
TYPED_TEST(CudaElementwise, SumsTermsInDouble) {
  using T = TypeParam;
  for (long n : {0, 1, 5}) {
    Doubles terms(n, 1);
    if (n) terms[0] = 1L << 25;
    const OnDevice<double> on_device(this->stream, terms);
    const OnDevice<T> sum(this->stream, 1);
    kernels::sum_of_terms<T>(this->stream, on_device.data(), n, sum.data());
    EXPECT_EQ(sum.host()[0], T(n ? (1L << 25) + n - 1 : 0));
  }
}

}  // namespace
}  // namespace heartbeat::testing
