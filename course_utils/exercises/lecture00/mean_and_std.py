"""00.mean_and_std: the warm-up."""

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "00.mean_and_std",
    "x (N,) -> (), ()",
    place=1,
    proves="Mean and deviation are right for fresh numbers with means of both signs, a thousand of "
    "them, one number alone, in double precision, and for numbers far from zero.",
    hints=(
        "Two numbers come back, as `return mean, std`. A tensor knows its `.mean()`.",
        "The standard deviation is the square root of the average squared distance from the mean.",
        "Take the mean first, subtract it from `x`, square, average over all N, take the root.",
    ),
    twin="course_utils.estimates:mean_and_std",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for sign, n in ((1, draw.integer(5, 9)), (-1, draw.integer(20, 40)), (1, 1000)):
        x = 3 * draw.normal(n) + sign * draw.number(2, 3)  # means of both signs
        mean, std = f(x)
        law(
            near(mean, x.sum() / n, scale=float(x.abs().max())),
            "The first value is not the mean of the numbers: mean times N should be their sum.",
            "wrong-mean",
        )
        law(
            near(n * std**2, (x - x.mean()).square().sum()),
            "The mean is right, the standard deviation is not: N times its square should be the "
            "sum of the squared distances from the mean.",
            "wrong-deviation",
        )
    x = draw.normal(draw.integer(3, 6), dtype=torch.float64)
    _, std = f(x)
    _, tripled = f(-3 * x)
    law(
        near(tripled, 3 * std),
        "Numbers that are multiplied by -3 should spread three times as much.",
        "wrong-deviation",
    )
    _, alone = f(draw.normal(1))
    law(abs(alone) < 1e-6, "The deviation of one number alone should be 0.", "one-number")
    # Near 30000 float32 is spaced by 0.002: rounding of the mean shifts the deviation by less
    # than 1e-5, while squares near 9e8 are spaced by 64.
    x = 30_000 + draw.normal(50)
    exact = x.double().std(correction=0)
    law(
        abs(float(f(x)[1]) - exact) < 1e-2,
        "For numbers near 30000 with a spread near 1 the deviation is far off: rounding errors.",
        "cancellation",
    )


@exercise.mistake("n-minus-one")
def _(x):
    """This divides by N - 1, as `x.std()` does. Here the deviation of these very N numbers is
    wanted: divide by N."""
    return x.mean(), x.std()


@exercise.mistake("variance")
def _(x):
    """The second value is the variance: its square root is missing."""
    return x.mean(), (x - x.mean()).square().mean()


@exercise.mistake("swapped")
def _(x):
    """Both numbers are right and in the wrong order: the mean comes first."""
    return x.std(correction=0), x.mean()


@exercise.mistake("around-zero")
def _(x):
    """This is the root of the mean square of `x` itself: subtract the mean before squaring."""
    return x.mean(), x.square().mean().sqrt()


@exercise.mistake("mean-absolute")
def _(x):
    """This averages the absolute distances from the mean: the standard deviation averages their
    squares and takes the root."""
    return x.mean(), (x - x.mean()).abs().mean()


@exercise.mistake("standard-error")
def _(x):
    """This is divided by the square root of N once more: that is the error of the mean, not the
    spread of the numbers."""
    return x.mean(), x.std(correction=0) / len(x) ** 0.5


@exercise.mistake("sum-not-mean")
def _(x):
    """The squared distances are summed where their average is wanted: divide by N before the
    root."""
    return x.mean(), (x - x.mean()).square().sum().sqrt()


@exercise.mistake("sum-for-mean")
def _(x):
    """The first value is the sum: divide it by N."""
    return x.sum(), x.std(correction=0)


@exercise.mistake("sign-lost")
def _(x):
    """The first value is the size of the mean: a mean may be negative."""
    return x.mean().abs(), x.std(correction=0)


@exercise.mistake("cancellation")
def _(x):
    """The mean of squares minus the square of the mean is right on paper and loses all its digits
    for numbers far from zero: subtract the mean from `x` first, then square."""
    return x.mean(), (x.square().mean() - x.mean().square()).sqrt()
