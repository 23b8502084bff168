"""Rate-distortion against closed forms, against each other, and by training."""

import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from course_utils import inference, vae
from course_utils import rate_distortion as rd
from course_utils.autoencoders import mlp
from course_utils.simulators import cosmology
from course_utils.training import cosine, fit, stack, unstack

F64 = torch.float64


def covariance(eigenvalues: Tensor, seed: int = 0) -> Tensor:
    """A matrix with these eigenvalues and axes that point anywhere."""
    axes = torch.linalg.qr(normal(len(eigenvalues), len(eigenvalues), seed=seed)).Q
    cov = (axes * eigenvalues) @ axes.T
    return (cov + cov.T) / 2


EIGENVALUES = 4 * 2.0 ** -torch.arange(8, dtype=F64)[torch.randperm(8, generator=seeded(3))]

# ---------------------------------------------------------------------- reverse water-filling


def test_water_filling_by_hand() -> None:
    rate, distortion = rd.reverse_water_filling(torch.tensor([0.5, 4.0, 1.0, 0.0], dtype=F64), 1.0)
    assert rate.item() == pytest.approx(math.log(2), rel=1e-14)
    assert distortion.item() == 2.5
    assert rate.ndim == distortion.ndim == 0 and rate.dtype == F64


def test_water_filling_is_the_best_allocation() -> None:
    """No other way to share the same distortion among the directions needs less rate."""
    rate, distortion = rd.reverse_water_filling(EIGENVALUES, 0.3)
    best = torch.minimum(EIGENVALUES, torch.tensor(0.3))
    for seed in range(50):
        shared = best * (0.3 * normal(8, seed=seed)).exp()
        shared = torch.minimum(shared * distortion / shared.sum(), EIGENVALUES)
        if shared.sum() < distortion:  # what was cut off may be given to any with room
            room = EIGENVALUES - shared
            shared = shared + room * (distortion - shared.sum()) / room.sum()
        torch.testing.assert_close(shared.sum(), distortion)
        assert 0.5 * (EIGENVALUES / shared).log().sum() >= rate - 1e-12


def test_slope_of_the_curve_is_minus_half_the_inverse_level() -> None:
    """dR/dD = -1 / (2 level), by autograd, away from the corners."""
    level = torch.tensor([0.04, 0.3, 1.3], dtype=F64, requires_grad=True)
    rate, distortion = rd.reverse_water_filling(EIGENVALUES, level)
    (r,) = torch.autograd.grad(rate.sum(), level, retain_graph=True)
    (d,) = torch.autograd.grad(distortion.sum(), level)
    torch.testing.assert_close(r / d, -1 / (2 * level.detach()))


@pytest.mark.parametrize("level", [1e-6, 0.03, 0.25, 0.7, 3.9])
def test_water_level_inverts_it(level: float) -> None:
    rate, _ = rd.reverse_water_filling(EIGENVALUES, level)
    assert rd.water_level(EIGENVALUES, rate).item() == pytest.approx(level, rel=1e-12)


def test_water_level_at_the_ends_and_for_many() -> None:
    top = EIGENVALUES.max()
    assert rd.water_level(EIGENVALUES, 0.0) == top
    equal = torch.tensor([2.0, 2.0, 0.0])
    assert rd.water_level(equal, 2 * 0.5 * math.log(4)).item() == pytest.approx(0.5)
    rates = torch.tensor([[0.1, 1.0], [5.0, 30.0]], dtype=F64)
    back = rd.reverse_water_filling(EIGENVALUES, rd.water_level(EIGENVALUES, rates))[0]
    torch.testing.assert_close(back, rates)


def test_mistakes_in_limits_say_so() -> None:
    for level in (0.0, -1.0, math.nan):
        with pytest.raises(ValueError, match="water level must be positive"):
            rd.reverse_water_filling(EIGENVALUES, level)
    with pytest.raises(ValueError, match="variances"):
        rd.reverse_water_filling(-EIGENVALUES, 1.0)
    with pytest.raises(ValueError, match=r"\(D,\)"):
        rd.reverse_water_filling(covariance(EIGENVALUES), 1.0)
    with pytest.raises(ValueError, match="not negative"):
        rd.water_level(EIGENVALUES, -1.0)
    with pytest.raises(ValueError, match="needs no rate"):
        rd.water_level(torch.zeros(3), 1.0)
    with pytest.raises(ValueError, match="sigma"):
        rd.equivalent_beta(1.0, 0.0, 1.0)


