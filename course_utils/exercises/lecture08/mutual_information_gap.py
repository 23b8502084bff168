"""08.mutual_information_gap: by how much one latent is ahead, for each factor."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "08.mutual_information_gap",
    "mi (K, F), entropies (F,) -> ()",
    place=5,
    proves="The gap is one where each factor has a latent of its own, zero where two latents share "
    "it, and between them the largest minus the second, over the entropy: for fresh numbers in any "
    "order, two latents, one factor, double precision.",
    hints=(
        "For each factor, one column of `mi`, ask which two latents know most about it.",
        "How far is the first of them ahead of the second, as a share of all there is to know "
        "about the factor? The score is the mean of these over the factors.",
        "`topk` along the axis of the latents, or a `sort`, gives the two; with K = 2 it must "
        "work, too.",
    ),
    twin="course_utils.rate_distortion:mutual_information_gap",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    latents, factors, few = draw.sizes(3, 5, 9)
    # Everything is asked before it is judged: no two mistakes agree by chance.
    asked = [
        (case, f(*case[:2]))
        for case in (
            known_factors(latents, factors, draw),
            known_factors(few, latents, draw, torch.float64),
        )
    ]
    entropies = draw.uniform(0.5, 3, factors)
    own = torch.zeros(factors + 2, factors)
    own[torch.randperm(factors + 2, generator=draw.generator)[:factors]] = torch.diag(entropies)
    alone, shared = f(own, entropies), f(torch.cat([own, own]), entropies)
    law(
        near(alone, torch.tensor(1.0)),
        "Where each factor is known to one latent completely, and to no other, the gap should be "
        "one.",
        "not-one",
    )
    law(
        near(shared, torch.tensor(0.0), 1.0),
        "Where two latents know the same about every factor, the gap should be zero.",
        "not-zero",
    )
    for (_, entropies, gaps), score in asked:
        law(
            near(len(entropies) * score, (gaps / entropies).sum()),
            "The gap is wrong: for each factor take the largest minus the second largest, divided "
            "by its entropy, and the mean of these over the factors.",
            "wrong-gap",
        )
    # Last, because what mixes up the axes may raise here.
    for k, n in ((factors, 1), (2, few)):
        mi, entropies, gaps = known_factors(k, n, draw)
        law(
            near(n * f(mi, entropies), (gaps / entropies).sum()),
            f"With {k} latents and {n} factor{'s' if n > 1 else ''} the gap is wrong.",
            "few",
        )


def known_factors(
    k: int, n: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(mi (K, F), entropies (F,), gaps (F,)): the latents in another order for each factor."""
    entropies = draw.uniform(0.5, 3, n, dtype=dtype)
    shares = torch.linspace(1, 0, k + 1, dtype=dtype)[:k, None] ** 2  # from the largest down
    ordered = shares * draw.uniform(0.5, 1, 1, n, dtype=dtype) * entropies
    order = draw.uniform(0, 1, k, n).argsort(dim=0)
    return ordered.gather(0, order), entropies, ordered[0] - ordered[1]


@mistake("not-normalised")
def _(mi, entropies):
    """The gaps are not divided by the entropies: a factor with many values would count more."""
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean()


@mistake("normalised-after")
def _(mi, entropies):
    """The mean gap is divided by the mean entropy: divide each gap by its own factor's entropy
    first."""
    first, second = mi.topk(2, dim=0).values
    return (first - second).sum() / entropies.sum()


@mistake("normalised-after")
def _(mi, entropies):
    """The mean gap is divided by the sum of the entropies: divide each gap by its own factor's
    entropy first."""
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean() / entropies.sum()


@mistake("multiplied")
def _(mi, entropies):
    """The gaps are multiplied by the entropies, where they are divided by them."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) * entropies).mean()


@mistake("wrong-normaliser")
def _(mi, entropies):
    """The gaps are divided by the largest mutual information: the entropy of the factor is the most
    that any latent could know."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / first).mean()


