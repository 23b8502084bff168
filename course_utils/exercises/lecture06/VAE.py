"""The variational autoencoder as a class: encoder, decoder, and the loss that trains both.

An architecture is free, so the class is judged against itself. After a few steps of its own
training, `loss` is compared with wrong losses made from the student's own `encode` and `decode`,
each of which has a name, and only then with the right one. Last, the class is trained on a world
whose truth is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...estimates import mean_and_error
from ...sandbox.script import Step, call, descend, gradients, make, vjp
from ...simulators.sprites import enumerated_sprites
from .. import modules
from ..draw import Draw
from ..exercise import Exercise
from ..laws import law
from ..modules import Sizes
from ..pixels import LOG_2, by_probability, log_coin, per_sample
from ..subject import Subject
from .negative_elbo import kl

exercise = Exercise(
    "06.VAE",
    "data_dim int, latent_dim int -> module",
    place=3,
    proves="The loss is the Bernoulli negative ELBO of your own encoder and decoder, with the one "
    "draw that eps makes; every image stands for itself, nothing but z reaches the decoder, and "
    "every parameter learns; the decoder uses every latent and is more than a linear map. "
    "Trained on small sprites, it closes more than half of the way to the course's own "
    "model, and does not pass the truth.",
    hints=(
        "Two networks, made in `__init__`: one from D pixels to 2 K numbers, `.chunk(2, dim=1)` of "
        "which are mu and log_var, one from K numbers to D logits. One or two hidden layers of "
        "about a hundred units each are enough; `nn.Sequential` keeps them.",
        "`encode` returns mu and log_var as they are, without a draw; `decode` returns logits, "
        "without a sigmoid. Neither stores anything in `self`.",
        "`loss` is what you have already: lecture 05's `reparameterize` turns mu, log_var and eps "
        "into z, and `negative_elbo` above takes the logits of that z.",
        "If the numbers are close and not equal, look at how the deviation comes out of log_var, "
        "and over which axes each of the two terms is summed.",
    ),
    points=3,
    twin="course_utils.vae:BernoulliVAE",
)

BATCH, STEPS, LEARNING_RATE, LATENTS = 64, 500, 4e-3, 4
TOLD, TOLD_RATE = 40, 1e-2  # the steps after which a loss is told from wrong ones
OURS = 5.4  # nats above the truth: the course's own model after the same steps; a test trains it


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    k, b, few = sorted(draw.sizes(3, 3, 9))
    sizes = ((2 * draw.integer(2, 3)) ** 2, k)  # a square of pixels, for who uses convolutions
    for shape, rows in ((sizes, b), ((196, 2), few), ((196, 8), b)):
        modules.at_sizes(partial(check_shapes, f, rows=rows, draw=draw), shape)
    x, other = (pixels(draw, b, sizes[0]) for _ in range(2))
    z, eps = (draw.normal(b, k, dtype=torch.float64) for _ in range(2))
    drawn = (
        "it returns mu and log_var, not a sample, by layers that `__init__` made once; the draw is "
        "made in `loss`, by eps."
    )
    plain = (
        "it returns logits, by layers that `__init__` made once, and no noise is added; dropout is "
        "noise, too."
    )
    modules.check_repeatable(f, sizes, "encode", x.float(), drawn)
    modules.check_repeatable(f, sizes, "decode", z.float(), plain, before=encoded(x.float()))
    modules.check_bottleneck(f, sizes, x.float(), other.float(), z.float())
    modules.check_rows(f, sizes, "encode", x.float())
    modules.check_rows(f, sizes, "decode", z.float())
    check_shapes(f, sizes, 1, draw)
    modules.check_separate(f, sizes, modules.own_loss("loss", x.float(), eps.float()))
    # In single precision: a layer that is not found would not become double with the others.
    modules.check_parameters(f, sizes, "encode", x.float())
    modules.check_parameters(f, sizes, "decode", z.float())
    modules.check_no_table(f, sizes, x)
    check_loss(f, sizes, draw)
    modules.check_learning(f, sizes, modules.own_loss("loss", x, eps))
    check_training(f, draw)


def encoded(x: Tensor) -> tuple[Step, ...]:
    return (call("model.encode", x),)


def pixels(draw: Draw, n: int, d: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Black and white images."""
    return draw.uniform(0, 1, n, d, dtype=dtype).round()