# ---------------------------------------------------------------------- Blahut and Arimoto


def binary_entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


@pytest.mark.parametrize("p", [0.5, 0.3, 0.1])
def test_blahut_on_a_coin(p: float) -> None:
    """R(d) = H(p) - H(d) for flips with Hamming distortion; the slope is log((1-d)/d)."""
    d = torch.tensor([0.02, 0.05, 0.09], dtype=F64)
    slope = ((1 - d) / d).log()
    source = torch.tensor([p, 1 - p], dtype=F64)
    rate, distortion, channel, gap = rd.blahut_arimoto(source, 1 - torch.eye(2, dtype=F64), slope)
    truth = [binary_entropy(p) - binary_entropy(float(each)) for each in d]
    torch.testing.assert_close(rate, torch.tensor(truth, dtype=F64), atol=2e-4, rtol=0)
    torch.testing.assert_close(distortion, d, atol=2e-4, rtol=0)
    # The objective is stationary at the minimum, and so much better known: to the gap itself.
    objective = rate + slope * distortion - torch.tensor(truth, dtype=F64) - slope * d
    assert bool((gap < 1e-6).all()) and bool((objective > -1e-12).all())
    assert bool((objective <= gap + 1e-12).all())
    torch.testing.assert_close(channel.sum(dim=-1), torch.ones(3, 2, dtype=F64))


def test_blahut_tells_nothing_where_nothing_is_worth_telling() -> None:
    """Above d = p the rate is 0: always say the likelier face."""
    source = torch.tensor([0.2, 0.8], dtype=F64)
    rate, distortion, _, _ = rd.blahut_arimoto(source, 1 - torch.eye(2, dtype=F64), 0.5)
    assert rate < 1e-5 and distortion.item() == pytest.approx(0.2, abs=1e-4)


def test_blahut_on_a_fine_gaussian_agrees_with_water_filling() -> None:
    """R = 1/2 log(lambda / level), dR/dD = -1 / (2 level).

    The grid's spacing is a quarter of the smallest deviation: errors of discretisation are far
    below 1e-4.
    """
    variance, levels = 1.5, torch.tensor([0.1, 0.4, 1.0], dtype=F64)
    x = torch.linspace(-6, 6, 151, dtype=F64)
    p = (-x.square() / (2 * variance)).exp()
    squared = (x[:, None] - x).square()
    found = rd.blahut_arimoto(p / p.sum(), squared, 0.5 / levels, tolerance=1e-4)
    rate, distortion = rd.reverse_water_filling(torch.tensor([variance], dtype=F64), levels)
    excess = found.rate + found.distortion / (2 * levels) - rate - distortion / (2 * levels)
    assert float(excess.abs().max()) < 2e-4
    torch.testing.assert_close(found.rate, rate, atol=5e-3, rtol=0)
    torch.testing.assert_close(found.distortion, distortion, atol=5e-3, rtol=0)


def test_repeated_steps_reach_the_curve() -> None:
    """The single step of the exercise, repeated, ends where the whole algorithm does."""
    generator = seeded(5)
    p = torch.rand(7, generator=generator, dtype=F64)
    p, cost = p / p.sum(), torch.rand(7, 5, generator=generator, dtype=F64)
    q = torch.full((5,), 0.2, dtype=F64)
    for _ in range(20_000):
        q = rd.blahut_arimoto_step(p, cost, q, 8.0)
    found = rd.blahut_arimoto(p, cost, 8.0, tolerance=1e-9)
    torch.testing.assert_close(q, p @ found.channel, atol=1e-3, rtol=0)


def test_mistakes_in_blahut_say_so() -> None:
    half, hamming = torch.tensor([0.5, 0.5]), 1 - torch.eye(2)
    with pytest.raises(ValueError, match="sum to 1"):
        rd.blahut_arimoto(2 * half, hamming, 1.0)
    with pytest.raises(ValueError, match=r"\(X, Y\)"):
        rd.blahut_arimoto(half, torch.zeros(3, 2), 1.0)
    with pytest.raises(ValueError, match="not negative"):
        rd.blahut_arimoto(half, -hamming, 1.0)
    with pytest.raises(ValueError, match="positive"):
        rd.blahut_arimoto(half, hamming, 0.0)
    with pytest.raises(ValueError, match="max_steps"):
        uneven = torch.tensor([0.1, 0.9])
        rd.blahut_arimoto(uneven, hamming, 3.0, tolerance=1e-12, max_steps=3)


