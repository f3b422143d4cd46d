#!/usr/bin/env python3
"""Lets the importer behind `wandb sync --sync-tensorboard` read a run, up to where it would open the network, and compares
what it would upload with run.db.

    wandb_sync.py RUN
"""
import json
import os
import pathlib
import queue
import sys
import tempfile
import time

import numpy
import wandb
from PIL import Image
from wandb.proto import wandb_internal_pb2
from wandb.sdk.interface.interface_queue import InterfaceQueue
from wandb.sdk.internal import tb_watcher
from wandb.sdk.internal.settings_static import SettingsStatic
from wandb.sync.sync import SyncThread

from run_db import NAN, Run, ends

tb_watcher.SHUTDOWN_DELAY = 0  # it waits for writers that are still at it
wandb.util._get_max_cli_version = lambda: wandb.__version__  # the one thing it asks its server on the way: about images


def imported(folder, scratch):
    """The rows that W&B's history would get, {step: {name: value}}, and the folder of the files beside them."""
    thread = SyncThread([folder], project="heartbeat", entity="nobody", run_id="interop", sync_tensorboard=True)
    count, folders, root = thread._find_tfevent_files(folder)
    assert thread._setup_tensorboard(root, folders, count, folder), "W&B sees no event files"
    settings = wandb.Settings(root_dir=scratch, run_id="interop", x_start_time=time.time())
    os.makedirs(settings.files_dir)
    records = queue.Queue()
    watcher = tb_watcher.TBWatcher(SettingsStatic(dict(settings)), wandb_internal_pb2.RunRecord(run_id="interop"),
                                   InterfaceQueue(records), True)
    for each in folders:
        watcher.add(each, True, root)
    watcher.finish()
    steps = {}
    while not records.empty():
        record = records.get()
        if record.WhichOneof("record_type") == "history":
            row = {item.key: json.loads(item.value_json) for item in record.history.item}
            steps.setdefault(row["global_step"], {}).update(row)
    return steps, pathlib.Path(settings.files_dir)


run = Run(sys.argv[1])
with tempfile.TemporaryDirectory() as scratch:
    steps, files = imported(str(run.folder.resolve()), scratch)
    prefix = run.folder.resolve().name + "/"  # of all names

    told = 0
    for (name, step), value in run.scalars().items():
        if step > 0:
            assert numpy.float32(steps[step][prefix + name]) == numpy.float32(value), (name, step)
            told += 1

    drawn, tags = 0, set()
    for row in run.watch():
        tags.add(row.tag)
        got = steps[row.step].get(prefix + row.tag)
        finite = {k: n for k, n in row.counts.items() if n and k < NAN}
        if got is None:
            assert not finite, f"{row.tag} was dropped"
            continue
        assert got["_type"] == "histogram" and len(got["bins"]) == len(got["values"]) + 1, got
        assert sum(got["values"]) == sum(finite.values()), (row.tag, row.step)
        bars = {(low, high): n for low, high, n in zip(got["bins"], got["bins"][1:], got["values"]) if n}
        for k, n in finite.items():  # with its own edges, but for the outermost, which end at the least and greatest value
            if 0 < k < NAN - 1 and not 129 <= k <= 131:
                low, high = ends(k)
                cut = float(max(low, numpy.float32(row.min))), float(min(high, numpy.float32(row.max)))
                assert bars.get(cut) == n, (row.tag, row.step, k, cut, bars)
        drawn += 1
    assert drawn > len(tags)

    shown = 0
    for step, name, width, height, samples in run.images():
        got = steps[step].get(prefix + name.replace("/", "_"))
        if got is None:
            assert name.endswith("/true") and shown, name  # the same again
            continue
        image = Image.open(files / got["filenames"][0]).convert("L")
        assert image.size == (width, height) and image.tobytes() == bytes(255 - s for s in samples), (name, step)
        shown += 1
    assert shown
print(f"W&B would upload {told} scalars, {drawn} histograms and {shown} images, those of run.db")
