"""Energy-based models: any network is a density, once somebody divides by Z.

p_theta(x) = exp(-E_theta(x)) / Z. The gradient of the energy is all that a walker needs, so the
model can be sampled without Z, slowly. The likelihood needs Z, an integral over all x: a sum over a
grid where D is 1 or 2, as here, and out of reach in general.

Training goes around Z by noise-contrastive estimation: tell data from noise of known density, and
the classifier's logit is the log-ratio of the two densities (Gutmann and Hyvarinen 2010).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..autoencoders import mlp
from ..densities import Gaussian, fit_gaussian, standard_normal

GRID_CHUNK = 2**16  # points at a time
CANDIDATES = 32  # draws of the Gaussian for each walker: few walkers then share a start


class EnergyModel(nn.Module):
    """E_theta(x) = f_theta(x) - log N(x; m, C): a network that tilts a Gaussian.

    Far from the data, where nothing was learnt, the Gaussian keeps the density normalisable.

    Args:
        base: the Gaussian N(m, C); `wide_gaussian` makes one that covers the data.
        hidden: widths of the network's hidden layers.
        generator: of the initial weights.
    """

    def __init__(
        self, base: Gaussian, hidden: Sequence[int] = (32, 32, 32), *, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.base, self.data_dim = base, len(base.mean)
        self.network = mlp((self.data_dim, *hidden, 1), generator=generator)

    def tilt(self, x: Tensor) -> Tensor:
        """f_theta(x), (..., D) -> (...), nats: minus the log-ratio of p_theta to the Gaussian."""
        return self.network(x).squeeze(-1)

    def energy(self, x: Tensor) -> Tensor:
        """E_theta(x), (..., D) -> (...), nats: -log p_theta(x) but for log Z."""
        return self.tilt(x) - self.base.log_prob(x)

    def sample(
        self,
        n: int,
        *,
        steps: int = 100,
        dt: float = 0.01,
        resample: bool = True,
        generator: torch.Generator,
    ) -> Tensor:
        """Draw by Langevin walkers: (n, D).

        They start as draws of the Gaussian, chosen in proportion to exp(-f), which is
        p_theta Z / N(m, C). In few dimensions that alone is nearly right, and the steps repair
        the rest; in many, next to none of the draws is in the right place.

        Args:
            n: walkers.
            steps, dt: of `langevin`.
            resample: False starts them as plain draws of the Gaussian: then the steps alone must
                carry them from basin to basin.
            generator: of the draws.
        """
        start = self.base.sample(n * (CANDIDATES if resample else 1), generator=generator)
        if resample:
            with torch.no_grad():
                weight = (-self.tilt(start)).softmax(dim=0)
            start = start[torch.multinomial(weight, n, replacement=True, generator=generator)]
        return langevin(self.energy, start, steps=steps, dt=dt, generator=generator)


def wide_gaussian(x: Tensor, widen: float = 1.5) -> Gaussian:
    """The Gaussian with the mean of the data and `widen` times their standard deviations.

    Args:
        x: data, (N, D).
        widen: above 1, so that noise reaches all around the data.
    """
    mean, cov = fit_gaussian(x)
    if not widen >= 1:
        raise ValueError(f"widen must be 1 or more, or the noise misses data: it is {widen}.")
    return Gaussian(mean, widen**2 * cov)


def contrastive_loss(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """What a classifier of data against noise pays whose logit is log p_model - log p_noise.

    < log(1 + exp(-r)) >_data + < log(1 + exp(r)) >_noise, r the log-ratio: the binary
    cross-entropy, summed over both kinds; 2 log 2 = 1.386 for a classifier that guesses. Twice
    Gutmann and Hyvarinen 2010, equation 8.

    Args:
        log_ratio_data, log_ratio_noise: r at points of data and of noise, as many, (B,).

    Returns:
        nats, 0-d.
    """
    return F.softplus(-log_ratio_data).mean() + F.softplus(log_ratio_noise).mean()


def noise_contrastive_loss(
    generator: torch.Generator,
    loss: Callable[[Tensor, Tensor], Tensor] = contrastive_loss,
) -> Callable[[EnergyModel, Tensor], Tensor]:
    """Tell data from draws of the base, as a loss for `training.fit`.

    The log-ratio of model to base is -f. At the optimum -f = log p_data - log base, so that E is
    -log p_data with Z = 1.

    Args:
        generator: of the draws from the base, as many as there are data in a batch.
        loss: of the log-ratios at both, as `contrastive_loss`.
    """

    def contrasted(model: EnergyModel, x: Tensor) -> Tensor:
        y = model.base.sample(len(x), generator=generator)
        return loss(-model.tilt(x), -model.tilt(y))

    return contrasted


def langevin(
    energy: Callable[[Tensor], Tensor],
    x: Tensor,
    *,
    steps: int,
    dt: float,
    generator: torch.Generator,
) -> Tensor:
    """Walkers after Langevin steps at temperature 1, each step accepted or refused.

    y = x - E'(x) dt + sqrt(2 dt) noise, as in lecture 01, with friction 1. That alone is right only
    to first order in dt; accepted with probability min(1, p(y) q(x|y) / (p(x) q(y|x))) it is right
    for any. Roberts and Tweedie 1996, section 1.4.

    Args:
        energy: E, (n, D) -> (n,), nats; no Z is needed.
        x: where the walkers start, (n, D).
        steps, dt: how many, how long.
        generator: of the noise.

    Returns:
        Where they end, (n, D).
    """
    E, slope = _energy_and_slope(energy, x)
    for _ in tqdm(range(steps), desc="Langevin", delay=2, leave=False):
        y = x - slope * dt + math.sqrt(2 * dt) * standard_normal(x.shape, x, generator)
        E_y, slope_y = _energy_and_slope(energy, y)
        there = (y - x + slope * dt).square().sum(dim=-1)
        back = (x - y + slope_y * dt).square().sum(dim=-1)
        log_accept = E - E_y + (there - back) / (4 * dt)
        u = torch.rand(len(x), generator=generator, dtype=x.dtype, device=generator.device)
        accept = u.to(x.device).log() < log_accept
        x = torch.where(accept[:, None], y, x)
        E, slope = torch.where(accept, E_y, E), torch.where(accept[:, None], slope_y, slope)
    return x


def _energy_and_slope(energy: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """E (n,) and dE/dx (n, D), from one pass forward and one back."""
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        E = energy(x)
        (slope,) = torch.autograd.grad(E.sum(), x)
    return E.detach(), slope


@torch.no_grad()
def log_Z(
    energy: Callable[[Tensor], Tensor],
    box: Sequence[tuple[float, float]],
    n: int = 400,
    dtype: torch.dtype = torch.float32,
) -> float:
    """log of the integral of exp(-E(x)) over a box, by the midpoint rule: D = 1 or 2.

    Args:
        energy: (G, D) -> (G,), nats.
        box: (low, high) of each axis; wide enough for exp(-E) to vanish at its border.
        n: cells along each axis; double it to see whether the answer has converged.
        dtype: that of the energy's parameters.

    Returns:
        nats.

    Raises:
        ValueError: if the box has more than 2 axes, or exp(-E) does not vanish at its border.
    """
    if len(box) not in (1, 2):
        raise ValueError(
            f"A grid serves 1 or 2 dimensions, not {len(box)}: n^D points are too many beyond."
        )
    sides = [high - low for low, high in box]
    axes = [
        low + side / n * (torch.arange(n, dtype=dtype) + 0.5)
        for (low, _), side in zip(box, sides, strict=True)
    ]
    x = torch.cartesian_prod(*axes).reshape(-1, len(box))  # (n,) -> (n, 1) for one axis
    minus_E = torch.cat([-energy(part).double() for part in x.split(GRID_CHUNK)])
    total = minus_E.logsumexp(dim=0)
    border = torch.stack([(x[:, d] == a[i]) for d, a in enumerate(axes) for i in (0, -1)]).any(0)
    if not float(minus_E[border].logsumexp(dim=0) - total) < math.log(1e-4):
        raise ValueError("exp(-E) does not vanish at the border of the box: take a wider one.")
    return float(total) + sum(math.log(side / n) for side in sides)
