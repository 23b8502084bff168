"""Signatures of exercises: one line says what goes in and what must come out.

`"x (N, D), k int -> (D,), (k, D)"` reads: a tensor `x` of shape (N, D) and an integer `k`;
returns a pair of tensors of shapes (D,) and (k, D). A letter stands for the same size wherever
it occurs, `2K` for twice the size of `K`, and an integer argument is a size under its own name.
`...` stands for any further axes, `()` for a 0-d tensor, `(K,) bool` for a boolean tensor, `float`
and `int` for plain numbers, `ints` for a list of whole numbers; `function`, `module` and
`generator` for what only a script of calls can hand over (script.py).
"""

import re
from dataclasses import dataclass

import torch
from torch import Tensor

OBJECTS = ("function", "module", "generator")
PLAIN = ("float", "int", "ints", *OBJECTS)  # kinds without axes


@dataclass(frozen=True)
class Slot:
    """One argument or one returned value: its name, its kind, and the axes of a tensor."""

    name: str
    kind: str  # "tensor", "bool" (a boolean tensor), "float", "int", "ints" or one of OBJECTS
    axes: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind in PLAIN:
            return self.kind
        inside = ", ".join(self.axes) + (
            "," if len(self.axes) == 1 and "..." not in self.axes else ""
        )
        return f"({inside})" + (" bool" if self.kind == "bool" else "")


@dataclass(frozen=True)
class Signature:
    """The arguments of an exercise and what it returns.

    Example:
        >>> signature = parse("mu (B, K), log_var (B, K) -> (B,)")
        >>> signature.arguments[0].axes
        ('B', 'K')
        >>> signature.expected_shapes((torch.zeros(3, 2), torch.zeros(3, 2)))
        [(3,)]
    """

    text: str
    arguments: tuple[Slot, ...]
    returns: tuple[Slot, ...]

    @property
    def call(self) -> str:
        """The arguments' names as they stand in a definition: `(mu, log_var)`."""
        return "(" + ", ".join(slot.name for slot in self.arguments) + ")"

    def expected_shapes(self, args: tuple) -> list[tuple[int, ...]]:
        """Shapes of the returned values, one per slot, for these arguments; () for plain numbers.

        Raises:
            ValueError: when the arguments themselves do not fit the signature.
        """
        sizes: dict[str, int | tuple[int, ...]] = {}
        if len(args) != len(self.arguments):
            raise ValueError(
                f"'{self.text}' takes {len(self.arguments)} arguments, not {len(args)}"
            )
        for slot, value in zip(self.arguments, args, strict=True):
            if slot.kind == "int":
                sizes[slot.name] = value
            elif slot.kind in ("tensor", "bool"):
                _bind(slot, tuple(value.shape), sizes)
        return [_shape(slot, sizes) for slot in self.returns]


def parse(text: str) -> Signature:
    """Read a signature such as `"x (N, D), k int -> (D,), (k, D)"`.

    Raises:
        ValueError: when the text does not follow the grammar at the top of this file.
    """
    try:
        before, after = text.split("->")
        arguments = [_slot(*part.split(" ", 1)) for part in _split(before)]
        returns = [_slot("", part) for part in _split(after)]
    except (ValueError, TypeError):
        raise ValueError(
            f"cannot read the signature '{text}': write 'x (N, D), k int -> (D,)'"
        ) from None
    return Signature(text, tuple(arguments), tuple(returns))


def _split(text: str) -> list[str]:
    """Split at the commas that stand outside parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text)]


def _slot(name: str, kind: str) -> Slot:
    kind = kind.strip()
    if kind in PLAIN:
        return Slot(name, kind)
    match = re.fullmatch(r"\((.*)\)( bool)?", kind)
    if match is None:
        raise ValueError(kind)
    axes = tuple(axis.strip() for axis in match[1].split(",") if axis.strip())
    return Slot(name, "bool" if match[2] else "tensor", axes)


def _bind(slot: Slot, shape: tuple[int, ...], sizes: dict) -> None:
    """Give each axis letter of the slot its size in `shape`."""
    axes = list(slot.axes)
    if "..." in axes:
        at = axes.index("...")
        extra = len(shape) - (len(axes) - 1)
        sizes["..."] = shape[at : at + extra]
        shape = shape[:at] + shape[at + extra :]
        axes.remove("...")
    if len(axes) != len(shape):
        raise ValueError(f"{slot.name} should have shape {slot}, not {tuple(shape)}")
    for axis, size in zip(axes, shape, strict=True):
        known = int(axis) if axis.isdigit() else sizes.setdefault(axis, size)
        if known != size:
            raise ValueError(f"{slot.name}: axis {axis} is {known} elsewhere and {size} here")


def _shape(slot: Slot, sizes: dict) -> tuple[int, ...]:
    shape: tuple[int, ...] = ()
    for axis in slot.axes:
        size = int(axis) if axis.isdigit() else _size(axis, sizes)
        shape += size if isinstance(size, tuple) else (size,)
    return shape


def _size(axis: str, sizes: dict) -> int | tuple[int, ...]:
    """The size of an axis such as "K", or of a multiple of it such as "2K"."""
    letter = axis.lstrip("0123456789")
    times = axis.removesuffix(letter)
    return int(times) * sizes[letter] if times else sizes[letter]


def first_dtype(args: tuple) -> torch.dtype:
    """The floating-point type of the first tensor: results must keep it."""
    for value in args:
        if isinstance(value, Tensor) and value.dtype.is_floating_point:
            return value.dtype
    return torch.get_default_dtype()
