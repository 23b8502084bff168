"""Answers to 08.water_level."""

import math

import torch


def rate_of(eigenvalues, level):
    return 0.5 * torch.log((eigenvalues / level).clamp(min=1)).sum()


def candidates(eigenvalues, rate):
    falling = eigenvalues.sort(descending=True).values
    m = torch.arange(1, len(falling) + 1).to(falling)
    levels = torch.exp((torch.log(falling).cumsum(0) - 2 * rate) / m)
    following = torch.cat([falling[1:], torch.zeros_like(falling[:1])])
    fits = (levels <= falling) & (levels >= following)
    return levels[int(fits.float().argmax())]


def highest_candidate(eigenvalues, rate):
    falling = eigenvalues.sort(descending=True).values
    m = torch.arange(1, len(falling) + 1, dtype=falling.dtype)
    return ((falling.log().cumsum(0) - 2 * rate) / m).exp().max()


def one_after_the_other(eigenvalues, rate):
    total, found = 0.0, None
    for m, value in enumerate(sorted(eigenvalues.tolist(), reverse=True), start=1):
        total += math.log(value)
        if found is not None and value <= found:
            break
        found = math.exp((total - 2 * float(rate)) / m)
    return eigenvalues.new_tensor(found)


def halving(eigenvalues, rate):
    low, high = torch.zeros_like(eigenvalues[0]), eigenvalues.max()
    for _ in range(100):
        middle = (low + high) / 2
        if rate_of(eigenvalues, middle) > rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def halving_in_logs(eigenvalues, rate):
    low, high = eigenvalues.min().log() - 2 * rate, eigenvalues.max().log()
    for _ in range(60):
        middle = (low + high) / 2
        enough = rate_of(eigenvalues, middle.exp()) > rate
        low, high = (middle, high) if enough else (low, middle)
    return middle.exp()


def newton(eigenvalues, rate):
    log_level = (eigenvalues.log().sum() - 2 * rate) / len(eigenvalues)  # below the right one
    for _ in range(len(eigenvalues)):
        told = eigenvalues.log() > log_level
        log_level = (eigenvalues.log()[told].sum() - 2 * rate) / told.sum()
    return log_level.exp()


def coarse_grid(eigenvalues, rate):
    levels = torch.linspace(0.001, 1, 1000).to(eigenvalues) * eigenvalues.max()
    rates = torch.stack([rate_of(eigenvalues, level) for level in levels])
    return levels[(rates - rate).abs().argmin()]


def few_halvings(eigenvalues, rate):
    low, high = eigenvalues.min().log() - 2 * rate, eigenvalues.max().log()
    for _ in range(11):
        middle = (low + high) / 2
        enough = rate_of(eigenvalues, middle.exp()) > rate
        low, high = (middle, high) if enough else (low, middle)
    return middle.exp()


def above_the_smallest(eigenvalues, rate):
    return highest_candidate(eigenvalues, rate).clamp(min=1e-6)


def only_floats(eigenvalues, rate):
    return highest_candidate(eigenvalues, rate if isinstance(rate, float) else 1.0)


def constant(eigenvalues, rate):
    return torch.ones_like(eigenvalues[0]) * 1e-6


def above(eigenvalues, rate):
    return eigenvalues.sum()


def one_direction_forgotten(eigenvalues, rate):
    if len(eigenvalues) == 1:
        return eigenvalues[0] * math.exp(-rate)
    return highest_candidate(eigenvalues, rate)


def in_place(eigenvalues, rate):
    level = highest_candidate(eigenvalues, rate)
    eigenvalues.copy_(eigenvalues.sort().values)
    return level


def in_twos(eigenvalues, rate):
    """Gives up the two smallest at a time."""
    falling, m = eigenvalues.sort(descending=True).values.log(), len(eigenvalues)
    while m > 2 and (falling[:m].sum() - 2 * rate) / m > falling[m - 1]:
        m -= 2
    return ((falling[:m].sum() - 2 * rate) / m).exp()


RIGHT = [
    candidates,
    highest_candidate,
    one_after_the_other,
    halving,
    halving_in_logs,
    newton,
]
WRONG = [
    ("wrong-rate", coarse_grid),
    ("not-exact", few_halvings),
    ("wide-spectrum", above_the_smallest),
    ("rate-as-tensor", only_floats),
    ("wrong-rate", constant),
    ("not-a-level", above),
    ("one-eigenvalue", one_direction_forgotten),
    ("changes-its-input", in_place),
    ("some-told", in_twos),
]
