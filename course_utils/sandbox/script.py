"""A short script of calls: how a class, a loop or a function of functions is judged from outside.

The judge cannot hold an object that lives with the student's code. It writes a script instead, a
row of steps of plain data; the side that holds the code runs it from an empty table of objects and
sends back one plain value for each step. In a notebook and in the sandbox it runs the same way.

    _, (mu, log_var), logits = f.run(
        make("model", 196, 4, seed=7),     # model = VAE(196, 4) after torch.manual_seed(7)
        call("model.encode", x),
        call("model.decode", z),
    )
    _, _, losses, weights = f.run(
        build("net", "linear", 5, seed=3), # a fixture of fixtures.py, on the student's side
        build("order", "generator", seed=9),
        call("", ref("net"), ..., ref("order")),  # the student's own function
        parameters("net"),
    )

A place is "" for what the student wrote, "model" for an object, "model.encode" for its method. An
object is handed over as an argument by `ref("model")`. A script keeps nothing: the next one starts
afresh, so that a law can make the same object again, and a crash costs one script.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from . import fixtures

Step = tuple  # its kind and its content, plain data: what wire.py carries

MAX_STEPS = 64
MAX_DESCENT = 1000  # steps of the optimiser in one step of the script
REFERENCE = "object named"  # marks a tuple that stands for an object
CHANGES_INPUT = "changes-its-input"


class ScriptError(Exception):
    """The student's object is not what the script needs: one sentence."""

    slug = "not-a-module"


class ChangedInput(ScriptError):
    """A call writes over what it was given."""

    slug = CHANGES_INPUT


def changes_input(who: str, what: str) -> str:
    """The sentence on a call that writes over what it was given."""
    return (
        f"{who} changes {what} in place, so whoever passed it finds other numbers afterwards: "
        "make a new tensor (`x = x + 1`, not `x += 1`)."
    )


# --- writing a script -------------------------------------------------------------------------


def make(name: str, *args: object, seed: int = 0, double: bool = False) -> Step:
    """`name` = the student's class called with args, after `torch.manual_seed(seed)`.

    Its value: a tuple of (parameter's name, shape).
    """
    return "make", name, args, seed, double


def build(name: str, fixture: str, *args: object, seed: int = 0) -> Step:
    """`name` = a fixture, after `torch.manual_seed(seed)`. Its value: None."""
    return "build", name, fixture, args, seed


def call(place: str, *args: object) -> Step:
    """What a call returns, detached."""
    return "call", place, args


def gradients(place: str, *args: object, of: str = "") -> Step:
    """The 0-d value of a call, and its gradient by each parameter of the object `of`.

    Its value: (value, a tuple of (name, gradient or None)). `of` is by default the place's object.
    """
    return "gradients", place, args, of or place.split(".")[0]


def vjp(place: str, args: tuple, wrt: tuple[int, ...], cotangent: Tensor) -> Step:
    """Gradients of sum(cotangent * value) of a call by its arguments `wrt`; None where none comes.

    Of several returned values the first counts.
    """
    return "vjp", place, args, wrt, cotangent


def parameters(name: str) -> Step:
    """The parameters of an object: a tuple of (name, value)."""
    return "parameters", name


def copy(source: str, target: str) -> Step:
    """Give the object `target` the parameters and buffers of `source`. Its value: None."""
    return "copy", source, target


def descend(place: str, *args: object, steps: int, lr: float, batch: int = 0) -> Step:
    """Steps of Adam on the 0-d value of a call, by the place's object's parameters.

    With a `batch` each step sees that many rows of every tensor, in order, from the start again
    when they end. Its value: (steps,) the values before each step.
    """
    return "descend", place, args, steps, lr, batch


def ref(name: str) -> tuple[str, str]:
    """Stands for an object among the arguments of a step."""
    return REFERENCE, name


# --- running it -------------------------------------------------------------------------------


