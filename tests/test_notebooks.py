"""The lectures as they are stored: nothing that would let their tests pass without testing.

nbval runs the notebooks (see nbval_tolerance.py); here they are read.
"""

import ast
import base64
import itertools
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output
from nbval import plugin as nbval
from nbval_tolerance import FLOAT, TRAINED_TOLERANCE, align, align_measured, align_output
from PIL import Image

from course_utils.authoring import build
from course_utils.authoring.execute import MACHINE_PATH, output_complaints, texts
from course_utils.lectures import (
    lecture_of,
    normal_form,
    read,
    repeated_ids,
    tags,
    to_text,
    where,
)

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "solutions").glob("*.ipynb"))
LARGEST_PNG = 150_000  # bytes
TIMES = {"ls-seconds"}  # cells that print how long something took

# Calls that show nothing when they end a cell. All others must have a stored output.
QUIET = {"use_style", "seed", "append", "extend", "update", "eval", "train", "close", "backward"}
SHOWING = {"print", "display", "show", "check", "hint", "progress"}
SLIDE_TYPES = {"slide", "subslide", "fragment", "skip", "notes", "-"}

each_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)


# --- what is demanded of a stored lecture ----------------------------------------------------


def code_cells(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            yield where(notebook, index), cell


def called(node: ast.expr) -> str | None:
    """The name of what is called, without what stands before the dot."""
    if not isinstance(node, ast.Call):
        return None
    return getattr(node.func, "id", None) or getattr(node.func, "attr", None)


def shows_something(source: str) -> bool:
    """True when a cell ends in an expression, or calls print, display, check, ... outside a
    function."""
    body = ast.parse(TransformerManager().transform_cell(source)).body
    if body and isinstance(body[-1], ast.Expr) and called(body[-1].value) not in QUIET:
        return True
    outside = [node for node in body if not isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return any(called(node) in SHOWING for top in outside for node in ast.walk(top))


def wrong_counts(notebook: NotebookNode) -> list[str]:
    counts = [cell.execution_count for _, cell in code_cells(notebook)]
    wanted = list(range(1, len(counts) + 1))
    return [] if counts == wanted else [f"execution counts are {counts}, not 1 to {len(counts)}"]


def silent_cells(notebook: NotebookNode) -> list[str]:
    return [
        f"{place} shows something, but no output is stored"
        for place, cell in code_cells(notebook)
        if shows_something(cell.source) and not cell.outputs
    ]


def untested_cells(notebook: NotebookNode) -> list[str]:
    """Cells that nbval would not run or not compare."""
    options = [
        (place, nbval.find_comment_markers(cell.source), nbval.find_metadata_tags(cell.metadata))
        for place, cell in code_cells(notebook)
    ]
    return [f"{place} opts out of nbval" for place, *found in options if any(map(list, found))]


def careless_cells(notebook: NotebookNode) -> list[str]:
    faults = []
    for place, cell in code_cells(notebook):
        if not cell.source.strip():
            faults.append(f"{place} is an empty code cell")
        if cell.source.rstrip().endswith(";"):
            faults.append(f"{place} ends in a semicolon")
    for index, cell in enumerate(notebook.cells):
        if MACHINE_PATH.search(cell.source):
            faults.append(f"{where(notebook, index)} holds a path of this machine")
    return faults


def pictures(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for place, cell in code_cells(notebook):
        for output in cell.outputs:
            if "image/png" in output.get("data", {}):
                yield place, output.data


def poor_pictures(notebook: NotebookNode) -> list[str]:
    """Pictures without a sentence of their own, and large ones."""
    faults = []
    for place, data in pictures(notebook):
        sentence = data.get("text/plain", "")
        if sentence.startswith("<") or len(sentence.split()) < 4:
            faults.append(f"{place} has a picture without a sentence in its text output")
        if len(base64.b64decode(data["image/png"])) > LARGEST_PNG:
            faults.append(f"{place} has a picture of more than {LARGEST_PNG} bytes")
    return faults


def slide_type(cell: NotebookNode) -> str:
    return cell.metadata.get("slideshow", {}).get("slide_type", "")


def missing_slide_tags(notebook: NotebookNode) -> list[str]:
    return [
        f"{where(notebook, index)} is a heading without a slide tag"
        for index, cell in enumerate(notebook.cells)
        if cell.cell_type == "markdown"
        and re.match(r"#{1,6} ", cell.source)
        and slide_type(cell) not in SLIDE_TYPES
    ]


def answers_beside_predictions(notebook: NotebookNode) -> list[str]:
    """On a slide the class must be able to answer before the figure is there."""
    return [
        f"{where(notebook, index)} asks for a prediction, and what follows appears with it on the "
        "slide: make the next cell a fragment"
        for index, (cell, following) in enumerate(itertools.pairwise(notebook.cells))
        if "**Predict**" in cell.source and not slide_type(following)
    ]


def predictions(notebook: NotebookNode) -> int:
    return sum(
        cell.cell_type == "markdown" and cell.source.startswith("**Predict**")
        for cell in notebook.cells
    )


RULES = [
    wrong_counts,
    silent_cells,
    untested_cells,
    careless_cells,
    output_complaints,
    poor_pictures,
    missing_slide_tags,
    answers_beside_predictions,
]


# --- the lectures ----------------------------------------------------------------------------


def test_there_are_lectures() -> None:
    assert LECTURES, "solutions/ is empty"


@each_lecture
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_stored_lecture_keeps_the_rule(rule: Callable, path: Path) -> None:
    notebook = read(path)
    if rule is untested_cells:  # versions and cores in 00, and times: the machine's own
        own = {c.id for c in notebook.cells} if path.name.startswith("00") else TIMES
        notebook.cells = [
            c for c in notebook.cells if c.id not in own or "nbval-ignore-output" not in tags(c)
        ]
    assert rule(notebook) == []


def test_the_readmes_picture_has_a_stored_figure_of_every_lecture() -> None:
    overview = runpy.run_path(str(ROOT / "docs" / "make_overview.py"))
    shown = [(lecture, cell) for row in overview["ROWS"] for lecture, cell, _ in row]
    missing = {path.name[:2] for path in LECTURES} ^ {lecture for lecture, _ in shown}
    assert not missing, f"ROWS in docs/make_overview.py and solutions/ differ by {missing}"
    drawn = Image.open(overview["OVERVIEW"]).text["figures"]
    assert drawn == overview["digest"](), "run python docs/make_overview.py: a figure has changed"
    assert all(overview["stored"](*place).width > 300 for place in shown)
    with pytest.raises(LookupError, match="no picture in a cell 'sim-imports'"):
        overview["stored"]("01", "sim-imports")


@each_lecture
def test_a_stored_lecture_is_in_normal_form(path: Path) -> None:
    notebook = read(path)
    assert to_text(normal_form(notebook.cells, lecture_of(path))) == path.read_text("utf-8")


@each_lecture
def test_a_lecture_asks_for_two_predictions(path: Path) -> None:
    if not "01" <= lecture_of(path) <= "10":
        pytest.skip("only lectures 01 to 10 ask for predictions")
    assert predictions(read(path)) >= 2


def test_cell_ids_are_unique_in_the_whole_course() -> None:
    assert repeated_ids({path.name: read(path) for path in LECTURES}) == []


def test_the_students_notebooks_are_made_from_the_lectures() -> None:
    assert build.differences(ROOT, build.build_all(ROOT)) == []


@each_lecture
def test_students_see_no_answers(path: Path) -> None:
    source = read(path)
    student = (ROOT / "notebooks" / path.name).read_text("utf-8")
    assert build.leaks(source, lecture_of(path)) == []
    assert not build.MARKER.search(student) and '"outputs": [],' in student


@each_lecture
def test_a_changed_first_digit_is_noticed_wherever_it_is_printed(path: Path) -> None:
    for place, cell in code_cells(read(path)):
        for i, output in enumerate(cell.outputs):
            if not any(re.search(r"\d", text) for text in texts(output).values()):
                continue
            changed = [*cell.outputs[:i], change_first_digit(output), *cell.outputs[i + 1 :]]
            assert not compare(changed, cell.outputs), place
        assert compare(cell.outputs, cell.outputs), place


def change_first_digit(output: NotebookNode) -> NotebookNode:
    def change(text: str) -> str:
        return re.sub(r"\d", lambda match: str((int(match[0]) + 1) % 10), text, count=1)

    output = NotebookNode(output)
    if "text" in output:
        output.text = change(output.text)
    else:
        new = {mime: change(text) for mime, text in texts(output).items()}
        output.data = NotebookNode({**output.data, **new})
    return output


# --- the rules themselves notice what they are for -------------------------------------------


def stored(source: str, *outputs: NotebookNode, count: int = 1, **metadata: object) -> NotebookNode:
    """A notebook of a heading and one executed cell."""
    heading = new_markdown_cell("# Title", metadata={"slideshow": {"slide_type": "slide"}})
    code = new_code_cell(
        source, outputs=list(outputs), execution_count=count, metadata=dict(metadata)
    )
    return normal_form([heading, code], "01")


def picture(sentence: str, size: int = 30) -> NotebookNode:
    png = base64.b64encode(b"0" * size).decode()
    return new_output("display_data", {"image/png": png, "text/plain": sentence})


GOOD = picture("The sample follows p(c).")
VACUOUS = [
    (wrong_counts, stored("x = 1", count=2)),
    (wrong_counts, stored("x = 1", count=None)),
    (silent_cells, stored("x")),
    (silent_cells, stored("for x in y:\n    print(x)\nz = 1")),
    (silent_cells, stored('check("01.a", a)')),
    (silent_cells, stored("plotting.show(fig, 'A line.')\nx = 1")),
    (silent_cells, stored("ax.plot(x)")),
    (untested_cells, stored("x\n# NBVAL_IGNORE_OUTPUT")),
    (untested_cells, stored("x", tags=["nbval-skip"])),
    (untested_cells, stored("x", tags=["raises-exception"])),
    (careless_cells, stored("  ")),
    (careless_cells, stored("x = 1;")),
    (careless_cells, stored("open('/home/ada/data')")),
    (output_complaints, stored("x", new_output("stream", name="stderr", text="hm"))),
    (poor_pictures, stored("x", picture("<Figure size 640x480 with 1 Axes>"))),
    (poor_pictures, stored("x", picture(""))),
    (poor_pictures, stored("x", picture("A sentence of five words.", LARGEST_PNG + 1))),
    (missing_slide_tags, normal_form([new_markdown_cell("## Two")], "01")),
    (
        answers_beside_predictions,
        normal_form([new_markdown_cell("Look. **Predict**: how many?"), new_code_cell("x")], "01"),
    ),
]


@pytest.mark.parametrize(("rule", "notebook"), VACUOUS)
def test_a_rule_notices_a_fault(rule: Callable, notebook: NotebookNode) -> None:
    assert len(rule(notebook)) == 1


QUIET_CELLS = ["x = 1", "def f():\n    print(1)", "%matplotlib inline\nimport os", "use_style()"]


@pytest.mark.parametrize(
    "notebook", [stored("figure()", GOOD), *(stored(source) for source in QUIET_CELLS)]
)
def test_the_rules_accept_a_good_notebook(notebook: NotebookNode) -> None:
    assert [fault for rule in RULES for fault in rule(notebook)] == []


# --- the comparison: floats within a tolerance, all else exactly -----------------------------


def text(value: str) -> NotebookNode:
    return new_output("stream", name="stdout", text=value)


def html(value: str) -> NotebookNode:
    return new_output("display_data", {"text/html": value})


def compare(new: list[NotebookNode], old: list[NotebookNode]) -> bool:
    """nbval's comparison, which the plugin has patched, on outputs without a kernel."""
    cell = SimpleNamespace(
        cell=NotebookNode(metadata={}),
        parent=SimpleNamespace(skip_compare=("metadata", "output_type", "image/png")),
        colors=nbval.nocolors,
        sanitize=lambda value: value,
        format_output_compare=lambda *_: None,
    )
    return nbval.IPyNbCell.compare_outputs(cell, new, old)


SAME = [
    ("KL = 1.234 nats", "KL = 1.235 nats"),
    ("KL = 1.000 nats", "KL = 1.001 nats"),
    ("tensor([0.1234, -5.678e-05])", "tensor([0.1234, -5.679e-05])"),
    ("0.99999", "1.00000"),
    ("-0.00", "0.00"),
    ("<td>12.345</td>", "<td>12.346</td>"),
    ("A number ends a sentence: 2.718.", "A number ends a sentence: 2.719."),
    ("12.34%, 3.456s, 0.5-0.7", "12.35%, 3.457s, 0.5-0.7"),
    ("1e-3", "0.001e0"),
]

DIFFERENT = [
    ("KL = 1.234 nats", "KL = 1.237 nats"),
    ("KL = 1.234 nats", "KL = 2.234 nats"),
    ("KL = 1.234 nats", "KL = -1.234 nats"),
    ("KL = 1.234 nats", "KL = 1.234 bits"),
    ("KL = 1.234 nats", "KL = 1.234  nats"),
    ("KL = 0.12", "KL = 0.13"),
    ("KL = 1.234e-05", "KL = 1.234e-06"),
    ("KL = 0.0", "KL = 0.1"),
    ("KL = 1.5", "KL = nan"),
    ("10000 events", "10001 events"),
    ("1000.", "1001."),
    ("version 2.130.0", "version 2.131.0"),
    ("x1.0005", "x1.0004"),
    ("1.5 and 2.5", "1.5"),
    ("passed", "failed"),
    ("True", "False"),
]


@pytest.mark.parametrize(("new", "old"), SAME)
def test_a_flip_of_the_fourth_digit_is_tolerated(new: str, old: str) -> None:
    for output in (text, html):
        assert compare([output(new)], [output(old)]) and compare([output(old)], [output(new)])


@pytest.mark.parametrize(("new", "old"), DIFFERENT)
def test_all_else_is_compared_exactly(new: str, old: str) -> None:
    for output in (text, html):
        assert not compare([output(new)], [output(old)])
        assert not compare([output(old)], [output(new)])


def test_alignment_keeps_the_number_that_differs_visible() -> None:
    assert align("1.0001 2.5 3", "1.0000 2.6 3") == "1.0000 2.5 3"
    assert FLOAT.findall("v2.13.0, 7, 1.5, .5, 2e3, 0x1F, 3.x") == ["1.5", ".5", "2e3"]


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ("KL  0.6 ± 0.9 nats", "KL -0.4 ± 0.7 nats", True),  # the blanks of a column go with it
        ("<td>0.6 ± 0.9</td>", "<td>-0.4 ± 0.7</td>", True),
        ("0.041 +- 0.006", "0.044 +- 0.005", True),
        ("0.841 +- 0.006", "0.802 +- 0.005", False),  # five errors away
        ("0.041 ± 0.006", "0.044 ± 0.014", False),  # an error more than twice as large
        ("0.041 ± 0.006", "0.044", False),
        ("0.041 ± 0.006 of 10", "0.044 ± 0.006 of 11", False),
    ],
)
def test_a_trained_number_with_an_error_may_differ_by_four_of_them(
    new: str, old: str, same: bool
) -> None:
    assert (align_measured(new, old) == old) is same


@pytest.mark.parametrize(
    ("new", "old", "same"),
    [
        ("VAE   7.2\nentropy  24.9", "VAE   7.9\nentropy  24.9", True),
        ("VAE   7.9\nentropy  24.9", "VAE   7.9\nentropy  24.6", False),
        ("<tr><td>02</td><td>1.5</td></tr><tr><td>06</td><td>2.2</td></tr>",) * 2 + (True,),
        (
            "<tr><td>02</td><td>1.5</td></tr><tr><td>06</td><td>2.2</td></tr>",
            "<tr><td>02</td><td>1.6</td></tr><tr><td>06</td><td>2.2</td></tr>",
            False,
        ),
        (
            "<tr><td>02</td><td>1.5</td></tr><tr><td>06</td><td>2.2</td></tr>",
            "<tr><td>02</td><td>1.5</td></tr><tr><td>06</td><td>2.4</td></tr>",
            True,
        ),
    ],
)
def test_a_line_of_a_trained_cell_that_no_training_makes_is_compared_as_others_are(
    new: str, old: str, same: bool
) -> None:
    for output in (text, html):
        aligned = align_output(output(new), output(old), TRAINED_TOLERANCE)
        assert (aligned == output(old)) is same


@pytest.mark.parametrize(
    ("new", "old"),
    [
        ([], [GOOD]),
        ([GOOD], []),
        ([GOOD, GOOD], [GOOD]),
        ([text("1"), html("1")], [html("1"), text("1")]),
        ([new_output("display_data", {"image/png": "AA"})], []),
        ([], [new_output("display_data", {"image/png": "AA"})]),
        ([new_output("display_data", {"text/plain": "a"})], [picture("a")]),
    ],
)
def test_an_output_too_many_or_too_few_is_noticed(
    new: list[NotebookNode], old: list[NotebookNode]
) -> None:
    assert not compare(new, old)


def test_widget_views_are_not_compared() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}}
    shown = new_output("display_data", {**view, "text/plain": "a"})
    kept = new_output("display_data", {"text/plain": "a"})
    assert compare([shown, new_output("display_data", view)], [kept])


