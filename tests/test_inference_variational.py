"""Fits of q and gradients of the ELBO, against quadrature and closed forms."""

import math
from collections.abc import Callable

import pytest
import torch
from draws import normal, seeded
from torch import Tensor, nn
from torch import distributions as td

from course_utils import inference
from course_utils.inference import (
    PPCA,
    GaussianQ,
    asymmetry_log_joint,
    fit_gaussian_q,
    fit_q_on_grid,
    gradient_samples,
    kl_on_grid,
    quadrature_posterior_1d,
    refine,
    reparameterize,
    score_function_gradient,
)
from course_utils.simulators.collider import log_density, sample_cos_theta

F64 = torch.float64


# ---------------------------------------------------------------------- gradients


def test_reparameterize_has_the_right_moments_and_gradients() -> None:
    mu, log_var = normal(3, 2, seed=1), normal(3, 2, seed=2)
    eps = normal(4, 3, 2, seed=3)
    z = reparameterize(mu, log_var, eps)
    oracle = td.Normal(mu, (log_var / 2).exp())
    torch.testing.assert_close(oracle.cdf(z), td.Normal(0.0, 1.0).cdf(eps))
    inputs = (mu.requires_grad_(), log_var.requires_grad_())
    assert torch.autograd.gradcheck(lambda m, v: reparameterize(m, v, eps), inputs)
    assert reparameterize(mu.float(), log_var.float(), eps[0].float()).dtype == torch.float32


def quartic(z: Tensor) -> Tensor:
    """A log joint that is not Gaussian but has every average over q in closed form."""
    return -(z**4).sum(dim=-1) / 12 + z[..., 0] * z[..., 1] + 0.7 * z[..., 0]


def quartic_elbo(mu: Tensor, log_var: Tensor) -> Tensor:
    """<z^4> = mu^4 + 6 mu^2 s^2 + 3 s^4 under a Gaussian; entropy 1/2 sum log(2 pi e s^2)."""
    s2 = log_var.exp()
    fourth = (mu**4 + 6 * mu**2 * s2 + 3 * s2**2).sum()
    entropy = 0.5 * (log_var + math.log(2 * math.pi * math.e)).sum()
    return -fourth / 12 + mu[0] * mu[1] + 0.7 * mu[0] + entropy


def exact_gradient(mu: Tensor, log_var: Tensor) -> Tensor:
    return torch.cat(torch.autograd.functional.jacobian(quartic_elbo, (mu, log_var)))


MU = torch.tensor([0.5, -1.0], dtype=F64)
LOG_VAR = torch.tensor([-0.7, 0.3], dtype=F64)


def test_both_gradients_are_unbiased_and_the_pathwise_one_varies_less() -> None:
    s = 200_000
    exact, eps, variance = exact_gradient(MU, LOG_VAR), normal(s, 2, seed=4), {}
    runs = {"score": {}, "with a baseline": {"baseline": -4.0}, "pathwise": {}}
    for name, options in runs.items():
        method = "pathwise" if name == "pathwise" else "score"
        samples = gradient_samples(quartic, MU, LOG_VAR, eps, method=method, **options)
        assert samples.shape == (s, 4) and not samples.requires_grad
        variance[name] = samples.var(dim=0)
        pull = (samples.mean(dim=0) - exact) / (variance[name] / s).sqrt()
        assert pull.abs().max() < 4, name  # false alarm: 4 numbers, 3e-4
    assert exact.abs().min() > 0.1
    assert (2 * variance["pathwise"] < variance["score"]).all()


def test_a_good_baseline_lowers_the_variance() -> None:
    eps = normal(50_000, 2, seed=5)

    def total_variance(baseline: float) -> float:
        samples = gradient_samples(
            quartic, MU, LOG_VAR, eps, method="score", baseline=baseline + elbo
        )
        return float(samples.var(dim=0).sum())

    elbo = float(quartic_elbo(MU, LOG_VAR))
    assert total_variance(0.0) < 0.5 * total_variance(10.0)
    assert total_variance(0.0) < 0.5 * total_variance(-10.0)


def test_pathwise_samples_are_the_gradient_by_autograd() -> None:
    """One draw at a time: d/d(mu, log_var) of log joint - log q at z(eps)."""
    eps = normal(3, 2, seed=6)

    def f(mu: Tensor, log_var: Tensor) -> Tensor:
        z = mu + (log_var / 2).exp() * eps
        return quartic(z) - td.Normal(mu, (log_var / 2).exp()).log_prob(z).sum(dim=-1)

    jacobian = torch.cat(torch.autograd.functional.jacobian(f, (MU, LOG_VAR)), dim=1)
    torch.testing.assert_close(
        gradient_samples(quartic, MU, LOG_VAR, eps, method="pathwise"), jacobian
    )


