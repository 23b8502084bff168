"""Decks: how a lecture is cut into slides, and, in a browser, that no slide overflows.

One deck is measured here; `COURSE_ALL_DECKS=1 pytest tests/test_deck.py` measures all of them.
"""

import os
from pathlib import Path

import pytest
from browser import browser_arguments
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from course_utils.authoring import pages
from course_utils.authoring.deck import beginning, code_parts, slides, split
from course_utils.lectures import normal_form, read

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "solutions").glob("*.ipynb"))
MEASURED = LECTURES if os.environ.get("COURSE_ALL_DECKS") else LECTURES[3:4]
SCREENS = ((1280, 720), (1920, 1080))
TEXT, CODE = 0.035, 0.025  # of the screen's height
SENTENCE = "A sentence that says what the figure shows."
EXERCISE = (
    'def f(x):\n    """F."""\n    ### BEGIN SOLUTION\n    return secret\n    ### END SOLUTION'
)


def text(source: str, slide: str = "") -> NotebookNode:
    return new_markdown_cell(source, metadata={"slideshow": {"slide_type": slide}})


def figure() -> NotebookNode:
    shown = {"image/png": "iVBORw0KGgo=", "text/plain": SENTENCE}
    said = {"text/markdown": SENTENCE, "text/plain": SENTENCE}
    outputs = [new_output("display_data", data) for data in (shown, said)]
    return new_code_cell("fig, ax = plotting.figure()", outputs=outputs)


def cut(*cells: NotebookNode) -> list:
    return slides(normal_form(cells, "01"))


def test_blocks_stay_whole() -> None:
    source = "# One\nA paragraph\nof two lines.\n\n$$a\n\n= b$$\n\n- x\n- y\n\n| a |\n|---|\n> q"
    assert list(split(source)) == [
        "# One",
        "A paragraph\nof two lines.",
        "$$a\n= b$$",
        "- x\n- y",
        "| a |\n|---|\n> q",
    ]


def test_a_heading_carries_what_fits_and_the_rest_is_said() -> None:
    prose = "First sentence. Second one. " + "And a long third one that goes on. " * 12
    (slide,) = cut(text(f"# Part\n\n{prose}", "slide"), text("More prose.\n\nAnd more."))
    shown, said = "".join(slide.blocks), "".join(slide.notes)
    assert "<h1>Part</h1>" in shown and "First sentence. Second one." in shown
    assert len(shown) < len(prose) and prose.strip() in said.replace("\n", " ")
    assert "And more." in said and "More prose" not in shown


def test_an_answer_never_stands_beside_its_question() -> None:
    printed = new_code_cell("print(3)", outputs=[new_output("stream", text="3\n", name="stdout")])
    title, asked, answered, shown = cut(
        text("# Part", "slide"), text("**Predict**: how many?", "fragment"), printed, figure()
    )
    assert "how many" in asked.blocks[0] and len(asked.blocks) == 1
    assert "3" in answered.blocks[0] and answered.title == "Part" and title.top
    assert SENTENCE in shown.blocks[0] and len(shown.blocks) == 1


def test_code_is_shown_where_it_is_the_point() -> None:
    tagged = new_code_cell("y = on_the_slide", metadata={"tags": ["on-slide"]})
    found = cut(new_code_cell(EXERCISE), new_code_cell("x = folded_away"), tagged)
    shown = "".join(block for slide in found for block in slide.blocks)
    assert "return" in shown and "secret" not in shown and "SOLUTION" not in shown
    assert "on_the_slide" in shown and "folded_away" not in shown
    (slide,) = slides(normal_form([new_code_cell(EXERCISE)], "01"), answers=True)
    assert "secret" in slide.blocks[0] and "SOLUTION" not in slide.blocks[0]


def test_what_introduces_a_formula_stays_with_it() -> None:
    listed = "\n".join(f"- item {i}" for i in range(10))
    first, second = cut(text(f"# Part\n\n{listed}\n\nSo it is:\n\n$$a = \\frac{{b}}{{c}}$$"))
    assert "item 9" in first.blocks[-1]
    assert "So it is" in second.blocks[0] and "frac" in second.blocks[1]


