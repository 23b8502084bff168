"""Answers to the exercises of lecture 02."""

import math

import numpy as np
import torch
from torch.distributions import (
    Categorical,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

# --- 02.gaussian_log_prob -------------------------------------------------------------------


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


def no_pi(x, mean, cov):
    return by_the_formula(x, mean, cov) + len(mean) / 2 * math.log(2 * math.pi)


def pi_once(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + math.log(2 * math.pi))


def pi_per_element(x, mean, cov):
    d = x - mean
    size = x.shape[1]
    elements = d @ cov.inverse() * d + torch.logdet(cov) / size + size * math.log(2 * math.pi)
    return -0.5 * elements.sum(1)


def full_log_two_pi(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov)) - len(mean) * math.log(2 * math.pi)


def log_pi(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(math.pi))


def full_quadratic(x, mean, cov):
    d = x - mean
    return by_the_formula(x, mean, cov) - 0.5 * (d @ cov.inverse() * d).sum(1)


def no_half_at_all(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -(quadratic + torch.logdet(cov) + len(mean) * math.log(2 * math.pi))


def full_log_det(x, mean, cov):
    return by_the_formula(x, mean, cov) - 0.5 * torch.logdet(cov)


def without_det(x, mean, cov):
    return by_the_formula(x, mean, cov) + 0.5 * torch.logdet(cov)


def exponent_only(x, mean, cov):
    return -0.5 * torch.einsum("nd,de,ne->n", x - mean, cov.inverse(), x - mean)


def plus_log_det(x, mean, cov):
    return by_the_formula(x, mean, cov) + torch.logdet(cov)


def plus_normaliser(x, mean, cov):
    return by_the_formula(x, mean, cov) + torch.logdet(2 * math.pi * cov)


def plus_quadratic(x, mean, cov):
    d = x - mean
    return by_the_formula(x, mean, cov) + (d @ cov.inverse() * d).sum(1)


def plain_det(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.linalg.det(cov) + len(mean) * math.log(2 * math.pi))


def cov_in_the_middle(x, mean, cov):
    d = x - mean
    quadratic = (d @ cov * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(2 * math.pi))


def as_precision(x, mean, cov):
    return MultivariateNormal(mean, precision_matrix=cov).log_prob(x)


def squared_again(x, mean, cov):
    return MultivariateNormal(mean, cov @ cov.T).log_prob(x)


def plain_distance(x, mean, cov):
    quadratic = ((x - mean) ** 2).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + len(mean) * math.log(2 * math.pi))


def unit_covariance(x, mean, cov):
    return MultivariateNormal(mean, torch.eye(len(mean), dtype=x.dtype)).log_prob(x)


def diagonal(x, mean, cov):
    return Normal(mean, torch.diag(cov) ** 0.5).log_prob(x).sum(1)


def diagonal_not_rooted(x, mean, cov):
    return Normal(mean, torch.diag(cov)).log_prob(x).sum(1)


def at_zero(x, mean, cov):
    return MultivariateNormal(torch.zeros_like(mean), cov).log_prob(x)


def density(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x).exp()


def loss(x, mean, cov):
    return -MultivariateNormal(mean, cov).log_prob(x)


def in_bits(x, mean, cov):
    return torch.log2(MultivariateNormal(mean, cov).log_prob(x).exp())


def in_bits_by_hand(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x) / math.log(2)


def per_dimension(x, mean, cov):
    return MultivariateNormal(mean, cov).log_prob(x) / x.shape[1]


def matrix_of_pairs(x, mean, cov):
    d = x - mean
    quadratic = d @ torch.linalg.solve(cov, d.T)
    return -0.5 * (quadratic + torch.logdet(cov) + x.shape[1] * math.log(2 * math.pi))


def log_of_det(x, mean, cov):
    d = x - mean
    norm = torch.log(torch.sqrt((2 * math.pi) ** len(mean) * torch.det(cov)))
    return -0.5 * (d @ cov.inverse() * d).sum(1) - norm