def test_score_samples_average_as_the_score_function_gradient_does() -> None:
    eps = normal(50, 2, seed=7)
    mu, log_var = MU.clone().requires_grad_(), LOG_VAR.clone().requires_grad_()
    z = (mu + (log_var / 2).exp() * eps).detach()
    f = quartic(z) - td.Normal(mu, (log_var / 2).exp()).log_prob(z).sum(dim=-1).detach()
    score = torch.stack(
        [
            torch.cat(
                torch.autograd.grad(
                    td.Normal(mu, (log_var / 2).exp()).log_prob(row).sum(), (mu, log_var)
                )
            )
            for row in z
        ]
    )
    samples = gradient_samples(quartic, MU, LOG_VAR, eps, method="score", baseline=1.3)
    torch.testing.assert_close(samples.mean(dim=0), score_function_gradient(f, score, 1.3))


def test_gaussian_score_is_the_gradient_of_the_log_density() -> None:
    g = torch.Generator().manual_seed(4)
    mu, log_var = (torch.randn(3, generator=g, dtype=torch.float64) for _ in range(2))
    z = torch.randn(7, 3, generator=g, dtype=torch.float64)
    both = torch.autograd.functional.jacobian(
        lambda m, v: inference.normal_log_prob(z, m, v), (mu, log_var)
    )
    torch.testing.assert_close(inference.gaussian_score(z, mu, log_var), torch.cat(both, 1))
    with pytest.raises(ValueError, match="S, K"):
        inference.gaussian_score(z[:, :2], mu, log_var)


def test_score_function_gradient_by_hand() -> None:
    f, score = torch.tensor([1.0, 3.0]), torch.tensor([[1.0, 0.0], [2.0, -1.0]])
    found = score_function_gradient(f, score, torch.tensor(1.0))
    torch.testing.assert_close(found, torch.tensor([2.0, -1.0]))


# ---------------------------------------------------------------------- the asymmetry


def events(n: int, seed: int) -> Tensor:
    return sample_cos_theta(n, 0.2, generator=seeded(seed)).double()


def test_asymmetry_log_joint_is_prior_times_likelihood() -> None:
    c = events(300, 1)
    a = torch.tensor([-0.5, -0.1, 0.2, 0.5], dtype=F64)
    oracle = torch.stack([log_density(c, a_fb=value).sum() for value in a])  # the prior is 1
    torch.testing.assert_close(asymmetry_log_joint(c)(a), oracle)
    narrow = asymmetry_log_joint(c, bound=0.25)(a[1:3])
    torch.testing.assert_close(narrow, oracle[1:3] + math.log(2))


def test_asymmetry_continues_smoothly_and_concavely_beyond_the_walls() -> None:
    log_joint = asymmetry_log_joint(events(300, 1))
    for wall in (-0.5, 0.5):
        step = 1e-5
        a = torch.tensor([wall - step, wall + step], dtype=F64, requires_grad=True)
        value = log_joint(a)
        (slope,) = torch.autograd.grad(value.sum(), a)
        # value and slope meet; the second derivative, a few hundred, times 2 steps is left.
        assert abs(value[1] - value[0] - slope.mean() * 2 * step) < 1e-6
        assert abs(slope[1] - slope[0]) < 2e3 * 2 * step
    far = torch.linspace(-3, 3, 601, dtype=F64)
    assert log_joint(far).isfinite().all()
    assert (log_joint(far).diff().diff() < 0).all()


@pytest.mark.parametrize("n", (300, 1000, 5000))
@pytest.mark.parametrize("start_std", (0.2, 0.02))
def test_q_over_the_asymmetry_agrees_with_quadrature(n: int, start_std: float) -> None:
    log_joint = asymmetry_log_joint(events(n, 2))
    curve = quadrature_posterior_1d(log_joint, -0.5, 0.5)
    start = GaussianQ(
        torch.zeros(1, dtype=F64), torch.full((1,), 2 * math.log(start_std), dtype=F64)
    )
    q, history = fit_gaussian_q(lambda z: log_joint(z[:, 0]), start=start, generator=seeded(3))
    assert abs(q.mu - curve.mean) < 0.02 * curve.std
    assert abs(q.std - curve.std) < 0.02 * curve.std
    assert history.shape == (500,) and not q.mu.requires_grad
    # The posterior is all but Gaussian: the last ELBOs reach the evidence, and the start was low.
    assert history[-100:].mean() == pytest.approx(float(curve.log_evidence), abs=0.01)
    assert history[0] < curve.log_evidence - 0.5
    outside = 2 * td.Normal(q.mu.abs(), q.std).cdf(torch.tensor(-0.5, dtype=F64))
    assert outside < 1e-6


