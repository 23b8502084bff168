"""The look of all figures, and how one is made, shown and turned into pixels."""

import base64
import html
import io
import os
import re
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
import torch
from IPython import get_ipython
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from PIL import Image

Array = torch.Tensor | np.ndarray

# One colour per role in the whole course. Every two of them stay apart for readers with
# deuteranopia, protanopia or tritanopia (a test simulates the three).
ROLE: dict[str, str] = {
    "data": "#3B8BC9",
    "model": "#D9541E",
    "prior": "#E9B91E",
    "posterior": "#6B2A7A",
    "truth": "#1A1A1A",
    "neutral": "#8A8A8A",
}
INK, SOFT, PAPER = "#333333", "#777777", "#F4F5F7"  # text, secondary text, background of a card

# White to deep blue: a probability density under dark or orange marks.
DENSITY_MAP = LinearSegmentedColormap.from_list(
    "course_density", ["#FFFFFF", "#D6E7F5", "#8FC0E6", "#3B8BC9", "#1D4F80"]
)
STYLE = Path(__file__).with_name("course.mplstyle")
STORED_VARIABLE = "COURSE_STORED"  # set where outputs are stored, or compared with stored ones
FRAMES = "application/vnd.course.frames+json"  # all pictures of a widget, see widgets/frames.py
FRAMES_VARIABLE = "COURSE_FRAMES"  # set while a page is made: outputs then hold their frames


def use_style() -> None:
    """Apply `course.mplstyle` to all figures made from now on; importing this module does it."""
    matplotlib.style.use(STYLE)


use_style()


# ---------------------------------------------------------------- making and showing a figure


def figure(
    rows: int = 1, columns: int = 1, *, width: float = 6.8, height: float = 3.8, **subplots: Any
) -> tuple[Figure, Any]:
    """Make a figure outside pyplot, so that nothing is shown twice or left in memory.

    Returns: the figure and its Axes; an array (rows, columns), squeezed, where there are several.
    `width`, `height` in inches; further keywords go to `Figure.subplots`.
    """
    fig = Figure(figsize=(width, height))
    FigureCanvasAgg(fig)
    return fig, fig.subplots(rows, columns, **subplots)


def png(fig: Figure, *, dpi: float | None = None) -> bytes:
    """Render a figure as PNG: the same figure gives the same bytes, without version or date.

    256 colours, picked to fit: not to be told from all of them, at a third of the size.
    """
    picture = Image.fromarray(render(fig, dpi=dpi or matplotlib.rcParams["savefig.dpi"]))
    few = picture.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return _write(few, compress=9)


def render(fig: Figure, *, dpi: float) -> np.ndarray:
    """Draw a figure into an array of pixels, (height, width, 3) uint8."""
    if fig.dpi != dpi:
        fig.set_dpi(dpi)
    canvas: Any = fig.canvas  # Agg, which holds its pixels
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


def encode(pixels: np.ndarray, *, palette: np.ndarray | None = None, zoom: int = 1) -> bytes:
    """Write pixels as PNG, fast: for a picture that moves.

    `pixels` uint8: (h, w, 3) colours, (h, w) grey, or (h, w) indices into `palette` (256, 3).
    `zoom`: each pixel becomes a square of zoom x zoom pixels.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    if palette is not None:
        picture.putpalette(palette.tobytes())
    if zoom > 1:
        size = (picture.width * zoom, picture.height * zoom)
        picture = picture.resize(size, Image.Resampling.NEAREST)
    return _write(picture, compress=1)


def _write(picture: Image.Image, *, compress: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png", compress_level=compress)
    return buffer.getvalue()


def size_of(image: bytes) -> tuple[int, int]:
    """Width and height of a PNG in pixels."""
    with Image.open(io.BytesIO(image)) as opened:
        return opened.size


def bundle(image: bytes, sentence: str, *, scale: float = 1.0) -> tuple[dict, dict]:
    """Data and metadata of one notebook output: a picture and the sentence that stands for it.

    `scale`: pixels of the PNG per pixel of the page.
    """
    width, height = size_of(image)
    shown = {"width": round(width / scale), "height": round(height / scale)}
    return (
        {"image/png": image, "text/plain": sentence},
        {"image/png": {"alt": sentence, **shown}},
    )


def show(fig: Figure, sentence: str) -> None:
    """Show a figure in a notebook, and under it the sentence that says what it shows.

    The first output holds the picture, with the sentence as its text and alternative text; a
    second one is the visible caption, because a front end shows only the richest form of an output.
    Where outputs are stored the picture is a PNG, which every page shows; where somebody works it
    is HTML, since JupyterLab gives a PNG no alternative text.

    Raises: ValueError if the sentence is empty or spans several lines.
    """
    if not sentence.strip() or "\n" in sentence:
        raise ValueError("show needs one sentence, on one line, that says what the figure shows.")
    dpi = matplotlib.rcParams["savefig.dpi"]
    data, metadata = bundle(png(fig, dpi=dpi), sentence, scale=dpi / 96)  # 96 page pixels an inch
    if somebody_works_here():
        shown = metadata["image/png"]
        picture = html_picture(data["image/png"], sentence, shown["width"], shown["height"])
        data, metadata = {"text/html": picture, "text/plain": sentence}, {}
    display(data, metadata=metadata, raw=True)
    display({"text/markdown": escape(sentence), "text/plain": sentence}, raw=True)


def somebody_works_here() -> bool:
    """True in a kernel that a person works with, false where outputs are stored or compared."""
    shell = get_ipython()
    return type(shell).__name__ == "ZMQInteractiveShell" and not os.environ.get(STORED_VARIABLE)


def html_picture(image: bytes, sentence: str, width: int, height: int) -> str:
    """A PNG as HTML that says its sentence to those who cannot see it."""
    source, words = base64.b64encode(image).decode(), html.escape(sentence)
    size = f'width="{width}" height="{height}" style="max-width: 100%; height: auto"'
    return f'<img src="data:image/png;base64,{source}" alt="{words}" {size}>'


def escape(sentence: str) -> str:
    """Protect the characters that Markdown would read as markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", sentence)


def array(x: Array) -> np.ndarray:
    """A numpy view of a tensor or array, detached from the graph."""
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


def plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis 1, 2, 5, 10 and so on, in plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


def bare(ax: Axes) -> None:
    """Leave only the picture: no ticks, no spines."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
