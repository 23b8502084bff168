"""What students handed in, each of them once: the newest hand-in of each student and lecture.

What cannot be read becomes one sentence, never an exception: each hand-in ends up in the report,
and each file that does not count is named in a note.
"""

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

from ..lectures import LectureError
from . import names
from .files import MAX_ARCHIVE, NOTEBOOK, ZIP, File, Place, Unreadable
from .names import Class, Who, copy_number, lecture_of_name
from .notebook import HAND_IN, Cell, Course, stored
from .reader import Parsed, Reader

MAX_UNPACKED = 300_000_000  # bytes of all notebooks of one student
MAX_NOTEBOOKS = 300  # of one student
MAX_SECONDS = 60.0  # by the clock, for reading what one student handed in
TOO_MANY = "It was not read: this student handed in too much."


@dataclass(frozen=True)
class Submission:
    """One hand-in of one lecture.

    Attributes:
        student: the folder's name, or what the learning platform put into the file name.
        lecture: its two digits, or "" where nothing tells.
        path: where it was found, as a person would look for it.
        text: the file with its code cells; None where there are none, or it cannot be read.
        readable: False where it cannot be read.
        problems: one sentence each, for student and instructor.
        number: the learning platform's own number of the student.
        time: when it was handed in or saved, in seconds since 1970; 0 where nothing tells.
        late: whether the learning platform calls it late.
        digest: of the code cells.
    """

    student: str
    lecture: str
    path: str
    text: Path | None = None
    readable: bool = True
    problems: tuple[str, ...] = ()
    number: str = ""
    time: float = 0.0
    late: bool = False
    digest: str = ""
    touched: bool = field(default=True, compare=False, repr=False)
    age: tuple = field(default=(), compare=False, repr=False)  # of two, the greater counts

    @property
    def cells(self) -> tuple[Cell, ...] | None:
        """The code cells; None where the file cannot be read, () where there is none."""
        if self.text is not None:
            return stored(self.text)
        return () if self.readable else None


def collect(
    place: Path, known: Course, spool: Path, skip: Path | None = None, asked: str = ""
) -> tuple[list[Submission], list[str]]:
    """All that was handed in, the newest of each student and lecture, in alphabetical order.

    Args:
        place: a folder of student folders (or zips), a flat folder of notebooks, or a zip of
            either.
        known: what the lectures are recognised by.
        spool: a folder for the code cells, which must outlive the submissions.
        skip: a folder to pass over, where marks are written.
        asked: whose a file is, one of `names.PATTERNS`; by default it is seen from the names.

    Returns:
        The submissions, and one sentence for each file that does not count.

    Raises:
        LectureError: when there is nothing to grade at `place`, or when most of it would not count.
    """
    with Reader(known) as reader:
        files, archive = _files(place, reader, skip)
        decided = names.read_class([file.parts for file in files], known, archive, asked)
        home = names.printable(place.stem if place.is_file() else place.resolve().name)
        return _Collection(reader, known, decided, home, spool, bool(asked)).collect(place, files)


def _files(place: Path, reader: Reader, skip: Path | None) -> tuple[list[File], str]:
    """Everything at a place, and the name of the zip that it is, if it is one."""
    try:
        if place.is_dir():
            return reader.folder(place, skip.resolve() if skip else None), ""
        if place.is_file():
            return reader.archive(Place(str(place)), nested=False), place.stem
    except Unreadable as error:
        kind = "a readable folder" if place.is_dir() else "a folder or a zip"
        raise LectureError(f"{place} is not {kind}: {error}") from error
    raise LectureError(f"There is no folder and no zip at {place}.")


@dataclass
class _Read:
    """How much of one student was read so far."""

    notebooks: int = 0
    size: int = 0
    seconds: float = 0.0

    @property
    def enough(self) -> bool:
        much = self.notebooks >= MAX_NOTEBOOKS or self.size > MAX_UNPACKED
        return much or self.seconds > MAX_SECONDS


