"""The site: every page is there, no link dangles, axe finds nothing, and it needs no network.

It is made here from the stored outputs, and three pages are looked at. Where `course site DIR` has
made one, in which widgets move, `COURSE_SITE=DIR pytest tests/test_site.py` looks at all its pages.
"""

import os
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from browser import browser_arguments
from nbformat import reads
from nbformat.v4 import new_markdown_cell

from course_utils.authoring import site, terms
from course_utils.lectures import LectureError, normal_form, read

ROOT = Path(__file__).parents[1]
LECTURES = sorted((ROOT / "solutions").glob("*.ipynb"))
GITHUB = "https://github.com/someone/course"
MADE = os.environ.get("COURSE_SITE", "")
LECTURE_06 = "lectures/06_variational_autoencoders.html"
LOOKED_AT = ("index.html", LECTURE_06, "reference/inference.html")
PHONE, DESKTOP = (390, 844), (1280, 800)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if MADE:
        return Path(MADE).resolve()
    out = tmp_path_factory.mktemp("site") / "out"
    assert "pages in" in site.site(ROOT, out, stills=True)
    return out


@pytest.fixture(scope="module")
def browser(browser_path: str) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=browser_arguments())
        yield browser
        browser.close()


def opened(browser: Any, file: Path, screen: tuple[int, int], colours: str = "light") -> Any:
    """A page of the site in the browser, with its formulas."""
    width, height = screen
    size = {"width": width, "height": height}
    page = browser.new_page(
        viewport=size, color_scheme=colours, reduced_motion="reduce", offline=True
    )
    page.goto(file.as_uri())
    page.evaluate("window.MathJax?.startup?.promise.then(() => 0)")
    return page


class Page(HTMLParser):
    """Where a page's links and pictures lead, and the places in it that links may name."""

    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.places |= {value for value in (named.get("id"), named.get("name")) if value}
        wanted = named.get("href") if tag in ("a", "link") else named.get("src")
        if wanted:
            self.targets.append(wanted)


def parsed(file: Path) -> Page:
    page = Page()
    page.feed(re.sub(r"<script.*?</script>", "", file.read_text("utf-8"), flags=re.DOTALL))
    return page


def dangling(out: Path) -> Iterator[str]:
    pages = {
        file.resolve(): parsed(file) for file in out.rglob("*.html") if "_static" not in file.parts
    }
    for file, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            there = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            if not there.exists() or (
                parts.fragment
                and there in pages
                and unquote(parts.fragment) not in pages[there].places
            ):
                yield f"{file.name}: {target}"


def test_every_lecture_has_a_page_a_deck_and_a_notebook(built: Path) -> None:
    for path in LECTURES:
        assert (built / "lectures" / f"{path.stem}.html").exists()
        assert (built / "slides" / f"{path.stem}.html").exists()
        student = (built / "notebooks" / path.name).read_text("utf-8")
        assert student == (ROOT / "notebooks" / path.name).read_text("utf-8")
    assert all((built / "reference" / f"{room}.html").exists() for room in site.REFERENCE)


def test_no_link_dangles(built: Path) -> None:
    assert list(dangling(built)) == []


def test_a_dangling_link_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<a href="b.html">b</a><a href="#c">c</a><p id="d">')
    assert list(dangling(tmp_path)) == ["a.html: b.html", "a.html: #c"]


