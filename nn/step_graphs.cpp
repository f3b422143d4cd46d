#include "nn/step_graphs.h"

#include <algorithm>
#include <optional>

#include "autograd/tape.h"

namespace heartbeat::nn {

struct StepGraphs::Entry {
  std::string shape;
  Optimizer::Plan plan;  // a step whose histograms are taken is another one
#if HEARTBEAT_CUDA
  std::unique_ptr<cuda::Graph> graph = nullptr;
#endif
  Optimizer::Update update = {};
  Tensor loss = {};
};

StepGraphs::StepGraphs(Optimizer& optimizer, std::string reason, Tell tell)
    : optimizer_(optimizer), reason_(std::move(reason)), tell_(std::move(tell)) {
  if (reason_.empty() && optimizer.device() == Device::cpu) reason_ = "the run is on the cpu";
}
StepGraphs::~StepGraphs() = default;

StepGraphs::Queued StepGraphs::launch(double lr, bool watched, const Work& work, const After& after) {
  const Tensor loss = work();
  const Measured measured = optimizer_.queue_step(lr, watched);
  if (after) after();
  return {loss, measured};
}

std::list<StepGraphs::Entry>::iterator StepGraphs::find(const std::string& shape, const Optimizer::Plan& plan) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& e) { return e.shape == shape && e.plan == plan; });
}

bool StepGraphs::remembers(const std::string& shape) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.shape == shape; });
}

bool StepGraphs::repeats(const std::string& shape, bool watched) {
  return records() && find(shape, optimizer_.plan(watched)) != entries_.end();
}

#if HEARTBEAT_CUDA
StepGraphs::Queued StepGraphs::step(const std::string& shape, double lr, bool watched, const Work& work,
                                    const After& after) {
  if (!records() || shape.empty()) return launch(lr, watched, work, after);
  const Optimizer::Plan plan = optimizer_.plan(watched);
  const auto known = find(shape, plan);
  if (known == entries_.end()) {
    entries_.push_front({shape, plan});
    if (entries_.size() > kShapes)  // there are fewer graphs than that
      entries_.erase(
          std::prev(std::find_if(entries_.rbegin(), entries_.rend(), [](const Entry& e) { return !e.graph; }).base()));
    return launch(lr, watched, work, after);
  }
  entries_.splice(entries_.begin(), entries_, known);
  Entry& entry = entries_.front();
  if (!entry.graph && (graphs() >= kGraphs || !record(entry, watched, work, after)))
    return launch(lr, watched, work, after);
  optimizer_.begin_step(lr, entry.update);
  entry.graph->replay();
  ++replays_;
  return {entry.loss, optimizer_.end_step(entry.update)};
}

// On failure the step has not happened, and reason() says why none will be recorded.
bool StepGraphs::record(Entry& entry, bool watched, const Work& work, const After& after) {
  const bool first = graphs() == 0 && replays_ == 0;
  try {
    entry.graph = std::make_unique<cuda::Graph>(cuda::compute_stream(), [&] {
      entry.loss = work();
      entry.update = optimizer_.update_of(watched);
      optimizer_.queue_update(entry.update);
      if (after) after();
    });
  } catch (const std::runtime_error& e) {
    tape().clear();
    optimizer_.zero_grad();
    entries_.clear();
    reason_ = e.what();
    if (tell_) tell_(false, reason_);
    return false;
  }
  if (first && tell_)
    tell_(true, "a step of " + entry.shape + " is one graph of " + std::to_string(entry.graph->operations()) +
                    " operations on " + std::to_string(entry.graph->bytes() >> 20) + " MiB");
  return true;
}

size_t StepGraphs::graphs() const {
  return std::count_if(entries_.begin(), entries_.end(), [](const Entry& e) { return e.graph != nullptr; });
}

void StepGraphs::make_room_for(const std::string& shape, bool watched) {
  if (!records() || graphs() < kGraphs) return;
  const auto next = find(shape, optimizer_.plan(watched));
  if (next == entries_.end() || next->graph) return;
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(), [](const Entry& e) { return e.graph != nullptr; });
  entries_.erase(std::next(last).base());
}
#else
StepGraphs::Queued StepGraphs::step(const std::string&, double lr, bool watched, const Work& work, const After& after) {
  return launch(lr, watched, work, after);
}
size_t StepGraphs::graphs() const {
  return 0;
}
void StepGraphs::make_room_for(const std::string&, bool) {}
#endif

}  // namespace heartbeat::nn
