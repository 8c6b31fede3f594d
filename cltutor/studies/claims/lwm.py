"""What the rows of Learning without Memorizing mean (Dhar et al. 2019): on scenes, which have objects to attend to."""

from functools import partial

from ...runs.run import Run
from ...streams import Stream
from . import measures
from .claim import Measure, Quantity, Trained, Vocabulary, trained


def on_scenes(method: str) -> Trained:
    return trained(method, "scenes", "class")


def lead(stream: Stream, lwm: Run, lwf_mc: Run, after: int) -> float:
    """LwM's lead over LwF-MC in accuracy on all classes seen after a task."""
    return measures.step(lwm, after) - measures.step(lwf_mc, after)


LWM, LWF_MC = on_scenes("lwm"), on_scenes("lwf_mc")
STATISTICS = measures.STATISTICS | {"lead": Measure("accuracy on all classes seen, points", lead)}
SIDES = {
    "lead": [
        Quantity("lwm - lwf_mc after the last task", partial(lead, after=-1), (LWM, LWF_MC)),
        Quantity("after the second", partial(lead, after=1), (LWM, LWF_MC)),
    ],
    "whole": [
        Quantity("lwm, task known", measures.known, (LWM,)),
        Quantity("task unknown", measures.whole, (LWM,)),
    ],
}
VOCABULARY = Vocabulary(STATISTICS, SIDES, on_scenes)
