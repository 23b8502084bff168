"""Variational autoencoders: likelihoods, models and their evaluation against exact truths."""

import copy
import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from draws import normal, seeded
from torch import Tensor, nn
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import Binomial as TorchBinomial
from torch.distributions import Normal

from course_utils import inference, vae
from course_utils.training import cosine, evaluate, fit
from course_utils.vae import (
    VAE,
    Bernoulli,
    Binomial,
    Encoder,
    Gaussian,
    active_units,
    as_ppca,
    bernoulli_log_likelihood,
    binomial_log_likelihood,
    conv_vae,
    evaluate_elbo,
    exact_log_evidence,
    gaussian_log_likelihood,
    implied_beta,
    importance_weighted,
    inference_gap,
    kl_per_unit,
    kl_warm_up,
    latent_means,
    linear_vae,
    mlp_vae,
    negative_elbo,
    optimal_sigma,
)

F32, F64 = torch.float32, torch.float64


def binary(n: int, d: int, seed: int = 0, dtype: torch.dtype = F32) -> Tensor:
    return (torch.rand(n, d, generator=seeded(seed)) < 0.4).to(dtype)


BUILDERS: dict[str, Callable[[torch.Generator], VAE]] = {
    "mlp": lambda g: mlp_vae(36, 3, hidden=(20, 10), generator=g),
    "mlp, counts": lambda g: mlp_vae(36, 3, hidden=(20,), likelihood=Binomial(4), generator=g),
    "mlp, optimal": lambda g: mlp_vae(
        36, 3, hidden=(20,), likelihood=Gaussian(kind="optimal"), generator=g
    ),
    "conv": lambda g: conv_vae(6, 3, channels=(4, 5), generator=g),
    "conv, periodic": lambda g: conv_vae(
        6, 3, channels=(4,), likelihood=Gaussian(0.5), periodic=True, generator=g
    ),
    "linear": lambda g: linear_vae(36, 3, generator=g),
}
builders = pytest.mark.parametrize("build", BUILDERS.values(), ids=BUILDERS)

# ---------------------------------------------------------------------- likelihoods, as formulas


@pytest.mark.parametrize("shape", [(5,), (1, 7), (5, 7), (3, 4, 6)])
def test_bernoulli_is_torch_distributions(shape: tuple[int, ...]) -> None:
    logits = 3 * normal(*shape)
    x = (normal(*shape, seed=1) > 0).double()
    peer = TorchBernoulli(logits=logits).log_prob(x).reshape(shape[0], -1).sum(dim=1)
    torch.testing.assert_close(bernoulli_log_likelihood(x, logits), peer)


@pytest.mark.parametrize("shape", [(5,), (1, 7), (5, 7), (3, 4, 6)])
def test_binomial_is_torch_distributions(shape: tuple[int, ...]) -> None:
    logits = 3 * normal(*shape)
    x = torch.randint(0, 17, shape, generator=seeded()).double()
    peer = TorchBinomial(16, logits=logits).log_prob(x).reshape(shape[0], -1).sum(dim=1)
    torch.testing.assert_close(binomial_log_likelihood(x, logits, 16), peer)
    one = (x > 8).double()
    torch.testing.assert_close(
        binomial_log_likelihood(one, logits, 1), bernoulli_log_likelihood(one, logits)
    )


@pytest.mark.parametrize("sigma", [0.01, 0.7, 30.0])
@pytest.mark.parametrize("shape", [(5,), (1, 7), (5, 7), (3, 4, 6)])
def test_gaussian_is_torch_distributions(shape: tuple[int, ...], sigma: float) -> None:
    x, mean = normal(*shape), normal(*shape, seed=1)
    peer = Normal(mean, sigma).log_prob(x).reshape(shape[0], -1).sum(dim=1)
    torch.testing.assert_close(gaussian_log_likelihood(x, mean, sigma), peer)


def test_likelihoods_are_normalised_over_all_counts() -> None:
    logits = torch.linspace(-5, 5, 4, dtype=F64).expand(17, 4)
    x = torch.arange(17, dtype=F64)[:, None].expand(17, 4)
    for d in range(4):
        total = binomial_log_likelihood(x[:, d], logits[:, d], 16).logsumexp(dim=0)
        assert total.item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("dtype", [F32, F64])
