"""Asymmetric numeral systems for real files: many small states instead of one endless number.

Each of L lanes holds a head of 64 bits; what a head cannot hold goes to one stack of 32-bit
words that all lanes share (interleaving: Giesen 2014). Symbol i of a vector goes through lane
i mod L, L symbols at a time in numpy. Whole numbers only: the inverse is exact.
"""

import hashlib
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from statistics import NormalDist
from typing import Protocol

import numpy as np

# Bits: probabilities are whole multiples of 2^-30, so no symbol costs more than 30 bits. At 24 a
# confident model that errs paid 1 % less than its ELBO says; at 32 the heads round too coarsely.
PRECISION = 30
WORD = 32  # bits; a head lies in [2^32, 2^64)
SLOTS = (1 << PRECISION) - 1  # the mask of a slot
Integers = np.ndarray  # of uint64 unless said otherwise


class Intervals(Protocol):
    """The distributions of a vector of symbols, each cut into intervals of 2^PRECISION slots."""

    def interval(self, rows: slice, symbols: Integers) -> tuple[Integers, Integers]:
        """First slot and number of slots of these symbols of these places in the vector."""
        ...

    def find(self, rows: slice, slots: Integers) -> Integers:
        """The symbols whose intervals hold these slots."""
        ...


@dataclass(frozen=True)
class Uniform:
    """2^bits equally probable symbols: a prior cut into bins of equal mass."""

    bits: int

    def interval(self, rows: slice, symbols: Integers) -> tuple[Integers, Integers]:  # noqa: ARG002
        shift = PRECISION - self.bits
        return symbols << shift, np.full_like(symbols, 1 << shift)

    def find(self, rows: slice, slots: Integers) -> Integers:  # noqa: ARG002
        return slots >> (PRECISION - self.bits)


@dataclass(frozen=True)
class Table:
    """Few symbols, with a row of cumulative frequencies for each place, as `quantise` makes it."""

    cumulative: np.ndarray  # (places, A + 1), from 0 to 2^PRECISION

    def interval(self, rows: slice, symbols: Integers) -> tuple[Integers, Integers]:
        table = self.cumulative[rows]
        place = np.arange(len(table))
        start = table[place, symbols]
        return start.astype(np.uint64), (table[place, symbols + 1] - start).astype(np.uint64)

    def find(self, rows: slice, slots: Integers) -> Integers:
        inner = self.cumulative[rows, 1:-1]
        return (inner <= slots[:, None].astype(np.int64)).sum(1).astype(np.uint64)


@dataclass(frozen=True)
class GaussianBins:
    """Gaussians over the 2^bits bins that have equal mass under a standard normal.

    A bin of hardly any mass has no slot: it is never drawn, so it needs no code. One slot for each
    bin would be a prior's share in the posterior, and an image in a thousand would draw a latent
    that does not fit it at all.

    Their mass comes from `math.erfc`, one number at a time: a vectorised one may differ in its
    last digit with the place in the vector, and the file would not decode.
    """

    mu: Sequence[float]
    sigma: Sequence[float]
    bits: int

    def start(self, place: int, symbol: int) -> int:
        """First slot of a bin, floor(2^PRECISION F(lower edge)), F of this place's Gaussian."""
        edge = bin_edges(self.bits)[symbol]
        below = 0.5 * math.erfc((self.mu[place] - edge) / (self.sigma[place] * math.sqrt(2)))
        return math.floor((1 << PRECISION) * below)

    def interval(self, rows: slice, symbols: Integers) -> tuple[Integers, Integers]:
        places = range(len(self.mu))[rows]
        pairs = list(zip(places, symbols.tolist(), strict=True))
        start = np.array([self.start(i, s) for i, s in pairs], np.uint64)
        end = np.array([self.start(i, s + 1) for i, s in pairs], np.uint64)
        return start, end - start

    def find(self, rows: slice, slots: Integers) -> Integers:
        bins = range(1 << self.bits)
        places = range(len(self.mu))[rows]
        found = [
            bisect_right(bins, slot, key=lambda s, i=i: self.start(i, s)) - 1
            for i, slot in zip(places, slots.tolist(), strict=True)
        ]
        return np.array(found, np.uint64)


@lru_cache
def bin_edges(bits: int) -> tuple[float, ...]:
    """The 2^bits + 1 edges of the bins of equal mass under a standard normal."""
    inner = map(NormalDist().inv_cdf, np.arange(1, 1 << bits) / (1 << bits))
    return (-math.inf, *inner, math.inf)


