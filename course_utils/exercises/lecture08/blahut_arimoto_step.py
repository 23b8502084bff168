"""08.blahut_arimoto_step: the best channel and what it makes of the source, by turns."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "08.blahut_arimoto_step",
    "p (X,), cost (X, Y), q (Y,), slope float -> (Y,)",
    place=3,
    proves="The new q is a distribution, each x is told by the y that q and the cost make likely, "
    "and x counts by its own p: for fresh sources, equal costs, a steep slope, an x "
    "that is expensive to describe, descriptions that are rare or never used, one x and double "
    "precision.",
    hints=(
        "Two lines. The first is Bayes' theorem with exp(-slope cost) in the place of a "
        "likelihood: it makes a channel, a distribution over y for each x.",
        "What has to be divided by, so that the channel sums to one over y for every x? That is "
        "axis 1, and the result is (X, Y).",
        "The second line asks how often each y is used when x comes from p: an average over x.",
    ),
    twin="course_utils.rate_distortion:blahut_arimoto_step",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    sizes = draw.sizes(4, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [
        random_source(sizes[0], sizes[1], draw, torch.float32),
        random_source(sizes[2], sizes[3], draw, torch.float64),
    ]
    for case, new in [(case, f(*case)) for case in cases]:
        law(
            near(new.sum(), torch.ones(())) and new.min() >= 0,
            "The new q should be a distribution: not negative, with the sum 1.",
            "not-a-distribution",
        )
        law(
            near(new, step_truth(*case)),
            "The new q is a distribution, and not the right one. For each x a distribution over y, "
            "q exp(-slope cost) over its sum; then their average, each x counting p(x).",
            "wrong-step",
        )
    p, cost, q, slope = cases[0]
    law(
        near(f(p, torch.full_like(cost, 0.7), q, slope), q),
        "Where every description costs the same, nothing speaks for another q: it should stay as "
        "it is.",
        "equal-costs",
    )
    close = cost.clone()
    close[0, 1] = 0.05  # beside 0.01: told apart by a slope of 200, and not by one of 20
    law(
        near(f(p, close, q, 200.0), step_truth(p, close, q, 200.0)),
        "With a slope of 200 per unit of cost every x is told by what is cheapest for it, and your "
        "new q is off.",
        "steep-slope",
    )
    p, cost, q, slope = cases[1]
    rare = q.clone()
    rare[0], rare[1] = 0, 1e-6
    rare = rare / rare.sum()
    new, right = f(p, cost, rare, slope), step_truth(p, cost, rare, slope)
    law(
        near(new[0], right[0], 1e-6) and near(new[1], right[1]),
        "A description that was never used, q = 0, should stay unused, and one with q = 1e-6 rare: "
        "is a small number added somewhere?",
        "rare-description",
    )
    dear = cost.clone()
    dear[0] += 16 / slope
    law(
        near(f(p, dear, q, slope), step_truth(p, cost, q, slope)),
        "Raising the cost of every description of one x by the same amount should change nothing, "
        "since its channel adds up to one. Is a small number added to the sum that you divide by?",
        "dear-x",
    )
    one = random_source(1, sizes[1], draw, torch.float64)
    law(near(f(*one), step_truth(*one)), "With a single x the new q is wrong.", "one-x")


def step_truth(p: Tensor, cost: Tensor, q: Tensor, slope: float) -> Tensor:
    """One iteration, (Y,), in double precision."""
    channel = torch.softmax(q.double().log() - slope * cost.double(), 1)
    return (p.double()[:, None] * channel).sum(0)


def random_source(
    x: int, y: int, draw: Draw, dtype: torch.dtype
) -> tuple[Tensor, Tensor, Tensor, float]:
    """(p (X,), cost (X, Y), q (Y,), slope): every x is nearest to some y, at a cost near 0."""
    p = draw.uniform(0.2, 1, x, dtype=dtype)
    q = draw.uniform(0.2, 1, y, dtype=dtype)
    cost = draw.uniform(0.1, 2, x, y, dtype=dtype)
    cost[torch.arange(x), torch.arange(x) % y] = 0.01
    return p / p.sum(), cost, q / q.sum(), draw.number(1.3, 2.5)


@mistake("not-normalised")
def _(p, cost, q, slope):
    """The channel is not divided by its sum over y, so that it is no distribution for each x."""
    return p @ (q * torch.exp(-slope * cost))


@mistake("normalised-once")
def _(p, cost, q, slope):
    """Only the new q is divided by its sum: each x has a sum over y of its own, by which its row is
    divided before the average."""
    new = p @ (q * torch.exp(-slope * cost))
    return new / new.sum()


@mistake("normalised-over-x")
def _(p, cost, q, slope):
    """The channel is divided by its sum over x: for each x the descriptions y have to add up to
    one, axis 1."""
    channel = q * torch.exp(-slope * cost)
    return p @ (channel / channel.sum(0))


@mistake("no-q")
def _(p, cost, q, slope):
    """The old q does not enter: what is described often is likelier for every x."""
    return p @ torch.softmax(-slope * cost, 1)


@mistake("no-p")
def _(p, cost, q, slope):
    """Every x counts the same: the average over x has the weights p."""
    return torch.softmax(q.log() - slope * cost, 1).mean(0)


@mistake("no-p")
def _(p, cost, q, slope):
    """The channel is summed over x without p: each x counts p(x)."""
    return torch.softmax(q.log() - slope * cost, 1).sum(0)


@mistake("sign")
def _(p, cost, q, slope):
    """The sign in the exponent is turned around: a high cost makes a description unlikely."""
    return p @ torch.softmax(q.log() + slope * cost, 1)


@mistake("slope-divides")
def _(p, cost, q, slope):
    """The cost is divided by the slope: it is multiplied, a slope is nats for one unit of cost."""
    return p @ torch.softmax(q.log() - cost / slope, 1)


@mistake("slope-missing")
def _(p, cost, q, slope):
    """The slope is missing in the exponent."""
    return p @ torch.softmax(q.log() - cost, 1)


@mistake("base-two")
def _(p, cost, q, slope):
    """The weights are powers of 2: the slope is in nats, so take `exp`."""
    weight = q * 2.0 ** (-slope * cost)
    return p @ (weight / weight.sum(1, keepdim=True))


@mistake("cost-squared")
def _(p, cost, q, slope):
    """The cost is squared: it is what a description costs already."""
    return p @ torch.softmax(q.log() - slope * cost**2, 1)


@mistake("factor-only")
def _(p, cost, q, slope):
    """This is the factor by which q changes: multiply it with q."""
    return p @ (torch.softmax(q.log() - slope * cost, 1) / q)


@mistake("q-twice")
def _(p, cost, q, slope):
    """The channel is multiplied by q once more: it holds q already."""
    return p @ torch.softmax(q.log() - slope * cost, 1) * q


@mistake("cheapest-only")
def _(p, cost, q, slope):
    """Every x goes to its cheapest description altogether: how strictly it does is what the slope
    says."""
    return p @ torch.nn.functional.one_hot(cost.argmin(1), len(q)).to(p.dtype)


@mistake("channel")
def _(p, cost, q, slope):
    """The channel (X, Y) came back: the new q is its average over x."""
    return torch.softmax(q.log() - slope * cost, 1)


@mistake("unchanged")
def _(p, cost, q, slope):
    """This is the old q."""
    return q.clone()
