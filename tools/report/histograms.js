// The histograms of a run, one card for each tensor, by module.
const run = data, columns = run.histograms;
run.skipped.forEach(step => marked.add(step));
function nameNode(name) {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name] : [el("span", {class: "dim"}, name.slice(0, dot + 1)), name.slice(dot + 1)];
}

function tensorCard(series) {
  const tensor = run.tensors[series.tensor], panel = new Panel({series, columns}, 190);
  const broken = () => series.nan && series.nan.some((v, c) => v || series.infinite[c]);
  const sub = el("div", {class: "sub"}, tensor.shape.length ? tensor.shape.join(" × ") : "scalar",
                 el("span", {class: "max"}), el("button", {class: "expand", title: "Larger", "aria-label": `Larger ${tensor.name}`, onclick: () => enlarge(series)}, "⤢"));
  const card = el("article", {class: "card"}, el("h3", {title: tensor.name}, ...nameNode(tensor.name)), sub, panel.node);
  whenSeen(card, async () => {
    await panel.draw();
    sub.querySelector(".max").replaceChildren(`up to ${large(Math.round(panel.axes.max))} in a bin`, broken() ? el("span", {style: `color:${kRed}`}, "  not finite") : "");
  });
  return card;
}

function enlarge(series) {
  const dialog = document.getElementById("large"), panel = new Panel({series, columns}, Math.min(620, innerHeight - 160));
  dialog.replaceChildren(el("h3", {}, `${series.quantity}/${run.tensors[series.tensor].name}`), panel.node,
                         el("form", {method: "dialog", style: "text-align:right"}, el("div", {class: "seg"}, el("button", {}, "Close"))));
  dialog.showModal();
  panel.draw();
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

function histogramSection() {
  const section = el("section", {id: "histograms"}, el("h2", {}, "Histograms"));
  const merged = columns.first.length && columns.last[0] > columns.first[0];
  section.append(el("p", {}, "Every column is the histogram of a tensor at one ", merged ? `range of ${columns.last[0] - columns.first[0] + 1} steps (merged by adding counts)` : "step",
                    ", bottom to top from negative to positive on a signed logarithmic axis; counts are depth of colour."));
  if (!columns.series.length) {
    section.append(el("div", {class: "empty"}, "This run has logged no histograms."));
    return section;
  }
  const present = [...new Set(columns.series.map(s => s.quantity))];
  const order = ["gradients", "parameters", "updates", "gradients_clipped", "activations", "activation_gradients"];
  const quantities = order.filter(q => present.includes(q));
  look.quantity = quantities[0];
  let filter = "", module = "";
  const grid = el("div", {class: "grid"}), count = el("span", {class: "count"});
  const key = el("span", {class: "key"});
  const redraw = () => {
    hideTip();
    const pattern = filter.includes("*") ? new RegExp(`^${filter.split("*").map(p => p.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")}$`) : null;
    const shown = columns.series.filter(s => {
      const name = run.tensors[s.tensor].name;
      return s.quantity === look.quantity && (!module || name.startsWith(`${module}.`)) && (pattern ? pattern.test(name) : name.includes(filter));
    });
    grid.replaceChildren(...shown.map(tensorCard));
    if (!shown.length) grid.append(el("div", {class: "empty"}, "No tensor has such a name."));
    count.textContent = `${shown.length} of ${run.tensors.length} tensors`;
    const ramp = look.ramp === "blue" ? [0, 0.25, 0.5, 0.75, 1].map(t => d3.interpolateBlues(0.06 + 0.94 * Math.sqrt(t))) : [0, 0.5, 1].map(t => d3.interpolateGreys(Math.sqrt(t)));
    key.replaceChildren("few", el("i", {style: `background:linear-gradient(90deg,${ramp.join(",")})`}), "many", el("i", {class: "rail", style: "margin-left:10px"}), "NaN or infinite");
  };
  const search = el("input", {type: "search", placeholder: "Filter names, as in gru or *.bias", "aria-label": "Filter names", oninput: e => {
    filter = e.target.value.trim();
    redraw();
  }});
  section.append(el("div", {class: "bar"},
    segments(quantities.map(q => [q, q.replace(/_/g, " ")]), look.quantity, q => { look.quantity = q; redraw(); }),
    segments([["log", "log₂"], ["linear", "linear"]], look.axis, a => { look.axis = a; redraw(); }),
    segments([["blue", "blue"], ["grey", "black on white"]], look.ramp, r => { look.ramp = r; redraw(); }),
    search, count, key));
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
