"""p_theta(x | z) with all its constants: Bernoulli, Binomial and Gaussian.

The functions are the formulas of lecture 06. The modules are the heads of a VAE: what the decoder
returns are their parameters, and x stays in the data's own scale ({0, 1}, counts 0 to n, real
numbers). Everything is in nats and summed over the D dimensions of a sample.
"""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .. import checks
from ..densities import LOG_2PI, standard_normal
from ..inference import gaussian_kl

HALF_LOG_2PI = 0.5 * LOG_2PI
SigmaKind = Literal["fixed", "learned", "optimal"]

# ---------------------------------------------------------------------- formulas


def bernoulli_log_likelihood(x: Tensor, logits: Tensor) -> Tensor:
    """Log-probability of binary data, each element with its own logit.

    log p(x | z) = sum_d [x_d log p_d + (1 - x_d) log(1 - p_d)],  p_d = 1 / (1 + exp(-logit_d)),

    computed from the logits, so that neither logarithm ever sees a 0.

    Args:
        x: data, (B, ...), 0 or 1; numbers between are allowed, the result is then no probability.
        logits: (B, ...), of any size.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the shapes differ, or x leaves [0, 1]; while logits learn nobody looks at x.

    >>> bernoulli_log_likelihood(torch.tensor([[1.0, 0.0]]), torch.tensor([[1e4, -1e4]]))
    tensor([0.])
    """
    _require_alike(x, logits, "logits")
    if not logits.requires_grad:  # in a training loop it has been looked at before
        checks.domain(x)
    return _sum_per_sample(_bernoulli(x, logits))


def binomial_log_likelihood(x: Tensor, logits: Tensor, counts: int) -> Tensor:
    """Log-probability of counts, each element the number of successes in `counts` trials.

    log p(x | z) = sum_d [log C(n, x_d) + x_d log p_d + (n - x_d) log(1 - p_d)], n = counts.

    Args:
        x: data, (B, ...), whole numbers 0 to n.
        logits: (B, ...), of one trial.
        counts: n, at least 1; with 1 this is the Bernoulli likelihood.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the shapes differ, counts is below 1, or x is no such number; while logits
            learn nobody looks at x.
    """
    _require_alike(x, logits, "logits")
    _require_counts(counts)
    if not logits.requires_grad:
        checks.domain(x, counts, whole=True)
    return _sum_per_sample(_log_choose(counts, x) + _binomial(x, logits, counts))


