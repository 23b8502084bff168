"""`course page` and `course slides`: a lecture as one file that works without a network.

Both are made from a copy of the lecture that is run with its widgets drawn beforehand (moving.py).
reveal.js and MathJax come from packages, with their licences, and are written into the file.
"""

import copy
import os
import shutil
import subprocess
from collections.abc import Callable, Collection, Mapping
from functools import cache
from html import escape
from importlib import metadata
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert.exporters import HTMLExporter
from nbformat import NotebookNode
from pygments.formatters import HtmlFormatter

from ..lectures import LectureError, is_code, read, sources
from .build import find_answer, stub
from .deck import Slide, slides
from .moving import TEMPLATES, with_frames

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "chrome", "microsoft-edge")
NEEDS = "Slides and pages need the packages of the extra `pages`: `pip install -e .[pages]`."


def deck(notebook: NotebookNode, *, answers: bool = False) -> str:
    """The deck of a lecture, one HTML file.

    Args:
        notebook: with its outputs, widgets as moving HTML.
        answers: show the answers of exercises; by default their stubs.

    Raises:
        LectureError: when reveal.js or MathJax are not installed.
    """
    found = slides(notebook, answers=answers)
    columns: list[list[Slide]] = []
    for slide in found:
        if slide.top or not columns:
            columns.append([])
        columns[-1].append(slide)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    reveal = reveal_folder()
    return environment.get_template("deck.html.j2").render(
        title=found[0].words if found else "",
        columns=columns,
        style=Markup((TEMPLATES / "deck.css").read_text("utf-8")),
        code_css=Markup(HtmlFormatter(style="default").get_style_defs(".highlight")),
        reveal_css=Markup((reveal / "dist" / "reveal.css").read_text("utf-8")),
        reveal=_script(reveal / "dist" / "reveal.js"),
        notes=_script(reveal / "plugin" / "notes" / "notes.js"),
        mathjax=_script(mathjax()),
    )


def page(notebook: NotebookNode, *, answers: bool = False) -> str:
    """A lecture as a page to read, one HTML file.

    Args:
        notebook: with its outputs, widgets as moving HTML.
        answers: show the answers of exercises; by default their stubs.

    Raises:
        LectureError: when MathJax is not installed.
    """
    shown = notebook if answers else without_answers(notebook)
    folders = [str(TEMPLATES)]
    exporter = HTMLExporter(
        template_name="course_page",
        extra_template_basedirs=folders,
        extra_template_paths=folders,  # for what templates share
    )
    html, _ = exporter.from_notebook_node(shown)
    settings = 'window.MathJax = {tex: {inlineMath: [["$", "$"]]}, options: {enableMenu: false}};'
    scripts = f"<script>{settings}</script>\n<script>{_script(mathjax())}</script>"
    return html.replace("</body>", f"{scripts}\n</body>", 1)


def picture(data: Mapping[str, str]) -> str:
    """A stored picture as HTML, its sentence as alternative text."""
    words, source = escape(data.get("text/plain", "")), "".join(data["image/png"].split())
    return f'<img src="data:image/png;base64,{source}" alt="{words}">'


def without_answers(notebook: NotebookNode) -> NotebookNode:
    """A copy in which each exercise is as the students find it."""
    notebook = copy.deepcopy(notebook)
    for cell in notebook.cells:
        if is_code(cell) and find_answer(cell.source) is not None:
            cell.source, cell.outputs = stub(cell.source), []
    return notebook


def write_pages(
    root: Path, lectures: Collection[str], out: Path, *, answers: bool = False, stills: bool = False
) -> list[Path]:
    """Write NN_name.html for each lecture, all or the named ones, into a folder.

    Args:
        root: the course's folder.
        lectures: their two digits.
        out: the folder, made where it is missing.
        answers: show the answers of exercises.
        stills: take the stored outputs, in which widgets do not move; else the lecture is run.

    Raises:
        LectureError: for a lecture that is not there or fails.
    """
    return _write(root, lectures, out, ".html", stills, lambda nb: page(nb, answers=answers))


def write_decks(
    root: Path, lectures: Collection[str], out: Path, *, answers: bool = False, stills: bool = False
) -> list[Path]:
    """Write NN_name.slides.html for each lecture; arguments as `write_pages`."""
    return _write(root, lectures, out, ".slides.html", stills, lambda nb: deck(nb, answers=answers))


def _write(
    root: Path,
    lectures: Collection[str],
    out: Path,
    ending: str,
    stills: bool,
    make: Callable[[NotebookNode], str],
) -> list[Path]:
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sources(root, lectures):
        notebook = read(path)
        shown = notebook if stills else with_frames(notebook, path.parent)
        written.append(out / f"{path.stem}{ending}")
        written[-1].write_text(make(shown), encoding="utf-8", newline="\n")
    return written


def print_deck(file: Path) -> Path:
    """Print a deck into a PDF beside it, a slide to a page, by the Chromium that is installed.

    Raises:
        LectureError: when there is none, or it makes no PDF.
    """
    browser = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if browser is None:
        raise LectureError(f"--print needs one of {', '.join(CHROMIUMS)} on the path.")
    pdf = file.resolve().with_suffix(".pdf")
    words = [browser, "--headless", "--disable-gpu", "--virtual-time-budget=60000"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        words.append("--no-sandbox")  # Chromium refuses it for root; this is our own file
    words += [
        "--no-pdf-header-footer",
        f"--print-to-pdf={pdf}",
        f"{pdf.with_suffix('.html').as_uri()}?print-pdf",
    ]
    done = subprocess.run(words, capture_output=True, timeout=300)
    if done.returncode or not pdf.exists():
        raise LectureError(f"The browser made no PDF: open {file.name}?print-pdf and print it.")
    return pdf


@cache
def reveal_folder() -> Path:
    """Where reveal.js is installed: its folders dist and plugin."""
    return _file_of("sphinx-revealjs", "revealjs/dist/reveal.js").parents[1]


@cache
def mathjax() -> Path:
    """MathJax's single file that reads TeX, with all its packages, and draws SVG."""
    return _file_of("sphinx-mathjax-offline", "mathjax/tex-svg-full.js")


def _file_of(distribution: str, ending: str) -> Path:
    try:
        files = metadata.files(distribution) or []
    except metadata.PackageNotFoundError:
        raise LectureError(NEEDS) from None
    for file in files:
        if file.as_posix().endswith(ending):
            return Path(str(file.locate()))
    raise LectureError(NEEDS)


def _script(path: Path) -> Markup:
    """A script's text, in which nothing ends the element that it is written into."""
    text = path.read_text("utf-8")
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))
