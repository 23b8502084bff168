"""Families of models side by side on one density that is known: `Landscape`, a table.

Two questions are asked of each. How probable does it call nature? KL(p_data || p_theta), where
p_theta can be evaluated. How do its samples look? A distance between two sets of samples, for all.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from .. import tables
from ..estimates import mean_and_error

KINDS = {"exact": "", "bound": "≤ ", "none": ""}  # of log p_theta, and the sign before the KL
TEXT_COLUMNS = (0, 1)  # set to the left; numbers to the right


@dataclass(frozen=True)
class Standardised:
    """u = (x - mean) / std along each axis, a change of units.

    log p(u) = log p(x) + sum_d log std_d. A KL divergence is the same in both: what p_data and
    p_theta gain by the Jacobian is the same, and cancels.
    """

    mean: Tensor  # (D,)
    std: Tensor  # (D,)

    def forward(self, x: Tensor) -> Tensor:
        """x (..., D) -> u (..., D)."""
        return (x - self.mean.to(x)) / self.std.to(x)

    def inverse(self, u: Tensor) -> Tensor:
        """u (..., D) -> x (..., D)."""
        return u * self.std.to(u) + self.mean.to(u)

    @property
    def log_det(self) -> float:
        """log |det dx/du| = sum_d log std_d: to be added to log p(x) to get log p(u)."""
        return float(self.std.double().log().sum())


def standardise(x: Tensor) -> Standardised:
    """The units in which the data (N, D) have mean 0 and deviation 1 along each axis.

    Raises:
        ValueError: if x is not (N, D), or an axis is constant.
    """
    if x.ndim != 2 or len(x) < 2:
        raise ValueError(f"x must be (N, D) with two points or more, got {tuple(x.shape)}.")
    std = x.double().std(dim=0)
    if not bool((std > 0).all()):
        raise ValueError("An axis of x is constant or NaN: leave it out.")
    return Standardised(x.double().mean(dim=0).to(x.dtype), std.to(x.dtype))


def energy_distance(x: Tensor, y: Tensor, *, block: int = 500) -> tuple[float, float]:
    """The energy distance between two distributions, from samples, and its standard error.

    2 <|x - y|> - <|x - x'|> - <|y - y'|>: zero if and only if the distributions are equal.
    Szekely and Rizzo 2013, equation 5. Pairs of one point with itself are left out, so that the
    estimate is unbiased, and for equal distributions as often negative as positive.

    The average over disjoint blocks of both samples; their scatter gives the error. Near zero the
    blocks are skewed, and the error is small where the distance is low by chance: three errors
    below zero are no rarity.

    Args:
        x, y: independent samples of the two, (N, D), as many of each.
        block: points of each in a block. Larger blocks see smaller differences, and cost more;
            smaller ones are more, and tell the error better.

    Returns:
        (distance, standard error), Python floats, in the units of x.

    Raises:
        ValueError: if the shapes differ, or hold fewer than two blocks.
    """
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(
            f"x {tuple(x.shape)} and y {tuple(y.shape)} must be as many points, (N, D)."
        )
    if block < 2 or len(x) < 2 * block:
        raise ValueError(f"{len(x)} points are fewer than two blocks of {block}.")
    blocks = len(x) // block
    shape = (blocks, block, x.shape[1])
    x, y = (points[: blocks * block].double().reshape(shape) for points in (x, y))
    # (blocks, block, D): one table of distances for each block.
    within = block * (block - 1)
    between = torch.cdist(x, y).mean(dim=(1, 2))
    around_x, around_y = (torch.cdist(z, z).sum(dim=(1, 2)) / within for z in (x, y))
    return mean_and_error(2 * between - around_x - around_y)


@torch.no_grad()
def seconds_per_draw(sample: Callable[[int], Tensor], n: int = 2000) -> float:
    """Processor time for one draw when n are drawn at once: it differs from run to run.

    Args:
        sample: n -> (n, D); called twice, the first time to warm up.
        n: draws.
    """
    sample(n)
    start = time.process_time()
    sample(n)
    return (time.process_time() - start) / n


@dataclass(frozen=True)
class Family:
    """One row: a family of models, and how far it is from the truth."""

    name: str
    density: str  # log p_theta(x): one of KINDS
    kl: tuple[float, float] | None  # KL(p_data || p_theta) and its error, nats; None: not defined
    distance: tuple[float, float]  # energy distance of samples and its error
    population: tuple[float, float]  # share of samples in the region, and its error
    parameters: int | None
    passes: int | None  # through a network, one after another, for one draw

    def cells(self) -> tuple[str, ...]:
        """The row as text, with few digits, so that a second run prints nearly the same."""
        kl = "not defined" if self.kl is None else KINDS[self.density] + _pair(*self.kl, 3)
        return (
            self.name,
            self.density,
            kl,
            _pair(1000 * self.distance[0], 1000 * self.distance[1], 1),
            _pair(*self.population, 3),
            "" if self.parameters is None else str(self.parameters),
            "" if self.passes is None else str(self.passes),
        )


@dataclass
class Landscape:
    """The table of one density: all families against the same held-out points.

    Attributes:
        held_out: x ~ p_data that no model has seen, (N, D).
        log_p_data: their exact log-density, nats, (N,), in the same units as held_out.
        region: points (n, D) -> bool (n,), whose population the samples should have.
        population: its exact value.
        block: points in a block of `energy_distance`.
    """

    held_out: Tensor
    log_p_data: Tensor
    region: Callable[[Tensor], Tensor]
    population: float
    block: int = 500
    families: list[Family] = field(default_factory=list)

    def enter(
        self,
        name: str,
        samples: Tensor,
        log_p_theta: Tensor | None = None,
        density: str = "none",
        *,
        parameters: int | None = None,
        passes: int | None = None,
    ) -> Family:
        """Judge a family; under a name that is in the table the row is replaced.

        KL(p_data || p_theta) = <log p_data(x) - log p_theta(x)> over held-out x ~ p_data.

        Args:
            name: of the family. Samples of the truth itself make the row that shows what a
                distance of zero looks like.
            samples: x ~ p_theta, (n, D); the first of them, as many as are held out, are compared.
            log_p_theta: of the first points held out, or a lower bound on it, nats, (m,), m <= N.
                None where there is none.
            density: "exact", "bound", or "none".
            parameters: how many numbers were fitted.
            passes: through a network, one after another, for one draw.

        Returns:
            The row.

        Raises:
            ValueError: if density does not agree with log_p_theta, or that is not finite, or
                shapes are wrong.
        """
        if density not in KINDS or (density == "none") != (log_p_theta is None):
            raise ValueError(
                'density must be "exact" or "bound" with log_p_theta, and "none" without it; '
                f"got {density!r}."
            )
        n = min(len(samples), len(self.held_out))
        row = Family(
            name,
            density,
            None if log_p_theta is None else self._kl(log_p_theta),
            energy_distance(samples[:n], self.held_out[:n], block=self.block),
            mean_and_error(self.region(samples)),
            parameters,
            passes,
        )
        self.families = [family for family in self.families if family.name != name] + [row]
        return row

    def _kl(self, log_p_theta: Tensor) -> tuple[float, float]:
        m = len(log_p_theta)
        if log_p_theta.shape != self.log_p_data[:m].shape:
            raise ValueError(
                f"log_p_theta {tuple(log_p_theta.shape)} must be of the first points held out, at "
                f"most {len(self.log_p_data)}, one number each."
            )
        if not bool(log_p_theta.isfinite().all()):
            raise ValueError(
                "log_p_theta is infinite or NaN: a model that calls a held-out point impossible "
                "is infinitely far from the truth."
            )
        return mean_and_error(self.log_p_data[:m].double() - log_p_theta.detach().double())

    def __getitem__(self, name: str) -> Family:
        """The row of that name."""
        for family in self.families:
            if family.name == name:
                return family
        raise KeyError(f"There is no row {name!r}, only {[f.name for f in self.families]}.")

    @property
    def header(self) -> tuple[str, ...]:
        """The names of the columns, the exact population among them."""
        return (
            "family",
            "log p",
            "KL(p_data || p_theta), nats",
            "1000 x distance",
            f"population ({self.population:.3f})",
            "parameters",
            "passes per draw",
        )

    def __repr__(self) -> str:
        rows = [family.cells() for family in self.families]
        return tables.as_text(self.header, rows, left=TEXT_COLUMNS)

    def _repr_html_(self) -> str:
        rows = [family.cells() for family in self.families]
        return tables.as_html(self.header, rows, left=TEXT_COLUMNS)


def _pair(value: float, error: float, digits: int) -> str:
    """0.123 +- 0.004; a zero has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f} ± {error:.{digits}f}"


def shape_counts(x: Tensor, shapes: Tensor) -> Tensor:
    """How many of the images x (n, D) are nearest to each of the shapes (M, D): (M,).

    Counts distances in pixels; of shapes equally near the first is taken. A model that draws all
    shapes as often as nature has even counts, and one whose modes have collapsed has many zeros.
    """
    nearest = torch.cdist(x.flatten(1), shapes.to(x), p=1).argmin(dim=1)
    return torch.bincount(nearest, minlength=len(shapes))
