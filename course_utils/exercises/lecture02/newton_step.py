"""02.newton_step: to the top of the parabola that touches the log-likelihood."""

import torch

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject
from .angles import density, derivatives, events, expected_information, information, slope

exercise = Exercise(
    "02.newton_step",
    "cos_theta (N,), a_fb () -> ()",
    place=6,
    proves="The step leads to the top of the parabola that has the log-likelihood's slope and "
    "curvature at a_fb, for fresh events, many of them or a few on one side, in single and double "
    "precision, and repeating it leads to the maximum.",
    hints=(
        "Near a_fb the log-likelihood is nearly a parabola: slope S and curvature -I at a_fb "
        "decide which one. Where is its top?",
        "S is the sum of the events' own slopes c / p, and I is the observed information that the "
        "error was made of.",
        "The parabola's slope at A is S - I (A - a_fb). It vanishes at one A: return that.",
    ),
    twin="course_utils.densities:newton_step",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    cases = []
    for n, dtype in ((400, torch.float32), (2000, torch.float32), (700, torch.float64)):
        truth = draw.number(0.1, 0.5) * (1 if draw.integer(0, 1) else -1)
        c = events(n, truth, draw, dtype)
        cases.append((c, torch.tensor(draw.number(-0.5, 0.5), dtype=dtype)))
    # All are asked before one is judged: on three draws no two mistakes agree by chance.
    for new, (c, a_fb) in [(f(*case), case) for case in cases]:
        first, second = derivatives(c, a_fb)
        law(
            ((new - a_fb) * first).item() >= 0,
            "The step leads downhill: where the log-likelihood rises with A_FB, A_FB should grow.",
            "sign",
        )
        law(
            near(second * (new - a_fb), first, float(second)),
            "This is not Newton's step: times the observed information, the step should be the "
            "slope of the log-likelihood at a_fb.",
            "wrong-step",
        )
    side = 1 if draw.integer(0, 1) else -1
    for at in (0.5, -0.7):  # the top lies far outside, and where p is small
        c = side * events(draw.integer(8, 20), 0.0, draw, torch.float64).abs()
        a_fb = torch.tensor(side * at, dtype=torch.float64)
        first, second = derivatives(c, a_fb)
        law(
            near(second * (f(c, a_fb) - a_fb), first, float(second)),
            "For a few events, all on one side, this is not Newton's step: the top of the "
            "parabola may lie anywhere, and p may be small. Hold neither the step nor its result "
            "nor p back, and add nothing to the information.",
            "held-back",
        )
    c, a_fb = cases[0]
    for _ in range(12):
        a_fb = f(c, a_fb)
    first, second = derivatives(c, a_fb)
    law(
        abs(float(first / second)) < 1e-4,
        "Repeated a dozen times the step has not reached the maximum of the log-likelihood.",
        "no-maximum",
    )


for slug, wrong, sentence in (
    (
        "sign",
        lambda c, a: -slope(c, a) / information(c, a),
        "The step goes the wrong way. Newton's rule subtracts slope over second derivative, and "
        "the second derivative is minus the information: so slope over information is added.",
    ),
    (
        "standard-error",
        lambda c, a: slope(c, a) * information(c, a).rsqrt(),
        "The slope is multiplied by the standard error, one over the root of the information: "
        "divide by the information itself.",
    ),
    (
        "expected-information",
        lambda c, a: slope(c, a) / (len(c) * expected_information(a)).to(c.dtype),
        "The step divides by the expected information (Fisher's scoring). The observed one is "
        "wanted: a sum over the events that were seen.",
    ),
    (
        "gradient-step",
        lambda c, a: slope(c, a),
        "This adds the slope itself, which is hundreds: divide by the information.",
    ),
    (
        "gradient-step",
        lambda c, a: slope(c, a) / len(c),
        "This adds the mean slope, a step of gradient ascent: Newton divides by the curvature.",
    ),
    (
        "mean-and-sum",
        lambda c, a: slope(c, a) / len(c) / information(c, a),
        "The slope is a mean over the events and the information a sum: both sums, or both means.",
    ),
    (
        "mean-and-sum",
        lambda c, a: slope(c, a) * len(c) / information(c, a),
        "The slope is a sum over the events and the information a mean: both sums, or both means.",
    ),
    (
        "p-not-squared",
        lambda c, a: slope(c, a) / (c**2 / density(c, a)).sum(),
        "In the information p is not squared: deriving log p twice brings 1/p^2.",
    ),
    (
        "c-not-squared",
        lambda c, a: slope(c, a) / (c / density(c, a) ** 2).sum(),
        "In the information c is not squared: it comes down once with each derivative.",
    ),
    (
        "square-of-sum",
        lambda c, a: slope(c, a) / slope(c, a).square(),
        "In the information the slopes c / p are summed before they are squared: square each "
        "event's own.",
    ),
    (
        "half-a-step",
        lambda c, a: slope(c, a) / (2 * information(c, a)),
        "This is half of Newton's step: the parabola's 1/2 goes when it is derived.",
    ),
    (
        "inverted",
        lambda c, a: information(c, a) / slope(c, a),
        "Upside down: the step is the slope over the information.",
    ),
):

    @exercise.mistake(slug, sentence)
    def _(cos_theta, a_fb, step=wrong):
        return a_fb + step(cos_theta, a_fb)


@exercise.mistake("step-only")
def _(cos_theta, a_fb):
    """This is the step alone: add it to `a_fb`, and return the new value."""
    return slope(cos_theta, a_fb) / information(cos_theta, a_fb)


@exercise.mistake("from-zero")
def _(cos_theta, a_fb):
    """This is the step from A_FB = 0: slope and information are those at `a_fb`."""
    zero = torch.zeros_like(a_fb)
    return slope(cos_theta, zero) / information(cos_theta, zero)


@exercise.mistake("from-zero")
def _(cos_theta, a_fb):
    """Slope and information are those of A_FB = 0, where p has no A_FB c: take both at `a_fb`."""
    zero = torch.zeros_like(a_fb)
    return a_fb + slope(cos_theta, zero) / information(cos_theta, zero)


@exercise.mistake("asymmetry-sign")
def _(cos_theta, a_fb):
    """A_FB enters the density with the wrong sign: forward, at positive c, it adds."""
    return a_fb + slope(cos_theta, -a_fb) / information(cos_theta, -a_fb)


@exercise.mistake("normalisation")
def _(cos_theta, a_fb):
    """The factor 3/8 is missing in p."""
    score = cos_theta / (1 + cos_theta**2 + a_fb * cos_theta)
    return a_fb + score.sum() / score.square().sum()


@exercise.mistake("counting")
def _(cos_theta, a_fb):
    """This counts forward and backward events: the step uses the angle of each."""
    return cos_theta.sign().mean()


@exercise.mistake("whole-fit")
def _(cos_theta, a_fb):
    """This goes on to the maximum: one step is wanted, and where it leads shows how good a parabola
    the log-likelihood is."""
    for _ in range(30):
        a_fb = a_fb + slope(cos_theta, a_fb) / information(cos_theta, a_fb)
    return a_fb


@exercise.mistake("held-back")
def _(cos_theta, a_fb):
    """The result is held within -3/4 and 3/4. The parabola does not know these bounds: return its
    top, wherever it lies."""
    return (a_fb + slope(cos_theta, a_fb) / information(cos_theta, a_fb)).clamp(-0.75, 0.75)


@exercise.mistake("adds-the-error")
def _(cos_theta, a_fb):
    """This adds a standard error to `a_fb`: the slope decides how far to go, and which way."""
    return a_fb + information(cos_theta, a_fb).rsqrt()
