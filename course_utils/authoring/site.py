"""`course site`: the whole course as a web site, which also works from a plain folder.

Sphinx makes it, with MyST-NB for the notebooks and the book theme: the tools of this field, which
bring search, a phone's layout, dark mode, previous and next, and the reference from docstrings.
(Jupyter Book 2 / MyST has no reference of Python packages, and its pages need a server.)

Lectures are run with their widgets drawn beforehand, answers are left out, each page links the
student's notebook, the deck, and, where the repository's address is known, Colab and Binder.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from ..lectures import LectureError, is_code, normal_form, read, sources, to_text
from . import build, pages, terms
from .moving import TEMPLATES, with_frames

# Links to files that a run of the lecture writes: there are none on the site.
FILE_LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|\.\./docs/|#)(?![^)]*\.ipynb)[^)]*\)")
DOCS_LINK = re.compile(r'href="\.\./docs/(\w+)\.md(#[^"]*)?"')
DECK_LINK = re.compile(r'href="(\d\d_\w+)\.ipynb"')
# Rooms of the package whose docstrings make the reference.
REFERENCE = (
    "simulators",
    "datasets",
    "densities",
    "autoencoders",
    "inference",
    "vae",
    "rate_distortion",
    "compression",
    "landscape",
    "diffusion",
    "own_data",
    "training",
    "ledger",
    "estimates",
    "checks",
    "plotting",
    "exercises",
)


def site(
    root: Path,
    out: Path,
    *,
    stills: bool = False,
    repository: str | None = None,
    tell: Callable[[str], object] = lambda _: None,
) -> str:
    """Write the site into an empty or new folder.

    Args:
        root: the course's folder.
        out: the folder; it holds index.html afterwards.
        stills: take the stored outputs, in which widgets do not move; else every lecture is run.
        repository: its address, for links; by default that of pyproject.toml, if it names one.
        tell: is told what is being done.

    Returns:
        One sentence that says what was written.

    Raises:
        LectureError: when the folder is not empty, a lecture fails, or Sphinx warns.
    """
    if out.exists() and any(out.iterdir()):
        raise LectureError(f"{out} is not empty: name a new folder.")
    repository = address(root) if repository is None else repository
    students = build.build_all(root)
    with tempfile.TemporaryDirectory(prefix="course-site-") as scratch:
        source = Path(scratch)
        lectures, extra = source / "lectures", source / "extra"
        for folder in (lectures, extra / "slides", extra / "notebooks", source / "_static"):
            folder.mkdir(parents=True)
        found = sources(root)
        notebooks = {path.stem: read(path) for path in found}
        for path in found:
            tell(f"{path.stem}: {'read' if stills else 'run, with all frames of its widgets'}")
            shown = notebooks[path.stem] if stills else with_frames(read(path), path.parent)
            for cell in shown.cells:
                if not is_code(cell):
                    cell.source = FILE_LINK.sub(r"\1", cell.source)
            deck = DECK_LINK.sub(r'href="../lectures/\1.html"', pages.deck(shown))
            deck = DOCS_LINK.sub(r'href="../docs/\1.html\2"', deck)
            (extra / "slides" / f"{path.stem}.html").write_text(deck, "utf-8", newline="\n")
            page = lecture_page(shown, path.name, repository)
            (lectures / path.name).write_text(to_text(page), "utf-8", newline="\n")
            text = with_bootstrap(students[root / "notebooks" / path.name], repository)
            (extra / "notebooks" / path.name).write_text(text, "utf-8", newline="\n")
        shutil.copytree(root / "docs", source / "docs", ignore=shutil.ignore_patterns("*.py"))
        for page in (source / "docs").glob("*.md"):  # what is a notebook there is a page here
            text = page.read_text("utf-8").replace("](../notebooks/", "](../lectures/")
            page.write_text(text, "utf-8")
        shutil.copy(pages.mathjax(), source / "_static" / "mathjax.js")
        shutil.copy(TEMPLATES / "site.css", source / "_static" / "course.css")
        _write_pages(source, notebooks, repository)
        tell("sphinx-build")
        _sphinx(source, out)
    count = sum(1 for _ in out.rglob("*.html"))
    megabytes = sum(file.stat().st_size for file in out.rglob("*") if file.is_file()) / 1e6
    return f"{count} pages in {out}, {megabytes:.0f} MB: open {out / 'index.html'}."


def address(root: Path) -> str:
    """The repository's address of pyproject.toml, or an empty string."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project.get("urls", {}).get("Repository", "").rstrip("/")


# --- a lecture --------------------------------------------------------------------------------


