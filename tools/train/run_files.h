// What a trainer keeps in its run directory: run.db (tools/log), last.safetensors to continue from, best.safetensors.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "nn/checkpoint.h"
#include "tools/log/run_log.h"
#include "tools/train/run_options.h"

namespace heartbeat {

// Throws UserError where --run-dir holds a run that --resume was not asked for, or none where it was: before a trainer
// reads its data or writes anything.
void expect_startable(const RunOptions& options);

// Starts the log of a run, or continues it after last_step where options.resume says so. total_steps: 0 when unknown.
RunLog open_run_log(const RunOptions& options, const std::string& program, long total_steps, long last_step,
                    const RunLog::Meta& more = {});

// Prints what is broken on purpose and where to look, and notes it in the log of a run that starts; nothing otherwise.
void announce_breakage(const RunOptions& options, RunLog& log);

std::filesystem::path last_checkpoint(const RunOptions& options);
std::filesystem::path best_checkpoint(const RunOptions& options);

// The precision of a run stands in the metadata of its checkpoints, unless it is f32; their tensors are f32 in any
// case.
inline constexpr const char* kPrecisionKey = "precision";
nn::Metadata with_precision(nn::Metadata metadata, const RunOptions& options);

// last.safetensors: the tensors, what model they belong to, and where the training stands. The seed and the
// name of the breakage are added to the state. Flushes the log first, so that it never lags behind the checkpoint: rows
// of later steps give way on --resume.
void save_training(const RunOptions& options, RunLog& log, const nn::Parameters& tensors, const std::string& model,
                   nlohmann::json state);

struct SavedTraining {
  nn::Checkpoint file;
  nlohmann::json state;
};
// What save_training has written. Throws UserError with one sentence where it is missing or damaged, or belongs to
// another model, seed, precision or breakage than asked for.
SavedTraining read_training(const RunOptions& options, const std::string& model);

}  // namespace heartbeat
