#!/usr/bin/env bash
# The main job from nothing: sets up, builds, makes 64 synthetic proteins (or takes a folder of your structures), trains a
# small contact model for about two minutes, predicts, and leaves a report to open in a browser.
#
#   ./tools/demo.sh                 synthetic proteins
#   ./tools/demo.sh FOLDER          your own mmCIF or PDB files
#   HEARTBEAT_DEMO_SECONDS=20 ./tools/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:-}" in -h|--help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 0 ;; esac

structures=${1:-}
if [ -n "$structures" ] && [ ! -d "$structures" ]; then
  echo "demo: $structures is not a folder; give a folder of mmCIF or PDB files, or nothing for synthetic proteins" >&2
  exit 2
fi
seconds=${HEARTBEAT_DEMO_SECONDS:-120}
run=runs/demo

./tools/setup.sh
echo "== build =="
log=$(mktemp)
{ cmake --preset release &&
  cmake --build build --target make_proteins prepare_contacts train_contacts predict_contacts heartbeat; } >"$log" 2>&1 || {
  grep -E -A 8 'error|Error' "$log" | head -n 40 >&2
  echo "demo: the build failed; the whole log is $log" >&2
  exit 1
}
rm -f "$log"

# An earlier demo is kept once, beside the new one.
if [ -e "$run" ]; then
  rm -rf "$run-previous"
  mv "$run" "$run-previous"
fi
mkdir -p "$run"

if [ -z "$structures" ]; then
  echo "== 64 synthetic proteins =="
  structures=$run/structures
  build/bin/make_proteins --count 64 --seed 1 --out "$structures"
fi
echo "== prepare =="
build/bin/prepare_contacts --structures "$structures" --allow-atom-sequence --out "$run/contacts.db"
echo "== train for $seconds seconds =="
build/bin/train_contacts --data "$run/contacts.db" --run-dir "$run" --size T \
  --max-minutes "$(awk "BEGIN { print $seconds / 60 }")" --eval-minutes "$(awk "BEGIN { print $seconds / 180 }")"
echo "== predict =="
build/bin/predict_contacts --checkpoint "$run/best.safetensors" --data "$run/contacts.db" --split validation \
  --out "$run/predictions"
echo "== report =="
build/bin/heartbeat report "$run" -o "$run/report.html"
echo
echo "Open $PWD/$run/report.html in a browser; predicted maps are PNG files in $run/predictions."
