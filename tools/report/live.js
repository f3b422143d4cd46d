// The page of a running server: counts on demand, and news as they come. A written report has all of it inside.
const kQuantityNumbers = {parameters: 0, gradients: 1, updates: 2, gradients_clipped: 3, activations: 4, activation_gradients: 5};

async function ask(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await answer.text());
  return answer;
}

async function fetchCounts(panels) {
  if (!run.live || !panels.length) return;
  const of = panels.map(p => `${p.member.series.tensor}.${kQuantityNumbers[p.member.series.quantity]}`).join(",");
  const columns = await (await ask(`histograms.json?range=${look.range}&of=${of}`)).json();
  panels.forEach((p, k) => p.renew({series: columns.series[k], columns}));
}
async function levelsNow() {
  return run.live ? (await ask(`levels.json?range=${look.range}`)).json() : columnsNow();
}
async function fetchPicture(id) {
  return new Uint8Array(await (await ask(`picture?id=${id}`)).arrayBuffer());
}

const inView = node => {
  const box = node.getBoundingClientRect();
  return box.bottom > -200 && box.top < innerHeight + 200;
};

// Takes the run's new state. Other tensors or other sections make another page.
async function takeState() {
  const before = run.histograms.series.length, images = JSON.stringify(run.images);
  Object.assign(run, await (await ask("state.json")).json());
  if (run.histograms.series.length !== before) return location.reload();
  run.skipped.forEach(step => marked.add(step));
  pinned.splice(0, pinned.length, ...run.alerts);
  head();
  for (const [, make] of sections) {
    if (make === histogramSection || make === ecgSection || make === configSection) continue;
    if (make === mapSection && images === JSON.stringify(run.images)) continue;
    const fresh = make(), old = fresh && document.getElementById(fresh.id);
    if (fresh && !old) return location.reload();
    if (fresh) old.replaceWith(fresh);
  }
  const shown = [...shownPanels].filter(([card]) => inView(card)).map(([, panel]) => panel);
  await fetchCounts(shown);
  for (const panel of shown) {
    panel.options.alerts = alertsFor(panel.member.series);
    await panel.draw();
  }
  const matrix = document.getElementById("ecg-matrix");
  if (matrix && matrix.dataset.drawn && inView(matrix)) await redrawEcg();
}

function follow() {
  const banner = el("div", {id: "live", role: "status"});
  document.body.append(banner);
  const say = (text, good) => {
    banner.textContent = text;
    banner.className = good ? "good" : "bad";
  };
  const sayWhere = () => {
    document.documentElement.dataset.step = run.last_step;
    say(run.outcome ? `${run.outcome}, step ${whole(run.last_step)}` : `live, step ${whole(run.last_step)}`, true);
  };
  sayWhere();
  let busy = false, again = false;
  const take = async () => {
    if (busy) return again = true;
    busy = true;
    try {
      do {
        again = false;
        await takeState();
      } while (again);
      sayWhere();
    } catch (e) {
      if (!/fetch/i.test(e.message)) console.error(e);
      say("The server has gone; this page keeps what it has. heartbeat serve shows the run again.", false);
    }
    busy = false;
  };
  const source = new EventSource("events");
  source.addEventListener("message", e => JSON.parse(e.data).version === run.state ? sayWhere() : take());
  source.addEventListener("trouble", e => { if (JSON.parse(e.data)) say(JSON.parse(e.data), false); });
  source.addEventListener("error", () => say("The server has gone; this page keeps what it has. heartbeat serve shows the run again.", false));
}
