"""Sums over a grid of latents against closed forms, and the identity on a neural decoder."""

import math
from collections.abc import Callable

import pytest
import torch
from draws import normal, seeded
from torch import Tensor, nn
from torch import distributions as td

from course_utils.inference import (
    PPCA,
    gaussian_kl,
    latent_grid,
    normal_log_prob,
    quadrature_elbo,
    quadrature_kl,
    quadrature_log_evidence,
    quadrature_posterior,
)

F64 = torch.float64


def neural_likelihood(d: int = 16) -> Callable[[Tensor, Tensor], Tensor]:
    """Binary pixels under a small random network with a 2-D latent."""
    weights = [1.5 * normal(2, 12, seed=1), normal(12, seed=2), normal(12, d, seed=3)]

    def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
        logits = torch.tanh(z @ weights[0] + weights[1]) @ weights[2]  # (S, D)
        return logits @ x.T - nn.functional.softplus(logits).sum(dim=-1, keepdim=True)

    return log_likelihood


def binary_images(n: int = 20, d: int = 16) -> Tensor:
    return (normal(n, d, seed=4) > 0).double()


def some_q(n: int, k: int = 2) -> tuple[Tensor, Tensor]:
    return 0.8 * normal(n, k, seed=5), -1 + 0.5 * normal(n, k, seed=6)


# ---------------------------------------------------------------------- the grid


@pytest.mark.parametrize("k", (1, 2))
def test_the_prior_and_its_moments_on_the_grid(k: int) -> None:
    grid = latent_grid(k, n=41, half_width=7.0)
    assert grid.z.shape == (41**k, k) and len(grid.axes) == k
    assert grid.spacing == pytest.approx(14 / 40) and grid.half_width == 7
    p = (normal_log_prob(grid.z) + grid.log_weight).exp()
    assert p.sum().item() == pytest.approx(1, abs=1e-9)
    second = grid.z.T @ (p[:, None] * grid.z)
    torch.testing.assert_close(second, torch.eye(k, dtype=F64), atol=1e-8, rtol=0)
    # A (G,) result reshaped to (n, n) has the first latent along its first axis.
    first = grid.z[:, 0].reshape((41,) * k)
    torch.testing.assert_close(first[:, 0] if k == 2 else first, grid.axes[0])


def test_twice_the_points_contain_the_old_ones() -> None:
    coarse, fine = latent_grid(2, 21), latent_grid(2, 41)
    torch.testing.assert_close(fine.axes[0][::2], coarse.axes[0])
    assert fine.spacing == pytest.approx(coarse.spacing / 2)
    assert latent_grid(1, dtype=torch.float32).z.dtype == torch.float32


# ---------------------------------------------------------------------- against closed forms


@pytest.mark.parametrize("k", (1, 2))
def test_probabilistic_pca_by_quadrature(k: int) -> None:
    model = PPCA(normal(5, k, seed=1) / 2, normal(5, seed=2), 0.8)
    x = model.sample(12, generator=seeded(3))[0]
    mu, log_var = some_q(12, k)
    cov = log_var.exp().diag_embed()
    grid = latent_grid(k, n=101)
    torch.testing.assert_close(
        quadrature_log_evidence(x, model.log_likelihood, grid),
        model.log_evidence(x),
        atol=1e-7,
        rtol=0,
    )
    torch.testing.assert_close(
        quadrature_elbo(x, model.log_likelihood, mu, log_var, grid),
        model.elbo(x, mu, cov),
        atol=1e-6,
        rtol=0,
    )
    torch.testing.assert_close(
        quadrature_kl(x, model.log_likelihood, mu, log_var, grid),
        model.kl_to_posterior(x, mu, cov),
        atol=1e-6,
        rtol=0,
    )
    mean, cov = model.posterior(x)
    exact = td.MultivariateNormal(mean, cov).log_prob(grid.z[:, None])  # (G, B)
    found = quadrature_posterior(x, model.log_likelihood, grid)
    torch.testing.assert_close(found, exact, atol=1e-6, rtol=1e-9)


