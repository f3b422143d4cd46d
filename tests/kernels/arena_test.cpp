// The memory of a recorded step, here on the host's heap.
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>
#include <random>
#include <set>

#include "kernels/common/recording.h"

namespace heartbeat::testing {
namespace {

using cuda::Arena;

struct Slabs {
  std::set<void*> live;
  Arena::Take take = [this](std::size_t bytes) {
    return *live.insert(std::aligned_alloc(Arena::kAlignment, bytes)).first;
  };
  Arena::GiveBack give_back = [this](void* slab) {
    EXPECT_EQ(live.erase(slab), 1u);
    std::free(slab);
  };
};

TEST(Arena, NoTwoPiecesOverlapAndSlabsGoBack) {
  Slabs slabs;
  {
    Arena arena(slabs.take, slabs.give_back, /*slab=*/1 << 20);
    std::mt19937_64 draw(/*seed=*/3);
    std::map<std::byte*, std::pair<std::size_t, std::byte>> live;  // bytes, and what they hold
    for (int k = 0; k < 4'000; ++k) {
      if (live.size() < 60 && draw() % 5 < 3) {
        const std::size_t bytes = draw() % 4 == 0 ? draw() % 300'000 : draw() % 3'000;
        auto* p = static_cast<std::byte*>(arena.allocate(bytes));
        ASSERT_EQ(reinterpret_cast<std::uintptr_t>(p) % Arena::kAlignment, 0u);
        const std::byte mark{static_cast<unsigned char>(k)};
        ASSERT_TRUE(live.try_emplace(p, bytes, mark).second);
        std::fill_n(p, bytes, mark);
      } else if (!live.empty()) {
        const auto it = std::next(live.begin(), long(draw() % live.size()));
        const auto [bytes, mark] = it->second;
        ASSERT_TRUE(std::all_of(it->first, it->first + bytes, [m = mark](std::byte b) { return b == m; }));
        arena.release(it->first);
        live.erase(it);
      }
    }
    EXPECT_LT(arena.bytes(), std::size_t{30} << 20);  // pieces are used again: far more was asked for
    EXPECT_EQ(slabs.live.size(), arena.slabs().size());
  }
  EXPECT_TRUE(slabs.live.empty());
}

// What is free on both sides of a piece joins it: then a slab's worth fits again.
TEST(Arena, FreePiecesJoin) {
  Slabs slabs;
  Arena arena(slabs.take, slabs.give_back);
  std::vector<void*> pieces;
  for (int k = 0; k < 3; ++k) pieces.push_back(arena.allocate(1'000'000));
  const std::size_t before = arena.bytes();
  for (int k : {0, 2, 1}) arena.release(pieces[k]);
  EXPECT_EQ(arena.allocate(before - Arena::kAlignment), pieces[0]);
  EXPECT_EQ(arena.bytes(), before);
}

// Two slabs may lie side by side: one piece of memory to us, two to the GPU's copies.
TEST(Arena, PiecesOfTwoSlabsNeverJoin) {
  std::vector<std::byte> memory(64 << 20);
  std::byte* next =
      memory.data() + Arena::kAlignment - reinterpret_cast<std::uintptr_t>(memory.data()) % Arena::kAlignment;
  Arena arena([&](std::size_t bytes) { return std::exchange(next, next + bytes); }, [](void*) {});
  constexpr std::size_t kLarge = std::size_t{9} << 20;
  void *a = arena.allocate(kLarge), *b = arena.allocate(kLarge);
  arena.release(a);
  arena.release(b);
  const std::size_t before = arena.bytes();
  arena.allocate(2 * kLarge);
  EXPECT_GT(arena.bytes(), before);
}

TEST(Arena, NothingIsReleasedTwice) {
  Slabs slabs;
  Arena arena(slabs.take, slabs.give_back);
  void* p = arena.allocate(0);
  EXPECT_NE(p, arena.allocate(0));
  arena.release(p);
  EXPECT_THROW(arena.release(p), std::invalid_argument);
}

}  // namespace
}  // namespace heartbeat::testing
