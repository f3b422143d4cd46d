"""run.db as anybody reads it: sqlite3 of Python's own library, and the definition of the bins."""
import collections
import pathlib
import sqlite3

KINDS = ["parameters", "gradients", "updates", "gradients_clipped", "activations", "activation_gradients"]
NAN, OVER = 261, 260  # of 264 bins; 262 and 263 are the infinities

Row = collections.namedtuple("Row", "step last_step tag numel min max sum sumsq counts")


def edge(k):
    return 2.0 ** (k // 2 - 40) * (1.5 if k % 2 else 1)


def ends(index):
    """Low and high of a regular bin: two to an octave, signed."""
    if index > 131:
        return edge(index - 132), edge(index - 131)
    return -edge(129 - index), -edge(128 - index)


def bins(blob):
    """Counts by bin from the pairs (gap, count) of varints."""
    numbers, value, shift = [], 0, 0
    for byte in blob:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            numbers.append(value)
            value, shift = 0, 0
    counts, index = {}, 0
    for gap, count in zip(numbers[::2], numbers[1::2]):
        index += gap
        counts[index] = count
    return counts


class Run:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.db = sqlite3.connect(f"file:{self.folder}/run.db?mode=ro", uri=True)

    def meta(self, key):
        return self.db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]

    def scalars(self):
        """Finite ones, by name and step."""
        rows = self.db.execute("SELECT name, step, value FROM scalar WHERE class = 0")
        return {(name, step): value for name, step, value in rows}

    def watch(self):
        for *head, nan, pinf, ninf, blob in self.db.execute(
                "SELECT step, last_step, quantity, name, numel, min, max, sum, sumsq, nan, pinf, ninf, bins FROM watch"
                " JOIN tensor ON tensor.id = watch.tensor"):
            step, last_step, quantity, name, *rest = head
            counts = bins(blob) | {NAN: nan, NAN + 1: pinf, NAN + 2: ninf}
            yield Row(step, last_step, f"{KINDS[quantity]}/{name}", *rest, counts)

    def images(self):
        """(step, name, width, height, samples)"""
        return self.db.execute("SELECT step, name, width, height, samples FROM image ORDER BY rowid")
