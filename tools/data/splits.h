// Which chain belongs to training, validation and test: lists that somebody made with care, or a hash of the name.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace heartbeat {

class Splits {
 public:
  // No lists: 80, 10 and 10 per cent by a hash of the name. Homologs then fall on both sides.
  Splits() = default;
  // train.txt, valid.txt and every test*.txt of the folder, one id a line; the same after `prefix` where such files
  // exist. Throws UserError for a folder without lists and for an id in two splits.
  Splits(const std::string& folder, const std::string& prefix);

  bool from_lists() const { return from_lists_; }
  bool names(const std::string& id) const { return split_of_.count(id) > 0; }
  // "train", "validation", "test", or empty for what no list names. Without lists all chains of a file stay together.
  std::string of(const std::string& id, const std::string& file) const;
  const std::map<std::string, std::string>& listed() const { return split_of_; }
  const std::vector<std::string>& ignored() const { return ignored_; }  // lists with other names
  std::uint32_t checksum() const;

 private:
  void read(const std::string& path, const std::string& split);
  bool from_lists_ = false;
  std::map<std::string, std::string> split_of_;
  std::vector<std::string> ignored_;
};

}  // namespace heartbeat
