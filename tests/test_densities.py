"""Densities against exact truths: they normalise, their fits are maxima, their errors honest."""

import itertools
import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor
from torch import distributions as td

from course_utils.densities import (
    BernoulliMixture,
    FullMixture,
    Gaussian,
    Mixture,
    asymmetry_error,
    counting_error,
    coverage,
    dequantised_log_prob,
    em_round,
    em_step,
    expected_information,
    fit_asymmetry,
    fit_bernoulli_mixture,
    fit_dequantised_gaussian,
    fit_em,
    fit_gaussian,
    fit_gaussian_by_gradient,
    fit_mixture,
    forward_backward_count,
    gaussian_log_prob,
    mixture_log_prob,
    newton_step,
    thresholded_log_prob,
)
from course_utils.ledger import nats_above_truth
from course_utils.simulators.collider import log_density, sample_cos_theta
from course_utils.simulators.molecular import mueller_brown_truth, sample_mueller_brown

F64 = torch.float64


def random_cov(d: int, seed: int, *batch: int) -> Tensor:
    a = normal(*batch, d, 2 * d, seed=seed)
    return a @ a.mT / d


def grid(low: float, high: float, n: int, d: int = 2) -> tuple[Tensor, float]:
    """Midpoints of n^d cells, (n^d, d), and the cell's volume."""
    h = (high - low) / n
    axis = low + h * (torch.arange(n, dtype=F64) + 0.5)
    return torch.cartesian_prod(*[axis] * d).reshape(-1, d), h**d  # also for d = 1


def all_images(d: int, dtype: torch.dtype = F64) -> Tensor:
    """The 2^d binary images of d pixels."""
    return torch.tensor(list(itertools.product((0.0, 1.0), repeat=d)), dtype=dtype)


def small_mixture() -> Mixture:
    return Mixture(
        torch.tensor([0.2, 0.5, 0.3], dtype=F64).log(),
        torch.tensor([[0.0, 0.0], [3.0, 1.0], [-1.0, 4.0]], dtype=F64),
        torch.tensor([0.5, 1.0, 0.3], dtype=F64),
    )


def small_full_mixture() -> FullMixture:
    m = small_mixture()
    return FullMixture(m.log_weights, m.means, random_cov(2, 3, 3) / 2)


def small_bernoulli_mixture(d: int = 9) -> BernoulliMixture:
    probs = torch.rand(4, d, generator=seeded(5), dtype=F64) * 0.96 + 0.02
    return BernoulliMixture(torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=F64).log(), probs)


MIXTURES = (small_mixture, small_full_mixture, small_bernoulli_mixture)


# ---------------------------------------------------------------------- Gaussians


@pytest.mark.parametrize("d", (1, 2, 7))
@pytest.mark.parametrize("dtype", (torch.float32, F64))
def test_gaussian_log_prob_agrees_with_torch_distributions(d: int, dtype: torch.dtype) -> None:
    x, mean, cov = normal(11, d, seed=1), normal(d, seed=2), random_cov(d, 3)
    found = gaussian_log_prob(x.to(dtype), mean.to(dtype), cov.to(dtype))
    assert found.dtype == dtype and found.shape == (11,)
    oracle = td.MultivariateNormal(mean, cov).log_prob(x)
    torch.testing.assert_close(found.double(), oracle, rtol=1e-5 if dtype != F64 else 1e-12, atol=0)


def test_gaussian_log_prob_is_batched_over_leading_axes() -> None:
    x, mean, cov = normal(3, 6, 2, seed=1), normal(3, 2, seed=2), random_cov(2, 3, 3)
    found = gaussian_log_prob(x, mean, cov)
    for i in range(3):
        torch.testing.assert_close(found[i], gaussian_log_prob(x[i], mean[i], cov[i]))
    torch.testing.assert_close(
        gaussian_log_prob(x[0], mean, cov)[2], gaussian_log_prob(x[0], mean[2], cov[2])
    )


def test_gaussian_integrates_to_one() -> None:
    points, cell = grid(-12, 12, 240)
    p = gaussian_log_prob(points, normal(2, seed=1), random_cov(2, 2)).exp()
    assert p.sum().item() * cell == pytest.approx(1, abs=1e-12)


def test_gaussian_score_is_minus_precision_times_distance() -> None:
    x, mean, cov = normal(4, 3, seed=1), normal(3, seed=2), random_cov(3, 3)
    mean.requires_grad_()
    gaussian_log_prob(x, mean, cov).sum().backward()
    torch.testing.assert_close(mean.grad, torch.linalg.solve(cov, (x - mean).detach().sum(0)))
    free = [t.requires_grad_() for t in (x, mean.detach().clone(), cov)]
    torch.autograd.gradcheck(
        lambda x, mean, cov: gaussian_log_prob(x, mean, (cov + cov.T) / 2), free
    )


def test_gaussian_survives_extremes() -> None:
    # det = 1e-400 and 1e600 are outside float64, their logarithms are not.
    for d, variance in ((100, 1e-4), (200, 1e3)):
        cov = variance * torch.eye(d, dtype=F64)
        truth = -0.5 * d * math.log(2 * math.pi * variance)
        found = gaussian_log_prob(torch.zeros(1, d, dtype=F64), torch.zeros(d, dtype=F64), cov)
        assert found.item() == pytest.approx(truth, rel=1e-12)
    far = gaussian_log_prob(torch.full((1, 2), 1e8), torch.zeros(2), torch.eye(2))
    assert far.item() == pytest.approx(-1e16, rel=1e-6)
    # Axes of very different units are not a singular covariance.
    scales = torch.tensor([1e-6, 1e6])
    found = gaussian_log_prob(torch.zeros(1, 2), torch.zeros(2), scales.square().diag())
    assert found.item() == pytest.approx(-math.log(2 * math.pi), abs=1e-5)


