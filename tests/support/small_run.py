"""A small run for the tests of the views: trained, then given alerts and further steps through the public tables."""
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request

BIN = os.environ.get("HEARTBEAT_BIN_DIR", "build/bin")


def program(name):
    path = os.path.join(BIN, name)
    if not os.path.exists(path):
        print(f"{path} is not built: skipped")
        sys.exit(77)
    return path


def command(*arguments, **more):
    return subprocess.run(arguments, capture_output=True, text=True, **more)


def train(folder):
    run = os.path.join(folder, "run")
    done = command(program("train_mnist"), "--run-dir", run, "--quiet", "--tensorboard", "off", "--synthetic", "700",
                   "--epochs", "1", "--batch-size", "10",
                   env=dict(os.environ, OMP_NUM_THREADS="1"))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        for rule, severity, tensor, step, text in [
                ("R16", "W", "fc2", 20, "The updates of fc2 are large: <b>no markup</b>."),
                ("R27", "E", "", 40, "The loss is twice its minimum.")]:
            db.execute('INSERT INTO alert (rule, severity, tensor, first_step, step, value, "limit", text, fixes, generation)'
                       " VALUES (?, ?, ?, ?, ?, 0.03, 0.01, ?, ?, 0)",
                       (rule, severity, tensor, step, step, text, "lower --lr\nclip the gradient"))
    return run


def add_step(run, step):
    """As the trainer would: one more step, with the histograms of the last one."""
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        last = db.execute("SELECT max(step) FROM watch").fetchone()[0]
        db.execute("INSERT INTO watch SELECT ?, ?, tensor, quantity, numel, min, max, sum, sumsq, abs_sum, zero, nan, pinf,"
                   " ninf, bins, generation FROM watch WHERE step = ?", (step, step, last))
        db.execute("INSERT INTO scalar VALUES (?, 'train/loss', 0.5, 0, 0)", (step,))
        db.execute("INSERT INTO step VALUES (?, ?, 1.0, '[0.01]', 1, 1, 0, 0)", (step, time.time()))


def bins_of(blob):
    """Counts by bin, as tools/log/bins.h writes them."""
    numbers, value, shift = [], 0, 0
    for byte in blob:
        value |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            numbers.append(value)
            value, shift = 0, 0
    counts, index = {}, 0
    for gap, count in zip(numbers[::2], numbers[1::2]):
        index += gap
        counts[index] = count
    return counts


class Server:
    def __init__(self, run, address="127.0.0.1:0"):
        self.process = subprocess.Popen([program("heartbeat"), "serve", run, "--address", address],
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        said = self.process.stdout.readline()
        found = re.match(r"(http://\S+) shows ", said)
        assert found, said + self.process.stdout.read()
        self.url = found.group(1)

    def get(self, path="/", method="GET", **headers):
        request = urllib.request.Request(self.url + path, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def close(self):
        self.process.terminate()
        assert self.process.wait(timeout=20) == 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.close()
