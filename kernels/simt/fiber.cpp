#include "kernels/simt/fiber.h"

#include <pthread.h>
#include <sys/mman.h>

#include <new>

#include "kernels/simt/sanitizers.h"

#if HEARTBEAT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// Two ways to change stacks: sixteen instructions (2 ns), or ucontext (200 ns: it asks the kernel for the signal mask)
// on processors for which nobody has written them. HEARTBEAT_UCONTEXT asks for the second.
#if defined(__x86_64__) && !defined(HEARTBEAT_UCONTEXT)
#define HEARTBEAT_OWN_SWITCH 1
extern "C" void heartbeat_switch_context(void** save_stack_pointer, void* load_stack_pointer);
// Saves the six callee-saved registers of the System V ABI; pop and jmp instead of ret spare the return-address
// predictor.
asm(R"(
.text
.globl heartbeat_switch_context
.type heartbeat_switch_context, @function
heartbeat_switch_context:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    popq %rcx
    jmpq *%rcx
.size heartbeat_switch_context, . - heartbeat_switch_context
)");
#else
#include <ucontext.h>
#endif

namespace heartbeat::simt {
namespace {

constexpr std::size_t kPage = 4096;

// All stacks come from one reserved region, so that owns() is two comparisons.
struct StackRegion {
  static constexpr std::size_t kCapacity = std::size_t{16} << 30;  // of addresses, not of memory
  std::byte* base = nullptr;
  std::size_t used = 0;

  StackRegion() {
    void* p = mmap(nullptr, kCapacity, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc{};
    base = static_cast<std::byte*>(p);
  }
  std::byte* take(std::size_t bytes) {  // a guard page below every stack
    std::byte* guard = base + used;
    if (used + bytes + kPage > kCapacity || mprotect(guard + kPage, bytes, PROT_READ | PROT_WRITE) != 0)
      throw std::bad_alloc{};
    used += bytes + kPage;
    return guard + kPage;
  }
};

StackRegion& region() {
  static StackRegion* instance = new StackRegion;  // outlives every other static
  return *instance;
}

std::size_t whole_pages(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

Fiber::Fiber() {
#if HEARTBEAT_ASAN
  pthread_attr_t attributes;
  pthread_getattr_np(pthread_self(), &attributes);
  void* bottom = nullptr;
  pthread_attr_getstack(&attributes, &bottom, &stack_bytes_);
  pthread_attr_destroy(&attributes);
  stack_ = static_cast<std::byte*>(bottom);
#endif
#if !HEARTBEAT_OWN_SWITCH
  context_ = new ucontext_t;
#endif
}

Fiber::Fiber(Entry entry, std::size_t stack_bytes, unsigned colour)
    : stack_(region().take(whole_pages(stack_bytes))),
      stack_bytes_(whole_pages(stack_bytes)),
      colour_(colour),
      entry_(entry) {
#if !HEARTBEAT_OWN_SWITCH
  context_ = new ucontext_t;
#endif
  reset();
}

Fiber::~Fiber() {
  if (entry_) madvise(stack_, stack_bytes_, MADV_DONTNEED);
#if !HEARTBEAT_OWN_SWITCH
  delete static_cast<ucontext_t*>(context_);
#endif
}

void Fiber::reset() {
#if HEARTBEAT_ASAN
  __asan_unpoison_memory_region(stack_, stack_bytes_);  // a half-run kernel left its red zones behind
#endif
  asan_fake_stack_ = nullptr;
#if HEARTBEAT_OWN_SWITCH
  // Without the stagger every stack top maps onto the same sets of L1.
  auto** top = reinterpret_cast<void**>(stack_ + stack_bytes_ - colour_ % 32 * 128);
  *--top = nullptr;  // return address of entry_: ends backtraces, keeps the ABI's alignment
  *--top = reinterpret_cast<void*>(entry_);
  for (int saved_register = 0; saved_register < 6; ++saved_register) *--top = nullptr;
  context_ = top;
#else
  auto* context = static_cast<ucontext_t*>(context_);
  getcontext(context);
  context->uc_stack.ss_sp = stack_;
  context->uc_stack.ss_size = stack_bytes_;
  context->uc_link = nullptr;
  makecontext(context, entry_, 0);
#endif
}

void Fiber::switch_to(Fiber& from, Fiber& to) {
#if HEARTBEAT_ASAN
  __sanitizer_start_switch_fiber(&from.asan_fake_stack_, to.stack_, to.stack_bytes_);
#endif
#if HEARTBEAT_OWN_SWITCH
  heartbeat_switch_context(&from.context_, to.context_);
#else
  swapcontext(static_cast<ucontext_t*>(from.context_), static_cast<ucontext_t*>(to.context_));
#endif
#if HEARTBEAT_ASAN
  __sanitizer_finish_switch_fiber(from.asan_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::on_first_entry() {
#if HEARTBEAT_ASAN
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

bool Fiber::owns(const void* address) noexcept {
  const auto* p = static_cast<const std::byte*>(address);
  return p >= region().base && p < region().base + StackRegion::kCapacity;
}

}  // namespace heartbeat::simt
