"""Bits-back coding of discrete images with a latent-variable model.

To code x: pop z ~ q(z|x) from the message so far, push x by p(x|z), push z by p(z). The pop
returns log 1/q(z|x) bits, so an image costs -log p(x|z) - log p(z) + log q(z|x), on average its
negative ELBO. The receiver does the same backwards, and needs the encoder too: it must push z
by q(z|x) to find the message as it was. Frey and Hinton 1997; Townsend, Bird and Barber 2019.

Latents are cut into 2^bits bins of equal mass under the prior, so that p(z) costs exactly `bits`
per dimension. The bins' width cancels between p and q as long as q covers several bins.

The bits from which z is drawn are those of the images before, and they are not quite random: the
last ones coded the latents of another image by the prior, which encoders never match. Such "dirty
bits" (Townsend et al. 2019) draw z from something else than q, and the mean cost is not
the ELBO. So a pad of pseudo-random bits that both sides know is added to them modulo 2.

Both directions must find the same whole numbers. So the networks run in float64, on one thread,
on the same batches (a matrix product differs in its last digits with the size of a batch), and
every float becomes a whole number in one place.
"""

import copy
import hashlib
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from .ans import quantise
from .lanes import PRECISION, GaussianBins, Lanes, Table, Uniform, bin_centres, random_pad

ELBO_IMAGES = 1000  # at once, to keep (B, D, levels) small
MOST_BITS = 20  # per latent: the table of all bins has 2^20 edges, in ordinary numbers


def bits_back_length(log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor) -> Tensor:
    """Net bits that bits-back coding spends on each image.

    (-log p(x|z) - log p(z) + log q(z|x)) / log 2.

    Frey and Hinton 1997. Its mean over z ~ q(z|x) is the negative ELBO in bits.

    Args:
        log_likelihood: log p(x|z), nats, (B,).
        log_prior: log p(z), nats, (B,).
        log_posterior: log q(z|x), nats, (B,).

    Returns:
        Bits, (B,).

    Raises:
        ValueError: if the shapes differ.
    """
    if not log_likelihood.shape == log_prior.shape == log_posterior.shape:
        raise ValueError(
            f"One number for each image in each of the three: {tuple(log_likelihood.shape)}, "
            f"{tuple(log_prior.shape)} and {tuple(log_posterior.shape)} must be one shape."
        )
    return (log_posterior - log_likelihood - log_prior) / math.log(2)


# ---------------------------------------------------------------------- the model


@dataclass(frozen=True)
class LatentModel:
    """A latent-variable model of images with pixels 0 .. levels - 1, as plain functions.

    z ~ N(0, I_K); each pixel ~ Binomial(levels - 1, sigmoid(logit)), which is a Bernoulli
    variable for two levels; q(z|x) = N(mu, diag exp log_var). Both functions take and return
    float64 on the CPU, and give the same numbers at every call.
    """

    encode: Callable[[Tensor], tuple[Tensor, Tensor]]  # x (B, D) -> mu, log_var (B, K)
    decode: Callable[[Tensor], Tensor]  # z (B, K) -> logits (B, D)
    levels: int
    encoder_weights: tuple[Tensor, ...]  # what the functions depend on, for the fingerprint
    decoder_weights: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        if not 2 <= self.levels <= 1024:
            raise ValueError(f"levels must lie between 2 and 1024, got {self.levels}.")

    def fingerprint(self) -> str:
        """A hash of all weights and the levels: another model has another one."""
        digest = hashlib.sha256(f"levels {self.levels}".encode())
        for w in (*self.encoder_weights, *self.decoder_weights):
            digest.update(f"{w.dtype} {tuple(w.shape)}".encode())
            digest.update(w.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def latent_model(module: nn.Module, levels: int) -> LatentModel:
    """A trained module as a model to code with: a frozen copy in float64, in evaluation mode.

    Args:
        module: `module.encode(x)` gives (mu, log_var), `module.decode(z)` gives logits, and
            `module.decoder` is the part that decode uses. Not changed.
        levels: pixel values, 0 .. levels - 1: 2 for Bernoulli, 17 for counts up to 16.

    Raises:
        ValueError: if the module lacks one of these, or levels is not between 2 and 1024.
    """
    missing = [name for name in ("encode", "decode", "decoder") if not hasattr(module, name)]
    if missing:
        raise ValueError(f"The module needs encode, decode and decoder; it lacks {missing}.")
    weights = module.state_dict()
    is_decoder = {name: name.startswith("decoder.") for name in weights}
    frozen: Any = copy.deepcopy(module).cpu().double().eval().requires_grad_(False)
    return LatentModel(
        frozen.encode,
        frozen.decode,
        levels,
        tuple(w.detach().clone() for name, w in weights.items() if not is_decoder[name]),
        tuple(w.detach().clone() for name, w in weights.items() if is_decoder[name]),
    )


def count_log_probs(logits: Tensor, levels: int) -> Tensor:
    """log Binomial(k; levels - 1, sigmoid(logit)) of each level k, nats: (...) -> (..., levels)."""
    n = levels - 1
    k = torch.arange(levels, dtype=logits.dtype)
    choose = math.lgamma(n + 1) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)
    logits = logits.unsqueeze(-1)
    log_p, log_not_p = nn.functional.logsigmoid(logits), nn.functional.logsigmoid(-logits)
    return choose + k * log_p + (n - k) * log_not_p


