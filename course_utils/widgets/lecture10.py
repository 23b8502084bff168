"""Widgets of lecture 10, diffusion."""

import math

import numpy as np
import torch
from torch import Tensor

from course_utils import datasets, densities, diffusion, plotting
from course_utils.estimates import mean_and_error

from .base import Live, choice, live, pixels, stops

FORWARD, CHAIN, ODE = "forward: add noise", "back: the chain", "back: the ODE"


def four_lumps() -> densities.FullMixture:
    """Four lumps in two groups, the mixture of the lecture, whose scores are known exactly."""
    means = torch.tensor([[-1.2, 0.5], [-0.7, 1.1], [0.9, -0.4], [1.3, -1.0]])
    covs = torch.tensor([[[0.05, 0.03], [0.03, 0.06]]] * 2 + [[[0.06, -0.04], [-0.04, 0.07]]] * 2)
    return densities.FullMixture(torch.tensor([0.35, 0.25, 0.25, 0.15]).log(), means, covs)


def through_time(
    target: densities.FullMixture | None = None,
    denoiser: diffusion.Denoiser | None = None,
    *,
    steps: int = 60,
    n: int = 350,
    seed: int = 10,
) -> Live:
    """Time forward and backward: points that turn into noise, and noise that turns into points.

    Over the exact density at that time. `target`: where the data come from, a mixture; `denoiser`:
    what leads back, the exact one by default.
    """
    generator = torch.Generator().manual_seed(seed)
    target = four_lumps() if target is None else target
    truth = diffusion.diffused(target)
    denoiser = truth.eps if denoiser is None else denoiser
    schedule = diffusion.Schedule(diffusion.cosine_betas(steps))
    levels = torch.cat([torch.ones(1), schedule.alpha_bars.float()])  # after 0 ... T steps
    paths = _paths(target, denoiser, schedule, levels, n, generator)

    axis = torch.linspace(-3, 3, 61)
    cells = torch.cartesian_prod(axis, axis)
    fig, ax = plotting.figure(width=5.4, height=4.8)
    at = truth.log_prob(cells, levels[:1].expand(len(cells))).exp().reshape(61, 61)
    image = plotting.boltzmann_map(ax, axis, axis, at)
    trails = ax.plot([], [], color=plotting.ROLE["posterior"], linewidth=1)
    dots = plotting.walkers(ax, paths[FORWARD][0], label=None)
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="first coordinate", ylabel="second coordinate")

    def update(direction: str, t: float) -> str:
        step = round(t)
        here = levels[step].expand(len(cells))
        root = truth.log_prob(cells, here).exp().sqrt().reshape(61, 61)
        image.set_data(root.T.numpy())
        image.set_clim(0, float(root.max()))
        path = paths[direction]
        dots.set_offsets(path[step].numpy())
        walked = path[: step + 1] if direction == FORWARD else path[step:]
        trails[0].set_data(*_joined(walked[:, :3]))
        signal = float(levels[step])
        return (
            f"{direction}, {step} steps of {steps}: {100 * signal:.0f} % of the variance is "
            f"signal. {SAYS[direction]}"
        )

    return live(
        fig,
        update,
        moving=[image, *trails, dots],
        direction=choice("direction", [FORWARD, CHAIN, ODE], FORWARD),
        t=stops("steps taken", [float(i) for i in range(steps + 1)], 20.0),
    )


SAYS = {
    FORWARD: "Nothing is learned here; three of the points show their way.",
    CHAIN: "A little noise in each step back: the ways are jagged.",
    ODE: "No noise on the way: one smooth way for each starting point.",
}


def _paths(
    target: densities.FullMixture,
    denoiser: diffusion.Denoiser,
    schedule: diffusion.Schedule,
    levels: Tensor,
    n: int,
    generator: torch.Generator,
) -> dict[str, Tensor]:
    """Points after 0 ... T steps, (T + 1, n, 2), for each direction; index 0 is the data."""
    x = target.sample(n, generator=generator)
    forward = [x]
    for beta in schedule.betas.float():
        noise = torch.randn(x.shape, generator=generator)
        x = (1 - beta).sqrt() * x + beta.sqrt() * noise
        forward.append(x)
    start = torch.randn(n, 2, generator=generator)
    # Only the first three show their ways: let them begin far from each other.
    corners = torch.tensor([[-1.8, -0.8], [1.5, 0.5], [0.0, -1.5]])
    order = torch.cdist(corners, start).argmin(dim=1).tolist()
    start = start[order + [i for i in range(n) if i not in order]]
    chain = diffusion.ddpm_path(denoiser, start, schedule, generator=generator).flip(0)
    # The ODE's steps are even in the angle; the nearest one stands for each step of the chain.
    fine = diffusion.probability_flow_path(denoiser, start, steps=len(schedule)).flip(0)
    angles = torch.linspace(0, math.pi / 2, len(fine))
    nearest = (levels.sqrt().acos()[:, None] - angles).abs().argmin(dim=1)
    return {FORWARD: torch.stack(forward), CHAIN: chain, ODE: fine[nearest]}


