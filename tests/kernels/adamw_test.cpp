#include "kernels/adamw/adamw.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cmath>

#include "kernels/adamw/adamw_spec.h"
#include "tests/support/expect_watched.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::AdamwRule;
using kernels::AdamwTensor;

// Tensor t has had t + 2 steps before and decays when t is even.
template <class T>
std::vector<AdamwTensor<T>> views(OptimizerCase<T>& c) {
  std::vector<AdamwTensor<T>> out;
  for (size_t t = 0; t < c.sizes.size(); ++t)
    out.push_back({c.value[t].data() + c.offset, c.gradient[t].data() + c.offset, c.first[t].data() + c.offset,
                   c.second[t].data() + c.offset, t % 2 ? 0 : 0.1, long(t) + 3});
  return out;
}

template <class T>
void run(OptimizerCase<T>& c, const AdamwRule& rule, const StepOptions& options, const Watch& watch = {}) {
  kernels::adamw<T>(Cpu{}, ChunkTable(c.sizes), views(c), rule, options, watch);
}

// The contract's lines, one rounding each.
template <class T>
void scalar_step(AdamwTensor<T>& p, long n, const AdamwRule& rule, T factor) {
  const T rate = T(rule.lr / (1 - std::pow(rule.beta1, double(p.step))));
  const T unbias = T(1 / std::sqrt(1 - std::pow(rule.beta2, double(p.step))));
  const T keep = rule.decoupled ? T(1 - rule.lr * p.weight_decay) : T(1);
  for (long i = 0; i < n; ++i) {
    T g = factor == 1 ? p.gradient[i] : rounded(p.gradient[i] * factor);
    if (!rule.decoupled && p.weight_decay != 0) g = rounded(g + rounded(T(p.weight_decay) * p.value[i]));
    p.m[i] = rounded(p.m[i] + rounded(T(1 - rule.beta1) * rounded(g - p.m[i])));
    p.v[i] = rounded(rounded(T(rule.beta2) * p.v[i]) + rounded(rounded(T(1 - rule.beta2) * g) * g));
    const T root = rounded(rounded(rounded(std::sqrt(p.v[i])) * unbias) + T(rule.epsilon));
    p.value[i] = rounded(rounded(p.value[i] * keep) - rounded(rate * rounded(p.m[i] / root)));
  }
}

template <class T>
void expect_scalar_bits_and_watch(const std::vector<long>& sizes, long offset, bool decoupled, double factor) {
  SCOPED_TRACE(::testing::Message() << sizes.size() << " tensors, offset " << offset << ", decoupled " << decoupled
                                    << ", factor " << factor);
  const AdamwRule rule{.lr = 3e-3, .decoupled = decoupled};
  const OptimizerCase<T> before(sizes, offset);
  OptimizerCase<T> got = before, want = before, unwatched = before;
  WatchedStats stats(sizes.size());
  run(got, rule, {.clip_factor = factor}, stats.all());
  run(unwatched, rule, {.clip_factor = factor});
  auto wanted = views(want);
  for (size_t t = 0; t < sizes.size(); ++t) scalar_step(wanted[t], sizes[t], rule, T(factor));
  EXPECT_EQ(got.value, want.value);
  EXPECT_EQ(got.first, want.first);
  EXPECT_EQ(got.second, want.second);
  EXPECT_EQ(got.gradient, before.gradient) << "the stored gradient stays as backward left it";
  EXPECT_EQ(got.value, unwatched.value) << "looking must not change the step";
  expect_watched(before, got, factor, stats);
}

TEST(Adamw, SameBitsAsAScalarLoopAndWatchedAsHistogramsSay) {
  for (const auto& sizes : tensor_sets())
    for (bool decoupled : {true, false})
      for (double factor : {1.0, 0.37}) {
        expect_scalar_bits_and_watch<float>(sizes, 0, decoupled, factor);
        expect_scalar_bits_and_watch<double>(sizes, 1, decoupled, factor);
      }
  for (long offset : {1, 3, 7}) expect_scalar_bits_and_watch<float>({515, 0, 20001}, offset, true, 0.5);
}

template <class T>
double spec_gap(bool decoupled) {
  const AdamwRule rule{.lr = 3e-3, .decoupled = decoupled};
  OptimizerCase<T> c({1003, 77});
  double gap = 0;
  std::vector<std::vector<double>> value, m, v;
  for (size_t t = 0; t < c.sizes.size(); ++t) {
    value.emplace_back(c.value[t].begin(), c.value[t].end());
    m.emplace_back(c.first[t].begin(), c.first[t].end());
    v.emplace_back(c.second[t].begin(), c.second[t].end());
    for (long i = 0; i < c.sizes[t]; ++i)
      kernels::adamw_spec(value[t][i], m[t][i], v[t][i], c.gradient[t][i], t % 2 ? 0 : 0.1, 0.5, long(t) + 3, rule);
  }
  run(c, rule, {.clip_factor = 0.5});
  for (size_t t = 0; t < c.sizes.size(); ++t) {
    gap = std::max(gap, nmse(c.value[t].data(), value[t].data(), c.sizes[t]));
    gap = std::max(gap, nmse(c.first[t].data(), m[t].data(), c.sizes[t]));
    gap = std::max(gap, nmse(c.second[t].data(), v[t].data(), c.sizes[t]));
  }
  return gap;
}

TEST(Adamw, MatchesTheSpec) {
  for (bool decoupled : {true, false}) {
    EXPECT_LT(spec_gap<float>(decoupled), parity_bound(Dtype::f32));
    EXPECT_LT(spec_gap<double>(decoupled), parity_bound(Dtype::f64));
  }
}