def test_the_identity_on_a_neural_decoder() -> None:
    """evidence - ELBO - KL(q || posterior) = 0, each term its own sum over the grid."""
    x, log_likelihood, grid = binary_images(), neural_likelihood(), latent_grid(2, 101)
    mu, log_var = some_q(len(x))
    evidence = quadrature_log_evidence(x, log_likelihood, grid)
    bound = quadrature_elbo(x, log_likelihood, mu, log_var, grid)
    kl = quadrature_kl(x, log_likelihood, mu, log_var, grid)
    assert (evidence - bound - kl).abs().max() < 1e-3
    assert (evidence - bound - kl).abs().max() < 1e-6  # what a smooth integrand reaches
    assert (bound < evidence).all() and kl.min() > 0.1
    finer = latent_grid(2, 201)
    torch.testing.assert_close(quadrature_log_evidence(x, log_likelihood, finer), evidence)


def test_quadrature_agrees_with_many_draws_on_a_neural_decoder() -> None:
    x, log_likelihood, grid = binary_images(6), neural_likelihood(), latent_grid(2, 101)
    s = 40_000
    w = log_likelihood(x, normal(s, 2, seed=7)).exp()  # (S, B)
    evidence = quadrature_log_evidence(x, log_likelihood, grid).exp()
    pull = (w.mean(dim=0) - evidence) / (w.std(dim=0) / math.sqrt(s))
    assert pull.abs().max() < 4  # false alarm: 6 x, 4e-4
    mu, log_var = some_q(6)
    z = mu[0] + (log_var[0] / 2).exp() * normal(s, 2, seed=8)
    values = log_likelihood(x[:1], z)[:, 0]
    found = quadrature_elbo(x, log_likelihood, mu, log_var, grid)[0] + gaussian_kl(mu, log_var)[0]
    assert abs(values.mean() - found) < 4 * values.std() / math.sqrt(s)  # 6e-5


def test_posteriors_on_the_grid_are_normalised() -> None:
    grid = latent_grid(2, 101)
    log_posterior = quadrature_posterior(binary_images(5), neural_likelihood(), grid)
    assert log_posterior.shape == (len(grid.z), 5)
    total = (log_posterior + grid.log_weight).exp().sum(dim=0)
    torch.testing.assert_close(total, torch.ones(5, dtype=F64))


# ---------------------------------------------------------------------- memory, dtype, gradients


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    x, log_likelihood, grid = binary_images(7), neural_likelihood(), latent_grid(2, 61)
    mu, log_var = some_q(7)
    functions = (
        lambda: quadrature_log_evidence(x, log_likelihood, grid),
        lambda: quadrature_posterior(x, log_likelihood, grid),
        lambda: quadrature_elbo(x, log_likelihood, mu, log_var, grid),
        lambda: quadrature_kl(x, log_likelihood, mu, log_var, grid),
    )
    whole = [f() for f in functions]
    monkeypatch.setattr("course_utils.inference.quadrature.CHUNK", 1000)
    for f, expected in zip(functions, whole, strict=True):
        torch.testing.assert_close(f(), expected)


def test_no_table_exceeds_its_share_of_memory() -> None:
    largest = 0

    def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, len(x) * len(z))
        return x.new_zeros(len(z), len(x))

    x = torch.zeros(1000, 1, dtype=F64)
    evidence = quadrature_log_evidence(x, log_likelihood, latent_grid(2, 121))  # G = 14641
    # Four tables at once, of 8 bytes a number: below 200 MB.
    assert evidence.shape == (1000,) and largest * 8 * 4 < 2e8
    assert evidence.abs().max() < 1e-7  # a likelihood of 1 everywhere


def test_float32_is_kept_and_no_graph_is_built() -> None:
    scale = torch.ones((), requires_grad=True)
    likelihood = neural_likelihood()

    def log_likelihood(x: Tensor, z: Tensor) -> Tensor:
        return scale * likelihood(x.double(), z.double()).to(x.dtype)

    x, grid = binary_images(4).float(), latent_grid(2, 101, dtype=torch.float32)
    mu, log_var = (t.float().requires_grad_() for t in some_q(4))
    for found in (
        quadrature_log_evidence(x, log_likelihood, grid),
        quadrature_posterior(x, log_likelihood, grid),
        quadrature_elbo(x, log_likelihood, mu, log_var, grid),
        quadrature_kl(x, log_likelihood, mu, log_var, grid),
    ):
        assert found.dtype == torch.float32 and not found.requires_grad
    assert torch.is_grad_enabled()


