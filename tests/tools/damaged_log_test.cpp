// Logs that come from anywhere, through everything that reads them.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>

#include "kernels/common/error.h"
#include "tests/support/dumped.h"
#include "tests/support/fake_run.h"
#include "tests/support/runs.h"
#include "tools/doctor/replay.h"
#include "tools/log/compact.h"
#include "tools/plot/plot.h"
#include "tools/report/comparison.h"
#include "tools/report/report.h"
#include "tools/report/side_by_side.h"
#include "tools/serve/live_run.h"
#include "tools/top/screen.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

// What each subcommand does with a run, as text where there is any.
using Reader = std::string (*)(const std::string& run);
const std::pair<const char*, Reader> kReaders[] = {
    {"dump", [](const std::string& run) { return dumped(run, {.with_times = true}) + dumped(run, {.csv = true}); }},
    {"top",
     [](const std::string& run) {
       const RunPulse pulse(run);
       TopView view;
       top_screen(pulse, view, {80, 24}, 0);
       return top_line(pulse);
     }},
    {"serve",
     [](const std::string& run) {
       LiveRun live(run);
       const std::string state = live.state(), levels = live.levels(false);
       return state + levels + live.histograms(true, {{0, Quantity::gradient}, {3, Quantity::update}});
     }},
    {"plot", [](const std::string& run) { return plot(RunReader(run), {.tensor = "pair.conv.weight"}, true); }},
    {"report", [](const std::string& run) { return report_html(RunReader(run)); }},
    {"doctor",
     [](const std::string& run) {
       const RunReader reader(run);
       Doctor doctor;
       replay(reader, doctor);
       return alerts_json(reader, doctor);
     }},
    {"diff",
     [](const std::string& run) {
       std::vector<RunReader> two;
       two.emplace_back(run), two.emplace_back(run + "/../run");
       return comparison_text(two, compare(two[0], two[1])) + side_by_side_html(two, {.title = "two"});
     }},
    {"compact",
     [](const std::string& run) {
       compact(run, 2);
       return std::string();
     }},
};

// A reader answers, or says a sentence: never a crash, never a hang, nothing else thrown. What a reader shows of a log
// that dumps as it did before is what it showed before.
struct Readers {
  explicit Readers(const std::string& good) {
    for (const auto& [name, read] : kReaders)
      if (name != std::string("compact")) answers[name] = answer(name, good).value_or("none");
  }
  void expect_sense(const std::string& run) {
    bool same = false;
    for (const auto& [name, read] : kReaders) {  // the dump is the first
      const auto said = answer(name, run);
      (said ? answered : refused) += 1;
      same = same || (name == std::string("dump") && said == answers[name]);
      if (same && name != std::string("serve") && name != std::string("compact")) {
        EXPECT_EQ(said, answers[name]) << name;
      }
    }
  }
  std::optional<std::string> answer(const std::string& name, const std::string& run) {
    const auto* reader =
        std::find_if(std::begin(kReaders), std::end(kReaders), [&](auto& r) { return r.first == name; });
    try {
      std::string text = reader->second(run);
      for (size_t at = 0; (at = text.find(run, at)) != std::string::npos;) text.replace(at, run.size(), "RUN");
      return text;
    } catch (const UserError& e) {
      const std::string sentence = e.what();
      EXPECT_GT(sentence.size(), 20u) << name;
      EXPECT_EQ(sentence.find('\n'), std::string::npos) << name << ": " << sentence;
    } catch (const std::exception& e) {
      ADD_FAILURE() << name << " throws what is no sentence to its user: " << e.what();
    }
    return std::nullopt;
  }
  std::map<std::string, std::string> answers;
  int answered = 0, refused = 0;
};

void put_bytes(const std::string& run, const std::string& bytes) {
  std::filesystem::create_directory(run);
  for (const char* more : {"/run.db-wal", "/run.db-shm", "/run.db-journal"}) std::filesystem::remove(run + more);
  std::ofstream(run + "/run.db", std::ios::binary) << bytes;
}

TEST(DamagedLog, BytesThatChanged) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 6, .blocks = 0});
  const std::string good = read_bytes(scratch / "run/run.db");
  Readers readers(scratch / "run");
  std::mt19937_64 engine(11);
  for (int round = 0; round < 90; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::string bytes = good;
    if (round % 3 == 0) bytes.resize(engine() % bytes.size());
    for (unsigned flips = 1 + engine() % 20; flips-- > 0 && !bytes.empty();)
      bytes[engine() % (round % 2 ? bytes.size() : std::min<std::size_t>(bytes.size(), 8192))] ^=
          char(1 << engine() % 8);
    put_bytes(scratch / "bad", bytes);
    readers.expect_sense(scratch / "bad");
  }
  EXPECT_GT(readers.refused, 100);
  EXPECT_GT(readers.answered, 100);
}

