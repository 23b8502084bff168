"""Probabilistic PCA: closed forms against the library, three fits against each other."""

import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor
from torch import distributions as td

from course_utils.densities import Gaussian, fit_gaussian
from course_utils.inference import (
    PPCA,
    fit_ppca,
    fit_ppca_by_gradient,
    fit_ppca_em,
    forward_joint,
    joint_kl,
    ppca_em_step,
    ppca_log_evidence,
    ppca_posterior,
    reverse_joint,
)

F64 = torch.float64
SIZES = ((7, 3), (2, 1), (3, 5), (40, 2))  # (D, K), more latents than dimensions too


def random_cov(d: int, seed: int, *batch: int) -> Tensor:
    a = normal(*batch, d, 2 * d, seed=seed)
    return a @ a.mT / d


def small_model(d: int = 7, k: int = 3, sigma: float = 0.6) -> PPCA:
    return PPCA(normal(d, k, seed=1), normal(d, seed=2), sigma)


def full_cov(model: PPCA) -> Tensor:
    return model.W @ model.W.T + model.sigma**2 * torch.eye(len(model.b), dtype=F64)


def data(d: int = 12, k: int = 3, n: int = 400) -> Tensor:
    """Points with K strong directions, none of them as long as another."""
    W = normal(d, k, seed=3) * torch.linspace(2, 1, k, dtype=F64)
    return PPCA(W, normal(d, seed=4), 0.5).sample(n, generator=seeded(5))[0]


# ---------------------------------------------------------------------- closed forms


@pytest.mark.parametrize(("d", "k"), SIZES)
@pytest.mark.parametrize("sigma", (0.01, 1.0, 30.0))
def test_evidence_is_that_of_the_full_gaussian(d: int, k: int, sigma: float) -> None:
    model = small_model(d, k, sigma)
    x = 3 * normal(11, d, seed=3)
    oracle = td.MultivariateNormal(model.b, full_cov(model)).log_prob(x)
    # The oracle factorises a covariance of condition 1e6 at sigma = 0.01.
    torch.testing.assert_close(model.log_evidence(x), oracle, rtol=1e-8, atol=1e-8)
    torch.testing.assert_close(model.marginal().log_prob(x), oracle, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("d", "k"), SIZES)
def test_posterior_is_the_conditional_of_the_joint(d: int, k: int) -> None:
    """p(z | x) from the covariance of (x, z), by the formula for any Gaussian."""
    model = small_model(d, k)
    x = normal(11, d, seed=3)
    mean, cov = model.posterior(x)
    gain = torch.linalg.solve(full_cov(model), model.W).T  # W^T C^-1, (K, D)
    torch.testing.assert_close(mean, (x - model.b) @ gain.T)
    torch.testing.assert_close(cov, torch.eye(k, dtype=F64) - gain @ model.W)


def test_bayes_theorem_holds_at_any_latent() -> None:
    model = small_model()
    x, z = normal(5, 7, seed=3), normal(4, 3, seed=4)
    mean, cov = model.posterior(x)
    log_prior = td.MultivariateNormal(torch.zeros(3, dtype=F64), torch.eye(3, dtype=F64))
    log_posterior = td.MultivariateNormal(mean, cov).log_prob(z[:, None])  # (S, B)
    joint = model.log_likelihood(x, z) + log_prior.log_prob(z)[:, None]
    torch.testing.assert_close(joint - log_posterior, model.log_evidence(x).expand(4, 5))


def test_log_likelihood_of_shared_and_of_own_latents() -> None:
    model = small_model()
    x, z = normal(5, 7, seed=3), normal(4, 5, 3, seed=4)
    noise = td.Normal(z @ model.W.T + model.b, model.sigma)
    oracle = noise.log_prob(x).sum(dim=-1)
    torch.testing.assert_close(model.log_likelihood(x, z), oracle)
    shared = model.log_likelihood(x, z[:, 0])
    assert shared.shape == (4, 5)
    torch.testing.assert_close(shared, model.log_likelihood(x, z[:, :1].expand(4, 5, 3)))


@pytest.mark.parametrize("shared", (True, False))
def test_evidence_minus_elbo_is_the_kl_to_the_posterior(shared: bool) -> None:
    model = small_model()
    x = 2 * normal(50, 7, seed=3)
    mu = 2 * normal(50, 3, seed=4)
    cov = random_cov(3, 5) if shared else random_cov(3, 5, 50)
    evidence, bound, kl = (
        model.log_evidence(x),
        model.elbo(x, mu, cov),
        model.kl_to_posterior(x, mu, cov),
    )
    assert (evidence - bound - kl).abs().max() < 1e-6 * 1e-3  # 1e-6 asked for; nearly all digits
    assert kl.min() > 0.1  # the identity is not one of zeros
    posterior = model.posterior(x)
    assert (evidence - model.elbo(x, *posterior)).abs().max() < 1e-9
    assert model.kl_to_posterior(x, *posterior).abs().max() < 1e-9