def log_of_density(x, mean, cov):
    return torch.log(torch.exp(by_the_formula(x, mean, cov)))


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


# --- 02.fit_gaussian ------------------------------------------------------------------------


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


def fit_unbiased(x):
    return x.mean(0), torch.cov(x.T)


def fit_unbiased_by_hand(x):
    d = x - x.mean(0)
    return x.mean(0), d.T @ d / (len(x) - 1)


def fit_summed(x):
    d = x - x.mean(0)
    return x.mean(0), d.T @ d


def fit_over_d(x):
    d = x - x.mean(0)
    return x.mean(0), d.T @ d / x.shape[1]


def fit_second_moment(x):
    return x.mean(0), torch.einsum("ni,nj->ij", x, x) / len(x)


def fit_one_mean(x):
    d = x - x.mean()
    return x.mean(0), d.T @ d / len(x)


def fit_one_mean_returned(x):
    mean = x.mean()
    return mean, (x - mean).T @ (x - mean) / len(x)


def fit_variances(x):
    return x.mean(0), x.var(0, correction=0)


def fit_diagonal(x):
    return x.mean(0), torch.diag_embed(((x - x.mean(0)) ** 2).mean(0))


def fit_std(x):
    return x.mean(0), x.std(0, correction=0)


def fit_std_diagonal(x):
    return x.mean(0), torch.diag(x.std(0, correction=0))


def fit_correlation(x):
    return x.mean(0), torch.corrcoef(x.T)


def fit_precision(x):
    return x.mean(0), torch.linalg.inv(torch.cov(x.T, correction=0))


def fit_factor(x):
    return x.mean(0), torch.linalg.cholesky(torch.cov(x.T, correction=0))


def fit_sum_as_mean(x):
    return x.sum(0), torch.cov(x.T, correction=0)


def fit_swapped(x):
    return torch.cov(x.T, correction=0), x.mean(0)


def fit_mean_of_rows(x):
    return x.mean(1), torch.cov(x.T, correction=0)


def fit_cov_of_rows(x):
    return x.mean(0), torch.cov(x)


def fit_cov_of_rows_with_n(x):
    return x.mean(0), torch.cov(x, correction=0)


def fit_all_rows(x):
    return x.mean(1), torch.cov(x)


def fit_all_rows_with_n(x):
    d = x - x.mean(1, keepdim=True)
    return x.mean(1), d @ d.T / x.shape[1]


def fit_gram(x):
    d = x - x.mean(0)
    return x.mean(0), d @ d.T / len(x)


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


# --- 02.mixture_log_prob --------------------------------------------------------------------


def _components(x, means, sigmas):
    squared = ((x[:, None, :] - means[None, :, :]) ** 2).sum(-1)
    d = x.shape[1]
    return -squared / (2 * sigmas**2) - d * torch.log(sigmas) - d / 2 * math.log(2 * math.pi)


def mix_by_hand(x, log_weights, means, sigmas):
    return torch.logsumexp(log_weights + _components(x, means, sigmas), dim=1)


def mix_from_the_library(x, log_weights, means, sigmas):
    components = Independent(Normal(means, sigmas[:, None].expand_as(means)), 1)
    return MixtureSameFamily(Categorical(logits=log_weights), components).log_prob(x)


def mix_with_normal(x, log_weights, means, sigmas):
    logs = Normal(means, sigmas[:, None]).log_prob(x[:, None]).sum(-1)
    return (logs + log_weights[None]).logsumexp(-1)


def mix_by_largest(x, log_weights, means, sigmas):
    logs = log_weights + _components(x, means, sigmas)
    largest = logs.max(dim=1, keepdim=True).values
    return largest.squeeze(1) + (logs - largest).exp().sum(1).log()


