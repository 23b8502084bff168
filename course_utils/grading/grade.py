"""`course grade`: many hand-ins judged at once, results kept as they come, then the report."""

import atexit
import contextlib
import csv
import hashlib
import json
import math
import os
import platform
import secrets
import tempfile
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from ..lectures import find_root
from ..version import version as code_version
from . import gradebook, intake, notebook, report, roster
from .intake import Submission
from .marking import Cell, Grader, Mark, SandboxReport, Settings, sandbox_for
from .report import HandIn, Row, Run

if TYPE_CHECKING:
    from multiprocessing.sharedctypes import Synchronized

PATIENCE = 20  # seconds for a cluster's scheduler to answer
REPORTED = "reported.json"  # where the hand-ins of the last report lay, and whose they were
RESTARTS = 3  # of the worker processes, when one of them is killed


class Judge(Protocol):
    """What `marking.Grader` is to this module."""

    report: SandboxReport

    def judge(self, cells: Sequence[Cell], lecture: str, secret: int) -> list[Mark]: ...


MakeGrader = Callable[[Settings, Path | None, tuple[Path, ...]], AbstractContextManager[Judge]]


@dataclass(frozen=True)
class Task:
    """One submission to judge: all a worker needs, on this machine or another."""

    key: str
    text: Path | None  # the file with its code cells, on this machine
    lecture: str
    secret: int = 0  # decides what is drawn for this hand-in alone
    version: str = ""  # of the course's code that a cluster's worker must have
    cells: tuple[Cell, ...] = ()  # where the file is not to be had


@dataclass(frozen=True)
class Setup:
    """What a worker's grader is made from: the course's folder, and what it hides from students.

    On a cluster each worker finds the course's folder by itself.
    """

    make: MakeGrader
    settings: Settings
    root: Path | None = None
    hidden: tuple[Path, ...] = ()

    def __hash__(self) -> int:
        return hash((self.make, self.root, self.hidden))  # the settings hold a mapping


@dataclass(frozen=True)
class Outcome:
    """What a worker sends back: marks, or why there are none."""

    marks: tuple[Mark, ...]
    sandbox: str = ""
    unsafe: bool = False
    fault: str = ""
    seed: int = 0  # of the run in which it was judged


@dataclass(frozen=True)
class Options:
    """How `course grade` was asked to work."""

    jobs: int = 1
    scheduler: str = ""
    unsafe: bool = False
    seed: int | None = None
    students: str = ""  # whose a file is, one of `names.PATTERNS`
    student: str = ""  # judge this one anew, and leave the others
    points: Mapping[str, float] | None = None
    roster: Path | None = None
    export: str = ""  # one of `gradebook.EXPORTS`
    due: str = ""


@dataclass
class Graded:
    """What came of a run.

    Attributes:
        rows: of grades.csv.
        notes: a sentence for each file that does not count, and what else the instructor must know.
        faults: one for each submission that could not be judged for a reason that is not its own.
    """

    rows: list[Row]
    notes: list[str]
    faults: list[str]


