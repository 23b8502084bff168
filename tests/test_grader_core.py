"""The grader's core: honest submissions get their marks, attacks get none and stay inside."""

import importlib
import inspect
import os
import pkgutil
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import as_user
import pytest
import torch
from attack_suite import filled
from attacks import classes, escaping, forging

import course_utils
from course_utils.exercises import judging, registry
from course_utils.grading import marking
from course_utils.grading.marking import Cell, Grader, Limits, Mark, SandboxError, Settings
from course_utils.lectures import is_code, read
from course_utils.sandbox import twin
from course_utils.sandbox import walls as sandbox
from course_utils.sandbox.walls import SandboxReport
from course_utils.sandbox.warm import Quotas

ROOT = Path(__file__).resolve().parents[1]
IS_ROOT = os.geteuid() == 0
QUOTAS = Quotas(memory=1024, processes=24, tmp=16)
LIMITS = Limits(quotas=QUOTAS)  # generous: these tests share the machine with others
SETTINGS = Settings(limits=LIMITS)
HASTY = Settings(
    limits=Limits(cell=2, cells=6, brief=2, call=2, quotas=QUOTAS)
)  # where time does run out
LECTURES = sorted(path.name[:2] for path in (ROOT / "notebooks").glob("*.ipynb"))

Judge = Callable[..., dict[str, Mark]]

RIGHT = """
def mean_and_std(x):
    return x.mean(), x.std(correction=0)
"""


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    report = sandbox.self_test()
    if report.kind == "none":
        under_ci = os.environ.get("CI") == "true"
        (pytest.fail if under_ci else pytest.skip)(report.sentence)
    with Grader(SETTINGS, ROOT) as grader:
        grader.spawn().close()  # it has started
        yield grader


@pytest.fixture(scope="module")
def residents(grader: Grader) -> set[int]:
    """The processes of the sandbox while nobody is judged."""
    time.sleep(0.5)
    return inhabitants(grader._sandbox.process.pid)


@pytest.fixture
def judge(grader: Grader) -> Judge:
    """Judge sources; marks by the exercise's name without its lecture."""

    def judge(
        *sources: str, lecture: str = "00", settings: Settings = SETTINGS, secret: int | None = 1
    ) -> dict:
        grader.settings = settings
        marks = grader.judge([Cell(source) for source in sources], lecture, secret)
        assert [m.exercise for m in marks] == [n for n in registry.names() if n[:2] == lecture]
        return {mark.exercise.split(".")[1]: mark for mark in marks}

    return judge


def notebook(folder: str, lecture: str) -> list[str]:
    (path,) = (ROOT / folder).glob(f"{lecture}_*.ipynb")
    return [cell.source for cell in read(path).cells if is_code(cell)]


def only(marks: dict[str, Mark]) -> Mark:
    (mark,) = marks.values()
    return mark


# --- honest submissions -------------------------------------------------------------------------


@pytest.mark.parametrize("lecture", LECTURES)
def test_the_solutions_get_full_marks(judge: Judge, lecture: str) -> None:
    for name, mark in judge(*notebook("solutions", lecture), lecture=lecture).items():
        assert (mark.status, mark.misconception) == ("ok", ""), mark
        assert mark.points == mark.max_points == registry.get(f"{lecture}.{name}").points


@pytest.mark.parametrize("lecture", LECTURES)
def test_untouched_notebooks_are_not_attempted(judge: Judge, lecture: str) -> None:
    for mark in judge(*notebook("notebooks", lecture), lecture=lecture).values():
        assert (mark.status, mark.points) == ("not attempted", 0)


def test_a_stub_beside_an_answer_is_not_attempted(judge: Judge) -> None:
    answer = [c for c in notebook("solutions", "03") if "def interpolate" in c]
    stubs = [c for c in notebook("notebooks", "03") if "def interpolate" not in c]
    marks = judge(*stubs, *answer, lecture="03")
    assert marks.pop("interpolate").status == "ok"
    assert {(mark.status, mark.message) for mark in marks.values()} == {
        ("not attempted", marking.UNCHANGED)
    }


def test_wrong_answers_are_named_as_in_the_notebook(judge: Judge) -> None:
    mark = only(judge("def mean_and_std(x): return x.mean(), x.std()"))
    assert (mark.status, mark.misconception) == ("wrong", "n-minus-one")
    assert "N - 1" in mark.message and mark.points == 0 and mark.max_points == 1


@pytest.mark.parametrize("body", ["x.numpy().mean(), x.numpy().std()", "[*map(float, (a, b))]"])
def test_right_numbers_in_another_type_are_right(judge: Judge, body: str) -> None:
    prelude = "a, b = x.double().mean(), x.double().std(correction=0)"
    mark = only(judge(f"def mean_and_std(x):\n    {prelude}\n    return {body}"))
    assert (mark.status, mark.points) == ("ok", 1), mark
    assert "Remark: " in mark.message and "instead" in mark.message


