"""Every example in a docstring of the package runs, and gives what it says."""

import doctest
import importlib
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "course_utils"
WITH_EXAMPLES = sorted(p for p in PACKAGE.rglob("*.py") if ">>> " in p.read_text("utf-8"))


def dotted(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_there_are_examples() -> None:
    assert len(WITH_EXAMPLES) > 5


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=dotted)
def test_examples_hold(path: Path) -> None:
    found = doctest.testmod(importlib.import_module(dotted(path)), optionflags=doctest.ELLIPSIS)
    assert found.attempted and not found.failed, found
