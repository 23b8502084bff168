"""System calls that student code has no use for, refused by the kernel itself.

Namespaces already hide what these would reach; the filter stands behind them, and closes what
namespaces leave open: memory that no process shows, sockets of the machine below, and what two
submissions could leave each other on files that both may read, such as keys and locks.
"""

import ctypes
import errno
import platform
import struct
from collections.abc import Sequence

NEVER = 0x3FFFFFFF  # no call has this number
# Numbers on x86_64 and aarch64, from the kernel's tables.
REFUSED = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsmount": (432, 432),
    "mount_setattr": (442, 442),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "sched_setaffinity": (203, 122),  # the processors are shared out between submissions
    "vmsplice": (278, 75),
    "io_setup": (206, 0),
    "flock": (73, 32),
    "inotify_init": (253, NEVER),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "cachestat": (451, 451),
    "syslog": (103, 116),
}
# Python and libc know what to do where the kernel has none of these.
NOT_THERE = {"clone3": (435, 435), "preadv2": (327, 286)}
SOCKET, SOCKETPAIR, FAMILIES = (41, 198), (53, 199), (1, 2, 10, 16)  # unix, internet, netlink
# Locks, leases and notices; buffers larger than those that the keeper counts.
FCNTL, COMMANDS = (72, 25), (6, 7, 37, 38, 1024, 1026)
SETSOCKOPT, SOL_SOCKET, BUFFERS = (54, 208), 1, (7, 8, 32, 33)
MMAP, SHARED_WITHOUT_NAME = (9, 222), 0x21
CLONE = (56, 220)
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, kernel's name
NEW_NAMESPACES = 0x7E020000  # all CLONE_NEW* flags that clone takes
OTHER_NUMBERS = 0x40000000  # x86_64 has a second set of calls from here on

LOAD, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT, AND, RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06
NUMBER, MACHINE, ARGUMENTS = 0, 4, (16, 24, 32, 40)  # offsets in struct seccomp_data
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
SET_SECCOMP, FILTER, SET_NO_NEW_PRIVS = 22, 2, 38


Steps = list[tuple[int, int, int, int]]  # (code, jump if true, jump if false, operand)


def program(machine: str) -> bytes:
    """The filter, in the kernel's instructions."""
    column, name = MACHINES[machine]
    steps = [(LOAD, 0, 0, MACHINE), (IF_EQUAL, 1, 0, name), (RETURN, 0, 0, REFUSE)]
    steps += [(LOAD, 0, 0, NUMBER), (IF_AT_LEAST, 0, 1, OTHER_NUMBERS), (RETURN, 0, 0, REFUSE)]
    for answer, calls in ((REFUSE, REFUSED), (UNKNOWN, NOT_THERE)):
        for numbers in calls.values():
            steps += [(IF_EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, answer)]
    shared = [(LOAD, 0, 0, ARGUMENTS[3]), (AND, 0, 0, SHARED_WITHOUT_NAME)]
    shared += among((SHARED_WITHOUT_NAME,), REFUSE, ALLOW)
    larger = [(LOAD, 0, 0, ARGUMENTS[1]), (IF_EQUAL, 1, 0, SOL_SOCKET), (RETURN, 0, 0, ALLOW)]
    larger += [(LOAD, 0, 0, ARGUMENTS[2]), *among(BUFFERS, REFUSE, ALLOW)]
    spaces = [(LOAD, 0, 0, ARGUMENTS[0]), (IF_ANY_BIT, 0, 1, NEW_NAMESPACES)]
    spaces += [(RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    families = [(LOAD, 0, 0, ARGUMENTS[0]), *among(FAMILIES, ALLOW, REFUSE)]
    locks = [(LOAD, 0, 0, ARGUMENTS[1]), *among(COMMANDS, REFUSE, ALLOW)]
    looked_into = [(SOCKET, families), (SOCKETPAIR, families), (FCNTL, locks)]
    looked_into += [(SETSOCKOPT, larger), (MMAP, shared), (CLONE, spaces)]
    for numbers, block in looked_into:
        steps += [(IF_EQUAL, 0, len(block), numbers[column]), *block]
    steps.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def among(values: Sequence[int], yes: int, no: int) -> Steps:
    """Return `yes` if what was loaded is one of the values, else `no`."""
    steps = [(IF_EQUAL, len(values) - i, 0, value) for i, value in enumerate(values)]
    return [*steps, (RETURN, 0, 0, no), (RETURN, 0, 0, yes)]


def install() -> bool:
    """Filter this process and its children from now on. False on a machine without a table.

    Raises:
        OSError: when the kernel refuses the filter.
    """
    if platform.machine() not in MACHINES:
        return False
    code = ctypes.create_string_buffer(program(platform.machine()))
    head = struct.pack("=H6xQ", (len(code) - 1) // 8, ctypes.addressof(code))
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(SET_SECCOMP, FILTER, ctypes.c_char_p(head), 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "the filter of system calls was refused")
    return True