OUTCOMES = [
    ("return x.mean(), x.std() * float('nan')", "wrong", "not-finite", "nan"),
    ("return x.mean(), 1 / 0", "error", "raises", "ZeroDivisionError in the line `return"),
    ("return x.half().mean(), x.half().std()", "wrong", "wrong-dtype", "float16"),
    ("raise SystemExit", "error", "raises", "SystemExit"),
    ("return None", "not attempted", "", "None"),
    ("return", "not attempted", "", "None"),
    ("'What is wanted.'", "not attempted", "", "None"),
    ("x.mean(), x.std()", "wrong", "returns-none", "is the `return` missing"),
    ("return print(x), x.std()", "wrong", "returns-none", "first value"),
    ("while True: pass", "timeout", "", "never ends"),
    ("import os; os._exit(0)", "crashed", "", "status 0"),
    ("import ctypes; ctypes.string_at(0)", "crashed", "", "SIGSEGV"),
    ("return torch.ones(1 << 31), x", "error", "memory", "allocate"),
    ("return torch.ones(1 << 24), x", "error", "too-large", "more than 32 MiB"),
    ("return input('mean? '), 0", "error", "raises", "input"),
    ("x -= x.mean(); return x.mean(), x.std()", "wrong", "changes-its-input", "in place"),
]


@pytest.mark.parametrize(("body", "status", "slug", "words"), OUTCOMES)
def test_every_way_to_go_wrong_has_its_status(
    judge: Judge, body: str, status: str, slug: str, words: str
) -> None:
    settings = HASTY if status == "timeout" else SETTINGS
    mark = only(judge(f"import torch\ndef mean_and_std(x):\n    {body}", settings=settings))
    assert (mark.status, mark.points) == (status, 0), mark
    assert re.fullmatch(slug, mark.misconception), mark
    assert re.search(words, mark.message), mark


def test_without_a_gradient_it_is_wrong(judge: Judge) -> None:
    answer = "def gaussian_log_prob(x, mean, cov):\n    from torch.distributions import "
    answer += "MultivariateNormal as M\n    return M(mean, cov).log_prob(x)"
    assert judge(answer, lecture="02")["gaussian_log_prob"].status == "ok"
    mark = judge(answer + ".detach()", lecture="02")["gaussian_log_prob"]
    assert (mark.status, mark.misconception) == ("wrong", "no-gradient")


def test_a_function_that_is_none_or_cannot_be_made(judge: Judge) -> None:
    mark = only(judge("mean_and_std = 3"))
    assert (mark.status, mark.misconception) == ("error", "not-a-function")
    mark = only(judge("def mean_and_std(x:\n    return x"))
    assert mark.status == "error" and "not Python" in mark.message
    mark = only(judge("mean_and_std = 1 / 0"))
    assert mark.status == "error" and "ZeroDivisionError" in mark.message
    mark = only(judge("def mean_and_std(x, y): return x, y"))
    assert (mark.status, mark.misconception) == ("error", "wrong-arguments")
    mark = only(judge("def another(x): return x"))
    assert mark.status == "not attempted" and "no function `mean_and_std`" in mark.message


def test_warnings_and_floods_of_output_cost_nothing(judge: Judge) -> None:
    noisy = (
        "import warnings\nfor i in range(20_000): print('x' * 100)\n"
        "def mean_and_std(x):\n"
        "    warnings.warn('odd')\n    print('y' * 10**7)\n"
        "    return x.mean(), x.std(correction=0)"
    )
    assert only(judge(noisy)).status == "ok"


# --- what is run --------------------------------------------------------------------------------

SHELL = """
%matplotlib inline
%load_ext autoreload
!pip install nothing-of-this-name
%pip install nothing-of-this-name
files = !ls
torch.mean?
%no_such_magic
name = input("Your name? ")
display(torch.ones(3))
"""
TIMED = "%%time\nscale = 1.0"
WIDGET = """
import ipywidgets
ipywidgets.interact(lambda a: print(a), a=(0, 3))
plotting.show(*plotting.figure())
"""
MISSING = "import no_such_package\nimport math as mathematics, no_such_thing as other\nk = 1"
NEEDS = """
def mean_and_std(x):
    return k * scale * x.mean() + mathematics.sin(0), x.std(correction=0)
"""


def test_what_a_notebook_may_hold_besides_python(judge: Judge) -> None:
    mark = only(judge(SHELL, TIMED, WIDGET, MISSING, "def broken(:", "1 / 0", NEEDS))
    assert mark.status == "ok", mark


def test_only_what_depends_on_a_failure_is_lost(judge: Judge) -> None:
    mark = only(judge("count = int(input())", "def mean_and_std(x): return count * x, x"))
    assert mark.status == "error" and "count" in mark.message


