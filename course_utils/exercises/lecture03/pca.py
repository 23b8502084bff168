"""Exercise 03.pca: the mean and the best directions of data."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject, Wrong
from .geometry import points_with_known_axes

exercise = Exercise(
    "03.pca",
    "x (N, D), k int -> (D,), (k, D)",
    place=1,
    proves="On data built from known axes the mean and the components come back, orthonormal and "
    "largest first: more samples than dimensions and fewer, two points, as many pixels as an "
    "image has, double precision, far from zero. Signs are free.",
    hints=(
        "Subtract the mean over the samples first, and keep it: it is the first value.",
        "Along a direction w of length one the variance is w^T C w. At its maximum C w = lambda w, "
        "so the components are eigenvectors of C, those with the largest eigenvalues.",
        "`torch.linalg.eigh` of the covariance sorts from small to large and has the eigenvectors "
        "as columns. `torch.linalg.svd` of the centred data needs no covariance: look up which of "
        "its three values holds directions in the space of x, and in which order.",
    ),
    twin="course_utils.autoencoders:pca",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    d, k = draw.integer(6, 8), draw.integer(3, 4)
    cases = (
        (draw.integer(9, 20), d, k, torch.float32, 0.5),
        (d - 1, d, k, torch.float64, 0.5),  # fewer samples than dimensions
        (2, d, 1, torch.float32, 0.5),  # the line through two points
        (60, 196, draw.integer(10, 12), torch.float32, 0.75),  # images
    )
    for n, d, k, dtype, ratio in cases:
        x, mean, axes, variances = points_with_known_axes(n, d, draw, dtype, ratio)
        answer = f(x, k)
        try:
            found_mean, components = answer
            _check_components(x, found_mean, components, mean, axes, variances[:k])
        except Wrong:
            _name_mistake(x, k, answer[1])
            raise
    # Near 3000 float32 is spaced by 2e-4, which turns the axes by less than 1e-3; squares near
    # 1e7 are spaced by 1, as large as the variances.
    d, k = draw.integer(6, 8), 3
    x, _, axes, _ = points_with_known_axes(3 * d, d, draw)
    _, components = f(x + 3000, k)
    law(
        ((components @ axes[:k].T).abs() - torch.eye(k)).abs().max() < 1e-2,
        "For points near 3000 with a spread near 1 the components are far off: rounding errors. "
        "Subtract the mean from `x` first, then multiply.",
        "cancellation",
    )


def _check_components(
    x: Tensor, mean: Tensor, components: Tensor, centre: Tensor, axes: Tensor, variances: Tensor
) -> None:
    k = len(variances)
    law(
        not agree(mean, torch.zeros_like(mean), float(x.abs().max())),
        "The first value is zero: it is the mean of the data after centring. Return the mean that "
        "you subtracted.",
        "mean-of-centred",
    )
    law(
        agree(mean, centre, float(x.abs().max())),
        "The first value is not the mean of the samples.",
        "wrong-mean",
    )
    _check_lengths(components, axes[:k])
    law(
        agree(components @ components.T, torch.eye(k), 1.0),
        "The components are not orthonormal: each has length one, and any two are at right angles.",
        "not-orthonormal",
    )
    captured = ((x - centre) @ components.T).square().mean(0)
    law(
        captured.sum() > 0.9 * variances.sum(),
        "Other directions hold more of the variance: the components are not the best ones.",
        "not-the-best",
    )
    law(
        bool((captured.diff() < 0.1 * variances[:-1]).all()),
        "The components are not sorted: the one of largest variance comes first.",
        "not-sorted",
    )
    law(
        agree((components @ axes.T).abs(), torch.eye(k, len(axes)), 1.0),
        "The components hold nearly all of the variance they can, and they are not the principal "
        "axes themselves: turned within their plane, or found by an approximate method?",
        "approximate",
    )


def _check_lengths(components: Tensor, axes: Tensor) -> None:
    """Right directions whose lengths are spreads of the data, or one over them, get that name."""
    lengths = components.norm(dim=1)
    pointed = agree(components.abs(), lengths[:, None] * axes.abs(), float(lengths.max()))
    right = agree(lengths, torch.ones_like(lengths), 1.0)
    law(
        right or not pointed or not bool((lengths[1:] < 0.9 * lengths[:-1]).all()),
        "The components point the right way and are multiplied by the spread of the data along "
        "them: they should have length one.",
        "scaled",
    )
    law(
        right or not pointed or not bool((0.9 * lengths[1:] > lengths[:-1]).all()),
        "The components point the right way and are divided by the spread of the data along them: "
        "they should have length one.",
        "whitened",
    )


def _name_mistake(x: Tensor, k: int, components: Tensor) -> None:
    """Compare with the known mistakes up to signs, which are free.

    Raises:
        Wrong: with the name of the mistake that has the same numbers.
    """
    for mistake in exercise.mistakes:
        if agree(components.abs(), mistake.function(x, k)[1].abs()):
            raise Wrong(mistake.message, mistake.slug)


def _eigenvectors(x: Tensor) -> Tensor:
    """Columns: eigenvectors of x^T x / N, smallest eigenvalue first."""
    return torch.linalg.eigh(x.T @ x / len(x)).eigenvectors


def _largest(x: Tensor, k: int) -> Tensor:
    """The first k components of data that are taken as they are."""
    return _eigenvectors(x).flip(1).T[:k]


@exercise.mistake("smallest")
def _(x, k):
    """These are the directions of smallest variance: `torch.linalg.eigh` sorts its eigenvalues
    from small to large."""
    return x.mean(0), _eigenvectors(x - x.mean(0)).T[:k]


@exercise.mistake("smallest-first")
def _(x, k):
    """These are the right components in the wrong order: the one of largest variance comes
    first."""
    return x.mean(0), _largest(x - x.mean(0), k).flip(0)


ROWS = (
    "The matrix of eigenvectors was read the other way round: `torch.linalg.eigh` and `U` of an "
    "SVD hold them as columns, `Vh` of an SVD as rows."
)


@exercise.mistake("rows-for-columns", ROWS)
def _(x, k):
    return x.mean(0), _eigenvectors(x - x.mean(0)).flip(1)[:k]


@exercise.mistake("rows-for-columns", ROWS)
def _(x, k):
    return x.mean(0), _eigenvectors(x - x.mean(0))[:k]


@exercise.mistake("rows-for-columns", ROWS)
def _(x, k):
    return x.mean(0), _eigenvectors(x - x.mean(0)).flip(0)[:k]


@exercise.mistake("rows-for-columns", ROWS)
def _(x, k):
    return x.mean(0), _eigenvectors(x - x.mean(0)).flip(0, 1)[:k]


PIXELS = (
    "The entries of each component come in reverse order. To turn the order of the components "
    "around, flip along their own axis: axis 1 while they are columns, axis 0 once they are rows."
)


@exercise.mistake("entries-reversed", PIXELS)
def _(x, k):
    return x.mean(0), _largest(x - x.mean(0), k).flip(1)


@exercise.mistake("entries-reversed", PIXELS)
def _(x, k):
    return x.mean(0), _largest(x - x.mean(0), k).flip(0, 1)


@exercise.mistake("entries-reversed", PIXELS)
def _(x, k):
    return x.mean(0), _eigenvectors(x - x.mean(0)).flip(0).T[:k]


@exercise.mistake("not-centred")
def _(x, k):
    """The mean is not subtracted before the decomposition: the first component then points from
    zero towards the mean."""
    return x.mean(0), _largest(x, k)


@exercise.mistake("global-mean")
def _(x, k):
    """One mean over all elements is subtracted: each dimension has its own, `x.mean(0)`."""
    return x.mean(0), _largest(x - x.mean(), k)


@exercise.mistake("centred-per-sample")
def _(x, k):
    """Each sample's own mean is subtracted: the mean goes over the samples, axis 0."""
    return x.mean(0), _largest(x - x.mean(1, keepdim=True), k)


@exercise.mistake("standardised")
def _(x, k):
    """The dimensions were scaled to unit variance first: this is the PCA of the correlations, and
    no longer the best linear reconstruction of `x`."""
    return x.mean(0), _largest((x - x.mean(0)) / x.std(0), k)
