"""10.guided_noise: classifier-free guidance, two predictions of the noise and a scale."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "10.guided_noise",
    "eps_conditional (B, ...), eps_unconditional (B, ...), scale float -> (B, ...)",
    place=7,
    proves="Scale 0 gives the unconditional prediction and 1 the conditional one; all others lie "
    "on the straight line through both, also beyond it: for vectors, images, one sample, scales "
    "from -2 to 12, double precision.",
    hints=(
        "The log-density that is wanted is log p(x) + scale log p(c | x), and by Bayes' theorem "
        "log p(c | x) is log p(x | c) - log p(x), up to a constant. Take the gradient.",
        "Every gradient is a score, and all three have the same factor in front of their noise: it "
        "drops out. Collect the unconditional ones.",
        "Test it with scale 0 and with scale 1. (The paper's weight w is scale - 1.)",
    ),
    twin="course_utils.diffusion:guided_noise",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, c, d = draw.sizes(3, 2, 7)
    asked = []
    for shape, dtype in (
        ((b, d), torch.float32),
        ((b, c, d), torch.float32),
        ((1, d), torch.float64),
        ((b,), torch.float32),
    ):
        two = [draw.normal(*shape, dtype=dtype) for _ in range(2)]
        for scale in (
            0.0,
            1.0,
            draw.number(0.3, 0.7),
            draw.number(2.5, 9.0),
            draw.number(11.0, 12.0),
            -2.0,
        ):
            asked.append((*two, scale, f(*two, scale)))
    for conditional, unconditional, scale, found in asked:
        if scale in (0.0, 1.0):
            law(
                near(found, conditional if scale else unconditional),
                f"With scale {scale:.0f} it should be the "
                f"{'conditional' if scale else 'unconditional'} prediction itself.",
                f"wrong-at-{scale:.0f}",
            )
        line = unconditional + scale * (conditional - unconditional)
        law(
            near(found, line),
            "The result is not on the straight line through both predictions, at its place.",
            "not-on-the-line",
        )


@exercise.mistake("paper's-weight")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """This is the weight w of the paper, with w = 0 for the conditional model: here that is scale
    1, and scale 0 is the unconditional one."""
    return (1 + scale) * eps_conditional - scale * eps_unconditional


@exercise.mistake("exchanged")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The two predictions are exchanged: scale 1 should be the conditional one."""
    return eps_conditional + scale * (eps_unconditional - eps_conditional)


@exercise.mistake("pushes-back")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The difference has the wrong sign: from the unconditional prediction one goes towards the
    conditional one, and beyond."""
    return eps_unconditional + scale * (eps_unconditional - eps_conditional)


@exercise.mistake("no-start")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """Only the difference is left: it is added to the unconditional prediction."""
    return scale * (eps_conditional - eps_unconditional)


@exercise.mistake("added")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The whole conditional prediction is added to the unconditional one: what the condition
    changes is their difference."""
    return eps_unconditional + scale * eps_conditional


@exercise.mistake("added")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The conditional prediction is scaled and nothing else: noise would be made larger, not
    guided."""
    return scale * eps_conditional


@exercise.mistake("subtracted")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The weights are scale and -scale, so they add up to 0: they have to add up to 1, or noise is
    lost. One unconditional prediction is missing, and the conditional one is counted twice."""
    return eps_conditional + scale * eps_conditional - (1 + scale) * eps_unconditional


@exercise.mistake("no-extrapolation")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The scale is kept between 0 and 1: guidance goes beyond the conditional model."""
    return torch.lerp(eps_unconditional, eps_conditional, min(max(scale, 0.0), 1.0))


@exercise.mistake("averaged")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The weighted sum is divided by 1 + scale, an average of both: guidance goes beyond the
    conditional model."""
    return (eps_unconditional + scale * eps_conditional) / (1 + scale)


@exercise.mistake("rescaled")
def _(eps_conditional: Tensor, eps_unconditional: Tensor, scale: float) -> Tensor:
    """The result is brought back to the size of the conditional prediction: that is done with
    pictures at times, and not asked for here."""
    guided = eps_unconditional + scale * (eps_conditional - eps_unconditional)
    return guided * eps_conditional.norm() / guided.norm()
