"""Figures of one's own data and model: each with the sentence that stands for it."""

import math

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from .. import plotting, vae
from .data import Prepared
from .fitting import BATCH, Curve, Fitted, Scores

Shown = tuple[Figure, str]  # ready for plotting.show and for the report
LATTICE = 9  # pictures along each side of the decoded plane
REACH = 2.0  # of the prior's deviations, to each side


def draw_data(data: Prepared, count: int = 24) -> Shown:
    """Some training samples: pictures, or for vectors the plane of their two largest variances."""
    if data.is_image:
        fig, ax = plotting.figure(width=7.6, height=_height(data, rows=count / 12))
        _pictures(ax, data, data.train[:count], columns=12)
        n = len(data.train)
        return fig, f"{min(count, n)} of the {n} training samples, as they were read."
    fig, ax = plotting.figure(height=3.6)
    axes, share = _plane(data)
    _scatter(ax, (data.train - data.centre) / data.scale @ axes, "data", "training samples")
    ax.legend()
    return fig, (
        f"The training samples in the plane of their two largest variances, {share:.0%} of all."
    )


@torch.no_grad()
def draw_samples(fitted: Fitted, *, generator: torch.Generator, count: int = 12) -> Shown:
    """Held-out samples, their reconstructions, and draws of the model: means, then with noise."""
    data, model = fitted.data, fitted.model
    x = data.test[:count]
    if data.is_image:
        y = model.reconstruct(data.to_model(x, generator))
        means, draws = model.sample_means(len(x), generator), model.sample(len(x), generator)
        rows = [x, *(data.to_data(v) for v in (y, means, draws))]
        fig, ax = plotting.figure(width=7.6, height=_height(data, rows=4))
        _pictures(ax, data, torch.cat(rows), columns=len(x))
        return fig, (
            "From the top: held-out samples; their reconstructions; means of p(x|z) for z drawn "
            "from the prior; full draws, noise included."
        )
    fig, (left, right) = plotting.figure(1, 2, width=7.6, height=3.6)
    axes, _ = _plane(data)
    _scatter(left, (data.test - data.centre) / data.scale @ axes, "data", "held-out samples")
    _scatter(left, model.sample(len(data.test), generator) @ axes, "model", "draws")
    left.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2)
    y = data.to_model(data.test, generator)
    picked = torch.randperm(y.numel(), generator=generator)[:2000]
    ends = [float(y.min()), float(y.max())]
    right.plot(ends, ends, color=plotting.ROLE["truth"], linewidth=1)
    right.scatter(
        y.flatten()[picked],
        model.reconstruct(y).flatten()[picked],
        s=6,
        linewidths=0,
        alpha=0.5,
        color=plotting.ROLE["model"],
    )
    right.set(xlabel="number, in deviations", ylabel="its reconstruction")
    return fig, (
        "Held-out samples and draws of the model in the plane of the largest variances (left), "
        "and numbers of held-out samples against their reconstructions (right)."
    )


@torch.no_grad()
def draw_latents(
    fitted: Fitted,
    scores: Scores,
    colour: Tensor | None = None,
    label: str | None = None,
    *,
    generator: torch.Generator,
) -> Shown:
    """The two latents with the highest rates: codes of the test samples, and what they decode to.

    Args:
        fitted, scores: of one model.
        colour: a number for each test sample, (N,); if None their means, in deviations of each
            number where these have different units.
        label: what that number is.
        generator: of the noise within a step.

    Raises:
        ValueError: if colour is not one number for each test sample.
    """
    data, model = fitted.data, fitted.model
    if colour is None:
        colour = data.test if not data.mixed else (data.test - data.centre) / data.scale
        colour, label = colour.mean(dim=1), label or "mean of the sample"
    label = label or "your number"
    if colour.shape != (len(data.test),):
        raise ValueError(f"colour needs a number for each of the {len(data.test)} test samples.")
    codes = vae.latent_means(model, data.to_model(data.test, generator))
    first, second = (int(k) for k in scores.order[[0, min(1, len(scores.order) - 1)]])
    fig, axes = plotting.figure(1, 1 + data.is_image, width=7.6, height=3.6, squeeze=False)
    left = axes[0, 0]
    plotting.latent_map(left, codes[:, [first, second]], colour, label=label)
    left.set(xlabel=f"$z_{{{first + 1}}}$", ylabel=f"$z_{{{second + 1}}}$", aspect="auto")
    sentence = "Codes of the held-out samples: the two latents with the highest rates"
    if not data.is_image:
        return fig, f"{sentence}; colour: {label}."
    ticks = torch.linspace(-REACH, REACH, LATTICE)
    z = torch.zeros(LATTICE, LATTICE, model.latent_dim)
    z[..., first] = ticks
    z[..., second] = ticks.flip(0)[:, None]  # upwards, as in the map
    decoded = model.likelihood.mean(model.decode(z.flatten(0, 1)))  # (9, 9, K) -> (81, K)
    _pictures(axes[0, 1], data, data.to_data(decoded), columns=LATTICE)
    return fig, (
        f"{sentence} (left; colour: {label}), and what the decoder makes of them between "
        f"{-REACH:g} and {REACH:g}, the others at 0 (right)."
    )


