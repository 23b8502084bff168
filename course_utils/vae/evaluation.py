"""How good is a VAE: bounds on log p_theta(x), the exact value for K <= 2, and what is lost where.

    log p(x) - ELBO = [log p(x) - best ELBO of the family] + [best ELBO - amortised ELBO]
                      approximation gap                      amortisation gap

All functions leave the model as it was, evaluate in evaluation mode and return nats. They take any
module with `encode(x) -> (mu, log_var)` and `decode(z) -> parameters of p(x|z)`, yours included:
where it names no `likelihood` of its own, its decoder's numbers are the logits of black and white
pixels.
"""

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, Self

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import inference
from ..densities import standard_normal
from ..estimates import mean_and_error
from .likelihoods import Bernoulli, Likelihood

CACHED_NUMBERS = 2**19  # elements of S x B x D at once: about what the caches hold
GRID_SIZES = {1: (201, 401, 801, 1601, 3201), 2: (101, 201, 401, 801)}  # by K
GRID_TOLERANCE = 1e-2  # nats, between a grid and every second point of it
GAP_SAMPLES = 256  # draws per ELBO


class TwoNetworks(Protocol):
    """What is evaluated: an `nn.Module` with an encoder and a decoder."""

    training: bool

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, D) -> mu and log_var of q(z|x), each (B, K)."""
        ...

    def decode(self, z: Tensor) -> Tensor:
        """z (S, K) -> parameters of p(x|z), (S, D)."""
        ...

    def train(self, mode: bool = True) -> Self: ...

    def eval(self) -> Self: ...

    def double(self) -> Self: ...

    def requires_grad_(self, requires_grad: bool = True) -> Self: ...


def log_likelihood(model: TwoNetworks, x: Tensor, z: Tensor) -> Tensor:
    """log p_theta(x|z) with all constants.

    Args:
        model: the model.
        x: data, (B, D).
        z: (S, K): every x under every z. Or (S, B, K): each x has draws of its own.

    Returns:
        nats, (S, B).
    """
    likelihood: Likelihood = getattr(model, "likelihood", None) or Bernoulli()
    params = model.decode(z.reshape(-1, z.shape[-1]))  # a decoder need not know of S
    if z.ndim == 2:
        return likelihood.pairwise(x, params)
    return likelihood.log_prob(x, params.reshape(*z.shape[:-1], -1))  # (S B, D) -> (S, B, D)


@torch.no_grad()
def evaluate_elbo(
    model: TwoNetworks, x: Tensor, *, samples: int = 1, generator: torch.Generator
) -> Tensor:
    """The ELBO of each sample, averaged over draws of z, with the KL in closed form.

    1/S sum_s log p(x | z_s) - KL(q(z|x) || N(0, I)), z_s ~ q(z|x).

    Args:
        model: the model.
        x: data, (B, D).
        samples: S, draws per sample.
        generator: of the draws.

    Returns:
        nats, (B,), without bias; the spread over x gives the standard error of the mean.

    Raises:
        ValueError: if samples is below 1, or x does not fit the model.
    """
    _require_samples(samples)
    with _evaluating(model):
        return _elbo(model, x, *model.encode(x), samples, generator)


@torch.no_grad()
def importance_weighted(
    model: TwoNetworks,
    x: Tensor,
    *,
    samples: int = 100,
    generator: torch.Generator,
    chunk: int | None = None,
) -> Tensor:
    """The importance-weighted bound on log p(x): closer to it than the ELBO, and closer with S.

    log 1/S sum_s p(x, z_s) / q(z_s | x), z_s ~ q(z|x). Burda, Grosse and Salakhutdinov 2016,
    equation 8.

    Args:
        model: the model.
        x: data, (B, D).
        samples: S, draws per sample.
        generator: of the draws.
        chunk: draws at once; as many as fit a laptop's memory if None.

    Returns:
        nats, (B,); its mean over draws is at most log p(x).

    Raises:
        ValueError: if samples or chunk is below 1, or x does not fit the model.
    """
    _require_samples(samples)
    chunk = _chunk(x) if chunk is None else chunk
    _require_samples(chunk)
    with _evaluating(model):
        mu, log_var = model.encode(x)
        log_w = [
            log_likelihood(model, x, z)
            + inference.normal_log_prob(z)
            - inference.normal_log_prob(z, mu, log_var)
            for z in _draws(mu, log_var, samples, chunk, generator)
        ]
        return inference.importance_weighted_bound(torch.cat(log_w))


@torch.no_grad()
def exact_log_evidence(
    model: TwoNetworks, x: Tensor, grid: inference.LatentGrid | None = None
) -> Tensor:
    """log p_theta(x) = log integral p(z) p(x|z) dz, by quadrature on a grid of z, for K = 1 or 2.

    In float64. The answer is compared with that of a grid of every second point: once these
    agree to 0.01 nats for every x the finer one is far more accurate, since the error falls
    faster than any power of the spacing: about the fourth power of itself when that is halved.

    Args:
        model: the model, K = 1 or 2.
        x: data, (B, D).
        grid: of z, an odd number of points along each axis; None takes as many as are needed.

    Returns:
        nats, (B,), in the dtype of x.

    Raises:
        ValueError: if K is above 2, or the grid, or the finest one tried, is too coarse.
    """
    exact = _exact_copy(model, x)
    return _log_evidence(exact, x.double(), grid).to(x.dtype)


@dataclass(frozen=True)
class Gap:
    """What lies between log p_theta(x) and the ELBO, per sample: (B,), nats.

    The properties are means over the samples with their standard errors.
    """

    evidence: Tensor  # (B,), log p(x), exact
    elbo_refined: Tensor  # (B,), with the best q found for each x by itself
    elbo_amortised: Tensor  # (B,), with the encoder's q

    @property
    def approximation(self) -> tuple[float, float]:
        """Lost because q is a Gaussian with independent latents: evidence - refined ELBO."""
        return mean_and_error(self.evidence - self.elbo_refined)

    @property
    def amortisation(self) -> tuple[float, float]:
        """Lost because one network answers for all x: refined - amortised ELBO."""
        return mean_and_error(self.elbo_refined - self.elbo_amortised)

    @property
    def total(self) -> tuple[float, float]:
        """Evidence - amortised ELBO, which is KL(q(z|x) || p(z|x))."""
        return mean_and_error(self.evidence - self.elbo_amortised)


def inference_gap(
    model: TwoNetworks,
    x: Tensor,
    *,
    grid: inference.LatentGrid | None = None,
    steps: int = 200,
    samples: int = 8,
    generator: torch.Generator,
) -> Gap:
    """Split log p(x) - ELBO into what the family of q costs and what amortising it costs.

    Cremer, Li and Duvenaud 2018. The evidence by quadrature in float64; the two ELBOs from the
    same draws. A search that stops early moves nats from the amortisation to the approximation
    gap; their sum does not depend on it.

    Args:
        model: the model, K = 1 or 2.
        x: data, (B, D), two samples at least.
        grid: as in `exact_log_evidence`.
        steps, samples: of the search, see `inference.refine`.
        generator: of all draws.

    Returns:
        Gap.

    Raises:
        ValueError: as `exact_log_evidence`.
    """
    exact, x = _exact_copy(model, x), x.double()
    with torch.no_grad():
        evidence = _log_evidence(exact, x, grid)
        amortised = exact.encode(x)
    likelihood = partial(log_likelihood, exact)
    refined = inference.refine(
        x, likelihood, *amortised, steps=steps, samples=samples, generator=generator
    )
    seed = int(torch.randint(2**31, (), generator=generator, device=generator.device))
    with torch.no_grad():
        elbos = [
            _elbo(exact, x, *q, GAP_SAMPLES, torch.Generator(x.device).manual_seed(seed))
            for q in (refined, amortised)
        ]
    return Gap(evidence, *elbos)


@torch.no_grad()
def kl_per_unit(model: TwoNetworks, x: Tensor) -> Tensor:
    """How much each latent tells about x: its KL to the prior, averaged over the data.

    1/B sum_b KL(q(z_k | x_b) || N(0, 1)); they sum to the rate. A collapsed latent has 0.

    Args:
        model: the model.
        x: data, (B, D).

    Returns:
        nats, (K,).
    """
    with _evaluating(model):
        mu, log_var = model.encode(x)
        return inference.gaussian_kl(mu[..., None], log_var[..., None]).mean(dim=0)


@torch.no_grad()
def latent_means(model: TwoNetworks, x: Tensor) -> Tensor:
    """The encoder's means mu(x), (N, D) -> (N, K): the coordinates of a latent map."""
    with _evaluating(model):
        return model.encode(x)[0]


