"""A restricted Boltzmann machine: an energy-based model of binary pixels, and its random walk.

E(x) = -b x - sum_h log(1 + exp(W_h x + c_h)), the energy of pixels x once the hidden units are
summed over. p_theta(x) = exp(-E(x)) / Z, and Z is a sum over 2^D images: nobody can do it. But
given the hidden units all pixels are independent, and the other way round, so that a walker draws
all of them at once (Gibbs sampling). Smolensky 1986; Hinton 2002.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

START = 0.01  # deviation of the first weights


class BoltzmannMachine(nn.Module):
    """Binary x (B, D) and H hidden units.

    Args:
        data_dim: D.
        hidden: H.
        generator: of the initial weights.
    """

    def __init__(self, data_dim: int, hidden: int = 256, *, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = nn.Parameter(START * torch.randn(hidden, data_dim, generator=generator))
        self.visible, self.hidden = (nn.Parameter(torch.zeros(n)) for n in (data_dim, hidden))

    def energy(self, x: Tensor) -> Tensor:
        """E(x), (B, D) -> (B,), nats: -log p_theta(x) but for log Z."""
        return -x @ self.visible - F.softplus(F.linear(x, self.weight, self.hidden)).sum(dim=-1)

    @torch.no_grad()
    def walk(self, x: Tensor, steps: int, *, generator: torch.Generator) -> Tensor:
        """Walkers (n, D) after `steps` rounds: hidden units given pixels, pixels given them."""
        for _ in range(steps):
            h = _coins(F.linear(x, self.weight, self.hidden), generator)
            x = _coins(h @ self.weight + self.visible, generator)
        return x

    def sample(self, n: int, *, steps: int = 1000, generator: torch.Generator) -> Tensor:
        """n walkers that began as fair coins, (n, D): right only in the limit of many steps."""
        start = _coins(torch.zeros(n, len(self.visible)).to(self.visible), generator)
        return self.walk(start, steps, generator=generator)


def persistent_contrastive_loss(
    data: Tensor, walkers: int, generator: torch.Generator, steps: int = 1
) -> Callable[[BoltzmannMachine, Tensor], Tensor]:
    """Lower the energy of data and raise it where the walkers are, as a loss for `training.fit`.

    The gradient of -log p_theta(x) is <dE/dtheta>_data - <dE/dtheta>_model, and the second average
    is over walkers that go on from step to step of the training (Tieleman 2008). The number itself
    is no measure of anything.

    Args:
        data: where the walkers begin, (N, D).
        walkers: how many.
        generator: of their steps.
        steps: rounds of each walker for a step of the training.
    """
    start = torch.randint(len(data), (walkers,), generator=generator, device=generator.device)
    state = {"x": data[start.to(data.device)]}

    def loss(model: BoltzmannMachine, x: Tensor) -> Tensor:
        state["x"] = model.walk(state["x"], steps, generator=generator)
        return model.energy(x).mean() - model.energy(state["x"]).mean()

    return loss


def _coins(logits: Tensor, generator: torch.Generator) -> Tensor:
    u = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=generator.device)
    return (u.to(logits.device) < logits.sigmoid()).to(logits.dtype)
