"""The project reads as one hand: ruff is content, and no file names a machine it was made on."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Why a rule does not hold in a lecture:
NOTEBOOK_IGNORES = {
    "E402": "a lecture may import where the new tool is first needed",
    "B018": "a bare name at the end of a cell displays it",
    "RUF001": "Greek letters and multiplication signs are meant, here as in the package",
    "RUF002": "as above",
    "RUF003": "as above",
}
FOLDERS_NOT_OURS = {".git", ".venv", "build", "dist", "artifacts", "__pycache__"}
# These tests plant such words to see them found.
PLANTED = {f"tests/test_{name}.py" for name in ("style", "execute", "notebooks")}
# A path below one of these folders belongs to one machine. Not after a letter, a dot or a slash,
# where it is part of an address or of a relative path.
MACHINE_PATH = re.compile(r"(?<![\w./~-])/(?:tmp|root|home|work|Users)/\w")
# Hosts of package registries: pip knows its own, and each school has another mirror.
REGISTRY = re.compile(
    r"\b(?:pypi\.org|pypi\.python\.org|pythonhosted\.org|anaconda\.(?:org|com)/"
    r"|registry\.npmjs|deb\.debian\.org|proxy\.golang)"
)
LOCAL_REQUIREMENT = re.compile(r"^\s*\S+ @ file:|^\s*[\w.-]+==[\w.]+\+cpu", re.MULTILINE)
STORED_PICTURE = re.compile(r'"image/\w+": (?:"[^"]*"|\[[^\]]*\])')


def ruff(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ruff", *arguments], cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.parametrize("words", [("check",), ("format", "--check", "--diff")])
def test_ruff_is_content_with_the_python_files(words: tuple[str, ...]) -> None:
    done = ruff(*words, "--no-cache", ".")
    assert done.returncode == 0, done.stdout + done.stderr


def test_ruff_is_content_with_the_lectures() -> None:
    """Only solutions/: notebooks/ is made from them, and its stubs leave names unused."""
    lectures = [str(path) for path in sorted((ROOT / "solutions").glob("*.ipynb"))]
    if not lectures:
        pytest.skip("no lecture yet")
    rules = ("--select=E,F,I,UP,B,RUF", f"--ignore={','.join(NOTEBOOK_IGNORES)}")
    limits = ("--line-length=100", "--target-version=py311")
    # `hint` and its like are imported for the student to call.
    allowed = "lint.pyflakes.allowed-unused-imports = ['course_utils.exercises']"
    settings = ("--isolated", "--no-cache", "--config", allowed)
    done = ruff("check", *settings, *rules, *limits, *lectures)
    assert done.returncode == 0, done.stdout + done.stderr


def our_files() -> list[Path]:
    """What belongs to the project: git's word where there is one, else all but what is made."""
    words = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
        paths = [ROOT / name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an archive, or a machine without git
        paths = [p for p in ROOT.rglob("*") if not is_made(p.relative_to(ROOT))]
    return sorted(p for p in paths if p.is_file())


def is_made(path: Path) -> bool:
    kept = path.parts[0] in (".shipped", ".replaced") or path.match("notebooks/before-*/*")
    made = (n in FOLDERS_NOT_OURS or n.endswith((".egg-info", "_cache")) for n in path.parts)
    return kept or any(made)


def traces(text: str) -> list[str]:
    """What in this text belongs to one machine: its paths, a registry's host, a local wheel."""
    text = STORED_PICTURE.sub("", text)  # base64 may spell anything
    return [
        m.group() for p in (MACHINE_PATH, REGISTRY, LOCAL_REQUIREMENT) for m in p.finditer(text)
    ]


def test_no_file_names_a_machine() -> None:
    found = {}
    for path in our_files():
        try:
            found[str(path.relative_to(ROOT))] = traces(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:  # a picture
            continue
    assert len(found) > 10
    assert {n: words for n, words in found.items() if words and n not in PLANTED} == {}


@pytest.mark.parametrize(
    "text",
    [
        'open("/home/ada/data.npz")',
        "File /root/course/vae.py",
        "see /Users/ada/course",
        "(/tmp/x)",
        "pip install -i https://pypi.org/simple",
        "https://files.pythonhosted.org/packages",
        "course-utils @ file:///somewhere",
        "torch==2.13.0+cpu",
    ],
)
def test_a_trace_is_seen(text: str) -> None:
    assert traces(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://example.org/home/page",
        "course/work/notes",
        "torch==2.13.0",
        '--tmpfs", "/tmp", "--bind',
        '"image/png": "iVBORw0KGgo+/tmp/A"',
    ],
)
def test_what_only_looks_like_one_is_not(text: str) -> None:
    assert traces(text) == []


def test_the_readme_says_which_lectures_exist() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = list(re.finditer(r"^\| (\d\d) \|.*$", readme, re.MULTILINE))
    lectures = sorted((ROOT / "solutions").glob("*.ipynb"))
    assert [row[1] for row in rows] == [path.name[:2] for path in lectures]
    overview = lectures[0].read_text(encoding="utf-8")  # lecture 00 has the map
    for path in lectures[1:]:
        assert f"[{path.name[:2]}]({path.name})" in overview, f"lecture 00 has no {path.name}"
