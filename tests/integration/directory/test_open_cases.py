"""Open cases come from a table, replace each other, and reach the decision about `CLIENT info`."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from inbound.cli.clients import run_import
from inbound.directory.open_cases import CASE_COLUMNS, OpenCase, read_cases, replace_cases
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
            assert replace_cases(connection, first) == 2
            found = (await directory.registrations([NUMBER]))[NUMBER]
            assert found.case_open_until == datetime(2026, 1, 31, 15, tzinfo=UTC)
            assert replace_cases(connection, cases_in(tmp_path, "C-2;2026-02-01")) == 1
            assert (await directory.registrations([NUMBER]))[NUMBER].case_open_until is None
    finally:
        await directory.close()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("C-1;soon", "row 2: case_open_until is no time like"),
        (";2026-01-31", "row 2: client_id is empty"),
        ("1,5E+3;2026-01-31", "row 2: client_id is in scientific notation"),
    ],
)
def test_an_unclear_row_loads_nothing(tmp_path: Path, line: str, reason: str) -> None:
    with pytest.raises(SetupError, match=reason.replace("+", r"\+")):
        cases_in(tmp_path, line)
