#include "graph/fasta.h"

#include <gtest/gtest.h>

#include <sstream>

#include "graph/counter_random.h"
#include "kernels/common/error.h"

namespace heartbeat {
namespace {

std::vector<FastaRecord> read(const std::string& text) {
  std::istringstream in(text);
  return read_fasta(in, "x.fasta");
}
std::string letters(const FastaRecord& record) {
  std::string text;
  for (const auto token : record.sequence) text += kAlphabet[token];
  return text;
}
std::string complaint(const std::string& text) {
  try {
    read(text);
  } catch (const UserError& e) {
    return e.what();
  }
  return "no complaint";
}

TEST(Fasta, ReadsWrappedLowerCaseCommentedRecords) {
  const auto records = read("; a comment\n>one some words\r\nACDef\r\n; inside\nGH I\n\n>two\nKLMNP*\n");
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].id, "one");
  EXPECT_EQ(letters(records[0]), "ACDEFGHI");
  EXPECT_EQ(records[0].segment, std::vector<std::uint8_t>(8, 0));
  EXPECT_EQ(records[0].replaced, 0);
  EXPECT_EQ(letters(records[1]), "KLMNP");
  EXPECT_EQ(records[1].chains, std::vector<std::string>{"A"});
}

TEST(Fasta, RareLettersAreMappedAndCounted) {
  const auto records = read(">r\nAUOBZJXx\n");
  EXPECT_EQ(letters(records[0]), "ACKXXXXX");
  EXPECT_EQ(records[0].replaced, 5);  // X itself is replaced by nothing
}

TEST(Fasta, TwoRecordsOrAColonMakeAComplex) {
  for (const char* text : {">c:A\nACD\n>c:B\nEF\n", ">c\nACD:EF\n", ">c\nACD\n:\nEF*\n"}) {
    SCOPED_TRACE(text);
    const auto records = read(text);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].id, "c");
    EXPECT_EQ(letters(records[0]), "ACDEF");
    EXPECT_EQ(records[0].segment, (std::vector<std::uint8_t>{0, 0, 0, 1, 1}));
    EXPECT_EQ(records[0].chains, (std::vector<std::string>{"A", "B"}));
  }
}

TEST(Fasta, NamesThatOnlyLookLikeChainsStayAlone) {
  const auto records = read(">c:A\nAC\n>d:B\nDE\n>e\nFG\n>f:\nHI\n");
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].id, "c:A");
  EXPECT_EQ(records[3].id, "f:");
  const auto three = read(">c:A\nAC\n>c:B\nDE\n>c:C\nFG\n");
  ASSERT_EQ(three.size(), 2u);
  EXPECT_EQ(three[1].id, "c:C");
}

TEST(Fasta, MistakesGetOneSentenceWithRecordAndColumn) {
  EXPECT_EQ(complaint(">r\nACD\nEF-G\n"),
            "x.fasta: record r, column 6: there is a gap '-'; give the sequence without its alignment");
  EXPECT_EQ(complaint(">r\nA.C\n"),
            "x.fasta: record r, column 2: there is a gap '.'; give the sequence without its alignment");
  EXPECT_EQ(complaint(">r\nAC1\n"), "x.fasta: record r, column 3: '1' is no amino acid; use one-letter codes");
  EXPECT_EQ(complaint(">r\nAC\xc3\n"), "x.fasta: record r, column 3: byte 195 is no amino acid; use one-letter codes");
  EXPECT_EQ(complaint(">r\nA*C\n"),
            "x.fasta: record r, column 3: residues follow the '*' that ends a sequence; remove it or split the record");
  EXPECT_EQ(complaint(">r\nA:C:D\n"),
            "x.fasta: record r, column 4: there is a second ':'; only two chains can be joined");
  EXPECT_EQ(complaint(">r\n:C\n"),
            "x.fasta: record r, column 1: there is nothing before the ':'; write both sequences around it");
  EXPECT_EQ(complaint(">r\nC:\n"), "x.fasta: record r has nothing after its ':'; write both sequences around it");
  EXPECT_EQ(complaint(">r\n>s\nAC\n"), "x.fasta: record r has no sequence");
  EXPECT_EQ(complaint(">r\nAC\n>r\nAC\n"), "x.fasta: two records are named r; give each its own name");
  EXPECT_EQ(complaint("> \nAC\n"), "x.fasta: record 1 has no name; write one after the '>'");
  EXPECT_EQ(complaint("ACD\n"),
            "x.fasta is no FASTA file: it starts with 'A' where a line with '>' and a name is expected");
  EXPECT_EQ(complaint("; nothing\n"), "x.fasta holds no FASTA record; each begins with a line '>name'");
  EXPECT_THROW(read_fasta(std::string("no/such/file.fasta")), UserError);
}

TEST(Fasta, AnyBytesAreReadOrRefused) {
  CounterRandom draw({1});
  const std::string frequent = ">:A\n;*- ";
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (long n = draw.below(60); n > 0; --n)
      text += draw.chance(0.7) ? frequent[draw.below(long(frequent.size()))] : char(draw.bits());
    try {
      for (const FastaRecord& record : read(text)) {
        ASSERT_FALSE(record.sequence.empty());
        ASSERT_EQ(record.sequence.size(), record.segment.size());
        ASSERT_EQ(record.segment.back() + 1u, record.chains.size());
      }
    } catch (const UserError&) {
    }
  }
}

}  // namespace
}  // namespace heartbeat
