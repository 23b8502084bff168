"""Handwritten digits: a small set that scikit-learn brings along, and MNIST as a download."""

import contextlib
import gzip
import hashlib
import http.client
import math
import os
import sys
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from .parts import Parts, Sizes, Splits, require_sizes, share


def digits(
    sizes: Sizes = (1_297, 200, 300), *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Splits:
    """Handwritten digits as counts of ink, 8 x 8 pixels of 0 to 16, from scikit-learn.

    1797 scanned digits by 13 people; each pixel counts the ink in a 4 x 4 block of a binary
    bitmap (Alpaydin and Kaynak, UCI repository, "Optical Recognition of Handwritten Digits").
    No two are equal. Every part holds digits of all 13 people, so the test asks for new digits,
    not for new hands.

    Args:
        sizes: samples for training, validation and test, at most 1797 together.
        seed: of the shuffle.

    Returns:
        Splits of (N, 8, 8), whole numbers 0 to 16. Labels: the digit, 0 to 9.

    Raises:
        ValueError: if a size is not positive, they exceed 1797 together, or seed is negative.
    """
    require_sizes(sizes)
    from sklearn.datasets import load_digits  # takes a second: only where it is needed

    stored: Any = load_digits()  # a bunch, unless its arrays alone are asked for
    x, labels = torch.from_numpy(stored.images).to(dtype), torch.from_numpy(stored.target).long()
    if sum(sizes) > len(x):
        raise ValueError(f"There are {len(x)} digits, and {sizes} asks for {sum(sizes)}.")
    return share(x, labels, sizes, seed, "Handwritten digits, 8 x 8 counts of ink from 0 to 16.")


# ---------------------------------------------------------------------- MNIST

MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
MNIST_FILES = {  # name: (bytes, SHA-256)
    "train-images-idx3-ubyte.gz": (
        9_912_422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte.gz": (
        28_881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte.gz": (
        1_648_877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        4_542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}


def mnist(
    folder: str | Path | None = None,
    *,
    download: bool = False,
    validation: int = 10_000,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Splits:
    """The MNIST digits (LeCun, Cortes and Burges 1998); optional, no lecture needs them.

    With download=True, files that are missing or damaged are fetched once, 12 MB in all, checked
    by SHA-256 and kept in the cache folder; without it the network is never used.

    Args:
        folder: the cache folder instead of `cache_folder() / "mnist"`.
        download: whether the network may be used.
        validation: how many of the 60,000 training images to set aside.
        seed: of that choice.

    Returns:
        Splits of (N, 28, 28) in [0, 1], multiples of 1/255; test is MNIST's own test set.
        Labels: the digit, 0 to 9.

    Raises:
        ValueError: if the files are not in the folder or damaged and download is False, the
            folder cannot be written, or validation leaves a part empty.
        ConnectionError: if no mirror gives the files.
    """
    folder = cache_folder() / "mnist" if folder is None else Path(folder).expanduser()
    files = {}
    for name, (size, sha256) in MNIST_FILES.items():
        files[name] = _cached(folder / name, size, sha256, download)
    x, labels, x_test, labels_test = (_read_idx(gzip.decompress(f)) for f in files.values())
    if not 0 < validation < len(x):
        raise ValueError(f"validation must lie between 1 and {len(x) - 1}, got {validation}.")
    x, x_test = x.to(dtype) / 255, x_test.to(dtype) / 255
    sizes = (len(x) - validation, validation, 0)
    shared = share(x, labels.long(), sizes, seed, "MNIST digits, 28 x 28 pixels in [0, 1].")
    assert shared.labels is not None  # it was given labels
    parts = Parts(shared.labels.train, shared.labels.validation, labels_test.long())
    return Splits(shared.train, shared.validation, x_test, shared.description, labels=parts)


def cache_folder() -> Path:
    """Where downloads are kept: COURSE_CACHE_FOLDER, or the user's cache folder of the system."""
    if named := os.environ.get("COURSE_CACHE_FOLDER"):
        return Path(named)
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "course_utils"


def _cached(path: Path, size: int, sha256: str, download: bool) -> bytes:
    """The verified bytes of a file, from the folder or, where that is allowed, the network."""
    state = f"not on this machine, there is no {path}"
    if path.is_file():
        content = path.read_bytes() if path.stat().st_size == size else b""
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        state = f"damaged, {path} is not the file it should be"
    if not download:
        raise ValueError(
            f"MNIST is {state}: mnist(download=True) fetches it once, 12 MB, and digits() needs "
            "no network."
        )
    content = _fetch(path.name, size, sha256)
    _write_whole(path, content)
    return content


def _fetch(name: str, size: int, sha256: str) -> bytes:
    """The file from the first mirror that has it unchanged."""
    reasons = []
    for mirror in MNIST_MIRRORS:
        host = mirror.split("/")[2]
        try:
            content = _read_url(mirror + name, size)
        except (OSError, http.client.HTTPException) as error:
            reasons.append(f"{host}: {getattr(error, 'reason', error) or type(error).__name__}")
            continue
        if hashlib.sha256(content).hexdigest() == sha256:
            return content
        reasons.append(f"{host}: not the file expected, its checksum is wrong")
    raise ConnectionError(
        f"{name} could not be downloaded ({'; '.join(reasons)}): try again where there is a "
        "network, or use digits(), which needs none."
    )


def _read_url(url: str, size: int) -> bytes:
    """At most size + 1 bytes: a longer answer is not the file, and need not be read to its end."""
    content = bytearray()
    with (
        urllib.request.urlopen(url, timeout=20) as answer,
        tqdm(total=size, desc="MNIST", unit="B", unit_scale=True, delay=2, leave=False) as bar,
    ):
        while chunk := answer.read(min(2**16, size + 1 - len(content))):
            content += chunk
            bar.update(len(chunk))
    return bytes(content)


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file or none: another notebook never sees the first half of it."""
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_bytes(content)
        scratch.replace(path)
    except OSError as error:
        raise ValueError(
            f"The folder {path.parent} cannot be written ({error.strerror}): name another with "
            "mnist(folder=...)."
        ) from None
    finally:
        with contextlib.suppress(OSError):
            scratch.unlink(missing_ok=True)  # what is left of a write that was stopped


def _read_idx(content: bytes) -> Tensor:
    """Decode an IDX file of bytes: 0, 0, type 8, number of axes, the lengths, then the values.

    Lengths are big-endian 32-bit numbers, the last axis varies fastest.

    Returns: the values, uint8.
    Raises: ValueError if the header is another one or the length does not agree with it.
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08" or content[3] == 0:
        raise ValueError("This is no IDX file of bytes: it must begin with 0, 0, 8 and its axes.")
    start = 4 + 4 * content[3]
    if len(content) < start:
        raise ValueError("This IDX file ends within its header.")
    shape = tuple(int(n) for n in np.frombuffer(content[4:start], dtype=">u4"))
    if len(content) - start != math.prod(shape):
        raise ValueError(
            f"This IDX file announces {shape}, {math.prod(shape)} values, but holds "
            f"{len(content) - start}."
        )
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    return torch.from_numpy(values.copy()).reshape(shape)  # (values,) -> as announced
