"""Which latents of a VAE are in use: those whose posterior mean moves with the data."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

exercise = Exercise(
    "07.active_units",
    "mu (N, K), threshold float -> (K,) bool",
    place=4,
    proves="A unit is active when its code varies over the data by more than the threshold, "
    "wherever its mean is: for fresh codes and thresholds, one sample, data in order, double "
    "precision, and means far from zero.",
    hints=(
        "A unit has collapsed when its mean code is the same for every sample: look at how much "
        "each column of `mu` varies over the data.",
        "The data are axis 0 of `mu`: what is left after the variance over it is one number per "
        "unit, (K,).",
        "A comparison of a tensor with a number gives a boolean tensor. The threshold is one for "
        "the variance, in the units of a squared code.",
    ),
    twin="course_utils.vae:active_units",
)


def variance(mu: Tensor, correction: int = 0) -> Tensor:
    """Over the data; nan instead of a warning for one sample with N - 1."""
    return (mu - mu.mean(0)).square().sum(0) / (len(mu) - correction)


def units(
    n: int, threshold: float, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Codes (N, K) of units in random order, and which of them are active (K,).

    Each variance is at least half as large again as the threshold or at most two thirds of it,
    so that it does not matter whether it is divided by N or by N - 1.
    """
    root = threshold**0.5
    # Mean and variance of each unit: with mean, deviation, mean square or mean absolute value in
    # the place of the variance, another set of them is active.
    kinds = [
        (0.0, 3 * threshold),
        (-0.1 * root, 1.5 * threshold),
        (-2 * root, 3 * threshold),
        (0.0, threshold / 3),
        (2 * root, threshold / 2),
        (3 * threshold, threshold**2 / 4),
        (-3 * threshold, threshold**2 / 4),
        (0.0, min(1.1 * threshold**2, threshold / 2)),
    ]
    kinds += [(0.0, draw.number(2, 9) * threshold) for _ in range(draw.integer(0, 2))]
    order = torch.randperm(len(kinds), generator=draw.generator)
    means, variances = torch.tensor(kinds, dtype=dtype)[order].T
    noise = draw.normal(n, len(kinds), dtype=dtype)
    noise = (noise - noise.mean(0)) / noise.std(0, correction=0)
    return means + variances.sqrt() * noise, variances > threshold


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for threshold, dtype in (
        (draw.number(0.012, 0.028), torch.float32),
        (draw.number(2, 2.6), torch.float32),
        (draw.number(0.012, 0.028), torch.float64),
    ):
        n = draw.integer(12, 30)
        mu, active = units(n, threshold, draw, dtype)
        moved = mu + threshold**0.5 * (4 + 0.3 * draw.normal(mu.shape[1], dtype=dtype))
        asked.append((active, f(mu, threshold), f(moved, threshold), f(3 * mu, 9 * threshold)))
    # Two codes that differ by less than the root of the threshold, and many of each: a sum over
    # the data is large, the largest distance is not.
    root = draw.number(0.5, 2)
    f(0.4 * root * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(15, 1), root**2)
    mu = 3 + draw.normal(30, 8)
    strict, lax = f(mu, 100.0), f(mu, 1e-6)
    law(
        not torch.equal(strict, lax),
        "Codes of variance 1 get the same answer under a threshold of 100 and of a millionth: "
        "`threshold` is not used.",
        "threshold-ignored",
    )
    one_sample = f(draw.normal(1, 3), 0.01)
    law(
        all(torch.equal(moved, value) for _, value, moved, _ in asked),
        "A constant added to a unit changes whether it is active: its mean does not count, only "
        "how much it varies.",
        "moves-with-the-mean",
    )
    law(
        all(torch.equal(tripled, value) for _, value, _, tripled in asked),
        "Codes three times as large have a variance nine times as large, and yours do not agree "
        "with a threshold nine times as large.",
        "not-a-variance",
    )
    law(
        all(torch.equal(value, active) for active, value, _, _ in asked),
        "Some units are judged wrongly: a unit is active when the variance of its column, over the "
        "data, is above the threshold.",
        "wrong-units",
    )
    threshold = draw.number(0.012, 0.028)
    mu, active = units(1437, threshold, draw)  # as many as the lecture has
    law(
        torch.equal(f(mu.sort(0).values, threshold), active),
        f"For {len(mu)} codes in order, from the lowest to the highest, some units are judged "
        "wrongly. Are some rows left out? Every row counts, whatever its place.",
        "order-matters",
    )
    law(
        not one_sample.any(),
        "One sample alone does not vary: no unit is active.",
        "one-sample",
    )
    # Near 30000 float32 is spaced by 0.002, squares near 1e9 by 64.
    mu, active = units(draw.integer(12, 30), 2.0, draw)
    law(
        torch.equal(f(30_000 + mu, 2.0), active),
        "For codes near 30000 some units are judged wrongly: rounding errors. Subtract the mean "
        "first, then square, as `var` does.",
        "cancellation",
    )


