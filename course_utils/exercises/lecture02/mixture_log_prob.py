"""02.mixture_log_prob: the log of a weighted sum of Gaussians."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import ROUGH_PI, check_gradients, law, near, reached
from ..subject import Subject
from .gaussians import LOG_2PI
from .mixtures import components, exact, log_prob, random_mixture, squared_distances

exercise = Exercise(
    "02.mixture_log_prob",
    "x (N, D), log_weights (M,), means (M, D), sigmas (M,) -> (N,)",
    place=3,
    proves="The density is the weighted sum of the components' for fresh mixtures, dozens of "
    "narrow components, one point, double precision and a hundred sigmas from every mean; the "
    "gradients with respect to all four arguments are right, and finite for a point on a mean.",
    hints=(
        "First the log-density of every point under every component, a matrix (N, M); then add "
        "the components.",
        "`(x[:, None] - means)` has shape (N, M, D): its squares summed over D are the squared "
        "distances. Each dimension brings a normaliser of its own, with 2 pi and sigma.",
        "Densities add, not their logarithms, and far away every density is 0 in a float. "
        "log(e^a + e^b) = a + log(1 + e^(b - a)), with a the larger one, never underflows: torch "
        "has that sum, over one axis, under the name `logsumexp`.",
    ),
    twin="course_utils.densities:mixture_log_prob",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, d, m = draw.sizes(3, 3, 6)
    for points, dtype in ((n, torch.float32), (1, torch.float32), (n, torch.float64)):
        args = random_mixture(points, d, m, draw, dtype)
        law(
            near(f(*args), exact(*args)),
            "The exponential of your result is not the weighted sum of the components' densities. "
            "Try one component first, and put it beside `torch.distributions.Normal`.",
            "wrong-density",
        )
    x, *mixture = random_mixture(n, d, m, draw)
    far = 120 * torch.nn.functional.normalize(x)  # 50 sigmas and more from every mean
    both = torch.cat([x, far])  # in one call: the largest term differs from point to point
    for points in (far, both):
        law(
            near(f(points, *mixture), exact(points, *mixture)),
            "Far from every mean the log-density is wrong: stay in logs and add the components "
            "with `torch.logsumexp`, without a floor or a small number added.",
            "underflow",
        )
    args = _narrow(draw)
    law(
        near(f(*args), exact(*args), 100.0),
        "For dozens of components, some of them narrow, the log-density is wrong. Are the squared "
        "distances |x|^2 - 2 x mean + |mean|^2? These cancel: subtract first. Is a small number "
        "added somewhere, or a sigma kept from being small?",
        "narrow-components",
    )
    zero, one = (torch.full((1,), value, dtype=torch.float64) for value in (0, 1))
    many = zero.expand(1, 100).clone()  # 2 pi is counted a hundred times
    law((f(many, zero, many, one) + 50 * LOG_2PI).abs().max() < 1e-3, ROUGH_PI, "rounded-pi")
    _judge_gradients(f, x, both, mixture, draw)


def _judge_gradients(
    f: Subject, x: Tensor, both: Tensor, mixture: list[Tensor], draw: Draw
) -> None:
    c = draw.normal(len(both))
    names = ("x", "log_weights", "means", "sigmas")
    for gradient, name in zip(f.vjp((both, *mixture), (0, 1, 2, 3), c), names, strict=True):
        reached(gradient, name)
    c = draw.normal(len(x))
    at_a_mean = torch.cat([mixture[1][:1], x[1:]])  # where fits begin: a data point as a mean
    for gradient, name in zip(f.vjp((at_a_mean, *mixture), (0, 2), c), ("x", "means"), strict=True):
        law(
            gradient is not None and gradient.isfinite().all(),
            f"With a point exactly on a mean the gradient with respect to `{name}` is not finite. "
            "Is a root of the squared distance taken? It has an infinite slope at 0: use the "
            "squared distance as it is, without a root that is squared afterwards.",
            "root-of-zero",
        )
    check_gradients(f, (x, *mixture), {0: "x", 2: "means", 3: "sigmas"}, exact, c)
    # Weights that are normalised once more give the same values and another gradient, which agrees
    # along all changes that keep the sum of the weights.
    log_weights = mixture[0].double().requires_grad_()
    value = exact(x, log_weights, *mixture[1:])
    (wanted,) = torch.autograd.grad(value, log_weights, c.double())
    got = reached(f.vjp((x, *mixture), (1,), c)[0], "log_weights")

    def along(g: Tensor) -> Tensor:
        return g - log_weights.detach().exp() * g.sum()

    law(
        near(along(got), along(wanted)),
        "The gradient with respect to `log_weights` is wrong, although the values are right: "
        "something is cut out of the graph.",
        "wrong-gradient",
    )


def _narrow(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """40 components as in the lecture's largest fits, widths down to 0.01, and points on them."""
    x, log_weights, means, sigmas = random_mixture(80, 2, 40, draw)
    sigmas = torch.cat([0.01 * sigmas[:20], sigmas[20:]])
    x[:40] = means + sigmas[:, None] * x[:40]
    return x, log_weights, means, sigmas


