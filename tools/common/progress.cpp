#include "tools/common/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tools/common/clock.h"

namespace heartbeat {
namespace {

long terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string format_seconds(double seconds) {
  const long s = long(std::max(0.0, seconds) + 0.5);
  return s >= 3600 ? fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
                   : fmt::format("{}:{:02}", s / 60, s % 60);
}

Progress::Progress(std::string title, double total, bool quiet)
    : title_(std::move(title)), total_(total), quiet_(quiet), terminal_(isatty(STDERR_FILENO)), start_(Clock::now()) {
  last_ = start_ - std::chrono::hours(1);
}

Progress::~Progress() {
  if (quiet_ || !drawn_) return;
  std::fputs(terminal_ ? "\n" : "", stderr);
}

void Progress::update(double done, const std::string& note) {
  const bool last = total_ > 0 && done >= total_;
  if (quiet_ || (!last && seconds_since(last_) < (terminal_ ? 0.1 : 10))) return;
  draw(done, note);
}

void Progress::say(const std::string& line) {
  if (terminal_ && drawn_) std::fputs("\r\033[K", stderr);
  std::fprintf(stderr, "%s\n", line.c_str());
  if (terminal_ && drawn_) std::fputs(last_line_.c_str(), stderr);
}

void Progress::draw(double done, const std::string& note) {
  last_ = Clock::now();
  drawn_ = true;
  const double share = total_ > 0 ? std::clamp(done / total_, 0.0, 1.0) : 0;
  const double elapsed = seconds_since(start_);
  const std::string left = total_ > 0 && share > 0 ? format_seconds(elapsed / share - elapsed) : "?";
  const std::string tail = fmt::format(" {:3.0f} %  {} left  {}", 100 * share, left, note);
  if (!terminal_) {
    std::fprintf(stderr, "%s%s\n", title_.c_str(), tail.c_str());
    return;
  }
  const long width = std::clamp<long>(terminal_width() - long(title_.size() + tail.size()) - 4, 0, 30);
  std::string bar;
  for (long k = 0; k < width; ++k) bar += k < long(share * width + 0.5) ? "█" : "░";
  const long room = terminal_width() - 1;
  last_line_ =
      fmt::format("\r\033[K{} {}{}", title_, bar, tail.substr(0, std::max(0L, room - long(title_.size()) - width)));
  std::fputs(last_line_.c_str(), stderr);
  std::fflush(stderr);
}

}  // namespace heartbeat
