"""Figures of the course: functions that take an Axes and plain tensors or arrays.

Importing this module applies `course.mplstyle`. A figure is made outside pyplot by `figure`, drawn
by the functions below, and shown together with one sentence by `show`:

    fig, ax = figure()
    density(ax, c, collider.density(c))
    show(fig, "The density is smallest at cos θ = 0, where p = 0.375.")

The sentence carries the numbers: it is the caption under the figure and its alternative text, and
the tests of the notebooks compare it, which they cannot do with a picture. One colour means one
role in all lectures (`ROLE`).
"""

import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import numpy as np
import torch
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, StepPatch
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
    fig.canvas.draw()
    return np.asarray(fig.canvas.buffer_rgba())[..., :3]


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

    The first output holds the PNG, with the sentence as its text and alternative text; a second
    one is the visible caption, because a front end shows only the richest form of an output.

    Raises: ValueError if the sentence is empty or spans several lines.
    """
    if not sentence.strip() or "\n" in sentence:
        raise ValueError("show needs one sentence, on one line, that says what the figure shows.")
    dpi = matplotlib.rcParams["savefig.dpi"]
    data, metadata = bundle(png(fig, dpi=dpi), sentence, scale=dpi / 96)  # 96 page pixels an inch
    display(data, metadata=metadata, raw=True)
    display({"text/markdown": escape(sentence), "text/plain": sentence}, raw=True)


def escape(sentence: str) -> str:
    """Protect the characters that Markdown would read as markup."""
    return re.sub(r"([\\`*_{}\[\]<>#|$~])", r"\\\1", sentence)


def array(x: Array) -> np.ndarray:
    """A numpy view of a tensor or array, detached from the graph."""
    return x.detach().cpu().numpy() if isinstance(x, torch.Tensor) else np.asarray(x)


# ---------------------------------------------------------------- one-dimensional densities


def density(
    ax: Axes, x: Array, p: Array, *, role: str = "truth", label: str | None = None
) -> Line2D:
    """Draw a density p(x) as a line; x, p: (N,)."""
    (line,) = ax.plot(array(x), array(p), color=ROLE[role], label=label)
    ax.set_ylim(bottom=0)
    return line


def histogram(
    ax: Axes,
    values: Array,
    *,
    bins: int = 40,
    bounds: tuple[float, float] | None = None,
    role: str = "data",
    label: str | None = None,
) -> StepPatch:
    """Draw a histogram of `values` (N,), normalised to area one like a density."""
    height, edges = np.histogram(array(values), bins=bins, range=bounds, density=True)
    steps = ax.stairs(height, edges, fill=True, color=ROLE[role], alpha=0.45, label=label)
    ax.set_ylim(bottom=0)
    return steps


def collider_angles(
    ax: Axes, events: Array, c: Array, p: Array, *, bins: int = 40
) -> tuple[StepPatch, Line2D]:
    """Events against the exact density p(c), c = cos θ of the muon; events (N,), c and p (M,)."""
    bars = histogram(ax, events, bins=bins, bounds=(-1, 1), label="events")
    line = density(ax, c, p, label="exact density p(c)")
    ax.set(xlabel="c = cos θ", ylabel="density", xlim=(-1, 1))
    ax.set_ylim(0, 1.25 * max(float(array(p).max()), float(bars.get_data().values.max())))
    ax.legend(loc="upper center", ncols=2)
    return bars, line


def inverse_transform(ax: Axes, c: Array, cdf: Array, *, u: Array) -> LineCollection:
    """How F^-1 turns evenly spaced u (M,) into draws c: across to the curve F(c), then down.

    c, cdf: the cumulative distribution on a grid, (N,), increasing.
    """
    grid, curve, heights = array(c), array(cdf), array(u)
    drawn = np.interp(heights, curve, grid)
    left = float(grid[0])
    paths = [[(left, h), (x, h), (x, 0.0)] for x, h in zip(drawn, heights, strict=True)]
    lines = LineCollection(paths, colors=ROLE["data"], linewidths=0.9)
    ax.add_collection(lines)
    ax.plot(grid, curve, color=ROLE["truth"], label="F(c)")
    ax.plot(np.full_like(heights, left), heights, "o", color=ROLE["prior"], clip_on=False)
    ax.plot(drawn, np.zeros_like(heights), "o", color=ROLE["data"], clip_on=False, zorder=3)
    ax.set(xlabel="c = cos θ", ylabel="u", xlim=(left, float(grid[-1])), ylim=(0, 1))
    ax.legend(loc="lower right")
    return lines


# ---------------------------------------------------------------- images and fields


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
    _bare(ax)
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
    _bare(ax)
    return shown


def field(ax: Axes, delta: Array, *, log: bool = False, limit: float | None = None) -> AxesImage:
    """Show an overdensity field (n, n) of a periodic box.

    A linear field is drawn red above and blue below the mean. With `log`, a density field is
    drawn as log10(1 + delta), where filaments and knots are seen. `limit`: largest |value| drawn.
    """
    values = array(delta)
    if log:
        values = np.log10(np.maximum(1 + values, 1e-2))
        shown = ax.imshow(values.T, origin="lower", cmap="magma", vmin=-1.2, vmax=limit or 1.2)
    else:
        limit = limit or 3 * float(values.std())
        shown = ax.imshow(values.T, origin="lower", cmap="RdBu_r", vmin=-limit, vmax=limit)
    _bare(ax)
    return shown


def _gapped(name: str, gap: str) -> Colormap:
    """A colour map that paints missing values, the gaps between tiles, in one colour."""
    return matplotlib.colormaps[name].with_extremes(bad=gap)


def _bare(ax: Axes) -> None:
    """Leave only the picture: no ticks, no spines."""
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


# ---------------------------------------------------------------- collider and cosmology


def lund_plane(
    ax: Axes,
    log_inverse_theta: Array,
    log_inverse_z: Array,
    *,
    cuts: tuple[float, float, float, float],
) -> PathCollection:
    """Scatter emissions (N,) in the Lund plane, with the rectangle of the cuts.

    `cuts`: smallest and largest ln(1/theta), smallest and largest ln(1/z).
    """
    left, right, low, high = cuts
    dots = ax.scatter(
        array(log_inverse_theta),
        array(log_inverse_z),
        s=6,
        color=ROLE["data"],
        alpha=0.5,
        linewidths=0,
        label="emissions",
    )
    ax.plot(
        [left, right, right, left, left],
        [low, low, high, high, low],
        color=ROLE["truth"],
        linewidth=1.5,
        linestyle="--",
        label="cuts",
    )
    ax.set(xlabel="ln(1/θ)   narrower →", ylabel="ln(1/z)   softer →")
    ax.margins(0.06)
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, markerscale=2)
    return dots


def power_spectrum(
    ax: Axes, k: Array, measured: Array, error: Array, *, k_true: Array, truth: Array
) -> tuple[ErrorbarContainer, Line2D]:
    """Measured power with error bars, k, measured, error (M,), over the true curve; log axes."""
    (line,) = ax.loglog(array(k_true), array(truth), color=ROLE["truth"], label="put in")
    points = ax.errorbar(
        array(k),
        array(measured),
        yerr=array(error),
        fmt="o",
        color=ROLE["data"],
        label="measured",
        zorder=3,
    )
    ax.set(xlabel="wavenumber |k|", ylabel="power P(k)")
    _plain_ticks(ax.xaxis)
    ax.legend()
    return points, line


def growth(ax: Axes, a: Array, measured: Array) -> tuple[Line2D, Line2D]:
    """Amplitude of the largest modes relative to the start, (T,), against linear growth a / a_0."""
    scale = array(a)
    (line,) = ax.loglog(scale, scale / scale[0], color=ROLE["truth"], label="linear theory, a / a₀")
    (points,) = ax.loglog(
        scale, array(measured), "o", color=ROLE["data"], label="simulation, largest modes"
    )
    ax.set(xlabel="scale factor a", ylabel="amplitude / amplitude at start")
    _plain_ticks(ax.xaxis)
    _plain_ticks(ax.yaxis)
    ax.legend()
    return points, line


def _plain_ticks(axis: Axis) -> None:
    """Label a logarithmic axis 1, 2, 5, 10 and so on, in plain numbers."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FormatStrFormatter("%g"))
    axis.set_minor_formatter(NullFormatter())


