"""04.elbo: the bound, reconstruction less the KL to the prior."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import kl_by_two_points, random_posterior
from ..laws import agree, check_gradients, law
from ..subject import Subject
from .gaussian_kl import exercise as gaussian_kl

exercise = Exercise(
    "04.elbo",
    "log_likelihood (S, B), mu (B, K), log_var (B, K) -> (B,)",
    place=5,
    proves="Reconstruction and KL are both right for fresh inputs, one draw, one sample, double "
    "precision, log-likelihoods near -10000 and log-variances of -40 and 40; gradients reach "
    "log_likelihood, mu and log_var.",
    hints=(
        "log p(x, z) is log p(x | z) + log p(z). Sort the terms of the average by what they hold: "
        "one of them holds x, the other two compare q with the prior.",
        "The average over q of the term with x can only be estimated: from the S draws, axis 0. "
        "The average of the other two you know exactly, from an earlier exercise.",
        "That exercise is the KL of q from the prior, once for each x. Which sign has it in "
        "<log p(z) - log q(z)>?",
    ),
    twin="course_utils.inference:elbo",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    s, b, k = draw.sizes(3, 3, 8)  # with two draws, S times the KL is the KL without its 1/2
    other_s, other_k = draw.sizes(2, 3, 8)
    cases = [random_bound(s, b, k, draw, torch.float64), random_bound(other_s, 1, other_k, draw)]
    # With q = p nothing but the reconstruction is left. All is asked before anything is judged:
    # on several draws no two mistakes agree by chance.
    values = [f(*case) for case in cases]
    log_likelihood, zero = cases[0][0], torch.zeros(b, k, dtype=torch.float64)
    law(
        agree(f(log_likelihood, zero, zero), log_likelihood.mean(0)),
        "Where q is the prior itself, the bound should be the average of the log-likelihood over "
        "the draws.",
        "wrong-reconstruction",
    )
    for case, value in zip(cases, values, strict=True):
        law(
            agree(value, bound_truth(*case)),
            "Where q is the prior the bound is right, and elsewhere it is not: look at the KL.",
            "wrong-kl",
        )
    alone = random_bound(1, b, k, draw)
    law(
        agree(f(*alone), bound_truth(*alone)),
        "With a single draw the bound is wrong.",
        "one-draw",
    )
    log_likelihood, mu, log_var = random_bound(s, b, k, draw)
    low = log_likelihood - 10_000
    law(
        agree(f(low, mu, log_var), bound_truth(low, mu, log_var)),
        "For log-likelihoods near -10000, as of an image, the bound is wrong: stay in logs.",
        "underflow",
    )
    for extreme in (-40.0, 40.0):
        args = (log_likelihood, mu, torch.full_like(mu, extreme))
        law(
            agree(f(*args), bound_truth(*args)),
            f"For log_var = {extreme:.0f} the bound is off, by its KL: is `log_var` cut off, or "
            "something added to the variance?",
            "extreme-variance",
        )
    names = {0: "log_likelihood", 1: "mu", 2: "log_var"}
    check_gradients(f, (log_likelihood, mu, log_var), names, bound_truth, draw.normal(b))


def bound_truth(log_likelihood: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """Each draw counts 1/S; (B,), in double precision."""
    return log_likelihood.double().mean(0) - kl_by_two_points(mu, log_var)


def random_bound(
    s: int, b: int, k: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(log_likelihood (S, B), mu (B, K), log_var (B, K))."""
    return (1.5 * draw.normal(s, b, dtype=dtype) - 3, *random_posterior(b, k, draw, dtype))


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


@mistake("importance-weighted")
def _(log_likelihood, mu, log_var):
    """The draws are combined by a log-mean-exp, which is an importance-weighted bound and needs
    other weights: the ELBO averages the logarithms themselves."""
    average = torch.logsumexp(log_likelihood, 0) - math.log(len(log_likelihood))
    return average - kl(mu, log_var)


@mistake("importance-weighted")
def _(log_likelihood, mu, log_var):
    """The draws are combined by a log-mean-exp, and the KL is missing: the ELBO averages the
    logarithms themselves."""
    return torch.logsumexp(log_likelihood, 0) - math.log(len(log_likelihood))


@mistake("logsumexp")
def _(log_likelihood, mu, log_var):
    """The draws are combined by a log-sum-exp: the ELBO averages the logarithms themselves."""
    return torch.logsumexp(log_likelihood, 0) - kl(mu, log_var)


