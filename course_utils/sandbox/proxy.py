"""The grader's side of one child in the sandbox: requests, time limits, and a student's function.

Whatever comes back is data that a student may have written: it is decoded strictly, and texts
are cleaned before anyone reads them.
"""

import contextlib
import math
import os
import signal
import socket
import struct
import time
from collections.abc import Callable

from torch import Tensor

from . import wire
from .functions import RETURNS_NONE, Raised, Reply
from .script import CHANGES_INPUT, Step
from .warm import BUDGET, EXITED, OUT_OF_MEMORY, OUT_OF_TIME, STATUS, UNMEASURED

SLUGS = (
    "raises",
    RETURNS_NONE,
    "wrong-arguments",
    "not-a-module",
    CHANGES_INPUT,
    "leaves-torch",
    "leans-on-the-course",
    "memory",
    "too-large",
)
WITHOUT_WORDS = "Your function raised an error that says nothing."
MAX_TEXT = 500
UNKNOWN = 1 << 20  # no exit code is so large
PATIENCE = 5.0  # seconds that a keeper has to report how its child ended
WAIT = 10  # times the processor time, by the clock: machines are slow, others busy


class Lost(Exception):
    """The child is gone, or was ended: `status` is "timeout" or "crashed"."""

    def __init__(self, status: str, message: str):
        super().__init__(message)
        self.status, self.message = status, message


class Session:
    """One child that answers requests, in turn, until it is closed or lost."""

    def __init__(
        self, talk: socket.socket, leash: socket.socket, on_close: Callable[[], object] = list
    ):
        self.talk, self.leash, self.on_close = talk, leash, on_close
        self.open = True

    def ask(
        self,
        request: tuple | None,
        expected: str,
        seconds: float,
        in_all: float | None = None,
        by_clock: float = math.inf,
    ) -> tuple:
        """The content of the reply to a request.

        Args:
            request: its kind, and its content; None only waits for what comes.
            expected: the kind of reply that it should have.
            seconds: of processor time that it may take, and a few times as long by the clock.
            in_all: seconds of processor time for this and all requests until the next `in_all`.
            by_clock: seconds that it may take at most, however busy the machine is.

        Raises:
            Raised: when the student's code raised.
            Lost: when there is no reply in time, none at all, or none that can be read.
        """
        if not self.open:
            raise Lost("crashed", "The process had ended before.")
        wait = min(WAIT * seconds, by_clock)
        deadline = time.monotonic() + wait
        try:
            self._allow(seconds, in_all)
            if request is not None:
                wire.send(self.talk, request, deadline)
            kind, *content = wire.receive(self.talk, deadline) or ("nothing",)
        except TimeoutError:
            self.close()
            raise Lost("timeout", too_long(f"{wait:.0f} s")) from None
        except wire.WireError as error:
            self.close()
            raise Lost("crashed", f"Its answer could not be read: {error}.") from None
        except (EOFError, OSError):
            why, code = self.how_it_ended()
            self.close()
            if why == OUT_OF_TIME:
                raise Lost("timeout", too_long(f"{seconds:.0f} s of computing")) from None
            raise Lost(*explain(why, code)) from None
        if not isinstance(kind, str):  # a tensor is not even equal or unequal to a word
            kind = "nothing"
        if kind == "raised" and len(content) == 2:
            slug, text = content
            known = isinstance(slug, str) and slug in SLUGS
            raise Raised(clean(text) or WITHOUT_WORDS, slug if known else "raises")
        if kind != expected:
            self.close()
            raise Lost("crashed", "Its answer was none to the question that was asked.")
        return tuple(content)

    def _allow(self, seconds: float, in_all: float | None) -> None:
        """Tell the keeper how long the child may compute."""
        with contextlib.suppress(OSError):  # it has ended: the reply will say so
            self.leash.settimeout(PATIENCE)
            self.leash.sendall(BUDGET.pack(seconds, -1.0 if in_all is None else in_all))

    def how_it_ended(self) -> tuple[int, int]:
        """Why, and its exit code or signal, as the keeper reports it."""
        self.leash.settimeout(PATIENCE)
        try:
            return STATUS.unpack(self.leash.recv(STATUS.size, socket.MSG_WAITALL))
        except (OSError, struct.error):
            return EXITED, UNKNOWN

    def close(self) -> None:
        """Let go of the leash: the child and all it has started are killed."""
        if self.open:
            self.open = False
            self.talk.close()
            self.leash.close()
            self.on_close()