def test_fit_gaussian_q_finds_a_posterior_in_several_dimensions() -> None:
    """Of a correlated Gaussian, the best diagonal q has the mean and 1 / diag(precision)."""
    mean = torch.tensor([1.0, -20.0, 0.01], dtype=F64)
    scale = torch.tensor([0.5, 10.0, 0.05], dtype=F64)
    correlation = torch.eye(3, dtype=F64)
    correlation[0, 1] = correlation[1, 0] = 0.6
    target = td.MultivariateNormal(mean, scale[:, None] * correlation * scale)
    start = GaussianQ(torch.zeros(3, dtype=F64), 2 * (3 * scale).log())
    q, history = fit_gaussian_q(target.log_prob, start=start, generator=seeded(4))
    std = target.precision_matrix.diagonal().rsqrt()
    # Averaged over 125 steps of 16 draws; the noise here does not vanish, since q cannot fit.
    assert ((q.mu - mean) / std).abs().max() < 0.1
    assert (q.std / std - 1).abs().max() < 0.1
    kl = -0.5 * math.log(1 - 0.6**2)  # what a diagonal q must lose
    assert history[-100:].mean() == pytest.approx(-kl, abs=0.05)
    again, _ = fit_gaussian_q(target.log_prob, start=start, generator=seeded(4))
    assert torch.equal(again.mu, q.mu)


def test_gaussian_q_samples_follow_its_density() -> None:
    q = GaussianQ(torch.tensor([1.0, -2.0]), torch.tensor([0.5, -1.0]))
    z = q.sample(20_000, generator=seeded(5))
    assert z.shape == (20_000, 2) and z.dtype == torch.float32
    pull = (z.mean(dim=0) - q.mu) / (q.std / math.sqrt(len(z)))
    assert pull.abs().max() < 4
    torch.testing.assert_close(z.std(dim=0), q.std, rtol=0.02, atol=0)  # 4 of 1 / sqrt(2 S)
    oracle = td.MultivariateNormal(q.mu, q.log_var.exp().diag())
    torch.testing.assert_close(q.log_prob(z), oracle.log_prob(z), rtol=1e-4, atol=1e-5)


def test_quadrature_posterior_1d_of_a_beta_posterior() -> None:
    """Uniform prior and 3 successes in 10: Beta(4, 8), not zero in slope at its edges."""
    curve = quadrature_posterior_1d(
        lambda a: (
            torch.special.xlogy(torch.full_like(a, 3.0), a)
            + torch.special.xlogy(torch.full_like(a, 7.0), 1 - a)
        ),
        0.0,
        1.0,
    )
    beta = td.Beta(torch.tensor(4.0, dtype=F64), torch.tensor(8.0, dtype=F64))
    assert curve.mean == pytest.approx(beta.mean.item(), abs=1e-6)
    assert curve.std == pytest.approx(beta.stddev.item(), abs=1e-6)
    evidence = math.lgamma(4) + math.lgamma(8) - math.lgamma(12)
    assert curve.log_evidence == pytest.approx(evidence, abs=1e-6)
    inner = curve.points[1:-1]
    torch.testing.assert_close(curve.log_density[1:-1], beta.log_prob(inner), atol=1e-6, rtol=1e-6)


def test_quadrature_posterior_1d_with_weight_at_the_edges() -> None:
    """exp(a) on [0, 1]: with whole weights at both ends the sum would be 0.1 % too large."""
    curve = quadrature_posterior_1d(lambda a: a, 0.0, 1.0)
    assert curve.log_evidence == pytest.approx(math.log(math.e - 1), abs=1e-6)
    assert curve.mean == pytest.approx(1 / (math.e - 1), abs=1e-6)


# ---------------------------------------------------------------------- seeking and covering


