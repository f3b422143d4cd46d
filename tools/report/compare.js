// Runs side by side: a table to choose from, curves in one chart, histograms with linked axes.
const runs = data.runs, kMostChosen = 6;
// Okabe and Ito's colours, which colour-blind readers tell apart; beyond eight they repeat, dashed.
const kRunColours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5b5b5b", "#8d7600"];
runs.forEach((run, k) => {
  run.number = k;
  run.colour = kRunColours[k % kRunColours.length];
  run.dash = ["", "6 4", "2 3"][Math.floor(k / kRunColours.length) % 3];
  run.settings = new Map(data.settings.map(s => [s.key, s.values[k]]));
});
const chosen = new Set(runs.slice(0, 4));
const inOrder = () => runs.filter(r => chosen.has(r));

const scalarOf = (run, names) => names.map(n => run.scalars[n]).find(c => c && c.value.length) || null;
const last = curve => curve ? curve.value[curve.value.length - 1] : null;
const kAccuracy = ["test/accuracy", "valid/accuracy"], kLoss = ["test/loss", "valid/loss"], kTrain = ["train/loss"];

const plain = value => value === null ? "–" : value.replace(/^"|"$/g, "") || "–";  // of a TOML string

// What the table shows of a run: {key, label, value(run), text(value), title, best: 1 large is good, -1 small}.
function measures() {
  const list = data.settings.filter(s => new Set(s.values).size > 1).slice(0, 6).map(s => ({
    key: s.key, label: s.key, setting: true,
    value: run => run.settings.get(s.key) === null ? null : Number.isFinite(+run.settings.get(s.key)) && run.settings.get(s.key) !== "" ? +run.settings.get(s.key) : run.settings.get(s.key),
    text: v => typeof v === "number" ? short(v, 4) : plain(v)}));
  const add = (key, label, value, text, more = {}) => {
    if (runs.some(r => value(r) !== null && value(r) !== undefined)) list.push({key, label, value, text, ...more});
  };
  add("accuracy", "accuracy", run => last(scalarOf(run, kAccuracy)), v => v.toFixed(4), {best: 1, title: "after the last step"});
  add("top", "long P@L/5", run => last(scalarOf(run, ["valid/cb8/long@L/5"])), v => v.toFixed(3), {best: 1, title: "of cb8 contacts, after the last step"});
  add("loss", "held-out loss", run => last(scalarOf(run, kLoss)), v => short(v, 4), {best: -1, title: "after the last step"});
  add("train", "training loss", run => { const c = scalarOf(run, kTrain); return c ? (smoothed(points(c)).pop() || [])[1] : null; }, v => short(v, 4), {best: -1, title: "smoothed, at the end"});
  if (data.module)
    add("scale", `${data.module} : other layers`, run => run.scale, v => v === 0 ? "0" : v >= 0.995 ? `${short(v, 2)} ×` : `1 / ${short(1 / v, 2)}`,
        {title: `median magnitude of the gradients of ${data.module} over the median of the other layers' medians, all steps`});
  add("steps", "steps", run => run.steps, whole);
  add("time", "time", run => run.seconds || null, duration);
  return list;
}

function runTable(changed) {
  const list = measures(), order = {by: null, down: false};
  const best = new Map(list.filter(m => m.best && runs.length > 1).map(m => [m, d3.max(runs, r => m.value(r) === null ? -Infinity : m.best * m.value(r))]));
  const body = el("tbody"), heads = new Map();
  const title = m => {
    const head = el("th", {title: m.title || ""}, el("button", {type: "button", onclick: () => {
      order.down = order.by === m ? !order.down : m.best === 1;
      order.by = m;
      fill();
    }}, m.label));
    heads.set(m, head);
    return head;
  };
  const fill = () => {
    for (const [m, head] of heads) order.by === m ? head.setAttribute("aria-sort", order.down ? "descending" : "ascending") : head.removeAttribute("aria-sort");
    const key = run => order.by.value(run), missing = v => v === null || v === undefined;
    const sorted = [...runs];
    if (order.by) sorted.sort((a, b) => {
      if (missing(key(a)) || missing(key(b))) return missing(key(a)) - missing(key(b));
      const way = typeof key(a) === typeof key(b) ? d3.ascending(key(a), key(b)) : d3.ascending(String(key(a)), String(key(b)));
      return order.down ? -way : way;
    });
    body.replaceChildren(...sorted.map(run => {
      const box = el("input", {type: "checkbox", "aria-label": `Show ${run.label}`, onchange: () => {
        if (box.checked) chosen.add(run);
        else if (chosen.size > 1) chosen.delete(run);
        fill();
        changed();
      }});
      box.checked = chosen.has(run);
      box.disabled = !chosen.has(run) && chosen.size >= kMostChosen;
      return el("tr", {class: chosen.has(run) ? "" : "off"}, el("td", {}, el("label", {title: run.directory}, box, swatch(run), run.label)),
                ...list.map(m => {
        const v = m.value(run);
        const common = m.setting && runs.filter(r => m.value(r) === v).length > runs.length / 2;
        return el("td", {class: common ? "usual" : best.has(m) && v !== null && m.best * v === best.get(m) ? "best" : ""}, missing(v) ? "–" : m.text(v));
      }));
    }));
  };
  fill();
  const run = {key: "run", label: "run", value: r => r.number};
  return el("div", {class: "scroll"}, el("table", {class: "runs"}, el("thead", {}, el("tr", {}, title(run), ...list.map(title))), body));
}

