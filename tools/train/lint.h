// Looks at a forward pass as a list of ops, before anything is learned: what is put together in a way that cannot be
// meant. Findings are the scalars lint/<what>/<op>, the doctor's R52.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "autograd/tape.h"
#include "tools/log/run_log.h"

namespace heartbeat {

//   no_nonlinearity/<op>        a layer that reads another layer with only linear ops between: the two are one
//   squashed_before_loss/<op>   a loss that wants logits and is given what left a softmax, a sigmoid or a tanh
//   not_log_softmax/<op>        nll_loss of something else
// The op is named as "matmul_transposed.7", by its number; the value is the number of the op that it reads. A bias
// before a norm is none of them: layer_norm goes over the channels of a row, and takes no channel's bias out.
std::vector<std::pair<std::string, double>> lint(const std::vector<Trace::Op>& ops);

void log_lint(RunLog& log, long step, const Trace& trace);

}  // namespace heartbeat
