"""Likelihoods of images, pixel by pixel: what the exercises on VAEs and their mistakes share."""

import math

from torch import Tensor
from torch.nn import functional

LOG_2 = math.log(2)
LOG_2PI = math.log(2 * math.pi)
SURE = 1e4  # a logit: the pixel is as sure as float32 can say


def per_sample(elements: Tensor) -> Tensor:
    """Sum (B, ...) over all but the batch, (B,)."""
    return elements.flatten(1).sum(1)


def size(x: Tensor) -> int:
    """D, the number of elements of one sample of x (B, ...)."""
    return x[0].numel()


def squares(x: Tensor, mean: Tensor) -> Tensor:
    """The squared distance of each sample to its mean, (B,)."""
    return per_sample((x - mean).square())


def log_coin(x: Tensor, logits: Tensor) -> Tensor:
    """log p of each pixel under a coin with this logit, (B, ...): x logit - log(1 + exp logit)."""
    return x * logits - functional.softplus(logits)


def by_probability(x: Tensor, p: Tensor) -> Tensor:
    """The same from the probability, as the formula is usually written: not for p near 0 or 1."""
    return x * p.log() + (1 - x) * (1 - p).log()


def cut_at_100(x: Tensor, logits: Tensor) -> Tensor:
    """Minus `binary_cross_entropy` of the sigmoid, which cuts each logarithm off at -100."""
    return -functional.binary_cross_entropy(logits.sigmoid(), x, reduction="none")


def softplus_by_hand(x: Tensor, logits: Tensor) -> Tensor:
    """log p of each pixel, until exp overflows."""
    return x * logits - (1 + logits.exp()).log()
