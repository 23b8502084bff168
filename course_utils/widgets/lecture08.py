"""Widgets of lecture 08, rate and distortion."""

import math
from typing import Any

import torch
from torch import Tensor

from course_utils import datasets, inference, plotting, rate_distortion, training, vae
from course_utils.simulators import cosmology

from .base import Live, live, pixels, slider, stops

SIGMAS = [0.25 * 2 ** (i / 2) for i in range(10)]  # to 5.7: the largest mode has deviation 6.2


def small_features(power: Tensor | None = None, *, beta: float = 1.0, seed: int = 7) -> Live:
    """A Gaussian field told by the best linear beta-VAE, with the decoder's sigma under a slider.

    power: P(k) on the rfft2 grid, (n, n//2+1); without it, the lecture's universe with n = 32.
    """
    power = cosmology.lecture_power(32) if power is None else power.float()
    n = len(power)
    generator = torch.Generator().manual_seed(seed)
    field = cosmology.sample_field(power, 1, generator=generator)[0]
    white = torch.randn(n, n, generator=generator)
    spectrum = cosmology.shell_average(power)
    eigenvalues = rate_distortion.full_plane(power)
    role = plotting.ROLE

    fig, (left, middle, right) = plotting.figure(1, 3, width=10.4, height=3.6)
    limit = 3 * float(field.std())
    plotting.field(left, field, limit=limit)
    left.set_title("field")
    told = plotting.field(middle, field, limit=limit)
    middle.set_title("told")
    right.plot(spectrum.k, spectrum.power, color=role["data"], linewidth=5, alpha=0.35)
    (law,) = right.plot(spectrum.k, spectrum.power, color=role["truth"], label="min(P, β σ²)")
    (seen,) = right.plot(
        spectrum.k, spectrum.power, "o", color=role["model"], markersize=4, label="this error"
    )
    right.set(xscale="log", yscale="log", xlabel="wavenumber k", ylabel="power")
    plotting.base.plain_ticks(right.xaxis)
    right.set_ylim(0.02, 3 * float(spectrum.power.max()))
    right.legend(loc="lower left")

    def update(sigma: float) -> str:
        level = beta * sigma**2
        # x_hat = (1 - level / P) x + noise, so that the error of a told mode has power level.
        keep = (1 - level / power.clamp_min(1e-12)).clamp_min(0)
        x_hat = torch.fft.irfft2(keep * torch.fft.rfft2(field), s=(n, n))
        x_hat = x_hat + cosmology.gaussian_field(white, level * keep)
        told.set_data(x_hat.T.numpy())
        law.set_ydata(spectrum.power.clamp_max(level))
        seen.set_ydata(cosmology.power_spectrum(field - x_hat).power)
        rate, _ = rate_distortion.reverse_water_filling(eigenvalues, torch.tensor(level))
        modes = int((eigenvalues > level).sum())
        return (
            f"σ = {sigma:.2f}, level β σ² = {level:.2f}: {modes} of {n * n} modes are told, for "
            f"{float(rate) / math.log(2):.0f} bits per field."
        )

    return live(fig, update, moving=[told, law, seen], sigma=stops("sigma", SIGMAS, 1.0))


def beta_curve(
    sweep: training.Sweep | None = None,
    x: Tensor | None = None,
    entropy: float | None = None,
    factor: Tensor | None = None,
    name: str = "factor",
    *,
    seed: int = 7,
) -> Live:
    """A rate-distortion curve with beta under a slider: reconstructions, samples and latents.

    sweep: VAEs of square images, one for each beta. x: held-out images, (N, D), N at least 6.
    entropy: of the data, nats. factor: what the images were made from, (N,), which colours their
    codes; name: what it is. Without them, small VAEs are trained on small sprites.
    Raises: ValueError if there are fewer than 6 images.
    """
    if sweep is None or x is None or entropy is None:
        sweep, x, entropy = _small_sweep()
    if len(x) < 6:
        raise ValueError(f"beta_curve shows six images, got {len(x)}.")
    generator = torch.Generator().manual_seed(seed)
    models: list[Any] = list(sweep.models)
    betas, some, side = sweep.betas.tolist(), x[:6], math.isqrt(x.shape[1])
    k = models[0].latent_dim
    prior, eps = (torch.randn(m, k, generator=generator) for m in (6, min(len(x), 400)))
    middle_one = models[int((sweep.betas.log().abs()).argmin())]
    used = vae.kl_per_unit(middle_one, x).topk(2).indices  # the two latents with the highest rate
    sheets, clouds = [], []
    with torch.no_grad():
        for model in models:
            samples = model.likelihood.mean(model.decode(prior))
            rows = torch.cat([some, model.reconstruct(some), samples])
            sheets.append(plotting.tile(rows.reshape(18, side, side), columns=6, fill=0.25))
            z = _draw(model, x, eps)
            clouds.append(z[:, used].numpy())

    fig, (left, middle, right) = plotting.figure(
        1, 3, width=11, height=3.7, width_ratios=(1.1, 2.0, 1)
    )
    plotting.rd_plane(left, sweep.rate, sweep.distortion, entropy)
    (mark,) = left.plot([0], [0], "o", markersize=12, color=plotting.ROLE["prior"], mec="black")
    shown = middle.imshow(sheets[0], cmap="gray_r", vmin=0, vmax=1)
    middle.set(xticks=[], yticks=[(i + 0.5) * (side + 1) - 1 for i in range(3)])
    middle.set_yticklabels(["x", "told", "drawn"])
    middle.spines[:].set_visible(False)
    if factor is None:
        dots = right.scatter(*clouds[0].T, s=8, color=plotting.ROLE["posterior"], linewidths=0)
    else:
        dots = right.scatter(*clouds[0].T, s=8, c=factor[: len(eps)], cmap="viridis", linewidths=0)
        fig.colorbar(dots, ax=right, label=name)
    coloured = "" if factor is None else f" in the colours of a factor ({name})"
    right.add_patch(plotting.ellipse_of(torch.zeros(2), torch.eye(2), color=plotting.ROLE["prior"]))
    right.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xlabel="a latent", ylabel="another")

    def update(beta: float) -> str:
        i = betas.index(beta)
        rate, distortion = float(sweep.rate[i]), float(sweep.distortion[i])
        mark.set_data([rate], [distortion])
        shown.set_data(sheets[i])
        dots.set_offsets(clouds[i])
        return (
            f"β = {beta:.2g}: rate {rate:.1f}, distortion {distortion:.1f}, together "
            f"{rate + distortion:.1f} nats. Held-out images, their reconstructions, new samples; "
            f"draws of two latents{coloured}; inside the circle the prior has 86 % of its own."
        )

    return live(fig, update, moving=[mark, shown, dots], beta=stops("beta", betas, 1.0))


