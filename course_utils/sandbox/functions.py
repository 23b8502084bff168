"""A student's function where it lives: called, differentiated, its errors turned into sentences.

`LocalFunction` stands in the notebook's process and in the grader's worker alike, so that the same
function gets the same numbers in both. It knows nothing of checks.
"""

import contextlib
import dis
import functools
import inspect
import io
import os
import site
import sysconfig
import traceback
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from .script import MAX_STEPS, Run, ScriptError, Step
from .timelimit import TimeLimitExceeded

RETURNS_NONE = "returns-none"  # the slug of a body that does something and returns nothing
# The instructions of a body that is a docstring, `pass`, `...` or `return None`, in all versions.
IDLE = {"RESUME", "NOP", "CACHE", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


class Raised(Exception):
    """The student's function raised, or could not be called."""

    def __init__(self, message: str, slug: str):
        super().__init__(message)
        self.message, self.slug = message, slug


@dataclass(frozen=True)
class Reply:
    """What came back from one call: the value, and which inputs the function changed."""

    value: object
    changed_inputs: tuple[int, ...] = ()


class Function(Protocol):
    """Where the numbers come from: this process, or a worker behind a pipe."""

    def call(self, args: tuple) -> Reply: ...

    def vjp(
        self, args: tuple, wrt: tuple[int, ...], cotangent: Tensor | tuple[Tensor, ...]
    ) -> list[Tensor | None]: ...

    def run(self, steps: tuple[Step, ...]) -> list[object]: ...


class LocalFunction:
    """A function of this process. Prints and warnings are swallowed, inputs are copied.

    Args:
        function: the student's function or class.
        around: makes a context for each stretch of the student's code.
    """

    def __init__(
        self,
        function: Callable,
        around: Callable[[], AbstractContextManager] = contextlib.nullcontext,
    ):
        self.function, self.around = function, around

    def call(self, args: tuple) -> Reply:
        given = tuple(_copy(value) for value in args)
        value = self._run(given)
        refuse_nothing(value, self.function)
        changed = [i for i, (a, b) in enumerate(zip(args, given, strict=True)) if _differs(a, b)]
        return Reply(value, tuple(changed))

    def vjp(
        self, args: tuple, wrt: tuple[int, ...], cotangent: Tensor | tuple[Tensor, ...]
    ) -> list[Tensor | None]:
        """Gradients of sum(cotangent * value); of a tuple of values, with a cotangent for each."""
        given = [_copy(value) for value in args]
        for i in wrt:
            given[i].requires_grad_(True)
        value = self._run(tuple(given))
        if isinstance(cotangent, tuple):
            several = value if isinstance(value, tuple | list) else (value,)
            pairs = [(stacked(v), c) for v, c in zip(several, cotangent, strict=False)]
        else:
            pairs = [(stacked(value), cotangent)]
        pairs = [(v, c) for v, c in pairs if isinstance(v, Tensor) and v.requires_grad]
        if not pairs:
            return [None] * len(wrt)
        inputs = [given[i] for i in wrt]
        try:
            values, weights = zip(*pairs, strict=True)
            gradients = torch.autograd.grad(values, inputs, weights, allow_unused=True)
        except RuntimeError as error:  # another shape than without gradients, in-place steps
            raise describe(error, len(args)) from None
        return list(gradients)

    def run(self, steps: tuple[Step, ...]) -> list[object]:
        """The values of a script's steps; see script.py. It stops after one that is None."""
        script, values = Run(self.function), []
        for step in steps[:MAX_STEPS]:
            n_args = len(step[2]) if step[0] in ("make", "call") else 0
            values.append(self._quietly(lambda step=step: script.step(step), n_args))
            if step[0] == "call" and nothing(values[-1]):
                called = script.place(step[1])
                refuse_nothing(values[-1], called, method_of(step[1]))
                break
        return values

    def _run(self, args: tuple) -> object:
        return self._quietly(lambda: self.function(*args), len(args))

    def _quietly(self, work: Callable[[], object], n_args: int) -> object:
        try:
            with (
                contextlib.redirect_stdout(io.StringIO()),
                contextlib.redirect_stderr(io.StringIO()),
                warnings.catch_warnings(),
                torch.enable_grad(),
                self.around(),
            ):
                warnings.simplefilter("ignore")
                return work()
        except TimeLimitExceeded:
            raise
        except ScriptError as error:
            raise Raised(str(error), error.slug) from None
        except BaseException as error:  # sys.exit() in an exercise must not end the kernel
            raise describe(error, n_args) from None


def nothing(value: object) -> bool:
    """Did a call return None, or a tuple that begins with it? An untouched stub does."""
    return value is None or (isinstance(value, tuple | list) and bool(value) and value[0] is None)


def method_of(place: str) -> str:
    """The method that a script's place names; "" for the student's own function."""
    name, _, method = place.partition(".")
    return (method or "forward") if name else ""


def refuse_nothing(value: object, called: object, method: str = "") -> None:
    """Nothing is what a stub returns; of a body that does something a `return` is missing.

    Raises:
        Raised: for such a body.
    """
    if not nothing(value) or is_idle(called):
        return
    if value is None:
        who = f"`{method}`" if method else "The function"
        raise Raised(
            f"{who} computes something and returns None: is the `return` missing, or does "
            "`return None` still stand at its end?",
            RETURNS_NONE,
        )
    raise Raised(
        f"The first value that {f'`{method}`' if method else 'it'} returns is None: it has not "
        "been computed, or by something that returns nothing, as `print` does.",
        RETURNS_NONE,
    )


def is_idle(called: Any) -> bool:
    """Does the code of a function or method do nothing, as that of an untouched stub?"""
    called = called.forward if isinstance(called, nn.Module) else called
    while isinstance(called, functools.partial):
        called = called.func
    called = inspect.unwrap(called)
    code = getattr(called, "__code__", None) or getattr(type(called).__call__, "__code__", None)
    return code is not None and all(step.opname in IDLE for step in dis.get_instructions(code))


def describe(error: BaseException, n_args: int) -> Raised:
    """Turn a student's exception into one sentence with the last line of theirs that it passed."""
    own = [f for f in traceback.extract_tb(error.__traceback__) if is_students(f.filename)]
    text = " ".join(str(error).split())[:300].rstrip(".")
    if isinstance(error, TypeError) and not own:
        times = f"{n_args} argument{'s' if n_args != 1 else ''}"
        return Raised(f"Yours cannot be called with {times}: {text}.", "wrong-arguments")
    if "numpy()" in text and "requires grad" in text:
        return Raised(
            "Your function leaves torch for numpy, where gradients end: stay in torch from input "
            "to output.",
            "leaves-torch",
        )
    lines = [frame.line for frame in own if frame.line]
    line = f" in the line `{lines[-1]}`" if lines else ""
    said = f": {text}" if text else ""
    return Raised(f"Your function raised {type(error).__name__}{line}{said}.", "raises")


def is_students(file: str) -> bool:
    """Is code of this file the student's: neither the course's, nor an installed library's?"""
    if file.startswith("<"):  # "<ipython-input-1>" and "<cell 1>", but "<frozen importlib>"
        return not file.startswith("<frozen")
    return not os.path.normcase(os.path.abspath(file)).startswith(_libraries())


@cache
def _libraries() -> tuple[str, ...]:
    """The folders of what is installed, and of this package."""
    paths = sysconfig.get_paths()
    folders = [paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    folders += [*site.getsitepackages(), site.getusersitepackages()]
    folders += [os.path.dirname(os.path.dirname(torch.__file__))]
    folders += [os.path.dirname(os.path.dirname(__file__))]
    return tuple(os.path.normcase(os.path.abspath(f)) + os.sep for f in folders)


def stacked(value: Any) -> Any:
    """Numbers and tensors of one shape in a list, or numpy's, as one tensor; else as it is.

    Python's numbers count in double precision. Gradients flow through.
    """
    try:
        if isinstance(value, np.ndarray | np.generic):
            return torch.from_numpy(np.array(value, order="C"))
        if type(value) is int or type(value) is float:
            return torch.tensor(float(value), dtype=torch.float64)
        if type(value) is bool:
            return torch.tensor(value)
        if isinstance(value, list | tuple):
            return torch.stack([stacked(item) for item in value])
    except (TypeError, ValueError, RuntimeError, OverflowError, RecursionError):
        return value
    return value


def _copy(value: Any) -> Any:
    if isinstance(value, list):
        return list(value)
    return value.detach().clone() if isinstance(value, Tensor) else value


def _differs(before: object, after: Any) -> bool:
    if not isinstance(before, Tensor):
        return isinstance(before, list) and before != after
    if before.shape != after.shape or before.dtype != after.dtype:
        return True
    return not torch.equal(before.nan_to_num(), after.detach().nan_to_num())
