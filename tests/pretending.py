"""An accelerator that is not there: real tensors of the CPU, marked by their storage as being on "cuda".

What would fail on a GPU, or make the CPU wait for one, is noted and not raised, since code that catches an error would
hide it. It stands for the rules of devices alone: it says nothing of speed, memory or rounding.
"""

import sys
from collections import Counter
from contextlib import ExitStack

import torch
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PLACE = torch.device("cuda")
aten = torch.ops.aten

COPIES = {aten.copy_.default, aten._to_copy.default}
INDEXING = {aten.index.Tensor, aten._unsafe_index.Tensor, aten.index_put.default, aten.index_put_.default} | {
    aten._index_put_impl_.default,
    aten._unsafe_index_put.default,
}
# Operations whose result, or its shape, the CPU needs before it goes on.
WAITING = {aten._local_scalar_dense.default, aten.nonzero.default, aten.masked_select.default, aten.equal.default} | {
    *(aten._unique2.default, aten.unique_dim.default, aten.unique_consecutive.default, aten.bincount.default),
    *(aten.repeat_interleave.Tensor, aten._linalg_svd.default, aten._linalg_check_errors.default),
}
# Those beside the pointwise ones that take a single number from the CPU.
TAKES_NUMBER = {aten.where.self, aten.clamp.Tensor, aten.masked_fill.Tensor, aten.masked_fill_.Tensor}
FROM_HOST = {torch.tensor, torch.as_tensor, torch.scalar_tensor}
TORCH = torch.__path__[0]


class Pretended:
    """Which tensors are there, and what went wrong: ``faults`` are errors on a GPU, ``waits`` make the CPU wait for it;
    both count sentences that say where in the code."""

    def __init__(self) -> None:
        self.marked: dict[int, StorageWeakRef] = {}  # by address, which is not given away as long as a reference lives
        self.faults: Counter[str] = Counter()
        self.waits: Counter[str] = Counter()

    def has(self, tensor: Tensor) -> bool:
        while torch._C._functorch.is_functorch_wrapped_tensor(tensor):  # inside torch.func
            tensor = torch._C._functorch.get_unwrapped(tensor)
        return tensor.untyped_storage()._cdata in self.marked

    def mark(self, tensor: Tensor, there: bool = True) -> None:
        storage = tensor.untyped_storage()
        if not there:
            self.marked.pop(storage._cdata, None)
        elif storage._cdata not in self.marked:
            self.marked[storage._cdata] = StorageWeakRef(storage)
            if len(self.marked) % 20_000 == 0:
                self.marked = {key: ref for key, ref in self.marked.items() if not ref.expired()}
        if there and tensor.dtype in (torch.float64, torch.complex128):
            self.faults[f"float64, which Apple's GPUs do not have, {where()}"] += 1

    def fault(self, what: str) -> None:
        self.faults[f"{what}, {where()}"] += 1

    def wait(self, what: str) -> None:
        self.waits[f"{what}, {where()}"] += 1


def where() -> str:
    """The innermost line that is neither PyTorch's nor of this file; a backward pass has the line that began it."""
    frame = sys._getframe(1)
    while frame.f_back and (frame.f_code.co_filename.startswith(TORCH) or frame.f_code.co_filename == __file__):
        frame = frame.f_back
    return f"{frame.f_code.co_filename.rpartition('cltutor/')[2]}:{frame.f_lineno}"


class Operations(TorchDispatchMode):
    """Every operation, those of backward passes and updates included: its tensors must be on one device."""

    def __init__(self, state: Pretended):
        super().__init__()
        self.state = state

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        state, kwargs = self.state, kwargs or {}
        given = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor)]
        there = [state.has(tensor) for tensor in given]
        result = func(*args, **kwargs)
        if func is aten.copy_.default:
            if there[0] != there[1]:
                state.wait("a copy between devices")
        elif func in INDEXING:
            self.check_index(args, given, there)
        elif any(there):
            self.check(func, given, there)
        # A backward pass fills in zeros where a gradient is missing, with no tensor to tell their place by.
        made = torch._C._current_graph_task_id() >= 0 if not given else any(there)
        if made and func is not aten.copy_.default and not (func in INDEXING and not there[0]):
            for tensor in tree_leaves(result):
                if isinstance(tensor, Tensor):
                    state.mark(tensor)
        return result

    def check(self, func, given: list[Tensor], there: list[bool]) -> None:
        elsewhere = [tensor for tensor, on in zip(given, there, strict=True) if not on]
        takes_number = torch.Tag.pointwise in func.tags or func in TAKES_NUMBER or "_foreach" in func.name()
        if any(tensor.dim() > 0 or not takes_number for tensor in elsewhere) and func not in COPIES:
            self.state.fault(f"{func} of tensors on two devices")
        if func in WAITING:
            self.state.wait(str(func))

    def check_index(self, args: tuple, given: list[Tensor], there: list[bool]) -> None:
        """Places on the CPU may index a tensor that is there, which copies them; not the other way round."""
        places = [place for place in tree_leaves(args[1]) if isinstance(place, Tensor)]
        if not there[0] and any(map(self.state.has, places)):
            self.state.fault("a tensor of the CPU indexed by one on the device")
        if there[0] and not all(map(self.state.has, places)):
            self.state.wait("indexed by places on the CPU")
        if there[0] and any(place.dtype in (torch.bool, torch.uint8) for place in places):
            self.state.wait("indexed by a mask")
        values = args[2] if len(args) > 2 else None
        if isinstance(values, Tensor) and values.dim() and self.state.has(values) != there[0]:
            self.state.fault("values of another device put into a tensor")


