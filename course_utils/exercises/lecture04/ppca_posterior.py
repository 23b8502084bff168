"""04.ppca_posterior: the latents of a linear model, once x is seen."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import Model, in_units_of, log_joint_curvature, posterior_truth, random_data
from ..laws import agree, check_repeatable, law, near
from ..subject import Subject

exercise = Exercise(
    "04.ppca_posterior",
    "x (N, D), W (D, K), b (D,), sigma float -> (N, K), (K, K)",
    place=3,
    proves="The mean is where log p(z) + log p(x | z) peaks and the covariance undoes its "
    "curvature, for fresh models, one point, small units with little noise and, in double "
    "precision, points far from zero.",
    hints=(
        "log p(z) + log p(x | z) is quadratic in z, so the posterior is Gaussian: its mean is the "
        "peak, its covariance the inverse of minus the curvature.",
        "Differentiate it twice with respect to z. The prior's term gives -I; what does "
        "-|x - b - W z|^2 / (2 sigma^2) give?",
        "At the peak the first derivative is 0: W^T (x - b - W z) / sigma^2 = z, a linear system "
        "in z with a K by K matrix that is the same for all points.",
    ),
    twin="course_utils.inference:ppca_posterior",
)
mistake = exercise.mistake
Moments = tuple[Tensor, Tensor]


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.5, 0.7)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    cases = [
        random_data(n + 4, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw),
        random_data(1, draw.normal(other_k + 2, other_k), sigma + 0.2, draw),
    ]
    answers = [f(*case) for case in cases]
    check_repeatable(f, *cases[0])
    for case, (mean, cov) in zip(cases, answers, strict=True):
        law(
            near(mean, posterior_truth(*case)[0]),
            "At your mean log p(z) + log p(x | z) is not at its peak: a small step of z raises it.",
            "wrong-mean",
        )
        law(
            near(undone(cov, case), torch.eye(len(cov))),
            "The mean is right, and the covariance is not: it is the inverse of minus the "
            "curvature of log p(z) + log p(x | z).",
            "wrong-covariance",
        )
    small = f(*in_units_of(32, *cases[0]))
    law(
        all(agree(*pair) for pair in zip(small, answers[0], strict=True)),
        "In other units, x, W, b and sigma together, the posterior of z changes, although nothing "
        "about z did: is something added to a diagonal?",
        "depends-on-units",
    )
    x, W, b, sigma = cases[0]
    far = (x + 1e6, W, b + 1e6, sigma)  # float32 is spaced by 0.06 there
    law(
        near(f(*far)[0], posterior_truth(*far)[0]),
        "For points near 1000000 the mean is off, although the inputs are in double precision: is "
        "float32 used on the way?",
        "single-precision",
    )


def undone(cov: Tensor, case: Model) -> Tensor:
    """The covariance times the curvature that it has to undo, (K, K)."""
    _, W, _, sigma = case
    return cov @ log_joint_curvature(W, sigma).to(cov.dtype)


def identity(W: Tensor) -> Tensor:
    return torch.eye(W.shape[1], dtype=W.dtype)


def posterior(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Moments:
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * identity(W))
    return (x - b) @ W @ inverse, sigma**2 * inverse


@mistake("covariance-not-scaled")
def _(x, W, b, sigma):
    """The covariance is the inverse of W^T W + sigma^2 I: sigma^2 times it is missing, and without
    it noise and signal have no common scale."""
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * identity(W))
    return (x - b) @ W @ inverse, inverse


@mistake("precision-for-covariance")
def _(x, W, b, sigma):
    """The second value is the inverse of the covariance, the precision."""
    mean, cov = posterior(x, W, b, sigma)
    return mean, torch.linalg.inv(cov)


@mistake("precision-for-covariance")
def _(x, W, b, sigma):
    """The second value is W^T W + sigma^2 I itself: more signal makes a covariance smaller, so an
    inverse is wanted."""
    return posterior(x, W, b, sigma)[0], W.T @ W + sigma**2 * identity(W)


@mistake("sigma-for-variance")
def _(x, W, b, sigma):
    """sigma stands where sigma squared belongs, in W^T W + sigma^2 I and before its inverse."""
    inverse = torch.linalg.inv(W.T @ W + sigma * identity(W))
    return (x - b) @ W @ inverse, sigma * inverse


@mistake("sigma-for-variance")
def _(x, W, b, sigma):
    """sigma stands where sigma squared belongs in W^T W + sigma^2 I."""
    inverse = torch.linalg.inv(W.T @ W + sigma * identity(W))
    return (x - b) @ W @ inverse, sigma**2 * inverse


@mistake("sigma-for-variance")
def _(x, W, b, sigma):
    """The covariance is multiplied by sigma where sigma squared belongs."""
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * identity(W))
    return (x - b) @ W @ inverse, sigma * inverse


@mistake("identity-missing")
def _(x, W, b, sigma):
    """sigma^2 is added to every element of W^T W: it belongs on the diagonal only (`torch.eye`)."""
    inverse = torch.linalg.inv(W.T @ W + sigma**2)
    return (x - b) @ W @ inverse, sigma**2 * inverse


@mistake("unit-noise")
def _(x, W, b, sigma):
    """The noise enters with variance one: sigma^2 multiplies the identity."""
    inverse = torch.linalg.inv(W.T @ W + identity(W))
    return (x - b) @ W @ inverse, sigma**2 * inverse


@mistake("unit-noise")
def _(x, W, b, sigma):
    """The likelihood's curvature is W^T W, as with noise of variance one: it is divided by sigma
    squared."""
    inverse = torch.linalg.inv(W.T @ W + identity(W))
    return (x - b) @ W @ inverse, inverse


@mistake("not-centred")
def _(x, W, b, sigma):
    """b is not subtracted from `x` in the mean."""
    return posterior(x, W, 0 * b, sigma)


@mistake("prior-forgotten")
def _(x, W, b, sigma):
    """This is the least-squares z with its error: the prior N(0, I), which pulls z towards zero, is
    forgotten."""
    inverse = torch.linalg.inv(W.T @ W)
    return (x - b) @ W @ inverse, sigma**2 * inverse


@mistake("prior-forgotten")
def _(x, W, b, sigma):
    """The mean is the least-squares z: the prior N(0, I) pulls it towards zero."""
    return torch.linalg.lstsq(W, (x - b).T).solution.T, posterior(x, W, b, sigma)[1]


@mistake("prior-forgotten")
def _(x, W, b, sigma):
    """The covariance is the error of least squares: the prior N(0, I) makes it smaller."""
    return posterior(x, W, b, sigma)[0], sigma**2 * torch.linalg.inv(W.T @ W)


@mistake("no-inverse")
def _(x, W, b, sigma):
    """The mean is (x - b) W, as if the columns of W were orthonormal and free of noise: it has to
    be divided by W^T W + sigma^2 I."""
    return (x - b) @ W, posterior(x, W, b, sigma)[1]


@mistake("mean-not-scaled")
def _(x, W, b, sigma):
    """The mean is the covariance times W^T (x - b), where a division by sigma^2 is missing: precise
    data pull harder."""
    cov = posterior(x, W, b, sigma)[1]
    return (x - b) @ W @ cov, cov


@mistake("mean-scaled-twice")
def _(x, W, b, sigma):
    """The mean is divided by sigma^2 once too often."""
    mean, cov = posterior(x, W, b, sigma)
    return mean / sigma**2, cov


@mistake("mean-zero")
def _(x, W, b, sigma):
    """The mean is zero whatever `x` is: that is the prior's."""
    mean, cov = posterior(x, W, b, sigma)
    return 0 * mean, cov


