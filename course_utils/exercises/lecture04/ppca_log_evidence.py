"""04.ppca_log_evidence: an integral over z that can be done."""

import math

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import in_units_of, random_data, random_loadings
from ..laws import ROUGH_PI, check_gradients, check_repeatable, law, near
from ..subject import Subject

exercise = Exercise(
    "04.ppca_log_evidence",
    "x (N, D), W (D, K), b (D,), sigma float -> (N,)",
    place=1,
    proves="Height and shape are those of the Gaussian that W z + b + noise has, for fresh models, "
    "one point, a hundred dimensions with little noise, small units and points far from zero; "
    "gradients reach x and W.",
    hints=(
        "x = W z + b + noise is a sum of Gaussians, so it is a Gaussian itself. What are its mean "
        "and its covariance?",
        "z has mean 0 and covariance I, and is independent of the noise: covariances of "
        "independent terms add. What is the covariance of W z, by <W z z^T W^T>?",
        "The density of a Gaussian with any covariance is in `torch.distributions`, or yours from "
        "lecture 02. For many dimensions a K by K matrix is enough: look up Woodbury and the "
        "matrix determinant lemma.",
    ),
    twin="course_utils.inference:ppca_log_evidence",
)
mistake = exercise.mistake
LOG_2PI = math.log(2 * math.pi)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.3, 0.5)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    first = random_data(n + 4, random_loadings(k, draw), sigma, draw)
    lone = random_data(1, random_loadings(other_k, draw), sigma + 0.2, draw)
    value, lone_value = f(*first), f(*lone)
    check_repeatable(f, *first)
    truth = evidence_truth(*first)
    law(
        near(value[0] - value, truth[0] - truth, float(truth.abs().max())),
        "Measured from its value at x = b, the log-evidence does not fall as it should: which "
        "covariance does W z + noise have?",
        "wrong-shape-of-peak",
    )
    law(
        near(value, truth),
        "The log-evidence falls correctly away from b, and its height is wrong: look at the terms "
        "that do not hold `x`.",
        "wrong-height",
    )
    law(
        near(lone_value, evidence_truth(*lone)),
        "For one point alone the log-evidence is wrong.",
        "one-point",
    )
    x, W, b, sigma = random_data(n, draw.normal(k + 3, k, dtype=torch.float64), 0.5, draw)
    small = f(*in_units_of(32, x, W, b, sigma))
    law(
        near(small, evidence_truth(x, W, b, sigma) + len(W) * math.log(32)),
        "In larger units, x, W, b and sigma together, only D times the logarithm of the unit "
        "should be added to the log-evidence: is something added to a diagonal?",
        "depends-on-units",
    )
    d = draw.integer(100, 120)  # det near 1e-360: only its logarithm fits into a float
    many = random_data(n, 5 * draw.normal(d, k, dtype=torch.float64), 0.01, draw)
    law(
        near(f(*many), evidence_truth(*many)),
        "For a hundred dimensions and sigma = 0.01 the log-evidence is off: take the logarithm of "
        "the determinant directly, and stay in double precision where the input is.",
        "many-dimensions",
    )
    W, zero = torch.eye(100, 2, dtype=torch.float64), torch.zeros(100, dtype=torch.float64)
    at_b = f(zero[None], W, zero, 1.0)  # 2 pi is counted a hundred times
    law(
        (at_b + 50 * math.log(2 * math.pi) + math.log(2)).abs().max() < 1e-3,
        ROUGH_PI,
        "rounded-pi",
    )
    # Near 3000 float32 is spaced by 2e-4 and x - b is exact; squares near 1e7 are spaced by 1.
    x, W, b, sigma = first
    far, centre = x + 3000, b + 3000
    law(
        near(f(far, W, centre, sigma), evidence_truth(far, W, centre, sigma)),
        "For points near 3000 with a spread near 1 the log-evidence is far off: rounding errors. "
        "Subtract b from `x` first, then square.",
        "cancellation",
    )
    check_gradients(f, first, {0: "x", 1: "W"}, evidence_truth, draw.normal(len(x)))


def evidence_truth(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    """The library's Gaussian with the covariance of W z + noise, in double precision."""
    x, W, b = x.double(), W.double(), b.double()
    return MultivariateNormal(b, covariance(W, sigma)).log_prob(x)


def covariance(W: Tensor, sigma: float) -> Tensor:
    return W @ W.T + sigma**2 * torch.eye(len(W), dtype=W.dtype)


def inner(W: Tensor, sigma: float) -> Tensor:
    """M = W^T W + sigma^2 I, (K, K)."""
    return W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=W.dtype)


