"""Answers to 10.ddpm_step."""

import math

import torch


def schedule(t, betas):
    """beta_t, alpha_t, alpha_bar_t, alpha_bar_{t-1}"""
    bars = torch.cumprod(1 - betas, 0)
    before = bars[t - 1] if t > 0 else torch.ones_like(bars[0])
    return betas[t], 1 - betas[t], bars[t], before


def posterior_sigma(t, betas):
    beta, _, bar, before = schedule(t, betas)
    return (beta * (1 - before) / (1 - bar)).sqrt()


def as_in_the_paper(x_t, t, eps_hat, betas, noise):
    beta, alpha, bar, _ = schedule(t, betas)
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) / alpha.sqrt()
    if t == 0:
        return mean
    return mean + posterior_sigma(t, betas) * noise


def without_if(x_t, t, eps_hat, betas, noise):
    bars = torch.cat([torch.ones(1), torch.cumprod(1 - betas, 0)])
    beta, before, bar = betas[t], bars[t], bars[t + 1]
    mean = (x_t - beta * eps_hat / torch.sqrt(1 - bar)) / torch.sqrt(1 - beta)
    return mean + torch.sqrt(beta * (1 - before) / (1 - bar)) * noise


def through_x0(x_t, t, eps_hat, betas, noise):
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(bar)
    mean = before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * x_t
    return mean / (1 - bar) + posterior_sigma(t, betas) * noise


def by_precisions(x_t, t, eps_hat, betas, noise):
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    if t == 0:
        return x0
    precision = alpha / beta + 1 / (1 - before)
    mean = (alpha.sqrt() / beta * x_t + before.sqrt() / (1 - before) * x0) / precision
    return mean + noise / precision.sqrt()


def by_precisions_everywhere(x_t, t, eps_hat, betas, noise):
    """Bayes by hand, from the first step to the last: nan at t = 0."""
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    variance = 1 / (alpha / beta + (1 - before) ** -1)
    mean = variance * (x_t * alpha.sqrt() / beta + x0 * before.sqrt() / (1 - before))
    return mean + variance.sqrt() * noise


def ddim_with_eta_one(x_t, t, eps_hat, betas, noise):
    _, _, bar, before = schedule(t, betas)
    sigma = posterior_sigma(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    direction = (1 - before - sigma**2).clamp(min=0).sqrt() * eps_hat
    return before.sqrt() * x0 + direction + sigma * noise


def in_a_loop(x_t, t, eps_hat, betas, noise):
    bar, before = 1.0, 1.0
    for beta in betas[: t + 1].tolist():
        before, bar = bar, bar * (1 - beta)
    beta = float(betas[t])
    mean = (x_t - beta / math.sqrt(1 - bar) * eps_hat) / math.sqrt(1 - beta)
    return mean + math.sqrt(beta * (1 - before) / (1 - bar)) * noise


def own_noise(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t, eps_hat, betas, torch.randn_like(x_t))


def biased(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t, eps_hat, betas, noise) + 0.1 * (t > 0) * eps_hat.square()


def wide(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t, eps_hat, betas, 1.1 * noise)


def shy_end(x_t, t, eps_hat, betas, noise):
    if t == 0:
        return x_t
    return as_in_the_paper(x_t, t, eps_hat, betas, noise)


def silent_start(x_t, t, eps_hat, betas, noise):
    """Wrong at the last index only."""
    return as_in_the_paper(x_t, t, eps_hat, betas, noise * (len(betas) < 2 or t < len(betas) - 1))


def absolute_noise(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t, eps_hat, betas, noise.abs())


def single(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t.float(), t, eps_hat.float(), betas.float(), noise.float())


def pair(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t, eps_hat, betas, 0 * noise), posterior_sigma(t, betas) * noise


def in_place(x_t, t, eps_hat, betas, noise):
    x_t -= betas[t] / (1 - schedule(t, betas)[2]).sqrt() * eps_hat
    return x_t / (1 - betas[t]).sqrt() + posterior_sigma(t, betas) * noise


def next_step(x_t, t, eps_hat, betas, noise):
    return as_in_the_paper(x_t, t + 1, eps_hat, betas, noise)


def of_floats(x_t, t, eps_hat, betas, noise):
    beta, *before = betas[: t + 1].tolist()[::-1]
    left = math.prod(1 - b for b in before)
    bar = left * (1 - beta)
    mean = (x_t - beta / math.sqrt(1 - bar) * eps_hat) / math.sqrt(1 - beta)
    return mean + math.sqrt(beta * (1 - left) / (1 - bar)) * noise


RIGHT = [
    as_in_the_paper,
    without_if,
    through_x0,
    by_precisions,
    ddim_with_eta_one,
    in_a_loop,
    of_floats,
]
WRONG = [
    ("own-noise", own_noise),
    ("wrong-mean", biased),
    ("wrong-spread", wide),
    ("not-undone", shy_end),
    ("wrong-spread", silent_start),
    ("noise-sign", absolute_noise),
    ("wrong-dtype", single),
    ("wrong-type", pair),
    ("changes-its-input", in_place),
    ("raises", next_step),
    ("zero-over-zero", by_precisions_everywhere),
]
