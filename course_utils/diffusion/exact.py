"""The exact noise and score of a Gaussian mixture that is diffused, to hold a network against."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ..densities import LOG_2PI, FullMixture, Gaussian, Mixture, standard_normal
from .schedule import Denoiser, diffuse


@dataclass(frozen=True)
class DiffusedMixture:
    """A Gaussian mixture on its way to noise: at every alpha_bar a mixture again, in closed form.

    x_data ~ sum_m w_m N(mean_m, C_m)  gives
    x_t ~ sum_m w_m N(sqrt(alpha_bar) mean_m, alpha_bar C_m + (1 - alpha_bar) I).

    Made by `diffused`. C_m = axes diag(variances) axes^T, so that adding noise is an addition.
    """

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    variances: Tensor  # (M, D)
    axes: Tensor  # (M, D, D), one axis in each column

    def log_prob(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """log p_t(x): x (B, D), alpha_bar (B,) -> nats, (B,)."""
        return self._parts(x, alpha_bar)[0].logsumexp(dim=1)

    def score(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The gradient of log p_t at x: x (B, D), alpha_bar (B,) -> (B, D).

        sum_m p(m | x) (alpha_bar C_m + (1 - alpha_bar) I)^-1 (sqrt(alpha_bar) mean_m - x).
        """
        log_joint, along, variances = self._parts(x, alpha_bar)
        pull = log_joint.softmax(dim=1)[..., None] * along / variances  # (B, M, D)
        return -torch.einsum("bmi,mdi->bd", pull, self.axes)

    def eps(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The best possible denoiser, <eps | x_t> = -sqrt(1 - alpha_bar) score: (B, D)."""
        return -(1 - alpha_bar).sqrt()[:, None] * self.score(x, alpha_bar)

    def _parts(self, x: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log w_m p_t(x | m) (B, M); x - mean along each axis, and the variance there (B, M, D)."""
        share = alpha_bar[:, None, None]
        along = torch.einsum("bmd,mdi->bmi", x[:, None] - share.sqrt() * self.means, self.axes)
        variances = share * self.variances + 1 - share
        square = along.square() / variances + variances.log() + LOG_2PI
        return self.log_weights - 0.5 * square.sum(dim=2), along, variances


def diffused(density: Gaussian | Mixture | FullMixture) -> DiffusedMixture:
    """The exact densities p_t, scores and denoiser for data from a Gaussian or a mixture.

    Args:
        density: of the data, in D dimensions.
    """
    if isinstance(density, Gaussian):
        covs, means = density.cov[None], density.mean[None]
        log_weights = torch.zeros_like(means[:, 0])
    elif isinstance(density, Mixture):
        means, log_weights = density.means, density.log_weights
        eye = torch.eye(means.shape[1]).to(means)
        covs = density.sigmas.square()[:, None, None] * eye
    else:
        covs, means, log_weights = density.covs, density.means, density.log_weights
    variances, axes = torch.linalg.eigh(covs)
    return DiffusedMixture(log_weights, means, variances, axes)


@torch.no_grad()
def score_error(
    denoiser: Denoiser,
    truth: DiffusedMixture,
    x0: Tensor,
    alpha_bars: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Relative error of a learned score at each noise level, over x_t ~ p_t.

    sqrt(< |score_theta - score|^2 > / < |score|^2 >), averages over p_t; with score = -eps /
    sqrt(1 - alpha_bar) that is the same for the predicted noise.

    Args:
        denoiser: predicts the noise.
        truth: see `diffused`.
        x0: draws from the truth, (N, D).
        alpha_bars: noise levels, (T,).
        generator: of the noise.

    Returns:
        (T,): 0 is perfect, 1 as bad as predicting no noise at all.
    """
    errors = []
    for alpha_bar in alpha_bars.to(x0):
        alpha_bar = alpha_bar.expand(len(x0))
        x_t = diffuse(x0, alpha_bar, standard_normal(x0.shape, x0, generator))
        exact = truth.eps(x_t, alpha_bar)
        wrong = (denoiser(x_t, alpha_bar) - exact).square().sum()
        errors.append((wrong / exact.square().sum()).sqrt())
    return torch.stack(errors)
