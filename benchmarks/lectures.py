"""How long each lecture runs, in reference loops, against the 110 that it may take.

    python benchmarks/lectures.py [--folder solutions | notebooks] [NN ...]

A reference loop is a fixed piece of training on one thread: 300 steps of a small variational
autoencoder, 196-128-8, on batches of 128. It is timed before and after each lecture, so that a
machine whose speed swings gives the same count. A lecture runs from top to bottom in a kernel of
its own, whose start is counted too. A student's untouched notebook is run the same way.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
import torch
from _peers import table
from nbclient import NotebookClient
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

ROOT = Path(__file__).parents[1]
ALLOWED, ALL_TOGETHER = 110, 600  # reference loops
STEPS, REPEATS = 300, 3


def reference_loop() -> float:
    """Seconds of one, the median of three."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(196, 128), nn.ReLU(), nn.Linear(128, 16))
    decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 196))
    adam = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    data = (torch.rand(2000, 196) > 0.5).float()

    def steps(count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            x = data[torch.randint(2000, (128,))]
            mu, log_var = encoder(x).chunk(2, 1)
            logits = decoder(mu + (log_var / 2).exp() * torch.randn(128, 8))
            distortion = binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)
            kl = 0.5 * (mu.square() + log_var.exp() - 1 - log_var).sum(1)
            adam.zero_grad()
            (distortion + kl).mean().backward()
            adam.step()
        return time.perf_counter() - start

    steps(20)
    return statistics.median(steps(STEPS) for _ in range(REPEATS))


def seconds_for(path: Path, folder: Path) -> float:
    """Wall time of a run from top to bottom, with the start of its kernel."""
    notebook = nbformat.read(path, 4)
    start = time.perf_counter()
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}).execute()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lectures", nargs="*", metavar="NN", help="all by default")
    parser.add_argument("--folder", default="solutions", choices=("solutions", "notebooks"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows, total, in_seconds = [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as scratch:
        loop = reference_loop()
        for path in sorted((ROOT / options.folder).glob("*.ipynb")):
            if options.lectures and path.name[:2] not in options.lectures:
                continue
            seconds = seconds_for(path, Path(scratch))
            before, loop = loop, reference_loop()
            loops = seconds / statistics.mean((before, loop))
            total, in_seconds = total + loops, in_seconds + seconds
            rows.append((path.stem, f"{seconds:.0f}", f"{loops:.0f}", f"{loops / ALLOWED:.2f}"))
            print(*rows[-1], flush=True)
    rows.append(("all", f"{in_seconds:.0f}", f"{total:.0f}", f"{total / ALL_TOGETHER:.2f}"))
    print(table(rows, ("lecture", "seconds", "loops", "share of what is allowed")))


if __name__ == "__main__":
    main()
