"""Whose a hand-in is: what folders and the names of learning platforms say, decided for the class.

One pattern holds for all files that are given at once, so that no name which a student chose can
look like another platform's. Wrapping folders are taken off down to where names begin to differ.
What was taken for granted is said in a note.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath

from .files import NOTEBOOK, ZIP
from .notebook import Course

PATTERNS = ("folder", "subfolder", "canvas", "moodle", "blackboard", "nbgrader")
TOP = {  # what the file or folder of one hand-in is called, without what a student can choose
    # surnamename_LATE_123_456_file; the second number grows with time
    "canvas": re.compile(
        r"(?P<student>[^_]+)_(?P<late>LATE_)?(?P<id>\d+)_(?P<order>\d+)_(?P<file>.+)"
    ),
    # Name Surname_123_assignsubmission_file_file, or a folder without file
    "moodle": re.compile(
        r"(?P<student>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)(?:_(?P<file>.*))?"
    ),
    # Task_user_attempt_2026-02-03-14-05-59_file; task and user may hold underscores
    "blackboard": re.compile(
        r"(?P<student>.+?_.+?)_attempt_(?P<order>\d{4}(?:-\d\d){5})(?:_(?P<file>.+)|\.\w+)"
    ),
    # user+assignment+time, in nbgrader's exchange
    "nbgrader": re.compile(r"(?P<student>[^+]+)\+[^+]+\+(?P<order>\d{4}-\d\d-\d\d[^+]*)(?:\+.*)?"),
}
COPY = re.compile(r"(?:[-_ ]?\((?P<a>\d{1,2})\)|-(?P<b>\d{1,2})|[-_ ]copy(?P<c>\d?))$", re.I)
Parts = tuple[str, ...]


@dataclass(frozen=True)
class Who:
    """What a name says: who it is, the platform's number of them, the order, the file.

    `key` tells people apart; `name` is what they are called.
    """

    key: tuple[str, ...]
    name: str
    number: str = ""
    order: str = ""
    file: str = ""
    late: bool = False


@dataclass(frozen=True)
class Class:
    """How the names of one class are read.

    Attributes:
        pattern: one of `PATTERNS`.
        wrappers: how many folders stand around everything.
        tasks: what Blackboard puts before the users' names, by first word.
        notes: what was taken for granted, one sentence each.
    """

    pattern: str
    wrappers: int = 0
    tasks: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def is_around(self, parts: Parts) -> bool:
        """Is it a folder around the students, not one of theirs?"""
        return parts[-1] == "" and len(parts) <= self.wrappers + (self.pattern == "subfolder") + 1

    def who(self, parts: Parts, known: Course, home: str) -> Who:
        """Who handed in the file at this path; `home` is whose a file called as released is."""
        inner = list(parts[min(self.wrappers, len(parts) - 1) :])
        if self.pattern in TOP and (match := TOP[self.pattern].fullmatch(inner[0])):
            return self._platform(match)
        if self.pattern == "subfolder" and len(inner) > 2:
            return Who((inner[0], inner[1]), inner[1])
        if self.pattern == "subfolder" and len(inner) == 2 and inner[1]:
            stem = _stem(inner[1])
            return Who((inner[0], stem), _without_lecture(stem, known) or inner[0])
        if len(inner) > 1:
            return Who((_stem(inner[0]),), _stem(inner[0]))
        name = _without_lecture(_stem(inner[0]), known) or home
        return Who((name,), name)

    def _platform(self, match: re.Match[str]) -> Who:
        found = {"id": "", "file": "", "order": "", "late": "", **match.groupdict("")}
        student, order = found["student"].strip(), found["order"]
        if self.pattern == "blackboard":
            words = student.split("_")
            student = "_".join(words[self.tasks.get(words[0], len(words) - 1) :])
        order = order.zfill(24) if order.isdigit() else order  # numbers in order as text
        key = (self.pattern, found["id"] or student)
        return Who(key, student, found["id"], order, found["file"], bool(found["late"]))


def read_class(
    paths: Collection[Parts], known: Course, archive: str = "", asked: str = ""
) -> Class:
    """How to read the names of these files.

    Args:
        paths: all of them; a folder's ends in an empty part.
        known: what the lectures are recognised by.
        archive: the name of the zip around them, which a wrapping folder may repeat.
        asked: the pattern that the instructor named.
    """
    if asked in ("folder", "subfolder"):
        return Class(asked)
    wrappers, notes = _wrappers(paths, known, archive)
    inner = [parts[wrappers:] for parts in paths if len(parts) > wrappers]
    inner = [parts for parts in inner if parts != ("",)]
    tops = {parts[0] for parts in inner}
    matching = {p: {top for top in tops if TOP[p].fullmatch(top)} for p in TOP}
    pattern = asked or max(TOP, key=lambda p: len(matching[p]))  # of equals the first
    if not asked and (not tops or 2 * len(matching[pattern]) < len(tops)):
        if _sections(inner, known):
            notes.append("The folders are taken as sections, those in them as students.")
            return Class("subfolder", wrappers, notes=tuple(notes))
        return Class("folder", wrappers, notes=tuple(notes))
    tasks: dict[str, int] = {}
    if pattern == "blackboard":
        tasks, more = _tasks(matching[pattern])
        notes += more
    others = sorted(tops - matching[pattern])
    if others:
        notes.append(
            f"{len(others)} of {len(tops)} files or folders are not called as {pattern.title()} "
            f"calls them, and belong to who they are named after: {', '.join(others[:3])}."
        )
    return Class(pattern, wrappers, tasks, tuple(notes))


def _wrappers(paths: Collection[Parts], known: Course, archive: str) -> tuple[int, list[str]]:
    """How many folders stand around everything, and a note where that is not certain."""
    files = [parts for parts in paths if parts[-1] != ""]
    count, certain = 0, True
    while True:
        inner = [parts[count:] for parts in files]
        tops = {parts[0] for parts in inner}
        if len(tops) != 1 or any(len(parts) < 2 for parts in inner):
            break
        (top,) = tops
        if any(pattern.fullmatch(top) for pattern in TOP.values()):
            break
        below = {parts[1] for parts in inner if len(parts) > 2}
        names = {parts[1] for parts in inner if len(parts) == 2}
        handed_in = {name for name in names if NOTEBOOK.search(name)}
        platform = any(p.fullmatch(name) for p in TOP.values() for name in below | names)
        if top == archive or platform:
            count += 1
            continue
        if handed_in or not (below or names):
            break  # the notebooks of one student
        people = below | {_stem(name) for name in names if ZIP.search(name)}
        if len(people) == 1 and not _differ_below(inner):
            break
        if len(people) > 1 and _are_lectures(people, known):
            break
        count, certain = count + 1, False
    notes = []
    if not certain:
        wrapping = "/".join(files[0][:count])
        notes.append(f"Everything lies in `{wrapping}`: the folders in it are taken as students.")
    return count, notes


def _differ_below(inner: Sequence[Parts]) -> bool:
    """Do the folders begin to differ somewhere below, where several of them lie side by side?"""
    depth = 1
    while True:
        here = {parts[depth] for parts in inner if len(parts) == depth + 1}
        level = {parts[depth] for parts in inner if len(parts) > depth + 1}
        people = level | {_stem(name) for name in here if ZIP.search(name)}
        if len(people) != 1 or any(map(NOTEBOOK.search, here)):
            return len(people) > 1 and not any(map(NOTEBOOK.search, here))
        if not level:
            return False
        depth += 1


def _are_lectures(names: Collection[str], known: Course) -> bool:
    """Are these the folders of one student, each named after another lecture?"""
    lectures = [lecture_of_name(name, known) for name in names]
    return all(lectures) and len(set(lectures)) == len(lectures)


def _sections(inner: Sequence[Parts], known: Course) -> bool:
    """Do the folders hold one student each in every sub-folder?

    So it is where no notebook lies beside the sub-folders, where none of these has the name of one
    in another folder, and where several in one folder hold the same.
    """
    if any(len(parts) < 3 for parts in inner if NOTEBOOK.search(parts[-1])):
        return False
    people: dict[str, set[str]] = defaultdict(set)
    contents: dict[Parts, set[str]] = defaultdict(set)
    for parts in inner:
        if len(parts) > 2 and NOTEBOOK.search(parts[-1]):
            people[parts[0]].add(parts[1])
            told = lecture_of_name(parts[-1], known) or parts[-1]
            contents[parts[:2]].add(told)
    tops = {parts[0] for parts in inner if len(parts) > 1}
    if len(tops) < 2 or tops - people.keys():
        return False
    repeated = [
        name for name, count in Counter(n for p in people.values() for n in p).items() if count > 1
    ]
    same = any(
        contents[top, a] & contents[top, b]
        for top, names in people.items()
        for a, b in pairwise(sorted(names))
    )
    return same and not repeated


def _tasks(names: Collection[str]) -> tuple[dict[str, int], list[str]]:
    """How many words Blackboard puts before a user's name, by the first of them.

    They are those that all names of a task share; at least one is left for the user.
    """
    heads: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for name in names:
        if match := TOP["blackboard"].fullmatch(name):
            words = tuple(match["student"].split("_"))
            heads[words[0]].add(words)
    counts, notes = {}, []
    for first, several in heads.items():
        shared = 0
        while all(len(words) > shared + 1 for words in several) and (
            len({words[shared] for words in several}) == 1
        ):
            shared += 1
        counts[first] = max(1, shared)
        if len(several) == 1 and len(words := next(iter(several))) > 2:
            notes.append(f"`{'_'.join(words)}` is taken as the student `{words[-1]}`.")
    return counts, notes


# --- what they are called ---------------------------------------------------------------------


def labels(everyone: Iterable[Who]) -> tuple[dict[tuple[str, ...], str], list[str]]:
    """A different name for each, and a note where two have the same one.

    The platform's number makes the difference, or the folder around, or a number of our own.
    """
    by_name: dict[str, dict[tuple[str, ...], Who]] = defaultdict(dict)
    for who in everyone:
        by_name[printable(who.name)].setdefault(who.key, who)
    found, notes, taken = {}, [], set(by_name)
    for name, people in by_name.items():
        if len(people) == 1:
            found[next(iter(people))] = name
            continue
        called = []
        for place, (key, who) in enumerate(sorted(people.items())):
            around = who.number or (key[0] if len(key) > 1 and key[0] not in TOP else "")
            label = f"{name} ({around})" if around else name
            if not around and place:
                number = 2
                while (label := f"{name} ({number})") in taken:
                    number += 1
                taken.add(label)
            found[key] = label
            called.append(label)
        notes.append(
            f"{len(people)} students are called {name}: they are {', '.join(called)} here."
        )
    return found, notes


def printable(text: str) -> str:
    return " ".join(text.split()).strip() or "unnamed"


def _stem(name: str) -> str:
    return NOTEBOOK.sub("", ZIP.sub("", name))


def _without_lecture(stem: str, known: Course) -> str:
    """The part of a flat file's name that is not the lecture's."""
    for name in known.stems:
        if name in stem:
            return COPY.sub("", stem.replace(name, "", 1)).strip(" -_.,")
    return stem


def plain_stem(name: str, known: Course) -> str:
    """A file's name without what a copy or the lecture's own name adds to it."""
    return COPY.sub("", _without_lecture(_stem(name), known))


def copy_number(name: str) -> int:
    """Of `a (2).ipynb` the 2."""
    match = COPY.search(NOTEBOOK.sub("", name))
    return int(match["a"] or match["b"] or match["c"] or 1) if match else 0


def lecture_of_name(name: str, known: Course) -> str:
    """The lecture that a file's name tells, or ""."""
    stem = PurePosixPath(name).name
    for known_stem, lecture in known.stems.items():
        if known_stem in stem:
            return lecture
    match = re.search(r"(?<!\d)(\d\d)(?!\d)", stem)
    return match[1] if match and match[1] in known.lectures else ""
