"""The variational autoencoder: encoder q_phi(z|x), decoder p_theta(x|z), prior N(0, I).

Every operation leaves leading axes alone, so that a stack of M models, x (B, D) or (M, B, D)
inside, works like one: what is 0-d for one model is (M,) for the stack. Images go in flat.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..autoencoders import mlp
from ..densities import standard_normal
from ..inference import PPCA, gaussian_kl, reparameterize
from .likelihoods import Bernoulli, Gaussian, Likelihood, SigmaKind

Terms = dict[str, Tensor]

# exp(-14 / 2) is a posterior a thousand times narrower than the prior, exp(10 / 2) one 150 times
# wider: no useful one is outside, but the first steps of a fit may jump there and overflow.
LOG_VAR_RANGE = (-14.0, 10.0)


class Encoder(nn.Module):
    """q_phi(z|x) = N(mu, diag exp log_var): a network with 2 K outputs.

    log_var is bent smoothly into [-14, 10], where it keeps a gradient at either end; in between
    it is the network's output.

    Args:
        network: (..., D) -> (..., 2 K).
        latent_dim: K.
        centre, scale: the network sees (x - centre) / scale, numbers of order 1.
    """

    def __init__(
        self, network: nn.Module, latent_dim: int, *, centre: float = 0.0, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.network, self.latent_dim = network, latent_dim
        self.centre, self.scale = centre, scale

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(..., B, D) -> mu and log_var, each (..., B, K)."""
        mu, log_var = self.network((x - self.centre) / self.scale).chunk(2, dim=-1)
        low, high = LOG_VAR_RANGE
        log_var = high - F.softplus(high - log_var)
        return mu, low + F.softplus(log_var - low)


class LinearEncoder(nn.Module):
    """q_phi(z|x) = N(A x + c, diag exp log_var), one log_var for all x, as in probabilistic PCA.

    Args:
        data_dim: D.
        latent_dim: K.
        generator: of the initial weights.
    """

    def __init__(self, data_dim: int, latent_dim: int, *, generator: torch.Generator) -> None:
        super().__init__()
        self.mean = mlp((data_dim, latent_dim), generator=generator)
        # (1, K): one for each model of a stack, (M, 1, K), broadcasts likewise.
        self.log_var = nn.Parameter(torch.zeros(1, latent_dim, device=generator.device))
        self.latent_dim = latent_dim

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(..., B, D) -> mu and log_var, each (..., B, K)."""
        mu = self.mean(x)
        return mu, self.log_var.expand_as(mu)


class Decoder(nn.Module):
    """The parameters of p_theta(x|z): a network (..., K) -> (..., D)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> Tensor:
        """(..., B, K) -> (..., B, D): logits or means, as the likelihood reads them."""
        return self.network(z)


