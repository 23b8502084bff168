"""The exercises of lecture 03, autoencoders: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
from ..subject import Subject, Wrong

exercises: list[Exercise] = []


def exercise(name, text, *, proves, hints, mistakes=(), twin=None, also=()):
    def register(judge):
        place = len(exercises) + 1
        known = Exercise(name, text, proves, hints, place, twin, also, 1, list(mistakes), judge)
        exercises.append(known)
        return judge

    return register


# --- 03.pca ---------------------------------------------------------------------------------


def orthonormal(n: int, d: int, draw: Draw, dtype: torch.dtype, centred: bool = False) -> Tensor:
    """(n, d) with orthonormal columns, each of zero mean on request."""
    columns = draw.normal(n, d, dtype=dtype)
    return torch.linalg.qr(columns - columns.mean(0) if centred else columns).Q


def data_with_known_axes(
    n: int, d: int, draw: Draw, dtype: torch.dtype = torch.float32
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(x (N, D), mean (D,), axes (R, D), variances (R,)), exact by construction, R = min(N-1, D).

    Each variance is half the one before, so that every axis is well determined.
    """
    rank = min(n - 1, d)
    scores = n**0.5 * orthonormal(n, rank, draw, dtype, centred=True)
    deviations = 2 * 2 ** (-torch.arange(rank, dtype=dtype) / 2)
    axes, mean = orthonormal(d, rank, draw, dtype).T, 2 * draw.normal(d, dtype=dtype)
    return mean + scores * deviations @ axes, mean, axes, deviations**2


def _eigenvectors(x: Tensor) -> Tensor:
    """Columns: eigenvectors of x^T x / N, smallest eigenvalue first."""
    return torch.linalg.eigh(x.T @ x / len(x)).eigenvectors


def _centred(x: Tensor) -> Tensor:
    return x - x.mean(0)


def _best(x: Tensor, k: int) -> Tensor:
    """The first k components of data that are taken as they are."""
    return _eigenvectors(x).flip(1).T[:k]


def _scaled(power: float) -> Callable[[Tensor, int], Tensor]:
    """Each component times N, N - 1 or 1 powers of its singular value."""
    return lambda x, k: _best(_centred(x), k) * torch.linalg.svdvals(_centred(x))[:k, None] ** power


def _over(scaled: Callable, count: Callable[[Tensor], float]) -> Callable[[Tensor, int], Tensor]:
    return lambda x, k: scaled(x, k) / count(x)


# Signs are free, so these are compared without them, by the check itself.
PCA_MISTAKES = (
    Mistake(
        "smallest",
        "These are the directions of smallest variance: `torch.linalg.eigh` sorts its eigenvalues "
        "from small to large.",
        lambda x, k: _eigenvectors(_centred(x)).T[:k],
    ),
    Mistake(
        "smallest-first",
        "These are the right components in the wrong order: the one of largest variance comes "
        "first.",
        lambda x, k: _best(_centred(x), k).flip(0),
    ),
    *(
        Mistake(
            "rows-for-columns",
            "The matrix of eigenvectors was read the other way round: `torch.linalg.eigh` and `U` "
            "of an SVD hold them as columns, `Vh` of an SVD as rows.",
            function,
        )
        for function in (
            lambda x, k: _eigenvectors(_centred(x)).flip(1)[:k],
            lambda x, k: _eigenvectors(_centred(x))[:k],
            lambda x, k: _eigenvectors(_centred(x)).flip(0)[:k],
            lambda x, k: _eigenvectors(_centred(x)).flip(0, 1)[:k],
        )
    ),
    Mistake(
        "not-centred",
        "The mean is not subtracted before the decomposition: the first component then points "
        "from zero towards the mean.",
        _best,
    ),
    Mistake(
        "global-mean",
        "One mean over all elements is subtracted: each dimension has its own, `x.mean(0)`.",
        lambda x, k: _best(x - x.mean(), k),
    ),
    Mistake(
        "centred-per-sample",
        "Each sample's own mean is subtracted: the mean goes over the samples, axis 0.",
        lambda x, k: _best(x - x.mean(1, keepdim=True), k),
    ),
    Mistake(
        "standardised",
        "The dimensions were scaled to unit variance first: this is the PCA of the correlations, "
        "and no longer the best linear reconstruction of `x`.",
        lambda x, k: _best(_centred(x) / x.std(0), k),
    ),
    *(
        Mistake(
            "scaled",
            "The components are multiplied by the spread of the data along them: they should have "
            "length one.",
            function,
        )
        for function in (
            _scaled(1),
            _scaled(2),
            _over(_scaled(1), lambda x: len(x) ** 0.5),
            _over(_scaled(1), lambda x: (len(x) - 1) ** 0.5),
            _over(_scaled(2), len),
            _over(_scaled(2), lambda x: len(x) - 1),
        )
    ),
    *(
        Mistake(
            "whitened",
            "The components are divided by the spread of the data along them: they should have "
            "length one.",
            _over(_scaled(-1), count),
        )
        for count in (
            lambda x: 1,
            lambda x: len(x) ** -0.5,
            lambda x: (len(x) - 1) ** -0.5,
        )
    ),
)


