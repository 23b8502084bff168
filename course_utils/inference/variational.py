"""Inference by optimisation: the q of a simple family that is closest to a posterior.

Draws through which gradients flow, two gradient estimators, a stochastic fit of a Gaussian q, the
two directions of the KL on a line, and the refinement of an amortised q for each x by itself.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from ..densities import ASYMMETRY_LIMIT, climb, standard_normal
from .bounds import LikelihoodFunction, elbo, normal_log_prob

LogJoint = Callable[[Tensor], Tensor]  # z (S, K) -> log p(x, z), (S,), the data x being fixed

JUDGES = 64  # draws with which `refine` compares its two answers

# ---------------------------------------------------------------------- gradients


def reparameterize(mu: Tensor, log_var: Tensor, eps: Tensor) -> Tensor:
    """A draw from q = N(mu, diag exp log_var) as a differentiable function of mu and log_var.

    z = mu + exp(log_var / 2) eps,    eps ~ N(0, I).

    Kingma and Welling 2014, section 2.4.

    Args:
        mu: means, (B, K).
        log_var: logarithms of the variances, (B, K).
        eps: standard normal, (..., B, K).

    Returns:
        (..., B, K).

    Raises:
        ValueError: if the three broadcast to something larger than mu or eps.
    """
    checks.fits_into("mu", "eps", mu=mu, log_var=log_var, eps=eps)
    return mu + (log_var / 2).exp() * eps


def gaussian_score(z: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """The score of a Gaussian: the gradient of its log-density with respect to its parameters.

    With eps = (z - mu) / std, it is (eps / std, (eps^2 - 1) / 2).

    Args:
        z: draws, (S, K).
        mu: mean, (K,).
        log_var: logarithms of the variances, (K,).

    Returns:
        (S, 2 K): K columns for mu, then K for log_var. Their average over q is zero.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    if mu.ndim != 1 or mu.shape != log_var.shape or z.ndim != 2 or z.shape[1:] != mu.shape:
        raise ValueError(
            f"z {tuple(z.shape)}, mu {tuple(mu.shape)} and log_var {tuple(log_var.shape)} must be "
            "(S, K), (K,) and (K,)."
        )
    std = (log_var / 2).exp()
    eps = (z - mu) / std
    return torch.cat([eps / std, (eps.square() - 1) / 2], dim=1)


def score_function_gradient(f: Tensor, score: Tensor, baseline: float | Tensor) -> Tensor:
    """Monte Carlo gradient of <f>_q that needs no gradient of f.

    grad <f>_q = <(f - baseline) grad log q>_q ~ 1/S sum_s (f_s - baseline) score_s.

    Since <grad log q>_q = 0 the baseline changes the variance and not the mean, as long as it
    does not depend on the draws. Williams 1992 (REINFORCE).

    Args:
        f: values of the objective at draws from q, (S,).
        score: gradient of log q with respect to its P parameters at the draws, (S, P).
        baseline: 0-d.

    Returns:
        (P,).

    Raises:
        ValueError: if the shapes do not fit together.
    """
    if f.ndim != 1 or score.ndim != 2 or len(f) != len(score):
        raise ValueError(
            f"f {tuple(f.shape)} and score {tuple(score.shape)} must be (S,) and (S, P)."
        )
    return ((f - baseline)[:, None] * score).mean(dim=0)


