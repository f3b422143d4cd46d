#include "nn/checkpoint.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <random>

#include "kernels/common/error.h"
#include "nn/optimizer.h"
#include "tests/support/gradcheck.h"
#include "tests/support/peers.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using heartbeat::testing::kNoPeers;
using heartbeat::testing::python_with;
using heartbeat::testing::random_normal;
using nn::Checkpoint;
using nn::Parameters;

class CheckpointFile : public ::testing::Test {
 protected:
  CheckpointFile() {
    std::string pattern = (fs::temp_directory_path() / "heartbeat-checkpoint-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    path_ = folder_ / "model.safetensors";
  }
  ~CheckpointFile() override { fs::remove_all(folder_); }

  static Parameters model() {
    return {{"encoder.weight", random_normal({3, 5}, Dtype::f32, 1)},
            {"encoder.bias", random_normal({3}, Dtype::f32, 2)},
            {"prior", random_normal({7}, Dtype::f64, 3)},
            {"empty", Tensor::zeros({0, 4})},
            {"step", Tensor::full({}, 12, Dtype::f64)}};
  }
  std::string bytes() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }
  // A file of this header and that many zero bytes of data.
  void write(const std::string& header, size_t data) const {
    const std::uint64_t n = header.size();
    write(std::string(reinterpret_cast<const char*>(&n), 8) + header + std::string(data, '\0'));
  }
  std::string complaint() const {
    try {
      nn::read_checkpoint(path_);
    } catch (const UserError& e) {
      return e.what();
    }
    return "";
  }
  long files() const { return std::distance(fs::directory_iterator(folder_), {}); }

  fs::path folder_, path_;
};

TEST_F(CheckpointFile, GivesBackTensorsAndMetadata) {
  const Parameters saved = model();
  const nn::Metadata metadata = {{"state", R"({"step": 12, "text": "a\"b"})"}, {"unit", "Å"}};
  nn::save_checkpoint(path_, saved, metadata);
  const Checkpoint read = nn::read_checkpoint(path_);
  EXPECT_EQ(read.metadata, metadata);
  ASSERT_EQ(read.tensors.size(), saved.size());
  for (const auto& [name, tensor] : saved) {
    const Tensor* found = read.find(name);
    ASSERT_NE(found, nullptr) << name;
    EXPECT_EQ(found->shape(), tensor.shape());
    EXPECT_EQ(found->dtype(), tensor.dtype());
    EXPECT_EQ(found->to_vector(), tensor.to_vector());
  }
  EXPECT_EQ(read.find("other"), nullptr);
  EXPECT_EQ(files(), 1) << "no temporary file stays";
  nn::save_checkpoint(path_, {});
  EXPECT_TRUE(nn::read_checkpoint(path_).tensors.empty());
}

TEST_F(CheckpointFile, LoadsIntoAModelAndLeavesExtraTensors) {
  nn::save_checkpoint(path_, model());
  const Parameters other = {{"encoder.weight", Tensor::zeros({3, 5})}, {"prior", Tensor::zeros({7}, Dtype::f32)}};
  nn::load_into(other, path_);
  EXPECT_EQ(other[0].tensor.to_vector(), model()[0].tensor.to_vector());
  EXPECT_EQ(other[1].tensor.at(3), double(float(model()[2].tensor.at(3)))) << "f64 is rounded to f32";
}

TEST_F(CheckpointFile, WrongShapeAndMissingTensorAreNamedAndNothingIsChanged) {
  nn::save_checkpoint(path_, model());
  const Tensor first = Tensor::zeros({3, 5});
  for (const auto& [bad, sentence] : std::vector<std::pair<nn::NamedTensor, std::string>>{
           {{"encoder.bias", Tensor::zeros({4})},
            "tensor 'encoder.bias' of " + path_.string() +
                " is [3], but the model has [4]: build the model with the options "
                "it was saved with"},
           {{"head", Tensor::zeros({2, 2})},
            path_.string() + " has no tensor 'head' [2, 2]: build the model with the options it was saved with"}}) {
    try {
      nn::load_into({{"encoder.weight", first}, bad}, path_);
      FAIL();
    } catch (const UserError& e) {
      EXPECT_EQ(e.what(), sentence);
    }
    EXPECT_EQ(first.at(0), 0);
  }
}

TEST_F(CheckpointFile, OptimizerResumesFromAFileToTheBit) {
  const auto train = [](const Tensor& x, nn::Optimizer& optimizer, int from, int to) {
    for (int step = from; step < to; ++step) {
      optimizer.zero_grad();
      for (long i = 0; i < x.numel(); ++i) x.grad<float>().data[i] = float(std::sin(step + i));
      optimizer.step(0.01);
    }
  };
  Tensor x = random_normal({4, 9}, Dtype::f32, 1), y = x.copy();
  x.set_needs_grad(true);
  y.set_needs_grad(true);
  nn::AdamW straight({{"x", x}});
  train(x, straight, 0, 10);
  {
    nn::AdamW half({{"x", y}});
    train(y, half, 0, 6);
    Parameters all = half.state();
    all.push_back({"x", y});
    nn::save_checkpoint(path_, all);
  }
  Tensor z = Tensor::zeros({4, 9});
  z.set_needs_grad(true);
  const Checkpoint checkpoint = nn::read_checkpoint(path_);
  nn::load_into({{"x", z}}, checkpoint);
  nn::AdamW resumed({{"x", z}});
  resumed.load_state(checkpoint.tensors);
  train(z, resumed, 6, 10);
  EXPECT_EQ(z.to_vector(), x.to_vector());
}