@lru_cache
def bin_centres(bits: int) -> np.ndarray:
    """The medians of these bins, (2^bits,) float64: the latents that a symbol stands for."""
    middle = (np.arange(1 << bits) + 0.5) / (1 << bits)
    return np.array([NormalDist().inv_cdf(p) for p in middle])


@dataclass
class Lanes:
    """The message: L heads and a stack of words. `Lanes.fresh` starts one, of random bits."""

    heads: Integers  # (L,), each in [2^32, 2^64)
    words: list[int] = field(default_factory=list)  # of 32 bits, the top of the stack last
    seed: int | None = None  # where random words come from when the stack is empty
    initial: int = 0  # random words used so far, those in the heads included

    @staticmethod
    def fresh(lanes: int, seed: int) -> "Lanes":
        """A message without symbols: each head holds one random word."""
        heads = np.array(initial_words(seed, lanes), np.uint64) | np.uint64(1 << WORD)
        return Lanes(heads, [], seed, lanes)

    def push(self, code: Intervals, symbols: Integers, pad: Integers | None = None) -> None:
        """Code symbols (n,), whole numbers; `pop` with code and pad alike takes them off again."""
        symbols = np.asarray(symbols, np.uint64)  # with int64 numpy would go on in floats
        starts, freqs = code.interval(slice(None), symbols)
        if not freqs.all():
            raise ValueError("A symbol without slots cannot be coded: it was not drawn from here.")
        for rows in reversed(self._turns(len(symbols))):
            start, freq = starts[rows], freqs[rows]
            heads = self.heads[: len(start)]  # a view: what is assigned to it stays
            full = heads >> (64 - PRECISION) >= freq
            if full.any():
                self.words += (heads[full] & ((1 << WORD) - 1)).tolist()
                heads[full] >>= WORD
            quotient, remainder = np.divmod(heads, freq)
            heads[:] = (quotient << PRECISION) + remainder + start
            if pad is not None:
                heads ^= pad[rows]

    def pop(self, code: Intervals, n: int, pad: Integers | None = None) -> Integers:
        """Take n symbols off, (n,): what `push` coded, or draws if the bits are random.

        A pad, (n,) numbers of PRECISION random bits as `random_pad` makes them, is added to the
        bits modulo 2 first. It makes the draws independent of what was coded before.
        """
        symbols = np.empty(n, np.uint64)
        for rows in self._turns(n):
            heads = self.heads[: rows.stop - rows.start]
            if pad is not None:
                heads ^= pad[rows]
            slots = heads & SLOTS
            symbols[rows] = code.find(rows, slots)
            start, freq = code.interval(rows, symbols[rows])
            heads[:] = freq * (heads >> PRECISION) + (slots - start)
            low = heads < 1 << WORD
            if low.any():
                heads[low] = (heads[low] << WORD) | self._take(int(low.sum()))
        return symbols

    def bits(self) -> float:
        """Length of the message, log2 of its heads and its words, random bits included."""
        return WORD * len(self.words) + float(np.log2(self.heads.astype(np.float64)).sum())

    def _turns(self, n: int) -> list[slice]:
        lanes = len(self.heads)
        return [slice(i, min(i + lanes, n)) for i in range(0, n, lanes)]

    def _take(self, n: int) -> Integers:
        """The top n words; below the bottom of the stack lie random ones, as many as needed."""
        missing = n - len(self.words)
        if missing > 0:
            if self.seed is None:
                raise ValueError("The message has no bits left: it was not coded like this.")
            random = initial_words(self.seed, self.initial + missing)[self.initial :]
            self.words = random[::-1] + self.words
            self.initial += missing
        taken = np.array(self.words[-n:], np.uint64)
        del self.words[-n:]
        return taken


def initial_words(seed: int, n: int) -> list[int]:
    """The first n words of the random bits that a message starts with."""
    return _random_words(f"initial bits {seed}", n).tolist()


def random_pad(seed: int, turn: int, n: int) -> Integers:
    """n numbers of PRECISION random bits, others at every turn."""
    return _random_words(f"pad {seed} {turn}", n).astype(np.uint64) & SLOTS


def _random_words(name: str, n: int) -> np.ndarray:
    """The first n words of an endless random stream, the same on every machine (SHAKE-256)."""
    return np.frombuffer(hashlib.shake_256(name.encode()).digest(4 * n), "<u4")
