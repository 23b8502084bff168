"""`course grade` around a grader that does as it is told: rows, resuming, processes, a cluster."""

import csv
import importlib.util
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils import cli
from course_utils.grading import grade, marking
from course_utils.grading.grade import Options, read_points
from course_utils.grading.marking import Cell, Mark, SandboxError, SandboxReport, Settings
from course_utils.grading.report import COLUMNS, STATUSES
from course_utils.lectures import LectureError

NAMES = ["01.double", "01.treble", "02.half"]
OK = "def double(x): 'ok'\ndef treble(x): 'ok'"
MIXED = "def double(x): 'wrong'\ndef treble(x): 'timeout'"
LOG = "COURSE_TEST_LOG"  # a file, one line for each submission that was judged


class Obedient:
    """A grader whose marks are what the functions' text says; a text of `kill` kills it."""

    report = SandboxReport("test", True, "A sandbox for tests.")

    def __init__(self, settings: Settings, root: Path | None, hidden: tuple[Path, ...]):
        if settings.unsafe:
            self.report = SandboxReport("none", False, "UNSAFE: none.")

    def __enter__(self) -> "Obedient":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def judge(self, cells: Sequence[Cell], lecture: str, secret: int) -> list[Mark]:
        text = "\n".join(cell.source for cell in cells)
        with open(os.environ[LOG], "a", encoding="utf-8") as log:
            log.write(f"{os.getpid()} {hash(text)} {secret}\n")
        if "slow" in text:
            time.sleep(0.3)
        if "kill" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        if "once" in text and not Path(os.environ[LOG] + ".once").exists():
            Path(os.environ[LOG] + ".once").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if "raise" in text:
            raise RuntimeError("the pipe\nbroke")
        marks = []
        for name in ("double", "treble", "half"):
            if f"def {name}" in text:
                status = text.split(f"def {name}(x): '")[1].split("'")[0]
                slug = "no-double" if status == "wrong" else ""
                exercise = f"{'02' if name == 'half' else '01'}.{name}"
                marks.append(Mark(exercise, status, 7, 7, slug, f"It is {status}.", 0.1))
        return marks


