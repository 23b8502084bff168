"""Families of models side by side, and their pictures: lecture 09."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from .base import ROLE, Array, array, bare
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
