#include "kernels/gru_cell/gru_cell.h"

#include "kernels/gru_cell/gru_cell_spec.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
using CudaGru = CudaParity<T>;
TYPED_TEST_SUITE(CudaGru, StoredTypes);

// The spec has no adjoint; the CPU's, in double, has been checked against central differences.
TYPED_TEST(CudaGru, MatchesTheSpecAndTheCheckedAdjoint) {
  using T = TypeParam;
  using A = Acc<T>;
  const Cuda c = this->stream;
  for (long n : {0, 1, 33})
    for (auto [k, d] : {std::pair{1L, 1L}, {5L, 32L}, {33L, 7L}}) {
      SCOPED_TRACE(::testing::Message() << n << " rows, message " << k << ", state " << d);
      const Doubles W_ih = normals<A>(3 * d * k, 1), W_hh = normals<A>(3 * d * d, 2), b_ih = normals<A>(3 * d, 3),
                    b_hh = normals<A>(3 * d, 4), m = normals<T>(n * k, 5), h = normals<T>(n * d, 6),
                    dy = normals<T>(n * d, 7);
      const OnDevice<T> dm(c, m), dh(c, h), ddy(c, dy), y(c, n * d), to_m(c, m), to_h(c, h);
      const OnDevice<A> W1(c, W_ih), W2(c, W_hh), b1(c, b_ih), b2(c, b_hh), gates(c, 4 * n * d), to_W1(c, W_ih),
          to_W2(c, W_hh), to_b1(c, b_ih), to_b2(c, b_hh);
      const kernels::GruWeights<const A> W{W1.matrix(3 * d, k), W2.matrix(3 * d, d), b1.matrix(1, 3 * d),
                                           b2.matrix(1, 3 * d)};
      const kernels::GruGradients<T> to{
          to_m.matrix(n, k),
          to_h.matrix(n, d),
          {to_W1.matrix(3 * d, k), to_W2.matrix(3 * d, d), to_b1.matrix(1, 3 * d), to_b2.matrix(1, 3 * d)}};
      kernels::gru_cell<T>(c, W, dm.matrix(n, k), dh.matrix(n, d), gates.matrix(n, 4 * d), y.matrix(n, d));
      kernels::gru_cell_adjoint_accumulate<T>(c, W, dm.matrix(n, k), dh.matrix(n, d), gates.matrix(n, 4 * d),
                                              ddy.matrix(n, d), to);
      kernels::gru_cell_adjoint_accumulate<T>(c, W, dm.matrix(n, k), dh.matrix(n, d), gates.matrix(n, 4 * d),
                                              ddy.matrix(n, d), {});

      const kernels::GruWeights<const double> Wd{
          {W_ih.data(), 3 * d, k}, {W_hh.data(), 3 * d, d}, {b_ih.data(), 1, 3 * d}, {b_hh.data(), 1, 3 * d}};
      const Matrix<const double> md{m.data(), n, k}, hd{h.data(), n, d};
      Doubles want(n * d), same(n * d), want_gates(4 * n * d), want_m(m), want_h(h), want_W1(W_ih), want_W2(W_hh),
          want_b1(b_ih), want_b2(b_hh);
      kernels::gru_cell_spec(Wd, md, hd, {want.data(), n, d});
      kernels::gru_cell<double>(Cpu{}, Wd, md, hd, {want_gates.data(), n, 4 * d}, {same.data(), n, d});
      kernels::gru_cell_adjoint_accumulate<double>(Cpu{}, Wd, md, hd, {want_gates.data(), n, 4 * d}, {dy.data(), n, d},
                                                   {{want_m.data(), n, k},
                                                    {want_h.data(), n, d},
                                                    {{want_W1.data(), 3 * d, k},
                                                     {want_W2.data(), 3 * d, d},
                                                     {want_b1.data(), 1, 3 * d},
                                                     {want_b2.data(), 1, 3 * d}}});
      expect_parity(y, want, "y");
      expect_parity(gates, want_gates, "gates");
      expect_parity(to_m, want_m, "dm");
      expect_parity(to_h, want_h, "dh");
      expect_parity(to_W1, want_W1, "dW_ih");
      expect_parity(to_W2, want_W2, "dW_hh");
      expect_parity(to_b1, want_b1, "db_ih");
      expect_parity(to_b2, want_b2, "db_hh");
    }
}

}  // namespace
}  // namespace heartbeat::testing
