// The histograms of a run, one card for each tensor, by module.
const run = data;
const columnsNow = () => look.range === "recent" && run.recent ? run.recent : run.histograms;
run.skipped.forEach(step => marked.add(step));
pinned.push(...run.alerts);
const shownPanels = new Map();  // node of a card -> its panel

function nameNode(name) {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name] : [el("span", {class: "dim"}, name.slice(0, dot + 1)), name.slice(dot + 1)];
}

// An alert names a tensor, a module of it, or nothing.
const concerns = (alert, name) => alert.tensor !== "" && (name === alert.tensor || name.startsWith(`${alert.tensor}.`));

const alertsFor = series => run.alerts.map(a => ({...a, own: concerns(a, run.tensors[series.tensor].name)}));

function panelOf(series, columns, height) {
  const name = run.tensors[series.tensor].name, alerts = alertsFor(series);
  const member = {series, columns};
  return new kViews[look.view](member, height, new Axes([member]), {alerts, name: `${series.quantity} of ${name}, ${look.view}`});
}

function tensorCard(series, columns) {
  const tensor = run.tensors[series.tensor], panel = panelOf(series, columns, look.view === "ridges" ? 235 : 190);
  const broken = () => series.nan && series.nan.some((v, c) => v || series.infinite[c]);
  const sub = el("div", {class: "sub"}, tensor.shape.length ? tensor.shape.join(" × ") : "scalar",
                 el("span", {class: "max"}), el("button", {class: "expand", title: "Larger", "aria-label": `Larger ${tensor.name}`, onclick: () => enlarge(series, columns)}, "⤢"));
  const card = el("article", {class: "card", "data-tensor": tensor.name}, el("h3", {title: tensor.name}, ...nameNode(tensor.name)), sub, panel.node);
  panel.canvas.addEventListener("keydown", e => { if (e.key === "Enter") enlarge(series, columns); });
  whenSeen(card, async () => {
    await fetchCounts([panel]);
    await panel.draw();
    shownPanels.set(card, panel);
    card.dataset.drawn = look.view;
    sub.querySelector(".max").replaceChildren(`up to ${large(Math.round(panel.axes.max))} in a bin`, broken() ? el("span", {style: `color:${kRed}`}, "  not finite") : "");
  });
  return card;
}

function enlarge(series, columns) {
  const dialog = document.getElementById("large"), panel = panelOf(series, columns, Math.min(620, innerHeight - 160));
  dialog.replaceChildren(el("h3", {}, `${series.quantity}/${run.tensors[series.tensor].name}`), panel.node,
                         el("form", {method: "dialog", style: "text-align:right"}, el("div", {class: "seg"}, el("button", {}, "Close"))));
  dialog.showModal();
  fetchCounts([panel]).then(() => panel.draw());
}

// Modules with the number of tensors below them: each under its parent, siblings in the order of the model.
function modules() {
  const root = {children: new Map()};
  for (const tensor of run.tensors) {
    let at = root, path = "";
    for (const part of tensor.name.split(".").slice(0, -1)) {
      path = path ? `${path}.${part}` : part;
      if (!at.children.has(part)) at.children.set(part, {path, count: 0, children: new Map()});
      at = at.children.get(part);
      ++at.count;
    }
  }
  const list = (node, depth) => depth > 3 ? [] : [...node.children.values()].flatMap(c => [[c.path, c.count], ...list(c, depth + 1)]);
  return list(root, 1);
}

