// Writes proteins made of ideal helices, strands and loops as mmCIF files: data for a machine without any.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>

#include "graph/counter_random.h"
#include "graph/synthetic.h"
#include "tools/common/program.h"
#include "tools/common/version.h"

using namespace heartbeat;

namespace {

struct Options {
  std::string out;
  long count = 64, min_length = 48, max_length = 96;
  std::uint64_t seed = 1;
};

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  if (!file.flush())
    throw UserError("cannot write " + path + "; check the folder's permissions and the room on its disk");
}

int make_proteins(const Options& options) {
  if (options.min_length > options.max_length)
    throw UserError(fmt::format("--min-length {} is above --max-length {}", options.min_length, options.max_length));
  std::error_code error;
  std::filesystem::create_directories(options.out, error);
  if (!std::filesystem::is_directory(options.out))
    throw UserError("cannot make the folder " + options.out + "; name one that can be written with --out");
  CounterRandom draw({options.seed});
  long residues = 0;
  for (long n = 0; n < options.count; ++n) {
    const std::string id = fmt::format("synthetic_{:04}", n);
    const SyntheticProtein protein =
        make_protein(id, draw.between(options.min_length, options.max_length), options.seed);
    write(options.out + "/" + id + ".cif", mmcif_of(protein));
    residues += long(protein.residues.size());
    if (interrupted())
      throw Interrupted(
          fmt::format("stopped after {} of {} proteins; run again for all of them", n + 1, options.count));
  }
  fmt::print("{} proteins, {} residues, written to {}\n", options.count, residues, options.out);
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("make_proteins", [&] {
    Options options;
    CLI::App app{
        "Writes synthetic proteins as mmCIF files: ideal helices, beta meanders and loops, packed, with a sequence "
        "that\n"
        "follows from the fold. The same seed writes the same bytes. Example:\n\n"
        "  make_proteins --count 64 --out proteins\n"
        "  prepare_contacts --structures proteins --out contacts.db\n"};
    app.set_version_flag("--version", std::string(kVersion));
    app.set_config("--config", "", "read options from a TOML file; flags win");
    app.add_option("--out", options.out, "folder for the files")->required();
    app.add_option("--count", options.count, "proteins to make")
        ->capture_default_str()
        ->check(CLI::Range(1L, 1000000L));
    app.add_option("--seed", options.seed, "names the set")->capture_default_str();
    app.add_option("--min-length", options.min_length, "residues of the shortest")
        ->capture_default_str()
        ->check(CLI::Range(20L, 2000L));
    app.add_option("--max-length", options.max_length, "residues of the longest")
        ->capture_default_str()
        ->check(CLI::Range(20L, 2000L));
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& e) {
      return app.exit(e);
    }
    catch_interrupts();
    return make_proteins(options);
  });
}