# --- and once through pytest, nbval and a kernel ---------------------------------------------


def result(value: str) -> NotebookNode:
    return new_output("execute_result", {"text/plain": value})


CELLS = [  # source, stored outputs, executed when stored, passes
    ("x = 1.2340", [], True, True),
    ("print(f'{x:.3f} in 10')", [text("1.235 in 10\n")], True, True),
    ("print(f'{x:.3f} in 10')", [text("2.234 in 10\n")], True, False),
    ("print(f'{x:.3f} in 10')", [text("1.234 in 11\n")], True, False),
    ("print(x)", [], True, False),
    ("y = 2", [text("2\n")], True, False),
    ("y = 3", [], False, False),
    (
        "from IPython.display import display\ndisplay({'image/png': 'AA'}, raw=True)",
        [],
        True,
        False,
    ),
    ("from tqdm.auto import tqdm\nlist(tqdm([1]))", [result("[1]")], True, True),
    ("import os\nfile = os.environ['COURSE_PROGRESS_FILE']", [], True, True),
    ("os.path.exists(file), open(file, 'w').close()", [result("(False, None)")], True, True),
    ("1.1  # trained", [result("1.0")], True, True),  # a looser comparison, and a limit to it
    ("1.3  # trained", [result("1.0")], True, False),
    ("print('0.2 ± 0.3')  # trained", [text("-0.1 ± 0.3\n")], True, True),
    ("print('0.2 ± 0.3')", [text("-0.1 ± 0.3\n")], True, False),
]


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """pytest on a folder elsewhere, with this project's options and plugin."""
    (folder / "conftest.py").write_text((ROOT / "conftest.py").read_text("utf-8"), "utf-8")
    options = ["-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", "-p", "no:cacheprovider"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, "-rA", "--tb=no", *arguments, "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_tampering_with_a_stored_notebook_is_noticed_by_pytest(tmp_path: Path) -> None:
    cells = [
        new_code_cell(
            source,
            outputs=outputs,
            execution_count=i if executed else None,
            metadata={"tags": ["trained"] if source.endswith("# trained") else []},
        )
        for i, (source, outputs, executed, _) in enumerate(CELLS, start=1)
    ]
    (tmp_path / "01_stored.ipynb").write_text(to_text(normal_form(cells, "01")), "utf-8")
    fresh = "import os; assert not os.path.exists(os.environ['COURSE_PROGRESS_FILE'])"
    untouched = [new_code_cell(fresh), new_code_cell("1 / 0")]
    (tmp_path / "02_student.ipynb").write_text(to_text(normal_form(untouched, "02")), "utf-8")
    report = run_pytest(tmp_path)
    for i, (source, _, _, passes) in enumerate(CELLS):
        word = "PASSED" if passes else "FAILED"
        line = rf"^{word} 01_stored.ipynb::(01_stored::)?Cell {i}\b"
        assert re.search(line, report.stdout, re.MULTILINE), source + "\n" + report.stdout
    assert re.search(r"^PASSED 02_student.ipynb::(02_student::)?Cell 0", report.stdout, re.M)
    assert re.search(r"^FAILED 02_student.ipynb::(02_student::)?Cell 1", report.stdout, re.M)
