"""Conditional diffusion, straight paths and how their draws are judged, against closed forms."""

import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor

from course_utils import diffusion, training
from course_utils.densities import Gaussian
from course_utils.diffusion import LabelledNetwork

F64 = torch.float64


# ---------------------------------------------------------------------- noise, score, data


def test_tweedies_formula_is_predict_x0() -> None:
    x_t, eps, bar = normal(5, 3), normal(5, 3, seed=1), torch.linspace(0.1, 0.9, 5, dtype=F64)
    score = diffusion.score_from_noise(eps, bar)
    tweedie = (x_t + (1 - bar)[:, None] * score) / bar.sqrt()[:, None]
    assert torch.allclose(tweedie, diffusion.predict_x0(x_t, bar, eps))


def test_the_score_is_the_gradient_of_a_gaussians_noisy_density() -> None:
    data = diffusion.diffused(Gaussian(normal(2), torch.diag(torch.tensor([0.5, 2.0], dtype=F64))))
    x_t = normal(6, 2, seed=1).requires_grad_()
    bar = torch.linspace(0.05, 0.95, 6, dtype=F64)
    (slope,) = torch.autograd.grad(data.log_prob(x_t, bar).sum(), x_t)
    assert torch.allclose(diffusion.score_from_noise(data.eps(x_t, bar), bar), slope)


def test_the_simple_loss_is_the_denoising_loss_at_random_steps() -> None:
    """At the best denoiser of N(0, I) the loss is known: D (1 - sum of shares of noise)."""
    bars = diffusion.alpha_bars(diffusion.cosine_betas(20))
    t = torch.arange(20).repeat(4000)
    x0, eps = normal(len(t), 2), normal(len(t), 2, seed=1)

    def best(x_t: Tensor, t: Tensor) -> Tensor:
        return (1 - bars[t]).sqrt()[:, None] * x_t

    found = diffusion.denoising_loss(best, x0, bars, t, eps)
    exact = 2 * bars.mean()
    # The squared error has a standard deviation below 2 here: four standard errors.
    assert abs(found - exact) < 4 * 2 / math.sqrt(len(t))
    images = diffusion.denoising_loss(
        lambda x, t: best(x.flatten(1), t).reshape(x.shape),
        x0.reshape(-1, 1, 2, 1),
        bars,
        t,
        eps.reshape(-1, 1, 2, 1),
    )
    assert torch.allclose(images, found)


# ---------------------------------------------------------------------- without noise


def test_ddim_follows_the_ode_and_needs_few_steps() -> None:
    density = Gaussian(
        torch.tensor([0.4, -0.3], dtype=F64), torch.tensor([[1.2, 0.5], [0.5, 0.7]], dtype=F64)
    )
    eps = diffusion.diffused(density).eps
    noise = normal(50, 2)
    end = diffusion.probability_flow(eps, noise, steps=64)
    errors = []
    for steps in (20, 40, 80):
        path = diffusion.ddim_path(eps, noise, diffusion.Schedule(diffusion.cosine_betas(steps)))
        assert path.shape == (steps + 1, 50, 2) and torch.equal(path[0], noise)
        errors.append(float((path[-1] - end).abs().mean()))
    assert errors[0] < 0.15 and errors[0] > 1.5 * errors[1] > 1.5**2 * errors[2]


def test_a_straight_path_has_both_ends_and_one_velocity() -> None:
    noise, data = normal(4, 3, 2), normal(4, 3, 2, seed=1)
    t = torch.tensor([0.0, 0.3, 0.8, 1.0], dtype=F64)
    x_t, velocity = diffusion.flow_matching_pair(noise, data, t)
    assert torch.equal(x_t[0], noise[0]) and torch.allclose(x_t[3], data[3])
    assert torch.allclose(x_t + (1 - t).reshape(-1, 1, 1) * velocity, data)
    share = diffusion.signal_share(t)
    assert share[0] == 0 and share[3] == 1 and share[1] == pytest.approx(0.09 / (0.09 + 0.49))


def test_the_best_velocity_carries_noise_to_a_gaussian() -> None:
    """Data N(m, s^2): <data - noise | x_t> is linear, and Euler's steps end in N(m, s^2)."""
    m, s = 1.5, 0.4

    def velocity(x: Tensor, t: Tensor) -> Tensor:
        t = t[:, None]
        variance = (1 - t) ** 2 + t**2 * s**2
        slope = (t * s**2 - (1 - t)) / variance
        return m + slope * (x - t * m)

    path = diffusion.straight_path(velocity, normal(40_000, 1), steps=200)
    assert path.shape == (201, 40_000, 1)
    # Four standard errors, and what 200 steps of Euler leave.
    assert abs(path[-1].mean() - m) < 4 * s / 200 + 0.01
    assert abs(path[-1].std() / s - 1) < 4 / math.sqrt(80_000) + 0.02
    with pytest.raises(ValueError, match="at least 1"):
        diffusion.straight_path(velocity, normal(2, 1), steps=0)


# ---------------------------------------------------------------------- told what to draw


def test_guidance_lies_on_the_line_through_both_predictions() -> None:
    told, untold = normal(5, 2), normal(5, 2, seed=1)
    assert torch.equal(diffusion.guided_noise(told, untold, 0.0), untold)
    assert torch.allclose(diffusion.guided_noise(told, untold, 1.0), told)
    assert torch.allclose(diffusion.guided_noise(told, untold, 3.0), 3 * told - 2 * untold)


