"""Pictures that respond, as a reader meets them: in JupyterLab, in a saved notebook without a kernel, and exported.

A figure of `cl.show` needs one entry in FIGURES: the code that draws it, and code for the exact words of one spot.
"""

import json
from pathlib import Path

import nbconvert
import nbformat
import pytest

from benchmarks import browsing

pytestmark = pytest.mark.browser

SETUP = """import cltutor as cl
stream = cl.streams.digits(tasks=[4, 3, 3], order=0)
learned = {"epochs": 2, "progress": False, "record": "predictions"}
runs = [cl.learn(stream, name, **learned) for name in ("finetune", "lwf")]
names = [", ".join(stream.class_names[label] for label in task.classes) for task in stream]
matrix, lwf = 100 * runs[0].accuracy(), runs[1].accuracy()
from cltutor.evaluation import metrics
import torch
from cltutor.networks import DFCNN, TaskCNN
images, network = stream[0].test.images, DFCNN(TaskCNN((5,)), ((2, 4),), ((3, 4),), bias=False).build((3, 8, 8))
for task in range(2):
    network.requires_grad_(False).grow(2)"""
FIGURES = {
    "accuracy_over_time": (
        "cl.show.accuracy_over_time(runs)",
        'f"lwf, task 1, after task 3: {100 * runs[1].accuracy()[2, 0]:.1f} %"',
    ),
    "accuracy_matrix": (
        "cl.show.accuracy_matrix(runs[0])",
        'f"after task 3 ({names[2]}), on task 1 ({names[0]}): {matrix[2, 0]:.1f} %"',
    ),
    "loss_parts": (
        "cl.show.loss_parts(runs[1])",
        'f"this batch {next(iter(runs[1].curves.loss.values()))[0]:.3g}"',
    ),
    "forgetting": ("cl.show.forgetting(runs)", 'f"lwf, forgetting: {100 * metrics.forgetting(lwf):.1f} points, 1 run"'),
    "gallery": (
        "cl.show.gallery(runs)",
        'f"lwf, trained per task: {100 * metrics.average_accuracy(lwf):.1f} %, 1 run"',
    ),
    "old_and_new": (
        "cl.show.old_and_new(runs)",
        'f"lwf: {100 * metrics.old_task_accuracy(lwf):.1f} % on old tasks, "'
        ' f"{100 * metrics.new_task_accuracy(lwf):.1f} % on new tasks, 1 run"',
    ),
    "convergence": (
        'cl.show.convergence({"here": {"dfcnn": [[0.1, 0.25]], "joint": [[0.2, 0.3]]}})',
        '"dfcnn, here, after epoch 2: 25.0 %"',
    ),
    "accuracy_by_share": (
        "cl.show.accuracy_by_share({1.0: runs, 0.1: runs})",
        'f"lwf, newest task, with 10 % of the images: {100 * lwf[2, 2]:.1f} %"',
    ),
    "accuracy_over_parameters": (
        'cl.show.accuracy_over_parameters({"dfcnn": (7_963_252, [0.5, 0.6]), "joint": (9e6, 0.7)})',
        '"1 seed, 9,000,000 parameters"',
    ),
    "growth": ('cl.show.growth({"dfcnn": [800, 1600]})', '"dfcnn, 2 tasks: 1,600 parameters"'),
    "damage": (
        'cl.show.damage((0, 0.25), {"least": [[0.9], [0.8]], "most": [[0.9], [0.5]]})',
        '"most important, task 1, 25 % of the weights set to zero: 50.0 %"',
    ),
    "adaptation": (
        'cl.show.adaptation({"mas": [[0.9, 0.8], [0.7, 0.6]]}, ("chosen", "others"))',
        '"mas, others, after task 2: 60.0 %"',
    ),
    "agreement": (
        'cl.show.agreement([0, 0.5, 1.0], [0.5, 1.0, 0], ("mas", "ewc"))',
        '"97.5 to 100 by mas, 0 to 2.5 by ewc; weights here: 1"',
    ),
    "temperature": (
        'cl.show.temperature(stream[0].test.images[0], [2.0, 1.0, 0.0], ["a", "b", "c"], 1.0)',
        '"a: 66.5 % at T = 1, logit 2"',
    ),
    "storage": (
        'cl.show.storage({"ewc": [{"network": 310_000, "Anchor": 620_000 * k} for k in (1, 2)]})',
        '"ewc, task 3: 1.55 MB (network 0.31, importance and anchor 1.24)"',
    ),
    "attention_maps": (
        'cl.show.attention_maps(images[:2], {"lwm": [[[[1.0, 0]], [[0, 1.0]]]] * 2}, ["a", "b"], ["M0", "M1"])',
        '"lwm, b, M1: drift from M0 2.000"',
    ),
    "attention_drift": (
        'cl.show.attention_drift({"lwm": [[0, 1.0], [0, 2.0]]}, ["M0", "M1"])',
        '"lwm, M1: drift from M0 1.500 ± 0.707 over 2 images"',
    ),
    "ablation": (
        'cl.show.ablation({"eeil": [1.0, 0.5]}, [2, 2])',
        '"eeil, after task 2, 4 classes seen: 50.0 %"',
    ),
    "confusions": (
        'cl.show.confusions({"end": [[3, 1], [0, 4]]}, [1, 1], ["a", "b"])',
        '"end: a taken for b: 25.0 %, 1 of 4 test images"',
    ),
    "last_layer": (
        'cl.show.last_layer({"end": [0.5, 1.0]}, {"end": [1.0, 2.0]}, [1, 1], ["a", "b"])',
        '"end, b, one of the new classes: weight norm 2.000"',
    ),
    "knowledge": (
        "cl.show.knowledge(network, 0, 1)",
        'f"channel 2 of L: norm {network.knowledge_base(0)[..., 1].norm():.3g}, weights"',
    ),
    "knowledge_shares": (
        "cl.show.knowledge_shares([[0.25, 0.75], [0.5, 0.5]])",
        '"task 1, channel 2: 75.00 % of its filters"',
    ),
    "importance": (
        'cl.show.importance({"mas": {"w": torch.tensor([[0.0, 1.0], [2.0, 3.0]])}}, "w")',
        '"mas, output 2, input 2: rank 100 % in the layer"',
    ),
    "selection": (
        'cl.show.selection([[0, 0], [2, 2], [1, 0]], [2, 0], {"herding": [0.5, 0.25]}, "herding", 2, ("x", "y"))',
        '"herding, 2 exemplars: distance 0.2500 (no unit)"',
    ),
    "exemplars": ("cl.show.exemplars(images[:9], 5)", '"exemplar 5 of 9"'),
    "evictions": (
        "cl.show.evictions(images[:4], {2: 4, 4: 2})",
        '"exemplar 3: evicted when 4 classes have been seen"',
    ),
    "reverse_transfer": (
        "cl.show.reverse_transfer([[0.5, 0.1], [0.4, 0.75]], [0, 1])",
        '"task 2, epoch 2, while task 2 is learned: 75.0 %, its peak"',
    ),
    "transfer_table": (
        "cl.show.transfer_table([[0.5, 0.1], [0.4, 0.75]], [0, 1])",
        '"after task 2: -10.0 points on task 1 since it was learned"',
    ),
    "filter_changes": (
        'cl.show.filter_changes([[[0.0], [0.25]], [[float("nan")], [0.0]]])',
        '"task 1, layer 1, after task 2: filters changed by 25.0 %"',
    ),
    "wall": (
        "cl.show.wall(runs, stream)",
        'f"finetune, {stream.class_names[stream[0].classes[0]]} (task 1), image 3: taken for "',
    ),
    "tasks": ("cl.show.tasks(stream)", 'f"task 2, {stream.class_names[stream[1].classes[0]]}, image 1 of "'),
}
LAYERS = {"accuracy_over_time", "loss_parts", "old_and_new", "convergence", "accuracy_by_share", "growth", "damage"}
LAYERS |= {"wall", "accuracy_over_parameters", "adaptation", "storage"}
LAYERS |= {"attention_drift", "ablation", "last_layer", "selection", "reverse_transfer", "filter_changes"}
FRAMES = {"accuracy_over_time", "accuracy_matrix", "loss_parts"}
FRAMES |= {"temperature", "wall", "attention_maps", "knowledge", "exemplars", "evictions", "reverse_transfer"}
CELLS = [SETUP, "import json; print(json.dumps([" + ", ".join(words for _, words in FIGURES.values()) + "]))"]
CELLS += [code for code, _ in FIGURES.values()]

