// A progress line for long work: a bar with an ETA on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <chrono>
#include <string>

namespace heartbeat {

class Progress {
 public:
  // total: units of work; 0 when unknown. Nothing is drawn when quiet.
  Progress(std::string title, double total, bool quiet = false);
  ~Progress();  // ends the line

  // done units of total; note is a short text at the end of the line.
  void update(double done, const std::string& note = {});
  // Prints a line above the bar.
  void say(const std::string& line);

 private:
  void draw(double done, const std::string& note);
  std::string title_;
  double total_;
  bool quiet_, terminal_, drawn_ = false;
  std::chrono::steady_clock::time_point start_, last_;
  std::string last_line_;
};

std::string format_seconds(double seconds);  // 1:02:03, 4:05

}  // namespace heartbeat
