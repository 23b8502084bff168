"""Answers to 01.zeldovich_displacement."""

import math

import numpy as np
import torch


def _k(n, dtype):
    k0 = torch.fft.fftfreq(n, 1 / n, dtype=dtype).reshape(-1, 1)
    k1 = torch.fft.rfftfreq(n, 1 / n, dtype=dtype).reshape(1, -1)
    return k0, k1


def _solve(delta, k0, k1):
    k2 = k0**2 + k1**2
    k2[0, 0] = 1
    potential = torch.fft.rfft2(delta) / k2
    return k0, k1, potential


def via_potential(delta):
    n = delta.shape[0]
    k0, k1, potential = _solve(delta, *_k(n, delta.dtype))
    fields = [torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k0, k1)]
    return torch.stack(fields)


def full_fft(delta):
    n = delta.shape[0]
    k = torch.fft.fftfreq(n, 1 / n, dtype=delta.dtype)
    k0, k1 = torch.meshgrid(k, k, indexing="ij")
    k2 = k0**2 + k1**2
    k2[0, 0] = float("inf")
    modes = torch.fft.fft2(delta) / k2
    return torch.stack(
        [torch.fft.ifft2(1j * k0 * modes).real, torch.fft.ifft2(1j * k1 * modes).real]
    )


def by_angles(delta):
    n = delta.shape[0]
    k0 = torch.arange(n, dtype=delta.dtype)
    k0 = torch.where(k0 > n / 2, k0 - n, k0)[:, None]
    k1 = torch.arange(n // 2 + 1, dtype=delta.dtype)[None, :]
    k2 = (k0**2 + k1**2).clamp(min=1)
    modes = torch.fft.rfft2(delta)
    out = torch.empty(2, n, n, dtype=delta.dtype)
    out[0] = torch.fft.irfft2(modes * 1j * (k0 / k2), s=delta.shape)
    out[1] = torch.fft.irfft2(modes * 1j * (k1 / k2), s=delta.shape)
    return out


def with_physical_units(delta):
    n = delta.shape[0]
    spacing = 2 * math.pi / n
    k = 2 * math.pi * torch.fft.fftfreq(n, spacing, dtype=delta.dtype)
    half = 2 * math.pi * torch.fft.rfftfreq(n, spacing, dtype=delta.dtype)
    k2 = k[:, None] ** 2 + half[None, :] ** 2
    modes = torch.fft.rfft2(delta) / torch.where(k2 > 0, k2, torch.ones_like(k2))
    return torch.fft.irfft2(1j * torch.stack([k[:, None] * modes, half[None, :] * modes]), s=(n, n))


def potential_only(delta):
    n = delta.shape[0]
    _, _, potential = _solve(delta, *_k(n, delta.dtype))
    return torch.fft.irfft2(potential, s=(n, n))


def last_axis(delta):
    return full_fft(delta).permute(1, 2, 0)


def drifting(delta):
    return full_fft(delta) + delta.std()


def with_curl(delta):
    n = delta.shape[0]
    k0, k1, potential = _solve(delta, *_k(n, delta.dtype))
    curl = torch.stack([torch.fft.irfft2(1j * k * potential, s=(n, n)) for k in (k1, -k0)])
    return full_fft(delta) + curl


def fourier_matrix(delta):
    n = len(delta)
    j = torch.arange(n, dtype=torch.float32)  # single precision, whatever delta is
    fourier = torch.exp(-2j * math.pi / n * j[:, None] * j)
    k = torch.where(j > n / 2, j - n, j)
    k0, k1 = k[:, None], k[None, :]
    modes = fourier @ delta.to(fourier.dtype) @ fourier / (k0**2 + k1**2).clamp(min=1)
    back = fourier.conj() / n
    return torch.stack([(back @ (1j * ki * modes) @ back).real for ki in (k0, k1)]).to(delta.dtype)


def real_part_without_i(delta):
    n = len(delta)
    k = torch.fft.fftfreq(n, 1 / n, dtype=delta.dtype)
    k0, k1 = torch.meshgrid(k, k, indexing="ij")
    modes = torch.fft.fft2(delta) / (k0**2 + k1**2).clamp(min=1)
    return torch.stack([torch.fft.ifft2(ki * modes).real for ki in (k0, k1)])


def finite_differences(delta):
    n = len(delta)
    potential = _solve(delta, *_k(n, delta.dtype))[2]
    phi = torch.fft.irfft2(potential, s=(n, n))
    step = 4 * math.pi / n
    return torch.stack([(phi.roll(-1, axis) - phi.roll(1, axis)) / step for axis in (0, 1)])


def with_numpy(delta):
    n = len(delta)
    k = np.fft.fftfreq(n, 1 / n)
    k0, k1 = np.meshgrid(k, k, indexing="ij")
    k_squared = k0**2 + k1**2
    k_squared[0, 0] = 1
    modes = np.fft.fft2(delta.numpy()) / k_squared
    return np.stack([np.fft.ifft2(1j * k0 * modes).real, np.fft.ifft2(1j * k1 * modes).real])


def single_precision_wavenumbers(delta):
    n = delta.shape[0]
    k0, k1 = torch.fft.fftfreq(n)[:, None] * n, torch.arange(n // 2 + 1)[None]
    k_squared = k0**2 + k1**2
    k_squared[0, 0] = 1.0
    modes = torch.fft.rfft2(delta) / k_squared
    return torch.stack([torch.fft.irfft2(1j * k * modes, s=delta.shape) for k in (k0, k1)])


RIGHT = [
    via_potential,
    full_fft,
    by_angles,
    with_physical_units,
    fourier_matrix,
    with_numpy,
    single_precision_wavenumbers,
]

WRONG = [
    ("no-i", real_part_without_i),
    ("wrong-shape", potential_only),
    ("wrong-shape", last_axis),
    ("wrong-divergence", finite_differences),
    ("mean-not-zero", drifting),
    ("curl", with_curl),
]
