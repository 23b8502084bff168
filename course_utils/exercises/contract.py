"""What an answer returns: judged by the exercise's signature, and taken in other types too.

The right number in another type (a Python float, a numpy array, a list, float64 for float32) is
right: `settle` makes of it what the signature promises, and says in one remark what to write
instead. What would lose something stays as it came, and `conform` refuses it: a precision below
the input's, whole numbers for real ones, a wrong shape.
"""

import functools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ..sandbox.functions import stacked
from .signature import Signature, Slot, first_dtype

GOES_ON = "The lecture goes on with the converted value."


class Wrong(Exception):
    """A law does not hold. `slug` names the mistake where it is known already."""

    def __init__(self, message: str, slug: str | None = None):
        super().__init__(message)
        self.message, self.slug = message, slug


# --- other types ------------------------------------------------------------------------------


def settle(value: object, signature: Signature, args: tuple) -> tuple[object, str | None]:
    """The value in the types of the signature, and a remark where it came in others.

    Only types change here. What cannot be converted without a loss is handed back as it is.
    """
    slots, dtype = signature.returns, first_dtype(args)
    like = next((slot.name for slot in signature.arguments if slot.kind == "tensor"), "x")
    if len(slots) == 1:
        value, remark = _settle_one(value, slots[0], dtype, like)
        return value, remark and f"{remark} {GOES_ON}"
    remarks = []
    if isinstance(value, list) or (isinstance(value, np.ndarray | Tensor) and value.ndim):
        if len(value) != len(slots) or not _holds_all(value, signature, args):
            return value, None
        remarks.append(f"{_kind(value)} came back; write `return a, b` instead, which is a tuple.")
        value = tuple(value)
    if not isinstance(value, tuple) or len(value) != len(slots):
        return value, None
    settled = []
    for i, (one, slot) in enumerate(zip(value, slots, strict=True)):
        one, remark = _settle_one(one, slot, dtype, like)
        settled.append(one)
        if remark:
            remarks.append(f"value {i + 1} of {len(slots)}: {remark}")
    return tuple(settled), _sentence(f"{remarks[0]} {GOES_ON}") if remarks else None


def _holds_all(value: list | np.ndarray | Tensor, signature: Signature, args: tuple) -> bool:
    """May this be all values in one? A tensor of as many rows as values need not be."""
    if isinstance(value, list):
        return True
    try:
        shapes = signature.expected_shapes(args)
    except (AttributeError, ValueError):  # arguments that do not fit: nothing is known
        return True
    return any(tuple(part.shape) == shape for part, shape in zip(value, shapes, strict=True))


def settled(function: Callable, signature: Signature) -> Callable:
    """The function with its results in the types of the signature."""

    @functools.wraps(function)
    def wrapped(*args: object, **kwargs: object) -> object:
        return settle(function(*args, **kwargs), signature, (*args, *kwargs.values()))[0]

    return wrapped


def _settle_one(
    value: object, slot: Slot, dtype: torch.dtype, like: str
) -> tuple[object, str | None]:
    if slot.kind in ("float", "int"):
        return _as_number(value, slot.kind)
    tensor = value if isinstance(value, Tensor) or _several(value, slot) else stacked(value)
    if not isinstance(tensor, Tensor):
        return value, None
    boolean = slot.kind == "bool"
    if not (tensor.dtype == torch.bool if boolean else _at_least(tensor.dtype, dtype)):
        return value if isinstance(value, Tensor) else tensor, None
    if not isinstance(value, Tensor):
        if isinstance(value, np.ndarray):
            advice = "stay in torch, or write `torch.from_numpy(...)` at the end instead"
        elif isinstance(value, list | tuple):
            advice = f"write `torch.stack(...)` or `{like}.new_tensor(...)` instead"
        else:
            advice = f"leave out `.item()` and `float()`, or write `{like}.new_tensor(...)` instead"
        remark = f"{_sentence(_kind(value))} came back where a tensor is expected: {advice}."
        return tensor if boolean else tensor.to(dtype), remark
    if boolean or tensor.dtype == dtype:
        return value, None
    remark = (
        f"The result is {_short(tensor.dtype)} where the input is {_short(dtype)}: keep the "
        f"input's dtype, write `.to({like}.dtype)` at the end instead."
    )
    return tensor.to(dtype), remark


