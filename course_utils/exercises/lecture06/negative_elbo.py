"""The loss of a VAE for black and white images: reconstruction plus KL, in nats per image."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, check_gradients, law, near
from ..pixels import (
    LOG_2,
    SURE,
    by_probability,
    cut_at_100,
    log_coin,
    per_sample,
    size,
    softplus_by_hand,
)
from ..subject import Subject

exercise = Exercise(
    "06.negative_elbo",
    "x (B, ...), logits (B, ...), mu (B, K), log_var (B, K) -> ()",
    place=2,
    proves="The loss is the cross-entropy where q is the prior, and every further nat is KL, both "
    "summed over an image and averaged over the batch: for images and vectors, one image, double "
    "precision, and logits and variances at their extremes; gradients reach both networks.",
    hints=(
        "The ELBO of an image is what its pixels gain minus what its code costs. A loss goes down "
        "where the bound goes up, so each of the two terms changes its sign.",
        "You have written both: `bernoulli_log_likelihood` above and `gaussian_kl` in lecture 04. "
        "Each gives (B,), a sum over pixels or over latents.",
        "The KL of one latent has four terms, all over two: mu squared, the variance, minus one, "
        "minus the log of the variance. Sum over pixels and latents first; the mean over the batch "
        "comes last, once.",
    ),
    twin="course_utils.vae:negative_elbo",
)


def nll(x: Tensor, logits: Tensor) -> Tensor:
    """Minus the log-likelihood of each image, (B,)."""
    return -per_sample(log_coin(x, logits))


def mean_nll(x: Tensor, logits: Tensor) -> Tensor:
    return nll(x, logits).mean()


def kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp log_var) || N(0, 1)) of each latent, (B, K)."""
    return (mu**2 + log_var.exp() - 1 - log_var) / 2


def mean_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return kl(mu, log_var).sum(1).mean()


