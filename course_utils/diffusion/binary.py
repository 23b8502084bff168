"""Diffusion of binary pixels, and its bound on their probability."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..densities import standard_normal
from .bound import prior_kl, step_loss
from .denoisers import _NoisyNetwork
from .sampling import ddpm_path
from .schedule import Schedule, diffuse, require_draws, require_flat, spread_steps

# The same chain on x_data in {-1, 1}^D, for the ledger: there log p(x_data) is that of a
# probability, not of a density, and so the last step has to be a Bernoulli.


class BinaryNoisePredictor(nn.Module):
    """eps_hat(x_t, alpha_bar) for binary images, through the odds of every pixel.

    logits = 2 sqrt(alpha_bar) / (1 - alpha_bar) x_t + F(x_t, log-SNR),

    the log-odds of x_data = 1 against -1: the first term is what the pixel's own x_t says, by
    Bayes' theorem, and F what all the others do. x0_hat = tanh(logits / 2) is the mean of x_data,
    and eps_hat = (x_t - sqrt(alpha_bar) x0_hat) / sqrt(1 - alpha_bar).

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        frequencies: see `NoisePredictor`.
        generator: of the initial weights, with which F = 0: exact for fair coins.
    """

    def __init__(
        self,
        data_dim: int,
        *,
        hidden: Sequence[int] = (192, 192),
        frequencies: int = 6,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.data_dim = data_dim
        self.network = _NoisyNetwork(data_dim, hidden, frequencies, generator)

    def logits(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """Log-odds of each pixel, x_t (B, D), alpha_bar (B,) below 1 -> (B, D)."""
        own = 2 * alpha_bar.sqrt() / (1 - alpha_bar)
        return own[:, None] * x_t + self.network(x_t, alpha_bar)

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """x_t (B, D), alpha_bar (B,) below 1 -> eps_hat (B, D)."""
        x0_hat = torch.tanh(self.logits(x_t, alpha_bar) / 2)
        signal, noise = alpha_bar.sqrt()[:, None], (1 - alpha_bar).sqrt()[:, None]
        return (x_t - signal * x0_hat) / noise


@torch.no_grad()
def binary_elbo(
    model: BinaryNoisePredictor,
    x0: Tensor,
    betas: Tensor,
    *,
    generator: torch.Generator,
    draws: int = 1,
) -> Tensor:
    """A lower bound on the log-probability of binary images, an unbiased estimate of it.

    ELBO = <log p_theta(x_data | x_t at t = 0)> - sum_{t >= 1} KL_t - L_T, where the last step is a
    product of Bernoullis with the model's logits there, and every other has the variance of the
    posterior: data are points, not spread out. Then
    KL_t = 1/2 (SNR_{t-1} - SNR_t) |x_data - x0_hat|^2 (Kingma et al. 2021, equation 13).

    Args:
        model: the denoiser.
        x0: images, (B, D) of -1 and 1.
        betas: (T,), T >= 2.
        generator: of t and the noise.
        draws: random t for each image, of which the sum over t is estimated.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if x0 is not (B, D) of -1 and 1, or draws is below 1.
    """
    require_flat(x0)
    if not bool((x0.abs() == 1).all()):
        raise ValueError("x0 must hold only -1 and 1: 2 * x - 1 makes them of 0 and 1.")
    require_draws(draws)
    variances = torch.cat([betas[:1], Schedule(betas).posterior_variances[1:]])
    schedule = Schedule(betas, variances)
    first = schedule.alpha_bars[0].to(x0).expand(len(x0))
    total = prior_kl(x0, schedule)
    for _ in range(draws):
        x_t = diffuse(x0, first, standard_normal(x0.shape, x0, generator))
        last_step = F.logsigmoid(x0 * model.logits(x_t, first)).sum(dim=1)
        t = 1 + spread_steps(len(schedule) - 1, len(x0), generator)
        kl = step_loss(model, x0, t, schedule, standard_normal(x0.shape, x0, generator))
        total = total + ((len(schedule) - 1) * kl - last_step) / draws
    return -total


@torch.no_grad()
def binary_sample(
    model: BinaryNoisePredictor, n: int, betas: Tensor, *, generator: torch.Generator
) -> Tensor:
    """Draw n binary images (n, D) of 0 and 1: the chain from noise, and coins for its last step.

    Args:
        model: the denoiser.
        n: images.
        betas: (T,), as in `binary_elbo`; fewer steps than in training will do.
        generator: of noise and coins.
    """
    variances = torch.cat([betas[:1], Schedule(betas).posterior_variances[1:]])
    schedule = Schedule(betas, variances)
    noise = torch.randn(n, model.data_dim, generator=generator, device=generator.device)
    x_t = ddpm_path(model, noise, schedule, generator=generator)[-2]  # the state after one step
    first = schedule.alpha_bars[0].to(x_t).expand(n)
    u = torch.rand(x_t.shape, generator=generator, device=generator.device)
    return (u < model.logits(x_t, first).sigmoid()).to(x_t.dtype)
