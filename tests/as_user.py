"""Run a program as an ordinary user, for tests that were started as root."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
USER = "60500"  # nobody has this number


def command(*program: str) -> list[str]:
    """The words that run `program` as an ordinary user who can read this course and this Python.

    What root keeps to itself is replaced by an empty folder that holds only those.
    """
    needed = {str(ROOT), *(os.path.realpath(p) for p in (sys.prefix, sys.base_prefix))}
    words = ["bwrap", "--dev-bind", "/", "/", "--cap-drop", "ALL"]
    words += ["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    closed = {top for path in needed for top in [_closed(Path(path))] if top is not None}
    for top in sorted(closed):
        words += ["--tmpfs", str(top)]
        for path in sorted(p for p in needed if Path(p).is_relative_to(top)):
            for parent in reversed(Path(path).relative_to(top).parents[:-1]):
                words += ["--dir", str(top / parent)]
            words += ["--ro-bind", path, path]
    words += ["--", "setpriv", "--reuid", USER, "--regid", USER, "--clear-groups"]
    return [*words, "--inh-caps=-all", "--", *program]


def run_tests(file: str, *options: str) -> str:
    """Run a file's tests as an ordinary user; what pytest said, if all of them pass."""
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", *options, file]
    done = subprocess.run(
        command(sys.executable, *words),
        cwd=ROOT,
        env=dict(os.environ, HOME="/", PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _closed(path: Path) -> Path | None:
    """The uppermost folder on the way to `path` that other users may not enter."""
    for folder in (*reversed(path.parents), path):
        if not folder.stat().st_mode & 0o001:
            return folder
    return None
