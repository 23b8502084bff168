"""The class as the learning platform lists it, and who of it handed in what.

A roster is the platform's own export, by the columns that its documentation names:

- Canvas, the gradebook: Student, ID, SIS User ID, SIS Login ID, Section;
- Moodle, the grader report: First name, Last name, ID number, Email address; or the grading
  worksheet of an assignment: Identifier, Full name, Email address;
- Blackboard, the grade centre: Last Name, First Name, Username, Student ID;
- any other table with a column `student` or `name`, and perhaps `id` and `email`.
"""

import csv
import io
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

MAX_ROSTER = 10_000_000  # bytes
COLUMNS = {  # ours: what platforms call it, in small letters
    "name": ("student", "student name", "full name", "name"),
    "first": ("first name", "firstname"),
    "last": ("last name", "lastname", "surname"),
    "id": ("id", "student id", "identifier"),
    "sis_id": ("sis user id",),
    "login": ("sis login id", "username", "user name", "login"),
    "section": ("section", "group"),
    "email": ("email address", "email", "e-mail"),
    "id_number": ("id number", "idnumber"),
}


@dataclass(frozen=True)
class Person:
    """One student of the class, with what the platform knows of them."""

    name: str
    id: str = ""
    sis_id: str = ""
    login: str = ""
    section: str = ""
    email: str = ""
    id_number: str = ""
    row: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)

    def __hash__(self) -> int:
        return hash((self.name, self.id, self.sis_id, self.login, self.email, self.id_number))


def read_roster(path: Path) -> list[Person]:
    """The students of a class, in the order of the file.

    Raises:
        ValueError: when it is not such a table; one sentence.
    """
    data = path.read_bytes()[: MAX_ROSTER + 1]
    if len(data) > MAX_ROSTER:
        raise ValueError(f"{path.name} is too large to be a roster.")
    text = _decoded(data)
    first = text.splitlines()[0] if text.strip() else ""
    separator = max(",;\t", key=first.count)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    heads = {(head or "").strip().strip("\ufeff").casefold(): head for head in (rows or [{}])[0]}
    known = {
        ours: next((heads[t] for t in theirs if t in heads), None)
        for ours, theirs in COLUMNS.items()
    }
    if not known["name"] and not (known["first"] and known["last"]):
        raise ValueError(
            f"{path.name} has no column `Student`, `Full name` or `First name` and `Last name`: "
            "give the export of Canvas, Moodle or Blackboard."
        )
    people = []
    for row in rows:
        found = {ours: (row.get(head) or "").strip() for ours, head in known.items() if head}
        first, last = found.pop("first", ""), found.pop("last", "")
        name = found.pop("name", "") or " ".join(part for part in (first, last) if part)
        # Canvas's row of points, and its student for tests, are nobody.
        if not name or name.casefold() in ("points possible", "student, test"):
            continue
        found["id"] = found.get("id", "").removeprefix("Participant ")
        plain = {head: value or "" for head, value in row.items() if isinstance(head, str)}
        people.append(Person(name, **found, row=plain))
    if not people:
        raise ValueError(f"{path.name} lists nobody.")
    return people


def _decoded(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def match(
    students: Iterable[tuple[str, str]], people: Sequence[Person]
) -> tuple[dict[str, Person], list[str]]:
    """Who of the roster each student is, and a note for each who cannot be found for sure.

    The platform's number decides; else the name in any order, the login, or the e-mail address,
    where it belongs to one person only.

    Args:
        students: the names that hand-ins have, each with the platform's number or "".
        people: the roster.
    """
    numbers = {person.id: person for person in people if person.id}
    by_key: dict[str, set[int]] = defaultdict(set)
    for i, person in enumerate(people):
        for key in _keys(person):
            by_key[key].add(i)
    found: dict[str, Person] = {}
    notes = []
    for student, number in students:
        person = numbers.get(number)
        if person is None:
            those = by_key.get(_key(student), set())
            person = people[next(iter(those))] if len(those) == 1 else None
        if person is None:
            notes.append(f"{student} is not found in the roster, and has a row of their own.")
        else:
            found[student] = person
    twice = defaultdict(list)
    for student, person in found.items():
        twice[person].append(student)
    for person, several in twice.items():
        if len(several) > 1:
            notes.append(
                f"{', '.join(several)} all seem to be {person.name}: none is taken as such."
            )
            for student in several:
                del found[student]
    return found, notes


def _keys(person: Person) -> set[str]:
    """What a hand-in of theirs may be called."""
    words = re.split(r"[,\s]+", person.name)
    orders = {person.name, " ".join(words), " ".join(words[::-1])}
    orders |= {f"{words[-1]} {' '.join(words[:-1])}", f"{' '.join(words[1:])} {words[0]}"}
    local = person.email.split("@")[0]
    more = {person.login, person.login.split("@")[0], person.email, local}
    more |= {person.sis_id, person.id_number}
    return {key for text in orders | more if (key := _key(text))}


def _key(text: str) -> str:
    """A name without spaces, accents and capitals."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in plain if c.isalnum())
