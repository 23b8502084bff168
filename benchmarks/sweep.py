"""A rate-distortion curve at once: K stacked models against K runs in turn.

    python benchmarks/sweep.py

Twelve values of beta, one small variational autoencoder each: handwritten digits (64-64-4, counts
of ink divided by 16) and binary sprites of 14 x 14 pixels (196-128-8). All runners start from the
same weights and take the same number of steps with batches of 128 and Adam at 2e-3.

- stacked: `stack` makes one module of the twelve, `fit` trains it;
- in turn: the same `fit`, one model after the other;
- textbook: one after the other by the loop that tutorials have, with a data set that hands out one
  picture at a time, DataLoader, sigmoid and then cross-entropy, default Adam, `.item()` at every
  step; and the same with the data in one TensorDataset.

Afterwards every model is judged on held-out data with the same noise for all: the mean over betas
of D + beta R, in nats, must agree: to rounding for the stack and the runs in turn, which see the
same batches and the same noise, and within seed noise for the textbook loop. Times are processor
seconds of one thread, the fastest of the rounds.
"""

import copy
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import torch
import torch.nn.functional as F
from _peers import table
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from course_utils import datasets, vae
from course_utils.training import fit, stack, unstack

BETAS = torch.logspace(-1.5, 1, 12)
BATCH, LR = 128, 2e-3
ROUNDS, JUDGE_DRAWS = 2, 20
# Relative, of the mean of D + beta R: rounding grows in hundreds of steps of Adam in float32.
SAME, AGREE = 0.002, 0.03
Models = list[vae.VAE]


