// Runs the threads of one block at a time. A fiber is a worker: it takes the next unstarted CUDA thread and runs it to
// the end; only a CUDA thread that blocks makes the scheduler wake another fiber. Kernels without barriers therefore
// use one fiber and never switch.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "kernels/simt/engine.h"
#include "kernels/simt/fiber.h"

namespace heartbeat::simt {

class Scheduler {
 public:
  void run(const Kernel& kernel, const LaunchShape& shape);

  int barrier(Vote vote, int predicate, const Site& site);
  std::uint64_t exchange(const Exchange& request);
  void blame(std::string what) { failure_ = std::move(what); }
  [[noreturn]] void leave();

  void set_running(bool on) { running_ = on; }
  unsigned current() const { return current_; }
  std::byte* dynamic_shared() { return dynamic_.get(); }
  Position position() const;

 private:
  enum class State : std::uint8_t { unstarted, runnable, at_barrier, at_warp, done };
  struct Thread {
    uint3 index{};
    Fiber* fiber = nullptr;
    State state = State::unstarted;
    Exchange exchange{};  // what the thread waits with; the site also serves barriers
    std::uint64_t result = 0;
  };
  struct Warp {
    std::uint32_t existing = 0;  // lanes
    std::uint32_t waiting = 0;   // lanes blocked in a collective
    std::uint32_t clock = 0;     // completed full-warp __syncwarp calls
  };

  void prepare(const Kernel& kernel, const LaunchShape& shape);
  void run_block(unsigned linear);
  static void worker_entry();
  bool prefers_start();
  void run_next_thread();
  Fiber& take_idle();
  Fiber& take_runnable_or_host();
  void switch_to(Fiber& target);
  void suspend();
  void make_runnable(unsigned thread);
  void pass_or_yield();
  void complete(Warp& warp, unsigned first, std::uint32_t mask);
  void abandon_block();
  std::string describe_deadlock() const;
  std::string where(unsigned thread) const;

  Kernel kernel_{};
  LaunchShape shape_{};
  std::uint64_t launch_ = 0;
  bool random_ = false;
  std::mt19937_64 generator_;

  unsigned total_ = 0, block_ = 0, current_ = 0, started_ = 0, finished_ = 0, epoch_ = 0;
  bool running_ = false;  // a kernel's own code is
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<unsigned> order_;
  std::vector<unsigned> runnable_;  // last in, first out: the order reverses at every barrier, which shows races

  unsigned arrived_ = 0;
  int votes_ = 0, vote_result_ = 0;
  Site barrier_site_;

  std::unique_ptr<std::byte[]> dynamic_;
  Fiber host_;
  Fiber* fiber_ = &host_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::string failure_;
};

Scheduler& scheduler();

}  // namespace heartbeat::simt
