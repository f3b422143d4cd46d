// Trains a contact model and records its heartbeat.
#include <fmt/format.h>

#include "graph/dataset.h"
#include "tools/common/program.h"
#include "tools/contacts/training.h"
#include "tools/train/serving.h"

using namespace heartbeat;

int main(int argc, char** argv) {
  return run_program("train_contacts", [&] {
    const TrainOptions options = parse_train_options(argc, argv);
    Serving page(options);
    const std::vector<Protein> train = read_dataset(options.data, "train");
    const std::vector<Protein> valid = read_dataset(options.data, "validation");
    if (train.empty() || valid.empty())
      throw UserError(
          fmt::format("{} holds {} training and {} validation proteins, and both are needed; see the summary "
                      "of prepare_contacts",
                      options.data, train.size(), valid.size()));

    if (wants_checks(options)) {
      Training training(options, train, valid);
      training.check();
      return training.exit_code();
    }
    const Baselines baselines = print_baselines(train, valid);
    Training training(options, train, valid);
    page.start();
    training.run(baselines);
    fmt::print("Next: heartbeat report {} -o {}/report.html\n", options.run_dir, options.run_dir);
    return training.exit_code();
  });
}
