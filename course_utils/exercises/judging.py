"""How an answer is judged: the laws are called, and what fails is compared with known mistakes."""

import contextlib
import dataclasses
import math
import secrets
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any, cast

import torch
from torch import Tensor, nn

from ..sandbox import timelimit
from ..sandbox.functions import RETURNS_NONE, Function, LocalFunction, Raised
from ..sandbox.script import CHANGES_INPUT
from .contract import Wrong, settle
from .draw import Draw
from .exercise import Exercise, Mistake
from .laws import Agreement, agree
from .leaning import LEANS, Watch, is_the_courses
from .registry import get
from .results import Result
from .subject import NotAttempted, Subject

TIME_LIMIT = 10.0  # seconds of computing for one whole check
RANDOM = (
    "Called twice with the same inputs, your function gives two answers: it draws random numbers, "
    "or keeps something from one call to the next. What is wanted follows from the inputs alone."
)
# Sentences that are more telling than that: of what came back at all, and of the noise itself.
SAYS_IT = {
    "approximate",
    CHANGES_INPUT,
    "own-noise",
    "random",
    "reduced-over-batch",
    "wrong-dtype",
    "wrong-shape",
    "wrong-type",
}


@contextlib.contextmanager
def _usual_torch() -> Iterator[None]:
    """The default dtype as it comes, whatever a cell or an answer sets, and one thread.

    Several that wait for each other on a busy machine would be counted as computing.
    """
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)


@_usual_torch()
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
        time_limit: seconds of processor time for the whole check.

    Raises:
        ValueError: for an unknown exercise name only; never because of what a student wrote.
    """
    known = get(name)
    seed = secrets.randbits(32) if seed is None else seed

    def result(status: str, message: str, misconception: str | None = None) -> Result:
        return Result(name, status, message, misconception, seed)

    watch = Watch()
    if not hasattr(function, "vjp"):
        if not callable(function) or isinstance(function, nn.Module):
            kind = "class" if isinstance(function, nn.Module) else "function"
            return result(
                "error",
                f'Pass the {kind} itself: `check("{name}", {known.function})`, without calling it.',
                "not-a-function",
            )
        import_ahead()
        own = is_the_courses(function)  # the package's version, or a known mistake
        function = LocalFunction(function) if own else LocalFunction(function, watch)
    f = Subject(cast(Function, function), known.signature)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)  # a student's own draws repeat with the seed too
            timelimit.run(lambda: known.judge(f, Draw(seed)), time_limit)
        judged = dataclasses.replace(result("passed", known.proves), remark=f.remark)
    except NotAttempted as nothing:
        who = f"`{nothing.method}`" if nothing.method else "The function"
        return result("not attempted", f"{who} is as it came, and returns None: write it.")
    except Raised as error:
        message = error.message
        if error.slug == "wrong-arguments":
            message = f"It is called as `{known.function}{known.signature.call}`. {message}"
        status = "wrong" if error.slug in (RETURNS_NONE, CHANGES_INPUT) else "error"
        judged = result(status, message, error.slug)
    except timelimit.TimeLimitExceeded as exceeded:
        judged = result(
            "error",
            f"Your function was still running after {exceeded.after} and was stopped: "
            "look for a loop that never ends, or one that goes through single numbers where whole "
            "tensors would do.",
            "too-slow",
        )
    except Wrong as wrong:
        mistake = None if wrong.slug == CHANGES_INPUT else _diagnose(known, f.calls)
        told = mistake or wrong
        if told.slug not in SAYS_IT and _answers_otherwise(f, time_limit):
            told = Wrong(RANDOM, "random")
        judged = result("wrong", told.message, told.slug)
    return result("error", watch.sentence, LEANS) if watch.called else judged


@cache
def import_ahead() -> None:
    """Import what torch would import at its first use, under the student's clock: about a second.

    The first multivariate normal brings sympy, the first optimiser the compiler.
    """
    zero = torch.zeros(1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.distributions.MultivariateNormal(zero, torch.eye(1)).log_prob(zero)
        torch.optim.Adam([torch.zeros(1, requires_grad=True)])
        torch.func.hessian(torch.sum)(zero)


def _answers_otherwise(f: Subject, time_limit: float) -> bool:
    """Does the function answer one of its last calls otherwise when it is asked again?"""
    return any(_otherwise(f, args, value, time_limit) for args, value in f.calls[:-4:-1])


def _otherwise(f: Subject, args: tuple, value: object, time_limit: float) -> bool:
    again: list[Any] = []
    try:
        with torch.random.fork_rng(devices=[]):
            timelimit.run(lambda: again.append(f.function.call(args).value), time_limit)
        return not _same(settle(again[0], f.signature, args)[0], value, _to_rounding)
    except Exception:  # it raises now, or runs out of time: nothing is known
        return False


def _to_rounding(a: Tensor, b: Tensor) -> bool:
    """Equal but for the order of additions, relative to the largest finite number of `b`."""
    largest = float(b.nan_to_num(posinf=0.0, neginf=0.0).abs().max()) if b.numel() else 0.0
    return torch.allclose(
        a, b, rtol=0.0, atol=64 * torch.finfo(b.dtype).eps * largest, equal_nan=True
    )


def _diagnose(known: Exercise, calls: list[tuple[tuple, object]]) -> Mistake | None:
    """The first known mistake whose numbers agree with the student's on every call."""
    for mistake in known.mistakes:
        if calls and all(_matches(known, mistake, args, value) for args, value in calls):
            return mistake
    return None


def _matches(known: Exercise, mistake: Mistake, args: tuple, value: object) -> bool:
    try:
        told = settle(mistake.function(*args), known.signature, args)[0]
        return _same(told, value, _closely)
    except Exception:  # a wrong formula may fail on inputs that the right one takes
        return False


def _closely(a: Tensor, b: Tensor) -> Agreement:
    """Agree to a quarter of what a law allows.

    What just fails a law might else be taken for a mistake that is still right on these inputs.
    """
    return agree(a, b, part=0.25)


def _same(a: Any, b: Any, alike: Callable[[Tensor, Tensor], object]) -> bool:
    """Are two answers the same? `alike` compares real numbers of one shape and dtype."""
    if isinstance(a, tuple) or isinstance(b, tuple):
        both = isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b)
        return both and all(_same(x, y, alike) for x, y in zip(a, b, strict=True))
    if isinstance(a, Tensor) or isinstance(b, Tensor):
        both = isinstance(a, Tensor) and isinstance(b, Tensor)
        if not both or a.shape != b.shape or a.dtype != b.dtype:
            return False
        # Truth values and whole numbers have no rounding to allow for.
        return bool(alike(b.detach(), a.detach())) if a.is_floating_point() else torch.equal(a, b)
    if isinstance(a, int) and isinstance(b, int):
        return a == b
    return type(a) is type(b) and math.isclose(a, b, rel_tol=1e-6)