def check_shapes(f: Subject, sizes: Sizes, rows: int, draw: Draw) -> None:
    """The three methods return what the contract says, in float32."""
    d, k = sizes
    x, z = pixels(draw, rows, d, torch.float32), draw.normal(rows, k)
    _, q, logits = f.run(make("model", d, k), call("model.encode", x), call("model.decode", z))
    modules.pair(q, (rows, k), torch.float32, "encode")
    modules.tensor(logits, (rows, d), torch.float32, "decode")
    law(
        not (bool(((logits == 0) | (logits == 1)).all()) and bool((logits == 1).any())),
        "`decode` returns zeros and ones, as behind a threshold or a throw of coins: the logits "
        "themselves are wanted, which say how sure each pixel is.",
        "zeros-and-ones",
    )
    _, value = f.run(make("model", d, k), call("model.loss", x, z))
    modules.tensor(value, (), torch.float32, "loss")


# --- the loss, against wrong ones made of the student's own encoder and decoder ---------------


@dataclass(frozen=True)
class Own:
    """What the student's own networks say of x: the parts of which a loss is made."""

    x: Tensor
    eps: Tensor
    mu: Tensor
    log_var: Tensor
    logits: Tensor  # at z = mu + exp(log_var / 2) eps
    logits_of: dict[str, Tensor]  # at other z, by name
    sign: int = 1  # minus one where eps is handed to `loss` with the other sign

    def nll(self, z: str = "") -> Tensor:
        """Minus the log-likelihood of each image, (B,), at the right z or at one by its name."""
        return -per_sample(log_coin(self.x, self.logits_of[z] if z else self.logits))

    @property
    def kl(self) -> Tensor:
        """Of each latent, (B, K)."""
        return kl(self.mu, self.log_var)

    @property
    def right(self) -> Tensor:
        return self.nll().mean() + self.kl.sum(1).mean()


Loss = Callable[[Own], Tensor]
WRONG_LOSSES: list[tuple[str, str, Loss]] = []  # slug, sentence, the loss; the most telling first


def wrong_loss(slug: str) -> Callable[[Loss], Loss]:
    """Register the decorated function; its docstring is the sentence that the student reads."""

    def register(loss: Loss) -> Loss:
        WRONG_LOSSES.append((slug, " ".join((loss.__doc__ or "").split()), loss))
        return loss

    return register


@wrong_loss("mean-over-pixels")
def _(own):
    """The reconstruction is averaged over the pixels and the KL summed over the latents, so what
    looks like beta = 1 is beta = D. Sum over both, then average over the batch.
    """
    return own.nll().mean() / own.x.shape[1] + own.kl.sum(1).mean()


@wrong_loss("mean-over-everything")
def _(own):
    """Both terms are averaged over all of their axes, pixels here and latents there, which changes
    their balance. Sum over both, then average over the batch.
    """
    return own.nll().mean() / own.x.shape[1] + own.kl.mean()


@wrong_loss("mean-over-latents")
def _(own):
    """The KL is averaged over the latents, where their sum is wanted: only the batch is averaged
    over.
    """
    return own.nll().mean() + own.kl.mean()


@wrong_loss("no-kl")
def _(own):
    """The KL is missing: this is the loss of a plain autoencoder, and its codes follow no prior."""
    return own.nll().mean()


@wrong_loss("no-reconstruction")
def _(own):
    """The reconstruction is missing: this is the KL alone."""
    return own.kl.sum(1).mean()


@wrong_loss("variance-for-deviation")
def _(own):
    """eps is multiplied by the variance, exp(log_var), where the standard deviation belongs:
    exp(log_var / 2).
    """
    return own.nll("exp(log_var) eps").mean() + own.kl.sum(1).mean()


@wrong_loss("no-exp")
def _(own):
    """eps is multiplied by log_var itself: the standard deviation is exp(log_var / 2)."""
    return own.nll("log_var eps").mean() + own.kl.sum(1).mean()


@wrong_loss("sigma-for-log-var")
def _(own):
    """What the encoder returns second is used as the standard deviation throughout: it is the log
    of the variance, and so may have any sign.
    """
    sigma = own.log_var
    return own.nll("log_var eps").mean() + kl(own.mu, sigma.square().log()).sum(1).mean()


