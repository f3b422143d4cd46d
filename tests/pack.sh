#!/usr/bin/env bash
# The archive for a GPU node: each program finds all it needs in the archive, in glibc, or in CUDA, and nothing of this
# machine's packages; the archive is small; its gpu_check.sh starts.
set -euo pipefail
build=${HEARTBEAT_BIN_DIR:?}/..
archive=$build/heartbeat-gpu-node.tar.xz
[ -f "$archive" ] || { echo "pack: $archive is missing; build the target pack" >&2; exit 1; }
megabytes=$(du -m "$archive" | cut -f1)
[ "$megabytes" -lt 60 ] || { echo "pack: the archive has $megabytes MB, 60 are the most" >&2; exit 1; }

there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
tar -C "$there" -xf "$archive"
node=$there/heartbeat-gpu-node
bad=0
for program in "$node"/bin/*; do
  needs=$(ldd "$program")
  for library in libgtest libsqlite3 libprotobuf libgomp; do
    [[ "$needs" != *$library* ]] || { echo "pack: $(basename "$program") still loads $library" >&2; bad=1; }
  done
  strangers=$(echo "$needs" | awk '{ print $1, $3 }' |
    grep -vE '^(linux-vdso|/lib64/ld-linux|libc|libm|libdl|librt|libpthread)[.-]|^/lib64/|^lib(cuda|cublas|cublasLt|cusparse|nvJitLink|cudart)\.' |
    grep -vF "$node/bin/../lib/" || true)
  [ -z "$strangers" ] || { echo "pack: $(basename "$program") needs of this machine: $strangers" >&2; bad=1; }
done
[ "$bad" = 0 ]
"$node/bin/heartbeat" --help >/dev/null
"$node/bin/train_mnist" --help >/dev/null
said=$(cd "$node" && ./tools/gpu_check.sh --dry-run)
[[ "$said" == *'prebuilt, commit'* ]]
echo "$megabytes MB, $(ls "$node/bin" | wc -l) programs, $(ls "$node/lib" | wc -l) libraries beside them"
