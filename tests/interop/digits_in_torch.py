#!/usr/bin/env python3
"""A run of train_mnist in a Python user's hands: run.db with sqlite3, the weights after some epoch with PyTorch, and the
same test loss and accuracy from the same digits.

    digits_in_torch.py RUN WEIGHTS.safetensors
"""
import json
import pathlib
import sys

import numpy
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from run_db import NAN, Run, ends

sys.path.append(str(pathlib.Path(__file__).resolve().parents[2] / "bench/peers"))
from mnist_reference import Net, evaluate, read_set

run = Run(sys.argv[1])
assert run.meta("format_version") == "1" and run.meta("bin_definition") == "1"

rows = list(run.watch())
for row in rows:
    shape = run.db.execute("SELECT shape FROM tensor WHERE name = ?", (row.tag.split("/", 1)[1],)).fetchone()[0]
    steps = row.last_step - row.step + 1
    assert sum(row.counts.values()) == row.numel == steps * numpy.prod(json.loads(shape), dtype=int), row
    filled = [k for k, n in row.counts.items() if n and 0 < k < NAN - 1 and not 129 <= k <= 131]
    if filled:  # the least and the greatest value lie in the outermost bins
        assert row.min >= ends(min(filled))[0] and row.max <= ends(max(filled))[1], row
assert rows

weights = load_file(sys.argv[2])
with safe_open(sys.argv[2], "pt") as file:
    step = int(file.metadata()["step"])
net = Net(noise_module=False)
net.load_state_dict(weights)
images, labels = read_set(run.folder / "digits", "t10k")
loss, accuracy = evaluate(net, images, labels, batch=100)
logged = run.scalars()
print(f"test loss {loss:.8f} in PyTorch, {logged['test/loss', step]:.8f} logged; accuracy {accuracy} and "
      f"{logged['test/accuracy', step]}")
assert abs(loss - logged["test/loss", step]) < 1e-5 * loss
assert abs(accuracy - logged["test/accuracy", step]) < 1e-9

# Names and shapes in the log are those of the module's parameters.
named = dict(run.db.execute("SELECT name, shape FROM tensor"))
assert {name: list(p.shape) for name, p in net.named_parameters()} == {
    name: json.loads(shape) for name, shape in named.items()}
# What the next step starts from is what this one has left: the histogram of its parameters is that of the weights.
following = [row for row in rows if row.step == step + 1 and row.tag.startswith("parameters/")]
assert len(following) == len(named), following
for row in following:
    values = weights[row.tag.split("/", 1)[1]].double().flatten().numpy()
    for k, count in row.counts.items():
        if 0 < k < NAN - 1 and not 129 <= k <= 131:
            low, high = ends(k)
            inside = (low <= values) & (values < high) if low > 0 else (low < values) & (values <= high)
            assert count == inside.sum(), (row.tag, k)
print(f"{len(rows)} histograms add up; those after step {step} count its weights")
