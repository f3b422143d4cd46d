#include "kernels/simt/scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

constinit uint3 threadIdx{}, blockIdx{};
constinit dim3 blockDim{}, gridDim{};

namespace heartbeat::simt {
namespace {

constexpr std::size_t kLargestSharedMemory = 227 * 1024;  // of a block on Hopper

// One launch at a time: __shared__ variables and threadIdx are plain statics.
std::mutex& one_launch() {
  static std::mutex mutex;
  return mutex;
}
std::set<std::string>& launched_names() {
  static std::set<std::string> names;
  return names;
}

std::string bare_name(std::string_view name) {
  name = name.substr(0, name.find('<'));
  const auto colons = name.rfind("::");
  return std::string(colons == name.npos ? name : name.substr(colons + 2));
}

template <class Index>
std::string text(const Index& i) {
  return '(' + std::to_string(i.x) + ',' + std::to_string(i.y) + ',' + std::to_string(i.z) + ')';
}

}  // namespace

Options& options() {
  static Options instance = [] {
    const char* seed = std::getenv("HEARTBEAT_SIMT_SEED");
    return Options{.seed = seed ? std::strtoull(seed, nullptr, 10) : 0};
  }();
  return instance;
}
const std::set<std::string>& launched() {
  return launched_names();
}
Scheduler& scheduler() {
  static Scheduler* instance = new Scheduler;
  return *instance;
}

void run(const Kernel& kernel, const LaunchShape& shape) {
  const std::lock_guard lock(one_launch());
  launched_names().insert(bare_name(kernel.name));
  scheduler().run(kernel, shape);
}
unsigned lane() noexcept {
  return scheduler().current() % 32;
}
void* dynamic_shared() noexcept {
  return scheduler().dynamic_shared();
}
Position position() {
  return scheduler().position();
}
void blame(std::string what) {
  scheduler().blame(std::move(what));
}
void leave() {
  scheduler().leave();
}

void Scheduler::run(const Kernel& kernel, const LaunchShape& shape) {
  const std::uint64_t blocks = std::uint64_t(shape.grid.x) * shape.grid.y * shape.grid.z;
  const std::uint64_t threads = std::uint64_t(shape.block.x) * shape.block.y * shape.block.z;
  const auto refuse = [&](const std::string& why) { throw KernelError(std::string(kernel.name) + ": " + why); };
  if (blocks == 0 || threads == 0 || threads > 1024 || shape.block.z > 64 || shape.grid.x > 0x7fffffffu ||
      shape.grid.y > 65535 || shape.grid.z > 65535)
    refuse("no GPU launches " + text(shape.grid) + " blocks of " + text(shape.block) + " threads");
  if (shape.shared_bytes > kLargestSharedMemory)
    refuse(std::to_string(shape.shared_bytes) + " bytes of dynamic shared memory are more than a block can have");
  prepare(kernel, shape);
  for (std::uint64_t block = 0; block < blocks; ++block) run_block(unsigned(block));
  dynamic_ = nullptr;
}

void Scheduler::prepare(const Kernel& kernel, const LaunchShape& shape) {
  ++launch_;
  kernel_ = kernel;
  shape_ = shape;
  random_ = options().seed != 0;
  generator_.seed(options().seed);
  total_ = shape.block.x * shape.block.y * shape.block.z;
  blockDim = shape.block;
  gridDim = shape.grid;
  threads_.assign(total_, {});
  order_.resize(total_);
  for (unsigned t = 0; t < total_; ++t) {
    threads_[t].index = {t % shape.block.x, t / shape.block.x % shape.block.y, t / (shape.block.x * shape.block.y)};
    order_[t] = t;
  }
  warps_.assign((total_ + 31) / 32, {});
  for (unsigned t = 0; t < total_; ++t) warps_[t / 32].existing |= 1u << (t % 32);
  // Of the exact size, so that the address sanitizer sees an overrun.
  dynamic_ = shape.shared_bytes ? std::make_unique_for_overwrite<std::byte[]>(shape.shared_bytes) : nullptr;
}

void Scheduler::run_block(unsigned linear) {
  block_ = linear;
  blockIdx = {linear % gridDim.x, linear / gridDim.x % gridDim.y, linear / (gridDim.x * gridDim.y)};
  started_ = finished_ = arrived_ = epoch_ = 0;
  for (Thread& thread : threads_) thread.state = State::unstarted;
  for (Warp& warp : warps_) warp.waiting = warp.clock = 0;
  if (dynamic_) std::memset(dynamic_.get(), 0xff, shape_.shared_bytes);  // NaN, -1
  if (random_) std::shuffle(order_.begin(), order_.end(), generator_);

  fiber_ = &take_idle();
  Fiber::switch_to(host_, *fiber_);
  running_ = false;
  if (failure_.empty() && finished_ != total_) failure_ = describe_deadlock();
  if (failure_.empty()) return;
  abandon_block();
  throw KernelError(std::string(kernel_.name) + ": block " + text(blockIdx) + ": " + std::exchange(failure_, {}));
}

void Scheduler::abandon_block() {
  idle_.clear();
  for (auto& fiber : fibers_) {
    fiber->reset();
    idle_.push_back(fiber.get());
  }
  runnable_.clear();
  dynamic_ = nullptr;
}

void Scheduler::worker_entry() {
  Fiber::on_first_entry();
  for (Scheduler& self = scheduler();;) {
    if (self.prefers_start()) {
      self.run_next_thread();
    } else {
      self.idle_.push_back(self.fiber_);
      self.switch_to(self.take_runnable_or_host());
    }
  }
}

// Finishing what has begun before starting more keeps few stacks live, and those in cache.
bool Scheduler::prefers_start() {
  if (started_ == total_) return false;
  return runnable_.empty() || (random_ && (generator_() & 1));
}

void Scheduler::run_next_thread() {
  current_ = order_[started_++];
  Thread& thread = threads_[current_];
  thread.fiber = fiber_;
  thread.state = State::runnable;
  threadIdx = thread.index;
  running_ = true;
  kernel_.invoke(kernel_.arguments);
  running_ = false;
  threads_[current_].state = State::done;
  ++finished_;
}

Fiber& Scheduler::take_idle() {
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&worker_entry, options().stack_bytes, unsigned(fibers_.size())));
    return *fibers_.back();
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return *fiber;
}