function curvesOf(list) {
  const make = (title, names, options = {}) => chart(title, list.flatMap(run => {
    const curve = scalarOf(run, names), raw = points(curve), noisy = raw.length > 60 && options.smooth;
    return [{name: run.label, points: noisy ? smoothed(raw) : raw, colour: run.colour, dash: run.dash, width: 2, opacity: 0.9, broken: curve ? curve.broken : []}];
  }), {...options, legend: false, steps: view.steps});
  return [
    make("Accuracy, held out", kAccuracy, {format: d3.format(".3~f")}),
    make("Loss, held out", kLoss),
    make("Loss, training", kTrain, {smooth: true, note: "smoothed"}),
    make("Long P@L/5 of cb8, held out", ["valid/cb8/long@L/5"], {from: 0}),
    make("Norm of all gradients, before clipping", ["gradients/global_norm"], {log: true, smooth: true, note: "smoothed"}),
    make("Learning rate", ["lr"], {from: 0}),
  ].filter(c => c);
}

const runKey = list => el("div", {class: "run-key"}, ...list.map(run => el("span", {}, swatch(run), run.label)));

// The settings in which the chosen runs are not alike, in a line under the name.
function differing(run, list) {
  return data.settings.filter(s => new Set(list.map(r => r.settings.get(s.key))).size > 1)
    .map(s => `${s.key} ${plain(run.settings.get(s.key))}`).slice(0, 4).join(", ");
}

function laneBlock(list) {
  const names = [...new Set(list.flatMap(run => run.tensors.map(t => t.name)))];
  const heads = list.map(run => el("div", {}, swatch(run), run.label, el("small", {}, differing(run, list) || run.outcome)));
  if (list.length === 2) heads.push(el("div", {}, "B − A", el("small", {}, "counts, where both have the steps")));
  const lanes = names.flatMap(name => lane(name, list));
  return lanes.length ? el("div", {class: "lanes"}, el("div", {class: "lane head", style: laneColumns(heads.length)}, ...heads), ...lanes)
                      : el("div", {class: "empty"}, "These runs have logged no such histograms.");
}

let redraw = () => {};
function zoom(steps) {
  view.steps = steps;
  redraw();
}

