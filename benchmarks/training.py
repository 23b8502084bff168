"""The fit loop against the textbook loop and against Pythae, on one thread.

    python benchmarks/training.py [--peer-venv FOLDER]

One variational autoencoder, 784-400-20, on binary 28 x 28 sprites: the same first weights, batches
of 128, Adam at 1e-3 and as many epochs for all. The textbook loop has the structure that PyTorch's
own VAE example made common: a data set that turns one stored picture at a time into a tensor,
DataLoader, sigmoid and then cross-entropy, default Adam, `.item()` at every step. It is also run
with the pictures converted beforehand, in a TensorDataset.

After every epoch the clock stands still and the negative ELBO of held-out pictures is taken, with
the same noise for all. "Time to the same loss" is the time until it falls to the highest of the
final ones, epochs interpolated. Times are processor seconds of the one thread, and an epoch counts
as its fastest repetition, so that other programs on the machine matter little. The limit is the
fastest float32 product of matrices of 1024 x 1024, measured in every round.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TQDM_DISABLE", "1")

import numpy as np
import torch
import torch.nn.functional as F
from _peers import arguments, peer_python, run_peer, table
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from course_utils.simulators.sprites import draw_factors, render
from course_utils.training import fit

D, H, K = 784, 400, 20
N, HELD_OUT, BATCH, EPOCHS, LR = 12_800, 2_000, 128, 5, 1e-3
ROUNDS = 3
AGREE = 0.03  # relative; the loops differ in the order of the data and in the noise
Curve = list[tuple[float, float]]  # (its seconds, held-out loss after it) of every epoch

# Products per picture and step: forward, the weights' gradients, and the gradients passed on,
# which the first layer need not do.
FORWARD = D * H + H * 2 * K + K * H + H * D
FLOP_PER_STEP = 2 * BATCH * (2 * FORWARD + FORWARD - D * H)

PYTHAE = """
import json, logging, sys, tempfile, time
import torch
import torch.nn.functional as F
from torch import nn
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from pythae.trainers.training_callbacks import TrainingCallback

torch.set_num_threads(1)
logging.disable(logging.CRITICAL)
data = json.load(sys.stdin)
D, H, K = data["sizes"]
shared = torch.load(data["file"])
start, eps, held_out = shared["start"], shared["eps"], shared["held_out"].float()


class Encoder(BaseEncoder):
    def __init__(self):
        super().__init__()
        self.latent_dim = K
        self.fc1, self.mu, self.log_var = nn.Linear(D, H), nn.Linear(H, K), nn.Linear(H, K)

    def forward(self, x):
        h = F.relu(self.fc1(x.reshape(-1, D)))
        return ModelOutput(embedding=self.mu(h), log_covariance=self.log_var(h))


class Decoder(BaseDecoder):
    def __init__(self):
        super().__init__()
        self.fc3, self.fc4 = nn.Linear(K, H), nn.Linear(H, D)

    def forward(self, z):
        x = torch.sigmoid(self.fc4(F.relu(self.fc3(z))))
        return ModelOutput(reconstruction=x.reshape(-1, 1, 28, 28))


config = VAEConfig(input_dim=(1, 28, 28), latent_dim=K, reconstruction_loss="bce")
model = VAE(config, encoder=Encoder(), decoder=Decoder())
for name in ("fc1", "mu", "log_var"):
    getattr(model.encoder, name).load_state_dict(start[name])
for name in ("fc3", "fc4"):
    getattr(model.decoder, name).load_state_dict(start[name])


@torch.no_grad()
def judge():
    code = model.encoder(held_out)
    mu, log_var = code.embedding, code.log_covariance
    x = model.decoder(mu + (0.5 * log_var).exp() * eps).reconstruction.reshape(-1, D)
    kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum()
    return (F.binary_cross_entropy(x, held_out, reduction="sum") + kl).item() / len(held_out)


class Clock(TrainingCallback):
    def __init__(self):
        self.curve = []

    def on_epoch_begin(self, training_config, **kwargs):
        self.began = time.process_time()

    def on_epoch_end(self, training_config, **kwargs):
        spent = time.process_time() - self.began
        self.curve.append((spent, judge()))


