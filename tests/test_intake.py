"""The grader's intake: every shape of hand-in, every trick of a path, every damaged file."""

import io
import json
import os
import random
import resource
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.grading import files, intake, report
from course_utils.grading.files import Unreadable
from course_utils.grading.intake import Submission
from course_utils.grading.notebook import Course, course, read_notebook
from course_utils.lectures import LectureError

KNOWN = Course(
    functions={"double": "01", "treble": "01", "half": "02"},
    stems={"01_one": "01", "02_two": "02"},
    ids={"one-a": "01", "one-b": "01", "two-a": "02"},
)
DOUBLE = "def double(x):\n    return 2 * x"
HALF = "def half(x):\n    return x / 2"


@pytest.fixture(autouse=True)
def spool(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the cells of what is collected are put."""
    monkeypatch.setattr(intake, "SPOOL_OF_TEST", tmp_path_factory.mktemp("spool"), raising=False)


def collect(
    place: Path, known: Course = KNOWN, skip: Path | None = None, asked: str = ""
) -> tuple[list[Submission], list[str]]:
    return intake.collect(place, known, intake.SPOOL_OF_TEST, skip, asked)


def cell(source: str, id: str | None = None, kind: str = "code") -> dict:
    return {"cell_type": kind, "source": source, "metadata": {}} | ({"id": id} if id else {})


def notebook(*cells: dict, lecture: object = None) -> bytes:
    metadata = {} if lecture is None else {"course": {"lecture": lecture}}
    content = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content).encode()


ONE = notebook(cell("import math"), cell(DOUBLE))
TWO = notebook(cell(HALF))


def folder(place: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    return place


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def who(found: list[Submission]) -> list[tuple[str, str]]:
    return [(given.student, given.lecture) for given in found]


# --- shapes of a hand-in ---------------------------------------------------------------------

SHAPES = {
    "student folders": {"ann/01_one.ipynb": ONE, "bob/01_one.ipynb": ONE},
    "folders in folders": {"ann/work/01_one.ipynb": ONE, "bob/a b/c/x.ipynb": ONE},
    "flat": {"ann_01_one.ipynb": ONE, "01_one - bob (2).ipynb": ONE},
    "flat, renamed": {"ann.ipynb": ONE, "bob.ipynb": ONE},
    "a zip per student": {
        "ann.zip": zipped({"01_one.ipynb": ONE}),
        "bob.zip": zipped({"x/y.ipynb": ONE}),
    },
    "a zip in a student's folder": {"ann/all.zip": zipped({"n.ipynb": ONE}), "bob/n.ipynb": ONE},
    "ended in .txt": {"ann/01_one.ipynb.txt": ONE, "bob/01_one.ipynb.json": ONE},
    "noise": {
        "ann/n.ipynb": ONE,
        "ann/.ipynb_checkpoints/n-checkpoint.ipynb": TWO,
        "__MACOSX/ann/._n.ipynb": b"\0",
        ".DS_Store": b"\0",
        "bob/n.ipynb": ONE,
        "grades.csv": b"",
    },
}
EXPECTED = [("ann", "01"), ("bob", "01")]


@pytest.mark.parametrize("files", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize("around", ["", "hand ins/"], ids=["bare", "wrapped"])
def test_every_shape_is_understood(
    tmp_path: Path, files: dict[str, bytes], archive: bool, around: str
) -> None:
    files = {around + name: data for name, data in files.items()}
    if archive:
        place = tmp_path / "hand ins.zip"
        place.write_bytes(zipped(files))
    else:
        place = folder(tmp_path / "given", files)
        place = place / around if around else place
    found, older = collect(place, KNOWN)
    assert who(found) == EXPECTED and older == []
    assert all(given.problems == () for given in found)
    assert [c.source for c in found[0].cells][-1] == DOUBLE


def test_a_wrapper_is_recognised_without_its_name(tmp_path: Path) -> None:
    (tmp_path / "download.zip").write_bytes(
        zipped({"class/ann/01_one.ipynb": ONE, "class/bob/01_one.ipynb": ONE})
    )
    assert who(collect(tmp_path / "download.zip", KNOWN)[0]) == EXPECTED
    (tmp_path / "one.zip").write_bytes(zipped({"ann/01_one.ipynb": ONE, "ann/02_two.ipynb": TWO}))
    assert who(collect(tmp_path / "one.zip", KNOWN)[0]) == [("ann", "01"), ("ann", "02")]


def test_one_students_own_folder_is_called_by_its_name(tmp_path: Path) -> None:
    place = folder(tmp_path / "ann", {"01_one.ipynb": ONE, "02_two.ipynb": TWO})
    assert who(collect(place, KNOWN)[0]) == [("ann", "01"), ("ann", "02")]


CANVAS = {
    "doejane_4711_100_01_one.ipynb": ONE,
    "doejane_LATE_4711_99_01_one-1.ipynb": notebook(cell("old = 1"), cell(DOUBLE)),
    "roemax_4712_101_my work.ipynb": TWO,
}
MOODLE = {
    "Jane Doe_4711_assignsubmission_file_/01_one.ipynb": ONE,
    "Max Roe_4712_assignsubmission_file_solution.ipynb": TWO,
    "Max Roe_4712_assignsubmission_onlinetext_onlinetext.html": b"<p>",
}
BLACKBOARD = {
    "Task 1_jdoe_attempt_2026-02-03-14-05-59_01_one.ipynb": ONE,
    "Task 1_jdoe_attempt_2026-02-03-14-05-58_01_one.ipynb": notebook(cell(DOUBLE, "old")),
    "Task 1_jdoe_attempt_2026-02-03-14-05-59.txt": b"Name: Jane",
    "Task 1_mroe_attempt_2026-02-03-14-05-59_x.ipynb": TWO,
}


@pytest.mark.parametrize(
    ("files", "students", "older"),
    [
        (CANVAS, ["doejane", "roemax"], 1),
        (MOODLE, ["Jane Doe", "Max Roe"], 0),
        (BLACKBOARD, ["jdoe", "mroe"], 1),
    ],
    ids=["Canvas", "Moodle", "Blackboard"],
)
def test_names_of_learning_platforms(
    tmp_path: Path, files: dict[str, bytes], students: list[str], older: int
) -> None:
    for place in (folder(tmp_path / "f", files), tmp_path / "all.zip"):
        if place.suffix:
            place.write_bytes(zipped(files))
        found, notes = collect(place, KNOWN)
        assert who(found) == list(zip(students, ["01", "02"], strict=True))
        assert len(notes) == older and all("does not count" in note for note in notes)
        assert found[0].cells[-1].source == DOUBLE and found[0].cells[0].id is None
        assert found[0].cells[0].source != "old = 1"


def test_two_students_of_one_name_stay_two(tmp_path: Path) -> None:
    files = {"doejane_47_100_a.ipynb": ONE, "doejane_48_101_a.ipynb": ONE}
    found, older = collect(folder(tmp_path / "f", files), KNOWN)
    assert who(found) == [("doejane (47)", "01"), ("doejane (48)", "01")]
    assert older == ["2 students are called doejane: they are doejane (47), doejane (48) here."]


def test_the_newer_of_two_files_counts_whatever_they_are_called(tmp_path: Path) -> None:
    new = notebook(cell("new = 1"), cell(DOUBLE))
    place = folder(tmp_path / "f", {"ann/z.ipynb": ONE, "ann/a.ipynb": new, "ann/2.ipynb": TWO})
    os.utime(place / "ann/z.ipynb", (1_000_000, 1_000_000))
    os.utime(place / "ann/a.ipynb", (1_000_002, 1_000_002))
    found, older = collect(place, KNOWN)
    assert who(found) == [("ann", "01"), ("ann", "02")]
    assert found[0].path == "ann/a.ipynb" and len(older) == 1 and "ann/z.ipynb" in older[0]
    os.utime(place / "ann/z.ipynb", (1_000_003, 1_000_003))
    assert collect(place, KNOWN)[0][0].path == "ann/z.ipynb"


def test_of_equally_old_copies_the_higher_number_counts(tmp_path: Path) -> None:
    files = {f"ann/01_one{n}.ipynb": ONE for n in ("", " (2)", "-1", " copy")}
    place = folder(tmp_path / "f", files)
    for name in files:
        os.utime(place / name, (1_000_000, 1_000_000))
    assert collect(place, KNOWN)[0][0].path == "ann/01_one (2).ipynb"


def test_accents_are_the_same_however_they_are_spelt(tmp_path: Path) -> None:
    name = "Zoë Müller"
    spelt = {unicodedata.normalize("NFD", name): ONE, name + "/": b""}
    data = zipped({f"{spelling.strip('/')}/n.ipynb": ONE for spelling in spelt})
    (tmp_path / "x.zip").write_bytes(data)
    assert who(collect(tmp_path / "x.zip", KNOWN)[0]) == [(name, "01")]


def test_utf8_names_without_the_flag_are_read(tmp_path: Path) -> None:
    data = zipped({"Zo\xeb/n.ipynb": ONE, "bob/n.ipynb": ONE})
    flag = (0x800).to_bytes(2, "little")
    assert data.count(flag + b"\x08\x00") >= 2  # the flag, then the method: deflated
    (tmp_path / "x.zip").write_bytes(data.replace(flag + b"\x08\x00", b"\0\0\x08\0"))
    assert who(collect(tmp_path / "x.zip", KNOWN)[0]) == [("bob", "01"), ("Zoë", "01")]


def test_who_handed_in_no_notebook_is_told_so(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {"ann/report.pdf": b"%PDF", "notes.pdf": b"%PDF"})
    folder(place, {"cid/n.ipynb": ONE})
    (place / "bob" / "empty").mkdir(parents=True)
    found, _ = collect(place, KNOWN)
    assert who(found) == [("ann", ""), ("bob", ""), ("cid", "01")]
    (only,) = found[0].problems
    assert only.startswith("No notebook was handed in, only report.pdf; hand in the .ipynb")
    (empty,) = found[1].problems
    assert empty.startswith("No notebook was handed in; hand in") and found[1].cells == ()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.mkdir(), "holds no notebook"),
        (lambda p: None, "no folder and no zip"),
        (lambda p: p.write_bytes(b"no"), "is not a folder or a zip"),
        (lambda p: p.write_bytes(zipped({"x.pdf": b""})), "holds no notebook"),
    ],
)
def test_nothing_to_grade_is_one_sentence(tmp_path: Path, make: Callable, words: str) -> None:
    make(tmp_path / "place")
    with pytest.raises(LectureError, match=words):
        collect(tmp_path / "place", KNOWN)


def test_the_report_in_the_folder_is_passed_over(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {"ann/n.ipynb": ONE, "grades/n.ipynb": ONE})
    assert who(collect(place, KNOWN, place / "grades")[0]) == [("ann", "01")]


# --- whose is it? ----------------------------------------------------------------------------

TIME = "2026-02-03-14-05-59"
WHOSE: dict[str, tuple[dict[str, bytes], list[str]]] = {
    "Blackboard's users with underscores": (
        {
            f"Task 1_{user}_attempt_{TIME}_n.ipynb": ONE
            for user in ("a_smith", "b_smith", "cara", "b_a_jones")
        },
        ["a_smith", "b_a_jones", "b_smith", "cara"],
    ),
    "Blackboard's tasks with underscores": (
        {f"Task_1_{user}_attempt_{TIME}_n.ipynb": ONE for user in ("a_smith", "b_smith")},
        ["a_smith", "b_smith"],
    ),
    "two wrapping folders": (
        {f"class/week 1/{name}/n.ipynb": ONE for name in ("ann", "bob", "cid")},
        ["ann", "bob", "cid"],
    ),
    "three wrapping folders and zips": (
        {f"a/b/c/{name}.zip": zipped({"n.ipynb": ONE}) for name in ("ann", "bob")},
        ["ann", "bob"],
    ),
    "sections": (
        {f"{path}/n.ipynb": ONE for path in ("A/ann", "A/bob", "B/cara", "B/dan")},
        ["ann", "bob", "cara", "dan"],
    ),
    "wrapped sections": (
        {f"hw/{path}/n.ipynb": ONE for path in ("A/ann", "A/bob", "B/cara")},
        ["ann", "bob", "cara"],
    ),
    "one Moodle student with two sub-folders": (
        {f"Jane Doe_4711_assignsubmission_file_/{part}/n.ipynb": ONE for part in "ab"},
        ["Jane Doe"],
    ),
    "one student with a folder for each lecture": (
        {"ann/lecture 01/n.ipynb": ONE, "ann/lecture 02/n.ipynb": TWO},
        ["ann", "ann"],
    ),
    "students with sub-folders": (
        {f"{name}/{part}/n.ipynb": ONE for name in ("ann", "bob") for part in ("old", "new")},
        ["ann", "bob"],
    ),
    "Canvas, a file named like one of Blackboard": (
        {
            "doejane_47_100_n.ipynb": ONE,
            f"roemax_48_101_Task_doejane_attempt_{TIME}_n.ipynb": ONE,
        },
        ["doejane", "roemax"],
    ),
    "Canvas, one file alone named like one of Blackboard": (
        {f"roemax_48_101_Task_doejane_attempt_{TIME}_n.ipynb": ONE},
        ["roemax"],
    ),
    "Moodle, a file named like one of Canvas": (
        {
            "Max Roe_48_assignsubmission_file_doejane_47_100_n.ipynb": ONE,
            "Jane Doe_47_assignsubmission_file_n.ipynb": ONE,
        },
        ["Jane Doe", "Max Roe"],
    ),
    "nbgrader's exchange": (
        {
            f"{user}+ps1+2026-02-0{day} 14:05:59 UTC/n.ipynb": ONE
            for user, day in (("kim", 3), ("kim", 4), ("lee", 3))
        },
        ["kim", "lee"],
    ),
    "a name that begins with a dot": ({".ann/n.ipynb": ONE, "bob/n.ipynb": ONE}, [".ann", "bob"]),
    "a name that ends in a space": (
        {"ann /n.ipynb": ONE, "ann/n.ipynb": ONE},
        ["ann", "ann (2)"],
    ),
    "the same name in two sections": (
        {f"{path}/n.ipynb": ONE for path in ("A/ann", "A/bob", "B/cara")},
        ["ann", "bob", "cara"],
    ),
}


@pytest.mark.parametrize("name", WHOSE)
@pytest.mark.parametrize("archive", [False, True], ids=["folder", "zip"])
def test_nobody_is_mistaken_for_another(tmp_path: Path, name: str, archive: bool) -> None:
    given, students = WHOSE[name]
    if archive:
        (tmp_path / "download.zip").write_bytes(zipped(given))
    else:
        folder(tmp_path / "given", given)
    found, _ = collect(tmp_path / ("download.zip" if archive else "given"))
    assert [submission.student for submission in found] == students


def test_two_folders_of_one_name_stay_two_when_asked(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {f"{s}/ann/n.ipynb": ONE for s in "AB"})
    found, notes = collect(place, asked="subfolder")
    assert who(found) == [("ann (A)", "01"), ("ann (B)", "01")] and "2 students" in notes[0]


def test_where_most_would_not_count_it_asks(tmp_path: Path) -> None:
    files = {f"class/{name}/n.ipynb": ONE for name in ("ann", "bob", "cid", "dan")}
    place = folder(tmp_path / "f", files | {"late/eve.ipynb": ONE})
    with pytest.raises(LectureError, match=r"3 of 5 notebooks would not count.*--students folder"):
        collect(place)
    assert len(collect(place, asked="folder")[0]) == 2
    found, _ = collect(place, asked="subfolder")
    assert [given.student for given in found] == ["ann", "bob", "cid", "dan", "eve"]


def test_the_instructors_own_files_never_count(tmp_path: Path) -> None:
    official = notebook(cell(f"### BEGIN SOLUTION\n{DOUBLE}\n### END SOLUTION"))
    files = {}
    for name in ("ann", "bob"):
        files |= {f"{name}/notebooks/01_one.ipynb": ONE, f"{name}/solutions/01_one.ipynb": official}
    files |= {"cid/solutions/01_one.ipynb": official}
    place = folder(tmp_path / "f", files)
    for path in place.rglob("solutions/*.ipynb"):
        os.utime(path, (2e9, 2e9))
    found, notes = collect(place)
    assert [(g.student, g.path) for g in found if g.text] == [
        ("ann", "ann/notebooks/01_one.ipynb"),
        ("bob", "bob/notebooks/01_one.ipynb"),
    ]
    assert sum("instructor's own" in note for note in notes) == 3
    assert found[2].student == "cid" and "No notebook" in found[2].problems[0]


WORSE = {
    "a broken zip": ("ann/01_one.zip", b"PK\3\4 and no more"),
    "an empty copy": ("ann/01_one-1.ipynb", b""),
    "a copy without cells": ("ann/01_one (1).ipynb", b'{"cells": []}'),
    "a copy as it was released": ("ann/01_one (1).ipynb", notebook(cell("stub = None"))),
    "a data zip": ("ann/data.zip", zipped({"data.csv": b"1, 2"})),
    "another notebook": ("ann/scratch.ipynb", notebook(cell("x = 1"))),
}


@pytest.mark.parametrize("name", WORSE)
def test_a_good_notebook_counts_beside_a_newer_file_that_is_worse(
    tmp_path: Path, name: str
) -> None:
    known = replace(KNOWN, released={"01": [_released("stub = None")]})
    path, data = WORSE[name]
    place = folder(tmp_path / "f", {"ann/01_one.ipynb": ONE, path: data})
    os.utime(place / "ann/01_one.ipynb", (1e9, 1e9))
    found, notes = collect(place, known)
    assert [(given.path, given.readable) for given in found] == [("ann/01_one.ipynb", True)]
    assert name == "a data zip" or any(path in note for note in notes), notes


def _released(source: str) -> str:
    from course_utils.grading.notebook import _digest

    return _digest(source)


def test_a_good_notebook_counts_beside_a_link(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {"ann/01_one.ipynb": ONE})
    (place / "ann" / "01_one (1).ipynb").symlink_to(place / "ann" / "01_one.ipynb")
    found, notes = collect(place)
    assert who(found) == [("ann", "01")] and found[0].text and "link" in notes[0]


# --- nothing stops or stalls the run ---------------------------------------------------------

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
SCRIPTS = ("a", "é", "ж", "語", "𠀋", "😀", "ا", "\u202e", "\u0301", "%", "'", "\n", "=")


def test_no_damaged_file_and_no_name_ends_the_run(tmp_path: Path) -> None:
    """Zips damaged at random, of every compression; names of up to 255 bytes; odd notebooks."""
    chance = random.Random(14)
    given = {"zoe/01_one.ipynb": ONE}
    for i in range(60):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", METHODS[i % 4]) as archive:
            archive.writestr("01_one.ipynb", ONE + b" " * chance.randrange(5000))
            archive.writestr("inner.zip", zipped({"n.ipynb": ONE}))
        data = bytearray(file.getvalue())
        for _ in range(chance.choice((1, 1, 3, 30))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        given[f"zip{i:02}.zip"] = bytes(data[: chance.choice((len(data), len(data) - 9))])
    for i, letter in enumerate(SCRIPTS):
        most = (255 if letter.isprintable() else 60) // len(letter.encode())
        given[f"{letter * most}/n.ipynb"] = ONE
        given[f"names{i}/{letter * ((240 if most > 60 else 30) // len(letter.encode()))}.ipynb"] = (
            ONE
        )
    for i, depth in enumerate((10, 1000, 100_000)):
        nested = b"[" * depth + b"]" * depth
        given[f"deep{i}/n.ipynb"] = b'{"cells": ' + nested + b"}"
        given[f"deep-metadata{i}/n.ipynb"] = b'{"metadata": ' + nested + b"," + ONE[1:]
    given["digits/n.ipynb"] = b'{"cells": [' + b"1" * 5000 + b"]}"
    place = folder(tmp_path / "f", given)
    found, _ = collect(place)
    tops = {path.split("/")[0] for path in given}
    assert len({submission.student for submission in found}) == len(tops)
    assert ("zoe", "01") in who(found)
    rows = [
        report.Row(g.student, g.lecture, "", "error" if g.text is None else "ok", 0, 0)
        for g in found
    ]
    run = report.Run("0", "3", "2", "Linux", {}, "none")
    report.write(tmp_path / "out", rows, run, {})
    assert len(list((tmp_path / "out" / "feedback").iterdir())) == len(set(who(found)))


def test_a_name_that_is_no_text_is_read(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {"bob/n.ipynb": ONE})
    odd = os.fsencode(place) + b"/\xffann"
    os.mkdir(odd)
    with open(odd + b"/\xfe.ipynb", "wb") as file:
        file.write(ONE)
    found, _ = collect(place)
    assert who(found) == [("?ann", "01"), ("bob", "01")]


SLOW = {
    "text that is hard to search": notebook(
        cell(DOUBLE), cell("def double(\n" * 70_000, kind="markdown")
    ),
    "text that is hard to parse": notebook(
        cell("1"), cell("def double(x):\n    return " + "-" * 90_000 + "1", kind="markdown")
    ),
    "brackets": notebook(cell("1"), cell("def double(x):" + "(" * 90_000, kind="markdown")),
    "a million lists": b'{"cells": [' + b"[]," * 5_000_000 + b"[]]}",
    "white space": notebook(cell(DOUBLE), cell(" " * 900_000 + "x")),
}


@pytest.mark.parametrize("name", SLOW)
def test_no_notebook_keeps_the_grader_busy(tmp_path: Path, name: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF)
    found, _ = collect(folder(tmp_path / "f", {"ann/n.ipynb": SLOW[name], "bob/n.ipynb": ONE}))
    after = resource.getrusage(resource.RUSAGE_SELF)
    assert [given.student for given in found] == ["ann", "bob"] and found[1].text
    # Here nothing of it was read: this process computed next to nothing, and holds no more.
    assert after.ru_utime - before.ru_utime < 1.0
    assert after.ru_maxrss - before.ru_maxrss < 50_000  # KiB


def test_a_file_that_takes_too_long_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from course_utils.grading import reader

    place = folder(tmp_path / "f", {"ann/n.ipynb": ONE, "bob/n.ipynb": ONE, "cid/n.ipynb": ONE})
    real, asked = reader.Reader.ask, []

    def ask(self: reader.Reader, request: dict) -> dict:
        if request["do"] == "notebook" and "bob" in request["place"]["path"]:
            asked.append(request)
            self.process.kill()  # as the system does when its time is up
        return real(self, request)

    monkeypatch.setattr(reader.Reader, "_line", _eof_for(reader.Reader._line, asked))
    monkeypatch.setattr(reader.Reader, "ask", ask)
    found, _ = collect(place)
    assert [given.text is None for given in found] == [False, True, False]
    assert found[1].problems == (reader.TOO_MUCH,)


def _eof_for(real: Callable, asked: list) -> Callable:
    def line(self: object, process: object, deadline: float) -> dict:
        if asked:
            asked.clear()
            raise EOFError
        return real(self, process, deadline)

    return line


# --- path tricks and bombs -------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../../n.ipynb", "/etc/n.ipynb", "C:\\x\\n.ipynb", "a/../../n.ipynb", "..\\n.ipynb"]
)
def test_a_path_that_leads_out_is_not_read_and_is_told(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.zip").write_bytes(zipped({name: ONE, "bob/n.ipynb": ONE}))
    before = sorted(tmp_path.rglob("*"))
    found, _ = collect(tmp_path / "x.zip", KNOWN)
    assert sorted(tmp_path.rglob("*")) == before
    (bad,) = [given for given in found if given.student != "bob"]
    assert bad.cells is None and "leads out" in bad.problems[0]
    assert ".." not in bad.path and not bad.path.startswith("/")


def test_links_are_not_followed(tmp_path: Path) -> None:
    secret = folder(tmp_path / "secret", {"n.ipynb": ONE})
    place = folder(tmp_path / "f", {"ann/n.ipynb": ONE})
    (place / "bob").mkdir()
    (place / "bob" / "n.ipynb").symlink_to(secret / "n.ipynb")
    (place / "eve").symlink_to(secret)
    found, _ = collect(place, KNOWN)
    assert [given.student for given in found] == ["ann", "bob", "eve"]
    assert [given.cells is None for given in found] == [False, True, True]
    assert "link" in found[1].problems[0] and "link" in found[2].problems[0]


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("ann/n.ipynb")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    (given,) = collect(tmp_path / "x.zip", KNOWN)[0]
    assert given.cells is None and "link" in given.problems[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    place = folder(tmp_path / "f", {"ann/n.ipynb": ONE})
    (place / "bob").mkdir()
    os.mkfifo(place / "bob" / "n.ipynb")
    found, _ = collect(place, KNOWN)
    assert "not a regular file" in found[1].problems[0]


def test_a_bomb_is_read_only_up_to_the_limit(tmp_path: Path) -> None:
    bomb = zipped({"n.ipynb": b" " * 40_000_000})
    assert len(bomb) < 100_000
    place = folder(tmp_path / "f", {"ann.zip": bomb, "bob/n.ipynb": b" " * 31_000_000})
    found, _ = collect(place)
    assert [given.cells for given in found] == [None, None]
    assert all("larger than" in given.problems[0] for given in found)


def test_many_notebooks_in_one_zip_have_one_limit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "MAX_UNPACKED", 10_000)
    padded = ONE + b" " * 4_000
    inner = zipped({f"{i}.ipynb": padded for i in range(6)})
    found, notes = collect(folder(tmp_path / "f", {"ann.zip": inner, "bob/n.ipynb": ONE}))
    assert who(found) == [("ann", "01"), ("bob", "01")]
    assert sum("handed in too much" in note for note in notes) == 3


def test_a_zip_of_too_many_files_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 20)
    place = folder(tmp_path, {"ann.zip": zipped({f"{i}.ipynb": b"" for i in range(21)})})
    with pytest.raises(zipfile.BadZipFile, match="more than 20 files"):
        files.in_zip(files.Place(str(place / "ann.zip")), (), True, None)


def test_zips_that_cannot_be_read_cost_one_student(tmp_path: Path) -> None:
    locked = bytearray(zipped({"n.ipynb": ONE}))
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        locked[locked.index(signature) + offset] |= 1  # "encrypted"
    damaged = bytearray(zipped({"n.ipynb": ONE}))
    damaged[45] ^= 0xFF
    files = {
        "a.zip": b"PK",
        "b.zip": bytes(locked),
        "c.zip": bytes(damaged),
        "d.zip": zipped({"x.zip": zipped({"n.ipynb": ONE})}),
        "e.zip": b"",
        "f/n.ipynb": ONE,
    }
    found, _ = collect(folder(tmp_path / "f", files), KNOWN)
    assert [given.student for given in found] == list("abcdef")
    assert all(given.cells is None and len(given.problems) == 1 for given in found[:5])
    assert "password" in found[1].problems[0] and "inside a zip" in found[3].problems[0]


def test_folders_without_end_are_left(tmp_path: Path) -> None:
    deep = "/".join(["x"] * 40)
    found, _ = collect(folder(tmp_path / "f", {f"ann/{deep}/n.ipynb": ONE}), KNOWN)
    assert "too deep" in found[0].problems[0]


def test_a_name_cannot_steer_a_terminal(tmp_path: Path) -> None:
    found, _ = collect(folder(tmp_path / "f", {"\x1b[31mann\n/n.ipynb": ONE}), KNOWN)
    assert found[0].student == "?[31mann?" and found[0].student.isprintable()


# --- damaged notebooks -----------------------------------------------------------------------

DEEP = b"[" * 100_000 + b"]" * 100_000
DAMAGED = {
    "empty": (b"", "is empty"),
    "blank": (b" \n", "is empty"),
    "cut off": (ONE[:50], "not JSON"),
    "text": (b"print('hello')", "not JSON"),
    "a web page": (b"<!DOCTYPE html><html>", "not JSON"),
    "binary": (b"\x89PNG\r\n\x1a\n\0\0", "binary"),
    "zeros": (b"\0" * 100, "binary"),
    "nested": (DEEP, "nested too deep"),
    "nested cells": (b'{"cells": ' + DEEP + b"}", "nested too deep"),
    "a list": (b"[1, 2]", "no cells"),
    "a number": (b"1", "no cells"),
    "a long number": (b'{"cells": ' + b"1" * 10_000 + b"}", "not JSON"),
    "no cells": (b'{"nbformat": 4}', "no cells"),
    "cells not a list": (b'{"cells": {"a": 1}}', "not a list"),
    "only text": (notebook(cell("hello", kind="markdown")), "no code cells"),
    "cells of nonsense": (b'{"cells": [1, null, [], {"source": 3}]}', "no code cells"),
}


@pytest.mark.parametrize(("data", "words"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_is_one_sentence(data: bytes, words: str) -> None:
    with pytest.raises(Unreadable, match=words) as told:
        read_notebook(data, KNOWN)
    sentence = str(told.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 200


def test_a_damaged_file_has_the_lecture_of_its_name(tmp_path: Path) -> None:
    files = {"ann/01_one.ipynb": b"", "bob/final 02.ipynb": b"{", "eve/mine.ipynb": b"["}
    found, _ = collect(folder(tmp_path / "f", files), KNOWN)
    assert who(found) == [("ann", "01"), ("bob", "02"), ("eve", "")]
    assert all(given.cells is None for given in found)


def test_too_much_code_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unreadable, match="more than 2000 cells"):
        read_notebook(notebook(*[cell("1")] * 2_001), KNOWN)
    with pytest.raises(Unreadable, match="1 MB of code and text"):
        read_notebook(notebook(cell("#" * 1_000_001)), KNOWN)


def test_the_old_format_is_refused() -> None:
    sheet = {"cells": [{"cell_type": "code", "input": [DOUBLE[:10], DOUBLE[10:]]}]}
    data = json.dumps({"worksheets": [sheet], "nbformat": 3}).encode()
    with pytest.raises(Unreadable, match="old format 3: open it in JupyterLab"):
        read_notebook(data, KNOWN)


def test_an_old_code_page_is_read_with_a_remark() -> None:
    data = json.dumps({"cells": [cell(DOUBLE + "  # größer")]}, ensure_ascii=False)
    lecture, cells, problems = read_notebook(data.encode("cp1252"), KNOWN)
    assert lecture == "01" and cells[0].source.endswith("größer") and "1252" in problems[0]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_other_encodings_are_read(encoding: str) -> None:
    assert read_notebook(ONE.decode().encode(encoding), KNOWN)[0] == "01"


def test_what_is_sound_among_damaged_cells_is_kept() -> None:
    data = json.dumps({"cells": [cell(DOUBLE), {"cell_type": "code", "source": [1]}, 7]}).encode()
    _, cells, problems = read_notebook(data, KNOWN)
    assert [c.source for c in cells] == [DOUBLE] and problems == ("2 damaged cells were left out.",)


def test_a_lone_surrogate_can_be_sent_on() -> None:
    _, cells, _ = read_notebook(notebook(cell(DOUBLE + " # \ud800")), KNOWN)
    assert cells[0].source.encode("utf-8").endswith(b"# ?")


def test_an_exercise_in_a_cell_of_text_is_found_unless_it_is_also_code() -> None:
    text = cell(DOUBLE, kind="markdown")
    _, cells, problems = read_notebook(notebook(cell("1"), text), KNOWN)
    assert cells[-1].source == DOUBLE and "double" in problems[0]
    own = "def double(x):\n    return x + x"
    _, cells, problems = read_notebook(notebook(cell(own), text), KNOWN)
    assert [c.source for c in cells] == [own] and problems == ()


# --- which lecture ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "lecture"),
    [
        (notebook(cell("1"), lecture="02"), "02"),  # metadata alone
        (notebook(cell(DOUBLE), lecture="01"), "01"),
        (notebook(cell(DOUBLE), cell(HALF), lecture="02"), "02"),
        (notebook(cell(DOUBLE), lecture="02"), "01"),  # pasted into another lecture
        (notebook(cell(DOUBLE), lecture="77"), "01"),
        (notebook(cell(DOUBLE), lecture=["01"]), "01"),
        (notebook(cell("1", "two-a")), "02"),  # ids alone
        (notebook(cell("1", "two-a"), cell("1", "one-a"), cell("1", "one-b")), "01"),
        (notebook(cell("double = lambda x: 2 * x")), "01"),
        (notebook(cell("x == double"), cell("double(3)")), ""),
        (notebook(cell("def double(x:  # broken")), "01"),
        (notebook(cell(HALF), cell(DOUBLE), cell("def treble(x): ...")), "01"),
        (notebook(cell("1")), ""),
    ],
)
def test_the_lecture_is_found(data: bytes, lecture: str) -> None:
    assert read_notebook(data, KNOWN)[0] == lecture


def test_an_unknown_notebook_is_told(tmp_path: Path) -> None:
    found, _ = collect(folder(tmp_path / "f", {"ann/n.ipynb": notebook(cell("1"))}), KNOWN)
    assert found[0].lecture == "" and "not known which lecture" in found[0].problems[0]


def test_the_courses_own_lectures_are_known() -> None:
    from course_utils.exercises import registry
    from course_utils.lectures import find_root

    root = find_root(Path(__file__).parent)
    known = course(root, registry.names())
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        stripped = json.loads(path.read_text("utf-8"))
        stripped["metadata"] = {}
        for each in stripped["cells"]:
            each.pop("id")
        assert read_notebook(path.read_bytes(), known)[0] == path.name[:2]
        # Without metadata and ids it is the functions that tell, and lecture 09 has none.
        told = path.name[:2] if path.name[:2] in known.functions.values() else ""
        assert read_notebook(json.dumps(stripped).encode(), known)[0] == told
