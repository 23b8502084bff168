"""`course verify`: proves the course itself.

Every official solution and every alternative passes its check, every untouched stub is "not
attempted", every mutant fails with its misconception named, and notebooks/ is what solutions/
makes. Alternatives and mutants stand in tests/answers/lectureNN.py.
"""

import ast
import importlib.util
import itertools
import math
import statistics
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from . import build
from .lectures import LectureError, is_code, lecture_of, read, sources

if TYPE_CHECKING:
    from ..exercises.results import Result

MIN_ALTERNATIVES = 2
MIN_MUTANTS = 3
FAST = 50  # ms: half of the checks should take less

Judge = Callable[..., "Result"]  # judge(name, function, seed=...)


@dataclass(frozen=True)
class Case:
    """One exercise and all functions that are tried on it."""

    exercise: str
    solution: Callable | None
    stub: Callable | None
    alternatives: list[Callable]
    mutants: list[tuple[str, Callable]]  # (misconception, function)

    def count(self, seeds: int) -> int:
        """How many checks it takes."""
        functions = (self.solution is not None) + len(self.alternatives) + len(self.mutants)
        return functions * seeds + (self.stub is not None)


@dataclass
class Row:
    """What was found about one exercise."""

    exercise: str
    solution: str = "missing"
    stub: str = "missing"
    alternatives: str = "0/0"
    mutants: str = "0/0"
    seconds: list[float] = field(default_factory=list)  # of each check that passed
    faults: list[str] = field(default_factory=list)

    @property
    def milliseconds(self) -> float:
        return 1000 * statistics.median(self.seconds) if self.seconds else math.nan


# --- what is judged --------------------------------------------------------------------------


def functions(notebook: NotebookNode, names: Collection[str]) -> dict[str, Callable]:
    """The notebook's functions of these names, with its imports and nothing else of it.

    A cell that fails to parse or an import that fails is skipped: the function that needed it
    will say so when it is called.
    """
    statements = list(_statements(notebook))
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    found = {}
    for node in statements:
        if isinstance(node, ast.FunctionDef) and node.name in names:
            namespace: dict[str, object] = {}
            for statement in [*imports, node]:
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