def test_elbo_is_the_average_over_draws() -> None:
    model = small_model()
    x, mu, cov = normal(6, 7, seed=3), normal(6, 3, seed=4), 0.3 * random_cov(3, 5)
    q = td.MultivariateNormal(mu, cov)
    s = 20_000
    z = mu + normal(s, 6, 3, seed=6) @ torch.linalg.cholesky(cov).T
    log_prior = td.Normal(torch.zeros(3, dtype=F64), 1.0).log_prob(z).sum(dim=-1)
    terms = model.log_likelihood(x, z) + log_prior - q.log_prob(z)  # (S, B)
    pull = (terms.mean(dim=0) - model.elbo(x, mu, cov)) / (terms.std(dim=0) / math.sqrt(s))
    assert pull.abs().max() < 4  # false alarm: 6 x, 4e-4


def test_gradients_reach_everything() -> None:
    x, W, b = normal(4, 5, seed=1), normal(5, 2, seed=2), normal(5, seed=3)
    inputs = [t.requires_grad_() for t in (x, W, b, torch.tensor(0.7, dtype=F64))]
    assert torch.autograd.gradcheck(ppca_log_evidence, inputs)
    assert torch.autograd.gradcheck(ppca_posterior, inputs)
    model = PPCA(W.detach(), b.detach(), 0.7)
    for z in (normal(3, 2, seed=4), normal(3, 4, 2, seed=5)):
        assert torch.autograd.gradcheck(model.log_likelihood, (x, z.requires_grad_()))


def test_a_thousand_dimensions_are_cheap_and_float32_stays_accurate() -> None:
    model = PPCA(normal(1000, 3, seed=1), normal(1000, seed=2), 0.01)
    x, z = model.sample(4, generator=seeded(3))
    low = PPCA(model.W.float(), model.b.float(), 0.01)
    # What float32 lost in x itself, 1e-7 of it against sigma = 0.01, cannot be had back: compare
    # with float64 arithmetic on the rounded numbers.
    same = PPCA(low.W.double(), low.b.double(), 0.01)
    x32 = x.float()
    for name, arguments in (("log_evidence", (x32,)), ("log_likelihood", (x32, z.float()))):
        found = getattr(low, name)(*arguments)
        assert found.dtype == torch.float32
        oracle = getattr(same, name)(*(a.double() for a in arguments))
        torch.testing.assert_close(found.double(), oracle, rtol=1e-6, atol=1e-6)


def test_sample_has_the_model_s_moments() -> None:
    model = small_model()
    n = 40_000
    x, z = model.sample(n, generator=seeded(4))
    joint = reverse_joint(model)
    both = torch.cat([x, z], dim=1)
    variance = joint.covariance_matrix.diagonal()
    pull = (both.mean(dim=0) - joint.mean) / (variance / n).sqrt()
    assert pull.abs().max() < 4.5  # false alarm: 10 numbers, 7e-5
    _, cov = fit_gaussian(both)
    # Wishart: Var C_ij = (C_ij^2 + C_ii C_jj) / n; 55 numbers, false alarm 4e-4.
    error = ((joint.covariance_matrix**2 + variance[:, None] * variance) / n).sqrt()
    assert ((cov - joint.covariance_matrix) / error).abs().max() < 4.5
    again = model.sample(n, generator=seeded(4))[0]
    assert torch.equal(x, again)


def test_n_parameters_counts_w_up_to_rotation() -> None:
    assert small_model(7, 3).n_parameters == 7 * 3 - 3 + 7 + 1
    # One dimension fewer than the data: as many as a full Gaussian has.
    full = Gaussian(torch.zeros(4), torch.eye(4))
    assert PPCA(torch.zeros(4, 3), torch.zeros(4), 1.0).n_parameters == full.n_parameters


# ---------------------------------------------------------------------- maximum likelihood


def test_closed_form_is_a_maximum() -> None:
    x = data()
    best = fit_ppca(x, 3)
    free = [t.clone().requires_grad_() for t in (best.W, best.b)]
    sigma = torch.tensor(best.sigma, dtype=F64, requires_grad=True)
    ppca_log_evidence(x, *free, sigma).mean().backward()
    for t in (*free, sigma):
        assert t.grad.abs().max() < 1e-10
    top = best.log_evidence(x).mean()
    for seed in range(20):
        W = best.W + 0.05 * normal(*best.W.shape, seed=seed)
        b = best.b + 0.05 * normal(*best.b.shape, seed=100 + seed)
        assert PPCA(W, b, best.sigma).log_evidence(x).mean() < top
    for factor in (0.98, 1.02):
        assert PPCA(best.W, best.b, factor * best.sigma).log_evidence(x).mean() < top


