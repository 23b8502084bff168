"""04.effective_sample_size: how many of the draws really count."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject

exercise = Exercise(
    "04.effective_sample_size",
    "log_w (S, B) -> (B,)",
    place=2,
    proves="The number of draws over the effective one is one plus the squared relative spread of "
    "the weights, column by column: for fresh weights, one draw, one column, double precision, "
    "log-weights near +10000 and -10000 side by side, and columns thousands of nats wide.",
    hints=(
        "The weights of one column are exp(log_w). Equal weights count fully: S draws are worth S. "
        "One weight that towers over the others is worth one draw.",
        "A factor common to all weights of a column cancels in (sum w)^2 / sum w^2, so you may "
        "choose one. Which choice makes sure that no exponential overflows, and that they do not "
        "all become 0?",
        "Choose it such that the largest weight of each column becomes 1, or that they add up to "
        "one: torch has a function for the second. What is left of the formula then?",
    ),
    twin="course_utils.inference:effective_sample_size",
)
mistake = exercise.mistake


def relative_variance(log_w: Tensor) -> Tensor:
    """Variance over squared mean of the weights of each column (B,), in double precision."""
    w = (log_w.double() - log_w.double().max(0).values).exp()
    return w.var(0, correction=0) / w.mean(0) ** 2


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    s, b, many = draw.sizes(3, 4, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [0.3 + draw.normal(s, b, dtype=torch.float64), 1.5 * draw.normal(many, 1) - 0.4]
    for log_w, value in [(log_w, f(log_w)) for log_w in cases]:
        law(
            agree(len(log_w) / value, 1 + relative_variance(log_w)),
            "The number of draws over your effective one should be 1 + the weights' variance over "
            "their squared mean, in each column.",
            "wrong-size",
        )
    uneven = draw.uniform(-40, 0, 10 * many, b, dtype=torch.float64)
    uneven[1] = 0.0
    law(
        agree(len(uneven) / f(uneven), 1 + relative_variance(uneven)),
        "In a column whose log-weights differ by tens of nats the result is off: are small weights "
        "cut off, or is something added to them? Those that hardly count should hardly count.",
        "cut-off",
    )
    log_w = draw.normal(s, b, dtype=torch.float64)  # near 10000 float32 is spaced by 1e-3
    moved = log_w + torch.where(torch.arange(b) % 2 == 0, 10_000.0, -10_000.0)
    moved[0, 0] += 200  # beside it the other draws of the first column weigh nothing
    law(
        agree(len(moved) / f(moved), 1 + relative_variance(moved)),
        "For log-weights near +10000 and -10000 the result is off, although only differences "
        "within a column count: subtract each column's largest log-weight before the exponential.",
        "overflow",
    )
    wide = draw.uniform(-4000, 500, s, b)
    wide[1] = draw.uniform(510, 515, b)  # two draws that count, neither of them the first or last
    wide[2] = wide[1] + draw.uniform(-1, 1, b)
    law(
        agree(len(wide) / f(wide), 1 + relative_variance(wide)),
        "For columns thousands of nats wide, as those of an image are, the result is off: only "
        "after each column's largest log-weight is subtracted can no exponential overflow.",
        "wide-column",
    )
    law(
        agree(f(10 * draw.normal(1, b)), torch.ones(b)),
        "With a single draw the effective sample size is 1.",
        "one-draw",
    )


@mistake("overflow")
def _(log_w):
    """exp(log_w) overflows for large log-weights and is 0 for very negative ones: subtract each
    column's largest first, it cancels in the ratio."""
    w = log_w.exp()
    return w.sum(0) ** 2 / (w**2).sum(0)


@mistake("overflow")
def _(log_w):
    """The small number below the fraction hides a division of 0 by 0: exp(log_w) overflows or is 0
    all the same. Subtract each column's largest log-weight first."""
    w = log_w.exp()
    return w.sum(0) ** 2 / ((w**2).sum(0) + 1e-30)


@mistake("global-maximum")
def _(log_w):
    """One maximum over all columns is subtracted: where a column lies far below it, all its weights
    are 0. Each column has its own maximum, axis 0."""
    w = (log_w - log_w.max()).exp()
    return w.sum(0) ** 2 / (w**2).sum(0)