class Functions(TorchFunctionMode):
    """What code asks of a tensor, and where it makes one."""

    def __init__(self, state: Pretended):
        super().__init__()
        self.state = state

    def __torch_function__(self, func, types, args=(), kwargs=None):
        state, kwargs = self.state, dict(kwargs or {})
        if getattr(func, "__self__", None) is Tensor.device:
            real = func(*args)
            return PLACE if real.type == "cpu" and state.has(args[0]) else real
        if func in (Tensor.to, Tensor.cpu, Tensor.cuda):
            return self.moved(func, args, kwargs)
        if func in (Tensor.numpy, Tensor.__array__) and state.has(args[0]):
            state.fault("an array of a tensor on the device")
        if func is Tensor.tolist and state.has(args[0]):
            state.wait("tolist")
        asked, source = kwargs.get("device"), kwargs.get("generator")
        there = (
            is_there(asked) if asked is not None else bool(args and isinstance(args[0], Tensor) and state.has(args[0]))
        )
        if source is not None and there != is_there(source.device):
            state.fault("random numbers of another device's generator")
        if asked is None or not there:
            return func(*args, **kwargs)
        made = func(*args, **{**kwargs, "device": "cpu"})
        state.mark(made)
        if func in FROM_HOST:
            state.wait("a tensor made of numbers of the CPU")
        return made

    def moved(self, func, args: tuple, kwargs: dict) -> Tensor:
        """``tensor.to(...)`` and its like: a copy where the device changes."""
        state, tensor, rest = self.state, args[0], list(args[1:])
        before = after = state.has(tensor)
        if func is not Tensor.to:
            after, rest = func is Tensor.cuda, []
        for key, value in [*enumerate(rest), *kwargs.items()]:
            if isinstance(value, Tensor):
                after = state.has(value)
            elif isinstance(value, torch.device) or isinstance(value, str) and key in (0, "device"):
                after = is_there(value)
                (rest if isinstance(key, int) else kwargs)[key] = torch.device("cpu")
        result = Tensor.to(tensor, *rest, **kwargs) if func is Tensor.to else tensor
        if before != after:
            if result.untyped_storage()._cdata == tensor.untyped_storage()._cdata:
                result = result.clone()
            state.mark(result, after)
            state.wait(f"a copy {'to' if after else 'from'} the device")
        return result


def is_there(device: torch.device | str | int | None) -> bool:
    return device is not None and torch.device(device).type == PLACE.type


class Generator(torch.Generator):
    """A generator that says that it is where it was asked to be."""

    def __new__(cls, device: torch.device | str = "cpu") -> "Generator":
        made = super().__new__(cls)
        made.place = torch.device(device)
        return made

    @property
    def device(self) -> torch.device:
        return self.place


class Pretending(ExitStack):
    """Inside, PyTorch seems to have an accelerator, "cuda"; gives the ``Pretended`` of it."""

    def __enter__(self) -> Pretended:
        super().__enter__()
        state = Pretended()
        group = torch._C._group_tensors_by_device_and_dtype

        def grouped(lists: list, with_indices: bool = False) -> dict:
            """Groups of tensors by device and type: C++ code, which knows nothing of what is pretended."""
            found = group(lists, with_indices).items()
            return {(PLACE if state.has(g[0][0][0]) else place, kind): g for (place, kind), g in found}

        self.replace(torch.accelerator, "is_available", lambda: True)
        self.replace(torch.accelerator, "current_accelerator", lambda *_, **__: PLACE)
        self.replace(torch.accelerator, "device_count", lambda: 1)
        self.replace(torch.cuda, "mem_get_info", lambda device: (2**40, 2**40))
        self.replace(torch._C, "_group_tensors_by_device_and_dtype", grouped)
        self.replace(torch, "Generator", Generator)
        self.enter_context(Functions(state))
        self.enter_context(Operations(state))
        return state

    def replace(self, module: object, name: str, value: object) -> None:
        self.callback(setattr, module, name, getattr(module, name))
        setattr(module, name, value)
