"""Rights that a candidate's process gives up permanently before it runs the candidate's code."""

import resource
from typing import Final

from . import linux

_OPEN_FILES: Final = 128

# Nothing here is needed to decide. Some calls would reach past the namespaces (AF_VSOCK sockets,
# keys of the operator's session, io_uring past this list); some are what attacks on kernels need;
# some keep memory that the limit of the address space does not count.
_FORBIDDEN: Final = {
    "x86_64": (
        *(57, 58, 59, 322),  # fork, vfork, execve, execveat
        *(41, 425, 319, 447),  # socket, io_uring_setup, memfd_create, memfd_secret
        *(29, 68, 64, 240),  # shmget, msgget, semget, mq_open
        *(101, 310, 311, 434, 438, 312),  # ptrace, process_vm_*, pidfd_open, pidfd_getfd, kcmp
        *(250, 248, 249),  # keyctl, add_key, request_key
        *(298, 321, 323),  # perf_event_open, bpf, userfaultfd
        *(272, 308, 165, 166, 155, 161),  # unshare, setns, mount, umount2, pivot_root, chroot
        *(428, 429, 430, 431, 432, 433, 442),  # open_tree to fspick, mount_setattr
        *(303, 304),  # name_to_handle_at, open_by_handle_at
    ),
    "aarch64": (
        *(221, 281),  # execve, execveat; it has neither fork nor vfork
        *(198, 425, 279, 447),
        *(194, 186, 190, 180),
        *(117, 270, 271, 434, 438, 272),
        *(219, 217, 218),
        *(241, 280, 282),
        *(97, 268, 40, 39, 41, 51),
        *(428, 429, 430, 431, 432, 433, 442),
        *(264, 265),
    ),
}


def limit_memory(memory_bytes: int) -> None:
    """Limit the address space of this process, and write no core dump."""
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CORE, 0)


def give_up_rights() -> None:
    """Start no process, open no socket, write no file, hold no capability.

    Raises `OSError` if the kernel refuses.
    """
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    linux.drop_capabilities()
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    linux.forbid_calls(_FORBIDDEN)


def _limit(what: int, value: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(what, (value, value))
