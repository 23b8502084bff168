"""Inside the sandbox: a warm parent, and one closed-off child of it for each submission.

The parent imports what lectures import, says "ready", and waits. For each pair of sockets that
it is sent it forks a keeper, and the keeper forks a child in namespaces of its own: other
processes, other submissions' files and the network do not exist there. Student code runs in
the child only. The keeper holds the *leash*: it kills the child when the grader lets go of the
leash, when memory runs over, or when all its processes together have computed longer than the
grader has allowed them over the leash; otherwise it reports how the child ended.

    grader == control ==> parent == fork ==> keeper == fork ==> child <== talk ==> grader

This file needs the standard library only, so that the self-test starts within a blink.
"""

import contextlib
import ctypes
import gc
import importlib
import os
import pkgutil
import resource
import select
import signal
import socket
import struct
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

from . import seccomp

# From linux/sched.h, linux/prctl.h and sys/mount.h.
NEW_USER, NEW_PID, NEW_MOUNT = 0x10000000, 0x20000000, 0x00020000
NEW_IPC, NEW_NET, NEW_UTS, NEW_CGROUP = 0x08000000, 0x40000000, 0x04000000, 0x02000000
EVERYTHING_NEW = NEW_USER | NEW_PID | NEW_MOUNT | NEW_IPC | NEW_NET | NEW_UTS | NEW_CGROUP
DROP_BOUNDING, SET_NO_NEW_PRIVS = 24, 38
NO_SUID, NO_DEVICES = 2, 4
CAPABILITY_VERSION_3 = 0x20080522
MIB = 1 << 20
TICKS = os.sysconf("SC_CLK_TCK")
SCRATCH = ("/tmp", "/dev/shm")
COUNTED = (b"Pss:", b"Swap:", b"Shared_Hugetlb:", b"Private_Hugetlb:")  # of a process's memory

STATUS = struct.Struct("<ii")  # how a child ended: why (below), and its exit code or signal
EXITED, OUT_OF_MEMORY, NOT_STARTED, OUT_OF_TIME, UNMEASURED = range(5)
# What the grader allows: seconds of processor time from now on for one request, and for all until
# the next such word; a negative number leaves the second as it is.
BUDGET = struct.Struct("<dd")
LOOK_SECONDS = 0.2  # between two looks at what a child uses
PIPE = MIB  # bytes that the kernel may hold in one


@dataclass(frozen=True)
class Quotas:
    """What one submission may use at most. Sizes in MiB, processor time in seconds."""

    memory: int = 2048  # of all its processes, scratch files, pipes and sockets together
    processes: int = 48  # and threads
    files: int = 128
    tmp: int = 64
    cpu: int = 600  # of all its processes together

    def to_text(self) -> str:
        return ",".join(map(str, astuple(self)))

    @classmethod
    def from_text(cls, text: str) -> "Quotas":
        return cls(*map(int, text.split(",")))


# --- the parent -------------------------------------------------------------------------------


