#!/usr/bin/env bash
# tools/gpu_check.sh without a GPU says why it cannot run; with programs and an nvidia-smi that only play their parts, it
# counts what passes and fails, keeps to its budget and to the stages asked for.
set -euo pipefail
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
fail() { echo "gpu_check: $*" >&2; exit 1; }
# expect CODE PATTERN COMMAND...
expect() {
  local code=0 want=$1 pattern=$2
  shift 2
  "$@" >"$there/said" 2>&1 || code=$?
  [ $code = "$want" ] || fail "exit code $code instead of $want from: $*; it said: $(cat "$there/said")"
  grep -q -- "$pattern" "$there/said" || fail "'$pattern' is not in what it said: $(cat "$there/said")"
}

no_gpu=$there/no_gpu
mkdir -p "$no_gpu"
printf '#!/bin/sh\nexit 9\n' >"$no_gpu/nvidia-smi"
chmod +x "$no_gpu/nvidia-smi"
PATH=$no_gpu:$PATH expect 0 'cannot run:   no NVIDIA GPU answers' tools/gpu_check.sh --dry-run
PATH=$no_gpu:$PATH expect 2 'cannot run:   no NVIDIA GPU answers' tools/gpu_check.sh
expect 2 "'speed' is no stage" tools/gpu_check.sh --only tests,speed
expect 2 "'soon' is no number of minutes" tools/gpu_check.sh --budget soon
expect 2 "'--fast' is no option" tools/gpu_check.sh --fast

# An unpacked archive, as tools/pack.sh makes it, of programs that do nothing.
mkdir -p "$there/node/bin" "$there/node/tools" "$there/node/bench" "$there/smi"
cp tools/gpu_check.sh tools/results.py "$there/node/tools/"
cp bench/run.py "$there/node/bench/"
cp README.md "$there/node/"
echo abc123 >"$there/node/commit"
for program in cuda_test devices_test device_programs_test; do
  printf '#!/bin/sh\necho "[  PASSED  ] $HEARTBEAT_BIN_DIR"\n' >"$there/node/bin/$program"
done
printf '#!/bin/sh\necho "[  FAILED  ] Something.Breaks"\nexit 1\n' >"$there/node/bin/devices_test"
chmod +x "$there"/node/bin/*
cat >"$there/smi/nvidia-smi" <<'SMI'
#!/bin/sh
case "$*" in
  *name,driver*) echo "NVIDIA Some GPU, 580.1, 1000 MiB" ;;
  *name*) echo "NVIDIA Some GPU" ;;
  *) echo "Clocks" ;;
esac
SMI
chmod +x "$there/smi/nvidia-smi"
cd "$there/node"
PATH=$there/smi:$PATH expect 0 'prebuilt, commit abc123' tools/gpu_check.sh --dry-run
PATH=$there/smi:$PATH expect 1 '^2 passed, 1 failed; raw results in bench/results/nvidia-some-gpu/.*-abc123' tools/gpu_check.sh --only tests
grep -q 'devices_test: FAILED with 1' "$there/said" && grep -q 'Something.Breaks' "$there/said" || fail "the failure is not named"
grep -q 'PASSED' bench/results/nvidia-some-gpu/*/cuda_test.txt || fail "no log was kept"
! ls bench/results/nvidia-some-gpu/*/bench-* 2>/dev/null || fail "a stage ran that was not asked for"
printf '#!/bin/sh\nsleep 100\n' >bin/cuda_test
sed -i 's/step cuda_test 600/step cuda_test 1/' tools/gpu_check.sh
PATH=$there/smi:$PATH expect 1 'cuda_test: stopped after 1 s' tools/gpu_check.sh --only tests
