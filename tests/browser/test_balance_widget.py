"""The widget of balanced fine-tuning as a learner uses it: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = ["import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)", "cl.widgets.Balance(stream, epochs=4)"]
TOOL = "cltutor-balance"


def test_training_shows_what_fine_tuning_changes_and_the_toggles_answer(tool):
    tool.shot("balance-empty")
    tool.train()
    tool.until(lambda: "Confusion matrices, eeil (" in tool.picture, 60)
    tool.until(tool.button("Train").is_enabled, 120)
    tool.shot("balance-trained")
    tool.until(lambda: "after balanced fine-tuning" in tool.picture)
    tool.button("balanced fine-tuning").click()
    tool.until(lambda: "eeil_da (augmentation only)" in tool.picture)
    tool.until(lambda: "after balanced fine-tuning" not in tool.picture)
    tool.shot("balance-without")
    tool.button("augmentation").click()
    tool.until(lambda: "eeil_base (" in tool.picture)
    code = "cl.widgets.Balance(stream, augmentation=False, fine_tuning=False, epochs=4)"
    tool.until(lambda: tool.field("as code").input_value() == code)


def test_a_wrong_line_of_code_is_refused_in_plain_words(tool):
    code = "cl.widgets.Balance(stream, augmentation=3, epochs=4)"
    tool.refuses("as code", code, "augmentation is True or False, not 3")
    tool.button("augmentation").click()
    tool.until(tool.has_no_error)


def test_training_stops(tool):
    tool.stops()
