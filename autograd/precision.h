// How numbers are stored and multiplied, as a user names it.
#pragma once

#include <string>

#include "kernels/common/base.h"

namespace heartbeat {

// For --help. Parameters, their gradients, optimizer state, logits and losses are f32 in all three.
inline constexpr const char* kPrecisions =
    "f32; tf32: on a GPU, products take tensor cores, which read 11 bits of each f32; bf16: activations and their "
    "gradients are stored in half the memory, arithmetic stays f32";

// Makes products on a GPU tf32 or not, for this process: those of matrices, images, graph and pair convolutions and
// pair initialisation; the triangle's stay f32. A model stores bf16 where its options say so. Returns what the
// precision means on this device, in one sentence; nothing for f32.
std::string use_precision(const std::string& precision, Device device);

}  // namespace heartbeat