def mix_one_after_the_other(x, log_weights, means, sigmas):
    total = None
    for log_weight, mean, sigma in zip(log_weights, means, sigmas, strict=True):
        cov = sigma**2 * torch.eye(len(mean), dtype=x.dtype)
        term = log_weight + MultivariateNormal(mean, cov).log_prob(x)
        total = term if total is None else torch.logaddexp(total, term)
    return total


def mix_float_constant(x, log_weights, means, sigmas):
    squared = torch.cdist(x, means) ** 2
    variance = sigmas.square()
    norm = x.shape[1] / 2 * torch.log(torch.tensor(2 * torch.pi) * variance)
    return torch.logsumexp(log_weights - squared / (2 * variance) - norm, 1)


def mix_normaliser_of_one(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas**2) - 0.5 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_sigma_once(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas**2) - sigmas.log() - x.shape[1] / 2 * math.log(2 * math.pi)
    return torch.logsumexp(log_weights + logs, 1)


def mix_pi_once(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas**2) - x.shape[1] * sigmas.log() - math.log(2 * math.pi) / 2
    return torch.logsumexp(log_weights + logs, 1)


def mix_per_element(x, log_weights, means, sigmas):
    s = sigmas[:, None]
    norm = x.shape[1] * torch.log(s * math.sqrt(2 * math.pi))
    logs = (-((x[:, None] - means) ** 2) / (2 * s**2) - norm).sum(-1)
    return torch.logsumexp(log_weights + logs, 1)


def mix_full_normaliser(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas**2) - x.shape[1] * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_no_pi(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas) + x.shape[1] / 2 * math.log(2 * math.pi)


def mix_no_sigma(x, log_weights, means, sigmas):
    logs = _components(x, means, sigmas) + x.shape[1] * sigmas.log()
    return torch.logsumexp(log_weights + logs, 1)


def mix_no_normaliser(x, log_weights, means, sigmas):
    squared = torch.cdist(x, means) ** 2
    return torch.logsumexp(log_weights - squared / (2 * sigmas**2), 1)


def mix_plain_sigma(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas) - x.shape[1] * (sigmas * math.sqrt(2 * math.pi)).log()
    return torch.logsumexp(log_weights + logs, 1)


def mix_sigma_is_variance(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas)
    return torch.logsumexp(log_weights + logs, 1)


def mix_sigma_squared(x, log_weights, means, sigmas):
    logs = Normal(means, sigmas[:, None] ** 2).log_prob(x[:, None]).sum(-1)
    return torch.logsumexp(log_weights + logs, 1)


