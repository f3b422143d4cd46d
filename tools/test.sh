#!/usr/bin/env bash
# Sets up, builds, and runs every test this machine can run: release, then again under the address and undefined-behaviour
# sanitizers. Ends with 'N passed, N failed'. Arguments go to ctest, for example: tools/test.sh -R Spmm
set -uo pipefail
cd "$(dirname "$0")/.."
./tools/setup.sh || exit 2

export OMP_WAIT_POLICY=passive  # tests run side by side: threads that spin while they wait would slow each other down

passed=0 failed=0 skipped=0

# run PRESET FOLDER [ctest arguments]
run() {
  local preset=$1 folder=$2
  shift 2
  echo "== $preset =="
  if ! { cmake --preset "$preset" >"/tmp/heartbeat-$$.log" && cmake --build "$folder" >>"/tmp/heartbeat-$$.log"; } 2>&1; then
    grep -E -A 8 'error|Error' "/tmp/heartbeat-$$.log" | head -n 40
    echo "the $preset build failed"
    failed=$((failed + 1))
    return
  fi
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
  passed=$((passed + all - bad - left_out)) failed=$((failed + bad)) skipped=$((skipped + left_out))
}

run release build "$@"
export LSAN_OPTIONS=suppressions=$PWD/tests/support/lsan.supp:print_suppressions=0
export ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
run asan build/asan -LE 'slow|house|program' "$@"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
