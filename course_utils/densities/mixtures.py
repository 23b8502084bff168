"""Mixtures of Gaussians and of Bernoullis, and expectation-maximisation (lecture 02).

p(x) = sum_m w_m p(x | m). All three kinds have log_weights (M,), log_joint(x) -> log w_m +
log p(x_n | m), (N, M), and maximised(x, r): the M-step.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .base import (
    LOG_2PI,
    Fit,
    MixtureModel,
    cholesky,
    climb,
    require_binary,
    require_count,
    require_data,
    require_points,
    standard_normal,
)
from .gaussians import gaussian_log_prob


def mixture_log_prob(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """Log-density of a mixture of isotropic Gaussians.

    log p(x) = logsumexp_m [log w_m - |x - means_m|^2 / (2 sigmas_m^2) - D/2 log(2 pi sigmas_m^2)].

    The largest term is taken out of the sum before anything is exponentiated, so that the result
    is finite far from every mean, where each exp is 0.

    Args:
        x: points, (N, D).
        log_weights: (M,), logarithms of weights that sum to 1.
        means: (M, D).
        sigmas: standard deviations, (M,), positive.

    Returns:
        nats, (N,).

    Raises:
        ValueError: if the shapes do not fit together or a sigma is not positive.
    """
    return _isotropic_log_joint(x, log_weights, means, sigmas).logsumexp(dim=1)


def _isotropic_log_joint(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """log w_m + log N(x_n; means_m, sigmas_m^2 I), (N, M)."""
    d = require_points(x, ndim=2).shape[1]
    m = len(log_weights)
    if log_weights.shape != (m,) or means.shape != (m, d) or sigmas.shape != (m,):
        raise ValueError(
            f"x {tuple(x.shape)}, log_weights {tuple(log_weights.shape)}, means "
            f"{tuple(means.shape)} and sigmas {tuple(sigmas.shape)} do not fit: (N, D), (M,), "
            "(M, D) and (M,) are wanted."
        )
    if not bool((sigmas > 0).all()):
        raise ValueError("sigmas must be positive.")
    # Differences, not |x|^2 - 2 x.mean + |mean|^2, which cancels far from the origin.
    square = ((x[:, None] - means) / sigmas[:, None]).square().sum(dim=-1)  # (N, M)
    return log_weights - 0.5 * (square + d * LOG_2PI) - d * sigmas.log()


@dataclass(frozen=True)
class Mixture:
    """A mixture of isotropic Gaussians, sum_m w_m N(x; means_m, sigmas_m^2 I)."""

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    sigmas: Tensor  # (M,)
    min_sigma: float = 0.0  # EM goes no narrower: on a single point the likelihood is unbounded

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log p(x_n | m): (N, D) -> (N, M)."""
        return _isotropic_log_joint(x, self.log_weights, self.means, self.sigmas)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "Mixture":
        """The best mixture if component m has share r[n, m] of point n; r (N, M), rows sum to 1.

        w_m = N_m / N, means_m = sum_n r_nm x_n / N_m, sigmas_m^2 = sum_n r_nm |x_n - means_m|^2
        / (D N_m), with N_m = sum_n r_nm.
        """
        log_weights, shares = _shares(r)
        means = shares @ x
        square = (x - means[:, None]).square().sum(dim=-1)  # (M, N)
        sigmas = ((shares * square).sum(dim=1) / x.shape[1]).sqrt()
        smallest = max(self.min_sigma, torch.finfo(x.dtype).tiny)
        return replace(
            self, log_weights=log_weights, means=means, sigmas=sigmas.clamp_min(smallest)
        )

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): a component by its weight, then a point from it."""
        which = _choose(self.log_weights, n, generator)
        eps = standard_normal((n, self.means.shape[1]), self.means, generator)
        return self.means[which] + self.sigmas[which, None] * eps

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, M D means, M widths."""
        m, d = self.means.shape
        return m - 1 + m * d + m


