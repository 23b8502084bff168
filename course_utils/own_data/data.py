"""From numbers in memory to samples that a Gaussian or a Bernoulli VAE can be fitted to.

What kind of numbers they are decides what a negative ELBO means:

- "binary", 0 and 1: -log P(x), a number of nats that a file can have;
- "stepped", such as bytes: real numbers after a little noise, u even over one step, and on average
  -log P(x) <= -log p(x + u) - D log step (Theis, van den Oord and Bethge 2016, section 3.1).
  A file again;
- "real": -log p(x), a density, which changes with the units and has no zero point.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import torch
from torch import Tensor

from .. import datasets
from ..datasets.own import MIN_SAMPLES

Kind = Literal["binary", "stepped", "real"]
STEPS = (1.0, 1 / 255, 1 / 65_535)  # counts, bytes, 16 bits: as `load` leaves them
FEW = 500  # training samples


@dataclass(frozen=True)
class Prepared:
    """Samples in three parts, flat, and what is needed to go to the model's units and back.

    In the model's units y = (x - centre) / scale, except for binary data, which stay as they are.
    """

    train: Tensor  # (N, D), in the data's units, as `validation` and `test`
    validation: Tensor
    test: Tensor
    shape: tuple[int, ...]  # of one sample: (D,), (H, W) or (3, H, W)
    kind: Kind
    step: float  # between neighbouring values; 0 for real numbers
    centre: Tensor  # (1, 1) for images, (1, D) for vectors
    scale: Tensor
    repeats: int  # samples left out because they equal another
    seed: int

    @property
    def data_dim(self) -> int:
        """D, numbers per sample."""
        return self.train.shape[1]

    @property
    def is_image(self) -> bool:
        """Whether a sample has rows and columns."""
        return len(self.shape) > 1

    @property
    def constant_nats(self) -> float:
        """Nats per sample between a density in the model's units and what is reported.

        -log p(x) = -log p(y) + sum_d log scale_d, and each step of the data takes log step off.
        """
        scales = float(self.scale.double().log().expand(1, self.data_dim).sum())
        return scales - (self.data_dim * math.log(self.step) if self.kind == "stepped" else 0.0)

    def to_model(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """(B, D) in the data's units -> the model's, stepped data with noise of one step."""
        if self.kind == "stepped":
            u = torch.rand(x.shape, generator=generator, dtype=x.dtype) - 0.5
            x = x + self.step * u
        return (x - self.centre) / self.scale

    def to_data(self, y: Tensor) -> Tensor:
        """(B, D) in the model's units -> the data's."""
        return y * self.scale + self.centre

    def as_samples(self, flat: Tensor) -> Tensor:
        """(B, D) -> (B, *shape)."""
        return flat.reshape(-1, *self.shape)


def read(source: str | Path | BinaryIO, **options: object) -> Tensor:
    """Your data: what `datasets.load` takes, or the word "mnist".

    MNIST is downloaded once, 12 MB, checked by SHA-256; its training images are returned.

    Args:
        source: a path, an open file, or "mnist".
        options: of `datasets.load`.

    Returns:
        (N, D), (N, H, W) or (N, 3, H, W); with as_is=True any (N, ...).

    Raises:
        ValueError: one sentence, as `datasets.load`; or options were given with "mnist".
        ConnectionError: if MNIST is not on this machine and cannot be fetched.
    """
    if source != "mnist":
        return datasets.load(source, **options)
    if options:
        raise ValueError(f'"mnist" takes no options, leave {", ".join(options)} out.')
    return datasets.mnist(download=True).train


def prepare(x: Tensor, *, seed: int = 0) -> Prepared:
    """Split samples 80 : 10 : 10 and find out what kind of numbers they are.

    Of samples that are equal number for number one is kept, so that none is in two parts. Images
    get one centre and scale for all pixels, vectors one for each column; both are those of the
    training data. What follows is in float32.

    Args:
        x: (N, D), (N, H, W) or (N, 3, H, W); other axes are flattened to (N, D).
        seed: of the split.

    Raises:
        ValueError: for fewer than 20 samples after repeats are left out, or numbers that are not
            finite, or all equal.
    """
    if x.ndim < 2 or not x.is_floating_point() or not bool(x.isfinite().all()):
        raise ValueError(
            "prepare takes finite floating-point numbers (N, ...), such as `read` returns, not "
            f"{x.dtype} of shape {tuple(x.shape)}."
        )
    image = x.ndim == 3 or (x.ndim == 4 and x.shape[1] == 3)
    shape = tuple(x.shape[1:]) if image else (math.prod(x.shape[1:]),)
    try:
        parts = datasets.split(x.flatten(1).float(), seed=seed)
    except ValueError:  # so few that a part would be empty
        n = 0
    else:
        n = sum(map(len, (parts.train, parts.validation, parts.test)))
    if n < MIN_SAMPLES:
        raise ValueError(
            f"{len(x)} samples are too few once repeats are left out: {MIN_SAMPLES} different ones "
            "are needed to train, validate and test."
        )
    kind, step = kind_of(x)
    centre, scale = torch.zeros(1, 1), torch.ones(1, 1)
    if kind != "binary":
        axis = None if image else 0
        train = parts.train.double()
        centre = train.mean(dim=axis, keepdim=True).float()
        scale = train.std(dim=axis, keepdim=True).float()
        # A column of one value needs no scale, and has none.
        scale = torch.where(scale > 0, scale, 1.0)
    return Prepared(
        parts.train,
        parts.validation,
        parts.test,
        shape,
        kind,
        step,
        centre,
        scale,
        repeats=len(x) - n,
        seed=seed,
    )


def kind_of(x: Tensor) -> tuple[Kind, float]:
    """What kind of numbers these are, and the step between neighbouring ones, 0 for real numbers.

    Args:
        x: (N, ...).

    >>> kind_of(torch.tensor([[0.0, 51 / 255], [1.0, 0.0]]))[0]
    'stepped'
    """
    if bool(((x == 0) | (x == 1)).all()):
        return "binary", 1.0
    for step in STEPS:
        levels = round(1 / step)
        if torch.equal((x * levels).round() / levels, x):
            return "stepped", step
    return "real", 0.0
