"""`course build`: what students get, and what is refused. On synthetic lectures."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils import cli
from course_utils.authoring import build
from course_utils.lectures import (
    LectureError,
    find_root,
    normal_form,
    read,
    sources,
    to_text,
    write_all,
)

NAMES = ["01.double", "02.half"]

EXERCISE = '''\
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    once_and_again = [x for _ in range(2)]
    return sum(once_and_again, start=0 * x)
    ### END SOLUTION

check("01.double", double)'''

STUBBED = '''\
def double(x):
    """Twice x."""
    # Your answer here (delete the next line).
    return None

check("01.double", double)'''


def lecture() -> NotebookNode:
    """A small lecture: a heading, an exercise, a cell that prints, and one for the instructor."""
    output = new_output("stream", name="stdout", text="42\n")
    cells = [
        new_markdown_cell("# One", id="one-a", metadata={"slideshow": {"slide_type": "slide"}}),
        new_code_cell(EXERCISE, id="one-b", metadata={"tags": ["mine"], "execution": {"t": "now"}}),
        new_code_cell("print(42)", id="one-c", outputs=[output], execution_count=2),
        new_markdown_cell("Only for me.", id="one-d", metadata={"tags": ["instructor"]}),
    ]
    return normal_form(cells, "01")


def course(folder: Path, **lectures: NotebookNode) -> Path:
    """A course's folder with these lectures in solutions/, and an old notebook in notebooks/."""
    for name in ("solutions", "notebooks", "course_utils"):
        (folder / name).mkdir()
    for name, notebook in lectures.items():
        (folder / "solutions" / f"{name[1:]}.ipynb").write_text(to_text(notebook), "utf-8")
    (folder / "notebooks" / "07_gone.ipynb").write_text("{}", "utf-8")
    return folder


def files(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "notebooks").iterdir()}


def test_a_students_notebook() -> None:
    source = lecture()
    before = to_text(source)
    student = build.build(source, "01")
    assert to_text(source) == before, "build changes its argument"
    assert [cell.id for cell in student.cells] == ["one-a", "one-b", "one-c"]
    assert student.cells[0].metadata == {"slideshow": {"slide_type": "slide"}}
    assert student.cells[1].source == STUBBED
    assert student.cells[1].metadata == {"tags": ["mine"]}
    assert student.cells[2].outputs == [] and student.cells[2].execution_count is None
    assert student.metadata.course.lecture == "01"
    assert student.metadata.kernelspec.name == "python3"


def test_metadata_of_who_saved_it_are_dropped() -> None:
    source = lecture()
    source.metadata.language_info = {"name": "python", "version": "3.9.1"}
    source.metadata.widgets = {"state": {}}
    source.metadata.kernelspec.name = "my-venv"
    assert to_text(build.build(source, "01")) == to_text(build.build(lecture(), "01"))


def test_the_stub_runs_and_returns_none() -> None:
    namespace: dict[str, Callable] = {}
    exec(build.stub(EXERCISE).split("\n\n")[0], namespace)
    assert namespace["double"](3) is None


def test_a_stub_keeps_the_lines_around_the_answer() -> None:
    given = (
        'def f(x):\n    """F."""\n    with x:\n        ### BEGIN SOLUTION\n        y = 1\n'
        "        ### END SOLUTION\n    return y"
    )
    assert build.stub(given).splitlines() == [
        "def f(x):",
        '    """F."""',
        "    with x:",
        "        # Your answer here (delete the next line).",
        "        return None",
        "    return y",
    ]


CLASS = '''\
class Both(nn.Module):
    """Two methods to write."""

    def __init__(self, size):
        super().__init__()
        ### BEGIN SOLUTION
        self.layer = nn.Linear(size, size)
        ### END SOLUTION

    def encode(self, x):
        """Codes."""
        ### BEGIN SOLUTION
        return self.layer(x)
        ### END SOLUTION

check("01.Both", Both)'''


