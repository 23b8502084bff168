"""Marks for one submission of one lecture: the checks run here, the functions in the sandbox.

`Grader.judge` takes the text of a submission's code cells. What needs running is run inside; each
exercise's function is found there by its name and called through a proxy, by the same checks
as in the notebook, on inputs that are drawn here. A child that crashes or never ends costs
what it was doing: the next one is started, the cells are replayed, and judging goes on.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from ..exercises import judging, registry
from ..exercises.exercise import Exercise
from ..exercises.results import Result
from ..lectures import find_root, is_code, read
from ..sandbox.functions import Raised
from ..sandbox.proxy import Lost, RemoteFunction, Session, clean
from ..sandbox.walls import Sandbox, SandboxError, SandboxReport, self_test
from ..sandbox.warm import Quotas
from .notebook import Cell, normal

__all__ = ["Cell", "Grader", "Limits", "Mark", "SandboxError", "Settings", "self_test"]

STATUS = {"passed": "ok"}  # the other statuses of a check are those of a mark
STARTS, START_SECONDS = 3, 60.0
UNCHANGED = "The notebook's own cell stands there unchanged."
ALL, PLAIN, NOTHING = range(3)  # how much of a cell is run


@dataclass(frozen=True)
class Mark:
    """What one exercise of one submission is worth, and why.

    `status` is ok, wrong, error, timeout, crashed or not attempted.
    """

    exercise: str
    status: str
    points: float
    max_points: float
    misconception: str
    message: str
    seconds: float


@dataclass(frozen=True)
class Limits:
    """What student code may use. Seconds are of processor time, of all its processes together.

    By the clock it may last some times as long: machines are slow, others busy.
    """

    cell: float = 30.0
    cells: float = 120.0  # all cells of a submission; then only definitions and the like go on
    brief: float = 10.0  # the definitions and the like of one cell
    call: float = 10.0
    exercise: float = 30.0  # all calls of one check together
    submission: float = 900.0  # by the clock, everything
    crashes: int = 4  # of cells, before only definitions and the like are run
    quotas: Quotas = field(default_factory=Quotas)


@dataclass(frozen=True)
class Settings:
    """How to grade.

    Attributes:
        unsafe: go on where there is no sandbox. Student code can then do what you can do.
        limits: of time and resources.
        points: by exercise name, instead of the registry's.
    """

    unsafe: bool = False
    limits: Limits = field(default_factory=Limits)
    points: Mapping[str, float] = field(default_factory=dict)


class Grader:
    """Holds the sandbox. Use it as a context manager, in one thread.

    Args:
        settings: how to grade.
        root: the course's folder; found from the working directory by default.
        hidden: folders that submissions must not see, such as that of the submissions.

    Raises:
        SandboxError: when there is no working sandbox, and `settings.unsafe` is not set.
        LectureError: when the course's folder is not found.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        root: Path | None = None,
        hidden: Sequence[Path] = (),
    ):
        self.settings = settings or Settings()
        self.root = root or find_root()
        self.hidden = [self.root, *hidden]
        self.report = sandbox_for(self.settings)
        self._sandbox: Sandbox | None = None
        self._released: dict[str, list[str]] = {}

    def __enter__(self) -> "Grader":
        self._start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._sandbox is not None:
            self._sandbox.close()
            self._sandbox = None

    def _start(self) -> Sandbox:
        """Start a sandbox; its imports go on while we do something else."""
        self._sandbox = Sandbox(self.report, self.settings.limits.quotas, self.hidden)
        return self._sandbox

    def spawn(self) -> Session:
        """A child for one submission, which has run nothing yet.

        Raises:
            SandboxError: when none can be started. That is never a submission's fault.
        """
        reason = ""
        for _ in range(STARTS):
            if self._sandbox is not None and self._sandbox.has_ended:
                self._sandbox.close()
                self._sandbox = None
            here = self._sandbox or self._start()
            try:
                session = here.spawn()
                session.ask(None, "ready", START_SECONDS)
            except (OSError, Lost) as error:  # the warm parent was ended from outside, perhaps
                reason = str(error)
                here.close()
                self._sandbox = None
                continue
            if not here.reusable:
                self._start()  # the next one's imports go on meanwhile
            return session
        raise SandboxError(f"No submission can be started in the sandbox any more. {reason}")

    def released(self, lecture: str) -> list[str]:
        """The sources of the code cells that students are given."""
        if lecture not in self._released:
            paths = sorted((self.root / "notebooks").glob(f"{lecture}_*.ipynb"))
            cells = read(paths[0]).cells if paths else []
            self._released[lecture] = [cell.source for cell in cells if is_code(cell)]
        return self._released[lecture]

    def judge(self, cells: Sequence[Cell], lecture: str, secret: int | None = None) -> list[Mark]:
        """Marks for all exercises of the lecture, in the order of the course.

        Args:
            cells: the code cells of the submission, in their order.
            lecture: its two digits.
            secret: decides what is drawn; by default a fresh one.

        Raises:
            SandboxError: when the sandbox does not start any more.
        """
        exercises = [registry.get(n) for n in registry.names() if n.startswith(f"{lecture}.")]
        given = [cell.source for cell in cells if cell.kind == "code"]
        secret = secrets.randbits(64) if secret is None else secret
        submission = _Submission(self, exercises, given, self.released(lecture), secret)
        try:
            return submission.marks()
        finally:
            submission.close()


