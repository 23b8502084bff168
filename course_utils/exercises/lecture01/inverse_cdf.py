"""01.inverse_cdf: draws of an angle from uniform numbers."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "01.inverse_cdf",
    "u (N,) -> (N,)",
    place=1,
    proves="F(c(u)) = u for fresh u: in the bulk, at both ends, for one number, for a thousand "
    "close to each other, in double precision; and c increases with u.",
    hints=(
        "Integrate p from -1 to c: F(c) = (c^3 + 3 c + 4) / 8. Then solve F(c) = u for c.",
        "F(c) = u is the cubic c^3 + 3 c = q with q = 8 u - 4. It has one real root for each q.",
        "Put c = 2 sinh(r): then c^3 + 3 c = 2 sinh(3 r), which is q, so r follows from q and c "
        "from r. A few Newton steps on F(c) - u, or a bisection between -1 and 1, do as well.",
    ),
    twin="course_utils.simulators.collider:inverse_cdf",
)


# What F(c) may miss: a formula that cancels in single precision, a fine table, interpolated.
ROUNDING = {torch.float32: 1e-5, torch.float64: 1e-6}


def cdf(c: Tensor) -> Tensor:
    """F(c) of p(c) = 3/8 (1 + c^2) on [-1, 1]."""
    return (c**3 + 3 * c + 4) / 8


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    draws = (
        draw.uniform(0.02, 0.98, draw.integer(5, 40)),
        draw.uniform(0.1, 0.9, 1),
        draw.uniform(0.02, 0.98, draw.integer(100, 200), dtype=torch.float64),
        # The middle, where an iteration may begin and end at once, and both ends.
        torch.tensor([0.5, 1e-6, 1e-3, 1 - 1e-3, 1 - 1e-6]),
    )
    for u in draws:
        c = f(u)
        law(
            near(f(u), c, scale=1.0),
            "Asked twice with the same u, the function answers differently: it draws random "
            "numbers of its own. The randomness is in u already.",
            "own-noise",
        )
        law(
            (c.abs() <= 1 + 1e-3).all(),
            "Some of the values lie outside [-1, 1], and no cosine does.",
            "outside",
        )
        miss = float((cdf(c) - u).abs().max())
        if not miss < ROUNDING[u.dtype]:
            _judge_a_miss(f, miss)
    u = draw.uniform(0.01, 0.99, 1000).sort().values
    law((f(u).diff() >= 0).all(), "c should increase with u.", "decreasing")


def _judge_a_miss(f: Subject, miss: float) -> None:
    law(
        miss < 0.02,
        "F(c) is not u: put your c into F(c) = (c^3 + 3 c + 4) / 8 and compare with the u it came "
        "from.",
        "not-inverted",
    )
    close = torch.linspace(0.3, 0.7, 2000)
    law(
        len(f(close).unique()) > 1000,
        f"Nearly: F(c) misses u by up to {miss:.0e}, and many different u get the same c. "
        "A table needs a finer grid, or interpolation; a bisection needs more halvings.",
        "coarse-grid",
    )
    law(
        False,
        f"Nearly: F(c) misses u by up to {miss:.0e}. If you iterate, go on for longer.",
        "not-converged",
    )


@exercise.mistake("flat-density")
def _(u):
    """This stretches u linearly onto [-1, 1], which draws from a flat density. Events should pile
    up towards c = -1 and c = 1: invert the integral of 3/8 (1 + c^2)."""
    return 2 * u - 1


@exercise.mistake("decreasing")
def _(u):
    """This decreases with u: it inverts 1 - F(c). The density is symmetric, so a histogram does
    not show it; the exercise asks for F(c) = u."""
    return 2 * torch.sinh(torch.asinh(2 - 4 * u) / 3)


@exercise.mistake("forward-cdf")
def _(u):
    """This evaluates F on u stretched to [-1, 1]. The inverse is wanted: the c at which F(c)
    equals u."""
    return cdf(2 * u - 1)


@exercise.mistake("forward-cdf")
def _(u):
    """This evaluates F at u. The inverse is wanted: the c at which F(c) equals u."""
    return cdf(u)


@exercise.mistake("density")
def _(u):
    """This is the density p at u stretched to [-1, 1]. A draw c is wanted: integrate p, then
    invert the integral."""
    return 3 / 8 * (1 + (2 * u - 1) ** 2)


@exercise.mistake("density")
def _(u):
    """This is the density p at u. A draw c is wanted: integrate p, then invert the integral."""
    return 3 / 8 * (1 + u**2)


@exercise.mistake("integral-from-zero")
def _(u):
    """F was integrated from 0 where it should start at -1: the constant 1/2 is missing, and all
    draws are positive."""
    return 2 * torch.sinh(torch.asinh(4 * u) / 3)


@exercise.mistake("normalisation")
def _(u):
    """The factor 3/8 is missing: 1 + c^2 integrates to 8/3 over [-1, 1], so F(1) is not 1."""
    return 2 * torch.sinh(torch.asinh((3 * u - 4) / 2) / 3)


@exercise.mistake("square-only")
def _(u):
    """This draws from a density proportional to c^2: the 1 of 1 + c^2 is missing."""
    return torch.sign(2 * u - 1) * (2 * u - 1).abs() ** (1 / 3)


@exercise.mistake("angle")
def _(u):
    """This is the angle t. The exercise asks for its cosine c = cos t."""
    return torch.acos((2 * torch.sinh(torch.asinh(4 * u - 2) / 3)).clamp(-1, 1))


@exercise.mistake("half-range")
def _(u):
    """This maps u onto [0, 1] only, the forward half: c runs from -1 to 1."""
    return 2 * torch.sinh(torch.asinh(2 * u) / 3)
