"""How large is log p_theta(x)? Estimates from draws, and bounds from below.

Everywhere S is the number of latents drawn and B that of data points, log_w[s, b] =
log p_theta(x_b, z_s) - log q(z_s | x_b) and log_likelihood[s, b] = log p_theta(x_b | z_s), nats.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Normal

from .. import checks

# A likelihood function log_likelihood(x, z) -> log p_theta(x | z), (S, B): x (B, D) with z (S, K),
# every x under every z; or with z (S, B, K), S latents of its own for each x.
LikelihoodFunction = Callable[[Tensor, Tensor], Tensor]


def effective_sample_size(log_w: Tensor) -> Tensor:
    """How many of the S draws really contribute to the mean weight.

    (sum_s w_s)^2 / sum_s w_s^2: S if all weights are equal, 1 if one outweighs the rest.
    Kish 1965; Kong, Liu and Wong 1994.

    Args:
        log_w: logarithms of the weights, (S, B); a constant added to a column changes nothing.

    Returns:
        (B,), between 1 and S.

    Raises:
        ValueError: if log_w is not (S, B).
    """
    return 1 / _require_draws(log_w, "log_w").softmax(dim=0).square().sum(dim=0)


def gaussian_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """How far a diagonal Gaussian is from the standard normal.

    KL(N(mu, diag exp log_var) || N(0, I)) = 1/2 sum_k (mu_k^2 + exp log_var_k - 1 - log_var_k).

    Kingma and Welling 2014, appendix B.

    Args:
        mu: means, (..., K).
        log_var: logarithms of the variances, (..., K).

    Returns:
        nats, (...,), never negative.

    Raises:
        ValueError: if log_var is not of the shape of mu, and does not broadcast to it.

    >>> gaussian_kl(torch.tensor([[1.0, 1.0]]), torch.zeros(1, 2))
    tensor([1.])
    """
    checks.fits_into("mu", mu=mu, log_var=log_var)
    # expm1: near the prior exp - 1 - log_var would be lost in rounding.
    return 0.5 * (mu.square() + log_var.expm1() - log_var).sum(dim=-1)


def normal_log_prob(z: Tensor, mu: Tensor | None = None, log_var: Tensor | None = None) -> Tensor:
    """Log-density of a diagonal Gaussian, summed over the K latents.

    log N(z; mu, diag exp log_var).

    Args:
        z: (..., K).
        mu: means, (..., K); None is 0.
        log_var: logarithms of the variances, (..., K); None is 0, so that
            `normal_log_prob(z)` is the prior.

    Returns:
        nats, (...,), the leading axes broadcast.
    """
    mu = torch.zeros_like(z[..., :1]) if mu is None else mu
    std = torch.ones_like(z[..., :1]) if log_var is None else (log_var / 2).exp()
    return Normal(mu, std, validate_args=False).log_prob(z).sum(dim=-1)


def elbo(log_likelihood: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """Evidence lower bound of each x, the KL to the prior in closed form.

    ELBO = <log p_theta(x | z)>_q - KL(q || N(0, I)),    q = N(mu, diag exp log_var).

    Kingma and Welling 2014, equation 3. The average over q is estimated with S draws, so the
    estimate scatters around the bound and may exceed the evidence.

    Args:
        log_likelihood: log p_theta(x_b | z_sb) at draws z_sb ~ q(z | x_b), (S, B).
        mu: means of q, (B, K).
        log_var: logarithms of its variances, (B, K).

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the shapes do not fit together.
    """
    _require_draws(log_likelihood, "log_likelihood")
    if mu.shape != log_var.shape or mu.shape[:-1] != log_likelihood.shape[1:]:
        raise ValueError(
            f"log_likelihood {tuple(log_likelihood.shape)}, mu {tuple(mu.shape)} and log_var "
            f"{tuple(log_var.shape)} do not fit: (S, B), (B, K) and (B, K) are wanted."
        )
    return log_likelihood.mean(dim=0) - gaussian_kl(mu, log_var)


def importance_weighted_bound(log_w: Tensor) -> Tensor:
    """Lower bound on the evidence that rises with the number of draws.

    log 1/S sum_s w_s: an estimate of the ELBO for S = 1; its average never falls with S and tends
    to the evidence. Burda, Grosse and Salakhutdinov 2016, equation 8.

    Args:
        log_w: log p_theta(x, z_s) - log q(z_s | x), z_s ~ q(z | x), (S, B).

    Returns:
        nats, (B,).

    Raises:
        ValueError: if log_w is not (S, B).
    """
    return _require_draws(log_w, "log_w").logsumexp(dim=0) - math.log(len(log_w))


def importance_weighted_bounds(log_w: Tensor, sizes: Sequence[int]) -> tuple[Tensor, Tensor]:
    """The importance-weighted bound against the number of draws, averaged over the data.

    For each size the S draws are cut into disjoint groups of that size (what is left over is not
    used); each group and each x gives one bound. Bounds of the same x have something in common,
    so the bounds of one x count as one number: the standard error is the deviation between the
    B averages over groups, divided by sqrt(B).

    To see how far below the evidence the bound lies, pass log_w - log_evidence: the error is then
    that of the gap, in which the spread of the evidence itself from x to x cancels.

    Args:
        log_w: as in `importance_weighted_bound`, (S, B), B >= 2 independent x.
        sizes: numbers of draws, each from 1 to S.

    Returns:
        Mean bounds (len(sizes),) and their standard errors (len(sizes),), nats.

    Raises:
        ValueError: if log_w is not (S, B) with B >= 2, or a size is not between 1 and S.
    """
    s, b = _require_draws(log_w, "log_w").shape
    if b < 2:
        raise ValueError("The error comes from the spread between the x: give two or more of them.")
    if not sizes or not all(1 <= size <= s for size in sizes):
        raise ValueError(f"sizes must lie between 1 and S = {s}, got {list(sizes)}.")
    means, errors = [], []
    for size in sizes:
        groups = log_w[: s // size * size].reshape(-1, size, b)  # (S, B) -> (groups, size, B)
        bounds = groups.logsumexp(dim=1) - math.log(size)  # (groups, B)
        per_x = bounds.mean(dim=0)  # (B,)
        means.append(per_x.mean())
        errors.append(per_x.std() / math.sqrt(b))
    return torch.stack(means), torch.stack(errors)


def log_evidence_from_prior(log_likelihood: Tensor) -> tuple[Tensor, Tensor]:
    """The evidence by brute force: the mean likelihood over draws from the prior.

    p_theta(x) = <p_theta(x | z)>_p(z), estimated by m = 1/S sum_s w_s, w_s = p_theta(x | z_s).
    The delta method gives log m the standard error of m divided by m,

        std(w) / (sqrt(S) m) = sqrt((S / ESS - 1) / (S - 1)),

    ESS the effective sample size. Where ESS is a handful, neither the estimate (too low, mostly)
    nor its error (too small) is worth anything.

    Args:
        log_likelihood: log p_theta(x_b | z_s), z_s ~ p(z), (S, B), S >= 2.

    Returns:
        (log m (B,), its standard error (B,)), nats.

    Raises:
        ValueError: if log_likelihood is not (S, B), or S is 1.
    """
    s = len(_require_draws(log_likelihood, "log_likelihood"))
    if s < 2:
        raise ValueError("One draw has no standard error: draw two or more.")
    shares = log_likelihood.softmax(dim=0)  # w_s / (S m)
    return log_likelihood.logsumexp(dim=0) - math.log(s), shares.std(dim=0) * math.sqrt(s)


def _require_draws(values: Tensor, name: str) -> Tensor:
    """values, if they are (S, B) and not empty."""
    if values.ndim != 2 or len(values) == 0:
        raise ValueError(
            f"{name} must be (S, B), one row for each draw, S >= 1; got {tuple(values.shape)}."
        )
    return values
