"""Drawings of processes: variables in circles, functions in boxes, arrows between them."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from .base import INK, ROLE, SOFT


def node(ax: Axes, x: float, y: float, text: str, colour: str) -> None:
    """A variable: a circle with its symbol."""
    ax.plot(x, y, "o", markersize=24, color="white", mec=colour, mew=2, zorder=3)
    ax.text(x, y, text, ha="center", va="center_baseline", fontsize=11, color=INK, zorder=4)


def box(ax: Axes, x: float, y: float, text: str, colour: str, *, w: float, h: float) -> None:
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


def arrow(
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


def two_networks(ax: Axes, *, known: str | None = None) -> None:
    """A variational autoencoder: from x by the encoder to a code, from the code back to pixels.

    Above each half stands the distribution that it speaks of, below it the term of the loss that
    it answers for. The page has its own size, to which the figure is set.

    known: the name of a simulator that stands in the decoder's place and has nothing to learn.
    """
    page: Any = ax.get_figure(root=True)
    page.set_size_inches(9.4, 3.3)
    y = 1.75
    node(ax, 0.35, y, "x", ROLE["data"])
    arrow(ax, (0.55, y), (0.98, y))
    box(ax, 1.6, y, "encoder $\\phi$", ROLE["posterior"], w=1.2, h=0.9)
    arrow(ax, (2.2, y + 0.14), (2.72, y + 0.4))
    arrow(ax, (2.2, y - 0.14), (2.72, y - 0.4))
    node(ax, 2.95, y + 0.5, "$\\mu$", ROLE["posterior"])
    node(ax, 2.95, y - 0.5, "$\\sigma$", ROLE["posterior"])
    arrow(ax, (3.15, y + 0.42), (4.5, y + 0.07))
    arrow(ax, (3.15, y - 0.5), (3.6, y - 0.5))
    box(ax, 3.8, y - 0.5, "$\\times$", SOFT, w=0.36, h=0.34)
    node(ax, 3.8, y - 1.3, "$\\epsilon$", ROLE["prior"])
    arrow(ax, (3.8, y - 1.1), (3.8, y - 0.69))
    arrow(ax, (3.99, y - 0.43), (4.5, y - 0.07))
    node(ax, 4.72, y, "z", ROLE["posterior"])
    arrow(ax, (4.92, y), (5.4, y))
    colour, theta = (ROLE["truth"], "") if known else (ROLE["model"], "_\\theta")
    box(ax, 6.02, y, known or "decoder $\\theta$", colour, w=1.2, h=0.9)
    arrow(ax, (6.63, y), (7.1, y))
    node(ax, 7.33, y, "$\\hat x$" if known else "$\\ell$", colour)
    arrow(ax, (7.53, y), (8.0, y))
    node(ax, 8.23, y, "x", ROLE["data"])
    said = {"ha": "center", "fontsize": 11, "color": INK}
    ax.text(2.3, y + 1.05, "explains:  $q_\\phi(z\\,|\\,x)$", **said)
    ax.text(6.5, y + 1.05, f"simulates:  $p{theta}(x\\,|\\,z)$", **said)
    small = {"ha": "center", "fontsize": 10, "color": SOFT}
    ax.text(1.9, y - 1.35, "rate: KL$(q\\,||\\,p(z))$", **small)
    ax.text(6.9, y - 1.35, f"distortion: $-\\log p{theta}(x\\,|\\,z)$", **small)
    ax.text(4.72, y + 0.33, "$z=\\mu+\\sigma\\epsilon$", **small)
    ax.text(4.05, y - 1.33, "$\\sim N(0, I)$", ha="left", fontsize=10, color=SOFT)
    ax.set(xlim=(0, 9.2), ylim=(0.1, 3.2), aspect="equal")
    ax.axis("off")
