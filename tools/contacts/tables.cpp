#include "tools/contacts/tables.h"

#include <fmt/format.h>

#include <cmath>

namespace heartbeat {
namespace {

std::string percent(double value) {
  return std::isnan(value) ? "    -" : fmt::format("{:5.1f}", 100 * value);
}
std::string percent2(double value) {
  return std::isnan(value) ? "     -" : fmt::format("{:6.2f}", 100 * value);
}

bool has_pairs(const Summary& s, Band band) {
  for (const MapScore& m : s.maps)
    if (m.at(0, band).valid) return true;
  return false;
}

}  // namespace

std::string precision_table(const std::vector<NamedSummary>& rows) {
  std::vector<Band> bands = {Band::short_, Band::medium, Band::long_};
  if (!rows.empty() && has_pairs(*rows[0].second, Band::inter)) bands.push_back(Band::inter);
  std::string out = fmt::format("  {:<32}", "cb8 precision at");
  for (Band band : bands) out += fmt::format("  {:>6} L/10   L/5   L/2     L", name_of(band));
  for (const auto& [name, summary] : rows) {
    out += fmt::format("\n  {:<32}", name);
    for (Band band : bands) {
      out += "      ";
      for (int fraction : kTopFractions) out += " " + percent(summary->precision(0, band, fraction).mean);
    }
  }
  return out + "\n";
}

std::string auprc_table(const std::vector<NamedSummary>& columns) {
  std::string out = fmt::format("  {:<12}", "AUPRC");
  for (const auto& [name, summary] : columns) out += fmt::format("  {:>18}", name);
  out += "  eligible pairs  density";
  for (int k = 0; k < kChannels; ++k) {
    out += fmt::format("\n  {:<12}", kChannelTable[k].name);
    for (const auto& [name, summary] : columns) {
      const MacroValue v = summary->auprc(k, Band::all);
      out += fmt::format("  {:>18}", v.maps && !std::isnan(v.mean)
                                         ? fmt::format("{} ({:.1f}-{:.1f})", percent(v.mean), 100 * v.low, 100 * v.high)
                                         : "-");
    }
    const Summary& model = *columns.at(0).second;
    out += fmt::format("  {:>14}  {:>7}", percent(model.auprc_eligible(k, Band::all).mean),
                       percent2(model.density(k, Band::all).mean));
  }
  return out + "\n";
}

std::string band_table(const Summary& summary) {
  std::string out = fmt::format("  {:<12}", "AUPRC by band");
  for (Band band : kBands) out += fmt::format(" {:>7}", name_of(band));
  for (int k = 0; k < kChannels; ++k) {
    out += fmt::format("\n  {:<12} ", kChannelTable[k].name);
    for (Band band : kBands) out += fmt::format(" {:>7}", percent(summary.auprc(k, band).mean));
  }
  return out + "\n";
}

}  // namespace heartbeat
