"""The VAE that lecture 06 asks its readers to build, in the course's own hand."""

import torch
from torch import Tensor

from ..autoencoders import mlp
from ..inference import reparameterize
from .likelihoods import Bernoulli, negative_elbo
from .model import VAE, Decoder, Encoder

HIDDEN = (128, 128, 128)


class BernoulliVAE(VAE):
    """A VAE for black and white images, three hidden layers of 128 on either side.

    encode(x) -> (mu, log_var), decode(z) -> logits, loss(x, eps) -> the negative ELBO with the one
    draw z = mu + exp(log_var / 2) eps. Its weights start from torch's global generator.

    Args:
        data_dim: D.
        latent_dim: K.
    """

    def __init__(self, data_dim: int, latent_dim: int) -> None:
        generator = torch.default_generator
        encoder = mlp((data_dim, *HIDDEN, 2 * latent_dim), generator=generator)
        decoder = mlp((latent_dim, *reversed(HIDDEN), data_dim), generator=generator)
        super().__init__(Encoder(encoder, latent_dim), Decoder(decoder), Bernoulli())

    def loss(self, x: Tensor, eps: Tensor) -> Tensor:
        """The negative ELBO in nats per image, its KL in closed form.

        Args:
            x: images, (B, D), 0 and 1.
            eps: standard normal numbers, (B, K).

        Returns:
            0-d, the batch mean.
        """
        mu, log_var = self.encode(x)
        return negative_elbo(x, self.decode(reparameterize(mu, log_var, eps)), mu, log_var)
