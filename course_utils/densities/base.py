"""What all densities share: the result of a fit, an ascent, seeded noise, and judged arguments."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks

LOG_2PI = math.log(2 * math.pi)


class AnyMixture(Protocol):
    """A mixture, of whatever components."""

    def log_prob(self, x: Tensor) -> Tensor: ...

    def log_joint(self, x: Tensor) -> Tensor: ...

    def maximised(self, x: Tensor, r: Tensor) -> Any: ...


Model = TypeVar("Model")
MixtureModel = TypeVar("MixtureModel", bound=AnyMixture)


@dataclass(frozen=True)
class Fit(Generic[Model]):
    """A fitted model and the way there."""

    model: Model
    history: Tensor  # mean log-likelihood of the training data after 0, 1, ... steps, nats


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
    require_count(steps, "steps")
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


def standard_normal(shape: Sequence[int], like: Tensor, generator: torch.Generator) -> Tensor:
    """Draws of N(0, 1) in this shape, with the dtype of `like` and on its device.

    The generator may live elsewhere, as one on the CPU does when the model is on a graphics card.
    """
    noise = torch.randn(shape, generator=generator, dtype=like.dtype, device=generator.device)
    return noise.to(like.device)


# ---------------------------------------------------------------------- arguments


def cholesky(cov: Tensor) -> Tensor:
    """Lower triangular L with cov = L L^T, or one sentence that says why there is none."""
    checks.symmetric(cov=cov)
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


def require_points(x: Tensor, ndim: int | None = None) -> Tensor:
    """x, if it is a floating-point tensor (..., N, D) of `ndim` axes."""
    wanted = "(N, D)" if ndim == 2 else "(..., N, D)"
    if not isinstance(x, Tensor) or not x.is_floating_point():
        raise ValueError(f"x must be a floating-point tensor of shape {wanted}.")
    if x.ndim < 2 or x.ndim != (ndim or x.ndim):
        raise ValueError(f"x must be {wanted}, one point in each row, got {tuple(x.shape)}.")
    return x


def require_data(x: Tensor, ndim: int | None = None) -> Tensor:
    """x, if a density can be fitted to it."""
    if 0 in require_points(x, ndim).shape:
        raise ValueError(f"x is empty, {tuple(x.shape)}: there is nothing to fit.")
    if not bool(x.isfinite().all()):
        raise ValueError("x holds NaN or infinity: leave those points out before fitting.")
    return x


def require_binary(x: Tensor) -> Tensor:
    require_points(x, ndim=2)
    if not bool(((x == 0) | (x == 1)).all()):
        raise ValueError("x must hold only 0 and 1: threshold the images first.")
    return x


def require_count(n: int, name: str, least: int = 1) -> None:
    checks.whole(least, **{name: n})
