"""10.denoising_loss: the simple loss, a function that is handed the network as a function."""

from typing import cast

import torch
from torch import Tensor

from ...sandbox.fixtures import NoiseGuess
from ...sandbox.script import build, call, gradients, ref
from ..contract import conform, settle
from ..draw import Draw
from ..exercise import Exercise
from ..laws import law, near
from ..subject import Subject
from .noise_levels import noisy, per_sample

exercise = Exercise(
    "10.denoising_loss",
    "predict function, x0 (B, ...), alpha_bars (T,), t (B,), eps (B, ...) -> ()",
    place=6,
    proves="It is the squared error of the noise that `predict` finds in the noisy data, summed "
    "over a sample and averaged over the batch, and `predict` learns from it: for vectors and "
    "images, the first step and the last, one sample, double precision, with the gradients of "
    "the parameters.",
    hints=(
        "Four lines: the noise level of each sample, the noisy sample, what the network says, and "
        "how wrong it is.",
        "`alpha_bars[t]` looks up (B,) numbers at once. Your `diffuse` of this lecture makes x_t; "
        "`predict` is a function, and is called with x_t and t.",
        "The network is to find eps. Sum the squares over all axes but the first (`flatten(1)` "
        "makes one of them), then average over the batch.",
    ),
    twin="course_utils.diffusion:denoising_loss",
)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, c, e = draw.sizes(3, 2, 7)
    # Here a wrong broadcast of (B,) goes through unnoticed. Two images, since a loss is one number,
    # and one number may be right by chance.
    shapes = (b, b), (b, c, b, b), (b, e, b, b)
    answers = [_ask(f, _case(shape, torch.float32, draw), draw) for shape in shapes]
    for asked in answers:
        _judge_value(*asked)
    others = ((1, e), torch.float32), ((b, c), torch.float64)
    for shape, dtype in others:
        asked = _ask(f, _case(shape, dtype, draw), draw)
        _judge_value(*asked)
        answers.append(asked)
    for seed, args, _, _ in answers:
        _judge_gradients(f, seed, args)


Case = tuple[Tensor, Tensor, Tensor, Tensor]
Arguments = tuple[NoiseGuess, Tensor, Tensor, Tensor, Tensor]


def _case(shape: tuple[int, ...], dtype: torch.dtype, draw: Draw) -> Case:
    """x0, alpha_bars, t and eps; all t differ, and two of them are the first step and the last."""
    steps = draw.integer(8, 12)
    bars = (1 - draw.uniform(0.1, 0.4, steps, dtype=dtype)).cumprod(0)
    t = draw.uniform(0, 1, steps).argsort()[: shape[0]]
    if len(t) > 1:
        t[t.argmin()] = 0
        t[t.argmax()] = steps - 1
    return 2 * draw.normal(*shape, dtype=dtype), bars, t, draw.normal(*shape, dtype=dtype)


def _ask(f: Subject, case: Case, draw: Draw) -> tuple[int, Arguments, Tensor, Tensor]:
    """The seed of the fixture `predict`, the arguments with its twin here, and two answers."""
    seed = draw.integer(1, 10**6)
    torch.manual_seed(seed)
    args = (NoiseGuess(), *case)
    made = build("predict", "noise_guess", seed=seed)
    _, *twice = f.run(made, *[call("", ref("predict"), *case)] * 2)
    (first, remark), (again, _) = (settle(value, f.signature, args) for value in twice)
    f.remark = f.remark or remark
    f.calls.append((args, first))
    one, other = (cast(Tensor, conform(value, f.signature, args)) for value in (first, again))
    return seed, args, one, other


def _judge_value(seed: int, args: Arguments, loss: Tensor, again: Tensor) -> None:
    law(
        near(again, loss),
        "Asked twice with the same numbers, the function answers differently: it draws random "
        "numbers of its own. Use the `t` and the `eps` it is given.",
        "own-noise",
    )
    law(
        near(loss, truth(*args).detach()),
        "The loss is not the squared error of predict(x_t, t) as a guess of eps, summed over a "
        "sample and averaged over the batch.",
        "wrong-value",
    )


def _judge_gradients(f: Subject, seed: int, args: Arguments) -> None:
    wanted = torch.autograd.grad(truth(*args), [*args[0].parameters()])
    made = build("predict", "noise_guess", seed=seed)
    _, (_, slopes) = f.run(made, gradients("", ref("predict"), *args[1:], of="predict"))
    law(
        all(slope is not None for _, slope in slopes),
        "No gradient reaches the parameters of `predict`, so nothing could be learned: look for "
        "`.item()`, `.detach()`, `torch.no_grad()` or a new tensor made from numbers.",
        "no-gradient",
    )
    law(
        all(near(slope, want) for (_, slope), want in zip(slopes, wanted, strict=True)),
        "The gradient of the network's parameters is wrong, although the loss is right: is "
        "something cut out of the graph, or counted twice in it?",
        "wrong-gradient",
    )