def gradient_samples(
    log_joint: LogJoint,
    mu: Tensor,
    log_var: Tensor,
    eps: Tensor,
    *,
    method: str,
    baseline: float | Tensor = 0.0,
) -> Tensor:
    """Gradients of the ELBO in (mu, log_var) from one draw each, by one of two estimators.

    ELBO = <f(z)>_q with f(z) = log p(x, z) - log q(z), and z = mu + std eps:

        "score"     (f(z) - baseline) (eps / std, (eps^2 - 1) / 2),
        "pathwise"  (g, g std eps / 2 + 1/2),    g = d log p(x, z) / dz.

    In "score" f contains -log q, the entropy term, as a random number; its explicit dependence on
    the parameters averages to 0 and is left out. In "pathwise" log q at z(eps) is
    -sum_k (eps_k^2 + log_var_k) / 2 + constant: nothing random depends on the parameters, and the
    entropy contributes exactly 1/2 to each log_var. Both have the same mean, the gradient.

    Args:
        log_joint: z (S, K) -> (S,), each row by itself.
        mu: (K,).
        log_var: (K,).
        eps: standard normal, (S, K).
        method: "score" or "pathwise".
        baseline: subtracted from f, "score" only.

    Returns:
        (S, 2 K): K columns for mu, then K for log_var. Their mean over S estimates the gradient.

    Raises:
        ValueError: if method is unknown or the shapes do not fit together.
    """
    if mu.ndim != 1 or mu.shape != log_var.shape or eps.shape[1:] != mu.shape or eps.ndim != 2:
        raise ValueError(
            f"mu {tuple(mu.shape)}, log_var {tuple(log_var.shape)} and eps {tuple(eps.shape)} must "
            "be (K,), (K,) and (S, K)."
        )
    mu, log_var = mu.detach(), log_var.detach()
    std = (log_var / 2).exp()
    z = reparameterize(mu, log_var, eps)
    if method == "score":
        with torch.no_grad():
            f = log_joint(z) - normal_log_prob(z, mu, log_var)
        return (f - baseline)[:, None] * gaussian_score(z, mu, log_var)
    if method == "pathwise":
        with torch.enable_grad():
            (g,) = torch.autograd.grad(log_joint(z.requires_grad_()).sum(), z)
        return torch.cat([g, (g * std * eps + 1) / 2], dim=1)
    raise ValueError(f'method must be "score" or "pathwise", got {method!r}.')


# ---------------------------------------------------------------------- a posterior on a line


@dataclass(frozen=True)
class PosteriorCurve:
    """The posterior of one parameter, by quadrature."""

    points: Tensor  # (n,)
    log_density: Tensor  # (n,), normalised
    log_evidence: Tensor  # 0-d, nats
    mean: Tensor  # 0-d
    std: Tensor  # 0-d


def quadrature_posterior_1d(
    log_joint: Callable[[Tensor], Tensor], low: float, high: float, n: int = 2001
) -> PosteriorCurve:
    """The posterior of one parameter on an interval, by the trapezoidal rule in float64.

    Args:
        log_joint: a (n,) -> log p(x, a), (n,), finite on the interval.
        low, high: the interval; outside, the posterior is taken to be 0.
        n: number of points; spacing well below the posterior's deviation.

    Returns:
        PosteriorCurve.

    Raises:
        ValueError: if low >= high, n < 2, or fewer than five points carry the posterior.
    """
    if not low < high or n < 2:
        raise ValueError(f"low < high and n >= 2 are wanted, got {low}, {high} and {n}.")
    points = torch.linspace(low, high, n, dtype=torch.float64)
    joint = log_joint(points).detach().double()
    log_weight = _log_trapezoid(points)
    log_evidence = (joint + log_weight).logsumexp(dim=0)
    weight = (joint + log_weight - log_evidence).exp()
    if not 1 / weight.square().sum() >= 5:  # as an effective sample size; NaN fails as well
        raise ValueError(
            f"The posterior lies between {n} points: narrow [low, high] or take more points."
        )
    mean = (weight * points).sum()
    std = (weight * (points - mean).square()).sum().sqrt()
    return PosteriorCurve(points, joint - log_evidence, log_evidence, mean, std)


