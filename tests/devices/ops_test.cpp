// Every autograd op on both devices: the same values and the same gradients, up to the order of sums. What an op
// computes is settled by tests/kernels; here it is that its device version is called, with memory of the device.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <set>
#include <sstream>

#include "autograd/ops.h"
#include "graph/chain_graph.h"
#include "tests/support/gradcheck.h"
#include "tests/support/labels.h"
#include "tests/support/pair_layouts.h"
#include "tests/support/parity.h"

namespace heartbeat::testing {
namespace {

struct OpCase {
  std::string name;
  const char* file;  // in autograd/ops; null for what is elsewhere
  std::vector<Shape> inputs;
  std::function<Tensor(const std::vector<Tensor>&)> op;
};

void PrintTo(const OpCase& c, std::ostream* out) {
  *out << c.name;
}

// Two chains of a complex, a crop with a gap, a chain of one residue.
const Layout& layout() {
  static const Layout all = layout_of({complex_of({6, 5}, 1), crop_of({{3, 9}, {30, 35}}, 2), single_chain(1, 3)});
  return all;
}

std::shared_ptr<const ContactTargets> targets(long channels) {
  ContactTargets t;
  for (long p = 0; p < layout()->pairs(); ++p) {
    t.valid.push_back(std::uint16_t(p * 37 % 64));
    t.positive.push_back(std::uint16_t(p * 11 % 64 & t.valid.back()));
  }
  for (long k = 0; k < channels; ++k) {
    t.positive_weight.push_back(1 + 0.5 * double(k));
    t.channel_weight.push_back(1 / (1 + double(k)));
  }
  return std::make_shared<const ContactTargets>(t);
}

const std::vector<OpCase>& cases() {
  using In = const std::vector<Tensor>&;
  static const std::vector<OpCase> all = [] {
    const long P = layout()->pairs(), R = layout()->residues();
    const auto graph = chain_graph(*layout(), 2);
    const Ids ids = these_labels({3, 0, 6, 3, 3}), offsets = these_labels({0, 2, 2, 7}),
              labels = random_labels(7, 5, 3);
    const std::vector<int> steps = {0, -1, 1, 3};
    const RandomKey key{1, 2, 3};
    return std::vector<OpCase>{
        {"matmul", "matmul", {{7, 5}, {5, 3}}, [](In x) { return matmul(x[0], x[1]); }},
        {"matmul_transposed", "matmul", {{7, 5}, {3, 5}}, [](In x) { return matmul_transposed(x[0], x[1]); }},
        {"add", "elementwise", {{7, 5}, {7, 5}}, [](In x) { return add(x[0], x[1]); }},
        {"mul", "elementwise", {{7, 5}, {7, 5}}, [](In x) { return mul(x[0], x[1]); }},
        {"scale", "elementwise", {{7, 5}}, [](In x) { return scale(x[0], -2.5); }},
        {"add_bias", "elementwise", {{7, 5}, {5}}, [](In x) { return add_bias(x[0], x[1]); }},
        {"relu", "elementwise", {{7, 5}}, [](In x) { return relu(x[0]); }},
        {"silu", "elementwise", {{7, 5}}, [](In x) { return silu(x[0]); }},
        {"sigmoid", "elementwise", {{7, 5}}, [](In x) { return sigmoid(x[0]); }},
        {"tanh", "elementwise", {{7, 5}}, [](In x) { return heartbeat::tanh(x[0]); }},
        {"dropout", "elementwise", {{7, 5}}, [=](In x) { return dropout(x[0], 0.4, key); }},
        {"dropout_of_pairs", "elementwise", {{P, 3}}, [=](In x) { return dropout(x[0], 0.4, key, layout()); }},
        {"layer_norm", "layer_norm", {{7, 5}, {5}, {5}}, [](In x) { return layer_norm(x[0], x[1], x[2]); }},
        {"layer_norm_silu", "layer_norm", {{7, 5}, {5}, {5}}, [](In x) { return layer_norm_silu(x[0], x[1], x[2]); }},
        {"embedding", "embedding", {{7, 4}}, [=](In x) { return embedding(x[0], ids); }},
        {"segment_sum", "segment_reduce", {{7, 4}}, [=](In x) { return segment_sum(x[0], offsets); }},
        {"segment_mean", "segment_reduce", {{7, 4}}, [=](In x) { return segment_mean(x[0], offsets); }},
        {"spmm", "spmm", {{R, 4}}, [=](In x) { return spmm(graph, x[0]); }},
        {"relation_conv",
         "relation_conv",
         {{R, 4}, {4, 4, 3}},
         [=](In x) { return relation_conv(layout(), x[0], x[1], steps); }},
        {"gru_cell",
         "gru_cell",
         {{7, 3}, {7, 4}, {12, 3}, {12, 4}, {12}, {12}},
         [](In x) { return gru_cell(x[0], x[1], x[2], x[3], x[4], x[5]); }},
        {"pair_init",
         "pair_init",
         {{R, 4}, {3, 4}, {3, 4}, {3, 4}, {kBuckets, 3}, {3}},
         [](In x) { return pair_init(layout(), x[0], x[1], x[2], x[3], x[4], x[5]); }},
        {"conv2d", "conv2d", {{2, 3, 6, 7}, {4, 3, 3, 2}, {4}}, [](In x) { return conv2d(x[0], x[1], x[2], 2, 1); }},
        {"conv2d_without_bias", "conv2d", {{2, 1, 5, 5}, {2, 1, 3, 3}}, [](In x) { return conv2d(x[0], x[1], {}); }},
        {"max_pool", "max_pool", {{2, 3, 6, 7}}, [](In x) { return max_pool(x[0], 2, 2); }},
        {"pair_conv",
         "pair_conv",
         {{P, 4}, {5, 4, 3, 3}, {5}},
         [](In x) { return pair_conv(layout(), x[0], x[1], x[2], 2, Tie::none); }},
        {"pair_conv_tied",
         "pair_conv",
         {{P, 4}, {5, 4, 6}},
         [](In x) { return pair_conv(layout(), x[0], x[1], {}, 1, Tie::transpose); }},
        {"triangle_oriented",
         "triangle_multiplication",
         {{P, 4}, {P, 4}},
         [](In x) { return triangle_multiplication(layout(), x[0], x[1]); }},
        {"triangle_symmetric",
         "triangle_multiplication",
         {{P, 4}, {P, 4}},
         [](In x) { return triangle_multiplication(layout(), x[0], x[1], Triangle::symmetric); }},
        {"contact_loss",
         "contact_loss",
         {{P, 6}},
         [t = targets(6)](In x) { return scale(contact_loss(layout(), x[0], t), 3); }},
        {"concat", "concat", {{7, 3}, {7, 2}}, [](In x) { return concat(x[0], x[1]); }},
        {"log_softmax", "log_softmax", {{7, 5}}, [](In x) { return log_softmax(x[0]); }},
        {"nll_loss", "nll_loss", {{7, 5}}, [=](In x) { return scale(nll_loss(x[0], labels), 3); }},
        {"cross_entropy", "cross_entropy", {{7, 5}}, [=](In x) { return scale(cross_entropy(x[0], labels), 3); }},
        {"normal_noise",
         "normal_noise",
         {{7, 5}},
         [=](In x) {
           return add(x[0], normal_noise({7, 5}, key, x[0].dtype(), x[0].device()));
         }},
        {"recompute",
         nullptr,
         {{7, 5}, {3, 5}},
         [](In x) {
           return recompute([W = x[1]](const Tensor& z) { return silu(matmul_transposed(dropout(z, 0.3, {5}), W)); },
                            x[0]);
         }},
        {"used_twice", nullptr, {{7, 5}}, [](In x) { return mul(x[0], silu(x[0])); }},
    };
  }();
  return all;
}

// How many inputs of an op, from the first on, are activations that may be stored as bf16; the others are parameters.
size_t activations_of(const OpCase& c) {
  static const std::map<std::string, size_t> two = {
      {"add", 2}, {"mul", 2}, {"gru_cell", 2}, {"triangle_oriented", 2}, {"triangle_symmetric", 2}};
  static const std::set<std::string> none = {"embedding",           "segment_sum", "segment_mean",  "conv2d",
                                             "conv2d_without_bias", "max_pool",    "contact_loss",  "concat",
                                             "log_softmax",         "nll_loss",    "cross_entropy", "normal_noise"};
  return none.contains(c.name) ? 0 : two.contains(c.name) ? two.at(c.name) : 1;
}

// Value and gradients of <w, op(inputs)>, one after the other. dtype is that of activations.
std::vector<Tensor> run(const OpCase& c, Dtype dtype, Device device) {
  std::vector<Tensor> inputs;
  for (size_t k = 0; k < c.inputs.size(); ++k) {
    const Dtype stored = dtype == Dtype::bf16 && k >= std::max<size_t>(1, activations_of(c)) ? Dtype::f32 : dtype;
    inputs.push_back(random_normal(c.inputs[k], stored, unsigned(k + 1)).to(device));
    inputs.back().set_needs_grad(true);
  }
  const Tensor y = c.op(inputs);
  EXPECT_EQ(y.device(), device);
  std::vector<double> weights;
  for (long i = 0; i < y.numel(); ++i) weights.push_back(seed_weight(i));
  backward(y, Tensor::from(y.shape(), weights, y.dtype(), device));
  std::vector<Tensor> out = {y.to(Device::cpu)};
  for (const Tensor& x : inputs) {
    EXPECT_TRUE(x.has_grad());
    out.push_back(x.gradient().to(Device::cpu));
  }
  return out;
}

class OnBothDevices : public ::testing::TestWithParam<OpCase> {};

TEST_P(OnBothDevices, ValueAndGradientsAgree) {
  for (Dtype dtype : {Dtype::f32, Dtype::f64}) {
    SCOPED_TRACE(name_of(dtype));
    const auto want = run(GetParam(), dtype, Device::cpu), got = run(GetParam(), dtype, Device::cuda);
    for (size_t k = 0; k < want.size(); ++k) {
      ASSERT_EQ(got[k].shape(), want[k].shape());
      const std::vector<double> w = want[k].to_vector(), g = got[k].to_vector();
      EXPECT_LT(nmse(g.data(), w.data(), long(w.size())), parity_bound(dtype))
          << (k ? "gradient of input " + std::to_string(k - 1) : "value");
      EXPECT_NE(w, std::vector<double>(w.size(), 0)) << "nothing was computed";
    }
  }
}

// Either device is off by one rounding, so they differ by two at most; where ops follow each other a number beside a
// tie may come out differently, and what is f32 behind it, too. Ops that store no bf16 say so on both.
TEST_P(OnBothDevices, Bf16AgreesOrIsRefused) {
  const auto try_on = [](Device device) { return run(GetParam(), Dtype::bf16, device); };
  if (!activations_of(GetParam())) {
    for (Device device : {Device::cpu, Device::cuda}) EXPECT_THROW(try_on(device), std::invalid_argument);
    return;
  }
  const auto want = try_on(Device::cpu), got = try_on(Device::cuda);
  for (size_t k = 0; k < want.size(); ++k) {
    ASSERT_EQ(got[k].dtype(), want[k].dtype());
    const std::vector<double> w = want[k].to_vector(), g = got[k].to_vector();
    const Dtype rounded_as = GetParam().file ? got[k].dtype() : Dtype::bf16;
    EXPECT_LT(nmse(g.data(), w.data(), long(w.size())), parity_bound(rounded_as, 2))
        << (k ? "gradient of input " + std::to_string(k - 1) : "value");
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, OnBothDevices, ::testing::ValuesIn(cases()), [](const auto& c) { return c.param.name; });

TEST(OpsOnBothDevices, NoOpIsLeftOut) {
  std::set<std::string> tested;
  for (const OpCase& c : cases())
    if (c.file) tested.insert(c.file);
  std::istringstream ops(HEARTBEAT_OPS);  // stems of autograd/ops, from the build
  int count = 0;
  for (std::string op; ops >> op; ++count) EXPECT_TRUE(tested.contains(op)) << op;
  EXPECT_GT(count, 15);
}

TEST(OpsOnBothDevices, CastsAgreeToTheBit) {
  std::vector<std::vector<double>> values, gradients;
  for (Device device : {Device::cpu, Device::cuda}) {
    Tensor x = random_normal({7, 5}, Dtype::f32, 1).to(device);
    x.set_needs_grad(true);
    const Tensor y = cast(cast(x, Dtype::bf16), Dtype::f32);
    backward(y, random_normal({7, 5}, Dtype::f32, 2).to(device));
    values.push_back(y.to_vector());
    gradients.push_back(x.gradient().to_vector());
  }
  EXPECT_EQ(values[0], values[1]);
  EXPECT_EQ(gradients[0], gradients[1]);
}

TEST(OpsOnBothDevices, TensorsOfTwoDevicesAreRefused) {
  const Tensor x = Tensor::zeros({2, 2}), y = x.to(Device::cuda);
  try {
    matmul(x, y);
    FAIL() << "nothing was thrown";
  } catch (const std::invalid_argument& e) {
    EXPECT_STREQ(e.what(), "matmul: one tensor is on the cpu and another on the cuda");
  }
}

// A mirror is made once, and a copy of its owner gets one of its own.
TEST(Mirrors, AreMadeOnceAndNotCopied) {
  auto t = std::make_shared<ContactTargets>(*targets(6));
  const Tensor z = random_normal({layout()->pairs(), 6}, Dtype::f64, 1), dz = z.to(Device::cuda);
  const auto run = [&] {  // the loss, and the allocations that are left when all work is done
    const double loss = contact_loss(layout(), dz, t).item();
    cuda::synchronize(cuda::compute_stream());
    return std::pair(loss, cuda::memory_report().allocations);
  };
  const auto first = run();
  EXPECT_EQ(run(), first);
  const auto other = std::make_shared<ContactTargets>(*t);
  for (auto& bits : other->positive) bits = 0;
  EXPECT_NEAR(contact_loss(layout(), dz, other).item(), contact_loss(layout(), z, other).item(), 1e-12);
}

}  // namespace
}  // namespace heartbeat::testing