# ---------------------------------------------------------------- molecular


def energy_contours(
    ax: Axes,
    x: Array,
    y: Array,
    energy: Array,
    *,
    minima: Array | None = None,
    saddles: Array | None = None,
    highest: float = 40.0,
    levels: int = 14,
) -> QuadContourSet:
    """Contours of a potential on a grid, x (n,), y (m,), energy (n, m) with axis 0 along x.

    Levels run from the lowest energy to `highest`; minima and saddles are points (M, 2).
    """
    grid = array(energy)
    steps = np.linspace(float(grid.min()), highest, levels)
    lines = ax.contour(
        array(x),
        array(y),
        grid.T,
        levels=steps,
        colors=ROLE["neutral"],
        linewidths=0.7,
        linestyles="solid",
    )
    marks = dict(linestyle="none", color=ROLE["truth"], zorder=4)
    if minima is not None:
        ax.plot(*array(minima).T, marker="o", markersize=7, label="minima", **marks)
    if saddles is not None:
        ax.plot(*array(saddles).T, marker="x", markersize=8, mew=2, label="saddles", **marks)
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    return lines


def boltzmann_map(ax: Axes, x: Array, y: Array, p: Array) -> AxesImage:
    """A two-dimensional density p (n, m) on an even grid x (n,), y (m,), axis 0 along x.

    The colour follows the square root of p, so that thin tails and small basins stay visible.
    """
    xs, ys = array(x), array(y)
    half_x, half_y = (xs[1] - xs[0]) / 2, (ys[1] - ys[0]) / 2
    root = np.sqrt(array(p))
    shown = ax.imshow(
        root.T,
        origin="lower",
        cmap=DENSITY_MAP,
        extent=(xs[0] - half_x, xs[-1] + half_x, ys[0] - half_y, ys[-1] + half_y),
        vmin=0,
        vmax=float(root.max()),
        interpolation="bilinear",
        zorder=0,
    )
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    return shown