function colourKey() {
  const stops = look.ramp === "blue" ? t => d3.interpolateBlues(0.06 + 0.94 * t) : look.ramp === "viridis" ? t => d3.interpolateViridis(1 - t) : d3.interpolateGreys;
  const patch = (colour, text) => [el("i", {style: `width:14px;background:${colour}`}), text], rail = [el("i", {class: "rail", style: "margin-left:10px"}), "NaN or infinite"];
  if (look.view === "bands") return ["of the values:", ...patch("#0b2a55", "median"), ...patch("#5c98cf", "25 to 75 %"), ...patch("#a9c9e8", "5 to 95 %"), ...patch("#dbe8f6", "1 to 99 %"), ...rail];
  if (look.view === "ridges") return ["early", el("i", {style: "background:linear-gradient(90deg,#c3d9ef,#0f4a8a)"}), "late"];
  if (look.view === "overlay") return [];
  return ["few", el("i", {style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map(t => stops(Math.sqrt(t))).join(",")})`}), "many", ...rail];
}

// Two scrubbers, for the steps that lie over each other.
function scrubbers() {
  const label = el("span", {class: "count"}), box = el("div", {class: "scrubbers", hidden: true}), n = () => columnsNow().first.length;
  const say = () => {
    const at = part => stepsOf(columnsNow(), Math.round(part * (n() - 1)));
    label.replaceChildren(el("b", {style: `color:${kFirstStep}`}, at(compared.a)), " over ", el("b", {style: `color:${kSecondStep}`}, at(compared.b)));
  };
  for (const [key, colour] of [["a", kFirstStep], ["b", kSecondStep]])
    box.append(el("input", {type: "range", min: 0, max: 1000, value: 1000 * compared[key], style: `accent-color:${colour}`, "aria-label": `${key === "a" ? "First" : "Second"} step`, oninput: e => {
      compared[key] = e.target.value / 1000;
      say();
      for (const panel of shownPanels.values()) panel.paint();
    }}));
  box.append(label);
  return {box, update: () => { box.hidden = look.view !== "overlay"; if (n()) say(); }};
}

let redrawHistograms = () => {};
const controls = {};  // the segments of the bar, for the keyboard
function histogramSection() {
  const section = el("section", {id: "histograms"}, el("h2", {}, "Histograms")), said = el("p");
  section.append(said);
  if (!run.histograms.series.length) {
    section.append(el("div", {class: "empty"}, "This run has logged no histograms."));
    return section;
  }
  const present = [...new Set(run.histograms.series.map(s => s.quantity))];
  const quantities = ["gradients", "parameters", "updates", "gradients_clipped", "activations", "activation_gradients"].filter(q => present.includes(q));
  look.quantity = quantities[0];
  let filter = "", module = "";
  const grid = el("div", {class: "grid"}), count = el("span", {class: "count"}), key = el("span", {class: "key"}), scrub = scrubbers();
  const redraw = () => {
    hideTip();
    shownPanels.clear();
    const columns = columnsNow(), width = columns.first.length ? columns.last[0] - columns.first[0] + 1 : 1;
    const one = width > 1 ? `range of ${width} steps (merged by adding counts)` : "step";
    said.textContent = {
      heatmap: `Every column is the histogram of a tensor at one ${one}, bottom to top from negative to positive; counts are depth of colour.`,
      bands: `Percentiles of a tensor's values at every ${one}, off by one bin at most.`,
      ridges: "Histograms over each other, the first at the top and the last at the bottom, values from left to right.",
      overlay: `The histograms of two steps over each other; move the two scrubbers. Each is one ${one}.`}[look.view] + " Press ? for the keys.";
    const pattern = filter.includes("*") ? new RegExp(`^${filter.split("*").map(p => p.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`) : null;
    const shown = columns.series.filter(s => {
      const name = run.tensors[s.tensor].name;
      return s.quantity === look.quantity && (!module || name.startsWith(`${module}.`)) && (pattern ? pattern.test(name) : name.includes(filter));
    });
    grid.replaceChildren(...shown.map(s => tensorCard(s, columns)));
    if (!shown.length) grid.append(el("div", {class: "empty"}, "No tensor has such a name."));
    count.textContent = `${shown.length} of ${run.tensors.length} tensors`;
    key.replaceChildren(...colourKey());
    scrub.update();
  };
  redrawHistograms = redraw;
  const choice = (name, options) => {
    const node = segments(options, look[name], value => { look[name] = value; redraw(); });
    return controls[name] = node;
  };
  const search = el("input", {type: "search", id: "filter", placeholder: "Filter names, as in gru or *.bias", "aria-label": "Filter names", oninput: e => {
    filter = e.target.value.trim();
    redraw();
  }});
  section.append(el("div", {class: "bar"},
    choice("quantity", quantities.map(q => [q, q.replace(/_/g, " ")])),
    choice("view", Object.keys(kViews).map(v => [v, v])),
    choice("axis", [["log", "log₂"], ["linear", "linear"]]),
    run.recent ? choice("range", [["all", "all steps"], ["recent", run.live ? "last steps" : `last ${run.recent.first.length}`]]) : "",
    choice("ramp", [["blue", "blue"], ["viridis", "viridis"], ["grey", "black"]]),
    search, count), el("div", {class: "bar"}, scrub.box, key));
  const all = [["", run.tensors.length], ...modules()];
  const buttons = all.map(([path, n]) => el("button", {type: "button", "aria-pressed": path === "", style: `padding-left:${8 + 13 * (path ? path.split(".").length - 1 : 0)}px`, onclick: () => {
    module = path;
    buttons.forEach((b, k) => b.setAttribute("aria-pressed", all[k][0] === path));
    redraw();
  }}, el("span", {}, path ? path.slice(path.lastIndexOf(".") + 1) : "all tensors"), el("small", {}, String(n))));
  section.append(el("div", {class: "split"}, el("div", {class: "tree"}, ...buttons), grid));
  redraw();
  return section;
}