function sideBySide() {
  const present = new Set(runs.flatMap(r => r.histograms.series.map(s => s.quantity)));
  const quantities = ["gradients", "parameters", "updates", "gradients_clipped", "activations", "activation_gradients"].filter(q => present.has(q));
  const curves = el("div", {class: "grid"}), keys = el("div"), holder = el("div"), zoomed = el("div", {class: "seg"});
  const fill = () => {
    hideTip();
    view.panels.clear();
    const list = inOrder();
    keys.replaceChildren(runKey(list));
    curves.replaceChildren(...curvesOf(list));
    holder.replaceChildren(laneBlock(list));
    colours.replaceChildren("few", el("i", {style: `background:linear-gradient(90deg,${[0, 0.25, 0.5, 0.75, 1].map(t => d3.interpolateBlues(0.06 + 0.94 * Math.sqrt(t))).join(",")})`}), "many",
                            ...(list.length === 2 ? [el("span", {style: "margin-left:14px"}, "more in A"), el("i", {class: "split"}), "more in B"] : []));
  };
  redraw = () => {
    curves.replaceChildren(...curvesOf(inOrder()));
    view.panels.forEach(p => p.paint());
    zoomed.hidden = !view.steps;
    zoomed.replaceChildren(...(view.steps ? [el("button", {type: "button", onclick: () => zoom(null)}, `steps ${whole(view.steps[0])} to ${whole(view.steps[1])}: show all`)] : []));
  };
  const colours = el("span", {class: "key"});
  look.quantity = quantities[0];
  const bar = el("div", {class: "bar"}, quantities.length > 1 ? segments(quantities.map(q => [q, q.replace(/_/g, " ")]), look.quantity, q => { look.quantity = q; fill(); }) : "",
                 segments([["log", "log₂"], ["linear", "linear"]], look.axis, a => { look.axis = a; fill(); }), zoomed, colours);
  zoomed.hidden = true;
  const sections = [
    el("section", {id: "runs"}, el("h2", {}, "Runs"), el("p", {}, `Tick up to ${kMostChosen} to lay them side by side; a heading sorts. Settings are listed where the runs differ, grey where most agree.`), runTable(fill)),
    el("section", {id: "curves"}, el("h2", {}, "Curves"), keys, curves),
    el("section", {id: "histograms"}, el("h2", {}, "Histograms side by side"),
       el("p", {}, "Each row is one tensor: values from bottom to top, steps from left to right, counts are depth of blue. A row has one scale for all its runs. Drag over a picture to look closely at some steps, everywhere at once; a double click shows all."), bar, holder),
  ];
  fill();
  return sections;
}

function settingsSection() {
  if (!data.settings.length) return el("section", {id: "settings"}, el("h2", {}, "Settings"), el("p", {}, runs.length > 1 ? "The runs were started with the same settings." : ""));
  const table = el("table", {class: "plain"}, el("tr", {}, el("th", {}, "Setting"), ...runs.map(r => el("th", {}, r.label))),
                   ...data.settings.map(s => el("tr", {}, el("td", {}, s.key), ...s.values.map(v => el("td", {class: "mono"}, v === null ? "–" : v)))));
  return el("section", {id: "settings"}, el("h2", {}, "Settings that differ"), el("p", {}, "As the programs resolved them; where data are read and runs are written is left out."), el("div", {class: "wide"}, table));
}

function loneSection() {
  if (!data.lone.length) return null;
  const rows = data.lone.map(t => el("tr", {}, el("td", {class: "mono"}, t.name), el("td", {class: "mono"}, t.shape),
                                     ...runs.map((r, k) => el("td", {}, t.runs.includes(k) ? swatch(r) : "–"))));
  return el("section", {id: "tensors"}, el("h2", {}, "Tensors that not all runs have"),
            el("div", {class: "wide"}, el("table", {class: "plain"}, el("tr", {}, el("th", {}, "Tensor"), el("th", {}, "Shape"), ...runs.map(r => el("th", {}, r.label))), ...rows)));
}

function start() {
  const pulse = svg("svg", {width: 34, height: 18, viewBox: "0 0 34 18"}, svg("path", {d: "M1 10h8l3-7 5 13 4-9 2 3h10", fill: "none", stroke: kRed, "stroke-width": 2, "stroke-linejoin": "round", "stroke-linecap": "round"}));
  const head = document.getElementById("head"), main = document.getElementById("main"), links = el("div");
  head.append(el("div", {class: "brand"}, pulse, "heartbeat"), el("h1", {}, data.title), ...data.lead.map(text => el("p", {class: "lead"}, text)));
  const chips = runs.filter(r => r.broken).map(r => el("span", {class: "chip bad"}, swatch(r), ` ${r.label} is broken on purpose: `, el("b", {}, r.broken)));
  if (chips.length) head.append(el("div", {class: "chips"}, ...chips));
  for (const section of [...sideBySide(), settingsSection(), loneSection()].filter(s => s)) {
    main.append(section);
    links.append(el("a", {href: `#${section.id}`}, section.querySelector("h2").textContent));
  }
  main.before(el("nav", {}, links));
  document.body.append(el("footer", {}, `Written by heartbeat ${data.version}. This page loads nothing from the network.`));
  let timer;
  addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(() => view.panels.forEach(p => p.paint()), 250);
  });
}
start();
