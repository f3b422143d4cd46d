// A terminal in raw mode on its second screen; the destructor gives it back as it was.
#pragma once

#include <string>
#include <vector>

#include "tools/top/screen.h"

struct termios;

namespace heartbeat {

enum Key {
  kNone = 0,
  kEscape = 27,
  kEnter = 13,
  kBackspace = 127,
  kUp = 256,
  kDown,
  kLeft,
  kRight,
  kPageUp,
  kPageDown
};

class Terminal {
 public:
  Terminal();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  TopSize size() const;
  void show(const std::vector<std::string>& lines);
  int key(int milliseconds);  // kNone when none came in time; a Key or a character

 private:
  termios* before_;
  std::string waiting_;
};

// Whether the locale says that letters beyond ASCII can be shown.
bool terminal_is_utf8();

}  // namespace heartbeat
