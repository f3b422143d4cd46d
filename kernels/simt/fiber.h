// A stackful coroutine: the execution context of emulated GPU threads.
#pragma once

#include <cstddef>

namespace heartbeat::simt {

class Fiber {
 public:
  using Entry = void (*)();  // must never return

  Fiber();                                                       // adopts the calling OS thread
  Fiber(Entry entry, std::size_t stack_bytes, unsigned colour);  // colour staggers stack tops
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void reset();                                   // forgets the suspended call chain, starts over
  static void switch_to(Fiber& from, Fiber& to);  // returns when something switches back
  static void on_first_entry();                   // first statement of every Entry

  // Whether the address lies on a fiber's stack, which makes it a local variable of a kernel.
  static bool owns(const void* address) noexcept;

 private:
  void* context_ = nullptr;     // saved stack pointer, or a ucontext_t
  std::byte* stack_ = nullptr;  // lowest usable address
  std::size_t stack_bytes_ = 0;
  unsigned colour_ = 0;
  Entry entry_ = nullptr;
  void* asan_fake_stack_ = nullptr;
};

}  // namespace heartbeat::simt
