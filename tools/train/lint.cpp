#include "tools/train/lint.h"

#include <algorithm>
#include <string_view>

namespace heartbeat {
namespace {

using Names = std::initializer_list<std::string_view>;

bool is_one_of(const Trace::Op& op, Names names) {
  return std::find(names.begin(), names.end(), std::string_view(op.name)) != names.end();
}

// From op k towards the input, over ops of these names; the number of the first other one, -1 at a leaf.
int behind(const std::vector<Trace::Op>& ops, int k, Names over) {
  int at = ops[std::size_t(k)].from;
  while (at >= 0 && is_one_of(ops[std::size_t(at)], over)) at = ops[std::size_t(at)].from;
  return at;
}

bool is_layer(const Trace::Op& op) {
  return is_one_of(op, {"matmul", "matmul_transposed", "conv2d", "pair_conv", "relation_conv"});
}

}  // namespace

std::vector<std::pair<std::string, double>> lint(const std::vector<Trace::Op>& ops) {
  std::vector<std::pair<std::string, double>> found;
  for (int k = 0; k < int(ops.size()); ++k) {
    const Trace::Op& op = ops[std::size_t(k)];
    const auto find = [&](const char* what, int other) {
      found.emplace_back(std::string(what) + "/" + op.name + "." + std::to_string(k), other);
    };
    if (is_layer(op))
      if (const int at = behind(ops, k, {"add_bias", "scale", "dropout", "spmm"});
          at >= 0 && is_layer(ops[std::size_t(at)]))
        find("no_nonlinearity", at);
    if (is_one_of(op, {"cross_entropy", "contact_loss"}))
      if (const int at = behind(ops, k, {"scale", "add_bias"});
          at >= 0 && is_one_of(ops[std::size_t(at)], {"log_softmax", "sigmoid", "tanh"}))
        find("squashed_before_loss", at);
    if (is_one_of(op, {"nll_loss"}))
      if (const int at = op.from; at >= 0 && !is_one_of(ops[std::size_t(at)], {"log_softmax"}))
        find("not_log_softmax", at);
  }
  return found;
}

void log_lint(RunLog& log, long step, const Trace& trace) {
  for (const auto& [name, other] : lint(trace.ops())) log.scalar(step, "lint/" + name, other);
}

}  // namespace heartbeat
