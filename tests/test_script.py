"""Scripts of calls: the same numbers in this process and over the wire, bounded and plain."""

import pytest
import torch
from torch import Tensor, nn

from course_utils.exercises.signature import parse
from course_utils.exercises.subject import NotAttempted, Subject
from course_utils.sandbox import wire
from course_utils.sandbox.functions import LocalFunction, Raised
from course_utils.sandbox.script import (
    MAX_STEPS,
    build,
    call,
    copy,
    descend,
    gradients,
    make,
    parameters,
    ref,
    vjp,
)


class Autoencoder(nn.Module):
    def __init__(self, data_dim: int, latent_dim: int):
        super().__init__()
        self.down, self.up = nn.Linear(data_dim, latent_dim), nn.Linear(latent_dim, data_dim)

    def encode(self, x: Tensor) -> Tensor:
        return self.down(x).tanh()

    def decode(self, z: Tensor) -> Tensor:
        return self.up(z)

    def forward(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x))

    def loss(self, x: Tensor) -> Tensor:
        return (self(x) - x).square().sum(1).mean()


class Stub(nn.Module):
    def __init__(self, data_dim: int, latent_dim: int):
        super().__init__()

    def encode(self, x: Tensor) -> None:
        return None


def subject(written: object) -> Subject:
    return Subject(LocalFunction(written), parse("data_dim int, latent_dim int -> ()"))


def test_the_numbers_are_those_of_the_object_itself() -> None:
    x, c = torch.randn(5, 8), torch.randn(5, 3)
    shapes, z, x_hat, (value, by_name), _, back = subject(Autoencoder).run(
        make("model", 8, 3, seed=4),
        call("model.encode", x),
        call("model", x),
        gradients("model.loss", x),
        parameters("model"),
        vjp("model.encode", (x,), (0,), c),
    )
    torch.manual_seed(4)
    model = Autoencoder(8, 3)
    assert dict(shapes) == {name: tuple(p.shape) for name, p in model.named_parameters()}
    assert torch.equal(z, model.encode(x)) and torch.equal(x_hat, model(x))
    model.loss(x).backward()
    assert torch.equal(value, model.loss(x))
    assert all(torch.equal(g, dict(model.named_parameters())[name].grad) for name, g in by_name)
    leaf = x.clone().requires_grad_()
    assert torch.allclose(back[0], torch.autograd.grad(model.encode(leaf), leaf, c)[0])


def test_a_copy_computes_the_same_and_descent_learns() -> None:
    x = torch.randn(5, 8)
    _, _, first, other, _, copied, losses, moved = subject(Autoencoder).run(
        make("one", 8, 3, seed=1),
        make("two", 8, 3, seed=2),
        call("one", x),
        call("two", x),
        copy("one", "two"),
        call("two", x),
        descend("two.loss", x, steps=20, lr=0.01),
        call("two", x),
    )
    assert torch.equal(first, copied) and not torch.equal(first, other)
    assert losses.shape == (20,) and losses[-1] < losses[0] and not torch.equal(moved, copied)


def test_a_loop_is_handed_fixtures_and_draws_from_their_generator() -> None:
    def walk(model: nn.Module, loss: object, x: Tensor, generator: torch.Generator) -> Tensor:
        order = torch.randperm(len(x), generator=generator)
        return torch.stack([loss(model, x[order[:2]]).detach(), loss(model, x[order[2:]]).detach()])

    x = torch.cat([torch.arange(4.0)[:, None], torch.randn(4, 3)], 1)
    steps = (
        build("net", "linear", 3, seed=1),
        build("loss", "rows_seen"),
        build("order", "generator", seed=5),
        call("", ref("net"), ref("loss"), x, ref("order")),
        call("loss.batches"),
    )
    *_, losses, seen = subject(walk).run(*steps)
    assert losses.shape == (2,) and sorted(torch.cat(seen).tolist()) == [0, 1, 2, 3]
    assert all(torch.equal(a, b) for a, b in zip(seen, subject(walk).run(*steps)[-1], strict=True))


