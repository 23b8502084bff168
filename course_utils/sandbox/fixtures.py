"""Small models, losses and generators that an exercise is handed, on the student's side.

The judge builds the same ones to know the right numbers. Every fixture is made by its name, from
plain numbers, after a seed: see script.py.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """x (B, D) -> x W + b (B, D), two parameters: a model whose training can be done by hand.

    `gradients_seen()` is how often a gradient came back to W.
    """

    def __init__(self, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(dim, dim) / dim**0.5)
        self.bias = nn.Parameter(torch.zeros(dim))
        self.gradients = 0
        self.weight.register_hook(self._count)

    def _count(self, _gradient: Tensor) -> None:
        self.gradients += 1

    def gradients_seen(self) -> int:
        return self.gradients

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class RowsSeen:
    """loss(model, x): mean over rows of the squared error summed over columns; it remembers rows.

    The first number of each row of `x` (B, ...) is the number of the row, and does not enter the
    loss. `batches()` gives the numbers of the rows of each call, `shapes()` the shapes of its rows,
    `evaluated()` how many calls found the model in eval mode.
    """

    def __init__(self) -> None:
        self.seen: list[Tensor] = []
        self.shape_of: list[tuple[int, ...]] = []
        self.in_eval = 0

    def __call__(self, model: nn.Module, x: Tensor) -> Tensor:
        self.shape_of.append(tuple(x.shape[1:]))
        x = x.flatten(1)
        self.seen.append(x[:, 0].detach().clone())
        self.in_eval += not model.training
        return (model(x[:, 1:]) - x[:, 1:]).square().sum(1).mean()

    def batches(self) -> list[Tensor]:
        return self.seen

    def shapes(self) -> list[tuple[int, ...]]:
        return self.shape_of

    def evaluated(self) -> int:
        return self.in_eval


class Reconstruction(nn.Module):
    """x -> the squared error of model(x), a batch mean: what trains a model without a loss."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return (self.model(x) - x).square().sum(1).mean()


class NoiseGuess(nn.Module):
    """predict(x_t (B, ...), t (B,)) -> (B, ...): a linear guess of the noise, other at each t.

    Raises:
        ValueError: where t is not one number for each sample, as when the two are exchanged.
    """

    def __init__(self) -> None:
        super().__init__()
        self.slope = nn.Parameter(torch.randn(()))
        self.by_time = nn.Parameter(torch.randn(()))

    def forward(self, x_t: Tensor, t: Tensor) -> Tensor:
        if t.shape != x_t.shape[:1]:
            raise ValueError("it is called as predict(x_t, t), x_t (B, ...) first, then t (B,)")
        t = t.to(x_t.dtype).reshape(-1, *[1] * (x_t.ndim - 1))
        return self.slope * x_t + self.by_time * torch.sin(1.0 + t)


def generator() -> torch.Generator:
    """A generator of its own, with the seed of the step that builds it."""
    return torch.Generator().manual_seed(torch.initial_seed())


FIXTURES: dict[str, Callable[..., object]] = {
    "linear": Linear,
    "rows_seen": RowsSeen,
    "reconstruction": Reconstruction,
    "noise_guess": NoiseGuess,
    "generator": generator,
}
