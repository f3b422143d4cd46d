#include "tools/train/serving.h"

#include <fmt/format.h>

#include <cstdio>

namespace heartbeat {

Serving::Serving(const RunOptions& options) : directory_(options.run_dir) {
  if (options.serve != "off") server_.emplace(options.serve);
}

void Serving::start() {
  if (!server_) return;
  server_->start(directory_);
  fmt::print("{} shows this run while it trains\n", server_->url());
  std::fflush(stdout);
}

}  // namespace heartbeat
