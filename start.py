"""Set up the course beside this file; open it in JupyterLab, test it, or bring a newer one.

    python3 start.py [JupyterLab's arguments]     for example --no-browser --port=8890
    python3 start.py test [pytest's arguments]    for example tests/test_start.py -k recipe
    python3 start.py update [ZIP or FOLDER]       a newer course; your notebooks and answers stay

The first start makes .venv and installs the course with the versions of constraints.txt;
later starts take seconds. On Windows write `py start.py`. Only the standard library is used.

`update` asks git where the course came by git; else name the newer course's zip or folder. Each
lecture that changes is first copied to notebooks/before-DATE; then what you wrote goes into the
newer lecture, cell by cell, and what finds no place there is named, a line each.

On Linux without an NVIDIA card PyTorch comes as its CPU build, from PyTorch's own index. Where
that does not answer, the ordinary sources are asked, under a constraint that no CUDA package can
meet: a CPU build found there is taken, gigabytes of CUDA are not. To take them all the same, set
the environment variable COURSE_ALLOW_CUDA=1.
"""

# One file, although it does several things: it runs before anything is installed, alone in a folder
# it must still say what is wrong, and `update` replaces every other file. Its parts: which Python;
# the environment; PyTorch; what went wrong; JupyterLab and the tests; the newer course; the
# student's notebooks in it.

# This file must parse on Python 3.6, so that an old Python says what is wrong in one sentence:
# the version is judged at the end of this first part, before an annotation below is evaluated.
import contextlib
import datetime
import difflib
import errno
import hashlib
import importlib
import importlib.util
import io
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

OLDEST, TOO_NEW = (3, 11), (3, 15)


def runs(program: str) -> bool:
    """Whether this program is here and starts; version managers leave names that do not."""
    null = subprocess.DEVNULL
    words = [program, "-V"]
    return bool(shutil.which(program)) and subprocess.call(words, stdout=null, stderr=null) == 0


def wrong_python(version: tuple, good: "Callable[[str], bool]" = runs) -> str:
    """What is wrong with this version of Python; empty if nothing is."""
    if OLDEST <= tuple(version[:2]) < TOO_NEW:
        return ""
    fault = "old" if tuple(version[:2]) < OLDEST else "new"
    others = [name for name in ("python3.13", "python3.12", "python3.11") if good(name)]
    remedy = f"run `{others[0]} start.py`" if others else "install one from python.org"
    needs = "3.11, 3.12, 3.13 or 3.14"
    return f"Python {version[0]}.{version[1]} is too {fault}: the course needs {needs}; {remedy}."


def broken_python() -> str:
    """Which module this Python was built without, or cannot load; empty if it has all."""
    for name in ("ssl", "ctypes", "sqlite3", "zlib"):
        try:
            importlib.import_module(name)
        except ImportError:
            return NO_MODULE.format(name)
    return ""


NO_MODULE = (
    "This Python has no working module {}, which the course needs: install Python from python.org "
    "or from your system's packages; one that you build yourself finds it once its libraries are "
    "there (on Debian and Ubuntu: `sudo apt install libssl-dev libffi-dev libsqlite3-dev "
    "zlib1g-dev`)."
)

if __name__ == "__main__":
    fault = wrong_python(sys.version_info) or broken_python()
    if fault:
        sys.exit(fault)

ROOT = Path(__file__).resolve().parent
WINDOWS = os.name == "nt"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if WINDOWS else "bin")
PYTHON = BIN / ("python.exe" if WINDOWS else "python")
STAMP = VENV / "course.json"  # written last: a .venv without it is half-made
NOTEBOOKS = ROOT / "notebooks"
FIRST_LECTURE = "notebooks/00_start_here.ipynb"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
GIGABYTES = 2.5  # .venv takes 1.7 with the tests, and pip unpacks beside it
DEEPEST = 191  # characters of the longest path below this folder that pip makes on Windows
PULSE = 10.0  # seconds between signs of life where nobody sees pip's own
WORDS = ("test", "update")
PARTS = ("pyproject.toml", "constraints.txt", "course_utils", "notebooks")


