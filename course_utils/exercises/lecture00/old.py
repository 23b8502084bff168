"""The warm-up exercise of lecture 00."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


def sample_deviation(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), x.std(correction=1)


def variance(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), x.var(correction=0)


def swapped(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.std(correction=0), x.mean()


def around_zero(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), x.square().mean().sqrt()


def mean_absolute(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), (x - x.mean()).abs().mean()


def of_the_mean(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), x.std(correction=0) / len(x) ** 0.5


def not_averaged(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), (x - x.mean()).square().sum().sqrt()


def sums(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.sum(), x.std(correction=0)


def difference_of_squares(x: Tensor) -> tuple[Tensor, Tensor]:
    return x.mean(), (x.square().mean() - x.mean().square()).sqrt()


@exercise(
    "00.mean_and_std",
    "x (N,) -> (), ()",
    proves="Mean and deviation are right for fresh numbers, for one number alone, in double "
    "precision, and for numbers far from zero.",
    hints=(
        "Two numbers come back, as `return mean, std`. A tensor knows its `.mean()`.",
        "The standard deviation is the square root of the average squared distance from the mean.",
        "Take the mean first, subtract it from `x`, square, average over all N, take the root.",
    ),
    twin="course_utils.estimates:mean_and_std",
    mistakes=(
        Mistake(
            "n-minus-one",
            "This divides by N - 1, as `x.std()` does. Here the deviation of these very N numbers "
            "is wanted: divide by N.",
            sample_deviation,
        ),
        Mistake(
            "variance", "The second value is the variance: its square root is missing.", variance
        ),
        Mistake(
            "swapped",
            "Both numbers are right and in the wrong order: the mean comes first.",
            swapped,
        ),
        Mistake(
            "around-zero",
            "This is the root of the mean square of `x` itself: subtract the mean before squaring.",
            around_zero,
        ),
        Mistake(
            "mean-absolute",
            "This averages the absolute distances from the mean: the standard deviation averages "
            "their squares and takes the root.",
            mean_absolute,
        ),
        Mistake(
            "standard-error",
            "This is divided by the square root of N once more: that is the error of the mean, not "
            "the spread of the numbers.",
            of_the_mean,
        ),
        Mistake(
            "sum-not-mean",
            "The squared distances are summed where their average is wanted: divide by N before "
            "the root.",
            not_averaged,
        ),
        Mistake("sum-for-mean", "The first value is the sum: divide it by N.", sums),
        Mistake(
            "cancellation",
            "The mean of squares minus the square of the mean is right on paper and loses all its "
            "digits for numbers far from zero: subtract the mean from `x` first, then square.",
            difference_of_squares,
        ),
    ),
)
def check_mean_and_std(f: Subject, draw: Draw) -> None:
    for n in (draw.integer(5, 9), draw.integer(20, 40)):
        x = 3 * draw.normal(n) + draw.number(1, 2)
        mean, std = f(x)
        law(
            agree(mean, x.sum() / n, scale=float(x.abs().max())),
            "The first value is not the mean of the numbers: mean times N should be their sum.",
            "wrong-mean",
        )
        law(
            agree(n * std**2, (x - x.mean()).square().sum()),
            "The mean is right, the standard deviation is not: N times its square should be the "
            "sum of the squared distances from the mean.",
        )
    x = draw.normal(draw.integer(3, 6), dtype=torch.float64)
    _, std = f(x)
    _, tripled = f(-3 * x)
    law(
        agree(tripled, 3 * std),
        "Numbers that are multiplied by -3 should spread three times as much.",
    )
    _, alone = f(draw.normal(1))
    law(alone == 0, "The deviation of one number alone should be 0.")
    # Near 30000 float32 is spaced by 0.002: rounding of the mean shifts the deviation by less
    # than 1e-5, while squares near 9e8 are spaced by 64.
    x = 30_000 + draw.normal(50)
    exact = x.double().std(correction=0)
    law(
        abs(float(f(x)[1]) - exact) < 1e-2,
        "For numbers near 30000 with a spread near 1 the deviation is far off: rounding errors.",
        "cancellation",
    )
