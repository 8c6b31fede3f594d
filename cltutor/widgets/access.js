// What ipywidgets leaves out, for the tool around it: names and states for a screen reader, keys, headings that sort.

const TYPED = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable=true]";

function set(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

function describe(root) {
  for (const button of root.querySelectorAll(".widget-toggle-button")) {
    const state = button.closest(".cltutor-fold") ? "aria-expanded" : "aria-pressed";
    set(button, state, button.classList.contains("mod-active"));
  }
  for (const group of root.querySelectorAll(".widget-toggle-buttons, .cltutor-choice")) {
    const words = group.querySelector(".widget-label, .widget-html-content")?.textContent;
    set(group, "role", "group");
    if (words) set(group, "aria-label", words);
  }
  for (const handle of root.querySelectorAll(".noUi-handle")) {
    const around = handle.closest(".cltutor-knob") ?? handle.closest(".widget-inline-hbox");
    const words = around?.querySelector(".widget-label")?.textContent || "value";
    set(handle, "aria-label", `${words}, slider`); // the typed value beside it has the words alone
  }
  for (const bar of root.querySelectorAll(".progress")) {
    set(bar, "role", "progressbar");
    set(bar, "aria-label", "progress");
  }
}

// The button of a key: by its own class, or the other one of a group of two.
function buttonOf(root, key) {
  const own = `.cltutor-key-${CSS.escape(key)}`;
  const found = root.querySelectorAll(`button${own}:not(:disabled), ${own} button:not(.mod-active):not(:disabled)`);
  return [...found].find((button) => button.offsetParent);
}

export default {
  render({ model, el }) {
    const stop = new AbortController();
    const look = () => {
      if (el.isConnected) wake(el.closest(".cltutor"), model, stop.signal);
      else if (!stop.signal.aborted) requestAnimationFrame(look); // it is in the page a little later
    };
    look();
    return () => stop.abort();
  },
};

function wake(root, model, signal) {
  const on = (place, name, act) => place.addEventListener(name, act, { capture: true, signal });
  // On the window, before JupyterLab's own keys.
  on(window, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(".cltutor") !== root) return;
    if (event.key === "Enter" && !event.shiftKey && event.target.matches(".cltutor-line textarea")) {
      event.target.dispatchEvent(new Event("change", { bubbles: true }));
    } else if (event.target.matches(TYPED) || !buttonOf(root, event.key)) return;
    else buttonOf(root, event.key).click();
    event.preventDefault();
    event.stopPropagation();
  });
  let [count, last] = [0, null]; // the control that has, or had, the focus
  on(window, "focusin", ({ target }) => (last = root.contains(target) ? target : null));
  on(root, "click", (event) => {
    const what = event.target.closest("[data-press]")?.dataset.press;
    if (!what) return;
    model.set("pressed", { what, count: ++count });
    model.save_changes();
  });
  const watch = new MutationObserver(() => {
    describe(root);
    // A button that was pressed and is disabled now hands the focus to Train or Stop, a heading to the new table's.
    const lost = last && [document.body, last].includes(document.activeElement);
    if (lost && last.disabled) root.querySelector("button:is(.cltutor-key-t, .cltutor-key-s):enabled")?.focus();
    else if (lost && !last.isConnected) root.querySelector(`[data-press="${last.dataset.press}"]`)?.focus();
  });
  watch.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["class", "disabled"] });
  signal.addEventListener("abort", () => watch.disconnect());
  describe(root);
}
