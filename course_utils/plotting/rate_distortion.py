"""Rates, distortions, spectra of what is lost, and what latents tell: lecture 08."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D

from .base import DENSITY_MAP, ROLE, Array, array, plain_ticks


def water_filling(
    ax: Axes, eigenvalues: Array, level: float, *, floor: float = 0.02
) -> tuple[BarContainer, BarContainer]:
    """Variances (D,) as bars on a logarithmic axis, and the water that covers what is lost.

    What stands above the level is told: its height in nats is twice its rate.
    Returns: the bars of what is lost, and those of what is told.
    """
    values = np.sort(array(eigenvalues))[::-1]
    places = np.arange(1, len(values) + 1)
    lost = np.minimum(values, level)
    below = ax.bar(places, lost - floor, bottom=floor, color=ROLE["data"], label="lost")
    above = ax.bar(places, values - lost, bottom=lost, color=ROLE["model"], label="told")
    ax.axhline(level, color=ROLE["data"], linewidth=1.5, linestyle="--", label="water level")
    ax.set(yscale="log", ylim=(floor, 1.5 * values.max()), xticks=places)
    ax.set(xlabel="direction i", ylabel="variance $\\lambda_i$")
    plain_ticks(ax.yaxis)
    ax.legend()
    return below, above


def shannon_limit(
    ax: Axes,
    rate: Array,
    distortion: Array,
    found: Mapping[str, tuple[Array, Array]],
    *,
    ylabel: str = "squared error, summed",
) -> list[Line2D]:
    """A rate-distortion limit (L,) in nats, the region it forbids, and points that were found.

    found: (rates (n,), distortions (n,)) by name.
    Returns: the limit, then the points of each name.
    """
    r, d = array(rate), array(distortion)
    order = np.argsort(r)
    (limit,) = ax.plot(r[order], d[order], color=ROLE["truth"], label="Shannon's limit")
    ax.fill_between(r[order], 0, d[order], color=ROLE["neutral"], alpha=0.2, linewidth=0)
    lines = [limit]
    styles = (("o", "model", 7), ("x", "posterior", 8), ("+", "data", 9))
    for (name, (x, y)), (marker, role, size) in zip(found.items(), styles, strict=False):
        lines += ax.plot(
            array(x), array(y), marker, color=ROLE[role], markersize=size, label=name, zorder=3
        )
    ax.set(xlabel="rate, nats", ylabel=ylabel, ylim=(0, None), xlim=(min(0, -0.02 * r.max()), None))
    ax.legend()
    return lines


def rd_plane(
    ax: Axes, rate: Array, distortion: Array, entropy: float, *, name: str = "VAEs, one per beta"
) -> tuple[Line2D, Line2D]:
    """Models (n,) by rate and distortion, both in nats, over the line where they add to entropy.

    Returns: the models and the line.
    """
    r, d = array(rate), array(distortion)
    ends = np.array([0.0, entropy])
    (line,) = ax.plot(
        ends, entropy - ends, color=ROLE["truth"], label="distortion + rate\n= entropy"
    )
    ax.fill_between(ends, 0, entropy - ends, color=ROLE["neutral"], alpha=0.2, linewidth=0)
    (models,) = ax.plot(r, d, "o-", color=ROLE["model"], linewidth=1, label=name)
    ax.set(xlabel="rate, nats", ylabel="distortion, nats")
    ax.set(xlim=(-0.03 * r.max(), 1.05 * max(r.max(), entropy)), ylim=(0, 1.05 * d.max()))
    ax.legend()
    return models, line


def residual_spectra(
    ax: Axes, k: Array, power: Array, levels: Sequence[float], residuals: Sequence[Array]
) -> list[Line2D]:
    """A field's power (M,), min(power, level), and the residual spectra found, (M,) per level.

    Returns: the power, then for each level the line of the law and the points found.
    """
    p = array(power)
    lines = ax.plot(array(k), p, color=ROLE["data"], linewidth=5, alpha=0.35, label="P(k)")
    for i, (level, residual) in enumerate(zip(levels, residuals, strict=True)):
        first = i == 0
        lines += ax.plot(
            array(k),
            np.minimum(p, level),
            color=ROLE["truth"],
            linewidth=1.2,
            label="min(P(k), level)" if first else None,
        )
        lines += ax.plot(
            array(k),
            array(residual),
            "o",
            color=ROLE["model"],
            markersize=4.5,
            label="residual of the trained VAE" if first else None,
        )
    ax.set(xscale="log", yscale="log", xlabel="wavenumber k", ylabel="power")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines


def information(ax: Axes, mi: Array, factors: Sequence[str]) -> AxesImage:
    """Mutual information (K, F) of latents (rows) and factors (columns) as a table, in nats."""
    values = array(mi)
    shown = ax.imshow(values, cmap=DENSITY_MAP, vmin=0, vmax=max(1.5, values.max()), aspect="auto")
    for (i, j), value in np.ndenumerate(values):
        dark = value > 0.6 * shown.get_clim()[1]
        text = f"{max(value, 0):.1f}"
        ax.text(j, i, text, ha="center", va="center", color="white" if dark else ROLE["truth"])
    ax.set_xticks(range(len(factors)), factors)
    ax.set_yticks(range(len(values)), [f"$z_{i + 1}$" for i in range(len(values))])
    ax.grid(False)
    return shown


def message_lengths(ax: Axes, lengths: Sequence[float], names: Sequence[str]) -> None:
    """The length of a message in bits before and after each step, from above down, (n,) each.

    What a step adds is orange, what it takes away is outlined in purple.
    """
    for i, length in enumerate(lengths):
        before = lengths[max(i - 1, 0)]
        ax.barh(i, min(length, before), color=ROLE["data"], alpha=0.35)
        if length > before:
            ax.barh(i, length - before, left=before, color=ROLE["model"])
        elif length < before:
            ax.barh(
                i,
                before - length,
                left=length,
                fill=False,
                edgecolor=ROLE["posterior"],
                linestyle="--",
            )
        change = f" ({length - before:+.1f})" if i else ""
        ax.text(max(length, before) + 2, i, f"{length:.1f}{change}", va="center")
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set(xlabel="bits", xlim=(0, 1.25 * max(lengths)))
