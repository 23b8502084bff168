"""Exercise 03.discarded_variance: what the best k components lose."""

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject

exercise = Exercise(
    "03.discarded_variance",
    "eigenvalues (D,), k int -> ()",
    place=2,
    proves="Kept and discarded variance add up to the total for eigenvalues in any order, equal "
    "ones, few and many, for one component and for most; everything is lost when none is kept, and "
    "nothing when all are.",
    hints=(
        "The residual x - x_hat is what x has along the directions that are left out. They are at "
        "right angles, so its squared length is a sum of squares, one per direction.",
        "Averaged over the data, the square along a direction is the variance along it: its "
        "eigenvalue. Which directions does the best choice of k leave out?",
        "Look at both ends, k = 0 and k = D, before you choose how to count: `[:-0]` is empty.",
    ),
    twin="course_utils.autoencoders:discarded_variance",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for dtype in (torch.float64, torch.float32):
        k = draw.integer(2, 3)
        d = 2 * k + draw.integer(2, 4)
        # The largest and the smallest stand neither among the first k nor among the last k.
        ordered = draw.uniform(0.2, 3.0, d, dtype=dtype).sort().values
        others = ordered[1:-1][torch.randperm(d - 2, generator=draw.generator)]
        _check_sum(f, torch.cat([others[:k], ordered[[-1, 0]], others[k:]]), (k, 1, d - 1))
    d = draw.integer(6, 9)
    level = torch.full((d,), draw.number(0.5, 2.0))  # as of white noise
    for k in (draw.integer(2, 3), d - 1):
        law(
            agree(f(level, k), level[k:].sum()),
            "When all eigenvalues are equal, the error with k of D components is D - k of them: "
            "count eigenvalues by their places, not by their values.",
            "equal-eigenvalues",
        )
    images = 3 * 10 ** -draw.uniform(0, 6, 196)  # as uneven as those of images, some of them 0
    images[:3] = 0
    _check_sum(f, images, (draw.integer(10, 60), draw.integer(150, 195)))


def _check_sum(f: Subject, eigenvalues: torch.Tensor, kept: tuple[int, ...]) -> None:
    total = eigenvalues.sum()
    for k in kept:
        law(
            agree(f(eigenvalues, k) + eigenvalues.topk(k).values.sum(), total),
            "What the k best components keep and what is lost should add up to the total variance, "
            "the sum of all eigenvalues.",
            "does-not-add-up",
        )
    law(
        agree(f(eigenvalues, 0), total),
        "When no component is kept everything is lost.",
        "not-all-at-the-start",
    )
    law(
        f(eigenvalues, len(eigenvalues)).abs() < 1e-4 * total,
        "When all D components are kept nothing is lost.",
        "not-zero-at-the-end",
    )


def _discarded(eigenvalues, k):
    """The D - k smallest: their sum is right."""
    return eigenvalues.sort().values[: len(eigenvalues) - k]


def _kept(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[:k]


@exercise.mistake("kept")
def _(eigenvalues, k):
    """This is the variance that the k components keep: the error is what they leave out."""
    return _kept(eigenvalues, k).sum()


@exercise.mistake("assumes-descending")
def _(eigenvalues, k):
    """This sums all eigenvalues after the first k as they stand: they come in any order, so sort
    them."""
    return eigenvalues[k:].sum()


@exercise.mistake("assumes-ascending")
def _(eigenvalues, k):
    """This sums all eigenvalues before the last k as they stand: they come in any order, so sort
    them."""
    return eigenvalues[: len(eigenvalues) - k].sum()


ONE_END = (
    "This sums k eigenvalues from one end as they stand. They come in any order, and the D - k "
    "discarded ones are wanted."
)


@exercise.mistake("assumes-sorted", ONE_END)
def _(eigenvalues, k):
    return eigenvalues[:k].sum()


@exercise.mistake("assumes-sorted", ONE_END)
def _(eigenvalues, k):
    return eigenvalues[-k:].sum()


@exercise.mistake("worst-components")
def _(eigenvalues, k):
    """The k smallest eigenvalues are left out, which is the error of the worst k components:
    sorting ascending puts the largest last."""
    return eigenvalues.sort().values[k:].sum()


@exercise.mistake("k-smallest")
def _(eigenvalues, k):
    """This sums the k smallest eigenvalues: k components are kept, so D - k are discarded."""
    return eigenvalues.sort().values[:k].sum()


@exercise.mistake("mean-not-sum")
def _(eigenvalues, k):
    """This averages the discarded eigenvalues: the squared error of a sample is their sum."""
    return _discarded(eigenvalues, k).mean()


@exercise.mistake("per-dimension")
def _(eigenvalues, k):
    """This is the error per dimension: the squared error of the whole sample is wanted, not
    divided by D."""
    return _discarded(eigenvalues, k).sum() / len(eigenvalues)


@exercise.mistake("root")
def _(eigenvalues, k):
    """This is the root of the error: the squared error is wanted."""
    return _discarded(eigenvalues, k).sum().sqrt()


@exercise.mistake("root-of-each")
def _(eigenvalues, k):
    """The eigenvalues' roots are summed: an eigenvalue of the covariance is a variance, which is a
    squared error already."""
    return _discarded(eigenvalues, k).sqrt().sum()


@exercise.mistake("squared")
def _(eigenvalues, k):
    """The eigenvalues are squared before they are summed. Squares belong to singular values; an
    eigenvalue of the covariance is a variance already."""
    return _discarded(eigenvalues, k).square().sum()


@exercise.mistake("fraction")
def _(eigenvalues, k):
    """This is the discarded fraction of the variance: the error itself is wanted, in the units of
    the eigenvalues."""
    return _discarded(eigenvalues, k).sum() / eigenvalues.sum()


@exercise.mistake("fraction")
def _(eigenvalues, k):
    """This is the kept fraction of the variance: the error that is left is wanted, in the units of
    the eigenvalues."""
    return _kept(eigenvalues, k).sum() / eigenvalues.sum()


@exercise.mistake("next-eigenvalue")
def _(eigenvalues, k):
    """This is the largest discarded eigenvalue alone: a sample loses what it has along each
    discarded component."""
    return _discarded(eigenvalues, k).max()


@exercise.mistake("one-too-few")
def _(eigenvalues, k):
    """One eigenvalue too few is summed: count again from which one on they are discarded."""
    return _discarded(eigenvalues, k + 1).sum()


@exercise.mistake("one-too-many")
def _(eigenvalues, k):
    """One eigenvalue too many is summed: count again from which one on they are discarded."""
    return _discarded(eigenvalues, k - 1).sum()


@exercise.mistake("half")
def _(eigenvalues, k):
    """This is half of the error."""
    return _discarded(eigenvalues, k).sum() / 2


@exercise.mistake("total")
def _(eigenvalues, k):
    """This is the total variance, whatever k is: what the k best components keep is no error."""
    return eigenvalues.sum()


@exercise.mistake("negative")
def _(eigenvalues, k):
    """The sign is turned around: an error is positive."""
    return -_discarded(eigenvalues, k).sum()


@exercise.mistake("empty-for-none")
def _(eigenvalues, k):
    """For k = 0 nothing is kept and all is lost, but `[:-0]` is empty: count from the front, as in
    `[: len(eigenvalues) - k]`."""
    return eigenvalues.sort().values[:-k].sum()
