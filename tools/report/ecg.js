// The ECG of a run: tensors or modules by steps, coloured by how fast they learn or how large their gradients are.
const ecg = {measure: "ratio", rows: "tensors"};
const kSlow = 1e-4, kFast = 1e-2;  // in between, a tensor learns at a good pace

// log10 of each quantity of each column, by tensor: {norms, means, broken}.
function levelsOf(columns, quantity) {
  const n = columns.first.length, at = s => s.columns || s.norms.map((_, c) => c);
  return new Map(columns.series.filter(s => s.quantity === quantity).map(s => {
    const norms = new Array(n).fill(null), means = new Array(n).fill(null);
    at(s).forEach((c, i) => {
      norms[c] = s.norms[i] === null ? null : s.norms[i] / 64 * Math.log10(2);
      means[c] = s.means[i] === null ? null : s.means[i] / 64 * Math.log10(2);
    });
    return [s.tensor, {norms, means, broken: new Set(s.broken)}];
  }));
}

// Rows of the matrix: {name, values: log10 or null, broken: columns}. Tensors of one module are taken together by their
// squared norms, or by the number of their values.
function ecgRows(columns) {
  const gradients = levelsOf(columns, "gradients"), updates = levelsOf(columns, "updates"), parameters = levelsOf(columns, "parameters");
  const n = columns.first.length, groups = new Map(), size = k => run.tensors[k].shape.reduce((a, b) => a * b, 1);
  run.tensors.forEach((t, k) => {
    if (ecg.measure === "ratio" ? !(updates.has(k) && parameters.has(k)) : !gradients.has(k)) return;
    const dot = t.name.lastIndexOf("."), name = ecg.rows === "tensors" || dot < 0 ? t.name : t.name.slice(0, dot);
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(k);
  });
  const together = (list, of, c, weight, power) => {
    let sum = 0, all = 0;
    for (const k of list) {
      const v = of(k)[c];
      if (v !== null) sum += weight(k) * 10 ** (power * v), all += weight(k);
    }
    return sum > 0 ? Math.log10(sum / (power === 1 ? all : 1)) / power : null;
  };
  return [...groups].map(([name, list]) => {
    const values = d3.range(n).map(c => {
      if (ecg.measure === "gradient") return together(list, k => gradients.get(k).means, c, size, 1);
      const u = together(list, k => updates.get(k).norms, c, () => 1, 2), p = together(list, k => parameters.get(k).norms, c, () => 1, 2);
      return u === null || p === null ? null : u - p;
    });
    const broken = new Set(list.flatMap(k => [gradients, updates, parameters].flatMap(q => q.has(k) ? [...q.get(k).broken] : [])));
    return {name, values, broken};
  });
}

// Violet barely moves, white is the good band, orange is thrown about; the gradient's size is plain light to dark.
function ecgColour(rows) {
  if (ecg.measure === "ratio")
    return {domain: [-6, -0.5], marks: [-4, -2], colour: d3.scaleLinear().domain([-6, -4.3, -4, -3, -2, -1.7, -0.5]).range(["#3f2c7a", "#b7aedb", "#e9e7f2", "#f8f8f6", "#faeedd", "#efbf85", "#a8480a"]).clamp(true)};
  const all = rows.flatMap(r => r.values.filter(v => v !== null)).sort(d3.ascending);
  const low = d3.quantile(all, 0.01) ?? -6, high = d3.quantile(all, 0.99) ?? 0;
  const place = d3.scaleLinear().domain([low, high > low ? high : low + 1]).clamp(true);
  return {domain: [low, high], marks: [], colour: v => d3.interpolateViridis(1 - place(v))};
}

