"""What the laws of several exercises share: closeness, gradients that flow, no random draws."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .contract import Wrong
from .subject import Subject

SINGLE = (
    "The numbers are right to about seven digits and no further, although the input has sixteen: "
    "look for a constant or a step in single precision, such as `torch.tensor(0.1)` without "
    "`dtype=x.dtype`, or a small number that was added for safety."
)
ROUNDINGS = 16  # of single precision, relative to the scale: what a constant in it may cost


ROUGH_PI = (
    "For a hundred dimensions the log-density is off by a little in each of them: is pi rounded, "
    "or its logarithm? `math.pi` has all the digits there are."
)


class Agreement:
    """Do two tensors agree? Where not: is a constant in single precision enough of a reason?"""

    def __init__(self, holds: bool, single: bool):
        self.holds, self.single = holds, single

    def __bool__(self) -> bool:
        return self.holds


def law(holds: bool | Tensor | Agreement, message: str, slug: str | None = None) -> None:
    """State a law. `message` says what does not hold, for the student.

    Of an `agree` in double precision that fails by no more than rounding in single precision, the
    card says that instead: the law's own sentence would accuse a formula that is right.

    Raises:
        Wrong: when it does not hold.
    """
    if bool(holds):
        return
    if isinstance(holds, Agreement) and holds.single:
        raise Wrong(SINGLE, "single-precision")
    raise Wrong(message, slug)


def agree(a: Tensor, b: Tensor, scale: float | None = None, *, part: float = 1.0) -> Agreement:
    """Equal to half the digits of the coarser dtype: errors up to sqrt(eps) * scale.

    `part`: the share of that error which is allowed, below 1 for a stricter comparison.
    `scale` is by default the largest finite magnitude in `b`. nan agrees with nan and an
    infinity with itself, so that a mistake that overflows can be recognised.
    """
    eps = max(torch.finfo(a.dtype).eps, torch.finfo(b.dtype).eps)
    a, b = a.double(), b.double()
    if scale is None:
        finite = b[b.isfinite()].abs()
        scale = float(finite.max()) if finite.numel() else 1.0
    scale = max(scale, 1e-30)

    def within(share: float) -> bool:
        return torch.allclose(a, b, rtol=0.0, atol=part * share * scale, equal_nan=True)

    holds = within(math.sqrt(eps))
    single = ROUNDINGS * torch.finfo(torch.float32).eps
    return Agreement(holds, not holds and math.sqrt(eps) < single and within(single))


def near(a: Tensor, b: Tensor, scale: float | None = None) -> Agreement:
    """Equal to half the digits of float32, for float64 too: a constant in single precision passes.

    `torch.tensor(2 * math.pi)` is one, good enough in any formula that does not cancel.
    """
    return agree(a.float(), b.float(), scale)


def reached(gradient: Tensor | None, name: str) -> Tensor:
    """The gradient that reaches the argument `name`: that there is one, and finite, is a law."""
    law(
        gradient is not None,
        f"No gradient reaches `{name}`, so nothing behind it can be trained: look for "
        "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
        "no-gradient",
    )
    assert gradient is not None  # the law above
    law(
        gradient.isfinite().all(),
        f"The gradient with respect to `{name}` is not finite, although the value is: one "
        "branch that is not taken overflows, and its infinity times zero is nan.",
        "gradient-not-finite",
    )
    return gradient


def check_gradients(
    f: Subject,
    args: tuple,
    names: dict[int, str],
    truth: Callable[..., Tensor | tuple[Tensor, ...]],
    c: Tensor | tuple[Tensor, ...],
) -> None:
    """The gradients of sum(c * f(*args)) for the arguments `names` are those of `truth`.

    `truth` is called in double precision; `names` gives each position its name in messages. Where
    several tensors are returned `c` holds as many.
    """
    exact = tuple(a.double().requires_grad_() if isinstance(a, Tensor) else a for a in args)
    weights = [part.double() for part in (c if isinstance(c, tuple) else (c,))]
    wanted = torch.autograd.grad(truth(*exact), [exact[i] for i in names], weights)
    for name, got, want in zip(names.values(), f.vjp(args, tuple(names), c), wanted, strict=True):
        law(
            near(reached(got, name), want),
            f"The gradient with respect to `{name}` is wrong, although the values are right: "
            "is something cut out of the graph, or counted twice in it?",
            "wrong-gradient",
        )


def check_repeatable(f: Subject, *args: object) -> None:
    """Called twice with the same inputs, the student's function gives the same numbers."""
    first, second = (a if isinstance(a, tuple) else (a,) for a in (f(*args), f(*args)))
    law(
        all(agree(a, b) for a, b in zip(first, second, strict=True)),
        "Called twice with the same inputs, your function gives two answers, so it draws random "
        "numbers: here an exact formula is wanted, no estimate.",
        "random",
    )


def or_nan(f: Subject, *args: object) -> Tensor:
    """What the function returns, or a nan if that is not finite: for a law that says why."""
    try:
        value = f(*args)
    except Wrong as wrong:
        if wrong.slug != "not-finite":
            raise
        return torch.tensor(math.nan)
    assert isinstance(value, Tensor)  # or_nan is for functions of one tensor
    return value
