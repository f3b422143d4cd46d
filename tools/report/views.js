// Other ways to look at the counts of a panel: bands of percentiles, ridges, two steps over each other.
const kPercents = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
const kFirstStep = "#0072b2", kSecondStep = "#d55e00";  // Okabe and Ito's, which colour-blind readers tell apart

// Interpolated inside a bin: off by one bin (a factor of 1.5) at most. null: no finite values.
function percentiles(series, c, wanted = kPercents) {
  const from = c * kBins;
  let all = 0, i = 0, below = 0;
  for (let k = 0; k < kBins; ++k) all += series.counts[from + k];
  if (!all) return null;
  return wanted.map(p => {
    while (i < kBins - 1 && below + series.counts[from + i] < p * all) below += series.counts[from + i++];
    const low = lowOf(i), high = highOf(i), n = series.counts[from + i];
    if (!Number.isFinite(low) || !Number.isFinite(high)) return Number.isFinite(low) ? low : high;
    return n ? low + (high - low) * Math.max(0, p * all - below) / n : low;
  });
}

class BandPanel extends Panel {
  paint() {
    const g = this.begin(), m = this.margin, rows = this.picture.height, starts = startsOf(this.member.columns);
    const ends = this.picture.range(0)[1], y = v => {
      const r = this.picture.position(v);
      return m.top + this.h * (r === null ? (v >= ends ? 0 : 1) : r / rows);
    };
    const left = c => Math.max(m.left, this.x(starts[this.series.at[c]])), right = c => Math.min(m.left + this.w, this.x(starts[this.series.at[c] + 1]));
    this.bands = this.bands || d3.range(this.series.n).map(c => percentiles(this.series, c));
    const shown = d3.range(this.series.n).filter(c => right(c) > left(c));
    [[0, 6, "#dbe8f6"], [1, 5, "#a9c9e8"], [2, 4, "#5c98cf"]].forEach(([a, b, colour]) => {
      g.fillStyle = colour;
      for (const c of shown) {
        const band = this.bands[c];
        if (band) g.fillRect(left(c), y(band[b]), right(c) - left(c) + 0.4, Math.max(1, y(band[a]) - y(band[b])));
      }
    });
    g.fillStyle = "#0b2a55";
    for (const c of shown) if (this.bands[c]) g.fillRect(left(c), y(this.bands[c][3]) - 0.9, right(c) - left(c) + 0.4, 1.8);
    this.end(g);
  }
  told(c) {
    const band = this.bands && this.bands[c];
    if (!band) return [el("div", {class: "dim"}, "no finite values")];
    return [el("table", {}, ...kPercents.map((p, k) => el("tr", {}, el("td", {}, k === 3 ? "median" : `${Math.round(100 * p)} %`), el("td", {}, short(band[k])))).reverse())];
  }
}

// What shares an axis of values from left to right.
class ValuePanel extends Panel {
  across(row) {
    return this.margin.left + this.w * (1 - row / this.picture.height);
  }
  valueAxis(g) {
    const m = this.margin;
    g.textBaseline = "middle";
    g.textAlign = "center";
    let free = m.left + 4;
    for (const v of this.picture.ticks(this.w * 0.5).sort(d3.ascending)) {
      const row = this.picture.position(v);
      if (row === null) continue;
      const x = this.across(row);
      g.fillStyle = v === 0 ? "rgba(23,32,46,.22)" : "rgba(23,32,46,.07)";
      g.fillRect(x - 0.5, m.top, 1, this.h);
      g.fillStyle = kSoft;
      const half = g.measureText(short(v, 2)).width / 2;
      if (x - half < free || x + half > m.left + this.w) continue;
      g.fillText(short(v, 2), x, m.top + this.h + 17);
      free = x + half + 8;
    }
  }
  // Shares of the values in each row, of one column. Of the two bins of an octave one is wider: by half octaves, a smooth
  // density is a smooth line.
  shares(c) {
    const n = this.picture.height, list = d3.range(n).map(r => this.value(c, r)), all = d3.sum(list) || 1;
    return list.map((v, r) => v / all / (look.axis === "log" ? 2 * this.octaves(r) : 1));
  }
  octaves(r) {
    const [low, high] = this.picture.range(r).map(Math.abs), size = Math.abs(Math.log2(high / low));
    return low && high && Number.isFinite(size) && size > 0 && size < 1 ? size : 0.5;
  }
  rowUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    return Math.floor((1 - (event.clientX - box.left - this.margin.left) / this.w) * this.picture.height);
  }
  inColumns() {
    const starts = startsOf(this.member.columns), [from, to] = [this.from, this.to];
    return d3.range(this.series.n).filter(c => starts[this.series.at[c] + 1] > from && starts[this.series.at[c]] < to);
  }
}

