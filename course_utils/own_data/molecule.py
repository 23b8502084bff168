"""The worked example: photographs of single molecules, whose every probability is known.

A molecule of three atoms, two of them fixed to a surface. The third hangs on an arm whose length
and angle are the two coordinates of the Mueller-Brown surface, so the molecule has a bent shape,
in the deep basin, and a straight one. A camera takes one noisy picture of each, as an electron
microscope does of frozen proteins. The picture is all that a model gets to see.

    x = picture(c) + noise e,   c ~ exp(-U(c) / kT),   e ~ N(0, I),   cut to bytes

so that p_data(x) is an integral over two numbers, done here on a grid.
"""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..simulators import molecular

KT = 20.0
SIZE = 20  # pixels along each side
BACKGROUND, PEAK, BLUR, NOISE = 0.25, 0.4, 1.5, 0.05  # brightness, of an atom, pixels, brightness
FIXED = ((-7.0, -4.0), (-1.5, -5.0))  # of two atoms: pixels to the right of the centre, and up
ARM = (7.0, 2.0)  # length of the arm, pixels: 7 + 2 x
TURN = math.pi / 3  # its angle: TURN y
LEVELS = 255
BOX = ((-3.2, 1.4), (-1.2, 3.2))  # coordinates: 1 molecule in a hundred million is outside


def photographs(n: int, *, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Pictures of n molecules in equilibrium at kT = 20, and the coordinates behind them.

    Returns:
        bytes (n, 20, 20), uint8, and the hidden coordinates (n, 2).
    """
    c = molecular.sample_mueller_brown(n, KT, generator=generator)
    noise = torch.randn(n, SIZE, SIZE, generator=generator)
    bright = (pictures(c) + NOISE * noise).clamp(0, 1)
    return (LEVELS * bright).round().to(torch.uint8), c


def write_photographs(folder: str | Path, n: int, *, generator: torch.Generator) -> Path:
    """Write photographs.npz with n pictures into a folder, as a laboratory might hand it over."""
    path = Path(folder) / "photographs.npz"
    stored, _ = photographs(n, generator=generator)
    np.savez_compressed(path, photographs=stored.numpy())
    return path


def pictures(c: Tensor) -> Tensor:
    """What the camera would see without noise: coordinates (B, 2) -> brightness (B, 20, 20)."""
    length, angle = ARM[0] + ARM[1] * c[:, 0], TURN * c[:, 1]
    moving = torch.stack([length * angle.cos(), length * angle.sin()], dim=1) + c.new_tensor(
        FIXED[1]
    )
    fixed = c.new_tensor(FIXED).expand(len(c), 2, 2)
    atoms = torch.cat([fixed, moving[:, None]], dim=1)  # (B, 3, 2)
    place = torch.arange(SIZE, dtype=c.dtype, device=c.device) - (SIZE - 1) / 2
    across = (-0.5 * ((place - atoms[..., :1]) / BLUR).square()).exp()  # (B, 3, 20)
    up = (-0.5 * ((-place - atoms[..., 1:]) / BLUR).square()).exp()  # row 0 is the top
    return BACKGROUND + PEAK * torch.einsum("bar,bac->brc", up, across)


def bent(x: Tensor) -> Tensor:
    """Whether each molecule is bent, that is in the deep basin, as read from its picture.

    The molecule is placed where its noiseless picture is nearest, |x - picture(c)|^2 smallest,
    over a grid of coordinates; all of them count alike, whatever their energy.

    Args:
        x: pictures in [0, 1], (N, 20, 20).

    Returns:
        1 or 0, (N,), in the dtype of x.

    Raises:
        ValueError: if x is not (N, 20, 20).
    """
    _require_pictures(x)
    c, templates, _ = _grid(80, x)
    flat = x.flatten(1)  # (N, 20, 20) -> (N, 400)
    # |x - t|^2 without |x|^2, which is the same for all t.
    distance = torch.addmm(templates.square().sum(dim=1), flat, templates.T, alpha=-2)
    return molecular.in_deep_basin(c[distance.argmin(dim=1)]).to(x.dtype)


def population() -> float:
    """The exact probability of the bent shape at kT = 20, 0.802, by quadrature."""
    return molecular.mueller_brown_truth(KT).population(molecular.in_deep_basin)


def log_prob(x: Tensor, cells: int = 250) -> Tensor:
    """log p_data of pictures, exact up to the grid and the rounding to bytes.

    log sum_c p(c) N(x; picture(c), noise^2) + D log(1 / 255), over cells^2 coordinates c: the
    density of a picture, times the width of a byte in each of the D pixels.

    Args:
        x: pictures in [0, 1], (N, 20, 20).
        cells: along each coordinate; the default is good to 0.01 nats.

    Returns:
        nats, (N,), float64.

    Raises:
        ValueError: if x is not (N, 20, 20).
    """
    _require_pictures(x)
    x = x.double()
    flat = x.flatten(1)  # (N, 20, 20) -> (N, 400)
    _, templates, log_p = _grid(cells, x)
    log_x = torch.full((len(x),), -math.inf, dtype=x.dtype)
    pieces = zip(templates.split(4096), log_p.split(4096), strict=True)
    for some, log_c in tqdm(list(pieces), desc="coordinates", delay=2, leave=False):
        square = torch.addmm(some.square().sum(dim=1), flat, some.T, alpha=-2)
        log_joint = log_c - square / (2 * NOISE**2)
        log_x = torch.logaddexp(log_x, log_joint.logsumexp(dim=1))
    d = flat.shape[1]
    constant = d * (math.log(LEVELS) + 0.5 * math.log(2 * math.pi * NOISE**2))
    return log_x - flat.square().sum(dim=1) / (2 * NOISE**2) - constant


def _grid(cells: int, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates (M, 2), their pictures (M, 400) and log-probabilities (M,), rare ones left out.

    Returns tensors in the dtype of `like`; cells further than 16 kT above the lowest are left out.
    """
    low, high = zip(*BOX, strict=True)
    sides = [
        (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * (b - a) + a
        for a, b in zip(low, high, strict=True)
    ]
    c = torch.cartesian_prod(*sides)  # (cells^2, 2)
    log_p = torch.log_softmax(-molecular.mueller_brown(c) / KT, dim=0)
    likely = log_p > log_p.max() - 16
    c = c[likely].to(like)
    return c, pictures(c).flatten(1), log_p[likely].to(like)


def _require_pictures(x: Tensor) -> None:
    if x.ndim != 3 or x.shape[1:] != (SIZE, SIZE):
        raise ValueError(f"These are no photographs of molecules, {SIZE} x {SIZE}: {x.shape}.")
