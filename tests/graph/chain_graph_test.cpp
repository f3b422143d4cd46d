#include "graph/chain_graph.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/chains.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// Rows that node i hears.
std::vector<int> heard_by(const Graph& g, long i) {
  const Csr a = g.adjacency();
  return {a.col_idx + a.row_ptr[i], a.col_idx + a.row_ptr[i + 1]};
}

TEST(ChainGraph, OffsetsAreSymmetricAndDilated) {
  EXPECT_EQ(chain_offsets(0), (std::vector<int>{0}));
  EXPECT_EQ(chain_offsets(2), (std::vector<int>{0, -1, 1, -2, 2}));
  EXPECT_EQ(chain_offsets(2, 4), (std::vector<int>{0, -4, 4, -8, 8}));
}

TEST(ChainGraph, NeighboursAreOfOneChain) {
  using Rows = std::vector<int>;
  // Rows 0-2: chain 0 of a complex; 3-4: its chain 1; 5-9: positions 0 1 | 5 6 7 of a cropped chain.
  const auto layout = layout_of({member_of({{0, 0, 3}, {1, 0, 2}}), member_of({{0, 0, 2}, {0, 5, 8}})});
  const auto near = chain_graph(*layout, 1);
  EXPECT_EQ(heard_by(*near, 1), (Rows{0, 1, 2}));
  EXPECT_EQ(heard_by(*near, 2), (Rows{1, 2}));
  EXPECT_EQ(heard_by(*near, 3), (Rows{3, 4}));
  EXPECT_EQ(heard_by(*near, 6), (Rows{5, 6}));
  EXPECT_EQ(heard_by(*chain_graph(*layout, 1, 5), 5), (Rows{5, 7}));  // position 5 is 5 away from position 0
}

TEST(ChainGraph, EntriesAreOneOverTheRootOfBothDegrees) {
  const auto g = chain_graph(*layout_of({single_chain(3)}), 1);
  const Csr a = g->adjacency();
  ASSERT_EQ(a.nnz(), 7);  // rows of degree 2, 3, 2
  const std::vector<double> want = {
      0.5, 1 / std::sqrt(6.), 1 / std::sqrt(6.), 1 / 3., 1 / std::sqrt(6.), 1 / std::sqrt(6.), 0.5};
  for (int e = 0; e < 7; ++e) EXPECT_NEAR(a.values[e], want[e], 1e-7) << "entry " << e;
}

TEST(ChainGraph, AResidueAloneHearsItself) {
  const auto g = chain_graph(*layout_of({single_chain(0), single_chain(1)}), 2);
  EXPECT_EQ(g->nodes(), 1);
  EXPECT_EQ(g->adjacency().values[0], 1);
  EXPECT_EQ(chain_graph(*layout_of({}), 2)->nodes(), 0);
}

}  // namespace
}  // namespace heartbeat
