"""How long a student waits for a check: `python benchmarks/checks.py`.

Milliseconds of a passing check of every exercise, with the right answer of tests/answers, against
a named baseline: starting a fresh Python that imports torch, which is what a check in a process
of its own would cost each time. The aim is that half of the checks stay under 50 ms.
"""

import importlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

from _peers import table

from course_utils.exercises import judging, registry

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))


def milliseconds(name: str, repeats: int = 15) -> float:
    """Median over `repeats` fresh draws."""
    answer = importlib.import_module(f"answers.lecture{name[:2]}").ALTERNATIVES[name][0]
    times = []
    for seed in range(repeats):
        start = time.perf_counter()
        assert judging.judge(name, answer, seed).passed, name
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], check=True)
    baseline = 1e3 * (time.perf_counter() - start)
    rows = [("baseline: a process that imports torch", f"{baseline:.0f}", "1")]
    found = {name: milliseconds(name) for name in registry.names()}
    rows += [(name, f"{ms:.1f}", f"{baseline / ms:.0f}") for name, ms in found.items()]
    print(table(rows, ("check", "ms", "baseline / check")))
    print(f"median {statistics.median(found.values()):.1f} ms, aim: below 50")


if __name__ == "__main__":
    main()
