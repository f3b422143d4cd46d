#include "tools/contacts/watch_log.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/pair.h"

namespace heartbeat {

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

void log_spread(RunLog& log, long step, const Tensor& logits, const ClassStatistics& statistics) {
  const long pairs = logits.rows();
  const float* z = logits.data<float>();
  for (int k = 0; k < kChannels; ++k) {
    const double p = statistics.frequency(k), shift = std::log(statistics.positive_weight(k));
    if (!(p > 0) || pairs < 8) continue;
    double sum = 0, squares = 0;
    for (long e = 0; e < pairs; ++e) {
      const float q = 1 / (1 + std::exp(float(shift) - z[e * kChannels + k]));
      sum += q, squares += double(q) * q;
    }
    const double mean = sum / double(pairs), variance = std::max(0.0, squares / double(pairs) - mean * mean);
    log.scalar(step, std::string("predictions/variance_ratio/") + kChannelTable[k].name, variance / (p * (1 - p)));
  }
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

}  // namespace heartbeat
