"""The network that expects the noise in x_t, and the simple loss that trains it."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..autoencoders import mlp
from ..densities import standard_normal
from .bound import _spread_steps
from .schedule import LOG_SNR_RANGE, Schedule, diffuse


class NoisePredictor(nn.Module):
    """eps_hat(x_t, alpha_bar): a multilayer perceptron on points or on flat images.

    eps_hat = sqrt(1 - alpha_bar) [x_t + sqrt(alpha_bar) F(x_t, log-SNR)].

    With F = 0, where the network starts, this is exact for data x_0 ~ N(0, I): only what differs
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
        waves = torch.arange(1, frequencies + 1, device=generator.device)
        self.register_buffer("waves", waves * math.pi / (2 * LOG_SNR_RANGE))

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        log_snr = alpha_bar.logit().clamp(-LOG_SNR_RANGE, LOG_SNR_RANGE)
        angle = log_snr[:, None] * self.waves
        return self.mlp(torch.cat([x_t, angle.sin(), angle.cos()], dim=1))


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
        t = _spread_steps(len(schedule), len(x0), generator)
        alpha_bar = bars.to(x0)[t]
        eps = standard_normal(x0.shape, x0, generator)
        eps_hat = model(diffuse(x0, alpha_bar, eps), alpha_bar)
        return (eps - eps_hat).square().flatten(1).sum(dim=1).mean()

    return loss
