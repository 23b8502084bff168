"""Submissions of lecture 00 that try to leave the sandbox, and answer rightly when they cannot.

Each is a list of code cells that append to `escaped` what they achieved. The last cell's
answer is right as long as `escaped` is empty: ok means that all was tried and nothing worked.
Names in capitals in double braces are filled in by the test.
"""

HEAD = """
import os, pathlib, signal, socket, subprocess, sys, time
escaped, tried = [], []
def attempt(name, action):
    tried.append(name)
    try:
        result = action()
    except (OSError, ValueError, MemoryError, RuntimeError, ImportError, LookupError):
        return
    if result is not False:
        escaped.append(name)
"""

TAIL = """
def mean_and_std(x):
    if escaped or not tried:
        raise RuntimeError(f"escaped: {escaped}, tried: {tried}")
    return x.mean(), ((x - x.mean()) ** 2).mean().sqrt()
"""

READ = """
for name in {{FILES}}:
    path = pathlib.Path(name)
    attempt(f"read {name}", path.read_bytes)
    attempt(f"list {name}", lambda: any(path.iterdir()))
for pid in os.listdir("/proc"):
    if pid.isdigit() and int(pid) != os.getpid():
        attempt(f"see process {pid}", lambda: True)
for root in ("/proc/1/root", "/proc/1/cwd", "/proc/self/root"):
    attempt(root, pathlib.Path(root + {{FILES}}[0]).read_bytes)
"""

WRITE = """
for folder in ("/", "/usr", "/etc", "/dev", "/course", "/course/course_utils", "/proc/sys/kernel",
               sys.base_prefix, {{FOLDER}}):
    attempt(f"write {folder}", lambda: pathlib.Path(folder, "planted").write_text("here"))
    attempt(f"delete {folder}", lambda: os.rename(folder, folder + "2"))
"""

NETWORK = """
def connect(host, port):
    socket.create_connection((host, port), timeout=1).close()
attempt("port", lambda: connect("127.0.0.1", {{PORT}}))
attempt("names", lambda: socket.getaddrinfo("example.org", 80))
def abstract():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\\0{{ABSTRACT}}")
attempt("abstract socket", abstract)
def raw():
    socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)
attempt("raw socket", raw)
"""

PRIVILEGES = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
attempt("setuid", lambda: os.setuid(0))
attempt("setgroups", lambda: os.setgroups([0]))
attempt("chroot", lambda: os.chroot("/tmp"))
for name, flag in dict(user=0x10000000, mount=0x20000, net=0x40000000, pid=0x20000000).items():
    attempt(f"unshare {name}", lambda: libc.unshare(flag) == 0)
attempt("mount", lambda: libc.mount(b"tmpfs", b"/mnt", b"tmpfs", 0, None) == 0)
attempt("remount", lambda: libc.mount(None, b"/", None, 32 | 4096, None) == 0)
attempt("unmount", lambda: libc.umount2(b"/tmp", 2) == 0)
attempt("unmount proc", lambda: libc.umount2(b"/proc", 2) == 0)
attempt("more processes", lambda: __import__("resource").setrlimit(6, (10_000, 10_000)))
attempt("all processors", lambda: os.sched_setaffinity(0, range(os.cpu_count())))
attempt("device", lambda: os.mknod("/dev/shm/sda", 0o60666, os.makedev(8, 0)))
attempt("unlimited user namespaces",
        lambda: pathlib.Path("/proc/sys/user/max_user_namespaces").write_text("100"))
def run(*words):
    return subprocess.run(words, capture_output=True, timeout=5).returncode == 0
for words in (("su", "-c", "id"), ("sudo", "-n", "id"), ("unshare", "-r", "id"),
              ("bwrap", "--dev-bind", "/", "/", "id")):
    attempt(words[0], lambda: run(*words))
"""

SIGNALS = """
tried.append("signals")
for target in (-1, 0, os.getppid(), {{PID}}):
    for number in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
        try:
            os.kill(target, number)
        except OSError:
            pass
attempt("signal the grader", lambda: os.kill({{PID}}, 0))
"""

MEMORY_OF_OTHERS = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for pid in ({{PID}}, os.getppid(), 2, 3):
    if pid != os.getpid():
        attempt(f"memory of {pid}", lambda: open(f"/proc/{pid}/mem", "rb").read(1))
        attempt(f"trace {pid}", lambda: libc.ptrace(16, pid, 0, 0) == 0)
"""

FORK_BOMB = """
attempt("many processes", lambda: [spawn() for _ in range(300)])
"""
FORK_BOMB_HEAD = """
def spawn():
    child = os.fork()
    if child == 0:
        try:
            time.sleep(60)
        finally:
            os._exit(0)
    return child
"""

MANY_THREADS = """
import threading
def threads():
    for _ in range(300):
        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
attempt("many threads", threads)
"""

MEMORY_BOMB = """
attempt("memory", lambda: bytearray(8 << 30))
attempt("memory of a tensor", lambda: torch.ones(1 << 31))
"""

DISK_BOMB = """
def fill(folder):
    with open(folder + "/bomb", "wb") as file:
        try:
            for _ in range(1000):
                file.write(bytes(1 << 20))
        finally:
            os.unlink(folder + "/bomb")
def many(folder):
    for i in range(100_000):
        pathlib.Path(folder, f"small{i}").touch()
for folder in ("/tmp", "/dev/shm"):
    attempt(f"fill {folder}", lambda: fill(folder))
attempt("many files", lambda: many("/dev/shm"))
"""

