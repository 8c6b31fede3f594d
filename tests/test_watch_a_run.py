"""The page "Watch a run": its code runs as printed, and what it says of it is true."""

import re
from pathlib import Path

import pytest
from running import assert_same

import cltutor as cl

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "watch_a_run.md").read_text(encoding="utf-8")


def test_the_page_logs_every_epoch_stops_early_and_goes_on_from_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec("\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)), names)
    assert capsys.readouterr().out == "stopped after the first task\n"
    assert [row[:3] for row in names["log"]] == [("lwf", task, epoch) for task in (0, 1) for epoch in (0, 1)]
    (path,) = tmp_path.glob("runs/*.safetensors")
    assert_same(names["run"], cl.Run.load(path))
    assert names["log"][-1][3] == pytest.approx(names["run"].accuracy()[1, 1])
    assert_same(names["run"], cl.learn(names["stream"], "lwf", epochs=2, progress=False))
    assert (names["event"].task, names["event"].progress) == (1, 0.5)


def test_the_page_names_every_event_with_its_fields():
    events = [kind for kind in vars(cl.events).values() if isinstance(kind, type) and issubclass(kind, cl.events.Event)]
    table = {match[1]: match[0] for match in re.finditer(r"^\| `cl\.events\.(\w+)`.*$", PAGE, re.MULTILINE)}
    assert table.keys() == {kind.__name__ for kind in events} - {"Event"}
    for kind in events[1:]:
        own = kind.__dataclass_fields__.keys() - cl.events.Event.__dataclass_fields__.keys()
        assert all(f"`{name}`" in table[kind.__name__] for name in own)
