"""Points whose geometry is known, as the exercises of this lecture draw them."""

import torch
from torch import Tensor

from ..draw import Draw


def orthonormal(n: int, d: int, draw: Draw, dtype: torch.dtype, centred: bool = False) -> Tensor:
    """(n, d) with orthonormal columns, each of zero mean on request."""
    columns = draw.normal(n, d, dtype=dtype)
    return torch.linalg.qr(columns - columns.mean(0) if centred else columns).Q


def points_with_known_axes(
    n: int, d: int, draw: Draw, dtype: torch.dtype = torch.float32, ratio: float = 0.5
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x (N, D), mean (D,), axes (R, D), variances (R,)), exact by construction, R = min(N-1, D).

    Each variance is `ratio` times the one before, so that every axis is well determined.
    """
    rank = min(n - 1, d)
    scores = n**0.5 * orthonormal(n, rank, draw, dtype, centred=True)
    deviations = 2 * ratio ** (torch.arange(rank, dtype=dtype) / 2)
    axes, mean = orthonormal(d, rank, draw, dtype).T, 2 * draw.normal(d, dtype=dtype)
    return mean + scores * deviations @ axes, mean, axes, deviations**2


def scattered(n: int, d: int, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """Points near different corners of a grid: never so close that rounding would matter."""
    place = torch.randperm(5**d, generator=draw.generator)[:n]
    corners = torch.stack([place // 5**i % 5 for i in range(d)], 1)
    return corners.to(dtype) + draw.uniform(-0.3, 0.3, n, d, dtype=dtype)


def close_together(n: int, d: int, draw: Draw) -> Tensor:
    """Single-precision points (n, d) on a curve, as close as images are that differ by little.

    Their squared distances are far smaller than the rounding of their squared lengths.
    """
    t = draw.uniform(0, 1, n, dtype=torch.float64)
    start, along, bent = (draw.normal(d, dtype=torch.float64) for _ in range(3))
    return (start + 0.1 * (t[:, None] * along + t[:, None] ** 2 * bent)).float()
