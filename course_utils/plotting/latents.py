"""Drawings of latent-variable models: a line bent into the plane, and two processes. Lecture 04."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from .base import DENSITY_MAP, INK, PAPER, ROLE, Array, array

POINTS = ("A", "B")  # the two x whose posteriors are shown


def bent_line(
    ax: Axes,
    curve: Array,
    sigma: float,
    axes: Sequence[Array],
    p_x: Array,
    points: Array,
    *,
    every: int = 20,
) -> None:
    """A latent bent to a curve in the plane, the discs of p(x | z) on it, and p(x) as a map.

    curve: the decoder's means (G, 2) along z. sigma: of the noise, the discs' radius. axes: twice
    (n,), of the map p_x (n * n,). points: (2, 2), marked A and B. every: places between discs.
    """
    line, marked = array(curve), array(points)
    across, up = (array(axis) for axis in axes)
    p = array(p_x).reshape(len(across), len(up)).T
    extent = (across[0], across[-1], up[0], up[-1])
    ax.imshow(p, origin="lower", extent=extent, cmap=DENSITY_MAP, vmax=1.1 * p.max())
    ax.plot(*line.T, color=ROLE["prior"], linewidth=2, label="mean of p(x | z)")
    for place in line[::every]:
        ax.add_patch(Circle(tuple(place), sigma, fill=False, color=ROLE["model"], linewidth=1))
    for name, (x1, x2) in zip(POINTS, marked, strict=True):
        ax.plot(x1, x2, "o", color=ROLE["posterior"], markersize=6)
        inward = -16 * np.array([x1, x2]) / np.hypot(x1, x2)  # the curve goes round the origin
        ax.annotate(
            name,
            (x1, x2),
            tuple(inward),
            textcoords="offset points",
            ha="center",
            va="center",
            color=ROLE["posterior"],
        )
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")


def prior_and_posteriors(ax: Axes, z: Array, prior: Array, posteriors: Array) -> None:
    """p(z) and the posteriors p(z | x) of A and B, densities over z (G,): (G,) and (G, 2)."""
    ax.plot(array(z), array(prior), color=ROLE["prior"], label="prior p(z)")
    for name, style, density in zip(POINTS, ("-", "--"), array(posteriors).T, strict=True):
        label = f"p(z | x = {name})"
        ax.plot(array(z), density, style, color=ROLE["posterior"], label=label)
    ax.set(xlabel="z", ylabel="density", ylim=(0, None))
    ax.legend()


def processes(ax: Axes, model: float, guess: float) -> None:
    """The forward and the reverse process as a drawing, and how far apart they are, in nats.

    model: KL(p_data || p_theta). guess: the average of KL(q || posterior) over the data.
    """
    ax.set(xlim=(0, 10), ylim=(0, 5.2))
    ax.axis("off")
    q_label, p_label = (
        "$q_\\phi(z\\,|\\,x)$\nguess: an encoder",
        "$p_\\theta(x\\,|\\,z)$\na decoder",
    )
    top = (("nature", 0.6), ("x", 3.0), ("z", 7.0)), ("$p_{\\rm data}(x)$", q_label)
    below = (("prior", 9.4), ("z", 7.0), ("x", 3.0)), ("$p(z)$", p_label)
    _lane(ax, 4.1, *top, ROLE["data"])
    _lane(ax, 1.1, *below, ROLE["model"])
    ax.text(5, 4.95, "forward: starts from nature", ha="center", color=ROLE["data"])
    ax.text(5, 0.15, "reverse: starts from the prior", ha="center", color=ROLE["model"])
    for x, what, nats in (
        (3.0, "KL$(p_{\\rm data}\\,\\Vert\\,p_\\theta)$", model),
        (7.0, "$\\langle$KL$(q_\\phi\\,\\Vert\\,p_\\theta(z|x))\\rangle$", guess),
    ):
        ends = FancyArrowPatch(
            (x, 3.65), (x, 1.55), arrowstyle="<->", mutation_scale=12, color=ROLE["neutral"]
        )
        ax.add_patch(ends)
        ax.text(x + 0.15, 2.6, f"{what}\n{nats:.2f} nats", va="center", color=INK)


def _lane(
    ax: Axes, y: float, stops: Sequence[tuple[str, float]], labels: Sequence[str], colour: str
) -> None:
    """Boxes (text, x) at the height y, and arrows with labels from each to the next."""
    for text, x in stops:
        _box(ax, x, y, text, colour, width=1.0 if len(text) > 1 else 0.7)
    for (_, start), (_, end), label in zip(stops, stops[1:], labels, strict=False):
        _arrow(ax, start, end, y, colour, label)


def _box(ax: Axes, x: float, y: float, text: str, colour: str, *, width: float) -> None:
    corner = (x - width / 2, y - 0.35)
    style = "round,pad=0.05"
    ax.add_patch(
        FancyBboxPatch(corner, width, 0.7, boxstyle=style, facecolor=PAPER, edgecolor=colour)
    )
    ax.text(x, y, text, ha="center", va="center", color=INK)


def _arrow(ax: Axes, start: float, end: float, y: float, colour: str, label: str) -> None:
    side = np.sign(end - start)
    ends = (start + 0.6 * side, y), (end - 0.45 * side, y)
    ax.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=14, color=colour))
    ax.text((ends[0][0] + ends[1][0]) / 2, y + 0.1, label, ha="center", va="bottom", color=INK)
