"""04.gaussian_kl: how far a Gaussian posterior is from the prior."""

import math

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..gaussian_latents import kl_by_two_points, random_posterior
from ..laws import agree, check_gradients, check_repeatable, law
from ..subject import Subject

exercise = Exercise(
    "04.gaussian_kl",
    "mu (B, K), log_var (B, K) -> (B,)",
    place=4,
    proves="The KL is the average of log q - log p over q for fresh Gaussians, one sample, "
    "variances from exp(-40) to exp(40) and, in double precision, q close to the prior; gradients "
    "reach mu and log_var.",
    hints=(
        "q is a product over the K latents, so log q - log p is a sum over them, and so is its "
        "average: solve one latent first.",
        "For one latent write out log q(z) - log p(z). The constants with 2 pi cancel, and two "
        "averages over q are left: <(z - mu)^2> and <z^2>.",
        "<(z - mu)^2> is the variance by definition, and <z^2> the variance plus mu squared. "
        "`log_var` is the logarithm of the variance.",
    ),
    twin="course_utils.inference:gaussian_kl",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, k, more = draw.sizes(3, 2, 7)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [random_posterior(b, k, draw), random_posterior(1, more, draw)]
    values = [f(*case) for case in cases]
    check_repeatable(f, *cases[0])
    for case, value in zip(cases, values, strict=True):
        law(
            agree(value, kl_by_two_points(*case)),
            "Your KL is not the average of log q(z) - log p(z) over q. Try one latent first, and "
            "put it beside `torch.distributions.kl_divergence`.",
            "wrong-kl",
        )
    mu = draw.normal(b, k)
    for extreme in (torch.full((b, k), -40.0), torch.full((b, k), 40.0)):
        law(
            agree(f(mu, extreme), kl_by_two_points(mu, extreme)),
            "For log_var = -40 or 40 the KL is off: is something added to the variance, or "
            "`log_var` cut off?",
            "extreme-variance",
        )
    close = [0.001 * t for t in random_posterior(b, k, draw, torch.float64)]
    law(
        agree(f(*close), kl_by_two_points(*close)),
        "For q very close to the prior, in double precision, the small KL that is left is off: is "
        "float32 used on the way?",
        "close-to-prior",
    )
    check_gradients(
        f, random_posterior(b, k, draw), {0: "mu", 1: "log_var"}, kl_by_two_points, draw.normal(b)
    )


@mistake("log-std")
def _(mu, log_var):
    """`log_var` is read as the logarithm of the standard deviation throughout: it is that of the
    variance, so nothing is to be doubled or squared."""
    sigma = torch.exp(log_var)
    return 0.5 * (mu**2 + sigma**2 - 1 - 2 * log_var).sum(1)


@mistake("sigma-for-variance")
def _(mu, log_var):
    """The standard deviation stands where the variance belongs: both are exponentials of `log_var`,
    one of half of it."""
    sigma = torch.exp(0.5 * log_var)
    return -0.5 * (1 + log_var - mu**2 - sigma).sum(1)


@mistake("variance-squared")
def _(mu, log_var):
    """exp(log_var) is squared: it is the variance already."""
    return -0.5 * (1 + log_var - mu**2 - log_var.exp() ** 2).sum(1)


@mistake("log-sigma")
def _(mu, log_var):
    """The logarithm of the standard deviation stands where that of the variance belongs: a factor
    1/2 too many on one term."""
    sigma = torch.exp(0.5 * log_var)
    return 0.5 * (mu**2 + sigma**2 - 1 - torch.log(sigma)).sum(1)


@mistake("log-sigma")
def _(mu, log_var):
    """The logarithm of the variance is doubled: one of its terms has twice the weight it should
    have."""
    return 0.5 * (mu**2 + log_var.exp() - 1 - 2 * log_var).sum(1)


@mistake("mean-over-latents")
def _(mu, log_var):
    """Averaged over the latent dimension, where the sum is wanted: each latent brings nats of its
    own."""
    return -0.5 * torch.mean(1 + log_var - mu**2 - log_var.exp(), dim=1)


@mistake("no-half")
def _(mu, log_var):
    """The factor 1/2 is missing."""
    return -(1 + log_var - mu**2 - log_var.exp()).sum(1)


@mistake("half-twice")
def _(mu, log_var):
    """The factor 1/2 is there twice."""
    return -0.25 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


@mistake("no-one")
def _(mu, log_var):
    """The -1 of each latent is missing: at mu = 0 and log_var = 0 the KL is zero."""
    return 0.5 * (mu**2 + log_var.exp() - log_var).sum(1)


@mistake("one-sign")
def _(mu, log_var):
    """The 1 of each latent has the wrong sign: at mu = 0 and log_var = 0 the KL is zero."""
    return 0.5 * (mu**2 + log_var.exp() + 1 - log_var).sum(1)


@mistake("one-once")
def _(mu, log_var):
    """The 1 is counted once for all latents: each of the K brings its own."""
    return 0.5 * ((mu**2).sum(1) + log_var.exp().sum(1) - log_var.sum(1) - 1)


@mistake("reversed")
def _(mu, log_var):
    """This is the KL in the other direction, of N(0, I) from q: the average goes over q."""
    return 0.5 * ((1 + mu**2) / log_var.exp() - 1 + log_var).sum(1)


@mistake("no-mean")
def _(mu, log_var):
    """`mu` does not enter: a q away from zero is farther from N(0, I)."""
    return -0.5 * (1 + log_var - log_var.exp()).sum(1)


@mistake("mean-not-squared")
def _(mu, log_var):
    """`mu` is not squared: a shift to the left counts as much as one to the right."""
    return -0.5 * (1 + log_var - mu - log_var.exp()).sum(1)


@mistake("mean-sign")
def _(mu, log_var):
    """The term with `mu` has the wrong sign: the farther q is from zero, the larger the KL."""
    return -0.5 * (1 + log_var + mu**2 - log_var.exp()).sum(1)


@mistake("variance-sign")
def _(mu, log_var):
    """The term with the variance has the wrong sign: a very wide q is far from N(0, I)."""
    return -0.5 * (1 + log_var - mu**2 + log_var.exp()).sum(1)


@mistake("variance-sign")
def _(mu, log_var):
    """The term with the variance has the wrong sign, and the 1 with it."""
    return 0.5 * (1 - log_var + mu**2 - log_var.exp()).sum(1)


@mistake("log-var-sign")
def _(mu, log_var):
    """The term with `log_var` itself has the wrong sign: a very narrow q is far from N(0, I)."""
    return 0.5 * (mu**2 + log_var.exp() - 1 + log_var).sum(1)


@mistake("no-log-var")
def _(mu, log_var):
    """The term with `log_var` itself is missing, which comes from the entropy of q: a very narrow q
    is far from N(0, I)."""
    return 0.5 * (mu**2 + log_var.exp() - 1).sum(1)


@mistake("not-exponentiated")
def _(mu, log_var):
    """`log_var` stands where the variance belongs: take its exponential."""
    return -0.5 * (1 + log_var - mu**2 - log_var).sum(1)


@mistake("log-of-log")
def _(mu, log_var):
    """`log_var` is used as the variance itself, and the logarithm of it taken once more: where it
    is negative that is nan."""
    return 0.5 * (mu**2 + log_var - 1 - torch.log(log_var)).sum(1)


@mistake("negative")
def _(mu, log_var):
    """The sign is turned around: a KL is never negative."""
    return 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


@mistake("negative")
def _(mu, log_var):
    """The sign is turned around, and the factor 1/2 is missing: a KL is never negative."""
    return (1 + log_var - mu**2 - log_var.exp()).sum(1)


@mistake("base-two")
def _(mu, log_var):
    """This is in bits: nats are wanted, by the natural logarithm."""
    return 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1) / math.log(2)


