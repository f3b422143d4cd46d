// Contact maps: predicted, true, and both in one square, with one scrubber for all.
const kMapRamp = table(d3.scaleLinear().domain([0, 0.5, 1]).range(["#ffffff", "#5c98cf", "#0b2a55"]).interpolate(d3.interpolateLab)), kDiagonal = [185, 195, 208];
const pictures = new Map();
async function picture(index) {
  if (!pictures.has(index)) pictures.set(index, run.live ? fetchPicture(index) : inflate(run.images.pictures[index]));
  return pictures.get(index);
}

function latest(frames, step) {
  let found = null;
  for (const frame of frames) if (frame.step <= step) found = frame;
  return found || frames[0];
}

// One map. layers: frames by name, as in {predicted, true}; with both, the first lies above the diagonal and the second
// below.
class MapView {
  constructor(name, layers) {
    Object.assign(this, {name, layers, kinds: Object.keys(layers)});
    this.canvas = el("canvas", {tabindex: 0, role: "img", "aria-label": `${name}: ${this.caption()}`, onmousemove: e => this.hover(e), onmouseleave: hideTip, onblur: hideTip, onkeydown: e => this.walk(e)});
  }
  caption() {
    return this.kinds.length > 1 ? `${this.kinds[0]} above, ${this.kinds[1]} below` : this.kinds[0];
  }
  async draw(step) {
    this.step = step;
    const frames = this.kinds.map(kind => latest(this.layers[kind], step)), read = await Promise.all(frames.map(f => picture(f.picture)));
    if (this.step !== step) return;  // the scrubber has moved on
    const [width, height] = this.size = [frames[0].w, frames[0].h];
    this.samples = read;
    this.canvas.width = Math.max(1, width);
    this.canvas.height = Math.max(1, height);
    this.canvas.style.imageRendering = width > this.canvas.clientWidth ? "auto" : "pixelated";
    const image = new ImageData(this.canvas.width, this.canvas.height);
    for (let y = 0, k = 0; y < height; ++y)
      for (let x = 0; x < width; ++x, ++k) {
        const below = read.length > 1 && y > x, v = 3 * read[below ? 1 : 0][k];
        image.data.set(read.length > 1 && x === y ? kDiagonal : [kMapRamp[v], kMapRamp[v + 1], kMapRamp[v + 2]], 4 * k);
        image.data[4 * k + 3] = 255;
      }
    const g = this.canvas.getContext("2d");
    g.putImageData(image, 0, 0);
    if (this.at) {
      g.strokeStyle = "#d1732a";
      g.strokeRect(this.at[0] - 1, this.at[1] - 1, 3, 3);
    }
  }
  tell(event, x, y) {
    if (!this.samples || x < 0 || y < 0 || x >= this.size[0] || y >= this.size[1]) return hideTip();
    const value = kind => this.samples[this.kinds.indexOf(kind)][y * this.size[0] + x] / 255, lines = [];
    if (this.kinds.includes("predicted")) lines.push(el("div", {}, "predicted ", el("b", {}, value("predicted").toFixed(2))));
    if (this.kinds.includes("true")) lines.push(el("div", {}, value("true") > 0.5 ? "a contact" : "no contact"));
    if (this.kinds.includes("image")) lines.push(el("div", {}, value("image").toFixed(2)));
    showTip(event, el("b", {}, `residues ${Math.min(x, y) + 1} and ${Math.max(x, y) + 1}`), ...lines);
  }
  hover(event) {
    const box = this.canvas.getBoundingClientRect();
    if (this.size) this.tell(event, Math.floor((event.clientX - box.left) / box.width * this.size[0]), Math.floor((event.clientY - box.top) / box.height * this.size[1]));
  }
  // Arrow keys move a point over the map, ten times as fast with shift.
  async walk(event) {
    const way = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[event.key];
    if (!way || !this.size) return;
    event.preventDefault();
    const far = event.shiftKey ? 10 : 1, box = this.canvas.getBoundingClientRect(), [x, y] = this.at || this.size.map(n => n >> 1);
    this.at = [Math.max(0, Math.min(this.size[0] - 1, x + far * way[0])), Math.max(0, Math.min(this.size[1] - 1, y + far * way[1]))];
    await this.draw(this.step);
    this.tell({clientX: box.left + (this.at[0] + 0.5) / this.size[0] * box.width, clientY: box.top + (this.at[1] + 0.5) / this.size[1] * box.height}, ...this.at);
  }
  figure() {
    return el("figure", {}, this.canvas, el("figcaption", {}, this.caption()));
  }
}

