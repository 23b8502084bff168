"""A place for student code: nothing of the instructor's, no network, and limits on the rest.

bubblewrap makes it. Its root is empty but for read-only copies of the system's programs, of
Python, and of the hollow twin of the course's package (twin.py); the package itself is masked
wherever it is installed. Started as root it becomes an ordinary user first. What runs inside is
warm.py. `self_test` tries it all before it is trusted.
"""

import contextlib
import glob
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from . import twin
from .proxy import Session, explain
from .warm import Quotas

PACKAGE = Path(__file__).resolve().parents[1]
WORKER_FILES = (
    "wire.py",
    "seccomp.py",
    "warm.py",
    "worker.py",
    "functions.py",
    "hollow.py",
    "script.py",
    "fixtures.py",
    "timelimit.py",
    "probe.py",
)
COURSE = "/course"  # where the twin of the package is, inside
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64")
SYSTEM_FILES = ("ld.so.cache", "ld.so.conf", "ld.so.conf.d", "alternatives", "fonts", "localtime")
DEVICES = ("null", "full", "random", "urandom")  # "zero" can be mapped: memory without a name
USERS = range(60_578, 61_184)  # numbers that systemd leaves to nobody
START_SECONDS = 180.0
# sys.path is set by hand: files of the site could run code or show other folders.
START = """
import runpy, sys
sys.path[:0] = sys.argv[2].split(":")
runpy.run_module(sys.argv[1], run_name="__main__")
"""


class SandboxError(ValueError):
    """There is no sandbox here, or it did not start: one sentence."""


@dataclass(frozen=True)
class SandboxReport:
    """What kind of sandbox works on this machine.

    Attributes:
        kind: "root" (an ordinary user inside), "user", or "none".
        warm: one warm parent for all submissions; otherwise a fresh sandbox for each.
        sentence: for the report.
        failures: what the self-test found open, by kind that was tried.
    """

    kind: str
    warm: bool
    sentence: str
    failures: tuple[str, ...] = ()


# --- what is inside ---------------------------------------------------------------------------


def copy_package(folder: Path) -> None:
    """Write the package's hollow twin, and the worker beside it."""
    texts = {f"course_utils/{name}": text for name, text in twin.texts().items()}
    texts["course_worker/__init__.py"] = ""
    for name in WORKER_FILES:
        texts[f"course_worker/{name}"] = Path(__file__).with_name(name).read_text("utf-8")
    stub = Path(__file__).with_name("stub_exercises.py")
    texts["course_utils/exercises/__init__.py"] = stub.read_text("utf-8")
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for path in (folder, *folder.rglob("*")):  # whatever the umask: another user reads it
        path.chmod(0o755 if path.is_dir() else 0o644)


def remove_sources(folder: Path) -> None:
    """Delete the twin's modules: they are imported, and need not be read."""
    for path in (folder / "course_utils").rglob("*.py"):
        path.unlink()


def python_folders() -> list[str]:
    """Where the interpreter and its standard library are: seen inside under the same names."""
    wanted = (sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable)))
    return sorted({path for p in wanted for path in (os.path.abspath(p), os.path.realpath(p))})


def site_folders() -> dict[str, str]:
    """The folders that packages are installed in, and the names they have inside.

    Those beside the interpreter keep theirs; those of a virtual environment are moved, since it
    may lie anywhere, even below a folder that is hidden.
    """
    found = [p for p in sys.path if p.endswith(("site-packages", "dist-packages"))]
    found = [os.path.realpath(p) for p in dict.fromkeys(found) if os.path.isdir(p)]
    kept = [*SYSTEM, *python_folders()]
    return {p: p if inside(p, kept) else f"/site/{i}" for i, p in enumerate(found)}


def installed() -> list[str]:
    """Every place where the course's package may be installed, this one and older ones."""
    places = {*site_folders(), *SYSTEM, *python_folders()}
    patterns = [
        f"{name}*" for name in ("", "lib*/python3*/*-packages/", "local/lib/python3*/*-packages/")
    ]
    found = {str(PACKAGE)}
    for place in places:
        for pattern in patterns:
            for path in glob.iglob(os.path.join(glob.escape(place), pattern)):
                name = os.path.basename(path).lower()
                if os.path.isdir(path) and re.match(r"course[-_.]utils", name):
                    found |= {path, os.path.realpath(path)}
    return sorted(found)


def inside(path: str, folders: Sequence[str]) -> bool:
    """Is the path one of the folders, or below one?"""
    return any(os.path.commonpath((path, folder)) == folder for folder in folders)


