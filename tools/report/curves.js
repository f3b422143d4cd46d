// Scalars over steps, and the update ratio of every tensor as one picture.
const kColours = ["#1f5fa8", "#d1732a", "#23825a", "#8a4fa3", "#b8436b", "#6d6a3f", "#3a9bb0", "#7a5a3c"];
const kBands = {near: "#8a4fa3", short: "#3a9bb0", medium: "#d1732a", long: "#1f5fa8", all: "#4d5766", inter: "#23825a"};
const kOrder = ["near", "short", "medium", "long", "all", "inter"];
const svg = (name, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

const scalar = name => run.scalars[name] || null;
const points = curve => curve ? curve.step.map((step, k) => [step, curve.value[k]]) : [];

// Exponential mean without the bias of its start; about a fiftieth of the run wide.
function smoothed(list) {
  const keep = 1 - 1 / Math.max(4, list.length / 50);
  let sum = 0, weight = 0;
  return list.map(([step, value]) => {
    sum = keep * sum + (1 - keep) * value;
    weight = keep * weight + (1 - keep);
    return [step, sum / weight];
  });
}

// lines: {name, points, colour, dash, width, opacity, level}; level: a horizontal line. options: log, from, to, format, note.
function chart(title, lines, options = {}) {
  lines = lines.filter(l => l.level !== undefined || l.points.length);
  const W = 460, H = 250, m = {left: 50, right: 12, top: 8, bottom: 26};
  const card = el("article", {class: "card curve"}, el("h3", {}, title), el("div", {class: "sub"}, options.note || ""));
  const drawn = lines.filter(l => l.points);
  if (!drawn.length) return null;
  const shown = drawn.flatMap(l => l.points).filter(p => !options.log || p[1] > 0);
  const levels = lines.filter(l => l.level !== undefined).map(l => l.level);
  const steps = d3.extent(shown, p => p[0]);
  const ys = shown.map(p => p[1]).sort(d3.ascending);
  // A wild first step must not flatten the rest.
  let low = Math.min(d3.quantile(ys, 0.002), ...levels), high = Math.max(d3.quantile(ys, shown.length > 300 ? 0.995 : 1), ...levels);
  if (options.from !== undefined) low = Math.min(options.from, low);
  if (options.to !== undefined) high = Math.max(options.to, high);
  if (low === high) high = low + (Math.abs(low) || 1) * 0.1, low -= (Math.abs(low) || 1) * 0.1;
  const x = d3.scaleLinear().domain(steps[0] === steps[1] ? [steps[0] - 1, steps[1] + 1] : steps).range([m.left, W - m.right]);
  const y = (options.log ? d3.scaleLog() : d3.scaleLinear()).domain([low, high]).nice(5).range([H - m.bottom, m.top]).clamp(true);
  const root = svg("svg", {class: "chart", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": title});

  let ticks = y.ticks(5);
  if (options.log) ticks = ticks.filter(t => Math.abs(Math.log10(t) - Math.round(Math.log10(t))) < 1e-9 || d3.ticks(...y.domain(), 5).length && y.domain()[1] / y.domain()[0] < 30 && [2, 5].includes(Math.round(t / 10 ** Math.floor(Math.log10(t)))));
  for (const t of ticks) {
    root.append(svg("line", {class: "grid-line", x1: m.left, x2: W - m.right, y1: y(t), y2: y(t)}));
    root.append(svg("text", {x: m.left - 7, y: y(t) + 3.5, "text-anchor": "end"}, options.format ? options.format(t) : short(t, 3)));
  }
  for (const t of x.ticks(5).filter(Number.isInteger))
    root.append(svg("text", {x: x(t), y: H - 9, "text-anchor": "middle"}, whole(t)));
  root.append(svg("line", {class: "domain", x1: m.left, x2: W - m.right, y1: H - m.bottom, y2: H - m.bottom}));
  for (const step of new Set([...run.skipped, ...lines.flatMap(l => l.broken || [])]))
    root.append(svg("rect", {x: x(step) - 1, y: H - m.bottom + 1, width: 2.5, height: 5, fill: kRed}));

  const path = d3.line().x(p => x(p[0])).y(p => y(p[1])).defined(p => !options.log || p[1] > 0);
  for (const l of lines) {
    const stroke = {stroke: l.colour, "stroke-width": l.width || 1.8, fill: "none", opacity: l.opacity || 1, "stroke-linejoin": "round"};
    if (l.dash) stroke["stroke-dasharray"] = l.dash;
    if (l.level !== undefined) root.append(svg("line", {...stroke, x1: m.left, x2: W - m.right, y1: y(l.level), y2: y(l.level)}));
    else root.append(svg("path", {...stroke, d: path(l.points)}));
    if (l.points && l.points.length <= 40) for (const p of l.points) root.append(svg("circle", {cx: x(p[0]), cy: y(p[1]), r: 2.6, fill: l.colour}));
  }

  const rule = svg("line", {y1: m.top, y2: H - m.bottom, stroke: "#9aa5b5", "stroke-dasharray": "3 3", visibility: "hidden"});
  root.append(rule);
  root.addEventListener("mousemove", e => {
    const box = root.getBoundingClientRect(), step = x.invert((e.clientX - box.left) / box.width * W);
    const rows = lines.filter(l => l.name).map(l => {
      if (l.level !== undefined) return [l, l.level, null];
      const k = Math.max(0, Math.min(l.points.length - 1, d3.bisector(p => p[0]).center ? d3.bisector(p => p[0]).center(l.points, step) : d3.bisector(p => p[0]).left(l.points, step)));
      return [l, l.points[k][1], l.points[k][0]];
    });
    const at = rows.find(r => r[2] !== null);
    if (!at) return;
    rule.setAttribute("x1", x(at[2]));
    rule.setAttribute("x2", x(at[2]));
    rule.setAttribute("visibility", "visible");
    showTip(e, el("b", {}, `step ${whole(Math.round(at[2]))}`),
            el("table", {}, ...rows.map(([l, v]) => el("tr", {}, el("td", {style: `color:${l.colour}`}, l.name), el("td", {}, options.format ? options.format(v) : short(v, 4))))));
  });
  root.addEventListener("mouseleave", () => {
    rule.setAttribute("visibility", "hidden");
    hideTip();
  });
  // Reference lines share their band's colour; the legend names each kind of dash once.
  const entries = lines.filter(l => l.name && !l.kind && lines.length > 1), kinds = new Map(lines.filter(l => l.kind).map(l => [l.kind, l.dash]));
  for (const [name, dash] of kinds) entries.push({name, dash, colour: "#7c8797"});
  const legend = entries.map(l =>
    el("span", {}, svg("svg", {width: 20, height: 8}, svg("line", {x1: 0, x2: 20, y1: 4, y2: 4, stroke: l.colour, "stroke-width": 2.4, "stroke-dasharray": l.dash || ""})), l.name));
  card.append(el("div", {class: "legend"}, ...legend), root);
  return card;
}

function lossChart(title, train, valid) {
  const raw = scalar(train), list = points(raw);
  return chart(title, [
    {points: list, colour: "#8fb4de", width: 1, opacity: list.length > 60 ? 0.75 : 1, broken: raw ? raw.broken : []},
    {name: "training, smoothed", points: smoothed(list), colour: "#1f5fa8", width: 2.2},
    {name: "validation", points: points(scalar(valid)), colour: "#d1732a", width: 2.2},
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
    }), {from: 0, to: chosen === "auprc" ? undefined : 1, format: d3.format(".2f"), note: titles[chosen] || `precision of the best ${chosen} pairs`});
  }).filter(c => c));
  draw();
  return el("section", {id: "scores"}, el("h2", {}, "Scores on validation maps"),
            el("p", {}, "One chart for each kind of contact, one line for each band of separation along the chain. Dashed lines need no training: the prior counts contacts by separation and residue pair, separation by separation alone, density is what guessing reaches."),
            el("div", {class: "bar"}, segments(measures.map(m => [m, titles[m] ? m.toUpperCase() : `P@${m}`]), chosen, m => { chosen = m; draw(); })), grid);
}

