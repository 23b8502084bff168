"""08.water_level: how low the water must stand for a given rate."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "08.water_level",
    "eigenvalues (D,), rate float -> ()",
    place=2,
    proves="At your level reverse water-filling has the rate that was asked for: for fresh spectra "
    "in any order, one eigenvalue, equal ones, a thousand over six decades, rates at which one "
    "direction is told, any number of them, or all, as a float and 0-d, double precision.",
    hints=(
        "If one knew how many directions are told, m of them, the rate would be a simple formula "
        "in the logarithm of the level: which directions are these, and what is the formula?",
        "Solve it for the level: 2 rate = (sum of the logarithms of the m largest) - m log level. "
        "That is one candidate for each m from 1 to D.",
        "The right m is the one that agrees with itself: its level must lie below the m-th "
        "largest eigenvalue and not below the next one. Or forget about m, and halve an interval: "
        "the rate falls as the level rises.",
    ),
    twin="course_utils.rate_distortion:water_level",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    d, few = draw.sizes(2, 5, 9)
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for size, dtype in ((d, torch.float32), (few, torch.float64)):
        high = draw.uniform(0.5, 4, size - 2, dtype=dtype)
        low = 1e-5 * draw.uniform(1, 5, 2, dtype=dtype)
        spectrum = torch.cat([high[:2], low[:1], high[2:], low[1:]])
        asked.append((spectrum, rate_at(spectrum, draw.uniform(0.1, 0.4))))
        asked.append((spectrum, rate_at(spectrum, low.min() * draw.uniform(0.4, 0.6))))
    answers = [f(*case) for case in asked]
    for (spectrum, rate), level in zip(asked, answers, strict=True):
        law(
            level > 0 and level < spectrum.max(),
            "A level is positive, and for a rate above 0 it lies below the largest eigenvalue.",
            "not-a-level",
        )
        told = rate_at(spectrum, level)
        law(
            abs(told / rate - 1) < 0.02,
            "At your level reverse water-filling has another rate than the one that was asked for.",
            "wrong-rate",
        )
    for (spectrum, rate), level in zip(asked, answers, strict=True):
        law(
            abs(rate_at(spectrum, level) / rate - 1) < 1e-4,
            "The rate at your level is that asked for to a hundredth, and not to 1e-4: is a grid "
            "too coarse, or an interval halved too seldom?",
            "not-exact",
        )
    alone = draw.uniform(0.5, 4, 1)
    law(
        near(f(alone, 0.7), alone[0] * math.exp(-1.4)),
        "With a single eigenvalue the rate is half of log(eigenvalue / level): your level is "
        "another.",
        "one-eigenvalue",
    )
    equal = torch.full((few,), 2.5)
    law(
        near(f(equal, 0.1 * few), 2.5 * torch.tensor(-0.2).exp()),
        "With equal eigenvalues every direction tells the same share of the rate: your level is "
        "another.",
        "equal-eigenvalues",
    )
    falling = 8 * draw.uniform(0.5, 0.75, d).cumprod(0)
    shuffled = falling[torch.randperm(d, generator=draw.generator)]
    for m in range(1, d):
        rate = rate_at(falling, (falling[m - 1] * falling[m]).sqrt())
        told = rate_at(shuffled, f(shuffled, rate))
        law(
            abs(told / rate - 1) < 1e-3,
            f"For a rate at which {m} of {d} directions are told, your level has another rate: it "
            "should lie between the smallest variance that is told and the largest that is not.",
            "some-told",
        )
    decades = 10 ** draw.uniform(-4, 2, 1000)
    for rate in (draw.number(0.001, 0.01), draw.number(100, 400), draw.number(6000, 7000)):
        told = rate_at(decades, f(decades, rate))
        law(
            abs(told / rate - 1) < 0.02,
            f"For a thousand eigenvalues over six decades and a rate of {rate:.4g} nats your level "
            "has another rate: a grid or an interval that is too short?",
            "wide-spectrum",
        )
    spectrum, rate = asked[0]
    law(
        near(f(spectrum, torch.tensor(rate)), answers[0]),
        "With the same rate as a 0-d tensor the level is another.",
        "rate-as-tensor",
    )


def rate_at(eigenvalues: Tensor, level: Tensor) -> float:
    """The rate of reverse water-filling, nats, in double precision."""
    return float((eigenvalues.double() / level.double()).clamp(min=1).log().sum() / 2)


def level_at(eigenvalues: Tensor, rate: float) -> Tensor:
    falling = eigenvalues.sort(descending=True).values
    m = torch.arange(1, len(falling) + 1, dtype=falling.dtype)
    levels = ((falling.log().cumsum(0) - 2 * rate) / m).exp()
    return levels.max()  # a wrong number of directions asks for a lower level


@mistake("not-sorted")
def _(eigenvalues, rate):
    """The eigenvalues are taken in the order in which they come: the largest are told first, so
    sort them."""
    m = torch.arange(1, len(eigenvalues) + 1, dtype=eigenvalues.dtype)
    return ((eigenvalues.log().cumsum(0) - 2 * rate) / m).exp().max()


@mistake("all-told")
def _(eigenvalues, rate):
    """This takes it that all directions are told: where the rate is small, some lie under the
    water, and the others get the whole rate."""
    return ((eigenvalues.log().sum() - 2 * rate) / len(eigenvalues)).exp()


@mistake("largest-only")
def _(eigenvalues, rate):
    """This spends the whole rate on the largest eigenvalue: when the water has reached the next
    one, that is told as well."""
    return eigenvalues.max() * math.exp(-2 * rate)


@mistake("assumed-sorted")
def _(eigenvalues, rate):
    """The eigenvalues are taken as they stand, as if they fell: sort them first."""
    total, level = 0.0, math.inf
    for m, value in enumerate(eigenvalues.tolist(), start=1):
        if m > 1 and value <= level:
            break
        total += math.log(value)
        level = math.exp((total - 2 * float(rate)) / m)
    return eigenvalues.new_tensor(level)


@mistake("bits")
def _(eigenvalues, rate):
    """The rate is read as bits: it is in nats."""
    return level_at(eigenvalues, rate * math.log(2))


@mistake("bits")
def _(eigenvalues, rate):
    """The rate is turned into bits, and the logarithms are natural ones: it is in nats, leave it
    as it is."""
    return level_at(eigenvalues, rate / math.log(2))


@mistake("no-half")
def _(eigenvalues, rate):
    """The factor 1/2 of the rate is missing: each direction costs half of log(eigenvalue /
    level)."""
    return level_at(eigenvalues, rate / 2)


@mistake("half-twice")
def _(eigenvalues, rate):
    """The factor 1/2 of the rate is there twice."""
    return level_at(eigenvalues, 2 * rate)


@mistake("rate-per-direction")
def _(eigenvalues, rate):
    """The rate is taken as that of each direction: it is the sum over all of them."""
    return level_at(eigenvalues, rate * len(eigenvalues))


@mistake("rate-per-direction")
def _(eigenvalues, rate):
    """The rate is shared out evenly among the directions: it is the sum over all of them, and those
    under the water get none."""
    return level_at(eigenvalues, rate / len(eigenvalues))


@mistake("distortion")
def _(eigenvalues, rate):
    """This is the squared error at the right level: the level itself is wanted."""
    return eigenvalues.clamp(max=level_at(eigenvalues, rate)).sum()


@mistake("number-as-distortion")
def _(eigenvalues, rate):
    """This is the level at which the squared error is `rate`: the rate should be."""
    low, high = torch.zeros_like(eigenvalues[0]), eigenvalues.max()
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if eigenvalues.clamp(max=middle).sum() < rate else (low, middle)
    return middle


@mistake("logarithm")
def _(eigenvalues, rate):
    """This is the logarithm of the level: take its exponential."""
    return level_at(eigenvalues, rate).log()


@mistake("deviation")
def _(eigenvalues, rate):
    """This is the root of the level: a level is a variance, like the eigenvalues."""
    return level_at(eigenvalues, rate).sqrt()


@mistake("arithmetic-mean")
def _(eigenvalues, rate):
    """The eigenvalues are averaged before the logarithm: the logarithms are averaged, which is the
    geometric mean."""
    return eigenvalues.mean() * math.exp(-2 * rate / len(eigenvalues))


@mistake("one-for-each")
def _(eigenvalues, rate):
    """A vector came back, one candidate for each number of directions told: choose the one that
    agrees with its own number."""
    falling = eigenvalues.sort(descending=True).values
    m = torch.arange(1, len(falling) + 1, dtype=falling.dtype)
    return ((falling.log().cumsum(0) - 2 * rate) / m).exp()
