#include "kernels/triangle_multiplication/triangle_multiplication.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "kernels/triangle_multiplication/triangle_multiplication_spec.h"
#include "tests/support/gradcheck.h"
#include "tests/support/pair_layouts.h"
#include "tests/support/parity.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

constexpr Triangle kForms[] = {Triangle::oriented, Triangle::symmetric};

template <class T>
double parity_gap(const Layout& layout, long H, Triangle form) {
  const Tensor a = random_normal({layout->pairs(), H}, dtype_of<T>, 1);
  const Tensor b = random_normal({layout->pairs(), H}, dtype_of<T>, 2);
  const Tensor z = triangle_multiplication(layout, a, b, form);
  const Tensor a_spec = Tensor::from(a.shape(), a.to_vector(), Dtype::f64);
  const Tensor b_spec = Tensor::from(b.shape(), b.to_vector(), Dtype::f64);
  const Tensor want(z.shape(), Dtype::f64);
  kernels::triangle_multiplication_spec(layout->view(), a_spec.value<double>(), b_spec.value<double>(), form,
                                        want.value<double>());
  return nmse(z.data<T>(), want.data<double>(), z.numel());
}

TEST(TriangleMultiplication, MatchesTheSpec) {
  for (const Layout& layout : {chains_of({}), chains_of({1}), chains_of({0, 15, 2, 31}), chains_of({32, 33}),
                               chains_of({70}), layout_of({complex_of({7, 12}), crop_of({{3, 8}, {50, 61}})})})
    for (long H : {1, 8, 13})
      for (Triangle form : kForms) {
        SCOPED_TRACE(::testing::Message() << layout->pairs() << " pairs, H " << H << ", form " << int(form));
        EXPECT_LT(parity_gap<float>(layout, H, form), parity_bound(Dtype::f32));
        EXPECT_LT(parity_gap<double>(layout, H, form), parity_bound(Dtype::f64));
        EXPECT_LT(parity_gap<bf16>(layout, H, form), parity_bound(Dtype::bf16));
      }
}

TEST(TriangleMultiplication, GradientMatchesCentralDifferences) {
  for (const Layout& layout : {chains_of({1}), chains_of({6, 0, 3}), layout_of({complex_of({3, 4})})})
    for (long H : {1, 3})
      for (Triangle form : kForms) {
        const Tensor a = random_normal({layout->pairs(), H}, Dtype::f64, 1);
        const Tensor b = random_normal({layout->pairs(), H}, Dtype::f64, 2);
        EXPECT_LT(gradient_gap({a, b}, [&] { return triangle_multiplication(layout, a, b, form); }), kGradientBound)
            << layout->pairs() << " pairs, H " << H << ", form " << int(form);
      }
}

// What bf16 stores is f64's result rounded: the same inputs, each gradient stored twice.
TEST(TriangleMultiplication, GradientInBf16IsThatOfTheSameNumbersInF64) {
  for (const Layout& layout : {chains_of({1}), chains_of({33, 0, 7}), layout_of({complex_of({7, 12})})})
    for (Triangle form : kForms) {
      SCOPED_TRACE(::testing::Message() << layout->pairs() << " pairs, form " << int(form));
      std::vector<std::vector<double>> gradients[2];
      for (Dtype dtype : {Dtype::bf16, Dtype::f64}) {
        const auto input = [&](unsigned seed) {
          Tensor t = random_normal({layout->pairs(), 11}, Dtype::bf16, seed);
          if (dtype == Dtype::f64) t = Tensor::from(t.shape(), t.to_vector(), dtype);
          t.set_needs_grad(true);
          return t;
        };
        const Tensor a = input(1), b = input(2), dz = input(3);
        for (int twice = 0; twice < 2; ++twice) backward(triangle_multiplication(layout, a, b, form), dz);
        for (const Tensor& t : {a, b}) gradients[dtype == Dtype::f64].push_back(t.gradient().to_vector());
      }
      for (int k = 0; k < 2; ++k)
        EXPECT_LT(nmse(gradients[0][k].data(), gradients[1][k].data(), long(gradients[1][k].size())),
                  parity_bound(Dtype::bf16, 2));
    }
}