def test_fit_gaussian_is_the_maximum() -> None:
    x = normal(50, 3, seed=1) @ normal(3, 3, seed=2) + 5
    mean, cov = fit_gaussian(x)
    torch.testing.assert_close(cov, torch.cov(x.T, correction=0))
    torch.testing.assert_close(mean, x.mean(0))
    mean, cov = mean.requires_grad_(), cov.requires_grad_()
    gaussian_log_prob(x, mean, cov).sum().backward()
    assert mean.grad.abs().max() < 1e-9 and cov.grad.abs().max() < 1e-9


def test_fit_gaussian_is_batched_and_exact_far_from_the_origin() -> None:
    x = normal(4, 60, 2, seed=1)
    mean, cov = fit_gaussian(x)
    assert mean.shape == (4, 2) and cov.shape == (4, 2, 2)
    torch.testing.assert_close(cov[3], fit_gaussian(x[3])[1])
    far = fit_gaussian((x[0] + 1000).float())[1]
    assert far.dtype == torch.float32
    torch.testing.assert_close(far.double(), cov[0], rtol=1e-3, atol=1e-3)


def test_fit_recovers_a_gaussian_within_its_standard_errors() -> None:
    truth = Gaussian(normal(3, seed=1), random_cov(3, 2))
    n = 20_000
    mean, cov = fit_gaussian(truth.sample(n, generator=seeded(3)))
    variance = truth.cov.diagonal()
    cov_error = ((truth.cov**2 + variance[:, None] * variance) / n).sqrt()  # Wishart
    # Nine numbers at four standard errors: false alarms 6e-4.
    assert ((mean - truth.mean).abs() < 4 * (variance / n).sqrt()).all()
    assert ((cov - truth.cov).abs() < 4 * cov_error).all()


def test_gradient_ascent_reaches_the_closed_form() -> None:
    x = normal(300, 4, seed=1) @ normal(4, 4, seed=2) + torch.tensor([9.0, -3, 0, 2], dtype=F64)
    fit = fit_gaussian_by_gradient(x)
    mean, cov = fit_gaussian(x)
    torch.testing.assert_close(fit.model.mean, mean, rtol=0, atol=1e-4)
    torch.testing.assert_close(fit.model.cov, cov, rtol=1e-3, atol=1e-3)
    best = gaussian_log_prob(x, mean, cov).mean()
    assert fit.history[-1].item() == pytest.approx(best.item(), abs=1e-8)
    assert fit.history[-1] <= best + 1e-12  # nothing is above the maximum
    assert (fit.history.diff() > -1e-12).all() and len(fit.history) < 100
    start = gaussian_log_prob(x, torch.zeros(4, dtype=F64), torch.eye(4, dtype=F64)).mean()
    assert fit.history[0].item() == pytest.approx(start.item())


def test_gradient_ascent_works_in_float32() -> None:
    x = (normal(500, 2, seed=1) * torch.tensor([2.0, 0.3], dtype=F64)).float()
    fit = fit_gaussian_by_gradient(x)
    assert fit.model.cov.dtype == torch.float32
    torch.testing.assert_close(fit.model.cov, fit_gaussian(x)[1], rtol=2e-2, atol=2e-2)


def test_entropy_and_parameters_of_a_gaussian() -> None:
    model = Gaussian(normal(4, seed=1), random_cov(4, 2))
    oracle = td.MultivariateNormal(model.mean, model.cov).entropy().item()
    assert model.entropy == pytest.approx(oracle, rel=1e-12)
    assert model.n_parameters == 4 + 10
    assert Gaussian(torch.zeros(196), torch.eye(196)).n_parameters == 19_502
    x = model.sample(20_000, generator=seeded(3))
    # var(log p) = D / 2; four standard errors, false alarms 6e-5.
    error = math.sqrt(2 / 20_000)
    assert -model.log_prob(x).mean().item() == pytest.approx(oracle, abs=4 * error)


