"""`course release`: what students get, without answers; or the same lectures for nbgrader.

The bundle holds notebooks/ and the package without `authoring` and `grading`. The package's own
versions of what students write stay in it, since lectures go on with them where an exercise is not
solved yet; `course grade` blocks them while it judges. What is proven here is that no line of an
official solution stands anywhere else.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from ..lectures import LectureError, is_code, lecture_of, normal_form, read, sources, tags, to_text
from . import build

COPIED = (
    "start.py",
    "environment.yml",
    "constraints.txt",
    "LICENSE",
    "LICENSE-text",
    ".gitignore",
    "docs/when_it_does_not_train.md",
)
NOT_FOR_STUDENTS = {"authoring", "grading", "cli.py", "lectures.py", "__pycache__"}
INSTRUCTORS_SECTIONS = ("project.scripts", "project.optional-dependencies", "tool.")

README = """\
# Deep generative models

{count} lectures as Jupyter notebooks. You need Python 3.11 to 3.14 and 2.5 GB of disk:

```
python3 start.py
```

makes `.venv`, installs what the course needs, and opens lecture 00 in JupyterLab; on Windows write
`py start.py`. With conda: `conda env create -f environment.yml`, `conda activate deep-generative`,
`jupyter lab`.

`python3 start.py update course.zip` takes a newer course from its zip: your lectures as they were
stay in `notebooks/before-DATE`, your answers go into the newer ones.

Start with `notebooks/00_start_here.ipynb`. Where an exercise asks for a function, replace its last
line, `return None`, and run the cell: `check(...)` judges your answer on fresh random numbers.
`hint("01.inverse_cdf")` gives a hint, `progress()` shows how far you are.

Hand in the notebook as it is: keep the names of the functions, and keep its name if you can.
While it is graded, the package's own versions of the exercises are not there to be called.

Code is under the MIT licence (`LICENSE`), text and figures under CC BY 4.0 (`LICENSE-text`).
"""

NBGRADER_CONFIG = """\
c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "deep-generative"
c.ClearSolutions.code_stub = {"python": %s}
c.ExecutePreprocessor.timeout = 600
"""

NBGRADER_README = """\
# The course for nbgrader

`source/` holds one assignment per lecture. nbgrader and `course_utils` have to be installed in the
Python of the kernel `python3`; students need `course_utils` too (`course release` makes a bundle).

```
nbgrader generate_assignment lecture01     # release/lecture01: what students get
nbgrader autograde lecture01               # marks submitted/*/lecture01
```

nbgrader runs a check in the same process as the student's code, which could therefore forge it;
`course grade` runs it outside.
"""


# --- the students' bundle --------------------------------------------------------------------


def bundle(root: Path, folder: Path) -> str:
    """Write the students' bundle into an empty or new folder, all or nothing.

    Returns:
        One sentence that says what was written.

    Raises:
        LectureError: when the lectures cannot be built, notebooks/ is out of date, an answer
            would leak, or the folder is not empty.
    """
    built = build.build_all(root)
    if stale := build.differences(root, built):  # the grader compares with what is in notebooks/
        raise LectureError("\n".join(stale))
    notebooks = {f"notebooks/{path.name}": text for path, text in built.items()}
    texts = {name: (root / name).read_text(encoding="utf-8") for name in COPIED}
    texts |= notebooks | dict(_package(root))
    pyproject = (root / "pyproject.toml").read_text(encoding="utf-8")
    texts["pyproject.toml"] = students_pyproject(pyproject)
    texts["README.md"] = README.format(count=len(notebooks))
    if found := leaks(root, texts):
        raise LectureError("\n".join(found))
    _write_folder(folder, texts)
    return f"{len(notebooks)} lectures and the package are in {folder}, without answers."


def _package(root: Path) -> Iterator[tuple[str, str]]:
    """The package's files, without the instructor's side."""
    for path in sorted((root / "course_utils").rglob("*")):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and not NOT_FOR_STUDENTS & set(parts):
            yield "/".join(parts), path.read_text(encoding="utf-8")


def students_pyproject(text: str) -> str:
    """pyproject.toml without the command `course`, the tests' packages and the tools."""
    head, *sections = re.split(r"^(?=\[)", text, flags=re.MULTILINE)
    kept = [
        section
        for section in sections
        if section.startswith("[tool.setuptools")
        or not section[1:].startswith(INSTRUCTORS_SECTIONS)
    ]
    return (head + "".join(kept)).rstrip() + "\n"