@wrong_loss("variance-for-log-var")
def _(own):
    """What the encoder returns second is used as the variance throughout: its logarithm is asked
    for, which may have any sign.
    """
    nll = own.nll("sqrt(log_var) eps").mean()
    return nll + kl(own.mu, own.log_var.clamp(min=0).log()).sum(1).mean()


@wrong_loss("log-var-as-log-std")
def _(own):
    """log_var is used as the log of the standard deviation throughout: it is the log of its
    square.
    """
    return own.nll("exp(log_var) eps").mean() + kl(own.mu, 2 * own.log_var).sum(1).mean()


@wrong_loss("log-var-as-log-std")
def _(own):
    """log_var is the log of the variance when z is drawn, and that of the standard deviation in
    the KL.
    """
    return own.nll().mean() + kl(own.mu, 2 * own.log_var).sum(1).mean()


@wrong_loss("no-noise")
def _(own):
    """z is mu itself and eps is not used: without the noise the code has no width, and its KL buys
    nothing.
    """
    return own.nll("no eps").mean() + own.kl.sum(1).mean()


@wrong_loss("no-deviation")
def _(own):
    """z is mu + eps, as if every code had the deviation 1: eps has the factor exp(log_var / 2)."""
    return own.nll("mu + eps").mean() + own.kl.sum(1).mean()


@wrong_loss("code-ignored")
def _(own):
    """z is eps itself, so that the decoder never hears of x: z = mu + sigma eps."""
    return own.nll("eps").mean() + own.kl.sum(1).mean()


@wrong_loss("exchanged")
def _(own):
    """`encode` returns log_var first and mu second: `return mu, log_var`."""
    exchanged = kl(own.log_var, own.mu).sum(1).mean()
    return own.nll("log_var + exp(mu / 2) eps").mean() + exchanged


@wrong_loss("autoencoder")
def _(own):
    """z is mu itself, and the KL is missing: this is an autoencoder."""
    return own.nll("no eps").mean()


@wrong_loss("elbo-sign")
def _(own):
    """This is the ELBO itself, which is maximised: the negative one is a loss, to be minimised."""
    return -own.right


@wrong_loss("kl-sign")
def _(own):
    """The KL is subtracted from the loss, so that training drives it up: it is a cost like the
    reconstruction.
    """
    return own.nll().mean() - own.kl.sum(1).mean()


@wrong_loss("sum-over-batch")
def _(own):
    """This sums over the batch, so that the loss grows with the batch size: average over it."""
    return own.right * len(own.x)


@wrong_loss("batch-mixed")
def _(own):
    """The reconstruction is summed over the batch and the KL averaged, so the balance of the two
    depends on the batch size.
    """
    return own.nll().sum() + own.kl.sum(1).mean()


@wrong_loss("batch-mixed")
def _(own):
    """The KL is summed over the batch and the reconstruction averaged, so the balance of the two
    depends on the batch size.
    """
    return own.nll().mean() + own.kl.sum()


@wrong_loss("batch-mixed")
def _(own):
    """The reconstruction is averaged over the pixels and the KL summed over batch and latents, so
    the balance of the two depends on both sizes.
    """
    return own.nll().mean() / own.x.shape[1] + own.kl.sum()


@wrong_loss("sigmoid-in-decode")
def _(own):
    """`decode` returns probabilities, and your loss reads them as such: logits are wanted, since
    the sigmoid of a sure pixel is exactly 0 or 1. Leave the sigmoid out, and use a loss that takes
    logits.
    """
    p = own.logits.clamp(1e-300, 1)
    return -per_sample(by_probability(own.x, p)).mean() + own.kl.sum(1).mean()


@wrong_loss("sigmoid-twice")
def _(own):
    """The sigmoid is applied twice: a loss that takes logits applies one itself."""
    p = own.logits.sigmoid()
    return -per_sample(log_coin(own.x, p)).mean() + own.kl.sum(1).mean()


@wrong_loss("squared-error")
def _(own):
    """The reconstruction is a squared error to the probabilities, which belongs to a Gaussian:
    these pixels are Bernoulli.
    """
    return per_sample((own.x - own.logits.sigmoid()).square()).mean() + own.kl.sum(1).mean()


