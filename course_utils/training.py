"""One small fit loop for the whole course.

A model is an `nn.Module`, a loss is a function `loss(model, x)` that returns a batch mean, and
data are tensors with the samples along their first axis. The data lie on one device from the
start, a batch is one `index_select`, and no loss is read back before an epoch is over.

`stack` turns K models of one architecture into one module, so that a whole sweep is one fit.
"""

import copy
import math
import time
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
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


# ---------------------------------------------------------------------- parts of the loop


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


def _stack(log: list[Terms]) -> Terms:
    """One tensor per term, its first axis the entries of the log."""
    names = log[0] if log else ["total"]
    return {n: torch.stack([t[n] for t in log]).cpu() if log else torch.empty(0) for n in names}


# ---------------------------------------------------------------------- arguments


def _parameters(model: nn.Module) -> list[Tensor]:
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
    if (steps is None) == (epochs is None):
        raise ValueError("Give a budget: either steps or epochs.")
    if min(batch, epochs if steps is None else steps) < 1:
        raise ValueError("steps, epochs and batch must be at least 1.")
    if steps is not None:
        return steps
    return epochs * (math.ceil(len(data[0]) / batch) if data else EPOCH_WITHOUT_DATA)


def _function_of_step(value: Any) -> Callable[[int], Any]:
    return value if callable(value) else lambda step: value


# ---------------------------------------------------------------------- many models at once


class StackedLinear(nn.Module):
    """K linear layers at once, y_k = x_k A_k + b_k, as one batched matrix product.

    Args:
        layers: K `nn.Linear` of one size. Their weights are copied.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        # Stored as (K, in, out), the order in which the product wants them.
        self.weight = _stacked([layer.weight.mT for layer in layers])
        self.bias = None
        if layers[0].bias is not None:
            self.bias = _stacked([layer.bias[None] for layer in layers])  # (K, 1, out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, in), shared by all, or (..., K, B, in), each its own, -> (..., K, B, out)."""
        k, inputs, _ = self.weight.shape
        if x.ndim < 2 or x.shape[-1] != inputs or (x.ndim > 2 and x.shape[-3] != k):
            raise ValueError(
                f"A stack of {k} layers takes x (B, {inputs}), shared by all, or "
                f"(..., {k}, B, {inputs}), each its own; this is {tuple(x.shape)}."
            )
        if x.ndim > 3 or self.bias is None:
            y = x @ self.weight
            return y if self.bias is None else y + self.bias
        return torch.baddbmm(self.bias, x.expand(k, *x.shape[-2:]), self.weight)

    def layer(self, k: int) -> nn.Linear:
        """The k-th layer by itself, a copy."""
        weight = self.weight[k].detach()
        layer = nn.utils.skip_init(
            nn.Linear, *weight.shape, bias=self.bias is not None, device=weight.device
        ).to(weight.dtype)
        layer.weight = nn.Parameter(weight.mT.clone(), self.weight.requires_grad)
        if self.bias is not None:
            layer.bias = nn.Parameter(self.bias[k, 0].detach().clone(), self.bias.requires_grad)
        return layer

    def extra_repr(self) -> str:
        return "{} layers, {} -> {}".format(*self.weight.shape)


