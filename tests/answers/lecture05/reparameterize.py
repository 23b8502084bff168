"""Answers to 05.reparameterize."""

import numpy as np
import torch
from torch.distributions import Normal


def draw_by_hand(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps


def draw_root(mu, log_var, eps):
    return mu + eps * log_var.exp().sqrt()


def draw_addcmul(mu, log_var, eps):
    return torch.addcmul(mu.expand_as(eps), eps, torch.exp(log_var / 2))


def draw_affine(mu, log_var, eps):
    transform = torch.distributions.AffineTransform(mu, (log_var / 2).exp())
    return transform(eps)


def draw_mirrored(mu, log_var, eps):
    return mu - torch.exp(0.5 * log_var) * eps


def draw_loop(mu, log_var, eps):
    sigma = torch.exp(log_var / 2)
    flat = eps.reshape(-1, *mu.shape)
    return torch.stack([mu + sigma * e for e in flat]).reshape(eps.shape)


def draw_matrix(mu, log_var, eps):
    factor = torch.diag_embed(torch.exp(log_var / 2))
    return mu + (factor @ eps[..., None])[..., 0]


def draw_rsample(mu, log_var, eps):
    return Normal(mu.expand_as(eps), torch.exp(0.5 * log_var)).rsample()


def draw_seeded(mu, log_var, eps):
    torch.manual_seed(0)
    return mu + torch.exp(0.5 * log_var) * torch.randn(eps.shape, dtype=mu.dtype)


def draw_tanh(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * torch.tanh(eps)


def draw_third(mu, log_var, eps):
    return mu + torch.exp(log_var / 3) * eps


def draw_shared(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps[..., :1]


def draw_one_half_mirrored(mu, log_var, eps):
    sigma = torch.exp(0.5 * log_var)
    return mu + sigma * torch.where(eps > 0.3, eps.abs(), -eps.abs())


def draw_epsilon(mu, log_var, eps):
    return mu + torch.sqrt(torch.exp(log_var) + 1e-8) * eps


def draw_clamped(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var.clamp(-20, 20)) * eps


def draw_detached(mu, log_var, eps):
    return draw_by_hand(mu, log_var, eps).detach()


def draw_no_grad(mu, log_var, eps):
    with torch.no_grad():
        return mu + torch.exp(0.5 * log_var) * eps


def draw_sigma_detached(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var).detach() * eps


def draw_mu_detached(mu, log_var, eps):
    return mu.detach() + torch.exp(0.5 * log_var) * eps


def draw_straight_through(mu, log_var, eps):
    z = draw_by_hand(mu, log_var, eps).detach()
    return z + (mu - mu.detach()) + (log_var - log_var.detach())


def draw_numpy(mu, log_var, eps):
    return torch.from_numpy(mu.numpy() + np.exp(0.5 * log_var.numpy()) * eps.numpy())


def draw_single(mu, log_var, eps):
    return draw_by_hand(mu.float(), log_var.float(), eps.float())


def draw_first(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps.reshape(-1, *mu.shape)[0]


def draw_both(mu, log_var, eps):
    return draw_by_hand(mu, log_var, eps), torch.exp(0.5 * log_var)


def draw_in_place(mu, log_var, eps):
    return eps.mul_(torch.exp(0.5 * log_var)).add_(mu)


def draw_two_arguments(mu, log_var):
    return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)


def draw_misspelt(mu, log_var, eps):
    return mu + sigma * eps  # noqa: F821


RIGHT = [draw_by_hand, draw_root, draw_addcmul, draw_affine, draw_mirrored, draw_loop, draw_matrix]

WRONG = [
    ("own-noise", draw_rsample),
    ("wrong-mean", draw_seeded),
    ("wrong-spread", draw_tanh),
    ("wrong-spread", draw_third),
    ("wrong-spread", draw_shared),
    ("not-mirrored", draw_one_half_mirrored),
    ("extreme-variance", draw_epsilon),
    ("extreme-variance", draw_clamped),
    ("detached", draw_detached),
    ("detached", draw_no_grad),
    ("no-gradient", draw_sigma_detached),
    ("no-gradient", draw_mu_detached),
    ("wrong-gradient", draw_straight_through),
    ("leaves-torch", draw_numpy),
    ("wrong-dtype", draw_single),
    ("wrong-shape", draw_first),
    ("wrong-type", draw_both),
    ("changes-its-input", draw_in_place),
    ("wrong-arguments", draw_two_arguments),
    ("raises", draw_misspelt),
]
