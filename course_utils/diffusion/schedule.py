"""The encoder of a diffusion model: how much noise each of its steps adds, and nothing to learn."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from .. import checks

Denoiser = Callable[[Tensor, Tensor], Tensor]  # x_t (B, D), alpha_bar (B,) -> eps_hat (B, D)


# Where the ODE ends: a ten-thousandth of the data is still there.
LAST_ALPHA_BAR = 1e-8


# The network sees log alpha_bar / (1 - alpha_bar) in +-12: beyond, x_t is all signal or all noise.
LOG_SNR_RANGE = 12.0


def alpha_bars(betas: Tensor) -> Tensor:
    """The share of the variance that is still signal after each step.

    alpha_bar_t = prod_{s <= t} (1 - beta_s).

    Args:
        betas: (T,), between 0 and 1.

    Returns:
        (T,), falling.

    Raises:
        ValueError: if a beta is outside [0, 1].

    >>> alpha_bars(torch.tensor([0.5, 0.5]))
    tensor([0.5000, 0.2500])
    """
    checks.between(0, 1, betas=betas)
    return _alpha_bars(betas)


def _alpha_bars(betas: Tensor) -> Tensor:
    return (1 - betas).cumprod(dim=0)


def cosine_betas(steps: int, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise such that the signal falls like a cosine: sqrt(alpha_bar) = cos of an even angle.

    alpha_bar_t = cos^2(angle_t) / cos^2(angle_{-1}),    angle_t = (t + 1 + s T) / (T + s T) pi / 2,

    with s = 0.008, and no beta above 0.999. (Nichol and Dhariwal 2021, equation 17.)

    Raises:
        ValueError: if steps is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    share = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
    bars = ((share + 0.008) / 1.008 * math.pi / 2).cos().square()
    return (1 - bars[1:] / bars[:-1]).clamp(max=0.999).to(dtype)


@dataclass(frozen=True)
class Schedule:
    """The chain of T steps: how much noise each step forward adds, and each step back.

    Attributes:
        betas: of q(x_t | x_{t-1}), (T,). Best in float64, in which 1 - alpha_bar keeps its digits;
            results have the dtype of the data all the same.
        variances: sigma_t^2 of p_theta(x_{t-1} | x_t), (T,); the betas where not given. They are
            right for data that are spread out, as the posterior's would be for a single point
            (Ho et al. 2020, section 3.2); `best_variances` finds those of the data.
    """

    betas: Tensor
    variances: Tensor = None  # type: ignore[assignment]  # the betas, see __post_init__

    def __post_init__(self) -> None:
        if self.betas.ndim != 1 or not bool(((self.betas > 0) & (self.betas < 1)).all()):
            raise ValueError("betas must be (T,), each between 0 and 1, both excluded.")
        if self.variances is None:
            object.__setattr__(self, "variances", self.betas)
        if self.variances.shape != self.betas.shape or not bool((self.variances > 0).all()):
            raise ValueError("variances must be positive, one for each beta.")

    def __len__(self) -> int:
        """T."""
        return len(self.betas)

    @property
    def alphas(self) -> Tensor:
        """1 - betas, (T,)."""
        return 1 - self.betas

    @property
    def alpha_bars(self) -> Tensor:
        """What is left of the signal's variance in x_t, (T,)."""
        return _alpha_bars(self.betas)

    @property
    def posterior_variances(self) -> Tensor:
        """beta~_t, the variance of q(x_{t-1} | x_t, x_data), (T,).

        beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), which is 0 at t = 0, where alpha_bar_{-1}
        is 1. (Ho et al. 2020, equation 7.)
        """
        bars = self.alpha_bars
        before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
        return self.betas * (1 - before) / (1 - bars)


