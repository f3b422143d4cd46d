#include "tools/log/run_log.h"

#include "autograd/tensor.h"
#include "bench/support/bench.h"
#include "tests/support/fake_run.h"
#include "tests/support/statistics.h"

namespace {

using namespace heartbeat;

constexpr long kStepsPerCommit = 6;  // contact model of size T on two cores: six steps a second

// Sizes of the tensors of the contact model of size T.
std::vector<TensorRow> tensors() {
  const std::pair<int, long> sizes[] = {{12, 512}, {18, 16},   {1, 1344}, {3, 512}, {24, 9216}, {4, 1024}, {3, 2048},
                                        {100, 32}, {6, 20480}, {1, 2048}, {18, 64}, {1, 256},   {1, 8}};
  std::vector<TensorRow> rows;
  for (const auto& [count, n] : sizes)
    for (int k = 0; k < count; ++k) rows.push_back({"trunk.block" + std::to_string(rows.size()) + ".weight", {n}});
  return rows;
}

std::vector<TensorStats> stats(const std::vector<TensorRow>& rows, double deviation) {
  std::vector<TensorStats> out;
  for (const TensorRow& row : rows)
    out.push_back(testing::stats_of(testing::normal<float>(row.shape[0], deviation, unsigned(out.size()))));
  return out;
}

// One second of training: gradients, parameters and updates of every tensor at each step, and a commit. The process's
// time counts, since the log's thread takes it from cores that compute. Argument: TensorBoard events on or off.
void run_log_case(benchmark::State& state) {
  const testing::ScratchDirectory scratch;
  const Tensor keeps_pages({1});  // the allocator's settings come with the first tensor, as in training
  RunLogOptions options;
  options.tensorboard = state.range(0) != 0;
  RunLog log(scratch / "run", {}, options);
  const auto rows = tensors();
  log.tensors(rows);
  const auto gradient = stats(rows, 1e-3), parameter = stats(rows, 0.1), update = stats(rows, 1e-5);
  long step = 0;
  for (auto _ : state) {
    for (int k = 0; k < kStepsPerCommit; ++k) {
      ++step;
      log.step({.step = step, .learning_rates = {1e-3, 1e-3}});
      for (const char* name : {"train/loss", "lr", "gradients/global_norm", "clip/factor"}) log.scalar(step, name, 0.5);
      log.watch(step, Quantity::gradient, gradient);
      log.watch(step, Quantity::parameter, parameter);
      log.watch(step, Quantity::update, update);
    }
    log.flush();
  }
  state.counters["writer_ms_per_step"] = 1e3 * log.writer_seconds() / double(step);
}

BENCHMARK(run_log_case)
    ->Name("run_log")
    ->ArgName("tensorboard")
    ->Arg(0)
    ->Arg(1)
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(20)
    ->Repetitions(3)
    ->ReportAggregatesOnly();

}  // namespace
