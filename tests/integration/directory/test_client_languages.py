"""Languages come from a table; an import of the directory leaves them as they are."""

from pathlib import Path

import psycopg
import pytest

from inbound.cli._client_import import run_import
from inbound.directory.client_languages import (
    LANGUAGE_COLUMNS,
    ClientLanguage,
    read_languages,
    set_languages,
)
from inbound.errors import SetupError
from inbound.tables.reader import open_table
from inbound.terminal import Terminal
from tests.fix_store import SUBJECT_KEY, VAULT_KEY

HEADER = "msisdn,client_id,personal_code,login,password"


def languages_in(folder: Path, *lines: str) -> list[ClientLanguage]:
    path = folder / "languages.csv"
    path.write_text("\n".join(("client_id;язык", *lines)), encoding="utf-8")
    with open_table(path, LANGUAGE_COLUMNS) as table:
        return list(read_languages(table.rows()))


def import_client(folder: Path, database_url: str, password: str) -> None:
    clients = folder / "clients.csv"
    clients.write_text(f"{HEADER}\n+79161234567,C-1,1,l,{password}", encoding="utf-8")
    quiet = Terminal(quiet=True)
    assert run_import(clients, database_url, SUBJECT_KEY, VAULT_KEY, quiet) == 0


def test_a_language_outlasts_the_next_import(
    tmp_path: Path, database_url: str, conn: psycopg.Connection
) -> None:
    def language() -> object:
        (found,) = conn.execute("SELECT language FROM clients").fetchall()
        return found[0]

    import_client(tmp_path, database_url, "first")
    assert language() is None
    assert set_languages(conn, languages_in(tmp_path, "C-1;Английский", "C-2;ru")) == (1, 1)
    assert language() == "en"
    import_client(tmp_path, database_url, "second")
    assert language() == "en"
    assert set_languages(conn, languages_in(tmp_path, "C-1;")) == (1, 0)
    assert language() is None


def test_all_unclear_rows_are_named_and_nothing_is_loaded(
    tmp_path: Path, database_url: str, conn: psycopg.Connection
) -> None:
    import_client(tmp_path, database_url, "first")
    with pytest.raises(SetupError) as refused:
        set_languages(conn, languages_in(tmp_path, "C-1;en", ";ru", "C-1;de"))
    assert "row 3: client_id is empty; row 4: language has to be" in str(refused.value)
    assert conn.execute("SELECT language FROM clients").fetchone() == (None,)


def test_many_unclear_rows_are_counted(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"row 21: .*; and 30 more rows; nothing was loaded"):
        languages_in(tmp_path, *(["C-1;de"] * 50))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [("C-1;de", "row 3: language has to be ru, en or empty"), (";ru", "row 3: client_id is empty")],
)
def test_an_unclear_row_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint) as refused:
        languages_in(tmp_path, "C-2;ru", line)
    assert "de" not in str(refused.value).split()
