// Brings the pictures of cltutor to life, in a page with or without a kernel: every value can be read by pointing at
// it, the legend switches layers, and frames play. docs/pictures.md describes the data, `drawing()` in Python makes it.

const [NEAR, SAME] = [20, 3]; // pixels: from the pointer to a spot, and between spots that are read together
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

const display = (part, on) => (part.style.display = on ? "" : "none");
const drawn = (tag, options = {}) => fill(document.createElementNS(SVG, tag), options);

function make(tag, options = {}, ...children) {
  const made = fill(document.createElement(tag), options);
  made.append(...children);
  return made;
}

// All spots of a drawing, one after another, with flat arrays of their places: a search through 10,000 of them takes
// less than a tenth of a millisecond, so that it needs no index.
class Spots {
  constructor(groups) {
    this.groups = groups;
    this.which = []; // [group, number in the group] of each spot
    [this.first, this.at, this.link] = [[], [], []]; // frame, frame that it moves to, and what it belongs to
    const [places, starts] = [[], []]; // the first spot of each group, and at last how many there are
    groups.forEach((group, number) => {
      starts.push(this.which.length);
      const { shape: [rows, columns], box: [left, top, width, height] = [0, 0, 0, 0], since = [0] } = group;
      for (let i = 0; i < rows * columns; i++) {
        if (group.columns.some(([every, words]) => words[Math.floor(i / every) % words.length] === null)) continue;
        this.which.push([number, i]);
        this.first.push(since[i] ?? since[0]);
        this.at.push(group.at?.[i]);
        this.link.push(group.link?.[i]);
        const [wide, high, row] = [width / columns / 2, height / rows / 2, Math.floor(i / columns)];
        const middle = [left + (2 * (i % columns) + 1) * wide, top + (2 * row + 1) * high];
        places.push([...(group.box ? middle : [group.x[i], group.y[i]]), wide, high]);
      }
    });
    [this.x, this.y, this.wide, this.high] = [0, 1, 2, 3].map((part) => Float64Array.from(places, (one) => one[part]));
    this.starts = [...starts, places.length];
    this.points = [...this.x.keys()].filter((spot) => !this.wide[spot]);
    this.shown = new Uint8Array(places.length).fill(1);
    // What the cells of a grid are taken for in each frame, a byte per cell; a frame like the one before is null.
    const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    this.played = groups.map(({ right, columns }) => {
      const [, words, texts] = columns.find((column) => column.length > 2) ?? [];
      const unpack = (frames, text) => [...frames, text ? bytes(text) : frames.at(-1)];
      return texts && { right: right && bytes(right), last: words.length - 1, frames: texts.reduce(unpack, []) };
    });
  }
  // Which are there: in this frame, and not in a hidden layer.
  show(frame, layers, hidden) {
    this.which.forEach(([number, i], spot) => {
      const { layer, until = Infinity } = this.groups[number];
      this.shown[spot] = this.first[spot] <= frame && frame <= until && !hidden.has(layers[layer]);
    });
  }
  words(spot, frame, names) {
    const [number, i] = this.which[spot];
    const { words, columns } = this.groups[number];
    return words.replace(/\{(\d+|frame)\}/g, (whole, field) => {
      const [every, values, codes] = columns[field] ?? [1, [names[frame]]];
      return values[codes ? this.played[number].frames[frame][i] : Math.floor(i / every) % values.length];
    });
  }
  // What is marked with this one: what it names, or the newest of each other kind that belongs to the same.
  linked(spot, frame) {
    const [group, i] = this.which[spot];
    const named = this.groups[group].marks?.[i];
    if (named) return [...this.x.keys()].filter((other) => this.shown[other] && named.includes(this.link[other]));
    const [link, kind] = [this.link[spot], (one) => this.which[one][0]];
    const time = (one) => this.at[one] ?? this.first[one];
    const belongs = (other) => this.link[other] === link && kind(other) !== group && !this.played[kind(other)];
    const others = link === undefined ? [] : [...this.x.keys()].filter((one) => belongs(one) && time(one) <= frame);
    others.sort((one, other) => time(one) - time(other)); // of each kind the last remains
    return [...new Map(others.map((one) => [kind(one), one])).values()];
  }
  // The outline of a veil over the cells of a grid that are wrong in a frame (0), or that have no answer (1).
  veil(number, frame, none) {
    const { box: [left, top, width, height], shape: [rows, columns] } = this.groups[number];
    const [{ right, last, frames }, wide, high] = [this.played[number], width / columns, height / rows];
    const outline = (code, i) => {
      if (code === last ? !none : none || code === right[i]) return "";
      return `M${left + (i % columns) * wide} ${top + Math.floor(i / columns) * high}h${wide}v${high}h${-wide}z`;
    };
    return Array.from(frames[frame], outline).join("");
  }
  // The squared distance from a place to a spot, 0 inside its box.
  away(spot, x, y) {
    const dx = Math.max(0, Math.abs(this.x[spot] - x) - this.wide[spot]);
    const dy = Math.max(0, Math.abs(this.y[spot] - y) - this.high[spot]);
    return dx * dx + dy * dy;
  }
  nearest(x, y, reach) {
    let [found, least] = [-1, reach * reach];
    this.groups.forEach(({ box: [left, top, width, height] = [-Infinity, -Infinity, Infinity, Infinity] }, number) => {
      if (x < left - reach || y < top - reach || x > left + width + reach || y > top + height + reach) return;
      for (let spot = this.starts[number]; spot < this.starts[number + 1]; spot++) {
        const away = this.away(spot, x, y);
        const closer = away < least || (away === least && this.wide[spot] < this.wide[found]);
        if (this.shown[spot] && closer) [found, least] = [spot, away];
      }
    });
    return found;
  }
  // Every spot that lies on this one: curves of several methods often meet.
  with(spot, reach) {
    const near = (other) => this.away(other, this.x[spot], this.y[spot]) <= reach * reach;
    const same = (other) => other !== spot && this.shown[other] && near(other);
    return [spot, ...this.points.filter(same)].slice(0, 8);
  }
  // The same cell of the other grids that have this one's link, if that is one for all its cells.
  twins(spot) {
    const [[number, i], one] = [this.which[spot], ({ box, link = [] }) => (box && link.length === 1 ? link[0] : NaN)];
    const mine = this.groups.map((group, other) => other !== number && one(group) === one(this.groups[number]));
    const there = this.starts.map((start) => start + spot - this.starts[number]);
    return there.filter((other, group) => mine[group] && this.which[other]?.[1] === i && this.shown[other]);
  }
  // The next one that is there, in the order of the figure.
  step(spot, by) {
    const count = this.x.length;
    const order = Array.from(this.x, (_, i) => (spot + by * (i + 1) + count) % count);
    return order.find((next) => this.shown[next]) ?? -1;
  }
  // The nearest one above (-1) or below (1).
  beyond(spot, down) {
    if (spot < 0) return this.step(spot, 1);
    const dy = (other) => down * (this.y[other] - this.y[spot]);
    const cost = (other) => dy(other) + 3 * Math.abs(this.x[other] - this.x[spot]);
    const there = [...this.x.keys()].filter((other) => this.shown[other] && dy(other) > 0.5);
    return there.reduce((best, other) => (cost(other) < cost(best) ? other : best), there[0] ?? spot);
  }
}

