"""The exercises of lecture 02, maximum likelihood: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


LOG_2PI = math.log(2 * math.pi)


def near(a: Tensor, b: Tensor, scale: float | None = None) -> bool:
    """Equal to half the digits of float32, for float64 too.

    `torch.tensor(2 * math.pi)` is a float32 constant, good enough in any formula.
    """
    return agree(a.float(), b.float(), scale)


# --- 02.gaussian_log_prob -------------------------------------------------------------------


def random_root(d: int, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """A lower triangular A (D, D), well conditioned for any D: A A^T is a covariance."""
    below = torch.tril(draw.normal(d, d, dtype=dtype), -1) / d**0.5
    return below + torch.diag(draw.uniform(0.6, 1.6, d, dtype=dtype))


def covariance_of(root: Tensor) -> Tensor:
    """A A^T, symmetric to the last digit."""
    cov = root @ root.T
    return (cov + cov.T) / 2


def stretched_log_prob(w: Tensor, root: Tensor) -> Tensor:
    """log-density of mean + A w: that of the standard normal w, less log |det A|."""
    standard = torch.distributions.Normal(0.0, 1.0).log_prob(w).sum(1)
    return standard - root.diagonal().log().sum()


Normaliser = Callable[[Tensor], float | Tensor]  # of the covariance


def _quadratic(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    return ((x - mean) @ torch.linalg.inv(cov) * (x - mean)).sum(1)


def _gaussian(normaliser: Normaliser, factor: float = -0.5) -> Callable[..., Tensor]:
    """factor * quadratic form - normaliser(cov), either of which may be wrong."""
    return lambda x, mean, cov: factor * _quadratic(x, mean, cov) - normaliser(cov)


def _normaliser(cov: Tensor) -> Tensor:
    return (torch.logdet(cov) + len(cov) * LOG_2PI) / 2


def _right_gaussian(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    return _gaussian(_normaliser)(x, mean, cov)


def _independent(x: Tensor, mean: Tensor, spread: Tensor) -> Tensor:
    return torch.distributions.Normal(mean, spread, validate_args=False).log_prob(x).sum(1)


def _all_pairs(x: Tensor, mean: Tensor, cov: Tensor) -> Tensor:
    d = x - mean
    return -0.5 * d @ torch.linalg.inv(cov) @ d.T - _normaliser(cov)


GAUSSIAN_MISTAKES = (
    Mistake(
        "no-two-pi",
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
        _gaussian(lambda cov: torch.logdet(cov) / 2),
    ),
    Mistake(
        "two-pi-once",
        "log 2 pi is counted once for the whole vector: each of the D dimensions brings its own.",
        _gaussian(lambda cov: (torch.logdet(cov) + LOG_2PI) / 2),
    ),
    Mistake(
        "two-pi-squared",
        "log 2 pi is counted D times D: a term that holds the factor D already was summed over "
        "the D dimensions again.",
        _gaussian(lambda cov: (torch.logdet(cov) + len(cov) ** 2 * LOG_2PI) / 2),
    ),
    Mistake(
        "two-pi-not-halved",
        "The constant is D log 2 pi where half of it belongs: the density has a square root of "
        "2 pi in each dimension.",
        _gaussian(lambda cov: torch.logdet(cov) / 2 + len(cov) * LOG_2PI),
    ),
    Mistake(
        "pi-for-two-pi",
        "The constant holds log pi where log 2 pi belongs.",
        _gaussian(lambda cov: (torch.logdet(cov) + len(cov) * math.log(math.pi)) / 2),
    ),
    Mistake(
        "no-half-in-exponent",
        "The quadratic form is not halved: this is a Gaussian of half the covariance with the "
        "wrong height.",
        _gaussian(_normaliser, -1.0),
    ),
    Mistake(
        "no-half",
        "The factor 1/2 is missing everywhere: each term of your sum is twice too large.",
        lambda x, mean, cov: 2 * _right_gaussian(x, mean, cov),
    ),
    Mistake(
        "log-det-not-halved",
        "log det cov is not halved: the density is divided by the square root of the determinant.",
        _gaussian(lambda cov: torch.logdet(cov) + len(cov) * LOG_2PI / 2),
    ),
    Mistake(
        "no-log-det",
        "The determinant of the covariance is missing: a wide Gaussian is lower than a narrow one.",
        _gaussian(lambda cov: len(cov) * LOG_2PI / 2),
    ),
    Mistake(
        "no-normaliser",
        "This is the exponent alone: without the normaliser it is not the log of a density.",
        _gaussian(lambda cov: 0.0),
    ),
    Mistake(
        "log-det-sign",
        "log det cov has the wrong sign: a wide Gaussian is lower than a narrow one.",
        _gaussian(lambda cov: (len(cov) * LOG_2PI - torch.logdet(cov)) / 2),
    ),
    Mistake(
        "normaliser-sign",
        "The normaliser is added where it should be subtracted: it divides the density.",
        _gaussian(lambda cov: -_normaliser(cov)),
    ),
    Mistake(
        "exponent-sign",
        "The quadratic form has the wrong sign: the density falls with the distance from the mean.",
        _gaussian(_normaliser, 0.5),
    ),
    Mistake(
        "det-not-log",
        "The determinant itself stands where its logarithm belongs.",
        _gaussian(lambda cov: (torch.det(cov) + len(cov) * LOG_2PI) / 2),
    ),
    Mistake(
        "covariance-as-precision",
        "The covariance is used where its inverse belongs: in the quadratic form a large variance "
        "makes a distance count less.",
        lambda x, mean, cov: -0.5 * ((x - mean) @ cov * (x - mean)).sum(1) - _normaliser(cov),
    ),
    Mistake(
        "covariance-as-precision",
        "This is the Gaussian whose precision matrix is `cov`: the argument is the covariance.",
        lambda x, mean, cov: _right_gaussian(x, mean, torch.linalg.inv(cov)),
    ),
    Mistake(
        "covariance-as-root",
        "The covariance is used as if it were a standard deviation and squared once more.",
        lambda x, mean, cov: _right_gaussian(x, mean, cov @ cov),
    ),
    Mistake(
        "no-covariance",
        "The quadratic form is the plain squared distance: the inverse covariance belongs between "
        "the two differences.",
        lambda x, mean, cov: -0.5 * (x - mean).square().sum(1) - _normaliser(cov),
    ),
    Mistake(
        "no-covariance",
        "This is the Gaussian with unit covariance: `cov` is not used.",
        lambda x, mean, cov: _independent(x, mean, torch.ones_like(mean)),
    ),
    Mistake(
        "diagonal-only",
        "Only the diagonal of the covariance is used: the dimensions are correlated.",
        lambda x, mean, cov: _independent(x, mean, cov.diagonal().sqrt()),
    ),
    Mistake(
        "diagonal-only",
        "Only the diagonal of the covariance is used, and its variances as standard deviations.",
        lambda x, mean, cov: _independent(x, mean, cov.diagonal()),
    ),
    Mistake(
        "not-centred",
        "The mean is not subtracted from `x`.",
        lambda x, mean, cov: _right_gaussian(x, torch.zeros_like(mean), cov),
    ),
    Mistake(
        "exponentiated",
        "This is the density itself: its logarithm is wanted.",
        lambda x, mean, cov: _right_gaussian(x, mean, cov).exp(),
    ),
    Mistake(
        "negative",
        "This is the negative log-density, a loss: the log-density itself is wanted.",
        lambda x, mean, cov: -_right_gaussian(x, mean, cov),
    ),
    Mistake(
        "base-two",
        "This is in bits: the course's log-probabilities are in nats, by the natural logarithm.",
        lambda x, mean, cov: _right_gaussian(x, mean, cov) / math.log(2),
    ),
    Mistake(
        "per-dimension",
        "This is divided by D: the log-density of the whole vector is wanted, a sum over its "
        "dimensions.",
        lambda x, mean, cov: _right_gaussian(x, mean, cov) / len(cov),
    ),
    Mistake(
        "all-pairs",
        "A matrix (N, N) came back: it pairs each point with every other in the quadratic form. "
        "One number per point is wanted, so multiply row by row and sum over D.",
        _all_pairs,
    ),
    Mistake(
        "log-of-det",
        "The determinant of many small variances underflows to 0 before its logarithm is taken: "
        "take both at once (`torch.logdet`), or the logarithms of a Cholesky factor's diagonal.",
        _gaussian(lambda cov: (torch.det(cov).log() + len(cov) * LOG_2PI) / 2),
    ),
    Mistake(
        "log-of-density",
        "Far from the mean the density underflows to 0 before its logarithm is taken: stay in "
        "logs from the start.",
        lambda x, mean, cov: _right_gaussian(x, mean, cov).exp().log(),
    ),
)


@exercise(
    "02.gaussian_log_prob",
    "x (N, D), mean (D,), cov (D, D) -> (N,)",
    proves="Height and shape are those of a stretched standard normal for fresh covariances, many "
    "dimensions of small variance, nearly singular ones in double precision, one point, and points "
    "far from zero; gradients reach x, mean and cov.",
    hints=(
        "Three terms under one factor -1/2: a quadratic form, the log of a determinant, and a "
        "constant for each of the D dimensions.",
        "With d = x - mean the quadratic form is d^T cov^-1 d, one number per row of `x`: "
        "`(d @ precision * d).sum(1)`, or solve with a Cholesky factor.",
        "The sum is d^T cov^-1 d + log det cov + D log 2 pi. `torch.linalg.inv(cov)` or "
        "`torch.cholesky_solve` for the first, `torch.logdet(cov)` for the second.",
    ),
    twin="course_utils.densities:gaussian_log_prob",
    mistakes=GAUSSIAN_MISTAKES,
)
def check_gaussian_log_prob(f: Subject, draw: Draw) -> None:
    n, d, few = draw.sizes(3, 3, 7)
    root, mean, w = random_root(d, draw), 1 + draw.normal(d), draw.normal(n, d)
    w[0] = 0  # the first point sits on the mean
    x, cov = mean + w @ root.T, covariance_of(root)
    first, value = ((x, mean, cov), w, root), f(x, mean, cov)
    # Asked before anything is judged: on two covariances no two mistakes agree by chance.
    lone_root, lone_w, lone_mean = random_root(few, draw), draw.normal(1, few), draw.normal(few)
    lone = f(lone_mean + lone_w @ lone_root.T, lone_mean, covariance_of(lone_root))
    law(
        near(2 * (value[0] - value), w.square().sum(1), float(value.abs().max())),
        "Measured from its value at the mean, the log-density does not fall as it should: take "
        "half the squared distance in units of the covariance, d^T cov^-1 d with d = x - mean.",
        "wrong-shape-of-peak",
    )
    law(
        near(value, stretched_log_prob(w, root)),
        "The log-density falls correctly away from the mean, and its height is wrong: look at "
        "the terms that do not hold `x`.",
        "wrong-height",
    )
    law(
        near(lone, stretched_log_prob(lone_w, lone_root)),
        "For one point alone the log-density is wrong.",
        "one-point",
    )
    many = draw.integer(24, 32)  # det cov near 1e-110: only its logarithm fits into a float
    root, w = 0.015 * random_root(many, draw), draw.normal(n, many)
    w[0] *= 20
    law(
        near(f(w @ root.T, torch.zeros(many), covariance_of(root)), stretched_log_prob(w, root)),
        "For many dimensions of small variance the log-density is wrong, near the mean or far from "
        "it.",
        "small-variances",
    )
    # Standard deviations from 1 down to 1e-3: cov has a condition number near 1e6, and float64
    # keeps ten digits of the result.
    shrink = torch.logspace(0, -3, d, dtype=torch.float64)[:, None]
    root, w = shrink * random_root(d, draw, torch.float64), draw.normal(n, d, dtype=torch.float64)
    law(
        near(
            f(w @ root.T, torch.zeros(d, dtype=torch.float64), covariance_of(root)),
            stretched_log_prob(w, root),
        ),
        "For a nearly singular covariance in double precision the log-density is off: is "
        "something added to the diagonal, or is float32 used on the way?",
        "small-variances",
    )
    # Near 3000 float32 is spaced by 2e-4 and x - mean is exact; squares near 1e7 are spaced by 1.
    root, mean = random_root(d, draw), 3000 + 100 * draw.normal(d)
    x = mean + draw.normal(n, d) @ root.T
    exact = torch.linalg.solve_triangular(root.double(), (x - mean).double().T, upper=False).T
    law(
        near(f(x, mean, covariance_of(root)), stretched_log_prob(exact, root.double()), 300.0),
        "For points near 3000 with a spread near 1 the log-density is far off: rounding errors. "
        "Subtract the mean from `x` first, then square.",
        "cancellation",
    )
    _check_gaussian_gradients(f, draw, *first)


def _check_gaussian_gradients(
    f: Subject, draw: Draw, args: tuple[Tensor, Tensor, Tensor], w: Tensor, root: Tensor
) -> None:
    c = draw.normal(len(w))
    gradients = f.vjp(args, (0, 1, 2), c)
    for name, gradient in zip(("x", "mean", "cov"), gradients, strict=True):
        law(
            gradient is not None,
            f"No gradient reaches `{name}`, so it cannot be learnt by gradient ascent: look for "
            "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
    _, of_mean, of_cov = gradients
    law(
        near(of_mean @ root, c @ w, float(c.abs().sum())),
        "The gradient with respect to the mean is wrong, although the values are right: something "
        "is cut out of the graph.",
        "wrong-gradient",
    )
    # cov -> (1 + t) cov changes the quadratic form by -t and log det by D t.
    law(
        near(
            (of_cov * args[2]).sum(),
            (c * (w.square().sum(1) - w.shape[1])).sum() / 2,
            float(c.abs().sum()) * w.shape[1],
        ),
        "The gradient with respect to the covariance is wrong, although the values are right: "
        "something is cut out of the graph.",
        "wrong-gradient",
    )


# --- 02.fit_gaussian ------------------------------------------------------------------------


def scatter(x: Tensor) -> Tensor:
    """sum_n (x_n - mean)(x_n - mean)^T."""
    d = x - x.mean(0)
    return d.T @ d


def _covariance(x: Tensor) -> Tensor:
    return scatter(x) / len(x)


def _correlation(x: Tensor) -> Tensor:
    std = _covariance(x).diagonal().sqrt()
    return _covariance(x) / (std[:, None] * std)


def _around(x: Tensor, centre: Tensor) -> Tensor:
    return (x - centre).T @ (x - centre) / len(x)


def _between_rows(x: Tensor, over: float) -> Tensor:
    d = x - x.mean(1, keepdim=True)
    return d @ d.T / over


@exercise(
    "02.fit_gaussian",
    "x (N, D) -> (D,), (D, D)",
    proves="The covariance gives the 1/N variance of the data along every direction, mean and "
    "covariance move along when the data are stretched and shifted, also with fewer points than "
    "dimensions, one point alone, and data far from zero.",
    hints=(
        "Two values come back, as `return mean, cov`. The mean goes over the N points, axis 0.",
        "The likelihood is largest at the average of the outer products (x_n - mean)(x_n - mean)^T "
        "over the N points.",
        "With d = x - mean, of shape (N, D), the sum of the outer products is `d.T @ d`. Divide "
        "by N.",
    ),
    twin="course_utils.densities:fit_gaussian",
    mistakes=(
        Mistake(
            "n-minus-one",
            "The covariance is divided by N - 1, as `torch.cov` does. That is the unbiased "
            "estimate; the likelihood is largest with N.",
            lambda x: (x.mean(0), scatter(x) / (len(x) - 1)),
        ),
        Mistake(
            "not-averaged",
            "The covariance is a sum over the points where their average is wanted: divide by N.",
            lambda x: (x.mean(0), scatter(x)),
        ),
        Mistake(
            "divided-by-d",
            "The covariance is divided by the number of dimensions where the number of points "
            "belongs.",
            lambda x: (x.mean(0), scatter(x) / x.shape[1]),
        ),
        Mistake(
            "not-centred",
            "This averages x x^T, the second moment around zero: subtract the mean first.",
            lambda x: (x.mean(0), x.T @ x / len(x)),
        ),
        Mistake(
            "global-mean",
            "One mean over all elements is subtracted: each dimension has its own, `x.mean(0)`.",
            lambda x: (x.mean(0), _around(x, x.mean())),
        ),
        Mistake(
            "global-mean",
            "The mean is taken over all elements: each dimension has its own, `x.mean(0)`.",
            lambda x: (x.mean(), _around(x, x.mean())),
        ),
        Mistake(
            "diagonal-only",
            "Only the variances are there: the covariances between the dimensions are zero in "
            "yours.",
            lambda x: (x.mean(0), torch.diag(x.var(0, correction=0))),
        ),
        Mistake(
            "diagonal-only",
            "The second value is the vector of variances: a matrix (D, D) is wanted, with the "
            "covariances beside its diagonal.",
            lambda x: (x.mean(0), x.var(0, correction=0)),
        ),
        Mistake(
            "deviation",
            "The second value holds standard deviations: covariances are averages of products, "
            "without a root.",
            lambda x: (x.mean(0), x.std(0, correction=0)),
        ),
        Mistake(
            "deviation",
            "The second value is a diagonal of standard deviations: the matrix of covariances is "
            "wanted.",
            lambda x: (x.mean(0), torch.diag(x.std(0, correction=0))),
        ),
        Mistake(
            "correlation",
            "This is the correlation matrix, with ones on the diagonal: the covariance keeps the "
            "scale of the data.",
            lambda x: (x.mean(0), _correlation(x)),
        ),
        Mistake(
            "precision",
            "The second value is the inverse of the covariance.",
            lambda x: (x.mean(0), torch.linalg.inv(_covariance(x))),
        ),
        Mistake(
            "cholesky-factor",
            "The second value is the Cholesky factor of the covariance: the covariance itself is "
            "wanted.",
            lambda x: (x.mean(0), torch.linalg.cholesky(_covariance(x))),
        ),
        Mistake(
            "sum-for-mean",
            "The first value is the sum of the points: divide it by N.",
            lambda x: (x.sum(0), _covariance(x)),
        ),
        Mistake(
            "swapped",
            "Both values are right and in the wrong order: the mean comes first.",
            lambda x: (_covariance(x), x.mean(0)),
        ),
        Mistake(
            "wrong-axis",
            "The mean is taken over the dimensions of each point: it goes over the points, axis 0.",
            lambda x: (x.mean(1), _covariance(x)),
        ),
        *(
            Mistake(
                "wrong-axis",
                "Points and dimensions are exchanged in the covariance: yours is (N, N). "
                "`torch.cov` takes one row per dimension, so it wants `x.T`.",
                function,
            )
            for function in (
                lambda x: (x.mean(0), _between_rows(x, x.shape[1])),
                lambda x: (x.mean(0), _between_rows(x, x.shape[1] - 1)),
                lambda x: (x.mean(1), _between_rows(x, x.shape[1])),
                lambda x: (x.mean(1), _between_rows(x, x.shape[1] - 1)),
                lambda x: (x.mean(0), (x - x.mean(0)) @ (x - x.mean(0)).T / len(x)),
            )
        ),
    ),
)
def check_fit_gaussian(f: Subject, draw: Draw) -> None:
    d, other = draw.sizes(2, 3, 6)
    n = draw.integer(8, 20)
    x = draw.number(1, 2) + draw.normal(n, d) @ random_root(d, draw).T
    mean, cov = f(x)
    law(
        agree(n * mean, x.sum(0), n * float(x.abs().max())),
        "The first value is not the mean of the points: N times it should be their sum.",
        "wrong-mean",
    )
    law(
        agree(cov, cov.T, float(cov.abs().max())),
        "The second value is not symmetric, and a covariance is.",
        "not-symmetric",
    )
    directions = draw.normal(d, d * (d + 1))  # more than a symmetric matrix has free numbers
    law(
        agree((directions * (cov @ directions)).sum(0), (x @ directions).var(0, correction=0)),
        "The covariance does not give the spread of the data along every direction: for any v the "
        "projections x v should have the variance v^T cov v, averaged over the N points.",
        "wrong-covariance",
    )
    x = draw.normal(other, d, dtype=torch.float64)  # fewer points than dimensions, or hardly more
    mean, cov = f(x)
    stretch, shift = draw.normal(d, d, dtype=torch.float64), draw.normal(d, dtype=torch.float64)
    moved_mean, moved_cov = f(x @ stretch.T + shift)
    law(
        agree(moved_mean, stretch @ mean + shift, 10.0)
        and agree(moved_cov, stretch @ cov @ stretch.T, 100.0),
        "Stretched and shifted data should have the stretched and shifted mean and covariance: is "
        "something added to the diagonal?",
        "does-not-move-along",
    )
    _, alone = f(draw.normal(1, d))
    law(
        float(alone.abs().max()) < 1e-6,
        "One point alone has no spread: its covariance should be zero.",
        "one-point",
    )
    # Near 10000 float32 is spaced by 1e-3: rounding of the mean shifts the covariance by 1e-6,
    # while squares near 1e8 are spaced by 8.
    x = 10_000 + draw.normal(3 * n, d)
    law(
        agree(f(x)[1], _covariance(x.double()), 30.0),
        "For points near 10000 with a spread near 1 the covariance is far off: rounding errors. "
        "Subtract the mean from `x` first, then multiply.",
        "cancellation",
    )


# --- 02.mixture_log_prob --------------------------------------------------------------------


def _squared_distances(x: Tensor, means: Tensor) -> Tensor:
    return (x[:, None] - means).square().sum(2)  # (N, M)


def _components(x: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """log N(x_n; mean_m, sigma_m^2 I), (N, M)."""
    normaliser = means.shape[1] * (LOG_2PI / 2 + sigmas.log())
    return -_squared_distances(x, means) / (2 * sigmas**2) - normaliser


def _mixture(components: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The mixture with components (N, M) in logs, which may be wrong."""
    return lambda x, log_weights, means, sigmas: torch.logsumexp(
        log_weights + components(x, means, sigmas), 1
    )