def walkers(ax: Axes, positions: Array, *, label: str | None = "walkers") -> PathCollection:
    """Scatter walkers (N, 2) over a map of the energy or the density."""
    points = array(positions)
    return ax.scatter(
        points[:, 0],
        points[:, 1],
        s=9,
        color=ROLE["model"],
        alpha=0.7,
        linewidths=0,
        label=label,
        zorder=3,
    )


def radial_distribution(
    ax: Axes, r: Array, g: Array, *, truth: Array | None = None, label: str = "simulation"
) -> Line2D:
    """Radial distribution function g (M,) at distances r (M,), in units of the particle size.

    `truth`: a curve to compare with, such as the low-density limit exp(-u(r) / kT).
    """
    ax.axhline(1, color=ROLE["neutral"], linewidth=1, linestyle=":")
    ax.text(0.01, 1.03, "ideal gas", transform=ax.get_yaxis_transform(), color=SOFT)
    if truth is not None:
        ax.plot(array(r), array(truth), color=ROLE["truth"], label="low-density limit")
    (line,) = ax.plot(array(r), array(g), color=ROLE["data"], label=label)
    ax.set(xlabel="distance r / σ", ylabel="g(r)", xlim=(0, float(array(r)[-1])))
    ax.set_ylim(bottom=0)
    if truth is not None:
        ax.legend()
    return line


# ---------------------------------------------------------------- lecture 02


