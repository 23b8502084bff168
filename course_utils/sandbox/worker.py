"""Inside the sandbox, in one child: run a submission's cells and answer calls with numbers.

It obeys the grader, one request and one reply at a time, and knows neither checks nor marks.
Student code runs in this very process and may change anything here: then its own numbers are
wrong, and no others.

Requests and replies, tuples of plain data (wire.py):

    ("load", cells, functions)           -> ("plan", indices of the cells to run)
    ("run", index, plain_only, seconds)  -> ("ran", message of the first error, or "", seconds used)
    ("pick", function, seed)             -> ("picked", "function" or why not, message)
    ("call", args)                       -> ("value", value, changed inputs)
    ("vjp", args, wrt, cotangent)        -> ("gradients", list)
    ("script", steps)                    -> ("values", list)

A call may also be answered by ("raised", slug, message).
"""

import __future__

import ast
import asyncio
import builtins
import contextlib
import dis
import functools
import importlib
import inspect
import linecache
import operator
import os
import random
import re
import signal
import socket
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from . import wire
from .functions import LocalFunction, Raised, describe
from .hollow import Leaning

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

MAX_TEXT = 500
WAIT = 5  # times as long by the clock: machines are slow, others busy
QUIET_MAGICS = ("pip", "conda", "mamba", "system", "sx", "sc", "bash", "sh", "script", "cmd")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
BRIEF = 2.0  # seconds of computing for a definition or plain assignment, whatever was used before


# --- cells ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Statement:
    """A top-level statement, and the global names that it sets and uses."""

    node: ast.stmt
    code: types.CodeType
    sets: frozenset[str]
    uses: frozenset[str]
    plain: bool  # an import, a definition, an assignment of what libraries give


