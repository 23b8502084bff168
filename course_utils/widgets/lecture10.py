"""Widgets of lecture 10, diffusion."""

import math

import numpy as np
import torch
from torch import Tensor

from course_utils import densities, diffusion, plotting

from .base import Live, choice, live, stops

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