def test_closed_form_with_k_one_below_d_is_the_full_gaussian() -> None:
    x = data(d=4, k=3)
    found = fit_ppca(x, 3).log_evidence(x)
    torch.testing.assert_close(found, Gaussian(*fit_gaussian(x)).log_prob(x))


@pytest.mark.parametrize("k", (1, 3, 5))
def test_em_and_gradient_ascent_reach_the_closed_form(k: int) -> None:
    x = data()
    top = fit_ppca(x, k).log_evidence(x).mean()
    for fit in (fit_ppca_em, fit_ppca_by_gradient):
        found = fit(x, k, generator=seeded(6))
        assert abs(found.model.log_evidence(x).mean() - top) < 1e-3  # nats per sample
        assert found.history[-1] - found.model.log_evidence(x).mean() == pytest.approx(0, abs=1e-9)
        assert found.history.diff().min() > -1e-10  # never falls
        assert top - found.history[0] > 1  # it had a way to go
        torch.testing.assert_close(found.model.b, x.mean(dim=0), atol=1e-2, rtol=0)


def test_fits_depend_on_their_generator_only_on_the_way() -> None:
    x = data()
    one, two, again = (fit_ppca_em(x, 3, generator=seeded(s)) for s in (1, 2, 1))
    assert torch.equal(one.history, again.history)
    assert not torch.equal(one.history[:5], two.history[:5])


def test_em_step_never_lowers_the_evidence_and_stands_still_at_the_optimum() -> None:
    x = data()
    W, b, sigma = normal(12, 3, seed=7), x.mean(dim=0) + 0.1, 2.0
    history = [ppca_log_evidence(x, W, b, sigma).mean()]
    for _ in range(50):
        W, sigma = ppca_em_step(x, W, b, sigma)
        history.append(ppca_log_evidence(x, W, b, sigma).mean())
    assert sigma.ndim == 0 and torch.stack(history).diff().min() > -1e-11
    best = fit_ppca(x, 3)
    W, sigma = ppca_em_step(x, best.W, best.b, best.sigma)
    torch.testing.assert_close(W, best.W)
    torch.testing.assert_close(sigma, torch.tensor(best.sigma, dtype=F64))


def test_em_step_maximises_the_elbo_with_q_held_fixed() -> None:
    """The M-step by its definition: the gradient of the ELBO in (W, sigma) is 0 there."""
    x, old = data(), small_model(12, 3)
    q = old.posterior(x)
    W, sigma = ppca_em_step(x, old.W, old.b, old.sigma)

    def total(W: Tensor, sigma: Tensor) -> Tensor:
        mu, cov = q
        residual = (x - old.b - mu @ W.T).square().sum() + len(x) * (W.T @ W * cov).sum()
        return -residual / (2 * sigma**2) - x.numel() * sigma.log()

    for gradient in torch.autograd.functional.jacobian(total, (W, sigma)):
        assert gradient.abs().max() < 1e-8 * x.numel()
    new = PPCA(W, old.b, float(sigma))
    assert new.elbo(x, *q).mean() > old.elbo(x, *q).mean() + 0.1


def test_em_steps_on_all_points_and_the_fit_agree() -> None:
    """The fit works on 2 D points with the data's moments: its path is that of all N."""
    x = data()
    fit = fit_ppca_em(x, 3, steps=20, generator=seeded(8))
    W, sigma = fit.model.W, fit.model.sigma
    more = fit_ppca_em(x, 3, steps=21, generator=seeded(8))
    next_W, next_sigma = ppca_em_step(x, W, x.mean(dim=0), sigma)
    torch.testing.assert_close(next_W, more.model.W)
    assert float(next_sigma) == pytest.approx(more.model.sigma, rel=1e-12)


def test_fits_keep_the_dtype_and_take_few_points() -> None:
    x = data(n=9).float()  # fewer points than dimensions
    for model in (
        fit_ppca(x, 3),
        fit_ppca_em(x, 3, steps=5, generator=seeded()).model,
        fit_ppca_by_gradient(x, 3, steps=5, generator=seeded()).model,
    ):
        assert model.W.dtype == model.b.dtype == torch.float32 and model.sigma > 0
        assert model.sample(2, generator=seeded())[0].dtype == torch.float32
        assert model.posterior(x)[0].dtype == torch.float32


# ---------------------------------------------------------------------- the bird's-eye view


def processes() -> tuple[Gaussian, PPCA, Tensor, Tensor, Tensor]:
    """p_data, a model and q(z | x) = N(A x + c, Q), none of them matched to another."""
    p_data = Gaussian(normal(7, seed=11), random_cov(7, 12))
    A, c, Q = 0.3 * normal(3, 7, seed=13), normal(3, seed=14), random_cov(3, 15)
    return p_data, small_model(), A, c, Q


