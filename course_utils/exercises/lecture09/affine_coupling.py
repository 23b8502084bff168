"""09.affine_coupling: half of the coordinates stretched and shifted, and the volume's logarithm."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject

exercise = Exercise(
    "09.affine_coupling",
    "x (B, D), log_scale (B, half), shift (B, half) -> (B, D), (B,)",
    place=2,
    proves="z leads back to x through x_b = shift + exp(log_scale) z_b, its first half is that of "
    "x, and log_det is the logarithm of |det dz/dx|, which was found by moving every coordinate "
    "of x: for 2 to 12 coordinates and for 196, one point, strong stretching, double precision, "
    "with the gradients of log_scale and shift.",
    hints=(
        "The layer is given the way it draws, from z to x. The data go the other way: solve for "
        "z_b.",
        "dz/dx is triangular, so its determinant is the product of its diagonal. What does the "
        "first half contribute, and what is dz_b/dx_b?",
        "log of a product is a sum of logs, one for each coordinate of the second half: (B, D/2) "
        "becomes (B,). Check its sign: where drawing stretches, log_scale > 0, going back "
        "squeezes.",
    ),
    twin="course_utils.landscape:affine_coupling",
)


def truth(x: Tensor, log_scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), -log_scale.sum(1)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, half = draw.sizes(2, 3, 6)
    cases = (
        (b, half, 0.7, torch.float32),
        (b, 1, 0.7, torch.float32),
        (half, half, 0.7, torch.float32),
        (1, half, 0.7, torch.float64),
        (b, half, 8.0, torch.float64),
    )
    asked = []
    for batch, size, stretch, dtype in cases:
        x, log_scale, shift = _case(batch, size, stretch, dtype, draw)
        asked.append((x, log_scale, shift, *f(x, log_scale, shift)))
    for x, log_scale, shift, z, log_det in asked:
        half = x.shape[1] // 2
        law(
            near(z[:, :half], x[:, :half]),
            "The first half of x should come out unchanged, and first.",
            "first-half",
        )
        back = shift + log_scale.exp() * z[:, half:]
        law(
            near(back, x[:, half:]),
            "The second half does not lead back: shift + exp(log_scale) z_b should be x_b.",
            "not-inverted",
        )
        found = _log_determinant(f, x, log_scale, shift)
        law(
            near(log_det, found, float(found.abs().max()) + 1)
            and near(log_det, truth(x, log_scale, shift)[1]),
            "log_det is not the logarithm of |det dz/dx| that is found by moving each coordinate "
            "of x a little.",
            "wrong-determinant",
        )
    for sign in (1, -1):  # as many coordinates as an image has, all stretched or all squeezed
        log_scale = sign * draw.uniform(1, 1.5, 2, 98)
        x = draw.normal(2, 196)
        law(
            near(f(x, log_scale, 0 * log_scale)[1], -log_scale.sum(1)),
            "For 196 coordinates log_det is not the logarithm of |det dz/dx|, although for few "
            "it is. Is something cut off, or is a product formed, which overflows?",
            "many-coordinates",
        )
    b, half = draw.sizes(2, 2, 5)
    case = _case(b, half, 0.7, torch.float32, draw)
    weights = draw.normal(*case[0].shape), draw.normal(len(case[0]))
    names = {0: "x", 1: "log_scale", 2: "shift"}
    check_gradients(f, case, names, truth, weights)


def _case(
    batch: int, half: int, stretch: float, dtype: torch.dtype, draw: Draw
) -> tuple[Tensor, Tensor, Tensor]:
    """x, log_scale and shift; no log_scale is near 0, where signs do not matter."""
    sign = torch.where(draw.uniform(-1, 1, batch, half) < 0.2, -1, 1)
    log_scale = sign * draw.uniform(0.3 * stretch, stretch, batch, half, dtype=dtype)
    x = draw.normal(batch, 2 * half, dtype=dtype)
    return x, log_scale, 1 + draw.normal(batch, half, dtype=dtype)


def _log_determinant(f: Subject, x: Tensor, log_scale: Tensor, shift: Tensor) -> Tensor:
    """log |det dz/dx|, (B,), from the change of z with each coordinate of x, in double precision.

    z is affine in x, so that a step of any length gives the derivative.
    """
    x, log_scale, shift = x.double(), log_scale.double(), shift.double()
    start = f(x, log_scale, shift)[0]
    moved = [f(x + step, log_scale, shift)[0] - start for step in torch.eye(x.shape[1]).double()]
    return torch.linalg.slogdet(torch.stack(moved, 2)).logabsdet


Pair = tuple[Tensor, Tensor]


@exercise.mistake("determinant-upside-down")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_det has the wrong sign: it is that of dx/dz. Where drawing stretches, the way from x to
    z squeezes."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), log_scale.sum(1)


@exercise.mistake("other-direction")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """This is the way from z to x, which draws: from x to z is wanted, its inverse."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, shift + log_scale.exp() * b], 1), log_scale.sum(1)


