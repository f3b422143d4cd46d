#include "graph/pair_layout.h"

#include <gtest/gtest.h>

namespace heartbeat {
namespace {

TEST(PairIndex, NumbersTheTriangleRowByRow) {
  for (long length : {0, 1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 64, 513, 1024}) {
    long next = 0;
    for (long i = 0; i < length; ++i)
      for (long j = i; j < length; ++j)
        ASSERT_EQ(pair_index(i, j, length), next++) << i << " " << j << " of " << length;
    EXPECT_EQ(next, pair_count(length));
  }
}

TEST(PairIndex, DoesNotOverflow) {
  const long length = 200'000;  // 2 * 10^10 pairs
  EXPECT_EQ(pair_index(length - 1, length - 1, length), pair_count(length) - 1);
  EXPECT_EQ(pair_count(length), 20'000'100'000);
  const PairMap map{length, 3'000'000'000};
  EXPECT_EQ(map.row(1, 1) * 64, (3'000'000'000 + length) * 64);
}

TEST(PairLayout, FoldedRowDoesNotDependOnTheOrder) {
  const PairLayout layout({single_chain(4), single_chain(9)});
  EXPECT_EQ(layout.map(1).first_pair, 10);
  EXPECT_EQ(layout.map(1).first_residue, 4);
  EXPECT_EQ(layout.map(1).folded_row(7, 2), layout.map(1).row(2, 7));
  EXPECT_EQ(layout.map(1).folded_row(2, 7), layout.map(1).row(2, 7));
}

TEST(PairLayout, TilesCoverEveryPairOnce) {
  for (int tile : {1, 5, 16, 32, 100}) {
    SCOPED_TRACE(::testing::Message() << "tile " << tile);
    const PairLayout layout({single_chain(33), single_chain(0), single_chain(16), single_chain(1), single_chain(47)},
                            tile);
    const PairBatch batch = layout.view();
    std::vector<int> seen(batch.pairs);
    long last_cost = PTRDIFF_MAX;
    for (long t = 0; t < batch.tile_count; ++t) {
      const PairTile& w = batch.tiles[t];
      long cost = 0;
      for (int i = w.i_first; i < w.i_last; ++i)
        for (int j = std::max(i, w.j_first); j < w.j_last; ++j, ++cost) ++seen[batch.maps[w.map].row(i, j)];
      EXPECT_LE(cost, last_cost) << "tiles must come largest first";
      last_cost = cost;
    }
    EXPECT_EQ(seen, std::vector<int>(batch.pairs, 1));
  }
}

TEST(PairLayout, AnEmptyBatchHasNothing) {
  const PairLayout layout(std::vector<PairMember>{});
  EXPECT_EQ(layout.view().tile_count, 0);
  EXPECT_EQ(layout.pairs(), 0);
}

// The views stay where they are and show the other proteins.
TEST(PairLayout, TakesOtherProteinsOfTheSameLengths) {
  const auto chain = [](long length, std::uint64_t key, int position, std::uint8_t segment) {
    PairMember m = single_chain(length, key);
    m.position[0] = position;
    m.segment[length - 1] = segment;
    return m;
  };
  PairLayout layout({chain(3, 1, 0, 0), chain(4, 2, 0, 0)});
  const PairBatch before = layout.view();
  layout.assign(PairLayout({chain(3, 10, -5, 0), chain(4, 20, -6, 1)}));
  const PairBatch after = layout.view();
  EXPECT_EQ(after.maps, before.maps);
  for (int m : {0, 1}) {
    EXPECT_EQ(before.maps[m].position[0], -5 - m);
    EXPECT_EQ(before.maps[m].segment[2 + m], m);
    EXPECT_EQ(layout.member(m).key, 10u * (m + 1));
  }
  EXPECT_THROW(layout.assign(PairLayout({chain(4, 1, 0, 0), chain(3, 2, 0, 0)})), std::invalid_argument);
  EXPECT_THROW(layout.assign(PairLayout({chain(3, 1, 0, 0)})), std::invalid_argument);
  EXPECT_EQ(layout.member(0).key, 10u);
}

}  // namespace
}  // namespace heartbeat
