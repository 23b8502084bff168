"""09.masked_linear: a linear layer in which every entry sees the entries before it only."""

import torch
from torch import Tensor
from torch.nn import functional as F

from ..draw import Draw
from ..exercise import Exercise
from ..laws import check_gradients, law, near
from ..subject import Subject

exercise = Exercise(
    "09.masked_linear",
    "x (B, D), weight (D, D), bias (D,) -> (B, D)",
    place=1,
    proves="Entry d of the result changes with every entry of x before d, by weight[d, k], and "
    "with no other: for few and for 196 entries, a batch of one, double precision, with the "
    "gradients of x, weight and bias.",
    hints=(
        "Without the mask it is a linear layer: out_d = bias_d + sum_k weight[d, k] x_k. Which k "
        "may the sum keep?",
        "Those with k < d. Write down which entries of a 3 x 3 weight are left: row d is the "
        "output, column k the input.",
        "`torch.tril` keeps a lower triangle; look up what its second argument does to the "
        "diagonal. weight is [out, in], as in `torch.nn.Linear`, so x meets its transpose.",
    ),
    twin="course_utils.landscape:masked_linear",
)


def truth(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return F.linear(x, weight.tril(-1), bias)


@exercise.laws
def _(f: Subject, draw: Draw) -> None:
    b, d = draw.sizes(2, 3, 8)
    asked = []
    for batch, size, dtype in (
        (b, d, torch.float32),
        (1, d, torch.float64),
        (d, d, torch.float32),
        (b, 196, torch.float32),
    ):
        x = draw.normal(batch, size, dtype=dtype)
        weight = draw.normal(size, size, dtype=dtype)
        bias = 2 + draw.normal(size, dtype=dtype)
        asked.append((x, weight, bias, f(x, weight, bias)))
    for x, weight, bias, out in asked:
        law(
            near(out[:, 0], bias[0].expand(len(x))),
            "The first entry has nothing before it: it should be bias[0], whatever x is.",
            "first-entry",
        )
        for k in range(0, x.shape[1], 1 + x.shape[1] // 8):
            moved = f(x + torch.eye(x.shape[1])[k].to(x), weight, bias) - out
            law(
                near(moved[:, : k + 1], torch.zeros_like(moved[:, : k + 1]), 1.0),
                f"When x_{k} changes, an entry of the result up to {k} changes too: entry d should "
                "see only the entries before d.",
                "sees-too-much",
            )
            law(
                near(moved[:, k + 1 :], weight[k + 1 :, k].expand(len(x), -1), 10.0),
                f"When x_{k} grows by 1, entry d behind it should grow by weight[d, {k}].",
                "wrong-weight",
            )
        law(
            near(out, truth(x, weight, bias)),
            "Every entry behind the first should be its bias and the weighted sum of all entries "
            "of x before it.",
            "wrong-sum",
        )
    b, d = draw.sizes(2, 3, 8)
    args = draw.normal(b, d), draw.normal(d, d), draw.normal(d)
    names = {0: "x", 1: "weight", 2: "bias"}
    check_gradients(f, args, names, truth, draw.normal(b, d))


@exercise.mistake("sees-itself")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each entry sees itself, too: the diagonal of weight is still there. A model that is shown
    the pixel it has to predict learns to copy."""
    return x @ torch.tril(weight).T + bias


@exercise.mistake("no-mask")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Nothing is masked: every entry sees all of x."""
    return x @ weight.T + bias


@exercise.mistake("sees-what-follows")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each entry sees those after it: the other triangle is wanted."""
    return x @ torch.triu(weight, 1).T + bias


@exercise.mistake("sees-what-follows")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each entry sees itself and those after it: the other triangle is wanted, without its
    diagonal."""
    return x @ torch.triu(weight).T + bias


@exercise.mistake("transposed")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The mask is right and the product is not: weight is [out, in], so x meets its transpose.
    As it is each entry sees those after it."""
    return x @ torch.tril(weight, -1) + bias


@exercise.mistake("transposed")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each entry sees those before it, but with weight[k, d] for weight[d, k]: weight is
    [out, in]."""
    return x @ torch.triu(weight, 1) + bias


@exercise.mistake("transposed")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The product is not with the transpose, and the diagonal is still there: weight is [out, in],
    and no entry sees itself."""
    return x @ torch.tril(weight) + bias


@exercise.mistake("no-bias")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The bias is missing: without it the first entry could only be 0."""
    return x @ torch.tril(weight, -1).T


@exercise.mistake("bias-masked")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The first entry has lost its bias: only the weights are masked."""
    out = x @ torch.tril(weight, -1).T + bias
    return torch.cat([torch.zeros_like(out[:, :1]), out[:, 1:]], 1)


@exercise.mistake("skips-the-last")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The entry just before is left out: entry d sees all of those before it, d - 1 included."""
    return x @ torch.tril(weight, -2).T + bias


@exercise.mistake("one-before")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each entry sees the one just before it only: that is a Markov chain, and all entries before
    it are wanted."""
    only = torch.tril(weight, -1) - torch.tril(weight, -2)
    return x @ only.T + bias


@exercise.mistake("averaged")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The sum over the entries before is divided by their number: a plain sum is wanted."""
    count = torch.arange(x.shape[1]).clamp(min=1).to(x)
    return x @ torch.tril(weight, -1).T / count + bias


@exercise.mistake("squashed")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A sigmoid is applied: the layer returns the numbers before it, the logits."""
    return torch.sigmoid(x @ torch.tril(weight, -1).T + bias)


@exercise.mistake("mask-of-ones")
def _(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The mask itself stands where the masked weights belong: multiply them."""
    return x @ torch.tril(torch.ones_like(weight), -1).T + bias
