"""System calls that student code has no use for, refused by the kernel itself.

Namespaces already hide what these would reach; the filter stands behind them, and closes what
namespaces leave open: memory that belongs to no process, and keys that a session shares.
"""

import ctypes
import errno
import platform
import struct

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
}
CLONE, CLONE3 = (56, 220), 435
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column above, kernel's name
NEW_NAMESPACES = 0x7E020000  # all CLONE_NEW* flags that clone takes
OTHER_NUMBERS = 0x40000000  # x86_64 has a second set of calls from here on

LOAD, IF_EQUAL, IF_AT_LEAST, IF_ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, MACHINE, FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
ALLOW, REFUSE, UNKNOWN = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
SET_SECCOMP, FILTER, SET_NO_NEW_PRIVS = 22, 2, 38


def program(machine: str) -> bytes:
    """The filter, in the kernel's instructions: (code, jump if true, jump if false, operand)."""
    column, name = MACHINES[machine]
    steps = [(LOAD, 0, 0, MACHINE), (IF_EQUAL, 1, 0, name), (RETURN, 0, 0, REFUSE)]
    steps += [(LOAD, 0, 0, NUMBER), (IF_AT_LEAST, 0, 1, OTHER_NUMBERS), (RETURN, 0, 0, REFUSE)]
    for numbers in REFUSED.values():
        steps += [(IF_EQUAL, 0, 1, numbers[column]), (RETURN, 0, 0, REFUSE)]
    steps += [(IF_EQUAL, 0, 1, CLONE3), (RETURN, 0, 0, UNKNOWN)]  # libc then takes clone
    steps += [(IF_EQUAL, 0, 3, CLONE[column]), (LOAD, 0, 0, FIRST_ARGUMENT)]
    steps += [(IF_ANY_BIT, 0, 1, NEW_NAMESPACES), (RETURN, 0, 0, REFUSE), (RETURN, 0, 0, ALLOW)]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


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
