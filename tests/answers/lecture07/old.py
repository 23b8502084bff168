"""Answers to the exercises of lecture 07."""

import math

import numpy as np
import torch
from torch.distributions import Independent, Normal
from torch.nn import functional

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
    "07.gaussian_log_likelihood": [
        gaussian_by_the_formula,
        gaussian_library,
        gaussian_independent,
        gaussian_each_element,
        gaussian_float_constant,
        gaussian_loop,
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
