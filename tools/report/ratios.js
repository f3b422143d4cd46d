// The update ratio of every tensor as one picture.
// Norm of the update over norm of the parameter, tensors by steps. Between 1e-4 and 1e-2 a tensor learns at a good pace.
function ratioSection() {
  const norms = q => new Map(columns.series.filter(s => s.quantity === q).map(s => [s.tensor, s]));
  const updates = norms("updates"), parameters = norms("parameters");
  const tensors = run.tensors.map((t, k) => k).filter(k => updates.has(k) && parameters.has(k));
  if (!tensors.length) return null;
  const at = s => s.columns || s.norms.map((_, c) => c), n = columns.first.length;
  const rows = tensors.map(k => {
    const row = new Array(n).fill(null), u = updates.get(k), p = parameters.get(k);
    const below = new Map(at(p).map((c, i) => [c, p.norms[i]]));
    at(u).forEach((c, i) => {
      const base = below.get(c);
      if (u.norms[i] !== null && base !== undefined && base !== null) row[c] = (u.norms[i] - base) / 64 * Math.log10(2);
    });
    return row;
  });
  const colour = d3.scaleLinear().domain([-6, -4, -3, -2, -0.5]).range(["#3f2c7a", "#d3cfe6", "#f6f6f3", "#f7ddc0", "#a8480a"]).clamp(true);
  const tall = Math.max(3, Math.min(17, Math.floor(620 / tensors.length))), labels = tall >= 10, left = labels ? 210 : 12, height = tall * tensors.length + 24;
  const canvas = el("canvas");
  canvas.style.height = `${height}px`;
  const card = el("article", {class: "card"}, canvas);
  const draw = () => {
    const width = canvas.clientWidth, g = sharp(canvas, width, height), w = width - left - 6;
    const image = new ImageData(n, tensors.length);
    rows.forEach((row, r) => row.forEach((v, c) => {
      const k = d3.rgb(v === null ? "#ffffff" : colour(v));
      image.data.set([k.r, k.g, k.b, 255], 4 * (r * n + c));
    }));
    const small = document.createElement("canvas");
    small.width = n;
    small.height = tensors.length;
    small.getContext("2d").putImageData(image, 0, 0);
    g.imageSmoothingEnabled = false;
    g.drawImage(small, left, 0, w, tall * tensors.length);
    g.font = kFont;
    g.textBaseline = "middle";
    g.fillStyle = kSoft;
    g.textAlign = "right";
    if (labels) tensors.forEach((k, r) => {
      const name = run.tensors[k].name;
      g.fillText(name.length > 34 ? `…${name.slice(-33)}` : name, left - 8, tall * (r + 0.5));
    });
    g.fillStyle = "rgba(255,255,255,.8)";
    if (tall >= 6) for (let r = 1; r < tensors.length; ++r) g.fillRect(left, tall * r - 0.5, w, 1);
    g.fillStyle = kSoft;
    const place = step => left + w * (d3.bisectRight(columns.first, step) - 0.5) / n;
    stepAxis(g, {left, width: w, y: tall * tensors.length + 17}, [columns.first[0], columns.last[n - 1] + 1], place);
    canvas.onmousemove = e => {
      const box = canvas.getBoundingClientRect(), c = Math.floor((e.clientX - box.left - left) / w * n), r = Math.floor((e.clientY - box.top) / tall);
      if (c < 0 || c >= n || r < 0 || r >= tensors.length) return hideTip();
      const v = rows[r][c];
      showTip(e, el("b", {}, run.tensors[tensors[r]].name), el("div", {class: "dim"}, `step ${whole(columns.first[c])}: `, el("b", {}, v === null ? "none" : short(10 ** v, 2))));
    };
    canvas.onmouseleave = hideTip;
  };
  whenSeen(card, draw);
  const stops = [-6, -5, -4, -3, -2, -1, -0.5].map(v => `${colour(v)} ${(v + 6) / 5.5 * 100}%`);
  return el("section", {id: "ratios"}, el("h2", {}, "Update ratio"),
            el("p", {}, "Norm of the update over norm of the parameter, one row for each tensor. Around 1e-3 a tensor learns at a good pace; violet barely moves, orange is thrown about."),
            el("div", {class: "bar"}, el("span", {class: "key", style: "margin-left:0"}, "1e-6", el("i", {style: `width:240px;background:linear-gradient(90deg,${stops.join(",")})`}), "0.3")), card);
}
