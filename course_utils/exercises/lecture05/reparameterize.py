"""Exercise 05.reparameterize: a draw from a Gaussian that can be differentiated."""

import torch
from torch import Tensor
from torch.nn import functional

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import random_posterior
from ..laws import Agreement, agree, law, near
from ..subject import Subject

exercise = Exercise(
    "05.reparameterize",
    "mu (B, K), log_var (B, K), eps (..., B, K) -> (..., B, K)",
    place=3,
    proves="The draw is at mu without noise, at the distance sigma for unit noise and mirrored "
    "with it, for one draw and many, one sample, double precision and variances from exp(-40) to "
    "exp(40), and gradients reach mu and log_var.",
    hints=(
        "A standard normal number becomes one of N(mu, sigma^2) by stretching and shifting. All "
        "randomness stays in `eps`, so the draw can be differentiated.",
        "If eps has mean 0 and variance 1, what are mean and variance of a + b eps? Match them "
        "with mu and exp(log_var).",
        "b is a standard deviation, and `log_var` is the logarithm of a variance: which power of "
        "exp(log_var) is it? Leading axes of `eps` broadcast by themselves.",
    ),
    twin="course_utils.inference:reparameterize",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, k, s, t = draw.sizes(4, 2, 7)
    cases = (
        ((b, k), torch.float64),
        ((s, b, k), torch.float32),
        ((s, t, 1, k), torch.float32),
    )
    for shape, dtype in cases:
        mu, log_var = random_posterior(*shape[-2:], draw, dtype)
        eps = draw.normal(*shape, dtype=dtype)
        # No noise, unit noise and its mirror image are asked before anything is judged.
        z, again, still, mirrored = (f(mu, log_var, e) for e in (eps, eps, 0 * eps, -eps))
        law(
            agree(z, again),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `eps` it is given.",
            "own-noise",
        )
        law(
            agree(still, mu.expand(shape)),
            "Where `eps` is zero the draw should be mu.",
            "wrong-mean",
        )
        law(
            _squared_noise(z - mu, log_var, eps),
            "Measured from mu, the square of the draw should be the variance times `eps` squared: "
            "`log_var` is the logarithm of the variance.",
            "wrong-spread",
        )
        law(
            agree(z - mu, mu - mirrored),
            "With `eps` and with -`eps` the draws should lie on opposite sides of mu, equally far.",
            "not-mirrored",
        )
    for extreme in (torch.full((b, k), -40.0), torch.full((b, k), 40.0)):
        eps = draw.normal(s, b, k)
        law(
            _squared_noise(f(torch.zeros(b, k), extreme, eps), extreme, eps),
            "For log_var = -40 or 40 the spread is off: is something added to the variance, or "
            "`log_var` cut off?",
            "extreme-variance",
        )
    _check_pathwise_gradients(f, draw, s, b, k)


def _sigma(log_var):
    return (log_var / 2).exp()


def _squared_noise(distance: Tensor, log_var: Tensor, eps: Tensor) -> Agreement:
    """Is the distance from mu, in units of sigma, `eps` or its negative?"""
    return near((distance / _sigma(log_var)) ** 2, eps**2)


def _check_pathwise_gradients(f: Subject, draw: Draw, s: int, b: int, k: int) -> None:
    mu, log_var = random_posterior(b, k, draw)
    eps, c = draw.normal(s, b, k), draw.normal(s, b, k)
    of_mu, of_log_var = f.vjp((mu, log_var, eps), (0, 1), c)
    law(
        of_mu is not None or of_log_var is not None,
        "No gradient flows through the draw: it is detached, by `.detach()`, `torch.no_grad()` or "
        "`.sample()`, and what is learnt from it can never reach mu and log_var.",
        "detached",
    )
    for name, gradient in (("mu", of_mu), ("log_var", of_log_var)):
        law(
            gradient is not None,
            f"No gradient reaches `{name}`, so it can never be learnt: look for `.detach()`, "
            "`.data`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
    assert of_mu is not None and of_log_var is not None  # the laws above
    distance = f(mu, log_var, eps) - mu  # of either sign: both are right draws
    law(
        agree(of_mu, c.sum(0)) and agree(of_log_var, (c * distance / 2).sum(0)),
        "The values are right and the gradients are not: moving mu by a little should move each "
        "draw by as much, and moving log_var should stretch it. Something is cut out of the graph.",
        "wrong-gradient",
    )


@exercise.mistake("variance-for-sigma")
def _(mu, log_var, eps):
    """The noise is multiplied by the variance exp(log_var), as if `log_var` were the logarithm of
    the standard deviation: take the root."""
    return mu + log_var.exp() * eps


@exercise.mistake("variance-squared")
def _(mu, log_var, eps):
    """The noise is multiplied by the square of the variance: half of `log_var` belongs into the
    exponential, not twice."""
    return mu + (2 * log_var).exp() * eps


@exercise.mistake("not-exponentiated")
def _(mu, log_var, eps):
    """The noise is multiplied by `log_var` itself, which may be negative: it is a logarithm."""
    return mu + log_var * eps


@exercise.mistake("not-exponentiated")
def _(mu, log_var, eps):
    """The noise is multiplied by half of `log_var`: that is the logarithm of the standard
    deviation, so its exponential is missing."""
    return mu + log_var / 2 * eps


@exercise.mistake("not-exponentiated")
def _(mu, log_var, eps):
    """The root of `log_var` is taken, which is nan where it is negative: it is a logarithm, so
    take the exponential first."""
    return mu + log_var.sqrt() * eps


@exercise.mistake("softplus")
def _(mu, log_var, eps):
    """The standard deviation is the softplus of `log_var`, which belongs to another
    parametrisation: here it is the logarithm of the variance."""
    return mu + functional.softplus(log_var) * eps


@exercise.mistake("precision")
def _(mu, log_var, eps):
    """The noise is divided by the standard deviation: a larger variance moves the draw farther
    from mu."""
    return mu + eps / _sigma(log_var)


@exercise.mistake("unit-noise")
def _(mu, log_var, eps):
    """The noise is added as it is, with variance one: `log_var` says how far it reaches."""
    return mu + eps


@exercise.mistake("noise-not-multiplied")
def _(mu, log_var, eps):
    """Mean, deviation and noise are added up: the deviation multiplies the noise."""
    return mu + _sigma(log_var) + eps


@exercise.mistake("noise-not-multiplied")
def _(mu, log_var, eps):
    """Mean, variance and noise are added up: the deviation multiplies the noise."""
    return mu + log_var.exp() + eps


@exercise.mistake("no-mean")
def _(mu, log_var, eps):
    """The noise is stretched and not shifted: mu is missing."""
    return _sigma(log_var) * eps


@exercise.mistake("mean-stretched")
def _(mu, log_var, eps):
    """The mean is multiplied by the standard deviation too: stretch first, then shift."""
    return _sigma(log_var) * (mu + eps)


@exercise.mistake("mean-stretched")
def _(mu, log_var, eps):
    """The noise multiplies the mean: it should be stretched by the standard deviation."""
    return mu * eps + _sigma(log_var)


@exercise.mistake("no-noise")
def _(mu, log_var, eps):
    """Every draw is mu: `eps` is not used."""
    return mu.expand_as(eps)


@exercise.mistake("no-noise")
def _(mu, log_var, eps):
    """Every draw is one standard deviation above mu: `eps` is not used."""
    return (mu + _sigma(log_var)).expand_as(eps)


@exercise.mistake("noise-squared")
def _(mu, log_var, eps):
    """The noise is squared, so every draw lies above mu."""
    return mu + _sigma(log_var) * eps**2


@exercise.mistake("one-sided")
def _(mu, log_var, eps):
    """The absolute value of the noise is used, so every draw lies above mu."""
    return mu + _sigma(log_var) * eps.abs()
