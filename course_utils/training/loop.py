"""One small fit loop for the whole course.

A model is an `nn.Module`, a loss is a function `loss(model, x)` that returns a batch mean, and
data are tensors with the samples along their first axis. The data lie on one device from the
start, a batch is one `index_select`, and no loss is read back before an epoch is over.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

Data = Tensor | tuple[Tensor, ...]


Loss = Callable[..., Tensor | Mapping[str, Tensor]]


Weights = Mapping[str, float | Tensor]


Terms = dict[str, Tensor]  # the named terms of a loss, and "total", their weighted sum


EPOCH_WITHOUT_DATA = 100  # steps


@dataclass(frozen=True)
class History:
    """What happened while a model was fitted; losses are batch means, on the CPU."""

    loss: Tensor  # (steps,), what was minimised
    terms: dict[str, Tensor]  # its named terms, before their weights, each (steps, ...)
    validation: Tensor  # (epochs,), the loss on the validation data; empty without them
    validation_terms: dict[str, Tensor]  # each (epochs, ...)
    best_step: int | None  # steps taken when the validation loss was lowest
    stopped: str  # "budget", "patience" or "interrupted"
    seconds: float


class DivergedError(RuntimeError):
    """A loss or a parameter became NaN or infinite during a fit."""


def fit(
    model: nn.Module,
    loss: Loss,
    data: Data | None,
    *,
    generator: torch.Generator,
    steps: int | None = None,
    epochs: int | None = None,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    weights: Weights | Callable[[int], Weights] | None = None,
    validation: Data | None = None,
    patience: int | None = None,
    eps: float = 1e-8,
    device: torch.device | str | None = None,
) -> History:
    """Minimise the loss of a model, in place, with Adam on shuffled batches.

    total = sum_i w_i term_i, for a loss of several named terms.

    Adam: Kingma and Ba 2015, algorithm 1. Interrupting it keeps what was learnt until then.

    Args:
        model: what is fitted.
        loss: `loss(model, x)`, or `loss(model, x, y)` for data (x, y). Returns a batch mean, 0-d,
            or a dict of several. A term in a dict may be a vector, one number for each model of
            a stack: their sum is minimised, each is recorded.
        data: (N, ...), or a tuple of such tensors that stay aligned. None for a loss that needs
            no data, `loss(model)`; an epoch is then 100 steps.
        generator: shuffles the data. With `generator = torch.manual_seed(0)` one seed serves the
            start of the model, the shuffling, and the draws inside a loss.
        steps: budget in batches.
        epochs: budget in passes over the data, instead of `steps`.
        batch: B; the last batch of an epoch may be smaller.
        lr: learning rate, or a function of the step such as `cosine(1e-3, steps)`.
        weights: w by name, 1 for names left out; or a function of the step that returns them,
            which warms a term up: `lambda step: {"kl": min(1.0, step / 500)}`.
        validation: like data. Its loss is recorded after each epoch, always with the weights of
            the budget's last step, so that its values can be compared.
        patience: stop after this many epochs without a lower validation loss, and put the best
            parameters back at the end. None: only watch the validation loss.
        eps: the constant in Adam's denominator.
        device: where model and data are moved; None is where the model is.

    Returns:
        History.

    Raises:
        ValueError: if an argument makes no sense, or the loss does not depend on the model.
        DivergedError: if a loss or a parameter became NaN or infinite; checked after each epoch.

    >>> generator = torch.manual_seed(0)
    >>> x = torch.randn(500, 1, generator=generator)
    >>> model = nn.Linear(1, 1)
    >>> history = fit(
    ...     model,
    ...     lambda model, x, y: (model(x) - y).square().mean(),
    ...     (x, 3 * x),
    ...     steps=300,
    ...     lr=0.05,
    ...     generator=generator,
    ... )
    >>> round(model.weight.item(), 2), history.stopped
    (3.0, 'budget')
    """
    device = torch.device(device or _parameters(model)[0].device)
    model.to(device).train()
    data = () if data is None else _tensors(data, model, device)
    held_out = None if validation is None else _tensors(validation, model, device)
    steps = _budget(steps, epochs, batch, data)
    if patience is not None and (held_out is None or patience < 1):
        raise ValueError("patience must be at least 1 epoch, and it needs validation data.")
    lr_at, weights_at = _function_of_step(lr), _function_of_step(weights or {})
    fused = device.type in ("cpu", "cuda")  # all parameters in one call
    adam = torch.optim.Adam(_parameters(model), lr=lr_at(0), eps=eps, fused=fused)

    log: list[Terms] = []  # one entry per step, on the device
    validation_log: list[Terms] = []  # one per epoch
    best = _Best()
    stopped, start = "budget", time.perf_counter()
    try:
        with tqdm(total=steps, unit="step", delay=2, leave=False) as bar:
            while len(log) < steps and stopped == "budget":
                epoch_start = len(log)
                for x in _batches(data, batch, generator):
                    step = len(log)
                    if step == steps:
                        break
                    adam.param_groups[0]["lr"] = lr_at(step)
                    terms = _terms(loss(model, *x), weights_at(step), learning=True)
                    adam.zero_grad()
                    terms["total"].backward()
                    adam.step()
                    log.append({name: term.detach() for name, term in terms.items()})
                    bar.update()
                mean = _mean_or_diverged(log, epoch_start)
                bar.set_postfix(loss=f"{mean:.4g}", refresh=False)  # True would ignore the delay
                if held_out is not None:
                    last = weights_at(steps - 1)
                    validation_log.append(evaluate(model, loss, held_out, weights=last))
                    best.note(validation_log, len(log), model, keep=patience is not None)
                    if patience is not None and len(validation_log) - best.epoch >= patience:
                        stopped = "patience"
                        bar.total = bar.n  # an early end is no failure: no red bar
    except DivergedError as error:
        raise DivergedError(_blamed(str(error), (*data, *(held_out or ())))) from None
    except KeyboardInterrupt:
        stopped = "interrupted"
        print(f"Interrupted after {len(log)} of {steps} steps. What was learnt is kept.")
    if best.parameters:
        model.load_state_dict(best.parameters)
    _require_finite(model, len(log))
    seconds = time.perf_counter() - start
    terms, validation_terms = _stack(log), _stack(validation_log)
    return History(
        loss=terms.pop("total"),
        terms=terms,
        validation=validation_terms.pop("total"),
        validation_terms=validation_terms,
        best_step=best.step,
        stopped=stopped,
        seconds=seconds,
    )


def train(
    model: nn.Module, loss: Loss, x: Tensor, steps: int, lr: float, generator: torch.Generator
) -> Tensor:
    """`fit` with nothing but what a first training loop needs, in batches of 128.

    Args:
        model: trained in place.
        loss: `loss(model, batch)`, a batch mean.
        x: data, (N, ...).
        steps: how many batches.
        lr: of Adam.
        generator: shuffles the data.

    Returns:
        (steps,), the loss of each batch before its step.

    Raises:
        ValueError, DivergedError: as `fit`.
    """
    return fit(model, loss, x, steps=steps, lr=lr, generator=generator).loss


def with_bar(loss: Loss, steps: int) -> Loss:
    """The same loss with a progress bar, which moves whenever it is called.

    For a training loop that has none of its own.

    Args:
        loss: `loss(model, x)`.
        steps: how often it will be called.
    """
    bar = tqdm(total=steps, unit="step", delay=2, leave=False)

    def watched(*args: Any) -> Tensor | Mapping[str, Tensor]:
        value = loss(*args)
        bar.update()
        if bar.n >= steps:
            bar.close()
        return value

    return watched


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loss: Loss,
    data: Data,
    *,
    weights: Weights | None = None,
    batch: int = 1024,
) -> Terms:
    """Mean of a loss over data, without learning: the model is in evaluation mode meanwhile.

    Args:
        model: as fitted.
        loss: as in `fit`, a batch mean.
        data: as in `fit`; moved to the model's device.
        weights: w by name, 1 for names left out.
        batch: samples at a time; the result does not depend on it.

    Returns:
        The terms of the loss by name, and "total", their weighted sum, 0-d.

    Raises:
        ValueError: if data or weights make no sense.
    """
    data = _tensors(data, model, _parameters(model)[0].device)
    n = len(data[0])
    sums: Terms = {}
    was_training = model.training
    model.eval()
    try:
        for x in zip(*(t.split(batch) for t in data), strict=True):
            share = len(x[0]) / n
            for name, term in _terms(loss(model, *x), weights or {}).items():
                sums[name] = sums.get(name, 0) + share * term
    finally:
        model.train(was_training)
    return sums


def cosine(lr: float, steps: int) -> Callable[[int], float]:
    """A learning rate that falls from lr to nearly 0 along half a cosine.

    lr (1 + cos(pi step / steps)) / 2, Loshchilov and Hutter 2017, equation 5, without restarts.

    Args:
        lr: at step 0.
        steps: the budget of the fit.

    Raises:
        ValueError: if steps is below 1.
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}.")
    return lambda step: lr * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


