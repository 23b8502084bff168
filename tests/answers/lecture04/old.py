"""Answers to the exercises of lecture 04."""

import math

import numpy as np
import torch
from torch.distributions import (
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
    kl_divergence,
)

LOG_2PI = math.log(2 * math.pi)

# --- 04.effective_sample_size ---------------------------------------------------------------


def ess_softmax(log_w):
    w = torch.softmax(log_w, dim=0)
    return 1 / (w**2).sum(0)


def ess_by_largest(log_w):
    w = torch.exp(log_w - log_w.max(dim=0, keepdim=True).values)
    return w.sum(0) ** 2 / (w * w).sum(0)


def ess_in_logs(log_w):
    return torch.exp(2 * torch.logsumexp(log_w, 0) - torch.logsumexp(2 * log_w, 0))


def ess_of_differences(log_w):
    ratios = torch.exp(torch.log_softmax(log_w, 0))
    return torch.einsum("sb,sb->b", ratios, ratios).reciprocal()


def ess_loop(log_w):
    columns = []
    for column in log_w.T:
        w = (column - column.max()).exp()
        columns.append(w.sum().square() / w.square().sum())
    return torch.stack(columns)


def ess_numpy(log_w):
    w = np.exp(log_w.numpy() - log_w.numpy().max(0))
    return torch.from_numpy(np.asarray(w.sum(0) ** 2 / (w**2).sum(0)))


def ess_kish(log_w):
    w = torch.softmax(log_w, 0) * log_w.shape[0]
    return log_w.shape[0] / (1 + w.var(0, correction=0))


def ess_overflow(log_w):
    w = log_w.exp()
    return w.sum(0) ** 2 / (w**2).sum(0)


def ess_overflow_normalised(log_w):
    w = log_w.exp()
    w = w / w.sum(0)
    return 1 / (w**2).sum(0)


def ess_epsilon(log_w):
    w = log_w.exp()
    return w.sum(0) ** 2 / ((w**2).sum(0) + 1e-30)


def ess_global_maximum(log_w):
    w = torch.exp(log_w - log_w.max())
    return w.sum(0) ** 2 / (w**2).sum(0)


def ess_inverse(log_w):
    return torch.softmax(log_w, 0).square().sum(0)


def ess_fraction(log_w):
    return 1 / torch.softmax(log_w, 0).square().sum(0) / log_w.shape[0]


def ess_of_means(log_w):
    w = torch.exp(log_w - log_w.max(0).values)
    return w.mean(0) ** 2 / (w**2).mean(0)


def ess_largest(log_w):
    return 1 / torch.softmax(log_w, 0).max(0).values


def ess_perplexity(log_w):
    w = torch.softmax(log_w, 0)
    return torch.exp(-(w * torch.log(w)).sum(0))


def ess_log(log_w):
    return 2 * torch.logsumexp(log_w, 0) - torch.logsumexp(2 * log_w, 0)


def ess_sum_once(log_w):
    w = torch.exp(log_w)
    return w.sum(0) / (w**2).sum(0)


def ess_no_squares(log_w):
    w = torch.exp(log_w)
    return w.sum(0) ** 2 / w.sum(0)


def ess_always_one(log_w):
    w = torch.softmax(log_w, 0)
    return w.sum(0) ** 2 / w.sum(0)


def ess_mean_weight(log_w):
    return log_w.exp().mean(0)


def ess_of_logs(log_w):
    return log_w.sum(0) ** 2 / log_w.square().sum(0)


def ess_root(log_w):
    return ess_softmax(log_w) ** 0.5


def ess_raw_variance(log_w):
    return len(log_w) / (1 + log_w.exp().var(0, correction=0))


def ess_kish_unbiased(log_w):
    w = torch.softmax(log_w, 0)
    return len(log_w) / (1 + (w.std(0) / w.mean(0)) ** 2)


def ess_over_batch(log_w):
    w = torch.softmax(log_w, 1)
    return w.sum(0) ** 2 / (w**2).sum(0)


def ess_axis_one(log_w):
    w = torch.softmax(log_w, 1)
    return 1 / (w**2).sum(1)


def ess_all(log_w):
    w = torch.softmax(log_w.flatten(), 0)
    return 1 / (w**2).sum()


def ess_averaged(log_w):
    return ess_softmax(log_w).mean()


def ess_clipped(log_w):
    return ess_softmax(log_w).clamp(min=2.0)


def ess_count_large(log_w):
    w = torch.softmax(log_w, 0)
    return (w > 0.5 / len(log_w)).sum(0).to(log_w.dtype)


def ess_unbiased_safe(log_w):
    return ess_softmax(log_w) if len(log_w) > 1 else torch.zeros_like(log_w[0])


def ess_clamped(log_w):
    return ess_softmax(log_w.clamp(-50, 50))


def ess_keepdim(log_w):
    return ess_softmax(log_w)[None]


def ess_single(log_w):
    return ess_softmax(log_w.float())


def ess_floats(log_w):
    return ess_softmax(log_w).tolist()[0]


def ess_in_place(log_w):
    log_w -= log_w.max(0).values
    return ess_softmax(log_w)


def ess_misspelt(log_w):
    return torch.soft_max(log_w, 0)


# --- 04.gaussian_kl -------------------------------------------------------------------------