def test_wrong_gaussians_are_refused() -> None:
    x = torch.zeros(5, 3)
    for bad_x in (torch.zeros(3), torch.zeros(5, 3, dtype=torch.long)):
        with pytest.raises(ValueError, match="x must be"):
            gaussian_log_prob(bad_x, torch.zeros(3), torch.eye(3))
    for mean, cov in (
        (torch.zeros(2), torch.eye(3)),
        (torch.zeros(3), torch.eye(2)),
        (torch.zeros(3), torch.ones(3)),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            gaussian_log_prob(x, mean, cov)
    few = torch.randn(3, 3, generator=seeded(1))  # N = D: the points lie in a plane
    constant = torch.randn(50, 3, generator=seeded(1)) * torch.tensor([1.0, 0.0, 1.0])
    for data in (few, few[:1], constant, constant[:, [0, 2, 2]]):
        with pytest.raises(ValueError, match=r"not positive definite.*no more points"):
            gaussian_log_prob(data, *fit_gaussian(data))
    for cov in (-torch.eye(3), torch.full((3, 3), math.nan)):
        with pytest.raises(ValueError, match="not positive definite"):
            gaussian_log_prob(x, torch.zeros(3), cov)
    with pytest.raises(ValueError, match="give more than 3 points"):
        fit_gaussian_by_gradient(few)
    with pytest.raises(ValueError, match="n must be at least 0"):
        Gaussian(torch.zeros(2), torch.eye(2)).sample(-1, generator=seeded())
    for fit in (fit_gaussian, fit_gaussian_by_gradient):
        for value in (math.nan, math.inf):
            with pytest.raises(ValueError, match="NaN or infinity"):
                fit(torch.full((9, 2), value))
        with pytest.raises(ValueError, match="empty"):
            fit(torch.zeros(0, 3))


# ---------------------------------------------------------------------- Gaussians on binary images


def correlated_images(d: int, n: int) -> Tensor:
    y = normal(n, d, seed=1) @ normal(d, d, seed=2)
    return (y > normal(d, seed=3)).double()


def test_dequantised_bound_is_the_average_over_uniform_noise() -> None:
    x = correlated_images(3, 200)
    model = fit_dequantised_gaussian(x)
    # Gauss-Legendre with 2 nodes is exact for the square in each u.
    nodes = 0.5 + torch.tensor([-0.5, 0.5], dtype=F64) / math.sqrt(3)
    u = torch.cartesian_prod(nodes, nodes, nodes)
    average = model.log_prob(x[:10, None] + u).mean(dim=1)
    torch.testing.assert_close(dequantised_log_prob(model, x[:10]), average)


def test_dequantised_fit_is_the_maximum_of_its_bound() -> None:
    x = correlated_images(3, 200)
    model = fit_dequantised_gaussian(x)
    mean, cov = model.mean.requires_grad_(), model.cov.requires_grad_()
    dequantised_log_prob(Gaussian(mean, cov), x).sum().backward()
    assert mean.grad.abs().max() < 1e-9 and cov.grad.abs().max() < 1e-9
    # The same as fitting images with noise added, but without the noise.
    noisy = x.repeat(500, 1) + torch.rand(100_000, 3, generator=seeded(4), dtype=F64)
    torch.testing.assert_close(fit_gaussian(noisy)[1], cov.detach(), rtol=0, atol=5e-3)


def test_both_bounds_of_a_thresholded_gaussian_by_enumeration() -> None:
    model = fit_dequantised_gaussian(correlated_images(9, 400))
    images = all_images(9)  # every 3 x 3 image
    n = 300_000
    drawn = (model.sample(n, generator=seeded(5)) > 1).long()
    place = 2 ** torch.arange(8, -1, -1)
    p = (drawn * place).sum(dim=1).bincount(minlength=512) / n
    error = (p * (1 - p) / n).sqrt()
    loose = dequantised_log_prob(model, images).exp()
    assert loose.sum() < 1
    # One-sided, 512 images at five standard errors and one draw: false alarms 2e-4.
    assert (loose <= p + 5 * error + 5 / n).all()
    close = thresholded_log_prob(model, images, generator=seeded(6), draws=1000).exp()
    # Probabilities sum to 1 and agree with the frequencies; the integrator's own error, from
    # two runs of it, is below a percent.
    again = thresholded_log_prob(model, images, generator=seeded(7), draws=1000).exp()
    spread = (close - again).square().sum().sqrt().item()
    assert close.sum().item() == pytest.approx(1, abs=4 * spread + 1e-6) and spread < 0.01
    assert (loose <= close + 4 * spread).all()
    assert ((close - p).abs() <= 5 * error + 5 / n + 0.05 * p).all()


def test_thresholded_probability_of_one_and_two_pixels_is_exact() -> None:
    # One pixel: no sampling is left. Two pixels, thresholds at the mean: the arcsine law.
    one = Gaussian(torch.tensor([1.3], dtype=F64), torch.tensor([[4.0]], dtype=F64))
    found = thresholded_log_prob(one, all_images(1), generator=seeded(), draws=2).exp()
    on = 0.5 * (1 + math.erf(0.15 / math.sqrt(2)))
    torch.testing.assert_close(found, torch.tensor([1 - on, on], dtype=F64))
    rho = 0.7
    cov = torch.tensor([[1, rho], [rho, 1]], dtype=F64)
    two = Gaussian(torch.ones(2, dtype=F64), cov)
    found = thresholded_log_prob(two, all_images(2), generator=seeded(1), draws=200_000).exp()
    both = 0.25 + math.asin(rho) / (2 * math.pi)
    truth = torch.tensor([both, 0.5 - both, 0.5 - both, both], dtype=F64)
    # A factor in [0, 1/2] has a deviation below 1/4 of it all: 4.5 standard errors, four times,
    # false alarms below 3e-5.
    torch.testing.assert_close(found, truth, rtol=0, atol=4.5 * 0.25 / math.sqrt(200_000))


def test_thresholded_bound_rises_with_draws_and_survives_impossible_images() -> None:
    x = correlated_images(12, 300)
    model = fit_dequantised_gaussian(x)
    few, many = (
        thresholded_log_prob(model, x, generator=seeded(s), draws=s).mean() for s in (1, 200)
    )
    loose = dequantised_log_prob(model, x).mean()
    assert loose < few < many
    narrow = Gaussian(torch.zeros(3), 1e-4 * torch.eye(3))  # a 1 is a hundred deviations away
    found = thresholded_log_prob(narrow, torch.ones(2, 3), generator=seeded(1))
    assert found.isfinite().all() and (found < -1e4).all() and found.dtype == torch.float32
    assert thresholded_log_prob(narrow, torch.ones(0, 3), generator=seeded()).shape == (0,)


def test_wrong_images_are_refused() -> None:
    model = Gaussian(torch.zeros(3), torch.eye(3))
    with pytest.raises(ValueError, match="only 0 and 1"):
        fit_dequantised_gaussian(torch.full((4, 3), 0.5))
    with pytest.raises(ValueError, match="only 0 and 1"):
        dequantised_log_prob(model, torch.full((4, 3), 0.5))
    with pytest.raises(ValueError, match="3 pixels per image, got 4"):
        thresholded_log_prob(model, torch.zeros(4, 4), generator=seeded())
    with pytest.raises(ValueError, match="draws must be at least 1"):
        thresholded_log_prob(model, torch.zeros(4, 3), generator=seeded(), draws=0)


# ---------------------------------------------------------------------- an asymmetry


def experiments(t: int, n: int, a_fb: float, seed: int, dtype: torch.dtype = F64) -> Tensor:
    return sample_cos_theta(t * n, a_fb, generator=seeded(seed), dtype=dtype).reshape(t, n)


@pytest.mark.parametrize("a_fb", (-0.45, 0.0, 0.3))
def test_fit_asymmetry_is_where_the_slope_vanishes(a_fb: float) -> None:
    c = experiments(20, 300, a_fb, seed=1)
    fitted = fit_asymmetry(c, bound=0.7).requires_grad_()
    assert fitted.shape == (20,)
    log_density(c, fitted[:, None]).sum().backward()
    assert fitted.grad.abs().max() < 1e-9
    torch.testing.assert_close(fit_asymmetry(c[3], bound=0.7), fitted[3].detach())


def test_fit_asymmetry_agrees_with_a_scan_and_clamps_at_the_bound() -> None:
    # Twelve events: many of the maxima are beyond the bound.
    c = experiments(200, 12, 0.3, seed=2)
    scan = torch.linspace(-0.5, 0.5, 10_001, dtype=F64)
    values = torch.stack([log_density(row, scan[:, None]).sum(dim=1) for row in c])
    best = scan[values.argmax(dim=1)]
    fitted = fit_asymmetry(c)
    torch.testing.assert_close(fitted, best, rtol=0, atol=6e-5)
    at_bound = fitted.abs() == 0.5
    assert 20 < at_bound.sum() < 150 and (fitted.abs() <= 0.5).all()


def test_fit_asymmetry_of_extreme_events() -> None:
    c = torch.tensor([[1.0, 1.0], [-1.0, -1.0], [0.0, 0.0], [1.0, -1.0], [0.0, 1e-30]], dtype=F64)
    assert fit_asymmetry(c).tolist() == [0.5, -0.5, 0.0, 0.0, 0.5]
    assert fit_asymmetry(torch.tensor([0.3])).item() == 0.5
    assert fit_asymmetry(c[:0]).shape == (0,)
    assert asymmetry_error(c[2], 0.0).item() == math.inf
    many = experiments(1, 1_000_000, 0.49, seed=3)[0]
    assert fit_asymmetry(many.float()).item() == pytest.approx(fit_asymmetry(many).item(), abs=2e-6)
    assert fit_asymmetry(many.float()).dtype == torch.float32


def test_fit_asymmetry_is_odd_under_reflection() -> None:
    c = experiments(30, 200, 0.2, seed=4)
    torch.testing.assert_close(fit_asymmetry(-c), -fit_asymmetry(c))


@pytest.mark.parametrize("start", [-0.5, 0.0, 0.5])
def test_newton_steps_end_where_the_slope_vanishes(start: float) -> None:
    c = sample_cos_theta(2000, 0.3, generator=seeded(20), dtype=F64)
    a = torch.tensor(start, dtype=F64)
    for _ in range(8):
        a = newton_step(c, a)
    torch.testing.assert_close(a, fit_asymmetry(c))


def test_asymmetry_error_is_the_curvature_of_the_likelihood() -> None:
    c = experiments(1, 40, 0.2, seed=5)[0]
    for a_fb in (-0.6, 0.0, 0.31):
        curvature = torch.autograd.functional.hessian(
            lambda a: log_density(c, a).sum(), torch.tensor(a_fb, dtype=F64)
        )
        found = asymmetry_error(c, a_fb)
        assert found.item() == pytest.approx((-curvature).rsqrt().item(), rel=1e-12)
    batch = experiments(3, 40, 0.2, seed=6)
    a_fb = torch.tensor([0.1, 0.2, 0.3], dtype=F64)
    rows = torch.stack([asymmetry_error(batch[i], a_fb[i]) for i in range(3)])
    torch.testing.assert_close(asymmetry_error(batch, a_fb), rows)
    assert asymmetry_error(c.float(), 0.1).dtype == torch.float32


@pytest.mark.parametrize("a_fb", (-0.7, -0.3, 0.0, 0.01, 0.5, 0.74))
def test_expected_information_against_quadrature(a_fb: float) -> None:
    # c = tanh(s): the trapezoidal rule in s converges at any distance of the pole from [-1, 1].
    s = torch.linspace(-20, 20, 40_001, dtype=F64)
    c, weight = s.tanh(), s.cosh().square().reciprocal() * (40 / 40_000)
    integral = (c**2 / log_density(c, a_fb).exp() * weight).sum().item()
    assert expected_information(a_fb).item() == pytest.approx(integral, rel=1e-10)


def test_expected_information_keeps_dtype_and_shape_and_beats_counting() -> None:
    a = torch.linspace(-0.74, 0.74, 61)
    information = expected_information(a)
    assert information.dtype == torch.float32 and information.shape == (61,)
    torch.testing.assert_close(information, information.flip(0))
    assert expected_information(0.0).item() == pytest.approx(8 / 3 * (2 - math.pi / 2), abs=1e-14)
    # Cramer and Rao: the count is unbiased, and no unbiased estimator is better than 1 / I.
    assert (counting_error(a, 1) > information.double().rsqrt()).all()
    ratio = counting_error(0.3, 1) * expected_information(0.3).sqrt()
    assert ratio.item() == pytest.approx(1.0967, abs=1e-4)


@pytest.mark.parametrize(("a_fb", "seed"), ((0.0, 1), (0.3, 2), (-0.4, 3)))
def test_both_asymmetries_recover_the_truth_with_honest_errors(a_fb: float, seed: int) -> None:
    t, n = 1000, 2000
    c = experiments(t, n, a_fb, seed, torch.float32)
    fitted = fit_asymmetry(c)
    counted, count_error = forward_backward_count(c)
    exact = {"fit": expected_information(a_fb).item() ** -0.5 / n**0.5}
    exact["count"] = counting_error(a_fb, n).item()
    for name, value, error in (
        ("fit", fitted, asymmetry_error(c, fitted)),
        ("count", counted, count_error),
    ):
        # Mean and spread at four standard errors, coverage at three, two methods, three truths:
        # a false alarm in 60 fresh seeds, these being fixed.
        assert abs(value.mean().item() - a_fb) < 4 * exact[name] / t**0.5
        assert value.std().item() == pytest.approx(exact[name], rel=4 / (2 * t) ** 0.5)
        assert error.mean().item() == pytest.approx(exact[name], rel=2e-3)
        fraction, fraction_error = coverage(value, error, a_fb)
        assert abs(fraction - 0.6827) < 3 * fraction_error


def test_counting_by_hand() -> None:
    a_fb, error = forward_backward_count(torch.tensor([0.1, 0.9, 0.5, -0.2, 0.0]))
    assert a_fb.item() == pytest.approx(0.4)
    assert error.item() == pytest.approx(math.sqrt((1 - 0.16) / 5))
    estimate = torch.tensor([0.1, 0.2, 0.4, 0.9])
    fraction, error = coverage(estimate, torch.full((4,), 0.11), 0.3)
    assert fraction == 0.5 and error == pytest.approx(math.sqrt(0.6827 * 0.3173 / 4), abs=1e-5)


def test_wrong_angles_are_refused() -> None:
    for function in (fit_asymmetry, forward_backward_count, lambda c: asymmetry_error(c, 0.1)):
        for c in (torch.tensor([0.5, 1.5]), torch.tensor([math.nan])):
            with pytest.raises(ValueError, match=r"must lie in \[-1, 1\]"):
                function(c)
        for c in (torch.tensor(0.5), torch.zeros(3, 0), torch.tensor([1, 0])):
            with pytest.raises(ValueError, match="at least one event"):
                function(c)
    for bound in (0.0, -0.5, 0.75, 1.0, math.nan):
        with pytest.raises(ValueError, match="bound must lie"):
            fit_asymmetry(torch.tensor([0.5]), bound)
    for function in (lambda a: asymmetry_error(torch.tensor([0.5]), a), expected_information):
        for a_fb in (0.75, -2.0, math.nan):
            with pytest.raises(ValueError, match="smaller than 3/4"):
                function(a_fb)
    with pytest.raises(ValueError, match=r"must both be \(T,\)"):
        coverage(torch.zeros(3), torch.zeros(4), 0.0)


# ---------------------------------------------------------------------- mixtures as densities


def test_mixture_log_prob_agrees_with_torch_distributions() -> None:
    m = small_mixture()
    x = normal(30, 2, seed=1) * 3
    parts = td.Independent(td.Normal(m.means, m.sigmas[:, None].expand(3, 2)), 1)
    oracle = td.MixtureSameFamily(td.Categorical(logits=m.log_weights), parts).log_prob(x)
    found = mixture_log_prob(x, m.log_weights, m.means, m.sigmas)
    torch.testing.assert_close(found, oracle)
    single = [t.float() for t in (x, m.log_weights, m.means, m.sigmas)]
    assert mixture_log_prob(*single).dtype == torch.float32
    full = small_full_mixture()
    parts = td.MultivariateNormal(full.means, full.covs)
    oracle = td.MixtureSameFamily(td.Categorical(logits=full.log_weights), parts).log_prob(x)
    torch.testing.assert_close(full.log_prob(x), oracle)


@pytest.mark.parametrize("model", (small_mixture(), small_full_mixture()))
def test_mixtures_integrate_to_one(model: Mixture | FullMixture) -> None:
    points, cell = grid(-12, 14, 500)
    assert model.log_prob(points).exp().sum().item() * cell == pytest.approx(1, abs=1e-10)


def test_bernoulli_mixture_sums_to_one_and_agrees_with_torch_distributions() -> None:
    model = small_bernoulli_mixture()
    images = all_images(9)
    log_prob = model.log_prob(images)
    assert log_prob.exp().sum().item() == pytest.approx(1, abs=1e-12)
    parts = td.Independent(td.Bernoulli(model.probs), 1)
    oracle = td.MixtureSameFamily(td.Categorical(logits=model.log_weights), parts)
    torch.testing.assert_close(log_prob, oracle.log_prob(images))
    assert model.n_parameters == 3 + 36
    assert small_mixture().n_parameters == 2 + 6 + 3
    assert small_full_mixture().n_parameters == 2 + 6 + 9


def test_mixture_is_finite_far_from_every_mean() -> None:
    m = small_mixture()
    args = [t.float() for t in (m.log_weights, m.means, m.sigmas)]
    x = torch.tensor([[1e4, -1e4], [-3e8, 0.0]], requires_grad=True)
    log_prob = mixture_log_prob(x, *args)
    # Far away only the widest component is left.
    expected = math.log(0.5) - 0.5 * ((1e4 - 3) ** 2 + (1e4 + 1) ** 2) - math.log(2 * math.pi)
    assert log_prob[0].item() == pytest.approx(expected, rel=1e-6)
    log_prob.sum().backward()
    assert log_prob.isfinite().all() and x.grad.isfinite().all()
    never = mixture_log_prob(x, torch.tensor([0.0, -math.inf, -math.inf]), *args[1:])
    assert never.isfinite().all()  # a component of weight zero


def test_mixture_gradients() -> None:
    m = small_mixture()
    free = [t.clone().requires_grad_() for t in (normal(4, 2, seed=1), *vars(m).values())[:4]]
    torch.autograd.gradcheck(mixture_log_prob, free)


@pytest.mark.parametrize("make", MIXTURES)
def test_samples_of_a_mixture_follow_its_density(make) -> None:
    model = make()
    x = model.sample(40_000, generator=seeded(7))
    assert x.dtype == F64 and torch.equal(x[:0], model.sample(0, generator=seeded()))
    assert torch.equal(x, model.sample(40_000, generator=seeded(7)))
    again = model.sample(40_000, generator=seeded(8))
    if isinstance(model, BernoulliMixture):
        images = all_images(9)
        p = model.log_prob(images).exp()
        mean, square = p @ images, (p * model.log_prob(images)).sum()
        exact = [*mean, square]
    else:
        points, cell = grid(-12, 14, 500)
        p = model.log_prob(points).exp() * cell
        exact = [*(p @ points), *(p @ points**2), (p * points.prod(dim=1)).sum()]
        exact += [(p * model.log_prob(points)).sum()]
    for sample in (x, again):
        if isinstance(model, BernoulliMixture):
            values = [*sample.T, model.log_prob(sample)]
        else:
            values = [*sample.T, *(sample**2).T, sample.prod(dim=1), model.log_prob(sample)]
        for value, truth in zip(values, exact, strict=True):
            error = value.std().item() / math.sqrt(len(sample))
            # At most 20 comparisons a model at 4.5 standard errors: false alarms 4e-4 in all.
            assert abs(value.mean().item() - truth.item()) < 4.5 * error


def test_wrong_mixtures_are_refused() -> None:
    m = small_mixture()
    x = torch.zeros(4, 2, dtype=F64)
    args = (m.log_weights, m.means, m.sigmas)
    for wrong in (
        (m.log_weights[:2], m.means, m.sigmas),
        (m.log_weights, m.means[:, :1], m.sigmas),
        (m.log_weights, m.means, m.sigmas[:, None]),
    ):
        with pytest.raises(ValueError, match="do not fit"):
            mixture_log_prob(x, *wrong)
    for sigmas in (0 * m.sigmas, -m.sigmas, m.sigmas * math.nan):
        with pytest.raises(ValueError, match="sigmas must be positive"):
            mixture_log_prob(x, m.log_weights, m.means, sigmas)
    with pytest.raises(ValueError, match="one point in each row"):
        mixture_log_prob(x[0], *args)
    with pytest.raises(ValueError, match="do not fit"):
        BernoulliMixture(torch.zeros(2), torch.full((3, 4), 0.5))
    for value in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="both excluded"):
            BernoulliMixture(torch.zeros(1), torch.full((1, 4), value))
    with pytest.raises(ValueError, match="min_prob must lie"):
        BernoulliMixture(torch.zeros(1), torch.full((1, 4), 0.5), 0.5)
    with pytest.raises(ValueError, match="9 pixels per image"):
        small_bernoulli_mixture().log_prob(torch.zeros(2, 8, dtype=F64))
    with pytest.raises(ValueError, match="only 0 and 1"):
        small_bernoulli_mixture().log_prob(torch.full((2, 9), 0.3, dtype=F64))