// A sound file, but one value in it is not what a run writes.
TEST(DamagedLog, ValuesThatNoRunWrites) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 6, .blocks = 0});
  const std::string good = read_bytes(scratch / "run/run.db");
  std::vector<std::pair<std::string, std::string>> columns;
  {
    sqlite::Database db(scratch / "run/run.db", SQLITE_OPEN_READONLY);
    sqlite::Statement s(db, "SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c");
    while (s.step()) columns.emplace_back(s.text(0), s.text(1));
  }
  ASSERT_GT(columns.size(), 50u);
  const std::string values[] = {"NULL",
                                "-1",
                                "9223372036854775807",
                                "-9223372036854775808",
                                "1e308",
                                "-0.5",
                                "0",
                                "'text'",
                                "x'80'",
                                "x'ffffffffffffffffff01'",
                                "''",
                                "'[1e999, {}]'",
                                "1000000"};
  Readers readers(scratch / "run");
  std::mt19937_64 engine(12);
  for (const auto& [table, column] : columns)
    for (int pick = 0; pick < 2; ++pick) {
      const std::string& value = values[engine() % std::size(values)];
      const std::string rowid = table == "meta" ? "key" : "rowid",
                        rows = table == "meta" ? "'config'"
                                               : "(SELECT rowid FROM " + table + " ORDER BY rowid LIMIT 1 OFFSET " +
                                                     std::to_string(engine() % 4) + ")";
      const std::string change =
          "UPDATE " + table + " SET \"" + column + "\" = " + value + (pick ? " WHERE " + rowid + " = " + rows : "");
      SCOPED_TRACE(change);
      put_bytes(scratch / "bad", good);
      try {
        sqlite::Database(scratch / "bad/run.db", SQLITE_OPEN_READWRITE).execute(change);
      } catch (const sqlite::Error&) {
        continue;  // a key that has to be unique, or a number
      }
      readers.expect_sense(scratch / "bad");
    }
  EXPECT_GT(readers.refused, 50);
  EXPECT_GT(readers.answered, 200);
}

// The programs themselves: one sentence and exit code 2, or an answer.
TEST(DamagedLog, ProgramsEndWithASentence) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 6, .blocks = 0});
  const std::string good = read_bytes(scratch / "run/run.db"), bad = scratch / "bad";
  std::mt19937_64 engine(13);
  int refused = 0;
  for (int round = 0; round < 8; ++round) {
    std::string bytes = good;
    if (round % 2) bytes.resize(engine() % bytes.size());
    for (int flips = 0; flips < 12 && !bytes.empty(); ++flips)
      bytes[engine() % bytes.size()] ^= char(1 << engine() % 8);
    for (const std::string& command :
         {"report " + bad + " -o " + (scratch / "page.html"), "dump " + bad, "doctor " + bad, "top --once " + bad,
          "diff " + (scratch / "run") + " " + bad, "compact " + bad}) {
      SCOPED_TRACE(command + ", round " + std::to_string(round));
      put_bytes(bad, bytes);
      const Outcome outcome = run_command("heartbeat " + command);
      if (outcome.code == 2) {
        ++refused;
        expect_one_sentence("heartbeat", outcome, 2, "");
      } else {
        const bool verdict = command.starts_with("doctor") && outcome.code >= 10 && outcome.code <= 12;
        EXPECT_TRUE(outcome.code == 0 || verdict) << outcome.code << outcome.err;
      }
    }
  }
  EXPECT_GT(refused, 6);
}

// No run, an empty one, one of a newer program, one without a step: through every door.
TEST(DamagedLog, WhatIsNoRunYetOrNoneAtAll) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "good", {.steps = 3, .blocks = 0});
  write_fake_run(scratch / "newer", {.steps = 3, .blocks = 0});
  sqlite::Database(scratch / "newer/run.db", SQLITE_OPEN_READWRITE)
      .execute("UPDATE meta SET value = '99' WHERE key = 'format_version'");
  std::filesystem::create_directory(scratch / "empty");
  std::ofstream(scratch / "file") << "x";
  RunLog(scratch / "young", {}, log_only()).close();
  for (const auto& [place, part] : {std::pair{"nothing", "there is no run directory"},
                                    {"empty", "it holds no run.db"},
                                    {"file", "is not a run directory"},
                                    {"newer", "has format 99, this program reads up to 1; use a newer heartbeat"},
                                    {"young", "has not finished its first step"}})
    for (const std::string command : {"report", "dump", "doctor", "top --once", "serve --address 127.0.0.1:0",
                                      "compact", "diff", "gallery", "plot --tensor embedding.weight"}) {
      const bool young = place == std::string("young");
      if (young && (command.starts_with("serve") || command.starts_with("top") || command == "compact")) continue;
      SCOPED_TRACE(command + " " + place);
      const std::string more = command == "diff"             ? " " + (scratch / "good")
                               : command == "gallery"        ? " -o " + (scratch / "page.html")
                               : command.starts_with("plot") ? " -o " + (scratch / "picture.svg")
                                                             : "";
      expect_one_sentence("heartbeat", run_command("heartbeat " + command + " " + (scratch / place) + more), 2, part);
    }
  // A run without steps is no mistake for those who wait for them.
  const Outcome top = run_command("heartbeat top --once " + (scratch / "young"));
  EXPECT_EQ(top.code, 0) << top.err;
  EXPECT_EQ(run_command("heartbeat compact " + (scratch / "young")).code, 0);
}

}  // namespace
}  // namespace heartbeat
