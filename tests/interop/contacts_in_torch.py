#!/usr/bin/env python3
"""A contact model of train_contacts, run by PyTorch on whole symmetric maps: the same probabilities that
predict_contacts writes. Its weights are moved at random first and stored by PyTorch's safetensors, so that no layer stands
where it started and files are seen to travel both ways.

    contacts_in_torch.py move IN.safetensors OUT.safetensors
    contacts_in_torch.py compare MODEL.safetensors PREDICTED.npz
"""
import json
import sys

import numpy
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def read(path):
    with safe_open(path, "pt") as file:
        return load_file(path), file.metadata()


def move(source, target):
    weights, metadata = read(source)
    torch.manual_seed(17)
    for name, w in weights.items():
        if name != "prior.table":
            weights[name] = w + 0.1 * w.std(correction=0).clamp(min=0.1) * torch.randn(w.shape)
    save_file(weights, target, metadata)


class Contacts:
    """Of one chain. Pairs are stored once, for i <= j; here they are spread over both halves of a map [C, L, L]."""

    def __init__(self, weights, model):
        assert (model["encoder"], model["trunk"], model["tie"]) == ("relation", "pairs", "none"), model
        self.w = {name: w.double() for name, w in weights.items()}
        self.model = model

    def count(self, prefix):
        return len({name.split(".")[1] for name in self.w if name.startswith(prefix + ".")})

    def linear(self, name, x):
        return x @ self.w[name + ".weight"].T + self.w[name + ".bias"]

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.w[name + ".weight"], self.w[name + ".bias"], 1e-5)

    def fold(self, z):  # [L, L, C]: the upper triangle, twice
        upper = torch.ones(z.shape[:2]).triu().bool().unsqueeze(-1)
        return torch.where(upper, z, z.transpose(0, 1))

    def encoder(self, tokens):
        h = self.w["embedding.weight"][tokens]
        for k in range(self.count("blocks")):
            weight, dilation = self.w[f"blocks.{k}.conv.weight"], [1, 2, 4][k % 3]
            u = F.silu(self.norm(f"blocks.{k}.norm", h))
            reach = len(weight) // 2
            along = sorted(range(len(weight)), key=lambda r: (r + 1) // 2 * (-1 if r % 2 else 1))  # 0, -1, 1, -2, 2
            y = F.conv1d(u.T[None], weight[along].permute(2, 1, 0), self.w[f"blocks.{k}.conv.bias"], dilation=dilation,
                         padding=reach * dilation)
            h = h + y[0].T
        return h

    def pair_init(self, h, bucket):
        w = self.w
        product = h[:, None, :] * h[None, :, :]
        return self.fold((h @ w["pair_init.left.weight"].T)[:, None] + (h @ w["pair_init.right.weight"].T)[None] +
                         product @ w["pair_init.product.weight"].T + w["pair_init.separation.weight"][bucket] +
                         w["pair_init.bias"])

    def conv(self, name, x, dilation):
        y = F.conv2d(x.permute(2, 0, 1)[None], self.w[name + ".weight"], self.w[name + ".bias"], dilation=dilation,
                     padding=dilation)
        return self.fold(y[0].permute(1, 2, 0))

    def triangle(self, name, x):
        u = self.norm(name + ".norm", x)
        a, b = (torch.sigmoid(self.linear(f"{name}.{s}_gate", u)) * self.linear(f"{name}.{s}", u) for s in "ab")
        z = self.fold(torch.einsum("ikc,kjc->ijc", a, b) / len(x)**0.5)
        z = self.linear(name + ".out", self.norm(name + ".product_norm", z))
        return x + torch.sigmoid(self.linear(name + ".out_gate", u)) * z

    def __call__(self, tokens):
        apart = torch.arange(len(tokens))
        bucket = torch.tensor(separation_buckets())[(apart[None] - apart[:, None]).abs().clamp(max=1024)]
        x = self.pair_init(self.encoder(tokens), bucket)
        for k in range(self.count("trunk")):
            name, dilation = f"trunk.{k}", [1, 2, 4, 8, 16][k % 5]
            y = self.conv(name + ".conv1", F.silu(self.norm(name + ".norm1", x)), dilation)
            x = x + self.conv(name + ".conv2", F.silu(self.norm(name + ".norm2", y)), dilation)
            if k % 4 == 3:
                x = self.triangle(f"triangles.{k // 4}", x)
        z = self.linear("head.out", F.silu(self.linear("head.hidden", self.norm("head.norm", x))))
        z = torch.tensor(self.model["trust"]).double() * z
        if self.model["prior"]:
            z = z + self.w["prior.table"].reshape(64, 21, 21, -1)[bucket, tokens[:, None], tokens[None]]
        return torch.sigmoid(z)


def separation_buckets():
    """0 to 24 exact, then 38 more up to 1,024, equally wide in the logarithm."""
    table, bucket, ratio = list(range(25)), 24, (1024 / 24)**(1 / 39)
    edge = 24 * ratio
    for separation in range(25, 1025):
        while separation >= edge and bucket < 62:
            bucket, edge = bucket + 1, edge * ratio
        table.append(bucket)
    return table


def compare(model, predicted):
    weights, metadata = read(model)
    said = numpy.load(predicted)
    tokens = torch.tensor(["ACDEFGHIKLMNPQRSTVWYX".index(letter) for letter in said["seq"][0].decode()])
    ours = torch.from_numpy(said["prob"]).double()
    theirs = Contacts(weights, json.loads(metadata["model"]))(tokens)
    i, j = torch.triu_indices(len(tokens), len(tokens))
    gap = (theirs[i, j] - ours).abs().max().item()
    print(f"{len(tokens)} residues, {ours.shape[1]} channels: probabilities from {ours.min():.4f} to {ours.max():.4f}, "
          f"at most {gap:.1e} apart")
    assert ours.shape == (len(i), theirs.shape[2]) and ours.max() - ours.min() > 0.5 and gap < 1e-4


{"move": move, "compare": compare}[sys.argv[1]](*sys.argv[2:])