class VAE(nn.Module):
    """p_theta(x, z) = N(z; 0, I) p_theta(x|z), with q_phi(z|x) in place of the posterior.

    Kingma and Welling 2014; Rezende, Mohamed and Wierstra 2014. `mlp_vae`, `conv_vae` and
    `linear_vae` build one. It takes data in the likelihood's own scale, flat, (B, D).

    Args:
        encoder: x (..., B, D) -> mu, log_var, each (..., B, K); has `latent_dim`.
        decoder: z (..., B, K) -> parameters (..., B, D).
        likelihood: Bernoulli(), Binomial(n) or Gaussian(...).
    """

    def __init__(self, encoder: Any, decoder: Any, likelihood: Likelihood) -> None:
        super().__init__()
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.latent_dim: int = encoder.latent_dim
        with torch.no_grad():
            p = next(self.decoder.parameters())
            self.data_dim: int = decoder(p.new_zeros(1, self.latent_dim)).shape[-1]

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x (..., B, D) -> mu and log_var of q(z|x), each (..., B, K).

        Raises:
            ValueError: if x is not flat with D numbers per sample, or of another dtype.
        """
        if x.ndim < 2 or x.shape[-1] != self.data_dim:
            raise ValueError(
                f"x must be (B, {self.data_dim}), got {tuple(x.shape)}: flatten images with "
                "x.flatten(1)."
            )
        some = next(self.encoder.parameters())
        if x.dtype != some.dtype:
            raise ValueError(f"x is {x.dtype} and the model {some.dtype}: use x.to({some.dtype}).")
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """z (..., B, K) -> parameters of p(x|z), (..., B, D)."""
        return self.decoder(z)

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """log p_theta(x|z) with all constants.

        Args:
            x: data, (B, D).
            z: (S, K): every x under every z, a matrix product. Or (S, B, K): each x has draws of
                its own.

        Returns:
            nats, (S, B).
        """
        if z.ndim == 2:
            return self.likelihood.pairwise(x, self.decode(z))
        return self.likelihood.log_prob(x, self.decode(z))

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw n samples of x, noise included: z ~ N(0, I), x ~ p(x|z), (n, D)."""
        return self.likelihood.sample(self.decode(self._prior(n, generator)), generator)

    @torch.no_grad()
    def sample_means(self, n: int, generator: torch.Generator) -> Tensor:
        """The mean of p(x|z) at n draws z ~ N(0, I): what papers show as samples, (n, D)."""
        return self.likelihood.mean(self.decode(self._prior(n, generator)))

    @torch.no_grad()
    def reconstruct(self, x: Tensor) -> Tensor:
        """The mean of p(x|z) at z = mu(x), (B, D) -> (B, D)."""
        return self.likelihood.mean(self.decode(self.encode(x)[0]))

    def terms(self, x: Tensor, *, generator: torch.Generator, free_bits: float = 0.0) -> Terms:
        """Distortion and rate of a batch, whose sum is the negative ELBO.

        distortion = <-log p(x|z)>_q from one draw z = mu + exp(log_var / 2) eps per sample,
        rate = KL(q(z|x) || N(0, I)) in closed form.

        Args:
            x: data, (B, D).
            generator: of eps. All models of a stack get the same eps.
            free_bits: nats per latent; where the batch mean of a latent's KL is lower, it has no
                gradient, as if max(KL, free_bits) were minimised (Kingma et al. 2016, equation
                15). The rate returned is the true one.

        Returns:
            {"distortion", "rate"}: batch means in nats, 0-d, or (M,) for a stack of models.
        """
        mu, log_var = self.encode(x)
        # All models of a stack share eps: they differ in nothing but what is compared.
        z = reparameterize(mu, log_var, standard_normal(mu.shape[-2:], mu, generator))
        params = self.decode(z)
        if isinstance(self.likelihood, Gaussian):
            self.likelihood.adapt(x, params)
        distortion = -self.likelihood.log_prob(x, params).mean(dim=-1)
        if not free_bits:
            return {"distortion": distortion, "rate": gaussian_kl(mu, log_var).mean(dim=-1)}
        unit = gaussian_kl(mu[..., None], log_var[..., None]).mean(dim=-2)  # (..., K)
        rate = torch.where(unit > free_bits, unit, unit.detach()).sum(dim=-1)
        return {"distortion": distortion, "rate": rate}

    def _prior(self, n: int, generator: torch.Generator) -> Tensor:
        like = next(self.decoder.parameters())
        return standard_normal((n, self.latent_dim), like, generator)


# ---------------------------------------------------------------------- training


def loss(
    generator: torch.Generator, free_bits: float = 0.0
) -> Callable[[VAE, Tensor], dict[str, Tensor]]:
    """The negative ELBO as a loss of two named terms, ready for `training.fit`.

    fit(vae, loss(generator), x, weights={"rate": beta}, ...) minimises distortion + beta rate.

    Args:
        generator: of the draws z ~ q.
        free_bits: see `VAE.terms`.
    """
    return lambda model, x: model.terms(x, generator=generator, free_bits=free_bits)


