"""Answers to 03.pca."""

import math

import numpy as np
import torch
from torch.nn import functional


def pca_svd(x, k):
    mean = x.mean(0)
    _, _, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k]


def pca_eigh(x, k):
    mean = x.mean(0)
    _, vectors = torch.linalg.eigh(torch.cov(x.T))
    return mean, vectors.flip(1)[:, :k].T


def pca_sorted(x, k):
    mean = x.mean(0)
    d = x - mean
    values, vectors = torch.linalg.eigh(d.T @ d / len(x))
    return mean, vectors[:, values.argsort(descending=True)[:k]].T


def pca_left(x, k):
    mean = x.mean(0, keepdim=True)
    u = torch.linalg.svd((x - mean).T)[0]
    return [mean[0], -u[:, :k].T]


def pca_numpy(x, k):
    data = x.numpy()
    _, _, vh = np.linalg.svd(data - data.mean(0), full_matrices=False)
    return x.mean(0), torch.from_numpy(vh[:k].copy())


def pca_gram(x, k):
    mean = x.mean(0)
    d = x - mean
    vectors = torch.linalg.eigh(d @ d.T).eigenvectors.flip(1)[:, :k]
    return mean, functional.normalize(vectors.T @ d, dim=1)


def pca_deflation(x, k):
    mean = x.mean(0)
    cov = torch.cov((x - mean).T, correction=0).double()
    rows = []
    for _ in range(k):
        v = torch.ones(len(cov), dtype=torch.float64) + torch.arange(len(cov)) / 10
        for _ in range(200):
            v = functional.normalize(cov @ v, dim=0)
        cov = cov - (v @ cov @ v) * torch.outer(v, v)
        rows.append(v)
    return mean, torch.stack(rows).to(x.dtype)


def pca_columns_of_vh(x, k):
    mean = x.mean(0)
    _, _, vh = torch.linalg.svd(x - mean)
    return mean, vh[:, :k].T


def pca_correlation(x, k):
    _, vectors = torch.linalg.eigh(torch.corrcoef(x.T))
    return x.mean(0), vectors.flip(1)[:, :k].T


def pca_times_s(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, s[:k, None] * vh[:k]


def pca_loadings(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T))
    return x.mean(0), (vectors * values.sqrt()).flip(1)[:, :k].T


