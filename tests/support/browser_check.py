import os
import sqlite3
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../interop"))
from browser import Page, chromium
from run_db import bins, ends
from small_run import Server, add_step, alerts_of, command, kMapSize, map_samples, program, train

if not chromium():
    print("no chromium here (apt-get install chromium): skipped")
    sys.exit(77)


def check_cells(page, run, tensor, step):
    """Every cell of a heatmap column against the row of the database that it shows."""
    with sqlite3.connect(os.path.join(run, "run.db")) as db:
        blob = db.execute("SELECT bins FROM watch JOIN tensor ON tensor.id = watch.tensor WHERE name = ? AND quantity = 1"
                          " AND step = ?", (tensor, step)).fetchone()[0]
    counts = bins(blob)
    cells = page.run(f"""(() => {{
      const panel = [...shownPanels.values()].find(p => run.tensors[p.member.series.tensor].name === "{tensor}");
      const c = panel.columnAt({step} + 0.5), n = panel.picture.height;
      return d3.range(n).map(r => [...panel.picture.range(r), panel.value(c, r)]);
    }})()""")
    assert sum(cell[2] for cell in cells) == sum(counts.values()), (cells, counts)
    compared = 0
    for low, high, count in cells:
        for i in range(1, 260):
            if i not in (129, 130, 131) and ends(i) == (low, high):
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
    # What the doctor said while it trained: the sentence, its advice, and a pin in the pictures of that tensor.
    rule, _, tensor, first_step, _, sentence, advice = alerts[0]
    said = page.run("[...document.querySelectorAll('#alerts .alert')].map(a => a.textContent)")
    assert len(said) == len(alerts) and any(rule in s and tensor in s and sentence in s and advice in s for s in said), said
    assert page.run(f"""run.histograms.series.every(s => alertsFor(s).some(a => a.own && a.rule === '{rule}' && a.step === {first_step})
                                                    === (run.tensors[s.tensor].name === '{tensor}'))""")
    assert page.run("document.querySelectorAll('#alerts b').length") == len(alerts)  # names; a sentence's markup is text
    assert page.run("document.querySelectorAll('#curves svg.chart').length") >= 3
    assert page.run("document.querySelectorAll('#curves svg title').length") > 2  # alerts above the curves


def check_maps(page):
    """Three maps in a row, the third with predicted above and true below its diagonal; a scrubber, and keys that read."""
    page.run("document.getElementById('maps').scrollIntoView({behavior: 'instant'})")
    page.wait(f"[...document.querySelectorAll('#maps canvas')].every(c => c.width === {kMapSize})")
    # Back from colours to samples: the ramp has 256 colours, and neighbours may be alike.
    read = """(k => { const c = document.querySelectorAll('#maps canvas')[k], copy = document.createElement('canvas');
      copy.width = c.width, copy.height = c.height;
      const g = copy.getContext('2d', {willReadFrequently: true});
      g.drawImage(c, 0, 0);
      const p = g.getImageData(0, 0, c.width, c.height).data;
      return d3.range(c.width * c.height).map(i => [p[4 * i], p[4 * i + 1], p[4 * i + 2]]); })"""
    ramp = page.run("d3.range(256).map(k => [...kMapRamp.slice(3 * k, 3 * k + 3)])")

    def expect(step):
        predicted, true = ([ramp[s] for s in map_samples(kind, step)] for kind in ("predicted", "true"))
        cells = [(i, j) for i in range(kMapSize) for j in range(kMapSize)]
        assert page.run(read + "(0)") == predicted and page.run(read + "(1)") == true, step
        for (i, j), colour, above, below in zip(cells, page.run(read + "(2)"), predicted, true):
            assert i == j or colour == (above if i < j else below), (step, i, j, colour)

    expect(70)
    page.run("document.querySelector('#maps input[type=range]').focus()")
    page.key("ArrowLeft")
    page.wait("document.querySelector('#maps .bar b').textContent === 'step 30'")
    page.wait(f"JSON.stringify({read}(0)) === '{str([ramp[s] for s in map_samples('predicted', 30)]).replace(' ', '')}'")
    expect(30)
    page.run("document.querySelectorAll('#maps canvas')[2].focus()")
    page.key("ArrowRight")
    page.wait("document.getElementById('tip').textContent.startsWith('residues 13 and 14predicted ')")
    page.key("Enter")
    page.wait("document.getElementById('large').open && document.querySelector('#large canvas').width > 1")
    page.run("document.getElementById('large').close()")


with tempfile.TemporaryDirectory() as folder:
    run = train(folder)
    alerts = alerts_of(run)
    report = os.path.join(folder, "report.html")
    made = command(program("heartbeat"), "report", run, "-o", report)
    assert made.returncode == 0, made.stderr

    with Page(offline=True) as page:
        page.open("file://" + report)
        page.wait("document.querySelectorAll('#histograms .card[data-drawn=heatmap]').length >= 4")
        for tensor, step in [("conv1.weight", 1), ("conv1.weight", 70), ("conv2.weight", 33)]:
            check_cells(page, run, tensor, step)
        check_views(page)
        check_maps(page)
        assert not page.errors, page.errors
        assert all(url.startswith(("file://" + report, "data:", "blob:")) for url in page.requests), page.requests

    server = Server(run)
    with Page() as page:
        page.open(server.url)
        check_views(page)
        check_maps(page)
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
