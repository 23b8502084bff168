"""`course verify`: proves the course itself.

Every official solution and every right answer passes its check, every untouched stub is "not
attempted", every known mistake, judged as a student's answer, is told its own sentence, every wrong
answer fails with its misconception named, and notebooks/ is what solutions/ makes. Right and wrong
answers stand in tests/answers/lectureNN/, a file for each exercise.
"""

import ast
import importlib.util
import itertools
import math
import statistics
import time
import warnings
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from nbformat import NotebookNode

from ..lectures import LectureError, is_code, lecture_of, read, sources
from . import build
from .children import side_by_side

if TYPE_CHECKING:
    from ..exercises.exercise import Mistake
    from ..exercises.results import Result

MIN_RIGHT = 2
MIN_MISTAKES = 3  # known ones and wrong answers together
FAST = 50  # ms: half of the checks should take less
# A check that takes longer than this trains something: what is wrong there meets fewer draws.
SLOW, SHARE, LEAST = 200, 5, 3  # ms; one seed in so many, and no fewer than that

Judge = Callable[..., "Result"]  # judge(name, function, seed=...)


@dataclass(frozen=True)
class Case:
    """One exercise and all functions that are tried on it."""

    exercise: str
    solution: Callable | None
    stub: Callable | None
    right: list[Callable] = field(default_factory=list)
    wrong: list[tuple[str, Callable]] = field(default_factory=list)  # (misconception, function)
    mistakes: list["Mistake"] = field(default_factory=list)


@dataclass
class Row:
    """What was found about one exercise."""

    exercise: str
    solution: str = "missing"
    stub: str = "missing"
    right: tuple[int, int] = (0, 0)  # those that pass, of all
    wrong: tuple[int, int] = (0, 0)  # those that are named, of all
    mistakes: tuple[int, int] = (0, 0)  # those that are told their own sentence, of all
    seconds: list[float] = field(default_factory=list)  # of each check that passed
    faults: list[str] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        return 1000 * statistics.median(self.seconds) if self.seconds else math.nan


# --- what is judged --------------------------------------------------------------------------


def functions(notebook: NotebookNode, names: Collection[str]) -> dict[str, Callable]:
    """The notebook's functions of these names, with its imports and nothing else of it.

    One may call those above it: a loss is made of a likelihood. A cell that fails to parse or an
    import that fails is skipped: the function that needed it will say so when it is called.
    """
    statements = list(_statements(notebook))
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {}
    above: list[ast.stmt] = []
    for node in statements:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in names:
            above.append(node)
            namespace: dict[str, object] = {}
            for statement in [*imports, *above]:
                _run(statement, namespace)
            if node.name in namespace:
                found[node.name] = namespace[node.name]
    return found


def _statements(notebook: NotebookNode) -> Iterator[ast.stmt]:
    """The top-level statements of all code cells; magics count as calls."""
    from IPython.core.inputtransformer2 import TransformerManager

    for cell in filter(is_code, notebook.cells):
        try:
            yield from ast.parse(TransformerManager().transform_cell(cell.source)).body
        except SyntaxError:
            continue


def _run(statement: ast.stmt, namespace: dict[str, object]) -> None:
    try:
        exec(compile(ast.Module([statement], []), "<lecture>", "exec"), namespace)
    except Exception:
        return


@dataclass(frozen=True)
class Answers:
    """What stands in tests/answers for one exercise."""

    right: list[Callable]
    wrong: list[tuple[str, Callable]]  # (misconception, function)


def answers(root: Path, lecture: str) -> dict[str, Answers]:
    """RIGHT and WRONG of tests/answers/lectureNN/*.py by exercise; empty without such a folder.

    Raises:
        LectureError: when a file cannot be imported.
    """
    found: dict[str, Answers] = {}
    for path in sorted((root / "tests" / "answers" / f"lecture{lecture}").glob("[!_]*.py")):
        module = _imported(path, f"answers_{lecture}_{path.stem}")
        found[f"{lecture}.{path.stem}"] = Answers(list(module.RIGHT), list(module.WRONG))
    return found


def _imported(path: Path, name: str) -> ModuleType:
    spec: Any = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        place = f"tests/answers/{path.parent.name}/{path.name}"
        raise LectureError(f"{place} fails with {reason}") from error
    return module


