"""Tables as text and as HTML."""

import pytest

from course_utils import tables

HEADER, ROWS = ("model", "nats"), [("a < b", "1.00"), ("c", "-12.50")]


def test_columns_are_aligned_and_have_no_blanks_at_the_end() -> None:
    shown = tables.as_text(HEADER, ROWS, left=(0,)).splitlines()
    assert shown == ["model    nats", "-------------", "a < b    1.00", "c      -12.50"]
    assert tables.as_text(HEADER, ROWS, left=(1,)).splitlines()[2] == "a < b  1.00"


def test_html_is_escaped_aligned_and_earlier_rows_stand_back() -> None:
    shown = tables.as_html(HEADER, ROWS, left=(0,), faded=[1])
    assert '<td style="text-align:left">a &lt; b</td><td style="text-align:right">1.00' in shown
    assert '<tr style="opacity:0.65"><td style="text-align:left">c</td>' in shown
    assert shown.count("opacity") == 1 and shown.count("<tr") == 3


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        tables.as_text(HEADER, [("a", "1", "2")], left=())
