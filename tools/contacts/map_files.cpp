#include "tools/contacts/map_files.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "kernels/common/error.h"
#include "kernels/common/pair.h"
#include "tools/common/version.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;

struct Listed {
  long i, j;
  float p;
};

// Pairs worth writing, likeliest first; ties by (i, j).
std::vector<Listed> listed(const PredictedMap& map, int k, double least) {
  std::vector<Listed> pairs;
  for (long i = 0; i < map.length(); ++i)
    for (long j = i + 1; j < map.length(); ++j) {
      const bool near = map.segment[i] == map.segment[j] && j - i < kChannelTable[k].min_separation_report;
      if (const float p = map.at(i, j, k); !near && p >= least) pairs.push_back({i, j, p});
    }
  std::stable_sort(pairs.begin(), pairs.end(), [](const Listed& a, const Listed& b) { return a.p > b.p; });
  return pairs;
}

// 1-based number of a residue in its own chain.
long number_in_chain(const PredictedMap& map, long i) {
  return i - (std::find(map.segment.begin(), map.segment.end(), map.segment[i]) - map.segment.begin()) + 1;
}
std::string chain_of(const PredictedMap& map, long i) {
  return map.chains.at(map.segment[i]);
}

// An array as numpy stores it: magic, header, little-endian data. shape as numpy prints it, "(3, 2)".
template <class T>
std::string npy(const char* type, const std::string& shape, const T* data, size_t count) {
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape);
  header.append(64 - (10 + header.size() + 1) % 64, ' ');
  header += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += char(header.size() & 0xff);
  out += char(header.size() >> 8);
  return out + header + std::string(reinterpret_cast<const char*>(data), count * sizeof(T));
}

// Byte strings of one width, numpy type S<width>.
std::string npy_strings(const std::vector<std::string>& strings) {
  size_t width = 1;
  for (const auto& s : strings) width = std::max(width, s.size());
  std::string data;
  for (const auto& s : strings) data += s + std::string(width - s.size(), '\0');
  return npy(fmt::format("|S{}", width).c_str(), fmt::format("({},)", strings.size()), data.data(), data.size());
}

}  // namespace

std::string PredictedMap::letters() const {
  std::string s;
  for (auto token : sequence) s += kAlphabet[token];
  return s;
}

float PredictedMap::at(long i, long j, int k) const {
  return probability[pair_index(std::min(i, j), std::max(i, j), length()) * kChannels + k];
}

void write_rr(const std::string& path, const PredictedMap& map, int k, double least) {
  std::string out = "PFRMAT RR\nTARGET " + map.id + "\nAUTHOR heartbeat\n";
  out += fmt::format("REMARK channel {}: {}\n", kChannelTable[k].name, kChannelTable[k].unit_and_rule);
  out += fmt::format("METHOD TriGCN, heartbeat {}, sequence only\nMODEL 1\n", kVersion);
  const std::string letters = map.letters();
  for (size_t at = 0; at < letters.size(); at += 50) out += letters.substr(at, 50) + "\n";
  const bool one_chain = map.chains.size() == 1;
  for (const Listed& c : listed(map, k, least)) {
    if (one_chain)
      out += fmt::format("{} {} 0 8 {:.4f}\n", c.i + 1, c.j + 1, c.p);
    else
      out += fmt::format("{}{} {}{} 0 8 {:.4f}\n", chain_of(map, c.i), number_in_chain(map, c.i), chain_of(map, c.j),
                         number_in_chain(map, c.j), c.p);
  }
  write_whole_file(path, out + "END\n");
}

void write_tsv(const std::string& path, const PredictedMap& map, const std::vector<int>& channels, double least) {
  std::string out = "id\ti\tj\tchain_i\tchain_j\tchannel\tp\n";
  for (const int k : channels)
    for (const Listed& c : listed(map, k, least))
      out += fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{:.4f}\n", map.id, number_in_chain(map, c.i),
                         number_in_chain(map, c.j), chain_of(map, c.i), chain_of(map, c.j), kChannelTable[k].name, c.p);
  write_whole_file(path, out);
}

void write_ccmpred(const std::string& path, const PredictedMap& map, int k) {
  std::string out;
  for (long i = 0; i < map.length(); ++i)
    for (long j = 0; j < map.length(); ++j)
      out += fmt::format("{:.4f}{}", i == j ? 0.f : map.at(i, j, k), j + 1 == map.length() ? '\n' : '\t');
  write_whole_file(path, out);
}

void write_npz(const std::string& path, const PredictedMap& map, bool dense) {
  const std::int64_t length = map.length();
  std::vector<float> square;
  if (dense)
    for (int k = 0; k < kChannels; ++k)
      for (long i = 0; i < length; ++i)
        for (long j = 0; j < length; ++j) square.push_back(map.at(i, j, k));
  std::vector<std::string> names;
  for (int k = 0; k < kChannels; ++k) names.push_back(kChannelTable[k].name);
  const std::vector<std::pair<std::string, std::string>> members = {
      {"prob.npy",
       dense ? npy("<f4", fmt::format("({}, {}, {})", kChannels, length, length), square.data(), square.size())
             : npy("<f4", fmt::format("({}, {})", pair_count(length), kChannels), map.probability.data(),
                   map.probability.size())},
      {"L.npy", npy("<i8", "()", &length, 1)},
      {"seg.npy", npy("|u1", fmt::format("({},)", length), map.segment.data(), map.segment.size())},
      {"seq.npy", npy_strings({map.letters()})},
      {"channels.npy", npy_strings(names)}};

  const std::string temporary = path + ".part";
  int code = 0;
  zip_t* archive = zip_open(temporary.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  bool good = archive != nullptr;
  for (const auto& [name, bytes] : members) {
    if (!good) break;
    zip_source_t* source = zip_source_buffer(archive, bytes.data(), bytes.size(), 0);
    const zip_int64_t at = zip_file_add(archive, name.c_str(), source, ZIP_FL_OVERWRITE);
    // A fixed date: the same prediction gives the same bytes.
    good = at >= 0 && zip_file_set_dostime(archive, zip_uint64_t(at), 0, 0x21, 0) == 0;
  }
  if (archive && (!good || zip_close(archive) != 0)) {
    good = false;
    zip_discard(archive);
  }
  if (!good || rename(temporary.c_str(), path.c_str()) != 0) {
    fs::remove(temporary);
    throw UserError("cannot write " + path + ": is the disk full, or the folder not writable?");
  }
}

std::string file_stem(const std::string& id) {
  std::string stem;
  for (char c : id) stem += std::isalnum(static_cast<unsigned char>(c)) || std::strchr("._-+", c) ? c : '_';
  return stem.empty() || stem[0] == '.' ? "_" + stem : stem;
}

void make_output_folder(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error || !fs::is_directory(path)) throw UserError("cannot make the folder " + path + ": " + error.message());
}

void write_whole_file(const std::string& path, const std::string& bytes) {
  const std::string temporary = path + ".part";
  std::ofstream out(temporary, std::ios::binary);
  out.write(bytes.data(), std::streamsize(bytes.size()));
  out.close();
  if (!out || rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string why = std::strerror(errno);
    std::error_code ignored;
    fs::remove(temporary, ignored);
    throw UserError("cannot write " + path + ": " + why);
  }
}

}  // namespace heartbeat
