#include "tools/mnist/digit_model.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "autograd/pick_device.h"
#include "autograd/tape.h"

namespace heartbeat {
Tensor rows_of(const Tensor& x, long first, long n) {
  if (!x.defined()) return {};
  const Tensor from = x.to(Device::cpu);
  Shape shape = x.shape();
  shape[0] = n;
  Tensor part(shape, x.dtype());
  const long width = x.dim(0) ? x.numel() / x.dim(0) : 0;
  dispatch(x.dtype(),
           [&]<class T>(Type<T>) { std::copy_n(from.data<T>() + first * width, n * width, part.data<T>()); });
  return part;
}

Tensor DigitModel::logits(const Tensor& images, const Tensor& noise) const {
  if (const auto* net = std::get_if<nn::MnistNet>(&network)) return (*net)(images, noise);
  return std::get<nn::MnistMlp>(network)(images);
}

Tensor DigitModel::noise(long n, RandomKey key) const {
  const auto* net = std::get_if<nn::MnistNet>(&network);
  return net ? net->noise(n, key) : Tensor();
}

nn::Parameters DigitModel::parameters() const {
  return std::visit([](const auto& net) { return net.parameters(); }, network);
}

std::string DigitModel::config_json() const {
  const auto* net = std::get_if<nn::MnistNet>(&network);
  const nlohmann::json json = {
      {"kind", "heartbeat digit model 1"}, {"model", name}, {"noise_module", net && net->rand_fc}};
  return json.dump();
}

DigitModel make_digit_model(const MnistOptions& o) {
  return make_digit_model(o, Dtype::f32, pick_device(o.device));
}

DigitModel make_digit_model(const MnistOptions& o, Dtype dtype, Device device) {
  nn::Init init{.seed = o.seed, .dtype = dtype, .device = device};
  if (o.model == "mlp") return {o.model, nn::MnistMlp(init)};
  return {o.model, nn::MnistNet(o.noise_module == "on", init)};
}

TestResult evaluate(const DigitModel& model, const DigitSet& set, long batch_size, RandomKey key,
                    const std::function<void(long)>& after_each) {
  const NoGrad no_grad;
  std::vector<long> chosen(set.count());
  std::iota(chosen.begin(), chosen.end(), 0L);
  const Device device = model.parameters().back().tensor.device();
  const Tensor noise = model.noise(set.count(), key);
  TestResult sum;
  for (long first = 0; first < set.count(); first += batch_size) {
    const long n = std::min(batch_size, set.count() - first);
    const DigitBatch batch = digit_batch(set, chosen.data() + first, n);
    const Tensor part = rows_of(noise, first, n);
    const Tensor logits =
        model.logits(batch.images.to(device), part.defined() ? part.to(device) : part).to(Device::cpu);
    sum.loss += double(n) * cross_entropy(logits, batch.labels).item();
    for (long i = 0; i < n; ++i) {
      const float* row = logits.data<float>() + i * kDigitClasses;
      const int label = (*batch.labels)[i];
      const long answer = std::max_element(row, row + kDigitClasses) - row;
      double others = 0;
      for (int k = 0; k < kDigitClasses; ++k) others += std::exp(double(row[k]) - row[answer]);
      sum.losses.push_back(std::log(others) + row[answer] - row[label]);
      sum.accuracy += answer == label;
      ++sum.answers[label][answer];
    }
    if (after_each) after_each(first + n);
  }
  sum.loss /= double(set.count());
  sum.accuracy /= double(set.count());
  return sum;
}

}  // namespace heartbeat
