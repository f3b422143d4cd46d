#include "kernels/embedding/embedding.h"

#include <gtest/gtest.h>
#include <omp.h>

#include <cstring>
#include <random>

#include "autograd/ops.h"
#include "kernels/embedding/embedding_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// The last row of the table is never asked for.
std::vector<int> random_ids(long n, int vocabulary, unsigned seed) {
  std::mt19937_64 engine(seed);
  std::vector<int> ids(n);
  for (int& id : ids) id = int(engine() % std::max(1, vocabulary - 1));
  return ids;
}

Ids shared(std::vector<int> ids) {
  return std::make_shared<const std::vector<int>>(std::move(ids));
}

template <class T>
void expect_embedding_parity(long n, int vocabulary, long d) {
  const std::vector<int> ids = random_ids(n, vocabulary, 1);
  const Tensor W = random_normal({vocabulary, d}, dtype_of<T>, 2), dy = random_normal({n, d}, dtype_of<T>, 3);
  const Tensor y({n, d}, dtype_of<T>), dW = random_normal({vocabulary, d}, dtype_of<T>, 4);
  const std::vector<double> wide = W.to_vector(), wide_dy = dy.to_vector();
  std::vector<double> want(n * d), want_dW = dW.to_vector();

  kernels::embedding<T>(Cpu{}, ids.data(), W.value<T>(), y.value<T>());
  kernels::embedding_spec(ids.data(), {wide.data(), vocabulary, d}, {want.data(), n, d});
  EXPECT_EQ(y.to_vector(), want);
  kernels::embedding_adjoint_accumulate<T>(Cpu{}, ids.data(), dy.value<T>(), dW.value<T>());
  kernels::embedding_adjoint_spec(ids.data(), {wide_dy.data(), n, d}, {want_dW.data(), vocabulary, d});
  EXPECT_LT(nmse(dW.data<T>(), want_dW.data(), dW.numel()), parity_bound(dtype_of<T>));
}

TEST(Embedding, MatchesTheSpec) {
  for (long n : {0, 1, 31, 32, 33, 2500})  // 2500 rows are three tasks
    for (int vocabulary : {1, 21, 33})
      for (long d : {1, 31, 32, 33, 96}) {
        SCOPED_TRACE(::testing::Message() << n << " ids of " << vocabulary << ", d " << d);
        expect_embedding_parity<float>(n, vocabulary, d);
        expect_embedding_parity<double>(n, vocabulary, d);
      }
}

TEST(Embedding, GradientMatchesCentralDifferences) {
  for (long d : {1, 3, 33}) {
    SCOPED_TRACE(::testing::Message() << "d " << d);
    const Tensor W = random_normal({7, d}, Dtype::f64, 1);
    const Ids ids = shared(random_ids(40, 7, 2));
    EXPECT_LT(gradient_gap({W}, [&] { return embedding(W, ids); }), kGradientBound);
    for (long j = 0; j < d; ++j) EXPECT_EQ(W.grad_at(6 * d + j), 0) << "a letter that never occurs has no gradient";
  }
}

TEST(Embedding, BackwardRepeatsToTheBitForAnyNumberOfThreads) {
  const std::vector<int> ids = random_ids(5000, 21, 1);
  const Tensor dy = random_normal({5000, 96}, Dtype::f32, 2);
  const auto run = [&](int threads) {
    const int before = omp_get_max_threads();
    omp_set_num_threads(threads);
    const Tensor dW = Tensor::zeros({21, 96});
    kernels::embedding_adjoint_accumulate<float>(Cpu{}, ids.data(), dy.value<float>(), dW.value<float>());
    omp_set_num_threads(before);
    return dW;
  };
  const Tensor one = run(1), three = run(3);
  EXPECT_EQ(std::memcmp(one.data<float>(), three.data<float>(), one.numel() * sizeof(float)), 0);
}

TEST(Embedding, NotANumberReachesTheRowsThatAskForIt) {
  const Tensor W = Tensor::from({3, 1}, {1, NAN, -INFINITY});
  const Tensor y = embedding(W, shared({0, 1, 2, 0}));
  EXPECT_EQ(y.at(0), 1);
  EXPECT_TRUE(std::isnan(y.at(1)));
  EXPECT_EQ(y.at(2), -INFINITY);
  EXPECT_EQ(y.at(3), 1);
}

TEST(Embedding, AnIdOutsideTheVocabularyIsRefusedWithItsPosition) {
  const Tensor W = Tensor::zeros({21, 4});
  for (int bad : {21, -1}) try {
      embedding(W, shared({0, 3, bad}));
      FAIL();
    } catch (const std::invalid_argument& e) {
      EXPECT_EQ(e.what(), "embedding: id " + std::to_string(bad) + " at position 2 is outside a vocabulary of 21");
    }
}

}  // namespace
}  // namespace heartbeat
