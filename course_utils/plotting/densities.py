"""Densities in one dimension, and fits: lecture 02."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.lines import Line2D
from matplotlib.patches import StepPatch

from .base import ROLE, Array, array, plain_ticks

# ---------------------------------------------------------------- histograms


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
    """Events against the exact density p(c), c = cos t of the muon; events (N,), c and p (M,)."""
    bars = histogram(ax, events, bins=bins, bounds=(-1, 1), label="events")
    line = density(ax, c, p, label="exact density p(c)")
    ax.set(xlabel="c = cos t", ylabel="density", xlim=(-1, 1))
    ax.set_ylim(0, 1.25 * max(float(array(p).max()), float(bars.get_data()[0].max())))
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
    ax.set(xlabel="c = cos t", ylabel="u", xlim=(left, float(grid[-1])), ylim=(0, 1))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1))
    return lines


def log_likelihood(ax: Axes, a: Array, value: Array) -> Line2D:
    """A log-likelihood (M,) below its maximum against the parameter a (M,), with the 1/2 line.

    Where the curve is 1/2 below its top ends the interval of one standard error.
    """
    (line,) = ax.plot(array(a), array(value), color=ROLE["model"])
    ax.axhline(-0.5, color=ROLE["neutral"], linewidth=1, linestyle=":")
    ax.set(xlabel="A_FB", ylabel="log-likelihood − maximum", ylim=(-9, 0.8))
    return line


def fit_history(ax: Axes, history: Array, *, level: float, label: str, known: str) -> Line2D:
    """Nats above the truth before round 1, 2, ... of a fit, (T,), and where another fit ended."""
    values = array(history)
    (line,) = ax.plot(range(1, len(values) + 1), values, color=ROLE["model"], label=label)
    ax.axhline(level, color=ROLE["neutral"], linewidth=1.5, linestyle="--", label=known)
    ax.set(xscale="log", xlabel="before round", ylabel="NLL − true entropy, nats", xlim=(1, None))
    plain_ticks(ax.xaxis)
    ax.legend()
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
    plain_ticks(ax.xaxis)
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
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines
