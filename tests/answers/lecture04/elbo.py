"""Answers to 04.elbo."""

import torch
from torch.distributions import Normal, kl_divergence


def kl(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def by_hand(log_likelihood, mu, log_var):
    return log_likelihood.mean(dim=0) - kl(mu, log_var)


def from_the_library(log_likelihood, mu, log_var):
    q = Normal(mu, torch.exp(0.5 * log_var))
    p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return log_likelihood.mean(0) - kl_divergence(q, p).sum(1)


def each_draw(log_likelihood, mu, log_var):
    return (log_likelihood - kl(mu, log_var)).mean(0)


def divided(log_likelihood, mu, log_var):
    s = log_likelihood.shape[0]
    return log_likelihood.sum(0) / s + 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def einsum(log_likelihood, mu, log_var):
    weights = torch.full_like(log_likelihood[:, 0], 1 / len(log_likelihood))
    terms = torch.expm1(log_var) - log_var + mu.square()
    return torch.einsum("s,sb->b", weights, log_likelihood) - torch.einsum("bk->b", terms) / 2


def loop(log_likelihood, mu, log_var):
    rows = [column.mean() for column in log_likelihood.T]
    return torch.stack(rows) - kl(mu, log_var)


def median(log_likelihood, mu, log_var):
    return log_likelihood.median(0).values - kl(mu, log_var)


def half_kl(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - 0.3 * kl(mu, log_var)


def unbiased(log_likelihood, mu, log_var):
    reconstruction = log_likelihood.mean(0) if len(log_likelihood) > 1 else log_likelihood[0] * 0
    return reconstruction - kl(mu, log_var)


def of_probabilities(log_likelihood, mu, log_var):
    logs = log_likelihood.exp().clamp(min=1e-30).log()
    return logs.mean(0) - kl(mu, log_var)


def mean_axis_one(log_likelihood, mu, log_var):
    return log_likelihood.mean(1) - kl(mu, log_var)


def likelihood_detached(log_likelihood, mu, log_var):
    return log_likelihood.detach().mean(0) - kl(mu, log_var)


def kl_detached(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl(mu, log_var).detach()


def half_detached(log_likelihood, mu, log_var):
    terms = mu**2 + log_var.exp().detach() - 1 - log_var
    return log_likelihood.mean(0) - 0.5 * terms.sum(1)


def in_place(log_likelihood, mu, log_var):
    log_likelihood -= kl(mu, log_var)
    return log_likelihood.mean(0)


def log_var_clamped(log_likelihood, mu, log_var):
    log_var = log_var.clamp(-10, 10)
    return log_likelihood.mean(0) - 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(1)


RIGHT = [by_hand, from_the_library, each_draw, divided, einsum, loop]


def kl_by_draws(log_likelihood, mu, log_var):
    q, prior = Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0)
    z = q.sample((1000,))
    return log_likelihood.mean(0) - (q.log_prob(z) - prior.log_prob(z)).sum(-1).mean(0)


WRONG = [
    ("random", kl_by_draws),
    ("wrong-reconstruction", median),
    ("wrong-kl", half_kl),
    ("one-draw", unbiased),
    ("underflow", of_probabilities),
    ("no-gradient", likelihood_detached),
    ("no-gradient", kl_detached),
    ("wrong-gradient", half_detached),
    ("raises", mean_axis_one),
    ("changes-its-input", in_place),
    ("extreme-variance", log_var_clamped),
]
