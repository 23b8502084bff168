"""How long each lecture runs, against the 60 seconds that it may take: one after another.

    python benchmarks/lectures.py [solutions | notebooks]

The seconds hold for a quiet machine. A student's untouched notebook is run the same way.
"""

import argparse
import tempfile
import time
from pathlib import Path

import nbformat
from _peers import table
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
ALLOWED, ALL_TOGETHER = 60.0, 240.0  # seconds


def seconds_for(path: Path, folder: Path) -> float:
    """Wall time of a run from top to bottom, with the start of its kernel."""
    notebook = nbformat.read(path, 4)
    start = time.perf_counter()
    NotebookClient(notebook, resources={"metadata": {"path": str(folder)}}).execute()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", nargs="?", default="solutions", choices=("solutions", "notebooks")
    )
    paths = sorted((ROOT / parser.parse_args().folder).glob("*.ipynb"))
    rows, total = [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for path in paths:
            seconds = seconds_for(path, Path(scratch))
            total += seconds
            rows.append((path.stem, f"{seconds:.0f}", f"{seconds / ALLOWED:.2f}"))
            print(*rows[-1], flush=True)
    rows.append(("all", f"{total:.0f}", f"{total / ALL_TOGETHER:.2f}"))
    print(table(rows, ("lecture", "seconds", "share of what is allowed")))


if __name__ == "__main__":
    main()
