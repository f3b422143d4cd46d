#!/usr/bin/env python3
"""PyTorch's and PyG's way to do what heartbeat's kernels do: the same cases, sizes and seeds, rows of the same form.

    torch_kernels.py --device cpu --threads 2 CASE...      a case is a name that a benchmark printed

Pair operations run on the full L x L map, as a two-dimensional network does; a result is never compared with ours here
(tests/ do that), only timed. Prints JSON.
"""
import json
import sys
import warnings

import torch
import torch.nn.functional as F

from measure import measured, started

aten = torch.ops.aten
VERSION = "PyTorch " + torch.__version__.split("+")[0]
device = "cpu"


class Mt19937_64:
    """std::mt19937_64, so that graphs are those of the C++ benchmark."""

    def __init__(self, seed):
        self.state = [seed]
        for k in range(1, 312):
            last = self.state[-1]
            self.state.append((6364136223846793005 * (last ^ (last >> 62)) + k) & (2**64 - 1))
        self.next = 312

    def __call__(self):
        if self.next == 312:
            s = self.state
            for k in range(312):
                x = (s[k] & 0xFFFFFFFF80000000) | (s[(k + 1) % 312] & 0x7FFFFFFF)
                s[k] = s[(k + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.next = 0
        x = self.state[self.next]
        self.next += 1
        x ^= (x >> 29) & 0x5555555555555555
        x ^= (x << 17) & 0x71D67FFFEDA60000
        x ^= (x << 37) & 0xFFF7EEE000000000
        return (x ^ (x >> 43)) & (2**64 - 1)


def randn(*shape):
    return torch.randn(*shape, device=device)


def backward_of(y, inputs, dy):
    return lambda: torch.autograd.grad(y, inputs, dy, retain_graph=True)


def csr(nodes, edges, degree):
    to, source = (torch.tensor(part) for part in zip(*edges))
    coo = torch.sparse_coo_tensor(torch.stack([to, source]), torch.full((len(edges),), 1.0 / degree), (nodes, nodes))
    return coo.coalesce().to_sparse_csr().to(device)


def spmm_on(edges, nodes, degree, channels):
    graph, x = csr(nodes, edges, degree), randn(nodes, channels)
    yield f"{VERSION} csr @ X", lambda: graph @ x
    try:
        import torch_geometric
        from torch_geometric.nn import MessagePassing
    except ImportError:
        return
    class Weighted(MessagePassing):
        def __init__(self):
            super().__init__(aggr="add")

        def forward(self, x, edge_index, weight):
            return self.propagate(edge_index, x=x, weight=weight)

        def message(self, x_j, weight):
            return weight.view(-1, 1) * x_j

    coo = graph.to_sparse_coo().coalesce()
    to, source = coo.indices()
    weighted, index, values = Weighted(), torch.stack([source, to]), coo.values()
    yield f"PyG {torch_geometric.__version__} MessagePassing", lambda: weighted(x, index, values)


def spmm_uniform(nodes, degree, channels):
    engine = Mt19937_64(1)
    return spmm_on([(e // degree, engine() % nodes) for e in range(nodes * degree)], nodes, degree, channels)


def spmm_proteins(proteins, residues, degree, channels):
    engine, edges = Mt19937_64(1), []
    for i in range(proteins * residues):
        first = i // residues * residues
        for k in range(degree):
            near = min(max(i - degree // 4 + k, first), first + residues - 1)
            edges.append((i, near if k % 2 else first + engine() % residues))
    return spmm_on(edges, proteins * residues, degree, channels)


def spmm_hub(nodes, degree, channels):
    engine, edges = Mt19937_64(1), []
    for e in range(nodes * degree):
        to = engine() % nodes if e % 10 else 0
        edges.append((to, engine() % nodes))
    return spmm_on(edges, nodes, degree, channels)


def pair_conv(part, tied, L, C, d):
    for name, form in (("conv2d", torch.contiguous_format), ("conv2d channels_last", torch.channels_last)):
        x = randn(1, C, L, L).contiguous(memory_format=form)
        W = randn(C, C, 3, 3).contiguous(memory_format=form)
        b, dy = randn(C), randn(1, C, L, L).contiguous(memory_format=form)
        arguments = (dy, x, W, [C], [1, 1], [d, d], [d, d], False, [0, 0], 1)
        mask = [[False] * 3, [True, False, False], [False, True, True]][part]
        run = (lambda x=x, W=W: F.conv2d(x, W, b, padding=d, dilation=d)) if part == 0 else (
            lambda a=arguments: aten.convolution_backward(*a, mask))
        yield f"{VERSION} {name}, full map", run


def histogram(elements, values=0):
    x = [randn(elements) * 1e-3, torch.zeros(elements, device=device), torch.ones(elements, device=device),
         torch.exp2(torch.empty(elements, device=device).uniform_(-50, 30))][values]
    yield f"{VERSION} histc", lambda: torch.histc(x, 264, -1, 1)


def histogram_many(tensors, elements):
    all_of_them = [randn(elements) * 1e-3 for _ in range(tensors)]
    yield f"{VERSION} histc", lambda: [torch.histc(x, 264, -1, 1) for x in all_of_them]


def optimizer_case(make, tensors, elements, watch):
    for name in ("fused", "foreach"):
        parameters = [torch.nn.Parameter(randn(elements)) for _ in range(tensors)]
        for p in parameters:
            p.grad = randn(elements) * 0.1
        optimizer = make(parameters, **{name: True})

        def run(parameters=parameters, optimizer=optimizer):
            if watch >= 1:
                for p in parameters:
                    torch.histc(p.grad, 264, -1, 1)
            before = [p.detach().clone() for p in parameters] if watch == 3 else None
            optimizer.step()
            if watch == 3:
                for p, old in zip(parameters, before):
                    torch.histc(old, 264, -1, 1)
                    torch.histc(p.detach() - old, 264, -1, 1)

        yield f"{VERSION} {name}" + (" + histc" if watch else ""), run


def adamw(tensors, elements, watch):
    return optimizer_case(lambda p, **how: torch.optim.AdamW(p, lr=1e-3, weight_decay=0.01, **how), tensors, elements,
                          watch)


def sgd(tensors, elements, watch):
    return optimizer_case(lambda p, **how: torch.optim.SGD(p, lr=1e-3, momentum=0.9, weight_decay=1e-4, **how), tensors,
                          elements, watch)


def clip_norm(tensors, elements):
    gradients = [randn(elements) for _ in range(tensors)]
    yield f"{VERSION} get_total_norm", lambda: torch.nn.utils.get_total_norm(gradients)


def matmul(part, n, k, m):
    x, W, dy = randn(n, k), randn(m, k), randn(n, m)
    run = {"forward": lambda: F.linear(x, W), "input_gradient": lambda: dy @ W, "weight_gradient": lambda: dy.T @ x}
    yield f"{VERSION} mm", run[part]


def conv2d(part, images, inputs, size, out, kernel, stride, padding):
    x, W, b = randn(images, inputs, size, size), randn(out, inputs, kernel, kernel), randn(out)
    dy = torch.randn_like(F.conv2d(x, W, b, stride, padding))
    arguments = (dy, x, W, [out], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1)
    run = {"forward": lambda: F.conv2d(x, W, b, stride, padding),
           "input_gradient": lambda: aten.convolution_backward(*arguments, [True, False, False]),
           "weight_gradient": lambda: aten.convolution_backward(*arguments, [False, True, True])}
    yield f"{VERSION} conv2d", run[part]


def max_pool(part, planes, size, window, stride):
    x = randn(1, planes, size, size).requires_grad_()
    y = F.max_pool2d(x, window, stride)
    yield f"{VERSION} max_pool2d", (lambda: F.max_pool2d(x.detach(), window, stride, return_indices=True)) \
        if part == "forward" else backward_of(y, x, torch.randn_like(y))


def layer_norm_silu(part, n, c):
    x, gain, bias = randn(n, c).requires_grad_(), randn(c).requires_grad_(), randn(c).requires_grad_()
    y = F.silu(F.layer_norm(x, (c,), gain, bias))
    fixed = x.detach(), gain.detach(), bias.detach()
    yield f"{VERSION} layer_norm, silu", (lambda: F.silu(F.layer_norm(fixed[0], (c,), fixed[1], fixed[2]))) \
        if part == "forward" else backward_of(y, (x, gain, bias), randn(n, c))


def elementwise(part, pairs):
    a, b = randn(pairs, 32), randn(pairs, 32)
    run = {"add": lambda: a + b, "silu": lambda: F.silu(a), "tanh": lambda: torch.tanh(a),
           "dropout": lambda: F.dropout(a, 0.1), "silu_backward": lambda: aten.silu_backward(b, a)}
    yield VERSION, run[part]


def relation_conv(part, proteins, residues, channels):
    x, W = randn(proteins, channels, residues), randn(channels, channels, 5)
    arguments = (randn(proteins, channels, residues), x, W, None, [1], [2], [1], False, [0], 1)
    run = {"": lambda: F.conv1d(x, W, padding=2),
           "adjoint_x": lambda: aten.convolution_backward(*arguments, [True, False, False]),
           "adjoint_W": lambda: aten.convolution_backward(*arguments, [False, True, False])}
    yield f"{VERSION} conv1d", run[part]


def contact_loss(L):
    logits, target = randn(8, L, L).requires_grad_(), (torch.rand(8, L, L, device=device) < 0.02).float()
    weight, positive = (torch.rand(8, L, L, device=device) > 0.05).float(), torch.full((8, 1, 1), 7.0, device=device)

    def run():
        z = (logits + logits.transpose(1, 2)) / 2
        loss = F.binary_cross_entropy_with_logits(z, target, weight, pos_weight=positive, reduction="sum")
        torch.autograd.grad(loss, logits)

    yield f"{VERSION} symmetrise, BCE with logits, full map", run


def triangle_multiplication(part, L, H):
    a, b = randn(L, L, H).requires_grad_(), randn(L, L, H).requires_grad_()
    multiply = lambda a, b: torch.einsum("ikh,jkh->ijh", a, b)
    y = multiply(a, b)
    yield f"{VERSION} einsum, full map", (lambda: multiply(a.detach(), b.detach())) if part == "forward" else \
        backward_of(y, (a, b), torch.randn_like(y))


def pair_init(part, L, d, C):
    h, left, right, product = (randn(*s).requires_grad_() for s in ((L, d), (C, d), (C, d), (C, d)))
    table = randn(64, C).requires_grad_()
    position = torch.arange(L, device=device)
    bucket = (position[:, None] - position[None]).abs().clamp(max=63)

    def forward():
        return F.linear(h, left)[:, None] + F.linear(h, right)[None] + F.linear(h[:, None] * h[None], product) + \
            table[bucket]

    z = forward()
    with_no_grad = torch.no_grad()(forward)
    yield f"{VERSION} full map", with_no_grad if part == "forward" else \
        backward_of(z, (h, left, right, product, table), torch.randn_like(z))


def embedding(part, ids, d):
    which, table, dy = torch.randint(21, (ids,), device=device), randn(21, d), randn(ids, d)
    yield f"{VERSION} embedding", (lambda: F.embedding(which, table)) if part == "" else \
        (lambda: aten.embedding_dense_backward(dy, which, 21, -1, False))


def gru_cell(part, rows, d):
    m, h = randn(rows, d).requires_grad_(), randn(rows, d).requires_grad_()
    cell = torch.nn.GRUCell(d, d).to(device)
    y = cell(m, h)
    forward = torch.no_grad()(lambda: cell(m, h))
    yield f"{VERSION} GRUCell", forward if part == "" else \
        backward_of(y, (m, h, *cell.parameters()), randn(rows, d))


def segment_mean(rows, length, channels):
    x = randn(rows, channels)
    lengths = torch.full((rows // length,), length, device=device)
    yield f"{VERSION} segment_reduce", lambda: torch.segment_reduce(x, "mean", lengths=lengths)


def log_softmax(part, rows, classes):
    x = randn(rows, classes)
    y, dy = F.log_softmax(x, 1), randn(rows, classes)
    yield f"{VERSION} log_softmax", (lambda: F.log_softmax(x, 1)) if part == "" else \
        (lambda: aten._log_softmax_backward_data(dy, y, 1, torch.float32))


def nll_loss(rows, classes):
    log_p, labels = randn(rows, classes), torch.randint(classes, (rows,), device=device)
    yield f"{VERSION} nll_loss", lambda: F.nll_loss(log_p, labels)


def cross_entropy(rows, classes):
    x, labels = randn(rows, classes).requires_grad_(), torch.randint(classes, (rows,), device=device)
    yield f"{VERSION} cross_entropy", lambda: torch.autograd.grad(F.cross_entropy(x, labels), x)


def concat(part, rows, p, q):
    a, b, dy = randn(rows, p), randn(rows, q), randn(rows, p + q)

    def adjoint():
        a.add_(dy[:, :p])
        b.add_(dy[:, p:])

    yield f"{VERSION} cat", (lambda: torch.cat([a, b], 1)) if part == "" else adjoint


def normal_noise(numbers):
    yield f"{VERSION} randn", lambda: randn(numbers)


# The start of a case's name, and what of it is the part of an op.
OPS = {"spmm/uniform": spmm_uniform, "spmm/proteins": spmm_proteins, "spmm/hub": spmm_hub, "pair_conv": pair_conv,
       "histogram/many": histogram_many, "histogram": histogram, "adamw": adamw, "sgd": sgd, "clip_norm": clip_norm,
       "contact_loss": contact_loss, "segment_mean": segment_mean, "nll_loss": nll_loss,
       "cross_entropy": cross_entropy, "normal_noise": normal_noise}
for op, parts in {"matmul": "forward input_gradient weight_gradient", "conv2d": "forward input_gradient weight_gradient",
                  "max_pool": "forward backward", "layer_norm_silu": "forward backward",
                  "elementwise": "add silu silu_backward tanh dropout"}.items():
    for part in parts.split():
        OPS[f"{op}/{part}"] = lambda *a, f=globals()[op], part=part: f(part, *a)
for op, parts in {"relation_conv": "adjoint_x adjoint_W", "embedding": "adjoint", "gru_cell": "adjoint",
                  "log_softmax": "adjoint", "concat": "adjoint"}.items():
    for part in ["", *parts.split()]:
        OPS[f"{op}/{part}".rstrip("/")] = lambda *a, f=globals()[op], part=part: f(part, *a)
for op in ("triangle_multiplication", "pair_init"):
    OPS[op] = lambda *a, f=globals()[op]: f("forward", *a)
    OPS[op + "_backward"] = lambda *a, f=globals()[op]: f("backward", *a)


def rows_of(case):
    words = case.split("/")
    name = "/".join(w for w in words if ":" not in w)
    if name not in OPS:
        return
    for by, run in OPS[name](*(int(w.split(":")[1]) for w in words if ":" in w)):
        yield measured(case, by, run, device)


def main():
    global device
    o = started(__doc__)
    device = o.device
    warnings.filterwarnings("ignore", "Sparse CSR")
    json.dump([row for case in o.cases for row in rows_of(case)], sys.stdout, indent=1)


main()
