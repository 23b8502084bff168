"""02.em_step: guess who, then refit."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, law, near
from ..subject import Subject
from .mixtures import components, log_prob, random_mixture, squared_distances

exercise = Exercise(
    "02.em_step",
    "x (N, D), log_weights (M,), means (M, D), sigmas (M,) -> (M,), (M, D), (M,)",
    place=4,
    proves="Weights, means and deviations are those of one EM step for fresh mixtures, thousands "
    "of points, dozens of narrow components, one component, points far from every mean, data far "
    "from zero, and in double precision.",
    hints=(
        "Bayes' rule first: which share r[n, m] of point n belongs to component m? Each is "
        "w_m N(x_n; ...) over the sum of all, so the shares of a point add up to 1. In logs that "
        "is a softmax over m.",
        "Now every point counts for component m with weight r[n, m]. Maximise "
        "sum_nm r_nm log(w_m N(x_n; mean_m, sigma_m^2 I)): the weights are the components' shares "
        "of all points, the means averages with weights r[:, m].",
        "For sigma_m: minus D N_m log sigma_m minus sum_n r_nm |x_n - mean_m|^2 / (2 sigma_m^2), "
        "with N_m = sum_n r_nm and the new mean. Set its derivative with respect to sigma_m to "
        "zero; a root is taken at the end.",
    ),
    twin="course_utils.densities:em_step",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, d, m = draw.sizes(3, 3, 6)
    cases = [
        random_mixture(20 * n, d, m, draw),
        random_mixture(20 * n, m, d, draw, torch.float64),
        random_mixture(4000, d, m, draw),
        random_mixture(n, d, 1, draw),  # one component: its mean and its spread
    ]
    for args, new in [(args, f(*args)) for args in cases]:
        _judge(new, args)
    # Near 3000 float32 is spaced by 2e-4, and squares near 1e7 by 1.
    x, log_weights, means, sigmas = random_mixture(20 * n, d, m, draw)
    args = x + 3000, log_weights, means + 3000, sigmas
    _, _, new_sigmas = f(*args)
    law(
        agree(new_sigmas, step(*(a.double() for a in args))[2].float(), 30.0),
        "For points near 3000 with a spread near 1 the sigmas are far off: rounding errors. "
        "Subtract the mean from `x` first, then square. (`torch.cdist` does not always.)",
        "cancellation",
    )
    x, *mixture = random_mixture(20 * n, d, m, draw)
    x[0] = 120 / d**0.5  # a hundred sigmas from every mean
    _judge(f(x, *mixture), (x, *mixture))
    args = _narrow(draw)
    _judge(f(*args), args)


def _narrow(draw: Draw) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """40 components as in the lecture's largest fits, widths down to 0.01, each with points."""
    x, log_weights, means, sigmas = random_mixture(400, 2, 40, draw)
    sigmas = torch.cat([0.01 * sigmas[:20], sigmas[20:]])
    x[:200] = (means + sigmas[:, None] * x[:200].reshape(5, 40, 2)).reshape(200, 2)
    return x, log_weights, means, sigmas


def _judge(new: tuple[Tensor, Tensor, Tensor], args: tuple[Tensor, ...]) -> None:
    wanted = step(*(a.double() for a in args))
    weights = new[0].exp()
    law(
        near(weights.sum(), torch.ones(())),
        "The new weights do not add up to 1. (`log_weights` are logarithms.)",
        "weights-not-normalised",
    )
    law(
        near(weights, wanted[0].exp()),
        "The new weights are not the components' shares of the points: the average over n of "
        "r[n, m], where r[n, m] is w_m N(x_n; mean_m, sigma_m^2 I) over its sum over m.",
        "wrong-weights",
    )
    law(
        near(new[1], wanted[1], float(args[0].abs().max())),
        "The weights are right, the means are not: average the points, each with its share "
        "r[n, m].",
        "wrong-means",
    )
    law(
        near(new[2] / wanted[2], torch.ones_like(new[2])),
        "Weights and means are right, the deviations are not: sigma_m^2 is the average, with the "
        "shares r[n, m], of |x_n - mean_m|^2 in each of the D dimensions.",
        "wrong-sigmas",
    )


