#!/usr/bin/env python3
"""Reads the event files of a run with TensorBoard's own reader and compares them with run.db, value by value.

    tensorboard_run.py RUN
"""
import io
import sys

import numpy
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator as Server
from tensorboard.util import tensor_util

from run_db import NAN, Run, ends


def same(a, b):
    return numpy.float32(a) == numpy.float32(b)


def check_histogram(row, histogram):
    """Every bin of the log has its bucket, with its own edges; the three around 0 are one."""
    assert (histogram.num, histogram.min, histogram.max, histogram.sum) == (
        sum(n for k, n in row.counts.items() if k < NAN), row.min, row.max, row.sum), (row, histogram)
    assert len(histogram.bucket) == len(histogram.bucket_limit) and sum(histogram.bucket) == histogram.num, histogram
    want = {}
    for index, count in row.counts.items():
        if index < NAN and count:
            ends_of_bucket = (-2.0**-40, 2.0**-40) if 129 <= index <= 131 else ends(index)
            want[ends_of_bucket] = want.get(ends_of_bucket, 0) + count
    edges = zip(histogram.bucket_limit, histogram.bucket_limit[1:], histogram.bucket[1:])
    assert {(low, high): count for low, high, count in edges if count} == want, (row, histogram)


run = Run(sys.argv[1])
everything = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
events = EventAccumulator(str(run.folder), size_guidance=everything).Reload()

scalars, told = run.scalars(), 0
for tag in events.Tags()["scalars"]:
    for event in events.Scalars(tag):
        if not tag.startswith("health/"):
            assert same(event.value, scalars[tag, event.step]), (tag, event)
            told += 1
assert told == sum(step > 0 for _, step in scalars) + sum(step == 0 and tag in events.Tags()["scalars"]
                                                          for tag, step in scalars), (told, len(scalars))

rows, drawn = {(row.tag, row.step): row for row in run.watch()}, 0
for tag in events.Tags()["histograms"]:
    for event in events.Histograms(tag):
        check_histogram(rows[tag, event.step], event.histogram_value)
        drawn += 1
assert drawn >= len({tag for tag, _ in rows}), "not every tensor has a histogram"

pictures = {(name, step): (width, height, samples) for step, name, width, height, samples in run.images()}
shown = 0
for tag in events.Tags()["images"]:
    for event in events.Images(tag):
        width, height, samples = pictures[tag, event.step]
        image = Image.open(io.BytesIO(event.encoded_image_string))
        assert (event.width, event.height) == image.size == (width, height), (tag, event.step, image.size)
        assert image.mode == "L" and bytes(255 - s for s in samples) == image.tobytes(), (tag, event.step)
        shown += 1
assert set(events.Tags()["images"]) == {name for name, _ in pictures}

# What the server makes of it before a page asks: every tag belongs to one of the three dashboards, with all its steps.
server = Server(str(run.folder), size_guidance=everything).Reload()
for plugin, count in [("scalars", told), ("histograms", drawn), ("images", shown)]:
    tags = [tag for tag in server.PluginTagToContent(plugin) if not tag.startswith("health/")]
    assert sum(len(server.Tensors(tag)) for tag in tags) == count, (plugin, tags)
for tag in list(server.PluginTagToContent("histograms"))[:20]:
    for event in server.Tensors(tag):  # [buckets, 3]: left, right, count
        left, right, counts = tensor_util.make_ndarray(event.tensor_proto).T
        row = rows[tag, event.step]
        assert counts.sum() == sum(n for k, n in row.counts.items() if k < NAN), (tag, event.step)
        assert same(left[0], row.min) and same(right[-1], row.max) and (left <= right).all(), (tag, event.step)
print(f"{told} scalars, {drawn} histograms and {shown} images are those of run.db")
