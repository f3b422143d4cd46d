#include "tools/top/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

namespace heartbeat {
namespace {

void write_all(const std::string& text) {
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t n = write(STDOUT_FILENO, text.data() + at, text.size() - at);
    if (n <= 0) return;
    at += std::size_t(n);
  }
}

}  // namespace

Terminal::Terminal() : before_(new termios) {
  tcgetattr(STDIN_FILENO, before_);
  termios raw = *before_;
  raw.c_lflag &= tcflag_t(~(ICANON | ECHO));  // Ctrl-C still interrupts
  raw.c_iflag &= tcflag_t(~(ICRNL | IXON));
  raw.c_cc[VMIN] = 0;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  write_all("\x1b[?1049h\x1b[?25l");  // second screen, no cursor
}

Terminal::~Terminal() {
  write_all("\x1b[?25h\x1b[?1049l");
  tcsetattr(STDIN_FILENO, TCSANOW, before_);
  delete before_;
}

TopSize Terminal::size() const {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

void Terminal::show(const std::vector<std::string>& lines) {
  std::string frame = "\x1b[H";
  for (std::size_t k = 0; k < lines.size(); ++k) frame += (k ? "\r\n" : "") + lines[k] + "\x1b[K";
  write_all(frame + "\x1b[J");
}

int Terminal::key(int milliseconds) {
  if (waiting_.empty()) {
    pollfd input = {STDIN_FILENO, POLLIN, 0};
    char bytes[64];
    if (poll(&input, 1, milliseconds) <= 0) return kNone;
    const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n <= 0) return input.revents & POLLHUP ? int('q') : int(kNone);
    waiting_.assign(bytes, std::size_t(n));
  }
  constexpr std::pair<const char*, int> kSequences[] = {
      {"\x1b[A", kUp},   {"\x1b[B", kDown},  {"\x1b[C", kRight}, {"\x1b[D", kLeft},    {"\x1bOA", kUp},
      {"\x1bOB", kDown}, {"\x1bOC", kRight}, {"\x1bOD", kLeft},  {"\x1b[5~", kPageUp}, {"\x1b[6~", kPageDown}};
  for (const auto& [sequence, key] : kSequences)
    if (waiting_.rfind(sequence, 0) == 0) {
      waiting_.erase(0, std::string(sequence).size());
      return key;
    }
  const int key = static_cast<unsigned char>(waiting_[0]);
  waiting_.erase(0, key == kEscape ? waiting_.size() : 1);  // a sequence nobody knows
  return key;
}

bool terminal_is_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value && *value) {
      const std::string locale = value;
      return locale.find("UTF-8") != std::string::npos || locale.find("utf8") != std::string::npos;
    }
  return false;
}

}  // namespace heartbeat
