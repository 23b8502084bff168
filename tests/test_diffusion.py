"""Diffusion models against closed forms: posteriors, bounds, scores, the ODE and both samplers."""

import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor
from torch.distributions import Independent, MultivariateNormal, Normal, kl_divergence

from course_utils import diffusion
from course_utils.densities import FullMixture, Gaussian, Mixture
from course_utils.diffusion import Schedule

F64 = torch.float64
GAUSSIAN = Gaussian(
    torch.tensor([0.4, -0.3], dtype=F64), torch.tensor([[1.2, 0.5], [0.5, 0.7]], dtype=F64)
)
MIXTURE = Mixture(
    torch.tensor([0.5, 0.3, 0.2], dtype=F64).log(),
    torch.tensor([[1.0, 0.5], [-1.0, 0.4], [0.1, -1.2]], dtype=F64),
    torch.tensor([0.3, 0.4, 0.2], dtype=F64),
)
SLANTED = FullMixture(
    torch.tensor([0.6, 0.4], dtype=F64).log(),
    torch.tensor([[0.8, 0.3], [-0.9, -0.5]], dtype=F64),
    torch.tensor([[[0.5, 0.3], [0.3, 0.4]], [[0.2, -0.1], [-0.1, 0.3]]], dtype=F64),
)
DENSITIES = {"gaussian": GAUSSIAN, "mixture": MIXTURE, "slanted": SLANTED}
LINE = torch.linspace(0.002, 0.4, 50, dtype=F64)  # Ho et al. 2020, section 4, in 50 steps
SCHEDULES = {"linear": LINE, "cosine": diffusion.cosine_betas(50)}
each_schedule = pytest.mark.parametrize("betas", SCHEDULES.values(), ids=SCHEDULES)
each_density = pytest.mark.parametrize("density", DENSITIES.values(), ids=DENSITIES)


def sigma_points(x0: Tensor) -> list[Tensor]:
    """2 D values of eps whose mean is exact for every polynomial of degree 3: no Monte Carlo."""
    d = x0.shape[1]
    axes = math.sqrt(d) * torch.eye(d, dtype=x0.dtype)
    return [sign * axis.expand_as(x0) for axis in axes for sign in (1, -1)]


def exact_elbo(denoiser: diffusion.Denoiser, x0: Tensor, schedule: Schedule) -> Tensor:
    """The ELBO for a linear denoiser, whose losses are quadratic in eps: exact, (B,)."""
    total = diffusion.prior_kl(x0, schedule)
    for step in range(len(schedule)):
        t = torch.full((len(x0),), step)
        losses = [diffusion.step_loss(denoiser, x0, t, schedule, e) for e in sigma_points(x0)]
        total = total + torch.stack(losses).mean(dim=0)
    return -total


def chain_marginal(density: Gaussian, schedule: Schedule) -> MultivariateNormal:
    """p_theta(x_data) of the chain with the exact denoiser, which is linear: one matrix a step."""
    eye = torch.eye(2, dtype=F64)
    mean, cov = torch.zeros(2, dtype=F64), eye
    for t in reversed(range(len(schedule))):
        beta, bar = schedule.betas[t], schedule.alpha_bars[t]
        inverse = torch.linalg.inv(bar * density.cov + (1 - bar) * eye)
        a = (eye - beta * inverse) / (1 - beta).sqrt()
        c = beta / (1 - beta).sqrt() * inverse @ (bar.sqrt() * density.mean)
        mean, cov = a @ mean + c, a @ cov @ a.T + schedule.variances[t] * eye
    return MultivariateNormal(mean, cov)


# ---------------------------------------------------------------------- the schedule, the encoder


@each_schedule
def test_a_schedule_goes_from_data_to_noise(betas):
    bars = diffusion.alpha_bars(betas)
    assert betas.dtype == F64 and bool(((betas > 0) & (betas < 1)).all())
    assert bool((bars.diff() < 0).all()) and bars[0] > 0.9 and bars[-1] < 1e-3
    torch.testing.assert_close(bars.log(), torch.log1p(-betas).cumsum(0))


