"""How a peer is timed: as bench/support/measure.cpp times ours. A row is what bench/run.py collects."""
import argparse
import statistics
import sys
import time

import torch

SAMPLE_SECONDS, CASE_SECONDS, FEWEST, MOST = 1e-3, 0.3, 15, 101
LONG_SECONDS, FEWEST_LONG = 0.5, 3


def synchronize(device):
    if device == "cuda":
        torch.cuda.synchronize()


def seconds_of(run, repeats, device):
    if device == "cuda":
        start, stop = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(repeats):
            run()
        stop.record()
        torch.cuda.synchronize()
        return start.elapsed_time(stop) / 1e3
    begin = time.perf_counter()
    for _ in range(repeats):
        run()
    return time.perf_counter() - begin


def quantile(values, q):
    return sorted(values)[round(q * (len(values) - 1))]


def measured(case, by, run, device):
    """Calls run until there are enough samples, each of a millisecond or more."""
    run()
    synchronize(device)
    once = seconds_of(run, 1, device)
    repeats = min(max(1, round(SAMPLE_SECONDS / max(once, 1e-9))), 100_000)
    samples, spent = [], 0.0
    fewest = FEWEST_LONG if once > LONG_SECONDS else FEWEST
    while len(samples) < MOST and (len(samples) < fewest or spent < CASE_SECONDS):
        seconds = seconds_of(run, repeats, device)
        spent += seconds
        samples.append(seconds / repeats)
    return {"case": case, "by": by, "median_s": statistics.median(samples), "p10_s": quantile(samples, 0.1),
            "p90_s": quantile(samples, 0.9), "samples": len(samples)}


def started(description):
    """The arguments of a script of peers, and PyTorch set up as they ask: f32 without TF32, seed 1."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("cases", nargs="+")
    o = parser.parse_args()
    if o.device == "cuda" and not torch.cuda.is_available():
        sys.exit(f"{parser.prog}: this PyTorch sees no GPU")
    torch.set_num_threads(o.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.manual_seed(1)
    return o