def log_likelihood(ax: Axes, a: Array, value: Array) -> Line2D:
    """A log-likelihood (M,) below its maximum against the parameter a (M,), with the 1/2 line.

    Where the curve is 1/2 below its top ends the interval of one standard error.
    """
    (line,) = ax.plot(array(a), array(value), color=ROLE["model"])
    ax.axhline(-0.5, color=ROLE["neutral"], linewidth=1, linestyle=":")
    ax.set(xlabel="A_FB", ylabel="log-likelihood − maximum", ylim=(-8, 0.8))
    return line


def model_selection(
    ax: Axes, sizes: Sequence[int], train: Array, held_out: Array, error: Array
) -> tuple[Line2D, ErrorbarContainer]:
    """Nats above the truth against the size of a model, on training and on held-out data, (M,)."""
    ax.axhline(0, color=ROLE["truth"], linewidth=1.5, label="truth")
    (line,) = ax.plot(sizes, array(train), "o--", color=ROLE["neutral"], label="training data")
    bars = ax.errorbar(
        sizes,
        array(held_out),
        yerr=array(error),
        fmt="o-",
        color=ROLE["model"],
        label="held-out data",
    )
    ax.set(xscale="log", xlabel="components M", ylabel="NLL − true entropy, nats")
    _plain_ticks(ax.xaxis)
    ax.legend()
    return line, bars


def learning_curves(
    ax: Axes, numbers: Sequence[int], curves: Mapping[str, Sequence[float]]
) -> list[Line2D]:
    """Nats above the truth against the number of training points, one line for each family."""
    styles = ("o-", "s--", "^:", "d-.")
    lines = []
    for (name, values), style in zip(curves.items(), styles, strict=False):
        lines += ax.plot(numbers, values, style, color=ROLE["model"], label=name)
    ax.set(xscale="log", yscale="log", xlabel="training points N", ylabel="nats above the truth")
    _plain_ticks(ax.xaxis)
    ax.legend()
    return lines


# ---------------------------------------------------------------- where the course leads

# Family, how it draws, what its density is, what it gives up; in the order of the page.
FAMILIES: tuple[tuple[str, str, str, str], ...] = (
    ("Latent variables (VAE)", "one pass", "a lower bound", "the exact density"),
    ("Adversarial (GAN)", "one pass", "none", "any density at all"),
    ("Normalising flow", "one pass", "exact", "layers without an inverse"),
    ("Autoregressive", "one pixel at a time", "exact", "fast draws; needs an order"),
    ("Energy-based", "Markov chain", "up to a constant", "the normaliser Z"),
    ("Diffusion", "many small steps", "a lower bound", "fast draws"),
)

# Year of publication, lane, label, and whether the label stands above (+1) or below (-1) its dot.
TIMELINE: tuple[tuple[int, str, str, int], ...] = (
    (2013, "latent variables", "VAE", 1),
    (2014, "adversarial", "GAN", 1),
    (2014, "flows", "NICE", 1),
    (2016, "flows", "RealNVP", 1),
    (2016, "autoregressive", "PixelRNN, WaveNet", 1),
    (2015, "diffusion", "Sohl-Dickstein et al.", 1),
    (2020, "diffusion", "DDPM", 1),
    (2021, "diffusion", "score SDE", -1),
    (2022, "diffusion", "latent diffusion", 1),
    (2023, "pictures and video", "Midjourney", 1),
    (2026, "pictures and video", "Seedance 2.0", 1),
)


