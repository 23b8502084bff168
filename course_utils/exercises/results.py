"""What a check says: a `Result`, shown as a card in a notebook and as text elsewhere."""

import html
import sys
from dataclasses import dataclass, field
from typing import Any

# By status: symbol, colour of the edge (safe for colour-blind readers), word on the card.
LOOK = {
    "passed": ("✓", "#009E73", "passed"),
    "wrong": ("✗", "#D55E00", "not yet"),
    "error": ("!", "#CC79A7", "stopped with an error"),
    "not attempted": ("○", "#7F7F7F", "not attempted yet"),
}


@dataclass(frozen=True)
class Result:
    """The outcome of one check.

    Attributes:
        name: the exercise, for example "04.gaussian_kl".
        status: "passed", "wrong", "error" or "not attempted".
        message: one or two sentences for the student; never the right answer.
        misconception: a short slug of the mistake that was recognised, or None.
        seed: draws the same inputs again: `check(name, function, seed=result.seed)`.
        remark: of an answer that passed, what to write otherwise; None for nothing.
    """

    name: str
    status: str
    message: str
    misconception: str | None = None
    seed: int | None = field(default=None, compare=False)
    remark: str | None = None

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    def __str__(self) -> str:
        word = LOOK[self.status][2]
        return f"{mark(self.status)}{self.name}: {word}. {self.message}{self._said()}"

    def _repr_html_(self) -> str:
        symbol, colour, word = LOOK[self.status]
        footer = ""
        if self.status in ("wrong", "error", "not attempted"):
            footer = f"Stuck? <code>hint(&quot;{self.name}&quot;)</code>"
        return card(f"{symbol} {self.name}: {word}", self.message + self._said(), colour, footer)

    def _said(self) -> str:
        return f" Remark: {self.remark}" if self.remark else ""


def mark(status: str) -> str:
    """The status's symbol and a space; nothing where the output's encoding does not have it."""
    symbol = LOOK[status][0]
    return f"{symbol} " if _shown(symbol) == symbol else ""


def _shown(text: str) -> str:
    """The text as the output can show it: what its encoding does not have becomes "?"."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text.encode(encoding, errors="replace").decode(encoding)


def card(title: str, body: str, colour: str, footer: str = "") -> str:
    """A small framed note in HTML; `title` and `body` are plain text, `footer` is HTML."""
    parts = [f'<div style="font-weight:600">{html.escape(title)}</div>']
    if body:
        parts.append(f'<div style="margin-top:4px">{_inline(body)}</div>')
    if footer:
        parts.append(f'<div style="margin-top:6px;opacity:0.75;font-size:0.9em">{footer}</div>')
    style = (
        f"border-left:6px solid {colour};padding:8px 14px;margin:4px 0;max-width:46em;"
        "background:rgba(127,127,127,0.08);border-radius:0 6px 6px 0;line-height:1.45"
    )
    return f'<div role="status" style="{style}">{"".join(parts)}</div>'


def _inline(text: str) -> str:
    """Escape plain text and set what stands between backticks as code."""
    pieces = html.escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))


def show(rich: Any) -> None:
    """Show an object with `_repr_html_` as a card in a notebook; print it elsewhere."""
    if in_notebook():
        from IPython.display import display

        display({"text/html": rich._repr_html_(), "text/plain": str(rich)}, raw=True)
    else:
        print(_shown(str(rich)))


def in_notebook() -> bool:
    """True inside a Jupyter kernel, False in a terminal or a script."""
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")
