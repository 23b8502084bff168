"""K models at once: the same numbers as one after the other."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
from draws import seeded
from torch import Tensor, nn

from course_utils import vae
from course_utils.autoencoders import mlp
from course_utils.training import StackedLinear, cosine, fit, stack, sweep, unstack

D, LATENT, B = 6, 2, 5
BETAS = torch.tensor([0.1, 0.5, 1.0, 4.0], dtype=torch.float64)
K = len(BETAS)


def binary(n: int = 60, seed: int = 1) -> Tensor:
    """Three patterns with flipped pixels, so that there is something to learn."""
    patterns = (torch.rand(3, D, generator=seeded(0)) < 0.5).double()
    g = seeded(seed)
    x = patterns[torch.randint(3, (n,), generator=g)]
    return (x - (torch.rand(n, D, generator=g) < 0.1).double()).abs()


def build(kind: str, seed: int) -> nn.Module:
    g = seeded(seed)
    models: dict[str, Callable[[], nn.Module]] = {
        "bernoulli": lambda: vae.mlp_vae(D, LATENT, hidden=(7,), generator=g),
        "binomial": lambda: vae.mlp_vae(
            D, LATENT, hidden=(7, 4), likelihood=vae.Binomial(3), generator=g
        ),
        "fixed": lambda: vae.mlp_vae(
            D, LATENT, hidden=(7,), likelihood=vae.Gaussian(0.3), generator=g
        ),
        "learned": lambda: vae.mlp_vae(
            D, LATENT, hidden=(7,), likelihood=vae.Gaussian(0.7, "learned"), generator=g
        ),
        "optimal": lambda: vae.mlp_vae(
            D, LATENT, hidden=(7,), likelihood=vae.Gaussian(0.7, "optimal"), generator=g
        ),
        "linear": lambda: vae.linear_vae(D, LATENT, generator=g),
    }
    return models[kind]().double()


KINDS = ["bernoulli", "binomial", "fixed", "learned", "optimal", "linear"]


def largest_difference(first: nn.Module, second: nn.Module) -> float:
    """Between the parameters and buffers of two models, relative to the size of each tensor."""
    a, b = first.state_dict(), second.state_dict()
    assert a.keys() == b.keys() and all(a[n].shape == b[n].shape for n in a)
    return max(float((a[n] - b[n]).abs().max() / b[n].abs().max().clamp_min(1e-3)) for n in a)


# ---------------------------------------------------------------------- the same numbers


@pytest.mark.parametrize("steps", [1, 50])
@pytest.mark.parametrize("kind", KINDS)
def test_a_stack_learns_what_separate_runs_learn(kind: str, steps: int) -> None:
    """Equal starts, batches and draws. In float64 rounding grows to 1e-11 in 50 steps of Adam."""
    x = binary()
    models = [build(kind, seed) for seed in range(K)]
    stacked = stack(models)
    settings = {"steps": steps, "batch": 16, "lr": cosine(0.02, 60)}
    together = fit(
        stacked,
        vae.loss(seeded(5)),
        x,
        weights={"rate": BETAS},
        generator=seeded(6),
        **settings,
    )
    for k, model in enumerate(models):
        start = copy.deepcopy(model)
        alone = fit(
            model,
            vae.loss(seeded(5)),
            x,
            weights={"rate": float(BETAS[k])},
            generator=seeded(6),
            **settings,
        )
        assert largest_difference(unstack(stacked, k), model) < 1e-9
        assert largest_difference(start, model) > 1e-3  # something was learnt
        for name in ("distortion", "rate"):
            torch.testing.assert_close(together.terms[name][:, k], alone.terms[name])


def test_a_loss_without_vectors_trains_the_same_way() -> None:
    x = binary()
    models = [mlp((D, 4, D), generator=seeded(s)).double() for s in range(3)]
    stacked = stack(models)

    def loss(model: nn.Module, x: Tensor) -> dict[str, Tensor]:
        return {"error": (model(x) - x).square().sum(dim=-1).mean(dim=-1)}

    fit(stacked, loss, x, steps=20, generator=seeded(1))
    for k, model in enumerate(models):
        fit(model, loss, x, steps=20, generator=seeded(1))
        assert largest_difference(unstack(stacked, k), model) < 1e-11


@pytest.mark.parametrize("bias", [True, False])
def test_shared_input_own_input_and_more_axes(bias: bool) -> None:
    torch.manual_seed(0)
    layers = [nn.Linear(3, 4, bias=bias, dtype=torch.float64) for _ in range(K)]
    stacked = stack(layers)
    assert isinstance(stacked, StackedLinear)
    shared = torch.randn(B, 3, dtype=torch.float64)
    own = torch.randn(K, B, 3, dtype=torch.float64)
    draws = torch.randn(2, K, B, 3, dtype=torch.float64)
    each = [layer(shared) for layer in layers]
    torch.testing.assert_close(stacked(shared), torch.stack(each))
    each = [layer(x) for layer, x in zip(layers, own, strict=True)]
    torch.testing.assert_close(stacked(own), torch.stack(each))
    each = [layer(draws[:, k]) for k, layer in enumerate(layers)]
    torch.testing.assert_close(stacked(draws), torch.stack(each, dim=1))
    assert torch.autograd.gradcheck(stacked, own.clone().requires_grad_())


# ---------------------------------------------------------------------- there and back


@pytest.mark.parametrize("kind", KINDS)
def test_unstack_gives_the_models_back(kind: str) -> None:
    models = [build(kind, seed) for seed in range(3)]
    stacked = stack(models)
    back = unstack(stacked)
    assert [largest_difference(a, b) for a, b in zip(back, models, strict=True)] == [0, 0, 0]
    assert largest_difference(unstack(stacked, -1), models[2]) == 0
    assert [largest_difference(unstack(stacked, [2, 0])[i], models[2 - 2 * i]) for i in (0, 1)] == [
        0,
        0,
    ]
    assert type(back[0]) is type(models[0]) and not hasattr(back[0], "single_shapes")
    assert str(back[0]) == str(models[0])
    stack(back)  # they are models like any other


def test_they_are_copies() -> None:
    models = [build("learned", seed) for seed in range(2)]
    before = copy.deepcopy(models[1])
    stacked = stack(models)
    alone = unstack(stacked, 1)
    with torch.no_grad():
        for p in stacked.parameters():
            p.add_(1)
    assert largest_difference(models[1], before) == 0 == largest_difference(alone, before)


def test_what_is_frozen_stays_frozen() -> None:
    models = [build("bernoulli", seed) for seed in range(2)]
    for model in models:
        model.decoder.requires_grad_(False)
    stacked = stack(models)
    assert not any(p.requires_grad for p in stacked.decoder.parameters())
    assert all(p.requires_grad for p in stacked.encoder.parameters())
    assert not any(p.requires_grad for p in unstack(stacked, 0).decoder.parameters())


def test_a_layer_used_twice_stays_one_layer() -> None:
    def twice(seed: int) -> nn.Sequential:
        layer = mlp((3, 3), generator=seeded(seed))[0]
        return nn.Sequential(layer, nn.Tanh(), layer)

    models = [twice(s) for s in range(2)]
    stacked = stack(models)
    assert stacked[0] is stacked[2]
    x = torch.randn(B, 3, generator=seeded())
    torch.testing.assert_close(stacked(x), torch.stack([m(x) for m in models]))
    back = unstack(stacked, 1)
    assert back[0] is back[2]


class Scale(nn.Module):
    """Numbers, vectors and a buffer that differs."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.number = nn.Parameter(torch.tensor(value))
        self.vector = nn.Parameter(value * torch.arange(1.0, 4.0))
        self.register_buffer("offset", torch.tensor(value**2))
        self.register_buffer("shared", torch.tensor([1.0, 2.0, 3.0]))

    def forward(self, x: Tensor) -> Tensor:
        return self.number * x + self.vector * self.shared + self.offset


