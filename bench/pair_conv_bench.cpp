// Pair convolution beside a plain sgemm of the same FLOPs: [pairs, taps C] x [taps C, C], or its weight gradient.
#include "kernels/pair_conv/pair_conv.h"

#include <algorithm>
#include <random>
#include <vector>

#include "bench/peers/nvidia.h"
#include "bench/support/bench.h"
#include "graph/pair_layout.h"
#include "kernels/common/blas.h"
#include "kernels/common/parallel.h"
#include "kernels/pair_conv/pair_conv_spec.h"
#include "tests/support/parity.h"

namespace {

using namespace heartbeat;
using blas::Op;

enum Part { forward, dx, dw };

std::vector<float> uniforms(long n, unsigned seed) {
  std::minstd_rand engine(seed);
  std::vector<float> v(n);
  for (float& value : v) value = float(engine()) / 1073741824.f - 1;
  return v;
}

// The peer: on a CPU cut in two for two cores, on a GPU cuBLAS.
class Sgemm {
 public:
  Sgemm(long m, long n, long k, bool transposed)
      : m_(m), n_(n), k_(k), transposed_(transposed), a_(uniforms(m * k, 3)), b_(uniforms(k * n, 4)), c_(m * n) {}
  void operator()() const {
    if (bench::device() == Device::cuda) return bench::nvidia::sgemm(transposed_, m_, n_, k_, a_, b_, c_);
    const long half = m_ / 2;
    for_chunks(m_, std::max(half, m_ - half), [&](long first, long last) {
      blas::gemm<float>(transposed_ ? Op::transpose : Op::none, Op::none, last - first, n_, k_, 1,
                        a_.data() + (transposed_ ? first : first * k_), transposed_ ? m_ : k_, b_.data(), n_, 0,
                        c_.data() + first * n_, n_);
    });
  }
  double flops() const { return 2.0 * m_ * n_ * k_; }
  bench::Peer peer() const {  // for as long as this lives
    return {bench::device() == Device::cuda ? bench::nvidia::cublas_name() : "OpenBLAS sgemm", [this] { (*this)(); }};
  }

 private:
  long m_, n_, k_;
  bool transposed_;
  bench::Array<float> a_, b_, c_;
};

// Arguments: part, tied, length, channels, dilation.
void pair_conv_case(benchmark::State& state) {
  const Part part = Part(state.range(0));
  const long length = state.range(2), c = state.range(3);
  const kernels::PairConvShape shape{c, c, int(state.range(4)), state.range(1) != 0};
  std::vector<PairMember> members;
  members.push_back(single_chain(length));
  const PairLayout layout(std::move(members));
  const long pairs = layout.pairs(), taps = shape.taps();
  const std::vector<float> xh = uniforms(pairs * c, 1), Wh = uniforms(c * c * taps, 2);
  const bench::Array<float> x(xh), W(Wh), dy(uniforms(pairs * c, 3)), y(pairs * c), x_gradient(pairs * c);
  const bench::Array<float> W_gradient(c * c * taps), b_gradient(c), no_bias(c);

  const auto run_part = [&](Part which) {
    bench::on_device([&](auto device) {
      const PairBatch batch = layout.view(device);
      const auto xs = x.matrix(pairs, c), dys = dy.matrix(pairs, c);
      if (which == forward)
        kernels::pair_conv<float>(device, batch, shape, xs, W.data(), no_bias.data(), y.matrix(pairs, c));
      else if (which == dx)
        kernels::pair_conv_dx_accumulate<float>(device, batch, shape, dys, W.data(), x_gradient.matrix(pairs, c));
      else
        kernels::pair_conv_dw_accumulate<float>(device, batch, shape, xs, dys, W_gradient.data(), b_gradient.data());
    });
  };
  for (const Part which : {forward, part}) run_part(which);
  if (part == forward && length <= 128) {
    const std::vector<double> xd(xh.begin(), xh.end()), wd(Wh.begin(), Wh.end());
    std::vector<double> want(y.size());
    kernels::pair_conv_spec(layout.view(), shape, {xd.data(), pairs, c},
                            shape.tied ? kernels::untie(wd.data(), c, c).data() : wd.data(), nullptr,
                            {want.data(), pairs, c});
    if (testing::nmse(y.host().data(), want.data(), y.size()) > testing::parity_bound(Dtype::f32))
      return state.SkipWithError("wrong result");
  }
  if ((part == dx && !bench::is_adjoint(dy, y, x_gradient, x)) ||
      (part == dw && !bench::is_adjoint(dy, y, W_gradient, W)))
    return state.SkipWithError("wrong result");

  const Sgemm same = part == dw ? Sgemm(taps * c, c, pairs, true) : Sgemm(pairs, c, taps * c, false);
  bench::measure(state, [&] { run_part(part); }, 2.0 * pairs * c * 4, same.flops(), {same.peer()});
}

BENCHMARK(pair_conv_case)
    ->Name("pair_conv")
    ->ArgNames({"part", "tied", "L", "C", "d"})
    ->ArgsProduct({{forward, dx, dw}, {0, 1}, {128, 256, 512}, {32, 64}, {1}})
    ->ArgsProduct({{forward, dx, dw}, {0, 1}, {256}, {64}, {4}})
    ->Apply(bench::repeated);

}  // namespace