@exercise(
    "03.pca",
    "x (N, D), k int -> (D,), (k, D)",
    proves="On data built from known axes the mean and the components come back, orthonormal and "
    "largest first: more samples than dimensions and fewer, two points, double precision, far "
    "from zero. Signs are free.",
    hints=(
        "Subtract the mean over the samples first, and return it: `return mean, components`.",
        "The components are the eigenvectors of the covariance with the largest eigenvalues, or "
        "the first right singular vectors of the centred data.",
        "`torch.linalg.svd(x - mean, full_matrices=False)` returns U, S, Vh: the rows of Vh are "
        "the components, largest first. Keep k of them.",
    ),
    twin="course_utils.autoencoders:pca",
)
def check_pca(f: Subject, draw: Draw) -> None:
    d, k = draw.integer(6, 8), draw.integer(3, 4)
    cases = (
        (draw.integer(9, 20), d, k, torch.float32),
        (d - 1, d, k, torch.float64),  # fewer samples than dimensions, as with images
        (2, d, 1, torch.float32),  # the line through two points
    )
    for n, d, k, dtype in cases:
        x, mean, axes, variances = data_with_known_axes(n, d, draw, dtype)
        answer = f(x, k)
        try:
            _check_components(x, *answer, mean, axes, variances[:k])
        except Wrong:
            _name_pca_mistake(x, k, answer[1])
            raise
    # Near 3000 float32 is spaced by 2e-4, which turns the axes by less than 1e-3; squares near
    # 1e7 are spaced by 1, as large as the variances.
    x, _, axes, _ = data_with_known_axes(3 * d, d, draw)
    _, components = f(x + 3000, k)
    law(
        ((components @ axes[:k].T).abs() - torch.eye(k)).abs().max() < 1e-2,
        "For points near 3000 with a spread near 1 the components are far off: rounding errors. "
        "Subtract the mean from `x` first, then multiply.",
        "cancellation",
    )


def _check_components(
    x: Tensor, mean: Tensor, components: Tensor, centre: Tensor, axes: Tensor, variances: Tensor
) -> None:
    k = len(variances)
    law(
        not agree(mean, torch.zeros_like(mean), float(x.abs().max())),
        "The first value is zero: it is the mean of the data after centring. Return the mean that "
        "you subtracted.",
        "mean-of-centred",
    )
    law(
        agree(mean, centre, float(x.abs().max())),
        "The first value is not the mean of the samples.",
        "wrong-mean",
    )
    law(
        agree(components @ components.T, torch.eye(k), 1.0),
        "The components are not orthonormal: each has length one, and any two are at right angles.",
        "not-orthonormal",
    )
    captured = ((x - centre) @ components.T).square().mean(0)
    law(
        captured.sum() > 0.9 * variances.sum(),
        "Other directions hold more of the variance: the components are not the best ones.",
        "not-the-best",
    )
    law(
        bool((captured.diff() < 0.1 * variances[:-1]).all()),
        "The components are not sorted: the one of largest variance comes first.",
        "not-sorted",
    )
    law(
        agree((components @ axes.T).abs(), torch.eye(k, len(axes)), 1.0),
        "The components hold nearly all of the variance they can, and they are not the principal "
        "axes themselves: turned within their plane, or found by an approximate method?",
        "approximate",
    )


def _name_pca_mistake(x: Tensor, k: int, components: Tensor) -> None:
    """Compare with the known mistakes up to signs.

    Raises:
        Wrong: with the name of the mistake that has the same numbers.
    """
    for mistake in PCA_MISTAKES:
        if agree(components.abs(), mistake.function(x, k).abs()):
            raise Wrong(mistake.message, mistake.slug)


# --- 03.discarded_variance ------------------------------------------------------------------


def _of_smallest(rule: Callable[[Tensor], Tensor]) -> Callable[[Tensor, int], Tensor]:
    """A rule for the D - k smallest eigenvalues; their sum is right."""
    return lambda eigenvalues, k: rule(eigenvalues.sort().values[: len(eigenvalues) - k])


