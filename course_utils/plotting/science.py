"""What physicists, cosmologists and chemists look at: lecture 01."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colorbar import Colorbar
from matplotlib.container import ErrorbarContainer
from matplotlib.contour import QuadContourSet
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from .base import DENSITY_MAP, ROLE, SOFT, Array, array, plain_ticks

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
    plain_ticks(ax.xaxis)
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
    plain_ticks(ax.xaxis)
    plain_ticks(ax.yaxis)
    ax.legend()
    return points, line


def half_grid(ax: Axes, n: int) -> PathCollection:
    """The wave vectors of an n x n grid: filled where rfft2 keeps them, hollow their mirror images.

    A real field's mode at -k is the complex conjugate of that at k: a dotted line joins one pair.
    """
    k0 = np.sort(np.fft.fftfreq(n, 1 / n))
    kept = [(row, column) for row in k0 for column in range(n // 2 + 1)]
    left_out = [(row, -column) for row in k0 for column in range(1, (n + 1) // 2)]
    hollow = dict(facecolors="white", edgecolors=ROLE["neutral"], linewidths=1.2)
    ax.scatter(*zip(*left_out, strict=True), s=42, label="mirror images", zorder=3, **hollow)
    dots = ax.scatter(
        *zip(*kept, strict=True), s=46, color=ROLE["data"], label="kept by rfft2", zorder=3
    )
    ax.plot([-2, 2], [-1, 1], ":", color=ROLE["truth"], linewidth=1.5)
    ax.annotate("k", (2, 1), xytext=(6, 5), textcoords="offset points", weight="bold")
    ax.annotate("−k", (-2, -1), xytext=(-17, -12), textcoords="offset points", weight="bold")
    ax.set(xlabel="k₀, the row", ylabel="k₁, the column", aspect="equal")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return dots


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
    marks: dict[str, Any] = dict(linestyle="none", color=ROLE["truth"], zorder=4)
    if minima is not None:
        ax.plot(*array(minima).T, marker="o", markersize=7, label="minima", **marks)
    if saddles is not None:
        ax.plot(*array(saddles).T, marker="x", markersize=8, mew=2, label="saddles", **marks)
    ax.set(xlabel="x", ylabel="y", aspect="equal")
    return lines


def boltzmann_map(ax: Axes, x: Array, y: Array, p: Array) -> AxesImage:
    """A two-dimensional density p (n, m) on an even grid x (n,), y (m,), axis 0 along x.

    The colour follows the square root of p, so that thin tails and small basins stay visible: say
    so beside the figure, or give it a `density_bar`.
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


def density_bar(shown: AxesImage, *, label: str = "density p") -> Colorbar:
    """A colour bar for `boltzmann_map`: colour follows the root, the marks are densities."""
    most: Any = shown.norm.vmax
    top = float(most) ** 2
    steps = np.outer(10.0 ** np.arange(-6, 7), [1, 2, 5]).ravel()
    marks = [0.0, *steps[(steps < top) & (steps > top / 40)]]
    bar = shown.figure.colorbar(shown, ax=shown.axes, shrink=0.85, pad=0.03)
    bar.set_ticks(np.sqrt(marks).tolist(), labels=[f"{mark:g}" for mark in marks])
    bar.set_label(label)
    return bar


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
