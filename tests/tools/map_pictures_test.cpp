#include "tools/contacts/map_pictures.h"

#include <cairo.h>
#include <gtest/gtest.h>

#include <cstring>

#include "kernels/common/pair.h"
#include "tests/support/proteins.h"
#include "tools/contacts/secondary_structure.h"

namespace heartbeat {
namespace {

// A PNG as pixels.
class Pixels {
 public:
  explicit Pixels(const std::string& png) {
    Source source{&png, 0};
    surface_ = cairo_image_surface_create_from_png_stream(read, &source);
    EXPECT_EQ(cairo_surface_status(surface_), CAIRO_STATUS_SUCCESS);
  }
  ~Pixels() { cairo_surface_destroy(surface_); }
  int width() const { return cairo_image_surface_get_width(surface_); }
  int height() const { return cairo_image_surface_get_height(surface_); }
  std::uint32_t colour(int x, int y) const {
    std::uint32_t pixel;
    std::memcpy(&pixel, cairo_image_surface_get_data(surface_) + y * cairo_image_surface_get_stride(surface_) + 4 * x,
                4);
    return pixel & 0xffffff;
  }
  // Red, green and blue are equal in a grey pixel; -1 where they are not.
  int grey(int x, int y) const {
    const std::uint32_t c = colour(x, y);
    return (c & 0xff) == (c >> 8 & 0xff) && (c & 0xff) == (c >> 16) ? int(c & 0xff) : -1;
  }
  // The grey that fills the whole cell, or -2.
  int cell(const MapPanel& panel, long i, long j) const {
    const int first = grey(panel.x(j), panel.y(i));
    for (int dy = 0; dy < panel.scale; ++dy)
      for (int dx = 0; dx < panel.scale; ++dx)
        if (grey(panel.x(j) + dx, panel.y(i) + dy) != first) return -2;
    return first;
  }

