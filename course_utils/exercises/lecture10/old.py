"""The exercises of lecture 08, diffusion models: checks by laws, with their known mistakes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import law
from ..lecture02.old import near
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


# --- 10.alpha_bars --------------------------------------------------------------------------


def _right_bars(betas: Tensor) -> Tensor:
    return (1 - betas).cumprod(0)


def _shifted_bars(betas: Tensor) -> Tensor:
    """As a loop that appends before it multiplies."""
    return torch.cat([torch.ones_like(betas[:1]), _right_bars(betas)[:-1]])


def _overwritten_bars(betas: Tensor) -> Tensor:
    """The same loop from the number 1 and with `*=`: what it appended, it changes later."""
    rest = (1 - betas).prod().expand(len(betas) - 1)
    return torch.cat([torch.ones_like(betas[:1]), rest])


def _from_whole_one(bars: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """`torch.tensor` of a list that starts with 1, not 1.0: whole numbers if it ends there."""
    return lambda betas: bars(betas) if len(betas) > 1 else torch.ones(1, dtype=torch.int64)


SHIFTED = (
    "The products are shifted by one step: the first entry is the state after one step, so it "
    "holds the first beta."
)
OVERWRITTEN = (
    "The first entry is 1 and all others are the product of all steps: multiply before you append, "
    "and with `a = a * ...`, since `a *= ...` changes what was appended before."
)

BARS_MISTAKES = (
    Mistake(
        "sum-for-product",
        "The alphas are added up: each step multiplies what is left of the signal.",
        lambda b: (1 - b).cumsum(0),
    ),
    Mistake(
        "betas-for-alphas",
        "These are products of the betas: what a step keeps of the signal is 1 - beta.",
        lambda b: b.cumprod(0),
    ),
    Mistake(
        "betas-for-alphas",
        "One minus the product of the betas is not the product of 1 - beta.",
        lambda b: 1 - b.cumprod(0),
    ),
    Mistake(
        "betas-for-alphas",
        "These are sums of the betas: products of 1 - beta are wanted.",
        lambda b: b.cumsum(0),
    ),
    Mistake(
        "no-product",
        "These are the alphas of the single steps: alpha_bar is their product from the first step "
        "to step t.",
        lambda b: 1 - b,
    ),
    Mistake(
        "noise-for-signal",
        "This is the variance of the noise, 1 - alpha_bar: the share of the signal is wanted.",
        lambda b: 1 - _right_bars(b),
    ),
    Mistake(
        "noise-for-signal",
        "This is the standard deviation of the noise, sqrt(1 - alpha_bar): alpha_bar is wanted.",
        lambda b: (1 - _right_bars(b)).sqrt(),
    ),
    Mistake(
        "extra-root",
        "This is sqrt(alpha_bar), the factor of x_0: alpha_bar is the product without a root.",
        lambda b: _right_bars(b).sqrt(),
    ),
    Mistake(
        "squared",
        "The product is squared: alpha is 1 - beta, a variance already.",
        lambda b: _right_bars(b).square(),
    ),
    Mistake(
        "betas-as-deviations",
        "The betas are squared: they are variances already.",
        lambda b: (1 - b.square()).cumprod(0),
    ),
    Mistake(
        "betas-as-deviations",
        "The roots of the betas are taken: alpha is 1 - beta.",
        lambda b: (1 - b.sqrt()).cumprod(0),
    ),
    Mistake(
        "first-order",
        "One minus the sum of the betas is right for tiny betas only, and turns negative later.",
        lambda b: 1 - b.cumsum(0),
    ),
    Mistake(
        "first-order",
        "exp(-sum of the betas) is the limit of infinitely many tiny steps: with finite ones it is "
        "the product of 1 - beta.",
        lambda b: (-b.cumsum(0)).exp(),
    ),
    Mistake(
        "still-a-logarithm",
        "This is the logarithm of alpha_bar: exp is missing.",
        lambda b: (-b).log1p().cumsum(0),
    ),
    Mistake(
        "sign",
        "The alphas are 1 + beta: a step keeps less than all of the signal.",
        lambda b: (1 + b).cumprod(0),
    ),
    Mistake("shifted", SHIFTED, _shifted_bars),
    Mistake("shifted", SHIFTED, lambda b: _shifted_bars(b).float()),  # torch.tensor of floats
    Mistake("shifted", SHIFTED, _from_whole_one(_shifted_bars)),
    Mistake("shifted", OVERWRITTEN, _overwritten_bars),
    Mistake("shifted", OVERWRITTEN, _from_whole_one(_overwritten_bars)),
    Mistake(
        "shifted",
        "There is one entry too many: the first is the state after one step, so it holds the first "
        "beta.",
        lambda b: torch.cat([torch.ones_like(b[:1]), _right_bars(b)]),
    ),
    Mistake(
        "shifted",
        "The first step is left out of all products.",
        lambda b: _right_bars(b) / (1 - b[0]),
    ),
    Mistake(
        "reversed",
        "The products run from the end: entry t holds the steps from the first to t.",
        lambda b: (1 - b).flip(0).cumprod(0).flip(0),
    ),
    Mistake(
        "reversed",
        "The products come out in reverse: the first entry is the state after one step.",
        lambda b: _right_bars(b).flip(0),
    ),
    Mistake(
        "reversed",
        "The products start with the last beta: the first step comes first.",
        lambda b: (1 - b).flip(0).cumprod(0),
    ),
    Mistake(
        "last-only",
        "One number came back, the product of all steps: one for each step is wanted "
        "(`torch.cumprod`).",
        lambda b: (1 - b).prod(),
    ),
    Mistake(
        "last-only",
        "Every entry is the product of all steps: entry t holds the steps up to t. (In a loop "
        "`a *= ...` changes what was appended before: write `a = a * ...`.)",
        lambda b: (1 - b).prod().expand_as(b),
    ),
    Mistake(
        "power",
        "Entry t is a power of the alpha of step t: the steps before it had alphas of their own.",
        lambda b: (1 - b) ** torch.arange(1, len(b) + 1),
    ),
    Mistake(
        "sorted",
        "The betas are sorted first: the steps come in the order in which they are given.",
        lambda b: _right_bars(b.sort().values),
    ),
    Mistake(
        "pairs",
        "Entry t is the product of two neighbouring alphas: all steps before it count.",
        lambda b: (1 - b) * torch.cat([torch.ones_like(b[:1]), 1 - b[:-1]]),
    ),
)


@exercise(
    "10.alpha_bars",
    "betas (T,) -> (T,)",
    proves="The first step keeps 1 - beta of the variance, every further one multiplies by its own "
    "1 - beta: for betas in any order, one step, a thousand steps, steps that keep almost all or "
    "almost nothing, double precision.",
    hints=(
        "A step multiplies the signal by sqrt(1 - beta), and its variance by alpha = 1 - beta. "
        "What is left of the variance after two steps?",
        "alpha_bar_t is the product of the alphas of the steps 0 to t, one number for each t.",
        "`torch.cumprod(..., dim=0)` gives all the products at once.",
    ),
    twin="course_utils.diffusion:alpha_bars",
    mistakes=BARS_MISTAKES,
)
def check_alpha_bars(f: Subject, draw: Draw) -> None:
    few, more = draw.sizes(2, 4, 9)
    cases = (
        draw.uniform(0.1, 0.6, few),
        draw.uniform(0.1, 0.6, more, dtype=torch.float64),
        draw.uniform(0.1, 0.9, 1),
        draw.uniform(1e-6, 2e-6, few, dtype=torch.float64),
        torch.tensor([0.999, 0.3, 0.999]),
        torch.linspace(1e-4, draw.number(0.01, 0.03), 1000),
    )
    asked = [(betas, f(betas)) for betas in cases]
    for betas, bars in asked:
        law(
            near(1 - bars[0], betas[0], scale=float(betas.max())),
            "After the first step 1 - betas[0] of the variance should be left.",
            "wrong-start",
        )
        law(
            near(1 - bars[1:] / bars[:-1], betas[1:], scale=float(betas.max())),
            "Every step should multiply alpha_bar by its own 1 - beta.",
            "wrong-step",
        )


# --- 10.diffuse -----------------------------------------------------------------------------


Coefficient = Callable[[Tensor], Tensor]  # of alpha_bar (B,)
Spread = Callable[[Tensor, Tensor], Tensor]  # a coefficient (B,) and x (B, ...) -> fits x


def _per_sample(coefficient: Tensor, x: Tensor) -> Tensor:
    """(B,) -> (B, 1, ..., 1), one number for each sample of x (B, ...)."""
    return coefficient.reshape(-1, *[1] * (x.ndim - 1))  # (B,) -> (B, 1, ...)


def _as_it_is(coefficient: Tensor, x: Tensor) -> Tensor:
    """Broadcast against the last axis."""
    return coefficient


def _column(coefficient: Tensor, x: Tensor) -> Tensor:
    return coefficient[:, None]


def _image(coefficient: Tensor, x: Tensor) -> Tensor:
    return coefficient[:, None, None, None]


def _first(coefficient: Tensor, x: Tensor) -> Tensor:
    return coefficient[0]


def _mean(coefficient: Tensor, x: Tensor) -> Tensor:
    return coefficient.mean()


def _signal(alpha_bar: Tensor) -> Tensor:
    return alpha_bar.sqrt()


def _noise(alpha_bar: Tensor) -> Tensor:
    return (1 - alpha_bar).sqrt()


def _one(alpha_bar: Tensor) -> Tensor:
    return torch.ones_like(alpha_bar)


def _zero(alpha_bar: Tensor) -> Tensor:
    return torch.zeros_like(alpha_bar)


def _weighed(
    of_x: Coefficient = _signal, of_eps: Coefficient = _noise, spread: Spread = _per_sample
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """The sum of both tensors, with coefficients of alpha_bar that may be wrong."""
    return lambda x, alpha_bar, eps: (
        spread(of_x(alpha_bar), x) * x + spread(of_eps(alpha_bar), eps) * eps
    )


SPREADS = (
    Mistake(
        "not-per-sample",
        "alpha_bar meets the last axis instead of the batch: give it further axes of length 1, as "
        "many as a sample has.",
        _weighed(spread=_as_it_is),
    ),
    Mistake(
        "two-axes-only",
        "`alpha_bar[:, None]` is right for samples that are vectors only: an image needs more axes "
        "of length 1, a number needs none.",
        _weighed(spread=_column),
    ),
    Mistake(
        "four-axes-only",
        "Three axes of length 1 behind alpha_bar are right for images with channels only: take as "
        "many as a sample has.",
        _weighed(spread=_image),
    ),
    Mistake(
        "one-for-all",
        "The first alpha_bar is used for the whole batch: every sample has its own.",
        _weighed(spread=_first),
    ),
    Mistake(
        "one-for-all",
        "alpha_bar is averaged over the batch: every sample has its own.",
        _weighed(spread=_mean),
    ),
)

DIFFUSE_MISTAKES = (
    Mistake(
        "no-roots",
        "Both roots are missing: alpha_bar and 1 - alpha_bar are variances.",
        _weighed(lambda a: a, lambda a: 1 - a),
    ),
    Mistake(
        "no-roots",
        "The root of alpha_bar is missing before x0.",
        _weighed(of_x=lambda a: a),
    ),
    Mistake(
        "no-roots",
        "The root of 1 - alpha_bar is missing before the noise.",
        _weighed(of_eps=lambda a: 1 - a),
    ),
    Mistake(
        "exchanged",
        "The two coefficients are exchanged: as alpha_bar falls from 1 to 0 the signal fades.",
        _weighed(_noise, _signal),
    ),
    Mistake(
        "exchanged",
        "The two coefficients are exchanged, and their roots are missing.",
        _weighed(lambda a: 1 - a, lambda a: a),
    ),
    Mistake(
        "root-of-difference",
        "1 - sqrt(alpha_bar) is not sqrt(1 - alpha_bar): it is the variances that add up to 1.",
        _weighed(of_eps=lambda a: 1 - a.sqrt()),
    ),
    Mistake(
        "same-coefficient",
        "x0 and the noise have the same coefficient: as one fades the other grows.",
        _weighed(_signal, _signal),
    ),
    Mistake(
        "noise-not-scaled",
        "The noise is not scaled: its variance is 1 - alpha_bar.",
        _weighed(of_eps=_one),
    ),
    Mistake(
        "signal-not-scaled",
        "x0 is not scaled: it has to fade as the noise grows, or the variance explodes.",
        _weighed(of_x=_one),
    ),
    Mistake(
        "signal-not-scaled",
        "Nothing is scaled: the signal fades with alpha_bar, and the noise grows.",
        _weighed(_one, _one),
    ),
    Mistake(
        "squared",
        "alpha_bar is taken for the factor of x0: it is that of the variance, the square of it.",
        _weighed(lambda a: a, lambda a: (1 - a.square()).sqrt()),
    ),
    Mistake(
        "root-of-root",
        "A root is taken twice.",
        _weighed(lambda a: a**0.25, lambda a: (1 - a) ** 0.25),
    ),
    Mistake(
        "root-of-root",
        "A root is taken twice: sqrt(1 - sqrt(alpha_bar)) is not sqrt(1 - alpha_bar).",
        _weighed(of_eps=lambda a: (1 - a.sqrt()).sqrt()),
    ),
    Mistake(
        "noise-sign",
        "The noise is subtracted: as likely a draw, but eps should be the noise that is added.",
        _weighed(of_eps=lambda a: -_noise(a)),
    ),
    Mistake(
        "no-noise",
        "There is no noise: this is the mean of q(x_t | x_0).",
        _weighed(of_eps=_zero),
    ),
    Mistake(
        "noise-only",
        "x0 does not occur: its share is sqrt(alpha_bar).",
        _weighed(of_x=_zero),
    ),
    Mistake(
        "clamped",
        "The result is clamped to [-1, 1]: noise goes further than that.",
        lambda x, a, eps: _weighed()(x, a, eps).clamp(-1, 1),
    ),
    Mistake(
        "undone",
        "This takes noise away, as the way back does: adding it to x0 is wanted.",
        _weighed(lambda a: a.rsqrt(), lambda a: -_noise(a) / a.sqrt()),
    ),
    *SPREADS,
    Mistake(
        "not-per-sample",
        "alpha_bar meets the last axis instead of the batch, and the roots are missing.",
        _weighed(lambda a: a, lambda a: 1 - a, _as_it_is),
    ),
)


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


@exercise(
    "10.diffuse",
    "x0 (B, ...), alpha_bar (B,), eps (B, ...) -> (B, ...)",
    proves="Signal of variance alpha_bar and noise of variance 1 - alpha_bar, added, each sample "
    "with its own alpha_bar: for vectors, images and numbers, no noise at all, noise alone, one "
    "sample, double precision, with gradients.",
    hints=(
        "q(x_t | x_0) is a Gaussian. A draw from any Gaussian is its mean plus its standard "
        "deviation times eps.",
        "The mean is sqrt(alpha_bar) x0, the variance 1 - alpha_bar.",
        "alpha_bar is (B,), x0 may be (B, D) or (B, C, H, W). `alpha_bar.reshape(-1, *[1] * "
        "(x0.ndim - 1))` has as many axes as x0.",
    ),
    twin="course_utils.diffusion:diffuse",
    mistakes=DIFFUSE_MISTAKES,
)
def check_diffuse(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        x0 = draw.normal(*shape, dtype=dtype) * 2
        eps = draw.normal(*shape, dtype=dtype)
        alpha_bar = draw.uniform(0.2, 0.8, shape[0], dtype=dtype)
        x_t = f(x0, alpha_bar, eps)
        law(
            torch.equal(f(x0, alpha_bar, eps), x_t),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `eps` it is given.",
            "own-noise",
        )
        signal = f(x0, alpha_bar, torch.zeros_like(eps))
        noise = f(torch.zeros_like(x0), alpha_bar, eps)
        both = (signal, alpha_bar, x0), (noise, 1 - alpha_bar, eps)
        for part, variance, whole in both:
            what = "signal" if part is signal else "noise"
            share = _per_sample(variance, whole) * whole.square()
            law(
                near(part.square(), share) and bool((part * whole >= 0).all()),
                f"The {what} by itself does not have the size it should have: its variance is "
                f"{'alpha_bar' if part is signal else '1 - alpha_bar'} times that of "
                f"{'x0' if part is signal else 'eps'}.",
                f"wrong-{what}",
            )
        law(near(x_t, signal + noise), "Signal and noise should simply be added.", "not-added")
    ones = torch.ones_like(alpha_bar)
    law(
        near(f(x0, ones, eps), x0) and near(f(x0, 0 * ones, eps), eps),
        "With alpha_bar = 1 the result should be x0 itself, with alpha_bar = 0 the noise itself.",
        "wrong-ends",
    )
    (gradient,) = f.vjp((x0, alpha_bar, eps), (0,), torch.ones_like(x0))
    law(
        gradient is not None,
        "No gradient reaches `x0`: look for `.detach()`, `torch.no_grad()`, or a new tensor made "
        "from numbers.",
        "detached",
    )


# --- 10.predict_x0 --------------------------------------------------------------------------


def _undone(
    of_x: Coefficient = lambda a: a.rsqrt(),
    of_eps: Coefficient = lambda a: -(1 / a - 1).sqrt(),
    spread: Spread = _per_sample,
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """x_t and eps_hat, each with its coefficient; the right ones by default."""
    return _weighed(of_x, of_eps, spread)


PREDICT_MISTAKES = (
    Mistake(
        "noise-sign",
        "The noise is added once more: it has to be taken away.",
        _undone(of_eps=lambda a: (1 / a - 1).sqrt()),
    ),
    Mistake(
        "noise-sign",
        "The whole is the wrong way round: from x_t the noise is subtracted.",
        _undone(lambda a: -a.rsqrt(), lambda a: (1 / a - 1).sqrt()),
    ),
    Mistake(
        "no-roots",
        "Both roots are missing: alpha_bar and 1 - alpha_bar are variances.",
        _undone(lambda a: 1 / a, lambda a: -(1 - a) / a),
    ),
    Mistake(
        "no-roots",
        "The root of alpha_bar is missing: x0 was multiplied by sqrt(alpha_bar).",
        _undone(lambda a: 1 / a, lambda a: -_noise(a) / a),
    ),
    Mistake(
        "no-roots",
        "The root of 1 - alpha_bar is missing: that is the variance of the noise.",
        _undone(of_eps=lambda a: -(1 - a) / a.sqrt()),
    ),
    Mistake(
        "not-divided",
        "The division by sqrt(alpha_bar) is missing: what is left without the noise is the faded "
        "signal.",
        _undone(_one, lambda a: -_noise(a)),
    ),
    Mistake(
        "not-divided",
        "The faded signal is multiplied by sqrt(alpha_bar) once more: divide.",
        _undone(_signal, lambda a: -_noise(a) * a.sqrt()),
    ),
    Mistake(
        "half-divided",
        "Only x_t is divided by sqrt(alpha_bar): take the noise away first, then divide all of it.",
        _undone(of_eps=lambda a: -_noise(a)),
    ),
    Mistake(
        "half-divided",
        "Only the noise is divided by sqrt(alpha_bar): the whole difference has to be.",
        _undone(of_x=_one),
    ),
    Mistake(
        "noise-not-scaled",
        "The noise is not scaled: sqrt(1 - alpha_bar) of it was added.",
        _undone(of_eps=lambda a: -a.rsqrt()),
    ),
    Mistake(
        "noise-not-scaled",
        "The plain noise is subtracted, and nothing is divided.",
        _undone(_one, lambda a: -_one(a)),
    ),
    Mistake(
        "no-noise",
        "The noise is still in it: subtract what eps_hat says before dividing.",
        _undone(of_eps=_zero),
    ),
    Mistake(
        "exchanged",
        "alpha_bar and 1 - alpha_bar are exchanged.",
        _undone(lambda a: (1 - a).rsqrt(), lambda a: -(a / (1 - a)).sqrt()),
    ),
    Mistake(
        "exchanged",
        "The noise is scaled by sqrt(alpha_bar): its share is sqrt(1 - alpha_bar).",
        _undone(of_eps=lambda a: -_one(a)),
    ),
    Mistake(
        "exchanged",
        "The division is by sqrt(1 - alpha_bar): x0 was multiplied by sqrt(alpha_bar).",
        _undone(lambda a: (1 - a).rsqrt(), lambda a: -_one(a)),
    ),
    Mistake(
        "root-of-difference",
        "1 - sqrt(alpha_bar) is not sqrt(1 - alpha_bar).",
        _undone(of_eps=lambda a: -(1 - a.sqrt()) / a.sqrt()),
    ),
    Mistake(
        "diffused-again",
        "This adds noise once more, as the way forward does: solve it for x0.",
        _weighed(),
    ),
    Mistake(
        "clamped",
        "The result is clamped to [-1, 1]: that helps with pictures, but data may lie further out.",
        lambda x, a, eps: _undone()(x, a, eps).clamp(-1, 1),
    ),
    *(
        Mistake(m.slug, m.message, _undone(spread=spread))
        for m, spread in zip(SPREADS, (_as_it_is, _column, _image, _first, _mean), strict=True)
    ),
)


@exercise(
    "10.predict_x0",
    "x_t (B, ...), alpha_bar (B,), eps_hat (B, ...) -> (B, ...)",
    proves="It undoes the way forward when the predicted noise is the noise that was added: for "
    "vectors, images and numbers, one sample, almost no signal left, no noise at all, double "
    "precision, with gradients.",
    hints=(
        "On the way forward x_t = sqrt(alpha_bar) x0 + sqrt(1 - alpha_bar) eps. All but x0 is "
        "known here.",
        "Put eps_hat in the place of eps, take the noise away, and undo the factor of x0.",
        "As in `diffuse`, alpha_bar (B,) needs axes of length 1 to fit x_t (B, ...).",
    ),
    twin="course_utils.diffusion:predict_x0",
    mistakes=PREDICT_MISTAKES,
)
def check_predict_x0(f: Subject, draw: Draw) -> None:
    for shape, dtype in sample_shapes(draw):
        x0 = draw.normal(*shape, dtype=dtype) * 2
        eps = draw.normal(*shape, dtype=dtype)
        alpha_bar = draw.uniform(0.2, 0.8, shape[0], dtype=dtype)
        x_t = _weighed()(x0, alpha_bar, eps)
        law(
            near(f(x_t, alpha_bar, eps), x0),
            "Given the noise that was added, the x0 that it was added to does not come back.",
            "not-undone",
        )
        other = draw.normal(*shape, dtype=dtype)
        again = _weighed()(f(x_t, alpha_bar, other), alpha_bar, other)
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
    x_t, eps_hat = x0, eps
    gradients = f.vjp((x_t, alpha_bar, eps_hat), (0, 2), torch.ones_like(x_t))
    law(
        all(gradient is not None for gradient in gradients),
        "No gradient reaches `x_t` or `eps_hat`, so no loss on x0 could teach a network: look for "
        "`.detach()`, `torch.no_grad()`, or a new tensor made from numbers.",
        "detached",
    )
    x0, eps = (draw.normal(3, 2, dtype=torch.float64) for _ in range(2))
    faint = torch.tensor([1e-3, 1e-6, 1e-8], dtype=torch.float64)
    law(
        near(f(_weighed()(x0, faint, eps), faint, eps), x0),
        "With an alpha_bar of 1e-8, in double precision, x0 does not come back: is a small number "
        "added somewhere?",
        "faint-signal",
    )


# --- 10.ddpm_step ---------------------------------------------------------------------------


@dataclass(frozen=True)
class At:
    """The numbers of the schedule at one step, each 0-d."""

    t: int
    beta: Tensor
    bar: Tensor  # alpha_bar_t
    before: Tensor  # alpha_bar_{t-1}, 1 at t = 0
    wrapped: Tensor  # what index t - 1 gives: the last one at t = 0

    @property
    def alpha(self) -> Tensor:
        return 1 - self.beta


def _at(t: int, betas: Tensor) -> At:
    bars = _right_bars(betas)
    wrapped = bars[(t - 1) % len(bars)]
    return At(t, betas[t], bars[t], wrapped if t > 0 else torch.ones_like(wrapped), wrapped)


Number = Callable[[At], Tensor | float]


def _posterior_variance(s: At) -> Tensor:
    return s.beta * (1 - s.before) / (1 - s.bar)


def _stepped(
    of_x: Number = lambda s: s.alpha.rsqrt(),
    of_eps: Number = lambda s: -s.beta / (s.alpha * (1 - s.bar)).sqrt(),
    sigma: Number = lambda s: _posterior_variance(s).sqrt(),
    at: Callable[[int, Tensor], At] = _at,
) -> Callable[[Tensor, int, Tensor, Tensor, Tensor], Tensor]:
    """One step with a coefficient for each of its three terms; the right ones by default."""

    def step(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
        s = at(t, betas)
        return of_x(s) * x_t + of_eps(s) * eps_hat + sigma(s) * noise

    return step


def _quiet_at_zero(sigma: Number) -> Number:
    return lambda s: sigma(s) if s.t > 0 else 0.0


def _x0_hat(s: At, x_t: Tensor, eps_hat: Tensor) -> Tensor:
    return (x_t - (1 - s.bar).sqrt() * eps_hat) / s.bar.sqrt()


def _by_x0(
    mean: Callable[[At, Tensor, Tensor], Tensor],
    sigma: Number = lambda s: _posterior_variance(s).sqrt(),
) -> Callable[[Tensor, int, Tensor, Tensor, Tensor], Tensor]:
    """A step whose mean is found from the predicted x0: mean(s, x_t, x0_hat)."""

    def step(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
        s = _at(t, betas)
        return mean(s, x_t, _x0_hat(s, x_t, eps_hat)) + sigma(s) * noise

    return step


def _posterior_mean(s: At, x_t: Tensor, x0: Tensor) -> Tensor:
    of_x0 = s.before.sqrt() * s.beta / (1 - s.bar)
    return of_x0 * x0 + s.alpha.sqrt() * (1 - s.before) / (1 - s.bar) * x_t


def _ddim_mean(s: At, x_t: Tensor, x0: Tensor) -> Tensor:
    eps = (x_t - s.bar.sqrt() * x0) / (1 - s.bar).sqrt()
    return s.before.sqrt() * x0 + (1 - s.before).sqrt() * eps


def _shifted_at(t: int, betas: Tensor) -> At:
    """alpha_bar with a one in front: every product lags a step behind."""
    s = _at(t, betas)
    before = _at(t - 1, betas).before if t else torch.ones_like(s.bar)
    return At(t, s.beta, s.before, before, before)


def _early_at(t: int, betas: Tensor) -> At:
    """Everything of the step before, and of the first at t = 0."""
    return replace(_at(max(t - 1, 0), betas), t=t)


def _wrapped_early_at(t: int, betas: Tensor) -> At:
    """Everything of the step before, and of the last at t = 0, as Python's index -1 gives it."""
    return replace(_at((t - 1) % len(betas), betas), t=t)


