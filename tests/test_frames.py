"""Sliders without a kernel: the frames that are kept, the HTML they become, and in a browser."""

import base64
import io
import json
from pathlib import Path

import pytest
from browser import browser_arguments
from firefox import ARROW_RIGHT, find_firefox, firefox
from nbformat.v4 import new_output
from PIL import Image

from course_utils.authoring import moving
from course_utils.plotting.base import FRAMES, FRAMES_VARIABLE
from course_utils.widgets import WIDGETS
from course_utils.widgets.base import (
    Live,
    choice,
    log_slider,
    pixels,
    slider,
    stops,
)
from course_utils.widgets.frames import frames, stops_of


def grey(**values: object) -> tuple[list[list[float]], str]:
    """A picture whose brightness is the first number."""
    level = next((v for v in values.values() if isinstance(v, float)), 0.0)
    said = ", ".join(
        f"{k} is {v:.2f}" if isinstance(v, float) else str(v) for k, v in values.items()
    )
    return [[level, 0.5], [0.0, 1.0]], f"Here {said} & <more>."


def widget(*steps: float) -> Live:
    """Sliders a, b, ... from 0 to 1, with these steps, each starting in the middle."""
    named = zip("abcdef", steps, strict=False)
    return pixels(grey, width=64, **{n: slider(n, 0.0, 1.0, 0.5, step=s) for n, s in named})


def test_one_slider_keeps_every_stop() -> None:
    made = frames(widget(0.1))
    (control,) = made["controls"]
    assert control["stops"] == [f"{i / 10:.1f}" for i in range(11)] and control["start"] == 5
    assert len(made["frames"]) == 11 and made["note"] == "" and not made["alone"]
    assert made["frames"]["3"][1] == "Here a is 0.30 & <more>."


def test_two_sliders_make_a_grid_that_is_thinned_around_the_start() -> None:
    made = frames(widget(0.01, 0.1))
    many, few = (control["stops"] for control in made["controls"])
    assert len(few) == 11 and 11 < len(many) <= 17 and many[0] == "0.00" and many[-1] == "1.00"
    assert many[made["controls"][0]["start"]] == "0.50"
    assert (
        len(made["frames"]) == len(many) * len(few) <= 300
        and "some of the positions" in made["note"]
    )


def test_of_three_each_moves_alone() -> None:
    made = frames(widget(0.1, 0.1, 0.5))
    assert made["alone"] and len(made["frames"]) == 10 + 10 + 2 + 1
    assert "5,5,0" in made["frames"] and "0,0,0" not in made["frames"]


def test_every_kind_of_control_has_its_stops() -> None:
    assert stops_of(stops("k", [1.0, 2.5], 1.0)) == [("1", 1.0), ("2.5", 2.5)]
    assert stops_of(choice("c", ["x", "y"], "y")) == [("x", "x"), ("y", "y")]
    assert [v for _, v in stops_of(log_slider("n", 0, 2, 10, step=1))] == [1, 10, 100]


def test_a_frame_is_the_picture_of_the_slider_there() -> None:
    live = widget(0.25)
    uri = frames(live)["frames"]["3"][0]
    head, content = uri.split(",")
    assert head == "data:image/webp;base64"
    live.move(a=0.75)
    shown = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
    assert shown.tobytes() == Image.open(io.BytesIO(live.png)).convert("RGB").tobytes()


@pytest.mark.parametrize("name", sorted(WIDGETS))
def test_every_widget_starts_at_a_stop(name: str) -> None:
    live = WIDGETS[name]()
    for key, control in live.controls.items():
        found = stops_of(control)
        assert len(found) > 1
        value = live.values[key]
        assert any(v == value or (isinstance(v, float) and abs(v - value) < 1e-9) for _, v in found)


def test_outputs_hold_frames_only_while_a_page_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    live = widget(0.5)
    assert FRAMES not in live._repr_mimebundle_()[0]
    monkeypatch.setenv(FRAMES_VARIABLE, "1")
    data = live._repr_mimebundle_()[0][FRAMES]
    assert json.loads(json.dumps(data)) == data
    made = moving.moving(new_output("display_data", {FRAMES: data}))
    assert list(made.data) == ["text/html"]
    other = new_output("display_data", {"text/plain": "3"})
    assert moving.moving(other) is other


def test_the_page_is_escaped_and_shows_a_still_without_script() -> None:
    page = moving.html(frames(widget(0.5)))
    assert "Here a is 0.50 &amp; &lt;more&gt;." in page and "<more>" not in page.split("<script")[0]
    assert page.count("</script>") == 2 and 'class="course-controls" hidden' in page


def test_a_slider_moves_in_a_page_without_network_and_kernel(
    tmp_path: Path, browser_path: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    page_file = tmp_path / "page.html"
    both = moving.html(frames(widget(0.25, 0.5, 0.5))) + moving.html(frames(widget(0.25)))
    page_file.write_text(f"<!doctype html><meta charset=utf-8>{both}", "utf-8")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=browser_arguments())
        page = browser.new_page(offline=True)
        page.goto(page_file.as_uri())
        three, one = page.locator("figure").all()
        before = one.locator("img").get_attribute("src")
        one.get_by_role("slider", name="a").press("ArrowRight")
        assert one.get_by_role("status").text_content() == "Here a is 0.75 & <more>."
        assert one.locator("img").get_attribute("alt") == "Here a is 0.75 & <more>."
        assert one.locator("img").get_attribute("src") != before
        assert one.get_by_role("slider").get_attribute("aria-valuetext") == "0.75"
        three.get_by_role("slider", name="a").press("Home")
        three.get_by_role("slider", name="b").press("Home")
        assert three.get_by_role("status").text_content().startswith("Here a is 0.50, b is 0.00")
        found = Axe().run(page, context="figure")  # the rest is the page's affair
        assert not found.violations_count, found.generate_report()
        browser.close()


@pytest.mark.skipif(not find_firefox(), reason="no Firefox is installed here")
def test_a_slider_moves_in_firefox(tmp_path: Path) -> None:
    page_file = tmp_path / "page.html"
    text = f"<!doctype html><meta charset=utf-8>{moving.html(frames(widget(0.25)))}"
    page_file.write_text(text, "utf-8")
    seen = """(() => { const f = document.querySelector("figure"), i = f.querySelector("img");
        return [f.querySelector("[role=status]").textContent, i.alt, i.src,
            f.querySelector("input").getAttribute("aria-valuetext")]; })()"""
    with firefox(find_firefox()) as page:
        page.open(page_file.as_uri())
        before = page.evaluate(seen)
        page.evaluate("document.querySelector('figure input').focus()")
        page.press(ARROW_RIGHT)
        sentence, alt, source, value = page.evaluate(seen)
    assert before[0] == "Here a is 0.50 & <more>."
    assert sentence == alt == "Here a is 0.75 & <more>." and value == "0.75"
    assert source != before[2]
