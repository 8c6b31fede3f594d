"""Train, Stop and Clear, and Resume where there is one, with a progress bar and a line that says what is happening."""

import html
from collections.abc import Callable

import ipywidgets

from .base import button, row


class Actions(ipywidgets.VBox):
    """Buttons that call `train()`, `stop()`, `clear()` and, if it is given, `resume()`.

    Train and Stop are never enabled at the same time; Resume only where `resumable` is set, and never with Stop.
    """

    def __init__(
        self,
        train: Callable[[], None],
        stop: Callable[[], None],
        clear: Callable[[], None],
        guarded: Callable[[Callable], Callable],
        resume: Callable[[], None] | None = None,
    ) -> None:
        def made(words: str, icon: str, tooltip: str, action: Callable[[], None]) -> ipywidgets.Button:
            return button(words, tooltip, guarded(lambda _: action()), icon, "84px")

        self.train = made("Train", "play", "learn all tasks, one after another", lambda: self.busy or train())
        self.train.button_style = "primary"
        self.stop = made("Stop", "stop", "stop after this step and keep what was learned", stop)
        keeps = "continue where it was stopped: the same numbers as without the stop"
        self.resume = made("Resume", "step-forward", keeps, lambda: self.busy or (resume and resume()))
        self.resume.disabled, self._resumable = True, False
        self.clear = made("Clear", "trash", "remove all runs from the picture", clear)
        self.bar = ipywidgets.FloatProgress(min=0, max=1, tooltip="progress")
        self.bar.layout = ipywidgets.Layout(flex="1 1 160px", width="auto", max_width="480px", margin="2px 6px")
        self.words = ipywidgets.HTML(layout=ipywidgets.Layout(min_height="32px", margin="0"))
        buttons = [self.train, self.stop, *([self.resume] if resume else []), self.clear]
        super().__init__([row(*buttons, self.bar), self.words])
        self.layout.width = "100%"
        self.busy = False

    @property
    def busy(self) -> bool:
        """Whether something is being trained."""
        return self.train.disabled

    @busy.setter
    def busy(self, busy: bool) -> None:
        self.train.disabled, self.stop.disabled = busy, not busy
        self.resume.disabled = busy or not self._resumable

    @property
    def resumable(self) -> bool:
        """Whether there is a stopped run to continue."""
        return self._resumable

    @resumable.setter
    def resumable(self, resumable: bool) -> None:
        self._resumable = resumable
        self.busy = self.busy

    def say(self, words: str, progress: float | None = None) -> None:
        """Show what is happening, and how much of it is done (0 to 1)."""
        self.words.value = f'<span role="status">{html.escape(words)}</span>'
        if progress is not None:
            self.bar.value = progress
