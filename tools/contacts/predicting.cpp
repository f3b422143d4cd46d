#include "tools/contacts/predicting.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <new>
#include <numeric>

#include "graph/dataset.h"
#include "graph/fasta.h"
#include "kernels/common/device.h"
#include "kernels/common/pair.h"
#include "tools/common/program.h"
#include "tools/common/progress.h"
#include "tools/contacts/gallery.h"
#include "tools/contacts/map_pictures.h"
#include "tools/contacts/tables.h"

namespace heartbeat {
namespace {

constexpr long kLong = 1024, kTooLong = 5000;  // residues
constexpr std::size_t kLongestName = 100;      // of a folder, of the 255 bytes that file systems allow

std::vector<Query> from_fasta(const PredictOptions& options) {
  std::vector<Query> queries;
  for (FastaRecord& record : read_fasta(options.fasta)) {
    Query query;
    query.protein.id = record.id;
    query.protein.sequence = std::move(record.sequence);
    query.protein.segment = std::move(record.segment);
    query.chains = std::move(record.chains);
    if (record.replaced)
      fmt::print("{}: {} letters that are none of the 20 amino acids read as C (U), K (O) or X\n", record.id,
                 record.replaced);
    queries.push_back(std::move(query));
  }
  return queries;
}

std::vector<Query> from_data(const PredictOptions& options) {
  // The stored name, the usual short one, and nothing for every chain. Ids are looked for in all splits.
  const std::string asked = options.split.empty() ? (options.ids.empty() ? "validation" : "all") : options.split;
  const std::string split = asked == "valid" ? "validation" : asked == "all" ? "" : asked;
  std::set<std::string> missing(options.ids.begin(), options.ids.end());
  std::vector<Query> queries;
  for (Protein& protein : read_dataset(options.data, split)) {
    if (!options.ids.empty() && !std::count(options.ids.begin(), options.ids.end(), protein.id)) continue;
    missing.erase(protein.id);
    Query query;
    query.labelled = true;
    for (int chain = 0; chain <= (protein.segment.empty() ? 0 : protein.segment.back()); ++chain)
      query.chains.push_back(chain < 26 ? std::string(1, char('A' + chain)) : std::to_string(chain + 1));
    query.protein = std::move(protein);
    queries.push_back(std::move(query));
  }
  const std::string where = asked == "all" ? options.data : fmt::format("the {} split of {}", asked, options.data);
  if (!missing.empty()) throw UserError(fmt::format("{} holds no protein {}", where, *missing.begin()));
  if (queries.empty()) throw UserError(where + " holds no protein; name another with --split");
  return queries;
}

std::string whole_percent(double value) {
  return std::isnan(value) ? "-" : fmt::format("{:.0f} %", 100 * value);
}

// A few words on how good the map of a channel is: chance scores an AUPRC equal to the density.
std::string short_note(const MapScore& score, int k) {
  const BandScore& all = score.at(k, Band::all);
  if (!all.positives) return "no contact to find";
  return fmt::format("AUPRC {:.1f} %, chance {:.2g} %", 100 * all.auprc, 100 * all.density);
}
std::string score_note(const MapScore& score, int k) {
  const std::string auprc = short_note(score, k);
  if (k != 0 || !score.at(k, Band::all).positives) return auprc;
  const auto top = [&](Band band) { return whole_percent(score.at(0, band).precision[1]); };
  return fmt::format("P@L/5 short {}, medium {}, long {}  |  {}", top(Band::short_), top(Band::medium),
                     top(Band::long_), auprc);
}

std::string metrics_rows(const std::string& id, long length, const MapScore& score) {
  const auto number = [](double v) { return std::isnan(v) ? std::string("NA") : fmt::format("{:.6g}", v); };
  std::string out;
  for (int k = 0; k < kChannels; ++k)
    for (const Band band : kBands) {
      const BandScore& s = score.at(k, band);
      out += fmt::format("{}\t{}\t{}\t{}", id, length, kChannelTable[k].name, name_of(band));
      for (const double precision : s.precision) out += "\t" + number(precision);
      for (const double v : {s.auprc, s.auroc, s.auprc_eligible, s.density}) out += "\t" + number(v);
      out += fmt::format("\t{}\t{}\n", s.valid, s.positives);
    }
  return out;
}
constexpr const char* kMetricsHeader =
    "id\tlength\tchannel\tband\tp_at_L10\tp_at_L5\tp_at_L2\tp_at_L\tauprc\tauroc\tauprc_eligible\tdensity\tvalid\t"
    "positives\n";

using Files = std::vector<std::pair<std::string, std::string>>;  // words, name

// Draws at once on all cores, writes one by one.
Files write_pictures(const PredictOptions& options, const std::string& folder, const PredictedMap& map,
                     const Protein* truth, const MapScore* score) {
  std::vector<std::pair<std::string, std::function<MapPicture()>>> jobs;
  for (const int k : options.channel_numbers()) {
    const std::string name = kChannelTable[k].name, note = score ? score_note(*score, k) : "";
    if (truth)
      jobs.emplace_back(name + ".png", [&map, truth, k, note] { return picture_of_two(map, *truth, k, note); });
    jobs.emplace_back(name + (truth ? ".square.png" : ".png"),
                      [&map, truth, k, note] { return picture_of_one(map, truth, k, note); });
  }
  std::vector<std::string> notes;
  for (int k = 0; score && k < kChannels; ++k) notes.push_back(short_note(*score, k));
  if (options.channel_numbers().size() > 1)
    jobs.emplace_back("all.png", [&] { return picture_of_all(map, truth, notes); });
  std::vector<std::string> bytes(jobs.size());
#pragma omp parallel for schedule(dynamic)
  for (std::size_t n = 0; n < jobs.size(); ++n) bytes[n] = jobs[n].second().png;
  Files files;
  for (std::size_t n = 0; n < jobs.size(); ++n) {
    write_whole_file(folder + "/" + jobs[n].first, bytes[n]);
    files.emplace_back(jobs[n].first, jobs[n].first);
  }
  return files;
}

Files write_files(const PredictOptions& options, const std::string& folder, const PredictedMap& map,
                  const Protein* truth, const MapScore* score) {
  make_output_folder(folder);
  Files files;
  const auto path = [&](const std::string& name) {
    files.emplace_back(name, name);
    return folder + "/" + name;
  };
  for (const int k : options.channel_numbers()) {
    const std::string name = kChannelTable[k].name;
    if (options.wants("rr")) write_rr(path(name + ".rr"), map, k, options.min_probability);
    if (options.ccmpred) write_ccmpred(path(name + ".mat"), map, k);
  }
  if (options.wants("npz")) write_npz(path("map.npz"), map, options.dense);
  if (options.wants("tsv")) write_tsv(path("contacts.tsv"), map, options.channel_numbers(), options.min_probability);
  if (options.wants("png")) {
    const Files pictures = write_pictures(options, folder, map, truth, score);
    files.insert(files.begin(), pictures.begin(), pictures.end());
  }
  return files;
}

GalleryEntry gallery_entry(const std::string& folder, const Query& query, const MapScore* score, Files files) {
  GalleryEntry entry{query.protein.id, fmt::format("{} residues", query.protein.length()), "", "", {}};
  if (query.chains.size() > 1) entry.about += fmt::format(" in {} chains", query.chains.size());
  if (score) entry.about += "; cb8 " + score_note(*score, 0);
  for (auto& [words, name] : files) {
    name = folder + "/" + name;
    const bool picture = name.ends_with(".png");
    if (picture && entry.picture.empty()) entry.picture = name;
    if (picture && (entry.picture_link.empty() || name.ends_with("/all.png"))) entry.picture_link = name;
  }
  entry.files = std::move(files);
  return entry;
}

std::vector<float> predict(const ContactModel& model, const Protein& protein) {
  const auto out_of_memory = [&] {
    return std::runtime_error(
        fmt::format("out of memory at {} with its {} residues, about {:.1f} GB; leave it out, or "
                    "predict its domains one by one",
                    protein.id, protein.length(), bytes_to_predict(model, protein.length()) / 1e9));
  };
  try {
    return model.predict(protein);
  } catch (const std::bad_alloc&) {
    throw out_of_memory();
  } catch (const cuda::OutOfMemory&) {
    throw out_of_memory();
  }
}

}  // namespace

bool PredictOptions::wants(const std::string& format) const {
  return std::count(formats.begin(), formats.end(), format) > 0;
}

std::vector<int> PredictOptions::channel_numbers() const {
  std::vector<int> numbers;
  for (int k = 0; k < kChannels; ++k)
    if (channels.empty() || std::count(channels.begin(), channels.end(), kChannelTable[k].name)) numbers.push_back(k);
  return numbers;
}

std::vector<Query> read_queries(const PredictOptions& options) {
  std::vector<Query> queries = options.fasta.empty() ? from_data(options) : from_fasta(options);
  for (const Query& query : queries)
    if (query.protein.length() > kTooLong)
      throw UserError(fmt::format("{} has {} residues, and at most {} are predicted; give its domains one by one",
                                  query.protein.id, query.protein.length(), kTooLong));
  return queries;
}

double bytes_to_predict(const ContactModel& model, long length) {
  constexpr double kTensors = 11.5;  // of the width of the trunk: 1.6 kB a pair, measured at size T
  const double stored = model.network.options.encoder.bf16 ? sizeof(bf16) : sizeof(float);
  return double(pair_count(length)) *
         (kTensors * model.network.options.channels * stored + 4 * kChannels * sizeof(float));
}

std::string FolderNames::operator()(const std::string& id) {
  const std::string stem = file_stem(id).substr(0, kLongestName);
  std::string name = stem;
  for (int n = 2; !taken_.insert(name).second; ++n) name = fmt::format("{}-{}", stem, n);
  return name;
}

void predict_all(const PredictOptions& options, const ContactModel& model, const std::vector<Query>& queries) {
  const auto work = [](const Query& q) { return double(pair_count(q.protein.length())); };
  const double total = std::accumulate(queries.begin(), queries.end(), 0.0,
                                       [&](double sum, const Query& query) { return sum + work(query); });
  FolderNames folder_name({"index.html", "metrics.tsv"});
  std::vector<GalleryEntry> entries;
  std::vector<MapScore> scores;
  std::string metrics = kMetricsHeader;
  {
    Progress progress("predict", total, options.quiet);
    double done = 0;
    for (const Query& query : queries) {
      if (interrupted()) break;
      const Protein& protein = query.protein;
      progress.update(done, protein.id);
      if (protein.length() > kLong)
        progress.say(fmt::format("{} has {} residues: its map takes about {:.1f} GB of memory", protein.id,
                                 protein.length(), bytes_to_predict(model, protein.length()) / 1e9));
      const PredictedMap map{protein.id, protein.sequence, protein.segment, query.chains, predict(model, protein)};
      if (query.labelled) {
        scores.push_back(score_map(protein, map.probability.data()));
        metrics += metrics_rows(protein.id, protein.length(), scores.back());
      }
      const MapScore* score = query.labelled ? &scores.back() : nullptr;
      const std::string folder = folder_name(protein.id);
      Files files = write_files(options, options.out + "/" + folder, map, query.labelled ? &protein : nullptr, score);
      entries.push_back(gallery_entry(folder, query, score, std::move(files)));
      progress.update(done += work(query), protein.id);
    }
  }
  Files links;
  if (!scores.empty()) {
    write_whole_file(options.out + "/metrics.tsv", metrics);
    links = {{"metrics.tsv", "metrics.tsv"}};
    const Summary summary(std::move(scores));
    fmt::print("{} maps, per cent\n{}{}{}", entries.size(), precision_table({{"model", &summary}}),
               auprc_table({{"model", &summary}}), band_table(summary));
  }
  const std::string about = fmt::format("{} of {} proteins, predicted from their sequences by {}", entries.size(),
                                        queries.size(), std::filesystem::path(options.checkpoint).filename().string());
  write_whole_file(options.out + "/index.html", gallery_page("Predicted contact maps", about, entries, links));
  if (entries.size() < queries.size())
    throw Interrupted(
        fmt::format("stopped after {} of {} proteins, whose files are whole; the same command begins anew",
                    entries.size(), queries.size()));
  fmt::print("{} {} in {}; open {}/index.html\n", entries.size(), entries.size() == 1 ? "prediction" : "predictions",
             options.out, options.out);
}

}  // namespace heartbeat