FIND = """(picture, words) => {
    const { spots, svg } = picture.cltutor;
    const found = spots.which.findIndex((_, spot) => picture.cltutor.words(spot).includes(words));
    if (found < 0) return null;
    svg.scrollIntoView({ block: "center" });
    const { a, d, e, f } = svg.getScreenCTM();
    return [e + a * spots.x[found], f + d * spots.y[found]];
}"""

# The rest of the way in the page: a key that Playwright presses takes 20 ms.
WALK = """picture => {
    const [stage, reached] = [picture.cltutor, new Set()];
    while (!reached.has(stage.current)) {
        reached.add(stage.current);
        stage.svg.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowRight", bubbles: true }));
    }
    return reached.size;
}"""


class Faults(list):
    """What a page complains about, but for what it cannot fetch."""

    def watch(self, page):
        # JupyterLab complains itself where a kernel is shut down.
        page.on("pageerror", lambda error: "/static/lab/" in (error.stack or "") or self.append(str(error)))
        page.on("console", lambda message: message.type == "error" and self.complain(message))
        return page

    def complain(self, message):
        if "Failed to load resource" not in message.text and "cltutor" in str(message.location) + message.text:
            self.append(message.text)


@pytest.fixture(scope="module")
def saved(lab, open_notebook, tmp_path_factory):
    """The notebook with its outputs, as JupyterLab saved it, after it was tried there: (path, words, faults)."""
    faults = Faults()
    with open_notebook(CELLS) as notebook:
        faults.watch(notebook.page)
        notebook.run_all()
        assert notebook.errors() == []
        words = json.loads(notebook.cells()[1].outputs[0].text)
        tried = {name: try_figure(notebook.page, place, words[place]) for place, name in enumerate(FIGURES)}
        notebook.page.evaluate("async () => { await jupyterapp.commands.execute('docmanager:save') }")
        path = Path(lab.folder) / notebook.page.evaluate("jupyterapp.shell.currentWidget.context.path")
        assert notebook.errors() == []
    return path, words, tried, faults


