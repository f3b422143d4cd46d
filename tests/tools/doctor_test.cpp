// The doctor: patience, evidence, silence, policies; live and later are one; bad logs get a sentence.
#include "tools/doctor/doctor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <random>
#include <set>

#include "tests/support/command.h"
#include "tests/support/fake_run.h"
#include "tests/support/run_facts.h"
#include "tools/common/program.h"
#include "tools/doctor/live.h"
#include "tools/doctor/replay.h"
#include "tools/doctor/windows.h"

namespace heartbeat::doctor_test {
namespace {

using namespace heartbeat::testing;

const std::vector<TensorRow> kTensors = {{"conv1.weight", {8, 8}}, {"conv1.bias", {8}}, {"fc1.weight", {4, 8}}};

// Statistics of as many values as the tensor has, spread around 0.
TensorStats stats(const TensorRow& row, double scale, double special = 0) {
  long n = 1;
  for (const long d : row.shape) n *= d;
  std::vector<double> values;
  for (long k = 0; k < n; ++k) values.push_back(scale * (k % 2 ? 1 : -1) * (1 + 0.1 * double(k % 7)));
  if (special != 0) values[0] = special;
  return stats_of(values);
}

// What a healthy step of that little model looks like; tests change one thing.
struct FakeStep {
  StepRow row;
  Scalars scalars = {{"gradients/global_norm", 1}, {"train/loss", 1}};
  std::vector<TensorStats> parameter, gradient, update;

  explicit FakeStep(long step) {
    row = {.step = step, .epoch = 0, .learning_rates = {0.01}};
    scalars[1].second = 1 / (1 + 0.01 * double(step));
    for (const TensorRow& t : kTensors) {
      parameter.push_back(stats(t, 0.2));
      gradient.push_back(stats(t, 0.01));
      update.push_back(stats(t, 2e-4));
    }
  }
  std::vector<AlertRow> show(Doctor& doctor) const {
    Doctor::Stats all;
    all.of[int(Quantity::parameter)] = &parameter;
    all.of[int(Quantity::gradient)] = &gradient;
    all.of[int(Quantity::update)] = &update;
    return doctor.step(row, scalars, all);
  }
};

Doctor doctor_of(const DoctorOptions& options = {}) {
  Doctor doctor(options);
  doctor.tensors(kTensors);
  return doctor;
}

TEST(Doctor, SaysNothingOfAHealthyRun) {
  Doctor doctor = doctor_of();
  for (long step = 1; step <= 400; ++step) FakeStep(step).show(doctor);
  for (const AlertRow& a : doctor.alerts()) ADD_FAILURE() << alert_line(a);
  EXPECT_EQ(exit_code_of(doctor.alerts()), 0);
  EXPECT_EQ(doctor.steps(), 400);
}

TEST(Doctor, AnAlertCarriesItsEvidence) {
  Doctor doctor = doctor_of();
  FakeStep(1).show(doctor);
  FakeStep bad(2);
  bad.gradient[2] = stats(kTensors[2], 0.01, NAN);
  const auto alerts = bad.show(doctor);
  ASSERT_EQ(alerts.size(), 1u);
  const AlertRow& a = alerts[0];
  EXPECT_EQ(a.rule, "R02");
  EXPECT_EQ(a.severity, "F");
  EXPECT_EQ(a.tensor, "fc1.weight");
  EXPECT_EQ(a.step, 2);
  EXPECT_EQ(a.first_step, 2);
  EXPECT_EQ(a.value, 1);
  EXPECT_EQ(a.limit, 0);
  EXPECT_EQ(a.text, "of the gradients of fc1.weight 1 of 32 are NaN and 0 infinite");
  EXPECT_EQ(exit_code_of(alerts), 12);
  const std::string text = alert_text(a);
  for (const char* part : {"F R02  step 2  fc1.weight", "measured 1 against 0, since step 2", "    - lower --lr",
                           "--silence R02:fc1.weight"})
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
}

TEST(Doctor, WaitsAsLongAsItsPatience) {
  Doctor doctor = doctor_of();
  const auto show = [&](long step, bool dead) {
    FakeStep s(step);
    if (dead) s.gradient[2] = stats_of(std::vector<double>(32, 0.0));
    return s.show(doctor);
  };
  for (long step = 1; step <= 19; ++step) EXPECT_TRUE(show(step, true).empty()) << step;
  EXPECT_TRUE(show(20, false).empty());  // one good step, and the count begins anew
  for (long step = 21; step <= 39; ++step) EXPECT_TRUE(show(step, true).empty()) << step;
  const auto alerts = show(40, true);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "R11");
  EXPECT_EQ(alerts[0].first_step, 21);
  EXPECT_EQ(alerts[0].step, 40);
  for (long step = 41; step <= 90; ++step) EXPECT_TRUE(show(step, true).empty()) << "it has been said";
}

TEST(Doctor, TensorsOfOnePartAreOneAlert) {
  Doctor doctor = doctor_of();
  FakeStep bad(1);
  bad.parameter[0] = stats(kTensors[0], 0.2, INFINITY);
  bad.parameter[1] = stats(kTensors[1], 0.2, INFINITY);
  const auto alerts = bad.show(doctor);
  ASSERT_EQ(alerts.size(), 1u);
  EXPECT_EQ(alerts[0].rule, "R03");
  EXPECT_NE(alerts[0].text.find("(1 more like it, in conv1)"), std::string::npos) << alerts[0].text;
  FakeStep worse(2);
  worse.parameter = {bad.parameter[0], bad.parameter[1], stats(kTensors[2], 0.2, INFINITY)};
  const auto more = worse.show(doctor);
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].tensor, "fc1.weight");  // conv1 is known
}

