"""The attacks and some honest hand-ins as a folder for `course grade`.

`python tests/attack_suite.py FOLDER` writes it. The first word of a student's name says what
has to come out: `forging` earns nothing; `escaping` is ok, as its answer is right only while
nothing that it tries works; `damaged` is an error; `solved` has full marks, `untouched` none.
"""

import argparse
import json
import os
import re
import socket
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from attacks import escaping, forging

ROOT = Path(__file__).resolve().parents[1]
DAMAGED = {
    "text": b"This is not JSON.",
    "empty": b"",
    "binary": bytes(range(256)) * 20,
    "half": b'{"cells": [{"cell_type": "code", "source": ["def mean_and_std(x):',
    "list": b"[1, 2]",
    "deep": b"[" * 200_000,
    "deep-cells": b'{"cells": ' * 100_000,
    "cells-of-text": b'{"cells": "none"}',
    "old-format": b'{"nbformat": 3, "worksheets": [{"cells": []}]}',  # it had its cells in sheets
    "number-without-end": b'{"cells": ' + b"9" * 100_000 + b"}",
}
ENDS_ITSELF = "import os\ndef elbo(log_likelihood, mu, log_var):\n    os._exit(0)"


def write(folder: Path, outside: Mapping[str, str]) -> None:
    """Write all hand-ins into a new folder.

    Args:
        folder: its students are folders, and one of them is a zip.
        outside: what attacks look for, by the names in double braces in `attacks.escaping`.
    """
    for name, cells in forging.ATTACKS.items():
        hand_in(folder / f"forging-{name}", "00_start_here", notebook(cells))
    for name, cells in escaping.ATTACKS.items():
        hand_in(folder / f"escaping-{name}", "00_start_here", notebook(filled(cells, outside)))
    for name, content in DAMAGED.items():
        hand_in(folder / f"damaged-{name}", "00_start_here", content)
    for path in sorted((ROOT / "solutions").glob("*.ipynb")):
        hand_in(folder / "solved", path.stem, without_markers(path.read_text("utf-8")))
        hand_in(folder / "untouched", path.stem, (ROOT / "notebooks" / path.name).read_bytes())
    solution = next((ROOT / "solutions").glob("04_*.ipynb")).read_text("utf-8")
    solved = json.loads(without_markers(solution))
    solved["cells"].append({"cell_type": "code", "id": "the-end", "source": ENDS_ITSELF})
    hand_in(folder / "ends-itself", "04", json.dumps(solved).encode())
    with zipfile.ZipFile(folder / "path-tricks.zip", "w") as archive:
        for name in ("../../planted.ipynb", "/etc/planted.ipynb", "..\\planted.ipynb"):
            archive.writestr(name, notebook(forging.ATTACKS["only-wrong"]))


def without_markers(solution: str) -> bytes:
    """An official solution as a student would have written it; with its markers it never counts."""
    return re.sub("### (BEGIN|END) SOLUTION", "#", solution).encode()


def filled(cells: Sequence[str], outside: Mapping[str, str]) -> list[str]:
    """The cells of an attack, with what it looks for."""
    for name, value in outside.items():
        cells = [cell.replace("{{" + name + "}}", value) for cell in cells]
    return list(cells)


def notebook(cells: Sequence[str]) -> bytes:
    content = [
        {"cell_type": "code", "id": f"cell-{i}", "metadata": {}, "outputs": [], "source": source}
        for i, source in enumerate(cells)
    ]
    return json.dumps({"cells": content, "metadata": {}, "nbformat": 4}).encode()


def hand_in(student: Path, stem: str, content: bytes) -> None:
    student.mkdir(parents=True, exist_ok=True)
    (student / f"{stem}.ipynb").write_bytes(content)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="a new folder")
    folder = parser.parse_args().folder
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    write(
        folder,
        {
            "FILES": repr([str(ROOT / "solutions"), str(folder.resolve()), "/etc/passwd"]),
            "FOLDER": repr(str(folder.resolve())),
            "PORT": str(port),
            "ABSTRACT": "course",
            "PID": str(os.getppid()),
        },
    )
    print(f"{len(list(folder.iterdir()))} students are in {folder}: grade them.")


if __name__ == "__main__":
    main()
