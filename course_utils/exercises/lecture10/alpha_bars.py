"""10.alpha_bars: what is left of the signal after each step."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "10.alpha_bars",
    "betas (T,) -> (T,)",
    place=1,
    proves="The first step keeps 1 - beta of the variance, every further one multiplies by its own "
    "1 - beta: for betas in any order, one step, a thousand steps, steps that keep almost all or "
    "almost nothing, double precision.",
    hints=(
        "A step multiplies the signal by sqrt(1 - beta). What does it do to the signal's variance?",
        "What is left of the variance after two steps, with beta_0 and beta_1? After three?",
        "Entry t holds the steps 0 to t, all of them: `torch.cumprod` works like `torch.cumsum`.",
    ),
    twin="course_utils.diffusion:alpha_bars",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    few, more = draw.sizes(2, 4, 9)
    singles = (
        draw.uniform(0.1, 0.6, few),
        draw.uniform(0.1, 0.9, 1),
        torch.tensor([0.999, 0.3, 0.999]),
        torch.linspace(1e-4, draw.number(0.01, 0.03), 1000),
    )
    for betas, bars in [(betas, f(betas)) for betas in singles]:
        first, rest = bars[0], bars[1:]
        law(
            near(first, 1 - betas[0], 1.0),
            "After the first step 1 - betas[0] of the variance should be left.",
            "wrong-start",
        )
        law(
            near(rest, bars[:-1] * (1 - betas[1:]), float(bars[0])),
            "Every step should multiply alpha_bar by its own 1 - beta.",
            "wrong-step",
        )
    doubles = (
        draw.uniform(0.1, 0.6, more, dtype=torch.float64),
        draw.uniform(1e-6, 2e-6, few, dtype=torch.float64),
        singles[-1].double(),
    )
    for betas, bars in [(betas, f(betas)) for betas in doubles]:
        scale = float(betas.max())
        law(
            near(1 - bars[0], betas[0], scale),
            "In double precision, 1 - betas[0] of the variance should be left after the first "
            "step, however small it is: is something rounded or clamped?",
            "wrong-start",
        )
        law(
            near(1 - bars[1:] / bars[:-1], betas[1:], scale),
            "In double precision, every step should multiply alpha_bar by its own 1 - beta, "
            "however small: is something rounded or clamped?",
            "wrong-step",
        )


@exercise.mistake("sum-for-product")
def _(betas: Tensor) -> Tensor:
    """The alphas are added up: each step multiplies what is left of the signal."""
    return torch.cumsum(1 - betas, 0)


@exercise.mistake("betas-for-alphas")
def _(betas: Tensor) -> Tensor:
    """These are products of the betas: what a step keeps of the signal is 1 - beta."""
    return torch.cumprod(betas, 0)


@exercise.mistake("betas-for-alphas")
def _(betas: Tensor) -> Tensor:
    """One minus the product of the betas is not the product of 1 - beta."""
    return 1 - torch.cumprod(betas, 0)


@exercise.mistake("betas-for-alphas")
def _(betas: Tensor) -> Tensor:
    """These are sums of the betas: products of 1 - beta are wanted."""
    return torch.cumsum(betas, 0)


@exercise.mistake("product-again")
def _(betas: Tensor) -> Tensor:
    """The products are multiplied up once more: one `cumprod` of 1 - beta is all."""
    return torch.cumprod(torch.cumprod(1 - betas, 0), 0)


@exercise.mistake("no-product")
def _(betas: Tensor) -> Tensor:
    """These are the alphas of the single steps: alpha_bar is their product from the first step to
    step t."""
    return 1 - betas


@exercise.mistake("noise-for-signal")
def _(betas: Tensor) -> Tensor:
    """This is the variance of the noise, 1 - alpha_bar: the share of the signal is wanted."""
    return 1 - torch.cumprod(1 - betas, 0)


@exercise.mistake("noise-for-signal")
def _(betas: Tensor) -> Tensor:
    """This is the standard deviation of the noise, sqrt(1 - alpha_bar): alpha_bar is wanted."""
    return (1 - torch.cumprod(1 - betas, 0)).sqrt()


@exercise.mistake("extra-root")
def _(betas: Tensor) -> Tensor:
    """This is sqrt(alpha_bar), the factor of x_data: alpha_bar is the product without a root."""
    return torch.cumprod((1 - betas).sqrt(), 0)


@exercise.mistake("squared")
def _(betas: Tensor) -> Tensor:
    """The product is squared: alpha is 1 - beta, a variance already."""
    return torch.cumprod((1 - betas) ** 2, 0)


@exercise.mistake("betas-as-deviations")
def _(betas: Tensor) -> Tensor:
    """The betas are squared: they are variances already."""
    return torch.cumprod(1 - betas**2, 0)


@exercise.mistake("betas-as-deviations")
def _(betas: Tensor) -> Tensor:
    """The roots of the betas are taken: alpha is 1 - beta."""
    return torch.cumprod(1 - betas.sqrt(), 0)


@exercise.mistake("first-order")
def _(betas: Tensor) -> Tensor:
    """One minus the sum of the betas is right for tiny betas only, and turns negative later."""
    return 1 - torch.cumsum(betas, 0)


@exercise.mistake("first-order")
def _(betas: Tensor) -> Tensor:
    """exp(-sum of the betas) is the limit of infinitely many tiny steps: with finite ones it is
    the product of 1 - beta."""
    return torch.exp(-torch.cumsum(betas, 0))


@exercise.mistake("still-a-logarithm")
def _(betas: Tensor) -> Tensor:
    """This is the logarithm of alpha_bar: exp is missing."""
    return torch.cumsum(torch.log(1 - betas), 0)


@exercise.mistake("sign")
def _(betas: Tensor) -> Tensor:
    """The alphas are 1 + beta: a step keeps less than all of the signal."""
    return torch.cumprod(1 + betas, 0)


@exercise.mistake("shifted")
def _(betas: Tensor) -> Tensor:
    """The products are shifted by one step: the first entry is the state after one step, so it
    holds the first beta."""
    return torch.cat([torch.ones_like(betas[:1]), torch.cumprod(1 - betas, 0)[:-1]])


@exercise.mistake("shifted")
def _(betas: Tensor) -> Tensor:
    """There is one entry too many: the first is the state after one step, so it holds the first
    beta."""
    return torch.cat([torch.ones_like(betas[:1]), torch.cumprod(1 - betas, 0)])


@exercise.mistake("shifted")
def _(betas: Tensor) -> Tensor:
    """The first step is left out of all products."""
    return torch.cumprod(1 - betas, 0) / (1 - betas[0])


@exercise.mistake("reversed")
def _(betas: Tensor) -> Tensor:
    """The products run from the end: entry t holds the steps from the first to t."""
    return (1 - betas).flip(0).cumprod(0).flip(0)


@exercise.mistake("reversed")
def _(betas: Tensor) -> Tensor:
    """The products come out in reverse: the first entry is the state after one step."""
    return (1 - betas).cumprod(0).flip(0)


@exercise.mistake("reversed")
def _(betas: Tensor) -> Tensor:
    """The products start with the last beta: the first step comes first."""
    return (1 - betas).flip(0).cumprod(0)


@exercise.mistake("last-only")
def _(betas: Tensor) -> Tensor:
    """One number came back, the product of all steps: one for each step is wanted."""
    return torch.prod(1 - betas)


@exercise.mistake("last-only")
def _(betas: Tensor) -> Tensor:
    """Every entry is the product of all steps: entry t holds the steps up to t. (In a loop
    `a *= ...` changes what was appended before: write `a = a * ...`.)"""
    return torch.prod(1 - betas) * torch.ones_like(betas)


@exercise.mistake("power")
def _(betas: Tensor) -> Tensor:
    """Entry t is a power of the alpha of step t: the steps before it had alphas of their own."""
    return (1 - betas) ** torch.arange(1, len(betas) + 1)


@exercise.mistake("sorted")
def _(betas: Tensor) -> Tensor:
    """The betas are sorted first: the steps come in the order in which they are given."""
    return torch.cumprod(1 - betas.sort().values, 0)


@exercise.mistake("pairs")
def _(betas: Tensor) -> Tensor:
    """Entry t is the product of two neighbouring alphas: all steps before it count."""
    alphas = 1 - betas
    return alphas * torch.cat([torch.ones_like(alphas[:1]), alphas[:-1]])
