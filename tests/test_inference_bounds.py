"""Estimates of the evidence from draws, against closed forms and the library."""

import math

import pytest
import torch
from draws import normal, seeded
from torch import Tensor
from torch import distributions as td

from course_utils.inference import (
    PPCA,
    effective_sample_size,
    elbo,
    gaussian_kl,
    importance_weighted_bound,
    importance_weighted_bounds,
    log_evidence_from_prior,
    normal_log_prob,
)

F64 = torch.float64


def model_and_data(n: int = 40) -> tuple[PPCA, Tensor]:
    model = PPCA(normal(6, 2, seed=1) / 2, normal(6, seed=2), 0.7)
    return model, model.sample(n, generator=seeded(3))[0]


def draws_and_weights(model: PPCA, x: Tensor, s: int, seed: int) -> tuple[Tensor, Tensor]:
    """A q that is shifted and too wide: log w (S, B), and the q's exact ELBO (B,)."""
    mean, cov = model.posterior(x)
    mu, log_var = mean + 0.2, (1.5 * cov.diagonal()).log().expand_as(mean)
    z = mu + (log_var / 2).exp() * normal(s, *mu.shape, seed=seed)
    log_joint = model.log_likelihood(x, z) + normal_log_prob(z)
    return log_joint - normal_log_prob(z, mu, log_var), model.elbo(
        x, mu, log_var.exp().diag_embed()
    )


# ---------------------------------------------------------------------- closed forms


@pytest.mark.parametrize("dtype", (torch.float32, F64))
def test_gaussian_kl_is_the_library_s(dtype: torch.dtype) -> None:
    mu, log_var = normal(5, 3, seed=1).to(dtype), 2 * normal(5, 3, seed=2).to(dtype)
    q = td.Independent(td.Normal(mu.double(), (log_var.double() / 2).exp()), 1)
    prior = td.Independent(td.Normal(torch.zeros(3, dtype=F64), 1.0), 1)
    found = gaussian_kl(mu, log_var)
    assert found.shape == (5,) and found.dtype == dtype
    rtol = 1e-5 if dtype != F64 else 1e-12
    torch.testing.assert_close(found.double(), td.kl_divergence(q, prior), rtol=rtol, atol=0)


