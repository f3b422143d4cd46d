// Makes a finished run's log smaller: histograms of old steps are added up, the older the more.
#pragma once

#include <string>

namespace heartbeat {

struct CompactResult {
  long rows_before = 0, rows_after = 0, bytes_before = 0, bytes_after = 0;
};

// The last `keep` steps stay as they are, rows of as many before them are merged in pairs, twice as many before those
// by 4, and so on: aligned to powers of 2, so that doing it twice changes nothing. Counts are added exactly, sums in
// double precision, and all else stays. In place, in one transaction. UserError where the run is still being written or
// read.
CompactResult compact(const std::string& directory, long keep);

}  // namespace heartbeat
