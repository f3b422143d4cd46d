#pragma once

namespace heartbeat {
inline constexpr const char* kVersion = "0.1.0";
}
