"""An answer stands on torch, numpy and itself: whether it calls the course's package is watched.

What counts is what happens while it runs, not what is written: any function of the package that
is entered below the student's, by whatever name, from whichever thread. Constants call nothing.
"""

import contextlib
import functools
import inspect
import sys
import threading
from collections.abc import Iterator
from types import FrameType

LEANS = "leans-on-the-course"  # the misconception's slug, in the grader too
PACKAGE = __name__.partition(".")[0] + "."
# What a student's code may pass through: the machinery of checks with the models, losses and
# generators that an exercise hands over, a conversion by `yours_or_ours`, and the lecture's seed.
EXERCISES = ("exercises.contract", "exercises.signature", "exercises.leaning")
THROUGH = tuple(PACKAGE + name for name in ("sandbox.", *EXERCISES, "reproducible"))


class Watch:
    """Around each call of a student's function; `called` names what it called of the package."""

    def __init__(self) -> None:
        self.called: str | None = None

    @contextlib.contextmanager
    def __call__(self) -> Iterator[None]:
        before, before_in_threads = sys.getprofile(), threading.getprofile()
        threading.setprofile(self._event)
        sys.setprofile(self._event)
        try:
            yield
        finally:
            sys.setprofile(before)
            threading.setprofile(before_in_threads)

    def _event(self, frame: FrameType, event: str, _argument: object) -> None:
        if event != "call":
            return
        module = frame.f_globals.get("__name__")
        if type(module) is str and module.startswith(PACKAGE) and not module.startswith(THROUGH):
            name = frame.f_code.co_qualname
            # What a dataclass writes for itself bears the name of what wrote it.
            self.called = self.called or (module if "<locals>" in name else f"{module}.{name}")

    @property
    def sentence(self) -> str:
        return (
            f"Your code calls `{self.called}`: an answer stands on torch, numpy and itself, and "
            "calls nothing of `course_utils` (constants may be used)."
        )


def is_the_courses(function: object) -> bool:
    """Is this a function or class of the package itself, or one with some arguments filled in?"""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    module = getattr(function, "__module__", None) or type(function).__module__
    return f"{module}.".startswith(PACKAGE)
