// FASTA files: the sequences that predict_contacts is asked about.
//
// Records start with '>'; the name is the first word after it. Sequences may be wrapped and in lower case; lines that
// start with ';' are comments; one '*' may end a sequence. U reads as C, O as K, any other letter as X, counted in
// `replaced`. What is no letter is refused with record and column: a gap or a digit is a sign of another format, and
// turning it into X would hide that.
// Two chains of a complex are two neighbouring records named id:A and id:B, or one record with a ':' between the
// sequences.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "graph/protein.h"

namespace heartbeat {

struct FastaRecord {
  std::string id;
  std::vector<std::uint8_t> sequence;  // tokens, chains one after the other
  std::vector<std::uint8_t> segment;   // chain number of each residue
  std::vector<std::string> chains;     // names of the chains; {"A"} for one
  long replaced = 0;                   // letters that are none of the 20 and were read as C, K or X
};

// source names the input in errors. Throws UserError with one sentence.
std::vector<FastaRecord> read_fasta(std::istream& in, const std::string& source);
std::vector<FastaRecord> read_fasta(const std::string& path);  // "-" reads standard input

}  // namespace heartbeat
