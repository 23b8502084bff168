"""`course new`: the stubs of an exercise or of a lecture, with cell ids and slide tags."""

import re
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from ..exercises.signature import parse
from ..lectures import LectureError, normal_form, read, sources, to_text, write_all

EXERCISE = re.compile(r"\d\d\.[A-Za-z][A-Za-z0-9_]*")
LECTURE = re.compile(r"\d\d")
NAME = re.compile(r"[a-z][a-z0-9_]*")

MODULE = '''\
"""Exercise {name}: WHAT IT RETURNS, in a few words."""

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject

exercise = Exercise(
    "{name}",
    "{signature}",
    place={place},
    proves="WHAT A PASSED CHECK HAS SHOWN, one sentence.",
    hints=(
        "A NUDGE.",
        "THE STEP BEFORE THE ANSWER, never the finished line.",
    ),
    twin=None,  # "course_utils.ROOM:function", what lectures fall back on
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    # Draw inputs as large, wide and odd as the lecture uses; ask first, judge then.
    raise NotImplementedError("state the laws of {name}")
    law(agree(f(...), ...), "WHAT DOES NOT HOLD, for the student.", "slug")


@exercise.mistake("slug-of-the-mistake")
def _{call}:
    """THE SENTENCE THAT THE STUDENT READS: which mistake this is, and what is wanted."""
    return ...
'''

ANSWERS = '''\
"""Answers to {name} beside its known mistakes."""


def written_otherwise{call}:
    """A right answer that is not the official one."""
    return ...


RIGHT = [written_otherwise]  # at least two

WRONG = []  # ("slug", function): only what no known mistake covers
'''

LECTURE_TITLE = """\
# {number} {title}

*THE ONE QUESTION OF THIS LECTURE?*

| | |
|---|---|
| **You will be able to** | ... |
| **You need** | ... |
| **Time** | ... minutes, with ... exercises |"""


def exercise(root: Path, name: str, signature: str) -> str:
    """Write the stubs of an exercise: its module, its answers, and its cells in the lecture.

    Args:
        root: the course's folder.
        name: "NN.function".
        signature: "x (N, D) -> (N,)", see exercises/signature.py.

    Returns:
        What to do next.

    Raises:
        LectureError: for a name or signature that is none, and where one of the files exists.
    """
    if not EXERCISE.fullmatch(name):
        raise LectureError(f"'{name}' is not NN.name: two digits, a dot, a Python name.")
    lecture, function = name.split(".")
    try:
        call = parse(signature).call
    except ValueError as error:
        raise LectureError(str(error)) from None
    (path,) = sources(root, [lecture])
    module = root / "course_utils" / "exercises" / f"lecture{lecture}" / f"{function}.py"
    answers = root / "tests" / "answers" / f"lecture{lecture}" / f"{function}.py"
    _require_new(module, answers)
    place = 1 + len(list(module.parent.glob("[!_]*.py")))
    notebook = read(path)
    notebook.cells += _exercise_cells(name, function, call)
    texts = {
        module: MODULE.format(name=name, signature=signature, place=place, call=call),
        answers: ANSWERS.format(name=name, call=call),
        path: to_text(normal_form(notebook.cells, lecture)),
    }
    texts |= {p: "" for p in (module.with_name("__init__.py"), answers.with_name("__init__.py"))}
    write_all({p: text for p, text in texts.items() if text or not p.exists()})
    shown = [str(p.relative_to(root)) for p in (module, answers)]
    return (
        f"Written: {shown[0]}, {shown[1]}, and two cells at the end of {path.name}: move them to "
        f"their place, then `course verify {lecture}`."
    )


def lecture(root: Path, number: str, name: str) -> str:
    """Write the stub of a lecture: its notebook, and the folders of its exercises.

    Args:
        root: the course's folder.
        number: its two digits.
        name: small letters, digits and _, the rest of its file's name.

    Returns:
        What to do next.

    Raises:
        LectureError: for a number or name that is none, and where the lecture exists.
    """
    if not (LECTURE.fullmatch(number) and NAME.fullmatch(name)):
        raise LectureError(f"'{number} {name}' is no lecture: two digits, then small_letters.")
    if taken := list((root / "solutions").glob(f"{number}_*.ipynb")):
        raise LectureError(f"There is a lecture {number} already: {taken[0].name}.")
    path = root / "solutions" / f"{number}_{name}.ipynb"
    notebook = normal_form(_lecture_cells(number, name), number)
    folders = (root / "course_utils" / "exercises", root / "tests" / "answers")
    texts = {path: to_text(notebook)}
    texts |= {folder / f"lecture{number}" / "__init__.py": "" for folder in folders}
    write_all(texts)
    return (
        f"Written: solutions/{path.name} and the folders lecture{number} of its exercises. Next: "
        f"`course new exercise {number}.name`, and the lists that CONTRIBUTING.md names."
    )


def _exercise_cells(name: str, function: str, call: str) -> list[NotebookNode]:
    """What is known and wanted, and the cell with the stub; the derivation comes after it."""
    short = f"{name[:2]}-{function.lower().replace('_', '-')}"
    asked = f"> **Exercise `{name}`.** WHAT IS KNOWN, AND WHAT IS WANTED: shapes, units."
    code = (
        f'def {function}{call}:\n    """WHAT COMES BACK, with its shape."""\n'
        "    ### BEGIN SOLUTION\n    return ...\n    ### END SOLUTION\n\n\n"
        f'check("{name}", {function})'
    )
    return [
        new_markdown_cell(asked, id=f"{short}-text", metadata=_slide("subslide")),
        new_code_cell(code, id=short),
    ]


def _lecture_cells(number: str, name: str) -> list[NotebookNode]:
    title = name.replace("_", " ").capitalize()
    imports = (
        "from course_utils import plotting\nfrom course_utils.exercises import check, hint\n"
        f"from course_utils.reproducible import begin\n\ngenerator = begin({int(number)})"
    )
    parts = [
        ("title", "slide", LECTURE_TITLE.format(number=number, title=title)),
        ("imports", "", imports),
        ("predict", "fragment", "**Predict**: WHAT WILL THE NEXT FIGURE SHOW?"),
        ("answer", "slide", "# THE QUESTION AGAIN?"),
        ("summary", "subslide", "## Summary\n\n- ..."),
        ("reading", "subslide", "## Further reading\n\n- ..."),
    ]
    return [
        new_markdown_cell(text, id=f"{number}-{key}", metadata=_slide(kind))
        if kind
        else new_code_cell(text, id=f"{number}-{key}")
        for key, kind, text in parts
    ]


def _slide(kind: str) -> dict:
    return {"slideshow": {"slide_type": kind}}


def _require_new(*paths: Path) -> None:
    for path in paths:
        if path.exists():
            raise LectureError(f"{path.parent.name}/{path.name} is there already.")
