// Histograms and optimizer steps against the CPU's, which their own tests hold to scalar loops: the same bits, and sums
// of statistics up to the order of addition.
#include "kernels/adamw/adamw.h"
#include "kernels/clip_norm/clip_norm.h"
#include "kernels/histogram/histogram.h"
#include "kernels/sgd/sgd.h"
#include "tests/support/device_parity.h"
#include "tests/support/optimizer_case.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaOptimizers = CudaParity<T>;
TYPED_TEST_SUITE(CudaOptimizers, BothTypes);

// Empty tensors first, last and alone; borders of a warp; more than one chunk.
const std::vector<std::vector<long>> kSets = {{}, {0}, {0, 1, 31, 0, 33, ChunkTable::kChunk + 1, 0}};

void expect_near(const std::vector<TensorStats>& got, const std::vector<TensorStats>& want, const char* what) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t t = 0; t < got.size(); ++t) {
    SCOPED_TRACE(::testing::Message() << what << " of tensor " << t);
    EXPECT_EQ(got[t].bins, want[t].bins);
    if (want[t].finite()) {
      EXPECT_EQ(got[t].min, want[t].min);
      EXPECT_EQ(got[t].max, want[t].max);
    }
    EXPECT_NEAR(got[t].sum, want[t].sum, 1e-12 * want[t].abs_sum);
    EXPECT_NEAR(got[t].sum_of_squares, want[t].sum_of_squares, 1e-12 * want[t].sum_of_squares);
    EXPECT_NEAR(got[t].abs_sum, want[t].abs_sum, 1e-12 * want[t].abs_sum);
  }
}

template <class T>
using Arrays = std::vector<std::vector<T>>;

// Tensors of a set in device memory, each a few elements off its alignment.
template <class T>
class OnDeviceSet {
 public:
  OnDeviceSet(Cuda stream, const Arrays<T>& host) {
    for (size_t t = 0; t < host.size(); ++t) tensors_.push_back(std::make_unique<OnDevice<T>>(stream, host[t], t % 4));
  }
  T* operator[](size_t t) const { return tensors_[t]->data(); }
  Arrays<T> host() const {
    Arrays<T> out;
    for (const auto& tensor : tensors_) out.push_back(tensor->host());
    return out;
  }

 private:
  std::vector<std::unique_ptr<OnDevice<T>>> tensors_;
};

TYPED_TEST(CudaOptimizers, HistogramsAreTheCpus) {
  using T = TypeParam;
  for (const auto& sizes : kSets) {
    SCOPED_TRACE(::testing::Message() << sizes.size() << " tensors");
    OptimizerCase<T> c(sizes);
    for (auto& tensor : c.value)
      for (size_t k = 0; k < tensor.size(); ++k) {
        tensor[k] = std::ldexp(tensor[k], int(k % 80) - 50);  // beyond both ends of the bins
        if (k % 97 == 5) tensor[k] = k % 2 ? T(NAN) : k % 4 ? T(INFINITY) : T(-INFINITY);
        if (k % 31 == 7) tensor[k] = 0;
      }
    const ChunkTable table(sizes);
    const OnDeviceSet<T> device(this->stream, c.value);
    const OnDevice<TensorStats> stats(this->stream, long(sizes.size()));
    std::vector<const T*> on_device, on_host;
    for (size_t t = 0; t < sizes.size(); ++t) {
      on_device.push_back(device[t]);
      on_host.push_back(c.value[t].data());
    }
    kernels::histogram<T>(this->stream, table, on_device, std::span(stats.data(), sizes.size()));
    std::vector<TensorStats> want(sizes.size());
    kernels::histogram<T>(Cpu{}, table, on_host, want);
    expect_near(stats.host(), want, "histogram");
  }
}

