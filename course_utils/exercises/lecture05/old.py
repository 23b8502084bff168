"""The exercises of lecture 05, variational inference: checks by laws, and their mistakes."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..gaussian_latents import Model, in_units_of, posterior_truth, random_data, random_posterior
from ..laws import agree, check_gradients, law, near
from ..subject import Subject

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


# --- 05.reparameterize ----------------------------------------------------------------------


def _sigma(log_var: Tensor) -> Tensor:
    return (log_var / 2).exp()


def _spread(sigma: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    """mu + sigma(log_var) eps with a standard deviation that may be wrong."""
    return lambda mu, log_var, eps: mu + sigma(log_var) * eps


@exercise(
    "05.reparameterize",
    "mu (B, K), log_var (B, K), eps (..., B, K) -> (..., B, K)",
    proves="The draw is at mu without noise, at the distance sigma for unit noise and mirrored "
    "with it, for one draw and many, one sample, double precision and variances from exp(-40) to "
    "exp(40), and gradients reach mu and log_var.",
    hints=(
        "A standard normal number becomes one of N(mu, sigma^2) by stretching and shifting. All "
        "randomness stays in `eps`, so the draw can be differentiated.",
        "`log_var` is the logarithm of the variance: which power of exp(log_var) is the standard "
        "deviation?",
        "Shift by mu, stretch by `torch.exp(0.5 * log_var)`. Leading axes of `eps` broadcast by "
        "themselves.",
    ),
    twin="course_utils.inference:reparameterize",
    mistakes=(
        Mistake(
            "variance-for-sigma",
            "The noise is multiplied by the variance exp(log_var), as if `log_var` were the "
            "logarithm of the standard deviation: take the root.",
            _spread(torch.exp),
        ),
        Mistake(
            "variance-squared",
            "The noise is multiplied by the square of the variance: half of `log_var` belongs into "
            "the exponential, not twice.",
            _spread(lambda log_var: (2 * log_var).exp()),
        ),
        Mistake(
            "not-exponentiated",
            "The noise is multiplied by `log_var` itself, which may be negative: it is a "
            "logarithm.",
            _spread(lambda log_var: log_var),
        ),
        Mistake(
            "not-exponentiated",
            "The noise is multiplied by half of `log_var`: that is the logarithm of the standard "
            "deviation, so its exponential is missing.",
            _spread(lambda log_var: log_var / 2),
        ),
        Mistake(
            "not-exponentiated",
            "The root of `log_var` is taken, which is nan where it is negative: it is a logarithm, "
            "so take the exponential first.",
            _spread(torch.sqrt),
        ),
        Mistake(
            "softplus",
            "The standard deviation is the softplus of `log_var`, which belongs to another "
            "parametrisation: here it is the logarithm of the variance.",
            _spread(torch.nn.functional.softplus),
        ),
        Mistake(
            "precision",
            "The noise is divided by the standard deviation: a larger variance moves the draw "
            "farther from mu.",
            _spread(lambda log_var: (-log_var / 2).exp()),
        ),
        Mistake(
            "unit-noise",
            "The noise is added as it is, with variance one: `log_var` says how far it reaches.",
            _spread(torch.ones_like),
        ),
        Mistake(
            "noise-not-multiplied",
            "Mean, deviation and noise are added up: the deviation multiplies the noise.",
            lambda mu, log_var, eps: mu + _sigma(log_var) + eps,
        ),
        Mistake(
            "noise-not-multiplied",
            "Mean, variance and noise are added up: the deviation multiplies the noise.",
            lambda mu, log_var, eps: mu + log_var.exp() + eps,
        ),
        Mistake(
            "no-mean",
            "The noise is stretched and not shifted: mu is missing.",
            lambda mu, log_var, eps: _sigma(log_var) * eps,
        ),
        Mistake(
            "mean-stretched",
            "The mean is multiplied by the standard deviation too: stretch first, then shift.",
            lambda mu, log_var, eps: _sigma(log_var) * (mu + eps),
        ),
        Mistake(
            "mean-stretched",
            "The noise multiplies the mean: it should be stretched by the standard deviation.",
            lambda mu, log_var, eps: mu * eps + _sigma(log_var),
        ),
        Mistake(
            "no-noise",
            "Every draw is mu: `eps` is not used.",
            lambda mu, log_var, eps: mu.expand_as(eps),
        ),
        Mistake(
            "no-noise",
            "Every draw is one standard deviation above mu: `eps` is not used.",
            lambda mu, log_var, eps: (mu + _sigma(log_var)).expand_as(eps),
        ),
        Mistake(
            "noise-squared",
            "The noise is squared, so every draw lies above mu.",
            lambda mu, log_var, eps: mu + _sigma(log_var) * eps**2,
        ),
        Mistake(
            "one-sided",
            "The absolute value of the noise is used, so every draw lies above mu.",
            lambda mu, log_var, eps: mu + _sigma(log_var) * eps.abs(),
        ),
    ),
)
def check_reparameterize(f: Subject, draw: Draw) -> None:
    b, k, s, t = draw.sizes(4, 2, 7)
    cases = (
        ((b, k), torch.float64),
        ((s, b, k), torch.float32),
        ((s, t, 1, k), torch.float32),
    )
    for shape, dtype in cases:
        mu, log_var = random_posterior(*shape[-2:], draw, dtype)
        eps = draw.normal(*shape, dtype=dtype)
        # No noise, unit noise and its mirror image are asked before anything is judged.
        z, again, still, mirrored = (f(mu, log_var, e) for e in (eps, eps, 0 * eps, -eps))
        law(
            agree(z, again),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `eps` it is given.",
            "own-noise",
        )
        law(
            agree(still, mu.expand(shape)),
            "Where `eps` is zero the draw should be mu.",
            "wrong-mean",
        )
        law(
            squared_noise(z - mu, log_var, eps),
            "Measured from mu, the square of the draw should be the variance times `eps` squared: "
            "`log_var` is the logarithm of the variance.",
            "wrong-spread",
        )
        law(
            agree(z - mu, mu - mirrored),
            "With `eps` and with -`eps` the draws should lie on opposite sides of mu, equally far.",
            "not-mirrored",
        )
    for extreme in (torch.full((b, k), -40.0), torch.full((b, k), 40.0)):
        eps = draw.normal(s, b, k)
        law(
            squared_noise(f(torch.zeros(b, k), extreme, eps), extreme, eps),
            "For log_var = -40 or 40 the spread is off: is something added to the variance, or "
            "`log_var` cut off?",
            "extreme-variance",
        )
    _check_pathwise_gradients(f, draw, s, b, k)


def squared_noise(distance: Tensor, log_var: Tensor, eps: Tensor) -> bool:
    """Is the distance from mu, in units of sigma, `eps` or its negative?"""
    return near((distance / _sigma(log_var)) ** 2, eps**2)


def _check_pathwise_gradients(f: Subject, draw: Draw, s: int, b: int, k: int) -> None:
    mu, log_var = random_posterior(b, k, draw)
    eps, c = draw.normal(s, b, k), draw.normal(s, b, k)
    of_mu, of_log_var = f.vjp((mu, log_var, eps), (0, 1), c)
    law(
        of_mu is not None or of_log_var is not None,
        "No gradient flows through the draw: it is detached, by `.detach()`, `torch.no_grad()` or "
        "`.sample()`, and what is learnt from it can never reach mu and log_var.",
        "detached",
    )
    for name, gradient in (("mu", of_mu), ("log_var", of_log_var)):
        law(
            gradient is not None,
            f"No gradient reaches `{name}`, so it can never be learnt: look for `.detach()`, "
            "`.data`, `torch.no_grad()` or a new tensor made from numbers.",
            "no-gradient",
        )
    distance = f(mu, log_var, eps) - mu  # of either sign: both are right draws
    law(
        agree(of_mu, c.sum(0)) and agree(of_log_var, (c * distance / 2).sum(0)),
        "The values are right and the gradients are not: moving mu by a little should move each "
        "draw by as much, and moving log_var should stretch it. Something is cut out of the graph.",
        "wrong-gradient",
    )


# --- 05.score_function_gradient -------------------------------------------------------------


def score_truth(f: Tensor, score: Tensor, baseline: Tensor) -> Tensor:
    """Draw by draw, in double precision."""
    total = torch.zeros(score.shape[1], dtype=torch.float64)
    for value, direction in zip(f.double() - baseline.double(), score.double(), strict=True):
        total += value * direction
    return total / len(f)


def _products(weights: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The mean of weights(f, baseline) times the score, with weights that may be wrong."""
    return lambda f, score, baseline: (weights(f, baseline)[:, None] * score).mean(0)


