#include "tools/data/splits.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "graph/counter_random.h"
#include "graph/crc32c.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace fs = std::filesystem;

Splits::Splits(const std::string& folder, const std::string& prefix) : from_lists_(true) {
  if (!fs::is_directory(folder))
    throw UserError("there is no folder " + folder + " with split lists; check --split-dir");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".txt") names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  const bool use_prefix =
      std::any_of(names.begin(), names.end(), [&](const std::string& n) { return n.starts_with(prefix); });
  for (const std::string& name : names) {
    const bool ours = !use_prefix || name.starts_with(prefix);
    const std::string plain = ours && use_prefix ? name.substr(prefix.size()) : name;
    const std::string path = folder + "/" + name;
    if (ours && plain == "train.txt") {
      read(path, "train");
    } else if (ours && (plain == "valid.txt" || plain == "validation.txt")) {
      read(path, "validation");
    } else if (ours && plain.starts_with("test")) {
      read(path, "test");
    } else {
      ignored_.push_back(name);
    }
  }
  if (split_of_.empty())
    throw UserError(folder + " holds no split list; it needs train.txt, valid.txt or test.txt with one id a line");
}

void Splits::read(const std::string& path, const std::string& split) {
  std::ifstream file(path);
  if (!file) throw UserError("cannot read " + path + "; check its permissions");
  for (std::string line; std::getline(file, line);) {
    std::string id;
    if (!(std::istringstream(line) >> id) || id[0] == '#') continue;
    const auto [at, fresh] = split_of_.emplace(id, split);
    if (!fresh && at->second != split)
      throw UserError(id + " is listed for " + at->second + " and for " + split + "; a chain belongs to one split");
  }
}

std::string Splits::of(const std::string& id, const std::string& file) const {
  if (from_lists_) {
    const auto found = split_of_.find(id);
    return found == split_of_.end() ? "" : found->second;
  }
  const long part = CounterRandom({hash_of(file)}).below(10);
  return part < 8 ? "train" : part == 8 ? "validation" : "test";
}

std::uint32_t Splits::checksum() const {
  std::string text;
  for (const auto& [id, split] : split_of_) text += id + " " + split + "\n";
  return crc32c(text);
}

}  // namespace heartbeat
