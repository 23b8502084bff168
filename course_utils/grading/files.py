"""Files as they were handed in: in a folder, in a zip, in zips in a folder; opened within bounds.

Nothing is unpacked to disk, no link is followed, every size is bounded before it is read. Used by
the process that reads (reader.py), which is bounded itself: what a file does there, it does alone.
"""

import io
import os
import re
import stat
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_NOTEBOOK = 30_000_000  # bytes; outputs with many pictures reach some millions
MAX_ARCHIVE = 100_000_000  # bytes of a zip inside the folder or inside another zip
MAX_FILES = 50_000
MAX_DEPTH = 12  # folders inside folders
MAX_NAME = 200  # characters of one folder or file
NOT_HANDED_IN = {
    "__MACOSX",
    "__pycache__",
    "node_modules",
    ".DS_Store",
    ".cache",
    ".git",
    ".idea",
    ".ipynb_checkpoints",
    ".venv",
    ".vscode",
}
NOTEBOOK = re.compile(r"\.ipynb(\.txt|\.json)?$", re.IGNORECASE)  # browsers append to it
ZIP = re.compile(r"\.zip$", re.IGNORECASE)
NESTED = "A zip inside a zip is not opened."


class Unreadable(ValueError):
    """Why a file cannot be read: one sentence."""


@dataclass(frozen=True)
class Place:
    """Where a file's bytes are: on disk, or in a zip there, or in a zip in that zip."""

    path: str
    inside: tuple[int, ...] = ()  # the numbers of the entries


@dataclass(frozen=True)
class File:
    """One file among what was handed in; a folder's name ends in an empty part."""

    parts: tuple[str, ...]
    time: float
    place: Place
    fault: str = ""  # why it is not read at all

    @property
    def path(self) -> str:
        """Where it was found, as a person would look for it."""
        return "/".join(self.parts)


def in_folder(place: Path, skip: Path | None) -> Iterator[File]:
    """The files below a folder; links and what is no file are named, not opened.

    Raises:
        OSError: when the folder itself cannot be read.
    """
    todo: list[tuple[str, tuple[str, ...]]] = [(str(place), ())]
    while todo:
        folder, parts = todo.pop()
        here = Place(folder)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not parts:
                raise
            yield File((*parts, ""), 0, here, f"The folder cannot be read: {reason(error)}.")
            continue
        if parts:
            yield File((*parts, ""), 0, here)  # so that an empty folder is seen
        for entry in entries:
            if is_noise(entry.name) or (skip and Path(entry.path).resolve() == skip):
                continue
            yield from _entry(entry, (*parts, _name(entry.name)), todo)


def _entry(
    entry: os.DirEntry, parts: tuple[str, ...], todo: list[tuple[str, tuple[str, ...]]]
) -> Iterator[File]:
    """What a folder's entry is; a folder is put among those to look into."""
    here = Place(entry.path)
    if entry.is_symlink():
        yield File(parts, 0, here, "This is a link, which is not followed.")
    elif entry.is_dir(follow_symlinks=False):
        if len(parts) > MAX_DEPTH:
            yield File(parts, 0, here, "Folders are nested too deep to be searched.")
        else:
            todo.append((entry.path, parts))
    elif entry.is_file(follow_symlinks=False):
        yield File(parts, entry.stat(follow_symlinks=False).st_mtime, here)
    elif NOTEBOOK.search(entry.name):
        yield File(parts, 0, here, "This is not a regular file.")


def read(place: Place, limit: int) -> bytes:
    """The file's bytes, at most limit + 1 of them.

    Raises:
        Exception: whatever is wrong with the file, or with the zips that it is in.
    """
    if not place.inside:
        with open_plain(place.path) as file:
            return file.read(limit + 1)
    *outer, last = place.inside
    archive = _archive(Place(place.path, tuple(outer)))
    with archive.open(archive.infolist()[last]) as entry:
        return entry.read(limit + 1)  # what the entry says about its size may be a lie


def open_plain(path: str) -> io.BufferedReader:
    """A regular file, opened: no link is followed, no pipe waited for, even if it was exchanged."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    file = open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError("it is not a regular file")
    return file


_open_archives: dict[Place, zipfile.ZipFile] = {}  # the last ones, each with the ones around it


def _archive(place: Place) -> zipfile.ZipFile:
    """A zip, opened; the last one stays open for its next entry."""
    if place not in _open_archives:
        around = {Place(place.path, place.inside[:i]) for i in range(len(place.inside))}
        for other in [p for p in _open_archives if p not in around]:
            _open_archives.pop(other).close()
        if place.inside:
            data = read(place, MAX_ARCHIVE)
            if len(data) > MAX_ARCHIVE:
                raise zipfile.BadZipFile(f"it is larger than {MAX_ARCHIVE // 10**6} MB")
            _open_archives[place] = zipfile.ZipFile(io.BytesIO(data))
        else:
            _open_archives[place] = zipfile.ZipFile(open_plain(place.path))
    return _open_archives[place]


def in_zip(place: Place, before: tuple[str, ...], nested: bool, limit: int | None) -> list[File]:
    """The files of a zip, with `before` in front of their paths.

    Args:
        nested: a zip in it is named, not to be opened.
        limit: bytes that the zip may have.

    Raises:
        Exception: whatever is wrong with the zip.
    """
    if limit is not None and not place.inside and os.path.getsize(place.path) > limit:
        raise zipfile.BadZipFile(f"it is larger than {limit // 10**6} MB")
    entries = _archive(place).infolist()
    if len(entries) > MAX_FILES:
        raise zipfile.BadZipFile(f"more than {MAX_FILES} files in it")
    found = []
    for number, entry in enumerate(entries):
        raw = _zip_name(entry).replace("\\", "/")
        parts = tuple(part for part in raw.split("/") if part not in ("", "."))
        inside = tuple(_name(part) for part in parts if part != "..") or ("unnamed",)
        if any(map(is_noise, inside)):
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
        elif nested and ZIP.search(inside[-1]):
            fault = NESTED
        here = (*before, *inside, "") if entry.is_dir() else (*before, *inside)
        found.append(File(here, modified, Place(place.path, (*place.inside, number)), fault))
    return found


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """An entry's name; some programs write UTF-8 without saying so."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def is_noise(name: str) -> bool:
    """Is it a program's own, and nobody's hand-in? Other names with a dot may be a student's."""
    return name in NOT_HANDED_IN or name.startswith("._")


def _name(text: str) -> str:
    """A name in one spelling: composed accents, nothing that cannot be printed."""
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode("utf-8"))
    return "".join(c if c.isprintable() else "?" for c in text)[:MAX_NAME] or "unnamed"


def reason(error: BaseException) -> str:
    """An error's reason in a few printable words, without the path of this machine."""
    if isinstance(error, MemoryError):
        return "it takes too much memory"
    if "password" in str(error):
        return "it is locked with a password"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = _name(" ".join(text.split())).strip() if text.strip() else ""
    return text[:120].rstrip(".") or type(error).__name__