@dataclass(frozen=True)
class FullMixture:
    """A mixture of Gaussians with full covariances: its components may be long and slanted."""

    log_weights: Tensor  # (M,)
    means: Tensor  # (M, D)
    covs: Tensor  # (M, D, D)
    min_sigma: float = 0.0  # smallest standard deviation, along any direction, that EM may choose

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log p(x_n | m): (N, D) -> (N, M)."""
        return self.log_weights + gaussian_log_prob(x, self.means, self.covs).T  # (M, N) -> (N, M)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "FullMixture":
        """The best mixture if component m has share r[n, m] of point n; r (N, M), rows sum to 1.

        As for `Mixture`, with covs_m = sum_n r_nm (x_n - means_m) (x_n - means_m)^T / N_m.
        """
        log_weights, shares = _shares(r)
        means = shares @ x
        spread = shares.sqrt()[:, :, None] * (x - means[:, None])  # (M, N, D)
        # Raising the eigenvalues to the floor gives the best covariance that respects it.
        variances, axes = torch.linalg.eigh(spread.mT @ spread)
        smallest = max(self.min_sigma**2, torch.finfo(x.dtype).tiny)
        covs = (axes * variances.clamp_min(smallest)[:, None]) @ axes.mT
        return replace(self, log_weights=log_weights, means=means, covs=covs)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): a component by its weight, then a point from it."""
        which = _choose(self.log_weights, n, generator)
        eps = standard_normal((n, self.means.shape[1], 1), self.means, generator)
        return self.means[which] + (cholesky(self.covs)[which] @ eps).squeeze(-1)

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, and M Gaussians of D + D (D + 1) / 2 parameters."""
        m, d = self.means.shape
        return m - 1 + m * (d + d * (d + 1) // 2)


@dataclass(frozen=True)
class BernoulliMixture:
    """A mixture of templates: given m, pixel d is 1 with probability probs[m, d], on its own.

    P(x) = sum_m w_m prod_d probs_md^x_d (1 - probs_md)^(1 - x_d); M = 1 is a product of
    Bernoullis. No pixel is more certain than 1 - min_prob: EM maximises the likelihood under that
    constraint, so that one pixel never seen before costs log(1 / min_prob) and not infinity.
    """

    log_weights: Tensor  # (M,)
    probs: Tensor  # (M, D)
    min_prob: float = 0.01

    def __post_init__(self) -> None:
        if self.probs.ndim != 2 or self.log_weights.shape != self.probs.shape[:1]:
            raise ValueError(
                f"log_weights {tuple(self.log_weights.shape)} and probs "
                f"{tuple(self.probs.shape)} do not fit: (M,) and (M, D) are wanted."
            )
        if not 0 < self.min_prob < 0.5:
            raise ValueError(f"min_prob must lie between 0 and 1/2, got {self.min_prob}.")
        if not bool(((self.probs > 0) & (self.probs < 1)).all()):
            raise ValueError("probs must lie between 0 and 1, both excluded.")

    def log_joint(self, x: Tensor) -> Tensor:
        """log w_m + log P(x_n | m): images (N, D) of 0 and 1 -> (N, M)."""
        d = self.probs.shape[1]
        if require_binary(x).shape[1] != d:
            raise ValueError(f"x must have {d} pixels per image, got {x.shape[1]}.")
        # log P(x | m) is linear in x: one matrix product for all images and components.
        off = torch.log1p(-self.probs)
        constant = self.log_weights + off.sum(dim=1)
        return torch.addmm(constant, x, (self.probs.log() - off).T)

    def log_prob(self, x: Tensor) -> Tensor:
        """log P(x) of images (N, D) of 0 and 1: nats, (N,)."""
        return self.log_joint(x).logsumexp(dim=1)

    def maximised(self, x: Tensor, r: Tensor) -> "BernoulliMixture":
        """The best mixture if component m has share r[n, m] of image n; r (N, M), rows sum to 1.

        w_m = N_m / N, probs_m = sum_n r_nm x_n / N_m within [min_prob, 1 - min_prob].
        """
        log_weights, shares = _shares(r)
        probs = (shares @ x).clamp(self.min_prob, 1 - self.min_prob)
        return replace(self, log_weights=log_weights, probs=probs)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n images, (n, D) of 0 and 1: a component by its weight, then each pixel."""
        probs = self.probs[_choose(self.log_weights, n, generator)]
        u = torch.rand(probs.shape, generator=generator, dtype=probs.dtype, device=probs.device)
        return (u < probs).to(probs.dtype)

    @property
    def n_parameters(self) -> int:
        """M - 1 weights that sum to 1, and M D probabilities."""
        m, d = self.probs.shape
        return m - 1 + m * d


# ---------------------------------------------------------------------- fits of mixtures