def asymmetry_log_joint(cos_theta: Tensor, bound: float = 0.5) -> Callable[[Tensor], Tensor]:
    """Log of prior times likelihood of the asymmetry A_FB, given the events.

    log p(A) + sum_n log(3/8 (1 + c_n^2) + A c_n),    A ~ uniform on [-bound, bound].

    The prior ends in walls, and a Gaussian q reaches beyond them: taken literally, its
    KL to the posterior is infinite, however little of q is out there. What is returned is
    therefore the density *continued*: beyond a wall the logarithm goes on as the parabola that
    touches it there, finite and concave, so that a draw outside pulls q back. The ELBO of q is
    that of the problem with walls up to the mass of q outside, which the lecture must print: with
    a thousand events it is below 1e-20. Where it is not small, put q on the logit of
    (A + bound) / (2 bound) instead. Quadrature over [-bound, bound] never sees the continuation.

    Args:
        cos_theta: c, (N,), in [-1, 1].
        bound: largest |A_FB| that the prior allows, below 3/4.

    Returns:
        A function a (S,) -> (S,), nats. For `fit_gaussian_q`, whose draws are (S, 1):
        `lambda z: log_joint(z[:, 0])`.

    Raises:
        ValueError: if cos_theta is not (N,) within [-1, 1], or bound is not in (0, 3/4).
    """
    if cos_theta.ndim != 1 or not bool((cos_theta.abs() <= 1).all()):
        raise ValueError("cos_theta must be (N,), cosines within [-1, 1].")
    if not 0 < bound < ASYMMETRY_LIMIT:
        raise ValueError(f"bound must lie between 0 and 3/4, got {bound}.")
    p0 = 3 / 8 * (1 + cos_theta.square())
    u = cos_theta / p0
    constant = p0.log().sum() - math.log(2 * bound)
    wall = torch.tensor([-bound, bound], dtype=u.dtype, device=u.device)
    ratio = u / (1 + wall[:, None] * u)
    slope, curvature = ratio.sum(dim=1), -ratio.square().sum(dim=1)  # at each wall, (2,)

    def log_joint(a: Tensor) -> Tensor:
        inside = a.clamp(-bound, bound).to(u.dtype)
        beyond = a.to(u.dtype) - inside
        side = (beyond.detach() > 0).long()
        parabola = beyond * slope[side] + 0.5 * beyond.square() * curvature[side]
        value = torch.log1p(inside[..., None] * u).sum(dim=-1) + constant + parabola
        return value.to(a.dtype)

    return log_joint


# ---------------------------------------------------------------------- a Gaussian q