def two_basins() -> tuple[Tensor, Tensor]:
    points = torch.linspace(-16, 16, 1601, dtype=F64)
    basins = td.Normal(torch.tensor([-3.5, 2.5], dtype=F64), torch.tensor([0.6, 0.9], dtype=F64))
    weights = torch.tensor([0.35, 0.65], dtype=F64).log()
    # Up to a constant: fits must not depend on it.
    return points, (basins.log_prob(points[:, None]) + weights).logsumexp(dim=1) + 3


def test_covering_takes_the_moments_of_the_target() -> None:
    points, log_target = two_basins()
    mu, log_var, kl = fit_q_on_grid(log_target, points, direction="covering", start=(0.0, 0.0))
    mean = 0.35 * -3.5 + 0.65 * 2.5
    second = 0.35 * (3.5**2 + 0.6**2) + 0.65 * (2.5**2 + 0.9**2)
    assert mu == pytest.approx(mean, abs=1e-4)
    assert log_var.exp() == pytest.approx(second - mean**2, rel=1e-4)
    assert kl.ndim == 0 and 0.1 < kl < 1


def test_seeking_settles_in_the_basin_it_starts_in() -> None:
    points, log_target = two_basins()
    for start, mean, std, weight in ((-3.0, -3.5, 0.6, 0.35), (2.0, 2.5, 0.9, 0.65)):
        mu, log_var, kl = fit_q_on_grid(
            log_target, points, direction="seeking", start=(start, -1.0)
        )
        assert mu == pytest.approx(mean, abs=0.02)
        assert (log_var / 2).exp() == pytest.approx(std, abs=0.02)
        # q in one basin of weight w is log 1 / w away.
        assert kl == pytest.approx(-math.log(weight), abs=0.02)


def test_kl_on_grid_of_two_gaussians_and_of_parts_without_mass() -> None:
    points = torch.linspace(-12, 12, 2001, dtype=F64)
    p = td.Normal(torch.tensor(0.5, dtype=F64), 1.2)
    q = td.Normal(torch.tensor(-0.3, dtype=F64), 0.9)
    found = kl_on_grid(p.log_prob(points) + 7, q.log_prob(points) - 1, points)
    torch.testing.assert_close(found, td.kl_divergence(p, q))
    log_p = torch.where(points > 0, p.log_prob(points), -math.inf)
    assert kl_on_grid(log_p, p.log_prob(points), points).isfinite()
    assert kl_on_grid(p.log_prob(points), log_p, points) == math.inf
    uneven = points.sign() * points.abs() ** 1.5 / 12**0.5
    found = kl_on_grid(p.log_prob(uneven), q.log_prob(uneven), uneven)
    torch.testing.assert_close(found, td.kl_divergence(p, q), rtol=1e-3, atol=0)


# ---------------------------------------------------------------------- refinement


def decoder(d: int = 8) -> tuple[nn.Sequential, Callable[[Tensor, Tensor], Tensor]]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 16), nn.Tanh(), nn.Linear(16, d)).double()

    def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
        logits = 4 * network(z)
        return -nn.functional.binary_cross_entropy_with_logits(
            logits, x.expand_as(logits), reduction="none"
        ).sum(dim=-1)

    return network, log_likelihood


def test_refine_reaches_the_best_diagonal_q_of_probabilistic_pca() -> None:
    W = torch.linalg.qr(normal(6, 3, seed=1)).Q * torch.tensor([2.0, 1.0, 0.5], dtype=F64)
    model = PPCA(W, normal(6, seed=2), 0.5)  # orthogonal columns: the posterior is diagonal
    x = model.sample(30, generator=seeded(3))[0]
    mean, _ = model.posterior(x)
    mu, log_var = mean + 0.5 * normal(30, 3, seed=4), normal(30, 3, seed=5) - 1
    before = model.elbo(x, mu, log_var.exp().diag_embed())
    found = refine(x, model.log_likelihood, mu, log_var, generator=seeded(6))
    after = model.elbo(x, found[0], found[1].exp().diag_embed())
    evidence = model.log_evidence(x)
    assert (evidence - before).mean() > 1
    assert (evidence - after).max() < 0.05 and (evidence - after).mean() < 0.01
    torch.testing.assert_close(found[0], mean, atol=0.1, rtol=0)