def em_step(model: MixtureModel, x: Tensor) -> tuple[MixtureModel, Tensor]:
    """One step of expectation-maximisation: the likelihood of the data never falls.

    E: r_nm = w_m p(x_n | m) / p(x_n), the share of component m in point n.
    M: the mixture that maximises sum_nm r_nm log(w_m p(x_n | m)).
    (Dempster, Laird, Rubin 1977, J. R. Stat. Soc. B 39, 1.)

    Args:
        model: any of the mixtures.
        x: data, (N, D).

    Returns:
        (new model, mean log-likelihood of the *old* one, 0-d, nats per point).
    """
    log_joint = model.log_joint(x)  # (N, M)
    log_prob = log_joint.logsumexp(dim=1, keepdim=True)
    return model.maximised(x, (log_joint - log_prob).exp()), log_prob.mean()


def fit_em(
    start: MixtureModel, x: Tensor, *, steps: int = 200, tolerance: float = 1e-6
) -> Fit[MixtureModel]:
    """Repeat `em_step` from `start` until a step gains less than `tolerance` nats per point.

    Args:
        start: any of the mixtures.
        x: data, (N, D).
        steps: at most so many.
        tolerance: nats per point.

    Returns:
        Fit(model, history); the last entry of history is that of the model returned.

    Raises:
        ValueError: if x is not (N, D) or holds NaN or infinity.
    """
    require_data(x, ndim=2)
    model, history = start, []
    with tqdm(total=steps, delay=2, leave=False, desc="EM") as bar:
        for _ in range(steps):
            new, log_likelihood = em_step(model, x)
            history.append(log_likelihood)
            if len(history) > 1 and float(history[-1] - history[-2]) < tolerance:
                bar.total = bar.n  # an early end is no failure: no red bar
                break
            model = new
            bar.update()
        else:
            history.append(model.log_prob(x).mean())
    return Fit(model, torch.stack(history))


def fit_mixture(
    x: Tensor,
    m: int,
    *,
    generator: torch.Generator,
    full: bool = False,
    starts: int = 5,
    steps: int = 500,
    tolerance: float = 1e-6,
    min_sigma: float | None = None,
) -> Fit[Mixture] | Fit[FullMixture]:
    """Fit a mixture of m Gaussians by EM from several starts, of which the best goes on.

    A start takes m of the points as means, each drawn with probability proportional to its
    squared distance from those before (k-means++, Arthur and Vassilvitskii 2007), one common
    width and equal weights. Each start takes 20 steps of EM; the most probable runs on.

    Args:
        x: points, (N, D), N >= m.
        m: components, M.
        generator: chooses the starts.
        full: full covariances instead of isotropic ones.
        starts: how many.
        steps, tolerance: of the last run, see `fit_em`.
        min_sigma: smallest standard deviation; 1 % of the data's where it is not given.

    Returns:
        Fit(Mixture or FullMixture, history of the best start).

    Raises:
        ValueError: if x is not (N, D), holds NaN or infinity, has fewer than m points or equal
            ones only, or if m, starts or steps is below 1.
    """
    require_data(x, ndim=2)
    _require_components(x, m)
    require_count(starts, "starts")
    spread = (x - x.mean(dim=0)).square().mean().sqrt()
    if not spread > 0:
        raise ValueError("All points are equal: a density of width 0 has no finite likelihood.")
    floor = 0.01 * spread.item() if min_sigma is None else min_sigma
    runs = []
    for _ in range(starts):
        means, square = _spread_out(x, m, generator)
        sigma = (square.mean() / x.shape[1]).sqrt().clamp_min(floor)
        log_weights = x.new_full((m,), -math.log(m))
        if full:
            covs = (sigma**2 * torch.eye(x.shape[1]).to(x)).repeat(m, 1, 1)
            start = FullMixture(log_weights, means, covs, floor)
        else:
            start = Mixture(log_weights, means, sigma.expand(m), floor)
        runs.append(fit_em(start, x, steps=min(20, steps), tolerance=tolerance))
    best = max(runs, key=lambda run: float(run.history[-1]))
    rest = fit_em(best.model, x, steps=steps, tolerance=tolerance)
    return Fit(rest.model, torch.cat([best.history[:-1], rest.history]))


