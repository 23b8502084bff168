"""Training, latents that live and die, and samples against simulators: lecture 06."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.lines import Line2D

from .base import ROLE, Array, array, plain_ticks


def loss_curves(
    ax: Axes,
    losses: Mapping[str, Array],
    *,
    unit: str = "nats",
    points: int = 60,
    each: bool = False,
) -> list[Line2D]:
    """The loss of every step, (steps,) for each curve, as means over windows that widen.

    Args:
        each: draw every step as well, pale, beneath the means.
    """
    lines = []
    for (name, values), style in zip(losses.items(), ("-", "--", ":", "-."), strict=False):
        steps = len(array(values))
        edges = np.unique(np.geomspace(1, steps + 1, points).astype(int)) - 1
        middle = 1 + (edges[:-1] + edges[1:] - 1) / 2  # steps are counted from 1
        means = np.add.reduceat(array(values), edges[:-1]) / np.diff(edges)
        if each:
            ax.plot(np.arange(1, steps + 1), array(values), color=ROLE["model"], lw=0.6, alpha=0.5)
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


def latent_kinds(ax: Axes, codes: Array, kinds: Array, names: Sequence[str]) -> list[Line2D]:
    """Codes (N, 2), in another colour for each kind (N,), an index into the names."""
    z, kinds = array(codes), array(kinds)
    dots = []
    for i, (name, role) in enumerate(
        zip(names, ("data", "model", "prior", "posterior"), strict=False)
    ):
        here = z[kinds == i]
        dots += ax.plot(here[:, 0], here[:, 1], "o", markersize=3, color=ROLE[role], label=name)
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal")
    ax.legend(loc="lower left", bbox_to_anchor=(-0.1, 1), ncols=2, markerscale=2, fontsize=9)
    return dots


def kept_features(ax: Axes, variances: Array, shares: Mapping[float, Array]) -> list[Line2D]:
    """The share of each feature's variance (D,) that is reconstructed, for each sigma (D,).

    A line stands at sigma squared; features of hardly any variance are left out.
    """
    lam = array(variances)
    there = lam > 2e-3
    lines = []
    for (sigma, share), style in zip(shares.items(), ("o", "s"), strict=False):
        dots = {"markersize": 5, "color": ROLE["model"], "mfc": "white" if lines else None}
        lines += ax.plot(lam[there], array(share)[there], style, label=f"sigma {sigma:g}", **dots)
        ax.axvline(sigma**2, color=ROLE["truth"], linewidth=1, linestyle=":" if lines[1:] else "--")
    ax.axhline(0, color=ROLE["neutral"], linewidth=0.8)
    ax.set(xscale="log", ylim=(-0.1, 1.05), xlabel="variance of the feature", ylabel="share kept")
    ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    return lines
