// A classifier of digits by name.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <variant>

#include "nn/mnist_net.h"
#include "tools/mnist/digits.h"
#include "tools/mnist/options.h"

namespace heartbeat {

struct DigitModel {
  std::string name;  // reference or mlp
  std::variant<nn::MnistNet, nn::MnistMlp> network;

  // images [n, 1, 28, 28] -> [n, 10]; noise as drawn below.
  Tensor logits(const Tensor& images, const Tensor& noise) const;
  Tensor noise(long n, RandomKey key) const;  // undefined where the network wants none
  nn::Parameters parameters() const;
  std::string config_json() const;  // what a checkpoint has to agree on
};

DigitModel make_digit_model(const MnistOptions& options);
DigitModel make_digit_model(const MnistOptions& options, Dtype dtype, Device device);

// Rows first .. first + n of x along its first axis, copied, on the CPU; nothing of nothing.
Tensor rows_of(const Tensor& x, long first, long n);

// Mean loss and share of right answers; the loss of each digit; how many digits of each class, by the answer.
struct TestResult {
  double loss = 0, accuracy = 0;
  std::vector<double> losses = {};
  std::array<std::array<long, kDigitClasses>, kDigitClasses> answers = {};  // [class][answer]
};
// key names the noise of the whole set, so that batches do not change it. after_each is called with the number of
// digits done.
TestResult evaluate(const DigitModel& model, const DigitSet& set, long batch_size, RandomKey key,
                    const std::function<void(long)>& after_each = {});

}  // namespace heartbeat
