"""The grader's report: files for programs, and pages that nothing can break out of."""

import csv
import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from browser import browser_arguments

from course_utils.grading import report
from course_utils.grading.report import COLUMNS, LOOK, STATUSES, Row, Run

RUN = Run("0.1", "3.11", "2.13", "Linux x86_64", {"7": ["ann, 01"]}, "bubblewrap")
EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def row(student: str = "ann", exercise: str = "01.double", status: str = "ok", **more: str) -> Row:
    return Row(student, "01", exercise, status, 1.0 if status == "ok" else 0.0, 1.0, **more)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


# --- tables ----------------------------------------------------------------------------------


def test_the_columns_are_the_contract() -> None:
    (head, line) = cells(report.to_csv([row(message="Well done.")]))
    expected = "student lecture exercise status points max_points misconception message"
    assert head == list(COLUMNS) == expected.split()
    assert line == ["ann", "01", "01.double", "ok", "1", "1", "", "Well done."]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", " =1", "\t=1", "\r\n@x"])
def test_no_cell_begins_a_formula(text: str) -> None:
    _, line = cells(report.to_csv([row(text, message=text, misconception=text)]))
    for column in ("student", "misconception", "message"):
        cell = line[COLUMNS.index(column)]
        assert cell.startswith("'") and cell[1:] == text.strip()


def test_a_message_of_many_lines_is_one_and_quotes_survive() -> None:
    _, line = cells(report.to_csv([row(message='It raised\n"a, b";\r\n\n c.')]))
    assert line[-1] == 'It raised "a, b"; c.'


def test_json_holds_the_texts_as_they_are_and_how_it_was_graded() -> None:
    rows = [row("=ann", message="a\nb"), row("=ann", "01.treble", "timeout")]
    stored = json.loads(report.to_json(rows, RUN, {("=ann", "01"): ["Old."]}, ["Older."]))
    assert [stored[key] for key in ("course", "torch", "seeds", "sandbox", "unsafe")] == [
        "0.1",
        "2.13",
        {"7": ["ann, 01"]},
        "bubblewrap",
        False,
    ]
    assert stored["rows"][0]["student"] == "=ann" and stored["rows"][0]["message"] == "a\nb"
    assert tuple(stored["rows"][0]) == COLUMNS
    assert stored["counts"] == {s: int(s in ("ok", "timeout")) for s in STATUSES}
    assert stored["remarks"] == [{"student": "=ann", "lecture": "01", "remarks": ["Old."]}]
    assert stored["notes"] == ["Older."]


def test_the_line_counts_every_status() -> None:
    rows = [row(), row(exercise="01.treble", status="crashed"), row("bob", status="wrong")]
    assert report.line(rows) == (
        "2 submissions of 2 students: 1 ok, 1 wrong, 0 error, 0 timeout, 1 crashed, "
        "0 not attempted, 0 by hand."
    )


# --- names of pages --------------------------------------------------------------------------


def test_page_names_are_safe_and_never_the_same() -> None:
    students = [
        "Ann",
        "ann",
        "ANN",
        "../../etc/x",
        "a/b",
        "a:b",
        "",
        "...",
        "Zoë M",
        "x" * 300,
        "CON",
    ]
    names = report.page_names(row(student) for student in students)
    assert len({name.casefold() for name in names.values()}) == len(students)
    for name in names.values():
        assert "/" not in name and "\\" not in name and ".." not in name and len(name) < 100
        assert name.endswith(".html") and not name.startswith(".")
    assert names["Zoë M", "01"] == "Zoë-M_01.html" and names["ann", "01"] == "ann_01_2.html"


def test_unknown_lectures_and_two_lectures_have_their_pages() -> None:
    names = report.page_names(
        [row(), Row("ann", "", "", "error", 0, 0), Row("ann", "02", "", "ok", 0, 0)]
    )
    assert list(names.values()) == ["ann_01.html", "ann_unknown.html", "ann_02.html"]


# --- pages -----------------------------------------------------------------------------------

