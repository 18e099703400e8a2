"""The two ways of docs/OPERATORS.md to back the database up, with PostgreSQL's own programs."""

import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Final, LiteralString, Protocol

import psycopg
from psycopg import sql

from inbound.local.servers import _system_user
from inbound.local.servers.postgres import PostgresServer
from tests.fix_service import Service, eventually

_ROLE: Final = "backup"
_SLOT: Final = ("--slot", "backup")


class Backup(Protocol):
    """A way to back the database up."""

    async def begin(self) -> None:
        """Do what is done long before the database is lost."""

    async def take(self) -> None:
        """Have everything until now in the backup, and nothing from now on."""

    async def restore(self) -> None:
        """Bring the database back; it takes writes afterwards."""


def program(name: str, *arguments: str, folder: Path | None = None) -> None:
    """Run one of PostgreSQL's programs as the user of the server."""
    user = _system_user.choose()
    done = subprocess.run(
        [_system_user.programs(user) / name, *arguments],
        check=False,
        capture_output=True,
        text=True,
        **(user.options(folder) if folder else {}),
    )
    assert done.returncode == 0, done.stderr


class Dump:
    """A dump of the database."""

    def __init__(self, service: Service, server: PostgresServer, folder: Path) -> None:
        self._service = service
        self._server = server
        self._file = str(folder / "scserv.dump")

    async def begin(self) -> None:
        pass

    async def take(self) -> None:
        program("pg_dump", "-Fc", "-f", self._file, self._service.database_url)

    async def restore(self) -> None:
        self._service._database.close()  # it is opened again at its next use
        url = self._server.url("postgres")
        program("pg_restore", "-d", url, "--clean", "--if-exists", "--create", self._file)


class BaseBackup:
    """A copy of the whole server, and the write-ahead log since."""

    def __init__(self, service: Service, server: PostgresServer, folder: Path) -> None:
        del folder  # in the server's folder, which its user may enter
        self._service = service
        self._server = server
        self._base = server.data_dir / "base"
        self._wal = server.data_dir / "wal"
        self._receiver: subprocess.Popen[bytes] | None = None
        self._target: dict[str, object] = {}

    async def begin(self) -> None:
        user, url = _system_user.choose(), self._make_role()
        for folder in (self._base, self._wal):
            folder.mkdir(mode=0o700)
            user.give(folder)
        program("pg_receivewal", "-d", url, *_SLOT, "--create-slot", "--if-not-exists")
        self._receiver = self._receive(user, url)
        await eventually(self._has_all, lambda: "the write-ahead log is not received")
        program("pg_basebackup", "-D", ".", "-d", url, "--checkpoint=fast", folder=self._base)
        self._forget_older()

    def _make_role(self) -> str:
        """Make a role that may copy the server and nothing else; return its URL."""
        password, url = secrets.token_hex(16), self._server.url("postgres")
        statement: LiteralString = "CREATE ROLE {} REPLICATION LOGIN PASSWORD {}"
        with psycopg.connect(url, autocommit=True) as connection:
            # An earlier backup of the same server has it.
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(_ROLE)))
            connection.execute(
                sql.SQL(statement).format(sql.Identifier(_ROLE), sql.Literal(password))
            )
        return re.sub("//[^@]*@", f"//{_ROLE}:{password}@", url)

    def _forget_older(self) -> None:
        """Delete what was received before the base backup, as the guide says."""
        label = (self._base / "backup_label").read_text("utf-8")
        [first] = re.findall(r"^START WAL LOCATION: .* \(file (\w+)\)$", label, re.MULTILINE)
        program("pg_archivecleanup", ".", first, folder=self._wal)

    def _receive(self, user: _system_user.SystemUser, url: str) -> subprocess.Popen[bytes]:
        options = ("-D", ".", "-d", url, *_SLOT, "--synchronous", "--no-loop")
        with (self._server.data_dir / "receivewal.log").open("wb") as out:
            return subprocess.Popen(
                [str(_system_user.programs(user) / "pg_receivewal"), *options],
                stderr=out,
                **user.options(self._wal),
            )

    async def take(self) -> None:
        await eventually(self._has_all, lambda: "the write-ahead log is not received")
        self._end_receiver()

    def _end_receiver(self) -> None:
        assert self._receiver is not None
        self._receiver.send_signal(signal.SIGINT)
        assert self._receiver.wait() == 0

    def _has_all(self) -> bool:
        """Whether everything that was committed before is in the received log."""
        found = self._ask(
            "SELECT flush_lsn >= pg_current_wal_flush_lsn() FROM pg_stat_replication"
            " WHERE application_name = 'pg_receivewal'"
        )
        return found == (True,)

    async def restore(self) -> None:
        self._service._database.close()  # it is opened again at its next use
        self._server.stop()
        data = self._server.data_dir / "data"
        shutil.rmtree(data)
        self._base.rename(data)
        shutil.rmtree(data / "wal", ignore_errors=True)  # of an earlier restore
        self._wal.rename(data / "wal")
        with (data / "postgresql.auto.conf").open("a") as file:
            file.write("restore_command = 'cp wal/%f %p || cp wal/%f.partial %p'\n")
            file.writelines(f"{name} = '{value}'\n" for name, value in self._target.items())
        (data / "recovery.signal").touch()
        self._server.start()
        await eventually(
            lambda: self._ask("SELECT pg_is_in_recovery()") == (False,), lambda: "still recovering"
        )
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM RESET restore_command")
            connection.execute("ALTER SYSTEM RESET recovery_target_time")
            connection.execute("ALTER SYSTEM RESET recovery_target_action")

    def _ask(self, query: LiteralString) -> tuple[object, ...] | None:
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            return connection.execute(query).fetchone()


class BeforeDamage(BaseBackup):
    """The same up to a moment: what damaged the database is in the write-ahead log, too."""

    async def take(self) -> None:
        [moment] = self._ask("SELECT clock_timestamp()") or ()
        self._target = {"recovery_target_time": moment, "recovery_target_action": "promote"}

    async def restore(self) -> None:
        self._service._database.close()
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE scserv WITH (FORCE)")
        await eventually(self._has_all, lambda: "the write-ahead log is not received")
        self._end_receiver()
        await super().restore()
