#pragma once

#include <string>

namespace heartbeat {

// The content of a file, plain or .gz, told by content. Throws UserError where it is missing, or ends too early.
std::string read_whole_file(const std::string& path);

}  // namespace heartbeat
