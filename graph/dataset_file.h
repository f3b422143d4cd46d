// What the reader and the writer of a data set share: how the file is laid out, and SQLite's errors as sentences. The
// inside of dataset.h.
#pragma once

#include <map>
#include <string>

#include "graph/dataset.h"
#include "graph/sqlite.h"

namespace heartbeat::dataset_file {

[[noreturn]] void rethrow(const std::string& path, const sqlite::Error& error);
[[noreturn]] void damaged(const std::string& path, const std::string& what);

// Runs body; what SQLite throws becomes a UserError that names the file.
template <class Body>
auto speaking_of(const std::string& path, const Body& body) {
  try {
    return body();
  } catch (const sqlite::Error& error) {
    rethrow(path, error);
  }
}

std::map<std::string, std::string> meta_of(sqlite::Database& db);
void check_format(const std::string& path, const std::map<std::string, std::string>& meta);
bool same_channels(sqlite::Database& db);  // as kChannelTable

// Of the five texts and numbers before the blobs of a row of the table chain.
std::uint32_t text_crc(const Protein& protein);

}  // namespace heartbeat::dataset_file