@dataclass(frozen=True)
class GaussianQ:
    """q(z) = N(mu, diag exp log_var), an approximate posterior."""

    mu: Tensor  # (K,)
    log_var: Tensor  # (K,)

    @property
    def std(self) -> Tensor:
        """Standard deviations, (K,)."""
        return (self.log_var / 2).exp()

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n latents, (n, K)."""
        eps = standard_normal((n, len(self.mu)), self.mu, generator)
        return reparameterize(self.mu, self.log_var, eps)

    def log_prob(self, z: Tensor) -> Tensor:
        """log q(z), nats: (..., K) -> (...,)."""
        return normal_log_prob(z, self.mu, self.log_var)


def fit_gaussian_q(
    log_joint: LogJoint,
    *,
    start: GaussianQ,
    steps: int = 500,
    samples: int = 16,
    lr: float = 0.1,
    generator: torch.Generator,
) -> tuple[GaussianQ, Tensor]:
    """The Gaussian q that maximises the ELBO, by stochastic gradients through its draws.

    ELBO = <log p(x, z) - log q(z)>_q, z = mu + std eps.

    Adam with a learning rate that falls to 0; the result is the average of the last quarter of
    the steps. The parameters are measured in deviations of `start`, which should be of the size
    of the answer's within a factor of ten or so. log q is differentiated through z alone: the
    part left out has mean 0, and without it the noise vanishes as q reaches the posterior
    (Roeder, Wu and Duvenaud 2017).

    Args:
        log_joint: z (S, K) -> log p(x, z), (S,), each row by itself.
        start: q at the beginning.
        steps: of Adam.
        samples: S, draws in each step.
        lr: at the beginning, in deviations of `start`.
        generator: of the draws.

    Returns:
        (q, estimates of the ELBO during the fit (steps,), nats).

    Raises:
        ValueError: if steps or samples is below 1, or log_joint is not finite at a draw.
    """
    _require_counts(steps=steps, samples=samples)
    mu0, log_var0 = start.mu.detach(), start.log_var.detach()

    def objective(shift: Tensor, log_scale: Tensor) -> Tensor:
        mu, log_var = mu0 + start.std.detach() * shift, log_var0 + 2 * log_scale
        z = reparameterize(mu, log_var, standard_normal((samples, len(mu0)), mu0, generator))
        return (log_joint(z) - normal_log_prob(z, mu.detach(), log_var.detach())).mean()

    shift, log_scale, history = _ascend(objective, mu0, steps, lr)
    return GaussianQ(mu0 + start.std.detach() * shift, log_var0 + 2 * log_scale), history


def refine(
    x: Tensor,
    log_likelihood: LikelihoodFunction,
    mu: Tensor,
    log_var: Tensor,
    *,
    steps: int = 200,
    samples: int = 8,
    lr: float = 0.1,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Maximise the ELBO of each x by itself, starting from an amortised answer.

    The gain is the amortisation gap; what remains to the evidence is the approximation gap
    (Cremer, Li and Duvenaud 2018). Neither x nor the model changes. At the end both answers of
    each x are judged with the same `JUDGES` fresh draws, and the better one is kept.

    Args:
        x: data, (B, D).
        log_likelihood: log_likelihood(x, z) -> (S, B) for z (S, B, K), differentiable in z.
        mu: means of q(z | x), (B, K).
        log_var: logarithms of its variances, (B, K).
        steps: of Adam, with a learning rate that falls to 0.
        samples: S, draws in each step.
        lr: at the beginning, in deviations of the q given.
        generator: of the draws.

    Returns:
        (mu, log_var), both (B, K).

    Raises:
        ValueError: if steps or samples is below 1, mu and log_var are not (B, K), or the
            likelihood is not finite at a draw.
    """
    _require_counts(steps=steps, samples=samples)
    if mu.ndim != 2 or mu.shape != log_var.shape or len(mu) != len(x):
        raise ValueError(
            f"mu {tuple(mu.shape)} and log_var {tuple(log_var.shape)} must be (B, K), B = {len(x)}."
        )
    mu0, log_var0 = mu.detach(), log_var.detach()
    std0 = (log_var0 / 2).exp()

    def bound(mu: Tensor, log_var: Tensor, draws: Tensor) -> Tensor:
        return elbo(log_likelihood(x, reparameterize(mu, log_var, draws)), mu, log_var)

    def objective(shift: Tensor, log_scale: Tensor) -> Tensor:
        eps = standard_normal((samples, *mu0.shape), mu0, generator)
        # A sum: the parameters of one x appear in its term alone.
        return bound(mu0 + std0 * shift, log_var0 + 2 * log_scale, eps).sum()

    shift, log_scale, _ = _ascend(objective, mu0, steps, lr)
    refined = mu0 + std0 * shift, log_var0 + 2 * log_scale
    with torch.no_grad():
        before, after = torch.zeros_like(x[:, 0]), torch.zeros_like(x[:, 0])
        for _ in range(math.ceil(JUDGES / samples)):  # never more than S draws in memory
            eps = standard_normal((samples, *mu0.shape), mu0, generator)
            before += bound(mu0, log_var0, eps)
            after += bound(*refined, eps)
    better = (after > before)[:, None]
    return torch.where(better, refined[0], mu0), torch.where(better, refined[1], log_var0)


