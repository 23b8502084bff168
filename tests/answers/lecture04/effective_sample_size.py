"""Answers to 04.effective_sample_size."""

import numpy as np
import torch


def softmax(log_w):
    w = torch.softmax(log_w, dim=0)
    return 1 / (w**2).sum(0)


def by_largest(log_w):
    w = torch.exp(log_w - log_w.max(dim=0, keepdim=True).values)
    return w.sum(0) ** 2 / (w * w).sum(0)


def in_logs(log_w):
    return torch.exp(2 * torch.logsumexp(log_w, 0) - torch.logsumexp(2 * log_w, 0))


def by_log_softmax(log_w):
    share = torch.exp(torch.log_softmax(log_w, 0))
    return torch.einsum("sb,sb->b", share, share).reciprocal()


def loop(log_w):
    columns = []
    for column in log_w.T:
        w = (column - column.max()).exp()
        columns.append(w.sum().square() / w.square().sum())
    return torch.stack(columns)


def by_numpy(log_w):
    w = np.exp(log_w.numpy() - log_w.numpy().max(0))
    return torch.from_numpy(np.asarray(w.sum(0) ** 2 / (w**2).sum(0)))


def kish(log_w):
    w = torch.softmax(log_w, 0) * log_w.shape[0]
    return log_w.shape[0] / (1 + w.var(0, correction=0))


def averaged(log_w):
    return softmax(log_w).mean()


def count_large(log_w):
    return (torch.softmax(log_w, 0) > 0.5 / len(log_w)).sum(0).to(log_w.dtype)


def unbiased(log_w):
    return softmax(log_w) if len(log_w) > 1 else torch.zeros_like(log_w[0])


def clamped(log_w):
    return softmax(log_w.clamp(-50, 50))


def overflow_when_normalised(log_w):
    w = log_w.exp()
    return 1 / (w / w.sum(0)).square().sum(0)


def clamped_below_the_top(log_w):
    w = (log_w - log_w.mean(0)).clamp(-40, 40).exp()
    return w.sum(0) ** 2 / (w**2).sum(0)


def in_place(log_w):
    log_w -= log_w.max(0).values
    return softmax(log_w)


def cut_off_at_ten(log_w):
    w = (log_w - log_w.max(0).values).clamp(min=-10).exp()
    return w.sum(0) ** 2 / w.square().sum(0)


def shares_with_a_floor(log_w):
    return 1 / torch.softmax(log_w, 0).clamp(min=1e-3).square().sum(0)


RIGHT = [softmax, by_largest, in_logs, by_log_softmax, loop, by_numpy, kish]
WRONG = [
    ("overflow", clamped),
    ("overflow", overflow_when_normalised),
    ("wide-column", clamped_below_the_top),
    ("reduced-over-batch", averaged),
    ("wrong-size", count_large),
    ("one-draw", unbiased),
    ("changes-its-input", in_place),
    ("cut-off", cut_off_at_ten),
    ("cut-off", shares_with_a_floor),
]
