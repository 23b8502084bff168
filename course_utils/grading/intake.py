"""What students handed in: a folder of folders, a flat folder, or a zip, as cells of source text.

Nothing is unpacked to disk, no link is followed, every size is bounded before it is read, and what
cannot be read becomes one sentence, never an exception: each hand-in ends up in the report.
"""

import ast
import io
import itertools
import json
import os
import re
import stat
import time
import unicodedata
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from ..lectures import LectureError, lecture_of
from .marking import Cell

HAND_IN = "hand in the .ipynb file as JupyterLab saves it"
MAX_NOTEBOOK = 30_000_000  # bytes; outputs with many pictures reach some millions
MAX_SOURCE = 1_000_000  # characters of all code cells together
MAX_CELLS = 2_000
MAX_ARCHIVE = 100_000_000  # bytes of a zip inside the folder or inside another zip
MAX_UNPACKED = 300_000_000  # bytes of all notebooks in such a zip
MAX_FILES = 50_000
MAX_DEPTH = 12  # folders inside folders
NOT_HANDED_IN = {"__MACOSX", "__pycache__", "node_modules"}  # and whatever begins with a dot
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # browsers append to it
ZIP = re.compile(r"\.zip$", re.IGNORECASE)
ZIP_FAULTS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,  # a compression that Python cannot undo
    RuntimeError,  # a password
    OSError,
    ValueError,
)

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
DEFINITION = re.compile(r"^[ \t]*(?:async[ \t]+)?def[ \t]+(\w+)|^(\w+)[ \t]*=(?!=)", re.MULTILINE)
COPY = re.compile(r"(?:[-_ ]?\((?P<a>\d{1,2})\)|-(?P<b>\d{1,2})|[-_ ]copy(?P<c>\d?))$", re.I)


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


@dataclass(frozen=True)
class Course:
    """What lectures are recognised by."""

    functions: Mapping[str, str]  # an exercise's function -> its lecture
    stems: Mapping[str, str] = field(default_factory=dict)  # "01_simulators" -> "01"
    ids: Mapping[str, str] = field(default_factory=dict)  # the id of a released cell -> its lecture

    @property
    def lectures(self) -> set[str]:
        return {*self.functions.values(), *self.stems.values()}


class Unreadable(ValueError):
    """Why a file cannot be read: one sentence."""


@dataclass(frozen=True)
class _Who:
    """What a name says: the student, the platform's number of them, the order, the file."""

    student: str
    number: str = ""
    order: str = ""
    file: str = ""


@dataclass(frozen=True)
class _File:
    """One file among what was handed in. `read(limit)` gives at most limit + 1 bytes."""

    parts: tuple[str, ...]
    time: float
    read: Callable[[int], bytes]
    fault: str = ""  # why it is not read at all


# --- the whole folder ------------------------------------------------------------------------


def course(root: Path, names: Collection[str]) -> Course:
    """The lectures in `root`/notebooks and the exercises of these names, "NN.function"."""
    ids, stems = {}, {}
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        stems[path.stem] = lecture_of(path)
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            ids[cell["id"]] = lecture_of(path)
    return Course({name[3:]: name[:2] for name in names}, stems, ids)


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
        files = _unwrapped(list(_folder(place, out)), "")
        found = list(_submissions(files, known, _name(place.resolve().name)))
    elif place.is_file():
        try:
            with zipfile.ZipFile(place) as archive:
                files = _unwrapped(list(_archive(archive, ())), place.stem)
                found = list(_submissions(files, known, _name(place.stem)))
        except ZIP_FAULTS as error:
            raise LectureError(f"{place} is neither a folder nor a zip: {_text(error)}.") from error
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


def _submissions(files: Iterable[_File], known: Course, home: str) -> Iterator[Submission]:
    """Every notebook, and one empty-handed submission for a student without any.

    `home` is the student's name where files lie in a flat folder and are called as released.
    """
    files = list(itertools.islice((file for file in files if file.parts != ("",)), MAX_FILES + 1))
    if len(files) > MAX_FILES:
        raise LectureError(f"There are more than {MAX_FILES} files: is this the right folder?")
    label = _labels(_who(file.parts, known, home) for file in files)
    handed_in, others = set(), defaultdict(list)
    for outer in files:
        who = _who(outer.parts, known, home)
        student = label[who.student, who.number]
        for file in _opened(outer):
            path = "/".join(file.parts)
            if file.fault or NOTEBOOK.search(file.parts[-1]):
                handed_in.add(student)
                yield _submission(student, path, file, who, known)
            else:
                others[student].append(file.parts)
    for student in sorted(others.keys() - handed_in):
        if all(len(parts) == 1 and not _match(parts[0]) for parts in others[student]):
            continue  # a stray file in a flat folder says nothing about a student
        names = sorted({parts[-1] for parts in others[student]} - {""})[:3]
        only = f", only {', '.join(names)}" if names else ""
        path = "/".join(min(others[student]))
        yield Submission(student, "", path, (), (f"No notebook was handed in{only}; {HAND_IN}.",))