TEST_F(CheckpointFile, FullDiskLeavesTheOldFileAndNoTemporaryOne) {
  nn::save_checkpoint(path_, model());
  const std::string before = bytes();
  std::signal(SIGXFSZ, SIG_IGN);  // the limit then answers like a full disk: a write that fails
  rlimit kept;
  getrlimit(RLIMIT_FSIZE, &kept);
  const rlimit small = {4096, kept.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  std::string sentence;
  try {
    nn::save_checkpoint(path_, {{"large", Tensor::zeros({100000})}});
  } catch (const UserError& e) {
    sentence = e.what();
  }
  setrlimit(RLIMIT_FSIZE, &kept);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(sentence, "checkpoint " + path_.string() +
                          " was not saved (File too large): free space or choose a folder on another disk; an earlier "
                          "checkpoint of this name is untouched");
  EXPECT_EQ(bytes(), before);
  EXPECT_EQ(files(), 1);
}

TEST_F(CheckpointFile, MissingFolderAndDoubleNameAreSentences) {
  EXPECT_THROW(nn::save_checkpoint(folder_ / "no" / "such.safetensors", model()), UserError);
  const Tensor x = Tensor::zeros({1});
  EXPECT_THROW(nn::save_checkpoint(path_, {{"a", x}, {"a", x}}), UserError);
  EXPECT_EQ(files(), 0);
  EXPECT_NE(complaint().find("does not exist"), std::string::npos);
  path_ = folder_;
  EXPECT_NE(complaint().find("is not a file"), std::string::npos);
}

TEST_F(CheckpointFile, DamagedFilesAreSentences) {
  const auto entry = [](const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"("a":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
  };
  const auto expect = [&](const std::string& header, size_t data, const std::string& part) {
    write(header, data);
    EXPECT_NE(complaint().find(part), std::string::npos) << header << " gave: " << complaint();
  };
  write("abc");
  EXPECT_NE(complaint().find("is cut off"), std::string::npos);
  write(std::string(8, '\xff') + "{}");
  EXPECT_NE(complaint().find("its header would have"), std::string::npos);
  expect("{", 0, "no JSON object");
  expect("[1]", 0, "no JSON object");
  expect("{" + entry("I64", "[1]", "[0,8]") + "}", 8, "of dtype I64");
  expect("{" + entry("F32", "[2]", "[0,4]") + "}", 4, "shape [2], which does not fit its data_offsets");
  expect("{" + entry("F32", "[-1]", "[0,4]") + "}", 4, "impossible shape");
  expect("{" + entry("F32", "[281474976710656,281474976710656]", "[0,0]") + "}", 0, "impossible shape");
  expect("{" + entry("F32", "[1]", "[4,0]") + "}", 4, "does not fit its data_offsets");
  expect("{" + entry("F32", "[1]", "[0]") + "}", 4, "no two numbers");
  expect("{" + entry("F32", "[1]", "[4,8]") + "}", 8, "begins after a gap");
  expect("{" + entry("F32", "[1]", "[0,4]") + R"(,"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 4,
         "overlaps");
  expect("{" + entry("F32", "[2]", "[0,8]") + "}", 4, "is cut off: its tensors need 8 bytes, but it holds 4");
  expect("{" + entry("F32", "[1]", "[0,4]") + "}", 9, "belong to none");
  expect(R"({"__metadata__":{"a":1}})", 0, "is no string");
  expect(R"({"a":7})", 0, "lacks dtype");
}

// Whatever the bytes, the answer is a checkpoint or a sentence.
TEST_F(CheckpointFile, SurvivesTruncationAndFlippedBits) {
  nn::save_checkpoint(path_, model(), {{"state", "{}"}});
  const std::string whole = bytes();
  std::mt19937 engine(17);
  int refused = 0;
  for (int round = 0; round < 600; ++round) {
    std::string damaged = whole;
    if (round % 2) damaged.resize(engine() % whole.size());
    for (unsigned flips = engine() % 4 + (round % 2 == 0); flips > 0 && !damaged.empty(); --flips)
      damaged[engine() % damaged.size()] ^= char(1 << engine() % 8);
    write(damaged);
    try {
      nn::load_into(model(), nn::read_checkpoint(path_));
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 300) << "every truncation at least";
}

TEST_F(CheckpointFile, PythonReadsIt) {
  const std::string python = python_with("safetensors, numpy");
  if (python.empty()) GTEST_SKIP() << kNoPeers;
  nn::save_checkpoint(path_, {{"a", Tensor::from({2, 2}, {1, 2, 3, 4})}, {"b", Tensor::full({3}, 0.5, Dtype::f64)}},
                      {{"step", "7"}});
  const std::string script =
      "from safetensors import safe_open\n"
      "f = safe_open('" +
      path_.string() +
      "', 'numpy')\n"
      "assert f.metadata()['step'] == '7'\n"
      "assert f.get_tensor('a').tolist() == [[1, 2], [3, 4]]\n"
      "assert f.get_tensor('b').tolist() == [.5, .5, .5] and f.get_tensor('b').dtype == 'float64'\n";
  EXPECT_EQ(std::system((python + " -c \"" + script + "\"").c_str()), 0);
}

}  // namespace
}  // namespace heartbeat