def lecture_page(notebook: NotebookNode, name: str, repository: str) -> NotebookNode:
    """The page of a lecture: links below its title, answers left out, cells without metadata."""
    page = pages.without_answers(notebook)
    for cell in page.cells:
        cell.metadata = {}
        if cell.cell_type == "markdown":
            cell.source = cell.source.replace(
                "| | |\n|---|---|", "| about | this lecture |\n|---|---|"
            )
        else:
            cell.outputs = [_web_output(output) for output in cell.outputs]
    page.cells.insert(1, new_markdown_cell(links(name, repository), id="links"))
    return normal_form(page.cells, name[:2])


def _web_output(output: NotebookNode) -> NotebookNode:
    """A picture with its sentence as alternative text; tables that the keyboard can scroll."""
    data = output.get("data", {})
    if "image/png" in data:
        return new_output("display_data", {"text/html": pages.picture(data)})
    if "text/html" in data:
        words = data["text/html"].replace("<table", '<table tabindex="0"')
        return new_output("display_data", {"text/html": words})
    return output


def links(name: str, repository: str) -> str:
    """One line below the title: the notebook, the slides, and where it can be run."""
    stem = Path(name).stem
    found = [
        f'<a href="../notebooks/{name}" download>Notebook</a>',
        f'<a href="../slides/{stem}.html">Slides</a>',
    ]
    if repository:
        parts = urlsplit(repository).path.strip("/")
        if urlsplit(repository).netloc == "github.com":
            colab = f"https://colab.research.google.com/github/{parts}/blob/main/notebooks/{name}"
            binder = f"https://mybinder.org/v2/gh/{parts}/main?urlpath=lab/tree/notebooks/{name}"
            found += [
                f'<a href="{colab}">Open in Colab</a>',
                f'<a href="{binder}">Open in Binder</a>',
            ]
        found.append(f'<a href="{repository}">Repository</a>')
    return '<p class="course-links">' + " · ".join(found) + "</p>"


def with_bootstrap(notebook: str, repository: str) -> str:
    """A student's notebook whose first cell installs the package on Colab; elsewhere it rests."""
    if not repository:
        return notebook
    from nbformat import reads

    source = (
        "# On Colab this installs the course's package, and leaves Colab's own torch alone.\n"
        "import sys\n\n"
        'if "google.colab" in sys.modules:\n'
        f"    %pip install -q --no-deps git+{repository} nbval"
    )
    found = reads(notebook, as_version=4)
    number = found.metadata["course"]["lecture"]
    found.cells.insert(0, new_code_cell(source, id=f"colab-{number}"))
    return to_text(normal_form(found.cells, number))


# --- the other pages --------------------------------------------------------------------------


def _write_pages(source: Path, notebooks: dict[str, NotebookNode], repository: str) -> None:
    """conf.py, the start page, the index of terms and the reference."""
    rows = [(stem, *title_and_question(notebook)) for stem, notebook in notebooks.items()]
    table = "\n".join(
        f"| [{title}](lectures/{stem}.ipynb) | {asked} |" for stem, title, asked in rows
    )
    toctree = "\n".join(f"lectures/{stem}" for stem in notebooks)
    reference = "\n".join(f"reference/{room}" for room in REFERENCE)
    others = [path.stem for path in sorted((source / "docs").glob("*.md"))]
    about = "\n".join(f"docs/{stem}" for stem in others)
    start = (TEMPLATES / "site_index.md").read_text("utf-8")
    filled = {"TABLE": table, "LECTURES": toctree, "REFERENCE": reference, "ABOUT": about}
    for word, text in filled.items():
        start = start.replace(f"{{{{{word}}}}}", text)
    (source / "index.md").write_text(start, "utf-8")
    (source / "terms.md").write_text(terms.page(notebooks, "lectures/"), "utf-8")
    (source / "reference").mkdir()
    for room in REFERENCE:
        text = f"# {room}\n\n```{{eval-rst}}\n.. automodule:: course_utils.{room}\n   :members:\n"
        text += "   :imported-members:\n```\n"
        (source / "reference" / f"{room}.md").write_text(text, "utf-8")
    conf = (TEMPLATES / "site_conf.py.txt").read_text("utf-8")
    (source / "conf.py").write_text(conf.replace("{{REPOSITORY}}", repository), "utf-8")


def title_and_question(notebook: NotebookNode) -> tuple[str, str]:
    """The lecture's title, and the question that it opens with."""
    lines = notebook.cells[0].source.splitlines()
    question = next((line.strip("* ") for line in lines if re.fullmatch(r"\*[^*].*\*", line)), "")
    return lines[0].lstrip("# "), question


def _sphinx(source: Path, out: Path) -> None:
    """Build; a warning is an error, so that no link and no reference dangles."""
    words = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html"]
    done = subprocess.run([*words, str(source), str(out)], capture_output=True, text=True)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()][:20]
        raise LectureError("\n".join(["Sphinx complains:", *said]).replace(str(source), "site"))
    shutil.rmtree(out / ".doctrees", ignore_errors=True)
