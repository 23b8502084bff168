"""01.zeldovich_displacement: where gravity moves matter, to first order."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject
from .fourier import derivative, filtered, random_overdensity, sizes, wavenumbers

exercise = Exercise(
    "01.zeldovich_displacement",
    "delta (n, n) -> (2, n, n)",
    place=3,
    proves="div psi = -delta, curl psi = 0 and mean psi = 0 for random fields on grids of even and "
    "odd size and on the lecture's, and a plane wave moves as it does on paper.",
    hints=(
        "Curl-free means a gradient: psi = grad phi, and div psi = -delta makes it Poisson's "
        "equation, laplacian phi = -delta. In Fourier space derivatives are products.",
        "d/dx_j becomes i k_j. So the laplacian of phi becomes -|k|^2 phi_k, which gives phi_k "
        "from delta_k; and each component of psi is one more derivative of phi.",
        "`torch.fft.fftfreq(n, d=1/n)` and `rfftfreq(n, d=1/n)` are the integer wavenumbers of a "
        "box of side 2 pi. At k = 0 divide by 1 instead of 0: the mean is zero anyway.",
    ),
    twin="course_utils.simulators.cosmology:zeldovich_displacement",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for n, dtype in sizes(draw):
        delta = random_overdensity(n, draw, dtype)
        psi = f(delta)
        largest = float(psi.abs().max())
        law(
            largest > 1e-6 * float(delta.abs().max()),
            "psi is zero everywhere: the inverse transform was imaginary, and `.real` threw it "
            "away. d/dx_j is a product with i k_j, which needs the i and the sign of k_j.",
            "no-i",
        )
        scale = float(delta.abs().max()) * n  # derivatives multiply rounding errors by k
        law(
            near(derivative(psi[0], 0) + derivative(psi[1], 1), -delta, scale),
            "The divergence of psi is not -delta.",
            "wrong-divergence",
        )
        law(
            near(derivative(psi[1], 0), derivative(psi[0], 1), scale),
            "The divergence is right, and psi has a curl: it should be the gradient of a "
            "potential.",
            "curl",
        )
        law(
            near(psi.mean((1, 2)), torch.zeros(2), largest),
            "The divergence is right, and the mean of psi is not zero: nothing pulls the whole "
            "box.",
            "mean-not-zero",
        )
    n, amplitude, phase = 2 * draw.integer(4, 10), draw.number(0.5, 2), draw.number(0, 6)
    q = torch.arange(n, dtype=torch.float64) * (2 * math.pi / n)
    wave = (amplitude * torch.cos(2 * q + phase)).expand(n, n)  # varies along axis 1, k = 2
    law(
        near(f(wave)[1], (-amplitude / 2 * torch.sin(2 * q + phase)).expand(n, n), amplitude),
        "A plane wave A cos(k q) should be displaced by -A/k sin(k q) along its own axis.",
        "wrong-divergence",
    )


def displacement(delta: Tensor, k0: Tensor, k1: Tensor, power_of_k: int = 2) -> Tensor:
    """i k delta_k / |k|^p for given wavenumbers; p = 2 is the right one."""
    k = (k0**2 + k1**2).sqrt() ** power_of_k
    k = torch.where(k == 0, torch.ones_like(k), k)
    return torch.stack([filtered(delta, 1j * ki / k) for ki in (k0, k1)])


def right(delta: Tensor) -> Tensor:
    return displacement(delta, *wavenumbers(len(delta), delta.dtype))


@exercise.mistake("sign")
def _(delta):
    """The sign is turned around: div psi = +delta pushes matter out of the overdense regions, where
    it should fall in."""
    return -right(delta)


@exercise.mistake("swapped-axes")
def _(delta):
    """The two components are exchanged: psi[0] is the displacement along axis 0."""
    return right(delta).flip(0)


@exercise.mistake("gradient-of-delta")
def _(delta):
    """This is i k delta_k, the gradient of the density itself: the division by |k|^2 that solves
    Poisson's equation is missing."""
    return displacement(delta, *wavenumbers(len(delta), delta.dtype), power_of_k=0)