def test_the_cosine_is_a_cosine():
    bars = diffusion.alpha_bars(diffusion.cosine_betas(40))
    angle = (torch.arange(1, 40, dtype=F64) / 40 + 0.008) / 1.008 * math.pi / 2  # all but the last
    first = math.cos(0.008 / 1.008 * math.pi / 2)
    torch.testing.assert_close(bars[:-1].sqrt(), angle.cos() / first)


@each_schedule
def test_many_small_steps_are_one_large_one(betas):
    """The chain q(x_t | x_{t-1}), mean and variance followed step by step, against `diffuse`."""
    x0, eps = normal(4, 3, seed=1), normal(4, 3, seed=2)
    mean, variance = x0, torch.zeros((), dtype=F64)
    for t, beta in enumerate(betas):
        mean, variance = (1 - beta).sqrt() * mean, (1 - beta) * variance + beta
        bar = diffusion.alpha_bars(betas)[t].expand(4)
        x_t = diffusion.diffuse(x0, bar, eps)
        torch.testing.assert_close(x_t, mean + variance.sqrt() * eps)


def test_the_marginals_of_a_walk_have_the_moments_of_one_jump():
    """100 000 walkers, drawn step by step. 5 errors, 12 numbers: false alarms 1 in 10^5."""
    n, betas = 100_000, diffusion.cosine_betas(20)
    x, g = GAUSSIAN.sample(n, generator=seeded(1)), seeded(2)
    for t, beta in enumerate(betas):
        x = (1 - beta).sqrt() * x + beta.sqrt() * torch.randn(n, 2, generator=g, dtype=F64)
        if t in (2, 10, 16):
            bar = diffusion.alpha_bars(betas)[t]
            variance = bar * GAUSSIAN.cov.diagonal() + 1 - bar
            error = (variance / n).sqrt()
            assert bool(((x.mean(0) - bar.sqrt() * GAUSSIAN.mean).abs() < 5 * error).all())
            assert bool(((x.var(0) / variance - 1).abs() < 5 * math.sqrt(2 / n)).all())


def test_samples_of_any_shape_have_their_own_noise_level():
    alpha_bar = torch.tensor([0.9, 0.1], dtype=F64)
    x0, eps = normal(2, 3, 4, 4), normal(2, 3, 4, 4, seed=1)
    x_t = diffusion.diffuse(x0, alpha_bar, eps)
    for i in range(2):
        alone = diffusion.diffuse(x0[i : i + 1], alpha_bar[i : i + 1], eps[i : i + 1])
        torch.testing.assert_close(x_t[i : i + 1], alone)
    torch.testing.assert_close(diffusion.predict_x0(x_t, alpha_bar, eps), x0)


@each_schedule
@pytest.mark.parametrize("t", [1, 20, 49])
def test_the_posterior_is_that_of_bayes(betas, t):
    """log q(x_{t-1} | x_t, x_data) = log q(x_t | x_{t-1}) q(x_{t-1} | x_data) / q(x_t | x_data)."""
    x0, x_t, x = normal(5), normal(5, seed=1), normal(5, seed=2)
    bars = diffusion.alpha_bars(betas)

    def q(x: Tensor, start: Tensor, share: Tensor) -> Tensor:
        return Normal(share.sqrt() * start, (1 - share).sqrt()).log_prob(x)

    bayes = q(x_t, x, 1 - betas[t]) + q(x, x0, bars[t - 1]) - q(x_t, x0, bars[t])
    mean, variance = diffusion.posterior(x_t, x0, t, betas)
    torch.testing.assert_close(Normal(mean, variance.sqrt()).log_prob(x), bayes)


def test_the_last_posterior_is_x0_itself():
    betas = diffusion.cosine_betas(10)
    mean, variance = diffusion.posterior(normal(3), normal(3, seed=1), 0, betas)
    torch.testing.assert_close(mean, normal(3, seed=1))
    assert variance == 0


