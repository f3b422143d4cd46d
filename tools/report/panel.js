// Step by value: every column is a histogram, its counts are depth of blue.
const kRamps = {
  blue: table(t => t === 0 ? "#ffffff" : d3.interpolateBlues(0.06 + 0.94 * t)),
  viridis: table(t => t === 0 ? "#ffffff" : d3.interpolateViridis(1 - t)),
  grey: table(t => d3.interpolateGreys(t)),
  difference: table(d3.scaleLinear().domain([0, 0.25, 0.5, 0.75, 1]).range(["#8a3a05", "#eea667", "#ffffff", "#86b3e0", "#0b4a8f"])),
};
const look = {quantity: "gradients", axis: "log", ramp: "blue", view: "heatmap", range: "all"};

// Column c covers the steps from starts[c] up to starts[c + 1].
function startsOf(columns) {
  if (!columns.starts) columns.starts = [...columns.first, columns.first.length ? columns.last[columns.last.length - 1] + 1 : 0];
  return columns.starts;
}

// What panels share that are read against each other: the values of their rows, their depth of colour, their steps.
// members: {series, columns}. perStep: counts of a column are divided by the steps it holds.
class Axes {
  constructor(members, perStep = false) {
    this.members = members;
    this.perStep = perStep;
    this.cells = new Map();
  }
  prepare() {
    return this.ready = this.ready || this.measure();
  }
  async measure() {
    await Promise.all(this.members.map(m => decode(m.series)));
    const picture = this.picture = pictureOf(this.members.map(m => m.series), look.axis), filled = [];
    const zero = Math.floor(picture.position(0) ?? -1);  // exact zeros are many or none: they do not set the depth of colour
    for (const {series, columns} of this.members) {
      const cells = new Float64Array(series.n * picture.height);
      for (let c = 0; c < series.n; ++c)
        for (let r = 0; r < picture.height; ++r) {
          const v = cells[c * picture.height + r] = picture.cell(series, c, r) / (this.perStep ? columns.rows[series.at[c]] : 1);
          if (v > 0 && r !== zero) filled.push(v);
        }
      this.cells.set(series, cells);
    }
    filled.sort((a, b) => a - b);
    this.max = filled.length ? filled[Math.min(filled.length - 1, Math.floor(0.998 * filled.length))] : 1;
    this.steps = [d3.min(this.members, m => startsOf(m.columns)[0]), d3.max(this.members, m => d3.max(startsOf(m.columns)))];
  }
}

// Labels of steps where place(step) puts them.
function stepAxis(g, {left, width, y}, steps, place) {
  g.fillStyle = kSoft;
  for (const step of d3.ticks(steps[0], steps[1], Math.max(2, width / 90)).filter(Number.isInteger)) {
    const x = place(step);
    if (x < left || x > left + width) continue;
    g.textAlign = x > left + width - 14 ? "right" : x < left + 10 ? "left" : "center";
    g.fillText(whole(step), x, y);
  }
}

class Panel {
  // member is one of the axes'. options: bare: no labels of values; steps(): the shown range, all where it is null;
  // hover(panel, event): in place of the panel's own tip; alerts: [{step, own, ...}] pinned on the step axis; name: for
  // those who cannot see the picture.
  constructor(member, height, axes = new Axes([member]), options = {}) {
    Object.assign(this, {member, height, axes, options});
    this.canvas = el("canvas", {
      onmousemove: e => this.picture && (options.hover ? options.hover(this, e) : this.hover(e)), onmouseleave: hideTip,
      tabindex: options.name ? 0 : undefined, role: "img", "aria-label": options.name, onkeydown: e => this.walk(e), onblur: hideTip});
    this.canvas.style.height = `${height}px`;
    this.node = el("div", {class: "plot"}, this.canvas);
    this.margin = {left: options.bare ? 8 : 46, right: 6, top: options.alerts && options.alerts.length ? 10 : 5, bottom: 27};
  }

  async draw() {
    await this.axes.prepare();
    this.series = await this.content();
    this.picture = this.axes.picture;
    const starts = startsOf(this.member.columns);
    this.index = new Int32Array(starts.length).fill(-1);
    this.series.at.forEach((column, c) => this.index[column] = c);
    this.paint();
  }
  renew(member) {
    this.member = member;
    this.axes = new Axes([member]);
    this.bands = null;
  }
  async content() {
    return this.member.series;
  }

