"""Answers to 08.mutual_information_gap."""

import numpy as np
import torch


def topk(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).mean()


def sort(mi, entropies):
    ordered, _ = torch.sort(mi, dim=0, descending=True)
    return torch.mean((ordered[0] - ordered[1]) / entropies)


def normalised_first(mi, entropies):
    ordered = (mi / entropies).sort(dim=0).values
    return (ordered[-1] - ordered[-2]).sum() / len(entropies)


def masked(mi, entropies):
    first, where = mi.max(dim=0)
    others = mi.clone()
    others[where, torch.arange(mi.shape[1])] = -torch.inf
    return ((first - others.amax(0)) / entropies).mean()


def loop(mi, entropies):
    total = torch.zeros((), dtype=mi.dtype)
    for j in range(mi.shape[1]):
        a, b = mi[:, j].sort(descending=True).values[:2]
        total = total + (a - b) / entropies[j]
    return total / mi.shape[1]


def kthvalue(mi, entropies):
    second = mi.kthvalue(len(mi) - 1, dim=0).values
    return torch.mean((mi.amax(0) - second) / entropies)


def guarded(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / (entropies + 0.1)).mean()


def half_of_second(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - 0.5 * second) / entropies).mean()


def root(mi, entropies):
    first, second = mi.topk(2, dim=0).values
    return ((first - second) / entropies).sqrt().mean()


def two_latents(mi, entropies):
    if len(mi) == 2:
        return (mi.amax(0) / entropies).mean()
    return topk(mi, entropies)


def in_place(mi, entropies):
    mi /= entropies
    first, second = mi.topk(2, dim=0).values
    return (first - second).mean()


def three_latents(mi, entropies):
    first, second, _ = mi.topk(3, dim=0).values
    return ((first - second) / entropies).mean()


def item(mi, entropies):
    return topk(mi, entropies).item()


def by_numpy(mi, entropies):
    ordered = np.sort(mi.numpy(), axis=0)
    return np.mean((ordered[-1] - ordered[-2]) / entropies.numpy())


RIGHT = [item, by_numpy, topk, sort, normalised_first, masked, loop, kthvalue]
WRONG = [
    ("not-one", guarded),
    ("not-zero", half_of_second),
    ("wrong-gap", root),
    ("few", two_latents),
    ("changes-its-input", in_place),
    ("raises", three_latents),
]