def test_large_logits_stay_finite_and_keep_their_gradients(dtype: torch.dtype) -> None:
    logits = torch.tensor([[1e4, -1e4, 1e4, -1e4]], dtype=dtype, requires_grad=True)
    x = torch.tensor([[1.0, 0.0, 0.0, 1.0]], dtype=dtype)
    value = bernoulli_log_likelihood(x, logits)
    assert value.dtype == dtype and value.item() == pytest.approx(-2e4)
    (gradient,) = torch.autograd.grad(value.sum(), logits)
    torch.testing.assert_close(gradient, torch.tensor([[0.0, 0, -1, 1]], dtype=dtype))


def test_negative_elbo_is_distortion_and_rate() -> None:
    x, logits = binary(5, 7, dtype=F64), normal(5, 7)
    mu, log_var = normal(5, 3, seed=1), normal(5, 3, seed=2)
    q, prior = Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0)
    rate = torch.distributions.kl_divergence(q, prior).sum(dim=1)
    distortion = -TorchBernoulli(logits=logits).log_prob(x).sum(dim=1)
    value = negative_elbo(x, logits, mu, log_var)
    torch.testing.assert_close(value, (distortion + rate).mean())
    images = negative_elbo(x.reshape(5, 7, 1), logits.reshape(5, 7, 1), mu, log_var)
    torch.testing.assert_close(images, value)


def test_optimal_sigma_is_the_most_likely_one() -> None:
    x = normal(5, 7, 2)
    x_hat = x + 0.3 * normal(5, 7, 2, seed=1) + 0.1
    best = optimal_sigma(x, x_hat)
    at = [gaussian_log_likelihood(x, x_hat, best.item() * f).sum() for f in (1, 0.99, 1.01)]
    assert at[0] > at[1] and at[0] > at[2]
    sigma = best.clone().requires_grad_()
    value = -0.5 * ((x - x_hat) / sigma).square().sum() - x.numel() * sigma.log()
    (slope,) = torch.autograd.grad(value, sigma)
    assert slope.item() == pytest.approx(0, abs=1e-9)


def test_implied_beta_makes_the_losses_proportional() -> None:
    d, k, weight, sigma = 35, 4, 0.3, 0.2
    x, x_hat = normal(6, d), normal(6, d, seed=1)
    mu, log_var = normal(6, k, seed=2), normal(6, k, seed=3)
    kl = inference.gaussian_kl(mu, log_var)
    published = (x - x_hat).square().mean() + weight * kl.mean() / k
    beta = implied_beta(weight, d, k, sigma)
    ours = (x - x_hat).square().sum(dim=1).mean() / (2 * sigma**2) + beta * kl.mean()
    torch.testing.assert_close(ours, published * d / (2 * sigma**2))
    assert isinstance(beta, float)
    assert implied_beta(kl_weight=1, data_dim=512, latent_dim=1, sigma=1.0) == 256


def test_active_units_looks_at_the_variance_over_the_data() -> None:
    mu = normal(4000, 4) * torch.tensor([1.0, 0.2, 0.05, 0.0]) + 5  # a constant is not activity
    assert active_units(mu, 0.01).tolist() == [True, True, False, False]
    assert active_units(mu, threshold=0.5).tolist() == [True, False, False, False]
    assert active_units(mu[:1], 0.01).tolist() == [False] * 4
    assert active_units(mu, 0.01).dtype == torch.bool


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: bernoulli_log_likelihood(torch.zeros(3, 1), torch.zeros(3)), "alike"),
        (lambda: gaussian_log_likelihood(torch.zeros(3), torch.zeros(3), 0.0), "positive"),
        (lambda: binomial_log_likelihood(torch.zeros(3), torch.zeros(3), 0), "at least 1"),
        (lambda: optimal_sigma(torch.zeros(3), torch.zeros(4)), "alike"),
        (lambda: implied_beta(1.0, 0, 2, 1.0), "at least 1"),
        (lambda: active_units(torch.zeros(3), 0.01), "one row"),
        (lambda: Gaussian(kind="guessed"), "fixed"),
        (lambda: Binomial(0), "at least 1"),
        (lambda: kl_warm_up(0), "at least 1"),
        (lambda: mlp_vae(9, 2, generator=seeded()).encode(torch.zeros(4, 3, 3)), "flatten"),
        (lambda: as_ppca(mlp_vae(9, 2, generator=seeded())), "linear_vae"),
        (lambda: conv_vae(8, 2, channels=(), generator=seeded()), "at least 1"),
    ],
)
def test_what_cannot_be_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