def sandbox_for(settings: Settings) -> SandboxReport:
    """The sandbox to use.

    Raises:
        SandboxError: when there is none and `settings.unsafe` is not set.
    """
    report = self_test()
    if report.kind != "none":
        return report
    if not settings.unsafe:
        raise SandboxError(
            f"{report.sentence} Install bubblewrap and allow user namespaces, use the container, "
            "or accept with --unsafe that student code can do whatever you can do."
        )
    return SandboxReport("none", False, f"UNSAFE: graded without a sandbox. {report.sentence}")


class _Submission:
    """One submission of one lecture while it is judged."""

    def __init__(
        self,
        grader: Grader,
        exercises: list[Exercise],
        given: list[str],
        released: list[str],
        secret: int,
    ):
        self.secret = secret
        self.grader, self.settings, self.limits = grader, grader.settings, grader.settings.limits
        self.exercises, self.given = exercises, given
        known = {normal(source) for source in released}
        changed = [source for source in given if normal(source) not in known]
        self.untouched = not changed
        # Lecture cells are the released ones, so that deleted and moved ones do no harm. They are
        # run for their imports and where an answer needs them, the others always.
        self.cells = [(source, False) for source in released]
        self.cells += [(source, True) for source in changed]
        self.how_much = [ALL] * len(self.cells)
        self.fates: dict[int, Lost] = {}  # of cells that ended their process
        self.seconds = self.limits.cells  # that are left for cells
        self.sessions: dict[int, Session] = {}  # a second one only where scripts need it
        self.half = time.monotonic() + self.limits.submission / 2  # after it, nothing is tried out
        self.end = time.monotonic() + self.limits.submission

    def close(self) -> None:
        while self.sessions:
            self.sessions.popitem()[1].close()

    def marks(self) -> list[Mark]:
        return [self.mark(exercise) for exercise in self.exercises]

    def mark(self, exercise: Exercise) -> Mark:
        start = time.monotonic()
        result = self.outcome(exercise)
        worth = float(self.settings.points.get(exercise.name, exercise.points))
        return Mark(
            exercise.name,
            STATUS.get(result.status, result.status),
            worth if result.passed else 0.0,
            worth,
            result.misconception or "",
            f"{result.message} Remark: {result.remark}" if result.remark else result.message,
            time.monotonic() - start,
        )

    def outcome(self, exercise: Exercise) -> Result:
        """A result, whose status may also be "timeout" or "crashed"."""

        def result(status: str, message: str, misconception: str | None = None) -> Result:
            return Result(exercise.name, status, message, misconception)

        if self.untouched:
            return result("not attempted", UNCHANGED)
        seed = self.seed(exercise)
        try:
            request = ("pick", exercise.function, _other(seed))

            def picked(which: int) -> tuple[Session, str, str]:
                session = self.prepare(which)
                kind, said = session.ask(request, "picked", self.limits.call, self.limits.call)
                return session, kind, said

            session, kind, said = picked(0)
            if kind != "function":
                return self.without_function(exercise, kind, said)
            limits = self.limits
            function = RemoteFunction(
                session, limits.call, limits.exercise, self.end, lambda: picked(1)[0]
            )
            return judging.judge(exercise.name, function, seed, time_limit=2 * limits.exercise)
        except Lost as lost:
            self.close()
            return result(lost.status, lost.message)
        except Raised as error:
            return result("error", error.message, error.slug)
        except SandboxError:
            raise
        except Exception as error:  # a check met what it was not written for
            self.close()
            message = f"The check could not judge this answer ({type(error).__name__})."
            return result("error", message)

    def without_function(self, exercise: Exercise, kind: str, said: str) -> Result:
        """The result where no function of the exercise's name was found."""
        name = exercise.function
        if kind == "not a function":
            message = f"`{name}` is no function, it is of type {clean(said)}."
            return Result(exercise.name, "error", message, "not-a-function")
        for i, fate in self.fates.items():
            if re.search(rf"\b{name}\b", self.cells[i][0]):
                message = f"The cell with `{name}` did not end well. {fate.message}"
                return Result(exercise.name, fate.status, message)
        if kind == "stopped":
            message = f"The cell with `{name}` did not end in time. {clean(said)}"
            return Result(exercise.name, "timeout", message)
        if kind == "failed":
            return Result(exercise.name, "error", clean(said), "cell-failed")
        there = any(re.search(rf"\b(?:def|class)\s+{name}\b", s) for s in self.given)
        message = UNCHANGED if there else f"There is no function `{name}`."
        return Result(exercise.name, "not attempted", message)

    def seed(self, exercise: Exercise) -> int:
        return _hash(f"{self.secret} {exercise.name}") % 2**32

    # --- a child that has run the cells --------------------------------------------------------

    def prepare(self, which: int) -> Session:
        """A child that has run the cells; there may be two.

        Raises:
            Lost: when there is no time left for it.
        """
        while which not in self.sessions or not self.sessions[which].open:
            if which in self.sessions:
                self.sessions.pop(which).close()
            if time.monotonic() > self.end:
                raise Lost("timeout", "The submission as a whole took too long, and was stopped.")
            session = self.grader.spawn()
            self.sessions[which] = session
            if not self.run_cells(session):
                session.close()
        return self.sessions[which]

    def run_cells(self, session: Session) -> bool:
        """Run the cells. False when one of them ended the child, and is to be left out.

        Imports, definitions and plain assignments come first, then everything in its order: so
        what takes too long, or fails, costs only what truly needs it.
        """
        names = tuple(e.function for e in self.exercises)
        request = ("load", tuple(self.cells), names)
        (planned,) = session.ask(request, "plan", self.limits.cell)
        planned = planned if isinstance(planned, tuple) else ()
        for i in planned:
            if not isinstance(i, int) or not 0 <= i < len(self.cells):
                raise Lost("crashed", "Its list of cells could not be read.")
        steps = [(i, plain_only) for plain_only in (True, False) for i in planned]
        return all(self.run(session, i, plain_only) for i, plain_only in steps)

    def run(self, session: Session, i: int, plain_only: bool) -> bool:
        """Run one cell, or only what is plain in it. False when that ended the child."""
        if self.how_much[i] == NOTHING:
            return True
        late = self.seconds <= 0 or time.monotonic() > self.half
        plain_only = plain_only or self.how_much[i] == PLAIN or late
        seconds = self.limits.brief if plain_only else min(self.limits.cell, self.seconds)
        start = time.monotonic()
        try:
            # The worker itself stops what can be stopped; the rest costs its process.
            limit = 1.5 * seconds + self.limits.brief
            said = session.ask(("run", i, plain_only, seconds), "ran", limit, limit)
        except Raised:
            return True
        except Lost as lost:
            self.seconds -= min(time.monotonic() - start, self.limits.cell)
            self.leave_out(i, lost, plain_only)
            return False
        used = said[1] if len(said) == 2 and isinstance(said[1], float) else seconds
        if not plain_only:
            self.seconds -= used if 0 <= used <= limit else seconds
            if used >= seconds:
                self.how_much[i] = PLAIN  # it was stopped: it is not tried again
        return True

    def leave_out(self, i: int, lost: Lost, plain_only: bool) -> None:
        """Of a cell that ended its child only the plain part is run, and then nothing."""
        self.how_much[i] = NOTHING if plain_only else PLAIN
        self.fates[i] = lost
        if len(self.fates) > self.limits.crashes:
            self.how_much = [max(much, PLAIN) for much in self.how_much]


def _other(seed: int) -> int:
    """A seed for the student's own draws, which says nothing about that of the inputs."""
    return _hash(f"student {seed}") % 2**32


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
