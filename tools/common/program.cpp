#include "tools/common/program.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "kernels/common/blas.h"

namespace heartbeat {
namespace {

volatile std::sig_atomic_t interrupts = 0;

void on_signal(int) {
  interrupts = interrupts + 1;
  if (interrupts > 1) _exit(kInterrupted);
}

// OpenMP's threads spin while they wait for each other, for milliseconds. On a machine with other work they so keep
// each other from running: a training step went from 0.17 s to several beside a compiler. Spinning 300 times and then
// sleeping gave 0.5 s there, as sleeping at once did, and 0.18 s alone. Steps of ten milliseconds do not forgive the
// waking: 14.4 ms with 300 on an Intel Xeon, 12.0 with 3,000 (a seventh of a millisecond) or more.
bool let_waiting_threads_sleep() {
  if (std::getenv("OMP_WAIT_POLICY") || std::getenv("GOMP_SPINCOUNT")) return false;
  setenv("GOMP_SPINCOUNT", "3000", 1);
  return true;
}

// An OpenBLAS older than the processor does not know it and takes it for one of 2004: products took four times as long
// as with Haswell's kernels, and with those up to 2.6 times as long as with the ones for AVX-512.
bool name_the_processor() {
#if defined(__x86_64__)
  if (std::getenv("OPENBLAS_CORETYPE") || blas::core_name() != std::string("Prescott")) return false;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return false;
  const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
                    __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                    __builtin_cpu_supports("avx512vl");
  setenv("OPENBLAS_CORETYPE", wide ? "SkylakeX" : "Haswell", 1);
  return true;
#else
  return false;
#endif
}

// Both libraries read their settings before main, so the program starts itself once more, as it was called.
void settle_the_libraries() {
  const bool threads = let_waiting_threads_sleep(), processor = name_the_processor();
  if (!threads && !processor) return;
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(in, argument, '\0');) arguments.push_back(argument);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // By its path, not by /proc/self/exe: the name that ps and pkill see comes from there. Where it fails, the
  // program is slower.
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (argv.size() > 1 && !error) execv(self.c_str(), argv.data());
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
  settle_the_libraries();
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
  } catch (const Stopped& e) {
    return say(e.what(), e.code);
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
