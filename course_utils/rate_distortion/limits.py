"""Shannon's limits: the least rate at which a source can be told with a given distortion."""

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks

# ---------------------------------------------------------------------- a Gaussian source


def reverse_water_filling(eigenvalues: Tensor, level: float | Tensor) -> tuple[Tensor, Tensor]:
    """The point of a Gaussian source's rate-distortion curve that belongs to a water level.

    rate = 1/2 sum_i log+(lambda_i / level),  distortion = sum_i min(lambda_i, level):
    what stands above the water is told up to an error `level`, what is under it not at all.
    Shannon 1949; Kolmogorov 1956; Cover and Thomas 2006, theorem 10.3.3.

    Args:
        eigenvalues: of the source's covariance, (D,), in any order, none negative.
        level: squared error that each told direction keeps, positive; 0-d, or (...) for several.

    Returns:
        rate in nats and distortion, the squared error summed over the D dimensions, each of
        the shape of level.

    Raises:
        ValueError: if eigenvalues is not (D,), or negative, or level is not positive.

    >>> reverse_water_filling(torch.tensor([4.0, 1.0, 0.1]), 1.0)
    (tensor(0.6931), tensor(2.1000))
    """
    _require_eigenvalues(eigenvalues)
    level = _like(level, eigenvalues)
    if not bool((level > 0).all()):
        raise ValueError(
            f"The water level must be positive: without error the rate is infinite; got {level}."
        )
    above = (eigenvalues / level[..., None]).clamp_min(1)  # (..., D)
    distortion = torch.minimum(eigenvalues, level[..., None]).sum(dim=-1)
    return 0.5 * above.log().sum(dim=-1), distortion


def water_level(eigenvalues: Tensor, rate: float | Tensor) -> Tensor:
    """The water level at which a Gaussian source has a given rate.

    The inverse of `reverse_water_filling`, without iteration: between two neighbouring
    eigenvalues the rate is linear in log(level). While the m largest are told,
    level = exp((sum of their logarithms - 2 rate) / m).

    Args:
        eigenvalues: (D,), in any order, none negative.
        rate: nats, not negative, 0-d or (...).

    Returns:
        (...), the lowest such level: where nothing is told, the largest eigenvalue.

    Raises:
        ValueError: if eigenvalues is not (D,), or negative, or all 0, or a rate is negative.

    >>> one_bit = 0.6931  # the largest of these tells it, down to the second
    >>> round(water_level(torch.tensor([4.0, 1.0, 0.1]), one_bit).item(), 3)
    1.0
    """
    _require_eigenvalues(eigenvalues)
    falling = eigenvalues[eigenvalues > 0].sort(descending=True).values  # (M,)
    if not len(falling):
        raise ValueError("All eigenvalues are 0: this source needs no rate at any level.")
    wanted = _like(rate, falling)
    if not bool((wanted >= 0).all()):
        raise ValueError(f"A rate is not negative, got {wanted}.")
    told = torch.arange(1, len(falling) + 1, dtype=falling.dtype, device=falling.device)
    sums = falling.log().cumsum(0)
    corners = 0.5 * (sums - told * falling.log())  # rate when the water reaches lambda_m
    m = (torch.searchsorted(corners, wanted.contiguous(), right=True) - 1).clamp_min(0)
    return ((sums[m] - 2 * wanted) / told[m]).exp()


def equivalent_beta(beta: float, sigma: float, new_sigma: float) -> float:
    """The beta that trains the same model when sigma is replaced.

    mse_sum / (2 sigma^2) + beta rate, times 2 sigma^2, is mse_sum + 2 beta sigma^2 rate: only
    beta sigma^2 matters, so beta' = beta sigma^2 / sigma'^2.

    Args:
        beta: weight of the rate.
        sigma: standard deviation of the Gaussian decoder.
        new_sigma: the one it is replaced by.

    Raises:
        ValueError: if a sigma is not positive, or beta is negative.

    >>> equivalent_beta(1.0, sigma=0.5, new_sigma=1.0)
    0.25
    """
    if not (sigma > 0 and new_sigma > 0 and beta >= 0):
        raise ValueError(
            f"sigma and new_sigma are positive and beta is not negative, got {sigma}, "
            f"{new_sigma}, {beta}."
        )
    return beta * (sigma / new_sigma) ** 2


# ---------------------------------------------------------------------- a discrete source


class BlahutArimoto(NamedTuple):
    """A point of a discrete source's rate-distortion curve, and how far it may be off."""

    rate: Tensor  # (...), nats
    distortion: Tensor  # (...)
    channel: Tensor  # (..., X, Y), p(y | x)
    gap: Tensor  # (...), nats: rate + slope distortion is at most this much above its minimum


CHECK_EVERY = 10  # steps; a bound costs a quarter of a step


def blahut_arimoto_step(p: Tensor, cost: Tensor, q: Tensor, slope: float) -> Tensor:
    """One iteration towards the best distribution of descriptions y, for a source p(x).

    First the channel, p(y | x) = q(y) exp(-slope cost(x, y)) / Z(x), then what it makes of the
    source, q(y) = sum_x p(x) p(y | x). Each of the two lowers rate + slope distortion.

    Blahut 1972; Arimoto 1972.

    Args:
        p: the source, (X,), sums to 1.
        cost: of describing x by y, (X, Y).
        q: of the descriptions, (Y,), positive, sums to 1.
        slope: nats that one unit of cost is worth, minus the slope of the curve R(D); positive.

    Returns:
        The new q, (Y,).

    Raises:
        ValueError: if p or q does not sum to 1, a cost is not finite, or slope is not positive.

    >>> p, flip = torch.tensor([0.5, 0.5]), 1 - torch.eye(2)
    >>> blahut_arimoto_step(p, flip, torch.tensor([0.9, 0.1]), slope=3.0)
    tensor([0.6520, 0.3480])
    """
    if slope <= 0 or q.shape != cost.shape[1:]:
        raise ValueError(f"q {tuple(q.shape)} must be (Y,), and slope positive, got {slope}.")
    _require_source(p, cost)
    checks.probabilities(q=q)
    return p @ torch.softmax(q.log() - slope * cost, dim=1)


