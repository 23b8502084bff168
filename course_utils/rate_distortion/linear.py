"""The linear beta-VAE, with its loss exact: instead of data, their covariance is enough.

q(z|x) = N(A x, Sigma), p(x|z) = N(W z, sigma^2 I), data of mean zero and covariance C:

    mse_sum = <|x - W z|^2> = tr[(I - W A) C (I - W A)^T] + tr[W Sigma W^T]
    rate = <KL(q(z|x) || N(0, I))> = 1/2 [tr(A C A^T) + tr Sigma - K - log det Sigma]

Both are sums over the rows of a factor F of C = F^T F as if these were the data, so that the
networks are only called: what is written here works for a stack of models too.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class LinearBetaVAE(nn.Module):
    """z ~ N(A x, Sigma), x_hat = W z, the same Sigma for every x.

    Nothing is lost by that: with a linear decoder and Gaussian noise the best q(z|x) has one
    covariance for all x (Lucas et al. 2019). Nor does a diagonal one lose anything, since some
    turn of the latents makes it diagonal; but to find that turn is the slow part of the training.
    With a full covariance every turn is as good as any other.

    Args:
        data_dim: D.
        latent_dim: K.
        full: Sigma is any covariance; else diag exp log_var.
        generator: of the initial weights, A and W both of size 1 / sqrt(D); Sigma starts at I.
        dtype: float64, since the loss is exact.

    Raises:
        ValueError: if a dimension is below 1.
    """

    def __init__(
        self,
        data_dim: int,
        latent_dim: int,
        *,
        full: bool = False,
        generator: torch.Generator,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        if min(data_dim, latent_dim) < 1:
            raise ValueError(f"Dimensions must be at least 1: D={data_dim}, K={latent_dim}.")
        place: dict[str, Any] = {"dtype": dtype, "device": generator.device}
        self.encoder: Any = nn.utils.skip_init(nn.Linear, data_dim, latent_dim, bias=False, **place)
        self.decoder: Any = nn.utils.skip_init(nn.Linear, latent_dim, data_dim, bias=False, **place)
        for layer in (self.encoder, self.decoder):
            nn.init.normal_(layer.weight, std=data_dim**-0.5, generator=generator)
        if full:
            self.noise: Any = nn.utils.skip_init(
                nn.Linear, latent_dim, latent_dim, bias=False, **place
            )
            nn.init.eye_(self.noise.weight)
        else:
            self.log_var = nn.Parameter(torch.zeros(1, latent_dim, **place))  # (1, K)
        self.full, self.latent_dim = full, latent_dim

    def posterior_noise(self) -> tuple[Tensor, Tensor]:
        """V (..., K, K) with Sigma = V^T V, and log det Sigma (...)."""
        some = self.encoder.weight
        eye = torch.eye(self.latent_dim, dtype=some.dtype, device=some.device)
        if not self.full:
            return eye * (0.5 * self.log_var).exp(), self.log_var.sum(dim=(-2, -1))
        rows = self.noise(eye)
        return rows, 2 * torch.linalg.slogdet(rows).logabsdet


def linear_mse_and_rate(model: LinearBetaVAE, factor: Tensor) -> tuple[Tensor, Tensor]:
    """Expected squared error, summed over D, and expected rate in nats; no draws, no noise.

    Args:
        model: or a stack of n of them.
        factor: F (M, D) with F^T F = C, from `covariance_factor`; or centred data / sqrt(N).

    Returns:
        mse_sum and rate, each 0-d, or (n,) for a stack.
    """
    told = model.encoder(factor).square().sum(dim=(-2, -1))  # tr A C A^T
    noise, log_det = model.posterior_noise()
    spread = noise.square().sum(dim=(-2, -1))  # tr Sigma
    mse_sum = _residual(model, factor).square().sum(dim=(-2, -1))
    return mse_sum, 0.5 * (told + spread - model.latent_dim - log_det)


def linear_loss(
    cov: Tensor, sigma: float | Tensor = 1.0
) -> Callable[[LinearBetaVAE], dict[str, Tensor]]:
    """The exact loss of the linear beta-VAE on data of covariance C, for a fit without data.

    distortion = mse_sum / (2 sigma^2) + D/2 log(2 pi sigma^2); beta is the weight of the rate.

    Args:
        cov: C (D, D).
        sigma: of the decoder, 0-d, or (n,) with one for each model of a stack.

    Returns:
        loss(model) -> {"distortion": nats, "rate": nats}, each 0-d or (n,).

    Raises:
        ValueError: if cov is no covariance, or sigma is not positive.
    """
    factor = covariance_factor(cov)
    sigma = torch.as_tensor(sigma, dtype=cov.dtype, device=cov.device)
    if not bool((sigma > 0).all()):
        raise ValueError(f"sigma must be positive, got {sigma}.")
    constant = len(cov) / 2 * (2 * math.pi * sigma.square()).log()

    def loss(model: LinearBetaVAE) -> dict[str, Tensor]:
        mse_sum, rate = linear_mse_and_rate(model, factor)
        return {"distortion": mse_sum / (2 * sigma.square()) + constant, "rate": rate}

    return loss


def covariance_factor(cov: Tensor) -> Tensor:
    """The symmetric root F of a covariance, C = F F = F^T F, (D, D).

    Raises:
        ValueError: if cov is not (D, D), symmetric, without negative eigenvalues.
    """
    if cov.ndim != 2 or cov.shape[0] != cov.shape[1] or not torch.allclose(cov, cov.T):
        raise ValueError(f"A covariance is symmetric, (D, D); this is {tuple(cov.shape)}.")
    values, vectors = torch.linalg.eigh(cov)
    if float(values[0]) < -1e-5 * float(values[-1]):
        raise ValueError("A covariance has no negative eigenvalues; this matrix has.")
    return (vectors * values.clamp_min(0).sqrt()) @ vectors.T


def _residual(model: LinearBetaVAE, factor: Tensor) -> Tensor:
    """E (..., M + K, D), E^T E the covariance of x - W z: what is missed, and the noise of z."""
    missed = factor - model.decoder(model.encoder(factor))  # (..., M, D)
    return torch.cat([missed, model.decoder(model.posterior_noise()[0])], dim=-2)


# ---------------------------------------------------------------------- Gaussian fields


def covariance_from_power(power: Tensor) -> Tensor:
    """The pixels' covariance of a homogeneous Gaussian field with this power spectrum.

    C(r, r') = 1/n^2 sum_k P(k) exp(i k (r - r')): its eigenvectors are the Fourier modes, its
    eigenvalues P(k). White noise of unit variance has P = 1.

    Args:
        power: P on the rfft2 grid of an even n, (n, n//2+1).

    Returns:
        (n^2, n^2), pixels in rows, as `flatten` orders them.

    Raises:
        ValueError: if power is not on such a grid, or negative.
    """
    n = _grid(power)
    correlation = torch.fft.irfft2(power, s=(n, n))
    step = (torch.arange(n)[:, None] - torch.arange(n)) % n  # (n, n), differences of two rows
    c = correlation[step[:, None, :, None], step[None, :, None, :]]  # (n, n, n, n)
    c = c.reshape(n * n, n * n)  # (row, column, row', column') -> (pixel, pixel')
    return 0.5 * (c + c.T)  # an odd part of the power along the grid's edges is no power


def full_plane(power: Tensor) -> Tensor:
    """All n^2 eigenvalues of a field's covariance, (n^2,), from P on the rfft2 grid.

    Modes that the rfft2 grid leaves out are the mirror images of those it holds.

    Raises:
        ValueError: as in `covariance_from_power`.
    """
    n = _grid(power)
    mirror = power[-torch.arange(n)][:, 1 : n // 2].flip(1)  # -k of the columns left out
    return torch.cat([power, mirror], dim=1).flatten()


class FilterBetaVAE(nn.Module):
    """A linear beta-VAE that treats all places alike: its encoder and decoder are filters.

    One latent per Fourier mode k: z_k ~ N(a(k) x_k, s(k)^2), x_hat_k = w(k) z_k. The dense model
    has to find the Fourier modes; this one starts from them, and large grids take no longer than
    small ones. Together a and w become the Wiener filter.

    Args:
        n: even; D = n^2.
        generator: of the initial filters, uniform in [0, 1).
        dtype: float64, since the loss is exact.

    Raises:
        ValueError: if n is not even.
    """

    def __init__(
        self, n: int, *, generator: torch.Generator, dtype: torch.dtype = torch.float64
    ) -> None:
        super().__init__()
        if n < 2 or n % 2:
            raise ValueError(f"The grid must have an even number of points per side, got {n}.")
        place = {"dtype": dtype, "device": generator.device}
        grid = (n, n // 2 + 1)
        self.encoder = nn.Parameter(torch.rand(grid, generator=generator, **place))
        self.decoder = nn.Parameter(torch.rand(grid, generator=generator, **place))
        self.log_var = nn.Parameter(torch.zeros(grid, **place))

    def spectra(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """Residual power and rate in nats of every mode, each (n, n//2+1), for fields of P."""
        gain = self.decoder * self.encoder
        residual = (1 - gain).square() * power + self.decoder.square() * self.log_var.exp()
        told = self.encoder.square() * power
        return residual, 0.5 * (told + self.log_var.exp() - 1 - self.log_var)


def filter_loss(power: Tensor, sigma: float = 1.0) -> Callable[[FilterBetaVAE], dict[str, Tensor]]:
    """The exact loss of `FilterBetaVAE` on Gaussian fields of power P, for a fit without data.

    Args:
        power: P on the rfft2 grid, (n, n//2+1).
        sigma: of the decoder.

    Returns:
        loss(model) -> {"distortion": nats, "rate": nats}, 0-d, of a whole field.

    Raises:
        ValueError: as in `covariance_from_power`, or if sigma is not positive.
    """
    n = _grid(power)
    if not sigma > 0:
        raise ValueError(f"sigma must be positive, got {sigma}.")
    copies = torch.full_like(power, 2.0)  # how often a mode stands in the whole plane
    copies[:, [0, -1]] = 1
    constant = n * n / 2 * math.log(2 * math.pi * sigma**2)

    def loss(model: FilterBetaVAE) -> dict[str, Tensor]:
        residual, rate = model.spectra(power)
        distortion = (copies * residual).sum() / (2 * sigma**2) + constant
        return {"distortion": distortion, "rate": (copies * rate).sum()}

    return loss


def _grid(power: Tensor) -> int:
    n = power.shape[0] if power.ndim == 2 else 0
    if n < 2 or n % 2 or power.shape[1] != n // 2 + 1:
        raise ValueError(
            f"power must be (n, n//2+1) on the rfft2 grid of an even n, got {tuple(power.shape)}."
        )
    if not bool((power >= 0).all()):
        raise ValueError("A power spectrum is not negative.")
    return n
