import base64
import html
import re

import pytest

import cltutor as cl
from cltutor.widgets.base import Tool, draw


@pytest.fixture
def tool():
    return Tool("cltutor-test")


def fails(error):
    def callback(*_):
        raise error

    return callback


def test_an_error_in_a_callback_is_shown_on_the_page_and_recorded(tool, errors):
    tool.guarded(fails(ValueError("lam is <b>large</b>.")))({})
    assert "lam is &lt;b&gt;large&lt;/b&gt;." in tool.message.value
    assert 'class="cltutor-error"' in tool.message.value
    assert [str(error) for error in tool.errors] == ["lam is <b>large</b>."]
    (recorded,) = errors.new
    assert "Traceback" in recorded
    assert "lam is <b>large</b>." in recorded
    errors.expect(tool, "lam is")


def test_a_drawn_picture_has_its_alternative_text_and_size():
    picture = cl.show.Picture(4, 2, alt='A "small" picture.')
    shown = draw(lambda: picture, dpi=50)
    assert f'alt="{html.escape(picture.alt)}"' in shown
    assert 'width="400" height="200"' in shown
    assert base64.b64decode(re.search(r"base64,([^\"]*)", shown)[1]) == picture.png(50)


def test_what_cannot_be_drawn_is_said_instead():
    assert draw(fails(ValueError("a < b"))).startswith("<p")
    assert "a &lt; b" in draw(fails(ValueError("a < b")))
    with pytest.raises(KeyError):
        draw(fails(KeyError("bug")))
