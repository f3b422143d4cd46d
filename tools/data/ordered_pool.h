// Work on many threads, results in order on one.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace heartbeat {

// Calls work(n) for n = 0 .. count - 1 on `threads` threads (0: one for each core) and take(result) in the order of n
// on the calling thread. When stop() turns true no new n begins; those begun are finished and taken. The first
// exception of work or take ends everything and is thrown here.
template <class Result>
void run_ordered(long count, int threads, const std::function<Result(long)>& work,
                 const std::function<void(Result)>& take, const std::function<bool()>& stop) {
  if (threads <= 0) threads = int(std::max(1u, std::thread::hardware_concurrency()));
  const long ahead = 16L * threads;  // results that may wait for a slow one before them
  std::mutex mutex;
  std::condition_variable changed;
  std::map<long, Result> done;
  std::exception_ptr error;
  long next = 0, taken = 0, running = 0;

  const auto run = [&] {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return error || next >= count || next < taken + ahead || stop(); });
      if (error || next >= count || stop()) return;
      const long n = next++;
      ++running;
      lock.unlock();
      std::exception_ptr failure;
      std::optional<Result> result;
      try {
        result.emplace(work(n));
      } catch (...) {
        failure = std::current_exception();
      }
      lock.lock();
      --running;
      if (failure && !error) error = failure;
      if (result) done.emplace(n, std::move(*result));
      changed.notify_all();
    }
  };

  std::vector<std::jthread> pool;
  for (int t = 0; t < threads; ++t) pool.emplace_back(run);
  std::unique_lock lock(mutex);
  while (!error && taken < count) {
    // The time limit is for stop(): a signal handler cannot notify.
    changed.wait_for(lock, std::chrono::milliseconds(200), [&] { return error || done.count(taken) > 0; });
    if (error) break;
    const auto ready = done.find(taken);
    if (ready == done.end()) {
      if (stop() && running == 0) break;
      continue;
    }
    Result result = std::move(ready->second);
    done.erase(ready);
    ++taken;
    lock.unlock();
    try {
      take(std::move(result));
    } catch (...) {
      lock.lock();
      error = std::current_exception();
      break;
    }
    lock.lock();
    changed.notify_all();
  }
  changed.notify_all();
  lock.unlock();
  pool.clear();  // joins
  if (error) std::rethrow_exception(error);
}

}  // namespace heartbeat
