"""Answers to the exercises of lecture 08."""

import functools
import math

import numpy as np
import torch

# --- 10.alpha_bars --------------------------------------------------------------------------


def bars_cumprod(betas):
    return torch.cumprod(1 - betas, dim=0)


def bars_logs(betas):
    return torch.log1p(-betas).cumsum(0).exp()


def bars_loop(betas):
    bars, bar = [], 1.0
    for beta in betas:
        bar = bar * (1 - beta)
        bars.append(bar)
    return torch.stack(bars)


def bars_slices(betas):
    alphas = 1 - betas
    return torch.stack([alphas[: t + 1].prod() for t in range(len(betas))])


def bars_numpy(betas):
    return torch.from_numpy(np.cumprod(1 - betas.numpy()))


def bars_floats(betas):
    bars, bar = [], 1.0
    for beta in betas.tolist():
        bar *= 1 - beta
        bars.append(bar)
    return torch.tensor(bars, dtype=betas.dtype)


def bars_roots_squared(betas):
    return torch.cumprod((1 - betas).sqrt(), 0).square()


def bars_sum(betas):
    return torch.cumsum(1 - betas, dim=0)


def bars_of_betas(betas):
    return torch.cumprod(betas, dim=0)


def bars_one_minus_late(betas):
    return 1 - torch.cumprod(betas, dim=0)


def bars_sum_of_betas(betas):
    return torch.cumsum(betas, dim=0)


def bars_alphas(betas):
    return 1 - betas


def bars_noise(betas):
    return 1 - torch.cumprod(1 - betas, 0)


def bars_noise_scale(betas):
    return torch.sqrt(1 - torch.cumprod(1 - betas, 0))


def bars_root(betas):
    return torch.cumprod(1 - betas, 0) ** 0.5


def bars_roots(betas):
    return torch.cumprod(torch.sqrt(1 - betas), 0)


def bars_squared(betas):
    return torch.cumprod((1 - betas) ** 2, 0)


def bars_squared_betas(betas):
    return torch.cumprod(1 - betas**2, 0)


def bars_rooted_betas(betas):
    return torch.cumprod(1 - betas.sqrt(), 0)


def bars_first_order(betas):
    return 1 - betas.cumsum(0)


def bars_exponential(betas):
    return torch.exp(-betas.cumsum(0))


def bars_log(betas):
    return torch.cumsum(torch.log(1 - betas), 0)


def bars_plus(betas):
    return torch.cumprod(1 + betas, 0)


def bars_shifted(betas):
    return torch.cat([betas.new_ones(1), torch.cumprod(1 - betas, 0)[:-1]])


def bars_shifted_loop(betas):
    bars, bar = [], torch.ones_like(betas[0])
    for beta in betas:
        bars.append(bar)
        bar = bar * (1 - beta)
    return torch.stack(bars)


def bars_appended_first(betas):
    out, a = [], 1.0
    for b in betas:
        out.append(a)
        a *= 1 - b  # from the second step on a tensor, and changed where it is
    return torch.tensor(out)


def bars_appended_first_from_one(betas):
    out, a = [], 1
    for b in betas:
        out.append(a)
        a *= 1 - b
    return torch.tensor(out)


def bars_appended_first_kept(betas):
    out, a = [], 1
    for b in betas:
        out.append(a)
        a = a * (1 - b)
    return torch.tensor(out)


def bars_appended_first_floats(betas):
    out, a = [], 1.0
    for b in betas.tolist():
        out.append(a)
        a *= 1 - b
    return torch.tensor(out)


def bars_overwritten(betas):
    out, a = [], torch.ones_like(betas[0])
    for b in betas:
        a *= 1 - b
        out.append(a)
    return torch.stack(out)


def bars_one_more(betas):
    return torch.cumprod(torch.cat([betas.new_ones(1), 1 - betas]), 0)


def bars_without_first(betas):
    alphas = 1 - betas
    alphas = torch.cat([torch.ones_like(alphas[:1]), alphas[1:]])
    return torch.cumprod(alphas, 0)


def bars_from_the_end(betas):
    return torch.flip(torch.cumprod(torch.flip(1 - betas, [0]), 0), [0])


def bars_turned(betas):
    return torch.cumprod(1 - betas, 0).flip(0)


def bars_of_turned(betas):
    return torch.cumprod(1 - betas.flip(0), 0)


def bars_last(betas):
    return torch.prod(1 - betas)


def bars_last_everywhere(betas):
    return torch.ones_like(betas) * torch.prod(1 - betas)


def bars_power(betas):
    t = torch.arange(len(betas)) + 1
    return (1 - betas) ** t