def _submission(student: str, path: str, file: _File, who: _Who, known: Course) -> Submission:
    age = (who.order, file.time, _copy_number(file.parts[-1]))
    by_name = _lecture_of_name(who.file or file.parts[-1], known)
    try:
        if file.fault:
            raise Unreadable(file.fault)
        lecture, cells, problems = read_notebook(_bytes(file), known)
    except Unreadable as error:
        return Submission(student, by_name, path, None, (str(error),), age)
    lecture = lecture or by_name
    if not lecture:
        problems += ("It is not known which lecture this is: no exercise of the course is in it.",)
    return Submission(student, lecture, path, cells, problems, age)


def _bytes(file: _File) -> bytes:
    try:
        data = file.read(MAX_NOTEBOOK)
    except ZIP_FAULTS as error:
        raise Unreadable(f"The file cannot be read: {_text(error)}.") from error
    if len(data) > MAX_NOTEBOOK:
        raise Unreadable(
            f"The file is larger than {MAX_NOTEBOOK // 10**6} MB: clear its outputs and hand it in "
            "again."
        )
    return data


# --- files, wherever they lie ----------------------------------------------------------------


def _folder(place: Path, out: Path | None) -> Iterator[_File]:
    """The files below a folder; links and what is no file are named, not opened."""
    skip = out.resolve() if out else None
    todo = [(place, ())]
    while todo:
        folder, parts = todo.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not parts:
                raise LectureError(f"{place} cannot be read: {_text(error)}.") from error
            yield _File((*parts, ""), 0, _nothing, f"The folder cannot be read: {_text(error)}.")
            continue
        if parts:
            yield _File((*parts, ""), 0, _nothing)  # so that an empty folder is seen
        for entry in entries:
            here = (*parts, _name(entry.name))
            if _is_noise(entry.name) or (skip and Path(entry.path).resolve() == skip):
                continue
            if entry.is_symlink():
                yield _File(here, 0, _nothing, "This is a link, which is not followed.")
            elif entry.is_dir(follow_symlinks=False):
                if len(here) > MAX_DEPTH:
                    yield _File(here, 0, _nothing, "Folders are nested too deep to be searched.")
                else:
                    todo.append((Path(entry.path), here))
            elif entry.is_file(follow_symlinks=False):
                modified = entry.stat(follow_symlinks=False).st_mtime
                yield _File(here, modified, _reader(Path(entry.path)))
            elif NOTEBOOK.search(entry.name):
                yield _File(here, 0, _nothing, "This is not a regular file.")


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        # Even if the file was exchanged since: no link is followed, no pipe waited for.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            return file.read(limit + 1)

    return read


def _archive(archive: zipfile.ZipFile, before: tuple[str, ...]) -> Iterator[_File]:
    """The files of a zip that is open, with `before` in front of their paths."""
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise zipfile.BadZipFile(f"more than {MAX_FILES} files in it")
    for entry in entries:
        raw = _zip_name(entry).replace("\\", "/")
        parts = tuple(part for part in raw.split("/") if part not in ("", "."))
        inside = tuple(_name(part) for part in parts if part != "..") or ("unnamed",)
        if any(map(_is_noise, inside)):
            continue
        try:
            modified = time.mktime((*entry.date_time, 0, 0, -1))
        except (ValueError, OverflowError):
            modified = 0.0
        fault = ""
        if ".." in parts or raw.startswith("/") or re.match(r"[A-Za-z]:", raw):
            fault = "Its path leads out of the archive: it was not read."
        elif stat.S_ISLNK(entry.external_attr >> 16):
            fault = "This is a link, which is not followed."
        elif len(inside) > MAX_DEPTH:
            fault = "Folders are nested too deep to be searched."
        here = (*before, *inside, "") if entry.is_dir() else (*before, *inside)
        yield _File(here, modified, _zip_reader(archive, entry), fault)


