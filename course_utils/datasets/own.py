"""Your own data: read from a file, a folder or memory, or refused in a sentence that says why."""

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from .arrays import Found, choose, read_array, require_real, require_room
from .images import Size, as_size, image_endings, pictures, read_folder, read_stack, to_unit

MIN_SAMPLES = 20
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue in grey (ITU-R BT.601), as in Pillow
Source = str | Path | IO[bytes] | np.ndarray | Tensor
# What else data come in, and what makes an array of it, to be given as the source.
OTHER_FILES = {
    **dict.fromkeys((".csv", ".txt"), 'numpy.loadtxt({name!r}, delimiter=",", skiprows=1)'),
    ".tsv": 'numpy.loadtxt({name!r}, delimiter="\\t", skiprows=1)',
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), 'h5py.File({name!r})["its key"][:]'),
    **dict.fromkeys((".pt", ".pth"), "torch.load({name!r}, weights_only=True)"),
    ".mat": 'scipy.io.loadmat({name!r})["its key"]',
    ".parquet": "pandas.read_parquet({name!r}).to_numpy()",
    **dict.fromkeys((".xls", ".xlsx"), "pandas.read_excel({name!r}).to_numpy()"),
    ".nc": 'xarray.open_dataset({name!r})["its key"].to_numpy()',
    **dict.fromkeys((".fits", ".fit"), "astropy.io.fits.getdata({name!r})"),
    **dict.fromkeys((".nii", ".gz"), "nibabel.load({name!r}).get_fdata()"),
    ".dcm": "pydicom.dcmread({name!r}).pixel_array, one of each file in numpy.stack([...])",
    ".wav": "scipy.io.wavfile.read({name!r})[1], cut into pieces of one length",
    **dict.fromkeys(
        (".pkl", ".pickle", ".joblib"),
        "the array in it, if you trust who wrote it: opening a pickle runs a program",
    ),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z"), "the folder that unpacking it makes"),
    ".json": "numpy.array(json.load(open({name!r})))",
}


@dataclass(frozen=True)
class Loaded:
    """What was read: samples, what belongs to each of them, and what was done on the way."""

    x: Tensor  # (N, D), (N, H, W) or (N, 3, H, W); with as_is=True any (N, ...)
    labels: Tensor | None = None  # (N,), whole numbers, from an array beside it or from folders
    classes: tuple[str, ...] = ()  # the names of the labels
    parts: Tensor | None = None  # (N,), 0, 1, 2: the file's own training, validation and test
    groups: Tensor | None = None  # (N,), samples that belong together have one number
    notes: tuple[str, ...] = ()  # a sentence each

    def __len__(self) -> int:
        return len(self.x)


def load(
    source: Source,
    *,
    key: str | None = None,
    colour: bool = False,
    size: Size = None,
    as_is: bool = False,
    sample: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """The samples alone of `read_own`; what that has to say comes as a warning.

    Args and errors as there.

    Returns:
        (N, D), (N, H, W) or (N, 3, H, W); with as_is=True any (N, ...).
    """
    found = read_own(
        source, key=key, colour=colour, size=size, as_is=as_is, sample=sample, dtype=dtype
    )
    for note in found.notes:
        warnings.warn(note, stacklevel=2)
    return found.x


def read_own(
    source: Source,
    *,
    key: str | None = None,
    colour: bool = False,
    size: Size = None,
    as_is: bool = False,
    sample: int | None = None,
    groups: Any = None,
    dtype: torch.dtype = torch.float32,
) -> Loaded:
    """Read your own data: an .npz or .npy file, a folder of images, a file of pages, an array.

    Numbers come out in [0, 1], ready for the course's models: bytes (uint8) are pixels and divided
    by 255, 16-bit ones (uint16) by 65,535, unless none exceeds 1; everything else must lie in
    [0, 1] already. With as_is=True an array keeps its numbers and its axes. An array of pictures
    and the same pictures as files mean the same. Files are never unpickled.

    Images (H, W) come out as (N, H, W). Colour, (N, H, W, 3) or (N, 3, H, W) or image files, is
    turned to grey, or with colour=True to (N, 3, H, W); what is transparent becomes white. Every
    page of a TIFF or GIF is a sample. Folders inside a folder are classes, or the parts of a split
    if they are called train, validation and test; so are arrays such as train_images, val_images
    and test_images of one .npz file.

    Args:
        source: a path, an open binary file such as `io.BytesIO(upload.content)`, or an array.
        key: name of the array in an .npz file that has several; for a file with its own split
            what its names have in common, "images".
        colour: keep red, green and blue.
        size: for images: cut each to its centre and scale it, 28 or (rows, columns).
        as_is: any finite numbers and any axes (N, ...), unchanged.
        sample: take so many at random, which lets a part of a larger file in.
        groups: what belongs together: a number or word for each sample, (N,); the name of such
            an array in the .npz file; "file" or "folder" for images.
        dtype: of the result.

    Returns:
        Loaded; images of a folder in the order of their names.

    Raises:
        ValueError: one sentence, for a missing, damaged or too large file, a missing key, an
            array that does not hold numbers, a wrong shape, fewer than 20 samples, NaN or
            infinite values, values outside [0, 1], constant images, images of different sizes,
            unreadable images, and a folder without images.
    """
    extent = as_size(size)
    if sample is not None and (not isinstance(sample, int) or sample < MIN_SAMPLES):
        raise ValueError(f"sample must be a whole number of samples from {MIN_SAMPLES}: {sample}.")
    by_name = groups if isinstance(groups, str) else None
    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        name = path.name or str(path)
        try:
            found, of_files = _read_path(path, name, key, colour, extent, sample, by_name)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror or error}.") from None
    elif hasattr(source, "read") and hasattr(source, "seek"):
        name = str(getattr(source, "name", "The file"))
        file: Any = source
        found, of_files = read_array(file, name, key, by_name, sample), False
    else:
        name, of_files = "The array", False
        found = _from_memory(source, key, by_name, sample)
    if groups is not None and by_name is None:
        found.groups = _group_numbers(groups, len(found.array), sample)
    x, note = _finish(found.array, name, colour, as_is, extent, of_files, dtype)
    numbers = (found.labels, found.parts, found.groups)
    labels, parts, belong = (None if n is None else torch.from_numpy(n).long() for n in numbers)
    notes = tuple(found.notes + ([note] if note else []))
    return Loaded(x, labels, found.classes, parts, belong, notes)


