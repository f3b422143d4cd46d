// The fixed signed-log2 bins of the log (see kernels/histogram), and the rows of a picture that they make.
const kBins = 261, kZero = 130;

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

// Rows of one picture of several series: groups of bins from top to bottom. Magnitudes that hold next to nothing are one
// row around zero. Of several series, what one alone has far outside falls into the outermost rows.
function rowsOf(list) {
  const total = new Float64Array(kBins);
  for (const series of list)
    for (let c = 0; c < series.n; ++c) for (let i = 0; i < kBins; ++i) total[i] += series.counts[c * kBins + i];
  const size = k => total[kZero + 1 + k] + total[kZero - 1 - k];
  let all = 0, below = 0, first = 0;
  for (let k = 0; k < 130; ++k) all += size(k);
  while (first < 129 && below + size(first) <= 0.015 * all) below += size(first++);
  if (all === 0) first = 130;
  const far = (sign, beyond) => {
    let sum = 0;
    for (let k = 129; k >= first; --k) if ((sum += total[kZero + sign * (1 + k)]) > beyond) return k;
    return first - 1;
  };
  const outermost = sign => {
    const most = far(sign, 0), usual = far(sign, 0.01 * all);
    return list.length > 1 && most > usual + 16 ? usual + 6 : most;
  };
  const rows = [], up = outermost(1), down = outermost(-1);
  for (let k = up; k >= first; --k) rows.push([kZero + 1 + k, kZero + 1 + k]);
  rows.push([kZero - first, kZero + first]);
  for (let k = first; k <= down; ++k) rows.push([kZero - 1 - k, kZero - 1 - k]);
  if (up >= first && up < far(1, 0)) rows[0][1] = kBins - 1;
  if (down >= first && down < far(-1, 0)) rows[rows.length - 1][0] = 0;
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
  const ends = rows[rows.length - 1], ticks = [];
  const top = Number.isFinite(highOf(rows[0][1])) ? highOf(rows[0][1]) : lowOf(rows[0][0]);
  const bottom = Number.isFinite(lowOf(ends[0])) ? lowOf(ends[0]) : highOf(ends[1]);
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

// How the columns of all series in the list become rows of one picture, and back. axis: log or linear.
function pictureOf(list, axis) {
  if (axis === "linear") return linearPicture(list);
  const {rows} = rowsOf(list);
  const cell = (series, c, r) => {
    let sum = 0;
    for (let i = rows[r][0]; i <= rows[r][1]; ++i) sum += series.counts[c * kBins + i];
    return sum;
  };
  return {height: rows.length, cell, range: r => [lowOf(rows[r][0]), highOf(rows[r][1])], position: v => rowOfValue(v, rows),
          ticks: h => niceTicks(rows, h), unit: "values"};
}

function linearPicture(list) {
  const {total} = rowsOf(list);
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
  const cell = (series, c, r) => share[r].reduce((sum, [i, part]) => sum + series.counts[c * kBins + i] * part, 0);
  return {height, cell, range, position: v => (v < low || v > high ? null : (high - v) / step),
          ticks: () => d3.scaleLinear().domain([low, high]).ticks(6), unit: "values, about"};
}
