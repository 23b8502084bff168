"""`course release`: the students' bundle holds no answer, and nbgrader takes its format."""

import csv
import json
import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nbformat import NotebookNode

from course_utils import cli
from course_utils.authoring import build, release
from course_utils.exercises import registry
from course_utils.lectures import LectureError, is_code, read, sources

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release") / "course"
    assert "without answers" in release.bundle(ROOT, folder)
    return folder


def files(folder: Path) -> dict[str, str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in paths}


def answers() -> list[tuple[str, list[str]]]:
    """(where, lines) of each official solution, found here without the release's own search."""
    found = []
    for path in sources(ROOT):
        for cell in read(path).cells:
            marked = r"### BEGIN SOLUTION\n(.*?)### END SOLUTION"  # a class has several
            if bodies := re.findall(marked, cell.source, re.DOTALL):
                lines = [line.split("  #")[0] for line in "".join(bodies).splitlines()]
                found.append(
                    (f"{path.name}, {cell.id}", [re.sub(r"\s", "", x) for x in lines if x])
                )
    return found


# --- the bundle ------------------------------------------------------------------------------


def test_the_bundle_is_what_a_student_needs(bundle: Path) -> None:
    found = files(bundle)
    tops = {name.split("/")[0] for name in found}
    assert tops == {
        *(name.split("/")[0] for name in release.COPIED),
        "README.md",
        "course_utils",
        "notebooks",
        "pyproject.toml",
    }
    instructors = ("course_utils/grading", "course_utils/authoring")
    assert not any(name.startswith(instructors) for name in found)
    assert "course_utils/exercises/registry.py" in found
    assert any(name.endswith("course.mplstyle") for name in found)
    assert any(name.endswith("widgets/spoken.js") for name in found)
    notebooks = {path.name for path in sources(ROOT)}
    assert {n.removeprefix("notebooks/") for n in found if n.startswith("notebooks/")} == notebooks
    assert f"{len(notebooks)} lectures" in found["README.md"]
    for name in re.findall(r"`([\w/]+\.(?:py|yml|ipynb))`", found["README.md"]):
        assert name in found
    for word in ("solutions", "grading", "course verify"):
        assert word not in found["README.md"]


def test_no_line_of_an_answer_is_in_the_bundle(bundle: Path) -> None:
    """Line by line, with its assignment; not in the package, which computes the same on purpose."""
    found = {n: re.sub(r"\s", "", t) for n, t in files(bundle).items()}
    outside = {n: t.replace('\\"', '"') for n, t in found.items() if "course_utils" not in n}
    checked = 0
    for where, lines in answers():
        for line in lines:
            if len(line) >= 20 and not line.startswith(("#", '"""')):
                checked += 1
                assert not [n for n, text in outside.items() if line in text], (where, line)
    assert checked > 3 * len(sources(ROOT)) / 2
    for name, text in found.items():
        if name.startswith("notebooks/"):
            assert "SOLUTION" not in text and '"outputs":[{' not in text, name


def test_no_whole_answer_is_in_the_package_outside_twins_and_checks(bundle: Path) -> None:
    known = {registry.get(name).twin for name in registry.names()}
    rooms = {twin.split(":")[0].split(".")[1] for twin in known if twin} | {"exercises"}
    for name, text in files(bundle / "course_utils").items():
        if name.removesuffix(".py").split("/")[0] in rooms:
            continue
        bare = re.sub(r"\s", "", text)
        for where, lines in answers():
            assert "".join(lines) not in bare, (where, name)


def test_the_package_works_without_the_instructors_side(bundle: Path, tmp_path: Path) -> None:
    code = (
        "import course_utils, sys; from course_utils.exercises import check, registry;"
        "print(course_utils.__file__);"
        "assert len(registry.names()) > 1 and 'course_utils.grading' not in sys.modules;"
        "f = lambda x: (x.mean(), x.std(correction=0));"
        "assert check('00.mean_and_std', f).passed"
    )
    environment = {**os.environ, "PYTHONPATH": str(bundle)}
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert str(bundle) in done.stdout


def test_pyproject_is_the_courses_without_the_instructors_parts(bundle: Path) -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    theirs = tomllib.loads((bundle / "pyproject.toml").read_text("utf-8"))
    project = {**ours["project"]}
    del project["scripts"], project["optional-dependencies"]
    assert theirs["project"] == project
    assert theirs["build-system"] == ours["build-system"]
    assert theirs["tool"] == {"setuptools": ours["tool"]["setuptools"]}


def test_an_answer_that_leaks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    leak = next(line for _, lines in answers() for line in lines if len(line) > 30)
    line = next(
        x.strip()
        for path in sources(ROOT)
        for cell in read(path).cells
        for x in cell.source.splitlines()
        if re.sub(r"\s", "", x.split("  #")[0]) == leak
    )
    monkeypatch.setattr(release, "README", release.README + f"\nWrite `{line}`.\n")
    with pytest.raises(LectureError, match=r"README.md holds a line of a solution"):
        release.bundle(ROOT, tmp_path / "b")
    assert list(tmp_path.iterdir()) == []
    escaped = {"notebooks/x.ipynb": json.dumps({"source": ["    " + line + "\n"]})}
    assert release.leaks(ROOT, escaped)