def test_refine_improves_a_neural_model_and_leaves_it_alone() -> None:
    network, log_likelihood = decoder()
    x = (normal(20, 8, seed=7) > 0).double()
    mu, log_var = torch.zeros(20, 3, dtype=F64), torch.zeros(20, 3, dtype=F64)
    parameters = [p.detach().clone() for p in network.parameters()]
    found = refine(x, log_likelihood, mu, log_var, steps=100, generator=seeded(8))
    assert found[0].shape == (20, 3) and not found[0].requires_grad
    eps = normal(4000, 20, 3, seed=9)

    def bound(mu: Tensor, log_var: Tensor) -> Tensor:
        kl = 0.5 * (mu**2 + log_var.exp() - 1 - log_var).sum(dim=-1)
        return log_likelihood(x, mu + (log_var / 2).exp() * eps).mean(dim=0) - kl

    with torch.no_grad():
        gain = bound(*found) - bound(mu, log_var)
    assert gain.mean() > 0.2 and gain.min() > -0.02
    for before, parameter in zip(parameters, network.parameters(), strict=True):
        assert torch.equal(before, parameter) and parameter.grad is None


def test_fits_work_where_gradients_are_switched_off() -> None:
    start, eps = GaussianQ(MU, LOG_VAR), normal(5, 2, seed=1)
    with torch.no_grad():
        q, _ = fit_gaussian_q(quartic, start=start, steps=5, generator=seeded())
        gradients = gradient_samples(quartic, MU, LOG_VAR, eps, method="pathwise")
    assert not torch.equal(q.mu, MU) and not gradients.requires_grad
    assert not MU.requires_grad


def test_refine_keeps_an_answer_that_it_cannot_improve() -> None:
    """One step of a mad learning rate ruins q: the start must come back."""
    model = PPCA(normal(6, 2, seed=1), normal(6, seed=2), 0.5)
    x = model.sample(10, generator=seeded(3))[0]
    mean, cov = model.posterior(x)
    log_var = -cov.inverse().diagonal().log().expand_as(mean)  # the best diagonal q
    found = refine(x, model.log_likelihood, mean, log_var, steps=1, lr=3.0, generator=seeded(4))
    assert torch.equal(found[0], mean) and torch.equal(found[1], log_var)


# ---------------------------------------------------------------------- arguments


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match='"score" or "pathwise"'):
        gradient_samples(quartic, MU, LOG_VAR, normal(3, 2, seed=1), method="best")
    with pytest.raises(ValueError, match=r"\(K,\), \(K,\) and \(S, K\)"):
        gradient_samples(quartic, MU, LOG_VAR, normal(3, 1, seed=1), method="score")
    with pytest.raises(ValueError, match=r"\(S,\) and \(S, P\)"):
        score_function_gradient(torch.zeros(3), torch.zeros(2, 3), 0.0)
    with pytest.raises(ValueError, match="bound must lie between"):
        asymmetry_log_joint(torch.zeros(3), bound=0.75)
    for cosines in (torch.tensor([1.5]), torch.tensor([math.nan]), torch.zeros(2, 2)):
        with pytest.raises(ValueError, match="cos_theta must be"):
            asymmetry_log_joint(cosines)
    with pytest.raises(ValueError, match="low < high"):
        quadrature_posterior_1d(lambda a: a, 1.0, 0.0)
    with pytest.raises(ValueError, match="between 2001 points"):
        quadrature_posterior_1d(lambda a: -1e9 * (a - 0.1) ** 2, -1.0, 1.0)
    start = GaussianQ(torch.zeros(1), torch.zeros(1))
    for count in ("steps", "samples"):
        with pytest.raises(ValueError, match=f"{count} must be at least 1"):
            fit_gaussian_q(lambda z: z[:, 0], start=start, generator=seeded(), **{count: 0})
    with pytest.raises(ValueError, match="NaN or infinite"):
        fit_gaussian_q(lambda z: z[:, 0].log(), start=start, steps=5, generator=seeded())
    points, log_target = two_basins()
    with pytest.raises(ValueError, match='"seeking" or "covering"'):
        fit_q_on_grid(log_target, points, direction="both", start=(0.0, 0.0))
    with pytest.raises(ValueError, match=r"must all be \(n,\)"):
        kl_on_grid(log_target[1:], log_target, points)
    with pytest.raises(ValueError, match="points must rise"):
        kl_on_grid(log_target, log_target, points.flip(0))
    x, z = torch.zeros(3, 4), torch.zeros(3, 2)
    with pytest.raises(ValueError, match=r"must be \(B, K\), B = 3"):
        refine(x, lambda x, z: z.sum(dim=-1), z[:2], z[:2], generator=seeded())
