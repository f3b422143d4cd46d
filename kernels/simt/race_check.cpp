// The check build: bounds, races and uninitialised shared memory. Its kernels are compiled with -fsanitize=thread, so
// that the compiler calls __tsan_read4(address) and the like before every access, and linked without that library: the
// functions below are the callees. This file itself is not instrumented.
#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <unordered_map>
#include <vector>

#include "kernels/simt/engine.h"
#include "kernels/simt/fiber.h"
#include "kernels/simt/heap.h"

namespace heartbeat::simt {
namespace {

struct Access {
  std::uint32_t block = 0, thread = 0, epoch = 0, warp_clock = 0;
  std::uint8_t bytes = 0;  // which of the granule's four; 0: no access recorded
  bool atomic = false;
  const void* code = nullptr;
};

struct Granule {  // four bytes of memory
  std::uint64_t launch = 0;
  std::uint32_t block = 0;         // shared memory: whose contents these are
  std::uint8_t initialised = 0;    // bytes of shared memory that this block has written
  Access write, read, other_read;  // the latest; reads by two different threads
};

Granule& granule(std::uintptr_t address) {
  using Page = std::array<Granule, 1024>;
  static std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages;
  static std::uintptr_t cached_key = 0;
  static Page* cached = nullptr;
  const std::uintptr_t key = address >> 12;
  if (key != cached_key || !cached) {
    auto& slot = pages[key];
    if (!slot) slot = std::make_unique<Page>();
    cached_key = key;
    cached = slot.get();
  }
  return (*cached)[address >> 2 & 1023];
}

enum class Space { local, shared, global, constant, foreign };

// Kernels cannot name a host's variables, so writable static storage that they touch is static __shared__.
Space of_program(std::uintptr_t address) {
  struct Range {
    std::uintptr_t begin, end;
    bool writable;
  };
  static const std::vector<Range> ranges = [] {
    std::vector<Range> found;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* to) {
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& p = info->dlpi_phdr[i];
            const std::uintptr_t begin = info->dlpi_addr + p.p_vaddr;
            if (p.p_type == PT_LOAD)
              static_cast<std::vector<Range>*>(to)->push_back({begin, begin + p.p_memsz, (p.p_flags & PF_W) != 0});
          }
          return 0;
        },
        &found);
    return found;
  }();
  for (const Range& range : ranges)
    if (address >= range.begin && address < range.end) return range.writable ? Space::shared : Space::constant;
  return Space::foreign;
}

Space classify(const void* address, std::size_t bytes, const Position& at) {
  if (Fiber::owns(address)) return Space::local;
  if (heap().contains(address)) return Space::global;
  const auto* p = static_cast<const std::byte*>(address);
  const auto inside = [&](const void* begin, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(begin);
    return first && p >= first && p + bytes <= first + size;
  };
  if (inside(at.dynamic_shared, at.dynamic_shared_bytes)) return Space::shared;
  if (inside(at.arguments, at.argument_bytes)) return Space::constant;
  for (const void* builtin :
       {(const void*)&threadIdx, (const void*)&blockIdx, (const void*)&blockDim, (const void*)&gridDim})
    if (inside(builtin, sizeof(uint3))) return Space::constant;
  return of_program(reinterpret_cast<std::uintptr_t>(address));
}

std::string line_of(const void* code) {
  Dl_info info{};
  if (!dladdr(code, &info) || !info.dli_fname) return "?";
  char command[512], line[512] = "?";
  std::snprintf(command, sizeof command, "addr2line -e '%s' %#zx", info.dli_fname,
                reinterpret_cast<std::size_t>(code) - reinterpret_cast<std::size_t>(info.dli_fbase) - 1);
  if (std::FILE* pipe = popen(command, "r")) {
    if (!std::fgets(line, sizeof line, pipe)) line[0] = '?';
    pclose(pipe);
  }
  std::string text(line);
  text.erase(std::min(text.find_first_of(" \n"), text.size()));  // a discriminator may follow
  return text.substr(text.find_last_of('/') + 1);
}

std::string describe(const char* verb, const Access& a) {
  return std::string(a.atomic ? "atomic " : "") + verb + " by block " + std::to_string(a.block) + " thread " +
         std::to_string(a.thread) + " at " + line_of(a.code);
}

// Without vector clocks: a block barrier, or a full-warp barrier within a warp, lies between the two.
bool ordered(const Access& before, const Access& now) {
  if (before.block != now.block) return false;
  if (before.thread == now.thread || before.epoch != now.epoch) return true;
  return before.thread / 32 == now.thread / 32 && before.warp_clock != now.warp_clock;
}

