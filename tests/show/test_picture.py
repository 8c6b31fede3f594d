import base64
import io
import re
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.image import imread

from cltutor import show
from cltutor.show.picture import Picture, room, shortened, wrapped


def test_a_picture_shows_itself_as_an_image_with_its_words_escaped():
    picture = Picture(4, 2, alt='5 < 6 & "seven"')
    page = picture._repr_html_()
    assert 'alt="5 &lt; 6 &amp; &quot;seven&quot;"' in page
    assert 'width="400"' in page
    assert "max-width:100%" in page
    data = base64.b64decode(re.search(r"base64,([^\"]+)", page)[1])
    assert imread(io.BytesIO(data)).shape[:2] == (300, 600)


def test_png_has_the_resolution_asked_for():
    pixels = imread(io.BytesIO(Picture(4, 2).png(dpi=50)))
    assert pixels.shape[:2] == (100, 200)
    assert np.all(pixels == 1)


def test_a_dollar_sign_is_no_formula(readable):
    picture = Picture(4, 1, alt="Money.")
    text = picture.write(0.1, 0.8, "$a_b$ and $")
    assert text.get_text() == r"\$a_b\$ and \$"
    readable(picture)


def test_nothing_that_a_notebook_needs_imports_pyplot(tmp_path):
    code = (
        "import sys, cltutor as cl\n"
        "assert 'matplotlib' not in sys.modules\n"
        "cl.show.temperature, cl.show.accuracy_matrix, cl.show.tasks\n"
        "cl.show.temperature([[[0]]] and __import__('numpy').zeros((1, 4, 4), 'uint8'), [1, 2], 'ab').png()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_room_lists_its_functions_and_refuses_others():
    assert {"accuracy_matrix", "accuracy_over_time", "forgetting"} <= set(dir(show))
    assert all(callable(getattr(show, name)) for name in show.__all__)
    with pytest.raises(AttributeError, match="no attribute 'heatmap'"):
        _ = show.heatmap


def test_words_are_broken_and_cut_to_a_width():
    assert wrapped("one two three", room(7)) == ["one two", "three"]
    assert shortened("one two three", room(8)) == "one two…"
    assert shortened("one two", room(7)) == "one two"
