"""A dozen files that `read` refuses, made on the spot, and the sentence that each one gets."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from IPython.display import display

from .. import plotting
from .data import read

GOOD = np.random.default_rng(0).random((30, 6, 8), dtype=np.float32)  # refused for no reason


class Refusal(NamedTuple):
    """What was wrong with a source, and what `read` said."""

    fault: str
    sentence: str


def refusals() -> list[Refusal]:
    """Make a dozen bad sources in a temporary folder, and collect what is said about each."""
    found = []
    for fault, (make, options) in SOURCES.items():
        with tempfile.TemporaryDirectory() as folder:
            source = make(Path(folder))
            try:
                read(source, **options)
            except ValueError as error:
                found.append(Refusal(fault, str(error)))
    return found


def show_refusals() -> None:
    """Show them in a notebook, as a table."""
    found = refusals()
    head = "| your data | what `read` says |\n|---|---|\n"
    rows = "\n".join(f"| {r.fault} | {plotting.escape(r.sentence)} |" for r in found)
    plain = "\n".join(f"{r.fault}: {r.sentence}" for r in found)
    display({"text/markdown": head + rows, "text/plain": plain}, raw=True)


# ---------------------------------------------------------------------- the sources


def _changed(value: float) -> np.ndarray:
    array = GOOD.copy()
    array[7, 2, 3] = value
    return array


def _array(values: np.ndarray) -> Callable[[Path], Path]:
    """A maker of an .npy file with these values."""

    def make(folder: Path) -> Path:
        np.save(folder / "data.npy", values, allow_pickle=True)
        return folder / "data.npy"

    return make


def _two_arrays(folder: Path) -> Path:
    np.savez(folder / "data.npz", photos=GOOD, labels=np.arange(30))
    return folder / "data.npz"


def _cut_off(folder: Path) -> Path:
    path = _array(GOOD)(folder)
    path.write_bytes(path.read_bytes()[:-100])
    return path


def _empty(folder: Path) -> Path:
    (folder / "photos").mkdir()
    return folder / "photos"


def _photos(folder: Path) -> Path:
    from PIL import Image

    path = _empty(folder)
    for i, pixels in enumerate((255 * GOOD).astype(np.uint8)):
        Image.fromarray(pixels).save(path / f"photo{i:02}.png")
    return path


def _mixed(folder: Path) -> Path:
    from PIL import Image

    path = _photos(folder)
    Image.fromarray(np.arange(40, dtype=np.uint8).reshape(5, 8)).save(path / "small.png")
    return path


def _no_image(folder: Path) -> Path:
    path = _photos(folder)
    (path / "photo07.png").write_text("A note to myself.", encoding="utf-8")
    return path


_uniform = GOOD.copy()
_uniform[[5, 11]] = 0.5
SOURCES: dict[str, tuple[Callable[[Path], Path], dict[str, object]]] = {
    "a key that is not there": (_two_arrays, {"key": "images"}),
    "several arrays, and no key": (_two_arrays, {}),
    "one row of numbers": (_array(GOOD.ravel()), {}),
    "Python objects": (_array(np.array([{"photo": 1}] * 30, dtype=object)), {}),
    "a NaN": (_array(_changed(np.nan)), {}),
    "a value outside [0, 1]": (_array(_changed(250)), {}),
    "uniform images": (_array(_uniform), {}),
    "three samples": (_array(GOOD[:3]), {}),
    "a file that was cut off": (_cut_off, {}),
    "an empty folder": (_empty, {}),
    "images of several sizes": (_mixed, {}),
    "a text called .png": (_no_image, {}),
}