def test_a_guided_denoiser_asks_for_its_label() -> None:
    label = torch.tensor([0, 2, 1])
    denoiser = diffusion.guided(
        lambda x, a, label: x + label[:, None], lambda x, a: x, label, scale=2.0
    )
    x = normal(3, 2)
    assert torch.equal(denoiser(x, torch.ones(3)), x + 2 * label[:, None])
    own = diffusion.guided(
        lambda x, a, label: x, lambda x, a: -x, label, 2.0, combine=lambda told, untold, s: untold
    )
    assert torch.equal(own(x, torch.ones(3)), -x)
    with pytest.raises(ValueError, match="finite"):
        diffusion.guided(lambda x, a, label: x, lambda x, a: x, label, math.inf)


def test_a_share_of_the_labels_is_forgotten() -> None:
    label = torch.arange(4).repeat(5000)
    left = diffusion.forget_labels(label, 4, 0.2, seeded())
    kept = left != 4
    assert torch.equal(left[kept], label[kept])
    # Binomial with 20,000 draws: four standard deviations.
    assert abs((~kept).double().mean() - 0.2) < 4 * math.sqrt(0.16 / 20_000)


def test_the_labelled_network_predicts_all_of_the_noise_where_all_is_noise() -> None:
    network = LabelledNetwork(3, 2, width=8, blocks=1, generator=seeded()).double()
    x, label = normal(4, 3), torch.tensor([0, 1, 2, 0])
    assert network.nothing == 2
    assert torch.allclose(network(x, torch.zeros(4, dtype=F64), label), x)
    velocity = LabelledNetwork(
        3, 2, predicts="velocity", width=8, blocks=1, generator=seeded()
    ).double()
    bar = torch.full((4,), 0.3, dtype=F64)
    # One network, two readings: eps_hat = sqrt(1 - a) x + sqrt(a) F.
    assert torch.allclose(network(x, bar, label), 0.7**0.5 * x + 0.3**0.5 * velocity(x, bar, label))
    with pytest.raises(ValueError, match="predicts must be"):
        LabelledNetwork(3, 2, predicts="score", generator=seeded())


def test_the_labelled_network_learns_what_a_label_means() -> None:
    generator = seeded(3)
    label = torch.arange(2).repeat(500)
    x0 = torch.where(label[:, None] > 0, 1.0, -1.0) + 0.1 * torch.randn(
        1000, 2, generator=generator
    )
    schedule = diffusion.Schedule(diffusion.cosine_betas(50))
    bars = schedule.alpha_bars.float()

    def loss(model: LabelledNetwork, x: Tensor, label: Tensor) -> Tensor:
        label = diffusion.forget_labels(label, model.nothing, 0.2, generator)
        t = torch.randint(50, (len(x),), generator=generator)
        eps = torch.randn(x.shape, generator=generator)
        return diffusion.denoising_loss(lambda x, t: model(x, bars[t], label), x, bars, t, eps)

    network = LabelledNetwork(2, 2, width=32, blocks=2, generator=generator)
    training.fit(network, loss, (x0, label), steps=400, lr=5e-3, generator=generator)
    asked = torch.arange(2).repeat(100)

    def untold(x: Tensor, alpha_bar: Tensor) -> Tensor:
        return network(x, alpha_bar, torch.full((len(x),), network.nothing))

    noise = torch.randn(200, 2, generator=generator)
    told = diffusion.guided(network, untold, asked, 1.0)
    with torch.no_grad():
        x = diffusion.ddim_path(told, noise, schedule)[-1]
        free = diffusion.ddim_path(untold, noise, schedule)[-1]
    assert diffusion.recognised(x, asked, x0, label) > 0.95
    assert 0.3 < diffusion.recognised(free, asked, x0, label) < 0.7


# ---------------------------------------------------------------------- judged


def test_draws_are_recognised_by_their_nearest_neighbour() -> None:
    known, labels = torch.tensor([[0.0, 0.0], [1.0, 1.0]]), torch.tensor([3, 7])
    x = torch.tensor([[0.1, 0.0], [0.9, 1.0], [0.8, 0.7], [0.2, 0.1]])
    assert diffusion.recognised(x, torch.tensor([3, 7, 3, 7]), known, labels) == 0.5


def test_draws_that_repeat_each_other_have_few_neighbours() -> None:
    known = torch.tensor([[0.0], [1.0], [2.0], [3.0]])
    assert diffusion.different_neighbours(torch.tensor([[0.1], [0.2], [1.1], [0.9]]), known) == 2
    assert diffusion.different_neighbours(known, known) == 4


def test_the_spread_within_a_label_ignores_what_differs_between_labels() -> None:
    labels = torch.arange(3).repeat(20_000)
    x = 0.5 * normal(60_000, 4) + 10.0 * labels[:, None]
    # sqrt(4 * 0.25) = 1; the standard error of a deviation over 20,000 * 4 numbers, four of them.
    assert diffusion.spread_within(x, labels) == pytest.approx(1, abs=4 / math.sqrt(160_000))


# ---------------------------------------------------------------------- binary pixels


def test_binary_draws_have_the_odds_of_independent_coins() -> None:
    """For fair coins the network that says nothing is exact."""
    model = diffusion.BinaryNoisePredictor(6, hidden=(4,), generator=seeded())
    betas = diffusion.log_snr_betas(60, 2.0, -6.0)
    x = diffusion.binary_sample(model, 4000, betas, generator=seeded(1))
    assert set(x.unique().tolist()) == {0.0, 1.0}
    # 24,000 fair coins, and as many pairs: four standard errors.
    assert abs(x.mean() - 0.5) < 4 * 0.5 / math.sqrt(24_000)
    assert abs(torch.corrcoef(x.T) - torch.eye(6)).max() < 4.5 / math.sqrt(4000)
