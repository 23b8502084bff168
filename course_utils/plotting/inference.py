"""Latents, weights, posteriors and bounds: lectures 04 and 05."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse

from .base import ROLE, Array, array, plain_ticks
from .science import boltzmann_map

WEIGHT_AREA = 3000.0  # points^2 that all weighted draws of a figure share


def line_and_noise(ax: Axes, x: Array, W: Array, b: Array) -> tuple[PathCollection, Line2D]:
    """Draws x (N, 2) of probabilistic PCA with K = 1, and the line b + W z for |z| <= 3."""
    points, z = array(x), np.array([[-3.0], [3.0]])
    ends = z * array(W)[:, 0] + array(b)  # (2, 2)
    dots = ax.scatter(
        points[:, 0],
        points[:, 1],
        s=9,
        linewidths=0,
        alpha=0.6,
        color=ROLE["model"],
        label="draws x",
    )
    (line,) = ax.plot(ends[:, 0], ends[:, 1], color=ROLE["prior"], label="b + W z, |z| ≤ 3")
    ax.set(xlabel="$x_1$", ylabel="$x_2$", aspect="equal")
    ax.legend()
    return dots, line


def efficiency(
    ax: Axes, ks: Sequence[int], measured: Array, exact: Array, *, draws: int
) -> tuple[Line2D, Line2D]:
    """The share of draws from the prior that count, (R,) each, against the latents K; log axis.

    `draws`: S; one draw of them is the least that can be measured.
    """
    (truth,) = ax.semilogy(ks, array(exact), "-", color=ROLE["truth"], label="exact, S → ∞")
    (seen,) = ax.semilogy(ks, array(measured), "o", color=ROLE["prior"], mec="#333333")
    seen.set_label("measured")
    ax.axhline(1 / draws, color=ROLE["neutral"], linewidth=1, linestyle=":", label="one draw")
    ax.set(xlabel="latents K", ylabel="effective sample size / S", xticks=list(ks))
    ax.legend()
    return seen, truth


def ellipse_of(mean: Array, cov: Array, *, n_std: float = 2.0, **style: object) -> Ellipse:
    """The ellipse of a Gaussian in two dimensions at n_std deviations."""
    width, height, angle = _axes_of(cov, n_std)
    return Ellipse(tuple(array(mean)), width, height, angle=angle, fill=False, **style)


def move_ellipse(ellipse: Ellipse, mean: Array, cov: Array, *, n_std: float = 2.0) -> None:
    """Let an ellipse of `ellipse_of` stand for another Gaussian."""
    width, height, angle = _axes_of(cov, n_std)
    ellipse.set(center=tuple(array(mean)), width=width, height=height, angle=angle)


def _axes_of(cov: Array, n_std: float) -> tuple[float, float, float]:
    values, vectors = np.linalg.eigh(np.asarray(array(cov), dtype=float))
    width, height = 2 * n_std * np.sqrt(np.clip(values, 0, None))
    return width, height, math.degrees(math.atan2(vectors[1, 0], vectors[0, 0]))


def weight_areas(log_w: Array) -> np.ndarray:
    """Marker areas (S,) in proportion to the weights whose logarithms are log_w (S,)."""
    values = array(log_w)
    w = np.exp(values - values.max())
    return WEIGHT_AREA * w / w.sum()


def weighted_draws(ax: Axes, z: Array, log_w: Array) -> PathCollection:
    """Draws z (S, 2) from the prior as faint dots, and over them their weights as areas."""
    points = array(z)
    ax.scatter(points[:, 0], points[:, 1], s=5, linewidths=0, color=ROLE["neutral"], alpha=0.6)
    weights = ax.scatter(
        points[:, 0],
        points[:, 1],
        s=weight_areas(log_w),
        linewidths=0,
        color=ROLE["prior"],
        alpha=0.75,
        label="draws from p(z), by weight",
    )
    ax.set(xlabel="$z_1$", ylabel="$z_2$", aspect="equal", xlim=(-3.5, 3.5), ylim=(-3.5, 3.5))
    return weights


def posterior_map(
    ax: Axes, axes: Sequence[Array], log_density: Array, mu: Array, log_var: Array
) -> tuple[AxesImage, Ellipse]:
    """A posterior on a grid and a diagonal Gaussian guess q, its ellipse of two deviations.

    The window is centred on q and five of its largest deviations wide to each side.

    axes: twice (n,). log_density: (n * n,), of p(z | x). mu, log_var: (2,), of q.
    """
    n, m = (len(axis) for axis in axes)
    p = np.exp(array(log_density).reshape(n, m))  # (G,) -> (n, m)
    across, up = axes
    shown = boltzmann_map(ax, across, up, p)
    guess = ellipse_of(mu, np.diag(np.exp(array(log_var))), color=ROLE["posterior"], linewidth=2)
    ax.add_patch(guess)
    (left, low), reach = array(mu), 5 * math.exp(float(log_var.max()) / 2)
    ax.set(xlim=(left - reach, left + reach), ylim=(low - reach, low + reach))
    ax.set(xlabel="$z_1$", ylabel="$z_2$")
    return shown, guess


def nats_missed(ax: Axes, ks: Sequence[int], curves: Mapping[str, Array]) -> list[Line2D]:
    """Nats below the exact evidence against the latents K, a line for each way of scoring."""
    lines = []
    styles = zip(("s--", "o-", "^:"), ("prior", "posterior", "model"), strict=True)
    for (name, values), (style, role) in zip(curves.items(), styles, strict=False):
        lines += ax.plot(ks, array(values), style, color=ROLE[role], label=name)
    ax.axhline(0, color=ROLE["truth"], linewidth=1.5, label="exact evidence")
    ax.set(xlabel="latents K", ylabel="nats below the evidence", xticks=list(ks))
    ax.legend()
    return lines


# ---------------------------------------------------------------- lecture 05


def gradient_spread(ax: Axes, samples: Mapping[str, Array], *, truth: float | Array) -> list:
    """Estimates (S,) of one number by several estimators, as densities on a common axis."""
    bins = int(np.clip(len(next(iter(samples.values()))) // 20, 40, 120))
    roles = ("neutral", "prior", "posterior")
    spread = max(float(array(values).std()) for values in samples.values())
    bounds = (float(truth) - 2.5 * spread, float(truth) + 2.5 * spread)
    steps = []
    for (name, values), role in zip(samples.items(), roles, strict=False):
        height, edges = np.histogram(array(values), bins=bins, range=bounds, density=True)
        steps.append(ax.stairs(height, edges, color=ROLE[role], linewidth=1.8, label=name))
    ax.axvline(float(truth), color=ROLE["truth"], linewidth=1.2, linestyle=":", label="exact")
    ax.set(xlabel="estimate of the gradient", ylabel="density", xlim=bounds)
    ax.legend()
    return steps


def ascent(ax: Axes, gaps: Mapping[str, Array]) -> list[Line2D]:
    """Nats below the maximum against the steps taken, (steps,) each; both axes logarithmic."""
    lines = []
    for (name, gap), style in zip(gaps.items(), ("-", "--", ":"), strict=False):
        values = array(gap)
        shown = values > 1e-6
        lines += ax.loglog(
            1 + np.arange(len(values))[shown], values[shown], style, color=ROLE["model"], label=name
        )
    ax.set(xlabel="steps + 1", ylabel="nats below the maximum")
    plain_ticks(ax.xaxis)
    ax.legend()
    return lines


def second_guess(ax: Axes, mu: Array, log_var: Array, *, truth: Array) -> Ellipse:
    """Another diagonal Gaussian over a `posterior_map`, dashed, and the true latent as a cross.

    The window grows until it holds the whole of both.
    """
    cov = np.diag(np.exp(array(log_var)))
    guess = ellipse_of(mu, cov, color=ROLE["posterior"], linewidth=2, linestyle="--")
    ax.add_patch(guess)
    ax.plot(*array(truth), "x", color=ROLE["truth"], markersize=9, mew=2)
    middle = np.array([np.mean(ax.get_xlim()), np.mean(ax.get_ylim())])
    reach = np.abs(array(mu) - middle) + 2.2 * np.exp(array(log_var) / 2)
    half = max(np.ptp(ax.get_xlim()) / 2, *reach, *(1.1 * np.abs(array(truth) - middle)))
    ax.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))
    return guess


def importance_bounds(
    ax: Axes, sizes: Sequence[int], gap: Array, error: Array, *, best: float | Array
) -> Line2D:
    """The importance-weighted bound minus the evidence, with errors, against the draws S, (R,).

    `best`: where the ELBO of the best guess for each x lies.
    """
    bars = ax.errorbar(
        sizes, array(gap), yerr=array(error), fmt="o-", color=ROLE["posterior"], label="bound"
    )
    ax.axhline(0, color=ROLE["truth"], linewidth=1.5, label="exact evidence")
    ax.axhline(float(best), color=ROLE["model"], linestyle="--", label="ELBO of the best guesses")
    ax.set(xscale="log", xlabel="draws S", ylabel="nats above the evidence")
    plain_ticks(ax.xaxis)
    ax.legend()
    return bars.lines[0]