# ---------------------------------------------------------------------- the linear beta-VAE

BETAS = torch.tensor([0.06, 0.15, 0.3, 0.6, 1.2, 2.4, 9.0], dtype=F64)  # the last tells nothing


@pytest.mark.parametrize("full", [False, True])
def test_exact_terms_against_draws(full: bool) -> None:
    """mse_sum and rate against 200 000 draws, 5 standard errors each: false alarms below 1e-5."""
    cov = covariance(EIGENVALUES[:4])
    model = rd.LinearBetaVAE(4, 3, full=full, generator=seeded(1))
    with torch.no_grad():
        noise = model.noise.weight if full else model.log_var
        noise.add_(0.5 * normal(*noise.shape))
    mse_sum, rate = rd.linear_mse_and_rate(model, rd.covariance_factor(cov))
    n = 200_000
    x = MultivariateNormal(torch.zeros(4, dtype=F64), cov)
    torch.manual_seed(0)
    draws = x.sample((n,))
    with torch.no_grad():
        rows, _ = model.posterior_noise()
        q = MultivariateNormal(model.encoder(draws), rows.T @ rows)
        error = (draws - model.decoder(q.sample())).square().sum(dim=1)
        kl = kl_divergence(q, MultivariateNormal(torch.zeros(3, dtype=F64), torch.eye(3).double()))
    for exact, drawn in ((mse_sum, error), (rate, kl)):
        assert abs(exact - drawn.mean()) < 5 * drawn.std() / n**0.5


@pytest.fixture(scope="module")
def trained() -> torch.nn.Module:
    """Seven linear beta-VAEs on one covariance, at once."""
    generator = seeded(1)
    models = [rd.LinearBetaVAE(8, 8, generator=generator) for _ in BETAS]
    stacked = stack(models)
    fit(
        stacked,
        rd.linear_loss(covariance(EIGENVALUES)),
        None,
        steps=2000,
        lr=cosine(0.1, 2000),
        eps=1e-12,
        weights={"rate": BETAS},
        generator=generator,
    )
    return stacked


def test_a_linear_beta_vae_reaches_water_filling(trained: torch.nn.Module) -> None:
    """Row of lecture 08: at least 6 betas, 1e-3 relative."""
    factor = rd.covariance_factor(covariance(EIGENVALUES))
    mse_sum, rate = (term.detach() for term in rd.linear_mse_and_rate(trained, factor))
    limit_rate, limit = rd.reverse_water_filling(EIGENVALUES, BETAS)
    torch.testing.assert_close(mse_sum, limit, rtol=1e-3, atol=0)
    torch.testing.assert_close(rate, limit_rate, rtol=1e-3, atol=1e-9)
    # And none is better than Shannon allows.
    assert bool((mse_sum / 2 + BETAS * rate >= limit / 2 + BETAS * limit_rate - 1e-9).all())


def linear_optimum(
    eigenvalues: Tensor, beta_sigma_squared: Tensor, k: int | None = None
) -> tuple[Tensor, Tensor]:
    """(mse_sum, rate in nats) of the best linear beta-VAE with k latents, in closed form.

    A latent that tells the direction lambda_i at noise s^2 costs lambda_i s^2 / (2 sigma^2) -
    beta/2 log s^2, lowest at lambda_i s^2 = beta sigma^2: water-filling at that level over the k
    largest; the others are lost whole.
    """
    falling = eigenvalues.sort(descending=True).values
    rate, mse_sum = rd.reverse_water_filling(falling[:k], beta_sigma_squared)
    return mse_sum + falling[len(falling[:k]) :].sum(), rate


