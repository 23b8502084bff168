"""Answers to 03.train."""

import itertools
import math
import random

import numpy as np
import torch
from torch.utils.data import DataLoader, TensorDataset


def by_order(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) == steps:
                break
            value = loss(model, x[rows])
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            losses.append(value.detach())
    return torch.stack(losses)


def by_loader(model, loss, x, steps, lr, generator):
    loader = DataLoader(TensorDataset(x), batch_size=128, shuffle=True, generator=generator)
    optimiser = torch.optim.Adam(model.parameters(), lr)
    losses = torch.zeros(steps)
    step = 0
    while step < steps:
        for (batch,) in loader:
            optimiser.zero_grad()
            value = loss(model, batch)
            value.backward()
            optimiser.step()
            losses[step] = value.item()
            step += 1
            if step == steps:
                break
    return losses


def by_step(model, loss, x, steps, lr, generator):
    """A flat loop; the gradients are set to zero at the end of a step; Python numbers."""
    optimiser = torch.optim.Adam(list(model.parameters()), lr=lr)
    losses, waiting = [], []
    for _ in range(steps):
        if not waiting:
            waiting = list(x[torch.randperm(x.shape[0], generator=generator)].split(128))
        value = loss(model, waiting.pop(0))
        value.backward()
        optimiser.step()
        model.zero_grad()
        losses.append(float(value))
    return losses


def by_hand(model, loss, x, steps, lr, generator):
    """Adam written out, gradients by torch.autograd.grad."""
    weights = list(model.parameters())
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    losses = []
    for step in range(steps):
        at = step % -(-len(x) // 128)
        if at == 0:
            order = torch.rand(len(x), generator=generator).argsort()
        value = loss(model, x[order[128 * at : 128 * at + 128]])
        gradients = torch.autograd.grad(value, weights)
        with torch.no_grad():
            for w, g, a, b in zip(weights, gradients, m, v, strict=True):
                a.lerp_(g, 0.1)
                b.lerp_(g * g, 0.001)
                t = step + 1
                w -= lr * (a / (1 - 0.9**t)) / ((b / (1 - 0.999**t)).sqrt() + 1e-8)
        losses.append(value.detach())
    return torch.stack(losses)


def by_sampler(model, loss, x, steps, lr, generator):
    """Batches of indices from a sampler, epochs counted beforehand, Adam of a parameter group."""
    sampler = torch.utils.data.RandomSampler(range(len(x)), generator=generator)
    batches = torch.utils.data.BatchSampler(sampler, batch_size=128, drop_last=False)
    optimiser = torch.optim.Adam([{"params": model.parameters(), "lr": lr}])
    model.train()
    losses = []
    for _ in range(math.ceil(steps / len(batches))):
        for rows in batches:
            if len(losses) >= steps:
                return torch.tensor(losses)
            optimiser.zero_grad(set_to_none=False)
            value = loss(model, x[rows])
            losses.append(value.item())
            value.backward()
            optimiser.step()
    return torch.tensor(losses)


def by_numpy(model, loss, x, steps, lr, generator):
    """numpy's shuffling, seeded from the generator; the losses as an array."""
    shuffler = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = np.zeros(steps)
    order, at = shuffler.permutation(len(x)), 0
    for step in range(steps):
        if at >= len(x):
            order, at = shuffler.permutation(len(x)), 0
        value = loss(model, x[torch.from_numpy(order[at : at + 128])])
        at += 128
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses[step] = value.item()
    return losses


def looks_first(model, loss, x, steps, lr, generator):
    """The loss is computed once to look at it and once to learn from it."""
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                with torch.no_grad():
                    losses.append(loss(model, x[rows]))
                optimiser.zero_grad()
                loss(model, x[rows]).backward()
                optimiser.step()
    return torch.stack(losses)


def changed(**parts):
    """A loop one part of which is another."""

    def loop(model, loss, x, steps, lr, generator):
        order = parts.get("order", lambda x, g: torch.randperm(len(x), generator=g).split(128))
        optimiser = torch.optim.Adam(model.parameters(), lr=lr)
        losses = []
        while len(losses) < steps:
            for rows in order(x, generator):
                if len(losses) == steps:
                    break
                value = loss(model, x[rows])
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value.detach())
        return parts.get("result", torch.stack)(losses)

    return loop


