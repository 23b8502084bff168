"""The way back without noise: the probability-flow ODE (Song et al. 2021), and its density."""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor
from tqdm.auto import tqdm

from ..densities import LOG_2PI
from .schedule import LAST_ALPHA_BAR, Denoiser, require_flat

# Write the noise level as an angle, sqrt(alpha_bar) = cos omega, sqrt(1 - alpha_bar) = sin omega,
# from 0 (data) to pi / 2 (noise). Then x_t = cos(omega) x_data + sin(omega) eps moves along
#     dx / domega = cos(omega) eps - sin(omega) x_data,
# and with both replaced by their expectations given x_t this ODE carries p_data into N(0, I), and
# back, through the same p_t as the chain (Song et al. 2021, section 4.3, in this variable).


def flow_velocity(denoiser: Denoiser, x: Tensor, angle: Tensor) -> Tensor:
    """dx / domega = cos(omega) eps_hat - sin(omega) x0_hat = (eps_hat - sin(omega) x) / cos(omega).

    Args:
        denoiser: predicts the noise.
        x: (B, D).
        angle: omega, 0-d, in [0, pi / 2).

    Returns:
        (B, D).
    """
    eps_hat = denoiser(x, angle.cos().square().expand(len(x)))
    return (eps_hat - angle.sin() * x) / angle.cos()


@torch.no_grad()
def probability_flow_path(
    denoiser: Denoiser, x: Tensor, *, to_noise: bool = False, steps: int = 32
) -> Tensor:
    """Follow the probability-flow ODE, from noise to data or from data to noise.

    The classical Runge-Kutta method of fourth order, with equal steps in the angle: four calls of
    the denoiser for each step.

    Args:
        denoiser: predicts the noise.
        x: where to start, (B, D).
        to_noise: from data to noise; the other way by default.
        steps: of the integration.

    Returns:
        (steps + 1, B, D), the start first.

    Raises:
        ValueError: if x is not (B, D) or steps is below 1.
    """
    angles = _angles(x, to_noise, steps)
    path = [require_flat(x)]
    for start, stop in pairwise(angles):
        path.append(_runge_kutta(lambda x, a: flow_velocity(denoiser, x, a), path[-1], start, stop))
    return torch.stack(path)


def probability_flow(
    denoiser: Denoiser, x: Tensor, *, to_noise: bool = False, steps: int = 32
) -> Tensor:
    """The end of `probability_flow_path`, (B, D) -> (B, D): one sample for each noise."""
    return probability_flow_path(denoiser, x, to_noise=to_noise, steps=steps)[-1]


def probability_flow_log_prob(denoiser: Denoiser, x0: Tensor, *, steps: int = 32) -> Tensor:
    """The exact log-density of what the ODE turns N(0, I) into, up to the error of its steps.

    log p_theta(x_data) = log N(x_T; 0, I) + integral_0^{pi/2} div v(x, omega) domega

    along the path from x_data to x_T (Song et al. 2021, equation 39; Chen et al. 2018). The
    divergence is exact: D vector-Jacobian products in each of the 4 stages of a step.

    Args:
        denoiser: predicts the noise; differentiable.
        x0: (B, D).
        steps: of the integration; twice as many show whether they were enough.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if x0 is not (B, D) or steps is below 1.
    """

    def augmented(state: Tensor, angle: Tensor) -> Tensor:
        """The velocity of x, and in one more column its divergence."""
        with torch.enable_grad():
            x = state[:, :-1].detach().requires_grad_()
            v = flow_velocity(denoiser, x, angle)
            d = v.shape[1]
            rows = [
                torch.autograd.grad(v[:, i].sum(), x, retain_graph=i < d - 1)[0][:, i]
                for i in range(d)
            ]
        return torch.cat([v.detach(), torch.stack(rows).sum(0)[:, None]], dim=1)

    state = torch.cat([require_flat(x0), torch.zeros_like(x0[:, :1])], dim=1)
    angles = _angles(x0, True, steps)
    pairs = list(pairwise(angles))
    for start, stop in tqdm(pairs, delay=2, leave=False, desc="probability flow"):
        state = _runge_kutta(augmented, state, start, stop)
    x_T, gained = state[:, :-1], state[:, -1]
    return -0.5 * (x_T.square().sum(dim=1) + x_T.shape[1] * LOG_2PI) + gained


def _runge_kutta(
    velocity: Callable[[Tensor, Tensor], Tensor], x: Tensor, start: Tensor, stop: Tensor
) -> Tensor:
    """One classical step of fourth order."""
    h, middle = stop - start, (start + stop) / 2
    k1 = velocity(x, start)
    k2 = velocity(x + h / 2 * k1, middle)
    k3 = velocity(x + h / 2 * k2, middle)
    k4 = velocity(x + h * k3, stop)
    return x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def _angles(like: Tensor, to_noise: bool, steps: int) -> Tensor:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    last = math.acos(math.sqrt(LAST_ALPHA_BAR))
    angles = torch.linspace(0, last, steps + 1, dtype=like.dtype, device=like.device)
    return angles if to_noise else angles.flip(0)
