"""Exercise 03.interpolate: equal steps on the straight line between two codes."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law
from ..subject import Subject

exercise = Exercise(
    "03.interpolate",
    "z0 (K,), z1 (K,), steps int -> (steps, K)",
    place=7,
    proves="The rows run from z0 to z1, both included, in equal steps on a straight line, for "
    "fresh codes and for images, for one latent, for two steps and in double precision.",
    hints=(
        "Each row is a weighted mean of the two codes: at the start all weight is on z0, at the "
        "end on z1.",
        "With both ends among them, `steps` rows have steps - 1 gaps. What share of the way has "
        "been gone at row i?",
        "The weights are a vector (steps,) and each code a vector (K,): give the weights a second "
        "axis of length 1, and the two broadcast to (steps, K).",
    ),
    twin="course_utils.autoencoders:interpolate",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    latents, steps = draw.sizes(2, 4, 9)
    cases = (
        (latents, steps, torch.float32),
        (1, steps, torch.float32),
        (latents, 2, torch.float32),
        (196, steps + 2, torch.float32),
        (latents, steps + 1, torch.float64),
    )
    for k, rows, dtype in cases:
        z0, z1 = draw.normal(k, dtype=dtype), draw.normal(k, dtype=dtype)
        # Compared as float32: `torch.linspace` gives float32 weights, good enough for float64.
        path = f(z0, z1, rows).float()
        scale = float(torch.stack([z0, z1]).abs().max())
        law(
            agree(path[0], z0.float(), scale) and agree(path[-1], z1.float(), scale),
            "The first row should be z0 and the last one z1.",
            "wrong-ends",
        )
        law(
            agree(path.diff(dim=0), ((z1 - z0) / (rows - 1)).float().expand(rows - 1, k), scale),
            "The ends are right, and the rows between them are not evenly spaced on the straight "
            "line.",
            "uneven",
        )


def _t(start: float, stop: float, steps: int, like: Tensor) -> Tensor:
    """Evenly spaced weights as a column (steps, 1)."""
    return torch.linspace(start, stop, steps, dtype=like.dtype)[:, None]


@exercise.mistake("end-left-out")
def _(z0, z1, steps):
    """The last row stops one step before z1: both ends are included."""
    return z0 + _t(0, (steps - 1) / steps, steps, z0) * (z1 - z0)


@exercise.mistake("start-left-out")
def _(z0, z1, steps):
    """The first row is one step beyond z0 already: both ends are included."""
    return z0 + _t(1 / steps, 1, steps, z0) * (z1 - z0)


@exercise.mistake("both-ends-left-out")
def _(z0, z1, steps):
    """The rows lie between the two codes without touching them: both ends are included."""
    return z0 + _t(1 / (steps + 1), steps / (steps + 1), steps, z0) * (z1 - z0)


@exercise.mistake("one-row-too-many")
def _(z0, z1, steps):
    """One row too many: `steps` counts the rows, with both ends, not the gaps between them."""
    return z0 + _t(0, 1, steps + 1, z0) * (z1 - z0)


@exercise.mistake("one-row-too-many")
def _(z0, z1, steps):
    """Two rows too many: `steps` counts all rows, the two ends included."""
    return z0 + _t(0, 1, steps + 2, z0) * (z1 - z0)


@exercise.mistake("one-row-too-few")
def _(z0, z1, steps):
    """One row too few: `steps` counts the rows, with both ends, not the gaps between them."""
    return z0 + _t(0, 1, steps - 1, z0) * (z1 - z0)


@exercise.mistake("one-row-too-few")
def _(z0, z1, steps):
    """One row too few: the end is left out."""
    return z0 + _t(0, (steps - 2) / (steps - 1), steps - 1, z0) * (z1 - z0)


@exercise.mistake("reversed")
def _(z0, z1, steps):
    """This runs from z1 to z0: the first row is z0."""
    return z1 + _t(0, 1, steps, z0) * (z0 - z1)


@exercise.mistake("spherical")
def _(z0, z1, steps):
    """This follows a great circle: the straight line is wanted."""
    angle = torch.acos((z0 * z1).sum() / (z0.norm() * z1.norm()))
    t = _t(0, 1, steps, z0)
    return (((1 - t) * angle).sin() * z0 + (t * angle).sin() * z1) / angle.sin()


@exercise.mistake("square-root-weights")
def _(z0, z1, steps):
    """The weights are roots, whose squares add up to one: on a straight line the weights
    themselves add up to one."""
    t = _t(0, 1, steps, z0)
    return (1 - t).sqrt() * z0 + t.sqrt() * z1


def _smooth(t: Tensor) -> Tensor:
    return t * t * (3 - 2 * t)


def _cosine(t: Tensor) -> Tensor:
    return (1 - (math.pi * t).cos()) / 2


for share in (_smooth, _cosine):

    @exercise.mistake("eased")
    def _(z0, z1, steps, share=share):
        """The steps are small at the ends and large in the middle: equal steps are wanted."""
        return z0 + share(_t(0, 1, steps, z0)) * (z1 - z0)


@exercise.mistake("difference-missing")
def _(z0, z1, steps):
    """z1 itself is added step by step: what is added to z0 is a share of the way from z0 to z1."""
    return z0 + _t(0, 1, steps, z0) * z1


@exercise.mistake("away-from-the-end")
def _(z0, z1, steps):
    """This walks away from z1: what is added to z0 is a share of z1 - z0."""
    return z0 + _t(0, 1, steps, z0) * (z0 - z1)


@exercise.mistake("starts-at-zero")
def _(z0, z1, steps):
    """The path starts at the origin: add z0."""
    return _t(0, 1, steps, z0) * (z1 - z0)


@exercise.mistake("past-the-end")
def _(z0, z1, steps):
    """The step is the whole way from z0 to z1, so the path runs far beyond z1: divide it by the
    number of gaps."""
    return z0 + _t(0, steps - 1, steps, z0) * (z1 - z0)


@exercise.mistake("constant")
def _(z0, z1, steps):
    """Every row is z0."""
    return z0.repeat(steps, 1)


@exercise.mistake("midpoint")
def _(z0, z1, steps):
    """Every row is the point halfway: the weight changes from row to row."""
    return ((z0 + z1) / 2).repeat(steps, 1)


@exercise.mistake("halfway")
def _(z0, z1, steps):
    """The path ends halfway between the two codes."""
    return z0 + _t(0, 0.5, steps, z0) * (z1 - z0)