def test_notebooks_that_are_out_of_date_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "build_all", lambda root: {root / "notebooks" / "00_new.ipynb": ""})
    with pytest.raises(LectureError, match=r"00_new.ipynb is missing: run `course build`"):
        release.bundle(ROOT, tmp_path / "b")


def test_a_folder_with_something_in_it_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    for place in (tmp_path, tmp_path / "mine.txt"):
        assert cli.main(["release", str(place), "--root", str(ROOT)]) == 1
        assert "is not empty" in capsys.readouterr().err
    assert (tmp_path / "mine.txt").read_text() == "keep me" and len(list(tmp_path.iterdir())) == 1


def test_the_command_writes_into_an_empty_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "new").mkdir()
    words = ["release", str(tmp_path / "new"), "--format", "nbgrader", "--root", str(ROOT)]
    assert cli.main(words) == 0
    assert "assignments for nbgrader" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["new"]
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o755 or os.name == "nt"


# --- nbgrader --------------------------------------------------------------------------------


def for_nbgrader(path: Path) -> NotebookNode:
    points = {name: 3 for name in registry.names()}
    return release.for_nbgrader(read(path), path.name[:2], points)


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: path.stem)
def test_each_exercise_is_an_answer_and_a_locked_check(path: Path) -> None:
    notebook = for_nbgrader(path)
    marked = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    names = [name for name in registry.names() if name.startswith(path.name[:2])]
    own = []
    identities = [cell.metadata.nbgrader.grade_id for cell in marked]
    assert len(set(identities)) == len(identities)
    assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)
    for solution, checked in zip(marked[::2], marked[1::2], strict=True):
        asked, told = solution.metadata.nbgrader, checked.metadata.nbgrader
        name = re.search(r'check\("([^"]+)"', checked.source)[1]
        own += [name] if name in names else []
        assert name in registry.names() and f'check("{name}"' not in solution.source
        assert build.find_answer(solution.source).function == asked.grade_id
        assert (asked.solution, asked.grade, asked.locked) == (True, False, False)
        worth = 3 if name in names else 0  # asked for again: its mark belongs to its lecture
        assert (told.solution, told.grade, told.locked, told.points) == (False, True, True, worth)
        assert f'check("{name}", {asked.grade_id})' in checked.source
    assert sorted(own) == sorted(names)
    assert all(not cell.outputs for cell in notebook.cells if is_code(cell))


NO_NETWORK = re.compile(r"NewConnection|ame resolution|unreachable|timed out|Retrying|Proxy")


@pytest.fixture(scope="module")
def nbgrader(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command nbgrader, in an environment of its own that borrows the course's packages."""
    wanted = os.environ.get("COURSE_NBGRADER", "")
    if not wanted and os.environ.get("CI") != "true":
        pytest.skip("takes a minute and PyPI: set COURSE_NBGRADER=1 to run it, as CI does")
    folder = tmp_path_factory.mktemp("nbgrader") if wanted in ("", "1") else Path(wanted)
    command = folder / "bin" / "nbgrader"
    if command.exists():
        return command
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    own = next((folder / "lib").glob("python*")) / "site-packages"
    borrow = "".join(f"import site; site.addsitedir({p!r})\n" for p in site.getsitepackages())
    (own / "borrowed.pth").write_text(borrow)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, "nbgrader>=0.9.5,<1"], capture_output=True, text=True)
    if done.returncode and NO_NETWORK.search(done.stderr):
        pytest.skip("PyPI cannot be reached from here")
    assert done.returncode == 0, done.stderr[-2000:]
    return command


@pytest.mark.skipif(os.name == "nt", reason="nbgrader needs a Unix system")
def test_the_real_nbgrader_gives_full_marks_and_none(nbgrader: Path, tmp_path: Path) -> None:
    course = tmp_path / "course"
    release.nbgrader(ROOT, course)
    environment = {**os.environ, "PATH": f"{nbgrader.parent}{os.pathsep}{os.environ['PATH']}"}
    environment["OMP_NUM_THREADS"] = "1"

    def run(*words: str) -> None:
        command = [str(nbgrader), *words]
        done = subprocess.run(command, cwd=course, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr[-3000:]

    run("generate_assignment", "lecture00")
    name = "00_start_here.ipynb"
    released = course / "release" / "lecture00" / name
    for student, path in (("solved", course / "source" / "lecture00" / name), ("stub", released)):
        (course / "submitted" / student / "lecture00").mkdir(parents=True)
        shutil.copy(path, course / "submitted" / student / "lecture00" / name)
    assert build.STUB[0] in released.read_text("utf-8") and "SOLUTION" not in released.read_text()
    run("autograde", "lecture00")
    run("export")
    with (course / "grades.csv").open(newline="") as file:
        scores = {
            row["student_id"]: (row["score"], row["max_score"]) for row in csv.DictReader(file)
        }
    points = float(registry.get("00.mean_and_std").points)
    assert {s: tuple(map(float, x)) for s, x in scores.items()} == {
        "solved": (points, points),
        "stub": (0.0, points),
    }
