"""What an import shows before it writes: everything that it understood, and no secret."""

import io
from pathlib import Path

import pytest

from inbound.cli._table_view import print_understood
from inbound.directory.client_rows import CLIENT_COLUMNS, MSISDN
from inbound.errors import SetupError
from inbound.tables.model import Choices
from inbound.tables.reader import open_table
from inbound.terminal import Terminal
from tests.unit.tables.worlds import saved


def shown(path: Path, **choices: tuple[tuple[str, str], ...]) -> list[str]:
    """Return the lines that are printed."""
    out = io.StringIO()
    with open_table(path, CLIENT_COLUMNS, Choices(**choices)) as table:  # type: ignore[arg-type]
        print_understood(Terminal(file=out, width=100), path.name, table.understood, {MSISDN})
    return [line.rstrip() for line in out.getvalue().splitlines()]


def test_file_columns_and_first_three_rows(tmp_path: Path) -> None:
    rows = "".join(f"CANARY{n};+7916123456{n};;CANARY;C-{n};x\n" for n in range(5))
    header = "Пароль;Телефон;Персональный код;Логин;Код клиента;Адрес\n"
    lines = shown(saved(tmp_path, header + rows, "cp1251"))
    assert lines[1].startswith("encoding          windows-1251 (gives the names of the columns;")
    assert lines == [
        "file              table.csv, CSV",
        lines[1],
        "separator         semicolon",
        "column names      in line 1",
        "  msisdn          B “Телефон”",
        "  client_id       E “Код клиента”",
        "  personal_code   C “Персональный код”",
        "  login           D “Логин”",
        "  password        A “Пароль”",
        "  not read        F “Адрес”",
        "",
        "line  msisdn        client_id  personal_code  login  password",
        "   2  +7916*****60  ***        (empty)        ***    ***",
        "   3  +7916*****61  ***        (empty)        ***    ***",
        "   4  +7916*****62  ***        (empty)        ***    ***",
        "",
    ]


def test_number_in_a_wrong_column_is_masked(tmp_path: Path) -> None:
    mapping = tuple(
        zip([c.name for c in CLIENT_COLUMNS], ("#A", "#B", "#C", "#D", "#E"), strict=True)
    )
    lines = shown(saved(tmp_path, "CANARY,+79161234567,a,b,c\n"), mapping=mapping)
    assert "column names      none, so the first line is data too" in lines
    assert "   1  ***     +7916*****67  ***            ***    ***" in lines


def test_password_in_the_column_of_client_ids_is_not_shown(tmp_path: Path) -> None:
    text = "msisdn,password,personal_code,login,client_id\n+79161234567,C-1,1,a,CANARY-1\n"
    assert "C***1" in shown(saved(tmp_path, text))[-2]


def test_names_of_files_and_sheets_do_not_steer_a_terminal(tmp_path: Path) -> None:
    header = ",".join(column.name for column in CLIENT_COLUMNS)
    path = saved(tmp_path, f"{header},\x1b[2J\u202e\n", name="\x1b[31m\u202ex.csv")
    printed = "".join(shown(path))
    assert "\x1b" not in printed
    assert "\u202e" not in printed


@pytest.mark.parametrize("missing", [column.name for column in CLIENT_COLUMNS])
@pytest.mark.parametrize("number", ["+79161234567", "7916"])
def test_row_that_looks_like_names_is_no_header(tmp_path: Path, missing: str, number: str) -> None:
    """One place is forgotten, and the first client has the login "user", or whatever is needed."""
    names = [column.name for column in CLIENT_COLUMNS]
    row = [number, "CANARY1", "CANARY2", "CANARY3", "CANARY4"]
    row[names.index(missing)] = missing
    mapping = tuple((n, f"#{i + 1}") for i, n in enumerate(names) if n != missing)
    with pytest.raises(SetupError, match="none of the first 20 lines names") as caught:
        shown(saved(tmp_path, ",".join(row) + "\n" + ",".join(row)), mapping=mapping)
    assert "CANARY" not in str(caught.value)


def test_table_without_rows(tmp_path: Path) -> None:
    header = ",".join(column.name for column in CLIENT_COLUMNS)
    assert shown(saved(tmp_path, header))[-1] == "The table has no rows."
