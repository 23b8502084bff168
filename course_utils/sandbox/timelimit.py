"""A time limit for code that may loop: works on Windows too, and gives the kernel back.

The code runs in a worker thread, the caller waits. When time is up an exception is raised
inside the worker, between two of its Python instructions, and the caller goes on at once;
signals would do the same on Linux and macOS only.
"""

import ctypes
import threading
from collections.abc import Callable


class TimeLimitExceeded(BaseException):
    """Not an Exception, so that a student's `except Exception` does not swallow it."""


def run(work: Callable[[], object], seconds: float) -> object:
    """Return `work()`, or raise TimeLimitExceeded after `seconds`.

    Whatever `work` raises is raised here. A loop that catches everything, or one long
    call into compiled code, cannot be stopped: it is left behind in its thread.
    """
    outcome: dict[str, object] = {}

    def target() -> None:
        try:
            outcome["value"] = work()
        except BaseException as error:
            outcome["error"] = error

    worker = threading.Thread(target=target, name="course-check", daemon=True)
    worker.start()
    try:
        worker.join(seconds)
    except BaseException:  # the student pressed "interrupt": the worker must stop as well
        _interrupt(worker)
        raise
    if worker.is_alive():
        _interrupt(worker)
        raise TimeLimitExceeded
    if "error" in outcome:
        raise outcome["error"]  # type: ignore[misc]
    return outcome["value"]


def _interrupt(worker: threading.Thread) -> None:
    """Raise TimeLimitExceeded in the worker, a few times in case it is caught there."""
    for _ in range(5):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(
            ctypes.c_ulong(worker.ident), ctypes.py_object(TimeLimitExceeded)
        )
        worker.join(0.1)
        if not worker.is_alive():
            return
