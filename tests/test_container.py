"""The container for grading agrees with the project that it installs. It is not built here."""

import inspect
import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from course_utils import cli

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import start  # noqa: E402 (it stands in the root, which is no package)

FILE = (ROOT / "container" / "Containerfile").read_text(encoding="utf-8")
STEPS = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", FILE, flags=re.MULTILINE)).splitlines()
COPIED = [word for step in STEPS if step.startswith("COPY ") for word in step.split()[1:-1]]
COMMENT = "\n".join(line[2:] for line in FILE.splitlines() if line.startswith("# "))


def test_its_python_is_that_of_the_course() -> None:
    (version,) = re.findall(r"^FROM python:(3\.\d+)-slim-\w+$", FILE, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert version in SpecifierSet(project["requires-python"])
    assert f"python={version} " in (ROOT / "environment.yml").read_text("utf-8")


@pytest.mark.parametrize("name", COPIED)
def test_what_it_copies_is_there_and_not_ignored(name: str) -> None:
    assert (ROOT / name).exists()
    ignored = (ROOT / "container" / "Containerfile.dockerignore").read_text("utf-8").splitlines()
    assert f"!{name}" in ignored


def test_it_is_installed_by_start_with_the_pinned_versions() -> None:
    assert "import start; start.set_up('')" in FILE
    assert list(inspect.signature(start.set_up).parameters) == ["extra"]
    assert "--constraint=constraints.txt" in inspect.getsource(start.pip)
    needed = set(re.findall(r'"([\w.]+\.(?:toml|txt|py))"', inspect.getsource(start.recipe)))
    assert needed and needed <= set(COPIED)  # else set_up could not say what it installed


def test_students_code_never_runs_as_root() -> None:
    users = [step.split()[1] for step in STEPS if step.startswith("USER ")]
    assert users and users[-1] != "root"
    last_run = max(i for i, step in enumerate(STEPS) if step.startswith("RUN "))
    assert STEPS.index(f"USER {users[-1]}") > last_run


def test_the_documented_command_is_one_that_course_takes() -> None:
    command = re.sub(r"\\\n\s*", " ", COMMENT)
    words = shlex.split(re.search(r"docker run .*", command)[0])
    entry = next(step for step in STEPS if step.startswith("ENTRYPOINT "))
    entry = re.findall(r'"([^"]+)"', entry)
    after = words[words.index("course") + 1 :]
    options = cli.parser().parse_args([*entry[1:], *after])
    assert options.run is cli.run_grade and options.root == Path("/srv/course")
    assert entry[0] == f"{options.root}/.venv/bin/course"
    assert not {"--privileged", "--unsafe"} & set(words)
