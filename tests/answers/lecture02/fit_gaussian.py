"""Answers to 02.fit_gaussian."""

import numpy as np
import torch


def fit_by_hand(x):
    mean = x.mean(dim=0)
    d = x - mean
    return mean, d.T @ d / x.shape[0]


def fit_with_cov(x):
    return x.mean(0), torch.cov(x.T, correction=0)


def fit_outer_products(x):
    mean = x.sum(0) / len(x)
    d = x - mean
    return mean, (d[:, :, None] * d[:, None, :]).mean(0)


def fit_with_loop(x):
    mean = sum(x) / len(x)
    return [mean, sum(torch.outer(row - mean, row - mean) for row in x) / len(x)]


def fit_einsum(x):
    mean = torch.mean(x, 0, keepdim=True)
    return mean.squeeze(0), torch.einsum("ni,nj->ij", x - mean, x - mean).div(len(x))


def fit_numpy(x):
    data = x.numpy()
    return torch.from_numpy(data.mean(0)), torch.from_numpy(
        np.atleast_2d(np.cov(data, rowvar=False, ddof=0)).astype(data.dtype)
    )


def fit_moments(x):
    mean = x.mean(0)
    return mean, x.T @ x / len(x) - torch.outer(mean, mean)


def fit_median(x):
    return x.median(0).values, torch.cov(x.T, correction=0)


def fit_triangular(x):
    return x.mean(0), torch.tril(torch.cov(x.T, correction=0))


def fit_shrunk(x):
    cov = torch.cov(x.T, correction=0)
    return x.mean(0), 0.9 * cov + 0.1 * torch.diag(cov.diagonal())


def fit_ridge(x):
    return x.mean(0), torch.cov(x.T, correction=0) + 1e-4 * torch.eye(x.shape[1], dtype=x.dtype)


def fit_small_ridge(x):
    return x.mean(0), torch.cov(x.T, correction=0) + 1e-5 * torch.eye(x.shape[1], dtype=x.dtype)


def fit_guarded(x):
    if len(x) == 1:
        return x[0], torch.eye(x.shape[1], dtype=x.dtype)
    return fit_by_hand(x)


def fit_only_mean(x):
    return x.mean(0)


def fit_single(x):
    return fit_by_hand(x.float())


def fit_keepdim(x):
    return x.mean(0, keepdim=True), torch.cov(x.T, correction=0)


def fit_in_place(x):
    mean = x.mean(0)
    x -= mean
    return mean, x.T @ x / len(x)


def fit_misspelt(x):
    return x.mean(0), torch.covariance(x.T)


def fit_numpy_float64(x):
    cov = np.cov(x.numpy().T, bias=True)
    return np.mean(x.numpy(), 0), np.reshape(cov, (x.shape[1], x.shape[1]))


RIGHT = [
    fit_by_hand,
    fit_with_cov,
    fit_outer_products,
    fit_with_loop,
    fit_einsum,
    fit_numpy,
    fit_numpy_float64,
]

WRONG = [
    ("cancellation", fit_moments),
    ("wrong-mean", fit_median),
    ("not-symmetric", fit_triangular),
    ("wrong-covariance", fit_shrunk),
    ("does-not-move-along", fit_ridge),
    ("single-precision", fit_small_ridge),
    ("one-point", fit_guarded),
    ("wrong-type", fit_only_mean),
    ("wrong-dtype", fit_single),
    ("wrong-shape", fit_keepdim),
    ("changes-its-input", fit_in_place),
    ("raises", fit_misspelt),
]
