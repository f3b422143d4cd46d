// Trains a classifier of handwritten digits and records its heartbeat.
#include <fmt/format.h>

#include "tools/common/program.h"
#include "tools/mnist/training.h"
#include "tools/train/run_files.h"
#include "tools/train/serving.h"

using namespace heartbeat;

int main(int argc, char** argv) {
  return run_program("train_mnist", [&] {
    const MnistOptions options = parse_mnist_options(argc, argv);
    expect_startable(options);
    Serving page(options);
    const Digits digits = load_digits(options);
    DigitTraining training(options, digits);
    if (wants_checks(options)) {
      training.check();
      return training.exit_code();
    }
    page.start();
    training.run();
    fmt::print("Next: heartbeat report {} -o {}/report.html\n", options.run_dir, options.run_dir);
    return training.exit_code();
  });
}
