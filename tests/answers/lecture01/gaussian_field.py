"""Answers to 01.gaussian_field."""

import math

import numpy as np
import torch


def ortho(white, power):
    modes = torch.fft.rfft2(white, norm="ortho") * power**0.5
    return torch.fft.irfft2(modes, s=white.shape, norm="ortho")


def full_grid(white, power):
    n = white.shape[0]
    index = torch.arange(n)
    column_of = torch.minimum(index, n - index)
    row_of = torch.where(index <= n // 2, torch.zeros_like(index), torch.ones_like(index))
    rows = torch.where(row_of[None, :] == 1, (-index[:, None]) % n, index[:, None])
    full = power[rows, column_of[None, :].expand(n, n)]
    return torch.fft.ifft2(torch.fft.fft2(white) * full.sqrt()).real


def with_numpy(white, power):
    modes = np.fft.rfft2(white.numpy()) * np.sqrt(power.numpy())
    return torch.from_numpy(np.fft.irfft2(modes, s=tuple(white.shape))).to(white.dtype)


def axis_by_axis(white, power):
    modes = torch.fft.fft(torch.fft.rfft(white, dim=1), dim=0) * torch.sqrt(power)
    return torch.fft.irfft(torch.fft.ifft(modes, dim=0), n=white.shape[1], dim=1)


def backward_only(white, power):
    modes = torch.fft.rfft2(white) * power.sqrt()
    return torch.fft.irfft2(modes, s=white.shape, norm="ortho")


def forward_only(white, power):
    modes = torch.fft.rfft2(white, norm="ortho") * power.sqrt()
    return torch.fft.irfft2(modes, s=white.shape)


def own_noise(white, power):
    return ortho(torch.randn_like(white), power)


def conjugated(white, power):
    return torch.fft.irfft2(torch.fft.rfft2(white).conj() * power.sqrt(), s=white.shape)


def returns_modes(white, power):
    return torch.fft.rfft2(white) * power.sqrt()


def complex_field(white, power):
    return torch.complex(ortho(white, power), torch.zeros_like(white))


def fourier_matrix(white, power):
    n = len(white)
    j = torch.arange(n, dtype=torch.float32)  # single precision, whatever white is
    fourier = torch.exp(-2j * math.pi / n * j[:, None] * j)
    modes = fourier @ white.to(fourier.dtype) @ fourier
    half = modes[:, : n // 2 + 1] * power.sqrt()
    return torch.fft.irfft2(half, s=white.shape).to(white.dtype)


def seeded_noise(white, power):
    generator = torch.Generator().manual_seed(1)
    return ortho(torch.randn(white.shape, generator=generator, dtype=white.dtype), power)


def forward_norm(white, power):
    modes = torch.fft.rfft2(white, norm="forward") * torch.sqrt(power)
    return torch.fft.irfft2(modes, s=white.size(), norm="forward")


def numpy_all_the_way(white, power):
    return np.fft.irfft2(np.fft.rfft2(white) * np.sqrt(power.numpy()), s=white.shape)


def by_convolution(white, power):
    n = len(white)
    kernel = torch.fft.irfft2(power.sqrt(), s=(n, n))
    shifts = [(i, j) for i in range(n) for j in range(n)]
    return sum(kernel[s] * torch.roll(white, s, (0, 1)) for s in shifts)


RIGHT = [
    ortho,
    full_grid,
    with_numpy,
    axis_by_axis,
    fourier_matrix,
    forward_norm,
    numpy_all_the_way,
    by_convolution,
]

WRONG = [
    ("normalisation", backward_only),
    ("normalisation", forward_only),
    ("own-noise", own_noise),
    ("white-ignored", seeded_noise),
    ("wrong-phases", conjugated),
    ("wrong-shape", returns_modes),
    ("wrong-dtype", complex_field),
]
