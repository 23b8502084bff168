"""What the side-by-side timings share: a peer's own virtual environment, its runs, the table.

A benchmark asks for a peer's Python, sends it a script and plain data, and prints ratios:

    options = arguments(__doc__)
    python = peer_python("openmm", ["openmm"], home=options.peer_venv)
    answer = run_peer(python, SCRIPT, {"steps": 100})
    print(table([["one step", 3.0]], ["what", "ratio"]))

Standard library only; nothing is ever installed into the course's own environment.
"""

import argparse
import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def arguments(description: str | None = None) -> argparse.Namespace:
    """Read the options every benchmark has; `.peer_venv` is a folder (Path) or None."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--peer-venv",
        type=Path,
        metavar="FOLDER",
        help="keep the peers' environments here and use them again (default: a folder that is "
        "removed at the end)",
    )
    return parser.parse_args()


def peer_python(name: str, requirements: Sequence[str], *, home: Path | None = None) -> Path:
    """Return the Python of a virtual environment that holds `requirements` and nothing of ours.

    Args:
        name: the environment's folder name.
        requirements: what pip installs, such as ["ase"].
        home: a folder to keep it in and find it again; by default `--peer-venv` from the
            command line, else a temporary folder that is removed when the program ends.

    Raises:
        SystemExit: with one sentence, if the environment cannot be made.
    """
    folder = (home or _home_from_command_line() or _temporary_home()).absolute() / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    stamp = folder / "requirements.txt"
    wanted = "\n".join(requirements) + "\n"
    # The stamp is written last, so a half-made environment is never taken for a whole one.
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    print(f"Setting up {name} in a throwaway environment ...", file=sys.stderr, flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    _run_or_stop(
        [sys.executable, "-m", "venv", str(folder)],
        "Python could not make a virtual environment; is its venv module installed "
        "(on Debian and Ubuntu: apt install python3-venv)?",
    )
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run_or_stop(
        [*install, *requirements],
        f"{name} could not be installed from PyPI; is there a network? "
        "This benchmark needs one, unless --peer-venv names a folder that already has it.",
    )
    stamp.write_text(wanted)
    return python


def run_peer(python: Path, script: str, data: Any = None, *, threads: int = 1) -> Any:
    """Run `script` under the peer's Python and return its answer.

    The script reads `data` (plain data, sent as JSON) from `json.load(sys.stdin)` and prints
    its answer as JSON on its last line of output.

    Raises:
        SystemExit: with the peer's last lines, if it fails.
    """
    done = subprocess.run(
        [str(python), "-c", script],
        input=json.dumps(data),
        capture_output=True,
        text=True,
        env=dict(os.environ, OMP_NUM_THREADS=str(threads), OPENMM_CPU_THREADS=str(threads)),
    )
    if done.returncode != 0:
        raise SystemExit("The peer's script failed:\n" + "\n".join(done.stderr.splitlines()[-8:]))
    return json.loads(done.stdout.splitlines()[-1])


def seconds(function: Callable[[], object], *, repeat: int = 5) -> float:
    """Return the shortest of `repeat` timings of `function()`, after one call to warm up."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def table(rows: Sequence[Sequence[object]], header: Sequence[str]) -> str:
    """Return a plain text table: the first column to the left, the others to the right.

    >>> print(table([["fields", 3.14159]], ["what", "ratio"]))
    what    ratio
    ------  -----
    fields   3.14
    """
    cells = [[_text(cell) for cell in row] for row in [header, *rows]]
    widths = [max(len(row[j]) for row in cells) for j in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if j == 0 else cell.rjust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _text(cell: object) -> str:
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def _home_from_command_line() -> Path | None:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--peer-venv", type=Path)
    return parser.parse_known_args()[0].peer_venv


def _temporary_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="peer-venv-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def _run_or_stop(command: list[str], sentence: str) -> None:
    with contextlib.suppress(OSError):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode == 0:
            return
        print("\n".join((done.stderr or done.stdout).splitlines()[-3:]), file=sys.stderr)
    raise SystemExit(sentence)
