"""08.equivalent_beta: beta sigma squared is the only knob."""

import math

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..subject import Subject

exercise = Exercise(
    "08.equivalent_beta",
    "beta float, sigma float, new_sigma float -> float",
    place=4,
    proves="The two losses are proportional, whatever the squared error and the rate are: for "
    "fresh settings, equal sigmas, and sigma from 0.01 to 30.",
    hints=(
        "With a Gaussian decoder the loss is squared error / (2 sigma^2) + beta rate. Two losses "
        "that differ by a constant factor have the same minimum.",
        "Multiply the loss by 2 sigma^2: what stands before the rate then is all that matters.",
        "The same combination at the new sigma must have the same value: solve for the new beta.",
    ),
    twin="course_utils.rate_distortion:equivalent_beta",
)
mistake = exercise.mistake


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    settings = (
        (draw.number(2, 6), draw.number(0.2, 0.5), draw.number(1.5, 3)),
        (draw.number(0.1, 0.6), draw.number(1.5, 3), draw.number(0.2, 0.5)),
        (draw.number(2, 6), 0.01, 30.0),
        (1e-3, 30.0, 0.01),
        (1.0, 0.7, 0.7),
    )
    asked = [(setting, f(*setting)) for setting in settings]
    for (beta, sigma, new_sigma), new_beta in asked:
        law(new_beta > 0, "A positive beta should stay positive.", "not-positive")
        ratios = []
        for _ in range(2):
            square_sum, rate = draw.number(1, 9), draw.number(1, 9)
            loss = square_sum / (2 * sigma**2) + beta * rate
            ratios.append((square_sum / (2 * new_sigma**2) + new_beta * rate) / loss)
        # With the right beta both are the same constant, (sigma / new_sigma)^2.
        law(
            math.isclose(ratios[0], ratios[1], rel_tol=1e-5)
            and math.isclose(ratios[0], (sigma / new_sigma) ** 2, rel_tol=1e-4),
            "With your beta the loss at the new sigma is not proportional to the old one, so it "
            "trains another model.",
            "not-proportional",
        )


@mistake("not-squared")
def _(beta, sigma, new_sigma):
    """The ratio of the sigmas is not squared: the squared error is divided by sigma squared."""
    return beta * sigma / new_sigma


@mistake("inverted")
def _(beta, sigma, new_sigma):
    """The ratio is upside down: a larger sigma makes the squared error weigh less, and the rate has
    to follow."""
    return beta * (new_sigma / sigma) ** 2


@mistake("inverted")
def _(beta, sigma, new_sigma):
    """The ratio is upside down, and not squared."""
    return beta * new_sigma / sigma


@mistake("product")
def _(beta, sigma, new_sigma):
    """Both sigmas multiply: the old one multiplies, the new one divides."""
    return beta * (sigma * new_sigma) ** 2


@mistake("product")
def _(beta, sigma, new_sigma):
    """Both sigmas multiply: the old one multiplies, the new one divides, both squared."""
    return beta * sigma * new_sigma


@mistake("both-divide")
def _(beta, sigma, new_sigma):
    """Both sigmas divide: the old one multiplies."""
    return beta / (sigma * new_sigma) ** 2


@mistake("knob-itself")
def _(beta, sigma, new_sigma):
    """This is beta sigma squared, the knob itself: divide it by the new sigma squared."""
    return beta * sigma**2


@mistake("old-sigma-missing")
def _(beta, sigma, new_sigma):
    """The old sigma is missing."""
    return beta / new_sigma**2


@mistake("new-sigma-only")
def _(beta, sigma, new_sigma):
    """The new sigma squared multiplies, and the old one is missing."""
    return beta * new_sigma**2


@mistake("unchanged")
def _(beta, sigma, new_sigma):
    """This is the old beta: another sigma needs another beta."""
    return beta


@mistake("beta-missing")
def _(beta, sigma, new_sigma):
    """The old beta is missing: this is the ratio alone."""
    return (sigma / new_sigma) ** 2


@mistake("beta-divides")
def _(beta, sigma, new_sigma):
    """The old beta divides where it multiplies."""
    return (sigma / new_sigma) ** 2 / beta


@mistake("two")
def _(beta, sigma, new_sigma):
    """The 2 of 2 sigma squared stands on both sides and drops out: yours divides."""
    return beta * sigma**2 / (2 * new_sigma**2)


@mistake("two")
def _(beta, sigma, new_sigma):
    """The 2 of 2 sigma squared stands on both sides and drops out: yours multiplies."""
    return 2 * beta * sigma**2 / new_sigma**2


@mistake("fourth-power")
def _(beta, sigma, new_sigma):
    """The ratio of the sigmas is squared twice."""
    return beta * (sigma**2 / new_sigma**2) ** 2


@mistake("half-squared")
def _(beta, sigma, new_sigma):
    """One of the two sigmas is squared, the other is not."""
    return beta * sigma**2 / new_sigma


@mistake("half-squared")
def _(beta, sigma, new_sigma):
    """One of the two sigmas is squared, the other is not."""
    return beta * sigma / new_sigma**2


@mistake("root")
def _(beta, sigma, new_sigma):
    """The root of the ratio is taken, where its square belongs."""
    return beta * (sigma / new_sigma) ** 0.5


@mistake("difference")
def _(beta, sigma, new_sigma):
    """The sigmas are subtracted: it is their ratio that counts."""
    return beta + sigma**2 - new_sigma**2


@mistake("difference")
def _(beta, sigma, new_sigma):
    """The sigmas are subtracted: it is their ratio that counts."""
    return beta * (sigma**2 - new_sigma**2)
