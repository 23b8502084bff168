"""Exercise 05.ppca_em_step: one step of EM for probabilistic PCA."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import in_units_of, posterior_truth, random_data
from ..laws import Agreement, agree, law, near
from ..subject import Subject

exercise = Exercise(
    "05.ppca_em_step",
    "x (N, D), W (D, K), b (D,), sigma float -> (D, K), ()",
    place=4,
    proves="The new W and sigma are those of least squares on the data completed by the posterior "
    "of z, for fresh models, one point, as many pixels as an image has, double precision, and "
    "small units with little noise.",
    hints=(
        "E step: mean m_n and covariance V of the posterior of z for every point, with the old W "
        "and sigma. The M step needs <z> and <z z^T> only: what is <z z^T>, from m_n and V?",
        "M step: log p(x_n | z) is -|x_n - b - Wz|^2 / (2 sigma^2) - D log sigma and a constant. "
        "Average it over the posterior, sum over n, and set the derivative with respect to W to "
        "zero: a regression in which <z z^T> stands where z z^T would.",
        "Then the derivative with respect to sigma: sigma^2 is the mean over points and dimensions "
        "of <|x - b - Wz|^2>, with the new W. Split z into m_n and what scatters around it: the "
        "square at m_n, and a trace with V. Return the root.",
    ),
    twin="course_utils.inference:ppca_em_step",
)

Step = tuple[Tensor, Tensor]


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.5, 0.7)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    cases = [
        random_data(n + 5, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw),
        random_data(n + 7, draw.normal(other_k + 2, other_k), sigma + 0.2, draw),
    ]
    answers = [f(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        _check_step(answer, _truth(*case))
    small = f(*in_units_of(32, *cases[0]))
    law(
        all(agree(32 * a, b) for a, b in zip(small, answers[0], strict=True)),
        "In other units, x, W, b and sigma together, the new W and sigma should change along and "
        "do not: is something added to a diagonal?",
        "depends-on-units",
    )
    _check_step(answers[0], _truth(*cases[0]), "To the digits of float64: ", agree)
    lone = random_data(1, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw)
    _check_step(f(*lone), _truth(*lone), "For one point alone: ")
    images = random_data(80, draw.normal(196, 3, dtype=torch.float64) / 5, 0.1, draw)
    _check_step(f(*images), _truth(*images), "For images of 196 pixels and little noise: ")


def _truth(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Step:
    """The M step is least squares on the completed data, and sigma the deviation it leaves."""
    offset, z = _completed_data(x, W, b, sigma)
    new = torch.linalg.lstsq(z, offset).solution.T
    return new, (offset - z @ new.T).square().mean().sqrt()


def _completed_data(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Each point with 2K equally likely latents that have the posterior's mean and covariance.

    Returns:
        (x - b (2K N, D), z (2K N, K)) in double precision. What is quadratic in z, as the
        complete-data log-likelihood, has the same average over them as over the posterior.
    """
    mean, cov = posterior_truth(x, W, b, sigma)
    k = W.shape[1]
    steps = math.sqrt(k) * torch.linalg.cholesky(cov).T
    z = mean + torch.cat([steps, -steps])[:, None]  # (2K, N, K)
    offset = (x.double() - b.double()).expand(2 * k, *x.shape)
    return offset.flatten(0, 1), z.flatten(0, 1)


def _check_step(
    answer: Step, truth: Step, where: str = "", same: Callable[[Tensor, Tensor], Agreement] = near
) -> None:
    law(
        same(answer[0], truth[0]),
        f"{where}The new W is not the regression of x - b on z, averaged over the posterior of z.",
        "wrong-w",
    )
    law(
        same(answer[1], truth[1]),
        f"{where}The new W is right, and the new sigma is not: its square is the mean of "
        "(x - b - Wz)^2 over the posterior of z, the points and the dimensions.",
        "wrong-sigma",
    )


# --- the step in its parts, of which a mistake gets one wrong ---------------------------------