def fit_mixture_by_gradient(
    start: Mixture, x: Tensor, *, steps: int = 200, tolerance: float = 1e-8
) -> Fit[Mixture]:
    """Climb the mean log-likelihood of a mixture of isotropic Gaussians along its gradient.

    The parameters are free numbers: w = softmax(logits), sigma = exp(log_sigma); the means are
    themselves. The same objective as `fit_em`, and near a maximum the same place. min_sigma is
    not enforced: start from a few steps of EM.

    Args:
        start: where to begin.
        x: points, (N, D).
        steps: at most so many, each with L-BFGS.
        tolerance: stops when a step gains less than this, nats per point.

    Returns:
        Fit(model, history).

    Raises:
        ValueError: if x is not (N, D) or holds NaN or infinity.
    """
    require_data(x, ndim=2)
    free = (start.log_weights, start.means, start.sigmas.log())
    logits, means, log_sigmas = (p.detach().clone().requires_grad_() for p in free)

    def log_likelihood() -> Tensor:
        log_weights = logits.log_softmax(dim=0)
        return mixture_log_prob(x, log_weights, means, log_sigmas.exp()).mean()

    history = climb(log_likelihood, (logits, means, log_sigmas), steps, tolerance)
    with torch.no_grad():
        model = replace(
            start,
            log_weights=logits.log_softmax(dim=0),
            means=means.detach(),
            sigmas=log_sigmas.exp(),
        )
    return Fit(model, history)


def fit_bernoulli_mixture(
    x: Tensor,
    m: int,
    *,
    generator: torch.Generator,
    steps: int = 100,
    tolerance: float = 1e-3,
    min_prob: float = 0.01,
) -> Fit[BernoulliMixture]:
    """Fit a mixture of m templates to binary images by EM; m = 1 is a product of Bernoullis.

    Starts from m of the images, far from each other as in `fit_mixture`, each averaged with the
    mean image.

    Args:
        x: images, (N, D) of 0 and 1, N >= m.
        m: components, M.
        generator: chooses the start.
        steps, tolerance: see `fit_em`.
        min_prob: no pixel gets a probability below this, nor above 1 - min_prob.

    Returns:
        Fit(BernoulliMixture, history).

    Raises:
        ValueError: if x is not a binary (N, D) tensor, is empty or has fewer than m images, m is
            below 1, or min_prob is not in (0, 1/2).
    """
    require_binary(x)
    require_data(x, ndim=2)
    _require_components(x, m)
    chosen, _ = _spread_out(x, m, generator)
    probs = (0.5 * (chosen + x.mean(dim=0))).clamp(0.01, 0.99)
    start = BernoulliMixture(x.new_full((m,), -math.log(m)), probs, min_prob)
    return fit_em(start, x, steps=steps, tolerance=tolerance)


def _shares(r: Tensor) -> tuple[Tensor, Tensor]:
    """Responsibilities (N, M) -> (log weights (M,), shares (M, N) that sum to 1 over the data)."""
    count = r.sum(dim=0)  # N_m
    # A component that lost all its points keeps weight 0; the clamp avoids 0 / 0.
    shares = r.T / count.clamp_min(torch.finfo(r.dtype).tiny)[:, None]
    return count.log() - math.log(len(r)), shares


def _spread_out(x: Tensor, m: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """m of the points, far from each other, (m, D), and squared distances to the nearest, (N,)."""
    device = generator.device
    chosen = [x[torch.randint(len(x), (1,), generator=generator, device=device).to(x.device)]]
    square = (x - chosen[0]).square().sum(dim=1)
    for _ in range(m - 1):
        # Equal points only: any is as far as any other.
        chance = square if bool((square > 0).any()) else torch.ones_like(square)
        index = torch.multinomial(chance.to(device), 1, generator=generator).to(x.device)
        chosen.append(x[index])
        square = torch.minimum(square, (x - chosen[-1]).square().sum(dim=1))
    return torch.cat(chosen), square


def _choose(log_weights: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n components, each with its weight, (n,)."""
    require_count(n, "n", least=0)
    # By inverting the cumulative sum: torch.multinomial refuses more than 2^24 categories
    # and n = 0.
    edges = log_weights.double().softmax(dim=0).cumsum(dim=0)[:-1]
    u = torch.rand(n, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.searchsorted(edges, u.to(edges.device), right=True)


def _require_components(x: Tensor, m: int) -> None:
    require_count(m, "m")
    if len(x) < m:
        raise ValueError(f"{m} components need at least as many points, got {len(x)}.")