class EcgMatrix {
  constructor() {
    this.canvas = el("canvas", {id: "ecg-matrix", onmousemove: e => this.hover(e), onmouseleave: hideTip});
    this.key = el("span", {class: "key", style: "margin-left:0"});
  }
  async measure() {
    this.columns = await levelsNow();
    this.rows = ecgRows(this.columns);
    this.scale = ecgColour(this.rows);
    this.tall = Math.max(3, Math.min(17, Math.floor(1000 / Math.max(1, this.rows.length))));
    this.left = this.tall >= 9 ? 218 : 120;
    const {domain: [low, high], marks, colour} = this.scale, at = v => (v - low) / (high - low) * 100, power = v => Number.isInteger(v) ? `1e${v}` : short(10 ** v, 1);
    const ramp = d3.range(0, 1.001, 0.05).map(t => `${colour(low + t * (high - low))} ${100 * t}%`);
    this.key.replaceChildren(power(low), el("span", {class: "ramp"}, el("i", {style: `width:260px;background:linear-gradient(90deg,${ramp.join(",")})`}), ...marks.map(v => el("b", {style: `left:${at(v)}%`}, power(v)))), power(high),
                             el("i", {class: "rail", style: "margin-left:10px"}), "NaN, infinite or skipped", ...(run.alerts.length ? [el("span", {style: "color:#c05f00"}, "▼"), "alert"] : []));
  }
  async draw() {
    await this.measure();
    const {rows, columns, tall, left} = this, n = columns.first.length, top = run.alerts.length ? 11 : 2, body = tall * rows.length, height = top + body + 36;
    this.canvas.style.height = `${height}px`;
    this.top = top;
    const width = this.canvas.clientWidth || 900, g = sharp(this.canvas, width, height), w = this.w = width - left - 6, colour = this.scale.colour;
    const image = new ImageData(Math.max(1, n), Math.max(1, rows.length)), red = d3.rgb(kRed);
    rows.forEach((row, r) => row.values.forEach((v, c) => {
      const k = row.broken.has(c) ? red : d3.rgb(v === null ? "#dfe3ea" : colour(v));
      image.data.set([k.r, k.g, k.b, 255], 4 * (r * n + c));
    }));
    const small = document.createElement("canvas");
    small.width = image.width;
    small.height = image.height;
    small.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, left, top, w, body);
    g.font = kFont;
    g.textBaseline = "middle";
    g.textAlign = "right";
    let before = "";
    if (left < 200) {  // no room for a name at each row: brackets of the outermost modules
      const outer = rows.map(row => row.name.split(".")[0]);
      outer.forEach((name, r) => {
        if (r && outer[r - 1] === name) return;
        let end = r;
        while (end < outer.length && outer[end] === name) ++end;
        const [y0, y1] = [top + tall * r + 1, top + tall * end - 1];
        g.fillStyle = "#c3cad5";
        g.fillRect(left - 6, y0, 2, Math.max(1, y1 - y0));
        g.fillStyle = kSoft;
        if (y1 - y0 >= 10) g.fillText(name.length > 16 ? `${name.slice(0, 15)}…` : name, left - 12, (y0 + y1) / 2);
      });
    } else rows.forEach((row, r) => {
      g.font = tall < 13 ? kFont.replace("11px", "10px") : kFont;
      const dot = row.name.lastIndexOf(".") + 1, module = row.name.slice(0, dot), name = row.name.length > 34 ? `…${row.name.slice(-33)}` : row.name, leaf = row.name.slice(dot);
      g.fillStyle = "#17202e";
      g.fillText(leaf, left - 8, top + tall * (r + 0.5));
      if (module !== before || tall >= 15) {  // a module is named once
        g.fillStyle = module === before ? "#c3cad5" : kSoft;
        g.fillText(name.slice(0, Math.max(0, name.length - leaf.length)), left - 8 - g.measureText(leaf).width, top + tall * (r + 0.5));
      }
      before = module;
    });
    g.font = kFont;
    g.fillStyle = "rgba(255,255,255,.8)";
    if (tall >= 6) for (let r = 1; r < rows.length; ++r) g.fillRect(left, top + tall * r - 0.5, w, 1);
    const place = step => left + w * Math.max(0, Math.min(1, (d3.bisectRight(columns.first, step) - 0.5) / n));
    g.fillStyle = "#eef1f5";
    g.fillRect(left, top + body + 3, w, 6);
    g.fillStyle = kRed;
    const bad = new Set(rows.flatMap(r => [...r.broken]));
    for (const step of run.skipped) if (n && step >= columns.first[0]) bad.add(d3.bisectRight(columns.first, step) - 1);
    for (const c of bad) g.fillRect(left + w * c / n, top + body + 3, Math.max(2, w / n), 6);
    for (const a of run.alerts) {
      if (!n || a.step < columns.first[0]) continue;
      const x = place(a.step);
      g.fillStyle = g.strokeStyle = severities[a.severity]?.colour || kSoft;
      g.beginPath();
      g.moveTo(x - 4, 1);
      g.lineTo(x + 4, 1);
      g.lineTo(x, 9);
      g.fill();
      rows.forEach((row, r) => { if (concerns(a, row.name) || row.name === a.tensor) g.strokeRect(x - 3, top + tall * r + 0.5, 6, Math.max(2, tall - 1)); });
    }
    g.fillStyle = kSoft;
    if (n) stepAxis(g, {left, width: w, y: top + body + 25}, [columns.first[0], columns.last[n - 1] + 1], place);
    this.canvas.dataset.drawn = `${rows.length} rows`;
  }
  hover(e) {
    if (!this.w) return;
    const box = this.canvas.getBoundingClientRect(), n = this.columns.first.length, c = Math.floor((e.clientX - box.left - this.left) / this.w * n), r = Math.floor((e.clientY - box.top - this.top) / this.tall);
    if (c < 0 || c >= n || r < 0 || r >= this.rows.length) return hideTip();
    const row = this.rows[r], v = row.values[c], [first, last] = [this.columns.first[c], this.columns.last[c]];
    const alerts = run.alerts.filter(a => a.step >= first && a.step <= last && (a.tensor === "" || concerns(a, row.name) || a.tensor === row.name)).slice(0, 3);
    showTip(e, el("b", {}, row.name), el("div", {class: "dim"}, `${stepsOf(this.columns, c)}: ${ecg.measure === "ratio" ? "update ratio" : "mean magnitude"} `, el("b", {}, v === null ? "none" : short(10 ** v, 2))),
            ecg.measure === "ratio" && v !== null ? el("div", {class: "dim"}, 10 ** v < kSlow ? "slower than 1e-4" : 10 ** v > kFast ? "faster than 1e-2" : "inside 1e-4 to 1e-2") : null,
            row.broken.has(c) ? el("div", {style: `color:${kRed}`}, "holds NaN or infinities") : null, ...alerts.map(a => el("div", {style: `color:${severities[a.severity]?.colour}`}, `${a.rule}: ${a.text}`)));
  }
}

