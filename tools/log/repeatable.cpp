#include "tools/log/repeatable.h"

#include <set>
#include <sstream>

namespace heartbeat {
namespace {

bool starts_with(const std::string& text, const char* prefix) {
  return text.rfind(prefix, 0) == 0;
}

bool is_time(const std::string& name) {
  return starts_with(name, "time/");
}

bool names_a_place(const std::string& key) {
  static const std::set<std::string> keys = {"run-dir", "run_dir",    "data",  "config", "resume",
                                             "threads", "checkpoint", "serve", "graph"};
  return keys.count(key) > 0;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r"), last = text.find_last_not_of(" \t\r");
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

}  // namespace

bool scalar_repeats(const std::string& name) {
  return !is_time(name);
}

bool meta_repeats(const std::string& key) {
  static const std::set<std::string> keys = {"run_id", "host", "name", "command", "started", "threads", "run_dir"};
  return !keys.count(key) && !is_time(key) && !starts_with(key, "path/");
}

bool alert_repeats(const std::string& rule) {
  return rule != "R47" && rule != "R48";  // these look at the clock
}

bool note_repeats(const std::string& key) {
  return key != "resume" && key != "interrupted" && key != "graph" && !is_time(key) && !starts_with(key, "path/");
}

std::vector<Setting> settings_of(const std::string& config) {
  std::vector<Setting> settings;
  std::string section;
  std::istringstream lines(config);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    if (line.empty() || line[0] == '#') continue;
    const std::size_t cut = line.find('=');
    if (cut == std::string::npos) {
      section =
          line.substr(line.find_first_not_of('['), line.find_last_not_of(']') - line.find_first_not_of('[') + 1) + ".";
      continue;
    }
    const std::string key = trimmed(line.substr(0, cut));
    if (!names_a_place(key)) settings.push_back({section + key, trimmed(line.substr(cut + 1))});
  }
  return settings;
}

std::string config_without_places(const std::string& config) {
  std::string kept;
  for (std::size_t at = 0; at < config.size();) {
    const std::size_t end = std::min(config.find('\n', at), config.size() - 1) + 1;
    const std::string line = config.substr(at, end - at);
    const std::size_t first = line.find_first_not_of(" \t"), last = line.find_first_of(" \t=\n", first);
    const std::string key = first == std::string::npos ? "" : line.substr(first, last - first);
    if (!names_a_place(key) && line.find('/') == std::string::npos) kept += line;
    at = end;
  }
  return kept;
}

}  // namespace heartbeat
