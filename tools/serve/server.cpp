#include "tools/serve/server.h"

#include <fmt/format.h>
#include <httplib.h>

#include <charconv>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "kernels/common/error.h"
#include "tools/common/program.h"
#include "tools/report/report.h"
#include "tools/serve/live_run.h"

namespace heartbeat {

struct ServePlace {
  std::string host;
  int port;
};

namespace {

using namespace std::chrono_literals;

constexpr int kListeners = 12, kThreads = 20;  // open pages, and threads for all requests
constexpr std::chrono::milliseconds kLook = 250ms, kKeepAlive = 10s, kFarewell = 1s;

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// "host:port", "[v6]:port", "host" or "port". The port is -1 where there is none.
std::optional<ServePlace> parse_place(std::string text) {
  ServePlace place{text, -1};
  const std::size_t colon = text.rfind(':');
  const bool only_digits = text.find_first_not_of("0123456789") == std::string::npos;
  std::string port;
  if (only_digits)
    place.host.clear(), port = text;
  else if (colon != std::string::npos && (text[0] != '[' || text[colon - 1] == ']'))
    place.host = text.substr(0, colon), port = text.substr(colon + 1);
  if (!port.empty()) {
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), place.port);
    if (failed != std::errc() || end != port.data() + port.size() || place.port < 0 || place.port > 65535) return {};
  }
  if (place.host.size() > 1 && place.host.front() == '[' && place.host.back() == ']')
    place.host = place.host.substr(1, place.host.size() - 2);
  return place;
}

// A name that a foreign page has pointed at this machine is no address and not localhost. The port may be another where
// ssh forwards it.
bool known_host(const std::string& header) {
  const auto place = parse_place(header);
  return place && (place->host == "localhost" || is_address(place->host));
}

const char* refusal(const httplib::Request& request) {
  if (request.method != "GET" && request.method != "HEAD") return "This server only answers GET.";
  const std::string host = request.get_header_value("Host"), origin = request.get_header_value("Origin");
  if (!known_host(host)) return "Ask for this page by its address, or as localhost.";
  if (!origin.empty() && origin != "http://" + host) return "Another site must not read this run.";
  const std::string site = request.get_header_value("Sec-Fetch-Site");
  if ((site == "cross-site" || site == "same-site") && request.get_header_value("Sec-Fetch-Mode") != "navigate")
    return "Another site must not read this run.";
  return nullptr;
}

// "3.1,4.1": numbers of tensors and quantities.
bool parse_keys(const std::string& text, std::vector<std::pair<int, Quantity>>& keys) {
  const char *at = text.data(), *end = at + text.size();
  while (at < end && keys.size() < 1000) {
    int tensor = 0, quantity = 0;
    const auto [dot, no_tensor] = std::from_chars(at, end, tensor);
    if (no_tensor != std::errc() || dot == end || *dot != '.') return false;
    const auto [comma, no_quantity] = std::from_chars(dot + 1, end, quantity);
    if (no_quantity != std::errc() || quantity < 0 || quantity >= kQuantities) return false;
    if (comma != end && *comma != ',') return false;
    keys.push_back({tensor, Quantity(quantity)});
    at = comma + (comma != end);
  }
  return true;
}

}  // namespace

struct RunServer::Parts {
  httplib::Server http;
  ServePlace place;
  std::thread answers, looks;
  std::mutex mutex;
  std::condition_variable grown;
  std::optional<LiveRun> run;
  bool stopping = false;
  int listeners = 0;
  std::string trouble;

