"""Mixtures of isotropic Gaussians to judge by."""

import torch
from torch import Tensor

from ..draw import Draw
from .gaussians import LOG_2PI


def squared_distances(x: Tensor, means: Tensor) -> Tensor:
    """|x_n - means_m|^2, (N, M)."""
    return (x[:, None] - means).square().sum(2)


def components(x: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """log N(x_n; means_m, sigmas_m^2 I), (N, M)."""
    normaliser = means.shape[1] * (LOG_2PI / 2 + sigmas.log())
    return -squared_distances(x, means) / (2 * sigmas**2) - normaliser


def log_prob(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """The mixture's log-density, (N,)."""
    return torch.logsumexp(log_weights + components(x, means, sigmas), 1)


def exact(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """The same in double precision."""
    return log_prob(x.double(), log_weights.double(), means.double(), sigmas.double())


def random_mixture(
    n: int, d: int, m: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Overlapping components and points among them: (x, log_weights, means, sigmas)."""
    means, sigmas = draw.normal(m, d, dtype=dtype), draw.uniform(0.5, 1.6, m, dtype=dtype)
    log_weights = torch.log_softmax(draw.normal(m, dtype=dtype), 0)
    x = 1.5 * draw.normal(n, d, dtype=dtype)
    return x, log_weights, means, sigmas
