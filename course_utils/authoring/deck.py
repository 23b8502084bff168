"""A lecture as slides: one idea to a slide, in letters for the back row, the prose as notes.

The same cells as the page, cut anew. What a class sees: headings, the sentence under a heading,
formulas, exercises, lists and tables, predictions, figures with their sentence, printed numbers,
and code where it is the point (an exercise's stub, a cell with the tag `on-slide`). Everything else
is the lecturer's: speaker notes of the slide it belongs to.

A slide is 1280 x 720 pixels, which reveal.js scales to the projector. Heights are estimated here,
so that blocks go to a next slide before they would be lost; a test measures the result in a
browser.
"""

import html
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from nbconvert.filters import Highlight2HTML, ansi2html, markdown2html
from nbformat import NotebookNode

from ..lectures import is_code, tags
from .build import find_answer, stub

HEIGHT = 612  # pixels of a slide between its margins, less the running title
LINE = 35  # of text, 26 pixels high
CODE_LINE = 24  # of code, 18.5 pixels high
WIDE = 84  # letters of text in a line
CODE_WIDE = 104
# What a cell prints, the larger the less it is: letters in a line and lines that fit, the look in
# deck.css, and the pixels of a line (letters of 30, 26 and 22).
PRINTED = ((60, 6, "large", 39), (72, 13, "middle", 34), (86, 18, "small", 29))
PRINTED_WIDE, PRINTED_LINES = PRINTED[-1][:2]
ON_SLIDE = "on-slide"  # tag of a code cell that the class should see
LEAD = 260  # letters of a paragraph that a heading may carry: as many sentences as fit

MARKERS = re.compile(r"^ *### (?:BEGIN|END) SOLUTION(?:\n|$)", re.MULTILINE)
HEADING = re.compile(r"(#+) (.*)")
TABLE = re.compile(r"(<table[^>]*>)(.*?)</table>", re.DOTALL)
ROW = re.compile(r"<tr.*?</tr>", re.DOTALL)
HEAD_FORMULA = re.compile(r"<th[^>]*>([^<]*\$[^<]*)</th>")  # a heading needs words
CELL = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL)
SENTENCE = re.compile(r"(?<=[.?!:])\s+(?=[A-Z$*\"“])")


@dataclass
class Slide:
    """What one slide shows, and what the lecturer says to it."""

    top: bool  # begins a part: a column of the deck
    title: str  # Markdown of the heading that it stands under
    blocks: list[str] = field(default_factory=list)  # HTML
    notes: list[str] = field(default_factory=list)  # HTML
    height: float = 0.0
    headed: bool = False  # the heading is one of its blocks

    def add(self, block: str, height: float) -> None:
        self.blocks.append(block)
        self.height += height

    @property
    def html_title(self) -> str:
        return _inline(self.title)

    @property
    def words(self) -> str:
        """The heading as plain text, for the list of slides."""
        return re.sub(r"[*`$\\]", "", self.title)


def slides(notebook: NotebookNode, *, answers: bool = False) -> list[Slide]:
    """The slides of a lecture, in order; at least one.

    Args:
        notebook: with its outputs; widgets may be moving HTML already (moving.py).
        answers: show the answers of exercises; by default their stubs.
    """
    deck = _Deck(answers)
    for cell in notebook.cells:
        kind = cell.metadata.get("slideshow", {}).get("slide_type", "")
        if kind == "skip":
            continue
        if kind == "notes":
            deck.note(cell.source)
        elif is_code(cell):
            deck.code(cell)
        else:
            deck.text(cell.source)
    return deck.found


