#!/usr/bin/env python3
"""RESULTS.md, and README's summary between its markers, from the raw JSON that bench/run.py leaves in bench/results.

    tools/results.py            writes both
    tools/results.py --check    says whether both are what the raw JSON gives; exit code 1 where they are not

Of each device and benchmark the newest file counts. Nothing is estimated: what was not measured says so.
"""
import argparse
import json
import math
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parents[1]
US = "heartbeat"
WHOLE = {"training", "mnist_epoch"}  # steps and epochs, which come before kernels
BEGIN, END = "<!-- results: made by tools/results.py -->", "<!-- end of results -->"

INTRO = """# Results

Made by `tools/results.py` from the raw JSON in `bench/results`; `bench/run.py` measures, `tools/gpu_check.sh` does on a GPU.

Times are medians; ± is half of the way from the 10th to the 90th percentile. A ratio is a peer's time by ours in the same
round: above 1 we are faster. Where two rounds were made, both ends stand in brackets. "Share" is the time that the least bytes or
FLOPs of the case take at the ceiling of this machine, by our time; a case that fits a cache can be above the copy's. Pair
operations hold each contact once, their peers the full map: that is the point.
"""


def newest(folder):
    """{device folder: {benchmark: (date, report)}}"""
    found = {}
    for path in sorted(folder.glob("*/*/*.json")):
        report = json.loads(path.read_text())
        if "rows" not in report:
            continue  # of an older form
        devices = found.setdefault(path.parts[-3], {})
        date = (report["context"]["date"], path.parts[-2])
        if path.stem not in devices or devices[path.stem][0] <= date:
            devices[path.stem] = (date, report)
    return found


def time(seconds):
    for unit, scale in (("s", 1), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def measured_time(row):
    if "p10_s" not in row:
        return time(row["median_s"])
    return f"{time(row['median_s'])} ± {50 * (row['p90_s'] - row['p10_s']) / row['median_s']:.0f} %"


def ceilings(benchmarks):
    """Bytes and FLOPs a second that this device reaches at most."""
    rates = {}
    for row in benchmarks.get("ceilings", (None, {"rows": []}))[1]["rows"]:
        if "median_s" not in row:
            continue
        if row["case"].startswith("ceiling/copy"):
            rates["bytes"] = row["least_MB"] * 1e6 / row["median_s"]
        if row["case"].startswith("ceiling/sgemm"):
            rates["flops"] = row["least_MFLOP"] * 1e6 / row["median_s"]
    return rates


def share(row, rates):
    if not rates or not (row.get("least_MB") or row.get("least_MFLOP")):
        return "-"
    floor = max(row.get("least_MB", 0) * 1e6 / rates.get("bytes", math.inf),
                row.get("least_MFLOP", 0) * 1e6 / rates.get("flops", math.inf))
    return f"{100 * floor / row['median_s']:.0f} %"


def ratio(row):
    text = f"{row['ratio']:.2f}"
    if "ratio_from" in row:
        text += f" ({row['ratio_from']:.2f}, {row['ratio_to']:.2f})"
    return text


def family(by):
    """PyTorch 2.9.1 conv2d, full map -> PyTorch 2.9.1: one column."""
    return re.match(r"\S+( [\d.]+\S*)?", by).group(0)


def by_case(rows):
    cases = {}
    for row in rows:
        cases.setdefault(row["case"], []).append(row)
    return cases


def best(rows, column=None):
    """The fastest peer of a case, of one column or of all."""
    peers = [r for r in rows if r["by"] != US and "ratio" in r and column in (None, family(r["by"]))]
    return min(peers, key=lambda r: r["ratio"], default=None)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows]) + "\n"


def ceiling_table(rows):
    cells = []
    for row in rows:
        if "median_s" not in row:
            cells.append([row["case"], "not measured: " + row["error"], ""])
            continue
        rate = "-"
        if row.get("least_MFLOP", 0) * 1e6 > 4 * row.get("least_MB", 0) * 1e6:
            rate = f"{row['least_MFLOP'] * 1e6 / row['median_s'] / 1e9:,.0f} G/s"
        elif row.get("least_MB"):
            rate = f"{row['least_MB'] * 1e6 / row['median_s'] / 1e9:,.1f} GB/s"
        cells.append([row["case"], measured_time(row), rate])
    return table(["ceiling", "time", "rate"], cells)


