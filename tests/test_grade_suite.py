"""`course grade` on all attacks, all solutions and all untouched notebooks, by its real command."""

import csv
import hashlib
import os
import re
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import as_user
import attack_suite
import matplotlib
import pytest

from course_utils.exercises import registry
from course_utils.grading.report import COLUMNS, STATUSES
from course_utils.sandbox import walls as sandbox

ROOT = Path(__file__).resolve().parents[1]
COURSE = Path(sysconfig.get_path("scripts")) / "course"
LECTURES = {path.name[:2] for path in (ROOT / "solutions").glob("*.ipynb")}
EXERCISES = [name for name in registry.names() if name[:2] in LECTURES]
REPORT = {"grades.csv", "totals.csv", "grades.json", "summary.html", "feedback", ".parts"}
PLANTED = ("planted", "planted.ipynb", "trace", "bomb", "fill", "small0")  # by attacks
SCRATCH = ("/", "/usr", "/etc", "/dev", "/dev/shm", "/run", "/tmp", "/var/tmp", sys.base_prefix)


@dataclass(frozen=True)
class Graded:
    """What the command left behind."""

    rows: list[dict[str, str]]
    said: str
    folder: Path
    before: dict[str, str]  # all files that are the instructor's
    after: dict[str, str]


def contents(*folders: Path) -> dict[str, str]:
    """Every file below the folders, and a digest of what is in it."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for folder in folders
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graded]:
    report = sandbox.self_test()
    if report.kind == "none":
        under_ci = os.environ.get("CI") == "true"
        (pytest.fail if under_ci else pytest.skip)(report.sentence)
    folder = tmp_path_factory.mktemp("instructor")
    submissions, home, scratch = folder / "in", folder / "home", folder / "scratch"
    for place in (home, scratch):
        place.mkdir()
    (home / "secret").write_text("of the instructor")
    files = [home / "secret", submissions, ROOT / "solutions", ROOT / "tests", "/etc/passwd"]
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        abstract = f"course-suite-{os.getpid()}"
        named.bind(f"\0{abstract}")
        named.listen()
        outside = {
            "FILES": repr([str(path) for path in files]),
            "FOLDER": repr(str(home)),
            "PORT": str(server.getsockname()[1]),
            "ABSTRACT": abstract,
            "PID": str(os.getpid()),
        }
        attack_suite.write(submissions, outside)
        before = contents(submissions, home)
        jobs = "2" if os.geteuid() == 0 else "1"  # so that both are tried
        done = subprocess.run(
            [str(COURSE), "grade", "in", "--out", "out", "--jobs", jobs, "--root", str(ROOT)],
            cwd=folder,
            env={
                **os.environ,
                "HOME": str(home),
                "TMPDIR": str(scratch),
                "MPLCONFIGDIR": matplotlib.get_cachedir(),  # its list of fonts, not into `home`
                "TQDM_DISABLE": "1",
            },
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert all(line.startswith("course: ") for line in done.stderr.splitlines()), done.stderr
    with (folder / "out" / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    yield Graded(rows, done.stdout, folder, before, contents(submissions, home))


def statuses(graded: Graded, kind: str) -> dict[str, str]:
    """Student and exercise, and what came out, of those whose name begins so."""
    rows = [row for row in graded.rows if row["student"].split("-")[0] == kind]
    return {f"{row['student']} {row['exercise']}": row["status"] for row in rows}


def points(graded: Graded, kind: str) -> set[str]:
    return {row["points"] for row in graded.rows if row["student"].split("-")[0] == kind}


def test_no_mark_is_forged(graded: Graded) -> None:
    found = statuses(graded, "forging")
    assert len(found) == len(attack_suite.forging.ATTACKS)
    assert "ok" not in found.values() and points(graded, "forging") == {"0"}, found


def test_nothing_escapes(graded: Graded) -> None:
    """ok: all was tried, nothing worked."""
    found = statuses(graded, "escaping")
    assert len(found) == len(attack_suite.escaping.ATTACKS)
    assert set(found.values()) == {"ok"}, [row for row in graded.rows if row["status"] == "error"]


def test_damage_is_reported_in_a_sentence(graded: Graded) -> None:
    found = statuses(graded, "damaged")
    assert len(found) == len(attack_suite.DAMAGED)
    assert set(found.values()) | set(statuses(graded, "path").values()) == {"error"}
    for row in graded.rows:
        assert re.fullmatch(r"[^\n]{10,600}", row["message"]), row


def test_solutions_get_full_marks_and_untouched_notebooks_none(graded: Graded) -> None:
    project = "not attempted"  # the row of lecture 09, which has no exercises
    solved = {f"solved {name}": "ok" for name in EXERCISES}
    assert statuses(graded, "solved") == {**solved, "solved ": project}
    assert statuses(graded, "untouched") == {
        f"untouched {name}": "not attempted" for name in [*EXERCISES, ""]
    }
    for row in graded.rows:
        assert row["points"] == (row["max_points"] if row["status"] == "ok" else "0")


def test_one_crash_costs_one_exercise(graded: Graded) -> None:
    found = statuses(graded, "ends")
    assert found.pop("ends-itself 04.elbo") == "crashed"
    assert len(found) == 4 and set(found.values()) == {"ok"}


def test_every_submission_is_reported(graded: Graded) -> None:
    names = {path.name.removesuffix(".zip") for path in (graded.folder / "in").iterdir()}
    assert names == {row["student"] for row in graded.rows}
    assert tuple(graded.rows[0]) == COLUMNS
    pages = {path.name for path in (graded.folder / "out" / "feedback").iterdir()}
    handed_in = {(row["student"], row["lecture"] or "unknown") for row in graded.rows}
    assert pages == {f"{student}_{lecture}.html" for student, lecture in handed_in}


def test_it_ends_with_one_line_of_counts(graded: Graded) -> None:
    assert graded.said.count("\n") == 1 and graded.said.endswith("See out/summary.html.\n")
    for status in STATUSES:
        count = sum(row["status"] == status for row in graded.rows)
        assert re.search(rf"\b{count} {status}[,.]", graded.said), (status, count, graded.said)


def test_nothing_is_written_outside(graded: Graded) -> None:
    assert graded.after == graded.before
    assert {path.name for path in graded.folder.iterdir()} == {"in", "out", "home", "scratch"}
    assert {path.name for path in (graded.folder / "out").iterdir()} == REPORT
    assert list((graded.folder / "scratch").iterdir()) == []
    places = [*map(Path, SCRATCH), ROOT, graded.folder.parent, ROOT / "course_utils"]
    assert [place / name for place in places for name in PLANTED if (place / name).exists()] == []


def test_nobody_is_left(graded: Graded) -> None:
    """Whoever was in the sandbox had a folder of the command's own mounted."""
    left = []
    for mounted in Path("/proc").glob("[0-9]*/mountinfo"):
        try:
            if f"{graded.folder.name}/scratch/course-grader-" in mounted.read_text():
                left.append(mounted.parent.name)
        except OSError:  # another user's, or it ended meanwhile
            continue
    assert left == []


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests run as an ordinary user already")
def test_as_an_ordinary_user() -> None:
    """All the same, with the command started by an ordinary user."""
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    assert "9 passed, 1 skipped" in as_user.run_tests(__file__)
