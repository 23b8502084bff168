"""Laws that every class of a model keeps, asked by scripts of calls (sandbox/script.py).

The judge names methods and hands in numbers; what comes back is plain. An architecture is free, so
a class is only ever compared with itself: with the same object asked again, with another row beside
it, with a fresh object that has the same parameters.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from ..sandbox.functions import Raised
from ..sandbox.script import (
    Step,
    build,
    call,
    copy,
    descend,
    gradients,
    make,
    parameters,
    ref,
)
from .contract import Wrong
from .laws import law
from .subject import Subject

WRITTEN_IN = 196  # pixels of the lecture's images: 14 x 14
LATENTS = (8, 2, 3, 4, 10, 16, 1, 5, 6, 7, 9, 12, 20, 32, 64)  # numbers that one writes in
STEPS = 32  # from one code to another
Sizes = tuple[int, ...]  # what the class is made with, data_dim and latent_dim
# A loss of "model": its place in a script, its arguments, and the steps that build it.
Loss = tuple[str, tuple, tuple[Step, ...]]
# Relative differences that only the order of additions explains.
LITTLE = {torch.float64: 1e-6, torch.float32: 1e-5}


def own_loss(method: str, *args: object) -> Loss:
    """A method of the class itself, that returns one number."""
    return f"model.{method}", args, ()


def squared_error(x: Tensor) -> Loss:
    """The squared error of model(x), for a class that has no loss of its own."""
    return "training", (x,), (build("training", "reconstruction", ref("model")),)


def same(a: Tensor, b: Tensor) -> bool:
    """Equal but for rounding, relative to the largest number: both come from one network."""
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    scale = max(float(a.abs().max()), float(b.abs().max()), 1e-30)
    return float((a - b).abs().max()) <= LITTLE.get(a.dtype, 0.0) * scale


def at_sizes(ask: Callable[[Sizes], None], sizes: Sizes) -> None:
    """Ask for something at these sizes; where that fails, look for sizes at which it does not.

    The lecture's images have 196 pixels, and any number of latents may be written in.

    Raises:
        Wrong: where it fails at other sizes than the lecture's only, or in another way.
        Raised: where the class raises at the lecture's sizes, too.
    """
    try:
        return ask(sizes)
    except (Raised, Wrong) as error:
        if error.slug not in ("raises", "wrong-shape"):
            raise
        first = error
    said = f" {first.message}" if isinstance(first, Raised) else ""
    for latents in LATENTS:
        if _works(ask, (WRITTEN_IN, latents)):
            raise Wrong(
                f"With data_dim = {WRITTEN_IN} and latent_dim = {latents} your class works, and "
                f"with {sizes[0]} and {sizes[1]} it does not: a size is written into it as a "
                f"number, where `data_dim` or `latent_dim` belongs.{said}",
                "size-written-out",
            )
    raise first


def _works(ask: Callable[[Sizes], None], sizes: Sizes) -> bool:
    try:
        ask(sizes)
    except (Raised, Wrong):
        return False
    return True


def made(name: str, sizes: Sizes, like: Tensor, seed: int = 0) -> Step:
    """An object in the dtype of a tensor.

    In double precision only after `check_separate`: what objects share would stay double.
    """
    return make(name, *sizes, seed=seed, double=like.dtype == torch.float64)


def tensor(value: object, shape: tuple[int, ...], dtype: torch.dtype, place: str) -> Tensor:
    """What a method returned, if it is a tensor of that shape and dtype, and finite.

    Raises:
        Wrong: otherwise, with one sentence.
    """
    if not isinstance(value, Tensor):
        kind = "None" if value is None else f"a {type(value).__name__}"
        raise Wrong(f"`{place}` should return a tensor, and {kind} came back.", "wrong-type")
    came = tuple(value.shape)
    law(
        came == shape,
        f"`{place}` should return shape {shape}, and {came} came back.",
        "wrong-shape",
    )
    law(
        value.dtype == dtype,
        f"`{place}` returns {value.dtype} where parameters and input are {dtype}: make new tensors "
        "like one that is there, as `torch.zeros_like` does.",
        "wrong-dtype",
    )
    law(
        value.isfinite().all(),
        f"`{place}` returns nan or infinity, although every input is finite: look for a division "
        "by zero, the logarithm of zero, or too large an `exp`.",
        "not-finite",
    )
    return value


def pair(
    value: object, shape: tuple[int, ...], dtype: torch.dtype, place: str
) -> tuple[Tensor, Tensor]:
    """Two tensors of one shape, such as (mu, log_var).

    Raises:
        Wrong: otherwise, with one sentence.
    """
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Wrong(f"`{place}` should return two tensors, `return a, b`.", "wrong-type")
    first, second = (tensor(v, shape, dtype, place) for v in value)
    return first, second


def flat(value: Any) -> Tensor:
    """One matrix of what a method returned: a pair side by side."""
    return torch.cat(list(value), dim=1) if isinstance(value, tuple | list) else value


def check_repeatable(
    f: Subject,
    sizes: Sizes,
    method: str,
    x: Tensor,
    advice: str,
    before: tuple[Step, ...] = (),
) -> None:
    """The same input gives the same numbers twice; `before` is called first."""
    place = f"model.{method}"
    *_, once, again = f.run(made("model", sizes, x), *before, call(place, x), call(place, x))
    law(
        same(flat(once), flat(again)),
        f"`{method}` gives other numbers each time it is asked with the same input: {advice}",
        "random",
    )


def check_rows(f: Subject, sizes: Sizes, method: str, x: Tensor) -> None:
    """Each row's result is its own: it does not change with the rows beside it.

    Of `x` (four rows or more) two are asked alone: of one, batch normalisation raises an error.
    """
    place = f"model.{method}"
    _, every, first, last, turned = f.run(
        made("model", sizes, x),
        call(place, x),
        call(place, x[:2]),
        call(place, x[-2:]),  # the largest number of all is in one of the two pairs at most
        call(place, x.flip(0)),
    )
    every, first, last, turned = flat(every), flat(first), flat(last), flat(turned)
    law(
        same(every[:2], first) and same(every[-2:], last) and same(every.flip(0), turned),
        f"What `{method}` gives for a row changes with the rows beside it, as by batch "
        "normalisation, or by a mean, a maximum, a softmax or a sum over the batch. An image is "
        "explained by itself.",
        "rows-mixed",
    )


def check_parameters(f: Subject, sizes: Sizes, method: str, x: Tensor) -> None:
    """All that makes the numbers is in the parameters: with them, a fresh object gives the same."""
    _, first, _, _, again = f.run(
        made("model", sizes, x, seed=1),
        call(f"model.{method}", x),
        made("twin", sizes, x, seed=2),
        copy("model", "twin"),
        call(f"twin.{method}", x),
    )
    law(
        same(flat(first), flat(again)),
        f"An object that is given the parameters of another one still differs from it in "
        f"`{method}`: a layer is not among the parameters, and never learns. Layers in a plain "
        "list are not found: use `nn.ModuleList` or `nn.Sequential`.",
        "not-registered",
    )


def check_separate(f: Subject, sizes: Sizes, loss: Loss) -> None:
    """Each object has its own parameters: when one learns, the other stays as it is.

    Its inputs are float32, and it comes before anything in double precision.
    """
    place, args, fixture = loss
    _, _, *_, before, _, after = f.run(
        make("model", *sizes, seed=1),
        make("twin", *sizes, seed=2),
        *fixture,
        parameters("twin"),
        descend(place, *args, steps=2, lr=1e-2),
        parameters("twin"),
    )
    law(
        all(torch.equal(a, b) for (_, a), (_, b) in zip(before, after, strict=True)),
        "When one object is trained, another one changes along: they share their layers, as a "
        "default argument or an attribute of the class does. Make the layers in `__init__`.",
        "shared-parameters",
    )


def check_bottleneck(f: Subject, sizes: Sizes, x: Tensor, other: Tensor, z: Tensor) -> None:
    """decode(z) knows z and nothing else: not what `encode` saw before, nor that it saw anything.

    It comes after `decode` behind an `encode` has been found to work and to repeat itself.
    """
    sentence = (
        "`decode` depends on what was encoded before it: something is handed past the code, on "
        "`self`. Nothing but z may reach the decoder."
    )
    _, _, after_x, _, after_other = f.run(
        made("model", sizes, x),
        call("model.encode", x),
        call("model.decode", z),
        call("model.encode", other),
        call("model.decode", z),
    )
    law(same(after_x, after_other), sentence, "bottleneck-bypassed")
    try:
        _, fresh = f.run(made("model", sizes, x), call("model.decode", z))
    except Raised:
        raise Wrong(sentence, "bottleneck-bypassed") from None
    law(same(after_x, fresh), sentence, "bottleneck-bypassed")


def check_no_table(f: Subject, sizes: Sizes, x: Tensor) -> None:
    """From codes that `encode` has given to others, `decode` goes in steps of about one size.

    What is looked up under a code, in a global name or a file, is a jump: no network makes most of
    its way at once. Its inputs are float64, and it comes after `check_separate`.
    """
    model = made("model", sizes, x)
    _, given = f.run(model, call("model.encode", x))
    code = given[0] if isinstance(given, tuple | list) else given
    path = [code + share * (code.flip(0) - code) for share in torch.linspace(0, 1, 1 + STEPS)]
    _, _, *pictures = f.run(
        model, call("model.encode", x), *[call("model.decode", z.to(code)) for z in path]
    )
    steps = [float((b - a).abs().max()) for a, b in pairwise(pictures)]
    rounding = 1e-9 * float(torch.stack(pictures).abs().max())
    law(
        max(steps) <= max(0.3 * sum(steps), rounding),
        "`decode` jumps between codes that are next to each other, at one that `encode` has given: "
        "something is kept there and looked up. Nothing but z may reach the decoder.",
        "bottleneck-bypassed",
    )


def check_learning(f: Subject, sizes: Sizes, loss: Loss, steps: int = 8) -> None:
    """Within a few steps every parameter has moved, and as far as its gradient promises.

    The second part finds a term that is cut out of the graph, whose value is right all the same:
    after one more, tiny step the loss has changed by the sum of gradient times step.
    """
    place, args, fixture = loss
    run: tuple[Step, ...] = (
        make("model", *sizes, double=True),
        *fixture,
        parameters("model"),
        descend(place, *args, steps=steps, lr=1e-2),
        parameters("model"),
        gradients(place, *args, of="model"),
        descend(place, *args, steps=1, lr=1e-7),
        parameters("model"),
        call(place, *args),
    )
    *_, start, _, moved, (before, by_name), _, end, after = f.run(*run)
    still = [name for (name, a), (_, b) in zip(start, moved, strict=True) if torch.equal(a, b)]
    more = f" and {len(still) - 3} more" if len(still) > 3 else ""
    have, them = ("has", "it") if len(still) == 1 else ("have", "them")
    law(
        not still,
        f"After {steps} steps of training `{'`, `'.join(still[:3])}`{more} {have} not moved: no "
        f"gradient reaches {them}. Used at all, and nothing detached on the way?",
        "does-not-learn",
    )
    promised = sum(
        float((g * (b - a)).sum())
        for (_, g), (_, a), (_, b) in zip(by_name, moved, end, strict=True)
        if g is not None
    )
    # The step is so small that curvature changes its promise by less than a thousandth.
    law(
        bool(before.isfinite() and after.isfinite())
        and abs(float(after - before) - promised)
        <= 0.02 * abs(promised) + 1e-12 * abs(float(before)),
        "The value is right and its gradient is not: after a tiny step the loss has changed by "
        "another amount than the gradients say. Something that depends on the parameters is "
        "detached, or made from numbers.",
        "wrong-gradient",
    )
