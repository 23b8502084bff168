"""Exercise 03.reconstruction_loss: the squared error of a batch."""

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, check_gradients, law
from ..subject import Subject

exercise = Exercise(
    "03.reconstruction_loss",
    "x (B, ...), x_hat (B, ...) -> ()",
    place=3,
    proves="B times the loss is the total squared error for vectors and images, one sample, a "
    "batch as large as in training, double precision and values far from zero; gradients reach the "
    "reconstruction.",
    hints=(
        "The squared error of one sample is a sum over all of its elements; the loss is the mean "
        "of these over the batch.",
        "Images have more than two axes, and all but the first are summed: `.flatten(1)` keeps the "
        "batch axis and joins the others.",
        "Check yours by hand: one image of four pixels, each off by 1, has the loss 4, and two "
        "such images have the loss 4 as well.",
    ),
    twin="course_utils.autoencoders:reconstruction_loss",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, channels, height, width = draw.sizes(4, 3, 7)
    cases = (
        ((b, channels, height, width), torch.float64, 0.0),  # no two mistakes agree by chance
        ((b, width), torch.float32, 0.0),
        ((1, height), torch.float32, 0.0),
        ((128, 196), torch.float32, 0.0),
        # Near 30000 x - x_hat is exact; squares near 1e9 are spaced by 64.
        ((b, channels, height, width), torch.float32, 30_000.0),
    )
    for shape, dtype, offset in cases:
        x, x_hat = (offset + draw.normal(*shape, dtype=dtype) for _ in range(2))
        loss = f(x, x_hat)
        law(
            agree(shape[0] * loss, torch.dist(x.double(), x_hat.double()) ** 2),
            "For values near 30000 the loss is far off: rounding errors. Subtract first, then "
            "square."
            if offset
            else "The batch size times the loss should be the squared error of all elements "
            "together.",
            "cancellation" if offset else "wrong-loss",
        )
    x, x_hat = draw.normal(b, height, width), draw.normal(b, height, width)
    check_gradients(f, (x, x_hat), {1: "x_hat"}, _loss, torch.ones(()))
    x_hat[0] = x[0]
    for given, met in ((x_hat, "one sample is"), (x, "all samples are")):
        (gradient,) = f.vjp((x, given.clone()), (1,), torch.ones(()))
        law(
            gradient is not None and gradient.isfinite().all(),
            f"Where {met} met exactly the gradient is not finite, although the loss is right. Is "
            "there a root, as in a norm? It has an infinite slope at 0: sum the squares, without a "
            "root that is squared afterwards.",
            "root-of-zero",
        )


def _loss(x, x_hat):
    return (x - x_hat).square().sum() / len(x)


@exercise.mistake("mean-over-all")
def _(x, x_hat):
    """This averages over all elements, as `mse_loss` does: sum over the elements of a sample, and
    average over the batch only. Beside a second term, as in lecture 06, the difference is a factor
    D."""
    return (x - x_hat).square().mean()


@exercise.mistake("sum-over-batch")
def _(x, x_hat):
    """This sums over the batch too, so that the loss grows with the batch size: average over
    it."""
    return (x - x_hat).square().sum()


@exercise.mistake("wrong-axis")
def _(x, x_hat):
    """The roles of the axes are exchanged: this sums over the batch and averages over the
    elements."""
    return (x - x_hat).square().sum(0).mean()


@exercise.mistake("last-axis-only")
def _(x, x_hat):
    """This sums over the last axis and averages over all others: an image has more axes, and all
    but the first are summed."""
    return (x - x_hat).square().sum(-1).mean()


@exercise.mistake("second-axis-only")
def _(x, x_hat):
    """This sums over axis 1 and averages over all others: an image has more axes, and all but the
    first are summed."""
    return (x - x_hat).square().sum(1).mean()


@exercise.mistake("last-two-axes-only")
def _(x, x_hat):
    """This sums over the last two axes and averages over the others: the channels are summed
    too."""
    return (x - x_hat).square().sum((-2, -1)).mean()


@exercise.mistake("axes-1-and-2-only")
def _(x, x_hat):
    """This sums over axes 1 and 2 and averages over the others: an image may have channels too, and
    all axes but the first are summed."""
    return (x - x_hat).square().sum((1, 2)).mean()


@exercise.mistake("not-averaged")
def _(x, x_hat):
    """One number per sample came back: a loss is their mean over the batch."""
    return (x - x_hat).square().flatten(1).sum(1)


@exercise.mistake("root")
def _(x, x_hat):
    """This averages distances: the squared error has no root."""
    return (x - x_hat).flatten(1).norm(dim=1).mean()


@exercise.mistake("root")
def _(x, x_hat):
    """The root is taken at the end: the squared error has none."""
    return _loss(x, x_hat).sqrt()


@exercise.mistake("root")
def _(x, x_hat):
    """This is the root of the total squared error, the norm of all differences: without the root,
    divided by the batch size, it is the loss."""
    return (x - x_hat).norm()


@exercise.mistake("half")
def _(x, x_hat):
    """This is half of the squared error: the factor 1/2 belongs to a Gaussian's log-likelihood."""
    return _loss(x, x_hat) / 2


@exercise.mistake("absolute")
def _(x, x_hat):
    """These are absolute differences: square them."""
    return (x - x_hat).abs().sum() / len(x)


for sign in (1, -1):

    @exercise.mistake("not-squared")
    def _(x, x_hat, sign=sign):
        """The differences are not squared, so that errors of opposite sign cancel."""
        return sign * (x - x_hat).sum() / len(x)


@exercise.mistake("square-of-sum")
def _(x, x_hat):
    """The differences of a sample are summed before they are squared: square each first."""
    return (x - x_hat).flatten(1).sum(1).square().mean()


@exercise.mistake("relative")
def _(x, x_hat):
    """The error is divided by the size of `x`: the plain squared error is wanted."""
    return (x - x_hat).square().sum() / x.square().sum()


@exercise.mistake("negative")
def _(x, x_hat):
    """The sign is turned around: a loss is made small."""
    return -_loss(x, x_hat)
