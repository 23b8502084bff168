"""Exercise 05.score_function_gradient: the gradient of an average over what is changed."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject

exercise = Exercise(
    "05.score_function_gradient",
    "f (S,), score (S, P), baseline () -> (P,)",
    place=2,
    proves="The gradient is the mean of the score, each draw's weighted by how far its objective "
    "lies above the baseline: for fresh draws, a single one and thousands, one parameter, double "
    "precision, a baseline of zero, objectives hundreds apart, and some near a million.",
    hints=(
        "Differentiate the sum over z of q(z) f(z), with f held fixed: only q(z) depends on the "
        "parameters. To have an average over q again, write its gradient as q times something.",
        "The average of the score alone is zero, so a constant may be subtracted from the "
        "objective. It leaves the mean alone and can make the noise much smaller.",
        "One weight per draw, (S,), and one row of the score per draw, (S, P): give the weights a "
        "second axis, and average the products over the draws only.",
    ),
    twin="course_utils.inference:score_function_gradient",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    s, p, more = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [_random_draws(s, p, draw, torch.float64), _random_draws(more, 1, draw)]
    for case, value in [(case, f(*case)) for case in cases]:
        law(
            agree(value, _truth(*case), scale=1.0),
            "S times the gradient should be the sum over the draws of the score, each times its "
            "objective less the baseline.",
            "wrong-gradient",
        )
    lone = _random_draws(1, p, draw)
    law(agree(f(*lone), _truth(*lone)), "With a single draw the gradient is wrong.", "one-draw")
    many = _random_draws(3000, 6, draw)  # as in the lecture
    law(
        agree(f(*many), _truth(*many), scale=1.0),
        "With 3000 draws the gradient is wrong, although it is right with few.",
        "many-draws",
    )
    objectives, score, _ = _random_draws(s, p, draw)
    none = (objectives, score, torch.tensor(0.0))
    law(
        agree(f(*none), _truth(*none), scale=1.0),
        "With a baseline of zero the gradient is wrong: zero is a baseline like any other, and "
        "none of your own takes its place.",
        "zero-baseline",
    )
    wide = (300 * draw.normal(s), score, torch.tensor(5.0))
    law(
        agree(f(*wide), _truth(*wide), scale=300.0),
        "Where objectives lie hundreds above or below the baseline, the gradient is wrong: they "
        "count as they are, neither clipped nor scaled.",
        "clipped",
    )
    # Near a million float32 is spaced by 1/16: f - baseline is exact, products with f are not.
    large = 1e6 + draw.normal(s).mul(8).round() / 8
    _, score, _ = _random_draws(s, p, draw)
    law(
        agree(f(large, score, torch.tensor(1e6)), _truth(large, score, torch.tensor(1e6))),
        "For objectives near a million, and a baseline as large, the gradient is off: rounding "
        "errors. Subtract the baseline first, then multiply.",
        "cancellation",
    )


def _truth(f: Tensor, score: Tensor, baseline: Tensor) -> Tensor:
    """In double precision."""
    return (f.double() - baseline.double()) @ score.double() / len(f)


def _random_draws(
    s: int, p: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(f (S,), score (S, P), baseline ()), with a gradient of size one or so."""
    f, score = 2 + draw.normal(s, dtype=dtype), 0.5 + draw.normal(s, p, dtype=dtype)
    baseline = draw.uniform(0.5, 0.8, dtype=dtype)
    f[0] = baseline - 1  # not all draws lie above the baseline
    return f, score, baseline


def _mean_of_products(weights, score):
    return (weights[:, None] * score).mean(0)


@exercise.mistake("no-baseline")
def _(f, score, baseline):
    """The baseline is not used: the mean stays the same without it, and the noise does not."""
    return _mean_of_products(f, score)


@exercise.mistake("baseline-added")
def _(f, score, baseline):
    """The baseline is added to the objective: subtract it, so that the weights are small."""
    return _mean_of_products(f + baseline, score)


@exercise.mistake("baseline-multiplied")
def _(f, score, baseline):
    """The objective is multiplied by the baseline: subtract it."""
    return _mean_of_products(f * baseline, score)


@exercise.mistake("baseline-divided")
def _(f, score, baseline):
    """The objective is divided by the baseline: subtract it."""
    return _mean_of_products(f / baseline, score)


@exercise.mistake("baseline-from-score")
def _(f, score, baseline):
    """The baseline is subtracted from the score: it belongs to the objective."""
    return _mean_of_products(f, score - baseline)


@exercise.mistake("baseline-at-the-end")
def _(f, score, baseline):
    """The baseline is subtracted from the finished gradient: subtract it from the objective of
    each draw."""
    return _mean_of_products(f, score) - baseline


@exercise.mistake("own-baseline")
def _(f, score, baseline):
    """The draws' own mean is subtracted where the given baseline belongs."""
    return _mean_of_products(f - f.mean(), score)


@exercise.mistake("own-baseline")
def _(f, score, baseline):
    """The draws' own mean is subtracted beside the given baseline."""
    return _mean_of_products(f - f.mean() - baseline, score)


@exercise.mistake("standardised")
def _(f, score, baseline):
    """The weights are divided by their spread: a common trick, which changes the length of the
    gradient."""
    return _mean_of_products((f - baseline) / f.std(), score)


@exercise.mistake("sum-not-mean")
def _(f, score, baseline):
    """The products are summed over the draws: a Monte Carlo average is their mean."""
    return ((f - baseline)[:, None] * score).sum(0)


@exercise.mistake("n-minus-one")
def _(f, score, baseline):
    """The sum is divided by S - 1: it is a mean, not a variance."""
    return ((f - baseline)[:, None] * score).sum(0) / (len(f) - 1)


@exercise.mistake("product-of-means")
def _(f, score, baseline):
    """The two factors are averaged before they are multiplied: each draw's objective weighs its
    own score."""
    return (f.mean() - baseline) * score.mean(0)


@exercise.mistake("score-only")
def _(f, score, baseline):
    """This is the mean of the score, which is zero on average: the objective is missing."""
    return score.mean(0)


@exercise.mistake("wrong-axis")
def _(f, score, baseline):
    """The average runs over the parameters: average over the draws, axis 0."""
    return ((f - baseline)[:, None] * score).mean(1)


@exercise.mistake("not-averaged")
def _(f, score, baseline):
    """A matrix (S, P) came back, one gradient per draw: average over the draws."""
    return (f - baseline)[:, None] * score


@exercise.mistake("mean-over-all")
def _(f, score, baseline):
    """One number came back: average over the draws only, so that each parameter keeps its
    gradient."""
    return ((f - baseline)[:, None] * score).mean()


@exercise.mistake("sign")
def _(f, score, baseline):
    """The sign is turned around: where draws above the baseline have a positive score, the
    gradient is positive."""
    return _mean_of_products(baseline - f, score)


@exercise.mistake("exponentiated")
def _(f, score, baseline):
    """The exponential of the objective is averaged: the objective itself is wanted."""
    return _mean_of_products((f - baseline).exp(), score)


@exercise.mistake("squared-score")
def _(f, score, baseline):
    """The score is squared."""
    return _mean_of_products(f - baseline, score**2)


@exercise.mistake("squared-objective")
def _(f, score, baseline):
    """The distance from the baseline is squared, which loses its sign."""
    return _mean_of_products((f - baseline) ** 2, score)


@exercise.mistake("divided-by-parameters")
def _(f, score, baseline):
    """This is divided by the number of parameters too."""
    return _mean_of_products(f - baseline, score) / score.shape[1]
