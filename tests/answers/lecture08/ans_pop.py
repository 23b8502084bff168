"""Answers to 08.ans_pop."""

import itertools
from bisect import bisect, bisect_right

import numpy as np
import torch


def bisected(state, starts, precision):
    slot = state & ((1 << precision) - 1)
    symbol = bisect_right(starts, slot) - 1
    freq = starts[symbol + 1] - starts[symbol]
    return symbol, freq * (state >> precision) + slot - starts[symbol]


def by_divmod(state, starts, precision):
    high, low = divmod(state, 2**precision)
    symbol = bisect(starts, low) - 1
    return symbol, (starts[symbol + 1] - starts[symbol]) * high + low - starts[symbol]


def searched(state, starts, precision):
    low = state % 2**precision
    symbol = 0
    while starts[symbol + 1] <= low:
        symbol += 1
    return symbol, (state // 2**precision) * (starts[symbol + 1] - starts[symbol]) + (
        low - starts[symbol]
    )


def counted(state, starts, precision):
    low = state % 2**precision
    symbol = sum(start <= low for start in starts) - 1
    freq = starts[symbol + 1] - starts[symbol]
    return [symbol, freq * (state >> precision) + low - starts[symbol]]


def with_numpy(state, starts, precision):
    low = state % 2**precision
    symbol = np.searchsorted(starts, low, side="right") - 1  # numpy's own whole number
    start, end = starts[symbol], starts[symbol + 1]
    return symbol, (end - start) * (state >> precision) + low - start


def with_torch(state, starts, precision):
    low = state % 2**precision
    symbol = int(torch.bucketize(low, torch.tensor(starts), right=True)) - 1
    start, end = starts[symbol], starts[symbol + 1]
    return symbol, (end - start) * (state >> precision) + low - start


def zero_forgotten(state, starts, precision):
    return bisected(max(state, 1), starts, precision)


def small_is_empty(state, starts, precision):
    symbol, earlier = bisected(state, starts, precision)
    return symbol, earlier if state >> precision else 0


def last_forgotten(state, starts, precision):
    symbol, earlier = bisected(state, starts, precision)
    return min(symbol, len(starts) - 3), earlier


def in_int64(state, starts, precision):
    symbol, earlier = bisected(state, starts, precision)
    return symbol, min(earlier, 2**63 - 1)


def never_certain(state, starts, precision):
    symbol, earlier = bisected(state, starts, precision)
    return (symbol, earlier) if len(starts) > 2 else (symbol, state >> precision)


def symbol_only(state, starts, precision):
    return bisected(state, starts, precision)[0]


def in_place(state, starts, precision):
    starts.pop()
    low = state % 2**precision
    symbol = bisect_right(starts, low) - 1
    end = [*starts, 2**precision][symbol + 1]
    return symbol, (end - starts[symbol]) * (state >> precision) + low - starts[symbol]


def in_a_list(state, starts, precision):
    quotient, slot = divmod(state, 2**precision)
    for symbol, (start, end) in enumerate(itertools.pairwise(starts)):
        if start <= slot < end:
            return [symbol, quotient * (end - start) + slot - start]


RIGHT = [
    bisected,
    by_divmod,
    searched,
    counted,
    with_numpy,
    with_torch,
    in_a_list,
]
WRONG = [
    ("not-undone", zero_forgotten),
    ("not-undone", small_is_empty),
    ("wrong-symbol", last_forgotten),
    ("loses-digits", in_int64),
    ("certain-symbol", never_certain),
    ("wrong-type", symbol_only),
    ("changes-its-input", in_place),
]
