#!/usr/bin/env python3
"""One epoch of the reference MNIST network: train_mnist, which watches all ten tensors at every step, against PyTorch,
which watches none. Same machine, same threads, taking turns. Needs a release build, tools/peers.sh and MNIST.

    mnist_epoch.py [--data FOLDER] [--rounds 5] [--threads 2]

Prints the times and writes them to bench/results/mnist/epoch.txt.
"""
import argparse
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parents[2]


def output_of(command, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads))
    done = subprocess.run([str(part) for part in command], env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"mnist_epoch: {command[0]} ended with {done.returncode}")
    return done.stdout


def seconds_of_ours(o, run_dir):
    text = output_of([root / "build/bin/train_mnist", "--data", o.data, "--run-dir", run_dir, "--epochs", 1, "--quiet"],
                     o.threads)
    steps, each = re.search(r"^(\d+) steps.* ([\d.]+) ms a step", text, re.M).groups()
    watch = re.search(r"^heartbeat: .*", text, re.M)
    return int(steps) * float(each) / 1000, watch.group(0) if watch else ""


def seconds_of_theirs(o, python):
    text = output_of([python, root / "bench/peers/mnist_reference.py", "--data", o.data, "--epochs", 1, "--threads",
                      o.threads], o.threads)
    return float(re.search(r"seconds ([\d.]+)", text).group(1)), text.splitlines()[0]


def processor():
    for line in open("/proc/cpuinfo") if os.path.exists("/proc/cpuinfo") else []:
        if line.startswith("model name"):
            return line.split(":")[1].strip()
    return platform.processor()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = pathlib.Path(os.environ.get("HEARTBEAT_DATA", root / "../shared/data")) / "mnist"
    parser.add_argument("--data", type=pathlib.Path, default=data)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count()))
    o = parser.parse_args()
    if not o.data.is_dir():
        sys.exit(f"mnist_epoch: {o.data} does not exist; give --data FOLDER with MNIST's four files")
    if not (root / "build/bin/train_mnist").exists():
        sys.exit("mnist_epoch: build/bin/train_mnist is missing; cmake --preset release && cmake --build build")
    peers = subprocess.run([root / "tools/peers.sh"], stdout=subprocess.PIPE, text=True)
    if peers.returncode:
        sys.exit(peers.returncode)
    python = peers.stdout.strip()

    ours, theirs, watch, torch = [], [], "", ""
    with tempfile.TemporaryDirectory() as scratch:
        for k in range(o.rounds):
            seconds, watch = seconds_of_ours(o, f"{scratch}/run{k}")
            ours.append(seconds)
            seconds, torch = seconds_of_theirs(o, python)
            theirs.append(seconds)
            print(f"round {k + 1}: heartbeat {ours[-1]:.2f} s, PyTorch {theirs[-1]:.2f} s", file=sys.stderr, flush=True)

    ratios = [theirs[k] / ours[k] for k in range(o.rounds)]
    spread = lambda v: f"{statistics.median(v):.2f} (from {min(v):.2f} to {max(v):.2f})"
    text = f"""One epoch of the reference MNIST network, 938 steps of 64 digits, {o.threads} threads; {o.rounds} rounds, taking turns.
{processor()}, {os.cpu_count()} cores; load when it ended: {os.getloadavg()[0]:.1f}
Made by bench/peers/mnist_epoch.py. Median, least and most.

  heartbeat, three histograms of ten tensors at every step   {spread(ours)} s
  PyTorch, nothing watched                                   {spread(theirs)} s
  PyTorch / heartbeat, round by round                        {spread(ratios)}

{torch}
{watch}
"""
    print(text)
    to = root / "bench/results/mnist/epoch.txt"
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)


main()
