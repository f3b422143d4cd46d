// What two runs of one seed agree in, and what may differ between them: clock, host, places, lives.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace heartbeat {

bool scalar_repeats(const std::string& name);
bool meta_repeats(const std::string& key);
bool alert_repeats(const std::string& rule);
bool note_repeats(const std::string& key);

// One line of a resolved config (TOML as the programs write it).
struct Setting {
  std::string key, value;  // key with the section before it: "watch.every"
};
// In the order of the text, without comments, and without those that name places: where to read and write is not what
// is computed.
std::vector<Setting> settings_of(const std::string& config);
// The config's lines, verbatim, without those that name places.
std::string config_without_places(const std::string& config);

}  // namespace heartbeat
