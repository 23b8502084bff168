"""09.gan_losses: what the critic minimises, and what the forger minimises."""

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
    "09.gan_losses",
    "real_logits (N,), fake_logits (M,) -> (), ()",
    place=3,
    proves="A critic that guesses pays 2 log 2 and its forger log 2; every logit costs what the "
    "formula says, and pulls as it should: for as many forgeries as data and for fewer, logits up "
    "to a thousand, double precision, with the gradients of both.",
    hints=(
        'A logit l means the probability sigmoid(l) for "data". What does the discriminator pay, '
        "-log of the probability of the right answer, for one real point? For one forgery?",
        "The discriminator's loss is the mean over the real ones plus the mean over the forgeries. "
        "The generator wants its forgeries taken for data: -log of *that* probability.",
        "-log sigmoid(l) is log(1 + exp(-l)), and log(1 + exp(.)) has a stable name in "
        "`torch.nn.functional`. Remember 1 - sigmoid(l) = sigmoid(-l).",
    ),
    twin="course_utils.landscape:gan_losses",
)


def truth(real_logits: Tensor, fake_logits: Tensor) -> tuple[Tensor, Tensor]:
    judged = surprise(real_logits, True).mean() + surprise(fake_logits, False).mean()
    return judged, surprise(fake_logits, True).mean()


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    n, m, k = draw.sizes(3, 2, 9)
    asked = [
        (args, f(*args))
        for args in (
            [draw.uniform(-8, 8, 30), draw.uniform(-8, 8, 20)],
            random_logits(draw, n, m),
            random_logits(draw, k, k),
            random_logits(draw, 1, m, dtype=torch.float64),
        )
    ]
    guessing = f(torch.zeros(n), torch.zeros(m))
    for args, (critic, forger) in asked:
        right = truth(*args)
        law(
            near(critic, right[0], 1.0),
            "The discriminator's loss, the first number, is not the mean surprise over the data "
            "plus the mean surprise over the forgeries.",
            "wrong-discriminator",
        )
        law(
            near(forger, right[1], 1.0),
            "The generator's loss, the second number, is not the mean of -log d over its "
            "forgeries.",
            "wrong-generator",
        )
    law(
        near(guessing[0], torch.tensor(2 * math.log(2)))
        and near(guessing[1], torch.tensor(math.log(2))),
        "A discriminator that guesses, all logits 0, should pay 2 log 2, and the generator log 2.",
        "wrong-guess",
    )
    sure = sure_logits(draw, n, m)
    for found, right in zip(f(*sure), truth(*(x.double() for x in sure)), strict=True):
        law(
            near(found, right.float()),
            "With logits of several hundred the losses are wrong: the surprise of a sure and wrong "
            "discriminator is as large as its logit. Is something clamped?",
            "clamped",
        )
    args = tuple(random_logits(draw, n, m))
    weights = torch.tensor(1.0), torch.tensor(draw.number(0.5, 0.9))
    for judged in (args, tuple(sure)):
        check_gradients(f, judged, {0: "real_logits", 1: "fake_logits"}, truth, weights)


Pair = tuple[Tensor, Tensor]


