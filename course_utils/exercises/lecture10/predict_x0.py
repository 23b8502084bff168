"""10.predict_x0: the data that a noisy state and its predicted noise imply."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject
from .noise_levels import know_wrong_broadcasts, noisy, per_sample, sample_shapes

exercise = Exercise(
    "10.predict_x0",
    "x_t (B, ...), alpha_bar (B,), eps_hat (B, ...) -> (B, ...)",
    place=3,
    proves="It undoes the way forward when the predicted noise is the noise that was added: for "
    "vectors, images and numbers, one sample, almost no signal left, no noise at all, double "
    "precision, with the gradients of both.",
    hints=(
        "Write down what `diffuse` does to x0. Of the four things in it, which one is not known "
        "here?",
        "Put eps_hat in the place of eps, and solve for x0: first take the noise away, with its "
        "factor, then undo the factor of x0.",
        "As in `diffuse`, alpha_bar (B,) needs axes of length 1 to fit x_t (B, ...).",
    ),
    twin="course_utils.diffusion:predict_x0",
)


def implied(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """`noisy` solved for x0."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / a.sqrt()


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        x0 = draw.normal(*shape, dtype=dtype) * 2
        eps = draw.normal(*shape, dtype=dtype)
        alpha_bar = draw.uniform(0.2, 0.8, shape[0], dtype=dtype)
        x_t = noisy(x0, alpha_bar, eps)
        law(
            near(f(x_t, alpha_bar, eps), x0),
            "Given the noise that was added, the x0 that it was added to does not come back.",
            "not-undone",
        )
        other = draw.normal(*shape, dtype=dtype)
        again = noisy(f(x_t, alpha_bar, other), alpha_bar, other)
        law(
            near(again, x_t),
            "With another noise the x0 that comes back does not lead to x_t.",
            "not-undone",
        )
    ones = torch.ones_like(alpha_bar)
    law(
        near(f(x0, ones, eps), x0),
        "With alpha_bar = 1 there is no noise: x_t is x0 already.",
        "wrong-end",
    )
    b, d = draw.sizes(2, 2, 7)
    args = draw.normal(b, d), draw.uniform(0.2, 0.8, b), draw.normal(b, d)
    check_gradients(f, args, {0: "x_t", 2: "eps_hat"}, implied, draw.normal(b, d))
    x0, eps = (draw.normal(3, 2, dtype=torch.float64) for _ in range(2))
    faint = torch.tensor([1e-3, 1e-6, 1e-8], dtype=torch.float64)
    law(
        near(f(noisy(x0, faint, eps), faint, eps), x0),
        "With an alpha_bar of 1e-8, in double precision, x0 does not come back: is a small number "
        "added somewhere?",
        "faint-signal",
    )


@exercise.mistake("noise-sign")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The noise is added once more: it has to be taken away."""
    a = per_sample(alpha_bar, x_t)
    return (x_t + (1 - a).sqrt() * eps_hat) / a.sqrt()


@exercise.mistake("noise-sign")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The whole is the wrong way round: from x_t the noise is subtracted."""
    a = per_sample(alpha_bar, x_t)
    return ((1 - a).sqrt() * eps_hat - x_t) / a.sqrt()


@exercise.mistake("zero-over-zero")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """Right but for alpha_bar = 1, where the result is nan: something is divided by 1 - alpha_bar
    or its root, which is 0 there, as what it is multiplied by. Write it without that division."""
    a = per_sample(alpha_bar, x_t)
    score = -eps_hat / (1 - a).sqrt()
    return (x_t + (1 - a) * score) / a.sqrt()


@exercise.mistake("no-roots")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """Both roots are missing: alpha_bar and 1 - alpha_bar are variances."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a) * eps_hat) / a


@exercise.mistake("no-roots")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The root of alpha_bar is missing: x0 was multiplied by sqrt(alpha_bar)."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / a


@exercise.mistake("no-roots")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The root of 1 - alpha_bar is missing: that is the variance of the noise."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a) * eps_hat) / a.sqrt()


@exercise.mistake("not-divided")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The division by sqrt(alpha_bar) is missing: what is left without the noise is the faded
    signal."""
    return x_t - (1 - per_sample(alpha_bar, x_t)).sqrt() * eps_hat


@exercise.mistake("not-divided")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The faded signal is multiplied by sqrt(alpha_bar) once more: divide."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) * a.sqrt()


@exercise.mistake("half-divided")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """Only x_t is divided by sqrt(alpha_bar): take the noise away first, then divide all of it."""
    a = per_sample(alpha_bar, x_t)
    return x_t / a.sqrt() - (1 - a).sqrt() * eps_hat


@exercise.mistake("half-divided")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """Only the noise is divided by sqrt(alpha_bar): the whole difference has to be."""
    a = per_sample(alpha_bar, x_t)
    return x_t - (1 - a).sqrt() * eps_hat / a.sqrt()


@exercise.mistake("noise-not-scaled")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The noise is not scaled: sqrt(1 - alpha_bar) of it was added."""
    return (x_t - eps_hat) / per_sample(alpha_bar, x_t).sqrt()


@exercise.mistake("noise-not-scaled")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The plain noise is subtracted, and nothing is divided."""
    return x_t - eps_hat


@exercise.mistake("no-noise")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The noise is still in it: subtract what eps_hat says before dividing."""
    return x_t / per_sample(alpha_bar, x_t).sqrt()


@exercise.mistake("exchanged")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """alpha_bar and 1 - alpha_bar are exchanged."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - a.sqrt() * eps_hat) / (1 - a).sqrt()


@exercise.mistake("exchanged")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The noise is scaled by sqrt(alpha_bar): its share is sqrt(1 - alpha_bar)."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - a.sqrt() * eps_hat) / a.sqrt()


@exercise.mistake("exchanged")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The division is by sqrt(1 - alpha_bar): x0 was multiplied by sqrt(alpha_bar)."""
    a = per_sample(alpha_bar, x_t)
    return (x_t - (1 - a).sqrt() * eps_hat) / (1 - a).sqrt()


@exercise.mistake("root-of-difference")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """1 - sqrt(alpha_bar) is not sqrt(1 - alpha_bar)."""
    root = per_sample(alpha_bar, x_t).sqrt()
    return (x_t - (1 - root) * eps_hat) / root


@exercise.mistake("diffused-again")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """This adds noise once more, as the way forward does: solve it for x0."""
    return noisy(x_t, alpha_bar, eps_hat)


@exercise.mistake("clamped")
def _(x_t: Tensor, alpha_bar: Tensor, eps_hat: Tensor) -> Tensor:
    """The result is clamped to [-1, 1]: that helps with pictures, but data may lie further out."""
    return implied(x_t, alpha_bar, eps_hat).clamp(-1, 1)


know_wrong_broadcasts(
    exercise, "alpha_bar", lambda a, x_t, eps: (x_t - (1 - a).sqrt() * eps) / a.sqrt()
)
