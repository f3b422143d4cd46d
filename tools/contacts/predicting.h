// What predict_contacts does between its flags and its files.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "graph/protein.h"
#include "tools/contacts/contact_model.h"
#include "tools/contacts/map_files.h"

namespace heartbeat {

struct PredictOptions {
  std::string checkpoint, fasta, data, split, out, device = "auto", precision;
  std::vector<std::string> ids, formats = {"rr", "npz", "tsv", "png"}, channels;  // no channels: all
  bool dense = false, ccmpred = false, quiet = false;
  double min_probability = 0.01;
  int threads = 0;

  bool wants(const std::string& format) const;
  std::vector<int> channel_numbers() const;
};

struct Query {
  Protein protein;  // labelled if it comes from a data set
  std::vector<std::string> chains;
  bool labelled = false;
};

// The sequences to predict, in the order of the file. UserError where there is none, an id is unknown, or one is too
// long.
std::vector<Query> read_queries(const PredictOptions& options);

// Bytes that predicting a protein of this length takes at its peak, roughly.
double bytes_to_predict(const ContactModel& model, long length);

// Folder names for ids that may hold anything: no two are equal, whatever the ids are, and none is a name in `taken`.
class FolderNames {
 public:
  explicit FolderNames(std::set<std::string> taken) : taken_(std::move(taken)) {}
  std::string operator()(const std::string& id);

 private:
  std::set<std::string> taken_;
};

// Predicts every query, writes out/<id>/..., index.html and, with labels, metrics.tsv. After Ctrl-C it finishes the
// protein at hand, writes the two and throws Interrupted.
void predict_all(const PredictOptions& options, const ContactModel& model, const std::vector<Query>& queries);

}  // namespace heartbeat