@dataclass
class _Best:
    """The lowest validation loss so far."""

    loss: float = math.inf
    epoch: int = 0
    step: int | None = None
    parameters: dict[str, Tensor] | None = None

    def note(self, log: list[Terms], step: int, model: nn.Module, keep: bool) -> None:
        """Remember this epoch if it is the best, with its parameters if they may be needed."""
        loss = log[-1]["total"].item()
        if not math.isfinite(loss):
            raise DivergedError(_diverged("validation loss", step))
        if loss < self.loss:
            self.loss, self.epoch, self.step = loss, len(log), step
            if keep:
                self.parameters = {n: v.clone() for n, v in model.state_dict().items()}


def _batches(
    data: tuple[Tensor, ...], batch: int, generator: torch.Generator
) -> Iterator[tuple[Tensor, ...]]:
    """One epoch: the data in a new order, B at a time."""
    if not data:
        yield from [()] * EPOCH_WITHOUT_DATA
        return
    n, device = len(data[0]), data[0].device
    order = torch.randperm(n, generator=generator, device=generator.device).to(device)
    for index in order.split(batch):
        yield tuple(t.index_select(0, index) for t in data)


def _terms(loss: Tensor | Mapping[str, Tensor], weights: Weights, learning: bool = False) -> Terms:
    """The loss as named terms, with their weighted sum as "total"."""
    if isinstance(loss, Tensor) and loss.ndim:
        raise ValueError(f"A loss is one number, a batch mean; this one is {tuple(loss.shape)}.")
    if not isinstance(loss, Tensor | Mapping):
        raise ValueError(f"A loss returns a tensor or a dict of named tensors, not {loss!r}.")
    terms = {"loss": loss} if isinstance(loss, Tensor) else loss
    if not terms or not all(isinstance(term, Tensor) for term in terms.values()):
        raise ValueError(f"Every term of a loss is a tensor, here they are {dict(terms)}.")
    if "total" in terms:
        raise ValueError("No term may be called 'total': that is the weighted sum of all terms.")
    if unknown := weights.keys() - terms.keys():
        raise ValueError(f"weights names {sorted(unknown)}, the loss has {sorted(terms)}.")
    weighted = [weights[name] * term if name in weights else term for name, term in terms.items()]
    total = sum((term.sum() for term in weighted[1:]), start=weighted[0].sum())
    if learning and not total.requires_grad:
        raise ValueError(
            "The loss does not depend on the model's parameters: look for .detach(), .item(), "
            "torch.no_grad() or a NumPy function between them."
        )
    return {**terms, "total": total}