# ---------------------------------------------------------------------- likelihoods, as heads

HEADS = {
    "bernoulli": (Bernoulli(), lambda n: binary(n, 6, dtype=F64)),
    "binomial": (
        Binomial(16),
        lambda n: torch.randint(0, 17, (n, 6), generator=seeded(5)).double(),
    ),
    "fixed": (Gaussian(0.3), lambda n: normal(n, 6, seed=5) + 100),
    "learned": (Gaussian(0.3, "learned"), lambda n: normal(n, 6, seed=5)),
}
heads = pytest.mark.parametrize(("head", "data"), HEADS.values(), ids=HEADS)


@heads
def test_pairwise_is_log_prob_of_every_pair(head: nn.Module, data: Callable[[int], Tensor]) -> None:
    head = copy.deepcopy(head).double()
    x, params = data(5), 2 * normal(4, 6) + data(4).mean() * isinstance(head, Gaussian)
    table = head.pairwise(x, params)
    each = head.log_prob(x, params[:, None].expand(4, 5, 6))  # (S, D) -> (S, B, D)
    assert table.shape == (4, 5)
    torch.testing.assert_close(table, each)
    torch.testing.assert_close(head.pairwise(x[:1], params[:1])[0], each[0, :1])


@heads
def test_heads_agree_with_the_formulas(head: nn.Module, data: Callable[[int], Tensor]) -> None:
    head = copy.deepcopy(head).double()
    x, params = data(5), 2 * normal(5, 6)
    formula = {
        Bernoulli: lambda: bernoulli_log_likelihood(x, params),
        Binomial: lambda: binomial_log_likelihood(x, params, 16),
        Gaussian: lambda: gaussian_log_likelihood(x, params, 0.3),
    }[type(head)]()
    torch.testing.assert_close(head.log_prob(x, params), formula, rtol=1e-6, atol=1e-6)


@heads
def test_samples_have_the_mean_and_the_mean_log_prob(
    head: nn.Module, data: Callable[[int], Tensor]
) -> None:
    head, n = copy.deepcopy(head).double(), 20_000
    params = normal(6).expand(n, 6)
    x = head.sample(params, seeded())
    # 4 standard errors, 6 numbers and 4 heads: false alarms in 0.15 % of seeds.
    error = x.std(dim=0) / n**0.5
    assert bool(((x.mean(dim=0) - head.mean(params[0])).abs() < 4 * error).all())
    if not isinstance(head, Gaussian):
        assert bool((x == x.round()).all()) and x.min() >= 0
        assert x.max() <= getattr(head, "counts", 1)
    else:
        assert x.std(dim=0).mean().item() == pytest.approx(0.3, rel=0.02)


def test_an_optimal_sigma_follows_the_batches_in_training_only() -> None:
    head = Gaussian(kind="optimal").double()
    x, mean = normal(50, 6), normal(50, 6) + 0.2 * normal(50, 6, seed=1)
    best = optimal_sigma(x, mean).item()
    head.adapt(x, mean)
    assert head.sigma.item() == pytest.approx(best)
    torch.testing.assert_close(head.log_prob(x, mean), gaussian_log_likelihood(x, mean, best))
    head.eval()
    head.adapt(x, mean + 5)
    assert head.sigma.item() == pytest.approx(best)  # not taken from what it is judged on
    head.train()
    head.adapt(x, x)
    assert head.sigma.item() == pytest.approx(best / 2**0.5)  # the mean of the first two batches
    for _ in range(100):
        head.adapt(x, mean + 5)  # it follows a change within tens of batches
    assert head.sigma.item() == pytest.approx(optimal_sigma(x, mean + 5).item(), rel=1e-3)
    for _ in range(1000):
        head.adapt(x, x)
    assert head.sigma.item() == pytest.approx(1e-3)  # and not 0
    for kind in ("fixed", "learned"):
        other = Gaussian(0.3, kind)
        other.adapt(x, x)
        assert other.sigma.item() == pytest.approx(0.3)


