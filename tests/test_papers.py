"""Licences, citation, workflows and forms parse, and agree with the rest of the project."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from course_utils.authoring import release

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import start  # noqa: E402 (it stands in the root, which is no package)

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def jobs() -> list[dict]:
    return [job for path in WORKFLOWS for job in read(path)["jobs"].values()]


def steps() -> list[dict]:
    return [step for job in jobs() for step in job["steps"]]


@pytest.mark.parametrize("path", sorted(GITHUB.rglob("*.yml")), ids=lambda path: path.name)
def test_every_file_for_github_is_yaml(path: Path) -> None:
    assert isinstance(read(path), dict)


def test_the_workflows_run_the_oldest_and_the_newest_python_on_three_systems() -> None:
    (job,) = read(GITHUB / "workflows" / "tests.yml")["jobs"].values()
    matrix = job["strategy"]["matrix"]
    newest = (start.TOO_NEW[0], start.TOO_NEW[1] - 1)
    assert matrix["python"] == [".".join(map(str, v)) for v in (start.OLDEST, newest)]
    assert [system.split("-")[0] for system in matrix["system"]] == ["ubuntu", "macos", "windows"]
    assert not [system for system in matrix["system"] if system.endswith("latest")]
    assert "python start.py test" in [step.get("run") for step in job["steps"]]


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    lines = [line for path in WORKFLOWS for line in path.read_text("utf-8").splitlines()]
    used = [line.strip().removeprefix("- ") for line in lines if "uses:" in line]
    assert len(used) == len([step for step in steps() if "uses" in step]) > 4
    for line in used:
        assert re.fullmatch(r"uses: actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_the_workflows_may_do_no_more_than_they_need() -> None:
    for path in WORKFLOWS:
        assert read(path)["permissions"] in ({}, {"contents": "read"}), path.name
    for job in jobs():
        assert job["timeout-minutes"] <= 90
        if "write" in job.get("permissions", {}).values():
            assert set(job["permissions"]) == {"pages", "id-token"}
            assert [step["uses"].split("@")[0] for step in job["steps"]] == ["actions/deploy-pages"]
    for step in steps():
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"] == {"persist-credentials": False}


def test_what_the_workflows_call_exists() -> None:
    site = [
        step
        for step in read(GITHUB / "workflows" / "site.yml")["jobs"]["build"]["steps"]
        if "run" in step
    ]
    installs, makes, looks = (step["run"] for step in site)
    extra = re.fullmatch(r'python -c "import start; start\.set_up\(\'(\w*)\'\)"', installs)
    assert extra and extra[1] in ("", *PROJECT["optional-dependencies"])
    command, *words = makes.split()
    assert Path(command).name in PROJECT["scripts"]
    (upload,) = [
        s for s in steps() if s.get("uses", "").startswith("actions/upload-pages-artifact@")
    ]
    assert words == ["site", upload["with"]["path"]]
    assert site[-1]["env"]["COURSE_SITE"] == upload["with"]["path"].rstrip("/")
    _, *looked_at = looks.split()
    assert looked_at and all((ROOT / name).is_file() for name in looked_at)
    for step in steps():
        for version in [step.get("with", {}).get("python-version", "")]:
            assert (
                not version
                or "matrix" in version
                or version in SpecifierSet(PROJECT["requires-python"])
            )


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_asks_each_thing_once_and_needs_something(path: Path) -> None:
    form = read(path)
    assert form["name"] and form["description"]
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids)) > 0
    labels = [field["attributes"]["label"] for field in form["body"]]
    assert len(labels) == len(set(labels))
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_three_forms_are_there_and_know_every_way_in() -> None:
    assert [path.stem for path in FORMS] == ["set-up-failure", "wrong-check", "wrong-sentence"]
    (ways,) = [field for field in read(FORMS[0])["body"] if field.get("id") == "way"]
    ways = ways["attributes"]["options"]
    assert {f"python3 start.py {word}" for word in start.WORDS} <= set(ways)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for way in re.findall(r"^- \*\*(\w+)\*\*: ", readme, re.MULTILINE):
        assert way in ways


def test_the_citation_names_this_version_and_nobody_in_private() -> None:
    citation = read(ROOT / "CITATION.cff")
    assert citation["cff-version"] == "1.2.0"
    assert citation["version"] == PROJECT["version"]
    assert citation["authors"] == [{"name": "The authors of the course"}]
    assert citation["license"] == [PROJECT["license"], "CC-BY-4.0"]


def test_text_and_figures_have_a_licence_that_travels_with_them() -> None:
    licence = (ROOT / "LICENSE-text").read_text(encoding="utf-8")
    assert "https://creativecommons.org/licenses/by/4.0/legalcode" in licence
    assert {"LICENSE", "LICENSE-text"} <= set(release.COPIED)
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License\n")
    for text in ((ROOT / "README.md").read_text(encoding="utf-8"), release.README):
        assert "CC BY 4.0 (`LICENSE-text`)" in text


def test_the_development_container_is_set_up_by_start() -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text("utf-8"))
    (version,) = re.findall(r":(3\.\d+)-", container["image"])
    assert version in SpecifierSet(PROJECT["requires-python"])
    assert f"python={version} " in (ROOT / "environment.yml").read_text(encoding="utf-8")
    code = re.fullmatch(r'python3 -c "(.+)"', container["postCreateCommand"])
    calls = [node for node in ast.walk(ast.parse(code[1])) if isinstance(node, ast.Call)]
    assert [ast.unparse(call) for call in calls] == ["start.set_up('')"]
