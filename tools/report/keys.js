// The keyboard: what a mouse can do on the page, letters do too.
const kKeys = [
  ["/", "filter the names of tensors"], ["v", "next view: heatmap, bands, ridges, overlay"], ["g", "next quantity: gradients, parameters, updates"],
  ["a", "logarithmic or linear axis"], ["r", "all steps or the last ones"], ["c", "next colours"], ["n, p", "next or previous section"],
  ["Tab", "from picture to picture"], ["arrows", "read the picture, faster with shift"], ["Enter", "picture larger"], ["Esc", "back"], ["?", "this list"]];

function showKeys() {
  const dialog = document.getElementById("large");
  dialog.replaceChildren(el("h3", {}, "Keys"), el("table", {class: "keys"}, ...kKeys.map(([key, what]) => el("tr", {}, el("td", {}, el("kbd", {}, key)), el("td", {}, what)))),
                         el("form", {method: "dialog", style: "text-align:right"}, el("div", {class: "seg"}, el("button", {}, "Close"))));
  dialog.showModal();
}

function pressNext(control) {
  if (!control) return;
  const buttons = [...control.querySelectorAll("button")], at = buttons.findIndex(b => b.getAttribute("aria-pressed") === "true");
  buttons[(at + 1) % buttons.length].click();
}

function toSection(way) {
  const sections = [...document.querySelectorAll("main > section")], y = scrollY + 80;
  const at = d3.bisectRight(sections.map(s => s.offsetTop), y) - 1, next = sections[Math.max(0, Math.min(sections.length - 1, at + way))];
  if (next) next.scrollIntoView();
}

addEventListener("keydown", e => {
  if (e.ctrlKey || e.metaKey || e.altKey || document.getElementById("large").open) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName) && e.target.type !== "range") {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  const filter = document.getElementById("filter");
  const actions = {"/": () => { if (filter) filter.focus(); }, v: () => pressNext(controls.view), g: () => pressNext(controls.quantity), a: () => pressNext(controls.axis),
                   r: () => pressNext(controls.range), c: () => pressNext(controls.ramp), n: () => toSection(1), p: () => toSection(-1), "?": showKeys};
  if (!actions[e.key]) return;
  e.preventDefault();
  actions[e.key]();
});
