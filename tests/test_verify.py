"""`course verify` finds each way in which a course can be unsound. On a synthetic course."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from course_utils import cli
from course_utils.authoring import build, children, verify
from course_utils.exercises.exercise import Mistake
from course_utils.exercises.results import Result
from course_utils.lectures import LectureError, normal_form, to_text

NAMES = ["01.double"]

IMPORTS = "import math\nfrom functools import reduce\n%matplotlib inline"
EXERCISE = '''\
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    return math.ldexp(x, 1)
    ### END SOLUTION

check("01.double", double)'''
RAISES = "raise RuntimeError('the lecture itself is not run')"

ANSWERS = """
def added(x): return x + x
def times(x): return 2 * x
def shifted(x): return x << 1 if isinstance(x, int) else 2 * x
def same(x): return x
def squared(x): return x * x
def crashes(x): return x[0]
RIGHT = [added, times]
WRONG = [("same", same), ("square", squared), ("exception", crashes)]
"""


INPUTS = (3.0, 5.0, 2.0)  # by seed; at 2, the square looks right


def judge(name: str, function: Callable, seed: int) -> Result:
    """A check of 01.double."""
    x = INPUTS[seed]
    try:
        value = function(x)
    except Exception:
        return Result(name, "error", "It raises.", "exception")
    if value is None:
        return Result(name, "not attempted", "It returns None.")
    if value == 2 * x:
        return Result(name, "passed", "")
    return Result(name, "wrong", "No.", {x: "same", x * x: "square"}.get(value))


def course(
    folder: Path, exercise: str = EXERCISE, answers: str = ANSWERS, file: str = "double.py"
) -> Path:
    for name in ("solutions", "notebooks", "course_utils", "tests/answers"):
        (folder / name).mkdir(parents=True)
    cells = [new_code_cell(source, id=source[:3]) for source in (IMPORTS, RAISES, exercise)]
    path = folder / "solutions" / "01_one.ipynb"
    path.write_text(to_text(normal_form(cells, "01")), "utf-8")
    build.write(folder, build.build_all(folder, NAMES))
    (folder / "tests" / "answers" / "lecture01").mkdir()
    (folder / "tests" / "answers" / "lecture01" / file).write_text(answers, "utf-8")
    return folder


def faults(root: Path, seeds: int = 2, names: list[str] = NAMES) -> list[str]:
    rows, found = verify.verify(root, seeds=seeds, names=names, judge=judge)
    return [*found, *(fault for row in rows for fault in row.faults)]


def test_a_sound_course_is_proven(tmp_path: Path) -> None:
    rows, found = verify.verify(course(tmp_path), seeds=2, names=NAMES, judge=judge)
    (row,) = rows
    assert found == row.faults == []
    assert (row.solution, row.stub) == ("passes", "not attempted")
    assert (row.right, row.wrong) == ((2, 2), (3, 3))
    assert len(row.seconds) == 6  # two seeds of a solution and two right answers
    assert "double" in verify.table(rows, 2) and "1 of 1 checks" in verify.table(rows, 2)


def test_answers_to_an_unknown_exercise_are_named(tmp_path: Path) -> None:
    root = course(tmp_path, file="duble.py")
    assert any("unknown '01.duble'" in fault for fault in faults(root))


def test_a_mistake_must_be_told_its_own_sentence() -> None:
    """A known mistake that another one of the same slug outruns is dead, and said to be."""
    sentences = {3.0: "It is x itself.", 9.0: "It is the square."}

    def judge(name: str, function: Callable, seed: int) -> Result:
        return Result(name, "wrong", sentences[function(3.0)], "wrong")

    mistakes = [
        Mistake("wrong", "It is x itself.", lambda x: x),
        Mistake("wrong", "It is the square, written otherwise.", lambda x: x**2),
    ]
    case = verify.Case("01.double", None, None, mistakes=mistakes)
    row = verify.judge_case(case, judge, range(2))
    assert row.mistakes == (1, 2)
    assert any("should be 'It is the square, written otherwise.'" in f for f in row.faults)


UNSOUND = [
    (
        "return x + x",
        "return x + x + 1",
        "the right answer added should be 'passed'; under seed 0 and 1 more",
    ),
    ("return x * x", "return 2 * x", "the wrong answer squared should be 'square'.*it is passed"),
    ("return x[0]", "return x", r"the wrong answer crashes should be 'exception'.*wrong \(same\)"),
    ("return x[0]", "return None", "wrong answer crashes should be 'exception'.*not attempted"),
    ("[added, times]", "[added]", "fewer than 2 right answers"),
    (', ("exception", crashes)]', "]", "fewer than 3 mistakes and wrong answers"),
]


@pytest.mark.parametrize(("old", "new", "words"), UNSOUND)
def test_unsound_answers_are_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in ANSWERS
    found = faults(course(tmp_path, answers=ANSWERS.replace(old, new)))
    assert any(re.search(words, fault) for fault in found), found


def test_a_wrong_answer_that_one_seed_lets_pass_is_found(tmp_path: Path) -> None:
    (fault,) = faults(course(tmp_path), seeds=3)
    assert "wrong answer squared" in fault and "seed 2 it is passed" in fault


@pytest.mark.parametrize(("slow", "each"), [(-1, 4), (1e9, 20)])
def test_where_a_check_trains_wrong_answers_meet_fewer_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slow: float, each: int
) -> None:
    monkeypatch.setattr(verify, "SLOW", slow)
    judged: list[Callable] = []

    def counting(name: str, function: Callable, seed: int) -> Result:
        judged.append(function)
        return judge(name, function, seed % 2)

    (case,), _ = verify.cases(course(tmp_path), (), NAMES)
    verify.judge_case(case, counting, range(20))
    assert [judged.count(f) for f in case.right] == [20, 20]
    assert [judged.count(f) for _, f in case.wrong] == [each] * 3


def test_several_processes_find_what_one_finds(tmp_path: Path) -> None:
    root, names = course(tmp_path), ["01.double", "01.missing", "01.neither"]
    one, _ = verify.verify(root, seeds=3, names=names, judge=judge)
    several, _ = verify.verify(root, seeds=3, names=names, judge=judge, jobs=2)
    assert [row.exercise for row in several] == names
    assert [row.faults for row in several] == [row.faults for row in one]
    assert several[0].right == (2, 2) and several[0].wrong == (2, 3)


@pytest.mark.skipif(not children.can_fork(), reason="needs a system that can fork")
def test_side_by_side_runs_elsewhere_and_hands_on_what_is_raised() -> None:
    here = os.getpid()

    def work(seconds: float) -> tuple[int, float]:
        time.sleep(seconds)
        return os.getpid(), seconds

    seconds = [0.5, 0.0, 0.5, 0.0]
    found = dict(children.side_by_side(work, seconds, 2))
    assert [found[place][1] for place in range(4)] == seconds
    assert next(iter(found)) == 1  # it was done before the first
    assert len({pid for pid, _ in found.values()} - {here}) == 2
    assert [pid for _, (pid, _) in children.side_by_side(work, [0.0], 1)] == [here]
    with pytest.raises(ZeroDivisionError):
        list(children.side_by_side(lambda x: 1 / x, [1, 0], 2))


@pytest.mark.skipif(not children.can_fork(), reason="needs a system that can fork")
def test_a_child_that_computes_too_long_is_ended_and_told() -> None:
    def busy() -> None:
        while time.process_time() < 4.0:  # a child's clock begins at 0
            pass

    with pytest.raises(LectureError, match=r"takes more than 1 s\."):
        children.forked(busy, 1)


def test_a_wrong_official_solution_is_found(tmp_path: Path) -> None:
    root = course(tmp_path, EXERCISE.replace("ldexp(x, 1)", "ldexp(x, 2)"))
    (fault,) = faults(root)
    assert "01.double: the official solution should be 'passed'" in fault


def test_a_solution_must_not_need_the_lecture(tmp_path: Path) -> None:
    root = course(tmp_path, "two = 2\n\n" + EXERCISE.replace("math.ldexp(x, 1)", "two * x"))
    (fault,) = faults(root)
    assert "the official solution" in fault and "error (exception)" in fault


def test_an_answered_stub_is_found(tmp_path: Path) -> None:
    root = course(tmp_path)
    path = root / "notebooks" / "01_one.ipynb"
    path.write_text(path.read_text("utf-8").replace("return None", "return 2 * x"), "utf-8")
    found = faults(root)
    assert "01_one.ipynb differs" in found[0]
    assert "the untouched stub should be 'not attempted'" in found[1]


def test_missing_parts_are_named(tmp_path: Path) -> None:
    root = course(tmp_path)
    (root / "notebooks" / "01_one.ipynb").unlink()
    assert [fault.split(": ")[0] for fault in faults(root)] == [
        "notebooks/01_one.ipynb is missing",
        "01.double",
    ]
    words = ("no official solution", "no stub", "right answers", "mistakes and wrong")
    found = faults(root, names=[*NAMES, "02.half"])
    assert all(any(word in fault and "02.half" in fault for fault in found) for word in words)


def test_a_refused_source_is_told_and_the_rest_is_still_judged(tmp_path: Path) -> None:
    root = course(tmp_path)
    path = root / "solutions" / "01_one.ipynb"
    path.write_text(path.read_text("utf-8").replace("### END", "### FIN"), "utf-8")
    (fault,) = faults(root)
    assert "01_one.ipynb, cell 3" in fault and "unclosed" in fault


def test_answers_that_cannot_be_imported_are_one_sentence(tmp_path: Path) -> None:
    root = course(tmp_path, answers="import nothing_of_this_name")
    with pytest.raises(LectureError, match=r"lecture01/double.py .* ModuleNotFoundError"):
        faults(root)


def test_only_imports_and_the_function_are_taken_from_a_notebook(tmp_path: Path) -> None:
    course(tmp_path)
    notebook: NotebookNode = verify.read(tmp_path / "solutions" / "01_one.ipynb")
    found = verify.functions(notebook, ["double"])
    assert list(found) == ["double"] and found["double"](3.0) == 6.0
    assert set(found["double"].__globals__) == {"__builtins__", "math", "reduce", "double"}


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from course_utils.exercises import judging, registry

    monkeypatch.setattr(registry, "names", lambda: NAMES)
    monkeypatch.setattr(judging, "judge", judge)
    monkeypatch.setattr(verify, "known_mistakes", lambda name: [])
    root = course(tmp_path)
    monkeypatch.chdir(root / "solutions")  # the root is found from below
    assert cli.main(["verify", "--seeds", "2"]) == 0
    assert "1 exercises verified" in capsys.readouterr().out
    assert cli.main(["verify", "--seeds", "3", "01"]) == 1
    out, err = capsys.readouterr()
    assert "lecture 01" in out and "wrong answer squared" in err and "Traceback" not in err
    assert cli.main(["verify", "08"]) == 1
    assert "There is no lecture '08'" in capsys.readouterr().err