for slug, wrong, sentence in (
    (
        "normaliser-without-d",
        lambda d, sigmas: LOG_2PI / 2 + sigmas.log(),
        "The normaliser of each component is that of one dimension: every one of the D dimensions "
        "brings its own.",
    ),
    (
        "normaliser-without-d",
        lambda d, sigmas: d * LOG_2PI / 2 + sigmas.log(),
        "log sigma stands once in the normaliser: every one of the D dimensions brings its own.",
    ),
    (
        "normaliser-without-d",
        lambda d, sigmas: LOG_2PI / 2 + d * sigmas.log(),
        "log 2 pi stands once in the normaliser: every one of the D dimensions brings its own.",
    ),
    (
        "normaliser-d-squared",
        lambda d, sigmas: d**2 * (LOG_2PI / 2 + sigmas.log()),
        "The normaliser is counted D times D: a term that holds the factor D already was summed "
        "over the dimensions again.",
    ),
    (
        "normaliser-not-halved",
        lambda d, sigmas: d * (LOG_2PI + 2 * sigmas.log()),
        "The normaliser is twice too large: each dimension divides the density by the square root "
        "of 2 pi, times sigma.",
    ),
    (
        "no-two-pi",
        lambda d, sigmas: d * sigmas.log(),
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
    ),
    (
        "no-sigma-in-normaliser",
        lambda d, sigmas: d * LOG_2PI / 2,
        "sigma is missing in the normaliser: a wide component is lower than a narrow one.",
    ),
    (
        "no-normaliser",
        lambda d, sigmas: 0.0,
        "The components have no normaliser. Theirs differ, because their sigmas do: it cannot be "
        "left out.",
    ),
):

    @exercise.mistake(slug, sentence)
    def _(x, log_weights, means, sigmas, normaliser=wrong):
        logs = -squared_distances(x, means) / (2 * sigmas**2) - normaliser(x.shape[1], sigmas)
        return torch.logsumexp(log_weights + logs, 1)


@exercise.mistake("sigma-not-squared")
def _(x, log_weights, means, sigmas):
    """The squared distance is divided by 2 sigma where sigma squared belongs."""
    logs = -squared_distances(x, means) / (2 * sigmas)
    return torch.logsumexp(log_weights + logs - x.shape[1] * (LOG_2PI / 2 + sigmas.log()), 1)


@exercise.mistake("sigma-as-variance")
def _(x, log_weights, means, sigmas):
    """`sigmas` is used as the variances: these are standard deviations."""
    return log_prob(x, log_weights, means, sigmas.sqrt())


@exercise.mistake("sigma-squared-twice")
def _(x, log_weights, means, sigmas):
    """sigma squared is used as the standard deviation, and so squared once more."""
    return log_prob(x, log_weights, means, sigmas**2)


@exercise.mistake("no-half-in-exponent")
def _(x, log_weights, means, sigmas):
    """The squared distance is divided by sigma squared: half of that belongs in the exponent."""
    logs = -squared_distances(x, means) / sigmas**2
    return torch.logsumexp(log_weights + logs - x.shape[1] * (LOG_2PI / 2 + sigmas.log()), 1)