# ---------------------------------------------------------------------- fits of mixtures


def worse_start(make) -> Mixture | FullMixture | BernoulliMixture:
    """A start far from the model that the data are drawn from, with narrow components."""
    model = make()
    log_weights = torch.full_like(model.log_weights, -math.log(len(model.log_weights)))
    if isinstance(model, Mixture):
        return Mixture(log_weights, normal(3, 2, seed=9), torch.full_like(model.sigmas, 0.1), 0.05)
    if isinstance(model, FullMixture):
        return FullMixture(log_weights, normal(3, 2, seed=9), 0.1 * random_cov(2, 10, 3), 0.05)
    probs = torch.rand(model.probs.shape, generator=seeded(11), dtype=F64)
    return BernoulliMixture(log_weights, probs.clamp(0.1, 0.9), 0.05)


@pytest.mark.parametrize("make", MIXTURES)
def test_em_never_lowers_the_likelihood(make) -> None:
    x = make().sample(400, generator=seeded(12))
    # Equal points: a component that falls on them would become infinitely narrow.
    x = torch.cat([x, x[:1].expand(20, -1)])
    fit = fit_em(worse_start(make), x, steps=300, tolerance=-1.0)
    gains = fit.history.diff()
    assert len(gains) == 300
    assert gains.min() > -1e-12 and gains[0] > 0.01  # also while the floors are active
    assert fit.history[-1].item() == pytest.approx(fit.model.log_prob(x).mean().item(), abs=1e-13)