def cases(
    root: Path,
    lectures: Collection[str],
    names: Collection[str],
    mistakes: Callable[[str], list["Mistake"]] = lambda _: [],
) -> tuple[list[Case], list[str]]:
    """Everything there is to judge, in the order of the course, and what is out of place."""
    solved = _functions_by_lecture(sources(root, lectures), names)
    stubs = _functions_by_lecture(sorted((root / "notebooks").glob("*.ipynb")), names)
    found, faults = [], []
    chosen = lectures or sorted({name[:2] for name in names})
    given: dict[str, Answers] = {}
    for lecture in chosen:
        mine = answers(root, lecture)
        for name in sorted({*mine} - {*names}):
            faults.append(f"tests/answers/lecture{lecture} holds answers to an unknown '{name}'.")
        given |= mine
    for lecture in chosen:
        for name in [name for name in names if name.startswith(f"{lecture}.")]:
            function = name.split(".")[1]
            found.append(
                Case(
                    name,
                    solved.get(lecture, {}).get(function),
                    stubs.get(lecture, {}).get(function),
                    *((given[name].right, given[name].wrong) if name in given else ([], [])),
                    mistakes(name),
                )
            )
    return found, faults


def _functions_by_lecture(
    paths: list[Path], names: Collection[str]
) -> dict[str, dict[str, Callable]]:
    """The exercises' functions in each notebook that can be read."""
    found = {}
    for path in paths:
        wanted = {n.split(".")[1] for n in names if n.startswith(f"{lecture_of(path)}.")}
        try:
            found[lecture_of(path)] = functions(read(path), wanted)
        except LectureError:
            continue  # `build` has named it already
    return found


# --- judging ---------------------------------------------------------------------------------


def judge_case(case: Case, judge: Judge, seeds: range) -> Row:
    """Judge all functions of an exercise under every seed; wrong ones under fewer if it is slow."""
    row = Row(case.exercise)

    def as_expected(
        what: str,
        function: Callable,
        expected: str,
        seeds: range = seeds,
        holds: Callable[[str, "Result"], bool] = _is,
    ) -> bool:
        """Is the outcome under every seed the expected status, misconception or sentence?"""
        failed = {}
        for seed in seeds:
            start = time.perf_counter()
            result = judge(case.exercise, function, seed=seed)
            if result.passed:
                row.seconds.append(time.perf_counter() - start)
            if not holds(expected, result):
                message = " ".join(result.message.split())
                failed[seed] = f"{result.status} ({result.misconception}): {message}"
        if failed:
            seed, outcome = next(iter(failed.items()))
            more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
            row.faults.append(
                f"{case.exercise}: {what} should be '{expected}'; under seed {seed}{more} it is "
                + outcome
            )
        return not failed

    if case.solution is None:
        row.faults.append(f"{case.exercise}: there is no official solution in solutions/.")
    else:
        passed = as_expected("the official solution", case.solution, "passed")
        row.solution = "passes" if passed else "fails"
    if case.stub is None:
        row.faults.append(f"{case.exercise}: there is no stub in notebooks/.")
    else:
        silent = as_expected("the untouched stub", case.stub, "not attempted", seeds[:1])
        row.stub = "not attempted" if silent else "attempted"
    good = [as_expected(f"the right answer {_name(f)}", f, "passed") for f in case.right]
    few = seeds[: fewer(len(seeds))] if row.milliseconds > SLOW else seeds
    named = [as_expected(f"the wrong answer {_name(f)}", f, slug, few) for slug, f in case.wrong]
    told = [
        as_expected(f"the mistake '{m.slug}'", m.function, m.message, few, _is_told)
        for m in case.mistakes
    ]
    row.right, row.wrong, row.mistakes = ((sum(x), len(x)) for x in (good, named, told))
    place = f"tests/answers/lecture{case.exercise.replace('.', '/')}.py"
    if len(good) < MIN_RIGHT:
        row.faults.append(
            f"{case.exercise}: has fewer than {MIN_RIGHT} right answers; write them in {place}."
        )
    if len(named) + len(told) < MIN_MISTAKES:
        row.faults.append(
            f"{case.exercise}: has fewer than {MIN_MISTAKES} mistakes and wrong answers; write "
            f"mistakes beside its laws, and what they do not cover in {place}."
        )
    return row


