"""Diffusion models: a hierarchical VAE whose encoder is fixed, and the ODE that it becomes.

The encoder is a chain that adds a little noise in each of T steps, and has nothing to learn:

    q(x_t | x_{t-1}) = N(sqrt(1 - beta_t) x_{t-1}, beta_t I).

The T latents x_t are as large as the data. The decoder walks back, p_theta(x_{t-1} | x_t), and all
of it is one function, `Denoiser`: the noise that is expected in x_t. It is told how much of the
signal is left, alpha_bar, rather than t, so that one network serves chains of any length and the
ODE. Two of them are at hand: `NoisePredictor`, to be learned, and `DiffusedMixture.eps`, exact.

Python counts from 0: `t` is an index into betas, x_t the state after t + 1 steps, `x0` the data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from ..autoencoders import mlp
from ..densities import LOG_2PI, FullMixture, Gaussian, Mixture, standard_normal
from ..inference import gaussian_kl

Denoiser = Callable[[Tensor, Tensor], Tensor]  # x_t (B, D), alpha_bar (B,) -> eps_hat (B, D)

# Where the ODE ends: a ten-thousandth of the data is still there.
LAST_ALPHA_BAR = 1e-8
# The network sees log alpha_bar / (1 - alpha_bar) in +-12: beyond, x_t is all signal or all noise.
LOG_SNR_RANGE = 12.0


# ---------------------------------------------------------------------- the encoder: adding noise


def alpha_bars(betas: Tensor) -> Tensor:
    """The share of the variance that is still signal after each step.

    alpha_bar_t = prod_{s <= t} (1 - beta_s).

    Args:
        betas: (T,), between 0 and 1.

    Returns:
        (T,), falling.

    >>> alpha_bars(torch.tensor([0.5, 0.5]))
    tensor([0.5000, 0.2500])
    """
    return (1 - betas).cumprod(dim=0)


def linear_betas(steps: int, *, dtype: torch.dtype = torch.float64) -> Tensor:
    """Noise that grows in a straight line, from 0.1 / T to 20 / T.

    These are 1e-4 to 0.02 for the T = 1000 of Ho et al. 2020, section 4, and add up to the same
    noise for any T.

    Raises:
        ValueError: if steps is below 21, where the last beta would be 1 or more.
    """
    if steps < 21:
        raise ValueError(f"A linear schedule needs at least 21 steps, got {steps}: use cosine.")
    return torch.linspace(0.1 / steps, 20 / steps, steps, dtype=dtype)


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
    variances: Tensor | None = None

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
        return alpha_bars(self.betas)

    @property
    def posterior_variances(self) -> Tensor:
        """beta~_t, the variance of q(x_{t-1} | x_t, x_0), (T,).

        beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t), which is 0 at t = 0, where alpha_bar_{-1}
        is 1. (Ho et al. 2020, equation 7.)
        """
        bars = self.alpha_bars
        before = torch.cat([torch.ones_like(bars[:1]), bars[:-1]])
        return self.betas * (1 - before) / (1 - bars)


def diffuse(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """A draw from q(x_t | x_0), all steps up to t at once.

    x_t = sqrt(alpha_bar) x_0 + sqrt(1 - alpha_bar) eps. (Ho et al. 2020, equation 4.)

    Args:
        x0: data, (B, ...).
        alpha_bar: (B,), one for each sample.
        eps: standard normal, (B, ...).

    Returns:
        (B, ...).
    """
    alpha_bar = _like(alpha_bar, x0)
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def predict_x0(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The x_0 that x_t and the predicted noise imply: `diffuse` solved for x_0.

    x_0 = (x_t - sqrt(1 - alpha_bar) eps_hat) / sqrt(alpha_bar). (Ho et al. 2020, equation 15.)

    Args:
        x_t: (B, ...).
        alpha_bar: (B,).
        eps_hat: (B, ...).

    Returns:
        (B, ...).
    """
    alpha_bar = _like(alpha_bar, x_t)
    return (x_t - (1 - alpha_bar).sqrt() * eps_hat) / alpha_bar.sqrt()


