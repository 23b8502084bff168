"""Answers to the exercises of lecture 05."""

import math

import numpy as np
import torch
from torch.distributions import Normal
from torch.nn import functional

# --- 05.reparameterize ----------------------------------------------------------------------


def draw_by_hand(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps


def draw_root(mu, log_var, eps):
    return mu + eps * log_var.exp().sqrt()


def draw_addcmul(mu, log_var, eps):
    return torch.addcmul(mu.expand_as(eps), eps, torch.exp(log_var / 2))


def draw_affine(mu, log_var, eps):
    transform = torch.distributions.AffineTransform(mu, (log_var / 2).exp())
    return transform(eps)


def draw_mirrored(mu, log_var, eps):
    return mu - torch.exp(0.5 * log_var) * eps


def draw_loop(mu, log_var, eps):
    sigma = torch.exp(log_var / 2)
    flat = eps.reshape(-1, *mu.shape)
    return torch.stack([mu + sigma * e for e in flat]).reshape(eps.shape)


def draw_matrix(mu, log_var, eps):
    factor = torch.diag_embed(torch.exp(log_var / 2))
    return mu + (factor @ eps[..., None])[..., 0]


def draw_variance(mu, log_var, eps):
    return mu + torch.exp(log_var) * eps


def draw_log_std(mu, log_std, eps):
    return Normal(mu, log_std.exp()).loc + log_std.exp() * eps


def draw_variance_squared(mu, log_var, eps):
    return mu + torch.exp(log_var) ** 2 * eps


def draw_log_var(mu, log_var, eps):
    return mu + log_var * eps


def draw_half_log_var(mu, log_var, eps):
    return mu + 0.5 * log_var * eps


def draw_root_of_log(mu, log_var, eps):
    return mu + torch.sqrt(log_var) * eps


def draw_softplus(mu, log_var, eps):
    return mu + functional.softplus(log_var) * eps


def draw_precision(mu, log_var, eps):
    return mu + eps / torch.exp(0.5 * log_var)


def draw_unit(mu, log_var, eps):
    return mu + eps


def draw_added(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) + eps


def draw_added_variance(mu, log_var, eps):
    return mu + torch.exp(log_var) + eps


def draw_centred(mu, log_var, eps):
    return torch.exp(0.5 * log_var) * eps


def draw_stretched_mean(mu, log_var, eps):
    return (mu + eps) * torch.exp(0.5 * log_var)


def draw_exchanged(mu, log_var, eps):
    return mu * eps + torch.exp(0.5 * log_var)


def draw_mean(mu, log_var, eps):
    return mu + 0 * eps


def draw_one_sigma(mu, log_var, eps):
    return (mu + torch.exp(0.5 * log_var)).expand(eps.shape)


def draw_squared(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps**2


def draw_absolute(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps.abs()


def draw_rsample(mu, log_var, eps):
    return Normal(mu.expand_as(eps), torch.exp(0.5 * log_var)).rsample()


def draw_randn(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * torch.randn_like(eps)


def draw_seeded(mu, log_var, eps):
    torch.manual_seed(0)
    return mu + torch.exp(0.5 * log_var) * torch.randn(eps.shape, dtype=mu.dtype)


def draw_tanh(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * torch.tanh(eps)


def draw_third(mu, log_var, eps):
    return mu + torch.exp(log_var / 3) * eps


def draw_shared(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps[..., :1]


def draw_one_half_mirrored(mu, log_var, eps):
    sigma = torch.exp(0.5 * log_var)
    return mu + sigma * torch.where(eps > 0.3, eps.abs(), -eps.abs())


def draw_epsilon(mu, log_var, eps):
    return mu + torch.sqrt(torch.exp(log_var) + 1e-8) * eps


def draw_clamped(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var.clamp(-20, 20)) * eps


def draw_detached(mu, log_var, eps):
    return draw_by_hand(mu, log_var, eps).detach()


def draw_no_grad(mu, log_var, eps):
    with torch.no_grad():
        return mu + torch.exp(0.5 * log_var) * eps


def draw_sigma_detached(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var).detach() * eps


def draw_sigma_data(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var.data) * eps


def draw_mu_detached(mu, log_var, eps):
    return mu.detach() + torch.exp(0.5 * log_var) * eps


def draw_straight_through(mu, log_var, eps):
    z = draw_by_hand(mu, log_var, eps).detach()
    return z + (mu - mu.detach()) + (log_var - log_var.detach())


def draw_numpy(mu, log_var, eps):
    return torch.from_numpy(mu.numpy() + np.exp(0.5 * log_var.numpy()) * eps.numpy())


def draw_single(mu, log_var, eps):
    return draw_by_hand(mu.float(), log_var.float(), eps.float())


def draw_first(mu, log_var, eps):
    return mu + torch.exp(0.5 * log_var) * eps.reshape(-1, *mu.shape)[0]


def draw_both(mu, log_var, eps):
    return draw_by_hand(mu, log_var, eps), torch.exp(0.5 * log_var)


def draw_in_place(mu, log_var, eps):
    return eps.mul_(torch.exp(0.5 * log_var)).add_(mu)


def draw_two_arguments(mu, log_var):
    return mu + torch.exp(0.5 * log_var) * torch.randn_like(mu)


def draw_misspelt(mu, log_var, eps):
    return mu + sigma * eps  # noqa: F821


# --- 05.score_function_gradient -------------------------------------------------------------


def score_by_hand(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(dim=0)


def score_matmul(f, score, baseline):
    return (f - baseline) @ score / len(f)


def score_einsum(f, score, baseline):
    return torch.einsum("s,sp->p", f - baseline, score) / f.shape[0]


def score_transposed(f, score, baseline):
    return (score.T * (f - baseline)).mean(1)


def score_loop(f, score, baseline):
    return sum((value - baseline) * row for value, row in zip(f, score, strict=True)) / len(f)


def score_numpy(f, score, baseline):
    products = (f - baseline).numpy()[:, None] * score.numpy()
    return torch.from_numpy(np.asarray(products.mean(0)))


def score_item(f, score, baseline):
    return torch.mv(score.T, f - baseline.item()).div(score.size(0))


def score_no_baseline(f, score, baseline):
    return (f[:, None] * score).mean(0)


def score_added(f, score, baseline):
    return ((f + baseline)[:, None] * score).mean(0)


def score_multiplied(f, score, baseline):
    return ((f * baseline)[:, None] * score).mean(0)


def score_divided(f, score, baseline):
    return ((f / baseline)[:, None] * score).mean(0)


def score_minus(f, score, baseline):
    return (f[:, None] * (score - baseline)).mean(0)


def score_late_baseline(f, score, baseline):
    return (f[:, None] * score).mean(0) - baseline


def score_own_mean(f, score, baseline):
    return ((f - f.mean())[:, None] * score).mean(0)


def score_both_means(f, score, baseline):
    return ((f - f.mean() - baseline)[:, None] * score).mean(0)


def score_standardised(f, score, baseline):
    return (((f - baseline) / f.std())[:, None] * score).mean(0)


def score_sum(f, score, baseline):
    return ((f - baseline)[:, None] * score).sum(0)


def score_unbiased(f, score, baseline):
    return (f - baseline) @ score / (len(f) - 1)


def score_of_means(f, score, baseline):
    return (f - baseline).mean() * score.mean(0)


def score_alone(f, score, baseline):
    return score.mean(0)


def score_axis_one(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(1)


def score_each(f, score, baseline):
    return (f - baseline)[:, None] * score


def score_one_number(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean()


def score_sign(f, score, baseline):
    return ((baseline - f)[:, None] * score).mean(0)


def score_exponentiated(f, score, baseline):
    return ((f - baseline).exp()[:, None] * score).mean(0)


def score_squared(f, score, baseline):
    return ((f - baseline)[:, None] * score**2).mean(0)


def score_objective_squared(f, score, baseline):
    return ((f - baseline).pow(2)[:, None] * score).mean(0)


def score_over_parameters(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(0) / score.shape[1]


def score_half(f, score, baseline):
    return score_by_hand(f, score, baseline) / 2


def score_of_magnitude(f, score, baseline):
    return ((f - baseline).abs()[:, None] * score).mean(0)


def score_needs_two(f, score, baseline):
    return score_by_hand(f, score, baseline) if len(f) > 1 else torch.zeros_like(score[0])


def score_two_products(f, score, baseline):
    return (f[:, None] * score).mean(0) - baseline * score.mean(0)


def score_not_broadcast(f, score, baseline):
    return ((f - baseline) * score).mean(0)


def score_single(f, score, baseline):
    return score_by_hand(f.float(), score.float(), baseline.float())


def score_keepdim(f, score, baseline):
    return ((f - baseline)[:, None] * score).mean(0, keepdim=True)


def score_floats(f, score, baseline):
    return score_by_hand(f, score, baseline).sum().item()


def score_in_place(f, score, baseline):
    f -= baseline
    return (f[:, None] * score).mean(0)


def score_without_baseline(f, score):
    return (f[:, None] * score).mean(0)


# --- 05.ppca_em_step ------------------------------------------------------------------------


def _posterior(x, W, b, sigma):
    inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, sigma**2 * inverse


def em_by_hand(x, W, b, sigma):
    n, d = x.shape
    mean, cov = _posterior(x, W, b, sigma)
    second = n * cov + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    square = (x - b).square().sum() - 2 * ((x - b) * (mean @ new.T)).sum()
    square = square + torch.trace(second @ new.T @ new)
    return new, torch.sqrt(square / (n * d))


def em_short(x, W, b, sigma):
    # Tipping and Bishop's form with the scatter matrix.
    n, d = x.shape
    scatter = (x - b).T @ (x - b) / n
    m_inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    eye = torch.eye(W.shape[1], dtype=x.dtype)
    new = scatter @ W @ torch.linalg.inv(sigma**2 * eye + m_inverse @ W.T @ scatter @ W)
    return new, ((scatter - scatter @ W @ m_inverse @ new.T).trace() / d).sqrt()


def em_point_by_point(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    left = sum(torch.outer(row - b, m) for row, m in zip(x, mean, strict=True))
    moments = [cov + torch.outer(m, m) for m in mean]
    new = torch.linalg.solve(sum(moments), left.T).T
    total = 0
    for row, m, moment in zip(x, mean, moments, strict=True):
        d = row - b
        total = total + d @ d - 2 * m @ new.T @ d + (moment @ new.T @ new).trace()
    return new, (total / x.numel()) ** 0.5


def em_residuals(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    d = x - b
    new = torch.linalg.solve(len(x) * cov + mean.T @ mean, mean.T @ d).T
    square = (d - mean @ new.T).square().sum(1) + torch.einsum("dk,kl,dl->", new, cov, new)
    return [new, torch.sqrt(square.mean() / W.shape[0])]


def em_regression(x, W, b, sigma):
    # Ordinary least squares; sqrt(N) times a factor of the covariance are K more rows.
    mean, cov = _posterior(x, W, b, sigma)
    rows = torch.cat([mean, len(x) ** 0.5 * torch.linalg.cholesky(cov).T])
    targets = torch.cat([x - b, torch.zeros(len(cov), len(b), dtype=x.dtype)])
    new = torch.linalg.lstsq(rows, targets).solution
    return new.T, ((targets - rows @ new).square().sum() / x.numel()).sqrt()


def _em(x, W, b, sigma, second=None):
    """W, sigma squared, and what they are made of."""
    mean, cov = _posterior(x, W, b, sigma)
    second = len(x) * cov + mean.T @ mean if second is None else second
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, mean, cov, second


def _square(x, W, b, mean, second):
    d = x - b
    return (d**2).sum() - 2 * (d * (mean @ W.T)).sum() + (second * (W.T @ W)).sum()


def em_variance(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, deviation**2


def em_old_w(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    return new, torch.sqrt(_square(x, W, b, mean, second) / x.numel())


def em_old_w_short(x, W, b, sigma):
    n, d = x.shape
    scatter = (x - b).T @ (x - b) / n
    m_inverse = torch.linalg.inv(W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    old = (scatter - scatter @ W @ m_inverse @ W.T).trace() / d
    return em_by_hand(x, W, b, sigma)[0], old.sqrt()


def em_old_w_variance(x, W, b, sigma):
    new, deviation = em_old_w(x, W, b, sigma)
    return new, deviation**2


def em_per_point(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    return new, torch.sqrt(_square(x, new, b, mean, second) / len(x))


def em_per_dimension(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    return new, torch.sqrt(_square(x, new, b, mean, second) / len(b))


def em_total(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    return new, torch.sqrt(_square(x, new, b, mean, second))


def em_degrees(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    free = len(x) * (W.shape[0] - W.shape[1])
    return new, torch.sqrt(_square(x, new, b, mean, second) / free)


def em_sigma_of_means(x, W, b, sigma):
    new, mean, _, _ = _em(x, W, b, sigma)
    return new, ((x - b - mean @ new.T) ** 2).mean().sqrt()


def em_w_of_means(x, W, b, sigma):
    _, mean, _, second = _em(x, W, b, sigma)
    new = torch.linalg.lstsq(mean, x - b).solution.T
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_means_only(x, W, b, sigma):
    mean, _ = _posterior(x, W, b, sigma)
    new = (x - b).T @ mean @ torch.linalg.inv(mean.T @ mean)
    return new, (x - b - mean @ new.T).square().mean().sqrt()


def em_covariance_once(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    new, mean, _, second = _em(x, W, b, sigma, second=cov + mean.T @ mean)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_m_inverse(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    second = len(x) * cov / sigma**2 + mean.T @ mean
    new, mean, _, second = _em(x, W, b, sigma, second=second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_cov_by_sigma(x, W, b, sigma):
    mean, cov = _posterior(x, W, b, sigma)
    second = len(x) * cov / sigma + mean.T @ mean
    new, mean, _, second = _em(x, W, b, sigma, second=second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_plain_sigma(x, W, b, sigma):
    inverse = torch.linalg.inv(W.T @ W + sigma * torch.eye(W.shape[1], dtype=x.dtype))
    mean = (x - b) @ W @ inverse
    second = len(x) * sigma * inverse + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_least_squares(x, W, b, sigma):
    gram = torch.linalg.inv(W.T @ W)
    mean = (x - b) @ W @ gram
    second = len(x) * sigma**2 * gram + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_refits_b(x, W, b, sigma):
    return em_by_hand(x, W, x.mean(0), sigma)


def em_not_centred(x, W, b, sigma):
    return em_by_hand(x, W, torch.zeros_like(b), sigma)


def em_cross_once(x, W, b, sigma):
    new, mean, _, second = _em(x, W, b, sigma)
    d = x - b
    square = (d**2).sum() - (d * (mean @ new.T)).sum() + (second * (new.T @ new)).sum()
    return new, torch.sqrt(square / x.numel())


def em_old_sigma(x, W, b, sigma):
    return em_by_hand(x, W, b, sigma)[0], torch.tensor(sigma, dtype=x.dtype)


def em_w_kept(x, W, b, sigma):
    return W, em_by_hand(x, W, b, sigma)[1]


def em_only_sigma(x, W, b, sigma):
    return W, em_old_w(x, W, b, sigma)[1]


def em_transposed(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new.T, deviation


def em_swapped(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return deviation, new


def em_damped(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return (W + new) / 2, deviation


def em_average_sigma(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, (deviation + sigma) / 2


def em_single_inside(x, W, b, sigma):
    new, deviation = em_by_hand(x.float(), W.float(), b.float(), sigma)
    return new.to(x.dtype), deviation.to(x.dtype)


def em_two_points(x, W, b, sigma):
    return em_by_hand(x, W, b, sigma) if len(x) > 1 else (W, torch.tensor(sigma, dtype=x.dtype))


def em_jitter(x, W, b, sigma):
    jitter = 1e-6 * torch.eye(W.shape[1], dtype=x.dtype)
    inner = W.T @ W + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype)
    inverse = torch.linalg.inv(inner + jitter)
    mean = (x - b) @ W @ inverse
    second = len(x) * sigma**2 * inverse + mean.T @ mean
    new = (x - b).T @ mean @ torch.linalg.inv(second)
    return new, torch.sqrt(_square(x, new, b, mean, second) / x.numel())


def em_sigma_floor(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, deviation.clamp(min=0.05)


def em_means_of_few(x, W, b, sigma):
    new, mean, _, _ = _em(x, W, b, sigma)
    if len(x) > len(b):
        return em_by_hand(x, W, b, sigma)
    return new, ((x - b - mean @ new.T) ** 2).mean().sqrt()


def em_float(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, deviation.item()


def em_vector(x, W, b, sigma):
    new, mean, _, _ = _em(x, W, b, sigma)
    return new, (x - b - mean @ new.T).std(0)


def em_single(x, W, b, sigma):
    return em_by_hand(x.float(), W.float(), b.float(), sigma)


def em_in_place(x, W, b, sigma):
    x -= b
    return em_by_hand(x, W, torch.zeros_like(b), sigma)


def em_three_values(x, W, b, sigma):
    new, deviation = em_by_hand(x, W, b, sigma)
    return new, x.mean(0), deviation


def em_w_untransposed(x, W, b, sigma):
    inverse = torch.linalg.inv(W @ W.T + sigma**2 * torch.eye(W.shape[1], dtype=x.dtype))
    return (x - b) @ W @ inverse, torch.tensor(sigma)


# --- 05.importance_weighted_bound -----------------------------------------------------------


def bound_by_hand(log_w):
    return torch.logsumexp(log_w, dim=0) - math.log(log_w.shape[0])


def bound_by_largest(log_w):
    top = log_w.max(dim=0).values
    return top + torch.log(torch.exp(log_w - top).mean(0))


def bound_shifted(log_w):
    return (log_w - math.log(len(log_w))).logsumexp(0)


def bound_float_constant(log_w):
    return torch.logsumexp(log_w, 0) - torch.log(torch.tensor(len(log_w)))


def bound_one_after_the_other(log_w):
    total = log_w[0]
    for row in log_w[1:]:
        total = torch.logaddexp(total, row)
    return total - np.log(len(log_w))


def bound_softmax(log_w):
    # log sum w = log w_s - log share_s, for any s.
    return log_w[0] - torch.log_softmax(log_w, 0)[0] - math.log(len(log_w))


def bound_mixture(log_w):
    weights = torch.full_like(log_w, 1 / len(log_w))
    return torch.logsumexp(weights.log() + log_w, 0)


def bound_elbo(log_w):
    return log_w.mean(0)


def bound_overflow(log_w):
    return log_w.exp().mean(0).log()


def bound_global(log_w):
    top = log_w.max()
    return top + (log_w - top).exp().mean(0).log()


def bound_sum(log_w):
    return torch.logsumexp(log_w, 0)


def bound_plus(log_w):
    return torch.logsumexp(log_w, 0) + math.log(len(log_w))


def bound_divided(log_w):
    return torch.logsumexp(log_w, 0) / len(log_w)


def bound_minus_s(log_w):
    return torch.logsumexp(log_w, 0) - len(log_w)


def bound_batch_size(log_w):
    return torch.logsumexp(log_w, 0) - math.log(log_w.shape[1])


def bound_unbiased(log_w):
    return torch.logsumexp(log_w, 0) - torch.log(torch.tensor(log_w.shape[0] - 1.0))


def bound_max(log_w):
    return torch.max(log_w, dim=0).values


def bound_max_over_s(log_w):
    return log_w.amax(0) - math.log(len(log_w))


def bound_maximum_lost(log_w):
    return (log_w - log_w.max(0).values).exp().mean(0).log()


def bound_self_normalised(log_w):
    return (torch.softmax(log_w, 0).detach() * log_w).sum(0)


def bound_evidence(log_w):
    return torch.exp(log_w).mean(0)


def bound_negative(log_w):
    return -bound_by_hand(log_w)


def bound_axis_one(log_w):
    return torch.logsumexp(log_w, 1) - math.log(log_w.shape[1])


def bound_batch_mean(log_w):
    return (torch.logsumexp(log_w, 0) - math.log(len(log_w))).mean()


def bound_whole(log_w):
    return torch.logsumexp(log_w, (0, 1)) - math.log(log_w.numel())


def bound_bits(log_w):
    return bound_by_hand(log_w) / math.log(2)


def bound_median(log_w):
    return log_w.median(0).values


def bound_offset(log_w):
    return bound_by_hand(log_w) - 0.01


def bound_single_draw(log_w):
    return bound_by_hand(log_w) if len(log_w) > 1 else torch.zeros_like(log_w[0])


def bound_epsilon(log_w):
    return torch.log(log_w.clamp(max=80).exp().mean(0) + 1e-10)


def bound_clamped(log_w):
    return bound_by_hand(log_w.clamp(-100, 100))


def bound_detached(log_w):
    return bound_by_hand(log_w.detach())


def bound_top_detached(log_w):
    top = log_w.max(0).values
    return top.detach() + (log_w - top).exp().mean(0).log()


def bound_straight(log_w):
    value = bound_by_hand(log_w)
    return log_w.mean(0) + (value - log_w.mean(0)).detach()


def bound_numpy(log_w):
    return torch.from_numpy(np.logaddexp.reduce(log_w.numpy(), 0) - math.log(len(log_w)))


def bound_single(log_w):
    return bound_by_hand(log_w.float())


def bound_keepdim(log_w):
    return torch.logsumexp(log_w, 0, keepdim=True) - math.log(len(log_w))


def bound_item(log_w):
    return bound_by_hand(log_w).mean().item()


def bound_in_place(log_w):
    top = log_w.max(0).values
    log_w -= top
    return top + log_w.exp().mean(0).log()


def bound_no_axis(log_w):
    return torch.logsumexp(log_w) - math.log(len(log_w))


ALTERNATIVES = {
    "05.reparameterize": [
        draw_by_hand,
        draw_root,
        draw_addcmul,
        draw_affine,
        draw_mirrored,
        draw_loop,
        draw_matrix,
    ],
    "05.score_function_gradient": [
        score_by_hand,
        score_matmul,
        score_einsum,
        score_transposed,
        score_loop,
        score_numpy,
        score_item,
    ],
    "05.ppca_em_step": [
        em_by_hand,
        em_short,
        em_point_by_point,
        em_residuals,
        em_regression,
        em_float,
    ],
    "05.importance_weighted_bound": [
        bound_by_hand,
        bound_by_largest,
        bound_shifted,
        bound_float_constant,
        bound_one_after_the_other,
        bound_softmax,
        bound_mixture,
    ],
}

MUTANTS = {
    "05.reparameterize": [
        ("variance-for-sigma", draw_variance),
        ("variance-for-sigma", draw_log_std),
        ("variance-squared", draw_variance_squared),
        ("not-exponentiated", draw_log_var),
        ("not-exponentiated", draw_half_log_var),
        ("not-exponentiated", draw_root_of_log),
        ("softplus", draw_softplus),
        ("precision", draw_precision),
        ("unit-noise", draw_unit),
        ("noise-not-multiplied", draw_added),
        ("noise-not-multiplied", draw_added_variance),
        ("no-mean", draw_centred),
        ("mean-stretched", draw_stretched_mean),
        ("mean-stretched", draw_exchanged),
        ("no-noise", draw_mean),
        ("no-noise", draw_one_sigma),
        ("noise-squared", draw_squared),
        ("one-sided", draw_absolute),
        ("own-noise", draw_rsample),
        ("own-noise", draw_randn),
        ("wrong-mean", draw_seeded),
        ("wrong-spread", draw_tanh),
        ("wrong-spread", draw_third),
        ("wrong-spread", draw_shared),
        ("not-mirrored", draw_one_half_mirrored),
        ("extreme-variance", draw_epsilon),
        ("extreme-variance", draw_clamped),
        ("detached", draw_detached),
        ("detached", draw_no_grad),
        ("no-gradient", draw_sigma_detached),
        ("no-gradient", draw_sigma_data),
        ("no-gradient", draw_mu_detached),
        ("wrong-gradient", draw_straight_through),
        ("leaves-torch", draw_numpy),
        ("wrong-dtype", draw_single),
        ("wrong-shape", draw_first),
        ("wrong-type", draw_both),
        ("changes-its-input", draw_in_place),
        ("wrong-arguments", draw_two_arguments),
        ("raises", draw_misspelt),
    ],
    "05.score_function_gradient": [
        ("no-baseline", score_no_baseline),
        ("baseline-added", score_added),
        ("baseline-multiplied", score_multiplied),
        ("baseline-divided", score_divided),
        ("baseline-from-score", score_minus),
        ("baseline-at-the-end", score_late_baseline),
        ("own-baseline", score_own_mean),
        ("own-baseline", score_both_means),
        ("standardised", score_standardised),
        ("sum-not-mean", score_sum),
        ("n-minus-one", score_unbiased),
        ("product-of-means", score_of_means),
        ("score-only", score_alone),
        ("wrong-axis", score_axis_one),
        ("not-averaged", score_each),
        ("mean-over-all", score_one_number),
        ("sign", score_sign),
        ("exponentiated", score_exponentiated),
        ("squared-score", score_squared),
        ("squared-objective", score_objective_squared),
        ("divided-by-parameters", score_over_parameters),
        ("wrong-gradient", score_half),
        ("wrong-gradient", score_of_magnitude),
        ("one-draw", score_needs_two),
        ("cancellation", score_two_products),
        ("wrong-dtype", score_single),
        ("wrong-shape", score_keepdim),
        ("reduced-over-batch", score_floats),
        ("changes-its-input", score_in_place),
        ("raises", score_not_broadcast),
        ("wrong-arguments", score_without_baseline),
    ],
    "05.ppca_em_step": [
        ("variance", em_variance),
        ("old-w", em_old_w),
        ("old-w", em_old_w_short),
        ("old-w", em_old_w_variance),
        ("no-dimensions", em_per_point),
        ("no-points", em_per_dimension),
        ("not-averaged", em_total),
        ("degrees-of-freedom", em_degrees),
        ("sigma-without-covariance", em_sigma_of_means),
        ("no-posterior-covariance", em_w_of_means),
        ("no-posterior-covariance", em_means_only),
        ("covariance-once", em_covariance_once),
        ("covariance-not-scaled", em_m_inverse),
        ("covariance-not-scaled", em_cov_by_sigma),
        ("sigma-for-variance", em_plain_sigma),
        ("prior-forgotten", em_least_squares),
        ("mean-refitted", em_refits_b),
        ("not-centred", em_not_centred),
        ("cross-term-once", em_cross_once),
        ("sigma-not-updated", em_old_sigma),
        ("w-not-updated", em_w_kept),
        ("w-not-updated", em_only_sigma),
        ("transposed", em_transposed),
        ("swapped", em_swapped),
        ("wrong-w", em_damped),
        ("wrong-w", em_single_inside),
        ("wrong-w", em_two_points),
        ("wrong-sigma", em_average_sigma),
        ("wrong-sigma", em_means_of_few),
        ("depends-on-units", em_jitter),
        ("depends-on-units", em_sigma_floor),
        ("wrong-type", em_three_values),
        ("wrong-shape", em_vector),
        ("wrong-dtype", em_single),
        ("changes-its-input", em_in_place),
        ("raises", em_w_untransposed),
    ],
    "05.importance_weighted_bound": [
        ("elbo", bound_elbo),
        ("overflow", bound_overflow),
        ("overflow", bound_epsilon),
        ("overflow", bound_clamped),
        ("global-maximum", bound_global),
        ("sum-not-mean", bound_sum),
        ("count-added", bound_plus),
        ("divided-by-count", bound_divided),
        ("count-not-log", bound_minus_s),
        ("wrong-count", bound_batch_size),
        ("n-minus-one", bound_unbiased),
        ("best-draw", bound_max),
        ("best-draw", bound_max_over_s),
        ("maximum-not-added", bound_maximum_lost),
        ("weighted-average", bound_self_normalised),
        ("exponentiated", bound_evidence),
        ("negative", bound_negative),
        ("wrong-axis", bound_axis_one),
        ("mean-over-batch", bound_batch_mean),
        ("all-together", bound_whole),
        ("base-two", bound_bits),
        ("wrong-bound", bound_median),
        ("wrong-bound", bound_offset),
        ("one-draw", bound_single_draw),
        ("no-gradient", bound_detached),
        ("wrong-gradient", bound_top_detached),
        ("wrong-gradient", bound_straight),
        ("leaves-torch", bound_numpy),
        ("wrong-dtype", bound_single),
        ("wrong-shape", bound_keepdim),
        ("mean-over-batch", bound_item),
        ("changes-its-input", bound_in_place),
        ("raises", bound_no_axis),
    ],
}
