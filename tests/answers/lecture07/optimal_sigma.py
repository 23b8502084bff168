"""Answers to optimal_sigma: right ones, and wrong ones that no known mistake covers."""

import math

import numpy as np
import torch
from torch.nn import functional


def sigma_rms(x, x_hat):
    return ((x - x_hat) ** 2).mean().sqrt()


def sigma_mse_loss(x, x_hat):
    return torch.sqrt(functional.mse_loss(x_hat, x))


def sigma_norm(x, x_hat):
    return (x - x_hat).norm() / x.numel() ** 0.5


def sigma_dist(x, x_hat):
    return torch.dist(x, x_hat) / math.sqrt(x.numel())


def sigma_per_sample_first(x, x_hat):
    per_sample = (x - x_hat).pow(2).flatten(1).mean(1)
    return per_sample.mean() ** 0.5


def sigma_with_bias(x, x_hat):
    residual = x - x_hat
    return torch.sqrt(residual.var(correction=0) + residual.mean() ** 2)


def sigma_median(x, x_hat):
    return 1.4826 * (x - x_hat).abs().median()


def sigma_negative(x, x_hat):
    return -sigma_rms(x, x_hat)


def sigma_floor(x, x_hat):
    return (functional.mse_loss(x_hat, x) + 1e-8).sqrt()


def sigma_expanded(x, x_hat):
    return (x**2 - 2 * x * x_hat + x_hat**2).mean().abs().sqrt()


def sigma_detached(x, x_hat):
    return sigma_rms(x, x_hat.detach())


def sigma_half_detached(x, x_hat):
    return ((x - x_hat) * (x - x_hat.detach())).mean().sqrt()


def sigma_item(x, x_hat):
    return sigma_rms(x, x_hat).item()


def sigma_numpy(x, x_hat):
    return np.sqrt(np.mean((x.numpy() - x_hat.numpy()) ** 2))


def sigma_math(x, x_hat):
    return math.sqrt(functional.mse_loss(x_hat, x))


def sigma_single(x, x_hat):
    return sigma_rms(x.float(), x_hat.float())


def sigma_keepdim(x, x_hat):
    return sigma_rms(x, x_hat).reshape(1)


def sigma_in_place(x, x_hat):
    x_hat -= x
    return x_hat.square().mean().sqrt()


RIGHT = [
    sigma_rms,
    sigma_mse_loss,
    sigma_norm,
    sigma_dist,
    sigma_per_sample_first,
    sigma_with_bias,
]

WRONG = [
    ("not-the-best", sigma_median),
    ("not-positive", sigma_negative),
    ("floor", sigma_floor),
    ("cancellation", sigma_expanded),
    ("no-gradient", sigma_detached),
    ("wrong-gradient", sigma_half_detached),
    ("no-gradient", sigma_item),
    ("leaves-torch", sigma_numpy),
    ("no-gradient", sigma_math),
    ("wrong-dtype", sigma_single),
    ("wrong-shape", sigma_keepdim),
    ("changes-its-input", sigma_in_place),
]
