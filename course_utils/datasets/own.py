"""Your own data: read from a file or a folder, or refused in one sentence that says why."""

import io
import math
import warnings
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

MAX_BYTES = 2**30  # of one data set in memory: what is larger is refused before it is read
MAX_IMAGE_PIXELS = 2**26  # of one picture in a folder
MIN_SAMPLES = 20
IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")
IMAGE_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
GREY = (0.299, 0.587, 0.114)  # shares of red, green and blue in grey (ITU-R BT.601), as in Pillow


def load(
    source: str | Path | IO[bytes],
    *,
    key: str | None = None,
    colour: bool = False,
    size: int | None = None,
    as_is: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Read your own data: an .npz or .npy file, or a folder of images.

    Numbers come out in [0, 1], ready for the course's models: bytes (uint8) are pixels and divided
    by 255, unless none exceeds 1; everything else must lie in [0, 1] already. With as_is=True
    an array keeps its numbers and its axes. Files are never unpickled.

    Images (H, W) come out as (N, H, W). Colour, (N, H, W, 3) or (N, 3, H, W) or image files, is
    turned to grey, or with colour=True to (N, 3, H, W); what is transparent becomes white.

    Args:
        source: a path, or an open binary file such as `io.BytesIO(upload.content)`.
        key: name of the array in an .npz file that has several.
        colour: keep red, green and blue.
        size: for a folder: cut each image to its central square and scale it to size x size.
        as_is: any finite numbers and any axes (N, ...), unchanged.
        dtype: of the result.

    Returns:
        (N, D), (N, H, W) or (N, 3, H, W); images of a folder in the order of their names.

    Raises:
        ValueError: one sentence, for a missing, damaged or too large file, a missing key, an
            array that does not hold numbers, a wrong shape, fewer than 20 samples, NaN or
            infinite values, values outside [0, 1], constant images, images of different sizes,
            unreadable images, and a folder without images.
    """
    if isinstance(source, (str, Path)):
        path = Path(source).expanduser()
        name = path.name or str(path)
        try:
            array = _read_path(path, name, key, colour, size)
        except OSError as error:
            raise ValueError(f"{name} cannot be read: {error.strerror or error}.") from None
    elif hasattr(source, "read") and hasattr(source, "seek"):
        name = str(getattr(source, "name", "The file"))
        array = _read_array(source, name, key, size)
    else:
        raise ValueError(
            f"load takes a path or an open binary file, not {type(source).__name__}: arrays and "
            "tensors need no loading, give them to split."
        )
    return _finish(array, name, colour, as_is, dtype)


def _read_path(
    path: Path, name: str, key: str | None, colour: bool, size: int | None
) -> np.ndarray:
    if path.is_dir():
        if key is not None:
            raise ValueError(f"{name} is a folder of images and has no key {key!r}: leave it out.")
        return _read_folder(path, colour, size)
    _require_array_file(path)
    with path.open("rb") as file:
        return _read_array(file, name, key, size)


def _require_array_file(path: Path) -> None:
    if not path.exists():
        raise ValueError(
            f"There is no file or folder {str(path.absolute())!r}: check its name and place."
        )
    if path.suffix.lower() in IMAGE_ENDINGS:
        raise ValueError(f"{path.name} is a single image: load the folder that holds all of them.")
    if not path.is_file() or path.suffix.lower() not in (".npy", ".npz"):
        raise ValueError(f"{path.name} is neither an .npy or .npz file nor a folder of images.")


# ---------------------------------------------------------------------- arrays


def _read_array(file: IO[bytes], name: str, key: str | None, size: int | None) -> np.ndarray:
    """The array in an .npy file, or one of those in an .npz file: told apart by the first bytes."""
    if size is not None:
        raise ValueError(f"size scales a folder of images, and {name} is an array: leave it out.")
    start = file.read(6)
    if not isinstance(start, bytes):
        raise ValueError(f'{name} is open as text: open it with mode "rb".')
    file.seek(0)
    if start == b"\x93NUMPY":
        if key is not None:
            raise ValueError(f"{name} holds a single array and has no key {key!r}: leave it out.")
        return _read_npy(file, name)
    if start[:4] == b"PK\x03\x04":
        return _read_npz(file, name, key)
    what = "is empty" if not start else "was not written by NumPy, whatever its name says"
    raise ValueError(f"{name} {what}: write it with numpy.save or numpy.savez.")


def _read_npz(file: IO[bytes], name: str, key: str | None) -> np.ndarray:
    try:
        archive = zipfile.ZipFile(file)
    except Exception:  # broken bytes can make zipfile fail in any way
        raise _damaged(name) from None
    with archive:
        members = {m.filename[:-4]: m for m in archive.infolist() if m.filename.endswith(".npy")}
        if not members:
            raise ValueError(
                f"{name} holds no arrays: write it with numpy.savez; if it is a zip of images, "
                "unpack it and load the folder."
            )
        known = ", ".join(list(members)[:10]) + (", ..." if len(members) > 10 else "")
        if key is None and len(members) > 1:
            raise ValueError(f"{name} holds several arrays, say which with key=: {known}.")
        key = next(iter(members)) if key is None else key
        if key not in members:
            raise ValueError(f"{name} has no key {key!r}: it holds {known}.")
        if members[key].compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed in a way that numpy.savez does not write.")
        try:
            member = archive.open(members[key])
        except Exception:  # also if it is encrypted
            raise _damaged(name) from None
        with member:
            return _read_npy(member, f"{name}[{key!r}]")


def _read_npy(file: IO[bytes], name: str) -> np.ndarray:
    """Read header and values of an .npy file; nothing large is read before its size is known."""
    shape, fortran_order, dtype = _read_header(file, name)
    if dtype.hasobject:
        raise ValueError(
            f"{name} holds Python objects, which could run code when they are opened, so it stays "
            "closed: save an array of numbers, all samples of one shape."
        )
    if dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {dtype} values, and real numbers are needed.")
    if len(shape) > 8 or any(not 0 <= n < 2**48 for n in shape):
        raise _damaged(name)
    if 0 in shape:
        raise ValueError(f"{name} has the shape {shape}: it is empty.")
    n_bytes = math.prod(shape) * dtype.itemsize
    _require_room(max(n_bytes, 4 * math.prod(shape)), f"{name} announces the shape {shape}")
    content = _read(file, n_bytes, name)
    if _read(file, 1, name, or_less=True):  # an .npz compares its checksum at the end
        raise _damaged(name)
    order = "F" if fortran_order else "C"
    return np.frombuffer(content, dtype=dtype).reshape(shape, order=order)  # (values,) -> announced


def _read_header(file: IO[bytes], name: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, order of the axes and dtype of an .npy file, parsed by NumPy from a short copy.

    A copy, because NumPy reads a header before it looks whether it is too long: up to 4 GiB,
    which an .npz may have compressed into a small file.
    """
    start = _read(file, 8, name)  # magic string and version
    length = _read(file, 2 if start[6] == 1 else 4, name)
    n = int.from_bytes(length, "little")
    if n > 10_000:  # as in NumPy; a few hundred are usual
        raise _damaged(name)
    header = io.BytesIO(start + length + _read(file, n, name))
    try:
        version = np.lib.format.read_magic(header)
        if version == (1, 0):
            return np.lib.format.read_array_header_1_0(header)
        return np.lib.format.read_array_header_2_0(header)
    except Exception:  # the header is a Python literal that anyone may have written
        raise _damaged(name) from None


def _read(file: IO[bytes], n: int, name: str, or_less: bool = False) -> bytes:
    try:
        content = file.read(n)
    except Exception:  # broken bytes can make zipfile fail in any way
        raise _damaged(name) from None
    if len(content) < n and not or_less:
        raise _damaged(name)
    return content


def _damaged(name: str) -> ValueError:
    return ValueError(f"{name} is damaged or cut off: copy or write it again.")


def _require_room(n_bytes: int, what: str) -> None:
    if n_bytes > MAX_BYTES:
        raise ValueError(
            f"{what}, {n_bytes / 2**30:.3g} GiB in memory, more than the {MAX_BYTES / 2**30:.3g} "
            "GiB that are read: save fewer or smaller samples."
        )


# ---------------------------------------------------------------------- a folder of images


def _read_folder(folder: Path, colour: bool, size: int | None) -> np.ndarray:
    """All images of a folder, by name, in [0, 1]: (N, H, W), or (N, 3, H, W) in colour."""
    if size is not None and size < 1:
        raise ValueError(f"size must be a positive number of pixels, got {size}.")
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_ENDINGS and not path.name.startswith(".")
    )
    if not paths:
        raise ValueError(
            f"The folder {folder.name!r} holds no images ({', '.join(IMAGE_ENDINGS)}): name the "
            "one that directly holds them, folders inside it are not searched."
        )
    images = []
    for path in tqdm(paths, desc="images", delay=2, leave=False):
        image = _read_image(path, colour, size)
        if not images:
            _require_room(len(paths) * image.size * 4, f"{len(paths)} images like {path.name}")
        elif image.shape != images[0].shape:
            raise ValueError(
                f"The images differ in size: {paths[0].name} is {_extent(images[0])} and "
                f"{path.name} is {_extent(image)} pixels; load(..., size=28) makes them equal."
            )
        images.append(image)
    stacked = np.stack(images)
    return np.moveaxis(stacked, 3, 1) if colour else stacked  # (N, H, W, 3) -> (N, 3, H, W)


