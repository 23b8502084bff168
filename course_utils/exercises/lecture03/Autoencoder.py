"""Exercise 03.Autoencoder: a network with a bottleneck, as a class."""

import torch
from torch import Tensor

from ...sandbox.script import call, descend, make
from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..modules import (
    Sizes,
    at_sizes,
    check_bottleneck,
    check_learning,
    check_no_table,
    check_parameters,
    check_repeatable,
    check_rows,
    check_separate,
    made,
    same,
    squared_error,
    tensor,
)
from ..subject import Subject

exercise = Exercise(
    "03.Autoencoder",
    "data_dim int, latent_dim int -> ()",
    place=5,
    proves="Codes and reconstructions have the right shapes for several sizes and for one image, "
    "each row is its own, `model(x)` is `decode(encode(x))` and no straight map, the decoder sees "
    "nothing but the code, every parameter is found and learns, and two objects share none.",
    hints=(
        "An `nn.Module` makes its layers in `__init__`, after `super().__init__()`, and uses them "
        "in its methods. `nn.Linear(a, b)` maps (B, a) to (B, b).",
        "Two linear layers with nothing between them are one linear layer: put an activation such "
        "as `nn.SiLU()` or `nn.ReLU()` between any two, and none at the end. `nn.Sequential` "
        "chains layers, and is itself one.",
        "The encoder narrows from `data_dim` by way of hidden layers to `latent_dim`, the decoder "
        "widens back in reverse. `forward` is what `model(x)` calls: write it with the other two "
        "methods.",
    ),
    twin="course_utils.autoencoders:Autoencoder",
)

LEARNING = 200  # steps; four hidden layers of sigmoids need a hundred to leave the mean
CUT_OFF = 0.05  # a share of exact zeros: numbers that nothing cuts off have none
STARTS = 5  # each may end at the mean, or bend nowhere, by chance


MADE_ONCE = "a {} is computed from its {} without a draw, by layers that `__init__` made once."


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    sizes = (
        (2 * draw.integer(2, 3)) ** 2,
        draw.integer(3, 5),
    )  # a square of pixels, for convolutions
    x, other = (draw.normal(7, sizes[0]) for _ in range(2))
    z = draw.normal(7, sizes[1])
    at_sizes(lambda at: _check_shapes(f, at, x if at == sizes else draw.normal(7, at[0])), sizes)
    first = (call("model.encode", x),)
    check_repeatable(f, sizes, "encode", x, MADE_ONCE.format("code", "image"))
    check_repeatable(f, sizes, "decode", z, MADE_ONCE.format("picture", "code"), first)
    check_bottleneck(f, sizes, x, other, z)
    for method, given in (("encode", x), ("decode", z)):
        check_parameters(f, sizes, method, given)
    check_separate(f, sizes, squared_error(x))
    x, other, z = x.double(), other.double(), z.double()
    check_no_table(f, sizes, x)
    check_rows(f, sizes, "encode", x)
    check_rows(f, sizes, "decode", z)
    _check_forward(f, sizes, x)
    check_learning(f, sizes, squared_error(x))
    _check_bends(f, sizes, x, other, draw.normal(*x.shape, dtype=x.dtype))
    images = [draw.uniform(0, 1, *x.shape, dtype=x.dtype) for _ in range(2)]
    _check_bends_on_images(f, sizes, *images)
    _check_learns(f, sizes, draw)
    for more in ((16, 1), (64, draw.integer(6, 8)), (196, draw.integer(2, 16))):
        at_sizes(lambda at: _check_shapes(f, at, draw.uniform(0, 1, 1, at[0])), more)
    _check_shapes(f, (196, 3), draw.uniform(0, 1, 128, 196))


def _check_shapes(f: Subject, sizes: Sizes, x: Tensor) -> None:
    data_dim, latent_dim = sizes
    b = len(x)
    z = torch.linspace(-2, 2, b * latent_dim).reshape(b, latent_dim)
    model = make("model", *sizes)
    _, code = f.run(model, call("model.encode", x))
    tensor(code, (b, latent_dim), x.dtype, "encode")
    *_, picture = f.run(model, call("model.encode", x), call("model.decode", z))
    tensor(picture, (b, data_dim), x.dtype, "decode")
    _, whole = f.run(model, call("model", x))
    tensor(whole, (b, data_dim), x.dtype, "model(x)")


