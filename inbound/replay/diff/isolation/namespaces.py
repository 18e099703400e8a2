"""A root folder with a few read-only paths, in namespaces without network and processes."""

import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from . import linux

WORKING_FOLDER: Final = "/empty"
_READ_ONLY: Final = linux.MOUNT_ATTR_RDONLY | linux.MOUNT_ATTR_NOSUID
_NAMESPACES: Final = (
    linux.CLONE_NEWNS
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWNET
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWCGROUP
)
# Extension modules of installed packages need shared libraries, and handlers time zones.
_SYSTEM: Final = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    *("/etc/ld.so.cache", "/usr/share/zoneinfo"),
)
_OBSTACLES: Final = (
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
    ("kernel/unprivileged_userns_clone", "0"),
    ("user/max_user_namespaces", "0"),
)


def enter() -> None:
    """Move to new namespaces; the next child is in the new one of processes.

    Without root a user namespace gives the rights to do so. Its only user is this one.
    """
    user, group = os.geteuid(), os.getegid()
    try:
        linux.unshare(linux.CLONE_NEWUSER | _NAMESPACES)
    except OSError:
        if user != 0:
            raise
        linux.unshare(_NAMESPACES)
        return
    for file, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        Path("/proc/self", file).write_text(text, "ascii")


def show_only(root: str, code: str, names: Sequence[str], readable: Iterable[str]) -> None:
    """Make `root` the root folder, with these entries of `code` and readable paths in it.

    Each path keeps its name. Symbolic links in place of the entries of `code` are refused: a
    candidate could name any folder of the host with one.
    """
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", root, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=755")
    shown: list[str] = []
    for path in sorted({*_SYSTEM, *readable}):
        if os.path.lexists(path) and not any(_is_below(path, above) for above in shown):
            _show(root, path)
            shown.append(path)
    if not any(_is_below(code, above) for above in shown):
        _show_code(root, code, names)
    _bind(os.open("/dev/null", os.O_PATH), f"{root}/dev/null", is_folder=False)
    Path(root + WORKING_FOLDER).mkdir()
    os.chdir(root)
    linux.pivot_root_here()
    linux.restrict_mount("/", _READ_ONLY)
    os.chdir(WORKING_FOLDER)


def explain(error: OSError) -> str:
    """Return why namespaces are not available, with the kernel setting that forbids them."""
    why = error.strerror or str(error)
    for name, value in _OBSTACLES:
        setting = Path("/proc/sys", name)
        if setting.is_file() and setting.read_text("ascii").strip() == value:
            return f"{why} ({name.replace('/', '.')} is {value})"
    return why


def _show(root: str, path: str) -> None:
    if os.path.islink(path):  # noqa: PTH114  strings: paths are compared by prefix
        Path(root + path).parent.mkdir(parents=True, exist_ok=True)
        Path(root + path).symlink_to(os.readlink(path))  # noqa: PTH115
    else:
        fd = os.open(path, os.O_PATH)
        _bind(fd, root + path, is_folder=stat.S_ISDIR(os.fstat(fd).st_mode))


def _show_code(root: str, code: str, names: Sequence[str]) -> None:
    """Show the entries of a folder, or a wheel if there are no names."""
    if not names:
        _bind(os.open(code, os.O_PATH | os.O_NOFOLLOW), root + code, is_folder=False)
        return
    folder = os.open(code, os.O_PATH | os.O_NOFOLLOW | os.O_DIRECTORY)
    for name in names:
        fd = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=folder)
        mode = os.fstat(fd).st_mode
        if not (stat.S_ISDIR(mode) or stat.S_ISREG(mode)):
            raise OSError(f"{code}/{name} is neither a folder nor a file")
        _bind(fd, f"{root}{code}/{name}", is_folder=stat.S_ISDIR(mode))
    os.close(folder)


def _bind(fd: int, target: str, *, is_folder: bool) -> None:
    """Mount an open file or folder at `target`, and close it."""
    place = Path(target)
    place.parent.mkdir(parents=True, exist_ok=True)
    if is_folder:
        place.mkdir()
    else:
        place.touch()
    linux.mount(f"/proc/self/fd/{fd}", target, None, linux.MS_BIND | linux.MS_REC)
    os.close(fd)


def _is_below(path: str, above: str) -> bool:
    return path == above or path.startswith(above.rstrip("/") + "/")
