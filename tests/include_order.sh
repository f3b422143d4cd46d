#!/usr/bin/env bash
# A folder includes itself and the folders to its left; vendor kernels are for benchmarks to compare with.
allowed="" status=0
for folder in kernels graph autograd nn tools; do
  allowed="$allowed${allowed:+|}$folder"
  if grep -rnE '^#include "' "$folder" --include='*.h' --include='*.cpp' --include='*.cu' --include='*.cuh' |
      grep -vE "#include \"(($allowed)/|[a-z_]+\.pb\.h\")"; then
    echo "$folder/ may include only: $allowed"
    status=1
  fi
done
if grep -rnE '#include <(cusparse|cudnn|cub/)' kernels graph autograd nn tools; then
  echo "vendor kernels belong under bench/"
  status=1
fi
exit $status
