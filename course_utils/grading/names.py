"""Whose a hand-in is: what folders and the names of learning platforms say."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from .files import NOTEBOOK, ZIP, File
from .notebook import Course

# File and folder names of the learning platforms, without what a student can choose.
LMS = (
    re.compile(  # Blackboard: Task_student_attempt_2026-02-03-14-05-59_file
        r".+?_(?P<student>[^_]+)_attempt_(?P<order>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.\w+)"
    ),
    re.compile(  # Moodle: Name Surname_123_assignsubmission_file_file, or a folder without file
        r"(?P<student>.+)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?"
    ),
    re.compile(  # Canvas: surnamename_LATE_123_456_file; the second number grows with time
        r"(?P<student>[^_]+)_(?:LATE_)?(?P<id>\d+)_(?P<order>\d+)_(?P<file>.+)"
    ),
)


COPY = re.compile(r"(?:[-_ ]?\((?P<a>\d{1,2})\)|-(?P<b>\d{1,2})|[-_ ]copy(?P<c>\d?))$", re.I)


@dataclass(frozen=True)
class Who:
    """What a name says: the student, the platform's number of them, the order, the file."""

    student: str
    number: str = ""
    order: str = ""
    file: str = ""


def unwrapped(files: list[File], archive: str) -> list[File]:
    """Without the one folder around all others that programs put into a zip."""
    tops = {file.parts[0] for file in files}
    if len(tops) != 1 or any(len(file.parts) == 1 for file in files):
        return files
    below = {file.parts[1] for file in files if len(file.parts) > 2}
    names = [file.parts[1] for file in files if len(file.parts) == 2]
    folders_only = len(below) > 1 and not any(map(NOTEBOOK.search, names))
    if tops == {archive} or folders_only or any(map(platform_name, [*below, *names])):
        return [replace(file, parts=file.parts[1:]) for file in files]
    return files


def platform_name(name: str) -> re.Match[str] | None:
    return next((match for pattern in LMS if (match := pattern.fullmatch(name))), None)


def who_is(parts: tuple[str, ...], known: Course, home: str) -> Who:
    """Who handed in the file at this path."""
    first = parts[0]
    if match := platform_name(first):
        found = {"id": "", "file": "", **match.groupdict("")}
        order = found.get("order", "")
        order = order.zfill(24) if order.isdigit() else order  # numbers in order as text
        return Who(found["student"].strip(), found["id"], order, found["file"])
    if len(parts) > 1:
        return Who(first)
    stem = NOTEBOOK.sub("", ZIP.sub("", first))
    return Who(_without_lecture(stem, known) or home)


def _without_lecture(stem: str, known: Course) -> str:
    """The part of a flat file's name that is not the lecture's."""
    for name in known.stems:
        if name in stem:
            return COPY.sub("", stem.replace(name, "", 1)).strip(" -_.,")
    return stem


def labels(everyone: Iterable[Who]) -> dict[tuple[str, str], str]:
    """How each is called: by name, with the platform's number where two have the same."""
    numbers = defaultdict(set)
    for who in everyone:
        numbers[who.student].add(who.number)
    return {
        (name, number): f"{name} ({number})" if number and len(several) > 1 else name
        for name, several in numbers.items()
        for number in several
    }


def copy_number(name: str) -> int:
    match = COPY.search(NOTEBOOK.sub("", name))
    return int(match["a"] or match["b"] or match["c"] or 1) if match else 0


def lecture_of_name(name: str, known: Course) -> str:
    stem = PurePosixPath(name).name
    for known_stem, lecture in known.stems.items():
        if known_stem in stem:
            return lecture
    match = re.search(r"(?<!\d)(\d\d)(?!\d)", stem)
    return match[1] if match and match[1] in known.lectures else ""