class _Deck:
    def __init__(self, answers: bool) -> None:
        self.answers = answers
        self.found: list[Slide] = []
        self.title = ""
        self.asked = False  # the last slide is a prediction: its answer comes on another

    @property
    def now(self) -> Slide:
        if not self.found:
            self.found.append(Slide(True, ""))
        return self.found[-1]

    def fresh(self, top: bool = False) -> Slide:
        """A new slide, unless the last one shows nothing yet but for its heading's place."""
        if self.found and not self.found[-1].blocks:
            return self.found[-1]
        self.found.append(Slide(top or not self.found, self.title))
        return self.found[-1]

    def put(self, block: str, height: float, after: float = 0.0) -> None:
        """Add a block, on a further slide where it and what must stay with it would not fit."""
        if self.asked or (self.now.height and self.now.height + height + after > HEIGHT):
            self.fresh()
        self.asked = False
        self.now.add(block, height)

    def note(self, markdown: str) -> None:
        self.now.notes.append(markdown2html(markdown))

    # --- Markdown

    def text(self, source: str) -> None:
        predicted = source.lstrip().startswith("**Predict**")
        if predicted:
            self.fresh()
        lead = self.asked = False
        blocks = list(split(source))
        for block, after in zip(blocks, [*blocks[1:], ""], strict=True):
            heading = HEADING.fullmatch(block)
            stays = first_height(after) if after.startswith(("$$", "- ", "1. ")) else 0.0
            if heading:
                self.heading(len(heading[1]), heading[2])
                lead = True
            elif predicted:
                self.put(f'<div class="predict">{markdown2html(block)}</div>', text_height(block))
                self.asked = False
            elif block.startswith(("$$", ">", "|", "- ", "* ", "1. ", "\\begin")):
                self.shown(block)
            elif lead and not block.startswith("<"):
                short = beginning(block)
                if short:
                    self.put(markdown2html(short), text_height(short), stays * (short == block))
                if short != block:
                    self.note(block)
                lead = False
            elif stays and (last := ending(block)):
                self.put(markdown2html(last), text_height(last), stays)
                if last != block:
                    self.note(block)
            else:
                self.note(block)
        self.asked = predicted

    def heading(self, level: int, words: str) -> None:
        self.title = words
        slide = self.fresh(top=level == 1)
        if not slide.blocks:
            slide.top, slide.title, slide.headed = slide.top or level == 1, words, True
        slide.add(
            f"<h{min(level, 3)}>{_inline(words)}</h{min(level, 3)}>", 84 if level == 1 else 70
        )

    def shown(self, block: str) -> None:
        """A formula, an exercise, a table, or a list, whose items may go to several slides."""
        if block.startswith(("- ", "* ", "1. ")):
            for item in re.split(r"\n(?=(?:[-*]|\d+\.) )", block):
                self.put(markdown2html(item), text_height(item) - 6)
        elif block.startswith("|"):
            self.table(markdown2html(block))
        elif block.startswith(">"):
            self.put(markdown2html(block), text_height(block) + 16)
        else:
            self.put(markdown2html(block), formula_height(block))

    def table(self, source: str) -> None:
        """HTML that may hold a table: its rows may go to several slides, under the same head."""
        found = TABLE.search(source)
        if found is None:
            self.put(source, text_height(re.sub(r"<[^>]*>", "", source)) + 20)
            return
        rows = ROW.findall(found[2])
        heads = [row for row in rows if "<th" in row and "<td" not in row]
        body = [row for row in rows if row not in heads]
        heads = [HEAD_FORMULA.sub(r"<td><b>\1</b></td>", row) for row in heads if words_of(row)]
        head = sum(map(row_height, heads))
        room = HEIGHT - 70 - head
        if self.asked or self.now.height + head + sum(map(row_height, body[:3])) > HEIGHT:
            self.fresh()
            self.asked = False
        if self.now.height:
            room = HEIGHT - self.now.height - head - 30
        some: list[str] = []
        for row in [*body, None]:
            alone = LINE if row is body[-1] else 0  # rather tight than a slide for one row
            if row is not None and sum(map(row_height, [*some, row])) <= room + alone:
                some.append(row)
                continue
            table = "".join((found[1], *heads, *some, "</table>"))
            self.put(table, head + min(room, sum(map(row_height, some))) + 14)
            some, room = [row] if row is not None else [], HEIGHT - 70 - head

    # --- code

    def code(self, cell: NotebookNode) -> None:
        answer = find_answer(cell.source)
        if answer is not None or ON_SLIDE in tags(cell):
            hidden = answer is not None and not self.answers
            source = stub(cell.source) if hidden else MARKERS.sub("", cell.source)
            for part in code_parts(re.sub(r"\n{3,}", "\n\n", source)):
                self.put(_highlighted(part), CODE_LINE * (part.count("\n") + 1) + 34)
        if answer is not None:
            return  # what the check said of the answer would tell it
        sentences = set()
        for output in cell.outputs:
            data = output.get("data", {})
            words = data.get("text/plain", "").strip()
            if "image/png" in data:
                self.fresh().add(_figure(data["image/png"], words), HEIGHT)
                sentences.add(words)
            elif "text/html" in data and "course-frames" in data["text/html"]:
                self.fresh().add(data["text/html"], HEIGHT)
            elif "text/markdown" in data:
                if words not in sentences:  # the sentence under a figure is its caption
                    self.table(markdown2html(data["text/markdown"]))
            elif "text/html" in data:
                self.table(data["text/html"])
            else:
                self.printed(output.get("text", words))

    def printed(self, text: str) -> None:
        lines = [
            part
            for line in text.rstrip().splitlines()
            for part in (_wrapped(line) if len(line) > PRINTED_WIDE else [line])
        ]
        longest = max(map(len, lines), default=0)
        looks = (p[2:] for p in PRINTED if longest <= p[0] and len(lines) <= p[1])
        look, line = next(looks, PRINTED[-1][2:])
        for some in _even(lines, PRINTED_LINES):
            shown = ansi2html("\n".join(some))
            self.put(f'<pre class="printed {look}">{shown}</pre>', line * len(some) + 36)