 private:
  struct Source {
    const std::string* bytes;
    std::size_t at;
  };
  static cairo_status_t read(void* closure, unsigned char* out, unsigned count) {
    auto& source = *static_cast<Source*>(closure);
    if (source.at + count > source.bytes->size()) return CAIRO_STATUS_READ_ERROR;
    std::memcpy(out, source.bytes->data() + source.at, count);
    source.at += count;
    return CAIRO_STATUS_SUCCESS;
  }
  cairo_surface_t* surface_;
};

constexpr int kDark = 0x11;

// Predicted contact (3, 20) of channel 0, certain; true contact (5, 30); residue 9 has no C-beta.
struct Example {
  explicit Example(long length = 50, long first_chain = 0) {
    map.id = truth.id = "example";
    map.sequence.assign(length, 0);
    map.segment.assign(length, 0);
    map.chains = {"A"};
    if (first_chain) {
      std::fill(map.segment.begin() + first_chain, map.segment.end(), 1);
      map.chains = {"A", "B"};
    }
    map.probability.assign(pair_count(length) * kChannels, 0);
    map.probability[pair_index(3, 20, length) * kChannels] = 1;
    map.probability[pair_index(7, 8, length) * kChannels] = 1;  // nearer than any label of the channel
    truth.sequence = map.sequence;
    truth.segment = map.segment;
    truth.observed.assign(length, 0x1ff);
    truth.observed[9] = 0x1fe;
    truth.contacts = {{5, 30, 1}, {6, 40, 2}};
  }
  PredictedMap map;
  Protein truth;
};

TEST(MapPictures, PredictedAndTrueSideBySide) {
  const Example e;
  const MapPicture picture = picture_of_two(e.map, e.truth, 0);
  const Pixels pixels(picture.png);
  ASSERT_EQ(picture.panels.size(), 2u);
  EXPECT_EQ(pixels.width(), picture.width);
  EXPECT_EQ(pixels.height(), picture.height);
  const MapPanel &predicted = picture.panels[0], &real = picture.panels[1];
  for (const auto& [i, j] : {std::pair{3, 20}, {20, 3}}) {
    EXPECT_EQ(pixels.cell(predicted, i, j), kDark);
    EXPECT_EQ(pixels.cell(real, i, j), 255);
  }
  for (const auto& [i, j] : {std::pair{5, 30}, {30, 5}}) {
    EXPECT_EQ(pixels.cell(predicted, i, j), 255);
    EXPECT_EQ(pixels.cell(real, i, j), kDark);
  }
  EXPECT_EQ(pixels.cell(real, 6, 40), 255);      // a contact of another channel
  EXPECT_EQ(pixels.cell(predicted, 7, 8), 255);  // too near to be judged
  EXPECT_EQ(pixels.cell(real, 9, 25), -2);       // hatched
  EXPECT_EQ(pixels.cell(real, 25, 9), -2);
  EXPECT_EQ(pixels.cell(predicted, 9, 25), 255);
}

TEST(MapPictures, PredictedAboveTheDiagonalTrueBelow) {
  const Example e;
  const MapPicture picture = picture_of_one(e.map, &e.truth, 0);
  const Pixels pixels(picture.png);
  const MapPanel& panel = picture.panels.at(0);
  EXPECT_EQ(pixels.cell(panel, 3, 20), kDark);
  EXPECT_EQ(pixels.cell(panel, 20, 3), 255);
  EXPECT_EQ(pixels.cell(panel, 30, 5), kDark);
  EXPECT_EQ(pixels.cell(panel, 5, 30), 255);
  EXPECT_EQ(pixels.cell(panel, 25, 9), -2);
  EXPECT_EQ(pixels.cell(panel, 9, 25), 255);
}

TEST(MapPictures, WithoutTruthThePredictionIsMirrored) {
  const Example e;
  const MapPicture picture = picture_of_one(e.map, nullptr, 0);
  const Pixels pixels(picture.png);
  EXPECT_EQ(pixels.cell(picture.panels[0], 3, 20), kDark);
  EXPECT_EQ(pixels.cell(picture.panels[0], 20, 3), kDark);
}

TEST(MapPictures, AllChannelsHaveAPanel) {
  const Example e;
  const MapPicture picture = picture_of_all(e.map, &e.truth);
  const Pixels pixels(picture.png);
  ASSERT_EQ(picture.panels.size(), std::size_t(kChannels));
  for (int k = 0; k < kChannels; ++k) {
    EXPECT_EQ(pixels.cell(picture.panels[k], 3, 20), k == 0 ? kDark : 255) << k;
    EXPECT_EQ(pixels.cell(picture.panels[k], 30, 5), k == 0 ? kDark : 255) << k;
    EXPECT_EQ(pixels.cell(picture.panels[k], 40, 6), k == 1 ? kDark : 255) << k;
  }
}

TEST(MapPictures, HelicesAndStrandsColourTheDiagonal) {
  Example e;
  e.truth.contacts.clear();
  for (std::uint16_t i = 10; i < 16; ++i) e.truth.contacts.push_back({i, std::uint16_t(i + 4), 4});
  const MapPicture picture = picture_of_one(e.map, &e.truth, 0);
  const Pixels pixels(picture.png);
  const MapPanel& panel = picture.panels[0];
  const int middle = panel.scale / 2;
  const auto at = [&](long i) { return pixels.colour(panel.x(i) + middle, panel.y(i) + middle); };
  EXPECT_EQ(at(14) >> 16, 0xc8u);
  EXPECT_EQ(pixels.cell(panel, 30, 30), 0xe6);
  EXPECT_EQ(at(14), at(11));
  EXPECT_NE(at(14), at(10));
}

TEST(MapPictures, ChainsOfAComplexAreNearNobody) {
  const Example one, two(50, 8);  // a chain ends between residues 7 and 8
  const MapPicture alone = picture_of_one(one.map, nullptr, 0), complex = picture_of_one(two.map, nullptr, 0);
  const MapPanel& panel = complex.panels[0];
  EXPECT_EQ(Pixels(alone.png).cell(alone.panels[0], 7, 8), 255);
  const int middle = panel.scale / 2;
  EXPECT_EQ(Pixels(complex.png).grey(panel.x(8) + middle, panel.y(7) + middle), kDark);
  EXPECT_EQ(Pixels(complex.png).grey(panel.x(8), panel.y(30)), -1);  // the line between the chains is coloured
  EXPECT_GT(complex.height, alone.height);                           // room for their names
}

TEST(MapPictures, SizesAreWholePixelsInAReadableRange) {
  for (const long length : {1L, 2L, 40L, 41L, 249L, 250L, 501L, 600L, 1200L, 1201L, 2500L}) {
    Example e(std::max(length, 45L));
    if (length < 45) {
      e.map.sequence.resize(length);
      e.map.segment.resize(length);
      e.map.probability.assign(pair_count(length) * kChannels, 0.5f);
    }
    const MapPicture picture = picture_of_one(e.map, nullptr, 0);
    EXPECT_GE(picture.panels[0].size(), 500) << length;
    EXPECT_LE(picture.panels[0].size(), 1200) << length;
    EXPECT_EQ(Pixels(picture.png).width(), picture.width);
  }
}

TEST(MapPictures, AShrunkMapLosesNoContact) {
  const Example e(2500);
  const MapPicture picture = picture_of_one(e.map, &e.truth, 0);
  const MapPanel& panel = picture.panels[0];
  EXPECT_EQ(panel.shrink, 3);
  const Pixels pixels(picture.png);
  EXPECT_EQ(pixels.grey(panel.x(20), panel.y(3)), kDark);
  EXPECT_EQ(pixels.grey(panel.x(5), panel.y(30)), kDark);
}

TEST(MapPictures, GreyFallsWithProbability) {
  EXPECT_EQ(grey_of(0), 255);
  EXPECT_EQ(grey_of(1), kDark);
  for (int n = 0; n < 50; ++n) EXPECT_GT(grey_of(n / 50.f), grey_of((n + 1) / 50.f));
}

TEST(MapPictures, TheSameMapGivesTheSameBytes) {
  const Example e;
  EXPECT_EQ(picture_of_two(e.map, e.truth, 0).png, picture_of_two(e.map, e.truth, 0).png);
  EXPECT_EQ(picture_of_all(e.map, &e.truth).png, picture_of_all(e.map, &e.truth).png);
}

TEST(MapPictures, AnyNameCanBeATitle) {
  Example e;
  e.map.id = std::string(300, 'x') + "\xff\xfe\n";
  EXPECT_EQ(Pixels(picture_of_one(e.map, nullptr, 0).png).cell(picture_of_one(e.map, nullptr, 0).panels[0], 3, 20),
            kDark);
}

// Bonds of hb_bb as letters.
std::string letters(long length, const std::vector<std::pair<int, int>>& bonds) {
  Protein protein;
  protein.segment.assign(length, 0);
  protein.sequence.assign(length, 0);
  for (const auto& [i, j] : bonds) protein.contacts.push_back({std::uint16_t(i), std::uint16_t(j), 1 << 2});
  return secondary_structure(protein);
}

TEST(SecondaryStructure, HelicesAndLadders) {
  EXPECT_EQ(letters(12, {}), "------------");
  EXPECT_EQ(letters(12, {{2, 6}}), "------------");  // one turn is no helix
  EXPECT_EQ(letters(12, {{2, 6}, {3, 7}}), "---HHHH-----");
  EXPECT_EQ(letters(14, {{1, 12}, {3, 10}}), "-EEE------EEE-");  // antiparallel
  EXPECT_EQ(letters(14, {{1, 10}, {3, 10}}), "-EEE------E---");  // parallel bridge
  EXPECT_EQ(letters(14, {{3, 10}, {3, 12}}), "---E------EEE-");  // and its mirror image
  EXPECT_EQ(letters(8, {{1, 5}, {3, 3 + 2}}), "--------");       // a turn is no ladder
}

}  // namespace
}  // namespace heartbeat
