"""What kind of numbers these are: the step between neighbouring values, and whose units differ."""

import math
from typing import Literal

import torch
from torch import Tensor

Kind = Literal["binary", "stepped", "real"]
MOST_LEVELS = 2**17  # 16 bits, and a little more; whole numbers may have 2^22
LOOKED_AT = 2**18  # values that a step is guessed from, before all of them are compared with it
CHANNELS = 12  # at most, for an axis to be taken for channels without being told


def kind_of(x: Tensor) -> tuple[Kind, float]:
    """What kind of numbers these are, and the step between neighbouring ones, 0 for real numbers.

    Two values are "binary", many at equal distances "stepped".

    Args:
        x: (N, ...).

    >>> kind_of(torch.tensor([[0.0, 51 / 255], [1.0, 0.0]]))[0]
    'stepped'
    """
    low, high = float(x.min()), float(x.max())
    if low < high and bool(((x == low) | (x == high)).all()):
        return "binary", high - low
    step = step_of(x)
    return ("stepped", step) if step else ("real", 0.0)


def step_of(x: Tensor) -> float:
    """The largest step of which all differences are whole multiples; 0 if there is none.

    Euclid's algorithm on the sorted values, with the tolerance that the dtype asks for. A step
    has to be 64 times as large as what the dtype can tell apart, else every number has one.

    Args:
        x: any shape.

    >>> step_of(torch.tensor([-1.0, -0.5, 0.25]))
    0.25
    """
    values = x.detach().flatten()
    some = values
    if len(values) > LOOKED_AT:
        some = values[:: len(values) // LOOKED_AT]
    levels, whole = some.unique().double(), bool((some == some.round()).all())
    resolution = torch.finfo(x.dtype).eps * float(values.abs().max().double())
    step = _common_divisor(levels, resolution)
    if not step:
        return 0.0
    count = (float(levels[-1]) - float(levels[0])) / step
    if step < 64 * resolution or count > (2**22 if whole else MOST_LEVELS):
        return 0.0
    if len(some) < len(values):  # what was not looked at may lie in between
        k = (values.double() - float(levels[0])) / step
        if float((k - k.round()).abs().max()) * step > 4 * resolution:
            finer = torch.cat([levels, values.unique().double()]).unique()
            step = _common_divisor(finer, resolution)
            count = (float(finer[-1]) - float(finer[0])) / step if step else math.inf
            return step if step >= 64 * resolution and count <= MOST_LEVELS else 0.0
    return step


def _common_divisor(levels: Tensor, resolution: float) -> float:
    """Of the differences of sorted levels; 0 if it falls to what the dtype cannot tell apart."""
    gaps = levels.diff()
    if not len(gaps):
        return 0.0
    step = float(gaps.min())
    for _ in range(64):
        if step < 64 * resolution:
            return 0.0
        near = gaps[(gaps > 0.5 * step) & (gaps < 1.5 * step)]
        if len(near):
            step = float(near.mean())  # rounding of single values averages out
        k = (gaps / step).round()
        rest = (gaps - k * step).abs()
        wrong = rest > (4 + k) * resolution
        if bool(wrong.any()):
            step = float(rest[wrong].min())
            continue
        step = float((levels[-1] - levels[0]) / k.sum())  # from end to end
        rest = (levels - levels[0]) / step
        even = (rest - rest.round()).abs() * step <= 4 * resolution
        return step if bool(even.all()) else 0.0
    return 0.0


def mixed_units(x: Tensor) -> bool:
    """Whether the columns of (N, C) look like quantities in different units.

    Ranges that do not meet, or deviations of which one is ten times another; but if most columns
    share their lowest value, as pixels share black, they are of one kind.
    """
    low, high = x.amin(dim=0), x.amax(dim=0)
    changing = high > low
    if int(changing.sum()) < 2:
        return False
    low, high, x = low[changing], high[changing], x[:, changing].double()
    if int((low == low.min()).sum()) > max(1, len(low) // 2):
        return False
    deviation = x.std(dim=0)
    apart = bool(low.max() > high.min())
    return apart or float(deviation.max() / deviation.min()) > 10


def channel_axis(x: Tensor) -> int | None:
    """The axis of (N, T, C) or (N, C, T) that holds channels in different units, if one does."""
    if x.ndim != 3:
        return None
    for axis, other in ((2, 1), (1, 2)):
        c, t = x.shape[axis], x.shape[other]
        if 2 <= c <= CHANNELS and t >= 2 * c and mixed_units(x.movedim(axis, 2).flatten(0, 1)):
            return axis
    return None
