"""Folders of images and files of several pages, as arrays of samples."""

import math
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from .arrays import PART_WORDS, Found, as_codes, choose, require_room

MAX_IMAGE_PIXELS = 2**26  # of one picture
# The decoders that are let near a file's bytes, the much used ones; a build may lack the last two.
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "DIB", "GIF", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF")
STACKS = ("GIF", "TIFF", "WEBP", "PNG")  # whose pages are samples; a JPEG's second is a preview
Size = int | tuple[int, int] | None


@cache
def image_endings() -> frozenset[str]:
    """Every ending that the decoders in use answer to, with its dot."""
    from PIL import Image

    return frozenset(e for e, kind in Image.registered_extensions().items() if kind in _formats())


@cache
def _formats() -> tuple[str, ...]:
    """Those of the formats that this build of Pillow can read."""
    from PIL import Image

    Image.init()
    return tuple(kind for kind in IMAGE_FORMATS if kind in Image.OPEN)


def as_size(size: Size) -> tuple[int, int] | None:
    """Rows and columns: 28 and (28, 28) mean the same.

    Raises:
        ValueError: for anything but one or two positive whole numbers.
    """
    if size is None:
        return None
    two = (size, size) if isinstance(size, int) else size
    whole = isinstance(two, (tuple, list)) and len(two) == 2
    if not whole or any(not isinstance(n, int) or n < 1 for n in two):
        raise ValueError(
            f"size must be a positive number of pixels, 28, or rows and columns, (28, 28), got "
            f"{size!r}."
        )
    return two[0], two[1]


def read_folder(
    folder: Path,
    colour: bool,
    size: tuple[int, int] | None,
    sample: int | None,
    groups: str | None,
) -> Found:
    """All images of a folder, by name, each page a sample: (N, H, W), or (N, H, W, 3) in colour.

    Where the folder itself holds none, its folders are classes: their names become labels.
    Folders called train, validation and test become the split, and the folders inside them classes.
    """
    paths, passed = _files(folder)
    classes = parts = None
    if not paths:
        paths, passed, classes, parts = _sub_folders(folder)
    if not paths:
        ignored = f", only {_named(passed)}" if passed else ""
        raise ValueError(
            f"The folder {folder.name!r} and the folders inside it hold no images that can be "
            f"read{ignored}: name the one that holds them, as .png, .jpg, .tif, .gif or such."
        )
    chosen = choose(len(paths), sample)
    n_paths = len(paths)
    if chosen is not None:
        paths = [paths[i] for i in chosen]
    pages, of = _read_all(paths, colour, size)
    found = Found(_stacked(pages, paths, of))
    if chosen is not None:
        found.notes.append(f"{len(paths)} of {n_paths} files were taken, at random.")
    if len(pages) > len(paths):
        found.notes.append(
            f"{len(paths)} files hold {len(pages)} pages, and each page is a sample: pages of one "
            'file that are alike stay together with groups="file".'
        )
    if passed:
        were = "was" if len(passed) == 1 else "were"
        found.notes.append(f"{_named(passed)} {were} passed over: no images that can be read.")
    names = [path.parent.name for path in paths]
    if classes is not None:
        kept = [classes[i] for i in chosen] if chosen is not None else classes
        if len(set(kept)) > 1:
            codes, found.classes = as_codes(np.array(kept))
            found.labels = codes[of]
            found.notes.append(f"The folders are labels: {', '.join(found.classes)}.")
    if parts is not None:
        kept_parts = np.array(parts)[chosen] if chosen is not None else np.array(parts)
        found.parts = kept_parts[of]
        found.notes.append("The split is that of the folders: train, validation, test.")
    if groups is not None:
        if groups not in ("file", "folder"):
            raise ValueError(f'groups of a folder are "file" or "folder", not {groups!r}.')
        found.groups = of if groups == "file" else as_codes(np.array(names))[0][of]
    return found


def read_stack(path: Path, colour: bool, size: tuple[int, int] | None) -> Found | None:
    """The pages of one image file as samples; None if it has a single page."""
    pages, of = _read_all([path], colour, size)
    if len(pages) == 1:
        return None
    return Found(
        _stacked(pages, [path], of), notes=[f"The {len(pages)} pages of the file are samples."]
    )


def pictures(array: np.ndarray, colour: bool, size: tuple[int, int] | None) -> np.ndarray:
    """Pictures in an array, treated as those in files are.

    Args:
        array: (N, H, W), or bytes (N, H, W, C), C = 1, 3 or 4.
        colour: keep red, green and blue.
        size: rows and columns to scale to.

    Returns:
        (N, H, W) or (N, H, W, 3).
    """
    from PIL import Image

    if array.ndim == 4 and array.shape[3] == 1:
        array = array[..., 0]
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    elif array.dtype not in (np.uint8, np.uint16):
        array = array.astype(np.float32)
    return np.stack([_pixels(Image.fromarray(one), colour, size) for one in array])


def to_unit(array: np.ndarray) -> np.ndarray:
    """Bytes and 16-bit numbers above 1 -> [0, 1]; everything else stays."""
    if array.dtype.kind == "u" and array.dtype.itemsize <= 2 and array.max(initial=0) > 1:
        return array.astype(np.float32) / np.iinfo(array.dtype).max
    return array


# ---------------------------------------------------------------------- files and folders


