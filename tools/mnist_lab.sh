#!/usr/bin/env bash
# The laboratory: trains the article's small network on digits, one setting changed at a time, and lays the runs side by
# side in one page. Called again it trains only what is missing.
#
#   ./tools/mnist_lab.sh                            digits drawn from strokes, into runs/lab
#   ./tools/mnist_lab.sh --data data/mnist          the real ones, see tools/fetch_data.sh
#   ./tools/mnist_lab.sh --epochs 10 --out runs/long
#   ./tools/mnist_lab.sh --seed 3                   other flags go to train_mnist, for every run
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
  echo "mnist_lab: $1" >&2
  exit 2
}

out=runs/lab epochs=3 data=synthetic more=()
while [ $# -gt 0 ]; do
  case "$1" in
    -h|--help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 0 ;;
    --out|--epochs|--data)
      [ $# -gt 1 ] || fail "$1 needs a value; see tools/mnist_lab.sh --help"
      printf -v "${1#--}" %s "$2"
      shift 2 ;;
    --run-dir|--resume|--lr|--batch-size|--momentum|--noise-module)
      fail "$1 is what the laboratory changes from run to run; use train_mnist for a run of your own" ;;
    *) more+=("$1"); shift ;;
  esac
done
[[ "$epochs" =~ ^[1-9][0-9]*$ ]] || fail "--epochs $epochs is not a number of epochs; give 1 or more"
[ "$data" = synthetic ] || [ -d "$data" ] || fail "--data $data is not a folder; tools/fetch_data.sh gets the digits"

# name: what differs from the reference
grid=(
  "reference:"
  "lr-0.001: --lr 0.001"
  "lr-0.1: --lr 0.1"
  "lr-0.5: --lr 0.5"
  "batch-16: --batch-size 16"
  "batch-512: --batch-size 512"
  "momentum-0.9: --momentum 0.9"
  "no-noise: --noise-module off"
)

bin=${HEARTBEAT_BIN_DIR:-build/bin}
if [ ! -x "$bin/train_mnist" ] || [ ! -x "$bin/heartbeat" ]; then
  echo "building train_mnist and heartbeat"
  log=$(mktemp)
  { cmake --preset release && cmake --build build --target train_mnist heartbeat; } >"$log" 2>&1 || {
    grep -E -A 8 'error|Error' "$log" | head -n 40 >&2
    echo "mnist_lab: the build failed; the whole log is $log" >&2
    exit 1
  }
  rm -f "$log"
fi
mkdir -p "$out" || fail "the folder $out cannot be made; choose another --out"

runs=() number=0
for entry in "${grid[@]}"; do
  name=${entry%%:*} run=$out/$name number=$((number + 1)) resume=
  flags="--data $data --epochs $epochs ${more[*]-} ${entry#*:}"
  runs+=("$run")
  printf '[%d/%d] %-13s ' "$number" "${#grid[@]}" "$name"
  if [ -e "$run/lab.done" ]; then
    [ "$(head -n 1 "$run/lab.done")" = "$flags" ] || {
      echo
      fail "$run was trained with other flags; choose another --out, or remove it"
    }
    echo "$(tail -n 1 "$run/lab.done") (done before)"
    continue
  fi
  [ ! -e "$run/last.safetensors" ] || resume=--resume
  mkdir -p "$run"
  start=$SECONDS code=0
  # shellcheck disable=SC2086
  "$bin/train_mnist" --quiet --run-dir "$run" $flags $resume >"$run/lab.out" 2>"$run/lab.err" || code=$?
  if [ "$code" != 0 ]; then
    echo
    cat "$run/lab.err" >&2
    exit "$code"
  fi
  result=$(grep -o '^test accuracy.*' "$run/lab.out" | tail -n 1 | cut -d ';' -f 1)
  printf '%s\n%s\n' "$flags" "$result" >"$run/lab.done"
  echo "$result, $((SECONDS - start)) s"
done

"$bin/heartbeat" gallery "${runs[@]}" -o "$out/lab.html" --title "The MNIST laboratory"
echo "Open $out/lab.html in a browser."