def test_the_gradient_of_an_optimal_sigma_is_that_of_the_likelihood_at_it() -> None:
    x, mean = normal(5, 6), normal(5, 6, seed=1).requires_grad_()
    head = Gaussian(kind="optimal").double()
    head.adapt(x, mean)
    (ours,) = torch.autograd.grad(head.log_prob(x, mean).sum(), mean)
    profile = -0.5 * x.numel() * (x - mean).square().mean().log()
    (exact,) = torch.autograd.grad(profile, mean)
    torch.testing.assert_close(ours, exact)


# ---------------------------------------------------------------------- models


@builders
def test_shapes_and_gradients(build: Callable[[torch.Generator], VAE]) -> None:
    model = build(seeded())
    for n in (1, 5):
        x = binary(n, 36)
        mu, log_var = model.encode(x)
        assert mu.shape == log_var.shape == (n, 3) and model.decode(mu).shape == (n, 36)
        assert (model.latent_dim, model.data_dim) == (3, 36)
        assert model.log_likelihood(x, normal(4, 3, dtype=F32)).shape == (4, n)
        assert model.log_likelihood(x, normal(4, n, 3, dtype=F32)).shape == (4, n)
        assert model.sample(n, seeded()).shape == model.sample_means(n, seeded()).shape == (n, 36)
        assert model.reconstruct(x).shape == (n, 36)
        terms = model.terms(x, generator=seeded())
        assert all(t.shape == () and t.dtype == F32 for t in terms.values())
        model.zero_grad()
        sum(terms.values()).backward()
        for name, p in model.named_parameters():
            assert p.grad is not None and p.grad.isfinite().all() and p.grad.any(), name


@builders
def test_the_generator_decides_everything(build: Callable[[torch.Generator], VAE]) -> None:
    torch.manual_seed(1)
    first = build(seeded())
    torch.manual_seed(2)
    second, other = build(seeded()), build(seeded(1))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(first.sample(3, seeded()), second.sample(3, seeded()))
    assert not torch.equal(first.sample_means(3, seeded()), other.sample_means(3, seeded()))


@builders
def test_samples_carry_noise_and_means_do_not(build: Callable[[torch.Generator], VAE]) -> None:
    model = build(seeded())
    x, means = model.sample(50, seeded()), model.sample_means(50, seeded())  # of the same z
    if isinstance(model.likelihood, Gaussian):
        noise = (x - means).std().item()
        assert noise == pytest.approx(model.likelihood.sigma.item(), rel=0.1)  # 5 % is 3 deviations
    else:
        assert torch.equal(x, x.round()) and x.unique().numel() > 1
        assert not torch.equal(means, means.round())


@builders
def test_float64_is_honoured(build: Callable[[torch.Generator], VAE]) -> None:
    model = build(seeded()).double()
    x = binary(4, 36, dtype=F64)
    assert model.terms(x, generator=seeded())["distortion"].dtype == F64
    assert model.sample(2, seeded()).dtype == model.reconstruct(x).dtype == F64
    assert evaluate_elbo(model, x, generator=seeded()).dtype == F64


@builders
def test_log_likelihood_pairs_and_rows_agree(build: Callable[[torch.Generator], VAE]) -> None:
    model = build(seeded()).double().eval()
    x, z = binary(5, 36, dtype=F64), normal(4, 3)
    rows = model.log_likelihood(x, z[:, None].expand(4, 5, 3))  # (S, K) -> (S, B, K)
    torch.testing.assert_close(model.log_likelihood(x, z), rows)


@pytest.mark.parametrize("size", [8, 14, 16, 28])
def test_conv_sizes(size: int) -> None:
    model = conv_vae(size, 2, generator=seeded())
    x = binary(3, size**2)
    assert model.reconstruct(x).shape == (3, size**2)