@wrong_loss("squared-error")
def _(own):
    """The reconstruction is a squared error to the logits, which belongs to a Gaussian: these
    pixels are Bernoulli.
    """
    return per_sample((own.x - own.logits).square()).mean() + own.kl.sum(1).mean()


@wrong_loss("sampled-kl")
def _(own):
    """The KL is estimated by the draw, log q(z | x) - log p(z): right on average, and noisier than
    the closed form that is asked for.
    """
    z = own.mu + (own.log_var / 2).exp() * own.eps
    return own.nll().mean() + (z**2 - own.eps**2 - own.log_var).sum(1).mean() / 2


@wrong_loss("kl-not-halved")
def _(own):
    """The KL is twice too large: the factor 1/2 is missing."""
    return own.nll().mean() + 2 * own.kl.sum(1).mean()


@wrong_loss("kl-constant")
def _(own):
    """The KL lacks its -1: where q is the prior it should be zero."""
    return own.nll().mean() + (own.kl + 0.5).sum(1).mean()


@wrong_loss("kl-log-var-sign")
def _(own):
    """log_var has the wrong sign in the KL: where q is narrow its logarithm makes the KL large."""
    return own.nll().mean() + (own.kl + own.log_var).sum(1).mean()


@wrong_loss("kl-reversed")
def _(own):
    """This is the KL from the prior to q: the ELBO holds the one from q to the prior."""
    reverse = ((1 + own.mu**2) * (-own.log_var).exp() - 1 + own.log_var) / 2
    return own.nll().mean() + reverse.sum(1).mean()


@wrong_loss("kl-without-mu")
def _(own):
    """`mu` is missing in the KL: a code far from the origin costs nothing in yours."""
    return own.nll().mean() + kl(0 * own.mu, own.log_var).sum(1).mean()


@wrong_loss("pixels-inverted")
def _(own):
    """Ink and paper are exchanged in the reconstruction, x and 1 - x."""
    return -per_sample(log_coin(1 - own.x, own.logits)).mean() + own.kl.sum(1).mean()


@wrong_loss("arguments-exchanged")
def _(own):
    """The pixels are used as logits and the logits as pixels: look at the order in which `loss`
    hands them on.
    """
    return -per_sample(log_coin(own.logits, own.x)).mean() + own.kl.sum(1).mean()


@wrong_loss("base-two")
def _(own):
    """This is in bits: the course's losses are in nats, by the natural logarithm."""
    return own.right / LOG_2


@wrong_loss("per-dimension")
def _(own):
    """This is divided by the number of pixels: the loss of a whole image is wanted."""
    return own.right / own.x.shape[1]


