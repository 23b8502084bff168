"""From numbers in memory to samples that a Gaussian or a Bernoulli VAE can be fitted to.

What kind of numbers they are decides what a negative ELBO means:

- "binary", 0 and 1: -log P(x), a number of nats that a file can have;
- "stepped", such as bytes: real numbers after a little noise, u even over one step, and on average
  -log P(x) <= -log p(x + u) - D log step (Theis, van den Oord and Bethge 2016, section 3.1).
  A file again;
- "real": -log p(x), a density, which changes with the units and has no zero point.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import torch
from torch import Tensor

from .. import datasets
from ..datasets.own import MIN_SAMPLES, Loaded
from ..datasets.parts import Parts, assign, first_of_each, streams
from .steps import Kind, channel_axis, kind_of, mixed_units, step_of

FEW = 500  # training samples
Repeats = Literal["keep", "apart", "drop"]
Channels = Literal["first", "last", "none"]
FEW_BITS = (512, 64)  # of a sample: a table or a picture that can take so few values repeats itself


@dataclass(frozen=True)
class Prepared:
    """Samples in three parts, flat, and what is needed to go to the model's units and back.

    In the model's units y = (k - centre) / scale, k = (x - origin) / unit: whole numbers where the
    data have a step, which is then the unit. So the same pictures in bytes, in [0, 1] and in
    [-1, 1] are the same numbers to a model. For binary data k is 0 or 1, and y = k.
    """

    train: Tensor  # (N, D), in the data's units, as `validation` and `test`
    validation: Tensor
    test: Tensor
    shape: tuple[int, ...]  # of one sample: (D,), (H, W), (3, H, W), (T, C)
    is_image: bool  # whether a sample has rows and columns
    kind: Kind  # "real" also if some columns have steps and others have none
    stepped: Tensor  # bool, (1, 1) or (1, D), which numbers have a step
    origin: Tensor  # (1, 1) or (1, D), data's units; 0 where there is no step
    unit: Tensor  # data's units; 1 where there is no step
    k_centre: Tensor  # in units, (1, 1) for grey images, else (1, D)
    k_scale: Tensor
    mixed: bool  # columns or channels in different units
    repeats: int  # samples that equal an earlier one, wherever they are now
    seed: int
    labels: Parts | None = None  # (N,) each, if there were any
    classes: tuple[str, ...] = ()  # their names
    notes: tuple[str, ...] = ()  # what was done, a sentence each

    @property
    def data_dim(self) -> int:
        """D, numbers per sample."""
        return self.train.shape[1]

    @property
    def step(self) -> float:
        """The smallest step between neighbouring values; 0 for real numbers."""
        return float(self.unit[self.stepped].min()) if self.kind != "real" else 0.0

    @property
    def centre(self) -> Tensor:
        """Mean of the training data, in the data's units; for binary data the lower value."""
        return self.origin + self.unit * self.k_centre

    @property
    def scale(self) -> Tensor:
        """Deviation of the training data, in the data's units; for binary data the step."""
        return self.unit * self.k_scale

    @property
    def constant_nats(self) -> float:
        """Nats per sample between a density in the model's units and what is reported.

        -log p(x) = -log p(y) + sum_d log scale_d, and each step of the data takes log step off:
        what is left is the scale in steps.
        """
        return float(self.k_scale.double().log().expand(1, self.data_dim).sum())

    def to_model(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """(B, D) in the data's units -> the model's, stepped data with noise of one step."""
        k = (x - self.origin) / self.unit
        if self.kind == "binary":
            return k.round()
        if bool(self.stepped.any()):
            u = torch.rand(x.shape, generator=generator, dtype=x.dtype) - 0.5
            k = torch.where(self.stepped, k.round() + u, k)
        return (k - self.k_centre) / self.k_scale

    def to_data(self, y: Tensor) -> Tensor:
        """(B, D) in the model's units -> the data's."""
        return self.origin + self.unit * (y * self.k_scale + self.k_centre)

    def as_samples(self, flat: Tensor) -> Tensor:
        """(B, D) -> (B, *shape)."""
        return flat.reshape(-1, *self.shape)

    def statistic(self, samples: Tensor) -> Tensor:
        """One number for each sample (N, ...), where nobody has named a better one: (N,).

        For pictures the deviation of their pixels. The numbers of a table have units of their own,
        so there it is the rms distance from the centre, each number in its own deviations.
        """
        if self.is_image:
            return samples.flatten(1).std(dim=1)
        k = (samples.flatten(1) - self.origin) / self.unit
        return ((k - self.k_centre) / self.k_scale).square().mean(dim=1).sqrt()

    @property
    def measure(self) -> str:
        """What `statistic` is."""
        return "spread within a sample" if self.is_image else "distance from the centre"


def read(source: str | Path | BinaryIO | np.ndarray | Tensor, **options: Any) -> Loaded:
    """Your data: what `datasets.read_own` takes, or the word "mnist".

    MNIST is downloaded once, 12 MB, checked by SHA-256; its training images are returned.

    Args:
        source: a path, an open file, an array, or "mnist".
        options: of `datasets.read_own`.

    Returns:
        Loaded: x is (N, D), (N, H, W) or (N, 3, H, W), with as_is=True any (N, ...).

    Raises:
        ValueError: one sentence, as `datasets.read_own`; or options were given with "mnist".
        ConnectionError: if MNIST is not on this machine and cannot be fetched.
    """
    if not (isinstance(source, str) and source == "mnist"):
        return datasets.read_own(source, **options)
    if options:
        raise ValueError(f'"mnist" takes no options, leave {", ".join(options)} out.')
    return Loaded(datasets.mnist(download=True).train)


def prepare(
    data: Loaded | Tensor,
    *,
    groups: Any = None,
    repeats: Repeats | None = None,
    channels: Channels | None = None,
    seed: int = 0,
) -> Prepared:
    """Split samples and find out what kind of numbers they are.

    A split that the file brought is kept. Else samples are shared out 80 : 10 : 10, groups as
    wholes. Of numbers that can take few values repeats are the distribution, and all stay; of
    others they would be a leak, and each copy stays in training or is left out.

    Grey images get one centre and scale for all pixels, colours and channels of different units
    one each, vectors one for each column; all are those of the training data. What follows is in
    float32.

    Args:
        data: from `read`, or (N, D), (N, H, W), (N, 3, H, W); other axes are flattened to (N, D).
        groups: a number or word for each sample, (N,): what shares one stays in one part.
        repeats: "keep" all; hold them "apart", so that no sample of a part is in another or twice
            in validation or test; "drop" all copies; None chooses between the first two.
        channels: the axis of (N, T, C) "last" or (N, C, T) "first" that holds quantities of
            different units, "none" for pictures; None looks at the numbers.
        seed: of the split.

    Raises:
        ValueError: for fewer than 20 samples after repeats are left out, or numbers that are not
            finite, or all equal, or groups that cannot be shared out.
    """
    loaded = data if isinstance(data, Loaded) else Loaded(_as_floats(data))
    x = _as_floats(loaded.x)
    if groups is not None:
        loaded = replace(loaded, groups=_numbers(groups, len(x)))
    _require_options(x, repeats, channels)
    axis = channel_axis(x) if channels is None else {"first": 1, "last": 2}.get(channels)
    image = axis is None and (x.ndim == 3 or (x.ndim == 4 and x.shape[1] == 3))
    shape = tuple(x.shape[1:]) if image or axis is not None else (math.prod(x.shape[1:]),)
    kind, step = kind_of(x)
    flat, mixed = x.flatten(1), axis is not None or (not image and mixed_units(x.flatten(1)))
    stepped, origin, unit = _steps(x, axis, kind, step, mixed)
    if bool(stepped.all()):
        kind = "binary" if kind == "binary" else "stepped"
    bits = _bits(flat, unit) if bool(stepped.all()) else math.inf
    if repeats is None:
        repeats = "keep" if bits <= FEW_BITS[image] else "apart"
    parts, copies, note = _share_out(flat, loaded, repeats, seed)
    flat = flat.float()
    train, validation, test = (flat[part] for part in parts)
    origin, unit = origin.float(), unit.float()
    k = (train - origin) / unit
    k = torch.where(stepped, k.round(), k).double()
    centre, scale = torch.zeros(1, 1), torch.ones(1, 1)
    if kind != "binary":
        per = _per_channel(k, shape, image, axis)  # (N, D) -> (M, C)
        centre, scale = per.mean(dim=0, keepdim=True).float(), per.std(dim=0, keepdim=True).float()
        # A column of one value needs no scale, and has none.
        scale = torch.where(scale > 0, scale, 1.0)
        centre, scale = (_spread(v, shape, image, axis) for v in (centre, scale))
    labels = None if loaded.labels is None else Parts(*(loaded.labels[part] for part in parts))
    return Prepared(
        train,
        validation,
        test,
        shape,
        image,
        kind,
        stepped,
        origin,
        unit,
        centre,
        scale,
        mixed,
        repeats=copies,
        seed=seed,
        labels=labels,
        classes=loaded.classes,
        notes=loaded.notes + note,
    )


# ---------------------------------------------------------------------- helpers


def _as_floats(x: Tensor) -> Tensor:
    if isinstance(x, np.ndarray):
        x = torch.from_numpy(np.ascontiguousarray(x))
    x = x.float() if not (x.is_floating_point() or x.is_complex()) else x
    if x.ndim < 2 or x.is_complex() or not bool(x.isfinite().all()):
        raise ValueError(
            "prepare takes finite real numbers (N, ...), such as `read` returns, not "
            f"{x.dtype} of shape {tuple(x.shape)}{'' if x.is_complex() else _holes(x)}."
        )
    return x


def _holes(x: Tensor) -> str:
    n = int((~x.isfinite()).sum())
    return f" with {n} that are NaN or infinite" if n else ""


def _numbers(groups: Any, n: int) -> Tensor:
    values = np.asarray(groups.cpu() if isinstance(groups, Tensor) else groups)
    if values.shape != (n,):
        raise ValueError(f"groups needs one entry for each of the {n} samples, not {values.shape}.")
    return torch.from_numpy(np.unique(values, return_inverse=True)[1].reshape(-1)).long()


def _require_options(x: Tensor, repeats: str | None, channels: str | None) -> None:
    if repeats not in (None, "keep", "apart", "drop"):
        raise ValueError(f'repeats must be "keep", "apart" or "drop", got {repeats!r}.')
    if channels not in (None, "first", "last", "none"):
        raise ValueError(f'channels must be "first", "last" or "none", got {channels!r}.')
    if channels in ("first", "last") and x.ndim != 3:
        raise ValueError(
            f"channels are an axis of (N, T, C) or (N, C, T), and these have the shape "
            f"{tuple(x.shape)}: reshape them first."
        )


def _steps(
    x: Tensor, axis: int | None, kind: Kind, step: float, mixed: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Which numbers have steps, from where and how wide, in float64: (1, 1), or (1, D) if mixed."""
    flat = x.flatten(1)
    if not mixed or kind == "binary":
        stepped = torch.tensor([[kind != "real"]])
        origin = flat.double().min().reshape(1, 1) if kind != "real" else torch.zeros(1, 1)
        unit = torch.full((1, 1), step if kind != "real" else 1.0, dtype=torch.float64)
        return stepped, origin.double(), unit
    columns = flat if axis is None else x.movedim(axis, 2).flatten(0, 1)  # (N, D) or (N T, C)
    steps = torch.tensor([step_of(c) for c in columns.T], dtype=torch.float64)
    low, high = columns.amin(dim=0).double(), columns.amax(dim=0).double()
    constant = low == high
    if bool(((steps > 0) | constant).all()):
        steps[constant] = 1.0
    stepped, unit = steps > 0, torch.where(steps > 0, steps, 1.0)
    origin = torch.where(stepped, low, 0.0)
    shape = tuple(x.shape[1:]) if axis is not None else (x[0].numel(),)
    wide = (_spread(v[None], shape, False, axis) for v in (stepped, origin, unit))
    stepped, origin, unit = wide
    return stepped, origin, unit


def _per_channel(k: Tensor, shape: tuple[int, ...], image: bool, axis: int | None) -> Tensor:
    """(N, D) -> (M, C), the numbers that share a centre and a scale in one column."""
    if axis is not None:
        return k.reshape(-1, *shape).movedim(axis, -1).flatten(0, -2)  # (N, D) -> (N T, C)
    if not image:
        return k
    if len(shape) == 3:
        return k.reshape(-1, *shape).movedim(1, -1).flatten(0, -2)  # (N, D) -> (N H W, 3)
    return k.reshape(-1, 1)  # (N, D) -> (N D, 1)


def _spread(v: Tensor, shape: tuple[int, ...], image: bool, axis: int | None) -> Tensor:
    """One value for each channel, (1, C), at each number of a sample, (1, D)."""
    if axis is not None:
        of = [1, 1]
        of[axis - 1] = -1
        return v.reshape(of).expand(shape).reshape(1, -1)  # (1, C) -> (T, C) -> (1, D)
    if image and len(shape) == 3:
        return v.reshape(3, 1, 1).expand(shape).reshape(1, -1)  # (1, 3) -> (3, H, W) -> (1, D)
    return v


def _bits(flat: Tensor, unit: Tensor) -> float:
    """log2 of the number of samples that could be told apart with these levels."""
    levels = ((flat.amax(dim=0).double() - flat.amin(dim=0).double()) / unit).round() + 1
    return float(levels.clamp_min(1).log2().sum())


def _share_out(
    flat: Tensor, loaded: Loaded, repeats: Repeats, seed: int
) -> tuple[list[Tensor], int, tuple[str, ...]]:
    """Indices of the three parts, how many samples equal an earlier one, and what was done."""
    n, notes = len(flat), []
    first = first_of_each(flat)  # (N,), the index of the first sample that is equal
    copies = int((first != torch.arange(n)).sum())
    different = n - copies
    enough = n if repeats == "keep" else different
    if different < 2:
        raise ValueError("All samples are equal: there is nothing to learn from them.")
    if enough < MIN_SAMPLES:
        raise ValueError(
            f"{n} samples are too few once repeats are left out: {MIN_SAMPLES} different ones "
            "are needed to train, validate and test."
        )
    belong = loaded.groups
    if loaded.parts is not None:
        part = loaded.parts.clone()
        if not bool((part == 1).any()):
            learn = (part == 0).nonzero()[:, 0]
            inner = assign(
                len(learn), None if belong is None else belong[learn], (0.1, 0.0), seed=seed
            )
            part[learn[inner == 1]] = 1
            notes.append("A tenth of the training part is for validation: the file has none.")
    elif belong is not None:
        part = assign(n, belong, (0.1, 0.1), seed=seed)
        groups = int(belong.unique().numel())
        notes.append(f"The {groups} groups stay whole: none is in two parts.")
    elif repeats == "keep":
        part = assign(n, None, (0.1, 0.1), seed=seed)
    else:
        kept = (first == torch.arange(n)).nonzero()[:, 0]
        part = torch.empty(n, dtype=torch.long)
        part[kept] = assign(different, None, (0.1, 0.1), seed=seed)
        part = part[first]  # copies go where the first one is
    left_out = torch.zeros(n, dtype=torch.bool)
    if repeats != "keep" and copies:
        left_out = _copies_to_leave_out(first, part, everywhere=repeats == "drop")
    if copies:
        notes.append(_said(copies, int(left_out.sum()), repeats))
    order = torch.randperm(n, generator=streams(seed)[0])
    indices = [order[(part[order] == p) & ~left_out[order]] for p in range(3)]
    if min(map(len, indices)) < 2:
        sizes = tuple(map(len, indices))
        raise ValueError(
            f"The parts would have {sizes} samples, and training, validation and test need at "
            'least 2 each: bring more samples, or other groups, or repeats="keep".'
        )
    return indices, copies, tuple(notes)


def _copies_to_leave_out(first: Tensor, part: Tensor, everywhere: bool) -> Tensor:
    """Samples equal to one of an earlier part, and second ones within validation or test.

    Args:
        first: (N,), the index of the first sample that is equal.
        part: (N,), 0, 1 or 2.
        everywhere: also second ones within training.

    Returns:
        bool, (N,).
    """
    here, n = torch.arange(len(first)), len(first)
    earliest = torch.full((n,), 3).scatter_reduce(0, first, part, "amin")[first]
    allowed = torch.where(part == earliest, here, n)
    kept = torch.full((n,), n).scatter_reduce(0, first, allowed, "amin")[first]
    second = (here != kept) & ((part > 0) | everywhere)
    return (part != earliest) | second


def _said(copies: int, left_out: int, repeats: Repeats) -> str:
    """What was done with samples that equal an earlier one."""
    equal = f"{copies} {'sample equals' if copies == 1 else 'samples equal'} an earlier one"
    if repeats == "keep":
        return f'{equal}; all stay, being a part of the distribution: repeats="apart" parts them.'
    if repeats == "drop":
        return f"{equal}: {left_out} were left out."
    return (
        f"{equal}: {copies - left_out} stay in training, {left_out} were left out, so that none "
        'is in two parts; repeats="keep" takes all.'
    )
