// A widget (anywidget): the picture of touch.js, with an answer from Python.
export default {
  render({ model, el }) {
    let count = 0;
    const touched = (spot) => {
      model.set("touched", { ...spot, count: ++count, serial: model.get("drawing").serial });
      model.save_changes();
    };
    let stage; // none where there is nothing to show, or a sentence in place of a picture
    const show = () => {
      const { drawings, words = "" } = model.get("drawing");
      if (drawings && stage) stage.replace(model.get("drawing"));
      else if (drawings) stage = new Stage(el, model.get("drawing"), touched);
      else [stage] = [undefined, el.replaceChildren(words && make("p", { class: "cltutor-words", text: words }))];
    };
    const alert = make("div", { role: "alert", class: "cltutor-error" });
    const complain = () => (alert.textContent = model.get("message")) || alert.remove();
    show();
    if (model.get("frame") >= 0) stage?.showFrame(model.get("frame"));
    model.on("change:drawing", show);
    model.on("change:frame", () => stage?.showFrame(model.get("frame")));
    model.on("change:message", () => complain() && el.append(alert));
  },
};