def _mean_or_diverged(log: list[Terms], start: int) -> float:
    """Mean total loss of the steps from `start` on, or DivergedError if one is not finite."""
    total = torch.stack([terms["total"] for terms in log[start:]])
    mean = total.mean().item()
    if not math.isfinite(mean):  # a NaN or an infinity anywhere makes the mean so too
        raise DivergedError(_diverged("loss", start + int((~total.isfinite()).nonzero()[0])))
    return mean


def _require_finite(model: nn.Module, step: int) -> None:
    """The last step may ruin the parameters without a loss that shows it."""
    if not all(bool(p.isfinite().all()) for p in _parameters(model)):
        raise DivergedError(_diverged("parameters", step))


def _diverged(what: str, step: int) -> str:
    return (
        f"The fit diverged: NaN or infinity in the {what} after {step} steps. Lower lr, or look "
        "for a logarithm of 0, a division by 0 or an overflow in the loss."
    )


def _blamed(said: str, data: tuple[Tensor, ...]) -> str:
    """What is said of a fit that diverged: of its data first, which are the commonest cause."""
    for t in data:
        bad = (~t.isfinite()).reshape(len(t), -1).any(dim=1)  # (N, ...) -> (N,)
        if bool(bad.any()):
            return (
                f"The data hold NaN or infinity in {int(bad.sum())} of {len(t)} samples, the first "
                f"at index {int(bad.nonzero()[0])}: leave them out, and the fit will not diverge "
                "for that reason."
            )
    largest = max((float(t.abs().max()) for t in data if t.is_floating_point()), default=0.0)
    if largest > 1000:
        return (
            f"{said} The data reach {largest:.3g} in size: numbers of order 1 would help, "
            "(x - mean) / deviation."
        )
    return said


