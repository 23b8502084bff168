"""Answers to negative_elbo: right ones, and wrong ones that no known mistake covers."""

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional


def _bce(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return loss.flatten(1).sum(1)


def _gaussian_kl(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def elbo_of_parts(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var)).mean()


def elbo_reductions(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    return (bce + kl) / x.shape[0]


def elbo_library(x, logits, mu, log_var):
    q, prior = Normal(mu, torch.exp(log_var / 2)), Normal(0.0, 1.0)
    log_likelihood = Bernoulli(logits=logits).log_prob(x).flatten(1).sum(-1)
    return -(log_likelihood - kl_divergence(q, prior).sum(-1)).mean()


def elbo_by_hand(x, logits, mu, log_var):
    log_p = (x * logits - functional.softplus(logits)).sum(dim=list(range(1, x.ndim)))
    kl = 0.5 * (mu.square() + torch.expm1(log_var) - log_var).sum(dim=-1)
    return torch.mean(kl - log_p)


def elbo_loop(x, logits, mu, log_var):
    total = 0.0
    for i in range(len(x)):
        log_p = functional.logsigmoid(torch.where(x[i] == 1, logits[i], -logits[i]))
        total = total - log_p.sum() + _gaussian_kl(mu[i : i + 1], log_var[i : i + 1])[0]
    return total / len(x)


def elbo_scaled_means(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x) * x[0].numel()
    return bce + mu.shape[1] * (mu**2 + log_var.exp() - 1 - log_var).mean() / 2


def elbo_small_number(x, logits, mu, log_var):
    p = torch.sigmoid(logits)
    log_p = x * torch.log(p + 1e-10) + (1 - x) * torch.log(1 - p + 1e-10)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_logits_clamped(x, logits, mu, log_var):
    return elbo_of_parts(x, logits.clamp(-30, 30), mu, log_var)


def elbo_scaled_logits(x, logits, mu, log_var):
    return elbo_of_parts(x, 1.1 * logits, mu, log_var)


def elbo_beta(x, logits, mu, log_var):
    return (_bce(x, logits) + 4 * _gaussian_kl(mu, log_var)).mean()


def elbo_log_var_clamped(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var.clamp(-20, 20))


def elbo_variance_floor(x, logits, mu, log_var):
    var = log_var.exp() + 1e-6
    return (_bce(x, logits) + 0.5 * (mu**2 + var - 1 - var.log()).sum(1)).mean()


def elbo_of_numbers(x, logits, mu, log_var):
    return torch.tensor(elbo_of_parts(x, logits, mu, log_var).item(), dtype=x.dtype)


def elbo_kl_detached(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var).detach()).mean()


def elbo_variance_detached(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var.detach())).mean()


def elbo_half_detached(x, logits, mu, log_var):
    kl = 0.5 * (mu**2 + log_var.exp().detach() - 1 - log_var).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_where(x, logits, mu, log_var):
    naive = torch.log(1 + torch.exp(logits))
    log_p = x * logits - torch.where(logits > 20, logits, naive)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_item(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var).item()


def elbo_two_values(x, logits, mu, log_var):
    return _bce(x, logits).mean(), _gaussian_kl(mu, log_var).mean()


def elbo_drawn_kl(x, logits, mu, log_var):
    eps = torch.randn_like(mu)
    log_ratio = (z_of(mu, log_var, eps) ** 2 - eps**2 - log_var).sum(1) / 2
    return (_bce(x, logits) + log_ratio).mean()


def z_of(mu, log_var, eps):
    return mu + (log_var / 2).exp() * eps


def elbo_single(x, logits, mu, log_var):
    return elbo_of_parts(x.float(), logits.float(), mu.float(), log_var.float())


def elbo_with_axis(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var)[None]


def elbo_in_place(x, logits, mu, log_var):
    kl = 0.5 * (mu.pow_(2) + log_var.exp() - 1 - log_var).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_flat_only(x, logits, mu, log_var):
    size, pixels = x.shape
    bce = functional.binary_cross_entropy_with_logits(logits, x) * pixels
    return bce + _gaussian_kl(mu, log_var).sum() / size


def elbo_half_squares(x, logits, mu, log_var):
    squares = (x - logits.sigmoid()).square().flatten(1).sum(1) / 2
    return (squares + _gaussian_kl(mu, log_var)).mean()


RIGHT = [
    elbo_of_parts,
    elbo_reductions,
    elbo_library,
    elbo_by_hand,
    elbo_loop,
    elbo_scaled_means,
]

WRONG = [
    ("clamped", elbo_small_number),
    ("clamped", elbo_logits_clamped),
    ("wrong-reconstruction", elbo_scaled_logits),
    ("wrong-kl", elbo_beta),
    ("variance-clamped", elbo_log_var_clamped),
    ("variance-clamped", elbo_variance_floor),
    ("no-gradient", elbo_of_numbers),
    ("no-gradient", elbo_kl_detached),
    ("no-gradient", elbo_variance_detached),
    ("wrong-gradient", elbo_half_detached),
    ("gradient-not-finite", elbo_where),
    ("no-gradient", elbo_item),
    ("own-noise", elbo_drawn_kl),
    ("wrong-type", elbo_two_values),
    ("wrong-dtype", elbo_single),
    ("wrong-shape", elbo_with_axis),
    ("changes-its-input", elbo_in_place),
    ("raises", elbo_flat_only),
    ("wrong-reconstruction", elbo_half_squares),
]
