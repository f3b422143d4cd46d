// What every trainer can be told: where its run goes, and how it is watched.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "tools/doctor/live_options.h"
#include "tools/train/breakage.h"

namespace CLI {
class App;
}

namespace heartbeat {

struct RunOptions {
  std::string run_dir, device = "auto";  // once parsed, cpu or cuda
  std::string graph = "auto";            // replay recorded steps: auto, on or off
  std::string precision = "f32";         // f32, tf32 or bf16, see autograd/precision.h
  std::string precision_note;            // what that means on the device, for the plan; empty for f32
  std::string watch = "all", watch_filter = "*", tensorboard = "on";
  long watch_every = 1;
  std::uint64_t seed = 17;
  bool resume = false, quiet = false;
  std::string serve = "off";  // ADDRESS:PORT of the live page; empty: the usual one
  LiveDoctorOptions doctor;
  std::string ablate;          // modules, with commas between
  long watch_activations = 0;  // steps between looks at the activations; 0: none
  long probe = 0;              // steps between probes; 0: none
  // Checks in place of a training.
  long overfit_batch = 0, verify = 0;  // steps; 0: no such check
  bool gradcheck = false;
  Breakage breakage;     // of --break; nothing is broken unless asked for
  std::string resolved;  // every option as TOML, for the run log
};

// --run-dir and, in the group "Run", --device, --graph, --precision, --seed, --resume, --quiet and --break with the
// trainer's table.
void add_run_options(CLI::App& app, RunOptions& options, std::span<const Breakage> table);
// In the group "Checks": --overfit-batch, --gradcheck and --verify. In the group "Heartbeat": --watch, --watch-filter,
// --watch-every, --watch-activations, --tensorboard and --serve; in the group "Doctor": --doctor, --silence, --limit,
// --on-warning, --on-error and --on-fatal.
void add_watch_options(CLI::App& app, RunOptions& options);

// Reads --config and the flags that win over it, answers --help (throws CLI::Success), refuses unknown flags (CLI11's
// exceptions) and values of the options above that make no sense (UserError). A breakage changes the options that
// nobody has given.
void parse_options(CLI::App& app, int argc, char** argv, RunOptions& options, std::span<const Breakage> table);

// Why these options, once parsed, leave no step to be recorded (--graph): one sentence without a full stop; empty where
// they do. With --graph on that is refused by parse_options().
std::string reason_against_graphs(const RunOptions& options);

// Throw UserError with one sentence unless the number is positive, or not negative; NaN is neither.
void expect_positive(double value, const char* flag);
void expect_not_negative(double value, const char* flag);

}  // namespace heartbeat