def check_loss(f: Subject, sizes: Sizes, draw: Draw) -> None:
    """`loss` is the negative ELBO of the object's own encoder and decoder.

    It is asked of an object that has taken some steps, with its own loss: fresh networks may end
    in zeros, where many wrong losses are right.
    """
    d, k = sizes
    rows = 24
    # Images of a few kinds, so that there is something to encode.
    kinds = draw.uniform(0.02, 0.98, 4, d, dtype=torch.float64)
    x = (draw.uniform(0, 1, rows, d, dtype=torch.float64) < kinds.repeat(rows // 4, 1)).double()
    eps = draw.normal(rows, k, dtype=torch.float64)
    stages = [asked_at(f, sizes, steps, x, eps) for steps in (0, TOLD)]
    sign = 1
    if all(_equal(own.right, others[0]) for own, _, others in stages):
        sign = -1  # z = mu - sigma eps is as good a draw: here eps comes with the other sign
        stages = [asked_at(f, sizes, steps, x, eps, sign=sign) for steps in (0, TOLD)]
    check_parts([own for own, _, _ in stages])
    for slug, sentence, loss in WRONG_LOSSES:
        law(not all(_equal(loss(own), value) for own, value, _ in stages), sentence, slug)
    (own, value, others) = stages[-1]
    betas = [float((value - own.nll().mean()) / own.kl.sum(1).mean()) for own, value, _ in stages]
    law(
        not _same_weight(betas),
        f"The KL is multiplied by {betas[-1]:.3g}: in the negative ELBO both terms have weight 1.",
        "kl-weighted",
    )
    weights = [float((value - own.kl.sum(1).mean()) / own.nll().mean()) for own, value, _ in stages]
    law(
        not _same_weight(weights),
        f"The reconstruction is multiplied by {weights[-1]:.3g}: in the negative ELBO both terms "
        "have weight 1.",
        "reconstruction-weighted",
    )
    law(
        own.logits.min() < 0 or own.logits.max() > 1,
        "`decode` returns numbers between 0 and 1 only, as a sigmoid does: logits are wanted, "
        "which may have any sign and size. A loss that takes logits applies the sigmoid itself.",
        "sigmoid-in-decode",
    )
    law(
        not all(_equal(other, value) for other in others),
        "`loss` does not change with `eps`: z = mu + sigma eps is drawn with the eps given.",
        "eps-ignored",
    )
    law(
        all(_equal(own.right, value) for own, value, _ in stages),
        "`loss` is not the negative ELBO of your own `encode` and `decode` for this eps: the "
        "cross-entropy of the pixels at z = mu + sigma eps, summed over them, plus the KL to the "
        "prior, summed over the latents, and their mean over the batch.",
        "wrong-loss",
    )
    check_graph(f, sizes, own)
    check_sure(f, sizes, x, eps, sign)
    for name, part in (("mu", own.mu), ("log_var", own.log_var)):
        law(
            float((part - part.mean(0)).abs().max()) > 1e-9,
            f"After some training `{name}` is the same for every image: it should come out of the "
            "encoder's network, and so depend on x.",
            f"{name.replace('_', '-')}-constant",
        )


def check_graph(f: Subject, sizes: Sizes, own: Own) -> None:
    """The gradient of the loss by eps, which reaches it through z alone, is that of the pixels.

    A detached z has none, and a detached mu or log_var leaves the encoder without its share. What
    a few steps of training change by that is little where the decoder learns fast, so
    `check_learning` alone would let many pass.
    """
    start = make("model", *sizes, seed=3, double=True)
    train = descend("model.loss", own.x, own.eps, steps=TOLD, lr=TOLD_RATE)
    ask = ("model.loss", own.x, own.sign * own.eps)
    one = torch.ones((), dtype=torch.float64)
    *_, (_, by_name) = f.run(start, train, gradients(*ask))
    if all(g is None for _, g in by_name):
        return  # nothing learns at all, and that is told elsewhere
    z = own.mu + (own.log_var / 2).exp() * own.eps
    by_logit = (own.logits.sigmoid() - own.x) / len(own.x)
    *_, (found,) = f.run(start, train, vjp(ask[0], ask[1:], (1,), one))
    *_, (by_z,) = f.run(start, train, vjp("model.decode", (z,), (0,), by_logit))
    expected = own.sign * by_z * (own.log_var / 2).exp()
    law(
        found is None or modules.same(found, expected),  # `eps.detach()` harms nobody
        "The value is right, and what the pixels say does not come back through z: no gradient "
        "reaches the encoder from the reconstruction. Look for `.detach()`, `.data` or "
        "`torch.no_grad()` between `encode` and the logits.",
        "detached-draw",
    )
    heeded = by_z.abs().amax(0) > 0
    if not heeded.any():
        return
    law(
        bool(heeded.all()),
        f"From the logits a gradient comes back to {int(heeded.sum())} of the {len(heeded)} "
        "numbers of a code, not to the others: `decode` should use all of z, none of it detached.",
        "latent-unread",
    )
    # The KL knows nothing of eps: a gradient that stays the same with other noise is its alone.
    *_, (_, others) = f.run(start, train, gradients(ask[0], own.x, -ask[2]))
    deaf = [
        name
        for (name, a), (_, b) in zip(by_name, others, strict=True)
        if a is not None and b is not None and _some_rows_stay(a, b)
    ]
    law(
        not deaf,
        f"The gradient of `{''.join(deaf[:1])}` is that of the KL alone, with none of the "
        "reconstruction in it: mu or log_var is cut off where z is made of them. Look for "
        "`.detach()`, `.data` or `torch.no_grad()`.",
        "detached-draw",
    )


def check_sure(f: Subject, sizes: Sizes, x: Tensor, eps: Tensor, sign: int) -> None:
    """Noise a million times too large makes logits of any size, and the loss stays what it is."""
    own, value, _ = asked_at(f, sizes, TOLD, x, eps, times=1e6, sign=sign)
    law(
        abs(float(own.right - value)) <= 1e-3 * float(own.right.abs()),
        "Where a pixel's logit is large, the loss is not the cross-entropy: the sigmoid rounds to "
        "0 or 1 there, or is clamped. Use the logits themselves, by "
        "`binary_cross_entropy_with_logits` or `softplus`.",
        "overflow",
    )
    low, high = float(own.logits.min()), float(own.logits.max())
    law(
        low < 0 < high,
        f"For codes very far out no logit is {'above' if high <= 0 else 'below'} 0, as behind a "
        "`logsigmoid`, a `softplus` or a SiLU: a logit may have any sign, so the last layer "
        "should be linear.",
        "logits-one-sided",
    )


def check_parts(stages: list[Own]) -> None:
    """What makes many losses equal, before they are compared: a part that is the same for all.

    At every stage: a fresh network may well end in zeros.
    """
    law(
        not all(torch.equal(own.mu, own.log_var) for own in stages),
        "`mu` and `log_var` are the same numbers: the encoder has 2 K outputs, K for each.",
        "one-head",
    )
    law(
        any(float(own.log_var.abs().max()) > 0 for own in stages),
        "`log_var` is zero for every image: how sure it is the encoder should say itself, by K "
        "further outputs.",
        "log-var-constant",
    )
    law(
        any(not modules.same(own.logits, own.logits_of["eps"]) for own in stages),
        "`decode` gives the same logits for every z: the code never reaches them.",
        "z-ignored",
    )
    for name, parts in (
        ("Of `mu` nothing", [own.mu for own in stages]),
        ("Of `log_var` nothing", [own.log_var for own in stages]),
        ("No logit", [own.logits for own in stages]),
    ):
        law(
            not all(float(part.min()) == 0 for part in parts),
            f"{name} is ever negative, and some are 0, as behind a ReLU: the last layer of a "
            "network has no activation.",
            "relu-at-the-end",
        )


def _some_rows_stay(a: Tensor, b: Tensor) -> bool:
    """Is a row of a gradient, which is not zero, the same in another one, but for rounding?"""
    a, b = (part.reshape(len(part) if part.ndim else 1, -1) for part in (a, b))
    size = a.abs().amax(1)
    return bool(((size > 0) & ((a - b).abs().amax(1) <= 1e-12 * size)).any())


def asked_at(
    f: Subject,
    sizes: Sizes,
    steps: int,
    x: Tensor,
    eps: Tensor,
    times: float = 1.0,
    sign: int = 1,
) -> tuple[Own, Tensor, list[Tensor]]:
    """After so many steps: what the networks say of x, the loss at sign times eps, and others.

    The others are the losses at minus that noise, and at the same noise for other rows.
    """
    start: tuple[Step, ...] = (
        make("model", *sizes, seed=3, double=True),
        descend("model.loss", x, eps, steps=steps, lr=TOLD_RATE),
    )
    eps = times * eps
    given = sign * eps
    *_, (mu, log_var), value, again, opposite, turned = f.run(
        *start[: 1 + bool(steps)],
        call("model.encode", x),
        call("model.loss", x, given),
        call("model.loss", x, given),
        call("model.loss", x, -given),
        call("model.loss", x, given.flip(0)),
    )
    modules.tensor(value, (), torch.float64, "loss")
    law(
        float((value - again).abs()) <= 1e-9 * float(value.abs()),
        "`loss` gives another value each time it is asked with the same x and eps: it draws noise "
        "of its own, or it counts how often it was asked, as a warm-up does. The one draw is made "
        "by the `eps` that it is given, and nothing else changes.",
        "own-noise",
    )
    places = {
        "": mu + (log_var / 2).exp() * eps,
        "exp(log_var) eps": mu + log_var.exp() * eps,
        "log_var eps": mu + log_var * eps,
        "no eps": mu,
        "eps": eps,
        "mu + eps": mu + eps,
        "log_var + exp(mu / 2) eps": log_var + (mu / 2).exp() * eps,
        "sqrt(log_var) eps": mu + log_var.clamp(min=0).sqrt() * eps,
    }
    z = torch.cat(list(places.values()))
    *_, logits = f.run(*start[: 1 + bool(steps)], call("model.decode", z))
    logits_of = dict(zip(places, logits.chunk(len(places)), strict=True))
    own = Own(x, eps, mu, log_var, logits_of.pop(""), logits_of, sign)
    return own, value, [opposite, turned]


def _same_weight(weights: list[float]) -> bool:
    """One and the same factor other than 1, at every stage."""
    first, last = weights[0], weights[-1]
    return abs(first - last) < 1e-6 * abs(last) and abs(last - 1) > 1e-2


def _equal(a: Tensor, b: Tensor) -> bool:
    """To six digits: closer than any two of the losses above lie, and wider than rounding."""
    return abs(float(a - b)) <= 1e-6 * max(abs(float(b)), 1e-9)


# --- trained where the truth is known ---------------------------------------------------------


def check_training(f: Subject, draw: Draw) -> None:
    """Trained on small sprites, the bound rises as it should, and not above the truth.

    The bound is made here, of what `encode` and `decode` say: what `loss` says after training
    proves nothing. Two runs that begin alike end alike, so the codes of one are decoded in another,
    which has seen no held-out image.
    """
    world = enumerated_sprites(8)
    images = world.sample(7000, generator=draw.generator)
    x, held_out = images[:6000], images[6000:]
    noise, eps = draw.normal(len(x), LATENTS), draw.normal(len(held_out), LATENTS)
    trained: tuple[Step, ...] = (
        make("model", x.shape[1], LATENTS, seed=draw.integer(1, 10**6)),
        descend("model.loss", x, noise, steps=STEPS, lr=LEARNING_RATE, batch=BATCH),
    )
    *_, (mu, log_var) = f.run(*trained, call("model.encode", held_out))
    one, two = 2 * draw.normal(2, 8, LATENTS)
    probes = torch.cat([one, two, one + two, torch.zeros_like(one)])
    z = torch.cat([mu + (log_var / 2).exp() * eps, probes])
    *_, logits = f.run(*trained, call("model.decode", z))
    logits, (first, second, both, none) = logits[: -len(probes)], logits[-len(probes) :].chunk(4)
    elbo = per_sample(log_coin(held_out, logits)) - kl(mu, log_var).sum(1)
    truth = world.log_prob(held_out)
    missing, error = mean_and_error(truth - elbo)
    p = (x.sum(0) + 1) / (len(x) + 2)
    coins = float(truth.mean() - by_probability(held_out, p).sum(1).mean())
    law(
        missing > -4 * error,
        f"This is not a bound: after training it lies {-missing:.1f} nats above the truth on "
        "images it has not seen, and no model can. Something reaches the decoder past z, or the "
        "KL is not paid in full. More in docs/when_it_does_not_train.md.",
        "above-the-truth",
    )
    law(
        log_var.min() < 0,
        "After training `log_var` is above 0 for every image, so that no code is narrower than the "
        "prior: it seems to come from a softplus, an exponential or a sigmoid. It is a logarithm, "
        "which may have any sign: its last layer should be linear.",
        "log-var-positive",
    )
    law(
        missing < (coins + OURS) / 2 + 4 * error,
        f"The formulas are right, and after {STEPS} steps the model is {missing:.1f} nats above "
        f"the truth, where one coin per pixel is {coins:.1f} and the course's model {OURS}: it "
        "hardly learns. A network without a hidden layer does that, or a very deep or very narrow "
        "one, or a start with large weights, or logits held within bounds, or two hidden layers of "
        "sigmoids; one or two of a hundred SiLU or ReLU units, with nothing behind the last layer, "
        "do not. "
        "More is said in docs/when_it_does_not_train.md.",
        "learns-too-little",
    )
    law(
        float((both - first - second + none).abs().max()) > 1e-3 * float(both.abs().max()),
        "The logits are linear in z (but for a constant), as of a single linear layer, or of "
        "several with nothing between them: put an activation between any two layers.",
        "no-activation",
    )
    law(
        log_var.abs().max() > 1,
        "After training `log_var` lies between -1 and 1 for every image, as behind a tanh, so that "
        "no code is much narrower than the prior: its last layer should be linear.",
        "log-var-bounded",
    )
    law(
        mu.abs().max() > 1,
        "After training `mu` lies between -1 and 1 for every image, as behind a tanh or a sigmoid, "
        "and the prior's deviation is 1: the last layer of the encoder should be linear.",
        "mu-bounded",
    )