def negative_elbo_bits(
    images: Tensor, model: LatentModel, *, samples: int = 8, generator: torch.Generator
) -> tuple[float, float]:
    """Negative ELBO of images, continuous latents, and the standard error of its draws.

    < log q(z|x) - log p(x|z) - log p(z) > / log 2, z ~ q(z|x), averaged over the images: what
    bits-back coding needs for each if nothing is lost to bins and whole numbers.

    Args:
        images: whole numbers 0 .. levels - 1, (N, ...).
        model: as for `encode_images`.
        samples: S draws of z for each image, at least 2.
        generator: draws z.

    Returns:
        (bits per image, standard error). The images are given: the error is that of z alone.

    Raises:
        ValueError: if samples is below 2, or images or model are unfit for coding.
    """
    if samples < 2:
        raise ValueError(f"samples must be at least 2, for their spread is the error: {samples}.")
    x = pixels(images, model.levels)
    parts = [x[i : i + ELBO_IMAGES] for i in range(0, len(x), ELBO_IMAGES)]
    with exact_arithmetic():
        bits = [
            _draw_lengths(part, model, samples, generator)
            for part in tqdm(parts, "ELBO", delay=2, leave=False)
        ]
    per_image = torch.cat(bits, dim=1)  # (S, N)
    variance = per_image.var(0).mean() / samples / len(x)  # of the mean over all images
    return float(per_image.mean()), float(variance.sqrt())


def _draw_lengths(
    x: np.ndarray, model: LatentModel, samples: int, generator: torch.Generator
) -> Tensor:
    """Bits for each of S draws of z ~ q(z|x), (S, B)."""
    mu, sigma = _posterior(x, model)
    values = torch.tensor(x.astype(np.int64)).unsqueeze(-1)  # (B, D) -> (B, D, 1)
    half_log_2_pi = math.log(2 * math.pi) / 2
    lengths = []
    for _ in range(samples):
        eps = torch.randn(
            mu.shape, generator=generator, dtype=mu.dtype, device=generator.device
        ).cpu()
        z = mu + sigma * eps
        log_p = count_log_probs(_logits(z, x.shape[1], model), model.levels)
        log_prior = (-z.square() / 2 - half_log_2_pi).sum(-1)
        log_q = (-eps.square() / 2 - half_log_2_pi - sigma.log()).sum(-1)
        log_likelihood = log_p.gather(-1, values).squeeze(-1).sum(-1)
        lengths.append(bits_back_length(log_likelihood, log_prior, log_q))
    return torch.stack(lengths)


# ---------------------------------------------------------------------- coding


def encode_images(
    images: np.ndarray,
    model: LatentModel,
    *,
    seed: int,
    bits: int = 14,
    batch: int = 8,
    lanes: int = 16,
) -> tuple[Lanes, int]:
    """All images in one chain, so that each draws its latents from the bits of those before.

    Args:
        images: pixels as `pixels` gives them, (N, D).
        model: see `LatentModel`.
        seed: of the random bits from which the first latents are drawn, and of the pads.
        bits: of each latent, 2^bits bins.
        batch: images that go through the networks together. More are faster, and need more
            initial bits, for they cannot draw their latents from one another.
        lanes: see `Lanes`.

    Returns:
        (the message, K).

    Raises:
        ValueError: if a setting makes no sense, or the model's answers do not fit or are not the
            same twice.
    """
    if not (1 <= bits <= MOST_BITS and 1 <= batch <= 65_536 and 1 <= lanes <= 65_536):
        raise ValueError(
            f"bits must lie between 1 and {MOST_BITS}, batch and lanes between 1 and 65536: got "
            f"{bits}, {batch} and {lanes}."
        )
    message = Lanes.fresh(lanes, seed)
    with exact_arithmetic():
        latent_dim = _posterior(images[:batch], model)[0].shape[1]
        _require_repeatable(images[:batch], latent_dim, model)
        # The last first: the receiver finds the first image first.
        batches = range(0, len(images), batch)
        for i in tqdm(reversed(batches), "encode", len(batches), delay=2, leave=False):
            x = images[i : i + batch]
            _push_images(message, x, model, bits, random_pad(seed, i, len(x) * latent_dim))
    return message, latent_dim


def decode_images(
    message: Lanes,
    shape: tuple[int, int],
    model: LatentModel,
    *,
    latent_dim: int,
    seed: int,
    bits: int = 14,
    batch: int = 8,
) -> np.ndarray:
    """The images of a message, which is left as it was before they were coded.

    Args:
        message: from `encode_images`; taken apart.
        shape: (N, D).
        model: the one that encoded.
        latent_dim: K.
        seed: as encoded.
        bits: as encoded.
        batch: as encoded.

    Returns:
        (N, D), uint64.

    Raises:
        ValueError: if the model's answers do not fit, or the message ends too early.
    """
    images = np.empty(shape, np.uint64)
    with exact_arithmetic():
        for i in tqdm(range(0, len(images), batch), "decode", delay=2, leave=False):
            part = images[i : i + batch]
            pad = random_pad(seed, i, len(part) * latent_dim)
            part[:] = _pop_images(message, part.shape, model, bits, pad)
    return images