class _Collection:
    """The work of `collect`, once it is decided how names are read."""

    def __init__(
        self,
        reader: Reader,
        known: Course,
        decided: Class,
        home: str,
        spool: Path,
        asked: bool,
    ):
        self.reader, self.known, self.decided, self.home = reader, known, decided, home
        self.spool, self.asked = spool, asked
        self.notes = list(decided.notes)
        self.read: dict[tuple[str, ...], _Read] = defaultdict(_Read)  # by student

    def collect(self, place: Path, files: list[File]) -> tuple[list[Submission], list[str]]:
        files = [file for file in files if not self.decided.is_around(file.parts)]
        everyone = [self.decided.who(file.parts, self.known, self.home) for file in files]
        whole = {who.key for who, f in zip(everyone, files, strict=True) if f.parts[-1] != ""}
        named = {who.name for who in everyone if who.key in whole}
        # An empty folder is a student of its own only where nobody else is called so.
        label, notes = names.labels(w for w in everyone if w.key in whole or w.name not in named)
        self.notes += notes
        found, others = [], defaultdict(list)
        for who, outer in zip(everyone, files, strict=True):
            if who.key not in label:
                continue
            for file in self.opened(outer):
                if file.fault or NOTEBOOK.search(file.parts[-1]):
                    found += self.submission(label[who.key], who, file)
                else:
                    others[label[who.key]].append(file.parts[self.decided.wrappers :])
        found = [*found, *_empty_handed(others, {given.student for given in found})]
        if not found:
            raise LectureError(f"{place} holds no notebook: give the folder or zip of submissions.")
        return self.newest(found), self.notes

    def opened(self, file: File) -> Iterator[File]:
        """The file itself or, if it is a zip, what is in it."""
        if file.fault or not ZIP.search(file.parts[-1]):
            yield file
            return
        try:
            yield from self.reader.archive(file.place, file.parts, True, MAX_ARCHIVE)
        except Unreadable as error:
            yield replace(file, fault=str(error))

    def submission(self, student: str, who: Who, file: File) -> Iterator[Submission]:
        """What a file is; nothing where it is the instructor's own, which is noted."""
        by_name = lecture_of_name(who.file or file.parts[-1], self.known)
        given = Submission(
            student,
            by_name,
            file.path,
            number=who.number,
            time=_platform_time(who.order) or file.time,
            late=who.late,
            age=(who.order, file.time, copy_number(file.parts[-1])),
        )
        try:
            parsed = self.parsed(who, file, by_name)
        except Unreadable as error:
            yield replace(given, readable=False, problems=(str(error),), touched=False)
            return
        lecture, problems = parsed.lecture, parsed.problems
        if parsed.official:
            self.notes.append(
                f"{student}: {file.path} holds official solutions, which are the instructor's own, "
                "and does not count."
            )
            return
        if not lecture:
            problems += (
                "It is not known which lecture this is: no exercise of the course is in it.",
            )
        yield replace(
            given,
            lecture=lecture,
            problems=problems,
            text=parsed.cells,
            digest=parsed.digest,
            touched=parsed.touched,
        )

    def parsed(self, who: Who, file: File, by_name: str) -> Parsed:
        """The notebook's content; its lecture is that of its name where nothing else tells.

        Raises:
            Unreadable: why there is none.
        """
        if file.fault:
            raise Unreadable(file.fault)
        so_far = self.read[who.key]
        if so_far.enough:
            raise Unreadable(TOO_MANY)
        so_far.notebooks += 1
        number = sum(read.notebooks for read in self.read.values())
        start = time.monotonic()
        try:
            parsed = self.reader.notebook(file.place, self.spool / f"{number}.json", by_name)
        finally:
            so_far.seconds += time.monotonic() - start
        so_far.size += parsed.size
        return parsed

    def newest(self, found: Iterable[Submission]) -> list[Submission]:
        """One hand-in of each student and lecture; what does not count is noted.

        A readable one comes before one that is not, an answered one before one as it was released,
        then the newer before the older. What is of no known lecture counts where nothing else is.
        """
        groups: dict[tuple[str, str], list[Submission]] = defaultdict(list)
        for given in found:
            groups[given.student, given.lecture].append(given)
        with_lecture = {student for student, lecture in groups if lecture}
        kept, discarded, readable = [], 0, 0
        for (student, lecture), group in groups.items():
            *rest, best = sorted(
                group, key=lambda g: (g.text is not None, g.touched, g.age, g.path)
            )
            readable += sum(given.text is not None for given in group)
            discarded += sum(self.may_be_another(given, best) for given in rest) if lecture else 0
            if not lecture and student in with_lecture:
                for given in group:
                    why = given.problems[0] if given.problems else "It is no notebook."
                    self.notes.append(f"{student}: {given.path} does not count. {why}")
                continue
            kept.append(best)
            self.notes += [_why_not(given, best) for given in rest]
        if not self.asked and discarded > 2 and 2 * discarded > readable:
            raise LectureError(
                f"{discarded} of {readable} notebooks would not count, because they seem to belong "
                f"to few students ({', '.join(sorted({g.student for g in kept})[:3])}): say whose "
                f"they are with --students {'|'.join(names.PATTERNS)}."
            )
        return sorted(kept, key=lambda g: (g.student.casefold(), g.student, g.lecture, g.path))

    def may_be_another(self, given: Submission, best: Submission) -> bool:
        """Is it something else than a copy beside the one that counts?"""
        places = [PurePosixPath(g.path) for g in (given, best)]
        stems = {names.plain_stem(place.name, self.known) for place in places}
        return given.text is not None and (len(stems) > 1 or places[0].parent != places[1].parent)


def _platform_time(order: str) -> float:
    """The time that Blackboard or nbgrader put into a name, in seconds since 1970; else 0."""
    digits = re.match(r"(\d{4})-(\d\d)-(\d\d)[ T-](\d\d)[:-](\d\d)[:-](\d\d)", order)
    if not digits:
        return 0.0
    zone = UTC if order.rstrip().endswith("UTC") else None
    try:
        return datetime(*map(int, digits.groups()), tzinfo=zone).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0


def _why_not(given: Submission, best: Submission) -> str:
    lecture = f"lecture {given.lecture}" if given.lecture else "no known lecture"
    start = f"{given.student}, {lecture}: {given.path}"
    if given.text is None and best.text is not None:
        return f"{start} does not count, {best.path} does. {given.problems[0]}"
    if best.touched and not given.touched:
        return f"{start} is as it was released and does not count, {best.path} does."
    return f"{start} is older than {best.path} and does not count."


def _empty_handed(
    others: dict[str, list[tuple[str, ...]]], handed_in: set[str]
) -> Iterator[Submission]:
    """A submission without cells for each student who handed in something, but no notebook."""
    for student in sorted(others.keys() - handed_in):
        everything = others[student]
        platform = any(p.fullmatch(parts[0]) for parts in everything for p in names.TOP.values())
        if all(len(parts) == 1 for parts in everything) and not platform:
            continue  # a stray file in a flat folder says nothing about a student
        few = sorted({parts[-1] for parts in everything} - {""})[:3]
        only = f", only {', '.join(few)}" if few else ""
        problem = f"No notebook was handed in{only}; {HAND_IN}."
        yield Submission(student, "", "/".join(min(everything)), problems=(problem,))