def mounts(folder: Path, hidden: Sequence[Path], nested: bool = False) -> list[str]:
    """bubblewrap's options for the files that are seen inside; nested: from a sandbox within."""
    # /tmp first: the instructor's own Python may be below it. Folders that bubblewrap makes by
    # itself are closed to other users; those made by --dir are not.
    options = ["--tmpfs", "/tmp", "--dir", "/etc", "--dir", "/dev", "--dir", "/site"]
    links = [path for path in SYSTEM if os.path.islink(path)]
    options += [word for path in links for word in ("--symlink", os.readlink(path), path)]
    system = [path for path in SYSTEM if path not in links and os.path.isdir(path)]
    seen = {path: "--ro-bind" for path in (*system, *python_folders())}
    # The course, the submissions and the marks are not shown even where they lie in such a folder.
    closed = [*installed(), *(str(p.resolve()) for p in hidden)]
    for path in closed:
        if inside(path, list(seen)) and path not in seen and os.path.isdir(path):
            seen[path] = "--tmpfs"
    for path in sorted(seen):  # parents before their children
        for parent in reversed(Path(path).parents[:-1]):
            if not inside(str(parent), [p for p in seen if seen[p] == "--ro-bind"]):
                options += ["--dir", str(parent)]
        options += ["--tmpfs", path] if seen[path] == "--tmpfs" else ["--ro-bind", path, path]
    for name in SYSTEM_FILES:
        if os.path.exists(f"/etc/{name}"):
            options += ["--ro-bind", f"/etc/{name}", f"/etc/{name}"]
    moved = {str(folder): COURSE} | {p: n for p, n in site_folders().items() if p != n}
    for path, name in moved.items():
        options += ["--ro-bind", name if nested else path, name]
        for mask in closed:
            if mask != path and inside(mask, [path]):
                options += ["--tmpfs", os.path.join(name, os.path.relpath(mask, path))]
    for name in DEVICES:
        options += ["--dev-bind", f"/dev/{name}", f"/dev/{name}"]
    return options


def environment(home: str = "/tmp") -> dict[str, str]:
    """All environment variables of the student's code."""
    return {
        "HOME": home,
        "USER": "student",
        "LOGNAME": "student",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "MPLBACKEND": "Agg",
        "MPLCONFIGDIR": f"{home}/matplotlib",
        "IPYTHONDIR": f"{home}/ipython",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TQDM_DISABLE": "1",
    }


def command(kind: str, warm: bool, folder: Path, hidden: Sequence[Path], size: int) -> list[str]:
    """The words that start a program in the sandbox; the program's own words follow."""
    if kind == "none":
        return []
    as_root = kind == "root"
    inner = [_program("bwrap"), *mounts(folder, hidden, nested=as_root), "--proc", "/proc"]
    for scratch in ("/tmp", "/dev/shm"):
        inner += ["--size", str(size << 20), "--tmpfs", scratch]
    inner += ["--remount-ro", "/", "--unshare-all", "--new-session", "--cap-drop", "ALL"]
    inner += ["--hostname", "course", "--chdir", "/tmp", "--clearenv"]
    if not warm:
        inner += ["--unshare-user", "--disable-userns"]
    for name, value in environment().items():
        inner += ["--setenv", name, value]
    if not as_root:
        return [*inner, "--"]
    # As root: keep the capabilities that it takes to become somebody else, and become that.
    user = str(USERS[os.getpid() % len(USERS)])
    outer = [_program("bwrap"), *mounts(folder, hidden), "--bind", "/proc", "/proc"]
    outer += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--"]
    become = [_program("setpriv"), "--reuid", user, "--regid", user, "--clear-groups"]
    become += ["--inh-caps=-all", "--no-new-privs", "--"]
    return [*outer, *become, *inner, "--"]


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise SandboxError(f"The program `{name}` is not installed.")
    return os.path.realpath(found)


# --- one sandbox that runs --------------------------------------------------------------------


