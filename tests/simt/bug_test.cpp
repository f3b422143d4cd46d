// A test of the tester: kernels with one deliberate bug each, and which build has to notice it. Every bug is found by
// at least one of the three; a build has a test for each bug that is its to notice, and none for the others.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "kernels/simt/engine.h"
#include "kernels/simt/sanitizers.h"
#include "tests/simt/buggy.h"
#include "tests/support/on_device.h"

namespace heartbeat {
namespace {

using testing::OnDevice;

constexpr long kN = 64;
constexpr int kNothing = 0, kFinding = 3, kWrongResult = 4;  // exit codes

enum class Build { fast, asan, check };
#if HEARTBEAT_ASAN
constexpr Build kBuild = Build::asan;
#elif defined(HEARTBEAT_SIMT_CHECK)
constexpr Build kBuild = Build::check;
#else
constexpr Build kBuild = Build::fast;
#endif

struct Bug {
  const char* name;
  std::function<void(Cuda, float* y, const float* x, const float* host)> run;
  std::function<float(int)> want;   // y without the bug; none: the bug must be noticed in another way
  const char *fast, *asan, *check;  // what the output says; "wrong" for a wrong result, null: not asked
};

void PrintTo(const Bug& bug, std::ostream* out) {
  *out << bug.name;
}

const std::vector<Bug>& bugs() {
  using namespace buggy;
  const auto one = [](int) { return 1.0f; };
  const char *crash = "signal", *sanitizer = "AddressSanitizer", *runtime = "AddressSanitizer|runtime error";
  static const std::vector<Bug> list = {
      {"global_overrun", [](Cuda c, float* y, auto...) { global_overrun(c, y, kN); }, one, crash, sanitizer,
       "outside any device allocation, write .* at buggy.cu:"},
      {"use_after_release",
       [](Cuda c, float*, auto...) {
         float* dead = OnDevice<float>(c, kN).data();
         global_overrun(c, dead, kN - 1);
       },
       one, crash, sanitizer, "outside any device allocation"},
      {"shared_overrun", [](Cuda c, float* y, auto...) { shared_overrun(c, y); },
       [](int i) { return i == 0 ? 0.0f : float(i - 1); }, nullptr, runtime, nullptr},
      {"dynamic_shared_overrun", [](Cuda c, float* y, auto...) { dynamic_shared_overrun(c, y); }, one, nullptr,
       sanitizer, "not device memory"},
      {"missing_barrier", [](Cuda c, float* y, const float* x, auto) { missing_barrier(c, y, x); },
       [](int i) { return float(63 - i); }, "wrong", "wrong", "uninitialised shared memory|race"},
      {"missing_second_barrier", [](Cuda c, float* y, const float* x, auto) { missing_second_barrier(c, y, x); },
       [](int i) { return float((i + 33) % 64 * 4 + 6); }, "wrong", "wrong", "race, .* against "},
      {"divergent_barrier", [](Cuda c, float* y, auto...) { divergent_barrier(c, y); }, nullptr,
       "deadlock:.*32 thread.* waits in __syncthreads at buggy.cu:.*has returned.*; launched with .2, 32.", "deadlock",
       "deadlock"},
      {"two_barriers", [](Cuda c, float* y, auto...) { two_barriers(c, y); }, one, "divergent __syncthreads: thread",
       "divergent __syncthreads", "divergent __syncthreads"},
      {"wrong_mask", [](Cuda c, float* y, auto...) { wrong_mask(c, y); }, nullptr, "deadlock", "deadlock", "deadlock"},
      {"foreign_lane", [](Cuda c, float* y, auto...) { foreign_lane(c, y); }, nullptr,
       "lane 0 reads lane 20, which is not in mask 0xffff", "reads lane 20", "reads lane 20"},
      {"partial_warp", [](Cuda c, float* y, auto...) { partial_warp(c, y); }, nullptr, "names lanes that do not exist",
       "names lanes that do not exist", "names lanes that do not exist"},
      {"uninitialised_shared", [](Cuda c, float* y, auto...) { uninitialised_shared(c, y); }, one, nullptr, nullptr,
       "uninitialised shared memory, read by block 0 thread 7 at buggy.cu:"},
      {"uninitialised_dynamic", [](Cuda c, float* y, auto...) { uninitialised_dynamic(c, y); }, one, "wrong", "wrong",
       "uninitialised shared memory, read by block 0 thread 7"},
      {"missing_atomic", [](Cuda c, float* y, auto...) { missing_atomic(c, y); },
       [](int i) { return i == 0 ? 256.0f : 0.0f; }, nullptr, nullptr, "race, "},
      {"missing_shared_atomic", [](Cuda c, float* y, auto...) { missing_shared_atomic(c, y); },
       [](int) { return 64.0f; }, nullptr, nullptr, "race, "},
      {"warp_race", [](Cuda c, float* y, auto...) { warp_race(c, y); }, [](int i) { return float(i ^ 1); }, "wrong",
       "wrong", "uninitialised shared memory|race"},
      {"misaligned", [](Cuda c, float* y, auto...) { misaligned(c, y); }, nullptr, crash, runtime, nullptr},
      {"host_pointer", [](Cuda c, float* y, const float*, const float* host) { host_pointer(c, y, host); },
       [](int i) { return float(i); }, nullptr, nullptr, "not device memory, read"},
      {"host_reads_device", [](Cuda, float* y, auto...) { static_cast<void>(*const_cast<volatile float*>(y)); },
       nullptr, crash, sanitizer, crash},
      {"stack_hog", [](Cuda c, float* y, auto...) { stack_hog(c, y); }, nullptr, crash, sanitizer, crash},
  };
  return list;
}

// In a process of its own: exits with what was noticed.
[[noreturn]] void run_alone(const Bug& bug) {
  std::vector<float> host(kN);
  for (long i = 0; i < kN; ++i) host[i] = float(i);
  const Cuda now{};  // the default stream runs at once
  const OnDevice<float> x(now, host), y(now, std::vector<float>(kN));
  try {
    bug.run(now, y.data(), x.data(), host.data());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    std::_Exit(kFinding);
  }
  const std::vector<float> got = y.host();
  for (int i = 0; bug.want && i < kN; ++i)
    if (!(got[i] == bug.want(i))) {
      std::fprintf(stderr, "wrong result: y[%d] = %g instead of %g\n", i, got[i], bug.want(i));
      std::_Exit(kWrongResult);
    }
  std::_Exit(kNothing);
}

const char* expected_of(const Bug& bug) {
  return kBuild == Build::fast ? bug.fast : kBuild == Build::asan ? bug.asan : bug.check;
}

std::vector<Bug> bugs_of_this_build() {
  std::vector<Bug> asked;
  for (const Bug& bug : bugs())
    if (expected_of(bug)) asked.push_back(bug);
  return asked;
}

class PlantedBug : public ::testing::TestWithParam<Bug> {};

TEST_P(PlantedBug, IsNoticed) {
  const Bug& bug = GetParam();
  const std::string what = expected_of(bug);
  for (std::uint64_t seed : {0, 1}) {
    SCOPED_TRACE(::testing::Message() << "seed " << seed);
    simt::options().seed = seed;
    if (what == "signal")
      EXPECT_EXIT(run_alone(bug), ::testing::KilledBySignal(SIGSEGV), "");
    else if (what == "wrong")
      EXPECT_EXIT(run_alone(bug), ::testing::ExitedWithCode(kWrongResult), "wrong result");
    else if (what.find("Sanitizer") != what.npos)
      EXPECT_EXIT(
          run_alone(bug), [](int status) { return status != 0; }, what);
    else
      EXPECT_EXIT(run_alone(bug), ::testing::ExitedWithCode(kFinding), "_kernel: block.*(" + what + ")");
  }
  simt::options().seed = 0;
}

INSTANTIATE_TEST_SUITE_P(Matrix, PlantedBug, ::testing::ValuesIn(bugs_of_this_build()),
                         [](const auto& p) { return p.param.name; });

TEST(PlantedBugs, ThereAreTwentyAndEachIsNoticedSomewhere) {
  EXPECT_EQ(bugs().size(), 20u);
  for (const Bug& bug : bugs()) EXPECT_TRUE(bug.fast || bug.asan || bug.check) << bug.name;
}

}  // namespace
}  // namespace heartbeat
