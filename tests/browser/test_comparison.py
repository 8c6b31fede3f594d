"""A comparison as a page shows it."""

import os
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nfrom functools import partial",
    'stream = partial(cl.streams.digits, [2, 2, 2], classes=range(6))\nmethods = ["finetune", "lwf", "mas", "joint"]\n'
    'methods += [cl.methods.finetune(heads="class"), "lwf_mc", "icarl"]\n'
    "runs = cl.compare(stream, methods, seeds=(0, 1, 2), epochs=2)\nruns",
    "cl.show.old_and_new(runs)",
]


def test_a_page_shows_two_regimes_apart_and_what_methods_ask_for(open_notebook):
    with open_notebook(CELLS) as notebook:
        notebook.run_all()
        assert notebook.errors() == []
        captions = notebook.page.locator(".jp-OutputArea-output table caption").all_inner_texts()
        assert captions == [
            "Trained with a head per task, task known at test",
            "Trained with all classes competing, task unknown at test",
            "What a method needs, and what it allows",
        ]
        tables = notebook.page.locator(".jp-OutputArea-output table")
        assert tables.nth(0).locator("tbody th").all_inner_texts() != []
        if folder := os.environ.get("CLTUTOR_SCREENSHOTS"):
            notebook.page.get_by_text("What the columns mean").click()
            for width in (1280, 900):
                notebook.page.set_viewport_size({"width": width, "height": 1900})
                notebook.page.wait_for_timeout(500)
                notebook.page.screenshot(path=Path(folder) / f"comparison-{width}.png")
