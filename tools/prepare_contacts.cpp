// Reads a folder of structures and writes the data set that train_contacts reads.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/common/version.h"
#include "tools/data/ordered_pool.h"
#include "tools/data/prepare.h"

using namespace heartbeat;

namespace {

constexpr int kFilesPerCommit = 64;  // what a crash can cost; Ctrl-C costs nothing

void refuse_strangers(const DatasetWriter& writer, const std::vector<Entry>& entries, const PrepareOptions& options) {
  auto sources = writer.sources();
  for (const Entry& entry : entries) sources.erase(entry.name);
  if (!sources.empty())
    throw UserError(
        fmt::format("{} holds {} that {} does not have; write to another --out, or remove {} to make it anew",
                    options.out, sources.begin()->first, options.structures, options.out));
}

int prepare_contacts(const PrepareOptions& options, bool quiet) {
  const std::vector<Entry> entries = find_entries(options.structures, options.pairs);
  const Splits splits =
      options.split_dir.empty() ? Splits() : Splits(options.split_dir, options.pairs ? "complexes_" : "");
  long written = 0, fresh = 0, kept = 0;
  {
    DatasetWriter writer(options.out, options.text(splits));
    refuse_strangers(writer, entries, options);
    const auto known = writer.sources();
    Progress progress("prepare", double(entries.size()), quiet);
    // Files are written in the order of their names whatever thread read them, so the data set is the same each time.
    const auto work = [&](long n) -> std::optional<Prepared> {
      const SourceFile source = identify(entries[n]);
      const auto before = known.find(source.name);
      if (before != known.end() && before->second.bytes == source.bytes && before->second.crc32c == source.crc32c)
        return {};
      return prepare(entries[n], source, options, splits);
    };
    const auto take = [&](std::optional<Prepared> done) {
      if (done) {
        writer.add(done->source, done->chains, done->dropped);
        kept += long(done->chains.size());
        if (++fresh % kFilesPerCommit == 0) writer.commit();
      }
      progress.update(double(++written), fmt::format("{} examples", kept));
    };
    run_ordered<std::optional<Prepared>>(long(entries.size()), options.threads, work, take, interrupted);
    if (written < long(entries.size())) {
      writer.commit();
      throw Interrupted(
          fmt::format("stopped after {} of {} structures, all saved; run the same command again to continue", written,
                      entries.size()));
    }
    writer.finish();
  }
  if (fresh == 0) fmt::print("{} is up to date\n", options.out);
  fmt::print("{}", report(options.out, splits, long(entries.size())));
  if (!read_dataset(options.out).empty()) return kDone;

  const auto dropped = read_dataset_dropped(options.out);
  std::filesystem::remove(options.out);  // an empty data set would only refuse the next try with other options
  throw UserError(fmt::format("none of the {} structures gave an example; the first, {}: {}, {}", entries.size(),
                              dropped.empty() ? "" : dropped[0].file, dropped.empty() ? "" : dropped[0].rule,
                              dropped.empty() ? "" : dropped[0].detail));
}

}  // namespace

int main(int argc, char** argv) {
  return run_program("prepare_contacts", [&] {
    PrepareOptions options;
    std::string inspect;
    bool quiet = false;
    CLI::App app{
        "Reads PDB and mmCIF files, labels the contacts of their chains, and writes one SQLite data set for\n"
        "train_contacts. A second call does only what is missing; Ctrl-C saves what is done. Example:\n\n"
        "  prepare_contacts --structures structures --out contacts.db --split-dir splits\n"};
    app.set_version_flag("--version", std::string(kVersion));
    app.set_config("--config", "", "read options from a TOML file; flags win");
    app.add_option("--structures", options.structures, "folder with .pdb, .ent, .cif or .mmcif files, plain or .gz");
    app.add_option("--out", options.out, "data set to write or to continue");
    app.add_option(
        "--split-dir", options.split_dir,
        "folder with train.txt, valid.txt and test*.txt, one id a line: the name of a file without its ending, or\n"
        "FILE:CHAIN. The name of a file with several chains means the one it ends in, as 1abc_B, or else the longest.\n"
        "What the lists name is kept whatever the filters say; the rest is stored without a split, and training\n"
        "leaves it out. Without --split-dir the split is random and results overestimate");
    app.add_flag(
        "--pairs", options.pairs,
        "read complexes: NAME_r_b and NAME_l_b are the two partners of NAME; several chains of a partner become one");
    app.add_flag("--allow-atom-sequence", options.read.allow_atom_sequence,
                 "accept files without SEQRES; the sequence is then that of the atoms");
    app.add_flag("--keep-partial-positives", options.read.keep_partial_positives,
                 "keep contacts of residues that lack atoms; biases the masks");
    const char* kFilters = "Filters, for chains that no list names";
    app.add_option("--min-length", options.min_length, "residues of the shortest chain")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::Range(1L, kLongestExample));
    app.add_option("--max-length", options.max_length, "residues of the longest chain")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::Range(1L, kLongestExample));
    app.add_option("--min-observed", options.min_observed, "share of residues with a whole backbone")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--max-resolution", options.max_resolution, "angstrom; files that do not tell are accepted")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::PositiveNumber);
    app.add_option("--max-resolution-em", options.max_resolution_em, "the same for electron microscopy")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::PositiveNumber);
    app.add_option("--min-interface", options.min_interface, "with --pairs: residue pairs closer than 6 A")
        ->capture_default_str()
        ->group(kFilters)
        ->check(CLI::NonNegativeNumber);
    app.add_flag("--filter-listed", options.filter_listed, "hold what the lists name to the filters, too")
        ->group(kFilters);
    app.add_option("--threads", options.threads, "files read at once; 0: one for each core")
        ->capture_default_str()
        ->check(CLI::Range(0, 1024));
    app.add_flag("--quiet", quiet, "no progress line");
    app.add_option("--inspect", inspect, "print what one structure file holds and write nothing");
    try {
      app.parse(argc, argv);
    } catch (const CLI::Success& e) {
      return app.exit(e);
    }
    if (!inspect.empty()) {
      options.read.allow_atom_sequence = true;
      fmt::print("{}", inspection(inspect, options));
      return int(kDone);
    }
    if (options.structures.empty() || options.out.empty())
      throw UserError("--structures and --out are needed; see prepare_contacts --help");
    if (options.min_length > options.max_length)
      throw UserError(fmt::format("--min-length {} is above --max-length {}", options.min_length, options.max_length));
    catch_interrupts();
    return prepare_contacts(options, quiet);
  });
}
