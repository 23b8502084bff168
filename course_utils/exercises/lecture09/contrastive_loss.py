"""09.contrastive_loss: noise-contrastive estimation, a classifier of data against noise."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject
from .classifiers import random_logits, sure_logits, surprise

exercise = Exercise(
    "09.contrastive_loss",
    "log_ratio_data (B,), log_ratio_noise (B,) -> ()",
    place=4,
    proves="It is the surprise of the Bayes classifier that the two densities make, lowest where "
    "their ratio is the true one, and 2 log 2 where they are equal: for ratios up to a thousand "
    "nats, batches of one, double precision, with gradients.",
    hints=(
        "Draw from data or from noise by a fair coin. Bayes' theorem gives the probability that x "
        "came from data: p_model / (p_model + p_noise). Write it with the log-ratio r.",
        'Divide by p_model: it is sigmoid(r). So r is the logit of "data". What does a classifier '
        "pay, -log of the probability of the right answer, for a point of data? For one of noise?",
        "Two means, one over the data and one over the noise, and their sum. log(1 + exp(.)) has "
        "a stable name in `torch.nn.functional`.",
    ),
    twin="course_utils.landscape:contrastive_loss",
)


def truth(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    return surprise(log_ratio_data, True).mean() + surprise(log_ratio_noise, False).mean()


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, m = draw.sizes(2, 2, 9)
    asked = [
        (args, f(*args))
        for args in (
            [draw.uniform(-8, 8, 30), draw.uniform(-8, 8, 30)],
            random_logits(draw, n, n),
            random_logits(draw, m, m, dtype=torch.float64),
            random_logits(draw, 1, 1),
        )
    ]
    equal = f(torch.zeros(n), torch.zeros(n))
    for args, loss in asked:
        law(
            near(loss, truth(*args), 1.0),
            "The loss is not the mean surprise over the data plus the mean surprise over the noise "
            "of the classifier p_model / (p_model + p_noise).",
            "wrong-value",
        )
    law(
        near(equal, torch.tensor(2 * math.log(2))),
        "Where model and noise are equal nobody can tell them apart: the loss should be 2 log 2.",
        "wrong-guess",
    )
    sure = sure_logits(draw, n, n)
    law(
        near(f(*sure), truth(*(x.double() for x in sure)).float()),
        "With ratios of several hundred nats the loss is wrong: a sure and wrong classifier pays "
        "as much as its logit. Is something clamped?",
        "clamped",
    )
    args = tuple(random_logits(draw, n, n))
    names = {0: "log_ratio_data", 1: "log_ratio_noise"}
    for judged in (args, tuple(sure)):
        check_gradients(f, judged, names, truth, torch.tensor(1.0))


@exercise.mistake("ratio-upside-down")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The ratio is upside down: it is log p_model - log p_noise, so a large one means "data"."""
    return F.softplus(log_ratio_data).mean() + F.softplus(-log_ratio_noise).mean()


@exercise.mistake("half")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """This is half of it: the sum of the two means is wanted."""
    return (F.softplus(-log_ratio_data).mean() + F.softplus(log_ratio_noise).mean()) / 2


@exercise.mistake("summed")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The surprises are summed over the batch: means are wanted."""
    return (F.softplus(-log_ratio_data) + F.softplus(log_ratio_noise)).sum()


@exercise.mistake("objective-not-loss")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The sign is that of an objective to be maximised: a loss is minimised."""
    return -F.softplus(-log_ratio_data).mean() - F.softplus(log_ratio_noise).mean()


@exercise.mistake("only-the-data")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The noise is missing: a classifier that calls everything data would be perfect."""
    return F.softplus(-log_ratio_data).mean()


@exercise.mistake("only-the-noise")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The data are missing: a classifier that calls everything noise would be perfect."""
    return F.softplus(log_ratio_noise).mean()


@exercise.mistake("difference")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The two means are subtracted: a classifier pays for both."""
    return F.softplus(-log_ratio_data).mean() - F.softplus(log_ratio_noise).mean()


@exercise.mistake("same-sign")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """Data and noise have the same label: for noise the right answer has the probability
    1 - sigmoid(r)."""
    return F.softplus(-log_ratio_data).mean() + F.softplus(-log_ratio_noise).mean()


@exercise.mistake("no-logarithm")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The probabilities of the wrong answer stand there without a logarithm."""
    return torch.sigmoid(-log_ratio_data).mean() + torch.sigmoid(log_ratio_noise).mean()


@exercise.mistake("linear")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The loss is linear in the ratios: it has no lowest value. What a classifier pays is -log of
    a probability."""
    return log_ratio_noise.mean() - log_ratio_data.mean()


@exercise.mistake("sigmoid-twice")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """A sigmoid is taken twice: a loss "with logits" takes the ratios as they are."""
    data, noise = torch.sigmoid(log_ratio_data), torch.sigmoid(log_ratio_noise)
    return F.softplus(-data).mean() + F.softplus(noise).mean()


@exercise.mistake("log-of-log")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The ratios are logarithms already: exp turns them into the odds of the classifier, and it
    takes log-odds."""
    data, noise = log_ratio_data.exp(), log_ratio_noise.exp()
    return F.softplus(-data).mean() + F.softplus(noise).mean()


@exercise.mistake("paired")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """Each point of data is compared with one of noise: every point is judged by itself here."""
    return F.softplus(log_ratio_noise - log_ratio_data).mean()


@exercise.mistake("one-among-many")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """This finds one point of data among many of noise, as InfoNCE does: here every point is
    judged by itself."""
    noise = log_ratio_noise.expand(len(log_ratio_data), -1)
    both = torch.cat([log_ratio_data[:, None], noise], 1)
    return (both.logsumexp(1) - log_ratio_data).mean()


@exercise.mistake("bits")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """The loss is in bits: nats are wanted, the natural logarithm."""
    loss = F.softplus(-log_ratio_data).mean() + F.softplus(log_ratio_noise).mean()
    return loss / math.log(2)


@exercise.mistake("overflow")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """Right for small ratios, and infinite where a sigmoid rounds to 0 or 1, or exp overflows:
    log(1 + exp(.)) has a stable form in `torch.nn.functional`."""
    return (
        -torch.sigmoid(log_ratio_data).log().mean()
        - (1 - torch.sigmoid(log_ratio_noise)).log().mean()
    )


@exercise.mistake("clamped")
def _(log_ratio_data: Tensor, log_ratio_noise: Tensor) -> Tensor:
    """A small number is added inside the logarithm: a classifier that is sure and wrong then pays
    no more than -log of it."""
    data, noise = torch.sigmoid(log_ratio_data), torch.sigmoid(log_ratio_noise)
    return -(data + 1e-8).log().mean() - (1 - noise + 1e-8).log().mean()
