"""A student's function as a check sees it: something to call, and to differentiate through.

A check never looks inside the function. It calls `f(*args)` and `f.vjp(...)` on a `Subject`,
which asks a `Function` for the numbers and judges their type, shape, dtype and finiteness
by the exercise's signature (contract.py). In a notebook the function is a `LocalFunction`; a grader
puts in its place one that sends plain data to another process.
"""

from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ..sandbox.functions import Function, Raised, method_of, nothing
from ..sandbox.script import CHANGES_INPUT, Step, changes_input
from .contract import Wrong, conform, settle
from .signature import Signature

DOUBLE = (
    "(Your class is tried in double precision, too, after `.double()`: turn nothing into float32, "
    "and make new tensors in the dtype of one that is there.)"
)


class NotAttempted(Exception):
    """The function is a stub that returns None, or the method of that name is."""

    def __init__(self, method: str = ""):
        super().__init__(method)
        self.method = method


@dataclass
class Subject:
    """The function under test, with a record of every call for the diagnosis afterwards."""

    function: Function
    signature: Signature
    calls: list[tuple[tuple, object]] = field(default_factory=list)
    remark: str | None = None  # what to write instead, where a value came in another type

    def __call__(self, *args: object) -> Any:  # what it is, the signature says
        """Call the student's function; the returned value fits the signature.

        Raises:
            NotAttempted: when it returns None.
            Raised: when it raises.
            Wrong: when type, shape, dtype or finiteness are not as the signature says.
        """
        reply = self.function.call(args)
        value = reply.value
        if nothing(value):
            raise NotAttempted
        value, remark = settle(value, self.signature, args)
        self.remark = self.remark or remark
        self.calls.append((args, value))
        if reply.changed_inputs:
            name = self.signature.arguments[reply.changed_inputs[0]].name
            raise Wrong(changes_input("Your function", f"its input `{name}`"), CHANGES_INPUT)
        return conform(value, self.signature, args)

    def run(self, *steps: Step) -> list:
        """The values of a script of calls: for classes, loops and functions of functions.

        Raises:
            NotAttempted: when a call of the script returns None, as a stub's methods do.
            Raised: when the student's code raises.
        """
        try:
            values = self.function.run(steps)
        except Raised as error:
            if "same dtype" in error.message and any(s[0] == "make" and s[-1] for s in steps):
                raise Raised(f"{error.message} {DOUBLE}", error.slug) from None
            raise
        if values and steps[len(values) - 1][0] == "call" and nothing(values[-1]):
            place = str(steps[len(values) - 1][1])
            raise NotAttempted(method_of(place))
        if len(values) != len(steps):
            raise Wrong("A script of calls was not carried out to its end.")
        return values

    def vjp(
        self, args: tuple, wrt: tuple[int, ...], cotangent: Tensor | tuple[Tensor, ...]
    ) -> list[Tensor | None]:
        """Gradients of sum(cotangent * f(*args)) for the arguments at positions `wrt`.

        None stands for an argument that no gradient reaches. A function that returns several
        tensors takes a cotangent for each.
        """
        gradients = self.function.vjp(args, wrt, cotangent)
        for i, gradient in zip(wrt, gradients, strict=True):
            if gradient is not None and not _fits(gradient, args[i]):
                raise Wrong("A gradient has another shape than its argument.", "wrong-gradient")
        return gradients


def _fits(gradient: object, argument: Any) -> bool:
    if not isinstance(gradient, Tensor):
        return False
    return gradient.shape == argument.shape and gradient.dtype == argument.dtype