def posterior(x_t: Tensor, x0: Tensor, t: int, betas: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of q(x_{t-1} | x_t, x_0), by Bayes' theorem from two Gaussians.

    q(x_{t-1} | x_t, x_0) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0):

        mean = [sqrt(alpha_bar_{t-1}) beta_t x_0 + sqrt(alpha_t) (1 - alpha_bar_{t-1}) x_t]
               / (1 - alpha_bar_t).

    (Ho et al. 2020, equations 6 and 7.) At t = 0 it is x_0, without variance.

    Args:
        x_t, x0: (...).
        t: index into betas.
        betas: (T,).

    Returns:
        (mean (...), variance 0-d).
    """
    schedule = Schedule(betas)
    bar = schedule.alpha_bars[t]
    before = schedule.alpha_bars[t - 1] if t > 0 else torch.ones_like(bar)
    of_x0 = before.sqrt() * betas[t] / (1 - bar)
    of_x_t = (1 - betas[t]).sqrt() * (1 - before) / (1 - bar)
    return of_x0 * x0 + of_x_t * x_t, schedule.posterior_variances[t]


# ---------------------------------------------------------------------- the decoder: a denoiser


class NoisePredictor(nn.Module):
    """eps_hat(x_t, alpha_bar): a multilayer perceptron on points or on flat images.

    eps_hat = sqrt(1 - alpha_bar) [x_t + sqrt(alpha_bar) F(x_t, log-SNR)].

    With F = 0, where the network starts, this is exact for data x_0 ~ N(0, I): only what differs
    from a standard normal has to be learned, so standardise the data. For any F it is right at
    both ends: where all is noise it is x_t, and where there is none it is 0.

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        frequencies: waves in the embedding of log alpha_bar / (1 - alpha_bar); it has twice as
            many numbers.
        generator: of the initial weights.
    """

    def __init__(
        self,
        data_dim: int,
        *,
        hidden: Sequence[int] = (64, 64, 64),
        frequencies: int = 6,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network = _NoisyNetwork(data_dim, hidden, frequencies, generator)

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """x_t (B, D), alpha_bar (B,) -> eps_hat (B, D)."""
        signal, noise = alpha_bar.sqrt()[:, None], (1 - alpha_bar).sqrt()[:, None]
        return noise * (x_t + signal * self.network(x_t, alpha_bar))


class _NoisyNetwork(nn.Module):
    """A multilayer perceptron that sees x_t and waves of its log-SNR; 0 before it is trained."""

    def __init__(
        self,
        data_dim: int,
        hidden: Sequence[int],
        frequencies: int,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.mlp = mlp((data_dim + 2 * frequencies, *hidden, data_dim), generator=generator)
        for parameter in self.mlp[-1].parameters():
            nn.init.zeros_(parameter)
        waves = torch.arange(1, frequencies + 1, device=generator.device)
        self.register_buffer("waves", waves * math.pi / (2 * LOG_SNR_RANGE))

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        log_snr = alpha_bar.logit().clamp(-LOG_SNR_RANGE, LOG_SNR_RANGE)
        angle = log_snr[:, None] * self.waves
        return self.mlp(torch.cat([x_t, angle.sin(), angle.cos()], dim=1))


def simple_loss(
    schedule: Schedule, generator: torch.Generator
) -> Callable[[nn.Module, Tensor], Tensor]:
    """The loss that is trained: squared error of the predicted noise, all steps alike.

    loss(model, x0) = < |eps - eps_hat(x_t, alpha_bar_t)|^2 >, t uniform, eps ~ N(0, I)
    (Ho et al. 2020, equation 14), summed over the D dimensions, batch mean, ready for
    `training.fit`. It is the negative ELBO with other weights: see `elbo_weights`.

    The t of a batch are spread evenly, which makes the loss less noisy (Kingma et al. 2021,
    appendix I.1).

    Args:
        schedule: where the T noise levels come from.
        generator: of t and eps.
    """

    bars = schedule.alpha_bars

    def loss(model: nn.Module, x0: Tensor) -> Tensor:
        t = _spread_steps(len(schedule), len(x0), generator)
        alpha_bar = bars.to(x0)[t]
        eps = standard_normal(x0.shape, x0, generator)
        eps_hat = model(diffuse(x0, alpha_bar, eps), alpha_bar)
        return (eps - eps_hat).square().flatten(1).sum(dim=1).mean()

    return loss


# ---------------------------------------------------------------------- the ELBO


def elbo_weights(schedule: Schedule) -> Tensor:
    """What one unit of |eps - eps_hat|^2 at step t costs in nats: the weights of the true ELBO.

    w_t = beta_t^2 / (2 sigma_t^2 alpha_t (1 - alpha_bar_t)). (Ho et al. 2020, equation 12.)

    Returns:
        (T,), nats.
    """
    s = schedule
    return s.betas.square() / (2 * s.variances * s.alphas * (1 - s.alpha_bars))


def prior_kl(x0: Tensor, schedule: Schedule) -> Tensor:
    """L_T: how far the last latent is from the prior, KL(q(x_{T-1} | x_0) || N(0, I)).

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

    t > 0:  KL(q(x_{t-1} | x_t, x_0) || p_theta(x_{t-1} | x_t))
            = w_t |eps - eps_hat|^2 + D/2 (r - 1 - log r),    r = beta~_t / sigma_t^2;
    t = 0:  -log p_theta(x_0 | x_t)
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
    """`step_loss` at a random eps, less noisy: as long as x_t is nearly x_0 the denoiser cannot
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
    _require_flat(x0)
    _require_draws(draws)
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
    """The evidence lower bound of each x_0: that of a VAE with T latents and a fixed encoder.

    ELBO = -(L_T + sum_{t=1}^{T-1} L_t + L_0), every term once (Ho et al. 2020, equation 5). Its
    average over the noise is never above log p_theta(x_0).

    Args, Raises: as `elbo_terms`.

    Returns:
        nats, (B,), an unbiased estimate.
    """
    return -elbo_terms(denoiser, x0, schedule, generator=generator, draws=draws).sum(dim=0)


@torch.no_grad()
def elbo_by_random_steps(
    denoiser: Denoiser,
    x0: Tensor,
    schedule: Schedule,
    *,
    generator: torch.Generator,
    draws: int = 1,
) -> Tensor:
    """The same bound from a few random terms instead of all T: unbiased, cheaper, noisier.

    ELBO = -(L_T + T < L_t >), t uniform over 0 .. T - 1: what a single step of training sees.

    Args:
        draws: terms for each x_0. Others, Raises: as `elbo_terms`.

    Returns:
        nats, (B,).
    """
    _require_flat(x0)
    _require_draws(draws)
    total = torch.zeros_like(x0[:, 0])
    for _ in range(draws):
        t = _spread_steps(len(schedule), len(x0), generator)
        total += _drawn_step_loss(denoiser, x0, t, schedule, generator)
    return -(prior_kl(x0, schedule) + len(schedule) * total / draws)


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
    _require_flat(x0)
    schedule = Schedule(betas)
    errors = []
    for alpha_bar in schedule.alpha_bars.to(x0):
        alpha_bar = alpha_bar.expand(len(x0))
        eps = standard_normal(x0.shape, x0, generator)
        errors.append((eps - denoiser(diffuse(x0, alpha_bar, eps), alpha_bar)).square().mean())
    share = betas.square() / (schedule.alphas * (1 - schedule.alpha_bars))
    return schedule.posterior_variances + share * torch.stack(errors).to(betas)


# ---------------------------------------------------------------------- sampling, step by step


def ddpm_step(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """One step back, x_t -> x_{t-1}: a draw from the posterior at the predicted x_0.

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
    mean = _reverse_mean(x_t, t, eps_hat, betas)
    return mean + Schedule(betas).posterior_variances[t].sqrt() * noise if t > 0 else mean