@each_schedule
@pytest.mark.parametrize("t", [0, 1, 30])
def test_a_step_back_is_a_draw_from_the_posterior(betas, t):
    x0, eps, noise = normal(3, 2), normal(3, 2, seed=1), normal(3, 2, seed=2)
    x_t = diffusion.diffuse(x0, diffusion.alpha_bars(betas)[t].expand(3), eps)
    mean, variance = diffusion.posterior(x_t, x0, t, betas)
    step = diffusion.ddpm_step(x_t, t, eps, betas, noise)
    torch.testing.assert_close(step, mean + variance.sqrt() * noise)


# ---------------------------------------------------------------------- the ELBO


@each_schedule
@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_each_term_is_the_kl_of_two_gaussians(betas, factor):
    """`step_loss` against torch's KL between the posterior and the model's step."""
    schedule = Schedule(betas, factor * betas)
    x0, eps = normal(4, 3), normal(4, 3, seed=1)

    def denoiser(x: Tensor, alpha_bar: Tensor) -> Tensor:
        return 0.7 * x + alpha_bar[:, None]

    def gaussian(mean: Tensor, variance: Tensor) -> Independent:
        return Independent(Normal(mean, variance.sqrt()), 1)

    for t in (0, 1, 25, 49):
        bar = schedule.alpha_bars[t].expand(4)
        x_t = diffusion.diffuse(x0, bar, eps)
        zero = torch.zeros_like(x0)
        mean = diffusion.ddpm_step(x_t, t, denoiser(x_t, bar), betas, zero)
        p = gaussian(mean, schedule.variances[t])
        if t > 0:
            q_mean, q_variance = diffusion.posterior(x_t, x0, t, betas)
            expected = kl_divergence(gaussian(q_mean, q_variance), p)
        else:
            expected = -p.log_prob(x0)
        loss = diffusion.step_loss(denoiser, x0, torch.full((4,), t), schedule, eps)
        torch.testing.assert_close(loss, expected)


def test_the_last_term_is_the_kl_to_the_prior():
    schedule = Schedule(torch.linspace(0.1, 20, 30, dtype=F64) / 30)
    x0, bar = normal(4, 3), schedule.alpha_bars[-1]
    q = Independent(Normal(bar.sqrt() * x0, (1 - bar).sqrt()), 1)
    p = Independent(Normal(torch.zeros_like(x0), 1.0), 1)
    torch.testing.assert_close(diffusion.prior_kl(x0, schedule), kl_divergence(q, p))


@each_schedule
def test_the_elbo_is_below_the_evidence_of_the_chain_for_each_point(betas):
    """With a linear denoiser both are exact: no tolerance but rounding."""
    schedule = Schedule(betas)
    x0 = torch.cat([GAUSSIAN.sample(50, generator=seeded()), 4 * normal(10, 2)])
    bound = exact_elbo(diffusion.diffused(GAUSSIAN).eps, x0, schedule)
    gap = chain_marginal(GAUSSIAN, schedule).log_prob(x0) - bound
    assert bool((gap > 0).all())
    assert gap.mean() < 0.3  # a bound that is worth something


def test_the_bound_nears_the_exact_evidence_like_one_over_the_steps():
    """The theorem for Gaussian data and the exact denoiser, which is linear.

    The average over x_data ~ N(m, C) is taken at sigma points too, as all is quadratic: no noise.
    """
    truth = diffusion.diffused(GAUSSIAN)
    root = torch.linalg.cholesky(GAUSSIAN.cov)
    x0 = GAUSSIAN.mean + torch.stack(sigma_points(torch.zeros(1, 2, dtype=F64)))[:, 0] @ root.T
    gaps = []
    for steps in (32, 64, 128, 256):
        schedule = Schedule(diffusion.cosine_betas(steps))
        gaps.append(-GAUSSIAN.entropy - exact_elbo(truth.eps, x0, schedule).mean())
    gaps = torch.stack(gaps)
    assert bool((gaps > 0).all()) and gaps[-1] < 0.02
    ratios = gaps[:-1] / gaps[1:]
    torch.testing.assert_close(ratios, torch.full((3,), 2.0, dtype=F64), rtol=0.1, atol=0)