def _advantage(f: Tensor, baseline: Tensor) -> Tensor:
    return f - baseline


def _sample_deviation(f: Tensor) -> Tensor:
    """With S - 1, and no warning where S is 1."""
    return ((f - f.mean()).square().sum() / (len(f) - 1)).sqrt()


def _gradient(f: Tensor, score: Tensor, baseline: Tensor) -> Tensor:
    return _products(_advantage)(f, score, baseline)


@exercise(
    "05.score_function_gradient",
    "f (S,), score (S, P), baseline () -> (P,)",
    proves="The gradient is the mean of the score, each draw's weighted by how far its objective "
    "lies above the baseline: for fresh draws, a single one, one parameter, double precision, and "
    "objectives near a million.",
    hints=(
        "The gradient of an average over q is the average of the objective times the gradient of "
        "log q. One term per draw.",
        "The average of the score alone is zero, so a constant may be subtracted from the "
        "objective. It leaves the mean alone and can make the noise much smaller.",
        "With `(f - baseline)[:, None]` of shape (S, 1) the product with `score` is (S, P): "
        "average over the draws, axis 0.",
    ),
    twin="course_utils.inference:score_function_gradient",
    mistakes=(
        Mistake(
            "no-baseline",
            "The baseline is not used: the mean stays the same without it, and the noise does not.",
            _products(lambda f, baseline: f),
        ),
        Mistake(
            "baseline-added",
            "The baseline is added to the objective: subtract it, so that the weights are small.",
            _products(lambda f, baseline: f + baseline),
        ),
        Mistake(
            "baseline-multiplied",
            "The objective is multiplied by the baseline: subtract it.",
            _products(lambda f, baseline: f * baseline),
        ),
        Mistake(
            "baseline-divided",
            "The objective is divided by the baseline: subtract it.",
            _products(lambda f, baseline: f / baseline),
        ),
        Mistake(
            "baseline-from-score",
            "The baseline is subtracted from the score: it belongs to the objective.",
            lambda f, score, baseline: (f[:, None] * (score - baseline)).mean(0),
        ),
        Mistake(
            "baseline-at-the-end",
            "The baseline is subtracted from the finished gradient: subtract it from the objective "
            "of each draw.",
            lambda f, score, baseline: (f[:, None] * score).mean(0) - baseline,
        ),
        Mistake(
            "own-baseline",
            "The draws' own mean is subtracted where the given baseline belongs.",
            _products(lambda f, baseline: f - f.mean()),
        ),
        Mistake(
            "own-baseline",
            "The draws' own mean is subtracted beside the given baseline.",
            _products(lambda f, baseline: f - f.mean() - baseline),
        ),
        Mistake(
            "standardised",
            "The weights are divided by their spread: a common trick, which changes the length of "
            "the gradient.",
            _products(lambda f, baseline: (f - baseline) / _sample_deviation(f)),
        ),
        Mistake(
            "sum-not-mean",
            "The products are summed over the draws: a Monte Carlo average is their mean.",
            lambda f, score, baseline: len(f) * _gradient(f, score, baseline),
        ),
        Mistake(
            "n-minus-one",
            "The sum is divided by S - 1: it is a mean, not a variance.",
            lambda f, score, baseline: len(f) * _gradient(f, score, baseline) / (len(f) - 1),
        ),
        Mistake(
            "product-of-means",
            "The two factors are averaged before they are multiplied: each draw's objective weighs "
            "its own score.",
            lambda f, score, baseline: (f.mean() - baseline) * score.mean(0),
        ),
        Mistake(
            "score-only",
            "This is the mean of the score, which is zero on average: the objective is missing.",
            _products(lambda f, baseline: torch.ones_like(f)),
        ),
        Mistake(
            "wrong-axis",
            "The average runs over the parameters: average over the draws, axis 0.",
            lambda f, score, baseline: ((f - baseline)[:, None] * score).mean(1),
        ),
        Mistake(
            "not-averaged",
            "A matrix (S, P) came back, one gradient per draw: average over the draws.",
            lambda f, score, baseline: (f - baseline)[:, None] * score,
        ),
        Mistake(
            "mean-over-all",
            "One number came back: average over the draws only, so that each parameter keeps its "
            "gradient.",
            lambda f, score, baseline: ((f - baseline)[:, None] * score).mean(),
        ),
        Mistake(
            "sign",
            "The sign is turned around: where draws above the baseline have a positive score, the "
            "gradient is positive.",
            lambda f, score, baseline: -_gradient(f, score, baseline),
        ),
        Mistake(
            "exponentiated",
            "The exponential of the objective is averaged: the objective itself is wanted.",
            _products(lambda f, baseline: (f - baseline).exp()),
        ),
        Mistake(
            "squared-score",
            "The score is squared.",
            lambda f, score, baseline: ((f - baseline)[:, None] * score**2).mean(0),
        ),
        Mistake(
            "squared-objective",
            "The distance from the baseline is squared, which loses its sign.",
            _products(lambda f, baseline: (f - baseline) ** 2),
        ),
        Mistake(
            "divided-by-parameters",
            "This is divided by the number of parameters too.",
            lambda f, score, baseline: _gradient(f, score, baseline) / score.shape[1],
        ),
    ),
)
def check_score_function_gradient(f: Subject, draw: Draw) -> None:
    s, p, more = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [random_draws(s, p, draw, torch.float64), random_draws(more, 1, draw)]
    for case, value in [(case, f(*case)) for case in cases]:
        law(
            agree(value, score_truth(*case), scale=1.0),
            "S times the gradient should be the sum over the draws of the score, each times its "
            "objective less the baseline.",
            "wrong-gradient",
        )
    lone = random_draws(1, p, draw)
    law(
        agree(f(*lone), score_truth(*lone)), "With a single draw the gradient is wrong.", "one-draw"
    )
    # Near a million float32 is spaced by 1/16: f - baseline is exact, products with f are not.
    large = 1e6 + draw.normal(s).mul(8).round() / 8
    _, score, _ = random_draws(s, p, draw)
    law(
        agree(f(large, score, torch.tensor(1e6)), score_truth(large, score, torch.tensor(1e6))),
        "For objectives near a million, and a baseline as large, the gradient is off: rounding "
        "errors. Subtract the baseline first, then multiply.",
        "cancellation",
    )


