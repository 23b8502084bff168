"""Data sets of the sort that students have: read, split and scaled as they should be.

A dozen go through the whole of lecture 11 with few steps; the others up to the split. Averages are
compared within four standard errors.
"""

import io
import json
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from draws import seeded
from PIL import Image
from torch import Tensor

from course_utils import datasets, own_data
from course_utils.estimates import mean_and_error
from course_utils.own_data import fitting

ROOT = Path(__file__).parents[1]
N = 200
PROBABILITIES = torch.tensor([0.95, 0.9, 0.97, 0.9, 0.95, 0.02, 0.9, 0.05, 0.95, 0.9])


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def pictures(n: int = N, side: int = 8) -> np.ndarray:
    """Bytes (n, side, side): a bright spot that wanders, on a dark and grainy ground."""
    place = np.arange(side)
    row, column = rng(1).uniform(1, side - 2, (2, n, 1))
    spot = np.exp(-((place - row) ** 2))[:, :, None] * np.exp(-((place - column) ** 2))[:, None, :]
    return (30 + 200 * spot + rng(2).normal(0, 6, (n, side, side))).clip(0, 255).astype(np.uint8)


def colours(n: int = N) -> np.ndarray:
    tint = rng(3).uniform(0.3, 1, (n, 1, 1, 3))
    return (pictures(n)[..., None] * tint).astype(np.uint8)


def yes_no(n: int = 5000) -> np.ndarray:
    return (rng(4).random((n, 10)) < PROBABILITIES.numpy()).astype(np.uint8)


def mixed_series() -> np.ndarray:
    """(N, T, C): 290 K, 0.01 g and 70 beats a minute."""
    noise = rng(5).normal(size=(N, 24, 3))
    return (noise * [2.0, 0.01, 8.0] + [290.0, 0.0, 70.0]).astype(np.float32)


def mixed_table() -> np.ndarray:
    """Height in cm, a share, and an income."""
    return rng(6).normal(size=(N, 3)) * [9.0, 0.05, 8000.0] + [172.0, 0.3, 41000.0]


def folder(path: Path, images: np.ndarray, ending: str = ".png", **options: Any) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    for i, pixels in enumerate(images):
        Image.fromarray(pixels).save(path / f"{i:04}{ending}", **options)
    return path


def stack(path: Path, images: np.ndarray) -> Path:
    first, *others = [Image.fromarray(pixels) for pixels in images]
    first.save(path, save_all=True, append_images=others)
    return path


def stacks(path: Path) -> Path:
    """Six TIFF files of nine pages each."""
    path.mkdir()
    for i in range(6):
        stack(path / f"{i}.tif", pictures(60)[9 * i : 9 * i + 9])
    return path


def two_kinds(path: Path, some: np.ndarray, ending: str, others: np.ndarray) -> Path:
    folder(path, some, ending)
    return folder(path, others, ".bmp")


def npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)
    return path


def npy(path: Path, array: np.ndarray) -> Path:
    np.save(path, array)
    return path


def classes(path: Path, parts: tuple[str, ...] = ("",)) -> Path:
    for i, part in enumerate(parts):
        for j, name in enumerate(("cat", "dog", "owl")):
            folder(path / part / name, pictures(90)[30 * j + 10 * i : 30 * j + 10 * i + 10])
    return path


def medmnist(path: Path) -> Path:
    """Names and shapes as those data sets have them."""
    x, y = colours(160), rng().integers(0, 4, (160, 1))
    parts = {"train": slice(100), "val": slice(100, 130), "test": slice(130, 160)}
    images = {f"{part}_images": x[rows] for part, rows in parts.items()}
    return npz(path, **images, **{f"{part}_labels": y[rows] for part, rows in parts.items()})


Make = Callable[[Path], tuple[Any, dict[str, Any], dict[str, Any]]]
Expected = dict[str, Any]


def case(
    source: Callable[[Path], Any], expected: Expected, **options: Any
) -> tuple[Make, Expected]:
    choices = {k: options.pop(k) for k in ("repeats", "channels") if k in options}
    return (lambda p: (source(p), options, choices)), expected


