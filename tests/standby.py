"""A PostgreSQL primary with a synchronous standby, and its failover, for tests."""

import subprocess
from pathlib import Path
from typing import Any, Final, LiteralString
from urllib.parse import urlsplit

import psycopg

from inbound.local.servers import _system_user
from inbound.local.servers.postgres import PostgresServer
from tests.fix_service import eventually

NAME: Final = "standby"
"""What a standby calls itself at its primary."""

_SYNCHRONOUS: LiteralString = "ALTER SYSTEM SET synchronous_standby_names = 'standby'"
_ALONE: LiteralString = "ALTER SYSTEM SET synchronous_standby_names = ''"
_RELOAD: LiteralString = "SELECT pg_reload_conf()"


def copy_of(primary: PostgresServer, folder: Path) -> PostgresServer:
    """Copy a running primary into a new folder and start the copy as its standby. Blocks."""
    user = _system_user.choose()
    folder.mkdir(mode=0o700, parents=True)
    data = folder / "data"
    data.mkdir(mode=0o700)
    user.give(data)
    there = urlsplit(primary.url("postgres"))
    subprocess.run(
        [
            *(str(_system_user.programs(user) / "pg_basebackup"), "-D", user.name_of(data)),
            *("-d", f"{there.geturl()}&application_name={NAME}"),
            # Not streamed: the copy itself would count as a standby.
            *("--write-recovery-conf", "--wal-method=fetch", "--checkpoint=fast"),
        ],
        check=True,
        capture_output=True,
        **user.options(data),
    )
    (folder / "password").write_text((primary.data_dir / "password").read_text("utf-8"), "utf-8")
    (folder / "password").chmod(0o600)
    return PostgresServer(folder).start()


def both(*servers: PostgresServer, database: str = "scserv", **parameters: str) -> str:
    """Return a URL with several servers; libpq finds the primary among them."""
    urls = [urlsplit(server.url(database)) for server in servers]
    places = ",".join(f"{url.hostname}:{url.port}" for url in urls)
    first = urls[0]
    query = "&".join([first.query, *(f"{name}={value}" for name, value in parameters.items())])
    return f"postgresql://{first.username}:{first.password}@{places}{first.path}?{query}"


async def make_synchronous(primary: PostgresServer) -> None:
    """Let commits wait for the standby; return when it has caught up."""
    for statement in (_SYNCHRONOUS, _RELOAD):
        run(primary, statement)
    state: LiteralString = "SELECT sync_state FROM pg_stat_replication"
    await eventually(
        lambda: run(primary, state) == [("sync",)], lambda: "the standby does not catch up"
    )


def stand_alone(primary: PostgresServer) -> None:
    """Let commits no longer wait for a standby. Blocks."""
    run(primary, _ALONE)
    run(primary, _RELOAD)


def promote(standby: PostgresServer) -> None:
    """Make a standby a primary. Blocks until it takes writes."""
    assert run(standby, "SELECT pg_promote()") == [(True,)]
    stand_alone(standby)


def run(server: PostgresServer, statement: LiteralString) -> list[tuple[Any, ...]]:
    """Run one statement on one server."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []
