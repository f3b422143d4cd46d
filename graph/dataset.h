// The prepared data set: one SQLite file that any tool can open. Names and types of the columns are a public interface.
//
//   chain    id, split, cluster, fold (NULL: unknown), meta (JSON), text_crc32c (of the five before it, NUL between)
//            seq u8[L]  seg u8[L]  obs u16[L]  pair_ij u16[n,2] (i < j)  pair_ch u16[n]  cb f32[L,3] (NaN: absent)
//            and beside each blob X its X_crc32c; blobs are little-endian
//   channel  k, name, rule, min_separation_loss, min_separation_report, loss_weight: the table of graph/protein.h
//   source   one row for each structure file that was read: name, size, checksum, how many chains it gave
//   dropped  what a rule refused or changed, and why: file, id, rule, detail
//   meta     key, value: format_version, options (JSON), chains (rows of the table chain), complete (yes, no)
//
// Labels are sparse: listed pairs are positives, every other pair that is valid is negative.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "graph/protein.h"

namespace heartbeat {

inline constexpr int kDatasetFormat = 1;

struct SourceFile {
  std::string name;
  long bytes = 0;
  std::uint32_t crc32c = 0;
  long chains = 0;
};
struct Dropped {
  std::string file, id, rule, detail;
};

// Reads and checks every chain of the split, or of all splits when empty, sorted by id. Throws UserError with one
// sentence where the file is missing, no data set, of another format, made with other channels, not complete, or
// damaged.
std::vector<Protein> read_dataset(const std::string& path, const std::string& split = {});

// Rows of the other tables.
std::map<std::string, std::string> read_dataset_meta(const std::string& path);
std::vector<Dropped> read_dataset_dropped(const std::string& path);

// Fills a data set file by file. What is committed stays, whatever happens afterwards.
class DatasetWriter {
 public:
  // Creates the file, or continues one that was made with the same options. Throws UserError where it cannot.
  DatasetWriter(const std::string& path, const std::string& options);
  ~DatasetWriter();  // forgets what was added since the last commit
  DatasetWriter(const DatasetWriter&) = delete;
  DatasetWriter& operator=(const DatasetWriter&) = delete;

  // Files that were read before, by name.
  std::map<std::string, SourceFile> sources() const;
  // Adds all that one file gave, in place of what an earlier version of it gave. The ids of its chains are the name of
  // the source, alone or followed by ':' and a chain name.
  void add(const SourceFile& source, const std::vector<Protein>& chains, const std::vector<Dropped>& dropped);
  void commit();
  // Commits and declares the data set complete; readers refuse it before.
  void finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace heartbeat