def test_estimates_of_the_bound_agree_with_the_exact_one():
    """4 errors on 4000 points: false alarms 1 in 16 000.

    A short chain that stops far from the prior: each of its terms is large enough to be missed.
    """
    betas = torch.tensor([0.1, 0.2, 0.3], dtype=F64)
    truth, schedule = diffusion.diffused(GAUSSIAN).eps, Schedule(betas)
    assert diffusion.prior_kl(GAUSSIAN.mean[None], schedule) > 0.1
    x0 = GAUSSIAN.sample(4000, generator=seeded(1))
    exact = exact_elbo(truth, x0, schedule)
    difference = diffusion.elbo(truth, x0, schedule, generator=seeded(2)) - exact
    assert difference.mean().abs() < 4 * difference.std() / math.sqrt(len(x0))
    terms = diffusion.elbo_terms(truth, x0[:5], schedule, generator=seeded(2))
    assert terms.shape == (4, 5)


def test_the_best_variances_beat_both_choices_of_the_paper():
    truth, betas = diffusion.diffused(MIXTURE).eps, diffusion.cosine_betas(10)
    x0 = MIXTURE.sample(4000, generator=seeded(1))
    best = diffusion.best_variances(truth, x0, betas, generator=seeded(2))
    smallest = Schedule(betas).posterior_variances.clamp(min=betas[0])
    chosen = {"best": best, "beta": betas, "posterior": smallest}
    means = {
        name: diffusion.elbo(truth, x0, Schedule(betas, v), generator=seeded(3)).mean()
        for name, v in chosen.items()
    }
    assert bool((best > Schedule(betas).posterior_variances).all())
    assert means["best"] > means["beta"] + 0.01 and means["best"] > means["posterior"] + 0.01


def test_the_best_variances_of_a_gaussian_are_those_of_its_step_back():
    """Mean variance of x_{t-1} given x_t, by Bayes. 5 errors, 3 steps: 1 in 10^6."""
    betas, n = torch.tensor([0.2, 0.4, 0.6], dtype=F64), 20_000
    truth, x0 = diffusion.diffused(GAUSSIAN).eps, GAUSSIAN.sample(n, generator=seeded(1))
    found = diffusion.best_variances(truth, x0, betas, generator=seeded(2))
    eye, before = torch.eye(2, dtype=F64), torch.tensor([1.0, 0.8, 0.48], dtype=F64)
    for t in range(3):
        prior = before[t] * GAUSSIAN.cov + (1 - before[t]) * eye
        cov = torch.linalg.inv(torch.linalg.inv(prior) + (1 - betas[t]) / betas[t] * eye)
        expected = cov.trace() / 2
        assert (found[t] / expected - 1).abs() < 5 * math.sqrt(2 / n)


def test_the_simple_loss_is_the_elbo_with_weights_one():
    """Same t and eps for both: the loss is the mean of (L_t - constant) / w_t."""
    schedule = Schedule(diffusion.cosine_betas(8))
    x0 = normal(64, 2)

    def denoiser(x: Tensor, alpha_bar: Tensor) -> Tensor:
        return 0.5 * x

    loss = diffusion.simple_loss(schedule, seeded(4))(denoiser, x0)
    g = seeded(4)
    start = torch.rand(1, generator=g)
    t = (((start + torch.arange(64) / 64) % 1) * 8).long()
    eps = torch.randn(64, 2, generator=g, dtype=F64)
    assert sorted(t.bincount().tolist()) == [8] * 8  # spread evenly
    terms = diffusion.step_loss(denoiser, x0, t, schedule, eps)
    perfect = diffusion.step_loss(lambda x, a: eps, x0, t, schedule, eps)
    weighted = (terms - perfect) / diffusion.elbo_weights(schedule)[t]
    torch.testing.assert_close(loss, weighted.mean())


# ---------------------------------------------------------------------- exact truth


