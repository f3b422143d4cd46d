// Handwritten digits, and MNIST's four files (IDX, plain or .gz) that hold them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "autograd/ops.h"

namespace heartbeat {

inline constexpr int kDigitSide = 28, kDigitPixels = kDigitSide * kDigitSide, kDigitClasses = 10;

struct DigitSet {
  std::vector<std::uint8_t> pixels;  // [count, 28, 28], 0 is background
  std::vector<std::uint8_t> labels;  // [count], 0 to 9

  long count() const { return long(labels.size()); }
  bool operator==(const DigitSet&) const = default;
};
struct Digits {
  DigitSet train, test;
};

// Reads train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte of a
// folder, each plain or with .gz behind its name. Throws UserError with one sentence where a file is missing, cut off
// or not what its name says, where images and labels differ in number, or where a label is above 9.
Digits read_digits(const std::string& folder);
// Writes the same four files, .gz, and makes the folder.
void write_digits(const std::string& folder, const Digits& digits);

// Digits drawn from strokes: turned, slanted, stretched, bent, thick or thin, on a noisy ground. Digit k of a seed is
// the same whatever count is.
DigitSet draw_digits(long count, std::uint64_t seed);

// Sixteen letters that name these digits, in this order.
std::string fingerprint_of(const Digits& digits);

struct DigitBatch {
  Tensor images;  // [n, 1, 28, 28], (x - 0.1307) / 0.3081 with x in [0, 1]: MNIST's mean and deviation
  Ids labels;
};
DigitBatch digit_batch(const DigitSet& set, const long* chosen, long n);

}  // namespace heartbeat
