// `heartbeat top`: a run at a glance, over ssh, while it is written.
#pragma once

#include <string>

namespace heartbeat {

struct TopOptions {
  bool once = false;     // one look, then the end
  bool tensors = false;  // a row for each tensor in place of each module
};

// On a terminal a screen until q; elsewhere a line whenever a second brought something new, until the run ends.
// UserError where there is no run.
void show_top(const std::string& directory, const TopOptions& options);

}  // namespace heartbeat
