"""Families of models side by side, and their pictures: lecture 09."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .base import INK, ROLE, Array, array, bare
from .diagrams import arrow, box, node
from .pictures import images
from .science import boltzmann_map


def family_gallery(
    axes: Sequence[Axes], grid: tuple[Array, Array, Array], samples: Mapping[str, Array]
) -> list[PathCollection]:
    """Samples (n, 2) of each family over the exact density, one Axes for each.

    grid: x (n,), y (m,) and the density (n, m), as for `boltzmann_map`.
    """
    dots = []
    for ax, (name, points) in zip(axes, samples.items(), strict=True):
        boltzmann_map(ax, *grid)
        xy = array(points)
        dots.append(
            ax.scatter(xy[:, 0], xy[:, 1], s=4, linewidths=0, alpha=0.6, color=ROLE["model"])
        )
        x, y = array(grid[0]), array(grid[1])
        ax.set(xlim=(x[0], x[-1]), ylim=(y[0], y[-1]), xticks=[], yticks=[], xlabel="", ylabel="")
        ax.set_title(name)
    return dots


def weight_map(ax: Axes, weights: Array, pixel: tuple[int, int]) -> AxesImage:
    """What one pixel (row, column) looks at: weights (h, w), red above and blue below zero."""
    values = array(weights)
    limit = float(np.abs(values).max())
    shown = ax.imshow(values, cmap="RdBu_r", vmin=-limit, vmax=limit)
    row, column = pixel
    ax.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, color=ROLE["truth"]))
    bare(ax)
    return shown


def drawn_rows(
    ax: Axes, rows: Mapping[str, Array], *, low: float = 0.0, high: float = 1.0
) -> AxesImage:
    """Images (n, h, w) of each family in a row of their own, with its name on the left."""
    batches = [array(batch) for batch in rows.values()]
    n, h, _ = batches[0].shape
    shown = images(ax, np.concatenate(batches), n, low=low, high=high)
    ax.set_yticks([i * (h + 1) + (h - 1) / 2 for i in range(len(rows))], list(rows))
    ax.tick_params(axis="y", length=0)
    return shown


def shape_counts(ax: Axes, counts: Mapping[str, Array]) -> list[Line2D]:
    """How often each of M shapes was drawn, (M,) for each model, the most frequent first."""
    lines = []
    roles = ("data", "model", "posterior")
    for (name, number), role in zip(counts.items(), roles, strict=False):
        sorted_counts = np.sort(array(number))[::-1]
        lines += ax.step(
            np.arange(1, len(sorted_counts) + 1), sorted_counts, color=ROLE[role], label=name
        )
    ax.set(xlabel="shape, by frequency", ylabel="times drawn", yscale="symlog")
    ax.legend()
    return lines


def forger_and_critic(ax: Axes) -> None:
    """A GAN: noise becomes forgeries, and a critic is shown them and data in turn.

    Under each network stands what it wants. The page has its own size, to which the figure is set.
    """
    page: Any = ax.get_figure(root=True)
    page.set_size_inches(8.6, 2.7)
    node(ax, 0.4, 1.9, "z", ROLE["prior"])
    arrow(ax, (0.62, 1.9), (1.15, 1.9))
    box(ax, 1.95, 1.9, "forger $G_\\theta$", ROLE["model"], w=1.6, h=0.8)
    arrow(ax, (2.75, 1.9), (3.28, 1.9))
    node(ax, 3.5, 1.9, "x", ROLE["model"])
    node(ax, 3.5, 0.7, "x", ROLE["data"])
    arrow(ax, (3.72, 1.8), (4.5, 1.42))
    arrow(ax, (3.72, 0.8), (4.5, 1.18))
    box(ax, 5.3, 1.3, "critic", ROLE["posterior"], w=1.6, h=0.8)
    arrow(ax, (6.1, 1.3), (6.63, 1.3))
    node(ax, 6.85, 1.3, "$d$", ROLE["posterior"])
    said: dict[str, Any] = {"ha": "center", "color": INK, "fontsize": 10}
    ax.text(0.4, 2.4, "noise", **said)
    ax.text(3.5, 2.4, "forgery", **said)
    ax.text(3.5, 0.15, "data", **said)
    ax.text(6.85, 1.8, 'probability of "data"', **said)
    ax.text(1.95, 1.15, "wants d large here", **said)
    ax.text(5.3, 0.55, "wants d small for forgeries, large for data", **said)
    ax.set(xlim=(0, 8.2), ylim=(0, 2.7))
    bare(ax)