def test_a_fixture_trains_an_object_without_a_loss() -> None:
    x = torch.randn(5, 8)
    *_, before, losses, after = subject(Autoencoder).run(
        make("model", 8, 3, seed=4),
        build("training", "reconstruction", ref("model")),
        call("model.loss", x),
        descend("training", x, steps=10, lr=0.01),
        call("model.loss", x),
    )
    assert torch.equal(losses[0], before) and after < losses[-1] < before


def test_the_linear_fixture_counts_its_gradients() -> None:
    x = torch.randn(5, 3)
    *_, first, losses, later = subject(Autoencoder).run(
        build("net", "linear", 3),
        build("training", "reconstruction", ref("net")),
        call("net.gradients_seen"),
        descend("training", x, steps=4, lr=0.01),
        call("net.gradients_seen"),
    )
    assert (first, later) == (0, 4) and len(losses) == 4


def test_a_stub_is_not_attempted_and_its_method_is_named() -> None:
    with pytest.raises(NotAttempted) as raised:
        subject(Stub).run(
            make("m", 8, 3), call("m.encode", torch.zeros(2, 8)), call("m.decode", torch.zeros(2))
        )
    assert raised.value.method == "encode"


def test_who_calls_the_object_itself_is_told_of_forward() -> None:
    class Forgetful(Stub):
        def forward(self, x: Tensor) -> None:
            return None

    with pytest.raises(NotAttempted) as raised:
        subject(Forgetful).run(make("m", 8, 3), call("m", torch.zeros(2, 8)))
    assert raised.value.method == "forward"


@pytest.mark.parametrize(
    ("written", "steps", "slug", "words"),
    [
        (lambda d, k: 3, (make("m", 8, 3),), "not-a-module", "nn.Module"),
        (Autoencoder, (make("m", 8, 3), call("m.sample", 1)), "not-a-module", "method `sample`"),
        (Autoencoder, (make("m", 8),), "wrong-arguments", "1 argument"),
        (
            Autoencoder,
            (make("m", 8, 3), gradients("m.encode", torch.zeros(2, 8))),
            "not-a-module",
            "one number",
        ),
    ],
)
def test_what_is_wrong_is_said(written: object, steps: tuple, slug: str, words: str) -> None:
    with pytest.raises(Raised) as raised:
        subject(written).run(*steps)
    assert raised.value.slug == slug and words in raised.value.message


def test_steps_and_values_travel_over_the_wire() -> None:
    x = torch.randn(5, 8)
    steps = (
        make("m", 8, 3, seed=4),
        gradients("m.loss", x),
        call("m", x),
        build("g", "generator", seed=3),
        call("m.encode", x),
    )
    assert wire.decode(wire.encode(("script", steps)))[1][3] == steps[3]
    values = LocalFunction(Autoencoder).run(steps)
    kind, carried = wire.decode(wire.encode(("values", values)))
    assert kind == "values" and torch.equal(carried[2], values[2])
    assert torch.equal(carried[1][1][0][1], values[1][1][0][1])


def test_a_script_is_bounded() -> None:
    steps = (make("m", 8, 3), *[call("m.encode", torch.zeros(1, 8))] * (2 * MAX_STEPS))
    assert len(LocalFunction(Autoencoder).run(steps)) == MAX_STEPS


def test_a_descent_in_batches_sees_the_rows_in_order() -> None:
    x = torch.randn(7, 8)
    *_, in_batches = subject(Autoencoder).run(
        make("model", 8, 3, seed=4), descend("model.loss", x, steps=4, lr=0.1, batch=3)
    )
    torch.manual_seed(4)
    model = Autoencoder(8, 3)
    adam, values = torch.optim.Adam(model.parameters(), lr=0.1), []
    for rows in (x[:3], x[3:6], x[:3], x[3:6]):  # the row that is left over is never seen
        value = model.loss(rows)
        adam.zero_grad()
        value.backward()
        adam.step()
        values.append(value.detach())
    assert torch.equal(in_batches, torch.stack(values))