TYPED_TEST(CudaOptimizers, NormsAreTheCpus) {
  using T = TypeParam;
  for (const auto& sizes : kSets)
    for (double max_norm : {0.0, 0.5, 1e9})
      for (bool with_nan : {false, true}) {
        OptimizerCase<T> c(sizes);
        if (with_nan && !sizes.empty() && sizes.back()) c.gradient.back()[3] = T(NAN);
        const ChunkTable table(sizes);
        const OnDeviceSet<T> device(this->stream, c.gradient);
        const OnDevice<kernels::NormClip> got(this->stream, 1);
        std::vector<const T*> on_device, on_host;
        for (size_t t = 0; t < sizes.size(); ++t) {
          on_device.push_back(t == 1 ? nullptr : device[t]);  // one has no gradient
          on_host.push_back(t == 1 ? nullptr : c.gradient[t].data());
        }
        kernels::clip_norm<T>(this->stream, table, on_device, max_norm, got.data());
        const kernels::NormClip want = kernels::clip_norm<T>(Cpu{}, table, on_host, max_norm), is = got.host()[0];
        EXPECT_EQ(std::isnan(is.norm), std::isnan(want.norm));
        if (std::isnan(want.norm)) {
          EXPECT_EQ(is.factor, 1);
          continue;
        }
        EXPECT_NEAR(is.norm, want.norm, 1e-12 * want.norm);
        EXPECT_NEAR(is.factor, want.factor, 1e-12 * want.factor);
      }
}

struct WatchOnDevice {
  WatchOnDevice(Cuda stream, size_t tensors, const Watch& old)
      : parameter(stream, fill(old.parameter)),
        gradient(stream, fill(old.gradient)),
        update(stream, fill(old.update)),
        clipped(stream, fill(old.clipped)),
        count(tensors) {}
  static std::vector<TensorStats> fill(std::span<TensorStats> from) { return {from.begin(), from.end()}; }
  Watch all() const {
    return {{parameter.data(), count}, {gradient.data(), count}, {update.data(), count}, {clipped.data(), count}};
  }
  OnDevice<TensorStats> parameter, gradient, update, clipped;
  size_t count;
};

// step(device tag, views of values, gradients, first, second state, options, watch) runs the optimizer.
template <class T, class Step>
void expect_the_cpus_bits(Cuda stream, Step step) {
  for (const auto& sizes : kSets)
    for (bool watched : {false, true})
      for (const StepOptions options :
           {StepOptions{}, StepOptions{.clip_factor = 0.37, .zero_gradients = true}, StepOptions{.skip = true}}) {
        SCOPED_TRACE(::testing::Message() << sizes.size() << " tensors, watched " << watched << ", clip "
                                          << options.clip_factor << ", skip " << options.skip);
        OptimizerCase<T> c(sizes);
        const ChunkTable table(sizes);
        const OnDeviceSet<T> value(stream, c.value), gradient(stream, c.gradient), first(stream, c.first),
            second(stream, c.second);
        WatchedStats want(sizes.size());
        const WatchOnDevice got(stream, sizes.size(), want.all());
        const auto on_device = [&](size_t t) {
          return std::array{value[t], t == 2 ? nullptr : gradient[t], first[t], second[t]};  // one has no gradient
        };
        const auto on_host = [&](size_t t) {
          return std::array{c.value[t].data(), t == 2 ? nullptr : c.gradient[t].data(), c.first[t].data(),
                            c.second[t].data()};
        };
        StepOptions device_options = options;
        const OnDevice<double> factor(stream, Doubles{options.clip_factor});
        if (watched) device_options = {1, options.skip, options.zero_gradients, factor.data()};
        step(stream, table, on_device, device_options, watched ? got.all() : Watch{});
        step(Cpu{}, table, on_host, options, watched ? want.all() : Watch{});
        EXPECT_EQ(value.host(), c.value);
        EXPECT_EQ(gradient.host(), c.gradient);
        EXPECT_EQ(first.host(), c.first);
        EXPECT_EQ(second.host(), c.second);
        expect_near(got.parameter.host(), want.parameter, "parameter");
        expect_near(got.gradient.host(), want.gradient, "gradient");
        expect_near(got.update.host(), want.update, "update");
        expect_near(got.clipped.host(), want.clipped, "clipped");
      }
}