def blahut_arimoto(
    p: Tensor,
    cost: Tensor,
    slope: float | Tensor,
    *,
    tolerance: float = 1e-6,
    max_steps: int = 100_000,
) -> BlahutArimoto:
    """The rate-distortion curve of any discrete source, where its slope is dR/dD = -slope.

    Minimises I(x; y) + slope <cost(x, y)> over all channels p(y | x), by repeating
    `blahut_arimoto_step` from an even q.

    Blahut 1972; Arimoto 1972. With c(y) = sum_x p(x) exp(-slope cost(x, y)) / Z(x), the factor by
    which a step changes q(y), it stops when max log c - sum_y q(y) c(y) log c(y), Blahut's bound
    on what is left to gain, falls below the tolerance.

    Args:
        p: the source, (X,), sums to 1.
        cost: (X, Y), finite and not negative.
        slope: positive; 0-d, or (...) for several points of the curve at once.
        tolerance: gap in nats, for every slope.
        max_steps: where to give up.

    Returns:
        BlahutArimoto.

    Raises:
        ValueError: if the arguments make no sense, or the tolerance is not met.

    >>> flip = 1 - torch.eye(2)  # a fair coin, told with d errors: R = log 2 - H(d)
    >>> rate, d, _, _ = blahut_arimoto(torch.tensor([0.5, 0.5]), flip, slope=1.0)
    >>> round(rate.item(), 4), round(d.item(), 4)
    (0.1109, 0.2689)
    """
    _require_source(p, cost)
    dtype = p.dtype
    slope = torch.as_tensor(slope, dtype=torch.float64, device=p.device)
    if not bool((slope > 0).all()) or not tolerance > 0:
        raise ValueError(f"slope and tolerance must be positive, got {slope} and {tolerance}.")
    shape, slope = slope.shape, slope.reshape(-1, 1, 1)  # (...) -> (L, 1, 1)
    p = p.double()[:, None]  # (X, 1)
    cost = cost.double()
    # What is nearest to x has weight 1: a shift of cost(x, .) changes no channel, and nothing
    # underflows where the slope is steep.
    log_weight = -slope * (cost - cost.amin(dim=1, keepdim=True))  # (L, X, Y)
    weight = log_weight.exp()
    q = torch.full((len(weight), 1, cost.shape[1]), 1 / cost.shape[1], dtype=torch.float64)
    gap = torch.full((len(weight),), torch.inf)
    for step in tqdm(range(max_steps), desc="Blahut-Arimoto", delay=2, leave=False):
        z = weight @ q.mT  # (L, X, 1)
        c = (p / z).mT @ weight  # (L, 1, Y)
        if step % CHECK_EVERY == 0:
            gap = _blahut_gap(q, c)
            if bool((gap < tolerance).all()):
                break
        q = q * c
    else:
        raise ValueError(
            f"After {max_steps} steps {gap.max():.1e} nats may be left: allow more max_steps or a "
            f"tolerance above {tolerance:g}."
        )
    channel = q * weight / z  # (L, X, Y)
    # Its marginal is q c, so that log p(y|x) / p(y) = log weight - log z - log c: no quotient of
    # numbers that may both underflow.
    log_ratio = log_weight - z.log() - c.log()
    rate = (p * channel * log_ratio).sum(dim=(1, 2)).clamp_min(0)
    mean = (p * channel * cost).sum(dim=(1, 2))
    return BlahutArimoto(
        rate.reshape(shape).to(dtype),
        mean.reshape(shape).to(dtype),
        channel.reshape(*shape, *cost.shape).to(dtype),
        gap.reshape(shape).to(dtype),
    )


def _blahut_gap(q: Tensor, c: Tensor) -> Tensor:
    """Upper minus lower bound of the minimum, nats, (L,); q and c are (L, 1, Y)."""
    log_c = c.log()
    gained = torch.where(q > 0, q * c * log_c, 0.0).sum(dim=(1, 2))
    return log_c.amax(dim=(1, 2)) - gained


# ---------------------------------------------------------------------- helpers


def _like(value: float | Tensor, tensor: Tensor) -> Tensor:
    return torch.as_tensor(value, dtype=tensor.dtype, device=tensor.device)


def _require_eigenvalues(eigenvalues: Tensor) -> None:
    if eigenvalues.ndim != 1 or not eigenvalues.is_floating_point():
        raise ValueError(f"eigenvalues must be numbers (D,), got {tuple(eigenvalues.shape)}.")
    if not bool((eigenvalues >= 0).all()):
        raise ValueError("Eigenvalues of a covariance are variances, none negative or NaN.")


def _require_source(p: Tensor, cost: Tensor) -> None:
    if p.ndim != 1 or cost.ndim != 2 or len(cost) != len(p):
        raise ValueError(
            f"p must be (X,) and cost (X, Y), got {tuple(p.shape)} and {tuple(cost.shape)}."
        )
    if not bool((p >= 0).all()) or abs(float(p.sum()) - 1) > 1e-4:
        raise ValueError("p must be probabilities that sum to 1.")
    if not bool((cost.isfinite() & (cost >= 0)).all()):
        raise ValueError("Costs must be finite and not negative.")
