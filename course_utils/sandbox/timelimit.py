"""A time limit for code that may loop: works on Windows too, and gives the kernel back unharmed.

The code runs in a worker thread, the caller waits. When its processor time is up an exception is
raised inside the worker, between two of its Python instructions, and the caller goes on; signals
would do the same on Linux and macOS only. An import is never broken off: what it leaves half done
in `sys.modules` would fail in everything that comes later.
"""

import contextlib
import ctypes
import sys
import threading
import time
import warnings
from collections.abc import Callable

PATIENCE = 6  # times the processor time it may last by the clock: machines are slow, others busy
POLL = 0.02  # seconds between two looks at the clocks


class TimeLimitExceeded(BaseException):
    """Not an Exception, so that a student's `except Exception` does not swallow it.

    `after` says what was used up: "10 s of computing", or "60 s".
    """

    def __init__(self, after: str = ""):
        super().__init__(after)
        self.after = after


def run(work: Callable[[], object], seconds: float) -> object:
    """Return `work()`, or raise TimeLimitExceeded after `seconds` of its processor time.

    Code that computes nothing, but waits, is stopped after six times as long. Whatever `work`
    raises is raised here. A loop that catches everything, or one long call into compiled code,
    cannot be stopped: it is left behind in its thread.
    """
    worker = _Worker(work)
    # A worker that is stopped or left behind has perhaps not undone its own redirections.
    with (
        contextlib.redirect_stdout(sys.stdout),
        contextlib.redirect_stderr(sys.stderr),
        warnings.catch_warnings(),
    ):
        worker.start()
        try:
            after = worker.wait(seconds)
        except BaseException:  # the student pressed "interrupt": the worker must stop as well
            worker.stop(seconds)
            raise
        if after:
            worker.stop(seconds)
            raise TimeLimitExceeded(after)
    if worker.error is not None:
        raise worker.error
    return worker.value


class _Worker(threading.Thread):
    """The thread in which the work is done."""

    def __init__(self, work: Callable[[], object]):
        super().__init__(name="course-check", daemon=True)
        self.work = work
        self.value: object = None
        self.error: BaseException | None = None
        self.seconds: Callable[[], float] = lambda: 0.0  # of processor time, once it runs
        self.ended = False
        self.guard = threading.Lock()  # held while the exception is sent, and while it ends

    def run(self) -> None:
        try:
            self.seconds = _clock_of_this_thread()
            self.value = self.work()
        except BaseException as error:
            self.error = error
        with contextlib.suppress(TimeLimitExceeded):
            self._end()
        with contextlib.suppress(TimeLimitExceeded):
            # One that was sent a moment too late must arrive before the thread ends: else the
            # interpreter waits for it forever, and stands still once something profiles or debugs.
            for _ in range(100):
                pass

    def _end(self) -> None:
        with self.guard:
            self.ended = True

    def wait(self, seconds: float) -> str:
        """Wait for its end; when that does not come in time, say after what: "10 s"."""
        started = time.monotonic()
        while True:
            self.join(POLL)
            if not self.is_alive():
                return ""
            if self.seconds() > seconds:
                return f"{seconds:.0f} s of computing"
            if time.monotonic() - started > PATIENCE * seconds:
                return f"{PATIENCE * seconds:.0f} s"

    def stop(self, seconds: float) -> None:
        """Raise TimeLimitExceeded in it, a few times in case it is caught there."""
        end = time.monotonic() + PATIENCE * max(seconds, 1.0)  # that an import may still take
        tries = 5
        while self.is_alive() and tries and time.monotonic() < end:
            with self.guard:
                # The interpreter changes threads every few milliseconds; this takes microseconds.
                if not self.ended and not _imports(self):
                    ctypes.pythonapi.PyThreadState_SetAsyncExc(
                        ctypes.c_ulong(self.ident or 0), ctypes.py_object(TimeLimitExceeded)
                    )
                    tries -= 1
            self.join(0.1)


def _clock_of_this_thread() -> Callable[[], float]:
    """Reads this thread's processor seconds, from any thread.

    Where the system cannot tell, those of the whole process from now on: the caller only waits.
    """
    try:
        clock = time.pthread_getcpuclockid(threading.get_ident())
    except (AttributeError, OSError):
        before = time.process_time()
        return lambda: time.process_time() - before

    def read() -> float:
        try:
            return time.clock_gettime(clock)
        except OSError:  # the thread has just ended
            return 0.0

    return read


def _imports(worker: threading.Thread) -> bool:
    """Is an import under way in that thread?"""
    frame = sys._current_frames().get(worker.ident or 0)
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
