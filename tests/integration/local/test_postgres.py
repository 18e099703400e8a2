import socket
import stat
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from inbound.errors import SetupError
from inbound.local.servers.postgres import PostgresServer
from tests.fix_servers import SharedPostgres
from tests.integration.local.leftover import leave_behind, runs
from tests.patience import PATIENCE_S
from tests.service.waiting import eventually_blocking


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgresServer]:
    server = PostgresServer(tmp_path / "postgres")
    yield server
    server.stop()


def test_what_is_committed_survives_a_kill_and_the_address_stays(server: PostgresServer) -> None:
    server.start()
    url = server.url()
    with psycopg.connect(url) as connection:
        connection.execute("create table kept (n int)")
        connection.execute("insert into kept values (7)")
    server.kill()
    server.start()
    assert server.url() == url
    with psycopg.connect(url) as connection:
        assert connection.execute("select n from kept").fetchall() == [(7,)]


def test_the_durability_of_production(server: PostgresServer) -> None:
    with psycopg.connect(server.start().url()) as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(f"show {setting}").fetchone() == ("on",)


def test_password_is_required(postgres_server: SharedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(postgres_server.url(), password="guess")
    password = postgres_server.data_dir / "password"
    assert stat.S_IMODE(password.stat().st_mode) == 0o600
    assert stat.S_IMODE(postgres_server.data_dir.stat().st_mode) == 0o700


def test_a_program_that_took_the_port_is_not_sent_the_password(
    postgres_server: SharedPostgres,
) -> None:
    # AuthenticationCleartextPassword (protocol 3.0, message formats)
    asking, received = b"R\0\0\0\x08\0\0\0\x03", []

    def pretend(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as requests:
            (size,) = struct.unpack(">i", requests.read(4))
            received.append(requests.read(size - 4))
            connection.sendall(asking)
            received.append(requests.read())

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=pretend, args=(server,))
        thread.start()
        with pytest.raises(psycopg.OperationalError, match="scram-sha-256"):
            psycopg.connect(
                postgres_server.url(), port=server.getsockname()[1], sslmode="disable",
                gssencmode="disable",
            )  # fmt: skip
        thread.join(PATIENCE_S)
    password = (postgres_server.data_dir / "password").read_bytes().strip()
    assert b"scserv" in received[0]
    assert password not in b"".join(received)


def test_an_error_brings_no_personal_data_into_the_log(
    postgres_server: SharedPostgres, empty_database_url: str
) -> None:
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("create table people (number text primary key)")
        connection.execute("insert into people values ('+79086228779')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("insert into people values ('+79086228779')")
    # A thread copies the server's output into the log.
    eventually_blocking(
        lambda: "duplicate key value" in postgres_server.log.read_text(), "the error in the log"
    )
    assert "79086228779" not in postgres_server.log.read_text()


def test_a_stranger_puts_nothing_raw_into_the_log(server: PostgresServer) -> None:
    hostile = "\x1b]0;owned\x07\x9b2J\u202e\nLOG:  forged"
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.start().url(), user=hostile)
    server.stop()
    lines = server.log.read_text().split("\n")
    assert any("\\u001b]0;owned\\u0007" in line for line in lines)
    assert all(line.replace("\t", "").isprintable() for line in lines)
    assert not any(line.startswith("LOG:  forged") for line in lines)


def test_leftover_server_of_a_killed_parent_is_replaced(server: PostgresServer) -> None:
    leftover = leave_behind(
        "inbound.local.servers.postgres", "PostgresServer", str(server.data_dir)
    )
    assert psutil.Process(leftover).name() == "postgres"
    server.start()
    assert server.pid != leftover
    assert not runs(leftover)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_folder_in_use_is_left_alone(postgres_server: SharedPostgres) -> None:
    with pytest.raises(SetupError, match="is in use by process"):
        PostgresServer(postgres_server.data_dir).start()
    with psycopg.connect(postgres_server.url()) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_starting_twice_is_an_error_and_changes_nothing(server: PostgresServer) -> None:
    pid = server.start().pid
    with pytest.raises(SetupError, match="is running already"):
        server.start()
    assert server.pid == pid


def test_a_port_in_use_stops_the_start_and_frees_the_folder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = PostgresServer(tmp_path / "postgres", taken.getsockname()[1])
        for _ in range(2):
            with pytest.raises(SetupError, match=r"PostgreSQL: port .* is in use"):
                server.start()
    with server:
        assert server.pid is not None


def test_a_setting_postgres_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    server = PostgresServer(tmp_path / "postgres", settings={"max_connections": "many"})
    with pytest.raises(SetupError, match=r'did not start: .*"max_connections": "many"'):
        server.start()
