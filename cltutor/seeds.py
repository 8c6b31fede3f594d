"""What makes a run repeatable: random numbers by name, and PyTorch's own settings put aside.

Every draw of a run comes from (seed, what for, task, epoch, ...), so no random state needs saving, and the global one
is not disturbed. What the process has set in PyTorch (gradients off, another default dtype, autocast) changes no result
and is not changed by one.
"""

import hashlib
import inspect
import math
import os
import threading
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar

import torch

P = ParamSpec("P")
Event = TypeVar("Event")
Result = TypeVar("Result")


def seed_of(key: tuple[int | str, ...]) -> int:
    """A 63-bit seed for ``key``, the same on every machine and in every process."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(*key: int | str) -> torch.Generator:
    """A CPU generator of its own for ``key``."""
    return torch.Generator().manual_seed(seed_of(key))


_ONE_AT_A_TIME = threading.RLock()  # PyTorch's global generators are shared by all threads


def global_generators() -> list[tuple[Callable[[], Any], Callable[[Any], Any]]]:
    """How the state of each of PyTorch's global generators is read and set: the CPU's and those of the GPUs in use."""
    found: list[tuple[Callable[[], Any], Callable[[Any], Any]]] = [(torch.get_rng_state, torch.set_rng_state)]
    modules: tuple[Any, ...] = (torch.cuda, torch.xpu)
    for module in modules:
        numbers = range(module.device_count()) if module.is_initialized() else ()  # to ask a GPU would initialise it
        found += [(partial(module.get_rng_state, i), partial(module.set_rng_state, device=i)) for i in numbers]
    if torch.backends.mps.is_available():
        found.append((torch.mps.get_rng_state, torch.mps.set_rng_state))
    return found


@contextmanager
def apart(generators: Callable[[], list] = global_generators) -> Iterator[None]:
    """Whatever is drawn inside the block, PyTorch's global generators are afterwards as they were. Other threads wait
    to enter it: ``torch.random.fork_rng`` would put a state back in the middle of their draws."""
    with _ONE_AT_A_TIME, ExitStack() as stack:
        for read, write in generators():
            stack.callback(write, read())
        yield


@contextmanager
def seeded(key: tuple[int | str, ...], generators: Callable[[], list] = global_generators) -> Iterator[None]:
    """Inside the block PyTorch's global generators are seeded with ``key``; outside they are as they were."""
    with apart(generators):
        torch.manual_seed(seed_of(key))
        yield


class Setting(NamedTuple):
    """Something that a process sets in PyTorch and that would change a result: how it is read and set, and its value
    while cltutor computes."""

    read: Callable[[], Any]
    write: Callable[[Any], Any]
    wanted: Any


def _attribute(module: Any, name: str, wanted: bool) -> Setting:
    return Setting(lambda: getattr(module, name), lambda value: setattr(module, name, value), wanted)


def _autocast(device: str) -> Setting:
    return Setting(partial(torch.is_autocast_enabled, device), partial(torch.set_autocast_enabled, device), False)


def _threads(count: int) -> Setting:
    return Setting(torch.get_num_threads, torch.set_num_threads, count)


def _matmul_precision() -> str:
    """As PyTorch's older name has it; "highest" where it was set by the newer ones, which this one refuses to read."""
    try:
        return torch.get_float32_matmul_precision()
    except RuntimeError:
        return "highest"


BACKENDS: Any = torch.backends  # whose attributes are not typed
# PyTorch's newer names; an operation without a setting of its own follows ``torch.backends``.
OPERATIONS = (
    *(BACKENDS.cuda.matmul, BACKENDS.cudnn.conv, BACKENDS.cudnn.rnn),
    *(BACKENDS.mkldnn.matmul, BACKENDS.mkldnn.conv, BACKENDS.mkldnn.rnn),
)
EXACT = ("ieee", "none")  # as float32; "none": nothing else was asked for


def rounds(gpu: Callable[[], bool] = torch.cuda.is_available) -> bool:
    """Whether some operation on float32 would be computed in fewer bits, as convolutions are on a GPU by default."""
    try:
        torch.get_float32_matmul_precision()
    except RuntimeError:
        return True
    return BACKENDS.mkldnn.conv.fp32_precision not in EXACT or (
        gpu() and BACKENDS.cudnn.conv.fp32_precision not in EXACT
    )


