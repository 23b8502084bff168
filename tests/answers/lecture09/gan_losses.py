"""Answers to 09.gan_losses."""

import torch
from torch.nn import functional as F


def by_softplus(real_logits, fake_logits):
    critic = F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
    return critic, F.softplus(-fake_logits).mean()


def by_cross_entropy(real_logits, fake_logits):
    bce = F.binary_cross_entropy_with_logits
    critic = bce(real_logits, torch.ones_like(real_logits)) + bce(
        fake_logits, torch.zeros_like(fake_logits)
    )
    return critic, bce(fake_logits, torch.ones_like(fake_logits))


def by_log_sigmoid(real_logits, fake_logits):
    critic = -F.logsigmoid(real_logits).mean() - F.logsigmoid(-fake_logits).mean()
    return critic, -F.logsigmoid(fake_logits).mean()


def by_logaddexp(real_logits, fake_logits):
    zero = torch.zeros(())

    def surprise(logit):
        return torch.logaddexp(zero.to(logit), logit).sum() / len(logit)

    return surprise(-real_logits) + surprise(fake_logits), surprise(-fake_logits)


def by_pytorchs_bernoulli(real_logits, fake_logits):
    real, fake = (torch.distributions.Bernoulli(logits=x) for x in (real_logits, fake_logits))
    one, none = real_logits.new_ones(()), real_logits.new_zeros(())
    critic = -real.log_prob(one).mean() - fake.log_prob(none).mean()
    return critic, -fake.log_prob(one).mean()


def numbers(real_logits, fake_logits):
    critic, forger = by_softplus(real_logits, fake_logits)
    return critic.item(), forger.item()


def one_number(real_logits, fake_logits):
    return sum(by_softplus(real_logits, fake_logits))


def for_each(real_logits, fake_logits):
    critic = F.softplus(-real_logits).mean() + F.softplus(fake_logits)
    return critic, F.softplus(-fake_logits)


def paired(real_logits, fake_logits):
    return (F.softplus(-real_logits) + F.softplus(fake_logits)).mean(), F.softplus(
        -fake_logits
    ).mean()


def forger_detached(real_logits, fake_logits):
    critic, forger = by_softplus(real_logits, fake_logits)
    return critic, forger.detach()


def critic_detached(real_logits, fake_logits):
    """As if the critic's loss had to stop the forger: it is the loop that does so."""
    critic = F.softplus(-real_logits).mean() + F.softplus(fake_logits.detach()).mean()
    return critic, F.softplus(-fake_logits).mean()


def smoothed(real_logits, fake_logits):
    """One-sided label smoothing: another loss."""
    bce = F.binary_cross_entropy_with_logits
    critic = bce(real_logits, 0.9 * torch.ones_like(real_logits)) + F.softplus(fake_logits).mean()
    return critic, F.softplus(-fake_logits).mean()


def exponentials(real_logits, fake_logits):
    critic = (1 + (-real_logits).exp()).log().mean() + (1 + fake_logits.exp()).log().mean()
    return critic, (1 + (-fake_logits).exp()).log().mean()


def chosen(real_logits, fake_logits):
    """The right numbers; the branch that is not taken overflows, and its gradient is nan."""

    def surprise(logit):
        return torch.where(logit > 30, logit, torch.log1p(logit.exp())).mean()

    return surprise(-real_logits) + surprise(fake_logits), surprise(-fake_logits)


def one_mean_of_all(real_logits, fake_logits):
    """Cross-entropy of both at once, as of one batch."""
    logits = torch.cat([real_logits, fake_logits])
    labels = torch.cat([torch.ones_like(real_logits), torch.zeros_like(fake_logits)])
    critic = 2 * F.binary_cross_entropy_with_logits(logits, labels)
    return critic, F.softplus(-fake_logits).mean()


def soon_linear(real_logits, fake_logits):
    """Linear from a logit of 2 on, where there are 0.13 nats left."""

    def surprise(logit):
        return F.softplus(logit, threshold=2).mean()

    return surprise(-real_logits) + surprise(fake_logits), surprise(-fake_logits)


RIGHT = [by_softplus, by_cross_entropy, by_log_sigmoid, by_logaddexp, by_pytorchs_bernoulli]
WRONG = [
    ("no-gradient", numbers),
    ("wrong-type", one_number),
    ("wrong-shape", for_each),
    ("raises", paired),
    ("wrong-gradient", forger_detached),
    ("wrong-gradient", critic_detached),
    ("wrong-discriminator", smoothed),
    ("overflow", exponentials),
    ("pooled", one_mean_of_all),
    ("gradient-not-finite", chosen),
    ("wrong-discriminator", soon_linear),
]