def _posterior(x, W, b, sigma):
    """Mean (N, K) and covariance (K, K) of p(z | x)."""
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def _regress(d, mean, second):
    """The new W (D, K) from x - b, <z> and the sum of <z z^T>."""
    return d.T @ mean @ torch.linalg.inv(second)


def _total(W, d, mean, second):
    """The sum over the points of <|x - b - Wz|^2>."""
    return d.square().sum() - 2 * (d * (mean @ W.T)).sum() + (second * (W.T @ W)).sum()


def _moments(x, W, b, sigma):
    """x - b (N, D), <z> (N, K), and the sum of <z z^T> (K, K)."""
    mean, cov = _posterior(x, W, b, sigma)
    return x - b, mean, len(x) * cov + mean.T @ mean


def _maximise(d, mean, second):
    """The right M step."""
    new = _regress(d, mean, second)
    return new, (_total(new, d, mean, second) / d.numel()).sqrt()


def _step(x, W, b, sigma):
    return _maximise(*_moments(x, W, b, sigma))


@exercise.mistake("variance")
def _(x, W, b, sigma):
    """The second value is sigma squared, the variance: take its root."""
    new, deviation = _step(x, W, b, sigma)
    return new, deviation**2


@exercise.mistake("old-w")
def _(x, W, b, sigma):
    """The new sigma is computed with the old W: the M step maximises over both, so it uses the new
    one."""
    d, mean, second = _moments(x, W, b, sigma)
    return _regress(d, mean, second), (_total(W, d, mean, second) / d.numel()).sqrt()


@exercise.mistake("old-w")
def _(x, W, b, sigma):
    """The new sigma is computed with the old W, in the short form that holds for the new one
    only."""
    d, mean, second = _moments(x, W, b, sigma)
    short = d.square().sum() - (d * (mean @ W.T)).sum()
    return _regress(d, mean, second), (short / d.numel()).sqrt()


@exercise.mistake("old-w")
def _(x, W, b, sigma):
    """The new sigma is computed with the old W, and its root is missing as well."""
    d, mean, second = _moments(x, W, b, sigma)
    return _regress(d, mean, second), _total(W, d, mean, second) / d.numel()


@exercise.mistake("no-dimensions")
def _(x, W, b, sigma):
    """The squared error is divided by the number of points only: each brings D residuals."""
    new, deviation = _step(x, W, b, sigma)
    return new, deviation * x.shape[1] ** 0.5


@exercise.mistake("no-points")
def _(x, W, b, sigma):
    """The squared error is divided by the number of dimensions only: average it over the N points
    too."""
    new, deviation = _step(x, W, b, sigma)
    return new, deviation * len(x) ** 0.5


@exercise.mistake("not-averaged")
def _(x, W, b, sigma):
    """The squared error is a sum over all points and dimensions where its mean is wanted."""
    new, deviation = _step(x, W, b, sigma)
    return new, deviation * x.numel() ** 0.5


@exercise.mistake("degrees-of-freedom")
def _(x, W, b, sigma):
    """The squared error is divided by N (D - K). That belongs to the closed-form solution, where
    it counts discarded directions; here it runs over all D."""
    new, deviation = _step(x, W, b, sigma)
    d, k = W.shape
    return new, deviation * (d / (d - k)) ** 0.5


@exercise.mistake("sigma-without-covariance")
def _(x, W, b, sigma):
    """The new sigma is that of the residuals at the posterior means: z is uncertain, and its
    covariance adds to the squared error."""
    d, mean, second = _moments(x, W, b, sigma)
    new = _regress(d, mean, second)
    return new, (d - mean @ new.T).square().mean().sqrt()


@exercise.mistake("no-posterior-covariance")
def _(x, W, b, sigma):
    """The second moment of z is that of the posterior means alone: <z z^T> has the posterior's
    covariance as well."""
    d, mean, second = _moments(x, W, b, sigma)
    new = _regress(d, mean, mean.T @ mean)
    return new, (_total(new, d, mean, second) / d.numel()).sqrt()