@mistake("entropy-only")
def _(mu, log_var):
    """This is minus the entropy of q, the average of log q: the average of log p has to be
    subtracted."""
    return -0.5 * (math.log(2 * math.pi) + 1 + log_var).sum(1)


@mistake("cross-entropy")
def _(mu, log_var):
    """This is the average of -log p over q: the average of log q has to be added."""
    return 0.5 * (math.log(2 * math.pi) + mu**2 + log_var.exp()).sum(1)


@mistake("at-the-mean")
def _(mu, log_var):
    """This is log q - log p at z = mu: the average over all z of q is wanted."""
    return 0.5 * (mu**2 - log_var).sum(1)


@mistake("sum-over-batch")
def _(mu, log_var):
    """One number came back, summed over the batch too: one KL per sample is wanted, summed over the
    latents only."""
    return -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())


@mistake("mean-over-batch")
def _(mu, log_var):
    """One number came back, averaged over the batch: one KL per sample is wanted."""
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1).mean()


@mistake("mean-over-all")
def _(mu, log_var):
    """One number came back, averaged over batch and latents: one KL per sample is wanted, summed
    over its latents."""
    return -0.5 * torch.mean(1 + log_var - mu.pow(2) - log_var.exp())


@mistake("wrong-axis")
def _(mu, log_var):
    """The sum runs over the batch: sum over the latents, axis 1."""
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(0)


@mistake("not-summed")
def _(mu, log_var):
    """A matrix (B, K) came back, one number per latent: sum over the latents."""
    return -0.5 * (1 + log_var - mu**2 - log_var.exp())