def test_plain_parameters_and_buffers() -> None:
    models = [Scale(0.5), Scale(-2.0)]
    stacked = stack(models)
    shapes = {name: tuple(t.shape) for name, t in stacked.state_dict().items()}
    expected = {"number": (2, 1, 1), "vector": (2, 1, 3), "offset": (2, 1, 1), "shared": (3,)}
    assert shapes == expected
    x = torch.randn(2, B, 3, generator=seeded())
    each = [model(x[k]) for k, model in enumerate(models)]
    torch.testing.assert_close(stacked(x), torch.stack(each))
    assert [largest_difference(a, b) for a, b in zip(unstack(stacked), models, strict=True)] == [
        0,
        0,
    ]


# ---------------------------------------------------------------------- clear errors


class Matrix(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.W = nn.Parameter(torch.zeros(2, 3))


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(3, 3), nn.Linear(3, 3)
        self.b.weight = self.a.weight


@pytest.mark.parametrize(
    ("models", "sentence"),
    [
        ([], "at least one"),
        ([nn.Linear(2, 3), nn.Linear(3, 3)], "alike"),
        ([nn.Linear(2, 3), nn.Linear(2, 3).double()], "alike"),
        ([nn.Sequential(nn.Linear(2, 3), nn.ReLU()), nn.Sequential(nn.Linear(2, 3))], "alike"),
        ([nn.Sequential(nn.ReLU()), nn.Sequential(nn.SiLU())], "alike"),
        ([nn.Sequential(nn.ELU(1.0)), nn.Sequential(nn.ELU(2.0))], "settings"),
        ([nn.Sequential(nn.Conv2d(1, 1, 3))] * 2, "Conv2d"),
        ([nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))] * 2, "BatchNorm"),
        ([nn.LayerNorm(2)] * 2, "LayerNorm"),
        ([Matrix(), Matrix()], "nn.Linear"),
        ([Tied(), Tied()], "tied"),
        (
            [vae.conv_vae(8, 2, generator=seeded(s)) for s in range(2)],
            "only linear layers can be stacked",
        ),
    ],
)
def test_what_cannot_be_stacked_says_so(models: list[nn.Module], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        stack(models)


def test_other_mistakes_say_so() -> None:
    models = [mlp((3, 2), generator=seeded(s)) for s in range(2)]
    stacked = stack(models)
    for shape in [(3,), (B, 4), (3, B, 3)]:
        with pytest.raises(ValueError, match=r"x \(B, 3\), shared by all"):
            stacked(torch.zeros(shape))
    with pytest.raises(ValueError, match="no model 2"):
        unstack(stacked, 2)
    with pytest.raises(ValueError, match="stack"):
        unstack(models[0])
    for betas in ([1.0], [1.0, -1.0], [1.0, math.nan]):
        with pytest.raises(ValueError, match="as many betas"):
            sweep(models, vae.loss(seeded()), X, betas, held_out=X, steps=1, generator=seeded())


# ---------------------------------------------------------------------- a whole curve

X = binary().float()


def test_a_sweep_is_a_curve() -> None:
    """More beta, less rate and more distortion; held-out data are judged with fresh draws."""
    x, held_out = binary(300), binary(100, seed=2)
    betas = [0.05, 0.3, 1.0, 20.0]
    models = [build("bernoulli", 0) for _ in betas]
    g = seeded(3)
    result = sweep(
        models,
        vae.loss(g),
        x,
        betas,
        held_out=held_out,
        steps=400,
        batch=50,
        lr=cosine(0.02, 400),
        samples=20,
        generator=g,
    )
    assert bool((result.rate.diff() < 0).all()) and bool((result.distortion.diff() > 0).all())
    assert (
        result.rate[-1] < 1e-2 and result.rate[0] > 1
    )  # collapsed at one end, and not at the other
    torch.testing.assert_close(result.objective, result.distortion + result.betas * result.rate)
    assert largest_difference(models[0], build("bernoulli", 0)) == 0  # left as they were
    # Each model by itself lies where the sweep says; 100 x 20 draws, 5 standard errors.
    for k, model in enumerate(result.models):
        rate = model.terms(held_out, generator=g)["rate"]
        torch.testing.assert_close(rate, result.rate[k])
        draws = torch.stack([model.terms(held_out, generator=g)["distortion"] for _ in range(20)])
        error = draws.std() * (2 / 20) ** 0.5
        assert abs(draws.mean() - result.distortion[k]) < 5 * error
    assert result.history.terms["rate"].shape == (400, 4)
