"""The exercises of lecture 07, VAEs in practice: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
from ..lecture02.old import LOG_2PI, near
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


LARGE = 1e4  # a logit: the pixel is as sure as float32 can say
LOG_2 = math.log(2)


def per_sample(elements: Tensor) -> Tensor:
    """Sum (B, ...) over all but the batch."""
    return elements.flatten(1).sum(1)


def check_gradients(
    f: Subject, args: tuple, cotangent: Tensor, expected: dict[str, tuple[int, Tensor, str]]
) -> None:
    """Gradients reach the named arguments, finite and right.

    Args:
        expected: for each argument its position, its gradient, and what cannot learn without it.
    """
    positions = tuple(position for position, _, _ in expected.values())
    gradients = f.vjp(args, positions, cotangent)
    for (name, (_, right, learner)), gradient in zip(expected.items(), gradients, strict=True):
        law(
            gradient is not None,
            f"No gradient reaches `{name}`, so {learner} cannot learn: look for `.item()`, "
            "`.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
        law(
            gradient.isfinite().all(),
            f"The gradient with respect to `{name}` is not finite, although the value is: one "
            "branch that is not taken overflows, and its infinity times zero is nan.",
            "gradient-not-finite",
        )
        law(
            near(gradient, right),
            f"The gradient with respect to `{name}` is wrong, although the value is right: "
            "something is cut out of the graph, or clamped.",
            "wrong-gradient",
        )


# --- 07.gaussian_log_likelihood -------------------------------------------------------------


def _squares(x: Tensor, mean: Tensor) -> Tensor:
    return per_sample((x - mean).square())


def _size(x: Tensor) -> int:
    """D, the number of elements of one sample."""
    return x[0].numel()


def _gaussian(
    normaliser: Callable[[Tensor, float], float], exponent: float = 0.5
) -> Callable[..., Tensor]:
    """-exponent * |x - mean|^2 / sigma^2 - normaliser(x, sigma), either of which may be wrong."""
    return lambda x, mean, sigma: -exponent * _squares(x, mean) / sigma**2 - normaliser(x, sigma)


def _normaliser(x: Tensor, sigma: float) -> float:
    return _size(x) * (math.log(sigma) + LOG_2PI / 2)


def _right_gaussian(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    return _gaussian(_normaliser)(x, mean, sigma)


def _elements(x: Tensor, mean: Tensor, sigma: float) -> Tensor:
    """The log-density of each element, (B, ...)."""
    return -((x - mean) ** 2) / (2 * sigma**2) - math.log(sigma) - LOG_2PI / 2


def _log_of_density(floor: float) -> Callable[..., Tensor]:
    """The densities of the elements, a small number added to each, and then the logarithm."""
    return lambda x, mean, sigma: per_sample((_elements(x, mean, sigma).exp() + floor).log())


def _with_d(size: Callable[[Tensor], float]) -> Callable[..., Tensor]:
    """The normaliser with another number of dimensions."""
    return _gaussian(lambda x, sigma: size(x) * (math.log(sigma) + LOG_2PI / 2))


GAUSSIAN_MISTAKES = (
    Mistake(
        "no-two-pi",
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
        _gaussian(lambda x, sigma: _size(x) * math.log(sigma)),
    ),
    Mistake(
        "two-pi-once",
        "log 2 pi is counted once for the whole image: each of its D elements brings its own.",
        _gaussian(lambda x, sigma: _size(x) * math.log(sigma) + LOG_2PI / 2),
    ),
    Mistake(
        "d-twice",
        "log 2 pi is counted D times D: a term that holds the factor D already is added to every "
        "element, and summed over the D elements again.",
        _gaussian(lambda x, sigma: _size(x) * math.log(sigma) + _size(x) ** 2 * LOG_2PI / 2),
    ),
    Mistake(
        "d-twice",
        "The normaliser is counted D times D: a term that holds the factor D already is added to "
        "every element, and summed over the D elements again.",
        _with_d(lambda x: _size(x) ** 2),
    ),
    Mistake(
        "d-of-one-axis",
        "D is the length of the last axis in your normaliser: an image has as many elements as "
        "all its axes together.",
        _with_d(lambda x: x.shape[-1]),
    ),
    Mistake(
        "d-of-one-axis",
        "D is the length of axis 1 in your normaliser: an image has as many elements as all its "
        "axes together.",
        _with_d(lambda x: x.shape[1]),
    ),
    Mistake(
        "d-with-batch",
        "D counts the whole batch in your normaliser: it is the number of elements of one sample.",
        _with_d(lambda x: x.numel()),
    ),
    Mistake(
        "d-with-batch",
        "D is the size of the batch in your normaliser: it is the number of elements of one "
        "sample.",
        _with_d(len),
    ),
    Mistake(
        "normaliser-once",
        "The normaliser is counted once for the whole image: each of its D elements brings its "
        "own.",
        _with_d(lambda x: 1),
    ),
    Mistake(
        "log-sigma-once",
        "log sigma is counted once for the whole image: each of its D elements brings its own.",
        _gaussian(lambda x, sigma: math.log(sigma) + _size(x) * LOG_2PI / 2),
    ),
    Mistake(
        "no-log-sigma",
        "log sigma is missing: a wide Gaussian is lower than a narrow one.",
        _gaussian(lambda x, sigma: _size(x) * LOG_2PI / 2),
    ),
    Mistake(
        "log-sigma-halved",
        "log sigma is halved: it is log sigma squared that takes the factor 1/2.",
        _gaussian(lambda x, sigma: _size(x) * (math.log(sigma) + LOG_2PI) / 2),
    ),
    Mistake(
        "log-sigma-not-halved",
        "log sigma squared is not halved: each dimension divides the density by sigma once.",
        _gaussian(lambda x, sigma: _size(x) * (2 * math.log(sigma) + LOG_2PI / 2)),
    ),
    Mistake(
        "two-pi-not-halved",
        "The constant is D log 2 pi where half of it belongs: the density has a square root of "
        "2 pi in each dimension.",
        _gaussian(lambda x, sigma: _size(x) * (math.log(sigma) + LOG_2PI)),
    ),
    Mistake(
        "normaliser-not-halved",
        "The normaliser is twice too large: each dimension divides the density by the square root "
        "of 2 pi, times sigma.",
        _gaussian(lambda x, sigma: 2 * _normaliser(x, sigma)),
    ),
    Mistake(
        "pi-for-two-pi",
        "The constant holds log pi where log 2 pi belongs.",
        _gaussian(lambda x, sigma: _size(x) * (math.log(sigma) + math.log(math.pi) / 2)),
    ),
    Mistake(
        "sigma-not-squared",
        "The squared distance is divided by 2 sigma where sigma squared belongs.",
        lambda x, mean, sigma: -_squares(x, mean) / (2 * sigma) - _normaliser(x, sigma),
    ),
    Mistake(
        "sigma-as-variance",
        "`sigma` is used as the variance: it is the standard deviation.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma**0.5),
    ),
    Mistake(
        "sigma-squared-twice",
        "sigma squared is used as the standard deviation, and so squared once more.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma**2),
    ),
    Mistake(
        "unit-sigma",
        "This is the Gaussian with sigma = 1: `sigma` is not used.",
        lambda x, mean, sigma: _right_gaussian(x, mean, 1.0),
    ),
    Mistake(
        "no-sigma-in-exponent",
        "The squared distance is not divided by sigma squared.",
        lambda x, mean, sigma: -_squares(x, mean) / 2 - _normaliser(x, sigma),
    ),
    Mistake(
        "no-half-in-exponent",
        "The squared distance is divided by sigma squared: half of that belongs in the exponent.",
        _gaussian(_normaliser, exponent=1.0),
    ),
    Mistake(
        "no-half",
        "The factor 1/2 is missing everywhere: each term of your sum is twice too large.",
        lambda x, mean, sigma: 2 * _right_gaussian(x, mean, sigma),
    ),
    Mistake(
        "no-normaliser",
        "This is the exponent alone: without the normaliser it is not the log of a density, and "
        "sigma cannot be learnt.",
        _gaussian(lambda x, sigma: 0.0),
    ),
    Mistake(
        "log-sigma-sign",
        "log sigma has the wrong sign: a wide Gaussian is lower than a narrow one.",
        _gaussian(lambda x, sigma: _size(x) * (LOG_2PI / 2 - math.log(sigma))),
    ),
    Mistake(
        "normaliser-sign",
        "The normaliser is added where it should be subtracted: it divides the density.",
        _gaussian(lambda x, sigma: -_normaliser(x, sigma)),
    ),
    Mistake(
        "exponent-sign",
        "The squared distance has the wrong sign: the density falls with the distance from the "
        "mean.",
        _gaussian(_normaliser, exponent=-0.5),
    ),
    Mistake(
        "not-squared",
        "The distance is not squared in the exponent: this is no Gaussian.",
        lambda x, mean, sigma: (
            -per_sample((x - mean).abs()) / (2 * sigma**2) - _normaliser(x, sigma)
        ),
    ),
    Mistake(
        "not-centred",
        "The mean is not subtracted from `x`.",
        lambda x, mean, sigma: _right_gaussian(x, torch.zeros_like(x), sigma),
    ),
    Mistake(
        "mean-over-pixels",
        "This averages over the elements of a sample: their log-densities are summed. Beside a KL "
        "term the difference is a factor D.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma) / _size(x),
    ),
    Mistake(
        "mean-square-in-exponent",
        "The squared error is averaged over the elements where the exponent takes their sum; the "
        "normaliser is right.",
        lambda x, mean, sigma: (
            -_squares(x, mean) / _size(x) / (2 * sigma**2) - _normaliser(x, sigma)
        ),
    ),
    Mistake(
        "sum-over-batch",
        "This sums over the batch too: one number per sample is wanted.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma).sum(),
    ),
    Mistake(
        "mean-over-batch",
        "This is averaged over the batch already: one number per sample is wanted.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma).mean(),
    ),
    Mistake(
        "mean-over-all",
        "This averages over elements and batch: one number per sample is wanted, the sum over its "
        "elements.",
        lambda x, mean, sigma: _elements(x, mean, sigma).mean(),
    ),
    Mistake(
        "negative",
        "This is the negative log-likelihood, a loss: the log-likelihood itself is wanted.",
        lambda x, mean, sigma: -_right_gaussian(x, mean, sigma),
    ),
    Mistake(
        "exponentiated",
        "This is the density itself: its logarithm is wanted.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma).exp(),
    ),
    Mistake(
        "base-two",
        "This is in bits: the course's log-likelihoods are in nats, by the natural logarithm.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma) / LOG_2,
    ),
    Mistake(
        "last-axis-only",
        "This sums over the last axis alone: an image has more axes, and all but the first are "
        "summed.",
        lambda x, mean, sigma: _elements(x, mean, sigma).sum(-1),
    ),
    Mistake(
        "second-axis-only",
        "This sums over axis 1 alone: an image has more axes, and all but the first are summed.",
        lambda x, mean, sigma: _elements(x, mean, sigma).sum(1),
    ),
    Mistake(
        "two-axes-only",
        "This sums over two axes: channels, height and width are three.",
        lambda x, mean, sigma: _elements(x, mean, sigma).sum((-2, -1)),
    ),
    Mistake(
        "two-axes-only",
        "This sums over two axes: channels, height and width are three.",
        lambda x, mean, sigma: _elements(x, mean, sigma).sum((1, 2)),
    ),
    Mistake(
        "not-summed",
        "One number per element came back: sum over all axes but the first.",
        _elements,
    ),
    Mistake(
        "log-of-density",
        "The density underflows to 0 far from the mean, before its logarithm is taken: stay in "
        "logs from the start.",
        lambda x, mean, sigma: _right_gaussian(x, mean, sigma).exp().log(),
    ),
    *(
        Mistake(
            "log-of-density",
            "Each density underflows to 0 far from the mean, before its logarithm is taken, and a "
            "small number added to it makes it wrong: stay in logs from the start.",
            _log_of_density(floor),
        )
        for floor in (0.0, 1e-6, 1e-8, 1e-10, 1e-12, 1e-20, 1e-30)
    ),
)


@exercise(
    "07.gaussian_log_likelihood",
    "x (B, ...), mean (B, ...), sigma float -> (B,)",
    proves="Height and width are those of a Gaussian with the same sigma for every element: for "
    "images and vectors, one sample, sigma from 0.01 to 30, double precision, and values far from "
    "zero; gradients reach the mean.",
    hints=(
        "The elements are independent: sum their log-densities over all axes but the first. "
        "`.flatten(1)` joins these.",
        "One element has three terms: its squared distance over 2 sigma squared, log sigma, and "
        "half of log 2 pi, all with a minus sign. sigma is a float: `math.log(sigma)`.",
        "Either sum the three terms of each element, or sum the squared distances and take the "
        "other two times D, the number of elements of one sample, `x[0].numel()`. Not both.",
    ),
    twin="course_utils.vae:gaussian_log_likelihood",
    also=("course_utils.vae:Gaussian.log_prob", "course_utils.vae:Gaussian.pairwise"),
    mistakes=GAUSSIAN_MISTAKES,
)
def check_gaussian_log_likelihood(f: Subject, draw: Draw) -> None:
    b, channels, height, width, few = draw.sizes(5, 2, 8)
    cases = (
        # shape, dtype, sigma, distance from the mean in units of it
        ((b, channels, height, width), torch.float32, draw.number(0.3, 0.7), 1.0),
        ((few, height), torch.float32, draw.number(1.5, 3), 1.0),
        ((1, width), torch.float32, draw.number(0.3, 0.7), 100.0),  # the density underflows
        ((few, width, height), torch.float64, 0.01, 1.0),
        ((b, height), torch.float32, 30.0, 1.0),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype, sigma, distance in cases:
        mean = draw.normal(*shape, dtype=dtype)
        x = mean + distance * sigma * (1 + draw.normal(*shape, dtype=dtype).abs())
        asked.append((x, mean, sigma, f(x, mean, sigma), f(mean, mean, sigma)))
    for x, mean, sigma, value, peak in asked:
        scaled = per_sample(((x - mean).double() / sigma).square())
        law(
            near(2 * (peak - value), scaled, float(value.abs().max() + scaled.max())),
            "Measured from its peak, the log-likelihood does not fall as it should: by half the "
            "squared distance from the mean in units of sigma, summed over the sample.",
            "wrong-width",
        )
        top = torch.full_like(peak, -_size(x) * math.log(sigma * math.sqrt(2 * math.pi)))
        law(
            near(peak, top),
            "The log-likelihood falls correctly away from the mean, and its height is wrong: look "
            "at the terms that do not hold `x`.",
            "wrong-height",
        )
    # Near 3000 float32 is spaced by 2e-4 and x - mean is exact; squares near 1e7 are spaced by 1.
    mean, sigma = 3000 + 100 * draw.normal(b, width), draw.number(0.3, 0.7)
    x = mean + sigma * draw.normal(b, width)
    normal = torch.distributions.Normal(mean.double(), sigma)
    law(
        near(f(x, mean, sigma), normal.log_prob(x.double()).sum(1), 100.0),
        "For values near 3000 the log-likelihood is far off: rounding errors. Subtract the mean "
        "from `x` first, then square.",
        "cancellation",
    )
    x, mean, c = draw.normal(b, height, width), draw.normal(b, height, width), draw.normal(b)
    right = c[:, None, None] * (x - mean) / sigma**2
    check_gradients(f, (x, mean, sigma), c, {"mean": (1, right, "the decoder")})


# --- 07.optimal_sigma -----------------------------------------------------------------------


def _rms(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).square().mean().sqrt()


def _distances(x: Tensor, x_hat: Tensor) -> Tensor:
    """The norm of each sample's residual, (B,)."""
    return _squares(x, x_hat).sqrt()