def _check_forward(f: Subject, sizes: Sizes, x: Tensor) -> None:
    model = made("model", sizes, x)
    _, z, whole = f.run(model, call("model.encode", x), call("model", x))
    _, parts = f.run(model, call("model.decode", z))
    law(
        same(whole, parts),
        "`model(x)` is another picture than `decode(encode(x))`: the code is all that may reach "
        "the decoder, so write `forward` with these two methods and add nothing.",
        "forward-differs",
    )


def _check_bends(f: Subject, sizes: Sizes, x: Tensor, other: Tensor, third: Tensor) -> None:
    """Of a straight (affine) map the values at x, y, z and x + y - z would cancel.

    None of these is a place that is like no other, such as 0.
    """
    inputs = (x, other, x + other - third, third)
    place, args, fixture = squared_error(x)
    *_, code, a, b, both, c = f.run(
        made("model", sizes, x),
        *fixture,
        descend(place, *args, steps=8, lr=1e-2),  # a last layer may start at zero
        call("model.encode", x),
        *[call("model", given) for given in inputs],
    )
    for method, value in (("encode", code), ("decode", a)):
        law(
            not isinstance(value, Tensor) or float((value == 0).double().mean()) < CUT_OFF,
            f"`{method}` returns many numbers that are exactly zero, as where its last layer is "
            "followed by a ReLU. What is cut off for all images never learns again: leave out the "
            "activation after the last layer.",
            "cut-off",
        )
    shape = tuple(x.shape)
    a, b, both, c = (tensor(value, shape, x.dtype, "model(x)") for value in (a, b, both, c))
    bend = float((both + c - a - b).abs().max())
    law(
        bend > 1e-6 * float((a - b).abs().max()),  # deep networks begin nearly constant
        "The whole is a straight map: `model(x + y - z)` follows from `model(x)`, `model(y)` and "
        "`model(z)`, as without an activation between the layers. It can find no more than PCA "
        "does.",
        "affine",
    )


def _check_bends_on_images(f: Subject, sizes: Sizes, x: Tensor, other: Tensor) -> None:
    """Pixels are not negative: there an activation before the first layer, a ReLU, does nothing."""
    place, args, fixture = squared_error(x)

    def bends(seed: int) -> bool:
        """From other first weights: of a few units none may bend between these pictures."""
        *_, a, b, halfway = f.run(
            made("model", sizes, x, seed=seed),
            *fixture,
            descend(place, *args, steps=8, lr=1e-2),
            *[call("model", given) for given in (x, other, (x + other) / 2)],
        )
        a, b, halfway = (tensor(v, tuple(x.shape), x.dtype, "model(x)") for v in (a, b, halfway))
        return float((a + b - 2 * halfway).abs().max()) > 1e-6 * float((a - b).abs().max())

    law(
        any(bends(seed) for seed in range(STARTS)),
        "On images, whose pixels are 0 to 1, the whole is a straight map: the picture halfway "
        "between two has the reconstruction halfway between theirs. An activation belongs "
        "between any two layers: one before the first does nothing to positive pixels.",
        "affine",
    )


def _check_learns(f: Subject, sizes: Sizes, draw: Draw) -> None:
    """Pictures that differ in brightness only are told apart after some training.

    One number is enough to describe them. A mean picture leaves all of their variance, a working
    autoencoder about a hundredth.
    """
    rows, data_dim = 64, sizes[0]
    brightness = torch.linspace(0.1, 0.9, rows, dtype=torch.float64)[:, None]
    x = brightness + 0.02 * draw.normal(rows, data_dim, dtype=torch.float64)
    x = x[draw.uniform(0, 1, rows).argsort()]
    place, args, fixture = squared_error(x)
    alone = (x - x.mean(0)).square().sum()

    def left(seed: int, lr: float) -> float:
        """What training leaves of the variance, from other first weights: units die by chance."""
        *_, again = f.run(
            made("model", sizes, x, seed=seed),
            *fixture,
            descend(place, *args, steps=LEARNING, lr=lr),
            call("model", x),
        )
        again = tensor(again, tuple(x.shape), x.dtype, "model(x)")
        return float((again - x).square().sum() / alone)

    law(
        any(left(seed, lr) < 0.9 for seed in range(STARTS) for lr in (1e-2, 1e-3)),
        f"After {LEARNING} steps of training on pictures that differ in their brightness only, "
        "`model(x)` is no nearer to them than their mean is. What the parameters move has to "
        "reach the picture: look at what is fixed, and at units that have died (a ReLU on the code "
        "itself, or a hidden layer of a few units).",
        "learns-nothing",
    )
