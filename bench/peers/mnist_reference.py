#!/usr/bin/env python3
"""The article's MNIST experiment in PyTorch: what heartbeat's train_mnist is compared with.

    mnist_reference.py --data FOLDER                       trains; one line for each epoch
    mnist_reference.py --replay IN --out OUT               repeats the steps that IN describes, see replay()

The network is the notebook's: two convolutions, two dense layers, and a module that is fed with noise at every forward.
Images wait in memory as floats, normalised once, so that an epoch costs what PyTorch costs and not what a loader costs.
"""
import argparse
import gzip
import pathlib
import sys
import time

import numpy
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file


class Net(torch.nn.Module):
    def __init__(self, noise_module):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(1, 20, 5)
        self.conv2 = torch.nn.Conv2d(20, 50, 5)
        if noise_module:
            self.rand_fc = torch.nn.Linear(10, 10)
        self.fc1 = torch.nn.Linear(810 if noise_module else 800, 500)
        self.fc2 = torch.nn.Linear(500, 10)

    def forward(self, x, noise=None):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2, 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2, 2)
        x = x.view(-1, 800)
        if hasattr(self, "rand_fc"):
            if noise is None:
                noise = torch.randn(len(x), 10)
            x = torch.cat([x, F.relu(self.rand_fc(noise))], 1)
        return F.log_softmax(self.fc2(F.relu(self.fc1(x))), 1)


def read_idx(folder, name):
    for path in (folder / name, folder / (name + ".gz")):
        if path.exists():
            data = (gzip.open if path.suffix == ".gz" else open)(path, "rb").read()
            shape = [int.from_bytes(data[4 + 4 * k : 8 + 4 * k], "big") for k in range(data[3])]
            return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * data[3]).reshape(shape).copy())
    sys.exit(f"mnist_reference: {folder}/{name} does not exist, plain or with .gz")


def read_set(folder, prefix):
    images = read_idx(folder, f"{prefix}-images-idx3-ubyte").float().div_(255).sub_(0.1307).div_(0.3081)
    return images.unsqueeze(1), read_idx(folder, f"{prefix}-labels-idx1-ubyte").long()


def optimizer_for(net, o):
    weights = [p for p in net.parameters() if p.dim() > 1]  # heartbeat never decays biases, so nor does this
    biases = [p for p in net.parameters() if p.dim() == 1]
    groups = [{"params": weights, "weight_decay": o.weight_decay}, {"params": biases, "weight_decay": 0}]
    if o.optimizer == "adam":
        return torch.optim.Adam(groups, lr=o.lr)
    return torch.optim.SGD(groups, lr=o.lr, momentum=o.momentum)


def step(net, optimizer, images, labels, noise=None, watch=False):
    optimizer.zero_grad()
    loss = F.nll_loss(net(images, noise), labels)
    loss.backward()
    if not watch:
        optimizer.step()
        return loss.detach()
    # What people write: a histogram of every gradient, parameter and update.
    before = [p.detach().clone() for p in net.parameters()]
    kept = [torch.histc(p.grad, 264, -1, 1) for p in net.parameters()]
    optimizer.step()
    for p, old in zip(net.parameters(), before):
        kept += [torch.histc(old, 264, -1, 1), torch.histc(p.detach() - old, 264, -1, 1)]
    return loss.detach()


@torch.no_grad()
def evaluate(net, images, labels, batch):
    loss, right = 0.0, 0
    for first in range(0, len(images), batch):
        log_p, want = net(images[first : first + batch]), labels[first : first + batch]
        loss += F.nll_loss(log_p, want, reduction="sum").item()
        right += (log_p.argmax(1) == want).sum().item()
    return loss / len(images), right / len(images)


def train(o):
    images, labels = read_set(o.data, "train")
    test_images, test_labels = read_set(o.data, "t10k")
    torch.manual_seed(o.seed)
    net = Net(o.noise_module == "on")
    optimizer = optimizer_for(net, o)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, "
          f"{sum(p.numel() for p in net.parameters())} parameters", flush=True)
    for epoch in range(1, o.epochs + 1):
        start = time.perf_counter()
        loss = torch.zeros(())
        for rows in torch.randperm(len(images)).split(o.batch_size):
            loss += len(rows) * step(net, optimizer, images[rows], labels[rows], watch=o.watch)
        seconds = time.perf_counter() - start
        test_loss, accuracy = evaluate(net, test_images, test_labels, o.test_batch_size)
        print(f"epoch {epoch}  train loss {loss.item() / len(images):.4f}  test loss {test_loss:.4f}  "
              f"accuracy {accuracy:.4f}  seconds {seconds:.3f}", flush=True)


def replay(o):
    """IN holds the initial weights by name and, as numbers of any type, images [n, 1, 28, 28], labels [n], rows [steps,
    batch] into both and noise [steps, batch, 10]. OUT gets losses [steps] and the weights after the last step, in the
    type of the images."""
    given = load_file(o.replay)
    torch.set_default_dtype(given["images"].dtype)
    images, labels = given.pop("images"), given.pop("labels").long()
    rows, noise = given.pop("rows").long(), given.pop("noise", None)
    net = Net(o.noise_module == "on")
    net.load_state_dict(given)
    optimizer = optimizer_for(net, o)
    losses = [step(net, optimizer, images[r], labels[r], None if noise is None else noise[k])
              for k, r in enumerate(rows)]
    save_file({"losses": torch.stack(losses), **{name: p.detach() for name, p in net.named_parameters()}}, o.out)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=pathlib.Path, help="folder with MNIST's four files")
    add("--replay", help="safetensors file with initial weights, batches and noise")
    add("--out", help="where --replay writes losses and final weights")
    add("--epochs", type=int, default=30)
    add("--batch-size", type=int, default=64)
    add("--test-batch-size", type=int, default=1000)
    add("--lr", type=float, default=0.01)
    add("--momentum", type=float, default=0.0)
    add("--weight-decay", type=float, default=0.0)
    add("--optimizer", choices=["sgd", "adam"], default="sgd")
    add("--noise-module", choices=["on", "off"], default="on")
    add("--seed", type=int, default=17)
    add("--watch", action="store_true", help="torch.histc of every gradient, parameter and update at every step")
    add("--threads", type=int, help="PyTorch's own choice if not given")
    o = parser.parse_args()
    if o.threads:
        torch.set_num_threads(o.threads)
    if o.replay and o.out:
        replay(o)
    elif o.data:
        train(o)
    else:
        parser.error("give --data FOLDER, or --replay IN --out OUT")


if __name__ == "__main__":
    main()