def test_too_few_latents_leave_the_small_directions() -> None:
    """linear_optimum with k = 3, by training."""
    g = seeded(2)
    betas = torch.tensor([0.05, 0.3, 1.5], dtype=F64)
    stacked = stack([rd.LinearBetaVAE(8, 3, generator=g) for _ in betas])
    cov = covariance(EIGENVALUES)
    fit(
        stacked,
        rd.linear_loss(cov),
        None,
        steps=1200,
        lr=cosine(0.1, 1200),
        eps=1e-12,
        weights={"rate": betas},
        generator=g,
    )
    mse_sum, rate = rd.linear_mse_and_rate(stacked, rd.covariance_factor(cov))
    expected_mse, expected_rate = linear_optimum(EIGENVALUES, betas, 3)
    torch.testing.assert_close(mse_sum.detach(), expected_mse, rtol=1e-3, atol=0)
    torch.testing.assert_close(rate.detach(), expected_rate, rtol=1e-3, atol=0)
    everything, _ = linear_optimum(EIGENVALUES, betas)
    assert bool((expected_mse > 1.05 * everything)[:2].all())


def test_linear_loss_has_all_its_constants() -> None:
    cov, sigma = covariance(EIGENVALUES), 0.3
    model = rd.LinearBetaVAE(8, 2, generator=seeded())
    mse_sum, rate = rd.linear_mse_and_rate(model, rd.covariance_factor(cov))
    terms = rd.linear_loss(cov, sigma)(model)
    constant = 4 * math.log(2 * math.pi * sigma**2)
    torch.testing.assert_close(terms["distortion"], mse_sum / (2 * sigma**2) + constant)
    assert terms["rate"] == rate
    with pytest.raises(ValueError, match="sigma"):
        rd.linear_loss(cov, 0.0)
    with pytest.raises(ValueError, match="symmetric"):
        rd.linear_loss(torch.ones(2, 3))
    with pytest.raises(ValueError, match="negative eigenvalues"):
        rd.linear_loss(torch.diag(torch.tensor([1.0, -1.0])))


# ---------------------------------------------------------------------- beta sigma^2


def test_equivalent_beta() -> None:
    assert rd.equivalent_beta(2.0, 0.5, 0.25) == pytest.approx(8.0)
    assert isinstance(rd.equivalent_beta(2.0, 0.5, 0.25), float)


PAIRS = [(4.0, 0.1), (1.0, 0.2), (0.04, 1.0), (0.0025, 4.0)]  # (beta, sigma), product 0.04


def test_only_beta_sigma_squared_matters_linear() -> None:
    """Adam with a negligible eps does not see the scale of a loss: 1e-3 is met to rounding."""
    betas, sigmas = torch.tensor(PAIRS, dtype=F64).T
    cov = covariance(EIGENVALUES)
    stacked = stack([rd.LinearBetaVAE(8, 4, generator=seeded(1)) for _ in PAIRS])
    fit(
        stacked,
        rd.linear_loss(cov, sigmas),
        None,
        steps=200,
        lr=0.05,
        eps=1e-30,
        weights={"rate": betas},
        generator=seeded(),
    )
    mse_sum, rate = rd.linear_mse_and_rate(stacked, rd.covariance_factor(cov))
    for term in (mse_sum, rate):
        torch.testing.assert_close(term, term[0].expand(len(PAIRS)), rtol=1e-6, atol=0)


def test_only_beta_sigma_squared_matters_for_a_network() -> None:
    """Row of lecture 08, on a nonlinear VAE with equal seeds; a wrong beta misses by far."""
    x = normal(200, 2, seed=1) @ normal(2, 6, seed=2)
    x = x.tanh() + 0.05 * normal(200, 6, seed=3)
    points = []
    for beta, sigma in [*PAIRS[:3], (PAIRS[0][0] * 1.5, PAIRS[0][1])]:
        model = vae.mlp_vae(6, 3, hidden=(16,), likelihood=vae.Gaussian(sigma), generator=seeded())
        fit(
            model.double(),
            vae.loss(seeded(1)),
            x,
            steps=150,
            lr=5e-3,
            eps=1e-30,
            weights={"rate": beta},
            generator=seeded(2),
        )
        point = rd.rd_of(model, x, samples=4, generator=seeded(3))
        points.append(torch.stack([point.mse_sum, point.rate]))
        constant = 3 * math.log(2 * math.pi * sigma**2)
        torch.testing.assert_close(
            point.distortion, point.mse_sum / (2 * sigma**2) + constant, rtol=1e-5, atol=1e-5
        )
    first, *same, other = points
    for point in same:
        torch.testing.assert_close(point, first, rtol=1e-3, atol=0)
    assert bool(((other / first - 1).abs() > 2e-2).all())