VOID = {"meta", "img", "br"}


class Reader(HTMLParser):
    """Reads a page, demanding that tags nest; keeps tags, links and visible text."""

    def __init__(self, page: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def demand_sound(page: str) -> Reader:
    """Self-contained, accessible, and without anything of a student's that acts."""
    read = Reader(page)
    tags = [tag for tag, _ in read.tags]
    assert tags.count("h1") == tags.count("main") == tags.count("title") == 1
    assert ("html", {"lang": "en"}) in read.tags
    assert not {"script", "link", "iframe", "object", "form", "base"} & set(tags)
    for tag, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert attributes.get("src", "data:").startswith("data:")
        assert attributes.get("href", "feedback/").startswith("feedback/")
        if tag == "img":
            assert attributes["alt"]
        if tag == "th":
            assert attributes["scope"] in ("row", "col")
    policy = [a["content"] for _, a in read.tags if a.get("http-equiv")]
    assert policy and "default-src 'none'" in policy[0]
    return read


ALL = [row(exercise=f"01.{s.replace(' ', '_')}", status=s, message=f"It is {s}.") for s in STATUSES]


def test_a_feedback_page_says_everything_in_words() -> None:
    page = demand_sound(report.feedback(ALL, RUN, ["The notebook has `format` 3."]))
    assert "feedback for ann" in page.text and "1 of 7 points" in page.text
    for status, (_, _, word) in LOOK.items():
        assert f": {word}, " in page.text and f"It is {status}." in page.text
    assert "format 3" in page.text and "bubblewrap" in page.text
    assert "seed" not in page.text  # it would say what is drawn
    assert page.text.count("hint(") == 3


def evil_rows() -> list[Row]:
    evil = Row(EVIL, EVIL, EVIL, "wrong", 0, 1, EVIL, EVIL + " `" + EVIL)
    return [evil, row(status="wrong", misconception="m", message=f"`{EVIL}`")]


def test_no_text_breaks_out_of_a_page() -> None:
    rows = evil_rows()
    for page in (
        report.feedback(rows[:1], RUN, [EVIL]),
        report.feedback(rows[1:], RUN),
        report.summary(rows, RUN, {(EVIL, EVIL): [EVIL]}, [EVIL]),
    ):
        assert EVIL in demand_sound(page).text


def test_a_feedback_page_names_the_lecture_and_the_time() -> None:
    about = report.HandIn("Simulators", "2026-02-03 17:05 UTC", late=True)
    page = demand_sound(report.feedback(ALL, RUN, (), about))
    text = " ".join(page.text.split())
    assert "Lecture 01, Simulators: feedback for ann" in text
    assert "Handed in 2026-02-03 17:05 UTC, late." in text
    assert "late" not in demand_sound(report.feedback(ALL, RUN)).text.split()
    page = demand_sound(report.summary(ALL, RUN, {}, [], {("ann", "01"): about}))
    assert "01 late" in " ".join(page.text.split())


def test_only_a_run_without_a_sandbox_is_stamped() -> None:
    unsafe = Run(**{**vars(RUN), "unsafe": True})
    for make in (
        lambda run: report.feedback(ALL, run),
        lambda run: report.summary(ALL, run, {}, []),
    ):
        assert "Graded without a sandbox" in demand_sound(make(unsafe)).text
        assert "Graded without a sandbox" not in make(RUN)


def test_the_summary_shows_exercises_mistakes_and_students() -> None:
    rows = [
        row(),
        row("bob", status="wrong", misconception="rare", message="A."),
        row("cid", status="wrong", misconception="common", message="B."),
        row("dan", status="wrong", misconception="common", message="C."),
        row("eve", status="wrong", misconception="common", message="C."),
        row("ann", "01.treble"),
    ]
    page = demand_sound(report.summary(rows, RUN, {("bob", "01"): ["Cells are lost."]}, ["Older."]))
    assert "33 % of all points were reached" in page.text
    assert "01.double was passed least often, by 1 of 5" in page.text
    assert page.text.index("common") < page.text.index("rare")
    assert "3 01.double common C." in " ".join(page.text.split())  # the message most were told
    assert "bob, lecture 01: Cells are lost." in page.text and "Older." in page.text
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links[0] == "feedback/ann_01.html" and len(links) == 5
    assert sum(tag == "img" for tag, _ in page.tags) == 1


def test_no_exercise_is_called_hardest_when_several_are() -> None:
    rows = [row(), row("ann", "01.treble"), row("bob"), row("bob", "01.treble", status="wrong")]
    page = demand_sound(report.summary([*rows, row("bob", "01.half")], RUN, {}, []))
    assert "Of 3 exercises, 01.treble was passed least often, by 1 of 2." in page.text
    page = demand_sound(report.summary(rows[:2], RUN, {}, []))
    assert "2 of 2 exercises were passed least often, by 1 of 1." in page.text


def test_a_class_of_which_nothing_is_known_has_a_summary() -> None:
    rows = [Row("ann", "", "", "error", 0, 0, "", "The file is empty.")]
    page = demand_sound(report.summary(rows, RUN, {}, []))
    assert "1 students" in page.text and not any(tag == "img" for tag, _ in page.tags)


def test_links_lead_to_the_pages(tmp_path: Path) -> None:
    from urllib.parse import unquote

    rows = [row("Zoë & Co #1"), row("a?b"), *evil_rows()]
    report.write(tmp_path, rows, RUN, {})
    page = demand_sound((tmp_path / "summary.html").read_text("utf-8"))
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert len(links) == 4 and all((tmp_path / unquote(link)).is_file() for link in links)


def test_what_an_earlier_run_wrote_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    report.write(tmp_path, [row("ann"), row("bob")], RUN, {})
    (tmp_path / "feedback" / "mine.html").write_text("a note")
    report.write(tmp_path, [row("bob"), row("cid")], RUN, {})
    assert {path.name for path in (tmp_path / "feedback").iterdir()} == {
        "bob_01.html",
        "cid_01.html",
        "mine.html",
    }
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {"grades.csv", "grades.json", "summary.html", "feedback", ".parts"}


def test_pages_are_drawn_in_a_browser(browser_path: str, tmp_path: Path) -> None:
    """Wide and narrow, for everyone. The pictures are kept in tests/artifacts, to be looked at."""
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    rows = [
        row(f"student {i}", f"0{lecture}.{name}", STATUSES[(i * i + lecture + len(name)) % 7])
        for i in range(6)
        for lecture, name in ((1, "inverse_cdf"), (1, "gaussian_field"), (1, "langevin_step"))
    ]
    rows.append(row("student 0", "01.evil", "wrong", misconception="evil", message=EVIL))
    report.write(tmp_path, rows, RUN, {("student 1", "01"): ["One cell was left out."]}, ["Note."])
    artifacts = Path(__file__).parent / "artifacts"
    artifacts.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path, args=browser_arguments(), chromium_sandbox=False
        )
        page = browser.new_page(viewport={"width": 900, "height": 700})
        shouted: list[str] = []
        page.on("dialog", lambda dialog: (shouted.append(dialog.message), dialog.dismiss()))
        page.on("console", lambda message: shouted.append(message.text))
        for name in ("summary", "feedback/student-0_01"):
            page.goto((tmp_path / f"{name}.html").as_uri())
            page.screenshot(path=artifacts / f"{Path(name).name}.png", full_page=True)
            for width in (900, 390):  # a telephone's too
                page.set_viewport_size({"width": width, "height": 700})
                assert page.evaluate("document.documentElement.scrollWidth") <= width
                found = Axe().run(page)
                assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        page.goto((tmp_path / "summary.html").as_uri())
        assert page.evaluate("document.images[0].naturalWidth") > 500
        page.click("text=student 0")
        assert "feedback for student 0" in page.inner_text("h1")
        browser.close()
    assert shouted == []
