// main() of every benchmark: Google Benchmark's flags, and --device cpu|cuda.
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <omp.h>

#include <fstream>
#include <string>
#include <vector>

#include "autograd/pick_device.h"
#include "bench/support/bench.h"
#include "bench/support/stopwatch.h"
#include "kernels/common/blas.h"
#include "tools/common/program.h"

namespace heartbeat::bench {
namespace {

Device chosen = Device::cpu;

// Takes --device out of the arguments.
std::string take_device(std::vector<std::string>& arguments) {
  std::string name = "cpu";
  for (size_t k = 1; k < arguments.size();) {
    const bool joined = arguments[k].starts_with("--device=");
    if (!joined && arguments[k] != "--device") {
      ++k;
      continue;
    }
    if (!joined && k + 1 == arguments.size()) throw UserError("--device needs a word after it: cpu or cuda");
    name = joined ? arguments[k].substr(9) : arguments[k + 1];
    arguments.erase(arguments.begin() + long(k), arguments.begin() + long(k + (joined ? 1 : 2)));
  }
  return name;
}

std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

int run(int argc, char** argv) {
  std::vector<std::string> arguments(argv, argv + argc);
  chosen = pick_device(take_device(arguments));
  std::vector<char*> rest;
  for (std::string& argument : arguments) rest.push_back(argument.data());
  int count = int(rest.size());
  benchmark::Initialize(&count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(count, rest.data())) return kUserMistake;
  benchmark::AddCustomContext("device", chosen == Device::cuda ? gpu_name() : processor());
  if (chosen == Device::cuda) benchmark::AddCustomContext("cuda", gpu_software());
  benchmark::AddCustomContext("threads", std::to_string(omp_get_max_threads()));
  benchmark::AddCustomContext("openblas", blas::core_name());
  benchmark::AddCustomContext("compiler", "g++ " __VERSION__);
  const bool any = benchmark::RunSpecifiedBenchmarks() > 0;
  benchmark::Shutdown();
  return any ? kDone : kUserMistake;
}

}  // namespace

Device device() {
  return chosen;
}

}  // namespace heartbeat::bench

int main(int argc, char** argv) {
  return heartbeat::run_program("bench", [&] { return heartbeat::bench::run(argc, argv); });
}
