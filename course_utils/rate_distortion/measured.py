"""Where a trained VAE lies in the rate-distortion plane."""

from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .. import checks
from ..densities import standard_normal
from ..inference import gaussian_kl, reparameterize
from ..vae import VAE


class RDPoint(NamedTuple):
    """Means over held-out data; each 0-d, or (M,) for a stack of M models."""

    distortion: Tensor  # <-log p(x|z)>, nats, all constants included
    mse_sum: Tensor  # squared error of the decoder's mean, summed over D, at draws of z
    rate: Tensor  # <KL(q(z|x) || N(0, I))>, nats


@torch.no_grad()
def rd_of(
    vae: VAE, x: Tensor, *, samples: int = 1, batch: int = 1024, generator: torch.Generator
) -> RDPoint:
    """Distortion, squared error and rate of a VAE on data, z drawn from q(z|x).

    The negative ELBO is distortion + rate. With a Gaussian decoder
    distortion = mse_sum / (2 sigma^2) + D/2 log(2 pi sigma^2).

    Args:
        vae: a model, or a stack of several, which then share the draws' noise.
        x: held-out data, (N, D).
        samples: S, draws of z for each x.
        batch: data at a time.
        generator: of the draws.

    Returns:
        RDPoint.

    Raises:
        ValueError: if x is not (N, D), or samples is below 1.
    """
    if x.ndim != 2 or not len(x) or samples < 1:
        raise ValueError(
            f"x must be (N, D), it is {tuple(x.shape)}, and samples at least 1, got {samples}."
        )
    checks.finite(x=x)
    was_training = vae.training
    vae.eval()
    points = []
    for part in tqdm(x.split(batch), desc="held-out data", delay=2, leave=False):
        mu, log_var = vae.encode(part)  # (..., B, K)
        rate = gaussian_kl(mu, log_var).sum(dim=-1)
        for _ in range(samples):
            eps = standard_normal(mu.shape[-2:], mu, generator)
            params = vae.decode(reparameterize(mu, log_var, eps))  # (..., B, D)
            distortion = -vae.likelihood.log_prob(part, params).sum(dim=-1)
            error = part - vae.likelihood.mean(params)
            points.append(torch.stack([distortion, error.square().sum(dim=(-2, -1)), rate]))
    vae.train(was_training)
    return RDPoint(*(torch.stack(points).sum(dim=0) / (samples * len(x))))
