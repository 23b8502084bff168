"""A reader's afternoon in a real browser: JupyterLab, a slider, an exercise wrong and right.

The pictures the test saw are kept in tests/artifacts/ (ignored by git). Lecture 00 is looked at by
axe, for readers who see little or nothing; `COURSE_ALL_LAB=1 pytest tests/test_browser.py` does so
with 01 and 06 too.
"""

import contextlib
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from browser import browser_arguments

playwright = pytest.importorskip("playwright.sync_api")

ROOT = Path(__file__).parents[1]
NOTEBOOKS = {path.name[:2]: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
HEARD = ("00", "01", "06") if os.environ.get("COURSE_ALL_LAB") else ("00",)
ARTIFACTS = Path(__file__).with_name("artifacts")
MINUTE = 60_000  # Playwright counts milliseconds

WRONG = "def inverse_cdf(u):\n    return 2 * u - 1\n\n\ncheck('01.inverse_cdf', inverse_cdf)"
RIGHT = WRONG.replace("2 * u - 1", "2 * torch.sinh(torch.asinh(4 * u - 2) / 3)")


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """A JupyterLab over a copy of the student's notebooks: its addresses, with `{}` for a path."""
    folder = tmp_path_factory.mktemp("student")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(8)
    command = [
        sys.executable,
        "-m",
        "jupyter",
        "lab",
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        "--LabApp.expose_app_in_browser=True",  # to change its theme
    ]
    # JupyterLab leaves cells out of the page that are far from view; a test wants them all.
    settings = folder / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    own = {
        name: str(folder / name)
        for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")
    }
    # Nor should it ask whether it may fetch its news.
    labconfig = folder / "JUPYTER_CONFIG_DIR" / "labconfig"
    labconfig.mkdir(parents=True)
    news = {"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": True}}
    (labconfig / "page_config.json").write_text(json.dumps(news))
    environment = {**os.environ, **own, "COURSE_PROGRESS_FILE": ""}
    log = (folder / "lab.log").open("w")
    server = subprocess.Popen(
        command, cwd=folder / "notebooks", env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={token}", server)
        yield f"http://127.0.0.1:{port}/lab/{{}}?token={token}"
    finally:
        server.terminate()
        server.wait(timeout=30)
        log.close()


def _wait_for(address: str, server: subprocess.Popen) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, "JupyterLab ended before it answered"
        try:
            urllib.request.urlopen(address, timeout=2)
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError("JupyterLab did not answer within a minute")


@pytest.fixture(scope="module")
def context(browser_path, tmp_path_factory) -> Iterator["playwright.BrowserContext"]:
    with playwright.sync_playwright() as p:
        context = p.chromium.launch_persistent_context(
            str(tmp_path_factory.mktemp("profile")),
            executable_path=browser_path,
            args=browser_arguments(),
            viewport={"width": 1300, "height": 1000},
        )
        yield context
        context.close()


@pytest.fixture(scope="module")
def page(lab, context) -> "playwright.Page":
    """Lecture 01, open and run from top to bottom."""
    return _opened(lab, context, "01")


def _opened(lab: str, context: "playwright.BrowserContext", number: str) -> "playwright.Page":
    """A lecture in a workspace of its own, run from top to bottom."""
    page = context.new_page()
    page.goto(lab.format(f"workspaces/of-{number}/tree/{NOTEBOOKS[number].name}"))
    page.wait_for_selector(
        '.jp-Notebook-ExecutionIndicator[data-status="idle"]', timeout=2 * MINUTE
    )
    _run_all(page, number)
    return page


def _run_all(page: "playwright.Page", number: str) -> None:
    """Run all cells from the menu and wait for the last.

    JupyterLab shows an idle kernel before it has one; asked to run then, it asks for a kernel in
    turn and forgets the cells, and on a busy machine it loses a click. So it is answered, and
    asked again.
    """
    cells = _code_cells(number)
    prompts = "[...document.querySelectorAll('.jp-Notebook .jp-InputPrompt')]"
    page.wait_for_function(f"{prompts}.length >= {cells}", timeout=2 * MINUTE)
    running = f"{prompts}.some(e => /[*\\d]/.test(e.textContent))"
    last = f"{prompts}.some(e => e.textContent.trim() === '[{cells}]:')"
    try:
        for _ in range(10):
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_text("Run All Cells", exact=True).click()
            begun = f"document.querySelector('.jp-Dialog') || {running}"
            with contextlib.suppress(playwright.TimeoutError):  # or the click was lost: once more
                page.wait_for_function(begun, timeout=MINUTE / 2)
            if page.evaluate(running):
                break
            if page.locator(".jp-Dialog").count():
                page.locator(".jp-Dialog button.jp-mod-accept").click()
                page.wait_for_selector(".jp-Dialog", state="detached")
        page.wait_for_function(last, timeout=3 * MINUTE)
    except playwright.TimeoutError:
        _keep(page, "stuck")
        raise


def _code_cells(number: str) -> int:
    notebook = nbformat.read(NOTEBOOKS[number], as_version=4)
    return sum(cell.cell_type == "code" for cell in notebook.cells)


def _cell(page: "playwright.Page", text: str) -> "playwright.Locator":
    """The code cell that contains this text, scrolled into view."""
    cell = page.locator(".jp-CodeCell", has_text=text).first
    cell.scroll_into_view_if_needed()
    return cell


def _keep(page: "playwright.Page", name: str) -> None:
    ARTIFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTIFACTS / f"{name}.png")


