"""The one sigma of a Gaussian decoder that makes the data most probable."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, check_gradients, law
from ..pixels import size, squares
from ..subject import Subject

exercise = Exercise(
    "07.optimal_sigma",
    "x (B, ...), x_hat (B, ...) -> ()",
    place=2,
    proves="The residuals in units of sigma have mean square one, so no other sigma makes the data "
    "more probable: for vectors and images, one sample, double precision, biased and tiny "
    "residuals, and values far from zero; gradients reach the reconstruction.",
    hints=(
        "Write the Gaussian log-likelihood of all N = B D elements as a function of sigma: one "
        "term falls with it, one rises.",
        "Differentiate by log sigma: the first term gives the summed squares over sigma squared, "
        "the second gives -N. At the best sigma they cancel.",
        "The mean of the residuals does not enter: a bias is an error too, and `std` would take it "
        "out. The batch counts among the N.",
    ),
    twin="course_utils.vae:optimal_sigma",
)


def rms(x: Tensor, x_hat: Tensor) -> Tensor:
    """The answer, as the laws and the mistakes use it."""
    return (x - x_hat).square().mean().sqrt()


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, channels, height, width = draw.sizes(4, 2, 7)
    cases = (
        # shape, dtype, size of the residuals, their bias in units of it
        ((b, channels, height, width), torch.float64, draw.number(0.5, 0.8), 1.0),
        ((b, width), torch.float32, draw.number(1.5, 3), -0.7),
        ((1, height), torch.float32, 0.4, 0.5),
        ((b, channels), torch.float32, 0.1, 0.0),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype, spread, bias in cases:
        x_hat = draw.normal(*shape, dtype=dtype)
        x = x_hat + spread * (bias + draw.normal(*shape, dtype=dtype))
        asked.append((x, x_hat, f(x, x_hat)))
    for x, x_hat, sigma in asked:
        law(sigma > 0, "A standard deviation is positive.", "not-positive")
        law(
            agree(((x - x_hat) / sigma).square().mean(), torch.ones(())),
            "Another sigma makes the data more probable: at the best one the residuals, in units "
            "of sigma, have mean square one.",
            "not-the-best",
        )
    # Residuals near 1e-5: a 1e-8 under the root would be seen.
    x = torch.zeros(b, width)
    x_hat = 1e-5 * draw.normal(b, width)
    law(
        agree(f(x, x_hat), rms(x.double(), x_hat.double())),
        "For tiny residuals sigma is off: is something added before the root?",
        "floor",
    )
    # Near 30000 x - x_hat is exact; squares near 1e9 are spaced by 64.
    x = 30_000 + draw.normal(b, height, width)
    x_hat = x + draw.normal(b, height, width)
    law(
        agree(f(x, x_hat), rms(x.double(), x_hat.double())),
        "For values near 30000 sigma is far off: rounding errors. Subtract first, then square.",
        "cancellation",
    )
    x, x_hat = draw.normal(b, height, width), draw.normal(b, height, width)
    check_gradients(f, (x, x_hat), {1: "x_hat"}, rms, torch.ones(()))


@exercise.mistake("variance")
def _(x, x_hat):
    """This is sigma squared: take the root."""
    return rms(x, x_hat).square()


@exercise.mistake("sum")
def _(x, x_hat):
    """The squares are summed where their mean is wanted: divide by the number of elements before
    the root.
    """
    return (x - x_hat).square().sum().sqrt()


@exercise.mistake("sum")
def _(x, x_hat):
    """This is the sum of the squares: divide by the number of elements and take the root."""
    return (x - x_hat).square().sum()


@exercise.mistake("averaged-over-batch-only")
def _(x, x_hat):
    """The squares are summed over the elements of a sample and averaged over the batch: one sigma
    for all elements averages over both.
    """
    return squares(x, x_hat).mean().sqrt()


@exercise.mistake("averaged-over-batch-only")
def _(x, x_hat):
    """This is the squared error per sample: divide by the number of its elements too, and take the
    root.
    """
    return squares(x, x_hat).mean()


@exercise.mistake("averaged-over-elements-only")
def _(x, x_hat):
    """The squares are averaged over the elements and summed over the batch: average over both."""
    return (squares(x, x_hat).sum() / size(x)).sqrt()


@exercise.mistake("mean-absolute")
def _(x, x_hat):
    """This averages absolute residuals: a Gaussian's sigma comes from their squares."""
    return (x - x_hat).abs().mean()


