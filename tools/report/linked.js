// Heatmaps of several runs beside each other: one row for each tensor, the same values and steps along its axes.
const view = {steps: null, panels: new Set()};

class LinkedPanel extends Panel {
  // lane: the panels of one tensor
  constructor(member, height, axes, lane, bare) {
    super(member, height, axes, {bare, steps: () => view.steps, hover: (panel, event) => point(panel, event)});
    this.lane = lane;
    lane.push(this);
    this.cross = el("div", {class: "cross"});
    this.level = el("div", {class: "level"});
    this.band = el("div", {class: "band"});
    this.node.append(this.cross, this.level, this.band);
    this.canvas.addEventListener("mouseleave", () => view.panels.forEach(p => p.mark(null)));
    this.canvas.addEventListener("pointerdown", e => this.drag(e));
    this.canvas.addEventListener("dblclick", () => zoom(null));
  }
  async draw() {
    await super.draw();
    view.panels.add(this);
  }

  mark(step, row) {
    const m = this.margin, inside = step !== null && step >= this.from && step < this.to;
    this.cross.style.cssText = inside ? `visibility:visible;left:${this.x(step)}px;top:${m.top}px;height:${this.h}px` : "";
    const level = inside && row !== undefined && row >= 0 && row < this.picture.height;
    this.level.style.cssText = level ? `visibility:visible;left:${m.left}px;width:${this.w}px;top:${m.top + this.h * (row + 0.5) / this.picture.height}px` : "";
  }

  // A stretch of steps to look at closely.
  drag(event) {
    if (!this.picture || event.button) return;
    event.preventDefault();
    const start = this.stepAt(event);
    let end = start;
    const clamped = step => Math.max(this.from, Math.min(this.to, step));
    const move = e => {
      end = this.stepAt(e);
      const [a, b] = [clamped(Math.min(start, end)), clamped(Math.max(start, end))];
      for (const p of view.panels) p.band.style.cssText = b - a > 0 ? `visibility:visible;left:${p.x(a)}px;width:${p.x(b) - p.x(a)}px;top:${p.margin.top}px;height:${p.h}px` : "";
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", () => {
      removeEventListener("pointermove", move);
      for (const p of view.panels) p.band.style.cssText = "";
      const steps = [Math.floor(clamped(Math.min(start, end))), Math.ceil(clamped(Math.max(start, end)))];
      if (steps[1] - steps[0] >= Math.max(3, (this.to - this.from) / 60)) zoom(steps);
    }, {once: true});
  }
}

// Counts of the second run less those of the first, bin by bin, where both hold the same steps. The columns of the run
// with fewer steps to a column are added up first.
class DifferencePanel extends LinkedPanel {
  constructor(pair, height, axes, lane) {
    super(pair[0].columns.merged > pair[1].columns.merged ? pair[0] : pair[1], height, axes, lane, true);
    this.pair = pair;
  }
  async content() {
    const merged = this.member.columns.merged, [a, b] = this.pair.map(m => coarsened(m, merged));
    const at = [], counts = [];
    let moved = 0, all = 0;
    for (const [column, of_b] of b) {
      const of_a = a.get(column);
      if (!of_a || of_a.first !== of_b.first || of_a.last !== of_b.last) continue;
      at.push(column);
      for (let i = 0; i < kBins; ++i) {
        const d = of_b.counts[i] - of_a.counts[i];
        counts.push(d);
        moved += Math.abs(d) / 2;
        all += of_b.counts[i];
      }
    }
    const none = new Array(at.length).fill(0);
    this.moved = all ? moved / all : 0;
    this.compared = at.length;
    const series = {counts: Float64Array.from(counts), at, n: at.length, nan: none, infinite: none}, sizes = [];
    for (let c = 0; c < series.n; ++c)
      for (let r = 0; r < this.axes.picture.height; ++r) {
        const v = Math.abs(this.axes.picture.cell(series, c, r));
        if (v) sizes.push(v);
      }
    this.max = d3.quantile(sizes.sort(d3.ascending), 0.998) || 1;
    return series;
  }
  value(c, r) {
    return this.picture.cell(this.series, c, r);
  }
  shade(c, r) {
    const v = this.value(c, r);
    return v ? Math.round(127.5 * (1 + Math.sign(v) * Math.max(0.12, Math.sqrt(Math.min(1, Math.abs(v) / this.max))))) : null;
  }
  ramp() {
    return kRamps.difference;
  }
}

