// Step by value: every column is a histogram, its counts are depth of blue. Bins are the fixed signed-log2 bins of the
// log; see kernels/histogram.
const kBins = 261, kZero = 130;
const kRamps = {blue: table(t => t === 0 ? "#ffffff" : d3.interpolateBlues(0.06 + 0.94 * t)), grey: table(t => d3.interpolateGreys(t))};
const look = {quantity: "gradients", axis: "log", ramp: "blue"};
const columns = run.histograms;

function edge(k) {  // lower end of magnitude bin k
  return 2 ** ((k >> 1) - 40) * (k & 1 ? 1.5 : 1);
}
function lowOf(i) {
  if (i === kZero) return 0;
  if (i < kZero) return -highOf(2 * kZero - i);
  return i === kZero + 1 ? 0 : edge(i - 132);
}
function highOf(i) {
  if (i === kZero) return 0;
  if (i < kZero) return -lowOf(2 * kZero - i);
  return i === 260 ? Infinity : edge(i - 131);
}

// Counts [column][bin] of one series, see tools/report/histograms.h for the code.
async function decode(series) {
  if (series.counts) return series;
  const bytes = await inflate(series.bytes);
  const n = series.norms.length, counts = new Float64Array(n * kBins), nan = [], infinite = [], at = [];
  let p = 0, column = -1;
  const varint = () => {
    let value = 0, scale = 1, byte;
    do {
      byte = bytes[p++];
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  for (let c = 0; c < n; ++c) {
    column += varint();
    at.push(column);
    nan.push(varint());
    infinite.push(varint());
    if (c) counts.copyWithin(c * kBins, (c - 1) * kBins, c * kBins);
    const low = varint(), length = varint();
    for (let i = low; i < low + length; ++i) {
      const z = varint();
      counts[c * kBins + i] += z % 2 ? -(z + 1) / 2 : z / 2;
    }
  }
  return Object.assign(series, {counts, nan, infinite, at, n});
}

// Rows of the picture: groups of bins from top to bottom. Magnitudes that hold next to nothing are one row around zero.
function rowsOf(series) {
  const total = new Float64Array(kBins);
  for (let c = 0; c < series.n; ++c) for (let i = 0; i < kBins; ++i) total[i] += series.counts[c * kBins + i];
  const size = k => total[kZero + 1 + k] + total[kZero - 1 - k];
  let all = 0, below = 0, first = 0;
  for (let k = 0; k < 130; ++k) all += size(k);
  while (first < 129 && below + size(first) <= 0.015 * all) below += size(first++);
  if (all === 0) first = 130;
  const far = sign => {
    for (let k = 129; k >= first; --k) if (total[kZero + sign * (1 + k)] > 0) return k;
    return first - 1;
  };
  const rows = [];
  for (let k = far(1); k >= first; --k) rows.push([kZero + 1 + k, kZero + 1 + k]);
  rows.push([kZero - first, kZero + first]);
  for (let k = first; k <= far(-1); ++k) rows.push([kZero - 1 - k, kZero - 1 - k]);
  return {rows, first, total};
}

// Position of value v in rows (fractional), by the bins' own scale: linear inside a bin.
function rowOfValue(v, rows) {
  for (let r = 0; r < rows.length; ++r) {
    const low = lowOf(rows[r][0]), high = highOf(rows[r][1]);
    if (v >= low && v <= high) return high === low ? r + 0.5 : r + (Number.isFinite(high - low) ? (high - v) / (high - low) : 0.5);
  }
  return null;
}

function niceTicks(rows, height) {
  const top = highOf(rows[0][1]), bottom = lowOf(rows[rows.length - 1][0]), ticks = [];
  const zero = rowOfValue(0, rows);
  if (zero !== null) ticks.push(0);
  const room = Math.max(16, 16 * rows.length / height);
  const place = sign => {
    let last = null;
    for (let e = 8; e >= -12; --e) {
      const v = sign * 10 ** e, r = rowOfValue(v, rows);
      if (r === null || v > top || v < bottom || Math.abs(r - zero) * height / rows.length < 13) continue;
      if (last !== null && Math.abs(r - last) * height / rows.length < room) continue;
      ticks.push(v);
      last = r;
    }
  };
  place(1);
  place(-1);
  return ticks;
}

// A picture of one column by one row to the pixel, and how pixels map back.
function pictureOf(series) {
  if (look.axis === "linear") return linearPicture(series);
  const {rows} = rowsOf(series);
  const cell = (c, r) => {
    let sum = 0;
    for (let i = rows[r][0]; i <= rows[r][1]; ++i) sum += series.counts[c * kBins + i];
    return sum;
  };
  return {height: rows.length, cell, range: r => [lowOf(rows[r][0]), highOf(rows[r][1])], position: v => rowOfValue(v, rows),
          ticks: h => niceTicks(rows, h), unit: "values"};
}

function linearPicture(series) {
  const {total} = rowsOf(series);
  let all = 0;
  for (const t of total) all += t;
  const quantile = q => {
    let sum = 0;
    for (let i = 0; i < kBins; ++i) if ((sum += total[i]) >= q * all) return i;
    return kBins - 1;
  };
  const finite = v => Math.max(-(2 ** 24), Math.min(2 ** 24, v));
  let low = finite(lowOf(quantile(0.002))), high = finite(highOf(quantile(0.998)));
  if (low === high) low -= 1, high += 1;
  const height = 160, step = (high - low) / height;
  const range = r => [high - (r + 1) * step, high - r * step];
  // Counts spread evenly inside their bin; the zero bin has no width and falls into its row whole.
  const share = d3.range(height).map(r => {
    const [a, b] = range(r), parts = [];
    for (let i = 0; i < kBins; ++i) {
      const l = finite(lowOf(i)), h = finite(highOf(i));
      const overlap = i === kZero ? (a <= 0 && 0 < b ? 1 : 0) : (Math.min(b, h) - Math.max(a, l)) / (h - l || 1);
      if (overlap > 0) parts.push([i, overlap]);
    }
    return parts;
  });
  const cell = (c, r) => share[r].reduce((sum, [i, part]) => sum + series.counts[c * kBins + i] * part, 0);
  return {height, cell, range, position: v => (v < low || v > high ? null : (high - v) / step),
          ticks: () => d3.scaleLinear().domain([low, high]).ticks(6), unit: "values, about"};
}

class Panel {
  constructor(series, height) {
    this.series = series;
    this.height = height;
    this.canvas = el("canvas", {onmousemove: e => this.hover(e), onmouseleave: hideTip});
    this.canvas.style.height = `${height}px`;
    this.margin = {left: 46, right: 6, top: 5, bottom: 27};
  }

  async draw() {
    const s = await decode(this.series), m = this.margin;
    const width = this.canvas.clientWidth || 380, g = sharp(this.canvas, width, this.height);
    const w = width - m.left - m.right, h = this.height - m.top - m.bottom, n = columns.first.length;
    const picture = this.picture = pictureOf(s);
    this.x = c => m.left + w * c / n;
    this.w = w;
    this.h = h;

    const cells = new Float64Array(s.n * picture.height), sorted = [];
    for (let c = 0; c < s.n; ++c)
      for (let r = 0; r < picture.height; ++r) {
        const v = cells[c * picture.height + r] = picture.cell(c, r);
        if (v > 0) sorted.push(v);
      }
    sorted.sort((a, b) => a - b);
    const max = this.max = sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(0.998 * sorted.length))] : 1;

    const ramp = kRamps[look.ramp], image = new ImageData(n, picture.height);
    for (let c = 0; c < s.n; ++c)
      for (let r = 0; r < picture.height; ++r) {
        const v = cells[c * picture.height + r], to = 4 * (r * n + s.at[c]);
        const k = v <= 0 ? 0 : Math.max(8, Math.round(255 * Math.sqrt(Math.min(1, v / max))));
        image.data.set([ramp[3 * k], ramp[3 * k + 1], ramp[3 * k + 2], v > 0 ? 255 : 0], to);
      }
    const small = document.createElement("canvas");
    small.width = n;
    small.height = picture.height;
    small.getContext("2d").putImageData(image, 0, 0);
    g.fillStyle = "#fbfcfd";
    g.fillRect(m.left, m.top, w, h);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, m.left, m.top, w, h);

    g.font = kFont;
    g.textBaseline = "middle";
    g.textAlign = "right";
    for (const v of picture.ticks(h)) {
      const r = picture.position(v);
      if (r === null) continue;
      const y = m.top + h * r / picture.height;
      g.fillStyle = v === 0 ? "rgba(23,32,46,.22)" : "rgba(23,32,46,.07)";
      g.fillRect(m.left, y - 0.5, w, 1);
      g.fillStyle = kSoft;
      g.fillText(short(v, 2), m.left - 6, Math.max(m.top + 5, Math.min(m.top + h - 4, y)));
    }
    this.rail(g, s);
    g.strokeStyle = "#d9dfe8";
    g.strokeRect(m.left - 0.5, m.top - 0.5, w + 1, h + 1);
    this.steps(g);
  }

  // One mark for each column with NaN or infinities, or a step that was skipped.
  rail(g, s) {
    const m = this.margin, y = m.top + this.h + 2, wide = Math.max(3, this.w / columns.first.length);
    g.fillStyle = "#eef1f5";
    g.fillRect(m.left, y, this.w, 6);
    g.fillStyle = kRed;
    for (let c = 0; c < s.n; ++c)
      if (s.nan[c] || s.infinite[c]) g.fillRect(Math.min(this.x(s.at[c]), m.left + this.w - wide), y, wide, 6);
  }

  steps(g) {
    const m = this.margin, n = columns.first.length, y = m.top + this.h + 17;
    const scale = d3.scaleLinear().domain([columns.first[0], columns.last[n - 1] + 1]);
    g.fillStyle = kSoft;
    for (const step of scale.ticks(Math.max(2, this.w / 90)).filter(Number.isInteger)) {
      let c = d3.bisectRight(columns.first, step) - 1;
      if (c < 0) continue;
      const x = this.x(c + 0.5);
      g.textAlign = x > m.left + this.w - 14 ? "right" : x < m.left + 10 ? "left" : "center";
      g.fillText(whole(step), x, y);
    }
  }

  hover(event) {
    const s = this.series, m = this.margin;
    if (!s.counts || !this.picture) return;
    const box = this.canvas.getBoundingClientRect(), n = columns.first.length;
    const column = Math.floor((event.clientX - box.left - m.left) / this.w * n), c = s.at.indexOf(column);
    const r = Math.floor((event.clientY - box.top - m.top) / this.h * this.picture.height);
    if (c < 0) return hideTip();
    const first = columns.first[column], last = columns.last[column];
    const lines = [el("div", {}, el("b", {}, first === last ? `step ${whole(first)}` : `steps ${whole(first)} to ${whole(last)}`))];
    if (r >= 0 && r < this.picture.height) {
      const [low, high] = this.picture.range(r);
      lines.push(el("div", {class: "dim"}, `${short(low)} to ${short(high)}: `, el("b", {}, `${whole(Math.round(this.picture.cell(c, r)))} `), this.picture.unit));
    }
    if (s.nan[c] || s.infinite[c])
      lines.push(el("div", {style: `color:${kRed}`}, `${whole(s.nan[c])} NaN, ${whole(s.infinite[c])} infinite`));
    lines.push(this.crossSection(c, r));
    showTip(event, ...lines);
  }

  crossSection(c, marked) {
    const canvas = el("canvas"), g = sharp(canvas, 220, 90), n = this.picture.height, values = [];
    for (let r = 0; r < n; ++r) values.push(this.picture.cell(c, n - 1 - r));
    const max = Math.max(1, ...values), wide = 220 / n;
    values.forEach((v, k) => {
      g.fillStyle = k === n - 1 - marked ? "#d1732a" : "#2f6fb5";
      const tall = 88 * v / max;
      g.fillRect(k * wide, 90 - tall, Math.max(1, wide - (wide > 3 ? 1 : 0)), tall);
    });
    return canvas;
  }
}

