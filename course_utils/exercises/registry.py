"""The registry: every exercise of the course, by name, and how one is judged.

An exercise is registered by decorating its check:

    @exercise(
        "00.mean_and_std",
        "x (N,) -> (), ()",
        proves="...",
        hints=("...",),
        mistakes=(Mistake("variance", "This is the variance ...", variance),),
    )
    def check_mean_and_std(f: Subject, draw: Draw) -> None:
        x = draw.normal(7)
        mean, std = f(x)
        law(agree(mean, ...), "...")

The check calls `f` and states laws. When one does not hold, the recorded calls are compared
with the registered mistakes, and the first whose numbers agree on all of them gives its name.
"""

import difflib
import importlib
import math
import pkgutil
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import torch
from torch import Tensor

from . import timelimit
from .results import Result
from .signature import Signature, parse
from .subject import Function, LocalFunction, NotAttempted, Raised, Subject, Wrong

TIME_LIMIT = 10.0  # seconds for one whole check


@dataclass(frozen=True)
class Mistake:
    """A known wrong answer: `function` computes it, `message` tells the student what it is."""

    slug: str
    message: str
    function: Callable


@dataclass(frozen=True)
class Exercise:
    """One exercise of the course.

    Attributes:
        name: "NN.function".
        signature: what goes in and what comes out, see signature.py.
        proves: what a passed check has shown, one sentence.
        hints: from a nudge to nearly the answer.
        mistakes: the known wrong answers, the most telling first.
        twin: "module:function", the course package's own version, if there is one.
        also: "module:function" or "module:Class.method", what in the package would do as well in
            one line; a grader takes it away together with the twin.
        points: what it is worth when graded.
        judge: the check itself.
    """

    name: str
    signature: Signature
    proves: str
    hints: tuple[str, ...]
    mistakes: tuple[Mistake, ...]
    judge: Callable[[Subject, "Draw"], None] = field(repr=False)
    twin: str | None = None
    points: int = 1
    also: tuple[str, ...] = ()

    @property
    def ready_made(self) -> tuple[str, ...]:
        """Everything in the package that would answer it."""
        return (*([self.twin] if self.twin else []), *self.also)

    @property
    def lecture(self) -> str:
        return self.name.split(".")[0]

    @property
    def function(self) -> str:
        return self.name.split(".")[1]


_EXERCISES: dict[str, Exercise] = {}


def exercise(
    name: str,
    signature: str,
    *,
    proves: str,
    hints: tuple[str, ...],
    mistakes: tuple[Mistake, ...] = (),
    twin: str | None = None,
    also: tuple[str, ...] = (),
    points: int = 1,
) -> Callable[[Callable], Callable]:
    """Register the decorated check as the exercise `name`."""

    def register(judge: Callable[[Subject, Draw], None]) -> Callable:
        if name in _EXERCISES:
            raise ValueError(f"the exercise {name} is registered twice")
        _EXERCISES[name] = Exercise(
            name, parse(signature), proves, hints, mistakes, judge, twin, points, also
        )
        return judge

    return register


def names() -> list[str]:
    """All registered exercises, in the order of the course."""
    _load_lectures()
    return sorted(_EXERCISES, key=lambda name: name.split(".")[0])  # stable: as they registered


