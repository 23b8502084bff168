"""10.diffuse: all steps of noise at once."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject
from .noise_levels import know_wrong_broadcasts, noisy, per_sample, sample_shapes

exercise = Exercise(
    "10.diffuse",
    "x0 (B, ...), alpha_bar (B,), eps (B, ...) -> (B, ...)",
    place=2,
    proves="Signal of variance alpha_bar and noise of variance 1 - alpha_bar, added, each sample "
    "with its own alpha_bar: for vectors, images and numbers, no noise at all, noise alone, one "
    "sample, double precision, with the gradients of both.",
    hints=(
        "Two steps: x' = sqrt(1 - beta') x + sqrt(beta') noise, where x is itself such a sum of "
        "data and noise. What is the factor of the data in x', and what is the variance of all the "
        "noise?",
        "Independent Gaussian noises add up to one Gaussian noise, and their variances add. Show "
        "that signal and noise share a variance of 1 for data of variance 1.",
        "A draw from any Gaussian is its mean plus its standard deviation times eps. alpha_bar is "
        "(B,), x0 may be (B, D) or (B, C, H, W): it needs as many axes of length 1 as a sample "
        "has axes.",
    ),
    twin="course_utils.diffusion:diffuse",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        x0 = draw.normal(*shape, dtype=dtype) * 2
        eps = draw.normal(*shape, dtype=dtype)
        alpha_bar = draw.uniform(0.2, 0.8, shape[0], dtype=dtype)
        x_t = f(x0, alpha_bar, eps)
        law(
            torch.equal(f(x0, alpha_bar, eps), x_t),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `eps` it is given.",
            "own-noise",
        )
        signal = f(x0, alpha_bar, torch.zeros_like(eps))
        noise = f(torch.zeros_like(x0), alpha_bar, eps)
        both = (signal, alpha_bar, x0), (noise, 1 - alpha_bar, eps)
        for part, variance, whole in both:
            what = "signal" if part is signal else "noise"
            share = per_sample(variance, whole) * whole.square()
            law(
                near(part.square(), share) and bool((part * whole >= 0).all()),
                f"The {what} by itself does not have the size it should have: its variance is "
                f"{'alpha_bar' if part is signal else '1 - alpha_bar'} times that of "
                f"{'x0' if part is signal else 'eps'}.",
                f"wrong-{what}",
            )
        law(near(x_t, signal + noise), "Signal and noise should simply be added.", "not-added")
    ones = torch.ones_like(alpha_bar)
    law(
        near(f(x0, ones, eps), x0) and near(f(x0, 0 * ones, eps), eps),
        "With alpha_bar = 1 the result should be x0 itself, with alpha_bar = 0 the noise itself.",
        "wrong-ends",
    )
    b, d = draw.sizes(2, 2, 7)
    args = draw.normal(b, d), draw.uniform(0.2, 0.8, b), draw.normal(b, d)
    check_gradients(f, args, {0: "x0", 2: "eps"}, noisy, draw.normal(b, d))


@exercise.mistake("no-roots")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """Both roots are missing: alpha_bar and 1 - alpha_bar are variances."""
    a = per_sample(alpha_bar, x0)
    return a * x0 + (1 - a) * eps


@exercise.mistake("no-roots")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The root of alpha_bar is missing before x0."""
    a = per_sample(alpha_bar, x0)
    return a * x0 + (1 - a).sqrt() * eps


@exercise.mistake("no-roots")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The root of 1 - alpha_bar is missing before the noise."""
    a = per_sample(alpha_bar, x0)
    return a.sqrt() * x0 + (1 - a) * eps


@exercise.mistake("exchanged")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The two coefficients are exchanged: as alpha_bar falls from 1 to 0 the signal fades."""
    a = per_sample(alpha_bar, x0)
    return (1 - a).sqrt() * x0 + a.sqrt() * eps


@exercise.mistake("exchanged")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The two coefficients are exchanged, and their roots are missing."""
    a = per_sample(alpha_bar, x0)
    return (1 - a) * x0 + a * eps


@exercise.mistake("root-of-difference")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """1 - sqrt(alpha_bar) is not sqrt(1 - alpha_bar): it is the variances that add up to 1."""
    root = per_sample(alpha_bar, x0).sqrt()
    return root * x0 + (1 - root) * eps


@exercise.mistake("same-coefficient")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """x0 and the noise have the same coefficient: as one fades the other grows."""
    return per_sample(alpha_bar, x0).sqrt() * (x0 + eps)


@exercise.mistake("noise-not-scaled")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The noise is not scaled: its variance is 1 - alpha_bar."""
    return per_sample(alpha_bar, x0).sqrt() * x0 + eps


@exercise.mistake("signal-not-scaled")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """x0 is not scaled: it has to fade as the noise grows, or the variance explodes."""
    return x0 + (1 - per_sample(alpha_bar, x0)).sqrt() * eps


@exercise.mistake("signal-not-scaled")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """Nothing is scaled: the signal fades with alpha_bar, and the noise grows."""
    return x0 + eps


@exercise.mistake("squared")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """alpha_bar is taken for the factor of x0: it is that of the variance, the square of it."""
    a = per_sample(alpha_bar, x0)
    return a * x0 + (1 - a**2).sqrt() * eps


@exercise.mistake("root-of-root")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """A root is taken twice."""
    a = per_sample(alpha_bar, x0)
    return a**0.25 * x0 + (1 - a) ** 0.25 * eps


@exercise.mistake("root-of-root")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """A root is taken twice: sqrt(1 - sqrt(alpha_bar)) is not sqrt(1 - alpha_bar)."""
    root = per_sample(alpha_bar, x0).sqrt()
    return root * x0 + (1 - root).sqrt() * eps


@exercise.mistake("noise-sign")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The noise is subtracted: as likely a draw, but eps should be the noise that is added."""
    a = per_sample(alpha_bar, x0)
    return a.sqrt() * x0 - (1 - a).sqrt() * eps


@exercise.mistake("no-noise")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """There is no noise: this is the mean of q(x_t | x_data)."""
    return per_sample(alpha_bar, x0).sqrt() * x0


@exercise.mistake("noise-only")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """x0 does not occur: its share is sqrt(alpha_bar)."""
    return (1 - per_sample(alpha_bar, x0)).sqrt() * eps


@exercise.mistake("clamped")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The result is clamped to [-1, 1]: noise goes further than that."""
    return noisy(x0, alpha_bar, eps).clamp(-1, 1)


@exercise.mistake("undone")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """This takes noise away, as the way back does: adding it to x0 is wanted."""
    a = per_sample(alpha_bar, x0)
    return (x0 - (1 - a).sqrt() * eps) / a.sqrt()


know_wrong_broadcasts(
    exercise, "alpha_bar", lambda a, x0, eps: a.sqrt() * x0 + (1 - a).sqrt() * eps
)


@exercise.mistake("not-per-sample")
def _(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """Here alpha_bar meets the last axis instead of the batch, and the roots are missing."""
    return alpha_bar * x0 + (1 - alpha_bar) * eps
