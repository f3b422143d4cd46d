#!/usr/bin/env python3
"""Measures heartbeat's kernels beside their peers and leaves raw JSON.

    bench/run.py                                   every benchmark, on the CPU, with PyTorch where tools/peers.sh has made it
    bench/run.py --device cuda --bin FOLDER        on a GPU
    bench/run.py --only spmm,pair_conv --no-peers

Each benchmark and its peers take turns (--rounds), because other programs slow a shared machine. One file a benchmark,
bench/results/<device>/<date>-<commit>/NAME.json; tools/results.py makes RESULTS.md of them. A file has "context" (device,
threads, commit, versions, load) and "rows": case, by, median_s, p10_s, p90_s, samples, and for ours least_MB and least_MFLOP;
a peer's row has "ratio", its time by ours in the same round.
"""
import argparse
import datetime
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[1]
US = "heartbeat"


def output_of(command, **more):
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, **more)
    if done.returncode:
        sys.exit(f"run: {' '.join(str(part) for part in command[:3])} ended with {done.returncode}")
    return done.stdout


def commit():
    given = os.environ.get("HEARTBEAT_COMMIT")  # of prebuilt binaries
    if given:
        return given
    try:
        name = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.DEVNULL, check=True).stdout.strip()
        changed = subprocess.run(["git", "-C", root, "status", "--porcelain", "--untracked-files=no"],
                                 stdout=subprocess.PIPE, text=True).stdout.strip()
        return name + ("-changed" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def clocks(device):
    if device != "cuda":
        return {}
    fields = "clocks.sm,clocks.mem,power.draw,temperature.gpu,driver_version"
    try:
        text = output_of(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"])
    except (OSError, SystemExit):
        return {}
    return {"nvidia_smi": f"{fields}: {text.splitlines()[0]}"}


def rows_of_google(text):
    """Rows of one of our benchmarks, with those of its peers in the same process."""
    report = json.loads(text)
    context = {k: report["context"][k] for k in ("device", "cuda", "threads", "openblas", "compiler", "num_cpus")
               if k in report["context"]}
    rows = []
    for b in report["benchmarks"]:
        case = re.sub(r"/(iterations:\d+|manual_time|real_time)", "", b["name"])
        if b.get("error_occurred"):
            rows.append({"case": case, "by": US, "error": b["error_message"]})
            continue
        if "median" not in b:
            continue
        row = {"case": case, "by": US, "median_s": b["median"]}
        for name, key in (("p10", "p10_s"), ("p90", "p90_s"), ("samples", "samples"), ("least_MB", "least_MB"),
                          ("least_MFLOP", "least_MFLOP"), ("peak_MB", "peak_MB")):
            if name in b:
                row[key] = b[name]
        rows.append(row)
        for key in b:
            if key.startswith("peer:"):
                by = key[5:]
                rows.append({"case": case, "by": by, "median_s": b[key], "p10_s": b["p10:" + by],
                             "p90_s": b["p90:" + by], "ratio": b["ratio:" + by]})
    return context, rows


def merged(rounds):
    """One row a case and contestant: the median over rounds of the medians, and of the ratios within a round."""
    gathered = {}
    for rows in rounds:
        ours = {row["case"]: row for row in rows if row["by"] == US and "median_s" in row}
        for row in rows:
            if row["by"] != US and "ratio" not in row and row["case"] in ours:
                row["ratio"] = row["median_s"] / ours[row["case"]]["median_s"]
            gathered.setdefault((row["case"], row["by"]), []).append(row)
    out = []
    for same in gathered.values():
        row = dict(same[0])
        for key in ("median_s", "ratio"):
            values = [r[key] for r in same if key in r]
            if values:
                row[key] = float(f"{statistics.median(values):.6g}")
        for key, of in (("p10_s", min), ("p90_s", max)):
            if key in row:
                row[key] = float(f"{of(r[key] for r in same):.6g}")
        ratios = [r["ratio"] for r in same if "ratio" in r]
        if len(ratios) > 1:
            row["ratio_from"], row["ratio_to"] = (float(f"{v:.4g}") for v in (min(ratios), max(ratios)))
        out.append(row)
    return out


def peers_python(o):
    """The environment of tools/peers.sh, or the machine's own Python where it has PyTorch."""
    if o.no_peers:
        return None
    folders = [os.environ.get("HEARTBEAT_PEERS"), root / "build/peers"]
    candidates = [o.python] if o.python else [f"{f}/bin/python" for f in folders if f] + ["python3"]
    for python in candidates:
        try:
            subprocess.run([python, "-c", "import torch"], check=True, stderr=subprocess.DEVNULL)
            return python
        except (OSError, subprocess.CalledProcessError):
            pass
    return None


NO_PEERS = {"ceilings", "run_log"}
ALONE = {"training"}  # each case in a process of its own, for its memory


def one_process(program, filter, o, python, environment):
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        output_of([program, "--device", o.device, f"--benchmark_out={out.name}", "--benchmark_out_format=json",
                   f"--benchmark_filter={filter}"], env=environment)
        text = open(out.name).read()
    if not text:
        return {}, []  # nothing fits the filter
    context, rows = rows_of_google(text)
    name = program.name.removesuffix("_bench")
    cases = [row["case"] for row in rows if row["by"] == US and "median_s" in row]
    if python and cases and name not in NO_PEERS:
        script = root / "bench/peers" / ("torch_training.py" if name in ALONE else "torch_kernels.py")
        rows += json.loads(output_of([python, script, "--device", o.device, "--threads", o.threads, *cases],
                                     env=environment))
    return context, rows


def measure(program, o, python, environment):
    filters = [o.filter]
    if program.name.removesuffix("_bench") in ALONE:
        names = output_of([program, "--benchmark_list_tests", f"--benchmark_filter={o.filter}"], env=environment)
        filters = [f"^{name}$" for name in names.split()]
    rounds, context = [], {}
    for _ in range(o.rounds):
        rows = []
        for each in filters:
            new, more = one_process(program, each, o, python, environment)
            context = new or context
            rows += more
        rounds.append(rows)
    return context, merged(rounds)


def processor():
    for line in open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            return line.split(": ")[1].strip()
    return "unknown"


def write(out, name, context, rows):
    """One line a row, so that a change can be read. Returns the file's path below `out`."""
    path = pathlib.Path(slug(context["device"])) / f"{context['date']}-{context['commit']}" / f"{name}.json"
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n  ".join(json.dumps(row) for row in rows)
    (out / path).write_text(f'{{"context": {json.dumps(context)},\n "rows": [\n  {lines}\n ]}}\n')
    return path


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/bin", help="folder of the *_bench programs")
    parser.add_argument("--out", type=pathlib.Path, default=root / "bench/results")
    parser.add_argument("--only", default="", help="names with commas between: spmm,pair_conv; all if not given")
    parser.add_argument("--filter", default=".", help="cases, a regular expression")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--python", help="one with PyTorch; tools/peers.sh's if not given")
    parser.add_argument("--no-peers", action="store_true", help="only those in the same process")
    o = parser.parse_args()

    programs = sorted(o.bin.glob("*_bench"), key=lambda p: (not p.name.startswith("ceilings"), p.name))
    wanted = set(filter(None, o.only.split(",")))
    unknown = wanted - {p.name.removesuffix("_bench") for p in programs}
    if not programs or unknown:
        what = f"there is no benchmark {', '.join(sorted(unknown))}" if unknown else "there are no benchmarks"
        sys.exit(f"run: {what} in {o.bin}; cmake --preset release && cmake --build build, or give --bin")
    python = peers_python(o)
    if not python and not o.no_peers:
        print("run: no Python with PyTorch, so no peers of another process; tools/peers.sh makes one", file=sys.stderr)
    # A processor that OpenBLAS does not know gets kernels of 2004; ours chooses by itself, and names what it chose.
    environment = dict(os.environ, OMP_NUM_THREADS=str(o.threads))
    for program in programs:
        name = program.name.removesuffix("_bench")
        if wanted and name not in wanted:
            continue
        context, rows = measure(program, o, python, environment)
        if not rows:
            continue
        context.update(commit=commit(), date=datetime.date.today().isoformat(), rounds=o.rounds,
                       load=round(os.getloadavg()[0], 2), **clocks(o.device))
        errors = [row for row in rows if "error" in row]
        print(f"{name}: {len(rows)} rows, {len(errors)} not measured -> {write(o.out, name, context, rows)}", flush=True)


if __name__ == "__main__":
    main()
