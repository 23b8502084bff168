"""Checks at the entrance of a function: what cannot be meant is refused there, in one sentence.

The lowest room: everything may use it, and it uses nothing. Each check raises a ValueError and
returns nothing, and none stands inside a loop. They are written so that NaN fails them: a
comparison with NaN is false, so what is asked is whether a number is good.
"""

import cmath
import math

import torch
from torch import Tensor


def finite(**tensors: Tensor) -> None:
    """No NaN and no infinity: `finite(x=x)`."""
    for name, t in tensors.items():
        if cmath.isfinite(t.sum().item()):  # then all are: four times faster than the next line
            continue
        good = t.isfinite()
        if not bool(good.all()):
            raise ValueError(
                f"{name} holds NaN or infinite values in {int((~good).sum())} of {t.numel()} "
                "places: check where it comes from."
            )


def not_nan(**tensors: Tensor) -> None:
    """No NaN; infinities may be meant, as in a logarithm of 0."""
    for name, t in tensors.items():
        if bool(t.isnan().any()):
            raise ValueError(f"{name} holds NaN: check where it comes from.")


def floating(**tensors: Tensor) -> None:
    """Floating-point numbers: what is computed from whole ones would be cut to whole ones."""
    for name, t in tensors.items():
        if not isinstance(t, Tensor) or not t.is_floating_point():
            what = t.dtype if isinstance(t, Tensor) else type(t).__name__
            raise ValueError(f"{name} must be a floating-point tensor, not {what}: try .float().")


def as_floats(x: Tensor) -> Tensor:
    """Whole numbers as floating-point ones; others as they are."""
    return x if x.is_floating_point() else x.to(torch.get_default_dtype())


def same_dtype(**tensors: Tensor) -> None:
    """One dtype for all: float64 data do not meet a float32 model by themselves."""
    dtypes = {name: t.dtype for name, t in tensors.items()}
    if len(set(dtypes.values())) > 1:
        said = " and ".join(f"{name} in {dtype}" for name, dtype in dtypes.items())
        raise ValueError(f"One dtype is needed, and here is {said}: use .float() or .double().")


def alike(**tensors: Tensor) -> None:
    """One shape for all: what broadcasts, (3,) and (3, 1), would become a table of (3, 3)."""
    if len({t.shape for t in tensors.values()}) > 1:
        raise ValueError(f"{_shapes(tensors)} must have one shape.")


def fits_into(*wanted: str, **tensors: Tensor) -> None:
    """All broadcast to the shape of one of those that are named first, and to no larger one."""
    shapes = {t.shape for t in tensors.values()}
    if len(shapes) == 1:
        return
    try:
        shape = torch.broadcast_shapes(*shapes)
    except RuntimeError:
        shape = None
    if shape not in {tensors[name].shape for name in wanted}:
        raise ValueError(f"{_shapes(tensors)} do not fit together.")


def _shapes(tensors: dict[str, Tensor]) -> str:
    names = [f"{name} {tuple(t.shape)}" for name, t in tensors.items()]
    return ", ".join(names[:-1]) + " and " + names[-1]


def whole(least: int | None = 1, **numbers: int) -> None:
    """Whole numbers of what can be counted, from `least` upwards; None where that is said later."""
    for name, n in numbers.items():
        if isinstance(n, bool) or not hasattr(n, "__index__"):
            raise ValueError(f"{name} must be a whole number, got {n!r}.")
        if least is not None and n < least:
            raise ValueError(f"{name} must be at least {least}, got {n}.")


def positive(**numbers: float) -> None:
    """Numbers above 0 and finite."""
    for name, value in numbers.items():
        if not 0 < value < math.inf:
            raise ValueError(f"{name} must be positive, not {value}.")


def not_negative(**numbers: float) -> None:
    """Numbers of 0 or more, and finite."""
    for name, value in numbers.items():
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must not be negative, and finite: it is {value}.")