// Looks at the part of the access that lies in one granule and records it. Returns what is wrong, or nothing.
std::string check_granule(Granule& cell, Space space, const Position& at, const Access& now, bool is_write) {
  if (cell.launch != at.launch || (space == Space::shared && cell.block != at.block))
    cell = {at.launch, at.block, 0, {}, {}, {}};
  const char* verb = is_write ? "write" : "read";
  if (space == Space::shared && (!is_write || now.atomic) && (cell.initialised & now.bytes) != now.bytes)
    return "uninitialised shared memory, " + describe("read", now);
  const auto conflicts = [&](const Access& before) {
    return (before.bytes & now.bytes) && !(before.atomic && now.atomic) && !ordered(before, now);
  };
  if (conflicts(cell.write)) return "race, " + describe(verb, now) + " against " + describe("write", cell.write);
  if (!is_write) {
    if (cell.read.bytes && (cell.read.thread != now.thread || cell.read.block != now.block))
      cell.other_read = cell.read;
    cell.read = now;
    return {};
  }
  for (const Access* read : {&cell.read, &cell.other_read})
    if (conflicts(*read)) return "race, " + describe(verb, now) + " against " + describe("read", *read);
  cell.write = now;
  cell.initialised |= now.bytes;
  return {};
}

std::string find_fault(const void* address, std::size_t bytes, std::size_t alignment, bool is_write, bool is_atomic,
                       const void* code, const Position& at) {
  const Space space = classify(address, bytes, at);
  if (space == Space::local || space == Space::constant) return {};
  Access now{at.block, at.thread, at.epoch, at.warp_clock, 0, is_atomic, code};
  const char* verb = is_write ? "write" : "read";
  if (space == Space::foreign) return "not device memory, " + describe(verb, now);
  if (space == Space::global && !heap().is_allocated(address, bytes))
    return "outside any device allocation, " + describe(verb, now);
  const auto begin = reinterpret_cast<std::uintptr_t>(address);
  if (begin % alignment) return "misaligned, " + describe(verb, now);
  for (std::uintptr_t p = begin & ~std::uintptr_t{3}; p < begin + bytes; p += 4) {
    const unsigned low = p < begin ? unsigned(begin - p) : 0;
    const unsigned high = p + 4 > begin + bytes ? unsigned(begin + bytes - p) : 4;
    now.bytes = std::uint8_t(((1u << high) - 1) & ~((1u << low) - 1));
    std::string fault = check_granule(granule(p), space, at, now, is_write);
    if (!fault.empty()) return fault;
  }
  return {};
}

// Returns whether there was a fault; no string is alive then, see leave().
bool blamed(const void* address, std::size_t bytes, std::size_t alignment, bool is_write, bool is_atomic,
            const void* code) {
  static bool busy = false;  // our own strings may be instrumented copies, too
  if (busy) return false;
  const Position at = position();
  if (!at.running) return false;
  busy = true;
  std::string fault = find_fault(address, bytes, alignment, is_write, is_atomic, code, at);
  const bool found = !fault.empty();
  if (found) blame(std::move(fault) + ", " + std::to_string(bytes) + " byte(s)");
  busy = false;
  return found;
}

// Accesses that the compiler knows to be less aligned (parts of a struct) come with alignment 1.
void check(const void* address, std::size_t bytes, std::size_t alignment, bool is_write, const void* code,
           bool is_atomic = false) {
  if (blamed(address, bytes, alignment, is_write, is_atomic, code)) leave();
}

}  // namespace

void note_atomic(const void* address, std::size_t bytes, const void* code) {
  check(address, bytes, bytes, true, code, true);
}

}  // namespace heartbeat::simt

#define CALLBACK(NAME, SIZE, ALIGNMENT, IS_WRITE)                                      \
  void NAME(void* p) {                                                                 \
    heartbeat::simt::check(p, SIZE, ALIGNMENT, IS_WRITE, __builtin_return_address(0)); \
  }
#define CALLBACKS(N)                              \
  CALLBACK(__tsan_read##N, N, N, false)           \
  CALLBACK(__tsan_write##N, N, N, true)           \
  CALLBACK(__tsan_unaligned_read##N, N, 1, false) \
  CALLBACK(__tsan_unaligned_write##N, N, 1, true)
extern "C" {
CALLBACKS(1)
CALLBACKS(2)
CALLBACKS(4)
CALLBACKS(8)
CALLBACKS(16)
void __tsan_read_range(void* p, std::size_t n) {
  heartbeat::simt::check(p, n, 1, false, __builtin_return_address(0));
}
void __tsan_write_range(void* p, std::size_t n) {
  heartbeat::simt::check(p, n, 1, true, __builtin_return_address(0));
}
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  return __builtin_memcpy(to, from, n);
}
void* __tsan_memset(void* to, int value, std::size_t n) {
  return __builtin_memset(to, value, n);
}
}