def stack(models: Sequence[nn.Module]) -> nn.Module:
    """One module that holds K models of one architecture and computes all of them at once.

    Every `nn.Linear` becomes a `StackedLinear`; everything else works as before, on tensors with
    an axis K in front: x (B, D), shared by all, or (K, B, D) -> (K, B, ...). A loss that takes
    means over the last axes only becomes a vector (K,), one number for each model. As the models
    share nothing, their sum has the gradients of K separate runs, and Adam treats each parameter
    by itself: `fit` trains them as if each were alone.

    Other parameters are numbers or vectors, (), (D,) or (1, D), that act element by element on
    (..., B, D); they become (K, 1, 1) or (K, 1, D). So do buffers, unless all models agree on them.

    Args:
        models: K modules of the same classes, sizes and settings. They are copied.

    Returns:
        A module of the same class as the models, with the same methods.

    Raises:
        ValueError: if the models are not alike, or hold parameters that are neither those of an
            `nn.Linear` nor numbers nor vectors: convolutions, normalisations, tied weights.

    >>> g = torch.manual_seed(0)
    >>> stacked = stack([nn.Linear(4, 2) for _ in range(5)])
    >>> stacked(torch.randn(3, 4)).shape
    torch.Size([5, 3, 2])
    """
    models = list(models)
    if not models or not all(isinstance(model, nn.Module) for model in models):
        raise ValueError("stack takes a sequence of models, at least one.")
    first = models[0]
    _require_untied(first)
    for name, _ in first.named_modules():
        _require_alike(name or "the model", [_part(model, name) for model in models])
    if type(first) is nn.Linear:
        return StackedLinear(models)
    stacked = copy.deepcopy(first)
    stacked.single_shapes = {}  # what `unstack` must know: the shapes of the plain tensors
    _replace(stacked, nn.Linear, lambda name: StackedLinear([_part(m, name) for m in models]))
    for name, own, key in _plain_tensors(stacked):
        tensors = [_tensor(model, name) for model in models]
        stacked.single_shapes[name] = tensors[0].shape
        is_parameter = key in own._parameters
        if is_parameter or not all(torch.equal(t, tensors[0]) for t in tensors):
            if tensors[0].ndim > 2 or (tensors[0].ndim == 2 and len(tensors[0]) > 1):
                raise ValueError(
                    f"{name} is {tuple(tensors[0].shape)}: only numbers and vectors that act "
                    "element by element can be stacked. Write a matrix as an nn.Linear."
                )
            rows = _stacked([t.expand(1, t.numel()) for t in tensors])  # (K, 1, 1) or (K, 1, D)
            setattr(own, key, rows if is_parameter else rows.detach())
    return stacked


def unstack(stacked: nn.Module, k: int | Sequence[int] | None = None) -> Any:
    """The separate models of a stack, copies that know nothing of each other.

    Args:
        stacked: made by `stack`.
        k: which one, counted from 0 or from the end; a list of several; None for all.

    Returns:
        A model, or for several a list of them.

    Raises:
        ValueError: if stacked was not made by `stack`, or holds no k-th model.
    """
    layers = [m for m in stacked.modules() if isinstance(m, StackedLinear)]
    is_layer = isinstance(stacked, StackedLinear)
    if not is_layer and not hasattr(stacked, "single_shapes"):
        raise ValueError("Only what stack(models) returned can be taken apart.")
    size = len(layers[0].weight) if layers else _stack_size(stacked)
    if k is None:
        return [unstack(stacked, i) for i in range(size)]
    if not isinstance(k, int):
        return [unstack(stacked, i) for i in k]
    if not -size <= k < size:
        raise ValueError(f"This is a stack of {size} models: there is no model {k}.")
    if is_layer:
        return stacked.layer(k)
    model = copy.deepcopy(stacked)
    _replace(model, StackedLinear, lambda name: _part(stacked, name).layer(k))
    for name, own, key in _plain_tensors(model):
        tensor, shape = _tensor(stacked, name), stacked.single_shapes[name]
        if tensor.shape != shape:
            alone = tensor[k].detach().reshape(shape).clone()  # (1, D) -> (), (D,) or (1, D)
            is_parameter = key in own._parameters
            setattr(own, key, nn.Parameter(alone, tensor.requires_grad) if is_parameter else alone)
    del model.single_shapes
    return model


@dataclass(frozen=True)
class Sweep:
    """A rate-distortion curve: K models fitted at once, one for each beta."""

    betas: Tensor  # (K,)
    distortion: Tensor  # (K,), nats, on held-out data
    rate: Tensor  # (K,), nats, on held-out data
    models: list[nn.Module]
    history: History

    @property
    def objective(self) -> Tensor:
        """D + beta R of every model, (K,), what it was trained to make small, in nats."""
        return self.distortion + self.betas * self.rate


def sweep(
    models: Sequence[nn.Module],
    loss: Loss,
    data: Data | None,
    betas: Tensor | Sequence[float],
    *,
    held_out: Data,
    steps: int,
    generator: torch.Generator,
    batch: int = 128,
    lr: float | Callable[[int], float] = 1e-3,
    eps: float = 1e-8,
    samples: int = 1,
) -> Sweep:
    """A whole rate-distortion curve in one fit: model k minimises distortion + beta_k rate.

    Alemi et al. 2018, "Fixing a broken ELBO", equation 5; the objective is that of Higgins et
    al. 2017.

    Args:
        models: K models of one architecture, for `stack`; they are left as they are.
        loss: `loss(model, x)` -> {"distortion": (K,), "rate": (K,)} for a stack, batch means.
        data, steps, generator, batch, lr, eps: as in `fit`.
        betas: (K,), not negative.
        held_out: data on which distortion and rate are taken.
        samples: how often each held-out x is used, with new draws inside the loss.

    Returns:
        Sweep.

    Raises:
        ValueError: if betas do not fit the models, or as in `stack` and `fit`.
    """
    stacked = stack(models)
    some = _parameters(stacked)[0]
    betas = torch.as_tensor(betas, dtype=some.dtype, device=some.device)
    if betas.shape != (len(models),) or not bool((betas >= 0).all()):
        raise ValueError(f"{len(models)} models need as many betas, none negative: {betas}.")
    if samples < 1:
        raise ValueError(f"samples must be at least 1, got {samples}.")
    history = fit(
        stacked,
        loss,
        data,
        steps=steps,
        batch=batch,
        lr=lr,
        eps=eps,
        weights={"rate": betas},
        generator=generator,
    )
    draws = [evaluate(stacked, loss, held_out) for _ in range(samples)]
    distortion, rate = (
        torch.stack([terms[name] for terms in draws]).mean(dim=0) for name in ("distortion", "rate")
    )
    return Sweep(betas, distortion, rate, unstack(stacked), history)