# ---------------------------------------------------------------------- cosmology


def test_covariance_of_a_field_has_its_power_for_eigenvalues() -> None:
    power = cosmology.lecture_power(8).double()
    cov = rd.covariance_from_power(power)
    eigenvalues = rd.full_plane(power)
    torch.testing.assert_close(torch.linalg.eigvalsh(cov), eigenvalues.sort().values)
    variance = cosmology.field_variance(power)
    torch.testing.assert_close(cov.diagonal(), variance.expand(64))
    torch.testing.assert_close(eigenvalues.mean(), variance)
    white = torch.ones(6, 4, dtype=F64)
    torch.testing.assert_close(rd.covariance_from_power(white), torch.eye(36, dtype=F64))
    # Against fields: 20 000 draws, entries have a standard error of at most 2 variance / sqrt(N),
    # 6 of which no entry of 4096 exceeds by chance in 1e5 runs.
    fields = cosmology.sample_field(power, 20_000, generator=seeded()).flatten(1)
    drawn = fields.T @ fields / len(fields)
    assert float((drawn - cov).abs().max()) < 6 * 2**0.5 * float(variance) / len(fields) ** 0.5


def test_a_wrong_grid_says_so() -> None:
    for power in (torch.ones(5, 3), torch.ones(4, 4), torch.ones(4)):
        with pytest.raises(ValueError, match="rfft2 grid"):
            rd.covariance_from_power(power)
    with pytest.raises(ValueError, match="not negative"):
        rd.full_plane(-torch.ones(4, 3))
    with pytest.raises(ValueError, match="even"):
        rd.FilterBetaVAE(5, generator=seeded())


def residual_power(model: rd.LinearBetaVAE, factor: Tensor, n: int) -> Tensor:
    """Power spectrum (..., n, n//2+1) of x - W z, z ~ q(z|x): what a linear beta-VAE gets wrong."""
    with torch.no_grad():
        missed = factor - model.decoder(model.encoder(factor))  # (..., M, D)
        rows = torch.cat([missed, model.decoder(model.posterior_noise()[0])], dim=-2)
    fields = rows.reshape(*rows.shape[:-1], n, n)
    return torch.fft.rfft2(fields, norm="ortho").abs().square().sum(dim=-3)


def test_residual_spectrum_of_a_dense_model_on_a_field() -> None:
    """Row of lecture 08: the pixels' model finds min(P, beta sigma^2), mode by mode, to 1e-3."""
    sigma = 0.5
    power = cosmology.lecture_power(6).double()
    cov = rd.covariance_from_power(power)
    levels = torch.tensor([0.3, 1.5, 2.5], dtype=F64)  # beta sigma^2; P from 1 to 5
    g = seeded(4)
    stacked = stack([rd.LinearBetaVAE(36, 36, full=True, generator=g) for _ in levels])
    fit(
        stacked,
        rd.linear_loss(cov, sigma),
        None,
        steps=1200,
        lr=cosine(0.04, 1200),
        eps=1e-12,
        weights={"rate": levels / sigma**2},
        generator=g,
    )
    factor = rd.covariance_factor(cov)
    residual = residual_power(stacked, factor, 6)
    expected = torch.minimum(power, levels[:, None, None])
    # P(0) = 0: there the residual itself is 0, to a thousandth of the level.
    assert bool(((residual - expected).abs() <= 1e-3 * expected.clamp_min(0.3)).all())
    torch.testing.assert_close(residual_power(unstack(stacked, 1), factor, 6), residual[1])
    total = rd.full_plane(residual[1])
    mse_sum, _ = rd.linear_mse_and_rate(unstack(stacked, 1), factor)
    torch.testing.assert_close(total.sum(), mse_sum.detach())


