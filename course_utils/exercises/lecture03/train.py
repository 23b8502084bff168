"""Exercise 03.train: the training loop, step by step."""

import copy
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, RMSprop

from ...sandbox.functions import LocalFunction, Raised
from ...sandbox.script import Step, build, call, gradients, parameters, ref, vjp
from ..contract import Wrong, conform, settle
from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

BATCH = 128

DETACHED = (
    "No gradient ever reaches the model: `backward()` is missing, or it is called on numbers that "
    "are cut off from the model, by `.detach()`, `.item()` or `torch.tensor`."
)

CLIPPED = (
    "The gradients are clipped before the step: Adam is asked for as it is, and large gradients do "
    "it no harm."
)

DECAYED = (
    "Where there is nothing to learn the parameters change all the same, and are smaller at the "
    "end: is there a weight decay, a penalty on them in the loss, or are they set anew? Adam has "
    "no decay of its own; leave `weight_decay` out."
)

RECORD = (
    "The model is trained as it should be, and the losses that come back are not what `loss` gave: "
    "record each as it is, neither weighted, nor averaged with others, nor changed otherwise."
)

exercise = Exercise(
    "03.train",
    "model module, loss function, x (N, ...), steps int, lr float, generator generator -> (steps,)",
    place=6,
    proves="On data of one batch the losses and the trained parameters are those of Adam, to "
    "rounding; on more, every sample comes once per epoch in batches of 128, the short last one "
    "included, in an order that the generator decides and that changes from epoch to epoch and "
    "from call to call; rows of any shape reach the loss as they are; the losses are detached.",
    hints=(
        "One step: the loss of a batch; the gradients of the last step set to zero; the new ones "
        "computed; the optimiser moves the parameters. Each is one line. The optimiser is made "
        "once, before the loop: it remembers past gradients.",
        "An epoch: `torch.randperm(len(x), generator=generator)` is an order of all rows, and "
        "`order.split(128)` cuts it into batches, the last of which may be short. When it has "
        "been gone through, draw a new one.",
        "`steps` counts batches, and may end in the middle of an epoch. Record each loss without "
        "its graph, and stack the records at the end.",
    ),
    twin="course_utils.training:train",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    dim = draw.integer(3, 5)
    short = _numbered(draw.integer(20, 60), dim, draw)
    data = _numbered(2 * BATCH + draw.integer(20, 60), dim, draw)
    # The sizes first: who leaves short batches out waits for ever on data shorter than a batch.
    _check_sizes(_run(f, _script(data, 7, 0.05, draw.integer(0, 999)))[3], len(data))
    idle = []
    for x in (short, _numbered(BATCH, dim, draw)):
        losses, *_ = _run(f, _script(x, 3, 0.05, draw.integer(0, 999)))
        idle.append(_close(losses, losses[:1].expand_as(losses)))
    law(
        idle != [True, False],
        "On a batch of 128 rows the model learns, and on a shorter one it stays what it is: the "
        "last batch of an epoch is a step like any other.",
        "short-batch-idle",
    )
    for x, steps in ((short, 6), (short, 1), (short[:1], 3)):
        _check_one_batch(f, x, steps, draw)
    _check_extremes(f, short, draw)
    _check_detached(f, short, draw)
    _check_epochs(f, data, 2 * 3 + 1, draw)
    _check_epochs(f, _numbered(2 * BATCH, dim, draw), 5, draw)
    _check_generator(f, data, 7, draw)
    _check_images(f, _numbered(draw.integer(20, 60), 5, draw).reshape(-1, 2, 3), draw)


def _numbered(n: int, dim: int, draw: Draw) -> Tensor:
    """Data (n, 1 + dim) with the number of the row in column 0, for the fixture `rows_seen`."""
    return torch.cat([torch.arange(n)[:, None].float(), draw.normal(n, dim)], 1)


def _script(x: Tensor, steps: int, lr: float, seed: int, elsewhere: int = 0) -> tuple[Step, ...]:
    """Train the linear fixture.

    Args:
        seed: of the generator.
        elsewhere: of torch's global generator when the loop begins.
    """
    return (
        build("order", "generator", seed=seed),
        build("rows", "rows_seen"),
        build("net", "linear", x[0].numel() - 1, seed=elsewhere),
        call("", ref("net"), ref("rows"), x, steps, lr, ref("order")),
        parameters("net"),
        call("net.gradients_seen"),
        call("rows.batches"),
        call("rows.evaluated"),
    )


def _run(f: Subject, script: tuple[Step, ...]) -> tuple[Tensor, list[Tensor], int, list[Tensor]]:
    """(losses (steps,), parameters, how many gradients came, the rows of each batch)."""
    try:
        *_, losses, weights, gradients_came, batches, evaluated = f.run(*script)
    except Raised as error:
        law("does not require grad" not in error.message, DETACHED, "detached-loss")
        raise
    _, x, steps = script[3][2][1:4]
    args = (None, None, x, steps, 0.0, None)
    losses, remark = settle(losses, f.signature, args)
    f.remark = f.remark or remark
    if isinstance(losses, Tensor) and not losses.ndim:
        raise Wrong(
            "One number came back, the last loss or an average: return the loss of every step, "
            f"here {steps} of them.",
            "one-loss",
        )
    if isinstance(losses, Tensor) and losses.ndim == 1 and len(losses) != steps:
        _name_length(len(losses), steps, len(x), len(batches))
    law(
        all(torch.isin(batch, torch.arange(len(x)).to(batch)).all() for batch in batches),
        "What reaches `loss` are not rows of `x`: they are scaled, shifted or noisy. Take them as "
        "they are.",
        "rows-changed",
    )
    rows = [batch.long() for batch in batches]
    if len(rows) == 2 * steps and all(map(torch.equal, rows[::2], rows[1::2])):
        rows = rows[::2]  # asked twice for the loss of a batch, once only to look at it
    law(
        all(map(len, rows)),
        "A batch has no rows: a slice of 128 that begins at i ends at i + 128, as in "
        "`order[i : i + 128]`.",
        "empty-batch",
    )
    losses = conform(losses, f.signature, args)
    assert isinstance(losses, Tensor)  # as the signature says
    law(
        len(rows) == steps,
        f"`loss` was called {len(rows)} times for {steps} steps: a step takes one batch and its "
        "loss, and after the last one nothing is done.",
        "too-many-steps" if len(rows) > steps else "stops-early",
    )
    law(
        evaluated < len(batches),
        "Every loss is computed with the model in evaluation mode, where dropout and the like are "
        "off: `model.eval()` is for after training.",
        "eval-mode",
    )
    return losses, [w for _, w in weights], gradients_came, rows


def _name_length(came: int, steps: int, n: int, batches: int) -> None:
    """Raises: Wrong, always."""
    per_epoch = -(-n // BATCH)
    if came == steps * per_epoch:
        raise Wrong(
            f"It goes {steps} times through the data: `steps` counts batches, not epochs.",
            "steps-are-epochs",
        )
    if batches == steps:
        raise Wrong(
            f"{came} losses came back for {steps} steps: record the loss of every step, not one "
            "per epoch.",
            "one-per-epoch",
        )
    if came > steps:
        raise Wrong(
            f"It takes {came} steps where {steps} are asked for: stop in the middle of an epoch.",
            "too-many-steps",
        )
    raise Wrong(
        f"It stops after {came} of {steps} steps: when an epoch is over, begin the next one.",
        "stops-early",
    )


# --- one batch: every number is known ---------------------------------------------------------


def _check_one_batch(f: Subject, x: Tensor, steps: int, draw: Draw) -> None:
    """All data fit into a batch, so that their order is only rounding."""
    script = _script(x, steps, 0.05, draw.integer(0, 999), draw.integer(0, 999))
    losses, weights, came, rows = _run(f, script)
    for batch in rows:
        law(
            torch.equal(batch.sort().values, torch.arange(len(x))),
            f"With {len(x)} samples, fewer than 128, every batch is all of them, each once: yours "
            "takes others.",
            "rows-missing",
        )
    right_losses, right_weights = _numbers(LocalFunction(_right).run(script))
    if _close(losses, right_losses) and all(map(_close, weights, right_weights)):
        return
    for mistake in exercise.mistakes:
        other = LocalFunction(mistake.function).run(script)
        its_losses, its_weights = _numbers(other)
        same = _close(losses, its_losses) and all(map(_close, weights, its_weights))
        if same and bool(came) == bool(other[5]):
            raise Wrong(mistake.message, mistake.slug)
    _check_extremes(f, x, draw)
    law(
        not all(map(_close, weights, right_weights)),
        RECORD,
        "wrong-record",
    )
    law(
        _close(losses, right_losses),
        "The losses are not those of the batches before each step, with Adam at the given "
        "learning rate and its other settings as they are.",
        "wrong-losses",
    )
    raise Wrong(
        "The losses are right, and the parameters at the end are not: as many steps as losses, "
        "and nothing after the last one.",
        "wrong-parameters",
    )


def _check_extremes(f: Subject, x: Tensor, draw: Draw) -> None:
    """What other numbers hide: clipping where all gradients are large, a decay where all are zero.

    Whatever the threshold, if all is clipped then Adam, blind to the scale, takes the same steps.
    """
    seeds = draw.integer(0, 999), draw.integer(0, 999)
    zero, large = (torch.cat([x[:, :1], factor * x[:, 1:]], 1) for factor in (0, 100))
    script = _script(zero, 4, 0.05, *seeds)
    _, weights, came, _ = _run(f, script)
    _, start = _numbers(LocalFunction(_idle).run(script))
    law(
        not came
        or all(map(torch.equal, weights, start))
        or sum(float(w.norm()) for w in weights) >= sum(float(w.norm()) for w in start),
        DECAYED,
        "weight-decay",
    )
    script = _script(large, 6, 0.05, *seeds)
    try:
        _, weights, _, _ = _run(f, script)
    except Wrong as wrong:
        if wrong.slug != "not-finite":  # what steps in proportion to the gradient runs away
            raise
        return
    _, right_weights = _numbers(LocalFunction(_right).run(script))
    if all(map(_close, weights, right_weights)):
        return
    for by in CLIPS:
        _, its_weights = _numbers(LocalFunction(partial(_clipping, by)).run(script))
        # Where a clipped gradient is as small as Adam's epsilon, the threshold shows a little.
        law(
            _farthest(weights, its_weights) > 0.1 * _farthest(weights, right_weights),
            CLIPPED,
            "clipped",
        )


def _farthest(some: list[Tensor], others: list[Tensor]) -> float:
    return max(float((a - b).abs().max()) for a, b in zip(some, others, strict=True))


def _numbers(values: list) -> tuple[Tensor, list[Tensor]]:
    return values[3], [weight for _, weight in values[4]]


def _close(a: Tensor, b: Tensor) -> bool:
    """Rounding moves Adam's steps by less; a weight decay of 0.01 by ten times more."""
    return a.shape == b.shape and torch.allclose(a, b, rtol=2e-5, atol=2e-5)


def _check_detached(f: Subject, x: Tensor, draw: Draw) -> None:
    """Through losses without a graph no gradient comes back to the data."""
    *head, one, _, _, _, _ = _script(x, 2, 0.05, draw.integer(0, 999))
    try:
        *_, (back,) = f.run(*head, vjp("", one[2], (2,), torch.ones(2)))
        kept = back is not None
    except Raised as error:
        # Outside of the loop: a graph that `backward` has been through already. Inside: data that
        # want gradients are in the way, as they are of who reorders or copies them beforehand.
        kept = "in the line" not in error.message or _reaches_parameters(f, head, one)
    law(
        not kept,
        "The losses that come back still hold their graphs, so that the memory of every step is "
        "kept: record `value.detach()` or `value.item()`.",
        "not-detached",
    )


def _reaches_parameters(f: Subject, head: list[Step], one: Step) -> bool:
    """Whether the returned losses have a graph that leads to the model's parameters."""
    try:
        *_, (_, by_name) = f.run(*head, gradients("", *one[2], of="net"))
    except Raised:  # not one number, or a graph that is gone
        return True
    return any(gradient is not None for _, gradient in by_name)


# --- several batches: which rows came when ----------------------------------------------------


def _check_epochs(f: Subject, x: Tensor, steps: int, draw: Draw) -> None:
    n = len(x)
    script = _script(x, steps, 1.0, draw.integer(0, 999), draw.integer(0, 999))
    losses, weights, _, rows = _run(f, script)
    _check_sizes(rows, n)
    per_epoch = -(-n // BATCH)
    epochs = [
        torch.cat(rows[i : i + per_epoch]) for i in range(0, steps - per_epoch + 1, per_epoch)
    ]
    for order in epochs:
        law(
            torch.equal(order.sort().values, torch.arange(n)),
            "Some rows come twice before others have come once: a new order is drawn for every "
            "step. Draw one for each epoch, and go through it to its end.",
            "new-order-each-step",
        )
    law(
        not any(torch.equal(epochs[0], order) for order in epochs[1:]),
        "Every epoch has the same order: draw a new one when an epoch begins.",
        "same-order",
    )
    _check_replayed(x, rows, losses, weights, script, per_epoch)


def _check_sizes(rows: list[Tensor], n: int) -> None:
    sizes = [len(batch) for batch in rows]
    drawn = torch.cat(rows)
    law(
        all(len(batch.unique()) == len(batch) for batch in rows)
        or not all(len(epoch.unique()) == len(epoch) for epoch in drawn.split(n)),
        "Each row comes once before any comes twice, and a batch holds rows of two epochs: those "
        "that are left over at the end of one are a batch of their own, a smaller one.",
        "across-epochs",
    )
    law(
        all(len(batch.unique()) == len(batch) for batch in rows),
        "Within a batch a row comes twice, as where rows are drawn with replacement, or where a "
        "short batch is filled up from the next order. Shuffle, and go through all rows, each "
        "once.",
        "with-replacement",
    )
    law(
        any(set(rows[0].tolist()) != set(batch.tolist()) for batch in rows) or sizes[0] == n,
        "It is one batch over and over: the other rows are never seen.",
        "one-batch",
    )
    law(
        sizes[0] != n,
        f"Every batch is all of the data, here {n} rows: take 128 rows at a time.",
        "full-batch",
    )
    law(
        not all(torch.equal(batch, batch[0] + torch.arange(len(batch))) for batch in rows),
        "The rows of a batch come in the order in which they lie: shuffle the rows, not only the "
        "batches.",
        "not-shuffled",
    )
    law(
        sizes[0] == BATCH,
        f"The first batch has {sizes[0]} rows: take 128 at a time.",
        "batch-size",
    )
    wanted = [min(BATCH, n - start) for start in range(0, n, BATCH)]
    together = torch.cat(rows[: len(wanted) - 1])
    if n % BATCH and len(together.unique()) == len(together):
        law(
            sizes[len(wanted) - 1] != BATCH or n % BATCH in sizes,  # it may be in another place
            f"The last batch of an epoch has {BATCH} rows where {n % BATCH} are left: those "
            "are a batch of their own, a smaller one, neither left out nor filled up. (With an "
            "order that is new at each step, rows come twice before others have come once.)",
            "drops-last",
        )
    repeated = (wanted * len(sizes))[: len(sizes)]
    law(
        sizes == repeated or len(together.unique()) < len(together),
        f"The batches have {sizes} rows where {repeated} are wanted: cut each epoch's own order "
        "into batches of 128, of which the last is short.",
        "batch-sizes",
    )


def _check_replayed(
    x: Tensor,
    rows: list[Tensor],
    losses: Tensor,
    weights: list[Tensor],
    script: tuple[Step, ...],
    per_epoch: int,
) -> None:
    """Adam on the very batches that were seen gives every number."""

    def replay(renew: int, clear: int) -> tuple[Tensor, list[Tensor]]:
        def loop(model, loss, x, steps, lr, generator):
            found = []
            for step, batch in enumerate(rows):
                if step % renew == 0:
                    optimiser = Adam(model.parameters(), lr=lr)
                if step % clear == 0:
                    optimiser.zero_grad()
                value = loss(model, x[batch])
                value.backward()
                optimiser.step()
                found.append(value.detach())
            return torch.stack(found)

        return _numbers(LocalFunction(loop).run(script))

    for renew, clear, message, slug in (
        (len(rows), 1, "", ""),
        (
            len(rows),
            per_epoch,
            "The gradients of an epoch add up: they are set to zero where an epoch begins, and "
            "should be before every `backward()`.",
            "no-zero-grad",
        ),
        (
            per_epoch,
            1,
            "A new optimiser is made at every epoch, and forgets what it has learnt about the "
            "gradients: make it once, before the loop.",
            "optimiser-renewed",
        ),
    ):
        its_losses, its_weights = replay(renew, clear)
        if _close(losses, its_losses) and all(map(_close, weights, its_weights)):
            law(not slug, message, slug)
            return
        law(bool(slug) or not all(map(_close, weights, its_weights)), RECORD, "wrong-record")
    raise Wrong(
        "With one batch of data the numbers are right, and with several they are not those of "
        "Adam on the batches that `loss` was given.",
        "wrong-over-epochs",
    )


def _check_generator(f: Subject, x: Tensor, steps: int, draw: Draw) -> None:
    """The generator decides the order, and nothing else does."""
    seed = draw.integer(0, 999)
    runs = [(seed, 1), (seed, 2), (seed + 1, 1)]
    first, again, other = (_run(f, _script(x, steps, 0.05, *each))[3] for each in runs)
    law(
        all(map(torch.equal, first, again)),
        "With the same `generator` the rows come in another order when torch's global random "
        "numbers differ: hand `generator` to what draws the order.",
        "global-generator",
    )
    law(
        not all(map(torch.equal, first, other)),
        "Another `generator` gives the same order: it is not used, or it is seeded again inside.",
        "generator-unused",
    )
    script = _script(x, steps, 0.05, seed)
    *_, batches = f.run(*script[:4], script[3], script[6])
    half = len(batches) // 2
    law(
        not all(map(torch.equal, batches[:half], batches[half:])),
        "Called again with the same `generator`, the loop takes the same order once more: it draws "
        "from a copy, or seeds again, or puts the generator back. Hand `generator` itself to what "
        "draws the order, so that it moves on.",
        "generator-not-moved",
    )


def _check_images(f: Subject, x: Tensor, draw: Draw) -> None:
    """Rows may have several axes: they go to the loss as they are."""
    *_, shapes = f.run(*_script(x, 2, 0.05, draw.integer(0, 999)), call("rows.shapes"))
    wanted = tuple(x.shape[1:])
    law(
        all(tuple(shape) == wanted for shape in shapes),
        f"Of data (N, {wanted[0]}, {wanted[1]}) the loss is given rows of another shape: hand it "
        "`x[rows]` as it is. What `loss` makes of a batch is its own affair.",
        "rows-reshaped",
    )


# --- loops ------------------------------------------------------------------------------------


def _batches(x: Tensor, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The batches of so many steps, in a new order for each epoch."""
    while steps > 0:
        for rows in torch.randperm(len(x), generator=generator).split(BATCH)[:steps]:
            yield x[rows]
        steps -= -(-len(x) // BATCH)


def _step(
    optimiser: torch.optim.Optimizer, value: Tensor, between: Callable[[], object] = lambda: None
) -> Tensor:
    """One step; `between` is done to the gradients before it."""
    optimiser.zero_grad()
    value.backward()
    between()
    optimiser.step()
    return value.detach()


def _right(model, loss, x, steps, lr, generator):
    optimiser = Adam(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


def _idle(model, loss, x, steps, lr, generator):
    """As many losses, and no step."""
    return torch.stack([loss(model, batch).detach() for batch in _batches(x, steps, generator)])


CLIPS: tuple[Callable[[list[Tensor]], object], ...] = (
    partial(nn.utils.clip_grad_norm_, max_norm=1.0),
    partial(nn.utils.clip_grad_value_, clip_value=0.01),
    partial(nn.utils.clip_grad_value_, clip_value=1.0),
)


def _clipping(clip, model, loss, x, steps, lr, generator):
    optimiser = Adam(model.parameters(), lr=lr)
    clipped = partial(_step, optimiser, between=lambda: clip(model.parameters()))
    return torch.stack([clipped(loss(model, batch)) for batch in _batches(x, steps, generator)])


@exercise.mistake("no-zero-grad")
def _(model, loss, x, steps, lr, generator):
    """The gradients of all steps add up: set them to zero before each `backward()`, with
    `zero_grad()`."""
    optimiser, losses = Adam(model.parameters(), lr=lr), []
    for batch in _batches(x, steps, generator):
        value = loss(model, batch)
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


@exercise.mistake("detached-loss", DETACHED)
def _(model, loss, x, steps, lr, generator):
    optimiser = Adam(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack(
        [_step(optimiser, loss(model, batch).detach().requires_grad_()) for batch in batches]
    )


@exercise.mistake("step-before-backward")
def _(model, loss, x, steps, lr, generator):
    """Gradients are computed, and the optimiser never uses them: its `step()` is missing or comes
    before `backward()`, or `zero_grad()` stands between the two. The order is zero_grad, backward,
    step."""
    optimiser, losses = Adam(model.parameters(), lr=lr), []
    for batch in _batches(x, steps, generator):
        value = loss(model, batch)
        optimiser.zero_grad()
        optimiser.step()
        value.backward()
        losses.append(value.detach())
    return torch.stack(losses)


@exercise.mistake("step-before-backward")
def _(model, loss, x, steps, lr, generator):
    """Each step uses the gradients of the batch before: `step()` comes after `backward()`, in the
    order zero_grad, backward, step."""
    optimiser, losses = Adam(model.parameters(), lr=lr), []
    for batch in _batches(x, steps, generator):
        value = loss(model, batch)
        optimiser.step()
        optimiser.zero_grad()
        value.backward()
        losses.append(value.detach())
    return torch.stack(losses)


@exercise.mistake("optimiser-renewed")
def _(model, loss, x, steps, lr, generator):
    """A new optimiser is made again and again, at every step or at every epoch, and forgets what it
    has learnt about the gradients: make it once, before the loop."""
    batches = _batches(x, steps, generator)
    return torch.stack(
        [_step(Adam(model.parameters(), lr=lr), loss(model, batch)) for batch in batches]
    )


@exercise.mistake("loss-after-step")
def _(model, loss, x, steps, lr, generator):
    """Each loss is that of its batch after the step: record it before the parameters move."""
    optimiser, losses = Adam(model.parameters(), lr=lr), []
    for batch in _batches(x, steps, generator):
        _step(optimiser, loss(model, batch))
        losses.append(loss(model, batch).detach())
    return torch.stack(losses)


@exercise.mistake("running-mean")
def _(model, loss, x, steps, lr, generator):
    """Each loss that comes back is the average of all up to it: return each as it is."""
    losses = _right(model, loss, x, steps, lr, generator)
    return losses.cumsum(0) / torch.arange(1, steps + 1)


@exercise.mistake("uphill")
def _(model, loss, x, steps, lr, generator):
    """The loss is maximised: a sign is turned around."""
    optimiser = Adam(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([-_step(optimiser, -loss(model, batch)) for batch in batches])


@exercise.mistake("lr-ignored")
def _(model, loss, x, steps, lr, generator):
    """The given learning rate is not used: Adam takes its own, 0.001."""
    return _right(model, loss, x, steps, 1e-3, generator)


@exercise.mistake("sgd")
def _(model, loss, x, steps, lr, generator):
    """This is plain gradient descent, `torch.optim.SGD`: Adam is asked for."""
    optimiser = SGD(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


@exercise.mistake("adamw")
def _(model, loss, x, steps, lr, generator):
    """This is `AdamW`, which pulls every parameter towards zero as well: Adam is asked for."""
    optimiser = AdamW(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


for clip in CLIPS:
    exercise.mistake("clipped", CLIPPED)(partial(_clipping, clip))


@exercise.mistake("weight-decay", DECAYED)
def _(model, loss, x, steps, lr, generator):
    optimiser = Adam(model.parameters(), lr=lr, weight_decay=1e-2)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


@exercise.mistake("some-parameters")
def _(model, loss, x, steps, lr, generator):
    """Only the first parameter of the model is trained: hand the optimiser all of
    `model.parameters()`."""
    optimiser = Adam([next(iter(model.parameters()))], lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


@exercise.mistake("rmsprop")
def _(model, loss, x, steps, lr, generator):
    """This is `RMSprop`, which scales a gradient and does not average it: Adam is asked for."""
    optimiser = RMSprop(model.parameters(), lr=lr)
    batches = _batches(x, steps, generator)
    return torch.stack([_step(optimiser, loss(model, batch)) for batch in batches])


@exercise.mistake("trains-a-copy")
def _(model, loss, x, steps, lr, generator):
    """The losses are right and `model` is what it was: a copy is trained. Train `model` itself."""
    return _right(copy.deepcopy(model), loss, x, steps, lr, generator)
