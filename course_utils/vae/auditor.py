"""The implied-beta auditor: which beta-VAE does this published loss train?

A loss made of a squared error and a KL is, up to a constant and a common factor,

    mse_sum / (2 sigma^2) + beta KL,

squared error summed over pixels and KL summed over latents, both averaged over the batch. Whether
it sums or averages, and what stands in front, only sets beta sigma^2, the one number on which the
trained model depends. The auditor does not read the code: it calls the loss with numbers.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..inference import gaussian_kl

VAELoss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # x, x_hat, mu, log_var -> 0-d

TOLERANCE = 1e-5  # relative: a loss may compute in float32
FRESH_PROBES = 4


@dataclass(frozen=True)
class Audit:
    """loss = pixel_weight * mse_sum + kl_weight * KL + constant, at the batch size stated."""

    pixel_weight: float  # of the squared error summed over pixels, averaged over the batch
    kl_weight: float  # of the KL summed over latents, averaged over the batch
    batch: int
    depends_on_batch: bool  # whether beta sigma^2 changes with the batch size

    @property
    def beta_sigma_squared(self) -> float:
        """kl_weight / (2 pixel_weight): the knob of a Gaussian VAE, in units of x squared."""
        return self.kl_weight / (2 * self.pixel_weight)

    @property
    def beta(self) -> float:
        """The beta of this loss if its decoder is read as N(x_hat, I), sigma = 1."""
        return self.beta_sigma_squared

    @property
    def sigma(self) -> float:
        """The sigma of this loss if it is read as a negative ELBO, beta = 1; units of x."""
        return math.sqrt(self.beta_sigma_squared)

    def __str__(self) -> str:
        text = (
            f"beta sigma^2 = {self.beta_sigma_squared:.4g}: beta = {self.beta:.4g} if sigma = 1, "
            f"or sigma = {self.sigma:.4g} if beta = 1."
        )
        if self.depends_on_batch:
            text += f" This holds for batches of {self.batch} and changes with their size."
        return text


def audit(
    loss: VAELoss, *, data_shape: int | tuple[int, ...], latent_dim: int, batch: int = 8
) -> Audit:
    """Find beta sigma^2 of a loss by calling it: no need to read how it sums and averages.

    The loss must be a * mse_sum + b * KL + constant. One probe without KL gives a, one without
    squared error b; fresh probes, also at other batch sizes, confirm that the loss is of this
    form. Then beta sigma^2 = b / (2 a).

    Args:
        loss: loss(x, x_hat, mu, log_var) -> 0-d, averaged or summed over anything; x and x_hat
            are (B, *data_shape), here between 0 and 1, mu and log_var (B, K).
        data_shape: D for flat data, (C, H, W) or (H, W) for images.
        latent_dim: K.
        batch: B, which matters where one term is averaged over the batch and the other summed.

    Returns:
        Audit; printed, it says what it found in a sentence.

    Raises:
        ValueError: if the loss is not of this form; the sentence says which part is not.

    >>> def published(x, x_hat, mu, log_var):
    ...     kl = -0.5 * (1 + log_var - mu**2 - log_var.exp())
    ...     return ((x - x_hat) ** 2).mean() + 0.1 * kl.mean()
    >>> print(audit(published, data_shape=784, latent_dim=20))
    beta sigma^2 = 1.96: beta = 1.96 if sigma = 1, or sigma = 1.4 if beta = 1.
    """
    shape = (data_shape,) if isinstance(data_shape, int) else tuple(data_shape)
    if min(batch, latent_dim, *shape) < 1:
        raise ValueError("data_shape, latent_dim and batch must be at least 1.")
    # Its own stream of numbers: an audit gives the same answer wherever it stands.
    probe = _Probe(loss, shape, latent_dim, torch.Generator().manual_seed(0))
    pixel_weight, kl_weight = probe.weights(batch)
    ratio = kl_weight / pixel_weight
    depends_on_batch = False
    for other in (2 * batch, 3 * batch + 1):
        a, b = probe.weights(other)
        depends_on_batch |= abs(b / a - ratio) > 10 * TOLERANCE * ratio
    return Audit(pixel_weight, kl_weight, batch, depends_on_batch)


@dataclass
class _Probe:
    """Calls a loss with numbers of a chosen batch size."""

    loss: VAELoss
    shape: tuple[int, ...]
    latent_dim: int
    generator: torch.Generator

    def weights(self, batch: int) -> tuple[float, float]:
        """a and b in loss = a mse_sum + b KL + constant, confirmed on fresh probes.

        Raises:
            ValueError: if the loss is not of this form.
        """
        x, mu, log_var = self._x(batch), *self._posterior(batch)
        prior = torch.zeros_like(mu)
        constant = self._call(x, x, prior, prior)
        x_hat = self._x(batch)
        a = (self._call(x, x_hat, prior, prior) - constant) / _mse_sum(x, x_hat)
        b = (self._call(x, x, mu, log_var) - constant) / _kl(mu, log_var)
        _require_signs(a, b)
        for _ in range(FRESH_PROBES):
            x, x_hat, (mu, log_var) = self._x(batch), self._x(batch), self._posterior(batch)
            error, kl = a * _mse_sum(x, x_hat), b * _kl(mu, log_var)
            scale = error + kl + abs(constant)
            self._confirm(
                self._call(x, x_hat, prior, prior), constant + error, scale,
                "This reconstruction is no squared error, equal for all pixels and images: "
                "beta sigma^2 is defined for a Gaussian decoder only.",
            )  # fmt: skip
            self._confirm(
                self._call(x, x, mu, log_var), constant + kl, scale,
                "The other term is no multiple of KL(N(mu, diag exp log_var) || N(0, I)): look for "
                "a log sigma in place of log sigma^2, a missing part, or a floor.",
            )  # fmt: skip
            self._confirm(
                self._call(x, x_hat, mu, log_var), constant + error + kl, scale,
                "Squared error and KL are not simply added in this loss: no single beta fits it.",
            )  # fmt: skip
        return a, b

    def _x(self, batch: int) -> Tensor:
        """Data, or reconstructions, strictly between 0 and 1, as a cross-entropy would want."""
        x = torch.rand(batch, *self.shape, generator=self.generator, dtype=torch.float64)
        return 0.05 + 0.9 * x

    def _posterior(self, batch: int) -> tuple[Tensor, Tensor]:
        """mu and log_var, (B, K), some close to the prior and some far from it."""
        shape = (2, batch, self.latent_dim)
        size = 3 * torch.rand(shape, generator=self.generator, dtype=torch.float64)
        mu, log_var = size * torch.randn(shape, generator=self.generator, dtype=torch.float64)
        return mu, log_var

    def _call(self, x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> float:
        try:
            value = self.loss(x, x_hat, mu, log_var)
        except Exception as error:
            raise ValueError(
                f"The loss fails on x {tuple(x.shape)} and mu {tuple(mu.shape)}: {error}"
            ) from error
        if not isinstance(value, Tensor) or value.numel() != 1 or not bool(value.isfinite().all()):
            raise ValueError(
                f"The loss must return one finite number for the batch, not {value!r}: average or "
                "sum it over the batch."
            )
        return float(value)

    def _confirm(self, value: float, expected: float, scale: float, sentence: str) -> None:
        if abs(value - expected) > TOLERANCE * scale:
            raise ValueError(sentence)


def _require_signs(a: float, b: float) -> None:
    if not a > 0:
        raise ValueError(
            "This loss does not grow with the squared error: is it an ELBO, to be maximised?"
        )
    if b < 0:
        raise ValueError("This loss falls as the KL grows: the KL is subtracted, not added.")


def _mse_sum(x: Tensor, x_hat: Tensor) -> float:
    return float((x - x_hat).square().sum() / len(x))


def _kl(mu: Tensor, log_var: Tensor) -> float:
    return float(gaussian_kl(mu, log_var).mean())


# ---------------------------------------------------------------------- worked examples


@dataclass(frozen=True)
class PublishedLoss:
    """A way to write the loss that is found in public code, in our words."""

    name: str
    sentence: str  # what it does, and what it therefore trains
    loss: VAELoss


def _mean_and_mean(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return F.mse_loss(x_hat, x) + 0.1 * _kl_elements(mu, log_var).mean()


def _sum_and_sum(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return F.mse_loss(x_hat, x, reduction="sum") + _kl_elements(mu, log_var).sum()


def _mean_and_sum(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return F.mse_loss(x_hat, x) + _kl_elements(mu, log_var).sum(dim=1).mean()


def _small_weight(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return F.mse_loss(x_hat, x) + 0.00025 * _kl_elements(mu, log_var).sum(dim=1).mean()


def _sum_over_batch(x: Tensor, x_hat: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return F.mse_loss(x_hat, x) + 0.00025 * _kl_elements(mu, log_var).sum()


def _kl_elements(mu: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var)


PUBLISHED = {
    p.name: p
    for p in (
        PublishedLoss(
            "mean and mean",
            "Squared error averaged over pixels plus 0.1 times the KL averaged over latents: the "
            "two means divide by D and by K, so beta sigma^2 = 0.05 D / K.",
            _mean_and_mean,
        ),
        PublishedLoss(
            "sum and sum",
            "Squared error and KL summed over everything: without the 1/2 of the Gaussian, "
            "beta sigma^2 = 1/2.",
            _sum_and_sum,
        ),
        PublishedLoss(
            "mean and sum",
            "Squared error averaged over pixels, KL summed over latents: what looks like beta = 1 "
            "is beta sigma^2 = D / 2.",
            _mean_and_sum,
        ),
        PublishedLoss(
            "small weight",
            "The same with a weight of 0.00025 on the KL, batch size over number of images: "
            "beta sigma^2 = 0.000125 D.",
            _small_weight,
        ),
        PublishedLoss(
            "sum over the batch",
            "The same, but the KL is summed over the batch too: beta sigma^2 = 0.000125 D B "
            "changes with the batch size.",
            _sum_over_batch,
        ),
    )
}