def test_a_periodic_network_commutes_with_shifts() -> None:
    """A field moved by a cell of the coarsest grid is encoded into the same features, moved."""
    model = conv_vae(8, 2, channels=(3, 4), periodic=True, generator=seeded()).double()
    features = model.encoder.network.network[:-2]  # up to the flattening
    x = normal(2, 8, 8)
    moved = features(x.roll((4, 4), dims=(1, 2)).flatten(1))
    torch.testing.assert_close(moved, features(x.flatten(1)).roll((1, 1), dims=(2, 3)))
    walled = conv_vae(8, 2, channels=(3, 4), generator=seeded()).double()
    features = walled.encoder.network.network[:-2]
    moved = features(x.roll((4, 4), dims=(1, 2)).flatten(1))
    assert not torch.allclose(moved, features(x.flatten(1)).roll((1, 1), dims=(2, 3)), atol=1e-3)


def test_log_var_stays_in_its_range_with_a_gradient_at_both_ends() -> None:
    for start, low, high in ((-1e4, -14, -13.9), (1e4, 9.9, 10), (0.0, -1e-3, 1e-3)):
        encoder = Encoder(nn.Identity(), 1)
        out = torch.tensor([[0.3, start]], requires_grad=True)
        mu, log_var = encoder(out)
        assert mu.item() == pytest.approx(0.3) and low <= log_var.item() <= high
    out = torch.tensor([[0.3, 14.0]], requires_grad=True)
    (slope,) = torch.autograd.grad(Encoder(nn.Identity(), 1)(out)[1].sum(), out)
    assert slope[0, 1] > 0.01


def test_terms_average_to_the_elbo_of_the_formulas() -> None:
    model = mlp_vae(36, 3, hidden=(20,), generator=seeded()).double()
    x = binary(40, 36, dtype=F64)
    g, n = seeded(3), 500
    with torch.no_grad():
        draws = [model.terms(x, generator=g) for _ in range(n)]
        mu, log_var = model.encode(x)
        z = mu + (log_var / 2).exp() * normal(n, 40, 3, seed=4)
        oracle = -TorchBernoulli(logits=model.decode(z)).log_prob(x).sum(dim=-1).mean(dim=1)
    distortion = torch.stack([t["distortion"] for t in draws])
    error = math.hypot(distortion.std() / n**0.5, oracle.std() / n**0.5)
    assert abs(distortion.mean() - oracle.mean()) < 4 * error  # false alarms: 6e-5 of seeds
    kl = torch.distributions.kl_divergence(Normal(mu, (log_var / 2).exp()), Normal(0.0, 1.0))
    torch.testing.assert_close(draws[0]["rate"], kl.sum(dim=1).mean())
    elbo = evaluate_elbo(model, x, samples=n, generator=seeded(5)).mean()
    assert abs(elbo + distortion.mean() + draws[0]["rate"]) < 4 * 2**0.5 * distortion.std() / n**0.5