def test_residual_spectrum_of_a_filter_on_a_large_field() -> None:
    power, sigma, beta = cosmology.lecture_power(32).double(), 0.6, 2.0
    model = rd.FilterBetaVAE(32, generator=seeded())
    fit(
        model,
        rd.filter_loss(power, sigma),
        None,
        steps=1500,
        lr=cosine(0.3, 1500),
        eps=1e-14,
        weights={"rate": beta},
        generator=seeded(),
    )
    residual, rate = (spectrum.detach() for spectrum in model.spectra(power))
    level = beta * sigma**2
    expected = torch.minimum(power, torch.tensor(level, dtype=F64))
    assert 0.1 < float((power > level).double().mean()) < 0.9  # both sides of the water
    assert bool(((residual - expected).abs() <= 1e-3 * expected.clamp_min(1e-3)).all())
    told = 0.5 * (power / level).clamp_min(1).log()
    torch.testing.assert_close(rate, told, rtol=1e-3, atol=1e-3)
    limit_rate, limit = rd.reverse_water_filling(rd.full_plane(power), level)
    terms = {n: term.detach() for n, term in rd.filter_loss(power, sigma)(model).items()}
    constant = 512 * math.log(2 * math.pi * sigma**2)
    assert float(terms["rate"] / limit_rate - 1) == pytest.approx(0, abs=1e-3)
    mse_sum = 2 * sigma**2 * (terms["distortion"] - constant)
    assert float(mse_sum / limit - 1) == pytest.approx(0, abs=1e-3)


# ---------------------------------------------------------------------- measured


def test_rd_of_a_linear_vae_against_its_exact_elbo() -> None:
    """distortion + rate = -<ELBO>, in closed form for probabilistic PCA; 4 standard errors."""
    g = seeded(1)
    model = vae.linear_vae(5, 2, generator=g).double()
    x = normal(200, 5, seed=2)
    ppca = vae.as_ppca(model)
    mu, log_var = (t.detach() for t in model.encode(x))
    exact = -ppca.elbo(x, mu, torch.diag_embed(log_var.exp())).mean()
    runs = [rd.rd_of(model, x, samples=10, batch=64, generator=g) for _ in range(20)]
    totals = torch.stack([run.distortion + run.rate for run in runs])
    assert abs(totals.mean() - exact) < 4 * totals.std() / 20**0.5
    expected = inference.gaussian_kl(mu, log_var).mean()
    torch.testing.assert_close(runs[0].rate, expected)
    with pytest.raises(ValueError, match=r"\(N, D\)"):
        rd.rd_of(model, x[None], generator=g)


def test_rd_of_a_stack_is_that_of_its_models() -> None:
    models = [vae.mlp_vae(5, 2, hidden=(6,), generator=seeded(s)) for s in range(3)]
    x = (normal(50, 5) > 0).float()
    together = rd.rd_of(stack(models).train(), x, samples=2, batch=20, generator=seeded(9))
    for k, model in enumerate(models):
        alone = rd.rd_of(model, x, samples=2, batch=20, generator=seeded(9))
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[k], b)


# ---------------------------------------------------------------------- mutual information


def correlated(n: int, rho: float, seed: int = 0) -> tuple[Tensor, Tensor]:
    a, b = normal(n, 2, seed=seed).T
    return a[:, None], (rho * a + (1 - rho**2) ** 0.5 * b)[:, None]


def test_mutual_information_of_a_gaussian_pair() -> None:
    """I = -1/2 log(1 - rho^2); bins lose a little, and never add. N = 1e5, bias below 1e-3."""
    for rho in (0.3, 0.7):
        truth = -0.5 * math.log(1 - rho**2)
        found = rd.mutual_information(*correlated(100_000, rho), bins=30).item()
        assert 0.95 * truth - 4e-3 < found < truth + 4e-3


def test_mutual_information_does_not_care_for_monotone_maps() -> None:
    z, v = correlated(2_000, 0.6)
    expected = rd.mutual_information(z, v)
    torch.testing.assert_close(rd.mutual_information(z.exp(), v**3), expected)


