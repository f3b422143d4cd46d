#include "graph/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <string_view>

#include "kernels/common/pair.h"

namespace heartbeat {
namespace {

constexpr double kNone = NAN;

struct Ranked {
  float score;
  bool positive, eligible;
};

bool one_of(int token, std::string_view letters) {
  return letters.find(kAlphabet[token]) != std::string_view::npos;
}

Band band_of(long separation) {
  return separation >= 24   ? Band::long_
         : separation >= 12 ? Band::medium
         : separation >= 6  ? Band::short_
                            : Band::near_;
}

// Mean of precision at the rank of each positive.
double average_precision(const std::vector<Ranked>& ranked, bool eligible_only) {
  double sum = 0;
  long seen = 0, found = 0;
  for (const Ranked& r : ranked) {
    if (eligible_only && !r.eligible) continue;
    ++seen;
    if (r.positive) sum += double(++found) / double(seen);
  }
  return found ? sum / double(found) : kNone;
}

// The share of (positive, negative) pairs in the right order; equal scores count half.
double roc_area(const std::vector<Ranked>& ranked, long positives) {
  const long negatives = long(ranked.size()) - positives;
  if (!positives || !negatives) return kNone;
  double below = 0;  // over positives: negatives ranked after it
  long negatives_left = negatives;
  for (size_t first = 0; first < ranked.size();) {
    size_t last = first;
    long p = 0, n = 0;
    // NaN equals nothing, not even itself, but forms one group here.
    const auto tied = [&](const Ranked& r) {
      return r.score == ranked[first].score || (std::isnan(r.score) && std::isnan(ranked[first].score));
    };
    for (; last < ranked.size() && tied(ranked[last]); ++last) ++(ranked[last].positive ? p : n);
    negatives_left -= n;
    below += double(p) * (double(negatives_left) + 0.5 * double(n));
    first = last;
  }
  return below / (double(positives) * double(negatives));
}

BandScore score_band(std::vector<Ranked>& pairs, long length) {
  BandScore s{{kNone, kNone, kNone, kNone}, kNone, kNone, kNone, kNone, long(pairs.size()), 0};
  s.positives = std::count_if(pairs.begin(), pairs.end(), [](const Ranked& r) { return r.positive; });
  if (pairs.empty()) return s;
  // Pairs come in (i, j) order, which a stable sort keeps among ties. NaN ranks last.
  std::stable_sort(pairs.begin(), pairs.end(), [](const Ranked& a, const Ranked& b) {
    return a.score > b.score || (std::isnan(b.score) && !std::isnan(a.score));
  });
  for (size_t f = 0; f < kTopFractions.size(); ++f) {
    const long k = std::min<long>(std::max(1L, length / kTopFractions[f]), long(pairs.size()));
    s.precision[f] = double(std::count_if(pairs.begin(), pairs.begin() + k, [](auto& r) { return r.positive; })) / k;
  }
  s.auprc = average_precision(pairs, false);
  s.auprc_eligible = average_precision(pairs, true);
  s.auroc = roc_area(pairs, s.positives);
  s.density = double(s.positives) / double(s.valid);
  return s;
}

template <class Value>
MacroValue macro_of(const std::vector<MapScore>& maps, Value value) {
  std::vector<double> values;
  for (const MapScore& m : maps) values.push_back(value(m));
  return macro(values);
}

}  // namespace

const char* name_of(Band band) {
  constexpr const char* names[] = {"near", "short", "medium", "long", "all", "inter"};
  return names[size_t(band)];
}

bool type_eligible(int channel, int a, int b) {
  const auto both = [&](std::string_view x, std::string_view y) {
    return (one_of(a, x) && one_of(b, y)) || (one_of(b, x) && one_of(a, y));
  };
  const std::string_view name = kChannelTable[channel].name;
  if (name == "salt") return both("DE", "KR");
  if (name == "arom") return both("FWYH", "FWYH") || both("FWY", "KR");
  if (name == "hydrophobic") return both("AVLIMFWPC", "AVLIMFWPC");
  return true;
}

MapScore score_map(const Protein& protein, const float* scores) {
  const long length = protein.length();
  std::vector<long> chain_length(256, 0);
  for (long i = 0; i < length; ++i) ++chain_length[protein.segment[i]];
  long shortest = length;
  for (long n : chain_length)
    if (n) shortest = std::min(shortest, n);

  std::vector<std::uint16_t> positive(pair_count(length), 0);
  for (const ContactPair& c : protein.contacts) positive[pair_index(c.i, c.j, length)] = c.channels;

  MapScore result;
  std::array<std::vector<Ranked>, kBands.size()> bands;
  for (int k = 0; k < kChannels; ++k) {
    for (auto& band : bands) band.clear();
    const std::uint16_t bit = std::uint16_t(1 << k);
    for (long i = 0; i < length; ++i) {
      if (!(protein.observed[i] & bit)) continue;
      for (long j = i + 1; j < length; ++j) {
        if (!(protein.observed[j] & bit)) continue;
        const long p = pair_index(i, j, length);
        const Ranked r{scores[p * kChannels + k], (positive[p] & bit) != 0,
                       type_eligible(k, protein.sequence[i], protein.sequence[j])};
        if (protein.segment[i] != protein.segment[j]) {
          bands[size_t(Band::inter)].push_back(r);
        } else if (j - i >= 2) {
          bands[size_t(band_of(j - i))].push_back(r);
          if (j - i >= kChannelTable[k].min_separation_report) bands[size_t(Band::all)].push_back(r);
        }
      }
    }
    for (Band band : kBands)
      result.channel[k][size_t(band)] = score_band(bands[size_t(band)], band == Band::inter ? shortest : length);
  }
  return result;
}

MacroValue macro(const std::vector<double>& all) {
  std::vector<double> values;
  std::copy_if(all.begin(), all.end(), std::back_inserter(values), [](double v) { return !std::isnan(v); });
  const long n = long(values.size());
  if (!n) return {kNone, kNone, kNone, 0};
  constexpr int kDraws = 1000;
  std::mt19937_64 engine(17);
  std::vector<double> means(kDraws);
  for (double& mean : means) {
    double sum = 0;
    for (long k = 0; k < n; ++k) sum += values[engine() % n];
    mean = sum / double(n);
  }
  std::sort(means.begin(), means.end());
  return {std::accumulate(values.begin(), values.end(), 0.0) / double(n), means[kDraws * 25 / 1000],
          means[kDraws * 975 / 1000], n};
}

MacroValue Summary::precision(int k, Band band, int fraction) const {
  const auto f = std::find(kTopFractions.begin(), kTopFractions.end(), fraction) - kTopFractions.begin();
  return macro_of(maps, [=](const MapScore& m) { return m.at(k, band).precision[f]; });
}
MacroValue Summary::auprc(int k, Band band) const {
  return macro_of(maps, [=](const MapScore& m) { return m.at(k, band).auprc; });
}
MacroValue Summary::auprc_eligible(int k, Band band) const {
  return macro_of(maps, [=](const MapScore& m) { return m.at(k, band).auprc_eligible; });
}
MacroValue Summary::auroc(int k, Band band) const {
  return macro_of(maps, [=](const MapScore& m) { return m.at(k, band).auroc; });
}
MacroValue Summary::density(int k, Band band) const {
  return macro_of(maps, [=](const MapScore& m) { return m.at(k, band).density; });
}

}  // namespace heartbeat
