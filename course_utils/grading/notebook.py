"""One notebook as it was handed in: its lecture and its code cells, or why it cannot be read."""

import ast
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..lectures import lecture_of
from .files import Unreadable, reason

HAND_IN = "hand in the .ipynb file as JupyterLab saves it"
MAX_SOURCE = 1_000_000  # characters of all code cells together
MAX_CELLS = 2_000
DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)|^(\w+)[ \t]*=(?!=)", re.MULTILINE)


@dataclass(frozen=True)
class Cell:
    """A code cell of a submission, as text."""

    source: str
    id: str | None = None
    kind: str = "code"


@dataclass(frozen=True)
class Course:
    """What lectures are recognised by."""

    functions: Mapping[str, str]  # an exercise's function -> its lecture
    stems: Mapping[str, str] = field(default_factory=dict)  # "01_simulators" -> "01"
    ids: Mapping[str, str] = field(default_factory=dict)  # the id of a released cell -> its lecture

    @property
    def lectures(self) -> set[str]:
        return {*self.functions.values(), *self.stems.values()}


def course(root: Path, names: Collection[str]) -> Course:
    """The lectures in `root`/notebooks and the exercises of these names, "NN.function"."""
    ids, stems = {}, {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        stems[path.stem] = lecture_of(path)
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            ids[cell["id"]] = lecture_of(path)
    return Course({name[3:]: name[:2] for name in names}, stems, ids)


def read_notebook(data: bytes, known: Course) -> tuple[str, tuple[Cell, ...], tuple[str, ...]]:
    """The lecture ("" where it cannot be told), the code cells, and remarks.

    Raises:
        Unreadable: when this is not a notebook; one sentence.
    """
    notebook = _parse(data)
    cells, problems = _cells(notebook)
    code = [Cell(source, id) for kind, source, id in cells if kind == "code"]
    for kind, source, id in cells:
        name = _exercise_in(source, known) if kind != "code" else ""
        if name and not any(name in _defined(cell.source) for cell in code):
            problems.append(f"{name} stands in a cell that is not code: it was graded anyway.")
            code.append(Cell(source, id))
    if not code:
        raise Unreadable("The notebook has no code cells.")
    if len(code) > MAX_CELLS:
        raise Unreadable(f"The notebook has more than {MAX_CELLS} code cells.")
    if sum(len(cell.source) for cell in code) > MAX_SOURCE:
        raise Unreadable(f"The notebook holds more than {MAX_SOURCE // 10**6} MB of code.")
    return _lecture(notebook, code, known), tuple(code), tuple(problems)


def _parse(data: bytes) -> dict:
    if not data.strip():
        raise Unreadable("The file is empty.")
    try:
        notebook = json.loads(data)
    except (RecursionError, MemoryError):
        raise Unreadable("The file is nested too deep to be a notebook.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"The file is binary, not a notebook; {HAND_IN}.") from None
    except ValueError as error:
        looks_like_text = b"\0" not in data[:1000]
        kind = f"not JSON ({reason(error)[:80]})" if looks_like_text else "binary"
        raise Unreadable(f"The file is {kind}, not a notebook; {HAND_IN}.") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise Unreadable("The file is JSON, but not a notebook: it has no cells.")
    return notebook


def _cells(notebook: dict) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """(kind, source, id) of each cell that can be read, and remarks about the others."""
    problems = []
    given = notebook.get("cells")
    if "cells" not in notebook:
        problems.append("The notebook has the old format 3: save it in JupyterLab.")
        sheets = notebook["worksheets"]
        given = [
            cell
            for sheet in (sheets if isinstance(sheets, list) else [])
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    if not isinstance(given, list):
        raise Unreadable("The file is JSON, but not a notebook: its cells are not a list.")
    cells, broken = [], 0
    for cell in given:
        cell = cell if isinstance(cell, dict) else {}
        source = cell.get("source", cell.get("input"))  # format 3 has `input`
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            broken += 1
            continue
        # A lone surrogate, which JSON can spell, could not be sent on as UTF-8.
        source = source.encode("utf-8", "replace").decode("utf-8")
        id = cell.get("id")
        cells.append((str(cell.get("cell_type")), source, id if isinstance(id, str) else None))
    if broken:
        problems.append(f"{broken} damaged cells were left out.")
    return cells, problems


def _lecture(notebook: dict, code: list[Cell], known: Course) -> str:
    """By metadata, unless the functions in it are another lecture's; else by functions, ids."""
    functions = Counter(
        known.functions[name]
        for name in set().union(*(_defined(cell.source) for cell in code))
        if name in known.functions
    )
    metadata = notebook.get("metadata")
    stored = metadata.get("course") if isinstance(metadata, dict) else None
    told = stored.get("lecture") if isinstance(stored, dict) else None
    if isinstance(told, str) and told in known.lectures and (functions[told] or not functions):
        return told
    ids = Counter(known.ids[cell.id] for cell in code if cell.id in known.ids)
    votes = functions or ids
    return min(votes, key=lambda lecture: (-votes[lecture], -ids[lecture], lecture), default="")


def _defined(source: str) -> set[str]:
    """Names of the functions that a cell seems to define, also where it does not parse."""
    return {a or b for a, b in DEFINITION.findall(source)}


def _exercise_in(source: str, known: Course) -> str:
    """The exercise's function that a cell of text defines, if it is Python after all."""
    for name in re.findall(r"^def (\w+)\(", source, re.MULTILINE):
        if name in known.functions:
            try:
                ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return ""
            return name
    return ""
