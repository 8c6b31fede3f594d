"""The playground as a learner uses it: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = ["import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)", "cl.widgets.Playground(stream)"]
TOOL = "cltutor-playground"


def test_a_preset_is_trained_while_the_page_follows(tool):
    tool.shot("playground-empty")
    tool.button("lwf").click()
    tool.until(lambda: tool.field("as code").input_value() == "cl.widgets.Playground(stream, cl.methods.lwf())")
    tool.train()
    tool.until(lambda: "lwf ends with" in tool.picture)
    tool.until(tool.button("Train").is_enabled, 120)
    tool.shot("playground-trained")
    tool.button("all").click()
    tool.shot("playground-all")