@mistake("sum-over-draws")
def _(log_likelihood, mu, log_var):
    """The log-likelihood is summed over the S draws: an average over q is estimated by their
    mean."""
    return log_likelihood.sum(0) - kl(mu, log_var)


@mistake("sum-over-draws")
def _(log_likelihood, mu, log_var):
    """Log-likelihood less KL is summed over the S draws: an average over q is estimated by their
    mean."""
    return (log_likelihood - kl(mu, log_var)).sum(0)


@mistake("kl-per-draw")
def _(log_likelihood, mu, log_var):
    """The KL is subtracted once for each of the S draws: it belongs to q, once for each x."""
    return log_likelihood.mean(0) - len(log_likelihood) * kl(mu, log_var)


@mistake("kl-divided")
def _(log_likelihood, mu, log_var):
    """The KL is divided by the number of draws: it is not an average over them."""
    return log_likelihood.mean(0) - kl(mu, log_var) / len(log_likelihood)


@mistake("kl-added")
def _(log_likelihood, mu, log_var):
    """The KL is added: a q far from the prior makes the bound smaller."""
    return log_likelihood.mean(0) + kl(mu, log_var)


@mistake("no-kl")
def _(log_likelihood, mu, log_var):
    """The KL to the prior is missing: this is the reconstruction term alone."""
    return log_likelihood.mean(0)


@mistake("kl-only")
def _(log_likelihood, mu, log_var):
    """This is minus the KL alone: the reconstruction term is missing."""
    return -kl(mu, log_var)


@mistake("kl-sum-over-batch")
def _(log_likelihood, mu, log_var):
    """The KL of the whole batch is subtracted from each x: each has a KL of its own, summed over
    the latents only."""
    return log_likelihood.mean(0) - kl(mu, log_var).sum()


@mistake("kl-mean-over-batch")
def _(log_likelihood, mu, log_var):
    """The batch's mean KL is subtracted from each x: each has a KL of its own."""
    return log_likelihood.mean(0) - kl(mu, log_var).mean()


@mistake("kl-mean-over-latents")
def _(log_likelihood, mu, log_var):
    """The KL is averaged over the latents where the sum is wanted: the log-likelihood is a sum too,
    and the two must be in the same units."""
    return log_likelihood.mean(0) - kl(mu, log_var) / mu.shape[1]


for _known in gaussian_kl.mistakes:
    if _known.slug in ("log-std", "sigma-for-variance", "no-half", "no-one", "reversed"):

        @mistake(f"kl-{_known.slug}", f"The KL is the wrong part. {_known.message}")
        def _(log_likelihood, mu, log_var, wrong_kl=_known.function):
            return log_likelihood.mean(0) - wrong_kl(mu, log_var)


@mistake("negative")
def _(log_likelihood, mu, log_var):
    """This is the negative ELBO, a loss: the bound itself is wanted."""
    return kl(mu, log_var) - log_likelihood.mean(0)


@mistake("best-draw")
def _(log_likelihood, mu, log_var):
    """Only the best draw counts in yours: average over all of them."""
    return log_likelihood.max(0).values - kl(mu, log_var)


@mistake("first-draw")
def _(log_likelihood, mu, log_var):
    """Only the first draw counts in yours: average over all of them."""
    return log_likelihood[0] - kl(mu, log_var)


@mistake("not-averaged")
def _(log_likelihood, mu, log_var):
    """A matrix (S, B) came back, one number per draw: average over the draws."""
    return log_likelihood - kl(mu, log_var)


@mistake("mean-over-batch")
def _(log_likelihood, mu, log_var):
    """One number came back, averaged over the batch, as a loss is: one bound per x is wanted."""
    return (log_likelihood.mean(0) - kl(mu, log_var)).mean()


@mistake("sum-over-batch")
def _(log_likelihood, mu, log_var):
    """One number came back, summed over the batch: one bound per x is wanted."""
    return (log_likelihood.mean(0) - kl(mu, log_var)).sum()


@mistake("exponentiated")
def _(log_likelihood, mu, log_var):
    """This is the exponential of the bound: a bound on the logarithm is wanted."""
    return (log_likelihood.mean(0) - kl(mu, log_var)).exp()


@mistake("base-two")
def _(log_likelihood, mu, log_var):
    """This is in bits: nats are wanted."""
    return (log_likelihood.mean(0) - kl(mu, log_var)) / math.log(2)
