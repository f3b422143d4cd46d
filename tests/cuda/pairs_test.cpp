// Ops over packed triangles and over the chains behind them.
#include "kernels/contact_loss/contact_loss.h"
#include "kernels/contact_loss/contact_loss_spec.h"
#include "kernels/pair_conv/pair_conv.h"
#include "kernels/pair_conv/pair_conv_spec.h"
#include "kernels/pair_init/pair_init.h"
#include "kernels/pair_init/pair_init_spec.h"
#include "kernels/relation_conv/relation_conv.h"
#include "kernels/relation_conv/relation_conv_spec.h"
#include "kernels/triangle_multiplication/triangle_multiplication.h"
#include "kernels/triangle_multiplication/triangle_multiplication_spec.h"
#include "tests/support/batch_on_device.h"
#include "tests/support/device_parity.h"

namespace heartbeat::testing {
namespace {

template <class T>
class CudaPairs : public CudaParity<T> {
 protected:
  // Runs the test on every batch.
  template <class F>
  void for_batches(F f) {
    for (const auto& members : pair_cases()) {
      const PairLayout layout(members);
      SCOPED_TRACE(::testing::Message() << layout.size() << " proteins, " << layout.pairs() << " pairs");
      const BatchOnDevice device(this->stream, layout);
      f(layout.view(), device.view());
    }
  }
};
TYPED_TEST_SUITE(CudaPairs, StoredTypes);

TYPED_TEST(CudaPairs, RelationConvMatchesTheSpec) {
  using T = TypeParam;
  using A = Acc<T>;
  const Cuda s = this->stream;
  const std::vector<int> offsets{0, 1, -1, 3, -7};
  const long R = long(offsets.size()), in = 5, out = 34;
  this->for_batches([&](const PairBatch& host, const PairBatch& device) {
    const long n = host.residues;
    const Doubles x = normals<T>(n * in, 1), W = normals<A>(R * in * out, 2), dy = normals<T>(n * out, 3);
    const OnDevice<T> dx(s, x), ddy(s, dy), y(s, n * out), to_x(s, x);
    const OnDevice<A> dW(s, W), to_W(s, W);
    kernels::relation_conv<T>(s, device, offsets, dx.matrix(n, in), dW.matrix(R * in, out), y.matrix(n, out));
    kernels::relation_conv_adjoint_x_accumulate<T>(s, device, offsets, ddy.matrix(n, out), dW.matrix(R * in, out),
                                                   to_x.matrix(n, in));
    kernels::relation_conv_adjoint_W_accumulate<T>(s, device, offsets, dx.matrix(n, in), ddy.matrix(n, out),
                                                   to_W.matrix(R * in, out));
    Doubles want(n * out), want_x(x), want_W(W);
    kernels::relation_conv_spec(host, offsets, {x.data(), n, in}, {W.data(), R * in, out}, {want.data(), n, out});
    kernels::relation_conv_adjoint_spec(host, offsets, {x.data(), n, in}, {W.data(), R * in, out}, {dy.data(), n, out},
                                        {want_x.data(), n, in}, {want_W.data(), R * in, out});
    expect_parity(y, want, "y");
    expect_parity(to_x, want_x, "dx");
    expect_parity(to_W, want_W, "dW");
  });
}

// The backward is compared with the CPU's in double, which its own test checks against central differences.
TYPED_TEST(CudaPairs, PairInitMatchesTheSpec) {
  using T = TypeParam;
  using A = Acc<T>;
  using kernels::PairInitWeights;
  const Cuda s = this->stream;
  const long d = 6, C = 33;
  this->for_batches([&](const PairBatch& host, const PairBatch& device) {
    const long n = host.residues, P = host.pairs;
    const Doubles h = normals<T>(n * d, 1), l = normals<A>(C * d, 2), r = normals<A>(C * d, 3),
                  m = normals<A>(C * d, 4), E = normals<A>(kBuckets * C, 5), b = normals<A>(C, 6),
                  dz = normals<T>(P * C, 7);
    const OnDevice<T> dh(s, h), ddz(s, dz), z(s, P * C), to_h(s, h);
    const OnDevice<A> dl(s, l), dr(s, r), dm(s, m), dE(s, E), db(s, b), to_l(s, l), to_r(s, r), to_m(s, m), to_E(s, E),
        to_b(s, b);
    const PairInitWeights<const A> w{dl.matrix(C, d), dr.matrix(C, d), dm.matrix(C, d), dE.matrix(kBuckets, C),
                                     db.matrix(1, C)};
    kernels::pair_init<T>(s, device, dh.matrix(n, d), w, z.matrix(P, C));
    kernels::pair_init_backward<T>(
        s, device, ddz.matrix(P, C), dh.matrix(n, d), w, to_h.matrix(n, d),
        {to_l.matrix(C, d), to_r.matrix(C, d), to_m.matrix(C, d), to_E.matrix(kBuckets, C), to_b.matrix(1, C)});
    Doubles want(P * C), want_h(h), want_l(l), want_r(r), want_m(m), want_E(E), want_b(b);
    const PairInitWeights<const double> wd{
        {l.data(), C, d}, {r.data(), C, d}, {m.data(), C, d}, {E.data(), kBuckets, C}, {b.data(), 1, C}};
    kernels::pair_init_spec(host, {h.data(), n, d}, wd, {want.data(), P, C});
    kernels::pair_init_backward<double>(Cpu{}, host, {dz.data(), P, C}, {h.data(), n, d}, wd, {want_h.data(), n, d},
                                        {{want_l.data(), C, d},
                                         {want_r.data(), C, d},
                                         {want_m.data(), C, d},
                                         {want_E.data(), kBuckets, C},
                                         {want_b.data(), 1, C}});
    expect_parity(z, want, "z");
    expect_parity(to_h, want_h, "dh");
    expect_parity(to_l, want_l, "dW_l");
    expect_parity(to_r, want_r, "dW_r");
    expect_parity(to_m, want_m, "dW_m");
    expect_parity(to_E, want_E, "dE");
    expect_parity(to_b, want_b, "db");
  });
}

TYPED_TEST(CudaPairs, PairConvMatchesTheSpec) {
  using T = TypeParam;
  using A = Acc<T>;
  const Cuda s = this->stream;
  for (bool tied : {false, true})
    for (int dilation : {1, 3}) {
      const kernels::PairConvShape shape{3, 5, dilation, tied};
      SCOPED_TRACE(::testing::Message() << "tied " << tied << " dilation " << dilation);
      this->for_batches([&](const PairBatch& host, const PairBatch& device) {
        const long P = host.pairs, weights = shape.out * shape.in * shape.taps();
        const Doubles x = normals<T>(P * shape.in, 1), W = normals<A>(weights, 2), b = normals<A>(shape.out, 3),
                      dy = normals<T>(P * shape.out, 4);
        const OnDevice<T> dx(s, x), ddy(s, dy), y(s, P * shape.out), to_x(s, x);
        const OnDevice<A> dW(s, W), db(s, b), to_W(s, W), to_b(s, b);
        kernels::pair_conv<T>(s, device, shape, dx.matrix(P, shape.in), dW.data(), db.data(), y.matrix(P, shape.out));
        kernels::pair_conv_dx_accumulate<T>(s, device, shape, ddy.matrix(P, shape.out), dW.data(),
                                            to_x.matrix(P, shape.in));
        kernels::pair_conv_dw_accumulate<T>(s, device, shape, dx.matrix(P, shape.in), ddy.matrix(P, shape.out),
                                            to_W.data(), to_b.data());
        const auto dense_W = tied ? kernels::untie(W.data(), shape.out, shape.in) : W;
        Doubles want(P * shape.out), want_x(x), want_W(W), want_b(b), dense_dW(shape.out * shape.in * 9);
        kernels::pair_conv_spec(host, shape, {x.data(), P, shape.in}, dense_W.data(), b.data(),
                                {want.data(), P, shape.out});
        kernels::pair_conv_gradient_spec(host, shape, {x.data(), P, shape.in}, dense_W.data(),
                                         {dy.data(), P, shape.out}, {want_x.data(), P, shape.in}, dense_dW.data(),
                                         want_b.data());
        constexpr int kPlace[9] = {0, 3, 4, 3, 1, 5, 4, 5, 2};
        for (long k = 0; k < long(dense_dW.size()); ++k) want_W[tied ? k / 9 * 6 + kPlace[k % 9] : k] += dense_dW[k];
        expect_parity(y, want, "y");
        expect_parity(to_x, want_x, "dx", 2);  // folded taps come in a pass of their own
        expect_parity(to_W, want_W, "dW");
        expect_parity(to_b, want_b, "db");
      });
    }
}

// Through tile_product, whose tensor cores take f32 and f32 alone. Rounding an operand to 11 bits moves it by at most
// u = 2^-11 of itself; the errors of the two have independent signs, so their energies add, to 2 u^2 of the signal's.
TEST(CudaTf32PairConv, IsF32WithOperandsOfElevenBits) {
  const Stream stream;
  const Cuda f32 = stream, tf32{f32.stream, true};
  const double bound = 0x1p-21, bound_of_f32 = parity_bound(Dtype::f32);
  const kernels::PairConvShape shape{34, 37, 2, false};
  const PairLayout layout(std::vector<PairMember>{single_chain(16), single_chain(5)});
  const BatchOnDevice device(stream, layout);
  const long P = layout.pairs(), weights = shape.out * shape.in * shape.taps();
  const Doubles x = normals<float>(P * shape.in, 1), W = normals<float>(weights, 2),
                dy = normals<float>(P * shape.out, 4);
  const OnDevice<float> dx(f32, x), dW(f32, W), ddy(f32, dy);
  const auto run = [&](Cuda s) {
    const OnDevice<float> y(f32, P * shape.out), to_x(f32, Doubles(P * shape.in)), to_W(f32, Doubles(weights));
    kernels::pair_conv<float>(s, device.view(), shape, dx.matrix(P, shape.in), dW.data(), nullptr,
                              y.matrix(P, shape.out));
    kernels::pair_conv_dx_accumulate<float>(s, device.view(), shape, ddy.matrix(P, shape.out), dW.data(),
                                            to_x.matrix(P, shape.in));
    kernels::pair_conv_dw_accumulate<float>(s, device.view(), shape, dx.matrix(P, shape.in), ddy.matrix(P, shape.out),
                                            to_W.data(), nullptr);
    return std::vector{y.host(), to_x.host(), to_W.host()};
  };
  const auto exact = run(f32), rounded = run(tf32);
  for (int k = 0; k < 3; ++k) {
    const Doubles want(exact[k].begin(), exact[k].end());
    const double off = nmse(rounded[k].data(), want.data(), long(want.size()));
    EXPECT_LT(off, bound) << k;
    EXPECT_GT(off, bound_of_f32) << k;  // the tensor cores were asked
  }
}

TYPED_TEST(CudaPairs, TriangleMultiplicationMatchesTheSpec) {
  using T = TypeParam;
  const Cuda s = this->stream;
  const long H = 33;
  for (Triangle form : {Triangle::oriented, Triangle::symmetric})
    this->for_batches([&](const PairBatch& host, const PairBatch& device) {
      const long P = host.pairs;
      const Doubles a = normals<T>(P * H, 1), b = normals<T>(P * H, 2), dz = normals<T>(P * H, 3);
      const OnDevice<T> da(s, a), db(s, b), ddz(s, dz), z(s, P * H), to_a(s, a), to_b(s, b);
      kernels::triangle_multiplication<T>(s, device, da.matrix(P, H), db.matrix(P, H), form, z.matrix(P, H));
      kernels::triangle_multiplication_backward<T>(s, device, ddz.matrix(P, H), da.matrix(P, H), db.matrix(P, H), form,
                                                   to_a.matrix(P, H), to_b.matrix(P, H));
      Doubles want(P * H), want_a(a), want_b(b);
      kernels::triangle_multiplication_spec(host, {a.data(), P, H}, {b.data(), P, H}, form, {want.data(), P, H});
      kernels::triangle_multiplication_backward<double>(Cpu{}, host, {dz.data(), P, H}, {a.data(), P, H},
                                                        {b.data(), P, H}, form, {want_a.data(), P, H},
                                                        {want_b.data(), P, H});
      expect_parity(z, want, "z");
      expect_parity(to_a, want_a, "da");
      expect_parity(to_b, want_b, "db");
    });
}

TYPED_TEST(CudaPairs, ContactLossMatchesTheSpec) {
  using T = Acc<TypeParam>;  // logits are never stored narrowly
  const Cuda s = this->stream;
  for (long K : {1, 8, 16})
    this->for_batches([&](const PairBatch& host, const PairBatch& device) {
      const long P = host.pairs;
      std::mt19937 engine(9);
      std::vector<std::uint16_t> positive(P), valid(P);
      for (long p = 0; p < P; ++p) {
        valid[p] = std::uint16_t(p < 40 ? 0 : engine() | engine());  // the first protein may have nothing valid
        positive[p] = std::uint16_t(engine() & engine() & valid[p]);
      }
      Doubles positive_weight(K), channel_weight(K), z = normals<T>(P * K, 1);
      for (long k = 0; k < K; ++k) {
        positive_weight[k] = 1 + 0.7 * double(k);
        channel_weight[k] = 1 / (1 + 0.3 * double(k));
      }
      for (long e = 0; e < P * K; ++e)
        if (!(valid[e / K] >> e % K & 1)) z[e] = NAN;  // never read
      const OnDevice<std::uint16_t> dpositive(s, positive), dvalid(s, valid);
      const OnDevice<double> dp(s, positive_weight), dc(s, channel_weight), loss(s, K), loss_only(s, K);
      const OnDevice<T> dz(s, z), slope(s, P * K);
      const kernels::ContactLabels labels{dpositive.data(), dvalid.data(), dp.data(), dc.data()};
      kernels::contact_loss<T>(s, device, dz.matrix(P, K), labels, loss.data(), slope.matrix(P, K));
      kernels::contact_loss<T>(s, device, dz.matrix(P, K), labels, loss_only.data(), {});
      const kernels::ContactLabels on_host{positive.data(), valid.data(), positive_weight.data(),
                                           channel_weight.data()};
      Doubles by_channel(K), want_slope(P * K);
      kernels::contact_loss<double>(Cpu{}, host, {z.data(), P, K}, on_host, by_channel.data(),
                                    {want_slope.data(), P, K});
      const double want = kernels::contact_loss_spec(host, {z.data(), P, K}, on_host);
      double total = 0;
      for (double part : loss.host()) total += part;
      EXPECT_NEAR(total, want, (std::is_same_v<T, float> ? 2e-7 : 1e-13) * want);
      EXPECT_EQ(loss.host(), loss_only.host());
      expect_parity(slope, want_slope, "dlogits");
    });
}

// Row p of a triangle and back, past the line where p needs 32 bits.
TEST(PairLeft, IsTheInverseOfPairIndex) {
  for (long length : {1L, 2L, 31L, 32L, 33L, 70000L, 3000000L})
    for (long i : {0L, 1L, length / 3, length / 2, length - 1}) {
      if (i >= length) continue;
      for (long j : {i, (i + length) / 2, length - 1}) EXPECT_EQ(pair_left(pair_index(i, j, length), length), i);
    }
}

}  // namespace
}  // namespace heartbeat::testing
