"""What the two classifiers' losses of lecture 09 share: logits that are sure, and their laws."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..draw import Draw


def surprise(logit: Tensor, is_data: bool) -> Tensor:
    """-log of the probability that a classifier gives the right answer, nats."""
    return F.softplus(-logit if is_data else logit)


def random_logits(draw: Draw, *sizes: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """Vectors of logits, their means apart, so that no two roles can be exchanged unnoticed."""
    return [
        draw.normal(n, dtype=dtype) + shift for n, shift in zip(sizes, (0.9, -0.4), strict=True)
    ]


def sure_logits(draw: Draw, *sizes: int) -> list[Tensor]:
    """Logits up to a thousand, of either sign: exp and a plain logarithm overflow."""
    logits = [draw.uniform(-1000, 1000, n) for n in sizes]
    for some in logits:
        some[0], some[-1] = draw.number(-1000, -500), draw.number(500, 1000)
    return logits