TYPED_TEST(CudaOptimizers, SgdGivesTheCpusBits) {
  using T = TypeParam;
  for (const kernels::SgdRule rule : {kernels::SgdRule{.lr = 0.1}, kernels::SgdRule{0.1, 0.9, true}})
    expect_the_cpus_bits<T>(this->stream,
                            [&](auto device, const ChunkTable& table, auto views, auto options, const Watch& watch) {
                              std::vector<kernels::SgdTensor<T>> tensors;
                              for (long t = 0; t < table.tensors; ++t) {
                                const auto [value, gradient, momentum, unused] = views(t);
                                tensors.push_back({value, gradient, momentum, t % 2 ? 0.1 : 0, t != 3});
                              }
                              kernels::sgd<T>(device, table, tensors, rule, options, watch);
                            });
}

// The rate may lie in device memory: then the host's is not looked at.
TYPED_TEST(CudaOptimizers, SgdReadsItsRateFromDeviceMemory) {
  using T = TypeParam;
  expect_the_cpus_bits<T>(this->stream,
                          [&](auto device, const ChunkTable& table, auto views, auto options, const Watch& watch) {
                            std::vector<kernels::SgdTensor<T>> tensors;
                            for (long t = 0; t < table.tensors; ++t) {
                              const auto [value, gradient, momentum, unused] = views(t);
                              tensors.push_back({value, gradient, momentum, t % 2 ? 0.1 : 0, true});
                            }
                            const OnDevice<double> rate(this->stream, Doubles{0.1});
                            kernels::SgdRule rule{.lr = 0.1, .momentum = 0.9};
                            if (std::is_same_v<decltype(device), Cuda>) rule.lr = NAN, rule.device_lr = rate.data();
                            kernels::sgd<T>(device, table, tensors, rule, options, watch);
                          });
}

TYPED_TEST(CudaOptimizers, AdamwGivesTheCpusBits) {
  using T = TypeParam;
  for (bool decoupled : {true, false})
    expect_the_cpus_bits<T>(
        this->stream, [&](auto device, const ChunkTable& table, auto views, auto options, const Watch& watch) {
          std::vector<kernels::AdamwTensor<T>> tensors;
          for (long t = 0; t < table.tensors; ++t) {
            const auto [value, gradient, m, v] = views(t);
            tensors.push_back({value, gradient, m, v, t % 2 ? 0.1 : 0, t + 3, t != 3});
          }
          kernels::adamw<T>(device, table, tensors, {.lr = 3e-3, .decoupled = decoupled}, options, watch);
        });
}

TYPED_TEST(CudaOptimizers, AdamwReadsItsCoefficientsFromDeviceMemory) {
  using T = TypeParam;
  for (bool decoupled : {true, false})
    expect_the_cpus_bits<T>(this->stream,
                            [&](auto device, const ChunkTable& table, auto views, auto options, const Watch& watch) {
                              kernels::AdamwRule rule{.lr = 3e-3, .decoupled = decoupled};
                              constexpr bool kOnGpu = std::is_same_v<decltype(device), Cuda>;
                              std::vector<kernels::AdamwTensor<T>> tensors;
                              std::vector<kernels::AdamwCoefficients> coefficients;
                              for (long t = 0; t < table.tensors; ++t) {
                                const auto [value, gradient, m, v] = views(t);
                                const double decay = t % 2 ? 0.1 : 0;
                                tensors.push_back({value, gradient, m, v, decay, kOnGpu ? 1 : t + 3, true});
                                coefficients.push_back(kernels::adamw_coefficients(rule, decay, t + 3));
                              }
                              const OnDevice<kernels::AdamwCoefficients> there(this->stream, coefficients);
                              if (kOnGpu) rule.lr = NAN, rule.device_coefficients = there.data();
                              kernels::adamw<T>(device, table, tensors, rule, options, watch);
                            });
}

}  // namespace
}  // namespace heartbeat::testing