def bars_neighbours(betas):
    alphas = 1 - betas
    bars = alphas.clone()
    bars[1:] = alphas[1:] * alphas[:-1]
    return bars


def bars_sorted(betas):
    return torch.cumprod(1 - betas.sort().values, 0)


def bars_late(betas):
    return torch.cumprod(1 - betas, 0) * (1 - betas[0])


def bars_floor(betas):
    return torch.cumprod(1 - betas, 0).clamp(min=1e-4)


def bars_clamped(betas):
    return torch.cumprod(1 - betas.clamp(min=1e-3), 0)


def bars_single(betas):
    return torch.cumprod(1 - betas.float(), 0)


def bars_list(betas):
    return torch.cumprod(1 - betas, 0).tolist()


def bars_in_place(betas):
    betas.neg_().add_(1)
    return betas.cumprod(0)


def bars_two_axes(betas):
    return torch.cumprod(1 - betas, 0)[:, None]


def bars_wrong_axis(betas):
    return torch.cumprod(1 - betas, dim=1)


# --- 10.diffuse -----------------------------------------------------------------------------


def axes(alpha_bar, x):
    return alpha_bar.view(-1, *[1] * (x.dim() - 1))


def diffuse_reshape(x0, alpha_bar, eps):
    a = alpha_bar.reshape(alpha_bar.shape + (1,) * (x0.ndim - 1))
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def diffuse_transposed(x0, alpha_bar, eps):
    rows = x0.movedim(0, -1), eps.movedim(0, -1)  # the batch last, where it broadcasts by itself
    return (torch.sqrt(alpha_bar) * rows[0] + torch.sqrt(1 - alpha_bar) * rows[1]).movedim(-1, 0)


def diffuse_einsum(x0, alpha_bar, eps):
    signal = torch.einsum("b,b...->b...", alpha_bar**0.5, x0)
    return signal + torch.einsum("b,b...->b...", (1 - alpha_bar) ** 0.5, eps)


def diffuse_loop(x0, alpha_bar, eps):
    rows = zip(x0, alpha_bar, eps, strict=True)
    return torch.stack([x * a.sqrt() + e * (1 - a).sqrt() for x, a, e in rows])


def diffuse_flat(x0, alpha_bar, eps):
    a = alpha_bar[:, None]
    x_t = a.sqrt() * x0.reshape(len(x0), -1) + (1 - a).sqrt() * eps.reshape(len(x0), -1)
    return x_t.reshape(x0.shape)


def diffuse_unsqueeze(x0, alpha_bar, eps):
    a = alpha_bar
    while a.ndim < x0.ndim:
        a = a.unsqueeze(-1)
    return torch.lerp(torch.zeros_like(x0), x0, a.sqrt()) + eps * torch.sqrt(1 - a)


