"""`course verify --lectures`: what passes its check holds where its lecture uses it.

Every right answer to every exercise (those of tests/answers and the package's own version) takes
the official one's place, and the cells that use it are run: nothing fails, nothing becomes nan, and
the lecture's own assertions hold. A lecture runs once, up to the first cell that uses an exercise;
there the process forks, and each answer goes on in a child of its own, with the cells that depend
on it. Longer training (the tag `trained`) is run there only by cells that use the exercise itself.
"""

import ast
import asyncio
import contextlib
import importlib
import inspect
import io
import math
import os
import re
import types
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..exercises import judging, registry, yours_or_ours
from ..lectures import LectureError, is_code, lecture_of, read, tags
from ..sandbox.worker import make_shell, names
from . import verify
from .children import can_fork, forked

CHECK = re.compile(r'^check\("(\d\d\.\w+)"', re.MULTILINE)
PRINTED_NAN = re.compile(r"\bnan\b")
MAX_SECONDS = 600  # of processor time for one answer, in all of its cells
MAX_ITEMS = 1000  # of a list that is searched for nan

Answer = tuple[str, Callable, bool]  # its name, itself, and whether it is the package's own


# --- which cells --------------------------------------------------------------------------------


@dataclass
class Block:
    """One code cell: its statements, the names it sets, and those it needs from earlier cells."""

    title: str
    trained: bool
    statements: list[tuple[ast.stmt, types.CodeType]] = field(default_factory=list)
    sets: set[str] = field(default_factory=set)
    makes: set[str] = field(default_factory=set)  # of these what is not just imported
    needs: set[str] = field(default_factory=set)
    exercises: tuple[str, ...] = ()  # those checked here
    imports: bool = False


def blocks(path: Path) -> list[Block]:
    """The code cells of a lecture."""
    from IPython.core.inputtransformer2 import TransformerManager

    found = []
    for count, cell in enumerate(filter(is_code, read(path).cells), start=1):
        title = f"code cell {count} ({cell.id})"
        block = Block(title, "trained" in tags(cell), exercises=tuple(CHECK.findall(cell.source)))
        for node in ast.parse(TransformerManager().transform_cell(cell.source)).body:
            code = compile(
                ast.Module([node], []), "<lecture>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
            )
            sets, uses = names(code)
            if isinstance(node, ast.For | ast.With):  # what such a statement sets it uses itself
                uses -= sets
            block.needs |= uses - block.sets
            block.sets |= sets
            if not isinstance(node, ast.Import | ast.ImportFrom):
                block.makes |= sets
            block.statements.append((node, code))
            block.imports |= isinstance(node, ast.Import | ast.ImportFrom)
        found.append(block)
    return found


def dependents(cells: list[Block], start: int, function: str) -> set[int]:
    """The cells after `start` that use the function, or what such a cell has set, and so on."""
    changed, found = {function}, set()
    for i in range(start + 1, len(cells)):
        if cells[i].needs & changed:
            found.add(i)
            changed |= cells[i].makes
        else:
            changed -= cells[i].sets
    return found


def setter(cells: list[Block], name: str, before: int) -> int | None:
    """The last cell before this one that sets the name."""
    return next((i for i in reversed(range(before)) if name in cells[i].sets), None)


def prerequisites(cells: list[Block], chosen: set[int], after: int = -1) -> set[int]:
    """The chosen cells, and all that set what they need, later than cell `after`."""
    found, todo = set(chosen), sorted(chosen)
    while todo:
        i = todo.pop()
        for name in cells[i].needs:
            j = setter(cells, name, i)
            if j is not None and j > after and j not in found:
                found.add(j)
                todo.append(j)
    return found


def left_out(cells: list[Block], exercises: Collection[str], start: int = 0) -> set[int]:
    """Cells from `start` on of longer training that use none of the exercises themselves, and those
    that need such a cell."""
    direct = {name.split(".")[1] for name in exercises}  # and what yours_or_ours makes of them
    found: set[int] = set()
    for i, cell in enumerate(cells):
        uses = cell.needs & direct
        for node, code in cell.statements:
            used = names(code)[1]
            if isinstance(node, ast.Assign) and "yours_or_ours" in used and used & direct:
                direct |= names(code)[0]
                uses = uses or used
        needed = {setter(cells, name, i) for name in cell.needs}
        if i >= start and ((cell.trained and not uses) or needed & found):
            found.add(i)
    return found


@dataclass(frozen=True)
class Plan:
    """What is run for one exercise: its own cell, and from the first use on those that depend."""

    exercise: str
    place: int  # of its cell
    first: int  # the first cell that uses it; its own where none does
    cells: set[int]


