import threading
from types import SimpleNamespace

import numpy as np
import pytest

from cltutor.widgets.training import Pace, Training, snapshot


class Events:
    """A generator of events that counts them and records whether it was closed."""

    def __init__(self, count, run="run", error=None):
        self.count, self.closed = 0, False
        self.generator = self._make(count, run, error)

    def _make(self, count, run, error):
        try:
            for _ in range(count):
                self.count += 1
                yield SimpleNamespace(run=run)
            if error:
                raise error
        finally:
            self.closed = True


def follow(events, each=lambda event: None):
    ended, failed = [], []
    training = Training(events.generator, each, lambda *end: ended.append(end), failed.append)
    return training, ended, failed


def test_a_training_hands_on_every_event_and_ends():
    events, seen = Events(5), []
    training, ended, failed = follow(events, seen.append)
    training.start()
    training.join()
    assert (len(seen), ended, failed, events.closed) == (5, [("run", True)], [], True)


def test_stop_ends_it_within_one_step_and_keeps_the_run():
    events, seen = Events(1000), []

    def each(event):
        seen.append(event)
        if len(seen) == 3:
            training.stop()

    training, ended, _ = follow(events, each)
    training.start()
    training.join()
    assert (len(seen), events.count) == (3, 3)
    assert (ended, events.closed) == ([("run", False)], True)


@pytest.mark.parametrize("count", [0, 3])
def test_an_error_is_reported_and_the_end_still_comes(count):
    error = ValueError("the loss became infinite.")
    training, ended, failed = follow(Events(count, error=error))
    training.start()
    training.join()
    assert (ended, failed) == ([("run" if count else None, False)], [error])


def test_an_error_at_the_end_is_reported_as_well():
    failed = []
    training = Training(Events(1).generator, lambda event: None, lambda run: None, failed.append)  # no such call
    training.start()
    training.join()
    assert [type(error) for error in failed] == [TypeError]


def test_a_new_training_stops_the_one_before_and_waits_for_its_end():
    order, begun = [], threading.Event()
    first = Training(
        Events(10**9).generator, lambda event: begun.set(), lambda *end: order.append(("first", *end)), order.append
    )
    second = Training(
        Events(2, "other").generator, lambda event: order.append("second"), lambda *end: order.append(end), order.append
    )
    first.start()
    begun.wait()
    second.start()
    second.join()
    assert order == [("first", "run", False), "second", "second", ("other", True)]


def test_a_snapshot_is_what_the_run_was(run):
    kept = snapshot(run)
    before = kept.curves.known.copy()
    run.curves.add_epoch(1, {}, np.zeros(2), np.zeros(2))
    try:
        assert len(run.curves.known) == len(before) + 1
        np.testing.assert_array_equal(kept.curves.known, before)
        assert len(kept.curves.epoch_task) == len(before)
    finally:
        run.curves = kept.curves


class Clock:
    """A clock that stands still until it is set."""

    seconds = 100.0

    def __call__(self):
        return self.seconds


def test_a_line_comes_at_once_and_then_no_more_often_than_a_blink():
    clock = Clock()
    pace, due = Pace(clock), []
    for clock.seconds in (100.0, 100.05, 100.11, 100.2, 100.22):
        due.append(pace.line_due())
    assert due == [True, False, True, False, True]
    pace.restart()
    assert pace.line_due()


@pytest.mark.parametrize(("drawing", "wait"), [(0.01, 0.25), (0.2, 1.0)])
def test_a_picture_that_takes_long_is_drawn_more_rarely(drawing, wait):
    clock = Clock()
    pace, drawn = Pace(clock), []

    def picture():
        drawn.append(clock.seconds)
        clock.seconds += drawing

    for clock.seconds in (100.0, 100 + drawing + wait - 0.01, 100 + drawing + wait + 0.01):
        pace.draw(picture)
    assert drawn == [100.0, pytest.approx(100 + drawing + wait + 0.01)]