def benchmark_table(rows, rates):
    columns = list(dict.fromkeys(family(r["by"]) for r in rows if r["by"] != US))
    memory = any("peak_MB" in r for r in rows)
    cells = []
    for case, same in by_case(rows).items():
        ours = next((r for r in same if r["by"] == US), None)
        if ours is None:
            continue
        if "median_s" not in ours:
            cells.append([f"`{case}`", "not measured: " + ours["error"], "", *([""] if memory else []), *[""] * len(columns)])
            continue
        line = [f"`{case}`", measured_time(ours), share(ours, rates)]
        if memory:
            line.append(f"{ours['peak_MB']:.0f} MB" if "peak_MB" in ours else "-")
        for column in columns:
            peer = best(same, column)
            if peer is None:
                line.append("not measured")
                continue
            text = ratio(peer)
            if memory and "peak_MB" in peer:
                text += f", {peer['peak_MB']:.0f} MB"
            line.append(text + peer["by"].removeprefix(column).replace("|", "/").join([" <sub>", "</sub>"]))
        cells.append(line)
    return table(["case", "ours", "share", *(["memory"] if memory else []), *(f"{c}: ratio" for c in columns)], cells)


def results(found):
    parts = [INTRO]
    gpu = any("cuda" in report["context"] for b in found.values() for _, report in b.values())
    for folder, benchmarks in found.items():
        context = next(iter(benchmarks.values()))[1]["context"]
        parts.append(f"## {context['device']}, {context['threads']} threads\n")
        if "cuda" in context:
            parts.append(context["cuda"] + ".\n")
        rates = ceilings(benchmarks)
        order = sorted(benchmarks, key=lambda n: (n != "ceilings", n not in WHOLE, n))
        for name in order:
            date, report = benchmarks[name]
            c = report["context"]
            parts.append(f"### {name}\n\n{c['date']}, commit {c['commit']}, {c['rounds']} rounds, load {c['load']} "
                         f"when it ended; `bench/results/{folder}/{date[1]}/{name}.json`\n")
            rows = report["rows"]
            parts.append(ceiling_table(rows) if name == "ceilings" else benchmark_table(rows, rates))
    if not gpu:
        parts.append("## GPU\n\nNot measured: no machine with a GPU has run `tools/gpu_check.sh` yet.\n")
    return "\n".join(parts)


def summary(found):
    """One line a benchmark: the geometric mean over its cases of the best peer's ratio, and the worst and best case."""
    lines = []
    for benchmarks in found.values():
        context = next(iter(benchmarks.values()))[1]["context"]
        cells = []
        for name in sorted(benchmarks, key=lambda n: (n not in WHOLE, n)):
            cases = by_case(benchmarks[name][1]["rows"])
            peers = [p for p in (best(same) for same in cases.values()) if p]
            if not peers:
                continue
            ratios = [p["ratio"] for p in peers]
            mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
            who = ", ".join(dict.fromkeys(family(p["by"]) for p in peers))
            cells.append([name, str(len(ratios)), f"{mean:.2f}", f"{min(ratios):.2f}", f"{max(ratios):.2f}", who])
        lines.append(f"{context['device']}, {context['threads']} threads; the fastest peer's time by ours, above 1 we are faster "
                     "(all cases: `RESULTS.md`):\n")
        lines.append(table(["benchmark", "cases", "geometric mean", "worst", "best", "fastest peers"], cells))
    if not any("cuda" in report["context"] for b in found.values() for _, report in b.values()):
        lines.append("On a GPU: not measured.\n")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--root", type=pathlib.Path, default=root, help=argparse.SUPPRESS)  # for its own test
    o = parser.parse_args()
    found = newest(o.root / "bench/results")
    readme = (o.root / "README.md").read_text()
    if readme.count(BEGIN) != 1 or readme.count(END) != 1:
        sys.exit(f"results: README.md must have one line {BEGIN} and one line {END}")
    head, rest = readme.split(BEGIN)
    wanted = {"RESULTS.md": results(found), "README.md": head + BEGIN + "\n" + summary(found) + END + rest.split(END)[1]}
    stale = [name for name, text in wanted.items()
             if not (o.root / name).exists() or (o.root / name).read_text() != text]
    if o.check and stale:
        sys.exit(f"results: {' and '.join(stale)} do not say what bench/results holds; run tools/results.py")
    if not o.check:
        for name, text in wanted.items():
            (o.root / name).write_text(text)


main()
