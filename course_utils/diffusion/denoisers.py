"""The network that expects the noise in x_t, and the simple loss that trains it."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..autoencoders import mlp
from ..densities import standard_normal
from .schedule import LOG_SNR_RANGE, Schedule, _diffuse, spread_steps


class NoisePredictor(nn.Module):
    """eps_hat(x_t, alpha_bar): a multilayer perceptron on points or on flat images.

    eps_hat = sqrt(1 - alpha_bar) [x_t + sqrt(alpha_bar) F(x_t, log-SNR)].

    With F = 0, where the network starts, this is exact for data x_data ~ N(0, I): only what differs
    from a standard normal has to be learned, so standardise the data. For any F it is right at
    both ends: where all is noise it is x_t, and where there is none it is 0.

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        frequencies: waves in the embedding of log alpha_bar / (1 - alpha_bar); it has twice as
            many numbers.
        generator: of the initial weights.
    """

    def __init__(
        self,
        data_dim: int,
        *,
        hidden: Sequence[int] = (64, 64, 64),
        frequencies: int = 6,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network = _NoisyNetwork(data_dim, hidden, frequencies, generator)

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """x_t (B, D), alpha_bar (B,) -> eps_hat (B, D)."""
        signal, noise = alpha_bar.sqrt()[:, None], (1 - alpha_bar).sqrt()[:, None]
        return noise * (x_t + signal * self.network(x_t, alpha_bar))


class _NoisyNetwork(nn.Module):
    """A multilayer perceptron that sees x_t and waves of its log-SNR; 0 before it is trained."""

    waves: Tensor

    def __init__(
        self,
        data_dim: int,
        hidden: Sequence[int],
        frequencies: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.mlp = mlp((data_dim + 2 * frequencies, *hidden, data_dim), generator=generator)
        for parameter in self.mlp[-1].parameters():
            nn.init.zeros_(parameter)
        self.frequencies = frequencies

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        return self.mlp(torch.cat([x_t, level_waves(alpha_bar, self.frequencies)], dim=1))


def level_waves(alpha_bar: Tensor, frequencies: int) -> Tensor:
    """A noise level as a network sees it: sines and cosines of its log-SNR.

    Args:
        alpha_bar: (B,), 0 and 1 included.
        frequencies: F.

    Returns:
        (B, 2 F).
    """
    log_snr = alpha_bar.logit().clamp(-LOG_SNR_RANGE, LOG_SNR_RANGE)
    waves = torch.arange(1, frequencies + 1).to(log_snr) * math.pi / (2 * LOG_SNR_RANGE)
    angle = log_snr[:, None] * waves
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def denoising_loss(
    predict: Callable[[Tensor, Tensor], Tensor],
    x0: Tensor,
    alpha_bars: Tensor,
    t: Tensor,
    eps: Tensor,
) -> Tensor:
    """The simple loss at given steps and a given noise: squared error of the predicted noise.

    < |eps - predict(x_t, t)|^2 >, x_t = diffuse(x0, alpha_bars[t], eps), summed over all but the
    batch (Ho et al. 2020, equation 14).

    Args:
        predict: (x_t (B, ...), t (B,)) -> eps_hat (B, ...).
        x0: data, (B, ...).
        alpha_bars: (T,).
        t: whole numbers, indices into alpha_bars, (B,).
        eps: the noise that is added, (B, ...).

    Returns:
        0-d, batch mean.
    """
    x_t = _diffuse(x0, alpha_bars[t], eps)
    return (eps - predict(x_t, t)).square().flatten(1).sum(dim=1).mean()


def simple_loss(
    schedule: Schedule, generator: torch.Generator
) -> Callable[[nn.Module, Tensor], Tensor]:
    """The loss that is trained: squared error of the predicted noise, all steps alike.

    loss(model, x0) = < |eps - eps_hat(x_t, alpha_bar_t)|^2 >, t uniform, eps ~ N(0, I)
    (Ho et al. 2020, equation 14), summed over the D dimensions, batch mean, ready for
    `training.fit`. It is the negative ELBO with other weights: see `elbo_weights`.

    The t of a batch are spread evenly, which makes the loss less noisy (Kingma et al. 2021,
    appendix I.1).

    Args:
        schedule: where the T noise levels come from.
        generator: of t and eps.
    """

    bars = schedule.alpha_bars

    def loss(model: nn.Module, x0: Tensor) -> Tensor:
        t = spread_steps(len(schedule), len(x0), generator)
        eps = standard_normal(x0.shape, x0, generator)
        levels = bars.to(x0)
        return denoising_loss(lambda x_t, t: model(x_t, levels[t]), x0, levels, t, eps)

    return loss