class StackedLinear(nn.Module):
    """The weights of several linear layers along a leading axis: what a stack of models uses."""

    def __init__(self, layers: list[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.T for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias[None] for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


def stacked(models: list[VAE]) -> VAE:
    """By hand: linear layers and free parameters stacked, nothing else touched."""
    stack = copy.deepcopy(models[0])
    for name, module in list(stack.named_modules()):
        same = [m.get_submodule(name) for m in models]
        if isinstance(module, nn.Linear):
            parent, _, child = name.rpartition(".")
            setattr(stack.get_submodule(parent), child, StackedLinear(same))
        else:
            for key in module._parameters:
                setattr(module, key, nn.Parameter(torch.stack([getattr(m, key) for m in same])))
    return stack


@pytest.mark.parametrize("kind", ["bernoulli", "binomial", "learned", "optimal", "linear"])
@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("free_bits", [0.0, 0.2])
def test_a_stack_gives_the_terms_of_each_model(kind: str, shared: bool, free_bits: float) -> None:
    head = {
        "bernoulli": lambda i: Bernoulli(),
        "binomial": lambda i: Binomial(2),
        "learned": lambda i: Gaussian(0.5 + i, "learned"),
        "optimal": lambda i: Gaussian(kind="optimal"),
    }
    if kind == "linear":
        models = [linear_vae(9, 2, sigma=0.5 + i, generator=seeded(i)) for i in range(3)]
        for i, model in enumerate(models):
            nn.init.constant_(model.encoder.log_var, -0.5 * i)
    else:
        models = [
            mlp_vae(9, 2, hidden=(7,), likelihood=head[kind](i), generator=seeded(i))
            for i in range(3)
        ]
    x = binary(5, 9) if shared else torch.stack([binary(5, 9, seed=i) for i in range(3)])
    stack = stacked(models)
    for mode in (True, False):  # after a step in training an optimal sigma is one per model
        stack.train(mode)
        terms = stack.terms(x, generator=seeded(9), free_bits=free_bits)
        for i, model in enumerate(models):
            own = model.train(mode).terms(
                x if shared else x[i], generator=seeded(9), free_bits=free_bits
            )
            for name, term in own.items():
                assert terms[name].shape == (3,)
                torch.testing.assert_close(terms[name][i], term)


# ---------------------------------------------------------------------- training


def test_free_bits_leave_small_rates_alone_and_report_the_true_one() -> None:
    model = linear_vae(4, 2, generator=seeded()).double()
    x = normal(50, 4)
    with torch.no_grad():  # one latent far from the prior, one close to it
        model.encoder.mean[0].weight.mul_(torch.tensor([[3.0], [0.01]]))
        model.encoder.mean[0].bias.zero_()
    unit = kl_per_unit(model, x)
    floor = 0.5 * (unit[0] + unit[1]).item()
    assert unit[0] > floor > unit[1]
    rates, gradients = [], []
    for free_bits in (0.0, floor):
        rate = model.terms(x, generator=seeded(), free_bits=free_bits)["rate"]
        rates.append(rate)
        gradients.append(torch.autograd.grad(rate, model.encoder.mean[0].weight)[0])
    torch.testing.assert_close(rates[0], rates[1])
    torch.testing.assert_close(rates[0], unit.sum())
    torch.testing.assert_close(gradients[0][0], gradients[1][0])
    assert gradients[0][1].any() and not gradients[1][1].any()


def test_free_bits_keep_a_latent_alive() -> None:
    """Weak data: one latent is worth about 0.14 nats, less than what Adam finds at first."""
    x = 0.5 * normal(500, 1, dtype=F32) @ torch.ones(1, 3) + normal(500, 3, seed=1, dtype=F32)
    rates = []
    for free_bits in (0.0, 0.6):
        model = linear_vae(3, 1, generator=seeded())
        fit(
            model, vae.loss(seeded(), free_bits), x,
            steps=400, lr=cosine(0.02, 400), weights={"rate": 3.0}, generator=seeded(),
        )  # fmt: skip
        rates.append(kl_per_unit(model, x).item())
    assert rates[0] < 0.05  # beta = 3 switches the latent off
    assert 0.4 < rates[1] < 0.8  # free up to 0.6 nats, and used


def test_kl_warm_up_is_a_ramp_that_fit_follows() -> None:
    weights = kl_warm_up(10, beta=2.0)
    assert [weights(step)["rate"] for step in (0, 5, 10, 99)] == [0, 1, 2, 2]
    model = mlp_vae(9, 2, hidden=(8,), generator=seeded())
    x = binary(64, 9)
    history = fit(
        model, vae.loss(seeded()), x,
        steps=20, batch=64, weights=kl_warm_up(10), validation=x, generator=seeded(),
    )  # fmt: skip
    ramp = torch.tensor([weights(step)["rate"] / 2 for step in range(20)])
    expected = history.terms["distortion"] + ramp * history.terms["rate"]
    torch.testing.assert_close(history.loss, expected)
    total = evaluate(model, vae.loss(seeded()), x)
    torch.testing.assert_close(total["total"], total["distortion"] + total["rate"])


# ---------------------------------------------------------------------- linear VAE


@pytest.fixture(scope="module")
def linear_data() -> Tensor:
    """Two strong directions and noise, oblique and off-centre, (1000, 6)."""
    W = torch.tensor([[1.5, 0.2, -0.7, 0.4, 0.0, 1.0], [0.1, 1.0, 0.3, -0.6, 0.8, -0.2]])
    noise = 0.5 * normal(1000, 6, seed=1, dtype=F32)
    return normal(1000, 2, dtype=F32) @ W + noise + torch.arange(6.0) / 3


@pytest.fixture(scope="module")
def trained_linear(linear_data: Tensor) -> VAE:
    model = linear_vae(6, 2, generator=seeded())
    fit(
        model, vae.loss(seeded(1)), linear_data,
        steps=2000, batch=250, lr=cosine(0.02, 2000), generator=seeded(2),
    )  # fmt: skip
    return model


def test_a_linear_vae_reaches_probabilistic_pca(trained_linear: VAE, linear_data: Tensor) -> None:
    x = linear_data.double()
    best = inference.fit_ppca(x, 2).log_evidence(x).mean()
    ours = as_ppca(trained_linear)
    evidence = ours.log_evidence(x)
    assert 0 <= (best - evidence.mean()).item() < 1e-2  # nats per sample
    mu, log_var = copy.deepcopy(trained_linear).double().encode(x)
    elbo = ours.elbo(x, mu, log_var[0].exp().diag())
    assert bool((elbo <= evidence + 1e-9).all())  # exact, so per point
    assert (best - elbo.mean()).item() < 1e-2


def test_quadrature_agrees_with_probabilistic_pca(trained_linear: VAE, linear_data: Tensor) -> None:
    x = linear_data[:50].double()
    model = copy.deepcopy(trained_linear).double()
    exact = as_ppca(model).log_evidence(x)
    torch.testing.assert_close(exact_log_evidence(model, x), exact, rtol=0, atol=1e-6)
    grid = inference.latent_grid(2, 71, 7.0)
    torch.testing.assert_close(exact_log_evidence(model, x, grid), exact, rtol=0, atol=1e-5)
    single = exact_log_evidence(trained_linear, x.float())
    assert single.dtype == F32
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-4)


def test_a_gaussian_posterior_leaves_only_the_correlation(
    trained_linear: VAE, linear_data: Tensor
) -> None:
    """An untrained encoder: refining must find all but what a diagonal q cannot express."""
    model = copy.deepcopy(trained_linear)
    with torch.no_grad():  # rotate the latents by 30 degrees, which makes the posterior oblique
        c, s = math.cos(0.5), math.sin(0.5)
        layer = model.decoder.network[0]
        layer.weight.copy_(layer.weight @ torch.tensor([[c, -s], [s, c]]))
        nn.init.constant_(model.encoder.log_var, -1.0)
    x = linear_data[:60]
    gap = inference_gap(model, x, generator=seeded(), steps=300)
    _, cov = as_ppca(model).posterior(x.double())
    # KL from the best diagonal Gaussian, of precision diag(cov^-1): 1/2 log(prod precision det cov)
    oblique = 0.5 * (cov.inverse().diagonal().log().sum() + cov.logdet()).item()
    mean, error = gap.approximation
    assert oblique > 0.03
    assert abs(mean - oblique) < 4 * error + 2e-3  # the search ends within 2e-3 nats
    assert gap.amortisation[0] > 0.1
    assert gap.total[0] == pytest.approx(gap.approximation[0] + gap.amortisation[0])


# ---------------------------------------------------------------------- evaluation


@pytest.fixture(scope="module")
def curved() -> tuple[VAE, Tensor]:
    """A small nonlinear model with K = 2, half trained, and data it has not seen."""
    angle = 6.28 * torch.rand(1200, generator=seeded(1))
    ring = torch.stack([angle.cos(), angle.sin(), (2 * angle).cos(), (2 * angle).sin()], dim=1)
    x = (ring.repeat(1, 3) > 0.3 * normal(1200, 12, dtype=F32)).float()
    model = mlp_vae(12, 2, hidden=(32,), generator=seeded())
    fit(model, vae.loss(seeded(2)), x[:1000], steps=400, lr=5e-3, generator=seeded(3))
    return model, x[1000:]


def test_bounds_rise_to_the_exact_evidence(curved: tuple[VAE, Tensor]) -> None:
    model, x = curved
    exact = exact_log_evidence(model, x)
    bounds = [
        evaluate_elbo(model, x, samples=200, generator=seeded()),
        importance_weighted(model, x, samples=5, generator=seeded(1)),
        importance_weighted(model, x, samples=500, generator=seeded(2), chunk=7),
    ]
    gaps = [vae.evaluation.mean_and_error(exact - bound) for bound in bounds]
    for (mean, error), (closer, its_error) in pairwise(gaps):
        # 4 standard errors of each, in the same direction: false alarms below 1e-4 of seeds.
        assert mean + 4 * error > closer - 4 * its_error
    assert all(mean > -4 * error for mean, error in gaps)
    assert gaps[0][0] > 0.02  # the bound is not tight, so that an order can be seen
    assert abs(gaps[-1][0]) < 0.02


def test_one_importance_weight_is_an_elbo(curved: tuple[VAE, Tensor]) -> None:
    """With one draw the bound is log p(x, z) - log q(z|x); chunks change no more than the draws."""
    model, x = curved
    one = importance_weighted(model, x[:1].expand(4000, -1), samples=1, generator=seeded())
    elbo = evaluate_elbo(model, x[:1].expand(4000, -1), samples=1, generator=seeded(1))
    error = math.hypot(one.std() / 4000**0.5, elbo.std() / 4000**0.5)
    assert abs(one.mean() - elbo.mean()) < 4 * error  # false alarms: 6e-5 of seeds


def test_exact_evidence_is_a_distribution_over_all_images() -> None:
    model = mlp_vae(6, 2, hidden=(8,), generator=seeded()).double()
    with torch.no_grad():
        for p in model.decoder.parameters():
            p.mul_(3)
    x = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=F64)] * 6)  # (64, 6), every image
    assert exact_log_evidence(model, x).logsumexp(dim=0).item() == pytest.approx(0, abs=1e-7)