def between(low: float, high: float, **tensors: Tensor) -> None:
    """All numbers from low to high, both included."""
    for name, t in tensors.items():
        if not bool(((t >= low) & (t <= high)).all()):
            raise ValueError(f"{name} must lie in [{low:g}, {high:g}], and is {_range(t)}.")


def index(length: int, **indices: int | Tensor) -> None:
    """Whole numbers from 0 to length - 1: Python would count -1 from the end."""
    for name, i in indices.items():
        if isinstance(i, Tensor):
            bad = i.is_floating_point() or (
                i.numel() > 0 and not 0 <= int(i.min()) <= int(i.max()) < length
            )
        else:
            bad = not (hasattr(i, "__index__") and 0 <= i < length)
        if bad:
            said = _range(i) if isinstance(i, Tensor) else repr(i)
            raise ValueError(f"{name} counts from 0, whole numbers below {length}, and is {said}.")


def weights(log_weights: Tensor, name: str = "log_weights") -> None:
    """Logarithms of weights that sum to 1 along the last axis."""
    with torch.no_grad():
        total = log_weights.logsumexp(dim=-1)
        if not bool((total.abs() < 1e-3).all()):
            far = float(total.flatten()[0].exp())
            raise ValueError(
                f"{name} must be logarithms of weights that sum to 1, and these sum to {far:.4g}: "
                f"use {name}.log_softmax(dim=-1)."
            )


def probabilities(**tensors: Tensor) -> None:
    """Numbers of 0 or more that sum to 1 along the last axis."""
    for name, p in tensors.items():
        total = p.sum(dim=-1)
        if not bool((p >= 0).all()) or not bool(((total - 1).abs() < 1e-4).all()):
            raise ValueError(f"{name} must be probabilities that sum to 1: divide by the sum.")


def symmetric(**matrices: Tensor) -> None:
    """A = A^T: of others half would be read and the rest forgotten."""
    for name, a in matrices.items():
        if a.ndim < 2 or a.shape[-1] != a.shape[-2]:
            raise ValueError(f"{name} must be square, (D, D), got {tuple(a.shape)}.")
        with torch.no_grad():
            off = (a - a.mT).abs().amax()
            if bool(off > 1e-3 * a.abs().amax()):  # NaN is refused for what it is
                raise ValueError(
                    f"{name} is not symmetric, by up to {float(off):.3g}: a covariance is; check "
                    "its indices, or take (A + A.T) / 2."
                )


# ---------------------------------------------------------------------- likelihoods


def domain(x: Tensor, high: int = 1, *, whole: bool = False) -> None:
    """Data that Bernoulli, [0, 1], or Binomial, whole numbers from 0 to n, can mean.

    Args:
        x: data.
        high: 1, or n.
        whole: whether numbers between are refused.

    Raises:
        ValueError: one sentence, which names the likelihood that would fit.
    """
    if not x.numel():
        return
    low_x, high_x = (float(v) for v in x.detach().aminmax())
    inside = low_x >= 0 and high_x <= high
    if inside and (not whole or bool((x == x.round()).all())):
        return
    if not (math.isfinite(low_x) and math.isfinite(high_x)):
        raise ValueError("The data hold NaN or infinite values: leave those samples out.")
    name = "Bernoulli" if high == 1 else f"Binomial({high})"
    takes = "numbers from 0 to 1" if high == 1 else f"whole numbers from 0 to {high}"
    raise ValueError(f"{name} takes {takes}, and the data are {_range(x)}: {_that_fits(x)}.")


def _that_fits(x: Tensor) -> str:
    """Which likelihood these numbers have."""
    low, high = float(x.min()), float(x.max())
    counts = low >= 0 and bool((x == x.round()).all())
    if counts and high <= 2**16:
        return f"for counts there is Binomial({int(high)})"
    if low >= 0 and high <= 1:
        return "for numbers from 0 to 1 there is Bernoulli()"
    return "for real numbers there is Gaussian(), else bring them to 0 and 1 first"


def _range(t: Tensor) -> str:
    if not t.numel():
        return "empty"
    low, high = float(t.min()), float(t.max())
    if math.isnan(low) or math.isnan(high):
        return "NaN in places"
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"