def test_a_slider_changes_picture_and_sentence(page):
    cell = _cell(page, "widgets.asymmetry()")
    picture = cell.locator("img.widget-image")
    sentence = cell.get_by_role("status").first
    playwright.expect(sentence).to_contain_text("A_FB = 0.30", timeout=MINUTE)
    before = picture.get_attribute("src")
    handle = cell.locator(".noUi-handle").first
    handle.focus()
    for _ in range(3):
        handle.press("ArrowRight")
    playwright.expect(sentence).to_contain_text("A_FB = 0.45", timeout=MINUTE)
    playwright.expect(picture).not_to_have_attribute("src", before)
    _keep(page, "slider")


@pytest.mark.parametrize(
    ("answer", "word", "says"),
    [
        (WRONG, "not yet", "draws from a flat density"),
        (RIGHT, "passed", "F(c(u)) = u"),
    ],
    ids=["wrong", "right"],
)
def test_the_card_says_what_it_sees(page, answer, word, says):
    cell = _cell(page, "def inverse_cdf")
    cell.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(answer)
    page.keyboard.press("ControlOrMeta+Enter")
    card = cell.get_by_role("status")
    playwright.expect(card).to_contain_text(f"01.inverse_cdf: {word}", timeout=MINUTE)
    playwright.expect(card).to_contain_text(says)
    _keep(page, f"card-{word.replace(' ', '-')}")


def test_nothing_failed(page):
    """No cell of the untouched lecture shows an error or a warning."""
    wrong = page.locator('.jp-OutputArea-output[data-mime-type="application/vnd.jupyter.stderr"]')
    assert [text for text in wrong.all_inner_texts() if text.strip()] == []


# --- for readers who see little or nothing ----------------------------------------------------

# Of the outputs that can be seen: pictures as [alternative text, sentence under a widget's],
# sliders as [label, name, value shown, value said].
TOLD = """() => {
  const seen = (found) => [...document.querySelectorAll(`.jp-OutputArea-output ${found}`)].filter(
    (element) => element.offsetParent);
  const text = (element, found) => element && element.querySelector(found)?.textContent.trim();
  return {
    pictures: seen("img").map((image) => [image.alt,
      image.matches(".widget-image") ? text(image.closest(".widget-vbox"), "[role=status]")
        : image.alt]),
    sliders: seen(".widget-slider").map((slider) => {
      const handle = slider.querySelector("[role=slider]");
      return [text(slider, ".widget-label"), handle.ariaLabel, text(slider, ".widget-readout"),
        handle.getAttribute("aria-valuetext")];
    }),
  };
}"""
THEMES = {"JupyterLab Light": "true", "JupyterLab Dark": "false"}


@pytest.mark.parametrize("number", HEARD)
def test_outputs_are_sound_for_everyone(lab, context, number):
    """axe finds no fault in them, pictures say what they show, sliders their name and value."""
    from axe_playwright_python.sync_playwright import Axe

    page = _opened(lab, context, number)
    for theme, light in THEMES.items():
        change = "theme => jupyterapp.commands.execute('apputils:change-theme', {theme})"
        page.evaluate(change, theme)
        page.wait_for_selector(f'body[data-jp-theme-light="{light}"]', state="attached")
        found = Axe().run(page, context={"include": [[".jp-OutputArea-output"]]})
        _keep(page, f"lab-{number}-{theme.split()[1].lower()}")
        assert found.violations_count == 0, f"{theme}: {found.generate_report()}"
    told = page.evaluate(TOLD)
    assert told["pictures"] and all(alt and alt == said for alt, said in told["pictures"])
    assert told["sliders"]
    for label, name, shown, said in told["sliders"]:
        assert label and shown and (name, said) == (label, shown)
    handle = page.locator(".jp-OutputArea-output .noUi-handle").first
    handle.press("ArrowRight")
    playwright.expect(handle).not_to_have_attribute("aria-valuetext", told["sliders"][0][3])
    _, _, shown, said = page.evaluate(TOLD)["sliders"][0]
    assert said == shown
    page.close()