function curveSection() {
  const seen = new Set(["train/loss", "valid/loss"]), charts = [lossChart("Loss", "train/loss", "valid/loss")];
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
  one("Learning rate", "lr", {from: 0});
  one("Norm of all gradients, before clipping", "gradients/global_norm", {log: true, smooth: true});
  one("Clip factor", "clip/factor", {from: 0, to: 1, note: "1: not clipped"});
  one("Loss scale", "amp/scale", {log: true});
  one("Seconds of a step", "time/step", {from: 0, smooth: true});
  const rest = Object.keys(run.scalars).filter(n => !seen.has(n) && !/^(valid\/.*@|valid\/(auprc|auroc|density)\/|baseline\/|time\/|health\/)/.test(n));
  for (const {key, values} of d3.nest().key(n => n.includes("/") ? n.slice(0, n.lastIndexOf("/")) : n).entries(rest))
    for (let at = 0; at < values.length; at += 6)
      charts.push(chart(key, values.slice(at, at + 6).map((name, k) => ({name: tail(name), points: points(scalar(name)), colour: kColours[k], broken: scalar(name).broken}))));
  const drawn = charts.filter(c => c);
  const section = el("section", {id: "curves"}, el("h2", {}, "Curves"), el("p", {}, "Red marks on the axis are steps without a finite value, and steps that were skipped."));
  section.append(drawn.length ? el("div", {class: "grid"}, ...drawn) : el("div", {class: "empty"}, "This run has logged no numbers."));
  return section;
}