def test_gaussian_kl_near_and_far_from_the_prior() -> None:
    tiny = torch.full((1, 2), 1e-3)  # KL = sum of log_var^2 / 4: lost in float32 without expm1
    torch.testing.assert_close(gaussian_kl(0 * tiny, tiny), torch.tensor([5e-7]), rtol=1e-3, atol=0)
    assert gaussian_kl(torch.zeros(1, 1), torch.full((1, 1), -40.0)).item() == pytest.approx(19.5)
    assert gaussian_kl(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0


@pytest.mark.parametrize("dtype", (torch.float32, F64))
def test_normal_log_prob_is_the_library_s(dtype: torch.dtype) -> None:
    z, mu, log_var = (normal(4, 5, 3, seed=s).to(dtype) for s in (1, 2, 3))
    for arguments in ((), (mu[0],), (mu[0], log_var[0])):
        mean = arguments[0] if arguments else torch.zeros(3, dtype=dtype)
        var = arguments[1].exp() if len(arguments) > 1 else torch.ones_like(mean)
        oracle = td.MultivariateNormal(mean, var.diag_embed()).log_prob(z)
        found = normal_log_prob(z, *arguments)
        assert found.dtype == dtype
        torch.testing.assert_close(found, oracle, rtol=1e-4 if dtype != F64 else 1e-12, atol=1e-5)
    only_var = normal_log_prob(z, log_var=log_var)
    torch.testing.assert_close(only_var, normal_log_prob(z, torch.zeros_like(mu), log_var))


def test_effective_sample_size_at_its_limits_and_between() -> None:
    log_w = torch.tensor([[0.0, 1000.0, 0.0], [0.0, 0.0, math.log(3)], [0.0, -1000.0, -1000.0]])
    # equal weights; one draw; weights 1 and 3: 16 / 10
    torch.testing.assert_close(effective_sample_size(log_w), torch.tensor([3.0, 1.0, 1.6]))
    shifted = effective_sample_size(log_w.double() - 1e4)
    torch.testing.assert_close(shifted, effective_sample_size(log_w.double()))


def test_gradients_are_exact() -> None:
    mu, log_var, values = (normal(*s, seed=i) for i, s in enumerate(((3, 2), (3, 2), (4, 3))))
    inputs = [t.requires_grad_() for t in (mu, log_var, values)]
    assert torch.autograd.gradcheck(gaussian_kl, inputs[:2])
    assert torch.autograd.gradcheck(lambda m, v, f: elbo(f, m, v), inputs)
    assert torch.autograd.gradcheck(importance_weighted_bound, inputs[2:])
    assert torch.autograd.gradcheck(lambda m, v: normal_log_prob(values[:3, :2], m, v), inputs[:2])


# ---------------------------------------------------------------------- estimates


def test_elbo_of_draws_agrees_with_the_exact_one() -> None:
    model, x = model_and_data()
    mean, cov = model.posterior(x)
    mu, log_var = mean - 0.3, (2 * cov.diagonal()).log().expand_as(mean)
    s = 2000
    z = mu + (log_var / 2).exp() * normal(s, *mu.shape, seed=5)
    log_likelihood = model.log_likelihood(x, z)
    found = elbo(log_likelihood, mu, log_var)
    assert found.shape == (len(x),)
    exact = model.elbo(x, mu, log_var.exp().diag_embed())
    pull = (found - exact) / (log_likelihood.std(dim=0) / math.sqrt(s))
    assert pull.abs().max() < 4.5  # false alarm: 40 x at 4.5 sigma, 3e-4
    assert (exact < model.log_evidence(x)).all()


def test_importance_weighted_bound_of_one_draw_and_of_equal_draws() -> None:
    log_w = 1e4 + normal(1, 5, seed=1)
    torch.testing.assert_close(importance_weighted_bound(log_w), log_w[0])
    torch.testing.assert_close(importance_weighted_bound(log_w.expand(7, 5)), log_w[0])
    mixed = torch.tensor([[math.log(1.0)], [math.log(3.0)]])
    assert importance_weighted_bound(mixed).item() == pytest.approx(math.log(2))


def test_importance_weighted_bounds_rise_from_the_elbo_to_the_evidence() -> None:
    model, x = model_and_data(200)
    log_w, exact_elbo = draws_and_weights(model, x, 4096, seed=6)
    evidence = model.log_evidence(x)
    sizes = (1, 2, 4, 16, 64, 256, 4096)
    gaps, errors = importance_weighted_bounds(log_w - evidence, sizes)
    # 4 standard errors: false alarm 6e-5 in each comparison.
    assert abs(gaps[0] - (exact_elbo - evidence).mean()) < 4 * errors[0]
    assert gaps[0] < -0.1 and (gaps < 4 * errors).all()
    assert (gaps.diff() > -4 * (errors[:-1] ** 2 + errors[1:] ** 2).sqrt()).all()
    assert (gaps[1:4] - gaps[:3] > 0).all()  # far above the errors
    assert abs(gaps[-1]) < 1e-3
    raw, spread = importance_weighted_bounds(log_w, sizes)
    torch.testing.assert_close(raw - gaps, evidence.mean().expand(len(sizes)))
    assert (spread > errors).all()  # the evidence itself differs from x to x


def test_importance_weighted_bounds_use_disjoint_groups() -> None:
    log_w = normal(7, 3, seed=1)
    means, errors = importance_weighted_bounds(log_w, [3, 7])
    groups = torch.stack([importance_weighted_bound(log_w[i : i + 3]) for i in (0, 3)])
    whole = importance_weighted_bound(log_w)
    torch.testing.assert_close(means, torch.stack([groups.mean(), whole.mean()]))
    spread = torch.stack([groups.mean(dim=0).std(), whole.std()]) / math.sqrt(3)
    torch.testing.assert_close(errors, spread)


def test_the_error_of_the_bounds_is_honest_when_the_x_differ() -> None:
    """400 experiments in which all draws of one x share an offset: pulls have deviation 1."""
    offset, noise = normal(400, 1, 30, seed=8), 0.1 * normal(400, 8, 30, seed=9)
    pulls = []
    for log_w in offset + noise:
        mean, error = importance_weighted_bounds(log_w, [1])
        pulls.append((mean / error).item())  # the truth is 0
    deviation = torch.tensor(pulls).std().item()
    # t with 29 degrees of freedom: 1.037; its error over 400 experiments 0.04; 4 of them.
    assert abs(deviation - 1.037) < 0.16


def test_log_evidence_from_prior_finds_the_evidence_with_an_honest_error() -> None:
    model, x = model_and_data(200)
    s = 20_000
    z = normal(s, 2, seed=7)
    log_likelihood = model.log_likelihood(x, z)
    found, error = log_evidence_from_prior(log_likelihood)
    pull = (found - model.log_evidence(x)) / error
    good = effective_sample_size(log_likelihood) > 300  # where the delta method holds
    assert good.sum() > 100
    # All x share the draws, so the pulls hang together; each alone passes 4.5 in 1 of 150 000.
    assert pull[good].abs().max() < 4.5
    ess = effective_sample_size(log_likelihood)
    torch.testing.assert_close(error, ((s / ess - 1) / (s - 1)).sqrt())


def test_the_prior_s_error_shrinks_as_one_over_sqrt_s_and_survives_large_values() -> None:
    values = 0.5 * normal(40_000, 3, seed=1)
    few, many = (log_evidence_from_prior(values[:n] - 1e4)[1] for n in (10_000, 40_000))
    torch.testing.assert_close(few / many, torch.full((3,), 2.0, dtype=F64), rtol=0.05, atol=0)
    w = values.exp()
    torch.testing.assert_close(many, w.std(dim=0) / w.mean(dim=0) / math.sqrt(len(w)))


# ---------------------------------------------------------------------- arguments


def test_a_batch_of_one_and_float32_are_kept() -> None:
    log_w = torch.randn(5, 1, generator=seeded())
    for found in (
        effective_sample_size(log_w),
        importance_weighted_bound(log_w),
        *log_evidence_from_prior(log_w),
        elbo(log_w, torch.zeros(1, 3), torch.zeros(1, 3)),
    ):
        assert found.shape == (1,) and found.dtype == torch.float32


def test_wrong_shapes_are_refused() -> None:
    vector, table = torch.zeros(4), torch.zeros(4, 3)
    for function in (effective_sample_size, importance_weighted_bound, log_evidence_from_prior):
        with pytest.raises(ValueError, match=r"must be \(S, B\)"):
            function(vector)
        with pytest.raises(ValueError, match=r"must be \(S, B\)"):
            function(table[:0])
    with pytest.raises(ValueError, match="do not fit"):
        elbo(table, torch.zeros(4, 2), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="two or more"):
        log_evidence_from_prior(table[:1])
    with pytest.raises(ValueError, match="between 1 and S = 4"):
        importance_weighted_bounds(table, [5])
    with pytest.raises(ValueError, match="between 1 and S = 4"):
        importance_weighted_bounds(table, [])
    with pytest.raises(ValueError, match="two or more"):
        importance_weighted_bounds(table[:, :1], [1])
