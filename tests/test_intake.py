"""The grader's intake: every shape of hand-in, every trick of a path, every damaged file."""

import io
import json
import os
import stat
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from course_utils.grading import files
from course_utils.grading.files import Unreadable
from course_utils.grading.intake import Submission, collect
from course_utils.grading.notebook import Course, course, read_notebook
from course_utils.lectures import LectureError

KNOWN = Course(
    functions={"double": "01", "treble": "01", "half": "02"},
    stems={"01_one": "01", "02_two": "02"},
    ids={"one-a": "01", "one-b": "01", "two-a": "02"},
)
DOUBLE = "def double(x):\n    return 2 * x"
HALF = "def half(x):\n    return x / 2"


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
    "Task_1_mroe_attempt_2026-02-03-14-05-59_x.ipynb": TWO,
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
    assert who(found) == [("doejane (47)", "01"), ("doejane (48)", "01")] and older == []


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
    place = folder(tmp_path / "f", {"ann/report.pdf": b"%PDF", "eve_12_34_x.pdf": b"%PDF"})
    folder(place, {"cid/n.ipynb": ONE})
    (place / "bob" / "empty").mkdir(parents=True)
    found, _ = collect(place, KNOWN)
    assert who(found) == [("ann", ""), ("bob", ""), ("cid", "01"), ("eve", "")]
    (only,) = found[0].problems
    assert only.startswith("No notebook was handed in, only report.pdf; hand in the .ipynb")
    (empty,) = found[1].problems
    assert empty.startswith("No notebook was handed in; hand in") and found[1].cells == ()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p.mkdir(), "holds no notebook"),
        (lambda p: None, "no folder and no zip"),
        (lambda p: p.write_bytes(b"no"), "neither a folder nor a zip"),
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


def test_a_bomb_is_read_only_up_to_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_NOTEBOOK", 100_000)
    bomb = zipped({"n.ipynb": b" " * 3_000_000})
    assert len(bomb) < 10_000
    asked = []
    real = zipfile.ZipExtFile.read

    def read(self: zipfile.ZipExtFile, size: int = -1) -> bytes:
        asked.append(size)
        return real(self, size)

    monkeypatch.setattr(zipfile.ZipExtFile, "read", read)
    place = folder(tmp_path / "f", {"ann.zip": bomb, "bob/n.ipynb": b" " * 200_000})
    found, _ = collect(place, KNOWN)
    assert [given.cells for given in found] == [None, None]
    assert all("larger than" in given.problems[0] for given in found)
    assert asked == [100_001]


def test_many_notebooks_in_one_zip_have_one_limit_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_UNPACKED", 10_000)
    padded = ONE + b" " * 4_000
    inner = zipped({f"{i}.ipynb": padded for i in range(4)})
    found, _ = collect(folder(tmp_path / "f", {"ann.zip": inner, "bob/n.ipynb": ONE}), KNOWN)
    assert any("are in its zip" in given.problems[0] for given in found if given.problems)
    assert ("bob", "01") in who(found)


def test_a_zip_of_too_many_files_is_not_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MAX_FILES", 20)
    place = folder(
        tmp_path / "f",
        {"ann.zip": zipped({f"{i}.ipynb": b"" for i in range(21)}), "bob/n.ipynb": ONE},
    )
    found, _ = collect(place, KNOWN)
    assert "more than 20 files" in found[0].problems[0] and found[1].cells


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
    with pytest.raises(Unreadable, match="more than 2000 code cells"):
        read_notebook(notebook(*[cell("1")] * 2_001), KNOWN)
    with pytest.raises(Unreadable, match="1 MB of code"):
        read_notebook(notebook(cell("#" * 1_000_001)), KNOWN)


def test_the_old_format_is_read_with_a_remark() -> None:
    sheet = {"cells": [{"cell_type": "code", "input": [DOUBLE[:10], DOUBLE[10:]]}]}
    data = json.dumps({"worksheets": [sheet], "nbformat": 3}).encode()
    lecture, cells, problems = read_notebook(data, KNOWN)
    assert lecture == "01" and cells[0].source == DOUBLE and "format 3" in problems[0]


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
