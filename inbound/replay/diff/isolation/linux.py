"""System calls that the Python library lacks. Each raises `OSError` when it fails."""

import ctypes
import os
import platform
from collections.abc import Mapping
from typing import Final

CLONE_NEWNS: Final = 0x00020000
CLONE_NEWCGROUP: Final = 0x02000000
CLONE_NEWUTS: Final = 0x04000000
CLONE_NEWIPC: Final = 0x08000000
CLONE_NEWUSER: Final = 0x10000000
CLONE_NEWPID: Final = 0x20000000
CLONE_NEWNET: Final = 0x40000000
CLONE_THREAD: Final = 0x00010000

MS_NOSUID: Final = 0x2
MS_NODEV: Final = 0x4
MS_BIND: Final = 0x1000
MS_REC: Final = 0x4000
MS_PRIVATE: Final = 0x40000
MNT_DETACH: Final = 0x2

MOUNT_ATTR_RDONLY: Final = 0x1
MOUNT_ATTR_NOSUID: Final = 0x2
MOUNT_ATTR_NODEV: Final = 0x4
_AT_FDCWD: Final = -100
_AT_RECURSIVE: Final = 0x8000

PR_SET_PDEATHSIG: Final = 1
PR_SET_SECCOMP: Final = 22
PR_CAPBSET_DROP: Final = 24
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
SECCOMP_MODE_FILTER: Final = 2
_CAPABILITY_VERSION_3: Final = 0x20080522

_PIVOT_ROOT: Final = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR: Final = 442  # on all architectures

_libc: Final = ctypes.CDLL(None, use_errno=True)


def machine() -> str:
    """Return the architecture. Raises `OSError` if the numbers of its calls aren't known here."""
    if platform.system() != "Linux" or platform.machine() not in _PIVOT_ROOT:
        raise OSError(f"only Linux on {' and '.join(_PIVOT_ROOT)} is supported")
    return platform.machine()


def unshare(flags: int) -> None:
    """Move this process to new namespaces."""
    _check("unshare", _libc.unshare(ctypes.c_int(flags)))


def mount(source: str, target: str, kind: str | None, flags: int, data: str | None = None) -> None:
    """Mount a file system."""
    code = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() if kind else None,
        ctypes.c_ulong(flags),
        data.encode() if data else None,
    )
    _check(f"mount {target}", code)


def detach(target: str) -> None:
    """Unmount a file system once nothing uses it."""
    _check(f"umount {target}", _libc.umount2(os.fsencode(target), MNT_DETACH))


def restrict_mount(target: str, attributes: int) -> None:
    """Set attributes of a mount and of the mounts below it. Needs Linux 5.12."""
    wanted = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)
    code = _libc.syscall(
        ctypes.c_long(_MOUNT_SETATTR),
        ctypes.c_int(_AT_FDCWD),
        os.fsencode(target),
        ctypes.c_uint(_AT_RECURSIVE),
        ctypes.byref(wanted),
        ctypes.c_size_t(ctypes.sizeof(wanted)),
    )
    _check(f"mount_setattr {target}", code)


def pivot_root_here() -> None:
    """Make the working folder the root and let go of the old root."""
    number = ctypes.c_long(_PIVOT_ROOT[machine()])
    _check("pivot_root", _libc.syscall(number, b".", b"."))
    detach(".")


def prctl(option: int, argument: int = 0, pointer: object = None) -> None:
    """Control this process. `pointer` is the third argument."""
    third = ctypes.c_ulong(0) if pointer is None else pointer
    zero = ctypes.c_ulong(0)
    code = _libc.prctl(ctypes.c_int(option), ctypes.c_ulong(argument), third, zero, zero)
    _check(f"prctl {option}", code)


def drop_capabilities() -> None:
    """Give up every capability, also those that a program could gain."""
    for number in range(64):
        try:
            prctl(PR_CAPBSET_DROP, number)
        except OSError:
            if number == 0:
                raise
            break  # behind the last one that this kernel knows
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check("capset", _libc.capset(ctypes.byref(header), ctypes.byref(nothing)))


class _Instruction(ctypes.Structure):
    """struct sock_filter of linux/filter.h."""

    _fields_ = (
        ("code", ctypes.c_uint16),
        ("jt", ctypes.c_uint8),
        ("jf", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction)))


# Instructions of classic BPF, and what seccomp does (linux/seccomp.h, linux/audit.h).
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_HAS_BITS: Final = 0x45
_RETURN: Final = 0x06
_ALLOW: Final = 0x7FFF0000
_KILL: Final = 0x80000000
_FAIL: Final = 0x00050000
_EPERM: Final = 1
_ENOSYS: Final = 38
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_AUDIT: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_X32_CALLS: Final = 0x40000000  # the same calls of x86_64 under other numbers
_CLONE: Final = {"x86_64": 56, "aarch64": 220}
_CLONE3: Final = 435


def forbid_calls(numbers: Mapping[str, tuple[int, ...]]) -> None:
    """Let the calls of this architecture and every new process fail with EPERM (seccomp).

    Threads are still allowed. Needs `PR_SET_NO_NEW_PRIVS`.
    """
    here = machine()
    # glibc falls back to clone, whose flags a filter can read.
    failures = [(_CLONE3, _ENOSYS), *((number, _EPERM) for number in numbers[here])]
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, _AUDIT[here]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32_CALLS),
        (_RETURN, 0, 0, _FAIL | _EPERM),
    ]
    for number, error in failures:
        steps += [(_EQUAL, 0, 1, number), (_RETURN, 0, 0, _FAIL | error)]
    steps += [
        (_EQUAL, 0, 3, _CLONE[here]),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_HAS_BITS, 1, 0, CLONE_THREAD),
        (_RETURN, 0, 0, _FAIL | _EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]
    filters = (_Instruction * len(steps))(*(_Instruction(*step) for step in steps))
    program = _Program(len(steps), filters)
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))


def _check(call: str, code: int) -> None:
    if code < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
