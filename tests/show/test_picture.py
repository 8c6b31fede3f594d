"""Pictures, their looks, the grouping of runs, and the tables and sources beside them."""

import base64
import inspect
import io
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from bs4 import BeautifulSoup
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from nbconvert import HTMLExporter
from nbformat import v4
from PIL import Image
from traitlets.config import Config

import cltutor
from cltutor import methods, show
from cltutor.losses import Distillation, distillation
from cltutor.show.picture import Picture, room, shortened, wrapped
from cltutor.show.runs import chance, mean_and_spread, measured
from cltutor.show.runs import methods as grouped
from cltutor.show.style import GROUND, NAMED, ink_on, look
from cltutor.show.transfer import task_look
from cltutor.studies import gallery
from cltutor.widgets.playground_presets import PAPERS

UNKNOWN = ["my_method", "your_method", "der++", "lwf temperature=4.0", "Wissensdestillation", "", *map(str, range(94))]
ROWS = [{"method": "lwf", "old (%)": 98.333, "keeps": "a|b"}, {"method": "finetune", "old (%)": 9.0, "keeps": 3}]


def test_a_picture_shows_itself_as_an_image_with_its_words_escaped():
    shown = Picture(4, 2, alt='5 < 6 & "seven"')._repr_mimebundle_()
    page = shown["text/html"]
    assert shown["text/plain"] == '5 < 6 & "seven"'
    assert 'alt="5 &lt; 6 &amp; &quot;seven&quot;"' in page
    assert 'width="400"' in page
    assert "max-width:100%" in page
    data = re.search(r"base64,([^\"]+)", page)[1]
    assert shown["image/png"] == data
    assert imread(io.BytesIO(base64.b64decode(data))).shape[:2] == (200, 400)


def images_of(picture):
    """The images of its SVG in the order in which they were put, as arrays (H, W, 4)."""
    found = re.findall(r"data:image/\w+;base64,([^\"]+)", picture.svg())
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGBA")) for data in found]


@pytest.mark.parametrize("sides", [(8, 8), (20, 90), (300, 40)])
def test_an_svg_holds_each_image_pixel_by_pixel_in_its_place(sides):
    picture, draw = Picture(4, 2), np.random.default_rng(0)
    whole, half = (np.append(draw.integers(0, 256, (*sides, 3)), alpha, -1).astype(np.uint8)
                   for alpha in (np.full((*sides, 1), 255), draw.integers(0, 2, (*sides, 1)) * 255))  # fmt: skip
    for place, pixels in enumerate((whole, half)):
        picture.pixels(pixels, place, 0, 1, 1)
    # Row 0 is the upper one here, and the last in what an SVG turns upside down.
    for shown, pixels in zip(images_of(picture), (whole, half), strict=True):
        np.testing.assert_array_equal(shown[::-1] * (shown[::-1, :, 3:] > 0), pixels * (pixels[..., 3:] > 0))


def test_a_name_that_reads_like_an_image_stays_a_name():
    picture, name = Picture(4, 2), '<image href="data:image/png;base64,AAAA'
    picture.write(1, 1, name)
    picture.pixels(np.full((40, 40, 3), 7, dtype=np.uint8), 0, 0, 1, 1)
    text = BeautifulSoup(picture.svg(), "html.parser")
    assert text.find(string=lambda words: name in words)
    assert text.find("image")["xlink:href"].startswith("data:image/webp")


def test_photographs_that_would_fill_a_page_lose_what_no_eye_would_miss():
    smooth = np.add.outer(np.arange(400.0), np.arange(400))[..., None] * (0.2, 0.3, 0.1)
    pixels = (smooth + np.random.default_rng(0).uniform(-9, 9, smooth.shape)).clip(0, 255).astype(np.uint8)
    picture = Picture(4, 4)
    picture.pixels(pixels, 0, 0, 4, 4)
    (shown,) = images_of(picture)
    difference = np.abs(shown[::-1, :, :3].astype(float) - pixels)
    assert 0 < difference.mean() < 8
    assert len(picture.svg()) < pixels.size / 10


def test_no_words_end_the_script_that_holds_them_or_keep_it_from_ending():
    """After `<!--<script>` a parser looks for a second end of the script, and a page would end in the first picture."""
    name = "</script><!--<SCRIPT> & \u2028 <b>"
    picture = Picture(4, 2, alt=f"{name}.")
    picture.spot((1, 0.5, 2, 1), name)
    page = picture._repr_mimebundle_()["text/html"]
    held, *_ = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    assert not re.search("<!--|<script|</", held, re.I)
    assert json.loads(held)["drawings"][0]["spots"][0]["words"] == name


