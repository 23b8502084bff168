"""Mixtures of Gaussians and of Bernoullis (lecture 02); `em` fits them.

p(x) = sum_m w_m p(x | m). All three kinds have log_weights (M,), log_joint(x) -> log w_m +
log p(x_n | m), (N, M), and maximised(x, r): the M-step.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .. import checks
from .base import (
    LOG_2PI,
    cholesky,
    require_binary,
    require_count,
    require_points,
    standard_normal,
)
from .gaussians import gaussian_log_prob


def mixture_log_prob(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Log-density of a mixture of isotropic Gaussians.

    log p(x) = logsumexp_m [log w_m - |x - means_m|^2 / (2 sigmas_m^2) - D/2 log(2 pi sigmas_m^2)].

    The largest term is taken out of the sum before anything is exponentiated, so that the result
    is finite far from every mean, where each exp is 0.

    Args:
        x: points, (N, D).
        log_weights: (M,), logarithms of weights that sum to 1.
        means: (M, D).
        sigmas: standard deviations, (M,), positive.

    Returns:
        nats, (N,).

    Raises:
        ValueError: if the shapes do not fit together, a sigma is not positive, or the weights do
            not sum to 1.
    """
    log_joint = _isotropic_log_joint(x, log_weights, means, sigmas)
    checks.weights(log_weights)
    return log_joint.logsumexp(dim=1)


