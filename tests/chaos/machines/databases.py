"""A PostgreSQL primary with a synchronous standby on two machines, and what their manager does.

The manager keeps two promises, as Patroni's does in its synchronous mode: only a standby that has
every confirmed commit is promoted, and a primary without its standby confirms nothing until the
manager has taken the standby off the list.
"""

import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, LiteralString

import psutil
import psycopg
from psycopg import sql

from inbound.local.servers import _process, _system_user
from inbound.local.servers._output import OutputLog
from inbound.local.servers.postgres import SETTINGS
from inbound.private_files import write_file
from tests.chaos.deployment import process_tree
from tests.chaos.machines.network import OUTSIDE, Machine
from tests.patience import PATIENCE_S

PORT: Final = 5432
DATABASE: Final = "scserv"

_USER: Final = "scserv"
_STANDBY: Final = "standby"
_READY: Final = {"ready", "standby"}
_STOP: Final = ((signal.SIGINT, 8.0),)
_LOOK_AGAIN_S: Final = 0.05
_SETTINGS: Final[Mapping[str, str]] = {
    **SETTINGS,
    "listen_addresses": "*",
    # A standby that was away for a while goes on from here.
    "wal_keep_size": "512MB",
    "wal_receiver_status_interval": "1s",
    # A machine that is gone is noticed as soon as by the clients.
    "wal_sender_timeout": "20s",
    "wal_receiver_timeout": "20s",
}


class DatabaseServer:
    """One PostgreSQL on a machine, with its data in one folder. Every method blocks."""

    def __init__(self, machine: Machine, folder: Path, settings: Mapping[str, str]) -> None:
        self.machine = machine
        self.folder = folder
        self._settings = {**_SETTINGS, **settings}
        self._user = _system_user.choose()
        self._programs = _system_user.programs(self._user)
        self._process: psutil.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The process id while the server runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    @property
    def password(self) -> str:
        """The password of the service's user."""
        return (self.folder / "password").read_text("utf-8").strip()

    def initialise(self) -> None:
        """Create an empty database cluster, for the first primary."""
        self._empty()
        password = secrets.token_urlsafe(24)
        write_file(self.folder / "password", f"{password}\n")
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(password)
            file.flush()
            self._user.give(Path(file.name))
            self._run(
                *("initdb", "--username", _USER, "--pwfile", file.name),
                *("--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"),
                *("--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            )

    def copy(self, primary: "DatabaseServer") -> None:
        """Become a copy of a running primary, to be started as its standby."""
        password = primary.password
        self._empty()
        write_file(self.folder / "password", password + "\n")
        where = f"host={primary.machine.address} port={PORT} user={_USER} password={password}"
        self._run(
            *("pg_basebackup", "--dbname", f"{where} application_name={_STANDBY}"),
            *("--write-recovery-conf", "--wal-method=fetch", "--checkpoint=fast"),
        )

    def start(self) -> None:
        """Start it, and return when it accepts connections: a standby to read."""
        log = self.folder / "postgres.log"
        output = OutputLog(log)
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        with output.writer() as out:
            self._process = process = psutil.Popen(
                [*self._command("postgres"), f"--port={PORT}", *options],
                cwd=self._data,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        _process.wait_until(
            lambda: self._is_ready(process.pid),
            process,
            server=f"PostgreSQL on {self.machine.name}",
            logs=(log,),
            timeout_s=PATIENCE_S,
            drain=output.drain,
        )

    def kill(self) -> None:
        """Kill all its processes with SIGKILL, as a machine that loses power. Safe to repeat."""
        if self._process is not None:
            # The sessions too: they would outlive it for some milliseconds and keep its memory.
            for one in reversed(process_tree(self._process.pid)):
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            _process.end(self._process, ())

    def stop(self) -> None:
        """Stop it. Safe to repeat."""
        if self._process is not None:
            _process.end(self._process, _STOP)

    def run(self, statement: LiteralString | sql.Composed) -> list[tuple[Any, ...]]:
        """Run one statement."""
        with psycopg.connect(
            host=self.machine.address,
            port=PORT,
            user=_USER,
            password=self.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        ) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def allow(self) -> None:
        """Let the machines and the outside connect, with the password."""
        block = f"{OUTSIDE}/24"
        with (self._data / "pg_hba.conf").open("a", encoding="utf-8") as file:
            for kind in ("all", "replication"):
                file.write(f"host {kind} all {block} scram-sha-256\n")

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _empty(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self._data.mkdir(parents=True, mode=0o700)
        self._user.give(self._data)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._command(program), *arguments],
            cwd=self._data,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise AssertionError(f"{program} on {self.machine.name}: {done.stderr}")

    def _command(self, program: str) -> list[str]:
        """Return the words that run a program on the machine as PostgreSQL's user."""
        user = (f"--setuid={self._user.uid}", f"--setgid={self._user.gid}")
        where = self._user.name_of(self._data)
        return [*self.machine.entering, *user, str(self._programs / program), "-D", where]

    def _is_ready(self, pid: int) -> bool:
        try:
            lines = (self._data / "postmaster.pid").read_text("utf-8").splitlines()
        except OSError:
            return False
        return len(lines) >= 8 and lines[0] == str(pid) and lines[7].strip() in _READY


class DatabasePair:
    """A primary and its synchronous standby. Every method blocks; one caller at a time."""

    def __init__(
        self, machines: tuple[Machine, Machine], folder: Path, settings: Mapping[str, str]
    ) -> None:
        """Start nothing yet. The first machine has the first primary."""
        self.primary, self.standby = (
            DatabaseServer(machine, folder / f"postgres-{machine.number}", settings)
            for machine in machines
        )
        self._hosts = [machine.address for machine in machines]

    def url(self, database: str = DATABASE) -> str:
        """Return the URL with both servers."""
        places = ",".join(f"{host}:{PORT}" for host in self._hosts)
        user = f"{_USER}:{self.primary.password}"
        return f"postgresql://{user}@{places}/{database}?target_session_attrs=read-write"

    def open(self) -> None:
        """Create both and start them."""
        self.primary.initialise()
        self.primary.allow()
        self.primary.start()
        self.primary.run(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(DATABASE)))
        self.renew_standby()

    def renew_standby(self) -> None:
        """Make a new standby of the other server, whose data is lost, and wait until it has all."""
        self.standby.kill()
        self.standby.copy(self.primary)
        self.restart_standby()

    def restart_standby(self) -> None:
        """Start the standby again, which has its data, and wait until it has all."""
        if self.standby.pid is None:
            self.standby.start()
        self._set_standbys(_STANDBY)
        deadline = time.monotonic() + PATIENCE_S
        state: LiteralString = "SELECT sync_state FROM pg_stat_replication"
        while self.primary.run(state) != [("sync",)]:
            assert time.monotonic() < deadline, "the standby does not catch up"
            time.sleep(_LOOK_AGAIN_S)

    def stand_alone(self) -> None:
        """Take the standby off the primary's list: commits are confirmed without it."""
        self._set_standbys("")

    def fail_over(self) -> None:
        """Promote the standby, which has to be in sync; the old primary has to be away for good."""
        assert self.standby.run("SELECT pg_promote()") == [(True,)]
        self.primary, self.standby = self.standby, self.primary
        self.stand_alone()

    def stop(self) -> None:
        """Stop both."""
        self.standby.stop()
        self.primary.stop()

    def _set_standbys(self, names: str) -> None:
        statement: LiteralString = "ALTER SYSTEM SET synchronous_standby_names = {}"
        self.primary.run(sql.SQL(statement).format(sql.Literal(names)))
        self.primary.run("SELECT pg_reload_conf()")
