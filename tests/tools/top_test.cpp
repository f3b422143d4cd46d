#include <gtest/gtest.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>

#include <thread>

#include "kernels/common/error.h"
#include "tests/support/command.h"
#include "tests/support/fake_run.h"
#include "tools/common/clock.h"
#include "tools/top/marks.h"
#include "tools/top/screen.h"

namespace heartbeat {
namespace {

using namespace heartbeat::testing;

std::string text_of(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

long line_with(const std::vector<std::string>& lines, const std::string& part) {
  for (std::size_t k = 0; k < lines.size(); ++k)
    if (lines[k].find(part) != std::string::npos) return long(k);
  return -1;
}

TEST(Top, FitsAnyTerminal) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 60, .blocks = 3});
  {
    RunLog log = RunLog::resume(scratch / "run", 60, log_only());
    for (int k = 0; k < 7; ++k)
      log.alert({"R1" + std::to_string(k), k == 3 ? "E" : "W", "ggn.block0", 50, 55, 1, 2, std::string(200, 'x'), ""});
    log.close();
  }
  const RunPulse pulse(scratch / "run");
  for (int columns = 1; columns <= 130; ++columns)
    for (int rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 24, 60})
      for (bool utf8 : {false, true}) {
        TopView view{.typing = rows == 9, .utf8 = utf8, .colour = utf8};
        const auto lines = top_screen(pulse, view, {columns, rows}, wall_time());
        ASSERT_EQ(int(lines.size()), rows);
        for (const std::string& line : lines)
          ASSERT_LE(top::shown_width(line), columns) << columns << "x" << rows << line;
      }
  TopView view{.utf8 = false, .colour = false};
  const auto large = top_screen(pulse, view, {80, 24}, wall_time());
  EXPECT_NE(large[0].find("step 60"), std::string::npos) << text_of(large);
  EXPECT_GE(line_with(large, "ggn.block0.gru"), 0) << text_of(large);
  EXPECT_GE(line_with(large, "E R13"), 0) << text_of(large);
  EXPECT_GT(line_with(large, "W R16"), line_with(large, "E R13"));
  const auto small = top_screen(pulse, view, {20, 5}, wall_time());
  EXPECT_NE(small[0].find("step 60"), std::string::npos) << text_of(small);
  EXPECT_NE(small[1].find("loss 0."), std::string::npos) << text_of(small);
  EXPECT_NE(text_of(small).find("E R13"), std::string::npos) << text_of(small);
}

