"""Into the gradebook: one row for each student, marks given by hand, files that platforms import.

The formats are those that the platforms' documentation gives. Canvas ("Import grades"): the columns
Student, ID, SIS User ID, SIS Login ID, Section, then one for each assignment, and a second row with
the points possible. Moodle ("Grade import"): a column that tells who it is, the e-mail address or
the ID number, and one for each grade item; which is which is chosen at the import.
"""

import csv
import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from .report import Row
from .roster import Person
from .sheets import as_csv

EXPORTS = ("canvas", "moodle", "csv")
BY_HAND = "by_hand.csv"  # in the report's folder: read by every run, written by none
BY_HAND_COLUMNS = ("student", "item", "points", "max_points", "remark")


@dataclass(frozen=True)
class Mark:
    """A mark given by hand: of an exercise, which it replaces, or of something else."""

    student: str
    item: str
    points: float
    max_points: float | None
    remark: str = ""


@dataclass(frozen=True)
class Line:
    """One student in the gradebook: points by lecture, and whether something came late."""

    student: str
    points: Mapping[str, float]
    late: tuple[str, ...] = ()  # lectures
    person: Person | None = None
    absent: bool = False  # on the roster, and nothing was handed in


# --- marks by hand ----------------------------------------------------------------------------


def read_by_hand(path: Path, names: Collection[str]) -> list[Mark]:
    """Marks from a file with the columns of `BY_HAND_COLUMNS`; none where there is no file.

    An item is an exercise, "01.inverse_cdf", or a lecture and a word of your own, "11.rubric",
    which needs its max_points.

    Raises:
        ValueError: for a line that is not so; the line is named.
    """
    if not path.is_file():
        return []
    found = []
    with path.open(encoding="utf-8-sig", newline="") as file:
        for number, cells in enumerate(csv.reader(file), start=1):
            cells = [cell.strip() for cell in cells]
            if not any(cells) or cells[0].startswith("#") or cells[:2] == ["student", "item"]:
                continue
            cells += [""] * (len(BY_HAND_COLUMNS) - len(cells))
            student, item, points, most, *remark = cells
            place = f"{path.name}, line {number}:"
            if not re.fullmatch(r"\d\d\.\w+", item):
                raise ValueError(
                    f"{place} '{item}' is neither an exercise nor an item like `11.rubric`."
                )
            if item not in names and not most:
                raise ValueError(f"{place} '{item}' is no exercise: say its max_points.")
            reached, possible = (_number(text, place) for text in (points, most or "0"))
            text = ", ".join(part for part in remark if part)
            found.append(Mark(student, item, reached, possible if most else None, text))
    return found


