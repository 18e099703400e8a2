"""`scserv clients import` on a real database: all of a file or nothing, and secrets stay secret."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from inbound.cli._client_import import run_import
from inbound.directory.client_rows import ClientRow
from inbound.directory.postgres import PostgresDirectory
from inbound.errors import SetupError
from inbound.store.connections import connect
from inbound.store.errors import StoreUnavailable
from inbound.terminal import Terminal
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
from tests.integration.directory.importing import HEADER, Importer, client, stored
from tests.service.waiting import eventually_blocking

APPLICATION = "scserv clients import"
IMPORTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database()
"""
WAITING_IMPORTS = IMPORTS + " AND wait_event_type = 'Lock'"
KILL = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE application_name = %s AND datname = current_database()
"""
IMPORT = """
import sys
from pathlib import Path
from inbound.terminal import Terminal
from inbound.cli.clients import ImportOptions, run_import
from tests.fix_store import SUBJECT_KEY, VAULT_KEY
sys.exit(run_import(Path(sys.argv[1]), sys.argv[2], SUBJECT_KEY, VAULT_KEY, Terminal()))
"""


@pytest.fixture
def importer(database_url: str, tmp_path: Path) -> Importer:
    return Importer(database_url, tmp_path)


def test_counts_of_added_updated_unchanged_and_rejected(
    importer: Importer, conn: psycopg.Connection
) -> None:
    assert importer(client(1), client(2)) == 0
    assert "2 added, 0 updated, 0 unchanged, 0 rejected" in importer.printed
    before = conn.execute("SELECT ctid, * FROM clients ORDER BY client_id").fetchall()
    assert importer(client(1), client(2, "changed"), client(3), "no client at all") == 0
    assert "1 added, 1 updated, 1 unchanged, 1 rejected" in importer.printed
    after = conn.execute("SELECT ctid, * FROM clients ORDER BY client_id").fetchall()
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert len(after) == 3


def test_exact_copies_of_a_row_count_once(importer: Importer, conn: psycopg.Connection) -> None:
    assert importer(client(1), client(2), client(1), client(1)) == 0
    assert "2 added, 0 updated, 0 unchanged, 0 rejected, 2 exact copies" in importer.printed
    assert stored(conn) == 2


def test_check_changes_nothing_and_leaves_no_file(
    importer: Importer, conn: psycopg.Connection
) -> None:
    importer(client(1))
    assert importer(client(1, "changed"), client(2), "a,b", check_only=True) == 0
    assert "would be 1 added, 1 updated, 0 unchanged, 1 rejected" in importer.printed
    assert stored(conn) == 1
    assert [path.name for path in importer.path.parent.iterdir()] == ["clients.csv"]


def test_import_that_a_person_declines_changes_nothing(
    importer: Importer, conn: psycopg.Connection
) -> None:
    asked: list[str] = []

    def decline() -> bool:
        asked.append("asked")
        return False

    assert importer(client(1), "a,b", confirm=decline) == 1
    assert asked == ["asked"]
    assert "would be 1 added, 0 updated, 0 unchanged, 1 rejected" in importer.printed
    assert "Nothing was imported" in importer.printed
    assert stored(conn) == 0
    assert [path.name for path in importer.path.parent.iterdir()] == ["clients.csv"]


def test_import_that_a_person_confirms_shows_its_rows_once(
    importer: Importer, conn: psycopg.Connection
) -> None:
    assert importer(client(1), "a,b", confirm=lambda: True) == 0
    assert importer.printed.count("line 3, ") == 1
    assert "clients.csv: 1 added, 0 updated, 0 unchanged, 1 rejected" in importer.printed
    assert stored(conn) == 1


def test_change_of_owner_needs_a_decision_of_its_own(
    importer: Importer, conn: psycopg.Connection
) -> None:
    importer(client(1), client(2), client(3))
    swapped = client(1).replace("C-1", "C-2"), client(2).replace("C-2", "C-1")
    more = client(7).replace("C-7", "C-3")
    assert importer(*swapped, client(3, "changed"), more, client(8)) == 0
    assert "1 added, 1 updated, 0 unchanged, 3 rejected" in importer.printed
    assert (
        "line 2, +7916*****01: client_id: the number belongs to another client_id\n"
        in importer.printed
    )
    assert "+7916*****07: client_id: the client_id already has another number" in importer.printed
    assert "2 × the number belongs to another client_id; 1 × " in importer.printed
    assert importer(*swapped, more, allow_moves=True) == 0
    assert "1 added, 2 updated, 0 unchanged, 0 rejected" in importer.printed
    assert "(allowed)" in importer.printed
    assert "2 × the number belongs to another client_id; 1 × " in importer.printed
    assert importer(*swapped, more) == 0
    assert "0 added, 0 updated, 3 unchanged, 0 rejected" in importer.printed
    assert stored(conn) == 5


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
        run_import(tmp_path / name, importer.url, SUBJECT_KEY, VAULT_KEY, Terminal())


def test_error_at_the_end_of_a_file_leaves_the_clients_as_they_were(
    importer: Importer, conn: psycopg.Connection
) -> None:
    importer(client(1))
    lines = "\n".join((HEADER, client(1, "changed"), client(2)))
    importer.path.write_bytes(b"\xef\xbb\xbf" + lines.encode() + b"\n\xff")
    with pytest.raises(SetupError, match="line 4 has a byte 0xFF, which is not UTF-8"):
        run_import(importer.path, importer.url, SUBJECT_KEY, VAULT_KEY, Terminal())
    assert stored(conn) == 1


def test_database_without_tables_says_to_migrate(empty_database_url: str, tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="run `scserv migrate`"):
        Importer(empty_database_url, tmp_path)(client(1))


@pytest.fixture
def holder(database_url: str) -> Iterator[psycopg.Connection]:
    """Keeps an import from merging until its transaction ends."""
    with connect(database_url, "holder") as holder:
        holder.execute("SET idle_in_transaction_session_timeout = 0")  # processes start slowly
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

        def is_waiting() -> bool:
            assert process.poll() is None
            return conn.execute(WAITING_IMPORTS, [APPLICATION]).fetchone() == (1,)

        eventually_blocking(is_waiting, "the import waits")
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
    # The server still has to notice; then nothing can be committed any more.
    eventually_blocking(
        lambda: conn.execute(IMPORTS, [APPLICATION]).fetchone() == (0,), "the import has ended"
    )
    assert stored(conn) == (2000 if how == "not at all" else 0)


def test_connection_lost_while_reading_is_retryable(
    importer: Importer, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inbound.directory import client_import

    rows = 0
    whole = client_import._sealed

    def cut(row: ClientRow, keys: client_import.ImportKeys) -> tuple[object, ...]:
        nonlocal rows
        rows += 1
        if rows == 500:
            conn.execute(KILL, [APPLICATION])
        return whole(row, keys)

    monkeypatch.setattr(client_import, "_sealed", cut)
    with pytest.raises(StoreUnavailable):
        importer(*(client(n) for n in range(1000)))
    assert stored(conn) == 0