def serve(
    control: socket.socket, work: Callable[[socket.socket], object], quotas: Quotas, isolate: bool
) -> None:
    """Fork a kept child that does `work` for each pair of sockets, until the grader is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # keepers are not waited for
    gc.freeze()  # the collector would write to, and so copy, the pages that children share
    control.sendall(b"ready\n")
    while True:
        try:
            word, sockets, _, _ = socket.recv_fds(control, 1, 2)
        except ConnectionError:
            return
        if not word:
            return
        if os.fork() == 0:
            talk, leash = sockets
            keep(talk, leash, work, quotas, isolate)
        for descriptor in sockets:
            os.close(descriptor)


def keep(
    talk: int,
    leash: int,
    work: Callable[[socket.socket], object],
    quotas: Quotas,
    isolate: bool,
) -> None:
    """Be the keeper of one child; never returns."""
    report = (NOT_STARTED, 0)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()  # first: or a kill of the process group would reach the parent
        close_all_but(talk, leash)
        if isolate:
            new_namespaces()
        child = os.fork()
        if child == 0:
            os.close(leash)
            run_child(talk, work, quotas, isolate)
        os.close(talk)
        report = watch(child, leash, quotas, isolate)
    except BaseException as error:
        report = (NOT_STARTED, getattr(error, "errno", None) or 0)
    finally:
        with contextlib.suppress(OSError):
            os.write(leash, STATUS.pack(*report))
        os._exit(0)


def watch(child: int, leash: int, quotas: Quotas, isolate: bool) -> tuple[int, int]:
    """Wait until the child ends, or end it."""
    waiting = select.poll()
    waiting.register(leash, select.POLLIN | select.POLLHUP)
    ended = os.pidfd_open(child)
    waiting.register(ended, select.POLLIN)
    try:
        why = look_on(child, leash, waiting, ended, quotas, isolate)
    except Exception:  # what goes wrong while we look is counted as over, too
        why = UNMEASURED
    os.kill(child, signal.SIGKILL)  # it is process 1 of its namespace: all others follow
    if not isolate:
        with contextlib.suppress(OSError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return why, os.waitstatus_to_exitcode(status)


def look_on(
    child: int, leash: int, waiting: select.poll, ended: int, quotas: Quotas, isolate: bool
) -> int:
    """Look at what the child uses until it ends, or must be ended: why."""
    meter = Meter(child, isolate)
    for_request = for_all = float(quotas.cpu)
    why = EXITED
    while why == EXITED:
        ready = dict(waiting.poll(1000 * LOOK_SECONDS))
        if ended in ready:
            break
        used = meter.seconds()
        if leash in ready:
            said = os.read(leash, 1 << 16)
            if not said:  # the grader let go
                break
            for request, everything in BUDGET.iter_unpack(said):
                for_request = used + request
                for_all = used + everything if everything >= 0 else for_all
            continue
        if used > min(for_request, for_all, quotas.cpu):
            why = OUT_OF_TIME
        elif isolate:
            try:
                why = OUT_OF_MEMORY if meter.memory() > quotas.memory * MIB else EXITED
            except PermissionError:  # it has hidden itself from us: counted as over
                why = UNMEASURED
    return why


class Meter:
    """What the processes of a submission use, all together.

    Args:
        child: the first of them, by its number here.
        isolate: whether /proc shows them and nobody else; otherwise only the first is counted.
    """

    def __init__(self, child: int, isolate: bool):
        self.child, self.isolate = child, isolate
        self.own: dict[str, float] = {}  # by process and start: its own seconds when last seen

    def processes(self) -> list[Path]:
        if not self.isolate:
            return [Path(f"/proc/{self.child}")]
        with contextlib.suppress(OSError):
            os.readlink("/proc/self")  # we are in it: the child has not mounted its own yet
            return []
        return list(Path("/proc").glob("[0-9]*"))

    def seconds(self) -> float:
        """Processor seconds so far. Never less than before, whoever has ended meanwhile.

        A process counts its children that were waited for; those that nobody waits for are
        remembered as they were when last seen.
        """
        with_children = 0.0
        for folder in self.processes():
            with contextlib.suppress(OSError):  # it ended meanwhile
                # The name before the last bracket is the process's own, and need be no text.
                fields = (folder / "stat").read_bytes().rpartition(b")")[2].split()
                own, waited_for = (sum(map(int, fields[i : i + 2])) / TICKS for i in (11, 13))
                self.own[f"{folder.name} {int(fields[19])}"] = own
                with_children += own + waited_for
        return max(with_children, sum(self.own.values()))

    @staticmethod
    @cache
    def in_a_socket() -> int:
        """Bytes that the kernel may hold in one; seccomp.py refuses to make it larger."""
        with socket.socket(socket.AF_UNIX) as one:
            return max(MIB // 2, 2 * one.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF))

    def memory(self) -> int:
        """Bytes held: by processes, shared pages divided; by scratch files; by pipes, sockets.

        Raises:
            PermissionError: when a process does not let us look.
        """
        total, channels = 0, set()
        for folder in self.processes():
            try:
                lines = (folder / "smaps_rollup").read_bytes().splitlines()
            except PermissionError:
                raise
            except OSError:  # it ended meanwhile
                continue
            wanted = [line for line in lines if line.startswith(COUNTED)]
            total += sum(1024 * int(line.split()[1]) for line in wanted)
            with contextlib.suppress(OSError):
                channels |= {os.readlink(entry) for entry in os.scandir(folder / "fd")}
        total += sum(PIPE for name in channels if name.startswith("pipe:"))
        sockets = sum(name.startswith("socket:") for name in channels)
        total += sockets * self.in_a_socket() if sockets else 0
        for place in SCRATCH:
            there = os.statvfs(place)
            total += there.f_frsize * (there.f_blocks - there.f_bfree)
        return total


# --- the child --------------------------------------------------------------------------------


def run_child(
    talk: int, work: Callable[[socket.socket], object], quotas: Quotas, isolate: bool
) -> None:
    """Close the child off, then work; never returns."""
    try:
        os.setsid()
        if isolate:
            own_mounts(quotas)
        limit_resources(quotas)
        if isolate:
            drop_capabilities()
        seccomp.install()
        close_all_but(talk)
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(nothing, standard)
        work(socket.socket(fileno=talk))
    except BaseException:
        os._exit(70)
    os._exit(0)


def close_all_but(*kept: int) -> None:
    """Close all descriptors but the standard ones and these."""
    low = 3
    for descriptor in sorted(kept):
        os.closerange(low, descriptor)
        low = descriptor + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))


def new_namespaces() -> None:
    """Leave for namespaces of our own, as the same user; the next fork is process 1 there."""
    user, group = os.getuid(), os.getgid()
    _must(_libc().unshare(EVERYTHING_NEW), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def own_mounts(quotas: Quotas) -> None:
    """A /proc with our processes only, and small empty scratch folders."""
    plain = NO_SUID | NO_DEVICES
    _must(_libc().mount(b"proc", b"/proc", b"proc", plain, None), "mount /proc")
    size = f"size={quotas.tmp}m,nr_inodes=4096,mode=0700".encode()
    for folder in SCRATCH:
        _must(_libc().mount(b"tmpfs", folder.encode(), b"tmpfs", plain, size), f"mount {folder}")
    os.chdir("/tmp")
    # With the capabilities of a further user namespace one could mount and unshare again.
    Path("/proc/sys/user/max_user_namespaces").write_text("0")


def limit_resources(quotas: Quotas) -> None:
    """Limits of the process and of its children. Exceeding one is an error there, not here."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limits = {
        resource.RLIMIT_AS: pages * resource.getpagesize() + quotas.memory * MIB,
        resource.RLIMIT_NPROC: quotas.processes,
        resource.RLIMIT_NOFILE: quotas.files,
        resource.RLIMIT_FSIZE: quotas.tmp * MIB,
        resource.RLIMIT_CPU: quotas.cpu,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
        resource.RLIMIT_SIGPENDING: 1024,
    }
    for which, limit in limits.items():
        with contextlib.suppress(ValueError):  # it is lower already
            resource.setrlimit(which, (limit, limit))
    os.nice(5)
    with contextlib.suppress(OSError):  # where memory runs out, the kernel is to take this first
        Path("/proc/self/oom_score_adj").write_text("1000")


