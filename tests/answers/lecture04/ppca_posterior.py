"""Answers to 04.ppca_posterior."""

import torch
from torch.distributions import MultivariateNormal


def inner(W, sigma):
    return W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=W.dtype)


def by_hand(x, W, b, sigma):
    inverse = torch.linalg.inv(inner(W, sigma))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def constant_in_single_precision(x, W, b, sigma):
    noise = torch.tensor(sigma) ** 2
    inverse = torch.linalg.inv(W.T @ W + noise * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, noise * inverse


def precision(x, W, b, sigma):
    cov = torch.linalg.inv(torch.eye(W.shape[1], dtype=x.dtype) + W.T @ W / sigma**2)
    return (x - b) @ W @ cov / sigma**2, cov


def solve(x, W, b, sigma):
    m = inner(W, sigma)
    mean = torch.linalg.solve(m, W.T @ (x - b).T).T
    return mean, sigma**2 * torch.linalg.solve(m, torch.eye(len(m), dtype=x.dtype))


def cholesky(x, W, b, sigma):
    factor = torch.linalg.cholesky(inner(W, sigma))
    mean = torch.cholesky_solve(((x - b) @ W).T, factor).T
    return [mean, sigma**2 * torch.cholesky_inverse(factor)]


def point_by_point(x, W, b, sigma):
    cov = torch.linalg.inv(torch.eye(W.shape[1], dtype=x.dtype) + W.T @ W / sigma**2)
    return torch.stack([cov @ (W.T @ (row - b)) / sigma**2 for row in x]), cov


def ridge(x, W, b, sigma):
    # Least squares with the prior as K more rows.
    k = W.shape[1]
    rows = torch.cat([W, sigma * torch.eye(k, dtype=x.dtype)])
    targets = torch.cat([(x - b).T, torch.zeros(k, len(x), dtype=x.dtype)])
    mean = torch.linalg.lstsq(rows, targets).solution.T
    return mean, sigma**2 * torch.linalg.pinv(rows) @ torch.linalg.pinv(rows).T


def singular_values(x, W, b, sigma):
    axes, s, v = torch.linalg.svd(W, full_matrices=False)
    shrink = s / (s**2 + sigma**2)
    return (x - b) @ axes * shrink @ v, v.T * (sigma**2 / (s**2 + sigma**2)) @ v


def conditioned(x, W, b, sigma):
    cov = W @ W.T + sigma**2 * torch.eye(len(W), dtype=x.dtype)
    gain = torch.linalg.solve(cov, W).T
    return (x - b) @ gain.T, torch.eye(W.shape[1], dtype=x.dtype) - gain @ W


def sampled(x, W, b, sigma):
    mean, cov = by_hand(x, W, b, sigma)
    return MultivariateNormal(mean, cov).sample(), cov


def shifted(x, W, b, sigma):
    mean, cov = by_hand(x, W, b, sigma)
    return mean + 0.1, cov


def half(x, W, b, sigma):
    mean, cov = by_hand(x, W, b, sigma)
    return mean, cov / 2


def jitter(x, W, b, sigma):
    inverse = torch.linalg.inv(inner(W, sigma) + 1e-6 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def single_inside(x, W, b, sigma):
    mean, cov = by_hand(x.float(), W.float(), b.float(), sigma)
    return mean.to(x.dtype), cov.to(x.dtype)


def enough_noise(x, W, b, sigma):
    return by_hand(x, W, b, max(sigma, 0.04))


def only_mean(x, W, b, sigma):
    return by_hand(x, W, b, sigma)[0]


def deviations(x, W, b, sigma):
    mean, cov = by_hand(x, W, b, sigma)
    return mean, cov.diagonal().sqrt()


def in_place(x, W, b, sigma):
    x -= b
    return by_hand(x, W, 0, sigma)


def w_untransposed(x, W, b, sigma):
    inverse = torch.linalg.inv(W @ W.T + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


RIGHT = [
    by_hand,
    constant_in_single_precision,
    precision,
    solve,
    cholesky,
    point_by_point,
    ridge,
    singular_values,
    conditioned,
]
WRONG = [
    ("random", sampled),
    ("wrong-mean", shifted),
    ("wrong-covariance", half),
    ("single-precision", single_inside),
    ("depends-on-units", enough_noise),
    ("depends-on-units", jitter),
    ("wrong-type", only_mean),
    ("wrong-shape", deviations),
    ("raises", w_untransposed),
    ("changes-its-input", in_place),
]
