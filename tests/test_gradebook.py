"""Into the gradebook: totals, rosters, what Canvas and Moodle import, lateness, marks by hand.

Real imports cannot be run here. The formats are those of the platforms' own documentation: Canvas,
"How do I import grades in the Gradebook?", and Moodle, "Grade import".
"""

import csv
import io
import json
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from test_grade import MIXED, NAMES, OK, Obedient, course, hand_in, judged, notebook

from course_utils import cli
from course_utils.grading import grade, gradebook, roster, sheets
from course_utils.grading.grade import Graded, Options
from course_utils.grading.report import Row

__all__ = ["course"]  # the fixture, which this file uses too

CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Lecture 01 (991)
    Points Possible,,,,,4
"Doe, Jane",4711,s4711,jdoe,Group A,
"Roe, Max",4712,s4712,mroe,Group A,
"Student, Test",1,,,Group A,
"Zoë, Müller",4713,s4713,zmu,Group B,
"""
MOODLE = """\
First name,Last name,ID number,Institution,Department,Email address,Lecture 01
Jane,Doe,s4711,,,jane@example.org,-
Max,Roe,s4712,,,max@example.org,-
"""
WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade
Participant 4711,Jane Doe,jane@example.org,Submitted for grading,,4.00
Participant 4712,Max Roe,max@example.org,No submission,,4.00
"""


def table(path: Path) -> list[list[str]]:
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")  # by which spreadsheets see that it is UTF-8
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def graded(tmp_path: Path, **options: object) -> Graded:
    root, out = tmp_path / "course", tmp_path / "out"
    return grade.grade(tmp_path / "in", out, root, Options(**options), Obedient)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_text(text, encoding=encoding)
    return path


# --- tables that compute nothing -------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["=1", "a;=1", "a\t+1", 'x";-1', "|@x", ",=1", "a, -1", "b:=1", "＝1"]
)
@pytest.mark.parametrize("separator", list(",;\t|:"))
def test_no_cell_begins_a_formula_behind_any_separator(text: str, separator: str) -> None:
    written = sheets.as_csv([["head", text, "tail"]])
    for cell in next(csv.reader(io.StringIO(written, newline=""), delimiter=separator)):
        assert cell.strip()[:1] not in set(sheets.FORMULA), (written, cell)
    for piece in written.replace('"', "").split(separator):  # a reader that knows no quotes
        assert piece.strip()[:1] not in set(sheets.FORMULA), (written, piece)


@pytest.mark.parametrize("text", ["Doe, Jane", "3 - 2", "a+b", "x=y", "    Points Possible", ""])
def test_harmless_text_stays_as_it_is(text: str) -> None:
    assert sheets.harmless(text) == text


# --- rosters ---------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_roster_is_read_however_it_is_written(
    tmp_path: Path, encoding: str, separator: str
) -> None:
    rows = list(csv.reader(io.StringIO(CANVAS)))
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows(rows)
    people = roster.read_roster(write(tmp_path / "r.csv", file.getvalue(), encoding))
    assert [person.name for person in people] == ["Doe, Jane", "Roe, Max", "Zoë, Müller"]
    assert (people[0].id, people[0].sis_id, people[0].login) == ("4711", "s4711", "jdoe")
    assert people[2].section == "Group B"


def test_moodles_rosters_are_read(tmp_path: Path) -> None:
    jane, _ = roster.read_roster(write(tmp_path / "m.csv", MOODLE))
    assert (jane.name, jane.id_number, jane.email) == ("Jane Doe", "s4711", "jane@example.org")
    jane, _ = roster.read_roster(write(tmp_path / "w.csv", WORKSHEET))
    assert (jane.name, jane.id, jane.email) == ("Jane Doe", "4711", "jane@example.org")


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "Student,ID\n"])
def test_what_is_no_roster_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"r\.csv"):
        roster.read_roster(write(tmp_path / "r.csv", text))


