// The page from top to bottom.
function best(pattern, better) {
  let found = null;
  for (const name of Object.keys(run.scalars)) {
    if (!pattern.test(name)) continue;
    const curve = run.scalars[name];
    curve.value.forEach((value, k) => {
      if (value !== null && (!found || better(value, found.value))) found = {name, value, step: curve.step[k]};
    });
  }
  return found;
}

function tiles() {
  const list = [], add = (what, value, more = "") => list.push(el("div", {class: "tile"}, el("div", {class: "what"}, what), el("div", {class: "value"}, value), el("div", {class: "more"}, more)));
  const all = scores(), channel = all.some(s => s.channel === "cb8") ? "cb8" : (all[0] || {}).channel;
  for (const [measure, band, what] of [["L/5", "long", "Long P@L/5"], ["auprc", "long", "Long AUPRC"]]) {
    const score = all.find(s => s.channel === channel && s.measure === measure && s.band === band);
    const found = score && best(new RegExp(`^${score.name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`), (a, c) => a > c);
    if (!found) continue;
    const prior = references(score, "").find(r => r.kind === "prior");
    add(`${what}, ${channel}`, found.value.toFixed(3), prior ? `prior ${prior.level.toFixed(3)}` : `step ${whole(found.step)}`);
  }
  const accuracy = best(/^valid\/accuracy$|^test\/accuracy$/, (a, c) => a > c);
  if (accuracy) add("Best accuracy", accuracy.value.toFixed(4), `step ${whole(accuracy.step)}`);
  const loss = best(/^valid\/loss$|^test\/loss$/, (a, c) => a < c);
  if (loss) add("Best validation loss", short(loss.value, 4), `step ${whole(loss.step)}`);
  const train = scalar("train/loss");
  if (train && train.value.length) add("Training loss", short(smoothed(points(train)).pop()[1], 4), "smoothed, at the end");
  add("Steps", whole(run.last_step), run.epochs ? `${short(run.epochs, 3)} epochs` : "");
  add("Time", duration(run.seconds), run.last_step && run.seconds ? `${short(run.seconds / run.last_step, 3)} s a step` : "");
  const count = d3.sum(run.tensors, t => t.shape.reduce((a, b) => a * b, 1));
  if (count) add("Parameters", large(count), `in ${run.tensors.length} tensors`);
  const share = scalar("time/watch_share");
  if (share && share.value.length) add("Cost of watching", `${(100 * d3.mean(share.value)).toFixed(1)} %`, "of the time of a step");
  return el("div", {class: "tiles"}, ...list);
}

function outcomeChip() {
  if (!run.outcome) return el("span", {class: "chip quiet"}, "still running, or ended without a word");
  return el("span", {class: `chip ${/^(finished|done|complete)/.test(run.outcome) ? "good" : /^(interrupt|stop|early)/.test(run.outcome) ? "quiet" : "bad"}`}, run.outcome);
}

function head() {
  const pulse = svg("svg", {width: 34, height: 18, viewBox: "0 0 34 18"}, svg("path", {d: "M1 10h8l3-7 5 13 4-9 2 3h10", fill: "none", stroke: kRed, "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round"}));
  const chips = [outcomeChip()], known = [["program", "program"], ["break", "broken on purpose:"], ["preset", "preset"], ["device", "device"], ["seed", "seed"], ["host", "host"]];
  for (const [key, label] of known) if (run.meta[key]) chips.push(el("span", {class: "chip"}, `${label} `, el("b", {}, run.meta[key])));
  if (run.generations > 1) chips.push(el("span", {class: "chip"}, "resumed ", el("b", {}, `${run.generations - 1} ×`)));
  document.getElementById("head").replaceChildren(el("div", {class: "brand"}, pulse, "heartbeat"), el("h1", {}, run.name), el("div", {class: "chips"}, ...chips), tiles());
}

function rowsTable(rows, headings) {
  return el("table", {class: "plain"}, ...(headings ? [el("tr", {}, ...headings.map(h => el("th", {}, h)))] : []),
            ...rows.map(row => el("tr", {}, ...row.map((cell, k) => el("td", {class: k ? "mono" : ""}, cell)))));
}

function alertSection() {
  if (!run.alerts.length) return null;
  const counts = Object.keys(severities).map(k => [k, run.alerts.filter(a => a.severity === k).length]).filter(c => c[1]);
  const chip = a => el("span", {class: "severity", style: `background:${severities[a.severity]?.colour || kSoft}`}, `${a.rule} ${severities[a.severity]?.name || a.severity}`);
  const advice = text => text ? el("ol", {}, ...text.split("\n").filter(l => l).map(l => el("li", {}, l))) : "";
  const cards = run.alerts.slice(0, 200).map(a => el("article", {class: "card alert"}, el("div", {class: "sub"}, chip(a), el("b", {}, a.tensor || "the whole run"), el("span", {}, `step ${whole(a.step)}`), el("span", {}, `${short(a.value)} against ${short(a.limit)}`)), el("div", {}, a.text), advice(a.fixes)));
  const section = el("section", {id: "alerts"}, el("h2", {}, "Alerts"), el("p", {}, counts.map(([k, n]) => `${n} ${severities[k].name}`).join(", ") + ". Pinned above their steps in every picture."), ...cards);
  if (run.alerts.length > cards.length) section.append(el("p", {}, `and ${run.alerts.length - cards.length} more in the log.`));
  return section;
}

function configSection() {
  const section = el("section", {id: "configuration"}, el("h2", {}, "Configuration"), el("p", {}, "As the program resolved it from defaults, config file and flags."));
  const halves = [], config = (run.meta.config || "").split("\n").map(l => l.trim()).filter(l => l && !l.startsWith("#"));
  let prefix = "";
  const rows = [];
  for (const line of config) {
    const cut = line.indexOf("=");
    if (cut < 0) prefix = line.replace(/^\[+|\]+$/g, "") + ".";
    else rows.push([prefix + line.slice(0, cut).trim(), line.slice(cut + 1).trim()]);
  }
  const half = Math.ceil(rows.length / 2);
  if (rows.length > 8) halves.push(rowsTable(rows.slice(0, half)), rowsTable(rows.slice(half)));
  else if (rows.length) halves.push(rowsTable(rows));
  const facts = Object.entries(run.meta).filter(([key]) => key !== "config");
  halves.push(rowsTable(facts));
  section.append(el("div", {class: "columns"}, ...halves));
  return section;
}

function noteSection() {
  if (!run.notes.length) return null;
  return el("section", {id: "notes"}, el("h2", {}, "Notes"), rowsTable(run.notes.map(n => [whole(n.step), n.key, n.value]), ["Step", "What", ""]));
}

head();
const sections = [["Histograms", histogramSection], ["ECG", ecgSection], ["Alerts", alertSection], ["Curves", curveSection], ["Scores", scoreSection], ["Contact maps", mapSection],
                  ["Configuration", configSection], ["Notes", noteSection]];
const main = document.getElementById("main"), links = el("div");
for (const [label, make] of sections) {
  const section = make();
  if (!section) continue;
  main.append(section);
  links.append(el("a", {href: `#${section.id}`}, label));
}
main.before(el("nav", {}, links));
document.body.append(el("footer", {}, run.live ? `Served by heartbeat ${run.version}.` : `Written by heartbeat ${run.version}. This page loads nothing from the network.`));
let resizing;
addEventListener("resize", () => {
  clearTimeout(resizing);
  resizing = setTimeout(() => {
    for (const panel of shownPanels.values()) panel.paint();
    redrawEcg();
  }, 200);
});
document.documentElement.dataset.ready = "yes";
if (run.live) follow();
