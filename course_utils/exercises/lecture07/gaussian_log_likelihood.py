"""The log-likelihood of real data around their means, with all constants."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..pixels import LOG_2, LOG_2PI, per_sample, size, squares
from ..subject import Subject

exercise = Exercise(
    "07.gaussian_log_likelihood",
    "x (B, ...), mean (B, ...), sigma float -> (B,)",
    place=1,
    proves="Height and width are those of a Gaussian with the same sigma for every element: for "
    "images and vectors, one sample, sigma from 0.01 to 30, double precision, and values far from "
    "zero; gradients reach the mean.",
    hints=(
        "The elements are independent, so the density of a sample is a product over its elements, "
        "and its logarithm a sum, over all axes but the first. `.flatten(1)` joins these.",
        "The density of one element is exp of minus half its squared distance in units of sigma, "
        "divided by its own integral. That integral is sigma times the root of 2 pi.",
        "Take the logarithm of that quotient: one term holds `x`, two do not, and each of the D "
        "elements, `x[0].numel()`, brings all three. sigma is a float: `math.log(sigma)`.",
    ),
    twin="course_utils.vae:gaussian_log_likelihood",
)


def normaliser(x: Tensor, sigma: float) -> float:
    """What does not hold `x`: the log of the integral of the exponential over all D elements."""
    return size(x) * (math.log(sigma) + LOG_2PI / 2)


def log_density(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """Of each element, (B, ...)."""
    return -((x - mean) ** 2) / (2 * sigma**2) - math.log(sigma) - LOG_2PI / 2


def right(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """The answer, as the laws and the mistakes use it."""
    return -squares(x, mean) / (2 * sigma**2) - normaliser(x, sigma)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, channels, height, width, few = draw.sizes(5, 2, 8)
    cases = (
        # shape, dtype, sigma, distance from the mean in units of it
        ((b, channels, height, width), torch.float32, draw.number(0.3, 0.7), 1.0),
        ((few, 256), torch.float32, draw.number(1.5, 3), 1.0),  # as many as the lecture has
        ((1, width), torch.float32, draw.number(0.3, 0.7), 100.0),  # the density underflows
        ((few, width, height), torch.float64, 0.01, 1.0),
        ((b, height), torch.float32, 30.0, 1.0),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype, sigma, distance in cases:
        mean = draw.normal(*shape, dtype=dtype)
        x = mean + distance * sigma * (1 + draw.normal(*shape, dtype=dtype).abs())
        asked.append((x, mean, sigma, f(x, mean, sigma), f(mean, mean, sigma)))
    mean = draw.normal(b, width)
    far, farther = (f(mean + n * sigma, mean, sigma) for n in (30, 60))
    law(
        (far != farther).all(),
        "Far from the mean the log-likelihood stops changing: the density underflows before its "
        "logarithm is taken, and a small number or a limit stands in its place. Stay in logs from "
        "the start.",
        "log-of-density",
    )
    for x, mean, sigma, value, peak in asked:
        scaled = per_sample(((x - mean).double() / sigma).square())
        law(
            near(2 * (peak - value), scaled, float(value.abs().max() + scaled.max())),
            "Measured from its peak, the log-likelihood does not fall as it should: by half the "
            "squared distance from the mean in units of sigma, summed over the sample.",
            "wrong-width",
        )
        top = torch.full_like(peak, -size(x) * math.log(sigma * math.sqrt(2 * math.pi)))
        law(
            near(peak, top),
            "The log-likelihood falls correctly away from the mean, and its height is wrong: look "
            "at the terms that do not hold `x`.",
            "wrong-height",
        )
    # Near 3000 float32 is spaced by 2e-4 and x - mean is exact; squares near 1e7 are spaced by 1.
    mean, sigma = 3000 + 100 * draw.normal(b, width), draw.number(0.3, 0.7)
    x = mean + sigma * draw.normal(b, width)
    law(
        near(f(x, mean, sigma), right(x.double(), mean.double(), sigma), 100.0),
        "For values near 3000 the log-likelihood is far off: rounding errors. Subtract the mean "
        "from `x` first, then square.",
        "cancellation",
    )
    x, mean = draw.normal(b, height, width), draw.normal(b, height, width)
    check_gradients(f, (x, mean, sigma), {1: "mean"}, right, draw.normal(b))


@exercise.mistake("no-two-pi")
def _(x, mean, sigma):
    """The constant with log 2 pi is missing, so the density does not integrate to one."""
    return -squares(x, mean) / (2 * sigma**2) - size(x) * math.log(sigma)


@exercise.mistake("two-pi-once")
def _(x, mean, sigma):
    """log 2 pi is counted once for the whole image: each of its D elements brings its own."""
    return -squares(x, mean) / (2 * sigma**2) - (size(x) * math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("d-twice")
def _(x, mean, sigma):
    """log 2 pi is counted D times D: a term that holds the factor D already is added to every
    element, and summed over the D elements again.
    """
    return -squares(x, mean) / (2 * sigma**2) - (
        size(x) * math.log(sigma) + size(x) ** 2 * LOG_2PI / 2
    )


@exercise.mistake("d-twice")
def _(x, mean, sigma):
    """The normaliser is counted D times D: a term that holds the factor D already is added to every
    element, and summed over the D elements again.
    """
    return -squares(x, mean) / (2 * sigma**2) - size(x) ** 2 * (math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("d-of-one-axis")
def _(x, mean, sigma):
    """D is the length of the last axis in your normaliser: an image has as many elements as all its
    axes together.
    """
    return -squares(x, mean) / (2 * sigma**2) - x.shape[-1] * (math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("d-of-one-axis")
def _(x, mean, sigma):
    """D is the length of axis 1 in your normaliser: an image has as many elements as all its axes
    together.
    """
    return -squares(x, mean) / (2 * sigma**2) - x.shape[1] * (math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("d-with-batch")
def _(x, mean, sigma):
    """D counts the whole batch in your normaliser: it is the number of elements of one sample."""
    return -squares(x, mean) / (2 * sigma**2) - x.numel() * (math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("d-with-batch")
def _(x, mean, sigma):
    """D is the size of the batch in your normaliser: it is the number of elements of one sample."""
    return -squares(x, mean) / (2 * sigma**2) - len(x) * (math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("normaliser-once")
def _(x, mean, sigma):
    """The normaliser is counted once for the whole image: each of its D elements brings its own."""
    return -squares(x, mean) / (2 * sigma**2) - math.log(sigma) - LOG_2PI / 2


@exercise.mistake("log-sigma-once")
def _(x, mean, sigma):
    """log sigma is counted once for the whole image: each of its D elements brings its own."""
    return -squares(x, mean) / (2 * sigma**2) - (math.log(sigma) + size(x) * LOG_2PI / 2)


@exercise.mistake("no-log-sigma")
def _(x, mean, sigma):
    """log sigma is missing: a wide Gaussian is lower than a narrow one."""
    return -squares(x, mean) / (2 * sigma**2) - size(x) * LOG_2PI / 2


@exercise.mistake("log-sigma-halved")
def _(x, mean, sigma):
    """log sigma is halved: it is log sigma squared that takes the factor 1/2."""
    return -squares(x, mean) / (2 * sigma**2) - size(x) * (math.log(sigma) + LOG_2PI) / 2


@exercise.mistake("log-sigma-not-halved")
def _(x, mean, sigma):
    """log sigma squared is not halved: each dimension divides the density by sigma once."""
    return -squares(x, mean) / (2 * sigma**2) - size(x) * (2 * math.log(sigma) + LOG_2PI / 2)


@exercise.mistake("two-pi-not-halved")
def _(x, mean, sigma):
    """The constant is D log 2 pi where half of it belongs: the density has a square root of 2 pi in
    each dimension.
    """
    return -squares(x, mean) / (2 * sigma**2) - size(x) * (math.log(sigma) + LOG_2PI)


@exercise.mistake("normaliser-not-halved")
def _(x, mean, sigma):
    """The normaliser is twice too large: each dimension divides the density by the square root of 2
    pi, times sigma.
    """
    return -squares(x, mean) / (2 * sigma**2) - 2 * normaliser(x, sigma)


@exercise.mistake("pi-for-two-pi")
def _(x, mean, sigma):
    """The constant holds log pi where log 2 pi belongs."""
    return -squares(x, mean) / (2 * sigma**2) - (
        size(x) * (math.log(sigma) + math.log(math.pi) / 2)
    )


@exercise.mistake("sigma-not-squared")
def _(x, mean, sigma):
    """The squared distance is divided by 2 sigma where sigma squared belongs."""
    return -squares(x, mean) / (2 * sigma) - normaliser(x, sigma)


@exercise.mistake("sigma-as-variance")
def _(x, mean, sigma):
    """`sigma` is used as the variance: it is the standard deviation."""
    return right(x, mean, sigma**0.5)


@exercise.mistake("sigma-squared-twice")
def _(x, mean, sigma):
    """sigma squared is used as the standard deviation, and so squared once more."""
    return right(x, mean, sigma**2)


@exercise.mistake("unit-sigma")
def _(x, mean, sigma):
    """This is the Gaussian with sigma = 1: `sigma` is not used."""
    return right(x, mean, 1.0)


@exercise.mistake("no-sigma-in-exponent")
def _(x, mean, sigma):
    """The squared distance is not divided by sigma squared."""
    return -squares(x, mean) / 2 - normaliser(x, sigma)


@exercise.mistake("no-half-in-exponent")
def _(x, mean, sigma):
    """The squared distance is divided by sigma squared: half of that belongs in the exponent."""
    return -squares(x, mean) / sigma**2 - normaliser(x, sigma)


@exercise.mistake("no-half")
def _(x, mean, sigma):
    """The factor 1/2 is missing everywhere: each term of your sum is twice too large."""
    return 2 * right(x, mean, sigma)


@exercise.mistake("no-normaliser")
def _(x, mean, sigma):
    """This is the exponent alone: without the normaliser it is not the log of a density, and sigma
    cannot be learnt.
    """
    return -squares(x, mean) / (2 * sigma**2)


@exercise.mistake("log-sigma-sign")
def _(x, mean, sigma):
    """log sigma has the wrong sign: a wide Gaussian is lower than a narrow one."""
    return -squares(x, mean) / (2 * sigma**2) - size(x) * (LOG_2PI / 2 - math.log(sigma))


@exercise.mistake("normaliser-sign")
def _(x, mean, sigma):
    """The normaliser is added where it should be subtracted: it divides the density."""
    return -squares(x, mean) / (2 * sigma**2) + normaliser(x, sigma)


@exercise.mistake("exponent-sign")
def _(x, mean, sigma):
    """The squared distance has the wrong sign: the density falls away from the mean."""
    return squares(x, mean) / (2 * sigma**2) - normaliser(x, sigma)


@exercise.mistake("not-squared")
def _(x, mean, sigma):
    """The distance is not squared in the exponent: this is no Gaussian."""
    return -per_sample((x - mean).abs()) / (2 * sigma**2) - normaliser(x, sigma)


@exercise.mistake("not-centred")
def _(x, mean, sigma):
    """The mean is not subtracted from `x`."""
    return right(x, torch.zeros_like(x), sigma)


@exercise.mistake("mean-over-pixels")
def _(x, mean, sigma):
    """This averages over the elements of a sample: their log-densities are summed. Beside a KL term
    the difference is a factor D.
    """
    return right(x, mean, sigma) / size(x)


@exercise.mistake("mean-square-in-exponent")
def _(x, mean, sigma):
    """The squared error is averaged over the elements where the exponent takes their sum; the
    normaliser is right.
    """
    return -squares(x, mean) / size(x) / (2 * sigma**2) - normaliser(x, sigma)


@exercise.mistake("sum-over-batch")
def _(x, mean, sigma):
    """This sums over the batch too: one number per sample is wanted."""
    return right(x, mean, sigma).sum()


@exercise.mistake("mean-over-batch")
def _(x, mean, sigma):
    """This is averaged over the batch already: one number per sample is wanted."""
    return right(x, mean, sigma).mean()


@exercise.mistake("mean-over-all")
def _(x, mean, sigma):
    """This averages over elements and batch: one number per sample is wanted, the sum over its
    elements.
    """
    return log_density(x, mean, sigma).mean()


@exercise.mistake("negative")
def _(x, mean, sigma):
    """This is the negative log-likelihood, a loss: the log-likelihood itself is wanted."""
    return -right(x, mean, sigma)


@exercise.mistake("exponentiated")
def _(x, mean, sigma):
    """This is the density itself: its logarithm is wanted."""
    return right(x, mean, sigma).exp()


@exercise.mistake("base-two")
def _(x, mean, sigma):
    """This is in bits: the course's log-likelihoods are in nats, by the natural logarithm."""
    return right(x, mean, sigma) / LOG_2


@exercise.mistake("not-summed")
def _(x, mean, sigma):
    """One number per element came back: sum over all axes but the first."""
    return log_density(x, mean, sigma)


@exercise.mistake("log-of-density")
def _(x, mean, sigma):
    """The density underflows to 0 far from the mean, before its logarithm is taken: stay in logs
    from the start.
    """
    return right(x, mean, sigma).exp().log()


@exercise.mistake("log-of-density")
def _(x, mean, sigma):
    """Each element's density underflows to 0 far from the mean, before its logarithm is taken: stay
    in logs from the start.
    """
    return per_sample(log_density(x, mean, sigma).exp().log())


for slug, axes, words in (
    ("last-axis-only", -1, "the last axis alone"),
    ("second-axis-only", 1, "axis 1 alone"),
    ("two-axes-only", (-2, -1), "the last two axes"),
    ("two-axes-only", (1, 2), "axes 1 and 2"),
):

    @exercise.mistake(
        slug, f"This sums over {words}: a sample may have more, and all but the first are summed."
    )
    def _(x, mean, sigma, axes=axes):
        return log_density(x, mean, sigma).sum(axes)