def test_an_export_that_allows_no_image_shows_the_words_and_no_source():
    """`nbconvert --HTMLExporter.sanitize_html=True`: its list of tags has no image, of whatever kind."""
    picture = Picture(4, 2, alt="lwf <b> & joint: 93.4 %.")
    picture.spot((1, 0.5, 2, 1), "one </div> of <b> these")
    shown = v4.new_output("display_data", picture._repr_mimebundle_())
    book = v4.new_notebook(cells=[v4.new_code_cell(outputs=[shown])])
    page = BeautifulSoup(HTMLExporter(sanitize_html=True).from_notebook_node(book)[0], "html.parser")
    assert ".jp-Mermaid:not(.jp-RenderedMermaid) {\n    display: none;" in str(page)
    output = page.select_one(".jp-OutputArea-output")
    for hidden in output.select(".jp-Mermaid"):
        hidden.decompose()
    assert output.get_text().strip() == picture.alt
    first = Config(NbConvertBase={"display_data_priority": ["image/png", "text/html"]})  # docs/pictures.md
    page = HTMLExporter(sanitize_html=True, config=first).from_notebook_node(book)[0]
    assert f"data:image/png;base64,{shown.data['image/png']}" in page


def test_a_dollar_sign_is_no_formula(readable):
    picture = Picture(4, 1, alt="Money.")
    text = picture.write(0.1, 0.8, "$a_b$ and $")
    assert text.get_text() == r"\$a_b\$ and \$"
    readable(picture)


def test_words_are_broken_and_cut_to_a_width():
    assert wrapped("one two three", room(7)) == ["one two", "three"]
    assert shortened("one two three", room(8)) == "one two…"
    assert shortened("one two", room(7)) == "one two"
    assert shortened("猫犬馬鳥魚", room(7)) == "猫犬馬…"  # as wide as high


def test_nothing_that_a_notebook_needs_imports_pyplot():
    code = (
        "import sys, cltutor as cl\n"
        "assert 'matplotlib' not in sys.modules\n"
        "cl.show.temperature, cl.show.accuracy_matrix, cl.show.tasks\n"
        "cl.show.temperature([[[0]]] and __import__('numpy').zeros((1, 4, 4), 'uint8'), [1, 2], ['a', 'b']).png()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_method_has_its_own_look_and_so_have_forty_tasks():
    looks = [look(name) for name in NAMED]
    assert len({(one.color, one.line) for one in looks}) == len(looks)
    assert len({one.marker for one in looks}) == len(looks)
    tasks = [task_look(task) for task in range(40)]
    assert len({(one.color, one.line) for one in tasks}) == 40
    registered = {name: look(name) for name in methods.names()}
    assert len(set(registered.values())) == len(registered), "give methods that look alike an entry in NAMED"


@pytest.mark.parametrize("paper", PAPERS)
def test_methods_of_one_paper_and_their_references_have_a_colour_each(paper):
    shown = {"finetune", "joint", *PAPERS[paper]} & set(NAMED)
    assert len({look(name).color for name in shown}) == len(shown)


@pytest.mark.parametrize("scenario", ["task", "class", "domain"])
def test_methods_of_one_table_after_the_five_papers_have_a_colour_each(scenario):
    later = {"er", "agem", "derpp", "bic", "wa", "packnet", "gdumb", "ncm"}
    shown = {"finetune", "joint", "lwf", "mas", *later} | ({"icarl", "eeil"} if scenario != "task" else set())
    assert shown <= set(NAMED)
    assert len({look(name).color for name in shown}) == len({look(name).marker for name in shown}) == len(shown)


def test_no_two_methods_that_can_be_drawn_together_share_colour_and_mark():
    names = [*methods.names(), *(f"{name} across tasks" for name in gallery.settings.ALSO_ACROSS)]
    looks = {(look(name).color, look(name).marker, look(name).hollow) for name in names}
    assert len(looks) == len(names)
    assert set(gallery.names()) <= set(NAMED)


def test_a_method_of_another_regime_has_its_methods_colour_and_mark_but_not_its_line():
    one, other = look("lwf"), look("lwf across tasks")
    assert (other.color, other.marker) == (one.color, one.marker)
    assert other.line != one.line
    assert other.style["markerfacecolor"] == GROUND


def test_an_unknown_method_never_has_the_colour_or_mark_of_a_named_one():
    assert not {look(name).color for name in UNKNOWN} & {one.color for one in NAMED.values()}
    assert not {look(name).marker for name in UNKNOWN} & {one.marker for one in NAMED.values()}
    assert len({look(name) for name in UNKNOWN}) > 80  # of 100 names: two of them rarely look alike
    assert len({look(name) for name in UNKNOWN[:5]}) == 5


def test_an_unknown_method_looks_the_same_in_every_process():
    code = f"from cltutor.show.style import look; print([look(name) for name in {UNKNOWN!r}])"
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONHASHSEED": seed}
        )
        assert done.stdout.strip() == str([look(name) for name in UNKNOWN]), done.stderr


