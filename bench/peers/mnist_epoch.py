#!/usr/bin/env python3
"""One epoch of the reference MNIST network, ours and PyTorch's, each with and without watching all ten tensors at every
step. Same machine, same threads, taking turns. Needs a release build, tools/peers.sh and MNIST.

    mnist_epoch.py [--data FOLDER] [--rounds 5] [--threads 2]

Prints the times and writes mnist_epoch.json where bench/run.py writes its files.
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

root = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(root / "bench"))
import run  # noqa: E402

US = "heartbeat"


def output_of(command, threads):
    return run.output_of(command, env=dict(os.environ, OMP_NUM_THREADS=str(threads)))


def seconds_of_ours(o, run_dir, watch):
    text = output_of([o.bin / "train_mnist", "--data", o.data, "--run-dir", run_dir, "--epochs", 1, "--quiet", "--watch",
                      "all" if watch else "none"], o.threads)
    steps, each = re.search(r"^(\d+) steps.* ([\d.]+) ms a step", text, re.M).groups()
    return int(steps) * float(each) / 1000


def seconds_of_theirs(o, python, watch):
    text = output_of([python, root / "bench/peers/mnist_reference.py", "--data", o.data, "--epochs", 1, "--threads",
                      o.threads] + ["--watch"] * watch, o.threads)
    return float(re.search(r"seconds ([\d.]+)", text).group(1)), text.split(",")[0].replace("torch", "PyTorch").split("+")[0]


def row(case, by, seconds, ours=None):
    new = {"case": case, "by": by, "median_s": statistics.median(seconds), "p10_s": min(seconds), "p90_s": max(seconds),
           "samples": len(seconds)}
    if ours:
        ratios = [a / b for a, b in zip(seconds, ours)]
        new.update(ratio=statistics.median(ratios), ratio_from=min(ratios), ratio_to=max(ratios))
    return {k: round(v, 4) if isinstance(v, float) else v for k, v in new.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = pathlib.Path(os.environ.get("HEARTBEAT_DATA", root / "../shared/data")) / "mnist"
    parser.add_argument("--data", type=pathlib.Path, default=data)
    parser.add_argument("--bin", type=pathlib.Path, default=root / "build/bin")
    parser.add_argument("--out", type=pathlib.Path, default=root / "bench/results")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    parser.add_argument("--python")
    parser.set_defaults(no_peers=False)
    o = parser.parse_args()
    if not o.data.is_dir():
        sys.exit(f"mnist_epoch: {o.data} does not exist; give --data FOLDER with MNIST's four files")
    if not (o.bin / "train_mnist").exists():
        sys.exit(f"mnist_epoch: {o.bin}/train_mnist is missing; cmake --preset release && cmake --build build")
    python = run.peers_python(o)
    if not python:
        sys.exit("mnist_epoch: no Python with PyTorch; tools/peers.sh makes one")

    ours, theirs, version = {False: [], True: []}, {False: [], True: []}, ""
    with tempfile.TemporaryDirectory() as scratch:
        for k in range(o.rounds):
            for watch in (True, False):
                ours[watch].append(seconds_of_ours(o, f"{scratch}/run{k}{watch}", watch))
                seconds, version = seconds_of_theirs(o, python, watch)
                theirs[watch].append(seconds)
            print(f"round {k + 1}: heartbeat {ours[True][-1]:.2f} s, {ours[False][-1]:.2f} s unwatched; PyTorch "
                  f"{theirs[True][-1]:.2f} s, {theirs[False][-1]:.2f} s unwatched", file=sys.stderr, flush=True)
    watched, plain = "mnist_epoch/watch:1", "mnist_epoch/watch:0"
    rows = [row(watched, US, ours[True]), row(watched, f"{version} + histc", theirs[True], ours[True]),
            row(watched, f"{version} that watches nothing", theirs[False], ours[True]),
            row(plain, US, ours[False]), row(plain, version, theirs[False], ours[False])]
    context = {"device": run.processor(), "threads": str(o.threads), "commit": run.commit(),
               "date": datetime.date.today().isoformat(), "rounds": o.rounds, "load": round(os.getloadavg()[0], 2)}
    print(run.write(o.out, "mnist_epoch", context, rows))
    for r in rows:
        print(f"{r['case']:22} {r['by']:34} {r['median_s']:6.2f} s ({r['p10_s']:.2f} to {r['p90_s']:.2f})"
              + (f"   by ours {r['ratio']:.2f} ({r['ratio_from']:.2f} to {r['ratio_to']:.2f})" if "ratio" in r else ""))


main()
