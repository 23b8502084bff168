"""The way back in steps: with noise on the way, DDPM, and without, DDIM."""

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from ..densities import standard_normal
from .schedule import Denoiser, Schedule, _alpha_bars, predict_x0


def ddpm_step(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """One step back, x_t -> x_{t-1}: a draw from the posterior at the predicted x_data.

    x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_t) + sigma_t noise,

    sigma_t^2 = beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), 0 at t = 0.
    (Ho et al. 2020, algorithm 2, with the variance of equation 7.)

    Args:
        x_t: (...).
        t: index into betas, 0 the last step back.
        eps_hat: predicted noise, (...).
        betas: (T,).
        noise: standard normal, (...); not used at t = 0.

    Returns:
        (...).
    """
    schedule = Schedule(betas)
    checks.index(len(betas), t=t)
    checks.alike(x_t=x_t, eps_hat=eps_hat)
    mean = _reverse_mean(x_t, t, eps_hat, betas)
    return mean + schedule.posterior_variances[t].sqrt() * noise if t > 0 else mean


def _reverse_mean(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor) -> Tensor:
    bar = _alpha_bars(betas)[t]
    return (x_t - betas[t] / (1 - bar).sqrt() * eps_hat) / (1 - betas[t]).sqrt()


@torch.no_grad()
def ddpm_path(
    denoiser: Denoiser, noise: Tensor, schedule: Schedule, *, generator: torch.Generator
) -> Tensor:
    """Walk from noise to data with the chain p_theta(x_{t-1} | x_t) = N(mean, sigma_t^2 I).

    The walk of `ddpm_step`, with the variances of the schedule. The last step adds no noise.

    Args:
        denoiser: predicts the noise.
        noise: where the walk starts, x_{T-1} ~ N(0, I), (n, D).
        schedule: of T steps.
        generator: of the noise on the way.

    Returns:
        (T + 1, n, D): the noise first, the sample last.
    """
    x, path = noise, [noise]
    betas, sigmas = schedule.betas.to(noise), schedule.variances.to(noise).sqrt()
    bars = schedule.alpha_bars.to(noise)
    for t in tqdm(range(len(schedule) - 1, -1, -1), delay=2, leave=False, desc="sampling"):
        x = _reverse_mean(x, t, denoiser(x, bars[t].expand(len(x))), betas)
        if t > 0:
            x = x + sigmas[t] * standard_normal(x.shape, x, generator)
        path.append(x)
    return torch.stack(path)


@torch.no_grad()
def ddim_path(denoiser: Denoiser, noise: Tensor, schedule: Schedule) -> Tensor:
    """Walk from noise to data without adding noise on the way.

    x_{t-1} = sqrt(alpha_bar_{t-1}) x0_hat + sqrt(1 - alpha_bar_{t-1}) eps_hat: data and noise are
    taken apart, and put together at the next level. In the limit of many steps it is the
    probability-flow ODE. (Song, Meng and Ermon 2021, equation 12 with sigma = 0.)

    Args:
        denoiser: predicts the noise.
        noise: where the walk starts, (n, D).
        schedule: of T steps, as few as one likes.

    Returns:
        (T + 1, n, D): the noise first, the sample last.
    """
    x, path = noise, [noise]
    bars = torch.cat([torch.ones(1).to(noise), schedule.alpha_bars.to(noise)])
    for t in range(len(schedule), 0, -1):
        here, before = bars[t].expand(len(x)), bars[t - 1]
        eps_hat = denoiser(x, here)
        x = before.sqrt() * predict_x0(x, here, eps_hat) + (1 - before).sqrt() * eps_hat
        path.append(x)
    return torch.stack(path)


def ddpm_sample(
    denoiser: Denoiser,
    n: int,
    data_dim: int,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Draw n samples, (n, D): noise, then T steps back; see `ddpm_path`."""
    noise = torch.randn(n, data_dim, generator=generator, dtype=dtype, device=generator.device)
    return ddpm_path(denoiser, noise, schedule, generator=generator)[-1]