def test_mutual_information_of_discrete_variables_is_that_of_the_table() -> None:
    """A noisy copy of a coin with three faces: H(v) - H(v | z), N = 1e5, within 5e-3."""
    n, flip = 100_000, 0.2
    g = seeded(1)
    v = torch.randint(3, (n, 1), generator=g).double()
    wrong = torch.rand(n, 1, generator=g) < flip
    z = torch.where(wrong, (v + 1 + torch.randint(2, (n, 1), generator=g)) % 3, v)
    truth = math.log(3) + (1 - flip) * math.log(1 - flip) + flip * math.log(flip / 2)
    assert rd.mutual_information(z, v).item() == pytest.approx(truth, abs=5e-3)
    assert rd.factor_entropies(v).item() == pytest.approx(math.log(3), abs=1e-3)
    # Skewed values keep their own probabilities: no quantile may merge them.
    u = torch.rand(n, 1, generator=g)
    rare = (u < 0.02).double() + (u < 0.01).double()
    skewed = -0.98 * math.log(0.98) - 0.02 * math.log(0.01)
    assert rd.factor_entropies(rare).item() == pytest.approx(skewed, abs=5e-3)


def test_the_bias_and_its_correction() -> None:
    """Independent variables, 20 x 20 cells, N = 2000: (19 * 19) / 4000 = 0.090 nats of nothing.

    Of 30 x 6 estimates the mean has a standard error below 0.001; 0.004 is left for the bias that
    half-empty cells keep.
    """
    plain, corrected = [], []
    for seed in range(30):
        z, v = normal(2_000, 3, seed=seed), normal(2_000, 2, seed=1000 + seed)
        plain.append(rd.mutual_information(z, v, corrected=False))
        corrected.append(rd.mutual_information(z, v))
    assert torch.stack(plain).mean().item() == pytest.approx(361 / 4000, abs=6e-3)
    assert abs(torch.stack(corrected).mean().item()) < 8e-3
    assert rd.mutual_information(z, z[:, :2])[0, 0] > 2  # and what is there is not taken away


# ---------------------------------------------------------------------- the gap and its controls


def test_gap_by_hand() -> None:
    mi = torch.tensor([[1.0, 0.2], [0.4, 0.2], [0.0, 1.4]], dtype=F64)
    gap = rd.mutual_information_gap(mi, torch.tensor([2.0, 3.0], dtype=F64))
    assert gap.item() == pytest.approx((0.6 / 2 + 1.2 / 3) / 2) and gap.ndim == 0
    with pytest.raises(ValueError, match="at least 2"):
        rd.mutual_information_gap(mi[:1], torch.ones(2))
    with pytest.raises(ValueError, match="never varies"):
        rd.mutual_information_gap(mi, torch.tensor([1.0, 0.0]))


def gap_of(z: Tensor, factors: Tensor) -> float:
    entropies = rd.factor_entropies(factors)
    return rd.mutual_information_gap(rd.mutual_information(z, factors), entropies).item()


def test_controls_of_the_gap() -> None:
    """Latents that are the factors, 1; that are independent of them, 0; turned by 45 degrees, 0."""
    factors = normal(10_000, 2, seed=1)
    assert gap_of(factors, factors) > 0.98
    assert gap_of(factors.flip(1) ** 3, factors) > 0.98  # order and scale do not matter
    # Estimates of 0 have a deviation of sqrt(2 * 361) / (2 N) = 0.0013 nats, their difference
    # sqrt(2) of that, and 4 of these are asked; the entropy is log 20.
    assert abs(gap_of(normal(10_000, 2, seed=2), factors)) < 4 * 0.0019 / math.log(20)
    turned = factors @ rd.plane_rotation(2, math.pi / 4, dtype=F64).T
    assert gap_of(turned, factors) < 0.01


def test_means_of_a_switched_off_latent_would_mislead() -> None:
    """Draws say that it knows nothing; its means, which differ by 1e-6, seem to know everything."""
    factors = normal(5_000, 1, seed=1)
    means = 1e-6 * factors
    draws = means + normal(5_000, 1, seed=2)
    assert rd.mutual_information(means, factors) > 2.5
    assert rd.mutual_information(draws, factors) < 0.02


# ---------------------------------------------------------------------- the rotation


