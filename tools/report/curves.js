// Scalars over steps.
const kBands = {near: "#8a4fa3", short: "#3a9bb0", medium: "#d1732a", long: "#1f5fa8", all: "#4d5766", inter: "#23825a"};
const kOrder = ["near", "short", "medium", "long", "all", "inter"];
const scalar = name => run.scalars[name] || null;

// held: the name of the loss on data that are not trained on.
function lossChart(title, train, held) {
  const raw = scalar(train), list = points(raw);
  return chart(title, [
    {points: list, colour: "#8fb4de", width: 1, opacity: list.length > 60 ? 0.75 : 1, broken: raw ? raw.broken : []},
    {name: "training, smoothed", points: smoothed(list), colour: "#1f5fa8", width: 2.2},
    {name: held.startsWith("test") ? "test" : "validation", points: points(scalar(held)), colour: "#d1732a", width: 2.2},
  ]);
}

function tail(name) {
  return name.slice(name.lastIndexOf("/") + 1);
}

// valid/<channel>/<band>@<k>, valid/auprc/<channel>/<band> and the like: {measure, channel, band, name}.
function scores() {
  const found = [];
  for (const name of Object.keys(run.scalars)) {
    const top = /^valid\/([^/]+)\/([^/@]+)@(.+)$/.exec(name), area = /^valid\/(auprc|auroc)\/([^/]+)\/([^/]+)$/.exec(name);
    if (top) found.push({measure: top[3], channel: top[1], band: top[2], name});
    if (area) found.push({measure: area[1], channel: area[2], band: area[3], name});
  }
  return found;
}

// What needs no training, dashed in the colour of its band.
function references(score, colour) {
  const candidates = [["prior", score.name.replace(/^valid/, "baseline/prior"), "6 4"], ["separation", score.name.replace(/^valid/, "baseline/separation"), "2 3"]];
  if (score.measure === "auprc") candidates.push(["density", `valid/density/${score.channel}/${score.band}`, "1 3"]);
  return candidates.filter(([, name]) => scalar(name) && scalar(name).value.length)
    .map(([kind, name, dash]) => ({name: `${kind}, ${score.band}`, kind, level: scalar(name).value[scalar(name).value.length - 1], colour, dash, width: 1.3, opacity: 0.8}));
}

function scoreSection() {
  const all = scores();
  if (!all.length) return null;
  const order = ["L/10", "L/5", "L/2", "L", "auprc", "auroc"], measures = [...new Set(all.map(s => s.measure))].sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const channels = [...new Set(all.map(s => s.channel))].sort((a, b) => (b === "cb8") - (a === "cb8") || a.localeCompare(b));
  const titles = {auprc: "area under precision and recall", auroc: "area under the ROC curve"};
  const grid = el("div", {class: "grid"});
  let chosen = measures.includes("L/5") ? "L/5" : measures[0];
  const draw = () => grid.replaceChildren(...channels.map(channel => {
    const members = all.filter(s => s.channel === channel && s.measure === chosen).sort((a, b) => kOrder.indexOf(a.band) - kOrder.indexOf(b.band));
    return chart(channel, members.flatMap(s => {
      const colour = kBands[s.band] || "#6b7686";
      return [{name: s.band, points: points(scalar(s.name)), colour, width: 2.2}, ...references(s, colour)];
    }), {from: 0, to: chosen === "auroc" ? 1 : undefined, format: d3.format(".2~g"), note: titles[chosen] || `precision of the best ${chosen} pairs`});
  }).filter(c => c));
  draw();
  return el("section", {id: "scores"}, el("h2", {}, "Scores on validation maps"),
            el("p", {}, "One chart for each kind of contact, one line for each band of separation along the chain. Dashed lines need no training: the prior counts contacts by separation and residue pair, separation by separation alone, density is what guessing reaches."),
            el("div", {class: "bar"}, segments(measures.map(m => [m, titles[m] ? m.toUpperCase() : `P@${m}`]), chosen, m => { chosen = m; draw(); })), grid);
}

function curveSection() {
  const held = scalar("test/loss") && !scalar("valid/loss") ? "test/loss" : "valid/loss";
  const seen = new Set(["train/loss", held]), charts = [lossChart("Loss", "train/loss", held)];
  const channels = Object.keys(run.scalars).filter(n => /^train\/loss\/[^/]+$/.test(n)).map(tail);
  for (const channel of channels) {
    seen.add(`train/loss/${channel}`).add(`valid/loss/${channel}`);
    charts.push(lossChart(`Loss, ${channel}`, `train/loss/${channel}`, `valid/loss/${channel}`));
  }
  const one = (title, name, options = {}) => {
    const curve = scalar(name);
    seen.add(name);
    if (!curve || !curve.value.length) return;
    const list = points(curve), noisy = options.smooth && list.length > 60;
    charts.push(chart(title, [{name: noisy ? "" : tail(name), points: list, colour: noisy ? "#8fb4de" : "#1f5fa8", width: noisy ? 1 : 1.8, broken: curve.broken},
                              ...(noisy ? [{name: "smoothed", points: smoothed(list), colour: "#1f5fa8", width: 2.2}] : [])], options));
  };
  one("Test accuracy", "test/accuracy");
  one("Learning rate", "lr", {from: 0});
  one("Norm of all gradients, before clipping", "gradients/global_norm", {log: true, smooth: true});
  one("Clip factor", "clip/factor", {from: 0, to: 1, note: "1: not clipped"});
  one("Loss scale", "amp/scale", {log: true});
  one("Seconds of a step", "time/step", {from: 0, smooth: true});
  const rest = Object.keys(run.scalars).filter(n => !seen.has(n) && !/^(valid\/.*@|valid\/(auprc|auroc|density)\/|baseline\/|time\/|health\/|plan\/|lint\/|check\/|ablate_error\/|test\/(recall|taken_for)\/)/.test(n));
  for (const {key, values} of d3.nest().key(n => n.includes("/") ? n.slice(0, n.lastIndexOf("/")) : n).entries(rest))
    for (let at = 0; at < values.length; at += 6)
      charts.push(chart(key, values.slice(at, at + 6).map((name, k) => ({name: tail(name), points: points(scalar(name)), colour: kColours[k], broken: scalar(name).broken}))));
  const drawn = charts.filter(c => c);
  const section = el("section", {id: "curves"}, el("h2", {}, "Curves"), el("p", {}, "Red marks on the axis are steps without a finite value, and steps that were skipped."));
  section.append(drawn.length ? el("div", {class: "grid"}, ...drawn) : el("div", {class: "empty"}, "This run has logged no numbers."));
  return section;
}