@each_density
def test_the_diffused_density_is_the_convolution(density):
    """Against the density of the noised sample, as a mixture built by hand."""
    truth, x = diffusion.diffused(density), normal(6, 2)
    torch.testing.assert_close(truth.log_prob(x, torch.ones(6, dtype=F64)), density.log_prob(x))
    bar = 0.6
    eye = torch.eye(2, dtype=F64)
    if density is GAUSSIAN:
        noised = Gaussian(bar**0.5 * density.mean, bar * density.cov + (1 - bar) * eye)
    elif density is MIXTURE:
        sigmas = (bar * density.sigmas**2 + 1 - bar).sqrt()
        noised = Mixture(density.log_weights, bar**0.5 * density.means, sigmas)
    else:
        covs = bar * density.covs + (1 - bar) * eye
        noised = FullMixture(density.log_weights, bar**0.5 * density.means, covs)
    share = torch.full((6,), bar, dtype=F64)
    torch.testing.assert_close(truth.log_prob(x, share), noised.log_prob(x))


@each_density
def test_the_score_is_the_gradient_of_the_log_density(density):
    truth = diffusion.diffused(density)
    x = normal(6, 2).requires_grad_()
    alpha_bar = torch.tensor([1.0, 0.9, 0.5, 0.2, 0.01, 1e-6], dtype=F64)
    (gradient,) = torch.autograd.grad(truth.log_prob(x, alpha_bar).sum(), x)
    torch.testing.assert_close(truth.score(x, alpha_bar), gradient)
    expected = -(1 - alpha_bar).sqrt()[:, None] * gradient
    torch.testing.assert_close(truth.eps(x, alpha_bar), expected)


def test_the_score_in_three_dimensions_too():
    """In two, the matrix of the axes may be symmetric, and a transposed one goes unnoticed."""
    root = normal(2, 3, 3, seed=3)
    covs = root @ root.mT + 0.1 * torch.eye(3, dtype=F64)
    truth = diffusion.diffused(FullMixture(SLANTED.log_weights, normal(2, 3, seed=4), covs))
    x, alpha_bar = normal(5, 3).requires_grad_(), torch.full((5,), 0.7, dtype=F64)
    (gradient,) = torch.autograd.grad(truth.log_prob(x, alpha_bar).sum(), x)
    torch.testing.assert_close(truth.score(x, alpha_bar), gradient)


def test_the_exact_denoiser_is_the_mean_of_the_noise():
    """<eps | x_t> by quadrature over x_data on a grid, without a score."""
    axis = torch.linspace(-4, 4, 321, dtype=F64)
    grid = torch.cartesian_prod(axis, axis)  # x_data
    for bar in (0.8, 0.3):
        x_t = normal(3, 2, seed=5)
        eps = (x_t[:, None] - math.sqrt(bar) * grid) / math.sqrt(1 - bar)  # (3, grid, 2)
        weights = (MIXTURE.log_prob(grid) - 0.5 * eps.square().sum(2)).softmax(dim=1)
        mean = (weights[..., None] * eps).sum(dim=1)
        exact = diffusion.diffused(MIXTURE).eps(x_t, torch.full((3,), bar, dtype=F64))
        torch.testing.assert_close(exact, mean, rtol=0, atol=1e-6)


def test_the_score_error_is_zero_for_the_truth_and_known_for_a_scaled_one():
    truth = diffusion.diffused(MIXTURE)
    x0, bars = MIXTURE.sample(500, generator=seeded()), torch.tensor([0.9, 0.5, 0.1])
    exact = diffusion.score_error(truth.eps, truth, x0, bars, generator=seeded())
    scaled = diffusion.score_error(
        lambda x, a: 1.1 * truth.eps(x, a), truth, x0, bars, generator=seeded()
    )
    torch.testing.assert_close(exact, torch.zeros(3, dtype=F64))
    torch.testing.assert_close(scaled, torch.full((3,), 0.1, dtype=F64))


# ---------------------------------------------------------------------- the ODE and the samplers


@each_density
def test_the_log_density_of_the_exact_flow_is_that_of_the_data(density):
    x0 = density.sample(40, generator=seeded())
    found = diffusion.probability_flow_log_prob(diffusion.diffused(density).eps, x0, steps=128)
    torch.testing.assert_close(found, density.log_prob(x0), rtol=0, atol=3e-4)


