"""Gaussians to judge by: known through a root A of their covariance A A^T."""

import math

import torch
from torch import Tensor

from ..draw import Draw

LOG_2PI = math.log(2 * math.pi)


def random_root(d: int, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """A lower triangular A (D, D), well conditioned for any D: A A^T is a covariance."""
    below = torch.tril(draw.normal(d, d, dtype=dtype), -1) / (2 * d**0.5)
    return below + torch.diag(draw.uniform(0.6, 1.6, d, dtype=dtype))


def covariance_of(root: Tensor) -> Tensor:
    """A A^T, symmetric to the last digit."""
    cov = root @ root.T
    return (cov + cov.T) / 2


def stretched_log_prob(w: Tensor, root: Tensor) -> Tensor:
    """log-density of mean + A w: that of the standard normal w, less log |det A|."""
    standard = -(w.square() + LOG_2PI).sum(1) / 2
    return standard - root.diagonal().log().sum()


def log_prob(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    """The same for a covariance, (N,)."""
    root = torch.linalg.cholesky(cov)
    return stretched_log_prob(
        torch.linalg.solve_triangular(root, (x - mean).T, upper=False).T, root
    )