@exercise.mistake("other-direction")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The second half goes from z to x, as in drawing, while log_det is that of the way from x to
    z."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, shift + log_scale.exp() * b], 1), -log_scale.sum(1)


@exercise.mistake("half-inverted")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The shift is taken away after the stretch is undone: drawing adds it last, so it goes
    first."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, b * (-log_scale).exp() - shift], 1), -log_scale.sum(1)


@exercise.mistake("half-inverted")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The shift is added: going back it is taken away."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b + shift) * (-log_scale).exp()], 1), -log_scale.sum(1)


@exercise.mistake("half-inverted")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The second half is multiplied by exp(log_scale): going back divides by it."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * log_scale.exp()], 1), -log_scale.sum(1)


@exercise.mistake("half-inverted")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The second half is multiplied by exp(log_scale), and log_det goes with it: going back
    divides."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * log_scale.exp()], 1), log_scale.sum(1)


@exercise.mistake("no-exponential")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_scale is used as the scale itself: exp is missing."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) / log_scale], 1), -log_scale.abs().log().sum(1)


@exercise.mistake("no-exponential")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_scale is divided by as if it were the scale: exp is missing in z."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) / log_scale], 1), -log_scale.sum(1)


@exercise.mistake("log-variance")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_scale is taken for the logarithm of a variance: there is no half in it."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-0.5 * log_scale).exp()], 1), -0.5 * log_scale.sum(1)


@exercise.mistake("determinant-not-log")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """This is the determinant itself: its logarithm is wanted."""
    a, b = x.chunk(2, dim=1)
    z_b = (b - shift) * (-log_scale).exp()
    return torch.cat([a, z_b], 1), (-log_scale).exp().prod(1)


@exercise.mistake("determinant-not-log")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The scales are summed: it is their logarithms that add up."""
    a, b = x.chunk(2, dim=1)
    z_b = (b - shift) * (-log_scale).exp()
    return torch.cat([a, z_b], 1), (-log_scale).exp().sum(1)


@exercise.mistake("log-of-product")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The stretches are multiplied before the logarithm is taken: for many coordinates the product
    is 0 or infinite in single precision, so sum their logarithms."""
    a, b = x.chunk(2, dim=1)
    inverse = (-log_scale).exp()
    return torch.cat([a, (b - shift) * inverse], 1), inverse.prod(1).log()


@exercise.mistake("determinant-averaged")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_det is averaged over the coordinates: volumes multiply, so their logarithms are
    summed."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), -log_scale.mean(1)


@exercise.mistake("determinant-of-the-batch")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_det is summed over the batch, too: each point has its own."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), -log_scale.sum()


@exercise.mistake("determinant-not-summed")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_det has one number for each coordinate: the sum over them is wanted, one for each
    point."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), -log_scale


@exercise.mistake("no-determinant")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """log_det is 0, as if no volume changed: without it the best flow sends all data to one
    point."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([a, (b - shift) * (-log_scale).exp()], 1), torch.zeros_like(x[:, 0])


@exercise.mistake("wrong-half")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The first half is changed and the second is not: log_scale and shift were read off the
    first half, so changing that could not be undone."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([(a - shift) * (-log_scale).exp(), b], 1), -log_scale.sum(1)


@exercise.mistake("halves-exchanged")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """The halves come out in the other order: the unchanged one stays first."""
    a, b = x.chunk(2, dim=1)
    return torch.cat([(b - shift) * (-log_scale).exp(), a], 1), -log_scale.sum(1)


@exercise.mistake("half-missing")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """Only the second half came back: z has both, the unchanged one first."""
    _, b = x.chunk(2, dim=1)
    return (b - shift) * (-log_scale).exp(), -log_scale.sum(1)


@exercise.mistake("every-other")
def _(x: Tensor, log_scale: Tensor, shift: Tensor) -> Pair:
    """Every other coordinate is changed: the halves are the first D/2 and the last D/2."""
    z = x.clone()
    z[:, 1::2] = (x[:, 1::2] - shift) * (-log_scale).exp()
    return z, -log_scale.sum(1)