def mix_no_half(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / sigmas**2 - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_plain_distance(x, log_weights, means, sigmas):
    distance = torch.cdist(x, means)
    logs = -distance / (2 * sigmas**2) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_mean_over_d(x, log_weights, means, sigmas):
    logs = Normal(means, sigmas[:, None]).log_prob(x[:, None]).mean(-1)
    return torch.logsumexp(log_weights + logs, 1)


def mix_unweighted(x, log_weights, means, sigmas):
    return torch.logsumexp(_components(x, means, sigmas), 1)


def mix_mean(x, log_weights, means, sigmas):
    logs = _components(x, means, sigmas)
    largest = logs.max(1, keepdim=True).values
    return (logs - largest).exp().mean(1).log() + largest[:, 0]


def mix_weights_added(x, log_weights, means, sigmas):
    return torch.logsumexp(torch.softmax(log_weights, 0) + _components(x, means, sigmas), 1)


def mix_log_again(x, log_weights, means, sigmas):
    return torch.logsumexp(torch.log(log_weights) + _components(x, means, sigmas), 1)


def mix_times_log_weights(x, log_weights, means, sigmas):
    return torch.log((log_weights * _components(x, means, sigmas).exp()).sum(1))


def mix_sum_of_logs(x, log_weights, means, sigmas):
    return (log_weights + _components(x, means, sigmas)).sum(1)


def mix_sum_of_logs_unweighted(x, log_weights, means, sigmas):
    return _components(x, means, sigmas).sum(1)


def mix_average_of_logs(x, log_weights, means, sigmas):
    return _components(x, means, sigmas) @ log_weights.exp()


def mix_hard(x, log_weights, means, sigmas):
    return (log_weights + _components(x, means, sigmas)).amax(1)


def mix_axis_zero(x, log_weights, means, sigmas):
    return torch.logsumexp(log_weights + _components(x, means, sigmas), dim=0)


def mix_matrix(x, log_weights, means, sigmas):
    return log_weights + _components(x, means, sigmas)


def mix_density(x, log_weights, means, sigmas):
    return (log_weights.exp() * _components(x, means, sigmas).exp()).sum(1)


def mix_loss(x, log_weights, means, sigmas):
    return -mix_by_hand(x, log_weights, means, sigmas)


def mix_underflow(x, log_weights, means, sigmas):
    return torch.log((log_weights.exp() * _components(x, means, sigmas).exp()).sum(1))


def mix_floor(x, log_weights, means, sigmas):
    density = (log_weights.exp() * _components(x, means, sigmas).exp()).sum(1)
    return torch.log(density + 1e-30)


def mix_clamped(x, log_weights, means, sigmas):
    logs = log_weights + _components(x, means, sigmas)
    return torch.logsumexp(logs.clamp(min=-80), 1)


def mix_summed(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).sum()


def mix_first_sigma(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas[:1].expand_as(sigmas))


def mix_without_graph(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).detach()


def mix_fixed_weights(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights.detach(), means, sigmas)


def mix_half_detached(x, log_weights, means, sigmas):
    squared = ((x[:, None] - means) * (x.detach()[:, None] - means)).sum(-1)
    logs = -squared / (2 * sigmas**2) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas**2)
    return torch.logsumexp(log_weights + logs, 1)


def mix_where(x, log_weights, means, sigmas):
    naive = mix_underflow(x, log_weights, means, sigmas)
    return torch.where(naive.isinf(), mix_by_hand(x, log_weights, means, sigmas), naive)


def mix_always_single(x, log_weights, means, sigmas):
    return mix_by_hand(x.float(), log_weights.float(), means.float(), sigmas.float())


def mix_numpy(x, log_weights, means, sigmas):
    return mix_by_hand(x, log_weights, means, sigmas).numpy()


def mix_in_place(x, log_weights, means, sigmas):
    sigmas.pow_(2)
    squared = ((x[:, None] - means) ** 2).sum(-1)
    logs = -squared / (2 * sigmas) - x.shape[1] / 2 * torch.log(2 * math.pi * sigmas)
    return torch.logsumexp(log_weights + logs, 1)


def mix_not_broadcast(x, log_weights, means, sigmas):
    return torch.logsumexp(log_weights - ((x - means) ** 2).sum(-1) / (2 * sigmas**2), 0)


# --- 02.asymmetry_error ---------------------------------------------------------------------


def _p(c, a):
    return 3 / 8 * (1 + c**2) + a * c


def error_by_hand(cos_theta, a_fb):
    p = 3 / 8 * (1 + cos_theta**2) + a_fb * cos_theta
    return 1 / torch.sqrt((cos_theta**2 / p**2).sum())


def error_of_scores(cos_theta, a_fb):
    return torch.linalg.vector_norm(cos_theta / _p(cos_theta, a_fb)).reciprocal()


def error_by_autograd(cos_theta, a_fb):
    a = torch.tensor(float(a_fb), dtype=cos_theta.dtype, requires_grad=True)
    log_likelihood = torch.log(_p(cos_theta, a)).sum()
    (slope,) = torch.autograd.grad(log_likelihood, a, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, a)
    return (-curvature) ** -0.5


def error_by_hessian(cos_theta, a_fb):
    def loss(a):
        return -torch.log(_p(cos_theta, a)).sum()

    return torch.autograd.functional.hessian(loss, a_fb).rsqrt()


def error_with_loop(cos_theta, a_fb):
    information = 0.0
    for c in cos_theta.tolist():
        information += (c / _p(c, float(a_fb))) ** 2
    return torch.tensor(1 / math.sqrt(information), dtype=cos_theta.dtype)


