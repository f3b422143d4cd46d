#include "tools/contacts/map_files.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "kernels/common/error.h"
#include "kernels/common/pair.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;

class MapFiles : public ::testing::Test {
 protected:
  MapFiles() { fs::create_directories(folder); }
  ~MapFiles() override { fs::remove_all(folder); }
  std::string path(const std::string& name) const { return (folder / name).string(); }
  static std::string text(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
  }
  fs::path folder = fs::temp_directory_path() / ("heartbeat-map-files-" + std::to_string(getpid()));
};

// 55 alanines in one or two chains; probability 0.9 for (0, 30), 0.5 for (2, 40), both in channel 0.
PredictedMap example(long first_chain = 55) {
  PredictedMap map;
  map.id = "query/1";
  map.sequence.assign(55, 0);
  map.segment.assign(55, 0);
  std::fill(map.segment.begin() + first_chain, map.segment.end(), 1);
  map.chains = first_chain < 55 ? std::vector<std::string>{"A", "B"} : std::vector<std::string>{"A"};
  map.probability.assign(pair_count(55) * kChannels, 0);
  map.probability[pair_index(0, 30, 55) * kChannels] = 0.9f;
  map.probability[pair_index(2, 40, 55) * kChannels] = 0.5f;
  map.probability[pair_index(0, 2, 55) * kChannels] = 1.0f;  // nearer than the channel reports
  return map;
}

TEST_F(MapFiles, RrListsTheLikeliestFirstInLinesOfFifty) {
  write_rr(path("a.rr"), example(), 0);
  const std::string rr = text(path("a.rr"));
  EXPECT_EQ(rr.find("PFRMAT RR\nTARGET query/1\n"), 0u);
  EXPECT_NE(rr.find("\n" + std::string(50, 'A') + "\nAAAAA\n1 31 0 8 0.9000\n3 41 0 8 0.5000\nEND\n"),
            std::string::npos)
      << rr;
}

TEST_F(MapFiles, RrNamesTheChainsOfAComplex) {
  write_rr(path("a.rr"), example(/*first_chain=*/35), 0);
  EXPECT_NE(text(path("a.rr")).find("\nA1 A31 0 8 0.9000\nA3 B6 0 8 0.5000\nEND\n"), std::string::npos);
}

TEST_F(MapFiles, TsvCountsFromOneInEachChain) {
  write_tsv(path("a.tsv"), example(35), {1, 0});
  EXPECT_NE(text(path("a.tsv")).find("query/1\t3\t6\tA\tB\tcb8\t0.5000\n"), std::string::npos);
}

TEST_F(MapFiles, CcmpredIsASymmetricMatrix) {
  write_ccmpred(path("a.mat"), example(), 0);
  std::ifstream in(path("a.mat"));
  std::vector<double> m;
  for (double v; in >> v;) m.push_back(v);
  ASSERT_EQ(m.size(), 55u * 55u);
  EXPECT_EQ(m[0 * 55 + 30], 0.9);
  EXPECT_EQ(m[30 * 55 + 0], 0.9);
}

TEST_F(MapFiles, NumpyReadsTheNpz) {
  std::string python;
  for (const char* candidate : {"/usr/bin/python3", "python3"})
    if (python.empty() && std::system((candidate + std::string(" -c 'import numpy' 2>/dev/null")).c_str()) == 0)
      python = candidate;
  if (python.empty()) GTEST_SKIP() << "numpy is not installed: apt-get install python3-numpy, or pip install numpy";
  write_npz(path("a.npz"), example(), false);
  write_npz(path("d.npz"), example(), true);
  const std::string script =
      "import numpy as n; a=n.load('" + path("a.npz") + "'); d=n.load('" + path("d.npz") + "');" +
      "assert a['prob'].shape==(1540,8) and d['prob'].shape==(8,55,55) and a['L']==55 and a['seg'].shape==(55,);"
      "assert a['seq'][0]==b'A'*55 and a['channels'][0]==b'cb8';"
      "i,j=n.triu_indices(55); assert (d['prob'][:,i,j].T==a['prob']).all() and abs(d['prob'][0,30,0]-.9)<1e-6";
  EXPECT_EQ(std::system((python + " -c \"" + script + "\"").c_str()), 0);
}

TEST_F(MapFiles, TheSameMapGivesTheSameBytes) {
  write_npz(path("a.npz"), example(), false);
  write_npz(path("b.npz"), example(), false);
  EXPECT_EQ(text(path("a.npz")), text(path("b.npz")));
}

TEST_F(MapFiles, AFolderThatIsNotThereIsOneSentence) {
  EXPECT_THROW(write_rr(path("no/such/a.rr"), example(), 0), UserError);
  EXPECT_THROW(write_npz(path("no/such/a.npz"), example(), false), UserError);
  EXPECT_EQ(file_stem("../x y"), "_.._x_y");
}

}  // namespace
}  // namespace heartbeat