@exercise.mistake("root-of-each")
def _(x, x_hat):
    """The root is taken for each sample before the average: average the squares first."""
    return (squares(x, x_hat) / size(x)).sqrt().mean()


@exercise.mistake("root-of-each")
def _(x, x_hat):
    """These are distances of whole samples, averaged: average the squares over all elements and
    take the root last.
    """
    return squares(x, x_hat).sqrt().mean()


@exercise.mistake("spread-of-data")
def _(x, x_hat):
    """This is the spread of `x` itself: sigma measures what the reconstruction misses."""
    return x.std(correction=0)


@exercise.mistake("spread-of-data")
def _(x, x_hat):
    """This is the spread of `x` itself: sigma measures what the reconstruction misses."""
    return x.std()


@exercise.mistake("centred-residuals")
def _(x, x_hat):
    """The mean of the residuals is subtracted, as `std` does: a reconstruction that is too bright
    everywhere is wrong too, and sigma has to cover it.
    """
    return (x - x_hat).std(correction=0)


@exercise.mistake("centred-residuals")
def _(x, x_hat):
    """The mean of the residuals is subtracted, as `std` does (which also divides by N - 1): a
    reconstruction that is too bright everywhere is wrong too.
    """
    return (x - x_hat).std()


@exercise.mistake("n-minus-one")
def _(x, x_hat):
    """This divides by N - 1: no mean is fitted here, and the likelihood is largest with N."""
    return ((x - x_hat).square().sum() / (x.numel() - 1)).sqrt()


@exercise.mistake("per-sample")
def _(x, x_hat):
    """One sigma per sample came back: one for all elements is wanted."""
    return (squares(x, x_hat) / size(x)).sqrt()


@exercise.mistake("per-dimension")
def _(x, x_hat):
    """One sigma per dimension came back: one for all elements is wanted."""
    return (x - x_hat).square().mean(0).sqrt()


@exercise.mistake("per-dimension")
def _(x, x_hat):
    """One sigma per axis came back: one for all elements is wanted."""
    return (x - x_hat).square().mean(-1).sqrt()


@exercise.mistake("half")
def _(x, x_hat):
    """The squares are halved: the 1/2 of the exponent drops out against that of the normaliser, 2
    log sigma.
    """
    return rms(x, x_hat) / math.sqrt(2)


@exercise.mistake("precision")
def _(x, x_hat):
    """This is one over sigma: large residuals ask for a large sigma."""
    return 1 / rms(x, x_hat)


@exercise.mistake("precision")
def _(x, x_hat):
    """This is one over sigma squared: large residuals ask for a large sigma."""
    return 1 / rms(x, x_hat).square()


@exercise.mistake("logarithm")
def _(x, x_hat):
    """This is log sigma: exponentiate it."""
    return rms(x, x_hat).log()


@exercise.mistake("logarithm")
def _(x, x_hat):
    """This is log sigma squared: sigma itself is wanted."""
    return 2 * rms(x, x_hat).log()


@exercise.mistake("largest-residual")
def _(x, x_hat):
    """This is the largest residual: sigma is a typical one."""
    return (x - x_hat).abs().max()


@exercise.mistake("not-squared")
def _(x, x_hat):
    """The residuals are not squared, so that errors of opposite sign cancel."""
    return (x - x_hat).mean()


@exercise.mistake("not-squared")
def _(x, x_hat):
    """The residuals are not squared, so that errors of opposite sign cancel."""
    return (x - x_hat).mean().abs()


@exercise.mistake("relative")
def _(x, x_hat):
    """The residuals are divided by the size of `x`: sigma has the unit of `x`."""
    return (x - x_hat).norm() / x.norm()