def test_a_table_says_its_head_and_no_row_stands_alone() -> None:
    rows = "\n".join(f"| {i} | x |" for i in range(11))
    (bare,) = cut(text(f"# A\n\n| | |\n|---|---|\n{rows}"))
    assert "<th" not in bare.blocks[-1] and bare.blocks[-1].count("<tr") == 11
    (slide,) = cut(text(f"# A\n\n| a | $p(x)$ |\n|---|---|\n{rows[:-11]}"))
    head, *others = slide.blocks[-1].split("</tr>")
    assert "<th" in head and "<td><b>$p(x)$</b></td>" in head and len(others) == 11


def test_few_printed_lines_are_large() -> None:
    for lines, wide, look in (
        (2, 40, "large"),
        (9, 40, "middle"),
        (2, 70, "middle"),
        (2, 80, "small"),
    ):
        said = "\n".join(["x" * wide] * lines)
        cell = new_code_cell("f()", outputs=[new_output("stream", text=said, name="stdout")])
        (slide,) = cut(cell)
        assert f'class="printed {look}"' in slide.blocks[0]


def test_long_things_go_on_further_slides() -> None:
    listed = "\n".join(f"- item {i} " + "with many words " * 8 for i in range(12))
    rows = "\n".join(f"| row {i} | {'long cell ' * 9} |" for i in range(20))
    found = cut(text(f"## List\n\n{listed}\n\n| a | b |\n|---|---|\n{rows}", "subslide"))
    assert len(found) > 3 and all(slide.height <= 640 for slide in found)
    shown = "".join(block for slide in found for block in slide.blocks)
    assert all(f"item {i} " in shown for i in range(12))
    assert all(f"row {i}<" in shown for i in range(20)) and shown.count("<th") > 2
    assert "\n".join(code_parts("\n".join(map(str, range(60))))) == "\n".join(map(str, range(60)))


def test_a_slide_may_be_left_out_or_for_the_lecturer() -> None:
    (slide,) = cut(text("# A", "slide"), text("# Not here", "skip"), text("Say this.", "notes"))
    assert "Not here" not in "".join(slide.blocks) and "Say this." in slide.notes[0]


def test_a_beginning_is_whole_sentences() -> None:
    assert beginning("One. Two. Three.", most=9) == "One. Two."
    assert beginning("One very long sentence." * 9, most=9) == ""


# --- in a browser -----------------------------------------------------------------------------

# Of the slide that is shown: the lowest and rightmost edge, the smallest letters of text and code;
# all as parts of the screen.
MEASURE = """() => {
  const slide = Reveal.getCurrentSlide(), wide = innerWidth, high = innerHeight;
  let low = 0, right = 0, text = 1, code = 1;
  const reach = (box) => {
    if (!box.width) return;
    low = Math.max(low, box.bottom / high);
    right = Math.max(right, box.right / wide);
  };
  const scale = slide.getBoundingClientRect().height / slide.offsetHeight;
  const walker = document.createTreeWalker(slide, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, parent = node.parentElement;
    if (!node.textContent.trim() || parent.closest("aside, script, style, mjx-container")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    if (!parent.closest(".running")) reach(range.getBoundingClientRect());
    const size = parseFloat(getComputedStyle(parent).fontSize) * scale / high;
    if (parent.closest("pre, code")) code = Math.min(code, size); else text = Math.min(text, size);
  }
  for (const element of slide.querySelectorAll("img, mjx-container, table, pre, input"))
    if (!element.closest("aside")) reach(element.getBoundingClientRect());
  return {low, right, text, code, words: slide.dataset.words};
}"""


@pytest.mark.parametrize("screen", SCREENS, ids=str)
@pytest.mark.parametrize("path", MEASURED, ids=lambda path: path.stem)
def test_every_slide_fits_and_can_be_read_from_the_back_row(
    path: Path, screen: tuple[int, int], tmp_path: Path, browser_path: str
) -> None:
    from playwright.sync_api import sync_playwright

    file = tmp_path / "deck.html"
    file.write_text(pages.deck(read(path)), "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=browser_arguments())
        page = browser.new_page(viewport={"width": screen[0], "height": screen[1]}, offline=True)
        page.goto(file.as_uri())
        page.wait_for_function("window.Reveal && Reveal.isReady() && MathJax.startup?.promise")
        page.evaluate("MathJax.startup.promise")
        faults = []
        for number in range(page.evaluate("Reveal.getTotalSlides()")):
            found = page.evaluate(MEASURE)
            fits = found["low"] <= 1 and found["right"] <= 1 - 20 / 1280
            if not fits or found["text"] < TEXT or found["code"] < CODE:
                faults.append((number + 1, found))
            page.evaluate("Reveal.next()")
        browser.close()
    assert number > 5 and faults == []
