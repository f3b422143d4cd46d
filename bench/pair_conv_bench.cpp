// Pair convolution beside a plain sgemm of the same size, both in one process and taking turns: a shared machine slows
// both. of_sgemm is the median over rounds of (FLOP/s of ours) / (FLOP/s of sgemm); best_of_sgemm compares the best
// round of each, which says more when other programs take the cores away. square is a product of 1024 x 1024 matrices.
#include "kernels/pair_conv/pair_conv.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#include "kernels/pair_conv/pair_conv_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using blas::Op;

enum Part { forward, dx, dw };

double seconds_of(const std::function<void()>& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}
double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + v.size() / 2, v.end());
  return v[v.size() / 2];
}
std::vector<float> uniforms(long n, unsigned seed) {
  std::minstd_rand engine(seed);
  std::vector<float> v(n);
  for (float& value : v) value = float(engine()) / 1073741824.f - 1;
  return v;
}

// [pairs, taps * c] x [taps * c, c], or its weight gradient [taps * c, pairs] x [pairs, c], cut in two for two cores.
class Sgemm {
 public:
  Sgemm(long m, long n, long k, bool transposed)
      : m_(m), n_(n), k_(k), transposed_(transposed), a_(uniforms(m * k, 3)), b_(uniforms(k * n, 4)), c_(m * n) {}
  void operator()() {
    const long half = m_ / 2;
    for_chunks(m_, std::max(half, m_ - half), [&](long first, long last) {
      blas::gemm<float>(transposed_ ? Op::transpose : Op::none, Op::none, last - first, n_, k_, 1,
                        a_.data() + (transposed_ ? first : first * k_), transposed_ ? m_ : k_, b_.data(), n_, 0,
                        c_.data() + first * n_, n_);
    });
  }
  double flops() const { return 2.0 * m_ * n_ * k_; }

 private:
  long m_, n_, k_;
  bool transposed_;
  std::vector<float> a_, b_, c_;
};

// Arguments: part, tied, length, channels, dilation.
void pair_conv_case(benchmark::State& state) {
  const Part part = Part(state.range(0));
  const long length = state.range(2), c = state.range(3);
  const kernels::PairConvShape shape{c, c, int(state.range(4)), state.range(1) != 0};
  std::vector<PairMember> members;
  members.push_back(single_chain(length));
  const PairLayout layout(std::move(members));
  const long pairs = layout.pairs(), taps = shape.taps();
  const std::vector<float> x = uniforms(pairs * c, 1), W = uniforms(c * c * taps, 2);
  std::vector<float> y(pairs * c), weights(c * c * taps), bias(c);

  const auto run = [&] {
    if (part == forward)
      kernels::pair_conv<float>(Cpu{}, layout.view(), shape, {x.data(), pairs, c}, W.data(), bias.data(),
                                {y.data(), pairs, c});
    else if (part == dx)
      kernels::pair_conv_dx_accumulate<float>(Cpu{}, layout.view(), shape, {x.data(), pairs, c}, W.data(),
                                              {y.data(), pairs, c});
    else
      kernels::pair_conv_dw_accumulate<float>(Cpu{}, layout.view(), shape, {x.data(), pairs, c}, {x.data(), pairs, c},
                                              weights.data(), bias.data());
  };
  run();
  if (part == forward && length <= 128) {
    const std::vector<double> xd(x.begin(), x.end()), wd(W.begin(), W.end());
    std::vector<double> want(y.size());
    kernels::pair_conv_spec(layout.view(), shape, {xd.data(), pairs, c},
                            shape.tied ? kernels::untie(wd.data(), c, c).data() : wd.data(), nullptr,
                            {want.data(), pairs, c});
    if (testing::nmse(y.data(), want.data(), long(y.size())) > testing::parity_bound(Dtype::f32))
      return state.SkipWithError("wrong result");
  }

  Sgemm same = part == dw ? Sgemm(taps * c, c, pairs, true) : Sgemm(pairs, c, taps * c, false);
  Sgemm square(1024, 1024, 1024, false);
  same();
  square();
  std::vector<double> ours, theirs, squares, of_same;
  for (auto _ : state) {
    const double seconds = seconds_of(run), rate = same.flops() / seconds;
    ours.push_back(rate);
    theirs.push_back(same.flops() / seconds_of(same));
    of_same.push_back(rate / theirs.back());
    if (ours.size() % 4 == 1) squares.push_back(square.flops() / seconds_of(square));
    state.SetIterationTime(seconds);
  }
  bench::declare(state, 2.0 * pairs * c * 4, same.flops());
  const auto best = [](const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); };
  state.counters["GFLOP/s"] = median(ours) / 1e9;
  state.counters["of_sgemm"] = median(of_same);
  state.counters["best_of_sgemm"] = best(ours) / best(theirs);
  state.counters["best_of_square"] = best(ours) / best(squares);
}

BENCHMARK(pair_conv_case)
    ->Name("pair_conv")
    ->ArgNames({"part", "tied", "L", "C", "d"})
    ->ArgsProduct({{forward, dx, dw}, {0, 1}, {128, 256, 512}, {32, 64}, {1}})
    ->ArgsProduct({{forward, dx, dw}, {0, 1}, {256}, {64}, {4}})
    ->UseManualTime()
    ->MinTime(0.3)
    ->Unit(benchmark::kMillisecond);

}  // namespace
