// A user's mistake: one sentence that says what is wrong, where, and what to do. Programs print it and exit with
// code 2.
#pragma once

#include <stdexcept>

namespace heartbeat {

class UserError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace heartbeat
