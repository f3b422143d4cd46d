// How good a predicted map is: precision among the best-ranked pairs, average precision and ROC area, per channel and
// separation band. Only whole maps are scored, never crops (protein.md 8).
#pragma once

#include <array>
#include <string>
#include <vector>

#include "graph/protein.h"

namespace heartbeat {

// Separations within one chain: near 2-5, short 6-11, medium 12-23, long from 24; all is every pair from the channel's
// report separation on. inter: pairs of different chains.
enum class Band { near_, short_, medium, long_, all, inter };
inline constexpr std::array<Band, 6> kBands = {Band::near_, Band::short_, Band::medium,
                                               Band::long_, Band::all,    Band::inter};
const char* name_of(Band band);

inline constexpr std::array<int, 4> kTopFractions = {10, 5, 2, 1};  // L/10, L/5, L/2, L

// Scores of one map, channel and band. What cannot be computed (no valid pair, no positive) is NaN.
struct BandScore {
  std::array<double, 4> precision;  // true among the best max(1, floor(L / m)) pairs, m of kTopFractions
  double auprc, auroc;              // average precision (ties by i, j); area under the ROC curve (ties count half)
  double auprc_eligible;            // the same over pairs whose residue types can make such a contact at all
  double density;                   // positives / valid: what a random ranking scores
  long valid = 0, positives = 0;
};

struct MapScore {
  std::array<std::array<BandScore, kBands.size()>, kChannels> channel;
  const BandScore& at(int k, Band band) const { return channel[k][size_t(band)]; }
};

// scores: [pairs, kChannels] of the packed triangle, larger is likelier. L is the sequence length, of the shorter chain
// for inter.
MapScore score_map(const Protein& protein, const float* scores);

// Whether residues of these types can be in contact through the channel at all (salt, arom, hydrophobic).
bool type_eligible(int channel, int token_i, int token_j);

struct MacroValue {
  double mean, low, high;  // mean over maps, and its bootstrap 95 % interval (1,000 draws, fixed seed)
  long maps = 0;           // how many have a value
};
MacroValue macro(const std::vector<double>& values);

// All maps, one value each: what names the measure, as in the run log.
struct Summary {
  explicit Summary(std::vector<MapScore> maps) : maps(std::move(maps)) {}
  MacroValue precision(int k, Band band, int fraction) const;
  MacroValue auprc(int k, Band band) const;
  MacroValue auprc_eligible(int k, Band band) const;
  MacroValue auroc(int k, Band band) const;
  MacroValue density(int k, Band band) const;

  std::vector<MapScore> maps;
};

}  // namespace heartbeat