def test_joint_kl_is_marginal_plus_posterior_and_minus_elbo_minus_entropy() -> None:
    found = joint_kl(*processes())
    assert found.joint.ndim == 0 and found.joint.dtype == F64
    for difference in (
        found.joint - found.marginal - found.posterior,
        found.joint + found.elbo + found.entropy,
    ):
        assert abs(difference) < 1e-9
    assert min(found.marginal, found.posterior) > 0.1


def test_joint_kl_terms_are_averages_over_the_data() -> None:
    p_data, model, A, c, Q = processes()
    found = joint_kl(p_data, model, A, c, Q)
    n = 20_000
    x = p_data.sample(n, generator=seeded(16))
    per_x = {
        "marginal": p_data.log_prob(x) - model.log_evidence(x),
        "posterior": model.kl_to_posterior(x, x @ A.T + c, Q),
        "elbo": model.elbo(x, x @ A.T + c, Q),
        "entropy": -p_data.log_prob(x),
    }
    for name, values in per_x.items():
        pull = (values.mean() - getattr(found, name)) / (values.std() / math.sqrt(n))
        assert abs(pull) < 4, name  # false alarm: 6e-5 each


def test_joint_kl_is_zero_where_both_processes_are_one() -> None:
    model = small_model()
    mean, cov = model.posterior(torch.cat([torch.zeros(1, 7, dtype=F64), torch.eye(7, dtype=F64)]))
    A, c = (mean[1:] - mean[0]).T, mean[0]
    found = joint_kl(model.marginal(), model, A, c, cov)
    for value in (found.joint, found.marginal, found.posterior, found.elbo + found.entropy):
        assert abs(value) < 1e-9


def test_joints_have_the_moments_of_their_processes() -> None:
    p_data, model, A, c, Q = processes()
    n = 50_000
    x = p_data.sample(n, generator=seeded(17))
    z = x @ A.T + c + normal(n, 3, seed=18) @ torch.linalg.cholesky(Q).T
    forward = forward_joint(p_data, A, c, Q)
    mean, cov = fit_gaussian(torch.cat([x, z], dim=1))
    variance = forward.covariance_matrix.diagonal()
    assert ((mean - forward.mean) / (variance / n).sqrt()).abs().max() < 4.5
    error = ((forward.covariance_matrix**2 + variance[:, None] * variance) / n).sqrt()
    assert ((cov - forward.covariance_matrix) / error).abs().max() < 4.5  # as for `sample`
    reverse = reverse_joint(model)
    x, z = normal(5, 7, seed=19), normal(5, 3, seed=20)
    log_prior = td.Normal(torch.zeros(3, dtype=F64), 1.0).log_prob(z).sum(dim=1)
    torch.testing.assert_close(
        reverse.log_prob(torch.cat([x, z], dim=1)),
        log_prior + model.log_likelihood(x, z[None])[0],
    )


# ---------------------------------------------------------------------- arguments


def test_wrong_arguments_are_refused() -> None:
    model, x = small_model(), normal(5, 7, seed=1)
    for function in (ppca_log_evidence, ppca_posterior, ppca_em_step):
        with pytest.raises(ValueError, match="do not fit"):
            function(x, model.W.T, model.b, 1.0)
        with pytest.raises(ValueError, match="do not fit"):
            function(x[:, :5], model.W, model.b, 1.0)
        for sigma in (0.0, -1.0, math.nan):
            with pytest.raises(ValueError, match="sigma must be a positive"):
                function(x, model.W, model.b, sigma)
    with pytest.raises(ValueError, match="do not fit"):
        PPCA(model.W, model.b, 0.0)
    with pytest.raises(ValueError, match="do not fit"):
        PPCA(model.W, model.b[:3], 1.0)
    for fit in (
        fit_ppca,
        lambda x, k: fit_ppca_em(x, k, generator=seeded()),
        lambda x, k: fit_ppca_by_gradient(x, k, generator=seeded()),
    ):
        for k in (0, 7):
            with pytest.raises(ValueError, match="between 1 and D - 1"):
                fit(x, k)
        with pytest.raises(ValueError, match="NaN or infinity"):
            fit(torch.full((9, 7), math.nan), 2)
        with pytest.raises(ValueError, match="explain all variance"):
            fit(normal(50, 2, seed=2) @ normal(2, 7, seed=3), 2)
    p_data, _, A, c, Q = processes()
    with pytest.raises(ValueError, match="do not fit data"):
        forward_joint(p_data, A.T, c, Q)
    with pytest.raises(ValueError, match=r"A must be \(K, D\)"):
        joint_kl(p_data, small_model(7, 2), A, c, Q)
