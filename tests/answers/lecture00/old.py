"""Answers to the warm-up of lecture 00."""

import math

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


def default_std(x):
    return torch.mean(x), torch.std(x)


def by_hand_n_minus_one(x):
    mean = x.mean()
    return mean, (((x - mean) ** 2).sum() / (len(x) - 1)).sqrt()


def no_root(x):
    mean = x.mean()
    return mean, ((x - mean) ** 2).mean()


def wrong_order(x):
    mean = x.mean()
    return ((x - mean) ** 2).mean().sqrt(), mean


def no_centre(x):
    return x.mean(), (x**2).mean().sqrt()


def absolute(x):
    return x.mean(), (x - x.mean()).abs().mean()


def error_of_mean(x):
    return x.mean(), x.std(correction=0) / math.sqrt(len(x))


def norm_only(x):
    return x.mean(), (x - x.mean()).norm()


def sum_only(x):
    return x.sum(), x.std(correction=0)


def squares(x):
    return x.mean(), ((x**2).mean() - x.mean() ** 2) ** 0.5


def squares_clamped(x):
    return x.mean(), ((x**2).mean() - x.mean() ** 2).clamp(min=0).sqrt()


def median(x):
    return x.median(), x.std(correction=0)


def floats(x):
    return x.mean().item(), x.std(correction=0).item()


def only_mean(x):
    return x.mean()


def single_precision(x):
    return x.float().mean(), x.float().std(correction=0)


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


ALTERNATIVES = {
    "00.mean_and_std": [with_torch, with_var_mean, with_norm, with_loop, as_list],
}

MUTANTS = {
    "00.mean_and_std": [
        ("n-minus-one", default_std),
        ("n-minus-one", by_hand_n_minus_one),
        ("variance", no_root),
        ("swapped", wrong_order),
        ("around-zero", no_centre),
        ("mean-absolute", absolute),
        ("standard-error", error_of_mean),
        ("sum-not-mean", norm_only),
        ("sum-for-mean", sum_only),
        ("cancellation", squares),
        ("cancellation", squares_clamped),
        ("wrong-mean", median),
        ("wrong-type", floats),
        ("wrong-type", only_mean),
        ("wrong-dtype", single_precision),
        ("wrong-shape", keepdim),
        ("changes-its-input", in_place),
        ("raises", misspelt),
        ("wrong-arguments", two_arguments),
    ],
}
