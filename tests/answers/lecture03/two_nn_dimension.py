"""Answers to 03.two_nn_dimension."""

import numpy as np
import torch
from torch.nn import functional

EXACT = "donot_use_mm_for_euclid_dist"


def two_nn_cdist(x):
    r = torch.cdist(x, x, compute_mode=EXACT).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_topk(x):
    double = x.double()
    r = torch.cdist(double, double).topk(3, largest=False).values
    return (1 / (r[:, 2].log() - r[:, 1].log()).mean()).to(x.dtype)


def two_nn_default(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_infinite_diagonal(x):
    r = torch.cdist(x, x) + torch.diag(torch.full_like(x[:, 0], torch.inf))
    r1, r2 = r.topk(2, largest=False).values.T
    return len(x) / torch.log(r2 / r1).sum()


def two_nn_small_distances_left_out(x):
    r = torch.cdist(x, x)
    r = torch.where(r < 1e-6, torch.inf, r).sort(dim=1).values
    return len(x) / torch.log(r[:, 1] / r[:, 0]).sum()


def two_nn_diagonal(x):
    squared = (x[:, None] - x[None]).pow(2).sum(-1)
    squared.fill_diagonal_(torch.inf)
    r = squared.topk(2, largest=False).values
    return 2 * len(x) / (r[:, 1] / r[:, 0]).log().sum()


def two_nn_gram(x):
    d = x - x.mean(0)
    norm = d.square().sum(1)
    squared = (norm[:, None] + norm - 2 * d @ d.T).clamp(min=0)
    squared = squared + torch.diag(torch.full_like(norm, torch.inf))
    r2, r1 = squared.kthvalue(2, dim=1).values.sqrt(), squared.min(dim=1).values.sqrt()
    return torch.reciprocal(torch.log(r2 / r1).mean())


def two_nn_gram_double(x):
    d = (x - x.mean(0)).double()
    norm = d.square().sum(1)
    squared = (norm[:, None] + norm - 2 * d @ d.T).clamp(min=0)
    squared = squared + torch.diag(torch.full_like(norm, torch.inf))
    r2, r1 = squared.kthvalue(2, dim=1).values.sqrt(), squared.min(dim=1).values.sqrt()
    return torch.reciprocal(torch.log(r2 / r1).mean()).to(x.dtype)


def two_nn_loop(x):
    total = 0
    for i, point in enumerate(x):
        others = torch.cat([x[:i], x[i + 1 :]])
        r = (others - point).norm(dim=1).sort().values
        total = total + torch.log(r[1] / r[0])
    return len(x) / total


def two_nn_careful(x):
    r = torch.cdist(x, x, compute_mode=EXACT).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / (r[:, 1] + 1e-8)).sum()


def two_nn_tree(x):
    from scipy.spatial import cKDTree

    r, _ = cKDTree(x.numpy()).query(x.numpy(), k=3)
    return torch.tensor(len(x) / np.log(r[:, 2] / r[:, 1]).sum(), dtype=x.dtype)


def _two_distances(x):
    r = torch.cdist(x, x).sort(dim=1).values
    return r[:, 1], r[:, 2]


def two_nn_self_upside_down(x):
    r = (x[:, None] - x).norm(dim=2).topk(2, largest=False).values
    return len(x) / (r[:, 0] - r[:, 0] / r[:, 1] * torch.inf).sum()


def two_nn_shifted_ratio(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log(r2 / (r1 + 1e-2)).sum()


def two_nn_small_epsilon(x):
    r1, r2 = _two_distances(x)
    return len(x) / torch.log((r2 + 1e-4) / (r1 + 1e-4)).sum()


def two_nn_capped(x):
    r = (x[:, None] - x).norm(dim=2) + 1e3 * torch.eye(len(x), dtype=x.dtype)
    r1, r2 = r.topk(2, largest=False).values.T
    return len(x) / torch.log(r2 / r1).sum()


def two_nn_needs_four(x):
    r = torch.cdist(x, x).sort(dim=1).values
    r1, r2 = (r[:, 1], r[:, 2]) if len(x) > 3 else (r[:, 1], 2 * r[:, 2])
    return len(x) / torch.log(r2 / r1).sum()


def two_nn_dot_products(x):
    r = (1 - functional.normalize(x) @ functional.normalize(x).T).sort(dim=1).values
    return len(x) / torch.log(r[:, 2] / r[:, 1]).sum()


def two_nn_first_axes(x):
    return two_nn_cdist(x[:, :5])


def two_nn_each(x):
    r1, r2 = _two_distances(x)
    return 1 / torch.log(r2 / r1)


def two_nn_rounded(x):
    return two_nn_cdist(x).round()


def two_nn_single(x):
    return two_nn_cdist(x.float())


def two_nn_in_place(x):
    x -= x.mean(0)
    return two_nn_cdist(x)


def two_nn_wrong_axis(x):
    return two_nn_cdist(x.T)


def two_nn_misspelt(x):
    return len(x) / torch.distances(x).sum()


def two_nn_numpy(x):
    r = np.sort(np.linalg.norm(x.numpy()[:, None] - x.numpy(), axis=2), axis=1)
    return len(x) / np.log(r[:, 2] / r[:, 1]).sum()


def two_nn_guarded(x):
    r = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values
    return len(x) / torch.log(r[:, 1] / r[:, 0].clamp(min=1e-12)).sum()


def two_nn_small_number(x):
    r = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist").sort(1).values + 1e-8
    return 1 / torch.log(r[:, 1] / r[:, 0]).mean()


def dimension_of_portions(x, size=64):
    ratios = []
    for portion in x.split(size):
        distances = torch.cdist(portion, portion, compute_mode="donot_use_mm_for_euclid_dist").sort(
            1
        )
        if len(portion) > 2:
            ratios.append(distances.values[:, 2] / distances.values[:, 1])
    return 1 / torch.cat(ratios).log().mean()


def dimension_of_large_portions(x):
    return dimension_of_portions(x, 1000)


def dimension_of_some(x):
    return dimension_of_portions(x[:500], 500)


RIGHT = [
    two_nn_numpy,
    two_nn_cdist,
    two_nn_topk,
    two_nn_diagonal,
    two_nn_gram_double,
    two_nn_loop,
    two_nn_careful,
    two_nn_tree,
]

WRONG = [
    ("many-points", dimension_of_portions),
    ("many-points", dimension_of_large_portions),
    ("many-points", dimension_of_some),
    ("cancellation", two_nn_default),
    ("cancellation", two_nn_infinite_diagonal),
    ("cancellation", two_nn_gram),
    ("cancellation", two_nn_small_distances_left_out),
    ("self-as-neighbour", two_nn_self_upside_down),
    ("wrong-estimate", two_nn_shifted_ratio),
    ("single-precision", two_nn_small_epsilon),
    ("wrong-estimate", two_nn_dot_products),
    ("depends-on-units", two_nn_capped),
    ("three-points", two_nn_needs_four),
    ("depends-on-axes", two_nn_first_axes),
    ("wrong-shape", two_nn_each),
    ("rounded", two_nn_rounded),
    ("wrong-dtype", two_nn_single),
    ("changes-its-input", two_nn_in_place),
    ("wrong-estimate", two_nn_wrong_axis),
    ("raises", two_nn_misspelt),
    ("self-as-neighbour", two_nn_guarded),
    ("self-as-neighbour", two_nn_small_number),
]
