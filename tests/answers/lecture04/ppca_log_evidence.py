"""Answers to 04.ppca_log_evidence."""

import math

import torch
from torch.distributions import LowRankMultivariateNormal, MultivariateNormal, Normal

LOG_2PI = math.log(2 * math.pi)


def covariance(W, sigma):
    return W @ W.T + sigma**2 * torch.eye(W.shape[0], dtype=W.dtype)


def inner(W, sigma):
    return W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=W.dtype)


def library(x, W, b, sigma):
    return MultivariateNormal(b, covariance(W, sigma)).log_prob(x)


def low_rank(x, W, b, sigma):
    return LowRankMultivariateNormal(b, W, torch.full_like(b, sigma**2)).log_prob(x)


def by_hand(x, W, b, sigma):
    cov = covariance(W, sigma)
    d = x - b
    quadratic = (d * torch.linalg.solve(cov, d.T).T).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + x.shape[1] * math.log(2 * math.pi))


def constant_in_single_precision(x, W, b, sigma):
    noise = torch.tensor(sigma**2)  # float32, whatever x is
    cov = W @ W.T + noise * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def woodbury(x, W, b, sigma):
    d = x - b
    projected = d @ W
    small = inner(W, sigma)
    quadratic = (d**2).sum(1) - (projected * torch.linalg.solve(small, projected.T).T).sum(1)
    log_det = (W.shape[0] - W.shape[1]) * math.log(sigma**2) + torch.logdet(small)
    return -0.5 * (quadratic / sigma**2 + log_det + W.shape[0] * LOG_2PI)


def cholesky(x, W, b, sigma):
    factor = torch.linalg.cholesky(covariance(W, sigma))
    white = torch.linalg.solve_triangular(factor, (x - b).T, upper=False)
    two_pi = torch.tensor(2 * torch.pi)  # float32, whatever x is
    return -0.5 * (white**2).sum(0) - factor.diag().log().sum() - len(b) / 2 * two_pi.log()


def bayes(x, W, b, sigma):
    mean = torch.linalg.solve(inner(W, sigma), W.T @ (x - b).T).T
    precision = inner(W, sigma) / sigma**2
    prior = Normal(0.0, 1.0).log_prob(mean).sum(1)
    likelihood = Normal(b + mean @ W.T, sigma).log_prob(x).sum(1)
    return prior + likelihood - 0.5 * torch.logdet(precision) + W.shape[1] / 2 * LOG_2PI


def singular_values(x, W, b, sigma):
    axes, s, _ = torch.linalg.svd(W, full_matrices=False)
    d = x - b
    along = d @ axes
    rest = d - along @ axes.T
    log_det = (s**2 + sigma**2).log().sum() + 2 * (len(b) - len(s)) * math.log(sigma)
    squares = (along**2 / (s**2 + sigma**2)).sum(1) + (rest**2).sum(1) / sigma**2
    return -0.5 * (squares + log_det + len(b) * LOG_2PI)


def from_draws(x, W, b, sigma):
    z = torch.randn(2000, W.shape[1], dtype=x.dtype)
    logs = Normal((z @ W.T + b)[:, None], sigma).log_prob(x).sum(-1)
    return torch.logsumexp(logs, 0) - math.log(2000)


def cubic(x, W, b, sigma):
    return library(x, W, b, sigma) - ((x - b) ** 4).sum(1)


def offset(x, W, b, sigma):
    return library(x, W, b, sigma) - 1


def two_points(x, W, b, sigma):
    value = library(x, W, b, sigma)
    return value if len(x) > 1 else 0 * value


def jitter(x, W, b, sigma):
    cov = covariance(W, sigma) + 1e-6 * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def single_inside(x, W, b, sigma):
    # Where sigma is 0.01, the last digits of W W^T are of the size of sigma squared.
    signal = W.float() @ W.float().T
    cov = signal.to(x.dtype) + sigma**2 * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def floor(x, W, b, sigma):
    return library(x, W, b, max(sigma, 0.05))


def expanded(x, W, b, sigma):
    p = torch.linalg.inv(covariance(W, sigma))
    quadratic = (x @ p * x).sum(1) - 2 * x @ p @ b + b @ p @ b
    return -0.5 * (quadratic + torch.logdet(covariance(W, sigma)) + len(b) * LOG_2PI)


def no_grad(x, W, b, sigma):
    with torch.no_grad():
        return library(x, W, b, sigma)


def w_detached(x, W, b, sigma):
    return library(x, W.detach(), b, sigma)


def det_detached(x, W, b, sigma):
    cov = covariance(W, sigma)
    d = x - b
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov.detach()) + len(b) * LOG_2PI)


def gram(x, W, b, sigma):
    return MultivariateNormal(b, inner(W, sigma)).log_prob(x)


def in_place(x, W, b, sigma):
    x -= b
    return library(x, W, torch.zeros_like(b), sigma)


def schoolbook_pi(x, W, b, sigma):
    cov = W @ W.T + sigma**2 * torch.eye(len(b), dtype=W.dtype)
    quadratic = ((x - b) * torch.linalg.solve(cov, (x - b).T).T).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(b) * math.log(2 * 3.14))


RIGHT = [
    library,
    low_rank,
    by_hand,
    constant_in_single_precision,
    woodbury,
    cholesky,
    bayes,
    singular_values,
]
WRONG = [
    ("rounded-pi", schoolbook_pi),
    ("random", from_draws),
    ("wrong-shape-of-peak", cubic),
    ("wrong-height", offset),
    ("one-point", two_points),
    ("depends-on-units", floor),
    ("depends-on-units", jitter),
    ("many-dimensions", single_inside),
    ("cancellation", expanded),
    ("no-gradient", no_grad),
    ("no-gradient", w_detached),
    ("wrong-gradient", det_detached),
    ("raises", gram),
    ("changes-its-input", in_place),
]