  void look() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      grown.wait_for(lock, kLook);
      if (!stopping) refresh();
    }
  }

  void refresh() {
    const std::string before = trouble;
    bool fresh = false;
    try {
      fresh = run->refresh();
      trouble.clear();
    } catch (const std::exception& e) {
      trouble = e.what();
    }
    if (fresh || trouble != before) grown.notify_all();
  }

  // Waits for news since version and sends them; false when the page has gone or the server ends.
  bool send_news(httplib::DataSink& sink, long& seen, std::string& told) {
    std::unique_lock lock(mutex);
    const bool news =
        grown.wait_for(lock, kKeepAlive, [&] { return stopping || run->version() != seen || trouble != told; });
    if (stopping) return false;
    std::string text = ": still here\n\n";
    if (news && trouble != told) {
      told = trouble;
      text = "event: trouble\ndata: " + Json(trouble).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
    } else if (news) {
      seen = run->version();
      text = fmt::format("data: {{\"version\":{}}}\n\n", seen);
    }
    lock.unlock();
    return sink.write(text.data(), text.size());
  }

  void add_routes() {
    http.set_pre_routing_handler([](const httplib::Request& request, httplib::Response& response) {
      response.set_header("X-Content-Type-Options", "nosniff");
      response.set_header("Cross-Origin-Resource-Policy", "same-origin");
      response.set_header("X-Frame-Options", "DENY");
      response.set_header("Cache-Control", "no-store");
      const char* why = refusal(request);
      if (!why) return httplib::Server::HandlerResponse::Unhandled;
      response.status = request.method == "GET" || request.method == "HEAD" ? 403 : 405;
      response.set_content(std::string(why) + "\n", "text/plain");
      return httplib::Server::HandlerResponse::Handled;
    });
    const auto json = [this](const char* path, auto answer) {
      http.Get(path, [this, answer](const httplib::Request& request, httplib::Response& response) {
        const std::lock_guard lock(mutex);
        response.set_content(answer(request), "application/json");
      });
    };
    const auto recent = [](const httplib::Request& r) { return r.get_param_value("range") == "recent"; };
    http.Get("/", [this](const httplib::Request&, httplib::Response& response) {
      const std::lock_guard lock(mutex);
      response.set_content(live_html(run->name(), run->state()), "text/html; charset=utf-8");
    });
    json("/state\\.json", [this](const httplib::Request&) { return run->state(); });
    json("/levels\\.json", [this, recent](const httplib::Request& r) { return run->levels(recent(r)); });
    http.Get("/histograms\\.json", [this, recent](const httplib::Request& request, httplib::Response& response) {
      std::vector<std::pair<int, Quantity>> keys;
      if (!parse_keys(request.get_param_value("of"), keys)) {
        response.status = 400;
        return response.set_content("of=3.1,4.1: numbers of tensors and quantities\n", "text/plain");
      }
      const std::lock_guard lock(mutex);
      response.set_content(run->histograms(recent(request), keys), "application/json");
    });
    http.Get("/picture", [this](const httplib::Request& request, httplib::Response& response) {
      const std::string id = request.get_param_value("id");
      long number = -1;
      std::from_chars(id.data(), id.data() + id.size(), number);
      std::string samples;
      const std::lock_guard lock(mutex);
      if (run->picture(number, samples))
        response.set_content(samples, "application/octet-stream");
      else
        response.status = 404;
    });
    http.Get("/events", [this](const httplib::Request&, httplib::Response& response) {
      {
        const std::lock_guard lock(mutex);
        if (listeners >= kListeners) {
          response.status = 503;
          return response.set_content("Too many pages follow this run; close one.\n", "text/plain");
        }
        ++listeners;
      }
      response.set_chunked_content_provider(
          "text/event-stream",
          [this, seen = -1L, told = std::string()](std::size_t, httplib::DataSink& sink) mutable {
            return send_news(sink, seen, told);
          },
          [this](bool) {
            const std::lock_guard lock(mutex);
            --listeners;
          });
    });
    http.set_error_handler([](const httplib::Request&, httplib::Response& response) {
      if (response.body.empty()) response.set_content("There is nothing here.\n", "text/plain");
    });
  }
};

RunServer::RunServer(const std::string& address) : parts_(std::make_unique<Parts>()) {
  const auto given = parse_place(address.empty() ? kServeAddress : address);
  const auto usual = parse_place(kServeAddress);
  if (!given || (!given->host.empty() && given->host != "localhost" && !is_address(given->host)))
    throw UserError(
        fmt::format("'{}' is no address to serve at; write ADDRESS:PORT, as in {}", address, kServeAddress));
  ServePlace& place = parts_->place = *given;
  if (place.host.empty()) place.host = usual->host;
  if (place.port < 0) place.port = usual->port;
  // httplib's own options would let a second server share the port.
  parts_->http.set_socket_options([](socket_t socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  parts_->http.set_tcp_nodelay(true);
  parts_->http.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  if (place.port == 0)
    place.port = parts_->http.bind_to_any_port(place.host);
  else if (!parts_->http.bind_to_port(place.host, place.port))
    place.port = -1;
  if (place.port <= 0)
    throw UserError(
        fmt::format("cannot serve at {}: the port is in use or the address is not this machine's; choose "
                    "another ADDRESS:PORT",
                    address.empty() ? kServeAddress : address));
}

RunServer::~RunServer() {
  {
    std::unique_lock lock(parts_->mutex);
    if (parts_->run && parts_->listeners > 0) {  // the last words of a trainer, and time to fetch what they announce
      parts_->refresh();
      lock.unlock();
      std::this_thread::sleep_for(kFarewell);
      lock.lock();
    }
    parts_->stopping = true;
  }
  parts_->grown.notify_all();
  parts_->http.stop();
  for (std::thread* thread : {&parts_->looks, &parts_->answers})
    if (thread->joinable()) thread->join();
}

void RunServer::start(const std::string& directory) {
  Parts& p = *parts_;
  p.run.emplace(directory);
  p.add_routes();
  p.answers = std::thread([&p] { p.http.listen_after_bind(); });
  p.looks = std::thread([&p] { p.look(); });
  while (!p.http.is_running()) std::this_thread::sleep_for(1ms);  // stop() would miss it
}

std::string RunServer::url() const {
  const bool v6 = parts_->place.host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(v6 ? "http://[{}]:{}" : "http://{}:{}"), parts_->place.host, parts_->place.port);
}

void serve_run(const std::string& directory, const std::string& address) {
  catch_interrupts();
  RunServer server(address);
  server.start(directory);
  fmt::print("{} shows {} live; Ctrl-C ends it\n", server.url(), directory);
  std::fflush(stdout);
  while (!interrupted()) std::this_thread::sleep_for(100ms);
}

}  // namespace heartbeat