# --- mistakes: a wrong E-step, or a wrong M-step after the right one --------------------------


def shares(x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor) -> Tensor:
    """r (N, M), rows that sum to 1."""
    return torch.softmax(log_weights + components(x, means, sigmas), 1)


def maximised(x: Tensor, r: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The M-step for shares r (N, M)."""
    count = r.sum(0)
    means = (r / count).T @ x
    variances = (r / count * squared_distances(x, means)).sum(0) / x.shape[1]
    return (count / len(x)).log(), means, variances.sqrt()


def step(
    x: Tensor, log_weights: Tensor, means: Tensor, sigmas: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    return maximised(x, shares(x, log_weights, means, sigmas))


@exercise.mistake("old-means")
def _(x, log_weights, means, sigmas):
    """The spread is taken about the old means: the deviations belong to the new ones."""
    r = shares(x, log_weights, means, sigmas)
    new_log_weights, new_means, _ = maximised(x, r)
    variances = (r * squared_distances(x, means)).sum(0) / (x.shape[1] * r.sum(0))
    return new_log_weights, new_means, variances.sqrt()


@exercise.mistake("n-minus-one")
def _(x, log_weights, means, sigmas):
    """The squared distances are divided by one less than what the component holds: the likelihood
    is largest with the sum of the shares itself."""
    r = shares(x, log_weights, means, sigmas)
    new_log_weights, new_means, _ = maximised(x, r)
    variances = (r * squared_distances(x, new_means)).sum(0) / (x.shape[1] * (r.sum(0) - 1))
    return new_log_weights, new_means, variances.sqrt()


@exercise.mistake("variance")
def _(x, log_weights, means, sigmas):
    """The last value holds variances: `sigmas` are standard deviations, their roots."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_log_weights, new_means, new_sigmas**2


@exercise.mistake("not-divided-by-d")
def _(x, log_weights, means, sigmas):
    """|x_n - mean|^2 sums over D dimensions and sigma is the spread in each of them: divide by
    D."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_log_weights, new_means, new_sigmas * x.shape[1] ** 0.5


@exercise.mistake("root-of-d")
def _(x, log_weights, means, sigmas):
    """D is divided out of sigma itself where it belongs under the root, beside |x_n - mean|^2."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_log_weights, new_means, new_sigmas / x.shape[1] ** 0.5


@exercise.mistake("weights-not-log")
def _(x, log_weights, means, sigmas):
    """The first value holds the weights themselves: their logarithms are wanted."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_log_weights.exp(), new_means, new_sigmas


@exercise.mistake("weights-not-normalised")
def _(x, log_weights, means, sigmas):
    """The first value is the log of the number of points that each component holds: divide the
    number by N, so that the weights add up to 1."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_log_weights + torch.tensor(float(len(x))).log(), new_means, new_sigmas


@exercise.mistake("weights-kept")
def _(x, log_weights, means, sigmas):
    """The weights came back as they were: their new values are the components' shares of the
    points."""
    _, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return log_weights.clone(), new_means, new_sigmas


@exercise.mistake("only-the-e-step")
def _(x, log_weights, means, sigmas):
    """The mixture came back unchanged."""
    return log_weights.clone(), means.clone(), sigmas.clone()


@exercise.mistake("no-weights-in-shares")
def _(x, log_weights, means, sigmas):
    """The weights are missing in the shares r: a component that makes many points has a claim to
    more of them."""
    return maximised(x, shares(x, torch.zeros_like(log_weights), means, sigmas))


@exercise.mistake("no-normaliser-in-shares")
def _(x, log_weights, means, sigmas):
    """The shares r compare exponents only. Each component's density is divided by sigma^D as well,
    and the sigmas differ."""
    logs = log_weights - squared_distances(x, means) / (2 * sigmas**2)
    return maximised(x, torch.softmax(logs, 1))


@exercise.mistake("sigma-once-in-shares")
def _(x, log_weights, means, sigmas):
    """In the shares r each component's density is divided by sigma once: every one of the D
    dimensions divides by it."""
    logs = log_weights - squared_distances(x, means) / (2 * sigmas**2) - sigmas.log()
    return maximised(x, torch.softmax(logs, 1))


@exercise.mistake("no-half-in-shares")
def _(x, log_weights, means, sigmas):
    """In the shares r the squared distance is divided by sigma^2 where 2 sigma^2 belongs."""
    logs = -squared_distances(x, means) / sigmas**2 - x.shape[1] * sigmas.log()
    return maximised(x, torch.softmax(log_weights + logs, 1))


@exercise.mistake("hard-assignment")
def _(x, log_weights, means, sigmas):
    """Each point is given whole to its most probable component, which is k-means' way: EM shares it
    out."""
    nearest = shares(x, log_weights, means, sigmas).argmax(1)
    return maximised(x, torch.nn.functional.one_hot(nearest, len(means)).to(x.dtype))


@exercise.mistake("wrong-axis")
def _(x, log_weights, means, sigmas):
    """The shares are normalised over the points: it is the components that share out each point,
    so r[n, :] adds up to 1."""
    return maximised(x, torch.softmax(log_weights + components(x, means, sigmas), 0))


@exercise.mistake("not-normalised-shares")
def _(x, log_weights, means, sigmas):
    """The shares are w_m N(x_n; ...) as they are: divide each by their sum over the components, so
    that r[n, :] adds up to 1."""
    return maximised(x, (log_weights + components(x, means, sigmas)).exp())


@exercise.mistake("divided-by-n")
def _(x, log_weights, means, sigmas):
    """The sums over the points are divided by N: a component's mean and variance are averages over
    the points it holds, so divide by the sum of its shares."""
    r = shares(x, log_weights, means, sigmas)
    new_means = r.T @ x / len(x)
    variances = (r * squared_distances(x, new_means)).sum(0) / (x.shape[1] * len(x))
    return r.mean(0).log(), new_means, variances.sqrt()


@exercise.mistake("sigma-divided-by-n")
def _(x, log_weights, means, sigmas):
    """The squared distances are divided by N: a component's variance is an average over the points
    it holds, so divide by the sum of its shares."""
    r = shares(x, log_weights, means, sigmas)
    new_log_weights, new_means, _ = maximised(x, r)
    variances = (r * squared_distances(x, new_means)).sum(0) / (x.shape[1] * len(x))
    return new_log_weights, new_means, variances.sqrt()


@exercise.mistake("one-sigma")
def _(x, log_weights, means, sigmas):
    """All components got one common width: each has its own."""
    r = shares(x, log_weights, means, sigmas)
    new_log_weights, new_means, _ = maximised(x, r)
    variance = (r * squared_distances(x, new_means)).sum() / x.numel()
    return new_log_weights, new_means, variance.sqrt().expand(len(means)).clone()


@exercise.mistake("distance-not-squared")
def _(x, log_weights, means, sigmas):
    """The deviations average distances: average their squares, and take the root."""
    r = shares(x, log_weights, means, sigmas)
    new_log_weights, new_means, _ = maximised(x, r)
    distances = squared_distances(x, new_means).sqrt()
    return new_log_weights, new_means, (r * distances).sum(0) / (x.shape[1] * r.sum(0))


@exercise.mistake("underflow")
def _(x, log_weights, means, sigmas):
    """Far from every mean all densities underflow to 0, and 0 / 0 is nan: make the shares from the
    logarithms, with a softmax or `torch.logsumexp`."""
    joint = (log_weights + components(x, means, sigmas)).exp()
    return maximised(x, joint / joint.sum(1, keepdim=True))


@exercise.mistake("two-steps")
def _(x, log_weights, means, sigmas):
    """These are two steps of EM: the shares were computed again with the new means. One step is
    wanted."""
    return step(x, *step(x, log_weights, means, sigmas))


@exercise.mistake("order")
def _(x, log_weights, means, sigmas):
    """The three values are right and in the wrong order: log_weights, means, sigmas."""
    new_log_weights, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return new_means, new_sigmas, new_log_weights


@exercise.mistake("log-likelihood")
def _(x, log_weights, means, sigmas):
    """The first value is the log-likelihood of the points: the new log-weights are wanted."""
    _, new_means, new_sigmas = step(x, log_weights, means, sigmas)
    return log_prob(x, log_weights, means, sigmas), new_means, new_sigmas
