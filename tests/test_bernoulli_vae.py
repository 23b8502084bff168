"""The VAE of lecture 06 in the course's own hand, and the mark that it sets for a student's."""

import pytest
import torch
from torch import Tensor, nn

from course_utils import vae
from course_utils.estimates import mean_and_error
from course_utils.exercises.lecture06 import VAE as exercise
from course_utils.simulators.sprites import enumerated_sprites


def test_its_loss_is_the_negative_elbo_at_the_given_draw() -> None:
    torch.manual_seed(1)
    model = vae.BernoulliVAE(12, 3).double()
    x, eps = torch.rand(5, 12).round().double(), torch.randn(5, 3).double()
    mu, log_var = model.encode(x)
    q = torch.distributions.Normal(mu, (log_var / 2).exp())
    pixels = torch.distributions.Bernoulli(logits=model.decode(mu + q.scale * eps))
    prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    kl = torch.distributions.kl_divergence(q, prior).sum(1)
    right = (kl - pixels.log_prob(x).sum(1)).mean()
    assert model.loss(x, eps).item() == pytest.approx(right.item(), rel=1e-9)


def test_the_global_generator_decides_its_start() -> None:
    starts = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        starts.append(next(vae.BernoulliVAE(12, 3).parameters()))
    assert torch.equal(starts[0], starts[1]) and not torch.equal(starts[0], starts[2])


def test_the_mark_of_the_exercise_is_what_the_courses_own_model_reaches() -> None:
    world, generator = enumerated_sprites(8), torch.Generator().manual_seed(5)
    x, held_out = (world.sample(n, generator=generator) for n in (6000, 2000))
    eps = torch.randn(len(x), exercise.LATENTS, generator=generator)
    torch.manual_seed(5)
    model = vae.BernoulliVAE(x.shape[1], exercise.LATENTS)
    adam = torch.optim.Adam(model.parameters(), lr=exercise.LEARNING_RATE)
    for step in range(exercise.STEPS):
        at = step % (len(x) // exercise.BATCH) * exercise.BATCH
        rows = slice(at, at + exercise.BATCH)
        adam.zero_grad()
        model.loss(x[rows], eps[rows]).backward()
        adam.step()
    bound = vae.evaluate_elbo(model, held_out, samples=4, generator=generator)
    nats, _ = mean_and_error(world.log_prob(held_out) - bound)
    # Other seeds lie up to half a nat away; a mark that is off by one would judge otherwise.
    assert nats == pytest.approx(exercise.OURS, abs=1.0)


class Written(nn.Module):
    """A student's: nothing but two networks, with a batch axis and no more."""

    def __init__(self, twin: vae.BernoulliVAE) -> None:
        super().__init__()
        self.twin = twin

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        assert x.ndim == 2
        return self.twin.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        assert z.ndim == 2
        return self.twin.decode(z)


def test_whatever_has_an_encoder_and_a_decoder_is_evaluated() -> None:
    torch.manual_seed(1)
    twin = vae.BernoulliVAE(12, 2)
    x = torch.rand(5, 12).round()

    def numbers(model: vae.TwoNetworks) -> list[Tensor]:
        generator = torch.Generator().manual_seed(2)
        gap = vae.inference_gap(model, x, steps=3, generator=generator)
        return [
            vae.evaluate_elbo(model, x, samples=3, generator=generator),
            vae.importance_weighted(model, x, samples=7, generator=generator, chunk=2),
            vae.exact_log_evidence(model, x),
            vae.kl_per_unit(model, x),
            vae.latent_means(model, x),
            gap.evidence,
            gap.elbo_refined,
        ]

    for own, ours in zip(numbers(Written(twin)), numbers(twin), strict=True):
        assert torch.equal(own, ours)
    with pytest.raises(ValueError, match="K = 1 or 2 latents, this model has 3"):
        vae.exact_log_evidence(Written(vae.BernoulliVAE(12, 3)), x)