def gaussian(x: Tensor, b: Tensor, cov: Tensor) -> Tensor:
    return -(squares(x, b, cov) + torch.logdet(cov) + len(b) * LOG_2PI) / 2


def squares(x: Tensor, b: Tensor, cov: Tensor) -> Tensor:
    """(x - b) cov^-1 (x - b) of each point, (N,)."""
    return ((x - b) @ torch.linalg.inv(cov) * (x - b)).sum(1)


@mistake("sigma-for-variance")
def _(x, W, b, sigma):
    """sigma stands on the diagonal where sigma squared belongs: the noise adds its variance to the
    covariance."""
    return gaussian(x, b, W @ W.T + sigma * torch.eye(len(W), dtype=x.dtype))


@mistake("identity-missing")
def _(x, W, b, sigma):
    """sigma^2 is added to every element of W W^T: the noise of different dimensions is independent,
    so it belongs on the diagonal only (`torch.eye`)."""
    return gaussian(x, b, W @ W.T + sigma**2)


@mistake("unit-noise")
def _(x, W, b, sigma):
    """The noise enters with variance one: sigma^2 multiplies the identity."""
    return gaussian(x, b, W @ W.T + torch.eye(len(W), dtype=x.dtype))


@mistake("diagonal-only")
def _(x, W, b, sigma):
    """Only the diagonal of the covariance is used: the dimensions of x share the latents and are
    correlated."""
    return Normal(b, ((W**2).sum(1) + sigma**2).sqrt()).log_prob(x).sum(1)


@mistake("covariance-as-root")
def _(x, W, b, sigma):
    """The covariance is handed over where a standard deviation or a Cholesky factor is expected,
    and squared."""
    return gaussian(x, b, covariance(W, sigma) @ covariance(W, sigma))


@mistake("precision-for-covariance")
def _(x, W, b, sigma):
    """This is the Gaussian whose precision matrix is W W^T + sigma^2 I: that is the covariance."""
    return gaussian(x, b, torch.linalg.inv(covariance(W, sigma)))


@mistake("precision-for-covariance")
def _(x, W, b, sigma):
    """The covariance stands in the quadratic form where its inverse belongs."""
    cov = covariance(W, sigma)
    return -0.5 * (((x - b) @ cov * (x - b)).sum(1) + torch.logdet(cov) + len(b) * LOG_2PI)


@mistake("at-z-zero")
def _(x, W, b, sigma):
    """This is the likelihood at z = 0: the evidence averages the likelihood over all z of the
    prior, which widens the covariance along the columns of W."""
    return Normal(b, sigma).log_prob(x).sum(1)


@mistake("at-posterior-mean")
def _(x, W, b, sigma):
    """This is the likelihood at the posterior mean, the best z: the evidence averages over all z of
    the prior."""
    z = (x - b) @ W @ torch.linalg.inv(inner(W, sigma))
    return Normal(z @ W.T + b, sigma).log_prob(x).sum(1)


@mistake("joint-at-posterior-mean")
def _(x, W, b, sigma):
    """This is the joint density p(x, z) at the posterior mean: the evidence integrates it over
    z."""
    z = (x - b) @ W @ torch.linalg.inv(inner(W, sigma))
    return Normal(z @ W.T + b, sigma).log_prob(x).sum(1) + Normal(0.0, 1.0).log_prob(z).sum(1)


@mistake("average-of-logs")
def _(x, W, b, sigma):
    """This is the prior's average of log p(x | z): the evidence is the logarithm of the average
    instead, which is larger."""
    return Normal(b, sigma).log_prob(x).sum(1) - (W**2).sum() / (2 * sigma**2)


@mistake("not-centred")
def _(x, W, b, sigma):
    """b is not subtracted from `x`."""
    return gaussian(x, torch.zeros_like(b), covariance(W, sigma))


@mistake("no-two-pi")
def _(x, W, b, sigma):
    """The constant with log 2 pi is missing, so the density does not integrate to one."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.logdet(cov))


@mistake("two-pi-once")
def _(x, W, b, sigma):
    """log 2 pi is counted once for the whole vector: each of the D dimensions brings its own."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.logdet(cov) + LOG_2PI)


@mistake("two-pi-of-latents")
def _(x, W, b, sigma):
    """log 2 pi is counted K times: x has D dimensions, and each brings its own."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.logdet(cov) + W.shape[1] * LOG_2PI)


@mistake("two-pi-squared")
def _(x, W, b, sigma):
    """log 2 pi is counted D times D: a term that holds the factor D already was summed over the D
    dimensions again."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.logdet(cov) + len(b) ** 2 * LOG_2PI)