def _read_path(
    path: Path,
    name: str,
    key: str | None,
    colour: bool,
    size: tuple[int, int] | None,
    sample: int | None,
    groups: str | None,
) -> tuple[Found, bool]:
    """What is there, and whether it came from image files."""
    if path.is_dir():
        if key is not None:
            raise ValueError(f"{name} is a folder of images and has no key {key!r}: leave it out.")
        return read_folder(path, colour, size, sample, groups), True
    if not path.exists():
        raise ValueError(
            f"There is no file or folder {str(path.absolute())!r}: check its name and place."
        )
    ending = path.suffix.lower()
    if ending in image_endings() and path.is_file():
        found = read_stack(path, colour, size)
        if found is None:
            raise ValueError(f"{name} is a single image: load the folder that holds all of them.")
        return found, True
    if ending in OTHER_FILES:
        how = OTHER_FILES[ending].format(name=name)
        raise ValueError(
            f"{name} is neither an .npy or .npz file nor a folder of images: give as the source "
            f"{how}."
        )
    if not path.is_file() or ending not in (".npy", ".npz"):
        raise ValueError(
            f"{name} is neither an .npy or .npz file nor a folder of images: read it in your own "
            "way, and give the array as the source."
        )
    with path.open("rb") as file:
        return read_array(file, name, key, groups, sample), False


def _from_memory(source: Any, key: str | None, groups: str | None, sample: int | None) -> Found:
    """An array, a tensor, or whatever makes itself one, such as a table of pandas."""
    if isinstance(source, dict):
        raise ValueError(
            f"load takes one array and not a dict: give one of its entries, {list(source)[:10]}."
        )
    if isinstance(source, (list, tuple)) or not (
        isinstance(source, Tensor) or hasattr(source, "__array__")
    ):
        raise ValueError(
            "load takes a path, an open binary file, or an array, not "
            f"{type(source).__name__}: numpy.stack of samples of one shape makes an array."
        )
    if key is not None or groups is not None:
        raise ValueError(
            f"An array has no key {key or groups!r}: leave it out, and give groups as an array."
        )
    array = source.detach().cpu() if isinstance(source, Tensor) else source
    if isinstance(array, Tensor):
        array = (array.float() if array.dtype == torch.bfloat16 else array).numpy()
    array = np.asarray(array)
    require_real(array.dtype, "The array")
    if array.ndim and 0 in array.shape:
        raise ValueError(f"The array has the shape {array.shape}: it is empty.")
    n = len(array) if array.ndim else 0
    rows = choose(n, sample)
    if rows is not None:
        array = array[rows]
    require_room(
        array.size * max(4, array.dtype.itemsize), f"The array has the shape {array.shape}"
    )
    notes = [] if rows is None else [f"{len(rows)} of {n} samples were taken, at random."]
    return Found(array, notes=notes)


def _group_numbers(groups: Any, n: int, sample: int | None) -> np.ndarray:
    """Any names (N,), numbers or words, as whole numbers from 0."""
    values = np.asarray(groups.cpu() if isinstance(groups, Tensor) else groups)
    if values.ndim == 1 and sample is not None and len(values) > n:
        values = values[choose(len(values), sample)]
    if values.shape != (n,):
        raise ValueError(f"groups needs one entry for each of the {n} samples, not {values.shape}.")
    return np.unique(values, return_inverse=True)[1].reshape(-1)


# ---------------------------------------------------------------------- is it fit for a model?