@exercise.mistake("no-posterior-covariance")
def _(x, W, b, sigma):
    """The posterior's covariance is left out, in W and in sigma, as if z were known: <z z^T> is
    more than <z><z>^T."""
    d, mean, _ = _moments(x, W, b, sigma)
    return _maximise(d, mean, mean.T @ mean)


@exercise.mistake("covariance-once")
def _(x, W, b, sigma):
    """The posterior's covariance is added once to the sum over the points: each of the N points
    brings its own."""
    mean, cov = _posterior(x, W, b, sigma)
    return _maximise(x - b, mean, cov + mean.T @ mean)


@exercise.mistake("covariance-once")
def _(x, W, b, sigma):
    """For the new W the posterior's covariance is added once to the sum over the points: each of
    the N points brings its own."""
    d, mean, second = _moments(x, W, b, sigma)
    new = _regress(d, mean, second - (len(x) - 1) * _posterior(x, W, b, sigma)[1])
    return new, (_total(new, d, mean, second) / d.numel()).sqrt()


@exercise.mistake("covariance-not-scaled")
def _(x, W, b, sigma):
    """The posterior's covariance lacks its sigma^2: it is that times the inverse of
    W^T W + sigma^2 I."""
    mean, cov = _posterior(x, W, b, sigma)
    return _maximise(x - b, mean, len(x) * cov / sigma**2 + mean.T @ mean)


@exercise.mistake("covariance-not-scaled")
def _(x, W, b, sigma):
    """The posterior's covariance is multiplied by sigma where sigma squared belongs."""
    mean, cov = _posterior(x, W, b, sigma)
    return _maximise(x - b, mean, len(x) * cov / sigma + mean.T @ mean)


@exercise.mistake("sigma-for-variance")
def _(x, W, b, sigma):
    """sigma stands where sigma squared belongs in the posterior of z."""
    return _step(x, W, b, math.sqrt(sigma))


@exercise.mistake("prior-forgotten")
def _(x, W, b, sigma):
    """The latents are those of least squares: the prior N(0, I) belongs into their posterior."""
    gram = torch.linalg.inv(W.T @ W)
    mean = (x - b) @ W @ gram
    return _maximise(x - b, mean, len(x) * sigma**2 * gram + mean.T @ mean)


@exercise.mistake("mean-refitted")
def _(x, W, b, sigma):
    """The mean of `x` is subtracted where `b` belongs: b is held fixed."""
    return _step(x, W, x.mean(0), sigma)


@exercise.mistake("not-centred")
def _(x, W, b, sigma):
    """b is not subtracted from `x`."""
    return _step(x, W, 0 * b, sigma)


@exercise.mistake("cross-term-once")
def _(x, W, b, sigma):
    """The cross term of the square |x - b - Wz|^2 is counted once: a square has it twice."""
    d, mean, second = _moments(x, W, b, sigma)
    new = _regress(d, mean, second)
    total = _total(new, d, mean, second) + (d * (mean @ new.T)).sum()
    return new, (total / d.numel()).sqrt()


@exercise.mistake("sigma-not-updated")
def _(x, W, b, sigma):
    """W is new and sigma is the old one: the M step finds both."""
    return _step(x, W, b, sigma)[0], torch.tensor(sigma, dtype=x.dtype)


@exercise.mistake("w-not-updated")
def _(x, W, b, sigma):
    """sigma is new and W is the old one: the M step finds both."""
    return W, _step(x, W, b, sigma)[1]


@exercise.mistake("w-not-updated")
def _(x, W, b, sigma):
    """W is returned as it was, and sigma fitted to it: the M step finds both."""
    d, mean, second = _moments(x, W, b, sigma)
    return W, (_total(W, d, mean, second) / d.numel()).sqrt()


@exercise.mistake("transposed")
def _(x, W, b, sigma):
    """The new W is (K, D): it is transposed."""
    new, deviation = _step(x, W, b, sigma)
    return new.T, deviation


@exercise.mistake("swapped")
def _(x, W, b, sigma):
    """The two values are in the wrong order: W comes first."""
    return _step(x, W, b, sigma)[::-1]
