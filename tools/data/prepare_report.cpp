#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "graph/batch.h"
#include "tools/data/prepare.h"

namespace heartbeat {
namespace {

std::vector<const Protein*> of_split(const std::vector<Protein>& proteins, const std::string& split) {
  std::vector<const Protein*> list;
  for (const Protein& protein : proteins)
    if (protein.split == split) list.push_back(&protein);
  return list;
}

std::string split_table(const std::vector<Protein>& proteins, const Splits& splits) {
  std::string text = fmt::format("{:<12}{:>8}{:>10}{:>10}\n", "split", "chains", "residues", "longest");
  for (const char* split : {"train", "validation", "test", ""}) {
    long residues = 0, longest = 0;
    const auto members = of_split(proteins, split);
    for (const Protein* protein : members) {
      residues += protein->length();
      longest = std::max(longest, protein->length());
    }
    if (*split || !members.empty())
      text += fmt::format("{:<12}{:>8}{:>10}{:>10}\n", *split ? split : "in none", members.size(), residues, longest);
  }
  if (!splits.from_lists())
    text +=
        "The split is random, by a hash of the name: homologs fall on both sides, and results on it overestimate.\n"
        "For numbers to quote, give lists with --split-dir.\n";
  else if (const auto others = of_split(proteins, "").size())
    text += fmt::format("{} examples are in no list: they are stored without a split, and training leaves them out.\n",
                        others);
  for (const std::string& name : splits.ignored()) text += fmt::format("{} names no split and was not read.\n", name);
  return text + "\n";
}

std::string dropped_table(const std::vector<Dropped>& dropped, const Splits& splits) {
  std::map<std::string, std::pair<long, std::string>> rules;  // count, example
  for (const Dropped& d : dropped) {
    auto& [count, example] = rules[d.rule];
    if (count++ == 0) example = (d.id.empty() ? d.file : d.id) + ": " + d.detail;
  }
  std::string text =
      rules.empty() ? "nothing was dropped\n" : fmt::format("{:<34}{:>7}  {}\n", "dropped", "count", "first");
  for (const auto& [rule, found] : rules)
    text += fmt::format("{:<34}{:>7}  {}\n", rule, found.first, found.second.substr(0, 110));

  if (!splits.from_lists()) return text + "\n";
  std::string listed;
  long count = 0;
  for (const Dropped& d : dropped) {
    if (!splits.names(d.id)) continue;
    ++count;
    listed += fmt::format("  {:<12}{:<30} {}, {}\n", splits.of(d.id, d.file), d.id, d.rule, d.detail.substr(0, 90));
  }
  if (count) text += fmt::format("{} of these are named in the split lists:\n{}", count, listed);
  return text + "\n";
}

std::string missing_text(const std::vector<Protein>& proteins, const std::vector<Dropped>& dropped,
                         const Splits& splits) {
  std::set<std::string> seen;
  for (const Protein& protein : proteins) seen.insert({protein.id, protein.id.substr(0, protein.id.find(':'))});
  for (const Dropped& d : dropped) seen.insert({d.id, d.file});
  std::string first;
  long missing = 0;
  for (const auto& [id, split] : splits.listed())
    if (!seen.count(id) && missing++ < 3) first += " " + id;
  return missing ? fmt::format("{} ids of the split lists have no structure file, for example{}\n\n", missing, first)
                 : "";
}

// Sums of the readers' counts over the files that gave a chain.
std::string changed_table(const std::vector<Protein>& proteins) {
  std::map<std::string, std::pair<long, long>> counts;  // sum, files
  std::set<std::string> seen;
  for (const Protein& protein : proteins) {
    const auto meta = nlohmann::json::parse(protein.meta, nullptr, false);
    if (!meta.contains("files") || !seen.insert(meta.value("source", "")).second) continue;
    for (const auto& file : meta["files"])
      for (const auto& [key, value] : file["summary"].items()) {
        long n = 0;
        if (value.is_number_integer()) n = value.get<long>();
        if (value.is_object())
          for (const auto& [name, of_name] : value.items()) n += of_name.get<long>();
        if (n == 0) continue;
        counts[key].first += n;
        ++counts[key].second;
      }
  }
  std::string text = fmt::format("{:<24}{:>10}{:>8}\n", "dropped or changed", "count", "files");
  for (const auto& [key, found] : counts) text += fmt::format("{:<24}{:>10}{:>8}\n", key, found.first, found.second);
  return text + "\n";
}

std::string channel_table(const std::vector<const Protein*>& proteins, const char* title) {
  const ClassStatistics statistics = class_statistics(proteins);
  double residues = 0;
  for (const Protein* protein : proteins) residues += double(protein->length());
  std::string text =
      fmt::format("{:<14}{:>12}{:>14}{:>14}{:>12}\n", title, "positives", "per residue", "density (%)", "weight");
  for (std::size_t k = 0; k < kChannelTable.size(); ++k)
    if (int(k) != kHeavy6 || statistics.positives[k] > 0)
      text += fmt::format("{:<14}{:>12.0f}{:>14.3f}{:>14.3f}{:>12.2f}\n", kChannelTable[k].name,
                          statistics.positives[k], statistics.positives[k] / residues,
                          100 * statistics.frequency(int(k)), statistics.positive_weight(int(k)));
  return text;
}

}  // namespace

std::string report(const std::string& data_set, const Splits& splits, long entries) {
  const std::vector<Protein> proteins = read_dataset(data_set);
  const std::vector<Dropped> dropped = read_dataset_dropped(data_set);
  auto train = of_split(proteins, "train");
  const bool any_train = !train.empty();
  if (!any_train)
    for (const Protein& protein : proteins) train.push_back(&protein);
  return fmt::format("{} structures gave {} examples\n\n", entries, proteins.size()) + split_table(proteins, splits) +
         dropped_table(dropped, splits) + missing_text(proteins, dropped, splits) + changed_table(proteins) +
         channel_table(train, any_train ? "train" : "all chains");
}

}  // namespace heartbeat