last_loss = changed(result=lambda losses: losses[-1])
mean_loss = changed(result=lambda losses: torch.stack(losses).mean())
global_order = changed(order=lambda x, g: torch.randperm(len(x)).split(128))
numpy_order = changed(order=lambda x, g: torch.from_numpy(np.random.permutation(len(x))).split(128))
python_order = changed(
    order=lambda x, g: torch.tensor(random.sample(range(len(x)), len(x))).split(128)
)
seeded_again = changed(
    order=lambda x, g: torch.randperm(len(x), generator=g.manual_seed(0)).split(128)
)
no_order = changed(order=lambda x, g: torch.arange(len(x)).split(128))
first_rows = changed(order=lambda x, g: torch.arange(len(x))[:128].split(128))
small_batches = changed(order=lambda x, g: torch.randperm(len(x), generator=g).split(64))
all_rows = changed(order=lambda x, g: torch.randperm(len(x), generator=g).split(len(x)))
with_replacement = changed(
    order=lambda x, g: [torch.randint(len(x), (min(128, len(x)),), generator=g)]
)
new_order_each_step = changed(order=lambda x, g: [torch.randperm(len(x), generator=g)[:128]])
batches_in_another_order = changed(
    order=lambda x, g: [
        torch.arange(len(x)).split(128)[i] for i in torch.randperm(-(-len(x) // 128), generator=g)
    ]
)


def drops_last(model, loss, x, steps, lr, generator):
    def whole(x, g):
        batches = torch.randperm(len(x), generator=g).split(128)
        return [b for b in batches if len(b) == 128] or batches

    return changed(order=whole)(model, loss, x, steps, lr, generator)


def same_order(model, loss, x, steps, lr, generator):
    order = torch.randperm(len(x), generator=generator).split(128)
    return changed(order=lambda x, g: order)(model, loss, x, steps, lr, generator)


def one_epoch(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    for rows in torch.randperm(len(x), generator=generator).split(128)[:steps]:
        value = loss(model, x[rows])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


def steps_as_epochs(model, loss, x, steps, lr, generator):
    more = steps * -(-len(x) // 128)
    return changed()(model, loss, x, more, lr, generator)


def finishes_the_epoch(model, loss, x, steps, lr, generator):
    per_epoch = -(-len(x) // 128)
    more = -(-steps // per_epoch) * per_epoch
    return changed()(model, loss, x, more, lr, generator)


def one_loss_per_epoch(model, loss, x, steps, lr, generator):
    losses = changed()(model, loss, x, steps, lr, generator)
    return torch.stack([part.mean() for part in losses.split(-(-len(x) // 128))])


def returns_nothing_of_the_end(model, loss, x, steps, lr, generator):
    return changed()(model, loss, x, steps, lr, generator)[:-1]


def keeps_graphs(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value)
    return torch.stack(losses)


def optimiser_each_epoch(model, loss, x, steps, lr, generator):
    losses = []
    while len(losses) < steps:
        optimiser = torch.optim.Adam(model.parameters(), lr=lr)
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def zero_grad_each_epoch(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        optimiser.zero_grad()
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                value.backward()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def zero_grad_before_step(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                value.backward()
                optimiser.zero_grad()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def no_step(model, loss, x, steps, lr, generator):
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                model.zero_grad()
                value.backward()
                losses.append(value.detach())
    return torch.stack(losses)


def from_numbers(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = torch.tensor(loss(model, x[rows]).item(), requires_grad=True)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def detached(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    value = loss(model, x).detach()
    value.backward()
    optimiser.step()
    return value.expand(steps)


def falling_rate(model, loss, x, steps, lr, generator):
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.9)
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) < steps:
                value = loss(model, x[rows])
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                schedule.step()
                losses.append(value.detach())
    return torch.stack(losses)


def one_step_more(model, loss, x, steps, lr, generator):
    return changed()(model, loss, x, steps + 1, lr, generator)[:steps]


def best_so_far(model, loss, x, steps, lr, generator):
    return changed()(model, loss, x, steps, lr, generator).cummin(0).values


def model_called_alone(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    value = loss(model(x[:, 1:]), x[:, 1:])
    value.backward()
    optimiser.step()
    return value.expand(steps)


def without_generator(model, loss, x, steps, lr):
    return changed()(model, loss, x, steps, lr, torch.Generator())


def mixed_beforehand(model, loss, x, steps, lr, generator):
    """The rows change places once more, before the loop."""
    return by_order(
        model, loss, x[torch.randperm(len(x), generator=generator)], steps, lr, generator
    )


def from_a_stream(model, loss, x, steps, lr, generator):
    """Batches without an end, from a generator function; gradients laid in place."""

    def stream():
        while True:
            yield from x[torch.rand(len(x), generator=generator).argsort()].split(128)

    weights = list(model.parameters())
    optimiser = torch.optim.Adam(weights, lr=lr)
    losses = []
    for batch in itertools.islice(stream(), steps):
        value = loss(model, batch)
        for weight, slope in zip(weights, torch.autograd.grad(value, weights), strict=True):
            weight.grad = slope
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


def drops_last_for_ever(model, loss, x, steps, lr, generator):
    """Of data shorter than a batch nothing is left, and the loop never ends."""
    loader = DataLoader(x, batch_size=128, shuffle=True, drop_last=True, generator=generator)
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        for batch in loader:
            if len(losses) < steps:
                value = loss(model, batch)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def one_batch_taken_out(model, loss, x, steps, lr, generator):
    batch = x[torch.randperm(len(x), generator=generator)[:128]]
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    for _ in range(steps):
        value = loss(model, batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


def in_place(model, loss, x, steps, lr, generator):
    """The data themselves are shuffled."""
    optimiser, losses = torch.optim.Adam(model.parameters(), lr=lr), []
    while len(losses) < steps:
        x.copy_(x[torch.randperm(len(x), generator=generator)])
        for batch in x.split(128):
            if len(losses) < steps:
                value = loss(model, batch)
                optimiser.zero_grad()
                value.backward()
                optimiser.step()
                losses.append(value.detach())
    return torch.stack(losses)


def evaluating(model, loss, x, steps, lr, generator):
    model.eval()
    return by_order(model, loss, x, steps, lr, generator)


def list_with_graphs(model, loss, x, steps, lr, generator):
    return list(keeps_graphs(model, loss, x, steps, lr, generator))


def by_argsort(model, loss, x, steps, lr, generator):
    """The order is that of uniform numbers; the step of the loop finds its own batch."""
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    per_epoch, losses = -(-len(x) // 128), np.zeros(steps, dtype=np.float32)
    for step in range(steps):
        i = step % per_epoch * 128
        if i == 0:
            order = torch.argsort(torch.rand(len(x), generator=generator))
        value = loss(model, x[order[i : i + 128]])
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses[step] = value.detach().numpy()
    return torch.from_numpy(losses)


def slice_without_its_start(model, loss, x, steps, lr, generator):
    def slices(x, g):
        order = torch.randperm(len(x), generator=g)
        return [order[i:128] for i in range(0, len(x), 128)]

    return changed(order=slices)(model, loss, x, steps, lr, generator)


def times_batch_size(model, loss, x, steps, lr, generator):
    """The model is trained as it should be; each loss is that of all rows of its batch."""
    sizes = [len(rows) for rows in torch.arange(len(x)).split(128)]
    times = torch.tensor([float(sizes[step % len(sizes)]) for step in range(steps)])
    return times * by_order(model, loss, x, steps, lr, generator)


def short_batch_weighs_less(model, loss, x, steps, lr, generator):
    def weighted(model, batch):
        return loss(model, batch) * len(batch) / min(128, len(x))

    return by_order(model, weighted, x, steps, lr, generator)


def clipped(model, loss, x, steps, lr, generator):
    for parameter in model.parameters():
        parameter.register_hook(lambda gradient: gradient.clamp(-0.01, 0.01))
    return by_order(model, loss, x, steps, lr, generator)


def clipped_by_norm(model, loss, x, steps, lr, generator):
    """A threshold that is passed in some steps only."""

    def backward(value):
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)

    return stepwise(model, loss, x, steps, lr, generator, backward)


def clipped_seldom(model, loss, x, steps, lr, generator):
    """A threshold that ordinary data never pass."""

    def backward(value):
        value.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 100.0)

    return stepwise(model, loss, x, steps, lr, generator, backward)


def decaying(model, loss, x, steps, lr, generator):
    return stepwise(model, loss, x, steps, lr, generator, weight_decay=1e-5)


def penalised(model, loss, x, steps, lr, generator):
    def backward(value):
        (value + 1e-3 * sum(p.square().sum() for p in model.parameters())).backward()

    return stepwise(model, loss, x, steps, lr, generator, backward)


def all_rows_in_order(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    for _ in range(steps):
        value = loss(model, x)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


def stepwise(model, loss, x, steps, lr, generator, backward=torch.Tensor.backward, **settings):
    """As it should be, but for what is handed over."""
    optimiser = torch.optim.Adam(model.parameters(), lr=lr, **settings)
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128)[: steps - len(losses)]:
            value = loss(model, x[rows])
            optimiser.zero_grad()
            backward(value)
            optimiser.step()
            losses.append(value.detach())
    return torch.stack(losses)


def left_over_for_the_next_epoch(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses, waiting = [], torch.empty(0, dtype=torch.long)
    while len(losses) < steps:
        while len(waiting) < 128:
            waiting = torch.cat([waiting, torch.randperm(len(x), generator=generator)])
        rows, waiting = waiting[:128], waiting[128:]
        optimiser.zero_grad()
        value = loss(model, x[rows])
        value.backward()
        optimiser.step()
        losses.append(value.detach())
    return torch.stack(losses)


def no_step_on_a_short_batch(model, loss, x, steps, lr, generator):
    optimiser = torch.optim.Adam(model.parameters(), lr=lr)
    losses = []
    while len(losses) < steps:
        for rows in torch.randperm(len(x), generator=generator).split(128):
            if len(losses) == steps:
                break
            optimiser.zero_grad()
            value = loss(model, x[rows])
            value.backward()
            if len(rows) == 128:
                optimiser.step()
            losses.append(value.detach())
    return torch.stack(losses)


def flattened(model, loss, x, steps, lr, generator):
    return by_order(model, loss, x.flatten(1), steps, lr, generator)


def from_the_seed(model, loss, x, steps, lr, generator):
    copied = torch.Generator().manual_seed(generator.initial_seed())
    return by_order(model, loss, x, steps, lr, copied)


def puts_back(model, loss, x, steps, lr, generator):
    state = generator.get_state()
    losses = by_order(model, loss, x, steps, lr, generator)
    generator.set_state(state)
    return losses


def scaled_first(model, loss, x, steps, lr, generator):
    return by_order(model, loss, x / x.abs().max(), steps, lr, generator)


RIGHT = [
    by_order,
    by_loader,
    by_step,
    by_hand,
    by_sampler,
    by_numpy,
    looks_first,
    mixed_beforehand,
    from_a_stream,
    by_argsort,
]

WRONG = [
    ("rows-changed", scaled_first),
    ("rows-reshaped", flattened),
    ("generator-not-moved", from_the_seed),
    ("generator-not-moved", puts_back),
    ("one-loss", last_loss),
    ("one-loss", mean_loss),
    ("global-generator", global_order),
    ("global-generator", numpy_order),
    ("global-generator", python_order),
    ("same-order", seeded_again),
    ("not-shuffled", no_order),
    ("one-batch", first_rows),
    ("batch-size", small_batches),
    ("full-batch", all_rows),
    ("with-replacement", with_replacement),
    ("new-order-each-step", new_order_each_step),
    ("drops-last", drops_last),
    ("same-order", same_order),
    ("stops-early", one_epoch),
    ("steps-are-epochs", steps_as_epochs),
    ("too-many-steps", finishes_the_epoch),
    ("one-per-epoch", one_loss_per_epoch),
    ("one-per-epoch", returns_nothing_of_the_end),
    ("not-detached", keeps_graphs),
    ("optimiser-renewed", optimiser_each_epoch),
    ("no-zero-grad", zero_grad_each_epoch),
    ("step-before-backward", zero_grad_before_step),
    ("step-before-backward", no_step),
    ("detached-loss", from_numbers),
    ("detached-loss", detached),
    ("wrong-losses", falling_rate),
    ("wrong-record", best_so_far),
    ("too-many-steps", one_step_more),
    ("raises", model_called_alone),
    ("wrong-arguments", without_generator),
    ("not-shuffled", batches_in_another_order),
    ("drops-last", drops_last_for_ever),
    ("one-batch", one_batch_taken_out),
    ("changes-its-input", in_place),
    ("eval-mode", evaluating),
    ("not-detached", list_with_graphs),
    ("empty-batch", slice_without_its_start),
    ("wrong-record", times_batch_size),
    ("wrong-over-epochs", short_batch_weighs_less),
    ("clipped", clipped),
    ("clipped", clipped_by_norm),
    ("clipped", clipped_seldom),
    ("weight-decay", decaying),
    ("weight-decay", penalised),
    ("full-batch", all_rows_in_order),
    ("across-epochs", left_over_for_the_next_epoch),
    ("short-batch-idle", no_step_on_a_short_batch),
]
