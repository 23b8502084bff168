"""10.ddpm_step: one step back, a draw from the posterior at the predicted data."""

import torch
from torch import Tensor

from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject

exercise = Exercise(
    "10.ddpm_step",
    "x_t (...), t int, eps_hat (...), betas (T,), noise (...) -> (...)",
    place=5,
    proves="If the predicted noise is the true one, the step draws from the posterior "
    "q(x_{t-1} | x_t, x_data) that Bayes' theorem gives, and the last step gives x_data back: for "
    "fresh schedules and the lecture's own, every kind of t, vectors and images, a single step, "
    "tiny betas, double precision.",
    hints=(
        "Three parts: the x_data that eps_hat implies, the mean of the posterior with that x_data "
        "in it, and its standard deviation times `noise`.",
        "Collect what multiplies x_t and what multiplies eps_hat: with alpha_bar_t = "
        "(1 - beta_t) alpha_bar_{t-1} much cancels, and 1 / sqrt(1 - beta_t) stands before both.",
        "Before the first step nothing has faded: alpha_bar_{-1} is 1, so the variance is 0 at "
        "t = 0. Python's index -1 is the last entry, so treat t = 0 by itself.",
    ),
    twin="course_utils.diffusion:ddpm_step",
)


def levels(t: int, betas: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """beta_t, alpha_t, alpha_bar_t and alpha_bar_{t-1}, each 0-d."""
    bars = torch.cumprod(1 - betas, 0)
    return betas[t], 1 - betas[t], bars[t], bars[t - 1] if t > 0 else torch.ones_like(bars[0])


def right_mean(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor) -> Tensor:
    beta, alpha, bar, _ = levels(t, betas)
    return (x_t - beta / (1 - bar).sqrt() * eps_hat) / alpha.sqrt()


def right_sigma(t: int, betas: Tensor) -> Tensor:
    """The posterior's standard deviation, 0 at t = 0."""
    beta, _, bar, before = levels(t, betas)
    return (beta * (1 - before) / (1 - bar)).sqrt()


def right_x0(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor) -> Tensor:
    bar = levels(t, betas)[2]
    return (x_t - (1 - bar).sqrt() * eps_hat) / bar.sqrt()


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, c, d, e = draw.sizes(4, 2, 7)
    steps = draw.integer(6, 9)
    betas = draw.uniform(0.1, 0.6, steps)
    long = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    share = torch.linspace(0, 1, 101, dtype=torch.float64)
    angles = (0.008 + share) / 1.008 * torch.pi / 2  # the cosine schedule of the lecture
    cosine = (1 - (angles[1:].cos() / angles[:-1].cos()) ** 2).clamp(max=0.999).float()
    cases = (
        ((b, d), draw.integer(3, steps - 2), betas),
        ((b, c, e), draw.integer(2, steps - 2), betas.double()),
        ((b, d), 2, betas),
        ((1, d), 1, betas),
        ((b, d), 0, betas),
        ((c, d), 0, betas[:1]),
        ((b, e), draw.integer(100, 900), long),
        ((b, e), draw.integer(2, 97), cosine),
        ((b, e), 1, draw.uniform(1e-6, 2e-6, 3, dtype=torch.float64)),
        ((b, c, e), steps - 1, betas.double()),
        ((b, e), 99, cosine),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, t, given in cases:
        x0, eps, noise = (draw.normal(*shape, dtype=given.dtype) * s for s in (2, 1, 1))
        bar = levels(t, given)[2]
        x_t = bar.sqrt() * x0 + (1 - bar).sqrt() * eps
        moved = f(x_t, t, eps, given, noise)
        law(
            torch.equal(f(x_t, t, eps, given, noise), moved),
            "Asked twice with the same numbers, the function answers differently: it draws random "
            "numbers of its own. Use the `noise` it is given.",
            "own-noise",
        )
        still = f(x_t, t, eps, given, torch.zeros_like(noise))
        asked.append((t, given, x0, x_t, noise, still, moved))
    for case in asked:
        _judge_step(*case)


def _judge_step(
    t: int, betas: Tensor, x0: Tensor, x_t: Tensor, noise: Tensor, still: Tensor, moved: Tensor
) -> None:
    """One step without noise, `still`, and with it, `moved`, against Bayes' theorem."""
    last = len(betas) > 1 and t == len(betas) - 1
    where = "At the last index, t = T - 1, though not before it: " if last else ""
    if t == 0:
        law(
            near(moved, still),
            "Noise is added at t = 0: the last step back should add none.",
            "noise-at-zero",
        )
        law(
            near(still, x0),
            "At t = 0, given the noise that was added, x_data should come back.",
            "not-undone",
        )
        return
    # q(x_{t-1} | x_t, x_data) is proportional to q(x_t | x_{t-1}) q(x_{t-1} | x_data).
    beta, _, _, before = levels(t, betas.double())
    precision = (1 - beta) / beta + 1 / (1 - before)
    pull = (1 - beta).sqrt() / beta * x_t + before.sqrt() / (1 - before) * x0
    law(
        near(still, (pull / precision).to(still), float(x_t.abs().max())),
        f"{where}Without noise, and given the noise that was added, the step should be the mean of "
        "the posterior q(x_{t-1} | x_t, x_data).",
        "wrong-mean",
    )
    law(
        near(((moved - still).square() * precision).to(noise), noise.square()),
        f"{where}The variance of the step is not that of the posterior q(x_{{t-1}} | x_t, x_data).",
        "wrong-spread",
    )
    law(
        bool(((moved - still) * noise >= 0).all()),
        "The noise is to be added with its own sign.",
        "noise-sign",
    )


# --- wrong noise on the right mean ----------------------------------------------------------


@exercise.mistake("beta-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The variance is beta_t: that is the other choice of the DDPM paper. The posterior's is
    smaller, and asked for here."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + betas[t].sqrt() * noise if t > 0 else mean


@exercise.mistake("beta-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The variance is beta_t, even in the last step: the posterior's is smaller, and zero at
    t = 0."""
    return right_mean(x_t, t, eps_hat, betas) + betas[t].sqrt() * noise


@exercise.mistake("beta-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is multiplied by beta_t, in the last step too: the root of the posterior's
    variance is wanted, which is 0 there."""
    return right_mean(x_t, t, eps_hat, betas) + betas[t] * noise


@exercise.mistake("beta-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is multiplied by beta_t: the root of the posterior's variance is wanted."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + betas[t] * noise if t > 0 else mean


@exercise.mistake("last-for-first")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """At t = 0 the index t - 1 is -1, in Python the last entry: alpha_bar before the first step
    is 1, and so the last step back adds no noise."""
    bars = torch.cumprod(1 - betas, 0)
    sigma = (betas[t] * (1 - bars[t - 1]) / (1 - bars[t])).sqrt()
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("noise-at-zero")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """Noise is added at t = 0, of variance beta: the last step back adds none."""
    sigma = right_sigma(t, betas) if t > 0 else betas[0].sqrt()
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("noise-at-zero")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The plain noise is added at t = 0: the last step back adds none."""
    sigma = right_sigma(t, betas) if t > 0 else 1.0
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("one-based")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """No noise is added at t = 1 either: in the paper the steps count from 1, here from 0."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + right_sigma(t, betas) * noise if t > 1 else mean


@exercise.mistake("variance-for-deviation")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is multiplied by the variance: take its root."""
    return right_mean(x_t, t, eps_hat, betas) + right_sigma(t, betas) ** 2 * noise


@exercise.mistake("variance-for-deviation")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """beta_t stands outside of the root of the posterior's variance."""
    beta, _, bar, before = levels(t, betas)
    sigma = beta * ((1 - before) / (1 - bar)).sqrt()
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("variance-for-deviation")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The root covers beta_t only: it is that of the whole variance of the posterior."""
    beta, _, bar, before = levels(t, betas)
    sigma = beta.sqrt() * (1 - before) / (1 - bar)
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The posterior's variance is turned over: 1 - alpha_bar_{t-1} stands above 1 - alpha_bar_t,
    and it is smaller than beta_t."""
    beta, _, bar, before = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (beta * (1 - bar) / (1 - before)).sqrt() * noise if t > 0 else mean


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """beta_t is missing in the posterior's variance."""
    _, _, bar, before = levels(t, betas)
    sigma = ((1 - before) / (1 - bar)).sqrt()
    return right_mean(x_t, t, eps_hat, betas) + sigma * noise


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The alpha_bars stand in the posterior's variance where 1 - alpha_bar belongs."""
    beta, _, bar, before = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (beta * before / bar).sqrt() * noise if t > 0 else mean


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise has the variance 1 - alpha_bar_t, that of all steps together: one step back adds
    far less."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (1 - levels(t, betas)[2]).sqrt() * noise if t > 0 else mean


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise has the variance 1 - alpha_bar_{t-1}, what the data alone leave open: x_t is known,
    too, and the two precisions add."""
    return right_mean(x_t, t, eps_hat, betas) + (1 - levels(t, betas)[3]).sqrt() * noise


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The posterior's variance is not divided by 1 - alpha_bar_t."""
    beta, _, _, before = levels(t, betas)
    return right_mean(x_t, t, eps_hat, betas) + (beta * (1 - before)).sqrt() * noise


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The first precision is not 1 / beta_t: as a function of x_{t-1}, which is multiplied by
    sqrt(1 - beta_t) in it, q(x_t | x_{t-1}) has the precision (1 - beta_t) / beta_t."""
    beta, _, _, before = levels(t, betas)
    variance = 1 / (1 / beta + 1 / (1 - before))
    return right_mean(x_t, t, eps_hat, betas) + variance.sqrt() * noise


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """1 - alpha_bar_t stands in the second precision, where 1 - alpha_bar_{t-1} belongs: that is
    the variance of x_{t-1}, given the data."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (alpha / beta + 1 / (1 - bar)).rsqrt() * noise if t > 0 else mean


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The two variances are added: in a product of Gaussians it is the precisions, one over each,
    that add."""
    beta, alpha, _, before = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (beta / alpha + 1 - before).sqrt() * noise if t > 0 else mean


@exercise.mistake("wrong-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The variances beta_t and 1 - alpha_bar_{t-1} are added: in a product of Gaussians it is the
    precisions, one over each, that add."""
    beta, _, _, before = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (beta + 1 - before).sqrt() * noise if t > 0 else mean


@exercise.mistake("precision-for-variance")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The sum of the precisions is taken for the variance: its inverse is wanted."""
    beta, alpha, _, before = levels(t, betas)
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + (alpha / beta + 1 / (1 - before)).sqrt() * noise if t > 0 else mean


@exercise.mistake("noise-divided")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is divided by sqrt(1 - beta_t), too: only the mean is."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + right_sigma(t, betas) / (1 - betas[t]).sqrt() * noise


@exercise.mistake("noise-not-scaled")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is not scaled: its variance is the posterior's."""
    mean = right_mean(x_t, t, eps_hat, betas)
    return mean + noise if t > 0 else mean


@exercise.mistake("noise-not-scaled")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is not scaled, and added at t = 0 too."""
    return right_mean(x_t, t, eps_hat, betas) + noise


@exercise.mistake("no-noise")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """There is no noise: this is the mean of the step alone."""
    return right_mean(x_t, t, eps_hat, betas)


@exercise.mistake("noise-sign")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise is subtracted: as likely a draw, but noise is to be added here."""
    return right_mean(x_t, t, eps_hat, betas) - right_sigma(t, betas) * noise


@exercise.mistake("zero-over-zero")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """At t = 0 something is divided by 1 - alpha_bar_{-1}, which is zero: treat t = 0 by itself,
    and return the predicted data there."""
    beta, alpha, _, before = levels(t, betas)
    x0 = right_x0(x_t, t, eps_hat, betas)
    precision = alpha / beta + 1 / (1 - before)
    mean = (alpha.sqrt() / beta * x_t + before.sqrt() / (1 - before) * x0) / precision
    return mean + noise / precision.sqrt()


# --- the right noise on a wrong mean --------------------------------------------------------


@exercise.mistake("eps-sign")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The predicted noise is added: the way back takes it away."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = (x_t + beta / (1 - bar).sqrt() * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("alpha-for-alpha-bar")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """In the mean beta_t is divided by its own root: by sqrt(1 - alpha_bar_t), all of the noise."""
    beta, alpha, _, _ = levels(t, betas)
    mean = (x_t - beta / (1 - alpha).sqrt() * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("alpha-for-beta")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """In the mean 1 - beta_t stands where beta_t belongs: the paper's alpha_t is 1 - beta_t, and
    so its 1 - alpha_t is beta_t."""
    _, alpha, bar, _ = levels(t, betas)
    mean = (x_t - alpha / (1 - bar).sqrt() * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("bare-beta")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """In the mean eps_hat is multiplied by beta_t alone: c is beta_t over sqrt(1 - alpha_bar_t)."""
    beta, alpha, _, _ = levels(t, betas)
    return (x_t - beta * eps_hat) / alpha.sqrt() + right_sigma(t, betas) * noise


@exercise.mistake("alpha-bar-for-alpha")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The mean is divided by sqrt(alpha_bar_t): one step back undoes one
    step, sqrt(1 - beta_t)."""
    beta, _, bar, _ = levels(t, betas)
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) / bar.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("no-root")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The root of 1 - alpha_bar_t is missing in the mean."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = (x_t - beta / (1 - bar) * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("no-root")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The mean is divided by 1 - beta_t, without the root."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) / alpha
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("no-root")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The root covers beta_t too, in the mean: beta_t / sqrt(1 - alpha_bar_t) is wanted."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = (x_t - (beta / (1 - bar)).sqrt() * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("not-divided")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The division of the mean by sqrt(1 - beta_t) is missing: the step forward made the
    signal fade, the step back has to undo it."""
    beta, _, bar, _ = levels(t, betas)
    mean = x_t - beta / (1 - bar).sqrt() * eps_hat
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("not-divided")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The mean is multiplied by sqrt(1 - beta_t), as in the step forward: divide."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) * alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("half-divided")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """Only x_t is divided by sqrt(1 - beta_t): the predicted noise is too."""
    beta, alpha, bar, _ = levels(t, betas)
    mean = x_t / alpha.sqrt() - beta / (1 - bar).sqrt() * eps_hat
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("eps-not-scaled")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """All of the noise is taken away at once, sqrt(1 - alpha_bar_t) eps_hat: one step takes a part
    of it."""
    _, alpha, bar, _ = levels(t, betas)
    mean = (x_t - (1 - bar).sqrt() * eps_hat) / alpha.sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("eps-not-scaled")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The noise of one step forward is taken away, sqrt(beta_t) eps_hat, and nothing is divided:
    eps_hat is the noise of all steps together."""
    return x_t - betas[t].sqrt() * eps_hat + right_sigma(t, betas) * noise


@exercise.mistake("eps-not-scaled")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The predicted noise is subtracted as it is: one step takes a part of it."""
    return (x_t - eps_hat) / (1 - betas[t]).sqrt() + right_sigma(t, betas) * noise


@exercise.mistake("no-eps")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The predicted noise is not used."""
    return x_t / (1 - betas[t]).sqrt() + right_sigma(t, betas) * noise


@exercise.mistake("jumps-to-x0")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This jumps to the predicted x0 in one step, and the walk would start anew from there: one
    step back is wanted."""
    return right_x0(x_t, t, eps_hat, betas) + right_sigma(t, betas) * noise


@exercise.mistake("jumps-to-x0")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This is the predicted x0: one step back is wanted."""
    return right_x0(x_t, t, eps_hat, betas)


@exercise.mistake("deterministic-step")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This is the deterministic step of DDIM, which puts the predicted noise back in: here fresh
    noise is added."""
    before = levels(t, betas)[3]
    return before.sqrt() * right_x0(x_t, t, eps_hat, betas) + (1 - before).sqrt() * eps_hat


@exercise.mistake("deterministic-step")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The mean is that of DDIM, which holds all of the predicted noise: with fresh noise on top
    there is too much."""
    before = levels(t, betas)[3]
    mean = before.sqrt() * right_x0(x_t, t, eps_hat, betas) + (1 - before).sqrt() * eps_hat
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("diffused-again")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This predicts x0 and diffuses it again to t - 1, which forgets x_t: the posterior's mean
    holds both."""
    before = levels(t, betas)[3]
    return before.sqrt() * right_x0(x_t, t, eps_hat, betas) + (1 - before).sqrt() * noise


@exercise.mistake("clamped")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The predicted x0 is clamped to [-1, 1]: that helps with pictures, but data may lie further
    out."""
    bar = levels(t, betas)[2]
    x0 = right_x0(x_t, t, eps_hat, betas).clamp(-1, 1)
    clamped = right_mean(x_t, t, (x_t - bar.sqrt() * x0) / (1 - bar).sqrt(), betas)
    return clamped + right_sigma(t, betas) * noise


@exercise.mistake("exchanged")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """x0 and x_t are exchanged in the posterior's mean."""
    beta, alpha, bar, before = levels(t, betas)
    x0 = right_x0(x_t, t, eps_hat, betas)
    mean = (before.sqrt() * beta * x_t + alpha.sqrt() * (1 - before) * x0) / (1 - bar)
    return mean + right_sigma(t, betas) * noise


# --- steps of another t ---------------------------------------------------------------------


@exercise.mistake("off-by-one")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """The alpha_bars lag a step behind: alpha_bar_t holds the beta of step t, and alpha_bar before
    the first step is 1."""
    bars = torch.cumprod(torch.cat([torch.ones_like(betas[:1]), 1 - betas]), 0)
    bar, before = bars[t], bars[max(t - 1, 0)]
    mean = (x_t - betas[t] / (1 - bar).sqrt() * eps_hat) / (1 - betas[t]).sqrt()
    return mean + (betas[t] * (1 - before) / (1 - bar)).sqrt() * noise


@exercise.mistake("off-by-one")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """alpha_bar_{t-1} stands in the mean, where alpha_bar_t belongs."""
    bars = torch.cumprod(1 - betas, 0)
    mean = (x_t - betas[t] / (1 - bars[t - 1]).sqrt() * eps_hat) / (1 - betas[t]).sqrt()
    return mean + right_sigma(t, betas) * noise


@exercise.mistake("off-by-one")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This is the step of t - 1, and of 0 at t = 0: `t` is an index into betas, counted from 0."""
    t = max(t - 1, 0)
    return right_mean(x_t, t, eps_hat, betas) + right_sigma(t, betas) * noise


@exercise.mistake("off-by-one")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This is the step of t - 1, at t = 0 that of the last entry, Python's index -1: `t` is an
    index into betas, counted from 0."""
    bars = torch.cumprod(1 - betas, 0)
    beta, bar, before = betas[t - 1], bars[t - 1], bars[t - 2] if t > 1 else 1.0
    mean = (x_t - beta / (1 - bar).sqrt() * eps_hat) / (1 - beta).sqrt()
    return mean + (beta * (1 - before) / (1 - bar)).sqrt() * noise if t > 0 else mean


@exercise.mistake("backward-index")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """t is counted from the end: betas[t] is the step that led to x_t, and t = 0 comes last."""
    t = len(betas) - 1 - t
    return right_mean(x_t, t, eps_hat, betas) + right_sigma(t, betas) * noise


@exercise.mistake("forward-step")
def _(x_t: Tensor, t: int, eps_hat: Tensor, betas: Tensor, noise: Tensor) -> Tensor:
    """This is a step forward, which adds noise: the way back is wanted."""
    return (1 - betas[t]).sqrt() * x_t + betas[t].sqrt() * noise
