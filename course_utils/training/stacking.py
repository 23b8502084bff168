"""K models of one architecture as one module, so that a whole sweep is one fit."""

import copy
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn


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
        layer: Any = nn.utils.skip_init(
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
        return StackedLinear(cast(list[nn.Linear], models))
    stacked: Any = copy.deepcopy(first)
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


def unstack(stacked: Any, k: int | Sequence[int] | None = None) -> Any:
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
    model: Any = copy.deepcopy(stacked)
    _replace(model, StackedLinear, lambda name: _part(stacked, name).layer(k))
    for name, own, key in _plain_tensors(model):
        tensor, shape = _tensor(stacked, name), stacked.single_shapes[name]
        if tensor.shape != shape:
            alone = tensor[k].detach().reshape(shape).clone()  # (1, D) -> (), (D,) or (1, D)
            is_parameter = key in own._parameters
            setattr(own, key, nn.Parameter(alone, tensor.requires_grad) if is_parameter else alone)
    del model.single_shapes
    return model


def _stacked(tensors: Sequence[Tensor]) -> nn.Parameter:
    """K tensors along a new first axis, as a parameter that learns if they do."""
    rows = torch.stack([t.detach() for t in tensors]).contiguous()
    return nn.Parameter(rows, requires_grad=tensors[0].requires_grad)


def _part(model: nn.Module, name: str) -> Any:
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


def _stack_size(stacked: Any) -> int:
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


def _require_alike(name: str, parts: Sequence[Any]) -> None:
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