def fewer(seeds: int) -> int:
    """How many of the draws a wrong answer meets where a check trains."""
    return max(LEAST, seeds // SHARE)


def _name(function: Callable) -> str:
    return getattr(function, "__name__", repr(function))


def _is(expected: str, result: "Result") -> bool:
    """Is this the status that is expected or, of one who did not pass, the misconception?"""
    if expected in ("passed", "not attempted"):
        return result.status == expected
    return not result.passed and result.misconception == expected


def _is_told(sentence: str, result: "Result") -> bool:
    return not result.passed and result.message == sentence


# --- the whole course ------------------------------------------------------------------------


def verify(
    root: Path,
    lectures: Collection[str] = (),
    seeds: int = 20,
    names: Collection[str] | None = None,
    judge: Judge | None = None,
    jobs: int | None = 1,
) -> tuple[list[Row], list[str]]:
    """Prove the lectures, all or the named ones.

    Args:
        root: the course's folder.
        lectures: their two digits; all by default.
        seeds: how many draws of fresh inputs each function meets.
        names: all exercises, by default the registry's.
        judge: what judges them, by default the registry.
        jobs: exercises at a time, each in a process of its own; None for one per processor.

    Returns:
        One row per exercise, and what is wrong with the notebooks, one sentence each.

    Raises:
        LectureError: for a lecture that is not there, and for answers that cannot be imported.
    """
    from tqdm.auto import tqdm

    from ..exercises import judging, registry

    ours = names is None
    names = registry.names() if names is None else names
    judge = judge or judging.judge
    work, faults = cases(root, lectures, names, known_mistakes if ours else lambda _: [])
    # The longest first, so that none is left alone at the end.
    order = work if jobs == 1 else sorted(work, key=lambda c: _cost(c, judge), reverse=True)
    judged = side_by_side(partial(judge_case, judge=judge, seeds=range(seeds)), order, jobs)
    bar = tqdm(judged, "judged", len(work), unit="exercise", delay=2, leave=False, smoothing=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # wrong answers earn some
        found = {row.exercise: row for _, row in bar}
    rows = [found[case.exercise] for case in work]
    return rows, [*_notebook_faults(root, names), *faults]


def _cost(case: Case, judge: Judge) -> float:
    """About how long the exercise takes: all of its functions as long as the official one."""
    if case.solution is None:
        return 0.0
    start = time.perf_counter()
    judge(case.exercise, case.solution, seed=0)
    each = time.perf_counter() - start
    return each * (len(case.right) + len(case.wrong) + len(case.mistakes))


def known_mistakes(name: str) -> list["Mistake"]:
    """The mistakes that the registry's exercise of that name knows."""
    from ..exercises import registry

    return registry.get(name).mistakes


def _notebook_faults(root: Path, names: Collection[str]) -> list[str]:
    """Why notebooks/ is not what solutions/ makes."""
    try:
        return build.differences(root, build.build_all(root, names))
    except LectureError as error:
        return str(error).splitlines()


def table(rows: list[Row], seeds: int) -> str:
    """One block per lecture: each exercise, what was judged, and the time of a passing check."""
    lines = [
        f"Under {seeds} seeds: right answers that pass / all, wrong ones named / all, known "
        "mistakes told their own sentence / all (where a check trains, wrong ones and mistakes "
        f"under {fewer(seeds)})."
    ]
    for lecture, block in itertools.groupby(rows, lambda row: row.exercise[:2]):
        heads = ("solution", "stub", "right", "wrong", "mistakes", "median ms")
        lines += ["", _line(f"lecture {lecture}", *heads)]
        for row in block:
            shares = (f"{some}/{all_}" for some, all_ in (row.right, row.wrong, row.mistakes))
            found = (row.solution, row.stub, *shares)
            lines.append(_line(row.exercise[3:], *found, f"{row.milliseconds:.1f}"))
    fast = sum(row.milliseconds < FAST for row in rows)
    told, known = (sum(row.mistakes[i] for row in rows) for i in (0, 1))
    lines += [
        "",
        f"{fast} of {len(rows)} checks take less than {FAST} ms.",
        f"{told} of {known} mistakes are told their own sentence.",
    ]
    return "\n".join(lines)


def _line(name: str, *cells: str) -> str:
    return f"{name:<28}" + "".join(f"{cell:>15}" for cell in cells)