def test_a_class_has_a_stub_in_each_method() -> None:
    answer = build.find_answer(CLASS)
    assert answer is not None and answer.function == "Both" and len(answer.spans) == 2
    assert list(answer.lines(CLASS)) == [
        "        self.layer = nn.Linear(size, size)",
        "        return self.layer(x)",
    ]
    stub = build.stub(CLASS)
    assert "self.layer" not in stub and "# Your layers here." in stub
    assert stub.count("return None") == 1 and stub.endswith('check("01.Both", Both)')


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('    """Two methods to write."""\n', "", "class without a docstring"),
        ("    def encode(self, x):\n", "    if True:\n", "not inside one method"),
        ("    ### END SOLUTION\n\n    def", "\n    def", "nested"),
    ],
)
def test_a_malformed_class_is_refused(old: str, new: str, words: str) -> None:
    assert old in CLASS
    with pytest.raises(ValueError, match=words):
        build.find_answer(CLASS.replace(old, new))


def test_an_earlier_exercise_may_be_asked_for_again() -> None:
    """Its cell and check stand in the later lecture; the mark belongs to the earlier one."""
    source = lecture()
    source.cells.append(new_code_cell(EXERCISE.replace("double", "half"), id="one-e"))
    source.cells[-1].source = source.cells[-1].source.replace("01.half", "00.half")
    assert build.complaints(source, "01", [*NAMES, "00.half"]) == []
    source.cells[-1].source = source.cells[-1].source.replace("00.half", "02.half")
    (fault,) = build.complaints(source, "01", [*NAMES, "02.half"])
    assert "another lecture" in fault


def test_build_writes_removes_and_repeats(tmp_path: Path) -> None:
    root = course(tmp_path, _01_one=lecture())
    texts = build.build_all(root, NAMES)
    assert len(build.differences(root, texts)) == 2  # one missing, one stale
    build.write(root, texts)
    assert set(files(root)) == {"01_one.ipynb"}
    assert build.differences(root, build.build_all(root, NAMES)) == []
    student = read(root / "notebooks" / "01_one.ipynb")
    assert student == build.build(lecture(), "01")


def test_one_changed_character_is_noticed(tmp_path: Path) -> None:
    root = course(tmp_path, _01_one=lecture())
    texts = build.build_all(root, NAMES)
    build.write(root, texts)
    path = root / "notebooks" / "01_one.ipynb"
    path.write_text(path.read_text("utf-8").replace("print(42)", "print(43)"), "utf-8")
    assert ["01_one.ipynb differs" in found for found in build.differences(root, texts)] == [True]


def replace(old: str, new: str) -> Callable[[NotebookNode], None]:
    """Break a lecture by replacing text in its exercise cell."""

    def breaks(source: NotebookNode) -> None:
        assert old in source.cells[1].source
        source.cells[1].source = source.cells[1].source.replace(old, new)

    return breaks


def insert(index: int, source: str, kind: Callable = new_code_cell) -> Callable:
    """Break a lecture by one more cell."""
    return lambda notebook: notebook.cells.insert(index, kind(source, id="more"))


CHECK = '\n\ncheck("01.double", double)'
TAG_INSTRUCTOR = {"tags": ["instructor"]}