@exercise(
    "07.optimal_sigma",
    "x (B, ...), x_hat (B, ...) -> ()",
    proves="The residuals in units of sigma have mean square one, so no other sigma makes the data "
    "more probable: for vectors and images, one sample, double precision, biased and tiny "
    "residuals, and values far from zero; gradients reach the reconstruction.",
    hints=(
        "Write the Gaussian log-likelihood of all N = B D elements as a function of sigma: one "
        "term falls with it, one rises.",
        "Its derivative is zero where the squared residuals add up to N sigma squared. The mean of "
        "the residuals does not enter: a bias is an error too.",
        "sigma squared is the mean of `(x - x_hat) ** 2` over all elements, batch included.",
    ),
    twin="course_utils.vae:optimal_sigma",
    mistakes=(
        Mistake(
            "variance",
            "This is sigma squared: take the root.",
            lambda x, x_hat: _rms(x, x_hat).square(),
        ),
        Mistake(
            "sum",
            "The squares are summed where their mean is wanted: divide by the number of elements "
            "before the root.",
            lambda x, x_hat: (x - x_hat).square().sum().sqrt(),
        ),
        Mistake(
            "sum",
            "This is the sum of the squares: divide by the number of elements and take the root.",
            lambda x, x_hat: (x - x_hat).square().sum(),
        ),
        Mistake(
            "averaged-over-batch-only",
            "The squares are summed over the elements of a sample and averaged over the batch: one "
            "sigma for all elements averages over both.",
            lambda x, x_hat: _squares(x, x_hat).mean().sqrt(),
        ),
        Mistake(
            "averaged-over-batch-only",
            "This is the squared error per sample: divide by the number of its elements too, and "
            "take the root.",
            lambda x, x_hat: _squares(x, x_hat).mean(),
        ),
        Mistake(
            "averaged-over-elements-only",
            "The squares are averaged over the elements and summed over the batch: average over "
            "both.",
            lambda x, x_hat: (_squares(x, x_hat).sum() / _size(x)).sqrt(),
        ),
        Mistake(
            "mean-absolute",
            "This averages absolute residuals: a Gaussian's sigma comes from their squares.",
            lambda x, x_hat: (x - x_hat).abs().mean(),
        ),
        Mistake(
            "root-of-each",
            "The root is taken for each sample before the average: average the squares first.",
            lambda x, x_hat: (_squares(x, x_hat) / _size(x)).sqrt().mean(),
        ),
        Mistake(
            "root-of-each",
            "These are distances of whole samples, averaged: average the squares over all elements "
            "and take the root last.",
            lambda x, x_hat: _distances(x, x_hat).mean(),
        ),
        Mistake(
            "spread-of-data",
            "This is the spread of `x` itself: sigma measures what the reconstruction misses.",
            lambda x, x_hat: x.std(correction=0),
        ),
        Mistake(
            "spread-of-data",
            "This is the spread of `x` itself: sigma measures what the reconstruction misses.",
            lambda x, x_hat: x.std(),
        ),
        Mistake(
            "centred-residuals",
            "The mean of the residuals is subtracted, as `std` does: a reconstruction that is too "
            "bright everywhere is wrong too, and sigma has to cover it.",
            lambda x, x_hat: (x - x_hat).std(correction=0),
        ),
        Mistake(
            "centred-residuals",
            "The mean of the residuals is subtracted, as `std` does (which also divides by N - 1): "
            "a reconstruction that is too bright everywhere is wrong too.",
            lambda x, x_hat: (x - x_hat).std(),
        ),
        Mistake(
            "n-minus-one",
            "This divides by N - 1: no mean is fitted here, and the likelihood is largest with N.",
            lambda x, x_hat: ((x - x_hat).square().sum() / (x.numel() - 1)).sqrt(),
        ),
        Mistake(
            "per-sample",
            "One sigma per sample came back: one for all elements is wanted.",
            lambda x, x_hat: (_squares(x, x_hat) / _size(x)).sqrt(),
        ),
        Mistake(
            "per-dimension",
            "One sigma per dimension came back: one for all elements is wanted.",
            lambda x, x_hat: (x - x_hat).square().mean(0).sqrt(),
        ),
        Mistake(
            "per-dimension",
            "One sigma per axis came back: one for all elements is wanted.",
            lambda x, x_hat: (x - x_hat).square().mean(-1).sqrt(),
        ),
        Mistake(
            "half",
            "The squares are halved: the 1/2 of the exponent drops out against that of the "
            "normaliser, 2 log sigma.",
            lambda x, x_hat: _rms(x, x_hat) / math.sqrt(2),
        ),
        Mistake(
            "precision",
            "This is one over sigma: large residuals ask for a large sigma.",
            lambda x, x_hat: 1 / _rms(x, x_hat),
        ),
        Mistake(
            "precision",
            "This is one over sigma squared: large residuals ask for a large sigma.",
            lambda x, x_hat: 1 / _rms(x, x_hat).square(),
        ),
        Mistake(
            "logarithm",
            "This is log sigma: exponentiate it.",
            lambda x, x_hat: _rms(x, x_hat).log(),
        ),
        Mistake(
            "logarithm",
            "This is log sigma squared: sigma itself is wanted.",
            lambda x, x_hat: 2 * _rms(x, x_hat).log(),
        ),
        Mistake(
            "largest-residual",
            "This is the largest residual: sigma is a typical one.",
            lambda x, x_hat: (x - x_hat).abs().max(),
        ),
        Mistake(
            "not-squared",
            "The residuals are not squared, so that errors of opposite sign cancel.",
            lambda x, x_hat: (x - x_hat).mean(),
        ),
        Mistake(
            "not-squared",
            "The residuals are not squared, so that errors of opposite sign cancel.",
            lambda x, x_hat: (x - x_hat).mean().abs(),
        ),
        Mistake(
            "relative",
            "The residuals are divided by the size of `x`: sigma has the unit of `x`.",
            lambda x, x_hat: (x - x_hat).norm() / x.norm(),
        ),
    ),
)
def check_optimal_sigma(f: Subject, draw: Draw) -> None:
    b, channels, height, width = draw.sizes(4, 2, 7)
    cases = (
        # shape, dtype, size of the residuals, their bias in units of it
        ((b, channels, height, width), torch.float64, draw.number(0.5, 0.8), 1.0),
        ((b, width), torch.float32, draw.number(1.5, 3), -0.7),
        ((1, height), torch.float32, 0.4, 0.5),
        ((b, channels), torch.float32, 0.1, 0.0),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype, size, bias in cases:
        x_hat = draw.normal(*shape, dtype=dtype)
        x = x_hat + size * (bias + draw.normal(*shape, dtype=dtype))
        asked.append((x, x_hat, f(x, x_hat)))
    for x, x_hat, sigma in asked:
        law(sigma > 0, "A standard deviation is positive.", "not-positive")
        law(
            agree(((x - x_hat) / sigma).square().mean(), torch.ones(())),
            "Another sigma makes the data more probable: at the best one the residuals, in units "
            "of sigma, have mean square one.",
            "not-the-best",
        )
    # Residuals near 1e-5: a 1e-8 under the root would be seen.
    x = torch.zeros(b, width)
    x_hat = 1e-5 * draw.normal(b, width)
    law(
        agree(f(x, x_hat), _rms(x.double(), x_hat.double())),
        "For tiny residuals sigma is off: is something added before the root?",
        "floor",
    )
    # Near 30000 x - x_hat is exact; squares near 1e9 are spaced by 64.
    x = 30_000 + draw.normal(b, height, width)
    x_hat = x + draw.normal(b, height, width)
    law(
        agree(f(x, x_hat), _rms(x.double(), x_hat.double())),
        "For values near 30000 sigma is far off: rounding errors. Subtract first, then square.",
        "cancellation",
    )
    x, x_hat = draw.normal(b, height, width), draw.normal(b, height, width)
    right = (x_hat - x) / (x.numel() * _rms(x, x_hat))
    check_gradients(f, (x, x_hat), torch.ones(()), {"x_hat": (1, right, "the decoder")})


# --- 07.implied_beta ------------------------------------------------------------------------


def _beta(rule: Callable[[float, int, int, float], float]) -> Callable[..., float]:
    """The implied beta by another rule, as a float."""
    return lambda w, d, k, sigma: float(rule(w, d, k, sigma))


@exercise(
    "07.implied_beta",
    "kl_weight float, data_dim int, latent_dim int, sigma float -> float",
    proves="Both forms of the loss are proportional, whatever the squared error and the KL are: "
    "for random sizes, one pixel or latent, KL weights from tiny to large, and sigma from 0.01 to "
    "30.",
    hints=(
        "A mean is a sum divided by its number of terms: write both means of the published loss as "
        "sums over D pixels and K latents.",
        "Multiplying a loss by a constant changes no minimum: choose the constant that turns the "
        "factor of the summed squared error into 1 / (2 sigma^2).",
        "That constant is D / (2 sigma^2). The KL, with its weight and its 1 / K, is multiplied by "
        "it too: what stands before the summed KL then is beta.",
    ),
    twin="course_utils.vae:implied_beta",
    mistakes=(
        Mistake(
            "missing-two",
            "The 2 of 2 sigma squared is missing.",
            _beta(lambda w, d, k, sigma: w * d / (k * sigma**2)),
        ),
        Mistake(
            "two-inverted",
            "The 2 multiplies where it divides: the squared error has the factor "
            "1 / (2 sigma squared).",
            _beta(lambda w, d, k, sigma: 2 * w * d / (k * sigma**2)),
        ),
        Mistake(
            "inverted",
            "This is one over beta: the weight of the KL relative to the squared error is wanted, "
            "not the other way round.",
            _beta(lambda w, d, k, sigma: 2 * sigma**2 * k / (w * d)),
        ),
        Mistake(
            "dimensions-exchanged",
            "data_dim and latent_dim are exchanged: a mean over many pixels makes the squared "
            "error small, so that the KL weighs more.",
            _beta(lambda w, d, k, sigma: w * k / (2 * sigma**2 * d)),
        ),
        Mistake(
            "sigma-not-squared",
            "sigma stands where sigma squared belongs.",
            _beta(lambda w, d, k, sigma: w * d / (2 * k * sigma)),
        ),
        Mistake(
            "sigma-multiplies",
            "sigma squared multiplies where it divides: `a / 2 * b` is a half times b, so put "
            "parentheses around what divides.",
            _beta(lambda w, d, k, sigma: w * d * sigma**2 / (2 * k)),
        ),
        Mistake(
            "sigma-multiplies",
            "2 sigma squared multiplies where it divides.",
            _beta(lambda w, d, k, sigma: w * d * 2 * sigma**2 / k),
        ),
        Mistake(
            "sigma-ignored",
            "This is the beta at sigma = 1, which is beta sigma squared: at another sigma the same "
            "loss has another beta.",
            _beta(lambda w, d, k, sigma: w * d / (2 * k)),
        ),
        Mistake(
            "sigma-ignored",
            "sigma and its 2 are missing: the squared error has the factor 1 / (2 sigma squared).",
            _beta(lambda w, d, k, sigma: w * d / k),
        ),
        Mistake(
            "no-data-dim",
            "data_dim is missing: the published loss averages the squared error over the pixels.",
            _beta(lambda w, d, k, sigma: w / (2 * k * sigma**2)),
        ),
        Mistake(
            "no-latent-dim",
            "latent_dim is missing: the published loss averages the KL over the latents.",
            _beta(lambda w, d, k, sigma: w * d / (2 * sigma**2)),
        ),
        Mistake(
            "no-dimensions",
            "Both dimensions are missing: the published loss takes means, the other one sums.",
            _beta(lambda w, d, k, sigma: w / (2 * sigma**2)),
        ),
        Mistake(
            "dimensions-multiplied",
            "latent_dim multiplies where it divides: the published loss averages the KL over the "
            "latents.",
            _beta(lambda w, d, k, sigma: w * d * k / (2 * sigma**2)),
        ),
        Mistake(
            "dimensions-divided",
            "data_dim divides where it multiplies: a mean over the pixels makes the squared error "
            "small, so that the KL weighs more.",
            _beta(lambda w, d, k, sigma: w / (2 * d * k * sigma**2)),
        ),
        Mistake(
            "no-kl-weight",
            "kl_weight is missing.",
            _beta(lambda w, d, k, sigma: d / (2 * k * sigma**2)),
        ),
        Mistake(
            "kl-weight-only",
            "This is kl_weight itself: means for sums, and sigma, change its meaning.",
            _beta(lambda w, d, k, sigma: w),
        ),
        Mistake(
            "integer-division",
            "`//` rounds the ratio of the dimensions down: divide by `/`.",
            _beta(lambda w, d, k, sigma: w * (d // k) / (2 * sigma**2)),
        ),
        Mistake(
            "precedence",
            "`a / b * c` multiplies by c: put parentheses around what divides.",
            _beta(lambda w, d, k, sigma: w * d / 2 * sigma**2 * k),
        ),
    ),
)
def check_implied_beta(f: Subject, draw: Draw) -> None:
    d, k = draw.integer(100, 900), draw.integer(3, 40)
    d += d % k == 0  # no multiple: `//` differs from `/`
    settings = (
        (draw.number(0.02, 0.8), d, k, draw.number(0.1, 0.7)),
        (draw.number(2, 10), k, d, draw.number(1.5, 4)),
        (draw.number(0.02, 0.8), 1, k, 0.01),
        (1e-4, d, 1, 30.0),
        (1.0, d, k, 1.0),
    )
    asked = [(setting, f(*setting)) for setting in settings]
    for (w, d, k, sigma), beta in asked:
        law(beta > 0, "A positive weight of the KL should give a positive beta.", "not-positive")
        ratios = []
        for _ in range(2):
            square_sum, kl_sum = draw.number(1, 9), draw.number(1, 9)
            published = square_sum / d + w * kl_sum / k
            ratios.append((square_sum / (2 * sigma**2) + beta * kl_sum) / published)
        # With the right beta both are the same constant, D / (2 sigma^2).
        law(
            math.isclose(*ratios, rel_tol=1e-5)
            and math.isclose(ratios[0], d / (2 * sigma**2), rel_tol=1e-4),
            "With your beta the two forms of the loss are not proportional, so they have different "
            "minima. Start at sigma = 1 with one pixel and one latent.",
            "not-proportional",
        )


# --- 07.active_units ------------------------------------------------------------------------


def _above(spread: Callable[[Tensor], Tensor]) -> Callable[[Tensor, float], Tensor]:
    """Another measure of activity, compared with the threshold."""
    return lambda mu, threshold: spread(mu) > threshold


def _variance(mu: Tensor, correction: int = 0) -> Tensor:
    """Over the data; nan instead of a warning for one sample with N - 1."""
    return (mu - mu.mean(0)).square().sum(0) / (len(mu) - correction)


def _relative(mu: Tensor) -> Tensor:
    return _variance(mu) / _variance(mu).max()


ACTIVE_MISTAKES = (
    Mistake(
        "below",
        "True and False are exchanged: active units are those that vary above the threshold.",
        lambda mu, threshold: _variance(mu) < threshold,
    ),
    Mistake(
        "below",
        "True and False are exchanged: active units are those that vary above the threshold.",
        lambda mu, threshold: _variance(mu, 1) < threshold,
    ),
    Mistake(
        "deviation",
        "The standard deviation is compared with the threshold: it is a threshold for the "
        "variance.",
        _above(lambda mu: _variance(mu).sqrt()),
    ),
    Mistake(
        "deviation",
        "The standard deviation is compared with the threshold: it is a threshold for the "
        "variance.",
        _above(lambda mu: _variance(mu, 1).sqrt()),
    ),
    Mistake(
        "not-centred",
        "This is the mean square of the codes: a unit that always says 3 says nothing. Subtract "
        "its mean over the data.",
        _above(lambda mu: mu.square().mean(0)),
    ),
    Mistake(
        "mean-absolute",
        "This is the mean absolute value of the codes: a unit that always says 3 says nothing. The "
        "variance over the data is wanted.",
        _above(lambda mu: mu.abs().mean(0)),
    ),
    Mistake(
        "mean-absolute",
        "This averages absolute distances from the mean: the variance averages their squares.",
        _above(lambda mu: (mu - mu.mean(0)).abs().mean(0)),
    ),
    Mistake(
        "mean-for-variance",
        "The mean over the data is compared with the threshold: its variance is wanted.",
        _above(lambda mu: mu.mean(0)),
    ),
    Mistake(
        "mean-for-variance",
        "The size of the mean over the data is compared with the threshold: the variance is "
        "wanted.",
        _above(lambda mu: mu.mean(0).abs()),
    ),
    Mistake(
        "global-mean",
        "One mean over all units is subtracted: each unit has its own.",
        _above(lambda mu: (mu - mu.mean()).square().mean(0)),
    ),
    Mistake(
        "not-averaged",
        "The squared distances are summed over the data, so that with enough data every unit is "
        "active: average them.",
        _above(lambda mu: (mu - mu.mean(0)).square().sum(0)),
    ),
    Mistake(
        "wrong-axis",
        "The variance is taken over the latents, one per sample: it goes over the data, axis 0.",
        _above(lambda mu: mu.var(1)),
    ),
    Mistake(
        "wrong-axis",
        "The variance is taken over the latents, one per sample: it goes over the data, axis 0.",
        _above(lambda mu: mu.var(1, correction=0)),
    ),
    Mistake(
        "one-for-all",
        "One answer for all units came back: `.var(0)` gives each its own variance.",
        _above(lambda mu: mu.var()),
    ),
    Mistake(
        "every-code",
        "A matrix came back, one answer per sample and unit: the variance over the data gives one "
        "per unit.",
        _above(lambda mu: (mu - mu.mean(0)).square()),
    ),
    Mistake(
        "relative",
        "The variances are divided by the largest: the threshold is absolute.",
        _above(_relative),
    ),
    Mistake(
        "relative",
        "The variances are divided by their sum: the threshold is absolute.",
        _above(lambda mu: _variance(mu) / _variance(mu).sum()),
    ),
    Mistake(
        "any-sample",
        "A unit is active in yours when one code lies beyond the threshold: its variance over the "
        "data counts.",
        lambda mu, threshold: (mu.abs() > threshold).any(0),
    ),
    Mistake(
        "range",
        "The range of the codes is compared with the threshold: the variance is wanted.",
        _above(lambda mu: mu.amax(0) - mu.amin(0)),
    ),
    Mistake(
        "count",
        "This counts the active units: True or False for each unit is wanted.",
        lambda mu, threshold: (_variance(mu) > threshold).sum(),
    ),
    Mistake(
        "indices",
        "These are the indices of the active units: True or False for each unit is wanted.",
        lambda mu, threshold: (_variance(mu) > threshold).nonzero().squeeze(1),
    ),
    Mistake(
        "as-numbers",
        "These are ones and zeros: True or False is wanted, as a comparison gives them.",
        lambda mu, threshold: (_variance(mu) > threshold).to(mu.dtype),
    ),
    Mistake(
        "as-numbers",
        "These are ones and zeros: True or False is wanted, as a comparison gives them.",
        lambda mu, threshold: (_variance(mu) > threshold).long(),
    ),
    Mistake(
        "not-compared",
        "These are the variances: compare them with the threshold.",
        lambda mu, threshold: _variance(mu),
    ),
    Mistake(
        "not-compared",
        "These are the variances: compare them with the threshold.",
        lambda mu, threshold: _variance(mu, 1),
    ),
)


def units(
    n: int, threshold: float, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor]:
    """Codes (N, K) of units in random order, and which of them are active (K,).

    Each variance is at least half as large again as the threshold or at most two thirds of it,
    so that it does not matter whether it is divided by N or by N - 1.
    """
    root = threshold**0.5
    # Mean and variance of each unit: with mean, deviation, mean square or mean absolute value in
    # the place of the variance, another set of them is active.
    kinds = [
        (0.0, 3 * threshold),
        (-0.1 * root, 1.5 * threshold),
        (-2 * root, 3 * threshold),
        (0.0, threshold / 3),
        (2 * root, threshold / 2),
        (3 * threshold, threshold**2 / 4),
        (-3 * threshold, threshold**2 / 4),
        (0.0, min(1.1 * threshold**2, threshold / 2)),
    ]
    kinds += [(0.0, draw.number(2, 9) * threshold) for _ in range(draw.integer(0, 2))]
    order = torch.randperm(len(kinds), generator=draw.generator)
    means, variances = torch.tensor(kinds, dtype=dtype)[order].T
    noise = draw.normal(n, len(kinds), dtype=dtype)
    noise = (noise - noise.mean(0)) / noise.std(0, correction=0)
    return means + variances.sqrt() * noise, variances > threshold


@exercise(
    "07.active_units",
    "mu (N, K), threshold float -> (K,) bool",
    proves="A unit is active when its code varies over the data by more than the threshold, "
    "wherever its mean is: for fresh codes and thresholds, one sample, double precision, and means "
    "far from zero.",
    hints=(
        "A unit has collapsed when its mean code is the same for every sample: look at how much "
        "each column of `mu` varies over the data.",
        "The data are axis 0 of `mu`: the variance over it has shape (K,).",
        "`mu.var(0)` gives the variances; a comparison with `>` makes a boolean tensor of them.",
    ),
    twin="course_utils.vae:active_units",
    mistakes=ACTIVE_MISTAKES,
)
def check_active_units(f: Subject, draw: Draw) -> None:
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for threshold, dtype in (
        (draw.number(0.012, 0.028), torch.float32),
        (draw.number(2, 2.6), torch.float32),
        (draw.number(0.012, 0.028), torch.float64),
    ):
        n = draw.integer(12, 30)
        mu, active = units(n, threshold, draw, dtype)
        moved = mu + threshold**0.5 * (4 + 0.3 * draw.normal(mu.shape[1], dtype=dtype))
        asked.append((active, f(mu, threshold), f(moved, threshold), f(3 * mu, 9 * threshold)))
    one_sample = f(draw.normal(1, 3), 0.01)
    law(
        all(torch.equal(moved, value) for _, value, moved, _ in asked),
        "A constant added to a unit changes whether it is active: its mean does not count, only "
        "how much it varies.",
        "moves-with-the-mean",
    )
    law(
        all(torch.equal(tripled, value) for _, value, _, tripled in asked),
        "Codes three times as large have a variance nine times as large, and yours do not agree "
        "with a threshold nine times as large.",
        "not-a-variance",
    )
    law(
        all(torch.equal(value, active) for active, value, _, _ in asked),
        "Some units are judged wrongly: a unit is active when the variance of its column, over the "
        "data, is above the threshold.",
        "wrong-units",
    )
    law(
        not one_sample.any(),
        "One sample alone does not vary: no unit is active.",
        "one-sample",
    )
    # Near 30000 float32 is spaced by 0.002, squares near 1e9 by 64.
    mu, active = units(draw.integer(12, 30), 2.0, draw)
    law(
        torch.equal(f(30_000 + mu, 2.0), active),
        "For codes near 30000 some units are judged wrongly: rounding errors. Subtract the mean "
        "first, then square, as `var` does.",
        "cancellation",
    )