def right_critic(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


@exercise.mistake("pooled")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator's loss is twice one mean over data and forgeries together: where they are
    not equally many, that is not the sum of the two means."""
    paid = torch.cat([F.softplus(-real_logits), F.softplus(fake_logits)])
    return 2 * paid.mean(), F.softplus(-fake_logits).mean()


@exercise.mistake("saturating")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The generator minimises log(1 - d): that is the saturating loss, whose gradient dies where
    the discriminator is sure. -log d is wanted."""
    return right_critic(real_logits, fake_logits), -F.softplus(fake_logits).mean()


@exercise.mistake("generator-helps-the-critic")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The generator's loss falls where its forgeries are found out: it should fall where they are
    taken for data."""
    return right_critic(real_logits, fake_logits), F.softplus(fake_logits).mean()


@exercise.mistake("half")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator's loss is half of what is asked: the sum of the two means."""
    return right_critic(real_logits, fake_logits) / 2, F.softplus(-fake_logits).mean()


@exercise.mistake("pooled")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """Data and forgeries are averaged together: where there are more of one they weigh more. Two
    means are wanted, and their sum."""
    pooled = torch.cat([F.softplus(-real_logits), F.softplus(fake_logits)]).mean()
    return pooled, F.softplus(-fake_logits).mean()


@exercise.mistake("objective-not-loss")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """Both numbers are to be maximised, as they stand in the formula: a loss is minimised, so
    their signs change."""
    return -right_critic(real_logits, fake_logits), -F.softplus(-fake_logits).mean()


@exercise.mistake("objective-not-loss")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator's number is to be maximised: as a loss it has the other sign."""
    return -right_critic(real_logits, fake_logits), F.softplus(-fake_logits).mean()


@exercise.mistake("labels-exchanged")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator is trained with the labels exchanged: a large logit means "data"."""
    return F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean(), F.softplus(
        -fake_logits
    ).mean()


@exercise.mistake("labels-exchanged")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """All labels are exchanged, for both: a large logit means "data"."""
    critic = F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()
    return critic, F.softplus(fake_logits).mean()


@exercise.mistake("order")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The two losses come in the other order: the discriminator's first."""
    return F.softplus(-fake_logits).mean(), right_critic(real_logits, fake_logits)


@exercise.mistake("summed")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The losses are summed over the batch: means are wanted."""
    critic = F.softplus(-real_logits).sum() + F.softplus(fake_logits).sum()
    return critic, F.softplus(-fake_logits).sum()


@exercise.mistake("generator-of-both")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The generator's loss holds the real logits, too: it has no hand in those."""
    critic = right_critic(real_logits, fake_logits)
    return critic, F.softplus(real_logits).mean() + F.softplus(-fake_logits).mean()


@exercise.mistake("zero-sum")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The generator's loss is minus the discriminator's: that is the zero-sum game, whose gradient
    dies where the discriminator is sure. -log d is wanted."""
    critic = right_critic(real_logits, fake_logits)
    return critic, -critic


@exercise.mistake("only-the-data")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator pays for the data only: it has to know forgeries, too."""
    return F.softplus(-real_logits).mean(), F.softplus(-fake_logits).mean()


@exercise.mistake("only-the-forgeries")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The discriminator pays for the forgeries only: it has to know data, too."""
    return F.softplus(fake_logits).mean(), F.softplus(-fake_logits).mean()


@exercise.mistake("sigmoid-twice")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """A sigmoid is taken twice: a loss "with logits" takes the logits as they are."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return right_critic(real, fake), F.softplus(-fake).mean()


@exercise.mistake("logits-for-probabilities")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The losses are linear in the logits, as a Wasserstein critic's: the logarithm of a
    probability is wanted."""
    return fake_logits.mean() - real_logits.mean(), -fake_logits.mean()


@exercise.mistake("hinge")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """This is the hinge loss, which asks for a margin of 1: the logarithm of a probability is
    wanted."""
    cost = (1 - real_logits).clamp(min=0).mean() + (1 + fake_logits).clamp(min=0).mean()
    return cost, -fake_logits.mean()


@exercise.mistake("least-squares")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """These are least squares of the probabilities: -log of them is wanted."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (1 - real).square().mean() + fake.square().mean(), (1 - fake).square().mean()


@exercise.mistake("not-log")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The probabilities stand there without their logarithm."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    return (1 - real).mean() + fake.mean(), (1 - fake).mean()


@exercise.mistake("bits")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """The losses are in bits: nats are wanted, the natural logarithm."""
    critic = right_critic(real_logits, fake_logits)
    return critic / math.log(2), F.softplus(-fake_logits).mean() / math.log(2)


@exercise.mistake("overflow")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """Right for small logits, and infinite where a sigmoid rounds to 0 or 1, or exp overflows:
    log(1 + exp(.)) has a stable form in `torch.nn.functional`."""
    critic = (
        -torch.sigmoid(real_logits).log().mean() - (1 - torch.sigmoid(fake_logits)).log().mean()
    )
    return critic, -torch.sigmoid(fake_logits).log().mean()


@exercise.mistake("clamped")
def _(real_logits: Tensor, fake_logits: Tensor) -> Pair:
    """A small number is added inside the logarithm: a discriminator that is sure and wrong then
    pays no more than -log of it, and nothing pulls it back."""
    real, fake = torch.sigmoid(real_logits), torch.sigmoid(fake_logits)
    critic = -(real + 1e-8).log().mean() - (1 - fake + 1e-8).log().mean()
    return critic, -(fake + 1e-8).log().mean()
