"""What students handed in, each of them once: the newest hand-in of each student and lecture.

What cannot be read becomes one sentence, never an exception: each hand-in ends up in the report.
"""

import itertools
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..lectures import LectureError
from .files import (
    MAX_FILES,
    NOTEBOOK,
    ZIP_FAULTS,
    File,
    Unreadable,
    archived,
    content,
    in_folder,
    opened,
    printable_name,
    reason,
)
from .names import Who, copy_number, labels, lecture_of_name, platform_name, unwrapped, who_is
from .notebook import HAND_IN, Cell, Course, read_notebook


@dataclass(frozen=True)
class Submission:
    """One hand-in of one lecture.

    Attributes:
        student: the folder's name, or what the learning platform put into the file name.
        lecture: its two digits, or "" where nothing tells.
        path: where it was found, as a person would look for it.
        cells: the code cells; None where the file cannot be read, () where there is none.
        problems: one sentence each, for student and instructor.
    """

    student: str
    lecture: str
    path: str
    cells: tuple[Cell, ...] | None
    problems: tuple[str, ...] = ()
    age: tuple = field(default=(), compare=False, repr=False)  # of two, the greater counts


def collect(
    place: Path, known: Course, out: Path | None = None
) -> tuple[list[Submission], list[str]]:
    """All that was handed in, the newest of each student and lecture, in alphabetical order.

    Args:
        place: a folder of student folders (or zips), a flat folder of notebooks, or a zip of
            either.
        known: what the lectures are recognised by.
        out: a folder to pass over, where marks are written.

    Returns:
        The submissions, and one sentence for each older one that does not count.

    Raises:
        LectureError: when there is nothing to grade at `place`.
    """
    if place.is_dir():
        files = unwrapped(list(in_folder(place, out)), "")
        found = list(_submissions(files, known, printable_name(place.resolve().name)))
    elif place.is_file():
        try:
            with zipfile.ZipFile(place) as archive:
                files = unwrapped(list(archived(archive, ())), place.stem)
                found = list(_submissions(files, known, printable_name(place.stem)))
        except ZIP_FAULTS as error:
            raise LectureError(
                f"{place} is neither a folder nor a zip: {reason(error)}."
            ) from error
    else:
        raise LectureError(f"There is no folder and no zip at {place}.")
    if not found:
        raise LectureError(f"{place} holds no notebook: give the folder or zip of submissions.")
    return _newest(found)


def _newest(found: Iterable[Submission]) -> tuple[list[Submission], list[str]]:
    """One hand-in of each student and lecture; all of those whose lecture is not known."""
    groups = defaultdict(list)
    for given in found:
        unknown = given.path if not given.lecture else ""
        groups[given.student, given.lecture, unknown].append(given)
    kept, older = [], []
    for group in groups.values():
        *rest, newest = sorted(group, key=lambda given: (given.age, given.path))
        kept.append(newest)
        older += [
            f"{given.student}, lecture {given.lecture}: {given.path} is older than {newest.path} "
            "and does not count."
            for given in rest
        ]
    return sorted(kept, key=lambda g: (g.student.casefold(), g.student, g.lecture, g.path)), older


def _submissions(files: Iterable[File], known: Course, home: str) -> Iterator[Submission]:
    """Every notebook, and one empty-handed submission for a student without any.

    `home` is the student's name where files lie in a flat folder and are called as released.
    """
    files = list(itertools.islice((file for file in files if file.parts != ("",)), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise LectureError(f"There are more than {MAX_FILES} files: is this the right folder?")
    label = labels(who_is(file.parts, known, home) for file in files)
    handed_in, others = set(), defaultdict(list)
    for outer in files:
        who = who_is(outer.parts, known, home)
        student = label[who.student, who.number]
        for file in opened(outer):
            path = "/".join(file.parts)
            if file.fault or NOTEBOOK.search(file.parts[-1]):
                handed_in.add(student)
                yield _submission(student, path, file, who, known)
            else:
                others[student].append(file.parts)
    for student in sorted(others.keys() - handed_in):
        if all(len(parts) == 1 and not platform_name(parts[0]) for parts in others[student]):
            continue  # a stray file in a flat folder says nothing about a student
        names = sorted({parts[-1] for parts in others[student]} - {""})[:3]
        only = f", only {', '.join(names)}" if names else ""
        path = "/".join(min(others[student]))
        yield Submission(student, "", path, (), (f"No notebook was handed in{only}; {HAND_IN}.",))


def _submission(student: str, path: str, file: File, who: Who, known: Course) -> Submission:
    age = (who.order, file.time, copy_number(file.parts[-1]))
    by_name = lecture_of_name(who.file or file.parts[-1], known)
    try:
        if file.fault:
            raise Unreadable(file.fault)
        lecture, cells, problems = read_notebook(content(file), known)
    except Unreadable as error:
        return Submission(student, by_name, path, None, (str(error),), age)
    lecture = lecture or by_name
    if not lecture:
        problems += ("It is not known which lecture this is: no exercise of the course is in it.",)
    return Submission(student, lecture, path, cells, problems, age)
