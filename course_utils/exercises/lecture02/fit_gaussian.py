"""02.fit_gaussian: the mean and covariance that make the data most probable."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law, near
from ..subject import Subject
from .gaussians import random_root

exercise = Exercise(
    "02.fit_gaussian",
    "x (N, D) -> (D,), (D, D)",
    place=2,
    proves="The covariance gives the 1/N variance of the data along every direction, mean and "
    "covariance move along when the data are stretched and shifted, also with thousands of points, "
    "with fewer points than dimensions, one point alone, and data far from zero.",
    hints=(
        "Two values come back, as `return mean, cov`. First derive the summed log-likelihood with "
        "respect to the mean: which mean makes sum_n (x_n - mean) vanish?",
        "Then with respect to the precision P = cov^-1, in which the log-likelihood reads "
        "N/2 log det P - 1/2 sum_n d_n^T P d_n with d_n = x_n - mean. The derivative of log det P "
        "is P^-1, and that of d^T P d is the matrix d d^T.",
        "So cov is an average of outer products d_n d_n^T over the N points. With the d_n as rows "
        "of a matrix (N, D), which product of that matrix with itself is their sum?",
    ),
    twin="course_utils.densities:fit_gaussian",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    d, other = draw.sizes(2, 3, 6)
    n = draw.integer(8, 20)
    for points in (n, 3000):
        x = draw.number(1, 2) + draw.normal(points, d) @ random_root(d, draw).T
        _judge(f, x, draw)
    x = draw.normal(other, d, dtype=torch.float64)  # fewer points than dimensions, or hardly more
    mean, cov = f(x)
    stretch, shift = draw.normal(d, d, dtype=torch.float64), draw.normal(d, dtype=torch.float64)
    moved_mean, moved_cov = f(x @ stretch.T + shift)
    law(
        agree(moved_mean, stretch @ mean + shift, 10.0)
        and agree(moved_cov, stretch @ cov @ stretch.T, 100.0),
        "Stretched and shifted data should have the stretched and shifted mean and covariance: is "
        "something added to the diagonal?",
        "does-not-move-along",
    )
    _, alone = f(draw.normal(1, d))
    law(
        float(alone.abs().max()) < 1e-6,
        "One point alone has no spread: its covariance should be zero.",
        "one-point",
    )
    # Near 10000 float32 is spaced by 1e-3: rounding of the mean shifts the covariance by 1e-6,
    # while squares near 1e8 are spaced by 8.
    x = 10_000 + draw.normal(3 * n, d)
    law(
        near(f(x)[1], covariance(x.double()), 30.0),
        "For points near 10000 with a spread near 1 the covariance is far off: rounding errors. "
        "Subtract the mean from `x` first, then multiply.",
        "cancellation",
    )


def _judge(f: Subject, x: Tensor, draw: Draw) -> None:
    n, d = x.shape
    mean, cov = f(x)
    law(
        near(n * mean, x.sum(0), n * float(x.abs().max())),
        "The first value is not the mean of the points: N times it should be their sum.",
        "wrong-mean",
    )
    law(
        near(cov, cov.T, float(cov.abs().max())),
        "The second value is not symmetric, and a covariance is.",
        "not-symmetric",
    )
    directions = draw.normal(d, d * (d + 1))  # more than a symmetric matrix has free numbers
    law(
        near((directions * (cov @ directions)).sum(0), (x @ directions).var(0, correction=0)),
        "The covariance does not give the spread of the data along every direction: for any v the "
        "projections x v should have the variance v^T cov v, averaged over the N points.",
        "wrong-covariance",
    )


def scatter(x: Tensor) -> Tensor:
    """sum_n (x_n - mean)(x_n - mean)^T, (D, D)."""
    d = x - x.mean(0)
    return d.T @ d


def covariance(x: Tensor) -> Tensor:
    return scatter(x) / len(x)


def around(x: Tensor, centre: Tensor) -> Tensor:
    return (x - centre).T @ (x - centre) / len(x)


@exercise.mistake("n-minus-one")
def _(x):
    """The covariance is divided by N - 1, as `torch.cov` does. That is the unbiased estimate; the
    likelihood is largest with N."""
    return x.mean(0), scatter(x) / (len(x) - 1)


@exercise.mistake("not-averaged")
def _(x):
    """The covariance is a sum over the points where their average is wanted: divide by N."""
    return x.mean(0), scatter(x)


@exercise.mistake("divided-by-d")
def _(x):
    """The covariance is divided by the number of dimensions where the number of points belongs."""
    return x.mean(0), scatter(x) / x.shape[1]


@exercise.mistake("not-centred")
def _(x):
    """This averages x x^T, the second moment around zero: subtract the mean first."""
    return x.mean(0), x.T @ x / len(x)


@exercise.mistake("global-mean")
def _(x):
    """One mean over all elements is subtracted: each dimension has its own, `x.mean(0)`."""
    return x.mean(0), around(x, x.mean())


@exercise.mistake("global-mean")
def _(x):
    """The mean is taken over all elements: each dimension has its own, `x.mean(0)`."""
    return x.mean(), around(x, x.mean())


@exercise.mistake("diagonal-only")
def _(x):
    """Only the variances are there: the covariances between the dimensions are zero in yours."""
    return x.mean(0), torch.diag(x.var(0, correction=0))


@exercise.mistake("diagonal-only")
def _(x):
    """The second value is the vector of variances: a matrix (D, D) is wanted, with the covariances
    beside its diagonal."""
    return x.mean(0), x.var(0, correction=0)


@exercise.mistake("deviation")
def _(x):
    """The second value holds standard deviations: covariances are averages of products, without a
    root."""
    return x.mean(0), x.std(0, correction=0)


@exercise.mistake("deviation")
def _(x):
    """The second value is a diagonal of standard deviations: the matrix of covariances is
    wanted."""
    return x.mean(0), torch.diag(x.std(0, correction=0))


@exercise.mistake("correlation")
def _(x):
    """This is the correlation matrix, with ones on the diagonal: the covariance keeps the scale of
    the data."""
    std = x.std(0, correction=0)
    return x.mean(0), covariance(x) / (std[:, None] * std)


@exercise.mistake("precision")
def _(x):
    """The second value is the inverse of the covariance."""
    return x.mean(0), torch.linalg.inv(covariance(x))


@exercise.mistake("cholesky-factor")
def _(x):
    """The second value is the Cholesky factor of the covariance: the covariance itself is
    wanted."""
    return x.mean(0), torch.linalg.cholesky(covariance(x))


@exercise.mistake("sum-for-mean")
def _(x):
    """The first value is the sum of the points: divide it by N."""
    return x.sum(0), covariance(x)


@exercise.mistake("swapped")
def _(x):
    """Both values are right and in the wrong order: the mean comes first."""
    return covariance(x), x.mean(0)


@exercise.mistake("wrong-axis")
def _(x):
    """The mean is taken over the dimensions of each point: it goes over the points, axis 0."""
    return x.mean(1), covariance(x)


BETWEEN_POINTS = (
    "Points and dimensions are exchanged in the covariance: yours is (N, N). `torch.cov` takes one "
    "row per dimension, so it wants `x.T`."
)
for axis in (0, 1):
    for correction in (0, 1):

        @exercise.mistake("wrong-axis", BETWEEN_POINTS)
        def _(x, axis=axis, correction=correction):
            return x.mean(axis), torch.cov(x, correction=correction)


@exercise.mistake("wrong-axis", BETWEEN_POINTS)
def _(x):
    d = x - x.mean(0)
    return x.mean(0), d @ d.T / len(x)