@exercise.mistake("gradient-of-delta")
def _(delta):
    """This is minus the gradient of the density itself: the division by |k|^2 that solves
    Poisson's equation is missing."""
    return -displacement(delta, *wavenumbers(len(delta), delta.dtype), power_of_k=0)


@exercise.mistake("k-not-squared")
def _(delta):
    """This divides by |k| where |k|^2 belongs: small scales move too far."""
    return displacement(delta, *wavenumbers(len(delta), delta.dtype), power_of_k=1)


@exercise.mistake("no-i")
def _(delta):
    """The i is missing: d/dx_j is a product with i k_j, which turns every cosine into a sine."""
    k0, k1 = wavenumbers(len(delta), delta.dtype)
    k_squared = (k0**2 + k1**2).clamp(min=1)
    return torch.stack([filtered(delta, k / k_squared) for k in (k0, k1)])


@exercise.mistake("absolute-wavenumber")
def _(delta):
    """Along axis 0 the wavenumbers have lost their sign: half of the waves run the other way, and
    their derivative is i k_0 with a negative k_0."""
    k0, k1 = wavenumbers(len(delta), delta.dtype)
    return displacement(delta, k0.abs(), k1)


@exercise.mistake("absolute-wavenumber")
def _(delta):
    """This multiplies by |k| in both components where each has its own: i k_0 along axis 0, i k_1
    along axis 1."""
    k0, k1 = wavenumbers(len(delta), delta.dtype)
    k = (k0**2 + k1**2).sqrt()
    return displacement(delta, k, k) * 2  # displacement divides by k^2 + k^2


for factor, sentence in (
    (
        lambda n: n,
        "The wavenumbers are in cycles per pixel, as `fftfreq(n)` gives them. In a box of side 2 "
        "pi they are whole numbers: `fftfreq(n, d=1/n)`.",
    ),
    (
        lambda n: 2 * math.pi,
        "The displacement is too large by a factor 2 pi: in a box of side 2 pi the wavenumbers are "
        "whole numbers, above and below the line.",
    ),
    (
        lambda n: 1 / (2 * math.pi),
        "The wavenumbers carry a factor 2 pi too many: in a box of side 2 pi they are whole "
        "numbers.",
    ),
    (
        lambda n: n / (2 * math.pi),
        "The wavenumbers are in radians per pixel. In a box of side 2 pi they are whole numbers.",
    ),
):

    @exercise.mistake("wavenumber-units", sentence)
    def _(delta, factor=factor):
        return factor(len(delta)) * right(delta)


@exercise.mistake("negative-wavenumbers")
def _(delta):
    """Along axis 0 the wavenumbers run 0, 1, ..., n - 1: the second half of them are the negative
    ones, as `fftfreq` gives them."""
    k0 = torch.arange(len(delta), dtype=delta.dtype)[:, None]
    return displacement(delta, k0, wavenumbers(len(delta), delta.dtype)[1])


@exercise.mistake("zero-mode")
def _(delta):
    """Division by zero at k = 0 makes every pixel nan: set that mode to zero, or divide it by
    1."""
    k0, k1 = wavenumbers(len(delta), delta.dtype)
    return torch.stack([filtered(delta, 1j * k / (k0**2 + k1**2)) for k in (k0, k1)])


@exercise.mistake("output-size")
def _(delta):
    """On a grid of odd size one column is lost: `irfft2` takes the last axis to be even unless it
    is told the shape with `s=`."""
    k0, k1 = wavenumbers(len(delta), delta.dtype)
    potential = torch.fft.rfft2(delta) / (k0**2 + k1**2).clamp(min=1)
    return torch.stack([torch.fft.irfft2(1j * k * potential) for k in (k0, k1)])


@exercise.mistake("one-component")
def _(delta):
    """Both components are the displacement along axis 0: the second takes the other wavenumber."""
    psi = right(delta)
    return torch.stack([psi[0], psi[0]])
