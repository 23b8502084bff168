"""Autoencoders, linear and not, and how many dimensions data really have.

PCA is the best linear autoencoder; a network with a bottleneck may follow a curved manifold. The
ratio of the distances to two neighbours tells the dimension of the manifold without a model.
Images go in flat, (N, D).
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from . import checks

# ---------------------------------------------------------------------- the loss


def reconstruction_loss(x: Tensor, x_hat: Tensor) -> Tensor:
    """Squared error, summed over all but the batch axis and averaged over the batch.

    1/B sum_b |x_b - x_hat_b|^2.

    Args:
        x: data, (B, ...).
        x_hat: their reconstructions, (B, ...).

    Returns:
        0-d, in the units of x squared.

    Raises:
        ValueError: if the shapes differ.
    """
    if x.shape != x_hat.shape or not x.ndim:
        raise ValueError(
            f"x {tuple(x.shape)} and x_hat {tuple(x_hat.shape)} must be alike, (B, ...)."
        )
    return (x - x_hat).square().sum() / len(x)


def interpolate(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
    """Points on the straight line between two latents, both ends included.

    z_i = (1 - t_i) z0 + t_i z1, t_i = i / (steps - 1).

    Args:
        z0: first point, (K,); any other shape, an image for example, will do.
        z1: last point, of the same shape.
        steps: number of points, at least 2.

    Returns:
        (steps, K).

    Raises:
        ValueError: if the shapes differ or steps is below 2.
    """
    if z0.shape != z1.shape:
        raise ValueError(f"z0 {tuple(z0.shape)} and z1 {tuple(z1.shape)} must have one shape.")
    if steps < 2:
        raise ValueError(f"steps must be at least 2, both ends, got {steps}.")
    t = torch.linspace(0, 1, steps, dtype=z0.dtype, device=z0.device)
    t = t.reshape(steps, *[1] * z0.ndim)  # (steps,) -> (steps, 1, ...)
    return (1 - t) * z0 + t * z1


# ---------------------------------------------------------------------- principal components


def pca(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Principal components: the k directions in which the data vary most.

    The first k eigenvectors of 1/N sum_n (x_n - mean) (x_n - mean)^T. Pearson 1901; Bishop 2006,
    section 12.1.

    Args:
        x: data, (N, D).
        k: number of components, 0 to D.

    Returns:
        mean (D,) and components (k, D): orthonormal rows, largest variance first, signs free.

    Raises:
        ValueError: if x is not (N, D), or k is not between 0 and D.
    """
    mean, _, vectors = _principal_axes(x)
    if not 0 <= k <= x.shape[1]:
        raise ValueError(f"k must lie between 0 and D = {x.shape[1]}, got {k}.")
    return mean, vectors[:k]


def pca_eigenvalues(x: Tensor) -> Tensor:
    """Variances of the data along all principal components, with 1/N, largest first.

    Args:
        x: data, (N, D).

    Returns:
        (D,), in the units of x squared.

    Raises:
        ValueError: if x is not (N, D).
    """
    return _principal_axes(x)[1]


def discarded_variance(eigenvalues: Tensor, k: int) -> Tensor:
    """Mean squared reconstruction error per sample with the best k components.

    sum_{i > k} lambda_i, the eigenvalues in falling order. Bishop 2006, equation 12.18.

    Args:
        eigenvalues: of the covariance, (D,), in any order.
        k: number of components kept, 0 to D.

    Returns:
        0-d, summed over the D dimensions.

    Raises:
        ValueError: if eigenvalues is not (D,), or k is not between 0 and D.
    """
    if eigenvalues.ndim != 1 or not 0 <= k <= len(eigenvalues):
        raise ValueError(
            f"eigenvalues must be (D,), {tuple(eigenvalues.shape)}, and 0 <= k = {k} <= D."
        )
    return eigenvalues.sort(descending=True).values[k:].sum()


def project(x: Tensor, mean: Tensor, components: Tensor) -> Tensor:
    """Coordinates of x (N, D) along components (k, D), around their mean (D,): (N, k)."""
    return (x - mean) @ components.T


def reconstruct(z: Tensor, mean: Tensor, components: Tensor) -> Tensor:
    """The point (N, D) with coordinates z (N, k) along components (k, D), around mean (D,)."""
    return mean + z @ components


