#include "tools/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gemmi/version.hpp>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>

#include "graph/contacts.h"
#include "graph/crc32c.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace fs = std::filesystem;
namespace {

// The name without the endings of a structure file; empty if it is none.
std::string stem_of(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const char* ending : {".pdb", ".ent", ".cif", ".mmcif"})
    if (name.ends_with(ending)) return name.substr(0, name.size() - std::string(ending).size());
  return "";
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The sentence of an error without the path it begins with: the same wherever the folder lies.
std::string without_path(const std::string& what, const std::string& path) {
  return what.starts_with(path + ": ") ? what.substr(path.size() + 2) : what;
}

std::string resolution_problem(const StructureFile& file, const PrepareOptions& options) {
  const bool em = file.method.find("ELECTRON") != std::string::npos;
  const double limit = em ? options.max_resolution_em : options.max_resolution;
  return file.resolution > limit ? fmt::format("{:.2f} A, above {:.2f} A", file.resolution, limit) : "";
}

// Rule and detail of the filter that refuses a chain; empty if it passes.
std::pair<std::string, std::string> chain_problem(const StructureChain& chain, const PrepareOptions& options) {
  const long length = chain.length();
  if (length < options.min_length)
    return {"too short", fmt::format("{} residues, fewer than {}", length, options.min_length)};
  if (length > options.max_length)
    return {"too long", fmt::format("{} residues, more than {}", length, options.max_length)};
  const double share = double(chain.observed()) / double(length);
  if (share < options.min_observed)
    return {"few residues observed",
            fmt::format("{:.0f} % of {}, below {:.0f} %", 100 * share, length, 100 * options.min_observed)};
  return {};
}

std::string meta_of(const std::vector<StructureFile>& files, const SourceFile& source, const std::string& chain) {
  nlohmann::json meta = {{"source", source.name},  {"bytes", source.bytes},        {"crc32c", source.crc32c},
                         {"gemmi", GEMMI_VERSION}, {"rule_version", kRuleVersion}, {"chain", chain}};
  for (const StructureFile& file : files) {
    nlohmann::json part = {{"file", file.name}, {"format", file.format}, {"method", file.method}};
    part["resolution"] = file.resolution > 0 ? nlohmann::json(file.resolution) : nlohmann::json();
    part["summary"] = nlohmann::json::parse(file.summary.json());
    meta["files"].push_back(part);
  }
  return meta.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void prepare_chains(const StructureFile& file, const PrepareOptions& options, const Splits& splits, Prepared& to) {
  const std::string& name = to.source.name;
  const std::string resolution = resolution_problem(file, options);
  std::map<std::string, int> seen;
  for (const StructureChain& chain : file.chains) {
    // Chain names repeat where a file has none or reuses them.
    const int again = seen[chain.name]++;
    std::string id = name;
    if (file.chains.size() > 1)
      id += ":" + (chain.name.empty() ? "_" : chain.name) + (again ? fmt::format(".{}", again) : "");
    auto [rule, detail] = chain_problem(chain, options);
    if (rule.empty() && !resolution.empty()) std::tie(rule, detail) = std::pair("low resolution", resolution);
    if (!rule.empty()) {
      to.dropped.push_back({name, id, rule, detail});
      continue;
    }
    Protein protein = label_contacts({chain}, options.read);
    protein.id = id;
    protein.split = splits.of(id, name);
    protein.meta = meta_of({file}, to.source, chain.name);
    to.chains.push_back(std::move(protein));
  }
}

void prepare_complex(const std::vector<StructureFile>& files, const PrepareOptions& options, const Splits& splits,
                     Prepared& to) {
  const std::string& name = to.source.name;
  const auto drop = [&](const std::string& rule, const std::string& detail) {
    to.dropped.push_back({name, name, rule, detail});
  };
  std::vector<StructureChain> chains;
  for (const StructureFile& file : files) {
    // A partner of several chains counts with its longest; merged partners have one.
    const auto longest = std::max_element(file.chains.begin(), file.chains.end(),
                                          [](const auto& a, const auto& b) { return a.length() < b.length(); });
    if (file.chains.size() > 1)
      drop("partner cut to its longest chain", fmt::format("{} of {} chains", 1, file.chains.size()));
    const auto [rule, detail] = chain_problem(*longest, options);
    const std::string resolution = resolution_problem(file, options);
    if (!rule.empty()) return drop(rule, file.name + ": " + detail);
    if (!resolution.empty()) return drop("low resolution", file.name + ": " + resolution);
    chains.push_back(*longest);
  }
  Protein protein = merge_homodimer(label_contacts(chains, options.read));
  const long touching = std::count_if(protein.contacts.begin(), protein.contacts.end(),
                                      [](const ContactPair& pair) { return (pair.channels >> kHeavy6 & 1) != 0; });
  if (touching < options.min_interface)
    return drop("small interface", fmt::format("{} heavy6 contacts, fewer than {}", touching, options.min_interface));
  protein.id = name;
  protein.split = splits.of(name, name);
  protein.meta = meta_of(files, to.source, "");
  to.chains.push_back(std::move(protein));
}

}  // namespace

std::string PrepareOptions::text(const Splits& splits) const {
  return nlohmann::json{{"rule_version", kRuleVersion},
                        {"pairs", pairs},
                        {"allow_atom_sequence", read.allow_atom_sequence},
                        {"keep_partial_positives", read.keep_partial_positives},
                        {"hb_angle_filter", read.hb_angle_filter},
                        {"min_length", min_length},
                        {"max_length", max_length},
                        {"min_observed", min_observed},
                        {"max_resolution", max_resolution},
                        {"max_resolution_em", max_resolution_em},
                        {"min_interface", min_interface},
                        {"splits", splits.from_lists() ? fmt::format("lists {:08x}", splits.checksum()) : "hash"}}
      .dump();
}

std::vector<Entry> find_entries(const std::string& folder, bool pairs) {
  if (!fs::is_directory(folder))
    throw UserError("there is no folder " + folder + "; name one with structure files with --structures");
  std::map<std::string, Entry> entries;
  std::error_code error;
  for (const auto& item : fs::directory_iterator(folder, error)) {
    std::string stem = stem_of(item.path().filename().string());
    if (stem.empty() || item.is_directory()) continue;
    const bool ligand = stem.ends_with("_l_b");
    if (pairs && !ligand && !stem.ends_with("_r_b")) continue;
    if (pairs) stem.resize(stem.size() - 4);
    Entry& entry = entries[stem];
    entry.name = stem;
    // The receptor is the first chain.
    entry.files.insert(ligand ? entry.files.end() : entry.files.begin(), item.path().string());
  }
  if (error) throw UserError("cannot read the folder " + folder + " (" + error.message() + ")");
  const std::size_t most = pairs ? 2 : 1;
  std::vector<Entry> sorted;
  for (auto& [name, entry] : entries) {
    if (entry.files.size() > most)
      throw UserError("two files give the name " + name + ": " + entry.files[0] + " and " + entry.files[1] +
                      "; remove or rename one");
    sorted.push_back(std::move(entry));
  }
  if (sorted.empty())
    throw UserError(folder +
                    (pairs ? " holds no complex; --pairs looks for NAME_r_b and NAME_l_b, .pdb or .cif, plain or .gz"
                           : " holds no structure file; .pdb, .ent, .cif and .mmcif are read, plain or .gz"));
  return sorted;
}

SourceFile identify(const Entry& entry) {
  std::string bytes;
  for (const std::string& path : entry.files) bytes += content_of(path);
  return {entry.name, long(bytes.size()), crc32c(bytes), 0};
}

Prepared prepare(const Entry& entry, const SourceFile& source, const PrepareOptions& options, const Splits& splits) {
  Prepared result{source, {}, {}};
  if (options.pairs && entry.files.size() != 2) {
    result.dropped.push_back(
        {entry.name, entry.name, "partner missing", fs::path(entry.files[0]).filename().string() + " is alone"});
    return result;
  }
  std::vector<StructureFile> files;
  for (const std::string& path : entry.files) try {
      files.push_back(read_structure(path, options.read));
      for (const std::string& note : files.back().summary.notes)
        result.dropped.push_back({entry.name, "", "chain left out by the reader", note});
    } catch (const UserError& e) {
      const std::string what = without_path(e.what(), path);
      const bool no_sequence = what.find("--allow-atom-sequence") != std::string::npos;
      result.dropped.push_back({entry.name, entry.name, no_sequence ? "no SEQRES" : "unreadable", what});
      return result;
    }
  if (options.pairs)
    prepare_complex(files, options, splits, result);
  else
    prepare_chains(files[0], options, splits, result);
  return result;
}

std::string inspection(const std::string& path, const PrepareOptions& options) {
  const StructureFile file = read_structure(path, options.read);
  std::string text = fmt::format("{}: {}, {}, resolution {}\n", file.name, file.format,
                                 file.method.empty() ? "method not told" : file.method,
                                 file.resolution > 0 ? fmt::format("{:.2f} A", file.resolution) : "not told");
  for (const StructureChain& chain : file.chains) {
    const Protein protein = label_contacts({chain}, options.read);
    const auto [rule, detail] = chain_problem(chain, options);
    text += fmt::format("chain {}: {} residues, {} with atoms, {} observed; {}\n",
                        chain.name.empty() ? "_" : chain.name, chain.length(), chain.with_atoms(), chain.observed(),
                        rule.empty() ? "kept" : "dropped: " + rule + ", " + detail);
    text += "  contacts:";
    for (int k = 0; k < kChannels; ++k) {
      const auto of_channel = [k](const ContactPair& pair) { return (pair.channels >> k & 1) != 0; };
      text += fmt::format(" {} {}", kChannelTable[k].name,
                          std::count_if(protein.contacts.begin(), protein.contacts.end(), of_channel));
    }
    text += "\n  ";
    for (const auto token : chain.sequence) text += kAlphabet[token];
    text += "\n";
  }
  return text + file.summary.text();
}

}  // namespace heartbeat