// Long enough for several row blocks and workspace chunks; G from plain loops over the dense matrices. Packed
// gradients are G + G^T off the diagonal and G on it.
TEST(TriangleMultiplication, PackedGradientIsTheDenseOneFoldedAndTheDiagonalCountsOnce) {
  const long L = 131, H = 9, channel = 8;
  const Layout layout = chains_of({L});
  const PairMap& map = layout->map(0);
  for (Triangle form : kForms) {
    Tensor a = random_normal({layout->pairs(), H}, Dtype::f64, 1),
           b = random_normal({layout->pairs(), H}, Dtype::f64, 2);
    const Tensor dz = random_normal({layout->pairs(), H}, Dtype::f64, 3);
    a.set_needs_grad(true);
    b.set_needs_grad(true);
    backward(triangle_multiplication(layout, a, b, form), dz);

    const auto at = [&](const Tensor& x, long i, long j) { return x.at(map.folded_row(i, j) * H + channel); };
    const auto G = [&](long i, long j) {  // gradient of the dense A B
      if (form == Triangle::oriented) return i <= j ? at(dz, i, j) : 0.0;
      return i == j ? at(dz, i, i) : at(dz, i, j) / 2;
    };
    const auto dA = [&](long i, long k) {
      double sum = 0;
      for (long j = 0; j < L; ++j) sum += G(i, j) * at(b, k, j);
      return sum / std::sqrt(double(L));
    };
    const auto dB = [&](long k, long j) {
      double sum = 0;
      for (long i = 0; i < L; ++i) sum += at(a, i, k) * G(i, j);
      return sum / std::sqrt(double(L));
    };
    for (long i : {0, 1, 63, 64, 100, 130})
      for (long j : {0, 1, 63, 64, 100, 130}) {
        if (i > j) continue;
        const long entry = map.row(i, j) * H + channel;
        EXPECT_NEAR(a.grad_at(entry), i == j ? dA(i, i) : dA(i, j) + dA(j, i), 1e-12) << i << " " << j;
        EXPECT_NEAR(b.grad_at(entry), i == j ? dB(i, i) : dB(i, j) + dB(j, i), 1e-12) << i << " " << j;
      }
  }
}

TEST(TriangleMultiplication, WorkspaceDoesNotChangeABit) {
  const Layout layout = chains_of({40, 7});
  const long H = 21;
  const Tensor a = random_normal({layout->pairs(), H}, Dtype::f32, 1), b = random_normal(a.shape(), Dtype::f32, 2);
  const Tensor dz = random_normal(a.shape(), Dtype::f32, 3);
  std::vector<Tensor> results[2];
  for (int small : {0, 1}) {
    const long workspace = small ? 1 : kernels::kTriangleWorkspace;
    const Tensor z(a.shape()), da = Tensor::zeros(a.shape()), db = Tensor::zeros(a.shape());
    kernels::triangle_multiplication<float>(Cpu{}, layout->view(), a.value<float>(), b.value<float>(),
                                            Triangle::oriented, z.value<float>(), workspace);
    kernels::triangle_multiplication_backward<float>(Cpu{}, layout->view(), dz.value<float>(), a.value<float>(),
                                                     b.value<float>(), Triangle::oriented, da.value<float>(),
                                                     db.value<float>(), workspace);
    results[small] = {z, da, db};
  }
  for (int k = 0; k < 3; ++k) EXPECT_EQ(results[0][k].to_vector(), results[1][k].to_vector());
}