def _read_image(path: Path, colour: bool, size: int | None) -> np.ndarray:
    """One image in [0, 1], float32, (H, W) or (H, W, 3)."""
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            picture = Image.open(path, formats=IMAGE_FORMATS)
        with picture:
            # The size stands in the header: nothing has been decoded yet.
            too_large = math.prod(picture.size) > MAX_IMAGE_PIXELS
            if not too_large:
                return _pixels(ImageOps.exif_transpose(picture), colour, size)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        too_large = True
    except Exception:  # a decoder can fail on broken bytes in any way
        raise ValueError(
            f"{path.name} cannot be read as an image: it is damaged, cut off, or another kind "
            "of file; remove it or save it again."
        ) from None
    raise ValueError(
        f"{path.name} is larger than {MAX_IMAGE_PIXELS / 1e6:.3g} million pixels: make it smaller."
    )


def _pixels(picture: Any, colour: bool, size: int | None) -> np.ndarray:
    """A Pillow image as numbers in [0, 1]."""
    from PIL import Image, ImageOps

    if picture.mode[0] in "IF":  # 16 bits, or numbers; Pillow would cut these off at 255
        scale = 65535 if picture.mode[0] == "I" else 1
        picture = Image.fromarray(np.asarray(picture, dtype=np.float32) / scale)
    else:
        if "transparency" in picture.info or picture.mode in ("RGBA", "LA", "PA"):
            picture = picture.convert("RGBA")
            picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
        picture = picture.convert("RGB" if colour else "L")
    if size is not None:
        picture = ImageOps.fit(picture, (size, size), Image.Resampling.BOX)
    pixels = np.asarray(picture, dtype=np.float32)
    if picture.mode != "F":
        pixels = pixels / 255
    return np.stack([pixels] * 3, axis=-1) if colour and pixels.ndim == 2 else pixels


