#!/usr/bin/env bash
# RESULTS.md and README's summary say what the raw JSON says, and a page that does not is noticed.
set -euo pipefail
python3 tools/results.py --check
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/bench/results/some-cpu/2026-01-01-abc"
cat >"$copy/bench/results/some-cpu/2026-01-01-abc/spmm.json" <<'JSON'
{"context": {"device": "Some CPU", "threads": "2", "commit": "abc", "date": "2026-01-01", "rounds": 1, "load": 0.5},
 "rows": [{"case": "spmm/n:1", "by": "heartbeat", "median_s": 0.001, "p10_s": 0.0009, "p90_s": 0.0012, "least_MB": 1.0},
  {"case": "spmm/n:1", "by": "PyTorch 9.9 csr @ X", "median_s": 0.003, "ratio": 3.0},
  {"case": "spmm/n:2", "by": "heartbeat", "error": "wrong result"}]}
JSON
cp README.md "$copy"
python3 tools/results.py --root "$copy"
python3 tools/results.py --root "$copy" --check
grep -q '| `spmm/n:1` | 1 ms ± 15 % | - | 3.00 <sub> csr @ X</sub> |' "$copy/RESULTS.md"
grep -q 'not measured: wrong result' "$copy/RESULTS.md"
grep -q '^Not measured: no machine with a GPU' "$copy/RESULTS.md"
grep -q '| spmm | 1 | 3.00 | 3.00 | 3.00 | PyTorch 9.9 |' "$copy/README.md"
sed -i 's/3.00/4.00/' "$copy/RESULTS.md"
if python3 tools/results.py --root "$copy" --check 2>/dev/null; then
  echo "results: a changed RESULTS.md went unnoticed" >&2
  exit 1
fi