// Norm of the update over norm of the parameter, tensors by steps. Between 1e-4 and 1e-2 a tensor learns at a good pace.
function ratioSection() {
  const norms = q => new Map(columns.series.filter(s => s.quantity === q).map(s => [s.tensor, s]));
  const updates = norms("updates"), parameters = norms("parameters");
  const tensors = run.tensors.map((t, k) => k).filter(k => updates.has(k) && parameters.has(k));
  if (!tensors.length) return null;
  const at = s => s.columns || s.norms.map((_, c) => c), n = columns.first.length;
  const rows = tensors.map(k => {
    const row = new Array(n).fill(null), u = updates.get(k), p = parameters.get(k);
    const below = new Map(at(p).map((c, i) => [c, p.norms[i]]));
    at(u).forEach((c, i) => {
      const base = below.get(c);
      if (u.norms[i] !== null && base !== undefined && base !== null) row[c] = (u.norms[i] - base) / 64 * Math.log10(2);
    });
    return row;
  });
  const colour = d3.scaleLinear().domain([-6, -4, -3, -2, -0.5]).range(["#3f2c7a", "#d3cfe6", "#f6f6f3", "#f7ddc0", "#a8480a"]).clamp(true);
  const tall = Math.max(3, Math.min(17, Math.floor(620 / tensors.length))), labels = tall >= 10, left = labels ? 210 : 12, height = tall * tensors.length + 24;
  const canvas = el("canvas");
  canvas.style.height = `${height}px`;
  const card = el("article", {class: "card"}, canvas);
  const draw = () => {
    const width = canvas.clientWidth, g = sharp(canvas, width, height), w = width - left - 6;
    const image = new ImageData(n, tensors.length);
    rows.forEach((row, r) => row.forEach((v, c) => {
      const k = d3.rgb(v === null ? "#ffffff" : colour(v));
      image.data.set([k.r, k.g, k.b, 255], 4 * (r * n + c));
    }));
    const small = document.createElement("canvas");
    small.width = n;
    small.height = tensors.length;
    small.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, left, 0, w, tall * tensors.length);
    g.font = kFont;
    g.textBaseline = "middle";
    g.fillStyle = kSoft;
    g.textAlign = "right";
    if (labels) tensors.forEach((k, r) => {
      const name = run.tensors[k].name;
      g.fillText(name.length > 34 ? `…${name.slice(-33)}` : name, left - 8, tall * (r + 0.5));
    });
    g.fillStyle = "rgba(255,255,255,.8)";
    if (tall >= 6) for (let r = 1; r < tensors.length; ++r) g.fillRect(left, tall * r - 0.5, w, 1);
    g.fillStyle = kSoft;
    const panel = {margin: {left, top: 0}, w, h: tall * tensors.length, x: c => left + w * c / n};
    Panel.prototype.steps.call(panel, g);
    canvas.onmousemove = e => {
      const box = canvas.getBoundingClientRect(), c = Math.floor((e.clientX - box.left - left) / w * n), r = Math.floor((e.clientY - box.top) / tall);
      if (c < 0 || c >= n || r < 0 || r >= tensors.length) return hideTip();
      const v = rows[r][c];
      showTip(e, el("b", {}, run.tensors[tensors[r]].name), el("div", {class: "dim"}, `step ${whole(columns.first[c])}: `, el("b", {}, v === null ? "none" : short(10 ** v, 2))));
    };
    canvas.onmouseleave = hideTip;
  };
  whenSeen(card, draw);
  const stops = [-6, -5, -4, -3, -2, -1, -0.5].map(v => `${colour(v)} ${(v + 6) / 5.5 * 100}%`);
  return el("section", {id: "ratios"}, el("h2", {}, "Update ratio"),
            el("p", {}, "Norm of the update over norm of the parameter, one row for each tensor. Around 1e-3 a tensor learns at a good pace; violet barely moves, orange is thrown about."),
            el("div", {class: "bar"}, el("span", {class: "key", style: "margin-left:0"}, "1e-6", el("i", {style: `width:240px;background:linear-gradient(90deg,${stops.join(",")})`}), "0.3")), card);
}