def answers(root: Path, lecture: str) -> tuple[dict[str, list], dict[str, list]]:
    """ALTERNATIVES and MUTANTS of tests/answers/lectureNN.py; empty when there is no such file.

    Mutants are returned as pairs (misconception, function), however they are written there.

    Raises:
        LectureError: when the file cannot be imported.
    """
    path = root / "tests" / "answers" / f"lecture{lecture}.py"
    if not path.exists():
        return {}, {}
    spec = importlib.util.spec_from_file_location(f"answers_{lecture}", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise LectureError(f"{path.name} of tests/answers fails with {reason}") from error
    mutants = {
        name: list(given.items()) if isinstance(given, dict) else list(given)
        for name, given in module.MUTANTS.items()
    }
    return {name: list(given) for name, given in module.ALTERNATIVES.items()}, mutants


def cases(
    root: Path, lectures: Collection[str], names: Collection[str]
) -> tuple[list[Case], list[str]]:
    """Everything there is to judge, in the order of the course, and what is out of place."""
    solved = _functions_by_lecture(sources(root, lectures), names)
    stubs = _functions_by_lecture(sorted((root / "notebooks").glob("*.ipynb")), names)
    found, faults = [], []
    for lecture in lectures or sorted({name[:2] for name in names}):
        mine = [name for name in names if name.startswith(f"{lecture}.")]
        alternatives, mutants = answers(root, lecture)
        for name in sorted({*alternatives, *mutants} - {*mine}):
            faults.append(f"tests/answers/lecture{lecture}.py names an unknown '{name}'.")
        for name in mine:
            function = name.split(".")[1]
            found.append(
                Case(
                    name,
                    solved.get(lecture, {}).get(function),
                    stubs.get(lecture, {}).get(function),
                    alternatives.get(name, []),
                    mutants.get(name, []),
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


def judge_case(
    case: Case, judge: Judge, seeds: range, tick: Callable[[], object] = lambda: None
) -> Row:
    """Judge all functions of one exercise under every seed."""
    row = Row(case.exercise)

    def as_expected(what: str, function: Callable, expected: str, seeds: range = seeds) -> bool:
        """Is the outcome under every seed the expected status or misconception?"""
        failed = {}
        for seed in seeds:
            start = time.perf_counter()
            result = judge(case.exercise, function, seed=seed)
            if result.passed:
                row.seconds.append(time.perf_counter() - start)
            if not _is(expected, result):
                message = " ".join(result.message.split())
                failed[seed] = f"{result.status} ({result.misconception}): {message}"
            tick()
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
    good = [as_expected(f"alternative {_name(f)}", f, "passed") for f in case.alternatives]
    named = [as_expected(f"mutant {_name(f)}", f, slug) for slug, f in case.mutants]
    row.alternatives = f"{sum(good)}/{len(good)}"
    row.mutants = f"{sum(named)}/{len(named)}"
    if len(good) < MIN_ALTERNATIVES:
        row.faults.append(_too_few(case.exercise, MIN_ALTERNATIVES, "ALTERNATIVES"))
    if len(named) < MIN_MUTANTS:
        row.faults.append(_too_few(case.exercise, MIN_MUTANTS, "MUTANTS"))
    return row


def _too_few(exercise: str, least: int, table: str) -> str:
    place = f"tests/answers/lecture{exercise[:2]}.py"
    return f"{exercise}: has fewer than {least} {table.lower()}; write them in {table} of {place}."


def _name(function: Callable) -> str:
    return getattr(function, "__name__", repr(function))


def _is(expected: str, result: "Result") -> bool:
    """Is this the status that is expected or, of one who did not pass, the misconception?"""
    if expected in ("passed", "not attempted"):
        return result.status == expected
    return not result.passed and result.misconception == expected


# --- the whole course ------------------------------------------------------------------------


def verify(
    root: Path,
    lectures: Collection[str] = (),
    seeds: int = 20,
    names: Collection[str] | None = None,
    judge: Judge | None = None,
) -> tuple[list[Row], list[str]]:
    """Prove the lectures, all or the named ones.

    Args:
        root: the course's folder.
        lectures: their two digits; all by default.
        seeds: how many draws of fresh inputs each function meets.
        names: all exercises, by default the registry's.
        judge: what judges them, by default the registry.

    Returns:
        One row per exercise, and what is wrong with the notebooks, one sentence each.

    Raises:
        LectureError: for a lecture that is not there, and for answers that cannot be imported.
    """
    from tqdm.auto import tqdm

    from ..exercises import registry

    names = registry.names() if names is None else names
    judge = judge or registry.judge
    work, faults = cases(root, lectures, names)
    total = sum(case.count(seeds) for case in work)
    with tqdm(total=total, desc="checks", unit="check", delay=2, leave=False) as bar:
        rows = [judge_case(case, judge, range(seeds), bar.update) for case in work]
    return rows, [*_notebook_faults(root, names), *faults]


def _notebook_faults(root: Path, names: Collection[str]) -> list[str]:
    """Why notebooks/ is not what solutions/ makes."""
    try:
        return build.differences(root, build.build_all(root, names))
    except LectureError as error:
        return str(error).splitlines()


def table(rows: list[Row], seeds: int) -> str:
    """One block per lecture: each exercise, what was judged, and the time of a passing check."""
    lines = [f"Under {seeds} seeds: alternatives that pass / all, mutants named / all."]
    for lecture, block in itertools.groupby(rows, lambda row: row.exercise[:2]):
        heads = ("solution", "stub", "alternatives", "mutants", "median ms")
        lines += ["", _line(f"lecture {lecture}", *heads)]
        for row in block:
            found = (row.solution, row.stub, row.alternatives, row.mutants)
            lines.append(_line(row.exercise[3:], *found, f"{row.milliseconds:.1f}"))
    fast = sum(row.milliseconds < FAST for row in rows)
    lines += ["", f"{fast} of {len(rows)} checks take less than {FAST} ms."]
    return "\n".join(lines)


def _line(name: str, *cells: str) -> str:
    return f"{name:<28}" + "".join(f"{cell:>15}" for cell in cells)