@mistake("wrong-normaliser")
def _(mi, entropies):
    """The gaps are divided by the summed mutual information: the entropy of the factor is the most
    that any latent could know."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / mi.sum(0)).mean()


@mistake("wrong-normaliser")
def _(mi, entropies):
    """The gaps are divided by log K: the entropy of the factor is the most that any latent could
    know."""
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean() / math.log(mi.shape[0])


@mistake("wrong-axis")
def _(mi, entropies):
    """The two largest are taken over the factors, one gap per latent: for each factor, compare the
    latents, axis 0."""
    ordered = mi.sort(dim=1, descending=True).values
    return (ordered[:, 0] - ordered[:, 1]).mean()


@mistake("wrong-axis")
def _(mi, entropies):
    """The two largest are taken over the factors, one gap per latent: for each factor, compare the
    latents, axis 0."""
    ordered = (mi / entropies).sort(dim=-1, descending=True).values
    return (ordered[:, 0] - ordered[:, 1]).mean()


@mistake("wrong-axis")
def _(mi, entropies):
    """The two largest are taken over the factors, one gap per latent: for each factor, compare the
    latents, axis 0."""
    first, second = mi.topk(2, dim=1).values.T
    return (first - second).mean() / entropies.mean()


@mistake("minus-mean")
def _(mi, entropies):
    """The mean over the latents is subtracted: the gap is to the second largest."""
    return ((mi.amax(0) - mi.mean(0)) / entropies).mean()


@mistake("minus-mean")
def _(mi, entropies):
    """The mean over the other latents is subtracted: the gap is to the largest of them."""
    others = (mi.sum(0) - mi.amax(0)) / (len(mi) - 1)
    return ((mi.amax(0) - others) / entropies).mean()


@mistake("minus-sum")
def _(mi, entropies):
    """The sum of all other latents is subtracted: the gap is to the largest of them."""
    return ((mi.amax(0) - (mi.sum(0) - mi.amax(0))) / entropies).mean()


@mistake("minus-third")
def _(mi, entropies):
    """The third largest is subtracted: the gap is to the second, with index 1."""
    ordered = mi.sort(dim=0, descending=True).values
    return ((ordered[0] - ordered[2]) / entropies).mean()


@mistake("minus-smallest")
def _(mi, entropies):
    """The smallest is subtracted: the gap is to the second largest."""
    return ((mi.max(0).values - mi.min(0).values) / entropies).mean()


@mistake("minus-median")
def _(mi, entropies):
    """The median over the latents is subtracted: the gap is to the second largest."""
    return ((mi.amax(0) - mi.median(0).values) / entropies).mean()


@mistake("no-second")
def _(mi, entropies):
    """Nothing is subtracted from the largest: when a second latent knows as much, the factor is not
    disentangled."""
    return (mi.amax(0) / entropies).mean()


@mistake("second-only")
def _(mi, entropies):
    """This is the second largest itself: its distance from the largest is wanted."""
    return (mi.topk(2, dim=0).values[1] / entropies).mean()


@mistake("not-sorted")
def _(mi, entropies):
    """The first two latents are compared as they stand: the two that know most about the factor are
    wanted."""
    return ((mi[0] - mi[1]) / entropies).mean()


@mistake("not-sorted")
def _(mi, entropies):
    """The first two latents are compared as they stand: the two that know most about the factor are
    wanted."""
    return ((mi[0] - mi[1]).abs() / entropies).mean()


@mistake("two-smallest")
def _(mi, entropies):
    """The two smallest are compared: `sort` puts the smallest first."""
    ordered = mi.sort(dim=0).values
    return ((ordered[1] - ordered[0]) / entropies).mean()


@mistake("two-smallest")
def _(mi, entropies):
    """The two smallest are compared, and the sign is turned around: `sort` puts the smallest
    first."""
    ordered = mi.sort(dim=0).values
    return ((ordered[0] - ordered[1]) / entropies).mean()


@mistake("sign")
def _(mi, entropies):
    """The sign is turned around: the largest comes first."""
    first, second = mi.topk(2, dim=0).values
    return ((second - first) / entropies).mean()


@mistake("sum-over-factors")
def _(mi, entropies):
    """This sums over the factors: their mean is wanted."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sum()


@mistake("divided-by-latents")
def _(mi, entropies):
    """The sum over the factors is divided by the number of latents: divide it by the number of
    factors."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sum() / mi.shape[0]


@mistake("per-factor")
def _(mi, entropies):
    """One gap per factor came back: their mean is wanted."""
    first, second = mi.topk(2, dim=0).values
    return (first - second) / entropies


@mistake("squared")
def _(mi, entropies):
    """The gaps are squared."""
    first, second = mi.topk(2, dim=0).values
    return (((first - second) / entropies) ** 2).mean()


@mistake("ratio")
def _(mi, entropies):
    """This is the ratio of the two largest: their difference is wanted, over the entropy."""
    first, second = mi.topk(2, dim=0).values
    return (second / first).mean()


@mistake("bits")
def _(mi, entropies):
    """One of the two is turned into bits: mutual information and entropy have the same unit, which
    drops out."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / (entropies / math.log(2))).mean()


@mistake("bits")
def _(mi, entropies):
    """One of the two is turned into bits: mutual information and entropy have the same unit, which
    drops out."""
    first, second = mi.topk(2, dim=0).values / math.log(2)
    return ((first - second) / entropies).mean()


@mistake("one-for-all")
def _(mi, entropies):
    """The two largest of the whole matrix are compared: every factor has its own two."""
    first, second = mi.flatten().topk(2).values
    return ((first - second) / entropies).mean()


@mistake("largest-factor")
def _(mi, entropies):
    """Only the factor with the largest gap counts: the mean over all factors is wanted."""
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).max()
