"""Training, latents that live and die, and samples against simulators: lecture 06."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D

from .base import ROLE, Array, array, plain_ticks


def loss_curves(
    ax: Axes, losses: Mapping[str, Array], *, unit: str = "nats", points: int = 60
) -> list[Line2D]:
    """The loss of every step, (steps,) for each curve, as means over windows that widen."""
    lines = []
    for (name, values), style in zip(losses.items(), ("-", "--", ":", "-."), strict=False):
        steps = len(array(values))
        edges = np.unique(np.geomspace(1, steps + 1, points).astype(int)) - 1
        middle = 1 + (edges[:-1] + edges[1:] - 1) / 2  # steps are counted from 1
        means = np.add.reduceat(array(values), edges[:-1]) / np.diff(edges)
        lines += ax.plot(middle, means, style, color=ROLE["model"], label=name)
    ax.set(xscale="log", xlabel="step", ylabel=f"loss, {unit}")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines


def training_terms(ax: Axes, distortion: Array, rate: Array, *, points: int = 50) -> list[Line2D]:
    """Distortion and rate of every step, (steps,) each, as means over windows that widen.

    The first steps, in which most happens, are shown one by one.
    """
    steps = len(array(distortion))
    edges = np.unique(np.geomspace(1, steps + 1, points).astype(int)) - 1
    middle = 1 + (edges[:-1] + edges[1:] - 1) / 2  # steps are counted from 1
    lines = []
    for name, values, role in (("distortion", distortion, "model"), ("rate", rate, "posterior")):
        means = np.add.reduceat(array(values), edges[:-1]) / np.diff(edges)
        lines += ax.plot(middle, means, color=ROLE[role], label=name)
    ax.set(xscale="log", ylim=(0, None), xlabel="step", ylabel="nats per image")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines


def unit_rates(ax: Axes, rates: Mapping[str, Array]) -> list[BarContainer]:
    """The rate of every latent, (K,) for each model, sorted, side by side."""
    roles = ("neutral", "posterior", "prior")
    width = 0.8 / len(rates)
    bars = []
    for i, ((name, values), role) in enumerate(zip(rates.items(), roles, strict=False)):
        heights = np.sort(array(values))[::-1]
        places = np.arange(1, len(heights) + 1) + (i - (len(rates) - 1) / 2) * width
        bars.append(ax.bar(places, heights, width=width, color=ROLE[role], label=name))
    most = max(len(values) for values in rates.values())
    ax.set(xlabel="latent, by rate", ylabel="rate, nats", xticks=np.arange(1, most + 1))
    ax.legend()
    return bars


def power_of_samples(
    ax: Axes, k: Array, simulated: Array, error: Array, models: Mapping[str, Array]
) -> list[Line2D]:
    """Mean power spectra (M,) of simulated fields, with errors, and of models; log-log."""
    ax.errorbar(
        array(k),
        array(simulated),
        yerr=array(error),
        fmt="o",
        color=ROLE["data"],
        label="simulated",
    )
    lines = []
    for (name, power), style in zip(models.items(), ("-", "--", ":"), strict=False):
        lines += ax.plot(array(k), array(power), style, color=ROLE["model"], label=name)
    ax.set(xscale="log", yscale="log", xlabel="wavenumber k", ylabel="power P(k)")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines
