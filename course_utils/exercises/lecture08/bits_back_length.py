"""08.bits_back_length: what an image costs, once the bits that chose z are back."""

import math

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "08.bits_back_length",
    "log_likelihood (B,), log_prior (B,), log_posterior (B,) -> (B,)",
    place=8,
    proves="With the exact posterior the length is -log2 p(x), whichever z was drawn: for fresh "
    "numbers, narrow posteriors, draws that are likelier under the prior, one sample, double "
    "precision, and images of 10^4 nats.",
    hints=(
        "Go through the three steps. Pushing an event of probability p makes the state longer by "
        "-log p; popping with probability q makes it shorter by -log q.",
        "What is pushed: z with the prior, x with the likelihood. What is popped: z with the "
        "posterior. The net length is the sum of what each step adds.",
        "The logs are in nats: how many nats is one bit? Mind that all three have to be converted.",
    ),
    twin="course_utils.compression:bits_back_length",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, few = draw.sizes(2, 3, 9)
    cases = (
        # draws of z, evidence in nats, size of the other logs, dtype
        (b, draw.number(-30, -10), 5.0, torch.float32),
        (1, draw.number(-30, -10), 5.0, torch.float32),
        (few, draw.number(-3, -1), 2.0, torch.float64),
        (few, draw.number(3, 5), 2.0, torch.float64),  # the evidence of a density may exceed one
        (few, draw.number(-12_000, -10_000), 100.0, torch.float32),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for size, evidence, spread, dtype in cases:
        prior = -spread * draw.uniform(0.5, 1.5, size, dtype=dtype)
        posterior = spread * draw.uniform(-1, 1, size, dtype=dtype)
        posterior[0] = 1.3 * prior[0]  # a draw may be less likely under q than under the prior
        likelihood = evidence + posterior - prior  # Bayes' theorem
        asked.append((evidence, f(likelihood, prior, posterior)))
    for evidence, bits in asked:
        scale = abs(evidence) + 1
        law(
            near(bits, bits[:1].expand_as(bits), scale),
            "With the exact posterior the length should not depend on z: a likely z is cheap to "
            "send, and gives fewer bits back.",
            "depends-on-z",
        )
        law(
            near(bits * math.log(2), torch.full_like(bits, -evidence), scale),
            "With the exact posterior the length should be -log p(x), in bits.",
            "wrong-length",
        )


def right(log_likelihood, log_prior, log_posterior):
    return (log_posterior - log_likelihood - log_prior) / math.log(2)


@mistake("nats")
def _(log_likelihood, log_prior, log_posterior):
    """This is in nats: a file is measured in bits."""
    return -(log_likelihood + log_prior - log_posterior)


@mistake("times-log-two")
def _(log_likelihood, log_prior, log_posterior):
    """The nats are multiplied by log 2: one nat is more than one bit."""
    return -(log_likelihood + log_prior - log_posterior) * math.log(2)


@mistake("no-bits-back")
def _(log_likelihood, log_prior, log_posterior):
    """The bits that come back are missing: drawing z from q takes -log q bits off the stack."""
    return -(log_likelihood + log_prior) / math.log(2)


@mistake("posterior-sign")
def _(log_likelihood, log_prior, log_posterior):
    """The bits of the posterior are paid for: they come back, because z is drawn with bits that are
    on the stack already."""
    return -(log_likelihood + log_prior + log_posterior) / math.log(2)


@mistake("sign")
def _(log_likelihood, log_prior, log_posterior):
    """The sign is turned around: log-probabilities are negative, lengths positive."""
    return (log_likelihood + log_prior - log_posterior) / math.log(2)


@mistake("sign")
def _(log_likelihood, log_prior, log_posterior):
    """The sign is turned around, and this is in nats: log-probabilities are negative, lengths
    positive."""
    return log_likelihood + log_prior - log_posterior


@mistake("no-prior")
def _(log_likelihood, log_prior, log_posterior):
    """The prior is missing: z has to be sent too."""
    return (log_posterior - log_likelihood) / math.log(2)


@mistake("prior-sign")
def _(log_likelihood, log_prior, log_posterior):
    """The prior has the wrong sign: sending z with it costs bits."""
    return (log_posterior + log_prior - log_likelihood) / math.log(2)


@mistake("exchanged")
def _(log_likelihood, log_prior, log_posterior):
    """Prior and posterior are exchanged: z is sent with the prior and drawn from the posterior."""
    return (log_prior - log_posterior - log_likelihood) / math.log(2)


@mistake("no-likelihood")
def _(log_likelihood, log_prior, log_posterior):
    """The likelihood is missing: this is what z costs, and x has to be sent as well."""
    return (log_posterior - log_prior) / math.log(2)


@mistake("likelihood-only")
def _(log_likelihood, log_prior, log_posterior):
    """This is what x costs once z is known: z has to be sent, and its bits come back."""
    return -log_likelihood / math.log(2)


@mistake("likelihood-sign")
def _(log_likelihood, log_prior, log_posterior):
    """The likelihood has the wrong sign: sending x costs bits."""
    return (log_likelihood - log_prior + log_posterior) / math.log(2)


@mistake("sum-over-batch")
def _(log_likelihood, log_prior, log_posterior):
    """This sums over the batch: one length per sample is wanted."""
    return right(log_likelihood, log_prior, log_posterior).sum()


@mistake("mean-over-batch")
def _(log_likelihood, log_prior, log_posterior):
    """This averages over the batch: one length per sample is wanted."""
    return right(log_likelihood, log_prior, log_posterior).mean()


@mistake("bytes")
def _(log_likelihood, log_prior, log_posterior):
    """This is in bytes: bits are wanted."""
    return right(log_likelihood, log_prior, log_posterior) / 8


@mistake("base-ten")
def _(log_likelihood, log_prior, log_posterior):
    """These are decimal digits: divide the nats by log 2, not by log 10."""
    return -(log_likelihood + log_prior - log_posterior) / math.log(10)


@mistake("log-of-log")
def _(log_likelihood, log_prior, log_posterior):
    """The inputs are logarithms already: `log2` of them makes no sense, and nan of negative
    ones."""
    return -torch.log2(log_likelihood) - torch.log2(log_prior) + torch.log2(log_posterior)


@mistake("underflow")
def _(log_likelihood, log_prior, log_posterior):
    """exp of a large negative logarithm underflows to 0: stay in logs, and change their base by a
    factor."""
    return -torch.log2(torch.exp(log_likelihood + log_prior - log_posterior))


@mistake("underflow")
def _(log_likelihood, log_prior, log_posterior):
    """exp of a large negative logarithm underflows to 0: stay in logs, and change their base by a
    factor."""
    p_x, p_z, q_z = log_likelihood.exp(), log_prior.exp(), log_posterior.exp()
    return torch.log2(q_z) - torch.log2(p_x) - torch.log2(p_z)


@mistake("underflow")
def _(log_likelihood, log_prior, log_posterior):
    """exp of a large negative logarithm underflows to 0: stay in logs, and change their base by a
    factor."""
    p_x, p_z, q_z = log_likelihood.exp(), log_prior.exp(), log_posterior.exp()
    return torch.log2(q_z / (p_x * p_z))


@mistake("rounded-up")
def _(log_likelihood, log_prior, log_posterior):
    """The length is rounded up to whole bits: with asymmetric numeral systems fractions of bits add
    up, and nothing is rounded."""
    return torch.ceil(right(log_likelihood, log_prior, log_posterior))


@mistake("not-below-zero")
def _(log_likelihood, log_prior, log_posterior):
    """Negative lengths are set to zero: a single z can give back more than x and z cost."""
    return torch.relu(right(log_likelihood, log_prior, log_posterior))


@mistake("not-below-zero")
def _(log_likelihood, log_prior, log_posterior):
    """log q - log p(z) is kept from being negative: for a single z it may be, only its average over
    q, the KL divergence, may not."""
    rate = torch.relu(log_posterior - log_prior)
    return (rate - log_likelihood) / math.log(2)


@mistake("parentheses")
def _(log_likelihood, log_prior, log_posterior):
    """Only the posterior is turned into bits, the other two stay in nats: put the whole sum in
    parentheses before you divide."""
    return -log_likelihood - log_prior + log_posterior / math.log(2)


@mistake("parentheses")
def _(log_likelihood, log_prior, log_posterior):
    """Only the likelihood is turned into bits, the other two stay in nats: put the whole sum in
    parentheses before you divide."""
    return log_posterior - log_prior - log_likelihood / math.log(2)


@mistake("parentheses")
def _(log_likelihood, log_prior, log_posterior):
    """Only the prior is turned into bits, the other two stay in nats: put the whole sum in
    parentheses before you divide."""
    return log_posterior - log_likelihood - log_prior / math.log(2)


@mistake("parentheses")
def _(log_likelihood, log_prior, log_posterior):
    """The posterior stays in nats, the other two are turned into bits: put the whole sum in
    parentheses before you divide."""
    return -(log_likelihood + log_prior) / math.log(2) + log_posterior