def truth(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    eps_hat = predict(noisy(x0, alpha_bars[t], eps), t)
    return (eps_hat - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("mean-over-elements")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """This averages over all elements: the squares are summed over a sample, and averaged over the
    batch only."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().mean()


@exercise.mistake("sum-over-batch")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """This sums over the batch, too: the loss is its average."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().sum()


@exercise.mistake("last-axis-only")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Only the last axis is summed: a sample may have more, as an image has."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().sum(-1).mean()


@exercise.mistake("second-axis-only")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """This sums over axis 1 and averages over all others: a sample may have more axes, as an image
    has, and all but the first are summed."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().sum(1).mean()


@exercise.mistake("half")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """There is a half too many: the squared error itself is asked for."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().flatten(1).sum(1).mean() / 2


@exercise.mistake("weighted")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The error is divided by the variance of the noise, which is another loss, that of the score:
    here every step counts alike."""
    error = (predict(noisy(x0, alpha_bars[t], eps), t) - eps).square().flatten(1).sum(1)
    return (error / (1 - alpha_bars[t])).mean()


@exercise.mistake("not-squared")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """These are absolute errors: their squares are wanted, whose best guess is the mean."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).abs().flatten(1).sum(1).mean()


@exercise.mistake("not-squared")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """This is the length of the error: its square is wanted, without the root."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).flatten(1).norm(dim=1).mean()


@exercise.mistake("not-squared")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The errors are summed without a square, so that they cancel."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).flatten(1).sum(1).mean()


@exercise.mistake("square-of-sum")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The errors of a sample are summed before they are squared, so that they cancel: square each
    one first."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - eps).flatten(1).sum(1).square().mean()


@exercise.mistake("sign")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The noise is added to the guess: the error is the difference of the two."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) + eps).square().flatten(1).sum(1).mean()


@exercise.mistake("x0-for-noise")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The prediction is compared with x0: this network is to find the noise."""
    return (predict(noisy(x0, alpha_bars[t], eps), t) - x0).square().flatten(1).sum(1).mean()


@exercise.mistake("state-for-noise")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The prediction is compared with x_t, which it is shown: it is to find the noise in it."""
    x_t = noisy(x0, alpha_bars[t], eps)
    return (predict(x_t, t) - x_t).square().flatten(1).sum(1).mean()


@exercise.mistake("scaled-noise")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The prediction is compared with the noise as it stands in x_t, sqrt(1 - alpha_bar) eps: it
    is eps itself that is to be found."""
    a = alpha_bars[t]
    target = (1 - per_sample(a, x0)).sqrt() * eps
    return (predict(noisy(x0, a, eps), t) - target).square().flatten(1).sum(1).mean()


@exercise.mistake("shown-the-data")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The network is shown x0, in which there is no noise: it sees x_t."""
    return (predict(x0, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("shown-the-noise")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The network is shown eps itself, the answer: it sees x_t."""
    return (predict(eps, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("level-for-time")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """`predict` is called with alpha_bar: here it takes x_t and t."""
    a = alpha_bars[t]
    return (predict(noisy(x0, a, eps), a) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("time-as-share")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """`predict` is called with t / T: here it takes t as it is."""
    x_t = noisy(x0, alpha_bars[t], eps)
    return (predict(x_t, t / len(alpha_bars)) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("time-plus-one")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """`predict` is called with t + 1: here it takes t as it is, counted from 0."""
    return (predict(noisy(x0, alpha_bars[t], eps), t + 1) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("one-level-for-all")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Every sample has the noise of the first one's t: each has its own."""
    a = alpha_bars[t[:1]].expand(len(t))
    return (predict(noisy(x0, a, eps), t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("not-looked-up")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The first B noise levels are taken, whatever t is: look up alpha_bars[t]."""
    a = alpha_bars[: len(x0)]
    return (predict(noisy(x0, a, eps), t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("product-again")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The products are taken once more: `alpha_bars` is what `cumprod` gave already, so look up
    alpha_bars[t]."""
    a = alpha_bars.cumprod(0)[t]
    return (predict(noisy(x0, a, eps), t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("product-again")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """`alpha_bars` is read as betas, by a product of 1 - alpha_bars: it is that product already, so
    look up alpha_bars[t]."""
    a = (1 - alpha_bars).cumprod(0)[t]
    return (predict(noisy(x0, a, eps), t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("off-by-one")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The noise level is that of t - 1: t is an index into alpha_bars, counted from 0."""
    return (predict(noisy(x0, alpha_bars[t - 1], eps), t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("no-roots")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The roots are missing in x_t: alpha_bar and 1 - alpha_bar are variances."""
    a = per_sample(alpha_bars[t], x0)
    x_t = a * x0 + (1 - a) * eps
    return (predict(x_t, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("root-of-root")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The root of alpha_bar is taken twice: alpha_bar is the variance of the signal, its root the
    factor."""
    x_t = noisy(x0, alpha_bars[t].sqrt(), eps)
    return (predict(x_t, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("levels-exchanged")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """Signal and noise are exchanged in x_t: alpha_bar is the share of the signal."""
    x_t = noisy(x0, 1 - alpha_bars[t], eps)
    return (predict(x_t, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("not-per-sample")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The noise levels meet the last axis instead of the batch: give them as many axes of length 1
    as a sample has."""
    a = alpha_bars[t]
    x_t = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (predict(x_t, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("two-axes-only")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """`alpha_bars[t][:, None]` is right for samples that are vectors only: an image needs more
    axes of length 1."""
    a = alpha_bars[t][:, None]
    x_t = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (predict(x_t, t) - eps).square().flatten(1).sum(1).mean()


@exercise.mistake("true-weights")
def _(predict: NoiseGuess, x0: Tensor, alpha_bars: Tensor, t: Tensor, eps: Tensor) -> Tensor:
    """The errors are weighted by the signal-to-noise ratio, as in the bound: the simple loss
    weighs all t alike."""
    a = alpha_bars[t]
    error = (predict(noisy(x0, a, eps), t) - eps).square().flatten(1).sum(1)
    return (a / (1 - a) * error).mean()
