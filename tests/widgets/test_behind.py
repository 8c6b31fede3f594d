from cltutor.widgets import behind


class Pen:
    """Draws nothing, and counts how often."""

    def __init__(self):
        self.count = 0

    def __call__(self, make):
        self.count += 1
        return {"words": make()}


def test_an_album_draws_each_picture_once_and_keeps_the_latest():
    pen = Pen()
    album = behind.Album(pen)
    for number in range(behind.MOST):
        assert album.page((number,), lambda number=number: f"picture {number}") == {"words": f"picture {number}"}
    album.page((0,), str)  # looked at again, it is among the latest
    assert pen.count == behind.MOST
    album.page(("another",), str)
    album.page((0,), str)
    assert pen.count == behind.MOST + 1
    album.page((1,), str)
    assert pen.count == behind.MOST + 2
    assert len(album.pages) == behind.MOST


def test_a_picture_drawn_while_the_album_is_cleared_does_not_come_back():
    album = behind.Album(Pen())
    album.page(("old",), lambda: album.clear() or "old")
    assert not album.pages


def test_an_album_keeps_what_a_key_names_by_its_identity():
    album, named = behind.Album(Pen()), object()
    album.page((id(named),), str, (named,))
    assert [of for _, of in album.pages.values()] == [(named,)]