def test_the_flow_is_of_fourth_order():
    truth, x0 = diffusion.diffused(SLANTED).eps, SLANTED.sample(40, generator=seeded())
    coarse, fine, exact = (
        diffusion.probability_flow_log_prob(truth, x0, steps=steps) for steps in (16, 32, 256)
    )
    ratio = (coarse - exact).abs().mean() / (fine - exact).abs().mean()
    assert ratio > 10  # 16 in the limit of small steps


@each_density
def test_forward_and_backward_is_a_round_trip(density):
    truth, x0 = diffusion.diffused(density).eps, density.sample(100, generator=seeded())
    noise = diffusion.probability_flow(truth, x0, to_noise=True, steps=128)
    back = diffusion.probability_flow(truth, noise, steps=128)
    torch.testing.assert_close(back, x0, rtol=0, atol=1e-4)
    path = diffusion.probability_flow_path(truth, noise, steps=8)
    assert path.shape == (9, 100, 2) and torch.equal(path[0], noise)


def test_on_a_gaussian_the_flow_is_linear():
    """x_T = C^(-1/2) (x_data - m) for Gaussian data: the flow whitens them."""
    x0 = GAUSSIAN.sample(20, generator=seeded())
    values, axes = torch.linalg.eigh(GAUSSIAN.cov)
    white = (x0 - GAUSSIAN.mean) @ axes @ values.rsqrt().diag() @ axes.T
    found = diffusion.probability_flow(
        diffusion.diffused(GAUSSIAN).eps, x0, to_noise=True, steps=128
    )
    torch.testing.assert_close(found, white, rtol=0, atol=3e-4)  # it ends at alpha_bar 1e-8


def test_the_flow_makes_the_mixture_of_noise():
    """Mean log-density of 20 000 samples against minus the entropy, 4 errors: 1 in 16 000."""
    n = 20_000
    found = diffusion.probability_flow(diffusion.diffused(MIXTURE).eps, normal(n, 2), steps=24)
    assert_like_the_mixture(found, tolerance=0.002)


def test_the_chain_with_the_exact_denoiser_makes_the_mixture():
    """Bias of the finite chain: 0.01 nats at T = 200, half of it at twice the steps."""
    g = seeded(1)
    truth, betas = diffusion.diffused(MIXTURE).eps, diffusion.cosine_betas(200)
    samples = diffusion.ddpm_sample(truth, 20_000, 2, Schedule(betas), generator=g, dtype=F64)
    assert samples.dtype == F64
    assert_like_the_mixture(samples, tolerance=0.02)


def assert_like_the_mixture(found: Tensor, tolerance: float) -> None:
    """Occupation of the three modes, and the mean log-density, against exact draws."""
    truth = MIXTURE.sample(len(found), generator=seeded(9))
    scale = math.sqrt(2 / len(found))
    a, b = MIXTURE.log_prob(found), MIXTURE.log_prob(truth)
    assert (a.mean() - b.mean()).abs() < 4 * scale * b.std() + tolerance
    a, b = (MIXTURE.log_joint(x).softmax(dim=1) for x in (found, truth))
    assert bool(((a.mean(0) - b.mean(0)).abs() < 4 * scale * b.std(0) + tolerance).all())


def test_one_step_back_in_the_path_is_a_ddpm_step():
    truth, betas = diffusion.diffused(MIXTURE).eps, diffusion.cosine_betas(5)
    schedule = Schedule(betas, Schedule(betas).posterior_variances.clamp(min=1e-9))
    path = diffusion.ddpm_path(truth, normal(3, 2), schedule, generator=seeded(1))
    g, x = seeded(1), normal(3, 2)
    assert path.shape == (6, 3, 2)
    for i, t in enumerate(reversed(range(5))):
        eps_hat = truth(x, schedule.alpha_bars[t].expand(3))
        noise = torch.randn(3, 2, generator=g, dtype=F64) if t else torch.zeros_like(x)
        x = diffusion.ddpm_step(x, t, eps_hat, betas, noise)
        torch.testing.assert_close(path[i + 1], x)


# ---------------------------------------------------------------------- the network


