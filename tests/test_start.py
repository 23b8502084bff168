"""start.py: what it decides and what it says; no network, and a stub in the place of pip."""

import ast
import errno
import importlib.util
import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
import start  # noqa: E402 (it stands in the root, which is no package)


def load(folder: Path) -> ModuleType:
    """The start.py of another folder, as a module of its own."""
    spec = importlib.util.spec_from_file_location("start_elsewhere", folder / "start.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """start.py in a folder of its own, with the files it reads and no .venv."""
    for name in ("pyproject.toml", "constraints.txt", "start.py"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    for name in ("course_utils", "notebooks"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    return load(tmp_path)


@pytest.fixture
def commands(course: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The commands start.py runs, in turn: recorded, and of them only venv has an effect."""
    ran = []

    def record(*words: str, shows: bool = True, downloads: bool = False) -> None:
        ran.append(words)
        if "venv" in words:
            course.PYTHON.parent.mkdir(parents=True)
            course.PYTHON.touch()

    monkeypatch.setattr(course, "command", record)
    monkeypatch.setattr(course, "finds", lambda package, **settings: False)
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
    asked = []
    monkeypatch.setattr(course, "finds", lambda *a, **settings: asked.append((a, settings)) or True)
    torch = f"torch=={course.pinned('torch')}"
    course.set_up("")
    assert commands[1][-3:] == ("--no-deps", f"--index-url={course.CPU_INDEX}", torch)
    monkeypatch.setattr(course, "finds", lambda package, **settings: False)
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
        ("HINT: ... does not have Windows Long Path support enabled", "path is too long"),
        ("MemoryError", "memory runs out"),
        ("ERROR: [WinError 5] Access is denied: 'C:\\\\.venv\\\\c10.dll'", "close JupyterLab"),
        ("[WinError 32] The process cannot access the file", "close JupyterLab"),
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


@pytest.mark.parametrize(("arguments", "status"), [([], 0), ([], 1), (["-k", "x"], 0), (["-x"], 2)])
def test_the_tests_are_one_run_whose_status_counts(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int
) -> None:
    """Each answer to an exercise is judged once, in the tests; no `course verify` beside them."""
    ran = []

    def call(words: list[str], env: dict[str, str]) -> int:
        ran.append(words)
        assert (env["OMP_NUM_THREADS"], env["TQDM_DISABLE"]) == ("1", "1")
        return status

    monkeypatch.setattr(start.subprocess, "call", call)
    assert start.run_tests(arguments) == status
    (words,) = ran
    assert words[1:3] == ["-m", "pytest"]
    assert words[4:] == arguments and words[3].startswith("--numprocesses=")


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
    assert "PYTHONPATH" not in env
    assert (env["PIP_USER"], env["OMP_NUM_THREADS"]) == ("0", "1")
    assert env["PATH"] == os.environ["PATH"]


def test_help_needs_nothing() -> None:
    words = [sys.executable, str(ROOT / "start.py"), "--help"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "python3 start.py test" in done.stdout
    assert "python3 start.py update" in done.stdout


# ---------------------------------------------------------------- faults, each one provoked


def run_start(
    folder: Path, *arguments: str, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python start.py ...` in a folder, as a student calls it."""
    words = [sys.executable, str(folder / "start.py"), *arguments]
    env = os.environ | environment
    return subprocess.run(words, capture_output=True, text=True, env=env, timeout=60)


def fake_python(course: ModuleType, *, install: str, index: int) -> None:
    """A stand-in for .venv's Python: `pip install` does `install`, `pip index` exits with `index`.

    It notes what it was asked to install.
    """
    script = f"""#!/bin/sh
case "$3" in
  index) exit {index};;
  *) echo "$*" >> "{course.VENV}/asked"; {install};;
esac
"""
    course.PYTHON.parent.mkdir(parents=True)
    course.PYTHON.write_text(script)
    course.PYTHON.chmod(0o755)


def test_user_true_in_a_pip_conf_does_not_stop_pip(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text("[install]\nuser = true\n")
    (tmp_path / "nothing_at_all").mkdir()
    words = [sys.executable, "-m", "pip", "install", "--no-index", "--dry-run", "nothing-at-all"]
    settings = {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf")}
    ours = start.clean_environment(**settings)
    theirs = {k: v for k, v in ours.items() if k != "PIP_USER"}
    said = [
        subprocess.run(words, capture_output=True, text=True, env=env).stderr
        for env in (ours, theirs)
    ]
    assert "No matching distribution" in said[0]
    if sys.prefix != sys.base_prefix:  # only a virtual environment refuses it
        assert "'--user' install" in said[1]


def test_a_python_without_ssl_is_found_before_anything_else(course: ModuleType) -> None:
    broken = course.ROOT / "broken"
    broken.mkdir()
    (broken / "ssl.py").write_text("raise ImportError('No module named _ssl')\n")
    for name in start.PARTS:  # even alone in its folder it says first what is wrong with Python
        (course.ROOT / name).rename(course.ROOT / f"gone-{name}")
    done = run_start(course.ROOT, PYTHONPATH=str(broken))
    assert done.returncode == 1
    assert done.stderr.startswith("This Python has no working module ssl")
    assert "libssl-dev" in done.stderr and done.stderr.count("\n") == 1
    assert not course.VENV.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signals to kill with")
@pytest.mark.parametrize("end", ["kill -9 $$", "exit 137"])
def test_pip_killed_for_want_of_memory(course: ModuleType, end: str) -> None:
    # Its words, of a network that hiccuped, would lead astray.
    fake_python(course, install=f"echo 'Retrying (Retry(total=1))'; {end}", index=0)
    with pytest.raises(SystemExit, match=r"^The system ended the installation.* memory .*\.$"):
        course.pip("--editable", ".")


def test_start_alone_in_a_folder_as_from_inside_a_zip(tmp_path: Path) -> None:
    (tmp_path / "start.py").write_bytes((ROOT / "start.py").read_bytes())
    for words in ([], ["test"], ["update", "course.zip"]):
        done = run_start(tmp_path, *words)
        assert done.returncode == 1
        assert "without the course's other files" in done.stderr
        assert "unpack the whole zip first" in done.stderr
        assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["start.py"]


@pytest.mark.skipif(os.name == "nt", reason="the stand-in for pip is a shell script")
@pytest.mark.parametrize(
    ("complaint", "index", "words"),
    [
        ("Cannot install torch==2.13.0 because of conflicts", 1, "No network"),
        ("No matching distribution found for torch==2.13.0", 1, "No network"),
        ("something nobody has foreseen", 1, "No network"),
        ("Retrying (Retry(total=1)): Cannot install torch==2.13.0", 0, "No network"),
        ("CERTIFICATE_VERIFY_FAILED", 1, "certificate is not trusted"),
        ("Cannot install torch==2.13.0 because of conflicts", 0, "CPU index"),
        ("No matching distribution found for torch==2.13.0", 0, "no build for this machine"),
        ("something nobody has foreseen", 0, "its last lines were:\nsomething nobody has foreseen"),
    ],
)
def test_a_network_error_is_not_blamed_on_pytorch(
    course: ModuleType, complaint: str, index: int, words: str
) -> None:
    fake_python(course, install=f"echo '{complaint}' >&2; exit 1", index=index)
    with pytest.raises(SystemExit) as stopped:
        course.install_cpu_torch()
    assert words in str(stopped.value)
    source = "--constraint=" if index else f"--index-url={course.CPU_INDEX}"
    assert source in (course.VENV / "asked").read_text()


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("tests", "test"),
        ("tset", "test"),
        ("updat", "update"),
        ("lab", None),
        ("notebooks/00_start.ipynb", None),
    ],
)
def test_an_unknown_word_is_not_handed_to_jupyterlab(
    course: ModuleType,
    commands: list,
    monkeypatch: pytest.MonkeyPatch,
    word: str,
    meant: str | None,
) -> None:
    opened = []
    monkeypatch.setattr(course, "open_lab", opened.append)
    (course.ROOT / "tests").mkdir()
    with pytest.raises(SystemExit) as stopped:
        course.main([word, "-x"])
    guess = f": did you mean `{meant}`?" if meant else "."
    assert str(stopped.value) == f"start.py knows the words test and update, not `{word}`{guess}"
    assert opened == commands == []


def test_options_still_reach_jupyterlab(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr(course, "open_lab", opened.append)
    for given in ([], ["--port=8890", "--no-browser"]):
        course.main(given)
        assert opened[-1] == given


@pytest.mark.parametrize("is_terminal", [False, True])
def test_signs_of_life_where_nobody_sees_a_terminal(
    course: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, is_terminal: bool
) -> None:
    """The command waits until its line has been seen, so that no clock decides."""
    seen = tmp_path / "seen"

    def watch(lines: list[str], done: threading.Event) -> None:
        while not lines and not done.wait(0.01):
            pass
        seen.write_text("".join(lines))

    code = f"""if True:
        import pathlib, sys, time
        print("Downloading torch (180 MB)")
        for _ in range(3000):
            if {is_terminal} or pathlib.Path({str(seen)!r}).exists():
                sys.exit(0)
            time.sleep(0.01)
        sys.exit(1)
    """
    monkeypatch.setattr(course, "give_signs", watch)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
    course.command(sys.executable, "-c", code)
    assert seen.exists() != is_terminal


def test_a_sign_of_life_says_how_long_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    class Done:
        answers = iter([False, False, True])

        def wait(self, seconds: float) -> bool:
            assert seconds == start.PULSE
            return next(self.answers)

    start.give_signs(["Collecting torch\n", "  Downloading torch (180 MB)\n"], Done())
    assert capsys.readouterr().out == "  0 s: Downloading torch (180 MB)\n" * 2


def test_files_in_use_on_windows_stop_a_start_before_it_breaks_anything(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    course.set_up("")
    commands.clear()
    monkeypatch.setattr(course, "WINDOWS", True)

    def running(path: Path, mode: str) -> None:
        assert (path, mode) == (course.PYTHON, "r+b")
        raise PermissionError(13, "Permission denied", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(course.Path, "open", running)
        with pytest.raises(SystemExit, match=r"^Files of \.venv are in use, .*close JupyterLab"):
            course.set_up("test")
        assert course.is_running(course.PYTHON)
    assert commands == []
    assert course.state(course.read_stamp(), "") == "ready"  # nothing was touched
    assert not course.is_running(course.PYTHON)
    assert not course.is_running(course.PYTHON.with_name("none"))


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "may not be written"),
        (errno.EROFS, "may not be written"),
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "disk is full"),
    ],
)
def test_a_folder_that_takes_no_files_is_found_by_trying(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    def refuse(**where: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(course.tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(SystemExit, match=words):
        course.set_up("")
    assert commands == []


def test_a_path_too_long_is_found_by_trying(
    course: ModuleType, commands: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert course.wrong_folder() == ""
    assert list(course.ROOT.glob(".try-*")) == []
    monkeypatch.setattr(course, "DEEPEST", 40_000)  # no system takes such a path
    with pytest.raises(SystemExit, match="path is too long"):
        course.set_up("")
    assert commands == []
