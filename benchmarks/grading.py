"""Seconds per submission of `course grade` and its peers: `python benchmarks/grading.py`.

Submissions of one lecture are generated from its notebook: right answers and wrong ones of
tests/answers, and untouched stubs, mixed. `course grade --jobs 2` takes all of them; the peers run
the same checks on some of the same files, each in a throwaway environment that borrows the
course's packages, and have to give the same points. nbgrader and otter-grader run the checks in the
student's process, which this course does not.
"""

import argparse
import ast
import copy
import csv
import importlib
import json
import os
import random
import re
import resource
import shutil
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
from _peers import peer_python, table
from nbformat import NotebookNode

from course_utils.authoring import release
from course_utils.exercises import registry
from course_utils.lectures import is_code, read, to_text

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

OTTER_TEST = '''\
OK_FORMAT = True
test = {{
    "name": "{function}", "points": {points}, "suites": [{{
        "cases": [{{"code": r"""
>>> import contextlib, io
>>> with contextlib.redirect_stdout(io.StringIO()):
...     passed = check("{name}", {function}).passed
>>> assert passed
""", "hidden": False, "locked": False}}],
        "scored": True, "setup": "", "teardown": "", "type": "doctest",
    }}],
}}
'''


def main() -> None:
    options = read_options()
    with tempfile.TemporaryDirectory(prefix="grading-") as scratch:
        folder = Path(scratch)
        names = generate(folder / "in", options.lecture, options.submissions)
        sample = names[: options.sample]
        ours, points, memory = course_grade(folder)
        rows = [("course grade --jobs 2", len(names), ours, 1.0)]
        print(f"the grader's own peak memory: {memory:.0f} MiB")
        peers = () if options.alone else (("nbgrader", nbgrader), ("otter-grader", otter))
        for peer, grade in peers:
            python = peer_python(peer, [peer])
            borrow(python)
            seconds, theirs = grade(folder, options.lecture, sample, python)
            wrong = {name: (points[name], theirs[name]) for name in sample}
            wrong = {name: pair for name, pair in wrong.items() if pair[0] != pair[1]}
            if wrong:
                raise SystemExit(f"{peer} gives other points: {wrong}")
            rows.append((f"{peer} {'autograde' if peer == 'nbgrader' else 'run'}", len(sample)))
            rows[-1] += (seconds, seconds / ours)
    print(f"lecture {options.lecture}, the same points on what both have graded")
    print(
        "course grade: two at a time, lecture cells skipped; the others: one by one, all cells run"
    )
    print(table(rows, ("", "submissions", "s per submission", "ratio")))


def read_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-venv", type=Path, metavar="FOLDER", help="keep environments here")
    parser.add_argument("--lecture", default="01", metavar="NN")
    parser.add_argument("--submissions", type=int, default=100, metavar="N")
    parser.add_argument("--sample", type=int, default=5, metavar="N", help="what peers grade (5)")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    return parser.parse_args()


# --- submissions -----------------------------------------------------------------------------


def notebook_of(lecture: str) -> Path:
    return next((ROOT / "notebooks").glob(f"{lecture}_*.ipynb"))


def generate(folder: Path, lecture: str, count: int) -> list[str]:
    """Write `count` student folders; the same ones each time. Returns the students."""
    released = read(notebook_of(lecture))
    answers = {
        name: importlib.import_module(f"answers.lecture{lecture}.{name.split('.')[1]}")
        for name in lecture_names(lecture)
    }
    chance = random.Random(0)
    students = [f"student{i:04}" for i in range(count)]
    for student in students:
        notebook = copy.deepcopy(released)
        for name, module in answers.items():
            kind = chance.choices(("right", "wrong", "stub"), (6, 3, 1))[0]
            wrong = [function for _, function in module.WRONG] or module.RIGHT
            choice = {"right": module.RIGHT, "wrong": wrong, "stub": [None]}
            function = chance.choice(choice[kind])
            if function is not None:
                answer(notebook, name, Path(module.__file__), function.__name__)
        path = folder / student / notebook_of(lecture).name
        path.parent.mkdir(parents=True)
        path.write_text(to_text(notebook), encoding="utf-8")
    return students


