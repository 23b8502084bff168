"""The fit loop against problems whose answer is known."""

import ast
import inspect
import math
from functools import partial

import pytest
import torch
from draws import seeded
from torch import Tensor, nn

from course_utils import training
from course_utils.training import DivergedError, History, cosine, evaluate, fit


def line(dtype: torch.dtype = torch.float32, n: int = 300) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy points around a plane, and the least-squares (weights, offset) of a float64 solver."""
    g = seeded(1)
    x = torch.randn(n, 3, generator=g, dtype=torch.float64)
    y = x @ torch.tensor([[1.0], [-2.0], [0.5]], dtype=torch.float64) + 0.7
    y = y + 0.1 * torch.randn(n, 1, generator=g, dtype=torch.float64)
    design = torch.cat([x, torch.ones(n, 1, dtype=torch.float64)], dim=1)
    return x.to(dtype), y.to(dtype), torch.linalg.lstsq(design, y).solution.flatten()


def linear(dtype: torch.dtype = torch.float32, inputs: int = 3) -> nn.Linear:
    torch.manual_seed(0)
    return nn.Linear(inputs, 1, dtype=dtype)


def squared(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return (model(x) - y).square().mean()


def found(model: nn.Linear) -> Tensor:
    return torch.cat([model.weight.flatten(), model.bias]).detach().double()


class Point(nn.Module):
    """One number, to be moved."""

    def __init__(self, value: float = 0.0, k: int = 1) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.full((k,), value))


def quadratic(model: Point, x: Tensor) -> Tensor:
    return (model.w.sum() - x.mean()).square()


# ---------------------------------------------------------------------- it learns


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-4), (torch.float64, 1e-6)])
def test_reaches_the_least_squares_solution(dtype: torch.dtype, tolerance: float) -> None:
    x, y, solution = line(dtype)
    model = linear(dtype)
    # Full batches: no noise of the gradient stands between Adam and the minimum.
    budget = 1000
    rate = cosine(0.1, budget)
    h = fit(model, squared, (x, y), steps=budget, batch=len(x), lr=rate, generator=seeded())
    assert found(model).sub(solution).abs().max() < tolerance
    assert h.loss.dtype == dtype and h.loss.shape == (budget,) and h.stopped == "budget"


def test_every_sample_is_seen_once_an_epoch_in_a_new_order() -> None:
    seen: list[Tensor] = []

    def loss(model: Point, x: Tensor, label: Tensor) -> Tensor:
        assert torch.equal(x.flatten().long(), label)  # tuples stay aligned
        seen.append(label)
        return quadratic(model, x)

    n, batch, epochs = 23, 5, 3
    label = torch.arange(n)
    data = (label[:, None].float(), label)
    h = fit(Point(), loss, data, epochs=epochs, batch=batch, generator=seeded())
    assert [len(s) for s in seen] == [5, 5, 5, 5, 3] * epochs == [5, 5, 5, 5, 3] * 3
    orders = torch.cat(seen).reshape(epochs, n)  # (epochs * n,) -> (epochs, n)
    assert all(torch.equal(order.sort().values, label) for order in orders)
    assert len(orders.unique(dim=0)) == epochs and not (orders == label).all(dim=1).any()
    assert h.loss.shape == (15,)


def test_a_budget_in_steps_may_end_within_an_epoch() -> None:
    x = torch.zeros(23, 1)
    h = fit(Point(), quadratic, x, steps=7, batch=5, validation=x, generator=seeded())
    assert h.loss.shape == (7,) and h.validation.shape == (2,)
    h = fit(Point(), quadratic, x, steps=2, batch=100, validation=x, generator=seeded())
    assert h.loss.shape == h.validation.shape == (2,)


def test_same_seed_same_fit() -> None:
    x, y, _ = line()

    def run(seed: int) -> tuple[Tensor, Tensor]:
        generator = torch.manual_seed(seed)  # one stream for the start and the shuffling

        def noisy(model: nn.Module, x: Tensor, y: Tensor) -> Tensor:
            return squared(model, x + 0.1 * torch.randn(x.shape, generator=generator), y)

        model = nn.Linear(3, 1)
        h = fit(model, noisy, (x, y), steps=40, batch=32, generator=generator)
        return h.loss, found(model)

    for a, b in zip(run(3), run(3), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(run(3)[0], run(4)[0])


def test_the_generator_alone_decides_the_order() -> None:
    x = torch.arange(50.0)[:, None]
    orders = []
    for seed, elsewhere in ((3, 0), (3, 1), (4, 1)):
        torch.manual_seed(elsewhere)
        orders.append(fit(Point(), quadratic, x, steps=9, batch=5, generator=seeded(seed)).loss)
    assert torch.equal(orders[0], orders[1]) and not torch.equal(orders[1], orders[2])


def test_first_step_is_adams() -> None:
    """|step| = lr g / (|g| + eps): with eps = 0 it is lr, whatever the gradient."""
    for lr, eps in ((0.25, 1e-8), (0.25, 2.0)):
        model = Point(value=1.0)  # g = 2 (w - 0) = 2
        fit(model, quadratic, torch.zeros(4, 1), steps=1, lr=lr, eps=eps, generator=seeded())
        assert model.w.item() == pytest.approx(1 - lr * 2 / (2 + eps), rel=1e-6)


def test_learning_rate_follows_its_function() -> None:
    asked = []

    def lr(step: int) -> float:
        asked.append(step)
        return 0.25 if step < 2 else 0.0

    model = Point(value=10.0)
    fit(model, quadratic, torch.zeros(4, 1), steps=5, lr=lr, generator=seeded())
    # Two steps of size 0.25 in the same direction, then none.
    assert model.w.item() == pytest.approx(9.5, abs=1e-3)
    assert sorted(set(asked)) == list(range(5))


def test_cosine() -> None:
    rate = cosine(2.0, 10)
    values = [rate(step) for step in range(11)]
    assert values[0] == 2 and values[5] == pytest.approx(1) and values[10] == pytest.approx(0)
    assert values == sorted(values, reverse=True) and rate(50) == pytest.approx(0)
    assert values[2] == pytest.approx(1 + math.cos(math.pi / 5))


def test_without_data_the_loss_gets_the_model_alone() -> None:
    model = Point(k=2)
    target = torch.tensor([1.0, -3.0])
    budget = 950
    h = fit(
        model,
        lambda model: (model.w - target).square().sum(),
        None,
        steps=budget,
        lr=cosine(0.05, budget),
        generator=seeded(),
    )
    assert model.w.sub(target).abs().max() < 1e-3 and h.loss.shape == (budget,)
    h = fit(model, lambda model: model.w.square().sum(), None, epochs=2, generator=seeded())
    assert h.loss.shape == (200,)


# ---------------------------------------------------------------------- several terms


def two_terms(model: Point, x: Tensor) -> dict[str, Tensor]:
    w = model.w.squeeze()
    return {"fit": (w - x.mean()).square(), "kl": w.square()}


@pytest.mark.parametrize("beta", [0.0, 1.0, 3.0])
def test_named_terms_are_weighted_and_recorded(beta: float) -> None:
    """(w - 1)^2 + beta w^2 is lowest at w = 1 / (1 + beta)."""
    model, x, budget = Point(), torch.ones(64, 1), 600
    h = fit(
        model, two_terms, x, weights={"kl": beta}, steps=budget, lr=cosine(0.05, budget),
        validation=x, generator=seeded(),
    )  # fmt: skip
    w = model.w.item()
    assert w == pytest.approx(1 / (1 + beta), abs=1e-4)
    assert list(h.terms) == list(h.validation_terms) == ["fit", "kl"]
    torch.testing.assert_close(h.loss, h.terms["fit"] + beta * h.terms["kl"])
    last = {name: values[-1].item() for name, values in h.validation_terms.items()}
    assert last == pytest.approx({"fit": (w - 1) ** 2, "kl": w**2}, abs=1e-6)
    assert h.validation[-1].item() == pytest.approx(last["fit"] + beta * last["kl"], abs=1e-6)


def test_a_term_is_warmed_up_and_validation_is_not() -> None:
    asked = []

    def warm_up(step: int) -> dict[str, float]:
        asked.append(step)
        return {"kl": min(1.0, step / 10)}

    x = torch.ones(8, 1)
    h = fit(
        Point(0.5), two_terms, x, weights=warm_up, steps=20, batch=2, validation=x,
        generator=seeded(),
    )  # fmt: skip
    beta = torch.arange(20).div(10).clamp(max=1)
    torch.testing.assert_close(h.loss, h.terms["fit"] + beta * h.terms["kl"])
    # Always with the last weight, here 1: values before and after the warm-up can be compared.
    terms = h.validation_terms
    torch.testing.assert_close(h.validation, terms["fit"] + terms["kl"])
    assert set(asked) == set(range(20))


def test_a_stack_of_models_learns_as_each_alone() -> None:
    """One term with K numbers and K weights: the sum is minimised, each model has its own."""
    betas = torch.tensor([0.0, 1.0, 3.0])

    def stacked(model: Point, x: Tensor) -> dict[str, Tensor]:
        return {"fit": (model.w - x.mean()).square(), "kl": model.w.square()}

    stack, x = Point(k=3), torch.ones(64, 1)
    settings = {"steps": 50, "lr": 0.01}
    h = fit(stack, stacked, x, weights={"kl": betas}, generator=seeded(), **settings)
    assert h.terms["fit"].shape == h.terms["kl"].shape == (50, 3) and h.loss.shape == (50,)
    for i, beta in enumerate(betas):
        alone = Point()
        own = fit(alone, two_terms, x, weights={"kl": beta}, generator=seeded(), **settings)
        torch.testing.assert_close(stack.w[i], alone.w[0])
        torch.testing.assert_close(h.terms["fit"][:, i], own.terms["fit"])


# ---------------------------------------------------------------------- stopping


def test_early_stopping_puts_the_best_parameters_back() -> None:
    """w climbs by lr = 0.1 a step towards 10; the validation loss is lowest near w = 0.5."""
    model = Point()
    train, held_out = torch.full((4, 1), 10.0), torch.full((4, 1), 0.52)
    settings = {"steps": 100, "batch": 4, "lr": 0.1, "validation": held_out}
    h = fit(model, quadratic, train, patience=3, generator=seeded(), **settings)
    assert h.stopped == "patience" and h.best_step == 5 and h.loss.shape == (8,)
    assert model.w.item() == pytest.approx(0.5, abs=1e-2)
    assert evaluate(model, quadratic, held_out)["total"] == h.validation.min()
    assert int(h.validation.argmin()) == 4

    watched = Point()
    h = fit(watched, quadratic, train, generator=seeded(), **settings)
    assert h.stopped == "budget" and h.best_step == 5 and h.loss.shape == (100,)
    assert watched.w.item() > 5  # without patience nothing is put back


def test_the_best_is_put_back_when_the_budget_ends_too() -> None:
    model = Point()
    h = fit(
        model, quadratic, torch.full((4, 1), 10.0), steps=8, lr=0.1, patience=50,
        validation=torch.full((4, 1), 0.52), generator=seeded(),
    )  # fmt: skip
    assert h.stopped == "budget" and model.w.item() == pytest.approx(0.5, abs=1e-2)


def test_an_interrupt_keeps_what_was_learnt(capsys: pytest.CaptureFixture[str]) -> None:
    calls = 0

    def loss(model: Point, x: Tensor) -> Tensor:
        nonlocal calls
        calls += 1
        if calls == 13:
            raise KeyboardInterrupt
        return quadratic(model, x)

    model = Point()
    h = fit(model, loss, torch.full((20, 1), 10.0), steps=100, batch=4, lr=0.1, generator=seeded())
    assert isinstance(h, History) and h.stopped == "interrupted" and h.loss.shape == (12,)
    assert model.w.item() == pytest.approx(1.2, abs=0.02)
    assert "12 of 100 steps" in capsys.readouterr().out


def test_an_interrupt_at_once_gives_an_empty_history() -> None:
    def loss(model: Point, x: Tensor) -> Tensor:
        raise KeyboardInterrupt

    h = fit(Point(), loss, torch.zeros(4, 1), steps=5, generator=seeded())
    assert h.stopped == "interrupted" and h.loss.shape == h.validation.shape == (0,)


def test_divergence_stops_with_a_sentence() -> None:
    def logarithm(model: Point, x: Tensor) -> Tensor:
        return model.w.sum().log()  # lower and lower, until w < 0

    settings = {"steps": 100, "batch": 4, "lr": 0.1, "generator": seeded()}
    # w = 0.25, 0.15, 0.05, then negative; seen at the end of the epoch of 10 steps.
    with pytest.raises(DivergedError, match=r"in the loss after 3 steps. Lower lr"):
        fit(Point(0.25), logarithm, torch.zeros(40, 1), **settings)


def test_a_last_step_that_ruins_the_parameters_is_seen() -> None:
    def root(model: Point, x: Tensor) -> Tensor:
        return model.w.sum().sqrt()  # 0 at w = 0, with an infinite gradient

    with pytest.raises(DivergedError, match="in the parameters after 1 steps"):
        fit(Point(), root, torch.zeros(4, 1), steps=1, generator=seeded())


def test_a_validation_loss_that_is_not_finite_is_seen() -> None:
    held_out = torch.full((4, 1), math.inf)
    with pytest.raises(DivergedError, match="data hold NaN or infinity in 4 of 4 samples"):
        fit(Point(), quadratic, torch.zeros(4, 1), steps=1, validation=held_out, generator=seeded())


# ---------------------------------------------------------------------- evaluation


def test_evaluate_does_not_depend_on_the_batch_and_changes_nothing() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 1)).double()
    x, y, _ = line(torch.float64, n=101)
    whole = evaluate(model, squared, (x, y))["total"]
    for batch in (1, 10, 100, 1000):
        got = evaluate(model, squared, (x, y), batch=batch)["total"]
        torch.testing.assert_close(got, whole, rtol=1e-12, atol=0)
    model.eval()  # without dropout
    torch.testing.assert_close(whole, squared(model, x, y).detach())
    assert not whole.requires_grad and all(p.grad is None for p in model.parameters())


def test_a_fit_learns_in_training_mode_and_validates_in_evaluation_mode() -> None:
    modes = []

    class Spy(Point):
        def forward(self, x: Tensor) -> Tensor:
            modes.append((self.training, torch.is_grad_enabled()))
            return self.w * x.sum()

    model = Spy().eval()
    x = torch.ones(4, 1)
    fit(model, lambda m, x: m(x).sum(), x, steps=2, validation=x, generator=seeded())
    assert modes == [(True, True), (False, False)] * 2 and model.training


# ---------------------------------------------------------------------- mistakes


X = torch.zeros(10, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"steps": None}, "either steps or epochs"),
        ({"epochs": 3}, "either steps or epochs"),
        ({"steps": 0}, "at least 1"),
        ({"batch": 0}, "at least 1"),
        ({"steps": None, "epochs": -1}, "at least 1"),
        ({"patience": 3}, "needs validation"),
        ({"patience": 0, "validation": X}, "at least 1 epoch"),
        ({"data": (X, X[:5])}, "equally many"),
        ({"data": X[:0]}, "at least one"),
        ({"data": X.double()}, r"use x.to\(torch.float32\)"),
        ({"data": X.numpy()}, "data must be a tensor"),
        ({"data": ()}, "data must be a tensor"),
        ({"validation": X.double()}, r"use x.to\(torch.float32\)"),
        ({"weights": {"kld": 1.0}}, "weights names .'kld'."),
        ({"model": nn.ReLU()}, "no parameters"),
        ({"loss": lambda m, x: m.w.detach().sum()}, "does not depend on the model"),
        ({"loss": lambda m, x: m.w.item()}, "a tensor or a dict"),
        ({"loss": lambda m, x: {"kl": 0.0}}, "term of a loss is a tensor"),
        ({"loss": lambda m, x: {}}, "term of a loss is a tensor"),
        ({"loss": lambda m, x: m.w * x.flatten()}, "one number"),
        ({"loss": lambda m, x: {"total": m.w.sum()}}, "may be called 'total'"),
    ],
)
def test_mistakes_get_a_sentence(change: dict, words: str) -> None:
    arguments = {"model": Point(), "loss": quadratic, "data": X, "steps": 3} | change
    with pytest.raises(ValueError, match=words):
        fit(**arguments, generator=seeded())
    with pytest.raises(ValueError, match="at least 1"):
        cosine(0.1, 0)


# ---------------------------------------------------------------------- how it is made


def test_no_data_loader_and_no_reading_back_within_an_epoch() -> None:
    """.item(), float() and print of a tensor make a graphics card wait."""
    tree = ast.parse(inspect.getsource(training.loop))
    (loop,) = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == "fit"]
    (steps,) = [n for n in ast.walk(loop) if isinstance(n, ast.For)]
    words = {n.attr for n in ast.walk(steps) if isinstance(n, ast.Attribute)}
    words |= {n.id for n in ast.walk(steps) if isinstance(n, ast.Name)}
    assert {"backward", "step"} <= words
    assert not words & {"item", "tolist", "cpu", "numpy", "float", "print"}
    assert "DataLoader" not in {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}


def test_adam_is_fused(monkeypatch: pytest.MonkeyPatch) -> None:
    made, adam = [], torch.optim.Adam

    def spy(*args: object, **kwargs: object) -> torch.optim.Adam:
        made.append(adam(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(torch.optim, "Adam", spy)
    fit(Point(), quadratic, X, steps=1, generator=seeded())
    assert made[0].defaults["fused"] is True


def test_train_is_fit_with_its_losses_and_a_bar_counts_them() -> None:
    def losses(model: nn.Module, x: Tensor) -> Tensor:
        return (model(x) - 1).square().mean()

    x = torch.randn(300, 3, generator=seeded())
    one, two = linear(), linear()
    found = training.train(one, training.with_bar(losses, 7), x, 7, 0.1, seeded(1))
    history = fit(two, losses, x, steps=7, lr=0.1, generator=seeded(1))
    assert torch.equal(found, history.loss) and found.shape == (7,)
    assert torch.equal(one.weight, two.weight)


def test_no_progress_bar_before_two_seconds(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = partial(training.loop.tqdm, disable=False)  # whatever TQDM_DISABLE says
    monkeypatch.setattr(training.loop, "tqdm", shown)
    fit(Point(), quadratic, X, steps=30, batch=2, validation=X, generator=seeded())
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""
    monkeypatch.setattr(training.loop, "tqdm", lambda **settings: shown(**settings | {"delay": 0}))
    fit(Point(), quadratic, X, steps=30, batch=2, generator=seeded())
    assert "step/s" in capfd.readouterr().err  # the test can see one


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA card")
def test_on_a_graphics_card() -> None:
    x, y, solution = line()
    model = linear()
    settings = {"steps": 500, "lr": cosine(0.1, 500), "validation": (x, y), "patience": 500}
    h = fit(model, squared, (x, y), device="cuda", generator=seeded(), **settings)
    assert model.weight.is_cuda and h.loss.device.type == "cpu"
    assert found(model.cpu()).sub(solution).abs().max() < 1e-2
