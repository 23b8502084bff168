"""`course execute`: what is stored, what is refused, and that a second run stores the same."""

import re
import sys
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils import cli
from course_utils.authoring.execute import (
    WIDGET_VIEW,
    execute,
    execute_all,
    output_complaints,
    stored_form,
)
from course_utils.lectures import LectureError, normal_form, read, to_text

FIGURE = """\
import matplotlib.pyplot as plt
fig, ax = plt.subplots(figsize=(2, 1))
ax.plot([0, 1], label="line")
plt.show()"""

RUNS = [
    "import os, sys, ipywidgets\nfrom pathlib import Path\nfrom IPython.display import display",
    "for i in range(3):\n    print(i, flush=True)",
    "slider = ipywidgets.IntSlider(3)\ndisplay(slider)\nprint('under it')",
    "display({'application/vnd.jupyter.' + 'widget-view+json': {'id': 'x'}}, raw=True)",
    "6 * 7",
    FIGURE,
    "Path('here').exists(), Path.cwd().name, os.environ['TQDM_DISABLE']",
    "Path(os.environ['COURSE_PROGRESS_FILE']).exists(), sys.version_info >= (3, 11)",
    "from tqdm.auto import tqdm\nsum(tqdm(range(10)))",
    "[name for name in dir() if 'partial' in name]",
]


def notebook(*codes: str) -> NotebookNode:
    cells = [new_markdown_cell("# A lecture", id="text")]
    cells += [new_code_cell(code, id=f"cell-{i}") for i, code in enumerate(codes)]
    return normal_form(cells, "01")


