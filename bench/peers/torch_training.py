#!/usr/bin/env python3
"""heartbeat's contact model in PyTorch on the full L x L map: the same depth, width, loss and optimizer, f32; and the MNIST
network of mnist_reference.py. The peers of bench/training_bench.cpp, with rows of the same form; "+ histc" watches as is usual,
one torch.histc a tensor and quantity.

    torch_training.py --device cpu --threads 2 train_contacts/size:0/L:128/watch:0 ...

Start it once for each case: it reports the largest memory of its process above what PyTorch itself takes.
"""
import json
import sys

import torch
import torch.nn.functional as F
from torch import nn

import mnist_reference
from measure import measured, started

VERSION = "PyTorch " + torch.__version__.split("+")[0]
SIZES = [dict(width=64, C=32, blocks=12, H=16), dict(width=96, C=64, blocks=16, H=32)]
CHANNELS, DILATIONS = 8, (1, 2, 4, 8, 16)


class RelationBlock(nn.Module):
    def __init__(self, width, dilation):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.conv = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)

    def forward(self, h):  # [1, L, width]
        return h + self.conv(F.silu(self.norm(h)).transpose(1, 2)).transpose(1, 2)


class PairBlock(nn.Module):
    def __init__(self, C, dilation):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.conv1, self.conv2 = (nn.Conv2d(C, C, 3, padding=dilation, dilation=dilation) for _ in range(2))

    def forward(self, x):  # [1, L, L, C], which is a convolution's channels_last
        h = self.conv1(F.silu(self.norm1(x)).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        h = F.dropout(F.silu(self.norm2(h)), 0.1)
        return x + self.conv2(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


class Triangle(nn.Module):
    def __init__(self, C, H):
        super().__init__()
        self.norm, self.product_norm = nn.LayerNorm(C), nn.LayerNorm(H)
        self.a, self.a_gate, self.b, self.b_gate = (nn.Linear(C, H) for _ in range(4))
        self.out_gate, self.out = nn.Linear(C, C), nn.Linear(H, C)

    def forward(self, x):
        u = self.norm(x)
        a, b = torch.sigmoid(self.a_gate(u)) * self.a(u), torch.sigmoid(self.b_gate(u)) * self.b(u)
        z = torch.einsum("nikh,njkh->nijh", a, b) / x.shape[1] ** 0.5
        return x + torch.sigmoid(self.out_gate(u)) * self.out(self.product_norm(z))


class Net(nn.Module):
    def __init__(self, width, C, blocks, H):
        super().__init__()
        self.embedding = nn.Embedding(21, width)
        self.encoder = nn.Sequential(*(RelationBlock(width, (1, 2, 4)[k % 3]) for k in range(6)))
        self.left, self.right, self.product = (nn.Linear(width, C, bias=False) for _ in range(3))
        self.separation = nn.Embedding(64, C)
        self.bias = nn.Parameter(torch.zeros(C))
        trunk = []
        for k in range(blocks):
            trunk.append(PairBlock(C, DILATIONS[k % 5]))
            if (k + 1) % 4 == 0:
                trunk.append(Triangle(C, H))
        self.trunk = nn.Sequential(*trunk)
        self.head = nn.Sequential(nn.LayerNorm(C), nn.Linear(C, C), nn.SiLU(), nn.Linear(C, CHANNELS))

    def forward(self, tokens, buckets):  # [1, L], [L, L] -> [1, L, L, channels]
        h = self.encoder(self.embedding(tokens))
        x = self.left(h)[:, :, None] + self.right(h)[:, None] + self.product(h[:, :, None] * h[:, None]) + \
            self.separation(buckets) + self.bias
        z = self.head(self.trunk(x))
        return (z + z.transpose(1, 2)) / 2


def memory(field):
    for line in open("/proc/self/status"):
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024 / 1e6


def contacts(device, size, L):
    """The loss of one protein as a function, and the optimizer."""
    net = Net(**SIZES[size]).to(device)
    tokens = torch.randint(20, (1, L), device=device)
    position = torch.arange(L, device=device)
    buckets = (position[:, None] - position[None]).abs().clamp(max=63)
    upper = (position[:, None] < position[None])[None, :, :, None]
    target = (torch.rand(1, L, L, CHANNELS, device=device) < 0.02).float()
    weight = ((torch.rand(1, L, L, CHANNELS, device=device) < 0.95) & upper).float()
    positive, pairs = torch.full((CHANNELS,), 7.0, device=device), weight.sum()

    def loss():
        return F.binary_cross_entropy_with_logits(net(tokens, buckets), target, weight, pos_weight=positive,
                                                  reduction="sum") / pairs

    return loss, torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.01, fused=True), net


def mnist(device, batch):
    net = mnist_reference.Net(noise_module=True).to(device)
    images, labels = torch.randn(batch, 1, 28, 28, device=device), torch.randint(10, (batch,), device=device)

    def loss():
        return F.nll_loss(net(images, torch.randn(batch, 10, device=device)), labels)

    return loss, torch.optim.SGD(net.parameters(), lr=0.01), net


def row_of(case, device):
    arguments = {k: int(v) for k, v in (word.split(":") for word in case.split("/") if ":" in word)}
    watch, is_contacts = arguments.pop("watch"), case.startswith("train_contacts")
    before = memory("VmRSS")
    loss_of, optimizer, net = (contacts if is_contacts else mnist)(device, **arguments)

    def step():
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        if is_contacts:
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        if watch:
            before_step = [p.detach().clone() for p in net.parameters()]
            for p in net.parameters():
                torch.histc(p.grad, 264, -1, 1)
        optimizer.step()
        if watch:
            for p, old in zip(net.parameters(), before_step):
                torch.histc(old, 264, -1, 1)
                torch.histc(p.detach() - old, 264, -1, 1)
        return loss.item()

    first = step()
    for _ in range(4):
        last = step()
    if not last < first:
        sys.exit(f"torch_training: the loss does not fall in {case}")
    by = VERSION + (" full map" if is_contacts else "") + (" + histc" if watch else "")
    row = measured(case, by, step, device)
    row["peak_MB"] = torch.cuda.max_memory_allocated() / 1e6 if device == "cuda" else memory("VmHWM") - before
    return row


def main():
    o = started(__doc__)
    json.dump([row_of(case, o.device) for case in o.cases], sys.stdout, indent=1)


main()
