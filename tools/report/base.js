// The data, numbers as people read them, and the few helpers that every view uses.
const data = JSON.parse(document.getElementById("data").textContent);

// Children are nodes or strings; strings become text, never markup.
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes))
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else if (value !== false && value !== undefined) node.setAttribute(key, value);
  node.append(...children.filter(c => c !== null && c !== undefined));
  return node;
}

function short(x, digits = 3) {
  if (x === null || x === undefined) return "none";
  if (x === 0) return "0";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "\u2212∞";
  const size = Math.abs(x);
  const text = size >= 1e5 || size < 1e-3 ? d3.format(`.${digits - 1}~e`)(x) : d3.format(`.${digits}~r`)(x);
  return text.replace("e+", "e").replace(/-/g, "\u2212");
}
const whole = d3.format(",");
function large(n) {
  return n >= 1e9 ? `${(n / 1e9).toFixed(2)} G` : n >= 1e6 ? `${(n / 1e6).toFixed(2)} M` : n >= 1e4 ? `${(n / 1e3).toFixed(1)} k` : whole(n);
}
function duration(seconds) {
  if (!seconds) return "-";
  if (seconds < 120) return `${short(seconds, 3)} s`;
  if (seconds < 7200) return `${short(seconds / 60, 3)} min`;
  return `${short(seconds / 3600, 3)} h`;
}

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), c => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// Calls draw when the node comes near the screen; once.
const waiting = new Map();
const observer = new IntersectionObserver(entries => {
  for (const entry of entries)
    if (entry.isIntersecting && waiting.has(entry.target)) {
      const draw = waiting.get(entry.target);
      waiting.delete(entry.target);
      observer.unobserve(entry.target);
      draw();
    }
}, {rootMargin: "500px"});
function whenSeen(node, draw) {
  waiting.set(node, draw);
  observer.observe(node);
}
addEventListener("beforeprint", () => {
  for (const [node, draw] of [...waiting]) waiting.delete(node), observer.unobserve(node), draw();
});

const tip = document.getElementById("tip");
function showTip(event, ...content) {
  tip.replaceChildren(...content);
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const right = event.clientX + 18 + box.width < innerWidth;
  tip.style.left = `${Math.max(4, right ? event.clientX + 18 : event.clientX - 18 - box.width)}px`;
  tip.style.top = `${Math.max(4, Math.min(event.clientY + 14, innerHeight - box.height - 8))}px`;
}
function hideTip() {
  tip.hidden = true;
}

// A canvas that is sharp on any screen; draw() gets a context in CSS pixels.
function sharp(canvas, width, height) {
  const ratio = Math.max(1, devicePixelRatio || 1);
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

function segments(options, chosen, choose) {
  const buttons = options.map(([value, label]) => el("button", {type: "button", "aria-pressed": value === chosen, onclick: () => {
    buttons.forEach((b, k) => b.setAttribute("aria-pressed", options[k][0] === value));
    choose(value);
  }}, label));
  return el("div", {class: "seg"}, ...buttons);
}

function table(colour) {  // 256 colours as bytes
  const bytes = new Uint8ClampedArray(256 * 3);
  for (let k = 0; k < 256; ++k) {
    const c = d3.rgb(colour(k / 255));
    bytes.set([c.r, c.g, c.b], 3 * k);
  }
  return bytes;
}
const kFont = "11px Inter, 'Segoe UI', 'Noto Sans', 'Liberation Sans', system-ui, sans-serif";
const kSoft = "#5c6778", kRed = "#cf2f3a";

// What an alert of the doctor weighs.
const severities = {F: {name: "stop", colour: "#a3123a"}, E: {name: "error", colour: "#cf2f3a"}, W: {name: "warning", colour: "#c05f00"}, I: {name: "information", colour: "#3a6fa5"}};
