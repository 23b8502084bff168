"""08.ans_pop: the way back, and a draw."""

from bisect import bisect_left, bisect_right
from typing import NamedTuple

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

exercise = Exercise(
    "08.ans_pop",
    "state int, starts ints, precision int -> int, int",
    place=7,
    proves="The symbol is the one whose interval the low bits lie in, and pushing and popping undo "
    "each other in both orders: for fresh tables of 3 to 300 symbols, a certain one, the edges of "
    "each interval, states of a single symbol, and states of 200 and 2000 bits.",
    hints=(
        "Which part of the state told the decoder the symbol? Take it, and look in `starts` "
        "between which two entries it lies.",
        "The rest is solving for the old state. In `ans_push` the high bits are the quotient by "
        "`freq`, and the low bits `start` plus the remainder: read both off the new state.",
        "A number is freq times its quotient plus its remainder. What is the symbol's `freq`, in "
        "terms of `starts`?",
    ),
    twin="course_utils.compression:ans_pop",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for precision in draw.sizes(3, 4, 8):
        starts = random_starts(draw.integer(3, 7), precision, draw)
        high = draw.integer(10**3, 10**5) << precision
        edges = [high + slot for slot in (*starts[:-1], starts[1] - 1, starts[-1] - 1)]
        # Below 2^precision there is nothing above the slot, and still a symbol to pop.
        low = (0, draw.integer(starts[1], starts[-1] - 1), starts[-1] - 1)
        asked += [
            (state, starts, precision) for state in (*edges, draw.integer(10**4, 10**6), *low)
        ]
    answers = [f(*case) for case in asked]
    for (state, starts, precision), (symbol, _) in zip(asked, answers, strict=True):
        slot = state % 2**precision
        law(
            0 <= symbol < len(starts) - 1 and starts[symbol] <= slot < starts[symbol + 1],
            "The first value should be the symbol in whose interval the low bits of the state lie, "
            "from its start up to, but not including, the next one's.",
            "wrong-symbol",
        )
    for (state, starts, precision), (symbol, earlier) in zip(asked, answers, strict=True):
        law(
            earlier >= 0 and push(symbol, earlier, starts, precision) == state,
            "The symbol is right, and pushing it onto the state that you return does not give back "
            "the state that came in.",
            "not-undone",
        )
    precision = draw.integer(9, 12)
    starts = random_starts(draw.integer(200, 300), precision, draw)
    for bits in (200, 2000):
        earlier = (draw.integer(2**39, 2**40) << bits - 40) + 2 * draw.integer(1, 2**30) + 1
        symbol = draw.integer(100, len(starts) - 2)  # far beyond 64 of them
        law(
            f(push(symbol, earlier, starts, precision), starts, precision) == (symbol, earlier),
            f"Right for small states, and for one of {bits} bits, with a few hundred symbols, what "
            "was pushed does not come back: keep to whole numbers, in plain Python.",
            "loses-digits",
        )
    state = draw.integer(10**4, 10**6)
    law(
        f(state, [0, 2**precision], precision) == (0, state),
        "A symbol that is certain tells nothing: it is symbol 0, and the state should stay as it "
        "is.",
        "certain-symbol",
    )


def random_starts(symbols: int, precision: int, draw: Draw) -> list[int]:
    """A table of that many symbols, none of them empty; the first owns at least two slots."""
    slots = {0, 2**precision}
    while len(slots) < symbols + 1:
        slots.add(draw.integer(2, 2**precision - 1))
    return sorted(slots)


def push(symbol: int, state: int, starts: list[int], precision: int) -> int:
    freq = starts[symbol + 1] - starts[symbol]
    return (state // freq << precision) + state % freq + starts[symbol]


class Top(NamedTuple):
    """What the low bits of a state tell, and its high bits."""

    symbol: int
    start: int
    freq: int
    slot: int
    high: int


def top(state: int, starts: list[int], precision: int) -> Top:
    high, slot = divmod(state, 2**precision)
    symbol = bisect_right(starts, slot) - 1
    return Top(symbol, starts[symbol], starts[symbol + 1] - starts[symbol], slot, high)


@mistake("swapped")
def _(state, starts, precision):
    """Both values are right and in the wrong order: the symbol comes first."""
    t = top(state, starts, precision)
    return t.freq * t.high + t.slot - t.start, t.symbol


@mistake("next-symbol")
def _(state, starts, precision):
    """The symbol is the next one: what is searched for lies before the entry that is found."""
    slot = state % 2**precision
    symbol = bisect_right(starts, slot)
    freq = starts[min(symbol + 1, len(starts) - 1)] - starts[symbol]
    return symbol, freq * (state >> precision) + slot - starts[symbol]


@mistake("next-symbol")
def _(state, starts, precision):
    """The symbol that is returned is the next one, although the state is right: count from 0."""
    t = top(state, starts, precision)
    return t.symbol + 1, t.freq * t.high + t.slot - t.start


@mistake("edge")
def _(state, starts, precision):
    """The first slot of an interval is given to the symbol before: an interval holds its start, and
    not its end."""
    slot = state % 2**precision
    symbol = max(bisect_left(starts, slot) - 1, 0)
    freq = starts[symbol + 1] - starts[symbol]
    return symbol, freq * (state >> precision) + slot - starts[symbol]


@mistake("slot")
def _(state, starts, precision):
    """The first value is the slot, the low bits of the state: which symbol owns it is wanted."""
    t = top(state, starts, precision)
    return t.slot, t.freq * t.high + t.slot - t.start


@mistake("start-for-symbol")
def _(state, starts, precision):
    """The first value is where the symbol's interval starts: its place in `starts` is wanted."""
    t = top(state, starts, precision)
    return t.start, t.freq * t.high + t.slot - t.start


@mistake("no-start")
def _(state, starts, precision):
    """The start of the interval is not subtracted: what the low bits hold is the place inside the
    interval, from its start on."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * t.high + t.slot


@mistake("start-sign")
def _(state, starts, precision):
    """The start of the interval is added: that happened when the symbol was pushed."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * t.high + t.slot + t.start


@mistake("no-remainder")
def _(state, starts, precision):
    """The place inside the interval is lost: it is the remainder of the old state, add it."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * t.high


@mistake("high-bits-only")
def _(state, starts, precision):
    """The low bits are thrown away: this pops `precision` bits for every symbol, however frequent
    it is."""
    t = top(state, starts, precision)
    return t.symbol, t.high


@mistake("not-multiplied")
def _(state, starts, precision):
    """The high bits are not multiplied by the symbol's frequency, by which `ans_push` divided."""
    t = top(state, starts, precision)
    return t.symbol, t.high + t.slot - t.start


@mistake("not-shifted")
def _(state, starts, precision):
    """The whole state is multiplied by the frequency: only its high bits are, without the
    `precision` low ones."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * state + t.slot - t.start


@mistake("pushes")
def _(state, starts, precision):
    """This pushes the symbol once more: divide and multiply the other way round."""
    t = top(state, starts, precision)
    return t.symbol, (state // t.freq << precision) + state % t.freq + t.start


@mistake("remainder-by-freq")
def _(state, starts, precision):
    """The remainder is taken by the frequency: the place inside the interval is in the low
    `precision` bits."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * t.high + state % t.freq


@mistake("end-for-frequency")
def _(state, starts, precision):
    """The end of the interval stands where its length belongs: the frequency is the next start less
    this one."""
    t = top(state, starts, precision)
    return t.symbol, starts[t.symbol + 1] * t.high + t.slot - t.start


@mistake("caret")
def _(state, starts, precision):
    """`2 ^ precision` is not a power in Python, but a bitwise exclusive or: write
    `2**precision`."""
    slot = state % (2 ^ precision)
    symbol = bisect_right(starts, slot) - 1
    freq = starts[symbol + 1] - starts[symbol]
    return symbol, freq * (state // (2 ^ precision)) + slot - starts[symbol]


@mistake("precision-as-total")
def _(state, starts, precision):
    """`precision` is used as the number of slots: there are 2^precision of them."""
    slot = state % precision
    symbol = bisect_right(starts, slot) - 1
    freq = starts[symbol + 1] - starts[symbol]
    return symbol, freq * (state // precision) + slot - starts[symbol]


@mistake("float-division")
def _(state, starts, precision):
    """`int(a / b)` goes through a float, which holds 16 digits, and the state has many more: divide
    whole numbers with `//`, or shift."""
    t = top(state, starts, precision)
    return t.symbol, t.freq * int(state / 2**precision) + t.slot - t.start


@mistake("word-size")
def _(state, starts, precision):
    """The state is cut off at 64 bits: a Python int may grow, and here it holds the whole
    message."""
    t = top(state, starts, precision)
    return t.symbol, (t.freq * t.high + t.slot - t.start) % 2**64