def diffuse_no_roots(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a * x0 + (1 - a) * eps


def diffuse_no_root_of_signal(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a * x0 + torch.sqrt(1 - a) * eps


def diffuse_no_root_of_noise(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return torch.sqrt(a) * x0 + (1 - a) * eps


def diffuse_exchanged(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return torch.sqrt(1 - a) * x0 + torch.sqrt(a) * eps


def diffuse_exchanged_no_roots(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return (1 - a) * x0 + a * eps


def diffuse_misplaced_root(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a.sqrt() * x0 + (1 - a.sqrt()) * eps


def diffuse_same(x0, alpha_bar, eps):
    return axes(alpha_bar, x0).sqrt() * (x0 + eps)


def diffuse_plain_noise(x0, alpha_bar, eps):
    return axes(alpha_bar, x0).sqrt() * x0 + eps


def diffuse_exploding(x0, alpha_bar, eps):
    return x0 + (1 - axes(alpha_bar, x0)).sqrt() * eps


def diffuse_plain_sum(x0, alpha_bar, eps):
    return x0 + eps


def diffuse_factor(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a * x0 + torch.sqrt(1 - a**2) * eps


def diffuse_two_roots(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a.sqrt().sqrt() * x0 + (1 - a).sqrt().sqrt() * eps


def diffuse_root_inside(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0).sqrt()
    return a * x0 + (1 - a).sqrt() * eps


def diffuse_minus(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a.sqrt() * x0 - (1 - a).sqrt() * eps


def diffuse_mean(x0, alpha_bar, eps):
    return axes(alpha_bar, x0).sqrt() * x0


def diffuse_only_noise(x0, alpha_bar, eps):
    return (1 - axes(alpha_bar, x0)).sqrt() * eps


def diffuse_clamped(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, eps).clamp(-1, 1)


def diffuse_undone(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return (x0 - (1 - a).sqrt() * eps) / a.sqrt()


def diffuse_last_axis(x0, alpha_bar, eps):
    return alpha_bar.sqrt() * x0 + (1 - alpha_bar).sqrt() * eps


def diffuse_last_axis_no_roots(x0, alpha_bar, eps):
    return alpha_bar * x0 + (1 - alpha_bar) * eps


def diffuse_column(x0, alpha_bar, eps):
    a = alpha_bar[:, None]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def diffuse_four_axes(x0, alpha_bar, eps):
    a = alpha_bar.view(-1, 1, 1, 1)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def diffuse_first(x0, alpha_bar, eps):
    a = alpha_bar[0]
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def diffuse_batch_mean(x0, alpha_bar, eps):
    # The mean of the roots, not the root of the mean.
    return alpha_bar.sqrt().mean() * x0 + (1 - alpha_bar).sqrt().mean() * eps


def diffuse_own_noise(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, torch.randn_like(eps))


def diffuse_own_noise_as_well(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, eps) + 0.1 * torch.randn_like(eps)


def diffuse_half_signal(x0, alpha_bar, eps):
    return diffuse_reshape(0.5 * x0, alpha_bar, eps)


def diffuse_half_noise(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, 0.5 * eps)


def diffuse_product(x0, alpha_bar, eps):
    a = axes(alpha_bar, x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps + 0.1 * a * x0 * eps


def diffuse_safe(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar.clamp(0.05, 0.95), eps)


def diffuse_detached(x0, alpha_bar, eps):
    with torch.no_grad():
        return diffuse_reshape(x0, alpha_bar, eps)


def diffuse_single(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, eps).float()


def diffuse_in_place(x0, alpha_bar, eps):
    x0 *= axes(alpha_bar, x0).sqrt()
    return x0 + (1 - axes(alpha_bar, x0)).sqrt() * eps


def diffuse_flattened(x0, alpha_bar, eps):
    return diffuse_reshape(x0, alpha_bar, eps).flatten()


def diffuse_by_keyword(x0, alpha_bar, eps):
    return torch.normal(mean=axes(alpha_bar, x0).sqrt() * x0, std=(1 - alpha_bar) + "eps")


# --- 10.predict_x0 --------------------------------------------------------------------------


def predict_reshape(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / a.sqrt()


def predict_two_terms(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return x_t * a.rsqrt() - torch.sqrt(1 / a - 1) * eps_hat


def predict_transposed(x_t, alpha_bar, eps_hat):
    left = x_t.movedim(0, -1) - torch.sqrt(1 - alpha_bar) * eps_hat.movedim(0, -1)
    return (left / torch.sqrt(alpha_bar)).movedim(-1, 0)


def predict_loop(x_t, alpha_bar, eps_hat):
    rows = zip(x_t, alpha_bar, eps_hat, strict=True)
    return torch.stack([(x - (1 - a) ** 0.5 * e) / a**0.5 for x, a, e in rows])


def predict_by_score(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    sigma = (1 - a).sqrt()
    # Tweedie, with sigma^2 score = -sigma eps_hat: no division by sigma, which may be 0.
    return (x_t + sigma * -eps_hat) / a.sqrt()


def predict_plus(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t + (1 - a).sqrt() * eps_hat) / a.sqrt()


def predict_turned(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return ((1 - a).sqrt() * eps_hat - x_t) / a.sqrt()


def predict_no_roots(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a) * eps_hat) / a


def predict_over_variance(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / a


def predict_variance_of_noise(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a) * eps_hat) / a.sqrt()


def predict_faded(x_t, alpha_bar, eps_hat):
    return x_t - (1 - axes(alpha_bar, x_t)).sqrt() * eps_hat


def predict_multiplied(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) * a.sqrt()


def predict_precedence(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return x_t / a.sqrt() - (1 - a).sqrt() * eps_hat


def predict_other_precedence(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return x_t - (1 - a).sqrt() * eps_hat / a.sqrt()


def predict_plain_noise(x_t, alpha_bar, eps_hat):
    return (x_t - eps_hat) / axes(alpha_bar, x_t).sqrt()


def predict_difference(x_t, alpha_bar, eps_hat):
    return x_t - eps_hat


def predict_noisy(x_t, alpha_bar, eps_hat):
    return x_t / axes(alpha_bar, x_t).sqrt()


def predict_exchanged(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - a.sqrt() * eps_hat) / (1 - a).sqrt()


def predict_scaled_by_signal(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - a.sqrt() * eps_hat) / a.sqrt()


def predict_over_noise(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / (1 - a).sqrt()


def predict_misplaced_root(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a.sqrt()) * eps_hat) / a.sqrt()


def predict_forward(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return a.sqrt() * x_t + (1 - a).sqrt() * eps_hat


def predict_clamped(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t, alpha_bar, eps_hat).clip(-1, 1)


def predict_last_axis(x_t, alpha_bar, eps_hat):
    return (x_t - (1 - alpha_bar).sqrt() * eps_hat) / alpha_bar.sqrt()


def predict_column(x_t, alpha_bar, eps_hat):
    a = alpha_bar[:, None]
    return (x_t - (1 - a).sqrt() * eps_hat) / a.sqrt()


def predict_four_axes(x_t, alpha_bar, eps_hat):
    a = alpha_bar[:, None, None, None]
    return (x_t - (1 - a).sqrt() * eps_hat) / a.sqrt()


def predict_first(x_t, alpha_bar, eps_hat):
    return (x_t - (1 - alpha_bar[0]).sqrt() * eps_hat) / alpha_bar[0].sqrt()


def predict_batch_mean(x_t, alpha_bar, eps_hat):
    return x_t * alpha_bar.rsqrt().mean() - (1 / alpha_bar - 1).sqrt().mean() * eps_hat


def predict_biased(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t, alpha_bar, eps_hat) + 0.1 * eps_hat.abs()


def predict_safe(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / (a.sqrt() + 1e-6)


def predict_ends(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t, alpha_bar.clamp(max=0.95), eps_hat)


def predict_detached(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t, alpha_bar, eps_hat.detach())


def predict_single(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t.float(), alpha_bar.float(), eps_hat.float())


def predict_numpy(x_t, alpha_bar, eps_hat):
    return predict_reshape(x_t, alpha_bar, eps_hat).numpy()


def predict_in_place(x_t, alpha_bar, eps_hat):
    a = axes(alpha_bar, x_t)
    x_t -= (1 - a).sqrt() * eps_hat
    return x_t / a.sqrt()


# --- 10.ddpm_step ---------------------------------------------------------------------------


def schedule(t, betas):
    """beta_t, alpha_t, alpha_bar_t, alpha_bar_{t-1}"""
    bars = torch.cumprod(1 - betas, 0)
    before = bars[t - 1] if t > 0 else torch.ones_like(bars[0])
    return betas[t], 1 - betas[t], bars[t], before


def posterior_sigma(t, betas):
    beta, _, bar, before = schedule(t, betas)
    return (beta * (1 - before) / (1 - bar)).sqrt()


def right_mean(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return (x_t - beta / (1 - bar).sqrt() * eps_hat) / alpha.sqrt()


def step_paper(x_t, t, eps_hat, betas, noise):
    mean = right_mean(x_t, t, eps_hat, betas)
    if t == 0:
        return mean
    return mean + posterior_sigma(t, betas) * noise


def step_without_if(x_t, t, eps_hat, betas, noise):
    bars = torch.cat([torch.ones_like(betas[:1]), torch.cumprod(1 - betas, 0)])
    beta, before, bar = betas[t], bars[t], bars[t + 1]
    mean = (x_t - beta * eps_hat / torch.sqrt(1 - bar)) / torch.sqrt(1 - beta)
    return mean + torch.sqrt(beta * (1 - before) / (1 - bar)) * noise


def step_through_x0(x_t, t, eps_hat, betas, noise):
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(bar)
    mean = before.sqrt() * beta * x0 + alpha.sqrt() * (1 - before) * x_t
    return mean / (1 - bar) + posterior_sigma(t, betas) * noise


def step_by_precisions(x_t, t, eps_hat, betas, noise):
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    if t == 0:
        return x0
    precision = alpha / beta + 1 / (1 - before)
    mean = (alpha.sqrt() / beta * x_t + before.sqrt() / (1 - before) * x0) / precision
    return mean + noise / precision.sqrt()


def step_ddim_with_eta_one(x_t, t, eps_hat, betas, noise):
    _, _, bar, before = schedule(t, betas)
    sigma = posterior_sigma(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    direction = (1 - before - sigma**2).clamp(min=0).sqrt() * eps_hat
    return before.sqrt() * x0 + direction + sigma * noise


def step_loop(x_t, t, eps_hat, betas, noise):
    bar, before = 1.0, 1.0
    for beta in betas[: t + 1].tolist():
        before, bar = bar, bar * (1 - beta)
    beta = float(betas[t])
    mean = (x_t - beta / math.sqrt(1 - bar) * eps_hat) / math.sqrt(1 - beta)
    return mean + math.sqrt(beta * (1 - before) / (1 - bar)) * noise


def step_beta(x_t, t, eps_hat, betas, noise):
    noise = noise if t > 0 else torch.zeros_like(noise)
    return right_mean(x_t, t, eps_hat, betas) + betas[t].sqrt() * noise


def step_beta_always(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + betas[t].sqrt() * noise


def step_beta_no_root(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + betas[t] * noise * (t > 0)


def step_beta_no_root_always(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + betas[t] * noise


def step_wraps(x_t, t, eps_hat, betas, noise):
    bars = torch.cumprod(1 - betas, 0)
    sigma = torch.sqrt(betas[t] * (1 - bars[t - 1]) / (1 - bars[t]))
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


def step_noisy_end(x_t, t, eps_hat, betas, noise):
    sigma = posterior_sigma(t, betas) if t > 0 else betas[0].sqrt()
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


def step_plain_noise_at_end(x_t, t, eps_hat, betas, noise):
    sigma = posterior_sigma(t, betas) if t > 0 else 1
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


def step_one_based(x_t, t, eps_hat, betas, noise):
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + posterior_sigma(t, betas) * noise if t > 1 else mean


def step_variance(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + posterior_sigma(t, betas) ** 2 * noise


def step_part_of_root(x_t, t, eps_hat, betas, noise):
    beta, _, bar, before = schedule(t, betas)
    sigma = beta * torch.sqrt((1 - before) / (1 - bar))
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


def step_root_of_beta(x_t, t, eps_hat, betas, noise):
    beta, _, bar, before = schedule(t, betas)
    sigma = torch.sqrt(beta) * (1 - before) / (1 - bar)
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


def step_turned_variance(x_t, t, eps_hat, betas, noise):
    beta, _, bar, before = schedule(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    if t == 0:
        return mean
    return mean + torch.sqrt(beta * (1 - bar) / (1 - before)) * noise


def step_variance_without_beta(x_t, t, eps_hat, betas, noise):
    _, _, bar, before = schedule(t, betas)
    return right_mean(x_t, t, eps_hat, betas) + torch.sqrt((1 - before) / (1 - bar)) * noise


def step_ratio_of_bars(x_t, t, eps_hat, betas, noise):
    beta, _, bar, before = schedule(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + torch.sqrt(beta * before / bar) * noise if t else mean


def step_all_noise(x_t, t, eps_hat, betas, noise):
    _, _, bar, _ = schedule(t, betas)
    return right_mean(x_t, t, eps_hat, betas) + torch.sqrt(1 - bar) * noise * min(t, 1)


def step_plain_noise(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + (noise if t else 0 * noise)


def step_plain_noise_always(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) + noise


def step_mean(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas)


def step_minus_noise(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas) - posterior_sigma(t, betas) * noise


def step_plus_eps(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, -eps_hat, betas) + posterior_sigma(t, betas) * noise


def with_noise(mean):
    """Not an answer: the right noise on a mean that is wrong."""

    @functools.wraps(mean)
    def step(x_t, t, eps_hat, betas, noise):
        return mean(x_t, t, eps_hat, betas) + posterior_sigma(t, betas) * noise

    return step


@with_noise
def step_alpha(x_t, t, eps_hat, betas):
    alpha = 1 - betas[t]
    return (x_t - (1 - alpha) / torch.sqrt(1 - alpha) * eps_hat) / torch.sqrt(alpha)


@with_noise
def step_over_bar(x_t, t, eps_hat, betas):
    beta, _, bar, _ = schedule(t, betas)
    return (x_t - beta / torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(bar)


@with_noise
def step_no_root_of_noise(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return (x_t - beta / (1 - bar) * eps_hat) / torch.sqrt(alpha)


@with_noise
def step_no_root_of_alpha(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return (x_t - beta / torch.sqrt(1 - bar) * eps_hat) / alpha


@with_noise
def step_root_over_all(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return (x_t - torch.sqrt(beta / (1 - bar)) * eps_hat) / torch.sqrt(alpha)


@with_noise
def step_not_divided(x_t, t, eps_hat, betas):
    beta, _, bar, _ = schedule(t, betas)
    return x_t - beta / torch.sqrt(1 - bar) * eps_hat


@with_noise
def step_multiplied(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return (x_t - beta / torch.sqrt(1 - bar) * eps_hat) * torch.sqrt(alpha)


@with_noise
def step_half_divided(x_t, t, eps_hat, betas):
    beta, alpha, bar, _ = schedule(t, betas)
    return x_t / torch.sqrt(alpha) - beta / torch.sqrt(1 - bar) * eps_hat


@with_noise
def step_all_at_once(x_t, t, eps_hat, betas):
    _, alpha, bar, _ = schedule(t, betas)
    return (x_t - torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(alpha)


@with_noise
def step_own_noise_of_step(x_t, t, eps_hat, betas):
    return x_t - torch.sqrt(betas[t]) * eps_hat


@with_noise
def step_plain_eps(x_t, t, eps_hat, betas):
    return (x_t - eps_hat) / torch.sqrt(1 - betas[t])


@with_noise
def step_blind(x_t, t, eps_hat, betas):
    return x_t / torch.sqrt(1 - betas[t])


@with_noise
def step_to_x0(x_t, t, eps_hat, betas):
    _, _, bar, _ = schedule(t, betas)
    return (x_t - torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(bar)


def step_only_x0(x_t, t, eps_hat, betas, noise):
    _, _, bar, _ = schedule(t, betas)
    return (x_t - torch.sqrt(1 - bar) * eps_hat) / torch.sqrt(bar)


def step_ddim(x_t, t, eps_hat, betas, noise):
    _, _, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * eps_hat


def step_ddim_and_noise(x_t, t, eps_hat, betas, noise):
    return step_ddim(x_t, t, eps_hat, betas, noise) + posterior_sigma(t, betas) * noise


def step_diffused_again(x_t, t, eps_hat, betas, noise):
    _, _, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    return before.sqrt() * x0 + (1 - before).sqrt() * noise


def step_clamped(x_t, t, eps_hat, betas, noise):
    _, _, bar, _ = schedule(t, betas)
    x0 = ((x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()).clamp(-1, 1)
    return step_paper(x_t, t, (x_t - bar.sqrt() * x0) / (1 - bar).sqrt(), betas, noise)


@with_noise
def step_exchanged(x_t, t, eps_hat, betas):
    beta, alpha, bar, before = schedule(t, betas)
    x0 = (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    return (before.sqrt() * beta * x_t + alpha.sqrt() * (1 - before) * x0) / (1 - bar)


def step_lagging(x_t, t, eps_hat, betas, noise):
    bars = torch.cumprod(torch.cat([torch.ones_like(betas[:1]), 1 - betas]), 0)
    bar, before = bars[t], bars[max(t - 1, 0)]
    mean = (x_t - betas[t] / (1 - bar).sqrt() * eps_hat) / (1 - betas[t]).sqrt()
    return mean + (betas[t] * (1 - before) / (1 - bar)).sqrt() * noise


@with_noise
def step_bar_before(x_t, t, eps_hat, betas):
    bars = torch.cumprod(1 - betas, 0)
    return (x_t - betas[t] / (1 - bars[t - 1]).sqrt() * eps_hat) / (1 - betas[t]).sqrt()


def step_early(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, max(t - 1, 0), eps_hat, betas, noise)


def step_early_wrapped(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t - 1, eps_hat, betas, noise)


def all_early(x_t, t, eps_hat, betas, noise, i, before):
    """Not an answer: beta and alpha_bar with the index i, and no noise at t = 0."""
    beta, bar = betas[i], torch.cumprod(1 - betas, 0)[i]
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) / (1 - beta).sqrt()
    return mean + (beta * (1 - before) / (1 - bar)).sqrt() * noise if t > 0 else mean


def step_all_early(x_t, t, eps_hat, betas, noise):
    bars = torch.cumprod(1 - betas, 0)
    before = bars[t - 2] if t > 0 else 1.0
    return all_early(x_t, t, eps_hat, betas, noise, t - 1, before)


def step_all_early_clamped(x_t, t, eps_hat, betas, noise):
    i = max(t - 1, 0)
    before = torch.cumprod(1 - betas, 0)[i - 1]
    return all_early(x_t, t, eps_hat, betas, noise, i, before)


def step_all_early_clamped_twice(x_t, t, eps_hat, betas, noise):
    before = torch.cumprod(1 - betas, 0)[max(t - 2, 0)]
    return all_early(x_t, t, eps_hat, betas, noise, max(t - 1, 0), before)


def step_all_early_one_bar(x_t, t, eps_hat, betas, noise):
    before = torch.cumprod(1 - betas, 0)[t - 1]
    return all_early(x_t, t, eps_hat, betas, noise, t - 1, before)


def step_from_the_end(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, len(betas) - 1 - t, eps_hat, betas, noise)


def step_forward(x_t, t, eps_hat, betas, noise):
    return (1 - betas[t]).sqrt() * x_t + betas[t].sqrt() * noise


def step_own_noise(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t, eps_hat, betas, torch.randn_like(x_t))


def step_biased(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t, eps_hat, betas, noise) + 0.1 * (t > 0) * eps_hat.square()


def step_wide(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t, eps_hat, betas, 1.1 * noise)


def step_shy_end(x_t, t, eps_hat, betas, noise):
    if t == 0:
        return x_t
    return step_paper(x_t, t, eps_hat, betas, noise)


def step_absolute_noise(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t, eps_hat, betas, noise.abs())


def step_single(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t.float(), t, eps_hat.float(), betas.float(), noise.float())


def step_pair(x_t, t, eps_hat, betas, noise):
    return right_mean(x_t, t, eps_hat, betas), posterior_sigma(t, betas) * noise


def step_in_place(x_t, t, eps_hat, betas, noise):
    x_t -= betas[t] / (1 - schedule(t, betas)[2]).sqrt() * eps_hat
    return x_t / (1 - betas[t]).sqrt() + posterior_sigma(t, betas) * noise


def step_next(x_t, t, eps_hat, betas, noise):
    return step_paper(x_t, t + 1, eps_hat, betas, noise)


ALTERNATIVES = {
    "10.alpha_bars": [
        bars_cumprod,
        bars_logs,
        bars_loop,
        bars_slices,
        bars_numpy,
        bars_floats,
        bars_roots_squared,
    ],
    "10.diffuse": [
        diffuse_reshape,
        diffuse_transposed,
        diffuse_einsum,
        diffuse_loop,
        diffuse_flat,
        diffuse_unsqueeze,
    ],
    "10.predict_x0": [
        predict_reshape,
        predict_two_terms,
        predict_transposed,
        predict_loop,
        predict_by_score,
    ],
    "10.ddpm_step": [
        step_paper,
        step_without_if,
        step_through_x0,
        step_by_precisions,
        step_ddim_with_eta_one,
        step_loop,
    ],
}

MUTANTS = {
    "10.alpha_bars": [
        ("sum-for-product", bars_sum),
        ("betas-for-alphas", bars_of_betas),
        ("betas-for-alphas", bars_one_minus_late),
        ("betas-for-alphas", bars_sum_of_betas),
        ("no-product", bars_alphas),
        ("noise-for-signal", bars_noise),
        ("noise-for-signal", bars_noise_scale),
        ("extra-root", bars_root),
        ("extra-root", bars_roots),
        ("squared", bars_squared),
        ("betas-as-deviations", bars_squared_betas),
        ("betas-as-deviations", bars_rooted_betas),
        ("first-order", bars_first_order),
        ("first-order", bars_exponential),
        ("still-a-logarithm", bars_log),
        ("sign", bars_plus),
        ("shifted", bars_shifted),
        ("shifted", bars_shifted_loop),
        ("shifted", bars_appended_first),
        ("shifted", bars_appended_first_from_one),
        ("shifted", bars_appended_first_kept),
        ("shifted", bars_appended_first_floats),
        ("shifted", bars_one_more),
        ("shifted", bars_without_first),
        ("reversed", bars_from_the_end),
        ("reversed", bars_turned),
        ("reversed", bars_of_turned),
        ("last-only", bars_last),
        ("last-only", bars_last_everywhere),
        ("last-only", bars_overwritten),
        ("power", bars_power),
        ("pairs", bars_neighbours),
        ("wrong-start", bars_late),
        ("sorted", bars_sorted),
        ("wrong-step", bars_floor),
        ("wrong-start", bars_clamped),
        ("wrong-dtype", bars_single),
        ("wrong-type", bars_list),
        ("changes-its-input", bars_in_place),
        ("wrong-shape", bars_two_axes),
        ("raises", bars_wrong_axis),
    ],
    "10.diffuse": [
        ("no-roots", diffuse_no_roots),
        ("no-roots", diffuse_no_root_of_signal),
        ("no-roots", diffuse_no_root_of_noise),
        ("exchanged", diffuse_exchanged),
        ("exchanged", diffuse_exchanged_no_roots),
        ("root-of-difference", diffuse_misplaced_root),
        ("same-coefficient", diffuse_same),
        ("noise-not-scaled", diffuse_plain_noise),
        ("signal-not-scaled", diffuse_exploding),
        ("signal-not-scaled", diffuse_plain_sum),
        ("squared", diffuse_factor),
        ("root-of-root", diffuse_two_roots),
        ("root-of-root", diffuse_root_inside),
        ("noise-sign", diffuse_minus),
        ("no-noise", diffuse_mean),
        ("noise-only", diffuse_only_noise),
        ("clamped", diffuse_clamped),
        ("undone", diffuse_undone),
        ("not-per-sample", diffuse_last_axis),
        ("not-per-sample", diffuse_last_axis_no_roots),
        ("two-axes-only", diffuse_column),
        ("four-axes-only", diffuse_four_axes),
        ("one-for-all", diffuse_first),
        ("one-for-all", diffuse_batch_mean),
        ("own-noise", diffuse_own_noise),
        ("own-noise", diffuse_own_noise_as_well),
        ("wrong-signal", diffuse_half_signal),
        ("wrong-noise", diffuse_half_noise),
        ("not-added", diffuse_product),
        ("wrong-ends", diffuse_safe),
        ("detached", diffuse_detached),
        ("wrong-dtype", diffuse_single),
        ("changes-its-input", diffuse_in_place),
        ("wrong-shape", diffuse_flattened),
        ("raises", diffuse_by_keyword),
    ],
    "10.predict_x0": [
        ("noise-sign", predict_plus),
        ("noise-sign", predict_turned),
        ("no-roots", predict_no_roots),
        ("no-roots", predict_over_variance),
        ("no-roots", predict_variance_of_noise),
        ("not-divided", predict_faded),
        ("not-divided", predict_multiplied),
        ("half-divided", predict_precedence),
        ("half-divided", predict_other_precedence),
        ("noise-not-scaled", predict_plain_noise),
        ("noise-not-scaled", predict_difference),
        ("no-noise", predict_noisy),
        ("exchanged", predict_exchanged),
        ("exchanged", predict_scaled_by_signal),
        ("exchanged", predict_over_noise),
        ("root-of-difference", predict_misplaced_root),
        ("diffused-again", predict_forward),
        ("clamped", predict_clamped),
        ("not-per-sample", predict_last_axis),
        ("two-axes-only", predict_column),
        ("four-axes-only", predict_four_axes),
        ("one-for-all", predict_first),
        ("one-for-all", predict_batch_mean),
        ("not-undone", predict_biased),
        ("faint-signal", predict_safe),
        ("wrong-end", predict_ends),
        ("detached", predict_detached),
        ("wrong-dtype", predict_single),
        ("wrong-type", predict_numpy),
        ("changes-its-input", predict_in_place),
    ],
    "10.ddpm_step": [
        ("beta-variance", step_beta),
        ("beta-variance", step_beta_always),
        ("beta-variance", step_beta_no_root),
        ("beta-variance", step_beta_no_root_always),
        ("last-for-first", step_wraps),
        ("noise-at-zero", step_noisy_end),
        ("noise-at-zero", step_plain_noise_at_end),
        ("one-based", step_one_based),
        ("variance-for-deviation", step_variance),
        ("variance-for-deviation", step_part_of_root),
        ("variance-for-deviation", step_root_of_beta),
        ("wrong-variance", step_turned_variance),
        ("wrong-variance", step_variance_without_beta),
        ("wrong-variance", step_ratio_of_bars),
        ("wrong-variance", step_all_noise),
        ("noise-not-scaled", step_plain_noise),
        ("noise-not-scaled", step_plain_noise_always),
        ("no-noise", step_mean),
        ("noise-sign", step_minus_noise),
        ("eps-sign", step_plus_eps),
        ("alpha-for-alpha-bar", step_alpha),
        ("alpha-bar-for-alpha", step_over_bar),
        ("no-root", step_no_root_of_noise),
        ("no-root", step_no_root_of_alpha),
        ("no-root", step_root_over_all),
        ("not-divided", step_not_divided),
        ("not-divided", step_multiplied),
        ("half-divided", step_half_divided),
        ("eps-not-scaled", step_all_at_once),
        ("eps-not-scaled", step_own_noise_of_step),
        ("eps-not-scaled", step_plain_eps),
        ("no-eps", step_blind),
        ("jumps-to-x0", step_to_x0),
        ("jumps-to-x0", step_only_x0),
        ("deterministic-step", step_ddim),
        ("deterministic-step", step_ddim_and_noise),
        ("diffused-again", step_diffused_again),
        ("clamped", step_clamped),
        ("exchanged", step_exchanged),
        ("off-by-one", step_lagging),
        ("off-by-one", step_bar_before),
        ("off-by-one", step_early),
        ("off-by-one", step_early_wrapped),
        ("off-by-one", step_all_early),
        ("off-by-one", step_all_early_clamped),
        ("off-by-one", step_all_early_clamped_twice),
        ("off-by-one", step_all_early_one_bar),
        ("backward-index", step_from_the_end),
        ("forward-step", step_forward),
        ("own-noise", step_own_noise),
        ("wrong-mean", step_biased),
        ("wrong-spread", step_wide),
        ("not-undone", step_shy_end),
        ("noise-sign", step_absolute_noise),
        ("wrong-dtype", step_single),
        ("wrong-type", step_pair),
        ("changes-its-input", step_in_place),
        ("raises", step_next),
    ],
}
