"""Exercise 05.gaussian_score: how the log-density of a draw changes with the parameters."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "05.gaussian_score",
    "z (S, K), mu (K,), log_var (K,) -> (S, 2K)",
    place=1,
    proves="Each row is the gradient of log N(z; mu, diag exp log_var), by mu first and by log_var "
    "then, as differentiating the density itself gives it: for draws from q and for others, one "
    "draw, one latent, thousands of draws, double precision and variances from exp(-20) to "
    "exp(20).",
    hints=(
        "The K latents are independent: log N is a sum over them, and each parameter stands in one "
        "term only. Write that term, with exp(log_var) for the variance, and keep what depends on "
        "a parameter.",
        "By mu it is the derivative of a square. By log_var there are two parts: the square over "
        "the variance, and the logarithm of the normaliser, which is half of log_var itself.",
        "Check the second K columns at z = mu: there the draw is as probable as can be, and a "
        "larger variance only makes the peak lower. `torch.cat([a, b], dim=1)` puts two (S, K) "
        "side by side.",
    ),
    twin="course_utils.inference:gaussian_score",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    s, k, more = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [_random(s, k, draw, torch.float64), _random(more, 1, draw)]
    for case, answer in [(case, f(*case)) for case in cases]:
        _check(answer, *case)
    lone = _random(1, k, draw)
    _check(f(*lone), *lone, "For one draw alone: ")
    many = _random(2000, 3, draw)
    _check(f(*many), *many, "For 2000 draws: ")
    for width in (-20.0, 20.0):
        mu, log_var = draw.normal(k), torch.full((k,), width)
        z = (log_var / 2).exp() * draw.normal(s, k)  # far from mu where it is narrow
        _check(f(z, mu, log_var), z, mu, log_var, f"For log_var = {width:.0f}: ")


def _random(
    s: int, k: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(z (S, K), mu (K,), log_var (K,)); no log_var is near 0, where many mistakes meet."""
    sign = torch.where(draw.uniform(-1, 1, k) < 0, -1, 1)
    mu, log_var = 1 + draw.normal(k, dtype=dtype), sign * draw.uniform(0.4, 1.5, k, dtype=dtype)
    return mu + 1.3 * (log_var / 2).exp() * draw.normal(s, k, dtype=dtype), mu, log_var


def _truth(z: Tensor, mu: Tensor, log_var: Tensor) -> tuple[Tensor, Tensor]:
    """The gradients (S, K) by mu and by log_var of the library's Gaussian, in double precision."""
    z, wide = z.double(), (len(z), -1)
    mu, log_var = (t.double().expand(wide).clone().requires_grad_() for t in (mu, log_var))
    log_q = torch.distributions.Normal(mu, (log_var / 2).exp()).log_prob(z).sum()
    by_mu, by_log_var = torch.autograd.grad(log_q, (mu, log_var))
    return by_mu, by_log_var


def _check(answer: Tensor, z: Tensor, mu: Tensor, log_var: Tensor, where: str = "") -> None:
    by_mu, by_log_var = _truth(z, mu, log_var)
    k = len(mu)
    law(
        near(answer[:, :k], by_mu),
        f"{where}The first K columns are not the gradient with respect to mu: when mu moves a "
        "little, log N(z) changes by another amount.",
        "wrong-by-mu",
    )
    law(
        near(answer[:, k:], by_log_var),
        f"{where}The first K columns are right, and the others are not the gradient with respect "
        "to log_var: when log_var moves a little, log N(z) changes by another amount.",
        "wrong-by-log-var",
    )


def _halves(z, mu, log_var):
    """The two right ones."""
    return (z - mu) / log_var.exp(), ((z - mu) ** 2 / log_var.exp() - 1) / 2


@exercise.mistake("summed-over-draws")
def _(z, mu, log_var):
    """Every row is the sum over all draws, as `backward()` on a sum gives it: each draw has a score
    of its own."""
    return torch.cat(_halves(z, mu, log_var), 1).sum(0).expand(len(z), -1)


@exercise.mistake("sigma-for-variance")
def _(z, mu, log_var):
    """The distance from mu is divided by the standard deviation where the variance belongs."""
    sigma = (log_var / 2).exp()
    return torch.cat([(z - mu) / sigma, ((z - mu) ** 2 / sigma - 1) / 2], 1)


@exercise.mistake("sigma-for-variance")
def _(z, mu, log_var):
    """With respect to mu the distance is divided by the variance, not by the standard
    deviation."""
    return torch.cat([(z - mu) / (log_var / 2).exp(), _halves(z, mu, log_var)[1]], 1)