# --- cutting text -----------------------------------------------------------------------------


def split(source: str) -> Iterator[str]:
    """Blocks of Markdown: headings, paragraphs, formulas, lists, quotations and tables, whole."""
    block: list[str] = []
    formula = False
    for line in [*source.splitlines(), ""]:
        dollars = line.count("$$") % 2 == 1
        if not formula and (not line.strip() or line.startswith("#") or line.startswith("$$")):
            if block:
                yield "\n".join(block)
                block = []
            if line.startswith("#"):
                yield line.rstrip()
                continue
        if line.strip():
            block.append(line)
        if dollars:
            formula = not formula
            if not formula and block:
                yield "\n".join(block)
                block = []
        elif line.startswith("$$") and line.count("$$") >= 2 and not formula:
            yield "\n".join(block)
            block = []


def beginning(paragraph: str, most: int = LEAD) -> str:
    """As many of its first sentences as have room; the first one also where it is a bit longer."""
    shown = ""
    for sentence in SENTENCE.split(paragraph):
        longer = f"{shown} {sentence}".strip()
        if len(longer) > (most if shown else most + 80):
            break
        shown = longer
    return shown


def ending(paragraph: str, most: int = LEAD) -> str:
    """Its last sentence, which introduces what follows; empty where it is long."""
    last = SENTENCE.split(paragraph)[-1]
    return last if len(last) <= most else ""


def text_height(markdown: str) -> float:
    """Estimated pixels of a paragraph, an item or a quotation."""
    letters = re.sub(r"\]\([^)]*\)|[*`>]", "", markdown)
    letters = re.sub(r"\\[a-zA-Z]+|[{}$^_]", "", letters)
    return LINE * max(1, math.ceil(len(letters) / WIDE)) + 18


def formula_height(tex: str) -> float:
    """Estimated pixels of a displayed formula: fractions, sums and braces are tall."""
    rows = 1 + tex.count("\\\\") if "\\begin" in tex else 1
    tall = any(word in tex for word in ("\\frac", "\\sum", "\\int", "\\prod", "\\underbrace"))
    return rows * (78 if tall else 46) + 34 + (34 if "\\underbrace" in tex else 0)


def words_of(row: str) -> str:
    """What a table's row says, without its markup."""
    return re.sub(r"<[^>]*>|\s", "", row)


def first_height(block: str) -> float:
    """Estimated pixels of a formula, or of a list's first item: what an introduction stays with."""
    if block.startswith("$$"):
        return formula_height(block)
    return text_height(re.split(r"\n(?=(?:[-*]|\d+\.) )", block)[0])


def row_height(row: str) -> float:
    """Estimated pixels of a table's row, from the letters of its cells."""
    cells = [html.unescape(re.sub(r"<[^>]*>", "", cell)) for cell in CELL.findall(row)]
    letters = sum(map(len, cells)) + 4 * len(cells)
    return LINE * max(1, math.ceil(letters / (WIDE - 8))) + 12


def code_parts(source: str, most: int = 23) -> list[str]:
    """The code, in parts that fit a slide; cut at blank lines where there are any."""
    lines = source.rstrip().splitlines()
    if len(lines) <= most:
        return ["\n".join(lines)]
    blank = [i for i in range(1, most) if not lines[i].strip()]
    cut = blank[-1] if blank else most
    return ["\n".join(lines[:cut]), *code_parts("\n".join(lines[cut:]).lstrip("\n"), most)]


def _wrapped(line: str) -> list[str]:
    return [line[i : i + PRINTED_WIDE] for i in range(0, len(line), PRINTED_WIDE)]


def _even(lines: list[str], most: int) -> Iterator[list[str]]:
    count = max(1, math.ceil(len(lines) / most))
    size = math.ceil(len(lines) / count) or 1
    for start in range(0, len(lines), size):
        yield lines[start : start + size]


# --- HTML -------------------------------------------------------------------------------------


def _inline(markdown: str) -> str:
    return markdown2html(markdown).strip().removeprefix("<p>").removesuffix("</p>")


def _highlighted(source: str) -> str:
    return f'<div class="code">{Highlight2HTML(pygments_lexer="ipython3")(source)}</div>'


def _figure(png: str, sentence: str) -> str:
    source = "".join(png.split())
    words = html.escape(sentence)
    return (
        f'<figure class="still"><img src="data:image/png;base64,{source}" alt="{words}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
