#!/usr/bin/env bash
# Tests and measures heartbeat on this machine's NVIDIA GPU, beside its peers, in one go. Leaves raw JSON and logs in
# bench/results/<gpu>/<date>-<commit>/ and prints a table.
#
#   tools/gpu_check.sh                        all four stages, in this order
#   tools/gpu_check.sh --only tests,bench     some of them
#   tools/gpu_check.sh --budget 30            minutes for all; a stage that runs out keeps what it has
#   tools/gpu_check.sh --dry-run              says what would be done, and why it cannot
#
#   tests      every kernel, op, optimizer and trainer with --device cuda
#   sanitizer  compute-sanitizer on the kernels: memcheck, racecheck, initcheck, synccheck
#   bench      ceilings, then every kernel and whole steps, with cuSPARSE, cuBLAS and CUB, and PyTorch where it is found
#   train      train_mnist and train_contacts for two minutes each, on the GPU
#
# It builds what it needs with the preset gpu-node, or takes the programs of an unpacked heartbeat-gpu-node.tar.xz.
set -uo pipefail
cd "$(dirname "$0")/.."

only=tests,sanitizer,bench,train budget=60 dry=0
usage() { sed -n '2,16s/^# \{0,1\}//p' "$0"; }
mistake() { echo "gpu_check: $*; see tools/gpu_check.sh --help" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    -h|--help) usage; exit 0 ;;
    --dry-run) dry=1 ;;
    --only) [ $# -gt 1 ] || mistake "--only needs names after it: tests, sanitizer, bench, train"; only=$2; shift ;;
    --budget) [ $# -gt 1 ] || mistake "--budget needs a number of minutes after it"; budget=$2; shift ;;
    *) mistake "'$1' is no option" ;;
  esac
  shift
done
for stage in ${only//,/ }; do
  [[ $stage =~ ^(tests|sanitizer|bench|train)$ ]] || mistake "'$stage' is no stage; choose from tests, sanitizer, bench, train"
done
[[ $budget =~ ^[1-9][0-9]*$ ]] || mistake "--budget '$budget' is no number of minutes"
wants() { [[ ",$only," == *,$1,* ]]; }

# What is here.
reasons=()
gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -n 1)
[ -n "$gpu" ] || reasons+=("no NVIDIA GPU answers: nvidia-smi lists none")
packed=0
if [ -x bin/cuda_test ]; then
  packed=1 bin=$PWD/bin
else
  bin=$PWD/build/gpu-node/bin
  nvcc=$(command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null || true)
  [ -n "$nvcc" ] || reasons+=("nvcc is missing, and there are no prebuilt programs in bin/; install the CUDA toolkit, or build the preset gpu-node elsewhere")
fi
sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null || true)
python=$(command -v python3 || true)

echo "GPU:          ${gpu:-none}"
echo "programs:     $([ $packed = 1 ] && echo "prebuilt, commit $(cat commit)" || echo "to be built with the preset gpu-node")"
echo "sanitizer:    ${sanitizer:-not found, so that stage is left out}"
echo "peers:        $([ -n "$python" ] && "$python" -c 'import torch; print("PyTorch", torch.__version__)' 2>/dev/null || echo "cuSPARSE, cuBLAS and CUB; PyTorch where tools/peers.sh has made it")"
echo "stages:       ${only//,/, }, $budget minutes"
for reason in "${reasons[@]}"; do echo "cannot run:   $reason"; done
if [ $dry = 1 ]; then exit 0; fi
[ ${#reasons[@]} -eq 0 ] || exit 2

if [ $packed = 0 ]; then
  ./tools/setup.sh || exit 2
  log=$(mktemp)
  echo "== build =="
  cmake --preset gpu-node >"$log" 2>&1 && cmake --build build/gpu-node --target pack >>"$log" 2>&1 || {
    grep -E -A 8 'error|Error' "$log" | head -n 40
    echo "gpu_check: the build failed; the whole log is $log" >&2
    exit 1
  }
  rm -f "$log"
  HEARTBEAT_COMMIT=$(git rev-parse --short HEAD)$([ -z "$(git status --porcelain --untracked-files=no)" ] || echo -changed)
else
  HEARTBEAT_COMMIT=$(cat commit)
fi
export HEARTBEAT_COMMIT HEARTBEAT_BIN_DIR=$bin
slug=$(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1 | tr 'A-Z' 'a-z' | sed 's/[^a-z0-9]\{1,\}/-/g')
out=bench/results/$slug/$(date +%F)-$HEARTBEAT_COMMIT
mkdir -p "$out"
nvidia-smi -q -d CLOCK,POWER,TEMPERATURE,PERFORMANCE >"$out/nvidia-smi.txt"

end=$((SECONDS + 60 * budget))
passed=0 failed=0
# step NAME SECONDS COMMAND...: within its own time and what is left of the budget; the output goes to a log.
step() {
  local name=$1 limit=$2 left=$((end - SECONDS))
  shift 2
  if [ $left -le 5 ]; then echo "  $name: left out, the budget is spent"; return; fi
  [ "$limit" -le $left ] || limit=$left
  local start=$SECONDS
  timeout "$limit" "$@" >"$out/$name.txt" 2>&1
  local code=$?
  case $code in
    0) passed=$((passed + 1)); echo "  $name: passed, $((SECONDS - start)) s" ;;
    124) echo "  $name: stopped after $limit s; what it had done is in $out" ;;
    *) failed=$((failed + 1)); echo "  $name: FAILED with $code"; grep -E 'FAILED|ERROR|Error|error' "$out/$name.txt" | head -n 5 | sed 's/^/    /' ;;
  esac
}

if wants tests; then
  echo "== tests =="
  step cuda_test 600 "$bin/cuda_test"
  step devices_test 600 "$bin/devices_test"
  step device_programs_test 600 "$bin/device_programs_test"
fi
if wants sanitizer && [ -n "$sanitizer" ]; then
  echo "== sanitizer =="
  for tool in memcheck racecheck initcheck synccheck; do
    # One size of each case is what a sanitizer needs; the f64 ones run the same code.
    step "sanitizer-$tool" 600 "$sanitizer" --tool $tool --error-exitcode 3 "$bin/cuda_test" --gtest_filter='-*/1.*'
  done
fi
if wants bench; then
  echo "== bench =="
  for name in ceilings spmm pair_conv histogram adamw training matmul conv2d relation_conv layer_norm contact_loss \
              triangle_multiplication pair_init sgd elementwise; do
    step "bench-$name" 300 python3 bench/run.py --device cuda --bin "$bin" --only $name --rounds 1
  done
fi
if wants train; then
  echo "== train =="
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  step train-mnist 180 "$bin/train_mnist" --data synthetic --device cuda --epochs 3 --run-dir "$work/mnist"
  step make-proteins 60 "$bin/make_proteins" --count 256 --seed 1 --out "$work/structures"
  step prepare-contacts 120 "$bin/prepare_contacts" --structures "$work/structures" --allow-atom-sequence --out "$work/contacts.db"
  step train-contacts 240 "$bin/train_contacts" --data "$work/contacts.db" --device cuda --size S --max-minutes 2 --run-dir "$work/contacts"
fi

echo
if python3 tools/results.py 2>/dev/null; then
  sed -n "/^## $(nvidia-smi --query-gpu=name --format=csv,noheader | head -n 1)/,/^## /p" RESULTS.md | sed '$d'
fi
echo "$passed passed, $failed failed; raw results in $out"
[ "$failed" = 0 ]
