// The ways in which train_mnist can be made to fail, see tools/train/breakage.h.
#pragma once

#include <span>

#include "tools/train/breakage.h"

namespace heartbeat {

std::span<const Breakage> digit_breakages();

}  // namespace heartbeat
