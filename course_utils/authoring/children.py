"""Work in processes that start from all that is here: one by one, or on several processors."""

import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any, TypeVar

from ..lectures import LectureError

T = TypeVar("T")
R = TypeVar("R")

_here: tuple[Callable[[Any], Any], Sequence[Any]] = (len, ())  # what the children inherit


def can_fork() -> bool:
    """Does this system know processes that begin as a copy of this one? Windows does not."""
    return hasattr(os, "fork")


def _processors() -> int:
    """How many this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)  # not everywhere
    return len(allowed(0)) if allowed else os.cpu_count() or 1


def forked(work: Callable[[], R], seconds: int | None = None) -> R:
    """What `work()` returns in a child of this process, which starts from all that is here.

    Args:
        work: returns what can be pickled.
        seconds: of processor time for the child; no limit by default.

    Raises:
        LectureError: when the child ends without an answer; the sentence lacks its subject.
    """
    ours, theirs = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(ours)
            if seconds is not None:
                _limit(seconds)
            with os.fdopen(theirs, "wb") as channel:
                pickle.dump(work(), channel)
            status = 0
        finally:
            os._exit(status)
    os.close(theirs)
    with os.fdopen(ours, "rb") as channel:
        content = channel.read()
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended != 0:
        too_long = seconds is not None and ended == -signal.SIGXCPU
        why = f"takes more than {seconds} s" if too_long else f"ends with status {ended}"
        raise LectureError(f"{why}.")
    return pickle.loads(content)


def _limit(seconds: int) -> None:
    """End this process once it has computed for so long."""
    import resource  # not on Windows, which has no `fork` either

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))


def side_by_side(
    work: Callable[[T], R], items: Sequence[T], jobs: int | None
) -> Iterator[tuple[int, R]]:
    """(place, work(item)) of each item as it is done, up to `jobs` of them being under way.

    They are begun in their order. With one job, and on a system that cannot fork, all happens
    here, one after another.

    Args:
        work: anything that can be called, whatever it holds; what it returns can be pickled.
        items: likewise.
        jobs: processes; None for as many as there are processors.

    Raises:
        Whatever `work` raises.
        concurrent.futures.process.BrokenProcessPool: when a process is killed.
    """
    global _here
    jobs = jobs or _processors()
    if jobs == 1 or not can_fork():
        yield from enumerate(map(work, items))
        return
    _here = work, items
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, fork) as pool:
        places = {pool.submit(_item, place): place for place in range(len(items))}
        for done in as_completed(places):
            yield places[done], done.result()


def _item(place: int) -> Any:
    work, items = _here
    return work(items[place])
