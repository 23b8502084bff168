"""Flow matching: straight paths from noise to data, and a network that learns their velocity.

Time runs the other way round than in the chain: t = 0 is noise, t = 1 data.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from .. import checks
from .schedule import like_samples

Velocity = Callable[[Tensor, Tensor], Tensor]  # x (B, D), t (B,) -> dx/dt (B, D)


def flow_matching_pair(noise: Tensor, data: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """Where the straight path from noise to data is at t, and how fast it goes.

    x_t = (1 - t) noise + t data,    dx_t / dt = data - noise.

    A network that predicts the velocity from x_t and t learns its average over all paths through
    x_t, and the ODE with that velocity carries the noise to the data (Lipman et al. 2022, equations
    20 to 23, sigma_min = 0; Liu, Gong and Liu 2022).

    Args:
        noise: standard normal, (B, ...).
        data: (B, ...).
        t: in [0, 1], (B,).

    Returns:
        (x_t, velocity), each (B, ...).
    """
    checks.alike(noise=noise, data=data)
    checks.between(0, 1, t=t)
    t = like_samples(t, data)
    return (1 - t) * noise + t * data, data - noise


def signal_share(t: Tensor) -> Tensor:
    """alpha_bar of the same signal-to-noise ratio as x_t: t^2 / (t^2 + (1 - t)^2)."""
    checks.between(0, 1, t=t)
    return t.square() / (t.square() + (1 - t).square())


@torch.no_grad()
def straight_path(velocity: Velocity, noise: Tensor, *, steps: int = 50) -> Tensor:
    """Walk from noise to data along the velocity, in steps of 1 / steps (Euler's method).

    Args:
        velocity: (x (B, D), t (B,)) -> (B, D).
        noise: where the walk starts, (n, D).
        steps: as many calls of the velocity.

    Returns:
        (steps + 1, n, D): the noise first, the sample last.

    Raises:
        ValueError: if steps is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    path = [noise]
    for k in range(steps):
        t = torch.full_like(noise[:, 0], k / steps)
        path.append(path[-1] + velocity(path[-1], t) / steps)
    return torch.stack(path)
