"""Set up the course beside this file, then open it in JupyterLab or run its tests.

    python3 start.py [JupyterLab's arguments]     for example --no-browser --port=8890
    python3 start.py test [pytest's arguments]    for example tests/test_start.py -k recipe

The first start makes .venv and installs the course with the versions of constraints.txt;
later starts take seconds. On Windows write `py start.py`. Only the standard library is used.

On Linux without an NVIDIA card PyTorch comes as its CPU build, from PyTorch's own index. Where
that does not answer, the ordinary sources are asked, under a constraint that no CUDA package can
meet: a CPU build found there is taken, gigabytes of CUDA are not. To take them all the same, set
the environment variable COURSE_ALLOW_CUDA=1.
"""

# This file must parse on Python 3.6, so that an old Python says what is wrong in one sentence:
# the version is judged at the end of this first part, before an annotation below is evaluated.
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST, TOO_NEW = (3, 11), (3, 15)


def runs(program: str) -> bool:
    """Whether this program is here and starts; version managers leave names that do not."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return bool(shutil.which(program)) and subprocess.call([program, "-V"], **quiet) == 0


def wrong_python(version: tuple, good: object = runs) -> str:
    """What is wrong with this version of Python; empty if nothing is."""
    if OLDEST <= tuple(version[:2]) < TOO_NEW:
        return ""
    fault = "old" if tuple(version[:2]) < OLDEST else "new"
    others = [name for name in ("python3.13", "python3.12", "python3.11") if good(name)]
    remedy = f"run `{others[0]} start.py`" if others else "install one from python.org"
    needs = "3.11, 3.12, 3.13 or 3.14"
    return f"Python {version[0]}.{version[1]} is too {fault}: the course needs {needs}; {remedy}."


if __name__ == "__main__" and wrong_python(sys.version_info):
    sys.exit(wrong_python(sys.version_info))

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = BIN / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "course.json"  # written last: a .venv without it is half-made
FIRST_LECTURE = "notebooks/00_start_here.ipynb"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIGABYTES = 2.5  # .venv takes 1.7 with the tests, and pip unpacks beside it
NO_SPACE = f"The disk is full: the course needs about {GIGABYTES} GB; free some and start again."


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    os.chdir(ROOT)
    testing = arguments[:1] == ["test"]
    if testing and not (ROOT / "tests").is_dir():
        sys.exit("This bundle has no tests: they come with the whole course.")
    try:
        if testing:
            install_system_packages()
        set_up("test" if testing else "")
        return run_tests(arguments[1:]) if testing else open_lab(arguments)
    except KeyboardInterrupt:
        sys.exit("Stopped; the next start goes on from here.")
    except OSError as error:  # a full disk, a folder that may not be written, a missing file
        sys.exit(explain(str(error)))


# ---------------------------------------------------------------- the environment


def set_up(extra: str) -> None:
    """Make .venv hold the course, and the extra "test" if asked; nothing to do in most starts."""
    todo = state(read_stamp(), extra)
    if todo == "ready":
        return
    fault = wrong_machine(platform.system(), platform.machine(), sys.maxsize > 2**32)
    if fault:
        raise SystemExit(fault)
    STAMP.unlink(missing_ok=True)
    if todo == "build":
        make_venv()
    print("Installing the course into .venv; the first time takes some minutes.", flush=True)
    if wants_cpu_build():
        install_cpu_torch()
    pip("--editable", f".[{extra}]" if extra else ".")
    no_announcements()
    STAMP.write_text(json.dumps({"made": made_by(), "recipe": recipe(ROOT), "extra": extra}))


def state(stamp: dict, extra: str) -> str:
    """ready; update: pip has to run again in a good .venv; build: .venv has to be made."""
    if stamp.get("made") != made_by() or not PYTHON.exists():
        return "build"
    same = stamp.get("recipe") == recipe(ROOT) and stamp.get("extra") in (extra, "test")
    return "ready" if same else "update"


def made_by() -> list:
    """What a .venv cannot outlive: another Python, another machine, a folder that was moved."""
    return [*sys.version_info[:2], sys.platform, platform.machine(), str(ROOT)]


def recipe(root: Path) -> str:
    """Hash of the files that decide what is installed."""
    names = ("pyproject.toml", "constraints.txt", "start.py")
    return hashlib.sha256(b"\0".join((root / name).read_bytes() for name in names)).hexdigest()


def read_stamp() -> dict:
    try:
        return dict(json.loads(STAMP.read_text()))
    except (OSError, ValueError, TypeError):
        return {}


def make_venv() -> None:
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SystemExit(NO_VENV)
    if shutil.disk_usage(ROOT).free < GIGABYTES * 1e9:
        raise SystemExit(NO_SPACE)
    # The Python under an activated environment: .venv cannot be cleared by its own.
    base = getattr(sys, "_base_executable", sys.executable)
    command(base, "-m", "venv", "--clear", str(VENV), shows=False)


def pip(*arguments: str) -> None:
    quiet = () if sys.stdout.isatty() else ("--quiet",)
    common = ("--disable-pip-version-check", "--retries=2", "--constraint=constraints.txt")
    command(str(PYTHON), "-m", "pip", "install", *common, *quiet, *arguments)


def command(*words: str, shows: bool = True) -> None:
    """Run a command; if it fails, stop with a sentence made from its complaint."""
    streams = {"stdout": None if shows else subprocess.PIPE, "stderr": subprocess.PIPE}
    done = subprocess.run(words, text=True, errors="replace", env=clean_environment(), **streams)
    if done.returncode:
        raise SystemExit(explain((done.stdout or "") + done.stderr))


def clean_environment(**more: str) -> dict[str, str]:
    """The caller's environment less what would mix another Python's packages into .venv."""
    strays = ("PYTHONPATH", "PYTHONHOME", "PIP_USER", "PIP_TARGET", "PIP_PREFIX")
    return {k: v for k, v in os.environ.items() if k not in strays} | more


def no_announcements() -> None:
    """Without this JupyterLab asks at each first start whether it may fetch its news."""
    folder = VENV / "etc" / "jupyter" / "labconfig"
    folder.mkdir(parents=True, exist_ok=True)
    disabled = {"@jupyterlab/apputils-extension:announcements": True}
    (folder / "page_config.json").write_text(json.dumps({"disabledExtensions": disabled}))


# ---------------------------------------------------------------- PyTorch, CPU or CUDA


def wants_cpu_build() -> bool:
    """Linux without an NVIDIA card: only there is the ordinary build a CUDA build for nothing."""
    if platform.system() != "Linux" or os.environ.get("COURSE_ALLOW_CUDA") == "1":
        return False
    signs = ("/proc/driver/nvidia/version", "/dev/nvidiactl", "/usr/lib/wsl/lib/libcuda.so.1")
    return not any(Path(sign).exists() for sign in signs)


def install_cpu_torch() -> None:
    torch = f"torch=={pinned('torch')}"
    if answers(f"{CPU_INDEX}/torch/"):
        # Without dependencies: that index holds some, at other versions than constraints.txt.
        pip("--no-deps", f"--index-url={CPU_INDEX}", torch)
    else:
        no_cuda = VENV / "no-cuda.txt"
        no_cuda.write_text("triton<0\n")  # every CUDA build depends on triton, no CPU build does
        pip(f"--constraint={no_cuda}", torch)


def pinned(name: str) -> str:
    return re.search(rf"^{name}==(\S+)", Path("constraints.txt").read_text(), re.M).group(1)


def answers(url: str, seconds: float = 5.0) -> bool:
    """Whether a page opens within some seconds; its own process, as a name look-up may hang."""
    ask = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=60)"
    command = [sys.executable, "-c", ask, url]
    try:
        return not subprocess.call(command, stderr=subprocess.DEVNULL, timeout=seconds)
    except subprocess.TimeoutExpired:
        return False


# ---------------------------------------------------------------- what went wrong, in a sentence

NO_VENV = (
    "This Python has no venv module: install it (on Debian and Ubuntu: `sudo apt install "
    f"python{sys.version_info[0]}.{sys.version_info[1]}-venv`), then start again."
)
NO_WHEEL = (
    "PyTorch has no build for this machine; it has them for Linux with glibc 2.28 or newer, for "
    "Windows on Intel and for macOS 14 or newer on Apple silicon: use one of these, or Colab or "
    "Binder (see README.md)."
)
NO_BUILD = {
    "Darwin x86_64": "PyTorch is no longer built for Intel Macs: use Colab or Binder (see "
    "README.md); on an Apple silicon Mac, install the Apple silicon Python from python.org.",
    "Windows ARM64": "PyTorch has none for Windows on ARM: install the Intel (x64) Python.",
}
NO_CPU_BUILD = (
    f"PyTorch's CPU index ({CPU_INDEX}) does not answer, and elsewhere are only CUDA builds of "
    "several gigabytes, useless on this machine: try again later, or set COURSE_ALLOW_CUDA=1."
)
NO_TRUST = (
    "The server's certificate is not trusted here: on a network that inspects its traffic, set "
    "PIP_CERT to its certificate file, and start again."
)
NO_NETWORK = (
    "No network: the course downloads its packages once and needs none later; connect (through a "
    "proxy: set HTTPS_PROXY) and start again."
)
LONG_PATH = r"This folder's path is too long for Windows: move it, for example to C:\course."
NO_RIGHT = f"The folder {ROOT} may not be written: move the course into a folder of your own."
CAUSES = {  # the first pattern found in the complaint is taken to be the cause
    r"No space left|\[Errno 28\]|WinError 112|[Qq]uota exceeded": NO_SPACE,
    r"Cannot install torch==": NO_CPU_BUILD,  # it cannot meet the constraint in no-cuda.txt
    r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError": NO_TRUST,
    r"Retrying \(Retry\(|NewConnection|ame resolution|unreachable|timed out|Proxy": NO_NETWORK,
    r"No matching distribution found for torch\b": NO_WHEEL,
    r"Windows Long Path|WinError 206": LONG_PATH,
    r"Permission denied|\[Errno 13\]|Read-only file system|WinError 5\b": NO_RIGHT,
}


def wrong_machine(system: str, machine: str, is_64_bit: bool) -> str:
    """What is known to be wrong with this machine before anything is downloaded, or empty."""
    if not is_64_bit:
        return "This Python is a 32-bit build, and PyTorch has none: install a 64-bit one."
    return NO_BUILD.get(f"{system} {machine}", "")


def explain(complaint: str) -> str:
    """One sentence for a known cause, else the last lines of the complaint under one sentence."""
    for pattern, sentence in CAUSES.items():
        if re.search(pattern, complaint):
            return sentence
    lines = [line for line in complaint.splitlines() if line.strip()]
    return "\n".join(["The installation failed; its last lines were:", *lines[-8:]])


# ---------------------------------------------------------------- JupyterLab and the tests


def lab_command(arguments: list[str], is_root: bool) -> list[str]:
    options = [f"--ServerApp.root_dir={ROOT}", f"--LabApp.default_url=/lab/tree/{FIRST_LECTURE}"]
    if is_root and "--allow-root" not in arguments:
        options.append("--allow-root")
    return [str(PYTHON), "-m", "jupyterlab", *options, *arguments]


def open_lab(arguments: list[str]) -> int:
    is_root = os.name == "posix" and os.geteuid() == 0
    words = lab_command(arguments, is_root)
    if os.name == "posix":  # become JupyterLab: Ctrl-C and kill then reach it and no one else
        os.execve(words[0], words, clean_environment())
    return subprocess.call(words, env=clean_environment())


def run_tests(arguments: list[str]) -> int:
    """`course verify`, then pytest; with arguments, pytest alone. 0 only if both passed."""
    # One thread in each of several workers: with more, they take the cores from each other.
    env = clean_environment(OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    workers = min(4, max(2, os.cpu_count() or 2))
    verified = 0 if arguments else subprocess.call([str(BIN / "course"), "verify"], env=env)
    pytest = [str(PYTHON), "-m", "pytest", f"--numprocesses={workers}", *arguments]
    return subprocess.call(pytest, env=env) or verified


def install_system_packages() -> None:
    """As root under CI: the browser and the sandbox, so that no test has to be skipped."""
    wanted = {"chromium": "chromium fonts-liberation", "bwrap": "bubblewrap"}
    missing = [wanted[program] for program in wanted if not shutil.which(program)]
    is_root = os.name == "posix" and os.geteuid() == 0
    if missing and is_root and os.environ.get("CI") == "true" and shutil.which("apt-get"):
        packages = " ".join(missing).split()
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        command("apt-get", "-q", "update", shows=False)
        command("apt-get", "-q", "install", "-y", "--no-install-recommends", *packages, shows=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
