"""Spectra, dimensions, bottlenecks and codes: lecture 03."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon, Rectangle

from .base import INK, ROLE, SOFT, Array, array, plain_ticks
from .diagrams import arrow


def bottleneck_drawing(ax: Axes) -> None:
    """An autoencoder as a drawing: image, encoder, a few numbers, decoder, reconstruction.

    Make the figure with `figure(width=8.6, height=2.5)`.
    """
    model, data = ROLE["model"], ROLE["data"]
    text: dict[str, Any] = dict(ha="center", va="center", fontsize=11)
    for points, name in (
        ([(1.6, 0.2), (1.6, 2.0), (3.5, 1.4), (3.5, 0.8)], "encoder $f_\\phi$"),
        ([(5.1, 0.8), (5.1, 1.4), (7.0, 2.0), (7.0, 0.2)], "decoder $g_\\theta$"),
    ):
        ax.add_patch(Polygon(points, facecolor=model, edgecolor="none"))
        ax.text(sum(x for x, _ in points) / 4, 1.1, name, color="white", **text)
    for left, low, height, name, below in (
        (0.6, 0.2, 1.8, "$x$", "D pixels"),
        (4.1, 0.8, 0.6, "$z$", "K numbers"),
        (7.6, 0.2, 1.8, "$\\hat x$", "D pixels"),
    ):
        ax.add_patch(Rectangle((left, low), 0.4, height, facecolor="white", edgecolor=data, lw=2))
        ax.text(left + 0.2, 1.1, name, color=INK, **text)
        ax.text(left + 0.2, low - 0.2, below, color=SOFT, ha="center", va="center", fontsize=9.5)
    for start, end in ((1.05, 1.55), (3.55, 4.05), (4.55, 5.05), (7.05, 7.55)):
        arrow(ax, (start, 1.1), (end, 1.1))
    arrow(ax, (0.8, 2.05), (7.8, 2.05), bend=-0.12, both=True)
    ax.text(4.3, 2.2, "loss: $|x - \\hat x|^2$", color=INK, **text)
    ax.set(xlim=(0.2, 8.4), ylim=(-0.2, 2.6))
    ax.axis("off")


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
    plain_ticks(ax.xaxis)
    highest = max(truth, float(array(mean + error).max()))
    ax.set_ylim(0, max(ax.get_ylim()[1], 1.1 * highest))
    return points


def bottleneck_sweep(
    ax: Axes, sizes: Array, network: Array, linear: Array, *, truth: float | None = None
) -> tuple[Line2D, Line2D]:
    """Reconstruction error against the width K of the bottleneck, (R,) each; log axis.

    `truth`: the number of causes, marked by a vertical line.
    """
    k = array(sizes)
    (pca,) = ax.semilogy(k, array(linear), "s--", color=ROLE["neutral"], label="PCA")
    (line,) = ax.semilogy(k, array(network), "o-", color=ROLE["model"], label="network")
    if truth is not None:
        ax.axvline(
            truth, color=ROLE["truth"], linewidth=1.2, linestyle=":", label="true number of causes"
        )
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
