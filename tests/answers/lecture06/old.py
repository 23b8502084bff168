"""Answers to the exercises of lecture 06."""

import math

import numpy as np
import torch
from torch.distributions import Bernoulli, Independent, Normal, kl_divergence
from torch.nn import functional

# --- 06.bernoulli_log_likelihood ------------------------------------------------------------


def bernoulli_bce(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -loss.flatten(1).sum(1)


def bernoulli_softplus(x, logits):
    return (x * logits - functional.softplus(logits)).flatten(1).sum(1)


def bernoulli_logsigmoid(x, logits):
    log_p, log_q = functional.logsigmoid(logits), functional.logsigmoid(-logits)
    return (x * log_p + (1 - x) * log_q).sum(dim=tuple(range(1, x.ndim)))


def bernoulli_library(x, logits):
    pixels = Bernoulli(logits=logits, validate_args=False).log_prob(x)
    return pixels.reshape(len(x), -1).sum(-1)


def bernoulli_by_hand(x, logits):
    largest = logits.clamp(min=0)
    log_sum = largest + torch.log1p(torch.exp(-logits.abs()))
    return torch.einsum("bd->b", (x * logits - log_sum).view(x.shape[0], -1))


def bernoulli_logaddexp(x, logits):
    normaliser = torch.logaddexp(logits, torch.zeros_like(logits))
    return torch.stack([(a * b - c).sum() for a, b, c in zip(x, logits, normaliser, strict=True)])


def bernoulli_mean(x, logits):
    return bernoulli_bce(x, logits) / x[0].numel()


def bernoulli_mean_bce(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return -loss.mean(dim=tuple(range(1, x.ndim)))


def bernoulli_sum(x, logits):
    return bernoulli_bce(x, logits).sum()


def bernoulli_batch_mean(x, logits):
    return bernoulli_bce(x, logits).mean()


def bernoulli_mean_of_all(x, logits):
    return -functional.binary_cross_entropy_with_logits(logits, x)


def bernoulli_loss(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return loss.flatten(1).sum(1)


def bernoulli_default_bce(x, logits):
    return functional.binary_cross_entropy_with_logits(logits, x)


def bernoulli_summed_bce(x, logits):
    return functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")


def bernoulli_no_sigmoid(x, logits):
    return (x * torch.log(logits) + (1 - x) * torch.log(1 - logits)).flatten(1).sum(1)


def bernoulli_double_sigmoid(x, logits):
    p = torch.sigmoid(logits)
    return -functional.binary_cross_entropy_with_logits(p, x, reduction="none").flatten(1).sum(1)


def bernoulli_naive(x, logits):
    p = torch.sigmoid(logits)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).flatten(1).sum(1)


def bernoulli_power(x, logits):
    p = torch.sigmoid(logits)
    return torch.log(p**x * (1 - p) ** (1 - x)).flatten(1).sum(1)


def bernoulli_bce_of_sigmoid(x, logits):
    p = torch.sigmoid(logits)
    return -functional.binary_cross_entropy(p, x, reduction="none").flatten(1).sum(1)


def bernoulli_small_number(x, logits):
    p, tiny = torch.sigmoid(logits), 1e-8
    return (x * torch.log(p + tiny) + (1 - x) * torch.log(1 - p + tiny)).flatten(1).sum(1)


def bernoulli_kept_inside(x, logits):
    p = torch.sigmoid(logits).clamp(1e-6, 1 - 1e-6)
    return (x * torch.log(p) + (1 - x) * torch.log(1 - p)).flatten(1).sum(1)


def bernoulli_logits_clamped(x, logits):
    return bernoulli_bce(x, logits.clamp(-50, 50))


def bernoulli_logits_clamped_early(x, logits):
    return bernoulli_bce(x, logits.clamp(-15, 15))


def bernoulli_overflow(x, logits):
    return (x * logits - torch.log(1 + torch.exp(logits))).flatten(1).sum(1)


def bernoulli_inverted(x, logits):
    return bernoulli_bce(1 - x, logits)


def bernoulli_negative_logits(x, logits):
    return bernoulli_bce(x, -logits)


def bernoulli_exchanged(x, logits):
    loss = functional.binary_cross_entropy_with_logits(x, logits, reduction="none")
    return -loss.flatten(1).sum(1)


def bernoulli_ink(x, logits):
    return (x * functional.logsigmoid(logits)).flatten(1).sum(1)


def bernoulli_paper(x, logits):
    return ((1 - x) * functional.logsigmoid(-logits)).flatten(1).sum(1)


def bernoulli_score(x, logits):
    return (x * logits).flatten(1).sum(1)


def bernoulli_shifted(x, logits):
    return bernoulli_bce(x, logits + 0.1)


def bernoulli_first_logits(x, logits):
    return (x * logits - functional.softplus(logits[:1])).flatten(1).sum(1)


def bernoulli_switched(x, logits):
    bce = functional.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none")
    stable = functional.softplus(logits) - x * logits
    return -torch.where(logits.abs() > 100, stable, bce).flatten(1).sum(1)


def bernoulli_constant(x, logits):
    return bernoulli_bce(x, logits) + 1


def bernoulli_plus(x, logits):
    return (x * logits + functional.softplus(logits)).flatten(1).sum(1)


def bernoulli_squared(x, logits):
    return -((x - torch.sigmoid(logits)) ** 2).flatten(1).sum(1)


def bernoulli_rounded(x, logits):
    return bernoulli_bce((x > 0.5).to(x.dtype), logits)


def bernoulli_probability(x, logits):
    return torch.exp(bernoulli_bce(x, logits))


def bernoulli_bits(x, logits):
    return bernoulli_bce(x, logits) / math.log(2)


def bernoulli_last_axis(x, logits):
    return -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(-1)


def bernoulli_axis_one(x, logits):
    return -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(1)


def bernoulli_two_axes(x, logits):
    return (x * logits - functional.softplus(logits)).sum((-2, -1))


def bernoulli_first_two_axes(x, logits):
    return (x * logits - functional.softplus(logits)).sum(dim=(1, 2))


def bernoulli_pixels(x, logits):
    return x * logits - functional.softplus(logits)


def bernoulli_strict_library(x, logits):
    return Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1)


def bernoulli_images_only(x, logits):
    batch, channels, height, width = x.shape
    return bernoulli_bce(x, logits).view(batch, channels * height * width // x[0].numel())[:, 0]


def bernoulli_no_grad(x, logits):
    with torch.no_grad():
        return bernoulli_bce(x, logits)


def bernoulli_half_detached(x, logits):
    return (x * logits - functional.softplus(logits.detach())).flatten(1).sum(1)


def bernoulli_where(x, logits):
    naive = torch.log(1 + torch.exp(logits))
    return (x * logits - torch.where(logits > 20, logits, naive)).flatten(1).sum(1)


def bernoulli_single(x, logits):
    return bernoulli_bce(x.float(), logits.float())


def bernoulli_float(x, logits):
    return float(bernoulli_bce(x, logits).sum())


def bernoulli_numpy(x, logits):
    return (x * logits).numpy().reshape(len(x), -1).sum(1)


def bernoulli_keepdim(x, logits):
    return bernoulli_bce(x, logits)[:, None]


def bernoulli_in_place(x, logits):
    x *= logits
    return (x - functional.softplus(logits)).flatten(1).sum(1)


# --- 07.gaussian_log_likelihood -------------------------------------------------------------


def gaussian_by_the_formula(x, mean, sigma):
    size = x[0].numel()
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - size / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_library(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).flatten(1).sum(1)


def gaussian_independent(x, mean, sigma):
    spread = torch.full_like(mean, sigma)
    return Independent(Normal(mean, spread), x.ndim - 1).log_prob(x)


def gaussian_each_element(x, mean, sigma):
    z = (x - mean) / sigma
    elements = -0.5 * (z**2 + math.log(2 * math.pi) + 2 * math.log(sigma))
    return elements.reshape(x.shape[0], -1).sum(dim=1)


def gaussian_float_constant(x, mean, sigma):
    variance = torch.tensor(sigma) ** 2  # float32, whatever x is
    two_pi = torch.tensor(2 * torch.pi)
    each = functional.mse_loss(mean, x, reduction="none") / variance + torch.log(two_pi * variance)
    return -0.5 * torch.sum(each, dim=tuple(range(1, x.ndim)))


def gaussian_loop(x, mean, sigma):
    rows = [torch.linalg.vector_norm(a - b) ** 2 for a, b in zip(x, mean, strict=True)]
    size = x.numel() // len(x)
    return -torch.stack(rows) / (2 * sigma**2) - size * np.log(sigma * np.sqrt(2 * np.pi))


def gaussian_no_pi(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() * math.log(sigma)


def gaussian_pi_once(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    const = x[0].numel() * math.log(sigma) + 0.5 * math.log(2 * math.pi)
    return -squares / (2 * sigma**2) - const


def gaussian_pi_per_element(x, mean, sigma):
    size = x[0].numel()
    each = -((x - mean) ** 2) / (2 * sigma**2) - math.log(sigma) - size / 2 * math.log(2 * math.pi)
    return each.flatten(1).sum(1)


def gaussian_all_per_element(x, mean, sigma):
    size = x[0].numel()
    each = -((x - mean) ** 2) / (2 * sigma**2) - size / 2 * math.log(2 * math.pi * sigma**2)
    return each.flatten(1).sum(1)


def gaussian_last_axis_size(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x.shape[-1] / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_axis_one_size(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x.shape[1] / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_numel(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x.numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_batch_size(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - len(x) / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_normaliser_once(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - 0.5 * math.log(2 * math.pi * sigma**2)


def gaussian_sigma_once(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    const = math.log(sigma) + x[0].numel() / 2 * math.log(2 * math.pi)
    return -squares / (2 * sigma**2) - const


def gaussian_no_log_sigma(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi)


def gaussian_half_log_sigma(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma)


def gaussian_double_log_sigma(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    const = math.log(2 * math.pi) / 2 + math.log(sigma**2)
    return -squares / (2 * sigma**2) - x[0].numel() * const


def gaussian_full_pi(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() * math.log(2 * math.pi * sigma)


def gaussian_full_normaliser(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() * math.log(2 * math.pi * sigma**2)


def gaussian_log_pi(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(math.pi * sigma**2)


def gaussian_plain_sigma(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_sigma_is_variance(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma) - x[0].numel() / 2 * math.log(2 * math.pi * sigma)


def gaussian_sigma_squared(x, mean, sigma):
    return Normal(mean, sigma**2).log_prob(x).flatten(1).sum(1)


def gaussian_one(x, mean, sigma):
    return Normal(mean, 1.0).log_prob(x).flatten(1).sum(1)


def gaussian_plain_squares(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / 2 - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_no_half(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / sigma**2 - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_no_half_at_all(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / sigma**2 - x[0].numel() * math.log(2 * math.pi * sigma**2)


def gaussian_exponent(x, mean, sigma):
    return -((x - mean) ** 2).flatten(1).sum(1) / (2 * sigma**2)


def gaussian_plus_log_sigma(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    const = -0.5 * math.log(2 * math.pi) + math.log(sigma)
    return -squares / (2 * sigma**2) + x[0].numel() * const


def gaussian_plus_normaliser(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) + x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_plus_squares(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_laplace(x, mean, sigma):
    distance = (x - mean).abs().flatten(1).sum(1)
    return -distance / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_at_zero(x, mean, sigma):
    return Normal(torch.zeros_like(x), sigma).log_prob(x).flatten(1).sum(1)


def gaussian_mean(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).flatten(1).mean(1)


def gaussian_mse(x, mean, sigma):
    mse = ((x - mean) ** 2).flatten(1).mean(1)
    return -mse / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_summed(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum()


def gaussian_batch_mean(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum() / len(x)


def gaussian_mean_of_all(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).mean()


def gaussian_loss(x, mean, sigma):
    return -gaussian_library(x, mean, sigma)


def gaussian_density(x, mean, sigma):
    return gaussian_library(x, mean, sigma).exp()


def gaussian_bits(x, mean, sigma):
    return gaussian_library(x, mean, sigma) / math.log(2)


def gaussian_last_axis(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum(-1)


def gaussian_axis_one(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum(1)


def gaussian_two_axes(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum((2, 3))


def gaussian_first_two_axes(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).sum((1, 2))


def gaussian_elements(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x)


def gaussian_product(x, mean, sigma):
    density = torch.exp(-((x - mean) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)
    return torch.log(density.flatten(1).prod(1))


def gaussian_log_of_exp(x, mean, sigma):
    density = torch.exp(-((x - mean) ** 2) / (2 * sigma**2)) / math.sqrt(2 * math.pi * sigma**2)
    return torch.log(density).flatten(1).sum(1)


def gaussian_floor(x, mean, sigma):
    density = torch.exp(Normal(mean, sigma).log_prob(x))
    return torch.log(density + 1e-30).flatten(1).sum(1)


def gaussian_cubed(x, mean, sigma):
    return gaussian_library(x, mean, sigma) - (x - mean).abs().pow(3).flatten(1).sum(1)


def gaussian_off_by_one(x, mean, sigma):
    return gaussian_library(x, mean, sigma) + 1


def gaussian_sigma_floor(x, mean, sigma):
    return gaussian_library(x, mean, max(sigma, 0.1))


def gaussian_expanded(x, mean, sigma):
    squares = (x**2 - 2 * x * mean + mean**2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_of_numbers(x, mean, sigma):
    return torch.tensor(gaussian_library(x, mean, sigma).tolist(), dtype=x.dtype)


def gaussian_detached(x, mean, sigma):
    return gaussian_library(x, mean.detach(), sigma)


def gaussian_half_detached(x, mean, sigma):
    squares = ((x - mean) * (x - mean.detach())).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() / 2 * math.log(2 * math.pi * sigma**2)


def gaussian_torch_log(x, mean, sigma):
    squares = ((x - mean) ** 2).flatten(1).sum(1)
    return -squares / (2 * sigma**2) - x[0].numel() * torch.log(sigma)


def gaussian_single(x, mean, sigma):
    return gaussian_library(x.float(), mean.float(), sigma)


def gaussian_keepdim(x, mean, sigma):
    return Normal(mean, sigma).log_prob(x).flatten(1).sum(1, keepdim=True)


def gaussian_in_place(x, mean, sigma):
    x -= mean
    return gaussian_library(x, torch.zeros_like(x), sigma)


def gaussian_as_numpy(x, mean, sigma):
    return gaussian_library(x, mean, sigma).detach().numpy()


# --- 06.negative_elbo -----------------------------------------------------------------------


def _bce(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return loss.flatten(1).sum(1)


def _gaussian_kl(mu, log_var):
    return -0.5 * (1 + log_var - mu**2 - log_var.exp()).sum(1)


def elbo_of_parts(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var)).mean()


def elbo_reductions(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())
    return (bce + kl) / x.shape[0]


def elbo_library(x, logits, mu, log_var):
    q, prior = Normal(mu, torch.exp(log_var / 2)), Normal(0.0, 1.0)
    log_likelihood = Bernoulli(logits=logits).log_prob(x).flatten(1).sum(-1)
    return -(log_likelihood - kl_divergence(q, prior).sum(-1)).mean()


def elbo_by_hand(x, logits, mu, log_var):
    log_p = (x * logits - functional.softplus(logits)).sum(dim=list(range(1, x.ndim)))
    kl = 0.5 * (mu.square() + torch.expm1(log_var) - log_var).sum(dim=-1)
    return torch.mean(kl - log_p)


def elbo_loop(x, logits, mu, log_var):
    total = 0.0
    for i in range(len(x)):
        log_p = functional.logsigmoid(torch.where(x[i] == 1, logits[i], -logits[i]))
        total = total - log_p.sum() + _gaussian_kl(mu[i : i + 1], log_var[i : i + 1])[0]
    return total / len(x)


def elbo_scaled_means(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x) * x[0].numel()
    return bce + mu.shape[1] * (mu**2 + log_var.exp() - 1 - log_var).mean() / 2


def elbo_pixel_mean(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x)
    return bce + _gaussian_kl(mu, log_var).mean()


def elbo_all_means(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x)
    return bce - 0.5 * torch.mean(1 + log_var - mu**2 - log_var.exp())


def elbo_latent_mean(x, logits, mu, log_var):
    return _bce(x, logits).mean() - 0.5 * torch.mean(1 + log_var - mu**2 - log_var.exp())


def elbo_itself(x, logits, mu, log_var):
    return -elbo_of_parts(x, logits, mu, log_var)


def elbo_kl_subtracted(x, logits, mu, log_var):
    return (_bce(x, logits) - _gaussian_kl(mu, log_var)).mean()


def elbo_likelihood_added(x, logits, mu, log_var):
    return (_gaussian_kl(mu, log_var) - _bce(x, logits)).mean()


def elbo_summed(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var)).sum()


def elbo_bce_summed(x, logits, mu, log_var):
    return _bce(x, logits).sum() + _gaussian_kl(mu, log_var).mean()


def elbo_kl_summed(x, logits, mu, log_var):
    return _bce(x, logits).mean() + _gaussian_kl(mu, log_var).sum()


def elbo_mean_and_sum(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x)
    return bce - 0.5 * torch.sum(1 + log_var - mu**2 - log_var.exp())


def elbo_log_std(x, logits, mu, log_std):
    q = Normal(mu, log_std.exp())
    return (_bce(x, logits) + kl_divergence(q, Normal(0.0, 1.0)).sum(1)).mean()


def elbo_exp_squared(x, logits, mu, log_var):
    kl = -0.5 * (1 + log_var - mu**2 - log_var.exp() ** 2).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_std_in_kl(x, logits, mu, log_var):
    std = torch.exp(0.5 * log_var)
    return (_bce(x, logits) + 0.5 * (mu**2 + std - 1 - log_var).sum(1)).mean()


def elbo_half_log_var(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, 0.5 * log_var)).mean()


def elbo_log_var_plain(x, logits, mu, log_var):
    return (_bce(x, logits) - 0.5 * (1 + log_var - mu**2 - log_var).sum(1)).mean()


def elbo_variance_given(x, logits, mu, var):
    return (_bce(x, logits) + 0.5 * (mu**2 + var - 1 - torch.log(var)).sum(1)).mean()


def elbo_autoencoder(x, logits, mu, log_var):
    return _bce(x, logits).mean()


def elbo_kl_only(x, logits, mu, log_var):
    return _gaussian_kl(mu, log_var).mean()


def elbo_per_image(x, logits, mu, log_var):
    return _bce(x, logits) + _gaussian_kl(mu, log_var)


def elbo_full_kl(x, logits, mu, log_var):
    kl = -(1 + log_var - mu**2 - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_no_one(x, logits, mu, log_var):
    kl = -0.5 * (log_var - mu**2 - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_one_once(x, logits, mu, log_var):
    kl = 0.5 * ((mu**2 + log_var.exp() - log_var).sum(1) - 1)
    return (_bce(x, logits) + kl).mean()


def elbo_no_mu(x, logits, mu, log_var):
    kl = -0.5 * (1 + log_var - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_plain_mu(x, logits, mu, log_var):
    kl = -0.5 * (1 + log_var - mu - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_only_mu(x, logits, mu, log_var):
    return (_bce(x, logits) + 0.5 * mu.pow(2).sum(1)).mean()


def elbo_plus_log_var(x, logits, mu, log_var):
    kl = -0.5 * (1 - log_var - mu**2 - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_minus_mu(x, logits, mu, log_var):
    kl = -0.5 * (1 + log_var + mu**2 - log_var.exp()).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_reversed(x, logits, mu, log_var):
    q, prior = Normal(mu, torch.exp(log_var / 2)), Normal(torch.zeros_like(mu), 1.0)
    return (_bce(x, logits) + kl_divergence(prior, q).sum(1)).mean()


def elbo_mse(x, logits, mu, log_var):
    squares = (x - torch.sigmoid(logits)) ** 2
    return (squares.flatten(1).sum(1) + _gaussian_kl(mu, log_var)).mean()


def elbo_mse_of_logits(x, logits, mu, log_var):
    return (((x - logits) ** 2).flatten(1).sum(1) + _gaussian_kl(mu, log_var)).mean()


def elbo_no_sigmoid(x, logits, mu, log_var):
    log_p = x * torch.log(logits) + (1 - x) * torch.log(1 - logits)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_double_sigmoid(x, logits, mu, log_var):
    return elbo_of_parts(x, torch.sigmoid(logits), mu, log_var)


def elbo_inverted(x, logits, mu, log_var):
    return elbo_of_parts(1 - x, logits, mu, log_var)


def elbo_exchanged(x, logits, mu, log_var):
    return elbo_of_parts(logits, x, mu, log_var)


def elbo_ink(x, logits, mu, log_var):
    log_p = (x * functional.logsigmoid(logits)).flatten(1).sum(1)
    return (_gaussian_kl(mu, log_var) - log_p).mean()


def _bce_over(axes, x, logits, mu, log_var):
    bce = functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(axes)
    return bce.mean() + _gaussian_kl(mu, log_var).mean()


def elbo_last_axis(x, logits, mu, log_var):
    return _bce_over(-1, x, logits, mu, log_var)


def elbo_axis_one(x, logits, mu, log_var):
    return _bce_over(1, x, logits, mu, log_var)


def elbo_two_axes(x, logits, mu, log_var):
    return _bce_over((-2, -1), x, logits, mu, log_var)


def elbo_bits(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var) / math.log(2)


def elbo_per_pixel(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var) / x[0].numel()


def elbo_naive(x, logits, mu, log_var):
    p = torch.sigmoid(logits)
    log_p = x * torch.log(p) + (1 - x) * torch.log(1 - p)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_bce_of_sigmoid(x, logits, mu, log_var):
    bce = functional.binary_cross_entropy(torch.sigmoid(logits), x, reduction="sum") / len(x)
    return bce + _gaussian_kl(mu, log_var).mean()


def elbo_small_number(x, logits, mu, log_var):
    p = torch.sigmoid(logits)
    log_p = x * torch.log(p + 1e-10) + (1 - x) * torch.log(1 - p + 1e-10)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_logits_clamped(x, logits, mu, log_var):
    return elbo_of_parts(x, logits.clamp(-30, 30), mu, log_var)


def elbo_overflow(x, logits, mu, log_var):
    log_p = x * logits - torch.log(1 + torch.exp(logits))
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_scaled_logits(x, logits, mu, log_var):
    return elbo_of_parts(x, 1.1 * logits, mu, log_var)


def elbo_beta(x, logits, mu, log_var):
    return (_bce(x, logits) + 4 * _gaussian_kl(mu, log_var)).mean()


def elbo_log_var_clamped(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var.clamp(-20, 20))


def elbo_variance_floor(x, logits, mu, log_var):
    var = log_var.exp() + 1e-6
    return (_bce(x, logits) + 0.5 * (mu**2 + var - 1 - var.log()).sum(1)).mean()


def elbo_of_numbers(x, logits, mu, log_var):
    return torch.tensor(elbo_of_parts(x, logits, mu, log_var).item(), dtype=x.dtype)


def elbo_kl_detached(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var).detach()).mean()


def elbo_variance_detached(x, logits, mu, log_var):
    return (_bce(x, logits) + _gaussian_kl(mu, log_var.detach())).mean()


def elbo_half_detached(x, logits, mu, log_var):
    kl = 0.5 * (mu**2 + log_var.exp().detach() - 1 - log_var).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_where(x, logits, mu, log_var):
    naive = torch.log(1 + torch.exp(logits))
    log_p = x * logits - torch.where(logits > 20, logits, naive)
    return (_gaussian_kl(mu, log_var) - log_p.flatten(1).sum(1)).mean()


def elbo_item(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var).item()


def elbo_single(x, logits, mu, log_var):
    return elbo_of_parts(x.float(), logits.float(), mu.float(), log_var.float())


def elbo_with_axis(x, logits, mu, log_var):
    return elbo_of_parts(x, logits, mu, log_var)[None]


def elbo_two_values(x, logits, mu, log_var):
    return _bce(x, logits).mean(), _gaussian_kl(mu, log_var).mean()


def elbo_in_place(x, logits, mu, log_var):
    kl = 0.5 * (mu.pow_(2) + log_var.exp() - 1 - log_var).sum(1)
    return (_bce(x, logits) + kl).mean()


def elbo_flat_only(x, logits, mu, log_var):
    size, pixels = x.shape
    bce = functional.binary_cross_entropy_with_logits(logits, x) * pixels
    return bce + _gaussian_kl(mu, log_var).sum() / size


# --- 07.optimal_sigma -----------------------------------------------------------------------


def sigma_rms(x, x_hat):
    return ((x - x_hat) ** 2).mean().sqrt()


def sigma_mse_loss(x, x_hat):
    return torch.sqrt(functional.mse_loss(x_hat, x))


def sigma_norm(x, x_hat):
    return (x - x_hat).norm() / x.numel() ** 0.5


def sigma_dist(x, x_hat):
    return torch.dist(x, x_hat) / math.sqrt(x.numel())


def sigma_per_sample_first(x, x_hat):
    per_sample = (x - x_hat).pow(2).flatten(1).mean(1)
    return per_sample.mean() ** 0.5


def sigma_with_bias(x, x_hat):
    residual = x - x_hat
    return torch.sqrt(residual.var(correction=0) + residual.mean() ** 2)


def sigma_squared(x, x_hat):
    return functional.mse_loss(x_hat, x)


def sigma_root_of_sum(x, x_hat):
    return (x - x_hat).norm()


def sigma_sum(x, x_hat):
    return functional.mse_loss(x_hat, x, reduction="sum")


def sigma_batch_mean(x, x_hat):
    return (x - x_hat).pow(2).flatten(1).sum(1).mean().sqrt()


def sigma_reconstruction_loss(x, x_hat):
    return ((x - x_hat) ** 2).sum() / len(x)


def sigma_over_pixels(x, x_hat):
    return (((x - x_hat) ** 2).sum() / x[0].numel()).sqrt()


def sigma_absolute(x, x_hat):
    return functional.l1_loss(x_hat, x)


def sigma_mean_of_roots(x, x_hat):
    return (x - x_hat).pow(2).flatten(1).mean(1).sqrt().mean()


def sigma_mean_distance(x, x_hat):
    return (x - x_hat).flatten(1).norm(dim=1).mean()


def sigma_of_data(x, x_hat):
    return torch.std(x, correction=0)


def sigma_of_data_unbiased(x, x_hat):
    return x.std()


def sigma_std(x, x_hat):
    return (x - x_hat).std(correction=0)


def sigma_std_unbiased(x, x_hat):
    return torch.std(x_hat - x)


def sigma_n_minus_one(x, x_hat):
    return (((x - x_hat) ** 2).sum() / (x.numel() - 1)).sqrt()


def sigma_each_sample(x, x_hat):
    return (x - x_hat).pow(2).flatten(1).mean(1).sqrt()


def sigma_each_dimension(x, x_hat):
    return ((x - x_hat) ** 2).mean(dim=0).sqrt()


def sigma_last_axis(x, x_hat):
    return ((x - x_hat) ** 2).mean(dim=-1).sqrt()


def sigma_halved(x, x_hat):
    return (0.5 * (x - x_hat) ** 2).mean().sqrt()


def sigma_inverse(x, x_hat):
    return functional.mse_loss(x_hat, x) ** -0.5


def sigma_inverse_variance(x, x_hat):
    return 1 / functional.mse_loss(x_hat, x)


def sigma_log(x, x_hat):
    return 0.5 * functional.mse_loss(x_hat, x).log()


def sigma_log_variance(x, x_hat):
    return functional.mse_loss(x_hat, x).log()


def sigma_largest(x, x_hat):
    return (x - x_hat).abs().amax()


def sigma_mean_residual(x, x_hat):
    return (x - x_hat).mean()


def sigma_abs_of_mean(x, x_hat):
    return torch.abs((x - x_hat).mean())


def sigma_relative(x, x_hat):
    return (x - x_hat).norm() / x.norm()


def sigma_median(x, x_hat):
    return 1.4826 * (x - x_hat).abs().median()


def sigma_negative(x, x_hat):
    return -sigma_rms(x, x_hat)


def sigma_floor(x, x_hat):
    return (functional.mse_loss(x_hat, x) + 1e-8).sqrt()


def sigma_expanded(x, x_hat):
    return (x**2 - 2 * x * x_hat + x_hat**2).mean().abs().sqrt()


def sigma_detached(x, x_hat):
    return sigma_rms(x, x_hat.detach())


def sigma_half_detached(x, x_hat):
    return ((x - x_hat) * (x - x_hat.detach())).mean().sqrt()


def sigma_item(x, x_hat):
    return sigma_rms(x, x_hat).item()


def sigma_numpy(x, x_hat):
    return np.sqrt(np.mean((x.numpy() - x_hat.numpy()) ** 2))


def sigma_single(x, x_hat):
    return sigma_rms(x.float(), x_hat.float())


def sigma_in_place(x, x_hat):
    x_hat -= x
    return x_hat.square().mean().sqrt()


def sigma_keepdim(x, x_hat):
    return sigma_rms(x, x_hat).reshape(1)


def sigma_math(x, x_hat):
    return math.sqrt(functional.mse_loss(x_hat, x))


# --- 07.implied_beta ------------------------------------------------------------------------


def beta_formula(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dim * sigma**2)


def beta_steps(kl_weight, data_dim, latent_dim, sigma):
    pixel_weight = 1 / data_dim
    latent_weight = kl_weight / latent_dim
    wanted_pixel_weight = 1 / (2 * sigma**2)
    return latent_weight * wanted_pixel_weight / pixel_weight


def beta_probed(kl_weight, data_dim, latent_dim, sigma):
    def loss(square_sum, kl_sum):
        return square_sum / data_dim + kl_weight * kl_sum / latent_dim

    return loss(0, 1) / loss(1, 0) / (2 * sigma * sigma)


def beta_with_torch(kl_weight, data_dim, latent_dim, sigma):
    ratio = torch.tensor(data_dim / latent_dim) / (2 * torch.tensor(sigma) ** 2)
    return (kl_weight * ratio).item()


def beta_logs(kl_weight, data_dim, latent_dim, sigma):
    logs = math.log(kl_weight) + math.log(data_dim) - math.log(latent_dim) - 2 * math.log(sigma)
    return 0.5 * math.exp(logs)


def beta_no_two(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (latent_dim * sigma**2)


def beta_two_above(kl_weight, data_dim, latent_dim, sigma):
    return 2 * kl_weight * data_dim / (latent_dim * sigma**2)


def beta_inverted(kl_weight, data_dim, latent_dim, sigma):
    return 1 / beta_formula(kl_weight, data_dim, latent_dim, sigma)


def beta_exchanged(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * latent_dim / (2 * data_dim * sigma**2)


def beta_plain_sigma(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dim * sigma)


def beta_sigma_above(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * sigma**2 * data_dim / (2 * latent_dim)


def beta_two_sigma_above(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * 2 * sigma**2 * data_dim / latent_dim


def beta_at_one(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dim)


def beta_dimensions_only(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / latent_dim


def beta_no_data_dim(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight / (2 * latent_dim * sigma**2)


def beta_no_latent_dim(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * sigma**2)


def beta_no_dimensions(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight / (2 * sigma**2)


def beta_product(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim * latent_dim / (2 * sigma**2)


def beta_both_below(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight / (2 * data_dim * latent_dim * sigma**2)


def beta_no_weight(kl_weight, data_dim, latent_dim, sigma):
    return data_dim / (2 * latent_dim * sigma**2)


def beta_weight(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight


def beta_floor(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * (data_dim // latent_dim) / (2 * sigma**2)


def beta_no_parentheses(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / latent_dim / 2 * sigma**2


def beta_fewer_parentheses(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / 2 * latent_dim * sigma**2


def beta_of_a_mean(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * (data_dim + latent_dim) / (2 * latent_dim * sigma**2)


def beta_negative(kl_weight, data_dim, latent_dim, sigma):
    return -kl_weight * data_dim / (2 * latent_dim * sigma**2)


def beta_zero(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim // (2 * latent_dim * sigma**2)


def beta_tensor(kl_weight, data_dim, latent_dim, sigma):
    return torch.tensor(beta_formula(kl_weight, data_dim, latent_dim, sigma))


def beta_pair(kl_weight, data_dim, latent_dim, sigma):
    return 1 / (2 * sigma**2), beta_formula(kl_weight, data_dim, latent_dim, sigma)


def beta_text(kl_weight, data_dim, latent_dim, sigma):
    return f"{beta_formula(kl_weight, data_dim, latent_dim, sigma):.3f}"


def beta_rounded(kl_weight, data_dim, latent_dim, sigma):
    return round(beta_formula(kl_weight, data_dim, latent_dim, sigma), 3)


def beta_misspelt(kl_weight, data_dim, latent_dim, sigma):
    return kl_weight * data_dim / (2 * latent_dims * sigma**2)  # noqa: F821


def beta_three_arguments(kl_weight, data_dim, latent_dim):
    return kl_weight * data_dim / (2 * latent_dim)


# --- 07.active_units ------------------------------------------------------------------------


def active_var(mu, threshold):
    return mu.var(0) > threshold


def active_biased(mu, threshold):
    return torch.var(mu, dim=0, correction=0) > threshold


def active_by_hand(mu, threshold):
    centred = mu - mu.mean(dim=0, keepdim=True)
    return (centred**2).mean(dim=0).gt(threshold)


def active_cov(mu, threshold):
    return torch.atleast_2d(torch.cov(mu.T, correction=0)).diagonal() >= threshold


def active_std(mu, threshold):
    return mu.std(dim=0) > math.sqrt(threshold)


def active_loop(mu, threshold):
    return torch.tensor([bool(column.var(correction=0) > threshold) for column in mu.T])


def active_numpy(mu, threshold):
    return torch.from_numpy(np.var(mu.numpy(), axis=0) > threshold)


def inactive(mu, threshold):
    return mu.var(0) < threshold


def active_plain_std(mu, threshold):
    return mu.std(0) > threshold


def active_squared_threshold(mu, threshold):
    return mu.var(0, correction=0) > threshold**2


def active_mean_square(mu, threshold):
    return (mu**2).mean(0) > threshold


def active_absolute(mu, threshold):
    return mu.abs().mean(0) > threshold


def active_deviation(mu, threshold):
    return (mu - mu.mean(0)).abs().mean(0) > threshold


def active_mean(mu, threshold):
    return mu.mean(0) > threshold


def active_size_of_mean(mu, threshold):
    return mu.mean(0).abs() > threshold


def active_one_mean(mu, threshold):
    return ((mu - mu.mean()) ** 2).mean(0) > threshold


def active_sum(mu, threshold):
    return ((mu - mu.mean(0)) ** 2).sum(0) > threshold


def active_samples(mu, threshold):
    return mu.var(dim=1) > threshold


def active_samples_biased(mu, threshold):
    return mu.var(dim=-1, correction=0) > threshold


def active_at_all(mu, threshold):
    return mu.var() > threshold


def active_matrix(mu, threshold):
    return (mu - mu.mean(0)) ** 2 > threshold


def active_relative(mu, threshold):
    variance = mu.var(0)
    return variance / variance.max() > threshold


def active_share(mu, threshold):
    variance = mu.var(0)
    return variance / variance.sum() > threshold


def active_any(mu, threshold):
    return (mu.abs() > threshold).any(dim=0)


def active_range(mu, threshold):
    return mu.max(0).values - mu.min(0).values > threshold


def active_count(mu, threshold):
    return (mu.var(0) > threshold).sum()


def active_indices(mu, threshold):
    return torch.where(mu.var(0) > threshold)[0]


def active_floats(mu, threshold):
    return (mu.var(0) > threshold).to(mu)


def active_ints(mu, threshold):
    return (mu.var(0) > threshold).int().long()


def active_variances(mu, threshold):
    return mu.var(0)


def active_variances_biased(mu, threshold):
    return mu.var(0, correction=0)


def active_all(mu, threshold):
    return torch.ones(mu.shape[1], dtype=torch.bool)


def active_twice(mu, threshold):
    return mu.var(0) > 2 * threshold


def active_largest(mu, threshold):
    return mu.abs().amax(0) ** 2 > threshold


def active_fixed_threshold(mu, threshold):
    return mu.var(0) > 0.01


def active_moments(mu, threshold):
    return (mu**2).mean(0) - mu.mean(0) ** 2 > threshold


def active_careful(mu, threshold):
    if len(mu) == 1:
        return torch.ones(mu.shape[1], dtype=torch.bool)
    return mu.var(0) > threshold


def active_list(mu, threshold):
    return [bool(v > threshold) for v in mu.var(0)]


def active_number(mu, threshold):
    return int((mu.var(0) > threshold).sum())


def active_row(mu, threshold):
    return mu.var(0, keepdim=True) > threshold


def active_in_place(mu, threshold):
    mu -= mu.mean(0)
    return mu.square().mean(0) > threshold


def active_not_a_method(mu, threshold):
    return mu.variance(0) > threshold


ALTERNATIVES = {
    "06.bernoulli_log_likelihood": [
        bernoulli_bce,
        bernoulli_softplus,
        bernoulli_logsigmoid,
        bernoulli_library,
        bernoulli_by_hand,
        bernoulli_logaddexp,
    ],
    "07.gaussian_log_likelihood": [
        gaussian_by_the_formula,
        gaussian_library,
        gaussian_independent,
        gaussian_each_element,
        gaussian_float_constant,
        gaussian_loop,
    ],
    "06.negative_elbo": [
        elbo_of_parts,
        elbo_reductions,
        elbo_library,
        elbo_by_hand,
        elbo_loop,
        elbo_scaled_means,
    ],
    "07.optimal_sigma": [
        sigma_rms,
        sigma_mse_loss,
        sigma_norm,
        sigma_dist,
        sigma_per_sample_first,
        sigma_with_bias,
    ],
    "07.implied_beta": [
        beta_formula,
        beta_steps,
        beta_probed,
        beta_with_torch,
        beta_logs,
    ],
    "07.active_units": [
        active_var,
        active_biased,
        active_by_hand,
        active_cov,
        active_std,
        active_loop,
        active_numpy,
    ],
}

MUTANTS = {
    "06.bernoulli_log_likelihood": [
        ("mean-over-pixels", bernoulli_mean),
        ("mean-over-pixels", bernoulli_mean_bce),
        ("sum-over-batch", bernoulli_sum),
        ("mean-over-batch", bernoulli_batch_mean),
        ("mean-over-all", bernoulli_mean_of_all),
        ("negative", bernoulli_loss),
        ("negative", bernoulli_default_bce),
        ("negative", bernoulli_summed_bce),
        ("logits-as-probabilities", bernoulli_no_sigmoid),
        ("sigmoid-twice", bernoulli_double_sigmoid),
        ("sigmoid-then-log", bernoulli_naive),
        ("sigmoid-then-log", bernoulli_power),
        ("clamped", bernoulli_bce_of_sigmoid),
        ("clamped", bernoulli_small_number),
        ("clamped", bernoulli_kept_inside),
        ("clamped", bernoulli_logits_clamped),
        ("clamped", bernoulli_logits_clamped_early),
        ("clamped", bernoulli_switched),
        ("overflow", bernoulli_overflow),
        ("pixels-inverted", bernoulli_inverted),
        ("pixels-inverted", bernoulli_negative_logits),
        ("arguments-exchanged", bernoulli_exchanged),
        ("ink-only", bernoulli_ink),
        ("paper-only", bernoulli_paper),
        ("not-normalised", bernoulli_score),
        ("softplus-sign", bernoulli_plus),
        ("squared-error", bernoulli_squared),
        ("rounded", bernoulli_rounded),
        ("exponentiated", bernoulli_probability),
        ("base-two", bernoulli_bits),
        ("last-axis-only", bernoulli_last_axis),
        ("second-axis-only", bernoulli_axis_one),
        ("two-axes-only", bernoulli_two_axes),
        ("two-axes-only", bernoulli_first_two_axes),
        ("not-summed", bernoulli_pixels),
        ("not-the-log-odds", bernoulli_shifted),
        ("not-normalised", bernoulli_constant),
        ("wrong-empty-image", bernoulli_first_logits),
        ("no-gradient", bernoulli_no_grad),
        ("wrong-gradient", bernoulli_half_detached),
        ("gradient-not-finite", bernoulli_where),
        ("wrong-dtype", bernoulli_single),
        ("wrong-type", bernoulli_float),
        ("wrong-type", bernoulli_numpy),
        ("wrong-shape", bernoulli_keepdim),
        ("changes-its-input", bernoulli_in_place),
        ("raises", bernoulli_strict_library),
        ("raises", bernoulli_images_only),
    ],
    "07.gaussian_log_likelihood": [
        ("no-two-pi", gaussian_no_pi),
        ("two-pi-once", gaussian_pi_once),
        ("d-twice", gaussian_pi_per_element),
        ("d-twice", gaussian_all_per_element),
        ("d-of-one-axis", gaussian_last_axis_size),
        ("d-of-one-axis", gaussian_axis_one_size),
        ("d-with-batch", gaussian_numel),
        ("d-with-batch", gaussian_batch_size),
        ("normaliser-once", gaussian_normaliser_once),
        ("log-sigma-once", gaussian_sigma_once),
        ("no-log-sigma", gaussian_no_log_sigma),
        ("log-sigma-halved", gaussian_half_log_sigma),
        ("log-sigma-not-halved", gaussian_double_log_sigma),
        ("two-pi-not-halved", gaussian_full_pi),
        ("normaliser-not-halved", gaussian_full_normaliser),
        ("pi-for-two-pi", gaussian_log_pi),
        ("sigma-not-squared", gaussian_plain_sigma),
        ("sigma-as-variance", gaussian_sigma_is_variance),
        ("sigma-squared-twice", gaussian_sigma_squared),
        ("unit-sigma", gaussian_one),
        ("no-sigma-in-exponent", gaussian_plain_squares),
        ("no-half-in-exponent", gaussian_no_half),
        ("no-half", gaussian_no_half_at_all),
        ("no-normaliser", gaussian_exponent),
        ("log-sigma-sign", gaussian_plus_log_sigma),
        ("normaliser-sign", gaussian_plus_normaliser),
        ("exponent-sign", gaussian_plus_squares),
        ("not-squared", gaussian_laplace),
        ("not-centred", gaussian_at_zero),
        ("mean-over-pixels", gaussian_mean),
        ("mean-square-in-exponent", gaussian_mse),
        ("sum-over-batch", gaussian_summed),
        ("mean-over-batch", gaussian_batch_mean),
        ("mean-over-all", gaussian_mean_of_all),
        ("negative", gaussian_loss),
        ("exponentiated", gaussian_density),
        ("base-two", gaussian_bits),
        ("last-axis-only", gaussian_last_axis),
        ("second-axis-only", gaussian_axis_one),
        ("two-axes-only", gaussian_two_axes),
        ("two-axes-only", gaussian_first_two_axes),
        ("not-summed", gaussian_elements),
        ("log-of-density", gaussian_product),
        ("log-of-density", gaussian_log_of_exp),
        ("log-of-density", gaussian_floor),
        ("wrong-width", gaussian_cubed),
        ("wrong-width", gaussian_sigma_floor),
        ("wrong-height", gaussian_off_by_one),
        ("cancellation", gaussian_expanded),
        ("no-gradient", gaussian_of_numbers),
        ("no-gradient", gaussian_detached),
        ("wrong-gradient", gaussian_half_detached),
        ("raises", gaussian_torch_log),
        ("wrong-dtype", gaussian_single),
        ("wrong-shape", gaussian_keepdim),
        ("changes-its-input", gaussian_in_place),
        ("wrong-type", gaussian_as_numpy),
    ],
    "06.negative_elbo": [
        ("mean-over-pixels", elbo_pixel_mean),
        ("mean-over-everything", elbo_all_means),
        ("mean-over-latents", elbo_latent_mean),
        ("elbo-sign", elbo_itself),
        ("kl-subtracted", elbo_kl_subtracted),
        ("likelihood-sign", elbo_likelihood_added),
        ("sum-over-batch", elbo_summed),
        ("batch-mixed", elbo_bce_summed),
        ("batch-mixed", elbo_kl_summed),
        ("batch-mixed", elbo_mean_and_sum),
        ("log-var-as-log-std", elbo_log_std),
        ("log-var-as-log-std", elbo_exp_squared),
        ("std-for-variance", elbo_std_in_kl),
        ("std-for-variance", elbo_half_log_var),
        ("no-exp", elbo_log_var_plain),
        ("no-exp", elbo_variance_given),
        ("no-kl", elbo_autoencoder),
        ("no-reconstruction", elbo_kl_only),
        ("not-averaged", elbo_per_image),
        ("kl-not-halved", elbo_full_kl),
        ("kl-constant", elbo_no_one),
        ("kl-constant", elbo_one_once),
        ("kl-without-mu", elbo_no_mu),
        ("kl-without-mu", elbo_plain_mu),
        ("kl-without-variance", elbo_only_mu),
        ("kl-log-var-sign", elbo_plus_log_var),
        ("kl-mu-sign", elbo_minus_mu),
        ("kl-reversed", elbo_reversed),
        ("squared-error", elbo_mse),
        ("squared-error", elbo_mse_of_logits),
        ("logits-as-probabilities", elbo_no_sigmoid),
        ("sigmoid-twice", elbo_double_sigmoid),
        ("pixels-inverted", elbo_inverted),
        ("arguments-exchanged", elbo_exchanged),
        ("ink-only", elbo_ink),
        ("last-axis-only", elbo_last_axis),
        ("second-axis-only", elbo_axis_one),
        ("two-axes-only", elbo_two_axes),
        ("base-two", elbo_bits),
        ("per-dimension", elbo_per_pixel),
        ("sigmoid-then-log", elbo_naive),
        ("clamped", elbo_bce_of_sigmoid),
        ("clamped", elbo_small_number),
        ("clamped", elbo_logits_clamped),
        ("overflow", elbo_overflow),
        ("wrong-reconstruction", elbo_scaled_logits),
        ("wrong-kl", elbo_beta),
        ("variance-clamped", elbo_log_var_clamped),
        ("variance-clamped", elbo_variance_floor),
        ("no-gradient", elbo_of_numbers),
        ("no-gradient", elbo_kl_detached),
        ("no-gradient", elbo_variance_detached),
        ("wrong-gradient", elbo_half_detached),
        ("gradient-not-finite", elbo_where),
        ("wrong-type", elbo_item),
        ("wrong-type", elbo_two_values),
        ("wrong-dtype", elbo_single),
        ("wrong-shape", elbo_with_axis),
        ("changes-its-input", elbo_in_place),
        ("raises", elbo_flat_only),
    ],
    "07.optimal_sigma": [
        ("variance", sigma_squared),
        ("sum", sigma_root_of_sum),
        ("sum", sigma_sum),
        ("averaged-over-batch-only", sigma_batch_mean),
        ("averaged-over-batch-only", sigma_reconstruction_loss),
        ("averaged-over-elements-only", sigma_over_pixels),
        ("mean-absolute", sigma_absolute),
        ("root-of-each", sigma_mean_of_roots),
        ("root-of-each", sigma_mean_distance),
        ("spread-of-data", sigma_of_data),
        ("spread-of-data", sigma_of_data_unbiased),
        ("centred-residuals", sigma_std),
        ("centred-residuals", sigma_std_unbiased),
        ("n-minus-one", sigma_n_minus_one),
        ("per-sample", sigma_each_sample),
        ("per-dimension", sigma_each_dimension),
        ("per-dimension", sigma_last_axis),
        ("half", sigma_halved),
        ("precision", sigma_inverse),
        ("precision", sigma_inverse_variance),
        ("logarithm", sigma_log),
        ("logarithm", sigma_log_variance),
        ("largest-residual", sigma_largest),
        ("not-squared", sigma_mean_residual),
        ("not-squared", sigma_abs_of_mean),
        ("relative", sigma_relative),
        ("not-the-best", sigma_median),
        ("not-positive", sigma_negative),
        ("floor", sigma_floor),
        ("cancellation", sigma_expanded),
        ("no-gradient", sigma_detached),
        ("wrong-gradient", sigma_half_detached),
        ("wrong-type", sigma_item),
        ("wrong-type", sigma_numpy),
        ("wrong-type", sigma_math),
        ("wrong-dtype", sigma_single),
        ("wrong-shape", sigma_keepdim),
        ("changes-its-input", sigma_in_place),
    ],
    "07.implied_beta": [
        ("missing-two", beta_no_two),
        ("two-inverted", beta_two_above),
        ("inverted", beta_inverted),
        ("dimensions-exchanged", beta_exchanged),
        ("sigma-not-squared", beta_plain_sigma),
        ("sigma-multiplies", beta_sigma_above),
        ("sigma-multiplies", beta_two_sigma_above),
        ("sigma-ignored", beta_at_one),
        ("sigma-ignored", beta_dimensions_only),
        ("no-data-dim", beta_no_data_dim),
        ("no-latent-dim", beta_no_latent_dim),
        ("no-dimensions", beta_no_dimensions),
        ("dimensions-multiplied", beta_product),
        ("dimensions-divided", beta_both_below),
        ("no-kl-weight", beta_no_weight),
        ("kl-weight-only", beta_weight),
        ("integer-division", beta_floor),
        ("sigma-multiplies", beta_no_parentheses),
        ("precedence", beta_fewer_parentheses),
        ("not-proportional", beta_of_a_mean),
        ("not-proportional", beta_rounded),
        ("not-positive", beta_negative),
        ("wrong-type", beta_tensor),
        ("wrong-type", beta_pair),
        ("wrong-type", beta_text),
        ("raises", beta_misspelt),
        ("wrong-arguments", beta_three_arguments),
    ],
    "07.active_units": [
        ("below", inactive),
        ("deviation", active_plain_std),
        ("deviation", active_squared_threshold),
        ("not-centred", active_mean_square),
        ("mean-absolute", active_absolute),
        ("mean-absolute", active_deviation),
        ("mean-for-variance", active_mean),
        ("mean-for-variance", active_size_of_mean),
        ("global-mean", active_one_mean),
        ("not-averaged", active_sum),
        ("wrong-axis", active_samples),
        ("wrong-axis", active_samples_biased),
        ("one-for-all", active_at_all),
        ("every-code", active_matrix),
        ("relative", active_relative),
        ("relative", active_share),
        ("any-sample", active_any),
        ("range", active_range),
        ("count", active_count),
        ("indices", active_indices),
        ("as-numbers", active_floats),
        ("as-numbers", active_ints),
        ("not-compared", active_variances),
        ("not-compared", active_variances_biased),
        ("wrong-units", active_all),
        ("wrong-units", active_twice),
        ("not-a-variance", active_fixed_threshold),
        ("moves-with-the-mean", active_largest),
        ("cancellation", active_moments),
        ("one-sample", active_careful),
        ("wrong-type", active_list),
        ("wrong-type", active_number),
        ("wrong-shape", active_row),
        ("changes-its-input", active_in_place),
        ("raises", active_not_a_method),
    ],
}