@pytest.mark.parametrize("make", MIXTURES)
def test_the_m_step_is_a_maximum(make) -> None:
    """No change of a parameter raises sum_nm r_nm log(w_m p(x_n | m)) at the M-step's answer."""
    model = make()
    x = model.sample(200, generator=seeded(13))
    r = (2 * normal(200, len(model.log_weights), seed=14)).softmax(dim=1)
    best = model.maximised(x, r)
    assert best.log_weights.exp().sum().item() == pytest.approx(1, abs=1e-12)
    free = {n: t.clone().requires_grad_() for n, t in vars(best).items() if isinstance(t, Tensor)}
    weights = free["log_weights"].log_softmax(dim=0)
    objective = (r * type(best)(**(free | {"log_weights": weights})).log_joint(x)).sum()
    for gradient in torch.autograd.grad(objective, list(free.values())):
        assert gradient.abs().max() < 1e-9


@pytest.mark.parametrize("make", MIXTURES)
def test_em_steps_are_those_of_bayes_theorem(make) -> None:
    model = worse_start(make)
    x = make().sample(5, generator=seeded(15))
    joint = model.log_joint(x).exp()
    new, log_likelihood = em_round(model, x)
    expected = model.maximised(x, joint / joint.sum(dim=1, keepdim=True))
    for name, value in vars(new).items():
        torch.testing.assert_close(value, vars(expected)[name])
    assert log_likelihood.item() == pytest.approx(joint.sum(dim=1).log().mean().item())


