"""One notebook as it was handed in: its lecture and its code cells, or why it cannot be read."""

import ast
import hashlib
import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .files import Unreadable, reason

HAND_IN = "hand in the .ipynb file as JupyterLab saves it"
MAX_SOURCE = 1_000_000  # characters of all cells together that are looked at
MAX_CELLS = 2_000
OFFICIAL = "### BEGIN SOLUTION"  # students are never given it
DEFINITION = re.compile(
    r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)|^(\w+)[ \t]*=(?!=)", re.MULTILINE
)


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
    # By lecture: a digest of each code cell that students are given.
    released: Mapping[str, Sequence[str]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=dict)  # "01" -> "Simulators"

    @property
    def lectures(self) -> set[str]:
        return {*self.functions.values(), *self.stems.values()}


def course(root: Path, names: Collection[str]) -> Course:
    """The lectures in `root`/notebooks and the exercises of these names, "NN.function"."""
    ids, stems, released, titles = {}, {}, {}, {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        lecture = stems[path.stem] = path.name[:2]
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        ids |= {cell["id"]: lecture for cell in cells if "id" in cell}
        sources = [("".join(cell["source"]), cell["cell_type"]) for cell in cells]
        released[lecture] = [_digest(source) for source, kind in sources if kind == "code"]
        headings = [re.match(r"# +(.+)", source) for source, kind in sources if kind != "code"]
        titles[lecture] = next((h[1].strip() for h in headings if h), path.stem)
    return Course({name[3:]: name[:2] for name in names}, stems, ids, released, titles)


def normal(source: str) -> str:
    """A cell's source without what editors change by themselves."""
    return "\n".join(line.rstrip() for line in source.strip().splitlines())


def _digest(source: str) -> str:
    return hashlib.sha256(normal(source).encode("utf-8", "replace")).hexdigest()[:16]


def is_touched(cells: Sequence[Cell], released: Sequence[str]) -> bool:
    """Is there a code cell that is not as it was released?"""
    return bool({_digest(cell.source) for cell in cells} - {*released, _digest("")})


def store(path: Path, cells: Sequence[Cell]) -> str:
    """Write code cells to a file, and return a digest of them."""
    text = json.dumps([(cell.source, cell.id) for cell in cells])
    path.write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def stored(path: Path) -> tuple[Cell, ...]:
    """The code cells in such a file."""
    return tuple(Cell(source, id) for source, id in json.loads(path.read_text(encoding="utf-8")))


def read_notebook(data: bytes, known: Course) -> tuple[str, tuple[Cell, ...], tuple[str, ...]]:
    """The lecture ("" where it cannot be told), the code cells, and remarks.

    Raises:
        Unreadable: when this is not a notebook; one sentence.
    """
    notebook, problems = _parse(data)
    cells, more = _cells(notebook)
    problems += more
    if sum(len(source) for _, source, _ in cells) > MAX_SOURCE:
        raise Unreadable(f"The notebook holds more than {MAX_SOURCE // 10**6} MB of code and text.")
    code = [Cell(source, id) for kind, source, id in cells if kind == "code"]
    if len(cells) > MAX_CELLS:
        raise Unreadable(f"The notebook has more than {MAX_CELLS} cells.")
    defined = set().union(*(_defined(cell.source) for cell in code))
    for kind, source, id in cells:
        name = _exercise_in(source, known) if kind != "code" else ""
        if name and name not in defined:
            problems.append(f"{name} stands in a cell that is not code: it was graded anyway.")
            code.append(Cell(source, id))
            defined.add(name)
    if not code:
        raise Unreadable("The notebook has no code cells.")
    return _lecture(notebook, code, known), tuple(code), tuple(problems)


def _parse(data: bytes) -> tuple[dict, list[str]]:
    """The notebook's content, and a remark where its bytes are not as they should be."""
    problems = []
    if not data.strip():
        raise Unreadable("The file is empty.")
    try:
        try:
            notebook = json.loads(data)
        except UnicodeDecodeError:
            if b"\0" in data:
                raise
            notebook = json.loads(data.decode("cp1252", "replace"))
            problems.append("The file is not UTF-8: it was read as code page 1252.")
    except RecursionError:
        raise Unreadable("The file is nested too deep to be a notebook.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"The file is binary, not a notebook; {HAND_IN}.") from None
    except ValueError as error:
        looks_like_text = all(byte >= 32 or byte in b"\t\r\n\f" for byte in data[:1000])
        kind = f"not JSON ({reason(error)[:80]})" if looks_like_text else "binary"
        raise Unreadable(f"The file is {kind}, not a notebook; {HAND_IN}.") from None
    if isinstance(notebook, dict) and "worksheets" in notebook and "cells" not in notebook:
        raise Unreadable("The notebook has the old format 3: open it in JupyterLab and save it.")
    if not isinstance(notebook, dict) or "cells" not in notebook:
        raise Unreadable("The file is JSON, but not a notebook: it has no cells.")
    return notebook, problems


def _cells(notebook: dict) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """(kind, source, id) of each cell that can be read, and remarks about the others."""
    problems = []
    given = notebook["cells"]
    if not isinstance(given, list):
        raise Unreadable("The file is JSON, but not a notebook: its cells are not a list.")
    cells, broken = [], 0
    for cell in given:
        cell = cell if isinstance(cell, dict) else {}
        source = cell.get("source")
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
    ids = Counter(known.ids[cell.id] for cell in code if cell.id and cell.id in known.ids)
    votes = functions or ids
    return min(votes, key=lambda lecture: (-votes[lecture], -ids[lecture], lecture), default="")


def _defined(source: str) -> set[str]:
    """Names of the functions that a cell seems to define, also where it does not parse."""
    return {a or b for a, b in DEFINITION.findall(source)}


def _exercise_in(source: str, known: Course) -> str:
    """The exercise's function that a cell of text defines, if it is Python after all."""
    for name in re.findall(r"^(?:def|class) (\w+)\(", source, re.MULTILINE):
        if name in known.functions:
            try:
                ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return ""
            return name
    return ""
