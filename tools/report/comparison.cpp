#include "tools/report/comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "autograd/tensor.h"
#include "tools/log/repeatable.h"
#include "tools/report/scales.h"

namespace heartbeat {
namespace {

std::map<std::string, std::string> settings_by_key(const RunReader& run) {
  std::map<std::string, std::string> settings;
  if (const auto config = run.meta().find("config"); config != run.meta().end())
    for (const Setting& s : settings_of(config->second)) settings[s.key] = s.value;
  return settings;
}

std::uint64_t digest(const TensorStats& stats) {
  std::uint64_t h = 0;
  const auto add = [&](std::uint64_t word) {
    h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    h ^= h >> 29;
  };
  for (std::uint64_t count : stats.bins) add(count);
  if (stats.finite())
    for (double v : {stats.min, stats.max, stats.sum, stats.sum_of_squares, stats.abs_sum})
      add(std::bit_cast<std::uint64_t>(v + 0.0));
  return h;
}

bool same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

// Rows of the log by what they are rows of.
struct RowKey {
  long step;
  int tensor, quantity;  // tensor: number in the first run
  bool operator==(const RowKey&) const = default;
};
struct HashOfKey {
  std::size_t operator()(const RowKey& k) const {
    return std::size_t(k.step) * 0x9e3779b97f4a7c15ull + std::size_t(k.tensor * 8 + k.quantity);
  }
};

// Number in run a of each tensor of run b, -1 where a has none of that name and shape.
std::vector<int> matching_tensors(const RunReader& a, const RunReader& b) {
  std::map<std::pair<std::string, std::vector<long>>, int> known;
  for (std::size_t t = 0; t < a.tensors().size(); ++t) known[{a.tensors()[t].name, a.tensors()[t].shape}] = int(t);
  std::vector<int> matches;
  for (const TensorRow& t : b.tensors()) {
    const auto at = known.find({t.name, t.shape});
    matches.push_back(at == known.end() ? -1 : at->second);
  }
  return matches;
}

// Collects the steps of what is compared and the names of what differs at the first of them.
struct Verdict {
  std::set<long> steps;
  std::map<long, std::vector<std::string>> different;

  void note(long step, bool equal, const std::string& name) {
    steps.insert(step);
    if (equal || (!different.empty() && step > different.begin()->first)) return;
    different[step].push_back(name);
    different.erase(std::next(different.begin()), different.end());
  }
};

void compare_scalars(const RunReader& a, const RunReader& b, Verdict& verdict, Comparison& c) {
  std::map<std::pair<long, std::string>, double> of_a;
  for (const ScalarRow& s : a.scalars())
    if (scalar_repeats(s.name)) of_a[{s.step, s.name}] = s.value;
  std::map<std::string, Comparison::Number> last;
  for (const ScalarRow& s : b.scalars()) {
    const auto at = of_a.find({s.step, s.name});
    if (at == of_a.end()) continue;
    ++c.scalars;
    verdict.note(s.step, same(at->second, s.value), s.name);
    last[s.name] = {s.name, s.step, at->second, s.value};
  }
  for (auto& [name, number] : last) c.last.push_back(number);
}

void compare_histograms(const RunReader& a, const RunReader& b, Verdict& verdict, Comparison& c) {
  std::unordered_map<RowKey, std::uint64_t, HashOfKey> of_a;
  const auto key = [](const WatchRow& w, int tensor) { return RowKey{w.step, tensor, int(w.quantity)}; };
  const auto is_gradient = [](const WatchRow& w) { return w.quantity == Quantity::gradient; };
  a.watch({}, [&](const WatchRow& w) { of_a[key(w, w.tensor)] = digest(w.stats); });

  const std::vector<int> match = matching_tensors(a, b);
  std::vector<TensorStats> total_a(a.tensors().size()), total_b(a.tensors().size());
  std::set<long> steps_of_b;
  b.watch({}, [&](const WatchRow& w) {
    const int tensor = match[w.tensor];
    const auto at = tensor < 0 ? of_a.end() : of_a.find(key(w, tensor));
    if (at == of_a.end()) return;
    ++c.histograms;
    steps_of_b.insert(w.step);
    verdict.note(w.step, at->second == digest(w.stats),
                 std::string(name_of(w.quantity)) + "/" + a.tensors()[tensor].name);
    if (is_gradient(w))
      for (int k = 0; k < kBins; ++k) total_b[tensor].bins[k] += w.stats.bins[k];
  });
  // A second look at a, now that the common steps are known.
  a.watch({}, [&](const WatchRow& w) {
    if (is_gradient(w) && steps_of_b.count(w.step))
      for (int k = 0; k < kBins; ++k) total_a[w.tensor].bins[k] += w.stats.bins[k];
  });
  for (std::size_t t = 0; t < total_a.size(); ++t)
    if (total_a[t].count() && total_b[t].count())
      c.tensors.push_back({a.tensors()[t].name, median_magnitude(total_a[t]), median_magnitude(total_b[t]),
                           share_elsewhere(total_a[t], total_b[t])});
}

}  // namespace

std::vector<SettingDifference> setting_differences(std::span<const RunReader> runs) {
  std::vector<std::map<std::string, std::string>> settings;
  std::vector<std::string> keys;  // in the order of the configs
  for (const RunReader& run : runs) {
    settings.push_back(settings_by_key(run));
    if (const auto config = run.meta().find("config"); config != run.meta().end())
      for (const Setting& s : settings_of(config->second))
        if (std::find(keys.begin(), keys.end(), s.key) == keys.end()) keys.push_back(s.key);
  }
  std::vector<SettingDifference> differences;
  for (const std::string& key : keys) {
    SettingDifference d{key, {}};
    for (const auto& s : settings) {
      const auto at = s.find(key);
      d.values.push_back(at == s.end() ? std::nullopt : std::optional(at->second));
    }
    if (std::any_of(d.values.begin(), d.values.end(), [&](const auto& v) { return v != d.values.front(); }))
      differences.push_back(std::move(d));
  }
  return differences;
}

std::vector<LoneTensor> lone_tensors(std::span<const RunReader> runs) {
  std::vector<LoneTensor> tensors;
  for (std::size_t r = 0; r < runs.size(); ++r)
    for (const TensorRow& t : runs[r].tensors()) {
      const std::string shape = to_string(t.shape);
      auto at = std::find_if(tensors.begin(), tensors.end(),
                             [&](const LoneTensor& l) { return l.name == t.name && l.shape == shape; });
      if (at == tensors.end()) at = tensors.insert(tensors.end(), {t.name, shape, {}});
      at->runs.push_back(int(r));
    }
  std::erase_if(tensors, [&](const LoneTensor& l) { return l.runs.size() == runs.size(); });
  return tensors;
}

Comparison compare(const RunReader& a, const RunReader& b) {
  Comparison c;
  Verdict verdict;
  compare_scalars(a, b, verdict, c);
  compare_histograms(a, b, verdict, c);
  c.steps = long(verdict.steps.size());
  if (!verdict.different.empty()) {
    c.differ = true;
    std::tie(c.first_step, c.first_names) = *verdict.different.begin();
  }
  return c;
}

}  // namespace heartbeat
