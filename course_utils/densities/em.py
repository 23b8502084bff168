"""Fits of mixtures by expectation-maximisation, or along the gradient (lecture 02)."""

import math

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .base import Fit, MixtureModel, require_binary, require_count, require_data
from .mixtures import BernoulliMixture, FullMixture, Mixture


def em_step(
    x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of expectation-maximisation for a mixture of isotropic Gaussians.

    E: r_nm = w_m N(x_n; means_m, sigmas_m^2 I) / p(x_n), the share of component m in point n.
    M: w_m = N_m / N, means_m = sum_n r_nm x_n / N_m and
       sigmas_m^2 = sum_n r_nm |x_n - means_m|^2 / (D N_m), with the new means and N_m = sum_n r_nm.

    The likelihood of the data never falls (Dempster, Laird, Rubin 1977, J. R. Stat. Soc. B 39, 1).

    Args:
        x: points, (N, D).
        log_weights: (M,), logarithms of weights that sum to 1.
        means: (M, D).
        sigmas: standard deviations, (M,), positive.

    Returns:
        (log_weights (M,), means (M, D), sigmas (M,)) after the step. No floor holds the sigmas up.

    Raises:
        ValueError: if the shapes do not fit together or a sigma is not positive.
    """
    new, _ = em_round(Mixture(log_weights, means, sigmas), x)
    return new.log_weights, new.means, new.sigmas


def em_round(model: MixtureModel, x: Tensor) -> tuple[MixtureModel, Tensor]:
    """One round of expectation-maximisation: the likelihood of the data never falls.

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
    """Repeat `em_round` from `start` until a step gains less than `tolerance` nats per point.

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
            new, log_likelihood = em_round(model, x)
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


def _require_components(x: Tensor, m: int) -> None:
    require_count(m, "m")
    if len(x) < m:
        raise ValueError(f"{m} components need at least as many points, got {len(x)}.")
