#!/usr/bin/env bash
# Packs the programs of a portable build with the libraries they need beside glibc, CUDA's and the driver's, and what
# tools/gpu_check.sh reads: heartbeat-gpu-node.tar.xz in the build's folder. On the other machine:
#
#   tar xf heartbeat-gpu-node.tar.xz && heartbeat-gpu-node/tools/gpu_check.sh
#
# usage: tools/pack.sh BUILD_FOLDER      cmake --preset gpu-node && cmake --build build/gpu-node --target pack calls it
set -euo pipefail
build=$(cd "${1:?usage: tools/pack.sh BUILD_FOLDER}" && pwd)
cd "$(dirname "$0")/.."
name=heartbeat-gpu-node
node=$build/$name
rm -rf "$node"
mkdir -p "$node/bin" "$node/lib" "$node/tools" "$node/bench"

for program in "$build"/bin/*; do
  case $(basename "$program") in
    *_bench|cuda_test|devices_test|device_programs_test|train_*|predict_contacts|prepare_contacts|make_proteins|heartbeat)
      cp "$program" "$node/bin/" ;;
  esac
done
strip "$node"/bin/*

# What every Debian has, and what comes with the GPU.
system='^(linux-vdso|ld-linux|libc|libm|libdl|librt|libpthread)[.-]|^lib(cuda|cublas|cublasLt|cusparse|nvJitLink|cudart)[.]'
for program in "$node"/bin/*; do
  ldd "$program" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }'
done | sort -u | while read -r library path; do
  [[ "$library" =~ $system ]] || cp -L "$path" "$node/lib/$library"
done
cp -r bench/run.py bench/peers "$node/bench/"
cp tools/gpu_check.sh tools/results.py tools/peers.sh "$node/tools/"
cp README.md LICENSE "$node/"
git rev-parse --short HEAD >"$node/commit" 2>/dev/null || echo unknown >"$node/commit"
[ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || sed -i 's/$/-changed/' "$node/commit"
# Forty programs hold the same kernels: a dictionary that reaches back over several of them keeps one copy.
XZ_OPT='-T1 --lzma2=preset=1,dict=192MiB' tar -C "$build" -cJf "$build/$name.tar.xz" "$name"
echo "$build/$name.tar.xz: $(du -m "$build/$name.tar.xz" | cut -f1) MB, $(find "$node/bin" -type f | wc -l) programs"
