"""The log-likelihood of black and white images from the logits of their pixels."""

import torch
from torch import Tensor
from torch.nn import functional

from ..draw import Draw
from ..exercise import Exercise
from ..laws import agree, check_gradients, law, near
from ..pixels import (
    LOG_2,
    SURE,
    by_probability,
    cut_at_100,
    log_coin,
    per_sample,
    softplus_by_hand,
)
from ..subject import Subject

exercise = Exercise(
    "06.bernoulli_log_likelihood",
    "x (B, ...), logits (B, ...) -> (B,)",
    place=1,
    proves="The probabilities of all images add up to one and the logits are the log-odds, for "
    "images and vectors, one image, double precision, and logits of 10^4 either way; gradients "
    "reach the logits.",
    hints=(
        "The pixels are independent coins, so their log-probabilities are added, over all axes "
        "but the first. `.flatten(1)` joins these.",
        "Put p = 1 / (1 + exp(-logit)) into log p and into log(1 - p), and simplify both: a "
        "logarithm of one plus an exponential is left in each.",
        "That logarithm is `softplus`, and torch computes it without overflow; "
        "`functional.logsigmoid` is log p itself, and what does it give for minus the logit? There "
        "is a cross-entropy that takes logits, too: mind its sign and its `reduction`.",
    ),
    twin="course_utils.vae:bernoulli_log_likelihood",
)


def right(x: Tensor, logits: Tensor) -> Tensor:
    """The answer, as the laws use it."""
    return per_sample(log_coin(x, logits))