def main(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print(__doc__)
        return 0
    fault = incomplete(ROOT) or unknown_word(arguments)
    if fault:
        sys.exit(fault)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # some consoles lack Greek letters
    word = arguments[0] if arguments[:1] and arguments[0] in WORDS else ""
    rest = arguments[1:] if word else arguments
    if word == "update":  # a path is meant from where it was typed
        rest = [str(Path(path).expanduser().absolute()) for path in rest]
    os.chdir(ROOT)
    try:
        if word == "update":
            return update(*rest[:2])
        if word == "test":
            if not (ROOT / "tests").is_dir():
                sys.exit("This bundle has no tests: they come with the whole course.")
            install_system_packages()
        set_up(word)
        return run_tests(rest) if word == "test" else open_lab(rest)
    except KeyboardInterrupt:
        sys.exit("Stopped; the next start goes on from here.")
    except OSError as error:  # a full disk, a folder that may not be written, a missing file
        sys.exit(cause_of(error) or explain(str(error)))


def incomplete(folder: Path) -> str:
    """What this folder lacks of a course; empty if nothing. A zip's window shows files alone."""
    missing = [name for name in PARTS if not (folder / name).exists()]
    if not missing:
        return ""
    return (
        f"start.py stands in {folder} without the course's other files ({', '.join(missing)}): "
        "unpack the whole zip first, then start it in the folder that comes out."
    )


def unknown_word(arguments: list[str]) -> str:
    """The fault of a first word that is neither an option nor one of WORDS; empty if it is."""
    first = arguments[0] if arguments else "-"
    if first.startswith("-") or first in WORDS:
        return ""
    near = difflib.get_close_matches(first, WORDS, n=1)
    meant = f": did you mean `{near[0]}`?" if near else "."
    return f"start.py knows the words {' and '.join(WORDS)}, not `{first}`{meant}"


# ---------------------------------------------------------------- the environment


def set_up(extra: str) -> None:
    """Make .venv hold the course, and the extra "test" if asked; nothing to do in most starts."""
    stamp = read_stamp()
    remember_lectures(stamp)
    todo = state(stamp, extra)
    if todo == "ready":
        return
    is_64_bit = sys.maxsize > 2**32
    fault = wrong_machine(platform.system(), platform.machine(), is_64_bit) or wrong_folder()
    if fault or is_running(PYTHON):
        raise SystemExit(fault or IN_USE)
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
    common = ("--disable-pip-version-check", "--retries=2", "--constraint=constraints.txt")
    command(str(PYTHON), "-m", "pip", "install", *common, *arguments, downloads=True)


def command(*words: str, shows: bool = True, downloads: bool = False) -> None:
    """Run a command; if it fails, stop with a sentence that says why."""
    seen = shows and sys.stdout.isatty()  # it draws its own bars, and only complaints are read
    out, error = (None, subprocess.PIPE) if seen else (subprocess.PIPE, subprocess.STDOUT)
    env = clean_environment(PYTHONUNBUFFERED="1")
    lines, done = [], threading.Event()
    with subprocess.Popen(
        words, stdout=out, stderr=error, text=True, errors="replace", env=env
    ) as process:
        try:
            if not seen:
                threading.Thread(target=give_signs, args=(lines, done), daemon=True).start()
            lines.extend((process.stderr if seen else process.stdout) or ())
        finally:
            done.set()
    if process.returncode:
        raise SystemExit(explain("".join(lines), process.returncode, downloads))


def give_signs(lines: list[str], done: threading.Event) -> None:
    """Every few seconds, until it is done, how long a command has taken and what it said last."""
    began = time.monotonic()
    while not done.wait(PULSE):
        last = lines[-1].strip() if lines else "..."
        print(f"  {time.monotonic() - began:.0f} s: {last[:80]}", flush=True)


def clean_environment(**more: str) -> dict[str, str]:
    """The caller's environment less what would mix another Python's packages into .venv.

    PIP_USER=0 stands against `user = true` in a pip.conf, which a virtual environment refuses.
    """
    strays = ("PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX")
    return {k: v for k, v in os.environ.items() if k not in strays} | {"PIP_USER": "0"} | more


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
    if has_cpu_torch():
        # Without dependencies: that index holds some, at other versions than constraints.txt.
        pip("--no-deps", f"--index-url={CPU_INDEX}", torch)
    else:
        no_cuda = VENV / "no-cuda.txt"
        no_cuda.write_text("triton<0\n")  # every CUDA build depends on triton, no CPU build does
        pip(f"--constraint={no_cuda}", torch)


def pinned(name: str) -> str:
    return re.findall(rf"^{name}==(\S+)", Path("constraints.txt").read_text(), re.M)[0]


def has_cpu_torch() -> bool:
    """Whether PyTorch's own index answers; further sources from a pip.conf are left out."""
    further = {"PIP_EXTRA_INDEX_URL": CPU_INDEX, "PIP_FIND_LINKS": str(BIN)}
    return finds("torch", PIP_INDEX_URL=CPU_INDEX, **further)


def finds(package: str, **settings: str) -> bool:
    """Whether pip, through its own proxy and certificates, reaches a source with this package."""
    words = [str(PYTHON), "-m", "pip", "index", "versions", package, "--retries=0", "--timeout=5"]
    env, null = clean_environment(**settings), subprocess.DEVNULL
    try:  # a limit of our own, as the look-up of a name may hang
        return subprocess.call(words, env=env, stdout=null, stderr=null, timeout=20) == 0
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
NO_MEMORY = (
    "The system ended the installation, as it does when memory runs out: close other programs (in "
    "a container or on a hosted machine, allow it more memory) and start again."
)
IN_USE = (
    "Files of .venv are in use, and Windows does not replace such files: close JupyterLab and all "
    "other programs that run this course (is `python` .venv's own? write `py start.py`), and start "
    "again."
)
NO_SPACE = f"The disk is full: the course needs about {GIGABYTES} GB; free some and start again."
LONG_PATH = r"This folder's path is too long: move the course, on Windows for example to C:\course."
NO_RIGHT = f"The folder {ROOT} may not be written: move the course into a folder of your own."
CAUSES = {  # words in a complaint, the last resort: the first pattern found is taken for the cause
    r"No space left|\[Errno 28\]|WinError 112|[Qq]uota exceeded": NO_SPACE,
    r"CERTIFICATE_VERIFY_FAILED|SSLCertVerificationError": NO_TRUST,
    r"Retrying \(Retry\(|NewConnection|ame resolution|unreachable|timed out|Proxy": NO_NETWORK,
    r"Cannot install torch==": NO_CPU_BUILD,  # it cannot meet the constraint in no-cuda.txt
    r"No matching distribution found for torch\b": NO_WHEEL,
    r"\bMemoryError\b": NO_MEMORY,
    r"Windows Long Path|WinError 206": LONG_PATH,
    r"WinError (5|32)\b": IN_USE,  # in a folder that can be written: that has been tried before
    **({r"\[Errno 13\]": IN_USE} if WINDOWS else {}),
}
ERRORS = {  # what the system calls an error
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), NO_SPACE),
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), NO_RIGHT),
    errno.ENAMETOOLONG: LONG_PATH,
}


