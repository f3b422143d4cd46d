// A program of the build that runs beside the test: to send it signals and to see how it ends.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/support/command.h"

namespace heartbeat::testing {

class Started {
 public:
  // command: the name of a program and its arguments, parted by spaces.
  explicit Started(const std::string& command) {
    std::istringstream words(bin_dir() + "/" + command);
    std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    std::vector<char*> pointers;
    for (std::string& a : arguments) pointers.push_back(a.data());
    pointers.push_back(nullptr);
    const std::string out = scratch_.file("out"), err = scratch_.file("err");
    process_ = fork();
    if (process_ != 0) return;
    dup2(open(out.c_str(), O_WRONLY | O_CREAT, 0666), STDOUT_FILENO);
    dup2(open(err.c_str(), O_WRONLY | O_CREAT, 0666), STDERR_FILENO);
    execv(pointers[0], pointers.data());
    _exit(127);
  }
  ~Started() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;

  // False when the program ended, or two minutes passed, without that file.
  bool wrote(const std::string& path) const {
    for (int k = 0; k < 60'000; ++k) {
      if (std::filesystem::exists(path)) return true;
      if (ended()) return std::filesystem::exists(path);
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return false;
  }
  bool ended() const {
    siginfo_t info = {};
    waitid(P_PID, process_, &info, WEXITED | WNOHANG | WNOWAIT);
    return info.si_pid != 0;
  }
  void signal(int number) const { kill(process_, number); }
  Outcome end() {  // waits; code is 128 + signal where a signal ended the program
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_text(scratch_.file("out")),
            read_text(scratch_.file("err"))};
  }

 private:
  Scratch scratch_;
  pid_t process_ = -1;
};

}  // namespace heartbeat::testing