def too_long(after: str) -> str:
    return (
        f"It was still running after {after} and was stopped: look for a loop that never ends, or "
        "one that goes through single numbers where whole tensors would do."
    )


def explain(why: int, code: int) -> tuple[str, str]:
    """Status and message for how a child ended."""
    if why == OUT_OF_MEMORY:
        return "crashed", "It used more memory than it may, and was stopped."
    if why == UNMEASURED:
        return "crashed", "It hid how much memory it uses, and was stopped."
    if why == OUT_OF_TIME:
        return "timeout", "It used more processor time than it may, and was stopped."
    if code == UNKNOWN:
        return "crashed", "The process ended, and nothing is known of how."
    if why != EXITED:
        return "crashed", f"The process could not be started: {os.strerror(code)}."
    if code >= 0:
        return "crashed", f"The process ended itself with status {code}."
    if -code == signal.SIGXCPU:
        return "timeout", "It used more processor time than it may, and was stopped."
    with contextlib.suppress(ValueError):
        return "crashed", f"The process was ended by the signal {signal.Signals(-code).name}."
    return "crashed", f"The process was ended by the signal {-code}."


def clean(text: object) -> str:
    """A student's text on one line, printable and not too long."""
    if not isinstance(text, str):
        return ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MAX_TEXT]).split())
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


class RemoteFunction:
    """A student's function in the sandbox, as the checks of `course_utils.exercises` call it.

    Args:
        session: the child, with the function picked.
        call_seconds: of processor time that one call may take.
        all_seconds: of processor time that all calls together may take.
        end: when all must be over at the latest, by `time.monotonic`.
        second: makes another child with the same function picked. Scripts take turns between the
            two, so that nothing of one can be found by the next but what the numbers carry.
    """

    def __init__(
        self,
        session: Session,
        call_seconds: float,
        all_seconds: float,
        end: float = math.inf,
        second: Callable[[], Session] | None = None,
    ):
        self.session, self.call_seconds = session, call_seconds
        self.second, self.other, self.turns = second, session, 0
        self.all_seconds = all_seconds
        self.told: set[Session] = set()  # whose keepers know how long all may take
        self.deadline = min(time.monotonic() + WAIT * all_seconds, end)

    def call(self, args: tuple) -> Reply:
        content = self._ask(("call", args), "value")
        if len(content) != 2 or not isinstance(content[1], tuple):
            raise Lost("crashed", "Its answer was not the value of a function.")
        changed = [i for i in content[1] if isinstance(i, int) and 0 <= i < len(args)]
        return Reply(content[0], tuple(changed))

    def vjp(
        self, args: tuple, wrt: tuple[int, ...], cotangent: Tensor | tuple[Tensor, ...]
    ) -> list[Tensor | None]:
        content = self._ask(("vjp", args, wrt, cotangent), "gradients")
        gradients = content[0] if len(content) == 1 else None
        if not isinstance(gradients, list) or len(gradients) != len(wrt):
            raise Lost("crashed", "Its answer was not a list of gradients.")
        return gradients

    def run(self, steps: tuple[Step, ...]) -> list:
        self.turns += 1
        if self.turns == 2 and self.second is not None:
            self.other = self.second()
        session = self.session if self.turns % 2 else self.other
        content = self._ask(("script", steps), "values", session)
        values = content[0] if len(content) == 1 else None
        if not isinstance(values, list) or not 0 < len(values) <= len(steps):
            raise Lost("crashed", "Its answer was not a list of values.")
        return values

    def _ask(self, request: tuple, expected: str, session: Session | None = None) -> tuple:
        session = session or self.session
        left = self.deadline - time.monotonic()
        if left <= 0:
            session.close()
            raise Lost("timeout", "All calls together took too long, and were stopped.")
        in_all = None if session in self.told else self.all_seconds
        self.told.add(session)
        return session.ask(request, expected, self.call_seconds, in_all, left)
