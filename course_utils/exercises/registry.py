"""The registry: every exercise of the course, by name.

A lecture's exercises are the modules of its folder `lectureNN/`; each defines `exercise`.
"""

import difflib
import importlib
import pkgutil
from functools import cache

from .exercise import Exercise


@cache
def _exercises() -> dict[str, Exercise]:
    """All exercises, in the order of the course; found once, by importing their modules.

    Raises:
        ValueError: when two modules define the same exercise.
    """
    here = __name__.rpartition(".")[0]
    package = importlib.import_module(here)
    found = []
    for lecture in pkgutil.iter_modules(package.__path__):
        if lecture.ispkg and lecture.name.startswith("lecture"):
            folder = importlib.import_module(f"{here}.{lecture.name}")
            for module in pkgutil.iter_modules(folder.__path__):
                found_one = importlib.import_module(f"{folder.__name__}.{module.name}")
                if hasattr(found_one, "exercise"):
                    found.append(found_one.exercise)
    by_name = {e.name: e for e in sorted(found, key=lambda e: (e.lecture, e.place, e.name))}
    if len(by_name) < len(found):
        raise ValueError("An exercise is defined by two modules.")
    return by_name


def names() -> list[str]:
    """All exercises, in the order of the course."""
    return list(_exercises())


def get(name: str) -> Exercise:
    """The exercise of that name.

    Raises:
        ValueError: when there is none; the message offers the nearest names.
    """
    if name not in _exercises():
        near = difflib.get_close_matches(str(name), _exercises(), n=2, cutoff=0.5)
        offer = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ValueError(f"There is no exercise '{name}'.{offer}")
    return _exercises()[name]