@pytest.fixture(autouse=True)
def course(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A course of three exercises, a sandbox that is there, and a log."""
    from course_utils.exercises import registry

    root = tmp_path / "course"
    for name in ("notebooks", "solutions", "course_utils"):
        (root / name).mkdir(parents=True)
    for stem in ("01_one", "02_two"):
        (root / "notebooks" / f"{stem}.ipynb").write_text('{"cells": []}')
    monkeypatch.setattr(registry, "names", lambda: NAMES)
    monkeypatch.setattr(registry, "get", lambda name: SimpleNamespace(points=2))
    monkeypatch.setattr(grade, "sandbox_for", lambda settings: Obedient.report)
    monkeypatch.setenv(LOG, str(tmp_path / "log"))
    return root


def notebook(source: str) -> str:
    return json.dumps({"cells": [{"cell_type": "code", "source": source}]})


def hand_in(tmp_path: Path, **students: str) -> Path:
    for student, source in students.items():
        path = tmp_path / "in" / student / "n.ipynb"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source if source.startswith("!") else notebook(source), "utf-8")
    return tmp_path / "in"


def run(tmp_path: Path, **options: object) -> tuple[list, list[str]]:
    root, out = tmp_path / "course", tmp_path / "out"
    graded = grade.grade(tmp_path / "in", out, root, Options(**options), Obedient)
    return graded.rows, graded.faults


def judged(tmp_path: Path) -> list[str]:
    log = tmp_path / "log"
    return log.read_text().splitlines() if log.exists() else []


def statuses(rows: list) -> dict[tuple[str, str], str]:
    return {(row.student, row.exercise): row.status for row in rows}


def grades(tmp_path: Path) -> list[dict[str, str]]:
    text = (tmp_path / "out" / "grades.csv").read_bytes().decode("utf-8")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# --- rows ------------------------------------------------------------------------------------


def test_every_submission_gets_its_rows(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=MIXED, cid="!no json", dan="x = 1", eve="def half(x): 'ok'")
    (tmp_path / "in" / "fay").mkdir()
    (tmp_path / "in" / "gus").mkdir()
    (tmp_path / "in" / "gus" / "01_one.ipynb").write_text("")
    rows, faults = run(tmp_path)
    assert faults == []
    assert statuses(rows) == {
        ("ann", "01.double"): "ok",
        ("ann", "01.treble"): "ok",
        ("bob", "01.double"): "wrong",
        ("bob", "01.treble"): "timeout",
        ("cid", ""): "error",
        ("dan", ""): "not attempted",
        ("eve", "02.half"): "ok",
        ("fay", ""): "not attempted",
        ("gus", "01.double"): "error",
        ("gus", "01.treble"): "error",
    }
    assert len(judged(tmp_path)) == 3
    table = grades(tmp_path)
    assert tuple(table[0]) == COLUMNS
    assert [row["student"] for row in table] == [row.student for row in rows]
    assert {row["status"] for row in table} <= set(STATUSES)
    first, second = table[0], table[2]
    assert (first["points"], first["max_points"], first["misconception"]) == ("2", "2", "")
    assert (second["points"], second["misconception"]) == ("0", "no-double")
    assert "empty" in table[-1]["message"] and table[-1]["max_points"] == "2"


def test_a_lecture_without_exercises_is_reported_and_not_judged(
    tmp_path: Path, course: Path
) -> None:
    (course / "notebooks" / "09_own.ipynb").write_text('{"cells": []}')
    hand_in(tmp_path, ann=OK)
    path = tmp_path / "in" / "bob" / "09_own.ipynb"
    path.parent.mkdir()
    path.write_text(notebook("x = 1"), "utf-8")
    rows, _ = run(tmp_path)
    assert statuses(rows)["bob", ""] == "not attempted" and len(judged(tmp_path)) == 1
    assert grades(tmp_path)[-1]["lecture"] == "09"
    assert grades(tmp_path)[-1]["message"] == "There are no exercises in this lecture."


def test_a_grader_that_forgets_an_exercise_or_invents_one_is_seen(tmp_path: Path) -> None:
    hand_in(tmp_path, ann="def double(x): 'ok'\ndef half(x): 'ok'")
    rows, _ = run(tmp_path)
    assert statuses(rows) == {("ann", "01.double"): "ok", ("ann", "01.treble"): "crashed"}


def test_points_come_from_the_file(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK)
    rows, _ = run(tmp_path, points={"01.treble": 0.5})
    assert [(row.points, row.max_points) for row in rows] == [(2, 2), (0.5, 0.5)]
    run(tmp_path, points={"01.treble": 4})  # other points need no judging
    assert grades(tmp_path)[1]["max_points"] == "4" and len(judged(tmp_path)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("01.double;2", "line 1: write"),
        ("exercise,points\n01.dubble,2", "line 2: there is no exercise '01.dubble'"),
        ("01.double,two", "'two' is not a number"),
        ("01.double,-1", "'-1' is not a number"),
        ("01.double,nan", "'nan' is not a number"),
        ("01.double,1\n\n01.double,1", "line 3: '01.double' has points"),
    ],
)
def test_a_points_file_is_read_strictly(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_points(tmp_path / "p.csv", NAMES)


def test_a_points_file_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_bytes(
        "\ufeffexercise,points\r\n# a remark\r\n01.double, 2.5\r\n".encode()
    )
    assert read_points(tmp_path / "p.csv", NAMES) == {"01.double": 2.5}


# --- a second run ----------------------------------------------------------------------------


def test_a_second_run_judges_only_what_is_new(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=MIXED)
    run(tmp_path)
    out = tmp_path / "out"
    names = ("grades.csv", "grades.json", "summary.html", "feedback/ann_01.html")
    before = {name: (out / name).read_bytes() for name in names}
    run(tmp_path)
    assert len(judged(tmp_path)) == 2
    assert {name: (out / name).read_bytes() for name in names} == before
    hand_in(tmp_path, bob=OK, cid=OK)
    rows, _ = run(tmp_path)
    assert len(judged(tmp_path)) == 4 and statuses(rows)["bob", "01.double"] == "ok"


def test_the_grades_of_another_folder_are_not_replaced(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=OK)
    run(tmp_path)
    before = (tmp_path / "out" / "grades.csv").read_bytes()
    (tmp_path / "in").rename(tmp_path / "first")
    (hand_in(tmp_path, cid=OK)).rename(tmp_path / "late")

    def run_late() -> list:
        root, out = tmp_path / "course", tmp_path / "out"
        return grade.grade(tmp_path / "late", out, root, Options(), Obedient).rows

    with pytest.raises(ValueError, match=r"grades of 2 other hand-ins.*with --out") as refused:
        run_late()
    assert "\n" not in str(refused.value)
    assert (tmp_path / "out" / "grades.csv").read_bytes() == before
    for name in ("ann", "bob"):  # a folder with the old ones and more, as a new download is
        (tmp_path / "first" / name).rename(tmp_path / "late" / name)
    assert {row.student for row in run_late()} == {"ann", "bob", "cid"}
    (tmp_path / "late" / "ann" / "n.ipynb").unlink()  # withdrawn, in the same folder
    assert "bob" in {row.student for row in run_late()}


def test_two_zips_in_one_folder_are_two_classes(tmp_path: Path) -> None:
    for name, student in (("first", "ann"), ("second", "bob")):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr(f"{student}/n.ipynb", notebook(OK))

    def run_zip(name: str) -> list:
        root, out = tmp_path / "course", tmp_path / "out"
        return grade.grade(tmp_path / name, out, root, Options(), Obedient).rows

    assert {row.student for row in run_zip("first.zip")} == {"ann"}
    with pytest.raises(ValueError, match="grades of 1 other hand-in, and 1"):
        run_zip("second.zip")
    assert {row.student for row in run_zip("first.zip")} == {"ann"}


@pytest.mark.parametrize("change", ["seed", "released", "code", "damaged"])
def test_what_could_change_a_mark_is_judged_again(
    tmp_path: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(tmp_path, ann=OK)
    run(tmp_path, seed=1)
    if change == "released":
        (tmp_path / "course" / "notebooks" / "01_one.ipynb").write_text('{"cells":  []}')
    if change == "code":
        monkeypatch.setattr(grade, "code_version", lambda: "another")
    if change == "damaged":
        (part,) = [p for p in (tmp_path / "out" / ".parts").iterdir() if len(p.stem) == 32]
        part.write_text(part.read_text()[:-20])
    run(tmp_path, seed=2 if change == "seed" else 1)
    assert len(judged(tmp_path)) == 2


def test_each_hand_in_has_a_secret_of_its_own_and_a_seed_repeats_it(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=OK)  # the same answers, other draws

    def run_again(**options: int) -> tuple[list[str], dict]:
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        (tmp_path / "log").unlink(missing_ok=True)
        run(tmp_path, **options)
        stored = json.loads((tmp_path / "out" / "grades.json").read_text())
        return [line.split()[2] for line in judged(tmp_path)], stored["seeds"]

    (first, seeds), (second, _) = run_again(), run_again()
    assert len({*first, *second}) == 4
    ((seed, whose),) = seeds.items()
    assert whose == ["ann, 01", "bob, 01"]
    assert run_again(seed=int(seed)) == (first, seeds)
    for page in (tmp_path / "out").rglob("*.html"):
        assert seed not in page.read_text("utf-8")


def test_who_comes_later_is_judged_with_the_seed_of_that_run(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK)
    run(tmp_path)
    hand_in(tmp_path, bob=OK)
    run(tmp_path)
    seeds = json.loads((tmp_path / "out" / "grades.json").read_text())["seeds"]
    assert sorted(map(tuple, seeds.values())) == [("ann, 01",), ("bob, 01",)]


def test_results_are_on_disk_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hand_in(tmp_path, **{f"s{i}": OK for i in range(4)})
    real, calls = Obedient.judge, []

    def stops(self: Obedient, *task: object) -> list[Mark]:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(self, *task)

    monkeypatch.setattr(Obedient, "judge", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path)
    assert not (tmp_path / "out" / "grades.csv").exists()
    monkeypatch.setattr(Obedient, "judge", real)
    rows, _ = run(tmp_path)
    assert len(judged(tmp_path)) == 4 and len(rows) == 8


def test_a_failing_grader_is_no_mark_and_is_tried_again(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob="def double(x): 'raise'")
    rows, faults = run(tmp_path)
    assert faults == ["bob, lecture 01: the grader stopped with RuntimeError: the pipe broke"]
    assert statuses(rows)["bob", "01.double"] == "crashed"
    assert statuses(rows)["ann", "01.double"] == "ok"
    run(tmp_path)
    assert len(judged(tmp_path)) == 3


# --- several at a time -----------------------------------------------------------------------


def test_processes_share_the_work(tmp_path: Path) -> None:
    hand_in(tmp_path, **{f"s{i}": OK + f"  # slow {i}" for i in range(8)})
    rows, faults = run(tmp_path, jobs=2)
    workers = {line.split()[0] for line in judged(tmp_path)}
    assert faults == [] and len(rows) == 16 and {row.status for row in rows} == {"ok"}
    assert len(judged(tmp_path)) == 8 and len(workers) == 2 and str(os.getpid()) not in workers
    assert "OMP_NUM_THREADS" not in os.environ or os.environ["OMP_NUM_THREADS"] == "1"


def test_each_worker_has_its_share_of_the_processors() -> None:
    for processors, jobs in (([0, 1], 2), ([2, 5, 7], 2), (list(range(8)), 3)):
        shares = [grade.share(processors, place, jobs) for place in range(jobs)]
        assert set().union(*shares) == set(processors)
        assert sum(map(len, shares)) == len(processors)
        assert grade.share(processors, jobs, jobs) == shares[0]  # one that replaces the first
    assert [grade.share([0, 1], place, 4) for place in range(4)] == [{0}, {1}, {0}, {1}]


@pytest.mark.skipif(sys.platform == "win32", reason="processes are killed otherwise there")
def test_a_killed_worker_is_replaced_and_one_that_always_dies_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in(tmp_path, abe=OK + "  # once", **{f"s{i}": OK + f"  # {i}" for i in range(4)})
    rows, faults = run(tmp_path, jobs=2)
    assert faults == [] and len(rows) == 10 and {row.status for row in rows} == {"ok"}
    monkeypatch.setattr(grade, "RESTARTS", 1)
    hand_in(tmp_path, uma=OK + "  # kill")
    rows, faults = run(tmp_path, jobs=2)
    assert len(faults) == 1 and faults[0].startswith("uma, lecture 01: its worker process")
    assert statuses(rows)["uma", "01.double"] == "crashed" and len(rows) == 12


def test_a_worker_of_another_version_refuses(tmp_path: Path) -> None:
    task = grade.Task("k", None, "01", version="an older version", cells=(Cell(OK),))
    outcome = grade.judge(task, grade.Setup(Obedient, Settings()))
    assert "another version" in outcome.fault and judged(tmp_path) == []


CLUSTER = importlib.util.find_spec("distributed") is not None


@pytest.mark.skipif(not CLUSTER, reason="dask.distributed is not installed (extra `cluster`)")
def test_a_cluster_that_loses_a_worker_grades_all_once(tmp_path: Path) -> None:
    """Two workers, each a process; one is killed half-way."""
    count = 16
    students = {f"s{i:02}": OK + f"  # slow {i}" for i in range(count)}
    hand_in(tmp_path, **students)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    words = [sys.executable, "-c", CLUSTER_SCRIPT, str(tmp_path / "address")]
    host = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE)
    try:
        real, killed = grade._store, []
        address, victim = _wait_for(tmp_path / "address", 60).split()

        def store(parts: Path, key: str, outcome: grade.Outcome) -> None:
            real(parts, key, outcome)
            stored = len([p for p in parts.iterdir() if len(p.stem) == 32])
            at_work = any(line.split()[0] == victim for line in judged(tmp_path))
            if stored >= count // 2 and at_work and not killed:
                killed.append(stored)
                os.kill(int(victim), signal.SIGKILL)

        grade._store = store
        rows, faults = run(tmp_path, scheduler=address)
    finally:
        grade._store = real
        host.communicate(timeout=60)
    assert faults == [] and killed
    assert len(rows) == 2 * count and {row.status for row in rows} == {"ok"}
    parts = [p for p in (tmp_path / "out" / ".parts").iterdir() if len(p.stem) == 32]
    assert len(parts) == count
    workers = {line.split()[0] for line in judged(tmp_path)}
    assert victim in workers and len(workers) >= 2
    assert count <= len(judged(tmp_path)) <= count + 4  # what the victim had not yet sent


CLUSTER_SCRIPT = """
import os, sys
from distributed import Client, LocalCluster
if __name__ == "__main__":
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
        silence_logs=50,
    ) as cluster:
        with Client(cluster) as client:  # both have imported it before there is work to do
            client.run(__import__, "course_utils.grading.grade")
        worker = next(iter(cluster.workers.values()))
        with open(sys.argv[1] + ".new", "w") as file:
            file.write(f"{cluster.scheduler_address} {worker.pid}")
        os.replace(sys.argv[1] + ".new", sys.argv[1])
        sys.stdin.read()
