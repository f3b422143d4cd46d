#!/usr/bin/env bash
# Sets up, builds, and runs tests. Ends with 'N passed, N failed'.
#
#   ./tools/test.sh                      the code for the CPU: the stages release and asan
#   ./tools/test.sh all                  every test this machine can run: all stages, in this order
#   ./tools/test.sh simt nvcc            some of them
#   ./tools/test.sh release -R Spmm      what begins with a dash, and all after it, goes to ctest
#
#   release      what users run: kernels, autograd, data, model, tools, whole programs, the house
#   asan         the same but for the programs, under the address and undefined-behaviour sanitizers
#   simt         the CUDA sources on the emulator: parity, whole programs, random orders, planted mistakes
#   simt-asan    the CUDA kernels on the emulator, under the sanitizers
#   simt-check   the same, looking for races, bounds and uninitialised shared memory
#   nvcc         every CUDA source through nvcc, with a table of registers and spills; where nvcc is installed
#   gpu-node     the archive for a machine with a GPU and nothing else: what it needs and how large it is; where nvcc is
set -uo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h|--help) sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 0 ;; esac
stages=()
every=(release asan simt simt-asan simt-check nvcc gpu-node)
while [ $# -gt 0 ] && [[ "$1" != -* ]]; do
  if [ "$1" = all ]; then
    stages=("${every[@]}")
    shift
    continue
  fi
  [[ " ${every[*]} " == *" $1 "* ]] || {
    echo "test: '$1' is not a stage; choose from all ${every[*]}" >&2
    exit 2
  }
  stages+=("$1")
  shift
done
[ ${#stages[@]} -gt 0 ] || stages=(release asan)
./tools/setup.sh || exit 2

export OMP_WAIT_POLICY=passive  # tests run side by side: threads that spin while they wait would slow each other down

passed=0 failed=0 skipped=0

# run PRESET FOLDER TARGET [ctest arguments]
run() {
  local preset=$1 folder=$2 target=$3 start=$SECONDS
  shift 3
  echo "== $stage =="
  if ! { cmake --preset "$preset" >"/tmp/heartbeat-$$.log" &&
         cmake --build "$folder" --target "$target" >>"/tmp/heartbeat-$$.log"; } 2>&1; then
    grep -E -A 8 'error|Error' "/tmp/heartbeat-$$.log" | head -n 40
    echo "the $preset build failed"
    failed=$((failed + 1))
    return
  fi
  local built=$((SECONDS - start))
  rm -f "/tmp/heartbeat-$$.log"
  local result=$folder/ctest.xml
  rm -f "$result"
  ctest --test-dir "$folder" --output-on-failure --output-junit ctest.xml -j "$(nproc)" "$@" | grep -vE ' Passed |Start +[0-9]+:'
  count() { sed -n "s/.*[[:space:]]$1=\"\([0-9]*\)\".*/\1/p" "$result" | head -n 1; }
  if [ ! -s "$result" ]; then
    failed=$((failed + 1))
    return
  fi
  local all bad left_out
  all=$(count tests) bad=$(count failures) left_out=$(($(count skipped) + $(count disabled)))
  echo "$stage: $((all - bad - left_out)) passed, $bad failed, $left_out skipped; built in $built s, tested in $((SECONDS - start - built)) s"
  passed=$((passed + all - bad - left_out)) failed=$((failed + bad)) skipped=$((skipped + left_out))
}

export LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
for stage in "${stages[@]}"; do
  case $stage in
    release)    run release build all -LE nvcc "$@" ;;
    asan)       run asan build/asan all -LE 'slow|house|program' "$@" ;;
    simt)       run simt build/simt simt_tests -L simt "$@" ;;
    simt-asan)  run simt-asan build/simt-asan simt_tests -L simt "$@" ;;
    simt-check) run simt-check build/simt-check simt_tests -L simt "$@" ;;
    nvcc)       run release build cuda_compile -L nvcc "$@" ;;
    gpu-node)
      if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then
        run gpu-node build/gpu-node pack -R '^pack$' "$@"
      else
        echo "gpu-node: skipped, there is no nvcc"
        skipped=$((skipped + 1))
      fi ;;
  esac
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