def write(folder: Path, name: str, *codes: str) -> Path:
    (folder / "solutions").mkdir(exist_ok=True)
    path = folder / "solutions" / name
    path.write_text(to_text(notebook(*codes)), "utf-8")
    return path


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lecture that was executed in place."""
    root = tmp_path_factory.mktemp("course")
    path = write(root, "01_one.ipynb", *RUNS)
    (root / "solutions" / "here").touch()
    assert execute_all(root) == []
    return path


def outputs(path: Path, cell: int) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"][cell].outputs


def test_counts_streams_and_results_are_stored(executed: Path) -> None:
    code = [cell for cell in read(executed).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(RUNS) + 1))
    assert outputs(executed, 1) == [new_output("stream", name="stdout", text="0\n1\n2\n")]
    assert outputs(executed, 4)[0].execution_count == 5
    assert outputs(executed, 4)[0].data == {"text/plain": "42"}


def test_no_widget_state_is_stored(executed: Path) -> None:
    text = executed.read_text("utf-8")
    assert WIDGET_VIEW not in text and '"widgets"' not in text and "model_id" not in text
    assert outputs(executed, 2)[0].data == {"text/plain": "IntSlider(value=3)"}
    assert outputs(executed, 2)[1].text == "under it\n"
    assert outputs(executed, 3) == []


def test_pictures_are_stored(executed: Path) -> None:
    assert "image/png" in outputs(executed, 5)[0].data


def test_the_kernel_runs_beside_its_notebook_in_its_own_environment(executed: Path) -> None:
    assert outputs(executed, 6)[0].data["text/plain"] == "(True, 'solutions', '1')"
    assert outputs(executed, 7)[0].data["text/plain"] == "(False, True)"
    assert outputs(executed, 8)[0].data["text/plain"] == "45"
    assert len(outputs(executed, 8)) == 1, "a progress bar was stored"
    assert outputs(executed, 9)[0].data["text/plain"] == "[]"


def test_nothing_of_the_machine_or_the_hour_is_stored(executed: Path) -> None:
    text = executed.read_text("utf-8")
    assert sys.prefix not in text and str(executed.parent) not in text
    assert read(executed).metadata.keys() == {"course", "kernelspec", "language_info"}
    assert all(cell.metadata == {} for cell in read(executed).cells)


def test_a_second_run_stores_the_same_bytes(executed: Path) -> None:
    assert execute(executed) == executed.read_text("utf-8")


def test_other_folders_keep_clean(executed: Path) -> None:
    assert sorted(path.name for path in executed.parent.iterdir()) == ["01_one.ipynb", "here"]


REFUSED = [
    ("x = 1\nx / 0", r"cell 3 \(cell-1, `x = 1`\) fails with ZeroDivisionError: division by"),
    ("print('a'); raise ValueError('two\\nlines')", "cell 3.*fails with ValueError: two$"),
    ("import time; time.sleep(8)", "cell 3.*ran longer than 2 s"),
    ("import os; os._exit(3)", "cell 3.*ends the kernel"),
]


@pytest.mark.parametrize(("code", "words"), REFUSED, ids=[code for code, _ in REFUSED])
def test_a_failing_lecture_is_refused_and_keeps_its_file(
    tmp_path: Path, code: str, words: str
) -> None:
    path = write(tmp_path, "01_one.ipynb", "1", code, "2")
    before = path.read_bytes()
    with pytest.raises(LectureError, match=words):
        execute(path, timeout=2)
    assert path.read_bytes() == before


def test_every_output_that_must_not_be_stored_is_named(tmp_path: Path) -> None:
    codes = "import warnings, tempfile\nwarnings.warn('old')", "object()", "tempfile.mkdtemp()"
    path = write(tmp_path, "01_one.ipynb", *codes)
    with pytest.raises(LectureError) as refused:
        execute(path)
    words = "writes to stderr", "object's address, 0x", "path of this machine"
    lines = str(refused.value).splitlines()
    assert [word in line for line, word in zip(lines, words, strict=True)] == [True] * 3
    assert [line[:6] for line in lines] == ["cell 2", "cell 3", "cell 4"]


def test_other_lectures_are_run_and_the_exit_code_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, good = write(tmp_path, "01_bad.ipynb", "1 / 0"), write(tmp_path, "02_good.ipynb", "1")
    before = bad.read_bytes()
    assert cli.main(["execute", "--root", str(tmp_path)]) == 1
    out, err = capsys.readouterr()
    assert "course: 01_bad.ipynb, cell 2 (cell-0, `1 / 0`) fails with ZeroDivisionError" in err
    assert "Traceback" not in out + err
    assert bad.read_bytes() == before and len(outputs(good, 0)) == 1
    assert cli.main(["execute", "02", "--root", str(tmp_path)]) == 0


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (new_output("error", ename="ValueError", evalue="no"), "shows an error: ValueError"),
        (new_output("stream", name="stderr", text="\nhm\n"), "stderr: `hm`"),
        (new_output("stream", name="stdout", text="<f at 0x7f00aa>"), "address, 0x7f00aa"),
        (new_output("display_data", {"text/html": "<a at 0xDEADBEEF>"}), "address"),
        (new_output("stream", name="stdout", text="in /home/ada/x"), "path.*/home/ada/x"),
        (new_output("display_data", {"text/plain": "'/tmp/a'"}), "path.*/tmp/a"),
        (new_output("display_data", {"text/plain": "C:\\Users\\ada"}), "path"),
    ],
)
def test_what_must_not_be_stored(output: NotebookNode, words: str) -> None:
    lecture = notebook("1")
    lecture.cells[1].outputs = [output]
    (found,) = output_complaints(lecture)
    assert found.startswith("cell 2 (cell-0")
    assert re.search(words, found)


def test_innocent_outputs_are_stored() -> None:
    lecture = notebook("1")
    text = "https://example.org/home/page, 0x1F, either/or/both, 3/8 (1 + c^2)"
    lecture.cells[1].outputs = [new_output("stream", name="stdout", text=text)]
    assert output_complaints(lecture) == []


def test_stored_form_joins_only_neighbours() -> None:
    lecture = notebook("1")
    pieces = [new_output("stream", name="stdout", text=text) for text in "abc"]
    pieces.insert(2, new_output("display_data", {"text/plain": "figure"}))
    lecture.cells[1].outputs = pieces
    kinds = [output.get("text", "-") for output in stored_form(lecture, "01").cells[1].outputs]
    assert kinds == ["ab", "-", "c"]