TEST(Doctor, CanBeSilenced) {
  const auto alerts_with = [](const std::vector<std::string>& silence) {
    Doctor doctor = doctor_of(doctor_options(silence, {}));
    FakeStep bad(1);
    bad.gradient[2] = stats(kTensors[2], 0.01, NAN);
    return bad.show(doctor).size();
  };
  EXPECT_EQ(alerts_with({}), 1u);
  EXPECT_EQ(alerts_with({"R02"}), 0u);
  EXPECT_EQ(alerts_with({"R02:fc1.*"}), 0u);
  EXPECT_EQ(alerts_with({"R02:conv1.*", "R03"}), 1u);
}

TEST(Doctor, LimitsCanBeSetAndMistakesGetASentence) {
  Doctor doctor = doctor_of(doctor_options({}, {"R11.patience=2"}));
  FakeStep s(1);
  s.gradient[2] = stats_of(std::vector<double>(32, 0.0));
  EXPECT_TRUE(s.show(doctor).empty());
  s.row.step = 2;
  EXPECT_EQ(s.show(doctor).size(), 1u);
  for (const char* wrong : {"R16.high", "R16.none=1", "R99.high=1", "R16.high=x", "high=1", "R16.high=1e999", "="})
    EXPECT_THROW(doctor_options({}, {wrong}), UserError) << wrong;
  EXPECT_THROW(doctor_options({"R99"}, {}), UserError);
}

TEST(Doctor, EveryRuleIsDescribed) {
  std::set<std::string> ids;
  for (const auto& rule : all_rules()) {
    const RuleSpec& s = rule->spec();
    SCOPED_TRACE(s.id);
    EXPECT_TRUE(ids.insert(s.id).second);
    EXPECT_GE(s.patience, 1);
    EXPECT_GT(std::string(s.condition).size(), 10u);
    EXPECT_GT(std::string(s.fixes).size(), 10u);
  }
  EXPECT_NE(rules_text().find("R16 W"), std::string::npos);
}

TEST(Doctor, MergedAndThinnedLogsAreRead) {
  Doctor doctor = doctor_of();
  for (long step = 1; step <= 300; ++step) {
    FakeStep s(step);
    if (step % 10)  // as with --watch-every 10
      doctor.step(s.row, s.scalars, {});
    else
      s.show(doctor);
  }
  EXPECT_TRUE(serious(doctor.alerts()).empty());
}