def kl_warm_up(steps: int, beta: float = 1.0) -> Callable[[int], dict[str, float]]:
    """Weights for `training.fit`: that of the rate grows from 0 to beta in a straight line.

    Early in a fit the decoder ignores z, and the rate alone would switch latents off before they
    are of use. Bowman et al. 2016; Sonderby et al. 2016.

    Args:
        steps: until beta is reached.
        beta: from then on.

    Raises:
        ValueError: if steps is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    return lambda step: {"rate": beta * min(step / steps, 1.0)}


# ---------------------------------------------------------------------- builders


def mlp_vae(
    data_dim: int,
    latent_dim: int,
    *,
    hidden: Sequence[int] = (128, 128),
    likelihood: Likelihood | None = None,
    centre: float = 0.0,
    scale: float = 1.0,
    generator: torch.Generator,
) -> VAE:
    """A VAE of two multilayer perceptrons, the decoder with the widths of the encoder reversed.

    Args:
        data_dim: D.
        latent_dim: K.
        hidden: widths of the encoder's hidden layers.
        likelihood: Bernoulli() if None.
        centre, scale: the encoder sees (x - centre) / scale; scale = n for counts 0 to n.
        generator: of the initial weights.

    Raises:
        ValueError: if a dimension or a width is below 1.
    """
    encoder = mlp((data_dim, *hidden, 2 * latent_dim), generator=generator)
    decoder = mlp((latent_dim, *reversed(hidden), data_dim), generator=generator)
    return VAE(
        Encoder(encoder, latent_dim, centre=centre, scale=scale),
        Decoder(decoder),
        likelihood or Bernoulli(),
    )


def conv_vae(
    size: int,
    latent_dim: int,
    *,
    channels: Sequence[int] = (16, 32),
    likelihood: Likelihood | None = None,
    periodic: bool = False,
    centre: float = 0.0,
    scale: float = 1.0,
    generator: torch.Generator,
) -> VAE:
    """A convolutional VAE for square images, which go in and come out flat, (B, size^2).

    Each layer of the encoder halves the side while it is even (14 -> 7 -> 7, 28 -> 14 -> 7,
    16 -> 8 -> 4); the decoder goes the same way back.

    Args:
        size: pixels along each side.
        latent_dim: K.
        channels: of the encoder's layers; the decoder has them in reverse.
        likelihood: Bernoulli() if None.
        periodic: the image closes on itself, as a density field in a box does: circular padding.
        centre, scale: the encoder sees (x - centre) / scale.
        generator: of the initial weights.

    Raises:
        ValueError: if a size is below 1 or channels is empty.
    """
    if min(size, latent_dim, len(channels), *channels) < 1:
        raise ValueError(f"size, latent_dim and channels must be at least 1, got {channels}.")
    padding = "circular" if periodic else "zeros"
    down: list[nn.Module] = [nn.Unflatten(-1, (1, size, size))]
    up: list[nn.Module] = []
    side = size
    for inputs, outputs in pairwise((1, *channels)):
        factor = 2 if side % 2 == 0 else 1
        # A kernel of 4 with stride 2 covers every pixel equally often; 3 keeps the side.
        down += [
            nn.Conv2d(inputs, outputs, 2 + factor, factor, padding=1, padding_mode=padding),
            nn.SiLU(),
        ]
        # The way back, to be reversed: factor^2 times the channels, then spread over pixels.
        up += [
            nn.PixelShuffle(factor),
            nn.Conv2d(outputs, inputs * factor**2, 3, padding=1, padding_mode=padding),
            nn.SiLU(),
        ]
        side //= factor
    inner = channels[-1] * side**2
    encoder = nn.Sequential(*down, nn.Flatten(-3), nn.Linear(inner, 2 * latent_dim))
    decoder = nn.Sequential(
        nn.Linear(latent_dim, inner),
        nn.Unflatten(-1, (channels[-1], side, side)),
        *reversed(up),
        nn.Flatten(-3),
    )
    _initialise(encoder, generator)
    _initialise(decoder, generator)
    return VAE(
        Encoder(_Batched(encoder), latent_dim, centre=centre, scale=scale),
        Decoder(_Batched(decoder)),
        likelihood or Bernoulli(),
    )


def linear_vae(
    data_dim: int,
    latent_dim: int,
    *,
    sigma: float = 1.0,
    kind: SigmaKind = "learned",
    generator: torch.Generator,
) -> VAE:
    """A VAE without hidden layers: its best ELBO is probabilistic PCA's log-likelihood.

    z | x ~ N(A x + c, diag exp log_var), x | z ~ N(W z + b, sigma^2 I). The posterior of
    probabilistic PCA is of this form once the columns of W are orthogonal, so that no gap remains
    (Lucas, Tucker, Grosse and Norouzi 2019).

    Args:
        data_dim: D.
        latent_dim: K.
        sigma, kind: of the Gaussian likelihood, see `Gaussian`.
        generator: of the initial weights.

    Raises:
        ValueError: if a dimension is below 1.
    """
    encoder = LinearEncoder(data_dim, latent_dim, generator=generator)
    decoder = Decoder(mlp((latent_dim, data_dim), generator=generator))
    return VAE(encoder, decoder, Gaussian(sigma, kind))


def as_ppca(vae: VAE) -> PPCA:
    """The probabilistic PCA that the generative side of a linear VAE is, in float64.

    Raises:
        ValueError: if the decoder has hidden layers or the likelihood is not Gaussian.
    """
    decoder: Any = vae.decoder
    layers = list(decoder.network.children())
    linear = len(layers) == 1 and isinstance(layers[0], nn.Linear)
    if not linear or not isinstance(vae.likelihood, Gaussian):
        raise ValueError("Only a VAE built by `linear_vae` is a probabilistic PCA.")
    W, b = (p.detach().double() for p in layers[0].parameters())  # weight (D, K), bias (D,)
    return PPCA(W, b, float(vae.likelihood.sigma))


class _Batched(nn.Module):
    """Lets a network that wants exactly one batch axis take any number of them."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        out = self.network(x.reshape(-1, x.shape[-1]))  # (..., B, D) -> (... B, D)
        return out.reshape(*x.shape[:-1], -1)


def _initialise(network: nn.Module, generator: torch.Generator) -> None:
    """Weights and biases uniform in +-1/sqrt(inputs), as torch does it, from the generator."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for parameter in layer.parameters():
                nn.init.uniform_(parameter, -bound, bound, generator=generator)