def families(ax: Axes) -> None:
    """Six families of generative models on one page: a diagram of each, and what it gives up.

    The page has its own size, to which the figure is set: coordinates are inches, as fonts are.
    """
    ax.figure.set_size_inches(9.4, 5.6)
    wide, tall, gap = 3.0, 2.65, 0.12
    drawings = (_vae, _gan, _flow, _autoregressive, _energy, _diffusion)
    for i, ((name, draws, dens, lost), drawing) in enumerate(zip(FAMILIES, drawings, strict=True)):
        left = (i % 3) * (wide + gap)
        low = (1 - i // 3) * (tall + gap)
        ax.add_patch(
            FancyBboxPatch(
                (left, low),
                wide,
                tall,
                boxstyle="round,pad=0,rounding_size=0.12",
                facecolor=PAPER,
                edgecolor="none",
            )
        )
        ax.text(left + 0.18, low + tall - 0.32, name, fontsize=12, weight="bold", color=INK)
        drawing(ax, left + wide / 2, low + 1.55)
        for row, (what, value) in enumerate(
            (("draws", draws), ("density", dens), ("gives up", lost))
        ):
            height = low + 0.62 - 0.22 * row
            ax.text(left + 0.18, height, what, fontsize=9.5, color=SOFT)
            ax.text(left + 0.86, height, value, fontsize=9.5, color=INK)
    ax.set(xlim=(-0.02, 3 * wide + 2 * gap + 0.02), ylim=(-0.02, 2 * tall + gap + 0.02))
    ax.set_aspect("equal")
    ax.axis("off")


def _vae(ax: Axes, x: float, y: float) -> None:
    """Encoder from x to z and decoder back."""
    _node(ax, x - 1.05, y, "x", ROLE["data"])
    _node(ax, x + 1.05, y, "z", ROLE["prior"])
    _arrow(ax, (x - 0.85, y + 0.17), (x + 0.85, y + 0.17), bend=-0.22)
    _arrow(ax, (x + 0.85, y - 0.17), (x - 0.85, y - 0.17), bend=-0.22)
    _box(ax, x, y + 0.35, "encoder  q(z|x)", ROLE["posterior"], w=1.26, h=0.28)
    _box(ax, x, y - 0.35, "decoder  p(x|z)", ROLE["model"], w=1.26, h=0.28)


def _gan(ax: Axes, x: float, y: float) -> None:
    """A generator makes x from z; a discriminator compares with data."""
    _node(ax, x - 1.24, y + 0.28, "z", ROLE["prior"])
    _box(ax, x - 0.46, y + 0.28, "generator", ROLE["model"], w=0.78, h=0.28)
    _node(ax, x + 0.32, y + 0.28, "x", ROLE["model"])
    _node(ax, x + 0.32, y - 0.30, "x", ROLE["data"])
    ax.text(x + 0.06, y - 0.30, "data", ha="right", va="center", fontsize=9.5, color=SOFT)
    _box(ax, x + 1.06, y, "real?", SOFT, w=0.52, h=0.30)
    _arrow(ax, (x - 1.06, y + 0.28), (x - 0.86, y + 0.28))
    _arrow(ax, (x - 0.06, y + 0.28), (x + 0.14, y + 0.28))
    _arrow(ax, (x + 0.50, y + 0.22), (x + 0.79, y + 0.06))
    _arrow(ax, (x + 0.50, y - 0.24), (x + 0.79, y - 0.06))


def _flow(ax: Axes, x: float, y: float) -> None:
    """One invertible map both ways."""
    _node(ax, x - 1.05, y, "x", ROLE["data"])
    _node(ax, x + 1.05, y, "z", ROLE["prior"])
    _arrow(ax, (x - 0.85, y), (x + 0.85, y), both=True)
    for shift in (-0.42, 0.0, 0.42):
        _box(ax, x + shift, y, "f", ROLE["model"], w=0.27, h=0.44)
    ax.text(x, y - 0.42, "invertible, dim z = dim x", ha="center", fontsize=9.5, color=SOFT)


def _autoregressive(ax: Axes, x: float, y: float) -> None:
    """Each component from those before it."""
    places = [x - 1.05 + 0.7 * i for i in range(4)]
    for i, place in enumerate(places):
        _node(ax, place, y - 0.05, f"$x_{i + 1}$", ROLE["data"] if i < 3 else ROLE["model"])
    for i in range(3):
        _arrow(ax, (places[i] + 0.19, y - 0.05), (places[i + 1] - 0.19, y - 0.05))
    _arrow(ax, (places[1] + 0.06, y + 0.13), (places[3] - 0.14, y + 0.10), bend=-0.35)
    _arrow(ax, (places[0] + 0.06, y + 0.13), (places[3] - 0.05, y + 0.15), bend=-0.38)
    ax.text(
        x, y - 0.47, "p(x) = product of p(next | before)", ha="center", fontsize=9.5, color=SOFT
    )


def _energy(ax: Axes, x: float, y: float) -> None:
    """A landscape: low energy is likely."""
    t = np.linspace(-1.15, 1.15, 200)
    landscape = 0.28 * (1.6 * t**4 - 2.4 * t**2 + 0.35 * t)
    ax.plot(x + t, y + landscape + 0.13, color=ROLE["model"], linewidth=2)
    for place in (-0.93, -0.86, -0.78, 0.80, 0.88):
        level = 0.28 * (1.6 * place**4 - 2.4 * place**2 + 0.35 * place)
        ax.plot(x + place, y + level + 0.19, "o", markersize=6, color=ROLE["data"])
    ax.text(x, y + 0.30, "E(x)", ha="center", fontsize=11, color=INK)
    ax.text(x, y - 0.47, "p(x) = exp(−E(x)) / Z", ha="center", fontsize=9.5, color=SOFT)


def _diffusion(ax: Axes, x: float, y: float) -> None:
    """Noise is added in small steps, and removed in learned ones."""
    places = [x - 1.15, x - 0.38, x + 0.38, x + 1.15]
    names = ("$x_0$", "$x_1$", "...", "$x_T$")
    colours = (ROLE["data"], ROLE["neutral"], ROLE["neutral"], ROLE["prior"])
    for place, name, colour in zip(places, names, colours, strict=True):
        _node(ax, place, y, name, colour)
    for i in range(3):
        _arrow(ax, (places[i] + 0.17, y + 0.10), (places[i + 1] - 0.17, y + 0.10), bend=-0.35)
        _arrow(ax, (places[i + 1] - 0.17, y - 0.10), (places[i] + 0.17, y - 0.10), bend=-0.35)
    ax.text(x, y + 0.36, "add noise (fixed)", ha="center", fontsize=9.5, color=SOFT)
    ax.text(x, y - 0.47, "remove it (learned)", ha="center", fontsize=9.5, color=ROLE["model"])


def _node(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    """A variable: a circle with its symbol."""
    ax.plot(x, y, "o", markersize=24, color="white", mec=colour, mew=2, zorder=3)
    ax.text(x, y, text, ha="center", va="center_baseline", fontsize=11, color=INK, zorder=4)


def _box(ax: Axes, x: float, y: float, text: str, colour: str, *, w: float, h: float) -> None:
    """A function: a rounded box with its name."""
    ax.add_patch(
        FancyBboxPatch(
            (x - w / 2, y - h / 2),
            w,
            h,
            boxstyle="round,pad=0,rounding_size=0.07",
            facecolor=colour,
            edgecolor="none",
            zorder=3,
        )
    )
    ax.text(x, y, text, ha="center", va="center_baseline", color="white", fontsize=9.5, zorder=4)


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    bend: float = 0.0,
    both: bool = False,
) -> None:
    """An arrow between two points; `bend` curves it."""
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="<|-|>" if both else "-|>",
            connectionstyle=f"arc3,rad={bend}",
            mutation_scale=11,
            linewidth=1.3,
            color=SOFT,
            shrinkA=0,
            shrinkB=0,
            zorder=2,
        )
    )