def draw_history(fitted: Fitted) -> Shown:
    """Loss on training batches and on validation data, nats per sample, without the warm-up."""
    history, data = fitted.history, fitted.data
    per_epoch = math.ceil(len(data.train) / BATCH)
    train = torch.stack([*history.terms.values()]).sum(0) + data.constant_nats  # (steps,)
    epochs = torch.stack([part.mean() for part in train.split(per_epoch)])  # the last may be short
    validation = history.validation + data.constant_nats
    steps = (per_epoch * (torch.arange(len(epochs)) + 1)).clamp(max=len(train))
    fig, ax = plotting.figure(height=3.4)
    ax.plot(steps, epochs, color=plotting.ROLE["data"], label="training")
    ax.plot(steps, validation, color=plotting.ROLE["model"], label="validation")
    # The first steps are so bad that nothing else would be seen.
    settled = torch.cat([epochs, validation])[torch.cat([steps, steps]) > len(history.loss) // 5]
    if len(settled):
        low, high = float(settled.min()), float(settled.max())
        ax.set_ylim(low - 0.1 * (high - low) - 1e-6, high + 0.1 * (high - low) + 1e-6)
    if history.best_step:
        ax.axvline(history.best_step, color=plotting.ROLE["truth"], linewidth=1, linestyle=":")
    ax.set(xlabel="step", ylabel="negative ELBO, nats")
    ax.legend()
    return fig, "The loss during training; dotted: the step whose parameters were kept."


def draw_curve(curve: Curve) -> Shown:
    """Rate against error for every beta, and Shannon's limit for a Gaussian source."""
    fig, ax = plotting.figure(height=3.4)
    if curve.limit is not None:
        rate, rms = curve.limit
        label = "limit for Gaussian data"
        ax.plot(rate, rms, color=plotting.ROLE["truth"], linewidth=1.2, label=label)
    ax.plot(curve.rate, curve.rms, "o-", color=plotting.ROLE["model"], label="VAEs")
    for beta, rate, rms in zip(curve.betas, curve.rate, curve.rms, strict=True):
        # Under the curve there is room, but not beside the axis.
        at_axis = float(rate) < 0.05 * float(curve.rate.max())
        offset, side = ((7, 0), "left") if at_axis else ((-1, -5), "right")
        where = {"xytext": offset, "textcoords": "offset points", "fontsize": 9}
        place = (float(rate), float(rms))
        ax.annotate(f"β = {float(beta):g}", place, ha=side, va="top", **where)
    ax.set(xlabel="rate, nats per sample", ylabel="rms error, in deviations")
    ax.set_xlim(left=min(0.0, -0.03 * float(curve.rate.max())))
    ax.margins(y=0.12)
    ax.legend()
    sentence = "Rate against error for VAEs with different beta"
    if curve.limit is None:
        return fig, f"{sentence}: a larger beta tells less."
    return fig, f"{sentence}, and what would be possible for Gaussian data with this covariance."


# ---------------------------------------------------------------------- helpers


def _pictures(ax: Axes, data: Prepared, flat: Tensor, columns: int) -> None:
    """Grey or colour images (B, D) in a grid, in the range of the data."""
    low, high = float(data.train.min()), float(data.train.max())
    images = data.as_samples(flat)
    if len(data.shape) == 2:
        plotting.images(ax, images, columns, low=low, high=high)
        return
    bright = ((images - low) / (high - low)).clamp(0, 1)
    channels = [plotting.tile(channel, columns) for channel in bright.unbind(dim=1)]
    ax.imshow(np.stack(channels, axis=-1))  # 3 x (h, w) -> (h, w, 3)
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set_visible(False)


def _height(data: Prepared, rows: float) -> float:
    """Inches that rows of 12 pictures need in a figure 7.6 inches wide; at most a screen."""
    return min(9.0, 0.2 + rows * 7.4 / 12 * data.shape[-2] / data.shape[-1])


def _plane(data: Prepared) -> tuple[Tensor, float]:
    """The two directions (D, 2) of the largest variances, and their share of all of it."""
    y = (data.train - data.centre) / data.scale
    y = y - y.mean(dim=0)
    _, singular, axes = torch.linalg.svd(y, full_matrices=False)
    share = float(singular[:2].square().sum() / singular.square().sum())
    axes = axes[:2].T
    axes = axes * axes.sum(dim=0).sign()  # the sign is free: fixed, so that figures stay alike
    return torch.cat([axes, axes], dim=1)[:, :2], share


def _scatter(ax: Axes, points: Tensor, role: str, label: str) -> None:
    ax.scatter(
        *points[:1000].T, s=8, linewidths=0, alpha=0.5, color=plotting.ROLE[role], label=label
    )
    ax.set(xlabel="first principal direction", ylabel="second")
