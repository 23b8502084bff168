"""Generative adversarial networks: a sampler trained against a critic, and no density at all.

The generator turns noise into samples; the discriminator tells them from data; each learns from
the other. What is learnt is a sampler: p_theta(x) is not even defined where, as is usual, the
noise has fewer dimensions than x, and nobody can compute it where it is.
"""

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..autoencoders import mlp
from ..densities import standard_normal

Losses = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
BETAS = (0.5, 0.99)  # of Adam: less momentum, since the other network moves the target
AVERAGED = 0.995  # memory of the running mean of the generator's parameters


class Gan(nn.Module):
    """x = G_theta(z), z ~ N(0, I), and a discriminator whose output is the logit of "data".

    Goodfellow et al. 2014.

    Args:
        data_dim: D.
        latent_dim: K.
        hidden: widths of the hidden layers of both networks.
        generator: of the initial weights.
    """

    def __init__(
        self,
        data_dim: int,
        latent_dim: int = 2,
        hidden: Sequence[int] = (64, 64),
        *,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.generator = mlp((latent_dim, *hidden, data_dim), generator=generator)
        self.discriminator = mlp((data_dim, *hidden, 1), generator=generator)
        self.data_dim, self.latent_dim = data_dim, latent_dim

    def generate(self, n: int, *, generator: torch.Generator) -> Tensor:
        """n samples (n, D), with gradients."""
        like = next(self.generator.parameters())
        return self.generator(standard_normal((n, self.latent_dim), like, generator))

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """n samples (n, D)."""
        return self.generate(n, generator=generator)


def gan_losses(real_logits: Tensor, fake_logits: Tensor) -> tuple[Tensor, Tensor]:
    """What the discriminator minimises, and what the generator does, with D = sigmoid(logit).

    -<log D(x)>_data - <log(1 - D(G(z)))>    and    -<log D(G(z))>.

    2 log 2 = 1.386 and log 2 where the discriminator can only guess. The second is the
    non-saturating loss: it has a gradient where the discriminator is sure of itself, which
    log(1 - D) has not. Goodfellow et al. 2014, equation 1 and section 3.

    Args:
        real_logits, fake_logits: of "data", for data (N,) and for forgeries (M,).

    Returns:
        (discriminator's loss, generator's loss), each 0-d, nats.
    """
    told_apart = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    return told_apart, F.softplus(-fake_logits).mean()


def gradient_penalty(logit_data: Tensor, x: Tensor) -> Tensor:
    """<|d logit / dx|^2>_data / 2: 0-d. Mescheder, Geiger and Nowozin 2018, equation 9, "R1".

    Without it the two networks circle around the solution and do not reach it.
    """
    (slope,) = torch.autograd.grad(logit_data.sum(), x, create_graph=True)
    return slope.square().sum(dim=-1).mean() / 2


@dataclass(frozen=True)
class GanHistory:
    """Losses of both networks, each (steps,), and how long it took."""

    discriminator: Tensor
    generator: Tensor
    seconds: float


def fit_gan(
    gan: Gan,
    data: Tensor,
    *,
    steps: int,
    generator: torch.Generator,
    batch: int = 256,
    lr: float = 2e-3,
    penalty: float = 1.0,
    losses: Losses = gan_losses,
    watch: Callable[[int, Gan], None] | None = None,
) -> GanHistory:
    """Train both networks in turn, in place, one step each.

    The generator that is kept is a running mean of its parameters over the last few hundred
    steps, which circles less than any single one of them (Yazici et al. 2019).

    Args:
        gan: what is trained.
        data: (N, D), standardised.
        steps: of each network.
        generator: of batches and noise.
        batch: B.
        lr: learning rate of both, which falls to zero in a straight line.
        penalty: weight of `gradient_penalty`; 0 switches it off.
        losses: of both, as `gan_losses`.
        watch: called before each step with its number and both networks as they are.

    Returns:
        GanHistory. Two losses that stand still say that neither network wins, and nothing about
        how good the samples are.

    Raises:
        ValueError: if data is not (N, D), steps is below 1 or penalty is negative.
    """
    if data.ndim != 2 or data.shape[1] != gan.data_dim:
        raise ValueError(f"data must be (N, {gan.data_dim}), got {tuple(data.shape)}.")
    if steps < 1 or batch < 1 or not penalty >= 0:
        raise ValueError(
            f"steps and batch must be at least 1 and penalty at least 0: {steps}, {batch}, "
            f"{penalty}."
        )
    adam_d, adam_g = (
        torch.optim.Adam(network.parameters(), lr=lr, betas=BETAS, fused=True)
        for network in (gan.discriminator, gan.generator)
    )
    average, forger = copy.deepcopy(gan.generator), list(gan.generator.parameters())
    log, start = [], time.perf_counter()
    for step in tqdm(range(steps), unit="step", delay=2, leave=False):
        if watch is not None:
            watch(step, gan)
        adam_d.param_groups[0]["lr"] = adam_g.param_groups[0]["lr"] = lr * (1 - step / steps)
        index = torch.randint(len(data), (batch,), generator=generator, device=generator.device)
        x = data[index.to(data.device)].requires_grad_(penalty > 0)
        fake = gan.generate(batch, generator=generator)

        logit = gan.discriminator(x)[:, 0]  # (B, 1) -> (B,)
        loss_d, _ = losses(logit, gan.discriminator(fake.detach())[:, 0])
        adam_d.zero_grad()
        (loss_d + penalty * gradient_penalty(logit, x) if penalty else loss_d).backward()
        adam_d.step()

        _, loss_g = losses(logit.detach(), gan.discriminator(fake)[:, 0])
        adam_g.zero_grad()
        loss_g.backward(inputs=forger)  # the critic's own slopes are not needed here
        adam_g.step()

        with torch.no_grad():
            for mean, now in zip(average.parameters(), gan.generator.parameters(), strict=True):
                mean.lerp_(now, 1 - AVERAGED)
        log.append(torch.stack([loss_d.detach(), loss_g.detach()]))
    gan.generator.load_state_dict(average.state_dict())
    return GanHistory(*torch.stack(log, dim=1), seconds=time.perf_counter() - start)
