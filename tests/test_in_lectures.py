"""What passes its check holds where the lecture uses it: on a small lecture, and in all of ours."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from nbformat.v4 import new_code_cell

from course_utils.authoring import in_lectures
from course_utils.lectures import find_root, normal_form, sources, to_text

ROOT = find_root(Path(__file__))
CELLS = [
    "import torch\nfrom course_utils.exercises import check, yours_or_ours",
    "x = torch.arange(7777.0)",
    "def mean_and_std(x):\n    return x.mean(), x.std(correction=0)\n\n"
    'check("00.mean_and_std", mean_and_std)',
    'measure = yours_or_ours("00.mean_and_std", mean_and_std)\nm, s = measure(x)',
    "elsewhere = open(seen, 'a').write('run')",  # nothing here depends on the answer
    "assert abs(float(m) - 3888) < 1, m\nlast = m",
    'raise RuntimeError("longer training, which is not run")',
]


def right(x: torch.Tensor) -> tuple:
    return x.mean(), x.std(correction=0)


def at_length(n: int, what: Callable[[tuple], object]) -> Callable:
    """A right answer, but for inputs of length n."""

    def answer(x: torch.Tensor) -> object:
        return what(right(x)) if len(x) == n else right(x)

    return answer


@pytest.fixture
def lecture(tmp_path: Path) -> Path:
    cells = [new_code_cell(source, id=f"cell-{i}") for i, source in enumerate(CELLS)]
    cells[1].source += f"\nseen = {str(tmp_path / 'seen')!r}"
    cells[-1].metadata["tags"] = ["trained"]
    path = tmp_path / "00_one.ipynb"
    path.write_text(to_text(normal_form(cells, "00")), "utf-8")
    return path


def outcomes(path: Path, *answers: Callable, own: bool = False) -> list[in_lectures.Outcome]:
    given = [(f"answer {i}", f, own) for i, f in enumerate(answers)]
    usual, *found = in_lectures.verify_lecture(path, lambda name: given)
    assert usual.faults == []
    return found


def test_right_answers_hold_in_the_cells_that_use_them(lecture: Path) -> None:
    first, second = outcomes(lecture, right, right)
    assert first.faults == second.faults == []
    assert first.cells == 3  # the exercise's, the one that uses it, and the one that uses that
    assert not (lecture.parent / "seen").exists()
    line = in_lectures.line(lecture, [first, first, second])
    assert "2 of   2 answers hold, in    6 runs of cells" in line


def test_the_packages_own_version_is_ours(lecture: Path) -> None:
    from course_utils.estimates import mean_and_std

    (found,) = outcomes(lecture, mean_and_std, own=True)
    assert found.faults == [] and found.cells == 3


@pytest.mark.parametrize(
    ("what", "words"),
    [
        (lambda pair: (pair[0] * torch.nan, pair[1]), "`m` becomes nan"),
        (lambda pair: (pair[0] + 2, pair[1]), "fails with AssertionError"),
        (lambda pair: pair[0].no_such_thing, "fails with AttributeError"),
        (lambda pair: os._exit(3), "ends with status 3"),
    ],
)
def test_what_passes_the_check_and_fails_there_is_named(
    lecture: Path, what: Callable, words: str
) -> None:
    """The check draws no input of this length; the lecture has one."""
    found, beside = outcomes(lecture, at_length(7777, what), right)
    assert any(words in fault and "answer 0" in fault for fault in found.faults), found.faults
    assert beside.faults == []


def test_an_answer_that_does_not_pass_is_named(lecture: Path) -> None:
    (found,) = outcomes(lecture, lambda x: (x.mean(), x.std()))
    assert "does not pass there" in found.faults[0] and "N - 1" in found.faults[0]


def test_nan_is_found_in_what_a_cell_sets() -> None:
    nan = float("nan")
    for value in (nan, torch.tensor([1, nan]), [1.0, {"a": torch.tensor(nan)}], (nan,)):
        assert in_lectures.has_nan(value)
    for value in (1.0, torch.ones(2), torch.ones(2, dtype=torch.int64), "nan", None, [[[nan]]]):
        assert not in_lectures.has_nan(value)


def test_all_at_once_is_one_run_of_the_lecture(lecture: Path) -> None:
    """Another answer to every exercise; only what training needs no exercise is left out."""
    found = in_lectures.verify_together(lecture, lambda name: [("a", right, False)])
    assert found.faults == [] and found.cells == 5
    bad = at_length(7777, lambda pair: (pair[0], pair[1] * torch.nan))
    found = in_lectures.verify_together(lecture, lambda name: [("a", bad, False)])
    assert any("`s` becomes nan" in fault for fault in found.faults)


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: path.stem)
def test_other_right_answers_hold_in_their_lecture(path: Path) -> None:
    """One to each exercise; `course verify --lectures` puts in all, each alone."""
    assert in_lectures.verify_together(path, in_lectures.answers_of(ROOT)).faults == []


@pytest.mark.parametrize("path", sources(ROOT), ids=lambda path: path.stem)
def test_every_exercise_is_used_in_its_lecture(path: Path) -> None:
    plans = in_lectures.Lecture(path, quick=False).plans
    assert [plan.exercise for plan in plans if plan.first == plan.place] == []
