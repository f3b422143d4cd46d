#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "graph/dataset.h"
#include "nn/checkpoint.h"
#include "tests/support/command.h"
#include "tests/support/proteins.h"
#include "tools/contacts/predicting.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;

void write(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}
bool exists(const std::string& path) {
  return fs::exists(path);
}

// An untrained model and a data set of synthetic proteins, made once in each process.
class PredictContacts : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_ = new Scratch;
    write(file("one.fasta"), ">query a protein\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n");
    const std::string structures = file("structures");
    ASSERT_EQ(run_command("make_proteins --count 12 --min-length 40 --max-length 60 --out " + structures).code, 0);
    ASSERT_EQ(run_command("prepare_contacts --quiet --structures " + structures + " --out " + file("c.db")).code, 0);
    const ContactModel model = make_contact_model({}, {}, 1, std::vector<double>(kChannels, 0.02));
    nn::save_checkpoint(checkpoint(), model.network.parameters(), {{"model", model.config_json()}});
  }
  static void TearDownTestSuite() {
    delete shared_;
    shared_ = nullptr;
  }
  static std::string file(const std::string& name) { return shared_->file(name); }
  static std::string checkpoint() { return file("best.safetensors"); }

  static Outcome predict(const std::string& arguments) {
    return run_command("predict_contacts --quiet --checkpoint " + checkpoint() + " " + arguments);
  }
  std::string out(const std::string& name = "") const {
    return scratch_.file("out") + (name.empty() ? "" : "/" + name);
  }
  Outcome fasta(const std::string& text, const std::string& more = "") const {
    write(scratch_.file("q.fasta"), text);
    return predict("--fasta " + scratch_.file("q.fasta") + " --out " + out() + " " + more);
  }
  static void expect_mistake(const Outcome& outcome, const std::string& part) {
    EXPECT_EQ(outcome.code, 2) << part;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << "not one line: " << outcome.err;
    EXPECT_EQ(outcome.err.find("predict_contacts: "), 0u) << outcome.err;
  }

  Scratch scratch_;
  static Scratch* shared_;
};
Scratch* PredictContacts::shared_ = nullptr;

constexpr const char* kOne = ">query a protein\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n";

TEST_F(PredictContacts, ASequenceGivesAFolderOfFiles) {
  const Outcome outcome = fasta(kOne, "--ccmpred");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const char* name : {"query/cb8.rr", "query/vdw.rr", "query/cb8.mat", "query/map.npz", "query/contacts.tsv",
                           "query/cb8.png", "query/all.png", "index.html"})
    EXPECT_TRUE(exists(out(name))) << name;
  EXPECT_FALSE(exists(out("metrics.tsv")));  // nobody knows the truth
  EXPECT_FALSE(exists(out("query/cb8.square.png")));
  EXPECT_NE(read_text(out("query/cb8.rr")).find("\nMKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQ\n"), std::string::npos);
  EXPECT_NE(read_text(out("index.html")).find("query/all.png"), std::string::npos);
}

TEST_F(PredictContacts, TheSameCallGivesTheSameBytes) {
  ASSERT_EQ(fasta(kOne, "--threads 1").code, 0);
  fs::rename(out(), scratch_.file("first"));
  ASSERT_EQ(fasta(kOne, "--threads 2").code, 0);
  long files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(out()))
    if (entry.is_regular_file()) {
      ++files;
      const auto relative = fs::relative(entry.path(), out());
      EXPECT_EQ(read_text(entry.path()), read_text(fs::path(scratch_.file("first")) / relative)) << relative;
    }
  EXPECT_EQ(files, 1 + kChannels * 2 + 3);
}