def test_the_last_definition_counts(judge: Judge) -> None:
    wrong = "def mean_and_std(x): return x.sum(), x.sum()"
    assert only(judge(wrong, RIGHT)).status == "ok"
    assert only(judge(RIGHT, wrong)).status == "wrong"


def test_an_untouched_stub_does_not_hide_an_answer_above_it(judge: Judge) -> None:
    assert only(judge(RIGHT, *notebook("notebooks", "00"))).status == "ok"


def test_imports_need_not_be_handed_in(judge: Judge) -> None:
    answers = [c for c in reversed(notebook("solutions", "01")) if "BEGIN SOLUTION" in c]
    assert {m.status for m in judge(*answers, lecture="01").values()} == {"ok"}


def a_course(folder: Path) -> Path:
    """A copy of lecture 00 with cells that say whether they were run."""
    from nbformat.v4 import new_code_cell

    from course_utils.lectures import normal_form, to_text

    sources = [
        "import torch\nfactor = 1.0",
        "base = 1.0",
        "half = base * factor\nhelper = half\nran = True",
        "slow = True",
        "def mean_and_std(x):\n    return None",
    ]
    (folder / "notebooks").mkdir(parents=True)
    cells = [new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    (folder / "notebooks" / "00_a.ipynb").write_text(to_text(normal_form(cells, "00")), "utf-8")
    return folder


def test_lecture_cells_are_run_where_an_answer_needs_them(
    grader: Grader, judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grader, "root", a_course(tmp_path))
    monkeypatch.setattr(grader, "_released", {})
    needing = "def mean_and_std(x):\n    return helper * x.mean(), x.std(correction=0)"
    not_needing = (
        "def mean_and_std(x):\n"
        "    assert 'ran' not in globals() and 'slow' not in globals()\n"
        "    helper = slow = 1\n    return x.mean(), x.std(correction=0)"
    )
    hidden = "def mean_and_std(x):\n    return eval('torch').mean(x), x.std(correction=0)"
    assert only(judge(needing)).status == "ok"
    assert only(judge(not_needing)).status == "ok"
    assert only(judge(hidden)).status == "ok"  # imports are run whether they seem needed or not
    through = "mine = helper", "def g(): return mine", needing.replace("helper", "g()")
    assert only(judge(*through)).status == "ok"


# --- one crash costs one exercise ---------------------------------------------------------------


def solved(lecture: str, **instead: str) -> list[str]:
    """The solutions of a lecture, with other bodies for some functions."""
    cells = notebook("solutions", lecture)
    for name, body in instead.items():
        cells.append(f"def {name}(*args):\n    {body}")
    return cells


@pytest.mark.parametrize(
    ("body", "status"), [("import os; os._exit(1)", "crashed"), ("while True: pass", "timeout")]
)
def test_one_crash_costs_one_exercise(judge: Judge, body: str, status: str) -> None:
    settings = HASTY if status == "timeout" else SETTINGS
    marks = judge(*solved("03", discarded_variance=body), lecture="03", settings=settings)
    assert marks.pop("discarded_variance").status == status
    assert {mark.status for mark in marks.values()} == {"ok"}


@pytest.mark.parametrize("line", ["import os; os._exit(3)", "while True: pass", "exit()"])
def test_a_cell_that_ends_badly_costs_only_what_comes_from_it(judge: Judge, line: str) -> None:
    definition = "import math\nk = 2 - 1\n"
    cells = [line, definition + RIGHT + line, "after = 1"]
    cells += ["mean_and_std = mean_and_std if after else None"]
    assert only(judge(*cells, settings=HASTY)).status == "ok"


def test_an_answer_that_a_bad_cell_should_make_has_its_status(judge: Judge) -> None:
    mark = only(judge("while True: pass\nmean_and_std = lambda x: x", settings=HASTY))
    assert mark.status == "wrong"  # it is there: only the loop was lost
    mark = only(
        judge("on = 1\nwhile on: pass\nelse:\n    mean_and_std = lambda x: x", settings=HASTY)
    )
    assert mark.status == "timeout" and "cell with `mean_and_std`" in mark.message
    stubborn = "on = 1\nwhile on:\n    try:\n        while True: pass\n    except: pass\nelse:\n"
    mark = only(judge(stubborn + "    mean_and_std = lambda x: x", settings=HASTY))
    assert mark.status == "timeout" and "cell with `mean_and_std`" in mark.message


def test_a_submission_as_a_whole_has_its_time(judge: Judge) -> None:
    """By the clock: who only sleeps computes nothing. What is not tried out costs nobody a mark."""
    limits = Limits(cell=1, brief=1, call=1, submission=6, quotas=QUOTAS)
    start = time.monotonic()
    cells = ["import time\nfor _ in range(10**6): time.sleep(0.1)"] * 10 + [RIGHT]
    assert only(judge(*cells, settings=Settings(limits=limits))).status == "ok"
    ends = (
        "import os\ndef discarded_variance(*a): os._exit(0)\ninterpolate = pca = discarded_variance"
    )
    limits = Limits(cell=1, brief=1, call=1, submission=0.001, quotas=QUOTAS)
    marks = judge(ends, lecture="03", settings=Settings(limits=limits))
    assert "as a whole" in marks["interpolate"].message
    assert time.monotonic() - start < 60


# --- nothing to steal -----------------------------------------------------------------------------

LEANING = """
def discarded_variance(eigenvalues, k):
    return eigenvalues.sort(descending=True).values[k:].sum()
def reconstruction_loss(x, x_hat):
    from course_utils.autoencoders import discarded_variance
    return (x - x_hat).square().flatten(1).sum(1).mean() + discarded_variance(x[0], 1)
def interpolate(z0, z1, steps):
    from course_utils.autoencoders import interpolate
    return interpolate(z0, z1, steps)
"""


def test_an_answer_that_leans_on_the_package_is_told_so(judge: Judge) -> None:
    marks = judge(LEANING, lecture="03")
    assert marks["discarded_variance"].status == "ok"
    for name in ("reconstruction_loss", "interpolate"):
        mark = marks[name]
        assert (mark.status, mark.misconception) == ("error", "leans-on-the-course"), mark
        assert "stands on torch, numpy and itself" in mark.message


def test_a_name_that_leans_on_the_package_explains_itself(judge: Judge) -> None:
    cells = "from course_utils import densities\nfit = densities.fit_gaussian(1)"
    mark = only(judge(cells, "def mean_and_std(x): return fit.mean, x.std()"))
    assert mark.status == "error" and "stands on torch" in mark.message, mark


def test_constants_of_the_package_and_what_only_names_it_may_be_used(judge: Judge) -> None:
    cells = (
        "from course_utils import densities, plotting, training, vae, widgets\n"
        "from course_utils.densities.base import LOG_2PI\n"
        "from course_utils.exercises import check, hint, progress, yours_or_ours\n"
        "from course_utils.reproducible import begin\n"
        "generator = begin(3)\nhint('00.mean_and_std')\nprogress()",
        "fig, ax = plotting.figure()\nax.plot([1, 2])\nplotting.show(fig, 'Nothing.')",
        "model = training.fit(vae.VAE(1, 2), 3)",
        "def log_likelihood(x, model: vae.VAE, density: densities.Gaussian | None = None): ...",
        "import math, torch\n"
        "def mean_and_std(x):\n"
        "    noise = 0 * torch.randn(len(x), generator=generator).sum()\n"
        "    one = LOG_2PI / math.log(2 * math.pi)\n"
        "    return one * x.mean() + noise, x.std(correction=0)\n"
        "check('00.mean_and_std', mean_and_std)",
        "mean_and_std = yours_or_ours('00.mean_and_std', mean_and_std)",
    )
    assert only(judge(*cells)).status == "ok"


def callables() -> list[str]:
    """Every function, class and method of the package, private ones too, by its dotted name."""
    package, names = str(Path(course_utils.__file__).parent), []

    def written_here(value: object) -> bool:
        inner = getattr(value, "fget", None) or getattr(value, "__func__", value)
        code = getattr(inspect.unwrap(inner), "__code__", None)
        return code is not None and code.co_filename.startswith(package)

    for module in pkgutil.walk_packages(course_utils.__path__, "course_utils."):
        if module.name.split(".")[1] in twin.WITHOUT_TWIN:
            continue
        for name, value in vars(importlib.import_module(module.name)).items():
            if isinstance(value, type) and value.__module__.startswith("course_utils"):
                methods = [m for m, inner in vars(value).items() if written_here(inner)]
                names += [f"{module.name}.{name}{m}" for m in ("", *(f".{m}" for m in methods))]
            elif written_here(value):
                names.append(f"{module.name}.{name}")
    return names


# Calls each, and demands that it says why it does not answer.
CALLS_ALL = """
import importlib, torch
from course_utils.densities import Gaussian
NAMES = {names}
answering, missing = [], []
def reach(name):
    parts = name.split(".")
    for i in range(len(parts) - 1, 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:i]))
        except ImportError:
            continue
        for part in parts[i:]:
            found = getattr(found, part)
        return found
x = torch.ones(3)
for name in NAMES:
    try:
        found = reach(name)
    except AttributeError:
        missing.append(name)
        continue
    for given in ((), (x,), (x, x), (x, 1), (x, x, x), (x, x, x, x)):
        try:
            found(*given)
        except BaseException as error:
            if "stands on torch, numpy and itself" in str(error):
                continue
            answering.append((name, type(error).__name__, str(error)[:50]))
            break
        answering.append((name, "answered"))
        break
def mean_and_std(x):
    raise ValueError(len(NAMES), len(missing), missing[:5], len(answering), answering[:4])
"""
ANSWER_NOTHING = {"course_utils.reproducible.begin"}


def test_no_callable_of_the_package_can_be_reached(judge: Judge) -> None:
    names = [name for name in callables() if name not in ANSWER_NOTHING]
    assert len(names) > 500 and "course_utils.estimates.mean_and_std" in names
    assert any(name.rpartition(".")[2].startswith("_isotropic") for name in names)
    mark = only(judge(CALLS_ALL.replace("{names}", repr(names))))
    assert "ValueError in the line `raise ValueError(len(NAMES)" in mark.message
    assert mark.message.endswith(f": ({len(names)}, 0, [], 0, [])."), mark.message


FINDS_SOURCES = """
import os, sys
found = []
here = [p for p in (*sys.path, "/course", "/site", "/usr/lib", "/usr/local/lib", sys.base_prefix)]
for place in dict.fromkeys(here):
    for folder, folders, files in os.walk(place):
        for name in files:
            path = os.path.join(folder, name)
            if "__editable__" in name or "dist-info" in folder:  # where it was installed from
                continue
            if "course_utils" in path or (name.endswith((".py", ".pyc")) and "course" in path):
                found.append(path)
found = [p for p in found if not p.startswith("/course/course_worker/")]
def mean_and_std(x):
    raise ValueError(len(found), found[:3])
"""


def test_no_source_of_the_course_is_in_the_sandbox(judge: Judge) -> None:
    mark = only(judge(FINDS_SOURCES))
    assert ": (0, [])." in mark.message, mark.message


@pytest.mark.parametrize("place", ["lib/python3.99/site-packages", "dist-packages"])
def test_nor_with_the_course_installed_into_site_packages(tmp_path: Path, place: str) -> None:
    """A plain installation, byte code and all, in a folder that is moved to /site inside."""
    site = tmp_path / place
    shutil.copytree(ROOT / "course_utils", site / "course_utils")
    shutil.copytree(ROOT / "notebooks", tmp_path / "root" / "notebooks")
    (site / "course_utils" / "__pycache__").mkdir(exist_ok=True)
    (site / "course_utils" / "__pycache__" / "estimates.pyc").write_bytes(b"code")
    (tmp_path / "hand_in.py").write_text(FINDS_SOURCES)
    program = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(site)!r})\n"
        "import course_utils\n"
        f"assert course_utils.__file__.startswith({str(site)!r})\n"
        "from course_utils.grading.marking import Cell, Grader\n"
        "from course_utils.sandbox import walls\n"
        f"assert {str(site)!r} in walls.site_folders(), walls.site_folders()\n"
        f"with Grader(root=Path({str(tmp_path / 'root')!r})) as grader:\n"
        "    print(grader.report.failures)\n"
        f"    cell = Cell(Path({str(tmp_path / 'hand_in.py')!r}).read_text())\n"
        "    print(grader.judge([cell], '00')[0].message)\n"
    )
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True
    )
    failures, message = done.stdout.splitlines() or [done.stderr, ""]
    assert failures == "()" and message.endswith(": (0, [])."), done


