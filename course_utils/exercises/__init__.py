"""Exercises: `check` judges an answer at once, `hint` helps, `progress` shows how far you are."""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from . import judging, record, registry
from .contract import settled
from .leaning import LEANS, is_the_courses
from .record import Progress, progress
from .results import Result, card, in_notebook, show

__all__ = ["Progress", "Result", "check", "hint", "progress", "yours_or_ours"]

_hints_given: dict[str, int] = {}
_passed: dict[str, Callable] = {}


@dataclass(frozen=True)
class _Shown(Result):
    """A result whose card is on the page: as the last line of the same cell it adds nothing."""

    cell: int | None = field(default=None, compare=False, repr=False)  # where its card is

    def _ipython_display_(self) -> None:
        if _cell() != self.cell:
            show(self)


def _cell() -> int | None:
    """The number of the notebook cell that is running."""
    if not in_notebook():
        return None
    from IPython import get_ipython

    return get_ipython().execution_count


def check(name: str, function: Callable, seed: int | None = None) -> Result:
    """Judge your function on fresh random inputs and show a card with the outcome.

    Args:
        name: the exercise, "NN.name".
        function: your function, not a call of it.
        seed: repeat the inputs of an earlier check (`result.seed`).

    Returns:
        A `Result` with `.status`, `.passed`, `.message`, `.misconception`, `.seed`.

    Raises:
        ValueError: for an unknown exercise name; never because of what your function does.
    """
    registry.get(name)
    try:
        result = judging.judge(name, function, seed)
        if is_the_courses(function):
            message = "This is the course's own version: write yours, on torch and numpy."
            result = Result(name, "error", message, LEANS, seed)
    except Exception as error:  # a law met a value that it was not written for
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        message = f"The check itself stopped on what your function returned ({what})."
        result = Result(name, "error", message, "not-judged", seed)
    if result.passed:
        _passed[name] = function
    record.record(result)
    show(result)
    return _Shown(**vars(result), cell=_cell())


def hint(name: str) -> None:
    """Show the next hint for an exercise; after the last, the first again, which says so.

    Raises:
        ValueError: for an unknown exercise name.
    """
    hints = registry.get(name).hints
    given = _hints_given.get(name, 0)
    i = given % len(hints)
    _hints_given[name] = given + 1
    again = "That was the last hint; here is the first again. " if given and not i else ""
    show(_Hint(name, i + 1, len(hints), again + hints[i]))


def yours_or_ours(name: str, function: Callable) -> Callable:
    """Your function if it has passed its check, and the course's own version otherwise.

    Yours comes wrapped: what it returns in another type is converted to that of the exercise.

    Raises:
        ValueError: for an unknown exercise name, or one the course has no version of.
    """
    known = registry.get(name)
    if _passed.get(name) is function:
        return function if isinstance(function, type) else settled(function, known.signature)
    if known.twin is None:
        raise ValueError(f"The course has no version of '{name}' of its own.")
    module, attribute = known.twin.split(":")
    return getattr(importlib.import_module(module), attribute)


class _Hint:
    """A hint as a card."""

    def __init__(self, name: str, number: int, count: int, text: str):
        self.title = f"Hint {number} of {count} for {name}"
        self.text = text

    def __str__(self) -> str:
        return f"{self.title}: {self.text}"

    def _repr_html_(self) -> str:
        return card(self.title, self.text, "#0072B2")