def test_before_training_the_network_is_exact_for_a_standard_normal():
    model = diffusion.NoisePredictor(2, hidden=(8,), generator=seeded())
    standard = diffusion.diffused(Gaussian(torch.zeros(2), torch.eye(2)))
    x, alpha_bar = normal(5, 2).float(), torch.tensor([1.0, 0.99, 0.5, 0.1, 0.0])
    torch.testing.assert_close(model(x, alpha_bar), standard.eps(x, alpha_bar))
    log_prob = diffusion.probability_flow_log_prob(model, x, steps=2)
    torch.testing.assert_close(log_prob, Gaussian(torch.zeros(2), torch.eye(2)).log_prob(x))


@pytest.mark.parametrize("bar", [1.0, 1 - 1e-7, 1e-9, 0.0])
def test_after_any_training_the_network_is_right_at_both_ends(bar):
    model = diffusion.NoisePredictor(2, hidden=(8,), generator=seeded()).double()
    torch.nn.init.normal_(model.network.mlp[-1].weight, generator=seeded(1))
    x, alpha_bar = normal(4, 2), torch.full((4,), bar, dtype=F64)
    end = diffusion.diffused(MIXTURE).eps(x, alpha_bar)
    torch.testing.assert_close(model(x, alpha_bar), end, rtol=0, atol=0.02)
    assert (model(x, torch.full((4,), 0.5, dtype=F64)) - 0.5**0.5 * x).abs().min() > 0.02


def test_the_loss_teaches_the_score():
    """A few hundred steps on a mixture: the error of the score falls by a quarter and more."""
    g = seeded()
    x0 = MIXTURE.sample(4000, generator=g).float()
    model = diffusion.NoisePredictor(2, hidden=(32, 32), generator=g)
    schedule = Schedule(diffusion.cosine_betas(50))
    loss = diffusion.simple_loss(schedule, g)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2)
    truth = diffusion.diffused(
        Mixture(MIXTURE.log_weights.float(), MIXTURE.means.float(), MIXTURE.sigmas.float())
    )
    levels = torch.tensor([0.9, 0.5, 0.2])
    before = diffusion.score_error(model, truth, x0, levels, generator=seeded(1))
    for _ in range(200):
        batch = x0[torch.randint(len(x0), (256,), generator=g)]
        adam.zero_grad()
        loss(model, batch).backward()
        adam.step()
    after = diffusion.score_error(model, truth, x0, levels, generator=seeded(1))
    assert bool((after < 0.75 * before).all()), (before, after)


# ---------------------------------------------------------------------- binary images

PIXELS = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0], dtype=F64)] * 3)  # all 8 images
CHANCES = torch.tensor([0.3, 0.02, 0.02, 0.16, 0.05, 0.1, 0.05, 0.3], dtype=F64)


class ExactBinary(diffusion.BinaryNoisePredictor):
    """The odds by enumeration of all images."""

    def logits(self, x_t: Tensor, alpha_bar: Tensor) -> Tensor:
        share = alpha_bar[:, None]
        square = (x_t[:, None] - share.sqrt()[..., None] * PIXELS).square().sum(2)
        weights = (CHANCES.log() - square / (2 * (1 - share))).softmax(dim=1)
        mean = (weights @ PIXELS).clamp(-1 + 1e-12, 1 - 1e-12)
        return 2 * mean.atanh()


def test_the_binary_bound_is_below_a_probability_and_near_it():
    """8 images, each 4000 times. 4 errors of their average: false alarm 1 in 30 000."""
    betas = diffusion.log_snr_betas(1000, 5.0, -10.0)
    x0 = PIXELS.repeat(4000, 1)
    model = ExactBinary(3, hidden=(4,), generator=seeded())
    bound = diffusion.binary_elbo(model, x0, betas, generator=seeded(1), draws=16)
    means = bound.reshape(4000, 8).mean(dim=0)  # (4000 * 8,) -> (4000, 8)
    errors = bound.reshape(4000, 8).std(dim=0) / math.sqrt(4000)
    gap, error = CHANCES @ (CHANCES.log() - means), (CHANCES * errors).norm()
    assert -4 * error < gap < 0.02 + 4 * error
    assert error < 0.02 and means.exp().sum() < 1 + 4 * (CHANCES * errors).norm()


