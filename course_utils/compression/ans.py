"""Asymmetric numeral systems: a message is one whole number, and a symbol a step of arithmetic.

A symbol s owns the interval [start, start + freq) of the 2^precision slots, freq / 2^precision
being its probability. To push it multiplies the number by about 1 / p(s), which costs
log2(1 / p(s)) bits; to pop undoes this. Last in, first out: the number is a stack.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import islice
from operator import le

import torch
from torch import Tensor

from .. import checks


def ans_push(state: int, start: int, freq: int, precision: int) -> int:
    """The state after coding a symbol.

    state' = floor(state / freq) 2^precision + start + (state mod freq).

    Duda 2009, in its range variant. Whole numbers of any size: nothing overflows.

    Args:
        state: the message so far, at least 0.
        start: first slot of the symbol, the sum of the frequencies before it.
        freq: how many slots it owns, at least 1.
        precision: bits; there are 2^precision slots in all.

    Returns:
        The new state; log2 of it has grown by about precision - log2(freq) bits.

    Raises:
        ValueError: if the state is negative, or the interval is empty or leaves the slots.

    >>> ans_push(5, start=3, freq=1, precision=2)  # probability 1/4: two bits
    23
    """
    if state < 0:
        raise ValueError(f"A state is a whole number of at least 0, got {state}.")
    if freq < 1 or start < 0 or start + freq > 1 << precision:
        raise ValueError(
            f"The interval [{start}, {start + freq}) must hold at least one of the "
            f"2^{precision} slots and no others."
        )
    return (state // freq << precision) + start + state % freq


def ans_pop(state: int, starts: Sequence[int], precision: int) -> tuple[int, int]:
    """The symbol that was pushed last, and the state before it: the inverse of `ans_push`.

    slot = state' mod 2^precision lies in the interval of the symbol, and
    state = freq floor(state' / 2^precision) + slot - start.

    Popping from a state that holds random bits draws a symbol from its distribution: the "bits
    back" of bits-back coding.

    Args:
        state: at least 0.
        starts: where the interval of each symbol starts, and 2^precision at the end.
        precision: bits.

    Returns:
        (symbol, earlier state), the symbol as its place in `starts`.

    Raises:
        ValueError: if the state is negative, or starts does not rise from 0 to 2^precision.

    >>> ans_pop(23, [0, 3, 4], precision=2)
    (1, 5)
    """
    if state < 0:
        raise ValueError(f"A state is a whole number of at least 0, got {state}.")
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != 1 << precision:
        raise ValueError(f"starts must run from 0 to 2^{precision} = {1 << precision}.")
    if not all(map(le, starts, islice(starts, 1, None))):
        raise ValueError("starts must rise, one interval after the other.")
    slot = state & ((1 << precision) - 1)
    symbol = bisect_right(starts, slot) - 1
    start, freq = starts[symbol], starts[symbol + 1] - starts[symbol]
    return symbol, freq * (state >> precision) + slot - start


def quantise(probabilities: Tensor, precision: int) -> Tensor:
    """Probabilities as intervals of whole numbers, none of them empty.

    c_k = floor((2^precision - A) F_k) + k, F_k the sum of the probabilities before symbol k.

    Symbol k owns c_(k+1) - c_k >= (2^precision - A) p_k slots, and at least one: no symbol costs
    more than log2(1 / p_k) - log2(1 - A / 2^precision) bits.

    Args:
        probabilities: of A symbols along the last axis, (..., A); divided by their sum.
        precision: bits, at most 40.

    Returns:
        c, int64, (..., A + 1), from 0 to 2^precision.

    Raises:
        ValueError: if a probability is negative or not finite, all are 0, or A > 2^precision.

    >>> quantise(torch.tensor([0.75, 0.0, 0.25]), precision=4).tolist()
    [0, 10, 11, 16]
    """
    checks.whole(least=0, precision=precision)
    a = probabilities.shape[-1]
    if not (precision <= 40 and 1 <= a <= 1 << precision):
        raise ValueError(
            f"{a} symbols do not fit into 2^{precision} slots (1 to 2^40): raise the precision."
        )
    upto = probabilities.double().cumsum(-1)
    total = upto[..., -1:]
    if not (bool((probabilities >= 0).all()) and bool((total > 0).all() & total.isfinite().all())):
        raise ValueError("Probabilities must be finite, not negative, and not all 0.")
    slots = (upto / total * ((1 << precision) - a)).floor().long()
    slots += torch.arange(1, a + 1)
    return torch.nn.functional.pad(slots, (1, 0))


def code_length(symbols: Tensor, cumulative: Tensor, precision: int) -> Tensor:
    """Bits that a symbol costs: precision - log2(freq).

    Args:
        symbols: whole numbers, (...).
        cumulative: as `quantise` makes them, (A + 1,) for all symbols or (..., A + 1).
        precision: bits.

    Returns:
        Bits, float64, (...).

    Raises:
        ValueError: if a symbol is not one of the A, or cumulative does not rise to 2^precision.
    """
    if bool(((symbols < 0) | (symbols >= cumulative.shape[-1] - 1)).any()):
        raise ValueError(f"Symbols must lie between 0 and {cumulative.shape[-1] - 2}.")
    ends = (cumulative[..., 0] == 0) & (cumulative[..., -1] == 1 << precision)
    if not bool(ends.all()) or not bool((cumulative.diff(dim=-1) >= 0).all()):
        raise ValueError(f"cumulative must rise from 0 to 2^{precision} = {1 << precision}.")
    freq = cumulative.diff(dim=-1).expand(*symbols.shape, -1)
    freq = freq.gather(-1, symbols.long().unsqueeze(-1)).squeeze(-1)
    return precision - freq.double().log2()