def timeline(ax: Axes) -> None:
    """Deep generative models from the 2013 VAE to video in 2026, one lane per family.

    Make the figure with `figure(width=9.3, height=3.9)`.
    """
    lanes = list(dict.fromkeys(lane for _, lane, _, _ in TIMELINE))
    for i, lane in enumerate(lanes):
        height = len(lanes) - i
        years = [year for year, own, _, _ in TIMELINE if own == lane]
        ax.plot([years[0], 2026.6], [height, height], color="#D5D9DE", linewidth=6, zorder=1)
        ax.text(2012.6, height, lane, ha="right", va="center", color=INK)
        for year, own, label, side in TIMELINE:
            if own == lane:
                ax.plot(
                    year, height, "o", markersize=10, color=ROLE["model"], mec="white", zorder=3
                )
                ax.annotate(
                    label,
                    (year, height),
                    xytext=(-4, 9 * side),
                    textcoords="offset points",
                    va="bottom" if side > 0 else "top",
                    fontsize=9.5,
                    color=INK,
                )
    ax.set(xlim=(2012.7, 2027.6), ylim=(0.4, len(lanes) + 0.7), yticks=[])
    ax.set_xticks(range(2013, 2027))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="x", color="#ECEEF1")


# ---------------------------------------------------------------- lecture 03


