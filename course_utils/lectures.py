"""Lectures as files: where they are, how they are read, and the one form they are written in."""

import copy
import json
import os
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import nbformat
from nbformat import NotebookNode

FILE_NAME = re.compile(r"\d\d_[a-z0-9_]+\.ipynb")
CELL_NOISE = ("ExecuteTime", "collapsed", "execution", "scrolled", "trusted")  # not the author's


class LectureError(ValueError):
    """A lecture that is refused: one sentence, which names the file and the cell, per line."""


def find_root(start: Path | None = None) -> Path:
    """The course's folder: the nearest one upward from `start`, else the package's own.

    Raises:
        LectureError: when neither holds a folder `solutions` beside `course_utils`.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "solutions").is_dir() and (folder / "course_utils").is_dir():
            return folder
    raise LectureError("No folder `solutions` beside `course_utils` found: give it with --root.")


def lecture_of(path: Path) -> str:
    """The two digits a lecture's file name starts with."""
    return path.name[:2]


def sources(root: Path, lectures: Collection[str] = ()) -> list[Path]:
    """The notebooks in solutions/, in the order of the course; only the named ones, if any.

    Raises:
        LectureError: for an empty folder, and for a lecture that is not there.
    """
    paths = sorted((root / "solutions").glob("*.ipynb"))
    if not paths:
        raise LectureError(f"There are no lectures in {root / 'solutions'}.")
    there = [lecture_of(path) for path in paths]
    for lecture in lectures:
        if lecture not in there:
            raise LectureError(f"There is no lecture '{lecture}': there are {', '.join(there)}.")
    return [path for path in paths if not lectures or lecture_of(path) in lectures]


def read(path: Path) -> NotebookNode:
    """A notebook of format 4.5 or later, valid, with its own id on each cell.

    Raises:
        LectureError: when it is not.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise LectureError(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(raw, dict) or raw.get("nbformat") != 4 or raw.get("nbformat_minor", 0) < 5:
        raise LectureError(
            f"{path.name} is not a notebook of format 4.5: open it in JupyterLab and save it."
        )
    if not isinstance(raw.get("cells"), list):
        raise LectureError(f"{path.name} is not a valid notebook: it has no cells.")
    for cell in raw["cells"]:  # nbformat itself would invent the missing ids
        if not isinstance(cell, dict) or "id" not in cell:
            raise LectureError(f"{path.name} has a cell without an id: save it in JupyterLab.")
    notebook = nbformat.v4.to_notebook(raw)
    if repeated := repeated_ids({path.name: notebook}):
        raise LectureError(repeated[0])
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        reason = str(error).splitlines()[0]
        raise LectureError(f"{path.name} is not a valid notebook: {reason}.") from error
    return notebook


def where(notebook: NotebookNode, index: int) -> str:
    """How a cell is named in a message: position from 1, id and first line."""
    cell = notebook.cells[index]
    first = next((line for line in cell.source.splitlines() if line.strip()), "empty")
    return f"cell {index + 1} ({cell.id}, `{first.strip()[:60]}`)"


def repeated_ids(notebooks: Mapping[str, NotebookNode]) -> list[str]:
    """One sentence for each cell whose id another cell, of any lecture, already has."""
    first: dict[str, str] = {}
    found = []
    for name, notebook in notebooks.items():
        for index, cell in enumerate(notebook.cells):
            place = f"{name}, {where(notebook, index)}"
            if cell.id in first:
                found.append(f"{place} has the same id as {first[cell.id]}.")
            first.setdefault(cell.id, place)
    return found


def is_code(cell: NotebookNode) -> bool:
    return cell.cell_type == "code"


def tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def normal_form(cells: Iterable[NotebookNode], lecture: str) -> NotebookNode:
    """A notebook of these cells and nothing that depends on who saved it, or where."""
    cells = copy.deepcopy(list(cells))
    for cell in cells:
        for key in CELL_NOISE:
            cell.metadata.pop(key, None)
    metadata = {
        "course": {"lecture": lecture},
        "kernelspec": {
            "display_name": "Python 3 (ipykernel)",
            "language": "python",
            "name": "python3",
        },
        "language_info": {"file_extension": ".py", "mimetype": "text/x-python", "name": "python"},
    }
    return NotebookNode(
        nbformat.from_dict(
            {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
        )
    )


def to_text(notebook: NotebookNode) -> str:
    """The one way a notebook is written: indent 1, sorted keys, a final newline."""
    return nbformat.v4.writes(notebook).rstrip("\n") + "\n"


def write_all(texts: Mapping[Path, str], stale: Iterable[Path] = ()) -> None:
    """Write all files or none, then remove the stale ones."""
    waiting: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.new")
            waiting[temporary] = path
            temporary.write_text(text, encoding="utf-8", newline="\n")
        for temporary, path in waiting.items():
            os.replace(temporary, path)
    finally:
        for temporary in waiting:
            temporary.unlink(missing_ok=True)
    for path in stale:
        path.unlink()
