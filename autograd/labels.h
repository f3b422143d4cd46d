// What losses over classes ask of their labels.
#pragma once

#include "autograd/ops.h"

namespace heartbeat {

// Throws std::invalid_argument unless there is one label in [0, classes) for each row, and at least one row.
inline void expect_labels(const char* op, const Tensor& scores, const std::vector<int>& labels) {
  expect(op, long(labels.size()) == scores.rows(), "there are ", labels.size(), " labels for ", scores.rows(), " rows");
  expect(op, !labels.empty(), "there are no rows, and nothing has no mean");
  for (size_t i = 0; i < labels.size(); ++i)
    expect(op, labels[i] >= 0 && labels[i] < scores.cols(), "label ", labels[i], " at row ", i, " is none of ",
           scores.cols(), " classes");
}

}  // namespace heartbeat
