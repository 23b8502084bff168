"""Answers to 08.ans_push."""

import torch


def formula(state, start, freq, precision):
    return (state // freq) * 2**precision + state % freq + start


def shift(state, start, freq, precision):
    return ((state // freq) << precision) + (state % freq) + start


def by_divmod(state, start, freq, precision):
    quotient, remainder = divmod(state, freq)
    return quotient << precision | start + remainder


def total(state, start, freq, precision):
    total = 1 << precision
    quotient = (state - state % freq) // freq
    return state - quotient * freq + start + total * quotient


def grow(state, start, freq, precision):
    return state + start + (state // freq) * ((1 << precision) - freq)


def in_128_bits(state, start, freq, precision):
    return shift(state, start, freq, precision) % 2**128


def never_zero(state, start, freq, precision):
    return shift(max(state, 1), start, freq, precision)


def first_forgotten(state, start, freq, precision):
    return shift(state, start or 1, freq, precision)


def mantissa(state, start, freq, precision):
    return shift(state, start, freq, precision) & (2**53 - 1)


def reversed_interval(state, start, freq, precision):
    return ((state // freq) << precision) + start + freq - 1 - state % freq


def outside(state, start, freq, precision):
    return ((state // freq + 1) << precision) + state % freq - freq


def never_certain(state, start, freq, precision):
    freq = min(freq, 2**precision - 1)
    return ((state // freq) << precision) + state % freq + start


def in_torch(state, start, freq, precision):
    return torch.tensor(shift(state % 2**30, start, freq, precision))


RIGHT = [formula, shift, by_divmod, total, grow]
WRONG = [
    ("loses-digits", in_torch),
    ("loses-digits", in_128_bits),
    ("loses-digits", mantissa),
    ("not-undone", reversed_interval),
    ("wrong-low-bits", outside),
    ("not-undone", never_zero),
    ("first-symbol", first_forgotten),
    ("certain-symbol", never_certain),
]