def test_an_em_step_of_plain_tensors_is_a_round_of_the_mixture() -> None:
    model = small_mixture()
    x = model.sample(50, generator=seeded(15))
    new, _ = em_round(model, x)
    found = em_step(x, model.log_weights, model.means, model.sigmas)
    for value, wanted in zip(found, (new.log_weights, new.means, new.sigmas), strict=True):
        torch.testing.assert_close(value, wanted)


def test_fit_mixture_recovers_the_truth_within_its_errors() -> None:
    truth = small_mixture()
    n = 5000
    model = fit_mixture(
        truth.sample(n, generator=seeded(16)), 3, generator=seeded(17), tolerance=1e-10
    ).model
    order = torch.cdist(truth.means, model.means).argmin(dim=1)
    weights = truth.log_weights.exp()
    count = n * weights
    # Errors as if the components were known; they overlap little, so 5 of these. Twelve numbers,
    # false alarms below 1e-4.
    for found, true, error in (
        (model.log_weights[order].exp(), weights, (weights * (1 - weights) / n).sqrt()),
        (model.means[order], truth.means, (truth.sigmas / count.sqrt())[:, None]),
        (model.sigmas[order], truth.sigmas, truth.sigmas / (4 * count).sqrt()),
    ):
        assert ((found - true).abs() < 5 * error).all()


