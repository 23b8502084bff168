"""What the names of the course's package are inside the sandbox: hollow, whoever calls them.

twin.py writes modules of these. They exist so that a notebook's imports and annotations work;
nothing behind them computes anything.
"""

from collections.abc import Callable, Iterable, Mapping


class Leaning(RuntimeError):
    """An answer, or a cell, has called the course's package."""


def leans(name: str) -> Leaning:
    """The error that every use of a hollow name raises."""
    return Leaning(
        f"`{name}` is not here while answers are judged: an answer stands on torch, numpy and "
        "itself, and calls nothing of `course_utils`."
    )


def function(name: str) -> Callable:
    """A function of that name, module and all, which only raises."""

    def hollow(*_args: object, **_kwargs: object) -> None:
        raise leans(name)

    hollow.__module__, _, hollow.__name__ = name.rpartition(".")
    hollow.__qualname__ = hollow.__name__
    return hollow


class Base:
    """What every hollow class derives from: there are no objects of it."""

    def __new__(cls, *_args: object, **_kwargs: object) -> "Base":
        raise leans(f"{cls.__module__}.{cls.__name__}")


def made_class(
    module: str,
    name: str,
    bases: Iterable[object],
    methods: Iterable[str],
    constants: Mapping[str, object],
    error: type[Exception] | None = None,
) -> type:
    """A class of that name: its methods raise, its constants are there.

    Args:
        bases: hollow classes that it derives from; whatever else is among them is passed over.
        error: the built-in exception that it is, so that `except` knows it.
    """
    kept = tuple(b for b in bases if isinstance(b, type) and issubclass(b, Base | Exception))
    kept = kept or ((error,) if error else (Base,))
    methods = ("__init__", *methods)
    body = {m: function(f"{module}.{name}.{m}") for m in methods} | dict(constants)
    return type(name, kept, body | {"__module__": module})


class Value:
    """A value that only the package could make: every use of it raises."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> "Value":
        if attribute.startswith("_"):
            raise AttributeError(attribute)
        return Value(f"{self._name}.{attribute}")

    def __or__(self, other: object) -> "Value":  # in annotations
        return self

    __ror__ = __or__

    def __getitem__(self, key: object) -> "Value":  # `Pairs[Tensor]`, also in annotations
        return self

    def __iter__(self) -> None:  # type: ignore[override]
        raise leans(self._name)

    def __call__(self, *_args: object, **_kwargs: object) -> None:
        raise leans(self._name)

    __len__ = __bool__ = __float__ = __int__ = __add__ = __mul__ = __sub__ = __iter__
    __radd__ = __rmul__ = __array__ = __call__

    def __repr__(self) -> str:
        return f"<{self._name}: not here while answers are judged>"