def _largest(eigenvalues: Tensor, count: int) -> Tensor:
    return eigenvalues.sort(descending=True).values[:count]


_discarded = _of_smallest(torch.sum)


@exercise(
    "03.discarded_variance",
    "eigenvalues (D,), k int -> ()",
    proves="Kept and discarded variance add up to the total for eigenvalues in any order, for one "
    "component and for many; everything is lost when none is kept, and nothing when all are.",
    hints=(
        "Each component that is kept saves its own eigenvalue. Which k save most?",
        "The error is the sum of the D - k smallest eigenvalues. They come in any order: sort.",
        "Sort descending with `eigenvalues.sort(descending=True).values`, leave out the first k, "
        "sum the others.",
    ),
    twin="course_utils.autoencoders:discarded_variance",
    mistakes=(
        Mistake(
            "kept",
            "This is the variance that the k components keep: the error is what they leave out.",
            lambda eigenvalues, k: _largest(eigenvalues, k).sum(),
        ),
        Mistake(
            "assumes-descending",
            "This sums all eigenvalues after the first k as they stand: they come in any order, so "
            "sort them.",
            lambda eigenvalues, k: eigenvalues[k:].sum(),
        ),
        Mistake(
            "assumes-ascending",
            "This sums all eigenvalues before the last k as they stand: they come in any order, so "
            "sort them.",
            lambda eigenvalues, k: eigenvalues[: len(eigenvalues) - k].sum(),
        ),
        Mistake(
            "assumes-sorted",
            "This sums k eigenvalues from one end as they stand. They come in any order, and the "
            "D - k discarded ones are wanted.",
            lambda eigenvalues, k: eigenvalues[:k].sum(),
        ),
        Mistake(
            "assumes-sorted",
            "This sums k eigenvalues from one end as they stand. They come in any order, and the "
            "D - k discarded ones are wanted.",
            lambda eigenvalues, k: eigenvalues[-k:].sum(),
        ),
        Mistake(
            "worst-components",
            "The k smallest eigenvalues are left out, which is the error of the worst k "
            "components: sorting ascending puts the largest last.",
            lambda eigenvalues, k: _largest(eigenvalues, len(eigenvalues) - k).sum(),
        ),
        Mistake(
            "k-smallest",
            "This sums the k smallest eigenvalues: k components are kept, so D - k are discarded.",
            lambda eigenvalues, k: eigenvalues.sort().values[:k].sum(),
        ),
        Mistake(
            "mean-not-sum",
            "This averages the discarded eigenvalues: the squared error of a sample is their sum.",
            _of_smallest(torch.mean),
        ),
        Mistake(
            "per-dimension",
            "This is the error per dimension: the squared error of the whole sample is wanted, not "
            "divided by D.",
            lambda eigenvalues, k: _discarded(eigenvalues, k) / len(eigenvalues),
        ),
        Mistake(
            "root",
            "This is the root of the error: the squared error is wanted.",
            lambda eigenvalues, k: _discarded(eigenvalues, k).sqrt(),
        ),
        Mistake(
            "root-of-each",
            "The eigenvalues' roots are summed: an eigenvalue of the covariance is a variance, "
            "which is a squared error already.",
            _of_smallest(lambda small: small.sqrt().sum()),
        ),
        Mistake(
            "squared",
            "The eigenvalues are squared before they are summed. Squares belong to singular "
            "values; an eigenvalue of the covariance is a variance already.",
            _of_smallest(lambda small: small.square().sum()),
        ),
        Mistake(
            "fraction",
            "This is the discarded fraction of the variance: the error itself is wanted, in the "
            "units of the eigenvalues.",
            lambda eigenvalues, k: _discarded(eigenvalues, k) / eigenvalues.sum(),
        ),
        Mistake(
            "fraction",
            "This is the kept fraction of the variance: the error that is left is wanted, in the "
            "units of the eigenvalues.",
            lambda eigenvalues, k: _largest(eigenvalues, k).sum() / eigenvalues.sum(),
        ),
        Mistake(
            "next-eigenvalue",
            "This is the largest discarded eigenvalue alone: a sample loses what it has along each "
            "discarded component.",
            _of_smallest(torch.max),
        ),
        Mistake(
            "one-too-few",
            "One eigenvalue too few is summed: count again from which one on they are discarded.",
            lambda eigenvalues, k: _discarded(eigenvalues, k + 1),
        ),
        Mistake(
            "one-too-many",
            "One eigenvalue too many is summed: count again from which one on they are discarded.",
            lambda eigenvalues, k: _discarded(eigenvalues, k - 1),
        ),
        Mistake(
            "half",
            "This is half of the error.",
            lambda eigenvalues, k: _discarded(eigenvalues, k) / 2,
        ),
        Mistake(
            "total",
            "This is the total variance, whatever k is: what the k best components keep is no "
            "error.",
            lambda eigenvalues, k: eigenvalues.sum(),
        ),
        Mistake(
            "negative",
            "The sign is turned around: an error is positive.",
            lambda eigenvalues, k: -_discarded(eigenvalues, k),
        ),
        Mistake(
            "empty-for-none",
            "For k = 0 nothing is kept and all is lost, but `[:-0]` is empty: count from the "
            "front, as in `[: len(eigenvalues) - k]`.",
            lambda eigenvalues, k: eigenvalues.sort().values[:-k].sum(),
        ),
    ),
)
def check_discarded_variance(f: Subject, draw: Draw) -> None:
    for dtype in (torch.float64, torch.float32):
        k = draw.integer(2, 3)
        d = 2 * k + draw.integer(2, 4)
        # The largest and the smallest stand neither among the first k nor among the last k.
        ordered = draw.uniform(0.2, 3.0, d, dtype=dtype).sort().values
        others = ordered[1:-1][torch.randperm(d - 2, generator=draw.generator)]
        eigenvalues = torch.cat([others[:k], ordered[[-1, 0]], others[k:]])
        for kept in (k, 1, d - 1):
            law(
                agree(f(eigenvalues, kept) + eigenvalues.topk(kept).values.sum(), ordered.sum()),
                "What the k best components keep and what is lost should add up to the total "
                "variance, the sum of all eigenvalues.",
                "does-not-add-up",
            )
        law(
            agree(f(eigenvalues, 0), ordered.sum()),
            "When no component is kept everything is lost.",
            "not-all-at-the-start",
        )
        law(
            f(eigenvalues, d).abs() < 1e-4 * ordered.sum(),
            "When all D components are kept nothing is lost.",
            "not-zero-at-the-end",
        )


