"""What students wrote is opened, unpacked and parsed here: in a process of its own, within bounds.

`Reader` is the grader's side. The other side, `main`, answers one request after the other, a line
of JSON each. A file that takes too long, or too much memory, ends that process and nothing else:
the next request gets a new one.

    {"do": "folder", path, skip}                  -> {"files": [...]}
    {"do": "zip", place, before, nested, limit}   -> {"files": [...]}
    {"do": "notebook", place, to, named}          -> {"lecture", "digest", "touched", ...}

A reply may also be {"fault": one sentence}.
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from . import files, notebook
from .files import File, Place, Unreadable, reason
from .notebook import Course

SECONDS = 20  # of computing for one request
WAIT = 10  # times as long by the clock
MEMORY = 1 << 30  # bytes beyond what the process has at its start
MAX_REPLY = 200 << 20  # bytes
TOO_MUCH = "The file takes too much time or memory to be read."
START = "import sys; sys.path[:] = {path!r}; from {name} import main; main()"


@dataclass(frozen=True)
class Parsed:
    """What was read from a notebook; its cells lie in a file."""

    lecture: str
    problems: tuple[str, ...]
    digest: str  # of its code cells
    cells: Path
    touched: bool  # is there a code cell that is not as it was released?
    official: bool  # does it hold the markers of official solutions?
    size: int  # bytes of the file


class Reader:
    """The reading process, from the grader's side. Use it as a context manager."""

    def __init__(self, known: Course):
        self.known = known
        self.process: subprocess.Popen | None = None

    def __enter__(self) -> "Reader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None

    def folder(self, path: Path, skip: Path | None) -> list[File]:
        """All files below a folder.

        Raises:
            Unreadable: when it cannot be read.
        """
        return _files(self.ask({"do": "folder", "path": str(path), "skip": str(skip or "")}))

    def archive(
        self,
        place: Place,
        before: Sequence[str] = (),
        nested: bool = True,
        limit: int | None = None,
    ) -> list[File]:
        """All files in a zip, see `files.in_zip`.

        Raises:
            Unreadable: when it cannot be read.
        """
        request = {"do": "zip", "place": asdict(place), "before": list(before)}
        return _files(self.ask(request | {"nested": nested, "limit": limit}))

    def notebook(self, place: Place, to: Path, named: str = "") -> Parsed:
        """Read a notebook; its code cells are written to a file.

        Args:
            place: where it is.
            to: the file to write.
            named: the lecture that its name tells, for where nothing else does.

        Raises:
            Unreadable: why it cannot be read.
        """
        request = {"do": "notebook", "place": asdict(place), "to": str(to), "named": named}
        said = self.ask(request)
        return Parsed(**said | {"problems": tuple(said["problems"]), "cells": to})

    def ask(self, request: dict) -> dict:
        """The reply to a request.

        Raises:
            Unreadable: for a fault, and when there is no reply in time.
        """
        if self.process is None or self.process.poll() is not None:
            self.stop()
            self.process = self.start()
        try:
            _send(self.process, request)
            reply = self._line(self.process, time.monotonic() + WAIT * SECONDS)
        except (OSError, EOFError):
            self.stop()
            raise Unreadable(TOO_MUCH) from None
        if "fault" in reply:
            raise Unreadable(reply["fault"])
        return reply

    def start(self) -> subprocess.Popen:
        program = START.format(path=sys.path, name=__name__)
        process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        )
        _send(process, asdict(self.known))
        return process

    def _line(self, process: subprocess.Popen, deadline: float) -> dict:
        """The next line of JSON.

        Raises:
            EOFError: when there is none in time, or it is too long.
        """
        line = bytearray()
        assert process.stdout is not None
        pipe = process.stdout.fileno()
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise EOFError
            piece = os.read(pipe, 1 << 20)
            line += piece
            if not piece or len(line) > MAX_REPLY:
                raise EOFError
        return json.loads(line)


def _send(process: subprocess.Popen, content: dict) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(content).encode() + b"\n")
    process.stdin.flush()


def _files(reply: dict) -> list[File]:
    return [
        File(tuple(parts), time, Place(path, tuple(inside)), fault)
        for parts, time, path, inside, fault in reply["files"]
    ]


# --- the other side ---------------------------------------------------------------------------


def main() -> None:
    """Answer requests until there are no more."""
    known = Course(**json.loads(sys.stdin.readline()))
    bound_memory()
    for line in sys.stdin:
        request = json.loads(line)
        bound_time()
        try:
            reply = answer(request, known)
        except Unreadable as error:
            reply = {"fault": str(error)}
        except Exception as error:  # a student's file may raise whatever a library can raise
            what = {"folder": "folder", "zip": "zip"}.get(request["do"], "file")
            reply = {"fault": f"The {what} cannot be read: {reason(error)}."}
        sys.stdout.write(json.dumps(reply) + "\n")
        sys.stdout.flush()


def answer(request: dict, known: Course) -> dict:
    """The reply to one request.

    Raises:
        Exception: whatever is wrong with the file.
    """
    if request["do"] == "notebook":
        lecture = request["named"]
        return _notebook(_place(request["place"]), Path(request["to"]), lecture, known)
    if request["do"] == "zip":
        place, before = _place(request["place"]), tuple(request["before"])
        found = files.in_zip(place, before, request["nested"], request["limit"])
    else:
        skip = Path(request["skip"]) if request["skip"] else None
        found = []
        for file in files.in_folder(Path(request["path"]), skip):
            found.append(file)
            if len(found) > files.MAX_FILES:
                raise Unreadable(f"There are more than {files.MAX_FILES} files in it.")
    rows = [(f.parts, f.time, f.place.path, f.place.inside, f.fault) for f in found]
    return {"files": rows}


def _place(stored: dict) -> Place:
    return Place(stored["path"], tuple(stored["inside"]))


def _notebook(place: Place, to: Path, named: str, known: Course) -> dict:
    data = files.read(place, files.MAX_NOTEBOOK)
    if len(data) > files.MAX_NOTEBOOK:
        raise Unreadable(
            f"The file is larger than {files.MAX_NOTEBOOK // 10**6} MB: clear its outputs and hand "
            "it in again."
        )
    lecture, cells, problems = notebook.read_notebook(data, known)
    lecture = lecture or named
    digest = notebook.store(to, cells)
    return {
        "lecture": lecture,
        "problems": problems,
        "digest": digest,
        "touched": notebook.is_touched(cells, known.released.get(lecture, ())),
        "official": any(notebook.OFFICIAL in cell.source for cell in cells),
        "size": len(data),
    }


def bound_memory() -> None:
    """What is allocated beyond the bound raises MemoryError, which costs one file."""
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such bounds
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def bound_time() -> None:
    """The next request may compute so long; after it the system ends this process."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used) + SECONDS, hard))