def _reverse_mean(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor) -> Tensor:
    bar = alpha_bars(betas)[t]
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


# ---------------------------------------------------------------------- the probability-flow ODE
#
# Write the noise level as an angle, sqrt(alpha_bar) = cos omega, sqrt(1 - alpha_bar) = sin omega,
# from 0 (data) to pi / 2 (noise). Then x_t = cos(omega) x_0 + sin(omega) eps moves along
#     dx / domega = cos(omega) eps - sin(omega) x_0,
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
    path = [_require_flat(x)]
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

    log p_theta(x_0) = log N(x_T; 0, I) + integral_0^{pi/2} div v(x, omega) domega

    along the path from x_0 to x_T (Song et al. 2021, equation 39; Chen et al. 2018). The
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
        return torch.cat([v.detach(), sum(rows)[:, None]], dim=1)

    state = torch.cat([_require_flat(x0), torch.zeros_like(x0[:, :1])], dim=1)
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


# ---------------------------------------------------------------------- binary images
#
# The same chain on x_0 in {-1, 1}^D, for the ledger: there log p(x_0) is that of a probability, not
# of a density, and so the last step has to be a Bernoulli.


class BinaryNoisePredictor(nn.Module):
    """eps_hat(x_t, alpha_bar) for binary images, through the odds of every pixel.

    logits = 2 sqrt(alpha_bar) / (1 - alpha_bar) x_t + F(x_t, log-SNR),

    the log-odds of x_0 = 1 against -1: the first term is what the pixel's own x_t says, by Bayes'
    theorem, and F what all the others do. x0_hat = tanh(logits / 2) is the mean of x_0, and
    eps_hat = (x_t - sqrt(alpha_bar) x0_hat) / sqrt(1 - alpha_bar).

    Args:
        data_dim: D.
        hidden: widths of the hidden layers.
        frequencies: see `NoisePredictor`.
        generator: of the initial weights, with which F = 0: exact for fair coins.
    """

    def __init__(
        self,
        data_dim: int,
        *,
        hidden: Sequence[int] = (192, 192),
        frequencies: int = 6,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.network = _NoisyNetwork(data_dim, hidden, frequencies, generator)

    def logits(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """Log-odds of each pixel, x_t (B, D), alpha_bar (B,) below 1 -> (B, D)."""
        own = 2 * alpha_bar.sqrt() / (1 - alpha_bar)
        return own[:, None] * x_t + self.network(x_t, alpha_bar)

    def forward(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        """x_t (B, D), alpha_bar (B,) below 1 -> eps_hat (B, D)."""
        x0_hat = torch.tanh(self.logits(x_t, alpha_bar) / 2)
        signal, noise = alpha_bar.sqrt()[:, None], (1 - alpha_bar).sqrt()[:, None]
        return (x_t - signal * x0_hat) / noise


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


@torch.no_grad()
def binary_elbo(
    model: BinaryNoisePredictor,
    x0: Tensor,
    betas: Tensor,
    *,
    generator: torch.Generator,
    draws: int = 1,
) -> Tensor:
    """A lower bound on the log-probability of binary images, an unbiased estimate of it.

    ELBO = <log p_theta(x_0 | x_t at t = 0)> - sum_{t >= 1} KL_t - L_T, where the last step is a
    product of Bernoullis with the model's logits there, and every other has the variance of the
    posterior: data are points, not spread out. Then
    KL_t = 1/2 (SNR_{t-1} - SNR_t) |x_0 - x0_hat|^2 (Kingma et al. 2021, equation 13).

    Args:
        model: the denoiser.
        x0: images, (B, D) of -1 and 1.
        betas: (T,), T >= 2.
        generator: of t and the noise.
        draws: random t for each image, of which the sum over t is estimated.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if x0 is not (B, D) of -1 and 1, or draws is below 1.
    """
    _require_flat(x0)
    if not bool((x0.abs() == 1).all()):
        raise ValueError("x0 must hold only -1 and 1: 2 * x - 1 makes them of 0 and 1.")
    _require_draws(draws)
    variances = torch.cat([betas[:1], Schedule(betas).posterior_variances[1:]])
    schedule = Schedule(betas, variances)
    first = schedule.alpha_bars[0].to(x0).expand(len(x0))
    total = prior_kl(x0, schedule)
    for _ in range(draws):
        x_t = diffuse(x0, first, standard_normal(x0.shape, x0, generator))
        last_step = F.logsigmoid(x0 * model.logits(x_t, first)).sum(dim=1)
        t = 1 + _spread_steps(len(schedule) - 1, len(x0), generator)
        kl = step_loss(model, x0, t, schedule, standard_normal(x0.shape, x0, generator))
        total = total + ((len(schedule) - 1) * kl - last_step) / draws
    return -total


# ---------------------------------------------------------------------- exact truth


@dataclass(frozen=True)
class DiffusedMixture:
    """A Gaussian mixture on its way to noise: at every alpha_bar a mixture again, in closed form.

    x_0 ~ sum_m w_m N(mean_m, C_m)  gives
    x_t ~ sum_m w_m N(sqrt(alpha_bar) mean_m, alpha_bar C_m + (1 - alpha_bar) I).

    Made by `diffused`. C_m = axes diag(variances) axes^T, so that adding noise is an addition.
    """

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    variances: Tensor  # (M, D)
    axes: Tensor  # (M, D, D), one axis in each column

    def log_prob(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """log p_t(x): x (B, D), alpha_bar (B,) -> nats, (B,)."""
        return self._parts(x, alpha_bar)[0].logsumexp(dim=1)

    def score(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The gradient of log p_t at x: x (B, D), alpha_bar (B,) -> (B, D).

        sum_m p(m | x) (alpha_bar C_m + (1 - alpha_bar) I)^-1 (sqrt(alpha_bar) mean_m - x).
        """
        log_joint, along, variances = self._parts(x, alpha_bar)
        pull = log_joint.softmax(dim=1)[..., None] * along / variances  # (B, M, D)
        return -torch.einsum("bmi,mdi->bd", pull, self.axes)

    def eps(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The best possible denoiser, <eps | x_t> = -sqrt(1 - alpha_bar) score: (B, D)."""
        return -(1 - alpha_bar).sqrt()[:, None] * self.score(x, alpha_bar)

    def _parts(self, x: Tensor, alpha_bar: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """log w_m p_t(x | m) (B, M); x - mean along each axis, and the variance there (B, M, D)."""
        share = alpha_bar[:, None, None]
        along = torch.einsum("bmd,mdi->bmi", x[:, None] - share.sqrt() * self.means, self.axes)
        variances = share * self.variances + 1 - share
        square = along.square() / variances + variances.log() + LOG_2PI
        return self.log_weights - 0.5 * square.sum(dim=2), along, variances


def diffused(density: Gaussian | Mixture | FullMixture) -> DiffusedMixture:
    """The exact densities p_t, scores and denoiser for data from a Gaussian or a mixture.

    Args:
        density: of the data, in D dimensions.
    """
    if isinstance(density, Gaussian):
        covs, means = density.cov[None], density.mean[None]
        log_weights = torch.zeros_like(means[:, 0])
    elif isinstance(density, Mixture):
        means, log_weights = density.means, density.log_weights
        eye = torch.eye(means.shape[1]).to(means)
        covs = density.sigmas.square()[:, None, None] * eye
    else:
        covs, means, log_weights = density.covs, density.means, density.log_weights
    variances, axes = torch.linalg.eigh(covs)
    return DiffusedMixture(log_weights, means, variances, axes)


@torch.no_grad()
def score_error(
    denoiser: Denoiser,
    truth: DiffusedMixture,
    x0: Tensor,
    alpha_bars: Tensor,
    *,
    generator: torch.Generator,
) -> Tensor:
    """Relative error of a learned score at each noise level, over x_t ~ p_t.

    sqrt(< |score_theta - score|^2 > / < |score|^2 >), averages over p_t; with score = -eps /
    sqrt(1 - alpha_bar) that is the same for the predicted noise.

    Args:
        denoiser: predicts the noise.
        truth: see `diffused`.
        x0: draws from the truth, (N, D).
        alpha_bars: noise levels, (T,).
        generator: of the noise.

    Returns:
        (T,): 0 is perfect, 1 as bad as predicting no noise at all.
    """
    errors = []
    for alpha_bar in alpha_bars.to(x0):
        alpha_bar = alpha_bar.expand(len(x0))
        x_t = diffuse(x0, alpha_bar, standard_normal(x0.shape, x0, generator))
        exact = truth.eps(x_t, alpha_bar)
        wrong = (denoiser(x_t, alpha_bar) - exact).square().sum()
        errors.append((wrong / exact.square().sum()).sqrt())
    return torch.stack(errors)


# ---------------------------------------------------------------------- helpers


def _like(alpha_bar: Tensor, x: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1), as many axes as x (B, ...) has."""
    return alpha_bar.reshape(-1, *[1] * (x.ndim - 1))  # (B,) -> (B, 1, ...)


def _spread_steps(steps: int, n: int, generator: torch.Generator) -> Tensor:
    """n indices t, each uniform over 0 .. T - 1, together spread evenly, (n,)."""
    start = torch.rand(1, generator=generator, device=generator.device)
    share = (start + torch.arange(n, device=generator.device) / n) % 1
    return (share * steps).long().clamp(max=steps - 1)


def _require_draws(draws: int) -> None:
    if draws < 1:
        raise ValueError(f"draws must be at least 1, got {draws}.")


def _require_flat(x: Tensor) -> Tensor:
    if x.ndim != 2 or not x.is_floating_point():
        raise ValueError(
            f"Data must be (B, D), floating point, got {tuple(x.shape)} of {x.dtype}: flatten "
            "images with x.flatten(1)."
        )
    return x
