"""The steps, scores and bounds of a diffusion: lecture 10."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver

from .base import INK, ROLE, Array, array, bare, plain_ticks
from .diagrams import arrow


def noising_chain(ax: Axes, images: Array) -> None:
    """One picture on its way to noise, (n, h, w), with the two processes as arrows over and under.

    The page has its own size, to which the figure is set.
    """
    pictures = array(images)
    n, h, w = pictures.shape
    page: Any = ax.get_figure(root=True)
    page.set_size_inches(9.4, 2.6)
    for i, picture in enumerate(pictures):
        extent = (1.5 * i, 1.5 * i + 1, 0, h / w)
        ax.imshow(picture, cmap="gray_r", vmin=-1, vmax=1, extent=extent, interpolation="nearest")
        if i < n - 1:
            start, end = 1.5 * i + 1.02, 1.5 * i + 1.48
            arrow(ax, (start, 0.62 * h / w), (end, 0.62 * h / w))
            arrow(ax, (end, 0.38 * h / w), (start, 0.38 * h / w))
    middle = 0.75 * n - 0.25
    said: dict[str, Any] = {"ha": "center", "color": INK}
    forward = "encoder, fixed: $q(x_t\\,|\\,x_{t-1})$ adds a little noise  $\\rightarrow$"
    ax.text(middle, 1.12 * h / w, forward, **said)
    back = "$\\leftarrow$  decoder, learned: $p_\\theta(x_{t-1}\\,|\\,x_t)$ takes it away"
    ax.text(middle, -0.24 * h / w, back, **said)
    ax.text(0.5, -0.24 * h / w, "data", **said)
    ax.text(1.5 * n - 1, -0.24 * h / w, "noise", **said)
    ax.set(xlim=(-0.1, 1.5 * n - 0.4), ylim=(-0.35 * h / w, 1.3 * h / w))
    bare(ax)


def bound_gap(ax: Axes, steps: Array, gaps: Mapping[str, Array]) -> list[Line2D]:
    """Evidence minus ELBO, nats (R,) for each choice, against the steps T of a chain, log-log.

    Under the first a line 1 / T is drawn.
    """
    t = array(steps)
    first = array(next(iter(gaps.values())))
    lines = ax.loglog(t, first[-1] * t[-1] / t, color=ROLE["truth"], label="∝ 1 / T")
    for (name, values), style in zip(gaps.items(), ("o", "s--"), strict=False):
        lines += ax.loglog(t, array(values), style, color=ROLE["model"], label=name)
    ax.set(xlabel="steps T", ylabel="evidence − ELBO, nats")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines


def score_field(ax: Axes, x: Array, exact: Array, learned: Array) -> tuple[Quiver, Quiver]:
    """Two vector fields (n, 2) at points x (n, 2): the exact score below, the learned one above."""
    xy, truth, model = array(x), array(exact), array(learned)
    scale = 18 * np.median(np.hypot(*truth.T))
    style = {"angles": "xy", "scale": scale, "zorder": 3}
    below = ax.quiver(*xy.T, *truth.T, color=ROLE["truth"], width=0.011, label="exact", **style)
    above = ax.quiver(*xy.T, *model.T, color=ROLE["model"], width=0.005, label="learned", **style)
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return below, above


def score_errors(ax: Axes, noise: Array, errors: Mapping[str, Array]) -> list[Line2D]:
    """Relative errors of a learned score (T,) against the share of noise 1 - alpha_bar (T,)."""
    lines = []
    for (name, values), style in zip(errors.items(), ("o-", "s--", "^:"), strict=False):
        lines += ax.semilogy(array(noise), array(values), style, color=ROLE["model"], label=name)
    ax.set(xlabel="share of noise, $1 - \\bar\\alpha$", ylabel="relative error of the score")
    if len(lines) > 1:
        ax.legend()
    return lines


def along_chain(ax: Axes, values: Array, *, start: int = 0) -> Line2D:
    """A number for each step of a chain from step `start` on, (T,), against the step t."""
    numbers = array(values)
    (line,) = ax.plot(start + np.arange(len(numbers)), numbers, color=ROLE["model"])
    ax.set(xlabel="step t")
    return line