LINGERING = """
tried.append("daemon")
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for number in range(1, 65):
                try:
                    signal.signal(number, signal.SIG_IGN)
                except (OSError, ValueError):
                    pass
            while True:
                time.sleep(1)
        os._exit(0)
"""

LEAVES_TRACES = """
tried.append("traces")
for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/dev"):
    try:
        pathlib.Path(folder, "trace").write_text("answers")
    except OSError:
        pass
if os.fork() == 0:
    with socket.socket(socket.AF_UNIX) as s, socket.socket() as t:
        s.bind("\\0trace")
        s.listen()
        t.bind(("127.0.0.1", 9999))
        t.listen()
        time.sleep(60)
time.sleep(0.2)
"""

FINDS_TRACES = """
for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/dev"):
    attempt(folder, pathlib.Path(folder, "trace").read_text)
def abstract():
    with socket.socket(socket.AF_UNIX) as s:
        s.connect("\\0trace")
attempt("abstract socket", abstract)
attempt("port", lambda: socket.create_connection(("127.0.0.1", 9999), 1).close())
attempt("processes", lambda: len([p for p in os.listdir("/proc") if p.isdigit()]) > 1)
"""


LIBC = """
import ctypes, fcntl, mmap, struct
libc = ctypes.CDLL(None, use_errno=True)
def call(on_x86, on_arm, *args):
    returned = libc.syscall(on_x86 if os.uname().machine == "x86_64" else on_arm, *args)
    if returned < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return returned
"""

UNCOUNTED_MEMORY = """
attempt("memory file", lambda: os.memfd_create("bomb"))
attempt("shared segment", lambda: libc.shmget(0, 1 << 30, 0o1600) >= 0)
attempt("key", lambda: call(248, 217, b"user", b"trace", b"answers", 7, -3))
attempt("shared memory without a name", lambda: mmap.mmap(-1, 1 << 20))
def zeros():
    with open("/dev/zero", "r+b") as file:
        mmap.mmap(file.fileno(), 1 << 20)
attempt("shared memory of a device", zeros)
def gift():
    _, end = os.pipe()
    page = ctypes.create_string_buffer(4096)
    call(278, 75, end, struct.pack("PN", ctypes.addressof(page), 4096), 1, 0)
attempt("pages in a pipe", gift)
attempt("asynchronous input", lambda: call(206, 0, 100, ctypes.byref(ctypes.c_ulong())))
def socket_buffer():
    ours, theirs = socket.socketpair()
    held = 0
    try:
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, option, 1 << 26)
    except OSError:
        pass
    ours.setblocking(False)
    try:
        while True:
            held += ours.send(bytes(1 << 16))
    except BlockingIOError:
        return held > 1 << 19
attempt("much in a socket", socket_buffer)
def locks():
    with open("locked", "w+b") as file:
        for place in range(100):
            fcntl.fcntl(file, 37, struct.pack("hhqqi4x", 1, 0, 2 * place, 1, 0))
attempt("locks", locks)
"""

FAMILIES = """
kept = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, socket.AF_NETLINK)
for family in set(range(64)) - set(kept):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET, socket.SOCK_RAW):
        attempt(f"socket {family} {int(kind)}", lambda: socket.socket(family, kind).close())
attempt("kernel's log", lambda: call(103, 116, 3, ctypes.create_string_buffer(4096), 4096) > 0)
"""

# What two submissions could leave each other on a file that both can read.
CHANNELS = """
shared = os.path.realpath(sys.executable)
def opened():
    return open(shared, "rb")
attempt("lock", lambda: fcntl.flock(opened(), fcntl.LOCK_SH))
for command in (6, 37):
    lock = struct.pack("hhqqi4x", 0, 0, 12345, 1, 0)
    attempt(f"lock on a range, {command}", lambda: fcntl.fcntl(opened(), command, lock))
def notice():
    fcntl.fcntl(os.open(os.path.dirname(shared), os.O_RDONLY), 1026, 1)
attempt("notices of a folder", notice)
attempt("inotify", lambda: libc.inotify_init1(0) >= 0)
attempt("fanotify", lambda: call(300, 262, 0x200, 0))
attempt("what is in the cache", lambda: os.preadv(opened().fileno(), [bytearray(8)], 0, 8))
def counts():
    file, found = opened(), ctypes.create_string_buffer(64)
    call(451, 451, file.fileno(), struct.pack("QQ", 0, 0), found, 0)
attempt("what is counted in the cache", counts)
maps = [line.split() for line in open("/proc/self/maps")]
attempt("memory of the parent", lambda: any(words[1][1::2] == "ws" for words in maps))
"""


def cells(*attack: str) -> list[str]:
    return [HEAD, *attack, TAIL]


ATTACKS: dict[str, list[str]] = {
    "read": cells(READ),
    "write": cells(WRITE),
    "network": cells(NETWORK),
    "privileges": cells(PRIVILEGES),
    "signals": cells(SIGNALS),
    "memory-of-others": cells(MEMORY_OF_OTHERS),
    "fork-bomb": cells(FORK_BOMB_HEAD, FORK_BOMB),
    "many-threads": cells(MANY_THREADS),
    "memory-bomb": cells(MEMORY_BOMB),
    "uncounted-memory": cells(LIBC, UNCOUNTED_MEMORY),
    "families": cells(LIBC, FAMILIES),
    "channels": cells(LIBC, CHANNELS),
    "disk-bomb": cells(DISK_BOMB),
    "lingering": cells(LINGERING),
    "leaves-traces": cells(LEAVES_TRACES),
    "finds-traces": cells(FINDS_TRACES),  # of the one before, and of one that still runs
}
# Those that may be tried without a sandbox, to see that they would be noticed.
HARMLESS = ("read", "network")
