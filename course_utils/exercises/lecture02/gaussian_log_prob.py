"""02.gaussian_log_prob: the density of a stretched standard normal."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import ROUGH_PI, check_gradients, law, near, reached
from ..subject import Subject
from .gaussians import LOG_2PI, covariance_of, log_prob, random_root, stretched_log_prob

exercise = Exercise(
    "02.gaussian_log_prob",
    "x (N, D), mean (D,), cov (D, D) -> (N,)",
    place=1,
    proves="Height and shape are those of a stretched standard normal for fresh covariances, a "
    "hundred dimensions of small variance, nearly singular ones in double precision, one point, "
    "and points far from zero; the gradients with respect to x, mean and cov are right.",
    hints=(
        "x = mean + A w with cov = A A^T. Which w belongs to a given x, and what is |w|^2 in terms "
        "of x, mean and cov alone?",
        "|w|^2 = d^T cov^-1 d with d = x - mean: one number per row of `x`. (`torch.linalg.solve`, "
        "or a Cholesky factor, which is an A.) The stretch A changes volumes by |det A|, and "
        "det cov = (det A)^2.",
        "So three terms stand under one factor -1/2: the quadratic form, the log of a determinant "
        "(`torch.logdet` takes both steps at once), and log 2 pi for each of the D dimensions.",
    ),
    twin="course_utils.densities:gaussian_log_prob",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, d, few = draw.sizes(3, 3, 7)
    root, mean, w = random_root(d, draw), 1 + draw.normal(d), draw.normal(n, d)
    w[0] = 0  # the first point sits on the mean
    first = mean + w @ root.T, mean, covariance_of(root)
    value = f(*first)
    # Asked before anything is judged: on two covariances no two mistakes agree by chance.
    lone_root, lone_w, lone_mean = random_root(few, draw), draw.normal(1, few), draw.normal(few)
    lone = f(lone_mean + lone_w @ lone_root.T, lone_mean, covariance_of(lone_root))
    law(
        near(2 * (value[0] - value), w.square().sum(1), float(value.abs().max())),
        "Measured from its value at the mean, the log-density does not fall as it should: take "
        "half the squared distance in units of the covariance, d^T cov^-1 d with d = x - mean.",
        "wrong-shape-of-peak",
    )
    law(
        near(value, stretched_log_prob(w, root)),
        "The log-density falls correctly away from the mean, and its height is wrong: look at "
        "the terms that do not hold `x`.",
        "wrong-height",
    )
    law(
        near(lone, stretched_log_prob(lone_w, lone_root)),
        "For one point alone the log-density is wrong.",
        "one-point",
    )
    for many in (28, 100):  # det cov near 1e-100 and 1e-360: only its logarithm fits into a float
        root, w = 0.015 * random_root(many, draw), draw.normal(50, many)
        w[0] *= 20
        args = w @ root.T, torch.zeros(many), covariance_of(root)
        law(
            near(f(*args), stretched_log_prob(w, root)),
            "For many dimensions of small variance the log-density is wrong, near the mean or far "
            "from it.",
            "small-variances",
        )
    # Standard deviations from 1 down to 1e-3: cov has a condition number near 1e6, and float64
    # keeps ten digits of the result.
    shrink = torch.logspace(0, -3, d, dtype=torch.float64)[:, None]
    root, w = shrink * random_root(d, draw, torch.float64), draw.normal(n, d, dtype=torch.float64)
    law(
        near(
            f(w @ root.T, torch.zeros(d, dtype=torch.float64), covariance_of(root)),
            stretched_log_prob(w, root),
        ),
        "For a nearly singular covariance in double precision the log-density is off: is "
        "something added to the diagonal, or is float32 used on the way?",
        "small-variances",
    )
    many = torch.zeros(1, 100, dtype=torch.float64)  # 2 pi is counted a hundred times
    law(
        (f(many, many[0], torch.eye(100, dtype=torch.float64)) + 50 * LOG_2PI).abs().max() < 1e-3,
        ROUGH_PI,
        "rounded-pi",
    )
    # Near 3000 float32 is spaced by 2e-4 and x - mean is exact; squares near 1e7 are spaced by 1.
    root, mean = random_root(d, draw), 3000 + 100 * draw.normal(d)
    x = mean + draw.normal(n, d) @ root.T
    exact = log_prob(x.double(), mean.double(), covariance_of(root).double())
    law(
        near(f(x, mean, covariance_of(root)), exact, 300.0),
        "For points near 3000 with a spread near 1 the log-density is far off: rounding errors. "
        "Subtract the mean from `x` first, then square.",
        "cancellation",
    )
    _judge_gradients(f, first, draw)


def _judge_gradients(f: Subject, args: tuple[Tensor, Tensor, Tensor], draw: Draw) -> None:
    c = draw.normal(len(args[0]))
    check_gradients(f, args, {0: "x", 1: "mean"}, log_prob, c)
    of_cov = reached(f.vjp(args, (2,), c)[0], "cov")
    x, mean, cov = (a.double() for a in args)
    cov.requires_grad_()
    (wanted,) = torch.autograd.grad(log_prob(x, mean, cov), cov, c.double())
    law(  # how a gradient shares itself out between the two triangles is free
        near(of_cov + of_cov.T, wanted + wanted.T),
        "The gradient with respect to `cov` is wrong, although the values are right: something is "
        "cut out of the graph.",
        "wrong-gradient",
    )


def quadratic(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    """d^T cov^-1 d for each row d of x - mean, (N,)."""
    return ((x - mean) @ torch.linalg.inv(cov) * (x - mean)).sum(1)


def normaliser(cov: Tensor) -> Tensor:
    """What is subtracted from the exponent, 0-d."""
    return (torch.logdet(cov) + len(cov) * LOG_2PI) / 2


def right(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    return -0.5 * quadratic(x, mean, cov) - normaliser(cov)


for slug, wrong, sentence in (
    (
        "no-two-pi",
        lambda cov: torch.logdet(cov) / 2,
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
    ),
    (
        "two-pi-once",
        lambda cov: (torch.logdet(cov) + LOG_2PI) / 2,
        "log 2 pi is counted once for the whole vector: each of the D dimensions brings its own.",
    ),
    (
        "two-pi-squared",
        lambda cov: (torch.logdet(cov) + len(cov) ** 2 * LOG_2PI) / 2,
        "log 2 pi is counted D times D: a term that holds the factor D already was summed over the "
        "D dimensions again.",
    ),
    (
        "two-pi-not-halved",
        lambda cov: torch.logdet(cov) / 2 + len(cov) * LOG_2PI,
        "The constant is D log 2 pi where half of it belongs: the density has a square root of 2 "
        "pi in each dimension.",
    ),
    (
        "pi-for-two-pi",
        lambda cov: (torch.logdet(cov) + len(cov) * math.log(math.pi)) / 2,
        "The constant holds log pi where log 2 pi belongs.",
    ),
    (
        "log-det-not-halved",
        lambda cov: torch.logdet(cov) + len(cov) * LOG_2PI / 2,
        "log det cov is not halved: the density is divided by the square root of the determinant.",
    ),
    (
        "no-log-det",
        lambda cov: len(cov) * LOG_2PI / 2,
        "The determinant of the covariance is missing: a wide Gaussian is lower than a narrow one.",
    ),
    (
        "no-normaliser",
        lambda cov: 0.0,
        "This is the exponent alone: without the normaliser it is not the log of a density.",
    ),
    (
        "log-det-sign",
        lambda cov: (len(cov) * LOG_2PI - torch.logdet(cov)) / 2,
        "log det cov has the wrong sign: a wide Gaussian is lower than a narrow one.",
    ),
    (
        "normaliser-sign",
        lambda cov: -normaliser(cov),
        "The normaliser is added where it should be subtracted: it divides the density.",
    ),
    (
        "det-not-log",
        lambda cov: (torch.det(cov) + len(cov) * LOG_2PI) / 2,
        "The determinant itself stands where its logarithm belongs.",
    ),
    (
        "log-of-det",
        lambda cov: (torch.det(cov).log() + len(cov) * LOG_2PI) / 2,
        "The determinant of many small variances underflows to 0 before its logarithm is taken: "
        "take both at once (`torch.logdet`), or the logarithms of a Cholesky factor's diagonal.",
    ),
):

    @exercise.mistake(slug, sentence)
    def _(x, mean, cov, normaliser=wrong):
        return -0.5 * quadratic(x, mean, cov) - normaliser(cov)


@exercise.mistake("no-half-in-exponent")
def _(x, mean, cov):
    """The quadratic form is not halved: this is a Gaussian of half the covariance with the wrong
    height."""
    return -quadratic(x, mean, cov) - normaliser(cov)


@exercise.mistake("no-half")
def _(x, mean, cov):
    """The factor 1/2 is missing everywhere: each term of your sum is twice too large."""
    return 2 * right(x, mean, cov)


@exercise.mistake("exponent-sign")
def _(x, mean, cov):
    """The quadratic form has the wrong sign: the density falls with the distance from the mean."""
    return 0.5 * quadratic(x, mean, cov) - normaliser(cov)


@exercise.mistake("covariance-as-precision")
def _(x, mean, cov):
    """The covariance is used where its inverse belongs: in the quadratic form a large variance
    makes a distance count less."""
    return -0.5 * ((x - mean) @ cov * (x - mean)).sum(1) - normaliser(cov)


@exercise.mistake("covariance-as-precision")
def _(x, mean, cov):
    """This is the Gaussian whose precision matrix is `cov`: the argument is the covariance."""
    return right(x, mean, torch.linalg.inv(cov))


@exercise.mistake("covariance-as-root")
def _(x, mean, cov):
    """The covariance is used as if it were a standard deviation and squared once more."""
    return right(x, mean, cov @ cov)


@exercise.mistake("no-covariance")
def _(x, mean, cov):
    """The quadratic form is the plain squared distance: the inverse covariance belongs between the
    two differences."""
    return -0.5 * (x - mean).square().sum(1) - normaliser(cov)


@exercise.mistake("no-covariance")
def _(x, mean, cov):
    """This is the Gaussian with unit covariance: `cov` is not used."""
    return right(x, mean, torch.eye(len(mean), dtype=x.dtype))


@exercise.mistake("diagonal-only")
def _(x, mean, cov):
    """Only the diagonal of the covariance is used: the dimensions are correlated."""
    return right(x, mean, torch.diag(cov.diagonal()))


@exercise.mistake("diagonal-only")
def _(x, mean, cov):
    """Only the diagonal of the covariance is used, and its variances as standard deviations."""
    return right(x, mean, torch.diag(cov.diagonal() ** 2))


@exercise.mistake("not-centred")
def _(x, mean, cov):
    """The mean is not subtracted from `x`."""
    return right(x, torch.zeros_like(mean), cov)


@exercise.mistake("exponentiated")
def _(x, mean, cov):
    """This is the density itself: its logarithm is wanted."""
    return right(x, mean, cov).exp()


@exercise.mistake("negative")
def _(x, mean, cov):
    """This is the negative log-density, a loss: the log-density itself is wanted."""
    return -right(x, mean, cov)


@exercise.mistake("base-two")
def _(x, mean, cov):
    """This is in bits: the course's log-probabilities are in nats, by the natural logarithm."""
    return right(x, mean, cov) / math.log(2)


@exercise.mistake("per-dimension")
def _(x, mean, cov):
    """This is divided by D: the log-density of the whole vector is wanted, a sum over its
    dimensions."""
    return right(x, mean, cov) / len(cov)


@exercise.mistake("all-pairs")
def _(x, mean, cov):
    """A matrix (N, N) came back: it pairs each point with every other in the quadratic form. One
    number per point is wanted, so multiply row by row and sum over D."""
    d = x - mean
    return -0.5 * d @ torch.linalg.inv(cov) @ d.T - normaliser(cov)


@exercise.mistake("log-of-density")
def _(x, mean, cov):
    """Far from the mean the density underflows to 0 before its logarithm is taken: stay in logs
    from the start."""
    return right(x, mean, cov).exp().log()
