"""The time limit counts computing, and whatever it stops, the process stays sound."""

import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest

from course_utils.exercises import judging
from course_utils.sandbox import timelimit

ROOT = Path(__file__).parents[1]


def spin(seconds: float = 60.0) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_work_in_time_gives_its_value_or_its_error() -> None:
    assert timelimit.run(lambda: 3, 5) == 3
    with pytest.raises(ZeroDivisionError):
        timelimit.run(lambda: 1 / 0, 5)


def test_waiting_is_not_computing() -> None:
    """Sleep beyond the limit of a second is within six times that by the clock."""
    assert timelimit.run(lambda: time.sleep(1.5), 1.0) is None


@pytest.mark.parametrize(
    ("work", "words"), [(spin, "0 s of computing"), (lambda: time.sleep(60), "1 s")]
)
def test_computing_and_endless_waiting_are_stopped(work, words) -> None:
    with pytest.raises(timelimit.TimeLimitExceeded) as stopped:
        timelimit.run(work, 0.2)
    assert stopped.value.after == words


def test_the_clock_is_that_of_the_worker_alone() -> None:
    """It stands still while the worker waits and another thread computes."""
    clocks, done = [], threading.Event()

    def work() -> None:
        clocks.append(timelimit._clock_of_this_thread())
        done.wait()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        while not clocks:
            time.sleep(0.01)
        before = clocks[0]()
        spin(0.3)
        assert clocks[0]() - before < 0.1
    finally:
        done.set()
        worker.join()


def test_streams_and_warning_filters_come_back_from_a_worker_that_cannot_be_stopped() -> None:
    """It sleeps in one long call, with its own redirections in place."""
    judging.import_ahead()  # some modules of torch add filters of their own
    before = sys.stdout, sys.stderr, list(warnings.filters)
    result = judging.judge("00.mean_and_std", lambda x: time.sleep(3), time_limit=0.05)
    assert result.misconception == "too-slow"
    assert (sys.stdout, sys.stderr, list(warnings.filters)) == before


OUTER = """\
import time
import {name}.part
end = time.thread_time() + 0.02
while time.thread_time() < end:
    pass
value = {name}.part.value
"""
INNER = OUTER.splitlines(keepends=True)
INNER = "".join([INNER[0], *INNER[2:5], "value = 7\n"])


def test_after_being_stopped_at_any_moment_a_right_answer_passes(tmp_path, monkeypatch) -> None:
    """Each answer imports a package that takes a while, as the first use of a library does."""
    monkeypatch.syspath_prepend(tmp_path)
    stopped = 0
    for i in range(30):
        name = f"slow_{i}"
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(OUTER.format(name=name), "utf-8")
        (tmp_path / name / "part.py").write_text(INNER, "utf-8")

        def right(x, name=name):
            package = __import__(f"{name}.part")
            assert package.value == package.part.value == 7
            return x.mean(), x.std(correction=0)

        first = judging.judge("00.mean_and_std", right, seed=i, time_limit=0.0015 * (i + 1))
        stopped += first.misconception == "too-slow"
        second = judging.judge("00.mean_and_std", right, seed=i)
        assert second.passed, f"stopped after {1.5 * (i + 1)} ms: {second.message}"
        assert first.passed or first.misconception == "too-slow", first.message
    assert stopped > 5  # otherwise nothing was tried


AFTERWARDS = """\
import sys
from course_utils.sandbox import timelimit
def forever():
    while True:
        pass
for work in (int, forever):
    try:
        timelimit.run(work, 0.05)
    except timelimit.TimeLimitExceeded:
        pass
sys.setprofile(lambda *event: None)
for i in range(1000):
    sorted([3, 1], key=lambda x: -x)
print("goes on")
"""


def test_a_profiler_or_debugger_works_afterwards() -> None:
    """An exception that is sent and never arrives makes the interpreter stand still under one."""
    done = subprocess.run(
        [sys.executable, "-c", AFTERWARDS], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "goes on\n", done.stderr


FRESH = """\
import sys
from course_utils.exercises import judging
assert "sympy" not in sys.modules
import torch
from torch.distributions import MultivariateNormal
def answer(x, W, b, sigma):
    cov = W @ W.T + sigma**2 * torch.eye(len(W), dtype=x.dtype)
    return MultivariateNormal(b, cov).log_prob(x)
judging.judge("04.ppca_log_evidence", answer, time_limit=float(sys.argv[1]))
print(judging.judge("04.ppca_log_evidence", answer, time_limit=20.0))
"""


@pytest.mark.parametrize("limit", ["0.001", "0.03"])
def test_in_a_fresh_process_the_first_check_may_be_stopped(limit: str) -> None:
    """What torch imports at its first use is not broken off, nor on the student's time."""
    done = subprocess.run(
        [sys.executable, "-c", FRESH, limit], cwd=ROOT, capture_output=True, text=True
    )
    assert "passed" in done.stdout, done.stdout + done.stderr


def test_torch_imports_ahead_what_it_imports_late() -> None:
    code = (
        "import sys; from course_utils.exercises import judging; judging.import_ahead();"
        "before = set(sys.modules); import torch; from torch.distributions import *;"
        "MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob(torch.zeros(2));"
        "w = torch.zeros(2, requires_grad=True); o = torch.optim.SGD([w], lr=0.1);"
        "w.sum().backward(); o.step(); torch.func.hessian(torch.sum)(torch.zeros(2));"
        "print(len(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert int(done.stdout) < 10, done.stdout + done.stderr