def _isotropic_log_joint(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """log w_m + log N(x_n; means_m, sigmas_m^2 I), (N, M)."""
    d = require_points(x, ndim=2).shape[1]
    m = len(log_weights)
    if log_weights.shape != (m,) or means.shape != (m, d) or sigmas.shape != (m,):
        raise ValueError(
            f"x {tuple(x.shape)}, log_weights {tuple(log_weights.shape)}, means "
            f"{tuple(means.shape)} and sigmas {tuple(sigmas.shape)} do not fit: (N, D), (M,), "
            "(M, D) and (M,) are wanted."
        )
    if not bool((sigmas > 0).all()):
        raise ValueError("sigmas must be positive.")
    # Differences, not |x|^2 - 2 x.mean + |mean|^2, which cancels far from the origin.
    square = ((x[:, None] - means) / sigmas[:, None]).square().sum(dim=-1)  # (N, M)
    return log_weights - 0.5 * (square + d * LOG_2PI) - d * sigmas.log()


@dataclass(frozen=True)
class Mixture:
    """A mixture of isotropic Gaussians, sum_m w_m N(x; means_m, sigmas_m^2 I)."""

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    sigmas: Tensor  # (M,)
    min_sigma: float = 0.0  # EM goes no narrower: on a single point the likelihood is unbounded

    def __post_init__(self) -> None:
        checks.weights(self.log_weights)

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log p(x_n | m): (N, D) -> (N, M)."""
        return _isotropic_log_joint(x, self.log_weights, self.means, self.sigmas)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "Mixture":
        """The best mixture if component m has share r[n, m] of point n; r (N, M), rows sum to 1.

        w_m = N_m / N, means_m = sum_n r_nm x_n / N_m, sigmas_m^2 = sum_n r_nm |x_n - means_m|^2
        / (D N_m), with N_m = sum_n r_nm.
        """
        log_weights, shares = _shares(r)
        means = shares @ x
        square = (x - means[:, None]).square().sum(dim=-1)  # (M, N)
        sigmas = ((shares * square).sum(dim=1) / x.shape[1]).sqrt()
        smallest = max(self.min_sigma, torch.finfo(x.dtype).tiny)
        return replace(
            self, log_weights=log_weights, means=means, sigmas=sigmas.clamp_min(smallest)
        )

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): a component by its weight, then a point from it."""
        which = _choose(self.log_weights, n, generator)
        eps = standard_normal((n, self.means.shape[1]), self.means, generator)
        return self.means[which] + self.sigmas[which, None] * eps

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, M D means, M widths."""
        m, d = self.means.shape
        return m - 1 + m * d + m


@dataclass(frozen=True)
class FullMixture:
    """A mixture of Gaussians with full covariances: its components may be long and slanted."""

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    covs: Tensor  # (M, D, D)
    min_sigma: float = 0.0  # smallest standard deviation, along any direction, that EM may choose

    def __post_init__(self) -> None:
        checks.weights(self.log_weights)

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log p(x_n | m): (N, D) -> (N, M)."""
        return self.log_weights + gaussian_log_prob(x, self.means, self.covs).T  # (M, N) -> (N, M)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "FullMixture":
        """The best mixture if component m has share r[n, m] of point n; r (N, M), rows sum to 1.

        As for `Mixture`, with covs_m = sum_n r_nm (x_n - means_m) (x_n - means_m)^T / N_m.
        """
        log_weights, shares = _shares(r)
        means = shares @ x
        spread = shares.sqrt()[:, :, None] * (x - means[:, None])  # (M, N, D)
        # Raising the eigenvalues to the floor gives the best covariance that respects it.
        variances, axes = torch.linalg.eigh(spread.mT @ spread)
        smallest = max(self.min_sigma**2, torch.finfo(x.dtype).tiny)
        covs = (axes * variances.clamp_min(smallest)[:, None]) @ axes.mT
        return replace(self, log_weights=log_weights, means=means, covs=covs)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): a component by its weight, then a point from it."""
        which = _choose(self.log_weights, n, generator)
        eps = standard_normal((n, self.means.shape[1], 1), self.means, generator)
        return self.means[which] + (cholesky(self.covs)[which] @ eps).squeeze(-1)

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, and M Gaussians of D + D (D + 1) / 2 parameters."""
        m, d = self.means.shape
        return m - 1 + m * (d + d * (d + 1) // 2)


@dataclass(frozen=True)
class BernoulliMixture:
    """A mixture of templates: given m, pixel d is 1 with probability probs[m, d], on its own.

    P(x) = sum_m w_m prod_d probs_md^x_d (1 - probs_md)^(1 - x_d); M = 1 is a product of
    Bernoullis. No pixel is more certain than 1 - min_prob: EM maximises the likelihood under that
    constraint, so that one pixel never seen before costs log(1 / min_prob) and not infinity.
    """

    log_weights: Tensor  # (M,)
    probs: Tensor  # (M, D)
    min_prob: float = 0.01

    def __post_init__(self) -> None:
        if self.probs.ndim != 2 or self.log_weights.shape != self.probs.shape[:1]:
            raise ValueError(
                f"log_weights {tuple(self.log_weights.shape)} and probs "
                f"{tuple(self.probs.shape)} do not fit: (M,) and (M, D) are wanted."
            )
        if not 0 < self.min_prob < 0.5:
            raise ValueError(f"min_prob must lie between 0 and 1/2, got {self.min_prob}.")
        if not bool(((self.probs > 0) & (self.probs < 1)).all()):
            raise ValueError("probs must lie between 0 and 1, both excluded.")
        checks.weights(self.log_weights)

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log P(x_n | m): images (N, D) of 0 and 1 -> (N, M)."""
        d = self.probs.shape[1]
        if require_binary(x).shape[1] != d:
            raise ValueError(f"x must have {d} pixels per image, got {x.shape[1]}.")
        # log P(x | m) is linear in x: one matrix product for all images and components.
        off = torch.log1p(-self.probs)
        constant = self.log_weights + off.sum(dim=1)
        return torch.addmm(constant, x, (self.probs.log() - off).T)

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) of images (N, D) of 0 and 1: nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "BernoulliMixture":
        """The best mixture if component m has share r[n, m] of image n; r (N, M), rows sum to 1.

        w_m = N_m / N, probs_m = sum_n r_nm x_n / N_m within [min_prob, 1 - min_prob].
        """
        log_weights, shares = _shares(r)
        probs = (shares @ x).clamp(self.min_prob, 1 - self.min_prob)
        return replace(self, log_weights=log_weights, probs=probs)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n images, (n, D) of 0 and 1: a component by its weight, then each pixel."""
        probs = self.probs[_choose(self.log_weights, n, generator)]
        u = torch.rand(probs.shape, generator=generator, dtype=probs.dtype, device=probs.device)
        return (u < probs).to(probs.dtype)

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, and M D probabilities."""
        m, d = self.probs.shape
        return m - 1 + m * d


def _shares(r: Tensor) -> tuple[Tensor, Tensor]:
    """Responsibilities (N, M) -> (log weights (M,), shares (M, N) that sum to 1 over the data)."""
    count = r.sum(dim=0)  # N_m
    # A component that lost all its points keeps weight 0; the clamp avoids 0 / 0.
    shares = r.T / count.clamp_min(torch.finfo(r.dtype).tiny)[:, None]
    return count.log() - math.log(len(r)), shares


def _choose(log_weights: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n components, each with its weight, (n,)."""
    require_count(n, "n", least=0)
    # By inverting the cumulative sum: torch.multinomial refuses more than 2^24 categories
    # and n = 0.
    edges = log_weights.double().softmax(dim=0).cumsum(dim=0)[:-1]
    u = torch.rand(n, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.searchsorted(edges, u.to(edges.device), right=True)