def test_no_answer_is_on_the_site(built: Path) -> None:
    for file in [*built.rglob("*.html"), *built.rglob("*.ipynb"), *built.rglob("*.js")]:
        assert "END SOLUTION" not in file.read_text("utf-8", errors="replace"), file.name


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("screen", [PHONE, DESKTOP], ids=str)
def test_pages_are_sound_for_everyone_and_fetch_nothing(
    built: Path, browser: Any, screen: tuple[int, int], colours: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    files = [file for file in built.rglob("*.html") if "_static" not in file.parts]
    faults = {}
    for file in files if MADE else [built / name for name in LOOKED_AT]:
        page = opened(browser, file, screen, colours)
        found = Axe().run(page)
        if found.violations_count:
            faults[file.name] = found.generate_report()
        if page.evaluate("document.documentElement.scrollWidth") > screen[0]:
            faults[f"{file.name} is wider"] = ""
        fetched = "performance.getEntriesByType('resource').map((entry) => entry.name)"
        if away := [
            url for url in page.evaluate(fetched) if not url.startswith(("file:", "data:"))
        ]:
            faults[f"{file.name} fetches"] = str(away)
        page.close()
    assert faults == {}, "\n".join(faults.values())


def test_pages_stay_small_enough_to_be_loaded(built: Path) -> None:
    """In millions of bytes; a deck carries reveal.js and MathJax, about 2.5 of them."""
    moving, still = {"lectures": 10, "slides": 13}, {"lectures": 3, "slides": 5}
    for room, most in (moving if MADE else still).items():
        sizes = {file.name: file.stat().st_size / 1e6 for file in (built / room).glob("*.html")}
        assert len(sizes) == len(LECTURES)
        assert {name: size for name, size in sizes.items() if size > most} == {}


def test_the_search_works_from_a_plain_folder(built: Path, browser: Any) -> None:
    page = opened(browser, built / "search.html", DESKTOP)
    page.goto(f"{page.url}?q=posterior")
    page.locator("#search-results li a", has_text="06 Variational autoencoders").first.click()
    page.wait_for_url(f"**/{LECTURE_06}*")
    page.close()


@pytest.mark.skipif(not MADE, reason="no COURSE_SITE: here widgets stand still")
def test_a_slider_moves_on_a_phone(built: Path, browser: Any) -> None:
    page = opened(browser, built / LECTURE_06, PHONE)
    for figure in page.locator("figure.course-frames").all():
        picture, sentence = figure.locator("img"), figure.get_by_role("status")
        for slider in figure.get_by_role("slider").all():
            before = picture.get_attribute("src"), sentence.text_content()
            slider.press("End")
            after = picture.get_attribute("src"), sentence.text_content()
            assert all(a != b for a, b in zip(after, before, strict=True))
            assert picture.get_attribute("alt") == after[1]
        assert picture.bounding_box()["width"] <= PHONE[0]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    page.close()


# --- its parts --------------------------------------------------------------------------------


def test_links_name_colab_and_binder_where_the_repository_is_known() -> None:
    assert "Colab" not in site.links("03_autoencoders.ipynb", "")
    with_all = site.links("03_autoencoders.ipynb", GITHUB)
    assert "colab.research.google.com/github/someone/course/blob/main/notebooks/03_" in with_all
    assert "mybinder.org/v2/gh/someone/course/main?urlpath=lab/tree/notebooks/03_" in with_all
    elsewhere = site.links("03_autoencoders.ipynb", "https://example.org/course")
    assert "Colab" not in elsewhere and "Repository" in elsewhere


def test_the_first_cell_for_colab_rests_elsewhere() -> None:
    text = (ROOT / "notebooks" / LECTURES[0].name).read_text("utf-8")
    assert site.with_bootstrap(text, "") == text
    first = reads(site.with_bootstrap(text, GITHUB), as_version=4).cells[0]
    assert "--no-deps" in first.source and f"git+{GITHUB}" in first.source
    assert first.source.index('if "google.colab" in sys.modules') < first.source.index("%pip")


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("")
    with pytest.raises(LectureError, match="not empty"):
        site.site(ROOT, tmp_path, stills=True)


def test_title_and_question() -> None:
    title, question = site.title_and_question(read(LECTURES[1]))
    assert title.startswith("01 Simulators") and question.endswith("?")


def test_terms_are_the_bold_words_where_they_are_explained() -> None:
    one = normal_form(
        [new_markdown_cell("A **Latent variable** is. **Predict**: what? **3 of 4**", id="a")], "04"
    )
    two = normal_form([new_markdown_cell("Many **latent variables**, one **ELBO**.", id="b")], "05")
    assert terms.terms({"04_x": one, "05_y": two}) == {
        "ELBO": ["05_y"],
        "latent variables": ["04_x", "05_y"],
    }
    page = terms.page({"04_x": one, "05_y": two}, "lectures/")
    assert "- latent variables: [04](lectures/04_x.ipynb), [05](lectures/05_y.ipynb)" in page


def test_the_index_has_the_fields_standard_names() -> None:
    found = terms.terms({path.stem: read(path) for path in LECTURES})
    assert len(found) > 50
    assert {term: stems for term, stems in found.items() if len(stems) > 4} == {}