# name: (source and options, what `prepare` finds)
IMAGE, TABLE = {"is_image": True}, {"is_image": False}
SETS: dict[str, tuple[Make, Expected]] = {
    "yes and no": case(lambda p: yes_no(), {"kind": "binary", "sizes": (4000, 500, 500)}),
    "yes and no, apart": case(lambda p: yes_no(), {"kind": "binary"}, repeats="apart"),
    "three yes or no": case(lambda p: yes_no(400)[:, 1:4], {"kind": "binary"}),
    "truth values": case(lambda p: yes_no(400).astype(bool), {"kind": "binary"}),
    "counts": case(
        lambda p: rng().poisson(3, (N, 5)), TABLE | {"kind": "stepped", "step": 1}, as_is=True
    ),
    "bytes": case(lambda p: npy(p / "a.npy", pictures()), IMAGE | {"step": 1 / 255}),
    "bytes in [0, 1]": case(lambda p: pictures() / 255, IMAGE | {"step": 1 / 255}),
    "bytes in [-1, 1]": case(
        lambda p: pictures() / 127.5 - 1, IMAGE | {"step": 1 / 127.5}, as_is=True
    ),
    "bytes times 16": case(lambda p: pictures() * 16.0, IMAGE | {"step": 16}, as_is=True),
    "bytes as integers": case(
        lambda p: pictures().astype(int), IMAGE | {"step": 1, "kind": "stepped"}, as_is=True
    ),
    "a tensor": case(lambda p: torch.from_numpy(pictures()), IMAGE | {"step": 1 / 255}),
    "an open file": case(lambda p: io.BytesIO(npy(p / "a.npy", pictures()).read_bytes()), IMAGE),
    "sixteen bits": case(
        lambda p: (pictures().astype(np.uint16) * 257) + 1, IMAGE | {"step": 257 / 65535}
    ),
    "black and white": case(
        lambda p: (pictures() > 90).astype(np.uint8) * 255, IMAGE | {"kind": "binary"}
    ),
    "two greys": case(lambda p: (pictures() > 90) * 0.5, IMAGE | {"kind": "binary", "step": 0.5}),
    "colour to grey": case(lambda p: colours(), IMAGE | {"shape": (8, 8), "noted": "to grey"}),
    "colour": case(lambda p: colours(), IMAGE | {"shape": (3, 8, 8)}, colour=True),
    "colour first": case(
        lambda p: np.moveaxis(colours(), 3, 1), IMAGE | {"shape": (3, 8, 8)}, colour=True
    ),
    "photographs": case(
        lambda p: folder(p / "f", colours()), IMAGE | {"shape": (3, 8, 8)}, colour=True
    ),
    "jfif": case(lambda p: folder(p / "f", pictures(40), ".jfif"), IMAGE),
    "jp2 and bmp": case(
        lambda p: two_kinds(p / "f", pictures(20), ".jp2", pictures(40)[20:]), {"n": 40}
    ),
    "masks of 0 and 1": case(
        lambda p: folder(p / "f", (pictures(80) > 90).astype(np.uint8)), {"kind": "binary"}
    ),
    "a TIFF of many pages": case(lambda p: stack(p / "a.tif", pictures(50)), {"n": 50}),
    "an animated GIF": case(lambda p: stack(p / "a.gif", pictures(50)), {"n": 50}),
    "TIFFs of several pages": case(
        lambda p: stacks(p / "f"),
        {"n": 54, "noted": "6 files hold 54 pages", "groups": True},
        groups="file",
    ),
    "classes": case(
        lambda p: classes(p / "f"), {"n": 30, "classes": ("cat", "dog", "owl"), "noted": "labels"}
    ),
    "a split of folders": case(
        lambda p: classes(p / "f", ("train", "test", "val")),
        {"sizes": (30, 30, 30), "classes": ("cat", "dog", "owl"), "noted": "split is that"},
    ),
    "a folder with notes": case(
        lambda p: ((folder(p / "f", pictures(40)) / "notes.txt").write_text("."), p / "f")[1],
        {"n": 40, "noted": r"1 other entry (notes.txt) was passed over"},
    ),
    "of several sizes": case(
        lambda p: two_kinds(p / "f", pictures(20), ".png", pictures(40, 12)[20:]),
        {"shape": (6, 6)},
        size=(6, 6),
    ),
    "an array scaled": case(lambda p: pictures(40, 12), {"shape": (6, 6)}, size=6),
    "a split of arrays": case(
        lambda p: medmnist(p / "a.npz"), {"sizes": (100, 30, 30), "noted": "file's own"}
    ),
    "one array of a split": case(lambda p: medmnist(p / "a.npz"), {"n": 100}, key="train_images"),
    "a split without validation": case(
        lambda p: npz(
            p / "a.npz",
            x_train=pictures()[:150],
            y_train=np.arange(150) % 3,
            x_test=pictures()[150:],
            y_test=np.arange(50) % 3,
        ),
        {"sizes": (135, 15, 50), "classes": ("0", "1", "2"), "noted": "the file has none"},
    ),
    "patients": case(
        lambda p: npz(p / "a.npz", photos=pictures(), patient=np.arange(N) // 8),
        {"groups": True, "noted": "25 groups stay whole"},
        key="photos",
        groups="patient",
    ),
    "runs by name": case(
        lambda p: pictures(), {"groups": True}, groups=[f"run {i // 20}" for i in range(N)]
    ),
    "some of many": case(
        lambda p: npy(p / "a.npy", pictures(500)), {"n": 100, "noted": "100 of 500"}, sample=100
    ),
    "copies of photographs": case(
        lambda p: np.concatenate([pictures(), pictures()[:50]]), {"repeats": 50, "noted": "parts"}
    ),
    "a series of three units": case(
        lambda p: mixed_series(), TABLE | {"shape": (24, 3), "mixed": True}, as_is=True
    ),
    "the same, channels first": case(
        lambda p: mixed_series().swapaxes(1, 2), {"shape": (3, 24), "mixed": True}, as_is=True
    ),
    "a series that is no picture": case(
        lambda p: rng().normal(size=(N, 24, 3)),
        TABLE | {"shape": (24, 3)},
        as_is=True,
        channels="last",
    ),
    "a table of three units": case(lambda p: mixed_table(), {"mixed": True}, as_is=True),
    "rounded columns": case(
        lambda p: np.round(mixed_table(), 2)[:, :2].astype(np.float32),
        {"kind": "stepped", "step": 0.01},
        as_is=True,
    ),
    "spectra": case(lambda p: rng().gamma(2, size=(N, 64)), {"kind": "real"}, as_is=True),
    "volumes": case(lambda p: rng().random((N, 4, 4, 4, 2)), {"shape": (128,)}, as_is=True),
}
WHOLE = (  # through the whole lecture
    "yes and no", "counts", "bytes", "bytes in [-1, 1]", "colour", "photographs",
    "masks of 0 and 1", "classes", "a split of arrays", "patients", "a series of three units",
    "a table of three units",
)  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_each_is_read_and_split(name: str, tmp_path: Path) -> None:
    make, expected = SETS[name]
    source, options, choices = make(tmp_path)
    loaded = own_data.read(source, **options)
    data = own_data.prepare(loaded, **choices)
    sizes = tuple(len(part) for part in (data.train, data.validation, data.test))
    for attribute in ("kind", "is_image", "shape", "mixed", "classes", "repeats"):
        if attribute in expected:
            assert getattr(data, attribute) == expected[attribute], attribute
    if "step" in expected:
        assert data.step == pytest.approx(expected["step"], rel=1e-5)
    if "n" in expected:
        assert sum(sizes) == expected["n"]
    if "sizes" in expected:
        assert sizes == expected["sizes"]
    said = " ".join(data.notes)
    assert expected.get("noted", "") in said, said
    if "groups" in expected:
        assert loaded.groups is not None and "stay whole" in said
    # The model sees numbers of order 1, and what goes there comes back.
    y = data.to_model(data.train, seeded())
    if data.kind != "binary":
        changing = (data.train != data.train[:1]).any(dim=0)
        if data.is_image and len(data.shape) == 2:
            assert float(y.std()) == pytest.approx(1, abs=0.2)
        else:
            assert bool((y.std(dim=0)[changing] < 5).all())
        back = (data.to_data(y) - data.train).abs() / data.unit
        assert float(back.max()) <= 0.501 if data.kind == "stepped" else 1e-3
    if not data.notes or "stay, being" not in said:
        for first, second in (("train", "test"), ("train", "validation"), ("validation", "test")):
            assert datasets.overlap(getattr(data, first), getattr(data, second)) == 0


def test_about_forty_sets() -> None:
    assert len(SETS) >= 40 and len(WHOLE) >= 12


def test_no_group_straddles_two_parts() -> None:
    groups = torch.arange(N) // 7
    x = torch.arange(N, dtype=torch.float32)[:, None].repeat(1, 2) + torch.rand(
        N, 2, generator=seeded()
    )
    data = own_data.prepare(x, groups=groups)
    where = [
        set((part[:, 0].floor() // 7).tolist()) for part in (data.train, data.validation, data.test)
    ]
    assert not (where[0] & where[1] or where[0] & where[2] or where[1] & where[2])
    assert len(data.test) in range(14, 21) and len(data.validation) in range(14, 21)


def run_lecture(
    source: Any, options: dict, choices: dict, where: Path, monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    """Every code cell of lecture 11 but the first, which holds nothing but these three."""
    monkeypatch.setattr(fitting, "MOST_STEPS", 30)
    monkeypatch.setattr(fitting, "FEWEST_STEPS", 30)
    monkeypatch.chdir(where)
    (path,) = (ROOT / "solutions").glob("11_*.ipynb")
    cells = [c for c in json.loads(path.read_text("utf-8"))["cells"] if c["cell_type"] == "code"]
    assert cells[0]["id"] == "own-source" and "".join(cells[0]["source"]).startswith(
        "source = None"
    )
    names: dict[str, Any] = {"source": source, "options": options, "choices": choices}
    for cell in cells[1:]:
        if cell["id"] != "own-refusals":
            exec(compile("".join(cell["source"]), cell["id"], "exec"), names)
    return names


@pytest.mark.parametrize("name", WHOLE)
def test_the_lecture_runs_on_it(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    make, _ = SETS[name]
    names = run_lecture(*make(tmp_path), tmp_path, monkeypatch)
    data, scores, curve = names["data"], names["scores"], names["curve"]
    shown = capsys.readouterr().out
    assert data.measure in shown and "molecules" not in shown.lower()
    assert "addresses that a browser would have to fetch: 0" in shown
    report = (tmp_path / "own_data_report.html").read_text("utf-8")
    assert report.count("data:image/png") == 4
    assert not re.search(r"\bnan\b", re.sub(r'src="[^"]*"', "", report))
    # The right statistics: of the data themselves, as they were given.
    held_out = data.statistic(data.as_samples(data.test))
    assert names["measured"]["held-out data"] == mean_and_error(held_out)
    assert all(math.isfinite(v) for pair in names["measured"].values() for v in pair)
    # Nobody who is told nothing errs by less than the deviation.
    silent = curve.rate < 0.005
    assert bool((curve.rms[silent] > 0.999).all())
    assert math.isfinite(scores.negative_elbo[0])


# ---------------------------------------------------------------------- what must hold


def entropy_in_bits(p: Tensor) -> float:
    return float(-(p * p.log2() + (1 - p) * (1 - p).log2()).sum())


def test_yes_and_no_keep_their_means_and_reach_their_entropy() -> None:
    """5,000 rows, of which a few hundred differ: to delete repeats moved the means to .71."""
    data = own_data.prepare(torch.from_numpy(yes_no()).float())
    assert data.repeats > 4500
    fitted = own_data.fit_vae(data, steps=600, generator=seeded())
    scores = own_data.score(fitted, generator=seeded())
    truth = entropy_in_bits(PROBABILITIES.double()) / 10
    bits, error = scores.bits_per_dim
    # The bound of a model is above the entropy, by what it has not learned.
    assert truth - 4 * error < bits < truth + 4 * error + 0.01
    coins, error = mean_and_error(scores.simple["a coin per number"] / (10 * math.log(2)))
    assert abs(coins - truth) < 4 * error
    draws = data.to_data(fitted.model.sample(4000, seeded(1)))
    for part in (data.train, data.test, draws):
        error = (PROBABILITIES * (1 - PROBABILITIES) / len(part)).sqrt()
        slack = 0.02 if part is draws else 0.0  # few steps
        assert bool(((part.mean(dim=0) - PROBABILITIES).abs() < 4 * error + slack).all())


def doors(where: Path) -> dict[str, tuple[Any, dict[str, Any]]]:
    grey, as_is = pictures(), {"as_is": True}
    return {
        "bytes": (grey, {}),
        "numbers in [0, 1]": (grey / 255, {}),
        "numbers in [-1, 1]": (grey / 127.5 - 1, as_is),
        "bytes times 16": (grey.astype(np.float32) * 16, as_is),
        "whole numbers": (grey.astype(np.int64), as_is),
        "files": (folder(where / "png", grey), {}),
        "pages": (stack(where / "a.tif", grey), {}),
        "an array in a file": (npz(where / "a.npz", x=grey), {}),
    }


def bits(source: Any, options: dict[str, Any]) -> Tensor:
    fitted = own_data.fit_vae(
        own_data.prepare(own_data.read(source, **options)), steps=40, generator=seeded()
    )
    return own_data.score(fitted, generator=seeded()).per_sample


def test_the_same_pictures_cost_the_same_through_every_door(tmp_path: Path) -> None:
    """The step accounted for, not only about the same: the model sees the very same numbers."""
    costs = {name: bits(*door) for name, door in doors(tmp_path).items()}
    for name, cost in costs.items():
        assert torch.equal(cost, costs["bytes"]), name


@pytest.mark.parametrize("colour", (True, False))
def test_so_do_colour_pictures(colour: bool, tmp_path: Path) -> None:
    options = {"colour": colour}
    as_array = bits(colours(), options)
    assert torch.equal(bits(folder(tmp_path / "f", colours()), options), as_array)
    assert torch.equal(bits(np.moveaxis(colours(), 3, 1), options), as_array)


def test_channels_are_scaled_each_by_its_own() -> None:
    data = own_data.prepare(torch.from_numpy(mixed_series()))
    y = data.as_samples(data.to_model(data.train, seeded()))  # (N, 24, 3)
    torch.testing.assert_close(y.std(dim=(0, 1)), torch.ones(3), rtol=1e-3, atol=0)
    # Without it the third channel would be all that the errors see.
    whole = own_data.prepare(torch.from_numpy(mixed_series()), channels="none")
    y = whole.as_samples(whole.to_model(whole.train, seeded()))
    assert float(y[..., 1].std()) < 1e-3