def grade(
    submissions: Path,
    out: Path,
    root: Path,
    options: Options | None = None,
    make_grader: MakeGrader = Grader,
    names: Sequence[str] | None = None,
) -> Graded:
    """Judge every submission that has no result yet, and write the report.

    Args:
        submissions: a folder or a zip, see `intake.collect`.
        out: the folder of the report; results in it are taken up again.
        root: the course's folder.
        options: how to work.
        make_grader: what judges, for tests.
        names: all exercises, by default the registry's.

    Raises:
        LectureError: when there is nothing to grade.
        ValueError: when there is no sandbox, a cluster does not answer, a roster or a mark by hand
            cannot be read, or the report in `out` is on other hand-ins, whose grades would be lost.
    """
    from ..exercises import registry

    options = options or Options()
    names = registry.names() if names is None else names
    worth = {name: float(registry.get(name).points) for name in names} | dict(options.points or {})
    people = roster.read_roster(options.roster) if options.roster else []
    marks = gradebook.read_by_hand(out / gradebook.BY_HAND, names)
    due = gradebook.read_due(options.due) if options.due else None
    parts = out / ".parts"
    parts.mkdir(parents=True, exist_ok=True)
    known = notebook.course(root, names)
    with (
        tempfile.TemporaryDirectory(prefix="course-hand-ins-") as spool,
        _environment(TORCHINDUCTOR_CACHE_DIR=f"{spool}/torch"),  # else it leaves a folder behind
    ):
        found, notes = intake.collect(submissions, known, Path(spool), out, options.students)
        _require_same_class(parts, submissions, found)
        hidden = (_place(submissions), out.resolve())
        setup = Setup(make_grader, Settings(unsafe=options.unsafe, points=worth), root, hidden)
        outcomes = _outcomes(found, parts, setup, options, {name[:2] for name in names})
    if options.student:
        notes += [
            f"{given.student}, lecture {given.lecture}: not judged yet, and left out."
            for given in found
            if given.text and given.lecture in known.lectures and given not in outcomes
        ]
        found = [g for g in found if not g.text or g in outcomes or not _exercises(g, worth)]
    rows = [row for given in found for row in _rows(given, outcomes.get(given), worth)]
    rows, more = gradebook.with_marks(rows, marks)
    notes += more
    late = {(g.student, g.lecture) for g in found if g.late or (due and _after(g, due))}
    if due:
        notes.append(gradebook.RULE.format(due=f"{due:%Y-%m-%d %H:%M}"))
    notes += _write_gradebook(out, rows, found, late, people, options.export)
    run = _run(outcomes)
    remarks: dict[tuple[str, str], list[str]] = {}
    for given in found:
        if given in outcomes:
            remarks.setdefault((given.student, given.lecture), []).extend(given.problems)
    hand_ins = {
        (g.student, g.lecture): HandIn(
            known.titles.get(g.lecture, ""), _in_words(g.time), (g.student, g.lecture) in late
        )
        for g in found
    }
    report.write(out, rows, run, remarks, notes, hand_ins)
    handed_in = sorted({(given.student, given.lecture) for given in found})
    report.write_file(parts / REPORTED, json.dumps([str(submissions.resolve()), handed_in]))
    faults = [
        f"{given.student}, lecture {given.lecture}: {outcome.fault}"
        for given, outcome in outcomes.items()
        if outcome.fault
    ]
    return Graded(rows, notes, faults)


def _outcomes(
    found: Sequence[Submission],
    parts: Path,
    setup: Setup,
    options: Options,
    exercised: Collection[str],
) -> dict[Submission, Outcome]:
    """The result of each submission that has exercises: an earlier one, or a new one.

    With `options.student` only theirs are judged, all of them anew.
    """
    from tqdm.auto import tqdm

    seed = secrets.randbits(62) if options.seed is None else options.seed
    root = setup.root or find_root()
    released = _digest(root, (root / "notebooks").glob("*.ipynb"))
    tasks = {
        given: _task(given, setup.settings, released, options.seed, seed)
        for given in found
        if given.text and given.lecture in exercised
    }
    chosen = {task.key for given, task in tasks.items() if given.student == options.student}
    if options.student and not chosen:
        raise ValueError(f"There is no hand-in of a student '{options.student}' to judge.")
    done = {
        task.key: outcome
        for task in tasks.values()
        if task.key not in chosen and (outcome := _stored(parts, task.key))
    }
    todo = [task for task in tasks.values() if task.key not in done]
    todo = [task for task in todo if not chosen or task.key in chosen]
    if todo:
        if options.scheduler:
            there = replace(setup, root=None, hidden=())
            outcomes = _on_cluster(todo, there, options.scheduler)
        else:
            sandbox_for(setup.settings)  # refuses at once where there is none
            outcomes = _on_this_machine(todo, setup, options.jobs)
        total = {"total": len(todo) + len(done), "initial": len(done), "unit": "submission"}
        with tqdm(outcomes, desc="grading", **total, delay=2, leave=False) as bar:
            for key, judged in bar:
                done[key] = outcome = replace(judged, seed=seed)
                if not outcome.fault:  # the next run tries the others again
                    _store(parts, key, outcome)
    return {given: done[task.key] for given, task in tasks.items() if task.key in done}


