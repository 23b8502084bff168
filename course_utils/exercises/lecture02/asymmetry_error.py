"""02.asymmetry_error: how well the events fix A_FB."""

import math

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject
from .angles import density, derivatives, events, expected_information, information

exercise = Exercise(
    "02.asymmetry_error",
    "cos_theta (N,), a_fb () -> ()",
    place=5,
    proves="The error is that of the log-likelihood's curvature at A_FB for fresh events, one "
    "event, thousands of them, double precision and a density that nearly touches zero.",
    hints=(
        "The observed information is minus the second derivative of the log-likelihood "
        "sum log p(c_n) with respect to A_FB, at `a_fb`.",
        "p is linear in A_FB with slope c, so d/dA log p = c / p. Derive once more: the slope c "
        "comes down again, and p is squared.",
        "Each event adds its own (c / p)^2 to the information. The standard error is one over its "
        "square root.",
    ),
    twin="course_utils.densities:asymmetry_error",
)


def forward_events(draw: Draw) -> Tensor:
    """Cosines, two of three forward: sums over c that should hold c^2 stay positive."""
    n = draw.integer(8, 20)
    return torch.cat([draw.uniform(0.1, 1, 2 * n), draw.uniform(-1, -0.1, n)])


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    few, a_fb = draw.integer(5, 15), torch.tensor(-draw.number(0.2, 0.45))
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [(forward_events(draw), a_fb), (forward_events(draw), a_fb / 2)]
    for error, case in [(f(*case), case) for case in cases]:
        _judge(error, *case)
    others = (
        (draw.uniform(0.3, 0.9, 1), torch.zeros(())),
        (draw.uniform(-1, 1, few, dtype=torch.float64), -a_fb.double()),
        (events(2000, float(-a_fb), draw), -a_fb),
        # p falls to 0.03 at one end: its event has most of the information.
        (torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]), torch.tensor(0.72)),
    )
    for case in others:
        _judge(f(*case), *case)


def _judge(error: Tensor, c: Tensor, a_fb: Tensor) -> None:
    law(error > 0, "A standard error is positive.", "sign")
    law(
        near(error**-2, derivatives(c, a_fb)[1]),
        "One over the square of your error is not the curvature of the log-likelihood: minus its "
        "second derivative with respect to A_FB, summed over the events.",
        "wrong-curvature",
    )


@exercise.mistake("variance")
def _(cos_theta, a_fb):
    """This is one over the information, the variance: the standard error is its root."""
    return 1 / information(cos_theta, a_fb)


@exercise.mistake("information")
def _(cos_theta, a_fb):
    """This is the information itself: the more there is of it, the smaller the error."""
    return information(cos_theta, a_fb)


@exercise.mistake("information")
def _(cos_theta, a_fb):
    """This is the root of the information: the error is one over it."""
    return information(cos_theta, a_fb).sqrt()


@exercise.mistake("per-event")
def _(cos_theta, a_fb):
    """This is the error from one average event: the information of N events adds up, so sum over
    them."""
    return (cos_theta / density(cos_theta, a_fb)).square().mean().rsqrt()


@exercise.mistake("divided-by-n-again")
def _(cos_theta, a_fb):
    """The error is divided by the root of N once more: the sum over the events has done that
    already."""
    return (len(cos_theta) * information(cos_theta, a_fb)).rsqrt()


@exercise.mistake("expected-information")
def _(cos_theta, a_fb):
    """This is the expected information, an integral over all cosines. The observed one is wanted: a
    sum over the events that were seen."""
    return (len(cos_theta) * expected_information(a_fb)).rsqrt().to(cos_theta.dtype)


@exercise.mistake("counting-error")
def _(cos_theta, a_fb):
    """This is the error of counting forward and backward events. The likelihood uses the angle of
    each event: take its curvature."""
    return ((1 - a_fb**2) / len(cos_theta)).sqrt()


@exercise.mistake("counting-error")
def _(cos_theta, a_fb):
    """This is the error of counting forward and backward events, with the counted asymmetry. The
    likelihood uses the angle of each event: take its curvature."""
    return ((1 - cos_theta.sign().mean() ** 2) / len(cos_theta)).sqrt()


@exercise.mistake("error-of-the-mean")
def _(cos_theta, a_fb):
    """This is the error of an average of cosines. The curvature of the log-likelihood is wanted."""
    return cos_theta.std(correction=0) / math.sqrt(len(cos_theta))


@exercise.mistake("error-of-the-mean")
def _(cos_theta, a_fb):
    """This is the error of 3/2 times the mean cosine, an estimate by moments. The curvature of the
    log-likelihood is wanted."""
    return 1.5 * cos_theta.std(correction=0) / math.sqrt(len(cos_theta))


for slug, wrong, sentence in (
    (
        "p-not-squared",
        lambda c, p: (c**2 / p).sum(),
        "p is not squared: deriving log p twice brings 1/p^2.",
    ),
    (
        "c-not-squared",
        lambda c, p: (c / p**2).sum(),
        "c is not squared: it comes down once with each of the two derivatives.",
    ),
    (
        "score-not-squared",
        lambda c, p: (c / p).sum(),
        "The terms c / p are summed as they are: that is the slope of the log-likelihood, not its "
        "curvature.",
    ),
    (
        "score-not-squared",
        lambda c, p: (c / p).abs().sum(),
        "The terms |c| / p are summed: the curvature sums their squares.",
    ),
    (
        "square-of-sum",
        lambda c, p: (c / p).sum().square(),
        "The slopes c / p are summed before they are squared: square each event's own.",
    ),
    (
        "sign",
        lambda c, p: -(c / p).square().sum(),
        "The second derivative of a log-likelihood is negative at its top, and its root is nan: "
        "the information is minus it.",
    ),
):

    @exercise.mistake(slug, sentence)
    def _(cos_theta, a_fb, information=wrong):
        return information(cos_theta, density(cos_theta, a_fb)).rsqrt()


@exercise.mistake("without-asymmetry")
def _(cos_theta, a_fb):
    """The density is that of A_FB = 0: the term A_FB c is missing in p."""
    return information(cos_theta, torch.zeros_like(a_fb)).rsqrt()


@exercise.mistake("asymmetry-sign")
def _(cos_theta, a_fb):
    """A_FB enters the density with the wrong sign: forward, at positive c, it adds."""
    return information(cos_theta, -a_fb).rsqrt()


@exercise.mistake("normalisation")
def _(cos_theta, a_fb):
    """The factor 3/8 is missing in p."""
    return (cos_theta / (1 + cos_theta**2 + a_fb * cos_theta)).square().sum().rsqrt()


@exercise.mistake("normalisation")
def _(cos_theta, a_fb):
    """The factor 3/8 multiplies the term with A_FB too: p is 3/8 (1 + c^2) + A_FB c."""
    p = 3 / 8 * (1 + cos_theta**2 + a_fb * cos_theta)
    return (cos_theta / p).square().sum().rsqrt()