class Stage {
  constructor(host, data, touched = () => {}) {
    globalThis.cltutorPictures = (globalThis.cltutorPictures ?? 0) + 1;
    this.id = `cltutor-${globalThis.cltutorPictures}-`;
    [this.touched, this.hidden] = [touched, new Set()]; // names of layers
    this.scroll = make("div", { class: "cltutor-scroll" });
    this.tip = make("div", { class: "cltutor-tip", "aria-live": "polite" });
    this.settings = make("div", { class: "cltutor-row", role: "group", "aria-label": "setting" });
    this.film = make("div", { class: "cltutor-row", role: "group", "aria-label": "frames" });
    this.colors = make("style");
    // JupyterLab's own keys must not move its cells while somebody walks through a picture.
    const options = { class: `cltutor-live ${this.id}`, "data-lm-suppress-shortcuts": "true" };
    this.root = make("div", options, this.colors, this.scroll, this.settings, this.film, this.tools(), this.tip);
    host.cltutor = this;
    host.replaceChildren(this.root); // first: parts have sizes only in a page
    this.replace(data);
  }
  // Another state of the same picture: what the reader has chosen stays.
  replace(data) {
    this.drawings = data.drawings;
    this.images = data.images ?? []; // those that are in several drawings
    const [names, spot] = [this.drawings.map((one) => one.setting), this.current];
    const buttons = names.map((name) => make("button", { text: name, onclick: () => this.choose(name) }));
    this.settings.replaceChildren(...(names.length > 1 ? buttons : []));
    this.choose(names.includes(this.setting) ? this.setting : names[0]);
    if (this.spots.shown[spot]) this.read(spot);
  }
  choose(setting) {
    const before = this.drawing?.frames;
    this.setting = setting;
    this.drawing = this.drawings.find((one) => one.setting === setting);
    for (const one of this.settings.children) one.setAttribute("aria-pressed", one.textContent === setting);
    const { of, names, start } = this.drawing.frames;
    this.draw();
    this.fillFilm(of, names.length - 1);
    // The frame that the reader has chosen stays, unless the picture now begins with another.
    this.showFrame(before?.names.length === names.length && before.start === start ? this.frame : start);
  }
  draw() {
    const { svg, alt, colors } = this.drawing;
    [this.current, this.tip.textContent] = [-1, ""];
    const focused = this.svg !== undefined && document.activeElement === this.svg;
    this.scroll.innerHTML = svg.replace(OWN, this.id).replace(/cltutor-image-(\d+);/g, (_, i) => this.images[i]);
    this.svg = this.scroll.firstElementChild;
    const whole = this.whole;
    this.whole = this.svg.getAttribute("viewBox").split(" ").map(Number);
    fill(this.svg, { tabindex: 0, role: "application", "aria-label": `${alt} Arrow keys read the values.` });
    this.svg.prepend(...this.svg.querySelectorAll("defs")); // not in the boxes of legend entries
    this.fit();
    this.look(this.zoomed && String(whole) === String(this.whole) ? this.view : this.whole);
    this.colors.textContent = colors.replace(OWN, this.id);
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
  listen() {
    this.fingers = new Map();
    const lift = (event) => {
      this.fingers.delete(event.pointerId);
      if (event.type === "pointerleave" && event.pointerType === "mouse") this.read(-1);
    };
    const onpointerdown = (event) => {
      this.dragged = false;
      if (event.pointerType !== "mouse" || this.zoomed) this.fingers.set(event.pointerId, event);
    };
    const calls = { pointermove: "move", click: "click", keydown: "key" };
    for (const [name, own] of Object.entries(calls)) this.svg.addEventListener(name, (event) => this[own](event));
    const lifts = { onpointerleave: lift, onpointerup: lift, onpointercancel: lift };
    fill(this.svg, { ...lifts, onpointerdown, onblur: () => this.read(-1) });
    // Without Ctrl the wheel scrolls the page, unless the picture was clicked or entered.
    const wheel = (event) => {
      if (!event.ctrlKey && document.activeElement !== this.svg) return;
      event.preventDefault();
      this.zoom(event, Math.exp(-event.deltaY / 400));
    };
    this.svg.addEventListener("wheel", wheel, { passive: false });
  }
  // A place on the screen in the units of the drawing, and the pixels of a unit.
  place(event) {
    const { a, d, e, f } = this.svg.getScreenCTM();
    return [(event.clientX - e) / a, (event.clientY - f) / d, a];
  }
  move(event) {
    if (this.fingers.has(event.pointerId)) this.drag(event);
    const [x, y, scale] = this.place(event);
    this.read(this.spots.nearest(x, y, NEAR / scale));
  }
  click(event) {
    if (event.target.closest("[data-entry]") || this.dragged) return;
    this.move(event);
    this.touch();
  }
  touch() {
    if (this.current < 0) return;
    const [group, number] = this.spots.which[this.current];
    const { key, shape: [, columns] } = this.drawing.spots[group];
    const [row, column] = [Math.floor(number / columns), number % columns];
    this.touched({ key, number, row, column, words: this.words(this.current), frame: this.frame });
  }
  // Mark a spot and show its words beside it, with those of the spots that lie on it; -1: none.
  read(spot) {
    if (spot === this.current) return;
    this.current = spot;
    if (spot >= 0 && this.spots.at[spot] !== undefined) this.showFrame(this.spots.at[spot]);
    const twins = spot < 0 ? [] : this.spots.twins(spot);
    const found = spot < 0 ? [] : [...this.spots.with(spot, SAME / this.svg.getScreenCTM().a), ...twins];
    this.tip.textContent = found.map((each) => this.words(each)).join("\n");
    this.marks.replaceChildren();
    if (spot < 0) return;
    this.marks.append(this.mark(spot));
    const [around, box] = [this.root.getBoundingClientRect(), this.marks.getBoundingClientRect()];
    this.marks.append(...[...this.spots.linked(spot, this.frame), ...twins].map((other) => this.mark(other)));
    const { offsetWidth, offsetHeight } = this.tip;
    const scale = around.width / this.root.offsetWidth || 1; // of a slide, which fills its screen
    const right = (box.right - around.left) / scale + 8;
    const left = Math.max(0, Math.min(right, this.root.offsetWidth - offsetWidth));
    const above = (box.top - around.top) / scale - offsetHeight - 4;
    const top = above < 0 ? (box.bottom - around.top) / scale + 4 : above;
    Object.assign(this.tip.style, { left: `${left}px`, top: `${top}px` });
  }
  words(spot) {
    return this.spots.words(spot, this.frame, this.drawing.frames.names);
  }
  mark(spot) {
    const [x, y, wide, high] = ["x", "y", "wide", "high"].map((part) => this.spots[part][spot]);
    const [w, h] = [Math.max(5, wide), Math.max(5, high)];
    const look = { rx: wide ? 0 : 5, class: "cltutor-mark" };
    return drawn("rect", { x: x - w, y: y - h, width: 2 * w, height: 2 * h, ...look });
  }
  key(event) {
    if (event.target !== this.svg || event.ctrlKey || event.metaKey || event.altKey) return;
    const [count, here] = [this.spots.x.length, this.current];
    const steps = {
      ArrowRight: () => this.spots.step(here, 1),
      ArrowLeft: () => this.spots.step(here < 0 ? count : here, -1),
      ArrowDown: () => this.spots.beyond(here, 1),
      ArrowUp: () => this.spots.beyond(here, -1),
      Home: () => this.spots.step(-1, 1),
      End: () => this.spots.step(count, -1),
    };
    if (event.key in steps && count) this.read(steps[event.key]());
    else if (event.key === "PageUp") this.showFrame(this.frame - 1);
    else if (event.key === "PageDown") this.showFrame(this.frame + 1);
    else if (event.key === "Enter" || event.key === " ") this.touch();
    else if (event.key === "Escape" && here >= 0) this.read(-1);
    else if (event.key === "Escape" && this.zoomed) this.look(this.whole);
    else return;
    this.marks.firstElementChild?.scrollIntoView({ block: "nearest", inline: "nearest" });
    event.preventDefault();
    event.stopPropagation();
  }
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
      own[0].replaceWith(entry);
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
    const isolated = !this.hidden.has(name) && others.every((other) => this.hidden.has(other));
    if (alone) this.hidden = new Set(isolated ? [] : others);
    else if (!this.hidden.delete(name)) this.hidden.add(name);
    this.showLayers();
  }
  showLayers() {
    const { layers } = this.drawing;
    for (const part of this.all("layer")) display(part, !this.hidden.has(layers[part.dataset.layer]));
    for (const entry of this.entries) entry.setAttribute("aria-pressed", !this.hidden.has(entry.dataset.entry));
    this.showSpots();
  }
  showSpots() {
    this.spots.show(this.frame ?? 0, this.drawing.layers, this.hidden);
    const [spot, there] = [this.current, this.spots.shown[this.current]];
    if (spot < 0 || (there && this.spots.at[spot] !== undefined)) return;
    this.read(-1);
    if (there) this.read(spot); // the words, and what is marked with it, may be others in this frame
  }
  drawCurtains() {
    const [x, y, width, height] = this.whole;
    this.curtains = this.drawing.frames.curtains.map((_, number) => {
      const clip = this.svg.appendChild(drawn("clipPath", { id: `${this.id}curtain${number}` }));
      return clip.appendChild(drawn("rect", { x, y, width, height }));
    });
    const drape = (part) => part.setAttribute("clip-path", `url(#${this.id}curtain${part.dataset.curtain})`);
    this.all("curtain").forEach(drape);
  }
  fillFilm(of, last) {
    clearInterval(this.playing);
    this.film.replaceChildren();
    if (last < 1) return;
    // While a number is typed the field is empty for a moment.
    const go = ({ target }) => target.value && this.showFrame(target.value - (target.type === "number"));
    const step = (text, label, by) =>
      make("button", { text, "aria-label": label, onclick: () => this.showFrame(this.frame + by) });
    this.player = make("button", { text: "▶ play", onclick: () => this.play(!this.playing) });
    this.slider = make("input", { type: "range", min: 0, max: last, "aria-label": of, oninput: go });
    this.typed = make("input", { type: "number", min: 1, max: last + 1, "aria-label": `${of}, number`, oninput: go });
    this.named = make("span", { "aria-live": "polite" });
    this.film.append(this.player, step("◂", "one frame back", -1), step("▸", "one frame on", 1));
    this.film.append(this.slider, this.typed, this.named);
  }
  showFrame(number) {
    const { names, curtains } = this.drawing.frames;
    this.frame = Math.min(Math.max(0, Math.round(number) || 0), Math.max(0, names.length - 1));
    for (const part of this.all("frames")) {
      const [first, last] = part.dataset.frames.split("-");
      display(part, this.frame >= first && (last === "" || this.frame <= last));
    }
    // At the end all is seen, with marks that reach beyond the last place.
    const width = (x) => (this.frame === names.length - 1 ? this.whole[2] : Math.max(0, x[this.frame]));
    curtains.forEach((x, i) => this.curtains[i].setAttribute("width", width(x)));
    for (const part of this.all("veil")) {
      const [group, none] = part.dataset.veil.split("-").map(Number);
      part.querySelector("path").setAttribute("d", this.spots.veil(group, this.frame, none));
    }
    this.showSpots();
    if (names.length < 2) return;
    this.slider.value = this.frame;
    this.slider.setAttribute("aria-valuetext", names[this.frame]);
    [this.typed.value, this.named.textContent] = [this.frame + 1, names[this.frame]];
  }
  // Play from here, or from the beginning at the end; or stop.
  play(on) {
    clearInterval(this.playing);
    this.playing = undefined;
    this.player.textContent = on ? "❚❚ pause" : "▶ play";
    if (!on) return;
    const last = this.drawing.frames.names.length - 1;
    if (this.frame === last) this.showFrame(0);
    const step = () => {
      this.showFrame(this.frame + 1);
      if (this.frame === last || !this.root.isConnected) this.play(false);
    };
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.playing = setInterval(step, calm ? 1000 : Math.min(700, Math.max(60, 6000 / last)));
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
  drag(event) {
    const [before, fingers] = [this.fingers.get(event.pointerId), [...this.fingers.values()]];
    const other = fingers.find((finger) => finger.pointerId !== event.pointerId);
    this.fingers.set(event.pointerId, event);
    const apart = (one, two) => Math.hypot(one.clientX - two.clientX, one.clientY - two.clientY);
    if (other) this.zoom(event, apart(event, other) / Math.max(1, apart(before, other)));
    else if (this.zoomed) {
      const [[x, y], [oldX, oldY]] = [this.place(event), this.place(before)];
      this.dragged ||= apart(event, before) > 2;
      this.look([this.view[0] + oldX - x, this.view[1] + oldY - y, this.view[2], this.view[3]]);
    }
  }
  tools() {
    this.back = make("button", { text: "reset zoom", hidden: "", onclick: () => this.look(this.whole) });
    this.larger = make("button", { title: "fill the window, or not", onclick: () => this.enlarge() });
    const copy = (kind) => make("button", { text: `copy ${kind}`, onclick: (event) => this.copy(kind, event.target) });
    return make("div", { class: "cltutor-row cltutor-tools" }, this.back, this.larger, copy("PNG"), copy("SVG"));
  }
  // The whole window, for a projector: in the top layer, which no page can clip; again: back into the page.
  enlarge() {
    if (this.window) return this.window.close();
    const host = this.root.parentNode;
    const back = () => {
      this.window.replaceWith(this.root);
      this.window = undefined;
      this.fit();
    };
    this.window = make("dialog", { class: `cltutor-window ${this.id}`, "aria-label": this.drawing.alt, onclose: back });
    host.append(this.window);
    this.window.append(this.root);
    this.window.showModal();
    this.fit();
  }
  fit() {
    const { width, height } = this.drawing;
    const large = width * Math.max(1.1, Math.min((innerWidth - 40) / width, (innerHeight - 120) / height));
    const [most, wide, least] = this.window ? [large, `${large}px`, large] : [width, "100%", LEAST * width];
    Object.assign(this.svg.style, { maxWidth: `${most}px`, width: wide, minWidth: `${least}px` });
    this.larger.textContent = this.window ? "close" : "large";
  }
  // The picture as it is seen now, with colours instead of the page's variables.
  alone() {
    const [copy, { width, height }, colors] = [this.svg.cloneNode(true), this.drawing, getComputedStyle(this.root)];
    copy.querySelectorAll(".cltutor-mark").forEach((mark) => mark.remove());
    fill(copy, { width, height });
    copy.style.cssText += `;max-width:none;min-width:0;width:${width}px;background:${colors.backgroundColor}`;
    const named = (_, name, color) => colors.getPropertyValue(name).trim() || color;
    return new XMLSerializer().serializeToString(copy).replace(/var\((--cltutor-\w+), (#\w+)\)/g, named);
  }
  async copy(kind, button) {
    const [words, text] = [button.textContent, this.alone()];
    const blob = kind === "SVG" ? new Blob([text], { type: "text/plain" }) : await this.pixels(text);
    try {
      await navigator.clipboard.write([new ClipboardItem({ [blob.type]: blob })]);
      button.textContent = "copied";
    } catch {
      // A page that may not write to the clipboard saves a file instead.
      make("a", { href: URL.createObjectURL(blob), download: `picture.${kind.toLowerCase()}` }).click();
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

// The pictures of a page, each an image that this module replaces.
for (const picture of document.querySelectorAll(".cltutor-picture:not([data-live])")) {
  picture.dataset.live = "";
  new Stage(picture, JSON.parse(picture.querySelector('script[type="application/json"]').textContent));
}