def _finish(
    array: np.ndarray,
    name: str,
    colour: bool,
    as_is: bool,
    size: tuple[int, int] | None,
    of_files: bool,
    dtype: torch.dtype,
) -> tuple[Tensor, str]:
    """The numbers in the shape and range that are promised, and what was done to them."""
    if array.ndim < 2:
        raise ValueError(
            f"{name} has the shape {array.shape}, and (N, ...) is needed, one row for each sample: "
            "reshape(-1, 1) makes rows of a vector of numbers."
        )
    if len(array) < MIN_SAMPLES:
        raise ValueError(
            f"{name} holds {len(array)} samples, shape {array.shape}, and at least {MIN_SAMPLES} "
            "are needed to train, validate and test."
        )
    note = ""
    if not of_files and not as_is:
        array, note = _as_pictures(array, name, colour, size)
    if of_files or not as_is:
        array = to_unit(array)
    with np.errstate(over="ignore"):  # what becomes infinite is named below
        numbers = array.astype(np.float64 if dtype == torch.float64 else np.float32, order="C")
    x = torch.from_numpy(numbers).to(dtype)
    if not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x)).flatten(1).any(dim=1)
        raise ValueError(
            f"{name} has NaN, infinite or too large values in {_count(bad, 'sample')}, the first "
            f"at index {int(bad.nonzero()[0])}: remove or repair what is wrong."
        )
    if not as_is:
        low, high = float(x.min()), float(x.max())
        if low < 0 or high > 1:
            bytes_ = "bytes can be given as uint8, else " if low >= 0 and high <= 255 else ""
            raise ValueError(
                f"{name} has values from {low:.4g} to {high:.4g}, and [0, 1] is needed: {bytes_}"
                "scale them, or take them unchanged with load(..., as_is=True)."
            )
    if not as_is or of_files:
        x = _as_images(x, name, colour)
    _require_variety(x, name)
    return x, note


def _as_pictures(
    array: np.ndarray, name: str, colour: bool, size: tuple[int, int] | None
) -> tuple[np.ndarray, str]:
    """An array of pictures as the same pictures would come out of files; other arrays stay."""
    if array.ndim == 4 and array.shape[1] in (1, 3, 4) and array.shape[3] not in (1, 3, 4):
        array = np.moveaxis(array, 1, 3)  # (N, C, H, W) -> (N, H, W, C)
    coloured = array.ndim == 4 and array.shape[3] in (3, 4)
    as_bytes = array.dtype == np.uint8 and array.max() > 1
    if size is not None:
        grey = array.ndim == 3 or (array.ndim == 4 and array.shape[3] == 1)
        if not grey and not (coloured and as_bytes):
            raise ValueError(
                f"size scales pictures (N, H, W), and colour if it is in bytes, and {name} is "
                f"{array.dtype} of shape {array.shape}: leave it out."
            )
    if (coloured and as_bytes) or size is not None:
        if colour and not coloured:
            raise ValueError(
                f"{name} has no colours, shape {tuple(array.shape)}: leave colour=True out."
            )
        array = pictures(array, colour, size)
    note = "" if colour or not coloured else "Colour was turned to grey: colour=True keeps it."
    return array, note


def _as_images(x: Tensor, name: str, colour: bool) -> Tensor:
    """(N, D) and (N, H, W) stay; colour becomes (N, H, W), or (N, 3, H, W) if it is wanted."""
    if x.ndim == 4 and x.shape[3] in (1, 3) and x.shape[1] not in (1, 3):
        x = x.movedim(3, 1)  # (N, H, W, C) -> (N, C, H, W)
    if x.ndim > 4 or (x.ndim == 4 and x.shape[1] not in (1, 3)):
        raise ValueError(
            f"{name} has the shape {tuple(x.shape)}, and (N, D), (N, H, W), (N, H, W, 3) or "
            "(N, 3, H, W) is needed: reshape it, or take it unchanged with load(..., as_is=True)."
        )
    if x.ndim == 4 and x.shape[1] == 1:
        x = x.squeeze(1)  # (N, 1, H, W) -> (N, H, W)
    if colour and x.ndim != 4:
        raise ValueError(f"{name} has no colours, shape {tuple(x.shape)}: leave colour=True out.")
    if x.ndim == 4 and not colour:
        grey = x.new_tensor(GREY)[:, None, None]
        x = (x * grey).sum(dim=1).clamp(max=1)  # (N, 3, H, W) -> (N, H, W)
    return x.contiguous()


def _require_variety(x: Tensor, name: str) -> None:
    """Something to learn: samples that differ, and no image of one value unless it is a mask."""
    if bool((x == x[:1]).all()):
        raise ValueError(f"All samples of {name} are equal: there is nothing to learn from them.")
    if x.ndim > 2 and not bool(((x == 0) | (x == 1)).all()):
        flat = x.flatten(1)
        constant = (flat == flat[:, :1]).all(dim=1)
        if bool(constant.any()):
            raise ValueError(
                f"{name} has {_count(constant, 'constant image')}, one value in all pixels, the "
                f"first at index {int(constant.nonzero()[0])}: remove them, for an array with "
                "x[x.reshape(len(x), -1).std(axis=1) > 0]."
            )


def _count(which: Tensor, what: str) -> str:
    """How many are marked, in words: "1 sample", "2 samples"."""
    n = int(which.sum())
    return f"{n} {what}" + ("" if n == 1 else "s")
