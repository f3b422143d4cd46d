#include "tools/contacts/map_pictures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/contacts/canvas.h"
#include "tools/contacts/secondary_structure.h"

namespace heartbeat {
namespace {

using Align = Canvas::Align;

constexpr Colour kInk = Colour::grey(0x22), kSoft = Colour::grey(0x70), kFrame = Colour::grey(0x9a);
constexpr Colour kDiagonal = Colour::grey(0xe6), kHatch = Colour::grey(0xc9), kContact = Colour::grey(0x11);
constexpr Colour kHelix = {0xc8, 0x50, 0x3c}, kStrand = {0x2f, 0x6d, 0xb5}, kChain = {0x8f, 0xb6, 0xdc};

constexpr int kMargin = 28, kAxis = 44, kTitle = 80, kPanelTitle = 22, kTrack = 12, kTicks = 24, kChainNames = 18;
constexpr int kLegend = 46, kGap = 40;
constexpr int kLeastSize = 500, kLeastSmall = 240, kMostSize = 1200;  // pixels of a map

MapPanel panel_at(int left, int top, long length, int least) {
  MapPanel panel{left, top, 1, 1, length};
  panel.scale = int(std::max(1L, (least + length - 1) / std::max(1L, length)));
  panel.shrink = int((length + kMostSize - 1) / kMostSize);
  if (panel.shrink > 1) panel.scale = 1;
  return panel;
}

// Too near along the chain to be predicted or labelled.
bool too_near(const PredictedMap& map, long i, long j, int k) {
  return map.segment[i] == map.segment[j] && std::abs(i - j) < kChannelTable[k].min_separation_loss;
}

enum class Part { whole, above, below };  // of the diagonal

template <class F>
void each_cell(const MapPanel& panel, Part part, F f) {
  for (long i = 0; i < panel.length; ++i) {
    if (part != Part::above)
      for (long j = 0; j < i; ++j) f(i, j);
    if (part != Part::below)
      for (long j = i + 1; j < panel.length; ++j) f(i, j);
  }
}

void draw_predicted(Canvas& canvas, const MapPanel& panel, const PredictedMap& map, int k, Part part) {
  each_cell(panel, part, [&](long i, long j) {
    if (!too_near(map, i, j, k))
      canvas.darken(panel.x(j), panel.y(i), panel.scale, panel.scale, Colour::grey(grey_of(map.at(i, j, k))));
  });
}

void draw_true(Canvas& canvas, const MapPanel& panel, const PredictedMap& map, const Protein& truth, int k, Part part) {
  const auto judged = [&](long i) { return truth.observed.empty() || truth.observed[i] >> k & 1; };
  each_cell(panel, part, [&](long i, long j) {
    if (!too_near(map, i, j, k) && !(judged(i) && judged(j)))
      canvas.hatch(panel.x(j), panel.y(i), panel.scale, panel.scale, kHatch);
  });
  for (const ContactPair& c : truth.contacts) {
    if (!(c.channels >> k & 1) || too_near(map, c.i, c.j, k)) continue;
    if (part != Part::above) canvas.darken(panel.x(c.i), panel.y(c.j), panel.scale, panel.scale, kContact);
    if (part != Part::below) canvas.darken(panel.x(c.j), panel.y(c.i), panel.scale, panel.scale, kContact);
  }
}

Colour colour_of(char letter) {
  return letter == 'H' ? kHelix : letter == 'E' ? kStrand : kDiagonal;
}

// letters: secondary structure, empty where it is not known.
void draw_diagonal(Canvas& canvas, const MapPanel& panel, const PredictedMap& map, const std::string& letters, int k) {
  const int reach = std::min(1, kChannelTable[k].min_separation_loss - 1);
  for (long i = 0; i < panel.length; ++i) {
    const Colour colour = colour_of(letters.empty() ? '-' : letters[i]);
    canvas.darken(panel.x(i), panel.y(i), panel.scale, panel.scale, colour);
    if (letters.empty() || letters[i] == '-') continue;
    for (long j = std::max(0L, i - reach); j <= std::min(panel.length - 1, i + reach); ++j)
      if (letters[j] == letters[i] && map.segment[i] == map.segment[j] && too_near(map, i, j, k))
        canvas.fill(panel.x(j), panel.y(i), panel.scale, panel.scale, colour);
  }
}

// Bars of helices and arrows of strands along the upper and the right edge.
void draw_tracks(Canvas& canvas, const MapPanel& panel, const std::string& letters) {
  const int size = panel.size(), above = panel.top - kTrack + 3, beside = panel.left + size + 4;
  canvas.fill(panel.left, above + 2, size, 1, kFrame);
  canvas.fill(beside + 2, panel.top, 1, size, kFrame);
  for (long first = 0, last = 0; first < panel.length; first = last) {
    for (last = first; last < panel.length && letters[last] == letters[first];) ++last;
    if (letters[first] == '-') continue;
    const double from = panel.offset(first), to = std::max(panel.offset(last), panel.offset(first) + 1);
    const Colour colour = colour_of(letters[first]);
    const double head = letters[first] == 'E' ? std::min(6.0, to - from) : 0;
    // (along, across) points of the shape, once as (x, y) and once as (y, x)
    const std::vector<std::pair<double, double>> shape =
        head > 0 ? std::vector<std::pair<double, double>>{{from, 1},      {to - head, 1}, {to - head, -1}, {to, 2.5},
                                                          {to - head, 6}, {to - head, 4}, {from, 4}}
                 : std::vector<std::pair<double, double>>{{from, 0}, {to, 0}, {to, 5}, {from, 5}};
    std::vector<double> horizontal, vertical;
    for (const auto& [along, across] : shape) {
      horizontal.insert(horizontal.end(), {panel.left + along, above + across});
      vertical.insert(vertical.end(), {beside + across, panel.top + along});
    }
    canvas.polygon(horizontal, colour);
    canvas.polygon(vertical, colour);
  }
}

// Frame, residue numbers (from 1 in each chain), lines and names where chains meet.
void draw_axes(Canvas& canvas, const MapPanel& panel, const PredictedMap& map, double letter_size) {
  const int size = panel.size(), below = panel.top + size;
  canvas.frame(panel.left, panel.top, size, size, kFrame);
  long step = 10;
  for (const long candidate : {20L, 50L, 100L, 200L, 500L, 1000L})
    if (panel.offset(step) < 4.5 * letter_size) step = candidate;
  for (long first = 0, last = 0; first < panel.length; first = last) {
    for (last = first; last < panel.length && map.segment[last] == map.segment[first];) ++last;
    for (long number = 1; number <= last - first; number += number == 1 ? step - 1 : step) {
      const long i = first + number - 1;
      const bool crowded = last < panel.length && panel.offset(last) - panel.offset(i) < 2 * letter_size;
      if (crowded && number > 1) break;  // by the first number of the next chain
      const int middle = panel.offset(i) + panel.scale / 2;
      canvas.fill(panel.left + middle, below + 1, 1, 4, kFrame);
      canvas.fill(panel.left - 5, panel.top + middle, 4, 1, kFrame);
      canvas.text(panel.left + middle, below + 7 + letter_size, std::to_string(number), letter_size, kSoft,
                  Align::centre);
      canvas.text(panel.left - 8, panel.top + middle + 0.36 * letter_size, std::to_string(number), letter_size, kSoft,
                  Align::right);
    }
    if (map.chains.size() < 2) continue;
    const double centre = (panel.offset(first) + panel.offset(last)) / 2.0;
    canvas.text(panel.left + centre, below + 9 + 2.2 * letter_size, "chain " + map.chains[map.segment[first]],
                letter_size, kInk, Align::centre);
    if (first == 0) continue;
    canvas.darken(panel.x(first), panel.top, 1, size, kChain);
    canvas.darken(panel.left, panel.y(first), size, 1, kChain);
  }
}

// Three lines: the name, what is drawn, how good it is.
void draw_title(Canvas& canvas, const PredictedMap& map, const std::string& about, const std::string& note) {
  const double room = canvas.width() - 2 * kMargin;
  std::string line = fmt::format("{} residues", map.length());
  if (map.chains.size() > 1) line += fmt::format(" in {} chains", map.chains.size());
  if (!note.empty()) line += "  |  " + note;
  canvas.text(kMargin, 30, canvas.fitted(map.id, 17, room, true), 17, kInk, Align::left, true);
  canvas.text(kMargin, 50, canvas.fitted(about, 12, room), 12, kSoft);
  canvas.text(kMargin, 67, canvas.fitted(line, 12, room), 12, kSoft);
}

std::string about(int k) {
  return fmt::format("{}: {}", kChannelTable[k].name, kChannelTable[k].unit_and_rule);
}

void draw_legend(Canvas& canvas, int left, int baseline, bool with_truth) {
  constexpr int kRamp = 120;
  const int top = baseline - 9;
  for (int x = 0; x < kRamp; ++x) canvas.fill(left + x, top, 1, 10, Colour::grey(grey_of((x + 0.5f) / kRamp)));
  canvas.frame(left, top, kRamp, 10, kFrame);
  for (const auto& [value, label] : {std::pair{0.0, "0"}, {0.25, ".25"}, {0.5, ".5"}, {1.0, "1"}})
    canvas.text(left + value * kRamp, baseline + 14, label, 10, kSoft, Align::centre);
  double x = left + kRamp + 10;
  const auto caption = [&](const std::string& text) {
    canvas.text(x, baseline, text, 11, kSoft);
    x += canvas.text_width(text, 11) + 18;
  };
  const auto swatch = [&](Colour colour, bool hatched, const std::string& text) {
    if (hatched)
      canvas.hatch(int(x), top, 16, 10, colour);
    else
      canvas.fill(int(x), top, 16, 10, colour);
    canvas.frame(int(x), top, 16, 10, kFrame);
    x += 22;
    caption(text);
  };
  caption("predicted probability");
  if (!with_truth) return;
  swatch(kContact, false, "contact");
  swatch(kHatch, true, "unknown");
  swatch(kHelix, false, "helix");
  swatch(kStrand, false, "strand");
}

// Which half is which.
void draw_halves(Canvas& canvas, const MapPanel& panel) {
  canvas.text(panel.left + panel.size(), panel.top - kTrack - 4, "predicted above the diagonal, true below", 11, kInk,
              Align::right);
}

int below_panel(const PredictedMap& map) {
  return kTicks + (map.chains.size() > 1 ? kChainNames : 0);
}

MapPicture finish(Canvas& canvas, std::vector<MapPanel> panels) {
  return {canvas.png(), canvas.width(), canvas.height(), std::move(panels)};
}

}  // namespace

std::uint8_t grey_of(float probability) {
  const double p = std::clamp(double(probability), 0.0, 1.0);
  return std::uint8_t(std::lround(255 - (255 - kContact.red) * std::pow(p, 0.7)));
}

MapPicture picture_of_two(const PredictedMap& map, const Protein& truth, int k, const std::string& note) {
  const int top = kTitle + kPanelTitle + kTrack;
  MapPanel predicted = panel_at(kMargin + kAxis, top, map.length(), kLeastSize), real = predicted;
  const int size = predicted.size();
  real.left = predicted.left + size + kGap + kAxis;
  Canvas canvas(real.left + size + kMargin, top + size + below_panel(map) + kLegend);
  const std::string letters = secondary_structure(truth);
  draw_title(canvas, map, about(k), note);
  draw_predicted(canvas, predicted, map, k, Part::whole);
  draw_true(canvas, real, map, truth, k, Part::whole);
  for (const auto& [panel, name] : {std::pair{&predicted, "predicted"}, {&real, "true"}}) {
    draw_diagonal(canvas, *panel, map, {}, k);
    draw_axes(canvas, *panel, map, 11);
    canvas.text(panel->left, kTitle + kPanelTitle - 6, name, 13, kInk, Align::left, true);
  }
  draw_tracks(canvas, real, letters);
  draw_legend(canvas, predicted.left, canvas.height() - 26, true);
  return finish(canvas, {predicted, real});
}

MapPicture picture_of_one(const PredictedMap& map, const Protein* truth, int k, const std::string& note) {
  const int top = kTitle + kTrack + (truth ? 18 : 4);
  const MapPanel panel = panel_at(kMargin + kAxis, top, map.length(), kLeastSize);
  Canvas canvas(panel.left + panel.size() + kTrack + kMargin, top + panel.size() + below_panel(map) + kLegend);
  draw_title(canvas, map, about(k), note);
  if (truth) draw_halves(canvas, panel);
  draw_predicted(canvas, panel, map, k, truth ? Part::above : Part::whole);
  const std::string letters = truth ? secondary_structure(*truth) : "";
  if (truth) draw_true(canvas, panel, map, *truth, k, Part::below);
  draw_diagonal(canvas, panel, map, letters, k);
  if (truth) draw_tracks(canvas, panel, letters);
  draw_axes(canvas, panel, map, 11);
  draw_legend(canvas, panel.left, canvas.height() - 26, truth != nullptr);
  return finish(canvas, {panel});
}

MapPicture picture_of_all(const PredictedMap& map, const Protein* truth, const std::vector<std::string>& notes) {
  constexpr int kColumns = 4, kSmallAxis = 34;
  const MapPanel first = panel_at(0, 0, map.length(), kLeastSmall);
  const int across = kSmallAxis + first.size() + 14, down = kPanelTitle + first.size() + below_panel(map) + 8;
  Canvas canvas(2 * kMargin + kColumns * across, kTitle + (kChannels + kColumns - 1) / kColumns * down + kLegend);
  draw_title(canvas, map, truth ? "all channels: predicted above the diagonal, true below" : "all channels, predicted",
             "");
  const std::string letters = truth ? secondary_structure(*truth) : "";
  std::vector<MapPanel> panels;
  for (int k = 0; k < kChannels; ++k) {
    MapPanel panel = first;
    panel.left = kMargin + k % kColumns * across + kSmallAxis;
    panel.top = kTitle + k / kColumns * down + kPanelTitle;
    draw_predicted(canvas, panel, map, k, truth ? Part::above : Part::whole);
    if (truth) draw_true(canvas, panel, map, *truth, k, Part::below);
    draw_diagonal(canvas, panel, map, letters, k);
    draw_axes(canvas, panel, map, 9);
    canvas.text(panel.left, panel.top - 7, kChannelTable[k].name, 12, kInk, Align::left, true);
    if (!notes.empty()) canvas.text(panel.left + panel.size(), panel.top - 7, notes[k], 10, kSoft, Align::right);
    panels.push_back(panel);
  }
  draw_legend(canvas, kMargin + kSmallAxis, canvas.height() - 26, truth != nullptr);
  return finish(canvas, std::move(panels));
}

}  // namespace heartbeat
