#include "tools/contacts/watch_log.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

#include "kernels/common/pair.h"

namespace heartbeat {

nn::WatchOptions watch_options(const TrainOptions& o) {
  const auto level = o.watch == "all"         ? nn::WatchLevel::all
                     : o.watch == "gradients" ? nn::WatchLevel::gradients
                                              : nn::WatchLevel::none;
  return {level, o.watch_filter, o.watch_every};
}

std::vector<TensorRow> tensor_rows(const nn::Optimizer& optimizer) {
  std::vector<TensorRow> rows;
  for (const nn::WatchedTensor& t : optimizer.tensors()) {
    std::string aliases;
    for (const std::string& alias : t.aliases) aliases += (aliases.empty() ? "" : " ") + alias;
    rows.push_back({t.name, t.shape, name_of(t.dtype), aliases, t.trainable, t.group, t.module});
  }
  return rows;
}

void log_watch(RunLog& log, long step, nn::WatchFrame frame) {
  log.watch(step, Quantity::gradient, std::move(frame.gradient));
  log.watch(step, Quantity::parameter, std::move(frame.parameter));
  log.watch(step, Quantity::update, std::move(frame.update));
  log.watch(step, Quantity::clipped, std::move(frame.clipped));
}

void log_map(RunLog& log, long step, const Protein& protein, const std::vector<float>& probability, int channel) {
  const long length = protein.length();
  std::vector<std::uint8_t> predicted(length * length), truth(length * length, 0);
  for (long i = 0; i < length; ++i)
    for (long j = i; j < length; ++j) {
      const float p = probability[pair_index(i, j, length) * kChannels + channel];
      const float grey = std::isnan(p) ? 0 : 255 * std::clamp(p, 0.f, 1.f);
      predicted[i * length + j] = predicted[j * length + i] = std::uint8_t(std::lround(grey));
    }
  for (const ContactPair& c : protein.contacts)
    if (c.channels >> channel & 1) truth[c.i * length + c.j] = truth[c.j * length + c.i] = 255;
  const std::string name = "maps/" + protein.id + "/" + kChannelTable[channel].name;
  log.image(step, name + "/predicted", int(length), int(length), std::move(predicted));
  log.image(step, name + "/true", int(length), int(length), std::move(truth));
}

void log_losses(RunLog& log, long step, const std::string& prefix, std::span<const double> by_channel) {
  for (size_t k = 0; k < by_channel.size(); ++k)
    log.scalar(step, prefix + "/loss/" + kChannelTable[k].name, by_channel[k]);
}

void log_summary(RunLog& log, long step, const std::string& prefix, const Summary& s) {
  const auto put = [&](const std::string& name, double value) {
    if (!std::isnan(value)) log.scalar(step, prefix + name, value);
  };
  for (int k = 0; k < kChannels; ++k) {
    const std::string channel = kChannelTable[k].name;
    for (Band band : kBands) {
      const std::string place = channel + "/" + name_of(band);
      if (band != Band::near_ && band != Band::all)
        for (int fraction : kTopFractions)
          put("/" + place + (fraction == 1 ? "@L" : "@L/" + std::to_string(fraction)),
              s.precision(k, band, fraction).mean);
      put("/auprc/" + place, s.auprc(k, band).mean);
      put("/auroc/" + place, s.auroc(k, band).mean);
      put("/density/" + place, s.density(k, band).mean);
    }
  }
}

double seconds_of_watching(const nn::Optimizer& optimizer) {
  nn::Parameters copies;
  std::mt19937 engine(1);
  std::normal_distribution<float> normal;
  for (const nn::WatchedTensor& t : optimizer.tensors()) {
    Tensor x(t.shape, t.dtype, Device::cpu, true);
    for (long k = 0; k < x.numel(); ++k) {
      x.data<float>()[k] = 0.1f * normal(engine);
      x.grad<float>().data[k] = 1e-3f * normal(engine);
    }
    copies.push_back({t.name, x});
  }
  nn::AdamW scratch(copies);
  const auto timed = [&](nn::WatchFrame* frame) {
    const auto start = std::chrono::steady_clock::now();
    scratch.step(1e-6, frame);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<double> differences;
  for (int repeat = 0; repeat < 15; ++repeat) {
    nn::WatchFrame frame;
    const double plain = timed(nullptr);
    differences.push_back(timed(&frame) - plain);
  }
  std::nth_element(differences.begin(), differences.begin() + 7, differences.end());
  return std::max(0.0, differences[7]);
}

}  // namespace heartbeat