# ---------------------------------------------------------------------- arguments


def test_a_grid_that_does_not_suit_q_is_refused() -> None:
    x, likelihood, grid = binary_images(2), neural_likelihood(), latent_grid(2, 25)  # h = 0.5
    mu, log_var = torch.zeros(2, 2, dtype=F64), torch.zeros(2, 2, dtype=F64)
    sharp = log_var.clone()
    sharp[1, 0] = 2 * math.log(0.45)
    far = mu.clone()
    far[0, 1] = 2.5
    for function in (quadrature_elbo, quadrature_kl):
        function(x, likelihood, mu, log_var, grid)
        with pytest.raises(ValueError, match=r"too coarse.*n = 28"):
            function(x, likelihood, mu, sharp, grid)
        with pytest.raises(ValueError, match=r"too narrow.*half_width = 8"):
            function(x, likelihood, far, log_var, grid)
        function(x, likelihood, mu, sharp, latent_grid(2, 28))
        function(x, likelihood, far, log_var, latent_grid(2, 33, half_width=8.0))
        with pytest.raises(ValueError, match=r"must be \(B, K\)"):
            function(x, likelihood, mu[:1], log_var, grid)
        with pytest.raises(ValueError, match="must be finite"):
            function(x, likelihood, mu, torch.full_like(log_var, math.nan), grid)


@pytest.mark.parametrize("k", (1, 2))
def test_a_grid_that_does_not_suit_the_posterior_is_refused(k: int) -> None:
    """What passes is right to a thousandth of a nat, wherever the grid begins."""
    w = torch.eye(5, k, dtype=F64)
    functions = quadrature_log_evidence, quadrature_posterior
    for sigma in (0.1, 0.2, 0.4):  # of the posterior, too, nearly
        model = PPCA(w, torch.zeros(5, dtype=F64), sigma)
        x = model.sample(400, generator=seeded(3))[0]
        h = 1.5 * model.posterior(x)[1][0, 0].sqrt()  # of the posterior's deviations
        good = latent_grid(k, 1 + math.ceil(12 / h))
        found = quadrature_log_evidence(x, model.log_likelihood, good)
        assert (found - model.log_evidence(x)).abs().max() < 1e-3
        coarse = latent_grid(k, 1 + math.ceil(12 / (2.5 * h)))
        for function in functions:
            with pytest.raises(ValueError, match="too coarse"):
                function(x, model.log_likelihood, coarse)
            function(x, model.log_likelihood, coarse, checked=False)
            with pytest.raises(ValueError, match="too narrow"):
                function(x + 2.5 * w[:, 0], model.log_likelihood, latent_grid(k, 81, 2.5))
    nothing = quadrature_log_evidence(x, lambda x, z: model.log_likelihood(x, z) - math.inf, good)
    assert (nothing == -math.inf).all()
    with pytest.raises(ValueError, match="NaN somewhere"):
        quadrature_log_evidence(x, lambda x, z: model.log_likelihood(x, z) * math.nan, good)


def test_wrong_arguments_are_refused() -> None:
    grid, likelihood = latent_grid(2, 11), neural_likelihood()
    with pytest.raises(ValueError, match=r"torch.float64, got .* torch.float32"):
        quadrature_log_evidence(binary_images(2).float(), likelihood, grid)
    with pytest.raises(ValueError, match=r"must be \(B, D\)"):
        quadrature_log_evidence(binary_images(2)[0], likelihood, grid)
    with pytest.raises(ValueError, match=r"must be \(S, B\) = \(121, 2\)"):
        quadrature_log_evidence(binary_images(2), lambda x, z: likelihood(x, z).T, grid)
    with pytest.raises(ValueError, match="1 or 2 latents"):
        latent_grid(3)
    with pytest.raises(ValueError, match="n must be at least 2"):
        latent_grid(2, 1)
    with pytest.raises(ValueError, match="half_width positive"):
        latent_grid(2, 11, 0.0)