def is_plain(node: ast.stmt, libraries: set[str]) -> bool:
    """Is it done at once? Definitions, imports, files written, and assignments without own calls.

    Args:
        libraries: names that imports have set so far; calls through them are not own ones.
    """
    if isinstance(node, DEFINITIONS):
        return True
    calls = [inner for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return all(_root(call.func) in libraries for call in calls)
    if isinstance(node, ast.Expr) and len(calls) == 2:  # get_ipython().run_cell_magic(...)
        words = [a.value for a in calls[0].args[:1] if isinstance(a, ast.Constant)]
        return words == ["writefile"]
    return False


def _root(node: ast.expr) -> str:
    """The name that a chain of attributes and calls begins with; "" for another beginning."""
    while isinstance(node, ast.Attribute | ast.Call | ast.Subscript):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def names(code: types.CodeType) -> tuple[set[str], set[str]]:
    """Global names that a module's code sets, and those it or its functions use."""
    sets, uses = set(), set()
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("STORE_NAME", "STORE_GLOBAL"):
            sets.add(instruction.argval)
        elif instruction.opname in ("LOAD_NAME", "LOAD_GLOBAL"):
            uses.add(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            uses |= names(constant)[1]
    return sets, uses


@dataclass
class Cell:
    """One code cell: its statements, or why it has none. Changed cells are always run."""

    source: str
    changed: bool
    file: str
    statements: list[Statement] = field(default_factory=list)
    fault: str = ""

    def parse(self, transform: Callable[[str], str], future: int, libraries: set[str]) -> int:
        """Split the cell; magics and shell lines become calls, as in a notebook.

        Args:
            transform: IPython's own.
            future: flags of the `from __future__` imports in earlier cells, which hold on.
            libraries: names that imports have set; this cell's are added.

        Returns:
            The flags for the next cell.
        """
        try:
            source = transform(self.source)
            lines = source.splitlines(keepends=True)
            linecache.cache[self.file] = (len(source), None, lines, self.file)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for node in ast.parse(source).body:
                    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                        future |= _flags(node)
                    if isinstance(node, ast.Import | ast.ImportFrom):
                        libraries |= {(a.asname or a.name).split(".")[0] for a in node.names}
                    code = compile(
                        ast.Module([node], []),
                        self.file,
                        "exec",
                        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | future,
                        dont_inherit=True,
                    )
                    sets, uses = map(frozenset, names(code))
                    plain = is_plain(node, libraries)
                    self.statements.append(Statement(node, code, sets, uses, plain))
        except SyntaxError as error:
            where = f" in its line {error.lineno}" if error.lineno else ""
            self.fault = f"The cell is not Python: {error.msg}{where}."
        except (ValueError, RecursionError, MemoryError) as error:
            self.fault = f"The cell cannot be read: {type(error).__name__}."
        return future

    @property
    def imports(self) -> bool:
        return any(isinstance(s.node, ast.Import | ast.ImportFrom) for s in self.statements)


def _flags(node: ast.ImportFrom) -> int:
    """What the compiler is told by `from __future__ import ...`."""
    features = [getattr(__future__, alias.name, None) for alias in node.names]
    return functools.reduce(operator.or_, (f.compiler_flag for f in features if f), 0)


def plan(cells: list[Cell], functions: tuple[str, ...]) -> list[int]:
    """The cells to run: changed ones, imports, and what the exercises' functions need."""
    wanted = {i for i, cell in enumerate(cells) if cell.changed or cell.imports}
    todo, done = list(functions), set(functions)
    while todo:
        name = todo.pop()
        for i, cell in enumerate(cells):
            for statement in cell.statements:
                if name not in statement.sets:
                    continue
                if i not in wanted and name in functions:  # an untouched stub
                    continue
                wanted.add(i)
                todo += statement.uses - done
                done |= statement.uses
    return sorted(wanted)


# --- the shell --------------------------------------------------------------------------------


def _nothing(*args: object, **kwargs: object) -> None:
    """What shell lines and installers do."""


@cache
def make_shell() -> "InteractiveShell":
    """IPython without a terminal: shell lines and installers do nothing, input is refused."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    quiet = Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "NoColor"})
    shell = InteractiveShell.instance(config=quiet)
    for name in ("system", "system_raw", "system_piped", "ask_exit"):
        setattr(shell, name, _nothing)
    vars(shell)["getoutput"] = lambda *_args, **_kwargs: []
    for name in QUIET_MAGICS:
        for kind in ("line", "cell"):
            shell.magics_manager.magics[kind][name] = _nothing

    def no_input(_prompt: object = "") -> str:
        raise EOFError("nobody is there to answer input() when a notebook is graded")

    def as_it_is(model: object = None, **_options: object) -> object:
        return model if model is not None else lambda inner: inner

    builtins.input = no_input
    torch.compile = as_it_is  # there is no compiler, and no time for one
    return shell


# --- requests ---------------------------------------------------------------------------------


class Stopped(BaseException):
    """A statement has computed long enough. No `except Exception` of a student's swallows it."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `Stopped` in what runs within, after seconds of computing; by the clock after more.

    It comes between two Python instructions and never inside an import. What cannot be stopped
    so is ended from outside.
    """

    def stop(_signal: int, frame: types.FrameType | None) -> None:
        while frame is not None:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return  # the timer comes again
            frame = frame.f_back
        raise Stopped

    timers = {signal.SIGPROF: signal.ITIMER_PROF, signal.SIGALRM: signal.ITIMER_REAL}
    for number, timer in timers.items():
        signal.signal(number, stop)
        wait = seconds if timer == signal.ITIMER_PROF else WAIT * seconds
        signal.setitimer(timer, max(wait, 0.01), 0.2)
    try:
        yield
    finally:
        for timer in timers.values():
            signal.setitimer(timer, 0)


def seconds_used() -> float:
    """Of computing, by this process and those that it waited for."""
    return sum(os.times()[:4])


class Worker:
    """A submission's names and cells, and the function that is judged at the moment."""

    def __init__(self) -> None:
        self.shell = make_shell()
        self.cells: list[Cell] = []
        # By name: how the statement that sets it failed ("failed" or "stopped"), and why.
        self.failed: dict[str, tuple[str, str]] = {}
        self._function: LocalFunction | None = None

    def load(self, cells: tuple, functions: tuple) -> tuple:
        if (here := os.getcwd()) not in sys.path:  # for what %%writefile writes
            sys.path.insert(0, here)
        future, libraries = 0, set(dir(builtins)) - {"exec", "eval", "compile", "input"}
        for i, (source, changed) in enumerate(cells):
            cell = Cell(source, changed, f"<cell {i + 1}>")
            future = cell.parse(self.shell.transform_cell, future, libraries)
            self.cells.append(cell)
        return "plan", tuple(plan(self.cells, functions))

    def run(self, index: int, plain_only: bool, seconds: float) -> tuple:
        """Run a cell statement by statement: what fails costs only what depends on it.

        Args:
            plain_only: only imports, definitions and plain assignments.
            seconds: of computing for the cell; when they are used up, only plain ones go on.
        """
        cell = self.cells[index]
        first, start = cell.fault, seconds_used()
        for statement in cell.statements:
            if plain_only and not statement.plain:
                continue
            left = seconds - (seconds_used() - start)
            kind, message = "", ""
            try:
                with limited(max(left, BRIEF if statement.plain else 0.0)):
                    self.execute(statement)
            except Stopped:
                kind = "stopped"
                message = f"It was stopped after {seconds:.0f} s of computing."
            except BaseException as error:  # SystemExit too
                kind, message = "failed", _described(error)
            if kind:
                first = first or message
                self.failed |= dict.fromkeys(statement.sets, (kind, message))
            else:
                for name in statement.sets:
                    self.failed.pop(name, None)
        return "ran", _cut(first), seconds_used() - start

    def execute(self, statement: Statement) -> None:
        if isinstance(statement.node, ast.Import | ast.ImportFrom):
            importlib.invalidate_caches()  # the file may have been written a moment ago
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            returned = eval(statement.code, self.shell.user_ns)
            if inspect.iscoroutine(returned):
                asyncio.run(returned)

    def pick(self, name: str, seed: int) -> tuple:
        """Choose the function that `call` and `vjp` are about."""
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        function = self.shell.user_ns.get(name)
        if callable(function):
            self._function = LocalFunction(function)
            return "picked", "function", ""
        if name in self.shell.user_ns:
            return "picked", "not a function", _cut(type(function).__name__)
        how, why = self.failed.get(name) or next(self._broken_definitions(name), ("missing", ""))
        return "picked", how, _cut(why)

    def _broken_definitions(self, name: str) -> Iterator[tuple[str, str]]:
        for cell in self.cells:
            defines = re.search(rf"\b(?:def|class)\s+{name}\b", cell.source)
            if cell.changed and cell.fault and defines:
                yield "failed", cell.fault

    @property
    def function(self) -> LocalFunction:
        """The one that was picked.

        Raises:
            ValueError: when none was.
        """
        if self._function is None:
            raise ValueError("no function was picked")
        return self._function

    def call(self, args: tuple) -> tuple:
        reply = self.function.call(args)
        return "value", reply.value, reply.changed_inputs

    def vjp(self, args: tuple, wrt: tuple, cotangent: torch.Tensor | tuple) -> tuple:
        return "gradients", self.function.vjp(args, wrt, cotangent)

    def script(self, steps: tuple) -> tuple:
        return "values", self.function.run(steps)

    def answer(self, request: tuple) -> tuple:
        kind, *content = request
        if kind not in ("load", "run", "pick", "call", "vjp", "script"):
            raise ValueError(f"unknown request {kind}")
        try:
            return getattr(self, kind)(*content)
        except Raised as error:
            return self.raised(error)
        except BaseException as error:
            return self.raised(describe(error, 0))

    def raised(self, error: Raised) -> tuple:
        """The reply for an error, with the cause of a missing name where that is known."""
        cause = error.__context__
        if isinstance(cause, NameError) and cause.name in self.failed:
            _, why = self.failed[cause.name]
            return "raised", error.slug, _cut(f"{error.message} It is missing because: {why}")
        return _raised(error)


def _raised(error: Raised) -> tuple:
    slug, cause = error.slug, error.__context__
    if isinstance(cause, Leaning):
        return "raised", "leans-on-the-course", _cut(str(cause))
    if isinstance(cause, MemoryError) or "allocate memory" in error.message:
        slug = "memory"
    return "raised", slug, _cut(error.message)


def _described(error: BaseException) -> str:
    if isinstance(error, Leaning):
        return str(error)
    return describe(error, 0).message.replace("Your function", "The cell", 1)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"


def serve(channel: socket.socket) -> None:
    """Say ("ready",), and then answer requests until the grader is gone."""
    worker = Worker()
    wire.send(channel, ("ready",))
    while True:
        try:
            request = wire.receive(channel)
        except EOFError:
            return
        reply = worker.answer(request)
        try:
            wire.send(channel, reply)
        except wire.WireError as error:
            wire.send(channel, ("raised", "too-large", f"The reply is too large: {error}."))
        except Exception as error:  # a tensor of the student's own making
            wire.send(channel, ("raised", "raises", _cut(describe(error, 0).message)))