@contextmanager
def full_precision() -> Iterator[None]:
    """Inside, float32 is computed as float32, without TensorFloat-32 or bfloat16 on the way."""
    with ExitStack() as stack:
        for place in (BACKENDS, *OPERATIONS):  # from the top: most operations follow it, and need no setting back
            if (now := place.fp32_precision) not in EXACT or place is BACKENDS:
                stack.callback(setattr, place, "fp32_precision", now)
                place.fp32_precision = "ieee"
        yield


OF_A_THREAD = (
    Setting(torch.is_grad_enabled, torch.set_grad_enabled, True),
    *(_autocast(device) for device in ("cpu", "cuda", "mps", "xpu")),
)
OF_THE_PROCESS = (
    Setting(torch.get_default_dtype, torch.set_default_dtype, torch.float32),
    Setting(_matmul_precision, torch.set_float32_matmul_precision, "highest"),
    Setting(torch.is_anomaly_enabled, torch.autograd.set_detect_anomaly, False),
    Setting(torch.get_deterministic_debug_mode, torch.set_deterministic_debug_mode, 0),
    _attribute(torch.backends.cudnn, "deterministic", True),
    _attribute(torch.backends.cudnn, "benchmark", False),
)


def put(settings: Iterable[Setting], stack: ExitStack) -> None:
    """Set those of ``settings`` that differ; ``stack`` sets them back. Before the first is set all are read: some of
    them move together."""
    for setting, now in [(setting, now) for setting in settings if (now := setting.read()) != setting.wanted]:
        stack.callback(setting.write, now)
        setting.write(setting.wanted)


class ProcessSettings:
    """The settings that all threads share: put aside while any of them computes, so that one that ends does not set
    them back under another."""

    def __init__(self) -> None:
        self.inside: set[ExitStack] = set()
        self.lock, self.undo = threading.Lock(), ExitStack()

    @contextmanager
    def aside(self) -> Iterator[None]:
        own = ExitStack()
        try:
            with self.lock:
                undo = own if self.inside else self.undo
                self.inside.add(own)
                put(OF_THE_PROCESS, undo)
                if rounds():
                    undo.enter_context(full_precision())
            yield
        finally:
            with self.lock:
                own.close()
                self.inside.discard(own)
                if not self.inside:
                    self.undo.close()


_SHARED = ProcessSettings()


def usual_threads(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """The cores that this process may use, at most 4: more bring the networks of a classroom nothing.

    A container may have many cores and a ``limit`` on their time, as on Binder; threads beyond it wait for each other.
    """
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        allowed = math.ceil(int(quota) / int(period))
    except (OSError, ValueError):  # no such file, or no limit: "max"
        allowed = cores
    return max(1, min(4, cores, allowed))


@contextmanager
def own_settings(threads: int | None = None) -> Iterator[None]:
    """Inside the block PyTorch is set as cltutor's results need it, whatever the process has set, and computes with
    ``threads`` of the CPU (None: as many as now); outside it is as it was. Only what differs is set, so that a training
    step pays about twenty microseconds for it."""
    with _SHARED.aside(), ExitStack() as stack:
        if torch.is_inference_mode_enabled():
            stack.enter_context(torch.inference_mode(False))
        if torch.empty(0).device.type != "cpu":  # get_default_device takes ten times as long
            stack.enter_context(torch.device("cpu"))
        put(OF_A_THREAD if threads is None else (*OF_A_THREAD, _threads(threads)), stack)
        yield


def isolated(function: Callable[P, Generator[Event, None, Result]]) -> Callable[P, Generator[Event, None, Result]]:
    """The same generator, with ``own_settings`` while it computes and not while it waits: what runs between two of its
    events has the process's settings, and may change them. An argument ``threads`` is the number of threads."""
    arguments = inspect.signature(function)

    @wraps(function)
    def events(*args: P.args, **kwargs: P.kwargs) -> Generator[Event, None, Result]:
        threads = arguments.bind(*args, **kwargs).arguments.get("threads") or usual_threads()
        inner = function(*args, **kwargs)
        try:
            while True:
                with own_settings(threads):
                    try:
                        event = next(inner)
                    except StopIteration as end:
                        return end.value
                    except MemoryError as error:  # the frames that ended keep what filled the memory
                        traceback.clear_frames(error.__traceback__)
                        raise
                yield event
        finally:
            inner.close()

    return events