def try_figure(page, place, words) -> dict:
    """What a reader does with the picture at this place of the page, and what is seen then."""
    picture = page.locator(".cltutor-picture").nth(place)
    picture.scroll_into_view_if_needed()
    seen = {"spots": picture.evaluate("picture => picture.cltutor.spots.shown.reduce((sum, there) => sum + there)")}
    page.mouse.move(*picture.evaluate(FIND, words))
    seen["tip"] = picture.locator(".cltutor-tip").inner_text()
    entry = picture.locator("[role=button][data-entry]").first
    hidden = "picture => [...picture.cltutor.all('layer')].filter(part => part.style.display === 'none').length"
    if entry.count():
        entry.click()
        seen["hidden"], seen["pressed"] = picture.evaluate(hidden), entry.get_attribute("aria-pressed")
        entry.press("Shift+Enter")
        seen["alone"] = picture.evaluate("picture => [...picture.cltutor.hidden]")
        entry.press("Shift+Enter")
        seen["again"] = picture.evaluate(hidden)
    back = picture.get_by_role("button", name="one frame back")
    if back.count():
        svg = "picture => picture.querySelector('svg').innerHTML"
        before, at = picture.evaluate(svg), picture.evaluate("picture => picture.cltutor.frame")
        back.click()
        seen["stepped"] = picture.evaluate(svg) != before
        picture.get_by_role("spinbutton").fill(str(at + 1))
        seen["returned"] = picture.evaluate("picture => picture.cltutor.frame") == at
    seen["reached"] = walk(page, picture)
    return seen


def walk(page, picture) -> int:
    """How many spots the arrow keys reach, once Tab has entered the picture."""
    svg = picture.locator("svg")
    picture.get_by_role("button", name="large").focus()
    for _ in range(12):
        if svg.evaluate("svg => document.activeElement === svg"):
            break
        page.keyboard.press("Shift+Tab")
    assert svg.evaluate("svg => document.activeElement === svg")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert picture.evaluate("picture => picture.cltutor.current") >= 0
    reached = picture.evaluate(WALK)
    assert picture.locator(".cltutor-tip").inner_text()
    return reached


