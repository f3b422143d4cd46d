// A chart of lines over steps.
const kColours = ["#1f5fa8", "#d1732a", "#23825a", "#8a4fa3", "#b8436b", "#6d6a3f", "#3a9bb0", "#7a5a3c"];
const svg = (name, attributes = {}, ...children) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

const points = curve => curve ? curve.step.map((step, k) => [step, curve.value[k]]) : [];
const marked = new Set();  // steps with a red mark under every chart
const pinned = [];         // alerts, above their steps

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

// lines: {name, points, colour, dash, width, opacity, level}; level: a horizontal line.
// options: log, from, to, format, note; steps: the shown range; legend: false leaves it out.
function chart(title, lines, options = {}) {
  const [first, last] = options.steps || [-Infinity, Infinity];
  lines = lines.map(l => l.points ? {...l, points: l.points.filter(p => p[0] >= first && p[0] <= last)} : l)
               .filter(l => l.level !== undefined || l.points.length);
  const W = 460, H = 250, m = {left: 50, right: 12, top: 8, bottom: 26};
  const card = el("article", {class: "card curve"}, el("h3", {}, title), el("div", {class: "sub"}, options.note || ""));
  const drawn = lines.filter(l => l.points);
  if (!drawn.length) return null;
  const shown = drawn.flatMap(l => l.points).filter(p => !options.log || p[1] > 0);
  if (!shown.length) return null;
  const levels = lines.filter(l => l.level !== undefined).map(l => l.level);
  const steps = options.steps || d3.extent(shown, p => p[0]);
  const ys = shown.map(p => p[1]).sort(d3.ascending);
  // A wild first step must not flatten the rest.
  let low = Math.min(d3.quantile(ys, 0.002), ...levels), high = Math.max(d3.quantile(ys, shown.length > 300 ? 0.995 : 1), ...levels);
  if (options.from !== undefined) low = Math.min(options.from, low);
  if (options.to !== undefined) high = Math.max(options.to, high);
  if (low === high) {
    const room = (Math.abs(low) || 1) * 0.1;
    high += room;
    if (options.from !== low) low -= room;  // no precision is below 0
  }
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
  for (const step of new Set([...marked, ...lines.flatMap(l => l.broken || [])].filter(step => step >= first && step <= last)))
    root.append(svg("rect", {x: x(step) - 1, y: H - m.bottom + 1, width: 2.5, height: 5, fill: kRed}));

  for (const a of pinned.filter(a => a.step >= steps[0] && a.step <= steps[1]).slice(0, 200))
    root.append(svg("path", {d: `M${x(a.step) - 4} 0h8l-4 7z`, fill: severities[a.severity]?.colour || kSoft, opacity: 0.7}, svg("title", {}, `${a.rule}, step ${whole(a.step)}: ${a.text}`)));

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
  card.append(el("div", {class: "legend"}, ...(options.legend === false ? [] : legend)), root);
  return card;
}