def _run(outcomes: Mapping[Submission, Outcome]) -> Run:
    sandboxes = sorted({outcome.sandbox for outcome in outcomes.values() if outcome.sandbox})
    return Run(
        course=code_version(),
        python=platform.python_version(),
        torch=_torch_version(),
        platform=f"{platform.system()} {platform.machine()}",
        seeds=_seeds(outcomes),
        sandbox=" / ".join(sandboxes) or "nothing was run",
        unsafe=any(outcome.unsafe for outcome in outcomes.values()),
    )


def _write_gradebook(
    out: Path,
    rows: Sequence[Row],
    found: Sequence[Submission],
    late: Collection[tuple[str, str]],
    people: Sequence[roster.Person],
    kind: str,
) -> list[str]:
    """Write totals.csv and what is exported; a note for each who is not found in the roster."""
    notes, persons = [], {}
    if people:
        numbers = {given.student: given.number for given in found}
        persons, notes = roster.match(numbers.items(), people)
    given = gradebook.lines(rows, late, people, persons)
    worth = gradebook.possible(rows)
    mark = "\ufeff"  # by which spreadsheets see that it is UTF-8
    report.write_file(out / "totals.csv", mark + gradebook.totals(given, worth))
    if kind:
        report.write_file(out / f"{kind}.csv", mark + gradebook.export(kind, given, worth))
    return notes


def _exercises(given: Submission, worth: Mapping[str, float]) -> list[str]:
    mine = f"{given.lecture}."
    return [name for name in worth if name.startswith(mine)] if given.lecture else []


def _after(given: Submission, due: datetime) -> bool:
    return given.time > due.timestamp()


def _in_words(time: float) -> str:
    return f"{datetime.fromtimestamp(time).astimezone():%Y-%m-%d %H:%M %Z}" if time > 0 else ""


def _place(submissions: Path) -> Path:
    """The folder that students must not see into, where their hand-ins lie."""
    return submissions.resolve() if submissions.is_dir() else submissions.resolve().parent


def read_points(path: Path, names: Collection[str]) -> dict[str, float]:
    """Points by exercise, from a file with one `NN.name,points` on each line.

    Raises:
        ValueError: for a line that is not so; the line is named.
    """
    points: dict[str, float] = {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, line in enumerate(csv.reader(file), start=1):
            cells = [cell.strip() for cell in line]
            if not any(cells) or cells[0].startswith("#") or cells == ["exercise", "points"]:
                continue
            place = f"{path.name}, line {number}:"
            if len(cells) != 2:
                raise ValueError(f"{place} write `NN.name,points`, not `{','.join(cells)}`.")
            name, text = cells
            if name not in names:
                raise ValueError(f"{place} there is no exercise '{name}'.")
            if name in points:
                raise ValueError(f"{place} '{name}' has points already.")
            try:
                value = float(text)
            except ValueError:
                value = math.nan
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{place} '{text}' is not a number of points.")
            points[name] = value
    return points


# --- one submission --------------------------------------------------------------------------


def _task(
    given: Submission, settings: Settings, released: str, asked: int | None, seed: int
) -> Task:
    """The work, with a key that changes whenever its result could, and a secret of its own.

    Args:
        asked: the seed that the instructor asked for, which is then part of the key.
        seed: that one, or this run's own.
    """
    content = (
        code_version(),
        released,
        given.student,
        given.lecture,
        given.digest,
        (asked, settings.unsafe),
    )
    key = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]
    secret = hashlib.sha256(f"{seed} {given.student} {given.lecture}".encode()).digest()[:8]
    return Task(key, given.text, given.lecture, int.from_bytes(secret, "big"))