# --- settings -----------------------------------------------------------------------------------


def test_points_can_be_set(judge: Judge) -> None:
    settings = Settings(limits=LIMITS, points={"00.mean_and_std": 2.5})
    mark = only(judge(RIGHT, settings=settings))
    assert (mark.points, mark.max_points) == (2.5, 2.5)
    mark = only(judge("def mean_and_std(x): return x", settings=settings))
    assert (mark.points, mark.max_points) == (0, 2.5)


def test_a_secret_decides_what_is_drawn(judge: Judge) -> None:
    telling = "def mean_and_std(x): raise ValueError(x[0].item(), torch.rand(()).item())"

    def said(secret: int | None) -> str:
        return only(judge("import torch\n" + telling, secret=secret)).message

    assert said(5) == said(5)
    assert len({said(secret) for secret in (5, 6, None, None)}) == 4


def test_without_a_sandbox_it_refuses_or_is_stamped(monkeypatch: pytest.MonkeyPatch) -> None:
    none = SandboxReport("none", False, "There is no working sandbox here: no bubblewrap.")
    monkeypatch.setattr(marking, "self_test", lambda: none)
    with pytest.raises(SandboxError, match=r"no bubblewrap.*--unsafe"):
        Grader(Settings(), ROOT)
    assert Grader(Settings(unsafe=True), ROOT).report.sentence.startswith("UNSAFE")