for _centre in (
    lambda log_w: log_w.mean(0),
    lambda log_w: log_w.median(0).values,
    lambda log_w: log_w.min(0).values,
    lambda log_w: log_w[0],
    lambda log_w: log_w[-1],
):

    @mistake("not-the-maximum")
    def _(log_w, centre=_centre):
        """A typical entry of each column is subtracted (its mean, median, smallest or first), and
        where a column is wide, the largest weight overflows all the same: subtract the largest."""
        w = (log_w - centre(log_w)).exp()
        return w.sum(0) ** 2 / (w**2).sum(0)


@mistake("inverse")
def _(log_w):
    """This is one over the effective sample size: numerator and denominator are exchanged."""
    return torch.softmax(log_w, 0).square().sum(0)


@mistake("fraction")
def _(log_w):
    """This is the effective fraction, as when means stand where sums belong: the number of draws
    itself is wanted."""
    w = torch.softmax(log_w, 0)
    return w.mean(0) ** 2 / (w**2).mean(0)


@mistake("largest-weight")
def _(log_w):
    """This is one over the largest normalised weight, another measure: all weights enter, through
    their squares."""
    return 1 / torch.softmax(log_w, 0).max(0).values


@mistake("perplexity")
def _(log_w):
    """This is the exponential of the weights' entropy, another measure of how many count: the sum
    of squares is wanted."""
    return torch.special.entr(torch.softmax(log_w, 0)).sum(0).exp()


@mistake("logarithm")
def _(log_w):
    """This is the logarithm of the effective sample size: take its exponential."""
    return 2 * torch.logsumexp(log_w, 0) - torch.logsumexp(2 * log_w, 0)


@mistake("sum-not-squared")
def _(log_w):
    """The sum of the weights is not squared: the result then depends on a common factor of the
    weights, which says nothing about how many count."""
    w = log_w.exp()
    return w.sum(0) / (w**2).sum(0)


@mistake("weights-not-squared")
def _(log_w):
    """The weights are not squared in the denominator: the result is their sum."""
    w = log_w.exp()
    return w.sum(0) ** 2 / w.sum(0)


@mistake("weights-not-squared")
def _(log_w):
    """The normalised weights are summed without their squares, which is 1 whatever they are."""
    return 1 / torch.softmax(log_w, 0).sum(0)


@mistake("mean-weight")
def _(log_w):
    """This is the mean of the weights, an estimate of the evidence: how many draws count is another
    question."""
    return log_w.exp().mean(0)


@mistake("not-exponentiated")
def _(log_w):
    """The log-weights are used as if they were the weights."""
    return log_w.sum(0) ** 2 / (log_w**2).sum(0)


@mistake("square-root")
def _(log_w):
    """This is the root of the effective sample size."""
    return (1 / torch.softmax(log_w, 0).square().sum(0)).sqrt()


@mistake("not-normalised")
def _(log_w):
    """The variance of the weights is not divided by their squared mean, so a common factor changes
    the result."""
    return len(log_w) / (1 + log_w.exp().var(0, correction=0))


@mistake("n-minus-one")
def _(log_w):
    """The variance of the weights is taken with S - 1, as `var` does: the formula is exact with
    S."""
    w = torch.softmax(log_w, 0)
    return len(w) / (1 + w.var(0) / w.mean(0) ** 2)


@mistake("normalised-over-batch")
def _(log_w):
    """The weights are normalised over the batch: each column's weights add up to one, over axis
    0."""
    w = torch.softmax(log_w, 1)
    return w.sum(0) ** 2 / (w**2).sum(0)


@mistake("wrong-axis")
def _(log_w):
    """The sums run over the batch, axis 1: draws stand along axis 0."""
    w = torch.softmax(log_w, 1)
    return 1 / (w**2).sum(1)


@mistake("all-together")
def _(log_w):
    """One number came back for all columns together: each column of the batch has weights and an
    effective sample size of its own."""
    w = torch.softmax(log_w.flatten(), 0)
    return 1 / (w**2).sum()


@mistake("rounded")
def _(log_w):
    """The effective number of draws is rounded: it need not be whole."""
    return (1 / torch.softmax(log_w, 0).square().sum(0)).round()


@mistake("log-base")
def _(log_w):
    """2 is raised to the log-weights: they are natural logarithms, so take `exp`."""
    w = torch.softmax(log_w * math.log(2), 0)
    return 1 / (w**2).sum(0)
