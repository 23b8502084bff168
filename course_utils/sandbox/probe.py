"""Inside the sandbox: try everything that should not be possible there, and say what was."""

import contextlib
import json
import os
import platform
import socket
import sys
from collections.abc import Callable
from pathlib import Path

from . import seccomp, warm


def examine(channel: socket.socket) -> None:
    """Answer one question, a line of JSON, by the list of what is open."""
    question = json.loads(channel.makefile("rb").readline())
    open_ones = [sentence for sentence, found in attempts(question).items() if found]
    channel.sendall(json.dumps(open_ones).encode() + b"\n")


def attempts(question: dict) -> dict[str, bool]:
    """Sentence: is it so?"""
    isolated = os.getpid() == 1
    status = dict(
        line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()
    )
    found = {
        "Student code would run as root.": os.getuid() == 0 or os.geteuid() == 0,
        "Student code could gain privileges.": status["NoNewPrivs"].strip() != "1",
        "Student code would hold capabilities.": int(status["CapEff"], 16) != 0
        or int(status["CapPrm"], 16) != 0,
        "Student code could become root.": works(lambda: os.setuid(0)),
        "Student code could reach the network.": works(
            lambda: socket.create_connection(("127.0.0.1", question["port"]), 1).close()
        ),
        "Student code could signal the grader.": works(lambda: os.kill(question["pid"], 0)),
        "Student code could open user namespaces of its own.": works(new_user_namespace),
        "There is no limit on memory.": works(lambda: bytearray(question["memory"] << 20)),
        "There is no limit on scratch files.": works(lambda: fill("/tmp", question["tmp"])),
        "There is no limit on shared memory.": works(lambda: fill("/dev/shm", question["tmp"])),
        "System calls are not filtered.": platform.machine() in seccomp.MACHINES
        and works(lambda: os.close(os.memfd_create("attempt"))),
        "There is no limit on processes.": forks(question["processes"] + 8),
        "The environment is not cleared.": "TQDM_DISABLE" not in os.environ
        or "SSH_CONNECTION" in os.environ,
    }
    if isolated:
        seen = [name for name in os.listdir("/proc") if name.isdigit()]
        found["Student code could see other processes."] = len(seen) > 1
    for name in question["files"]:
        found[f"Student code could read {name}."] = works(lambda name=name: look(name))
    for folder in ("/", "/usr", "/dev", "/course", "/etc", sys.base_prefix):
        found[f"Student code could write to {folder}."] = works(lambda f=folder: write(f))
    return found


def works(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return False
    return True


def look(name: str) -> None:
    """Read a file, or find something in a folder."""
    path = Path(name)
    if path.is_dir():
        if not any(path.iterdir()):
            raise FileNotFoundError(name)
    else:
        path.read_bytes()


def write(folder: str) -> None:
    path = Path(folder) / "attempt"
    path.write_text("written")
    path.unlink()


def fill(folder: str, mebibytes: int) -> None:
    path = Path(folder) / "fill"
    try:
        with open(path, "wb") as file:
            for _ in range(mebibytes):
                file.write(bytes(1 << 20))
    finally:
        with contextlib.suppress(OSError):
            path.unlink()


def new_user_namespace() -> None:
    """In a child, so that we stay who we are."""
    child = os.fork()
    if child == 0:
        os._exit(warm._libc().unshare(warm.NEW_USER) != 0)
    if os.waitpid(child, 0)[1] != 0:
        raise PermissionError


def forks(count: int) -> bool:
    """Can so many processes live at once?"""
    children = []
    ours, theirs = os.pipe()
    try:
        for _ in range(count):
            child = os.fork()
            if child == 0:
                os.close(theirs)
                os.read(ours, 1)
                os._exit(0)
            children.append(child)
    except OSError:
        return False
    finally:
        os.close(theirs)
        os.close(ours)
        for child in children:
            os.waitpid(child, 0)
    return True


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[3]))
    quotas, isolate = warm.Quotas.from_text(sys.argv[4]), sys.argv[5] == "isolate"
    warm.serve(control, examine, quotas, isolate)


if __name__ == "__main__":
    main()