function nameNode(name) {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? [name] : [el("span", {class: "dim"}, name.slice(0, dot + 1)), name.slice(dot + 1)];
}

function tensorCard(series) {
  const tensor = run.tensors[series.tensor], panel = new Panel(series, 190);
  const broken = () => series.nan && series.nan.some((v, c) => v || series.infinite[c]);
  const sub = el("div", {class: "sub"}, tensor.shape.length ? tensor.shape.join(" × ") : "scalar",
                 el("span", {class: "max"}), el("button", {class: "expand", title: "Larger", "aria-label": `Larger ${tensor.name}`, onclick: () => enlarge(series)}, "⤢"));
  const card = el("article", {class: "card"}, el("h3", {title: tensor.name}, ...nameNode(tensor.name)), sub, el("div", {class: "plot"}, panel.canvas));
  whenSeen(card, async () => {
    await panel.draw();
    sub.querySelector(".max").replaceChildren(`up to ${large(Math.round(panel.max))} in a bin`, broken() ? el("span", {style: `color:${kRed}`}, "  not finite") : "");
  });
  return card;
}

function enlarge(series) {
  const dialog = document.getElementById("large"), panel = new Panel(series, Math.min(620, innerHeight - 160));
  dialog.replaceChildren(el("h3", {}, `${series.quantity}/${run.tensors[series.tensor].name}`), panel.canvas,
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