def check(name, seen, words):
    """The picture did what it should."""
    assert words in seen["tip"], name
    assert seen["spots"] > 1, name
    assert seen["reached"] == seen["spots"], name
    if "pressed" in seen:
        assert seen["pressed"] == "false"
        assert seen["hidden"] > 0
        assert seen["again"] == 0
    assert seen.get("stepped", True)
    assert seen.get("returned", True)


@pytest.mark.parametrize("name", FIGURES)
def test_a_picture_responds_in_jupyterlab(saved, name):
    _, words, tried, faults = saved
    check(name, tried[name], words[list(FIGURES).index(name)])
    assert faults == []
    assert ("hidden" in tried[name]) == (name in LAYERS)
    assert ("stepped" in tried[name]) == (name in FRAMES)


def test_a_saved_notebook_responds_without_a_kernel(saved, lab, browser):
    path, words, _, _ = saved
    faults, page = Faults(), browsing.lab_page(lab, browser)
    faults.watch(page).reload()
    page.wait_for_function("window.jupyterapp && jupyterapp.restored")
    page.evaluate("async () => { await jupyterapp.restored }")
    opening = "async path => { await jupyterapp.commands.execute('docmanager:open', { path }) }"
    page.evaluate(opening, path.name)
    page.wait_for_selector(".cltutor-live svg")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.ready }")
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.sessionContext.shutdown() }")
    try:
        for place, name in enumerate(FIGURES):
            check(name, try_figure(page, place, words[place]), words[place])
    finally:
        page.evaluate("() => { jupyterapp.shell.currentWidget.dispose() }")
    assert faults == []


def exported(saved, browser, folder):
    """The notebook as HTML, opened from disk without a network."""
    book = nbformat.read(saved[0], as_version=4)
    html, _ = nbconvert.HTMLExporter().from_notebook_node(book)
    (folder / "page.html").write_text(html)
    page = browser.browser.new_context(offline=True, viewport=browsing.SIZE).new_page()
    faults = Faults()
    faults.watch(page).goto(f"file://{folder}/page.html", wait_until="domcontentloaded")
    return page, faults


def test_an_exported_page_responds_from_disk_without_a_network(saved, browser, tmp_path):
    page, faults = exported(saved, browser, tmp_path)
    page.wait_for_selector(".cltutor-live svg")
    for place, name in enumerate(FIGURES):
        check(name, try_figure(page, place, saved[1][place]), saved[1][place])
    page.context.close()
    assert faults == []


def test_a_page_that_drops_scripts_shows_the_image_with_its_words(saved, open_notebook):
    with open_notebook(saved[0], ("1",)) as notebook:  # one more cell, so that nobody has signed it
        page = notebook.page
        page.wait_for_selector(".cltutor-picture img")
        assert page.locator(".cltutor-live").count() == 0
        images = page.locator(".cltutor-picture img")
        assert images.count() == len(FIGURES)
        for alt, width in images.evaluate_all("images => images.map(image => [image.alt, image.naturalWidth])"):
            assert alt.endswith(".")
            assert len(alt) > 20
            assert width > 300


def test_what_is_touched_reaches_python_and_comes_back(open_notebook):
    cells = [
        "import cltutor as cl\nfrom cltutor.show.picture import Picture\n"
        "def box(words):\n    picture = Picture(4, 2, alt=words)\n    picture.spot((1, 0.5, 2, 1), words)\n"
        "    return picture",
        "cl.widgets.Stage(box('before.'), lambda spot: box(f'after {spot[\"words\"]}'))",
    ]
    with open_notebook(cells) as notebook:
        notebook.run_all()
        svg = notebook.page.locator(".cltutor-live svg")
        svg.click(position={"x": 200, "y": 100})
        notebook.page.wait_for_selector('svg[aria-label^="after before."]')
        assert notebook.page.locator(".cltutor-tip").inner_text() == "after before."
        svg.press("Enter")
        notebook.page.wait_for_selector('svg[aria-label^="after after before."]')
        assert notebook.errors() == []
