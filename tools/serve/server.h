// The report of a run, live: a page by HTTP that follows the log. Read-only, no files, this machine alone unless asked
// otherwise.
//
//   /                         the page
//   /events                   server-sent events: {"version", "step"} whenever the log has grown
//   /state.json               curves, alerts, notes, which tensors and maps there are
//   /histograms.json?of=3.1   counts of tensors: number.quantity, separated by commas; &range=recent: the last steps
//   /levels.json              norms and mean magnitudes of all columns
//   /picture?id=7             samples of an image
//
// Requests under a foreign host name or from another site's page are refused: a page elsewhere must not read runs.
#pragma once

#include <memory>
#include <string>

namespace heartbeat {

inline constexpr const char* kServeAddress = "127.0.0.1:8117";

class RunServer {
 public:
  // Listens from now on. address: "ADDRESS:PORT", "PORT" or empty for kServeAddress; port 0 is any free one. UserError
  // where that cannot be.
  explicit RunServer(const std::string& address);
  ~RunServer();  // ends all connections
  RunServer(const RunServer&) = delete;

  void start(const std::string& directory);  // once; answers in threads of its own
  std::string url() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// `heartbeat serve`: until Ctrl-C.
void serve_run(const std::string& directory, const std::string& address);

}  // namespace heartbeat