def _push_images(
    message: Lanes, x: np.ndarray, model: LatentModel, bits: int, pad: np.ndarray
) -> None:
    """Code a batch (B, D): z ~ q(z|x) off the message, x by p(x|z) and z by p(z) onto it."""
    q = _posterior_bins(x, model, bits)
    z = message.pop(q, len(pad), pad)  # (B K,), as numbers of bins
    message.push(_likelihood(z, x.shape, model, bits), x.ravel())
    message.push(Uniform(bits), z)


def _pop_images(
    message: Lanes, shape: tuple[int, ...], model: LatentModel, bits: int, pad: np.ndarray
) -> np.ndarray:
    """The steps of `_push_images` backwards, each by its inverse."""
    z = message.pop(Uniform(bits), len(pad))
    x = message.pop(_likelihood(z, shape, model, bits), math.prod(shape)).reshape(shape)  # (B, D)
    message.push(_posterior_bins(x, model, bits), z, pad)
    return x


def _posterior_bins(x: np.ndarray, model: LatentModel, bits: int) -> GaussianBins:
    mu, sigma = _posterior(x, model)
    return GaussianBins(mu.ravel().tolist(), sigma.ravel().tolist(), bits)


def _likelihood(z: np.ndarray, shape: tuple[int, ...], model: LatentModel, bits: int) -> Table:
    b, d = shape
    latents = torch.tensor(bin_centres(bits)[z].reshape(b, -1))  # (B K,) -> (B, K)
    probs = count_log_probs(_logits(latents, d, model), model.levels).exp()
    return Table(quantise(probs, PRECISION).reshape(b * d, -1).numpy())  # (B, D, A + 1) -> (B D, )


# ---------------------------------------------------------------------- answers of the model


def _posterior(x: np.ndarray, model: LatentModel) -> tuple[Tensor, Tensor]:
    """mu and sigma of q(z|x), each (B, K) float64."""
    mu, log_var = model.encode(torch.tensor(x.astype(np.float64)))
    _require(mu, "encode", (len(x), *mu.shape[1:2]))
    _require(log_var, "encode", tuple(mu.shape))
    sigma = (log_var / 2).exp()
    if not bool(((sigma > 1e-150) & (sigma < 1e150)).all()):
        raise ValueError("The encoder returned a log_var outside [-690, 690].")
    return mu, sigma


def _logits(z: Tensor, d: int, model: LatentModel) -> Tensor:
    logits = model.decode(z)
    _require(logits, "decode", (len(z), d))
    return logits


def _require(answer: Tensor, name: str, shape: tuple[int, ...]) -> None:
    if tuple(answer.shape) != shape or answer.dtype != torch.float64:
        raise ValueError(
            f"The model's {name} must return {shape} in float64 for a batch of {shape[0]}, it "
            f"returned {tuple(answer.shape)} in {answer.dtype}. latent_model() makes it float64."
        )
    if not bool(answer.isfinite().all()):
        raise ValueError(f"The model's {name} returned NaN or infinity: there is no code for it.")


def _require_repeatable(x: np.ndarray, latent_dim: int, model: LatentModel) -> None:
    """A model with dropout, say, would write files that nobody can read."""
    z = torch.zeros(len(x), latent_dim, dtype=torch.float64)
    for first, second in (
        (_posterior(x, model), _posterior(x, model)),
        ((_logits(z, x.shape[1], model),), (_logits(z, x.shape[1], model),)),
    ):
        if not all(torch.equal(a, b) for a, b in zip(first, second, strict=True)):
            raise ValueError(
                "The model gives other numbers when asked again, and its files could not be read: "
                "put it into evaluation mode, and return mu and log_var instead of a draw."
            )


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """One thread and no gradients: the same sums in the same order each time."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def pixels(images: Tensor, levels: int) -> np.ndarray:
    """Images as whole numbers, each flattened: (N, ...) -> (N, D), uint64.

    Raises:
        ValueError: if there are none, or a pixel is not one of 0 .. levels - 1.
    """
    if images.ndim < 2 or not images.numel():
        raise ValueError(
            f"images must be (N, D) or (N, H, W), at least one, {tuple(images.shape)}."
        )
    flat = images.detach().cpu().reshape(len(images), -1).double()  # (N, ...) -> (N, D)
    if not bool(((flat >= 0) & (flat < levels) & (flat == flat.floor())).all()):
        raise ValueError(
            f"Every pixel must be a whole number from 0 to {levels - 1}, as the model's likelihood "
            "has it: round the images, or code with a model of more levels."
        )
    return flat.numpy().astype(np.uint64)
