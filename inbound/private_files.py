"""The data folder of `scserv up` and its files: only the user who runs it may change them.

Whatever another user has planted there is refused, not followed. Invariants:

* Nobody else may write to the data folder, or put another one in its place.
* Its subfolders and files belong to this user, and no one else may read them.
* A file is opened without following symbolic links; it is a regular file with one name.

Root is trusted, because root may do anything. A group is trusted if its only member is this
user: many systems give each user such a group, and with it a umask of 002. Kubernetes gives a
volume of root's to such a group.
"""

from __future__ import annotations

import contextlib
import errno
import grp
import os
import pwd
import stat
from pathlib import Path
from typing import IO, Final, cast

from inbound.errors import SetupError

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A named pipe would block: O_NONBLOCK means nothing to a regular file.
_FILE: Final = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def prepare_folder(path: Path) -> None:
    """Create the data folder (mode 0700), or check one that exists.

    Raises `SetupError`, which names the path and the fix, if another user owns it, may write to
    it, or may replace it; and if it can't be created.
    """
    _check_parents(path)
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SetupError(
            f"{path}: {error.strerror}; choose a folder that you can write to"
        ) from error
    _check_parents(path)  # of those just created, too: their modes follow the umask
    check_folder(path)


def check_folder(path: Path) -> None:
    """Raise `SetupError` if another user owns an existing data folder or may write to it."""
    found = path.stat()
    _require_ours(path, found, "choose another folder")
    if _others_write(found):
        raise SetupError(
            f"{path} may be changed by other users: delete what is not yours in it, then"
            f" chmod 700 {path}; if that changes nothing, its file system keeps no modes: choose"
            " another folder"
        )
    if path.is_symlink() and path.lstat().st_uid not in _trusted():
        raise SetupError(f"{path} is another user's symbolic link: choose another folder")


def prepare_subfolder(path: Path) -> None:
    """Create a folder in the data folder with mode 0700, or check one that exists.

    Its entries must be no symbolic links. A mode that lets others read, as older releases set it,
    is corrected. Raises `SetupError`, and `OSError` if the folder can't be created.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    try:
        descriptor = os.open(path, _FOLDER)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            raise SetupError(f"{path} is not a folder but a link or a file: remove it") from None
        raise
    try:
        found = os.fstat(descriptor)
        _require_ours(path, found, "remove it")
        if _others_write(found):
            raise SetupError(
                f"{path} may be changed by other users: delete what is not yours in it, then"
                f" chmod 700 {path}"
            )
        _make_private(path, descriptor, 0o700)
        with os.scandir(descriptor) as entries:
            for entry in entries:
                if entry.is_symlink():
                    raise SetupError(f"{path / entry.name} is a symbolic link: remove it")
    finally:
        os.close(descriptor)


def open_file(path: Path, mode: str) -> IO[bytes]:
    """Open a file of the data folder: "rb", "r+b", "wb" (emptied), "ab", or "xb" (new only).

    A file that is created has mode 0600; others may no longer read one that exists. Raises
    `SetupError` if another user could have planted it, and `OSError` as `open` does.
    """
    opened = open(path, mode, opener=lambda _, flags: open_descriptor(path, flags))  # noqa: SIM115 - for the caller
    return cast("IO[bytes]", opened)


def open_descriptor(path: Path, flags: int) -> int:
    """Open a file as `open_file` does, with the flags of `os.open`."""
    try:
        # Emptied only after it was checked.
        descriptor = os.open(path, (flags & ~os.O_TRUNC) | _FILE, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise SetupError(f"{path} is a symbolic link: remove it") from None
        raise
    try:
        _check_file(path, descriptor)
        if flags & os.O_TRUNC:
            os.ftruncate(descriptor, 0)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def read_secret(path: Path) -> str:
    """Return the text of a file that holds a secret.

    Raises `SetupError` if another user owns it or may write to it, or could have read it.
    """
    if not stat.S_ISLNK(found := path.lstat().st_mode) and found & _OTHERS:
        raise SetupError(
            f"{path} may be read by other users: chmod 600 {path}, and replace what is in it if"
            " somebody may have read it"
        )
    with open_file(path, "rb") as file:
        return file.read().decode("utf-8")


def write_file(path: Path, text: str) -> None:
    """Replace a file of the data folder atomically; mode 0600. Raises as `open_file` does."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with open_file(draft, "xb") as file:
        file.write(text.encode("utf-8"))
    draft.replace(path)


def _check_file(path: Path, descriptor: int) -> None:
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode):
        raise SetupError(f"{path} is not a regular file: remove it")
    _require_ours(path, found, "remove it")
    if found.st_nlink > 1:
        raise SetupError(f"{path} has a second name (a hard link): remove it")
    if _others_write(found):
        raise SetupError(f"{path} may be changed by other users: remove it, or chmod 600 {path}")
    _make_private(path, descriptor, 0o600)


def _make_private(path: Path, descriptor: int, mode: int) -> None:
    if os.fstat(descriptor).st_mode & _OTHERS:
        os.fchmod(descriptor, mode)
        if os.fstat(descriptor).st_mode & _OTHERS:
            raise SetupError(
                f"{path}: its file system keeps no modes, so other users could read keys and"
                " passwords: choose a folder on another file system"
            )


def _check_parents(path: Path) -> None:
    """Raise `SetupError` if another user could replace the folder, or one above it."""
    named = path.absolute()
    for link in (named, *named.parents):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if link.is_symlink() and link.lstat().st_uid not in _trusted():
                raise SetupError(f"{link} is another user's symbolic link: choose another folder")
    for parent in named.resolve().parents:
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            found = parent.stat()
            # In a sticky folder like /tmp only the owner may replace an entry.
            sticky = found.st_mode & stat.S_ISVTX
            if found.st_uid not in _trusted() or (_others_write(found) and not sticky):
                raise SetupError(
                    f"{path} may be replaced by other users, because {parent} is not yours alone"
                    f" ({_name(found.st_uid)}, {stat.filemode(found.st_mode)}): choose a folder in"
                    " a place that only you may change"
                )


def _require_ours(path: Path, found: os.stat_result, way_out: str) -> None:
    if found.st_uid != os.geteuid():
        raise SetupError(
            f"{path} belongs to {_name(found.st_uid)}, and this is {_name(os.geteuid())}: run this"
            f" as {_name(found.st_uid)} if that is your own user, or {way_out}"
        )


def _trusted() -> set[int]:
    return {0, os.geteuid()}


def _others_write(found: os.stat_result) -> bool:
    if found.st_mode & stat.S_IWOTH:
        return True
    return bool(found.st_mode & stat.S_IWGRP) and not _is_private_group(found)


def _is_private_group(found: os.stat_result) -> bool:
    """Whether the group has no members but the owner, root and this user."""
    try:
        owner = pwd.getpwuid(found.st_uid)
        members = set(grp.getgrgid(found.st_gid).gr_mem)
    except KeyError:
        return False
    members |= {user.pw_name for user in pwd.getpwall() if user.pw_gid == found.st_gid}
    return members <= {owner.pw_name, "root", _name(os.geteuid())}


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
