// From structure files to the rows of a data set: which files belong together, which chains pass the filters, and what
// is told about those that do not.
#pragma once

#include <string>
#include <vector>

#include "graph/dataset.h"
#include "graph/structure.h"
#include "tools/data/splits.h"

namespace heartbeat {

// Part of the options of a data set: raise it when a change of reader, labeller or filters changes what is stored.
inline constexpr int kRuleVersion = 2;

// Residues of the longest example. Nobody can choose more: its map has 8.4 million pairs in nine channels.
inline constexpr long kLongestExample = 4096;

// Filters are for chains that nobody looked at. A chain that a split list names was chosen, and is kept whatever they
// say, as long as it can be labelled.
struct PrepareOptions {
  std::string structures, out, split_dir;
  bool pairs = false;          // NAME_r_b and NAME_l_b are the two chains of the complex NAME
  bool filter_listed = false;  // filters hold for chains of the split lists too
  ReadOptions read;
  long min_length = 40, max_length = 512;  // residues of a chain
  double min_observed = 0.8;               // share of residues with N, CA, C and O
  double max_resolution = 2.5;             // angstrom, X-ray; a file that does not tell is accepted
  double max_resolution_em = 3.5;
  long min_interface = 20;  // heavy6 contacts of a complex
  int threads = 0;          // 0: one for each core

  std::string text(const Splits& splits) const;  // JSON of all that shapes the content of the data set
};

// One example or more: a file, or the two files of a complex.
struct Entry {
  std::string name;                // of the file without its endings, or of the complex
  std::vector<std::string> files;  // paths
};

// Sorted by name. Throws UserError for a folder that is missing, that holds no structure file, or that holds two files
// of one name.
std::vector<Entry> find_entries(const std::string& folder, bool pairs);

struct Prepared {
  SourceFile source;
  std::vector<Protein> chains;
  std::vector<Dropped> dropped;
};

// Size and checksum of the files; unreadable ones give zeros.
SourceFile identify(const Entry& entry);

// Reads, filters and labels. A bad file is dropped with its reason; nothing is thrown for it.
Prepared prepare(const Entry& entry, const SourceFile& source, const PrepareOptions& options, const Splits& splits);

// Tables of what was kept, dropped and changed, from the finished data set.
std::string report(const std::string& data_set, const Splits& splits, long entries);

// What reading one file found, for --inspect.
std::string inspection(const std::string& path, const PrepareOptions& options);

}  // namespace heartbeat
