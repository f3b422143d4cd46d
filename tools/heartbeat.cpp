// heartbeat: reads run directories. Each subcommand is a thin door to tools/log or tools/report.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "kernels/common/error.h"
#include "tools/common/program.h"
#include "tools/common/version.h"
#include "tools/doctor/replay.h"
#include "tools/log/compact.h"
#include "tools/log/dump.h"
#include "tools/plot/plot.h"
#include "tools/report/comparison.h"
#include "tools/report/page.h"
#include "tools/report/report.h"
#include "tools/report/side_by_side.h"
#include "tools/serve/server.h"
#include "tools/top/top.h"

namespace heartbeat {
namespace {

RunReader open_run(const std::string& directory) {
  RunReader run(directory);
  if (run.steps().empty() && run.scalars().empty())
    throw UserError("the run in " + directory + " has not finished its first step; wait for it, or start it again");
  return run;
}

void add_report(CLI::App& app) {
  struct Options {
    std::string run, out;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("report", "Write the run as one HTML page that needs no network");
  command->add_option("RUN", o->run, "Run directory, finished or still being written")->required();
  command->add_option("-o,--out", o->out, "Where the page goes; RUN/report.html unless given");
  command->callback([o] {
    const std::string out = o->out.empty() ? o->run + "/report.html" : o->out;
    write_report(open_run(o->run), out);
    std::printf("%s\n", out.c_str());
  });
}

void add_top(CLI::App& app) {
  struct Options {
    std::string run;
    TopOptions top;
  };
  const auto o = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("top", "Watch the run in this terminal: / filters, arrows sort and scroll, q leaves");
  command->add_option("RUN", o->run, "Run directory, finished or still being written")->required();
  command->add_flag("--once", o->top.once, "One look in plain lines");
  command->add_flag("--tensors", o->top.tensors, "A row for each tensor in place of each module");
  command->callback([o] { show_top(o->run, o->top); });
}

void add_serve(CLI::App& app) {
  struct Options {
    std::string run, address = kServeAddress;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("serve", "Show the report live in a browser; read-only, for this machine alone");
  command->add_option("RUN", o->run, "Run directory, finished or still being written")->required();
  command->add_option("--address", o->address, "ADDRESS:PORT to serve at; port 0 takes any that is free")
      ->capture_default_str();
  command->callback([o] { serve_run(o->run, o->address); });
}

void add_plot(CLI::App& app) {
  struct Options {
    std::string run, steps, out;
    PlotOptions plot;
  };
  const auto o = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("plot", "Draw one view of a tensor as PNG or SVG, the same to the byte every time");
  command->add_option("RUN", o->run, "Run directory")->required();
  command->add_option("-o,--out", o->out, "Where the picture goes; .png or .svg")->required();
  command->add_option("--tensor", o->plot.tensor, "Name of the tensor; of an ecg a pattern, all unless given");
  command->add_option("--view", o->plot.view, "What to draw")
      ->check(CLI::IsMember({"heatmap", "bands", "ridge", "ecg"}))
      ->capture_default_str();
  command->add_option("--quantity", o->plot.quantity, "gradients, parameters, updates, ...")->capture_default_str();
  command->add_option("--steps", o->steps, "Only these steps: 100:200, 100:, :200 or 100");
  command->add_option("--columns", o->plot.columns, "Most columns; steps are merged by adding counts")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  command->add_option("--width", o->plot.width, "Points")->check(CLI::Range(300, 5000))->capture_default_str();
  command->add_option("--height", o->plot.height, "Points")->check(CLI::Range(150, 5000))->capture_default_str();
  command->callback([o] {
    o->plot.steps = parse_step_range(o->steps);
    write_plot(open_run(o->run), o->plot, o->out);
    std::printf("%s\n", o->out.c_str());
  });
}

void add_compact(CLI::App& app) {
  struct Options {
    std::string run;
    long keep = 1000;
  };
  const auto o = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("compact", "Make a finished run's log smaller: old steps are added up by powers of 2");
  command->add_option("RUN", o->run, "Run directory")->required();
  command->add_option("--keep", o->keep, "Last steps that stay as they are; the older, the more are added up")
      ->check(CLI::Range(1L, 1'000'000'000L))
      ->capture_default_str();
  command->callback([o] {
    const CompactResult r = compact(o->run, o->keep);
    std::printf("%ld histograms became %ld, %.1f MB became %.1f MB\n", r.rows_before, r.rows_after,
                double(r.bytes_before) / 1e6, double(r.bytes_after) / 1e6);
  });
}

void add_dump(CLI::App& app) {
  struct Options {
    std::string run, steps, out;
    bool json = false;
    DumpOptions dump;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("dump", "Print everything a run has logged, histograms with their edges");
  command->add_option("RUN", o->run, "Run directory")->required();
  auto* json = command->add_flag("--json", o->json, "One JSON object, one row to a line (default)");
  command->add_flag("--csv", o->dump.csv, "One table: record,step,last_step,name,field,low,high,value")->excludes(json);
  command->add_option("--tensor", o->dump.tensor, "Only tensors whose name matches this pattern, as in 'ggn.*'");
  command->add_option("--steps", o->steps, "Only these steps: 100:200, 100:, :200 or 100");
  command->add_flag("--with-times", o->dump.with_times,
                    "Also what differs between two equal runs: clock, host, paths, timings");
  command->add_option("-o,--out", o->out, "Write to this file instead of the terminal");
  command->callback([o] {
    o->dump.steps = parse_step_range(o->steps);
    const RunReader run = open_run(o->run);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        o->out.empty() ? nullptr : std::fopen(o->out.c_str(), "w"), std::fclose);
    if (!o->out.empty() && !file)
      throw UserError("the dump cannot be written to " + o->out + "; choose another place with -o");
    std::FILE* out = file ? file.get() : stdout;
    dump(run, o->dump, out);
    if (std::fflush(out) != 0) throw UserError("the dump could not be written to its end; free disk space");
  });
}

void add_diff(CLI::App& app) {
  struct Options {
    std::string a, b, out;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("diff", "Say in what two runs differ, and lay them side by side in one HTML page");
  command->add_option("A", o->a, "Run directory")->required();
  command->add_option("B", o->b, "Run directory")->required();
  command->add_option("-o,--out", o->out, "Where the page goes; B/diff.html unless given");
  command->callback([o] {
    std::vector<RunReader> runs;
    for (const std::string& directory : {o->a, o->b}) runs.push_back(open_run(directory));
    const Comparison comparison = compare(runs[0], runs[1]);
    std::printf("%s", comparison_text(runs, comparison).c_str());
    const std::string out = o->out.empty() ? o->b + "/diff.html" : o->out;
    write_page(side_by_side_html(runs, {.title = "Two runs side by side", .lead = {verdict_of(comparison)}}), out);
    std::printf("%s\n", out.c_str());
  });
}

void add_gallery(CLI::App& app) {
  struct Options {
    std::vector<std::string> runs;
    std::string out = "gallery.html", title = "Runs side by side";
    SideBySideOptions page;
    bool all = false;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("gallery", "Lay any number of runs side by side in one HTML page");
  command->add_option("RUN", o->runs, "Run directories")->required();
  command->add_option("-o,--out", o->out, "Where the page goes")->capture_default_str();
  command->add_option("--title", o->title, "What stands above it")->capture_default_str();
  command->add_option("--module", o->page.module, "The module whose gradients are held against the other layers'")
      ->capture_default_str();
  command->add_flag("--all", o->all, "Also histograms of parameters and updates, not only of gradients");
  command->callback([o] {
    std::vector<RunReader> runs;
    for (const std::string& directory : o->runs) runs.push_back(open_run(directory));
    o->page.title = o->title;
    if (!o->all) o->page.quantities = {Quantity::gradient};
    write_page(side_by_side_html(runs, o->page), o->out);
    std::printf("%s\n", o->out.c_str());
  });
}

void add_doctor(CLI::App& app, int& code) {
  struct Options {
    std::string run;
    std::vector<std::string> silence, limits;
    bool json = false, rules = false;
  };
  const auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "doctor",
      "Say what is wrong with a run, and what to try; exits with 10 for a warning, 11 for an error, 12 for fatal");
  command->add_option("RUN", o->run, "Run directory, finished or still being written");
  command->add_option("--silence", o->silence, "A rule that is not to speak, as R16, or as R16:fc1.* for some tensors")
      ->allow_extra_args(false);  // what follows is the run
  command->add_option("--limit", o->limits, "Another limit of a rule, as R16.high=0.02")->allow_extra_args(false);
  command->add_flag("--json", o->json, "One JSON object");
  command->add_flag("--rules", o->rules, "List the rules and their limits");
  command->callback([o, &code] {
    if (o->rules) {
      std::printf("%s", rules_text().c_str());
      return;
    }
    if (o->run.empty()) throw UserError("doctor: give a run directory, or --rules");
    const DoctorOptions options = doctor_options(o->silence, o->limits);
    const RunReader run = open_run(o->run);
    Doctor doctor(options);
    replay(run, doctor);
    if (o->json) {
      std::printf("%s", alerts_json(run, doctor).c_str());
    } else {
      for (const AlertRow& a : doctor.alerts()) std::printf("%s\n", alert_text(a).c_str());
      std::printf("%s", summary_text(doctor).c_str());
    }
    code = exit_code_of(doctor.alerts());
  });
}

int run(int argc, char** argv) {
  CLI::App app(
      "heartbeat reads what a training run has logged.\n\n"
      "  heartbeat top runs/first                loss, pulse and layers in this terminal, live\n"
      "  heartbeat serve runs/first              the report live in a browser\n"
      "  heartbeat report runs/first             one page with every histogram, curve and map\n"
      "  heartbeat doctor runs/first             what is wrong with it, and what to try\n"
      "  heartbeat diff runs/first runs/second   in what two runs differ, and both on one page\n"
      "  heartbeat gallery runs/* -o all.html    any number of runs on one page\n"
      "  heartbeat plot runs/first --tensor fc1.weight --view ridge -o fc1.svg\n"
      "  heartbeat dump runs/first --csv         everything as text\n");
  app.set_version_flag("--version", std::string("heartbeat ") + kVersion);
  app.require_subcommand(1);
  int code = kDone;
  add_top(app);
  add_serve(app);
  add_report(app);
  add_doctor(app, code);
  add_diff(app);
  add_gallery(app);
  add_plot(app);
  add_dump(app);
  add_compact(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    return app.exit(e);  // prints --help or --version
  }
  return code;
}

}  // namespace
}  // namespace heartbeat

int main(int argc, char** argv) {
  return heartbeat::run_program("heartbeat", [&] { return heartbeat::run(argc, argv); });
}
