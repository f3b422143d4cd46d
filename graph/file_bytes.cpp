#include "graph/file_bytes.h"

#include <zlib.h>

#include "kernels/common/error.h"

namespace heartbeat {

std::string read_whole_file(const std::string& path) {
  const gzFile file = gzopen(path.c_str(), "rb");
  if (!file) throw UserError(path + ": cannot be opened; check the path");
  std::string bytes;
  char block[1 << 16];
  int got = 0;
  while ((got = gzread(file, block, sizeof block)) > 0) bytes.append(block, got);
  const bool whole = gzclose_r(file) == Z_OK && got == 0;
  if (!whole) throw UserError(path + ": cannot be read to its end; it is truncated, damaged or not a file");
  return bytes;
}

}  // namespace heartbeat