# --- 03.two_nn_dimension --------------------------------------------------------------------


def neighbours(x: Tensor, p: float = 2.0) -> Tensor:
    """Distances of each point to all others, nearest first, (N, N-1)."""
    distances = torch.linalg.vector_norm(x[:, None] - x, ord=p, dim=2)
    return distances.sort(1).values[:, 1:]  # the first is the point itself, at distance 0


def _log_ratios(x: Tensor) -> Tensor:
    r = neighbours(x)
    return (r[:, 1] / r[:, 0]).log()


def _slope_through_zero(x: Tensor) -> Tensor:
    """The fit of Facco et al.: -log(1 - F) against log(r2/r1), without the last point."""
    log_mu = _log_ratios(x).sort().values[:-1]
    n = len(log_mu) + 1
    y = -torch.log1p(-torch.arange(1, n, dtype=x.dtype) / n)
    return (log_mu * y).sum() / log_mu.square().sum()


def _of_log_ratios(rule: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: rule(_log_ratios(x))


def _of_ratios(rule: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: rule(neighbours(x)[:, 1] / neighbours(x)[:, 0])


def _of_other_neighbours(first: int, second: int) -> Callable[[Tensor], Tensor]:
    return lambda x: len(x) / (neighbours(x)[:, second] / neighbours(x)[:, first]).log().sum()


def scattered(n: int, d: int, draw: Draw, dtype: torch.dtype = torch.float32) -> Tensor:
    """Points near different corners of a grid: never so close that rounding would matter."""
    place = torch.randperm(5**d, generator=draw.generator)[:n]
    corners = torch.stack([place // 5**i % 5 for i in range(d)], 1)
    return corners.to(dtype) + draw.uniform(-0.3, 0.3, n, d, dtype=dtype)


@exercise(
    "03.two_nn_dimension",
    "x (N, D) -> ()",
    proves="The estimate is that of the two nearest distances for fresh points in single and "
    "double precision and for three points, and does not change when space is scaled, turned, "
    "shifted or gets more dimensions.",
    hints=(
        "All distances first: `torch.cdist(x, x)`. Each point is its own neighbour at distance 0: "
        "leave it out.",
        "Sort each row: with the point itself at place 0, r1 and r2 stand at places 1 and 2. The "
        "log of r2/r1 is exponentially distributed, with the dimension as its rate.",
        "The maximum-likelihood rate of an exponential is one over the mean: N divided by the sum "
        "of log(r2/r1), with the natural logarithm.",
    ),
    twin="course_utils.autoencoders:two_nn_dimension",
    mistakes=(
        Mistake(
            "inverse",
            "This is the mean of log(r2/r1): the dimension is one over it.",
            _of_log_ratios(torch.mean),
        ),
        Mistake(
            "ratio-upside-down",
            "The ratio is r1/r2, so its logarithm is negative, and a dimension is not.",
            _of_log_ratios(lambda logs: -1 / logs.mean()),
        ),
        Mistake(
            "self-as-neighbour",
            "Each point counts as its own nearest neighbour, at distance 0: leave it out.",
            lambda x: torch.zeros((), dtype=x.dtype),
        ),
        Mistake(
            "self-as-neighbour",
            "The estimate is nan: most often each point counts as its own nearest neighbour, at "
            "distance 0. Leave it out by its index; infinity times 0, on a diagonal, is nan too.",
            lambda x: x.sum() * math.nan,
        ),
        Mistake(
            "squared-distances",
            "The distances are squared, so their logarithms are twice too large and the dimension "
            "is halved: take the root.",
            _of_log_ratios(lambda logs: 0.5 / logs.mean()),
        ),
        Mistake(
            "other-base",
            "The logarithm has base 2: the natural one is wanted.",
            _of_log_ratios(lambda logs: math.log(2) / logs.mean()),
        ),
        Mistake(
            "other-base",
            "The logarithm has base 10: the natural one is wanted.",
            _of_log_ratios(lambda logs: math.log(10) / logs.mean()),
        ),
        Mistake(
            "no-logarithm",
            "The ratios are averaged without their logarithm.",
            _of_ratios(lambda mu: 1 / mu.mean()),
        ),
        Mistake(
            "no-logarithm",
            "This is the mean of the ratios r2/r1: the dimension is one over the mean of their "
            "logarithms.",
            _of_ratios(torch.mean),
        ),
        Mistake(
            "log-of-mean",
            "The ratios are averaged before the logarithm is taken: take it of each, then average.",
            _of_ratios(lambda mu: 1 / mu.mean().log()),
        ),
        Mistake(
            "log-of-mean",
            "The distances are averaged before their ratio is taken: each point has a ratio of its "
            "own.",
            lambda x: 1 / (neighbours(x)[:, 1].mean() / neighbours(x)[:, 0].mean()).log(),
        ),
        Mistake(
            "mean-of-inverses",
            "This averages one over each logarithm, and points with r2 close to r1 blow it up: "
            "average the logarithms, then invert.",
            _of_log_ratios(lambda logs: (1 / logs).mean()),
        ),
        Mistake(
            "median",
            "This takes the median of the logarithms: the maximum of the likelihood has their "
            "mean.",
            _of_log_ratios(lambda logs: 1 / logs.median()),
        ),
        Mistake(
            "n-minus-one",
            "This has N - 1 above the sum, which removes the bias of the estimate: the maximum of "
            "the likelihood has N.",
            _of_log_ratios(lambda logs: (len(logs) - 1) / logs.sum()),
        ),
        Mistake(
            "not-averaged",
            "The number of points is missing: the mean of the logarithms is wanted, not their sum.",
            _of_log_ratios(lambda logs: 1 / logs.sum()),
        ),
        Mistake(
            "regression",
            "This is the slope of a straight line through the distribution of the ratios, the "
            "paper's other estimate: the maximum-likelihood one is wanted.",
            _slope_through_zero,
        ),
        Mistake(
            "other-neighbours",
            "These are the third and the second neighbour, one place too far out: the point itself "
            "was left out twice.",
            _of_other_neighbours(1, 2),
        ),
        Mistake(
            "other-neighbours",
            "These are the third and the first neighbour: take the second and the first.",
            _of_other_neighbours(0, 2),
        ),
        Mistake(
            "other-neighbours",
            "The farthest neighbours were taken: sort the distances from small to large.",
            lambda x: len(x) / (neighbours(x)[:, -1] / neighbours(x)[:, -2]).log().sum(),
        ),
        Mistake(
            "city-block",
            "The distances are sums of absolute differences: the Euclidean distance is wanted.",
            lambda x: len(x) / (neighbours(x, 1.0)[:, 1] / neighbours(x, 1.0)[:, 0]).log().sum(),
        ),
        Mistake(
            "distance-differences",
            "The difference of the distances is used where their ratio belongs: the ratio does not "
            "depend on the units.",
            lambda x: 1 / (neighbours(x)[:, 1] - neighbours(x)[:, 0]).mean(),
        ),
        Mistake(
            "number-of-axes",
            "This is the number of coordinates D: the data may fill fewer dimensions.",
            lambda x: torch.tensor(float(x.shape[1]), dtype=x.dtype),
        ),
    ),
)
def check_two_nn_dimension(f: Subject, draw: Draw) -> None:
    d, more = draw.sizes(2, 3, 5)
    n = draw.integer(14, 24)
    x = scattered(n, d, draw, torch.float64)  # double: no two mistakes agree by chance
    total = _log_ratios(x).sum()
    law(
        agree(n / f(x), total, 100 * float(total)),  # a 1e-8 beside r1 does no harm
        "N divided by your estimate is not the sum of log(r2/r1), with r1 and r2 the distances of "
        "each point to its nearest and second nearest other point.",
        "wrong-estimate",
    )
    single = x.float()
    law(
        agree(f(1000 * single), f(single)),
        "The estimate changes with the units of the data: ratios of distances do not.",
        "depends-on-units",
    )
    three = draw.normal(3, d)  # as few points as there can be
    law(
        agree(3 / f(three), _log_ratios(three).sum()),
        "For three points the estimate is wrong.",
        "three-points",
    )
    x = scattered(n + 20, more, draw, torch.float64)
    turned = x @ orthonormal(d + more, more, draw, torch.float64).T + 5
    law(
        agree(f(turned), f(x)),
        "The estimate changes when the points are turned and shifted in a space of more "
        "dimensions, although no distance does. (The diagonal of `cdist` is only nearly 0: leave "
        "a point out by its index, not by its distance.)",
        "depends-on-axes",
    )


# --- 03.interpolate -------------------------------------------------------------------------


def _steps(start: float, stop: float, steps: int, like: Tensor) -> Tensor:
    """Evenly spaced numbers as a column (steps, 1)."""
    return torch.linspace(start, stop, steps, dtype=like.dtype)[:, None]


def _mixed(weights: Callable[[Tensor], tuple[Tensor, Tensor]]) -> Callable[..., Tensor]:
    """a(t) z0 + b(t) z1 for t from 0 to 1."""

    def path(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
        a, b = weights(_steps(0, 1, steps, z0))
        return a * z0 + b * z1

    return path


def _line(start: Callable[[int], float], stop: Callable[[int], float], more: int = 0) -> Callable:
    """The straight line from t = start(steps) to stop(steps), with steps + more rows."""

    def path(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
        return z0 + _steps(start(steps), stop(steps), steps + more, z0) * (z1 - z0)

    return path


def _spherical(z0: Tensor, z1: Tensor, steps: int) -> Tensor:
    angle = torch.acos((z0 * z1).sum() / (z0.norm() * z1.norm()))
    t = _steps(0, 1, steps, z0)
    return (((1 - t) * angle).sin() * z0 + (t * angle).sin() * z1) / angle.sin()


@exercise(
    "03.interpolate",
    "z0 (K,), z1 (K,), steps int -> (steps, K)",
    proves="The rows run from z0 to z1, both included, in equal steps on a straight line, for "
    "fresh codes, for one latent, for two steps and in double precision.",
    hints=(
        "Each row is a weighted mean of the two codes: at the start all weight is on z0, at the "
        "end on z1.",
        "`torch.linspace(0, 1, steps)` gives the weights, both ends included. The rows are "
        "z0 + t (z1 - z0).",
        "As a column, `t[:, None]`, the weights (steps, 1) broadcast against the codes (K,) to "
        "(steps, K).",
    ),
    twin="course_utils.autoencoders:interpolate",
    mistakes=(
        Mistake(
            "end-left-out",
            "The last row stops one step before z1: both ends are included.",
            _line(lambda s: 0, lambda s: (s - 1) / s),
        ),
        Mistake(
            "start-left-out",
            "The first row is one step beyond z0 already: both ends are included.",
            _line(lambda s: 1 / s, lambda s: 1),
        ),
        Mistake(
            "both-ends-left-out",
            "The rows lie between the two codes without touching them: both ends are included.",
            _line(lambda s: 1 / (s + 1), lambda s: s / (s + 1)),
        ),
        Mistake(
            "one-row-too-many",
            "One row too many: `steps` counts the rows, with both ends, not the gaps between them.",
            _line(lambda s: 0, lambda s: 1, more=1),
        ),
        Mistake(
            "one-row-too-many",
            "Two rows too many: `steps` counts all rows, the two ends included.",
            _line(lambda s: 0, lambda s: 1, more=2),
        ),
        Mistake(
            "one-row-too-few",
            "One row too few: `steps` counts the rows, with both ends, not the gaps between them.",
            _line(lambda s: 0, lambda s: 1, more=-1),
        ),
        Mistake(
            "one-row-too-few",
            "One row too few: the end is left out.",
            _line(lambda s: 0, lambda s: (s - 2) / (s - 1), more=-1),
        ),
        Mistake(
            "reversed",
            "This runs from z1 to z0: the first row is z0.",
            _mixed(lambda t: (t, 1 - t)),
        ),
        Mistake(
            "spherical",
            "This follows a great circle: the straight line is wanted.",
            _spherical,
        ),
        Mistake(
            "square-root-weights",
            "The weights are roots, whose squares add up to one: on a straight line the weights "
            "themselves add up to one.",
            _mixed(lambda t: ((1 - t).sqrt(), t.sqrt())),
        ),
        Mistake(
            "eased",
            "The steps are small at the ends and large in the middle: equal steps are wanted.",
            _mixed(lambda t: (1 - t * t * (3 - 2 * t), t * t * (3 - 2 * t))),
        ),
        Mistake(
            "eased",
            "The steps are small at the ends and large in the middle: equal steps are wanted.",
            _mixed(lambda t: ((1 + (math.pi * t).cos()) / 2, (1 - (math.pi * t).cos()) / 2)),
        ),
        Mistake(
            "difference-missing",
            "z1 itself is added step by step: what is added to z0 is a share of the way from z0 "
            "to z1.",
            _mixed(lambda t: (torch.ones_like(t), t)),
        ),
        Mistake(
            "starts-at-zero",
            "The path starts at the origin: add z0.",
            _mixed(lambda t: (-t, t)),
        ),
        Mistake(
            "past-the-end",
            "The step is the whole way from z0 to z1, so the path runs far beyond z1: divide it by "
            "the number of gaps.",
            _line(lambda s: 0, lambda s: s - 1),
        ),
        Mistake(
            "constant",
            "Every row is z0.",
            _mixed(lambda t: (torch.ones_like(t), torch.zeros_like(t))),
        ),
        Mistake(
            "midpoint",
            "Every row is the point halfway: the weight changes from row to row.",
            _mixed(lambda t: (torch.full_like(t, 0.5), torch.full_like(t, 0.5))),
        ),
        Mistake(
            "halfway",
            "The path ends halfway between the two codes.",
            _line(lambda s: 0, lambda s: 0.5),
        ),
    ),
)
def check_interpolate(f: Subject, draw: Draw) -> None:
    latents, steps = draw.sizes(2, 4, 9)
    cases = (
        (latents, steps, torch.float32),
        (1, steps, torch.float32),
        (latents, 2, torch.float32),
        (latents, steps + 1, torch.float64),
    )
    for k, rows, dtype in cases:
        z0, z1 = draw.normal(k, dtype=dtype), draw.normal(k, dtype=dtype)
        # Compared as float32: `torch.linspace` gives float32 weights, good enough for float64.
        path = f(z0, z1, rows).float()
        scale = float(torch.stack([z0, z1]).abs().max())
        law(
            agree(path[0], z0.float(), scale) and agree(path[-1], z1.float(), scale),
            "The first row should be z0 and the last one z1.",
            "wrong-ends",
        )
        law(
            agree(path.diff(dim=0), ((z1 - z0) / (rows - 1)).float().expand(rows - 1, k), scale),
            "The ends are right, and the rows between them are not evenly spaced on the straight "
            "line.",
            "uneven",
        )


# --- 03.reconstruction_loss -----------------------------------------------------------------


def _squares(x: Tensor, x_hat: Tensor) -> Tensor:
    return (x - x_hat).square()


def _loss(x: Tensor, x_hat: Tensor) -> Tensor:
    return _squares(x, x_hat).sum() / len(x)


@exercise(
    "03.reconstruction_loss",
    "x (B, ...), x_hat (B, ...) -> ()",
    proves="B times the loss is the total squared error for vectors and images, one sample, double "
    "precision and values far from zero; gradients reach the reconstruction.",
    hints=(
        "The squared error of one sample is a sum over all of its elements; the loss is the mean "
        "of these over the batch.",
        "Images have more than two axes: `.flatten(1)` keeps the batch axis and joins the others.",
        "`(x - x_hat).square()`, flatten, sum over axis 1, mean over what is left.",
    ),
    twin="course_utils.autoencoders:reconstruction_loss",
    mistakes=(
        Mistake(
            "mean-over-all",
            "This averages over all elements, as `mse_loss` does: sum over the elements of a "
            "sample, and average over the batch only. Beside a second term, as in lecture 06, the "
            "difference is a factor D.",
            lambda x, x_hat: _squares(x, x_hat).mean(),
        ),
        Mistake(
            "sum-over-batch",
            "This sums over the batch too, so that the loss grows with the batch size: average "
            "over it.",
            lambda x, x_hat: _squares(x, x_hat).sum(),
        ),
        Mistake(
            "wrong-axis",
            "The roles of the axes are exchanged: this sums over the batch and averages over the "
            "elements.",
            lambda x, x_hat: _squares(x, x_hat).mean() * len(x),
        ),
        Mistake(
            "last-axis-only",
            "This sums over the last axis and averages over all others: an image has more axes, "
            "and all but the first are summed.",
            lambda x, x_hat: _squares(x, x_hat).sum(-1).mean(),
        ),
        Mistake(
            "second-axis-only",
            "This sums over axis 1 and averages over all others: an image has more axes, and all "
            "but the first are summed.",
            lambda x, x_hat: _squares(x, x_hat).sum(1).mean(),
        ),
        Mistake(
            "last-two-axes-only",
            "This sums over the last two axes and averages over the others: the channels are "
            "summed too.",
            lambda x, x_hat: _squares(x, x_hat).sum((-2, -1)).mean(),
        ),
        Mistake(
            "not-averaged",
            "One number per sample came back: a loss is their mean over the batch.",
            lambda x, x_hat: _squares(x, x_hat).flatten(1).sum(1),
        ),
        Mistake(
            "root",
            "This averages distances: the squared error has no root.",
            lambda x, x_hat: _squares(x, x_hat).flatten(1).sum(1).sqrt().mean(),
        ),
        Mistake(
            "root",
            "The root is taken at the end: the squared error has none.",
            lambda x, x_hat: _loss(x, x_hat).sqrt(),
        ),
        Mistake(
            "root",
            "This is the root of the total squared error, the norm of all differences: without the "
            "root, divided by the batch size, it is the loss.",
            lambda x, x_hat: _squares(x, x_hat).sum().sqrt(),
        ),
        Mistake(
            "half",
            "This is half of the squared error: the factor 1/2 belongs to a Gaussian's "
            "log-likelihood.",
            lambda x, x_hat: _loss(x, x_hat) / 2,
        ),
        Mistake(
            "absolute",
            "These are absolute differences: square them.",
            lambda x, x_hat: (x - x_hat).abs().sum() / len(x),
        ),
        Mistake(
            "not-squared",
            "The differences are not squared, so that errors of opposite sign cancel.",
            lambda x, x_hat: (x - x_hat).sum() / len(x),
        ),
        Mistake(
            "not-squared",
            "The differences are not squared, so that errors of opposite sign cancel.",
            lambda x, x_hat: (x_hat - x).sum() / len(x),
        ),
        Mistake(
            "square-of-sum",
            "The differences of a sample are summed before they are squared: square each first.",
            lambda x, x_hat: (x - x_hat).flatten(1).sum(1).square().mean(),
        ),
        Mistake(
            "relative",
            "The error is divided by the size of `x`: the plain squared error is wanted.",
            lambda x, x_hat: _squares(x, x_hat).sum() / x.square().sum(),
        ),
        Mistake(
            "negative",
            "The sign is turned around: a loss is made small.",
            lambda x, x_hat: -_loss(x, x_hat),
        ),
    ),
)
def check_reconstruction_loss(f: Subject, draw: Draw) -> None:
    b, channels, height, width = draw.sizes(4, 3, 7)
    cases = (
        ((b, channels, height, width), torch.float64, 0.0),  # no two mistakes agree by chance
        ((b, width), torch.float32, 0.0),
        ((1, height), torch.float32, 0.0),
        # Near 30000 x - x_hat is exact; squares near 1e9 are spaced by 64.
        ((b, channels, height, width), torch.float32, 30_000.0),
    )
    for shape, dtype, offset in cases:
        x, x_hat = (offset + draw.normal(*shape, dtype=dtype) for _ in range(2))
        loss = f(x, x_hat)
        law(
            agree(shape[0] * loss, torch.dist(x.double(), x_hat.double()) ** 2),
            "For values near 30000 the loss is far off: rounding errors. Subtract first, then "
            "square."
            if offset
            else "The batch size times the loss should be the squared error of all elements "
            "together.",
            "cancellation" if offset else "wrong-loss",
        )
    x, x_hat = draw.normal(b, height, width), draw.normal(b, height, width)
    (gradient,) = f.vjp((x, x_hat), (1,), torch.ones(()))
    law(
        gradient is not None,
        "No gradient reaches `x_hat`, so nothing can be trained with this loss: look for "
        "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
        "no-gradient",
    )
    law(
        agree(b * gradient, 2 * (x_hat - x)),
        "The gradient with respect to `x_hat` is wrong, although the value is right: something is "
        "cut out of the graph.",
        "wrong-gradient",
    )