// A protein between two of its own batch, one full of NaN and one of infinities: not one bit of it moves.
TEST(TriangleMultiplication, AProteinInABatchEqualsTheProteinAlone) {
  const Layout together = chains_of({12, 37, 20}), alone = chains_of({37});
  const long H = 10, first = together->map(1).first_pair * H, n = alone->pairs() * H;
  Tensor a_own = random_normal({alone->pairs(), H}, Dtype::f32, 1), b_own = random_normal(a_own.shape(), Dtype::f32, 2);
  const Tensor dz_own = random_normal(a_own.shape(), Dtype::f32, 3);
  const auto poisoned = [&](const Tensor& own) {
    Tensor t = Tensor::full({together->pairs(), H}, NAN);
    std::fill(t.data<float>() + first + n, t.data<float>() + t.numel(), INFINITY);
    std::memcpy(t.data<float>() + first, own.data<float>(), n * sizeof(float));
    return t;
  };
  Tensor a = poisoned(a_own), b = poisoned(b_own);
  for (Tensor* t : {&a, &b, &a_own, &b_own}) t->set_needs_grad(true);
  const Tensor z_own = triangle_multiplication(alone, a_own, b_own);
  backward(z_own, dz_own);
  const Tensor z = triangle_multiplication(together, a, b);
  backward(z, poisoned(dz_own));
  EXPECT_EQ(std::memcmp(z.data<float>() + first, z_own.data<float>(), n * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(a.grad<float>().data + first, a_own.grad<float>().data, n * sizeof(float)), 0);
  EXPECT_EQ(std::memcmp(b.grad<float>().data + first, b_own.grad<float>().data, n * sizeof(float)), 0);
}

// k runs over the residues of both chains: here is where information crosses.
TEST(TriangleMultiplication, CarriesInformationAcrossChains) {
  const Layout layout = layout_of({complex_of({3, 2})});
  const Tensor a = random_normal({layout->pairs(), 1}, Dtype::f64, 1), b = random_normal(a.shape(), Dtype::f64, 2);
  const Tensor before = triangle_multiplication(layout, a, b);
  a.data<double>()[layout->map(0).row(0, 4)] += 1;  // a rectangle pair
  const Tensor after = triangle_multiplication(layout, a, b);
  EXPECT_NE(before.at(layout->map(0).row(0, 1)), after.at(layout->map(0).row(0, 1)));
  EXPECT_EQ(before.at(layout->map(0).row(1, 2)), after.at(layout->map(0).row(1, 2)));
}

TEST(TriangleMultiplication, SwappingTheChainsTransposesTheRectangleOfTheSymmetricForm) {
  const long first = 5, second = 8, L = first + second;
  const Layout ab = layout_of({complex_of({first, second})}), ba = layout_of({complex_of({second, first})});
  const auto swapped = [&](long i) { return i < first ? i + second : i - first; };
  const Tensor a = random_normal({ab->pairs(), 2}, Dtype::f64, 1), b = random_normal({ab->pairs(), 2}, Dtype::f64, 2);
  const Tensor a_swapped(a.shape(), Dtype::f64), b_swapped(b.shape(), Dtype::f64);
  for (long i = 0; i < L; ++i)
    for (long j = i; j < L; ++j)
      for (long c = 0; c < 2; ++c) {
        const long from = ab->map(0).row(i, j) * 2 + c, to = ba->map(0).folded_row(swapped(i), swapped(j)) * 2 + c;
        a_swapped.data<double>()[to] = a.at(from);
        b_swapped.data<double>()[to] = b.at(from);
      }
  for (Triangle form : kForms) {
    const Tensor z = triangle_multiplication(ab, a, b, form);
    const Tensor z_swapped = triangle_multiplication(ba, a_swapped, b_swapped, form);
    double gap = 0;
    for (long i = 0; i < L; ++i)
      for (long j = i; j < L; ++j)
        gap = std::max(gap, std::abs(z.at(ab->map(0).row(i, j) * 2) -
                                     z_swapped.at(ba->map(0).folded_row(swapped(i), swapped(j)) * 2)));
    if (form == Triangle::symmetric)
      EXPECT_LT(gap, 1e-12);
    else
      EXPECT_GT(gap, 0.1);  // A B is not symmetric: its triangle knows which chain came first
  }
}

TEST(TriangleMultiplication, SizesThatDoNotFitAreRefusedWithBothSides) {
  const Layout layout = chains_of({3});
  try {
    triangle_multiplication(layout, Tensor::zeros({5, 2}), Tensor::zeros({5, 2}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "triangle_multiplication: a has 5 rows, but the batch has 6 pairs");
  }
  try {
    triangle_multiplication(layout, Tensor::zeros({6, 2}), Tensor::zeros({6, 3}));
    FAIL();
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "triangle_multiplication: a is [6, 2], but b is [6, 3]");
  }
}

}  // namespace
}  // namespace heartbeat
