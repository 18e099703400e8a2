"""Open cases come from a table, replace each other, and reach the decision about `CLIENT info`."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from click.testing import CliRunner

from inbound.cli import scserv
from inbound.cli._client_import import run_import
from inbound.directory.open_cases import (
    CASE_COLUMNS,
    LoadedCases,
    OpenCase,
    read_cases,
    replace_cases,
)
from inbound.directory.postgres import PostgresDirectory
from inbound.errors import SetupError
from inbound.tables.reader import open_table
from inbound.terminal import Terminal
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

NUMBER = "+79161234567"
MOSCOW = ZoneInfo("Europe/Moscow")


def cases_in(folder: Path, *lines: str) -> list[OpenCase]:
    path = folder / "cases.csv"
    path.write_text("\n".join(("client_id;case_open_until", *lines)), encoding="utf-8")
    with open_table(path, CASE_COLUMNS) as table:
        return list(read_cases(table.rows(), MOSCOW))


def load(
    connection: psycopg.Connection, cases: list[OpenCase], *, allow_none: bool = False,
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC),
) -> LoadedCases:  # fmt: skip
    return replace_cases(connection, cases, now=now, name="cases.csv", allow_none=allow_none)


async def test_a_load_replaces_the_one_before(tmp_path: Path, database_url: str) -> None:
    clients = tmp_path / "clients.csv"
    clients.write_text(
        f"msisdn,client_id,personal_code,login,password\n{NUMBER},C-1,1,l,p", encoding="utf-8"
    )
    quiet = Terminal(quiet=True)
    assert run_import(clients, database_url, SUBJECT_KEY, VAULT_KEY, quiet) == 0
    directory = PostgresDirectory(database_url, SUBJECT_KEY, VAULT_KEY)
    try:
        with psycopg.connect(database_url, autocommit=True) as connection:
            first = cases_in(tmp_path, "C-1;2026-01-31T18:00", "C-2;2026-01-31T18:00+00:00")
            loaded = load(connection, first, now=datetime(2026, 1, 31, 17, tzinfo=UTC))
            assert loaded == LoadedCases(clients=1, unknown=1, closed=1, before=0)
            found = (await directory.registrations([NUMBER]))[NUMBER]
            assert found.case_open_until == datetime(2026, 1, 31, 15, tzinfo=UTC)
            with pytest.raises(
                SetupError, match=r"cases.csv has no case, .* all 2; .* Add --withdraw-all"
            ):
                load(connection, cases_in(tmp_path))
            assert (await directory.registrations([NUMBER]))[NUMBER].case_open_until is not None
            loaded = load(connection, cases_in(tmp_path, "C-2;2026-02-01"))
            assert loaded == LoadedCases(clients=0, unknown=1, closed=0, before=2)
            assert (await directory.registrations([NUMBER]))[NUMBER].case_open_until is None
            assert load(connection, [], allow_none=True).before == 1
    finally:
        await directory.close()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("C-1;soon", "row 2: case_open_until is no time like"),
        (";2026-01-31", "row 2: client_id is empty"),
        ("C-1", "row 2: 1 fields, but the header has 2"),
        ("C-1;9999-12-31T23:59-23:59", "row 2: case_open_until is no time like"),
        ("1,5E+3;2026-01-31", "row 2: client_id is in scientific notation"),
    ],
)
def test_an_unclear_row_loads_nothing(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason.replace("+", r"\+")):
        cases_in(tmp_path, line)


def test_every_unclear_row_is_named(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"row 2: .*; row 4: .*; nothing was loaded"):
        cases_in(tmp_path, "C-1;soon", "C-2;2026-01-31", ";2026-01-31")


def test_the_command_takes_a_file_that_calls_its_columns_otherwise(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCSERV_DATABASE_URL", database_url)
    (file := tmp_path / "cases.csv").write_text("Клиент|Срок\nC-1|2099-01-31\n", "cp1251")
    options = ["--map", "client_id=Клиент", "--map", "case_open_until=#B"]
    options += ("--encoding", "windows-1251", "--separator", "|")
    ran = CliRunner().invoke(scserv, ["clients", "cases", str(file), *options])
    assert ran.output == (
        "loaded: 0 clients with an open case, instead of 0\n"
        "of no client: 1 id, which will count when such a client is imported\n"
    )
    file.write_text("client_id,case_open_until\n")
    ran = CliRunner().invoke(scserv, ["clients", "cases", str(file)])
    assert "would withdraw all 1" in str(ran.exception)
    ran = CliRunner().invoke(scserv, ["clients", "cases", str(file), "--withdraw-all"])
    assert ran.output == "loaded: 0 clients with an open case, instead of 1\n"
