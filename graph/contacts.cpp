#include "graph/contacts.h"

#include <algorithm>
#include <limits>
#include <string>
#include <tuple>

#include "graph/contact_geometry.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

struct Found {
  int i, j;
  std::uint16_t channels;
};

// Pairs that only the whole chain knows: peptide bonds, annotated links, backbone hydrogen bonds.
void add_chain_contacts(const std::vector<StructureChain>& chains, const std::vector<PlacedResidue>& residues,
                        std::vector<Found>& found) {
  const auto add = [&](int i, int j, int channel) {
    if (i != j) found.push_back({std::min(i, j), std::max(i, j), channel_bit(channel)});
  };
  for (int i = 1; i < int(residues.size()); ++i)
    if (residues[i].follows) add(i - 1, i, kCovalent);
  std::vector<long> first{0};
  for (const StructureChain& chain : chains) first.push_back(first.back() + chain.length());
  for (std::size_t c = 0; c < chains.size(); ++c)
    for (const StructureLink& link : chains[c].links)
      for (std::size_t d = 0; d < chains.size(); ++d) {
        const bool partner = link.partner_chain == chains[c].name
                                 ? d == c
                                 : link.partner_chain == chains[d].name && chains[c].source == chains[d].source;
        if (partner) add(int(first[c]) + link.residue, int(first[d]) + link.partner_residue, kCovalent);
      }
  for (const BackboneHydrogenBond& bond : backbone_hydrogen_bonds(residues))
    add(bond.donor, bond.acceptor, kHbBackbone);
}

void add_atom_contacts(const std::vector<PlacedResidue>& residues, bool angle_filter, std::vector<Found>& found) {
  constexpr double kWidestRule = 8.0;  // cb8
  const auto previous_c = [&](int i) { return residues[i].follows ? &residues[i - 1].at[AminoAcid::kC] : nullptr; };
  for (int i = 0; i < int(residues.size()); ++i) {
    const PlacedResidue& a = residues[i];
    if (!a.present) continue;
    for (int j = i + 1; j < int(residues.size()); ++j) {
      const PlacedResidue& b = residues[j];
      const double limit = a.reach + b.reach + kWidestRule;
      const Point line = a.centre - b.centre;
      if (!b.present || dot(line, line) >= limit * limit) continue;
      const auto channels = atom_contacts(a, b, previous_c(i), previous_c(j), angle_filter);
      if (channels) found.push_back({i, j, channels});
    }
  }
}

// Channels that count at this separation.
std::uint16_t counted(const PlacedResidue& a, const PlacedResidue& b) {
  if (a.chain != b.chain) return 0x1ff;
  std::uint16_t bits = 0;
  for (int k = 0; k < kChannels; ++k)
    if (b.in_chain - a.in_chain >= kChannelTable[k].min_separation_loss) bits |= channel_bit(k);
  return bits;
}

std::vector<ContactPair> merged(std::vector<Found> found) {
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return std::tie(a.i, a.j) < std::tie(b.i, b.j); });
  std::vector<ContactPair> pairs;
  for (const Found& f : found) {
    if (pairs.empty() || pairs.back().i != f.i || pairs.back().j != f.j)
      pairs.push_back({std::uint16_t(f.i), std::uint16_t(f.j), 0});
    pairs.back().channels |= f.channels;
  }
  return pairs;
}

}  // namespace

Protein label_contacts(const std::vector<StructureChain>& chains, const ReadOptions& options) {
  const std::vector<PlacedResidue> residues = place_residues(chains);
  const int length = int(residues.size());
  if (length > std::numeric_limits<std::uint16_t>::max() || chains.size() > 255)
    throw UserError((chains.empty() ? std::string("structure") : chains[0].source) + ": " + std::to_string(length) +
                    " residues in " + std::to_string(chains.size()) +
                    " chains are more than the 65535 residues and 255 chains that labels can hold");
  Protein protein;
  for (int i = 0; i < length; ++i) {
    const PlacedResidue& r = residues[i];
    protein.sequence.push_back(std::uint8_t(r.token));
    protein.segment.push_back(std::uint8_t(r.chain));
    protein.observed.push_back(observed_channels(residues, i));
    for (int axis = 0; axis < 3; ++axis)
      protein.c_beta.push_back(r.has_c_beta ? float(r.c_beta[axis]) : std::numeric_limits<float>::quiet_NaN());
  }
  std::vector<Found> found;
  add_chain_contacts(chains, residues, found);
  add_atom_contacts(residues, options.hb_angle_filter, found);

  for (ContactPair pair : merged(std::move(found))) {
    if (pair.channels & channel_bit(kCovalent)) pair.channels &= std::uint16_t(~channel_bit(kVanDerWaals));
    pair.channels &= counted(residues[pair.i], residues[pair.j]);
    if (!options.keep_partial_positives) pair.channels &= protein.observed[pair.i] & protein.observed[pair.j];
    if (pair.channels) protein.contacts.push_back(pair);
  }
  return protein;
}

Protein merge_homodimer(Protein complex) {
  const long half = complex.length() / 2;
  const bool two_equal =
      complex.length() % 2 == 0 && half > 0 && complex.segment.front() == 0 && complex.segment.back() == 1 &&
      complex.segment[half] == 1 && complex.segment[half - 1] == 0 &&
      std::equal(complex.sequence.begin(), complex.sequence.begin() + half, complex.sequence.begin() + half);
  if (!two_equal) return complex;
  std::vector<Found> found;
  for (const ContactPair& pair : complex.contacts) {
    found.push_back({pair.i, pair.j, pair.channels});
    if (complex.segment[pair.i] == complex.segment[pair.j]) continue;
    const int i = int(pair.j - half), j = int(pair.i + half);
    const auto valid = std::uint16_t(pair.channels & complex.observed[i] & complex.observed[j]);
    if (valid) found.push_back({i, j, valid});
  }
  complex.contacts = merged(std::move(found));
  return complex;
}

}  // namespace heartbeat