def test_the_random_terms_of_the_binary_bound_add_up():
    """A chain of 3 steps, its terms one by one and by random t: 4 errors, 1 in 16 000."""
    betas = diffusion.log_snr_betas(3, 1.0, -2.0)
    bars = diffusion.alpha_bars(betas)
    snr = bars / (1 - bars)
    model = ExactBinary(3, hidden=(4,), generator=seeded())
    x0 = PIXELS.repeat(1000, 1)
    total = diffusion.prior_kl(x0, Schedule(betas))
    for t in range(3):
        x_t = diffusion.diffuse(x0, bars[t].expand(len(x0)), normal(*x0.shape, seed=t))
        logits = model.logits(x_t, bars[t].expand(len(x0)))
        if t == 0:
            total = total - torch.distributions.Bernoulli(logits=logits).log_prob((x0 + 1) / 2).sum(
                1
            )
        else:
            square = (x0 - torch.tanh(logits / 2)).square().sum(1)
            total = total + 0.5 * (snr[t - 1] - snr[t]) * square
    found = diffusion.binary_elbo(model, x0, betas, generator=seeded(9), draws=4)
    difference = found + total
    assert difference.mean().abs() < 4 * difference.std() / math.sqrt(len(x0))


def test_before_training_binary_images_are_fair_coins():
    """4 errors: false alarm 1 in 16 000; the chain of 1000 steps costs 0.01 nats a pixel."""
    model = diffusion.BinaryNoisePredictor(5, generator=seeded()).double()
    betas = diffusion.log_snr_betas(1000, 5.0, -10.0)
    x0 = torch.where(normal(8000, 5) > 0, 1.0, -1.0).double()
    bound = diffusion.binary_elbo(model, x0, betas, generator=seeded(1), draws=16)
    gap, error = -5 * math.log(2) - bound.mean(), bound.std() / math.sqrt(len(x0))
    assert -4 * error < gap < 0.05 + 4 * error and error < 0.05


def test_the_weights_of_an_even_log_snr_are_nearly_equal():
    betas = diffusion.log_snr_betas(500, 2.0, -6.0)
    log_snr = diffusion.alpha_bars(betas).logit()
    torch.testing.assert_close(log_snr, torch.linspace(2, -6, 500, dtype=F64))
    schedule = Schedule(betas)
    schedule = Schedule(betas, torch.cat([betas[:1], schedule.posterior_variances[1:]]))
    weights = diffusion.elbo_weights(schedule)[1:]
    torch.testing.assert_close(
        weights, torch.full((499,), 0.5 * 8 / 499, dtype=F64), rtol=0.01, atol=0
    )


# ---------------------------------------------------------------------- what it refuses


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Schedule(torch.tensor([0.1, 1.0])), "between 0 and 1"),
        (lambda: Schedule(torch.tensor([[0.1]])), "must be"),
        (lambda: Schedule(torch.tensor([0.1]), torch.tensor([0.0])), "positive"),
        (lambda: Schedule(torch.tensor([0.1]), torch.tensor([0.1, 0.1])), "one for each beta"),
        (lambda: diffusion.cosine_betas(0), "at least 1"),
        (
            lambda: diffusion.elbo(
                None, torch.zeros(2, 3, 4), Schedule(torch.tensor([0.1])), generator=None
            ),
            "flatten",
        ),
        (lambda: diffusion.log_snr_betas(10, -1.0, 1.0), "higher to a lower"),
        (
            lambda: diffusion.binary_elbo(
                None, torch.tensor([[0.0, 1.0]]), torch.tensor([0.1, 0.2]), generator=None
            ),
            "-1 and 1",
        ),
        (lambda: diffusion.probability_flow(None, torch.zeros(2, 2), steps=0), "steps"),
        (lambda: diffusion.probability_flow_log_prob(None, torch.zeros(2)), "flatten"),
    ],
)
def test_it_says_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words):
        call()
