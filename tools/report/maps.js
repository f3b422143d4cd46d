// Contact maps: predicted beside true, with one scrubber for all.
const kMapRamp = table(d3.interpolateLab("#ffffff", "#0b2a55"));
const pictures = new Map();
async function picture(index) {
  if (!pictures.has(index)) pictures.set(index, run.live ? fetchPicture(index) : inflate(run.images.pictures[index]));
  return pictures.get(index);
}

async function drawMap(canvas, frame) {
  const wanted = canvas.wanted = frame.picture;
  const samples = await picture(frame.picture);
  if (canvas.wanted !== wanted) return;  // the scrubber has moved on
  canvas.width = Math.max(1, frame.w);
  canvas.height = Math.max(1, frame.h);
  const image = new ImageData(canvas.width, canvas.height);
  for (let k = 0; k < samples.length; ++k) image.data.set([kMapRamp[3 * samples[k]], kMapRamp[3 * samples[k] + 1], kMapRamp[3 * samples[k] + 2], 255], 4 * k);
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function latest(frames, step) {
  let found = null;
  for (const frame of frames) if (frame.step <= step) found = frame;
  return found || frames[0];
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
  for (const [title, kinds] of cards) {
    const pair = el("div", {class: "pair"});
    const card = el("article", {class: "card"}, el("h3", {}, title.split("/").join(", ")), el("div", {class: "sub"}, `${kinds[Object.keys(kinds)[0]][0].w} residues`), pair);
    for (const kind of ["predicted", "true", "image"])
      if (kinds[kind]) {
        const canvas = el("canvas");
        pair.append(el("figure", {}, canvas, el("figcaption", {}, kind)));
        views.push({canvas, frames: kinds[kind]});
      }
    grid.append(card);
  }
  const label = el("b", {}), range = el("input", {type: "range", min: 0, max: steps.length - 1, value: steps.length - 1, style: "width:320px", "aria-label": "Step of the maps"});
  const show = () => {
    const step = steps[range.value];
    label.textContent = `step ${whole(step)}`;
    for (const view of views) drawMap(view.canvas, latest(view.frames, step));
  };
  range.addEventListener("input", show);
  let timer = null;
  const play = el("button", {type: "button", onclick: () => {
    if (timer) return stop();
    if (+range.value === steps.length - 1) range.value = 0;
    play.textContent = "Pause";
    timer = setInterval(() => {
      if (+range.value >= steps.length - 1) return stop();
      range.value = +range.value + 1;
      show();
    }, 450);
  }}, "Play");
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const section = el("section", {id: "maps"}, el("h2", {}, "Contact maps"), el("p", {}, "Darker is more certain. Residues run along both axes."),
                     steps.length > 1 ? el("div", {class: "bar"}, el("div", {class: "seg"}, play), range, label) : "", grid);
  whenSeen(section, show);
  return section;
}