// A checkpoint says what its run was trained in; --precision wins over it.
TEST_F(PredictContacts, PrecisionIsThatOfTheRunUnlessGiven) {
  nn::Checkpoint of_bf16 = nn::read_checkpoint(checkpoint());
  of_bf16.metadata["precision"] = "bf16";
  const std::string narrow = scratch_.file("narrow.safetensors");
  nn::save_checkpoint(narrow, of_bf16.tensors, of_bf16.metadata);
  const auto map_of = [&](const std::string& path, const std::string& more) {
    fs::remove_all(out());
    const Outcome outcome = run_command("predict_contacts --quiet --formats tsv --min-probability 0 --checkpoint " +
                                        path + " --fasta " + file("one.fasta") + " --out " + out() + " " + more);
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return read_text(out("query/contacts.tsv"));
  };
  const std::string f32 = map_of(checkpoint(), ""), bf16 = map_of(narrow, "");
  EXPECT_FALSE(f32.empty());
  EXPECT_NE(f32, bf16);
  EXPECT_EQ(map_of(narrow, "--precision f32"), f32);
  EXPECT_EQ(map_of(checkpoint(), "--precision bf16"), bf16);
}

TEST_F(PredictContacts, LabelledProteinsAreScored) {
  const std::string split = "--data " + file("c.db") + " --channels cb8 --formats png,rr --out " + out() + " --split ";
  const Outcome outcome = predict(split + "valid");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  EXPECT_NE(outcome.out.find("cb8 precision at"), std::string::npos);
  const auto proteins = read_dataset(file("c.db"), "validation");
  const std::string metrics = read_text(out("metrics.tsv"));
  EXPECT_EQ(std::size_t(std::count(metrics.begin(), metrics.end(), '\n')), 1 + proteins.size() * kChannels * 6);
  const std::string id = proteins.at(0).id;
  EXPECT_NE(metrics.find("\n" + id + "\t" + std::to_string(proteins[0].length()) + "\tcb8\tlong\t"), std::string::npos);
  EXPECT_TRUE(exists(out(id + "/cb8.png")) && exists(out(id + "/cb8.square.png")));
  for (const char* absent : {"/vdw.rr", "/all.png", "/map.npz", "/contacts.tsv"})
    EXPECT_FALSE(exists(out(id + absent)));
  fs::remove_all(out());
  EXPECT_EQ(predict(split + "validation").code, 0);
  EXPECT_EQ(read_text(out("metrics.tsv")), metrics);
}

TEST_F(PredictContacts, IdsAreFoundInAnySplit) {
  const std::string id = read_dataset(file("c.db"), "train").at(0).id;
  ASSERT_EQ(predict("--formats tsv --data " + file("c.db") + " --id " + id + " --out " + out()).code, 0);
  EXPECT_TRUE(exists(out(id + "/contacts.tsv")));
  expect_mistake(predict("--data " + file("c.db") + " --id nobody --out " + out()), "holds no protein nobody");
  expect_mistake(predict("--data " + file("c.db") + " --split valid --id " + id + " --out " + out()),
                 "the valid split of " + file("c.db") + " holds no protein " + id);
}

TEST_F(PredictContacts, TheTruthDoesNotChangeThePrediction) {
  const Protein protein = read_dataset(file("c.db"), "train").at(0);
  std::string sequence;
  for (const auto token : protein.sequence) sequence += kAlphabet[token];
  const std::string more = "--formats npz --dense ";
  ASSERT_EQ(predict(more + "--data " + file("c.db") + " --id " + protein.id + " --out " + out()).code, 0);
  write(scratch_.file("q.fasta"), ">" + protein.id + "\n" + sequence + "\n");
  ASSERT_EQ(predict(more + "--fasta " + scratch_.file("q.fasta") + " --out " + scratch_.file("blind")).code, 0);
  EXPECT_EQ(read_text(out(protein.id + "/map.npz")), read_text(scratch_.file("blind") + "/" + protein.id + "/map.npz"));
}

