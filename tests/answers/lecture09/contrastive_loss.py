"""Answers to 09.contrastive_loss."""

import torch
from torch.nn import functional as F


def by_softplus(log_ratio_data, log_ratio_noise):
    return F.softplus(-log_ratio_data).mean() + F.softplus(log_ratio_noise).mean()


def by_cross_entropy(log_ratio_data, log_ratio_noise):
    logits = torch.cat([log_ratio_data, log_ratio_noise])
    labels = torch.cat([torch.ones_like(log_ratio_data), torch.zeros_like(log_ratio_noise)])
    return 2 * F.binary_cross_entropy_with_logits(logits, labels)


def by_log_sigmoid(log_ratio_data, log_ratio_noise):
    return -(F.logsigmoid(log_ratio_data) + F.logsigmoid(-log_ratio_noise)).mean()


def by_logsumexp(log_ratio_data, log_ratio_noise):
    zero = torch.zeros_like(log_ratio_data)
    wrong = torch.stack([zero, -log_ratio_data]), torch.stack([zero, log_ratio_noise])
    return sum(torch.logsumexp(pair, 0).mean() for pair in wrong)


def number(log_ratio_data, log_ratio_noise):
    return by_softplus(log_ratio_data, log_ratio_noise).item()


def for_each(log_ratio_data, log_ratio_noise):
    return F.softplus(-log_ratio_data) + F.softplus(log_ratio_noise)


def noise_detached(log_ratio_data, log_ratio_noise):
    return by_softplus(log_ratio_data, log_ratio_noise.detach())


def importance_weighted(log_ratio_data, log_ratio_noise):
    """As if the normaliser were estimated on the noise: maximum likelihood, another loss."""
    return torch.logsumexp(log_ratio_noise, 0) - log_ratio_data.mean()


def exponentials(log_ratio_data, log_ratio_noise):
    return (1 + (-log_ratio_data).exp()).log().mean() + (1 + log_ratio_noise.exp()).log().mean()


def chosen(log_ratio_data, log_ratio_noise):
    """The right numbers; the branch that is not taken overflows, and its gradient is nan."""

    def surprise(ratio):
        return torch.where(ratio > 30, ratio, torch.log1p(ratio.exp())).mean()

    return surprise(-log_ratio_data) + surprise(log_ratio_noise)


def soon_linear(log_ratio_data, log_ratio_noise):
    """Linear from a logit of 2 on, where there are 0.13 nats left."""

    def surprise(logit):
        return F.softplus(logit, threshold=2).mean()

    return surprise(-log_ratio_data) + surprise(log_ratio_noise)


RIGHT = [by_softplus, by_cross_entropy, by_log_sigmoid, by_logsumexp]
WRONG = [
    ("no-gradient", number),
    ("wrong-shape", for_each),
    ("no-gradient", noise_detached),
    ("wrong-value", importance_weighted),
    ("overflow", exponentials),
    ("gradient-not-finite", chosen),
    ("wrong-value", soon_linear),
]
