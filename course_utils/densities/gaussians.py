"""Multivariate Gaussians, and what one says about binary images (lecture 02)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from .base import (
    LOG_2PI,
    Fit,
    cholesky,
    climb,
    require_binary,
    require_count,
    require_data,
    require_points,
    standard_normal,
)


def gaussian_log_prob(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    """Log-density of a Gaussian with full covariance.

    log p(x) = -1/2 (x - mean)^T cov^-1 (x - mean) - 1/2 log det cov - D/2 log 2 pi,

    with cov = L L^T (Cholesky): the square is that of L^-1 (x - mean), and log det cov is twice
    the sum of log L_dd. Neither an inverse nor a determinant, which overflows, is computed.

    Args:
        x: points, (..., N, D).
        mean: (..., D).
        cov: (..., D, D), symmetric and positive definite. Leading axes broadcast.

    Returns:
        nats, (..., N).

    Raises:
        ValueError: if the shapes do not fit together or cov is not positive definite, as it is
            when it was fitted to no more points than dimensions.

    >>> gaussian_log_prob(torch.zeros(1, 2), torch.zeros(2), torch.eye(2)) + LOG_2PI
    tensor([0.])
    """
    d = require_points(x).shape[-1]
    if mean.shape[-1:] != (d,) or cov.shape[-2:] != (d, d):
        raise ValueError(
            f"x {tuple(x.shape)}, mean {tuple(mean.shape)} and cov {tuple(cov.shape)} do not fit: "
            "(N, D), (D,) and (D, D) are wanted."
        )
    checks.same_dtype(x=x, mean=mean, cov=cov)
    chol = cholesky(cov)
    white = torch.linalg.solve_triangular(chol, (x - mean[..., None, :]).mT, upper=False)
    log_det = 2 * chol.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    return -0.5 * (white.square().sum(dim=-2) + log_det[..., None] + d * LOG_2PI)


def fit_gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the Gaussian that makes the data most probable.

    mean = 1/N sum_n x_n,    cov = 1/N sum_n (x_n - mean) (x_n - mean)^T.

    Args:
        x: points, (..., N, D). With N <= D the likelihood has no maximum: cov is then singular,
            and `gaussian_log_prob` says so.

    Returns:
        (mean (..., D), cov (..., D, D)).

    Raises:
        ValueError: if x is not (..., N, D), is empty, or holds NaN or infinity.
    """
    require_data(x)
    mean = x.mean(dim=-2)
    centred = x - mean[..., None, :]
    return mean, centred.mT @ centred / x.shape[-2]


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with full covariance; `Gaussian(*fit_gaussian(x))` is the fitted one."""

    mean: Tensor  # (D,)
    cov: Tensor  # (D, D)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,); see `gaussian_log_prob`."""
        return gaussian_log_prob(x, self.mean, self.cov)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): mean + L eps with eps ~ N(0, I) and L L^T = cov."""
        require_count(n, "n", least=0)
        eps = standard_normal((n, len(self.mean)), self.mean, generator)
        return self.mean + eps @ cholesky(self.cov).T

    @property
    def entropy(self) -> float:
        """The differential entropy 1/2 log det(2 pi e cov), nats."""
        log_det = 2 * cholesky(self.cov).diagonal().double().log().sum()
        return 0.5 * (log_det.item() + len(self.mean) * (LOG_2PI + 1))

    @property
    def n_parameters(self) -> int:
        """D + D (D + 1) / 2: the mean, and a covariance that is symmetric."""
        d = len(self.mean)
        return d + d * (d + 1) // 2


def fit_gaussian_by_gradient(
    x: Tensor, *, steps: int = 200, tolerance: float = 1e-10
) -> Fit[Gaussian]:
    """The fit of `fit_gaussian` found by climbing the mean log-likelihood along its gradient.

    The parameters are the mean and a lower triangular L with cov = L L^T; the diagonal of L is
    kept as a logarithm, so that every step is a valid covariance. Starts at mean 0, cov I and
    climbs with L-BFGS.

    Args:
        x: points, (N, D), N > D.
        steps: at most so many.
        tolerance: stops when a step gains less than this, nats per point.

    Returns:
        Fit(model, history), history the mean log-likelihood before each step and at the end.

    Raises:
        ValueError: if x is not (N, D), holds NaN or infinity, or N <= D.
    """
    n, d = require_data(x, ndim=2).shape
    if n <= d:
        raise ValueError(
            f"{n} points in {d} dimensions lie in a plane, where the likelihood has no maximum: "
            f"give more than {d} points."
        )
    mean = torch.zeros(d, dtype=x.dtype, device=x.device, requires_grad=True)
    entries = torch.zeros(d, d, dtype=x.dtype, device=x.device, requires_grad=True)

    def chol() -> Tensor:
        return entries.tril(-1) + entries.diagonal().exp().diag()

    def log_likelihood() -> Tensor:
        white = torch.linalg.solve_triangular(chol(), (x - mean).T, upper=False)  # (D, N)
        square = white.square().sum(dim=0).mean()
        return -0.5 * (square + d * LOG_2PI) - entries.diagonal().sum()

    history = climb(log_likelihood, (mean, entries), steps, tolerance)
    with torch.no_grad():
        return Fit(Gaussian(mean.detach(), chol() @ chol().T), history)


# ---------------------------------------------------------------------- Gaussians on binary images
#
# A density is not a probability: on a binary image it can be made as large as one likes. To enter
# the ledger a Gaussian must say P(x) for x in {0, 1}^D with sum_x P(x) = 1. Here: draw y from the
# Gaussian and let pixel d be 1 where y_d > 1. P(x) is then the mass of an orthant, with two ways
# to bound it from below: `dequantised_log_prob`, exact to compute and loose, and
# `thresholded_log_prob`, random and close. The second is the one for the ledger.


def fit_dequantised_gaussian(x: Tensor) -> Gaussian:
    """The Gaussian that makes binary images with uniform noise, x + u, most probable.

    It maximises the average of `dequantised_log_prob`. u ~ U[0, 1]^D has mean 1/2 and variance
    1/12 per pixel, so that mean = mean of x + 1/2 and cov = covariance of x + I / 12, which is
    never singular.

    Args:
        x: images, (N, D) of 0 and 1.

    Raises:
        ValueError: if x is not a binary (N, D) tensor, or is empty.
    """
    require_binary(x)
    mean, cov = fit_gaussian(x)
    return Gaussian(mean + 0.5, cov + torch.eye(len(mean), dtype=x.dtype, device=x.device) / 12)


def dequantised_log_prob(gaussian: Gaussian, x: Tensor) -> Tensor:
    """A lower bound on the log-probability that a thresholded Gaussian gives to binary images.

    With y ~ N(mean, cov) and pixels 1[y_d > 1], sum_x P(x) = 1, and

        log P(x) >= log integral_[0,1]^D p(x + u) du >= <log p(x + u)>_u
                  = log p(x + 1/2) - tr(cov^-1) / 24,

    u ~ U[0, 1]^D: the unit cube lies inside the orthant, then Jensen; and u - 1/2 has mean 0 and
    variance 1/12 in each pixel, so that no noise need be drawn. Known as uniform dequantisation
    (Theis, van den Oord, Bethge 2016, arXiv:1511.01844, section 3.1). It is loose: a pixel that
    never changes costs 0.18 nats.

    Args:
        gaussian: of y, in D dimensions; see `fit_dequantised_gaussian`.
        x: images, (N, D) of 0 and 1.

    Returns:
        nats, (N,), never above log P(x).

    Raises:
        ValueError: if x is not a binary (N, D) tensor with the Gaussian's D.
    """
    require_binary(x)
    trace = torch.cholesky_inverse(cholesky(gaussian.cov)).trace()
    return gaussian.log_prob(x + 0.5) - trace / 24


def thresholded_log_prob(
    gaussian: Gaussian, x: Tensor, *, generator: torch.Generator, draws: int = 32
) -> Tensor:
    """Log-probability that a thresholded Gaussian gives to binary images, estimated from below.

    With y = mean + L eps and pixels 1[y_d > 1], the pixels are taken one after the other:

        P(x) = < prod_d P(x_d | eps_1 .. eps_{d-1}) >,

    where each eps_d is drawn from the normal distribution cut to the side that x_d demands, and
    the next factor is the normal mass on that side. The mean over `draws` has expectation P(x);
    its logarithm is therefore below log P(x) on average, and rises towards it with `draws`.
    (The simulator of Geweke, Hajivassiliou and Keane: Genz 1992, J. Comput. Graph. Stat. 1, 141.)

    Args:
        gaussian: of y, in D dimensions; see `fit_dequantised_gaussian`.
        x: images, (N, D) of 0 and 1.
        generator: source of the random numbers.
        draws: S, Monte Carlo samples per image.

    Returns:
        nats, (N,), computed in float64 and returned in the dtype of x.

    Raises:
        ValueError: if x is not a binary (N, D) tensor with the Gaussian's D, or draws < 1.
    """
    require_binary(x)
    require_count(draws, "draws")
    if x.shape[1] != len(gaussian.mean):
        raise ValueError(f"x must have {len(gaussian.mean)} pixels per image, got {x.shape[1]}.")
    mean, chol = gaussian.mean.double(), cholesky(gaussian.cov.double())
    chunks = x.split(max(1, 4096 // draws))  # what stays in the processor's cache
    found = [
        _thresholded_log_prob(mean, chol, chunk, generator, draws)
        for chunk in tqdm(chunks, delay=2, leave=False, desc="thresholded Gaussian")
    ]
    return torch.cat(found) if found else x.new_zeros(0)


def _thresholded_log_prob(
    mean: Tensor, chol: Tensor, x: Tensor, generator: torch.Generator, draws: int
) -> Tensor:
    n, d = x.shape
    side = 2 * x.double() - 1  # +1: y > 1 is wanted, -1: y <= 1
    eps = mean.new_zeros(d, draws, n)
    log_p = mean.new_zeros(draws, n)
    for i in range(d):
        drift = torch.tensordot(chol[i, :i], eps[:i], dims=1)  # (S, N)
        room = side[:, i] * (mean[i] + drift - 1) / chol[i, i]
        mass = torch.special.ndtr(room)
        log_p += torch.special.log_ndtr(room)
        u = torch.rand(
            draws, n, generator=generator, dtype=torch.float64, device=generator.device
        ).to(mean.device)
        # -side eps <= room; the clamps keep the quantile finite where mass or u is 0.
        quantile = (u * mass).clamp(torch.finfo(u.dtype).tiny, 1 - 1e-16)
        eps[i] = -side[:, i] * torch.special.ndtri(quantile)
    return (log_p.logsumexp(dim=0) - math.log(draws)).to(x.dtype)
