// One screen of `heartbeat top`, as text: a function of the run, what the reader chose and the size of the terminal.
#pragma once

#include <string>
#include <vector>

#include "tools/top/pulse.h"

namespace heartbeat {

enum class TopOrder { model, gradient, ratio, broken };
inline constexpr int kTopOrders = 4;

struct TopView {
  std::string filter = {};  // part of a name, or a glob where it holds a '*'
  bool typing = false;
  TopOrder order = TopOrder::model;
  bool reverse = false;
  long first = 0;  // layer at the top of the table; kept inside the table
  bool utf8 = true, colour = true;
};

struct TopSize {
  int columns = 80, rows = 24;
};

// As many lines as the terminal has rows, each of at most as many columns; colours are escape sequences inside the
// lines. now: seconds since 1970.
std::vector<std::string> top_screen(const RunPulse& pulse, TopView& view, TopSize size, double now);

// The same in words, for a pipe: one line.
std::string top_line(const RunPulse& pulse);

}  // namespace heartbeat