def error_squared(cos_theta, a_fb):
    return 1 / (cos_theta / _p(cos_theta, a_fb)).pow(2).sum()


def error_information(cos_theta, a_fb):
    return (cos_theta / _p(cos_theta, a_fb)).pow(2).sum()


def error_root_information(cos_theta, a_fb):
    return (cos_theta / _p(cos_theta, a_fb)).norm()


def error_per_event(cos_theta, a_fb):
    return 1 / ((cos_theta / _p(cos_theta, a_fb)) ** 2).mean().sqrt()


def error_over_root_n(cos_theta, a_fb):
    return error_by_hand(cos_theta, a_fb) / len(cos_theta) ** 0.5


def error_expected(cos_theta, a_fb):
    c = torch.linspace(-1, 1, 200_001, dtype=torch.float64)
    information = torch.trapezoid(c**2 / _p(c, float(a_fb)), c)
    return (len(cos_theta) * information).rsqrt().to(cos_theta.dtype)


def error_counting(cos_theta, a_fb):
    return torch.sqrt((1 - a_fb**2) / cos_theta.shape[0])


def error_counted(cos_theta, a_fb):
    n = len(cos_theta)
    a = ((cos_theta > 0).sum() - (cos_theta < 0).sum()) / n
    return ((1 - a**2) / n).sqrt().to(cos_theta.dtype)


def error_of_mean(cos_theta, a_fb):
    return cos_theta.std(correction=0) / len(cos_theta) ** 0.5


def error_of_moment(cos_theta, a_fb):
    return (1.5 * cos_theta).std(correction=0) / len(cos_theta) ** 0.5


def error_plain_p(cos_theta, a_fb):
    return 1 / (cos_theta**2 / _p(cos_theta, a_fb)).sum().sqrt()


def error_plain_c(cos_theta, a_fb):
    return 1 / (cos_theta / _p(cos_theta, a_fb) ** 2).sum().sqrt()


def error_slope(cos_theta, a_fb):
    return 1 / (cos_theta / _p(cos_theta, a_fb)).sum().sqrt()


def error_absolute(cos_theta, a_fb):
    return 1 / (cos_theta.abs() / _p(cos_theta, a_fb)).sum().sqrt()


def error_square_of_sum(cos_theta, a_fb):
    return 1 / ((cos_theta / _p(cos_theta, a_fb)).sum() ** 2).sqrt()


def error_wrong_sign(cos_theta, a_fb):
    second = -((cos_theta / _p(cos_theta, a_fb)) ** 2).sum()
    return 1 / second.sqrt()


def error_negative(cos_theta, a_fb):
    return -error_by_hand(cos_theta, a_fb)


def error_symmetric(cos_theta, a_fb):
    return error_by_hand(cos_theta, 0.0)


def error_backward(cos_theta, a_fb):
    p = 3 / 8 * (1 + cos_theta**2) - a_fb * cos_theta
    return 1 / (cos_theta / p).square().sum().sqrt()


def error_no_three_eighths(cos_theta, a_fb):
    p = 1 + cos_theta**2 + a_fb * cos_theta
    return 1 / (cos_theta / p).square().sum().sqrt()


def error_three_eighths_of_all(cos_theta, a_fb):
    p = 3 / 8 * (1 + cos_theta**2 + a_fb * cos_theta)
    return 1 / (cos_theta / p).square().sum().sqrt()


def error_at_the_maximum(cos_theta, a_fb):
    a = a_fb.double()
    c = cos_theta.double()
    for _ in range(3):
        score = c / _p(c, a)
        a = (a + score.sum() / score.square().sum()).clamp(-0.5, 0.5)
    return error_by_hand(c, a).to(cos_theta.dtype)


def error_each(cos_theta, a_fb):
    return _p(cos_theta, a_fb) / cos_theta.abs()