@pytest.mark.parametrize("full", (False, True))
def test_a_fit_is_above_the_truth_on_its_own_data_and_below_on_others(full: bool) -> None:
    truth = small_full_mixture() if full else small_mixture()
    x = truth.sample(3000, generator=seeded(18))
    other = truth.sample(100_000, generator=seeded(19))
    fit = fit_mixture(x, 3, generator=seeded(20), full=full)
    model = fit.model
    gain = 3000 * (model.log_prob(x) - truth.log_prob(x)).mean().item()
    # Wilks: twice the gain is chi^2 with as many degrees of freedom as parameters. Four
    # deviations on either side, twice: false alarms 1e-3 (the chi^2 is skew).
    k = model.n_parameters
    assert abs(2 * gain - k) < 4 * math.sqrt(2 * k)
    above, error = nats_above_truth(truth.log_prob(other), model.log_prob(other))
    assert above > 4 * error
    assert isinstance(model, FullMixture if full else Mixture)
    assert (fit.history.diff() > -1e-12).all()  # across the change from the short run to the long


def test_one_component_is_the_closed_form() -> None:
    x = normal(50, 3, seed=21) + 4
    full = fit_mixture(x, 1, generator=seeded(), full=True).model
    mean, cov = fit_gaussian(x)
    torch.testing.assert_close(full.means[0], mean)
    torch.testing.assert_close(full.covs[0], cov)
    isotropic = fit_mixture(x, 1, generator=seeded()).model
    assert isotropic.sigmas.item() == pytest.approx(cov.trace().div(3).sqrt().item())
    images = (x > 4).double()
    product = fit_bernoulli_mixture(images, 1, generator=seeded()).model
    torch.testing.assert_close(product.probs[0], images.mean(dim=0))
    assert product.log_weights.item() == pytest.approx(0, abs=1e-12)


