// --serve: the live page of a run, beside its training. It reads the log as any other program would.
#pragma once

#include <optional>

#include "tools/serve/server.h"
#include "tools/train/run_options.h"

namespace heartbeat {

class Serving {
 public:
  // Does nothing unless --serve was given. UserError where the port is taken: before the run has started.
  explicit Serving(const RunOptions& options);
  void start();  // once the log is there; says where the page is

 private:
  std::string directory_;
  std::optional<RunServer> server_;
};

}  // namespace heartbeat