def spectrum(ax: Axes, eigenvalues: Array, *, count: int = 30) -> Line2D:
    """Variances along the first `count` principal components; eigenvalues (D,), log axis."""
    values = array(eigenvalues)[:count]
    (line,) = ax.semilogy(np.arange(1, len(values) + 1), values, "o-", color=ROLE["data"])
    ax.set(xlabel="principal component", ylabel="variance along it (eigenvalue)")
    ax.set_xlim(left=0)
    return line


def dimension_curve(
    ax: Axes,
    sizes: Array,
    mean: Array,
    error: Array,
    *,
    truth: float,
    fmt: str = "o-",
    label: str | None = None,
) -> ErrorbarContainer:
    """Estimated dimension with errors against the number of points, (M,) each, and the truth.

    Call it once per manifold on the same Axes; `fmt` tells the curves apart.
    """
    ax.axhline(truth, color=ROLE["truth"], linewidth=1.2, linestyle=":")
    points = ax.errorbar(
        array(sizes), array(mean), yerr=array(error), fmt=fmt, color=ROLE["data"], label=label
    )
    ax.set(xscale="log", xlabel="number of points N", ylabel="estimated dimension")
    _plain_ticks(ax.xaxis)
    highest = max(truth, float(array(mean + error).max()))
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.1 * highest))
    return points


def bottleneck_sweep(
    ax: Axes, sizes: Array, network: Array, linear: Array, *, truth: float | None = None
) -> tuple[Line2D, Line2D]:
    """Reconstruction error against the width K of the bottleneck, (R,) each; log axis.

    `truth`: the number of factors, marked by a vertical line.
    """
    k = array(sizes)
    (pca,) = ax.semilogy(k, array(linear), "s--", color=ROLE["neutral"], label="PCA")
    (line,) = ax.semilogy(k, array(network), "o-", color=ROLE["model"], label="network")
    if truth is not None:
        ax.axvline(truth, color=ROLE["truth"], linewidth=1.2, linestyle=":", label="true factors")
    ax.set(xlabel="numbers in the bottleneck, K", ylabel="squared error per image", xticks=k)
    ax.legend()
    return line, pca


def latent_map(
    ax: Axes, codes: Array, factor: Array, *, label: str, cyclic: bool = False
) -> PathCollection:
    """Scatter codes (N, 2), coloured by a factor (N,) with a colour bar; `cyclic` for an angle."""
    z = array(codes)
    cmap = "twilight_shifted" if cyclic else "viridis"
    dots = ax.scatter(z[:, 0], z[:, 1], c=array(factor), s=9, linewidths=0, cmap=cmap)
    ax.figure.colorbar(dots, ax=ax, label=label)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    return dots


def latent_draws(
    ax: Axes, codes: Array, draws: Array | None = None
) -> tuple[PathCollection, PathCollection | None]:
    """Codes of images (N, 2), and over them draws (M, 2) from a model of the codes."""
    z = array(codes)
    seen = ax.scatter(
        z[:, 0], z[:, 1], s=9, linewidths=0, alpha=0.5, color=ROLE["data"], label="codes of images"
    )
    drawn = None
    if draws is not None:
        z = array(draws)
        drawn = ax.scatter(z[:, 0], z[:, 1], s=12, linewidths=0, color=ROLE["model"], label="draws")
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    return seen, drawn
