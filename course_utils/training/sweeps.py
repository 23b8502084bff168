"""A whole sweep of models, fitted at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .loop import Data, History, Loss, _parameters, evaluate, fit
from .stacking import stack, unstack


@dataclass(frozen=True)
class Sweep:
    """A rate-distortion curve: K models fitted at once, one for each beta."""

    betas: Tensor  # (K,)
    distortion: Tensor  # (K,), nats, on held-out data
    rate: Tensor  # (K,), nats, on held-out data
    models: list[nn.Module]
    history: History

    @property
    def objective(self) -> Tensor:
        """D + beta R of every model, (K,), what it was trained to make small, in nats."""
        return self.distortion + self.betas * self.rate


def sweep(
    models: Sequence[nn.Module],
    loss: Loss,
    data: Data | None,
    betas: Tensor | Sequence[float],
    *,
    held_out: Data,
    steps: int,
    generator: torch.Generator,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    eps: float = 1e-8,
    samples: int = 1,
) -> Sweep:
    """A whole rate-distortion curve in one fit: model k minimises distortion + beta_k rate.

    Alemi et al. 2018, "Fixing a broken ELBO", equation 5; the objective is that of Higgins et
    al. 2017.

    Args:
        models: K models of one architecture, for `stack`; they are left as they are.
        loss: `loss(model, x)` -> {"distortion": (K,), "rate": (K,)} for a stack, batch means.
        data, steps, generator, batch, lr, eps: as in `fit`.
        betas: (K,), not negative.
        held_out: data on which distortion and rate are taken.
        samples: how often each held-out x is used, with new draws inside the loss.

    Returns:
        Sweep.

    Raises:
        ValueError: if betas do not fit the models, or as in `stack` and `fit`.
    """
    stacked = stack(models)
    some = _parameters(stacked)[0]
    betas = torch.as_tensor(betas, dtype=some.dtype, device=some.device)
    if betas.shape != (len(models),) or not bool((betas >= 0).all()):
        raise ValueError(f"{len(models)} models need as many betas, none negative: {betas}.")
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}.")
    history = fit(
        stacked,
        loss,
        data,
        steps=steps,
        batch=batch,
        lr=lr,
        eps=eps,
        weights={"rate": betas},
        generator=generator,
    )
    draws = [evaluate(stacked, loss, held_out) for _ in range(samples)]
    distortion, rate = (
        torch.stack([terms[name] for terms in draws]).mean(dim=0) for name in ("distortion", "rate")
    )
    return Sweep(betas, distortion, rate, unstack(stacked), history)
