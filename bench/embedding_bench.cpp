#include "kernels/embedding/embedding.h"

#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "kernels/embedding/embedding_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;

// Arguments: ids, channels. A table of 21 rows, uniform ids, seed 1.
struct Problem {
  static constexpr long kVocabulary = 21;
  explicit Problem(benchmark::State& state)
      : n(state.range(0)), d(state.range(1)), ids(n), rows(n * d), table(kVocabulary * d) {
    std::mt19937_64 engine(1);
    std::normal_distribution<float> normal;
    for (int& id : ids) id = int(engine() % kVocabulary);
    for (auto* values : {&rows, &table})
      for (float& v : *values) v = normal(engine);
  }
  double bytes() const { return 4.0 * (n + double(n) * d + kVocabulary * d); }

  long n, d;
  std::vector<int> ids;
  std::vector<float> rows, table;
};

void forward(benchmark::State& state) {
  if (bench::is_for_cpu(state)) return;
  Problem p(state);
  const auto run = [&] {
    kernels::embedding<float>(Cpu{}, p.ids.data(), {p.table.data(), p.kVocabulary, p.d}, {p.rows.data(), p.n, p.d});
  };
  run();
  for (long i = 0; i < p.n; ++i)
    if (p.rows[i * p.d] != p.table[p.ids[i] * p.d]) return state.SkipWithError("wrong result");
  bench::measure(state, run, p.bytes(), 0);
}

void adjoint(benchmark::State& state) {
  if (bench::is_for_cpu(state)) return;
  Problem p(state);
  std::vector<double> dy(p.rows.begin(), p.rows.end()), want(p.table.begin(), p.table.end());
  const auto run = [&] {
    kernels::embedding_adjoint_accumulate<float>(Cpu{}, p.ids.data(), {p.rows.data(), p.n, p.d},
                                                 {p.table.data(), p.kVocabulary, p.d});
  };
  run();
  kernels::embedding_adjoint_spec(p.ids.data(), {dy.data(), p.n, p.d}, {want.data(), p.kVocabulary, p.d});
  if (testing::nmse(p.table.data(), want.data(), long(want.size())) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, p.bytes(), double(p.n) * p.d);
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"ids", "d"})->ArgsProduct({{256, 4096, 32768}, {96}}));
}
BENCHMARK(forward)->Name("embedding")->Apply(sizes);
BENCHMARK(adjoint)->Name("embedding/adjoint")->Apply(sizes);

}  // namespace
