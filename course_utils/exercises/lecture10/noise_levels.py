"""What the exercises of diffusion share: noise levels that fit a batch, and shapes to try."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise


def per_sample(numbers: Tensor, x: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1), one number for each sample of x (B, ...)."""
    return numbers.reshape(-1, *[1] * (x.ndim - 1))


def noisy(x0: Tensor, alpha_bar: Tensor, eps: Tensor) -> Tensor:
    """The draw of q(x_t | x_data) that eps makes."""
    a = per_sample(alpha_bar, x0)
    return a.sqrt() * x0 + (1 - a).sqrt() * eps


def sample_shapes(draw: Draw) -> tuple[tuple[tuple[int, ...], torch.dtype], ...]:
    """Shapes (B, ...) of x. In the first two a wrong broadcast of (B,) goes through unnoticed."""
    b, c, d, e = draw.sizes(4, 2, 7)
    return (
        ((b, b), torch.float32),
        ((b, c, b, d), torch.float32),
        ((b, d), torch.float64),
        ((1, e), torch.float32),
        ((c,), torch.float32),
    )


def know_wrong_broadcasts(exercise: Exercise, name: str, formula: Callable[..., Tensor]) -> None:
    """Register the ways to make one number per sample meet a batch wrongly.

    Args:
        exercise: takes tensors (B, ...) and the numbers (B,) last but for further tensors.
        name: of the numbers, for the sentences.
        formula: right for numbers that broadcast already: formula(numbers, *tensors), where the
            first tensor tells the shape.
    """
    ways: tuple[tuple[str, str, Callable[[Tensor, Tensor], Tensor]], ...] = (
        (
            "not-per-sample",
            f"Here {name} meets the last axis instead of the batch: give it further axes of length "
            "1, as many as a sample has.",
            lambda a, x: a,
        ),
        (
            "two-axes-only",
            f"`{name}[:, None]` is right for samples that are vectors only: an image needs more "
            "axes of length 1, a number needs none.",
            lambda a, x: a[:, None],
        ),
        (
            "four-axes-only",
            f"Three axes of length 1 behind {name} are right for images with channels only: take "
            "as many as a sample has.",
            lambda a, x: a[:, None, None, None],
        ),
        (
            "one-for-all",
            f"The first {name} is used for the whole batch: every sample has its own.",
            lambda a, x: a[0],
        ),
        (
            "one-for-all",
            f"The average of {name} is used for the whole batch: every sample has its own.",
            lambda a, x: a.mean(),
        ),
    )
    at = [slot.name for slot in exercise.signature.arguments].index(name)
    for slug, sentence, spread in ways:

        def mistaken(*args: Tensor, spread: Callable = spread) -> Tensor:
            tensors = [*args[:at], *args[at + 1 :]]
            return formula(spread(args[at], tensors[0]), *tensors)

        exercise.mistake(slug, sentence)(mistaken)