def _zip_reader(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        with archive.open(entry) as file:  # what the entry says about its size may be a lie
            return file.read(limit + 1)

    return read


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name; some programs write UTF-8 without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _opened(file: _File) -> Iterator[_File]:
    """The file itself or, if it is a zip, what is in it."""
    if file.fault or not ZIP.search(file.parts[-1]):
        yield file
        return
    try:
        data = file.read(MAX_ARCHIVE)
        if len(data) > MAX_ARCHIVE:
            raise zipfile.BadZipFile(f"it is larger than {MAX_ARCHIVE // 10**6} MB")
        if data.count(b"PK\1\2") > MAX_FILES:  # before a list of them is made
            raise zipfile.BadZipFile(f"more than {MAX_FILES} files in it")
        left = MAX_UNPACKED

        def bounded(inner: _File) -> Callable[[int], bytes]:
            def read(limit: int) -> bytes:
                nonlocal left
                content = inner.read(max(0, min(limit, left)))
                left -= len(content)
                if left < 0:
                    raise zipfile.BadZipFile(f"more than {MAX_UNPACKED // 10**6} MB are in its zip")
                return content

            return read

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in _archive(archive, file.parts):
                if ZIP.search(inner.parts[-1]):
                    yield replace(inner, fault="A zip inside a zip is not opened.")
                else:
                    yield replace(inner, read=bounded(inner))
    except ZIP_FAULTS as error:
        yield replace(file, fault=f"The zip cannot be read: {_text(error)}.")


def _unwrapped(files: list[_File], archive: str) -> list[_File]:
    """Without the one folder around all others that programs put into a zip."""
    tops = {file.parts[0] for file in files}
    if len(tops) != 1 or any(len(file.parts) == 1 for file in files):
        return files
    below = {file.parts[1] for file in files if len(file.parts) > 2}
    names = [file.parts[1] for file in files if len(file.parts) == 2]
    folders_only = len(below) > 1 and not any(map(NOTEBOOK.search, names))
    if tops == {archive} or folders_only or any(map(_match, [*below, *names])):
        return [replace(file, parts=file.parts[1:]) for file in files]
    return files


def _nothing(limit: int) -> bytes:
    return b""


def _is_noise(name: str) -> bool:
    return name.startswith(".") or name in NOT_HANDED_IN


# --- names -----------------------------------------------------------------------------------


def _name(text: str) -> str:
    """A name in one spelling: composed accents, nothing that cannot be printed."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _clean(unicodedata.normalize("NFC", text)) or "unnamed"


def _clean(text: str) -> str:
    """Without control characters, which could steer a terminal, and of a bounded length."""
    return "".join(c if c.isprintable() else "?" for c in text).strip()[:200]


def _match(name: str) -> re.Match[str] | None:
    return next((match for pattern in LMS if (match := pattern.fullmatch(name))), None)


def _who(parts: tuple[str, ...], known: Course, home: str) -> _Who:
    """Who handed in the file at this path."""
    first = parts[0]
    if match := _match(first):
        found = {"id": "", "file": "", **match.groupdict("")}
        order = found.get("order", "")
        order = order.zfill(24) if order.isdigit() else order  # numbers in order as text
        return _Who(found["student"].strip(), found["id"], order, found["file"])
    if len(parts) > 1:
        return _Who(first)
    stem = NOTEBOOK.sub("", ZIP.sub("", first))
    return _Who(_without_lecture(stem, known) or home)


def _without_lecture(stem: str, known: Course) -> str:
    """The part of a flat file's name that is not the lecture's."""
    for name in known.stems:
        if name in stem:
            return COPY.sub("", stem.replace(name, "", 1)).strip(" -_.,")
    return stem


def _labels(everyone: Iterable[_Who]) -> dict[tuple[str, str], str]:
    """How each is called: by name, with the platform's number where two have the same."""
    numbers = defaultdict(set)
    for who in everyone:
        numbers[who.student].add(who.number)
    return {
        (name, number): f"{name} ({number})" if number and len(several) > 1 else name
        for name, several in numbers.items()
        for number in several
    }


def _copy_number(name: str) -> int:
    match = COPY.search(NOTEBOOK.sub("", name))
    return int(match["a"] or match["b"] or match["c"] or 1) if match else 0


def _lecture_of_name(name: str, known: Course) -> str:
    stem = PurePosixPath(name).name
    for known_stem, lecture in known.stems.items():
        if known_stem in stem:
            return lecture
    match = re.search(r"(?<!\d)(\d\d)(?!\d)", stem)
    return match[1] if match and match[1] in known.lectures else ""


# --- one notebook ----------------------------------------------------------------------------


def read_notebook(data: bytes, known: Course) -> tuple[str, tuple[Cell, ...], tuple[str, ...]]:
    """The lecture ("" where it cannot be told), the code cells, and remarks.

    Raises:
        Unreadable: when this is not a notebook; one sentence.
    """
    notebook = _parse(data)
    cells, problems = _cells(notebook)
    code = [Cell(source, id) for kind, source, id in cells if kind == "code"]
    for kind, source, id in cells:
        name = _exercise_in(source, known) if kind != "code" else ""
        if name and not any(name in _defined(cell.source) for cell in code):
            problems.append(f"{name} stands in a cell that is not code: it was graded anyway.")
            code.append(Cell(source, id))
    if not code:
        raise Unreadable("The notebook has no code cells.")
    if len(code) > MAX_CELLS:
        raise Unreadable(f"The notebook has more than {MAX_CELLS} code cells.")
    if sum(len(cell.source) for cell in code) > MAX_SOURCE:
        raise Unreadable(f"The notebook holds more than {MAX_SOURCE // 10**6} MB of code.")
    return _lecture(notebook, code, known), tuple(code), tuple(problems)


def _parse(data: bytes) -> dict:
    if not data.strip():
        raise Unreadable("The file is empty.")
    try:
        notebook = json.loads(data)
    except (RecursionError, MemoryError):
        raise Unreadable("The file is nested too deep to be a notebook.") from None
    except UnicodeDecodeError:
        raise Unreadable(f"The file is binary, not a notebook; {HAND_IN}.") from None
    except ValueError as error:
        looks_like_text = b"\0" not in data[:1000]
        reason = f"not JSON ({_text(error)[:80]})" if looks_like_text else "binary"
        raise Unreadable(f"The file is {reason}, not a notebook; {HAND_IN}.") from None
    if not isinstance(notebook, dict) or not {"cells", "worksheets"} & notebook.keys():
        raise Unreadable("The file is JSON, but not a notebook: it has no cells.")
    return notebook


def _cells(notebook: dict) -> tuple[list[tuple[str, str, str | None]], list[str]]:
    """(kind, source, id) of each cell that can be read, and remarks about the others."""
    problems = []
    given = notebook.get("cells")
    if "cells" not in notebook:
        problems.append("The notebook has the old format 3: save it in JupyterLab.")
        sheets = notebook["worksheets"]
        given = [
            cell
            for sheet in (sheets if isinstance(sheets, list) else [])
            if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
            for cell in sheet["cells"]
        ]
    if not isinstance(given, list):
        raise Unreadable("The file is JSON, but not a notebook: its cells are not a list.")
    cells, broken = [], 0
    for cell in given:
        cell = cell if isinstance(cell, dict) else {}
        source = cell.get("source", cell.get("input"))  # format 3 has `input`
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            broken += 1
            continue
        # A lone surrogate, which JSON can spell, could not be sent on as UTF-8.
        source = source.encode("utf-8", "replace").decode("utf-8")
        id = cell.get("id")
        cells.append((str(cell.get("cell_type")), source, id if isinstance(id, str) else None))
    if broken:
        problems.append(f"{broken} damaged cells were left out.")
    return cells, problems


def _lecture(notebook: dict, code: list[Cell], known: Course) -> str:
    """By metadata, unless the functions in it are another lecture's; else by functions, ids."""
    functions = Counter(
        known.functions[name]
        for name in set().union(*(_defined(cell.source) for cell in code))
        if name in known.functions
    )
    metadata = notebook.get("metadata")
    stored = metadata.get("course") if isinstance(metadata, dict) else None
    told = stored.get("lecture") if isinstance(stored, dict) else None
    if isinstance(told, str) and told in known.lectures and (functions[told] or not functions):
        return told
    ids = Counter(known.ids[cell.id] for cell in code if cell.id in known.ids)
    votes = functions or ids
    return min(votes, key=lambda lecture: (-votes[lecture], -ids[lecture], lecture), default="")


def _defined(source: str) -> set[str]:
    """Names of the functions that a cell seems to define, also where it does not parse."""
    return {a or b for a, b in DEFINITION.findall(source)}


def _exercise_in(source: str, known: Course) -> str:
    """The exercise's function that a cell of text defines, if it is Python after all."""
    for name in re.findall(r"^def (\w+)\(", source, re.MULTILINE):
        if name in known.functions:
            try:
                ast.parse(source)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return ""
            return name
    return ""


def _text(error: BaseException) -> str:
    """An error's reason in a few printable words, without the path of this machine."""
    if "password" in str(error):
        return "it is locked with a password"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _clean(" ".join(reason.split()))[:120].rstrip(".") or type(error).__name__