def answer(notebook: NotebookNode, name: str, module: Path, function: str) -> None:
    """Put a function of tests/answers, with what it needs of its module, into the stub's cell."""
    exercise = name.split(".")[1]
    statements = ast.parse(module.read_text(encoding="utf-8")).body
    needed, parts = {function}, []
    for node in reversed(statements):
        defines = {getattr(node, "name", "")} | {
            target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)
        }
        imports = isinstance(node, ast.Import | ast.ImportFrom)
        if imports or (defines & needed and not defines & {"RIGHT", "WRONG"}):
            needed |= {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
            parts.insert(0, ast.unparse(node))
    text = "\n".join(parts) + f"\n\n{exercise} = {function}\n"
    for cell in filter(is_code, notebook.cells):
        if re.search(rf"^(def|class) {exercise}\(", cell.source, re.MULTILINE):
            check = re.search(r"^check\(.*", cell.source, re.MULTILINE)
            cell.source = text + (check[0] if check else "")


# --- who grades ------------------------------------------------------------------------------


def course_grade(folder: Path) -> tuple[float, dict[str, float], float]:
    """Seconds per submission, points by student, and the peak memory of a process of ours, MiB."""
    words = [sys.executable, "-m", "course_utils.cli", "grade", str(folder / "in")]
    words += ["--out", str(folder / "out"), "--jobs", "2", "--root", str(ROOT)]
    seconds = timed(words, folder)
    points: dict[str, float] = {}
    with (folder / "out" / "grades.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            points[row["student"]] = points.get(row["student"], 0) + float(row["points"])
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return seconds / len(points), points, memory


def borrow(python: Path) -> None:
    """Let the peer's environment use the course's packages where it has none of its own."""
    own = next((python.parents[1] / "lib").glob("python*")) / "site-packages"
    lines = (f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages())
    (own / "borrowed.pth").write_text("".join(lines))


def nbgrader(
    folder: Path, lecture: str, students: list[str], python: Path
) -> tuple[float, dict[str, float]]:
    """`nbgrader autograde`: the answers of the generated files in the released notebook."""
    course, assignment = folder / "nbgrader", f"lecture{lecture}"
    release.nbgrader(ROOT, course)
    tool = str(python.parent / "nbgrader")
    timed([tool, "generate_assignment", assignment], course)
    name = notebook_of(lecture).name
    for student in students:
        released = nbformat.read(course / "release" / assignment / name, 4)
        given = {cell.id: cell.source for cell in read(folder / "in" / student / name).cells}
        for cell in released.cells:
            if cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source = re.sub(r"^check\(.*", "", given[cell.id], flags=re.MULTILINE)
        path = course / "submitted" / student / assignment / name
        path.parent.mkdir(parents=True)
        nbformat.write(released, path)
    seconds = timed([tool, "autograde", assignment], course)
    timed([tool, "export"], course)
    with (course / "grades.csv").open(newline="") as file:
        points = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    return seconds / len(students), points


def otter(
    folder: Path, lecture: str, students: list[str], python: Path
) -> tuple[float, dict[str, float]]:
    """`otter run`, one submission after the other, in this machine's own Python."""
    place = folder / "otter"
    (place / "tests").mkdir(parents=True)
    for name in lecture_names(lecture):
        function = name.split(".")[1]
        text = OTTER_TEST.format(name=name, function=function, points=registry.get(name).points)
        (place / "tests" / f"{function}.py").write_text(text, encoding="utf-8")
    tool = str(python.parent / "otter")
    timed([tool, "generate", "-t", "tests", "-o", "autograder.zip"], place)
    seconds, points = 0.0, {}
    for student in students:
        given = shutil.copy(folder / "in" / student / notebook_of(lecture).name, place)
        (place / student).mkdir()
        words = [tool, "run", "-a", "autograder.zip", "-o", str(place / student), str(given)]
        seconds += timed(words, place)
        stored = json.loads((place / student / "results.json").read_text(encoding="utf-8"))
        tests = [test for test in stored["tests"] if test.get("max_score")]
        points[student] = float(sum(test.get("score", 0) for test in tests))
    return seconds / len(students), points


def lecture_names(lecture: str) -> Iterator[str]:
    return (name for name in registry.names() if name.startswith(f"{lecture}."))


def timed(words: list[str], folder: Path) -> float:
    """Seconds that a command takes; it ends the benchmark if it fails."""
    path = f"{Path(words[0]).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PATH": path, "TQDM_DISABLE": "1"}
    start = time.perf_counter()
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
