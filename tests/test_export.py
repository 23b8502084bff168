"""Lectures as pages and slides: every figure and every widget is there, with its sentence.

`docs/export.py` is the configuration that the README's command names; without it nbconvert shows
all pictures, too, but nobody who cannot see them learns what they show.
"""

import ast
import html
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbconvert.exporters import HTMLExporter, SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader

from course_utils.authoring.build import BEGIN, stub
from course_utils.authoring.execute import WIDGET_VIEW
from course_utils.lectures import normal_form, read

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "solutions").glob("*.ipynb"))
EXPORTERS = {"html": HTMLExporter, "slides": SlidesExporter}
PNG = "image/png"

each_lecture = pytest.mark.parametrize("path", LECTURES, ids=lambda path: path.stem)
each_format = pytest.mark.parametrize("to", EXPORTERS)


def config() -> Config:
    return PyFileConfigLoader("export.py", path=str(ROOT / "docs")).load_config()


def export(notebook: NotebookNode, to: str, config: Config) -> str:
    page, _ = EXPORTERS[to](config=config).from_notebook_node(notebook)
    return page


@cache
def exported(path: Path, to: str) -> str:
    return export(read(path), to, config())


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


@each_lecture
def test_slides_start_where_the_lecture_says(path: Path) -> None:
    types = [c.metadata.get("slideshow", {}).get("slide_type") for c in read(path).cells]
    starts = sum(kind in ("slide", "subslide") for kind in types)
    # A deck is a row of columns: one section for each slide, and in it one for each subslide.
    columns = types.count("slide")
    assert exported(path, "slides").count("<section") == columns + starts


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
        assert squeezed(stub(cell.source)) in page and squeezed(cell.source) not in page


@each_format
def test_answers_are_shown_where_asked_for(to: str) -> None:
    path = ROOT / "solutions" / "01_simulators.ipynb"
    asked = config()
    asked.Answers.show = True
    page = visible(export(read(path), to, asked))
    assert exercise_cells(path)
    assert all(squeezed(cell.source) in page for cell in exercise_cells(path))


def test_the_decks_style_stands_below_the_themes() -> None:
    page = exported(LECTURES[0], "slides")
    assert page.index(".reveal blockquote {") > page.index('id="theme"')


# ---------------------------------------------------------------------- the command itself


@pytest.mark.parametrize("with_config", (True, False))
def test_the_commands_of_the_readme(tmp_path: Path, with_config: bool) -> None:
    """As a user runs it; without the configuration the pictures are there all the same."""
    path = LECTURES[0]
    options = ["--config", "docs/export.py"] if with_config else []
    done = subprocess.run(
        [
            *(sys.executable, "-m", "jupyter", "nbconvert", *options, "--to", "slides"),
            *(str(path), "--output-dir", str(tmp_path)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    page = (tmp_path / f"{path.stem}.slides.html").read_text(encoding="utf-8")
    stored = list(pictures(read(path)))
    assert len(images(page)) == len(stored) > 0
    if with_config:
        assert [alt for alt, _ in images(page)] == [data["text/plain"] for data in stored]


# ---------------------------------------------------------------------- the checks notice faults


def page_of(*data: dict, to: str) -> str:
    outputs = [new_output("display_data", d, metadata={PNG: {"alt": 'x < y & "z"'}}) for d in data]
    cell = new_code_cell("f()", outputs=outputs, execution_count=1)
    return export(normal_form([cell], "01"), to, config())


@each_format
def test_text_is_escaped_and_the_picture_preferred(to: str) -> None:
    page = page_of({PNG: "iVBORw0KGgo=" * 5, "text/plain": 'x < y & "z"'}, to=to)
    assert [alt for alt, _ in images(page)] == ['x < y & "z"']
    assert page.count("x &lt; y") + page.count("x < y") == 1


@each_format
def test_a_widget_without_a_picture_would_be_noticed(to: str) -> None:
    view = {"model_id": "1", "version_major": 2, "version_minor": 0}
    page = page_of({WIDGET_VIEW: view, "text/plain": "Live at 0x1"}, to=to)
    assert images(page) == []