def _several(value: object, slot: Slot) -> bool:
    """Are these several results where one is wanted, rather than the entries of one?"""
    if not slot.axes:
        return isinstance(value, list | tuple)
    if not isinstance(value, tuple):
        return False
    return any(isinstance(item, list | tuple) or getattr(item, "shape", ()) for item in value)


def _as_number(value: object, kind: str) -> tuple[object, str | None]:
    """A Python number of a tensor or numpy's number without axes, where nothing is lost."""
    number = value if isinstance(value, Tensor) else stacked(value)
    if isinstance(value, int | float) and type(value) not in (int, float, bool):
        pass  # numpy's float64 is a Python float as well, and prints otherwise
    elif not isinstance(value, Tensor | np.ndarray | np.generic):
        return value, None
    if not isinstance(number, Tensor) or number.ndim or number.dtype == torch.bool:
        return value, None
    whole = not number.dtype.is_floating_point and not number.dtype.is_complex
    if not whole and (kind == "int" or not _at_least(number.dtype, torch.float32)):
        return value, None
    advice = "`.item()` at the end" if isinstance(value, Tensor) else f"`{kind}(...)` around it"
    return number.item(), (
        f"{_sentence(_kind(value))} came back where a Python {kind} is expected: write {advice} "
        "instead."
    )


def _at_least(dtype: torch.dtype, wanted: torch.dtype) -> bool:
    """Is it a real type with at least the precision of the other?"""
    return dtype.is_floating_point and torch.finfo(dtype).eps <= torch.finfo(wanted).eps


# --- judging ----------------------------------------------------------------------------------


def conform(value: object, signature: Signature, args: tuple) -> Tensor | tuple | float | int:
    """Judge a settled value by the signature: its type, shape, dtype, and that it is finite.

    Raises:
        Wrong: with a sentence that says what came and what was expected.
    """
    try:
        return _conform(value, signature, args)
    except Wrong as wrong:
        raise Wrong(_sentence(wrong.message), wrong.slug) from None


def _conform(value: object, signature: Signature, args: tuple) -> Tensor | tuple | float | int:
    slots, shapes = signature.returns, signature.expected_shapes(args)
    dtype = first_dtype(args)
    if len(slots) == 1:
        return _conform_one(value, slots[0], shapes[0], dtype, "")
    if not isinstance(value, tuple) or len(value) != len(slots):
        came = _kind(value)
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
            raise Wrong(
                f"{place}a Python {slot.kind} is expected; {_kind(value)} came back.", "wrong-type"
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise Wrong(f"{place}the result is {value}.", "not-finite")
        return value
    if not isinstance(value, Tensor):
        raise Wrong(f"{place}a tensor is expected; {_kind(value)} came back.", "wrong-type")
    if tuple(value.shape) != shape:
        raise _wrong_shape(tuple(value.shape), shape, slot, place)
    if slot.kind == "bool":
        if value.dtype != torch.bool:
            raise Wrong(
                f"{place}True or False is expected; {value.dtype} came back.", "wrong-dtype"
            )
        return value
    if value.is_complex() and not dtype.is_complex:
        raise Wrong(
            f"{place}complex numbers came back, and real ones are expected: of a symmetric matrix "
            "`torch.linalg.eigh` gives real eigenvectors, in order, and `eig` does not; the root "
            "of a negative number is complex, too.",
            "wrong-dtype",
        )
    if value.dtype != dtype:
        raise Wrong(
            f"{place}the input is {_short(dtype)} and the result {_short(value.dtype)}: "
            "keep the input's dtype.",
            "wrong-dtype",
        )
    value = value.detach()
    if not bool(torch.isfinite(value).all()):
        what, look_for = (
            (
                "nan",
                "zero over zero, infinity over infinity, or a root or a logarithm of a negative "
                "number",
            )
            if bool(value.isnan().any())
            else ("infinity", "a division by zero, the logarithm of zero, or too large an `exp`")
        )
        raise Wrong(
            f"{place}the result contains {what}, although every input is finite: look for "
            f"{look_for}.",
            "not-finite",
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
    if value is None:
        return "None"
    if isinstance(value, np.generic):
        return f"a numpy number ({type(value).__name__})"
    if isinstance(value, np.ndarray):
        return "a numpy array"
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)} and type {_short(value.dtype)}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    name = type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]
