"""The exercises of lecture 06, VAEs: checks by laws, and the mistakes they know."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from ..draw import Draw
from ..exercise import Exercise, Mistake
from ..laws import agree, law
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


LARGE = 1e4  # a logit: the pixel is as sure as float32 can say
LOG_2 = math.log(2)


def _size(x: Tensor) -> int:
    """Number of elements of one sample."""
    return x[0].numel()


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


# --- 06.bernoulli_log_likelihood ------------------------------------------------------------


Elements = Callable[[Tensor, Tensor], Tensor]  # (x, logits), both (B, ...) -> (B, ...)


def _bernoulli(x: Tensor, logits: Tensor) -> Tensor:
    """log p of each pixel: x logit - log(1 + exp(logit))."""
    return x * logits - functional.softplus(logits)


def _by_probability(x: Tensor, p: Tensor) -> Tensor:
    return x * p.log() + (1 - x) * (1 - p).log()


def _clamped_at_100(x: Tensor, logits: Tensor) -> Tensor:
    p = logits.sigmoid()
    return x * p.log().clamp(min=-100) + (1 - x) * (1 - p).log().clamp(min=-100)


def _with_floor(floor: float) -> Elements:
    """A small number inside each logarithm."""

    def elements(x: Tensor, logits: Tensor) -> Tensor:
        p = logits.sigmoid()
        return x * (p + floor).log() + (1 - x) * (1 - p + floor).log()

    return elements


def _kept_inside(floor: float) -> Elements:
    """Probabilities kept away from 0 and 1."""
    return lambda x, logits: _by_probability(x, logits.sigmoid().clamp(floor, 1 - floor))


def _summed(elements: Elements) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, logits: per_sample(elements(x, logits))


def _softplus_by_hand(x: Tensor, logits: Tensor) -> Tensor:
    return x * logits - (1 + logits.exp()).log()


BERNOULLI_MISTAKES = (
    Mistake(
        "mean-over-pixels",
        "This averages over the pixels of an image: independent pixels multiply, so their logs "
        "are summed. Beside a KL term the difference is a factor D.",
        lambda x, logits: _bernoulli(x, logits).flatten(1).mean(1),
    ),
    Mistake(
        "sum-over-batch",
        "This sums over the batch too: one number per image is wanted.",
        lambda x, logits: _bernoulli(x, logits).sum(),
    ),
    Mistake(
        "mean-over-batch",
        "This is averaged over the batch already: one number per image is wanted.",
        lambda x, logits: per_sample(_bernoulli(x, logits)).mean(),
    ),
    Mistake(
        "mean-over-all",
        "This averages over pixels and batch: one number per image is wanted, the sum over its "
        "pixels.",
        lambda x, logits: _bernoulli(x, logits).mean(),
    ),
    Mistake(
        "negative",
        "This is the negative log-likelihood, a loss, as `binary_cross_entropy_with_logits` gives "
        "it: the log-likelihood itself is wanted.",
        lambda x, logits: -per_sample(_bernoulli(x, logits)),
    ),
    Mistake(
        "negative",
        "This is a loss: the sign is turned around and the batch is reduced as well. The "
        "log-likelihood of each image is wanted.",
        lambda x, logits: -_bernoulli(x, logits).mean(),
    ),
    Mistake(
        "negative",
        "This is a loss: the sign is turned around and the batch is summed as well. The "
        "log-likelihood of each image is wanted.",
        lambda x, logits: -_bernoulli(x, logits).sum(),
    ),
    Mistake(
        "logits-as-probabilities",
        "The logits are used as if they were probabilities: a logit is any number, and the "
        "probability is its sigmoid.",
        _summed(_by_probability),
    ),
    Mistake(
        "sigmoid-twice",
        "The sigmoid is applied twice: what takes logits applies one itself.",
        _summed(lambda x, logits: _bernoulli(x, logits.sigmoid())),
    ),
    Mistake(
        "sigmoid-then-log",
        "For large logits the sigmoid is exactly 0 or 1 and its logarithm infinite: work with the "
        "logits themselves, by `logsigmoid` or `softplus`.",
        _summed(lambda x, logits: _by_probability(x, logits.sigmoid())),
    ),
    Mistake(
        "sigmoid-then-log",
        "For large logits the sigmoid is exactly 0 or 1 and its logarithm infinite: work with the "
        "logits themselves, by `logsigmoid` or `softplus`.",
        _summed(
            lambda x, logits: (
                torch.where(x > 0.5, logits.sigmoid(), 1 - logits.sigmoid()).log()
                if bool(((x == 0) | (x == 1)).all())
                else _by_probability(x, logits.sigmoid())
            )
        ),
    ),
    Mistake(
        "clamped",
        "This is `binary_cross_entropy` of the sigmoid, which cuts every logarithm off at -100: a "
        "pixel that is surely wrong costs as much as its logit. Use the logits themselves.",
        _summed(_clamped_at_100),
    ),
    *(
        Mistake(
            "clamped",
            "A small number keeps the logarithm finite and makes it wrong: a pixel that is surely "
            "wrong costs as much as its logit. Use the logits themselves.",
            _summed(elements(floor)),
        )
        for floor in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16, 1e-20, 1e-30)
        for elements in (_with_floor, _kept_inside)
    ),
    Mistake(
        "overflow",
        "exp of a large logit overflows inside log(1 + exp(logit)): `functional.softplus` is the "
        "same without overflow.",
        _summed(_softplus_by_hand),
    ),
    Mistake(
        "pixels-inverted",
        "Ink and paper are exchanged, x and 1 - x: a large logit means that the pixel is probably "
        "1.",
        _summed(lambda x, logits: _bernoulli(1 - x, logits)),
    ),
    Mistake(
        "arguments-exchanged",
        "The pixels are used as logits and the logits as pixels: look at the order in which your "
        "function hands them on.",
        _summed(lambda x, logits: _bernoulli(logits, x)),
    ),
    Mistake(
        "ink-only",
        "Only the pixels that are 1 count in yours: the term with 1 - x is missing.",
        _summed(lambda x, logits: x * functional.logsigmoid(logits)),
    ),
    Mistake(
        "paper-only",
        "Only the pixels that are 0 count in yours: the term with x is missing.",
        _summed(lambda x, logits: (1 - x) * functional.logsigmoid(-logits)),
    ),
    Mistake(
        "not-normalised",
        "This is x times the logit alone: the probabilities of 0 and 1 have to add up to one.",
        _summed(lambda x, logits: x * logits),
    ),
    Mistake(
        "softplus-sign",
        "The normaliser is added where it should be subtracted: it divides the probability.",
        _summed(lambda x, logits: x * logits + functional.softplus(logits)),
    ),
    Mistake(
        "squared-error",
        "This is the squared distance to the probabilities, which belongs to a Gaussian: these "
        "pixels are 0 or 1.",
        _summed(lambda x, logits: -(x - logits.sigmoid()).square()),
    ),
    Mistake(
        "rounded",
        "Grey pixels are rounded to 0 or 1: leave `x` as it is.",
        _summed(lambda x, logits: _bernoulli(x.round(), logits)),
    ),
    Mistake(
        "exponentiated",
        "This is the probability itself: its logarithm is wanted.",
        lambda x, logits: per_sample(_bernoulli(x, logits)).exp(),
    ),
    Mistake(
        "base-two",
        "This is in bits: the course's log-likelihoods are in nats, by the natural logarithm.",
        lambda x, logits: per_sample(_bernoulli(x, logits)) / LOG_2,
    ),
    Mistake(
        "last-axis-only",
        "This sums over the last axis alone: an image has more axes, and all but the first are "
        "summed.",
        lambda x, logits: _bernoulli(x, logits).sum(-1),
    ),
    Mistake(
        "second-axis-only",
        "This sums over axis 1 alone: an image has more axes, and all but the first are summed.",
        lambda x, logits: _bernoulli(x, logits).sum(1),
    ),
    Mistake(
        "two-axes-only",
        "This sums over two axes: channels, height and width are three.",
        lambda x, logits: _bernoulli(x, logits).sum((-2, -1)),
    ),
    Mistake(
        "two-axes-only",
        "This sums over two axes: channels, height and width are three.",
        lambda x, logits: _bernoulli(x, logits).sum((1, 2)),
    ),
    Mistake(
        "not-summed",
        "One number per pixel came back: sum over all axes but the first.",
        _bernoulli,
    ),
)


def binary_images(pixels: int) -> Tensor:
    """All images of that many binary pixels, (2^D, D)."""
    return torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * pixels)


@exercise(
    "06.bernoulli_log_likelihood",
    "x (B, ...), logits (B, ...) -> (B,)",
    proves="The probabilities of all images add up to one and the logits are the log-odds, for "
    "images and vectors, grey pixels, one image, double precision, and logits of 10^4 either way; "
    "gradients reach the logits.",
    hints=(
        "The pixels are independent: their log-probabilities are summed over all axes but the "
        "first. `.flatten(1)` joins these.",
        "With p = sigmoid(logit) a pixel has log-probability x log p + (1 - x) log(1 - p). For "
        "large logits p is exactly 0 or 1, so do not form it.",
        "`functional.binary_cross_entropy_with_logits(logits, x, reduction='none')` is minus that "
        "for each pixel, and stable; so are `functional.logsigmoid(logits)` for log p and "
        "`functional.logsigmoid(-logits)` for log(1 - p).",
    ),
    twin="course_utils.vae:bernoulli_log_likelihood",
    also=(
        "course_utils.vae.likelihoods:_bernoulli",
        "course_utils.vae.likelihoods:_binomial",
        "course_utils.vae:Bernoulli.pairwise",
        "course_utils.vae:Binomial.pairwise",
    ),
    mistakes=BERNOULLI_MISTAKES,
)
def check_bernoulli_log_likelihood(f: Subject, draw: Draw) -> None:
    b, channels, height, width, few = draw.sizes(5, 2, 8)
    cases = (
        ((b, channels, height, width), torch.float32),
        ((few, height), torch.float32),
        ((1, width), torch.float32),
        ((few, width, height), torch.float64),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype in cases:
        logits, x = 2 * draw.normal(*shape, dtype=dtype), draw.uniform(0, 1, *shape, dtype=dtype)
        x[:, 0] = x[:, 0].round()  # black and white beside grey
        asked.append((x, logits, f(x, logits), f(torch.zeros_like(x), logits)))
    few_pixels = draw.integer(3, 5)
    every = binary_images(few_pixels)
    of_every = f(every, draw.normal(few_pixels).expand_as(every).clone())
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
    sure = LARGE * torch.where(draw.uniform(0, 1, b, height, width) < 0.5, -1.0, 1.0)
    sure[0] = -LARGE  # exp overflows for large positive logits only
    opposite, grey = (sure < 0).float(), draw.uniform(0, 1, b, height, width)
    for x in (opposite, grey):
        law(
            agree(f(x, sure), -per_sample((x - (sure > 0).float()).abs() * LARGE)),
            "For logits of 10^4 the log-likelihood is off: a pixel that is surely wrong costs as "
            "much as its logit. Work with the logits themselves.",
            "clamped",
        )
    x, logits = draw.uniform(0, 1, few, width).round(), draw.normal(few, width)
    logits[:, 0] = 17 + 13 * draw.uniform(0, 1, few)  # the sigmoid is 1 in float32
    logits[:, 1] = -logits[:, 0]
    x[:, :2] = torch.tensor([0.0, 1.0])
    law(
        agree(f(x, logits), per_sample(_bernoulli(x.double(), logits.double()))),
        "For logits near 20 the log-likelihood is off, where the sigmoid has lost its digits: work "
        "with the logits themselves.",
        "clamped",
    )
    x, logits = torch.cat([grey, opposite]), torch.cat([draw.normal(b, height, width), sure])
    c = draw.normal(2 * b)
    right = c[:, None, None] * (x - logits.sigmoid())
    check_gradients(f, (x, logits), c, {"logits": (1, right, "the decoder")})


# --- 06.negative_elbo -----------------------------------------------------------------------


def _kl(mu: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mu, exp log_var) || N(0, 1)) of each latent, (B, K)."""
    return (mu.square() + log_var.exp() - 1 - log_var) / 2


