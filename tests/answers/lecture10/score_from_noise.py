"""Answers to 10.score_from_noise."""

import torch


def axes(numbers, x):
    return numbers.view(-1, *[1] * (x.dim() - 1))


def divided(eps_hat, alpha_bar):
    return -eps_hat / torch.sqrt(1 - axes(alpha_bar, eps_hat))


def by_rsqrt(eps_hat, alpha_bar):
    return torch.einsum("b,b...->b...", -torch.rsqrt(1 - alpha_bar), eps_hat)


def in_a_loop(eps_hat, alpha_bar):
    pairs = zip(eps_hat, alpha_bar, strict=True)
    return torch.stack([-eps / (1 - a) ** 0.5 for eps, a in pairs])


def by_variance(eps_hat, alpha_bar):
    variance = 1 - axes(alpha_bar, eps_hat)
    return -(variance.sqrt() * eps_hat) / variance


def safe(eps_hat, alpha_bar):
    return -eps_hat / (torch.sqrt(1 - axes(alpha_bar, eps_hat)) + 1e-5)


def detached(eps_hat, alpha_bar):
    return divided(eps_hat.detach(), alpha_bar)


def in_place(eps_hat, alpha_bar):
    eps_hat /= -torch.sqrt(1 - axes(alpha_bar, eps_hat))
    return eps_hat


def half(eps_hat, alpha_bar):
    return divided(eps_hat, alpha_bar) / 2


def summed(eps_hat, alpha_bar):
    return divided(eps_hat, alpha_bar).flatten(1).sum(1)


RIGHT = [divided, by_rsqrt, in_a_loop, by_variance]
WRONG = [
    ("faint-noise", safe),
    ("no-gradient", detached),
    ("changes-its-input", in_place),
    ("wrong-score", half),
    ("wrong-shape", summed),
]