TEST_F(PredictContacts, BothCheckpointsOfARunPredictAComplex) {
  const Outcome trained =
      run_command("train_contacts --quiet --max-steps 3 --pairs-per-batch 3000 --watch none --data " + file("c.db") +
                  " --run-dir " + scratch_.file("run"));
  ASSERT_EQ(trained.code, 0) << trained.err;
  write(scratch_.file("q.fasta"), ">a:H\nMKTAYIAKQRQ\n>a:L\nGSSGSSGMKW\n");
  for (const char* which : {"best", "last"}) {
    const Outcome outcome =
        run_command("predict_contacts --quiet --min-probability 0 --checkpoint " + scratch_.file("run/") + which +
                    ".safetensors --fasta " + scratch_.file("q.fasta") + " --out " + scratch_.file(which));
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const std::string rr = read_text(scratch_.file(which) + "/a/cb8.rr");
    EXPECT_NE(rr.find("\nH1 L10 0 8 "), std::string::npos) << rr;
  }
}

TEST_F(PredictContacts, IdsDoNotOverwriteEachOther) {
  const Outcome outcome =
      fasta(">x/1\nMKTAY\n>x_1\nMKTAYI\n>../up\nMKTAYIA\n>index.html\nMKT\n>x:A\nMKTA\n>x:B\nMKTA\n>x\nMK\n>" +
                std::string(400, 'n') + "\nMKTA\n",
            "--formats rr --channels cb8");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  for (const auto& [folder, target] : {std::pair{"x_1", "x/1"},
                                       {"x_1-2", "x_1"},
                                       {"_.._up", "../up"},
                                       {"index.html-2", "index.html"},
                                       {"x", "x"},
                                       {"x-2", "x"}})
    EXPECT_NE(read_text(out(std::string(folder) + "/cb8.rr")).find(std::string("TARGET ") + target + "\n"),
              std::string::npos)
        << folder;
  EXPECT_TRUE(fs::is_regular_file(out("index.html")));
}

TEST_F(PredictContacts, WrongSequencesGetOneSentence) {
  expect_mistake(fasta(">a\nMKT\n>b\nMK-T\n"), "record b, column 3");
  expect_mistake(fasta(""), "holds no FASTA record");
  expect_mistake(fasta(">a\n"), "record a has no sequence");
  expect_mistake(fasta("MKTAY\n"), "is no FASTA file");
  expect_mistake(fasta(">a\n" + std::string(5001, 'A') + "\n"), "a has 5001 residues, and at most 5000");
  expect_mistake(predict("--fasta /no/such.fasta --out " + out()), "cannot read /no/such.fasta");
  EXPECT_FALSE(exists(out()));
}

TEST_F(PredictContacts, WrongFlagsGetOneSentence) {
  const std::string one = "--fasta " + file("one.fasta") + " --out " + out() + " ";
  expect_mistake(predict("--out " + out()), "give --fasta or --data");
  expect_mistake(predict(one + "--data " + file("c.db")), "--fasta and --data are both given");
  expect_mistake(predict(one + "--split test"), "--split and --id choose proteins of a data set");
  expect_mistake(predict("--data " + file("c.db") + " --split odd --out " + out()), "odd");
  expect_mistake(predict("--data /no/such.db --out " + out()), "/no/such.db");
  expect_mistake(predict(one + "--colour"), "--colour");
  expect_mistake(predict(one + "--formats rr,gif"), "gif");
  expect_mistake(predict(one + "--channels cb9"), "cb9");
  expect_mistake(predict(one + "--min-probability 2"), "--min-probability");
  expect_mistake(predict(one + "--config /no/such.toml"), "/no/such.toml");
  expect_mistake(run_command("predict_contacts " + one), "--checkpoint");
  EXPECT_FALSE(exists(out()));
  EXPECT_EQ(run_command("predict_contacts --help").code, 0);
}

