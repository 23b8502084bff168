"""Answers to 04.gaussian_kl."""

import torch
from torch.distributions import Independent, Normal, kl_divergence


def by_hand(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)


def from_the_library(mu, log_var):
    q = Normal(mu, torch.exp(0.5 * log_var))
    return kl_divergence(q, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)


def with_sigma(mu, log_var):
    sigma = torch.exp(log_var / 2)
    return 0.5 * torch.sum(sigma**2 + mu**2 - 1 - 2 * sigma.log(), 1)


def independent(mu, log_var):
    q = Independent(Normal(mu, (log_var / 2).exp()), 1)
    p = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return kl_divergence(q, p)


def entropies(mu, log_var):
    cross = 0.5 * (torch.log(torch.tensor(2 * torch.pi)) + mu**2 + log_var.exp())
    return (cross - Normal(mu, torch.exp(0.5 * log_var)).entropy()).sum(1)


def matrix(mu, log_var):
    cov = torch.diag_embed(log_var.exp())
    trace = cov.diagonal(dim1=1, dim2=2).sum(1)
    return (trace + torch.linalg.vector_norm(mu, dim=1) ** 2 - mu.shape[1] - log_var.sum(1)) / 2


def loop(mu, log_var):
    total = torch.zeros_like(mu[:, 0])
    for k in range(mu.shape[1]):
        total = total + (mu[:, k] ** 2 + torch.expm1(log_var[:, k]) - log_var[:, k]) / 2
    return total


def estimated(mu, log_var):
    sigma = torch.exp(log_var / 2)
    z = mu + sigma * torch.randn(1000, *mu.shape, dtype=mu.dtype)
    return (Normal(mu, sigma).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).mean(0).sum(1)


def epsilon(mu, log_var):
    variance = log_var.exp() + 1e-10
    return 0.5 * (mu**2 + variance - 1 - variance.log()).sum(1)


def clamped(mu, log_var):
    return by_hand(mu, log_var.clamp(-10, 10))


def one_latent_only(mu, log_var):
    return by_hand(mu[:, :1], log_var[:, :1])


def single_inside(mu, log_var):
    return by_hand(mu.float(), log_var.float()).to(mu.dtype)


def no_grad(mu, log_var):
    with torch.no_grad():
        return by_hand(mu, log_var)


def mean_detached(mu, log_var):
    return by_hand(mu.detach(), log_var)


def variance_detached(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp().detach() - 1 - log_var).sum(1)


def in_place(mu, log_var):
    mu *= mu
    return 0.5 * (mu + log_var.exp() - 1 - log_var).sum(1)


RIGHT = [by_hand, from_the_library, with_sigma, independent, matrix, loop]
WRONG = [
    ("random", estimated),
    ("wrong-kl", one_latent_only),
    ("close-to-prior", single_inside),
    ("extreme-variance", epsilon),
    ("extreme-variance", clamped),
    ("no-gradient", no_grad),
    ("no-gradient", mean_detached),
    ("wrong-gradient", variance_detached),
    ("changes-its-input", in_place),
]