TEST(Adamw, FirstStepIsTheLearningRateWhateverTheGradient) {
  double value[] = {0, 0, 0}, gradient[] = {1e-3, -5, 700}, m[3] = {}, v[3] = {};
  const AdamwTensor<double> tensor{value, gradient, m, v};
  kernels::adamw<double>(Cpu{}, ChunkTable(std::vector<long>{3}), {&tensor, 1}, {.lr = 0.1}, {}, {});
  EXPECT_NEAR(value[0], -0.1, 1e-5);
  EXPECT_NEAR(value[1], 0.1, 1e-5);
  EXPECT_NEAR(value[2], -0.1, 1e-5);
}

TEST(Adamw, NotANumberIsCountedAndStaysInItsElement) {
  OptimizerCase<float> c({600, 40});
  c.gradient[0][513] = NAN;
  c.gradient[1][3] = INFINITY;
  WatchedStats stats(2);
  run(c, {}, {}, stats.all());
  EXPECT_EQ(stats.gradient[0].bins[kNanBin], 1u);
  EXPECT_EQ(stats.gradient[1].bins[kPlusInfBin], 1u);
  EXPECT_EQ(stats.parameter[0].bins[kNanBin], 0u);
  EXPECT_EQ(stats.update[0].bins[kNanBin], 1u);
  for (long i = 0; i < 600; ++i) EXPECT_EQ(std::isnan(c.value[0][i]), i == 513);
}

TEST(Adamw, SkippedStepChangesNothingAndStillLooks) {
  const OptimizerCase<float> before({600, 17000});
  OptimizerCase<float> c = before;
  c.gradient[0][5] = NAN;
  WatchedStats stats(2);
  run(c, {}, {.skip = true, .zero_gradients = true}, stats.all());
  EXPECT_EQ(c.value, before.value);
  EXPECT_EQ(c.first, before.first);
  EXPECT_EQ(c.second, before.second);
  EXPECT_EQ(stats.gradient[0].bins[kNanBin], 1u);
  EXPECT_EQ(stats.update[1].bins[kZeroBin], 17000u);
  for (const auto& g : c.gradient)
    for (float x : g) ASSERT_EQ(x, 0);
}

TEST(Adamw, ZeroesTheGradientInTheSamePass) {
  OptimizerCase<float> c({3, 513, 16390}), kept = c;
  run(c, {}, {.zero_gradients = true});
  run(kept, {}, {});
  EXPECT_EQ(c.value, kept.value);
  for (const auto& g : c.gradient)
    for (float x : g) ASSERT_EQ(x, 0);
}

TEST(Adamw, TensorWithoutGradientIsLeftAloneAndSaysSo) {
  OptimizerCase<float> c({600, 20000}), before = c;
  auto tensors = views(c);
  tensors[1].gradient = nullptr;
  WatchedStats stats(2);
  kernels::adamw<float>(Cpu{}, ChunkTable(c.sizes), tensors, {}, {.zero_gradients = true}, stats.all());
  EXPECT_EQ(c.value[1], before.value[1]);
  EXPECT_EQ(c.second[1], before.second[1]);
  EXPECT_EQ(stats.gradient[1].count(), 0u);
  EXPECT_EQ(stats.update[1].bins[kZeroBin], 20000u);
  EXPECT_EQ(stats.parameter[1], stats_of(before.value[1]));
}

TEST(Adamw, UnwatchedTensorsLeaveTheirStatisticsAlone) {
  OptimizerCase<float> c({600, 20000});
  auto tensors = views(c);
  tensors[1].watched = false;
  WatchedStats stats(2);
  kernels::adamw<float>(Cpu{}, ChunkTable(c.sizes), tensors, {}, {}, stats.all());
  EXPECT_EQ(stats.parameter[0].count(), 600u);
  EXPECT_EQ(stats.parameter[1], TensorStats());
}

TEST(Adamw, SameBitsOnAnyNumberOfThreads) {
  const OptimizerCase<float> before({100003, 1, 0, 40000});
  const int threads = omp_get_max_threads();
  OptimizerCase<float> alone = before;
  WatchedStats alone_stats(4);
  omp_set_num_threads(1);
  run(alone, {}, {.clip_factor = 0.5}, alone_stats.all());
  for (int n : {2, 3, 7}) {
    OptimizerCase<float> c = before;
    WatchedStats stats(4);
    omp_set_num_threads(n);
    run(c, {}, {.clip_factor = 0.5}, stats.all());
    EXPECT_EQ(c.value, alone.value) << n << " threads";
    EXPECT_EQ(stats, alone_stats) << n << " threads";
  }
  omp_set_num_threads(threads);
}

TEST(Adamw, FiftyThousandTinyTensors) {
  constexpr long kTensors = 50000;
  std::vector<long> sizes(kTensors);
  for (long t = 0; t < kTensors; ++t) sizes[t] = t % 4;
  const std::vector<float> values = normal<float>(4 * kTensors, 1, 1);
  std::vector<float> value = values, gradient = normal<float>(4 * kTensors, 1, 2), m(4 * kTensors), v(4 * kTensors);
  std::vector<AdamwTensor<float>> tensors;
  for (long t = 0; t < kTensors; ++t) tensors.push_back({&value[4 * t], &gradient[4 * t], &m[4 * t], &v[4 * t]});
  std::vector<TensorStats> gradients(kTensors);
  kernels::adamw<float>(Cpu{}, ChunkTable(sizes), tensors, {}, {}, {.gradient = gradients});
  for (long t = 0; t < kTensors; ++t) {
    ASSERT_EQ(gradients[t].count(), std::uint64_t(sizes[t]));
    for (long i = 0; i < 4; ++i) ASSERT_EQ(value[4 * t + i] != values[4 * t + i], i < sizes[t]) << t;
  }
}

}  // namespace
}  // namespace heartbeat