def _ascend(
    objective: Callable[[Tensor, Tensor], Tensor], like: Tensor, steps: int, lr: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Maximise a random objective of (shift, log_scale), both starting at 0 in the shape of like.

    Returns their averages over the last quarter of the steps, and the values (steps,).
    """
    parameters = [torch.zeros_like(like, requires_grad=True) for _ in range(2)]
    # A short memory of the gradients' size, 0.9 and not 0.999: at the start they may be huge.
    adam = torch.optim.Adam(parameters, lr=lr, betas=(0.9, 0.9))
    last = max(1, steps // 4)
    sums = [torch.zeros_like(like) for _ in range(2)]
    history = []
    for step in tqdm(range(steps), desc="ELBO", delay=2, leave=False):
        adam.param_groups[0]["lr"] = lr * (1 + math.cos(math.pi * step / steps)) / 2
        with torch.enable_grad():  # also inside somebody's no_grad
            value = objective(*parameters)
            (-value).backward(inputs=parameters)  # leaves the model's own gradients alone
        adam.step()
        adam.zero_grad()
        history.append(value.detach())
        if step >= steps - last:
            for total, parameter in zip(sums, parameters, strict=True):
                total += parameter.detach() / last
    values = torch.stack(history)
    if not bool(values.isfinite().all()):
        raise ValueError(
            "The ELBO became NaN or infinite: start closer, lower lr, or make the log-density "
            "finite wherever q can draw."
        )
    shift, log_scale = sums
    return shift, log_scale, values


# ---------------------------------------------------------------------- seeking and covering


def kl_on_grid(log_p: Tensor, log_q: Tensor, points: Tensor) -> Tensor:
    """KL between two densities on a line, by the trapezoidal rule.

    KL(p || q) = sum_i h_i p_i (log p_i - log q_i), both normalised on the points first.

    Args:
        log_p, log_q: logarithms of the densities at the points, up to a constant, (n,).
        points: rising, (n,).

    Returns:
        nats, 0-d; infinite where q is 0 and p is not.

    Raises:
        ValueError: if the shapes differ.
    """
    if not log_p.shape == log_q.shape == points.shape or points.ndim != 1:
        raise ValueError(
            f"log_p {tuple(log_p.shape)}, log_q {tuple(log_q.shape)} and points "
            f"{tuple(points.shape)} must all be (n,)."
        )
    log_weight = _log_trapezoid(points)
    log_p = log_p - (log_p + log_weight).logsumexp(dim=0)
    log_q = log_q - (log_q + log_weight).logsumexp(dim=0)
    p = (log_p + log_weight).exp()
    # 0 log 0 = 0, in the value and in the gradient.
    return (p * torch.where(p > 0, log_p - log_q, torch.zeros_like(p))).sum()


def fit_q_on_grid(
    log_target: Tensor,
    points: Tensor,
    *,
    direction: str,
    start: Sequence[float],
    steps: int = 200,
) -> tuple[Tensor, Tensor, Tensor]:
    """The Gaussian q closest to a density on a line, in one of the two directions of the KL.

    "seeking"   minimises KL(q || p): q avoids places where p is small, and settles in one basin.
    "covering"  minimises KL(p || q): q avoids being small where p is not, and takes the mean and
                the variance of p.

    Deterministic: the KL by quadrature, the descent by L-BFGS. Which basin "seeking" finds
    depends on the start.

    Args:
        log_target: log p at the points, up to a constant, (n,).
        points: rising, (n,). A q that reaches their ends is cut off there: let them reach far.
        direction: "seeking" or "covering".
        start: (mu, log_var) at the beginning.
        steps: at most so many.

    Returns:
        (mu, log_var, KL reached), each 0-d.

    Raises:
        ValueError: if direction is unknown or the shapes differ.
    """
    if direction not in ("seeking", "covering"):
        raise ValueError(f'direction must be "seeking" or "covering", got {direction!r}.')
    mu, log_var = (
        torch.tensor(float(v), dtype=points.dtype, device=points.device, requires_grad=True)
        for v in start
    )

    def minus_kl() -> Tensor:
        log_q = -0.5 * (log_var + (points - mu).square() * (-log_var).exp())  # up to a constant
        pair = (log_q, log_target) if direction == "seeking" else (log_target, log_q)
        return -kl_on_grid(*pair, points)

    history = climb(minus_kl, (mu, log_var), steps, 1e-12)
    return mu.detach(), log_var.detach(), -history[-1]


# ---------------------------------------------------------------------- helpers


def _log_trapezoid(points: Tensor) -> Tensor:
    """Logarithms of the weights of the trapezoidal rule, (n,)."""
    half = points.diff() / 2
    if not bool((half > 0).all()) or len(points) < 2:
        raise ValueError("points must rise, and there must be two or more.")
    zero = half.new_zeros(1)
    return (torch.cat([half, zero]) + torch.cat([zero, half])).log()


def _require_counts(**counts: int) -> None:
    checks.whole(**counts)
