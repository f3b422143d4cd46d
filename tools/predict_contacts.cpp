// Predicts contact maps from sequences with a trained model, and writes them as files and pictures.
#include <fmt/format.h>
#include <omp.h>

#include <CLI/CLI.hpp>

#include "autograd/pick_device.h"
#include "autograd/precision.h"
#include "tools/common/program.h"
#include "tools/common/version.h"
#include "tools/contacts/predicting.h"

using namespace heartbeat;

namespace {

constexpr const char* kAbout =
    "Predicts contact maps from sequences alone, with the model of a train_contacts run.\n\n"
    "  predict_contacts --checkpoint runs/first/best.safetensors --fasta query.fasta --out predictions\n"
    "  predict_contacts --checkpoint runs/first/best.safetensors --data contacts.db --split test --out test\n\n"
    "Each protein gets a folder: CHANNEL.rr (CASP), map.npz (numpy), contacts.tsv, and pictures. With --data the "
    "truth\n"
    "is known: pictures show it beside the prediction, and metrics.tsv holds the scores. index.html shows all. Two "
    "chains\n"
    "of a complex are two FASTA records NAME:A and NAME:B, or one with a ':' between the sequences. What an earlier "
    "call\n"
    "has written for the same proteins is overwritten.";

void parse(CLI::App& app, PredictOptions& o, int argc, char** argv) {
  std::vector<std::string> channels;
  for (int k = 0; k < kChannels; ++k) channels.push_back(kChannelTable[k].name);

  app.set_version_flag("--version", std::string(kVersion));
  app.set_config("--config", "", "read options from a TOML file; flags win");
  app.add_option("--checkpoint", o.checkpoint, "best.safetensors or last.safetensors of a run")->required();
  app.add_option("--out", o.out, "folder for the predictions")->required();
  app.add_option("--fasta", o.fasta, "sequences; - reads standard input")->group("What to predict, one of");
  app.add_option("--data", o.data, "data set made by prepare_contacts")->group("What to predict, one of");
  app.add_option("--split", o.split, "of --data; validation unless given, all where --id is given")
      ->check(CLI::IsMember({"train", "validation", "valid", "test", "all"}))
      ->group("What to predict, one of");
  app.add_option("--id", o.ids, "of --data: only these proteins")->group("What to predict, one of");

  app.add_option("--formats", o.formats, "files to write")
      ->delimiter(',')
      ->check(CLI::IsMember({"rr", "npz", "tsv", "png"}))
      ->capture_default_str()
      ->group("Files");
  app.add_option("--channels", o.channels, "of the rr, tsv and png files; all unless given")
      ->delimiter(',')
      ->check(CLI::IsMember(channels))
      ->group("Files");
  app.add_option("--min-probability", o.min_probability, "least of a contact in rr and tsv files")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str()
      ->group("Files");
  app.add_flag("--dense", o.dense, "npz with square maps [K, L, L] instead of packed ones [L (L + 1) / 2, K]")
      ->group("Files");
  app.add_flag("--ccmpred", o.ccmpred, "also CHANNEL.mat, square text matrices as CCMpred writes them")->group("Files");
  app.add_option("--device", o.device, "where to compute; auto: on a GPU where one works")
      ->check(CLI::IsMember({"auto", "cpu", "cuda"}))
      ->capture_default_str()
      ->group("Run");
  app.add_option("--precision", o.precision, std::string("that of the run unless given; ") + kPrecisions)
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}))
      ->group("Run");
  app.add_option("--threads", o.threads, "0: one for each core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group("Run");
  app.add_flag("--quiet", o.quiet, "no progress bar")->group("Run");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {
    app.exit(e);
    throw;
  }
  if (o.fasta.empty() == o.data.empty())
    throw UserError(o.fasta.empty() ? "there is nothing to predict; give --fasta or --data"
                                    : "--fasta and --data are both given; choose one");
  if (o.data.empty() && !(o.split.empty() && o.ids.empty()))
    throw UserError("--split and --id choose proteins of a data set; give --data, or leave them out");
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("predict_contacts", [&] {
    CLI::App app(kAbout, "predict_contacts");
    PredictOptions options;
    parse(app, options, argc, argv);
    const Device device = pick_device(options.device);
    if (options.threads > 0) omp_set_num_threads(options.threads);
    const ContactModel model = load_contact_model(options.checkpoint, device, options.precision);
    if (const std::string note = use_precision(model.options.precision, device); !note.empty() && !options.quiet)
      fmt::print("{}: {}\n", model.options.precision, note);
    const std::vector<Query> queries = read_queries(options);
    make_output_folder(options.out);
    catch_interrupts();
    predict_all(options, model, queries);
    return int(kDone);
  });
}