# --- running them -------------------------------------------------------------------------------


@dataclass
class Outcome:
    """How the cells went with one answer."""

    exercise: str
    answer: str
    cells: int = 0
    faults: list[str] = field(default_factory=list)
    nans: set[tuple[int, str]] = field(default_factory=set)  # (cell, name)


class Lecture:
    """One lecture on its way, in a process of its own.

    Args:
        path: the notebook.
        quick: leave out longer training that uses no exercise, and what needs it.
    """

    def __init__(self, path: Path, quick: bool):
        self.path, self.cells = path, blocks(path)
        exercises = [name for cell in self.cells for name in cell.exercises]
        self.out = left_out(self.cells, exercises) if quick else set()
        self.plans = [
            self.plan(i, name) for i, cell in enumerate(self.cells) for name in cell.exercises
        ]

    def verify(self, answers: Callable[[str], list[Answer]]) -> list[Outcome]:
        """Run the lecture once, and where an exercise is first used all of its answers."""
        usual, outcomes = Outcome(lecture_of(self.path), "the official answers"), []
        for i in sorted(self.trunk() - self.out):
            for plan in self.plans:
                if plan.first == i:
                    outcomes += [self.fork(plan, answer) for answer in answers(plan.exercise)]
            if not self.run(i, usual):
                break
        for outcome in outcomes:
            outcome.faults += self.new_nans(outcome, usual)
        return [usual, *outcomes]

    def new_nans(self, outcome: Outcome, usual: Outcome) -> list[str]:
        """What is nan now and is not with the official answers."""
        return [
            f"{self.path.name}, {self.cells[i].title}: with {outcome.answer} {name} becomes nan."
            for i, name in sorted(outcome.nans - usual.nans)
        ]

    def trunk(self) -> set[int]:
        """The cells that any exercise needs."""
        start = {i for i, cell in enumerate(self.cells) if cell.imports or cell.exercises}
        return prerequisites(self.cells, start.union(*(plan.cells for plan in self.plans)))

    def plan(self, place: int, exercise: str) -> Plan:
        """What is run for an exercise whose cell is at that place."""
        users = dependents(self.cells, place, exercise.split(".")[1]) - self.out
        first = min(users, default=place)
        too_long = left_out(self.cells, [exercise], first) | self.out
        return Plan(
            exercise, place, first, prerequisites(self.cells, users - too_long, first) - too_long
        )

    def fork(self, plan: Plan, answer: Answer) -> Outcome:
        """How it goes on with an answer, in a child."""
        try:
            return forked(lambda: self.go_on(plan, answer), MAX_SECONDS)
        except LectureError as error:
            fault = f"{self.path.name} with {answer[0]} {error}"
            return Outcome(plan.exercise, answer[0], faults=[fault])

    def go_on(self, plan: Plan, answer: Answer) -> Outcome:
        """Put in an answer, check it, and run the cells that depend on it."""
        outcome = Outcome(plan.exercise, answer[0])
        if self.run(plan.place, outcome, {plan.exercise: answer}):
            for i in sorted(plan.cells):
                if not self.run(i, outcome):
                    break
        return outcome

    def together(self, answers: Callable[[str], list[Answer]]) -> Outcome:
        """Run the lecture once with another answer to every exercise, the first that is given."""
        first = {name: answers(name)[:1] for cell in self.cells for name in cell.exercises}
        put_in = {name: given[0] for name, given in first.items() if given}
        outcome = Outcome(lecture_of(self.path), "other right answers")
        for i in sorted(self.trunk() - self.out):
            here = {name: put_in[name] for name in self.cells[i].exercises if name in put_in}
            if not self.run(i, outcome, here):
                break
        return outcome

    def official(self) -> Outcome:
        """Run the lecture once, as it is."""
        return self.together(lambda _: [])

    def run(self, i: int, outcome: Outcome, put_in: dict[str, Answer] | None = None) -> bool:
        """Run a cell, with answers in place of the exercises' functions; did it go well?"""
        cell, namespace = self.cells[i], make_shell().user_ns
        functions = {name.split(".")[1]: answer[1] for name, answer in (put_in or {}).items()}
        outcome.cells += 1
        try:
            with contextlib.redirect_stdout(io.StringIO()) as printed, warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for node, code in cell.statements:
                    defined = getattr(node, "name", None)
                    if defined in functions:
                        namespace[defined] = functions[defined]
                        continue
                    returned = eval(code, namespace)
                    if inspect.iscoroutine(returned):
                        asyncio.run(returned)
        except BaseException as error:  # SystemExit too
            said = " ".join(str(error).split())[:200]
            outcome.faults.append(
                f"{self.path.name}, {cell.title}: with {outcome.answer} it fails with "
                f"{type(error).__name__}: {said}"
            )
            return False
        finally:
            self._close_figures()
        for name, answer in (put_in or {}).items():
            self._must_have_passed(name, answer, outcome, cell, printed.getvalue())
        outcome.nans |= {(i, f"`{n}`") for n in cell.sets if has_nan(namespace.get(n))}
        if PRINTED_NAN.search(printed.getvalue()):
            outcome.nans.add((i, "what is printed"))
        return True

    def _must_have_passed(
        self, name: str, answer: Answer, outcome: Outcome, cell: Block, printed: str
    ) -> None:
        _, function, ours = answer
        if ours:  # it is never "yours"
            return
        handed_on = yours_or_ours(name, function)
        if inspect.unwrap(handed_on) is not inspect.unwrap(function):
            said = " ".join(printed.split())[-200:]
            outcome.faults.append(
                f"{self.path.name}, {cell.title}: {outcome.answer} does not pass there: {said}"
            )

    @staticmethod
    def _close_figures() -> None:
        from matplotlib import pyplot

        pyplot.close("all")