def _draw(model: Any, x: Tensor, eps: Tensor) -> Tensor:
    """Draws of q(z|x) for as many images as there is noise, (n, K)."""
    mu, log_var = model.encode(x[: len(eps)])
    return inference.reparameterize(mu, log_var, eps)


def _small_sweep() -> tuple[training.Sweep, Tensor, float]:
    """Five VAEs on sprites of 8 x 8 pixels, in a second."""
    generator = torch.Generator().manual_seed(7)
    sprites = datasets.ledger_sprites((2000, 1, 400), size=8)
    betas = [0.1, 0.3, 1.0, 3.0, 10.0]
    models = [vae.mlp_vae(64, 2, hidden=(32,), generator=generator) for _ in betas]
    settings: dict[str, Any] = dict(held_out=sprites.test, steps=300, lr=1e-2, generator=generator)
    sweep = training.sweep(models, vae.loss(generator), sprites.train, betas, **settings)
    truth: Any = sprites.truth
    return sweep, sprites.test, -float(truth.log_prob(sprites.test.double()).mean())


def turned_latents(
    model: vae.VAE | None = None,
    x: Tensor | None = None,
    factors: Tensor | None = None,
    axes: tuple[int, int] = (0, 1),
    *,
    seed: int = 7,
) -> Live:
    """Walks along two latents of a VAE that are turned against each other, at equal ELBO.

    model: a VAE of square images. x: held-out images, (N, D), and their factors, (N, F).
    axes: the latents that are turned. Without them, a small VAE is trained on small sprites.
    """
    if model is None or x is None or factors is None:
        model, x, factors = _small_vae()
    generator = torch.Generator().manual_seed(seed)
    k, side = model.latent_dim, math.isqrt(x.shape[1])
    eps = torch.randn(len(x), k, generator=generator)
    entropies = rate_distortion.factor_entropies(factors)
    walk = torch.zeros(2, 9, k)
    for row, axis in enumerate(axes):
        walk[row, :, axis] = torch.linspace(-2, 2, 9)

    def update(degrees: float) -> tuple[plotting.Array, str]:
        rotation = rate_distortion.plane_rotation(k, math.radians(degrees), axes)
        turned = rate_distortion.RotatedVAE(model, rotation)
        with torch.no_grad():
            pictures = model.likelihood.mean(turned.decode(walk)).reshape(18, side, side)
            mi = rate_distortion.mutual_information(turned.draw(x, eps), factors)
            loss = -float(turned.elbo(x, eps[None]).mean())
        gap = rate_distortion.mutual_information_gap(mi, entropies)
        return plotting.tile(pictures.clamp(0, 1), columns=9, fill=0.25), (
            f"Turned by {degrees:.0f}°: walks along z{axes[0] + 1} (above) and z{axes[1] + 1}; "
            f"mutual information gap {float(gap):.2f}, negative ELBO {loss:.1f} nats, by one draw "
            "for each picture."
        )

    return pixels(update, width=560, degrees=slider("angle", 0, 90, 0, step=5))


def _small_vae() -> tuple[vae.VAE, Tensor, Tensor]:
    """A VAE of hearts of 8 x 8 pixels that move, in a second."""
    generator = torch.Generator().manual_seed(7)
    hearts = datasets.soft_sprites((1500, 1, 600), 8, ("x", "y"), softness=1.0)
    model = vae.mlp_vae(64, 2, hidden=(32,), likelihood=vae.Gaussian(0.2), generator=generator)
    settings: dict[str, Any] = dict(steps=300, lr=1e-2, generator=generator)
    training.fit(model, vae.loss(generator), hearts.train.flatten(1), **settings)
    factors: Any = hearts.factors
    return model, hearts.test.flatten(1), factors.test.table()[:, 3:]
