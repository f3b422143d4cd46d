#include "tools/specimens/specimens.h"

#include <algorithm>

#include "tools/specimens/contacts.h"
#include "tools/specimens/digits.h"

namespace heartbeat {

std::span<const Specimen> specimens() {
  static const std::vector<Specimen> all = [] {
    std::vector<Specimen> all = digit_specimens();
    for (Specimen& s : contact_specimens()) all.push_back(std::move(s));
    return all;
  }();
  return all;
}

bool answered(const std::vector<AlertRow>& alerts, const std::string& rule) {
  return std::any_of(alerts.begin(), alerts.end(), [&](const AlertRow& a) { return a.rule == rule; });
}

}  // namespace heartbeat
