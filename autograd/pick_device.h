// From the word of a user to a device.
#pragma once

#include <string>

#include "kernels/common/base.h"

namespace heartbeat {

// "cpu", "cuda", or "auto": a GPU where one works. The emulator is never chosen by itself. UserError with one sentence
// where cuda is asked for and there is none, the driver is too old, or the build does not fit.
Device pick_device(const std::string& name);

}  // namespace heartbeat
