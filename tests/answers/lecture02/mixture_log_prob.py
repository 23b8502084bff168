"""Answers to 02.mixture_log_prob."""

import math

import torch
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)


def density(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x).exp()


def _components(x, means, sigmas):
    squared = ((x[:, None, :] - means[None, :, :]) ** 2).sum(-1)
    d = x.shape[1]
    return -squared / (2 * sigmas**2) - d * torch.log(sigmas) - d / 2 * math.log(2 * math.pi)


def mix_by_hand(x, log_weights, means, sigmas):
    return torch.logsumexp(log_weights + _components(x, means, sigmas), dim=1)


def mix_from_the_library(x, log_weights, means, sigmas):
    components = Independent(Normal(means, sigmas[:, None].expand_as(means)), 1)
    return MixtureSameFamily(Categorical(logits=log_weights), components).log_prob(x)


def mix_with_normal(x, log_weights, means, sigmas):
    logs = Normal(means, sigmas[:, None]).log_prob(x[:, None]).sum(-1)
    return (logs + log_weights[None]).logsumexp(-1)


def mix_by_largest(x, log_weights, means, sigmas):
    logs = log_weights + _components(x, means, sigmas)
    largest = logs.max(dim=1, keepdim=True).values
    return largest.squeeze(1) + (logs - largest).exp().sum(1).log()


def mix_one_after_the_other(x, log_weights, means, sigmas):
    total = None
    for log_weight, mean, sigma in zip(log_weights, means, sigmas, strict=True):
        cov = sigma**2 * torch.eye(len(mean), dtype=x.dtype)
        term = log_weight + MultivariateNormal(mean, cov).log_prob(x)
        total = term if total is None else torch.logaddexp(total, term)
    return total


def mix_float_constant(x, log_weights, means, sigmas):
    squared = torch.cdist(x, means) ** 2
    variance = sigmas.square()
    norm = x.shape[1] / 2 * torch.log(torch.tensor(2 * torch.pi) * variance)
    return torch.logsumexp(log_weights - squared / (2 * variance) - norm, 1)


def mix_times_log_weights(x, log_weights, means, sigmas):
    return torch.log((log_weights * _components(x, means, sigmas).exp()).sum(1))


def mix_underflow(x, log_weights, means, sigmas):
    return torch.log((log_weights.exp() * _components(x, means, sigmas).exp()).sum(1))


def mix_floor(x, log_weights, means, sigmas):
    density = (log_weights.exp() * _components(x, means, sigmas).exp()).sum(1)
    return torch.log(density + 1e-30)


def mix_clamped(x, log_weights, means, sigmas):
    logs = log_weights + _components(x, means, sigmas)
    return torch.logsumexp(logs.clamp(min=-80), 1)


def mix_summed(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).sum()


def mix_first_sigma(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas[:1].expand_as(sigmas))


def mix_without_graph(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).detach()


def mix_fixed_weights(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights.detach(), means, sigmas)


def mix_half_detached(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) * (x.detach()[:, None] - means)).sum(-1)
    logs = -squared / (2 * sigmas**2) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_where(x, log_weights, means, sigmas):
    naive = mix_underflow(x, log_weights, means, sigmas)
    return torch.where(naive.isinf(), mix_by_hand(x, log_weights, means, sigmas), naive)


def mix_always_single(x, log_weights, means, sigmas):
    return mix_by_hand(x.float(), log_weights.float(), means.float(), sigmas.float())


def mix_numpy(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).numpy()


def mix_in_place(x, log_weights, means, sigmas):
    sigmas.pow_(2)
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas)
    return torch.logsumexp(log_weights + logs, 1)


def mix_not_broadcast(x, log_weights, means, sigmas):
    return torch.logsumexp(log_weights - ((x - means) ** 2).sum(-1) / (2 * sigmas**2), 0)


def mix_expanded(x, log_weights, means, sigmas):
    centre = x.mean(0) + 50  # makes the cancellation plain
    x, means = x - centre, means - centre
    squared = x.square().sum(1)[:, None] - 2 * x @ means.T + means.square().sum(1)
    norm = x.shape[1] / 2 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights - squared / (2 * sigmas**2) - norm, 1)


def mix_zero_gradient(x, log_weights, means, sigmas):
    value = mix_by_hand(x, log_weights, means, sigmas).detach()
    return value + 0 * (x.sum() + log_weights.sum() + means.sum() + sigmas.sum())


def mix_by_roots(x, log_weights, means, sigmas):
    distances = (x[:, None] - means).square().sum(2).sqrt()
    logs = -((distances / sigmas) ** 2) / 2 - x.shape[1] * (2 * math.pi * sigmas**2).log() / 2
    return torch.logsumexp(log_weights + logs, 1)


def mix_by_norms(x, log_weights, means, sigmas):
    distances = torch.linalg.vector_norm(x[:, None] - means, dim=2)
    logs = -((distances / sigmas) ** 2) / 2 - x.shape[1] * (2 * math.pi * sigmas**2).log() / 2
    return torch.logsumexp(log_weights + logs, 1)


def schoolbook_pi(x, log_weights, means, sigmas):
    squares = (x[:, None] - means).square().sum(-1) / sigmas**2
    height = means.shape[1] * (sigmas.log() + 0.5 * math.log(2 * 3.14))
    return (log_weights - height - squares / 2).logsumexp(1)


RIGHT = [
    mix_by_norms,
    mix_by_hand,
    mix_from_the_library,
    mix_with_normal,
    mix_by_largest,
    mix_one_after_the_other,
    mix_float_constant,
]

WRONG = [
    ("rounded-pi", schoolbook_pi),
    ("root-of-zero", mix_by_roots),
    ("weights-not-log", mix_times_log_weights),
    ("underflow", mix_floor),
    ("underflow", mix_clamped),
    ("narrow-components", mix_expanded),
    ("reduced-over-batch", mix_summed),
    ("wrong-density", mix_first_sigma),
    ("no-gradient", mix_without_graph),
    ("no-gradient", mix_fixed_weights),
    ("wrong-gradient", mix_half_detached),
    ("wrong-gradient", mix_zero_gradient),
    ("gradient-not-finite", mix_where),
    ("wrong-dtype", mix_always_single),
    ("leaves-torch", mix_numpy),
    ("changes-its-input", mix_in_place),
    ("raises", mix_not_broadcast),
]