def wrong_machine(system: str, machine: str, is_64_bit: bool) -> str:
    """What is known to be wrong with this machine before anything is downloaded, or empty."""
    if not is_64_bit:
        return "This Python is a 32-bit build, and PyTorch has none: install a 64-bit one."
    return NO_BUILD.get(f"{system} {machine}", "")


def wrong_folder() -> str:
    """What keeps .venv out of this folder, found by writing a file as deep as its deepest one."""
    try:
        with tempfile.TemporaryDirectory(dir=ROOT, prefix=".try-") as folder:
            below = DEEPEST - len(Path(folder).name) - 1
            deepest = Path(folder, (("d" * 49 + "/") * (below // 50 + 1))[:below])
            deepest.parent.mkdir(parents=True)
            deepest.touch()
    except FileNotFoundError:  # so Windows calls a path that is too long
        return LONG_PATH
    except OSError as error:
        return cause_of(error) or str(error)
    return ""


def is_running(program: Path) -> bool:
    """Whether Windows keeps this program from being replaced, as it does while it runs."""
    try:
        if WINDOWS:
            program.open("r+b").close()
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def cause_of(error: OSError) -> str:
    return ERRORS.get(error.errno or 0, "")


def explain(complaint: str, status: int = 1, downloads: bool = False) -> str:
    """One sentence for a command's failure: by its exit status, by what can be tried, by its words.

    Without a known cause the last lines of the complaint follow one sentence.
    """
    if status in (-9, 128 + 9):  # killed, by the system or inside a shell
        return NO_MEMORY
    fault = NO_SPACE if shutil.disk_usage(ROOT).free < 50e6 else wrong_folder()
    if fault:
        return fault
    found = [sentence for pattern, sentence in CAUSES.items() if re.search(pattern, complaint)]
    if downloads and not finds("tqdm"):  # any package that the course needs would do
        found = [s for s in found if s not in (NO_CPU_BUILD, NO_WHEEL)] + [NO_NETWORK]
    if found:
        return found[0]
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
    """All tests, or those that the arguments choose; 0 only if they passed.

    What `course verify` proves is among them: each answer is judged once, under three seeds.
    """
    # One thread in each of several workers: with more, they take the cores from each other.
    env = clean_environment(OMP_NUM_THREADS="1", TQDM_DISABLE="1")
    workers = min(4, max(2, os.cpu_count() or 2))
    pytest = [str(PYTHON), "-m", "pytest", f"--numprocesses={workers}", *arguments]
    return subprocess.call(pytest, env=env)


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


# ---------------------------------------------------------------- the newer course

SHIPPED = ROOT / ".shipped"  # the lectures as the course brought them: whose is a change?
REPLACED = ROOT / ".replaced"  # what the last zip replaced, lectures aside
LECTURE = re.compile(r"\d\d_[a-z0-9_]+\.ipynb")
NOT_BROUGHT = re.compile(
    r"\.git|\.venv|\.shipped|\.replaced|\.newer-.*|\.progress\.json|\.ipynb_checkpoints|__pycache__|.+\.egg-info"
    r"|notebooks|before-.*|grades|build|dist"
)
NOT_BY_GIT = (
    "This course did not come by git, or its branch follows no other: download the newer course "
    "and name its zip file or folder, as in `start.py update course.zip`."
)
NO_GIT = (
    "git is not installed here: install it, or download the newer course and name its zip file or "
    "folder, as in `start.py update course.zip`."
)
OWN_COMMITS = (
    "This clone has commits of yours that the course lacks, so git cannot just go on: merge them "
    "yourself (`git pull`), or download the newer course and name its zip file, as in `start.py "
    "update course.zip`, which carries your answers over as well."
)


def update(source: str = "", *more: str) -> int:
    """Bring a newer course, by git or from a zip or a folder, and keep what the student wrote."""
    if more:
        raise SystemExit("start.py update takes one path: the newer course's zip file or folder.")
    if not source and not git_is_behind():
        print("This is the newest course already.")
        return 0
    version = version_here()
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".newer-") as scratch:
        tree = whole_course(Path(source), Path(scratch)) if source else None
        newer = read_lectures(tree / "notebooks") if tree else lectures_at("@{upstream}")
        shipped = shipped_lectures(by_git=tree is None)
        mine = lectures_of_the_course(read_lectures(NOTEBOOKS), shipped, newer)
        merged, carried, remarks = carry_over(mine, shipped, newer)
        old = [name for name in mine if mine[name] != newer.get(name)]
        old = [name for name in old if name not in shipped or shipped[name] != newer.get(name)]
        if tree is None:  # git itself keeps what nobody edited
            old = [name for name in old if mine[name] != shipped.get(name)]
        kept = keep(old)
        try:
            go_on_by_git(old) if tree is None else copy_course(tree)
            for name in set(old) - set(merged):
                (NOTEBOOKS / name).unlink(missing_ok=True)
            write_lectures(NOTEBOOKS, merged)
        except BaseException:
            for name in old:
                shutil.copy2(kept / name, NOTEBOOKS / name)
            raise
    shutil.rmtree(SHIPPED, ignore_errors=True)
    write_lectures(SHIPPED, newer)
    print(f"The course is version {version_here()} now; it was {version}.")
    if old:
        print(f"Your lectures as they were: {kept.relative_to(ROOT).as_posix()}")
        print(f"Cells of yours in the newer lectures: {carried}")
    print("\n".join(["To be looked at:", *remarks]) if remarks else "Nothing was left behind.")
    print("Reload what JupyterLab shows; the next start installs what is new.")
    return 0


def version_here() -> str:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return (re.findall(r'^version = "(.*)"$', text, re.MULTILINE) or ["unknown"])[0]


def keep(names: list[str]) -> Path:
    """Copy these lectures into a folder of their own, beside the others."""
    today = f"before-{datetime.date.today()}"
    tries = (today if i == 1 else f"{today}-{i}" for i in range(1, 1000))
    folder = next(NOTEBOOKS / name for name in tries if not (NOTEBOOKS / name).exists())
    for name in names:
        folder.mkdir(exist_ok=True)
        shutil.copy2(NOTEBOOKS / name, folder / name)
    return folder


def read_lectures(folder: Path) -> dict[str, str]:
    """File name -> text of each lecture in a folder."""
    paths = sorted(path for path in folder.glob("*.ipynb") if LECTURE.fullmatch(path.name))
    return {path.name: path.read_text(encoding="utf-8", errors="replace") for path in paths}


def write_lectures(folder: Path, texts: dict[str, str]) -> None:
    """Write those lectures that differ from what is there."""
    there = read_lectures(folder)
    for name, text in texts.items():
        if there.get(name) != text:
            folder.mkdir(exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8", newline="\n")


def lectures_of_the_course(
    found: dict[str, str], shipped: dict[str, str], newer: dict[str, str]
) -> dict[str, str]:
    """Those notebooks that the course brought, if need be told by its cells; others stay alone."""
    known = {name for name in found if name in shipped or name in newer}
    ids = {name: {id_of(cell) for cell in cells_of(text)} for name, text in found.items()}
    free = {id_of(cell) for text in newer.values() for cell in cells_of(text)}
    free = free.difference(*(ids[name] for name in known))
    return {n: t for n, t in found.items() if n in known or 2 * len(ids[n] & free) > len(ids[n])}


def remember_lectures(stamp: dict) -> None:
    """Record the lectures as the course brings them: at the first start and at each new course."""
    if SHIPPED.exists() and stamp.get("recipe") in (None, recipe(ROOT)):
        return
    with contextlib.suppress(OSError):  # a course that may not be written can still be opened
        texts = read_lectures(NOTEBOOKS)
        write_lectures(SHIPPED, {name: text for name, text in texts.items() if is_untouched(text)})


def is_untouched(text: str) -> bool:
    """Whether a notebook looks as the course writes it: never run, never saved by Jupyter."""
    has_run = any(cell.get("outputs") or cell.get("execution_count") for cell in cells_of(text))
    return not has_run and not re.search(r'"version":\s*"3', text)


def shipped_lectures(by_git: bool) -> dict[str, str]:
    """The lectures as this course brought them, as far as anybody recorded it."""
    committed = {}
    if by_git:
        return lectures_at("HEAD")
    if (ROOT / ".git").exists() and shutil.which("git"):
        with contextlib.suppress(SystemExit):  # a repository without a commit
            committed = lectures_at("HEAD")  # perhaps with answers, where students commit them
    untouched = {name: text for name, text in committed.items() if is_untouched(text)}
    return {**untouched, **read_lectures(SHIPPED)}


# By git:


def git(*words: str) -> str:
    words = ("git", "-C", str(ROOT), *words)
    done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace")
    if done.returncode:
        last = [line for line in done.stderr.splitlines() if line.strip()][-1:]
        raise SystemExit(f"`git {words[3]}` failed: {''.join(last) or done.returncode}")
    return done.stdout


def git_is_behind() -> bool:
    """Whether the branch that this clone follows has gone on."""
    if not (ROOT / ".git").exists():
        raise SystemExit(NOT_BY_GIT)
    if not shutil.which("git"):
        raise SystemExit(NO_GIT)
    branch = git("rev-parse", "--abbrev-ref", "HEAD").strip()
    if not git("for-each-ref", "--format=%(upstream)", f"refs/heads/{branch}").strip():
        raise SystemExit(NOT_BY_GIT)
    git("fetch", "--quiet")
    ahead, behind = git("rev-list", "--left-right", "--count", "HEAD...@{upstream}").split()
    if behind != "0" and ahead != "0":
        raise SystemExit(OWN_COMMITS)
    here = git("diff", "--name-only", "--no-renames", "-z", "HEAD").split("\0")
    here += git("ls-files", "--others", "-z").split("\0")
    there = git("diff", "--name-only", "--no-renames", "-z", "HEAD", "@{upstream}").split("\0")
    clashes = sorted(path for path in set(here) & set(there) if path and not is_lecture(path))
    if clashes:
        raise SystemExit(
            f"You have changed {', '.join(clashes[:3])}, and so does the newer course: move your "
            f"version elsewhere (then `git checkout {clashes[0]}`), and update again."
        )
    return behind != "0"


def is_lecture(path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return folder == "notebooks" and bool(LECTURE.fullmatch(name))


def lectures_at(commit: str) -> dict[str, str]:
    paths = git("ls-tree", "--name-only", "-z", commit, "notebooks/").split("\0")
    return {path[10:]: git("show", f"{commit}:{path}") for path in paths if is_lecture(path)}


def go_on_by_git(edited: list[str]) -> None:
    """Go on to the newest commit; the edited lectures, copied before, are out of its way."""
    committed = lectures_at("HEAD")
    for name in edited:
        if name in committed:
            git("checkout", "--quiet", "HEAD", "--", f"notebooks/{name}")
        else:  # one that the newer course brings, too
            (NOTEBOOKS / name).unlink()
    git("merge", "--quiet", "--ff-only", "@{upstream}")


# From a zip or a folder:


def whole_course(source: Path, scratch: Path) -> Path:
    """The folder with the newer course, unpacked first if it is a zip."""
    if source.is_file():
        try:
            shutil.unpack_archive(str(source), str(scratch), "zip")
        except Exception as error:  # damage shows itself in many ways
            if isinstance(error, OSError) and not isinstance(error, shutil.ReadError):
                raise
            raise SystemExit(f"{source} is no whole zip file: download it again.") from None
    elif not source.is_dir():
        raise SystemExit(f"There is no {source}: name the newer course's zip file or folder.")
    top = scratch if source.is_file() else source
    folders = [top, *sorted(path for path in top.iterdir() if path.is_dir())]
    whole = [folder for folder in folders if not incomplete(folder)]
    if not whole or whole[0].resolve() == ROOT:
        raise SystemExit(f"{source} holds no newer course: it needs {', '.join(PARTS)}.")
    return whole[0]


def copy_course(tree: Path) -> None:
    """Put all but the lectures in the place of what is here, or leave everything as it was."""
    names = [path.relative_to(tree) for top in (tree, tree / "notebooks") for path in top.iterdir()]
    names = [name for name in names if not NOT_BROUGHT.fullmatch(name.name)]
    names = [name for name in names if not is_lecture(name.as_posix())]
    shutil.rmtree(REPLACED, ignore_errors=True)
    no_caches = shutil.ignore_patterns("__pycache__")
    done = []
    try:
        for name in names:
            done.append(name)
            if (ROOT / name).exists():
                (REPLACED / name).parent.mkdir(parents=True, exist_ok=True)
                os.replace(ROOT / name, REPLACED / name)
            if (tree / name).is_dir():
                shutil.copytree(tree / name, ROOT / name, ignore=no_caches)
            else:
                shutil.copy2(tree / name, ROOT / name)
    except BaseException:
        for name in done:
            if (REPLACED / name).exists():
                if (ROOT / name).is_dir():
                    shutil.rmtree(ROOT / name)
                os.replace(REPLACED / name, ROOT / name)
        raise


# ---------------------------------------------------------------- the student's notebooks in it

CHECK = re.compile(r"^check\(\s*[\"'](\d\d\.\w+)[\"'].*$", re.MULTILINE)
QUOTED_NAME = re.compile(r"([\"'`])(\d\d\.\w+)\1")
STUB = "# Your answer here"
BY_AN_EDITOR = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{8}")  # a cell's id

UNREADABLE = "it cannot be read"
GONE = "the newer course has no such cell"
BOTH = "you changed it and so did the course, whose version stands there"
CHANGED = "your answer stands there, but the exercise has changed, now `{}`"
STUB_LEFT = "the stub's mark is still in it, so the newer stub stands there"
UNCLEAR = "{} cells differ, and nothing tells who changed them: the course's stand there"


class Match(NamedTuple):
    """A cell of the student's, and what the courses say of it."""

    lecture: str
    cell: dict
    text: str  # its source, with the exercises' numbers of the newer course
    once: str | None  # the course's own text then, if known
    target: dict | None  # its place in the newer course, if it has one
    own: bool  # known to be a cell that the student made


def carry_over(
    mine: dict[str, str], shipped: dict[str, str], newer: dict[str, str]
) -> tuple[dict[str, str], int, list[str]]:
    """The newer lectures with what the student wrote in the old ones, each given by its file name.

    A cell is recognised by its id, whichever lecture it is in now, else an exercise by its name.
    What the student wrote in it stands in the newer course, unless that changed the cell as well;
    in an exercise the student's code always wins. The student's own cells follow the same cell.

    Returns:
        the texts; how many cells were carried over; what was not or needs a look, a line each.
    """
    unchanged = {name: mine[name] for name in mine if shipped.get(name) == newer.get(name, "")}
    touched = {name: text for name, text in mine.items() if name not in unchanged}
    sheets = {name: json.loads(text) for name, text in newer.items() if name not in unchanged}
    place = {cell["id"]: cell for sheet in sheets.values() for cell in sheet["cells"]}
    matches = recognise(touched, shipped, place)
    spot = {m.lecture: m.target["id"] for m in reversed(matches) if m.target}  # each one's first
    taken, below, verdicts = set(), {}, []
    for match in matches:
        verdict = ""
        if match.target and match.target["id"] not in taken:
            spot[match.lecture] = match.target["id"]
            text, verdict = settle(match.text, match.once, source_of(match.target))
            if text != source_of(match.target):
                match.target["source"] = text.splitlines(keepends=True)
                taken.add(match.target["id"])
        elif not match.text.strip() or match.text == match.once:
            pass  # empty, or the course's own and gone
        elif match.own and match.lecture in spot:
            below.setdefault(spot[match.lecture], []).append(clean_copy(match, place))
        else:
            is_known = match.once is not None or CHECK.search(match.text)
            verdict = GONE if is_known else UNCLEAR
        verdicts.append((match, verdict))
    merged = {**newer, **unchanged}
    for name, sheet in sheets.items():
        if any(cell["id"] in taken or cell["id"] in below for cell in sheet["cells"]):
            groups = [[cell, *below.get(cell["id"], [])] for cell in sheet["cells"]]
            sheet["cells"] = [cell for group in groups for cell in group]
            merged[name] = json.dumps(sheet, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    for name in touched.keys() & newer.keys():
        if content(mine[name]) == content(merged[name]):
            merged[name] = mine[name]  # with its outputs
    remarks = [f"{name}: {UNREADABLE}" for name, text in touched.items() if not cells_of(text)]
    return merged, len(taken) + sum(map(len, below.values())), remarks + in_words(verdicts)


def in_words(verdicts: list[tuple[Match, str]]) -> list[str]:
    """A line for each cell that needs a look; what nobody can tell is counted by lecture."""
    lines = [f"{m.lecture}, {title_of(m.text)}: {v}" for m, v in verdicts if v not in ("", UNCLEAR)]
    unclear = Counter(match.lecture for match, verdict in verdicts if verdict == UNCLEAR)
    return lines + [f"{name}: {UNCLEAR.format(count)}" for name, count in unclear.items()]


def recognise(mine: dict[str, str], shipped: dict[str, str], place: dict[str, dict]) -> list[Match]:
    """Where each of the student's cells belongs in the newer course."""
    exercise = {name: cell for cell in place.values() for name in CHECK.findall(source_of(cell))}
    then = [cell for text in shipped.values() for cell in cells_of(text)]
    now = {name: cells_of(text) for name, text in mine.items()}
    number = new_numbers([*then, *(cell for cells in now.values() for cell in cells)], place)

    def text_of(cell: dict) -> str:
        parts = QUOTED_NAME.split(source_of(cell))  # text, quote, name, text, quote, name, text
        for i in range(2, len(parts), 3):
            parts[i] = number.get(parts[i], parts[i]) + parts[i - 1]
        return "".join(parts)

    once = {id_of(cell): text_of(cell) for cell in then}
    id_by_text = {text: key for key, text in once.items()}  # for cells that lost their id
    ids = {id_of(cell) for cells in now.values() for cell in cells}
    matches = []
    for lecture, cells in now.items():
        for cell in cells:
            text = text_of(cell)
            key = id_of(cell) or id_by_text.get(text, "")
            target, names = place.get(key), CHECK.findall(text)
            asked = CHECK.findall(source_of(target or {}))
            if names and asked != names and (asked or not target):
                target = exercise.get(names[0])
                if target and target["id"] in ids:  # the student has that cell itself, too
                    target = None
            own = key not in once and (lecture in shipped or bool(BY_AN_EDITOR.fullmatch(key)))
            matches.append(Match(lecture, cell, text, once.get(key), target, own))
    return matches


def new_numbers(cells: list[dict], place: dict[str, dict]) -> dict[str, str]:
    """Exercise's name -> its name in the newer course, where lectures may have other numbers.

    The cell's id tells, else the function's name where only one lecture of the newer course has it.
    """
    names = [name for cell in place.values() for name in CHECK.findall(source_of(cell))]
    table = {name: name for name in names}
    for cell in cells:
        here = CHECK.findall(source_of(place.get(id_of(cell), {})))
        for name in CHECK.findall(source_of(cell)):
            same = [n for n in here if n[3:] == name[3:]] or [n for n in names if n[3:] == name[3:]]
            if len(same) == 1:
                table.setdefault(name, same[0])
    return table


def settle(text: str, once: str | None, new: str) -> tuple[str, str]:
    """What a cell of the newer course shall say, and what the student has to be told of it.

    text: the student's; once: the course's own then, None if unknown; new: the newer course's.
    """
    asked = CHECK.findall(new)
    if text in (new, once) or without_check(text) == without_check(new):
        return new, ""
    if not text.strip() and once != new:  # emptied, and there is something new to read
        return new, ""
    if not asked:
        if once == new:
            return text, ""
        return new, UNCLEAR if once is None else BOTH
    if once is None and STUB in text:
        return new, STUB_LEFT
    lines = [m.group() for m in CHECK.finditer(new) if m.group(1) not in CHECK.findall(text)]
    said = "\n".join([text, *lines])
    if once is None or without_check(once) == without_check(new):
        return said, ""
    heads = re.findall(r"^(?:class|def) .*", new, re.MULTILINE)
    return said, CHANGED.format(heads[0] if heads else "another one")


def without_check(text: str) -> str:
    return CHECK.sub("", text).strip()


def clean_copy(match: Match, place: dict[str, dict]) -> dict:
    """A cell of the student's own, without outputs and with an id."""
    cell = {**match.cell, "source": match.text.splitlines(keepends=True)}
    cell["id"] = cell.get("id") if cell.get("id") not in (None, *place) else uuid.uuid4().hex[:8]
    return {**cell, "outputs": [], "execution_count": None} if "outputs" in cell else cell


def title_of(text: str) -> str:
    """How a cell is named to the student: its exercise, else its first line."""
    name = CHECK.search(text)
    return f"exercise {name.group(1)}" if name else f"`{text.strip().splitlines()[0][:60]}`"


def cells_of(text: str) -> list[dict]:
    """The cells of a notebook; none where it cannot be read."""
    try:
        return [cell for cell in json.loads(text)["cells"] if isinstance(cell, dict)]
    except (ValueError, KeyError, TypeError):
        return []


def content(text: str) -> list:
    return [(id_of(cell), source_of(cell)) for cell in cells_of(text)]


def source_of(cell: dict) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def id_of(cell: dict) -> str:
    return cell.get("id") or cell.get("metadata", {}).get("id", "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
