"""What crosses between the grader and a student's process.

The grader sends pickles. It never reads one: what comes from a student is JSON, of the types that are listed here.
"""

import base64
import json
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import torch
from torch import Tensor

from ...losses.terms import Loss, Term
from ...recipe import parser
from ...recipe.recipe import Recipe
from ..checking import NotYet

LONGEST = 4 * 2**20  # bytes of a message of a student's process
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16,
                  torch.int8, torch.uint8, torch.bool)
}  # fmt: skip
FACTS = ("teacher", "reads_features", "first_task")  # what the exercise about a term reads of one
Facts = dict[str, Any]
Ask = Callable[[str, tuple], Any]  # (what is wanted of the student's process, with what) -> the decoded answer


class Broken(BaseException):
    """The other side has gone, or says what is no message; no Exception, which a check takes for one of the answer."""


def send(pipe: IO[bytes], message: bytes) -> None:
    try:
        pipe.write(struct.pack(">Q", len(message)) + message)
        pipe.flush()
    except (OSError, ValueError) as error:
        raise Broken("the process has gone") from error


def receive(pipe: IO[bytes], longest: int) -> bytes:
    """The next message; Broken where there is none, or one of more than ``longest`` bytes."""
    try:
        head = pipe.read(8)
        if len(head) < 8:
            raise Broken("the process has gone")
        (size,) = struct.unpack(">Q", head)
        if size > longest:
            raise Broken(f"an answer of {size} bytes is longer than the {longest} that are read")
        message = pipe.read(size)
    except (OSError, ValueError) as error:
        raise Broken("the process has gone") from error
    if len(message) < size:
        raise Broken("the process has gone")
    return message


def encode(value: Any) -> Any:
    """A value of a student's as JSON can represent it; what is none of the known types becomes its name."""
    if value is None or isinstance(value, bool | str | float) and type(value) in (bool, str, float):
        return value
    if type(value) is int:
        return {"kind": "int", "digits": hex(value)} if value.bit_length() <= 4096 else {"kind": "other", "type": "int"}
    if value is Ellipsis:
        return {"kind": "ellipsis"}
    if isinstance(value, list | tuple):
        return {"kind": "tuple" if isinstance(value, tuple) else "list", "items": [encode(one) for one in value]}
    if isinstance(value, Mapping):
        return {"kind": "dict", "items": [[encode(key), encode(one)] for key, one in value.items()]}
    if hasattr(value, "__array__") and not isinstance(value, Tensor):  # numpy's arrays and numbers
        value = torch.as_tensor(value)
    if isinstance(value, Tensor):
        return _encode_tensor(value)
    if isinstance(value, Recipe | Loss) or (isinstance(value, Term) and type(value).__module__.startswith("cltutor.")):
        return {"kind": "code", "code": repr(value)}
    if isinstance(value, Term) or (isinstance(value, type) and issubclass(value, Term)):
        return _encode_term(value)
    return {"kind": "function" if callable(value) else "other", "type": type(value).__name__}


def _encode_tensor(value: Tensor) -> Facts:
    plain, dtype = value.detach().cpu().contiguous(), str(value.dtype).removeprefix("torch.")
    if dtype not in DTYPES or plain.layout != torch.strided:
        return {"kind": "other", "type": f"{dtype} tensor"}
    content = plain.flatten().view(torch.uint8).numpy().tobytes() if plain.numel() else b""
    facts = {"kind": "tensor", "dtype": dtype, "shape": list(plain.shape), "gradient": value.requires_grad}
    return {**facts, "data": base64.b64encode(content).decode("ascii")}


def _encode_term(value: Any) -> Facts:
    kind: Any = value if isinstance(value, type) else type(value)
    facts: Facts = {"kind": "term", "type": kind.__name__, "class": isinstance(value, type)}
    try:
        made = value() if isinstance(value, type) else value
    except Exception as error:  # the student's own code may raise anything
        return {**facts, "error": [type(error).__name__, str(error)]}
    facts |= {name: encode(getattr(made, name, None)) for name in FACTS}
    return {**facts, "latex": kind.latex is not Term.latex}