def error_float(cos_theta, a_fb):
    return float(error_by_hand(cos_theta, a_fb))


def error_single(cos_theta, a_fb):
    return error_by_hand(cos_theta.float(), a_fb.float())


def error_with_axis(cos_theta, a_fb):
    return error_by_hand(cos_theta, a_fb).reshape(1)


def error_in_place(cos_theta, a_fb):
    p = _p(cos_theta, a_fb)
    return cos_theta.div_(p).square().sum().rsqrt()


def error_missing_argument(cos_theta):
    return error_by_hand(cos_theta, 0.0)


def error_undefined(cos_theta, a_fb):
    return 1 / math.sqrt(-sum(cos_theta**2))


ALTERNATIVES = {
    "02.gaussian_log_prob": [
        by_the_formula,
        with_cholesky,
        from_the_library,
        with_eigenvalues,
        with_einsum,
        point_by_point,
        always_double,
    ],
    "02.fit_gaussian": [
        fit_by_hand,
        fit_with_cov,
        fit_outer_products,
        fit_with_loop,
        fit_einsum,
        fit_numpy,
    ],
    "02.mixture_log_prob": [
        mix_by_hand,
        mix_from_the_library,
        mix_with_normal,
        mix_by_largest,
        mix_one_after_the_other,
        mix_float_constant,
    ],
    "02.asymmetry_error": [
        error_by_hand,
        error_of_scores,
        error_by_autograd,
        error_by_hessian,
        error_with_loop,
        error_float,
    ],
}

