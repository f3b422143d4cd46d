#!/usr/bin/env python3
"""How far PyTorch in f32 strays from PyTorch in f64 within 200 steps of the reference MNIST network: what rounding alone
does to losses and weights, and so the least that two right implementations in f32 can be asked to differ by. Same initial
weights, batches and noise, from MNIST. Needs tools/peers.sh and MNIST.

    mnist_rounding.py [--data FOLDER] [--steps 200] [--seeds 17 1 2]

Prints the distances and writes them to bench/results/mnist/rounding.txt.
"""
import argparse
import gzip
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import torch
from safetensors.torch import load_file, save_file

root = pathlib.Path(__file__).resolve().parents[2]
SIZES = {"conv1": ((20, 1, 5, 5), 25), "conv2": ((50, 20, 5, 5), 500), "rand_fc": ((10, 10), 10),
         "fc1": ((500, 810), 810), "fc2": ((10, 500), 500)}  # weight, inputs of a unit


def idx(path, offset):
    return numpy.frombuffer(gzip.open(path).read(), numpy.uint8, offset=offset)


def recipe(folder, seed, steps, count=6400, batch=64):
    torch.manual_seed(seed)
    given = {}
    for name, (shape, inputs) in SIZES.items():
        bound = inputs**-0.5
        given[name + ".weight"] = torch.empty(shape).uniform_(-bound, bound)
        given[name + ".bias"] = torch.empty(shape[0]).uniform_(-bound, bound)
    pixels = idx(folder / "train-images-idx3-ubyte.gz", 16)[: count * 784].reshape(count, 1, 28, 28)
    given["images"] = (torch.from_numpy(pixels.copy()).float() / 255 - 0.1307) / 0.3081
    given["labels"] = torch.from_numpy(idx(folder / "train-labels-idx1-ubyte.gz", 8)[:count].copy()).float()
    given["rows"] = torch.randint(count, (steps, batch)).float()
    given["noise"] = torch.randn(steps, batch, 10)
    return given


def replayed(given, dtype, scratch, momentum):
    save_file({name: t.to(dtype) for name, t in given.items()}, f"{scratch}/in")
    subprocess.run([sys.executable, root / "bench/peers/mnist_reference.py", "--replay", f"{scratch}/in", "--out",
                    f"{scratch}/out", "--momentum", str(momentum)], check=True)
    # A clone: the loader maps the file, and the next replay overwrites it.
    return {name: t.double().clone() for name, t in load_file(f"{scratch}/out").items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = pathlib.Path(os.environ.get("HEARTBEAT_DATA", root / "../shared/data")) / "mnist"
    parser.add_argument("--data", type=pathlib.Path, default=data)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, nargs="+", default=[17, 1, 2])
    o = parser.parse_args()
    if not o.data.is_dir():
        sys.exit(f"mnist_rounding: {o.data} does not exist; give --data FOLDER with MNIST's four files")
    lines = [f"PyTorch {torch.__version__} in f32 against PyTorch in f64, {o.steps} steps of 64 digits of MNIST, lr 0.01.",
             "Made by bench/peers/mnist_rounding.py. Largest relative distance of a loss, and the step from which it is",
             "over 1e-4; largest distance of a weight after the last step.", "",
             "seed  momentum   loss      over 1e-4 from step   weight"]
    with tempfile.TemporaryDirectory() as scratch:
        for momentum in (0, 0.9):
            for seed in o.seeds:
                given = recipe(o.data, seed, o.steps)
                wide = replayed(given, torch.float64, scratch, momentum)
                narrow = replayed(given, torch.float32, scratch, momentum)
                apart = ((narrow["losses"] - wide["losses"]) / wide["losses"]).abs()
                over = (apart > 1e-4).nonzero()
                weight = max((narrow[n] - wide[n]).abs().max().item() for n in wide if n != "losses")
                lines.append(f"{seed:4}  {momentum:<8}   {apart.max().item():.1e}   "
                             f"{over[0].item() + 1 if len(over) else 'never':<20}  {weight:.1e}")
                print(lines[-1], file=sys.stderr, flush=True)
    text = "\n".join(lines) + "\n"
    print(text)
    to = root / "bench/results/mnist/rounding.txt"
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_text(text)


main()
