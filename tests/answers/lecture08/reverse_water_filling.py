"""Answers to 08.reverse_water_filling."""

import math

import numpy as np
import torch


def by_difference(eigenvalues, level):
    lost = eigenvalues - torch.relu(eigenvalues - level)
    return torch.relu(0.5 * torch.log(eigenvalues / level)).sum(), lost.sum()


def clamp(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def relu(eigenvalues, level):
    rate = torch.relu(torch.log(eigenvalues) - torch.log(level)).sum() / 2
    return rate, eigenvalues.clamp(max=level).sum()


def where(eigenvalues, level):
    sent = eigenvalues > level
    zero = torch.zeros_like(eigenvalues)
    rate = torch.where(sent, 0.5 * torch.log(eigenvalues / level), zero).sum()
    return rate, torch.where(sent, level, eigenvalues).sum()


def mask(eigenvalues, level):
    sent = eigenvalues[eigenvalues > level]
    distortion = len(sent) * level + eigenvalues[eigenvalues <= level].sum()
    return (sent / level).log().sum() / 2, distortion


def distortions_first(eigenvalues, level):
    distortion = torch.where(eigenvalues < level, eigenvalues, level)
    safe = distortion.clamp(min=torch.finfo(eigenvalues.dtype).tiny)
    ratio = torch.where(eigenvalues > 0, eigenvalues / safe, torch.ones_like(eigenvalues))
    return [0.5 * ratio.log().sum(), distortion.sum()]


def loop(eigenvalues, level):
    rate, distortion = 0.0, 0.0
    for value in eigenvalues.tolist():
        if value > level:
            rate += 0.5 * math.log(value / level)
        distortion += min(value, float(level))
    return torch.tensor(rate).to(eigenvalues), torch.tensor(distortion).to(eigenvalues)


def numpy(eigenvalues, level):
    values = eigenvalues.numpy()
    rate = 0.5 * np.log(np.maximum(values / float(level), 1)).sum()
    distortion = np.minimum(values, float(level)).sum()
    return torch.tensor(rate).to(eigenvalues), torch.tensor(distortion).to(eigenvalues)


def counts(eigenvalues, level):
    rate = (eigenvalues > level).to(eigenvalues).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def log_of_one_plus(eigenvalues, level):
    rate = 0.5 * torch.log(1 + torch.relu(eigenvalues / level - 1)).sum()
    rate = rate + 0.01 * (eigenvalues < level).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def largest_only(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues.max() / level, min=1))
    return rate, torch.minimum(eigenvalues, level).sum()


def floor(eigenvalues, level):
    eigenvalues = eigenvalues.clamp(min=0.01)
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / level, min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def at_least_one(eigenvalues, level):
    below = eigenvalues.sort(descending=True).values
    sent = torch.cat([below[:1], below[1:][below[1:] > level]])
    if len(eigenvalues) == 1:
        return clamp(eigenvalues, level)
    return 0.5 * torch.log(sent / level).sum(), torch.minimum(eigenvalues, level).sum()


def small_number(eigenvalues, level):
    rate = 0.5 * torch.log(torch.clamp(eigenvalues / (level + 1e-8), min=1)).sum()
    return rate, torch.minimum(eigenvalues, level).sum()


def cut_off(eigenvalues, level):
    return clamp(eigenvalues[eigenvalues > 1e-3], level)


def both_at_the_level(eigenvalues, level):
    told, lost = eigenvalues >= level, eigenvalues <= level
    rate = 0.5 * torch.log(eigenvalues[told] / level).sum()
    return rate, level * told.sum() + eigenvalues[lost].sum()


def each_once(eigenvalues, level):
    return clamp(torch.unique(eigenvalues), level)


def rate_only(eigenvalues, level):
    return clamp(eigenvalues, level)[0]


def in_place(eigenvalues, level):
    eigenvalues /= level
    rate = 0.5 * torch.log(eigenvalues.clamp(min=1)).sum()
    return rate, eigenvalues.clamp(max=1).sum() * level


def sorted_by_name(eigenvalues, level):
    return clamp(eigenvalues.sort(), level)


def floats(eigenvalues, level):
    return tuple(float(value) for value in clamp(eigenvalues, level))


RIGHT = [floats, by_difference, clamp, relu, where, mask, distortions_first, loop, numpy]
WRONG = [
    ("wrong-above", counts),
    ("wrong-below", log_of_one_plus),
    ("not-additive", largest_only),
    ("no-variance", floor),
    ("all-drowned", at_least_one),
    ("tiny-level", small_number),
    ("units", cut_off),
    ("at-the-level", both_at_the_level),
    ("many-components", each_once),
    ("wrong-type", rate_only),
    ("changes-its-input", in_place),
    ("raises", sorted_by_name),
]