// A module's ratio is that of its tensors taken together.
TEST(Top, RatiosAndGradientsOfModules) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", {{"name", "tiny"}}, log_only());
    log.tensors({{"fc.weight", {2}}, {"fc.bias", {1}}, {"other", {1}}});
    log.watch(1, Quantity::parameter,
              {stats_of(std::vector{3.0, 0.0}), stats_of(std::vector{4.0}), stats_of(std::vector{0.0})});
    log.watch(1, Quantity::gradient,
              {stats_of(std::vector{-1.0, 2.0}), stats_of(std::vector{6.0}), stats_of(std::vector{NAN})});
    log.watch(1, Quantity::update,
              {stats_of(std::vector{0.0, 0.003}), stats_of(std::vector{-0.004}), stats_of(std::vector{1.0})});
    log.step({1, 0.5, {0.1}});
    log.note(1, "outcome", "finished");
    log.close();
  }
  const RunPulse modules(scratch / "run"), tensors(scratch / "run", /*per_tensor=*/true);
  ASSERT_EQ(modules.layers().size(), 2u);
  EXPECT_EQ(modules.layers()[0].name, "fc");
  EXPECT_NEAR(modules.layers()[0].ratio, 1e-3, 1e-12);
  EXPECT_NEAR(modules.layers()[0].gradient, 3, 1e-12);
  EXPECT_TRUE(std::isnan(modules.layers()[1].ratio));  // of a parameter that is 0
  EXPECT_EQ(modules.layers()[1].broken, 1u);
  ASSERT_EQ(tensors.layers().size(), 3u);
  EXPECT_NEAR(tensors.layers()[1].ratio, 1e-3, 1e-12);

  TopView view{.order = TopOrder::broken, .utf8 = false, .colour = false};
  auto lines = top_screen(modules, view, {80, 24}, wall_time());
  EXPECT_LT(line_with(lines, "other"), line_with(lines, "fc ")) << text_of(lines);
  EXPECT_NE(lines[line_with(lines, "other")].find("1!"), std::string::npos);
  // The mark of 1e-3 stands in the middle of the band.
  const std::string fc = lines[line_with(lines, "fc ")];
  EXPECT_NEAR(double(fc.find('O')), (double(fc.find('[')) + double(fc.find(']'))) / 2, 0.6) << fc;
  // The column that sorts has the sign, apart from its name.
  const std::string head = lines[line_with(lines, "layer")];
  EXPECT_NE(head.find("broken v"), std::string::npos) << head;
  for (const auto& [order, reverse, text] : {std::tuple{TopOrder::model, false, "layer v "},
                                             {TopOrder::model, true, "layer ^ "},
                                             {TopOrder::ratio, false, " v ratio "},
                                             {TopOrder::gradient, true, " ^ |grad| "}}) {
    TopView other{.order = order, .reverse = reverse, .utf8 = false, .colour = false};
    const auto sorted = top_screen(modules, other, {80, 24}, wall_time());
    EXPECT_NE(sorted[line_with(sorted, "layer")].find(text), std::string::npos) << text_of(sorted);
    EXPECT_EQ(sorted[line_with(sorted, "layer")].size(), 80u);
    other.utf8 = true;
    EXPECT_EQ(top::shown_width(top_screen(modules, other, {80, 24}, wall_time())[line_with(sorted, "layer")]), 80);
  }
  view.filter = "f*";
  lines = top_screen(modules, view, {80, 24}, wall_time());
  EXPECT_EQ(line_with(lines, "other"), -1);
  view.filter = "nothing";
  EXPECT_GE(line_with(top_screen(modules, view, {80, 24}, wall_time()), "no layer has such a name"), 0);
}

TEST(Top, FollowsARunAndItsResume) {
  const ScratchDirectory scratch;
  {
    RunLog log(scratch / "run", fake_meta(), log_only());
    log.flush();
    RunPulse pulse(scratch / "run");
    TopView view{.utf8 = false, .colour = false};
    EXPECT_EQ(pulse.steps(), 0);
    EXPECT_GE(line_with(top_screen(pulse, view, {80, 24}, wall_time()), "waiting for the first step"), 0);
    EXPECT_FALSE(pulse.update());
    write_fake_steps(log, {.steps = 40, .blocks = 0, .stop_after = 20});
    log.flush();
    EXPECT_TRUE(pulse.update());
    EXPECT_EQ(pulse.steps(), 20);
    EXPECT_EQ(pulse.losses().size(), 20u);
    EXPECT_EQ(pulse.layers().size(), 3u);
    EXPECT_EQ(pulse.layers()[0].gradients.size(), 19u);  // the rows of step 20 might not be all
    log.close();

    RunLog second = RunLog::resume(scratch / "run", 12, log_only());
    write_fake_steps(second, {.steps = 40, .blocks = 0, .first_step = 13});
    second.note(40, "outcome", "finished");
    second.close();
    EXPECT_TRUE(pulse.update());
    EXPECT_EQ(pulse.losses().size(), 40u);
    EXPECT_EQ(pulse.outcome(), "finished");
    EXPECT_EQ(pulse.steps(), 40);
    EXPECT_FALSE(pulse.update());
  }
  // Who comes late reads the end alone, and sees the same there.
  write_fake_run(scratch / "long", {.steps = 700, .blocks = 0});
  const RunPulse late(scratch / "long");
  EXPECT_EQ(late.layers()[0].gradients.size(), kRecentSteps);
  EXPECT_EQ(late.losses().size(), 700u);
  EXPECT_NEAR(late.layers()[1].gradient, RunPulse(scratch / "long").layers()[1].gradient, 0);
}