def _combined(rule: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right components (N, M), combined with the log-weights (M,) by a rule of your own."""
    return lambda x, log_weights, means, sigmas: rule(log_weights, _components(x, means, sigmas))


def _with_normaliser(normaliser: Callable[[int, Tensor], Tensor | float]) -> Callable[..., Tensor]:
    return _mixture(
        lambda x, means, sigmas: (
            -_squared_distances(x, means) / (2 * sigmas**2) - normaliser(means.shape[1], sigmas)
        )
    )


MIXTURE_MISTAKES = (
    Mistake(
        "normaliser-without-d",
        "The normaliser of each component is that of one dimension: every one of the D dimensions "
        "brings its own.",
        _with_normaliser(lambda d, sigmas: LOG_2PI / 2 + sigmas.log()),
    ),
    Mistake(
        "normaliser-without-d",
        "log sigma stands once in the normaliser: every one of the D dimensions brings its own.",
        _with_normaliser(lambda d, sigmas: d * LOG_2PI / 2 + sigmas.log()),
    ),
    Mistake(
        "normaliser-without-d",
        "log 2 pi stands once in the normaliser: every one of the D dimensions brings its own.",
        _with_normaliser(lambda d, sigmas: LOG_2PI / 2 + d * sigmas.log()),
    ),
    Mistake(
        "normaliser-d-squared",
        "The normaliser is counted D times D: a term that holds the factor D already was summed "
        "over the dimensions again.",
        _with_normaliser(lambda d, sigmas: d**2 * (LOG_2PI / 2 + sigmas.log())),
    ),
    Mistake(
        "normaliser-not-halved",
        "The normaliser is twice too large: each dimension divides the density by the square root "
        "of 2 pi, times sigma.",
        _with_normaliser(lambda d, sigmas: d * (LOG_2PI + 2 * sigmas.log())),
    ),
    Mistake(
        "no-two-pi",
        "The constant with log 2 pi is missing, so the density does not integrate to one.",
        _with_normaliser(lambda d, sigmas: d * sigmas.log()),
    ),
    Mistake(
        "no-sigma-in-normaliser",
        "sigma is missing in the normaliser: a wide component is lower than a narrow one.",
        _with_normaliser(lambda d, sigmas: d * LOG_2PI / 2),
    ),
    Mistake(
        "no-normaliser",
        "The components have no normaliser. Theirs differ, because their sigmas do: it cannot be "
        "left out.",
        _with_normaliser(lambda d, sigmas: 0.0),
    ),
    Mistake(
        "sigma-not-squared",
        "The squared distance is divided by 2 sigma where sigma squared belongs.",
        _mixture(
            lambda x, means, sigmas: (
                -_squared_distances(x, means) / (2 * sigmas)
                - means.shape[1] * (LOG_2PI / 2 + sigmas.log())
            )
        ),
    ),
    Mistake(
        "sigma-as-variance",
        "`sigmas` is used as the variances: these are standard deviations.",
        _mixture(lambda x, means, sigmas: _components(x, means, sigmas.sqrt())),
    ),
    Mistake(
        "sigma-squared-twice",
        "sigma squared is used as the standard deviation, and so squared once more.",
        _mixture(lambda x, means, sigmas: _components(x, means, sigmas**2)),
    ),
    Mistake(
        "no-half-in-exponent",
        "The squared distance is divided by sigma squared: half of that belongs in the exponent.",
        _mixture(
            lambda x, means, sigmas: (
                2 * _components(x, means, sigmas) + means.shape[1] * (LOG_2PI / 2 + sigmas.log())
            )
        ),
    ),
    Mistake(
        "distance-not-squared",
        "The distance is not squared in the exponent.",
        _mixture(
            lambda x, means, sigmas: (
                -_squared_distances(x, means).sqrt() / (2 * sigmas**2)
                - means.shape[1] * (LOG_2PI / 2 + sigmas.log())
            )
        ),
    ),
    Mistake(
        "mean-over-dimensions",
        "Each component's log-density is averaged over the dimensions where their sum is wanted.",
        _mixture(lambda x, means, sigmas: _components(x, means, sigmas) / means.shape[1]),
    ),
    Mistake(
        "no-weights",
        "The weights are not used: this adds the components as if each had weight one.",
        _combined(lambda lw, components: torch.logsumexp(components, 1)),
    ),
    Mistake(
        "equal-weights",
        "This is the plain mean over the components: each counts with its own weight.",
        _combined(lambda lw, components: torch.logsumexp(components, 1) - math.log(len(lw))),
    ),
    Mistake(
        "weights-not-log",
        "The weights are added to the log-densities as plain numbers: `log_weights` are logarithms "
        "already, so add them as they are.",
        _combined(lambda lw, components: torch.logsumexp(lw.exp() + components, 1)),
    ),
    Mistake(
        "weights-not-log",
        "The logarithm of something negative gives nan: `log_weights` are logarithms already, so "
        "add them to the log-densities as they are.",
        _combined(lambda lw, components: torch.logsumexp(lw.log() + components, 1)),
    ),
    Mistake(
        "product",
        "The logarithms are summed over the components, which multiplies their densities: a "
        "mixture adds densities.",
        _combined(lambda lw, components: (lw + components).sum(1)),
    ),
    Mistake(
        "product",
        "The logarithms of the components are summed, which multiplies their densities, without "
        "weights: a mixture adds weighted densities.",
        _combined(lambda lw, components: components.sum(1)),
    ),
    Mistake(
        "average-of-logs",
        "This is the weighted average of the components' log-densities. The mixture is the log "
        "of the average, which is larger.",
        _combined(lambda lw, components: (lw.exp() * components).sum(1)),
    ),
    Mistake(
        "largest-only",
        "Only the largest component counts in yours: a mixture is the sum over all of them.",
        _combined(lambda lw, components: (lw + components).max(1).values),
    ),
    Mistake(
        "wrong-axis",
        "The sum runs over the points: one number per component came back. Sum over the "
        "components.",
        _combined(lambda lw, components: torch.logsumexp(lw + components, 0)),
    ),
    Mistake(
        "not-summed",
        "A matrix (N, M) came back, one number per point and component: the mixture sums over the "
        "components.",
        _combined(lambda lw, components: lw + components),
    ),
    Mistake(
        "exponentiated",
        "This is the density itself: its logarithm is wanted.",
        _combined(lambda lw, components: torch.logsumexp(lw + components, 1).exp()),
    ),
    Mistake(
        "negative",
        "This is the negative log-density, a loss: the log-density itself is wanted.",
        _combined(lambda lw, components: -torch.logsumexp(lw + components, 1)),
    ),
    Mistake(
        "underflow",
        "Far from every mean all densities underflow to 0 before the logarithm is taken: stay in "
        "logs and add the components with `torch.logsumexp`.",
        _combined(lambda lw, components: (lw + components).exp().sum(1).log()),
    ),
)


def random_mixture(
    n: int, d: int, m: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Overlapping components and points among them: (x, log_weights, means, sigmas)."""
    means, sigmas = draw.normal(m, d, dtype=dtype), draw.uniform(0.5, 1.6, m, dtype=dtype)
    log_weights = torch.log_softmax(draw.normal(m, dtype=dtype), 0)
    x = 1.5 * draw.normal(n, d, dtype=dtype)
    return x, log_weights, means, sigmas


def mixture_truth(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """The same by the library, in double precision."""
    x, log_weights, means, sigmas = (t.double() for t in (x, log_weights, means, sigmas))
    spread = sigmas[:, None].expand_as(means)
    components = torch.distributions.Independent(torch.distributions.Normal(means, spread), 1)
    mixing = torch.distributions.Categorical(logits=log_weights)
    return torch.distributions.MixtureSameFamily(mixing, components).log_prob(x)


@exercise(
    "02.mixture_log_prob",
    "x (N, D), log_weights (M,), means (M, D), sigmas (M,) -> (N,)",
    proves="The density is the weighted sum of the components' for fresh mixtures, one point, "
    "double precision and a hundred sigmas from every mean; and gradients reach all parameters.",
    hints=(
        "First the log-density of every point under every component, a matrix (N, M); then add "
        "the components.",
        "`(x[:, None] - means)` has shape (N, M, D): its squares summed over D are the squared "
        "distances. Each dimension brings a normaliser of its own, with 2 pi and sigma.",
        "Densities add, so logarithms are combined by `torch.logsumexp(log_weights + components, "
        "dim=1)`, which does not underflow.",
    ),
    twin="course_utils.densities:mixture_log_prob",
    also=("course_utils.densities.mixtures:_isotropic_log_joint",),
    mistakes=MIXTURE_MISTAKES,
)
def check_mixture_log_prob(f: Subject, draw: Draw) -> None:
    n, d, m = draw.sizes(3, 3, 6)
    for points, dtype in ((n, torch.float32), (1, torch.float32), (n, torch.float64)):
        args = random_mixture(points, d, m, draw, dtype)
        law(
            near(f(*args), mixture_truth(*args)),
            "The exponential of your result is not the weighted sum of the components' densities. "
            "Try one component first, and put it beside `torch.distributions.Normal`.",
            "wrong-density",
        )
    x, log_weights, means, sigmas = random_mixture(n, d, m, draw)
    far = 120 * torch.nn.functional.normalize(x)  # 50 sigmas and more from every mean
    law(
        near(f(far, log_weights, means, sigmas), mixture_truth(far, log_weights, means, sigmas)),
        "Far from every mean the log-density is wrong: stay in logs and add the components with "
        "`torch.logsumexp`, without a floor or a small number added.",
        "underflow",
    )
    both, c = torch.cat([x, far]), draw.normal(2 * n)
    gradients = f.vjp((both, log_weights, means, sigmas), (0, 1, 2, 3), c)
    for name, gradient in zip(("x", "log_weights", "means", "sigmas"), gradients, strict=True):
        law(
            gradient is not None,
            f"No gradient reaches `{name}`, so it cannot be learnt by gradient ascent: look for "
            "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
        law(
            gradient.isfinite().all(),
            f"The gradient with respect to `{name}` is not finite far from every mean, although "
            "the value is.",
            "gradient-not-finite",
        )
    of_x, _, of_means, _ = gradients
    law(
        near(of_x.sum(0), -of_means.sum(0), float(of_x.abs().sum())),
        "Moving all points or all means the other way is the same, and your gradients say "
        "otherwise: something is cut out of the graph.",
        "wrong-gradient",
    )


# --- 02.asymmetry_error ---------------------------------------------------------------------


def angular_density(c: Tensor, a_fb: Tensor) -> Tensor:
    """p(c) = 3/8 (1 + c^2) + A_FB c."""
    return 3 / 8 * (1 + c**2) + a_fb * c


def curvature(c: Tensor, a_fb: Tensor) -> Tensor:
    """Minus the second derivative of the log-likelihood at a_fb, in double precision."""
    c = c.double()
    return -torch.autograd.functional.hessian(
        lambda a: angular_density(c, a).log().sum(), a_fb.double()
    )


def _expected_information(a_fb: Tensor) -> Tensor:
    """integral of c^2 / p(c) over [-1, 1], by the midpoint rule."""
    edges = torch.linspace(-1, 1, 20_001, dtype=torch.float64)
    c = (edges[1:] + edges[:-1]) / 2
    return (c**2 / angular_density(c, a_fb.double())).mean() * 2


def _from_information(information: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """1 / sqrt(information), where the information (0-d) may be wrong."""
    return lambda c, a_fb: information(c, a_fb).rsqrt().to(c.dtype)


def _observed(c: Tensor, a_fb: Tensor) -> Tensor:
    return (c / angular_density(c, a_fb)).square().sum()


def forward_events(draw: Draw) -> Tensor:
    """Cosines, two of three forward: sums over c that should hold c^2 stay positive."""
    n = draw.integer(8, 20)
    return torch.cat([draw.uniform(0.1, 1, 2 * n), draw.uniform(-1, -0.1, n)])


@exercise(
    "02.asymmetry_error",
    "cos_theta (N,), a_fb () -> ()",
    proves="The error is that of the log-likelihood's curvature at A_FB for fresh events, one "
    "event, double precision and a density that nearly touches zero.",
    hints=(
        "The observed information is minus the second derivative of the log-likelihood "
        "sum log p(c_n) with respect to A_FB, at `a_fb`.",
        "p is linear in A_FB with slope c, so d/dA log p = c / p. Derive once more: the slope c "
        "comes down again.",
        "The information is the sum of (c / p)^2 over the events. The standard error is one over "
        "its square root.",
    ),
    twin="course_utils.densities:asymmetry_error",
    mistakes=(
        Mistake(
            "variance",
            "This is one over the information, the variance: the standard error is its root.",
            lambda c, a_fb: 1 / _observed(c, a_fb),
        ),
        Mistake(
            "information",
            "This is the information itself: the more there is of it, the smaller the error.",
            _observed,
        ),
        Mistake(
            "information",
            "This is the root of the information: the error is one over it.",
            lambda c, a_fb: _observed(c, a_fb).sqrt(),
        ),
        Mistake(
            "per-event",
            "This is the error from one average event: the information of N events adds up, so "
            "sum over them.",
            _from_information(lambda c, a_fb: _observed(c, a_fb) / len(c)),
        ),
        Mistake(
            "divided-by-n-again",
            "The error is divided by the root of N once more: the sum over the events has done "
            "that already.",
            _from_information(lambda c, a_fb: _observed(c, a_fb) * len(c)),
        ),
        Mistake(
            "expected-information",
            "This is the expected information, an integral over all cosines. The observed one is "
            "wanted: a sum over the events that were seen.",
            _from_information(lambda c, a_fb: len(c) * _expected_information(a_fb)),
        ),
        Mistake(
            "counting-error",
            "This is the error of counting forward and backward events. The likelihood uses the "
            "angle of each event: take its curvature.",
            lambda c, a_fb: ((1 - a_fb**2) / len(c)).sqrt(),
        ),
        Mistake(
            "counting-error",
            "This is the error of counting forward and backward events, with the counted "
            "asymmetry. The likelihood uses the angle of each event: take its curvature.",
            lambda c, a_fb: ((1 - c.sign().mean() ** 2) / len(c)).sqrt(),
        ),
        Mistake(
            "error-of-the-mean",
            "This is the error of an average of cosines. The curvature of the log-likelihood is "
            "wanted.",
            lambda c, a_fb: c.std(correction=0) / math.sqrt(len(c)),
        ),
        Mistake(
            "error-of-the-mean",
            "This is the error of 3/2 times the mean cosine, an estimate by moments. The curvature "
            "of the log-likelihood is wanted.",
            lambda c, a_fb: 1.5 * c.std(correction=0) / math.sqrt(len(c)),
        ),
        Mistake(
            "p-not-squared",
            "p is not squared: deriving log p twice brings 1/p^2.",
            _from_information(lambda c, a_fb: (c**2 / angular_density(c, a_fb)).sum()),
        ),
        Mistake(
            "c-not-squared",
            "c is not squared: it comes down once with each of the two derivatives.",
            _from_information(lambda c, a_fb: (c / angular_density(c, a_fb) ** 2).sum()),
        ),
        Mistake(
            "score-not-squared",
            "The terms c / p are summed as they are: that is the slope of the log-likelihood, not "
            "its curvature.",
            _from_information(lambda c, a_fb: (c / angular_density(c, a_fb)).sum()),
        ),
        Mistake(
            "score-not-squared",
            "The terms |c| / p are summed: the curvature sums their squares.",
            _from_information(lambda c, a_fb: (c / angular_density(c, a_fb)).abs().sum()),
        ),
        Mistake(
            "square-of-sum",
            "The slopes c / p are summed before they are squared: square each event's own.",
            _from_information(lambda c, a_fb: (c / angular_density(c, a_fb)).sum().square()),
        ),
        Mistake(
            "sign",
            "The second derivative of a log-likelihood is negative at its top, and its root is "
            "nan: the information is minus it.",
            _from_information(lambda c, a_fb: -_observed(c, a_fb)),
        ),
        Mistake(
            "without-asymmetry",
            "The density is that of A_FB = 0: the term A_FB c is missing in p.",
            lambda c, a_fb: _observed(c, torch.zeros_like(a_fb)).rsqrt(),
        ),
        Mistake(
            "asymmetry-sign",
            "A_FB enters the density with the wrong sign: forward, at positive c, it adds.",
            lambda c, a_fb: _observed(c, -a_fb).rsqrt(),
        ),
        Mistake(
            "normalisation",
            "The factor 3/8 is missing in p.",
            _from_information(lambda c, a_fb: (c / (1 + c**2 + a_fb * c)).square().sum()),
        ),
        Mistake(
            "normalisation",
            "The factor 3/8 multiplies the term with A_FB too: p is 3/8 (1 + c^2) + A_FB c.",
            _from_information(lambda c, a_fb: (c / (3 / 8 * (1 + c**2 + a_fb * c))).square().sum()),
        ),
    ),
)
def check_asymmetry_error(f: Subject, draw: Draw) -> None:
    few, a_fb = draw.integer(5, 15), torch.tensor(-draw.number(0.2, 0.45))
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [(forward_events(draw), a_fb), (forward_events(draw), a_fb / 2)]
    for error, case in [(f(*case), case) for case in cases]:
        _check_error(error, *case)
    others = (
        (draw.uniform(0.3, 0.9, 1), torch.zeros(())),
        (draw.uniform(-1, 1, few, dtype=torch.float64), -a_fb.double()),
        # p falls to 0.03 at one end: its event has most of the information.
        (torch.tensor([-1.0, -0.5, 0.0, 0.5, 1.0]), torch.tensor(0.72)),
    )
    for case in others:
        _check_error(f(*case), *case)


def _check_error(error: Tensor, c: Tensor, a_fb: Tensor) -> None:
    law(error > 0, "A standard error is positive.", "sign")
    law(
        near(error**-2, curvature(c, a_fb)),
        "One over the square of your error is not the curvature of the log-likelihood: minus its "
        "second derivative with respect to A_FB, summed over the events.",
        "wrong-curvature",
    )
