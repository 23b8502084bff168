"""Answers to 05.gaussian_score."""

import math

import torch
from torch.distributions import Independent, Normal
from torch.func import grad, vmap


def score_by_hand(z, mu, log_var):
    distance = z - mu
    precision = torch.exp(-log_var)
    return torch.cat([distance * precision, 0.5 * (distance**2 * precision - 1)], dim=1)


def score_by_noise(z, mu, log_var):
    eps = (z - mu) / torch.exp(log_var / 2)
    return torch.cat([eps / torch.exp(log_var / 2), (eps.square() - 1) / 2], dim=-1)


def score_by_loop(z, mu, log_var):
    rows = []
    for draw in z:
        m, v = mu.clone().requires_grad_(), log_var.clone().requires_grad_()
        log_q = Independent(Normal(m, torch.exp(0.5 * v)), 1).log_prob(draw)
        rows.append(torch.cat(torch.autograd.grad(log_q, (m, v))))
    return torch.stack(rows)


def score_by_copies(z, mu, log_var):
    m = mu.expand_as(z).clone().requires_grad_()
    v = log_var.expand_as(z).clone().requires_grad_()
    (-0.5 * (v + (z - m) ** 2 / v.exp())).sum().backward()
    return torch.hstack([m.grad, v.grad])


def score_by_vmap(z, mu, log_var):
    def log_q(parameters, draw):
        m, v = parameters.chunk(2)
        return -0.5 * (v + (draw - m) ** 2 * torch.exp(-v) + math.log(2 * math.pi)).sum()

    return vmap(grad(log_q), in_dims=(None, 0))(torch.cat([mu, log_var]), z)


def score_slots(z, mu, log_var):
    k = mu.shape[0]
    score = torch.empty(len(z), 2 * k, dtype=z.dtype)
    for i in range(k):
        variance = log_var[i].exp()
        score[:, i] = (z[:, i] - mu[i]) / variance
        score[:, k + i] = (z[:, i] - mu[i]) ** 2 / (2 * variance) - 0.5
    return score


def score_epsilon(z, mu, log_var):
    variance = log_var.exp() + 1e-6
    return torch.cat([(z - mu) / variance, ((z - mu) ** 2 / variance - 1) / 2], 1)


def score_clamped(z, mu, log_var):
    return score_by_hand(z, mu, log_var.clamp(-10, 10))


def score_stacked(z, mu, log_var):
    return torch.cat([(z - mu) / log_var.exp(), ((z - mu) ** 2 / log_var.exp() - 1) / 2], 0)


def score_of_mu_only(z, mu, log_var):
    return (z - mu) / log_var.exp()


def score_log_density(z, mu, log_var):
    return Normal(mu, (log_var / 2).exp()).log_prob(z)


def score_shared_latents(z, mu, log_var):
    by_mu = ((z - mu) / log_var.exp()).sum(1, keepdim=True).expand_as(z)
    return torch.cat([by_mu, ((z - mu) ** 2 / log_var.exp() - 1) / 2], 1)


def score_minus_one(z, mu, log_var):
    return torch.cat([(z - mu) / log_var.exp(), (z - mu) ** 2 / log_var.exp() - 0.5], 1)


def score_finite_differences(z, mu, log_var):
    def log_q(m, v):
        return (-((z - m) ** 2) / v.exp() / 2 - v / 2).sum(1)

    columns, k = [], len(mu)
    for i in range(2 * k):
        step = torch.zeros(2 * k, dtype=z.dtype)
        step[i] = 0.05
        high = log_q(mu + step[:k], log_var + step[k:])
        columns.append((high - log_q(mu, log_var)) / 0.05)
    return torch.stack(columns, 1)


def score_single(z, mu, log_var):
    return score_by_hand(z.float(), mu.float(), log_var.float())


def score_in_place(z, mu, log_var):
    z -= mu
    return torch.cat([z / log_var.exp(), (z**2 / log_var.exp() - 1) / 2], 1)


def score_backward_twice(z, mu, log_var):
    return torch.autograd.grad(Normal(mu, log_var.exp()).log_prob(z).sum(), (mu, log_var))


RIGHT = [
    score_by_hand,
    score_by_noise,
    score_by_loop,
    score_by_copies,
    score_by_vmap,
    score_slots,
]

WRONG = [
    ("wrong-by-mu", score_epsilon),
    ("wrong-by-mu", score_clamped),
    ("wrong-by-mu", score_finite_differences),
    ("wrong-by-mu", score_shared_latents),
    ("wrong-by-log-var", score_minus_one),
    ("wrong-shape", score_stacked),
    ("wrong-shape", score_of_mu_only),
    ("wrong-shape", score_log_density),
    ("wrong-dtype", score_single),
    ("changes-its-input", score_in_place),
    ("raises", score_backward_twice),
]