@pytest.mark.parametrize(
    ("student", "number"),
    [
        ("doejane", ""),
        ("doejane", "4711"),
        ("Jane Doe", ""),
        ("jane doe", ""),
        ("Doe Jane", ""),
        ("jdoe", ""),
        ("s4711", ""),
        ("anything", "4711"),
    ],
)
def test_a_student_is_found_by_number_name_or_login(
    tmp_path: Path, student: str, number: str
) -> None:
    people = roster.read_roster(write(tmp_path / "r.csv", CANVAS))
    found, notes = roster.match([(student, number)], people)
    assert found[student].login == "jdoe" and notes == []


def test_nobody_is_guessed(tmp_path: Path) -> None:
    people = roster.read_roster(write(tmp_path / "r.csv", CANVAS + '"Doe, Jane",5,s5,jd2,,\n'))
    found, notes = roster.match([("Jane Doe", ""), ("stranger", "")], people)
    assert found == {} and len(notes) == 2 and "not found in the roster" in notes[0]
    found, notes = roster.match([("mroe", ""), ("Max Roe", "")], people)
    assert found == {} and "all seem to be Roe, Max" in notes[0]


# --- one row for each student ----------------------------------------------------------------


def test_totals_have_one_row_for_each_student(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=MIXED)
    path = tmp_path / "in" / "ann" / "b.ipynb"
    path.write_text(notebook("def half(x): 'ok'"), "utf-8")
    graded(tmp_path)
    head, *rows = table(tmp_path / "out" / "totals.csv")
    assert ",".join(head) == ("student,lecture 01,lecture 02,total,max_points,late,handed_in")
    assert rows == [
        ["ann", "4", "2", "6", "6", "", "yes"],
        ["bob", "0", "0", "0", "6", "", "yes"],
    ]


FIRST = ("Ada", "Ben", "Cem", "Dia", "Eva", "Fee", "Gil", "Hua", "Ian", "Jin", "Kai", "Lia")
PEOPLE = [f"Student {name}" for name in FIRST]
HEAD = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]


def a_class(tmp_path: Path) -> None:
    """Twelve on the roster: two absent, one late, one corrected by hand."""
    lines = [",".join([*HEAD, "Lecture 01 (991)"]), "    Points Possible,,,,,4"]
    for i, name in enumerate(PEOPLE):
        first, last = name.split()
        lines.append(f'"{last}, {first}",{100 + i},s{100 + i},login{i},Group {i % 2},')
        if i < 10:
            path = tmp_path / "in" / f"{last}{first}_{100 + i}_{5000 + i}_01_one.ipynb".lower()
            path.parent.mkdir(exist_ok=True)
            path.write_text(notebook(MIXED if i == 3 else OK), "utf-8")
            os.utime(path, (1e9 + (i == 4) * 10**6, 1e9 + (i == 4) * 10**6))
    write(tmp_path / "roster.csv", "\n".join(lines))
    (tmp_path / "out").mkdir()
    write(
        tmp_path / "out" / "by_hand.csv",
        "student,item,points,max_points,remark\ndiastudent,01.double,1.5,,the idea is right\n",
    )


def test_a_class_of_twelve_for_canvas(tmp_path: Path) -> None:
    a_class(tmp_path)
    due = datetime.fromtimestamp(1e9 + 1000).isoformat()
    done = graded(tmp_path, roster=tmp_path / "roster.csv", export="canvas", due=due)
    head, most, *rows = table(tmp_path / "out" / "canvas.csv")
    assert head == [*HEAD, "Lecture 01 (991)"]  # as Canvas itself calls it
    assert most == ["    Points Possible", "", "", "", "", "4"]
    assert [row[1] for row in rows] == [str(100 + i) for i in range(12)]
    assert rows[0] == ["Ada, Student", "100", "s100", "login0", "Group 0", "4"]
    assert [row[-1] for row in rows] == ["4", "4", "4", "1.5", *["4"] * 6, "0", "0"]
    head, *rows = table(tmp_path / "out" / "totals.csv")
    assert [row[head.index("handed_in")] for row in rows] == ["yes"] * 10 + ["no"] * 2
    assert [row[head.index("late")] for row in rows] == [""] * 4 + ["01"] + [""] * 7
    assert any("Late is what the learning platform calls late" in note for note in done.notes)
    page = (tmp_path / "out" / "feedback" / "diastudent_01.html").read_text("utf-8")
    assert "Marked by hand: the idea is right" in page
    late = (tmp_path / "out" / "feedback" / "evastudent_01.html").read_text("utf-8")
    assert "Handed in 2001-09-" in late and "late" in late


