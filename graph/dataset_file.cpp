#include "graph/dataset_file.h"

#include <new>

#include "graph/crc32c.h"
#include "kernels/common/error.h"

namespace heartbeat::dataset_file {

void rethrow(const std::string& path, const sqlite::Error& error) {
  switch (error.code()) {
    case SQLITE_FULL:
      throw UserError("the disk is full while " + path +
                      " is written; what was committed is kept: make room and run the same command again");
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      throw UserError("cannot open " + path + " for writing; check that its folder exists and may be written");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw UserError(path + " is in use by another program; wait for it to end");
    case SQLITE_NOTADB:
      throw UserError(path + " is no heartbeat data set: it is no SQLite file");
    case SQLITE_CONSTRAINT:
      throw UserError(path + " already holds what is added: " + error.what());
    case SQLITE_NOMEM:
      throw std::bad_alloc();
    case SQLITE_IOERR:
      throw UserError("cannot read or write " + path + " (" + error.what() +
                      "); what was committed is kept: check the disk and run the same command again");
    default:  // SQLITE_CORRUPT, and SQLITE_ERROR for a schema that lost a table or a column
      damaged(path, error.what());
  }
}

void damaged(const std::string& path, const std::string& what) {
  throw UserError(path + " is damaged (" + what + "); make it again with prepare_contacts");
}

std::map<std::string, std::string> meta_of(sqlite::Database& db) {
  std::map<std::string, std::string> meta;
  sqlite::Statement rows(db, "SELECT key, value FROM meta");
  while (rows.step()) meta[rows.text(0)] = rows.text(1);
  return meta;
}

void check_format(const std::string& path, const std::map<std::string, std::string>& meta) {
  const auto found = meta.find("format_version");
  if (found == meta.end()) damaged(path, "it names no format version");
  const std::string want = std::to_string(kDatasetFormat);
  if (found->second != want)
    throw UserError(path + " has data set format " + found->second.substr(0, 20) + ", but this program reads format " +
                    want + "; prepare the structures again with this version of prepare_contacts");
}

bool same_channels(sqlite::Database& db) {
  sqlite::Statement rows(db, "SELECT name, min_separation_loss FROM channel ORDER BY k");
  std::size_t k = 0;
  for (; rows.step(); ++k)
    if (k >= kChannelTable.size() || rows.text(0) != kChannelTable[k].name ||
        rows.integer(1) != kChannelTable[k].min_separation_loss)
      return false;
  return k == kChannelTable.size();
}

std::uint32_t text_crc(const Protein& p) {
  const char end = '\0';
  return crc32c(p.id + end + p.split + end + std::to_string(p.cluster) + end + std::to_string(p.fold) + end + p.meta);
}

}  // namespace heartbeat::dataset_file
