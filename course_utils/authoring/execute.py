"""`course execute`: runs the lectures with their answers and stores what they show."""

import copy
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nbformat import NotebookNode

from ..lectures import (
    LectureError,
    is_code,
    lecture_of,
    normal_form,
    read,
    sources,
    to_text,
    where,
    write_all,
)

if TYPE_CHECKING:
    from jupyter_client.manager import KernelManager

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"  # a random id of a widget that is gone
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
MACHINE_PATH = re.compile(r"(?<![\w.:/])/(?:tmp|home|root|Users|var|work|mnt|opt)/|[A-Z]:\\Users")


# Run by the kernel before the first cell. In a notebook tqdm does not look at TQDM_DISABLE, and a
# bar leaves behind how far it had come when it appeared, which differs from run to run.
STARTUP = """\
from functools import partialmethod
from tqdm.notebook import tqdm_notebook
tqdm_notebook.__init__ = partialmethod(tqdm_notebook.__init__, disable=True)
del partialmethod, tqdm_notebook
"""


def kernel_environment(folder: Path) -> dict[str, str]:
    """What a kernel finds in its environment, so that a run shows the same everywhere.

    Args:
        folder: an empty folder, which will hold the kernel's start-up file, the student's
            progress, and the shell's history.
    """
    startup = folder / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "no_progress_bars.py").write_text(STARTUP, encoding="utf-8")
    return {
        "COURSE_PROGRESS_FILE": str(folder / "progress.json"),
        "COURSE_STORED": "1",  # as plotting.base has it: pictures are then stored as PNG
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "TQDM_DISABLE": "1",
    }


def kernel_of_this_python() -> "KernelManager":
    """A kernel of the Python that runs now, whichever kernels the user has installed."""
    from jupyter_client.manager import AsyncKernelManager
    from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

    return AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )


def run(
    notebook: NotebookNode,
    folder: Path,
    timeout: int = 120,
    on_cell: Callable[[], object] = lambda: None,
    environment: Mapping[str, str] | None = None,
) -> NotebookNode:
    """The notebook with fresh outputs, as the kernel sent them.

    Args:
        notebook: the lecture.
        folder: where its kernel runs.
        timeout: seconds for one cell.
        on_cell: called after each code cell.
        environment: what its kernel finds in addition.

    Raises:
        LectureError: when a cell fails, never ends, or ends the kernel.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    notebook = copy.deepcopy(notebook)
    running = 0
    client = NotebookClient(
        notebook,
        km=kernel_of_this_python(),
        timeout=timeout,
        force_raise_errors=True,
        record_timing=False,
        store_widget_state=False,
    )
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        variables = {**os.environ, **kernel_environment(Path(scratch)), **(environment or {})}
        try:
            with client.setup_kernel(
                cwd=str(folder), env=variables, stderr=subprocess.DEVNULL, cleanup_kc=True
            ):
                for running, cell in enumerate(notebook.cells):
                    client.execute_cell(cell, running, client.code_cells_executed + 1)
                    if is_code(cell):
                        on_cell()
        except CellTimeoutError as error:
            sentence = f"{where(notebook, running)} ran longer than {timeout} s."
            raise LectureError(sentence) from error
        except CellExecutionError as error:
            reason = f"{error.ename}: {error.evalue}".splitlines()[0]
            raise LectureError(f"{where(notebook, running)} fails with {reason}") from error
        except DeadKernelError as error:
            raise LectureError(f"{where(notebook, running)} ends the kernel.") from error
    return notebook


def stored_form(notebook: NotebookNode, lecture: str) -> NotebookNode:
    """The notebook as it is stored: counts 1..n, no widget views, streams in one piece."""
    notebook = normal_form(notebook.cells, lecture)
    for count, cell in enumerate(filter(is_code, notebook.cells), start=1):
        cell.execution_count = count
        cell.outputs = _stored_outputs(cell.outputs, count)
    return notebook


def _stored_outputs(outputs: list[NotebookNode], count: int) -> list[NotebookNode]:
    """Without widget views; neighbouring pieces of one stream are joined."""
    stored: list[NotebookNode] = []
    for output in outputs:
        if "data" in output:
            output.data.pop(WIDGET_VIEW, None)
            if not output.data:
                continue
        if output.output_type == "execute_result":
            output.execution_count = count
        same_stream = output.output_type == "stream" and stored
        if same_stream and stored[-1].get("name") == output.name:
            stored[-1].text += output.text
        else:
            stored.append(output)
    return stored


def output_complaints(notebook: NotebookNode) -> list[str]:
    """What must not be stored: errors, warnings, addresses, paths of this machine."""
    faults = []
    for index, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            sentence = _output_complaint(output)
            if sentence:
                faults.append(f"{where(notebook, index)} {sentence}")
    return faults


def _output_complaint(output: NotebookNode) -> str | None:
    if output.output_type == "error":
        return f"shows an error: {output.ename}: {output.evalue}"
    if output.get("name") == "stderr":
        first = next(iter(output.text.strip().splitlines()), "")
        return f"writes to stderr: `{first}`"
    for text in texts(output).values():
        if found := ADDRESS.search(text):
            return f"shows an object's address, {found[0]}, which changes from run to run."
        if found := MACHINE_PATH.search(text):
            start = found.start()
            return f"shows a path of this machine: `{text[start : start + 40].splitlines()[0]}`."
    return None


def texts(output: NotebookNode) -> dict[str, str]:
    """The parts of an output that are text, by stream name or MIME type."""
    if output.output_type == "stream":
        return {output.name: output.text}
    data = output.get("data", {})
    return {mime: text for mime, text in data.items() if mime.startswith("text/")}


def execute(path: Path, timeout: int = 120, on_cell: Callable[[], object] = lambda: None) -> str:
    """The text of the lecture at `path` with fresh outputs; nothing is written.

    Raises:
        LectureError: when it cannot be run, or shows what must not be stored.
    """
    executed = run(read(path), path.parent, timeout, on_cell)
    notebook = stored_form(executed, lecture_of(path))
    if faults := output_complaints(notebook):
        raise LectureError("\n".join(faults))
    return to_text(notebook)


def execute_all(root: Path, lectures: Collection[str] = (), timeout: int = 120) -> list[str]:
    """Run lectures in place. One that fails keeps its file, and the others are still run.

    Returns:
        One sentence for each lecture that failed.
    """
    from tqdm.auto import tqdm

    faults = []
    paths = sources(root, lectures)
    for path in tqdm(paths, desc="lectures", delay=2, leave=False):
        try:
            cells = sum(map(is_code, read(path).cells))
            with tqdm(total=cells, desc=path.stem, unit="cell", delay=2, leave=False) as bar:
                text = execute(path, timeout, bar.update)
            write_all({path: text})
        except LectureError as error:
            faults += [
                line if line.startswith(path.name) else f"{path.name}, {line}"
                for line in str(error).splitlines()
            ]
    return faults
