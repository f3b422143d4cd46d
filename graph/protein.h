// One prepared example: a chain, or the concatenated chains of a complex, with its contacts. This is what the data set
// stores and what training reads; indices are 0-based positions in the full (SEQRES) sequence.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace heartbeat {

// Tokens 0-19 are the letters below, 20 is X.
inline constexpr const char* kAlphabet = "ACDEFGHIKLMNPQRSTVWYX";
inline constexpr int kTokens = 21, kUnknown = 20;

// Token of an upper-case one-letter code: U (Sec) reads as C, O (Pyl) as K, B, J, Z and anything else as X.
constexpr int token_of(char letter) {
  letter = letter == 'U' ? 'C' : letter == 'O' ? 'K' : letter;
  for (int t = 0; t < kUnknown; ++t)
    if (kAlphabet[t] == letter) return t;
  return kUnknown;
}

struct Channel {
  const char* name;
  const char* unit_and_rule;
  int min_separation_loss, min_separation_report;  // within one chain; between chains there is no limit
  double loss_weight;
};
inline constexpr int kChannels = 8;  // what the model predicts; bit k of a label is channel k
inline constexpr int kHeavy6 = 8;    // ninth bit, interfaces
inline constexpr std::array<Channel, 9> kChannelTable = {{
    {"cb8", "C-beta to C-beta < 8.0 A", 3, 6, 1.0},
    {"covalent", "peptide, disulfide or annotated covalent link", 1, 2, 0.3},
    {"hb_bb", "backbone hydrogen bond, DSSP energy < -0.5 kcal/mol", 2, 2, 1.0},
    {"hb_sc", "hydrogen bond with a side-chain atom, D to A < 3.5 A", 2, 2, 0.7},
    {"salt", "carboxylate O to Lys/Arg N < 4.0 A", 2, 2, 0.5},
    {"arom", "parallel stack, T stack or cation-pi", 2, 2, 0.5},
    {"hydrophobic", "apolar side-chain pair, d < rA + rB + 0.5 A", 3, 6, 0.7},
    {"vdw", "any heavy-atom pair, d < rA + rB + 0.5 A, not covalent", 3, 6, 0.7},
    {"heavy6", "interfaces: any heavy-atom pair < 6.0 A", 0, 0, 0.0},
}};

struct ContactPair {
  std::uint16_t i = 0, j = 0;  // i < j
  std::uint16_t channels = 0;  // bit k: contact of channel k
  bool operator==(const ContactPair&) const = default;
};

struct Protein {
  std::string id, split;  // split: train, validation, test or empty
  int cluster = -1, fold = -1;
  std::vector<std::uint8_t> sequence;   // [L] tokens
  std::vector<std::uint8_t> segment;    // [L] chain number, 0 for one chain
  std::vector<std::uint16_t> observed;  // [L] bit k: this residue can be labelled for channel k
  std::vector<ContactPair> contacts;    // ascending (i, j); valid pairs not listed are negatives
  std::vector<float> c_beta;            // [L, 3] angstrom, NaN where absent
  std::string meta;                     // JSON: source file and hash, rule version, counts of all that was dropped

  long length() const { return long(sequence.size()); }
};

}  // namespace heartbeat