@dataclass(frozen=True)
class Problem:
    name: str
    train: Tensor  # (N, D), in [0, 1]
    held_out: Tensor
    hidden: int
    latents: int
    epochs: int

    def models(self) -> Models:
        """Twelve equal starts."""
        return [
            vae.mlp_vae(
                self.train.shape[1],
                self.latents,
                hidden=(self.hidden,),
                generator=torch.Generator().manual_seed(0),
            )
            for _ in BETAS
        ]

    @property
    def steps(self) -> int:
        return self.epochs * -(-len(self.train) // BATCH)


def problems() -> list[Problem]:
    digits = datasets.digits()
    x, held_out = (part.flatten(1) / 16 for part in (digits.train, digits.test))
    sprites = datasets.ledger_sprites(sizes=(6_400, 100, 1_000))
    return [
        Problem("digits 8 x 8, 64-64-4", x, held_out, 64, 4, epochs=20),
        Problem("sprites 14 x 14, 196-128-8", sprites.train, sprites.test, 128, 8, epochs=8),
    ]


# ---------------------------------------------------------------------- the runners


def stacked(models: Models, problem: Problem) -> Models:
    together = stack(models)
    generator = torch.Generator().manual_seed(1)
    fit(
        together,
        vae.loss(generator),
        problem.train,
        steps=problem.steps,
        batch=BATCH,
        lr=LR,
        weights={"rate": BETAS},
        generator=generator,
    )
    return unstack(together)


def in_turn(models: Models, problem: Problem) -> Models:
    for model, beta in zip(models, BETAS, strict=True):
        generator = torch.Generator().manual_seed(1)
        fit(
            model,
            vae.loss(generator),
            problem.train,
            steps=problem.steps,
            batch=BATCH,
            lr=LR,
            weights={"rate": float(beta)},
            generator=generator,
        )
    return models


class Pictures(Dataset):
    """One picture at a time, and its label."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        return self.pictures[i], 0


class TextbookVAE(nn.Module):
    """The same network written as tutorials do: plain layers, the two heads apart."""

    def __init__(self, model: vae.VAE) -> None:
        super().__init__()
        hidden, heads = (layer for layer in model.encoder.network if isinstance(layer, nn.Linear))
        self.fc1, self.latents = hidden, heads.out_features // 2
        self.mu = nn.Linear(heads.in_features, self.latents)
        self.log_var = nn.Linear(heads.in_features, self.latents)
        self.fc3, self.fc4 = (
            layer for layer in model.decoder.network if isinstance(layer, nn.Linear)
        )
        with torch.no_grad():
            for part, head in enumerate((self.mu, self.log_var)):
                rows = slice(part * self.latents, (part + 1) * self.latents)
                head.weight.copy_(heads.weight[rows])
                head.bias.copy_(heads.bias[rows])
        self.heads = [heads]  # in a list: not a part of this model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        h = F.silu(self.fc1(x))
        mu, log_var = self.mu(h), self.log_var(h)
        z = mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)
        return torch.sigmoid(self.fc4(F.silu(self.fc3(z)))), mu, log_var

    @torch.no_grad()
    def write_back(self) -> None:
        """The two heads into the model's one; the other layers are the model's own."""
        self.heads[0].weight.copy_(torch.cat([self.mu.weight, self.log_var.weight]))
        self.heads[0].bias.copy_(torch.cat([self.mu.bias, self.log_var.bias]))


def textbook(models: Models, problem: Problem, *, converted: bool) -> Models:
    zeros = torch.zeros(len(problem.train))
    data = TensorDataset(problem.train, zeros) if converted else Pictures(problem.train)
    for model, beta in zip(models, BETAS.tolist(), strict=True):
        torch.manual_seed(1)
        net = TextbookVAE(model)
        loader = DataLoader(data, batch_size=BATCH, shuffle=True)
        adam = torch.optim.Adam(net.parameters(), lr=LR)
        for _ in range(problem.epochs):
            total = 0.0
            for x, _label in loader:
                adam.zero_grad()
                x_hat, mu, log_var = net(x)
                bce = F.binary_cross_entropy(x_hat, x, reduction="sum")
                kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
                loss = (bce + beta * kl) / len(x)
                loss.backward()
                total += loss.item()
                adam.step()
        net.write_back()
    return models


# ---------------------------------------------------------------------- the comparison


@torch.no_grad()
def quality(models: Models, problem: Problem) -> float:
    """Mean over betas of D + beta R on held-out data, nats; the same noise for all runners."""
    generator = torch.Generator().manual_seed(7)
    together, sums = stack(models), torch.zeros(len(BETAS))
    for _ in range(JUDGE_DRAWS):
        terms = together.terms(problem.held_out, generator=generator)
        sums += terms["distortion"] + BETAS * terms["rate"]
    return float(sums.mean() / JUDGE_DRAWS)


RUNNERS: dict[str, Callable[[Models, Problem], Models]] = {
    "stacked": stacked,
    "in turn": in_turn,
    "textbook": lambda models, problem: textbook(models, problem, converted=False),
    "textbook, TensorDataset": lambda models, problem: textbook(models, problem, converted=True),
}


def main() -> None:
    torch.set_num_threads(1)
    stacked(problems()[0].models(), problems()[0])  # the first fit also loads what it needs
    same = spread = 0.0
    for problem in problems():
        seconds: dict[str, float] = {}
        curve: dict[str, float] = {}
        for _ in range(ROUNDS):  # all in every round, so that a busy moment meets everybody
            for name, runner in RUNNERS.items():
                models = copy.deepcopy(problem.models())
                began = time.process_time()
                models = runner(models, problem)
                spent = time.process_time() - began
                seconds[name] = min(spent, seconds.get(name, spent))
                curve[name] = quality(models, problem)
        rows = [
            [name, f"{seconds[name]:.2f}", f"{curve[name]:.2f}", seconds[name] / seconds["stacked"]]
            for name in RUNNERS
        ]
        print(f"{problem.name}, {len(BETAS)} betas, {problem.steps} steps")
        print(table(rows, ["runner", "seconds", "mean of D + beta R", "time / stacked"]), "\n")
        same = max(same, abs(curve["stacked"] / curve["in turn"] - 1))
        spread = max(spread, max(curve.values()) / min(curve.values()) - 1)
    print(
        f"Mean of D + beta R: stacked and in turn differ by {same:.1e} (asked: {SAME}), all four "
        f"by {spread:.1%} (asked: {AGREE:.0%})."
    )
    if same > SAME or spread > AGREE:
        raise SystemExit("The curves differ by more: this was not the same training.")


if __name__ == "__main__":
    main()
