// Runs CUDA kernels on the host: each CUDA thread is a fiber, so barriers, shuffles and votes block for real.
#pragma once

#include <cstddef>
#include <cstdint>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "kernels/simt/vocabulary.h"

namespace heartbeat::simt {

struct Options {
  std::uint64_t seed = 0;  // 0: threads in their natural order; else starts and resumes in a random one
  std::size_t stack_bytes = std::size_t{64} << 10;
};
Options& options();  // the seed starts as $HEARTBEAT_SIMT_SEED

// A finding: names kernel, block, thread and line.
class KernelError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Names of all kernels launched so far, without namespaces and template arguments.
const std::set<std::string>& launched();

struct LaunchShape {
  dim3 grid, block;
  std::size_t shared_bytes = 0;
};

// Where device code calls a collective. (clang 14 has no std::source_location with this libstdc++.)
struct Site {
  const char* file = "";
  unsigned line = 0;
  static constexpr Site current(const char* file = __builtin_FILE(), unsigned line = __builtin_LINE()) {
    return {file, line};
  }
};

struct Kernel {
  std::string_view name;
  void (*invoke)(const void* arguments);
  const void* arguments;
  std::size_t argument_bytes;
};
void run(const Kernel& kernel, const LaunchShape& shape);

template <auto Function>
constexpr std::string_view name_of() {
  constexpr std::string_view text = __PRETTY_FUNCTION__;
  constexpr auto begin = text.find("Function = ") + 11;
  constexpr auto end = text.find(';', begin);
  return text.substr(begin, (end == text.npos ? text.rfind(']') : end) - begin);
}

template <auto Function, class Bound>
void invoke(const void* bound) {  // one frame between engine and kernel: short backtraces
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    Function(std::get<I>(*static_cast<const Bound*>(bound))...);
  }
  (std::make_index_sequence<std::tuple_size_v<Bound>>{});
}

template <auto Function, class... Parameters, class... Arguments>
void launch(void (*)(Parameters...), const LaunchShape& shape, const Arguments&... arguments) {
  static_assert((std::is_trivially_copyable_v<Parameters> && ...), "kernel parameters are copied bytewise");
  using Bound = std::tuple<Parameters...>;
  const Bound bound{static_cast<Parameters>(arguments)...};
  run({name_of<Function>(), &invoke<Function, Bound>, &bound, sizeof bound}, shape);
}

// What device code blocks on. Called by device_functions.h.
enum class Vote : std::uint8_t { count, all, any };
int block_barrier(Vote vote, int predicate, Site site);

enum class Collective : std::uint8_t { sync, shuffle, ballot, together };
struct Exchange {
  Collective kind = Collective::sync;
  std::uint32_t mask = 0;
  unsigned source_lane = 0;
  std::uint64_t payload = 0;
  void (*together)(void* const* of_lane) = nullptr;  // run once, with the payloads of all 32 lanes as pointers
  Site site = {};
};
std::uint64_t warp_exchange(const Exchange& request);  // returns when every lane of the mask has arrived
unsigned lane() noexcept;
void* dynamic_shared() noexcept;

// Who is executing: what the race checker needs to know.
struct Position {
  bool running = false;  // inside a kernel
  std::uint64_t launch = 0;
  unsigned block = 0, thread = 0;
  unsigned epoch = 0;            // completed block barriers
  std::uint32_t warp_clock = 0;  // completed full-warp barriers of this thread's warp
  const std::byte* dynamic_shared = nullptr;
  std::size_t dynamic_shared_bytes = 0;
  const std::byte* arguments = nullptr;  // the kernel's parameters
  std::size_t argument_bytes = 0;
};
Position position();

// Ends the launch with a finding: blame(), then leave(). No temporaries may be alive at leave(), for nothing on the
// fiber's stack is destroyed any more.
void blame(std::string what);
[[noreturn]] void leave();

}  // namespace heartbeat::simt
