// A run that never happened: drifting histograms, losses that fall, a NaN, contact maps. For the tests of the log and
// of what reads it.
#pragma once

#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

#include "kernels/histogram/histogram.h"
#include "tools/log/run_log.h"

namespace heartbeat::testing {

// A directory of its own that goes away with the test.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heartbeat_XXXXXX").string();
    path_ = mkdtemp(pattern.data()) ? pattern : "";
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline RunLogOptions log_only() {
  RunLogOptions options;
  options.tensorboard = false;
  return options;
}

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

template <class Range>
TensorStats stats_of(const Range& values) {
  TensorStats s;
  s.min = INFINITY, s.max = -INFINITY;
  for (double x : values) {
    ++s.bins[bin_of(x)];
    if (!std::isfinite(x)) continue;
    s.min = std::min(s.min, x), s.max = std::max(s.max, x);
    s.sum += x, s.sum_of_squares += x * x, s.abs_sum += std::abs(x);
  }
  return s;
}

// n values of a normal distribution around mean, without drawing them: expected counts, jittered by their own spread.
inline TensorStats normal_stats(long n, double mean, double deviation, std::mt19937_64& engine) {
  TensorStats s;
  const auto below = [&](double x) { return 0.5 * std::erfc((mean - x) / (deviation * std::sqrt(2.0))); };
  std::normal_distribution<double> normal;
  std::uint64_t left = std::uint64_t(n);
  for (int index = 1; index < kNanBin - 1; ++index) {
    const double expected = double(n) * (below(bin_high_edge(index)) - below(bin_low_edge(index)));
    const double drawn = std::round(expected + std::sqrt(expected) * normal(engine));
    const std::uint64_t count = std::min(left, std::uint64_t(std::max(0.0, drawn)));
    left -= count;
    s.bins[index] = count;
  }
  int largest = kZeroBin;
  for (int index = 0; index < kNanBin; ++index)
    if (s.bins[index] > s.bins[largest]) largest = index;
  s.bins[largest] += left;
  s.min = mean - 3.5 * deviation, s.max = mean + 3.5 * deviation;
  s.sum = double(n) * mean;
  s.sum_of_squares = double(n) * (mean * mean + deviation * deviation);
  s.abs_sum = double(n) * std::max(std::abs(mean), 0.8 * deviation);
  return s;
}

struct FakeRun {
  long steps = 300;
  int blocks = 6;  // 6 tensors each, 4 more around them
  unsigned seed = 17;
  bool tensorboard = false;
  long first_step = 1, stop_after = 0;  // of a resumed or an interrupted run
};

inline std::vector<TensorRow> fake_tensors(int blocks) {
  std::vector<TensorRow> tensors = {{"embedding.weight", {21, 64}}};
  for (int b = 0; b < blocks; ++b) {
    const std::string block = "ggn.block" + std::to_string(b);
    tensors.push_back({block + ".conv.weight", {64, 64}});
    tensors.push_back({block + ".conv.bias", {64}});
    tensors.push_back({block + ".gru.weight_ih", {192, 64}});
    tensors.push_back({block + ".gru.weight_hh", {192, 64}});
    tensors.push_back({block + ".gru.bias_ih", {192}});
    tensors.push_back({block + ".gru.bias_hh", {192}});
  }
  tensors.push_back({"pair.conv.weight", {48, 48, 3, 3}});
  tensors.push_back({"pair.head.weight", {2, 48}});
  tensors.push_back({"pair.head.bias", {2}});
  return tensors;
}

inline std::vector<std::uint8_t> fake_map(int n, double sharpness, std::mt19937_64& engine) {
  std::vector<std::uint8_t> map(std::size_t(n) * n);
  std::uniform_real_distribution<double> uniform;
  for (int i = 0; i < n; ++i)
    for (int j = i; j < n; ++j) {
      const bool contact = j - i < 4 || std::abs(i + j - n) < 3 || std::abs(i + j - n / 2) < 2 ||
                           (std::abs(j - i - n / 3) < 2 && i < n / 3);
      const double p = sharpness * contact + (1 - sharpness) * uniform(engine) * std::exp(-(j - i) / 40.0);
      map[i * n + j] = map[j * n + i] = std::uint8_t(255 * std::min(1.0, p));
    }
  return map;
}

// Writes steps first_step .. stop_after (or steps) and closes; the same options give the same rows.
inline void write_fake_steps(RunLog& log, const FakeRun& run) {
  const auto tensors = fake_tensors(run.blocks);
  log.tensors(tensors);
  const long last = run.stop_after ? run.stop_after : run.steps;
  for (long step = run.first_step; step <= last; ++step) {
    std::mt19937_64 engine(run.seed * 1'000'003u + step);  // by step, so that a resumed run goes on alike
    std::normal_distribution<double> normal;
    const double t = double(step) / run.steps;
    const double lr = 1e-3 * std::min(1.0, step / 30.0) * 0.5 * (1 + std::cos(M_PI * t));
    std::vector<TensorStats> parameter, gradient, update;
    for (std::size_t k = 0; k < tensors.size(); ++k) {
      long n = 1;
      for (long d : tensors[k].shape) n *= d;
      const double width = 0.12 / std::sqrt(1 + 0.1 * double(k)) * (1 + 0.5 * t);
      const double slope = 0.05 * std::pow(0.86, double(k % 11)) * std::exp(-2 * t) * (1 + 0.3 * normal(engine) * t);
      parameter.push_back(normal_stats(n, 0.03 * std::sin(double(k)) * t, width, engine));
      gradient.push_back(normal_stats(n, slope * 0.2 * std::sin(step * 0.05), std::abs(slope) + 1e-7, engine));
      update.push_back(normal_stats(n, 0, lr * 0.7 + 1e-9, engine));
    }
    if (step == run.steps * 3 / 5) {  // one bad step
      TensorStats& lost = gradient[2];
      const std::uint64_t n = lost.count();
      lost.bins.fill(0);
      lost.bins[kNanBin] = n;
      std::swap(gradient[1].bins[kPlusInfBin], gradient[1].bins[kZeroBin - 40]);
    }
    log.watch(step, Quantity::parameter, std::move(parameter));
    log.watch(step, Quantity::gradient, std::move(gradient));
    log.watch(step, Quantity::update, std::move(update));
    log.step({step, double(step) / 100, {lr}, 1 / (1 + t), 1, step == run.steps * 3 / 5});
    const double loss = 0.7 * std::exp(-3 * t) + 0.12 + 0.03 * normal(engine);
    log.scalar(step, "train/loss", step == run.steps * 3 / 5 ? NAN : loss);
    log.scalar(step, "train/loss/cb8", 0.6 * loss);
    log.scalar(step, "train/loss/heavy", 0.4 * loss);
    log.scalar(step, "lr", lr);
    log.scalar(step, "gradients/global_norm", 2 * std::exp(-2 * t) * (1 + 0.2 * std::abs(normal(engine))));
    log.scalar(step, "clip/factor", std::min(1.0, 0.6 + t));
    log.scalar(step, "time/step", 0.21 + 0.01 * normal(engine));
    log.scalar(step, "time/watch_share", 0.012);
    if (step % 50 == 0 || step == run.steps) {
      log.scalar(step, "valid/loss", 0.6 * std::exp(-2.5 * t) + 0.16);
      int b = 0;
      for (const char* band : {"short", "medium", "long"}) {
        for (const char* channel : {"cb8", "heavy"}) {
          const std::string name = std::string(channel) + "/" + band;
          log.scalar(step, "valid/" + name + "@L/5", (0.9 - 0.15 * b) * (1 - std::exp(-4 * t)));
          log.scalar(step, "valid/" + name + "@L", (0.6 - 0.12 * b) * (1 - std::exp(-4 * t)));
          log.scalar(step, "valid/auprc/" + name, (0.8 - 0.15 * b) * (1 - std::exp(-3 * t)));
          log.scalar(step, "valid/density/" + name, 0.02 + 0.001 * b);
        }
        ++b;
      }
      std::mt19937_64 map_engine(run.seed);
      for (int protein = 0; protein < 2; ++protein)
        for (const char* channel : {"cb8", "heavy"}) {
          const std::string name = "maps/" + std::string(protein ? "1abc_A" : "2xyz_B") + "/" + channel;
          const int n = protein ? 90 : 130;
          log.image(step, name + "/predicted", n, n, fake_map(n, 0.9 * t, map_engine));
          log.image(step, name + "/true", n, n, fake_map(n, 1, map_engine));
        }
    }
    if (step == 1)
      for (const char* channel : {"cb8", "heavy"})
        for (const char* band : {"short", "medium", "long"}) {
          const std::string name = std::string(channel) + "/" + band + "@L/5";
          log.scalar(0, "baseline/prior/" + name, 0.08);
          log.scalar(0, "baseline/separation/" + name, 0.14);
        }
  }
}

inline RunLog::Meta fake_meta() {
  return {{"name", "fake"},
          {"program", "train_contacts"},
          {"seed", "17"},
          {"preset", "T"},
          {"config", "lr = 0.001\nbatch = 4\ncrop = 128\nrun-dir = \"runs/fake\"\nsize = \"T\"\n"}};
}

inline void write_fake_run(const std::string& directory, const FakeRun& run = {}) {
  RunLogOptions options;
  options.tensorboard = run.tensorboard;
  options.total_steps = run.steps;
  RunLog log(directory, fake_meta(), options);
  write_fake_steps(log, run);
  log.note(run.steps, "outcome", "finished");
  log.close();
}

}  // namespace heartbeat::testing
