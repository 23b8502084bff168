"""Gaussian latents and probabilistic PCA, as the exercises of several lectures draw them.

A model is (x, W, b, sigma): z ~ N(0, I), x | z ~ N(Wz + b, sigma^2 I).
"""

import torch
from torch import Tensor
from torch.distributions import Normal

from .draw import Draw

Model = tuple[Tensor, Tensor, Tensor, float]  # (x, W, b, sigma): the arguments, with data


def random_posterior(
    b: int, k: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """(mu, log_var), both (B, K); no log_var is near 0, where many mistakes meet."""
    far = draw.uniform(0.3, 1.5, b, k, dtype=dtype)
    sign = torch.where(draw.uniform(-1, 1, b, k) < 0.4, -1, 1)
    return 0.3 + draw.normal(b, k, dtype=dtype), -sign * far


def kl_by_two_points(mu: Tensor, log_var: Tensor) -> Tensor:
    """<log q(z) - log p(z)>_q, (B,), as the average over z = mu - sigma and mu + sigma.

    Exact in each latent, because both logarithms are quadratic in z. Double precision.
    """
    mu, log_var = mu.double(), log_var.double()
    standard, eps = Normal(0.0, 1.0), torch.tensor([-1.0, 1.0]).double()[:, None, None]
    z = mu + eps * (log_var / 2).exp()  # (2, B, K)
    log_q = standard.log_prob(eps) - log_var / 2
    return (log_q - standard.log_prob(z)).mean(0).sum(1)


def random_loadings(k: int, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """W (K + 1, K), well conditioned; the direction without signal is near (1, ..., 1).

    A number added to every element of W W^T then leaves it invertible, as a mistake should be.
    """
    missing = 1 + draw.uniform(-0.4, 0.4, k + 1, 1, dtype=dtype)
    columns = torch.cat([missing, draw.normal(k + 1, k, dtype=dtype)], 1)
    basis = torch.linalg.qr(columns).Q[:, 1:]
    turn = torch.linalg.qr(draw.normal(k, k, dtype=dtype)).Q
    return basis * torch.linspace(0.8, 2.0, k, dtype=dtype) @ turn


def random_data(n: int, W: Tensor, sigma: float, draw: Draw) -> Model:
    """Points of the model, the first of them at b where there are more: (x, W, b, sigma)."""
    (d, k), dtype = W.shape, W.dtype
    b = 1 + 0.5 * draw.normal(d, dtype=dtype)
    offset = draw.normal(n, k, dtype=dtype) @ W.T + sigma * draw.normal(n, d, dtype=dtype)
    if n > 1:
        offset[0] = 0
    return b + offset, W, b, sigma


def in_units_of(unit: float, x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Model:
    """The same data and model with x measured in larger units: all numbers are smaller.

    With a power of two no number is rounded, whatever is computed from them.
    """
    return x / unit, W / unit, b / unit, sigma / unit


def log_joint_slope(z: Tensor, x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Tensor:
    """The gradient (N, K) of log p(z) + log p(x | z) at z."""
    z = z.detach().double().requires_grad_()
    residual = (x.double() - z @ W.double().T - b.double()) / sigma
    log_joint = -(z.square().sum() + residual.square().sum()) / 2
    return torch.autograd.grad(log_joint, z)[0]


def log_joint_curvature(W: Tensor, sigma: float) -> Tensor:
    """Minus the second derivative (K, K) of log p(z) + log p(x | z), the same for all x and z."""
    k = W.shape[1]
    zero, x, b = torch.zeros(1, k).double(), torch.zeros(1, len(W)), torch.zeros(len(W))
    at_zero = log_joint_slope(zero, x, W, b, sigma)
    return torch.stack(
        [
            (at_zero - log_joint_slope(e[None], x, W, b, sigma))[0]
            for e in torch.eye(k, dtype=W.dtype)
        ]
    )


def posterior_truth(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """One Newton step from z = 0 finds the peak of a quadratic, and its curvature the width."""
    curvature = log_joint_curvature(W, sigma)
    slope = log_joint_slope(torch.zeros(len(x), W.shape[1]), x, W, b, sigma)
    return torch.linalg.solve(curvature, slope.T).T, torch.linalg.inv(curvature)
