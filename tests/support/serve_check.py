import http.client
import json
import os
import re
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

from small_run import BIN, Server, add_step, alerts_of, command, map_samples, program, train

with tempfile.TemporaryDirectory() as folder:
    run = train(folder)
    alerts = alerts_of(run)
    rule, severity, tensor, first_step, step, sentence, advice = alerts[0]  # what the doctor said while it trained
    seen = command(program("heartbeat"), "top", "--once", run)
    assert seen.returncode == 0 and f"{severity} {rule} step {step} {tensor}: {sentence}"[:99] in seen.stdout, seen.stdout
    assert f"  {len(alerts)} alerts" in seen.stdout.splitlines()[0], seen.stdout
    later = command(program("heartbeat"), "doctor", run)
    assert later.returncode == 10 and sentence in later.stdout and advice in later.stdout, later
    with Server(run) as server:
        host, port = server.url[len("http://"):].split(":")
        assert host == "127.0.0.1", server.url
        status, page = server.get()
        assert status == 200 and b"connect-src 'self'" in page and b'"live":true' in page
        state = json.loads(server.get("/state.json")[1])
        assert state["last_step"] == 70 and state["histograms"]["first"][-1] == 70
        assert all("bytes" not in s for s in state["histograms"]["series"])
        assert sorted((a["rule"], a["tensor"], a["step"], a["text"], a["fixes"].split("\n")[0]) for a in state["alerts"]) == sorted(
            (rule, tensor, first_step, text, fix) for rule, _, tensor, first_step, _, text, fix in alerts)

        assert server.get("/picture?id=1") == (200, map_samples("predicted", 30))
        counts = json.loads(server.get("/histograms.json?of=0.1,3.0&range=recent")[1])
        assert [(s["tensor"], s["quantity"]) for s in counts["series"]] == [(0, "gradients"), (3, "parameters")]
        assert all(s["bytes"] for s in counts["series"]) and len(counts["first"]) == 70
        levels = json.loads(server.get("/levels.json")[1])
        assert len(levels["series"]) == 30 and len(levels["series"][0]["norms"]) == 70

        # Nothing but these answers: no files, no other names, no other sites, no other methods.
        for path in ["/run.db", "/../run.db", "/%2e%2e/run.db", "/..%2f..%2fetc/passwd", "//etc/passwd", "/state.json/", "/index.html",
                     "/picture?id=99", "/picture?id=x", "/picture"]:
            assert server.get(path)[0] == 404, path
        for query in ["of=x", "of=1", "of=1.9", "of=1.1;2.1", "of=99999999999999999999.1"]:
            assert server.get("/histograms.json?" + query)[0] == 400, query
        assert json.loads(server.get("/histograms.json?of=77.1,-5.2")[1])["series"][0]["norms"] == []
        for name in ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "localhost.evil:1"]:
            assert server.get(Host=name)[0] == 403, name
        for name in ["localhost:9000", f"127.0.0.1:{port}", "[::1]:7"]:  # ssh forwards from other ports
            assert server.get(Host=name)[0] == 200, name
        assert server.get("/state.json", Origin="http://evil.example")[0] == 403
        assert server.get("/state.json", Origin="null")[0] == 403
        assert server.get("/events", **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})[0] == 403
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"]:
            assert server.get("/state.json", method=method)[0] in (403, 405), method
        with socket.create_connection((host, int(port))) as raw:  # no request at all
            raw.sendall(b"\0\xff garbage\r\n\r\n")
            raw.recv(1000)
        assert server.get()[0] == 200

        # News arrive within a second of the commit.
        events = http.client.HTTPConnection(host, int(port), timeout=20)
        events.request("GET", "/events")
        answer = events.getresponse()
        assert answer.getheader("Content-Type") == "text/event-stream"
        assert answer.readline().startswith(b"data: ") and answer.readline() == b"\n"
        waits = []
        for step in (71, 72, 73):
            add_step(run, step)
            start = time.time()
            assert answer.readline().startswith(b"data: ") and answer.readline() == b"\n"
            state = json.loads(server.get("/state.json")[1])
            waits.append(time.time() - start)
            assert state["last_step"] == step and state["histograms"]["last"][-1] == step, state["last_step"]
        print("news after", ", ".join(f"{w:.2f}" for w in waits), "s")
        assert min(waits) < 1, waits
        assert json.loads(server.get("/histograms.json?of=0.1")[1])["last"][-1] == 73

        # A port in use, and places that are none: one sentence, exit code 2.
        for address in [f"127.0.0.1:{port}", "127.0.0.1:99999", "somewhere:80", "127.0.0.1:x", "192.0.2.1:80"]:
            taken = command(program("heartbeat"), "serve", run, "--address", address)
            assert taken.returncode == 2 and taken.stderr.count("\n") == 1 and "ADDRESS:PORT" in taken.stderr, taken
        trainer = command(program("train_mnist"), "--run-dir", os.path.join(folder, "other"), "--serve", f"127.0.0.1:{port}")
        assert trainer.returncode == 2 and "in use" in trainer.stderr and not os.path.exists(os.path.join(folder, "other")), trainer
    # Without an address the usual one, unless somebody else is there.
    short = ["--quiet", "--tensorboard", "off", "--synthetic", "100", "--epochs", "1", "--model", "mlp"]
    usual = command(program("train_mnist"), "--run-dir", os.path.join(folder, "usual"), "--serve", *short)
    assert "http://127.0.0.1:8117 shows this run" in usual.stdout or "in use" in usual.stderr, usual
    # A run's own config starts no server that was not asked for.
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        config = db.execute("SELECT value FROM meta WHERE key = 'config'").fetchone()[0]
    with open(os.path.join(folder, "again.toml"), "w") as file:
        file.write("\n".join(line for line in config.splitlines() if not line.startswith("run-dir")))
    again = command(program("train_mnist"), "--config", os.path.join(folder, "again.toml"), "--run-dir", os.path.join(folder, "again"))
    assert again.returncode == 0 and "shows this run" not in again.stdout, again
    for wrong in [folder, os.path.join(folder, "nothing")]:
        assert command(program("heartbeat"), "serve", wrong, "--address", "127.0.0.1:0").returncode == 2
    # Beside a trainer, while it trains.
    trainer = subprocess.Popen([program("train_mnist"), "--run-dir", os.path.join(folder, "live"), "--quiet", "--tensorboard", "off", "--synthetic", "4000",
                                "--epochs", "1", "--batch-size", "10", "--serve", "127.0.0.1:0"],
                               stdout=subprocess.PIPE, text=True, env=dict(os.environ, OMP_NUM_THREADS="1"))
    url = None
    for line in trainer.stdout:
        found = re.match(r"(http://\S+) shows this run", line)
        if found:
            url = found.group(1)
            break
    assert url, "the trainer does not say where its page is"
    with urllib.request.urlopen(url + "/state.json", timeout=30) as answer:
        assert json.loads(answer.read())["meta"]["program"] == "train_mnist"
    trainer.stdout.read()
    assert trainer.wait() == 0
