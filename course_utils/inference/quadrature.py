"""Evidence, posterior, ELBO and KL by summing over a grid of latents: exact for K = 1 or 2.

The integrand must decay before the edge of the grid and be smooth on the scale of the spacing h.
Then the plain sum over equidistant points (the trapezoidal rule) converges faster than any power
of h: for a Gaussian of deviation s the relative error is 2 exp(-2 pi^2 s^2 / h^2), 5e-9 at h = s.
(Trefethen and Weideman 2014, SIAM Review 56, 385.)

To check a result, halve the spacing: `latent_grid(k, 2 * n - 1, half_width)` has the old points and
those between them. If the answer changes, the finer one is the better, and perhaps not good enough.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from .bounds import LikelihoodFunction, gaussian_kl, normal_log_prob

CHUNK = 2**18  # numbers in a table at a time, 2 MB in float64: what the caches hold
MASS_OUTSIDE = 1e-6  # of q, more is an error
# Of a posterior: a Gaussian one of deviation h / 1.5 has so much in its largest cell along each
# axis, and the sum over it is right to 3e-4; on the border of the grid, so much is lost, or less.
MASS_IN_A_CELL, MASS_ON_THE_BORDER = 0.6, 1e-3


@dataclass(frozen=True)
class LatentGrid:
    """Equidistant points that fill a square (K = 2) or a segment (K = 1) around 0."""

    z: Tensor  # (G, K)
    log_weight: float  # log of the cell h^K
    axes: tuple[Tensor, ...]  # K times (n,); a (G,) result has the shape (n,) * K on them

    @property
    def spacing(self) -> float:
        """h, between neighbours."""
        return math.exp(self.log_weight / len(self.axes))

    @property
    def half_width(self) -> float:
        """The grid covers [-half_width, half_width] in each latent."""
        return float(self.axes[0][-1])


def latent_grid(
    k: int = 2, n: int = 101, half_width: float = 6.0, dtype: torch.dtype = torch.float64
) -> LatentGrid:
    """A grid of n^k latents on [-half_width, half_width]^k.

    Beyond 6 the prior has 2e-9 of its mass.

    Args:
        k: K, 1 or 2.
        n: points along each axis, at least 2.
        half_width: where the grid ends.
        dtype: that of the data and the model; float64 for an identity that should hold to 1e-6.

    Returns:
        LatentGrid, z (n^k, k), the last latent running fastest.

    Raises:
        ValueError: if k is not 1 or 2, n is below 2 or half_width is not positive.
    """
    if k not in (1, 2):
        raise ValueError(f"A grid serves 1 or 2 latents, got {k}: n^k points are too many beyond.")
    checks.whole(least=0, n=n)
    if n < 2 or not 0 < half_width < math.inf:
        raise ValueError(f"n must be at least 2 and half_width positive, got {n}, {half_width}.")
    axes = (torch.linspace(-half_width, half_width, n, dtype=dtype),) * k
    z = torch.cartesian_prod(*axes).reshape(-1, k)  # (n,) -> (n, 1) for k = 1
    return LatentGrid(z, k * math.log(2 * half_width / (n - 1)), axes)


def quadrature_log_evidence(
    x: Tensor, log_likelihood: LikelihoodFunction, grid: LatentGrid, *, checked: bool = True
) -> Tensor:
    """The evidence as a sum over the grid.

    log p_theta(x) = log sum_g h^K p(z_g) p_theta(x | z_g).

    Args:
        x: data, (B, D).
        log_likelihood: log_likelihood(x, z) -> log p_theta(x | z), (S, B), for z (S, K).
        grid: fine and wide enough for the posterior; see the module's head. No gradients flow.
        checked: False takes the sum over any grid as it is.

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the grid is too coarse or too narrow for the posterior of some x (checked by
            its mass in one cell and on the border); if x and the grid differ in dtype, or
            log_likelihood returns a wrong shape.
    """
    sums, peaks, borders = [], [], []
    for log_joint, _, cells in _pieces(x, log_likelihood, grid):
        sums.append(log_joint.logsumexp(dim=0))
        if checked:
            peaks.append(log_joint.amax(dim=0))
            borders.append(log_joint[_on_the_border(grid, cells)].logsumexp(dim=0))
    total = torch.stack(sums).logsumexp(dim=0)
    if checked:
        _require_resolved(
            grid, torch.stack(peaks).amax(dim=0), torch.stack(borders).logsumexp(dim=0), total
        )
    return total + grid.log_weight


def quadrature_posterior(
    x: Tensor, log_likelihood: LikelihoodFunction, grid: LatentGrid, *, checked: bool = True
) -> Tensor:
    """The log-density of the posterior at the points of the grid.

    log p_theta(z_g | x) = log p(z_g) + log p_theta(x | z_g) - log p_theta(x).

    Args:
        x, log_likelihood, grid, checked: as in `quadrature_log_evidence`.

    Returns:
        nats, (G, B): a density in z, so that sum_g h^K exp(...) = 1.

    Raises:
        ValueError: as in `quadrature_log_evidence`.
    """
    log_joint = torch.cat([joint for joint, _, _ in _pieces(x, log_likelihood, grid)])
    total = log_joint.logsumexp(dim=0)
    if checked:
        border = _on_the_border(grid, torch.arange(len(grid.z), device=grid.z.device))
        _require_resolved(grid, log_joint.amax(dim=0), log_joint[border].logsumexp(dim=0), total)
    return log_joint - total - grid.log_weight


def quadrature_elbo(
    x: Tensor, log_likelihood: LikelihoodFunction, mu: Tensor, log_var: Tensor, grid: LatentGrid
) -> Tensor:
    """The ELBO of a diagonal Gaussian q, its average over q summed over the grid.

    ELBO = sum_g h^K q(z_g | x) log p_theta(x | z_g) - KL(q || N(0, I)), the KL in closed form.

    Args:
        x, log_likelihood, grid: as in `quadrature_log_evidence`.
        mu: means of q(z | x), (B, K).
        log_var: logarithms of its variances, (B, K).

    Returns:
        nats, (B,).

    Raises:
        ValueError: if the grid is too coarse (spacing above the smallest deviation of q) or too
            narrow (more than 1e-6 of q outside), or as in `quadrature_log_evidence`.
    """
    mu, log_var = _suited(mu, log_var, x, grid)
    axes_q, average = _log_q_on_axes(grid, mu, log_var), torch.zeros_like(mu[:, 0])
    for _, likelihood, cells in _pieces(x, log_likelihood, grid):
        q = (_log_q(axes_q, cells) + grid.log_weight).exp()  # of each cell, (g, B)
        average += (q * likelihood).sum(dim=0)
    return average - gaussian_kl(mu, log_var)


def quadrature_kl(
    x: Tensor, log_likelihood: LikelihoodFunction, mu: Tensor, log_var: Tensor, grid: LatentGrid
) -> Tensor:
    """How far a diagonal Gaussian q is from the posterior, summed over the grid.

    KL(q || p_theta(z | x)) = sum_g h^K q(z_g | x) [log q(z_g | x) - log p_theta(z_g | x)].

    Args:
        x, log_likelihood, mu, log_var, grid: as in `quadrature_elbo`.

    Returns:
        nats, (B,).

    Raises:
        ValueError: as in `quadrature_elbo`.
    """
    mu, log_var = _suited(mu, log_var, x, grid)
    axes_q, sums = _log_q_on_axes(grid, mu, log_var), []
    excess, mass = torch.zeros_like(mu[:, 0]), torch.zeros_like(mu[:, 0])
    for log_joint, _, cells in _pieces(x, log_likelihood, grid):
        log_q = _log_q(axes_q, cells)  # (g, B)
        q = (log_q + grid.log_weight).exp()
        excess += (q * (log_q - log_joint)).sum(dim=0)
        mass += q.sum(dim=0)
        sums.append(log_joint.logsumexp(dim=0))
    return excess + mass * _log_sum(sums, grid)  # log p(z|x) = log p(x, z) - log p(x)


# ---------------------------------------------------------------------- helpers


def _pieces(
    x: Tensor, log_likelihood: LikelihoodFunction, grid: LatentGrid
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(log p(x, z_g), log p(x | z_g), which g) for a few z_g at a time, tables (g, B).

    The grid is cut, not the data: so each z is decoded once.
    """
    if x.ndim != 2 or len(x) == 0 or x.dtype != grid.z.dtype:
        raise ValueError(
            f"x must be (B, D) in the grid's {grid.z.dtype}, got {tuple(x.shape)} of {x.dtype}: "
            "make the grid with dtype=x.dtype, or x and the model .double()."
        )
    size = max(1, CHUNK // max(x.shape))
    cells = torch.arange(len(grid.z), device=grid.z.device).split(size)
    for g in tqdm(cells, desc="quadrature", delay=2, leave=False):
        z = grid.z[g]
        with torch.no_grad():  # not around the yield: it would leak into the caller's code
            likelihood = log_likelihood(x, z)
        if likelihood.shape != (len(z), len(x)):
            raise ValueError(
                f"log_likelihood(x, z) must be (S, B) = {(len(z), len(x))} for z (S, K) and "
                f"x (B, D), every x under every z; got {tuple(likelihood.shape)}."
            )
        yield normal_log_prob(z)[:, None] + likelihood, likelihood, g


def _log_sum(pieces: list[Tensor], grid: LatentGrid) -> Tensor:
    """log p(x) from the logarithms (B,) of its pieces' sums."""
    return torch.stack(pieces).logsumexp(dim=0) + grid.log_weight


def _on_the_border(grid: LatentGrid, cells: Tensor) -> Tensor:
    """Which of these points lie on the edge of the grid, (g,) bool."""
    return (grid.z[cells].abs() >= grid.half_width - grid.spacing / 2).any(dim=1)


def _require_resolved(grid: LatentGrid, peak: Tensor, border: Tensor, total: Tensor) -> None:
    """Refuse a grid on which the posterior of some x is too narrow or ends too early.

    Of each x, (B,): the logarithms of the largest cell, of the cells on the border, and of all.
    """
    if bool(total.isnan().any()):
        raise ValueError("log_likelihood(x, z) is NaN somewhere on the grid.")
    possible = total > -math.inf  # an x that no z can make has no posterior
    largest, outer = ((part - total)[possible].exp() for part in (peak, border))
    if not possible.any():
        return
    largest, outer = float(largest.max()), float(outer.max())
    if outer > MASS_ON_THE_BORDER:
        raise ValueError(
            f"The grid is too narrow: {100 * outer:.2g} % of some posterior lies on its "
            f"border; take a half_width above {grid.half_width:.3g}."
        )
    if largest > MASS_IN_A_CELL ** len(grid.axes):
        raise ValueError(
            f"The grid is too coarse: {100 * largest:.0f} % of some posterior lies in one "
            f"cell of its {grid.spacing:.3g}; take more than {len(grid.axes[0])} points along each "
            "axis."
        )


def _log_q_on_axes(grid: LatentGrid, mu: Tensor, log_var: Tensor) -> list[Tensor]:
    """log N(z_k; mu_bk, exp log_var_bk) for each latent on its axis, K times (n, B)."""
    return [
        normal_log_prob(axis[:, None, None], mu[:, k, None], log_var[:, k, None])
        for k, axis in enumerate(grid.axes)
    ]


def _log_q(on_axes: list[Tensor], cells: Tensor) -> Tensor:
    """log q(z_g | x) at some points of the grid, (g, B): a sum over the latents."""
    where = torch.unravel_index(cells, [len(axis) for axis in on_axes])
    rows = [axis[i] for axis, i in zip(on_axes, where, strict=True)]
    return torch.stack(rows).sum(0)


def _suited(mu: Tensor, log_var: Tensor, x: Tensor, grid: LatentGrid) -> tuple[Tensor, Tensor]:
    """mu and log_var without gradients, if the grid is fine and wide enough for every q."""
    wanted = (len(x), len(grid.axes))
    if mu.shape != wanted or log_var.shape != wanted:
        raise ValueError(
            f"mu {tuple(mu.shape)} and log_var {tuple(log_var.shape)} must be (B, K) = {wanted}."
        )
    mu, log_var = mu.detach(), log_var.detach()
    if not bool((mu + log_var).isfinite().all()):
        raise ValueError("mu and log_var must be finite: here is NaN or infinity.")
    std = (log_var / 2).exp()
    if not grid.spacing <= 1.0001 * float(std.min()):
        n = math.ceil(2 * grid.half_width / float(std.min())) + 1
        raise ValueError(
            f"The grid is too coarse: its spacing {grid.spacing:.3g} exceeds the smallest "
            f"deviation of q, {float(std.min()):.3g}; take n = {n} or more points along each axis."
        )
    edge = grid.half_width
    outside = torch.special.ndtr((mu - edge) / std) + torch.special.ndtr((-mu - edge) / std)
    if not float(outside.max()) <= MASS_OUTSIDE:
        reach = float((mu.abs() + 5 * std).max())
        raise ValueError(
            f"The grid is too narrow: {float(outside.max()):.1g} of some q lies outside "
            f"+-{edge:.3g}; take half_width = {math.ceil(reach)} or more."
        )
    return mu, log_var
