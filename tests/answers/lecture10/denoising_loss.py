"""Answers to 10.denoising_loss."""

import torch
from torch.nn import functional as F


def axes(numbers, x):
    return numbers.view(-1, *[1] * (x.dim() - 1))


def noised(x0, alpha_bars, t, eps):
    a = axes(alpha_bars[t], x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def flattened(predict, x0, alpha_bars, t, eps):
    error = predict(noised(x0, alpha_bars, t, eps), t) - eps
    return error.flatten(1).square().sum(1).mean()


def sum_over_batch_size(predict, x0, alpha_bars, t, eps):
    return ((eps - predict(noised(x0, alpha_bars, t, eps), t)) ** 2).sum() / len(x0)


def by_mse_loss(predict, x0, alpha_bars, t, eps):
    eps_hat = predict(noised(x0, alpha_bars, t, eps), t)
    return F.mse_loss(eps_hat, eps, reduction="sum") / x0.shape[0]


def mean_times_size(predict, x0, alpha_bars, t, eps):
    error = predict(noised(x0, alpha_bars, t, eps), t) - eps
    return error.square().mean() * x0[0].numel()


def by_gather(predict, x0, alpha_bars, t, eps):
    a = axes(alpha_bars.gather(0, t), x0)
    x_t = torch.sqrt(a) * x0 + torch.sqrt(1 - a) * eps
    return (
        torch.linalg.vector_norm((predict(x_t, t) - eps).reshape(len(x0), -1), dim=1)
        .square()
        .mean()
    )


def own_noise(predict, x0, alpha_bars, t, eps):
    return flattened(predict, x0, alpha_bars, t, torch.randn_like(eps))


def own_time(predict, x0, alpha_bars, t, eps):
    return flattened(predict, x0, alpha_bars, torch.randint(len(alpha_bars), t.shape), eps)


def detached(predict, x0, alpha_bars, t, eps):
    with torch.no_grad():
        eps_hat = predict(noised(x0, alpha_bars, t, eps), t)
    return (eps_hat - eps).square().flatten(1).sum(1).mean()


def a_number(predict, x0, alpha_bars, t, eps):
    return flattened(predict, x0, alpha_bars, t, eps).item()


def for_each(predict, x0, alpha_bars, t, eps):
    error = predict(noised(x0, alpha_bars, t, eps), t) - eps
    return error.square().flatten(1).sum(1)


def half_detached(predict, x0, alpha_bars, t, eps):
    eps_hat = predict(noised(x0, alpha_bars, t, eps), t)
    return ((eps_hat - eps) * (eps_hat.detach() - eps)).flatten(1).sum(1).mean()


def arguments_exchanged(predict, x0, alpha_bars, t, eps):
    eps_hat = predict(t, noised(x0, alpha_bars, t, eps))
    return (eps_hat - eps).square().flatten(1).sum(1).mean()


def time_as_a_column(predict, x0, alpha_bars, t, eps):
    guess = predict(noised(x0, alpha_bars, t, eps), t[:, None])
    return (guess - eps).square().flatten(1).sum(1).mean()


def from_one(predict, x0, alpha_bars, t, eps):
    return flattened(predict, x0, alpha_bars, t.clamp(min=1), eps)


def without_time(predict, x0, alpha_bars, t, eps):
    return (predict(noised(x0, alpha_bars, t, eps)) - eps).square().flatten(1).sum(1).mean()


def time_first(predict, x0, alpha_bars, t, eps):
    a = alpha_bars[t].reshape(-1, *[1] * (x0.ndim - 1))
    guess = predict(t, a.sqrt() * x0 + (1 - a).sqrt() * eps)
    return (guess - eps).square().flatten(1).sum(1).mean()


RIGHT = [flattened, sum_over_batch_size, by_mse_loss, mean_times_size, by_gather]
WRONG = [
    ("own-noise", own_noise),
    ("own-noise", own_time),
    ("no-gradient", detached),
    ("no-gradient", a_number),
    ("wrong-shape", for_each),
    ("wrong-gradient", half_detached),
    ("raises", without_time),
    ("raises", time_as_a_column),
    ("wrong-value", from_one),
    ("raises", time_first),
]
