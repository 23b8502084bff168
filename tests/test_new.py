"""`course new` writes stubs that build, and refuses to write over anything."""

import ast
from pathlib import Path

import pytest

from course_utils import cli, version
from course_utils.authoring import build, new
from course_utils.lectures import LectureError, read

ROOT = Path(__file__).parents[1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("solutions", "notebooks", "course_utils/exercises", "tests/answers"):
        (tmp_path / name).mkdir(parents=True)
    new.lecture(tmp_path, "12", "energy_models")
    return tmp_path


def test_a_lecture_has_ids_slides_and_its_folders(root: Path) -> None:
    notebook = read(root / "solutions" / "12_energy_models.ipynb")
    assert notebook.cells[0].source.startswith("# 12 Energy models")
    assert all(cell.id.startswith("12-") for cell in notebook.cells)
    assert all("slideshow" in c.metadata for c in notebook.cells if c.source.startswith("#"))
    for folder in ("course_utils/exercises", "tests/answers"):
        assert (root / folder / "lecture12" / "__init__.py").exists()
    assert len(build.build_all(root, [])) == 1


def test_an_exercise_is_two_files_and_two_cells(root: Path) -> None:
    said = new.exercise(root, "12.log_z", "energies (S, B), beta float -> (B,)")
    assert "course verify 12" in said
    for folder in ("course_utils/exercises", "tests/answers"):
        text = (root / folder / "lecture12" / "log_z.py").read_text("utf-8")
        ast.parse(text)
        assert "(energies, beta)" in text
    (built,) = build.build_all(root, ["12.log_z"]).values()
    assert "return None" in built and "BEGIN SOLUTION" not in built
    with pytest.raises(LectureError, match="there already"):
        new.exercise(root, "12.log_z", "energies (S, B) -> (B,)")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("12-log_z", "x (N,) -> ()", "is not NN.name"),
        ("12.log_z", "x (N,)", "cannot read the signature"),
        ("13.log_z", "x (N,) -> ()", "There is no lecture '13'"),
    ],
)
def test_what_is_no_exercise_is_refused(root: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(LectureError, match=words):
        new.exercise(root, name, text)


@pytest.mark.parametrize(
    ("number", "name", "words"),
    [("1", "one", "is no lecture"), ("13", "One", "is no lecture"), ("12", "more", "lecture 12")],
)
def test_what_is_no_lecture_is_refused(root: Path, number: str, name: str, words: str) -> None:
    with pytest.raises(LectureError, match=words):
        new.lecture(root, number, name)


def test_the_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["new", "exercise", "12.half", "x (N,) -> (N,)", "--root", str(root)]
    assert cli.main(words) == 0 and "lecture12/half.py" in capsys.readouterr().out
    assert cli.main(words) == 1 and "there already" in capsys.readouterr().err


def test_the_version_names_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out.strip() == f"course {version.version()}"
    assert version.__version__ in (ROOT / "HISTORY.md").read_text("utf-8")


def test_another_code_has_another_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    monkeypatch.setattr(version, "PACKAGE", tmp_path)
    version.digest.cache_clear()
    before = version.digest()
    (tmp_path / "one.py").write_text("x = 2\n")
    version.digest.cache_clear()
    assert version.digest() != before
    version.digest.cache_clear()
