#include "tools/top/top.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <thread>

#include "tools/common/clock.h"
#include "tools/common/program.h"
#include "tools/top/terminal.h"

namespace heartbeat {
namespace {

constexpr int kWakeMilliseconds = 100, kReadMilliseconds = 500;

// False: the reader wants to leave.
bool answer(int key, TopView& view, long page) {
  if (view.typing) {
    if (key == kEscape) view.filter.clear(), view.typing = false;
    if (key == kEnter) view.typing = false;
    if ((key == kBackspace || key == 8) && !view.filter.empty()) view.filter.pop_back();
    if (key >= ' ' && key <= '~') view.filter += char(key);
    view.first = 0;
    return true;
  }
  switch (key) {
    case 'q':
      return false;
    case '/':
      view.typing = true, view.filter.clear();
      break;
    case kEscape:
      view.filter.clear();
      break;
    case 'r':
      view.reverse = !view.reverse;
      break;
    case kRight:
      view.order = TopOrder((int(view.order) + 1) % kTopOrders);
      break;
    case kLeft:
      view.order = TopOrder((int(view.order) + kTopOrders - 1) % kTopOrders);
      break;
    case kUp:
    case 'k':
      --view.first;
      break;
    case kDown:
    case 'j':
      ++view.first;
      break;
    case kPageUp:
      view.first -= page;
      break;
    case kPageDown:
    case ' ':
      view.first += page;
      break;
    default:
      break;
  }
  return true;
}

void on_terminal(RunPulse& pulse, TopView& view) {
  Terminal terminal;
  auto read = Clock::now();
  for (bool stay = true; stay && !interrupted();) {
    const TopSize size = terminal.size();
    terminal.show(top_screen(pulse, view, size, wall_time()));
    const int key = terminal.key(kWakeMilliseconds);
    if (key != kNone) stay = answer(key, view, std::max(1, size.rows - 10));
    if (1000 * seconds_since(read) > kReadMilliseconds) pulse.update(), read = Clock::now();
  }
}

void in_lines(RunPulse& pulse, const TopOptions& options) {
  for (bool fresh = true; !interrupted(); fresh = pulse.update()) {
    if (fresh && (pulse.steps() || options.once || !pulse.outcome().empty())) {
      std::printf("%s\n", top_line(pulse).c_str());
      if (std::fflush(stdout) != 0) return;  // the reader of the pipe has left
    }
    if (options.once || !pulse.outcome().empty()) break;
    for (int slept = 0; slept < 1000 && !interrupted(); slept += kWakeMilliseconds)
      std::this_thread::sleep_for(std::chrono::milliseconds(kWakeMilliseconds));
  }
  TopView view{.utf8 = terminal_is_utf8(), .colour = false};
  if (pulse.layers().empty()) return;
  const auto lines =
      top_screen(pulse, view, {100, int(pulse.layers().size() + pulse.alerts().size()) + 24}, wall_time());
  for (const std::string& line : lines)
    if (!line.empty() && &line != &lines.back()) std::printf("%s\n", line.c_str());
}

}  // namespace

void show_top(const std::string& directory, const TopOptions& options) {
  catch_interrupts();
  RunPulse pulse(directory, options.tensors);
  TopView view{.utf8 = terminal_is_utf8(), .colour = !std::getenv("NO_COLOR")};
  if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !options.once)
    on_terminal(pulse, view);
  else
    in_lines(pulse, options);
}

}  // namespace heartbeat