"""


def _wait_for(path: Path, seconds: float) -> str:
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, "the cluster did not start"
        time.sleep(0.05)
    return path.read_text()


@pytest.mark.skipif(not CLUSTER, reason="dask.distributed is not installed (extra `cluster`)")
def test_a_scheduler_that_does_not_answer_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grade, "PATIENCE", 1)
    hand_in(tmp_path, ann=OK)
    with pytest.raises(ValueError, match="No scheduler answers at"):
        run(tmp_path, scheduler="tcp://127.0.0.1:9")


def test_without_dask_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    hand_in(tmp_path, ann=OK)
    with pytest.raises(ValueError, match="extra `cluster`"):
        run(tmp_path, scheduler="tcp://127.0.0.1:9")


# --- no sandbox, and the command -------------------------------------------------------------


def test_without_a_sandbox_nothing_is_run_unless_unsafe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    none = SandboxReport("none", False, "There is no bubblewrap here.")
    monkeypatch.setattr(marking, "self_test", lambda: none)
    monkeypatch.setattr(grade, "sandbox_for", marking.sandbox_for)
    hand_in(tmp_path, ann=OK)
    with pytest.raises(SandboxError, match=r"no bubblewrap here\. .*--unsafe"):
        run(tmp_path)
    assert command(tmp_path) == 1 and judged(tmp_path) == []
    run(tmp_path, unsafe=True)
    stored = json.loads((tmp_path / "out" / "grades.json").read_text())
    assert stored["unsafe"] is True and "none" in stored["sandbox"]
    for name in ("summary.html", "feedback/ann_01.html"):
        assert "without a sandbox" in (tmp_path / "out" / name).read_text("utf-8")


def command(tmp_path: Path, *more: str) -> int:
    words = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    return cli.main([*words, "--root", str(tmp_path / "course"), *more])


@pytest.fixture
def obedient(monkeypatch: pytest.MonkeyPatch) -> None:
    real = grade.grade
    monkeypatch.setattr(grade, "grade", lambda *a: real(*a, make_grader=Obedient))


@pytest.mark.usefixtures("obedient")
def test_the_command_ends_with_one_line_of_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hand_in(tmp_path, ann=OK, bob=MIXED)
    (tmp_path / "p.csv").write_text("01.double,3")
    assert command(tmp_path, "--seed", "3", "--points", str(tmp_path / "p.csv")) == 0
    out, err = capsys.readouterr()
    assert out.startswith(
        "2 submissions of 2 students: 2 ok, 1 wrong, 0 error, 1 timeout, 0 crashed, "
        "0 not attempted, 0 by hand."
    )
    assert out.count("\n") == 1 and err == "" and grades(tmp_path)[0]["max_points"] == "3"


@pytest.mark.usefixtures("obedient")
def test_the_command_names_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hand_in(tmp_path, ann=OK, bob="def double(x): 'raise'")
    assert command(tmp_path) == 1
    err = capsys.readouterr().err
    assert "bob, lecture 01" in err and "run it again" in err and "Traceback" not in err


@pytest.mark.parametrize(
    "words", [["--jobs", "0"], ["--seed", "-1"], ["--seed", "x"], ["--seed", str(2**70)]]
)
def test_bad_usage(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command(tmp_path, *words)
    assert ended.value.code == 2


def test_nothing_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(tmp_path) == 1
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(LectureError):
        run(tmp_path)
