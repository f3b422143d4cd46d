// What threads wait for together: block barriers and warp operations, and the sentences that say who waits for whom.
#include <bit>
#include <cstdio>
#include <cstring>
#include <map>

#include "kernels/simt/scheduler.h"

namespace heartbeat::simt {
namespace {

bool same(const Site& a, const Site& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

std::string text(const Site& site) {
  const std::string_view file = site.file;
  return std::string(file.substr(file.find_last_of('/') + 1)) + ':' + std::to_string(site.line);
}
std::string text(const uint3& i) {
  return '(' + std::to_string(i.x) + ',' + std::to_string(i.y) + ',' + std::to_string(i.z) + ')';
}
std::string hex(std::uint32_t value) {
  char out[16];
  std::snprintf(out, sizeof out, "0x%x", value);
  return out;
}

}  // namespace

// While the scheduler works, memory accesses are not the kernel's: the linker may have given us instrumented copies of
// library functions.
int block_barrier(Vote vote, int predicate, Site site) {
  scheduler().set_running(false);
  const int result = scheduler().barrier(vote, predicate, site);
  scheduler().set_running(true);
  return result;
}
std::uint64_t warp_exchange(const Exchange& request) {
  scheduler().set_running(false);
  const std::uint64_t result = scheduler().exchange(request);
  scheduler().set_running(true);
  return result;
}

int Scheduler::barrier(Vote vote, int predicate, const Site& site) {
  Thread& self = threads_[current_];
  if (arrived_ == 0) {
    barrier_site_ = site;
    votes_ = 0;
  } else if (!same(site, barrier_site_)) {
    failure_ = "divergent __syncthreads: thread " + text(self.index) + " is at " + text(site) + " while " +
               std::to_string(arrived_) + " thread(s) wait at " + text(barrier_site_);
    leave();
  }
  votes_ += predicate != 0;
  self.state = State::at_barrier;
  self.exchange.site = site;
  if (++arrived_ < total_) {
    suspend();
  } else {
    vote_result_ = vote == Vote::count ? votes_ : vote == Vote::all ? votes_ == int(arrived_) : votes_ != 0;
    ++epoch_;
    arrived_ = 0;
    for (unsigned t = 0; t < total_; ++t) make_runnable(t);
    pass_or_yield();
  }
  return vote_result_;
}

std::uint64_t Scheduler::exchange(const Exchange& request) {
  Thread& self = threads_[current_];
  Warp& warp = warps_[current_ / 32];
  const unsigned first = current_ / 32 * 32, lane = current_ % 32;
  if (!(request.mask >> lane & 1)) {
    failure_ = "warp operation at " + text(request.site) + ": lane " + std::to_string(lane) +
               " is not in its own mask " + hex(request.mask);
    leave();
  }
  if (request.mask & ~warp.existing) {
    failure_ = "warp operation at " + text(request.site) + ": mask " + hex(request.mask) +
               " names lanes that do not exist in a block of " + std::to_string(total_) + " threads";
    leave();
  }
  self.exchange = request;
  self.state = State::at_warp;
  warp.waiting |= 1u << lane;
  if ((warp.waiting & request.mask) == request.mask) {
    complete(warp, first, request.mask);
    pass_or_yield();
  } else {
    suspend();
  }
  return self.result;
}

void Scheduler::complete(Warp& warp, unsigned first, std::uint32_t mask) {
  const Exchange& mine = threads_[current_].exchange;
  const auto for_lanes = [mask](auto f) {
    for (std::uint32_t rest = mask; rest; rest &= rest - 1) f(unsigned(std::countr_zero(rest)));
  };
  std::uint32_t ballot = 0;
  void* payloads[32] = {};
  for_lanes([&](unsigned lane) {
    const Exchange& other = threads_[first + lane].exchange;
    if (other.kind != mine.kind || other.mask != mask || !same(other.site, mine.site)) {
      failure_ = "mismatched warp operations: " + where(current_) + "; " + where(first + lane);
      leave();
    }
    if (other.payload != 0) ballot |= 1u << lane;
    payloads[lane] = reinterpret_cast<void*>(other.payload);
  });
  for_lanes([&](unsigned lane) {
    Thread& thread = threads_[first + lane];
    const unsigned source = thread.exchange.source_lane;
    if (mine.kind == Collective::ballot) thread.result = ballot;
    if (mine.kind != Collective::shuffle) return;
    if (source > 31 || !(mask >> source & 1)) {
      failure_ = "shuffle at " + text(mine.site) + ": lane " + std::to_string(lane) + " reads lane " +
                 std::to_string(source) + ", which is not in mask " + hex(mask);
      leave();
    }
    thread.result = threads_[first + source].exchange.payload;
  });
  if (mine.kind == Collective::together) mine.together(payloads);
  warp.waiting &= ~mask;
  if (mine.kind == Collective::sync && mask == warp.existing) ++warp.clock;
  for_lanes([&](unsigned lane) { make_runnable(first + lane); });
}

std::string Scheduler::where(unsigned thread) const {
  const Thread& t = threads_[thread];
  const std::string out = "thread " + text(t.index) + " (lane " + std::to_string(thread % 32) + ')';
  switch (t.state) {
    case State::done:
      return out + " has returned";
    case State::at_barrier:
      return out + " waits in __syncthreads at " + text(t.exchange.site);
    case State::at_warp:
      return out + " waits in a warp operation with mask " + hex(t.exchange.mask) + " at " + text(t.exchange.site);
    default:
      return out + " runs";
  }
}

std::string Scheduler::describe_deadlock() const {
  std::map<std::tuple<State, unsigned, std::uint32_t>, std::vector<unsigned>> groups;
  for (unsigned t = 0; t < total_; ++t) {
    const Thread& thread = threads_[t];
    const unsigned line = thread.state == State::done ? 0 : thread.exchange.site.line;
    groups[{thread.state, line, thread.state == State::at_warp ? thread.exchange.mask : 0}].push_back(t);
  }
  std::string out = "deadlock:";
  for (const auto& [key, members] : groups)
    out += "\n    " + std::to_string(members.size()) + " thread(s), first: " + where(members.front());
  return out;
}

}  // namespace heartbeat::simt