// Columns of 2^merged steps: number -> {counts, first, last}.
function coarsened({series, columns}, merged) {
  const shift = merged - columns.merged, groups = new Map();
  series.at.forEach((column, c) => {
    const g = column >> shift, end = Math.min(columns.last.length, (g + 1) << shift);
    if (!groups.has(g)) groups.set(g, {counts: new Float64Array(kBins), first: columns.first[g << shift], last: columns.last[end - 1]});
    const {counts} = groups.get(g);
    for (let i = 0; i < kBins; ++i) counts[i] += series.counts[c * kBins + i];
  });
  return groups;
}

// The crosshair stands at one step in all panels, and at one value in those of the same tensor.
function point(panel, event) {
  const step = panel.stepAt(event), row = panel.rowAt(event);
  if (step < panel.from || step >= panel.to) return hideTip();
  for (const p of view.panels) p.mark(step, p.lane === panel.lane ? row : undefined);
  const lines = [], rows = [];
  for (const p of panel.lane) {
    const c = p.columnAt(step);
    const sign = p instanceof DifferencePanel, head = sign ? el("td", {}, "B − A") : el("td", {}, swatch(p.member.run), ` ${p.member.run.label}`);
    if (c < 0) rows.push(el("tr", {}, head, el("td", {}, "–")));
    else {
      if (!lines.length) lines.push(el("b", {}, `step ${whole(Math.floor(step))}`));
      const v = row >= 0 && row < p.picture.height ? p.value(c, row) : null;
      const broken = p.series.nan[c] || p.series.infinite[c];
      rows.push(el("tr", {}, head, el("td", broken ? {style: `color:${kRed}`} : {}, broken ? `${whole(p.series.nan[c] + p.series.infinite[c])} not finite` : v === null ? "" : sign ? d3.format("+,")(v).replace("-", "−") : short(v, 3))));
    }
  }
  if (row >= 0 && row < panel.picture.height) {
    const [low, high] = panel.picture.range(row);
    lines.push(el("div", {class: "dim"}, `${panel.picture.unit} from ${short(low)} to ${short(high)}, a step`));
  }
  showTip(event, ...lines, el("table", {}, ...rows));
}

function swatch(run) {
  return el("i", {class: "swatch", style: `background:${run.colour}`});
}

function lane(name, chosen) {
  const members = chosen.map(run => {
    const series = run.histograms.series.find(s => s.quantity === look.quantity && run.tensors[s.tensor].name === name);
    return series ? {run, series, columns: run.histograms} : null;
  });
  const present = members.filter(m => m);
  if (!present.length) return [];
  const axes = new Axes(present, true), panels = [], height = chosen.length > 4 ? 116 : 138;
  const nodes = members.map((m, k) => m ? new LinkedPanel(m, height, axes, panels, k > 0).node : el("div", {class: "absent"}, "not in this run"));
  const tensor = present[0].run.tensors[present[0].series.tensor], note = el("small", {}, tensor.shape.length ? tensor.shape.join(" × ") : "scalar");
  if (chosen.length === 2) {
    const shapes = present.map(m => m.run.tensors[m.series.tensor].shape.join());
    const difference = present.length === 2 && shapes[0] === shapes[1] ? new DifferencePanel(present, height, axes, panels) : null;
    nodes.push(difference ? difference.node : el("div", {class: "absent"}, present.length === 2 ? "another shape" : ""));
    if (difference) difference.told = () => {
      note.textContent += !difference.compared ? "; no step in common" : difference.moved === 0 ? "; no bin differs" : `; ${short(100 * difference.moved, 2)} % of the values in other bins`;
    };
  }
  const dot = name.lastIndexOf(".");
  const title = el("div", {class: "lane-name"}, el("span", {}, el("span", {class: "dim"}, name.slice(0, dot + 1)), name.slice(dot + 1)), note);
  const row = el("div", {class: "lane", style: laneColumns(nodes.length)}, ...nodes);
  whenSeen(row, async () => {
    for (const p of panels) await p.draw();
    for (const p of panels) if (p.told) p.told();
  });
  return [title, row];
}

// The first column also holds the labels of the values.
function laneColumns(n) {
  const room = `(100% - ${38 + 10 * (n - 1)}px) / ${n}`;
  return `grid-template-columns:calc(${room} + 38px)${` minmax(0, calc(${room}))`.repeat(n - 1)}`;
}
