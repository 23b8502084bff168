"""Widgets on pages without a kernel: the frames that `widgets/frames.py` drew, and a script.

A page is made from a copy of the lecture that was run with `COURSE_FRAMES` set, so that each output
of a widget holds its frames. Here they become HTML: labelled controls, the picture, its sentence as
a live region. Without script there is the still picture with its sentence.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup
from nbformat import NotebookNode
from nbformat.v4 import new_output

from ..plotting.base import FRAMES, FRAMES_VARIABLE
from .execute import run

TEMPLATES = Path(__file__).with_name("templates")


def with_frames(notebook: NotebookNode, folder: Path, timeout: int = 600) -> NotebookNode:
    """A copy of the lecture, run again, in which the outputs of widgets are moving HTML.

    Args:
        notebook: the lecture with its answers.
        folder: where its kernel runs.
        timeout: seconds for one cell; a widget may draw hundreds of frames.
    """
    done = run(notebook, folder, timeout, environment={FRAMES_VARIABLE: "1"})
    for cell in done.cells:
        cell.outputs = [moving(o) for o in cell.outputs] if cell.cell_type == "code" else []
    return done


def moving(output: NotebookNode) -> NotebookNode:
    """The output, as HTML where it holds frames."""
    frames = output.get("data", {}).get(FRAMES)
    if frames is None:
        return output
    return new_output("display_data", {"text/html": html(frames)})


def html(frames: dict[str, Any]) -> str:
    """The figure with its controls, frames and script, on its own: nothing else is needed."""
    starts = [control["start"] for control in frames["controls"]]
    data = {
        "alone": frames["alone"],
        "starts": starts,
        "stops": [control["stops"] for control in frames["controls"]],
        "frames": frames["frames"],
    }
    # `</` would end the script element; in JSON the slash may be written with a backslash.
    text = json.dumps(data, ensure_ascii=False).replace("</", "<\\/").replace("<!--", "<\\u0021--")
    still = frames["frames"][",".join(map(str, starts))]
    script = (TEMPLATES / "frames.js").read_text(encoding="utf-8")
    return _template().render(frames=frames, still=still, data=Markup(text), script=Markup(script))


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("frames.html.j2")
