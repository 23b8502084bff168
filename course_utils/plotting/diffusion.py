"""The steps, scores and bounds of a diffusion: lecture 10."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.quiver import Quiver

from .base import ROLE, Array, array, plain_ticks


def bound_gap(ax: Axes, steps: Array, gap: Array) -> tuple[Line2D, Line2D]:
    """Evidence minus ELBO, nats (R,), against the steps T of a chain, over a line 1 / T."""
    t, values = array(steps), array(gap)
    (line,) = ax.loglog(t, values[-1] * t[-1] / t, color=ROLE["truth"], label="∝ 1 / T")
    (dots,) = ax.loglog(t, values, "o", color=ROLE["model"], label="evidence − ELBO")
    ax.set(xlabel="steps T", ylabel="nats")
    plain_ticks(ax.xaxis)
    ax.legend()
    return dots, line


def score_field(ax: Axes, x: Array, exact: Array, learned: Array) -> tuple[Quiver, Quiver]:
    """Two vector fields (n, 2) at points x (n, 2): the exact score below, the learned one above."""
    xy, truth, model = array(x), array(exact), array(learned)
    scale = 18 * np.median(np.hypot(*truth.T))
    style = {"angles": "xy", "scale": scale, "zorder": 3}
    below = ax.quiver(*xy.T, *truth.T, color=ROLE["truth"], width=0.011, label="exact", **style)
    above = ax.quiver(*xy.T, *model.T, color=ROLE["model"], width=0.005, label="learned", **style)
    ax.legend(loc="upper right", frameon=True, framealpha=0.95)
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
