// Checkpoints are safetensors files, as PyTorch's tools read and write them: u64 length of the header, a JSON header
// with names, shapes and offsets, then the data. f32 and f64.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "nn/module.h"

namespace heartbeat::nn {

using Metadata = std::map<std::string, std::string>;  // values may be JSON of their own: step, epoch, seed, config

struct Checkpoint {
  std::string name;  // for error sentences: the path
  Parameters tensors;
  Metadata metadata;

  const Tensor* find(const std::string& tensor) const;  // null when absent
};

// Writes a temporary file beside the target, syncs it and renames it: the target is the old file or the whole new one,
// whatever happens. Throws UserError (disk full, no permission, a name twice); the temporary file is gone then.
void save_checkpoint(const std::filesystem::path& path, const Parameters& tensors, const Metadata& metadata = {});

// Throws UserError with one sentence for a file that is missing, cut off or damaged.
Checkpoint read_checkpoint(const std::filesystem::path& path);

// Copies the values of all parameters; other tensors of the checkpoint are left out. f64 is rounded to f32 where the
// model is f32. Throws UserError when a tensor is missing or has another shape, and then has changed nothing.
void load_into(const Parameters& parameters, const Checkpoint& checkpoint);
void load_into(const Parameters& parameters, const std::filesystem::path& path);

}  // namespace heartbeat::nn