  // Colour number of a cell, or nothing.
  shade(c, r) {
    const v = this.value(c, r);
    return v > 0 ? Math.max(8, Math.round(255 * Math.sqrt(Math.min(1, v / this.axes.max)))) : null;
  }
  value(c, r) {
    return this.axes.cells.get(this.series)[c * this.picture.height + r];
  }
  ramp() {
    return kRamps[look.ramp];
  }

  columnAt(step) {
    const column = d3.bisectRight(startsOf(this.member.columns), step) - 1;
    return column < 0 ? -1 : this.index[column];
  }
  stepAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.from + (event.clientX - box.left - this.margin.left) / this.w * (this.to - this.from);
  }
  rowAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return Math.floor((event.clientY - box.top - this.margin.top) / this.h * this.picture.height);
  }
  x(step) {
    return this.margin.left + this.w * (step - this.from) / (this.to - this.from);
  }

  begin() {
    const m = this.margin, width = this.canvas.clientWidth || 380, g = sharp(this.canvas, width, this.height);
    this.w = width - m.left - m.right;
    this.h = this.height - m.top - m.bottom;
    [this.from, this.to] = (this.options.steps && this.options.steps()) || this.axes.steps;
    g.fillStyle = "#fbfcfd";
    g.fillRect(m.left, m.top, this.w, this.h);
    g.font = kFont;
    g.textBaseline = "middle";
    return g;
  }

  paint() {
    const g = this.begin(), m = this.margin, {w, h} = this, rows = this.picture.height;
    const wide = Math.max(1, Math.round(w * Math.max(1, devicePixelRatio || 1))), ramp = this.ramp(), image = new ImageData(wide, rows);
    for (let pixel = 0; pixel < wide; ++pixel) {
      const c = this.columnAt(this.from + (pixel + 0.5) / wide * (this.to - this.from));
      if (c < 0) continue;
      for (let r = 0; r < rows; ++r) {
        const k = this.shade(c, r);
        if (k !== null) image.data.set([ramp[3 * k], ramp[3 * k + 1], ramp[3 * k + 2], 255], 4 * (r * wide + pixel));
      }
    }
    const small = document.createElement("canvas");
    small.width = wide;
    small.height = rows;
    small.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, m.left, m.top, w, h);
    this.end(g);
  }

  // Lines and labels of values and steps, rail, pins and frame.
  end(g) {
    const m = this.margin, {w, h} = this, rows = this.picture.height;
    g.textAlign = "right";
    for (const v of this.picture.ticks(h)) {
      const r = this.picture.position(v);
      if (r === null) continue;
      const y = m.top + h * r / rows;
      g.fillStyle = v === 0 ? "rgba(23,32,46,.22)" : "rgba(23,32,46,.07)";
      g.fillRect(m.left, y - 0.5, w, 1);
      g.fillStyle = kSoft;
      if (!this.options.bare) g.fillText(short(v, 2), m.left - 6, Math.max(m.top + 5, Math.min(m.top + h - 4, y)));
    }
    this.rail(g);
    this.pins(g);
    this.frame(g);
    stepAxis(g, {left: m.left, width: w, y: m.top + h + 17}, [this.from, this.to], step => this.x(step + 0.5));
  }

  frame(g) {
    const m = this.margin;
    g.strokeStyle = "#d9dfe8";
    g.lineWidth = 1;
    g.strokeRect(m.left - 0.5, m.top - 0.5, this.w + 1, this.h + 1);
  }

  // An alert stands above its step; one about this tensor also goes down through the picture.
  pins(g) {
    const m = this.margin;
    for (const a of this.options.alerts || []) {
      if (a.step < this.from || a.step >= this.to) continue;
      const x = this.x(a.step + 0.5);
      g.fillStyle = g.strokeStyle = severities[a.severity]?.colour || kSoft;
      g.globalAlpha = a.own ? 1 : 0.35;
      g.beginPath();
      g.moveTo(x - 4, m.top - 8);
      g.lineTo(x + 4, m.top - 8);
      g.lineTo(x, m.top - 1);
      g.fill();
      if (a.own) {
        g.setLineDash([2, 3]);
        g.beginPath();
        g.moveTo(x, m.top);
        g.lineTo(x, m.top + this.h);
        g.stroke();
        g.setLineDash([]);
      }
      g.globalAlpha = 1;
    }
  }

  // One mark for each column with NaN or infinities.
  rail(g) {
    const m = this.margin, s = this.series, y = m.top + this.h + 2, starts = startsOf(this.member.columns);
    g.fillStyle = "#eef1f5";
    g.fillRect(m.left, y, this.w, 6);
    g.fillStyle = kRed;
    for (let c = 0; c < s.n; ++c) {
      if (!s.nan[c] && !s.infinite[c]) continue;
      const left = Math.max(m.left, this.x(starts[s.at[c]])), right = Math.min(m.left + this.w, this.x(starts[s.at[c] + 1]));
      if (right > left) g.fillRect(Math.min(left, m.left + this.w - 3), y, Math.max(3, right - left), 6);
    }
  }

  hover(event) {
    const s = this.series, c = this.columnAt(this.stepAt(event)), r = this.rowAt(event);
    if (c < 0) return hideTip();
    this.tell(event, c, r);
  }
  tell(event, c, r) {
    const s = this.series, lines = [el("div", {}, el("b", {}, stepsOf(this.member.columns, s.at[c])))];
    if (r >= 0 && r < this.picture.height) {
      const [low, high] = this.picture.range(r);
      lines.push(el("div", {class: "dim"}, `${short(low)} to ${short(high)}: `, el("b", {}, `${whole(Math.round(this.value(c, r)))} `), this.picture.unit));
    }
    if (s.nan[c] || s.infinite[c])
      lines.push(el("div", {style: `color:${kRed}`}, `${whole(s.nan[c])} NaN, ${whole(s.infinite[c])} infinite`));
    lines.push(...this.told(c, r));
    const [first, last] = [this.member.columns.first[s.at[c]], this.member.columns.last[s.at[c]]];
    for (const a of (this.options.alerts || []).filter(a => a.own && a.step >= first && a.step <= last).slice(0, 3))
      lines.push(el("div", {style: `color:${severities[a.severity]?.colour}`}, `${a.rule}: ${a.text}`));
    showTip(event, ...lines);
  }
  told(c, r) {
    return [this.crossSection(c, r)];
  }

  // Arrow keys move a point over the picture, ten times as fast with shift.
  walk(event) {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!way || !this.picture) return;
    event.preventDefault();
    const m = this.margin, box = this.canvas.getBoundingClientRect(), far = event.shiftKey ? 10 : 1, inside = (v, low, size) => Math.max(low + 0.5, Math.min(low + size - 0.5, v));
    const [x, y] = this.at || [m.left + this.w / 2, m.top + this.h / 2];
    this.at = [inside(x + far * way[0] * Math.max(1, this.w / (this.member.columns.first.length || 1)), m.left, this.w), inside(y + far * way[1] * this.h / this.picture.height, m.top, this.h)];
    this.paint();
    const g = this.canvas.getContext("2d");
    g.fillStyle = "#d1732a";
    g.fillRect(this.at[0] - 0.5, m.top, 1, this.h);
    g.fillRect(m.left, this.at[1] - 0.5, this.w, 1);
    this.hover({clientX: box.left + this.at[0], clientY: box.top + this.at[1]});
  }

  crossSection(c, marked) {
    const canvas = el("canvas"), g = sharp(canvas, 220, 90), n = this.picture.height, values = [];
    for (let r = 0; r < n; ++r) values.push(this.value(c, n - 1 - r));
    const max = Math.max(1, ...values), wide = 220 / n;
    values.forEach((v, k) => {
      g.fillStyle = k === n - 1 - marked ? "#d1732a" : "#2f6fb5";
      const tall = 88 * v / max;
      g.fillRect(k * wide, 90 - tall, Math.max(1, wide - (wide > 3 ? 1 : 0)), tall);
    });
    return canvas;
  }
}

function stepsOf(columns, column) {
  const first = columns.first[column], last = columns.last[column];
  return first === last ? `step ${whole(first)}` : `steps ${whole(first)} to ${whole(last)}`;
}
