"""Answers to 10.alpha_bars."""

import itertools
import operator

import numpy as np
import torch


def by_logarithms(betas):
    return torch.log1p(-betas).cumsum(0).exp()


def by_the_noise(betas):
    """The variance of the noise grows; what it leaves is signal."""
    noise, bars = torch.zeros_like(betas[0]), []
    for beta in betas:
        noise = (1 - beta) * noise + beta
        bars.append(1 - noise)
    return torch.stack(bars)


def in_a_loop(betas):
    bars, bar = [], 1.0
    for beta in betas:
        bar = bar * (1 - beta)
        bars.append(bar)
    return torch.stack(bars)


def in_slices(betas):
    alphas = 1 - betas
    return torch.stack([alphas[: t + 1].prod() for t in range(len(betas))])


def by_numpy(betas):
    return torch.from_numpy(np.cumprod(1 - betas.numpy()))


def of_floats(betas):
    bars, bar = [], 1.0
    for beta in betas.tolist():
        bar *= 1 - beta
        bars.append(bar)
    return torch.tensor(bars, dtype=betas.dtype)


def roots_squared(betas):
    return torch.cumprod((1 - betas).sqrt(), 0).square()


def overwritten(betas):
    out, a = [], torch.ones_like(betas[0])
    for b in betas:
        a *= 1 - b
        out.append(a)
    return torch.stack(out)


def late(betas):
    return torch.cumprod(1 - betas, 0) * (1 - betas[0])


def floor(betas):
    return torch.cumprod(1 - betas, 0).clamp(min=1e-4)


def clamped(betas):
    return torch.cumprod(1 - betas.clamp(min=1e-3), 0)


def single(betas):
    return torch.cumprod(1 - betas.float(), 0)


def in_place(betas):
    betas.neg_().add_(1)
    return betas.cumprod(0)


def two_axes(betas):
    return torch.cumprod(1 - betas, 0)[:, None]


def wrong_axis(betas):
    return torch.cumprod(1 - betas, dim=1)


def accumulated(betas):
    return list(itertools.accumulate((1 - b for b in betas.tolist()), operator.mul))


RIGHT = [
    by_logarithms,
    by_the_noise,
    in_a_loop,
    in_slices,
    by_numpy,
    of_floats,
    roots_squared,
    accumulated,
]
WRONG = [
    ("last-only", overwritten),
    ("wrong-start", late),
    ("wrong-step", floor),
    ("wrong-start", clamped),
    ("wrong-dtype", single),
    ("changes-its-input", in_place),
    ("wrong-shape", two_axes),
    ("raises", wrong_axis),
]