def _seeds(outcomes: Mapping[Submission, Outcome]) -> dict[str, list[str]]:
    """By seed: what was judged with it. `--seed` draws the same again."""
    found: dict[str, list[str]] = {}
    for given, outcome in outcomes.items():
        found.setdefault(str(outcome.seed), []).append(f"{given.student}, {given.lecture}")
    return found


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _rows(given: Submission, outcome: Outcome | None, worth: Mapping[str, float]) -> list[Row]:
    """The lines of grades.csv of one submission; there is at least one."""
    mine = _exercises(given, worth)
    if outcome is None:  # it cannot be judged: its first problem says why
        status = "not attempted" if given.readable else "error"
        why = given.problems[0] if given.problems else "There are no exercises in this lecture."
        return [
            Row(given.student, given.lecture, name, status, 0, worth.get(name, 0), "", why)
            for name in mine or [""]
        ]
    why = outcome.fault or "The grader has no mark for it."
    nothing = {name: Mark(name, "crashed", 0, 0, "", why, 0) for name in mine}
    marks = nothing | {mark.exercise: mark for mark in outcome.marks if mark.exercise in nothing}
    return [
        Row(
            given.student,
            given.lecture,
            name,
            mark.status,
            worth[name] if mark.status == "ok" else 0,
            worth[name],
            mark.misconception or "",
            mark.message,
        )
        for name, mark in marks.items()
    ]


# --- results kept between runs ---------------------------------------------------------------


def _require_same_class(parts: Path, submissions: Path, found: Sequence[Submission]) -> None:
    """A report holds one class: another folder's hand-ins would take the place of its grades.

    From the same folder or zip a hand-in may have been deleted; another one must hold all old ones.
    """
    try:
        place, before = json.loads((parts / REPORTED).read_text(encoding="utf-8"))
        lost = {tuple(pair) for pair in before} - {(g.student, g.lecture) for g in found}
    except (OSError, ValueError, TypeError):
        return
    if lost and place != str(submissions.resolve()):
        others = f"{len(before)} other hand-in{'s' if len(before) > 1 else ''}"
        raise ValueError(
            f"{parts.parent} holds the grades of {others}, and {len(lost)} of them are not in "
            f"{submissions}: name another folder with --out, or put all hand-ins of the class into "
            "one folder."
        )


def _store(parts: Path, key: str, outcome: Outcome) -> None:
    report.write_file(parts / f"{key}.json", json.dumps(asdict(outcome)))


def _stored(parts: Path, key: str) -> Outcome | None:
    """The result of an earlier run; None where there is none, or a damaged one."""
    try:
        stored = json.loads((parts / f"{key}.json").read_text(encoding="utf-8"))
        marks = tuple(Mark(**mark) for mark in stored["marks"])
        return Outcome(marks, stored["sandbox"], stored["unsafe"], seed=stored["seed"])
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _torch_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("torch")
    except PackageNotFoundError:
        return "none"


# --- workers ---------------------------------------------------------------------------------


def _on_this_machine(
    tasks: Sequence[Task], setup: Setup, jobs: int
) -> Iterator[tuple[str, Outcome]]:
    """Judge all tasks; each key comes out once, in any order."""
    if jobs > 1:
        yield from _in_processes(tasks, setup, min(jobs, len(tasks)))
        return
    try:
        for task in tasks:
            yield task.key, judge(task, setup)
    finally:
        close_graders()


_lock = threading.Lock()  # a cluster's worker may have several threads, and a grader has one pipe
_graders: dict[
    Setup, tuple[AbstractContextManager, Judge]
] = {}  # this process's, kept warm from task to task


