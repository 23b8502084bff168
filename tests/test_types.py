"""The package's types hold: a type checker in its standard mode finds no error."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def check(*paths: str) -> dict:
    """The report of the type checker on these files, or on what pyproject.toml includes."""
    words = [sys.executable, "-m", "basedpyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run([*words, *paths], cwd=ROOT, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_the_types_of_the_package_hold() -> None:
    report = check()
    assert report["summary"]["filesAnalyzed"] > 150
    errors = [
        f"{Path(found['file']).relative_to(ROOT)}:{found['range']['start']['line'] + 1}: "
        f"{found['message'].splitlines()[0]}"
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    ]
    assert errors == [], "\n".join(errors)


def test_a_wrong_type_would_be_noticed(tmp_path: Path) -> None:
    (tmp_path / "wrong.py").write_text("def half(x: int) -> str:\n    return x / 2\n")
    assert check(str(tmp_path / "wrong.py"))["summary"]["errorCount"] == 1
