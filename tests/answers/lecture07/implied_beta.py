"""Answers to implied_beta: right ones, and wrong ones that no known mistake covers."""

import math

import torch


def beta_formula(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dim * sigma**2)


def beta_steps(kl_weight, data_dim, latent_dim, sigma):
    pixel_weight = 1 / data_dim
    latent_weight = kl_weight / latent_dim
    wanted_pixel_weight = 1 / (2 * sigma**2)
    return latent_weight * wanted_pixel_weight / pixel_weight


def beta_probed(kl_weight, data_dim, latent_dim, sigma):
    def loss(square_sum, kl_sum):
        return square_sum / data_dim + kl_weight * kl_sum / latent_dim

    return loss(0, 1) / loss(1, 0) / (2 * sigma * sigma)


def beta_with_torch(kl_weight, data_dim, latent_dim, sigma):
    ratio = torch.tensor(data_dim / latent_dim) / (2 * torch.tensor(sigma) ** 2)
    return (kl_weight * ratio).item()


def beta_logs(kl_weight, data_dim, latent_dim, sigma):
    logs = math.log(kl_weight) + math.log(data_dim) - math.log(latent_dim) - 2 * math.log(sigma)
    return 0.5 * math.exp(logs)


def beta_of_a_mean(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * (data_dim + latent_dim) / (2 * latent_dim * sigma**2)


def beta_rounded(kl_weight, data_dim, latent_dim, sigma):
    return round(beta_formula(kl_weight, data_dim, latent_dim, sigma), 3)


def beta_negative(kl_weight, data_dim, latent_dim, sigma):
    return -kl_weight * data_dim / (2 * latent_dim * sigma**2)


def beta_tensor(kl_weight, data_dim, latent_dim, sigma):
    return torch.tensor(beta_formula(kl_weight, data_dim, latent_dim, sigma))


def beta_pair(kl_weight, data_dim, latent_dim, sigma):
    return 1 / (2 * sigma**2), beta_formula(kl_weight, data_dim, latent_dim, sigma)


def beta_text(kl_weight, data_dim, latent_dim, sigma):
    return f"{beta_formula(kl_weight, data_dim, latent_dim, sigma):.3f}"


def beta_misspelt(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dims * sigma**2)  # noqa: F821


def beta_three_arguments(kl_weight, data_dim, latent_dim):
    return kl_weight * data_dim / (2 * latent_dim)


RIGHT = [beta_formula, beta_steps, beta_probed, beta_with_torch, beta_logs, beta_tensor]

WRONG = [
    ("not-proportional", beta_of_a_mean),
    ("not-proportional", beta_rounded),
    ("not-positive", beta_negative),
    ("wrong-type", beta_pair),
    ("wrong-type", beta_text),
    ("raises", beta_misspelt),
    ("wrong-arguments", beta_three_arguments),
]
