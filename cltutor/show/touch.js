// Brings the pictures of cltutor to life, in a page with or without a kernel: every value can be read by pointing at
// it, the legend switches layers, and frames play. docs/pictures.md describes the data, `drawing()` in Python makes it.

const NEAR = 20; // pixels from the pointer to a spot
const SAME = 3; // spots so close to each other are read together
const OWN = /cltutor-0-/g; // before every name in an SVG, which must be the picture's alone
const LEAST = 0.87; // a picture shrinks so far, where its text still has 12 px; a narrower page scrolls
const SVG = "http://www.w3.org/2000/svg";

function fill(made, options) {
  for (const [name, value] of Object.entries(options)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  return made;
}

function make(tag, options = {}, ...children) {
  const made = fill(document.createElement(tag), options);
  made.append(...children);
  return made;
}

const drawn = (tag, options = {}) => fill(document.createElementNS(SVG, tag), options);

// All spots of a drawing, one after another, with flat arrays of their places: a search through 10,000 of them takes
// less than a tenth of a millisecond, so that it needs no index.
class Spots {
  constructor(groups) {
    this.groups = groups;
    this.which = []; // [group, number in the group] of each spot
    const places = [];
    groups.forEach((group, number) => {
      const [rows, columns] = group.shape;
      const [left, top, width, height] = group.box ?? [0, 0, 0, 0];
      for (let i = 0; i < rows * columns; i++) {
        const [row, column] = [Math.floor(i / columns), i % columns];
        const [wide, high] = [width / columns / 2, height / rows / 2];
        if (group.columns.some(([every, words]) => words[Math.floor(i / every) % words.length] === null)) continue;
        this.which.push([number, i]);
        if (group.box) places.push([left + (2 * column + 1) * wide, top + (2 * row + 1) * high, wide, high]);
        else places.push([group.x[i], group.y[i], 0, 0]);
      }
    });
    [this.x, this.y, this.wide, this.high] = [0, 1, 2, 3].map((part) => Float64Array.from(places, (one) => one[part]));
    this.shown = new Uint8Array(places.length).fill(1);
  }

  // Which are there: in this frame, and not in a hidden layer.
  show(frame, hidden) {
    this.which.forEach(([number, i], spot) => {
      const { layer, since = [0], until = Infinity } = this.groups[number];
      const first = since.length > 1 ? since[i] : since[0];
      this.shown[spot] = first <= frame && frame <= until && !hidden.has(layer) ? 1 : 0;
    });
  }

  words(spot) {
    const [number, i] = this.which[spot];
    const { words, columns } = this.groups[number];
    return words.replace(/\{(\d+)\}/g, (whole, field) => {
      const [every, values] = columns[field] ?? [1, [whole]];
      return values[Math.floor(i / every) % values.length];
    });
  }

  // The squared distance from a place to a spot, 0 inside its box.
  away(spot, x, y) {
    const dx = Math.max(0, Math.abs(this.x[spot] - x) - this.wide[spot]);
    const dy = Math.max(0, Math.abs(this.y[spot] - y) - this.high[spot]);
    return dx * dx + dy * dy;
  }

  nearest(x, y, reach) {
    let [found, least] = [-1, reach * reach];
    for (let spot = 0; spot < this.x.length; spot++) {
      if (!this.shown[spot]) continue;
      const away = this.away(spot, x, y);
      if (away < least || (away === least && found >= 0 && this.wide[spot] < this.wide[found])) {
        [found, least] = [spot, away];
      }
    }
    return found;
  }

  // Every spot that lies on this one: curves of several methods often meet.
  with(spot, reach) {
    const same = [spot];
    for (let other = 0; other < this.x.length && same.length < 8; other++) {
      const near = this.away(other, this.x[spot], this.y[spot]) <= reach * reach;
      if (other !== spot && this.shown[other] && !this.wide[other] && near) same.push(other);
    }
    return same;
  }

  // The next one that is there, in the order of the figure.
  step(spot, by) {
    const count = this.x.length;
    for (let i = 1, next = spot; i <= count; i++) {
      next = (next + by + count) % count;
      if (this.shown[next]) return next;
    }
    return -1;
  }

  // The nearest one above (-1) or below (1).
  beyond(spot, down) {
    let [found, least] = [spot, Infinity];
    for (let other = 0; other < this.x.length; other++) {
      const dy = down * (this.y[other] - this.y[spot]);
      const cost = dy + 3 * Math.abs(this.x[other] - this.x[spot]);
      if (this.shown[other] && dy > 0.5 && cost < least) [found, least] = [other, cost];
    }
    return found;
  }
}

class Stage {
  constructor(host, data, touched = () => {}) {
    globalThis.cltutorPictures = (globalThis.cltutorPictures ?? 0) + 1;
    this.id = `cltutor-${globalThis.cltutorPictures}-`;
    this.touched = touched;
    this.hidden = new Set(); // names of layers
    this.setting = "";
    this.scroll = make("div", { class: "cltutor-scroll" });
    this.tip = make("div", { class: "cltutor-tip", "aria-live": "polite" });
    this.settings = make("div", { class: "cltutor-row", role: "group", "aria-label": "setting" });
    this.film = make("div", { class: "cltutor-row", role: "group", "aria-label": "frames" });
    this.colors = make("style");
    // JupyterLab's own keys must not move its cells while somebody walks through a picture.
    const options = { class: `cltutor-live ${this.id}`, "data-lm-suppress-shortcuts": "true" };
    this.root = make("div", options, this.colors, this.scroll, this.settings, this.film, this.tools(), this.tip);
    host.replaceChildren(this.root); // first: parts have sizes only in a page
    this.replace(data);
  }

  // Another state of the same picture: what the reader has chosen stays.
  replace(data) {
    this.drawings = data.drawings;
    const names = this.drawings.map((one) => one.setting);
    const buttons = names.map((name) => make("button", { text: name, onclick: () => this.choose(name) }));
    this.settings.replaceChildren(...(names.length > 1 ? buttons : []));
    this.choose(names.includes(this.setting) ? this.setting : names[0]);
  }

  choose(setting) {
    const before = this.drawing;
    this.setting = setting;
    this.drawing = this.drawings.find((one) => one.setting === setting);
    for (const button of this.settings.children) {
      button.setAttribute("aria-pressed", button.textContent === setting);
    }
    const last = this.drawing.frames.names.length - 1;
    const stays = before && before.frames.names.length - 1 === last && this.frame !== undefined;
    this.draw();
    this.fillFilm(last);
    this.showFrame(stays ? this.frame : Math.max(0, last));
  }

  draw() {
    const { svg, alt, width, dark } = this.drawing;
    this.read([]);
    const focused = this.svg !== undefined && document.activeElement === this.svg;
    this.scroll.innerHTML = svg.replace(OWN, this.id);
    this.svg = this.scroll.firstElementChild;
    this.whole = this.svg.getAttribute("viewBox").split(" ").map(Number);
    fill(this.svg, { tabindex: 0, role: "application", "aria-label": `${alt} Arrow keys read the values.` });
    this.svg.prepend(...this.svg.querySelectorAll("defs")); // not in the boxes of legend entries
    this.svg.style.cssText += `;width:100%;max-width:${width}px;min-width:${Math.round(LEAST * width)}px`;
    const colors = { ink: "#e8e8e8", ground: "#111111", frame: "#8a8a8a", shade: "#2b2b2b", focus: "#56b4e9", ...dark };
    const rules = Object.entries(colors).map(([name, color]) => `--cltutor-${name}:${color}`).join(";");
    this.colors.textContent =
      `:is([data-jp-theme-light="false"],[data-theme="dark"],.vscode-dark) .${this.id}{${rules}}` +
      `@media (prefers-color-scheme:dark){html:not([data-theme]) ` +
      `body:not([data-jp-theme-light],.vscode-light) .${this.id}{${rules}}}`;
    this.marks = this.svg.appendChild(drawn("g"));
    this.spots = new Spots(this.drawing.spots);
    this.drawCurtains();
    this.wakeLegend();
    this.listen();
    this.showLayers();
    if (focused) this.svg.focus();
  }

  all(kind) {
    return this.svg.querySelectorAll(`[data-${kind}]`);
  }

  // ---------------------------------------------------------------- pointing

  listen() {
    this.fingers = new Map();
    const lift = (event) => this.fingers.delete(event.pointerId);
    fill(this.svg, {
      onpointermove: (event) => this.move(event),
      onpointerleave: (event) => this.leave(event),
      onpointerdown: (event) => this.press(event),
      onpointerup: lift,
      onpointercancel: lift,
      onclick: (event) => this.click(event),
      onkeydown: (event) => this.key(event),
      onblur: () => this.read([]),
    });
    this.svg.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  // A place on the screen in the units of the drawing, and how many pixels one unit has.
  place(event) {
    const matrix = this.svg.getScreenCTM();
    return [(event.clientX - matrix.e) / matrix.a, (event.clientY - matrix.f) / matrix.d, matrix.a];
  }

  move(event) {
    if (this.fingers.has(event.pointerId)) this.drag(event);
    const [x, y, scale] = this.place(event);
    this.read(this.around(this.spots.nearest(x, y, NEAR / scale), scale));
  }

  around(spot, scale = this.svg.getScreenCTM().a) {
    return spot < 0 ? [] : this.spots.with(spot, SAME / scale);
  }

  leave(event) {
    this.fingers.delete(event.pointerId);
    if (event.pointerType === "mouse") this.read([]);
  }

  click(event) {
    if (event.target.closest("[data-entry]") || this.dragged) return;
    this.move(event);
    this.touch();
  }

  touch() {
    if (this.current < 0) return;
    const [group, number] = this.spots.which[this.current];
    const { key, shape } = this.drawing.spots[group];
    const place = { row: Math.floor(number / shape[1]), column: number % shape[1] };
    this.touched({ key, number, ...place, words: this.spots.words(this.current), frame: this.frame });
  }

  // Show the words of these spots beside the first, and mark them.
  read(found) {
    if (found.length && found[0] === this.current && this.tip.textContent) return;
    this.current = found[0] ?? -1;
    this.tip.textContent = found.map((spot) => this.spots.words(spot)).join("\n");
    this.marks?.replaceChildren(...found.slice(0, 1).map((spot) => this.mark(spot)));
    if (!found.length) return;
    const [around, box] = [this.root.getBoundingClientRect(), this.marks.getBoundingClientRect()];
    const { offsetWidth, offsetHeight } = this.tip;
    const left = Math.min(box.right - around.left + 8, around.width - offsetWidth);
    const above = box.top - around.top - offsetHeight - 4;
    this.tip.style.left = `${Math.max(0, left)}px`;
    this.tip.style.top = `${above < 0 ? box.bottom - around.top + 4 : above}px`;
  }

  mark(spot) {
    const { x, y, wide, high } = this.spots;
    const [w, h] = [Math.max(5, wide[spot]), Math.max(5, high[spot])];
    const place = { x: x[spot] - w, y: y[spot] - h, width: 2 * w, height: 2 * h, rx: wide[spot] ? 0 : 5 };
    return drawn("rect", { ...place, class: "cltutor-mark" });
  }

  // ---------------------------------------------------------------- keys

  key(event) {
    if (event.target !== this.svg || event.ctrlKey || event.metaKey || event.altKey) return;
    const count = this.spots.x.length;
    const here = this.current >= 0 ? this.current : null;
    const steps = {
      ArrowRight: () => this.spots.step(here ?? -1, 1),
      ArrowLeft: () => this.spots.step(here ?? count, -1),
      ArrowDown: () => (here === null ? this.spots.step(-1, 1) : this.spots.beyond(here, 1)),
      ArrowUp: () => (here === null ? this.spots.step(-1, 1) : this.spots.beyond(here, -1)),
      Home: () => this.spots.step(-1, 1),
      End: () => this.spots.step(count, -1),
    };
    if (event.key in steps && count) this.reach(steps[event.key]());
    else if (event.key === "PageUp") this.showFrame(this.frame - 1);
    else if (event.key === "PageDown") this.showFrame(this.frame + 1);
    else if (event.key === "Enter" || event.key === " ") this.touch();
    else if (event.key === "Escape" && (here !== null || this.zoomed)) this.reset();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  reach(spot) {
    this.read(this.around(spot));
    this.marks.firstElementChild?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  // ---------------------------------------------------------------- layers

  wakeLegend() {
    const parts = [...this.all("entry")];
    this.entries = [...new Set(parts.map((part) => part.dataset.entry))].map((number) => {
      const name = this.drawing.layers[number];
      const look = { "data-entry": name, role: "button", tabindex: 0, "aria-label": name };
      const keyed = (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.toggle(name, event.shiftKey);
      };
      const entry = drawn("g", { ...look, onkeydown: keyed, onclick: (event) => this.toggle(name, event.shiftKey) });
      const own = parts.filter((part) => part.dataset.entry === number);
      own[0].before(entry);
      entry.append(...own);
      const { x, y, width, height } = entry.getBBox();
      const back = { x: x - 2, y: y - 2, width: width + 4, height: height + 4, fill: "transparent" };
      entry.prepend(drawn("title", { text: "click: hide or show; shift and click: only this" }), drawn("rect", back));
      return entry;
    });
  }

  // Hide or show a layer; alone: hide all others, or show them all again.
  toggle(name, alone = false) {
    const others = this.drawing.layers.filter((other) => other !== name);
    if (alone) {
      const isolated = !this.hidden.has(name) && others.every((other) => this.hidden.has(other));
      this.hidden = new Set(isolated ? [] : others);
    } else if (!this.hidden.delete(name)) this.hidden.add(name);
    this.read([]);
    this.showLayers();
  }

  showLayers() {
    for (const part of this.all("layer")) {
      part.style.display = this.hidden.has(this.drawing.layers[part.dataset.layer]) ? "none" : "";
    }
    for (const entry of this.entries) entry.setAttribute("aria-pressed", !this.hidden.has(entry.dataset.entry));
    this.showSpots();
  }

  showSpots() {
    const numbers = this.drawing.layers.map((name, number) => (this.hidden.has(name) ? number : -1));
    this.spots.show(this.frame ?? 0, new Set(numbers));
  }

  // ---------------------------------------------------------------- frames

  drawCurtains() {
    const [x, y, width, height] = this.whole;
    this.curtains = this.drawing.frames.curtains.map((_, number) => {
      const window = drawn("rect", { x, y, width, height });
      this.svg.appendChild(drawn("clipPath", { id: `${this.id}curtain${number}` })).append(window);
      return window;
    });
    for (const part of this.all("curtain")) {
      part.setAttribute("clip-path", `url(#${this.id}curtain${part.dataset.curtain})`);
    }
  }

  fillFilm(last) {
    this.stop();
    this.film.replaceChildren();
    if (last < 1) return;
    const { of } = this.drawing.frames;
    const go = (event) => this.showFrame(Number(event.target.value) - ("number" === event.target.type));
    this.player = make("button", { text: "▶ play", onclick: () => this.play() });
    this.slider = make("input", { type: "range", min: 0, max: last, "aria-label": of, oninput: go });
    this.typed = make("input", { type: "number", min: 1, max: last + 1, "aria-label": `${of}, number`, onchange: go });
    this.named = make("span", { "aria-live": "polite" });
    this.film.append(
      this.player,
      make("button", { text: "◂", "aria-label": "one frame back", onclick: () => this.showFrame(this.frame - 1) }),
      make("button", { text: "▸", "aria-label": "one frame on", onclick: () => this.showFrame(this.frame + 1) }),
      ...[this.slider, this.typed, this.named],
    );
  }

  showFrame(number) {
    const { names, curtains } = this.drawing.frames;
    this.frame = Math.min(Math.max(0, Math.round(number) || 0), Math.max(0, names.length - 1));
    for (const part of this.all("frames")) {
      const [first, last] = part.dataset.frames.split("-");
      part.style.display = this.frame >= first && (last === "" || this.frame <= last) ? "" : "none";
    }
    const end = this.frame === names.length - 1; // all of it, with marks that reach beyond the last place
    curtains.forEach((x, i) => this.curtains[i].setAttribute("width", end ? this.whole[2] : Math.max(0, x[this.frame])));
    this.showSpots();
    if (this.current >= 0 && !this.spots.shown[this.current]) this.read([]);
    if (names.length < 2) return;
    this.slider.value = this.frame;
    this.slider.setAttribute("aria-valuetext", names[this.frame]);
    this.typed.value = this.frame + 1;
    this.named.textContent = names[this.frame];
  }

  play() {
    if (this.playing) {
      this.stop();
      return;
    }
    const count = this.drawing.frames.names.length;
    if (this.frame === count - 1) this.showFrame(0);
    const pause = matchMedia("(prefers-reduced-motion: reduce)").matches ? 1000 : Math.min(700, Math.max(60, 6000 / count));
    this.player.textContent = "❚❚ pause";
    this.playing = setInterval(() => {
      this.showFrame(this.frame + 1);
      if (this.frame === count - 1 || !this.root.isConnected) this.stop();
    }, pause);
  }

  stop() {
    clearInterval(this.playing);
    this.playing = undefined;
    if (this.player) this.player.textContent = "▶ play";
  }

  // ---------------------------------------------------------------- zoom

  wheel(event) {
    // Without Ctrl the wheel scrolls the page, unless the picture was clicked or entered.
    if (!event.ctrlKey && document.activeElement !== this.svg) return;
    event.preventDefault();
    this.zoom(event, Math.exp(-event.deltaY / 400));
  }

  zoom(event, factor) {
    const [x, y] = this.place(event);
    const [left, top, width, height] = this.view ?? this.whole;
    const by = Math.min(Math.max(factor, width / this.whole[2]), (16 * width) / this.whole[2]);
    this.look([x - (x - left) / by, y - (y - top) / by, width / by, height / by]);
  }

  look(view) {
    const [left, top, width, height] = this.whole;
    const [x, y] = [Math.min(Math.max(view[0], left), left + width - view[2]), Math.max(view[1], top)];
    this.view = [x, Math.min(y, top + height - view[3]), view[2], view[3]];
    this.zoomed = view[2] < width - 0.01;
    this.svg.setAttribute("viewBox", this.view.join(" "));
    this.svg.classList.toggle("cltutor-near", this.zoomed);
    this.back.hidden = !this.zoomed;
  }

  reset() {
    this.read([]);
    this.look(this.whole);
  }

  press(event) {
    if (event.pointerType !== "mouse" || this.zoomed) this.fingers.set(event.pointerId, event);
    this.dragged = false;
  }

  drag(event) {
    const before = this.fingers.get(event.pointerId);
    const other = [...this.fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
    this.fingers.set(event.pointerId, event);
    const apart = (one, two) => Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
    if (other) this.zoom(event, apart(event, other) / Math.max(1, apart(before, other)));
    else if (this.zoomed) {
      const [[x, y], [oldX, oldY]] = [this.place(event), this.place(before)];
      this.dragged ||= apart(event, before) > 2;
      this.look([this.view[0] + oldX - x, this.view[1] + oldY - y, this.view[2], this.view[3]]);
    }
  }

  // ---------------------------------------------------------------- tools

  tools() {
    this.back = make("button", { text: "reset zoom", hidden: "", onclick: () => this.reset() });
    const large = make("button", { text: "large", title: "fill the window", onclick: () => this.enlarge() });
    const copy = (kind) => make("button", { text: `copy ${kind}`, onclick: (event) => this.copy(kind, event.target) });
    return make("div", { class: "cltutor-row cltutor-tools" }, this.back, large, copy("PNG"), copy("SVG"));
  }

  // The whole window, for a projector: in the top layer, which no page can clip.
  enlarge() {
    if (this.window) {
      this.window.close();
      return;
    }
    const host = this.root.parentNode;
    this.window = make("dialog", { class: `cltutor-window ${this.id}`, "aria-label": this.drawing.alt });
    host.append(this.window);
    this.window.append(this.root);
    this.window.showModal();
    const { width, height } = this.drawing;
    const fit = Math.min((innerWidth - 40) / width, (innerHeight - 120) / height);
    const style = this.svg.style.cssText;
    this.svg.style.cssText += `;max-width:none;min-width:0;width:${Math.max(1.1, fit) * width}px`;
    this.window.addEventListener("close", () => {
      host.prepend(this.root);
      this.window.remove();
      this.window = undefined;
      this.svg.style.cssText = style;
    });
  }

  // The picture as it is seen now, with colours instead of the page's variables.
  alone() {
    const copy = this.svg.cloneNode(true);
    copy.querySelectorAll(".cltutor-mark").forEach((mark) => mark.remove());
    const [{ width, height }, colors] = [this.drawing, getComputedStyle(this.root)];
    fill(copy, { width, height, xmlns: SVG });
    copy.style.cssText += `;max-width:none;min-width:0;width:${width}px;background:${colors.backgroundColor}`;
    const named = (_, name, color) => colors.getPropertyValue(name).trim() || color;
    return new XMLSerializer().serializeToString(copy).replace(/var\((--cltutor-\w+), (#\w+)\)/g, named);
  }

  async copy(kind, button) {
    const words = button.textContent;
    const text = this.alone();
    const blob = kind === "SVG" ? new Blob([text], { type: "image/svg+xml" }) : await this.pixels(text);
    try {
      if (kind === "SVG") await navigator.clipboard.writeText(text);
      else await navigator.clipboard.write([new ClipboardItem({ "image/png": blob })]);
      button.textContent = "copied";
    } catch {
      // A page that may not write to the clipboard saves a file instead.
      const link = make("a", { href: URL.createObjectURL(blob), download: `picture.${kind.toLowerCase()}` });
      link.click();
      button.textContent = "saved";
    }
    setTimeout(() => (button.textContent = words), 1500);
  }

  async pixels(text) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = make("canvas", { width: 2 * this.drawing.width, height: 2 * this.drawing.height });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}

// A widget (anywidget): the same picture, with an answer from Python.
function render({ model, el }) {
  let count = 0;
  const stage = new Stage(el, model.get("drawing"), (spot) => {
    model.set("touched", { ...spot, count: ++count });
    model.save_changes();
  });
  const follow = () => stage.replace(model.get("drawing"));
  model.on("change:drawing", follow);
  return () => model.off("change:drawing", follow);
}

// The pictures of a page, each an image that this module replaces.
for (const picture of document.querySelectorAll(".cltutor-picture:not([data-live])")) {
  const data = picture.querySelector('script[type="application/json"]');
  if (!data) continue;
  picture.dataset.live = "";
  picture.cltutor = new Stage(picture, JSON.parse(data.textContent));
}

export default { render };
