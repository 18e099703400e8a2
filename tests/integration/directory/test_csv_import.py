"""`scserv clients import` on a real database: all of a file or nothing, and secrets stay secret."""

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from rich.console import Console

from inbound.cli.clients import run_import
from inbound.directory.csv_lines import GoodLine
from inbound.directory.postgres import PostgresDirectory
from inbound.errors import SetupError
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

HEADER = "msisdn,client_id,personal_code,login,password"
APPLICATION = "scserv clients import"

IMPORTS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = %s"
WAITING_IMPORTS = IMPORTS + " AND wait_event_type = 'Lock'"
KILL = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s
"""

IMPORT = """
import sys
from pathlib import Path
from rich.console import Console
from inbound.cli.clients import run_import
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
sys.exit(run_import(Path(sys.argv[1]), sys.argv[2], SUBJECT_KEY, VAULT_KEY, Console()))
"""


class Importer:
    """Writes a file, imports it, and keeps what was printed."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.path = folder / "clients.csv"
        self.printed = ""

    def __call__(self, *lines: str, header: str = HEADER, vault_key: bytes = VAULT_KEY) -> int:
        self.path.write_text("\n".join((header, *lines)), encoding="utf-8")
        out = io.StringIO()
        try:
            return run_import(
                self.path, self.url, SUBJECT_KEY, vault_key, Console(file=out, width=60)
            )
        finally:
            self.printed = out.getvalue()


@pytest.fixture
def importer(database_url: str, tmp_path: Path) -> Importer:
    return Importer(database_url, tmp_path)


def client(number: int, password: str = "1a2b3c4d") -> str:  # noqa: S107  nobody's
    return f"+7916{number:07},C-{number},1234,ivanov,{password}"


def stored(conn: psycopg.Connection) -> int:
    row = conn.execute("SELECT count(*) FROM clients").fetchone()
    assert row is not None
    return int(row[0])


def test_counts_of_added_updated_unchanged_and_refused(
    importer: Importer, conn: psycopg.Connection
) -> None:
    assert importer(client(1), client(2)) == 0
    assert "2 added, 0 updated, 0 unchanged, 0 refused" in importer.printed
    before = conn.execute("SELECT ctid, * FROM clients ORDER BY client_id").fetchall()
    assert importer(client(1), client(2, "changed"), client(3), "no client at all") == 0
    assert "1 added, 1 updated, 1 unchanged, 1 refused" in importer.printed
    after = conn.execute("SELECT ctid, * FROM clients ORDER BY client_id").fetchall()
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert len(after) == 3


def test_bad_lines_are_reported_and_the_others_loaded(
    importer: Importer, conn: psycopg.Connection
) -> None:
    assert importer(client(1), "+74951234567,C,1,a,CANARY", client(2, "x" * 65)) == 0
    assert "line 3, +7495*****67: msisdn: not a valid mobile number\n" in importer.printed
    assert "line 4, +7916*****02: password: longer than 64 characters\n" in importer.printed
    assert "CANARY" not in importer.printed
    assert stored(conn) == 1


def test_second_line_with_a_number_names_the_first(
    importer: Importer, conn: psycopg.Connection
) -> None:
    other = client(1, "CANARY").replace("+7916", "8 (916) ")
    assert importer(client(2), client(1), other, client(1)) == 0
    first = "the same number is on line 3"
    assert f"line 4, +7916*****01: msisdn: {first}\n" in importer.printed
    assert f"line 5, +7916*****01: msisdn: {first}\n" in importer.printed
    assert "2 added, 0 updated, 0 unchanged, 2 refused" in importer.printed
    assert "CANARY" not in importer.printed
    assert importer(client(1)) == 0
    assert "1 unchanged" in importer.printed
    assert stored(conn) == 2


def test_file_of_nothing_but_bad_lines_fails(importer: Importer) -> None:
    assert importer("a,b", "c,d") == 1
    assert importer() == 0


