"""Answers to bernoulli_log_likelihood: right ones, and wrong ones that no known mistake covers."""

import torch
from torch.distributions import Bernoulli
from torch.nn import functional


def _bce(x, logits):
    loss = functional.binary_cross_entropy_with_logits(logits, x, reduction="none")
    return loss.flatten(1).sum(1)


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


def bernoulli_switched(x, logits):
    bce = functional.binary_cross_entropy(torch.sigmoid(logits), x, reduction="none")
    stable = functional.softplus(logits) - x * logits
    return -torch.where(logits.abs() > 100, stable, bce).flatten(1).sum(1)


def bernoulli_rounded(x, logits):
    return bernoulli_bce((x > 0.5).to(x.dtype), logits)


def bernoulli_shifted(x, logits):
    return bernoulli_bce(x, logits + 0.1)


def bernoulli_constant(x, logits):
    return bernoulli_bce(x, logits) + 1


def bernoulli_first_logits(x, logits):
    return (x * logits - functional.softplus(logits[:1])).flatten(1).sum(1)


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


def bernoulli_strict_library(x, logits):
    return Bernoulli(logits=logits).log_prob(x).flatten(1).sum(1)


def bernoulli_images_only(x, logits):
    batch, channels, height, width = x.shape
    return bernoulli_bce(x, logits).view(batch, channels * height * width // x[0].numel())[:, 0]


def bernoulli_logits_to_a_hundred(x, logits):
    return bernoulli_softplus(x, logits.clamp(-100, 100))


def bernoulli_unit_gaussian(x, logits):
    return torch.distributions.Normal(logits.sigmoid(), 1.0).log_prob(x).flatten(1).sum(1)


def bernoulli_absolute(x, logits):
    return -(x - logits.sigmoid()).abs().flatten(1).sum(1)


RIGHT = [
    bernoulli_bce,
    bernoulli_softplus,
    bernoulli_logsigmoid,
    bernoulli_library,
    bernoulli_by_hand,
    bernoulli_logaddexp,
    bernoulli_rounded,
    bernoulli_strict_library,
]

WRONG = [
    ("clamped", bernoulli_small_number),
    ("clamped", bernoulli_kept_inside),
    ("clamped", bernoulli_logits_clamped),
    ("clamped", bernoulli_logits_clamped_early),
    ("digits-lost", bernoulli_switched),
    ("not-the-log-odds", bernoulli_shifted),
    ("not-normalised", bernoulli_constant),
    ("wrong-empty-image", bernoulli_first_logits),
    ("no-gradient", bernoulli_no_grad),
    ("wrong-gradient", bernoulli_half_detached),
    ("gradient-not-finite", bernoulli_where),
    ("wrong-dtype", bernoulli_single),
    ("sum-over-batch", bernoulli_float),
    ("not-normalised", bernoulli_numpy),
    ("wrong-shape", bernoulli_keepdim),
    ("changes-its-input", bernoulli_in_place),
    ("raises", bernoulli_images_only),
    ("clamped", bernoulli_logits_to_a_hundred),
    ("not-normalised", bernoulli_unit_gaussian),
    ("not-normalised", bernoulli_absolute),
]
