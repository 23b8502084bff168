"""Answers to 01.inverse_cdf."""

import numpy as np
import torch


def cardano(u):
    q = 4 * u.double() - 2
    d = torch.sqrt(q**2 + 1)
    c = torch.sign(q + d) * (q + d).abs() ** (1 / 3) + torch.sign(q - d) * (q - d).abs() ** (1 / 3)
    return c.to(u.dtype)


def hyperbolic(u):
    return 2 * torch.sinh(torch.asinh(4 * u - 2) / 3)


def newton(u, steps=20):
    c = 2 * u - 1
    for _ in range(steps):
        c = c - (c**3 + 3 * c + 4 - 8 * u) / (3 * c**2 + 3)
    return c


def bisection(u):
    low, high = -torch.ones_like(u), torch.ones_like(u)
    for _ in range(60):
        middle = (low + high) / 2
        above = (middle**3 + 3 * middle + 4) / 8 > u
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def polynomial_roots(u):
    roots = [np.roots([1, 0, 3, 4 - 8 * ui]) for ui in u.tolist()]
    real = [r[np.abs(r.imag).argmin()].real for r in roots]
    return torch.tensor(real, dtype=u.dtype)


def column(u):
    return hyperbolic(u)[:, None]


def averaged(u):
    return hyperbolic(u).mean()


def skewed(u):
    return (2 * u - 1) ** 3 / 4 + 0.75 * (2 * u - 1) ** 2 - 0.5


def own_draws(u):
    return 2 * torch.rand_like(u) - 1


def ten_bisections(u):
    low, high = -torch.ones_like(u), torch.ones_like(u)
    for _ in range(10):
        middle = (low + high) / 2
        above = (middle**3 + 3 * middle + 4) / 8 > u
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2


def raises(u):
    raise RuntimeError("cubic has no solution")


def not_a_number(u):
    return ((8 * u - 4) ** (1 / 3)) - 1 / ((8 * u - 4) ** (1 / 3))


def written_over(u):
    u *= 4
    u -= 2
    return 2 * torch.sinh(torch.asinh(u) / 3)


def table(u, entries):
    grid = torch.linspace(-1, 1, entries, dtype=torch.float64)
    cumulative = (grid**3 + 3 * grid + 4) / 8
    return grid, cumulative, torch.searchsorted(cumulative, u.double()).clamp(1, entries - 1)


def fine_table(u):
    grid, cumulative, i = table(u, 2001)
    share = (u.double() - cumulative[i - 1]) / (cumulative[i] - cumulative[i - 1])
    return torch.lerp(grid[i - 1], grid[i], share).to(u.dtype)


def coarse_table(u):
    grid, _, i = table(u, 1001)
    return grid[i].to(u.dtype)


def one_newton_step(u):
    c = 2 * u - 1
    return c - (c**3 + 3 * c + 4 - 8 * u) / (3 * c**2 + 3)


def cubic_guess(u):
    return 8 * u - 4


def numpy_cube_roots(u):
    q = 4 * u.double().numpy() - 2
    d = np.sqrt(q * q + 1)
    return torch.tensor(np.cbrt(q + d) + np.cbrt(q - d))


def numpy_interpolation(u):
    c = np.linspace(-1, 1, 5001)
    return np.interp(u.numpy(), (c**3 + 3 * c + 4) / 8, c)


def until_nothing_changes(u):
    c = torch.zeros_like(u)
    while True:
        new = c - ((c**3 + 3 * c + 4) / 8 - u) / (3 / 8 * (1 + c**2))
        if (new - c).abs().max() < 1e-6:
            return new
        c = new


def two_newton_steps(u):
    return newton(u, 2)


RIGHT = [
    cardano,
    hyperbolic,
    newton,
    bisection,
    polynomial_roots,
    fine_table,
    numpy_cube_roots,
    numpy_interpolation,
    until_nothing_changes,
]

WRONG = [
    ("not-inverted", skewed),
    ("coarse-grid", ten_bisections),
    ("coarse-grid", coarse_table),
    ("not-converged", one_newton_step),
    ("outside", cubic_guess),
    ("own-noise", own_draws),
    ("wrong-shape", column),
    ("reduced-over-batch", averaged),
    ("raises", raises),
    ("not-finite", not_a_number),
    ("changes-its-input", written_over),
    ("not-converged", two_newton_steps),
]
