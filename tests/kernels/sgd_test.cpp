#include "kernels/sgd/sgd.h"

#include <gtest/gtest.h>
#include <omp.h>

#include "kernels/sgd/sgd_spec.h"
#include "tests/support/expect_watched.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;
using kernels::SgdRule;
using kernels::SgdTensor;

constexpr SgdRule kRules[] = {
    {.lr = 0.1}, {.lr = 0.1, .momentum = 0.9}, {.lr = 0.1, .momentum = 0.9, .nesterov = true}};

// Even tensors decay.
template <class T>
std::vector<SgdTensor<T>> views(OptimizerCase<T>& c) {
  std::vector<SgdTensor<T>> out;
  for (size_t t = 0; t < c.sizes.size(); ++t)
    out.push_back(
        {c.value[t].data() + c.offset, c.gradient[t].data() + c.offset, c.first[t].data() + c.offset, t % 2 ? 0 : 0.1});
  return out;
}

template <class T>
void run(OptimizerCase<T>& c, const SgdRule& rule, const StepOptions& options, const Watch& watch = {}) {
  kernels::sgd<T>(Cpu{}, ChunkTable(c.sizes), views(c), rule, options, watch);
}

// The contract's lines, one rounding each.
template <class T>
void scalar_step(SgdTensor<T>& p, long n, const SgdRule& rule, T factor) {
  const T lr = T(rule.lr), momentum = T(rule.momentum);
  for (long i = 0; i < n; ++i) {
    T g = factor == 1 ? p.gradient[i] : rounded(p.gradient[i] * factor);
    if (p.weight_decay != 0) g = rounded(g + rounded(T(p.weight_decay) * p.value[i]));
    T step = g;
    if (momentum != 0) {
      p.momentum[i] = rounded(rounded(momentum * p.momentum[i]) + g);
      step = rule.nesterov ? rounded(g + rounded(momentum * p.momentum[i])) : p.momentum[i];
    }
    p.value[i] = rounded(p.value[i] - rounded(lr * step));
  }
}

template <class T>
void expect_scalar_bits_and_watch(const std::vector<long>& sizes, long offset, const SgdRule& rule, double factor) {
  SCOPED_TRACE(::testing::Message() << sizes.size() << " tensors, offset " << offset << ", momentum " << rule.momentum
                                    << ", Nesterov " << rule.nesterov << ", factor " << factor);
  const OptimizerCase<T> before(sizes, offset);
  OptimizerCase<T> got = before, want = before, unwatched = before;
  WatchedStats stats(sizes.size());
  run(got, rule, {.clip_factor = factor}, stats.all());
  run(unwatched, rule, {.clip_factor = factor});
  auto wanted = views(want);
  for (size_t t = 0; t < sizes.size(); ++t) scalar_step(wanted[t], sizes[t], rule, T(factor));
  EXPECT_EQ(got.value, want.value);
  EXPECT_EQ(got.first, want.first);
  EXPECT_EQ(got.gradient, before.gradient) << "the stored gradient stays as backward left it";
  EXPECT_EQ(got.value, unwatched.value) << "looking must not change the step";
  expect_watched(before, got, factor, stats);
}

TEST(Sgd, SameBitsAsAScalarLoopAndWatchedAsHistogramsSay) {
  for (const auto& sizes : tensor_sets())
    for (const SgdRule& rule : kRules)
      for (double factor : {1.0, 0.37}) {
        expect_scalar_bits_and_watch<float>(sizes, 0, rule, factor);
        expect_scalar_bits_and_watch<double>(sizes, 1, rule, factor);
      }
  for (long offset : {1, 3, 7}) expect_scalar_bits_and_watch<float>({515, 0, 20001}, offset, kRules[1], 0.5);
}

template <class T>
double spec_gap(const SgdRule& rule) {
  OptimizerCase<T> c({1003, 77});
  std::vector<std::vector<double>> value, b;
  for (size_t t = 0; t < c.sizes.size(); ++t) {
    value.emplace_back(c.value[t].begin(), c.value[t].end());
    b.emplace_back(c.first[t].begin(), c.first[t].end());
    for (long i = 0; i < c.sizes[t]; ++i)
      kernels::sgd_spec(value[t][i], b[t][i], c.gradient[t][i], t % 2 ? 0 : 0.1, 0.5, rule);
  }
  run(c, rule, {.clip_factor = 0.5});
  double gap = 0;
  for (size_t t = 0; t < c.sizes.size(); ++t) {
    gap = std::max(gap, nmse(c.value[t].data(), value[t].data(), c.sizes[t]));
    if (rule.momentum != 0) gap = std::max(gap, nmse(c.first[t].data(), b[t].data(), c.sizes[t]));
  }
  return gap;
}

TEST(Sgd, MatchesTheSpec) {
  for (const SgdRule& rule : kRules) {
    EXPECT_LT(spec_gap<float>(rule), parity_bound(Dtype::f32));
    EXPECT_LT(spec_gap<double>(rule), parity_bound(Dtype::f64));
  }
}

TEST(Sgd, NotANumberIsCountedAndStaysInItsElement) {
  OptimizerCase<float> c({600});
  c.gradient[0][513] = NAN;
  WatchedStats stats(1);
  run(c, kRules[1], {}, stats.all());
  EXPECT_EQ(stats.gradient[0].bins[kNanBin], 1u);
  EXPECT_EQ(stats.update[0].bins[kNanBin], 1u);
  for (long i = 0; i < 600; ++i) EXPECT_EQ(std::isnan(c.value[0][i]), i == 513);
}

TEST(Sgd, SkippedStepChangesNothingAndStillLooks) {
  const OptimizerCase<float> before({600, 17000});
  OptimizerCase<float> c = before;
  c.gradient[0][5] = INFINITY;
  WatchedStats stats(2);
  run(c, kRules[1], {.skip = true}, stats.all());
  EXPECT_EQ(c.value, before.value);
  EXPECT_EQ(c.first, before.first);
  EXPECT_EQ(stats.gradient[0].bins[kPlusInfBin], 1u);
  EXPECT_EQ(stats.update[1].bins[kZeroBin], 17000u);
}

TEST(Sgd, ZeroesTheGradientInTheSamePass) {
  OptimizerCase<float> c({3, 513, 16390}), kept = c;
  run(c, kRules[0], {.zero_gradients = true});
  run(kept, kRules[0], {});
  EXPECT_EQ(c.value, kept.value);
  for (const auto& g : c.gradient)
    for (float x : g) ASSERT_EQ(x, 0);
}

TEST(Sgd, SameBitsOnAnyNumberOfThreads) {
  const OptimizerCase<float> before({100003, 1, 0, 40000});
  const int threads = omp_get_max_threads();
  OptimizerCase<float> alone = before;
  WatchedStats alone_stats(4);
  omp_set_num_threads(1);
  run(alone, kRules[2], {}, alone_stats.all());
  for (int n : {2, 3, 7}) {
    OptimizerCase<float> c = before;
    WatchedStats stats(4);
    omp_set_num_threads(n);
    run(c, kRules[2], {}, stats.all());
    EXPECT_EQ(c.value, alone.value) << n << " threads";
    EXPECT_EQ(stats, alone_stats) << n << " threads";
  }
  omp_set_num_threads(threads);
}

}  // namespace
}  // namespace heartbeat