def kl_by_hand(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(dim=1)


def kl_from_the_library(mu, log_var):
    q = Normal(mu, torch.exp(0.5 * log_var))
    return kl_divergence(q, Normal(torch.zeros_like(mu), torch.ones_like(mu))).sum(-1)


def kl_with_sigma(mu, log_var):
    sigma = torch.exp(log_var / 2)
    return 0.5 * torch.sum(sigma**2 + mu**2 - 1 - 2 * sigma.log(), 1)


def kl_independent(mu, log_var):
    q = Independent(Normal(mu, (log_var / 2).exp()), 1)
    p = Independent(Normal(torch.zeros_like(mu), torch.ones_like(mu)), 1)
    return kl_divergence(q, p)


def kl_matrix(mu, log_var):
    cov = torch.diag_embed(log_var.exp())
    trace = cov.diagonal(dim1=1, dim2=2).sum(1)
    return (trace + torch.linalg.vector_norm(mu, dim=1) ** 2 - mu.shape[1] - log_var.sum(1)) / 2


def kl_loop(mu, log_var):
    total = torch.zeros_like(mu[:, 0])
    for k in range(mu.shape[1]):
        total = total + (mu[:, k] ** 2 + torch.expm1(log_var[:, k]) - log_var[:, k]) / 2
    return total


def kl_log_std(mu, log_std):
    return 0.5 * (mu**2 + torch.exp(log_std) ** 2 - 1 - 2 * log_std).sum(1)


def kl_plain_sigma(mu, log_var):
    sigma = torch.exp(0.5 * log_var)
    return -0.5 * (1 + log_var - mu**2 - sigma).sum(1)


def kl_variance_squared(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp() ** 2).sum(1)


def kl_log_sigma(mu, log_var):
    sigma = torch.exp(0.5 * log_var)
    return 0.5 * (sigma**2 + mu**2 - 1 - torch.log(sigma)).sum(1)


def kl_twice_log_var(mu, log_var):
    return 0.5 * (log_var.exp() + mu**2 - 1 - 2 * log_var).sum(1)


def kl_mean_latents(mu, log_var):
    return -0.5 * torch.mean(1 + log_var - mu**2 - log_var.exp(), dim=1)


def kl_no_half(mu, log_var):
    return -(1 + log_var - mu**2 - log_var.exp()).sum(1)


def kl_quarter(mu, log_var):
    return kl_by_hand(mu, log_var) / 2


def kl_no_one(mu, log_var):
    return -0.5 * (log_var - mu**2 - log_var.exp()).sum(1)


def kl_plus_one(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp() - log_var + 1).sum(1)


def kl_one_once(mu, log_var):
    return 0.5 * ((mu**2).sum(1) + log_var.exp().sum(1) - log_var.sum(1) - 1)


def kl_reversed(mu, log_var):
    q = Normal(mu, torch.exp(0.5 * log_var))
    return kl_divergence(Normal(torch.zeros_like(mu), torch.ones_like(mu)), q).sum(1)


def kl_no_mean(mu, log_var):
    return -0.5 * (1 + log_var - log_var.exp()).sum(1)


def kl_plain_mean(mu, log_var):
    return -0.5 * (1 + log_var - mu - log_var.exp()).sum(1)


def kl_mean_sign(mu, log_var):
    return -0.5 * (1 + log_var + mu**2 - log_var.exp()).sum(1)


def kl_variance_sign(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 + log_var.exp()).sum(1)


def kl_variance_and_one_sign(mu, log_var):
    return 0.5 * (1 - log_var + mu**2 - log_var.exp()).sum(1)


def kl_log_sign(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp() - 1 + log_var).sum(1)


def kl_no_log(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp() - 1).sum(1)


def kl_not_exponentiated(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var).sum(1)


def kl_log_of_log(mu, log_var):
    return 0.5 * (mu**2 + log_var - 1 - torch.log(log_var)).sum(1)


def kl_negative(mu, log_var):
    return 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def kl_negative_no_half(mu, log_var):
    return (1 + log_var - mu**2 - log_var.exp()).sum(1)


def kl_bits(mu, log_var):
    return kl_by_hand(mu, log_var) / np.log(2)


def kl_entropy(mu, log_var):
    return -Normal(mu, torch.exp(0.5 * log_var)).entropy().sum(1)


def kl_cross(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp() + LOG_2PI).sum(1)


def kl_sum_all(mu, log_var):
    return -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())


def kl_mean_batch(mu, log_var):
    return kl_by_hand(mu, log_var).mean()


def kl_mean_all(mu, log_var):
    return -0.5 * torch.mean(1 + log_var - mu.pow(2) - log_var.exp())