Fiber& Scheduler::take_runnable_or_host() {
  if (runnable_.empty()) return host_;
  if (random_) std::swap(runnable_.back(), runnable_[generator_() % runnable_.size()]);
  const unsigned thread = runnable_.back();
  runnable_.pop_back();
  return *threads_[thread].fiber;
}

void Scheduler::switch_to(Fiber& target) {
  if (&target == fiber_) return;
  Fiber& self = *fiber_;
  fiber_ = &target;
  Fiber::switch_to(self, target);
}

void Scheduler::suspend() {
  const unsigned self = current_;
  switch_to(prefers_start() ? take_idle() : take_runnable_or_host());
  current_ = self;
  threadIdx = threads_[self].index;
}

void Scheduler::make_runnable(unsigned thread) {
  threads_[thread].state = State::runnable;
  if (thread != current_) runnable_.push_back(thread);
}

// The thread that completes a collective: it just goes on, but in random order it may have to wait.
void Scheduler::pass_or_yield() {
  if (!random_) return;
  runnable_.push_back(current_);
  suspend();
}

void Scheduler::leave() {
  switch_to(host_);
  std::abort();
}

Position Scheduler::position() const {
  if (!running_) return {};
  return {.running = true,
          .launch = launch_,
          .block = block_,
          .thread = current_,
          .epoch = epoch_,
          .warp_clock = warps_[current_ / 32].clock,
          .dynamic_shared = dynamic_.get(),
          .dynamic_shared_bytes = shape_.shared_bytes,
          .arguments = static_cast<const std::byte*>(kernel_.arguments),
          .argument_bytes = kernel_.argument_bytes};
}

}  // namespace heartbeat::simt