class RidgePanel extends ValuePanel {
  paint() {
    const g = this.begin(), m = this.margin, all = this.inColumns(), most = Math.max(2, Math.min(30, Math.floor(this.h / 7)));
    const n = Math.min(most, all.length);
    this.ridges = d3.range(n).map(k => all[n === 1 ? 0 : Math.round(k * (all.length - 1) / (n - 1))]);
    const lists = this.ridges.map(c => this.shares(c)), zero = Math.floor(this.picture.position(0) ?? -1);
    const max = d3.max(lists, l => d3.max(l, (v, r) => r === zero ? 0 : v)) || 1, gap = this.h / (n + 2.4), tall = Math.min(this.h * 0.5, 3.4 * gap);
    const colour = d3.scaleLinear().domain([0, Math.max(1, n - 1)]).range(["#c3d9ef", "#0f4a8a"]);
    this.valueAxis(g);
    this.base = k => m.top + this.h - gap * (n - 1 - k) - 1;
    lists.forEach((list, k) => {
      const base = this.base(k);
      g.beginPath();
      g.moveTo(m.left, base);
      for (let r = list.length - 1; r >= 0; --r) g.lineTo(this.across(r + 0.5), base - tall * Math.min(1.15, list[r] / max));
      g.lineTo(m.left + this.w, base);
      g.closePath();
      g.globalAlpha = 0.9;
      g.fillStyle = colour(k);
      g.fill();
      g.globalAlpha = 1;
      g.strokeStyle = "#ffffff";
      g.lineWidth = 0.8;
      g.stroke();
      const s = this.series;
      if (s.nan[this.ridges[k]] || s.infinite[this.ridges[k]]) {
        g.fillStyle = kRed;
        g.fillRect(m.left + this.w - 8, base - 5, 6, 5);
      }
    });
    g.fillStyle = kSoft;
    g.textAlign = "right";
    const every = Math.max(1, Math.ceil(14 / gap));
    lists.forEach((_, k) => { if ((n - 1 - k) % every === 0) g.fillText(whole(this.member.columns.first[this.series.at[this.ridges[k]]]), m.left - 6, this.base(k) - 3); });
    this.frame(g);
  }
  hover(event) {
    const box = this.canvas.getBoundingClientRect(), y = event.clientY - box.top;
    const k = d3.scan(this.ridges, (a, b) => Math.abs(this.base(this.ridges.indexOf(a)) - y) - Math.abs(this.base(this.ridges.indexOf(b)) - y));
    if (k === undefined) return hideTip();
    this.tell(event, this.ridges[k], this.rowUnder(event));
  }
}

// Two steps over each other, the same for all panels: parts of the way from the first column to the last.
const compared = {a: 0, b: 1};
class OverlayPanel extends ValuePanel {
  paint() {
    const g = this.begin(), m = this.margin, all = this.inColumns();
    this.valueAxis(g);
    if (all.length) {
      this.pair = [compared.a, compared.b].map(part => all[Math.round(part * (all.length - 1))]);
      const lists = this.pair.map(c => this.shares(c)), zero = Math.floor(this.picture.position(0) ?? -1);
      const max = d3.max(lists, l => d3.max(l, (v, r) => r === zero ? 0 : v)) || 1, y = v => m.top + this.h - (this.h - 18) * Math.min(1, v / max);
      lists.forEach((list, k) => {
        g.beginPath();
        for (let r = list.length - 1; r >= 0; --r) {
          g.lineTo(this.across(r + 1), y(list[r]));
          g.lineTo(this.across(r), y(list[r]));
        }
        g.strokeStyle = k ? kSecondStep : kFirstStep;
        g.setLineDash(k ? [5, 3] : []);
        g.lineWidth = 1.7;
        g.stroke();
        g.setLineDash([]);
        g.fillStyle = g.strokeStyle;
        g.textAlign = k ? "right" : "left";
        g.fillText(`${k ? "- - " : "— "}${stepsOf(this.member.columns, this.series.at[this.pair[k]])}`, k ? m.left + this.w - 4 : m.left + 5, m.top + 9);
      });
      const counts = this.pair.map(c => d3.range(this.picture.height).map(r => this.value(c, r))), all_of = counts.map(l => d3.sum(l) || 1);
      const moved = d3.sum(counts[0], (v, r) => Math.abs(v / all_of[0] - counts[1][r] / all_of[1])) / 2;
      g.fillStyle = kSoft;
      g.textAlign = "right";
      g.fillText(`${short(100 * moved, 2)} % in other bins`, m.left + this.w - 4, m.top + 24);
    }
    this.frame(g);
  }
  hover(event) {
    if (!this.pair) return hideTip();
    const row = this.rowUnder(event);
    if (row < 0 || row >= this.picture.height) return hideTip();
    const [low, high] = this.picture.range(row);
    showTip(event, el("div", {class: "dim"}, `${this.picture.unit} from ${short(low)} to ${short(high)}`),
            el("table", {}, ...this.pair.map((c, k) => el("tr", {}, el("td", {style: `color:${k ? kSecondStep : kFirstStep}`}, stepsOf(this.member.columns, this.series.at[c])), el("td", {}, whole(Math.round(this.value(c, row))))))));
  }
}

const kViews = {heatmap: Panel, bands: BandPanel, ridges: RidgePanel, overlay: OverlayPanel};