def loads(message: bytes) -> Any:
    """A student's message; Broken where it is none."""
    try:
        return json.loads(message)
    except (ValueError, RecursionError) as error:
        raise Broken("an answer cannot be read") from error


def decode(value: Any, ask: Ask, leaves: Sequence[Tensor] = ()) -> Any:
    """The value that JSON represents; functions and terms ask the student's process.

    leaves: the inputs, to which a gradient may flow from it.

    Raises:
        Broken: what the process says is no value.
        NotYet: a recipe with parts that are defined in the notebook.
    """
    if not isinstance(value, dict):
        if isinstance(value, list):
            raise Broken("an answer is of no known kind")
        return value
    try:
        return _DECODERS[value["kind"]](value, ask, leaves)
    except (KeyError, TypeError, ValueError, RuntimeError, RecursionError, AttributeError) as error:
        raise Broken("an answer is of no known kind") from error


def _sequence(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Any:
    items = [decode(one, ask, leaves) for one in value["items"]]
    return tuple(items) if value["kind"] == "tuple" else items


def _mapping(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> dict:
    return {decode(key, ask): decode(one, ask, leaves) for key, one in value["items"]}


def _tensor(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Tensor:
    data = bytearray(base64.b64decode(value["data"], validate=True))
    dtype, shape = DTYPES[value["dtype"]], [int(size) for size in value["shape"]]
    found = torch.frombuffer(data, dtype=dtype) if data else torch.empty(0, dtype=dtype)
    found = found.reshape(shape)
    if not value["gradient"]:
        return found
    linked = [leaf for leaf in leaves if leaf.requires_grad]
    return _Linked.apply(found, ask, *linked) if linked else found.requires_grad_()


class _Linked(torch.autograd.Function):
    """A result whose gradients are those that the student's process computes."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, ask: Ask, *leaves: Tensor) -> Tensor:
        ctx.ask = ask
        return value.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return None, None, *ctx.ask("gradients", (gradient,))


def _code(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Any:
    try:
        return parser.read(value["code"])
    except ValueError as error:
        raise NotYet(f"The recipe cannot be read: {error}") from error


def _named(name: Any, members: Facts, base: type = object) -> type:
    """A class of a student's, of which only the name is known."""
    return type(name if re.fullmatch(r"[^\W\d]\w{0,80}", str(name)) else "object", (base,), members)


def _function(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Callable:
    def remote(*inputs: Any) -> Any:
        return ask("call", inputs)

    return remote


def _term(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Any:
    members: Facts = {"__call__": lambda self, batch, state: ask("call", (batch, state))}
    if "error" in value:
        kind, message = value["error"]

        def fail(self: Any) -> None:
            raise raised(kind, message)

        return _named(value["type"], {**members, "__init__": fail}, Term)
    members |= {name: decode(value[name], ask) for name in FACTS}
    if value["latex"]:
        members["latex"] = lambda self, heads: ""
    kind = _named(value["type"], members, Term)
    return kind if value["class"] else kind()


def raised(kind: Any, message: Any) -> Exception:
    """An exception with the name and the words of a student's."""
    words = str(message)[:500]
    if kind == "NotImplementedError":
        return NotImplementedError(words)
    return _named(kind, {}, Exception)(words)


def _other(value: Facts, ask: Ask, leaves: Sequence[Tensor]) -> Any:
    return _named(value["type"], {})()


_DECODERS: dict[str, Callable[[Facts, Ask, Sequence[Tensor]], Any]] = {
    "int": lambda value, ask, leaves: int(value["digits"], 16),
    "ellipsis": lambda value, ask, leaves: Ellipsis,
    "list": _sequence,
    "tuple": _sequence,
    "dict": _mapping,
    "tensor": _tensor,
    "code": _code,
    "term": _term,
    "function": _function,
    "other": _other,
}
