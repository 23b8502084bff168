"""The coder against constriction's, and images per second of whole files.

    python benchmarks/compression.py [--peer-venv FOLDER]

Both coders push the same binary pixels with the same probabilities, one for each pixel, and pop
them again on one thread; both must find every pixel, and their lengths are compared with the
pixels' exact cost in the same run. constriction is compiled (Rust), ours is numpy: wide lanes
show what numpy can do, 16 lanes what a small file pays.
"""

import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from _peers import arguments, peer_python, run_peer, seconds, table
from torch import Tensor

from course_utils import datasets, vae
from course_utils.compression import (
    PRECISION,
    Lanes,
    Table,
    code_length,
    latent_model,
    quantise,
    read_file,
    write_file,
)

IMAGES = 2000
LIMIT = 1e-3  # of the exact cost
LANES = (16, 4096)

CONSTRICTION = """
import json, sys, time
import numpy as np
import constriction

data = json.load(sys.stdin)
x = np.load(data["x"]).astype(np.int32)
p = np.load(data["p"])
family = constriction.stream.model.Bernoulli()
best = [np.inf, np.inf]
for _ in range(5):
    coder = constriction.stream.stack.AnsCoder()
    start = time.perf_counter()
    coder.encode_reverse(x, family, p)
    middle = time.perf_counter()
    bits = coder.num_bits()
    found = coder.decode(family, p)
    end = time.perf_counter()
    best = [min(best[0], middle - start), min(best[1], end - middle)]
print(json.dumps({"push": best[0], "pop": best[1], "bits": bits,
                  "same": bool((found == x).all())}))
"""


def ours(x: Tensor, code: Table, lanes: int) -> dict[str, float]:
    """Seconds to push and to pop, bits added, and whether every pixel came back."""
    symbols, start = x.numpy().astype(np.uint64), Lanes.fresh(lanes, seed=0)
    pushed = Lanes(start.heads.copy())
    pushed.push(code, symbols)
    copies = [Lanes(pushed.heads.copy(), list(pushed.words)) for _ in range(5)]
    found = Lanes(pushed.heads.copy(), list(pushed.words)).pop(code, len(symbols))
    return {
        "push": seconds(lambda: Lanes(start.heads.copy()).push(code, symbols), repeat=3),
        "pop": seconds(lambda: copies.pop().pop(code, len(symbols)), repeat=3),
        "bits": pushed.bits() - start.bits(),
        "same": bool(np.array_equal(found, symbols)),
    }


def coders(images: Tensor, folder: Path) -> list[list[object]]:
    """One row per coder: million pixels per second, and bits above the exact cost."""
    p = images.mean(0).clamp(1e-3, 1 - 1e-3).double().repeat(len(images))
    x = images.ravel().long()
    intervals = quantise(torch.stack([1 - p, p], -1), PRECISION)
    exact = float(code_length(x, intervals, PRECISION).sum())
    np.save(folder / "x.npy", x.numpy())
    np.save(folder / "p.npy", p.numpy())
    python = peer_python("constriction", ["constriction", "numpy"])
    paths = {"x": str(folder / "x.npy"), "p": str(folder / "p.npy")}
    answers = {"constriction": run_peer(python, CONSTRICTION, paths)}
    for lanes in LANES:
        answers[f"ours, {lanes} lanes"] = ours(x, Table(intervals.numpy()), lanes)
    rows = []
    for name, answer in answers.items():
        above = answer["bits"] / exact - 1
        if not answer["same"] or abs(above) > LIMIT:
            raise SystemExit(f"{name}: pixels lost, or {above:.1e} longer than it must be.")
        speeds = [len(x) / answer[what] / 1e6 for what in ("push", "pop")]
        ratios = [answers["constriction"][what] / answer[what] for what in ("push", "pop")]
        rows.append([name, *speeds, *ratios, f"{above:.0e}"])
    return rows


def whole_files(images: Tensor, path: Path) -> list[list[object]]:
    """Images per second written and read, with networks of the size that lecture 06 trains."""
    rows = []
    generator = torch.Generator().manual_seed(0)
    builders = {
        "MLP": lambda: vae.mlp_vae(images.shape[1], 8, generator=generator),
        "convolutional": lambda: vae.conv_vae(14, 8, generator=generator),
    }
    for name, build in builders.items():
        model = latent_model(build(), 2)
        start = time.perf_counter()
        write_file(path, images, model, generator=generator)
        middle = time.perf_counter()
        if not torch.equal(read_file(path, model), images):
            raise SystemExit(f"{name}: the images did not come back.")
        end = time.perf_counter()
        rows.append([name, len(images) / (middle - start), len(images) / (end - middle)])
    return rows


def main() -> None:
    arguments(__doc__)
    torch.set_num_threads(1)
    images = datasets.ledger_sprites((1, 1, IMAGES)).test
    with tempfile.TemporaryDirectory() as folder:
        rows = coders(images, Path(folder))
        files = whole_files(images, Path(folder) / "images.bb")
    header = ["coder", "M pixels/s push", "pop", "ratio push", "pop", "above exact"]
    print(table(rows, header))
    print(f"\n{table(files, ['file, 14 x 14 sprites', 'images/s written', 'read'])}")


if __name__ == "__main__":
    main()
