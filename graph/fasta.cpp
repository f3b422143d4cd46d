#include "graph/fasta.h"

#include <filesystem>
#include <fstream>
#include <iostream>
#include <set>
#include <sstream>

#include "kernels/common/error.h"

namespace heartbeat {
namespace {

bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}
bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

std::string shown(char c) {
  if (c > ' ' && c < 127) return std::string("'") + c + "'";
  return "byte " + std::to_string(int(std::uint8_t(c)));
}

// Reads one record, character by character, and refuses what cannot be part of it.
class Reader {
 public:
  explicit Reader(std::string source) : source_(std::move(source)) {}

  void line(const std::string& text) {
    if (text.empty() || text[0] == ';') return;
    if (text[0] == '>') return header(text);
    for (const char c : text) {
      if (is_space(c)) continue;
      if (records_.empty())
        throw UserError(source_ + " is no FASTA file: it starts with " + shown(c) +
                        " where a line with '>' and a name is expected");
      residue(c);
    }
  }

  std::vector<FastaRecord> finish() {
    finish_record();
    if (records_.empty()) throw UserError(source_ + " holds no FASTA record; each begins with a line '>name'");
    join_chains();
    return std::move(records_);
  }

 private:
  void header(const std::string& text) {
    finish_record();
    std::istringstream words(text.substr(1));
    FastaRecord record;
    if (!(words >> record.id))
      throw UserError(source_ + ": record " + std::to_string(records_.size() + 1) +
                      " has no name; write one after the '>'");
    record.chains = {"A"};
    records_.push_back(std::move(record));
    column_ = 0;
    ended_ = false;
  }

  void residue(char c) {
    FastaRecord& record = records_.back();
    ++column_;
    if (ended_) fail("residues follow the '*' that ends a sequence", "remove it or split the record");
    if (c == '*') {
      ended_ = true;
    } else if (c == ':') {
      if (record.chains.size() == 2) fail("there is a second ':'", "only two chains can be joined");
      if (record.sequence.empty()) fail("there is nothing before the ':'", "write both sequences around it");
      record.chains.push_back("B");
    } else if (c == '-' || c == '.') {
      fail("there is a gap " + shown(c), "give the sequence without its alignment");
    } else if (!is_letter(c)) {
      fail(shown(c) + " is no amino acid", "use one-letter codes");
    } else {
      const char upper = char(c & ~0x20);
      const int token = token_of(upper);
      record.replaced += upper != 'X' && kAlphabet[token] != upper;
      record.sequence.push_back(std::uint8_t(token));
      record.segment.push_back(std::uint8_t(record.chains.size() - 1));
    }
  }

  void finish_record() const {
    if (records_.empty()) return;
    const FastaRecord& record = records_.back();
    if (record.sequence.empty()) throw UserError(source_ + ": record " + record.id + " has no sequence");
    if (record.segment.back() + 1u != record.chains.size())
      throw UserError(source_ + ": record " + record.id + " has nothing after its ':'; write both sequences around it");
  }

  // Neighbours named id:A and id:B become one record of two chains.
  void join_chains() {
    std::vector<FastaRecord> joined;
    std::set<std::string> names;
    for (FastaRecord& record : records_) {
      if (!names.insert(record.id).second)
        throw UserError(source_ + ": two records are named " + record.id + "; give each its own name");
      const std::size_t colon = record.id.rfind(':');
      if (colon != std::string::npos && colon + 1 < record.id.size() && colon > 0 && record.chains.size() == 1) {
        record.chains = {record.id.substr(colon + 1)};
        const std::string stem = record.id.substr(0, colon);
        if (!joined.empty() && joined.back().id == stem + ":" + joined.back().chains[0] &&
            joined.back().chains.size() == 1) {
          FastaRecord& first = joined.back();
          first.id = stem;
          first.sequence.insert(first.sequence.end(), record.sequence.begin(), record.sequence.end());
          first.segment.resize(first.sequence.size(), 1);
          first.chains.push_back(record.chains[0]);
          first.replaced += record.replaced;
          continue;
        }
      }
      joined.push_back(std::move(record));
    }
    records_ = std::move(joined);
  }

  [[noreturn]] void fail(const std::string& what, const std::string& what_to_do) const {
    throw UserError(source_ + ": record " + records_.back().id + ", column " + std::to_string(column_) + ": " + what +
                    "; " + what_to_do);
  }

  std::string source_;
  std::vector<FastaRecord> records_;
  long column_ = 0;  // characters of the sequence read so far, over all lines of the record
  bool ended_ = false;
};

}  // namespace

std::vector<FastaRecord> read_fasta(std::istream& in, const std::string& source) {
  Reader reader(source);
  for (std::string line; std::getline(in, line);) reader.line(line);
  return reader.finish();
}

std::vector<FastaRecord> read_fasta(const std::string& path) {
  if (path == "-") return read_fasta(std::cin, "standard input");
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path))
    throw UserError("cannot read " + path + "; give a FASTA file that exists and may be read");
  return read_fasta(file, path);
}

}  // namespace heartbeat