@exercise.mistake("log-sigma")
def _(z, mu, log_var):
    """This is the gradient for a `log_var` that is the logarithm of the standard deviation: it is
    that of the variance, in both halves."""
    variance = (2 * log_var).exp()
    return torch.cat([(z - mu) / variance, (z - mu) ** 2 / variance - 1], 1)


@exercise.mistake("by-log-sigma")
def _(z, mu, log_var):
    """The second half is the gradient with respect to log sigma: log_var = 2 log sigma, which
    halves it."""
    by_mu, by_log_var = _halves(z, mu, log_var)
    return torch.cat([by_mu, 2 * by_log_var], 1)


@exercise.mistake("by-variance")
def _(z, mu, log_var):
    """The second half is the gradient with respect to the variance: by log_var it is that times
    the variance, by the chain rule."""
    by_mu, by_log_var = _halves(z, mu, log_var)
    return torch.cat([by_mu, by_log_var / log_var.exp()], 1)


@exercise.mistake("by-sigma")
def _(z, mu, log_var):
    """The second half is the gradient with respect to sigma: by log_var it is that times half of
    sigma, by the chain rule."""
    by_mu, by_log_var = _halves(z, mu, log_var)
    return torch.cat([by_mu, 2 * by_log_var / (log_var / 2).exp()], 1)


@exercise.mistake("normaliser-forgotten")
def _(z, mu, log_var):
    """The normaliser is forgotten: a wider Gaussian is lower at its peak, so that its logarithm
    has a term with log_var outside the square."""
    return torch.cat([(z - mu) / log_var.exp(), (z - mu) ** 2 / log_var.exp() / 2], 1)


@exercise.mistake("normaliser-forgotten")
def _(z, mu, log_var):
    """The normaliser has the wrong weight: its logarithm is half of log_var, so that it brings
    one half."""
    return torch.cat([(z - mu) / log_var.exp(), (z - mu) ** 2 / log_var.exp() / 2 - 1], 1)


@exercise.mistake("square-missing")
def _(z, mu, log_var):
    """In the second half the distance from mu is not squared."""
    return torch.cat([(z - mu) / log_var.exp(), ((z - mu) / log_var.exp() - 1) / 2], 1)


@exercise.mistake("by-z")
def _(z, mu, log_var):
    """The first half is the gradient with respect to z: with respect to mu it has the other
    sign."""
    by_mu, by_log_var = _halves(z, mu, log_var)
    return torch.cat([-by_mu, by_log_var], 1)


@exercise.mistake("sign")
def _(z, mu, log_var):
    """The sign of everything is turned around: this is the gradient of minus log N."""
    return -torch.cat(_halves(z, mu, log_var), 1)


@exercise.mistake("sign")
def _(z, mu, log_var):
    """The sign of the second half is turned around: a draw far from mu asks for a larger
    variance."""
    by_mu, by_log_var = _halves(z, mu, log_var)
    return torch.cat([by_mu, -by_log_var], 1)


@exercise.mistake("variance-not-divided")
def _(z, mu, log_var):
    """The distances are not divided by the variance: this holds for log_var = 0 only."""
    return torch.cat([z - mu, ((z - mu) ** 2 - 1) / 2], 1)


@exercise.mistake("not-centred")
def _(z, mu, log_var):
    """mu is not subtracted from z."""
    return torch.cat(_halves(z, 0 * mu, log_var), 1)


@exercise.mistake("swapped")
def _(z, mu, log_var):
    """The two halves are in the wrong order: the K columns of mu come first."""
    return torch.cat(_halves(z, mu, log_var)[::-1], 1)


@exercise.mistake("interleaved")
def _(z, mu, log_var):
    """The columns alternate between mu and log_var: all K of mu come first."""
    return torch.stack(_halves(z, mu, log_var), 2).flatten(1)


@exercise.mistake("density-itself")
def _(z, mu, log_var):
    """This is the gradient of the density: that of its logarithm is wanted, without the density as
    a factor."""
    log_q = torch.distributions.Normal(mu, (log_var / 2).exp()).log_prob(z).sum(1, keepdim=True)
    return log_q.exp() * torch.cat(_halves(z, mu, log_var), 1)


@exercise.mistake("averaged")
def _(z, mu, log_var):
    """One gradient for all draws came back, their mean: each draw has its own row."""
    return torch.cat(_halves(z, mu, log_var), 1).mean(0)


@exercise.mistake("averaged")
def _(z, mu, log_var):
    """One gradient for all draws came back, their sum, as `backward()` on the sum of log N gives
    it: each draw has its own row."""
    return torch.cat(_halves(z, mu, log_var), 1).sum(0)


@exercise.mistake("pair")
def _(z, mu, log_var):
    """Two matrices (S, K) came back: put them side by side, to (S, 2K)."""
    return _halves(z, mu, log_var)
