"""Answers to 02.em_step."""

import math

import numpy as np
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal


def by_the_formulas(x, log_weights, means, sigmas):
    square = ((x[:, None] - means) ** 2).sum(-1)
    log_joint = log_weights - square / (2 * sigmas**2) - x.shape[1] * sigmas.log()
    r = torch.exp(log_joint - torch.logsumexp(log_joint, dim=1, keepdim=True))
    n = r.sum(0)
    new_means = r.T @ x / n[:, None]
    square = ((x[:, None] - new_means) ** 2).sum(-1)
    return torch.log(n / len(x)), new_means, torch.sqrt((r * square).sum(0) / n / x.shape[1])


def with_the_library(x, log_weights, means, sigmas):
    normal = Independent(Normal(means, sigmas[:, None].expand_as(means)), 1)
    mixture = MixtureSameFamily(Categorical(logits=log_weights), normal)
    joint = normal.log_prob(x[:, None]) + log_weights
    r = (joint - mixture.log_prob(x)[:, None]).exp()
    new_means = torch.einsum("nm,nd->md", r, x) / r.sum(0)[:, None]
    variances = torch.einsum("nm,nmd->md", r, (x[:, None] - new_means) ** 2) / r.sum(0)[:, None]
    return r.mean(0).log(), new_means, variances.mean(1).sqrt()


def component_by_component(x, log_weights, means, sigmas):
    logs = []
    for log_weight, mean, sigma in zip(log_weights, means, sigmas, strict=True):
        exponent = -((x - mean) / sigma).pow(2).sum(1) / 2
        logs.append(log_weight + exponent - x.shape[1] * torch.log(sigma * math.sqrt(2 * math.pi)))
    logs = torch.stack(logs, 1)
    r = torch.softmax(logs, 1)
    new = [], [], []
    for m in range(len(means)):
        share = r[:, m] / r[:, m].sum()
        centre = (share[:, None] * x).sum(0)
        new[0].append(r[:, m].mean().log())
        new[1].append(centre)
        new[2].append(torch.sqrt((share * (x - centre).pow(2).mean(1)).sum()))
    return tuple(torch.stack(values) for values in new)


def largest_subtracted(x, log_weights, means, sigmas):
    logs = log_weights - torch.cdist(x, means, compute_mode="donot_use_mm_for_euclid_dist") ** 2 / (
        2 * sigmas**2
    )
    logs = logs - x.shape[1] * sigmas.log()
    r = (logs - logs.max(1, keepdim=True).values).exp()
    r = r / r.sum(1, keepdim=True)
    count = r.sum(0)
    new_means = (r.T @ x) / count.unsqueeze(1)
    spread = torch.stack([(x - mean).square().sum(1) for mean in new_means], 1)
    new_sigmas = ((r * spread).sum(0) / (count * x.shape[1])).sqrt()
    return count.log() - math.log(x.shape[0]), new_means, new_sigmas


def moments(x, log_weights, means, sigmas):
    new_log_weights, new_means, _ = by_the_formulas(x, log_weights, means, sigmas)
    square = ((x[:, None] - means) ** 2).sum(-1)
    r = torch.softmax(log_weights - square / (2 * sigmas**2) - x.shape[1] * sigmas.log(), 1)
    second = (r.T @ x.square().sum(1)) / r.sum(0) - new_means.square().sum(1)
    return new_log_weights, new_means, (second.clamp(min=0) / x.shape[1]).sqrt()


def floored(x, log_weights, means, sigmas):
    new_log_weights, new_means, new_sigmas = by_the_formulas(x, log_weights, means, sigmas)
    return new_log_weights, new_means, new_sigmas.clamp(min=0.1)


def density_with_floor(x, log_weights, means, sigmas):
    square = ((x[:, None] - means) ** 2).sum(-1)
    joint = log_weights.exp() * torch.exp(-square / (2 * sigmas**2)) / sigmas ** x.shape[1]
    r = joint / (joint.sum(1, keepdim=True) + 1e-20)
    n = r.sum(0)
    new_means = r.T @ x / n[:, None]
    square = ((x[:, None] - new_means) ** 2).sum(-1)
    return torch.log(n / len(x)), new_means, torch.sqrt((r * square).sum(0) / n / x.shape[1])


def tempered(x, log_weights, means, sigmas):
    square = ((x[:, None] - means) ** 2).sum(-1)
    logs = log_weights - square / (2 * sigmas**2) - x.shape[1] * sigmas.log()
    r = torch.softmax(1.2 * logs, 1)
    n = r.sum(0)
    new_means = r.T @ x / n[:, None]
    square = ((x[:, None] - new_means) ** 2).sum(-1)
    return torch.log(n / len(x)), new_means, torch.sqrt((r * square).sum(0) / n / x.shape[1])


def unbiased(x, log_weights, means, sigmas):
    new_log_weights, new_means, new_sigmas = by_the_formulas(x, log_weights, means, sigmas)
    n = new_log_weights.exp() * len(x)
    return new_log_weights, new_means, new_sigmas * (n / (n - 1)).sqrt()


def medians(x, log_weights, means, sigmas):
    new_log_weights, _, new_sigmas = by_the_formulas(x, log_weights, means, sigmas)
    square = ((x[:, None] - means) ** 2).sum(-1)
    r = torch.softmax(log_weights - square / (2 * sigmas**2) - x.shape[1] * sigmas.log(), 1)
    order = r.sort(0, descending=True).indices[: len(x) // 2]
    return new_log_weights, x[order].median(0).values, new_sigmas


def in_place(x, log_weights, means, sigmas):
    new = by_the_formulas(x, log_weights, means, sigmas)
    means.copy_(new[1])
    return new[0], means, new[2]


def two_values(x, log_weights, means, sigmas):
    return by_the_formulas(x, log_weights, means, sigmas)[:2]


def sigma_per_dimension(x, log_weights, means, sigmas):
    new_log_weights, new_means, new_sigmas = by_the_formulas(x, log_weights, means, sigmas)
    return new_log_weights, new_means, new_sigmas[:, None].expand_as(means).clone()


def numpy_float64(x, log_weights, means, sigmas):
    x, log_weights, means, sigmas = (
        t.numpy().astype(float) for t in (x, log_weights, means, sigmas)
    )
    square = ((x[:, None] - means) ** 2).sum(-1)
    logs = log_weights - square / (2 * sigmas**2) - x.shape[1] * np.log(sigmas)
    r = np.exp(logs - logs.max(1, keepdims=True))
    r = r / r.sum(1, keepdims=True)
    n = r.sum(0)
    new_means = r.T @ x / n[:, None]
    square = ((x[:, None] - new_means) ** 2).sum(-1)
    return np.log(n / len(x)), new_means, np.sqrt((r * square).sum(0) / n / x.shape[1])


RIGHT = [
    by_the_formulas,
    with_the_library,
    component_by_component,
    largest_subtracted,
    numpy_float64,
]

WRONG = [
    ("cancellation", moments),
    ("wrong-sigmas", floored),
    ("n-minus-one", unbiased),
    ("wrong-means", medians),
    ("weights-not-normalised", density_with_floor),
    ("wrong-weights", tempered),
    ("changes-its-input", in_place),
    ("wrong-type", two_values),
    ("wrong-shape", sigma_per_dimension),
]