class Sandbox:
    """A warm parent that runs inside, and its children, one `Session` each.

    Args:
        report: the kind, from `self_test`.
        quotas: what each child may use.
        hidden: folders that must not be seen, beside the course itself.
        program: what to run inside; the self-test has its own.
    """

    def __init__(
        self,
        report: SandboxReport,
        quotas: Quotas,
        hidden: Sequence[Path] = (),
        program: str = "course_worker.warm",
    ):
        self.reusable = report.warm or report.kind == "none"
        self.folder = Path(tempfile.mkdtemp(prefix="course-grader-"))
        tree = self.folder / "course"
        self.tree = tree
        copy_package(tree)
        self.control, theirs = socket.socketpair()
        self.complaints = open(self.folder / "complaints", "w+b")  # noqa: SIM115
        sites = site_folders()
        shown, start, variables = [COURSE, *sites.values()], "/", environment()
        if report.kind == "none":
            shown, start = [str(tree), *sites], str(self.folder / "scratch")
            os.mkdir(start)
            variables = environment(start)
            quotas = replace(quotas, processes=1 << 20)  # all of the user's own would count
        words = [os.path.realpath(sys.executable), "-I", "-S", "-c", START]
        words += [program, ":".join(shown)]
        words += [str(theirs.fileno()), quotas.to_text(), "isolate" if report.warm else "share"]
        try:
            prefix = command(report.kind, report.warm, tree, hidden, quotas.tmp)
            self.process = subprocess.Popen(
                [*prefix, *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self.complaints,
                pass_fds=[theirs.fileno()],
                env=variables,
                cwd=start,
                start_new_session=True,
            )
        except BaseException:
            self.process = None
            self.close()
            raise
        finally:
            theirs.close()
        self.is_ready = False

    @property
    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def wait_until_ready(self, seconds: float = START_SECONDS) -> None:
        """Wait until everything is imported.

        Raises:
            SandboxError: when it does not start.
        """
        if self.is_ready:
            return
        self.control.settimeout(seconds)
        try:
            word = self.control.recv(16)
        except OSError:
            word = b""
        if word != b"ready\n":
            if self.process is not None:
                self.process.kill()
                self.process.wait()
            self.complaints.seek(0)
            said = self.complaints.read(4000).decode(errors="replace").strip().splitlines()
            self.close()
            reason = said[-1] if said else "it ended without a word"
            raise SandboxError(f"The sandbox did not start: {reason}.")
        remove_sources(self.tree)
        self.is_ready = True

    def spawn(self) -> Session:
        """A new child. Of a sandbox that is not reusable it is the only one, and ends it."""
        self.wait_until_ready()
        talk, their_talk = socket.socketpair()
        leash, their_leash = socket.socketpair()
        with their_talk, their_leash:
            socket.send_fds(self.control, [b"+"], [their_talk.fileno(), their_leash.fileno()])
        return Session(talk, leash, on_close=list if self.reusable else self.close)

    def close(self) -> None:
        """End everything inside."""
        self.control.close()
        if self.process is not None and self.process.poll() is None:
            end(self.process)
        self.complaints.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def end(process: subprocess.Popen) -> None:
    """Kill bubblewrap and all below it: its process 1 inside, with which all others there end."""
    for below in reversed(descendants(process.pid)):
        with contextlib.suppress(OSError):
            os.kill(below, signal.SIGKILL)
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()


def descendants(process: int) -> list[int]:
    """The children of a process, and theirs."""
    found = [process]
    for one in found:
        with contextlib.suppress(OSError):
            children = Path(f"/proc/{one}/task/{one}/children").read_text()
            found += map(int, children.split())
    return found[1:]


# --- the self-test ----------------------------------------------------------------------------


@cache
def self_test() -> SandboxReport:
    """Which sandbox works here: each promise is tried from inside before it is believed."""
    kind = "root" if os.geteuid() == 0 else "user"
    who = "as an ordinary user below root" if kind == "root" else "as this user"
    failures = []
    for warm in (True, False):
        failed = probe(SandboxReport(kind, warm, ""))
        if not failed:
            how = "a warm start" if warm else "a fresh sandbox for each submission"
            return SandboxReport(kind, warm, f"bubblewrap, {who}, with {how}.", tuple(failures))
        failures += failed
    sentence = f"There is no working sandbox here: {failures[0]}"
    return SandboxReport("none", False, sentence, tuple(failures))


def probe(report: SandboxReport) -> list[str]:
    """What a program in this sandbox can do and should not, one sentence each."""
    quotas = Quotas(memory=256, processes=16, tmp=8)
    with tempfile.TemporaryDirectory() as here, socket.create_server(("127.0.0.1", 0)) as server:
        secret = Path(here) / "secret"
        secret.write_text("of the instructor")
        question = {
            "files": [str(secret), *installed(), "/etc/shadow", "/etc/passwd", *_of_home()],
            "port": server.getsockname()[1],
            "pid": os.getpid(),
            "memory": 2 * quotas.memory,
            "tmp": 2 * quotas.tmp,
            "processes": quotas.processes,
        }
        sandbox = None
        try:
            sandbox = Sandbox(report, quotas, [Path(here)], "course_worker.probe")
            sandbox.wait_until_ready(20)
            session = sandbox.spawn()
            return _ask_probe(session, question)
        except (SandboxError, OSError, ValueError) as error:
            return [str(error)]
        finally:
            if sandbox is not None:
                sandbox.close()


def _of_home() -> list[str]:
    """Some of what the instructor has at home, without the folders that lead to Python."""
    try:
        home = Path.home()
        entries = sorted(map(str, home.iterdir())) if home != home.parent else []
    except (OSError, RuntimeError):  # closed to us too, or there is none
        return []
    leading = {str(p) for f in python_folders() for p in (Path(f), *Path(f).parents)}
    return [e for e in entries if e not in leading and not inside(e, python_folders())][:20]


def _ask_probe(session: Session, question: dict) -> list[str]:
    session.talk.settimeout(20)
    session.talk.sendall(json.dumps(question).encode() + b"\n")
    answer = session.talk.makefile("rb").readline(1 << 16)
    if not answer:
        raise SandboxError(f"The self-test ended early: {explain(*session.how_it_ended())[1]}")
    session.close()
    return json.loads(answer)
