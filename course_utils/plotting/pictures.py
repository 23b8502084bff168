"""Images, jet images and fields: pixels in rows and columns."""

import math
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LogNorm
from matplotlib.image import AxesImage

from .base import Array, array, bare


def tile(
    images: Array, columns: int | None = None, *, gap: int = 1, fill: float = 1.0
) -> np.ndarray:
    """Lay images (B, h, w) side by side, row by row, as one array without axes.

    Returns: (rows (h + gap) - gap, columns (w + gap) - gap); places left over hold `fill`.
    Raises: ValueError if `images` is not a batch of images.
    """
    pictures = array(images)
    if pictures.ndim != 3 or len(pictures) == 0:
        raise ValueError(
            f"tile needs images of shape (B, h, w) with B >= 1, got {pictures.shape}; "
            "reshape them first."
        )
    batch, h, w = pictures.shape
    columns = columns or math.ceil(math.sqrt(batch))
    rows = math.ceil(batch / columns)
    cells = np.full((rows * columns, h + gap, w + gap), fill, dtype=pictures.dtype)
    cells[:batch, :h, :w] = pictures
    grid = cells.reshape(rows, columns, h + gap, w + gap)  # (rows, columns, h + gap, w + gap)
    sheet = grid.transpose(0, 2, 1, 3).reshape(rows * (h + gap), columns * (w + gap))
    return sheet[: rows * (h + gap) - gap, : columns * (w + gap) - gap]


def images(
    ax: Axes, batch: Array, columns: int | None = None, *, low: float = 0.0, high: float = 1.0
) -> AxesImage:
    """Show images (B, h, w) in a grid, dark ink on white, for values from `low` to `high`."""
    sheet = tile(array(batch).astype(float), columns, fill=np.nan)
    shown = ax.imshow(sheet, cmap=_gapped("gray_r", "#C9D3DD"), vmin=low, vmax=high)
    bare(ax)
    return shown


def jet_images(ax: Axes, batch: Array, columns: int | None = None) -> AxesImage:
    """Show jet images (B, h, w), transverse momentum per pixel, on a logarithmic colour scale.

    Row 0 is the top, as in `simulators.collider.jet_images`. Three decades below the brightest
    pixel; whatever is fainter is drawn as empty.
    """
    sheet = tile(array(batch).astype(float), columns, fill=np.nan)
    high = float(np.nanmax(sheet))
    shown = ax.imshow(
        np.maximum(sheet, 1e-3 * high),
        cmap=_gapped("magma", "white"),
        norm=LogNorm(1e-3 * high, high),
    )
    bare(ax)
    return shown


def field(
    ax: Axes,
    delta: Array,
    *,
    log: bool = False,
    limit: float | None = None,
    bar: bool = False,
) -> AxesImage:
    """Show an overdensity field (n, n) of a periodic box.

    A linear field is drawn red above and blue below the mean. With `log`, a density field is
    drawn as log10(1 + delta), where filaments and knots are seen. `limit`: largest |value| drawn.
    `bar`: with a colour bar, marked in densities 1 + delta where `log`.
    """
    values = array(delta)
    if log:
        values = np.log10(np.maximum(1 + values, 1e-2))
        shown = ax.imshow(values.T, origin="lower", cmap="magma", vmin=-1.2, vmax=limit or 1.2)
    else:
        limit = limit or 3 * float(values.std())
        shown = ax.imshow(values.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    bare(ax)
    if bar:
        scale = ax.figure.colorbar(shown, ax=ax, shrink=0.85, pad=0.03)
        scale.set_label("density 1 + δ" if log else "overdensity δ")
        if log:
            low: Any = shown.norm.vmin
            marks = [mark for mark in (0.1, 0.3, 1, 3, 10) if low <= math.log10(mark)]
            scale.set_ticks(np.log10(marks).tolist(), labels=[f"{mark:g}" for mark in marks])
    return shown


def _gapped(name: str, gap: str) -> Colormap:
    """A colour map that paints missing values, the gaps between tiles, in one colour."""
    return matplotlib.colormaps[name].with_extremes(bad=gap)