def test_a_class_of_twelve_for_moodle(tmp_path: Path) -> None:
    a_class(tmp_path)
    lines = ["First name,Last name,ID number,Email address"]
    lines += [
        f"{last},{first},id{i},{last}@example.org".lower()
        for i, (first, last) in enumerate(name.split() for name in PEOPLE)
    ]
    write(tmp_path / "roster.csv", "\n".join(lines))
    graded(tmp_path, roster=tmp_path / "roster.csv", export="moodle")
    head, *rows = table(tmp_path / "out" / "moodle.csv")
    assert head == ["Email address", "ID number", "Full name", "Lecture 01"]
    assert rows[0] == ["ada@example.org", "id0", "ada student", "4"]
    assert [row[-1] for row in rows] == ["4", "4", "4", "1.5", *["4"] * 6, "0", "0"]


def test_who_is_not_on_the_roster_has_a_row_of_their_own(tmp_path: Path) -> None:
    hand_in(tmp_path, stranger=OK, jdoe=OK)
    done = graded(tmp_path, roster=write(tmp_path / "r.csv", CANVAS), export="csv")
    _, *rows = table(tmp_path / "out" / "csv.csv")
    assert [row[0] for row in rows] == ["Doe, Jane", "Roe, Max", "Zoë, Müller", "stranger"]
    assert any("stranger is not found in the roster" in note for note in done.notes)


# --- lateness --------------------------------------------------------------------------------


def late_of(tmp_path: Path, files: Sequence[str], due: str) -> list[bool]:
    for name in files:
        path = tmp_path / "in" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(notebook(OK), "utf-8")
        os.utime(path, (1e9, 1e9))  # 2001-09-09
    graded(tmp_path, due=due)
    head, *rows = table(tmp_path / "out" / "totals.csv")
    return [row[head.index("late")] == "01" for row in rows]


def test_the_platforms_word_comes_first(tmp_path: Path) -> None:
    names = ["doe_LATE_1_10_n.ipynb", "roe_2_11_n.ipynb"]
    assert late_of(tmp_path, names, "2030-01-01") == [True, False]


def test_the_platforms_time_comes_before_the_files(tmp_path: Path) -> None:
    names = [f"T_{user}_attempt_2026-02-0{day}-14-05-59_n.ipynb" for user, day in ("a3", "b4")]
    assert late_of(tmp_path, names, "2026-02-03") == [False, True]


@pytest.mark.parametrize(
    ("due", "late"),
    [
        ("2001-09-10", False),
        ("2001-09-09", False),
        ("2001-09-08", True),
        ("2001-09-08T10:00", True),
    ],
)
def test_else_the_files_time_decides(tmp_path: Path, due: str, late: bool) -> None:
    assert late_of(tmp_path, ["ann.ipynb"], due) == [late]


def test_what_is_no_date_is_refused(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK)
    with pytest.raises(ValueError, match="is not a date like"):
        graded(tmp_path, due="tomorrow")


# --- marks by hand ---------------------------------------------------------------------------


