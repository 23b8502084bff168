"""Answers to the exercises of lecture 06."""

import math

import torch
from torch.distributions import Bernoulli, Normal, kl_divergence
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


ALTERNATIVES = {
    "06.bernoulli_log_likelihood": [
        bernoulli_bce,
        bernoulli_softplus,
        bernoulli_logsigmoid,
        bernoulli_library,
        bernoulli_by_hand,
        bernoulli_logaddexp,
    ],
    "06.negative_elbo": [
        elbo_of_parts,
        elbo_reductions,
        elbo_library,
        elbo_by_hand,
        elbo_loop,
        elbo_scaled_means,
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
}