def _number(text: str, place: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{place} '{text}' is not a number of points.")
    return value


def with_marks(rows: Sequence[Row], marks: Sequence[Mark]) -> tuple[list[Row], list[str]]:
    """The rows with marks given by hand, and a note for each mark of somebody unknown."""
    changed, notes = list(rows), []
    students = {row.student for row in rows}
    for mark in marks:
        if mark.student not in students:
            notes.append(f"{BY_HAND}: there is no student {mark.student}.")
            continue
        said = f"Marked by hand: {mark.remark}" if mark.remark else "Marked by hand."
        at = [
            i for i, r in enumerate(changed) if (r.student, r.exercise) == (mark.student, mark.item)
        ]
        lecture = mark.item[:2]
        if at:
            row = changed[at[0]]
            most = row.max_points if mark.max_points is None else mark.max_points
            message = f"{row.message} {said}".strip()
            changed[at[0]] = replace(row, points=mark.points, max_points=most, message=message)
            continue
        new = Row(
            mark.student, lecture, mark.item, "by hand", mark.points, mark.max_points or 0, "", said
        )
        # The row that only says that there are no exercises gives way to it.
        empty = [
            i
            for i, r in enumerate(changed)
            if (r.student, r.lecture, r.exercise) == (mark.student, lecture, "")
        ]
        if empty:
            changed[empty[0]] = new
            continue
        last = max(i for i, r in enumerate(changed) if r.student == mark.student)
        changed.insert(last + 1, new)
    return changed, notes


# --- one row for each student -----------------------------------------------------------------


def possible(rows: Iterable[Row]) -> dict[str, float]:
    """By lecture: the points that can be reached, the most that any student could."""
    each: dict[tuple[str, str], float] = defaultdict(float)
    for row in rows:
        if row.lecture:
            each[row.lecture, row.student] += row.max_points
    most: dict[str, float] = defaultdict(float)
    for (lecture, _), points in each.items():
        most[lecture] = max(most[lecture], points)
    return {lecture: most[lecture] for lecture in sorted(most)}


def lines(
    rows: Sequence[Row],
    late: Collection[tuple[str, str]] = (),
    people: Sequence[Person] = (),
    found: Mapping[str, Person] | None = None,
) -> list[Line]:
    """One row for each student: those of the roster in its order, then who is not on it.

    Args:
        rows: of grades.csv.
        late: (student, lecture) of what came late.
        people: the roster.
        found: who of the roster each student is.
    """
    points: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in rows:
        points[row.student][row.lecture] += row.points
    late_of: dict[str, list[str]] = defaultdict(list)
    for student, lecture in sorted(late):
        late_of[student].append(lecture)
    of_person = {person: student for student, person in (found or {}).items()}

    def line(student: str, person: Person | None) -> Line:
        mine = {lecture: p for lecture, p in points[student].items() if lecture}
        return Line(student, mine, tuple(late_of[student]), person)

    listed = [
        line(of_person[person], person)
        if person in of_person
        else Line(person.name, {}, (), person, absent=True)
        for person in people
    ]
    others = [line(student, None) for student in points if student not in (found or {})]
    return [*listed, *others]


def totals(given: Sequence[Line], worth: Mapping[str, float]) -> str:
    """totals.csv: a row for each student, a column for each lecture, the sum, what came late."""
    listed = any(line.person for line in given)
    head = ["student", *(["name", "id", "email", "section"] if listed else [])]
    head += [f"lecture {lecture}" for lecture in worth]
    table = [[*head, "total", "max_points", "late", "handed_in"]]
    for line in given:
        person = line.person or Person("")
        row = [line.student]
        if listed:
            row += [person.name, person.id or person.id_number, person.email, person.section]
        row += [_cell(line.points.get(lecture, 0)) for lecture in worth]
        row += [_cell(sum(line.points.values())), _cell(sum(worth.values()))]
        table.append([*row, " ".join(line.late), "no" if line.absent else "yes"])
    return as_csv(table)


def export(kind: str, given: Sequence[Line], worth: Mapping[str, float]) -> str:
    """What a platform imports, see the head of this file; "csv" is the same without a platform.

    Who is on the roster and handed in nothing has 0.
    """
    scores = [[_cell(line.points.get(lecture, 0)) for lecture in worth] for line in given]
    people = [line.person or Person(line.student) for line in given]
    items = [f"Lecture {lecture}" for lecture in worth]
    if kind == "canvas":
        items = [_canvas_name(item, people) for item in items]
        head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *items]
        most = ["    Points Possible", "", "", "", "", *map(_cell, worth.values())]
        body = [
            [p.name, p.id, p.sis_id, p.login, p.section, *s]
            for p, s in zip(people, scores, strict=True)
        ]
        return as_csv([head, most, *body])
    if kind == "moodle":
        head = ["Email address", "ID number", "Full name", *items]
        body = [
            [p.email, p.id_number or p.sis_id, p.name, *s]
            for p, s in zip(people, scores, strict=True)
        ]
        return as_csv([head, *body])
    head = ["student", *(f"lecture {lecture}" for lecture in worth)]
    return as_csv([head, *([p.name, *s] for p, s in zip(people, scores, strict=True))])


def _canvas_name(item: str, people: Iterable[Person]) -> str:
    """The assignment's name with Canvas's number of it, where the roster has that column."""
    heads = {head for person in people for head in person.row}
    named = [head for head in heads if re.fullmatch(rf"{item}\b.*\(\d+\)", head.strip())]
    return min(named) if named else item


def _cell(number: float) -> str:
    return f"{number:g}"


# --- time -------------------------------------------------------------------------------------

RULE = (
    "Late is what the learning platform calls late, or what came after {due} by the platform's "
    "time or, where it gives none, by the time at which the file was saved. The newest hand-in "
    "counts, late or not, with the points that it earns."
)


def read_due(text: str) -> datetime:
    """A date, whose last minute counts, or a date and time; this machine's time zone.

    Raises:
        ValueError: when it is neither.
    """
    try:
        due = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"'{text}' is not a date like 2026-02-03 or 2026-02-03T18:00.") from None
    if len(text) <= 10:
        due = due.replace(hour=23, minute=59, second=59)
    return due.astimezone()
