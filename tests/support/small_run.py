"""A small run for the tests of the views: its first convolution hardly learns, and the doctor says so while it trains. Then
it is given an alert with markup in it, and further steps, through the public tables."""
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
                   "--epochs", "1", "--batch-size", "10", "--break", "scale-gap",
                   env=dict(os.environ, OMP_NUM_THREADS="1"))
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        assert db.execute("SELECT count(*) FROM alert WHERE severity = 'W' AND tensor = 'conv1.weight'").fetchone()[0]
        db.execute('INSERT INTO alert (rule, severity, tensor, first_step, step, value, "limit", text, fixes, generation)'
                   " VALUES ('R27', 'E', '', 40, 40, 0.03, 0.01, 'The loss is twice its minimum: <b>no markup</b>.',"
                   " 'lower --lr\nclip the gradient', 0)")
        for step in (30, 70):
            for kind in ("predicted", "true"):
                db.execute("INSERT INTO image VALUES (?, ?, ?, ?, ?, 0)",
                           (step, f"maps/1abc_A/cb8/{kind}", kMapSize, kMapSize, map_samples(kind, step)))
    return run


kMapSize = 24  # residues of a map


def map_samples(kind, step):
    """A symmetric map: something that changes with the step, and a truth that does not."""
    cells = [(i, j) for i in range(kMapSize) for j in range(kMapSize)]
    return bytes((7 * (i + j) + step) % 256 if kind == "predicted" else 255 * (abs(i - j) in (3, 8)) for i, j in cells)


def alerts_of(run):
    """(rule, severity, tensor, first step, step, sentence, first advice) of each, the doctor's own first."""
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        rows = db.execute("SELECT rule, severity, tensor, first_step, step, text, fixes FROM alert ORDER BY rowid")
        return [(*row[:-1], row[-1].split("\n")[0]) for row in rows]


def add_step(run, step):
    """As the trainer would: one more step, with the histograms of the last one."""
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        last = db.execute("SELECT max(step) FROM watch").fetchone()[0]
        db.execute("INSERT INTO watch SELECT ?, ?, tensor, quantity, numel, min, max, sum, sumsq, abs_sum, zero, nan, pinf,"
                   " ninf, bins, generation FROM watch WHERE step = ?", (step, step, last))
        db.execute("INSERT INTO scalar VALUES (?, 'train/loss', 0.5, 0, 0)", (step,))
        db.execute("INSERT INTO step VALUES (?, ?, 1.0, '[0.01]', 1, 1, 0, 0)", (step, time.time()))


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