@pytest.fixture
def lean(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sandboxes that import little: the tests below start their own."""
    original = sandbox.copy_package

    def copy(folder: Path) -> None:
        original(folder)
        path = folder / "course_worker" / "warm.py"
        path.write_text(
            path.read_text("utf-8").replace("import_everything()\n", "import torch\n"), "utf-8"
        )

    monkeypatch.setattr(sandbox, "copy_package", copy)


@pytest.mark.usefixtures("lean")
@pytest.mark.parametrize("kind", ["fresh", "none"])
def test_it_works_without_a_warm_start_and_without_a_sandbox(
    monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    if kind == "fresh" and (kind := sandbox.self_test().kind) == "none":
        pytest.skip("there is no sandbox here")
    report = SandboxReport(kind, False, "as asked.")
    monkeypatch.setattr(marking, "self_test", lambda: report)
    with Grader(Settings(limits=LIMITS, unsafe=True), ROOT) as grader:
        (mark,) = grader.judge([Cell(RIGHT)], "00")
        (crash,) = grader.judge([Cell("def mean_and_std(x): import os; os._exit(1)")], "00")
    assert (mark.status, crash.status) == ("ok", "crashed")


@pytest.mark.usefixtures("lean")
def test_without_a_warm_start_too_nobody_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    if (kind := sandbox.self_test().kind) == "none":
        pytest.skip("there is no sandbox here")
    monkeypatch.setattr(marking, "self_test", lambda: SandboxReport(kind, False, "as asked."))
    with Grader(SETTINGS, ROOT) as grader:
        first = grader._sandbox
        session = grader.spawn()
        source = escaping.HEAD + escaping.LINGERING
        session.ask(("load", ((source, True),), ()), "plan", 60)
        session.ask(("run", 0, False, 30.0), "ran", 60)
        there = inhabitants(first.process.pid)
        session.close()
    assert len(there) > 5  # the daemons were there
    until = time.monotonic() + 10
    while left := [pid for pid in there if Path(f"/proc/{pid}").exists()]:
        assert time.monotonic() < until, left
        time.sleep(0.02)


@pytest.mark.usefixtures("lean")
def test_scratch_files_count_as_memory() -> None:
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    source = (
        "import time\ndef mean_and_std(x):\n"
        "    for name in ('/' + 'tmp/a', '/dev/shm/a'):\n"
        "        with open(name, 'wb') as file:\n"
        "            for _ in range(250): file.write(bytes(1 << 20))\n"
        "    time.sleep(60)"
    )
    limits = Limits(quotas=Quotas(memory=450, processes=24, tmp=300))
    with Grader(Settings(limits=limits), ROOT) as grader:
        (mark,) = grader.judge([Cell(source)], "00")
    assert mark.status == "crashed" and "more memory" in mark.message, mark


@pytest.mark.usefixtures("lean")
def test_a_sandbox_that_was_ended_is_started_again() -> None:
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    with Grader(SETTINGS, ROOT) as grader:
        grader.spawn().close()
        ended = grader._sandbox
        sandbox.end(ended.process)
        (mark,) = grader.judge([Cell(RIGHT)], "00")
    assert mark.status == "ok" and not ended.folder.exists()


@pytest.mark.usefixtures("lean")
def test_a_child_that_does_not_start_is_nobodys_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    monkeypatch.setattr(marking, "STARTS", 1)
    broken = SETTINGS.limits.quotas.__class__(files=2)  # not even a socket can be opened
    with (
        Grader(Settings(limits=Limits(quotas=broken)), ROOT) as grader,
        pytest.raises(SandboxError, match="No submission can be started"),
    ):
        grader.judge([Cell(RIGHT)], "00")


# --- attacks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", forging.ATTACKS)
def test_a_forgery_earns_nothing(judge: Judge, name: str) -> None:
    mark = only(judge(*forging.ATTACKS[name]))
    assert mark.status != "ok" and mark.points == 0, mark
    assert torch.equal(torch.ones(2) + 1, torch.full((2,), 2.0))  # nothing was patched here


@pytest.mark.parametrize("name", classes.ATTACKS)
def test_a_class_or_a_loop_forges_nothing_and_costs_itself(judge: Judge, name: str) -> None:
    exercise, source, status = classes.ATTACKS[name]
    lecture, function = exercise.split(".")
    beside = "def interpolate(z0, z1, steps):\n    import torch\n"
    beside += "    t = torch.linspace(0, 1, steps, dtype=z0.dtype)[:, None]\n"
    beside += "    return (1 - t) * z0 + t * z1"
    limits = Limits(call=4, exercise=8, quotas=QUOTAS)
    marks = judge(source, beside, lecture=lecture, settings=Settings(limits=limits))
    if lecture == "03":
        assert marks["interpolate"].status == "ok"
    mark = marks[function]
    assert mark.points == 0 and mark.status != "ok", mark
    assert mark.status == status or status.endswith("?"), mark


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Things of the instructor's that an attack looks for, by the names the attacks have."""
    folder = tmp_path_factory.mktemp("instructor")
    (folder / "secret").write_text("of the instructor")
    files = [str(folder / "secret"), str(ROOT / "solutions"), str(ROOT / "tests"), "/etc/passwd"]
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as named:
        name = f"course-{os.getpid()}"
        named.bind(f"\0{name}")
        named.listen()
        yield {
            "FILES": repr(files),
            "FOLDER": repr(str(folder)),
            "PORT": str(server.getsockname()[1]),
            "ABSTRACT": name,
            "PID": str(os.getpid()),
        }
    assert [path.name for path in folder.iterdir()] == ["secret"]


def inhabitants(process: int) -> set[int]:
    """All processes that descend from this one."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(
                (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            )
        except OSError:
            continue
    found = {process}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


@pytest.mark.parametrize("name", escaping.ATTACKS)
def test_an_escape_fails_and_the_answer_is_still_judged(
    grader: Grader, judge: Judge, residents: set[int], outside: dict[str, str], name: str
) -> None:
    """ok: all was tried, nothing worked. Afterwards nobody is left in the sandbox."""
    mark = only(judge(*filled(escaping.ATTACKS[name], outside)))
    assert mark.status == "ok", mark
    wait_for(residents, grader)


def wait_for(residents: set[int], grader: Grader) -> None:
    """Until nobody else is in the sandbox, but not for long."""
    until = time.monotonic() + 10
    while (there := inhabitants(grader._sandbox.process.pid)) != residents:
        assert time.monotonic() < until and there >= residents, (there, residents)
        time.sleep(0.02)


def test_nobody_is_left_after_a_timeout(grader: Grader, judge: Judge, residents: set[int]) -> None:
    mark = only(judge("def mean_and_std(x):\n    while True: pass", settings=HASTY))
    assert mark.status == "timeout"
    wait_for(residents, grader)


def test_submissions_at_the_same_time_do_not_see_each_other(grader: Grader, judge: Judge) -> None:
    first = grader.spawn()
    source = escaping.HEAD + escaping.LEAVES_TRACES
    first.ask(("load", ((source, True),), ()), "plan", 60)
    assert first.ask(("run", 0, False, 30.0), "ran", 60)[0] == ""
    mark = only(judge(*escaping.ATTACKS["finds-traces"]))
    assert mark.status == "ok" and first.open, mark
    mark = only(judge(*escaping.ATTACKS["signals"][:1], "os.kill(-1, 9)", RIGHT))
    assert first.ask(("pick", "nothing", 1), "picked", 60) == ("missing", "")
    first.close()


def test_the_seed_of_the_inputs_is_not_told(judge: Judge, monkeypatch: pytest.MonkeyPatch) -> None:
    seeds, original = [], judging.judge

    def recording(name: str, function: object, seed: int, **kwargs: float) -> object:
        seeds.append(seed)
        return original(name, function, seed, **kwargs)

    monkeypatch.setattr(judging, "judge", recording)
    mark = only(judge("import torch\ndef mean_and_std(x): raise ValueError(torch.initial_seed())"))
    assert re.search(r": \d+\.$", mark.message) and not mark.message.endswith(f": {seeds[0]}.")


FORKS = """
import ctypes, os, socket, time
def forks(count, work):
    for _ in range(count):
        if os.fork() == 0:
            try:
                work()
                time.sleep(60)
            finally:
                os._exit(0)
    time.sleep(60)
def hide():
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # not dumpable: not to be looked into
"""
HOLDS = {
    "bytes": ("kept = b'x' * (200 << 20); time.sleep(60)", "more memory"),
    "hidden bytes": ("hide(); kept = b'x' * (200 << 20); time.sleep(60)", "hid how much"),
    "bytes under a name that is no text": (
        "ctypes.CDLL(None).prctl(15, b'\\xff) \\xfe', 0, 0, 0)\n"
        "    kept = b'x' * (200 << 20); time.sleep(60)",
        "more memory",
    ),
    "pipes": (
        "ends = [os.pipe() for _ in range(55)]\n"
        "    for _, end in ends:\n"
        "        os.set_blocking(end, False)\n"
        "        os.write(end, bytes(1 << 16))\n"
        "    time.sleep(60)",
        "more memory",
    ),
}


@pytest.mark.parametrize("name", HOLDS)
def test_memory_of_all_processes_together_is_limited(judge: Judge, name: str) -> None:
    body, words = HOLDS[name]
    source = f"{FORKS}\ndef hold():\n    {body}\ndef mean_and_std(x):\n    forks(20, hold)"
    mark = only(judge(source))
    assert mark.status == "crashed" and words in mark.message, mark


COMPUTES = {
    "alone": "def mean_and_std(x):\n    while True: pass",
    "in children": "def spin():\n    while True: pass\ndef mean_and_std(x): forks(8, spin)",
    "under a name that is no text": (
        "def mean_and_std(x):\n"
        "    ctypes.CDLL(None).prctl(15, b'\\xff) \\xfe', 0, 0, 0)\n"
        "    while True: pass"
    ),
    "in children nobody waits for": (
        "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
        "def spin():\n"
        "    end = time.process_time() + 0.5\n"
        "    while time.process_time() < end: pass\n"
        "    os._exit(0)\n"
        "def mean_and_std(x):\n"
        "    while True:\n"
        "        if os.fork() == 0: spin()\n"
        "        time.sleep(0.5)"
    ),
}


@pytest.mark.parametrize("name", COMPUTES)
def test_processor_time_of_all_processes_together_is_limited(judge: Judge, name: str) -> None:
    mark = only(judge(FORKS, COMPUTES[name], settings=HASTY))
    assert mark.status == "timeout" and "2 s of computing" in mark.message, mark


def test_who_waits_for_others_is_not_condemned(judge: Judge) -> None:
    """What the clock says counts only after a multiple: here the answer takes 3 s and 2 may."""
    source = "import time\ndef mean_and_std(x):\n    global first\n    if first: time.sleep(3)\n"
    source += "    first = False\n    return x.mean(), x.std(correction=0)\nfirst = True"
    assert only(judge(source, settings=HASTY)).status == "ok"


# --- honest students keep their marks -----------------------------------------------------------

SPINS = (
    "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass\nspun = 1"
)
HONEST = {
    "annotations of the future": [
        "from __future__ import annotations",
        "def mean_and_std(x: Tensor) -> tuple[Unknown, ...]:\n"
        "    return x.mean(), x.std(correction=0)",
    ],
    "seven slow cells before it": [*[SPINS.format(1.5)] * 7, RIGHT],
    "a constant after slow cells": [
        *[SPINS.format(3)] * 4,
        "import math\nHALF: float = math.sqrt(0.25)\nNOTHING = [0.0]",
        "def mean_and_std(x):\n    return 2 * HALF * x.mean() + NOTHING[0], x.std(correction=0)",
    ],
    "a file of its own": [
        "%%writefile helper.py\ndef deviation(x):\n    return x.std(correction=0)",
        "import helper",
        "def mean_and_std(x): return x.mean(), helper.deviation(x)",
    ],
    "the file's cell below the import": [
        "from helper import deviation",
        "def mean_and_std(x): return x.mean(), deviation(x)",
        "%%writefile helper.py\ndef deviation(x):\n    return x.std(correction=0)",
    ],
    "compiled": ["import torch", "@torch.compile" + RIGHT],
    "compiled with options": ["import torch", "@torch.compile(fullgraph=True)" + RIGHT],
    "scripted": [
        "import torch",
        "@torch.jit.script\ndef deviation(x: torch.Tensor) -> torch.Tensor:\n"
        "    return ((x - x.mean()) ** 2).mean().sqrt()",
        "def mean_and_std(x): return x.mean(), deviation(x)",
    ],
    "a helper defined further down": [
        "values = [deviation(torch.ones(2))]",
        "def mean_and_std(x): return x.mean(), deviation(x)",
        "import torch\ndef deviation(x): return x.std(correction=0)",
    ],
    "a table that a loop makes": [
        "table = []\nfor i in range(3): table.append(i)\ntotal = sum(table) / 3\n",
        "def mean_and_std(x): return total * x.mean(), total * x.std(correction=0)",
    ],
    "a slow cell that ends its process": ["import os\n" + SPINS.format(3) + "\nos._exit(1)", RIGHT],
    "a stubborn cell": [
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        RIGHT,
    ],
    "a training loop": [
        "import torch\nmodel = torch.nn.Linear(3, 3)\nfor i in range(10**9):\n"
        "    model(torch.ones(3)).sum().backward()\nlosses = 1",
        RIGHT,
    ],
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_answer_keeps_its_mark(judge: Judge, name: str) -> None:
    """Cells have 2 s here, all together 6, and 2 for what is plain."""
    mark = only(judge(*HONEST[name], settings=HASTY))
    assert (mark.status, mark.points) == ("ok", 1), mark


@pytest.mark.parametrize("name", escaping.HARMLESS)
def test_an_escape_would_be_noticed(outside: dict[str, str], name: str) -> None:
    """Without a sandbox the harmless ones succeed, and are then no right answer."""
    program = "\n".join([*filled(escaping.ATTACKS[name], outside), "mean_and_std(None)"])
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert "RuntimeError: escaped: ['" in done.stderr


@pytest.mark.skipif(not IS_ROOT, reason="the tests run as an ordinary user already")
def test_as_an_ordinary_user() -> None:
    """What differs there: namespaces, and who can end whom. test_grade_suite.py has the rest."""
    if sandbox.self_test().kind == "none":
        pytest.skip("there is no sandbox here")
    chosen = "lingering or fork-bomb or left or same_time or many_processes or warm_start"
    said = as_user.run_tests(__file__, "-k", chosen).splitlines()[-1]
    assert " passed" in said and "skipped" not in said
