#include "kernels/contact_loss/contact_loss.h"

#include <numeric>
#include <random>
#include <vector>

#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/contact_loss/contact_loss_spec.h"

namespace {

using namespace heartbeat;

constexpr long K = 8;

// Argument: residues. Two per cent positive, five per cent not valid; loss and gradient in one pass.
void contact_loss_case(benchmark::State& state) {
  const PairLayout layout({single_chain(state.range(0))});
  const long pairs = layout.pairs();
  std::mt19937 engine(1);
  std::normal_distribution<float> normal(-3, 2);
  std::vector<float> logits(pairs * K);
  for (float& z : logits) z = normal(engine);
  std::vector<std::uint16_t> positive(pairs), valid(pairs);
  for (long p = 0; p < pairs; ++p)
    for (long k = 0; k < K; ++k) {
      positive[p] = std::uint16_t(positive[p] | (engine() % 50 == 0) << k);
      valid[p] = std::uint16_t(valid[p] | (engine() % 20 != 0) << k);
    }
  const std::vector<double> positive_weight(K, 7), channel_weight(K, 1);
  const kernels::ContactLabels on_host{positive.data(), valid.data(), positive_weight.data(), channel_weight.data()};
  const bench::Array<std::uint16_t> positives(positive), valids(valid);
  const bench::Array<double> weights(positive_weight), channels(channel_weight), by_channel(K);
  const bench::Array<float> z(logits), dz(pairs * K);
  const kernels::ContactLabels labels{positives.data(), valids.data(), weights.data(), channels.data()};
  const auto run = [&] {
    bench::on_device([&](auto device) {
      kernels::contact_loss<float>(device, layout.view(device), z.matrix(pairs, K), labels, by_channel.data(),
                                   dz.matrix(pairs, K));
    });
  };
  run();
  const std::vector<double> exact(logits.begin(), logits.end());
  const double want = kernels::contact_loss_spec(layout.view(), {exact.data(), pairs, K}, on_host);
  const std::vector<double> losses = by_channel.host();
  if (std::abs(std::accumulate(losses.begin(), losses.end(), 0.0) - want) > 1e-6 * want)
    return state.SkipWithError("wrong result");

  bench::measure(state, run, double(pairs) * (8 * K + 4), 0);
}

BENCHMARK(contact_loss_case)->Name("contact_loss")->ArgName("L")->Arg(128)->Arg(256)->Arg(512)->Apply(bench::repeated);

}  // namespace
