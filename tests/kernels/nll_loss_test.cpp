#include "kernels/nll_loss/nll_loss.h"

#include <gtest/gtest.h>

#include "autograd/ops.h"
#include "kernels/nll_loss/nll_loss_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

template <class T>
double nll_of(Matrix<const T> log_p, const int* labels) {
  double loss = 0;
  kernels::nll_loss<T>(Cpu{}, log_p, labels, &loss);
  return loss;
}

template <class T>
void expect_nll_loss_parity(long n, long c) {
  const Tensor log_p = random_normal({n, c}, dtype_of<T>, 1), dx = random_normal({n, c}, dtype_of<T>, 2);
  const Ids labels = random_labels(n, c, 3);
  const std::vector<double> wide = log_p.to_vector();
  std::vector<double> want = dx.to_vector();
  const double loss = nll_of<T>(log_p.value<T>(), labels->data());
  const double right = kernels::nll_loss_spec({wide.data(), n, c}, labels->data());
  EXPECT_LT(nmse(&loss, &right, 1), parity_bound(Dtype::f64));  // sums are in double for either type
  const T dy = T(0.7);
  kernels::nll_loss_backward<T>(Cpu{}, labels->data(), &dy, dx.value<T>());
  kernels::nll_loss_backward_spec(labels->data(), double(dy), {want.data(), n, c});
  EXPECT_LT(nmse(dx.data<T>(), want.data(), n * c), parity_bound(dtype_of<T>));
}

TEST(NllLoss, MatchesTheSpec) {
  for (long n : {1, 31, 32, 33, 20000})  // 20,000 rows are three tasks
    for (long c : {1, 2, 10}) {
      SCOPED_TRACE(::testing::Message() << n << " rows, " << c << " classes");
      expect_nll_loss_parity<float>(n, c);
      expect_nll_loss_parity<double>(n, c);
    }
  EXPECT_TRUE(std::isnan(nll_of<float>({nullptr, 0, 10}, nullptr)));
}

TEST(NllLoss, GradientMatchesCentralDifferences) {
  for (long c : {1, 2, 10}) {
    SCOPED_TRACE(::testing::Message() << c << " classes");
    const Tensor x = random_normal({9, c}, Dtype::f64, 1);
    const Ids labels = random_labels(9, c, 2);
    EXPECT_LT(gradient_gap({x}, [&] { return nll_loss(x, labels); }), kGradientBound);
    EXPECT_LT(gradient_gap({x}, [&] { return scale(nll_loss(log_softmax(x), labels), 3); }), kGradientBound);
  }
}

TEST(NllLoss, AnImpossibleClassCostsInfinityAndOthersAreNotRead) {
  const Tensor log_p = Tensor::from({2, 2}, {-1, NAN, -INFINITY, -2});
  EXPECT_EQ(nll_loss(log_p, these_labels({0, 1})).item(), 1.5);
  EXPECT_EQ(nll_loss(log_p, these_labels({0, 0})).item(), INFINITY);
  EXPECT_TRUE(std::isnan(nll_loss(log_p, these_labels({1, 1})).item()));
}

TEST(NllLoss, LabelsThatDoNotFitAreRefused) {
  const auto sentence = [](const Tensor& x, const Ids& labels) -> std::string {
    try {
      nll_loss(x, labels);
      return "";
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
  };
  const Tensor x = Tensor::zeros({2, 10});
  EXPECT_EQ(sentence(x, these_labels({0, 1, 2})), "nll_loss: there are 3 labels for 2 rows");
  EXPECT_EQ(sentence(x, these_labels({0, 10})), "nll_loss: label 10 at row 1 is none of 10 classes");
  EXPECT_EQ(sentence(x, these_labels({-1, 0})), "nll_loss: label -1 at row 0 is none of 10 classes");
  EXPECT_EQ(sentence(Tensor::zeros({0, 10}), these_labels({})), "nll_loss: there are no rows, and nothing has no mean");
}

}  // namespace
}  // namespace heartbeat
