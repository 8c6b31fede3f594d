"""The widgets of DF-CNN as a learner uses them: in JupyterLab, with mouse and keyboard."""

import pytest

pytestmark = pytest.mark.browser

CELLS = [
    "import cltutor as cl\nstream = cl.streams.digits(tasks=5, order=0)\n"
    "run = cl.learn(stream, cl.methods.dfcnn(epochs=4), progress=False)",
    "cl.widgets.FilterReconstruction(run, stream)",
    'cl.widgets.ReverseTransfer(stream, methods=("dfcnn", "single_task"), epochs=4)',
]
CLASSES = ("cltutor-filter-reconstruction", "cltutor-reverse-transfer")


@pytest.fixture(scope="module")
def tools(open_notebook):
    with open_notebook(CELLS) as opened:
        opened.run_all()
        yield [opened.tools(css)[0] for css in CLASSES]
        assert opened.errors() == []


@pytest.fixture
def filters(tools):
    return tools[0]


@pytest.fixture
def transfer(tools):
    return tools[1]


def test_a_channel_is_switched_off_and_on_again(filters):
    filters.until(lambda: filters.picture.startswith("Layer 1, task 1"))
    filters.until(lambda: "with all channels on" in filters.status)
    filters.shot("filters-opened")
    before = filters.settled()
    filters.touch("channel", 2)
    filters.until(lambda: "2 x 2, 1 off" in filters.picture)
    filters.until(lambda: "1 of 16 channels of layer 1 off" in filters.status)
    filters.until(lambda: "off=(3,)" in filters.field("as code").input_value())
    filters.shot("filters-one-off")
    filters.touch("channel", 2)
    filters.notebook.page.mouse.move(0, 0)
    filters.until(lambda: filters.pixels == before)


def test_a_channel_is_switched_by_the_keyboard(filters):
    svg = filters.place.locator(".cltutor-live svg").first
    svg.press("ArrowRight")
    svg.press("Enter")
    filters.until(lambda: "off=(1,)" in filters.field("as code").input_value())
    filters.until(lambda: svg.evaluate("svg => document.activeElement === svg"))
    svg.press("Enter")  # the place in the picture stays
    filters.until(lambda: "off=" not in filters.field("as code").input_value())


def test_pointing_at_a_kernel_says_and_marks_what_it_is_made_of(filters):
    words = filters.point("kernel", 7)
    assert "kernel 8 of W, task 1: norm" in words
    assert "made of channels" in words
    assert "and so of channels" in words
    assert filters.marked() == 7  # itself, three of the basis and three of the knowledge base
    assert filters.point("channel", 4).count("goes into channels") == 1


def test_a_click_on_a_share_chooses_its_task_and_one_on_a_kernel_says_what_can_be_clicked(filters):
    filters.touch("share", 16 + 3, picture=1)
    filters.until(lambda: filters.picture.startswith("Layer 1, task 2"))
    filters.touch("kernel", 3)
    alert = filters.place.locator(".cltutor-error")
    filters.until(lambda: alert.count() == 1 and "Only channels of L" in alert.inner_text())
    filters.touch("channel", 0)
    filters.until(filters.has_no_error)
    filters.button("all on").click()


def test_channels_are_typed_and_the_most_used_counted(filters):
    filters.field("layer").select_option("4")
    filters.field("task").select_option(index=4)
    filters.until(lambda: filters.picture.startswith("Layer 4, task 5"))
    filters.type("channels off", "1, 30-36")
    filters.until(lambda: "8 of 36 channels of layer 4 off" in filters.status)
    filters.shot("filters-typed")
    filters.type("how many off", "18")
    filters.until(lambda: "18 of 36 channels of layer 4 off" in filters.status)
    filters.place.locator(".noUi-handle").first.press("ArrowRight")
    filters.until(lambda: "19 of 36 channels" in filters.status)
    filters.button("all off").click()
    filters.until(lambda: "36 of 36 channels" in filters.status)
    filters.shot("filters-all-off")
    filters.button("all on").click()
    filters.until(lambda: "with all channels on" in filters.status)


def test_wrong_channels_are_refused_in_plain_words(filters):
    filters.refuses("channels off", "37", "Channels off: numbers from 1 to 36, such as 1, 4-7, not '37'.")
    filters.type("as code", "cl.widgets.FilterReconstruction(run, stream, layer=2, off=(1, 24))")
    filters.until(lambda: "2 of 24 channels of layer 2 off" in filters.status)
    filters.until(filters.has_no_error)


def test_training_shows_what_later_tasks_do(transfer):
    transfer.shot("transfer-empty")
    transfer.train()
    transfer.until(lambda: "Each task while it is learned and after, dfcnn" in transfer.picture, 60)
    transfer.shot("transfer-live")
    transfer.until(transfer.button("Train").is_enabled, 240)
    transfer.until(lambda: len(transfer.pictures) == 2)
    transfer.until(lambda: "old tasks change by" in transfer.pictures[0])
    transfer.until(lambda: transfer.pictures[1].startswith("What later tasks do to earlier ones, dfcnn"))
    transfer.touch("after 0, on 0", 0, 1)  # a column of the table moves the curves to that task's end
    film = transfer.place.get_by_label("epoch, number", exact=True)
    transfer.until(lambda: film.input_value() == "4")
    transfer.button("filters").click()
    transfer.until(lambda: transfer.picture.startswith("How far later tasks move a task's filters, dfcnn"))
    transfer.shot("transfer-dfcnn")
    transfer.button("accuracy").click()
    transfer.button("single_task").click()
    transfer.until(lambda: "after, single_task" in transfer.picture)
    transfer.shot("transfer-alone")
    transfer.until(lambda: 'method="single_task"' in transfer.field("as code").input_value())


def test_training_stops(transfer):
    transfer.stops()
