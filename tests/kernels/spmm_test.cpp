#include "kernels/spmm/spmm.h"

#include <gtest/gtest.h>

#include <random>

#include "autograd/ops.h"
#include "kernels/spmm/spmm_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// Not symmetric, with empty rows; row 0 is a hub when asked for. A mutant that drops the transpose must fail.
Graph random_graph(long nodes, double density, unsigned seed, bool hub = false) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<double> uniform;
  std::vector<Edge> edges;
  for (int to = 0; to < nodes; ++to)
    for (int from = 0; from < nodes; ++from)
      if ((hub && to == 0) || (to % 5 != 3 && uniform(engine) < density))
        edges.push_back({to, from, float(uniform(engine) - 0.5)});
  return Graph(nodes, edges);
}

template <class T>
double parity_gap(const Graph& g, long channels) {
  const Tensor x = random_normal({g.nodes(), channels}, dtype_of<T>, 2);
  const Tensor y(x.shape(), dtype_of<T>);
  kernels::spmm<T>(Cpu{}, g.adjacency(), x.value<T>(), y.value<T>());
  std::vector<double> rounded = x.to_vector(), want(x.numel());
  kernels::spmm_spec(g.adjacency(), {rounded.data(), g.nodes(), channels}, {want.data(), g.nodes(), channels});
  return nmse(y.data<T>(), want.data(), x.numel());
}

TEST(Spmm, MatchesTheSpec) {
  for (long nodes : {0, 1, 31, 32, 33, 200})
    for (long channels : {1, 31, 32, 33, 64, 65, 130})
      for (double density : {0.0, 0.1, 1.0}) {
        SCOPED_TRACE(::testing::Message() << nodes << " nodes, " << channels << " channels, density " << density);
        const Graph g = random_graph(nodes, density, 1, /*hub=*/density > 0);
        EXPECT_LT(parity_gap<float>(g, channels), parity_bound(Dtype::f32));
        EXPECT_LT(parity_gap<double>(g, channels), parity_bound(Dtype::f64));
        EXPECT_LT(parity_gap<bf16>(g, channels), parity_bound(Dtype::bf16));
      }
}

TEST(Spmm, GradientMatchesCentralDifferences) {
  for (long channels : {1, 31, 33})
    for (double density : {0.0, 0.1, 1.0}) {
      SCOPED_TRACE(::testing::Message() << channels << " channels, density " << density);
      const auto g = std::make_shared<const Graph>(random_graph(17, density, 1));
      const Tensor x = random_normal({17, channels}, Dtype::f64, 2);
      EXPECT_LT(gradient_gap({x}, [&] { return spmm(g, x); }), kGradientBound);
    }
}

TEST(Spmm, NotANumberReachesItsNeighboursOnly) {
  const Graph g(3, {{0, 1, 1}, {1, 2, 1}});
  const Tensor x = Tensor::from({3, 1}, {1, NAN, INFINITY});
  const Tensor y({3, 1});
  kernels::spmm<float>(Cpu{}, g.adjacency(), x.value<float>(), y.value<float>());
  EXPECT_TRUE(std::isnan(y.at(0)));
  EXPECT_EQ(y.at(1), INFINITY);
  EXPECT_EQ(y.at(2), 0);
}

TEST(Spmm, RowsThatDoNotFitAreRefusedWithBothSizes) {
  const auto g = std::make_shared<const Graph>(5, std::vector<Edge>{});
  try {
    spmm(g, Tensor::zeros({4, 2}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "spmm: X has 4 rows, but the graph has 5 nodes");
  }
}

}  // namespace
}  // namespace heartbeat