let redrawEcg = () => {};
function ecgSection() {
  const has = q => run.histograms.series.some(s => s.quantity === q), ratios = has("updates") && has("parameters");
  if (!ratios && !has("gradients")) return null;
  ecg.measure = ratios ? "ratio" : "gradient";
  if (run.tensors.length > 60) ecg.rows = "modules";
  const matrix = new EcgMatrix(), card = el("article", {class: "card"}, matrix.canvas);
  redrawEcg = () => matrix.draw();
  const measures = [...(ratios ? [["ratio", "update ratio"]] : []), ...(has("gradients") ? [["gradient", "mean |gradient|"]] : [])];
  const section = el("section", {id: "ecg"}, el("h2", {}, "ECG"),
    el("p", {}, "One row for each tensor, steps from left to right. Update ratio: norm of the update over norm of the parameter; pale between 1e-4 and 1e-2, where a tensor learns at a good pace, violet where it barely moves, orange where it is thrown about."),
    el("div", {class: "bar"}, segments(measures, ecg.measure, m => { ecg.measure = m; matrix.draw(); }), segments([["tensors", "tensors"], ["modules", "modules"]], ecg.rows, r => { ecg.rows = r; matrix.draw(); }), matrix.key), card);
  whenSeen(card, redrawEcg);
  return section;
}
