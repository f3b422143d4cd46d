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
    std::vector<int> drawn(n);
    for (int& id : drawn) id = int(engine() % kVocabulary);
    ids.assign(drawn);
    for (bench::Array<float>* values : {&rows, &table}) {
      std::vector<float> host(values->size());
      for (float& v : host) v = normal(engine);
      values->assign(host);
    }
  }
  double bytes() const { return 4.0 * (n + double(n) * d + kVocabulary * d); }

  long n, d;
  bench::Array<int> ids;
  bench::Array<float> rows, table;
};

void forward(benchmark::State& state) {
  Problem p(state);
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::embedding<float>(device, p.ids.data(), {p.table.data(), p.kVocabulary, p.d}, {p.rows.data(), p.n, p.d});
    });
  };
  run();
  const std::vector<float> rows = p.rows.host(), table = p.table.host();
  const std::vector<int> ids = p.ids.host();
  for (long i = 0; i < p.n; ++i)
    if (rows[i * p.d] != table[ids[i] * p.d]) return state.SkipWithError("wrong result");
  bench::measure(state, run, p.bytes(), 0);
}

void adjoint(benchmark::State& state) {
  Problem p(state);
  const std::vector<float> rows = p.rows.host(), table = p.table.host();
  const std::vector<int> ids = p.ids.host();
  std::vector<double> dy(rows.begin(), rows.end()), want(table.begin(), table.end());
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::embedding_adjoint_accumulate<float>(device, p.ids.data(), {p.rows.data(), p.n, p.d},
                                                   {p.table.data(), p.kVocabulary, p.d});
    });
  };
  run();
  kernels::embedding_adjoint_spec(ids.data(), {dy.data(), p.n, p.d}, {want.data(), p.kVocabulary, p.d});
  if (testing::nmse(p.table.host().data(), want.data(), long(want.size())) > testing::parity_bound(Dtype::f32))
    return state.SkipWithError("wrong result");
  bench::measure(state, run, p.bytes(), double(p.n) * p.d);
}

void sizes(benchmark::internal::Benchmark* b) {
  bench::repeated(b->ArgNames({"ids", "d"})->ArgsProduct({{256, 4096, 32768}, {96}}));
}
BENCHMARK(forward)->Name("embedding")->Apply(sizes);
BENCHMARK(adjoint)->Name("embedding/adjoint")->Apply(sizes);

}  // namespace
