"""pytest plugin: nbval compares floats within a tolerance and notices what it would let pass.

nbval runs each notebook and compares what a cell shows with what is stored. This plugin

- lets floats in text differ by `RELATIVE_TOLERANCE`, and in a cell with the tag "trained" by
  `TRAINED_TOLERANCE`, or by `ERRORS` of their own where the cell gives them one, as in
  "0.6 ± 0.9", but not in the lines of such a cell that no training makes (`UNTRAINED`); integers
  and all other text stay exact;
- compares the sequence of outputs and their kinds: alone, nbval skips pictures, so that a
  picture that vanished or appeared would pass;
- fails a cell that was never executed in a notebook whose other cells were;
- gives each kernel its own progress file, no progress bars, and one thread beside other workers.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from nbformat import NotebookNode
from nbval import plugin as nbval

from course_utils.authoring.execute import WIDGET_VIEW, kernel_environment

# A flip of the fourth significant digit: 1.001 for 1.000, and no more. The slack is for rounding.
RELATIVE_TOLERANCE = 1e-3 * (1 + 1e-9)

# A thousand steps of training amplify the rounding of a processor: two starts of the lectures'
# VAEs differ by up to 8 % in their nats above the truth. Such a cell says so by its tag.
TRAINED = "trained"
TRAINED_TOLERANCE = 0.15

# Lines of such cells that stand beside what was trained: truths, data, rivals without a network,
# and the rows of lecture 02 in the ledger.
UNTRAINED = re.compile(
    r"\s*(?:02 |entropy|exact |deep basin, exact|large sprites in the world|wrong pixels before"
    r"|1000 of the data|A draw of her own|packed|context coder)"
)
PIECES = re.compile(r"(?<=\n)|(?=<tr)")  # lines of text, rows of a table

# A number with a decimal point and a digit after it, or with an exponent. Not a part of a word
# (`x1.5`) nor of a version (`2.13.0`).
FLOAT = re.compile(
    r"(?<![\w.])[-+]?(?:(?:\d+\.\d+|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+)(?!\d|\.\d)"
)

# A number with its standard error; the blanks before it align a column.
MEASURED = re.compile(rf"[ \t]*({FLOAT.pattern}) (?:±|\+-) ({FLOAT.pattern})")
ERRORS = 4.0  # standard errors by which a trained number may differ from the stored one

Output = NotebookNode
Compare = Callable[..., bool]


def is_close(a: float, b: float, tolerance: float = RELATIVE_TOLERANCE) -> bool:
    """|a - b| <= tolerance * max(|a|, |b|)."""
    return a == b or abs(a - b) <= tolerance * max(abs(a), abs(b))


def align(new: str, stored: str, tolerance: float = RELATIVE_TOLERANCE) -> str:
    """The new text, with each float that is close to the stored one written like it."""
    written = FLOAT.findall(stored)
    if len(written) != len(FLOAT.findall(new)):
        return new
    remaining = iter(written)

    def like_stored(match: re.Match[str]) -> str:
        old = next(remaining)
        return old if is_close(float(match[0]), float(old), tolerance) else match[0]

    return FLOAT.sub(like_stored, new)


def align_measured(new: str, stored: str) -> str:
    """The new text, with each "value ± error" that agrees with the stored one written like it.

    The errors themselves are estimates: they may differ by a factor of two.
    """
    written = list(MEASURED.finditer(stored))
    if len(written) != len(MEASURED.findall(new)):
        return new
    remaining = iter(written)

    def like_stored(match: re.Match[str]) -> str:
        old = next(remaining)
        (a, e), (b, f) = (tuple(map(float, found.groups())) for found in (match, old))
        agree = abs(a - b) <= ERRORS * (e**2 + f**2) ** 0.5 and e <= 2 * f and f <= 2 * e
        return old[0] if agree else match[0]

    return MEASURED.sub(like_stored, new)


def untrained(piece: str) -> bool:
    """Is this line of a trained cell, or row of a table, one that no training makes?"""
    return bool(UNTRAINED.match(re.sub(r"<[^>]*>", " ", piece)))


def differs_untrained(new: str, stored: str) -> bool:
    """Does a line that no training makes differ by more than rounding?"""
    pieces = PIECES.split(new), PIECES.split(stored)
    return len(pieces[0]) == len(pieces[1]) and any(
        untrained(b) and align(a, b) != b for a, b in zip(*pieces, strict=True)
    )


def without_views(outputs: list[Output]) -> list[Output]:
    """Without widget views, whose random ids are not stored, and without what they leave empty."""
    kept = []
    for output in outputs:
        if "data" in output:
            data = {mime: value for mime, value in output.data.items() if mime != WIDGET_VIEW}
            if not data:
                continue
            output = NotebookNode(output, data=NotebookNode(data))
        kept.append(output)
    return kept


def kind(output: Output) -> str:
    """What an output is: the stream's name, "error", or its MIME types."""
    if output.output_type == "stream":
        return output.name
    return " + ".join(sorted(output.get("data", {}))) or output.output_type


