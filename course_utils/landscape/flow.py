"""Normalising flows: an invertible network, and the Jacobian that makes a density of it.

x -> z is a chain of coupling layers. Each layer changes one half of the coordinates by a monotone
function whose parameters a network reads off the other half, which stays as it is. So the layer
can be inverted whatever the network does, and its Jacobian is triangular: the determinant is the
product of the slopes of the monotone functions.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..autoencoders import mlp
from ..densities import standard_normal
from ..inference import normal_log_prob

MAX_LOG_SCALE = 3.0  # an affine layer stretches by at most e^3
MIN_SHARE = 1e-3  # of the interval for each bin of a spline, and its least slope


Coupling = Callable[[Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def affine_coupling(x: Tensor, log_scale: Tensor, shift: Tensor) -> tuple[Tensor, Tensor]:
    """x -> z of an affine coupling layer, and how the volume changes.

    x_b = shift + exp(log_scale) z_b and x_a = z_a, with a the first half of the coordinates, off
    which log_scale and shift are read, and b the rest. log |det dz/dx| = -sum log_scale.
    Dinh, Sohl-Dickstein and Bengio 2017, equations 4, 5 and 6, with x and z exchanged.

    Args:
        x: (..., D).
        log_scale, shift: (..., D/2).

    Returns:
        (z (..., D), log |det dz/dx| (...)).
    """
    half = x.shape[-1] - log_scale.shape[-1]
    z_b = (x[..., half:] - shift) * (-log_scale).exp()
    return torch.cat([x[..., :half], z_b], dim=-1), -log_scale.sum(dim=-1)


class AffineCoupling(nn.Module):
    """`affine_coupling` with a network that reads log_scale and shift off the unchanged half.

    Args:
        changed: which coordinates are b, (D,) bool.
        hidden: widths of the network's hidden layers.
        coupling: what is done with them, as `affine_coupling`.
        generator: of the initial weights.
    """

    a: Tensor
    b: Tensor
    order: Tensor
    back: Tensor

    def __init__(
        self,
        changed: Tensor,
        hidden: Sequence[int],
        *,
        coupling: Coupling = affine_coupling,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.register_buffer("a", (~changed).nonzero().squeeze(1))
        self.register_buffer("b", changed.nonzero().squeeze(1))
        self.register_buffer("order", torch.cat([self.a, self.b]))
        self.register_buffer("back", self.order.argsort())
        self.coupling = coupling
        widths = (len(self.a), *hidden, 2 * len(self.b))
        self.network = _nearly_silent(mlp(widths, generator=generator))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (B, D) -> z (B, D) and log |det dz/dx|, (B,)."""
        z, log_det = self.coupling(_take(x, self.order), *self._scale_and_shift(x))
        return _take(z, self.back), log_det

    def inverse(self, z: Tensor) -> Tensor:
        """z (B, D) -> x (B, D)."""
        log_scale, shift = self._scale_and_shift(z)
        return _put(z, self.b, shift + log_scale.exp() * _take(z, self.b))

    def _scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.network(_take(x, self.a)).chunk(2, dim=-1)
        return MAX_LOG_SCALE * torch.tanh(log_scale / MAX_LOG_SCALE), shift


class SplineCoupling(nn.Module):
    """z_b = spline(x_b; parameters(x_a)), z_a = x_a, the spline monotone and piecewise rational.

    log |det dz/dx| = sum log spline'(x_b). Durkan, Bekasov, Murray and Papamakarios 2019.

    Args:
        changed, hidden, generator: as in `AffineCoupling`.
        bins: pieces of a spline.
        bound: the spline reaches over [-bound, bound]; beyond, z_b = x_b.
    """

    a: Tensor
    b: Tensor

    def __init__(
        self,
        changed: Tensor,
        hidden: Sequence[int],
        *,
        bins: int = 8,
        bound: float = 5.0,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.register_buffer("a", (~changed).nonzero().squeeze(1))
        self.register_buffer("b", changed.nonzero().squeeze(1))
        self.bins, self.bound = bins, bound
        widths = (len(self.a), *hidden, len(self.b) * (3 * bins - 1))
        self.network = _nearly_silent(mlp(widths, generator=generator))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., D) -> z (..., D) and log |det dz/dx|, (...)."""
        z_b, log_slope = rational_quadratic_spline(_take(x, self.b), *self._knots(x))
        return _put(x, self.b, z_b), log_slope.sum(dim=-1)

    def inverse(self, z: Tensor) -> Tensor:
        """z (..., D) -> x (..., D)."""
        x_b = rational_quadratic_inverse(_take(z, self.b), *self._knots(z))
        return _put(z, self.b, x_b)

    def _knots(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Knots along x_b and z_b, and the slopes there, each (..., D_b, bins + 1)."""
        raw = self.network(_take(x, self.a))
        raw = raw.unflatten(-1, (len(self.b), -1))  # (..., D_b, 3 bins - 1)
        shares, slopes = raw.split([2 * self.bins, self.bins - 1], dim=-1)
        # softplus(0.54) = 1, so that a network that says 0 leaves x as it is.
        slopes = MIN_SHARE + F.softplus(slopes + math.log(math.expm1(1 - MIN_SHARE)))
        edges = self._edges(shares.unflatten(-1, (2, self.bins)))  # of widths and heights
        return edges[..., 0, :], edges[..., 1, :], F.pad(slopes, (1, 1), value=1.0)

    def _edges(self, raw: Tensor) -> Tensor:
        """Any numbers (..., bins) to rising edges from -bound to bound, (..., bins + 1)."""
        share = MIN_SHARE + (1 - MIN_SHARE * self.bins) * raw.softmax(dim=-1)
        edges = 2 * self.bound * share.cumsum(dim=-1) - self.bound
        edges = torch.cat([edges[..., :-1], torch.full_like(edges[..., :1], self.bound)], dim=-1)
        return F.pad(edges, (1, 0), value=-self.bound)