clock = Clock()
with tempfile.TemporaryDirectory() as folder:
    settings = BaseTrainerConfig(
        output_dir=folder, num_epochs=data["epochs"], learning_rate=data["lr"],
        per_device_train_batch_size=data["batch"], no_cuda=True, keep_best_on_train=True,
    )
    pictures = shared["pictures"].float().reshape(-1, 1, 28, 28)
    BaseTrainer(
        model=model,
        train_dataset=BaseDataset(pictures, torch.ones(len(pictures))),
        training_config=settings,
        callbacks=[clock],
    ).train()
print(json.dumps(clock.curve))
"""


class VAE(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.mu, self.log_var = nn.Linear(D, H), nn.Linear(H, K), nn.Linear(H, K)
        self.fc3, self.fc4 = nn.Linear(K, H), nn.Linear(H, D)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = F.relu(self.fc1(x))
        return self.mu(h), self.log_var(h)

    def decode(self, z: Tensor) -> Tensor:
        """Logits of the pixels."""
        return self.fc4(F.relu(self.fc3(z)))


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum()


def negative_elbo(model: VAE, x: Tensor, eps: Tensor | None = None) -> dict[str, Tensor]:
    mu, log_var = model.encode(x)
    eps = torch.randn_like(mu) if eps is None else eps
    logits = model.decode(mu + (0.5 * log_var).exp() * eps)
    bce = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    return {"reconstruction": bce / len(x), "kl": kl(mu, log_var) / len(x)}


class Stopwatch:
    """Seconds spent in training; while a model is judged it stands still."""

    def __init__(self, judge: Callable[[], float]) -> None:
        self.judge, self.curve = judge, []
        self.began = time.process_time()

    def epoch_ends(self) -> None:
        spent = time.process_time() - self.began
        self.curve.append((spent, self.judge()))
        self.began = time.process_time()


def ours(model: VAE, pictures: Tensor, judge: Callable[[], float]) -> Curve:
    """`fit` as a lecture calls it. The loss winds the clock when the next epoch begins."""
    watch, calls = Stopwatch(judge), 0

    def loss(model: VAE, x: Tensor) -> dict[str, Tensor]:
        nonlocal calls
        if calls and calls % (N // BATCH) == 0:
            watch.epoch_ends()
        calls += 1
        return negative_elbo(model, x)

    generator = torch.Generator().manual_seed(1)
    fit(model, loss, pictures, epochs=EPOCHS, batch=BATCH, lr=LR, generator=generator)
    watch.epoch_ends()
    return watch.curve


class Pictures(Dataset):
    """One picture at a time: bytes, a PIL image, a tensor (channel, row, column) in [0, 1].

    The steps that torchvision's MNIST and its ToTensor take.
    """

    def __init__(self, pictures: Tensor) -> None:
        self.data = (pictures * 255).to(torch.uint8).reshape(-1, 28, 28)
        self.targets = torch.zeros(len(pictures), dtype=torch.int64)

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> tuple[Tensor, int]:
        picture, target = self.data[i], int(self.targets[i])
        picture = Image.fromarray(picture.numpy())
        pixels = torch.from_numpy(np.array(picture, copy=True)).view(28, 28, 1)
        return pixels.permute(2, 0, 1).contiguous().to(torch.float32).div(255), target


def textbook(model: VAE, pictures: Tensor, judge: Callable[[], float], *, converted: bool) -> Curve:
    """The loop of many tutorials."""
    watch = Stopwatch(judge)
    zeros = torch.zeros(len(pictures))
    data = TensorDataset(pictures, zeros) if converted else Pictures(pictures)
    loader = DataLoader(data, batch_size=BATCH, shuffle=True)
    adam = torch.optim.Adam(model.parameters(), lr=LR)
    for _ in range(EPOCHS):
        model.train()
        total = 0.0
        for x, _label in loader:
            x = x.view(-1, D)
            adam.zero_grad()
            mu, log_var = model.encode(x)
            z = mu + torch.exp(0.5 * log_var) * torch.randn_like(log_var)
            x_hat = torch.sigmoid(model.decode(z))
            loss = F.binary_cross_entropy(x_hat, x, reduction="sum") + kl(mu, log_var)
            loss.backward()
            total += loss.item()
            adam.step()
        watch.epoch_ends()
    return watch.curve


def pythae(python: Path, file: Path) -> Curve:
    sizes = {"sizes": (D, H, K), "epochs": EPOCHS, "batch": BATCH, "lr": LR, "file": str(file)}
    return [tuple(point) for point in run_peer(python, PYTHAE, sizes)]


def epochs_to(target: float, losses: list[float]) -> float:
    """Epochs until the held-out loss falls to the target, on straight lines between them."""
    for epoch, (before, after) in enumerate(pairwise(losses), start=1):
        if after <= target:
            return epoch + (before - target) / (before - after)
    return len(losses)


def sprites(n: int, seed: int) -> Tensor:
    factors = draw_factors(n, generator=torch.Generator().manual_seed(seed))
    return (render(factors).flatten(1) > 0.5).float()


def matmul_limit() -> float:
    """Floating-point operations per second of a large float32 matrix product."""
    n = 1024
    a, b, out = torch.randn(n, n), torch.randn(n, n), torch.empty(n, n)
    times = []
    for _ in range(10):
        began = time.process_time()
        torch.mm(a, b, out=out)
        times.append(time.process_time() - began)
    return 2 * n**3 / min(times)


def main() -> None:
    options = arguments(__doc__)
    python = peer_python("pythae", ["torch==2.13.0", "pythae"], home=options.peer_venv)
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pictures, held_out = sprites(N, seed=1), sprites(HELD_OUT, seed=2)
    start, eps = VAE(), torch.randn(HELD_OUT, K)

    def run(train: Callable[..., Curve], **settings: bool) -> Curve:
        model = VAE()
        model.load_state_dict(start.state_dict())

        @torch.no_grad()
        def judge() -> float:
            return sum(negative_elbo(model, held_out, eps).values()).item()

        return train(model, pictures, judge, **settings)

    with tempfile.TemporaryDirectory() as folder:
        shared = {
            "start": {name: layer.state_dict() for name, layer in start.named_children()},
            "pictures": pictures.bool(),
            "held_out": held_out.bool(),
            "eps": eps,
        }
        torch.save(shared, file := Path(folder) / "shared.pt")
        runners = {
            "fit": lambda: run(ours),
            "textbook loop": lambda: run(textbook, converted=False),
            "textbook, TensorDataset": lambda: run(textbook, converted=True),
            "Pythae": lambda: pythae(python, file),
        }
        rounds = []  # all of them in every round, so that a busy moment meets everybody
        for _ in range(ROUNDS):
            limit = matmul_limit()
            rounds.append({name: runner() for name, runner in runners.items()} | {"limit": limit})

    rate, losses = {}, {}  # steps per second; mean over the rounds after every epoch
    for name in runners:
        curves = [curve[name] for curve in rounds]
        rate[name] = (N // BATCH) / min(spent for curve in curves for spent, _ in curve)
        losses[name] = [
            statistics.mean(loss for _, loss in epoch) for epoch in zip(*curves, strict=True)
        ]
    limit = max(curves["limit"] for curves in rounds)
    final = [loss[-1] for loss in losses.values()]
    target, spread = max(final), max(final) / min(final) - 1

    def seconds_to_target(name: str) -> float:
        return epochs_to(target, losses[name]) * (N // BATCH) / rate[name]

    rows = [
        [
            name,
            rate[name],
            f"{rate[name] * FLOP_PER_STEP / limit:.0%}",
            losses[name][-1],
            rate["fit"] / rate[name],
            seconds_to_target(name) / seconds_to_target("fit"),
        ]
        for name in runners
    ]
    header = ["loop", "steps/s", "of limit", "final loss", "time / fit", "time to same loss / fit"]
    print(table(rows, header))
    print(
        f"\nThe same loss: {target:.1f} nats per picture, held out; final losses, means of "
        f"{ROUNDS} rounds, within {spread:.1%}.\n"
        f"Matrix products of 1024 x 1024: {limit / 1e9:.0f} GFLOP/s."
    )
    if spread > AGREE:
        raise SystemExit("The final losses differ by more: this was not the same training.")


if __name__ == "__main__":
    main()