def test_a_start_reaches_small_clusters_far_away() -> None:
    centres = torch.tensor([[0.0, 0.0], [100.0, 0.0], [0.0, 100.0]])
    x = torch.repeat_interleave(centres, torch.tensor([980, 10, 10]), dim=0)
    x = x + torch.randn(x.shape, generator=seeded(33))
    # Means drawn evenly from the points would miss a cluster 97 times in 100.
    model = fit_mixture(x, 3, generator=seeded(34), starts=1).model
    assert torch.cdist(centres, model.means).amin(dim=1).max() < 2


def test_a_collapsing_component_stops_at_the_floor() -> None:
    points = torch.tensor([[0.0, 0.0]] * 5 + [[5.0, 5.0], [5.5, 5.0], [5.0, 5.7]])
    for full in (False, True):
        model = fit_mixture(points, 2, generator=seeded(24), full=full, min_sigma=0.1).model
        assert model.log_prob(points).isfinite().all()
        widths = torch.linalg.eigvalsh(model.covs).sqrt() if full else model.sigmas
        assert widths.min().item() == pytest.approx(0.1, rel=1e-5)
    # More components than distinct points.
    assert fit_mixture(points, 6, generator=seeded(25)).model.log_prob(points).isfinite().all()


def test_bernoulli_mixture_finds_templates_and_keeps_its_floor() -> None:
    truth = BernoulliMixture(
        torch.tensor([0.3, 0.7], dtype=F64).log(),
        torch.tensor([[0.9] * 6 + [0.1] * 6, [0.2] * 4 + [0.8] * 4 + [0.2] * 4], dtype=F64),
    )
    n = 4000
    x = truth.sample(n, generator=seeded(26))
    fit = fit_bernoulli_mixture(x, 2, generator=seeded(27), steps=1000, tolerance=1e-10)
    order = torch.cdist(truth.probs, fit.model.probs).argmin(dim=1)
    count = n * truth.log_weights.exp()[:, None]
    error = (truth.probs * (1 - truth.probs) / count).sqrt()
    # 24 numbers; 5 standard errors allow for the images that might be of either template.
    assert ((fit.model.probs[order] - truth.probs).abs() < 5 * error).all()
    never = torch.cat([x, torch.zeros(n, 1, dtype=F64)], dim=1)
    model = fit_bernoulli_mixture(never, 2, generator=seeded(27), min_prob=0.03).model
    assert (model.probs[:, -1] == 0.03).all()
    flipped = never[:5].clone()
    flipped[:, -1] = 1
    surprise = model.log_prob(never[:5]) - model.log_prob(flipped)
    torch.testing.assert_close(surprise, torch.full_like(surprise, math.log(0.97 / 0.03)))


def test_fits_obey_their_generator_and_dtype() -> None:
    x = small_mixture().sample(200, generator=seeded(28)).float()
    runs = [fit_mixture(x, 3, generator=seeded(s)).model for s in (1, 1, 2)]
    assert torch.equal(runs[0].means, runs[1].means) and not torch.equal(
        *(r.means for r in runs[1:])
    )
    assert runs[0].means.dtype == torch.float32
    images = (x > 0).float()
    assert fit_bernoulli_mixture(images, 2, generator=seeded()).model.probs.dtype == torch.float32


def test_wrong_data_are_refused_by_every_fit() -> None:
    x = normal(8, 2, seed=29)

    def gaussians(x: Tensor, m: int = 2) -> object:
        return fit_mixture(x, m, generator=seeded())

    def templates(x: Tensor, m: int = 2) -> object:
        return fit_bernoulli_mixture(x, m, generator=seeded())

    for fit in (
        gaussians,
        lambda x: fit_em(small_mixture(), x),
    ):
        for value in (math.nan, math.inf):
            with pytest.raises(ValueError, match="NaN or infinity"):
                fit(torch.full((9, 2), value, dtype=F64))
        with pytest.raises(ValueError, match="one point in each row"):
            fit(x[0])
        with pytest.raises(ValueError, match="empty"):
            fit(x[:0])
    with pytest.raises(ValueError, match="only 0 and 1"):
        templates(x)
    with pytest.raises(ValueError, match="empty"):
        templates(torch.zeros(0, 2))
    for fit, data in ((gaussians, x), (templates, (x > 0).double())):
        with pytest.raises(ValueError, match="m must be at least 1"):
            fit(data, 0)
        with pytest.raises(ValueError, match="9 components need at least as many points, got 8"):
            fit(data, 9)
    with pytest.raises(ValueError, match="All points are equal"):
        gaussians(torch.ones(5, 2))
    with pytest.raises(ValueError, match="starts must be at least 1"):
        fit_mixture(x, 2, generator=seeded(), starts=0)


# ---------------------------------------------------------------------- the molecular basins


def test_nats_above_the_truth_choose_the_number_of_components() -> None:
    truth = mueller_brown_truth(20.0)
    x = sample_mueller_brown(2000, 20.0, generator=seeded(30))
    held_out = truth.sample(10_000, generator=seeded(31))
    above = {}
    for m in (1, 2, 5, 20):
        model = fit_mixture(x, m, generator=seeded(32), full=True).model
        above[m], error = nats_above_truth(truth.log_prob(held_out), model.log_prob(held_out))
        assert above[m] > 4 * error > 0  # a KL is positive, and no mixture is the truth
    # Too few components cannot, too many remember the training points.
    assert above[1] > 1 and above[2] > 0.08
    assert 3 * above[5] < above[2] and 1.5 * above[5] < above[20]
