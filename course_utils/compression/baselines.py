"""What general-purpose compressors make of the same pixels, packed as one stack."""

import bz2
import gzip
import html
import io
import lzma
import math
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from .bits_back import pixels


def pack(images: Tensor, levels: int) -> bytes:
    """All pixels in a row, each in as few bits as its levels need: 1 for binary, 5 for 0 to 16.

    Args:
        images: whole numbers 0 .. levels - 1, (N, ...).
        levels: pixel values.

    Raises:
        ValueError: if a pixel is not one of the levels.
    """
    flat = pixels(images, levels).ravel()
    bits = flat[:, None] >> np.arange((levels - 1).bit_length(), dtype=np.uint64)[::-1]
    return np.packbits((bits & 1).astype(np.uint8).ravel()).tobytes()


def baselines(images: Tensor, levels: int) -> dict[str, int]:
    """Bytes that gzip, bz2, lzma and PNG need for all images together, each at its best.

    Each at its strongest setting. The first three get the pixels as packed bits and as bytes,
    PNG gets the images below one another and one image per row; the smaller file counts.

    Args:
        images: whole numbers 0 .. levels - 1, (N, H, W), or (N, D), taken as square if D is.
        levels: pixel values, at most 256.

    Returns:
        Bytes by name; "packed" is the size before any compression.

    Raises:
        ValueError: if a pixel is not one of the levels, or there are more than 256.
    """
    if levels > 256:
        raise ValueError(f"A pixel of these formats is a byte, and {levels} levels need more.")
    x = pixels(images, levels)
    packed = pack(images, levels)
    candidates = (packed, x.astype(np.uint8).tobytes())
    sizes = {"packed": len(packed)}
    sizes["gzip"] = min(len(gzip.compress(c, 9, mtime=0)) for c in candidates)
    sizes["bz2"] = min(len(bz2.compress(c, 9)) for c in candidates)
    sizes["lzma"] = min(len(lzma.compress(c, preset=9 | lzma.PRESET_EXTREME)) for c in candidates)
    sizes["PNG"] = min(len(png(x.reshape(-1, width), levels)) for width in _widths(images))
    return sizes


def png(picture: np.ndarray, levels: int) -> bytes:
    """A picture (H, W) as a PNG file: 1 bit per pixel if it is binary, a byte if not."""
    from PIL import Image  # only for those who need it

    if levels == 2:
        image = Image.fromarray((picture * 255).astype(np.uint8)).convert(
            "1", dither=Image.Dither.NONE
        )
    else:
        image = Image.fromarray(picture.astype(np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG", optimize=True)
    return file.getvalue()


def _widths(images: Tensor) -> set[int]:
    d = images[0].numel()
    side = images.shape[-1] if images.ndim > 2 else math.isqrt(d)
    return {d, side} if d % side == 0 else {d}


HEADER = ("", "bytes", "bytes per image", "bits per pixel")


@dataclass
class SizeTable:
    """Sizes of the same images in different forms; the last expression of a cell shows it."""

    images: int  # N
    pixels: int  # D
    rows: dict[str, float] = field(default_factory=dict)  # bytes of all images together

    def add(self, name: str, size: float) -> None:
        """A row: bytes of all images together."""
        self.rows[name] = size

    def add_nats(self, name: str, nats: float) -> None:
        """A row for a bound or an entropy, given in nats per image."""
        self.rows[name] = nats / math.log(2) / 8 * self.images

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text."""
        n, d = self.images, self.pixels
        return [
            (name, f"{size:,.0f}", f"{size / n:.2f}", f"{8 * size / n / d:.4f}")
            for name, size in self.rows.items()
        ]

    def __repr__(self) -> str:
        rows = [HEADER, *self.cells()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])

    def _repr_html_(self) -> str:
        def line(cells: tuple[str, ...], tag: str) -> str:
            styles = ["left", *["right"] * (len(cells) - 1)]
            return "".join(
                f'<{tag} style="text-align:{style}">{html.escape(cell)}</{tag}>'
                for style, cell in zip(styles, cells, strict=True)
            )

        body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in self.cells())
        return f"<table><thead><tr>{line(HEADER, 'th')}</tr></thead><tbody>{body}</tbody></table>"