def test_exact_evidence_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="importance_weighted"):
        exact_log_evidence(mlp_vae(6, 3, generator=seeded()), binary(2, 6))
    sharp = linear_vae(4, 2, sigma=0.01, generator=seeded())  # posteriors of width 0.01
    with pytest.raises(ValueError, match="too coarse"):
        exact_log_evidence(sharp, normal(3, 4, dtype=F32), inference.latent_grid(2, 51))
    with pytest.raises(ValueError, match="odd"):
        exact_log_evidence(sharp, normal(3, 4, dtype=F32), inference.latent_grid(2, 50))


def test_one_latent_is_integrated_too() -> None:
    model = linear_vae(4, 1, sigma=0.05, generator=seeded()).double()
    x = normal(7, 4)
    exact = as_ppca(model).log_evidence(x)
    torch.testing.assert_close(exact_log_evidence(model, x), exact, rtol=1e-7, atol=1e-5)


def test_gap_parts_are_not_negative(curved: tuple[VAE, Tensor]) -> None:
    model, x = curved
    before = copy.deepcopy(model.state_dict())
    gap = inference_gap(model, x[:100], generator=seeded(), steps=100)
    for mean, error in (gap.approximation, gap.amortisation, gap.total):
        assert mean > -4 * error  # false alarms: 1e-4 of seeds
    assert gap.amortisation[0] > 4 * gap.amortisation[1]  # the model is far from trained
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    assert model.training and all(p.requires_grad for p in model.parameters())


def test_evaluation_leaves_an_optimal_sigma_alone() -> None:
    model = mlp_vae(9, 2, likelihood=Gaussian(0.7, "optimal"), generator=seeded())
    x = binary(20, 9)
    for value in (
        evaluate_elbo(model, x, generator=seeded()),
        importance_weighted(model, x, samples=3, generator=seeded()),
        exact_log_evidence(model, x),
        latent_means(model, x),
        kl_per_unit(model, x),
    ):
        assert value.isfinite().all() and not value.requires_grad
    assert float(model.likelihood.sigma) == pytest.approx(0.7) and model.training


def test_kl_per_unit_sums_to_the_rate(curved: tuple[VAE, Tensor]) -> None:
    model, x = curved
    unit = kl_per_unit(model, x)
    assert unit.shape == (2,) and bool((unit >= 0).all())
    torch.testing.assert_close(unit.sum(), model.terms(x, generator=seeded())["rate"].detach())
    torch.testing.assert_close(latent_means(model, x), model.encode(x)[0].detach())