def _extent(image: np.ndarray) -> str:
    return f"{image.shape[1]} x {image.shape[0]}"


# ---------------------------------------------------------------------- is it fit for a model?


def _finish(array: np.ndarray, name: str, colour: bool, as_is: bool, dtype: torch.dtype) -> Tensor:
    """Check the numbers and bring them to the shape and range that `load` promises."""
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
    pixels = array.dtype == np.uint8 and not as_is and array.max() > 1
    with np.errstate(over="ignore"):  # what becomes infinite is named below
        numbers = array.astype(np.float64 if dtype == torch.float64 else np.float32, order="C")
    x = torch.from_numpy(numbers).to(dtype)
    if pixels:
        x = x / 255
    if not bool(torch.isfinite(x).all()):
        bad = (~torch.isfinite(x)).flatten(1).any(dim=1)
        raise ValueError(
            f"{name} has NaN, infinite or too large values in {_count(bad, 'sample')}, the first "
            f"at index {int(bad.nonzero()[0])}: remove or repair what is wrong."
        )
    if not as_is:
        low, high = float(x.min()), float(x.max())
        if low < 0 or high > 1:
            raise ValueError(
                f"{name} has values from {low:.4g} to {high:.4g}, and [0, 1] is needed: scale "
                "them, or take them unchanged with load(..., as_is=True)."
            )
        x = _as_images(x, name, colour)
    _require_variety(x, name)
    return x


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
        x = (x * grey).sum(dim=1)  # (N, 3, H, W) -> (N, H, W)
    return x.contiguous()


def _require_variety(x: Tensor, name: str) -> None:
    """Something to learn: samples that differ, and no image of one value."""
    if bool((x == x[:1]).all()):
        raise ValueError(f"All samples of {name} are equal: there is nothing to learn from them.")
    if x.ndim > 2:
        flat = x.flatten(1)
        constant = (flat == flat[:, :1]).all(dim=1)
        if bool(constant.any()):
            raise ValueError(
                f"{name} has {_count(constant, 'constant image')}, one value in all pixels, the "
                f"first at index {int(constant.nonzero()[0])}: remove them."
            )


def _count(which: Tensor, what: str) -> str:
    """How many are marked, in words: "1 sample", "2 samples"."""
    n = int(which.sum())
    return f"{n} {what}" + ("" if n == 1 else "s")