BROKEN = [
    (replace("    ### END SOLUTION\n", ""), "one-b.*unclosed"),
    (replace("    ### BEGIN SOLUTION\n", ""), "one-b.*stray"),
    (replace("    once", "    ### BEGIN SOLUTION\n    once"), "one-b.*nested"),
    (replace("    ### END SOLUTION\n", "    ### END SOLUTION\n" * 2), "one-b.*stray"),
    (
        replace("    ### BEGIN SOLUTION\n", "    ### BEGIN SOLUTION\n    ### END SOLUTION\n" * 2),
        "one-b.*stray",
    ),
    (replace("### BEGIN SOLUTION", "## begin solution"), "one-b.*not exactly"),
    (replace("### BEGIN SOLUTION", "### BEGIN SOLUTION ###"), "one-b.*not exactly"),
    (replace("    ### BEGIN", "### BEGIN"), "one-b.*not indented"),
    (replace("def double(x):", "if True:"), "one-b.*not inside one function"),
    (replace('    """Twice x."""\n', ""), "one-b.*docstring"),
    (replace("return sum(", "return sum(("), "one-b.*not Python"),
    (
        replace(EXERCISE, EXERCISE.replace("\n    ### END SOLUTION", "") + "\n### END SOLUTION"),
        "one-b.*not inside one function",
    ),
    (replace(CHECK, ""), "one-b.*no check of double"),
    (replace("01.double", "01.dubble"), "one-b.*unknown exercise '01.dubble'"),
    (replace("01.double", "02.half"), "one-b.*another lecture"),
    (replace('", double)', '", triple)'), "one-b.*the function triple"),
    (replace("def double", "def treble"), "one-b.*before its function"),
    (replace("def double", "def treble"), "'01.double' is registered, but no cell"),
    (insert(1, 'check("01.double", double)'), r"cell 2 \(more.*before its function"),
    (replace("01.double", "00.double"), "one-b.*unknown"),
    (insert(2, EXERCISE), r"cell 3 \(more.*second time"),
    (insert(2, "### END SOLUTION"), r"cell 3 \(more.*stray"),
    (insert(2, "x\n### BEGIN SOLUTION", new_markdown_cell), r"cell 3 \(more.*stray.*text"),
    (insert(2, "  \n"), r"cell 3 \(more.*empty"),
    (insert(3, "y = sum( once_and_again,start=0 *x)"), "one-b.*leaks.*return sum"),
    (insert(3, "As `sum(once_and_again, start=0*x)`", new_markdown_cell), "one-b.*leaks.*return"),
    (lambda nb: nb.cells.pop(1), "'01.double' is registered, but no cell"),
    (lambda nb: nb.cells[1].metadata.update(TAG_INSTRUCTOR), "'01.double' is registered, but no"),
    (lambda nb: nb.cells[2].update(id="one-a"), "cell 3.*same id as.*cell 1"),
    (lambda nb: nb.cells[2].pop("id"), "has a cell without an id"),
    (lambda nb: nb.cells[2].update(cell_type="song"), "not a valid notebook"),
    (lambda nb: nb.update(nbformat_minor=4), "not a notebook of format 4.5"),
]


@pytest.mark.parametrize(("breaks", "words"), BROKEN)
def test_a_malformed_lecture_is_refused_and_nothing_is_written(
    tmp_path: Path, breaks: Callable, words: str
) -> None:
    source = lecture()
    breaks(source)
    root = course(tmp_path, _01_one=source)
    before = files(root)
    with pytest.raises(LectureError, match="01_one.ipynb.*" + words):
        build.write(root, build.build_all(root, NAMES))
    assert files(root) == before


def second() -> NotebookNode:
    source = lecture()
    for cell in source.cells:
        cell.id = cell.id.replace("one", "two")
        cell.source = cell.source.replace("double", "half").replace("01.", "02.")
    return source


