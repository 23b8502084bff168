"""Widgets of lecture 07, VAEs in practice."""

import math
from typing import Any

import torch
from torch import Tensor

from course_utils import datasets, plotting, training, vae

from .base import Live, live, slider, stops

SIGMAS = (0.05, 0.1, 0.14, 0.2, 0.3, 0.5, 1.0)
SHOWN = 8  # images


def decoder_sigma(
    train: Tensor | None = None, test: Tensor | None = None, *, seed: int = 6
) -> Live:
    """VAEs that differ in the decoder's sigma alone, sigma under a slider: pictures and rate.

    train, test: square images of grey values from 0 to 1, (N, D), N at least 8. Without them,
    handwritten digits. The VAEs are trained here, as one stack, in about two seconds.
    Raises: ValueError if there are fewer than 8 test images.
    """
    if train is None or test is None:
        digits = datasets.digits()
        train, test = digits.train.flatten(1) / 16, digits.test.flatten(1) / 16
    if len(test) < SHOWN:
        raise ValueError(f"decoder_sigma shows {SHOWN} images, got {len(test)}.")
    generator = torch.Generator().manual_seed(seed)
    pixels, side = train.shape[1], math.isqrt(train.shape[1])
    models = [
        vae.mlp_vae(pixels, 8, hidden=(64,), likelihood=vae.Gaussian(sigma), generator=generator)
        for sigma in SIGMAS
    ]
    stack: Any = training.stack(models)
    settings: dict[str, Any] = dict(steps=300, lr=training.cosine(1e-2, 300), generator=generator)
    training.fit(stack, vae.loss(generator), train, **settings)
    stack.eval()
    with torch.no_grad():
        terms = stack.terms(test, generator=generator)
    told = stack.reconstruct(test)  # (M, N, D), means of p(x|z)
    errors = (test - told).square().mean(dim=(1, 2)).sqrt().tolist()
    rates, elbos = terms["rate"].tolist(), (-terms["distortion"] - terms["rate"]).tolist()
    noise = torch.randn(SHOWN, pixels, generator=generator)
    sheets = []
    for sigma, means in zip(SIGMAS, told[:, :SHOWN], strict=True):
        rows = torch.cat([test[:SHOWN], means, means + sigma * noise])
        sheets.append(plotting.tile(rows.reshape(-1, side, side), columns=SHOWN, fill=0.25))

    fig, (left, right) = plotting.figure(1, 2, width=9.6, height=3.0, width_ratios=(1.9, 1))
    shown = left.imshow(sheets[0], cmap="gray_r", vmin=0, vmax=1)
    left.set(xticks=[], yticks=[(i + 0.5) * (side + 1) - 1 for i in range(3)])
    left.set_yticklabels(["x", "mean", "draw"])
    left.spines[:].set_visible(False)
    right.plot(SIGMAS, rates, color=plotting.ROLE["posterior"])
    (mark,) = right.plot([0], [0], "o", markersize=11, color=plotting.ROLE["posterior"])
    right.set(xscale="log", ylim=(-1, None), xlabel="sigma", ylabel="rate, nats per image")
    plotting.base.plain_ticks(right.xaxis)

    def update(sigma: float) -> str:
        i = SIGMAS.index(sigma)
        shown.set_data(sheets[i])
        mark.set_data([sigma], [rates[i]])
        return (
            f"σ = {sigma:.2f}: images, the decoder's means, and its draws. The codes cost "
            f"{rates[i]:.1f} nats per image, the means are off by {errors[i]:.3f} per pixel, and "
            f"the ELBO is {elbos[i]:.1f} nats."
        )

    return live(fig, update, moving=[shown, mark], sigma=stops("sigma", SIGMAS, 1.0))


def one_pixel(counts: int = 16, sigma: float = 0.14) -> Live:
    """Two likelihoods of one pixel that counts dots: a binomial, and a Gaussian beside it.

    counts: the most dots a pixel can have. sigma: of the Gaussian, for counts divided by `counts`.
    """
    k = torch.arange(counts + 1)
    deviation = sigma * counts
    role = plotting.ROLE
    fig, ax = plotting.figure(width=7.2, height=3.4)
    bars = ax.bar(k, torch.ones(counts + 1), width=0.8, color=role["data"], label="binomial")
    at = torch.linspace(-3 * deviation, counts + 3 * deviation, 400)
    (curve,) = ax.plot(at, torch.zeros_like(at), color=role["model"], label="Gaussian")
    ax.axvspan(float(at[0]), -0.5, color=role["neutral"], alpha=0.15, linewidth=0)
    ax.axvspan(counts + 0.5, float(at[-1]), color=role["neutral"], alpha=0.15, linewidth=0)
    ax.set(xlim=(float(at[0]), float(at[-1])), ylim=(0, 0.6))
    ax.set(xlabel="dark dots in the pixel", ylabel="probability")
    ax.legend(loc="upper right")

    def update(mean: float) -> str:
        likely = torch.distributions.Binomial(counts, torch.tensor(mean / counts))
        pmf = likely.log_prob(k.float()).exp()
        normal = torch.distributions.Normal(mean, deviation)
        for bar, height in zip(bars, pmf.tolist(), strict=True):
            bar.set_height(height)
        curve.set_ydata(normal.log_prob(at).exp())
        outside = float(normal.cdf(torch.tensor(-0.5)) + 1 - normal.cdf(torch.tensor(counts + 0.5)))
        spread = float(likely.stddev)
        return (
            f"Where the decoder expects {mean:.1f} dots the binomial has a deviation of "
            f"{spread:.1f}. The Gaussian keeps {deviation:.1f} everywhere, and puts "
            f"{outside:.2f} of its probability where no count can be."
        )

    return live(
        fig,
        update,
        moving=[*bars, curve],
        mean=slider("mean", 0.2, counts - 0.2, 0.6, step=0.2),
    )
