"""08.ans_push: a symbol becomes bits, by school arithmetic."""

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

exercise = Exercise(
    "08.ans_push",
    "state int, start int, freq int, precision int -> int",
    place=6,
    proves="The low bits tell the symbol and the decoder gets the old state back, bit by bit: for "
    "fresh intervals, the first, the rarest and the certain symbol, the state 0, and states of "
    "200 and 2000 bits.",
    hints=(
        "The new state has two parts: its low `precision` bits point into the symbol's interval, "
        "and all higher bits hold what is left of the old state.",
        "The old state chooses a place among the `freq` places of the interval: its remainder. The "
        "quotient is what is left of it, and goes into the higher bits.",
        "`divmod` gives both. How many bits must the quotient move up, so that the place in the "
        "interval fits below it?",
    ),
    twin="course_utils.compression:ans_push",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    small, large = [], []  # everything before it is judged: no two mistakes agree by chance
    for start, freq, precision in intervals(draw):
        symbol = (start, freq, precision)
        small += [(s, symbol) for s in (draw.integer(10**4, 10**6), draw.integer(1, 3), 0)]
        # Odd, so that its last bit is not lost unseen.
        odd = 2 * draw.integer(1, 2**60) + 1
        large.append((draw.integer(2**39, 2**40) * 2**160 + odd, symbol))
    pushed_small = [f(state, *symbol) for state, symbol in small]
    pushed_large = [f(state, *symbol) for state, symbol in large]
    for (_, (start, freq, precision)), pushed in zip(small, pushed_small, strict=True):
        law(
            start <= pushed % 2**precision < start + freq,
            "The low bits of the new state should lie inside the symbol's interval: by them the "
            "decoder knows which symbol it was.",
            "wrong-low-bits",
        )
    for (state, symbol), pushed in zip(small, pushed_small, strict=True):
        law(
            pop(pushed, *symbol) == state,
            "The decoder does not get the old state back: it multiplies the high bits by `freq` "
            "and adds where inside the interval the low bits lie.",
            "not-undone",
        )
    law(
        all(
            pop(pushed, *symbol) == state
            for (state, symbol), pushed in zip(large, pushed_large, strict=True)
        ),
        "Right for small states, and for a state of 200 bits digits are lost: keep to whole "
        "numbers, in plain Python.",
        "loses-digits",
    )
    state, symbol = large[0]
    law(
        pop(f(state << 1800, *symbol), *symbol) == state << 1800,
        "Right for states of 200 bits, and for one of 2000 bits digits are lost: keep to whole "
        "numbers, in plain Python.",
        "loses-digits",
    )
    state, precision = draw.integer(10**4, 10**6), draw.integer(5, 9)
    freq = draw.integer(3, 2**precision // 2)
    law(
        pop(f(state, 0, freq, precision), 0, freq, precision) == state,
        "For the first symbol, whose interval starts at 0, the decoder does not get the old state "
        "back.",
        "first-symbol",
    )
    law(
        f(state, 0, 2**precision, precision) == state,
        "A symbol that is certain tells nothing: the state should stay as it is.",
        "certain-symbol",
    )


def intervals(draw: Draw) -> list[tuple[int, int, int]]:
    """(start, freq, precision): ordinary ones, a rarest symbol, and precisions apart."""
    precisions = draw.sizes(3, 4, 8)
    found = []
    for precision in precisions:
        freq = draw.integer(3, 2**precision // 2)
        found.append((draw.integer(1, 2**precision - freq), freq, precision))
    found.append((draw.integer(1, 2**9 - 1), 1, 9))
    return found


def pop(state: int, start: int, freq: int, precision: int) -> int:
    """The state before the symbol was coded."""
    return freq * (state >> precision) + state % 2**precision - start


def right(state, start, freq, precision):
    return (state // freq << precision) + state % freq + start


@mistake("arguments-exchanged")
def _(state, start, freq, precision):
    """`start` and `freq` are exchanged: the state is divided by the frequency."""
    return (state // start) * 2**precision + state % start + freq


@mistake("precision-as-total")
def _(state, start, freq, precision):
    """`precision` is used as the total: the frequencies add up to 2^precision."""
    return (state // freq) * precision + state % freq + start


@mistake("caret")
def _(state, start, freq, precision):
    """`2 ^ precision` is not a power in Python, but a bitwise exclusive or: write `2**precision`,
    or shift with `<<`."""
    return (state // freq) * (2 ^ precision) + state % freq + start


@mistake("no-remainder")
def _(state, start, freq, precision):
    """The remainder of the division is lost, and with it what the state held: add it."""
    return (state // freq) * 2**precision + start


@mistake("no-start")
def _(state, start, freq, precision):
    """`start` is missing: it tells which symbol was coded."""
    return (state // freq) * 2**precision + state % freq


@mistake("no-start")
def _(state, start, freq, precision):
    """`start` and the remainder are missing: they are the low bits of the new state."""
    return (state // freq) << precision


@mistake("start-sign")
def _(state, start, freq, precision):
    """`start` is subtracted: that happens when a symbol is taken off again."""
    return (state // freq) * 2**precision + state % freq - start


@mistake("end-for-start")
def _(state, start, freq, precision):
    """The end of the interval, start + freq, stands where its start belongs."""
    return (state // freq) * 2**precision + state % freq + start + freq


@mistake("not-divided")
def _(state, start, freq, precision):
    """The state is not divided by `freq`: every symbol costs `precision` bits, however frequent it
    is."""
    return (state << precision) | start


@mistake("not-divided")
def _(state, start, freq, precision):
    """The state is not divided by `freq`: every symbol costs `precision` bits, however frequent it
    is."""
    return (state << precision) + state % freq + start


@mistake("freq-multiplies")
def _(state, start, freq, precision):
    """The state is multiplied by `freq`: a frequent symbol makes it grow less, not more."""
    return state * freq + state % 2**precision + start


@mistake("not-scaled")
def _(state, start, freq, precision):
    """The quotient is not multiplied by 2^precision: there is no room for the low bits."""
    return state // freq + state % freq + start


@mistake("pops")
def _(state, start, freq, precision):
    """This takes a symbol off the state: it is the step of the decoder."""
    return freq * (state >> precision) + (state & ((1 << precision) - 1)) - start


@mistake("pops")
def _(state, start, freq, precision):
    """This multiplies by `freq` and divides by 2^precision, as the decoder does: the encoder goes
    the other way."""
    return freq * (state // 2**precision) + state % freq + start


@mistake("pops")
def _(state, start, freq, precision):
    """This multiplies by `freq` and divides by 2^precision, as the decoder does: the encoder goes
    the other way."""
    return freq * (state // 2**precision) + state % 2**precision + start


@mistake("shifts-by-freq")
def _(state, start, freq, precision):
    """The quotient is shifted by `freq` bits: it is shifted by `precision`."""
    return ((state // freq) << freq) + state % freq + start


@mistake("remainder-of-total")
def _(state, start, freq, precision):
    """The remainder is taken by 2^precision: it belongs to the division by `freq`."""
    return (state // freq) * 2**precision + state % 2**precision + start


@mistake("remainder-of-total")
def _(state, start, freq, precision):
    """The sum of state and start is reduced by 2^precision: the remainder belongs to the division
    by `freq`, and `start` is added to it."""
    return (state // freq << precision) + (state + start) % 2**precision


@mistake("remainder-with-start")
def _(state, start, freq, precision):
    """`start` is added before the remainder is taken: the low bits have to lie inside the symbol's
    interval."""
    return (state // freq) * 2**precision + (state + start) % freq


@mistake("quotient-and-remainder")
def _(state, start, freq, precision):
    """Quotient and remainder are exchanged: the quotient takes the high bits."""
    remainder, quotient = divmod(state, freq)
    return (quotient << precision) + start + remainder


@mistake("all-shifted")
def _(state, start, freq, precision):
    """The remainder is shifted along: only the quotient is. Mind the parentheses: `+` binds tighter
    than `<<`."""
    return state // freq << precision + state % freq + start


@mistake("all-shifted")
def _(state, start, freq, precision):
    """The remainder is shifted along: only the quotient is."""
    return (state // freq + state % freq + start) << precision


@mistake("shift-before-division")
def _(state, start, freq, precision):
    """The state is shifted before it is divided: divide first, in whole numbers, so that the low
    bits are free."""
    return (state * 2**precision) // freq + state % freq + start


@mistake("shift-before-division")
def _(state, start, freq, precision):
    """The state is shifted before it is divided: divide first, in whole numbers, so that the low
    bits are free."""
    return (state << precision) // freq + start


@mistake("word-size")
def _(state, start, freq, precision):
    """The state is cut off at 32 bits: a Python int may grow, and here it holds the whole
    message."""
    return right(state, start, freq, precision) & 0xFFFFFFFF


@mistake("word-size")
def _(state, start, freq, precision):
    """The state is cut off at 64 bits: a Python int may grow, and here it holds the whole
    message."""
    return right(state, start, freq, precision) & (2**64 - 1)


@mistake("float-division")
def _(state, start, freq, precision):
    """`/` makes a float, which holds 16 digits, and the state has many more: divide whole numbers
    with `//`."""
    return (state / freq) * 2**precision + state % freq + start


@mistake("float-division")
def _(state, start, freq, precision):
    """`int(a / b)` goes through a float, which holds 16 digits, and the state has many more: divide
    whole numbers with `//`."""
    return int(state / freq) * 2**precision + state % freq + start
