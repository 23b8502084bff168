"""Answers to 05.importance_weighted_bound."""

import math

import numpy as np
import torch


def bound_by_hand(log_w):
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def bound_by_largest(log_w):
    top = log_w.max(dim=0).values
    return top + torch.log(torch.exp(log_w - top).mean(0))


def bound_shifted(log_w):
    return (log_w - math.log(len(log_w))).logsumexp(0)


def bound_float_constant(log_w):
    return torch.logsumexp(log_w, 0) - torch.log(torch.tensor(len(log_w)))


def bound_one_after_the_other(log_w):
    total = log_w[0]
    for row in log_w[1:]:
        total = torch.logaddexp(total, row)
    return total - np.log(len(log_w))


def bound_softmax(log_w):
    # log sum w = log w_s - log share_s, for any s.
    return log_w[0] - torch.log_softmax(log_w, 0)[0] - math.log(len(log_w))


def bound_mixture(log_w):
    weights = torch.full_like(log_w, 1 / len(log_w))
    return torch.logsumexp(weights.log() + log_w, 0)


def bound_median(log_w):
    return log_w.median(0).values


def bound_offset(log_w):
    return bound_by_hand(log_w) - 0.01


def bound_single_draw(log_w):
    return bound_by_hand(log_w) if len(log_w) > 1 else torch.zeros_like(log_w[0])


def bound_epsilon(log_w):
    return torch.log(log_w.clamp(max=80).exp().mean(0) + 1e-10)


def bound_clamped(log_w):
    return bound_by_hand(log_w.clamp(-100, 100))


def bound_detached(log_w):
    return bound_by_hand(log_w.detach())


def bound_top_detached(log_w):
    top = log_w.max(0).values
    return top.detach() + (log_w - top).exp().mean(0).log()


def bound_straight(log_w):
    value = bound_by_hand(log_w)
    return log_w.mean(0) + (value - log_w.mean(0)).detach()


def bound_numpy(log_w):
    return torch.from_numpy(np.logaddexp.reduce(log_w.numpy(), 0) - math.log(len(log_w)))


def bound_single(log_w):
    return bound_by_hand(log_w.float())


def bound_keepdim(log_w):
    return torch.logsumexp(log_w, 0, keepdim=True) - math.log(len(log_w))


def bound_in_place(log_w):
    top = log_w.max(0).values
    log_w -= top
    return top + log_w.exp().mean(0).log()


def bound_no_axis(log_w):
    return torch.logsumexp(log_w) - math.log(len(log_w))


def bound_by_mean(log_w):
    centre = log_w.mean(0)
    return centre + (log_w - centre).exp().mean(0).log()


def bound_by_first(log_w):
    return log_w[0] + (log_w - log_w[0]).exp().mean(0).log()


def bound_by_median(log_w):
    centre = log_w.median(0).values
    return centre + (log_w - centre).exp().mean(0).log()


def bound_by_smallest(log_w):
    low = log_w.min(0).values
    return low + (log_w - low).exp().mean(0).log()


def bound_cut_off(log_w):
    top = log_w.max(0).values
    return top + (log_w - top).clamp(min=-8).exp().mean(0).log()


RIGHT = [
    bound_by_hand,
    bound_by_largest,
    bound_shifted,
    bound_float_constant,
    bound_one_after_the_other,
    bound_softmax,
    bound_mixture,
]

WRONG = [
    ("not-the-largest", bound_by_mean),
    ("not-the-largest", bound_by_first),
    ("not-the-largest", bound_by_median),
    ("not-the-largest", bound_by_smallest),
    ("overflow", bound_epsilon),
    ("overflow", bound_clamped),
    ("wrong-bound", bound_median),
    ("wrong-bound", bound_offset),
    ("one-draw", bound_single_draw),
    ("no-gradient", bound_detached),
    ("wrong-gradient", bound_top_detached),
    ("wrong-gradient", bound_straight),
    ("leaves-torch", bound_numpy),
    ("wrong-dtype", bound_single),
    ("wrong-shape", bound_keepdim),
    ("changes-its-input", bound_in_place),
    ("raises", bound_no_axis),
    ("cut-off", bound_cut_off),
]
