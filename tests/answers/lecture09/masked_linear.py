"""Answers to 09.masked_linear."""

import torch
from torch.nn import functional as F


def by_tril(x, weight, bias):
    return F.linear(x, torch.tril(weight, diagonal=-1), bias)


def by_mask(x, weight, bias):
    place = torch.arange(len(bias))
    mask = place[:, None] > place[None, :]
    return (x[:, None, :] * (weight * mask)).sum(-1) + bias


def by_where(x, weight, bias):
    mask = torch.ones_like(weight).triu().bool()
    return torch.einsum("bk,dk->bd", x, weight.masked_fill(mask, 0.0)) + bias


def in_a_loop(x, weight, bias):
    return torch.stack([x[:, :d] @ weight[d, :d] + bias[d] for d in range(len(bias))], 1)


def by_addmm(x, weight, bias):
    return torch.addmm(bias, x, weight.T.triu(1))


def weight_zeroed(x, weight, bias):
    weight[torch.triu(torch.ones_like(weight)).bool()] = 0
    return F.linear(x, weight, bias)


def detached_mask(x, weight, bias):
    return F.linear(x, torch.tril(weight.detach(), -1), bias)


def numbers_of_numpy(x, weight, bias):
    import numpy as np

    return torch.from_numpy(x.numpy() @ np.tril(weight.numpy(), -1).T + bias.numpy())


def one_number_per_image(x, weight, bias):
    return F.linear(x, torch.tril(weight, -1), bias).sum(1)


def forgets_the_batch(x, weight, bias):
    return torch.tril(weight, -1) @ x[0] + bias


def by_the_second_half(x, weight, bias):
    """Right but for long rows."""
    weight = torch.tril(weight, -1)
    weight = torch.where(torch.arange(len(bias)) < 100, weight, torch.zeros_like(weight))
    return F.linear(x, weight, bias)


RIGHT = [by_tril, by_mask, by_where, in_a_loop, by_addmm]
WRONG = [
    ("changes-its-input", weight_zeroed),
    ("no-gradient", detached_mask),
    ("leaves-torch", numbers_of_numpy),
    ("wrong-shape", one_number_per_image),
    ("wrong-shape", forgets_the_batch),
    ("wrong-weight", by_the_second_half),
]
