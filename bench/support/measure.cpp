#include <algorithm>
#include <cmath>

#include "bench/support/bench.h"
#include "bench/support/stopwatch.h"

namespace heartbeat::bench {
namespace {

constexpr double kSampleSeconds = 1e-3;  // what a clock and a waking thread do not disturb much
constexpr double kCaseSeconds = 0.3;
constexpr size_t kFewest = 15, kMost = 101;
constexpr double kLongSeconds = 0.5;  // of one call: then three samples do
constexpr size_t kFewestLong = 3;

struct Contestant {
  std::function<void()> run;
  long repeats = 1;
  std::vector<double> seconds = {};  // of one call, a sample each
  size_t fewest = kFewest;

  void settle() {
    run();
    const double once = seconds_of(run, 1);
    if (once > kLongSeconds) fewest = kFewestLong;
    repeats = std::max(1L, std::lround(kSampleSeconds / std::max(once, 1e-9)));
    repeats = std::min(repeats, 100'000L);
  }
  void sample() { seconds.push_back(seconds_of(run, repeats) / double(repeats)); }
  double quantile(double q) const {
    std::vector<double> sorted = seconds;
    std::sort(sorted.begin(), sorted.end());
    return sorted[size_t(std::lround(q * double(sorted.size() - 1)))];
  }
};

// And the product of the lengths, in which rounding is counted.
std::pair<double, double> inner_product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0, aa = 0, bb = 0;
  for (size_t k = 0; k < a.size(); ++k) {
    sum += double(a[k]) * b[k];
    aa += double(a[k]) * a[k];
    bb += double(b[k]) * b[k];
  }
  return {sum, std::sqrt(aa * bb)};
}

}  // namespace

bool is_adjoint(const Array<float>& dy, const Array<float>& y, const Array<float>& dx, const Array<float>& x) {
  const auto [of_y, size] = inner_product(dy.host(), y.host());
  return std::abs(of_y - inner_product(dx.host(), x.host()).first) < 1e-6 * size;
}

void measure(benchmark::State& state, const std::function<void()>& run, double least_bytes, double least_flops,
             const std::vector<Peer>& peers) {
  std::vector<Contestant> all;
  all.push_back({run});
  for (const Peer& peer : peers) all.push_back({peer.run});
  for (auto _ : state) {
    for (Contestant& c : all) c.settle();
    const double limit = kCaseSeconds * double(all.size());
    double spent = 0;
    while (all[0].seconds.size() < kMost && (all[0].seconds.size() < all[0].fewest || spent < limit))
      for (Contestant& c : all) {
        c.sample();
        spent += c.seconds.back() * double(c.repeats);
      }
    state.SetIterationTime(all[0].quantile(0.5));
  }
  const double median = all[0].quantile(0.5);
  state.counters["median"] = median;
  state.counters["p10"] = all[0].quantile(0.1);
  state.counters["p90"] = all[0].quantile(0.9);
  state.counters["samples"] = double(all[0].seconds.size());
  state.counters["least_MB"] = least_bytes / 1e6;
  state.counters["least_MFLOP"] = least_flops / 1e6;
  state.counters["GB/s"] = least_bytes / median / 1e9;
  state.counters["GFLOP/s"] = least_flops / median / 1e9;
  for (size_t p = 0; p < peers.size(); ++p) {
    const Contestant& peer = all[p + 1];
    Contestant ratios;
    for (size_t k = 0; k < peer.seconds.size(); ++k) ratios.seconds.push_back(peer.seconds[k] / all[0].seconds[k]);
    state.counters["peer:" + peers[p].name] = peer.quantile(0.5);
    state.counters["p10:" + peers[p].name] = peer.quantile(0.1);
    state.counters["p90:" + peers[p].name] = peer.quantile(0.9);
    state.counters["ratio:" + peers[p].name] = ratios.quantile(0.5);
  }
}

}  // namespace heartbeat::bench