def gaussian_log_likelihood(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """Log-density of data around their means, one deviation for all elements.

    log p(x | z) = -|x - mean|^2 / (2 sigma^2) - D/2 log(2 pi sigma^2).

    Args:
        x: data, (B, ...), of D numbers each.
        mean: (B, ...).
        sigma: standard deviation, positive.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the shapes differ or sigma is not positive.
    """
    _require_alike(x, mean, "mean")
    _require_positive(sigma)
    elements = -0.5 * ((x - mean) / sigma).square() - math.log(sigma) - HALF_LOG_2PI
    return _sum_per_sample(elements)


def negative_elbo(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """The loss of a Bernoulli VAE with one draw per sample: distortion + rate.

    1/B sum_b [-log p(x_b | z_b) + KL(N(mu_b, diag exp log_var_b) || N(0, I))], both summed over
    their dimensions. Kingma and Welling 2014, equation 10.

    Args:
        x: data, (B, ...), 0 or 1.
        logits: of the decoder at one draw z_b ~ q(z | x_b), (B, ...).
        mu, log_var: of q(z | x_b), (B, K).

    Returns:
        nats, 0-d.

    Raises:
        ValueError: if the shapes do not fit.
    """
    return (gaussian_kl(mu, log_var) - bernoulli_log_likelihood(x, logits)).mean()


def optimal_sigma(x: Tensor, x_hat: Tensor) -> Tensor:
    """The sigma, one for all elements, that makes x most probable around x_hat.

    sigma^2 = mean of (x - x_hat)^2 over batch and dimensions. Rybkin, Daniilidis and Levine 2021,
    equation 8.

    Args:
        x: data, (B, ...).
        x_hat: their means, (B, ...).

    Returns:
        0-d, in the units of x.

    Raises:
        ValueError: if the shapes differ.
    """
    _require_alike(x, x_hat, "x_hat")
    return (x - x_hat).square().mean().sqrt()


def implied_beta(kl_weight: float, data_dim: int, latent_dim: int, sigma: float) -> float:
    """The beta hidden in mean_pixels(squared error) + kl_weight * mean_latents(KL).

    That loss times D / (2 sigma^2) is mse_sum / (2 sigma^2) + beta KL_sum with
    beta = kl_weight D / (2 sigma^2 K): the two means divide by different numbers.

    Args:
        kl_weight: factor in front of the mean KL.
        data_dim: D, pixels averaged over.
        latent_dim: K, latents averaged over.
        sigma: of the Gaussian decoder that the squared error is read as.

    Returns:
        beta, no units. `auditor.audit` finds it for any loss, by numbers.

    Raises:
        ValueError: if a dimension is below 1 or sigma is not positive.

    >>> implied_beta(kl_weight=1.0, data_dim=784, latent_dim=2, sigma=1.0)
    196.0
    """
    if min(data_dim, latent_dim) < 1:
        raise ValueError(f"Dimensions must be at least 1, got D={data_dim} and K={latent_dim}.")
    _require_positive(sigma)
    return kl_weight * data_dim / (2 * sigma**2 * latent_dim)


def active_units(mu: Tensor, threshold: float) -> Tensor:
    """Which latents the model uses: those whose posterior mean varies over the data.

    Var_n(mu_k(x_n)) > threshold. Burda, Grosse and Salakhutdinov 2016, section 5.2.

    Args:
        mu: posterior means, (N, K).
        threshold: 0.01 by convention.

    Returns:
        bool, (K,).

    Raises:
        ValueError: if mu is not (N, K), or not finite.
    """
    if mu.ndim != 2:
        raise ValueError(f"mu must be (N, K), one row of means per sample, got {tuple(mu.shape)}.")
    checks.finite(mu=mu)
    return mu.var(dim=0, correction=0) > threshold


# ---------------------------------------------------------------------- heads of a VAE
#
# One protocol. `params` is what the decoder returns, of the shape of x.
#   log_prob(x (..., B, D), params (..., B, D)) -> (..., B)       each x under its own parameters
#   pairwise(x (B, D), params (S, D)) -> (S, B)                   each x under all, matrix products
#   mean(params) -> what to draw as a picture;  sample(params, generator) -> draws of x


class _Head(nn.Module):
    """Looks at the data where they enter: always but inside a training loop, where once does."""

    _looked = False

    def train(self, mode: bool = True) -> "_Head":
        self._looked = False
        return super().train(mode)

    def _look(self, x: Tensor, params: Tensor) -> None:
        """Raises: ValueError if x is nothing that this likelihood can mean."""
        if self._looked and params.requires_grad:
            return
        self._looked = True
        if x.shape[-1:] != params.shape[-1:]:
            raise ValueError(
                f"x {tuple(x.shape)} and the decoder's {tuple(params.shape)} must have one D."
            )
        checks.domain(x, getattr(self, "counts", 1), whole=hasattr(self, "counts"))


class Bernoulli(_Head):
    """Data in {0, 1}, or between; the decoder returns logits.

    `log_prob` and `pairwise` raise a ValueError for data outside [0, 1].
    """

    def log_prob(self, x: Tensor, params: Tensor) -> Tensor:
        """x and logits (..., B, D), leading axes broadcast: nats, (..., B)."""
        self._look(x, params)
        return _bernoulli(x, params).sum(dim=-1)

    def pairwise(self, x: Tensor, params: Tensor) -> Tensor:
        """x (B, D) under all logits (S, D): nats, (S, B)."""
        self._look(x, params)
        # x log p + (1 - x) log(1 - p) = x logit + log(1 - p): linear in x.
        return torch.addmm(F.logsigmoid(-params).sum(dim=-1, keepdim=True), params, x.T)

    def mean(self, params: Tensor) -> Tensor:
        """Probability of a 1, (..., D)."""
        return params.sigmoid()

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of x, 0 and 1, (..., D)."""
        return (_uniform(params.shape, params, generator) < params.sigmoid()).to(params.dtype)


class Binomial(_Head):
    """Counts 0 to `counts`, the ink of a digit for example; the decoder returns logits.

    Raises:
        ValueError: if counts is below 1; `log_prob` and `pairwise`, if x is no such count.
    """

    def __init__(self, counts: int) -> None:
        super().__init__()
        _require_counts(counts)
        self.counts = counts

    def log_prob(self, x: Tensor, params: Tensor) -> Tensor:
        """x and logits (..., B, D), leading axes broadcast: nats, (..., B)."""
        self._look(x, params)
        constant = _log_choose(self.counts, x).sum(dim=-1)
        return _binomial(x, params, self.counts).sum(dim=-1) + constant

    def pairwise(self, x: Tensor, params: Tensor) -> Tensor:
        """x (B, D) under all logits (S, D): nats, (S, B)."""
        self._look(x, params)
        off = self.counts * F.logsigmoid(-params).sum(dim=-1, keepdim=True)  # (S, 1)
        return torch.addmm(off, params, x.T) + _log_choose(self.counts, x).sum(dim=-1)

    def mean(self, params: Tensor) -> Tensor:
        """Expected count, (..., D)."""
        return self.counts * params.sigmoid()

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of x, whole numbers 0 to counts, (..., D)."""
        u = _uniform((self.counts, *params.shape), params, generator)
        return (u < params.sigmoid()).sum(dim=0).to(params.dtype)


class Gaussian(nn.Module):
    """Real data with one standard deviation for all elements; the decoder returns means.

    Three kinds of sigma:

    - "fixed": stays what it is; the only knob of the loss besides beta;
    - "learned": a parameter, log_sigma, trained with the others;
    - "optimal": sigma^2 is the mean squared error of the batch, the value at which the likelihood
      is highest (Rybkin, Daniilidis and Levine 2021); here a running mean of it over about the
      last ten batches, so that one odd batch does not change the scale of the loss. `adapt`
      follows it while the model is in training mode; `VAE.terms` calls it.

    Args:
        sigma: the fixed value, or where to start.
        kind: one of the three.
        min_sigma: "optimal" goes no lower: a perfect reconstruction has infinite density.

    Raises:
        ValueError: if sigma is not positive or kind is none of the three.
    """

    MEMORY = 0.1  # weight of the newest batch in the running mean of sigma^2

    def __init__(
        self, sigma: float = 1.0, kind: SigmaKind = "fixed", *, min_sigma: float = 1e-3
    ) -> None:
        super().__init__()
        _require_positive(sigma)
        if kind not in ("fixed", "learned", "optimal"):
            raise ValueError(f'kind must be "fixed", "learned" or "optimal", got {kind!r}.')
        self.kind, self.min_sigma, self.batches = kind, min_sigma, 0
        # (1, 1) and not 0-d: one for each model of a stack, (M, 1, 1), broadcasts likewise.
        log_sigma = torch.full((1, 1), math.log(sigma))
        if kind == "learned":
            self.log_sigma = nn.Parameter(log_sigma)
        else:
            self.register_buffer("log_sigma", log_sigma)

    @property
    def sigma(self) -> Tensor:
        """The standard deviation, (1, 1), to be read: `float(sigma)` is the number."""
        return self.log_sigma.detach().exp()

    @torch.no_grad()
    def adapt(self, x: Tensor, params: Tensor) -> None:
        """Let an optimal sigma follow this batch, x and means (..., B, D); others stay.

        No gradient passes through sigma: at its optimum the likelihood has none.
        """
        if self.kind != "optimal" or not self.training:
            return
        var = (x - params).square().mean(dim=(-2, -1), keepdim=True)  # (..., 1, 1)
        self.batches += 1
        share = max(self.MEMORY, 1 / self.batches)  # the first batches count alike
        old = (2 * self.log_sigma).exp().expand_as(var)
        self.log_sigma = 0.5 * torch.lerp(old, var, share).clamp_min(self.min_sigma**2).log()

    def log_prob(self, x: Tensor, params: Tensor) -> Tensor:
        """x and means (..., B, D), leading axes broadcast: nats, (..., B)."""
        square = (x - params).square().sum(dim=-1)  # (..., B)
        log_sigma = self.log_sigma.squeeze(-1)  # (..., 1, 1) -> (..., 1)
        constant = params.shape[-1] * (log_sigma + HALF_LOG_2PI)
        return -0.5 * square * (-2 * log_sigma).exp() - constant

    def pairwise(self, x: Tensor, params: Tensor) -> Tensor:
        """x (B, D) under all means (S, D): nats, (S, B). float64 where sigma is small."""
        centre = x.mean(dim=0)  # far from the origin the squares would cancel
        x, mean = x - centre, params - centre
        square = x.square().sum(dim=-1) + mean.square().sum(dim=-1, keepdim=True)  # (S, B)
        square = torch.addmm(square, mean, x.T, alpha=-2).clamp_min(0)
        constant = x.shape[-1] * (self.log_sigma + HALF_LOG_2PI)
        return -0.5 * square * (-2 * self.log_sigma).exp() - constant

    def mean(self, params: Tensor) -> Tensor:
        """The decoder's means themselves, (..., D)."""
        return params

    def sample(self, params: Tensor, generator: torch.Generator) -> Tensor:
        """Draws of x, means and noise of deviation sigma, (..., D)."""
        return params + self.sigma * standard_normal(params.shape, params, generator)


Likelihood = Bernoulli | Binomial | Gaussian

# ---------------------------------------------------------------------- helpers


def _bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """Element by element, stable for large logits; x is broadcast to the logits."""
    return -F.binary_cross_entropy_with_logits(logits, x.expand_as(logits), reduction="none")


def _binomial(x: Tensor, logits: Tensor, counts: int) -> Tensor:
    """Element by element, without the binomial coefficient."""
    return counts * _bernoulli(x / counts, logits)


def _log_choose(n: int, x: Tensor) -> Tensor:
    """log of the binomial coefficient C(n, x)."""
    return math.lgamma(n + 1) - torch.lgamma(x + 1) - torch.lgamma(n - x + 1)


def _sum_per_sample(elements: Tensor) -> Tensor:
    """(B, ...) -> (B,); a vector (B,) holds B samples of one number."""
    return elements.reshape(len(elements), -1).sum(dim=1)  # (B, ...) -> (B, D)


def _uniform(shape: tuple[int, ...], like: Tensor, generator: torch.Generator) -> Tensor:
    u = torch.rand(shape, generator=generator, dtype=like.dtype, device=generator.device)
    return u.to(like.device)


def _require_alike(x: Tensor, params: Tensor, name: str) -> None:
    if x.shape != params.shape or not x.ndim:
        raise ValueError(
            f"x {tuple(x.shape)} and {name} {tuple(params.shape)} must be alike, (B, ...)."
        )


def _require_counts(counts: int) -> None:
    if not (counts >= 1 and counts == int(counts)):
        raise ValueError(f"counts must be a whole number of trials, at least 1, got {counts}.")


def _require_positive(sigma: float) -> None:
    if not 0 < sigma < math.inf:
        raise ValueError(f"sigma must be positive, got {sigma}.")