def _principal_axes(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean (D,), eigenvalues (D,) and eigenvectors (D, D) as rows, largest variance first."""
    _require_matrix(x)
    # float64: an eigenvalue is a square, and small ones would drown in float32.
    mean = x.double().mean(dim=0)
    centred = x.double() - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(x))
    # eigh: rising order, eigenvectors as columns; rounding can leave tiny negative variances.
    values = values.flip(0).clamp_min(0)
    return mean.to(x.dtype), values.to(x.dtype), vectors.T.flip(0).to(x.dtype)


# ---------------------------------------------------------------------- networks


class Autoencoder(nn.Module):
    """z = f_phi(x), x_hat = g_theta(z): two networks that meet at a bottleneck of K numbers.

    Args:
        data_dim: D.
        latent_dim: K.
        widths: of the encoder's hidden layers; the decoder has them in reverse.
        generator: of the initial weights; torch's own by default.

    Raises:
        ValueError: if a dimension or a width is below 1.
    """

    def __init__(
        self,
        data_dim: int,
        latent_dim: int,
        widths: Sequence[int] = (256, 128),
        *,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.encoder = mlp((data_dim, *widths, latent_dim), generator=generator)
        self.decoder = mlp((latent_dim, *reversed(widths), data_dim), generator=generator)

    def encode(self, x: Tensor) -> Tensor:
        """(B, D) -> (B, K)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """(B, K) -> (B, D)."""
        return self.decoder(z)

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions, (B, D) -> (B, D)."""
        return self.decode(self.encode(x))


class LinearAutoencoder(Autoencoder):
    """z = A x + a, x_hat = W z + b: an autoencoder without hidden layers.

    Where the squared error is lowest, W spans the first K principal components and the error is
    PCA's. Bourlard and Kamp 1988; Baldi and Hornik 1989.

    Args:
        data_dim: D.
        latent_dim: K.
        generator: of the initial weights.

    Raises:
        ValueError: if a dimension is below 1.
    """

    def __init__(self, data_dim: int, latent_dim: int, *, generator: torch.Generator) -> None:
        super().__init__(data_dim, latent_dim, widths=(), generator=generator)


def mlp(
    widths: Sequence[int],
    *,
    activation: type[nn.Module] = nn.SiLU,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """A multilayer perceptron; the activation stands between its linear layers, not after them.

    Weights and biases start uniform in +-1/sqrt(inputs), as `nn.Linear` does it, but drawn from
    the generator.

    Args:
        widths: (inputs, hidden ..., outputs), at least two numbers.
        activation: class of the activation.
        generator: of the initial weights; torch's own by default.

    Raises:
        ValueError: if there are fewer than two widths, or one is below 1.
    """
    for width in widths:
        checks.whole(None, width=width)
    if len(widths) < 2 or min(widths) < 1:
        raise ValueError(f"widths must be (inputs, ..., outputs), each at least 1, got {widths}.")
    layers: list[nn.Module] = []
    device = generator.device if generator is not None else torch.get_default_device()
    for inputs, outputs in pairwise(widths):
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs, device=device)
        for parameter in layer.parameters():
            nn.init.uniform_(parameter, -(inputs**-0.5), inputs**-0.5, generator=generator)
        layers += [layer, activation()]
    return nn.Sequential(*layers[:-1])


# ---------------------------------------------------------------------- intrinsic dimension


# Deviation of the estimate in units of d / sqrt(N), the value for independent ratios; measured at
# 1.1 to 1.5 on spheres, tori and Gaussians of 1 to 8 dimensions.
NEIGHBOURS_SHARE = 1.4


def two_nn_dimension(x: Tensor) -> Tensor:
    """Maximum-likelihood intrinsic dimension from the two nearest neighbours of every point.

    d = N / sum_n log(r2_n / r1_n): where the density is constant over the neighbourhood, the
    ratio mu = r2 / r1 has the density d mu^(-d-1), Facco et al. 2017. The standard error is about
    1.4 d / sqrt(N), more than for N independent ratios, since neighbours share theirs. At finite
    N the estimate is also biased, by curvature, edges and changes of density within a
    neighbourhood; `dimension_curve` shows it.

    Args:
        x: points, (N, D), at least 3 different ones; of equal points one is kept.

    Returns:
        0-d.

    Raises:
        ValueError: if x is not (N, D), or holds fewer than 3 different points.
    """
    return 1 / _log_ratios(x).mean().to(x.dtype)


def dimension_curve(
    x: Tensor, sizes: Sequence[int], *, repeats: int = 20, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """`two_nn_dimension` of random subsets: how the estimate depends on the number of points.

    The subsets of one size do not overlap, so there are at most N / size of them; Facco et al.
    2017 call this block analysis.

    Args:
        x: points, (N, D).
        sizes: numbers of points, each from 3 to N.
        repeats: subsets per size, at most.
        generator: chooses the subsets.

    Returns:
        Mean estimates (len(sizes),) and their standard errors (len(sizes),), the error of a
        single estimate being about 1.4 d / sqrt(size).

    Raises:
        ValueError: as in `two_nn_dimension`, or if a size is not between 3 and N.
    """
    _require_matrix(x)
    if not all(3 <= size <= len(x) for size in sizes):
        raise ValueError(f"sizes must lie between 3 and N = {len(x)}, got {list(sizes)}.")
    means, errors = [], []
    for size in tqdm(sizes, desc="subsets", delay=2, leave=False):
        order = torch.randperm(len(x), generator=generator, device=generator.device).to(x.device)
        blocks = order.split(size)[: min(repeats, len(x) // size)]
        mean = torch.stack([two_nn_dimension(x[block]) for block in blocks]).mean()
        means.append(mean)
        errors.append(NEIGHBOURS_SHARE * mean / math.sqrt(size * len(blocks)))
    return torch.stack(means), torch.stack(errors)


def nearest_distances(x: Tensor, y: Tensor | None = None, k: int = 1) -> Tensor:
    """Distances from every point of x to its k nearest points of y, or to the others of x.

    Candidates come from |a|^2 + |b|^2 - 2 a.b, a matrix product in float64; their distances are
    then taken from the differences, which do not cancel.

    Args:
        x: points, (N, D).
        y: points, (M, D); None means x without the point itself.
        k: number of neighbours, at least 1 and at most M (N - 1).

    Returns:
        (N, k), the nearest first, in the dtype of x.

    Raises:
        ValueError: if shapes do not fit, or there are fewer than k neighbours.
    """
    return _nearest_distances(x, y, k).to(x.dtype)


BLOCK = 64  # rows of the distance matrix at a time
SPARE = 3  # further candidates, among which rounding may have changed the order


def _nearest_distances(x: Tensor, y: Tensor | None, k: int) -> Tensor:
    """`nearest_distances` in float64."""
    _require_matrix(x)
    alone = y is None
    y = x if alone else y
    if y.ndim != 2 or y.shape[1] != x.shape[1]:
        raise ValueError(f"y must be (M, {x.shape[1]}) like x, got {tuple(y.shape)}.")
    if not 1 <= k <= len(y) - alone:
        raise ValueError(f"{k} neighbours asked for among {len(y) - alone} points.")
    centre = y.double().mean(dim=0)  # far from the origin the squares would cancel
    x, y = x.double() - centre, y.double() - centre
    x_squared, y_squared = x.square().sum(dim=1), y.square().sum(dim=1)
    candidates = min(k + SPARE, len(y) - alone)
    found = []
    for start in tqdm(range(0, len(x), BLOCK), desc="neighbours", delay=2, leave=False):
        rows = slice(start, min(start + BLOCK, len(x)))
        squared = torch.addmm(y_squared, x[rows], y.T, alpha=-2) + x_squared[rows, None]
        if alone:
            squared.diagonal(offset=start).fill_(torch.inf)
        index = squared.topk(candidates, largest=False).indices  # (block, candidates)
        distance = (x[rows, None] - y[index]).square().sum(dim=2).sqrt()
        found.append(distance.topk(k, largest=False).values)
    return torch.cat(found)


def _log_ratios(x: Tensor) -> Tensor:
    """log(r2 / r1) of every different point of x, (N,), float64."""
    _require_matrix(x)
    r = _nearest_distances(x, None, 2) if len(x) > 2 else x.new_zeros(1, 2)
    if not r[:, 0].all():  # sorting the points costs more than finding no duplicate
        x = x.unique(dim=0)
        if len(x) < 3:
            raise ValueError(f"At least 3 different points are needed, got {len(x)}.")
        r = _nearest_distances(x, None, 2)
    return (r[:, 1] / r[:, 0]).log()


def _require_matrix(x: Tensor) -> None:
    if x.ndim != 2 or 0 in x.shape or not x.is_floating_point():
        raise ValueError(
            f"x must be floating point, (N, D) with the images flattened, got {x.dtype}, "
            f"{tuple(x.shape)}."
        )