class Run:
    """One run of a script, beside the student's code.

    Args:
        written: the student's class or function.
    """

    def __init__(self, written: Callable):
        self.written = written
        self.objects: dict[str, object] = {}

    def step(self, step: Step) -> object:
        """Carry out one step and return its plain value.

        Raises:
            ScriptError: where an object is not what the step needs.
            Exception: whatever the student's code raises.
        """
        kind, *content = step
        if kind not in KINDS:
            raise ValueError(f"unknown step {kind}")
        return plain(getattr(self, kind)(*content))

    def make(self, name: str, args: tuple, seed: int, double: bool) -> tuple:
        torch.manual_seed(seed)
        made = self.written(*self._given(args))
        module = _module(made, "Your class")
        self.objects[name] = module.double() if double else module
        return tuple((key, tuple(p.shape)) for key, p in module.named_parameters())

    def build(self, name: str, fixture: str, args: tuple, seed: int) -> None:
        torch.manual_seed(seed)
        self.objects[name] = fixtures.FIXTURES[fixture](*self._given(args))

    def call(self, place: str, args: tuple) -> object:
        given = self._given(args)
        tensors = [a for a in given if isinstance(a, Tensor)]
        versions = [a._version for a in tensors]
        value = self.place(place)(*given)
        if [a._version for a in tensors] != versions:
            method = place.partition(".")[2]
            who = f"`{method}` of your class" if method else "Your function"
            raise ChangedInput(changes_input(who, "a tensor that it is given"))
        return value

    def gradients(self, place: str, args: tuple, of: str) -> tuple:
        module = _module(self.objects[of], f"`{of}`")
        module.zero_grad(set_to_none=True)
        value = self.call(place, args)
        named = list(module.named_parameters())
        wanted = [p for _, p in named if p.requires_grad]
        found: list[Tensor | None] = [None] * len(wanted)
        if isinstance(value, Tensor) and value.requires_grad and wanted:
            found = list(torch.autograd.grad(_scalar(value), wanted, allow_unused=True))
        by_parameter = dict(zip(map(id, wanted), found, strict=True))
        return value, tuple((key, by_parameter.get(id(p))) for key, p in named)

    def vjp(self, place: str, args: tuple, wrt: tuple, cotangent: Tensor) -> list:
        given = list(self._given(args))
        for i in wrt:
            given[i].requires_grad_(True)
        value = self.place(place)(*given)
        value = value[0] if isinstance(value, tuple | list) else value
        if not isinstance(value, Tensor) or not value.requires_grad:
            return [None] * len(wrt)
        inputs = [given[i] for i in wrt]
        return list(torch.autograd.grad(value, inputs, cotangent, allow_unused=True))

    def parameters(self, name: str) -> tuple:
        return tuple(_module(self.objects[name], f"`{name}`").named_parameters())

    def copy(self, source: str, target: str) -> None:
        """By name, and nothing else: what a class hands over in `state_dict` stays where it is."""
        parts = _module(self.objects[source], source), _module(self.objects[target], target)
        given, taken = (
            {**dict(part.named_parameters()), **dict(part.named_buffers())} for part in parts
        )
        shapes = [{name: value.shape for name, value in found.items()} for found in (given, taken)]
        if shapes[0] != shapes[1]:
            raise ScriptError("Two objects made with the same sizes have different parameters.")
        with torch.no_grad():
            for name, value in taken.items():
                value.copy_(given[name])

    def descend(self, place: str, args: tuple, steps: int, lr: float, batch: int) -> Tensor:
        module = _module(self.objects[place.split(".")[0]], f"`{place}`")
        learning = [p for p in module.parameters() if p.requires_grad]
        if not learning:
            raise ScriptError(
                "Your module has no parameter that could learn: layers in a plain list are not "
                "found, `nn.Sequential` and `nn.ModuleList` hold them."
            )
        optimiser, values = torch.optim.Adam(learning, lr=lr), []
        for step in range(min(steps, MAX_DESCENT)):
            value = _scalar(self.call(place, _rows(args, step, batch)))
            optimiser.zero_grad()
            if value.requires_grad:
                value.backward()
            optimiser.step()
            values.append(value.detach())
        return torch.stack(values)

    def place(self, place: str) -> Callable:
        """What is called at a place: the student's own function, an object, or its method.

        Raises:
            ScriptError: when an object has no such method.
        """
        name, _, method = place.partition(".")
        if not name:
            return self.written
        found = getattr(self.objects[name], method, None) if method else self.objects[name]
        if not callable(found):
            raise ScriptError(f"Your class has no method `{method}`.")
        return found

    def _given(self, args: tuple) -> tuple:
        """The arguments: objects for their names, and copies of tensors."""
        return tuple(
            self.objects[a[1]]
            if isinstance(a, tuple) and a[:1] == (REFERENCE,)
            else a.detach().clone()
            if isinstance(a, Tensor)
            else a
            for a in args
        )


def _rows(args: tuple, step: int, batch: int) -> tuple:
    """The arguments of one step: `batch` rows of each tensor, or all of them."""
    if not batch:
        return args
    starts = max(1, min((len(a) // batch for a in args if isinstance(a, Tensor)), default=1))
    start = step % starts * batch
    return tuple(a[start : start + batch] if isinstance(a, Tensor) else a for a in args)


KINDS = ("make", "build", "call", "gradients", "vjp", "parameters", "copy", "descend")


def plain(value: object) -> object:
    """The value without its graph; tuples and lists are gone through."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, tuple | list):
        return type(value)(map(plain, value)) if type(value) in (tuple, list) else tuple(value)
    return value


def _module(value: object, what: str) -> nn.Module:
    if not isinstance(value, nn.Module):
        raise ScriptError(f"{what} is no `nn.Module`: write `class ...(nn.Module)`.")
    return value


def _scalar(value: object) -> Tensor:
    if not isinstance(value, Tensor) or value.ndim:
        raise ScriptError("A loss is one number, shape ().")
    return value
