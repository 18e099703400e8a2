"""Embedded PostgreSQL from a Python package: loopback only, with a password.

As durable as in production: `fsync` and `synchronous_commit` stay on. Other users of the
machine have no access: the data folder is private, the listener is on loopback, and its
password is in a file of mode 0600. It listens on TCP, because the path of a socket file is
limited to 107 bytes, which a data folder may exceed.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import psutil

from inbound.errors import SetupError
from inbound.local.ports import LOOPBACK
from inbound.local.servers import _process, _system_user
from inbound.local.servers._folder import DataFolder
from inbound.local.servers._output import OutputLog
from inbound.private_files import read_secret

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME: Final = "PostgreSQL"
_USER: Final = "scserv"
_DATABASE: Final = "scserv"
# A server that ends instead is noticed at once; this is for one that hangs.
_START_S: Final = 240.0

# SIGINT ends sessions and writes a checkpoint. SIGQUIT exits at once; the next start recovers.
_STOP: Final = ((signal.SIGINT, 8.0), (signal.SIGQUIT, 2.0))

# Sessions outlive a killed server for some milliseconds.
_OLD_SESSIONS: Final = "pre-existing shared memory block"
_OLD_SESSIONS_S: Final = 10.0

_READY: Final = {"ready", "standby"}

SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # Connections of other users of the host take a slot until they have failed to log in.
    "max_connections": "200",
    "authentication_timeout": "5s",
    "shared_buffers": "192MB",
    # The load is appends: with fewer checkpoints fewer pages are written twice.
    "max_wal_size": "2GB",
    "wal_compression": "on",
    "synchronous_commit": "on",
    "fsync": "on",
    # Statements are short and use indexes: parallel workers and JIT never pay.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Statements and keys may be personal data, so errors in the log must not quote them.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_checkpoints": "off",
}


class PostgresServer:
    """One PostgreSQL with its data in one folder; a context manager that can be started again.

    `port=0` finds a free port at the first start and keeps it. `settings` override `SETTINGS`.
    """

    def __init__(
        self, data_dir: Path, port: int = 0, *, settings: Mapping[str, str] | None = None
    ) -> None:
        self._folder = DataFolder(data_dir, _NAME)
        self._wanted_port = port
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: psutil.Popen | None = None
        self._port: int | None = None

    @property
    def data_dir(self) -> Path:
        """The folder that holds everything this server writes."""
        return self._folder.path

    @property
    def log(self) -> Path:
        """The log of this run, at most 10 MB; what was before has the suffix `.1`."""
        return self.data_dir / "postgres.log"

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        # poll() instead of is_running(): a dead child is a zombie until it is polled.
        return self._process.pid if self._process and self._process.poll() is None else None

    def url(self, database: str = _DATABASE) -> str:
        """Return the URL with its password. Raises RuntimeError before the first start.

        A client must insist on SCRAM: libpq would send the password in clear text to a program of
        another user that listens on the port of a server that has died, and asks for it.
        """
        if self._port is None:
            raise RuntimeError("this PostgreSQL was never started")
        password = read_secret(self._password_file).strip()
        address = f"{_USER}:{password}@{LOOPBACK}:{self._port}"
        return f"postgresql://{address}/{database}?require_auth=scram-sha-256"

    def start(self) -> Self:
        """Start the server and return when it accepts connections to its database.

        Blocks for 0.2 s, for 1 s with a new folder. Ends a server that a killed parent left in
        the folder. Raises SetupError, which says what to do; then nothing runs.
        """
        if self._process is not None:
            raise SetupError(f"{_NAME}: {self.data_dir} is running already")
        user = _system_user.choose()
        programs = _system_user.programs(user)
        self._folder.claim()
        try:
            self._end_leftover()
            self._initialise_once(programs, user)
            self._port = self._folder.port("server", self._wanted_port)
            self._launch(programs, user)
            self._create_database()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the server (SIGINT, SIGQUIT, SIGKILL) and release the folder. Safe to repeat.

        Blocks for 0.1 s normally, 15 s at most.
        """
        if self._process is not None:
            _process.end(self._process, _STOP)
            self._process = None
        self._folder.release()

    def kill(self) -> None:
        """Kill the server with SIGKILL, as a crash would; for tests. Blocks until it has ended."""
        if self._process is not None:
            _process.end(self._process, ())
            self._process = None
        self._folder.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _data(self) -> Path:
        return self.data_dir / "data"

    @property
    def _password_file(self) -> Path:
        return self.data_dir / "password"

    @property
    def _pid_file(self) -> Path:
        return self._data / "postmaster.pid"

    def _end_leftover(self) -> None:
        def is_ours(process: psutil.Process) -> bool:
            return process.name() == "postgres" and Path(process.cwd()) == self._data.resolve()

        if leftover := _process.find(self._pid_file, is_ours):
            _process.end(leftover, _STOP)

    def _initialise_once(self, programs: Path, user: _system_user.SystemUser) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        draft = self.data_dir / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir(mode=0o700)
            user.give(draft)
        except OSError as error:
            raise self._folder.refused(error) from error
        password = secrets.token_urlsafe(24)
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as password_file:
            password_file.write(password)
            password_file.flush()
            user.give(Path(password_file.name))
            self._run_initdb(programs, user, draft, password_file.name)
        self._folder.write(self._password_file.name, f"{password}\n")
        draft.rename(self._data)

    def _run_initdb(
        self, programs: Path, user: _system_user.SystemUser, draft: Path, password_file: str
    ) -> None:
        done = subprocess.run(
            [
                *(str(programs / "initdb"), "--pgdata", user.name_of(draft)),
                *("--username", _USER, "--pwfile", password_file, "--auth", "scram-sha-256"),
                # The same collation on every machine, whatever locales it has.
                *("--encoding", "UTF8", "--no-locale"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            **user.options(draft),
        )
        if done.returncode:
            log = self._folder.write("initdb.log", done.stdout + done.stderr)
            raise SetupError(f"{_NAME} can't create its data folder: {_process.explain(log)}")

    def _launch(self, programs: Path, user: _system_user.SystemUser) -> None:
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        deadline = time.monotonic() + _OLD_SESSIONS_S
        while True:
            try:
                self._launch_once(programs, user)
            except SetupError as error:
                if _OLD_SESSIONS not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return

    def _launch_once(self, programs: Path, user: _system_user.SystemUser) -> None:
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        output = OutputLog(self.log)
        with output.writer() as log:
            self._process = process = psutil.Popen(
                [
                    *(str(programs / "postgres"), "-D", user.name_of(self._data)),
                    *(f"--port={self._port}", *options),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **user.options(self._data),
            )
        _process.wait_until(
            lambda: self._says_ready(process.pid),
            process,
            server=_NAME,
            logs=(self.log,),
            timeout_s=_START_S,
            drain=output.drain,
        )

    def _says_ready(self, pid: int) -> bool:
        """Check postmaster.pid: line 1 is the pid, line 8 the state."""
        try:
            lines = self._pid_file.read_text(encoding="utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() in _READY

    def _create_database(self) -> None:
        import psycopg  # not before it is used: Kafka starts meanwhile
        from psycopg import sql

        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            there = connection.execute(
                "select from pg_database where datname = %s", (_DATABASE,)
            ).fetchone()
            if there is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(_DATABASE)))
