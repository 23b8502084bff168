"""Exercise 03.two_nn_dimension: intrinsic dimension from the two nearest neighbours."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law, or_nan
from ..subject import Subject
from .geometry import close_together, orthonormal, scattered

exercise = Exercise(
    "03.two_nn_dimension",
    "x (N, D) -> ()",
    place=4,
    proves="The estimate is that of the two nearest distances for fresh points in single and "
    "double precision, for three points, for hundreds of close ones and a thousand, and does not "
    "change when space is scaled, turned, shifted or gets more dimensions.",
    hints=(
        "The logarithm of the likelihood of N independent ratios is N log d - (d + 1) times the "
        "sum of their logarithms. Where is its derivative with respect to d zero?",
        "So log(r2/r1), averaged over the points, is an estimate of 1/d. All distances first; each "
        "point is its own neighbour at distance 0: leave it out.",
        "Sort each row of the distances: with the point itself at place 0, r1 and r2 stand at "
        "places 1 and 2. Above 25 points `torch.cdist` multiplies matrices, which loses small "
        'distances: `compute_mode="donot_use_mm_for_euclid_dist"` keeps them.',
    ),
    twin="course_utils.autoencoders:two_nn_dimension",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    d, more = draw.sizes(2, 3, 5)
    n = draw.integer(14, 24)
    x = scattered(n, d, draw, torch.float64)  # double: no two mistakes agree by chance
    while abs(float(n / _log_ratios(x).sum()) - d) < 0.6:  # not to be taken for D itself
        x = scattered(n, d, draw, torch.float64)
    total = _log_ratios(x).sum()
    other = scattered(n, d, draw, torch.float64)
    guards = [float(_neighbours(y)[:, 0].log().mean() - 1 / f(y)) for y in (x, other)]
    law(
        not (abs(guards[0] - guards[1]) < 1e-2 and max(guards) < math.log(1e-3)),
        "Each point counts as its own nearest neighbour, at a distance of 0 that is kept from "
        f"being 0 by {math.exp(guards[0]):.0e}: leave the point itself out.",
        "self-as-neighbour",
    )
    law(
        agree(n / f(x), total, 100 * float(total)),  # a 1e-8 beside r1 does no harm
        "N divided by your estimate is not the sum of log(r2/r1), with r1 and r2 the distances of "
        "each point to its nearest and second nearest other point.",
        "wrong-estimate",
    )
    single = x.float()
    law(
        agree(f(1000 * single), f(single)),
        "The estimate changes with the units of the data: ratios of distances do not.",
        "depends-on-units",
    )
    three = draw.normal(3, d)  # as few points as there can be
    law(
        agree(3 / f(three), _log_ratios(three).sum()),
        "For three points the estimate is wrong.",
        "three-points",
    )
    x = scattered(n + 20, more, draw, torch.float64)
    turned = x @ orthonormal(d + more, more, draw, torch.float64).T + 5
    law(
        agree(f(turned), f(x)),
        "The estimate changes when the points are turned and shifted in a space of more "
        "dimensions, although no distance does. (The diagonal of `cdist` is only nearly 0: leave "
        "a point out by its index, not by its distance.)",
        "depends-on-axes",
    )
    many = draw.normal(draw.integer(1101, 1140), more, dtype=torch.float64)
    law(
        _off(f, many) < 1e-4,
        f"For {len(many)} points the estimate is off, although for a few it is right: the nearest "
        "two of *all* other points are wanted, for every point. Points that are dealt out in "
        "portions have neighbours in the other portions, and the last portion may be short.",
        "many-points",
    )
    _check_close_points(f, close_together(250, 196, draw))


def _check_close_points(f: Subject, x: Tensor) -> None:
    off = _off(f, x)
    law(  # in double precision no squares cancel: what is off there has another cause
        off < 1e-2 or _off(f, x.double()) < 5e-2,
        "For 250 points, close together as images are, the estimate is off, in double precision as "
        "well. Are neighbours left out that are very near? Is float32 used on the way?",
        "close-points",
    )
    law(
        off < 1e-2,
        "For 250 points of single precision, close together as images are, the estimate is off: "
        "squares cancel. Above 25 points `torch.cdist` multiplies matrices, and close neighbours "
        'come out at wrong distances: give it `compute_mode="donot_use_mm_for_euclid_dist"`, or '
        "subtract first and square then.",
        "cancellation",
    )


def _off(f: Subject, x: Tensor) -> Tensor:
    """By how much the estimate misses, relative to the right one; nan where it is nan."""
    return (or_nan(f, x) / (len(x) / _log_ratios(x.double()).sum()) - 1).abs()


def _distances(x: Tensor, p: float = 2.0) -> Tensor:
    """Of all pairs, (N, N), by differences."""
    return torch.cdist(x, x, p=p, compute_mode="donot_use_mm_for_euclid_dist")


def _neighbours(x: Tensor, p: float = 2.0) -> Tensor:
    """Distances of each point to all others, nearest first, (N, N-1)."""
    return _distances(x, p).sort(1).values[:, 1:]  # the first is the point itself, at distance 0


def _ratios(x: Tensor) -> Tensor:
    r = _distances(x).topk(3, largest=False).values  # of a thousand points faster than to sort
    return r[:, 2] / r[:, 1]


def _log_ratios(x: Tensor) -> Tensor:
    return _ratios(x).log()


@exercise.mistake("inverse")
def _(x):
    """This is the mean of log(r2/r1): the dimension is one over it."""
    return _log_ratios(x).mean()


@exercise.mistake("ratio-upside-down")
def _(x):
    """The ratio is r1/r2, so its logarithm is negative, and a dimension is not."""
    return -1 / _log_ratios(x).mean()


@exercise.mistake("self-as-neighbour")
def _(x):
    """Each point counts as its own nearest neighbour, at distance 0: leave it out."""
    return torch.zeros((), dtype=x.dtype)


@exercise.mistake("self-as-neighbour")
def _(x):
    """The estimate is nan: most often each point counts as its own nearest neighbour, at distance
    0, or the distances are sorted along axis 0 and read along axis 1. Leave the point out by its
    index; infinity times 0, on a diagonal, is nan too."""
    return x.sum() * math.nan


@exercise.mistake("squared-distances")
def _(x):
    """The distances are squared, so their logarithms are twice too large and the dimension is
    halved: take the root."""
    return 0.5 / _log_ratios(x).mean()


@exercise.mistake("other-base")
def _(x):
    """The logarithm has base 2: the natural one is wanted."""
    return 1 / _ratios(x).log2().mean()


@exercise.mistake("other-base")
def _(x):
    """The logarithm has base 10: the natural one is wanted."""
    return 1 / _ratios(x).log10().mean()


@exercise.mistake("no-logarithm")
def _(x):
    """The ratios are averaged without their logarithm."""
    return 1 / _ratios(x).mean()


@exercise.mistake("no-logarithm")
def _(x):
    """This is the mean of the ratios r2/r1: the dimension is one over the mean of their
    logarithms."""
    return _ratios(x).mean()


@exercise.mistake("log-of-mean")
def _(x):
    """The ratios are averaged before the logarithm is taken: take it of each, then average."""
    return 1 / _ratios(x).mean().log()


@exercise.mistake("log-of-mean")
def _(x):
    """The distances are averaged before their ratio is taken: each point has a ratio of its
    own."""
    r1, r2 = _neighbours(x)[:, :2].T
    return 1 / (r2.mean() / r1.mean()).log()


@exercise.mistake("mean-of-inverses")
def _(x):
    """This averages one over each logarithm, and points with r2 close to r1 blow it up: average
    the logarithms, then invert."""
    return (1 / _log_ratios(x)).mean()


@exercise.mistake("median")
def _(x):
    """This takes the median of the logarithms: the maximum of the likelihood has their mean."""
    return 1 / _log_ratios(x).median()


@exercise.mistake("n-minus-one")
def _(x):
    """This has N - 1 above the sum, which removes the bias of the estimate: the maximum of the
    likelihood has N."""
    return (len(x) - 1) / _log_ratios(x).sum()


@exercise.mistake("not-averaged")
def _(x):
    """The number of points is missing: the mean of the logarithms is wanted, not their sum."""
    return 1 / _log_ratios(x).sum()


@exercise.mistake("regression")
def _(x):
    """This is the slope of a straight line through the distribution of the ratios, the paper's
    other estimate: the maximum-likelihood one is wanted."""
    n = len(x)
    log_mu = _log_ratios(x).sort().values[:-1]
    y = -torch.log1p(-torch.arange(1, n, dtype=x.dtype) / n)
    return (log_mu * y).sum() / log_mu.square().sum()


@exercise.mistake("other-neighbours")
def _(x):
    """These are the third and the second neighbour, one place too far out: the point itself was
    left out twice."""
    r = _neighbours(x)
    return 1 / (r[:, 2] / r[:, 1]).log().mean()


@exercise.mistake("other-neighbours")
def _(x):
    """These are the third and the first neighbour: take the second and the first."""
    r = _neighbours(x)
    return 1 / (r[:, 2] / r[:, 0]).log().mean()


@exercise.mistake("other-neighbours")
def _(x):
    """The farthest neighbours were taken: sort the distances from small to large."""
    r = _neighbours(x)
    return 1 / (r[:, -1] / r[:, -2]).log().mean()


FARTHEST = (
    "These are distances to the farthest points: `topk` takes the largest unless it is told "
    "`largest=False`, and `sort` goes from small to large unless it is told `descending=True`."
)


@exercise.mistake("other-neighbours", FARTHEST)
def _(x):
    r = _neighbours(x)
    return 1 / (r[:, -3] / r[:, -2]).log().mean()


@exercise.mistake("other-neighbours", FARTHEST)
def _(x):
    r = _neighbours(x)
    return 1 / (r[:, -2] / r[:, -1]).log().mean()


@exercise.mistake("city-block")
def _(x):
    """The distances are sums of absolute differences: the Euclidean distance is wanted."""
    r = _neighbours(x, p=1.0)
    return 1 / (r[:, 1] / r[:, 0]).log().mean()


@exercise.mistake("distance-differences")
def _(x):
    """The difference of the distances is used where their ratio belongs: the ratio does not depend
    on the units."""
    r = _neighbours(x)
    return 1 / (r[:, 1] - r[:, 0]).mean()


@exercise.mistake("rounded")
def _(x):
    """The estimate is rounded to a whole number: the estimate itself is wanted."""
    return (1 / _log_ratios(x).mean()).round()


@exercise.mistake("number-of-axes")
def _(x):
    """This is the number of coordinates D: the data may fill fewer dimensions."""
    return torch.tensor(float(x.shape[1]), dtype=x.dtype)