@mistake("two-pi-not-halved")
def _(x, W, b, sigma):
    """The constant is D log 2 pi where half of it belongs: the density has a square root of 2 pi in
    each dimension."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.logdet(cov)) - len(b) * LOG_2PI


@mistake("no-log-det")
def _(x, W, b, sigma):
    """The determinant of the covariance is missing: a wide Gaussian is lower than a narrow one."""
    return -0.5 * (squares(x, b, covariance(W, sigma)) + len(b) * LOG_2PI)


@mistake("no-normaliser")
def _(x, W, b, sigma):
    """This is the exponent alone: without the normaliser it is not the log of a density."""
    return -0.5 * squares(x, b, covariance(W, sigma))


@mistake("log-det-not-halved")
def _(x, W, b, sigma):
    """log det of the covariance is not halved: the density is divided by the square root of the
    determinant."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + len(b) * LOG_2PI) - torch.logdet(cov)


@mistake("log-det-sign")
def _(x, W, b, sigma):
    """log det of the covariance has the wrong sign: a wide Gaussian is lower than a narrow one."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) - torch.logdet(cov) + len(b) * LOG_2PI)


@mistake("log-det-of-latents")
def _(x, W, b, sigma):
    """The determinant is that of the K by K matrix W^T W + sigma^2 I alone: the D - K directions
    without signal bring noise of their own."""
    log_det = torch.logdet(inner(W, sigma))
    return -0.5 * (squares(x, b, covariance(W, sigma)) + log_det + len(b) * LOG_2PI)


@mistake("log-det-of-latents")
def _(x, W, b, sigma):
    """In the determinant the noise is counted for all D directions beside the K by K matrix W^T W +
    sigma^2 I, which holds K of them already."""
    log_det = torch.logdet(inner(W, sigma)) + 2 * len(b) * math.log(sigma)
    return -0.5 * (squares(x, b, covariance(W, sigma)) + log_det + len(b) * LOG_2PI)


@mistake("no-half-in-exponent")
def _(x, W, b, sigma):
    """The quadratic form is not halved."""
    cov = covariance(W, sigma)
    return -squares(x, b, cov) - 0.5 * (torch.logdet(cov) + len(b) * LOG_2PI)


@mistake("exponent-sign")
def _(x, W, b, sigma):
    """The quadratic form has the wrong sign: the density falls with the distance from b."""
    cov = covariance(W, sigma)
    return 0.5 * (squares(x, b, cov) - torch.logdet(cov) - len(b) * LOG_2PI)


@mistake("no-half")
def _(x, W, b, sigma):
    """The factor 1/2 is missing everywhere: each term of your sum is twice too large."""
    cov = covariance(W, sigma)
    return -(squares(x, b, cov) + torch.logdet(cov) + len(b) * LOG_2PI)


@mistake("exponentiated")
def _(x, W, b, sigma):
    """This is the evidence itself: its logarithm is wanted."""
    return gaussian(x, b, covariance(W, sigma)).exp()


@mistake("negative")
def _(x, W, b, sigma):
    """This is the negative log-evidence, a loss: the log-evidence itself is wanted."""
    return -gaussian(x, b, covariance(W, sigma))


@mistake("base-two")
def _(x, W, b, sigma):
    """This is in bits: nats are wanted, by the natural logarithm."""
    return gaussian(x, b, covariance(W, sigma)) / math.log(2)


@mistake("per-dimension")
def _(x, W, b, sigma):
    """This is divided by D: the log-evidence of the whole vector is wanted."""
    return gaussian(x, b, covariance(W, sigma)) / len(b)


@mistake("sum-over-data")
def _(x, W, b, sigma):
    """One number came back, summed over the data: one log-evidence per point is wanted."""
    return gaussian(x, b, covariance(W, sigma)).sum()


@mistake("mean-over-data")
def _(x, W, b, sigma):
    """One number came back, averaged over the data: one log-evidence per point is wanted."""
    return gaussian(x, b, covariance(W, sigma)).mean()


@mistake("all-pairs")
def _(x, W, b, sigma):
    """A matrix (N, N) came back: it pairs each point with every other in the quadratic form.
    Multiply row by row and sum over D."""
    cov = covariance(W, sigma)
    pairs = (x - b) @ torch.linalg.inv(cov) @ (x - b).T
    return -0.5 * (pairs + torch.logdet(cov) + len(b) * LOG_2PI)


@mistake("log-of-det")
def _(x, W, b, sigma):
    """The determinant of many small variances underflows to 0 before its logarithm is taken: take
    both at once (`torch.logdet`)."""
    cov = covariance(W, sigma)
    return -0.5 * (squares(x, b, cov) + torch.log(torch.det(cov)) + len(b) * LOG_2PI)
