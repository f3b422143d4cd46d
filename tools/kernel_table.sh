#!/usr/bin/env bash
# What each CUDA kernel takes on each GPU, from the logs that nvcc -Xptxas=-v left in FOLDER. A kernel that spills
# registers to memory fails, unless it computes in f64, which serves gradient checks and not speed.
# usage: tools/kernel_table.sh FOLDER
set -euo pipefail
rows=$(find "$1" -name '*.txt' | sort | while read -r log; do
  c++filt <"$log" | awk -v file="$(basename "$log" .cu.o.txt)" '
    /Compiling entry function/ {
      line = $0
      sub(/.*Compiling entry function ./, "", line)
      gpu = line; sub(/.* for ./, "", gpu); sub(/[^a-z0-9_].*/, "", gpu)
      type = line ~ /double/ ? "f64" : line ~ /bf16/ ? "bf16" : "f32"
      name = line; sub(/^void /, "", name)
      gsub(/\(anonymous namespace\)::|heartbeat::kernels::|heartbeat::/, "", name)
      sub(/[<(].*/, "", name)
    }
    /bytes spill stores/ { for (i = 1; i + 3 <= NF; ++i) if ($(i + 2) == "spill" && $(i + 3) ~ /^stores/) spill = $i }
    /Used [0-9]+ registers/ {
      for (i = 1; i < NF; ++i) if ($(i + 1) ~ /^registers/) registers = $i
      shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH) + 0 : 0
      printf "%-28s %-30s %-4s %s %9d %11d %6d\n", file, name, type, gpu, registers, shared, spill
      spill = 0
    }'
done)
printf '%-28s %-30s %-4s %-5s %9s %11s %6s\n' source kernel type GPU registers 'shared [B]' spills
# Kernels made from several lambdas of one op share a row: the greediest.
echo "$rows" | sort -k1,4 -k7,7nr -k5,5nr | awk '!seen[$1, $2, $3, $4]++'
echo "$(echo "$rows" | grep -c .) kernels"
if echo "$rows" | awk '$3 != "f64" && $7 > 0 { print "spills: " $0; bad = 1 } END { exit !bad }'; then exit 1; fi
