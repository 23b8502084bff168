"""What the checks of fields need: wavenumbers, spectra and derivatives on the half-grid of rfft2.

A field is (n, n) in a periodic box of side 2 pi, so that wavenumbers are whole numbers.
"""

import torch
from torch import Tensor

from ..draw import Draw


def wavenumbers(n: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Integer wavenumbers (k0, k1) on the rfft2 grid, shapes (n, 1) and (1, n//2+1)."""
    k0 = torch.fft.fftfreq(n, d=1 / n, dtype=dtype)[:, None]
    k1 = torch.fft.rfftfreq(n, d=1 / n, dtype=dtype)[None, :]
    return k0, k1


def random_power(n: int, draw: Draw, dtype: torch.dtype) -> Tensor:
    """A smooth positive function of |k| with random parameters, zero from the Nyquist modes on."""
    k0, k1 = wavenumbers(n, dtype)
    k = (k0**2 + k1**2).sqrt()
    power = draw.number(2, 4) * torch.exp(-k / draw.number(0.2 * n, 0.4 * n)) / (1 + k)
    return torch.where(k < n // 2, power, torch.zeros_like(power))


def filtered(white: Tensor, amplitude: Tensor) -> Tensor:
    """A field (n, n) with each of its modes multiplied by an amplitude (n, n//2+1)."""
    return torch.fft.irfft2(torch.fft.rfft2(white) * amplitude, s=white.shape)


def random_overdensity(n: int, draw: Draw, dtype: torch.dtype) -> Tensor:
    """A band-limited field of zero mean."""
    power = random_power(n, draw, dtype)
    power[0, 0] = 0
    return filtered(draw.normal(n, n, dtype=dtype), power.sqrt())


def derivative(field: Tensor, axis: int) -> Tensor:
    """The derivative of a band-limited field (n, n) along one axis."""
    return filtered(field, 1j * wavenumbers(field.shape[-1], field.dtype)[axis])


def sizes(draw: Draw) -> tuple[tuple[int, torch.dtype], ...]:
    """Grids to try: an even one, an odd one in double precision, and the lecture's own."""
    half, other = draw.sizes(2, 4, 9)
    return (2 * half, torch.float32), (2 * other + 1, torch.float64), (128, torch.float32)
