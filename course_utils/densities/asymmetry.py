"""One asymmetry measured from angles: its likelihood, its error and its information (lecture 02).

p(c) = 3/8 (1 + c^2) + A_FB c = p_0(c) (1 + A_FB u) with p_0(c) = 3/8 (1 + c^2), u = c / p_0(c):
an event matters through u alone. log p is concave in A_FB, so the likelihood has one maximum.
"""

import math

import torch
from torch import Tensor

from .. import checks

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


def newton_step(cos_theta: Tensor, a_fb: float | Tensor) -> Tensor:
    """One step of Newton's method towards the maximum of the log-likelihood.

    A + S(A) / I(A), with the slope S = sum_n c_n / p(c_n) and the observed information
    I = sum_n c_n^2 / p(c_n)^2: the maximum of the parabola that touches the log-likelihood at A.
    `fit_asymmetry` repeats it, and guards it.

    Args:
        cos_theta: c, (..., N) in [-1, 1].
        a_fb: where the step begins, (...,) or a number, below 3/4 in size.

    Returns:
        The new A_FB, (...,); not finite if every cosine is 0.

    Raises:
        ValueError: if there is no event, a cosine is outside [-1, 1] or NaN, or |a_fb| >= 3/4.
    """
    u = _asymmetry_weight(cos_theta)
    a_fb = torch.as_tensor(a_fb, dtype=u.dtype, device=u.device)
    _require_asymmetry(a_fb)
    slope, information = _slope(u, a_fb)
    return a_fb + slope / information


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
    checks.whole(n=n)
    a_fb = torch.as_tensor(a_fb, dtype=torch.float64)
    checks.between(-1, 1, a_fb=a_fb)
    return ((1 - a_fb**2) / n).sqrt()


def coverage(estimate: Tensor, error: Tensor, truth: float) -> tuple[float, float]:
    """How often the interval estimate +- error holds the truth.

    Args:
        estimate, error: of T independent pseudo-experiments, (T,).
        truth: what they were drawn with.

    Returns:
        (fraction, the standard error sqrt(c (1 - c) / T) of that fraction if the interval is
        right, c = 0.6827).

    Raises:
        ValueError: if the shapes differ or are not (T,), T >= 1, or an estimate is NaN.
    """
    if estimate.shape != error.shape or estimate.ndim != 1 or len(estimate) == 0:
        raise ValueError(
            f"estimate {tuple(estimate.shape)} and error {tuple(error.shape)} must both be (T,)."
        )
    checks.not_nan(estimate=estimate, error=error)
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