def has_nan(value: object, depth: int = 2) -> bool:
    """Is there a nan in this number, tensor, array, or in a list or dictionary of them?"""
    if isinstance(value, float):
        return math.isnan(value)
    if isinstance(value, Tensor):
        return value.is_floating_point() and bool(value.isnan().any())
    if isinstance(value, np.ndarray | np.generic):
        return np.issubdtype(value.dtype, np.floating) and bool(np.isnan(value).any())
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple) and depth and len(value) <= MAX_ITEMS:
        return any(has_nan(item, depth - 1) for item in value)
    return False


# --- the answers --------------------------------------------------------------------------------


def answers_of(root: Path) -> Callable[[str], list[Answer]]:
    """Gives the right answers to an exercise: those of tests/answers, and the package's own."""

    def find(name: str) -> list[Answer]:
        given = verify.answers(root, name.split(".")[0]).get(name)
        right = given.right if given else []
        found = [(getattr(f, "__name__", repr(f)), f, False) for f in right]
        twin = registry.get(name).twin
        if twin is not None:
            module, attribute = twin.split(":")
            theirs = getattr(importlib.import_module(module), attribute)
            found.append((f"the package's `{attribute}`", theirs, True))
        return found

    return find


def verify_lecture(path: Path, answers: Callable[[str], list[Answer]]) -> list[Outcome]:
    """How a lecture's cells go with each right answer to each of its exercises.

    The first outcome is that of the official answers.

    Raises:
        LectureError: on a system that cannot fork, and when the lecture's process ends early.
    """
    return _in_a_process(path, lambda lecture: lecture.verify(answers), quick=False)


def verify_together(path: Path, answers: Callable[[str], list[Answer]]) -> Outcome:
    """How a lecture goes with one other answer to every exercise, all at once.

    Longer training that uses no exercise is left out, and what needs it.

    Raises:
        LectureError: as `verify_lecture`.
    """
    found = _in_a_process(path, lambda lecture: lecture.together(answers), quick=True)
    if found.nans:
        usual = _in_a_process(path, lambda lecture: lecture.official(), quick=True)
        found.faults += Lecture(path, quick=True).new_nans(found, usual)
    return found


def _in_a_process(path: Path, work: Callable[[Lecture], Any], quick: bool) -> Any:
    if not can_fork():
        raise LectureError("`--lectures` needs a system that can fork: Linux, macOS or WSL.")
    judging.import_ahead()  # once for all children

    def inside() -> Any:
        os.environ |= {"TQDM_DISABLE": "1", "MPLBACKEND": "agg"}
        os.chdir(path.resolve().parent)
        torch.set_num_threads(1)
        with (
            open(os.devnull, "w", encoding="utf-8") as nothing,
            contextlib.redirect_stderr(nothing),
        ):
            return work(Lecture(path.resolve(), quick))

    return forked(inside)


def line(path: Path, outcomes: list[Outcome]) -> str:
    """One lecture's counts, and the exercises that no cell uses."""
    answers = len(outcomes) - 1
    cells = sum(outcome.cells for outcome in outcomes[1:])
    held = sum(not outcome.faults for outcome in outcomes[1:])
    unused = sorted({o.exercise for o in outcomes[1:] if o.cells == 1 and not o.faults})
    said = f"; no cell uses {', '.join(unused)}" if unused else ""
    return (
        f"{path.stem:<28}{held:>4} of {answers:>3} answers hold, in {cells:>4} runs of cells{said}"
    )