def _stack(log: list[Terms]) -> Terms:
    """One tensor per term, its first axis the entries of the log."""
    names = log[0] if log else ["total"]
    return {n: torch.stack([t[n] for t in log]).cpu() if log else torch.empty(0) for n in names}


def _parameters(model: nn.Module) -> list[nn.Parameter]:
    parameters = [p for p in model.parameters() if p.requires_grad]
    if not parameters:
        raise ValueError("The model has no parameters to fit.")
    return parameters


def _tensors(data: Data, model: nn.Module, device: torch.device) -> tuple[Tensor, ...]:
    """Data as a tuple of aligned tensors on the device."""
    tensors = (data,) if isinstance(data, Tensor) else tuple(data)
    if not tensors or not all(isinstance(t, Tensor) and t.ndim for t in tensors):
        raise ValueError("data must be a tensor, or a tuple of tensors, with the samples first.")
    sizes = {len(t) for t in tensors}
    if len(sizes) > 1 or 0 in sizes:
        raise ValueError(f"data must hold equally many samples, at least one, got {sizes}.")
    dtype = _parameters(model)[0].dtype
    for t in tensors:
        if t.is_floating_point() and t.dtype != dtype:
            raise ValueError(f"data are {t.dtype} and the model is {dtype}: use x.to({dtype}).")
    return tuple(t.to(device) for t in tensors)


def _budget(steps: int | None, epochs: int | None, batch: int, data: tuple[Tensor, ...]) -> int:
    """The budget in steps."""
    asked = [n for n in (steps, epochs) if n is not None]
    if len(asked) != 1:
        raise ValueError("Give a budget: either steps or epochs.")
    for n in (batch, *asked):
        if not hasattr(n, "__index__"):
            raise ValueError(f"steps, epochs and batch must be whole numbers, got {n!r}.")
    if min(batch, *asked) < 1:
        raise ValueError("steps, epochs and batch must be at least 1.")
    if steps is not None:
        return steps
    return asked[0] * (math.ceil(len(data[0]) / batch) if data else EPOCH_WITHOUT_DATA)


def _function_of_step(value: Any) -> Callable[[int], Any]:
    return value if callable(value) else lambda _: value
