import os
import sqlite3
import sys
import tempfile
import time

from browser import Page, chromium
from small_run import Server, add_step, bins_of, command, program, train

if not chromium():
    print("no chromium here (apt-get install chromium): skipped")
    sys.exit(77)


def edge(k):
    return 2.0 ** (k // 2 - 40) * (1.5 if k % 2 else 1)


def bin_range(i):
    """Ends of a regular bin of the log, low and high."""
    return (edge(i - 132), edge(i - 131)) if i > 130 else (-edge(129 - i), -edge(128 - i))


def check_cells(page, run, tensor, step):
    """Every cell of a heatmap column against the row of the database that it shows."""
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        blob = db.execute("SELECT bins FROM watch JOIN tensor ON tensor.id = watch.tensor WHERE name = ? AND quantity = 1"
                          " AND step = ?", (tensor, step)).fetchone()[0]
    counts = bins_of(blob)
    cells = page.run(f"""(() => {{
      const panel = [...shownPanels.values()].find(p => run.tensors[p.member.series.tensor].name === "{tensor}");
      const c = panel.columnAt({step} + 0.5), n = panel.picture.height;
      return d3.range(n).map(r => [...panel.picture.range(r), panel.value(c, r)]);
    }})()""")
    assert sum(cell[2] for cell in cells) == sum(counts.values()), (cells, counts)
    compared = 0
    for low, high, count in cells:
        for i in range(1, 260):
            if i not in (129, 130, 131) and bin_range(i) == (low, high):
                assert counts.get(i, 0) == count, (tensor, step, low, high, count)
                compared += count > 0
    assert compared > 5, cells


def check_views(page):
    page.wait("document.querySelectorAll('#histograms .card[data-drawn=heatmap]').length >= 4")
    assert "heatmap" == page.run("controls.view.querySelector('[aria-pressed=true]').textContent")
    for view in ["bands", "ridges", "overlay"]:
        page.key("v")
        page.wait(f"document.querySelectorAll('#histograms .card[data-drawn={view}]').length >= 4")
        # Something is drawn: more than a frame's few colours.
        colours = page.run("""(() => {
          const c = document.querySelector('#histograms .card[data-drawn] canvas'), seen = new Set();
          const bytes = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
          for (let k = 0; k < bytes.length; k += 4) seen.add(bytes[k] << 16 | bytes[k + 1] << 8 | bytes[k + 2]);
          return seen.size;
        })()""")
        assert colours > 20, (view, colours)
    page.key("v")
    page.key("a")
    page.wait("look.axis === 'linear' && document.querySelectorAll('#histograms .card[data-drawn=heatmap]').length >= 4")
    page.key("a")
    page.key("/")
    page.call("Input.insertText", text="fc2")
    page.wait("document.querySelectorAll('#histograms .card').length === 2")
    page.key("Escape")
    page.run("document.getElementById('filter').value = ''; document.getElementById('filter').dispatchEvent(new Event('input'))")
    page.key("?")
    page.wait("document.getElementById('large').open")
    page.run("document.getElementById('large').close()")
    page.run("document.getElementById('ecg').scrollIntoView()")
    page.wait("document.getElementById('ecg-matrix').dataset.drawn === '10 rows'")
    assert page.run("document.querySelectorAll('#alerts .alert').length") == 2
    assert page.run("document.querySelectorAll('#alerts b').length") == 2  # names; the sentence's markup is text
    assert page.run("document.querySelectorAll('#curves svg.chart').length") >= 3
    assert page.run("document.querySelectorAll('#curves svg title').length") > 2  # alerts above the curves


with tempfile.TemporaryDirectory() as folder:
    run = train(folder)
    report = os.path.join(folder, "report.html")
    made = command(program("heartbeat"), "report", run, "-o", report)
    assert made.returncode == 0, made.stderr

    with Page(offline=True) as page:
        page.open("file://" + report)
        page.wait("document.querySelectorAll('#histograms .card[data-drawn=heatmap]').length >= 4")
        for tensor, step in [("conv1.weight", 1), ("conv1.weight", 70), ("conv2.weight", 33)]:
            check_cells(page, run, tensor, step)
        check_views(page)
        assert not page.errors, page.errors
        assert all(url.startswith(("file://" + report, "data:", "blob:")) for url in page.requests), page.requests

    server = Server(run)
    with Page() as page:
        page.open(server.url)
        check_views(page)
        page.run("scrollTo(0, 0)")
        page.wait("document.documentElement.dataset.step === '70'")
        add_step(run, 71)
        start = time.time()
        page.wait("document.documentElement.dataset.step === '71'", 20)
        print(f"the live page shows a step {time.time() - start:.2f} s after its commit")
        page.wait("[...shownPanels.values()].some(p => p.member.columns.last[p.member.columns.last.length - 1] === 71)", 20)
        check_cells(page, run, "conv1.weight", 71)
        assert not page.errors, page.errors
        assert all(url.startswith((server.url, "data:", "blob:")) for url in page.requests), page.requests
        server.close()
        page.wait("document.getElementById('live').textContent.startsWith('The server has gone')", 20)
        assert page.run("document.querySelectorAll('#histograms .card[data-drawn]').length") >= 4