def rational_quadratic_spline(
    x: Tensor, knots_x: Tensor, knots_z: Tensor, slopes: Tensor
) -> tuple[Tensor, Tensor]:
    """A monotone spline through knots with given slopes, and the logarithm of its own slope.

    With r = (x - x_k) / w, s = h / w and the slopes d_k, d_(k+1) at both ends of the bin,
    z = z_k + h (s r^2 + d_k r (1 - r)) / (s + (d_k + d_(k+1) - 2 s) r (1 - r)).
    Gregory and Delbourgo 1982; Durkan et al. 2019, equations 4 and 5.

    Args:
        x: (...).
        knots_x, knots_z: rising, (..., bins + 1).
        slopes: at the knots, positive, (..., bins + 1); 1 at both ends joins the line z = x.

    Returns:
        z (...) and log dz/dx (...). Outside of the knots z = x.
    """
    x_k, w, z_k, h, d0, d1, inside = _bin_of(x, knots_x, knots_x, knots_z, slopes)
    s = h / w
    r = torch.where(inside, (x - x_k) / w, 0.5)
    rr = r * (1 - r)
    below = s + (d0 + d1 - 2 * s) * rr
    z = z_k + h * (s * r.square() + d0 * rr) / below
    slope = s.square() * (d1 * r.square() + 2 * s * rr + d0 * (1 - r).square()) / below.square()
    return torch.where(inside, z, x), torch.where(inside, slope, 1.0).log()


def rational_quadratic_inverse(
    z: Tensor, knots_x: Tensor, knots_z: Tensor, slopes: Tensor
) -> Tensor:
    """The x at which `rational_quadratic_spline` is z: the root of a quadratic in r.

    Durkan et al. 2019, equations 6 to 8.

    Args:
        z: (...).
        knots_x, knots_z, slopes: as in `rational_quadratic_spline`.

    Returns:
        x, (...).
    """
    x_k, w, z_k, h, d0, d1, inside = _bin_of(z, knots_z, knots_x, knots_z, slopes)
    s = h / w
    up = torch.where(inside, z - z_k, 0.5 * h)
    bend = up * (d0 + d1 - 2 * s)
    a, b, c = h * (s - d0) + bend, h * d0 - bend, -s * up
    # Of the two ways to write the root, the one in which nothing cancels.
    root = (b.square() - 4 * a * c).clamp_min(0).sqrt()
    r = torch.where(b > 0, -2 * c / (b.abs() + root), (root - b) / (2 * torch.where(b > 0, 1.0, a)))
    return torch.where(inside, x_k + r * w, z)