def get(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: when there is none; the message offers the nearest names.
    """
    _load_lectures()
    if name not in _EXERCISES:
        near = difflib.get_close_matches(str(name), _EXERCISES, n=2, cutoff=0.5)
        offer = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"There is no exercise '{name}'.{offer}")
    return _EXERCISES[name]


@cache
def _load_lectures() -> None:
    """Import the modules lectureNN beside this file, which register their exercises; once."""
    package = importlib.import_module(__package__)
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("lecture"):
            importlib.import_module(f"{__package__}.{module.name}")


def judge(
    name: str,
    function: Callable | Function,
    seed: int | None = None,
    time_limit: float = TIME_LIMIT,
) -> Result:
    """Judge a student's function on freshly drawn inputs, without showing anything.

    Args:
        name: the exercise.
        function: the student's function, or a `Function` that stands for it elsewhere.
        seed: draws the same inputs again; a new one each time by default.
        time_limit: seconds for the whole check.

    Raises:
        ValueError: for an unknown exercise name only; never because of what a student wrote.
    """
    known = get(name)
    seed = secrets.randbits(32) if seed is None else seed

    def result(status: str, message: str, misconception: str | None = None) -> Result:
        return Result(name, status, message, misconception, seed)

    if not hasattr(function, "vjp"):
        if not callable(function):
            return result(
                "error",
                f'Pass the function itself: `check("{name}", {known.function})`, without '
                "calling it.",
                "not-a-function",
            )
        function = LocalFunction(function)
    f = Subject(function, known.signature)
    try:
        with torch.random.fork_rng(devices=[]):  # a student's own draws repeat with the seed too
            torch.manual_seed(seed)
            timelimit.run(lambda: known.judge(f, Draw(seed)), time_limit)
    except NotAttempted:
        return result("not attempted", "The function returns None: was a `return` forgotten?")
    except Raised as error:
        message = error.message
        if error.slug == "wrong-arguments":
            message = f"It is called as `{known.function}{known.signature.call}`. {message}"
        return result("error", message, error.slug)
    except timelimit.TimeLimitExceeded:
        return result(
            "error",
            f"Your function was still running after {time_limit:.0f} s and was stopped: "
            "look for a loop that never ends.",
            "too-slow",
        )
    except Wrong as wrong:
        mistake = None if wrong.slug in ("changes-its-input",) else _diagnose(known, f.calls)
        if mistake is not None:
            return result("wrong", mistake.message, mistake.slug)
        return result("wrong", wrong.message, wrong.slug)
    return result("passed", known.proves)


def _diagnose(known: Exercise, calls: list[tuple[tuple, object]]) -> Mistake | None:
    """The first known mistake whose numbers agree with the student's on every call."""
    for mistake in known.mistakes:
        if calls and all(_matches(mistake, args, value) for args, value in calls):
            return mistake
    return None


def _matches(mistake: Mistake, args: tuple, value: object) -> bool:
    try:
        return _same(mistake.function(*args), value)
    except Exception:  # a wrong formula may fail on inputs that the right one takes
        return False


def _same(a: object, b: object) -> bool:
    if isinstance(a, tuple) or isinstance(b, tuple):
        both = isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)
        return both and all(_same(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        both = isinstance(a, Tensor) and isinstance(b, Tensor)
        if not both or a.shape != b.shape or a.dtype != b.dtype:
            return False
        # Truth values and whole numbers have no rounding to allow for.
        return agree(b.detach(), a.detach()) if a.is_floating_point() else torch.equal(a, b)
    return type(a) is type(b) and math.isclose(a, b, rel_tol=1e-6)


class Draw:
    """Fresh random inputs for a check, repeatable by the seed."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def integer(self, low: int, high: int) -> int:
        """A whole number between low and high, both included."""
        return int(torch.randint(low, high + 1, (), generator=self.generator))

    def sizes(self, count: int, low: int = 2, high: int = 9) -> list[int]:
        """Different whole numbers, so that no two axes can be confused."""
        order = torch.randperm(high - low + 1, generator=self.generator)
        return [low + int(i) for i in order[:count]]

    def number(self, low: float, high: float) -> float:
        """A Python float, uniform between low and high."""
        return float(self.uniform(low, high, dtype=torch.float64))

    def uniform(
        self, low: float, high: float, *shape: int, dtype: torch.dtype = torch.float32
    ) -> Tensor:
        """Uniform numbers of the given shape."""
        return low + (high - low) * torch.rand(shape, generator=self.generator, dtype=dtype)

    def normal(self, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard normal numbers of the given shape."""
        return torch.randn(shape, generator=self.generator, dtype=dtype)


def law(holds: bool | Tensor, message: str, slug: str | None = None) -> None:
    """State a law. `message` says what does not hold, for the student.

    Raises:
        Wrong: when it does not hold.
    """
    if not bool(holds):
        raise Wrong(message, slug)


def agree(a: Tensor, b: Tensor, scale: float | None = None) -> bool:
    """Equal to half the digits of the coarser dtype: errors up to sqrt(eps) * scale.

    `scale` is by default the largest finite magnitude in `b`. nan agrees with nan and an
    infinity with itself, so that a mistake that overflows can be recognised.
    """
    eps = max(torch.finfo(a.dtype).eps, torch.finfo(b.dtype).eps)
    a, b = a.double(), b.double()
    if scale is None:
        finite = b[b.isfinite()].abs()
        scale = float(finite.max()) if finite.numel() else 1.0
    return torch.allclose(a, b, rtol=0.0, atol=math.sqrt(eps) * max(scale, 1e-30), equal_nan=True)