def right(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    """The answer, as the laws and the mistakes use it."""
    return mean_nll(x, logits) + mean_kl(mu, log_var)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, channels, height, width, k, few = draw.sizes(6, 2, 9)
    cases = (
        ((b, channels, height, width), torch.float64),
        ((few, height), torch.float32),
        ((1, width), torch.float32),
        ((few, width, height), torch.float32),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype in cases:
        logits = 2 * draw.normal(*shape, dtype=dtype)
        x = draw.uniform(0, 1, *shape, dtype=dtype).round()
        # The KL is as large as the reconstruction, so that neither hides a mistake in the other.
        large = (size(x) / k) ** 0.5
        mu, log_var = (draw.normal(shape[0], k, dtype=dtype) for _ in range(2))
        args = (x, logits, large * mu, log_var)
        at_prior = f(*args[:2], *[torch.zeros_like(mu)] * 2)
        asked.append((args, f(*args), at_prior))
    prior = torch.zeros(b, k)
    sure = SURE * torch.where(draw.uniform(0, 1, b, width) < 0.5, -1.0, 1.0)
    opposite = (sure < 0).float()
    ink, no = torch.ones(b, width), torch.full((b, width), -SURE)  # exp does not overflow here
    # A logarithm cut off at -100 is told from a logit that is cut off there.
    f(ink * (torch.arange(width) % 2), -no * 50 / SURE, prior, prior)
    worst, half = f(ink, no, prior, prior), f(ink, no / 2, prior, prior)
    again = [near(f(*args), value) for args, value, _ in asked]
    law(
        all(again),
        "The loss is another number each time it is asked with the same arguments: no draw is "
        "needed here, since the one draw is in `logits` already and the KL has a closed form.",
        "own-noise",
    )
    for (x, logits, mu, log_var), value, at_prior in asked:
        entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        law(
            near(len(x) * at_prior, entropy),
            "Where q is the prior, mu = 0 and log_var = 0, the KL is zero and the loss should be "
            "the cross-entropy of an image's pixels, averaged over the batch.",
            "wrong-reconstruction",
        )
        law(
            near(len(x) * (value - at_prior), kl(mu, log_var).sum(), len(x) * float(value.abs())),
            "The reconstruction is right, the KL is not: moving q away from the prior should add "
            "KL(q || prior), summed over the latents and averaged over the batch.",
            "wrong-kl",
        )
    law(
        worst > 1.5 * half or worst < 0,
        "A pixel that is surely wrong costs as much as its logit, and in yours the cost stops "
        "growing: a logarithm, a probability or a logit is cut off, or a small number is added. "
        "Use the logits themselves.",
        "clamped",
    )
    x = draw.uniform(0, 1, b, width).round()
    for pixels, logits in ((opposite, sure), (1 - opposite, sure), (x, -sure.abs())):
        law(
            agree(f(pixels, logits, prior, prior), mean_nll(pixels, logits), SURE),
            "For logits of 10^4 the loss is off: a pixel that is surely wrong costs as much as its "
            "logit, and one that is surely right costs nothing.",
            "wrong-when-sure",
        )
    mu, logits = draw.normal(b, k), draw.normal(b, width)
    for extreme in (-40.0, 40.0):
        expected = f(x, logits, mu, prior) + k * (math.exp(extreme) - 1 - extreme) / 2
        law(
            agree(f(x, logits, mu, torch.full_like(mu, extreme)), expected),
            f"For log_var = {extreme:.0f} the loss is off: is `log_var` or the variance clamped?",
            "variance-clamped",
        )
    x, logits = torch.cat([x, x]), torch.cat([logits, sure])
    args = (x, logits, draw.normal(2 * b, k), draw.normal(2 * b, k))
    names = {1: "logits", 2: "mu", 3: "log_var"}
    check_gradients(f, args, names, right, torch.ones(()))


@exercise.mistake("mean-over-pixels")
def _(x, logits, mu, log_var):
    """The reconstruction is averaged over the pixels and the KL summed over the latents, so what
    looks like beta = 1 is beta = D. Sum over both, then average over the batch.
    """
    return -log_coin(x, logits).mean() + mean_kl(mu, log_var)


@exercise.mistake("mean-over-everything")
def _(x, logits, mu, log_var):
    """Both terms are averaged over all of their axes, pixels here and latents there, which changes
    their balance. Sum over both, then average over the batch.
    """
    return -log_coin(x, logits).mean() + kl(mu, log_var).mean()


@exercise.mistake("mean-over-latents")
def _(x, logits, mu, log_var):
    """The KL is averaged over the latents, where their sum is wanted: only the batch is averaged
    over.
    """
    return mean_nll(x, logits) + kl(mu, log_var).mean()


@exercise.mistake("elbo-sign")
def _(x, logits, mu, log_var):
    """This is the ELBO itself, which is maximised: the negative one is a loss, to be minimised."""
    return -right(x, logits, mu, log_var)


@exercise.mistake("kl-subtracted")
def _(x, logits, mu, log_var):
    """The KL is subtracted from a loss, so that training would drive it up: in the negative ELBO it
    is a cost like the reconstruction.
    """
    return mean_nll(x, logits) - mean_kl(mu, log_var)


@exercise.mistake("likelihood-sign")
def _(x, logits, mu, log_var):
    """The log-likelihood enters a loss with a plus sign, so that training would make the data
    improbable: turn it around.
    """
    return -mean_nll(x, logits) + mean_kl(mu, log_var)


@exercise.mistake("sum-over-batch")
def _(x, logits, mu, log_var):
    """This sums over the batch, so that the loss grows with the batch size: average over it."""
    return right(x, logits, mu, log_var) * len(x)


@exercise.mistake("batch-mixed")
def _(x, logits, mu, log_var):
    """The reconstruction is summed over the batch and the KL averaged, so the balance of the two
    depends on the batch size.
    """
    return nll(x, logits).sum() + mean_kl(mu, log_var)


@exercise.mistake("batch-mixed")
def _(x, logits, mu, log_var):
    """The KL is summed over the batch and the reconstruction averaged, so the balance of the two
    depends on the batch size.
    """
    return mean_nll(x, logits) + kl(mu, log_var).sum()


@exercise.mistake("batch-mixed")
def _(x, logits, mu, log_var):
    """The reconstruction is averaged over the pixels and the KL summed over batch and latents, so
    the balance of the two depends on both sizes.
    """
    return -log_coin(x, logits).mean() + kl(mu, log_var).sum()


@exercise.mistake("axes-exchanged")
def _(x, logits, mu, log_var):
    """The KL is summed over the batch and averaged over the latents, where it is the other way
    round: axis 0 holds the images, axis 1 the latents.
    """
    return mean_nll(x, logits) + kl(mu, log_var).sum(0).mean()


@exercise.mistake("log-var-as-log-std")
def _(x, logits, mu, log_var):
    """`log_var` is read as the log of the standard deviation: it is the log of its square."""
    return mean_nll(x, logits) + (kl(mu, 2 * log_var)).sum(1).mean()


@exercise.mistake("log-var-as-log-std")
def _(x, logits, mu, log_var):
    """The variance in the KL is exp(log_var) squared: `log_var` is the log of the variance."""
    return mean_nll(x, logits) + ((mu**2 + (2 * log_var).exp() - 1 - log_var) / 2).sum(1).mean()


@exercise.mistake("std-for-variance")
def _(x, logits, mu, log_var):
    """The standard deviation stands where the variance belongs: no half in exp(log_var)."""
    return mean_nll(x, logits) + ((mu**2 + (log_var / 2).exp() - 1 - log_var) / 2).sum(1).mean()


@exercise.mistake("std-for-variance")
def _(x, logits, mu, log_var):
    """The KL is computed for half of `log_var`: that is the log of the standard deviation, and the
    formula takes the variance.
    """
    return mean_nll(x, logits) + (kl(mu, log_var / 2)).sum(1).mean()


@exercise.mistake("no-exp")
def _(x, logits, mu, log_var):
    """`log_var` stands in the KL where the variance belongs: exponentiate it."""
    return mean_nll(x, logits) + ((mu**2 + log_var - 1 - log_var) / 2).sum(1).mean()


@exercise.mistake("no-exp")
def _(x, logits, mu, log_var):
    """`log_var` is used as the variance, and its logarithm taken once more."""
    return mean_nll(x, logits) + ((mu**2 + log_var - 1 - log_var.log()) / 2).sum(1).mean()


@exercise.mistake("no-exp")
def _(x, logits, mu, log_var):
    """`log_var` squared stands in the KL where the variance belongs: exponentiate it."""
    return mean_nll(x, logits) + ((mu**2 + log_var**2 - 1 - log_var) / 2).sum(1).mean()


@exercise.mistake("no-kl")
def _(x, logits, mu, log_var):
    """The KL is missing: this is the loss of a plain autoencoder."""
    return mean_nll(x, logits)


@exercise.mistake("no-reconstruction")
def _(x, logits, mu, log_var):
    """The reconstruction is missing: this is the KL alone."""
    return mean_kl(mu, log_var)


@exercise.mistake("not-averaged")
def _(x, logits, mu, log_var):
    """One number per image came back: the loss is their mean over the batch."""
    return nll(x, logits) + kl(mu, log_var).sum(1)


@exercise.mistake("kl-not-halved")
def _(x, logits, mu, log_var):
    """The KL is twice too large: the factor 1/2 is missing."""
    return mean_nll(x, logits) + 2 * mean_kl(mu, log_var)


@exercise.mistake("kl-constant")
def _(x, logits, mu, log_var):
    """The KL lacks its -1: where q is the prior it should be zero."""
    return mean_nll(x, logits) + (kl(mu, log_var) + 0.5).sum(1).mean()


@exercise.mistake("kl-constant")
def _(x, logits, mu, log_var):
    """The -1 is counted once per image in the KL: every latent brings its own."""
    return mean_nll(x, logits) + mean_kl(mu, log_var) + (mu.shape[1] - 1) / 2


@exercise.mistake("kl-without-mu")
def _(x, logits, mu, log_var):
    """`mu` is missing in the KL: a code far from the origin costs nothing in yours."""
    return mean_nll(x, logits) + (kl(torch.zeros_like(mu), log_var)).sum(1).mean()


@exercise.mistake("kl-without-mu")
def _(x, logits, mu, log_var):
    """`mu` is not squared in the KL."""
    return mean_nll(x, logits) + ((mu + log_var.exp() - 1 - log_var) / 2).sum(1).mean()


@exercise.mistake("kl-without-variance")
def _(x, logits, mu, log_var):
    """`log_var` is missing in the KL: only the means cost something in yours."""
    return mean_nll(x, logits) + (mu.square() / 2).sum(1).mean()


@exercise.mistake("kl-log-var-sign")
def _(x, logits, mu, log_var):
    """log_var has the wrong sign in the KL: where q is narrow its logarithm makes the KL large."""
    return mean_nll(x, logits) + ((mu**2 + log_var.exp() - 1 + log_var) / 2).sum(1).mean()


@exercise.mistake("kl-mu-sign")
def _(x, logits, mu, log_var):
    """mu squared has the wrong sign in the KL: a code far from the origin costs more."""
    return mean_nll(x, logits) + ((log_var.exp() - 1 - log_var - mu**2) / 2).sum(1).mean()


@exercise.mistake("kl-reversed")
def _(x, logits, mu, log_var):
    """This is the KL from the prior to q: the ELBO holds the one from q to the prior."""
    return mean_nll(x, logits) + (((1 + mu**2) * (-log_var).exp() - 1 + log_var) / 2).sum(1).mean()


@exercise.mistake("squared-error")
def _(x, logits, mu, log_var):
    """The reconstruction is the squared distance to the probabilities, which belongs to a Gaussian:
    these pixels are Bernoulli.
    """
    return per_sample((x - logits.sigmoid()).square()).mean() + mean_kl(mu, log_var)


@exercise.mistake("squared-error")
def _(x, logits, mu, log_var):
    """The reconstruction is the squared distance to the logits, which belongs to a Gaussian: these
    pixels are Bernoulli.
    """
    return per_sample((x - logits).square()).mean() + mean_kl(mu, log_var)


@exercise.mistake("logits-as-probabilities")
def _(x, logits, mu, log_var):
    """The logits are used as if they were probabilities: a logit is any number, and the probability
    is its sigmoid.
    """
    return -per_sample(by_probability(x, logits)).mean() + mean_kl(mu, log_var)


@exercise.mistake("sigmoid-twice")
def _(x, logits, mu, log_var):
    """The sigmoid is applied twice: what takes logits applies one itself."""
    return mean_nll(x, logits.sigmoid()) + mean_kl(mu, log_var)


@exercise.mistake("pixels-inverted")
def _(x, logits, mu, log_var):
    """Ink and paper are exchanged in the reconstruction, x and 1 - x."""
    return mean_nll(1 - x, logits) + mean_kl(mu, log_var)


@exercise.mistake("arguments-exchanged")
def _(x, logits, mu, log_var):
    """The pixels are used as logits and the logits as pixels: look at the order in which your
    function hands them on.
    """
    return mean_nll(logits, x) + mean_kl(mu, log_var)


@exercise.mistake("ink-only")
def _(x, logits, mu, log_var):
    """Only the pixels that are 1 count in yours: the term with 1 - x is missing."""
    return -per_sample(x * functional.logsigmoid(logits)).mean() + mean_kl(mu, log_var)


@exercise.mistake("base-two")
def _(x, logits, mu, log_var):
    """This is in bits: the course's losses are in nats, by the natural logarithm."""
    return right(x, logits, mu, log_var) / LOG_2


@exercise.mistake("per-dimension")
def _(x, logits, mu, log_var):
    """This is divided by the number of pixels: the loss of a whole image is wanted."""
    return right(x, logits, mu, log_var) / size(x)


@exercise.mistake("sigmoid-then-log")
def _(x, logits, mu, log_var):
    """For large logits the sigmoid is exactly 0 or 1 and its logarithm infinite: work with the
    logits themselves, by `logsigmoid` or `softplus`.
    """
    return -per_sample(by_probability(x, logits.sigmoid())).mean() + mean_kl(mu, log_var)


@exercise.mistake("clamped")
def _(x, logits, mu, log_var):
    """This is `binary_cross_entropy` of the sigmoid, which cuts every logarithm off at -100: a
    pixel that is surely wrong costs as much as its logit. Use the logits themselves.
    """
    return -per_sample(cut_at_100(x, logits)).mean() + mean_kl(mu, log_var)


@exercise.mistake("overflow")
def _(x, logits, mu, log_var):
    """exp of a large logit overflows inside log(1 + exp(logit)): `functional.softplus` is the same
    without overflow.
    """
    return -per_sample(softplus_by_hand(x, logits)).mean() + mean_kl(mu, log_var)


for slug, axes, words in (
    ("last-axis-only", -1, "the last axis"),
    ("second-axis-only", 1, "axis 1"),
    ("two-axes-only", (-2, -1), "the last two axes"),
):

    @exercise.mistake(
        slug,
        f"The reconstruction is summed over {words} and averaged over all others: an image may "
        "have more axes, and all but the first are summed.",
    )
    def _(x, logits, mu, log_var, axes=axes):
        return -log_coin(x, logits).sum(axes).mean() + mean_kl(mu, log_var)
