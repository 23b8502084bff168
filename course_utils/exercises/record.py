"""How far a student is: one small file beside the notebooks, which survives a kernel restart."""

import html
import json
import os
from dataclasses import dataclass
from pathlib import Path

from . import registry
from .results import LOOK, Result, in_notebook, mark

FILE = ".progress.json"


def progress_file() -> Path | None:
    """The file: in the notebook's folder, or where COURSE_PROGRESS_FILE says; None in a script."""
    if named := os.environ.get("COURSE_PROGRESS_FILE"):
        return Path(named)
    return Path.cwd() / FILE if in_notebook() else None


def read() -> dict[str, dict]:
    """Statuses by exercise name; empty when there is no file or it cannot be read."""
    path = progress_file()
    try:
        stored = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    return stored if isinstance(stored, dict) else {}


def record(result: Result) -> None:
    """Remember a result. What was passed once stays passed. A read-only folder is no error."""
    path = progress_file()
    if path is None:
        return
    stored = read()
    before = stored.get(result.name, {})
    if not isinstance(before, dict):
        before = {}
    attempts = before.get("attempts", 0) + (result.status != "not attempted")
    status = "passed" if before.get("status") == "passed" else result.status
    stored[result.name] = {"status": status, "attempts": attempts}
    scratch = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        scratch.write_text(json.dumps(stored, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        scratch.replace(path)
    except OSError:
        scratch.unlink(missing_ok=True)


@dataclass(frozen=True)
class Progress:
    """Status of every exercise, by lecture: `{"00": {"00.mean_and_std": "passed"}}`."""

    lectures: dict[str, dict[str, str]]

    @property
    def passed(self) -> int:
        return sum(
            s == "passed" for exercises in self.lectures.values() for s in exercises.values()
        )

    @property
    def total(self) -> int:
        return sum(map(len, self.lectures.values()))

    def __repr__(self) -> str:
        lines = [f"{self.passed} of {self.total} exercises passed"]
        for lecture, exercises in self.lectures.items():
            marks = [_marked(name.split(".")[1], status) for name, status in exercises.items()]
            lines.append("  ".join([lecture, *marks]))
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = []
        for lecture, exercises in self.lectures.items():
            done = sum(s == "passed" for s in exercises.values())
            marks = " &nbsp; ".join(
                f'<span style="color:{LOOK[s][1]};font-weight:600">{LOOK[s][0]}</span> '
                f'<span title="{LOOK[s][2]}">{html.escape(name.split(".")[1])}</span>'
                for name, s in exercises.items()
            )
            rows.append(
                f"<tr><td>{lecture}</td><td>{done}/{len(exercises)}</td>"
                f'<td style="text-align:left">{marks}</td></tr>'
            )
        legend = ", ".join(f"{symbol} {word}" for symbol, _, word in LOOK.values())
        return (
            f"<b>{self.passed} of {self.total} exercises passed</b>"
            f"<table>{''.join(rows)}</table><small>{legend}</small>"
        )


def _marked(name: str, status: str) -> str:
    """A name behind its status's symbol, or before its words where there is no such symbol."""
    symbol = mark(status)
    return f"{symbol}{name}" if symbol else f"{name} ({LOOK[status][2]})"


def progress() -> Progress:
    """How far you are, lecture by lecture. Show it by making it the last line of a cell."""
    stored = read()
    lectures: dict[str, dict[str, str]] = {}
    for name in registry.names():
        entry = stored.get(name)
        status = entry.get("status") if isinstance(entry, dict) else None
        lectures.setdefault(name.split(".")[0], {})[name] = (
            status if status in LOOK else "not attempted"
        )
    return Progress(lectures)
