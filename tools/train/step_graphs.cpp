#include "tools/train/step_graphs.h"

#include "kernels/common/error.h"

namespace heartbeat {

std::unique_ptr<nn::StepGraphs> make_step_graphs(const RunOptions& o, nn::Optimizer& optimizer, RunLog& log,
                                                 std::function<long()> step,
                                                 std::function<void(const std::string&)> say) {
  const auto tell = [must = o.graph == "on", &log, step = std::move(step), say = std::move(say)](
                        bool recorded, const std::string& sentence) {
    if (recorded) return log.note(step(), "graph", sentence);
    if (must)
      throw UserError("--graph on: a step cannot be recorded, because " + sentence + "; use --graph auto or off");
    const std::string line = "steps are launched kernel by kernel, because " + sentence;
    log.note(step(), "graph", line);
    say(line);
  };
  const std::string reason = reason_against_graphs(o);
  if (optimizer.device() == Device::cuda && !reason.empty()) tell(false, reason);
  return std::make_unique<nn::StepGraphs>(optimizer, reason, tell);
}

}  // namespace heartbeat