# ---------------------------------------------------------------------- helpers


def _elbo(
    model: TwoNetworks,
    x: Tensor,
    mu: Tensor,
    log_var: Tensor,
    samples: int,
    generator: torch.Generator,
) -> Tensor:
    """The ELBO of q = N(mu, diag exp log_var), (B,)."""
    total = torch.zeros_like(mu[:, 0])
    for z in _draws(mu, log_var, samples, _chunk(x), generator):
        total += log_likelihood(model, x, z).sum(dim=0)
    return total / samples - inference.gaussian_kl(mu, log_var)


@contextmanager
def _evaluating(model: TwoNetworks) -> Iterator[None]:
    """Evaluation mode, and back: dropout and the like are for training."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _exact_copy(model: TwoNetworks, x: Tensor) -> TwoNetworks:
    """The model in float64 and evaluation mode, its parameters frozen."""
    exact = copy.deepcopy(model).double().eval().requires_grad_(False)
    k = exact.encode(x[:1].double())[0].shape[-1]
    if k > 2:
        raise ValueError(
            f"Quadrature needs K = 1 or 2 latents, this model has {k}: a grid would have too many "
            "points; use `importance_weighted`."
        )
    return exact


@torch.no_grad()
def _log_evidence(model: TwoNetworks, x: Tensor, grid: inference.LatentGrid | None) -> Tensor:
    """log p(x) of an exact copy, (B,)."""
    likelihood = partial(log_likelihood, model)
    if grid is not None:
        grids = [_every_second(grid), grid]
    else:
        # The prior is inside +-6; a posterior of the training data may not be.
        mu, log_var = model.encode(x)
        k, edge = mu.shape[-1], max(6.0, float((mu.abs() + 6 * (log_var / 2).exp()).max()))
        grids = [inference.latent_grid(k, n, edge, x.dtype) for n in GRID_SIZES[k]]
    coarse = inference.quadrature_log_evidence(x, likelihood, grids[0], checked=False)
    for grid in grids[1:]:
        fine = inference.quadrature_log_evidence(x, likelihood, grid, checked=False)
        difference = float((fine - coarse).abs().max())
        if difference < GRID_TOLERANCE:
            return fine
        coarse = fine
    raise ValueError(
        f"The grid is too coarse: to leave out every second of its points changes log p(x) by "
        f"{difference:.2g} nats; give one with more than {len(grids[-1].axes[0])} points along "
        "each axis."
    )


def _every_second(grid: inference.LatentGrid) -> inference.LatentGrid:
    """Half the points along each axis, both ends included."""
    k, sizes = len(grid.axes), [len(axis) for axis in grid.axes]
    if any(n % 2 == 0 or n < 5 for n in sizes):
        raise ValueError(f"The grid needs an odd number of points, 5 or more, not {sizes}.")
    z = grid.z.reshape(*sizes, k)[(slice(None, None, 2),) * k]  # (n, n, K) -> (n/2, n/2, K)
    axes = tuple(axis[::2] for axis in grid.axes)
    return inference.LatentGrid(z.reshape(-1, k), grid.log_weight + k * math.log(2), axes)


def _draws(
    mu: Tensor, log_var: Tensor, samples: int, chunk: int, generator: torch.Generator
) -> Iterator[Tensor]:
    """z ~ q, (S, B, K), as many as `chunk` at a time."""
    starts = range(0, samples, chunk)
    for start in tqdm(starts, desc="draws", delay=2, leave=False):
        shape = (min(chunk, samples - start), *mu.shape)
        yield inference.reparameterize(mu, log_var, standard_normal(shape, mu, generator))


def _chunk(x: Tensor) -> int:
    return max(1, CACHED_NUMBERS // x.numel())


def _require_samples(samples: int) -> None:
    if samples < 1:
        raise ValueError(f"At least 1 draw is needed, got {samples}.")
