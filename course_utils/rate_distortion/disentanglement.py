"""Do single latents stand for single causes? The mutual information gap, and what moves it.

The score compares latents one at a time, so it depends on how the axes of the latent space lie.
The ELBO does not: N(0, I) looks the same from all sides, and `RotatedVAE` turns a model at equal
ELBO.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks
from ..vae import VAE

# ---------------------------------------------------------------------- mutual information


def mutual_information(
    z: Tensor, factors: Tensor, *, bins: int = 20, corrected: bool = True
) -> Tensor:
    """Mutual information of every latent with every factor, from a table of counts.

    I(z; v) = H(z) + H(v) - H(z, v), each variable cut at its quantiles into bins that hold
    equally many samples; a variable of at most `bins` values keeps them as they are.

    Counts of N samples make I too large, by (cells - bins_z - bins_v + 1) / (2 N) on average, where
    cells counts what is occupied in the table; `corrected` takes that away (Miller 1955).
    Cutting into bins loses information: I is a lower bound, at most log(bins).

    Give draws z ~ q(z|x), as Chen et al. 2018 do, and not the posterior means: a latent that is
    switched off has means which differ by next to nothing, yet are a function of x, and quantiles
    would blow them up.

    Args:
        z: latents, (N, K).
        factors: the known causes, (N, F).
        bins: at least 2 and at most N.
        corrected: take the bias away; the result may then be slightly negative.

    Returns:
        nats, (K, F).

    Raises:
        ValueError: if z and factors do not fit, or bins is out of range.
    """
    _require_samples(z, factors, bins)
    n = len(z)
    z_index, factor_index = _binned(z, bins), _binned(factors, bins)
    cell = z_index[:, :, None] * bins + factor_index[:, None, :]  # (N, K, F)
    h_z, occupied_z = _entropy(z_index, bins)  # (K,)
    h_factor, occupied_factor = _entropy(factor_index, bins)  # (F,)
    h_cell, occupied = _entropy(cell.flatten(1), bins**2)  # (N, K, F) -> (N, K F)
    pairs = (z.shape[1], factors.shape[1])
    information = h_z[:, None] + h_factor - h_cell.reshape(pairs)
    if corrected:
        surplus = occupied.reshape(pairs) - occupied_z[:, None] - occupied_factor + 1
        information = information - surplus / (2 * n)
    return information.to(z.dtype)


def factor_entropies(factors: Tensor, *, bins: int = 20) -> Tensor:
    """Entropy of every factor, cut into bins as in `mutual_information`.

    A continuous factor has log(bins), a discrete one of at most `bins` values its own entropy.

    Args:
        factors: (N, F).
        bins: as in `mutual_information`.

    Returns:
        nats, (F,).

    Raises:
        ValueError: as in `mutual_information`.
    """
    _require_samples(factors, factors, bins)
    return _entropy(_binned(factors, bins), bins)[0].to(factors.dtype)


def mutual_information_gap(mi: Tensor, entropies: Tensor) -> Tensor:
    """How far the most informative latent of a factor is ahead of the second, on average.

    1/F sum_f (largest_k I(z_k; v_f) - second largest) / H(v_f): 1 if each factor is told by one
    latent alone, 0 if two tell it equally well. Chen et al. 2018, equation 6.

    Args:
        mi: mutual information of K latents and F factors, (K, F), nats.
        entropies: of the factors, (F,), nats, positive.

    Returns:
        0-d, no units.

    Raises:
        ValueError: if the shapes do not fit, K is below 2, or an entropy is not positive.
    """
    if mi.ndim != 2 or len(mi) < 2 or entropies.shape != mi.shape[1:]:
        raise ValueError(
            f"mi must be (K, F), K at least 2, and entropies (F,), got {tuple(mi.shape)} and "
            f"{tuple(entropies.shape)}."
        )
    checks.finite(mi=mi)
    if not bool((entropies > 0).all()):
        raise ValueError("A factor that never varies has entropy 0: leave it out.")
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).mean()


def _binned(values: Tensor, bins: int) -> Tensor:
    """Bin of every value, (N, F), whole numbers 0 to bins - 1."""
    columns = []
    for column in values.unbind(dim=1):
        different, index = column.unique(return_inverse=True)
        if len(different) > bins:
            # Ranks, so that every bin is full; equal values stay together.
            counts = torch.bincount(index)
            below = counts.cumsum(0) - counts  # samples below each value
            index = (below * bins // len(column))[index]
        columns.append(index)
    return torch.stack(columns, dim=1)


def _entropy(index: Tensor, cells: int) -> tuple[Tensor, Tensor]:
    """Entropy of every column in nats, and how many cells are occupied; index (N, C)."""
    n, columns = index.shape
    shift = cells * torch.arange(columns, device=index.device)
    counts = torch.bincount((index + shift).flatten(), minlength=cells * columns)
    counts = counts.reshape(columns, cells).double()  # (C cells,) -> (C, cells)
    return -torch.xlogy(counts / n, counts / n).sum(dim=1), (counts > 0).sum(dim=1)


def _require_samples(z: Tensor, factors: Tensor, bins: int) -> None:
    if z.ndim != 2 or factors.ndim != 2 or len(z) != len(factors) or not len(z):
        raise ValueError(
            f"z must be (N, K) and factors (N, F), got {tuple(z.shape)} and {tuple(factors.shape)}."
        )
    if not bool(z.isfinite().all() and factors.isfinite().all()):
        raise ValueError("z and factors must be finite.")
    checks.whole(least=0, bins=bins)
    if not 2 <= bins <= len(z):
        raise ValueError(f"bins must lie between 2 and N = {len(z)}, got {bins}.")


# ---------------------------------------------------------------------- turning the latents


def plane_rotation(
    k: int, angle: float, axes: tuple[int, int] = (0, 1), *, dtype: torch.dtype = torch.float32
) -> Tensor:
    """The rotation R (k, k) of K latents that turns one axis towards another, angle in radians.

    Raises:
        ValueError: if axes are not two different latents.
    """
    i, j = axes
    if i == j or not all(0 <= axis < k for axis in axes):
        raise ValueError(f"axes must be two different latents out of {k}, got {axes}.")
    rotation = torch.eye(k, dtype=dtype)
    rotation[i, i] = rotation[j, j] = math.cos(angle)
    rotation[j, i], rotation[i, j] = math.sin(angle), -math.sin(angle)
    return rotation


def rotate_latents(mu: Tensor, cov: Tensor, rotation: Tensor) -> tuple[Tensor, Tensor]:
    """Turn Gaussians with their full covariance: N(mu, Sigma) -> N(R mu, R Sigma R^T).

    Args:
        mu: (..., K).
        cov: Sigma, (..., K, K).
        rotation: R, orthogonal, (K, K).

    Raises:
        ValueError: if R is not orthogonal.
    """
    _require_orthogonal(rotation)
    return mu @ rotation.mT, rotation @ cov @ rotation.mT


def full_gaussian_kl(mu: Tensor, cov: Tensor) -> Tensor:
    """KL(N(mu, Sigma) || N(0, I)) = 1/2 (tr Sigma + |mu|^2 - K - log det Sigma), any covariance.

    Unchanged by mu -> R mu, Sigma -> R Sigma R^T.

    Args:
        mu: (..., K).
        cov: positive definite, (..., K, K).

    Returns:
        nats, (...).

    Raises:
        ValueError: if a covariance is not positive definite.
    """
    checks.symmetric(cov=cov)
    chol, info = torch.linalg.cholesky_ex(cov)
    if bool((info > 0).any()):
        raise ValueError("A covariance is not positive definite.")
    trace = cov.diagonal(dim1=-2, dim2=-1).sum(dim=-1)
    log_det = 2 * chol.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    return 0.5 * (trace + mu.square().sum(dim=-1) - mu.shape[-1] - log_det)


@dataclass(frozen=True)
class RotatedVAE:
    """A VAE whose latents are turned, z' = R z: another model with the same ELBO for every x.

    q'(z|x) = N(R mu, R Sigma R^T) and decoder'(z) = decoder(R^T z), Sigma = diag exp log_var. The
    distortion is the same since decoder'(R z) = decoder(z), the rate since N(0, I) has no
    preferred axes. Locatello et al. 2019, theorem 1, make the same point.
    """

    vae: VAE
    rotation: Tensor  # R, (K, K)

    def __post_init__(self) -> None:
        _require_orthogonal(self.rotation)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, D) -> mean (B, K) and full covariance (B, K, K) of q'(z|x)."""
        mu, log_var = self.vae.encode(x)
        return rotate_latents(mu, torch.diag_embed(log_var.exp()), self.rotation)

    def decode(self, z: Tensor) -> Tensor:
        """z (..., B, K) -> parameters of p'(x|z), (..., B, D)."""
        return self.vae.decode(z @ self.rotation)  # rows: (R^T z)^T = z^T R

    def draw(self, x: Tensor, eps: Tensor) -> Tensor:
        """A draw of q'(z|x) for every eps (..., B, K), of the same shape.

        mean + R diag(s) eps, whose covariance is R Sigma R^T. With the same eps it is R times
        the draw of the model that was not turned.
        """
        mu, log_var = self.vae.encode(x)
        return (mu + (0.5 * log_var).exp() * eps) @ self.rotation.mT

    def elbo(self, x: Tensor, eps: Tensor) -> Tensor:
        """The ELBO of every x (B, D), its distortion averaged over eps (S, B, K): nats, (B,)."""
        log_likelihood = self.vae.likelihood.log_prob(x, self.decode(self.draw(x, eps)))
        return log_likelihood.mean(dim=0) - full_gaussian_kl(*self.encode(x))


def _require_orthogonal(rotation: Tensor) -> None:
    k = rotation.shape[-1]
    eye = torch.eye(k, dtype=rotation.dtype, device=rotation.device)
    slack = 100 * torch.finfo(rotation.dtype).eps
    if rotation.shape != eye.shape or not torch.allclose(rotation @ rotation.mT, eye, atol=slack):
        raise ValueError("A rotation of the latents must be orthogonal, (K, K), R R^T = I.")
