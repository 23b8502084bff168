"""Lectures as pages and slides: every figure and every widget is there, with its sentence."""

import ast
import html
import re
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output

from course_utils import cli
from course_utils.authoring import pages
from course_utils.authoring.build import BEGIN, stub
from course_utils.authoring.execute import WIDGET_VIEW
from course_utils.lectures import LectureError, normal_form, read

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "solutions").glob("*.ipynb"))
MAKE = {"page": pages.page, "slides": pages.deck}
PNG = "image/png"

each_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
each_format = pytest.mark.parametrize("to", MAKE)


@cache
def exported(path: Path, to: str, answers: bool = False) -> str:
    page = MAKE[to](read(path), answers=answers)
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def pictures(notebook: NotebookNode) -> Iterator[dict]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if PNG in output.get("data", {}):
                yield output.data


def makes_a_widget(cell: NotebookNode) -> bool:
    """True for a cell whose last expression is a call of `widgets.something(...)`."""
    if cell.cell_type != "code" or "widgets." not in cell.source:
        return False
    last = ast.parse(cell.source).body[-1]
    return isinstance(last, ast.Expr) and ast.unparse(last).startswith("widgets.")


class Images(HTMLParser):
    """(alternative text, start of the data) of all images of a page, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            named = dict(attrs)
            source = (named.get("src") or "").removeprefix("data:image/png;base64,")
            self.found.append((named.get("alt") or "", source[:40]))


def images(page: str) -> list[tuple[str, str]]:
    parser = Images()
    parser.feed(page)
    return parser.found


# ---------------------------------------------------------------------- the lectures


@each_lecture
@each_format
def test_every_picture_is_there_with_its_sentence(path: Path, to: str) -> None:
    stored = list(pictures(read(path)))
    wanted = [(p["text/plain"], p[PNG].replace("\n", "")[:40]) for p in stored]
    assert images(exported(path, to)) == wanted


@each_lecture
def test_every_widget_has_a_picture_to_be_exported(path: Path) -> None:
    """A widget's only output is a bundle with a PNG, and no view of a kernel that is gone."""
    for cell in filter(makes_a_widget, read(path).cells):
        data = [output.get("data", {}) for output in cell.outputs]
        assert sum(PNG in d for d in data) == 1, cell.id
        assert not any(WIDGET_VIEW in d for d in data), cell.id


@each_lecture
@each_format
def test_nothing_stands_in_the_place_of_a_picture(path: Path, to: str) -> None:
    page = exported(path, to)
    for trace in (
        "Error displaying widget",
        "model_id",
        "widget-view",
        "<Figure size",
        "Live at 0",
    ):
        assert trace not in page
    # Text that stands for a picture is its alternative text, not an output of its own.
    for data in pictures(read(path)):
        assert f"<pre>{html.escape(data['text/plain'])}" not in page


def exercise_cells(path: Path) -> list[NotebookNode]:
    return [cell for cell in read(path).cells if BEGIN in cell.source]


def visible(page: str) -> str:
    """The text of a page without its spaces: code is cut into coloured pieces."""
    return squeezed(html.unescape(re.sub(r"<[^>]*>", "", page)))


def squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@each_lecture
@each_format
def test_answers_are_left_out(path: Path, to: str) -> None:
    page = visible(exported(path, to))
    assert "SOLUTION" not in page
    for cell in exercise_cells(path):
        # A long stub goes on on a further slide, under the slide's title: line by line it is there.
        assert all(squeezed(line) in page for line in stub(cell.source).splitlines())
        assert squeezed(cell.source) not in page


@each_format
def test_answers_are_shown_where_asked_for(to: str) -> None:
    path = ROOT / "solutions" / "01_simulators.ipynb"
    page = visible(exported(path, to, answers=True))
    assert exercise_cells(path)
    for cell in exercise_cells(path):
        for line in re.findall(r"^ +return .+$", cell.source, re.MULTILINE):
            assert squeezed(line) in page


# ---------------------------------------------------------------------- the commands


@pytest.mark.parametrize(("command", "ending"), [("page", ".html"), ("slides", ".slides.html")])
def test_the_commands_write_one_file_that_needs_no_network(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, ending: str
) -> None:
    words = [command, "00", "--stills", "--out", str(tmp_path), "--root", str(ROOT)]
    assert cli.main(words) == 0 and "Written" in capsys.readouterr().out
    text = (tmp_path / f"{LECTURES[0].stem}{ending}").read_text(encoding="utf-8")
    assert not re.search(r'<(?:script|link|img)[^>]+(?:src|href)="(?:https?:)?//', text)
    assert "MathJax" in text and len(images(text)) == len(list(pictures(read(LECTURES[0]))))


def test_without_the_packages_of_pages_one_sentence_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> list:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(pages.metadata, "files", missing)
    pages.mathjax.cache_clear()
    with pytest.raises(LectureError, match="extra `pages`"):
        pages.page(normal_form([], "01"))


# ---------------------------------------------------------------------- the checks notice faults


def page_of(*data: dict, to: str) -> str:
    outputs = [new_output("display_data", d, metadata={PNG: {"alt": 'x < y & "z"'}}) for d in data]
    cell = new_code_cell("f()", outputs=outputs, execution_count=1)
    page = MAKE[to](normal_form([cell], "01"))
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


@each_format
def test_text_is_escaped_and_the_picture_preferred(to: str) -> None:
    page = page_of({PNG: "iVBORw0KGgo=" * 5, "text/plain": 'x < y & "z"'}, to=to)
    assert [alt for alt, _ in images(page)] == ['x < y & "z"']
    captions = to == "slides"  # there the sentence stands under the picture, too
    assert page.count("x &lt; y") + page.count("x < y") == 1 + captions


@each_format
def test_a_widget_without_a_picture_would_be_noticed(to: str) -> None:
    view = {"model_id": "1", "version_major": 2, "version_minor": 0}
    page = page_of({WIDGET_VIEW: view, "text/plain": "Live at 0x1"}, to=to)
    assert images(page) == []
