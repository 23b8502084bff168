"""The files that say what to install agree with each other: pyproject, constraints, environment."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NEEDED = [Requirement(line) for line in PROJECT["dependencies"]]
ALL_NEEDED = NEEDED + [Requirement(line) for lines in EXTRAS.values() for line in lines]
CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}
PYTORCH_PINS_THESE = re.compile(r"nvidia-|cuda-|triton$")


def pin_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def pins() -> dict[str, Version]:
    """Name -> the one version that constraints.txt allows."""
    requirements = [Requirement(line) for line in pin_lines()]
    return {canonicalize_name(r.name): Version(str(r.specifier)[2:]) for r in requirements}


@pytest.mark.parametrize("line", pin_lines())
def test_a_pin_is_a_name_and_a_version_and_perhaps_a_marker(line: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9A-Za-z.]*( ; .+)?", line), line
    Requirement(line)  # raises where the marker is none


def test_no_name_is_pinned_twice() -> None:
    assert len(pins()) == len(pin_lines())


@pytest.mark.parametrize("requirement", ALL_NEEDED, ids=str)
def test_every_direct_dependency_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    version = pins().get(canonicalize_name(requirement.name))
    assert version is not None, f"{requirement.name} is not in constraints.txt"
    assert version in requirement.specifier


def installed_tree() -> set[str]:
    """Names of all distributions that the course and its tests bring in here."""
    todo = [(requirement.name, requirement.extras) for requirement in ALL_NEEDED]
    seen = set()
    while todo:
        name, extras = todo.pop()
        if (canonicalize_name(name), frozenset(extras)) in seen:
            continue
        seen.add((canonicalize_name(name), frozenset(extras)))
        try:
            lines = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for child in map(Requirement, lines):
            contexts = [{"extra": extra} for extra in ("", *extras)]
            if child.marker is None or any(map(child.marker.evaluate, contexts)):
                todo.append((child.name, child.extras))
    return {name for name, _ in seen}


def test_what_the_dependencies_need_is_pinned_too() -> None:
    missing = {n for n in installed_tree() - pins().keys() if not PYTORCH_PINS_THESE.match(n)}
    assert not missing, f"add to constraints.txt: {sorted(missing)}"


def conda_environment() -> dict:
    return yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))


def test_conda_gets_the_same_names_and_lower_bounds() -> None:
    lines = [line for line in conda_environment()["dependencies"] if isinstance(line, str)]
    conda = {line for line in lines if line != "pip" and not line.startswith("python=")}
    ours = {f"{CONDA_NAMES.get(r.name, r.name)}{r.specifier}" for r in NEEDED}
    assert conda == ours


def test_conda_takes_a_python_that_the_package_allows() -> None:
    # One `=`: Binder reads the version of its base environment from exactly this form.
    (line,) = (x for x in conda_environment()["dependencies"] if str(x).startswith("python="))
    version = re.fullmatch(r"python=(3\.\d+)", line)
    assert version
    assert Version(version.group(1)) in Requirement(f"x{PROJECT['requires-python']}").specifier


def test_conda_uses_conda_forge_alone_and_installs_the_package_itself() -> None:
    environment = conda_environment()
    assert environment["channels"] == ["conda-forge"]
    assert {"pip": ["-e ."]} in environment["dependencies"]
    assert "pip" in environment["dependencies"]