async def test_vault_key_of_another_database_is_refused(importer: Importer) -> None:
    importer(client(1))
    with pytest.raises(SetupError, match="SCSERV_VAULT_KEY does not fit this database"):
        importer(client(2), vault_key=bytes(32))
    directory = PostgresDirectory(importer.url, SUBJECT_KEY, VAULT_KEY)
    assert await directory.known(["+79160000001", "+79160000002"]) == {"+79160000001"}
    await directory.close()


def test_nothing_is_stored_in_the_clear(importer: Importer, conn: psycopg.Connection) -> None:
    importer("+79160000001,C-1,CANARY1,CANARY2,CANARY3")
    with conn.cursor() as cursor, cursor.copy("COPY clients TO STDOUT (FORMAT binary)") as copy:
        table = b"".join(bytes(chunk) for chunk in copy)
    assert b"C-1" in table
    assert b"CANARY" not in table
    assert b"9160000001" not in table


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_missing_file_is_one_clear_error(importer: Importer, tmp_path: Path, name: str) -> None:
    with pytest.raises(SetupError, match="does not exist or is not a file"):
        run_import(tmp_path / name, importer.url, SUBJECT_KEY, VAULT_KEY, Console())


def test_error_at_the_end_of_a_file_leaves_the_clients_as_they_were(
    importer: Importer, conn: psycopg.Connection
) -> None:
    importer(client(1))
    lines = "\n".join((HEADER, client(1, "changed"), client(2)))
    importer.path.write_bytes(lines.encode() + b"\n\xff")
    with pytest.raises(SetupError, match="line 4, byte 1 is 0xFF"):
        run_import(importer.path, importer.url, SUBJECT_KEY, VAULT_KEY, Console())
    assert stored(conn) == 1


def test_database_without_tables_says_to_migrate(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="run `scserv migrate`"):
        Importer(empty_database_url, tmp_path)(client(1))


@pytest.fixture
def holder(database_url: str) -> Iterator[psycopg.Connection]:
    """Keeps an import from merging until its transaction ends."""
    with connect(database_url, "holder") as holder:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE clients IN ROW EXCLUSIVE MODE")
        yield holder


@pytest.fixture
def halfway(
    holder: psycopg.Connection, importer: Importer, conn: psycopg.Connection
) -> Iterator[subprocess.Popen[bytes]]:
    """An import as a process, all lines read and waiting for `holder` in front of the merge."""
    lines = (HEADER, *(client(n) for n in range(2000)))
    importer.path.write_text("\n".join(lines), encoding="utf-8")
    command = [sys.executable, "-c", IMPORT, str(importer.path), importer.url]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while conn.execute(WAITING_IMPORTS, [APPLICATION]).fetchone() != (1,):
            assert process.poll() is None
        yield process


@pytest.mark.parametrize("how", ["process", "connection", "not at all"])
def test_import_that_is_killed_in_the_middle_loaded_nothing(
    halfway: subprocess.Popen[bytes],
    holder: psycopg.Connection,
    conn: psycopg.Connection,
    how: str,
) -> None:
    if how == "process":
        halfway.kill()
    elif how == "connection":
        conn.execute(KILL, [APPLICATION])
    holder.execute("ROLLBACK")
    assert (halfway.wait() == 0) == (how == "not at all")
    while conn.execute(IMPORTS, [APPLICATION]).fetchone() != (0,):
        pass  # the server still has to notice; then nothing can be committed any more
    assert stored(conn) == (2000 if how == "not at all" else 0)


def test_connection_lost_while_reading_is_retryable(
    importer: Importer, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inbound.directory import csv_import

    rows = 0
    whole = csv_import._row

    def cut(line: GoodLine, keys: csv_import.ImportKeys) -> tuple[object, ...]:
        nonlocal rows
        rows += 1
        if rows == 500:
            conn.execute(KILL, [APPLICATION])
        return whole(line, keys)

    monkeypatch.setattr(csv_import, "_row", cut)
    with pytest.raises(StoreUnavailable):
        importer(*(client(n) for n in range(1000)))
    assert stored(conn) == 0
