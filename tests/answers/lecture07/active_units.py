"""Answers to active_units: right ones, and wrong ones that no known mistake covers."""

import math

import numpy as np
import torch


def active_var(mu, threshold):
    return mu.var(0) > threshold


def active_biased(mu, threshold):
    return torch.var(mu, dim=0, correction=0) > threshold


def active_by_hand(mu, threshold):
    centred = mu - mu.mean(dim=0, keepdim=True)
    return (centred**2).mean(dim=0).gt(threshold)


def active_cov(mu, threshold):
    return torch.atleast_2d(torch.cov(mu.T, correction=0)).diagonal() >= threshold


def active_std(mu, threshold):
    return mu.std(dim=0) > math.sqrt(threshold)


def active_loop(mu, threshold):
    return torch.tensor([bool(column.var(correction=0) > threshold) for column in mu.T])


def active_numpy(mu, threshold):
    return torch.from_numpy(np.var(mu.numpy(), axis=0) > threshold)


def active_all(mu, threshold):
    return torch.ones(mu.shape[1], dtype=torch.bool)


def active_twice(mu, threshold):
    return mu.var(0) > 2 * threshold


def active_fixed_threshold(mu, threshold):
    return mu.var(0) > 0.01


def active_largest(mu, threshold):
    return mu.abs().amax(0) ** 2 > threshold


def active_moments(mu, threshold):
    return (mu**2).mean(0) - mu.mean(0) ** 2 > threshold


def active_careful(mu, threshold):
    if len(mu) == 1:
        return torch.ones(mu.shape[1], dtype=torch.bool)
    return mu.var(0) > threshold


def active_list(mu, threshold):
    return [bool(v > threshold) for v in mu.var(0)]


def active_number(mu, threshold):
    return int((mu.var(0) > threshold).sum())


def active_row(mu, threshold):
    return mu.var(0, keepdim=True) > threshold


def active_in_place(mu, threshold):
    mu -= mu.mean(0)
    return mu.square().mean(0) > threshold


def active_not_a_method(mu, threshold):
    return mu.variance(0) > threshold


def active_in_the_first_hundred(mu, threshold):
    return mu[:100].var(0, correction=0) > threshold


RIGHT = [
    active_var,
    active_biased,
    active_by_hand,
    active_cov,
    active_std,
    active_loop,
    active_numpy,
    active_list,
]

WRONG = [
    ("threshold-ignored", active_all),
    ("wrong-units", active_twice),
    ("threshold-ignored", active_fixed_threshold),
    ("moves-with-the-mean", active_largest),
    ("cancellation", active_moments),
    ("one-sample", active_careful),
    ("reduced-over-batch", active_number),
    ("wrong-shape", active_row),
    ("changes-its-input", active_in_place),
    ("raises", active_not_a_method),
    ("order-matters", active_in_the_first_hundred),
]