def test_colours_stand_out_from_white_and_the_ink_on_a_colour_reads_better_than_the_other_ink():
    assert min(_contrast(to_rgb(look(name).color), (1, 1, 1)) for name in [*NAMED, *UNKNOWN]) > 2
    for color in itertools.product((0.0, 0.3, 0.6, 1.0), repeat=3):
        inks = {"black": (0, 0, 0), "white": (1, 1, 1)}
        chosen = inks.pop(ink_on(color))
        assert _contrast(color, chosen) >= _contrast(color, *inks.values())


def _contrast(one, other):
    """Contrast of WCAG 2.1, 1 to 21."""
    lights = []
    for color in (one, other):
        r, g, b = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
        lights.append(0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05)
    return max(lights) / min(lights)


def test_runs_of_one_recipe_are_seeds_of_one_method(run):
    found = grouped([run("lwf"), run("finetune"), run("lwf", seed=1)])
    assert [(method.label, len(method.runs)) for method in found] == [("lwf", 2), ("finetune", 1)]


def test_recipes_of_one_name_are_labelled_by_what_differs_and_numbered_if_that_is_too_much(run):
    found = grouped([run("lwf", temperature=1.0), run("lwf", temperature=4.0), run("finetune")])
    assert [m.label for m in found] == ["lwf temperature=1.0", "lwf temperature=4.0", "finetune"]
    assert len({m.look for m in found}) == 3
    found = grouped([run("lwf", temperature=1.0 + 1e-15, epochs=1000), run("lwf", temperature=2.0)])
    assert [m.label for m in found] == ["lwf (1)", "lwf (2)"]


def test_a_method_without_common_logits_is_left_out_and_named(run):
    copies = run("duplicate")
    copies.unknown[:] = np.nan
    copies.curves.unknown[:] = np.nan
    shown = measured([copies, run("lwf")], known_task=False)
    assert [method.label for method in shown.methods] == ["lwf"]
    assert shown.missing.startswith("not shown: duplicate")
    assert len(measured([copies, run("lwf")], known_task=True).methods) == 2
    with pytest.raises(ValueError, match="known_task=True only"):
        measured([copies], known_task=False)


def test_mean_and_spread_leave_out_missing_values():
    mean, spread = mean_and_spread(np.array([[1.0, 2.0, np.nan], [3.0, np.nan, np.nan]]))
    assert mean == pytest.approx([2.0, 2.0, np.nan], nan_ok=True)
    assert spread == pytest.approx([np.std([1, 3], ddof=1), np.nan, np.nan], nan_ok=True)


def test_guessing_gets_harder_only_when_the_task_is_unknown(run):
    assert chance(run(tasks=3), known_task=True) == pytest.approx([1 / 2, 1 / 2, 1 / 2])
    assert chance(run(tasks=3), known_task=False) == pytest.approx([1 / 2, 1 / 4, 1 / 6])


def test_a_table_has_one_decimal_place_in_a_notebook_and_columns_in_a_terminal():
    head, _, *rows = show.table(ROWS)._repr_markdown_().splitlines()
    assert [head, *rows] == ["| method | old (%) | keeps |", r"| lwf | 98.3 | a\|b |", "| finetune | 9.0 | 3 |"]
    assert repr(show.table(ROWS)).splitlines() == [
        "method    old (%)  keeps",
        "lwf          98.3    a|b",
        "finetune      9.0      3",
    ]


def test_a_source_is_the_lines_of_the_file_with_their_place():
    shown = show.source(distillation)
    file, line = shown.place.split(", line ")
    lines = (Path(cltutor.__file__).parents[1] / file).read_text().splitlines()
    first = int(line) - 1
    assert shown.code.splitlines() == lines[first : first + len(shown.code.splitlines())]
    assert shown.code.startswith("def distillation(")
    assert shown._repr_markdown_().startswith("`cltutor/losses/distillation.py, line ")
    above, _, code = inspect.getsource(distillation).partition("def ")
    assert above.startswith("@shaped("), "what declares the arguments is no part of the equation, and is left out"
    assert f"```python\ndef {code}```" in shown._repr_markdown_()
    assert f"def {code}".strip() in repr(shown)
    method = show.source(Distillation.__call__)  # without the indentation of its class
    assert method.code.startswith("def __call__(")
    assert "\n    student, teacher = " in method.code