@exercise.mistake("distance-not-squared")
def _(x, log_weights, means, sigmas):
    """The distance is not squared in the exponent."""
    logs = -squared_distances(x, means).sqrt() / (2 * sigmas**2)
    return torch.logsumexp(log_weights + logs - x.shape[1] * (LOG_2PI / 2 + sigmas.log()), 1)


@exercise.mistake("mean-over-dimensions")
def _(x, log_weights, means, sigmas):
    """Each component's log-density is averaged over the dimensions where their sum is wanted."""
    return torch.logsumexp(log_weights + components(x, means, sigmas) / x.shape[1], 1)


@exercise.mistake("no-weights")
def _(x, log_weights, means, sigmas):
    """The weights are not used: this adds the components as if each had weight one."""
    return torch.logsumexp(components(x, means, sigmas), 1)


@exercise.mistake("equal-weights")
def _(x, log_weights, means, sigmas):
    """This is the plain mean over the components: each counts with its own weight."""
    return torch.logsumexp(components(x, means, sigmas), 1) - math.log(len(means))


@exercise.mistake("weights-not-log")
def _(x, log_weights, means, sigmas):
    """The weights are added to the log-densities as plain numbers: `log_weights` are logarithms
    already, so add them as they are."""
    return torch.logsumexp(log_weights.exp() + components(x, means, sigmas), 1)


@exercise.mistake("weights-not-log")
def _(x, log_weights, means, sigmas):
    """The logarithm of something negative gives nan: `log_weights` are logarithms already, so add
    them to the log-densities as they are."""
    return torch.logsumexp(log_weights.log() + components(x, means, sigmas), 1)


@exercise.mistake("product")
def _(x, log_weights, means, sigmas):
    """The logarithms are summed over the components, which multiplies their densities: a mixture
    adds densities."""
    return (log_weights + components(x, means, sigmas)).sum(1)


@exercise.mistake("product")
def _(x, log_weights, means, sigmas):
    """The logarithms of the components are summed, which multiplies their densities, without
    weights: a mixture adds weighted densities."""
    return components(x, means, sigmas).sum(1)


@exercise.mistake("average-of-logs")
def _(x, log_weights, means, sigmas):
    """This is the weighted average of the components' log-densities. The mixture is the log of the
    average, which is larger."""
    return (log_weights.exp() * components(x, means, sigmas)).sum(1)


@exercise.mistake("largest-only")
def _(x, log_weights, means, sigmas):
    """Only the largest component counts in yours: a mixture is the sum over all of them."""
    return (log_weights + components(x, means, sigmas)).max(1).values


@exercise.mistake("wrong-axis")
def _(x, log_weights, means, sigmas):
    """The sum runs over the points: one number per component came back. Sum over the components."""
    return torch.logsumexp(log_weights + components(x, means, sigmas), 0)


@exercise.mistake("not-summed")
def _(x, log_weights, means, sigmas):
    """A matrix (N, M) came back, one number per point and component: the mixture sums over the
    components."""
    return log_weights + components(x, means, sigmas)


@exercise.mistake("exponentiated")
def _(x, log_weights, means, sigmas):
    """This is the density itself: its logarithm is wanted."""
    return log_prob(x, log_weights, means, sigmas).exp()


@exercise.mistake("negative")
def _(x, log_weights, means, sigmas):
    """This is the negative log-density, a loss: the log-density itself is wanted."""
    return -log_prob(x, log_weights, means, sigmas)


@exercise.mistake("underflow")
def _(x, log_weights, means, sigmas):
    """Far from every mean all densities underflow to 0 before the logarithm is taken: stay in logs
    and add the components with `torch.logsumexp`."""
    return (log_weights + components(x, means, sigmas)).exp().sum(1).log()


@exercise.mistake("one-maximum")
def _(x, log_weights, means, sigmas):
    """One maximum is taken out for all points: those far from the most probable one still underflow
    to log 0. Each point has its own largest term."""
    logs = log_weights + components(x, means, sigmas)
    return (logs - logs.max()).exp().sum(1).log() + logs.max()