def coins(draw: Draw, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    """Black and white images: 0 and 1."""
    return draw.uniform(0, 1, *shape, dtype=dtype).round()


def all_images(pixels: int) -> Tensor:
    """All images of that many binary pixels, (2^D, D)."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * pixels)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, channels, height, width, few = draw.sizes(5, 2, 8)
    cases = (
        ((b, channels, height, width), torch.float32),
        ((few, height), torch.float32),
        ((1, width), torch.float32),
        ((few, width, height), torch.float64),
        ((100, 196), torch.float32),  # the lecture's own size
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype in cases:
        logits, x = 2 * draw.normal(*shape, dtype=dtype), coins(draw, *shape, dtype=dtype)
        asked.append((x, logits, f(x, logits), f(torch.zeros_like(x), logits)))
    few_pixels = draw.integer(3, 5)
    every = all_images(few_pixels)
    of_every = f(every, draw.normal(few_pixels).expand_as(every).clone())
    sure = SURE * torch.where(draw.uniform(0, 1, b, height, width) < 0.5, -1.0, 1.0)
    sure[0] = -SURE  # exp overflows for large positive logits only
    opposite = (sure < 0).float()
    # A logarithm that is cut off at -100 is told from a logit that is cut off there.
    f(coins(draw, b, height, width), sure * 50 / SURE)
    worst, half = f(opposite, sure), f(opposite, sure / 2)
    law(
        near(torch.logsumexp(of_every, 0), torch.tensor(0.0), 1.0),
        "The probabilities of all possible images do not add up to one.",
        "not-normalised",
    )
    for x, logits, value, empty in asked:
        law(
            near(value - empty, per_sample(x * logits), float(value.abs().max())),
            "The logits are not the log-odds: measured from the empty image, the log-likelihood "
            "should rise by the logits of the pixels that are 1.",
            "not-the-log-odds",
        )
        law(
            near(empty, per_sample(functional.logsigmoid(-logits))),
            "The empty image has the wrong log-likelihood: each of its pixels is 0, with the "
            "probability that is left to it.",
            "wrong-empty-image",
        )
    law(
        (worst < 1.5 * half).all() or (worst > 0).any(),
        "A pixel that is surely wrong costs as much as its logit, and in yours the cost stops "
        "growing: a logarithm, a probability or a logit is cut off, or a small number is added. "
        "Use the logits themselves.",
        "clamped",
    )
    law(
        agree(worst, -per_sample(sure.abs())) and agree(f(1 - opposite, sure), torch.zeros(b)),
        "For logits of 10^4 the log-likelihood is off: a pixel that is surely wrong costs as much "
        "as its logit, and one that is surely right costs nothing.",
        "wrong-when-sure",
    )
    x, logits = coins(draw, few, width), draw.normal(few, width)
    logits[:, 0] = 17 + 13 * draw.uniform(0, 1, few)  # the sigmoid is 1 in float32
    logits[:, 1] = -logits[:, 0]
    x[:, :2] = torch.tensor([0.0, 1.0])
    law(
        agree(f(x, logits), right(x.double(), logits.double())),
        "For logits near 20 the log-likelihood is off, where the sigmoid has lost its digits: work "
        "with the logits themselves.",
        "digits-lost",
    )
    x, logits = torch.cat([x, 1 - x]), torch.cat([logits, SURE * logits.sign()])
    check_gradients(f, (x, logits), {1: "logits"}, right, draw.normal(2 * few))


@exercise.mistake("mean-over-pixels")
def _(x, logits):
    """This averages over the pixels of an image: independent pixels multiply, so their logs are
    summed. Beside a KL term the difference is a factor D.
    """
    return log_coin(x, logits).flatten(1).mean(1)


@exercise.mistake("sum-over-batch")
def _(x, logits):
    """This sums over the batch too: one number per image is wanted."""
    return log_coin(x, logits).sum()


@exercise.mistake("mean-over-batch")
def _(x, logits):
    """This is averaged over the batch already: one number per image is wanted."""
    return per_sample(log_coin(x, logits)).mean()


@exercise.mistake("mean-over-all")
def _(x, logits):
    """This averages over pixels and batch: one number per image is wanted, its pixels summed."""
    return log_coin(x, logits).mean()


@exercise.mistake("negative")
def _(x, logits):
    """This is the negative log-likelihood, a loss, as `binary_cross_entropy_with_logits` gives it:
    the log-likelihood itself is wanted.
    """
    return -per_sample(log_coin(x, logits))


@exercise.mistake("negative")
def _(x, logits):
    """This is a loss: the sign is turned around and the batch is reduced as well. The
    log-likelihood of each image is wanted.
    """
    return -log_coin(x, logits).mean()


@exercise.mistake("negative")
def _(x, logits):
    """This is a loss: the sign is turned around and the batch is summed as well. The log-likelihood
    of each image is wanted.
    """
    return -log_coin(x, logits).sum()


@exercise.mistake("logits-as-probabilities")
def _(x, logits):
    """The logits are used as if they were probabilities: a logit is any number, and the probability
    is its sigmoid.
    """
    return per_sample(by_probability(x, logits))


@exercise.mistake("sigmoid-twice")
def _(x, logits):
    """The sigmoid is applied twice: what takes logits applies one itself."""
    return per_sample(log_coin(x, logits.sigmoid()))


@exercise.mistake("sigmoid-then-log")
def _(x, logits):
    """For large logits the sigmoid is exactly 0 or 1 and its logarithm infinite: work with the
    logits themselves, by `logsigmoid` or `softplus`.
    """
    return per_sample(by_probability(x, logits.sigmoid()))


@exercise.mistake("sigmoid-then-log")
def _(x, logits):
    """In double precision, too, the sigmoid of a large logit is exactly 0 or 1 and its logarithm
    infinite: work with the logits themselves, by `logsigmoid` or `softplus`.
    """
    x, p = x.double(), logits.double().sigmoid()
    return per_sample(torch.where(x > 0.5, p.log(), (1 - p).log())).to(logits.dtype)


@exercise.mistake("clamped")
def _(x, logits):
    """This is `binary_cross_entropy` of the sigmoid, which cuts every logarithm off at -100: a
    pixel that is surely wrong costs as much as its logit. Use the logits themselves.
    """
    return per_sample(cut_at_100(x, logits))


@exercise.mistake("overflow")
def _(x, logits):
    """exp of a large logit overflows inside log(1 + exp(logit)): `functional.softplus` is the same
    without overflow.
    """
    return per_sample(softplus_by_hand(x, logits))


@exercise.mistake("pixels-inverted")
def _(x, logits):
    """Ink and paper are exchanged, x and 1 - x: a large logit says that the pixel is 1."""
    return per_sample(log_coin(1 - x, logits))


@exercise.mistake("arguments-exchanged")
def _(x, logits):
    """The pixels are used as logits and the logits as pixels: look at the order in which your
    function hands them on.
    """
    return per_sample(log_coin(logits, x))


@exercise.mistake("arguments-exchanged")
def _(x, logits):
    """The pixels are used as logits and the logits as pixels, and the sign is that of a loss: look
    at the order in which your function hands them on, and turn the sign around.
    """
    return -per_sample(log_coin(logits, x))


@exercise.mistake("one-minus-the-log")
def _(x, logits):
    """One minus log p stands where the logarithm of 1 - p belongs: first subtract, then take the
    logarithm.
    """
    log_p = functional.logsigmoid(logits)
    return per_sample(x * log_p + (1 - x) * (1 - log_p))


@exercise.mistake("multiplied")
def _(x, logits):
    """The probabilities of the pixels are multiplied before the logarithm is taken: of hundreds of
    them the product is 0. Add the pixels' logarithms.
    """
    p = logits.sigmoid()
    return torch.where(x > 0.5, p, 1 - p).flatten(1).prod(1).log()


@exercise.mistake("ink-only")
def _(x, logits):
    """Only the pixels that are 1 count in yours: the term with 1 - x is missing."""
    return per_sample(x * functional.logsigmoid(logits))


@exercise.mistake("paper-only")
def _(x, logits):
    """Only the pixels that are 0 count in yours: the term with x is missing."""
    return per_sample((1 - x) * functional.logsigmoid(-logits))


@exercise.mistake("not-normalised")
def _(x, logits):
    """This is x times the logit alone: the probabilities of 0 and 1 have to add up to one."""
    return per_sample(x * logits)


@exercise.mistake("softplus-sign")
def _(x, logits):
    """The normaliser is added where it should be subtracted: it divides the probability."""
    return per_sample(x * logits + functional.softplus(logits))


@exercise.mistake("squared-error")
def _(x, logits):
    """This is the squared distance to the probabilities, which belongs to a Gaussian: these pixels
    are 0 or 1.
    """
    return per_sample(-(x - logits.sigmoid()).square())


@exercise.mistake("squared-error")
def _(x, logits):
    """This is half the squared distance to the probabilities, which belongs to a Gaussian: these
    pixels are 0 or 1.
    """
    return per_sample(-(x - logits.sigmoid()).square() / 2)


@exercise.mistake("exponentiated")
def _(x, logits):
    """This is the probability itself: its logarithm is wanted."""
    return per_sample(log_coin(x, logits)).exp()


@exercise.mistake("base-two")
def _(x, logits):
    """This is in bits: the course's log-likelihoods are in nats, by the natural logarithm."""
    return per_sample(log_coin(x, logits)) / LOG_2


@exercise.mistake("not-summed")
def _(x, logits):
    """One number per pixel came back: sum over all axes but the first."""
    return log_coin(x, logits)


AXES = (
    ("last-axis-only", -1, "the last axis alone"),
    ("second-axis-only", 1, "axis 1 alone"),
    ("two-axes-only", (-2, -1), "the last two axes"),
    ("two-axes-only", (1, 2), "axes 1 and 2"),
)
for slug, axes, words in AXES:

    @exercise.mistake(
        slug, f"This sums over {words}: an image may have more, and all but the first are summed."
    )
    def _(x, logits, axes=axes):
        return log_coin(x, logits).sum(axes)
