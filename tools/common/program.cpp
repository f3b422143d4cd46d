#include "tools/common/program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>

namespace heartbeat {
namespace {

volatile std::sig_atomic_t interrupts = 0;

void on_signal(int) {
  interrupts = interrupts + 1;
  if (interrupts > 1) _exit(kInterrupted);
}

}  // namespace

void catch_interrupts() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool interrupted() {
  return interrupts > 0;
}

int run_program(const char* name, const std::function<int()>& body) {
  const auto say = [&](const char* what, int code) {
    std::fflush(stdout);
    std::fprintf(stderr, "%s: %s\n", name, what);
    return code;
  };
  try {
    return body();
  } catch (const CLI::Success& e) {  // --help, --version: already printed by CLI11_PARSE-like callers
    return kDone;
  } catch (const CLI::ParseError& e) {
    return say((std::string(e.what()) + "; see " + name + " --help").c_str(), kUserMistake);
  } catch (const Interrupted& e) {
    return say(e.what(), kInterrupted);
  } catch (const UserError& e) {
    return say(e.what(), kUserMistake);
  } catch (const std::invalid_argument& e) {
    return say(e.what(), kUserMistake);
  } catch (const std::bad_alloc&) {
    return say("out of memory; lower the batch (--pairs-per-batch) or the crop (--crop)", kFailed);
  } catch (const std::exception& e) {
    return say(e.what(), kFailed);
  }
}

}  // namespace heartbeat
