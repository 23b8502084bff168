"""A student's function as a check sees it: something to call, and to differentiate through.

A check never looks inside the function. It calls `f(*args)` and `f.vjp(...)` on a `Subject`,
which asks a `Function` for the numbers and judges their type, shape, dtype and finiteness
by the exercise's signature. In a notebook the function is a `LocalFunction`; a grader puts in
its place one that sends plain data to another process.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..sandbox.functions import Function, nothing
from ..sandbox.script import Step
from .signature import Signature, Slot, first_dtype


class Wrong(Exception):
    """A law does not hold. `slug` names the mistake where it is known already."""

    def __init__(self, message: str, slug: str | None = None):
        super().__init__(message)
        self.message, self.slug = message, slug


class NotAttempted(Exception):
    """The function returned None, or the method of that name did."""

    def __init__(self, method: str = ""):
        super().__init__(method)
        self.method = method


@dataclass
class Subject:
    """The function under test, with a record of every call for the diagnosis afterwards."""

    function: Function
    signature: Signature
    calls: list[tuple[tuple, object]] = field(default_factory=list)

    def __call__(self, *args: object) -> Any:  # what it is, the signature says
        """Call the student's function; the returned value fits the signature.

        Raises:
            NotAttempted: when it returns None.
            Raised: when it raises.
            Wrong: when type, shape, dtype or finiteness are not as the signature says.
        """
        reply = self.function.call(args)
        value = reply.value
        if nothing(value):
            raise NotAttempted
        if isinstance(value, list):
            value = tuple(value)
        self.calls.append((args, value))
        if reply.changed_inputs:
            name = self.signature.arguments[reply.changed_inputs[0]].name
            raise Wrong(
                f"Your function changes its input `{name}` in place, so whoever passed it finds "
                f"other numbers afterwards: make a new tensor (`x = x + 1`, not `x += 1`).",
                "changes-its-input",
            )
        return conform(value, self.signature, args)

    def run(self, *steps: Step) -> list:
        """The values of a script of calls: for classes, loops and functions of functions.

        Raises:
            NotAttempted: when a call of the script returns None, as a stub's methods do.
            Raised: when the student's code raises.
        """
        values = self.function.run(steps)
        if values and steps[len(values) - 1][0] == "call" and nothing(values[-1]):
            place = str(steps[len(values) - 1][1])
            raise NotAttempted(place.partition(".")[2])
        if len(values) != len(steps):
            raise Wrong("A script of calls was not carried out to its end.")
        return values

    def vjp(self, args: tuple, wrt: tuple[int, ...], cotangent: Tensor) -> list[Tensor | None]:
        """Gradients of sum(cotangent * f(*args)) for the arguments at positions `wrt`.

        None stands for an argument that no gradient reaches. Only for functions that
        return one tensor.
        """
        gradients = self.function.vjp(args, wrt, cotangent)
        for i, gradient in zip(wrt, gradients, strict=True):
            if gradient is not None and not _fits(gradient, args[i]):
                raise Wrong("A gradient has another shape than its argument.", "wrong-gradient")
        return gradients


def _fits(gradient: object, argument: Tensor) -> bool:
    same = isinstance(gradient, Tensor) and gradient.shape == argument.shape
    return same and gradient.dtype == argument.dtype


def conform(value: object, signature: Signature, args: tuple) -> Tensor | tuple | float | int:
    """Judge a returned value by the signature.

    Raises:
        Wrong: with a sentence that says what came and what was expected.
    """
    try:
        return _conform(value, signature, args)
    except Wrong as wrong:
        raise Wrong(wrong.message[0].upper() + wrong.message[1:], wrong.slug) from None


def _conform(value: object, signature: Signature, args: tuple) -> Tensor | tuple | float | int:
    slots, shapes = signature.returns, signature.expected_shapes(args)
    dtype = first_dtype(args)
    if len(slots) == 1:
        return _conform_one(value, slots[0], shapes[0], dtype, "")
    if not isinstance(value, tuple) or len(value) != len(slots):
        came = f"a tuple of {len(value)}" if isinstance(value, tuple) else _kind(value)
        count = {2: "two", 3: "three"}.get(len(slots), str(len(slots)))
        raise Wrong(f"{count} values are expected, and {came} came back.", "wrong-type")
    places = [f"value {i + 1} of {len(slots)}: " for i in range(len(slots))]
    each = zip(value, slots, shapes, places, strict=True)
    return tuple(_conform_one(v, slot, shape, dtype, place) for v, slot, shape, place in each)


def _conform_one(
    value: object, slot: Slot, shape: tuple[int, ...], dtype: torch.dtype, place: str
) -> Tensor | float | int:
    if slot.kind in ("float", "int"):
        wanted = (int,) if slot.kind == "int" else (int, float)
        if not isinstance(value, wanted) or isinstance(value, bool):
            advice = " (`.item()` makes one of a tensor)" if isinstance(value, Tensor) else ""
            raise Wrong(
                f"{place}a Python {slot.kind} is expected{advice}; {_kind(value)} came back.",
                "wrong-type",
            )
        if value != value or value in (float("inf"), float("-inf")):
            raise Wrong(f"{place}the result is {value}.", "not-finite")
        return value
    if not isinstance(value, Tensor):
        advice = ": stay in torch from input to output" if isinstance(value, np.ndarray) else ""
        if isinstance(value, float | int):
            advice = ": leave out `.item()`, `float()` and Python's own `sum`"
        raise Wrong(f"{place}a tensor is expected; {_kind(value)} came back{advice}.", "wrong-type")
    if tuple(value.shape) != shape:
        raise _wrong_shape(tuple(value.shape), shape, slot, place)
    if slot.kind == "bool":
        if value.dtype != torch.bool:
            raise Wrong(
                f"{place}True or False is expected; {value.dtype} came back.", "wrong-dtype"
            )
        return value
    if value.dtype != dtype:
        raise Wrong(
            f"{place}the input is {_short(dtype)} and the result {_short(value.dtype)}: "
            "keep the input's dtype.",
            "wrong-dtype",
        )
    value = value.detach()
    if not bool(torch.isfinite(value).all()):
        what = "nan" if bool(value.isnan().any()) else "infinity"
        raise Wrong(
            f"{place}the result contains {what}, although every input is finite.", "not-finite"
        )
    return value


def _wrong_shape(came: tuple, expected: tuple, slot: Slot, place: str) -> Wrong:
    if expected == ():
        return Wrong(
            f"{place}one number is expected, shape (), and shape {came} came back.", "wrong-shape"
        )
    message = f"{place}shape {expected} is expected, that is {slot}, and {came} came back"
    if came == () and len(expected) >= 1:
        return Wrong(
            f"{message}: the result is one number for the whole batch, where one per "
            f"{slot.axes[0]} is wanted.",
            "reduced-over-batch",
        )
    if sorted(n for n in came if n != 1) == sorted(n for n in expected if n != 1):
        if len(came) != len(expected):
            message += ": an axis of length 1 is too many or missing"
        elif came != expected:
            message += ": the axes are in another order"
    return Wrong(message + ".", "wrong-shape")


def _kind(value: object) -> str:
    if isinstance(value, np.ndarray):
        return "a numpy array"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
