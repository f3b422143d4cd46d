// Nothing reaches the terminal while it lives.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>

namespace heartbeat {

class Quiet {
 public:
  Quiet() {
    std::fflush(stdout);
    out_ = dup(STDOUT_FILENO);
    const int nowhere = open("/dev/null", O_WRONLY);
    dup2(nowhere, STDOUT_FILENO);
    close(nowhere);
  }
  ~Quiet() {
    std::fflush(stdout);
    dup2(out_, STDOUT_FILENO);
    close(out_);
  }
  Quiet(const Quiet&) = delete;

 private:
  int out_;
};

}  // namespace heartbeat