@exercise.mistake("below")
def _(mu, threshold):
    """True and False are exchanged: active units are those that vary above the threshold."""
    return variance(mu) < threshold


@exercise.mistake("below")
def _(mu, threshold):
    """True and False are exchanged: active units are those that vary above the threshold."""
    return variance(mu, 1) < threshold


@exercise.mistake("deviation")
def _(mu, threshold):
    """The standard deviation is compared with the threshold: it is a threshold for the variance."""
    return variance(mu).sqrt() > threshold


@exercise.mistake("deviation")
def _(mu, threshold):
    """The standard deviation is compared with the threshold: it is a threshold for the variance."""
    return variance(mu, 1).sqrt() > threshold


@exercise.mistake("not-centred")
def _(mu, threshold):
    """This is the mean square of the codes: a unit that always says 3 says nothing. Subtract its
    mean over the data.
    """
    return mu.square().mean(0) > threshold


@exercise.mistake("mean-absolute")
def _(mu, threshold):
    """This is the mean absolute value of the codes: a unit that always says 3 says nothing. The
    variance over the data is wanted.
    """
    return mu.abs().mean(0) > threshold


@exercise.mistake("mean-absolute")
def _(mu, threshold):
    """This averages absolute distances from the mean: the variance averages their squares."""
    return (mu - mu.mean(0)).abs().mean(0) > threshold


@exercise.mistake("mean-for-variance")
def _(mu, threshold):
    """The mean over the data is compared with the threshold: its variance is wanted."""
    return mu.mean(0) > threshold


@exercise.mistake("mean-for-variance")
def _(mu, threshold):
    """The size of the mean over the data is compared with the threshold: the variance is wanted."""
    return mu.mean(0).abs() > threshold


@exercise.mistake("global-mean")
def _(mu, threshold):
    """One mean over all units is subtracted: each unit has its own."""
    return (mu - mu.mean()).square().mean(0) > threshold


@exercise.mistake("not-averaged")
def _(mu, threshold):
    """The squared distances are summed over the data, so that with enough data every unit is
    active: average them.
    """
    return (mu - mu.mean(0)).square().sum(0) > threshold


@exercise.mistake("wrong-axis")
def _(mu, threshold):
    """The variance is taken over the latents, one per sample: it goes over the data, axis 0."""
    return mu.var(1) > threshold


@exercise.mistake("wrong-axis")
def _(mu, threshold):
    """The variance is taken over the latents, one per sample: it goes over the data, axis 0."""
    return mu.var(1, correction=0) > threshold


@exercise.mistake("one-for-all")
def _(mu, threshold):
    """One answer for all units came back: `.var(0)` gives each its own variance."""
    return mu.var() > threshold


@exercise.mistake("every-code")
def _(mu, threshold):
    """A matrix came back, one answer per sample and unit: the variance over the data gives one per
    unit.
    """
    return (mu - mu.mean(0)).square() > threshold


@exercise.mistake("relative")
def _(mu, threshold):
    """The variances are divided by the largest: the threshold is absolute."""
    return variance(mu) / variance(mu).max() > threshold


@exercise.mistake("relative")
def _(mu, threshold):
    """The variances are divided by their sum: the threshold is absolute."""
    return variance(mu) / variance(mu).sum() > threshold


@exercise.mistake("any-sample")
def _(mu, threshold):
    """A unit is active in yours when one code lies beyond the threshold: its variance over the data
    counts.
    """
    return (mu.abs() > threshold).any(0)


@exercise.mistake("any-sample")
def _(mu, threshold):
    """A unit is active in yours when one code lies far enough from the mean: its variance over the
    data counts, which averages all squared distances.
    """
    return ((mu - mu.mean(0)).square() > threshold).any(0)


@exercise.mistake("range")
def _(mu, threshold):
    """The range of the codes is compared with the threshold: the variance is wanted."""
    return mu.amax(0) - mu.amin(0) > threshold


@exercise.mistake("count")
def _(mu, threshold):
    """This counts the active units: True or False for each unit is wanted."""
    return (variance(mu) > threshold).sum()


@exercise.mistake("indices")
def _(mu, threshold):
    """These are the indices of the active units: True or False for each unit is wanted."""
    return (variance(mu) > threshold).nonzero().squeeze(1)


@exercise.mistake("as-numbers")
def _(mu, threshold):
    """These are ones and zeros: True or False is wanted, as a comparison gives them."""
    return (variance(mu) > threshold).to(mu.dtype)


@exercise.mistake("as-numbers")
def _(mu, threshold):
    """These are ones and zeros: True or False is wanted, as a comparison gives them."""
    return (variance(mu) > threshold).long()


@exercise.mistake("not-compared")
def _(mu, threshold):
    """These are the variances: compare them with the threshold."""
    return variance(mu)


@exercise.mistake("not-compared")
def _(mu, threshold):
    """These are the variances: compare them with the threshold."""
    return variance(mu, 1)