MUTANTS = {
    "02.gaussian_log_prob": [
        ("no-two-pi", no_pi),
        ("two-pi-once", pi_once),
        ("two-pi-squared", pi_per_element),
        ("two-pi-not-halved", full_log_two_pi),
        ("pi-for-two-pi", log_pi),
        ("no-half-in-exponent", full_quadratic),
        ("no-half", no_half_at_all),
        ("log-det-not-halved", full_log_det),
        ("no-log-det", without_det),
        ("no-normaliser", exponent_only),
        ("log-det-sign", plus_log_det),
        ("normaliser-sign", plus_normaliser),
        ("exponent-sign", plus_quadratic),
        ("det-not-log", plain_det),
        ("covariance-as-precision", cov_in_the_middle),
        ("covariance-as-precision", as_precision),
        ("covariance-as-root", squared_again),
        ("no-covariance", plain_distance),
        ("no-covariance", unit_covariance),
        ("diagonal-only", diagonal),
        ("diagonal-only", diagonal_not_rooted),
        ("not-centred", at_zero),
        ("exponentiated", density),
        ("negative", loss),
        ("base-two", in_bits),
        ("base-two", in_bits_by_hand),
        ("per-dimension", per_dimension),
        ("all-pairs", matrix_of_pairs),
        ("log-of-det", log_of_det),
        ("log-of-density", log_of_density),
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
        ("leaves-torch", with_numpy),
        ("wrong-dtype", single_precision),
        ("wrong-shape", keepdim),
        ("raises", univariate),
        ("changes-its-input", in_place),
    ],
    "02.fit_gaussian": [
        ("n-minus-one", fit_unbiased),
        ("n-minus-one", fit_unbiased_by_hand),
        ("not-averaged", fit_summed),
        ("divided-by-d", fit_over_d),
        ("not-centred", fit_second_moment),
        ("global-mean", fit_one_mean),
        ("global-mean", fit_one_mean_returned),
        ("diagonal-only", fit_variances),
        ("diagonal-only", fit_diagonal),
        ("deviation", fit_std),
        ("deviation", fit_std_diagonal),
        ("correlation", fit_correlation),
        ("precision", fit_precision),
        ("cholesky-factor", fit_factor),
        ("sum-for-mean", fit_sum_as_mean),
        ("swapped", fit_swapped),
        ("wrong-axis", fit_mean_of_rows),
        ("wrong-axis", fit_cov_of_rows),
        ("wrong-axis", fit_cov_of_rows_with_n),
        ("wrong-axis", fit_all_rows),
        ("wrong-axis", fit_all_rows_with_n),
        ("wrong-axis", fit_gram),
        ("cancellation", fit_moments),
        ("wrong-mean", fit_median),
        ("not-symmetric", fit_triangular),
        ("wrong-covariance", fit_shrunk),
        ("does-not-move-along", fit_ridge),
        ("does-not-move-along", fit_small_ridge),
        ("one-point", fit_guarded),
        ("wrong-type", fit_only_mean),
        ("wrong-dtype", fit_single),
        ("wrong-shape", fit_keepdim),
        ("changes-its-input", fit_in_place),
        ("raises", fit_misspelt),
    ],
    "02.mixture_log_prob": [
        ("normaliser-without-d", mix_normaliser_of_one),
        ("normaliser-without-d", mix_sigma_once),
        ("normaliser-without-d", mix_pi_once),
        ("normaliser-d-squared", mix_per_element),
        ("normaliser-not-halved", mix_full_normaliser),
        ("no-two-pi", mix_no_pi),
        ("no-sigma-in-normaliser", mix_no_sigma),
        ("no-normaliser", mix_no_normaliser),
        ("sigma-not-squared", mix_plain_sigma),
        ("sigma-as-variance", mix_sigma_is_variance),
        ("sigma-squared-twice", mix_sigma_squared),
        ("no-half-in-exponent", mix_no_half),
        ("distance-not-squared", mix_plain_distance),
        ("mean-over-dimensions", mix_mean_over_d),
        ("no-weights", mix_unweighted),
        ("equal-weights", mix_mean),
        ("weights-not-log", mix_weights_added),
        ("weights-not-log", mix_times_log_weights),
        ("weights-not-log", mix_log_again),
        ("product", mix_sum_of_logs),
        ("product", mix_sum_of_logs_unweighted),
        ("average-of-logs", mix_average_of_logs),
        ("largest-only", mix_hard),
        ("wrong-axis", mix_axis_zero),
        ("not-summed", mix_matrix),
        ("exponentiated", mix_density),
        ("negative", mix_loss),
        ("underflow", mix_underflow),
        ("underflow", mix_floor),
        ("underflow", mix_clamped),
        ("reduced-over-batch", mix_summed),
        ("wrong-density", mix_first_sigma),
        ("no-gradient", mix_without_graph),
        ("no-gradient", mix_fixed_weights),
        ("wrong-gradient", mix_half_detached),
        ("gradient-not-finite", mix_where),
        ("wrong-dtype", mix_always_single),
        ("leaves-torch", mix_numpy),
        ("changes-its-input", mix_in_place),
        ("raises", mix_not_broadcast),
    ],
    "02.asymmetry_error": [
        ("variance", error_squared),
        ("information", error_information),
        ("information", error_root_information),
        ("per-event", error_per_event),
        ("divided-by-n-again", error_over_root_n),
        ("expected-information", error_expected),
        ("counting-error", error_counting),
        ("counting-error", error_counted),
        ("error-of-the-mean", error_of_mean),
        ("error-of-the-mean", error_of_moment),
        ("p-not-squared", error_plain_p),
        ("c-not-squared", error_plain_c),
        ("score-not-squared", error_slope),
        ("score-not-squared", error_absolute),
        ("square-of-sum", error_square_of_sum),
        ("sign", error_wrong_sign),
        ("sign", error_negative),
        ("without-asymmetry", error_symmetric),
        ("asymmetry-sign", error_backward),
        ("normalisation", error_no_three_eighths),
        ("normalisation", error_three_eighths_of_all),
        ("wrong-curvature", error_at_the_maximum),
        ("wrong-shape", error_each),
        ("wrong-dtype", error_single),
        ("wrong-shape", error_with_axis),
        ("changes-its-input", error_in_place),
        ("wrong-arguments", error_missing_argument),
        ("raises", error_undefined),
    ],
}
