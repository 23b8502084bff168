"""Files as they were handed in: in a folder, in a zip, in zips in a folder; opened within bounds.

Nothing is unpacked to disk, no link is followed, every size is bounded before it is read.
"""

import io
import os
import re
import stat
import time
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..lectures import LectureError

MAX_NOTEBOOK = 30_000_000  # bytes; outputs with many pictures reach some millions
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


class Unreadable(ValueError):
    """Why a file cannot be read: one sentence."""


@dataclass(frozen=True)
class File:
    """One file among what was handed in. `read(limit)` gives at most limit + 1 bytes."""

    parts: tuple[str, ...]
    time: float
    read: Callable[[int], bytes]
    fault: str = ""  # why it is not read at all


def content(file: File) -> bytes:
    try:
        data = file.read(MAX_NOTEBOOK)
    except ZIP_FAULTS as error:
        raise Unreadable(f"The file cannot be read: {reason(error)}.") from error
    if len(data) > MAX_NOTEBOOK:
        raise Unreadable(
            f"The file is larger than {MAX_NOTEBOOK // 10**6} MB: clear its outputs and hand it in "
            "again."
        )
    return data


def in_folder(place: Path, out: Path | None) -> Iterator[File]:
    """The files below a folder; links and what is no file are named, not opened."""
    skip = out.resolve() if out else None
    todo = [(place, ())]
    while todo:
        folder, parts = todo.pop()
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            if not parts:
                raise LectureError(f"{place} cannot be read: {reason(error)}.") from error
            yield File((*parts, ""), 0, _nothing, f"The folder cannot be read: {reason(error)}.")
            continue
        if parts:
            yield File((*parts, ""), 0, _nothing)  # so that an empty folder is seen
        for entry in entries:
            here = (*parts, printable_name(entry.name))
            if _is_noise(entry.name) or (skip and Path(entry.path).resolve() == skip):
                continue
            if entry.is_symlink():
                yield File(here, 0, _nothing, "This is a link, which is not followed.")
            elif entry.is_dir(follow_symlinks=False):
                if len(here) > MAX_DEPTH:
                    yield File(here, 0, _nothing, "Folders are nested too deep to be searched.")
                else:
                    todo.append((Path(entry.path), here))
            elif entry.is_file(follow_symlinks=False):
                modified = entry.stat(follow_symlinks=False).st_mtime
                yield File(here, modified, _reader(Path(entry.path)))
            elif NOTEBOOK.search(entry.name):
                yield File(here, 0, _nothing, "This is not a regular file.")


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        # Even if the file was exchanged since: no link is followed, no pipe waited for.
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
            return file.read(limit + 1)

    return read


def archived(archive: zipfile.ZipFile, before: tuple[str, ...]) -> Iterator[File]:
    """The files of a zip that is open, with `before` in front of their paths."""
    entries = archive.infolist()
    if len(entries) > MAX_FILES:
        raise zipfile.BadZipFile(f"more than {MAX_FILES} files in it")
    for entry in entries:
        raw = _zip_name(entry).replace("\\", "/")
        parts = tuple(part for part in raw.split("/") if part not in ("", "."))
        inside = tuple(printable_name(part) for part in parts if part != "..") or ("unnamed",)
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
        yield File(here, modified, _zip_reader(archive, entry), fault)


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


def opened(file: File) -> Iterator[File]:
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

        def bounded(inner: File) -> Callable[[int], bytes]:
            def read(limit: int) -> bytes:
                nonlocal left
                content = inner.read(max(0, min(limit, left)))
                left -= len(content)
                if left < 0:
                    raise zipfile.BadZipFile(f"more than {MAX_UNPACKED // 10**6} MB are in its zip")
                return content

            return read

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for inner in archived(archive, file.parts):
                if ZIP.search(inner.parts[-1]):
                    yield replace(inner, fault="A zip inside a zip is not opened.")
                else:
                    yield replace(inner, read=bounded(inner))
    except ZIP_FAULTS as error:
        yield replace(file, fault=f"The zip cannot be read: {reason(error)}.")


def _nothing(limit: int) -> bytes:
    return b""


def _is_noise(name: str) -> bool:
    return name.startswith(".") or name in NOT_HANDED_IN


def printable_name(text: str) -> str:
    """A name in one spelling: composed accents, nothing that cannot be printed."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return _clean(unicodedata.normalize("NFC", text)) or "unnamed"


def _clean(text: str) -> str:
    """Without control characters, which could steer a terminal, and of a bounded length."""
    return "".join(c if c.isprintable() else "?" for c in text).strip()[:200]


def reason(error: BaseException) -> str:
    """An error's reason in a few printable words, without the path of this machine."""
    if "password" in str(error):
        return "it is locked with a password"
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _clean(" ".join(reason.split()))[:120].rstrip(".") or type(error).__name__
