"""Answers to 00.mean_and_std."""

import math

import numpy as np
import torch


def with_torch(x):
    return x.mean(), x.std(correction=0)


def with_var_mean(x):
    var, mean = torch.var_mean(x, correction=0)
    return mean, var.sqrt()


def with_norm(x):
    mean = x.sum() / x.numel()
    return mean, torch.linalg.vector_norm(x - mean) / math.sqrt(x.numel())


def with_loop(x):
    mean = sum(x) / len(x)
    return mean, (sum((xi - mean) ** 2 for xi in x) / len(x)) ** 0.5


def as_list(x):
    return [torch.mean(x), torch.sqrt(torch.mean((x - torch.mean(x)) ** 2))]


def squares_clamped(x):
    return x.mean(), ((x**2).mean() - x.mean() ** 2).clamp(min=0).sqrt()


def median(x):
    return x.median(), x.std(correction=0)


def spread_from_quartiles(x):
    low, high = x.quantile(torch.tensor([0.25, 0.75], dtype=x.dtype))
    return x.mean(), (high - low) / 1.349


def one_for_one_number(x):
    return x.mean(), x.std(correction=0) if len(x) > 1 else torch.ones_like(x[0])


def only_mean(x):
    return x.mean()


def half_precision(x):
    return x.half().mean(), x.half().std(correction=0)


def keepdim(x):
    return x.mean(0, keepdim=True), x.std(0, correction=0, keepdim=True)


def in_place(x):
    mean = x.mean()
    x -= mean
    return mean, x.square().mean().sqrt()


def misspelt(x):
    return x.mean(), x.standard_deviation()


def two_arguments(x, n):
    return x.sum() / n, x.std(correction=0)


def with_numpy(x):
    return np.mean(x.numpy()), np.std(x.numpy())


def with_floats(x):
    values = x.tolist()
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((v - mean) ** 2 for v in values) / len(values))


RIGHT = [
    with_torch,
    with_var_mean,
    with_norm,
    with_loop,
    as_list,
    with_numpy,
    with_floats,
]

WRONG = [
    ("cancellation", squares_clamped),
    ("wrong-mean", median),
    ("wrong-deviation", spread_from_quartiles),
    ("one-number", one_for_one_number),
    ("wrong-type", only_mean),
    ("wrong-dtype", half_precision),
    ("wrong-shape", keepdim),
    ("changes-its-input", in_place),
    ("raises", misspelt),
    ("wrong-arguments", two_arguments),
]
