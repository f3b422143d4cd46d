// Runs every specimen and writes what the doctor says to it: recall on broken runs, false alarms on healthy ones.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "nn/watch.h"
#include "tools/common/clock.h"
#include "tools/common/program.h"
#include "tools/doctor/doctor.h"
#include "tools/specimens/specimens.h"

using namespace heartbeat;

namespace {

struct Options {
  std::string chapter, only = "*", keep;
  long seeds = 3;
};

struct Case {
  const Specimen* specimen;
  std::vector<std::vector<AlertRow>> alerts;  // by seed
};

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& n : names) text += (text.empty() ? "" : " ") + n;
  return text.empty() ? "-" : text;
}

std::set<std::string> rules_of(const std::vector<std::vector<AlertRow>>& alerts, bool with_information) {
  std::set<std::string> rules;
  for (const auto& of_seed : alerts)
    for (const AlertRow& a : of_seed)
      if (with_information || a.severity != "I") rules.insert(a.rule);
  return rules;
}

std::string table(const std::vector<Case>& cases, long seeds) {
  Rules rules = all_rules();
  std::sort(rules.begin(), rules.end(), [](auto& a, auto& b) { return std::string_view(a->spec().id) < b->spec().id; });
  long healthy = 0;
  for (const Case& c : cases) healthy += c.specimen->rules.empty() ? seeds : 0;
  std::string text = seeds == 1 ? "One seed, 17.\n\n" : fmt::format("{} seeds, from 17 on.\n\n", seeds);
  text += "| rule | says | | after | broken run | recall | false alarms |\n|---|---|---|---|---|---|---|\n";
  for (const auto& rule : rules) {
    const std::string id = rule->spec().id;
    std::string runs;
    long answers = 0, asked = 0, false_alarms = 0;
    for (const Case& c : cases) {
      const bool wanted = std::count(c.specimen->rules.begin(), c.specimen->rules.end(), id) > 0;
      for (const auto& alerts : c.alerts) {
        asked += wanted;
        answers += wanted && answered(alerts, id);
        false_alarms += c.specimen->rules.empty() && answered(serious(alerts), id);
      }
      if (wanted)
        runs += (runs.empty() ? "" : "; ") + c.specimen->name +
                (c.specimen->preset.empty() ? "" : " `" + c.specimen->preset + "`");
    }
    text += fmt::format("| {} | {} | {} | {} | {} | {}/{} | {}/{} |\n", id, rule->spec().condition,
                        letter_of(rule->spec().severity), rule->spec().patience, runs.empty() ? "none" : runs, answers,
                        asked, false_alarms, healthy);
  }
  text += "\n| preset of `--break` | must answer | also answered |\n|---|---|---|\n";
  for (const Case& c : cases) {
    if (c.specimen->preset.empty()) continue;
    const std::set<std::string> must(c.specimen->rules.begin(), c.specimen->rules.end());
    std::set<std::string> also = rules_of(c.alerts, true);
    for (const std::string& m : must) also.erase(m);
    text += fmt::format("| {} `{}` | {} | {} |\n", c.specimen->name.substr(0, c.specimen->name.find(',')),
                        c.specimen->preset, joined(must), joined(also));
  }
  text += "\n| healthy run | above information | information |\n|---|---|---|\n";
  for (const Case& c : cases) {
    if (!c.specimen->rules.empty()) continue;
    const std::set<std::string> alarms = rules_of(c.alerts, false);
    std::set<std::string> rest = rules_of(c.alerts, true);
    for (const std::string& a : alarms) rest.erase(a);
    text += fmt::format("| {} | {} | {} |\n", c.specimen->name, joined(alarms), joined(rest));
  }
  return text;
}

void write_between_markers(const std::string& path, const std::string& text) {
  std::ifstream in(path);
  std::stringstream all;
  all << in.rdbuf();
  const std::string chapter = all.str(), begin = "<!-- doctor_table -->\n", end = "<!-- /doctor_table -->";
  const std::size_t from = chapter.find(begin), to = chapter.find(end);
  if (from == std::string::npos || to == std::string::npos)
    throw UserError(path + " has no place for the table, between " + begin.substr(0, begin.size() - 1) + " and " + end);
  std::ofstream(path) << chapter.substr(0, from) + begin + text + chapter.substr(to);
}

int run(const Options& o) {
  namespace fs = std::filesystem;
  const fs::path scratch =
      o.keep.empty() ? fs::temp_directory_path() / fmt::format("doctor_table.{}", getpid()) : fs::path(o.keep);
  fs::create_directories(scratch);
  std::vector<Case> cases;
  bool all_right = true;
  for (const Specimen& s : specimens()) {
    if (!nn::matches_any(o.only, s.name + (s.preset.empty() ? "" : " " + s.preset))) continue;
    Case c{&s, {}};
    const auto start = Clock::now();
    std::set<std::string> wrong;
    for (long seed = 17; seed < 17 + o.seeds; ++seed) {
      c.alerts.push_back(s.run((scratch / fmt::format("{}-{}", cases.size(), seed)).string(), std::uint64_t(seed)));
      for (const std::string& rule : s.rules)
        if (!answered(c.alerts.back(), rule)) wrong.insert(fmt::format("{} is silent ({})", rule, seed));
      if (s.rules.empty())
        for (const AlertRow& a : serious(c.alerts.back())) wrong.insert(fmt::format("({}) {}", seed, alert_line(a)));
    }
    fmt::print("{:5.1f} s  {}{}: {}\n", seconds_since(start), s.name, s.preset.empty() ? "" : " " + s.preset,
               joined(rules_of(c.alerts, true)));
    for (const std::string& w : wrong) fmt::print("    {}\n", w);
    std::fflush(stdout);
    all_right = all_right && wrong.empty();
    cases.push_back(std::move(c));
  }
  if (o.keep.empty()) fs::remove_all(scratch);
  const std::string text = table(cases, o.seeds);
  if (o.chapter.empty())
    fmt::print("\n{}", text);
  else
    write_between_markers(o.chapter, text);
  return all_right ? kDone : kFailed;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("doctor_table", [&] {
    Options o;
    CLI::App app{
        "Trains short runs that are broken on purpose, and healthy ones, and tables what the doctor says to them:\n\n"
        "  doctor_table --chapter tools/doctor/doctor.md\n"};
    app.add_option("--chapter", o.chapter, "write the tables into this file, between its markers");
    app.add_option("--seeds", o.seeds, "runs of each kind")->capture_default_str()->check(CLI::Range(1L, 100L));
    app.add_option("--only", o.only, "runs whose name matches this pattern")->capture_default_str();
    app.add_option("--keep", o.keep, "leave the runs in this folder");
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& e) {
      return app.exit(e);
    }
    return run(o);
  });
}
