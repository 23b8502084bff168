"""Numbers that stand in several places: rows of the ledger, and what is quoted from elsewhere.

The outputs are read as they are stored. nbval proves that each lecture still prints its own; here
they are compared with each other.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
import torch

from course_utils.authoring.execute import texts
from course_utils.lectures import lecture_of, read
from course_utils.ledger import KNOWN
from course_utils.simulators.sprites import enumerated_factors, enumerated_sprites

ROOT = Path(__file__).parents[1]
LECTURES = {lecture_of(path): path for path in sorted((ROOT / "solutions").glob("*.ipynb"))}
ROW = re.compile(
    r"^(?P<lecture>\d\d)\s+(?P<name>\S.*?)\s{2,}(?P<rest>.*\s(?:exact|bound|estimate))$",
    re.MULTILINE,
)


@cache
def printed(lecture: str) -> str:
    """All text that the cells of a lecture print or show."""
    outputs = (
        output for cell in read(LECTURES[lecture]).cells for output in cell.get("outputs", [])
    )
    return "\n".join(text for output in outputs for text in texts(output).values())


@cache
def written(place: str) -> str:
    """What a reader finds there: prose and outputs of a lecture, or a page of the documentation."""
    if place not in LECTURES:
        return (ROOT / place).read_text(encoding="utf-8")
    prose = (cell.source for cell in read(LECTURES[place]).cells if cell.cell_type == "markdown")
    return "\n".join([*prose, printed(place)])


def rows(text: str) -> dict[tuple[str, str], set[tuple[str, ...]]]:
    """The rows of all ledgers in a text, by lecture and name: the values they are given there."""
    found: dict[tuple[str, str], set[tuple[str, ...]]] = {}
    for row in ROW.finditer(text):
        values = tuple(row["rest"].replace("≤ ", "≤").replace("≈ ", "≈").split())
        found.setdefault((row["lecture"], row["name"]), set()).add(values)
    return found


def known_rows() -> dict[tuple[str, str], tuple[str, ...]]:
    """The rows with which later lectures open, as a table shows them."""
    return {
        (entry.lecture, entry.name): tuple(cell.replace(" ", "") for cell in entry.cells()[2:])
        for entry in KNOWN
    }


# ------------------------------------------------------------------------------ the ledger


@pytest.mark.parametrize("lecture", LECTURES)
def test_a_row_of_the_ledger_is_the_same_wherever_it_stands(lecture: str) -> None:
    known = known_rows()
    for row, values in rows(printed(lecture)).items():
        assert len(values) == 1, f"{row} has several values in one lecture: {values}"
        if row in known:
            assert values == {known[row]}, f"lecture {lecture}, {row}"
        else:  # a reader's own model, or one of the last lecture that has a ledger
            assert row[0] == lecture


def test_the_ledgers_are_found() -> None:
    counts = {lecture: len(rows(printed(lecture))) for lecture in LECTURES}
    assert {lecture: n for lecture, n in counts.items() if n} == {
        "02": 4,
        "04": 9,
        "06": 13,
        "09": 15,
    }


def test_another_value_is_noticed() -> None:
    table = "04  decoder, K = 2  42180   9.28   0.15  exact\n06  VAE   59460  ≤ 5.91   0.10  bound"
    assert rows(table) == {
        ("04", "decoder, K = 2"): {("42180", "9.28", "0.15", "exact")},
        ("06", "VAE"): {("59460", "≤5.91", "0.10", "bound")},
    }
    assert len(rows(table + "\n" + table.replace("9.28", "9.52"))[("04", "decoder, K = 2")]) == 2


# ------------------------------------------------------------------------------ quotations


@dataclass(frozen=True)
class Quote:
    """A number that `place` quotes in these words, and where a lecture prints it."""

    place: str
    words: str  # as they stand there, the number in braces
    lecture: str
    line: str  # of its output, the number as a group
    factor: float = 1.0  # 100 where per cent are quoted

    def __str__(self) -> str:
        return f"{self.place}: {self.words}"


TRUTH = r"truth: H = (\d+\.\d+) "
COINS = r"fair coins: (\d+\.\d+) nats"
PRODUCT = r"product of Bernoullis +196 +(\d+\.\d+)"
POPULATION = r"kT = 20: .* = (\d\.\d+)"
QUOTES = [
    Quote("06", "From {136} nats, a fair coin for each pixel", "01", COINS),
    Quote("06", "{40.8} nats above the entropy of 24.9", "02", PRODUCT),
    Quote("06", "nats above the entropy of {24.9}", "01", TRUTH),
    Quote("06", "the decoder of lecture 04: {9.3}", "04", r"on a grid +42180 +(\d+\.\d+)"),
    Quote("07", "exactly {0.802}", "01", POPULATION),
    Quote("07", "deep basin, exact: {0.802}", "01", POPULATION),
    Quote("08", "one of {296} sprites", "01", r"one of M = (\d+) templates"),
    Quote("08", "flipped with probability {0.02}", "01", r"probability f = (\d\.\d+)"),
    Quote("08", "entropy {24.90}", "01", TRUTH),
    Quote("09", "A draw of her own surprises nature by {24.9} nats", "01", TRUTH),
    Quote("09", "surprises her by {24.9} nats on average", "01", TRUTH),
    Quote("09", "population ({0.802})", "01", POPULATION),
    Quote("09", "from {111} nats above the truth", "02", r"fair coin .* 0 +(\d+\.\d+)"),
    Quote("09", "and {4.7} for the best network", "09", r"autoregressive +120366 +(\d+\.\d+)"),
    Quote("11", "{80.2} % of the molecules are bent", "01", POPULATION, 100),
    Quote("11", "exact            {0.802}", "01", POPULATION),
    Quote("docs/when_it_does_not_train.md", "({136} for 14 x 14)", "01", COINS),
]


def faults(quote: Quote, text: str, output: str) -> str:
    """What is wrong with a quotation in a text, given the output that it quotes; or nothing."""
    number = re.search(r"{(.*)}", quote.words)[1]
    words = quote.words.replace("{", "").replace("}", "")
    if words not in text:
        return f"{words!r} is not there any more"
    found = re.findall(quote.line, output)
    if not found:
        return f"lecture {quote.lecture} prints no line {quote.line!r}"
    digits = len(number.partition(".")[2])
    wrong = [n for n in found if f"{quote.factor * float(n):.{digits}f}" != number]
    return f"{number} is quoted, {', '.join(wrong)} is printed" if wrong else ""


@pytest.mark.parametrize("quote", QUOTES, ids=str)
def test_what_is_quoted_is_what_is_printed(quote: Quote) -> None:
    assert not faults(quote, written(quote.place), printed(quote.lecture))


def test_the_66_nats_of_independent_pixels() -> None:
    entropy, above = (
        float(re.search(line, printed(n))[1]) for line, n in ((TRUTH, "01"), (PRODUCT, "02"))
    )
    assert f"{entropy + above:.0f}" == "66"
    for place in ("06", "docs/when_it_does_not_train.md"):
        assert re.search(r"\b66\b", written(place))


def test_small_sprites_differ_less_in_shape_than_in_place() -> None:
    """What lecture 06 says of its plane, in pixels: other shape here, same shape next door."""
    assert "Small sprites of two shapes at one place differ in fewer pixels" in written("06")
    causes, pictures = enumerated_factors(), enumerated_sprites(14).templates
    shape, scale, x, y = (causes[name] for name in ("shape", "scale", "x", "y"))
    pixels = torch.cdist(pictures, pictures, p=1)
    apart = torch.hypot(x[:, None] - x, y[:, None] - y)
    small = (scale == scale.min())[:, None] & (scale == scale.min())
    alike = shape[:, None] == shape
    step = apart[small & (apart > 0)].min()
    here = pixels[small & ~alike & (apart == 0)]
    next_door = pixels[small & alike & (apart > 0) & (apart < 1.01 * step)]
    assert here.mean() < next_door.mean() - 1  # 7 against 10 pixels, and no draw in either


def test_a_wrong_quotation_is_noticed() -> None:
    quote = Quote("09", "from {111} nats", "02", r"coin (\d+\.\d+)")
    assert faults(quote, "from 111 nats", "coin 110.94") == ""
    assert "is printed" in faults(quote, "from 111 nats", "coin 112.03")
    assert "not there" in faults(quote, "from 112 nats", "coin 110.94")
    assert "prints no line" in faults(quote, "from 111 nats", "dice 110.94")