TEST_F(PredictContacts, WrongCheckpointsGetOneSentence) {
  const std::string bad = scratch_.file("bad.safetensors");
  const auto with = [&](const std::string& path) {
    return run_command("predict_contacts --checkpoint " + path + " --fasta " + file("one.fasta") + " --out " + out());
  };
  expect_mistake(with("/no/such.safetensors"), "/no/such.safetensors");
  expect_mistake(with(file("c.db")), file("c.db"));
  const std::string whole = read_text(checkpoint());
  write(bad, whole.substr(0, whole.size() / 2));
  expect_mistake(with(bad), "cut off");
  nn::save_checkpoint(bad, {{"weight", Tensor({2, 2})}}, {});
  expect_mistake(with(bad), "is no contact model of this version");
  nn::Checkpoint good = nn::read_checkpoint(checkpoint());
  nn::Parameters tensors;
  for (const auto& [name, tensor] : good.tensors) tensors.push_back({name, tensor});
  std::string& model = good.metadata["model"];
  model.replace(model.find("\"size\":\"T\""), 10, "\"size\":\"S\"");
  nn::save_checkpoint(bad, tensors, good.metadata);
  expect_mistake(with(bad), "build the model with the options it was saved with");
}

TEST_F(PredictContacts, FoldersThatCannotBeWrittenGetOneSentence) {
  const std::string one = "--fasta " + file("one.fasta") + " --out ";
  expect_mistake(predict(one + "/proc/no/folder"), "/proc/no/folder");
  write(scratch_.file("taken"), "");
  expect_mistake(predict(one + scratch_.file("taken")), scratch_.file("taken"));
  const std::string small = scratch_.file("small");
  fs::create_directory(small);
  if (mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k") != 0) GTEST_SKIP() << "mounting a small disk needs root";
  const Outcome full = predict(one + small);
  bool halves = false;
  for (const auto& entry : fs::recursive_directory_iterator(small)) halves |= entry.path().extension() == ".part";
  umount(small.c_str());
  expect_mistake(full, "cannot write " + small);
  EXPECT_FALSE(halves);
}

TEST_F(PredictContacts, AnInterruptedCallLeavesWholeFiles) {
  std::string many;
  for (int n = 0; n < 200; ++n) many += ">p" + std::to_string(n) + "\n" + std::string(60, "ACDEFGH"[n % 7]) + "\n";
  write(scratch_.file("q.fasta"), many);
  const Outcome stopped =
      run_command("predict_contacts --quiet --channels cb8 --checkpoint " + checkpoint() + " --fasta " +
                      scratch_.file("q.fasta") + " --out " + out(),
                  "& pid=$!; while [ ! -e " + out("p1") + " ]; do sleep 0.02; done; kill $pid; wait $pid");
  ASSERT_EQ(stopped.code, 130) << stopped.err;
  EXPECT_NE(stopped.err.find("of 200 proteins, whose files are whole"), std::string::npos) << stopped.err;
  const std::string page = read_text(out("index.html"));
  long folders = 0;
  for (const auto& entry : fs::directory_iterator(out()))
    if (entry.is_directory()) {
      ++folders;
      for (const char* name : {"cb8.rr", "map.npz", "contacts.tsv", "cb8.png"})
        EXPECT_TRUE(exists(entry.path() / name));
      EXPECT_NE(page.find(entry.path().filename().string() + "/cb8.png"), std::string::npos);
    }
  EXPECT_LT(folders, 200);
}

TEST_F(PredictContacts, AConfigFileGivesOptionsAndFlagsWin) {
  write(scratch_.file("x.toml"), "formats = [\"rr\"]\nchannels = [\"cb8\", \"vdw\"]\n");
  ASSERT_EQ(fasta(kOne, "--config " + scratch_.file("x.toml") + " --channels vdw").code, 0);
  EXPECT_TRUE(exists(out("query/vdw.rr")));
  EXPECT_FALSE(exists(out("query/cb8.rr")) || exists(out("query/map.npz")));
}

TEST(FolderNames, NeverTheSameTwice) {
  FolderNames name({"index.html"});
  EXPECT_EQ(name("a"), "a");
  EXPECT_EQ(name("a-2"), "a-2");
  EXPECT_EQ(name("a"), "a-3");
  EXPECT_EQ(name("index.html"), "index.html-2");
  EXPECT_LE(name(std::string(1000, 'x')).size(), 255u);
}

}  // namespace
}  // namespace heartbeat
