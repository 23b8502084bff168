"""start.py: what it decides and what it says; no network, and a stub in the place of pip."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import start  # noqa: E402 (it stands in the root, which is no package)


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py in a folder of its own, with the files it reads and no .venv."""
    for name in ("pyproject.toml", "constraints.txt", "start.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    venv = tmp_path / ".venv"
    places = {"ROOT": tmp_path, "VENV": venv, "BIN": venv / "bin", "PYTHON": venv / "bin/python"}
    for name, place in {**places, "STAMP": venv / "course.json"}.items():
        monkeypatch.setattr(start, name, place)
    monkeypatch.chdir(tmp_path)
    return start


@pytest.fixture
def commands(course: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands start.py runs, in turn: recorded, and of them only venv has an effect."""
    ran = []

    def record(*words: str, shows: bool = True) -> None:
        ran.append(words)
        if "venv" in words:
            course.PYTHON.parent.mkdir(parents=True)
            course.PYTHON.touch()

    monkeypatch.setattr(course, "command", record)
    monkeypatch.setattr(course, "answers", lambda url: False)
    monkeypatch.setattr(course, "wants_cpu_build", lambda: False)
    return ran


def test_the_file_parses_on_old_pythons() -> None:
    ast.parse((ROOT / "start.py").read_text(encoding="utf-8"), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (3, 13, 9), (3, 14, 0)])
def test_good_pythons_pass(version: tuple[int, ...]) -> None:
    assert start.wrong_python(version, good=lambda name: True) == ""


@pytest.mark.parametrize(
    ("version", "fault"), [((2, 7, 18), "old"), ((3, 10, 13), "old"), ((3, 15, 0), "new")]
)
def test_other_pythons_are_named_with_a_way_out(version: tuple[int, ...], fault: str) -> None:
    sentence = start.wrong_python(version, good=lambda name: name == "python3.12")
    assert sentence.startswith(f"Python {version[0]}.{version[1]} is too {fault}")
    assert "run `python3.12 start.py`" in sentence
    assert "python.org" in start.wrong_python(version, good=lambda name: False)


def test_the_versions_agree_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, too_new = (".".join(map(str, v)) for v in (start.OLDEST, start.TOO_NEW))
    assert project["requires-python"] == f">={oldest},<{too_new}"


def test_first_start_builds_second_does_nothing(course: ModuleType, commands: list) -> None:
    course.set_up("")
    assert [words[1:3] for words in commands] == [("-m", "venv"), ("-m", "pip")]
    assert commands[-1][-2:] == ("--editable", ".")
    assert "--constraint=constraints.txt" in commands[-1]
    commands.clear()
    course.set_up("")
    assert commands == []


def test_the_tests_add_their_extra_once(course: ModuleType, commands: list) -> None:
    course.set_up("")
    commands.clear()
    course.set_up("test")
    assert [words[-1] for words in commands] == [".[test]"]
    course.set_up("")
    course.set_up("test")
    assert len(commands) == 1


def test_a_bundle_without_tests_says_so_and_installs_nothing(
    course: ModuleType, commands: list
) -> None:
    with pytest.raises(SystemExit, match=r"^This bundle has no tests: they come with .* course\.$"):
        course.main(["test"])
    assert commands == []


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt", "start.py"])
def test_a_changed_file_runs_pip_again(course: ModuleType, commands: list, name: str) -> None:
    course.set_up("")
    with (course.ROOT / name).open("a") as file:
        file.write("\n# changed\n")
    assert course.state(course.read_stamp(), "") == "update"
    commands.clear()
    course.set_up("")
    assert [words[2] for words in commands] == ["pip"]


def test_another_python_or_folder_builds_anew(course: ModuleType, commands: list) -> None:
    course.set_up("")
    stamp = course.read_stamp()
    assert course.state(stamp, "") == "ready"
    for position in range(len(stamp["made"])):
        made = [*stamp["made"]]
        made[position] = "other"
        assert course.state(stamp | {"made": made}, "") == "build"
    course.PYTHON.unlink()  # as when the Python that made .venv was removed
    assert course.state(stamp, "") == "build"


def test_an_interrupted_start_is_repaired(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*words: str) -> None:
        raise KeyboardInterrupt

    course.set_up("")
    with monkeypatch.context() as patch:
        patch.setattr(course, "pip", interrupted)
        with pytest.raises(KeyboardInterrupt):
            course.set_up("test")  # an update of a good .venv, cut short
    assert course.state(course.read_stamp(), "") == "build"
    course.STAMP.write_text('{"made": [3,')  # cut short while it was written
    assert course.state(course.read_stamp(), "") == "build"


def test_cpu_build_from_its_index_or_under_a_constraint(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course, "wants_cpu_build", lambda: True)
    monkeypatch.setattr(course, "answers", lambda url: url == f"{course.CPU_INDEX}/torch/")
    torch = f"torch=={course.pinned('torch')}"
    course.set_up("")
    assert commands[1][-3:] == ("--no-deps", f"--index-url={course.CPU_INDEX}", torch)
    monkeypatch.setattr(course, "answers", lambda url: False)
    course.STAMP.unlink()
    course.PYTHON.unlink()
    course.PYTHON.parent.rmdir()
    commands.clear()
    course.set_up("")
    assert commands[1][-2:] == (f"--constraint={course.VENV / 'no-cuda.txt'}", torch)
    assert (course.VENV / "no-cuda.txt").read_text() == "triton<0\n"
    assert not any("index-url" in word for words in commands for word in words)


def test_a_cuda_build_is_taken_where_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start.platform, "system", lambda: "Linux")
    monkeypatch.setattr(start.Path, "exists", lambda path: False)
    monkeypatch.delenv("COURSE_ALLOW_CUDA", raising=False)
    assert start.wants_cpu_build()
    monkeypatch.setenv("COURSE_ALLOW_CUDA", "1")
    assert not start.wants_cpu_build()
    monkeypatch.delenv("COURSE_ALLOW_CUDA")
    monkeypatch.setattr(start.Path, "exists", lambda path: str(path) == "/dev/nvidiactl")
    assert not start.wants_cpu_build()
    monkeypatch.setattr(start.platform, "system", lambda: "Darwin")
    assert not start.wants_cpu_build()


@pytest.mark.parametrize(
    ("complaint", "words"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        ("OSError: [WinError 112] There is not enough space on the disk", "disk is full"),
        (
            "WARNING: Retrying (Retry(total=1)) after connection broken\n"
            "ERROR: No matching distribution found for torch==2.13.0",
            "No network",
        ),
        ("urlopen error [Errno -3] Temporary failure in name resolution", "No network"),
        ("HTTPSConnectionPool: Read timed out. (read timeout=15)", "No network"),
        ("Cannot connect to proxy: ProxyError", "No network"),
        ("Failed to fetch: Temporary failure resolving; Network is unreachable", "No network"),
        ("SSLCertVerificationError: CERTIFICATE_VERIFY_FAILED", "certificate is not trusted"),
        ("ERROR: No matching distribution found for torch==2.13.0", "no build for this machine"),
        ("ERROR: Cannot install torch==2.13.0 because these package", "COURSE_ALLOW_CUDA=1"),
        ("HINT: ... does not have Windows Long Path support enabled", "too long for Windows"),
        ("[Errno 13] Permission denied: '.venv'", "may not be written"),
    ],
)
def test_each_known_cause_has_one_sentence(complaint: str, words: str) -> None:
    sentence = start.explain(complaint)
    assert words in sentence
    assert "\n" not in sentence


def test_an_unknown_cause_shows_the_last_lines() -> None:
    said = start.explain("\n\n".join(f"line {i}" for i in range(100)))
    assert said.splitlines()[0].startswith("The installation failed")
    assert said.splitlines()[1:] == [f"line {i}" for i in range(92, 100)]


def test_a_failing_command_ends_with_its_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    complain = "import sys; print('out'); sys.exit('[Errno 28] No space left on device')"
    with pytest.raises(SystemExit, match="The disk is full"):
        start.command(sys.executable, "-c", complain)
    assert capfd.readouterr().err == ""


def test_machines_without_pytorch_are_refused_before_any_download() -> None:
    assert "Intel Macs" in start.wrong_machine("Darwin", "x86_64", True)
    assert "x64" in start.wrong_machine("Windows", "ARM64", True)
    assert "32-bit" in start.wrong_machine("Windows", "x86", False)
    for good in [("Linux", "x86_64"), ("Linux", "aarch64"), ("Darwin", "arm64")]:
        assert start.wrong_machine(*good, True) == ""
    assert start.wrong_machine("Windows", "AMD64", True) == ""


def test_no_venv_module_and_no_space_are_seen_first(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("usage", (), {"free": 1e9})
    monkeypatch.setattr(course.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(SystemExit, match="The disk is full"):
        course.set_up("")
    find = course.importlib.util.find_spec
    monkeypatch.setattr(
        course.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else find(name)
    )
    with pytest.raises(SystemExit, match="sudo apt install python3"):
        course.set_up("")
    assert commands == []


def test_jupyterlab_opens_lecture_00_with_the_arguments_given() -> None:
    given = ["--no-browser", "--port=8899"]
    words = start.lab_command(given, is_root=False)
    assert words[1:3] == ["-m", "jupyterlab"]
    assert words[-2:] == given
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in words
    assert "--allow-root" not in words
    assert start.lab_command(given, is_root=True).count("--allow-root") == 1
    assert start.lab_command(["--allow-root"], is_root=True).count("--allow-root") == 1


@pytest.mark.parametrize(
    ("arguments", "verify", "pytest_says", "status"),
    [([], 0, 0, 0), ([], 1, 0, 1), ([], 0, 1, 1), (["-k", "x"], None, 0, 0), (["-x"], None, 2, 2)],
)
def test_both_verify_and_pytest_must_pass(
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    verify: int | None,
    pytest_says: int,
    status: int,
) -> None:
    ran = []

    def call(words: list[str], env: dict[str, str]) -> int:
        ran.append(words)
        assert (env["OMP_NUM_THREADS"], env["TQDM_DISABLE"]) == ("1", "1")
        return verify if words[-1] == "verify" else pytest_says

    monkeypatch.setattr(start.subprocess, "call", call)
    assert start.run_tests(arguments) == status
    assert [words[-1] == "verify" for words in ran] == ([False] if arguments else [True, False])
    assert ran[-1][-len(arguments) :] == arguments or not arguments
    assert any(word.startswith("--numprocesses=") for word in ran[-1])


def test_system_packages_only_for_root_under_ci(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = {"apt-get": "/usr/bin/apt-get", "bwrap": "/usr/bin/bwrap"}
    monkeypatch.setattr(course.shutil, "which", here.get)
    monkeypatch.setattr(course.os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(course.os, "name", "posix")
    monkeypatch.setenv("DEBIAN_FRONTEND", "noninteractive")
    monkeypatch.delenv("CI", raising=False)
    course.install_system_packages()
    assert commands == []
    monkeypatch.setenv("CI", "true")
    course.install_system_packages()
    assert [words[2] for words in commands] == ["update", "install"]
    assert commands[-1][-2:] == ("chromium", "fonts-liberation")
    commands.clear()
    monkeypatch.setattr(course.os, "geteuid", lambda: 1000, raising=False)
    course.install_system_packages()
    assert commands == []


def test_strays_of_another_python_are_kept_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    monkeypatch.setenv("PIP_USER", "1")
    env = start.clean_environment(OMP_NUM_THREADS="1")
    assert not {"PYTHONPATH", "PIP_USER"} & env.keys()
    assert env["OMP_NUM_THREADS"] == "1"
    assert env["PATH"] == os.environ["PATH"]


def test_a_page_that_cannot_be_opened_does_not_answer(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.touch()
    assert start.answers(page.as_uri())
    assert not start.answers((tmp_path / "none.html").as_uri())


def test_help_needs_nothing() -> None:
    words = [sys.executable, str(ROOT / "start.py"), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "python3 start.py test" in done.stdout