def test_two_lectures_must_not_share_ids_nor_numbers(tmp_path: Path) -> None:
    root = course(tmp_path, _01_one=lecture(), _02_two=second())
    assert len(build.build_all(root, NAMES)) == 2
    shared = second()
    shared.cells[2].id = "one-c"
    (root / "solutions" / "02_two.ipynb").write_text(to_text(shared), "utf-8")
    with pytest.raises(LectureError, match=r"02_two.ipynb, cell 3.*same id as 01_one.ipynb, "):
        build.build_all(root, NAMES)
    (root / "solutions" / "02_two.ipynb").rename(root / "solutions" / "01_two.ipynb")
    with pytest.raises(LectureError, match=r"01_two.ipynb is a second lecture 01"):
        build.build_all(root, NAMES)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("1_one", "{}", "is not called NN_name"),
        ("01-One", "{}", "is not called NN_name"),
        ("01_one", "{", "is not JSON"),
        ("01_one", "[]", "is not a notebook"),
        ("01_one", '{"nbformat": 4, "nbformat_minor": 5}', "is not a valid notebook"),
        (
            "01_one",
            '{"nbformat": 4, "nbformat_minor": 5, "cells": [3]}',
            "has a cell without an id",
        ),
    ],
)
def test_a_file_that_is_no_lecture_is_refused(
    tmp_path: Path, name: str, content: str, words: str
) -> None:
    root = course(tmp_path)
    (root / "solutions" / f"{name}.ipynb").write_text(content, "utf-8")
    with pytest.raises(LectureError, match=f"{name}.ipynb {words}"):
        build.build_all(root, NAMES)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    one, two = lecture(), second()
    replace("    ### END SOLUTION\n", "")(one)
    replace('check("02', '# check("02')(two)
    root = course(tmp_path, _01_one=one, _02_two=two)
    with pytest.raises(LectureError) as refused:
        build.build_all(root, NAMES)
    lines = str(refused.value).splitlines()
    assert [line[:12] for line in lines] == ["01_one.ipynb", "02_two.ipynb"]


def test_short_common_expressions_are_no_leak() -> None:
    source = lecture()
    insert(2, "return_value = sum(x)\ny = range(2)")(source)
    assert build.complaints(source, "01", NAMES) == []


def test_writing_is_all_or_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good, bad = tmp_path / "a", tmp_path / "b"
    good.write_text("old")
    real = Path.write_text

    def full_disk(path: Path, *args: object, **options: object) -> int:
        if ".b." in path.name:
            raise OSError("no space left")
        return real(path, *args, **options)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(OSError, match="no space"):
        write_all({good: "new", bad: "new"})
    assert sorted(os.listdir(tmp_path)) == ["a"] and good.read_text() == "old"


def test_the_file_is_stable(tmp_path: Path) -> None:
    text = to_text(lecture())
    path = tmp_path / "01_one.ipynb"
    path.write_text(text, "utf-8")
    assert to_text(read(path)) == text
    assert text.endswith("}\n") and text.startswith('{\n "cells"') and json.loads(text)


def test_the_root_is_found_from_below_and_lectures_by_number(tmp_path: Path) -> None:
    root = course(tmp_path, _01_one=lecture(), _02_two=second())
    assert find_root(root / "solutions") == root.resolve()
    assert [path.name for path in sources(root, ["02"])] == ["02_two.ipynb"]
    with pytest.raises(LectureError, match="no lecture '05': there are 01, 02"):
        sources(root, ["05"])


def test_the_root_is_the_packages_own_from_elsewhere(tmp_path: Path) -> None:
    assert (find_root(tmp_path) / "course_utils" / "authoring" / "build.py").exists()


# --- the command -----------------------------------------------------------------------------


@pytest.fixture
def known_names(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_utils.exercises import registry

    monkeypatch.setattr(registry, "names", lambda: NAMES)


@pytest.mark.usefixtures("known_names")
def test_the_command_builds_checks_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = course(tmp_path, _01_one=lecture())
    at_root = ["--root", str(root)]
    assert cli.main(["build", "--check", *at_root]) == 1
    assert "01_one.ipynb is missing" in capsys.readouterr().err
    assert cli.main(["build", *at_root]) == 0
    assert cli.main(["build", "--check", *at_root]) == 0
    capsys.readouterr()
    (root / "solutions" / "01_one.ipynb").write_text("{", "utf-8")
    assert cli.main(["build", *at_root]) == 1
    out, err = capsys.readouterr()
    assert err.startswith("course: 01_one.ipynb is not JSON") and "Traceback" not in out + err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["--help"], 0), (["--version"], 0), ([], 2), (["bild"], 2), (["verify", "--seeds", "0"], 2)],
)
def test_usage(arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == code


def test_a_wrong_root_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["build", "--root", str(tmp_path)]) == 1
    assert capsys.readouterr().err.count("\n") == 1
