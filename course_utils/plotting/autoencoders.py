"""Spectra, dimensions, bottlenecks and codes: lecture 03."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D

from .base import ROLE, Array, array, plain_ticks


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
