"""Answers to 03.discarded_variance."""

import numpy as np
import torch


def discard_sorted(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum()


def discard_ascending(eigenvalues, k):
    return torch.sort(eigenvalues)[0][: len(eigenvalues) - k].sum()


def discard_difference(eigenvalues, k):
    return eigenvalues.sum() - eigenvalues.topk(k).values.sum()


def discard_topk(eigenvalues, k):
    return eigenvalues.topk(len(eigenvalues) - k, largest=False).values.sum()


def discard_python(eigenvalues, k):
    return sum(sorted(eigenvalues, reverse=True)[k:], torch.zeros_like(eigenvalues[0]))


def discard_by_projection(eigenvalues, k):
    data = torch.diag(eigenvalues.sqrt())
    _, _, vh = torch.linalg.svd(data)
    residual = data - data @ vh[:k].T @ vh[:k]
    return residual.square().sum()


def discard_kept_fraction(eigenvalues, k):
    return eigenvalues.sort(descending=True).values.cumsum(0)[k - 1] / eigenvalues.sum()


def discard_product(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].prod()


def discard_at_least_one(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[max(k, 1) :].sum()


def discard_never_empty(eigenvalues, k):
    return eigenvalues.sort().values[: max(len(eigenvalues) - k, 1)].sum()


def discard_at_least_two(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[max(k, 2) :].sum()


def discard_vector(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:]


def discard_single(eigenvalues, k):
    return eigenvalues.float().sort(descending=True).values[k:].sum()


def discard_in_place(eigenvalues, k):
    largest = eigenvalues.topk(k).indices
    eigenvalues[largest] = 0
    return eigenvalues.sum()


def discard_bad_sort(eigenvalues, k):
    return eigenvalues.sort(reverse=True)[k:].sum()


def discard_item(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum().item()


def discard_numpy(eigenvalues, k):
    return np.sort(eigenvalues.numpy())[: len(eigenvalues) - k].sum()


def discard_masked(eigenvalues, k):
    rank = eigenvalues.argsort(descending=True).argsort()
    return torch.where(rank >= k, eigenvalues, 0 * eigenvalues).sum()


def discard_rest_as_it_stands(eigenvalues, k):
    return eigenvalues.sum() - eigenvalues[:k].sum()


def discard_turned_round(eigenvalues, k):
    return eigenvalues.flip(0)[k:].sum()


def discard_cumulative(eigenvalues, k):
    running = eigenvalues.cumsum(0)
    return running[-1] - running[k - 1]


def discard_whole(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum().round()


def discard_below_the_kth(eigenvalues, k):
    if k == 0:
        return eigenvalues.sum()
    smallest_kept = eigenvalues.sort(descending=True).values[k - 1]
    return eigenvalues[eigenvalues < smallest_kept].sum()


def discard_each_value_once(eigenvalues, k):
    once = sorted(set(eigenvalues.tolist()), reverse=True)
    return torch.tensor(once[k:], dtype=eigenvalues.dtype).sum()


RIGHT = [
    discard_numpy,
    discard_masked,
    discard_item,
    discard_sorted,
    discard_ascending,
    discard_difference,
    discard_topk,
    discard_python,
    discard_by_projection,
]

WRONG = [
    ("equal-eigenvalues", discard_below_the_kth),
    ("equal-eigenvalues", discard_each_value_once),
    ("assumes-descending", discard_rest_as_it_stands),
    ("assumes-ascending", discard_turned_round),
    ("assumes-descending", discard_cumulative),
    ("does-not-add-up", discard_whole),
    ("fraction", discard_kept_fraction),
    ("does-not-add-up", discard_product),
    ("does-not-add-up", discard_at_least_two),
    ("not-all-at-the-start", discard_at_least_one),
    ("not-zero-at-the-end", discard_never_empty),
    ("wrong-shape", discard_vector),
    ("wrong-dtype", discard_single),
    ("changes-its-input", discard_in_place),
    ("raises", discard_bad_sort),
]
