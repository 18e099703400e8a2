"""Each cause for which PostgreSQL can't be used says what it is, on a real server.

The causes that have to do with TLS are in tests/peers/test_postgres_tls.py.
"""

import psycopg
import pytest

from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from tests.fix_service import free_port

PASSWORD = "s3cret-password"


def reason(url: str) -> str:
    """Return what a process says of a database, which is one line without any secret."""
    with pytest.raises(StoreUnavailable) as failed:
        connect(url, "tests")
    said = str(failed.value)
    assert "\n" not in said
    assert PASSWORD not in said
    assert failed.value.__cause__ is None
    return said


def changed(url: str, **parts: str) -> str:
    """Return a URL with other parts."""
    scheme, _, rest = url.partition("://")
    who, _, where = rest.rpartition("@")
    user, _, password = who.partition(":")
    address, _, name = where.partition("/")
    database, _, options = name.partition("?")
    given = {
        "user": user,
        "password": password,
        "address": address,
        "database": database,
        "options": options,
    } | parts
    return "{}://{user}:{password}@{address}/{database}?{options}".format(scheme, **given)


def test_a_wrong_password(database_url: str) -> None:
    said = reason(changed(database_url, password=PASSWORD))
    assert "refuses this user with this password: correct" in said
    assert "SCSERV_DATABASE_URL" in said


def test_no_password(database_url: str) -> None:
    assert "wants a password, and SCSERV_DATABASE_URL has none" in reason(
        changed(database_url, password="")
    )


def test_a_missing_database(database_url: str) -> None:
    assert "has no database of this name: create it" in reason(
        changed(database_url, database="nowhere")
    )


def test_what_an_interrupted_deletion_left_is_no_database(
    database_url: str, conn: psycopg.Connection
) -> None:
    """PostgreSQL marks it first, by `datconnlimit`; a replay of its log may stop in between."""
    conn.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = current_database()")
    try:
        assert "is what an interrupted DROP DATABASE has left: restore a backup" in reason(
            database_url
        )
    finally:
        conn.execute("UPDATE pg_database SET datconnlimit = -1 WHERE datname = current_database()")


def test_another_refusal_of_the_server(database_url: str, conn: psycopg.Connection) -> None:
    conn.execute("UPDATE pg_database SET datallowconn = false WHERE datname = current_database()")
    try:
        assert "refuses the connection: its own log says why" in reason(database_url)
    finally:
        conn.execute(
            "UPDATE pg_database SET datallowconn = true WHERE datname = current_database()"
        )


def test_nothing_listens() -> None:
    said = reason(f"postgresql://user:{PASSWORD}@127.0.0.1:{free_port()}/scserv")
    assert "nothing listens there: start it, or correct host and port" in said


def test_no_host_has_the_name() -> None:
    assert "has an unknown host name: correct the host" in reason(
        f"postgresql://user:{PASSWORD}@nowhere.invalid/scserv"
    )


def test_no_tls_there(database_url: str) -> None:
    assert "has no TLS: switch `ssl` on there" in reason(
        changed(database_url, options="sslmode=require")
    )
