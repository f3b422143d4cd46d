// Contact maps as PNG pictures: dark is a contact on white, as in the article. The same map gives the same bytes.
//
// With the truth at hand, pairs that cannot be judged (atoms missing) are hatched. Pairs nearer along the chain than
// the channel's loss looks at are left white; the diagonal and the bars beside the map show helices and strands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "graph/protein.h"
#include "tools/contacts/map_files.h"

namespace heartbeat {

// Where a map lies in its picture: cell (i, j), row i and column j, begins at pixel (x(j), y(i)) and covers
// scale x scale pixels. Maps with more than 1,200 residues are shrunk: each pixel then shows the darkest of its
// shrink x shrink cells.
struct MapPanel {
  int left = 0, top = 0, scale = 1, shrink = 1;
  long length = 0;

  int x(long j) const { return left + offset(j); }
  int y(long i) const { return top + offset(i); }
  int offset(long i) const { return int(i * scale / shrink); }
  int size() const { return int((length * scale + shrink - 1) / shrink); }
};

struct MapPicture {
  std::string png;  // bytes
  int width = 0, height = 0;
  std::vector<MapPanel> panels;
};

// How light a probability is drawn: 255 for 0, nearly black for 1. Not linear: a sequence-only model says 0.2 where it
// is confident, and that has to be seen.
std::uint8_t grey_of(float probability);

// note: a few words for the line below the title, for example a score.
// Two maps of one channel: predicted, true.
MapPicture picture_of_two(const PredictedMap& map, const Protein& truth, int channel, const std::string& note = {});
// One map of one channel: predicted above the diagonal, true below. Without truth the prediction is mirrored.
MapPicture picture_of_one(const PredictedMap& map, const Protein* truth, int channel, const std::string& note = {});
// The same of all channels, in a grid; notes: a few words for each channel, or none.
MapPicture picture_of_all(const PredictedMap& map, const Protein* truth, const std::vector<std::string>& notes = {});

}  // namespace heartbeat