def drop_capabilities() -> None:
    """Give up, for good, what one has as the owner of a user namespace."""
    libc = _libc()
    _must(libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    number = 0
    while libc.prctl(DROP_BOUNDING, number, 0, 0, 0) == 0:
        number += 1
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, in two words each
    _must(libc.capset(header, nothing), "capset")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _must(returned: int, what: str) -> None:
    if returned != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


# --- what is warmed ---------------------------------------------------------------------------


LIBRARIES = (
    "IPython.core.interactiveshell",
    "matplotlib.font_manager",
    "sklearn.datasets",
    "torch.distributions",
    "torch.utils.data",
)


def import_everything() -> None:
    """Import what lectures import, all of the course's modules, and take one optimiser step."""
    import course_utils

    modules = [m.name for m in pkgutil.walk_packages(course_utils.__path__, "course_utils.")]
    for name in (*LIBRARIES, *modules):
        with contextlib.suppress(ImportError):  # the submissions that need it will say so
            importlib.import_module(name)

    import matplotlib.pyplot as plt
    import torch

    torch.set_num_threads(1)
    weight = torch.ones(2, requires_grad=True)
    optimiser = torch.optim.Adam([weight])
    weight.square().sum().backward()
    optimiser.step()
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    figure.canvas.draw()
    plt.close(figure)


def main() -> None:
    """`python -m course_worker.warm DESCRIPTOR QUOTAS ISOLATE`, by the sandbox."""
    control = socket.socket(fileno=int(sys.argv[3]))
    quotas, isolate = Quotas.from_text(sys.argv[4]), sys.argv[5] == "isolate"
    import_everything()
    from . import worker

    worker.make_shell()
    serve(control, worker.serve, quotas, isolate)


if __name__ == "__main__":
    main()
