#include "tools/contacts/secondary_structure.h"

#include <algorithm>
#include <set>
#include <utility>

namespace heartbeat {
namespace {

constexpr int kBackboneBond = 2;  // bit of hb_bb
constexpr long kLadderFrom = 6;   // a ladder that starts nearer is a turn
constexpr long kTurnOfHelix = 4;

}  // namespace

std::string secondary_structure(const Protein& protein) {
  std::set<std::pair<long, long>> bonds;
  for (const ContactPair& c : protein.contacts)
    if (c.channels >> kBackboneBond & 1) bonds.insert({c.i, c.j});
  const auto bonded = [&](long i, long j) { return bonds.count({std::min(i, j), std::max(i, j)}) > 0; };
  const auto one_chain = [&](long i, long j) { return protein.segment[i] == protein.segment[j]; };

  std::string letters(protein.length(), '-');
  const auto mark = [&](long first, long last, char letter) {
    for (long i = first; i <= last; ++i)
      if (letters[i] != 'H') letters[i] = letter;
  };
  for (const auto& [i, j] : bonds)
    if (j - i == kTurnOfHelix && bonded(i + 1, j + 1) && one_chain(i, j)) mark(i + 1, j, 'H');
  for (const auto& [i, j] : bonds) {
    if (one_chain(i, j) && j - i < kLadderFrom) continue;
    const bool room = i + 2 < protein.length() && one_chain(i, i + 2);
    if (room && j >= 2 && j - 2 > i + 2 && one_chain(j - 2, j) && bonded(i + 2, j - 2)) {  // antiparallel
      mark(i, i + 2, 'E');
      mark(j - 2, j, 'E');
    }
    if (room && bonded(i + 2, j)) {  // parallel: residue j between its two partners
      mark(i, i + 2, 'E');
      mark(j, j, 'E');
    }
    if (j + 2 < protein.length() && one_chain(j, j + 2) && bonded(i, j + 2)) {
      mark(j, j + 2, 'E');
      mark(i, i, 'E');
    }
  }
  return letters;
}

}  // namespace heartbeat