def judge(task: Task, setup: Setup) -> Outcome:
    """Judge one submission with this process's grader; a grader that fails is made anew."""
    if task.version and task.version != code_version():
        return Outcome((), fault="a worker has another version of the course.")
    with _lock:
        try:
            grader = _grader(setup)
            cells = notebook.stored(task.text) if task.text else task.cells
            marks = tuple(grader.judge(cells, task.lecture, task.secret))
            return Outcome(marks, grader.report.sentence, grader.report.kind == "none")
        except Exception as error:
            close_graders()
            reason = " ".join(str(error).split())[:200]
            return Outcome((), fault=f"the grader stopped with {type(error).__name__}: {reason}")


def _grader(setup: Setup) -> Judge:
    if setup not in _graders:
        close_graders()
        manager = setup.make(setup.settings, setup.root, setup.hidden)
        _graders[setup] = manager, manager.__enter__()
    return _graders[setup][1]


@atexit.register
def close_graders() -> None:
    """End the sandboxes of this process."""
    while _graders:
        _graders.popitem()[1][0].__exit__(None, None, None)


def _in_processes(tasks: Sequence[Task], setup: Setup, jobs: int) -> Iterator[tuple[str, Outcome]]:
    """Judge in several processes of one thread each; one that is killed is replaced."""
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    left = {task.key: task for task in tasks}
    spawn = get_context("spawn")
    for _ in range(RESTARTS):
        # Several processes with several threads each would take the cores from each other.
        one_thread, places = _environment(OMP_NUM_THREADS="1"), spawn.Value("i", 0)
        pool_of = ProcessPoolExecutor(jobs, spawn, _take_share, (places, jobs))
        with one_thread, pool_of as pool:
            futures = {pool.submit(judge, task, setup): key for key, task in left.items()}
            try:
                for future in as_completed(futures):
                    outcome = future.result()
                    del left[futures[future]]
                    yield futures[future], outcome
            except BrokenProcessPool:
                continue
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        return
    for key in left:
        yield key, Outcome((), fault="its worker process was killed, several times.")


def _take_share(places: "Synchronized", jobs: int) -> None:
    """Keep this worker, and the hand-ins that it judges, to its share of the processors.

    So whatever one of them does leaves the others theirs. A hand-in cannot leave its share:
    seccomp.py refuses that call.
    """
    with places.get_lock():
        place, places.value = places.value, places.value + 1
    if hasattr(os, "sched_setaffinity"):  # not on macOS
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, share(sorted(os.sched_getaffinity(0)), place, jobs))


def share(processors: Sequence[int], place: int, jobs: int) -> set[int]:
    """The processors of one of several workers: all differ while there are enough.

    >>> share([0, 1, 2, 3, 4], 1, 2), share([0, 1], 3, 4)
    ({1, 3}, {1})
    """
    return set(processors[place % jobs % len(processors) :: jobs])


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Environment variables for what is started within."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _portable(task: Task, version: str) -> Task:
    """The task as it can be sent to another machine."""
    cells = notebook.stored(task.text) if task.text else task.cells
    return replace(task, text=None, cells=cells, version=version)


def _on_cluster(tasks: Sequence[Task], setup: Setup, address: str) -> Iterator[tuple[str, Outcome]]:
    """Judge on the workers of a dask.distributed cluster, which has the course installed."""
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise ValueError(
            "--scheduler needs dask.distributed: `pip install distributed`, or the course's extra "
            "`cluster`."
        ) from error
    try:
        client = Client(address, timeout=PATIENCE)
    except (OSError, ValueError) as error:
        raise ValueError(f"No scheduler answers at {address}.") from error
    with client:
        # A lost worker's tasks are given to another one: they have no effect but their result.
        version = code_version()
        keys = {f"course-{task.key}": task.key for task in tasks}
        futures = as_completed(
            client.submit(
                judge, _portable(task, version), setup, key=f"course-{task.key}", retries=1
            )
            for task in tasks
        )
        for future in futures:
            error = future.exception()
            reason = f"the cluster gave it up: {type(error).__name__}."
            outcome = Outcome((), fault=reason) if error else future.result()
            future.release()  # else what a lost worker has done already would be done again
            yield keys[future.key], outcome