class Flow(nn.Module):
    """p_theta(x) = N(z(x); 0, I) |det dz/dx|, z(x) a chain of invertible layers.

    Rezende and Mohamed 2015. `affine_flow` and `spline_flow` build one.

    Args:
        layers: each maps x (..., D) to (z, log |det dz/dx|) and has an `inverse`.
        data_dim: D.
    """

    def __init__(self, layers: Sequence[nn.Module], data_dim: int) -> None:
        super().__init__()
        self.layers, self.data_dim = nn.ModuleList(layers), data_dim

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., D) -> z (..., D) and log |det dz/dx|, (...)."""
        log_det = x.new_zeros(x.shape[:-1])
        for layer in self.layers:
            x, more = layer(x)
            log_det = log_det + more
        return x, log_det

    def inverse(self, z: Tensor) -> Tensor:
        """z (..., D) -> x (..., D)."""
        layers: list[Any] = list(self.layers)
        for layer in reversed(layers):
            z = layer.inverse(z)
        return z

    def log_prob(self, x: Tensor, *, jacobian: float = 1.0) -> Tensor:
        """log p_theta(x) = log N(z; 0, I) + log |det dz/dx|.

        Args:
            x: data, (..., D).
            jacobian: what log |det dz/dx| is multiplied by; 1 is right. With any other number the
                result is no log-density. Two classic mistakes: 0 leaves the determinant out, and
                the best flow maps everything to z = 0, where the result is -(D/2) log 2 pi; -1
                has it upside down, and the result grows without limit.

        Returns:
            nats, (...).

        Raises:
            ValueError: if x has not D numbers per sample.
        """
        if x.shape[-1] != self.data_dim:
            raise ValueError(f"x must be (..., {self.data_dim}), got {tuple(x.shape)}.")
        z, log_det = self(x)
        return normal_log_prob(z) + jacobian * log_det

    @torch.no_grad()
    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw z ~ N(0, I) and run the chain backwards: (n, D)."""
        like = next(self.parameters())
        return self.inverse(standard_normal((n, self.data_dim), like, generator))


def affine_flow(
    data_dim: int,
    *,
    layers: int = 8,
    hidden: Sequence[int] = (64, 64),
    coupling: Coupling = affine_coupling,
    generator: torch.Generator,
) -> Flow:
    """A flow of affine coupling layers (RealNVP), the two halves taking turns.

    Args:
        data_dim: D, at least 2.
        layers: couplings.
        hidden: widths of each network's hidden layers.
        coupling: what every layer does, as `affine_coupling`.
        generator: of the initial weights.

    Raises:
        ValueError: if data_dim is below 2 or layers below 1.
    """
    masks = _alternating(data_dim, layers)
    couplings = [AffineCoupling(m, hidden, coupling=coupling, generator=generator) for m in masks]
    return Flow(couplings, data_dim)


def spline_flow(
    data_dim: int,
    *,
    layers: int = 2,
    hidden: Sequence[int] = (64,),
    bins: int = 16,
    bound: float = 5.0,
    generator: torch.Generator,
) -> Flow:
    """A flow of spline coupling layers, the two halves taking turns.

    Args:
        data_dim: D, at least 2.
        layers: couplings.
        hidden: widths of each network's hidden layers.
        bins, bound: of the splines, see `SplineCoupling`; standardise the data to about unit size.
        generator: of the initial weights.

    Raises:
        ValueError: if data_dim is below 2 or layers below 1.
    """
    couplings = [
        SplineCoupling(m, hidden, bins=bins, bound=bound, generator=generator)
        for m in _alternating(data_dim, layers)
    ]
    return Flow(couplings, data_dim)


# ---------------------------------------------------------------------- helpers


def _alternating(data_dim: int, layers: int) -> list[Tensor]:
    """Masks (D,) of the coordinates that each layer changes: the odd ones, the even ones, ..."""
    if data_dim < 2 or layers < 1:
        raise ValueError(
            f"A coupling layer needs data_dim of at least 2, got {data_dim}, and layers at "
            f"least 1, got {layers}."
        )
    odd = torch.arange(data_dim) % 2 == 1
    return [odd if i % 2 == 0 else ~odd for i in range(layers)]


def _nearly_silent(network: nn.Sequential) -> nn.Sequential:
    """The network with a last layer ten times smaller: the flow then starts near z = x."""
    with torch.no_grad():
        for p in network[-1].parameters():
            p.mul_(0.1)
    return network


def _take(x: Tensor, index: Tensor) -> Tensor:
    """x[..., index], with a gradient that costs a third."""
    return x.index_select(-1, index)


def _put(x: Tensor, index: Tensor, values: Tensor) -> Tensor:
    """A copy of x (..., D) with other values at some coordinates."""
    return x.index_copy(-1, index, values)


def _bin_of(
    x: Tensor, edges: Tensor, knots_x: Tensor, knots_z: Tensor, slopes: Tensor
) -> tuple[Tensor, ...]:
    """The bin between `edges` in which x lies: x_k, w, z_k, h, both slopes, and whether any."""
    inside = (x > edges[..., 0]) & (x < edges[..., -1])
    k = (x[..., None] >= edges[..., 1:-1]).sum(dim=-1, keepdim=True)  # (..., 1), 0 to bins - 1

    values = torch.stack([knots_x, knots_z, slopes], dim=-2)  # (..., 3, bins + 1)
    both = torch.cat([k, k + 1], dim=-1)[..., None, :].expand(*k.shape[:-1], 3, 2)
    left, right = values.gather(-1, both).unbind(dim=-1)  # (..., 3) at both ends of the bin
    (x_k, z_k, d0), (w, h, _), d1 = left.unbind(-1), (right - left).unbind(-1), right[..., 2]
    return x_k, w, z_k, h, d0, d1, inside
