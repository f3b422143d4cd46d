#include <gtest/gtest.h>

#include <map>
#include <numeric>

#include "kernels/common/error.h"
#include "tests/support/idx_files.h"
#include "tests/support/real_data.h"
#include "tools/mnist/digit_model.h"

namespace heartbeat {
namespace {

namespace fs = std::filesystem;
using namespace heartbeat::testing;

void expect_mistake(const IdxFolder& folder, const std::string& part) {
  try {
    read_digits(folder.path());
    FAIL() << "nothing is wrong, where this should be: " << part;
  } catch (const UserError& e) {
    const std::string sentence = e.what();
    EXPECT_NE(sentence.find(part), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find('\n'), std::string::npos) << sentence;
  }
}

TEST(Idx, WhatIsWrittenIsRead) {
  const IdxFolder folder;
  const Digits read = read_digits(folder.path());
  EXPECT_EQ(read.train, folder.digits.train);
  EXPECT_EQ(read.test, folder.digits.test);
  // Plain files are as good.
  for (const char* name : {kTrainImages, kTestLabels}) folder.write_plain(name, folder.bytes(name));
  EXPECT_EQ(read_digits(folder.path()).train, folder.digits.train);
}

TEST(Idx, HasMnistsHeader) {
  const IdxFolder folder;
  EXPECT_EQ(folder.bytes(kTrainImages).substr(0, 16), std::string("\0\0\x08\x03\0\0\0\x14\0\0\0\x1c\0\0\0\x1c", 16));
  EXPECT_EQ(folder.bytes(kTestLabels).substr(0, 8), std::string("\0\0\x08\x01\0\0\0\x0a", 8));
  EXPECT_EQ(folder.bytes(kTrainImages).size(), 16u + 20 * kDigitPixels);
}

TEST(Idx, EachMistakeGetsOneSentence) {
  EXPECT_THROW(read_digits("/no/such/folder"), UserError);
  {
    const IdxFolder f;
    fs::remove(f.zipped(kTestLabels));
    expect_mistake(f, "has no t10k-labels-idx1-ubyte");
  }
  {
    const IdxFolder f;
    for (const auto& file : fs::directory_iterator(f.path())) fs::remove(file);
    expect_mistake(f, "has no train-images-idx3-ubyte");
  }
  {
    const IdxFolder f;
    f.change(kTrainImages, 3, 4);
    expect_mistake(f, "begins with the number 2052");
  }
  {
    const IdxFolder f;
    const std::string images = f.bytes(kTrainImages), labels = f.bytes(kTrainLabels);
    f.write_plain(kTrainImages, labels);
    f.write_plain(kTrainLabels, images);
    expect_mistake(f, "holds labels, but images are expected under this name");
  }
  {
    const IdxFolder f;
    f.write_plain(kTrainLabels, f.bytes(kTrainImages));
    expect_mistake(f, "holds images, but labels");
  }
  {
    const IdxFolder f;
    fs::resize_file(f.zipped(kTrainImages), fs::file_size(f.zipped(kTrainImages)) / 2);
    expect_mistake(f, "cannot be read to its end");
  }
  {
    const IdxFolder f;
    f.write_plain(kTrainImages, f.bytes(kTrainImages).substr(0, 1000));
    expect_mistake(f, "cut off or damaged");
  }
  {
    const IdxFolder f;
    f.write_plain(kTrainImages, f.bytes(kTrainImages) + "x");
    expect_mistake(f, "cut off or damaged");
  }
  {
    const IdxFolder f;
    f.write_plain(kTrainImages, f.bytes(kTrainImages).substr(0, 10));
    expect_mistake(f, "within its header");
  }
  {
    const IdxFolder f;
    f.write_plain(kTrainImages, "");
    expect_mistake(f, "has 0 bytes and is no IDX file");
  }
  {
    const IdxFolder f;
    f.change(kTrainImages, 4, '\xff');
    expect_mistake(f, "its header promises");
  }
  {
    const IdxFolder f;
    f.write_plain(kTestLabels, f.bytes(kTrainLabels));
    expect_mistake(f, "holds 10 images, but");
  }
  {
    const IdxFolder f;
    std::string images = f.bytes(kTrainImages);
    images[11] = 14, images[15] = 56;
    f.write_plain(kTrainImages, images);
    expect_mistake(f, "14 x 56 pixels");
  }
  {
    const IdxFolder f;
    f.write_plain(kTestImages, std::string("\0\0\x08\x03\0\0\0\0\0\0\0\x1c\0\0\0\x1c", 16));
    f.write_plain(kTestLabels, std::string("\0\0\x08\x01\0\0\0\0", 8));
    expect_mistake(f, "holds no images");
  }
  {
    const IdxFolder f;
    f.change(kTrainLabels, 8 + 3, 10);
    expect_mistake(f, "label 10 of image 3 is above 9");
  }
}

TEST(Idx, ReadsTheRealOnes) {
  const fs::path folder = real_data() / "mnist";
  HEARTBEAT_NEEDS(folder);
  const Digits digits = read_digits(folder.string());
  EXPECT_EQ(digits.train.count(), 60'000);
  EXPECT_EQ(digits.test.count(), 10'000);
  EXPECT_EQ(digits.train.labels[0], 5);
  EXPECT_EQ(digits.test.labels[0], 7);
  const double sum = std::accumulate(digits.train.pixels.begin(), digits.train.pixels.end(), 0.0);
  EXPECT_NEAR(sum / 255 / double(digits.train.pixels.size()), 0.1307, 5e-5);
}

TEST(Strokes, TheSameSeedDrawsTheSameDigits) {
  const DigitSet few = draw_digits(20, 1), more = draw_digits(40, 1), other = draw_digits(20, 2);
  EXPECT_TRUE(std::equal(few.pixels.begin(), few.pixels.end(), more.pixels.begin()));
  EXPECT_TRUE(std::equal(few.labels.begin(), few.labels.end(), more.labels.begin()));
  EXPECT_NE(few.pixels, other.pixels);
}

TEST(Strokes, LookLikeWriting) {
  const DigitSet set = draw_digits(3000, 1);
  std::map<int, long> of_digit;
  for (long n = 0; n < set.count(); ++n) {
    ++of_digit[set.labels[n]];
    const auto* image = set.pixels.data() + n * kDigitPixels;
    const double ink = std::accumulate(image, image + kDigitPixels, 0.0) / 255;
    EXPECT_GT(ink, 15) << "digit " << n << " is hardly there";
    EXPECT_LT(ink, 300) << "digit " << n << " is a blot";
  }
  for (int digit = 0; digit < kDigitClasses; ++digit) EXPECT_NEAR(double(of_digit[digit]), 300, 90) << digit;
}

TEST(Batch, IsNormalisedAsMnistIs) {
  DigitSet set{std::vector<std::uint8_t>(3 * kDigitPixels), {4, 5, 6}};
  set.pixels[2 * kDigitPixels] = 255;
  const long chosen[] = {2, 0};
  const DigitBatch batch = digit_batch(set, chosen, 2);
  EXPECT_EQ(batch.images.shape(), (Shape{2, 1, 28, 28}));
  EXPECT_EQ(*batch.labels, (std::vector<int>{6, 4}));
  EXPECT_NEAR(batch.images.at(0), (1 - 0.1307) / 0.3081, 1e-6);
  EXPECT_NEAR(batch.images.at(1), -0.1307 / 0.3081, 1e-6);
  EXPECT_NEAR(batch.images.at(kDigitPixels), -0.1307 / 0.3081, 1e-6);
}

TEST(Evaluation, DoesNotDependOnItsBatches) {
  const DigitSet set = draw_digits(70, 3);
  MnistOptions options;
  const DigitModel model = make_digit_model(options);
  const RandomKey key{.seed = 1, .step = 2, .layer = 1};
  const TestResult whole = evaluate(model, set, 1000, key), pieces = evaluate(model, set, 32, key);
  EXPECT_EQ(whole.accuracy, pieces.accuracy);
  EXPECT_NEAR(whole.loss, pieces.loss, 1e-6);
  EXPECT_NE(whole.loss, evaluate(model, set, 1000, {.seed = 1, .step = 3, .layer = 1}).loss);
  EXPECT_NEAR(whole.loss, std::log(10), 0.1);  // guessing
}

}  // namespace
}  // namespace heartbeat