// What a trainer logs, heard by a doctor: some steps, an evaluation, a failure. Returns the alerts.
std::vector<AlertRow> log_a_run(const std::string& directory, const LiveDoctorOptions& options, long steps,
                                long fails_at) {
  RunLogOptions log_options;
  log_options.tensorboard = false;
  RunLog log(directory, fake_meta(), log_options);
  LiveDoctor doctor(options, log);
  std::vector<std::string> said;
  const auto say = [&](const std::string& line) { said.push_back(line); };
  log.tensors(kTensors);
  log.scalar(0, "plan/chance_loss", 0.2);
  log.scalar(0, "plan/class_ratio", 50);
  log.scalar(0, "plan/weighted", 0);
  doctor.attend(0, say);
  for (long step = 1; step <= steps; ++step) {
    FakeStep s(step);
    if (step >= fails_at) s.gradient[0] = stats(kTensors[0], 0.01, NAN), s.scalars[1].second = NAN;
    log.watch(step, Quantity::gradient, s.gradient);
    log.watch(step, Quantity::parameter, s.parameter);
    if (step % 2) log.watch(step, Quantity::update, s.update);
    log.step(s.row);
    for (const auto& [name, value] : s.scalars) log.scalar(step, name, value);
    doctor.attend(step, say);
    if (step % 20 == 0) {
      log.scalar(step, "test/loss", 2 + 0.1 * double(step));
      log.scalar(step, "test/accuracy", 0.1);
      doctor.attend(step, say);
    }
  }
  for (const std::string& line : said) EXPECT_EQ(line.rfind("doctor: ", 0), 0u) << line;
  EXPECT_EQ(said.size(), doctor.alerts().size());
  log.close();
  return doctor.alerts();
}

// NaN equals NaN here.
void expect_equal(const std::vector<AlertRow>& a, const std::vector<AlertRow>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    AlertRow x = a[k], y = b[k];
    const auto same = [](double& p, double& q) {
      EXPECT_TRUE(p == q || (!std::isfinite(p) && !std::isfinite(q))) << p << " and " << q;  // stored as absent
      p = q = 0;
    };
    same(x.value, y.value);
    same(x.limit, y.limit);
    EXPECT_EQ(x, y) << alert_line(x) << "\n" << alert_line(y);
  }
}

TEST(LiveDoctor, LogsWhatTheSameDoctorFindsLater) {
  const ScratchDirectory scratch;
  const auto live = log_a_run(scratch / "run", {}, 120, 90);
  std::set<std::string> rules;
  for (const AlertRow& a : live) rules.insert(a.rule);
  EXPECT_TRUE(rules.count("R24") && rules.count("R43") && rules.count("R01") && rules.count("R02")) << live.size();
  const RunReader run(scratch / "run");
  expect_equal(run.alerts(), live);
  Doctor later;
  replay(run, later);
  expect_equal(later.alerts(), live);
  EXPECT_EQ(later.steps(), 120);
  // The first 60 steps give the first alerts.
  Doctor half;
  replay(run, half, 60);
  EXPECT_EQ(half.steps(), 60);
  expect_equal(half.alerts(), {live.begin(), live.begin() + long(half.alerts().size())});
}

TEST(LiveDoctor, StopsWhereItWasAskedTo) {
  const ScratchDirectory scratch;
  LiveDoctorOptions options;
  options.on_fatal = "stop";
  try {
    log_a_run(scratch / "run", options, 120, 90);
    FAIL() << "nobody stopped";
  } catch (const Stopped& e) {
    EXPECT_EQ(e.kind, Stopped::Kind::saved);
    EXPECT_EQ(e.code, 12);
    EXPECT_NE(std::string(e.what()).find("stopped by the doctor (R02: "), std::string::npos) << e.what();
  }
  EXPECT_EQ(RunReader(scratch / "run").steps().back().step, 90);
  options.on_fatal = "log";
  options.on_warning = "roll-back";
  options.silence = {"R43"};
  try {
    log_a_run(scratch / "other", options, 120, 90);
    FAIL() << "nobody stopped";
  } catch (const Stopped& e) {
    EXPECT_EQ(e.kind, Stopped::Kind::not_saved);
    EXPECT_EQ(e.code, 10);
  }
  options.doctor = "off";
  EXPECT_TRUE(log_a_run(scratch / "unheard", options, 120, 90).empty());
}