# ---------------------------------------------------------------------- parts of the stack


def _stacked(tensors: Sequence[Tensor]) -> nn.Parameter:
    """K tensors along a new first axis, as a parameter that learns if they do."""
    rows = torch.stack([t.detach() for t in tensors]).contiguous()
    return nn.Parameter(rows, requires_grad=tensors[0].requires_grad)


def _part(model: nn.Module, name: str) -> nn.Module:
    """The part of this dotted name, or None."""
    return dict(model.named_modules()).get(name)


def _tensor(model: nn.Module, name: str) -> Tensor:
    """The parameter or buffer of this dotted name."""
    path, _, key = name.rpartition(".")
    return getattr(model.get_submodule(path), key)


def _replace(model: nn.Module, kind: type[nn.Module], new: Callable[[str], nn.Module]) -> None:
    """Put new(name) in the place of every part of this kind, in all places where it is used."""
    made: dict[int, nn.Module] = {}
    for name, part in list(model.named_modules(remove_duplicate=False)):
        if type(part) is kind:
            path, _, key = name.rpartition(".")
            if id(part) not in made:
                made[id(part)] = new(name)
            setattr(model.get_submodule(path), key, made[id(part)])


def _plain_tensors(model: nn.Module) -> Iterator[tuple[str, nn.Module, str]]:
    """(dotted name, owner, key) of every parameter and buffer outside the linear layers."""
    for path, part in list(model.named_modules()):
        if type(part) not in (nn.Linear, StackedLinear):
            for key, tensor in [*part._parameters.items(), *part._buffers.items()]:
                if tensor is not None:
                    yield f"{path}.{key}" if path else key, part, key


def _stack_size(stacked: nn.Module) -> int:
    """K of a stack without linear layers, from the first tensor that was stacked."""
    for name, shape in stacked.single_shapes.items():
        if _tensor(stacked, name).shape != shape:
            return len(_tensor(stacked, name))
    return 1


def _require_untied(model: nn.Module) -> None:
    """A tensor that two parts share would be copied, and learn twice."""
    owners = [id(p) for part in model.modules() for p in part._parameters.values() if p is not None]
    if len(set(owners)) < len(owners):
        raise ValueError(
            "Two parts of the model share a parameter: tied weights cannot be stacked."
        )


def _require_alike(name: str, parts: Sequence[nn.Module | None]) -> None:
    """The same part of all models: one class, one size, one setting, and nothing unknown."""
    first = parts[0]
    own = [t for t in [*first._parameters.values(), *first._buffers.values()] if t is not None]
    if own and type(first) is not nn.Linear and type(first).__module__.startswith("torch."):
        raise ValueError(
            f"{name} is {first}, and only linear layers can be stacked: fit such models one "
            "after the other, or build them from nn.Linear."
        )
    for other in parts[1:]:
        if other is None or _signature(other) != _signature(first):
            raise ValueError(
                f"The models of a stack must be alike, and {name} differs in its class, its sizes "
                "or its settings."
            )


def _signature(part: nn.Module) -> tuple[object, ...]:
    """What must be equal in all models of a stack."""
    tensors = [*part._parameters.items(), *part._buffers.items()]
    plain = (bool, int, float, str, tuple, type, types.FunctionType, type(None))
    settings = {n: repr(v) for n, v in vars(part).items() if isinstance(v, plain) and n[0] != "_"}
    settings.pop("training")
    shapes = [(n, t if t is None else (t.shape, t.dtype)) for n, t in tensors]
    return type(part), settings, shapes, list(part._modules)