def diffuse(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """A draw from q(x_t | x_data), all steps up to t at once.

    x_t = sqrt(alpha_bar) x_data + sqrt(1 - alpha_bar) eps. (Ho et al. 2020, equation 4.)

    Args:
        x0: data, (B, ...).
        alpha_bar: (B,), one for each sample.
        eps: standard normal, (B, ...).

    Returns:
        (B, ...).
    """
    checks.alike(x0=x0, eps=eps)
    require_levels(alpha_bar, x0)
    return _diffuse(x0, alpha_bar, eps)


def _diffuse(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """`diffuse` within loops, whose arguments have been looked at."""
    alpha_bar = like_samples(alpha_bar, x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def predict_x0(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The x_data that x_t and the predicted noise imply: `diffuse` solved for x_data.

    x_data = (x_t - sqrt(1 - alpha_bar) eps_hat) / sqrt(alpha_bar). (Ho et al. 2020, equation 15.)

    Args:
        x_t: (B, ...).
        alpha_bar: (B,).
        eps_hat: (B, ...).

    Returns:
        (B, ...).
    """
    checks.alike(x_t=x_t, eps_hat=eps_hat)
    require_levels(alpha_bar, x_t, least=1e-30)
    alpha_bar = like_samples(alpha_bar, x_t)
    return (x_t - (1 - alpha_bar).sqrt() * eps_hat) / alpha_bar.sqrt()


def score_from_noise(eps_hat: Tensor, alpha_bar: Tensor) -> Tensor:
    """The gradient of log q(x_t) that the predicted noise implies.

    score = -eps_hat / sqrt(1 - alpha_bar), exact for eps_hat = <eps | x_t> (Vincent 2011). With it
    `predict_x0` is Tweedie's formula, x0_hat = (x_t + (1 - alpha_bar) score) / sqrt(alpha_bar).

    Args:
        eps_hat: (B, ...).
        alpha_bar: below 1, (B,).

    Returns:
        (B, ...).
    """
    require_levels(alpha_bar, eps_hat)
    if bool((alpha_bar == 1).any()):
        raise ValueError("Where alpha_bar is 1 there is no noise, and no score: it must be below.")
    return -eps_hat / (1 - like_samples(alpha_bar, eps_hat)).sqrt()


def posterior(x_t: Tensor, x0: Tensor, t: int, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_{t-1} | x_t, x_data), by Bayes' theorem from two Gaussians.

    q(x_{t-1} | x_t, x_data) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_data):

        mean = [sqrt(alpha_bar_{t-1}) beta_t x_data + sqrt(alpha_t) (1 - alpha_bar_{t-1}) x_t]
               / (1 - alpha_bar_t).

    (Ho et al. 2020, equations 6 and 7.) At t = 0 it is x_data, without variance.

    Args:
        x_t, x0: (...).
        t: index into betas.
        betas: (T,).

    Returns:
        (mean (...), variance 0-d).
    """
    schedule = Schedule(betas)
    checks.index(len(betas), t=t)
    checks.alike(x_t=x_t, x0=x0)
    bar = schedule.alpha_bars[t]
    before = schedule.alpha_bars[t - 1] if t > 0 else torch.ones_like(bar)
    of_x0 = before.sqrt() * betas[t] / (1 - bar)
    of_x_t = (1 - betas[t]).sqrt() * (1 - before) / (1 - bar)
    return of_x0 * x0 + of_x_t * x_t, schedule.posterior_variances[t]


def log_snr_betas(
    steps: int, first: float, last: float, *, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Noise such that log alpha_bar / (1 - alpha_bar) falls evenly from `first` to `last`.

    The weights of the ELBO are then nearly equal, and the simple loss all but the bound itself
    (Kingma et al. 2021, section 5.1).

    Raises:
        ValueError: if steps is below 2, or first is not above last.
    """
    if steps < 2 or not first > last:
        raise ValueError(f"At least 2 steps from a higher to a lower log-SNR, got {steps}.")
    bars = torch.linspace(first, last, steps, dtype=torch.float64).sigmoid()
    before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
    return (1 - bars / before).to(dtype)


def like_samples(alpha_bar: Tensor, x: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1), as many axes as x (B, ...) has."""
    return alpha_bar.reshape(-1, *[1] * (x.ndim - 1))  # (B,) -> (B, 1, ...)


def spread_steps(steps: int, n: int, generator: torch.Generator) -> Tensor:
    """n indices t, each uniform over 0 .. T - 1, together spread evenly, (n,)."""
    start = torch.rand(1, generator=generator, device=generator.device)
    share = (start + torch.arange(n, device=generator.device) / n) % 1
    return (share * steps).long().clamp(max=steps - 1)


def require_levels(alpha_bar: Tensor, x: Tensor, least: float = 0.0) -> None:
    """Raises: ValueError unless alpha_bar has one number for each sample, between 0 and 1."""
    if alpha_bar.ndim > 1 or (alpha_bar.ndim == 1 and len(alpha_bar) not in (1, len(x))):
        raise ValueError(
            f"alpha_bar must be (B,) = ({len(x)},), one for each sample, got "
            f"{tuple(alpha_bar.shape)}."
        )
    checks.between(least, 1, alpha_bar=alpha_bar)


def require_draws(draws: int) -> None:
    """Raises: ValueError if draws is below 1."""
    checks.whole(draws=draws)


def require_flat(x: Tensor) -> Tensor:
    """x itself. Raises: ValueError if it is not (B, D), floating point."""
    if x.ndim != 2 or not x.is_floating_point():
        raise ValueError(
            f"Data must be (B, D), floating point, got {tuple(x.shape)} of {x.dtype}: flatten "
            "images with x.flatten(1)."
        )
    return x