TEST(HeartbeatDoctor, ExitsWithTheGravestSeverity) {
  const ScratchDirectory scratch;
  const auto code = [&](const std::string& run, const std::string& flags) {
    return run_command("heartbeat doctor " + (scratch / run) + " " + flags).code;
  };
  log_a_run(scratch / "fatal", {}, 100, 90);
  log_a_run(scratch / "warning", {}, 40, 1000);
  EXPECT_EQ(code("fatal", ""), 12);
  EXPECT_EQ(code("warning", ""), 10);
  EXPECT_EQ(code("warning", "--silence R43 --silence R24"), 0);
  EXPECT_EQ(run_command("heartbeat doctor --silence R43 --silence R24 " + (scratch / "warning")).code, 0);
  const Outcome json = run_command("heartbeat doctor --json " + (scratch / "fatal"));
  EXPECT_EQ(json.code, 12);
  EXPECT_NE(json.out.find("\"rule\": \"R02\""), std::string::npos) << json.out;
  EXPECT_NE(json.out.find("\"exit_code\": 12"), std::string::npos) << json.out;
  EXPECT_EQ(run_command("heartbeat doctor --rules").code, 0);
}

TEST(HeartbeatDoctor, BadInputGetsASentenceAndCode2) {
  const ScratchDirectory scratch;
  log_a_run(scratch / "run", {}, 30, 20);
  const auto expect_mistake = [&](const std::string& arguments, const std::string& part) {
    const Outcome outcome = run_command("heartbeat doctor " + arguments);
    EXPECT_EQ(outcome.code, 2) << arguments << ": " << outcome.out;
    EXPECT_NE(outcome.err.find(part), std::string::npos) << outcome.err;
    EXPECT_EQ(outcome.err.find('\n'), outcome.err.size() - 1) << outcome.err;
  };
  const std::string run = scratch / "run";
  expect_mistake("", "give a run directory");
  expect_mistake(scratch / "none", "there is no run directory");
  expect_mistake(run + "/run.db", "is not a run directory");
  expect_mistake(run + " --silence R99", "there is no such rule");
  expect_mistake(run + " --limit R16=3", "sets no limit of a rule");
  std::filesystem::create_directories(scratch / "empty");
  expect_mistake(scratch / "empty", "holds no run.db");
  { RunLog(scratch / "fresh", fake_meta()).close(); }
  expect_mistake(scratch / "fresh", "has not finished its first step");
  {
    sqlite::Database db(run + "/run.db", SQLITE_OPEN_READWRITE);
    db.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'");
  }
  expect_mistake(run, "use a newer heartbeat");
}

// Whatever the bytes are: an answer, or one UserError.
TEST(HeartbeatDoctor, SurvivesDamage) {
  const ScratchDirectory scratch;
  log_a_run(scratch / "run", {}, 30, 20);
  const std::string path = scratch / "run/run.db", whole = read_bytes(path);
  std::mt19937_64 engine(17);
  long refused = 0, read = 0;
  for (int round = 0; round < 150; ++round) {
    std::string bytes = whole;
    if (round % 5 == 0) {
      bytes.resize(engine() % bytes.size());
    } else {
      for (int k = 0; k < 1 << (round % 6); ++k) bytes[engine() % bytes.size()] ^= char(1 << engine() % 8);
    }
    std::ofstream(path, std::ios::binary) << bytes;
    try {
      const RunReader run(scratch / "run");
      Doctor doctor;
      replay(run, doctor);
      ++read;
    } catch (const UserError& e) {
      EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos);
      ++refused;
    }
  }
  EXPECT_GT(refused, 10);
  EXPECT_GT(read, 0);
}

TEST(Windows, MediansAndSlopes) {
  EXPECT_TRUE(std::isnan(median_of({})));
  EXPECT_EQ(median_of({3, 1, 2}), 2);
  EXPECT_EQ(median_of({4, 1, 2, 3}), 2.5);
  EXPECT_EQ(robust_slope({0, 2, 4, 60, 8, 10}), 2);
  EXPECT_TRUE(std::isnan(robust_slope({1})));
  Window w(3);
  for (double v : {1., 2., 3., 4.}) w.push(v);
  EXPECT_TRUE(w.full());
  EXPECT_EQ(mean_of(w.values()), 3);
  EXPECT_EQ(w.in_order(), (std::vector<double>{2, 3, 4}));
}

}  // namespace
}  // namespace heartbeat::doctor_test