def kl_axis_zero(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(0)


def kl_per_latent(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp())


def kl_estimated(mu, log_var):
    sigma = torch.exp(log_var / 2)
    z = mu + sigma * torch.randn(1000, *mu.shape, dtype=mu.dtype)
    return (Normal(mu, sigma).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).mean(0).sum(1)


def kl_epsilon(mu, log_var):
    variance = log_var.exp() + 1e-10
    return 0.5 * (mu**2 + variance - 1 - variance.log()).sum(1)


def kl_clamped(mu, log_var):
    return kl_by_hand(mu, log_var.clamp(-10, 10))


def kl_single_inside(mu, log_var):
    return kl_by_hand(mu.float(), log_var.float()).to(mu.dtype)


def kl_no_grad(mu, log_var):
    with torch.no_grad():
        return kl_by_hand(mu, log_var)


def kl_mean_detached(mu, log_var):
    return kl_by_hand(mu.detach(), log_var)


def kl_variance_detached(mu, log_var):
    return 0.5 * (mu**2 + log_var.exp().detach() - 1 - log_var).sum(1)


def kl_numpy(mu, log_var):
    terms = mu.numpy() ** 2 + np.exp(log_var.numpy()) - 1 - log_var.numpy()
    return torch.from_numpy(terms.sum(1) / 2)


def kl_single(mu, log_var):
    return kl_by_hand(mu.float(), log_var.float())


def kl_keepdim(mu, log_var):
    return kl_by_hand(mu, log_var)[:, None]


def kl_item(mu, log_var):
    return kl_by_hand(mu, log_var).sum().item()


def kl_in_place(mu, log_var):
    mu *= mu
    return 0.5 * (mu + log_var.exp() - 1 - log_var).sum(1)


def kl_three_arguments(mu, log_var, prior):
    return kl_by_hand(mu, log_var)


def kl_misspelt(mu, log_var):
    return torch.expp(log_var)


# --- 04.elbo --------------------------------------------------------------------------------


def elbo_by_hand(log_likelihood, mu, log_var):
    return log_likelihood.mean(dim=0) - kl_by_hand(mu, log_var)


def elbo_from_the_library(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_from_the_library(mu, log_var)


def elbo_each_draw(log_likelihood, mu, log_var):
    return (log_likelihood - kl_by_hand(mu, log_var)).mean(0)


def elbo_divided(log_likelihood, mu, log_var):
    s = log_likelihood.shape[0]
    return log_likelihood.sum(0) / s + 0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def elbo_einsum(log_likelihood, mu, log_var):
    weights = torch.full_like(log_likelihood[:, 0], 1 / len(log_likelihood))
    return torch.einsum("s,sb->b", weights, log_likelihood) - kl_matrix(mu, log_var)


def elbo_loop(log_likelihood, mu, log_var):
    rows = [column.mean() for column in log_likelihood.T]
    return torch.stack(rows) - kl_loop(mu, log_var)


def elbo_iwae(log_likelihood, mu, log_var):
    average = torch.logsumexp(log_likelihood, 0) - math.log(len(log_likelihood))
    return average - kl_by_hand(mu, log_var)


def elbo_log_mean_exp(log_likelihood, mu, log_var):
    return torch.log(torch.exp(log_likelihood).mean(0))


def elbo_logsumexp(log_likelihood, mu, log_var):
    return torch.logsumexp(log_likelihood, 0) - kl_by_hand(mu, log_var)


def elbo_sum_draws(log_likelihood, mu, log_var):
    return log_likelihood.sum(0) - kl_by_hand(mu, log_var)


def elbo_sum_everything(log_likelihood, mu, log_var):
    return (log_likelihood - kl_by_hand(mu, log_var)).sum(0)


def elbo_kl_per_draw(log_likelihood, mu, log_var):
    kl = kl_by_hand(mu, log_var).expand_as(log_likelihood)
    return log_likelihood.mean(0) - kl.sum(0)


def elbo_kl_divided(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_by_hand(mu, log_var) / log_likelihood.shape[0]


def elbo_kl_added(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) + kl_by_hand(mu, log_var)


def elbo_no_kl(log_likelihood, mu, log_var):
    return log_likelihood.mean(0)


def elbo_kl_only(log_likelihood, mu, log_var):
    return -kl_by_hand(mu, log_var)


def elbo_kl_sum_all(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) + 0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp())


def elbo_kl_mean_batch(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_by_hand(mu, log_var).mean()


def elbo_kl_mean_latents(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_mean_latents(mu, log_var)


def elbo_kl_log_std(log_likelihood, mu, log_std):
    q = Normal(mu, log_std.exp())
    p = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return log_likelihood.mean(0) - kl_divergence(q, p).sum(1)


def elbo_kl_plain_sigma(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_plain_sigma(mu, log_var)


def elbo_kl_no_half(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_no_half(mu, log_var)


def elbo_kl_no_one(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_no_one(mu, log_var)


def elbo_kl_reversed(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_reversed(mu, log_var)


def elbo_negative(log_likelihood, mu, log_var):
    return kl_by_hand(mu, log_var) - log_likelihood.mean(0)


def elbo_best(log_likelihood, mu, log_var):
    return log_likelihood.max(0).values - kl_by_hand(mu, log_var)


def elbo_first(log_likelihood, mu, log_var):
    return log_likelihood[0] - kl_by_hand(mu, log_var)


def elbo_matrix(log_likelihood, mu, log_var):
    return log_likelihood - kl_by_hand(mu, log_var)


def elbo_mean_batch(log_likelihood, mu, log_var):
    return log_likelihood.mean() - kl_by_hand(mu, log_var).mean()


def elbo_sum_batch(log_likelihood, mu, log_var):
    return log_likelihood.mean(0).sum() - kl_by_hand(mu, log_var).sum()


def elbo_exponentiated(log_likelihood, mu, log_var):
    return elbo_by_hand(log_likelihood, mu, log_var).exp()


def elbo_bits(log_likelihood, mu, log_var):
    return elbo_by_hand(log_likelihood, mu, log_var) / math.log(2)


def elbo_median(log_likelihood, mu, log_var):
    return log_likelihood.median(0).values - kl_by_hand(mu, log_var)


def elbo_half_kl(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - 0.3 * kl_by_hand(mu, log_var)


def elbo_unbiased(log_likelihood, mu, log_var):
    reconstruction = log_likelihood.mean(0) if len(log_likelihood) > 1 else log_likelihood[0] * 0
    return reconstruction - kl_by_hand(mu, log_var)


def elbo_of_probabilities(log_likelihood, mu, log_var):
    logs = log_likelihood.exp().clamp(min=1e-30).log()
    return logs.mean(0) - kl_by_hand(mu, log_var)


def elbo_mean_axis_one(log_likelihood, mu, log_var):
    return log_likelihood.mean(1) - kl_by_hand(mu, log_var)


def elbo_likelihood_detached(log_likelihood, mu, log_var):
    return log_likelihood.detach().mean(0) - kl_by_hand(mu, log_var)


def elbo_kl_detached(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_by_hand(mu, log_var).detach()


def elbo_half_detached(log_likelihood, mu, log_var):
    return log_likelihood.mean(0) - kl_variance_detached(mu, log_var)


def elbo_single(log_likelihood, mu, log_var):
    return elbo_by_hand(log_likelihood.float(), mu.float(), log_var.float())


def elbo_in_place(log_likelihood, mu, log_var):
    log_likelihood -= kl_by_hand(mu, log_var)
    return log_likelihood.mean(0)


def elbo_item(log_likelihood, mu, log_var):
    return elbo_mean_batch(log_likelihood, mu, log_var).item()


def elbo_keepdim(log_likelihood, mu, log_var):
    return elbo_by_hand(log_likelihood, mu, log_var)[None]


# --- 04.ppca_log_evidence -------------------------------------------------------------------


def _cov(W, sigma):
    return W @ W.T + sigma**2 * torch.eye(W.shape[0], dtype=W.dtype)


def _inner(W, sigma):
    return W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=W.dtype)


def evidence_library(x, W, b, sigma):
    return MultivariateNormal(b, _cov(W, sigma)).log_prob(x)


def evidence_low_rank(x, W, b, sigma):
    noise = torch.full_like(b, sigma**2)
    return LowRankMultivariateNormal(b, W, noise).log_prob(x)


def evidence_by_hand(x, W, b, sigma):
    cov = _cov(W, sigma)
    d = x - b
    quadratic = (d * torch.linalg.solve(cov, d.T).T).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + x.shape[1] * math.log(2 * math.pi))


def evidence_woodbury(x, W, b, sigma):
    d = x - b
    inner = _inner(W, sigma)
    projected = d @ W
    quadratic = (d**2).sum(1) - (projected * torch.linalg.solve(inner, projected.T).T).sum(1)
    log_det = (W.shape[0] - W.shape[1]) * math.log(sigma**2) + torch.logdet(inner)
    return -0.5 * (quadratic / sigma**2 + log_det + W.shape[0] * LOG_2PI)


def evidence_cholesky(x, W, b, sigma):
    factor = torch.linalg.cholesky(_cov(W, sigma))
    white = torch.linalg.solve_triangular(factor, (x - b).T, upper=False)
    two_pi = torch.tensor(2 * torch.pi)  # float32, whatever x is
    return -0.5 * (white**2).sum(0) - factor.diag().log().sum() - len(b) / 2 * two_pi.log()


def evidence_bayes(x, W, b, sigma):
    mean = torch.linalg.solve(_inner(W, sigma), W.T @ (x - b).T).T
    precision = _inner(W, sigma) / sigma**2
    prior = Normal(0.0, 1.0).log_prob(mean).sum(1)
    likelihood = Normal(b + mean @ W.T, sigma).log_prob(x).sum(1)
    return prior + likelihood - 0.5 * torch.logdet(precision) + W.shape[1] / 2 * LOG_2PI


def evidence_singular_values(x, W, b, sigma):
    axes, s, _ = torch.linalg.svd(W, full_matrices=False)
    d = x - b
    along = d @ axes
    signal = along**2 / (s**2 + sigma**2)
    rest = d - along @ axes.T
    log_det = (s**2 + sigma**2).log().sum() + 2 * (len(b) - len(s)) * math.log(sigma)
    return -0.5 * (signal.sum(1) + (rest**2).sum(1) / sigma**2 + log_det + len(b) * LOG_2PI)


def evidence_plain_sigma(x, W, b, sigma):
    cov = W @ W.T + sigma * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def evidence_no_eye(x, W, b, sigma):
    cov = W @ W.T + sigma**2
    d = x - b
    quadratic = (d * torch.linalg.solve(cov, d.T).T).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov) + x.shape[1] * LOG_2PI)


def evidence_unit_noise(x, W, b, sigma):
    return MultivariateNormal(b, W @ W.T + torch.eye(len(W), dtype=x.dtype)).log_prob(x)


def evidence_diagonal(x, W, b, sigma):
    return Normal(b, ((W**2).sum(1) + sigma**2).sqrt()).log_prob(x).sum(1)


def evidence_as_root(x, W, b, sigma):
    cov = _cov(W, sigma)
    return MultivariateNormal(b, cov @ cov).log_prob(x)


def evidence_precision(x, W, b, sigma):
    return MultivariateNormal(b, precision_matrix=_cov(W, sigma)).log_prob(x)


def evidence_not_inverted(x, W, b, sigma):
    cov = _cov(W, sigma)
    quadratic = torch.einsum("ni,ij,nj->n", x - b, cov, x - b)
    return -0.5 * (quadratic + torch.logdet(cov) + len(b) * LOG_2PI)


def evidence_z_zero(x, W, b, sigma):
    return Normal(b, sigma).log_prob(x).sum(1)


def evidence_best_z(x, W, b, sigma):
    z = torch.linalg.solve(_inner(W, sigma), W.T @ (x - b).T).T
    return Normal(z @ W.T + b, sigma).log_prob(x).sum(1)


def evidence_joint(x, W, b, sigma):
    z = torch.linalg.solve(_inner(W, sigma), W.T @ (x - b).T).T
    prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    return Normal(z @ W.T + b, sigma).log_prob(x).sum(1) + prior


def evidence_average_of_logs(x, W, b, sigma):
    return Normal(b, sigma).log_prob(x).sum(1) - 0.5 * (W**2).sum() / sigma**2


def evidence_from_draws(x, W, b, sigma):
    z = torch.randn(2000, W.shape[1], dtype=x.dtype)
    logs = Normal((z @ W.T + b)[:, None], sigma).log_prob(x).sum(-1)
    return torch.logsumexp(logs, 0) - math.log(2000)


def evidence_not_centred(x, W, b, sigma):
    return MultivariateNormal(torch.zeros_like(b), _cov(W, sigma)).log_prob(x)


def evidence_no_pi(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + len(b) / 2 * LOG_2PI


def evidence_pi_once(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + (len(b) - 1) / 2 * LOG_2PI


def evidence_pi_latents(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + (len(b) - W.shape[1]) / 2 * LOG_2PI


def evidence_pi_per_element(x, W, b, sigma):
    d = x.shape[1]
    cov = _cov(W, sigma)
    elements = (x - b) @ cov.inverse() * (x - b) + torch.logdet(cov) / d + d * LOG_2PI
    return -0.5 * elements.sum(1)


def evidence_full_pi(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) - len(b) / 2 * LOG_2PI


def evidence_no_det(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + 0.5 * torch.logdet(_cov(W, sigma))


def evidence_exponent(x, W, b, sigma):
    d = x - b
    return -0.5 * (d @ _cov(W, sigma).inverse() * d).sum(1)


def evidence_full_det(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) - 0.5 * torch.logdet(_cov(W, sigma))


def evidence_plus_det(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + torch.logdet(_cov(W, sigma))


def evidence_inner_det(x, W, b, sigma):
    missing = 2 * (len(b) - W.shape[1]) * math.log(sigma)
    return evidence_woodbury(x, W, b, sigma) + 0.5 * missing


def evidence_det_of_all(x, W, b, sigma):
    return evidence_woodbury(x, W, b, sigma) - W.shape[1] * math.log(sigma)


def evidence_full_quadratic(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) + evidence_exponent(x, W, b, sigma)


def evidence_plus_quadratic(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) - 2 * evidence_exponent(x, W, b, sigma)


def evidence_no_half(x, W, b, sigma):
    cov = _cov(W, sigma)
    d = x - b
    return -((d @ cov.inverse() * d).sum(1) + torch.logdet(cov) + len(b) * LOG_2PI)


def evidence_density(x, W, b, sigma):
    return evidence_library(x, W, b, sigma).exp()


def evidence_loss(x, W, b, sigma):
    return -evidence_library(x, W, b, sigma)


def evidence_bits(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) / math.log(2)


def evidence_per_dimension(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) / x.shape[1]


def evidence_total(x, W, b, sigma):
    return evidence_library(x, W, b, sigma).sum()


def evidence_mean(x, W, b, sigma):
    return evidence_library(x, W, b, sigma).mean()


def evidence_pairs(x, W, b, sigma):
    cov = _cov(W, sigma)
    d = x - b
    return -0.5 * (d @ cov.inverse() @ d.T + torch.logdet(cov) + len(b) * LOG_2PI)


def evidence_log_of_det(x, W, b, sigma):
    cov = _cov(W, sigma)
    return evidence_exponent(x, W, b, sigma) - 0.5 * (cov.det().log() + len(b) * LOG_2PI)


def evidence_cubic(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) - ((x - b) ** 4).sum(1)


def evidence_offset(x, W, b, sigma):
    return evidence_library(x, W, b, sigma) - 1


def evidence_two_points(x, W, b, sigma):
    value = evidence_library(x, W, b, sigma)
    return value if len(x) > 1 else 0 * value


def evidence_jitter(x, W, b, sigma):
    cov = _cov(W, sigma) + 1e-6 * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def evidence_single_inside(x, W, b, sigma):
    # Where sigma is 0.01, the last digits of W W^T are of the size of sigma squared.
    signal = W.float() @ W.float().T
    cov = signal.to(x.dtype) + sigma**2 * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def evidence_floor(x, W, b, sigma):
    return evidence_library(x, W, b, max(sigma, 0.05))


def evidence_expanded(x, W, b, sigma):
    p = torch.linalg.inv(_cov(W, sigma))
    quadratic = (x @ p * x).sum(1) - 2 * x @ p @ b + b @ p @ b
    return -0.5 * (quadratic + torch.logdet(_cov(W, sigma)) + len(b) * LOG_2PI)


def evidence_no_grad(x, W, b, sigma):
    with torch.no_grad():
        return evidence_library(x, W, b, sigma)


def evidence_w_detached(x, W, b, sigma):
    return evidence_library(x, W.detach(), b, sigma)


def evidence_det_detached(x, W, b, sigma):
    cov = _cov(W, sigma)
    d = x - b
    quadratic = (d @ cov.inverse() * d).sum(1)
    return -0.5 * (quadratic + torch.logdet(cov.detach()) + len(b) * LOG_2PI)


def evidence_gram(x, W, b, sigma):
    cov = W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)


def evidence_single(x, W, b, sigma):
    return evidence_library(x.float(), W.float(), b.float(), sigma)


def evidence_double(x, W, b, sigma):
    return evidence_library(x.double(), W.double(), b.double(), sigma)


def evidence_column(x, W, b, sigma):
    return evidence_library(x, W, b, sigma)[:, None]


def evidence_in_place(x, W, b, sigma):
    x -= b
    return evidence_library(x, W, torch.zeros_like(b), sigma)


def evidence_numpy(x, W, b, sigma):
    return evidence_library(x, W, b, sigma).numpy()


def evidence_without_noise(x, W, b):
    return MultivariateNormal(b, W @ W.T).log_prob(x)


# --- 04.ppca_posterior ----------------------------------------------------------------------


def posterior_by_hand(x, W, b, sigma):
    inverse = torch.linalg.inv(_inner(W, sigma))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def posterior_precision(x, W, b, sigma):
    precision = torch.eye(W.shape[1], dtype=x.dtype) + W.T @ W / sigma**2
    cov = torch.linalg.inv(precision)
    return (x - b) @ W @ cov / sigma**2, cov


def posterior_solve(x, W, b, sigma):
    inner = _inner(W, sigma)
    mean = torch.linalg.solve(inner, W.T @ (x - b).T).T
    return mean, sigma**2 * torch.linalg.solve(inner, torch.eye(len(inner), dtype=x.dtype))


def posterior_cholesky(x, W, b, sigma):
    factor = torch.linalg.cholesky(_inner(W, sigma))
    mean = torch.cholesky_solve(((x - b) @ W).T, factor).T
    return [mean, sigma**2 * torch.cholesky_inverse(factor)]


def posterior_point_by_point(x, W, b, sigma):
    cov = torch.linalg.inv(torch.eye(W.shape[1], dtype=x.dtype) + W.T @ W / sigma**2)
    means = [cov @ (W.T @ (row - b)) / sigma**2 for row in x]
    return torch.stack(means), cov


def posterior_ridge(x, W, b, sigma):
    # Least squares with the prior as K more rows.
    k = W.shape[1]
    rows = torch.cat([W, sigma * torch.eye(k, dtype=x.dtype)])
    targets = torch.cat([(x - b).T, torch.zeros(k, len(x), dtype=x.dtype)])
    mean = torch.linalg.lstsq(rows, targets).solution.T
    return mean, sigma**2 * torch.linalg.pinv(rows) @ torch.linalg.pinv(rows).T


def posterior_svd(x, W, b, sigma):
    axes, s, v = torch.linalg.svd(W, full_matrices=False)
    shrink = s / (s**2 + sigma**2)
    return (x - b) @ axes * shrink @ v, v.T * (sigma**2 / (s**2 + sigma**2)) @ v


def posterior_conditioned(x, W, b, sigma):
    gain = torch.linalg.solve(_cov(W, sigma), W).T
    return (x - b) @ gain.T, torch.eye(W.shape[1], dtype=x.dtype) - gain @ W


def posterior_m_inverse(x, W, b, sigma):
    inverse = _inner(W, sigma).inverse()
    return (x - b) @ W @ inverse, inverse


def posterior_m(x, W, b, sigma):
    inner = _inner(W, sigma)
    return (x - b) @ W @ inner.inverse(), inner


def posterior_second_precision(x, W, b, sigma):
    precision = torch.eye(W.shape[1], dtype=x.dtype) + W.T @ W / sigma**2
    return (x - b) @ W @ precision.inverse() / sigma**2, precision


def posterior_plain_sigma(x, W, b, sigma):
    inner = W.T @ W + sigma * torch.eye(W.shape[1], dtype=x.dtype)
    return (x - b) @ W @ inner.inverse(), sigma * inner.inverse()


def posterior_plain_sigma_in_m(x, W, b, sigma):
    inner = W.T @ W + sigma * torch.eye(W.shape[1], dtype=x.dtype)
    return (x - b) @ W @ inner.inverse(), sigma**2 * inner.inverse()


def posterior_plain_sigma_in_cov(x, W, b, sigma):
    inner = _inner(W, sigma)
    return (x - b) @ W @ inner.inverse(), sigma * inner.inverse()


def posterior_no_eye(x, W, b, sigma):
    inner = W.T @ W + sigma**2
    return (x - b) @ W @ inner.inverse(), sigma**2 * inner.inverse()


def posterior_unit_noise(x, W, b, sigma):
    inner = W.T @ W + torch.eye(W.shape[1], dtype=x.dtype)
    return (x - b) @ W @ inner.inverse(), sigma**2 * inner.inverse()


def posterior_not_centred(x, W, b, sigma):
    return posterior_by_hand(x, W, 0, sigma)


def posterior_least_squares(x, W, b, sigma):
    gram = torch.linalg.inv(W.T @ W)
    return (x - b) @ torch.linalg.pinv(W).T, sigma**2 * gram


def posterior_mean_of_least_squares(x, W, b, sigma):
    mean = torch.linalg.lstsq(W, (x - b).T).solution.T
    return mean, posterior_by_hand(x, W, b, sigma)[1]


def posterior_cov_of_least_squares(x, W, b, sigma):
    return posterior_by_hand(x, W, b, sigma)[0], sigma**2 * torch.linalg.inv(W.T @ W)


def posterior_projected(x, W, b, sigma):
    return (x - b) @ W, posterior_by_hand(x, W, b, sigma)[1]


def posterior_mean_from_cov(x, W, b, sigma):
    cov = sigma**2 * _inner(W, sigma).inverse()
    return (x - b) @ W @ cov, cov


def posterior_mean_divided(x, W, b, sigma):
    inverse = _inner(W, sigma).inverse()
    return (x - b) @ W @ inverse / sigma**2, sigma**2 * inverse


def posterior_zero(x, W, b, sigma):
    mean = torch.zeros(len(x), W.shape[1], dtype=x.dtype)
    return mean, posterior_by_hand(x, W, b, sigma)[1]


def posterior_identity(x, W, b, sigma):
    return posterior_by_hand(x, W, b, sigma)[0], torch.eye(W.shape[1], dtype=x.dtype)


def posterior_lost(x, W, b, sigma):
    inverse = _inner(W, sigma).inverse()
    return (x - b) @ W @ inverse, inverse @ W.T @ W


def posterior_variances(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean, torch.diag(torch.diag(cov))


def posterior_mean_field(x, W, b, sigma):
    precision = 1 + (W**2).sum(0) / sigma**2
    return posterior_by_hand(x, W, b, sigma)[0], torch.diag(1 / precision)


def posterior_factor(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean, torch.linalg.cholesky(cov)


def posterior_cov_of_x(x, W, b, sigma):
    return posterior_by_hand(x, W, b, sigma)[0], _cov(W, sigma)


def posterior_cov_each(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean, cov.repeat(len(x), 1, 1)


def posterior_transposed(x, W, b, sigma):
    inner = _inner(W, sigma)
    return torch.linalg.solve(inner, W.T @ (x - b).T), sigma**2 * inner.inverse()


def posterior_reconstruction(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean @ W.T + b, cov


def posterior_swapped(x, W, b, sigma):
    return posterior_by_hand(x, W, b, sigma)[::-1]


def posterior_sampled(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return MultivariateNormal(mean, cov).sample(), cov


def posterior_half(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean, cov / 2


def posterior_jitter(x, W, b, sigma):
    inverse = torch.linalg.inv(_inner(W, sigma) + 1e-6 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def posterior_single_inside(x, W, b, sigma):
    mean, cov = posterior_by_hand(x.float(), W.float(), b.float(), sigma)
    return mean.to(x.dtype), cov.to(x.dtype)


def posterior_enough_noise(x, W, b, sigma):
    return posterior_by_hand(x, W, b, max(sigma, 0.04))


def posterior_only_mean(x, W, b, sigma):
    return posterior_by_hand(x, W, b, sigma)[0]


def posterior_std_vector(x, W, b, sigma):
    mean, cov = posterior_by_hand(x, W, b, sigma)
    return mean, cov.diagonal().sqrt()


def posterior_single(x, W, b, sigma):
    return posterior_by_hand(x.float(), W.float(), b.float(), sigma)


def posterior_in_place(x, W, b, sigma):
    x -= b
    return posterior_by_hand(x, W, 0, sigma)


def posterior_w_untransposed(x, W, b, sigma):
    inverse = torch.linalg.inv(W @ W.T + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


ALTERNATIVES = {
    "04.effective_sample_size": [
        ess_softmax,
        ess_by_largest,
        ess_in_logs,
        ess_of_differences,
        ess_loop,
        ess_numpy,
        ess_kish,
    ],
    "04.gaussian_kl": [
        kl_by_hand,
        kl_from_the_library,
        kl_with_sigma,
        kl_independent,
        kl_matrix,
        kl_loop,
    ],
    "04.elbo": [
        elbo_by_hand,
        elbo_from_the_library,
        elbo_each_draw,
        elbo_divided,
        elbo_einsum,
        elbo_loop,
    ],
    "04.ppca_log_evidence": [
        evidence_library,
        evidence_low_rank,
        evidence_by_hand,
        evidence_woodbury,
        evidence_cholesky,
        evidence_bayes,
        evidence_singular_values,
    ],
    "04.ppca_posterior": [
        posterior_by_hand,
        posterior_precision,
        posterior_solve,
        posterior_cholesky,
        posterior_point_by_point,
        posterior_ridge,
        posterior_svd,
        posterior_conditioned,
    ],
}

MUTANTS = {
    "04.effective_sample_size": [
        ("overflow", ess_overflow),
        ("overflow", ess_overflow_normalised),
        ("overflow", ess_epsilon),
        ("overflow", ess_clamped),
        ("global-maximum", ess_global_maximum),
        ("inverse", ess_inverse),
        ("fraction", ess_fraction),
        ("fraction", ess_of_means),
        ("largest-weight", ess_largest),
        ("perplexity", ess_perplexity),
        ("logarithm", ess_log),
        ("sum-not-squared", ess_sum_once),
        ("weights-not-squared", ess_no_squares),
        ("weights-not-squared", ess_always_one),
        ("mean-weight", ess_mean_weight),
        ("not-exponentiated", ess_of_logs),
        ("square-root", ess_root),
        ("not-normalised", ess_raw_variance),
        ("n-minus-one", ess_kish_unbiased),
        ("normalised-over-batch", ess_over_batch),
        ("wrong-axis", ess_axis_one),
        ("all-together", ess_all),
        ("reduced-over-batch", ess_averaged),
        ("wrong-size", ess_count_large),
        ("one-draw", ess_unbiased_safe),
        ("wrong-shape", ess_keepdim),
        ("wrong-type", ess_floats),
        ("wrong-dtype", ess_single),
        ("changes-its-input", ess_in_place),
        ("raises", ess_misspelt),
    ],
    "04.gaussian_kl": [
        ("log-std", kl_log_std),
        ("sigma-for-variance", kl_plain_sigma),
        ("variance-squared", kl_variance_squared),
        ("log-sigma", kl_log_sigma),
        ("log-sigma", kl_twice_log_var),
        ("mean-over-latents", kl_mean_latents),
        ("no-half", kl_no_half),
        ("half-twice", kl_quarter),
        ("no-one", kl_no_one),
        ("one-sign", kl_plus_one),
        ("one-once", kl_one_once),
        ("reversed", kl_reversed),
        ("no-mean", kl_no_mean),
        ("mean-not-squared", kl_plain_mean),
        ("mean-sign", kl_mean_sign),
        ("variance-sign", kl_variance_sign),
        ("variance-sign", kl_variance_and_one_sign),
        ("log-var-sign", kl_log_sign),
        ("no-log-var", kl_no_log),
        ("not-exponentiated", kl_not_exponentiated),
        ("log-of-log", kl_log_of_log),
        ("negative", kl_negative),
        ("negative", kl_negative_no_half),
        ("base-two", kl_bits),
        ("entropy-only", kl_entropy),
        ("cross-entropy", kl_cross),
        ("sum-over-batch", kl_sum_all),
        ("mean-over-batch", kl_mean_batch),
        ("mean-over-all", kl_mean_all),
        ("wrong-axis", kl_axis_zero),
        ("not-summed", kl_per_latent),
        ("wrong-kl", kl_estimated),
        ("close-to-prior", kl_single_inside),
        ("extreme-variance", kl_epsilon),
        ("extreme-variance", kl_clamped),
        ("no-gradient", kl_no_grad),
        ("no-gradient", kl_mean_detached),
        ("wrong-gradient", kl_variance_detached),
        ("leaves-torch", kl_numpy),
        ("wrong-dtype", kl_single),
        ("wrong-shape", kl_keepdim),
        ("wrong-type", kl_item),
        ("changes-its-input", kl_in_place),
        ("wrong-arguments", kl_three_arguments),
        ("raises", kl_misspelt),
    ],
    "04.elbo": [
        ("importance-weighted", elbo_iwae),
        ("importance-weighted", elbo_log_mean_exp),
        ("logsumexp", elbo_logsumexp),
        ("sum-over-draws", elbo_sum_draws),
        ("sum-over-draws", elbo_sum_everything),
        ("kl-per-draw", elbo_kl_per_draw),
        ("kl-divided", elbo_kl_divided),
        ("kl-added", elbo_kl_added),
        ("no-kl", elbo_no_kl),
        ("kl-only", elbo_kl_only),
        ("kl-sum-over-batch", elbo_kl_sum_all),
        ("kl-mean-over-batch", elbo_kl_mean_batch),
        ("kl-mean-over-latents", elbo_kl_mean_latents),
        ("kl-log-std", elbo_kl_log_std),
        ("kl-sigma-for-variance", elbo_kl_plain_sigma),
        ("kl-no-half", elbo_kl_no_half),
        ("kl-no-one", elbo_kl_no_one),
        ("kl-reversed", elbo_kl_reversed),
        ("negative", elbo_negative),
        ("best-draw", elbo_best),
        ("first-draw", elbo_first),
        ("not-averaged", elbo_matrix),
        ("mean-over-batch", elbo_mean_batch),
        ("sum-over-batch", elbo_sum_batch),
        ("exponentiated", elbo_exponentiated),
        ("base-two", elbo_bits),
        ("wrong-reconstruction", elbo_median),
        ("wrong-kl", elbo_half_kl),
        ("one-draw", elbo_unbiased),
        ("underflow", elbo_of_probabilities),
        ("no-gradient", elbo_likelihood_detached),
        ("no-gradient", elbo_kl_detached),
        ("wrong-gradient", elbo_half_detached),
        ("wrong-dtype", elbo_single),
        ("wrong-shape", elbo_keepdim),
        ("wrong-type", elbo_item),
        ("changes-its-input", elbo_in_place),
        ("raises", elbo_mean_axis_one),
    ],
    "04.ppca_log_evidence": [
        ("sigma-for-variance", evidence_plain_sigma),
        ("identity-missing", evidence_no_eye),
        ("unit-noise", evidence_unit_noise),
        ("diagonal-only", evidence_diagonal),
        ("covariance-as-root", evidence_as_root),
        ("precision-for-covariance", evidence_precision),
        ("precision-for-covariance", evidence_not_inverted),
        ("at-z-zero", evidence_z_zero),
        ("at-posterior-mean", evidence_best_z),
        ("joint-at-posterior-mean", evidence_joint),
        ("average-of-logs", evidence_average_of_logs),
        ("not-centred", evidence_not_centred),
        ("no-two-pi", evidence_no_pi),
        ("two-pi-once", evidence_pi_once),
        ("two-pi-of-latents", evidence_pi_latents),
        ("two-pi-squared", evidence_pi_per_element),
        ("two-pi-not-halved", evidence_full_pi),
        ("no-log-det", evidence_no_det),
        ("no-normaliser", evidence_exponent),
        ("log-det-not-halved", evidence_full_det),
        ("log-det-sign", evidence_plus_det),
        ("log-det-of-latents", evidence_inner_det),
        ("log-det-of-latents", evidence_det_of_all),
        ("no-half-in-exponent", evidence_full_quadratic),
        ("exponent-sign", evidence_plus_quadratic),
        ("no-half", evidence_no_half),
        ("exponentiated", evidence_density),
        ("negative", evidence_loss),
        ("base-two", evidence_bits),
        ("per-dimension", evidence_per_dimension),
        ("sum-over-data", evidence_total),
        ("mean-over-data", evidence_mean),
        ("all-pairs", evidence_pairs),
        ("log-of-det", evidence_log_of_det),
        ("wrong-shape-of-peak", evidence_from_draws),
        ("wrong-shape-of-peak", evidence_cubic),
        ("wrong-height", evidence_offset),
        ("one-point", evidence_two_points),
        ("depends-on-units", evidence_floor),
        ("many-dimensions", evidence_single_inside),
        ("depends-on-units", evidence_jitter),
        ("cancellation", evidence_expanded),
        ("no-gradient", evidence_no_grad),
        ("no-gradient", evidence_w_detached),
        ("wrong-gradient", evidence_det_detached),
        ("wrong-dtype", evidence_single),
        ("wrong-dtype", evidence_double),
        ("wrong-shape", evidence_column),
        ("wrong-type", evidence_numpy),
        ("changes-its-input", evidence_in_place),
        ("raises", evidence_gram),
        ("wrong-arguments", evidence_without_noise),
    ],
    "04.ppca_posterior": [
        ("covariance-not-scaled", posterior_m_inverse),
        ("precision-for-covariance", posterior_m),
        ("precision-for-covariance", posterior_second_precision),
        ("sigma-for-variance", posterior_plain_sigma),
        ("sigma-for-variance", posterior_plain_sigma_in_m),
        ("sigma-for-variance", posterior_plain_sigma_in_cov),
        ("identity-missing", posterior_no_eye),
        ("unit-noise", posterior_unit_noise),
        ("not-centred", posterior_not_centred),
        ("prior-forgotten", posterior_least_squares),
        ("prior-forgotten", posterior_mean_of_least_squares),
        ("prior-forgotten", posterior_cov_of_least_squares),
        ("no-inverse", posterior_projected),
        ("mean-not-scaled", posterior_mean_from_cov),
        ("mean-scaled-twice", posterior_mean_divided),
        ("mean-zero", posterior_zero),
        ("prior-covariance", posterior_identity),
        ("prior-subtracted", posterior_lost),
        ("diagonal-only", posterior_variances),
        ("diagonal-only", posterior_mean_field),
        ("factor-for-covariance", posterior_factor),
        ("covariance-of-x", posterior_cov_of_x),
        ("one-per-point", posterior_cov_each),
        ("transposed", posterior_transposed),
        ("reconstruction", posterior_reconstruction),
        ("swapped", posterior_swapped),
        ("wrong-mean", posterior_sampled),
        ("wrong-mean", posterior_single_inside),
        ("wrong-covariance", posterior_half),
        ("depends-on-units", posterior_enough_noise),
        ("depends-on-units", posterior_jitter),
        ("wrong-type", posterior_only_mean),
        ("wrong-shape", posterior_std_vector),
        ("wrong-dtype", posterior_single),
        ("changes-its-input", posterior_in_place),
        ("raises", posterior_w_untransposed),
    ],
}