def random_draws(
    s: int, p: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor]:
    """(f (S,), score (S, P), baseline ()), with a gradient of size one or so."""
    f, score = 2 + draw.normal(s, dtype=dtype), 0.5 + draw.normal(s, p, dtype=dtype)
    baseline = draw.uniform(0.5, 0.8, dtype=dtype)
    f[0] = baseline - 1  # not all draws lie above the baseline
    return f, score, baseline


# --- 05.ppca_em_step ------------------------------------------------------------------------

Step = tuple[Tensor, Tensor]


def completed_data(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    """Each point with 2K equally likely latents that have the posterior's mean and covariance.

    Returns:
        (x - b (2K N, D), z (2K N, K)) in double precision. What is quadratic in z, as the
        complete-data log-likelihood, has the same average over them as over the posterior.
    """
    mean, cov = posterior_truth(x, W, b, sigma)
    k = W.shape[1]
    steps = math.sqrt(k) * torch.linalg.cholesky(cov).T
    z = mean + torch.cat([steps, -steps])[:, None]  # (2K, N, K)
    offset = (x.double() - b.double()).expand(2 * k, *x.shape)
    return offset.flatten(0, 1), z.flatten(0, 1)


def em_truth(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Step:
    """The M step is least squares on the completed data, and sigma the deviation it leaves."""
    offset, z = completed_data(x, W, b, sigma)
    new = torch.linalg.lstsq(z, offset).solution.T
    return new, (offset - z @ new.T).square().mean().sqrt()


Statistics = tuple[Tensor, Tensor, Tensor]  # x - b (N, D), <z> (N, K), sum_n <z z^T> (K, K)


def _e_step(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Statistics:
    mean, cov = posterior_truth(x, W, b, sigma)
    d = (x - b).double()
    return d, mean, len(x) * cov + mean.T @ mean


def _regress(d: Tensor, mean: Tensor, second: Tensor) -> Tensor:
    return d.T @ mean @ torch.linalg.inv(second)


def _total(W: Tensor, d: Tensor, mean: Tensor, second: Tensor) -> Tensor:
    """sum_n <|x - b - Wz|^2>."""
    return d.square().sum() - 2 * (d * (mean @ W.T)).sum() + (second * (W.T @ W)).sum()


Variance = Callable[[Tensor, Tensor, Statistics], Tensor]  # of the new W, the old W, the moments


def _mean_square(new: Tensor, old: Tensor, moments: Statistics) -> Tensor:
    return _total(new, *moments) / moments[0].numel()


def _root(variance: Variance) -> Variance:
    return lambda *args: variance(*args).sqrt()


_deviation = _root(_mean_square)


def _em(
    e_step: Callable[..., Statistics] = _e_step,
    regress: Callable[..., Tensor] = _regress,
    sigma_from: Variance = _deviation,
) -> Callable[..., Step]:
    """An EM step any part of which may be wrong, in the input's dtype."""

    def step(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Step:
        moments = e_step(x, W, b, sigma)
        new = regress(*moments)
        return new.to(x.dtype), sigma_from(new, W.double(), moments).to(x.dtype)

    return step


def _changed(change: Callable[..., Model]) -> Callable[..., Step]:
    """The right step from inputs that are not."""
    return lambda *args: _em()(*change(*args))


def _moments_from(
    posterior: Callable[..., tuple[Tensor, Tensor]], count: Callable[[Tensor], int] = len
) -> Callable[..., Statistics]:
    """An E step whose posterior, or the number of covariances it adds, may be wrong."""

    def e_step(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> Statistics:
        x, W, b = x.double(), W.double(), b.double()
        mean, cov = posterior(x, W, b, sigma)
        return x - b, mean, count(x) * cov + mean.T @ mean

    return e_step


def _unscaled(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    mean, cov = posterior_truth(x, W, b, sigma)
    return mean, cov / sigma**2


def _scaled_once(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    mean, cov = posterior_truth(x, W, b, sigma)
    return mean, cov / sigma


def _without_prior(x: Tensor, W: Tensor, b: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
    gram = torch.linalg.inv(W.T @ W)
    return (x - b) @ W @ gram, sigma**2 * gram


def _no_covariance(d: Tensor, mean: Tensor, second: Tensor) -> Tensor:
    return _regress(d, mean, mean.T @ mean)


def _residual_of_means(new: Tensor, old: Tensor, moments: Statistics) -> Tensor:
    d, mean, _ = moments
    return (d - mean @ new.T).square().mean()


def _old_in_both(new: Tensor, old: Tensor, moments: Statistics) -> Tensor:
    return _mean_square(old, old, moments)


def _old_in_trace(new: Tensor, old: Tensor, moments: Statistics) -> Tensor:
    d, mean, _ = moments
    return (d.square().sum() - (d * (mean @ old.T)).sum()) / d.numel()


def _cross_once(new: Tensor, old: Tensor, moments: Statistics) -> Tensor:
    d, mean, _ = moments
    return _mean_square(new, old, moments) + (d * (mean @ new.T)).sum() / d.numel()


EM_MISTAKES = (
    Mistake(
        "variance",
        "The second value is sigma squared, the variance: take its root.",
        _em(sigma_from=_mean_square),
    ),
    Mistake(
        "old-w",
        "The new sigma is computed with the old W: the M step maximises over both, so it uses the "
        "new one.",
        _em(sigma_from=_root(_old_in_both)),
    ),
    Mistake(
        "old-w",
        "The new sigma is computed with the old W, in the short form that holds for the new one "
        "only.",
        _em(sigma_from=_root(_old_in_trace)),
    ),
    Mistake(
        "old-w",
        "The new sigma is computed with the old W, and its root is missing as well.",
        _em(sigma_from=_old_in_both),
    ),
    Mistake(
        "no-dimensions",
        "The squared error is divided by the number of points only: each brings D residuals.",
        _em(sigma_from=_root(lambda n, o, m: _total(n, *m) / len(m[0]))),
    ),
    Mistake(
        "no-points",
        "The squared error is divided by the number of dimensions only: average it over the N "
        "points too.",
        _em(sigma_from=_root(lambda n, o, m: _total(n, *m) / m[0].shape[1])),
    ),
    Mistake(
        "not-averaged",
        "The squared error is a sum over all points and dimensions where its mean is wanted.",
        _em(sigma_from=_root(lambda n, o, m: _total(n, *m))),
    ),
    Mistake(
        "degrees-of-freedom",
        "The squared error is divided by N (D - K). That belongs to the closed-form solution, "
        "where it counts discarded directions; here it runs over all D.",
        _em(sigma_from=_root(lambda n, o, m: _total(n, *m) / len(m[0]) / (len(n) - n.shape[1]))),
    ),
    Mistake(
        "sigma-without-covariance",
        "The new sigma is that of the residuals at the posterior means: z is uncertain, and its "
        "covariance adds to the squared error.",
        _em(sigma_from=_root(_residual_of_means)),
    ),
    Mistake(
        "no-posterior-covariance",
        "The second moment of z is that of the posterior means alone: <z z^T> has the posterior's "
        "covariance as well.",
        _em(regress=_no_covariance),
    ),
    Mistake(
        "no-posterior-covariance",
        "The posterior's covariance is left out, in W and in sigma, as if z were known: <z z^T> "
        "is more than <z><z>^T.",
        _em(regress=_no_covariance, sigma_from=_root(_residual_of_means)),
    ),
    Mistake(
        "covariance-once",
        "The posterior's covariance is added once to the sum over the points: each of the N points "
        "brings its own.",
        _em(_moments_from(posterior_truth, lambda x: 1)),
    ),
    Mistake(
        "covariance-not-scaled",
        "The posterior's covariance lacks its sigma^2: it is that times the inverse of "
        "W^T W + sigma^2 I.",
        _em(_moments_from(_unscaled)),
    ),
    Mistake(
        "covariance-not-scaled",
        "The posterior's covariance is multiplied by sigma where sigma squared belongs.",
        _em(_moments_from(_scaled_once)),
    ),
    Mistake(
        "sigma-for-variance",
        "sigma stands where sigma squared belongs in the posterior of z.",
        _changed(lambda x, W, b, sigma: (x, W, b, math.sqrt(sigma))),
    ),
    Mistake(
        "prior-forgotten",
        "The latents are those of least squares: the prior N(0, I) belongs into their posterior.",
        _em(_moments_from(_without_prior)),
    ),
    Mistake(
        "mean-refitted",
        "The mean of `x` is subtracted where `b` belongs: b is held fixed.",
        _changed(lambda x, W, b, sigma: (x, W, x.mean(0), sigma)),
    ),
    Mistake(
        "not-centred",
        "b is not subtracted from `x`.",
        _changed(lambda x, W, b, sigma: (x, W, torch.zeros_like(b), sigma)),
    ),
    Mistake(
        "cross-term-once",
        "The cross term of the square |x - b - Wz|^2 is counted once: a square has it twice.",
        _em(sigma_from=_root(_cross_once)),
    ),
    Mistake(
        "sigma-not-updated",
        "W is new and sigma is the old one: the M step finds both.",
        lambda *args: (_em()(*args)[0], torch.tensor(args[3], dtype=args[0].dtype)),
    ),
    Mistake(
        "w-not-updated",
        "sigma is new and W is the old one: the M step finds both.",
        lambda *args: (args[1], _em()(*args)[1]),
    ),
    Mistake(
        "w-not-updated",
        "W is returned as it was, and sigma fitted to it: the M step finds both.",
        lambda *args: (args[1], _em(sigma_from=_root(_old_in_both))(*args)[1]),
    ),
    Mistake(
        "transposed",
        "The new W is (K, D): it is transposed.",
        lambda *args: (_em()(*args)[0].T, _em()(*args)[1]),
    ),
    Mistake(
        "swapped",
        "The two values are in the wrong order: W comes first.",
        lambda *args: _em()(*args)[::-1],
    ),
)


@exercise(
    "05.ppca_em_step",
    "x (N, D), W (D, K), b (D,), sigma float -> (D, K), ()",
    proves="The new W and sigma are those of least squares on the data completed by the posterior "
    "of z, for fresh models, one point, double precision, and small units with little noise.",
    hints=(
        "E step: mean and covariance of the posterior of z for every point, with the old W and "
        "sigma. The M step needs <z> and <z z^T> only.",
        "M step: maximise <log p(x | z)>. For W this is a regression of x - b on z: "
        "(sum (x - b) <z>^T) (sum <z z^T>)^-1, where <z z^T> is cov + <z><z>^T for each point.",
        "The new variance is the mean of <|x - b - Wz|^2> over the N points and the D dimensions: "
        "square it out, with the new W, and use <z> and <z z^T>. Return its root.",
    ),
    twin="course_utils.inference:ppca_em_step",
    mistakes=EM_MISTAKES,
)
def check_ppca_em_step(f: Subject, draw: Draw) -> None:
    n, k, other_k = draw.sizes(3, 2, 5)
    sigma = draw.number(0.5, 0.7)
    # Both are asked before either is judged: on two models no two mistakes agree by chance.
    cases = [
        random_data(n + 5, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw),
        random_data(n + 7, draw.normal(other_k + 2, other_k), sigma + 0.2, draw),
    ]
    answers = [f(*case) for case in cases]
    for case, answer in zip(cases, answers, strict=True):
        _check_step(answer, em_truth(*case))
    small = f(*in_units_of(32, *cases[0]))
    law(
        all(agree(32 * a, b) for a, b in zip(small, answers[0], strict=True)),
        "In other units, x, W, b and sigma together, the new W and sigma should change along and "
        "do not: is something added to a diagonal?",
        "depends-on-units",
    )
    _check_step(answers[0], em_truth(*cases[0]), "To the digits of float64: ", agree)
    lone = random_data(1, draw.normal(k + 3, k, dtype=torch.float64), sigma, draw)
    _check_step(f(*lone), em_truth(*lone), "For one point alone: ")


def _check_step(
    answer: Step, truth: Step, where: str = "", same: Callable[[Tensor, Tensor], bool] = near
) -> None:
    law(
        same(answer[0], truth[0]),
        f"{where}The new W is not the regression of x - b on z, averaged over the posterior of z.",
        "wrong-w",
    )
    law(
        same(answer[1], truth[1]),
        f"{where}The new W is right, and the new sigma is not: its square is the mean of "
        "(x - b - Wz)^2 over the posterior of z, the points and the dimensions.",
        "wrong-sigma",
    )


# --- 05.importance_weighted_bound -----------------------------------------------------------


def bound_truth(log_w: Tensor) -> Tensor:
    """The log of the mean weight, relative to each column's largest, in double precision."""
    log_w = log_w.double()
    top = log_w.detach().max(0).values
    return top + (log_w - top).exp().mean(0).log()


def _bound(log_w: Tensor) -> Tensor:
    return torch.logsumexp(log_w, 0) - math.log(len(log_w))


def _global_maximum(log_w: Tensor) -> Tensor:
    return log_w.max() + (log_w - log_w.max()).exp().mean(0).log()


@exercise(
    "05.importance_weighted_bound",
    "log_w (S, B) -> (B,)",
    proves="The exponential of the bound is the mean weight of each column, for fresh weights, one "
    "draw, one column, double precision, and log-weights near +10000 and -10000 side by side; and "
    "gradients reach every weight.",
    hints=(
        "The mean of the weights exp(log_w) is an unbiased estimate of the evidence. The bound is "
        "its logarithm.",
        "The logarithm goes outside the average, which is where this bound differs from the ELBO. "
        "Average over the S draws, axis 0.",
        "`torch.logsumexp(log_w, dim=0)` is the logarithm of the sum without overflow. A mean is a "
        "sum divided by S: what is that in logarithms?",
    ),
    twin="course_utils.inference:importance_weighted_bound",
    mistakes=(
        Mistake(
            "elbo",
            "This is the average of the log-weights, the ELBO: the logarithm goes outside the "
            "average.",
            lambda log_w: log_w.mean(0),
        ),
        Mistake(
            "overflow",
            "exp(log_w) overflows for large log-weights and is 0 for very negative ones: use "
            "`torch.logsumexp`.",
            lambda log_w: log_w.exp().mean(0).log(),
        ),
        Mistake(
            "global-maximum",
            "One maximum over all columns is subtracted: where a column lies far below it, all its "
            "weights are 0. Each column has its own maximum, axis 0.",
            _global_maximum,
        ),
        Mistake(
            "sum-not-mean",
            "This is the logarithm of the sum of the weights: their mean is wanted, or the bound "
            "grows with S without end.",
            lambda log_w: torch.logsumexp(log_w, 0),
        ),
        Mistake(
            "count-added",
            "The logarithm of the number of draws has the wrong sign: a mean divides by it.",
            lambda log_w: _bound(log_w) + 2 * math.log(len(log_w)),
        ),
        Mistake(
            "divided-by-count",
            "The logarithm of the sum is divided by S: the sum itself is, and its logarithm loses "
            "log S.",
            lambda log_w: torch.logsumexp(log_w, 0) / len(log_w),
        ),
        Mistake(
            "count-not-log",
            "S itself is subtracted: in logarithms a division by S subtracts its logarithm.",
            lambda log_w: torch.logsumexp(log_w, 0) - len(log_w),
        ),
        Mistake(
            "wrong-count",
            "The size of the batch is divided out: the mean goes over the S draws.",
            lambda log_w: torch.logsumexp(log_w, 0) - math.log(log_w.shape[1]),
        ),
        Mistake(
            "n-minus-one",
            "The sum is divided by S - 1: it is a mean, not a variance.",
            lambda log_w: torch.logsumexp(log_w, 0) - torch.tensor(len(log_w) - 1.0).log(),
        ),
        Mistake(
            "best-draw",
            "Only the largest weight counts in yours: average over all of them.",
            lambda log_w: log_w.max(0).values,
        ),
        Mistake(
            "best-draw",
            "Only the largest weight counts in yours, divided by S: average over all of them.",
            lambda log_w: log_w.max(0).values - math.log(len(log_w)),
        ),
        Mistake(
            "maximum-not-added",
            "Each column's largest log-weight is subtracted before the exponential and not added "
            "again after the logarithm.",
            lambda log_w: _bound(log_w - log_w.max(0).values),
        ),
        Mistake(
            "weighted-average",
            "This averages the log-weights with their own normalised weights, which trains q in "
            "another way: the logarithm of the mean weight is wanted.",
            lambda log_w: (torch.softmax(log_w, 0) * log_w).sum(0),
        ),
        Mistake(
            "exponentiated",
            "This is the mean weight, an estimate of the evidence: its logarithm is wanted.",
            lambda log_w: log_w.exp().mean(0),
        ),
        Mistake(
            "negative",
            "This is the negative bound, a loss: the bound itself is wanted.",
            lambda log_w: -_bound(log_w),
        ),
        Mistake(
            "wrong-axis",
            "The mean runs over the batch, axis 1: draws stand along axis 0.",
            lambda log_w: _bound(log_w.T),
        ),
        Mistake(
            "mean-over-batch",
            "One number came back, averaged over the batch, as a loss is: one bound per x is "
            "wanted.",
            lambda log_w: _bound(log_w).mean(),
        ),
        Mistake(
            "all-together",
            "One number came back: the mean weight of the whole batch has no meaning, each x has "
            "an evidence of its own.",
            lambda log_w: _bound(log_w.flatten()),
        ),
        Mistake(
            "base-two",
            "This is in bits: nats are wanted.",
            lambda log_w: _bound(log_w) / math.log(2),
        ),
    ),
)
def check_importance_weighted_bound(f: Subject, draw: Draw) -> None:
    s, b, many = draw.sizes(3, 3, 9)
    # Both are asked before either is judged: on two draws no two mistakes agree by chance.
    cases = [0.3 + draw.normal(s, b, dtype=torch.float64), 1.5 * draw.normal(many, 1) - 0.4]
    for log_w, value in [(log_w, f(log_w)) for log_w in cases]:
        law(
            near(value.exp(), bound_truth(log_w).exp()),
            "The exponential of the bound should be the mean of the weights exp(log_w) over the "
            "draws, in each column.",
            "wrong-bound",
        )
    lone = 3 * draw.normal(1, b)
    law(agree(f(lone), lone[0]), "With a single draw the bound is its log-weight.", "one-draw")
    log_w = draw.normal(s, b, dtype=torch.float64)  # near 10000 float32 is spaced by 1e-3
    shift = torch.where(torch.arange(b) % 2 == 0, 10_000.0, -10_000.0)
    law(
        near(f(log_w + shift) - shift, bound_truth(log_w + shift) - shift),
        "For log-weights near +10000 and -10000 the bound is off: stay in logs, with "
        "`torch.logsumexp`.",
        "overflow",
    )
    check_gradients(
        f, (log_w + shift,), {0: "log_w"}, bound_truth, draw.normal(b, dtype=log_w.dtype)
    )