def _wrapped_sigma(s: At) -> Tensor:
    return (s.beta * (1 - s.wrapped) / (1 - s.bar)).sqrt()


# What a step that takes everything of t - 1 makes of its noise, silent at t = 0: alpha_bar before
# the first step is the last one, or the first one, or alpha_bar_{t-1} stands there all the same.
EARLY_SIGMAS: tuple[Number, ...] = (
    _wrapped_sigma,
    lambda s: s.beta.sqrt() if s.t == 1 else _wrapped_sigma(s),
    lambda s: s.beta.sqrt(),
)


def _backward_at(t: int, betas: Tensor) -> At:
    """As if t counted from the end."""
    return _at(len(betas) - 1 - t, betas)


STEP_MISTAKES = (
    Mistake(
        "beta-variance",
        "The variance is beta_t: that is the other choice of the DDPM paper. The posterior's is "
        "smaller, and asked for here.",
        _stepped(sigma=_quiet_at_zero(lambda s: s.beta.sqrt())),
    ),
    Mistake(
        "beta-variance",
        "The variance is beta_t, even in the last step: the posterior's is smaller, and zero at "
        "t = 0.",
        _stepped(sigma=lambda s: s.beta.sqrt()),
    ),
    Mistake(
        "beta-variance",
        "The noise is multiplied by beta_t: the root of the posterior's variance is wanted.",
        _stepped(sigma=lambda s: s.beta),
    ),
    Mistake(
        "beta-variance",
        "The noise is multiplied by beta_t: the root of the posterior's variance is wanted.",
        _stepped(sigma=_quiet_at_zero(lambda s: s.beta)),
    ),
    Mistake(
        "last-for-first",
        "At t = 0 the index t - 1 is -1, in Python the last entry: alpha_bar before the first step "
        "is 1, and so the last step back adds no noise.",
        _stepped(sigma=lambda s: (s.beta * (1 - s.wrapped) / (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "noise-at-zero",
        "Noise is added at t = 0, of variance beta: the last step back adds none.",
        _stepped(sigma=lambda s: (_posterior_variance(s) if s.t else s.beta).sqrt()),
    ),
    Mistake(
        "noise-at-zero",
        "The plain noise is added at t = 0: the last step back adds none.",
        _stepped(sigma=lambda s: _posterior_variance(s).sqrt() if s.t else 1.0),
    ),
    Mistake(
        "one-based",
        "No noise is added at t = 1 either: in the paper the steps count from 1, here from 0.",
        _stepped(sigma=lambda s: _posterior_variance(s).sqrt() if s.t > 1 else 0.0),
    ),
    Mistake(
        "variance-for-deviation",
        "The noise is multiplied by the variance: take its root.",
        _stepped(sigma=_posterior_variance),
    ),
    Mistake(
        "variance-for-deviation",
        "The root covers a part of the posterior's variance only.",
        _stepped(sigma=lambda s: s.beta * ((1 - s.before) / (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "variance-for-deviation",
        "The root covers a part of the posterior's variance only.",
        _stepped(sigma=lambda s: s.beta.sqrt() * (1 - s.before) / (1 - s.bar)),
    ),
    Mistake(
        "wrong-variance",
        "The posterior's variance is turned over: 1 - alpha_bar_{t-1} stands above "
        "1 - alpha_bar_t, and it is smaller than beta_t.",
        _stepped(sigma=_quiet_at_zero(lambda s: (s.beta * (1 - s.bar) / (1 - s.before)).sqrt())),
    ),
    Mistake(
        "wrong-variance",
        "beta_t is missing in the posterior's variance.",
        _stepped(sigma=lambda s: ((1 - s.before) / (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "wrong-variance",
        "The alpha_bars stand in the posterior's variance where 1 - alpha_bar belongs.",
        _stepped(sigma=_quiet_at_zero(lambda s: (s.beta * s.before / s.bar).sqrt())),
    ),
    Mistake(
        "wrong-variance",
        "The noise has the variance 1 - alpha_bar_t, that of all steps together: one step back "
        "adds far less.",
        _stepped(sigma=_quiet_at_zero(lambda s: (1 - s.bar).sqrt())),
    ),
    Mistake(
        "noise-not-scaled",
        "The noise is not scaled: its variance is the posterior's.",
        _stepped(sigma=_quiet_at_zero(lambda s: 1.0)),
    ),
    Mistake(
        "noise-not-scaled",
        "The noise is not scaled, and added at t = 0 too.",
        _stepped(sigma=lambda s: 1.0),
    ),
    Mistake(
        "no-noise",
        "There is no noise: this is the mean of the step alone.",
        _stepped(sigma=lambda s: 0.0),
    ),
    Mistake(
        "noise-sign",
        "The noise is subtracted: as likely a draw, but noise is to be added here.",
        _stepped(sigma=lambda s: -_posterior_variance(s).sqrt()),
    ),
    Mistake(
        "eps-sign",
        "The predicted noise is added: the way back takes it away.",
        _stepped(of_eps=lambda s: s.beta / (s.alpha * (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "alpha-for-alpha-bar",
        "In the mean beta_t is divided by sqrt(1 - alpha_t): it is alpha_bar_t there.",
        _stepped(of_eps=lambda s: -s.beta / (s.alpha * s.beta).sqrt()),
    ),
    Mistake(
        "alpha-bar-for-alpha",
        "The mean is divided by sqrt(alpha_bar_t): one step back undoes one step, sqrt(alpha_t).",
        _stepped(lambda s: s.bar.rsqrt(), lambda s: -s.beta / (s.bar * (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "no-root",
        "The root of 1 - alpha_bar_t is missing in the mean.",
        _stepped(of_eps=lambda s: -s.beta / (s.alpha.sqrt() * (1 - s.bar))),
    ),
    Mistake(
        "no-root",
        "The mean is divided by alpha_t, without the root.",
        _stepped(lambda s: 1 / s.alpha, lambda s: -s.beta / (s.alpha * (1 - s.bar).sqrt())),
    ),
    Mistake(
        "no-root",
        "The root covers beta_t too, in the mean: beta_t / sqrt(1 - alpha_bar_t) is wanted.",
        _stepped(of_eps=lambda s: -(s.beta / (s.alpha * (1 - s.bar))).sqrt()),
    ),
    Mistake(
        "not-divided",
        "The division of the mean by sqrt(alpha_t) is missing: the step forward made the signal "
        "fade, the step back has to undo it.",
        _stepped(lambda s: 1.0, lambda s: -s.beta / (1 - s.bar).sqrt()),
    ),
    Mistake(
        "not-divided",
        "The mean is multiplied by sqrt(alpha_t), as in the step forward: divide.",
        _stepped(lambda s: s.alpha.sqrt(), lambda s: -s.beta * (s.alpha / (1 - s.bar)).sqrt()),
    ),
    Mistake(
        "half-divided",
        "Only x_t is divided by sqrt(alpha_t): the predicted noise is too.",
        _stepped(of_eps=lambda s: -s.beta / (1 - s.bar).sqrt()),
    ),
    Mistake(
        "eps-not-scaled",
        "All of the noise is taken away at once, sqrt(1 - alpha_bar_t) eps_hat: one step takes "
        "beta_t / sqrt(1 - alpha_bar_t) of it.",
        _stepped(of_eps=lambda s: -((1 - s.bar) / s.alpha).sqrt()),
    ),
    Mistake(
        "eps-not-scaled",
        "The noise of one step forward is taken away, sqrt(beta_t) eps_hat, without the division "
        "by sqrt(alpha_t).",
        _stepped(lambda s: 1.0, lambda s: -s.beta.sqrt()),
    ),
    Mistake(
        "eps-not-scaled",
        "The predicted noise is subtracted as it is: beta_t / sqrt(1 - alpha_bar_t) of it.",
        _stepped(of_eps=lambda s: -s.alpha.rsqrt()),
    ),
    Mistake(
        "no-eps",
        "The predicted noise is not used.",
        _stepped(of_eps=lambda s: 0.0),
    ),
    Mistake(
        "jumps-to-x0",
        "This jumps to the predicted x0 in one step, and the walk would start anew from there: "
        "one step back is wanted.",
        _by_x0(lambda s, x_t, x0: x0),
    ),
    Mistake(
        "jumps-to-x0",
        "This is the predicted x0: one step back is wanted.",
        _by_x0(lambda s, x_t, x0: x0, lambda s: 0.0),
    ),
    Mistake(
        "deterministic-step",
        "This is the deterministic step of DDIM, which puts the predicted noise back in: here "
        "fresh noise is added.",
        _by_x0(_ddim_mean, lambda s: 0.0),
    ),
    Mistake(
        "deterministic-step",
        "The mean is that of DDIM, which holds all of the predicted noise: with fresh noise on "
        "top there is too much.",
        _by_x0(_ddim_mean),
    ),
    Mistake(
        "diffused-again",
        "This predicts x0 and diffuses it again to t - 1, which forgets x_t: the posterior's mean "
        "holds both.",
        _by_x0(lambda s, x_t, x0: s.before.sqrt() * x0, lambda s: (1 - s.before).sqrt()),
    ),
    Mistake(
        "clamped",
        "The predicted x0 is clamped to [-1, 1]: that helps with pictures, but data may lie "
        "further out.",
        _by_x0(lambda s, x_t, x0: _posterior_mean(s, x_t, x0.clamp(-1, 1))),
    ),
    Mistake(
        "exchanged",
        "x0 and x_t are exchanged in the posterior's mean.",
        _by_x0(lambda s, x_t, x0: _posterior_mean(s, x0, x_t)),
    ),
    Mistake(
        "off-by-one",
        "The alpha_bars lag a step behind: alpha_bar_t holds the beta of step t, and alpha_bar "
        "before the first step is 1.",
        _stepped(at=_shifted_at),
    ),
    Mistake(
        "off-by-one",
        "alpha_bar_{t-1} stands in the mean, where alpha_bar_t belongs.",
        _stepped(
            of_eps=lambda s: -s.beta / (s.alpha * (1 - s.wrapped)).sqrt(),
        ),
    ),
    Mistake(
        "off-by-one",
        "This is the step of t - 1: `t` is an index into betas, counted from 0.",
        _stepped(at=_early_at),
    ),
    Mistake(
        "off-by-one",
        "This is the step of t - 1: `t` is an index into betas, counted from 0.",
        lambda x_t, t, eps_hat, betas, noise: _stepped()(x_t, t - 1, eps_hat, betas, noise),
    ),
    *(
        Mistake(
            "off-by-one",
            "Everything is taken from step t - 1: t is an index into betas that starts at 0, so "
            "use betas[t].",
            _stepped(sigma=_quiet_at_zero(sigma), at=at),
        )
        for at in (_wrapped_early_at, _early_at)
        for sigma in EARLY_SIGMAS
    ),
    Mistake(
        "backward-index",
        "t is counted from the end: betas[t] is the step that led to x_t, and t = 0 comes last.",
        _stepped(at=_backward_at),
    ),
    Mistake(
        "forward-step",
        "This is a step forward, which adds noise: the way back is wanted.",
        _stepped(lambda s: s.alpha.sqrt(), lambda s: 0.0, lambda s: s.beta.sqrt()),
    ),
)


@exercise(
    "10.ddpm_step",
    "x_t (...), t int, eps_hat (...), betas (T,), noise (...) -> (...)",
    proves="If the predicted noise is the true one, the step draws from the posterior "
    "q(x_{t-1} | x_t, x_0) that Bayes' theorem gives, and the last step gives x_0 back: for fresh "
    "schedules, every kind of t, vectors and images, a single step, tiny betas, double precision.",
    hints=(
        "Two parts: a mean, and noise times a standard deviation. Both come from the Gaussian "
        "q(x_{t-1} | x_t, x_0), in which the predicted noise stands for x_0.",
        "The mean is (x_t - beta_t / sqrt(1 - alpha_bar_t) eps_hat) / sqrt(alpha_t). The variance "
        "is beta_t (1 - alpha_bar_{t-1}) / (1 - alpha_bar_t).",
        "Before the first step nothing has faded: alpha_bar_{-1} is 1. Python's index -1 is the "
        "last entry, so treat t = 0 by itself.",
    ),
    twin="course_utils.diffusion:ddpm_step",
    mistakes=STEP_MISTAKES,
)
def check_ddpm_step(f: Subject, draw: Draw) -> None:
    b, c, d, e = draw.sizes(4, 2, 7)
    steps = draw.integer(6, 9)
    betas = draw.uniform(0.1, 0.6, steps)
    cases = (
        ((b, d), draw.integer(3, steps - 2), betas),
        ((b, c, e), steps - 1, betas.double()),
        ((b, d), 2, betas),
        ((1, d), 1, betas),
        ((b, d), 0, betas),
        ((c, d), 0, betas[:1]),
        ((b, e), draw.integer(100, 900), torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)),
        ((b, e), 1, draw.uniform(1e-6, 2e-6, 3, dtype=torch.float64)),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, t, given in cases:
        x0, eps, noise = (draw.normal(*shape, dtype=given.dtype) * s for s in (2, 1, 1))
        x_t = _weighed(spread=lambda a, x: a)(x0, _right_bars(given)[t], eps)
        moved = f(x_t, t, eps, given, noise)
        law(
            torch.equal(f(x_t, t, eps, given, noise), moved),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `noise` it is given.",
            "own-noise",
        )
        still = f(x_t, t, eps, given, torch.zeros_like(noise))
        asked.append((t, given, x0, x_t, noise, still, moved))
    for t, given, x0, x_t, noise, still, moved in asked:
        if t == 0:
            law(
                near(moved, still),
                "Noise is added at t = 0: the last step back should add none.",
                "noise-at-zero",
            )
            law(
                near(still, x0),
                "At t = 0, given the noise that was added, x_0 should come back.",
                "not-undone",
            )
            continue
        # Bayes: q(x_{t-1} | x_t, x_0) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_0).
        beta, before = given[t].double(), _right_bars(given.double())[t - 1]
        precision = (1 - beta) / beta + 1 / (1 - before)
        pull = (1 - beta).sqrt() / beta * x_t + before.sqrt() / (1 - before) * x0
        law(
            near(still, (pull / precision).to(still), float(x_t.abs().max())),
            "Without noise, and given the noise that was added, the step should be the mean of "
            "the posterior q(x_{t-1} | x_t, x_0).",
            "wrong-mean",
        )
        law(
            near(((moved - still).square() * precision).to(noise), noise.square()),
            "The variance of the step is not that of the posterior q(x_{t-1} | x_t, x_0).",
            "wrong-spread",
        )
        law(
            bool(((moved - still) * noise >= 0).all()),
            "The noise is to be added with its own sign.",
            "noise-sign",
        )