@mistake("prior-covariance")
def _(x, W, b, sigma):
    """The covariance is the prior's, the identity: seeing `x` narrows it."""
    return posterior(x, W, b, sigma)[0], identity(W)


@mistake("covariance-of-the-means")
def _(x, W, b, sigma):
    """This is how the posterior means of all x scatter, I less the posterior's covariance: wanted
    is how much z can still vary once one x is seen."""
    mean, cov = posterior(x, W, b, sigma)
    return mean, identity(W) - cov


@mistake("covariance-of-the-means")
def _(x, W, b, sigma):
    """This is the covariance of the posterior means of these points: wanted is how much z can still
    vary once one x is seen, which is the same for every x."""
    mean = posterior(x, W, b, sigma)[0]
    return mean, torch.cov(mean.T)


@mistake("covariance-of-the-means")
def _(x, W, b, sigma):
    """This is the covariance of the posterior means of these points, with 1/N: wanted is how much z
    can still vary once one x is seen, which is the same for every x."""
    mean = posterior(x, W, b, sigma)[0]
    return mean, torch.cov(mean.T, correction=0)


@mistake("diagonal-only")
def _(x, W, b, sigma):
    """The covariance is zero off the diagonal: latents that explain the same `x` are correlated
    once it is seen."""
    mean, cov = posterior(x, W, b, sigma)
    return mean, torch.diag(torch.diag(cov))


@mistake("diagonal-only")
def _(x, W, b, sigma):
    """This inverts the diagonal of the precision only, which is the best factorised q and not the
    posterior: invert the whole matrix."""
    precision = 1 + (W**2).sum(0) / sigma**2
    return posterior(x, W, b, sigma)[0], torch.diag(1 / precision)


@mistake("factor-for-covariance")
def _(x, W, b, sigma):
    """The second value is the Cholesky factor of the covariance: the covariance is it times its
    transpose."""
    mean, cov = posterior(x, W, b, sigma)
    return mean, torch.linalg.cholesky(cov)


@mistake("covariance-of-x")
def _(x, W, b, sigma):
    """The second value is the D by D covariance of x: that of z has K by K elements."""
    cov = W @ W.T + sigma**2 * torch.eye(len(W), dtype=x.dtype)
    return posterior(x, W, b, sigma)[0], cov


@mistake("one-per-point")
def _(x, W, b, sigma):
    """There is one covariance for each point: all are the same, so one (K, K) is wanted."""
    mean, cov = posterior(x, W, b, sigma)
    return mean, cov.repeat(len(x), 1, 1)


@mistake("transposed")
def _(x, W, b, sigma):
    """The mean is (K, N): one row per point is wanted."""
    mean, cov = posterior(x, W, b, sigma)
    return mean.T, cov


@mistake("reconstruction")
def _(x, W, b, sigma):
    """The mean is (N, D), a reconstruction of x: the latents' own is wanted."""
    mean, cov = posterior(x, W, b, sigma)
    return mean @ W.T + b, cov


@mistake("swapped")
def _(x, W, b, sigma):
    """The two values are in the wrong order: the mean comes first."""
    mean, cov = posterior(x, W, b, sigma)
    return cov, mean