// Steps with a map, a scrubber over them and a button that plays them. show(step) draws.
function mapScrubber(steps, at, show) {
  const label = el("b", {}), range = el("input", {type: "range", min: 0, max: steps.length - 1, value: at, style: "width:320px", "aria-label": "Step of the maps"});
  let timer = null;
  const update = () => {
    label.textContent = `step ${whole(steps[range.value])}`;
    range.setAttribute("aria-valuetext", label.textContent);
    show(steps[range.value], +range.value);
  };
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const play = el("button", {type: "button", onclick: () => {
    if (timer) return stop();
    if (+range.value === steps.length - 1) range.value = 0;
    play.textContent = "Pause";
    update();
    timer = setInterval(() => {
      if (+range.value >= steps.length - 1 || !range.isConnected) return stop();
      range.value = +range.value + 1;
      update();
    }, 450);
  }}, "Play");
  range.addEventListener("input", update);
  return {node: steps.length > 1 ? el("div", {class: "bar"}, el("div", {class: "seg"}, play), range, label) : "", update};
}

function mapSection() {
  const cards = new Map();
  for (const {name, frames} of run.images.maps) {
    if (!frames.length) continue;
    const parts = /^(?:maps\/)?(.*)\/(predicted|true)$/.exec(name), title = parts ? parts[1] : name;
    if (!cards.has(title)) cards.set(title, {});
    cards.get(title)[parts ? parts[2] : "image"] = frames;
  }
  if (!cards.size) return null;
  const steps = [...new Set(run.images.maps.flatMap(m => m.frames.map(f => f.step)))].sort(d3.ascending);
  const views = [], grid = el("div", {class: "maps"});
  let chosen = steps.length - 1;
  for (const [title, kinds] of cards) {
    const name = title.split("/").join(", "), both = kinds.predicted && kinds.true && kinds.predicted[0].w === kinds.true[0].w;
    const parts = ["predicted", "true", "image"].filter(k => kinds[k]).map(k => new MapView(name, {[k]: kinds[k]}));
    if (both) parts.push(new MapView(name, {predicted: kinds.predicted, true: kinds.true}));
    const larger = () => enlargeMap(parts[parts.length - 1], steps, chosen);
    for (const view of parts) view.canvas.addEventListener("keydown", e => { if (e.key === "Enter") larger(); });
    grid.append(el("article", {class: "card"}, el("h3", {}, name),
                   el("div", {class: "sub"}, `${kinds[Object.keys(kinds)[0]][0].w} residues`, el("button", {class: "expand", title: "Larger", "aria-label": `Larger ${name}`, onclick: larger}, "⤢")),
                   el("div", {class: "row"}, ...parts.map(view => view.figure()))));
    views.push(...parts);
  }
  const scrubber = mapScrubber(steps, chosen, (step, at) => {
    chosen = at;
    for (const view of views) view.draw(step);
  });
  const section = el("section", {id: "maps"}, el("h2", {}, "Contact maps"), el("p", {}, "Darker is more certain. Residues run along both axes; where both maps share a square, the predicted one lies above the diagonal."), scrubber.node, grid);
  whenSeen(section, scrubber.update);
  return section;
}

function enlargeMap(view, steps, at) {
  const dialog = document.getElementById("large"), map = new MapView(view.name, view.layers), figure = map.figure(), scrubber = mapScrubber(steps, at, step => map.draw(step));
  map.canvas.style.width = "min(100%, calc(100vh - 240px))";
  map.canvas.style.margin = "0 auto";
  dialog.replaceChildren(el("h3", {}, view.name), scrubber.node, el("div", {class: "row"}, figure), el("form", {method: "dialog", style: "text-align:right"}, el("div", {class: "seg"}, el("button", {}, "Close"))));
  dialog.showModal();
  scrubber.update();
}
