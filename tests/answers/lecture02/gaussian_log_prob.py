"""Answers to 02.gaussian_log_prob."""

import math

import numpy as np
import torch
from torch.distributions import MultivariateNormal, Normal


def by_the_formula(x, mean, cov):
    d = x - mean
    quadratic = (d @ torch.linalg.inv(cov) * d).sum(dim=1)
    return -0.5 * (quadratic + torch.logdet(cov) + x.shape[1] * math.log(2 * math.pi))


def with_cholesky(x, mean, cov):
    factor = torch.linalg.cholesky(cov)
    w = torch.linalg.solve_triangular(factor, (x - mean).T, upper=False)
    log_det = factor.diagonal().log().sum()
    return -0.5 * w.pow(2).sum(0) - log_det - 0.5 * len(mean) * math.log(2 * math.pi)


def from_the_library(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x)


def with_eigenvalues(x, mean, cov):
    values, vectors = torch.linalg.eigh(cov)
    return Normal(0.0, values.sqrt()).log_prob((x - mean) @ vectors).sum(1)


def with_einsum(x, mean, cov):
    d = x - mean
    quadratic = torch.einsum("ni,ij,nj->n", d, torch.linalg.inv(cov), d)
    two_pi = torch.tensor(2 * torch.pi)  # float32, whatever x is
    return -quadratic / 2 - torch.linalg.slogdet(cov)[1] / 2 - cov.shape[0] / 2 * torch.log(two_pi)


def point_by_point(x, mean, cov):
    rows = []
    for row in x:
        d = (row - mean)[:, None]
        rows.append((d.T @ torch.linalg.solve(cov, d)).squeeze())
    const = torch.logdet(cov) + len(mean) * np.log(2 * np.pi)
    return -(torch.stack(rows) + const) / 2


def pi_per_element(x, mean, cov):
    d = x - mean
    size = x.shape[1]
    elements = d @ cov.inverse() * d + torch.logdet(cov) / size + size * math.log(2 * math.pi)
    return -0.5 * elements.sum(1)


def in_bits(x, mean, cov):
    return torch.log2(MultivariateNormal(mean, cov).log_prob(x).exp())


def log_of_det(x, mean, cov):
    d = x - mean
    norm = torch.log(torch.sqrt((2 * math.pi) ** len(mean) * torch.det(cov)))
    return -0.5 * (d @ cov.inverse() * d).sum(1) - norm


def with_jitter(x, mean, cov):
    return by_the_formula(x, mean, cov + 1e-6 * torch.eye(len(mean), dtype=x.dtype))


def expanded_square(x, mean, cov):
    p = torch.linalg.inv(cov)
    quadratic = (x @ p * x).sum(1) - 2 * x @ p @ mean + mean @ p @ mean
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(2 * math.pi))


def summed(x, mean, cov):
    return by_the_formula(x, mean, cov).sum()


def averaged(x, mean, cov):
    return by_the_formula(x, mean, cov).mean()


def cubed(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x) - (x - mean).abs().pow(3).sum(1)


def off_by_a_constant(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x) + 1


def first_point_subtracted(x, mean, cov):
    value = by_the_formula(x, mean, cov)
    return value if len(x) > 1 else torch.zeros_like(value)


def without_graph(x, mean, cov):
    with torch.no_grad():
        return by_the_formula(x, mean, cov)


def detached_mean(x, mean, cov):
    return by_the_formula(x, mean.detach(), cov)


def mean_of_floats(x, mean, cov):
    return by_the_formula(x, torch.tensor(mean.tolist(), dtype=x.dtype), cov)


def detached_determinant(x, mean, cov):
    d = x - mean
    quadratic = (d @ torch.linalg.inv(cov) * d).sum(dim=1)
    return -0.5 * (quadratic + torch.logdet(cov.detach()) + len(mean) * math.log(2 * math.pi))


def half_detached(x, mean, cov):
    d = x - mean
    quadratic = (d.detach() @ torch.linalg.inv(cov) * d).sum(dim=1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(2 * math.pi))


def with_numpy(x, mean, cov):
    d = x.numpy() - mean.numpy()
    quadratic = (d @ np.linalg.inv(cov.numpy()) * d).sum(1)
    value = -0.5 * (quadratic + np.linalg.slogdet(cov.numpy())[1] + d.shape[1] * np.log(2 * np.pi))
    return torch.from_numpy(value.astype(d.dtype))


def single_precision(x, mean, cov):
    return by_the_formula(x.float(), mean.float(), cov.float())


def always_double(x, mean, cov):
    return by_the_formula(x.double(), mean.double(), cov.double())


def keepdim(x, mean, cov):
    return by_the_formula(x, mean, cov)[:, None]


def in_place(x, mean, cov):
    x -= mean
    return by_the_formula(x, torch.zeros_like(mean), cov)


def univariate(x, mean, sigma):
    return -0.5 * ((x - mean) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)


def zero_gradient(x, mean, cov):
    value = by_the_formula(x.detach(), mean.detach(), cov.detach())
    return value + 0 * (x.sum() + mean.sum() + cov.sum())


def with_singular_values(x, mean, cov):
    u, s, _ = torch.linalg.svd(cov)
    w = (x - mean) @ u
    two_pi = torch.tensor(2 * math.pi)
    return -0.5 * (w * w / s).sum(1) - 0.5 * s.log().sum() - 0.5 * len(s) * torch.log(two_pi)


def diagonal_of_pairs(x, mean, cov):
    d = x - mean
    quadratic = torch.diag(d @ torch.linalg.solve(cov, d.T))
    log_det = torch.linalg.slogdet(cov).logabsdet
    return -0.5 * quadratic - 0.5 * log_det - len(mean) / 2 * math.log(2 * math.pi)


def schoolbook_pi(x, mean, cov):
    d = x - mean
    quadratic = (d * torch.linalg.solve(cov, d.T).T).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(2 * 3.14))


RIGHT = [
    by_the_formula,
    with_cholesky,
    from_the_library,
    with_eigenvalues,
    with_einsum,
    point_by_point,
    always_double,
    with_singular_values,
    diagonal_of_pairs,
]

WRONG = [
    ("rounded-pi", schoolbook_pi),
    ("two-pi-squared", pi_per_element),
    ("base-two", in_bits),
    ("log-of-det", log_of_det),
    ("small-variances", with_jitter),
    ("cancellation", expanded_square),
    ("reduced-over-batch", summed),
    ("reduced-over-batch", averaged),
    ("wrong-shape-of-peak", cubed),
    ("wrong-height", off_by_a_constant),
    ("one-point", first_point_subtracted),
    ("no-gradient", without_graph),
    ("no-gradient", detached_mean),
    ("no-gradient", mean_of_floats),
    ("wrong-gradient", detached_determinant),
    ("wrong-gradient", half_detached),
    ("wrong-gradient", zero_gradient),
    ("leaves-torch", with_numpy),
    ("wrong-dtype", single_precision),
    ("wrong-shape", keepdim),
    ("raises", univariate),
    ("changes-its-input", in_place),
]