def test_rotating_a_latent_changes_the_gap_and_not_the_elbo() -> None:
    """The same draws turned: equal to rounding, 1e-6 asked. Fresh draws: 5 standard errors."""
    factors = normal(4_000, 2, seed=1)
    x = torch.cat([factors, 0.1 * normal(4_000, 2, seed=2)], dim=1)
    encoder = mlp((4, 2 * 2), generator=seeded())
    decoder = mlp((2, 8, 4), generator=seeded(1))
    model = vae.VAE(vae.Encoder(encoder, 2), vae.Decoder(decoder), vae.Gaussian(0.5)).double()
    with torch.no_grad():  # an encoder that tells one factor with each latent, at unlike noise
        encoder[0].weight.zero_()
        encoder[0].weight[0, 0] = encoder[0].weight[1, 1] = 1
        encoder[0].bias.copy_(torch.tensor([0.0, 0.0, -3.0, -5.0]))
    eps = normal(5, 4_000, 2, seed=3)
    model.requires_grad_(False)
    straight = rd.RotatedVAE(model, torch.eye(2, dtype=F64))
    turned = rd.RotatedVAE(model, rd.plane_rotation(2, math.pi / 4, dtype=F64))
    elbo = straight.elbo(x, eps)
    mu, log_var = model.encode(x)
    z = inference.reparameterize(mu, log_var, eps)
    expected = model.log_likelihood(x, z).mean(dim=0) - inference.gaussian_kl(mu, log_var)
    torch.testing.assert_close(elbo, expected)
    assert float((turned.elbo(x, eps) - elbo).abs().max()) < 1e-6
    fresh = turned.elbo(x, normal(5, 4_000, 2, seed=4)) - elbo
    assert abs(fresh.mean()) < 5 * fresh.std() / 4_000**0.5
    assert gap_of(straight.draw(x, eps[0]), factors) > 0.3
    assert gap_of(turned.draw(x, eps[0]), factors) < 0.05
    # Its draws have the mean and the full covariance that it states: 1e5 of them for one x.
    mean, cov = turned.encode(x[:1])
    draws = turned.draw(x[:1], normal(100_000, 1, 2, seed=5))[:, 0]
    torch.testing.assert_close(draws.T.cov(), cov[0], rtol=0.03, atol=5e-4)
    torch.testing.assert_close(draws.mean(dim=0), mean[0], rtol=0, atol=5e-3)
    assert cov[0, 0, 1].abs() > 1e-3  # a diagonal one would not do


def test_the_elbo_of_turned_latents_in_closed_form() -> None:
    """Probabilistic PCA, no draws at all: W -> W R^T and the full covariance of q, 1e-12."""
    W, b = normal(5, 3), normal(5, seed=1)
    x, mu = normal(7, 5, seed=2), normal(7, 3, seed=3)
    cov = torch.diag_embed(normal(7, 3, seed=4).exp())
    R = rd.plane_rotation(3, 0.7, (2, 0), dtype=F64) @ rd.plane_rotation(3, -1.1, dtype=F64)
    before = inference.PPCA(W, b, 0.4).elbo(x, mu, cov)
    after = inference.PPCA(W @ R.T, b, 0.4).elbo(x, *rd.rotate_latents(mu, cov, R))
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
    halved = torch.diag_embed(rd.rotate_latents(mu, cov, R)[1].diagonal(dim1=-2, dim2=-1))
    wrong = inference.PPCA(W @ R.T, b, 0.4).elbo(x, mu @ R.T, halved)
    assert float((wrong - before).abs().max()) > 0.1  # without the off-diagonal it is another q


def test_kl_of_a_full_covariance() -> None:
    root = normal(4, 3, 3)
    cov = root @ root.mT + 0.1 * torch.eye(3, dtype=F64)
    mu = normal(4, 3, seed=1)
    prior = MultivariateNormal(torch.zeros(3, dtype=F64), torch.eye(3, dtype=F64))
    expected = kl_divergence(MultivariateNormal(mu, cov), prior)
    torch.testing.assert_close(rd.full_gaussian_kl(mu, cov), expected)
    with pytest.raises(ValueError, match="positive definite"):
        rd.full_gaussian_kl(mu, -cov)


def test_what_is_no_rotation_says_so() -> None:
    model = vae.mlp_vae(4, 2, hidden=(3,), generator=seeded())
    with pytest.raises(ValueError, match="orthogonal"):
        rd.RotatedVAE(model, 2 * torch.eye(2))
    with pytest.raises(ValueError, match="different latents"):
        rd.plane_rotation(3, 1.0, (1, 1))
    with pytest.raises(ValueError, match="bins"):
        rd.mutual_information(normal(10, 2), normal(10, 2))
    with pytest.raises(ValueError, match="finite"):
        rd.mutual_information(normal(30, 2) / 0, normal(30, 2))