def pca_times_eigenvalues(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    return x.mean(0), (vectors * values).flip(1)[:, :k].T


def pca_whitened(x, k):
    values, vectors = torch.linalg.eigh(torch.cov(x.T, correction=0))
    return x.mean(0), (vectors / values.sqrt()).flip(1)[:, :k].T


def pca_over_s(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k] / s[:k, None]


def pca_mean_again(x, k):
    x = x - x.mean(0)
    return pca_svd(x, k)


def pca_global_mean_returned(x, k):
    return x.mean().expand(x.shape[1]), pca_svd(x, k)[1]


def pca_first_sample(x, k):
    return x[0], pca_svd(x, k)[1]


def pca_not_unit(x, k):
    mean, components = pca_svd(x, k)
    return mean, 2 * components


def pca_random(x, k):
    q = torch.linalg.qr(torch.randn(x.shape[1], k, dtype=x.dtype)).Q
    return x.mean(0), q.T


def pca_axes(x, k):
    return x.mean(0), torch.eye(x.shape[1], dtype=x.dtype)[:k]


def pca_shuffled(x, k):
    mean, components = pca_svd(x, k)
    return mean, components.roll(1, 0)


def pca_turned(x, k):
    mean, components = pca_svd(x, k)
    a, b = math.cos(0.1), math.sin(0.1)
    turned = [a * components[0] + b * components[-1], a * components[-1] - b * components[0]]
    return mean, torch.stack([turned[0], *components[1:-1], turned[1]])[:k]


def pca_few_iterations(x, k):
    mean, components = pca_svd(x, x.shape[1] - 1)
    start = components.T[:, :k] + 0.1 * components.T[:, -1:]
    cov = torch.cov(x.T)
    return mean, torch.linalg.qr(cov @ start).Q.T


def pca_expanded(x, k):
    mean = x.mean(0)
    cov = x.T @ x / len(x) - torch.outer(mean, mean)
    return mean, torch.linalg.eigh(cov).eigenvectors.flip(1)[:, :k].T


def pca_as_columns(x, k):
    mean, components = pca_svd(x, k)
    return mean, components.T


def pca_scores(x, k):
    mean, components = pca_svd(x, k)
    return mean, (x - mean) @ components.T


def pca_swapped(x, k):
    return pca_svd(x, k)[::-1]


def pca_three_values(x, k):
    mean = x.mean(0)
    _, s, vh = torch.linalg.svd(x - mean, full_matrices=False)
    return mean, vh[:k], s[:k]


def pca_all(x, k):
    mean = x.mean(0)
    return mean, torch.linalg.svd(x - mean)[2]


def pca_only_components(x, k):
    return pca_svd(x, k)[1]


def pca_complex(x, k):
    _, vectors = torch.linalg.eig(torch.cov(x.T))
    return x.mean(0), vectors[:, :k].T


def pca_single(x, k):
    return pca_svd(x.float(), k)


def pca_in_place(x, k):
    mean = x.mean(0)
    x -= mean
    return mean, torch.linalg.svd(x)[2][:k]


def pca_fixed(x):
    return pca_svd(x, 2)


def pca_misspelt(x, k):
    return x.mean(0), torch.linalg.pca(x)[:k]


def pca_scikit(x, k):
    from sklearn.decomposition import PCA

    found = PCA(n_components=k, svd_solver="full").fit(x.numpy())
    return torch.from_numpy(found.mean_), torch.from_numpy(found.components_)


def pca_power_of_svd_v(x, k):
    mean = torch.mean(x, dim=0)
    _, _, v = torch.svd(x - mean)
    return mean, v[:, :k].T


def pca_randomised(x, k):
    _, _, v = torch.pca_lowrank(x, q=k)
    return x.mean(0), v.T


def pca_not_centred_gram(x, k):
    values, vectors = torch.linalg.eigh(x.T @ x)
    return x.mean(0), vectors[:, values.argsort(descending=True)[:k]].T


RIGHT = [
    pca_scikit,
    pca_power_of_svd_v,
    pca_svd,
    pca_eigh,
    pca_sorted,
    pca_left,
    pca_numpy,
    pca_gram,
    pca_deflation,
]

WRONG = [
    ("approximate", pca_randomised),
    ("not-centred", pca_not_centred_gram),
    ("rows-for-columns", pca_columns_of_vh),
    ("standardised", pca_correlation),
    ("scaled", pca_times_s),
    ("scaled", pca_loadings),
    ("scaled", pca_times_eigenvalues),
    ("whitened", pca_whitened),
    ("whitened", pca_over_s),
    ("mean-of-centred", pca_mean_again),
    ("wrong-mean", pca_global_mean_returned),
    ("wrong-mean", pca_first_sample),
    ("not-orthonormal", pca_not_unit),
    ("random", pca_random),
    ("not-the-best", pca_axes),
    ("not-sorted", pca_shuffled),
    ("approximate", pca_turned),
    ("approximate", pca_few_iterations),
    ("cancellation", pca_expanded),
    ("wrong-shape", pca_as_columns),
    ("wrong-shape", pca_scores),
    ("wrong-shape", pca_swapped),
    ("wrong-shape", pca_all),
    ("wrong-type", pca_three_values),
    ("wrong-type", pca_only_components),
    ("wrong-dtype", pca_complex),
    ("wrong-dtype", pca_single),
    ("changes-its-input", pca_in_place),
    ("wrong-arguments", pca_fixed),
    ("raises", pca_misspelt),
]
