"""The ELBO of the chain, step by step, with its own weights."""

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from ..densities import LOG_2PI, standard_normal
from ..inference import gaussian_kl
from .schedule import Denoiser, Schedule, diffuse, require_draws, require_flat


def elbo_weights(schedule: Schedule) -> Tensor:
    """What one unit of |eps - eps_hat|^2 at step t costs in nats: the weights of the true ELBO.

    w_t = beta_t^2 / (2 sigma_t^2 alpha_t (1 - alpha_bar_t)). (Ho et al. 2020, equation 12.)

    Returns:
        (T,), nats.
    """
    s = schedule
    return s.betas.square() / (2 * s.variances * s.alphas * (1 - s.alpha_bars))


def prior_kl(x0: Tensor, schedule: Schedule) -> Tensor:
    """L_T: how far the last latent is from the prior, KL(q(x_{T-1} | x_data) || N(0, I)).

    There is nothing in it to be learned. (Ho et al. 2020, equation 5.)

    Args:
        x0: (B, D).

    Returns:
        nats, (B,).
    """
    bar = schedule.alpha_bars[-1].to(x0)
    return gaussian_kl(bar.sqrt() * x0, (1 - bar).log().expand_as(x0))


def step_loss(denoiser: Denoiser, x0: Tensor, t: Tensor, schedule: Schedule, eps: Tensor) -> Tensor:
    """One term of the negative ELBO at one draw x_t = diffuse(x0, alpha_bar_t, eps).

    t > 0:  KL(q(x_{t-1} | x_t, x_data) || p_theta(x_{t-1} | x_t))
            = w_t |eps - eps_hat|^2 + D/2 (r - 1 - log r),    r = beta~_t / sigma_t^2;
    t = 0:  -log p_theta(x_data | x_t)
            = w_0 |eps - eps_hat|^2 + D/2 log(2 pi sigma_0^2).

    The two Gaussians of the KL have variances beta~_t and sigma_t^2, and means that differ by
    beta_t (eps - eps_hat) / sqrt(alpha_t (1 - alpha_bar_t)); w_t is that of `elbo_weights`.

    (Ho et al. 2020, equation 5: L_{t-1} and L_0.)

    Args:
        denoiser: predicts the noise.
        x0: data, (B, D).
        t: indices into betas, (B,).
        schedule: of T steps.
        eps: standard normal, (B, D).

    Returns:
        nats, (B,).
    """
    checks.alike(x0=x0, eps=eps)
    checks.index(len(schedule), t=t)
    alpha_bar = schedule.alpha_bars.to(x0)[t]
    eps_hat = denoiser(diffuse(x0, alpha_bar, eps), alpha_bar)
    error = (eps - eps_hat).square().sum(dim=1)
    constants = _step_constants(schedule).to(x0)
    return elbo_weights(schedule).to(x0)[t] * error + x0.shape[1] * constants[t]


def _step_constants(schedule: Schedule) -> Tensor:
    """The part of each term that no denoiser can change, per dimension, (T,) nats."""
    first = 0.5 * (LOG_2PI + schedule.variances[:1].log())
    ratio = schedule.posterior_variances[1:] / schedule.variances[1:]
    return torch.cat([first, 0.5 * (ratio - 1 - ratio.log())])


def _drawn_step_loss(
    denoiser: Denoiser, x0: Tensor, t: Tensor, schedule: Schedule, generator: torch.Generator
) -> Tensor:
    """`step_loss` at a random eps, less noisy: as long as x_t is nearly x_data the denoiser cannot
    know eps, and the loss is |eps|^2, whose mean D is known without drawing."""
    eps = standard_normal(x0.shape, x0, generator)
    known = eps.square().sum(dim=1) - x0.shape[1]  # 0 on average
    weight = (elbo_weights(schedule) * schedule.alpha_bars).to(x0)[t]
    return step_loss(denoiser, x0, t, schedule, eps) - weight * known


@torch.no_grad()
def elbo_terms(
    denoiser: Denoiser,
    x0: Tensor,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    draws: int = 1,
) -> Tensor:
    """Every term of the negative ELBO: the T steps, then the prior's.

    Args:
        denoiser: predicts the noise.
        x0: data, (B, D).
        schedule: of T steps.
        generator: of the noise in x_t, fresh for every term.
        draws: S, of the noise of each term, averaged.

    Returns:
        nats, (T + 1, B): row t is `step_loss`, estimated, the last row `prior_kl`, exact.

    Raises:
        ValueError: if x0 is not (B, D) or draws is below 1.
    """
    require_flat(x0)
    require_draws(draws)
    rows = []
    for step in tqdm(range(len(schedule)), delay=2, leave=False, desc="ELBO"):
        t = torch.full((len(x0),), step, device=x0.device)
        drawn = [_drawn_step_loss(denoiser, x0, t, schedule, generator) for _ in range(draws)]
        rows.append(sum(drawn) / draws)
    return torch.stack([*rows, prior_kl(x0, schedule)])


def elbo(
    denoiser: Denoiser,
    x0: Tensor,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    draws: int = 1,
) -> Tensor:
    """The evidence lower bound of each x_data: that of a VAE with T latents and a fixed encoder.

    ELBO = -(L_T + sum_{t=1}^{T-1} L_t + L_0), every term once (Ho et al. 2020, equation 5). Its
    average over the noise is never above log p_theta(x_data).

    Args, Raises: as `elbo_terms`.

    Returns:
        nats, (B,), an unbiased estimate.
    """
    return -elbo_terms(denoiser, x0, schedule, generator=generator, draws=draws).sum(dim=0)


@torch.no_grad()
def best_variances(
    denoiser: Denoiser, x0: Tensor, betas: Tensor, *, generator: torch.Generator
) -> Tensor:
    """The variances sigma_t^2 of the steps back that make the ELBO largest on these data.

    sigma_t^2 = beta~_t + beta_t^2 / (alpha_t (1 - alpha_bar_t)) < |eps - eps_hat|^2 > / D:

    the mean squared distance of x_{t-1} from its prediction, as the best sigma of a Gaussian
    decoder is (Bao, Li, Zhu and Zhang 2022, theorem 1).

    Args:
        denoiser: predicts the noise.
        x0: data that the bound is not judged on, (N, D).
        betas: (T,).
        generator: of the noise.

    Returns:
        (T,), for `Schedule(betas, variances)`.
    """
    require_flat(x0)
    schedule = Schedule(betas)
    errors = []
    for alpha_bar in schedule.alpha_bars.to(x0):
        alpha_bar = alpha_bar.expand(len(x0))
        eps = standard_normal(x0.shape, x0, generator)
        errors.append((eps - denoiser(diffuse(x0, alpha_bar, eps), alpha_bar)).square().mean())
    share = betas.square() / (schedule.alphas * (1 - schedule.alpha_bars))
    return schedule.posterior_variances + share * torch.stack(errors).to(betas)