def test_marks_by_hand_are_kept_by_later_runs(tmp_path: Path, course: Path) -> None:
    (course / "notebooks" / "11_own.ipynb").write_text('{"cells": []}')
    hand_in(tmp_path, ann=MIXED, bob=OK)
    for name in ("ann", "bob"):
        (tmp_path / "in" / name / "11_own.ipynb").write_text(notebook("x = 1"), "utf-8")
    graded(tmp_path)
    write(
        tmp_path / "out" / "by_hand.csv",
        "# corrections\nann,01.double,1.5,,a typing error\n"
        'ann,11.rubric,7.5,10,"a good question, answered"\nbob,11.rubric,4,10\n'
        "cid,11.rubric,4,10\n",
    )
    for _ in range(2):
        done = graded(tmp_path)
        rows = {(row.student, row.exercise): row for row in done.rows}
        assert rows["ann", "01.double"].points == 1.5
        assert rows["ann", "01.double"].message.endswith("Marked by hand: a typing error")
        marked = rows["ann", "11.rubric"]
        assert (marked.status, marked.points, marked.max_points) == ("by hand", 7.5, 10)
        assert ("ann", "") not in rows and len(judged(tmp_path)) == 2
        assert any("no student cid" in note for note in done.notes)
        _, ann, bob = table(tmp_path / "out" / "totals.csv")
        assert ann[1:5] == ["1.5", "7.5", "9", "14"] and bob[1:5] == ["4", "4", "8", "14"]
    page = (tmp_path / "out" / "feedback" / "ann_11.html").read_text("utf-8")
    assert "marked by hand, 7.5 of 10" in page and "a good question, answered" in page


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ann,double,1", "line 1: 'double' is neither"),
        ("ann,11.rubric,1", "line 1: '11.rubric' is no exercise: say its max_points"),
        ("ann,01.double,x", "line 1: 'x' is not a number"),
        ("\nann,01.double,-1", "line 2: '-1' is not a number"),
    ],
)
def test_a_file_of_marks_is_read_strictly(tmp_path: Path, line: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        gradebook.read_by_hand(write(tmp_path / "by_hand.csv", line), NAMES)


def test_a_mark_of_a_student_without_that_lecture_is_added_behind_their_rows() -> None:
    rows = [Row("ann", "01", "01.double", "ok", 2, 2), Row("bob", "01", "01.double", "ok", 2, 2)]
    mark = gradebook.Mark("ann", "11.rubric", 3, 5)
    changed, _ = gradebook.with_marks(rows, [mark])
    assert [(row.student, row.exercise) for row in changed] == [
        ("ann", "01.double"),
        ("ann", "11.rubric"),
        ("bob", "01.double"),
    ]


# --- one student anew ------------------------------------------------------------------------


def test_one_student_is_judged_anew_and_the_others_stay(tmp_path: Path) -> None:
    hand_in(tmp_path, ann=OK, bob=OK)
    graded(tmp_path)
    seeds = json.loads((tmp_path / "out" / "grades.json").read_text())["seeds"]
    done = graded(tmp_path, student="bob")
    assert len(judged(tmp_path)) == 3 and {row.student for row in done.rows} == {"ann", "bob"}
    again = json.loads((tmp_path / "out" / "grades.json").read_text())["seeds"]
    (seed,) = [seed for seed, whose in again.items() if whose == ["ann, 01"]]
    assert seed in seeds and len(again) == 2
    hand_in(tmp_path, cid=OK)
    done = graded(tmp_path, student="bob")
    assert any(note.startswith("cid, lecture 01: not judged yet") for note in done.notes)
    assert {row.student for row in done.rows} == {"ann", "bob"}
    with pytest.raises(ValueError, match="no hand-in of a student 'zoe'"):
        graded(tmp_path, student="zoe")


def test_the_command_takes_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = grade.grade
    monkeypatch.setattr(grade, "grade", lambda *a: real(*a, make_grader=Obedient))
    a_class(tmp_path)
    words = ["grade", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    words += ["--root", str(tmp_path / "course"), "--roster", str(tmp_path / "roster.csv")]
    words += ["--export", "canvas", "--due", "2001-09-10", "--student", "evastudent"]
    assert cli.main([*words[:-2]]) == 0 and cli.main(words) == 0
    out, err = capsys.readouterr()
    assert out.startswith("10 submissions of 10 students") and "Late is what" in err
