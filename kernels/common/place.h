#pragma once

namespace heartbeat {

// A line of host code, for messages: f(Place place = Place::current()) knows where it was called.
struct Place {
  const char* file = "";
  unsigned line = 0;
  static constexpr Place current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

}  // namespace heartbeat
