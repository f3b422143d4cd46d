// Streams of the emulator: operations wait until somebody synchronises. A forgotten synchronisation is then always
// wrong instead of sometimes.
#pragma once

#include <functional>

#include "kernels/common/base.h"

namespace heartbeat::simt {

void enqueue(Cuda stream, std::function<void()> operation);  // the default stream (null) runs it at once

}  // namespace heartbeat::simt