def _files(folder: Path) -> tuple[list[Path], list[str]]:
    """Images directly in a folder, by name, and what else is there; hidden files do not count."""
    paths, passed = [], []
    for path in sorted(folder.iterdir()):
        if path.name.startswith((".", "__MACOSX")) or path.name in ("Thumbs.db", "desktop.ini"):
            continue
        if path.is_file() and path.suffix.lower() in image_endings():
            paths.append(path)
        else:
            passed.append(path.name + ("/" if path.is_dir() else ""))
    return paths, passed


def _sub_folders(
    folder: Path,
) -> tuple[list[Path], list[str], list[str] | None, list[int] | None]:
    """Images one folder further in, two below folders that name a part; labels and parts."""
    inner = [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")]
    passed = [p.name for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")]
    which = [PART_WORDS.get(p.name.lower()) for p in inner]
    split = None not in which and {0, 2} <= set(which)
    paths: list[Path] = []
    labels: list[str] = []
    parts: list[int] = []
    for place, part in zip(inner, which, strict=True):
        images, other = _files(place)
        if split and not images:  # train/cat/1.png
            images, other, names, _ = _sub_folders(place)
            labels += names or []
        else:
            labels += [place.name] * len(images) if not split else [""] * len(images)
        paths += images
        passed += [f"{place.name}/{name}" for name in other]
        parts += [part or 0] * len(images)
    return paths, passed, labels, parts if split else None


def _named(passed: list[str]) -> str:
    """How many files, and the first few by name."""
    some = ", ".join(passed[:5]) + (", ..." if len(passed) > 5 else "")
    return f"{len(passed)} other {'entry' if len(passed) == 1 else 'entries'} ({some})"


# ---------------------------------------------------------------------- pixels


def _read_all(
    paths: list[Path], colour: bool, size: tuple[int, int] | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """Every page of every file, and which file each is from."""
    pages: list[np.ndarray] = []
    of: list[int] = []
    for i, path in enumerate(tqdm(paths, desc="images", delay=2, leave=False)):
        some = _read_image(path, colour, size)
        if not pages:
            what = f"{len(paths)} images like {path.name}"
            require_room(len(paths) * len(some) * some[0].size * 4, what)
        pages += some
        of += [i] * len(some)
        require_room(len(pages) * pages[0].size * 4, f"{len(pages)} pages like {paths[0].name}")
    return pages, np.array(of)


def _stacked(pages: list[np.ndarray], paths: list[Path], of: np.ndarray) -> np.ndarray:
    for page, i in zip(pages, of, strict=True):
        if page.shape != pages[0].shape:
            raise ValueError(
                f"The images differ in size: {paths[0].name} is {_extent(pages[0])} and "
                f"{paths[i].name} is {_extent(page)} pixels; load(..., size=28) makes them equal."
            )
    if len({page.dtype for page in pages}) > 1:  # bytes and 16 bits side by side
        pages = [to_unit(page).astype(np.float32) for page in pages]
    return np.stack(pages)


def _read_image(path: Path, colour: bool, size: tuple[int, int] | None) -> list[np.ndarray]:
    """The pages of one image file: bytes, 16-bit numbers or floats, (H, W) or (H, W, 3)."""
    from PIL import Image, ImageOps

    unreadable = ValueError(
        f"{path.name} cannot be read as an image: it is damaged, cut off, or another kind "
        "of file; remove it or save it again."
    )
    picture: Any = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=_formats())
        # The sizes stand in the headers: nothing has been decoded yet.
        n = getattr(picture, "n_frames", 1) if picture.format in STACKS else 1
        too_large = math.prod(picture.size) > MAX_IMAGE_PIXELS
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        too_large = True
    except Exception:  # a decoder can fail on broken bytes in any way
        raise unreadable from None
    if too_large:
        raise ValueError(
            f"{path.name} is larger than {MAX_IMAGE_PIXELS / 1e6:.3g} million pixels: make it "
            "smaller."
        )
    if size is None:
        require_room(n * math.prod(picture.size) * 4, f"{path.name} holds {n} pages")
    pages = []
    with picture:
        try:
            for page in range(n):
                if n > 1:
                    picture.seek(page)
                pages.append(_pixels(ImageOps.exif_transpose(picture), colour, size))
        except Exception:
            raise unreadable from None
    return pages


def _pixels(picture: Any, colour: bool, size: tuple[int, int] | None) -> np.ndarray:
    """A Pillow image as numbers: bytes stay bytes."""
    from PIL import Image

    if picture.mode[0] in "IF":  # 16 bits, or numbers; Pillow would cut these off at 255
        numbers = np.asarray(picture)
        if picture.mode[0] == "I" and numbers.min() >= 0 and numbers.max() < 2**16:
            numbers = numbers.astype(np.uint16)
        else:
            numbers = numbers.astype(np.float32)
        if size is not None:
            numbers = numbers / np.float32(65535 if numbers.dtype == np.uint16 else 1)
            picture = Image.fromarray(numbers.astype(np.float32))
            numbers = np.asarray(_fit(picture, size), dtype=np.float32)
    else:
        if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA"):
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("RGB" if colour else "L")
        numbers = np.asarray(picture if size is None else _fit(picture, size))
    return np.stack([numbers] * 3, axis=-1) if colour and numbers.ndim == 2 else numbers


def _fit(picture: Any, size: tuple[int, int]) -> Any:
    """The central part of the wanted proportions, averaged down to rows and columns."""
    from PIL import Image, ImageOps

    return ImageOps.fit(picture, (size[1], size[0]), Image.Resampling.BOX)


def _extent(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"