def _joined(paths: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Several paths (T, m, 2) as one broken line, x and y."""
    gap = torch.full((1, *paths.shape[1:]), math.nan)
    xy = torch.cat([paths, gap]).transpose(0, 1).flatten(0, 1)  # (T + 1, m, 2) -> (m (T + 1), 2)
    return xy[:, 0].numpy(), xy[:, 1].numpy()


def left_of(lumps: densities.FullMixture) -> densities.FullMixture:
    """The first two lumps of four, the left group: what is drawn when the left is asked for."""
    weights = lumps.log_weights[:2] - lumps.log_weights[:2].logsumexp(dim=0)
    return densities.FullMixture(weights, lumps.means[:2], lumps.covs[:2])


def guiding(noise: Tensor | None = None, *, n: int = 400, seed: int = 10, steps: int = 16) -> Live:
    """Guidance under a slider: draws of the left group, asked for ever more firmly.

    With the exact scores of a mixture, over the exact density of the group, by the ODE. `noise`:
    where the draws start, (n, 2), so that the numbers are those of other draws from the same noise;
    n of their own by default. `steps`: of the ODE.
    """
    lumps = four_lumps()
    group = left_of(lumps)
    everything, left = diffusion.diffused(lumps), diffusion.diffused(group)
    own = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    start = own if noise is None else noise
    asked = torch.zeros(len(start), dtype=torch.int64)
    found: dict[float, tuple[Tensor, tuple[float, float]]] = {}
    default = 4.0

    def one_group(x: Tensor, alpha_bar: Tensor, _label: Tensor) -> Tensor:
        return left.eps(x, alpha_bar)

    def draws(scale: float) -> tuple[Tensor, tuple[float, float]]:
        if scale not in found:
            told = diffusion.guided(one_group, everything.eps, asked, scale)
            x = diffusion.probability_flow(told, start, steps=steps)
            log_p = diffusion.probability_flow_log_prob(told, x, steps=steps)
            found[scale] = x, mean_and_error(log_p - group.log_prob(x))
        return found[scale]

    axis = torch.linspace(-2.4, 2.4, 97)
    cells = torch.cartesian_prod(axis, axis)
    fig, ax = plotting.figure(width=5.2, height=4.6)
    plotting.boltzmann_map(ax, axis, axis, group.log_prob(cells).exp().reshape(97, 97))
    dots = plotting.walkers(ax, draws(default)[0], label=None)
    ax.set(xlim=(-2.4, 2.4), ylim=(-2.4, 2.4))
    ax.set(xlabel="first coordinate", ylabel="second coordinate")

    def update(scale: float) -> str:
        x, (kl, error) = draws(scale)
        dots.set_offsets(x.numpy())
        inside = float((x[:, 0] < 0).double().mean())
        return (
            f"Scale {scale:g}: {100 * inside:.0f} % of the draws are in the left group, whose "
            f"exact density is blue; KL(draws || exact) = {kl + 0.0:.2f} ± {error:.2f} nats."
        )

    scales = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0]
    return live(fig, update, moving=[dots], scale=stops("scale", scales, default))


def out_of_noise(
    path: Tensor | None = None,
    denoiser: diffusion.Denoiser | None = None,
    levels: Tensor | None = None,
    *,
    columns: int = 6,
) -> Live:
    """Pictures on their way out of noise, and beside them what the network expects of each.

    `path`: (T + 1, n, 64), noise first, with pixels from -1 to 1; `denoiser`: what has led the way;
    `levels`: alpha_bar after each step forward, (T,). By default the best denoiser there is for the
    training digits, which gives them back.
    """
    if path is None or denoiser is None or levels is None:
        path, denoiser, levels = _from_memory()
    steps = len(path) - 1
    side = math.isqrt(path.shape[2])
    rows = 4
    shown = path[:, : rows * columns]

    def tiled(flat: Tensor) -> Tensor:
        return torch.as_tensor(plotting.tile(flat.reshape(-1, side, side), columns, fill=-0.7))

    def update(t: float) -> tuple[Tensor, str]:
        togo = round(t)
        x = shown[steps - togo]
        expected = x
        if togo > 0:
            level = levels[togo - 1].to(x).expand(len(x))
            with torch.no_grad():
                expected = diffusion.predict_x0(x, level, denoiser(x, level))
        left, right = tiled(x), tiled(expected)
        gap = torch.full((len(left), 4), -1.0)
        signal = 100 * float(levels[togo - 1]) if togo else 100.0
        return torch.cat([left, gap.to(left), right], dim=1), (
            f"{togo} steps to go, {signal:.0f} % of the variance is signal. Left: the pictures; "
            "right: what is expected of each."
        )

    times = sorted({round(k * steps / 40) for k in range(41)})
    return pixels(
        update,
        low=-1.0,
        high=1.0,
        width=660,
        t=stops("steps to go", [float(k) for k in times], 0.3 * steps),
    )


def _from_memory(steps: int = 80, n: int = 24) -> tuple[Tensor, diffusion.Denoiser, Tensor]:
    """A path, the denoiser that knows the training digits by heart, and the noise levels."""
    known = datasets.digits((1_000, 1, 1)).train.flatten(1) / 8 - 1

    def denoiser(x: Tensor, alpha_bar: Tensor) -> Tensor:
        a = alpha_bar[:, None]
        square = torch.cdist(x, a[:1].sqrt() * known).square()
        mean = (-square / (2 * (1 - a))).softmax(dim=1) @ known
        return (x - a.sqrt() * mean) / (1 - a).sqrt()

    schedule = diffusion.Schedule(diffusion.cosine_betas(steps))
    generator = torch.Generator().manual_seed(10)
    noise = torch.randn(n, known.shape[1], generator=generator)
    path = diffusion.ddpm_path(denoiser, noise, schedule, generator=generator)
    return path, denoiser, schedule.alpha_bars