def align_output(new: Output, stored: Output, tolerance: float) -> Output:
    """The new output with its texts aligned to the stored ones."""

    def aligned(text: str, old: str) -> str:
        if tolerance == TRAINED_TOLERANCE:
            if differs_untrained(text, old):
                return align(text, old)
            text = align_measured(text, old)
        return align(text, old, tolerance)

    new = NotebookNode(new)
    if "text" in new:
        new.text = aligned(new.text, stored.text)
    if "data" in new:
        new.data = NotebookNode(
            {
                mime: aligned(text, stored.data[mime]) if mime.startswith("text/") else text
                for mime, text in new.data.items()
            }
        )
    return new


def tolerant(compare: Compare) -> Compare:
    """nbval's comparison, made tolerant of floats and strict about the kinds of outputs."""

    def compare_outputs(
        cell: nbval.IPyNbCell, test: list[Output], ref: list[Output], skip_compare: object = None
    ) -> bool:
        test, ref = without_views(test), without_views(ref)
        shown, stored = [kind(output) for output in test], [kind(output) for output in ref]
        if shown != stored:
            cell.comparison_traceback = [
                f"The cell shows {shown or 'nothing'}, stored is {stored or 'nothing'}."
            ]
            return False
        trained = TRAINED in cell.cell.metadata.get("tags", [])
        tolerance = TRAINED_TOLERANCE if trained else RELATIVE_TOLERANCE
        aligned = [align_output(new, old, tolerance) for new, old in zip(test, ref, strict=True)]
        return compare(cell, aligned, ref, skip_compare)

    return compare_outputs


def in_its_own_environment(setup: Callable[..., None]) -> Callable[..., None]:
    """nbval's start of a kernel, with the environment that `course execute` uses."""

    def setup_with_environment(notebook: nbval.IPyNbFile) -> None:
        folder = Path(tempfile.mkdtemp(dir=os.environ["COURSE_KERNELS"]))
        with mock.patch.dict(os.environ, kernel_environment(folder)):
            setup(notebook)

    return setup_with_environment


def pytest_configure(config: pytest.Config) -> None:
    """Patch nbval, and set what every test and kernel of this process finds."""
    folder = tempfile.TemporaryDirectory(prefix="course-tests-", ignore_cleanup_errors=True)
    patch = pytest.MonkeyPatch()
    patch.setattr(nbval.IPyNbCell, "compare_outputs", tolerant(nbval.IPyNbCell.compare_outputs))
    patch.setattr(nbval.IPyNbFile, "setup", in_its_own_environment(nbval.IPyNbFile.setup))
    patch.setenv("COURSE_KERNELS", folder.name)
    patch.setenv("COURSE_PROGRESS_FILE", str(Path(folder.name) / "progress.json"))
    patch.setenv("TQDM_DISABLE", "1")
    if "PYTEST_XDIST_WORKER" in os.environ and "OMP_NUM_THREADS" not in os.environ:
        patch.setenv("OMP_NUM_THREADS", "1")
    config.add_cleanup(folder.cleanup)
    config.add_cleanup(patch.undo)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """After a cell has run: was it ever executed in the notebook as it is stored?"""
    result = yield
    if isinstance(item, nbval.IPyNbCell) and item.cell.execution_count is None:
        code = [cell for cell in item.parent.nb.cells if cell.cell_type == "code"]
        if any(cell.execution_count is not None or cell.outputs for cell in code):
            item.raise_cell_error("The cell was not executed when the notebook was stored.")
    return result
