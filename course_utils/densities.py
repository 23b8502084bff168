"""Densities with a likelihood, and the parameters that make the data most probable.

Gaussians, one asymmetry measured from angles, mixtures of Gaussians and of Bernoullis. Each has
log p_theta(x) in nats, summed over the D dimensions of a point, and a fit by maximum likelihood:
in closed form, by Newton's method, by expectation-maximisation (EM) or along the gradient.

All functions keep the dtype of their data.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

LOG_2PI = math.log(2 * math.pi)
Model = TypeVar("Model")  # one of the dataclasses below


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model and the way there."""

    model: Model
    history: Tensor  # mean log-likelihood of the training data after 0, 1, ... steps, nats


# ---------------------------------------------------------------------- Gaussians


def gaussian_log_prob(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    """Log-density of a Gaussian with full covariance.

    log p(x) = -1/2 (x - mean)^T cov^-1 (x - mean) - 1/2 log det cov - D/2 log 2 pi,

    with cov = L L^T (Cholesky): the square is that of L^-1 (x - mean), and log det cov is twice
    the sum of log L_dd. Neither an inverse nor a determinant, which overflows, is computed.

    Args:
        x: points, (..., N, D).
        mean: (..., D).
        cov: (..., D, D), symmetric and positive definite. Leading axes broadcast.

    Returns:
        nats, (..., N).

    Raises:
        ValueError: if the shapes do not fit together or cov is not positive definite, as it is
            when it was fitted to no more points than dimensions.

    >>> gaussian_log_prob(torch.zeros(1, 2), torch.zeros(2), torch.eye(2)) + LOG_2PI
    tensor([0.])
    """
    d = _require_points(x).shape[-1]
    if mean.shape[-1:] != (d,) or cov.shape[-2:] != (d, d):
        raise ValueError(
            f"x {tuple(x.shape)}, mean {tuple(mean.shape)} and cov {tuple(cov.shape)} do not fit: "
            "(N, D), (D,) and (D, D) are wanted."
        )
    chol = _cholesky(cov)
    white = torch.linalg.solve_triangular(chol, (x - mean[..., None, :]).mT, upper=False)
    log_det = 2 * chol.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
    return -0.5 * (white.square().sum(dim=-2) + log_det[..., None] + d * LOG_2PI)


def fit_gaussian(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the Gaussian that makes the data most probable.

    mean = 1/N sum_n x_n,    cov = 1/N sum_n (x_n - mean) (x_n - mean)^T.

    Args:
        x: points, (..., N, D). With N <= D the likelihood has no maximum: cov is then singular,
            and `gaussian_log_prob` says so.

    Returns:
        (mean (..., D), cov (..., D, D)).

    Raises:
        ValueError: if x is not (..., N, D), is empty, or holds NaN or infinity.
    """
    _require_data(x)
    mean = x.mean(dim=-2)
    centred = x - mean[..., None, :]
    return mean, centred.mT @ centred / x.shape[-2]


@dataclass(frozen=True)
class Gaussian:
    """A Gaussian with full covariance; `Gaussian(*fit_gaussian(x))` is the fitted one."""

    mean: Tensor  # (D,)
    cov: Tensor  # (D, D)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) of points (N, D): nats, (N,); see `gaussian_log_prob`."""
        return gaussian_log_prob(x, self.mean, self.cov)

    def sample(self, n: int, *, generator: torch.Generator) -> Tensor:
        """Draw n points, (n, D): mean + L eps with eps ~ N(0, I) and L L^T = cov."""
        _require_count(n, "n", least=0)
        eps = standard_normal((n, len(self.mean)), self.mean, generator)
        return self.mean + eps @ _cholesky(self.cov).T

    @property
    def entropy(self) -> float:
        """The differential entropy 1/2 log det(2 pi e cov), nats."""
        log_det = 2 * _cholesky(self.cov).diagonal().double().log().sum()
        return 0.5 * (log_det.item() + len(self.mean) * (LOG_2PI + 1))

    @property
    def n_parameters(self) -> int:
        """D + D (D + 1) / 2: the mean, and a covariance that is symmetric."""
        d = len(self.mean)
        return d + d * (d + 1) // 2


def fit_gaussian_by_gradient(
    x: Tensor, *, steps: int = 200, tolerance: float = 1e-10
) -> Fit[Gaussian]:
    """The fit of `fit_gaussian` found by climbing the mean log-likelihood along its gradient.

    The parameters are the mean and a lower triangular L with cov = L L^T; the diagonal of L is
    kept as a logarithm, so that every step is a valid covariance. Starts at mean 0, cov I and
    climbs with L-BFGS.

    Args:
        x: points, (N, D), N > D.
        steps: at most so many.
        tolerance: stops when a step gains less than this, nats per point.

    Returns:
        Fit(model, history), history the mean log-likelihood before each step and at the end.

    Raises:
        ValueError: if x is not (N, D), holds NaN or infinity, or N <= D.
    """
    n, d = _require_data(x, ndim=2).shape
    if n <= d:
        raise ValueError(
            f"{n} points in {d} dimensions lie in a plane, where the likelihood has no maximum: "
            f"give more than {d} points."
        )
    mean = torch.zeros(d, dtype=x.dtype, device=x.device, requires_grad=True)
    entries = torch.zeros(d, d, dtype=x.dtype, device=x.device, requires_grad=True)

    def chol() -> Tensor:
        return entries.tril(-1) + entries.diagonal().exp().diag()

    def log_likelihood() -> Tensor:
        white = torch.linalg.solve_triangular(chol(), (x - mean).T, upper=False)  # (D, N)
        square = white.square().sum(dim=0).mean()
        return -0.5 * (square + d * LOG_2PI) - entries.diagonal().sum()

    history = climb(log_likelihood, (mean, entries), steps, tolerance)
    with torch.no_grad():
        return Fit(Gaussian(mean.detach(), chol() @ chol().T), history)


# ---------------------------------------------------------------------- Gaussians on binary images
#
# A density is not a probability: on a binary image it can be made as large as one likes. To enter
# the ledger a Gaussian must say P(x) for x in {0, 1}^D with sum_x P(x) = 1. Here: draw y from the
# Gaussian and let pixel d be 1 where y_d > 1. P(x) is then the mass of an orthant, with two ways
# to bound it from below: `dequantised_log_prob`, exact to compute and loose, and
# `thresholded_log_prob`, random and close. The second is the one for the ledger.


def fit_dequantised_gaussian(x: Tensor) -> Gaussian:
    """The Gaussian that makes binary images with uniform noise, x + u, most probable.

    It maximises the average of `dequantised_log_prob`. u ~ U[0, 1]^D has mean 1/2 and variance
    1/12 per pixel, so that mean = mean of x + 1/2 and cov = covariance of x + I / 12, which is
    never singular.

    Args:
        x: images, (N, D) of 0 and 1.

    Raises:
        ValueError: if x is not a binary (N, D) tensor, or is empty.
    """
    _require_binary(x)
    mean, cov = fit_gaussian(x)
    return Gaussian(mean + 0.5, cov + torch.eye(len(mean), dtype=x.dtype, device=x.device) / 12)


def dequantised_log_prob(gaussian: Gaussian, x: Tensor) -> Tensor:
    """A lower bound on the log-probability that a thresholded Gaussian gives to binary images.

    With y ~ N(mean, cov) and pixels 1[y_d > 1], sum_x P(x) = 1, and

        log P(x) >= log integral_[0,1]^D p(x + u) du >= <log p(x + u)>_u
                  = log p(x + 1/2) - tr(cov^-1) / 24,

    u ~ U[0, 1]^D: the unit cube lies inside the orthant, then Jensen; and u - 1/2 has mean 0 and
    variance 1/12 in each pixel, so that no noise need be drawn. Known as uniform dequantisation
    (Theis, van den Oord, Bethge 2016, arXiv:1511.01844, section 3.1). It is loose: a pixel that
    never changes costs 0.18 nats.

    Args:
        gaussian: of y, in D dimensions; see `fit_dequantised_gaussian`.
        x: images, (N, D) of 0 and 1.

    Returns:
        nats, (N,), never above log P(x).

    Raises:
        ValueError: if x is not a binary (N, D) tensor with the Gaussian's D.
    """
    _require_binary(x)
    trace = torch.cholesky_inverse(_cholesky(gaussian.cov)).trace()
    return gaussian.log_prob(x + 0.5) - trace / 24


def thresholded_log_prob(
    gaussian: Gaussian, x: Tensor, *, generator: torch.Generator, draws: int = 32
) -> Tensor:
    """Log-probability that a thresholded Gaussian gives to binary images, estimated from below.

    With y = mean + L eps and pixels 1[y_d > 1], the pixels are taken one after the other:

        P(x) = < prod_d P(x_d | eps_1 .. eps_{d-1}) >,

    where each eps_d is drawn from the normal distribution cut to the side that x_d demands, and
    the next factor is the normal mass on that side. The mean over `draws` has expectation P(x);
    its logarithm is therefore below log P(x) on average, and rises towards it with `draws`.
    (The simulator of Geweke, Hajivassiliou and Keane: Genz 1992, J. Comput. Graph. Stat. 1, 141.)

    Args:
        gaussian: of y, in D dimensions; see `fit_dequantised_gaussian`.
        x: images, (N, D) of 0 and 1.
        generator: source of the random numbers.
        draws: S, Monte Carlo samples per image.

    Returns:
        nats, (N,), computed in float64 and returned in the dtype of x.

    Raises:
        ValueError: if x is not a binary (N, D) tensor with the Gaussian's D, or draws < 1.
    """
    _require_binary(x)
    _require_count(draws, "draws")
    if x.shape[1] != len(gaussian.mean):
        raise ValueError(f"x must have {len(gaussian.mean)} pixels per image, got {x.shape[1]}.")
    mean, chol = gaussian.mean.double(), _cholesky(gaussian.cov.double())
    chunks = x.split(max(1, 4096 // draws))  # what stays in the processor's cache
    found = [
        _thresholded_log_prob(mean, chol, chunk, generator, draws)
        for chunk in tqdm(chunks, delay=2, leave=False, desc="thresholded Gaussian")
    ]
    return torch.cat(found) if found else x.new_zeros(0)


def _thresholded_log_prob(
    mean: Tensor, chol: Tensor, x: Tensor, generator: torch.Generator, draws: int
) -> Tensor:
    n, d = x.shape
    side = 2 * x.double() - 1  # +1: y > 1 is wanted, -1: y <= 1
    eps = mean.new_zeros(d, draws, n)
    log_p = mean.new_zeros(draws, n)
    for i in range(d):
        drift = torch.tensordot(chol[i, :i], eps[:i], dims=1)  # (S, N)
        room = side[:, i] * (mean[i] + drift - 1) / chol[i, i]
        mass = torch.special.ndtr(room)
        log_p += torch.special.log_ndtr(room)
        u = torch.rand(
            draws, n, generator=generator, dtype=torch.float64, device=generator.device
        ).to(mean.device)
        # -side eps <= room; the clamps keep the quantile finite where mass or u is 0.
        quantile = (u * mass).clamp(torch.finfo(u.dtype).tiny, 1 - 1e-16)
        eps[i] = -side[:, i] * torch.special.ndtri(quantile)
    return (log_p.logsumexp(dim=0) - math.log(draws)).to(x.dtype)


# ---------------------------------------------------------------------- an asymmetry
#
# p(c) = 3/8 (1 + c^2) + A_FB c = p_0(c) (1 + A_FB u) with p_0(c) = 3/8 (1 + c^2), u = c / p_0(c):
# an event matters through u alone. log p is concave in A_FB, so the likelihood has one maximum.

ASYMMETRY_LIMIT = 0.75  # beyond it p(c) is negative somewhere
COVERAGE_OF_ONE_SIGMA = math.erf(math.sqrt(0.5))  # 0.6827


def fit_asymmetry(cos_theta: Tensor, bound: float = 0.5) -> Tensor:
    """Forward-backward asymmetry by unbinned maximum likelihood, for many experiments at once.

    A_FB = argmax_{|A| <= bound} sum_n log(3/8 (1 + c_n^2) + A c_n)

    by Newton's method on the slope sum_n u_n / (1 + A u_n), u = c / (3/8 (1 + c^2)), which falls
    with A: a Newton step that would leave the interval known to hold the zero is replaced by the
    middle of that interval. Where the slope does not change sign within the bound, the result is
    the bound itself (its error is then not that of a maximum).

    Args:
        cos_theta: c, (..., N) in [-1, 1]: one experiment of N events in each row.
        bound: largest |A_FB| allowed, below 3/4, so that p(c) > 0 for every event; at 1/2
            it is above 0.2.

    Returns:
        A_FB, (...,), right to about 1e-6 in float32 and 1e-14 in float64.

    Raises:
        ValueError: if there is no event, a cosine is outside [-1, 1] or NaN, or bound is not in
            (0, 3/4).
    """
    if not 0 < bound < ASYMMETRY_LIMIT:
        raise ValueError(f"bound must lie between 0 and 3/4, got {bound}.")
    u = _asymmetry_weight(cos_theta)
    end = torch.full_like(u[..., 0], bound)
    rises, falls = _slope(u, end)[0] >= 0, _slope(u, -end)[0] <= 0
    # Both where no event has anything to say, u = 0 for all: every A_FB is as good, take 0.
    a = bound * (rises.to(u.dtype) - falls.to(u.dtype))
    fixed = rises | falls
    low, high = torch.where(fixed, a, -end), torch.where(fixed, a, end)
    for _ in range(60):  # about five are needed; bisection alone would need 50
        slope, information = _slope(u, a)
        low, high = torch.where(slope > 0, a, low), torch.where(slope < 0, a, high)
        new = a + slope / information.clamp_min(torch.finfo(u.dtype).tiny)
        new = torch.where((new >= low) & (new <= high), new, (low + high) / 2)
        moved, a = (new - a).abs(), torch.where(fixed, a, new)
        if not bool((moved[~fixed] > 4 * torch.finfo(u.dtype).eps).any()):
            break
    return a


def asymmetry_error(cos_theta: Tensor, a_fb: float | Tensor) -> Tensor:
    """Standard error of A_FB from the observed Fisher information.

    error = 1 / sqrt(I),    I = -d^2/dA^2 sum_n log p(c_n) = sum_n c_n^2 / p(c_n)^2  at A = a_fb.

    Args:
        cos_theta: c, (..., N) in [-1, 1].
        a_fb: where the information is taken, (...,) or a number, below 3/4 in size.

    Returns:
        (...,); infinite if every cosine is 0.

    Raises:
        ValueError: if there is no event, a cosine is outside [-1, 1] or NaN, or |a_fb| >= 3/4.
    """
    u = _asymmetry_weight(cos_theta)
    a_fb = torch.as_tensor(a_fb, dtype=u.dtype, device=u.device)
    _require_asymmetry(a_fb)
    return _slope(u, a_fb)[1].rsqrt()


def expected_information(a_fb: float | Tensor) -> Tensor:
    """Fisher information that one event is expected to carry about A_FB.

    I(A) = integral_{-1}^{1} c^2 / p(c) dc
         = 8/3 [2 - k log((1 + k) / (1 - k)) - pi/2 (1 - 2 k^2) / sqrt(1 - k^2)],    k = 4/3 A.

    N events give the error 1 / sqrt(N I(A)): no unbiased estimator has a smaller one (Cramer and
    Rao).

    Args:
        a_fb: any shape, below 3/4 in size.

    Returns:
        The same shape, in the dtype of a_fb; float64 for a number.

    Raises:
        ValueError: if |a_fb| >= 3/4.

    >>> expected_information(0.0)  # 8/3 (2 - pi/2)
    tensor(1.1445, dtype=torch.float64)
    """
    if not isinstance(a_fb, Tensor):
        a_fb = torch.tensor(a_fb, dtype=torch.float64)
    _require_asymmetry(a_fb)
    k = 4 / 3 * a_fb
    one_minus_k2 = (1 - k) * (1 + k)
    logarithm = torch.log1p(k) - torch.log1p(-k)
    return 8 / 3 * (2 - k * logarithm - math.pi / 2 * (1 - 2 * k**2) * one_minus_k2.rsqrt())


def forward_backward_count(cos_theta: Tensor) -> tuple[Tensor, Tensor]:
    """The asymmetry from counting: forward minus backward events over all.

    A_FB = (N_F - N_B) / N with the binomial error sqrt((1 - A_FB^2) / N). It forgets everything
    about an event but its hemisphere. An event at c = 0 counts as half of each.

    Args:
        cos_theta: c, (..., N) in [-1, 1].

    Returns:
        (estimate (...,), standard error (...,)).

    Raises:
        ValueError: if there is no event, or a cosine is outside [-1, 1] or NaN.
    """
    _require_angles(cos_theta)
    a_fb = cos_theta.sign().mean(dim=-1)
    return a_fb, ((1 - a_fb**2) / cos_theta.shape[-1]).sqrt()


def counting_error(a_fb: float | Tensor, n: int) -> Tensor:
    """The counting method's expected error with n events, sqrt((1 - A_FB^2) / n)."""
    return ((1 - torch.as_tensor(a_fb, dtype=torch.float64) ** 2) / n).sqrt()


def coverage(estimate: Tensor, error: Tensor, truth: float) -> tuple[float, float]:
    """How often the interval estimate +- error holds the truth.

    Args:
        estimate, error: of T independent pseudo-experiments, (T,).
        truth: what they were drawn with.

    Returns:
        (fraction, the standard error sqrt(c (1 - c) / T) of that fraction if the interval is
        right, c = 0.6827).

    Raises:
        ValueError: if the shapes differ or are not (T,), T >= 1.
    """
    if estimate.shape != error.shape or estimate.ndim != 1 or len(estimate) == 0:
        raise ValueError(
            f"estimate {tuple(estimate.shape)} and error {tuple(error.shape)} must both be (T,)."
        )
    inside = ((estimate - truth).abs() <= error).double().mean().item()
    c = COVERAGE_OF_ONE_SIGMA
    return inside, math.sqrt(c * (1 - c) / len(estimate))


def _asymmetry_weight(cos_theta: Tensor) -> Tensor:
    """u = c / p_0(c), so that p(c) = p_0(c) (1 + A u); within [-4/3, 4/3]."""
    _require_angles(cos_theta)
    return cos_theta / (3 / 8 * (1 + cos_theta**2))


def _slope(u: Tensor, a_fb: Tensor) -> tuple[Tensor, Tensor]:
    """First and minus second derivative of the log-likelihood in A, (..., N) -> (...,) each."""
    ratio = u / (1 + a_fb[..., None] * u)
    return ratio.sum(dim=-1), ratio.square().sum(dim=-1)


def _require_angles(cos_theta: Tensor) -> None:
    if cos_theta.ndim == 0 or cos_theta.shape[-1] == 0 or not cos_theta.is_floating_point():
        raise ValueError(
            "cos_theta must be a floating-point tensor (..., N) with at least one event, got "
            f"{tuple(cos_theta.shape)} of {cos_theta.dtype}."
        )
    if not bool((cos_theta.abs() <= 1).all()):  # NaN fails as well
        raise ValueError("cos_theta must lie in [-1, 1]: pass cosines, not angles, and no NaN.")


def _require_asymmetry(a_fb: Tensor) -> None:
    if not bool((a_fb.abs() < ASYMMETRY_LIMIT).all()):
        raise ValueError("a_fb must be smaller than 3/4 in size, or p(c) is negative somewhere.")


# ---------------------------------------------------------------------- mixtures
#
# p(x) = sum_m w_m p(x | m). All three kinds have log_weights (M,), log_joint(x) -> log w_m +
# log p(x_n | m), (N, M), and maximised(x, r): the M-step.


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
    d = _require_points(x, ndim=2).shape[1]
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
        return self.means[which] + (_cholesky(self.covs)[which] @ eps).squeeze(-1)

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
        if _require_binary(x).shape[1] != d:
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


def em_step(model: Model, x: Tensor) -> tuple[Model, Tensor]:
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


def fit_em(start: Model, x: Tensor, *, steps: int = 200, tolerance: float = 1e-6) -> Fit[Model]:
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
    _require_data(x, ndim=2)
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
    _require_data(x, ndim=2)
    _require_components(x, m)
    _require_count(starts, "starts")
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
    _require_data(x, ndim=2)
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
    _require_binary(x)
    _require_data(x, ndim=2)
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


def climb(
    log_likelihood: Callable[[], Tensor],
    parameters: Sequence[Tensor],
    steps: int,
    tolerance: float,
) -> Tensor:
    """Maximise a log-likelihood in place along its gradient; its values, (steps + 1,) or fewer.

    L-BFGS (Nocedal 1980): the last gradients tell how far to go, and a line search that the
    value rises.
    """
    _require_count(steps, "steps")
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=1, max_eval=25, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = -log_likelihood()
        loss.backward()
        return loss

    history = []
    with tqdm(total=steps, delay=2, leave=False, desc="gradient ascent") as bar:
        for _ in range(steps):
            history.append(-optimizer.step(closure).detach())  # the value before the step
            bar.update()
            if len(history) > 1 and float(history[-1] - history[-2]) < tolerance:
                bar.total = bar.n  # an early end is no failure: no red bar
                break
    with torch.no_grad():
        history.append(log_likelihood())
    return torch.stack(history)


# ---------------------------------------------------------------------- helpers


def _cholesky(cov: Tensor) -> Tensor:
    """Lower triangular L with cov = L L^T, or one sentence that says why there is none."""
    chol, info = torch.linalg.cholesky_ex(cov)
    # L_dd^2 is the variance of axis d that the axes before it leave unexplained. Where it is lost
    # in rounding, cov is singular although the factorisation went through.
    d = cov.shape[-1]
    variance = cov.diagonal(dim1=-2, dim2=-1)
    left = chol.diagonal(dim1=-2, dim2=-1).square()
    if bool((info > 0).any()) or not bool((left > d * torch.finfo(cov.dtype).eps * variance).all()):
        raise ValueError(
            "cov is not positive definite: a covariance fitted to no more points than dimensions, "
            "or to data with a constant or repeated axis, is singular; give more points or add "
            "a small multiple of the identity."
        )
    return chol


def standard_normal(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    """Draws of N(0, 1) in this shape, with the dtype of `like` and on its device.

    The generator may live elsewhere, as one on the CPU does when the model is on a graphics card.
    """
    noise = torch.randn(shape, generator=generator, dtype=like.dtype, device=generator.device)
    return noise.to(like.device)


def _choose(log_weights: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """n components, each with its weight, (n,)."""
    _require_count(n, "n", least=0)
    # By inverting the cumulative sum: torch.multinomial refuses more than 2^24 categories
    # and n = 0.
    edges = log_weights.double().softmax(dim=0).cumsum(dim=0)[:-1]
    u = torch.rand(n, generator=generator, dtype=torch.float64, device=generator.device)
    return torch.searchsorted(edges, u.to(edges.device), right=True)


def _require_points(x: Tensor, ndim: int | None = None) -> Tensor:
    """x, if it is a floating-point tensor (..., N, D) of `ndim` axes."""
    wanted = "(N, D)" if ndim == 2 else "(..., N, D)"
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise ValueError(f"x must be a floating-point tensor of shape {wanted}.")
    if x.ndim < 2 or x.ndim != (ndim or x.ndim):
        raise ValueError(f"x must be {wanted}, one point in each row, got {tuple(x.shape)}.")
    return x


def _require_data(x: Tensor, ndim: int | None = None) -> Tensor:
    """x, if a density can be fitted to it."""
    if 0 in _require_points(x, ndim).shape:
        raise ValueError(f"x is empty, {tuple(x.shape)}: there is nothing to fit.")
    if not bool(x.isfinite().all()):
        raise ValueError("x holds NaN or infinity: leave those points out before fitting.")
    return x


def _require_binary(x: Tensor) -> Tensor:
    _require_points(x, ndim=2)
    if not bool(((x == 0) | (x == 1)).all()):
        raise ValueError("x must hold only 0 and 1: threshold the images first.")
    return x


def _require_components(x: Tensor, m: int) -> None:
    _require_count(m, "m")
    if len(x) < m:
        raise ValueError(f"{m} components need at least as many points, got {len(x)}.")


def _require_count(n: int, name: str, least: int = 1) -> None:
    if n < least:
        raise ValueError(f"{name} must be at least {least}, got {n}.")
