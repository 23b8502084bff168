"""10.score_from_noise: the slope of the noisy log-density, from a prediction of the noise."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject
from .noise_levels import know_wrong_broadcasts, noisy, per_sample, sample_shapes

exercise = Exercise(
    "10.score_from_noise",
    "eps_hat (B, ...), alpha_bar (B,) -> (B, ...)",
    place=4,
    proves="From the best prediction of the noise comes the gradient of log q(x_t), found by "
    "differentiating the exact density: for one data point, Gaussians and a mixture, vectors, "
    "images and numbers, hardly any noise, double precision, with gradients.",
    hints=(
        "Begin with data at one point x0. Then q(x_t) is one Gaussian: what is the gradient of its "
        "logarithm with respect to x_t?",
        "x_t minus the mean, over the variance, with a sign. And x_t minus the mean is a number of "
        "standard deviations times the noise: put it in, and one root cancels.",
        "For data that are spread out the same holds with the average of the noise, given x_t, in "
        "the place of the noise. alpha_bar (B,) needs axes of length 1 to fit eps_hat.",
    ),
    twin="course_utils.diffusion:score_from_noise",
)


def truth(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    return -eps_hat / (1 - per_sample(alpha_bar, eps_hat)).sqrt()


def _slope(x_t: Tensor, alpha_bar: Tensor, points: Tensor, width: float) -> tuple[Tensor, Tensor]:
    """The score of noisy data, and the best prediction of the noise.

    The data: a point of `points` (M, ...), drawn at random, plus noise of deviation `width`.
    Differentiates log sum_m N(x_t; sqrt(a) point_m, a width^2 + 1 - a).
    """
    x = x_t.double().requires_grad_()
    a = alpha_bar.double()[:, None]
    flat = x.reshape(len(x), -1)
    centres = a.sqrt()[..., None] * points.double().reshape(len(points), -1)  # (B, M, D)
    square = (flat[:, None] - centres).square().sum(2)
    log_p = (-square / (2 * (a * width**2 + 1 - a))).logsumexp(1)
    (score,) = torch.autograd.grad(log_p.sum(), x)
    # The noise that is expected in x_t: the points' posterior, and Bayes for two Gaussians in each.
    weights = (-square / (2 * (a * width**2 + 1 - a))).softmax(1)[..., None]  # (B, M, 1)
    share = ((1 - a) / (a * width**2 + 1 - a)) / (1 - a).sqrt()
    noise = share * (weights * (flat[:, None] - centres)).sum(1)
    return score, noise.detach().reshape(x_t.shape)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        alpha_bar = draw.uniform(0.2, 0.8, shape[0], dtype=dtype)
        for points, width in ((1, 0.0), (1, 0.7), (3, 0.3)):
            centres = draw.normal(points, *shape[1:], dtype=dtype)
            x0 = centres[draw.integer(0, points - 1)] + 0.3 * draw.normal(*shape, dtype=dtype)
            x_t = noisy(x0, alpha_bar, draw.normal(*shape, dtype=dtype))
            score, noise = _slope(x_t, alpha_bar, centres, width)
            law(
                near(f(noise.to(dtype), alpha_bar), score.to(dtype)),
                "From the best prediction of the noise the gradient of the noisy log-density does "
                "not come out.",
                "wrong-score",
            )
    eps = draw.normal(3, 2, dtype=torch.float64)
    faint = torch.tensor([0.999, 1 - 1e-6, 1 - 1e-8], dtype=torch.float64)
    found = f(eps, faint) * (1 - faint).sqrt()[:, None]
    law(
        near(found, -eps),
        "With hardly any noise, 1 - alpha_bar = 1e-8 in double precision, the score is wrong: is a "
        "small number added somewhere?",
        "faint-noise",
    )
    b, d = draw.sizes(2, 2, 7)
    args = draw.normal(b, d), draw.uniform(0.2, 0.8, b)
    check_gradients(f, args, {0: "eps_hat"}, truth, draw.normal(b, d))


@exercise.mistake("sign")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """The sign is wrong: noise leads away from where data are probable, and the score back."""
    return eps_hat / (1 - per_sample(alpha_bar, eps_hat)).sqrt()


@exercise.mistake("no-root")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """The division is by the variance of the noise: one root of it cancels, since x_t differs from
    its mean by sqrt(1 - alpha_bar) times the noise."""
    return -eps_hat / (1 - per_sample(alpha_bar, eps_hat))


@exercise.mistake("multiplied")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """This multiplies by sqrt(1 - alpha_bar): the slope of a narrow density is steep, so
    divide."""
    return -eps_hat * (1 - per_sample(alpha_bar, eps_hat)).sqrt()


@exercise.mistake("multiplied")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """This multiplies by 1 - alpha_bar, the variance of the noise: the slope of a narrow density is
    steep, so divide, and by the root."""
    return -eps_hat * (1 - per_sample(alpha_bar, eps_hat))


@exercise.mistake("data-for-score")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """This is how far the noise moves the predicted data: the score is a slope of the log-density,
    with the deviation of the noise below."""
    a = per_sample(alpha_bar, eps_hat)
    return -eps_hat * (1 - a).sqrt() / a.sqrt()


@exercise.mistake("not-differentiated")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """This is the exponent of the Gaussian, -eps^2 / 2: the score is its gradient with respect to
    x_t."""
    return -eps_hat.square() / 2


@exercise.mistake("not-divided")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """This is minus the noise: the deviation of the noise is missing."""
    return -eps_hat


@exercise.mistake("signal-for-noise")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """The division is by sqrt(alpha_bar), the factor of the signal: the noise's is
    sqrt(1 - alpha_bar)."""
    return -eps_hat / per_sample(alpha_bar, eps_hat).sqrt()


@exercise.mistake("signal-too")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """There is a sqrt(alpha_bar) too many: that is the slope with respect to x0, and the one with
    respect to x_t is wanted."""
    a = per_sample(alpha_bar, eps_hat)
    return -eps_hat * a.sqrt() / (1 - a).sqrt()


@exercise.mistake("root-of-difference")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """1 - sqrt(alpha_bar) is not sqrt(1 - alpha_bar)."""
    return -eps_hat / (1 - per_sample(alpha_bar, eps_hat).sqrt())


@exercise.mistake("root-of-root")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """A root is taken twice: sqrt(1 - sqrt(alpha_bar)) is not sqrt(1 - alpha_bar)."""
    return -eps_hat / (1 - per_sample(alpha_bar, eps_hat).sqrt()).sqrt()


@exercise.mistake("direction-only")
def _(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """The result has length 1: the score has a length, too."""
    flat = eps_hat.flatten(1) if eps_hat.ndim > 1 else eps_hat[:, None]
    return -eps_hat / per_sample(flat.norm(dim=1), eps_hat)


know_wrong_broadcasts(exercise, "alpha_bar", lambda a, eps_hat: -eps_hat / (1 - a).sqrt())
