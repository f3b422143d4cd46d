#include <array>
#include <cmath>

#include "graph/batch.h"

namespace heartbeat {
namespace {

// BLOSUM62 in half bits (Henikoff and Henikoff 1992), and the residue frequencies of Robinson and Robinson (1991) in
// per mille, both in the order of the letters below.
constexpr const char* kLetters = "ARNDCQEGHILKMFPSTWYV";
constexpr int kScore[20][20] = {
    {4, -1, -2, -2, 0, -1, -1, 0, -2, -1, -1, -1, -1, -2, -1, 1, 0, -3, -2, 0},       // A
    {-1, 5, 0, -2, -3, 1, 0, -2, 0, -3, -2, 2, -1, -3, -2, -1, -1, -3, -2, -3},       // R
    {-2, 0, 6, 1, -3, 0, 0, 0, 1, -3, -3, 0, -2, -3, -2, 1, 0, -4, -2, -3},           // N
    {-2, -2, 1, 6, -3, 0, 2, -1, -1, -3, -4, -1, -3, -3, -1, 0, -1, -4, -3, -3},      // D
    {0, -3, -3, -3, 9, -3, -4, -3, -3, -1, -1, -3, -1, -2, -3, -1, -1, -2, -2, -1},   // C
    {-1, 1, 0, 0, -3, 5, 2, -2, 0, -3, -2, 1, 0, -3, -1, 0, -1, -2, -1, -2},          // Q
    {-1, 0, 0, 2, -4, 2, 5, -2, 0, -3, -3, 1, -2, -3, -1, 0, -1, -3, -2, -2},         // E
    {0, -2, 0, -1, -3, -2, -2, 6, -2, -4, -4, -2, -3, -3, -2, 0, -2, -2, -3, -3},     // G
    {-2, 0, 1, -1, -3, 0, 0, -2, 8, -3, -3, -1, -2, -1, -2, -1, -2, -2, 2, -3},       // H
    {-1, -3, -3, -3, -1, -3, -3, -4, -3, 4, 2, -3, 1, 0, -3, -2, -1, -3, -1, 3},      // I
    {-1, -2, -3, -4, -1, -2, -3, -4, -3, 2, 4, -2, 2, 0, -3, -2, -1, -2, -1, 1},      // L
    {-1, 2, 0, -1, -3, 1, 1, -2, -1, -3, -2, 5, -1, -3, -1, 0, -1, -3, -2, -2},       // K
    {-1, -1, -2, -3, -1, 0, -2, -3, -2, 1, 2, -1, 5, 0, -2, -1, -1, -1, -1, 1},       // M
    {-2, -3, -3, -3, -2, -3, -3, -3, -1, 0, 0, -3, 0, 6, -4, -2, -2, 1, 3, -1},       // F
    {-1, -2, -2, -1, -3, -1, -1, -2, -2, -3, -3, -1, -2, -4, 7, -1, -1, -4, -3, -2},  // P
    {1, -1, 1, 0, -1, 0, 0, 0, -1, -2, -2, 0, -1, -2, -1, 4, 1, -3, -2, -2},          // S
    {0, -1, 0, -1, -1, -1, -1, -2, -2, -1, -1, -1, -1, -2, -1, 1, 5, -2, -2, 0},      // T
    {-3, -3, -4, -4, -2, -2, -3, -2, -2, -3, -2, -3, -1, 1, -4, -3, -2, 11, 2, -3},   // W
    {-2, -2, -2, -3, -2, -1, -2, -3, 2, -1, -1, -2, -1, 3, -3, -2, -2, 2, 7, -1},     // Y
    {0, -3, -3, -3, -1, -2, -2, -3, -3, 3, 1, -2, 1, -1, -2, -2, 0, -3, -1, 4},       // V
};
constexpr double kFrequency[20] = {78, 51, 45, 54, 19, 43, 63, 74, 22, 52, 91, 57, 22, 39, 52, 71, 58, 13, 32, 64};

using Table = std::array<std::array<double, kUnknown>, kUnknown>;

// Row a: cumulative probability of the substitutes of token a.
Table cumulative_substitutes() {
  Table p{};
  for (int x = 0; x < 20; ++x)
    for (int y = 0; y < 20; ++y)
      if (x != y) p[token_of(kLetters[x])][token_of(kLetters[y])] = kFrequency[y] * std::exp2(kScore[x][y] / 2.0);
  for (auto& row : p) {
    for (int b = 1; b < kUnknown; ++b) row[b] += row[b - 1];
    for (double& c : row) c /= row[kUnknown - 1];
  }
  return p;
}

}  // namespace

int blosum_substitute(int token, double uniform) {
  static const Table cumulative = cumulative_substitutes();
  int b = 0;
  while (cumulative[token][b] <= uniform) ++b;
  return b;
}

}  // namespace heartbeat
