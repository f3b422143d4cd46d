// What a trainer can be told about its doctor.
#pragma once

#include <string>
#include <vector>

namespace heartbeat {

struct LiveDoctorOptions {
  std::string doctor = "on";
  std::vector<std::string> silence, limits;                            // see DoctorOptions
  std::string on_warning = "log", on_error = "log", on_fatal = "log";  // or pause, stop, roll-back
};

}  // namespace heartbeat
