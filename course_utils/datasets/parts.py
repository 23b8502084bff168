"""Three parts that never mix: samples to learn from, to choose with, and to judge by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..simulators import molecular, sprites

T = TypeVar("T")
Sizes = tuple[int, int, int]  # samples for training, validation and test


class Parts(NamedTuple):
    """What belongs to the three tensors of `Splits`, sample by sample: labels, or factors."""

    train: Any
    validation: Any
    test: Any


@dataclass(frozen=True, repr=False)
class Splits:
    """Samples to learn from, to choose with, and to judge by: each (N, ...), with its own N.

    Fit on `train`, choose sizes and stopping times on `validation`, quote numbers on `test`.
    """

    train: Tensor
    validation: Tensor
    test: Tensor
    description: str  # one sentence: what a sample is, and its units
    labels: Parts | None = None  # integer tensors (N,)
    factors: Parts | None = None  # the causes of simulated images, `sprites.Factors`
    truth: sprites.EnumeratedSprites | molecular.Boltzmann | None = None  # has the exact log_prob

    def __repr__(self) -> str:
        names = ("train", "validation", "test")
        parts = (f"{name} {tuple(getattr(self, name).shape)}" for name in names)
        return f"{self.description}\n{', '.join(parts)}"


def streams(seed: int) -> tuple[torch.Generator, torch.Generator, torch.Generator]:
    """Three independent sources of random numbers, for training, validation and test.

    A 32-bit word is hashed from the seed for each part, and its last two bits are replaced by the
    part's number, so the three differ for every seed. Nor do they repeat the numbers of
    `torch.Generator().manual_seed(seed)`, which a notebook may draw beside them.

    Raises:
        ValueError: if seed is not a whole number from 0 upwards.

    >>> [g.initial_seed() % 4 for g in streams(0)]
    [0, 1, 2]
    """
    _require_seed(seed)
    # 32 bits, because PyTorch's generator on the CPU looks at no more of its seed.
    words = np.random.SeedSequence(seed).generate_state(3, np.uint32)
    seeds = [int(word) & ~3 | part for part, word in enumerate(words)]
    train, validation, test = (torch.Generator().manual_seed(s) for s in seeds)
    return train, validation, test


def overlap(first: Tensor, second: Tensor) -> int:
    """How many samples of `second` are equal, number for number, to a sample of `first`.

    Args:
        first, second: (N, ...), samples of one shape and dtype.

    Raises:
        ValueError: if the samples differ in shape or dtype.
    """
    if first.shape[1:] != second.shape[1:] or first.dtype != second.dtype:
        raise ValueError(
            f"Only samples of one shape and dtype can be equal: got {tuple(first.shape)} of "
            f"{first.dtype} and {tuple(second.shape)} of {second.dtype}."
        )
    known = set(_sample_bytes(first))
    return sum(sample in known for sample in _sample_bytes(second))


def split(
    x: Tensor,
    labels: Tensor | None = None,
    *,
    validation: float = 0.1,
    test: float = 0.1,
    groups: Tensor | None = None,
    keep_repeats: bool = False,
    seed: int = 0,
) -> Splits:
    """Share samples out at random: the rest is for training.

    Of samples that are equal number for number only the first is kept, else a test sample could
    be a training sample; the description says how many were left out. Keep the repeats where
    they are part of the distribution, as they are for small binary images.

    Args:
        x: (N, ...).
        labels: (N,), shared out alongside.
        validation, test: fractions of the samples, rounded to a whole number of them.
        groups: (N,), a number for each sample; samples that share one stay in one part.
        keep_repeats: take all samples, equal ones too.
        seed: of the shuffle.

    Raises:
        ValueError: if a part would be empty, the labels are not (N,), or seed is not a whole
            number from 0 upwards.
    """
    n_all = len(x)
    for name, of_each in (("labels", labels), ("groups", groups)):
        if of_each is not None and of_each.shape != (n_all,):
            raise ValueError(f"{name} must have shape ({n_all},), got {tuple(of_each.shape)}.")
    kept = torch.arange(n_all) if keep_repeats else _first_of_each(x)
    n = len(kept)
    sizes = _sizes(n, (validation, test))
    if min(sizes) < 1:
        raise ValueError(
            f"{n} samples with validation={validation} and test={test} make parts of {sizes}, "
            "and none may be empty: take other fractions or more samples."
        )
    description = f"{n} samples of shape {tuple(x.shape[1:])}."
    if n < n_all:
        description = f"{description[:-1]}, {n_all - n} repeated ones left out."
    x, labels = x[kept], None if labels is None else labels[kept]
    if groups is None:
        return share(x, labels, sizes, seed, description)
    part = assign(n, groups[kept], (validation, test), seed=seed)
    order = torch.randperm(n, generator=streams(seed)[0])
    indices = [order[part[order] == p] for p in range(3)]
    parts = None if labels is None else Parts(*(labels[i] for i in indices))
    train_rows, validation_rows, test_rows = indices
    return Splits(x[train_rows], x[validation_rows], x[test_rows], description, labels=parts)


def assign(
    n: int, groups: Tensor | None, fractions: tuple[float, float], *, seed: int = 0
) -> Tensor:
    """The part of each of n samples at random, 0, 1 or 2: training, validation, test.

    Args:
        n: N.
        groups: (N,), samples that share a number stay in one part; None for each by itself.
        fractions: of validation and test; groups fill them as far as they fit.
        seed: of the order.

    Returns:
        (N,), whole numbers.

    Raises:
        ValueError: if there are fewer groups than parts that are wanted.
    """
    generator, _, _ = streams(seed)
    part = torch.zeros(n, dtype=torch.long)
    sizes = _sizes(n, fractions)
    if groups is None:
        order = torch.randperm(n, generator=generator)
        part[order[sizes[0] : sizes[0] + sizes[1]]] = 1
        part[order[sizes[0] + sizes[1] :]] = 2
        return part
    names, code, counts = groups.unique(return_inverse=True, return_counts=True)
    wanted = [p for p in (2, 1) if fractions[p - 1] > 0]
    if len(names) < 1 + len(wanted):
        raise ValueError(
            f"{len(names)} groups cannot be shared out to {1 + len(wanted)} parts: one for each is "
            "the least."
        )
    of_group = torch.zeros(len(names), dtype=torch.long)
    order = torch.randperm(len(names), generator=generator)
    for p in wanted:
        room = max(1, sizes[p])
        for group in order[of_group[order] == 0].tolist():
            if counts[group] <= room:
                of_group[group], room = p, room - int(counts[group])
        if not bool((of_group == p).any()):  # all are larger than a tenth: take the smallest
            free = of_group == 0
            of_group[torch.where(free, counts, n + 1).argmin()] = p
    return of_group[code]


def _sizes(n: int, fractions: tuple[float, float]) -> Sizes:
    """Training, validation and test samples of n."""
    validation, test = (round(fraction * n) for fraction in fractions)
    return n - validation - test, validation, test


def share(x: Tensor, labels: Tensor | None, sizes: Sizes, seed: int, description: str) -> Splits:
    """Shuffle and cut: the first sum(sizes) samples of a random order."""
    generator, _, _ = streams(seed)
    order = torch.randperm(len(x), generator=generator)[: sum(sizes)].split(list(sizes))
    train, validation, test = (x[part] for part in order)
    parts = None if labels is None else Parts(*(labels[part] for part in order))
    return Splits(train, validation, test, description, labels=parts)


def first_of_each(x: Tensor) -> Tensor:
    """For each of the samples (N, ...) the index of the first one that equals it, (N,)."""
    first: dict[bytes, int] = {}
    return torch.tensor([first.setdefault(s, i) for i, s in enumerate(_sample_bytes(x))])


def _first_of_each(x: Tensor) -> Tensor:
    """Indices of the samples that equal no sample before them, in order."""
    return first_of_each(x).unique()


def _sample_bytes(x: Tensor) -> list[bytes]:
    """The bytes of each sample; x + 0 makes one zero of the two that floating point has."""
    return [sample.tobytes() for sample in (x.detach().cpu() + 0).numpy()]


def draw_parts(
    draw: Callable[[int, torch.Generator], T], sizes: Sizes, seed: int
) -> tuple[T, T, T]:
    """One draw for each part, from its own stream."""
    require_sizes(sizes)
    train, validation, test = zip(sizes, streams(seed), strict=True)
    return draw(*train), draw(*validation), draw(*test)


def require_sizes(sizes: Sizes) -> None:
    """Raises: ValueError if sizes are not three positive whole numbers."""
    three = isinstance(sizes, Sequence) and len(sizes) == 3
    if not three or any(not isinstance(n, (int, np.integer)) or n < 1 for n in sizes):
        raise ValueError(
            f"sizes must be three positive whole numbers, (train, validation, test), got {sizes!r}."
        )


def _require_seed(seed: int) -> None:
    if not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number from 0 upwards, got {seed!r}.")
