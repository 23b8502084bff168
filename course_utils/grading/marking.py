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
from .notebook import Cell

__all__ = ["Cell", "Grader", "Limits", "Mark", "SandboxError", "Settings", "self_test"]

STATUS = {"passed": "ok"}  # the other statuses of a check are those of a mark
STARTS, START_SECONDS = 3, 60.0
UNCHANGED = "The notebook's own cell stands there unchanged."
ALL, DEFINITIONS, NOTHING = range(3)  # how much of a cell is run


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
    """Seconds that student code may take, and what it may use."""

    cell: float = 30.0
    cells: float = 120.0  # all cells of a submission together
    call: float = 10.0
    exercise: float = 30.0  # all calls of one check together
    submission: float = 300.0
    crashes: int = 4  # of cells, before only definitions are run
    quotas: Quotas = field(default_factory=Quotas)


@dataclass(frozen=True)
class Settings:
    """How to grade.

    Attributes:
        unsafe: go on where there is no sandbox. Student code can then do what you can do.
        seed: draw the same inputs again; otherwise they are new for each submission.
        limits: of time and resources.
        points: by exercise name, instead of the registry's.
    """

    unsafe: bool = False
    seed: int | None = None
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

    def _start(self) -> None:
        """Start a sandbox; its imports go on while we do something else."""
        self._sandbox = Sandbox(self.report, self.settings.limits.quotas, self.hidden)

    def spawn(self) -> Session:
        """A child for one submission, which has run nothing yet.

        Raises:
            SandboxError: when none can be started. That is never a submission's fault.
        """
        reason = ""
        for _ in range(STARTS):
            if self._sandbox is not None and self._sandbox.process.poll() is not None:
                self._sandbox.close()
                self._sandbox = None
            if self._sandbox is None:
                self._start()
            try:
                session = self._sandbox.spawn()
                session.ask(None, "ready", START_SECONDS)
            except (OSError, Lost) as error:  # the warm parent was ended from outside, perhaps
                reason = str(error)
                self._sandbox.close()
                self._sandbox = None
                continue
            if not self._sandbox.reusable:
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

    def judge(self, cells: Sequence[Cell], lecture: str) -> list[Mark]:
        """Marks for all exercises of the lecture, in the order of the course.

        Args:
            cells: the code cells of the submission, in their order.
            lecture: its two digits.

        Raises:
            SandboxError: when the sandbox does not start any more.
        """
        exercises = [registry.get(n) for n in registry.names() if n.startswith(f"{lecture}.")]
        given = [cell.source for cell in cells if cell.kind == "code"]
        submission = _Submission(self, exercises, given, self.released(lecture))
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


def normal(source: str) -> str:
    """A cell's source without what editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


class _Submission:
    """One submission of one lecture while it is judged."""

    def __init__(
        self, grader: Grader, exercises: list[Exercise], given: list[str], released: list[str]
    ):
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
        self.session: Session | None = None
        self.end = time.monotonic() + self.limits.submission

    def close(self) -> None:
        if self.session is not None:
            self.session.close()
            self.session = None

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
            result.message,
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
            self.prepare()
            request = ("pick", exercise.function, _other(seed))
            kind, said = self.session.ask(request, "picked", self.limits.call)
            if kind != "function":
                return self.without_function(exercise, kind, said)
            function = RemoteFunction(self.session, self.limits.call, self.limits.exercise)
            return judging.judge(exercise.name, function, seed, time_limit=2 * self.limits.exercise)
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
        if kind == "failed":
            return Result(exercise.name, "error", clean(said), "cell-failed")
        there = any(re.search(rf"\bdef\s+{name}\b", source) for source in self.given)
        message = UNCHANGED if there else f"There is no function `{name}`."
        return Result(exercise.name, "not attempted", message)

    def seed(self, exercise: Exercise) -> int:
        if self.settings.seed is None:
            return secrets.randbits(32)
        return _hash(f"{self.settings.seed} {exercise.name}") % 2**32

    # --- a child that has run the cells --------------------------------------------------------

    def prepare(self) -> None:
        """See to it that a child has run the cells.

        Raises:
            Lost: when there is no time left for it.
        """
        if self.session is not None and self.session.open:
            return
        while True:
            self.close()
            if time.monotonic() > self.end:
                raise Lost("timeout", "The submission as a whole took too long, and was stopped.")
            self.session = self.grader.spawn()
            if self.run_cells():
                return

    def run_cells(self) -> bool:
        """Run the cells. False when one of them ended the child, and is to be left out."""
        names = tuple(e.function for e in self.exercises)
        request = ("load", tuple(self.cells), names)
        (planned,) = self.session.ask(request, "plan", self.limits.cell)
        planned = planned if isinstance(planned, tuple) else ()
        end = min(time.monotonic() + self.limits.cells, self.end)
        for i in planned:
            if not isinstance(i, int) or not 0 <= i < len(self.cells):
                raise Lost("crashed", "Its list of cells could not be read.")
            if self.how_much[i] == NOTHING:
                continue
            seconds = max(0.0, min(self.limits.cell, end - time.monotonic()))
            try:
                self.session.ask(("run", i, self.how_much[i] == DEFINITIONS), "ran", seconds)
            except Raised:
                continue
            except Lost as lost:
                self.leave_out(i, lost)
                return False
        return True

    def leave_out(self, i: int, lost: Lost) -> None:
        """Of a cell that ended its child only the definitions are run, and then nothing."""
        self.how_much[i] += 1
        self.fates[i] = lost
        if len(self.fates) > self.limits.crashes:
            self.how_much = [max(much, DEFINITIONS) for much in self.how_much]


def _other(seed: int) -> int:
    """A seed for the student's own draws, which says nothing about that of the inputs."""
    return _hash(f"student {seed}") % 2**32


def _hash(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