def leaks(root: Path, texts: Mapping[str, str]) -> list[str]:
    """Lines of official solutions in files of the bundle, one sentence each.

    The package's own versions, and the checks, are not searched: they compute the same on purpose.
    """
    answers = {
        line: f"{path.name}, {place}"
        for path in sources(root)
        for place, line in _solution_lines(read(path))
    }
    found = []
    for name, text in texts.items():
        if name.startswith("course_utils/"):
            continue
        bare = re.sub(r"\s|\\n", "", text)
        written = bare.replace('\\"', '"')  # a notebook's cells are JSON strings
        found += [
            f"{name} holds a line of a solution ({place}): `{line}`."
            for line, place in answers.items()
            if line in bare or line in written
        ]
    return found


def _solution_lines(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """(cell's id, what the line computes) for each line of an answer that could betray it."""
    for cell in filter(is_code, notebook.cells):
        answer = build.find_answer(cell.source)
        if answer:
            for line in answer.lines(cell.source):
                if telling := build._telling(line):
                    yield cell.id, telling


# --- nbgrader --------------------------------------------------------------------------------


def nbgrader(root: Path, folder: Path) -> str:
    """Write a course directory for nbgrader into an empty or new folder.

    Each exercise becomes an answer cell and a locked cell with its check, worth its points.

    Returns:
        One sentence that says what was written.

    Raises:
        LectureError: as `bundle`.
    """
    from ..exercises import registry

    build.build_all(root)  # refuses a lecture that is malformed
    points = {name: registry.get(name).points for name in registry.names()}
    texts = {
        "nbgrader_config.py": NBGRADER_CONFIG % json.dumps("\n".join(build.STUB)),
        "README.md": NBGRADER_README,
    }
    for path in sources(root):
        notebook = for_nbgrader(read(path), lecture_of(path), points)
        texts[f"source/lecture{lecture_of(path)}/{path.name}"] = to_text(notebook)
    _write_folder(folder, texts)
    return f"{len(texts) - 2} assignments for nbgrader are in {folder}: see its README.md."


def for_nbgrader(source: NotebookNode, lecture: str, points: Mapping[str, int]) -> NotebookNode:
    """A lecture with its answers, in nbgrader's source format: a cell for each answer and check."""
    cells = []
    for cell in source.cells:
        if "instructor" in tags(cell):
            continue
        answer = build.find_answer(cell.source) if is_code(cell) else None
        if is_code(cell):
            cell = new_code_cell(cell.source, id=cell.id, metadata=cell.metadata)
        cells.append(cell)
        if answer is None:
            continue
        name = next(m[1] for m in build.CHECK.finditer(cell.source))
        line = rf"^check\(\s*[\"']{re.escape(name)}[\"'].*$"
        cell.source = re.sub(line, "", cell.source, flags=re.MULTILINE).strip()
        cell.metadata["nbgrader"] = _metadata(answer.function, solution=True, locked=False)
        checked = (
            f'result = check("{name}", {answer.function})\nassert result.passed, result.message'
        )
        worth = points[name] if name.startswith(lecture) else 0  # asked for again: marked there
        mark = _metadata(f"{answer.function}-check", grade=True, points=worth)
        cells.append(new_code_cell(checked, id=f"{cell.id}-check", metadata={"nbgrader": mark}))
    return normal_form(cells, lecture)


def _metadata(
    name: str, *, grade: bool = False, solution: bool = False, locked: bool = True, points: int = 0
) -> dict:
    """What nbgrader stores with a cell."""
    content = {
        "grade": grade,
        "grade_id": name,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }
    return content | ({"points": points} if grade else {})


# --- writing ---------------------------------------------------------------------------------


def _write_folder(folder: Path, texts: Mapping[str, str]) -> None:
    """Write a folder whole or not at all.

    Raises:
        LectureError: when there is something in it already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LectureError(f"{folder} is not empty: name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        scratch.chmod(0o755)  # mkdtemp makes it private
        for name, text in texts.items():
            path = scratch / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        if folder.exists():
            folder.rmdir()
        os.replace(scratch, folder)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
