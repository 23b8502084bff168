"""Exercise 05.importance_weighted_bound: the logarithm of a mean weight."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, check_gradients, law, near, or_nan
from ..subject import Subject

exercise = Exercise(
    "05.importance_weighted_bound",
    "log_w (S, B) -> (B,)",
    place=5,
    proves="The exponential of the bound is the mean weight of each column, for fresh weights, one "
    "draw, one column, double precision, log-weights near +10000 and -10000 side by side, and "
    "columns that span thousands of nats; and gradients reach every weight.",
    hints=(
        "The mean of the weights exp(log_w) is an unbiased estimate of the evidence. The bound is "
        "its logarithm, so the logarithm goes outside the average, over the S draws.",
        "exp(log_w) overflows. A factor c common to all weights of a column comes out of the mean "
        "and, as log c, out of the logarithm: which c keeps the largest weight at 1?",
        "`torch.logsumexp` does that, for the sum. A mean is a sum divided by S: what does that "
        "become in logarithms?",
    ),
    twin="course_utils.inference:importance_weighted_bound",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    s, b, many = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [0.3 + draw.normal(s, b, dtype=torch.float64), 1.5 * draw.normal(many, 1) - 0.4]
    for log_w, value in [(log_w, f(log_w)) for log_w in cases]:
        law(
            near(value.exp(), _truth(log_w).exp()),
            "The exponential of the bound should be the mean of the weights exp(log_w) over the "
            "draws, in each column.",
            "wrong-bound",
        )
    lone = 3 * draw.normal(1, b)
    law(agree(f(lone), lone[0]), "With a single draw the bound is its log-weight.", "one-draw")
    uneven = draw.uniform(-40, 0, 10 * many, b, dtype=torch.float64)
    uneven[1] = 0.0
    law(
        near(f(uneven), _truth(uneven)),
        "In a column whose log-weights differ by tens of nats the bound is off: are small weights "
        "cut off, or is something added to them? Those that hardly count should hardly count.",
        "cut-off",
    )
    log_w = draw.normal(s, b, dtype=torch.float64)  # near 10000 float32 is spaced by 1e-3
    shift = torch.where(torch.arange(b) % 2 == 0, 10_000.0, -10_000.0)
    law(
        near(f(log_w + shift) - shift, _truth(log_w + shift) - shift),
        "For log-weights near +10000 and -10000 the bound is off: stay in logs, with "
        "`torch.logsumexp`.",
        "overflow",
    )
    _check_wide_columns(f, draw, b)
    check_gradients(f, (log_w + shift,), {0: "log_w"}, _truth, draw.normal(b, dtype=log_w.dtype))


def _check_wide_columns(f: Subject, draw: Draw, b: int) -> None:
    """Columns that span thousands of nats, as those of a poor guess do."""
    wide = 3000 * draw.uniform(-1, 1, 60, b, dtype=torch.float64)
    wide[0], wide[1:3] = -2900.0, 2950.0  # the first is no maximum, and the largest is not alone
    bound = or_nan(f, wide)
    law(
        near(bound - 2950, _truth(wide) - 2950),
        "In a column that spans thousands of nats the bound is off: exp overflows, or is 0 for all "
        "draws, unless what is subtracted first is the column's *largest* log-weight. Its mean, "
        "median, smallest or first one will not do, nor any other number.",
        "not-the-largest",
    )


def _truth(log_w: Tensor) -> Tensor:
    """The log of the mean weight, relative to each column's largest, in double precision."""
    log_w = log_w.double()
    top = log_w.detach().max(0).values
    return top + (log_w - top).exp().mean(0).log()


def _bound(log_w):
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


@exercise.mistake("elbo")
def _(log_w):
    """This is the average of the log-weights, the ELBO: the logarithm goes outside the average."""
    return log_w.mean(0)


@exercise.mistake("overflow")
def _(log_w):
    """exp(log_w) overflows for large log-weights and is 0 for very negative ones: use
    `torch.logsumexp`."""
    return log_w.exp().mean(0).log()


@exercise.mistake("global-maximum")
def _(log_w):
    """One maximum over all columns is subtracted: where a column lies far below it, all its
    weights are 0. Each column has its own maximum, axis 0."""
    return log_w.max() + (log_w - log_w.max()).exp().mean(0).log()


@exercise.mistake("sum-not-mean")
def _(log_w):
    """This is the logarithm of the sum of the weights: their mean is wanted, or the bound grows
    with S without end."""
    return torch.logsumexp(log_w, 0)


@exercise.mistake("count-added")
def _(log_w):
    """The logarithm of the number of draws has the wrong sign: a mean divides by it."""
    return torch.logsumexp(log_w, 0) + math.log(len(log_w))


@exercise.mistake("divided-by-count")
def _(log_w):
    """The logarithm of the sum is divided by S: the sum itself is, and its logarithm loses
    log S."""
    return torch.logsumexp(log_w, 0) / len(log_w)


@exercise.mistake("count-not-log")
def _(log_w):
    """S itself is subtracted: in logarithms a division by S subtracts its logarithm."""
    return torch.logsumexp(log_w, 0) - len(log_w)


@exercise.mistake("wrong-count")
def _(log_w):
    """The size of the batch is divided out: the mean goes over the S draws."""
    return torch.logsumexp(log_w, 0) - math.log(log_w.shape[1])


@exercise.mistake("n-minus-one")
def _(log_w):
    """The sum is divided by S - 1: it is a mean, not a variance."""
    return torch.logsumexp(log_w, 0) - torch.tensor(len(log_w) - 1.0).log()


@exercise.mistake("best-draw")
def _(log_w):
    """Only the largest weight counts in yours: average over all of them."""
    return log_w.max(0).values


@exercise.mistake("best-draw")
def _(log_w):
    """Only the largest weight counts in yours, divided by S: average over all of them."""
    return log_w.max(0).values - math.log(len(log_w))


@exercise.mistake("maximum-not-added")
def _(log_w):
    """Each column's largest log-weight is subtracted before the exponential and not added again
    after the logarithm."""
    return _bound(log_w - log_w.max(0).values)


@exercise.mistake("weighted-average")
def _(log_w):
    """This averages the log-weights with their own normalised weights, which trains q in another
    way: the logarithm of the mean weight is wanted."""
    return (torch.softmax(log_w, 0) * log_w).sum(0)


@exercise.mistake("exponentiated")
def _(log_w):
    """This is the mean weight, an estimate of the evidence: its logarithm is wanted."""
    return log_w.exp().mean(0)


@exercise.mistake("negative")
def _(log_w):
    """This is the negative bound, a loss: the bound itself is wanted."""
    return -_bound(log_w)


@exercise.mistake("wrong-axis")
def _(log_w):
    """The mean runs over the batch, axis 1: draws stand along axis 0."""
    return _bound(log_w.T)


@exercise.mistake("mean-over-batch")
def _(log_w):
    """One number came back, averaged over the batch, as a loss is: one bound per x is wanted."""
    return _bound(log_w).mean()


@exercise.mistake("all-together")
def _(log_w):
    """One number came back: the mean weight of the whole batch has no meaning, each x has an
    evidence of its own."""
    return _bound(log_w.flatten())


@exercise.mistake("base-two")
def _(log_w):
    """This is in bits: nats are wanted."""
    return _bound(log_w) / math.log(2)
