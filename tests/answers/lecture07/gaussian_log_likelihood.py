"""Answers to gaussian_log_likelihood: right ones, and wrong ones that no known mistake covers."""

import math

import numpy as np
import torch
from torch.distributions import Independent, Normal
from torch.nn import functional


def gaussian_by_the_formula(x, mean, sigma):
    size = x[0].numel()
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - size / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_library(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).flatten(1).sum(1)


def gaussian_independent(x, mean, sigma):
    spread = torch.full_like(mean, sigma)
    return Independent(Normal(mean, spread), x.ndim - 1).log_prob(x)


def gaussian_each_element(x, mean, sigma):
    z = (x - mean) / sigma
    elements = -0.5 * (z**2 + math.log(2 * math.pi) + 2 * math.log(sigma))
    return elements.reshape(x.shape[0], -1).sum(dim=1)


def gaussian_float_constant(x, mean, sigma):
    variance = torch.tensor(sigma) ** 2  # float32, whatever x is
    two_pi = torch.tensor(2 * torch.pi)
    each = functional.mse_loss(mean, x, reduction="none") / variance + torch.log(two_pi * variance)
    return -0.5 * torch.sum(each, dim=tuple(range(1, x.ndim)))


def gaussian_loop(x, mean, sigma):
    rows = [torch.linalg.vector_norm(a - b) ** 2 for a, b in zip(x, mean, strict=True)]
    size = x.numel() // len(x)
    return -torch.stack(rows) / (2 * sigma**2) - size * np.log(sigma * np.sqrt(2 * np.pi))


def gaussian_floor(x, mean, sigma):
    density = torch.exp(Normal(mean, sigma).log_prob(x))
    return torch.log(density + 1e-30).flatten(1).sum(1)


def gaussian_cubed(x, mean, sigma):
    return gaussian_library(x, mean, sigma) - (x - mean).abs().pow(3).flatten(1).sum(1)


def gaussian_sigma_floor(x, mean, sigma):
    return gaussian_library(x, mean, max(sigma, 0.1))


def gaussian_off_by_one(x, mean, sigma):
    return gaussian_library(x, mean, sigma) + 1


def gaussian_expanded(x, mean, sigma):
    squares = (x**2 - 2 * x * mean + mean**2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_of_numbers(x, mean, sigma):
    return torch.tensor(gaussian_library(x, mean, sigma).tolist(), dtype=x.dtype)


def gaussian_detached(x, mean, sigma):
    return gaussian_library(x, mean.detach(), sigma)


def gaussian_half_detached(x, mean, sigma):
    squares = ((x - mean) * (x - mean.detach())).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_torch_log(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() * torch.log(sigma)


def gaussian_single(x, mean, sigma):
    return gaussian_library(x.float(), mean.float(), sigma)


def gaussian_keepdim(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).flatten(1).sum(1, keepdim=True)


def gaussian_in_place(x, mean, sigma):
    x -= mean
    return gaussian_library(x, torch.zeros_like(x), sigma)


def gaussian_as_numpy(x, mean, sigma):
    return gaussian_library(x, mean, sigma).detach().numpy()


RIGHT = [
    gaussian_by_the_formula,
    gaussian_library,
    gaussian_independent,
    gaussian_each_element,
    gaussian_float_constant,
    gaussian_loop,
]

WRONG = [
    ("log-of-density", gaussian_floor),
    ("wrong-width", gaussian_cubed),
    ("wrong-width", gaussian_sigma_floor),
    ("wrong-height", gaussian_off_by_one),
    ("cancellation", gaussian_expanded),
    ("no-gradient", gaussian_of_numbers),
    ("no-gradient", gaussian_detached),
    ("wrong-gradient", gaussian_half_detached),
    ("raises", gaussian_torch_log),
    ("wrong-dtype", gaussian_single),
    ("wrong-shape", gaussian_keepdim),
    ("changes-its-input", gaussian_in_place),
    ("no-gradient", gaussian_as_numpy),
]
