#include "tools/data/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gemmi/version.hpp>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

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

// Why a chain gives no example.
struct Problem {
  std::string rule, detail;
};

std::optional<Problem> impossible(long length, long observed) {
  if (observed == 0) return Problem{"nothing observed", "no residue has its N, CA, C and O"};
  if (length > kLongestExample)
    return Problem{
        "too long to label",
        fmt::format("{} residues; {} is the most that a map may have, cut it to domains", length, kLongestExample)};
  return {};
}

std::optional<Problem> filtered(const StructureChain& chain, const StructureFile& file, const PrepareOptions& options) {
  const long length = chain.length();
  if (length < options.min_length)
    return Problem{"too short", fmt::format("{} residues, fewer than {}", length, options.min_length)};
  if (length > options.max_length)
    return Problem{"too long", fmt::format("{} residues, more than {}", length, options.max_length)};
  const double share = double(chain.observed()) / double(length);
  if (share < options.min_observed)
    return Problem{"few residues observed",
                   fmt::format("{:.0f} % of {}, below {:.0f} %", 100 * share, length, 100 * options.min_observed)};
  const bool em = file.method.find("ELECTRON") != std::string::npos;
  const double limit = em ? options.max_resolution_em : options.max_resolution;
  if (file.resolution > limit)
    return Problem{"low resolution", fmt::format("{:.2f} A, above {:.2f} A", file.resolution, limit)};
  return {};
}

bool filters_hold(const std::string& id, const PrepareOptions& options, const Splits& splits) {
  return options.filter_listed || !splits.names(id);
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

// The chain that the name of a file with several means: the one it ends in, as 1abc_B, or else the longest.
std::size_t chain_meant(const StructureFile& file, const std::string& name) {
  std::size_t longest = 0;
  for (std::size_t c = 0; c < file.chains.size(); ++c) {
    if (!file.chains[c].name.empty() && name.ends_with("_" + file.chains[c].name)) return c;
    if (file.chains[c].length() > file.chains[longest].length()) longest = c;
  }
  return longest;
}

void prepare_chains(const StructureFile& file, const PrepareOptions& options, const Splits& splits, Prepared& to) {
  const std::string& name = to.source.name;
  const std::size_t meant = chain_meant(file, name);
  const auto called = [](const StructureChain& chain) { return chain.name.empty() ? "_" : chain.name; };
  std::map<std::string, int> seen;
  for (std::size_t c = 0; c < file.chains.size(); ++c) {
    const StructureChain& chain = file.chains[c];
    // Chain names repeat where a file has none or reuses them.
    const int again = seen[chain.name]++;
    std::string id = name + ":" + called(chain) + (again ? fmt::format(".{}", again) : "");
    const auto drop = [&](const Problem& problem) { to.dropped.push_back({name, id, problem.rule, problem.detail}); };
    if (!splits.names(id) && (file.chains.size() == 1 || (splits.names(name) && c == meant))) id = name;
    if (splits.names(name) && !splits.names(id)) {
      drop({"chain that no list means", fmt::format("{} means chain {}", name, called(file.chains[meant]))});
      continue;
    }
    auto problem = impossible(chain.length(), chain.observed());
    if (!problem && filters_hold(id, options, splits)) problem = filtered(chain, file, options);
    if (problem) {
      drop(*problem);
      continue;
    }
    Protein protein = label_contacts({chain}, options.read);
    protein.id = id;
    protein.split = splits.of(id, name);
    protein.meta = meta_of({file}, to.source, chain.name);
    to.chains.push_back(std::move(protein));
  }
}

// A partner of several chains, an antibody for example, as one chain in the order of the file: what touches the other
// partner may be any of them.
StructureChain whole_partner(const StructureFile& file) {
  std::vector<int> first{0};
  for (const StructureChain& chain : file.chains) first.push_back(first.back() + int(chain.length()));
  StructureChain whole;
  whole.name = file.chains[0].name;
  whole.source = file.chains[0].source;
  whole.sequence_from_atoms = file.chains[0].sequence_from_atoms;
  for (std::size_t c = 0; c < file.chains.size(); ++c) {
    const StructureChain& chain = file.chains[c];
    whole.sequence.insert(whole.sequence.end(), chain.sequence.begin(), chain.sequence.end());
    whole.residues.insert(whole.residues.end(), chain.residues.begin(), chain.residues.end());
    for (const StructureLink& link : chain.links)
      for (std::size_t d = 0; d < file.chains.size(); ++d)
        if (link.partner_chain == chain.name ? d == c : link.partner_chain == file.chains[d].name)
          whole.links.push_back({link.residue + first[c], whole.name, link.partner_residue + first[d]});
  }
  return whole;
}

void prepare_complex(const std::vector<StructureFile>& files, const PrepareOptions& options, const Splits& splits,
                     Prepared& to) {
  const std::string& name = to.source.name;
  const bool filters = filters_hold(name, options, splits);
  const auto drop = [&](const Problem& problem, const std::string& file) {
    to.dropped.push_back({name, name, problem.rule, file.empty() ? problem.detail : file + ": " + problem.detail});
  };
  std::vector<StructureChain> partners;
  for (const StructureFile& file : files) {
    partners.push_back(whole_partner(file));
    if (file.chains.size() > 1)
      to.dropped.push_back(
          {name, "", "chains joined to one partner", fmt::format("{}: {}", file.name, file.chains.size())});
    if (const auto problem = impossible(partners.back().length(), partners.back().observed()))
      return drop(*problem, file.name);
    const auto problem = filters ? filtered(partners.back(), file, options) : std::nullopt;
    if (problem) return drop(*problem, file.name);
  }
  if (const auto problem = impossible(partners[0].length() + partners[1].length(), 1)) return drop(*problem, "");
  Protein protein = merge_homodimer(label_contacts(partners, options.read));
  const long touching = std::count_if(protein.contacts.begin(), protein.contacts.end(),
                                      [](const ContactPair& pair) { return (pair.channels >> kHeavy6 & 1) != 0; });
  if (filters && touching < options.min_interface)
    return drop({"small interface", fmt::format("{} heavy6 contacts, fewer than {}", touching, options.min_interface)},
                "");
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
                        {"filter_listed", filter_listed},
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
    auto problem = impossible(chain.length(), chain.observed());
    if (!problem) problem = filtered(chain, file, options);
    text += fmt::format("chain {}: {} residues, {} with atoms, {} observed; {}\n",
                        chain.name.empty() ? "_" : chain.name, chain.length(), chain.with_atoms(), chain.observed(),
                        problem ? "dropped unless listed: " + problem->rule + ", " + problem->detail : "kept");
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