TEST(Top, NamesAreNoEscapeSequences) {
  const ScratchDirectory scratch;
  const std::string evil = "\x1b[2Jevil\x07\n\xff";
  {
    RunLog log(scratch / "run", {{"name", evil}}, log_only());
    log.tensors({{evil, {1}}});
    log.watch(1, Quantity::gradient, {stats_of(std::vector<double>{1.0})});
    log.step({1, 1, {}});
    log.alert({evil, evil, evil, 1, 1, 1, 1, evil, evil});
    log.note(1, "outcome", evil);
    log.close();
  }
  const RunPulse pulse(scratch / "run");
  TopView view{.filter = "", .utf8 = false, .colour = false};
  for (const std::string& line : top_screen(pulse, view, {80, 24}, wall_time()))
    for (char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << line;
  for (char c : top_line(pulse)) EXPECT_TRUE(c >= ' ' && c <= '~');
}

TEST(TopProgram, PlainLinesThroughAPipe) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 30, .blocks = 1});
  const Outcome piped = run_command("heartbeat top " + (scratch / "run") + " < /dev/null");
  EXPECT_EQ(piped.code, 0) << piped.err;
  EXPECT_EQ(piped.out.rfind("step 30  epoch 0.30  loss 0.", 0), 0u) << piped.out;
  EXPECT_NE(piped.out.find("finished\n"), std::string::npos);
  EXPECT_NE(piped.out.find("ggn.block0.gru"), std::string::npos);
  EXPECT_EQ(piped.out.find('\x1b'), std::string::npos);
  EXPECT_EQ(run_command("heartbeat top " + (scratch / "nothing")).code, 2);
  const Outcome none = run_command("heartbeat top /");
  EXPECT_EQ(none.code, 2);
  EXPECT_EQ(none.err, "heartbeat: / is not a run directory: it holds no run.db\n");
}

// In a pseudo terminal: draws, takes keys, leaves with q and gives the terminal back.
TEST(TopProgram, OnATerminalOfAnySize) {
  const ScratchDirectory scratch;
  write_fake_run(scratch / "run", {.steps = 30, .blocks = 1});
  for (const auto& [columns, rows] : {std::pair{80, 24}, {20, 5}, {3, 1}}) {
    winsize size = {};
    size.ws_col = static_cast<unsigned short>(columns), size.ws_row = static_cast<unsigned short>(rows);
    int master = -1;
    const pid_t child = forkpty(&master, nullptr, nullptr, &size);
    ASSERT_GE(child, 0);
    if (child == 0) {
      setenv("LANG", "C.UTF-8", 1);
      setenv("GOMP_SPINCOUNT", "300", 1);
      const std::string program = std::string(HEARTBEAT_BIN_DIR) + "/heartbeat", run = scratch / "run";
      execl(program.c_str(), program.c_str(), "top", run.c_str(), nullptr);
      _exit(127);
    }
    std::string screen;
    const auto read_until = [&](const std::string& part) {
      char bytes[4096];
      for (int tries = 0; screen.find(part) == std::string::npos && tries < 2000; ++tries) {
        const ssize_t n = ::read(master, bytes, sizeof bytes);
        if (n <= 0) break;
        screen.append(bytes, std::size_t(n));
      }
      return screen.find(part) != std::string::npos;
    };
    EXPECT_TRUE(read_until("\x1b[?1049h"));
    EXPECT_TRUE(read_until("\x1b[J")) << screen;
    if (rows == 24) {
      ASSERT_EQ(::write(master, "/gru\r\x1b[C", 8), 8);
      EXPECT_TRUE(read_until("1 of 5 layers")) << screen;
    }
    ASSERT_EQ(::write(master, "q", 1), 1);
    EXPECT_TRUE(read_until("\x1b[?1049l")) << screen;
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
    close(master);
  }
}

}  // namespace
}  // namespace heartbeat