def _cost(x: Tensor, logits: Tensor) -> Tensor:
    """Minus the log-likelihood of each image, (B,)."""
    return -per_sample(_bernoulli(x, logits))


def _combined(
    reconstruction: Callable[[Tensor, Tensor], Tensor],
    kl: Callable[[Tensor, Tensor], Tensor],
) -> Callable[..., Tensor]:
    """The sum of two terms, either of which may be wrong."""
    return lambda x, logits, mu, log_var: reconstruction(x, logits) + kl(mu, log_var)


def _with_cost(cost: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right KL, and a reconstruction term of your own."""
    return _combined(cost, _mean_kl)


def _with_kl(kl: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """The right reconstruction term, and per-latent numbers (B, K) for the KL."""
    return _combined(_mean_cost, lambda mu, log_var: kl(mu, log_var).sum(1).mean())


def _mean_cost_of(elements: Elements) -> Callable[[Tensor, Tensor], Tensor]:
    return lambda x, logits: -per_sample(elements(x, logits)).mean()


def _mean_cost(x: Tensor, logits: Tensor) -> Tensor:
    return _cost(x, logits).mean()


def _mean_kl(mu: Tensor, log_var: Tensor) -> Tensor:
    return _kl(mu, log_var).sum(1).mean()


def _right_loss(x: Tensor, logits: Tensor, mu: Tensor, log_var: Tensor) -> Tensor:
    return _mean_cost(x, logits) + _mean_kl(mu, log_var)


ELBO_MISTAKES = (
    Mistake(
        "mean-over-pixels",
        "The reconstruction is averaged over the pixels and the KL summed over the latents, so "
        "what looks like beta = 1 is beta = D. Sum over both, then average over the batch.",
        _with_cost(lambda x, logits: -_bernoulli(x, logits).mean()),
    ),
    Mistake(
        "mean-over-everything",
        "Both terms are averaged over all of their axes, pixels here and latents there, which "
        "changes their balance. Sum over both, then average over the batch.",
        _combined(
            lambda x, logits: -_bernoulli(x, logits).mean(), lambda mu, lv: _kl(mu, lv).mean()
        ),
    ),
    Mistake(
        "mean-over-latents",
        "The KL is averaged over the latents, where their sum is wanted: only the batch is "
        "averaged over.",
        _combined(_mean_cost, lambda mu, log_var: _kl(mu, log_var).mean()),
    ),
    Mistake(
        "elbo-sign",
        "This is the ELBO itself, which is maximised: the negative one is a loss, to be minimised.",
        lambda *args: -_right_loss(*args),
    ),
    Mistake(
        "kl-subtracted",
        "The KL is subtracted from a loss, so that training would drive it up: in the negative "
        "ELBO it is a cost like the reconstruction.",
        _combined(_mean_cost, lambda mu, log_var: -_mean_kl(mu, log_var)),
    ),
    Mistake(
        "likelihood-sign",
        "The log-likelihood enters a loss with a plus sign, so that training would make the data "
        "improbable: turn it around.",
        _combined(lambda x, logits: -_mean_cost(x, logits), _mean_kl),
    ),
    Mistake(
        "sum-over-batch",
        "This sums over the batch, so that the loss grows with the batch size: average over it.",
        lambda *args: _right_loss(*args) * len(args[0]),
    ),
    Mistake(
        "batch-mixed",
        "The reconstruction is summed over the batch and the KL averaged, so the balance of the "
        "two depends on the batch size.",
        _combined(lambda x, logits: _cost(x, logits).sum(), _mean_kl),
    ),
    Mistake(
        "batch-mixed",
        "The KL is summed over the batch and the reconstruction averaged, so the balance of the "
        "two depends on the batch size.",
        _combined(_mean_cost, lambda mu, log_var: _kl(mu, log_var).sum()),
    ),
    Mistake(
        "batch-mixed",
        "The reconstruction is averaged over the pixels and the KL summed over batch and latents, "
        "so the balance of the two depends on both sizes.",
        _combined(
            lambda x, logits: -_bernoulli(x, logits).mean(), lambda mu, lv: _kl(mu, lv).sum()
        ),
    ),
    Mistake(
        "log-var-as-log-std",
        "`log_var` is read as the log of the standard deviation: it is the log of its square.",
        _with_kl(lambda mu, log_var: _kl(mu, 2 * log_var)),
    ),
    Mistake(
        "log-var-as-log-std",
        "The variance in the KL is exp(log_var) squared: `log_var` is the log of the variance.",
        _with_kl(lambda mu, log_var: (mu**2 + (2 * log_var).exp() - 1 - log_var) / 2),
    ),
    Mistake(
        "std-for-variance",
        "The standard deviation stands where the variance belongs: no half in exp(log_var).",
        _with_kl(lambda mu, log_var: (mu**2 + (log_var / 2).exp() - 1 - log_var) / 2),
    ),
    Mistake(
        "std-for-variance",
        "The KL is computed for half of `log_var`: that is the log of the standard deviation, and "
        "the formula takes the variance.",
        _with_kl(lambda mu, log_var: _kl(mu, log_var / 2)),
    ),
    Mistake(
        "no-exp",
        "`log_var` stands in the KL where the variance belongs: exponentiate it.",
        _with_kl(lambda mu, log_var: (mu**2 + log_var - 1 - log_var) / 2),
    ),
    Mistake(
        "no-exp",
        "`log_var` is used as the variance, and its logarithm taken once more.",
        _with_kl(lambda mu, log_var: (mu**2 + log_var - 1 - log_var.log()) / 2),
    ),
    Mistake(
        "no-kl",
        "The KL is missing: this is the loss of a plain autoencoder.",
        _combined(_mean_cost, lambda mu, log_var: torch.zeros(())),
    ),
    Mistake(
        "no-reconstruction",
        "The reconstruction is missing: this is the KL alone.",
        _combined(lambda x, logits: torch.zeros(()), _mean_kl),
    ),
    Mistake(
        "not-averaged",
        "One number per image came back: the loss is their mean over the batch.",
        lambda x, logits, mu, log_var: _cost(x, logits) + _kl(mu, log_var).sum(1),
    ),
    Mistake(
        "kl-not-halved",
        "The KL is twice too large: the factor 1/2 is missing.",
        _combined(_mean_cost, lambda mu, log_var: 2 * _mean_kl(mu, log_var)),
    ),
    Mistake(
        "kl-constant",
        "The KL lacks its -1: where q is the prior it should be zero.",
        _with_kl(lambda mu, log_var: _kl(mu, log_var) + 0.5),
    ),
    Mistake(
        "kl-constant",
        "The -1 is counted once per image in the KL: every latent brings its own.",
        _combined(
            _mean_cost,
            lambda mu, log_var: _mean_kl(mu, log_var) + (mu.shape[1] - 1) / 2,
        ),
    ),
    Mistake(
        "kl-without-mu",
        "`mu` is missing in the KL: a code far from the origin costs nothing in yours.",
        _with_kl(lambda mu, log_var: _kl(torch.zeros_like(mu), log_var)),
    ),
    Mistake(
        "kl-without-mu",
        "`mu` is not squared in the KL.",
        _with_kl(lambda mu, log_var: (mu + log_var.exp() - 1 - log_var) / 2),
    ),
    Mistake(
        "kl-without-variance",
        "`log_var` is missing in the KL: only the means cost something in yours.",
        _with_kl(lambda mu, log_var: mu.square() / 2),
    ),
    Mistake(
        "kl-log-var-sign",
        "log_var has the wrong sign in the KL: where q is narrow its logarithm makes the KL large.",
        _with_kl(lambda mu, log_var: (mu**2 + log_var.exp() - 1 + log_var) / 2),
    ),
    Mistake(
        "kl-mu-sign",
        "mu squared has the wrong sign in the KL: a code far from the origin costs more.",
        _with_kl(lambda mu, log_var: (log_var.exp() - 1 - log_var - mu**2) / 2),
    ),
    Mistake(
        "kl-reversed",
        "This is the KL from the prior to q: the ELBO holds the one from q to the prior.",
        _with_kl(lambda mu, log_var: ((1 + mu**2) * (-log_var).exp() - 1 + log_var) / 2),
    ),
    Mistake(
        "squared-error",
        "The reconstruction is the squared distance to the probabilities, which belongs to a "
        "Gaussian: these pixels are Bernoulli.",
        _with_cost(lambda x, logits: per_sample((x - logits.sigmoid()).square()).mean()),
    ),
    Mistake(
        "squared-error",
        "The reconstruction is the squared distance to the logits, which belongs to a Gaussian: "
        "these pixels are Bernoulli.",
        _with_cost(lambda x, logits: per_sample((x - logits).square()).mean()),
    ),
    Mistake(
        "logits-as-probabilities",
        "The logits are used as if they were probabilities: a logit is any number, and the "
        "probability is its sigmoid.",
        _with_cost(lambda x, logits: -per_sample(_by_probability(x, logits)).mean()),
    ),
    Mistake(
        "sigmoid-twice",
        "The sigmoid is applied twice: what takes logits applies one itself.",
        _with_cost(lambda x, logits: _mean_cost(x, logits.sigmoid())),
    ),
    Mistake(
        "pixels-inverted",
        "Ink and paper are exchanged in the reconstruction, x and 1 - x.",
        _with_cost(lambda x, logits: _mean_cost(1 - x, logits)),
    ),
    Mistake(
        "arguments-exchanged",
        "The pixels are used as logits and the logits as pixels: look at the order in which your "
        "function hands them on.",
        _with_cost(lambda x, logits: _mean_cost(logits, x)),
    ),
    Mistake(
        "ink-only",
        "Only the pixels that are 1 count in yours: the term with 1 - x is missing.",
        _with_cost(lambda x, logits: -per_sample(x * functional.logsigmoid(logits)).mean()),
    ),
    Mistake(
        "last-axis-only",
        "The reconstruction is summed over the last axis and averaged over all others: an image "
        "has more axes, and all but the first are summed.",
        _with_cost(lambda x, logits: -_bernoulli(x, logits).sum(-1).mean()),
    ),
    Mistake(
        "second-axis-only",
        "The reconstruction is summed over axis 1 and averaged over all others: an image has more "
        "axes, and all but the first are summed.",
        _with_cost(lambda x, logits: -_bernoulli(x, logits).sum(1).mean()),
    ),
    Mistake(
        "two-axes-only",
        "The reconstruction is summed over two axes and averaged over the others: channels, height "
        "and width are three.",
        _with_cost(lambda x, logits: -_bernoulli(x, logits).sum((-2, -1)).mean()),
    ),
    Mistake(
        "base-two",
        "This is in bits: the course's losses are in nats, by the natural logarithm.",
        lambda *args: _right_loss(*args) / LOG_2,
    ),
    Mistake(
        "per-dimension",
        "This is divided by the number of pixels: the loss of a whole image is wanted.",
        lambda *args: _right_loss(*args) / _size(args[0]),
    ),
    Mistake(
        "sigmoid-then-log",
        "For large logits the sigmoid is exactly 0 or 1 and its logarithm infinite: work with the "
        "logits themselves, by `logsigmoid` or `softplus`.",
        _with_cost(lambda x, logits: -per_sample(_by_probability(x, logits.sigmoid())).mean()),
    ),
    Mistake(
        "clamped",
        "This is `binary_cross_entropy` of the sigmoid, which cuts every logarithm off at -100: a "
        "pixel that is surely wrong costs as much as its logit. Use the logits themselves.",
        _with_cost(lambda x, logits: -per_sample(_clamped_at_100(x, logits)).mean()),
    ),
    *(
        Mistake(
            "clamped",
            "A small number keeps the logarithm finite and makes it wrong: a pixel that is surely "
            "wrong costs as much as its logit. Use the logits themselves.",
            _with_cost(_mean_cost_of(elements(floor))),
        )
        for floor in (1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-16, 1e-20, 1e-30)
        for elements in (_with_floor, _kept_inside)
    ),
    Mistake(
        "overflow",
        "exp of a large logit overflows inside log(1 + exp(logit)): `functional.softplus` is the "
        "same without overflow.",
        _with_cost(lambda x, logits: -per_sample(_softplus_by_hand(x, logits)).mean()),
    ),
)


@exercise(
    "06.negative_elbo",
    "x (B, ...), logits (B, ...), mu (B, K), log_var (B, K) -> ()",
    proves="The loss is the cross-entropy where q is the prior, and every further nat is KL, both "
    "summed over an image and averaged over the batch: for images and vectors, one image, double "
    "precision, and logits and variances at their extremes; gradients reach both networks.",
    hints=(
        "Two costs per image, added: minus the log-likelihood of its pixels, and the KL of its q "
        "to the prior. Then the mean over the batch.",
        "You have written both: `bernoulli_log_likelihood` above and `gaussian_kl` in lecture 04. "
        "Each gives (B,), a sum over pixels or over latents.",
        "The KL of one latent is (mu^2 + exp(log_var) - 1 - log_var) / 2. The loss is "
        "`(kl - log_likelihood).mean()`.",
    ),
    twin="course_utils.vae:negative_elbo",
    mistakes=ELBO_MISTAKES,
)
def check_negative_elbo(f: Subject, draw: Draw) -> None:
    b, channels, height, width, k, few = draw.sizes(6, 2, 9)
    cases = (
        ((b, channels, height, width), torch.float64),
        ((few, height), torch.float32),
        ((1, width), torch.float32),
        ((few, width, height), torch.float32),
    )
    asked = []  # everything before it is judged: no two mistakes agree by chance
    for shape, dtype in cases:
        logits = 2 * draw.normal(*shape, dtype=dtype)
        x = draw.uniform(0, 1, *shape, dtype=dtype).round()
        # The KL is as large as the reconstruction, so that neither hides a mistake in the other.
        large = (_size(x) / k) ** 0.5
        mu, log_var = (draw.normal(shape[0], k, dtype=dtype) for _ in range(2))
        args = (x, logits, large * mu, log_var)
        at_prior = f(*args[:2], *[torch.zeros_like(mu)] * 2)
        asked.append((args, f(*args), at_prior))
    for (x, logits, mu, log_var), value, at_prior in asked:
        entropy = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        law(
            near(len(x) * at_prior, entropy),
            "Where q is the prior, mu = 0 and log_var = 0, the KL is zero and the loss should be "
            "the cross-entropy of an image's pixels, averaged over the batch.",
            "wrong-reconstruction",
        )
        q = torch.distributions.Normal(mu, (log_var / 2).exp())
        prior = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
        kl = torch.distributions.kl_divergence(q, prior).sum()
        law(
            near(len(x) * (value - at_prior), kl, len(x) * float(value.abs())),
            "The reconstruction is right, the KL is not: moving q away from the prior should add "
            "KL(q || prior), summed over the latents and averaged over the batch.",
            "wrong-kl",
        )
    at_prior = torch.zeros(b, k)
    sure = LARGE * torch.where(draw.uniform(0, 1, b, width) < 0.5, -1.0, 1.0)
    for logits in (-sure.abs(), sure):  # exp overflows for large positive logits only
        x = draw.uniform(0, 1, b, width).round()
        x[:, 0] = (logits[:, 0] < 0).float()  # surely wrong
        law(
            agree(f(x, logits, at_prior, at_prior), _mean_cost(x.double(), logits.double())),
            "For logits of 10^4 the loss is off: a pixel that is surely wrong costs as much as its "
            "logit. Work with the logits themselves.",
            "clamped",
        )
    mu = draw.normal(b, k)
    logits = draw.normal(b, width)
    for extreme in (-40.0, 40.0):
        right = f(x, logits, mu, torch.zeros_like(mu)) + k * (math.exp(extreme) - 1 - extreme) / 2
        law(
            agree(f(x, logits, mu, torch.full_like(mu, extreme)), right),
            f"For log_var = {extreme:.0f} the loss is off: is `log_var` or the variance clamped?",
            "variance-clamped",
        )
    x, logits = torch.cat([x, x]), torch.cat([logits, sure])
    mu, log_var = draw.normal(2 * b, k), draw.normal(2 * b, k)
    expected = {
        "logits": (1, (logits.sigmoid() - x) / len(x), "the decoder"),
        "mu": (2, mu / len(x), "the encoder"),
        "log_var": (3, (log_var.exp() - 1) / 2 / len(x), "the encoder"),
    }
    check_gradients(f, (x, logits, mu, log_var), torch.ones(()), expected)
